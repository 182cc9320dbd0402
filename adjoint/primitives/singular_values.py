"""Singular values and vectors.

Singular vectors are determined up to a common sign of a pair, or a phase of complex ones. Their derivative moves the
phases of the left ones only: ``Vᴴ dV`` has the diagonal 0. For real matrices it is that of NumPy's vectors; for complex
ones it is right in all functions on which the phases have no influence. The further columns of ``full_matrices=True``
span a subspace, and are moved orthogonally to it: right in all functions of the subspace.

Vectors of equal singular values have no derivative: it is infinite there. That of the values is finite, and a singular
value of 0 has the derivative 0, as ``|x|`` has at 0.

Reference: J. Townsend, *Differentiating the singular value decomposition* (2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Identity, Mask, Shape, Slice, Stacked, Zero
from adjoint.primitives.matrices import (
    RESULT_ONLY,
    adjoined,
    at_least_a_matrix,
    hermitian_transpose,
    imaginary_diagonal,
    inexact,
    left_product,
    negative,
    off_the_range,
    real_diagonal,
    reciprocal_gaps,
    right_product,
    sandwich,
)
from adjoint.primitives.several import parts, several
from adjoint.tracing import handles
from adjoint.tracing.primitive import Blocks, Static


def _svd_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """With ``E = Uᴴ dA V`` and ``F[i, j] = 1 / (s_j² − s_i²)``: ``ds = Re diag E`` and

    ``dU = U (F ∘ (E S + S Eᴴ) + i Im(diag E) S⁻¹) + (I − U Uᴴ) dA V S⁻¹``,
    ``dVᴴ = −(F ∘ (S E + Eᴴ S)) Vᴴ + S⁻¹ Uᴴ dA (I − V Vᴴ)``.
    """
    (a,) = operands
    complex, full = a.dtype.kind == "c", static["full_matrices"]
    m, n = a.shape[-2:]
    k = min(m, n)
    u_shape, s_shape, v_shape = _svd_shapes(a.shape, full)
    u_all, s, vh_all = parts(y, (u_shape, s_shape, v_shape))
    s = np.real(s) if complex else s
    u, vh = u_all[..., :, :k], vh_all[..., :k, :]
    uh, v = hermitian_transpose(u), hermitian_transpose(vh)
    small = (*a.shape[:-2], k, k)
    rotated = sandwich(uh, v, a.shape)
    ds = Mask(s != 0, s_shape, s_shape) @ real_diagonal(small, complex=complex) @ rotated
    if not static["vectors"]:
        return [(parents[0], Stacked(Zero(a.shape, u_shape), ds, Zero(a.shape, v_shape)))]

    row, column = s[..., :, None], s[..., None, :]
    gaps = reciprocal_gaps(s) / np.where(np.eye(k, dtype=bool), s.dtype.type(1), row + column)
    flip = adjoined(small, complex=complex)
    of_row = Diagonal(gaps * row, small, small, guarded=True)
    of_column = Diagonal(gaps * column, small, small, guarded=True)
    turn_u = of_column + of_row @ flip
    if complex:
        turn_u = turn_u + Diagonal(1 / row, small, small, guarded=True) @ imaginary_diagonal(small)
    du = left_product(u, small) @ turn_u @ rotated
    dvh = negative(right_product(vh, small) @ (of_row + of_column @ flip) @ rotated)
    if m > k:
        tall = (*a.shape[:-2], m, k)
        per_column = Diagonal(1 / column, tall, tall, guarded=True)
        du = du + off_the_range(u, uh, tall) @ per_column @ right_product(v, a.shape)
    if n > k:
        wide = (*a.shape[:-2], k, n)
        per_row = Diagonal(1 / row, wide, wide, guarded=True)
        product = right_product(vh, small) @ right_product(v, wide)
        dvh = dvh + (Identity(wide) + negative(product)) @ per_row @ left_product(uh, a.shape)
    if full and m > k:  # dU₂ = −U₁ S⁻¹ V₁ᴴ dAᴴ U₂
        rest = u_all[..., :, k:]
        middle = (*a.shape[:-2], k, m - k)
        scaled = Diagonal(1 / row, middle, middle, guarded=True) @ _of_adjoint(vh, rest, a)
        du = _beside(du, negative(left_product(u, middle) @ scaled), u_shape, -1)
    if full and n > k:  # dV₂ᴴ = −V₂ᴴ dAᴴ U₁ S⁻¹ V₁ᴴ
        rest = vh_all[..., k:, :]
        middle = (*a.shape[:-2], n - k, k)
        scaled = Diagonal(1 / column, middle, middle, guarded=True) @ _of_adjoint(rest, u, a)
        dvh = _beside(dvh, negative(right_product(vh, middle) @ scaled), v_shape, -2)
    return [(parents[0], Stacked(du, ds, dvh))]


def _of_adjoint(left: Array, right: Array, a: Array) -> Block:
    """``dA ↦ left dAᴴ right``."""
    flip = adjoined(a.shape, complex=a.dtype.kind == "c")
    return sandwich(left, right, flip.out_shape) @ flip


def _beside(first: Block, second: Block, shape: Shape, axis: int) -> Block:
    """Two results joined along an axis."""
    k = first.out_shape[axis]
    front = (slice(None),) * (len(shape) + axis)
    return (
        Slice((*front, slice(0, k)), shape, first.out_shape).adjoint @ first
        + Slice((*front, slice(k, None)), shape, second.out_shape).adjoint @ second
    )


def _svd_shapes(shape: Shape, full: bool) -> tuple[Shape, Shape, Shape]:
    m, n = shape[-2:]
    k = min(m, n)
    stack = shape[:-2]
    return (*stack, m, m if full else k), (*stack, k), (*stack, n if full else k, n)


def _svd_value(a: Array, full_matrices: bool, vectors: bool) -> Any:
    return np.linalg.svd(a, full_matrices)


_svd_parts = several("linalg.svd", _svd_value, _svd_blocks, reads=RESULT_ONLY)
SVDResult = type(np.linalg.svd(np.eye(1)))


@handles(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = inexact(a)
    at_least_a_matrix(np.linalg.svd, a)
    if hermitian:
        return _svd_of_hermitian(a, compute_uv)
    full = bool(full_matrices) and bool(compute_uv)
    static = {"full_matrices": full, "vectors": bool(compute_uv)}
    found = _svd_parts((a,), static, _svd_shapes(a.shape, full), (False, a.dtype.kind == "c", False))
    return SVDResult(*found) if compute_uv else found[1]


def _svd_of_hermitian(a: Any, compute_uv: bool) -> Any:
    """As NumPy does it: by ``eigh``, whose values are sorted by their magnitudes."""
    if not compute_uv:
        return np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1)[..., ::-1]
    s, u = np.linalg.eigh(a)
    sign = np.sign(s)
    s = np.abs(s)
    order = np.argsort(s, axis=-1)[..., ::-1]
    sign, s = np.take_along_axis(sign, order, axis=-1), np.take_along_axis(s, order, axis=-1)
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    return SVDResult(u, s, np.conjugate(np.matrix_transpose(u * sign[..., None, :])))


handles(np.linalg.svdvals)(lambda x, /: np.linalg.svd(x, compute_uv=False))
