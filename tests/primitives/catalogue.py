"""The catalogue of the vocabulary: every operation, under every way of calling it that its rule covers.

A new operation joins by adding its cases here; every test of this folder then applies to it. ``test_coverage.py`` fails
while an operation of the rule table has none.
"""

from __future__ import annotations

from tests.primitives import (
    cases_choosing,
    cases_copies,
    cases_differences,
    cases_elementwise,
    cases_fft,
    cases_indexing,
    cases_linalg,
    cases_methods,
    cases_padding,
    cases_polynomials,
    cases_products,
    cases_reductions,
    cases_shapes,
    cases_sorting,
    cases_spacing,
    cases_special,
    cases_special_parameters,
    cases_statistics,
    cases_ufunc_methods,
    cases_writing,
)
from tests.primitives.case import Case

CASES: list[Case] = [
    *cases_elementwise.CASES,
    *cases_reductions.CASES,
    *cases_products.CASES,
    *cases_linalg.CASES,
    *cases_shapes.CASES,
    *cases_indexing.CASES,
    *cases_choosing.CASES,
    *cases_copies.CASES,
    *cases_padding.CASES,
    *cases_sorting.CASES,
    *cases_spacing.CASES,
    *cases_statistics.CASES,
    *cases_ufunc_methods.CASES,
    *cases_differences.CASES,
    *cases_fft.CASES,
    *cases_polynomials.CASES,
    *cases_methods.CASES,
    *cases_writing.CASES,
    *cases_special.CASES,
    *cases_special_parameters.CASES,
]
