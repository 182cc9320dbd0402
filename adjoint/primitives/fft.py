"""numpy.fft: every transform is a chain of discrete Fourier transforms along one axis, cropped or padded to ``n``.

The transforms of real signals keep half of the spectrum, since the other half is its conjugate. ``rfft`` drops it;
``irfft`` counts the middle of the given half twice and takes the real part, which also ignores the imaginary parts
of the first frequency and, for even ``n``, of the last.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, Diagonal, Fourier, Identity, RealPart, Slice
from adjoint.blocks.fourier import REVERSED
from adjoint.tracing import handles, structured
from adjoint.tracing.primitive import SHAPES_ONLY

Shape = tuple[int, ...]

# --- one axis ----------------------------------------------------------------------------------------


def _with_length(shape: Shape, axis: int, n: int) -> Shape:
    return (*shape[:axis], n, *shape[axis + 1 :])


def resized(shape: Shape, axis: int, n: int) -> Block:
    """Cropping to the first ``n`` entries along ``axis``, or padding with zeros."""
    if n == shape[axis]:
        return Identity(shape)
    index = (slice(None),) * axis + (slice(0, min(n, shape[axis])),)
    other = _with_length(shape, axis, n)
    return Slice(index, shape, other) if n < shape[axis] else Slice(index, other, shape).adjoint


def _transform(a: Array, n: Any, axis: int, norm: Any, inverse: bool) -> Block:
    n = a.shape[axis] if n is None else operator.index(n)
    return Fourier(axis - a.ndim, inverse, norm or "backward", _with_length(a.shape, axis, n)) @ resized(
        a.shape, axis, n
    )


def _fft(y: Array, a: Array, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Block:
    return _transform(a, n, normalize_axis_index(axis, a.ndim), norm, inverse=False)


def _ifft(y: Array, a: Array, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Block:
    return _transform(a, n, normalize_axis_index(axis, a.ndim), norm, inverse=True)


def _rfft(y: Array, a: Array, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Block:
    axis = normalize_axis_index(axis, a.ndim)
    whole = _transform(a, n, axis, norm, inverse=False)
    return resized(whole.out_shape, axis, y.shape[axis]) @ whole


def _irfft(y: Array, a: Array, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Block:
    axis = normalize_axis_index(axis, a.ndim)
    length = y.shape[axis]
    half = _with_length(y.shape, axis, length // 2 + 1)
    count = np.full(half[axis], 2, y.dtype)
    count[0] = 1
    if length % 2 == 0:
        count[-1] = 1
    count = count.reshape((-1,) + (1,) * (y.ndim - axis - 1))
    whole = Fourier(axis - y.ndim, True, norm or "backward", y.shape)
    spectrum = resized(half, axis, length) @ Diagonal(count, half, half) @ resized(a.shape, axis, half[axis])
    return RealPart(1, y.shape) @ whole @ spectrum


structured(np.fft.fft, _fft, reads=SHAPES_ONLY)
structured(np.fft.ifft, _ifft, reads=SHAPES_ONLY)
structured(np.fft.rfft, _rfft, reads=SHAPES_ONLY)
structured(np.fft.irfft, _irfft, reads=SHAPES_ONLY)


@handles(np.fft.hfft)
def _hfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    n = 2 * (a.shape[axis] - 1) if n is None else n
    reverse: Any = REVERSED.get(norm or "backward", norm)
    return np.fft.irfft(np.conjugate(a), n, axis, norm=reverse)


@handles(np.fft.ihfft)
def _ihfft(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> Any:
    reverse: Any = REVERSED.get(norm or "backward", norm)
    return np.conjugate(np.fft.rfft(a, n, axis, norm=reverse))


# --- several axes ------------------------------------------------------------------------------------


def _lengths_and_axes(a: Any, s: Any, axes: Any, *, of_half: bool = False) -> tuple[list[Any], list[int]]:
    """The arguments as NumPy reads them; ``of_half``: without ``s``, the last axis holds half of a spectrum."""
    if axes is None:
        if s is not None:
            warnings.warn(
                "`axes` should not be `None` if `s` is not `None` (Deprecated in NumPy 2.0)",
                DeprecationWarning,
                stacklevel=5,
            )
        axes = range(-(a.ndim if s is None else len(s)), 0)
    axes = [operator.index(axis) for axis in axes]
    if s is None:
        lengths = [a.shape[axis] for axis in axes]
        if of_half:
            lengths[-1] = 2 * (lengths[-1] - 1)
        return lengths, axes
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    if None in s:
        warnings.warn("`None` values in `s` are deprecated in NumPy 2.0", DeprecationWarning, stacklevel=5)
    return [a.shape[axis] if n == -1 else n for n, axis in zip(s, axes, strict=True)], axes


def _along_all(transform: Callable[..., Any], a: Any, s: Any, axes: Any, norm: Any) -> Any:
    lengths, axes = _lengths_and_axes(a, s, axes)
    for n, axis in reversed(list(zip(lengths, axes, strict=True))):
        a = transform(a, n, axis, norm)
    return a


@handles(np.fft.fftn)
def _fftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return _along_all(np.fft.fft, a, s, axes, norm)


@handles(np.fft.ifftn)
def _ifftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    return _along_all(np.fft.ifft, a, s, axes, norm)


@handles(np.fft.rfftn)
def _rfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    lengths, axes = _lengths_and_axes(a, s, axes)
    a = np.fft.rfft(a, lengths[-1], axes[-1], norm)
    for n, axis in reversed(list(zip(lengths[:-1], axes[:-1], strict=True))):
        a = np.fft.fft(a, n, axis, norm)
    return a


@handles(np.fft.irfftn)
def _irfftn(a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: Any = None) -> Any:
    lengths, axes = _lengths_and_axes(a, s, axes, of_half=True)
    for n, axis in zip(lengths[:-1], axes[:-1], strict=True):
        a = np.fft.ifft(a, n, axis, norm)
    return np.fft.irfft(a, lengths[-1], axes[-1], norm)


def _two_axes(function: Any, general: Callable[..., Any]) -> None:
    @handles(function)
    def handler(a: Any, s: Any = None, axes: Sequence[int] = (-2, -1), norm: Any = None, out: Any = None) -> Any:
        return general(a, s, axes, norm)


_two_axes(np.fft.fft2, _fftn)
_two_axes(np.fft.ifft2, _ifftn)
_two_axes(np.fft.rfft2, _rfftn)
_two_axes(np.fft.irfft2, _irfftn)

# --- order of the frequencies ------------------------------------------------------------------------


def _rolled_by_half(x: Any, axes: Any, forward: bool) -> Any:
    axes = tuple(range(x.ndim)) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    lengths = [x.shape[axis] for axis in axes]
    return np.roll(x, tuple(n // 2 if forward else -(n // 2) for n in lengths), tuple(axes))


handles(np.fft.fftshift)(lambda x, axes=None: _rolled_by_half(x, axes, True))
handles(np.fft.ifftshift)(lambda x, axes=None: _rolled_by_half(x, axes, False))
