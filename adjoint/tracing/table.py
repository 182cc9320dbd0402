"""The rule table: which primitive or handler stands for each NumPy function.

The dictionaries are filled through :mod:`adjoint.tracing.rules` while adjoint is imported, and by users who
register their own rules; tracing only reads them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from adjoint.tracing.primitive import Primitive

UFUNCS: dict[Any, Primitive] = {}
"""Ufuncs, called plainly."""

UFUNC_METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
"""``(ufunc, method)`` → handler ``(ufunc, *inputs, **options)``; ``None`` for any ufunc."""

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""Functions of ``__array_function__`` (NumPy's and our kernels) → handler with the same signature."""

LIKE: dict[Any, Callable[..., Any]] = {}
"""Functions that make arrays, called with ``like=x`` for a traced ``x`` → handler ``(x, *args)``."""

METHODS: dict[str, Callable[..., Any]] = {}
"""What the traced value itself hands on: indexing, writing, products with sparse matrices."""


NOT_DIFFERENTIABLE: dict[Any, str] = {}
"""Functions that take arrays and have no derivative → why. Calling one on a traced value says so."""

NO_RULE_YET: dict[Any, str] = {}
"""Functions that have a derivative which adjoint does not know → why."""

_LATER = {"scipy.special": "adjoint.primitives.special"}
"""Modules whose rules are imported once a traced value meets a function that has none and the module is loaded."""


def load_rules() -> bool:
    """Import the rules that were put off until their module is in use; whether there were any."""
    due = [module for module in _LATER if module in sys.modules]
    own = dict(UFUNCS)  # a rule that a user has registered meanwhile stays
    for module in due:
        import_module(_LATER.pop(module))
    UFUNCS.update(own)
    return bool(due)
