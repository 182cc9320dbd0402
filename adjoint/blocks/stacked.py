"""Several maps of one argument under each other: the block of an operation with several results."""

from __future__ import annotations

import math

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array
from adjoint.blocks.sparse import Sparse


class Stacked(Block):
    """``J v``: the results of all ``blocks``, flattened one after the other.

    Parameters
    ----------
    *blocks : Block
        Of equal ``in_shape``.
    """

    __slots__ = ("blocks",)
    kind = "stacked"

    def __init__(self, *blocks: Block) -> None:
        self.blocks = blocks
        self.in_shape = blocks[0].in_shape
        self.out_shape = (sum(math.prod(block.out_shape) for block in blocks),)

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        parts = [block.apply(v).reshape((*batch, math.prod(block.out_shape))) for block in self.blocks]
        return np.concatenate(parts, axis=-1)

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[:-1]
        total, start = None, 0
        for block in self.blocks:
            stop = start + math.prod(block.out_shape)
            part = block.apply_adjoint(w[..., start:stop].reshape((*batch, *block.out_shape)))
            total = part if total is None else total + part
            start = stop
        return total

    def with_guards(self) -> Block:
        return Stacked(*(block.with_guards() for block in self.blocks))

    def to_sparse(self) -> Sparse:
        parts = [block.to_sparse() for block in self.blocks]
        starts = np.cumsum([0] + [math.prod(block.out_shape) for block in self.blocks])
        rows = np.concatenate([part.rows + start for part, start in zip(parts, starts, strict=False)])
        columns = np.concatenate([part.columns for part in parts])
        return Sparse(rows, columns, np.concatenate([part.data for part in parts]), self.in_shape, self.out_shape)

    def absolute(self) -> Block | None:
        found = [block.absolute() for block in self.blocks]
        known = [block for block in found if block is not None]
        return Stacked(*known) if len(known) == len(found) else None

    @property
    def degrees(self) -> tuple[int, int]:
        rows, columns = zip(*(block.degrees for block in self.blocks), strict=True)
        return max(rows), sum(columns)

    @property
    def nnz(self) -> int:
        return sum(block.nnz for block in self.blocks)

    @property
    def flops(self) -> int:
        return sum(block.flops for block in self.blocks)
