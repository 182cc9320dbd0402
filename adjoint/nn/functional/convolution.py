"""Convolutions and transposed convolutions of sequences and images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from adjoint.blocks import Along, Array, Correlation, Geometry
from adjoint.blocks.correlation import Slot
from adjoint.blocks.windowed_products import (
    correlate,
    correlate_back,
    correlated,
    correlated_back,
    correlated_weights,
)
from adjoint.blocks.windows import Windows, equal_windows
from adjoint.nn.functional._operations import as_array, expect_axes, operation, refuse, several
from adjoint.tracing import structured
from adjoint.tracing.primitive import Blocks, Static

Sizes = int | Sequence[int]
Padding = Sizes | Literal["same", "valid"]

# --- the rules ----------------------------------------------------------------------------------------


def _slots(source: Slot, target: Slot, position: int) -> Any:
    """A partial of a bilinear kernel: the other operand is held."""
    return lambda y, a, b, geometry: Correlation(
        source, target, b if position == 0 else a, geometry, (a if position == 0 else b).shape, y.shape
    )


structured(correlated, _slots("image", "output", 0), _slots("weight", "output", 1))
structured(correlated_back, _slots("output", "image", 0), _slots("weight", "image", 1))
structured(correlated_weights, _slots("image", "weight", 0), _slots("output", "weight", 1))


def _rule(source: Slot, target: Slot) -> Any:
    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        x, weight, _ = operands
        geometry: Geometry = static["geometry"]
        found: Blocks = []
        if parents[2] >= 0:
            found.append((parents[2], Along((1 - y.ndim,), None, (y.shape[1],), y.shape)))
        if parents[1] >= 0:
            found.append((parents[1], Correlation("weight", target, x, geometry, weight.shape, y.shape)))
        if parents[0] >= 0:
            found.append((parents[0], Correlation(source, target, weight, geometry, x.shape, y.shape)))
        return found

    return blocks


_READS = (frozenset({1}), frozenset({0}), frozenset[int]())


def _convolved(x: Any, weight: Any, bias: Any, geometry: Geometry) -> Any:
    return correlate(x, weight, geometry, bias)


def _transposed(x: Any, weight: Any, bias: Any, geometry: Geometry) -> Any:
    return correlate_back(x, weight, geometry, bias)


_CONVOLUTIONS = {name: operation(name, _convolved, _rule("image", "output"), _READS) for name in ("conv1d", "conv2d")}
_TRANSPOSED = {
    name: operation(name, _transposed, _rule("output", "image"), _READS)
    for name in ("conv_transpose1d", "conv_transpose2d")
}

# --- what users call ----------------------------------------------------------------------------------


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Convolution of sequences: :func:`conv2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    weight : array (out_channels, channels // groups, taps)
    bias : array (out_channels,), optional
    stride, padding, dilation, groups
        As of :func:`conv2d`.

    Returns
    -------
    array (batch, out_channels, positions)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x = np.array([[[1.0, 2.0, 4.0, 8.0]]])
    >>> print(functional.conv1d(x, np.array([[[-1.0, 1.0]]])))
    [[[1. 2. 4.]]]
    """
    return _convolution("conv1d", "(batch, channels, length)", x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Padding = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Convolution of images, as neural networks have it: no flip, windows times weights.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    weight : array (out_channels, channels // groups, tap_rows, tap_columns)
    bias : array (out_channels,), optional
    stride, dilation : int or pair of int
        Steps from window to window, and from tap to tap.
    padding : int, pair of int, "same" or "valid"
        Rows and columns of zeros on each side. ``"valid"``: none. ``"same"``: as many as give an output of the size of
        the image; where that number is odd, one more at the end. It asks for a stride of 1.
    groups : int
        Channels are split into so many groups, and each sees the weights of its own group.

    Returns
    -------
    array (batch, out_channels, rows, columns)

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    One constraint

        y[b, o, i, j] = Σ_{c, p, q} x[b, c, i s + p d − pad, j s + q d − pad] weight[o, c, p, q] + bias[o]

    with the blocks

    - to ``x``: a convolution block that holds the weights. Its adjoint is the transposed convolution;
    - to ``weight``: a convolution block that holds the image. It is dense but for the padding, in each group;
    - to ``bias``: a one for each output.

    The first two have one nonzero for each image, each pair of an output channel and a channel of its group, each
    position and each tap that does not see padding: ``nnz`` is that number, and so many multiplications each product
    takes.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x, weight = np.ones((1, 1, 4, 4)), np.ones((2, 1, 3, 3))
    >>> print(functional.conv2d(x, weight, padding="same")[0, 0])
    [[4. 6. 6. 4.]
     [6. 9. 9. 6.]
     [6. 9. 9. 6.]
     [4. 6. 6. 4.]]
    >>> system = adjoint.trace(functional.conv2d, x, weight, np.zeros(2)).compile()
    >>> for argument in (1, 2, 3):
    ...     print(system.block(4, argument))
    <convolution block (1, 1, 4, 4) → (1, 2, 2, 2), 72 nonzeros>
    <convolution block (2, 1, 3, 3) → (1, 2, 2, 2), 72 nonzeros>
    <diagonal block (2,) → (1, 2, 2, 2), 8 nonzeros>
    """
    axes = "(batch, channels, height, width)"
    return _convolution("conv2d", axes, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """Transposed convolution of sequences: :func:`conv_transpose2d` with one axis.

    Parameters
    ----------
    x : array (batch, channels, length)
    weight : array (channels, out_channels // groups, taps)
    bias : array (out_channels,), optional
    stride, padding, output_padding, dilation, groups
        As of :func:`conv_transpose2d`.

    Returns
    -------
    array (batch, out_channels, length)

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x = np.array([[[1.0, 2.0, 4.0]]])
    >>> print(functional.conv_transpose1d(x, np.array([[[1.0, 10.0]]]), stride=2))
    [[[ 1. 10.  2. 20.  4. 40.]]]
    """
    axes = "(batch, channels, length)"
    return _transposition("conv_transpose1d", axes, x, weight, bias, stride, padding, output_padding, dilation, groups)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    *,
    stride: Sizes = 1,
    padding: Sizes = 0,
    output_padding: Sizes = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Any:
    """The adjoint of :func:`conv2d` as a layer: each entry adds a window of weights to the output.

    Parameters
    ----------
    x : array (batch, channels, height, width)
    weight : array (channels, out_channels // groups, tap_rows, tap_columns)
    bias : array (out_channels,), optional
    stride, padding, dilation : int or pair of int
        Of the convolution that this is the adjoint of; so ``padding`` rows and columns are cut off on each side.
    output_padding : int or pair of int
        Rows and columns more at the end: with a stride, several sizes of images give outputs of one size. Smaller than
        the stride or the dilation.
    groups : int

    Returns
    -------
    array (batch, out_channels, rows, columns)
        ``rows = (height − 1) stride − 2 padding + dilation (tap_rows − 1) + output_padding + 1``.

    Notes
    -----
    One constraint whose blocks are those of a convolution, transposed: the block to ``x`` is the adjoint of the
    convolution with the same weights, and its own adjoint is that convolution. Nonzeros and cost are the same.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> rng = np.random.default_rng(0)
    >>> x, y, weight = (rng.standard_normal(shape) for shape in [(1, 1, 5, 5), (1, 2, 3, 3), (2, 1, 3, 3)])
    >>> left = np.sum(y * functional.conv2d(x, weight))
    >>> print(np.isclose(left, np.sum(x * functional.conv_transpose2d(y, weight))))
    True
    """
    axes = "(batch, channels, height, width)"
    return _transposition("conv_transpose2d", axes, x, weight, bias, stride, padding, output_padding, dilation, groups)


# --- what both share ----------------------------------------------------------------------------------


def _convolution(
    name: str, axes: str, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: Any
) -> Any:
    x, weight = as_array(x), as_array(weight)
    expect_axes(name, x, axes)
    bias = _checked(name, x, weight, bias, groups, weight.shape[0])
    if weight.shape[1] * groups != x.shape[1]:
        refuse(
            name,
            f"x {x.shape} has {x.shape[1]} channels, but the weight {weight.shape} is for {weight.shape[1] * groups}"
            + (f" in {groups} groups" if groups > 1 else ""),
        )
    count = x.ndim - 2
    strides, dilations = several(name, "stride", stride, count, 1), several(name, "dilation", dilation, count, 1)
    taps, sizes = weight.shape[2:], x.shape[2:]
    pads = _padding(name, padding, taps, strides, dilations)
    _expect_room(name, sizes, taps, dilations, pads)
    windows = tuple(
        equal_windows(n, k, s, *pad, d) for n, k, s, pad, d in zip(sizes, taps, strides, pads, dilations, strict=True)
    )
    return _CONVOLUTIONS[name](x, weight, bias, geometry=Geometry(windows, groups))


def _transposition(
    name: str,
    axes: str,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    dilation: Any,
    groups: Any,
) -> Any:
    x, weight = as_array(x), as_array(weight)
    expect_axes(name, x, axes)
    bias = _checked(name, x, weight, bias, groups, weight.shape[1] * groups)
    if weight.shape[0] != x.shape[1]:
        refuse(name, f"x {x.shape} has {x.shape[1]} channels, but the weight {weight.shape} is for {weight.shape[0]}")
    count = x.ndim - 2
    strides, dilations = several(name, "stride", stride, count, 1), several(name, "dilation", dilation, count, 1)
    pads = several(name, "padding", padding, count, 0)
    ends = several(name, "output_padding", output_padding, count, 0)
    windows = []
    for n, k, s, pad, end, d in zip(x.shape[2:], weight.shape[2:], strides, pads, ends, dilations, strict=True):
        if end and end >= max(s, d):
            refuse(name, f"output_padding {end} must be smaller than the stride {s} or the dilation {d}")
        size = (n - 1) * s - 2 * pad + d * (k - 1) + end + 1
        if size < 1:
            refuse(name, f"padding {pad} cuts off all of the output of x {x.shape} and the weight {weight.shape}")
        windows.append(Windows(size, tuple(i * s - pad for i in range(n)), k, d))
    return _TRANSPOSED[name](x, weight, bias, geometry=Geometry(tuple(windows), groups))


def _checked(name: str, x: Any, weight: Any, bias: Any, groups: Any, channels: int) -> Any:
    """The bias as an array, after a check of what convolutions of both directions have in common."""
    if weight.ndim != x.ndim:
        refuse(name, f"x {x.shape} asks for a weight with {x.ndim} axes, got {weight.shape}")
    if 0 in weight.shape:
        refuse(name, f"the weight {weight.shape} has no entries")
    if not isinstance(groups, int) or groups < 1 or x.shape[1] % groups or weight.shape[0] % groups:
        refuse(
            name,
            f"groups must divide the {x.shape[1]} channels of x {x.shape} and the first axis of the weight "
            f"{weight.shape}, got {groups!r}",
        )
    if bias is None:
        return None
    bias = as_array(bias)
    if bias.shape != (channels,):
        refuse(name, f"expected a bias of the shape {(channels,)} for the weight {weight.shape}, got {bias.shape}")
    return bias


def _padding(
    name: str, padding: Any, taps: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Before and behind each axis."""
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(taps)
        if padding != "same":
            refuse(name, f'padding must be an integer, one for each axis, "same" or "valid"; got {padding!r}')
        if any(s != 1 for s in strides):
            refuse(name, f'padding="same" asks for a stride of 1, got {tuple(strides)}')
        whole = [d * (k - 1) for k, d in zip(taps, dilations, strict=True)]
        return tuple((n // 2, n - n // 2) for n in whole)
    return tuple((n, n) for n in several(name, "padding", padding, len(taps), 0))


def _expect_room(
    name: str, sizes: Sequence[int], taps: Sequence[int], dilations: Sequence[int], pads: Sequence[tuple[int, int]]
) -> None:
    """Refuse windows that do not fit into the padded image."""
    padded = tuple(n + sum(pad) for n, pad in zip(sizes, pads, strict=True))
    reach = tuple(d * (k - 1) + 1 for k, d in zip(taps, dilations, strict=True))
    if any(r > n for r, n in zip(reach, padded, strict=True)):
        what = f"windows of {tuple(taps)}" + (f", which reach over {reach}," if reach != tuple(taps) else "")
        refuse(name, f"{what} do not fit into the image {tuple(sizes)}, which is {padded} with its padding")
