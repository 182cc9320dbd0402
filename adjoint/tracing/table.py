"""The rule table: which primitive or handler stands for each NumPy function.

The dictionaries are filled through :mod:`adjoint.tracing.rules` while adjoint is imported, and by users who
register their own rules; tracing only reads them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adjoint.tracing.primitive import Primitive

UFUNCS: dict[Any, Primitive] = {}
"""Ufuncs, called plainly."""

UFUNC_METHODS: dict[tuple[Any, str], Callable[..., Any]] = {}
"""``(ufunc, method)`` → handler ``(ufunc, *inputs, **options)``; ``None`` for any ufunc."""

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
"""Functions of ``__array_function__`` (NumPy's and our kernels) → handler with the same signature."""

METHODS: dict[str, Callable[..., Any]] = {}
"""What the traced value itself hands on: indexing."""
