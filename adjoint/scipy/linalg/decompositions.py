"""LU, eigenvalues, singular values, QR: with SciPy's own arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from adjoint.blocks import Array, Mask
from adjoint.blocks.solve import Triangle
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.eigenvalues import eigh_blocks
from adjoint.primitives.linalg import solve_with
from adjoint.primitives.matrices import (
    below_diagonal,
    filled,
    hermitian_transpose,
    inverse_in_rule,
    left_product,
    right_product,
    sandwich,
)
from adjoint.primitives.several import several
from adjoint.scipy.linalg.calls import finite, recorded, refuse
from adjoint.scipy.linalg.systems import triangular
from adjoint.tracing import Primitive, Tracer, bind, guard, here
from adjoint.tracing.primitive import RESULT, Blocks

# --- LU -------------------------------------------------------------------------------------------


def _lu_value(a: Array) -> Array:
    """``L`` and ``U`` in one matrix, of one whose rows have been exchanged before."""
    return bind(_lu, (a,)) if type(a) is Tracer else linalg.lu_factor(a, check_finite=False)[0]


def _lu_blocks(y: Array, operands: Any, static: Any, parents: Any) -> Blocks:
    """With ``E = L⁻¹ dA U⁻¹``: ``dL = L tril(E, −1)`` and ``dU = triu(E) U``."""
    shape = y.shape
    lower, upper = np.tril(y, -1) + np.eye(shape[-1], dtype=y.dtype), np.triu(y)
    both = sandwich(np.linalg.inv(lower), inverse_in_rule(upper, "linalg.lu_factor"), shape)
    below = below_diagonal(shape)
    rest = Mask(np.tri(shape[-1], k=-1) == 0, shape, shape)
    return [(parents[0], (left_product(lower, shape) @ below + right_product(upper, shape) @ rest) @ both)]


_lu = Primitive("linalg.lu_factor", _lu_value, _lu_blocks, reads=(frozenset({RESULT}),))


def _pivots(a: Any) -> np.ndarray:
    """The exchanges of rows: at other values they must be the same."""
    if type(a) is Tracer:
        return np.asarray(guard(a, _pivots))
    pivots: np.ndarray = linalg.lu_factor(a, check_finite=False)[1]
    return pivots


def _order(pivots: np.ndarray) -> np.ndarray:
    """Which row comes to which place."""
    order = np.arange(len(pivots))
    for k, j in enumerate(pivots):
        order[[k, j]] = order[[j, k]]
    return order


@recorded
def lu_factor(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = finite(check_finite, a)
    if a.ndim != 2 or a.shape[0] != a.shape[1]:
        raise UnsupportedArgumentError(f"linalg.lu_factor of a traced value takes one square matrix: {here()}")
    pivots = _pivots(a)
    return bind(_lu, (a[_order(pivots)],)), pivots


@recorded
def lu_solve(lu_and_piv: Any, b: Any, trans: int = 0, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    lu, pivots = lu_and_piv
    lu, b = finite(check_finite, lu, b)
    order = _order(pivots)
    lower = np.tril(lu, -1) + np.eye(lu.shape[-1], dtype=lu.dtype)
    if trans == 0:
        return triangular(lu, triangular(lower, b[order], True, 0), False, 0)
    return triangular(lower, triangular(lu, b, False, trans), True, trans)[np.argsort(order)]


# --- eigenvalues, singular values, QR, norms ---------------------------------------------------------


def _eigh_value(a: Any, UPLO: str, vectors: bool, driver: str | None) -> Any:
    return eigh(a, lower=UPLO == "L", driver=driver)


_eigh_parts = several("linalg.eigh", _eigh_value, eigh_blocks, reads=(frozenset({RESULT}),))


@recorded
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    if subset_by_value is not None:
        refuse("eigh", "subset_by_value", subset_by_value)
    if type != 1:
        refuse("eigh", "type", type)
    (a,) = finite(check_finite, a)
    if b is None:
        w, v = _standard(a, lower, not eigvals_only, driver)
    else:  # B = L Lᴴ: the matrix L⁻¹ A L⁻ᴴ has the same eigenvalues, and the eigenvectors Lᴴ V
        (b,) = finite(check_finite, b)
        kind = Triangle(lower=True)
        root = np.linalg.cholesky(b) if lower else hermitian_transpose(np.linalg.cholesky(b, upper=True))
        half = solve_with(root, filled(a, lower=lower), kind, False)
        similar = solve_with(root, hermitian_transpose(half), kind, False)
        w, v = _standard(similar, True, not eigvals_only, {"gv": "ev", "gvx": "evx"}.get(driver or "", "evd"))
        v = v if eigvals_only else solve_with(root, v, kind, True)
    if subset_by_index is not None:
        first, last = (int(k) for k in subset_by_index)
        w, v = w[..., first : last + 1], v[..., first : last + 1]
    return w if eigvals_only else (w, v)


def _standard(a: Any, lower: bool, vectors: bool, driver: str | None) -> Any:
    static = {"UPLO": "L" if lower else "U", "vectors": vectors, "driver": driver}
    return _eigh_parts((a,), static, (a.shape[:-1], a.shape), (a.dtype.kind == "c", False))


@recorded
def eigvalsh(a: Any, b: Any = None, **options: Any) -> Any:
    return eigh(a, b, eigvals_only=True, **options)


@recorded
def svd(
    a: Any,
    full_matrices: Any = True,
    compute_uv: Any = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    if lapack_driver != "gesdd":
        refuse("svd", "lapack_driver", lapack_driver)
    (a,) = finite(check_finite, a)
    found = np.linalg.svd(a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


@recorded
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    return svd(a, compute_uv=False, check_finite=check_finite)


@recorded
def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: int | None = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    if pivoting:
        refuse("qr", "pivoting", pivoting)
    if mode not in ("full", "economic", "r"):
        if mode == "raw":
            refuse("qr", "mode", mode)
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    (a,) = finite(check_finite, a)
    if mode != "r":
        return tuple(np.linalg.qr(a, "complete" if mode == "full" else "reduced"))
    r: Any = np.linalg.qr(a, "r")
    below = np.zeros((*a.shape[:-2], a.shape[-2] - r.shape[-2], a.shape[-1]), a.dtype)
    return (np.concatenate([r, below], axis=-2),)


@recorded
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:
    (a,) = finite(check_finite, a)
    found = np.linalg.norm(a, ord, axis, keepdims)
    plain = axis is None and not keepdims
    doubles: dict[int, tuple[Any, ...]] = {1: (None, 2), 2: (1, np.inf)}  # those SciPy leaves to BLAS
    return found.astype(np.float64) if plain and ord in doubles.get(a.ndim, ()) else found
