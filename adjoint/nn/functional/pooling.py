"""Pools of sequences and images: the largest entry or the mean of each window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, WindowMean, WindowPick
from adjoint.blocks.block import adjoint_of
from adjoint.blocks.pooling import (
    window_choices,
    window_maxima,
    window_picks,
    window_puts,
    window_spread,
    window_sums,
)
from adjoint.blocks.windows import Windows, adaptive_windows, equal_windows
from adjoint.nn.functional._operations import as_array, expect_axes, operation, refuse, several
from adjoint.tracing import ZERO, structured
from adjoint.tracing.primitive import RESULT, SHAPES_ONLY, Blocks, Static

Sizes = int | Sequence[int]
SEQUENCES, IMAGES = "(batch, channels, length)", "(batch, channels, height, width)"

# --- the rules ----------------------------------------------------------------------------------------


def _pick(y: Array, v: Array, choices: Array, axes: Any) -> WindowPick:
    return WindowPick(np.broadcast_to(choices, y.shape), axes, v.shape)


def _put(y: Array, w: Array, choices: Array, axes: Any) -> Any:
    return adjoint_of(WindowPick(np.broadcast_to(choices, w.shape), axes, y.shape))


structured(window_sums, lambda y, x, axes: WindowMean(1.0, axes, x.shape), reads=SHAPES_ONLY)
structured(window_spread, lambda y, w, axes: adjoint_of(WindowMean(1.0, axes, y.shape)), reads=SHAPES_ONLY)
structured(window_choices, ZERO, ZERO, signature="x, y, axes", discrete=True)
structured(window_picks, _pick, ZERO, reads=(frozenset({1}),))
structured(window_puts, _put, ZERO, reads=(frozenset({1}),))


def _choosing(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    axes = static["axes"]
    return [(parents[0], WindowPick(window_choices(operands[0], y, axes), axes, operands[0].shape))]


def _averaging(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    return [(parents[0], WindowMean(static["scale"], static["axes"], operands[0].shape))]


def _maxima(x: Any, axes: tuple[Windows, ...]) -> Any:
    return window_maxima(x, axes)


def _means(x: Any, axes: tuple[Windows, ...], scale: Any) -> Any:
    return WindowMean(scale, axes, x.shape).apply(x)


_READS = (frozenset({0, RESULT}),)
_MAXIMA = {
    name: operation(name, _maxima, _choosing, _READS)
    for name in ("max_pool1d", "max_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d")
}
_MEANS = {
    name: operation(name, _means, _averaging, SHAPES_ONLY)
    for name in ("average_pool1d", "average_pool2d", "adaptive_average_pool1d", "adaptive_average_pool2d")
}

# --- what users call ----------------------------------------------------------------------------------


def max_pool1d(x: Any, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1) -> Any:
    """The largest entry of each window of sequences: :func:`max_pool2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    kernel, stride, padding, dilation
        As of :func:`max_pool2d`.

    Returns
    -------
    array (batch, channels, positions)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2))
    [[[3. 2.]]]
    """
    return _max_pool("max_pool1d", SEQUENCES, x, kernel, stride, padding, dilation)


def max_pool2d(x: Any, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1) -> Any:
    """The largest entry of each window of images.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    kernel : int or pair of int
        Rows and columns of a window.
    stride : int or pair of int, optional
        From window to window; by default the kernel, so that windows tile the image.
    padding : int or pair of int
        Rows and columns of −∞ on each side, at most half of the kernel.
    dilation : int or pair of int
        From tap to tap.

    Returns
    -------
    array (batch, channels, rows, columns)

    Notes
    -----
    One constraint with a gather block: each row of the matrix has a single one, at the entry that is the largest of its
    window. Where several are, that is the first one in C order. NaN counts as the largest.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> print(functional.max_pool2d(x, 2)[0, 0])
    [[ 5.  7.]
     [13. 15.]]
    >>> print(adjoint.trace(lambda x: functional.max_pool2d(x, 2), x).compile().block(2, 1))
    <gather block (1, 1, 4, 4) → (1, 1, 2, 2), 4 nonzeros>
    """
    return _max_pool("max_pool2d", IMAGES, x, kernel, stride, padding, dilation)


def average_pool1d(
    x: Any, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Any:
    """The mean of each window of sequences: :func:`average_pool2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    kernel, stride, padding, count_include_pad
        As of :func:`average_pool2d`.

    Returns
    -------
    array (batch, channels, positions)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.average_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 2))
    [[[2. 1.]]]
    """
    return _average_pool("average_pool1d", SEQUENCES, x, kernel, stride, padding, count_include_pad)


def average_pool2d(
    x: Any, kernel: Sizes, stride: Sizes | None = None, padding: Sizes = 0, count_include_pad: bool = True
) -> Any:
    """The mean of each window of images.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    kernel, stride, padding
        As of :func:`max_pool2d`; the padding is zeros.
    count_include_pad : bool
        Whether the zeros of the padding count as entries.

    Returns
    -------
    array (batch, channels, rows, columns)

    Notes
    -----
    One constraint with a reduce block: one nonzero for each entry that a window sees, and nothing held. Sums are taken
    along one axis after the other, ``tap_rows + tap_columns`` additions for each window.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> print(functional.average_pool2d(x, 2)[0, 0])
    [[ 2.5  4.5]
     [10.5 12.5]]
    >>> print(adjoint.trace(lambda x: functional.average_pool2d(x, 2), x).compile().block(2, 1))
    <reduce block (1, 1, 4, 4) → (1, 1, 2, 2), 16 nonzeros>
    """
    return _average_pool("average_pool2d", IMAGES, x, kernel, stride, padding, count_include_pad)


def adaptive_max_pool1d(x: Any, output_size: Sizes) -> Any:
    """The largest entry of each of ``output_size`` windows: :func:`adaptive_max_pool2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    output_size : int

    Returns
    -------
    array (batch, channels, output_size)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.adaptive_max_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0, 5.0]]]), 2))
    [[[3. 5.]]]
    """
    return _adaptive(_MAXIMA, "adaptive_max_pool1d", SEQUENCES, x, output_size)


def adaptive_max_pool2d(x: Any, output_size: Sizes) -> Any:
    """The largest entry of each of ``rows × columns`` windows that cover the image evenly.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    output_size : int or pair of int
        Windows along each axis; the ``i``-th of ``m`` sees the entries ``⌊i n / m⌋ … ⌈(i + 1) n / m⌉ − 1``. With 1, the
        pool is global.

    Returns
    -------
    array (batch, channels, rows, columns)

    Notes
    -----
    One constraint with the gather block of :func:`max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.adaptive_max_pool2d(np.arange(15.0).reshape(1, 1, 3, 5), (2, 3))[0, 0])
    [[ 6.  8.  9.]
     [11. 13. 14.]]
    """
    return _adaptive(_MAXIMA, "adaptive_max_pool2d", IMAGES, x, output_size)


def adaptive_average_pool1d(x: Any, output_size: Sizes) -> Any:
    """The mean of each of ``output_size`` windows: :func:`adaptive_average_pool2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    output_size : int

    Returns
    -------
    array (batch, channels, output_size)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.adaptive_average_pool1d(np.array([[[1.0, 3.0, 2.0, 0.0]]]), 1))
    [[[1.5]]]
    """
    return _adaptive(_MEANS, "adaptive_average_pool1d", SEQUENCES, x, output_size)


def adaptive_average_pool2d(x: Any, output_size: Sizes) -> Any:
    """The mean of each of ``rows × columns`` windows that cover the image evenly.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    output_size : int or pair of int
        As of :func:`adaptive_max_pool2d`. With 1, the pool is global.

    Returns
    -------
    array (batch, channels, rows, columns)

    Notes
    -----
    One constraint with the reduce block of :func:`average_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.adaptive_average_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 1))
    [[[[7.5]]]]
    """
    return _adaptive(_MEANS, "adaptive_average_pool2d", IMAGES, x, output_size)


# --- what they share ----------------------------------------------------------------------------------


def _max_pool(name: str, axes: str, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Any:
    x = as_array(x)
    expect_axes(name, x, axes)
    return _MAXIMA[name](x, axes=_windows(name, x, kernel, stride, padding, dilation))


def _average_pool(name: str, axes: str, x: Any, kernel: Any, stride: Any, padding: Any, include: bool) -> Any:
    x = as_array(x)
    expect_axes(name, x, axes)
    windows = _windows(name, x, kernel, stride, padding, 1)
    scale: Any = 1.0 / math.prod(axis.taps for axis in windows)
    if not include and any(axis.padding != (0, 0) for axis in windows):
        scale = _one_over_counts(windows)
    return _MEANS[name](x, axes=windows, scale=scale)


def _adaptive(operations: dict[str, Any], name: str, axes: str, x: Any, output_size: Any) -> Any:
    x = as_array(x)
    expect_axes(name, x, axes)
    counts = several(name, "output_size", output_size, x.ndim - 2, 1)
    if 0 in x.shape[2:]:
        refuse(name, f"x {x.shape} has no entries to pool")
    windows = tuple(adaptive_windows(n, m) for n, m in zip(x.shape[2:], counts, strict=True))
    if operations is _MAXIMA:
        return _MAXIMA[name](x, axes=windows)
    equal = all(axis.lengths is None for axis in windows)
    scale = 1.0 / math.prod(axis.taps for axis in windows) if equal else _one_over_counts(windows)
    return _MEANS[name](x, axes=windows, scale=scale)


def _one_over_counts(windows: Sequence[Windows]) -> np.ndarray:
    """For each window, one over the number of entries that it sees."""
    scale = np.ones(())
    for axis in windows:
        scale = scale[..., None] / np.count_nonzero(axis.entries >= 0, axis=1)
    return scale


def _windows(name: str, x: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[Windows, ...]:
    count, sizes = x.ndim - 2, x.shape[2:]
    taps = several(name, "kernel", kernel, count, 1)
    strides = taps if stride is None else several(name, "stride", stride, count, 1)
    pads = several(name, "padding", padding, count, 0)
    dilations = several(name, "dilation", dilation, count, 1)
    if any(2 * pad > k for pad, k in zip(pads, taps, strict=True)):
        refuse(name, f"padding {pads} must be at most half of the kernel {taps}")
    reach = tuple(d * (k - 1) + 1 for k, d in zip(taps, dilations, strict=True))
    padded = tuple(n + 2 * pad for n, pad in zip(sizes, pads, strict=True))
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        what = f"windows of {taps}" + (f", which reach over {reach}," if reach != taps else "")
        refuse(name, f"{what} do not fit into the image {tuple(sizes)}, which is {padded} with its padding")
    windows = tuple(
        equal_windows(n, k, s, pad, pad, d)
        for n, k, s, pad, d in zip(sizes, taps, strides, pads, dilations, strict=True)
    )
    if any((axis.entries < 0).all(axis=1).any() for axis in windows):
        refuse(
            name, f"with padding {pads} and dilation {dilations}, some window of {taps} sees no entry of {tuple(sizes)}"
        )
    return windows
