"""Indexing: slices are views, integer and boolean arrays are flat index maps."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Slice, Take, put_flat, scatter_sum, take_flat
from adjoint.blocks.gather import Scatterable
from adjoint.errors import LostDerivativeError
from adjoint.tracing import (
    FUNCTIONS,
    METHODS,
    Primitive,
    Tracer,
    append,
    bind,
    guard,
    handles,
    here,
    refuse_options,
    structured,
)
from adjoint.tracing.primitive import Blocks, Static


def _slice_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    a, index = operands
    return [(parents[0], Slice(index, a.shape, y.shape))] if parents[0] >= 0 else []


slice_ = Primitive("getitem", lambda a, index: a[index], _slice_blocks, reads=(frozenset({1}),))
"""Basic indexing; the index stands as a constant operand, since a loop makes very many of these."""


class _Hole:
    """Stands in a recorded index for the integer array that is operand ``number``."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return f"#{self.number}"


def _fill(index: tuple[Any, ...], arrays: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(np.asarray(arrays[part.number]) if isinstance(part, _Hole) else part for part in index)


def _take_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    if parents[0] < 0:
        return []
    flat = flat_positions(operands[0].shape, _fill(static["index"], operands[1:]))
    return [(parents[0], Take(flat, operands[0].shape))]


take = Primitive("getitem", lambda a, *arrays, index: a[_fill(index, arrays)], _take_blocks)


def flat_positions(shape: tuple[int, ...], index: tuple[Any, ...]) -> np.ndarray:
    """The flat positions that ``index`` selects, at the cost of the result's size (not the array's).

    Each axis contributes its own coordinate, as a broadcast view that is indexed.
    """
    flat: Any = 0
    stride = 1
    for axis in reversed(range(len(shape))):
        line = np.arange(shape[axis]).reshape((-1,) + (1,) * (len(shape) - axis - 1))
        flat = flat + stride * np.broadcast_to(line, shape)[index]
        stride *= shape[axis]
    return np.asarray(flat)


def _plain_integer(part: Any) -> Any:
    """A part of a basic index without traced or NumPy integers."""
    if isinstance(part, slice):
        ends = (part.start, part.stop, part.step)
        return slice(*(end if end is None else operator.index(end) for end in ends))
    return operator.index(part)


def _getitem(a: Tracer, index: Any) -> Any:
    parts = index if type(index) is tuple else (index,)
    for part in parts:
        if type(part) is not int and type(part) is not slice and part is not None and part is not Ellipsis:
            return _getitem_general(a, parts)
        if type(part) is slice and not _is_plain(part):
            return _getitem_general(a, parts)
    return _basic(a, parts)


def _basic(a: Tracer, parts: tuple[Any, ...]) -> Any:
    return append(a._trace, slice_, (a._value, parts), (a._index, -1), None, a._value[parts], a._index >= 0)


def _is_plain(part: slice) -> bool:
    return all(end is None or type(end) is int for end in (part.start, part.stop, part.step))


def _getitem_general(a: Tracer, parts: tuple[Any, ...]) -> Any:
    basic: list[Any] = []
    arrays: list[Any] = []
    for part in parts:
        if part is None or part is Ellipsis:
            basic.append(part)
        elif isinstance(part, (slice, int, np.integer)) and not isinstance(part, (bool, np.bool_)):
            basic.append(_plain_integer(part))
        else:
            array = part if type(part) is Tracer else np.asarray(part)
            if array.dtype.kind == "b":
                # a mask decides the result's shape, so its answer is fixed when it is recorded
                array = guard(array, np.asarray) if type(array) is Tracer else array
            elif array.dtype.kind not in "iu" and array.size:
                raise IndexError("arrays used as indices must be of integer (or boolean) type")
            elif not array.size and type(array) is not Tracer:
                array = array.astype(np.intp)
            basic.append(_Hole(len(arrays)))
            arrays.append(array)
    if not arrays:
        return _basic(a, tuple(basic))
    return bind(take, (a, *arrays), {"index": tuple(basic)})


METHODS["__getitem__"] = _getitem


def _setitem(a: Tracer, index: Any, value: Any) -> None:
    raise LostDerivativeError(
        f"assignment into a traced array is not recorded: {here()}\n"
        "Build the result instead: np.where(mask, value, y), np.concatenate, or np.stack of a list."
    )


METHODS["__setitem__"] = _setitem


@handles(np.take)
def _take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Any:
    if out is not None:
        refuse_options("take", {"out": out})
    indices = indices if type(indices) is Tracer else np.asarray(indices)
    if mode != "raise":
        n = a.size if axis is None else a.shape[axis]
        indices = np.clip(indices, 0, n - 1) if mode == "clip" else indices % n
    if axis is None:
        return np.ravel(a)[indices]
    return a[(slice(None),) * normalize_axis_index(axis, np.ndim(a)) + (indices,)]


@handles(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        return np.ravel(arr)[indices]
    axis = normalize_axis_index(axis, arr.ndim)
    grid = list(np.ogrid[tuple(slice(n) for n in arr.shape)])
    grid[axis] = indices
    return arr[tuple(grid)]


@handles(np.diagonal)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    moved = np.moveaxis(a, (axis1, axis2), (-2, -1))
    n, m = moved.shape[-2:]
    length = max(0, min(n + min(offset, 0), m - max(offset, 0)))
    k = np.arange(length)
    return moved[..., k + max(-offset, 0), k + max(offset, 0)]


@handles(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    if out is not None:
        refuse_options("trace", {"out": out})
    return np.sum(_diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@handles(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return _diagonal(v, k)
    n = v.shape[0] + abs(k)
    rows = np.arange(v.shape[0])
    return put_flat(v, (rows + max(-k, 0)) * n + rows + max(k, 0), (n, n))


handles(np.diagflat)(lambda v, k=0: _diag(np.ravel(v), k))

# --- the kernels of the gather blocks, so that a solve can itself be traced ------------------------

structured(
    take_flat,
    lambda y, x, positions, in_ndim: _take_batched(x, positions, in_ndim),
    signature="x, positions, in_ndim",
    name="take",
)
structured(
    put_flat,
    lambda y, w, positions, in_shape: _put_batched(w, positions, in_shape),
    signature="w, positions, in_shape",
    name="put",
)


def _take_batched(x: Array, positions: np.ndarray, in_ndim: int) -> Any:
    batch, inner = x.shape[: x.ndim - in_ndim], x.shape[x.ndim - in_ndim :]
    return Take(_stacked_positions(positions, batch, int(np.prod(inner))), x.shape)


def _put_batched(w: Array, positions: np.ndarray, in_shape: tuple[int, ...]) -> Any:
    batch = w.shape[: w.ndim - positions.ndim]
    flat = _stacked_positions(positions, batch, int(np.prod(in_shape)))
    return Take(flat, (*batch, *in_shape)).adjoint


def _stacked_positions(positions: np.ndarray, batch: tuple[int, ...], size: int) -> np.ndarray:
    """One flat map for a stack of equal gathers."""
    starts = size * np.arange(int(np.prod(batch))).reshape(batch + (1,) * positions.ndim)
    stacked: np.ndarray = starts + positions
    return stacked


def _scatter_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    result = []
    for k, (block, parent) in enumerate(zip(static["blocks"], parents, strict=True)):
        if parent >= 0:
            batch = operands[k].ndim - len(block.out_shape)
            result.append((parent, _with_batch(block, y.shape, operands[k].shape, batch).adjoint))
    return result


def _with_batch(block: Scatterable, in_shape: Any, out_shape: Any, batch: int) -> Scatterable:
    """The same gather under leading axes that have become part of the arrays."""
    if isinstance(block, Slice):
        return Slice((slice(None),) * batch + block.index, in_shape, out_shape)
    return Take(_stacked_positions(block.flat, in_shape[:batch], int(np.prod(block.in_shape))), in_shape)


scatter = Primitive("scatter_sum", lambda *ws, blocks: scatter_sum(blocks, *ws), _scatter_blocks)
FUNCTIONS[scatter_sum] = lambda blocks, *ws: bind(scatter, ws, {"blocks": blocks})
