"""Linear systems, inverses and determinants.

``A x = b`` is the implicit constraint ``c(x, A, b) = A x − b = 0`` with the diagonal block ``A``. One factorization
serves its value, both sweeps and all derivatives of them: see :class:`adjoint.blocks.solve.Factorization`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import (
    Array,
    Block,
    Conjugate,
    Contraction,
    Diagonal,
    DiagonalBlock,
    Identity,
    MatrixOnLeft,
    RealPart,
    Reduce,
    Reshape,
    Scale,
    Stacked,
    Zero,
)
from adjoint.blocks.kernels import dispatched
from adjoint.blocks.solve import Factorization, Triangle, solve_columns
from adjoint.primitives.linear import contraction_block
from adjoint.primitives.matrices import (
    as_array,
    at_least_a_matrix,
    diagonal_of,
    hermitian_transpose,
    inexact,
    negative,
    sandwich,
    trace_with,
)
from adjoint.primitives.several import parts, several
from adjoint.tracing import Primitive, Tracer, bind, guard, handles, structured
from adjoint.tracing.primitive import RESULT, Blocks, Static

# --- linear systems -------------------------------------------------------------------------------


def _solve_value(a: Array, b: Array, factorization: Factorization | Triangle, adjoint: bool) -> Array:
    if type(a) is Tracer or type(b) is Tracer:  # of an outer trace
        return bind(linear_solve, (a, b), {"factorization": factorization, "adjoint": adjoint})
    rows = b.shape[-2:-1] if b.ndim > 1 else b.shape
    usual = a.ndim == 2 and a.shape == 2 * rows and b.size and a.dtype.char in "fdFD" and b.dtype.char in "fdFD"
    if not usual:  # stacks, nothing at all, and what NumPy complains about
        return np.linalg.solve(hermitian_transpose(a) if adjoint else a, b)
    block = MatrixOnLeft(a, b.shape, factorization)
    return block.on_columns(lambda columns: solve_columns(a, columns, factorization, adjoint), b)


def _solve_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``c(x, A, b) = A x − b``: ``−∂c/∂A = −(·) x``, or ``−(·)ᴴ x`` for ``Aᴴ x − b``, and ``−∂c/∂b = I``."""
    a, b = operands
    result: Blocks = []
    if parents[0] >= 0:
        column = () if len(b.shape) == 1 else ("j",)
        stack = tuple(range(y.ndim - 1 - len(column)))
        matrices = stack[len(stack) - (len(a.shape) - 2) :]
        entry = ("k", "i") if static["adjoint"] else ("i", "k")
        block = contraction_block(y, a, -y, ((*matrices, *entry), (*stack, "k", *column), (*stack, "i", *column)))
        result.append((parents[0], block @ Conjugate(a.shape) if static["adjoint"] and a.dtype.kind == "c" else block))
    if parents[1] >= 0:
        result.append((parents[1], Identity(y.shape) if b.shape == y.shape else Scale(1, b.shape, y.shape)))
    return result


def _solve_diagonal(y: Array, operands: Sequence[Array], static: Static) -> DiagonalBlock:
    return MatrixOnLeft(operands[0], y.shape, static["factorization"], static["adjoint"])


linear_solve = Primitive(
    "linalg.solve",
    _solve_value,
    _solve_blocks,
    diagonal=_solve_diagonal,
    reads=(frozenset({0, RESULT}), frozenset({0})),
)


@handles(solve_columns)
def solve_with(matrix: Array, columns: Array, factorization: Factorization | Triangle | None, adjoint: bool) -> Array:
    """``A⁻¹ columns`` or ``A⁻ᴴ columns``, recorded."""
    static = {"factorization": factorization or Factorization(), "adjoint": adjoint}
    return bind(linear_solve, (matrix, columns), static)


