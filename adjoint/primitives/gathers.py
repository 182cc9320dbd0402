"""Functions that pick entries (``take``, diagonals), and the kernels of the gather blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import (
    Array,
    Slice,
    Take,
    put_flat,
    scatter_sum,
    take_flat,
)
from adjoint.blocks.gather import Scatterable
from adjoint.primitives.indexing import flat_positions, getitem_general
from adjoint.tracing import (
    FUNCTIONS,
    Primitive,
    Tracer,
    bind,
    handles,
    stacked,
    structured,
)
from adjoint.tracing.primitive import Blocks, Static


def _take_function_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    if parents[0] < 0:
        return []
    a, indices = operands
    axis, mode, shape = static["axis"], static["mode"], a.shape
    if axis is None:
        axis, shape = 0, (a.size,)
    axis, indices = normalize_axis_index(axis, len(shape)), np.asarray(indices)
    if mode != "raise":
        indices = np.clip(indices, 0, shape[axis] - 1) if mode == "clip" else indices % shape[axis]
    return [(parents[0], Take(flat_positions(shape, ((slice(None),) * axis + (indices,))), a.shape))]


take_function = Primitive(
    "take",
    lambda a, indices, axis, mode: np.take(a, indices, axis, mode=mode),
    _take_function_blocks,
    reads=(frozenset({1}),),
)


@handles(np.take)
def _take(a: Any, indices: Any, axis: int | None = None, out: None = None, mode: str = "raise") -> Any:
    indices = np.asarray(indices, np.intp) if type(indices) is list and not indices else stacked(indices)
    return bind(take_function, (a, indices), {"axis": axis, "mode": mode})


@handles(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        if indices.ndim != 1:
            raise ValueError("when axis=None, `indices` must have a single dimension.")
        return _entries(np.ravel(arr), (indices,))
    if indices.ndim != arr.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    axis = normalize_axis_index(axis, arr.ndim)
    grid = list(np.ogrid[tuple(slice(n) for n in arr.shape)])
    grid[axis] = indices
    return _entries(arr, tuple(grid))


def _entries(a: Any, index: tuple[Any, ...]) -> Any:
    """``a[index]``; recorded also for a plain ``a`` and a traced index."""
    return a[index] if type(a) is Tracer else getitem_general(a, index)


@handles(np.diagonal)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    if a.ndim < 2:
        raise ValueError("diag requires an array of at least two dimensions")
    moved = np.moveaxis(a, (axis1, axis2), (-2, -1))
    n, m = moved.shape[-2:]
    length = max(0, min(n + min(offset, 0), m - max(offset, 0)))
    k = np.arange(length)
    return moved[..., k + max(-offset, 0), k + max(offset, 0)]


@handles(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: None = None) -> Any:
    return np.sum(_diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


@handles(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    if v.ndim == 2:
        return _diagonal(v, k)
    if v.ndim != 1:
        raise ValueError("Input must be 1- or 2-d.")
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
