"""Indexing: slices are views, integer and boolean arrays are flat index maps."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from threading import get_ident
from typing import Any

import numpy as np

from adjoint.blocks import (
    Array,
    Inside,
    InsideEntries,
    Outside,
    OutsideEntries,
    Slice,
    Take,
    assigned,
)
from adjoint.errors import LostDerivativeError
from adjoint.primitives.copies import copying
from adjoint.tracing import (
    FUNCTIONS,
    METHODS,
    Primitive,
    Tracer,
    append,
    bind,
    guard,
    here,
    stacked,
)
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Hollow, Static
from adjoint.tracing.tracer import LEAN_BYTES, is_array
from adjoint.tracing.views import View, Written, overwrite, refresh, version


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


take = Primitive(
    "getitem", lambda a, *arrays, index: a[_fill(index, arrays)], _take_blocks, reads=(frozenset(range(1, 65)),)
)


def flat_positions(shape: tuple[int, ...], index: tuple[Any, ...]) -> np.ndarray:
    """The flat positions that ``index`` selects, at the cost of the result's size (not the array's).

    Each axis contributes its own coordinate, as a broadcast view that is indexed.
    """
    flat: Any = 0 if shape else np.broadcast_to(0, ())[index]
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
            return getitem_general(a, parts)
        if type(part) is slice and not _is_plain(part):
            return getitem_general(a, parts)
    return _basic(a, parts)


def _basic(a: Tracer, parts: tuple[Any, ...]) -> Any:
    trace = a._trace
    link = a._link
    if trace.writes and link is not None and type(link) is not Written:
        refresh(a)
    array = a._value
    value = array[parts]
    base = array
    if trace.lean and type(link) is Written and type(array) is np.ndarray and array.nbytes > LEAN_BYTES:
        base = _stand_in(array.shape, array.dtype)  # a small slice does not keep this version of the whole
    if value.ndim == 0 and (isinstance(value, np.generic) or not is_array(value)):
        return append(trace, slice_, (base, parts), (a._index, -1), None, value, a._index >= 0)
    if type(link) is Written and link.private:
        own = _own_memory(value) if 4 * value.nbytes <= array.nbytes else None
        link.private = own is not None  # a small copy is cheaper than one of the owner at its next write
        value = value if own is None else own
    y = append(trace, slice_, (base, parts), (a._index, -1), None, value, a._index >= 0)
    y._link = Sliced(a, parts)
    return y


def _own_memory(view: np.ndarray) -> np.ndarray | None:
    """A copy that reshapes as the view does, with or without a copy; ``None`` where that takes more than this."""
    if view.flags.c_contiguous:
        return view.copy()
    if view.ndim == 2 and view.strides[1] == view.itemsize and view.strides[0] > view.shape[1] * view.itemsize:
        with_gaps = np.empty((view.shape[0], view.shape[1] + 1), view.dtype)[:, :-1]
        with_gaps[...] = view
        return with_gaps
    return None


@lru_cache(maxsize=256)
def _stand_in(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
    """An array without entries of its own, for records that read its shape: NaN, should anything read more.

    A :class:`Hollow` says the same, but is an object that the garbage collector would follow in each record.
    """
    return np.broadcast_to(np.asarray(np.nan if dtype.kind in "fc" else 0, dtype), shape)


_hollow = lru_cache(maxsize=256)(Hollow)


class Sliced(View):
    """``base[parts]`` for a basic index."""

    __slots__ = ("parts",)
    fresh = True

    def __init__(self, base: Tracer, parts: tuple[Any, ...]) -> None:
        self.base = base  # not by super(): a loop makes very many of these
        self.seen = 0 if base._link is None else version(base)
        self.parts = parts

    def rebuild(self) -> Any:
        return _basic(self.base, self.parts)

    def put_back(self, value: Tracer) -> Any:
        return _with_region(self.base, self.parts, value)


def _is_plain(part: slice) -> bool:
    return all(end is None or type(end) is int for end in (part.start, part.stop, part.step))


def getitem_general(a: Tracer, parts: tuple[Any, ...]) -> Any:
    basic, arrays = _sorted_out(parts)
    if not arrays:
        return _basic(a, basic)
    if not isinstance(getattr(a, "_link", None), Written) or any(type(array) is Tracer for array in arrays):
        return bind(take, (a, *arrays), {"index": basic})
    # a copy of entries: the owner stays private, and the record does not keep this version of it
    value = a._value
    base = value
    if a._trace.lean and type(value) is np.ndarray and value.nbytes > LEAN_BYTES:
        base = _stand_in(value.shape, value.dtype)
    arrays = [np.array(array) for array in arrays]
    parents = (a._index, *[-1] * len(arrays))
    chosen = value[_fill(basic, arrays)]
    return append(a._trace, take, (base, *arrays), parents, {"index": basic}, chosen, a._index >= 0)


def _sorted_out(parts: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Any]]:
    """An index as slices and numbers with holes for its arrays, and these arrays."""
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
    return tuple(basic), arrays


METHODS["__getitem__"] = _getitem

# --- writing ----------------------------------------------------------------------------------------


def _assign_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    v = operands[1]
    index = operands[2] if len(operands) == 3 else static["index"]
    result: Blocks = []
    if parents[1] >= 0:
        result.append((parents[1], Inside(index, v.shape, y.shape)))
    if parents[0] >= 0:  # last: a sweep may do it in place
        result.append((parents[0], Outside(index, y.shape)))
    return result


assign = Primitive("setitem", lambda a, v, index: assigned(a, v, index), _assign_blocks, reads=SHAPES_ONLY)


def _with_assignment(a: Any, value: Any, index: Any) -> Any:
    a = np.array(a)
    a[index] = value
    return a


assign_at = copying(_with_assignment, "a", "value", name="setitem")
"""By any index, of which NumPy itself tells which entries it means: for views, whose index may be large."""


def _at_entries(a: Any, v: Any, flat: np.ndarray) -> Any:
    return assigned(a, v, np.unravel_index(flat, a.shape))


def _entries_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    v = operands[1]
    flat = operands[2] if len(operands) == 3 else static["flat"]
    result: Blocks = []
    if parents[1] >= 0:
        result.append((parents[1], InsideEntries(flat, _last_ones(flat), v.shape, y.shape)))
    if parents[0] >= 0:  # last: a sweep may do it in place
        result.append((parents[0], OutsideEntries(flat, y.shape)))
    return result


def _last_ones(flat: np.ndarray) -> np.ndarray | None:
    """Of the entries that are written to one place, the last one stays; ``None`` where no place is named twice."""
    line = flat.ravel()[::-1]
    places, first = np.unique(line, return_index=True)
    if places.size == line.size:
        return None
    stays = np.zeros(line.size, dtype=bool)
    stays[line.size - 1 - first] = True
    return stays.reshape(flat.shape)


assign_entries = Primitive("setitem", _at_entries, _entries_blocks, reads=(frozenset({2}),))


def _assigned(a: Any, v: Any, index: tuple[Any, ...]) -> Any:
    """The kernel of the blocks, and what a write is in an outer trace."""
    if any(isinstance(part, np.ndarray) for part in index):
        return bind(assign_entries, (a, v), {"flat": flat_positions(a.shape, index)})
    return bind(assign, (a, v), {"index": index})


FUNCTIONS[assigned] = _assigned


def _setitem(a: Tracer, index: Any, value: Any) -> None:
    trace = a._trace
    if trace.closed or trace.thread != get_ident():
        trace.refuse_if_closed()
    if trace.writes and type(a._link) is not Written:
        refresh(a)
    parts = index if type(index) is tuple else (index,)
    if type(value) is Tracer:
        link = value._link
        if type(link) is Sliced and link.base is a and link.parts == parts:
            return  # a[index] += v: the view has been written to, and has carried it here
    else:
        value = stacked(value) if type(value) in (list, tuple, np.ndarray) else value
    refuse_narrowing(a, value)
    if not all(type(part) is int or (type(part) is slice and _is_plain(part)) for part in parts):
        basic, arrays = _sorted_out(parts)
        if arrays:
            arrays = [guard(part, np.array) if type(part) is Tracer else part for part in arrays]
            overwrite(a, _with_entries(a, _fill(basic, arrays), value), private=trace.lean)
            return
        parts = basic
    overwrite(a, _with_region(a, parts, value), private=trace.lean)


def _with_region(a: Tracer, parts: tuple[Any, ...], value: Any) -> Any:
    """What ``a`` is after ``a[parts] = value``, in memory that nobody else reads."""
    plain = _in_place(a, value)
    if plain is None:
        return bind(assign, (a, value), {"index": parts})
    number, parent = plain
    a._value[parts] = number
    # the index stands as an operand, as that of a slice does: dicts would keep the garbage collector busy
    return _changed(a, assign, number, parent, parts)


def _with_entries(a: Tracer, index: tuple[Any, ...], value: Any) -> Any:
    """The same for an index with arrays. Where a place is written to twice the last value stays, as NumPy has it."""
    if not a.ndim:
        return assign_at(a, value, index)
    flat = flat_positions(a.shape, index)
    plain = _in_place(a, value)
    if plain is None:
        return bind(assign_entries, (a, value), {"flat": flat})
    number, parent = plain
    a._value[index] = number
    return _changed(a, assign_entries, number, parent, flat)


def _in_place(a: Tracer, value: Any) -> tuple[Any, int] | None:
    """A value and its parent, if it may be written into the memory of ``a``: nobody else reads that.

    A loop that fills one entry after the other then copies the array once, and not each time.
    """
    number, parent = value, -1
    if type(value) is Tracer and value._trace is a._trace:
        if value._link is not None:
            refresh(value)
        number, parent = value._value, value._index
    private = type(a._link) is Written and a._link.private
    if not private or type(number) is Tracer or type(a._value) is not np.ndarray:
        return None
    return number, parent


def _changed(a: Tracer, primitive: Primitive, number: Any, parent: int, where: Any) -> Tracer:
    """The record of a write that has changed the memory of ``a``."""
    trace, array = a._trace, a._value
    before = a._index if a._index >= 0 else -2 - a._index
    trace.values[before] = _hollow(array.shape, array.dtype)  # its memory holds the next version
    number = number.copy() if isinstance(number, np.ndarray) and parent == -1 else number
    operands, parents = (_stand_in(array.shape, array.dtype), number, where), (a._index, parent, -1)
    active = a._index >= 0 or parent >= 0
    return append(trace, primitive, operands, parents, None, array, active, slimmed=True)


def refuse_narrowing(a: Tracer, value: Any) -> None:
    """Raise where a write would lose a derivative: floats into integers, complex numbers into real ones."""
    if type(value) is not Tracer or value._index < -1:
        return
    if a.dtype.kind not in "fc" or (value.dtype.kind == "c" and a.dtype.kind == "f"):
        raise LostDerivativeError(
            f"a traced {value.dtype} would be written into an array of {a.dtype} and lose its derivative: {here()}\n"
            "Make the array with a dtype that holds it: np.zeros_like(x, dtype=float)."
        )


METHODS["__setitem__"] = _setitem
