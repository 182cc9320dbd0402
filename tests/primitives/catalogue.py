"""The catalogue of the vocabulary: every operation, under every way of calling it that its rule covers.

A new operation joins by adding its cases here; every test of this folder then applies to it. ``test_coverage.py`` fails
while an operation of the rule table has none.
"""

from __future__ import annotations

from tests.primitives import (
    cases_choosing,
    cases_elementwise,
    cases_indexing,
    cases_methods,
    cases_products,
    cases_reductions,
    cases_shapes,
)
from tests.primitives.case import Case

CASES: list[Case] = [
    *cases_elementwise.CASES,
    *cases_reductions.CASES,
    *cases_products.CASES,
    *cases_shapes.CASES,
    *cases_indexing.CASES,
    *cases_choosing.CASES,
    *cases_methods.CASES,
]
