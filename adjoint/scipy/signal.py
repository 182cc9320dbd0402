"""scipy.signal: convolutions and linear filters, recorded on traced values; on plain arrays SciPy's own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy
from numpy.lib.array_utils import normalize_axis_index
from scipy import signal

from adjoint.blocks import Array, Contraction, Identity, Recursion, convolved, recursive
from adjoint.blocks.recursion import delayed
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, here, stacked
from adjoint.tracing.primitive import Blocks, Static

__all__ = ["convolve", "correlate", "detrend", "fftconvolve", "lfilter", "oaconvolve", "savgol_filter"]


def _arrays(*xs: Any) -> list[Any] | None:
    """The arguments as arrays if one of them is traced, else ``None``."""
    found = [x if x is None else stacked(x) for x in xs]
    if not any(type(x) is Tracer for x in found):
        return None
    return [x if x is None or hasattr(x, "ndim") else np.asarray(x) for x in found]


def _along(axis: int, part: slice) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, part)


# --- convolution -------------------------------------------------------------------------------------


def _centered(whole: Any, shape: Sequence[int]) -> Any:
    """The middle of an array, as SciPy cuts it."""
    starts = [(n - m) // 2 for n, m in zip(whole.shape, shape, strict=True)]
    return whole[tuple(slice(start, start + m) for start, m in zip(starts, shape, strict=True))]


def _swapped_if_valid(a: Any, b: Any, mode: str, axes: Sequence[int]) -> tuple[Any, Any]:
    """In the mode "valid" the larger one first."""
    if mode not in ("full", "same", "valid"):
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    if mode != "valid" or all(a.shape[k] >= b.shape[k] for k in axes):
        return a, b
    if not all(b.shape[k] >= a.shape[k] for k in axes):
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
    return b, a


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """See :func:`scipy.signal.convolve`."""
    arrays = _arrays(in1, in2)
    if arrays is None:
        return signal.convolve(in1, in2, mode, method)
    a, b = arrays
    if a.ndim == b.ndim == 0:
        return a * b
    if a.ndim != b.ndim:
        raise ValueError("volume and kernel should have the same dimensionality")
    a, b = _swapped_if_valid(a, b, mode, range(a.ndim))
    if method == "auto":
        probes = (np.broadcast_to(x.dtype.type(0), x.shape) for x in (a, b))
        method = signal.choose_conv_method(*probes, mode=mode)
    if method == "fft":
        return fftconvolve(a, b, mode).astype(np.result_type(a.dtype, b.dtype))
    if method != "direct":
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    if mode == "valid":
        return convolved(a, b, "valid")
    whole = convolved(a, b, "full")
    return whole if mode == "full" else _centered(whole, a.shape)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """See :func:`scipy.signal.correlate`."""
    arrays = _arrays(in1, in2)
    if arrays is None:
        return signal.correlate(in1, in2, mode, method)
    a, b = arrays
    return convolve(a, np.conjugate(np.flip(b)) if b.dtype.kind == "c" else np.flip(b), mode, method)


def fftconvolve(in1: Any, in2: Any, mode: str = "full", axes: Any = None) -> Any:
    """See :func:`scipy.signal.fftconvolve`."""
    arrays = _arrays(in1, in2)
    if arrays is None:
        return signal.fftconvolve(in1, in2, mode, axes)
    a, b = arrays
    if a.ndim == b.ndim == 0:
        return a * b
    if a.ndim != b.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if not a.size or not b.size:
        return np.array([])
    given = range(a.ndim) if axes is None else axes if isinstance(axes, (tuple, list)) else (axes,)
    if not len(given):
        raise ValueError("when provided, axes cannot be empty")
    along = [k for k in (normalize_axis_index(k, a.ndim) for k in given) if a.shape[k] != 1 and b.shape[k] != 1]
    np.broadcast_shapes(*(tuple(n for k, n in enumerate(x.shape) if k not in along) for x in (a, b)))
    a, b = _swapped_if_valid(a, b, mode, along)
    whole = _product_of_spectra(a, b, along)
    if mode == "full":
        return whole
    if mode == "same":
        return _centered(whole, a.shape)
    lengths = zip(whole.shape, a.shape, b.shape, strict=True)
    return _centered(whole, [n - m + 1 if k in along else all_ for k, (all_, n, m) in enumerate(lengths)])


oaconvolve = fftconvolve
"""SciPy's overlap-add method is another order of the same sums."""


def _product_of_spectra(a: Any, b: Any, axes: list[int]) -> Any:
    if not axes:
        return a * b
    is_complex = "c" in (a.dtype.kind, b.dtype.kind)
    forth, back = (np.fft.fftn, np.fft.ifftn) if is_complex else (np.fft.rfftn, np.fft.irfftn)
    counts = [a.shape[k] + b.shape[k] - 1 for k in axes]
    padded = [scipy.fft.next_fast_len(n, not is_complex) for n in counts]
    whole = back(forth(a, padded, axes) * forth(b, padded, axes), padded, axes)
    cut = [slice(None)] * a.ndim
    for k, n in zip(axes, counts, strict=True):
        cut[k] = slice(0, n)
    return whole[tuple(cut)]


# --- recursive filters -------------------------------------------------------------------------------


