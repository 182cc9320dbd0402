"""The three products of images, weights and outputs of a convolution, through BLAS.

A few images at a time, so that the copies of their windows stay in the cache.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from adjoint.blocks.kernels import Array, Shape, dispatched
from adjoint.blocks.windows import Windows

CHUNK_BYTES = 1 << 20
"""Of the copied windows at one time: they stay in the cache, and the calls for them do not count."""


@dataclass(frozen=True, repr=False)
class Geometry:
    """How windows move over the images.

    Attributes
    ----------
    axes : tuple of Windows
        Equal ones, of each axis behind the channels.
    groups : int
        Channels that see only the weights of their own group.
    """

    axes: tuple[Windows, ...]
    groups: int = 1

    def __repr__(self) -> str:
        words = [f"taps {self.taps}"]
        if any(n != 1 for n in self.strides):
            words.append(f"strides {self.strides}")
        if any(axis.padding != (0, 0) for axis in self.axes):
            words.append(f"padding {tuple(axis.padding for axis in self.axes)}")
        if any(axis.dilation != 1 for axis in self.axes):
            words.append(f"dilations {tuple(axis.dilation for axis in self.axes)}")
        if self.groups != 1:
            words.append(f"groups {self.groups}")
        return f"<windows: {', '.join(words)}>"

    @cached_property
    def sizes(self) -> Shape:
        return tuple(axis.size for axis in self.axes)

    @cached_property
    def counts(self) -> Shape:
        return tuple(axis.count for axis in self.axes)

    @cached_property
    def taps(self) -> Shape:
        return tuple(axis.taps for axis in self.axes)

    @cached_property
    def strides(self) -> Shape:
        return tuple(axis.stride for axis in self.axes)

    @cached_property
    def padded(self) -> Shape:
        """Sizes of the image with its padding, as far as windows reach."""
        return tuple(axis.size + sum(axis.padding) for axis in self.axes)

    @cached_property
    def inside(self) -> tuple[slice, ...]:
        """Where the image stands in its padding."""
        return tuple(slice(axis.padding[0], axis.padding[0] + axis.size) for axis in self.axes)

    @cached_property
    def pointwise(self) -> bool:
        """Each window is one entry, in order: the image is its windows."""
        return all(axis.taps == 1 and axis.padding == (0, 0) and axis.count == axis.size for axis in self.axes)

    @cached_property
    def triples(self) -> int:
        """How often a tap sees an entry."""
        return math.prod(axis.triples[0].size for axis in self.axes)


# --- the three products -------------------------------------------------------------------------------


@dispatched
def correlated(image: Array, weight: Array, geometry: Any) -> Array:
    """``∂T/∂output``: the convolution."""
    return correlate(image, weight, geometry)


def correlate(image: Array, weight: Array, geometry: Geometry, bias: Array | None = None) -> Array:
    """The convolution, plus a number for each channel of the output: one matrix product for each image and group."""
    groups, batch = geometry.groups, image.shape[0]
    matrix = weight.reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:]))
    dtype = np.result_type(image, weight) if bias is None else np.result_type(image, weight, bias)
    found = np.empty((batch, weight.shape[0], *geometry.counts), dtype)
    out = found.reshape((batch, *matrix.shape[:2], math.prod(geometry.counts)))
    column = None if bias is None else bias.reshape(groups, weight.shape[0] // groups, 1)
    for part, windows in _unfolded(image, geometry):
        y = np.matmul(matrix, windows, out=out[part])
        if column is not None:
            y += column
    return found


@dispatched
def correlated_back(output: Array, weight: Array, geometry: Any) -> Array:
    """``∂T/∂image``: the transposed convolution. Windows are added to the image tap by tap."""
    return correlate_back(output, weight, geometry)


def correlate_back(output: Array, weight: Array, geometry: Geometry, bias: Array | None = None) -> Array:
    """The transposed convolution, plus a number for each channel of the image."""
    groups, batch = geometry.groups, output.shape[0]
    if weight.shape[1] == 1 and weight.shape[0] == groups > 1:
        return _each_channel_back(output, weight, geometry, bias)
    per_group = weight.shape[1]
    matrix = weight.reshape(groups, weight.shape[0] // groups, math.prod(weight.shape[1:])).transpose(0, 2, 1)
    dtype = np.result_type(output, weight) if bias is None else np.result_type(output, weight, bias)
    y = output.reshape(batch, groups, weight.shape[0] // groups, math.prod(geometry.counts))
    if geometry.pointwise:
        image = np.matmul(matrix, y).reshape(batch, groups * per_group, *geometry.sizes)
        return image.astype(dtype, copy=False) if bias is None else image + _at_channels(bias, geometry)
    image = np.zeros((batch, groups * per_group, *geometry.sizes), dtype)
    add = _add_by_rows if len(geometry.axes) == 2 and geometry.strides == (1, 1) else _add_by_taps
    add(image, y, matrix, geometry)
    if bias is not None:
        image += _at_channels(bias, geometry)
    return image


def _add_by_taps(image: Array, y: Array, matrix: Array, geometry: Geometry) -> None:
    """Each tap of all windows is a strided part of the image."""
    batch, channels = image.shape[:2]
    step = _images_at_a_time(matrix.shape[0] * matrix.shape[1] * y.shape[-1] * image.itemsize, batch)
    windows = np.empty((min(step, batch), *matrix.shape[:2], y.shape[-1]), image.dtype)
    for start in range(0, batch, step):
        part = image[start : start + step]
        found: Array = np.matmul(matrix, y[start : start + step], out=windows[: len(part)])
        found = found.reshape(len(part), channels, *geometry.taps, *geometry.counts)
        for taps, positions, entries in _places(geometry):
            part[:, :, *entries] += found[:, :, *taps, *positions]


def _add_by_rows(image: Array, y: Array, matrix: Array, geometry: Geometry) -> None:
    """Without strides, outputs get rows as long as those of the padded image: so each tap is one contiguous part.

    What stands in a row behind the last output is zero, wherever it is added.
    """
    batch, channels = image.shape[:2]
    (rows, columns), (height, width) = geometry.counts, geometry.padded
    dilations = [axis.dilation for axis in geometry.axes]
    step = _images_at_a_time(matrix.shape[0] * matrix.shape[1] * rows * width * image.itemsize, batch)
    some = min(step, batch)
    windows = np.empty((some, *matrix.shape[:2], rows * width), image.dtype)
    wide = np.zeros((some, *y.shape[1:3], rows, width), y.dtype)
    padded = None if geometry.padded == geometry.sizes else np.empty((some, channels, height, width), image.dtype)
    for start in range(0, batch, step):
        part = image[start : start + step]
        n = len(part)
        wide[:n, ..., :columns] = y[start : start + step].reshape(n, *y.shape[1:3], rows, columns)
        found: Array = np.matmul(matrix, wide[:n].reshape(n, *y.shape[1:3], rows * width), out=windows[:n])
        found = found.reshape(n, channels, *geometry.taps, rows * width)
        target = part if padded is None else padded[:n]
        if padded is not None:
            target.fill(0)
        flat = target.reshape(n, channels, height * width)
        for p, q in np.ndindex(geometry.taps):
            first = p * dilations[0] * width + q * dilations[1]
            stop = min(first + rows * width, height * width)
            flat[..., first:stop] += found[:, :, p, q, : stop - first]
        if padded is not None:
            part[...] = target[:, :, *geometry.inside]


@dispatched
def correlated_weights(image: Array, output: Array, geometry: Any) -> Array:
    """``∂T/∂weight``: for each tap, the sum of products of what it sees with the output."""
    groups, batch = geometry.groups, image.shape[0]
    per_group = output.shape[1] // groups
    y = output.reshape(batch, groups, per_group, math.prod(geometry.counts))
    inner = image.shape[1] // groups * math.prod(geometry.taps)
    found = np.zeros((output.shape[1], image.shape[1] // groups, *geometry.taps), np.result_type(image, output))
    total = found.reshape((groups, per_group, inner))
    for part, windows in _unfolded(image, geometry, together=True):
        left = np.ascontiguousarray(y[part].transpose(1, 2, 0, 3)).reshape(groups, per_group, windows.shape[2])
        total += left @ windows.transpose(0, 2, 1)
    return found


def _at_channels(bias: np.ndarray, geometry: Geometry) -> Array:
    return bias.reshape(-1, *(1,) * len(geometry.axes))


def _images_at_a_time(bytes_of_one: int, batch: int) -> int:
    return max(1, min(batch, CHUNK_BYTES // max(1, bytes_of_one)))


def _unfolded(image: Array, geometry: Geometry, *, together: bool = False) -> Iterator[tuple[slice, np.ndarray]]:
    """The windows of a few images after the other: ``(images, groups, channels · taps, positions)``.

    With ``together``, the images' positions stand in one row: ``(groups, channels · taps, images · positions)``.
    """
    batch, channels = image.shape[:2]
    groups, taps, counts = geometry.groups, geometry.taps, geometry.counts
    inner, positions = channels // groups * math.prod(taps), math.prod(counts)
    if geometry.pointwise and not together:
        if batch:
            yield slice(0, batch), image.reshape(batch, groups, inner, positions)
        return
    step = _images_at_a_time(channels * math.prod(taps) * positions * image.itemsize, batch)
    pads = geometry.padded != geometry.sizes
    padded = np.zeros((min(step, batch), channels, *geometry.padded), image.dtype) if pads else None
    shape = (channels, *taps, min(step, batch), *counts) if together else (min(step, batch), channels, *taps, *counts)
    buffer = np.empty(math.prod(shape), image.dtype)
    for start in range(0, batch, step):
        stop = min(start + step, batch)
        part = image[start:stop]
        if padded is not None:
            padded[: stop - start, :, *geometry.inside] = part
            part = padded[: stop - start]
        seen = _windows(part, geometry)
        if not together:
            windows = _front(buffer, (stop - start, *shape[1:]))
            np.copyto(windows, seen)
            yield slice(start, stop), windows.reshape(stop - start, groups, inner, positions)
            continue
        windows = _front(buffer, (channels, *taps, stop - start, *counts))
        np.copyto(windows, np.moveaxis(seen, 0, 1 + len(taps)))
        yield slice(start, stop), windows.reshape(groups, inner, (stop - start) * positions)


def _front(buffer: np.ndarray, shape: Shape) -> np.ndarray:
    """As much of a buffer as the shape needs: there may be fewer images in the end."""
    return buffer[: math.prod(shape)].reshape(shape)


def _windows(image: Array, geometry: Geometry) -> Array:
    """``(images, channels, *taps, *counts)``: a view of the padded image."""
    steps = image.strides[2:]
    by_tap = tuple(step * axis.dilation for step, axis in zip(steps, geometry.axes, strict=True))
    by_position = tuple(step * axis.stride for step, axis in zip(steps, geometry.axes, strict=True))
    shape = (*image.shape[:2], *geometry.taps, *geometry.counts)
    return as_strided(image, shape, (*image.strides[:2], *by_tap, *by_position), writeable=False)


def _places(geometry: Geometry) -> Iterator[tuple[Shape, tuple[slice, ...], tuple[slice, ...]]]:
    """Each tap, the positions whose windows see an entry there, and these entries."""
    for taps in np.ndindex(geometry.taps):
        moves = [axis.moves[tap] for axis, tap in zip(geometry.axes, taps, strict=True)]
        yield taps, tuple(move[0] for move in moves), tuple(move[1] for move in moves)


def _each_channel_back(output: Array, weight: Array, geometry: Geometry, bias: Array | None) -> Array:
    """Depthwise, with one weight for each channel and tap: there is nothing to sum over but the windows."""
    dtype = np.result_type(output, weight) if bias is None else np.result_type(output, weight, bias)
    image = np.zeros((*output.shape[:2], *geometry.sizes), dtype)
    if bias is not None:
        image += _at_channels(bias, geometry)
    step = _images_at_a_time(2 * math.prod(image.shape[1:]) * image.itemsize, len(image))
    for start in range(0, len(image), step):
        part, seen = image[start : start + step], output[start : start + step]
        for taps, positions, entries in _places(geometry):
            part[:, :, *entries] += seen[:, :, *positions] * _at_channels(weight[:, 0, *taps], geometry)
    return image
