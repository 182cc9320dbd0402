"""Blocks without finer structure: a dense matrix, or a user's pair of functions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.kernels import Array, Shape, conjugate
from adjoint.blocks.simplify import simplifies_adjoint, simplifies_product, simplifies_sum
from adjoint.blocks.sparse import Sparse
from adjoint.errors import BlockError, SingularBlockError


class Dense(DiagonalBlock):
    """``J`` as a dense matrix of shape ``(out_size, in_size)``; its data may be traced.

    In diagonal position (``D_i`` of an implicit constraint) it solves by ``np.linalg.solve``.
    """

    __slots__ = ("matrix",)
    kind = "dense"

    def __init__(self, matrix: Array, in_shape: Shape, out_shape: Shape) -> None:
        if matrix.shape != (math.prod(out_shape), math.prod(in_shape)):
            expected = (math.prod(out_shape), math.prod(in_shape))
            raise BlockError(f"a dense block {in_shape} → {out_shape} needs {expected}, got {matrix.shape}")
        self.matrix = matrix
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        return (v.reshape((*batch, self.shape[1])) @ self.matrix.T).reshape((*batch, *self.out_shape))

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        return (w.reshape((*batch, self.shape[0])) @ conjugate(self.matrix)).reshape((*batch, *self.in_shape))

    def solve(self, r: Array) -> Array:
        """``J⁻¹ r`` for (*batch, *out_shape)."""
        return self._solve(self.matrix, r, self.out_shape, self.in_shape)

    def solve_adjoint(self, r: Array) -> Array:
        """``J⁻ᴴ r`` for (*batch, *in_shape)."""
        return self._solve(conjugate(self.matrix).T, r, self.in_shape, self.out_shape)

    @staticmethod
    def _solve(matrix: Array, r: Array, from_shape: Shape, to_shape: Shape) -> Array:
        batch = r.shape[: r.ndim - len(from_shape)]
        columns = r.reshape(math.prod(batch), math.prod(from_shape)).T
        try:
            x = np.linalg.solve(matrix, columns)
        except np.linalg.LinAlgError as error:
            n = matrix.shape[0]
            raise SingularBlockError(f"a dense diagonal block of size {n} is singular: {error}") from error
        return x.T.reshape((*batch, *to_shape))

    def to_sparse(self) -> Sparse:
        m, n = self.shape
        rows, columns = np.repeat(np.arange(m), n), np.tile(np.arange(n), m)
        return Sparse(rows, columns, self.matrix.reshape(-1), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Dense(np.abs(self.matrix), self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return self.shape[1], self.shape[0]

    @property
    def nnz(self) -> int:
        return math.prod(self.shape)


class Function(Block):
    """A matrix-free block from a user's ``jvp(v)`` and ``vjp(w)``, each linear in its argument.

    The functions see one right-hand side at a time unless ``batched`` says that they take leading batch
    axes. Either may be missing; then the sweep that needs it is refused.
    """

    __slots__ = ("batched", "jvp", "name", "vjp")
    kind = "function"

    def __init__(
        self,
        in_shape: Shape,
        out_shape: Shape,
        jvp: Callable[[Array], Array] | None,
        vjp: Callable[[Array], Array] | None,
        *,
        batched: bool = False,
        name: str = "function",
    ) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.jvp = jvp
        self.vjp = vjp
        self.batched = batched
        self.name = name

    def apply(self, v: Array) -> Array:
        return self._run(self.jvp, "jvp", v, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        return self._run(self.vjp, "vjp", w, self.out_shape, self.in_shape)

    def _run(
        self, map_: Callable[[Array], Array] | None, which: str, v: Array, from_shape: Shape, to_shape: Shape
    ) -> Array:
        if map_ is None:
            raise BlockError(f"{self.name} has no {which}, which this sweep needs; give custom_rule a {which}= too")
        batch = v.shape[: v.ndim - len(from_shape)]
        if self.batched or not batch:
            result = map_(v)
        else:
            flat = v.reshape(math.prod(batch), *from_shape)
            rows = [map_(flat[k]) for k in range(flat.shape[0])]
            result = np.stack(rows) if rows else np.zeros((0, *to_shape), v.dtype)
            result = result.reshape((*batch, *to_shape))
        if np.shape(result) != batch + to_shape:
            raise BlockError(f"the {which} of {self.name} gave shape {np.shape(result)}, not {batch + to_shape}")
        return result.copy() if type(result) is np.ndarray else result  # the function may use its buffer again

    def to_sparse(self) -> Sparse:
        m, n = self.shape
        if self.jvp is not None and (self.vjp is None or n <= m):
            columns = self.apply(np.eye(n).reshape(n, *self.in_shape))
            matrix = columns.reshape(n, m).T
        else:
            rows = self.apply_adjoint(np.eye(m).reshape(m, *self.out_shape))
            matrix = conjugate(rows.reshape(m, n))
        return Dense(matrix, self.in_shape, self.out_shape).to_sparse()

    def absolute(self) -> None:
        return None

    @property
    def degrees(self) -> tuple[int, int]:
        return self.shape[1], self.shape[0]

    @property
    def nnz(self) -> int:
        return math.prod(self.shape)


@simplifies_adjoint(Dense)
def _adjoint_of_dense(block: Dense) -> Block:
    return Dense(conjugate(block.matrix).T, block.out_shape, block.in_shape)


@simplifies_product(Dense, Dense)
def _dense_dense(left: Dense, right: Dense) -> Block:
    return Dense(left.matrix @ right.matrix, right.in_shape, left.out_shape)


@simplifies_sum(Dense, Dense)
def _dense_plus_dense(left: Dense, right: Dense) -> Block:
    return Dense(left.matrix + right.matrix, left.in_shape, left.out_shape)
