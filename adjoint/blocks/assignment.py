"""The blocks of ``y[index] = v`` for a basic index: outside of the region ``y`` stays, inside it is ``v``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, assigned, expand_to, flat_index, sum_to
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse

Index = tuple[Any, ...]


def region_shape(index: Index, shape: Shape) -> Shape:
    """The shape of what a basic index selects."""
    if len(index) == len(shape) and all(type(part) is int for part in index):
        return ()
    region: Shape = np.broadcast_to(np.int8(0), shape)[index].shape
    return region


def _batched(index: Index, batch_ndim: int) -> Index:
    return (slice(None),) * batch_ndim + index if batch_ndim else index


class Outside(Block):
    """``v`` with zeros in the region ``index``; its own adjoint."""

    __slots__ = ("index",)
    kind = "outside"
    fresh = True
    in_place = True

    def __init__(self, index: Index, shape: Shape) -> None:
        self.index = index
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return assigned(v, v.dtype.type(0), _batched(self.index, v.ndim - len(self.in_shape)))

    def apply_adjoint(self, w: Array) -> Array:
        return self.apply(w)

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        w[_batched(self.index, w.ndim - len(self.in_shape))] = 0
        return w

    def to_sparse(self) -> Sparse:
        kept = np.flatnonzero(self.apply(np.ones(self.in_shape)))
        return Sparse(kept, kept, np.ones(kept.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape)


class Inside(Block):
    """Zeros of ``out_shape`` with ``v`` in the region ``index``, to whose shape it broadcasts."""

    __slots__ = ("index", "region")
    kind = "inside"
    fresh = True

    def __init__(self, index: Index, in_shape: Shape, out_shape: Shape) -> None:
        self.index = index
        self.region = region_shape(index, out_shape)
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        v = expand_to(self._fitting(v, batch), self._fitted, self.region)
        return assigned(np.zeros(batch + self.out_shape, v.dtype), v, _batched(self.index, len(batch)))

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        part = w[_batched(self.index, len(batch))]
        if type(part) is np.ndarray:
            part = part.copy()  # w may be overwritten next
        if self.in_shape == self.region:
            return part
        part = sum_to(part, self._fitted, self.region)
        return part if self._fitted == self.in_shape else part.reshape(batch + self.in_shape)

    @property
    def _fitted(self) -> Shape:
        """``in_shape`` without the leading unit axes that the region does not have."""
        return self.in_shape[max(0, len(self.in_shape) - len(self.region)) :]

    def _fitting(self, v: Array, batch: Shape) -> Array:
        return v if self._fitted == self.in_shape else v.reshape(batch + self._fitted)

    def to_sparse(self) -> Sparse:
        rows = np.asarray(flat_index(self.out_shape)[self.index]).ravel()
        columns = np.broadcast_to(flat_index(self._fitted), self.region).ravel()
        return Sparse(rows, columns, np.ones(rows.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, math.prod(self.region) // max(1, math.prod(self.in_shape))

    @property
    def nnz(self) -> int:
        return math.prod(self.region)


@simplifies_adjoint(Outside)
def _adjoint_of_outside(block: Outside) -> Block:
    return block