@handles(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    return solve_with(inexact(a), inexact(b), None, False)


@handles(np.linalg.tensorsolve)
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = as_array(a), as_array(b)
    if axes is not None:
        order = [k for k in range(a.ndim) if k not in axes]
        for k in axes:
            order.insert(a.ndim, k)
        a = np.transpose(a, order)
    shape = a.shape[b.ndim - a.ndim :] if a.ndim > b.ndim else ()
    n = math.prod(shape)
    if a.size != n * n:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement             prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return np.reshape(np.linalg.solve(np.reshape(a, (n, n)), np.ravel(b)), shape)


# --- inverses and powers --------------------------------------------------------------------------

inverse = structured(
    np.linalg.inv, lambda y, a: negative(sandwich(y, y, a.shape)), name="linalg.inv", reads=(frozenset({RESULT}),)
)


@handles(np.linalg.tensorinv)
def _tensorinv(a: Any, ind: int = 2) -> Any:
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    return np.reshape(np.linalg.inv(np.reshape(a, (math.prod(a.shape[ind:]), -1))), (*a.shape[ind:], *a.shape[:ind]))


@handles(np.linalg.matrix_power)
def _matrix_power(a: Any, n: Any) -> Any:
    a = as_array(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        np.linalg.matrix_power(np.zeros(a.shape), 1)  # NumPy complains
    try:
        n = operator.index(n)
    except TypeError as error:
        raise TypeError("exponent must be an integer") from error
    if n < 0:
        return _matrix_power(np.linalg.inv(a), -n)
    if n == 0:
        return np.zeros_like(a) + np.eye(a.shape[-1], dtype=a.dtype)
    result = None
    while n:  # by the binary digits of n
        n, digit = divmod(n, 2)
        if digit:
            result = a if result is None else np.matmul(result, a)
        if n:
            a = np.matmul(a, a)
    return result


# --- determinants ---------------------------------------------------------------------------------


@dispatched
def adjugate(a: Array) -> Array:
    """``adj(A)``, with ``adj(A) A = det(A) I``: the transposed cofactors, for singular matrices too."""
    if _regular(a):
        return np.linalg.det(a)[..., None, None] * np.linalg.inv(a)
    u, s, vh, phase = _svd_with_phase(a)
    return phase[..., None, None] * (hermitian_transpose(vh) * _without(s, 1)[..., None, :]) @ hermitian_transpose(u)


def _regular(a: Any) -> bool:
    """Whether every matrix may well be inverted; of a traced value, an answer that a new evaluation must confirm."""
    if type(a) is Tracer:
        return bool(guard(a, _regular))
    if not a.size:
        return True
    try:
        inverse = np.linalg.inv(a)
    except np.linalg.LinAlgError:
        return False
    condition = np.linalg.norm(a, 1, (-2, -1)) * np.linalg.norm(inverse, 1, (-2, -1))
    singular = (condition > np.finfo(a.dtype).eps ** -0.25) | (np.linalg.det(a) == 0)
    return not np.any(singular)  # NaN is nobody's fault


def _svd_with_phase(a: Array) -> tuple[Array, Array, Array, Array]:
    u, s, vh = np.linalg.svd(a)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


def _without(s: Array, count: int) -> Array:
    """Products of all entries of ``s`` but one: (…, n); or but two: (…, n, n), with 0 on the diagonal."""
    n = s.shape[-1]
    index = np.indices((n,) * count)
    kept = [np.arange(n) != k[..., None] for k in index]
    product = np.prod(np.where(np.all(kept, axis=0), s[(..., *(None,) * count, slice(None))], s.dtype.type(1)), axis=-1)
    return product if count == 1 else np.where(index[0] != index[1], product, s.dtype.type(0))


def _adjugate_block(y: Array, a: Array) -> Block:
    """``det(A) A⁻¹`` differentiated; near singular matrices in the basis of singular vectors.

    There ``A + V = U (S + E) Wᴴ`` with ``E = Uᴴ V W``, and ``adj(S + E)`` has in first order the entries
    ``Σ_k p_ik E_kk`` and ``−p_ij E_ij``, where ``p_ij`` is the product of all singular values but two.
    """
    stack = a.shape[:-2]
    if _regular(a):
        d = np.linalg.det(a)[..., None, None]
        spread = Diagonal(y, (*stack, 1, 1), y.shape) @ Reshape(stack, (*stack, 1, 1))
        return spread @ trace_with(y / d, a.shape) + negative(sandwich(y / d, y, a.shape))
    u, s, vh, phase = _svd_with_phase(a)
    p = _without(s, 2)
    labels = tuple(range(len(stack)))
    sums = Contraction((*labels, "k"), (*labels, "i", "k"), (*labels, "i"), p, s.shape, s.shape)
    inner = Diagonal(-p, a.shape, a.shape) + diagonal_of(a.shape).adjoint @ sums @ diagonal_of(a.shape)
    outside = sandwich(phase[..., None, None] * hermitian_transpose(vh), hermitian_transpose(u), a.shape)
    return outside @ inner @ sandwich(hermitian_transpose(u), hermitian_transpose(vh), a.shape)


structured(adjugate, _adjugate_block, name="adjugate", evaluate=adjugate)
structured(np.linalg.det, lambda y, a: trace_with(adjugate(a), a.shape), name="linalg.det")


def _slogdet_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``d log|det A| = Re g`` and ``d sign = sign · i Im g`` with ``g = tr(A⁻¹ dA)``; NaN at singular matrices."""
    (a,) = operands
    stack = a.shape[:-2]
    sign, _ = parts(y, (stack, stack))
    a = np.where((sign == 0)[..., None, None], a.dtype.type(np.nan), a)
    # entry by entry and not as a contraction: NaN stays where it is, and a zero multiplier keeps it out
    rate = Reduce(1, (-2, -1), a.shape, stack) @ Diagonal(np.linalg.inv(a).mT, a.shape, a.shape, guarded=True)
    if a.dtype.kind != "c":
        return [(parents[0], Stacked(Zero(a.shape, stack), rate))]
    turn = Diagonal(sign, stack, stack) @ Scale(1j, stack, stack) @ RealPart(1j, stack)
    return [(parents[0], Stacked(turn @ rate, RealPart(1, stack) @ rate))]


_slogdet_parts = several("linalg.slogdet", np.linalg.slogdet, _slogdet_blocks)
SlogdetResult = type(np.linalg.slogdet(np.eye(1)))


@handles(np.linalg.slogdet)
def _slogdet(a: Any) -> Any:
    at_least_a_matrix(np.linalg.slogdet, a)
    stack = a.shape[:-2]
    return SlogdetResult(*_slogdet_parts((inexact(a),), None, (stack, stack), (a.dtype.kind != "c", True)))
