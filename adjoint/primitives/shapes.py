"""Reshaping, transposing, broadcasting, joining and splitting: gathers and their adjoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, Identity, Reshape, Roll, Scale, Slice, Transpose
from adjoint.blocks.kernels import as_axes
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import FUNCTIONS, METHODS, Primitive, bind, concrete, handles, here, structured
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static, no_blocks

# --- one array in, the same entries out -----------------------------------------------------------


def _axes(axes: Any, ndim: int) -> tuple[int, ...]:
    if axes is None:
        return tuple(range(ndim))[::-1]
    return tuple(normalize_axis_index(a, ndim) for a in axes)


reshape = structured(
    np.reshape,
    lambda y, a, shape: Reshape(a.shape, y.shape),
    evaluate=lambda a, shape: a.reshape(shape),
    name="reshape",
    reads=SHAPES_ONLY,
)
structured(np.transpose, lambda y, a, axes=None: Transpose(_axes(axes, a.ndim), a.shape), reads=SHAPES_ONLY)
structured(np.copy, lambda y, a: Identity(a.shape), reads=SHAPES_ONLY)
structured(np.broadcast_to, lambda y, array, shape: Scale(1, array.shape, y.shape), reads=SHAPES_ONLY)
_as_float = Primitive(
    "astype",
    lambda x, dtype: x.astype(dtype),
    lambda y, operands, static, parents: [(p, Identity(y.shape)) for p in parents if p >= 0],
)
_as_integer = Primitive("astype", lambda x, dtype: x.astype(dtype), no_blocks, discrete=True)


def _astype(x: Any, dtype: Any, /, *, copy: bool = True, device: None = None) -> Any:
    dtype = np.dtype(dtype)
    return bind(_as_float if dtype.kind in "fc" else _as_integer, (x,), {"dtype": dtype})


METHODS["astype"] = _astype
if hasattr(np, "astype"):  # since NumPy 2.1
    FUNCTIONS[np.astype] = _astype


def _roll(y: Array, a: Array, shift: Any, axis: Any = None) -> Block:
    if axis is None:
        flat = Reshape(a.shape, (a.size,))
        return Reshape((a.size,), a.shape) @ Roll((int(np.sum(shift)),), (-1,), (a.size,)) @ flat
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    shifts = shift if isinstance(shift, (tuple, list)) else (shift,) * len(axes)
    return Roll(tuple(shifts), tuple(normalize_axis_index(k, a.ndim) - a.ndim for k in axes), a.shape)


structured(np.roll, _roll, reads=SHAPES_ONLY)


@handles(np.reshape)
def _reshape(a: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Any:
    """``order="F"`` is the C order of the transposes; ``"A"`` and ``"K"`` follow the memory, where it is contiguous."""
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order in ("A", "K"):
        flags = np.asarray(concrete(a)).flags
        if not flags.c_contiguous and (flags.f_contiguous or order == "K"):
            if not flags.f_contiguous:
                raise UnsupportedArgumentError(f"order='K' of a traced value that is not contiguous: {here()}")
            order = "F"
        else:
            order = "C"
    if order == "C":
        return bind(reshape, (a,), {"shape": shape})
    if order != "F":
        raise ValueError(f"order must be 'C', 'F', 'A' or 'K', not {order!r}: {here()}")
    return np.transpose(bind(reshape, (np.transpose(a),), {"shape": shape[::-1]}))


@handles(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, -1, order)


def _to_shape(function: Any) -> None:
    """NumPy functions that only add or drop unit axes: ask NumPy for the shape, then reshape."""

    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        if args and function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):  # several arrays
            return tuple(function(x) for x in (a, *args))
        shape = function(np.broadcast_to(np.int8(0), a.shape), *args, **kwargs).shape
        return bind(reshape, (a,), {"shape": shape})

    FUNCTIONS[function] = handler


_function: Any
for _function in (np.expand_dims, np.squeeze, np.atleast_1d, np.atleast_2d, np.atleast_3d):
    _to_shape(_function)


def _to_axes(function: Any) -> None:
    """NumPy functions that only permute axes: ask NumPy where the axes go, then transpose."""

    def handler(a: Any, *args: Any, **kwargs: Any) -> Any:
        probe = np.broadcast_to(np.int8(0), tuple(range(2, 2 + a.ndim)))  # axis k has the size k + 2
        return np.transpose(a, tuple(n - 2 for n in function(probe, *args, **kwargs).shape))

    FUNCTIONS[function] = handler


for _function in (np.swapaxes, np.moveaxis, np.rollaxis, np.matrix_transpose):
    _to_axes(_function)


def _flipped(a: Any, axes: tuple[int, ...]) -> Any:
    return a[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(a.ndim))]


@handles(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return _flipped(m, as_axes(axis, m.ndim))


handles(np.flipud)(lambda m: _flipped(m, (0,)))
handles(np.fliplr)(lambda m: _flipped(m, (1,)))

# --- several arrays in ----------------------------------------------------------------------------


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
    return [a if hasattr(a, "ndim") else np.asarray(a) for a in arrays]


@handles(np.concatenate)
def _concatenate(arrays: Any, axis: int | None = 0, out: None = None, dtype: Any = None, **options: Any) -> Any:
    operands = _arrays(arrays)
    if axis is None:
        operands, axis = [np.ravel(a) for a in operands], 0
    joined = bind(concatenate, operands, {"axis": axis})
    return joined if dtype is None else joined.astype(dtype)


@handles(np.stack)
def _stack(arrays: Any, axis: int = 0, out: None = None, *, dtype: Any = None, **options: Any) -> Any:
    joined = bind(stack, _arrays(arrays), {"axis": axis})
    return joined if dtype is None else joined.astype(dtype)


@handles(np.vstack)
def _vstack(tup: Any, *, dtype: Any = None, **options: Any) -> Any:
    return _concatenate([np.atleast_2d(a) for a in _arrays(tup)], 0, dtype=dtype)


@handles(np.hstack)
def _hstack(tup: Any, *, dtype: Any = None, **options: Any) -> Any:
    operands = [np.atleast_1d(a) for a in _arrays(tup)]
    return _concatenate(operands, 0 if operands and operands[0].ndim == 1 else 1, dtype=dtype)


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
    rows = np.array_split(np.arange(ary.shape[axis]), indices_or_sections)
    front = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    starts = np.cumsum([0] + [len(part) for part in rows])
    if not np.isscalar(indices_or_sections):  # explicit cuts may overlap or run backwards
        starts = np.array([part[0] if len(part) else 0 for part in rows] + [0])
    return [ary[(*front, slice(int(start), int(start) + len(part)))] for start, part in zip(starts, rows, strict=False)]


@handles(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    if isinstance(indices_or_sections, (int, np.integer)) and ary.shape[axis] % int(indices_or_sections):
        raise ValueError("array split does not result in an equal division")
    parts: list[Any] = _array_split(ary, indices_or_sections, axis)
    return parts


handles(np.hsplit)(lambda ary, indices_or_sections: _split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0))
handles(np.vsplit)(lambda ary, indices_or_sections: _split(ary, indices_or_sections, 0))
handles(np.dsplit)(lambda ary, indices_or_sections: _split(ary, indices_or_sections, 2))


@handles(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    return tuple(np.broadcast_to(a, shape) for a in args)
