"""Joining and splitting arrays: a part of the whole is a slice of it, in one direction or the other."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Slice
from adjoint.primitives.shapes import refuse_cast
from adjoint.tracing import FUNCTIONS, Primitive, bind, handles, stacked
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

# --- joining --------------------------------------------------------------------------------------


def _join(*arrays: Any, axis: int) -> Any:
    return np.concatenate(arrays, axis)


def _parts(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """Part ``k`` of a concatenation is the adjoint of a slice; offsets are added up once."""
    axis = normalize_axis_index(static["axis"], y.ndim)
    result, start = [], 0
    for x, parent in zip(operands, parents, strict=True):
        stop = start + x.shape[axis]
        if parent >= 0:
            index = (slice(None),) * axis + (slice(start, stop),)
            result.append((parent, Slice(index, y.shape, x.shape).adjoint))
        start = stop
    return result


def _stack_parts(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    axis = normalize_axis_index(static["axis"], y.ndim)
    front = (slice(None),) * axis
    return [
        (parent, Slice((*front, k), y.shape, operands[k].shape).adjoint)
        for k, parent in enumerate(parents)
        if parent >= 0
    ]


concatenate = Primitive("concatenate", _join, _parts, reads=SHAPES_ONLY)
stack = Primitive("stack", lambda *arrays, axis: np.stack(arrays, axis), _stack_parts, reads=SHAPES_ONLY)


def _arrays(arrays: Any) -> list[Any]:
    found = [stacked(a) for a in arrays]
    return [a if hasattr(a, "ndim") else np.asarray(a) for a in found]


def _in_dtype(joined: Any, arrays: Sequence[Any], dtype: Any, casting: Any) -> Any:
    if dtype is None and casting == "same_kind":
        return joined
    dtype = joined.dtype if dtype is None else np.dtype(dtype)
    refuse_cast(arrays, dtype, casting)
    return joined if joined.dtype == dtype else joined.astype(dtype)


@handles(np.concatenate)
def _concatenate(
    arrays: Any, /, axis: int | None = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind"
) -> Any:
    operands = _arrays(arrays)
    if axis is None:
        operands, axis = [np.ravel(a) for a in operands], 0
    return _in_dtype(bind(concatenate, operands, {"axis": axis}), operands, dtype, casting)


@handles(np.stack)
def _stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    operands = _arrays(arrays)
    return _in_dtype(bind(stack, operands, {"axis": axis}), operands, dtype, casting)


@handles(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    return _concatenate([np.atleast_2d(a) for a in _arrays(tup)], 0, dtype=dtype, casting=casting)


@handles(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, casting: Any = "same_kind") -> Any:
    operands = [np.atleast_1d(a) for a in _arrays(tup)]
    axis = 0 if operands and operands[0].ndim == 1 else 1
    return _concatenate(operands, axis, dtype=dtype, casting=casting)


@handles(np.dstack)
def _dstack(tup: Any) -> Any:
    return _concatenate([np.atleast_3d(a) for a in _arrays(tup)], 2)


@handles(np.column_stack)
def _column_stack(tup: Any) -> Any:
    return _concatenate([a if a.ndim > 1 else np.reshape(a, (a.size, 1)) for a in _arrays(tup)], 1)


@handles(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([arr, values], axis)


# --- splitting ------------------------------------------------------------------------------------


@handles(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    axis = normalize_axis_index(axis, ary.ndim)
    n = ary.shape[axis]
    if np.ndim(indices_or_sections):  # explicit cuts may overlap, run backwards or lie beyond
        cuts = [0, *(operator.index(cut) for cut in indices_or_sections), n]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        shortest, longer = divmod(n, sections)
        cuts = [k * shortest + min(k, longer) for k in range(sections + 1)]
    front = (slice(None),) * axis
    return [ary[(*front, slice(start, stop))] for start, stop in pairwise(cuts)]


@handles(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    if not np.ndim(indices_or_sections) and ary.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    parts: list[Any] = _array_split(ary, indices_or_sections, axis)
    return parts


def _split_along(function: Any, axis: int, least: int) -> None:
    def handler(ary: Any, indices_or_sections: Any) -> list[Any]:
        if ary.ndim < least:
            raise ValueError(f"{function.__name__} only works on arrays of {least} or more dimensions")
        parts: list[Any] = _split(ary, indices_or_sections, min(axis, ary.ndim - 1))
        return parts

    FUNCTIONS[function] = handler


_split_along(np.hsplit, 1, 1)
_split_along(np.vsplit, 0, 2)
_split_along(np.dsplit, 2, 3)