def _recursion_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``c(y, tail, u) = y + tail * y - u``, the product being a convolution with what came before."""
    axis = static["axis"]
    result: Blocks = []
    if parents[0] >= 0:
        before = np.stack([delayed(y, k + 1, axis) for k in range(operands[0].shape[0])], -1)
        labels = tuple(range(y.ndim))
        result.append((parents[0], Contraction(("k",), (*labels, "k"), labels, -before, operands[0].shape, y.shape)))
    if parents[1] >= 0:
        result.append((parents[1], Identity(y.shape)))
    return result


_recursive = Primitive(
    "lfilter",
    lambda tail, u, axis: recursive(tail, u, axis),
    _recursion_blocks,
    diagonal=lambda y, operands, static: Recursion(operands[0], static["axis"], y.shape),
)
FUNCTIONS[recursive] = lambda tail, u, axis: bind(_recursive, (tail, u), {"axis": axis})


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    """See :func:`scipy.signal.lfilter`.

    Notes
    -----
    ``a * y = b * x``, with both convolutions cut to the length of ``x``: a convolution, and an implicit constraint
    with a banded triangular diagonal block that is solved by the filter itself.
    """
    arrays = _arrays(b, a, x, zi)
    if arrays is None:
        return signal.lfilter(b, a, x, axis, zi)
    b, a = (np.reshape(taps, (1,)) if not taps.ndim else taps for taps in arrays[:2])
    x, zi = arrays[2:]
    for name, taps in (("b", b), ("a", a)):
        if taps.ndim != 1 or not taps.size:
            raise ValueError(f"Parameter {name} is not a non-empty 1d array, since its shape is {taps.shape}!")
    axis = normalize_axis_index(axis, x.ndim)
    dtype = np.result_type(*(part.dtype for part in (b, a, x, zi) if part is not None))
    order = max(b.size, a.size) - 1
    b, a = b / a[0], a / a[0]
    n = x.shape[axis]
    inflow = _through(b, x, axis, n + order)
    if zi is not None:
        expected = (*x.shape[:axis], order, *x.shape[axis + 1 :])
        state = np.broadcast_to(zi, expected)
        inflow = inflow + np.concatenate(
            [state, np.zeros((*x.shape[:axis], n, *x.shape[axis + 1 :]), state.dtype)], axis
        )
    y = inflow[_along(axis, slice(0, n))]
    if a.size > 1:
        y = recursive(a[1:], y, axis - x.ndim)
    y = y if y.dtype == dtype else y.astype(dtype)
    if zi is None:
        return y
    return y, (inflow - _through(a, y, axis, n + order))[_along(axis, slice(n, n + order))].astype(dtype)


def _through(taps: Any, x: Any, axis: int, length: int) -> Any:
    """The convolution along one axis, with zeros up to the given length."""
    whole = convolved(x, np.reshape(taps, tuple(-1 if k == axis else 1 for k in range(x.ndim))), "full")
    missing = length - whole.shape[axis]
    rest = np.zeros((*whole.shape[:axis], missing, *whole.shape[axis + 1 :]), whole.dtype)
    return np.concatenate([whole, rest], axis) if missing else whole


# --- smoothing ---------------------------------------------------------------------------------------


def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0, overwrite_data: bool = False) -> Any:
    """See :func:`scipy.signal.detrend`."""
    arrays = _arrays(data)
    if arrays is None:
        return signal.detrend(data, axis, type, bp, overwrite_data)
    x = arrays[0]
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    if type in ("constant", "c"):
        return x - np.mean(x, axis, keepdims=True)
    n = x.shape[axis]
    cuts = np.unique([0, *np.atleast_1d(bp), n])
    if cuts[-1] > n:
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    moved = np.moveaxis(x, axis, -1)
    parts = []
    for start, stop in pairwise(cuts):
        line = np.stack([np.ones(stop - start), np.arange(1, stop - start + 1) / (stop - start)], 1)
        basis = np.linalg.qr(line)[0].astype(x.dtype)  # orthonormal: the trend is the projection on it
        part = moved[..., start:stop]
        parts.append(part - (part @ basis) @ basis.T)
    return np.moveaxis(np.concatenate(parts, -1), -1, axis)


_PADS = {"mirror": "reflect", "constant": "constant", "nearest": "edge", "wrap": "wrap"}


def savgol_filter(
    x: Any,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: float = 0.0,
) -> Any:
    """See :func:`scipy.signal.savgol_filter`; windows of odd length."""
    options = (window_length, polyorder, deriv, delta)
    arrays = _arrays(x)
    if arrays is None:
        return signal.savgol_filter(x, *options, axis, mode, cval)
    if mode not in ("interp", *_PADS):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest' 'wrap' or 'interp'.")
    if window_length % 2 == 0:
        raise UnsupportedArgumentError(f"savgol_filter of a traced value takes an odd window_length: {here()}")
    x = arrays[0] if arrays[0].dtype in (np.float32, np.float64) else arrays[0].astype(np.float64)
    taps = signal.savgol_coeffs(window_length, polyorder, deriv, delta).astype(x.dtype)
    half = window_length // 2
    moved = np.moveaxis(x, axis, -1)
    kernel = taps.reshape((1,) * (x.ndim - 1) + (-1,))
    if mode == "interp":
        if window_length > moved.shape[-1]:
            raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
        # near the ends the polynomial of the first and the last window: constant matrices, told by SciPy
        ends = signal.savgol_filter(np.eye(window_length), *options, axis=0).astype(x.dtype)
        first, last = moved[..., :window_length] @ ends[:half].T, moved[..., -window_length:] @ ends[half + 1 :].T
        y = np.concatenate([first, convolved(moved, kernel, "valid"), last], -1)
    else:
        pad: Any = np.pad
        widths = [(0, 0)] * (x.ndim - 1) + [(half, half)]
        constant = {"constant_values": cval} if mode == "constant" else {}
        y = convolved(pad(moved, widths, mode=_PADS[mode], **constant), kernel, "valid")
    return np.moveaxis(y, -1, axis)


def __getattr__(name: str) -> Any:
    return getattr(signal, name)
