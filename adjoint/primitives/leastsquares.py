"""Least squares, pseudoinverses and ranks.

The formulas hold for matrices of any rank, as long as the rank stays the same nearby; where it changes, these functions
jump, and have no derivative. Reference: G. H. Golub and V. Pereyra, *The differentiation of pseudo-inverses and
nonlinear least squares problems whose variables separate*, SIAM J. Numer. Anal. 10 (1973), equation 4.12.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Identity, Shape
from adjoint.primitives.matrices import (
    adjoined,
    as_array,
    filled,
    hermitian_transpose,
    inexact,
    left_product,
    negative,
    right_product,
    sandwich,
)
from adjoint.tracing import Primitive, Tracer, bind, guard, handles
from adjoint.tracing.primitive import RESULT, Blocks, Static, no_blocks


def _off_the_range(p: Array, a: Array, shape: Shape) -> Block:
    """``V ↦ V (I − A A⁺)``."""
    return Identity(shape) + negative(right_product(p, (*shape[:-1], a.shape[-1])) @ right_product(a, shape))


def _in_the_kernel(p: Array, a: Array, shape: Shape) -> Block:
    """``V ↦ (I − A⁺ A) V``."""
    return Identity(shape) + negative(left_product(p, (*shape[:-2], a.shape[-2], shape[-1])) @ left_product(a, shape))


def _gram(p: Array, shape: Shape) -> Block:
    """``V ↦ A⁺ A⁺ᴴ V``."""
    return left_product(p, (*shape[:-2], p.shape[-1], shape[-1])) @ left_product(hermitian_transpose(p), shape)


def _pinv_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``dP = −P dA P + P Pᴴ dAᴴ (I − A P) + (I − P A) dAᴴ Pᴴ P``."""
    (a,) = operands
    flip = adjoined(a.shape, complex=a.dtype.kind == "c")
    shape = flip.out_shape
    square = (*shape[:-1], shape[-2])
    right = right_product(y, square) @ right_product(hermitian_transpose(y), shape)
    turned = _gram(y, shape) @ _off_the_range(y, a, shape) + _in_the_kernel(y, a, shape) @ right
    return [(parents[0], negative(sandwich(y, y, a.shape)) + turned @ flip)]


def _pinv_value(a: Array, options: dict[str, Any]) -> Array:
    return np.linalg.pinv(a, **options)


_pseudoinverse = Primitive("linalg.pinv", _pinv_value, _pinv_blocks, reads=(frozenset({0, RESULT}),))


@handles(np.linalg.pinv)
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue) -> Any:
    """Singular values below the tolerance are 0, and stay so."""
    a = inexact(a)
    options = {"rcond": _constant(rcond), "rtol": _constant(rtol), "hermitian": bool(hermitian)}
    if hermitian:  # one triangle is read
        a = filled(a, lower=True)
    return bind(_pseudoinverse, (a,), {"options": options})


def _constant(x: Any) -> Any:
    return guard(x, np.asarray) if type(x) is Tracer else x


def _lstsq_value(a: Array, b: Array, rcond: float) -> Array:
    return np.linalg.lstsq(a, b, rcond)[0]


def _lstsq_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``dx = P (db − dA x) + P Pᴴ dAᴴ (b − A x) + (I − P A) dAᴴ Pᴴ x``."""
    a, b = operands
    p = np.linalg.pinv(a, static["rcond"])
    result: Blocks = []
    if parents[0] >= 0:
        flip = adjoined(a.shape, complex=a.dtype.kind == "c")
        turned = _gram(p, y.shape) @ right_product(b - a @ y, flip.out_shape)
        turned = turned + _in_the_kernel(p, a, y.shape) @ right_product(hermitian_transpose(p) @ y, flip.out_shape)
        result.append((parents[0], negative(sandwich(p, y, a.shape)) + turned @ flip))
    if parents[1] >= 0:
        result.append((parents[1], left_product(p, b.shape)))
    return result


_least_squares = Primitive("linalg.lstsq", _lstsq_value, _lstsq_blocks)


@handles(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    a, b = inexact(a), inexact(b)
    m, n = a.shape if a.ndim == 2 else (0, 0)
    if a.ndim != 2 or b.ndim not in (1, 2) or b.shape[0] != m:
        np.linalg.lstsq(np.zeros(a.shape), np.zeros(b.shape))  # NumPy complains
    eps = float(np.finfo(np.float64).eps)  # NumPy computes in double precision
    rcond = eps * max(m, n) if rcond is None else float(_constant(rcond))
    rcond = eps if rcond < 0 else rcond
    columns = b if b.ndim == 2 else b[:, None]
    x = bind(_least_squares, (a, columns), {"rcond": rcond})
    s = np.linalg.svdvals(a)
    rank = np.int32(_rank(s, rcond))
    if rank == n and m > n:
        residuals = np.sum(np.abs(columns - a @ x) ** 2, axis=0)
    else:
        residuals = np.zeros(0, np.empty(0, x.dtype).real.dtype)
    return (x if b.ndim == 2 else x[:, 0]), residuals, rank, s


def _rank(s: Any, rcond: float) -> int:
    """How many singular values are above the tolerance: at other values it must be the same."""
    if type(s) is Tracer:
        return int(guard(s, lambda value: _rank(value, rcond)))
    return int(np.sum(s > rcond * np.max(s, initial=0)))


_matrix_rank_primitive = Primitive("linalg.matrix_rank", np.linalg.matrix_rank, no_blocks, discrete=True)


@handles(np.linalg.matrix_rank)
def _matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    static = {"tol": _constant(tol), "hermitian": hermitian, "rtol": _constant(rtol)}
    return bind(_matrix_rank_primitive, (as_array(A),), static)
