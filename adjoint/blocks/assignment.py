"""The blocks of ``y[index] = v`` for a basic index: outside of the region ``y`` stays, inside it is ``v``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, assigned, expand_to, flat_index, put_flat, sum_to, take_flat
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
        fitted = _fitted(self.in_shape, self.region)
        v = expand_to(v.reshape(batch + fitted), fitted, self.region)
        return assigned(np.zeros(batch + self.out_shape, v.dtype), v, _batched(self.index, len(batch)))

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        part = w[_batched(self.index, len(batch))]
        if type(part) is np.ndarray:
            part = part.copy()  # w may be overwritten next
        if self.in_shape == self.region:
            return part
        fitted = _fitted(self.in_shape, self.region)
        part = sum_to(part, fitted, self.region)
        return part if fitted == self.in_shape else part.reshape(batch + self.in_shape)

    def to_sparse(self) -> Sparse:
        rows = np.asarray(flat_index(self.out_shape)[self.index]).ravel()
        columns = np.broadcast_to(flat_index(_fitted(self.in_shape, self.region)), self.region).ravel()
        return Sparse(rows, columns, np.ones(rows.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, math.prod(self.region) // max(1, math.prod(self.in_shape))

    @property
    def nnz(self) -> int:
        return math.prod(self.region)


class InsideEntries(Block):
    """Zeros of ``out_shape`` with ``v``, broadcast to the shape of ``flat``, at these flat positions.

    Of the entries that are written to one place only the one for which ``stays`` is true counts.
    """

    __slots__ = ("flat", "stays")
    kind = "inside"
    fresh = True

    def __init__(self, flat: np.ndarray, stays: np.ndarray | None, in_shape: Shape, out_shape: Shape) -> None:
        self.flat = flat
        self.stays = stays
        self.in_shape = in_shape
        self.out_shape = out_shape

    def _kept(self, v: Array) -> Array:
        return v if self.stays is None else np.where(self.stays, v, v.dtype.type(0))

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        fitted = _fitted(self.in_shape, self.flat.shape)
        v = expand_to(v.reshape(batch + fitted), fitted, self.flat.shape)
        return put_flat(self._kept(np.broadcast_to(v, batch + self.flat.shape)), self.flat, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        part = self._kept(take_flat(w, self.flat, len(self.out_shape)))
        if self.in_shape == self.flat.shape:
            return part
        batch = w.shape[: w.ndim - len(self.out_shape)]
        fitted = _fitted(self.in_shape, self.flat.shape)
        return sum_to(part, fitted, self.flat.shape).reshape(batch + self.in_shape)

    def to_sparse(self) -> Sparse:
        sources = flat_index(_fitted(self.in_shape, self.flat.shape))
        columns = np.broadcast_to(sources, self.flat.shape).ravel()
        kept = slice(None) if self.stays is None else self.stays.ravel()
        rows = self.flat.ravel()[kept]
        return Sparse(rows, columns[kept], np.ones(rows.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        return self.to_sparse().degrees

    @property
    def nnz(self) -> int:
        return self.flat.size if self.stays is None else int(np.count_nonzero(self.stays))


def _fitted(shape: Shape, region: Shape) -> Shape:
    """The shape of a value without the leading unit axes that the region does not have: NumPy lets go of them."""
    return shape[max(0, len(shape) - len(region)) :]


class OutsideEntries(Block):
    """``v`` with zeros at the flat positions ``flat``; its own adjoint."""

    __slots__ = ("flat",)
    kind = "outside"
    fresh = True
    in_place = True

    def __init__(self, flat: np.ndarray, shape: Shape) -> None:
        self.flat = flat.ravel()
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        line = v.reshape((*batch, math.prod(self.in_shape)))
        return assigned(line, v.dtype.type(0), (..., self.flat)).reshape(v.shape)

    def apply_adjoint(self, w: Array) -> Array:
        return self.apply(w)

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        if not w.flags.c_contiguous:
            return self.apply(w)
        w.reshape((-1, math.prod(self.in_shape)))[:, self.flat] = 0
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


@simplifies_adjoint(OutsideEntries)
def _adjoint_of_outside_entries(block: OutsideEntries) -> Block:
    return block


@simplifies_adjoint(Outside)
def _adjoint_of_outside(block: Outside) -> Block:
    return block
