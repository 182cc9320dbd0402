"""Convolutions and transposed convolutions of sequences and images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from adjoint.nn import functional
from adjoint.nn.initializers import Initializer
from adjoint.nn.layers.layer import (
    Initial,
    Layer,
    Shape,
    Tree,
    at_least_one,
    drawn,
    expect_axes,
    output_shape,
    parameter,
    refuse_shape,
)

Sizes = int | Sequence[int]
Padding = Sizes | Literal["same", "valid"]
SEQUENCE, IMAGE = "(channels, length)", "(channels, height, width)"


@dataclass(frozen=True, slots=True, repr=False)
class Conv1d(Layer):
    """Convolution of sequences, :func:`adjoint.nn.functional.conv1d`.

    Parameters
    ----------
    channels : int
        Of the output.
    kernel : int
        Taps of each window.
    stride, padding, dilation, groups
        As of the functional.
    bias : bool
    initializer : str or callable
        Of the weight; biases begin with 0.

    Notes
    -----
    Parameters: ``weight`` (channels, input channels // groups, kernel) and ``bias`` (channels,). One constraint with
    the blocks of :class:`Conv2d`; that of ``x`` is banded::

        x      ╲╲╲            A[x, y] = Toeplitz bands of the weight
                ╲╲╲
        weight ▤              A[weight, y] = windows of x
        bias   ╲╲╲            A[bias, y] = 1 … 1

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> parameters, _, shape = nn.Conv1d(8, 3, padding="same").initialize(np.random.default_rng(0), (2, 10))
    >>> parameters["weight"].shape, shape
    ((8, 2, 3), (8, 10))
    """

    channels: int
    kernel: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    initializer: str | Initializer = "he_normal"

    def __post_init__(self) -> None:
        _checked(self, 1)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _convolution(self, rng, expect_axes(self, SEQUENCE, input_shape), dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return _convolved(self, x, *_weights(self, parameters)), {}


@dataclass(frozen=True, slots=True, repr=False)
class Conv2d(Layer):
    """Convolution of images, :func:`adjoint.nn.functional.conv2d`.

    Parameters
    ----------
    channels : int
        Of the output.
    kernel : int or pair of int
        Rows and columns of each window.
    stride, padding, dilation, groups
        As of the functional.
    bias : bool
    initializer : str or callable
        Of the weight; biases begin with 0.

    Notes
    -----
    Parameters: ``weight`` (channels, input channels // groups, rows, columns), as PyTorch has it, and ``bias``
    (channels,). One constraint ``y[b, o, i, j] = Σ x[b, c, i s + p, j s + q] weight[o, c, p, q] + bias[o]`` with the
    blocks::

        A[x, y]      convolution    a nonzero per image, output, tap and input channel of its group
        A[weight, y] convolution    as many
        A[bias, y]   diagonal       a one per output

        x      ╲╲  ╲╲         doubly banded: a band for each row of the window
                ╲╲  ╲╲
        weight ▤
        bias   ╲╲╲

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.Conv2d(6, 5, stride=2)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (3, 33, 33))
    >>> parameters["weight"].shape, shape, layer
    ((6, 3, 5, 5), (6, 15, 15), Conv2d(6, 5, stride=2))
    """

    channels: int
    kernel: Sizes
    stride: Sizes = 1
    padding: Padding = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    initializer: str | Initializer = "he_normal"

    def __post_init__(self) -> None:
        _checked(self, 2)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _convolution(self, rng, expect_axes(self, IMAGE, input_shape), dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return _convolved(self, x, *_weights(self, parameters)), {}


@dataclass(frozen=True, slots=True, repr=False)
class ConvTranspose1d(Layer):
    """Transposed convolution of sequences, :func:`adjoint.nn.functional.conv_transpose1d`.

    Parameters
    ----------
    channels, kernel, stride, padding, output_padding, dilation, groups, bias, initializer
        As of :class:`ConvTranspose2d`, with one axis.

    Notes
    -----
    Parameters: ``weight`` (input channels, channels // groups, kernel) and ``bias`` (channels,). The blocks are those
    of :class:`Conv1d`, transposed.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> parameters, _, shape = nn.ConvTranspose1d(2, 4, stride=2).initialize(np.random.default_rng(0), (8, 5))
    >>> parameters["weight"].shape, shape
    ((8, 2, 4), (2, 12))
    """

    channels: int
    kernel: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    initializer: str | Initializer = "he_normal"

    def __post_init__(self) -> None:
        _checked(self, 1)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _transposition(self, rng, expect_axes(self, SEQUENCE, input_shape), dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return _transposed(self, x, *_weights(self, parameters)), {}


@dataclass(frozen=True, slots=True, repr=False)
class ConvTranspose2d(Layer):
    """Transposed convolution of images, :func:`adjoint.nn.functional.conv_transpose2d`: it makes images larger.

    Parameters
    ----------
    channels : int
        Of the output.
    kernel : int or pair of int
        Rows and columns of the window that each entry of the input adds to.
    stride, padding, output_padding, dilation, groups
        As of the functional.
    bias : bool
    initializer : str or callable
        Of the weight; biases begin with 0.

    Notes
    -----
    Parameters: ``weight`` (input channels, channels // groups, rows, columns) and ``bias`` (channels,). One constraint
    whose block ``A[x, y]`` is that of a convolution with the same weight, transposed.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.ConvTranspose2d(3, 4, stride=2, padding=1)
    >>> layer.initialize(np.random.default_rng(0), (8, 7, 7)).output_shape
    (3, 14, 14)
    """

    channels: int
    kernel: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    initializer: str | Initializer = "he_normal"

    def __post_init__(self) -> None:
        _checked(self, 2)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _transposition(self, rng, expect_axes(self, IMAGE, input_shape), dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return _transposed(self, x, *_weights(self, parameters)), {}


# --- what they share ----------------------------------------------------------------------------------

_OPERATIONS: dict[type[Layer], Any] = {
    Conv1d: functional.conv1d,
    Conv2d: functional.conv2d,
    ConvTranspose1d: functional.conv_transpose1d,
    ConvTranspose2d: functional.conv_transpose2d,
}


def _checked(layer: Any, axes: int) -> None:
    at_least_one(layer, channels=layer.channels, groups=layer.groups)
    taps = _taps(layer, axes)
    if len(taps) != axes:
        at_least_one(layer, kernel=layer.kernel)  # names what is expected, where it is no pair
        raise refuse_shape(layer, f"{axes} axes", taps)
    for count in taps:
        at_least_one(layer, kernel=count)


def _taps(layer: Any, axes: int) -> Shape:
    return tuple(layer.kernel) if isinstance(layer.kernel, (tuple, list)) else (layer.kernel,) * axes


def _weights(layer: Any, parameters: Tree) -> tuple[Any, Any]:
    bias = parameter(layer, parameters, "bias") if layer.bias else None
    return parameter(layer, parameters, "weight"), bias


def _convolved(layer: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    return _OPERATIONS[type(layer)](
        x, weight, bias, stride=layer.stride, padding=layer.padding, dilation=layer.dilation, groups=layer.groups
    )


def _transposed(layer: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    return _OPERATIONS[type(layer)](
        x,
        weight,
        bias,
        stride=layer.stride,
        padding=layer.padding,
        output_padding=layer.output_padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )


def _convolution(layer: Any, rng: np.random.Generator, input_shape: Shape, dtype: Any) -> Initial:
    inputs, groups, taps = input_shape[0], layer.groups, _taps(layer, len(input_shape) - 1)
    if inputs % groups or layer.channels % groups:
        raise refuse_shape(layer, f"(channels in {groups} groups, …)", input_shape)
    shape = (layer.channels, inputs // groups, *taps)
    fans = inputs // groups * math.prod(taps), layer.channels // groups * math.prod(taps)
    return _initial(layer, rng, _convolved, input_shape, shape, fans, dtype)


def _transposition(layer: Any, rng: np.random.Generator, input_shape: Shape, dtype: Any) -> Initial:
    inputs, groups, taps = input_shape[0], layer.groups, _taps(layer, len(input_shape) - 1)
    if inputs % groups or layer.channels % groups:
        raise refuse_shape(layer, f"(channels in {groups} groups, …)", input_shape)
    shape = (inputs, layer.channels // groups, *taps)
    fans = inputs // groups * math.prod(taps), layer.channels // groups * math.prod(taps)
    return _initial(layer, rng, _transposed, input_shape, shape, fans, dtype)


def _initial(
    layer: Any,
    rng: np.random.Generator,
    operation: Any,
    input_shape: Shape,
    shape: Shape,
    fans: tuple[int, int],
    dtype: Any,
) -> Initial:
    after = output_shape(lambda x, weight: operation(layer, x, weight), (0, *input_shape), shape)
    parameters = {"weight": drawn(layer.initializer, rng, shape, *fans, dtype)}
    if layer.bias:
        parameters["bias"] = np.zeros(layer.channels, dtype)
    return Initial(parameters, {}, after)
