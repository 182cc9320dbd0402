"""Pools: the largest entry or the mean of each window of sequences and images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.nn import functional
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree, expect_axes, output_shape, refuse_shape

Sizes = int | Sequence[int]
SEQUENCE, IMAGE = "(channels, length)", "(channels, height, width)"


@dataclass(frozen=True, slots=True, repr=False)
class MaxPool1d(Layer):
    """The largest entry of each window of sequences.

    Parameters
    ----------
    kernel : int
        Taps of a window.
    stride : int, optional
        From window to window; by default the kernel, so that windows tile the sequence.
    padding : int
        On each side.
    dilation : int
        From tap to tap.


    Notes
    -----
    No parameters. One constraint with a gather block in the row of ``x``: a one for each output, at the entry that was
    chosen; the first one of several that are largest::

        x   ·
              ·          A[x, y] has a single 1 per column
             ·

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.MaxPool1d(2).initialize(np.random.default_rng(0), (3, 9)).output_shape
    (3, 4)
    """

    kernel: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    dilation: Sizes = 1

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, SEQUENCE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.max_pool1d(x, self.kernel, self.stride, self.padding, self.dilation)


@dataclass(frozen=True, slots=True, repr=False)
class MaxPool2d(Layer):
    """The largest entry of each window of images.

    Parameters
    ----------
    kernel : int or pair of int
        Rows and columns of a window.
    stride : int or pair of int, optional
        From window to window; by default the kernel, so that windows tile the image.
    padding : int or pair of int
        Rows and columns on each side.
    dilation : int or pair of int
        From tap to tap.


    Notes
    -----
    No parameters. One constraint with a gather block in the row of ``x``: a one for each output, at the entry that was
    chosen; the first one of several that are largest::

        x   ·
              ·          A[x, y] has a single 1 per column
             ·

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.MaxPool2d(3, stride=2).initialize(np.random.default_rng(0), (6, 55, 55)).output_shape
    (6, 27, 27)
    """

    kernel: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    dilation: Sizes = 1

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, IMAGE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.max_pool2d(x, self.kernel, self.stride, self.padding, self.dilation)


@dataclass(frozen=True, slots=True, repr=False)
class AveragePool1d(Layer):
    """The mean of each window of sequences.

    Parameters
    ----------
    kernel : int
        Taps of a window.
    stride : int, optional
        From window to window; by default the kernel, so that windows tile the sequence.
    padding : int
        On each side.
    count_include_pad : bool
        Whether the zeros of the padding count as entries.


    Notes
    -----
    No parameters. One constraint with a reduce block in the row of ``x``: 1 / taps for each entry that a window sees::

        x   │
             │           A[x, y] = windows of a constant
              │

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AveragePool1d(2).initialize(np.random.default_rng(0), (3, 9)).output_shape
    (3, 4)
    """

    kernel: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    count_include_pad: bool = True

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, SEQUENCE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.average_pool1d(x, self.kernel, self.stride, self.padding, self.count_include_pad)


@dataclass(frozen=True, slots=True, repr=False)
class AveragePool2d(Layer):
    """The mean of each window of images.

    Parameters
    ----------
    kernel : int or pair of int
        Rows and columns of a window.
    stride : int or pair of int, optional
        From window to window; by default the kernel, so that windows tile the image.
    padding : int or pair of int
        Rows and columns on each side.
    count_include_pad : bool
        Whether the zeros of the padding count as entries.


    Notes
    -----
    No parameters. One constraint with a reduce block in the row of ``x``: 1 / taps for each entry that a window sees::

        x   │
             │           A[x, y] = windows of a constant
              │

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AveragePool2d(2).initialize(np.random.default_rng(0), (6, 28, 28)).output_shape
    (6, 14, 14)
    """

    kernel: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    count_include_pad: bool = True

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, IMAGE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.average_pool2d(x, self.kernel, self.stride, self.padding, self.count_include_pad)


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveMaxPool1d(Layer):
    """The largest entry of each of ``size`` windows that cover a sequence evenly.

    Parameters
    ----------
    size : int
        Of the output.


    Notes
    -----
    No parameters. One constraint with a gather block in the row of ``x``: a one for each output, at the entry that was
    chosen; the first one of several that are largest::

        x   ·
              ·          A[x, y] has a single 1 per column
             ·

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AdaptiveMaxPool1d(4).initialize(np.random.default_rng(0), (3, 9)).output_shape
    (3, 4)
    """

    size: Sizes

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, SEQUENCE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.adaptive_max_pool1d(x, self.size)


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveMaxPool2d(Layer):
    """The largest entry of each of rows × columns windows that cover an image evenly.

    Parameters
    ----------
    size : int or pair of int
        Rows and columns of the output.


    Notes
    -----
    No parameters. One constraint with a gather block in the row of ``x``: a one for each output, at the entry that was
    chosen; the first one of several that are largest::

        x   ·
              ·          A[x, y] has a single 1 per column
             ·

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AdaptiveMaxPool2d((2, 3)).initialize(np.random.default_rng(0), (6, 13, 13)).output_shape
    (6, 2, 3)
    """

    size: Sizes

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, IMAGE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.adaptive_max_pool2d(x, self.size)


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveAveragePool1d(Layer):
    """The mean of each of ``size`` windows that cover a sequence evenly.

    Parameters
    ----------
    size : int
        Of the output.


    Notes
    -----
    No parameters. One constraint with a reduce block in the row of ``x``: 1 / taps for each entry that a window sees::

        x   │
             │           A[x, y] = windows of a constant
              │

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AdaptiveAveragePool1d(4).initialize(np.random.default_rng(0), (3, 9)).output_shape
    (3, 4)
    """

    size: Sizes

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, SEQUENCE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.adaptive_average_pool1d(x, self.size)


@dataclass(frozen=True, slots=True, repr=False)
class AdaptiveAveragePool2d(Layer):
    """The mean of each of rows × columns windows that cover an image evenly.

    Parameters
    ----------
    size : int or pair of int
        Rows and columns of the output.


    Notes
    -----
    No parameters. One constraint with a reduce block in the row of ``x``: 1 / taps for each entry that a window sees::

        x   │
             │           A[x, y] = windows of a constant
              │

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.AdaptiveAveragePool2d((2, 3)).initialize(np.random.default_rng(0), (6, 13, 13)).output_shape
    (6, 2, 3)
    """

    size: Sizes

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, IMAGE, input_shape)
        return Initial({}, {}, output_shape(self._pool, (0, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return self._pool(x), {}

    def _pool(self, x: Any) -> Any:
        return functional.adaptive_average_pool2d(x, self.size)


@dataclass(frozen=True, slots=True, repr=False)
class GlobalAveragePool(Layer):
    """The mean of each channel over all positions: ``(batch, channels, …) → (batch, channels)``.

    Notes
    -----
    No parameters. One constraint with a reduce block in the row of ``x``: ``1 / positions`` for each entry of ``x``::

        x   │
            │            A[x, y] = I ⊗ 1 / positions
             │
             │

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.GlobalAveragePool()({}, np.ones((2, 6, 5, 5))).shape
    (2, 6)
    """

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if len(input_shape) < 2 or 0 in input_shape:
            raise refuse_shape(self, "(channels, positions, …)", input_shape)
        return Initial({}, {}, (input_shape[0],))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        if x.ndim < 3:
            raise refuse_shape(self, "(channels, positions, …)", x.shape[1:])
        return x.mean(axis=tuple(range(2, x.ndim))), {}
