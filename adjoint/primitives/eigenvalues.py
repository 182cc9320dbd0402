"""Eigenvalues and eigenvectors.

``eigh`` reads one triangle and the real part of the diagonal: the derivative with respect to the other entries is zero,
and an entry off the diagonal counts twice. Its eigenvectors are determined up to a sign, or a phase of complex ones.
Their derivative moves no phase: ``Vᴴ dV`` has the diagonal 0. For real matrices it is that of NumPy's; for complex
ones it is right in all functions on which the phases have no influence. ``eig`` gives eigenvectors of norm 1 whose
largest entry is real, and so does its derivative.

Eigenvectors of equal eigenvalues have no derivative: it is infinite there. That of the eigenvalues is finite, and if
their sum is all that matters it is right.

Reference: M. B. Giles, *Collected matrix derivative results for forward and reverse mode AD* (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Identity, RealPart, Reduce, Stacked, Zero
from adjoint.blocks.kernels import conjugate
from adjoint.errors import NotDifferentiableError
from adjoint.primitives.matrices import (
    RESULT_ONLY,
    at_least_a_matrix,
    diagonal_of,
    fill_triangle,
    hermitian_transpose,
    inexact,
    inverse_in_rule,
    left_product,
    real_diagonal,
    reciprocal_gaps,
    sandwich,
)
from adjoint.primitives.several import parts, several
from adjoint.tracing import Primitive, Tracer, bind, concrete, guard, handles
from adjoint.tracing.primitive import Blocks, Static

# --- eigenvalues of symmetric and Hermitian matrices ----------------------------------------------


def eigh_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """With ``E = Vᴴ dA V``: ``dw = diag E`` and ``dV = V (F ∘ E)``, ``F[i, j] = 1 / (w_j − w_i)``."""
    (a,) = operands
    complex = a.dtype.kind == "c"
    w, v = parts(y, (a.shape[:-1], a.shape))
    w = np.real(w) if complex else w
    fill = fill_triangle(a.shape, lower=static["UPLO"] == "L", complex=complex)
    rotated = sandwich(hermitian_transpose(v), v, a.shape) @ fill
    dv: Block = Zero(a.shape, a.shape)
    if static["vectors"]:
        dv = left_product(v, a.shape) @ Diagonal(reciprocal_gaps(w), a.shape, a.shape, guarded=True)
    return [(parents[0], Stacked(real_diagonal(a.shape, complex=complex), dv) @ rotated)]


def _eigh_value(a: Array, UPLO: Any, vectors: bool) -> Any:
    return np.linalg.eigh(a, UPLO)


_eigh_parts = several("linalg.eigh", _eigh_value, eigh_blocks, reads=RESULT_ONLY)
"""With ``vectors=False`` they are computed, since the block of the values needs them, but have no derivative."""
EighResult = type(np.linalg.eigh(np.eye(1)))


def _symmetric(a: Any, UPLO: str, vectors: bool) -> Any:
    a = inexact(a)
    at_least_a_matrix(np.linalg.eigh, a)
    static = {"UPLO": UPLO.upper(), "vectors": vectors}
    return EighResult(*_eigh_parts((a,), static, (a.shape[:-1], a.shape), (a.dtype.kind == "c", False)))


handles(np.linalg.eigh)(lambda a, UPLO="L": _symmetric(a, UPLO, True))
handles(np.linalg.eigvalsh)(lambda a, UPLO="L": _symmetric(a, UPLO, False).eigenvalues)

# --- eigenvalues of general matrices --------------------------------------------------------------


def _eig_value(a: Array, vectors: bool) -> Array:
    """Eigenvalues and vectors, flat: real where NumPy gives real ones."""
    return np.concatenate([np.ravel(part) for part in np.linalg.eig(a)])


def _eig_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """With ``E = V⁻¹ dA V``: ``dw = diag E`` and ``dV = V (F ∘ E)``, normalized; ``F[i, j] = 1 / (w_j − w_i)``."""
    (a,) = operands
    w, v = parts(y, (a.shape[:-1], a.shape))
    inverse = inverse_in_rule(v, "linalg.eig")
    if np.any(np.abs(concrete(inverse)) * np.finfo(v.dtype).eps > 1e-3):
        raise NotDifferentiableError("linalg.eig has no derivative at a matrix without a basis of eigenvectors")
    rotated = sandwich(inverse, v, a.shape)
    dv: Block = Zero(a.shape, a.shape)
    if static["vectors"]:
        gaps = Diagonal(reciprocal_gaps(w), a.shape, a.shape, guarded=True)
        dv = _normalization(v) @ left_product(v, a.shape) @ gaps
    return [(parents[0], Stacked(diagonal_of(a.shape), dv) @ rotated)]


def _normalization(v: Array) -> Block:
    """``D ↦ D + V diag c``, where ``c`` keeps the norms of the columns, and the largest entry of each real."""
    shape = v.shape
    row = (*shape[:-2], 1, shape[-1])
    total = Reduce(1, (-2,), shape, row)
    if v.dtype.kind != "c":
        return Identity(shape) + Diagonal(-v, row, shape) @ total @ Diagonal(v, shape, shape)
    found = concrete(v)
    largest = np.argmax(np.where(found.imag == 0, np.abs(found), -1), axis=-2)  # LAPACK makes it real, exactly
    there = np.arange(shape[-2])[:, None] == largest[..., None, :]
    pivot = np.where(there, 1j / conjugate(np.where(there, v, v.dtype.type(1))), v.dtype.type(0))
    norms = Diagonal(-v, row, shape) @ total @ RealPart(v, shape)
    phases = Diagonal(-1j * v, row, shape) @ total @ RealPart(pivot, shape)
    return Identity(shape) + norms + phases


_eig_packed = Primitive("linalg.eig", _eig_value, _eig_blocks, reads=RESULT_ONLY)
EigResult = type(np.linalg.eig(np.eye(1)))


def _general(a: Any, vectors: bool) -> Any:
    a = inexact(a)
    at_least_a_matrix(np.linalg.eig, a)
    packed = bind(_eig_packed, (a,), {"vectors": vectors})
    if type(packed) is Tracer and a.dtype.kind != "c":
        guard(packed, _is_complex)  # NumPy gives real results where all eigenvalues are real
    return EigResult(*parts(packed, (a.shape[:-1], a.shape)))


def _is_complex(x: Array) -> bool:
    return bool(x.dtype.kind == "c")


handles(np.linalg.eig)(lambda a: _general(a, True))
handles(np.linalg.eigvals)(lambda a: _general(a, False).eigenvalues)
