"""Gather blocks: every output entry is a copy of one input entry.

Reshaping, transposing, slicing, indexing by integers, rolling. Each gives views where NumPy gives views.
The adjoint of a gather adds entries back to where they came from; several gathers from one array
accumulate in place into one array (:func:`scatter_sum`), so a loop over ``X[t]`` costs O(T) in all.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import (
    Array,
    Shape,
    add_flat,
    dispatched,
    flat_index,
    put_flat,
    take_flat,
)
from adjoint.blocks.simplify import simplifies_adjoint, simplifies_product
from adjoint.blocks.sparse import Sparse


class Gather(Block):
    """Interface of the blocks that copy entries; ``positions()`` is the flat index map."""

    __slots__ = ()
    kind = "gather"

    @abstractmethod
    def positions(self) -> np.ndarray:
        """For each output entry, the flat index of the input entry that it copies."""

    def to_sparse(self) -> Sparse:
        columns = self.positions().ravel()
        return Sparse(np.arange(columns.size), columns, np.ones(columns.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def nnz(self) -> int:
        return math.prod(self.out_shape)


class Reshape(Gather):
    """``v.reshape(out_shape)``: the identity on the flattened arrays."""

    __slots__ = ()

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        return v.reshape((*v.shape[: v.ndim - len(self.in_shape)], *self.out_shape))

    def apply_adjoint(self, w: Array) -> Array:
        return w.reshape((*w.shape[: w.ndim - len(self.out_shape)], *self.in_shape))

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    def positions(self) -> np.ndarray:
        return flat_index(self.out_shape)


class Transpose(Gather):
    """``v.transpose(axes)``, a view."""

    __slots__ = ("axes",)

    def __init__(self, axes: tuple[int, ...], in_shape: Shape) -> None:
        self.axes = axes
        self.in_shape = in_shape
        self.out_shape = tuple(in_shape[a] for a in axes)

    def apply(self, v: Array) -> Array:
        n = v.ndim - len(self.in_shape)
        return v.transpose(*range(n), *(n + a for a in self.axes))

    def apply_adjoint(self, w: Array) -> Array:
        n = w.ndim - len(self.in_shape)
        back = sorted(range(len(self.axes)), key=self.axes.__getitem__)
        return w.transpose(*range(n), *(n + a for a in back))

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    def positions(self) -> np.ndarray:
        return flat_index(self.in_shape).transpose(self.axes)


class Slice(Gather):
    """``v[index]`` for a basic index (integers, slices, ``None``, ``...``): a view, no entry twice."""

    __slots__ = ("index",)

    def __init__(self, index: tuple[Any, ...], in_shape: Shape, out_shape: Shape) -> None:
        self.index = index
        self.in_shape = in_shape
        self.out_shape = out_shape

    def _batched(self, batch_ndim: int) -> tuple[Any, ...]:
        return (slice(None),) * batch_ndim + self.index if batch_ndim else self.index

    def apply(self, v: Array) -> Array:
        return v[self._batched(v.ndim - len(self.in_shape))]

    def apply_adjoint(self, w: Array) -> Array:
        return scatter_sum((self,), w)

    def add_adjoint_to(self, out: np.ndarray, w: Array) -> None:
        """``out += Jᴴ w`` in place, touching only the entries of the slice."""
        out[self._batched(out.ndim - len(self.in_shape))] += w

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    def positions(self) -> np.ndarray:
        return np.asarray(flat_index(self.in_shape)[self.index])


class Take(Gather):
    """``v.ravel()[flat]`` for an integer map ``flat`` of ``out_shape``: indexing by integers or masks."""

    __slots__ = ("flat",)

    def __init__(self, flat: np.ndarray, in_shape: Shape) -> None:
        self.flat = flat
        self.in_shape = in_shape
        self.out_shape = flat.shape

    def apply(self, v: Array) -> Array:
        return take_flat(v, self.flat, len(self.in_shape))

    def apply_adjoint(self, w: Array) -> Array:
        return put_flat(w, self.flat, self.in_shape)

    def add_adjoint_to(self, out: np.ndarray, w: Array) -> None:
        """``out += Jᴴ w`` in place; repeated positions add up."""
        batch = out.shape[: out.ndim - len(self.in_shape)]
        add_flat(out.reshape((*batch, math.prod(self.in_shape))), self.flat, w)

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, int(np.max(np.bincount(self.flat.ravel()), initial=0))

    def positions(self) -> np.ndarray:
        return self.flat


class Roll(Gather):
    """``np.roll(v, shifts, axes)`` with axes counted from the end: a permutation."""

    __slots__ = ("axes", "shifts")

    def __init__(self, shifts: tuple[int, ...], axes: tuple[int, ...], in_shape: Shape) -> None:
        self.shifts = shifts
        self.axes = axes
        self.in_shape = self.out_shape = in_shape

    def apply(self, v: Array) -> Array:
        return np.roll(v, self.shifts, self.axes)

    def apply_adjoint(self, w: Array) -> Array:
        return np.roll(w, tuple(-s for s in self.shifts), self.axes)

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    def positions(self) -> np.ndarray:
        return np.roll(flat_index(self.in_shape), self.shifts, self.axes)


Scatterable = Slice | Take


@dispatched
def scatter_sum(blocks: tuple[Scatterable, ...], *ws: Array) -> Array:
    """``Σ_k J_kᴴ w_k`` for gathers of one array: one array of zeros, each ``w_k`` added in place.

    Cost: one pass over the gathered array, plus the sizes of the ``w_k``.
    """
    first = blocks[0]
    batch = ws[0].shape[: ws[0].ndim - len(first.out_shape)]
    dtype = ws[0].dtype if len(ws) == 1 else np.result_type(*{w.dtype for w in ws})
    out = np.zeros(batch + first.in_shape, dtype)
    for block, w in zip(blocks, ws, strict=True):
        block.add_adjoint_to(out, w)
    return out


@simplifies_adjoint(Reshape)
def _adjoint_of_reshape(block: Reshape) -> Block:
    return Reshape(block.out_shape, block.in_shape)


@simplifies_adjoint(Transpose)
def _adjoint_of_transpose(block: Transpose) -> Block:
    return Transpose(tuple(sorted(range(len(block.axes)), key=block.axes.__getitem__)), block.out_shape)


@simplifies_adjoint(Roll)
def _adjoint_of_roll(block: Roll) -> Block:
    return Roll(tuple(-s for s in block.shifts), block.axes, block.in_shape)


@simplifies_product(Reshape, Reshape)
def _reshape_reshape(left: Reshape, right: Reshape) -> Block:
    return Reshape(right.in_shape, left.out_shape)


@simplifies_product(Transpose, Transpose)
def _transpose_transpose(left: Transpose, right: Transpose) -> Block:
    return Transpose(tuple(right.axes[a] for a in left.axes), right.in_shape)


@simplifies_product(Roll, Roll)
def _roll_roll(left: Roll, right: Roll) -> Block:
    return Roll((*right.shifts, *left.shifts), (*right.axes, *left.axes), right.in_shape)


def _as_one_map(left: Gather, right: Gather) -> Block:
    """A gather by integers melts with any other; two views stay two views."""
    return Take(right.positions().ravel()[left.positions()], right.in_shape)


for _kind in (Reshape, Transpose, Slice, Take, Roll):
    simplifies_product(Take, _kind)(_as_one_map)
    if _kind is not Take:
        simplifies_product(_kind, Take)(_as_one_map)
