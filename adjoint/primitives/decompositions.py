"""Cholesky and QR decompositions.

``cholesky`` reads one triangle and the real part of the diagonal: the derivative with respect to the other entries is
zero, and an entry off the diagonal counts twice. ``qr`` is differentiable where the first columns are independent, also
if there are more columns than rows, and in its mode ``"complete"``.

References: S. P. Smith, *Differentiation of the Cholesky algorithm* (1995); S. F. Walter and L. Lehmann, *Algorithmic
differentiation of linear algebra functions* (2010), for QR; G. Ballard et al., *Reconstructing Householder vectors from
tall-skinny QR* (2014), for the columns that complete it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Mask, Slice, Stacked
from adjoint.errors import NotDifferentiableError, UnsupportedArgumentError
from adjoint.primitives.matrices import (
    RESULT_ONLY,
    at_least_a_matrix,
    fill_triangle,
    hermitian_transpose,
    inexact,
    inverse_in_rule,
    left_product,
    negative,
    off_the_range,
    right_product,
    sandwich,
    skew_part,
)
from adjoint.primitives.several import parts, several
from adjoint.tracing import Tracer, guard, handles, here, structured
from adjoint.tracing.primitive import Blocks, Static


def _cholesky(y: Array, a: Array, upper: bool = False) -> Block:
    """``dL = L Φ(L⁻¹ dA L⁻ᴴ)``, where ``Φ`` takes the lower triangle and half of the diagonal."""
    n = a.shape[-1]
    half = np.tri(n) - np.eye(n) / 2
    weights = Diagonal((half.T if upper else half).astype(y.dtype.char.lower()), y.shape, y.shape)
    inverse = np.linalg.inv(y)
    fill = fill_triangle(a.shape, lower=not upper, complex=a.dtype.kind == "c")
    if upper:
        return right_product(y, a.shape) @ weights @ sandwich(hermitian_transpose(inverse), inverse, a.shape) @ fill
    return left_product(y, a.shape) @ weights @ sandwich(inverse, hermitian_transpose(inverse), a.shape) @ fill


structured(np.linalg.cholesky, _cholesky, name="linalg.cholesky", reads=RESULT_ONLY)

# --- QR -------------------------------------------------------------------------------------------


def _qr_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``Qᴴ dQ = Ω`` is skew, and ``dR R⁻¹ = Qᴴ dA R⁻¹ − Ω`` is upper triangular with a real diagonal: this gives ``Ω``.

    Then ``dR = Qᴴ dA − Ω R`` and ``dQ = Q Ω + (I − Q Qᴴ) dA R⁻¹``, of the first columns if there are more than rows.
    """
    (a,) = operands
    m, n = a.shape[-2:]
    k = min(m, n)
    q_shape, r_shape = (*a.shape[:-2], m, k), (*a.shape[:-2], k, n)
    q, r = parts(y, (q_shape, r_shape))
    qh = hermitian_transpose(q)
    inverse = inverse_in_rule(r[..., :, :k], "linalg.qr")
    first = Slice((slice(None),) * (len(q_shape) - 1) + (slice(0, k),), a.shape, q_shape)
    right = right_product(inverse, q_shape) @ first
    small = (*a.shape[:-2], k, k)
    skew = skew_part(small, complex=a.dtype.kind == "c") @ left_product(qh, q_shape) @ right
    dq = left_product(q, small) @ skew
    if m > k:
        dq = dq + off_the_range(q, qh, q_shape) @ right
    dr = left_product(qh, a.shape) + negative(right_product(r, small) @ skew)
    triangle = Mask(np.tri(k, n, -1) == 0, r_shape, r_shape)
    return [(parents[0], Stacked(dq, triangle @ dr))]


_qr_parts = several("linalg.qr", np.linalg.qr, _qr_blocks, reads=RESULT_ONLY)
QRResult = type(np.linalg.qr(np.eye(1)))


@handles(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    if mode not in ("reduced", "complete", "r"):
        if mode in ("raw", "full", "f", "economic", "e"):
            raise UnsupportedArgumentError(f"linalg.qr of a traced value does not take mode={mode!r}: {here()}")
        raise ValueError(f"Unrecognized mode '{mode}'")
    a = inexact(a)
    at_least_a_matrix(np.linalg.qr, a)
    m, n = a.shape[-2:]
    k = min(m, n)
    q, r = _qr_parts((a,), None, ((*a.shape[:-2], m, k), (*a.shape[:-2], k, n)), (False, False))
    if mode == "complete" and m > n:
        q = np.concatenate([q, _further_columns(q)], axis=-1)
        r = np.concatenate([r, np.zeros((*a.shape[:-2], m - n, n), a.dtype)], axis=-2)
    return r if mode == "r" else QRResult(q, r)


def _further_columns(q: Array) -> Array:
    """The columns that LAPACK completes ``Q`` with, from the ones there are.

    ``Q = I − Y T Yᴴ`` with ``Y`` lower trapezoidal: so ``Q₁ − I₁ = −Y T Y₁ᴴ``, of which the upper square part is ``W``
    and the lower one ``B``, and ``Q₂ − I₂ = −Y T Y₂ᴴ = (Q₁ − I₁) (B W⁻¹)ᴴ``.
    """
    m, n = q.shape[-2:]
    moved = q - np.eye(m, n, dtype=q.dtype)
    top, bottom = hermitian_transpose(moved[..., :n, :]), hermitian_transpose(moved[..., n:, :])
    if not _turns_every_column(top):
        raise NotDifferentiableError(
            f"linalg.qr(mode='complete') jumps at matrices with a column that is triangular already: {here()}\n"
            "Use mode='reduced'."
        )
    return moved @ np.linalg.inv(top) @ bottom + np.eye(m, m - n, -n, dtype=q.dtype)


def _turns_every_column(top: Any) -> bool:
    if type(top) is Tracer:
        return bool(guard(top, _turns_every_column))
    return bool(np.all(np.linalg.svdvals(top)[..., -1] > 1e-6))
