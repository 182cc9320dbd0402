"""scipy.sparse.linalg: direct solves, recorded as implicit constraints whose factorization is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from adjoint.blocks.sparse_matrix import Coordinates
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.sparse_products import SparseArray, solve_coordinates
from adjoint.tracing import Tracer, here, stacked

__all__ = ["factorized", "spsolve"]


def spsolve(A: Any, b: Any, permc_spec: Any = None, use_umfpack: bool = True) -> Any:
    """As :func:`scipy.sparse.linalg.spsolve`; ``b`` may be traced, and the entries of ``A``.

    Parameters
    ----------
    A : sparse array (n, n)
        SciPy's, or a :class:`adjoint.scipy.sparse.SparseArray` with traced entries.
    b : array (n,) or (n, m)
        Dense.

    Returns
    -------
    array
        Of shape ``(n,)`` for one column, as in SciPy.

    Notes
    -----
    One constraint ``A x - b = 0``. Its LU factorization, made for the value, also gives all derivatives.
    """
    if not scipy.sparse.issparse(b):
        b = stacked(b)
    if not isinstance(A, SparseArray) and type(b) is not Tracer:
        return scipy.sparse.linalg.spsolve(A, b, permc_spec, use_umfpack)
    if scipy.sparse.issparse(b):
        raise UnsupportedArgumentError(f"spsolve with traced entries takes a dense right-hand side: {here()}")
    return _solved(A, b if hasattr(b, "ndim") else np.asarray(b), None)


def factorized(A: Any) -> Callable[[Any], Any]:
    """As :func:`scipy.sparse.linalg.factorized`: a function ``b ↦ A⁻¹ b`` that factorizes once."""
    entries = SparseArray.of(A)
    _check_square(entries.shape)
    where = Coordinates(entries.rows, entries.columns, entries.shape[0])
    return lambda b: _solved(entries, stacked(b), where)


def _solved(A: Any, b: Any, where: Coordinates | None) -> Any:
    _check_square(A.shape)
    if b.ndim not in (1, 2) or b.shape[0] != A.shape[0]:
        raise ValueError(f"matrix dimension mismatch: {A.shape} and a right-hand side of shape {b.shape}: {here()}")
    b = np.reshape(b, (-1,)) if b.ndim == 2 and b.shape[1] == 1 else b
    b = b if b.dtype.kind in "fc" else b.astype(float)
    return solve_coordinates(A, b, where)


def _check_square(shape: tuple[int, ...]) -> None:
    if shape[0] != shape[1]:
        raise ValueError(f"matrix must be square, but has the shape {shape}: {here()}")


def __getattr__(name: str) -> Any:
    return getattr(scipy.sparse.linalg, name)
