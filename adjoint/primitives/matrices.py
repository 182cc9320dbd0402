"""Blocks of functions of matrices: products from both sides, triangles, diagonals; for stacks of matrices too."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Conjugate, Contraction, Identity, Mask, RealPart, Scale, Shape, Take, Transpose
from adjoint.blocks.kernels import conjugate
from adjoint.errors import NotDifferentiableError
from adjoint.tracing import Tracer, stacked
from adjoint.tracing.primitive import RESULT

RESULT_ONLY = (frozenset({RESULT}),)
"""What the blocks of most decompositions read."""


def as_array(x: Any) -> Any:
    """A traced value as it is, a list that holds some joined to one, anything else as a plain array."""
    if type(x) is Tracer:
        return x
    x = stacked(x)
    return x if type(x) is Tracer else stacked(np.asarray(x))


def inexact(x: Any) -> Any:
    """``x`` in the precision in which NumPy's linear algebra computes: integers as doubles."""
    x = as_array(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def at_least_a_matrix(function: Any, a: Array) -> None:
    """Have NumPy complain where ``a`` has not the two axes of a matrix."""
    if a.ndim < 2:
        function(np.zeros(a.shape))


def hermitian_transpose(a: Array) -> Array:
    """``Aᴴ`` of each matrix of a stack."""
    return conjugate(a).mT


def filled(a: Array, *, lower: bool, conjugates: bool = True) -> Array:
    """The Hermitian (or symmetric) matrix of which LAPACK reads one triangle."""
    strict = np.tril(a, -1) if lower else np.triu(a, 1)
    diagonal = np.tril(a) - strict if lower else np.triu(a) - strict
    if not conjugates:
        return strict + strict.mT + diagonal
    return strict + hermitian_transpose(strict) + np.real(diagonal)


# --- linear maps of matrices V --------------------------------------------------------------------


def left_product(matrix: Array, shape: Shape) -> Block:
    """``V ↦ matrix V`` of ``V`` of ``shape``; the matrices have its stack."""
    s = tuple(range(len(shape) - 2))
    out_shape = (*shape[:-2], matrix.shape[-2], shape[-1])
    return Contraction((*s, "k", "j"), (*s, "i", "k"), (*s, "i", "j"), matrix, shape, out_shape)


def right_product(matrix: Array, shape: Shape) -> Block:
    """``V ↦ V matrix``."""
    s = tuple(range(len(shape) - 2))
    out_shape = (*shape[:-1], matrix.shape[-1])
    return Contraction((*s, "i", "k"), (*s, "k", "j"), (*s, "i", "j"), matrix, shape, out_shape)


def sandwich(left: Array, right: Array, shape: Shape) -> Block:
    """``V ↦ left V right``: the cheaper product first."""
    m, n = shape[-2:]
    p, q = left.shape[-2], right.shape[-1]
    if p * n * (m + q) <= m * q * (n + p):
        return right_product(right, (*shape[:-2], p, n)) @ left_product(left, shape)
    return left_product(left, (*shape[:-2], m, q)) @ right_product(right, shape)


def trace_with(matrix: Array, shape: Shape) -> Block:
    """``V ↦ tr(matrix V)`` of each matrix."""
    s = tuple(range(len(shape) - 2))
    return Contraction((*s, "i", "j"), (*s, "j", "i"), s, matrix, shape, shape[:-2])


def transposed(shape: Shape) -> Block:
    """``V ↦ Vᵀ``."""
    n = len(shape)
    return Transpose((*range(n - 2), n - 1, n - 2), shape)


def adjoined(shape: Shape, *, complex: bool) -> Block:
    """``V ↦ Vᴴ``."""
    block = transposed(shape)
    return Conjugate(block.out_shape) @ block if complex else block


def diagonal_of(shape: Shape) -> Block:
    """``V ↦`` the diagonals of its matrices."""
    positions = np.arange(math.prod(shape)).reshape(shape)
    return Take(np.diagonal(positions, 0, -2, -1).copy(), shape)


def real_diagonal(shape: Shape, *, complex: bool) -> Block:
    """``V ↦ Re`` of the diagonals."""
    block = diagonal_of(shape)
    return RealPart(1, block.out_shape) @ block if complex else block


def negative(block: Block) -> Block:
    """``−J``."""
    return Scale(-1.0, block.out_shape, block.out_shape) @ block


def imaginary_diagonal(shape: Shape) -> Block:
    """``V ↦ i Im(diag V)``, as matrices."""
    diagonal = Mask(np.eye(*shape[-2:], dtype=bool), shape, shape)
    return Scale(1j, shape, shape) @ RealPart(1j, shape) @ diagonal


def below_diagonal(shape: Shape) -> Block:
    """``V ↦`` its strict lower triangle."""
    return Mask(np.tri(shape[-2], shape[-1], -1, dtype=bool), shape, shape)


def skew_part(shape: Shape, *, complex: bool) -> Block:
    """``V ↦ L − Lᴴ + i Im(diag V)``: the skew-Hermitian matrix that has the strict lower triangle ``L`` of ``V``."""
    lower = below_diagonal(shape)
    block = lower + negative(adjoined(shape, complex=complex) @ lower)
    return block + imaginary_diagonal(shape) if complex else block


def fill_triangle(shape: Shape, *, lower: bool, complex: bool) -> Block:
    """``V ↦`` the Hermitian matrix that LAPACK sees: it reads one triangle of ``V``, and real parts on the diagonal."""
    n = shape[-1]
    if not complex:
        rows, columns = np.indices((n, n))
        first, second = (np.maximum, np.minimum) if lower else (np.minimum, np.maximum)
        stack = np.arange(math.prod(shape[:-2])).reshape((*shape[:-2], 1, 1))
        return Take(stack * (n * n) + first(rows, columns) * n + second(rows, columns), shape)
    strict = np.tri(n, n, -1, dtype=bool)
    triangle = Mask(strict if lower else strict.T, shape, shape)
    diagonal = RealPart(1, shape) @ Mask(np.eye(n, dtype=bool), shape, shape)
    return triangle + adjoined(shape, complex=True) @ triangle + diagonal


def off_the_range(q: Array, qh: Array, shape: Shape) -> Block:
    """``V ↦ (I − Q Qᴴ) V``, without the large square matrix."""
    product = left_product(q, (*shape[:-2], q.shape[-1], shape[-1])) @ left_product(qh, shape)
    return Identity(shape) + negative(product)


# --- data of blocks -------------------------------------------------------------------------------


def inverse_in_rule(matrix: Array, name: str) -> Array:
    """``matrix⁻¹``, where a derivative exists only if there is one."""
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError as error:
        raise NotDifferentiableError(f"{name} has no derivative at a matrix without full rank: {error}") from error


def reciprocal_gaps(values: Array) -> Array:
    """``F[i, j] = 1 / (w_j − w_i)`` off the diagonal, 0 on it; infinite where two values are equal.

    So vectors of equal eigenvalues, which have no derivative, get an infinite one; what does not depend on them has a
    zero multiplier there, and stays finite.
    """
    same = np.eye(values.shape[-1], dtype=bool)
    gaps = values[..., None, :] - values[..., :, None]
    return np.where(same, values.dtype.type(0), 1 / np.where(same, values.dtype.type(1), gaps))
