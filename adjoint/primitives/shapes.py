"""Reshaping, transposing and broadcasting: gathers and their adjoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, Identity, Reshape, Roll, Scale, Transpose
from adjoint.blocks.kernels import as_axes
from adjoint.tracing import FUNCTIONS, METHODS, Primitive, bind, concrete, handles, here, structured
from adjoint.tracing.primitive import SHAPES_ONLY, no_blocks
from adjoint.tracing.program import KEEPS_ENTRIES

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
structured(
    np.copy,
    lambda y, a, order="K", subok=False: Identity(a.shape),
    evaluate=lambda a, order="K", subok=False: np.copy(a, order),
    reads=SHAPES_ONLY,
)
_broadcast = structured(
    np.broadcast_to,
    lambda y, array, shape, subok=False: Scale(1, array.shape, y.shape),
    evaluate=lambda array, shape, subok=False: np.broadcast_to(array, shape),
    reads=SHAPES_ONLY,
)
KEEPS_ENTRIES.update((reshape, _broadcast))
_as_float = Primitive(
    "astype",
    lambda x, dtype: x.astype(dtype),
    lambda y, operands, static, parents: [(p, Identity(y.shape)) for p in parents if p >= 0],
)
_as_integer = Primitive("astype", lambda x, dtype: x.astype(dtype), no_blocks, discrete=True)


def _astype(
    x: Any,
    dtype: Any,
    /,
    order: str = "K",
    casting: Any = "unsafe",
    subok: bool = True,
    copy: bool = True,
    *,
    device: None = None,
) -> Any:
    dtype = np.dtype(dtype)
    if not copy and dtype == x.dtype:
        return x
    refuse_cast([x], dtype, casting)
    return bind(_as_float if dtype.kind in "fc" else _as_integer, (x,), {"dtype": dtype})


def refuse_cast(arrays: Sequence[Any], dtype: np.dtype[Any], casting: Any) -> None:
    """Raise where ``casting`` does not allow it."""
    for x in arrays:
        if not np.can_cast(x.dtype, dtype, casting):
            raise TypeError(f"Cannot cast array data from {x.dtype!r} to {dtype!r} according to the rule {casting!r}")


METHODS["astype"] = _astype
if hasattr(np, "astype"):  # since NumPy 2.1
    FUNCTIONS[np.astype] = _astype


def _roll(y: Array, a: Array, shift: Any, axis: Any = None) -> Block:
    if axis is None:
        flat = Reshape(a.shape, (a.size,))
        return Reshape((a.size,), a.shape) @ Roll((int(np.sum(shift)),), (-1,), (a.size,)) @ flat
    shifts, axes = np.broadcast_arrays(np.atleast_1d(shift), np.atleast_1d(axis))
    places = tuple(normalize_axis_index(int(k), a.ndim) - a.ndim for k in axes)
    return Roll(tuple(int(k) for k in shifts), places, a.shape)


structured(np.roll, _roll, reads=SHAPES_ONLY)


@handles(np.reshape)
def _reshape(a: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Any:
    """``order="F"`` is the C order of the transposes; ``"A"`` follows the memory, where it is contiguous."""
    shape = tuple(shape) if isinstance(shape, (tuple, list, np.ndarray)) else (shape,)
    if copy:
        a = np.copy(a)
    elif copy is False:
        plain: Any = np.asarray(concrete(a))
        plain.reshape(shape, order=order, copy=False)  # NumPy's own complaint where it would copy
    if order == "A":
        order = "F" if np.asarray(concrete(a)).flags.fnc else "C"
    if order not in ("C", "F"):
        raise ValueError(f"order must be one of 'C', 'F' or 'A' for reshaping (got {order!r}): {here()}")
    if order == "C":
        return bind(reshape, (a,), {"shape": shape})
    return np.transpose(bind(reshape, (np.transpose(a),), {"shape": shape[::-1]}))


@handles(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    """``order="K"`` is the C order of the axes from the slowest in memory to the fastest."""
    if order == "K":
        strides = np.asarray(concrete(a)).strides
        axes = sorted(range(a.ndim), key=lambda k: -abs(strides[k]))
        a, order = a if axes == list(range(a.ndim)) else np.transpose(a, axes), "C"
    flat = _reshape(a, -1, order)
    # what reshape makes a strided view (of a[::-1], say), ravel copies
    return flat if np.asarray(concrete(flat)).flags.c_contiguous else np.copy(flat)


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


@handles(np.flipud)
def _flipud(m: Any) -> Any:
    if m.ndim < 1:
        raise ValueError("Input must be >= 1-d.")
    return _flipped(m, (0,))


@handles(np.fliplr)
def _fliplr(m: Any) -> Any:
    if m.ndim < 2:
        raise ValueError("Input must be >= 2-d.")
    return _flipped(m, (1,))


@handles(np.broadcast_arrays)
def _broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    if all(np.shape(a) == shape for a in args):
        return tuple(a if hasattr(a, "shape") else np.asarray(a) for a in args)  # NumPy gives the arrays themselves
    return tuple(np.broadcast_to(a, shape) for a in args)
