"""Normalization: over the last axes, over a batch, over groups of channels.

The mean and the variance are made by a node of their own that holds discrete data: it has no multiplier and no row of
the matrix, and the block of the normalization is the derivative through them, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Along, Array, Diagonal, Normalization
from adjoint.blocks.kernels import Shape
from adjoint.blocks.normalization import product_sums, sums
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing import Primitive, Tracer, bind
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static, no_blocks

# --- statistics ---------------------------------------------------------------------------------------


def _moments(x: Any, view: Shape, axes: tuple[int, ...], centered: bool) -> Any:
    """``(2, …)``, the mean and the variance over ``axes`` of ``x`` as ``view``; or ``(1, …)``, the mean square.

    In an outer trace, these operations are recorded one by one: there the derivative of a block goes through them.
    """
    x = x.reshape(view)
    each = math.prod(view[axis] for axis in axes)
    if not centered:
        return (product_sums(x, x, axes) * (1 / each))[None]
    mean = sums(x, axes) * (1 / each)
    if isinstance(x, np.ndarray):
        square = mean * mean
        variance = product_sums(x, x, axes) * (1 / each) - square
        if np.all(square <= 3 * variance):  # the difference has lost two bits at most
            return np.stack([mean, variance])
    x = x - mean
    return np.stack([mean, product_sums(x, x, axes) * (1 / each)])


_MOMENTS = Primitive("moments", _moments, no_blocks, discrete=True, reads=SHAPES_ONLY)


def _statistics(x: Any, view: Shape, axes: tuple[int, ...], centered: bool = True) -> Any:
    if type(x) is Tracer:
        return bind(_MOMENTS, (x,), {"view": view, "axes": axes, "centered": centered})
    return _moments(x, view, axes, centered)


# --- the rules ----------------------------------------------------------------------------------------


def _normalized(
    x: Any,
    moments: Any,
    weight: Any,
    bias: Any,
    view: Shape,
    axes: tuple[int, ...],
    laid: Shape,
    epsilon: float,
    channels: tuple[int, ...] = (),
) -> Any:
    """``(x − mean) / √(variance + ε) · weight + bias``, with weight and bias of the shape ``laid`` in the view.

    (Their axes among those of ``x``, ``channels``, are for the blocks.)
    """
    inverse = 1 / np.sqrt(moments[-1] + epsilon)
    x, shape = x.reshape(view), x.shape
    if weight is not None:
        weight = weight.reshape(laid)
        if _constant_in_groups(laid, view, axes):
            inverse, weight = inverse * weight, None
    y = x - moments[0] if len(moments) == 2 else x * inverse
    if len(moments) == 2:
        y = _multiplied(y, inverse)
    if weight is not None:
        y = _multiplied(y, weight)
    if bias is not None:
        bias = bias.reshape(laid)
        y = np.add(y, bias, out=y if np.result_type(y, bias) == y.dtype else None)
    return y.reshape(shape)


def _multiplied(y: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """``y * factor`` in the memory of ``y``, if the dtype allows it."""
    product: np.ndarray = np.multiply(y, factor, out=y if np.result_type(y, factor) == y.dtype else None)
    return product


def _constant_in_groups(laid: Shape, view: Shape, axes: tuple[int, ...]) -> bool:
    """Whether a weight of the shape ``laid`` is one number for all entries that share their mean."""
    return all(-axis > len(laid) or laid[axis] == 1 for axis in axes)


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, moments, weight, bias = operands
    view, axes, laid = static["view"], static["axes"], static["laid"]
    channels: tuple[int, ...] = static["channels"]
    found: Blocks = []
    if parents[3] >= 0:
        found.append((parents[3], Along(channels, None, bias.shape, y.shape)))
    if parents[0] < 0 and parents[2] < 0:
        return found
    inverse = 1 / np.sqrt(moments[-1] + static["epsilon"])
    centered = len(moments) == 2
    normalized = _standardized(x.reshape(view), moments, inverse)
    if parents[2] >= 0:
        found.append((parents[2], Along(channels, normalized.reshape(y.shape), weight.shape, y.shape)))
    if parents[0] >= 0:
        factor = None
        if weight is not None:
            factor = weight.reshape(laid)
            if _constant_in_groups(laid, view, axes):
                inverse, factor = inverse * factor, None
        found.append((parents[0], Normalization(normalized, inverse, factor, axes, x.shape, centered=centered)))
    return found


def _standardized(x: Any, moments: Any, inverse: Any) -> Any:
    if len(moments) == 1:
        return x * inverse
    y = x - moments[0]
    if type(y) is not np.ndarray or type(inverse) is not np.ndarray:
        return y * inverse
    return _multiplied(y, inverse)


_READS = (frozenset({0, 1, 2}), frozenset[int](), frozenset({0, 1}), frozenset[int]())
_NORMS = {
    name: operation(name, _normalized, _blocks, _READS)
    for name in ("layer_norm", "rms_norm", "batch_norm", "group_norm", "instance_norm")
}


def _with_running(x: Any, mean: Any, variance: Any, weight: Any, bias: Any, laid: Shape, epsilon: float) -> Any:
    moments = np.stack([mean.reshape(laid), variance.reshape(laid)])
    return _normalized(x, moments, weight, bias, x.shape, (), laid, epsilon)


def _running_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, mean, variance, weight, bias = operands
    laid, channels = static["laid"], (1 - y.ndim,)
    inverse = 1 / np.sqrt(variance.reshape(laid) + static["epsilon"])
    scale = inverse if weight is None else inverse * weight.reshape(laid)
    centered = x - mean.reshape(laid) if parents[2] >= 0 or parents[3] >= 0 else None
    found: Blocks = []
    if parents[4] >= 0:
        found.append((parents[4], Along(channels, None, bias.shape, y.shape)))
    if parents[3] >= 0:
        found.append((parents[3], Along(channels, centered * inverse, weight.shape, y.shape)))
    if parents[2] >= 0:
        slope = centered * (-0.5 * scale * inverse * inverse)
        found.append((parents[2], Along(channels, slope, variance.shape, y.shape)))
    if parents[1] >= 0:
        found.append((parents[1], Along(channels, np.broadcast_to(-scale, y.shape), mean.shape, y.shape)))
    if parents[0] >= 0:
        found.append((parents[0], Diagonal(scale, x.shape, y.shape)))
    return found


_batch_norm_at_rest = operation(
    "batch_norm",
    _with_running,
    _running_blocks,
    (frozenset({2, 3}), frozenset({2, 3}), frozenset({0, 1, 2, 3}), frozenset({0, 1, 2}), frozenset[int]()),
)

# --- what users call ----------------------------------------------------------------------------------


def layer_norm(
    x: Any, weight: Any = None, bias: Any = None, *, axes: int | Sequence[int] | None = None, epsilon: float = 1e-5
) -> Any:
    """Entries minus their mean over their standard deviation, over the last axes; then times a weight plus a bias.

    Parameters
    ----------
    x : array (..., *normalized)
    weight, bias : array (*normalized), optional
    axes : int or sequence of int, optional
        The last axes, over which means go: those of the weight by default, else the last one.
    epsilon : float
        Added to the variance.

    Returns
    -------
    array of the shape of ``x``

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    One constraint ``y = x̂ · weight + bias`` with ``x̂ = (x − mean) / √(variance + ε)`` and the blocks

    - to ``x``: a normalization block ``diag(weight) / σ · (I − (1 1ᵀ + x̂ x̂ᵀ) / m)`` for each group of ``m`` entries: a
      diagonal plus rank two, with ``m²`` nonzeros, of which ``x̂`` is held and a product takes ``4 m`` multiplications;
    - to ``weight``: a diagonal block, ``x̂`` laid along the last axes;
    - to ``bias``: a one for each entry.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. E. Hinton, *Layer normalization*, arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 6.0]])
    >>> print(functional.layer_norm(x).round(3))
    [[-1.225  0.     1.225]
     [-0.707 -0.707  1.414]]
    >>> system = adjoint.trace(functional.layer_norm, x, np.ones(3), np.zeros(3)).compile()
    >>> for argument in (1, 2, 3):
    ...     print(system.block(5, argument))
    <normalization block (2, 3) → (2, 3), 18 nonzeros>
    <diagonal block (3,) → (2, 3), 6 nonzeros>
    <diagonal block (3,) → (2, 3), 6 nonzeros>
    """
    return _over_last_axes("layer_norm", x, weight, bias, axes, epsilon, centered=True)


def rms_norm(x: Any, weight: Any = None, *, axes: int | Sequence[int] | None = None, epsilon: float = 1e-5) -> Any:
    """Entries over the root of their mean square, over the last axes; then times a weight.

    Parameters
    ----------
    x, weight, axes, epsilon
        As of :func:`layer_norm`.

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    As :func:`layer_norm` without the mean: ``diag(weight) / ρ · (I − x̂ x̂ᵀ / m)``, with ``ρ`` the root mean square.

    References
    ----------
    B. Zhang and R. Sennrich, *Root mean square layer normalization*, NeurIPS 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.rms_norm(np.array([3.0, 4.0, 0.0, 0.0])).round(3))
    [1.2 1.6 0.  0. ]
    """
    return _over_last_axes("rms_norm", x, weight, None, axes, epsilon, centered=False)


def batch_norm(
    x: Any,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_variance: Any = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    epsilon: float = 1e-5,
) -> tuple[Any, Any, Any]:
    """Normalization of each channel over the batch and all positions; nothing is changed in place.

    Parameters
    ----------
    x : array (batch, channels, ...)
    weight, bias : array (channels,), optional
    running_mean, running_variance : array (channels,), optional
        What later calls without ``training`` normalize with, so needed there.
    training : bool
        Normalize with the statistics of ``x``.
    momentum : float
        Of the new running statistics: ``(1 − momentum) · running + momentum · batch``.
    epsilon : float
        Added to the variance.

    Returns
    -------
    y : array of the shape of ``x``
    running_mean, running_variance : array (channels,)
        The new ones with ``training``, else the given ones. The batch's variance goes in with ``n − 1`` in the
        denominator; where none were given, they are the batch's. They carry no derivative with respect to ``x``.

    Notes
    -----
    With ``training``, one constraint with the blocks of :func:`layer_norm`: the ``m`` entries of a group are those of
    one channel, so the block to ``x`` has ``channels · m²`` nonzeros, and is never assembled by a sweep. Without, the
    block to ``x`` is diagonal.

    References
    ----------
    S. Ioffe and C. Szegedy, *Batch normalization*, ICML 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x = np.array([[1.0, 0.0], [3.0, 4.0]])
    >>> y, mean, variance = functional.batch_norm(
    ...     x, running_mean=np.zeros(2), running_variance=np.ones(2), training=True
    ... )
    >>> print(y.round(2), mean, variance)
    [[-1. -1.]
     [ 1.  1.]] [0.2 0.2] [1.1 1.7]
    """
    name = "batch_norm"
    x = _channels_behind_batch(name, x)
    weight, bias, running_mean, running_variance = (
        _expected(name, what, given, (x.shape[1],), x)
        for what, given in (
            ("weight", weight),
            ("bias", bias),
            ("running_mean", running_mean),
            ("running_variance", running_variance),
        )
    )
    laid = (x.shape[1], *(1,) * (x.ndim - 2))
    if not training:
        if running_mean is None or running_variance is None:
            refuse(name, "without training=True it needs running_mean and running_variance")
        y = _batch_norm_at_rest(x, running_mean, running_variance, weight, bias, laid=laid, epsilon=epsilon)
        return y, running_mean, running_variance
    axes = (-x.ndim, *range(2 - x.ndim, 0))
    each = math.prod(x.shape[axis] for axis in axes)
    if each < 2:
        refuse(name, f"with training=True each channel of x {x.shape} needs more than {each} entries")
    moments = _statistics(x, x.shape, axes)
    y = _NORMS[name](
        x, moments, weight, bias, view=x.shape, axes=axes, laid=laid, channels=(1 - x.ndim,), epsilon=epsilon
    )
    mean, variance = moments[0].reshape(-1), moments[1].reshape(-1) * (each / (each - 1))
    if running_mean is not None:
        mean = (1 - momentum) * running_mean + momentum * mean
    if running_variance is not None:
        variance = (1 - momentum) * running_variance + momentum * variance
    return y, mean, variance


def group_norm(x: Any, groups: int, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5) -> Any:
    """Normalization of each image over its positions and the channels of one group.

    Parameters
    ----------
    x : array (batch, channels, ...)
    groups : int
        A divisor of the channels. 1: over all channels; as many as channels: :func:`instance_norm`.
    weight, bias : array (channels,), optional
    epsilon : float

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with the blocks of :func:`layer_norm`, for each image and each group of channels.

    References
    ----------
    Y. Wu and K. He, *Group normalization*, ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x = np.arange(8.0).reshape(1, 4, 2)
    >>> print(functional.group_norm(x, 2)[0].round(3))
    [[-1.342 -0.447]
     [ 0.447  1.342]
     [-1.342 -0.447]
     [ 0.447  1.342]]
    """
    return _over_groups("group_norm", x, groups, weight, bias, epsilon)


def instance_norm(x: Any, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5) -> Any:
    """Normalization of each channel of each image: :func:`group_norm` with a group for each channel.

    Parameters
    ----------
    x : array (batch, channels, ...)
    weight, bias : array (channels,), optional
    epsilon : float

    Returns
    -------
    array of the shape of ``x``

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.instance_norm(np.array([[[1.0, 3.0], [0.0, 8.0]]])).round(3))
    [[[-1.  1.]
      [-1.  1.]]]
    """
    return _over_groups("instance_norm", x, None, weight, bias, epsilon)


# --- what they share ----------------------------------------------------------------------------------


def _over_last_axes(name: str, x: Any, weight: Any, bias: Any, axes: Any, epsilon: float, *, centered: bool) -> Any:
    x = as_array(x)
    if axes is None:
        given = [p.ndim if hasattr(p, "ndim") else np.ndim(p) for p in (weight, bias) if p is not None]
        count = given[0] if given else 1
    else:
        wanted = tuple(axes) if isinstance(axes, (tuple, list)) else (axes,)
        count = len(wanted)
        if {a % x.ndim if -x.ndim <= a < x.ndim else a for a in wanted} != set(range(x.ndim - count, x.ndim)):
            refuse(name, f"axes must be the last ones of x {x.shape}, got {axes}")
    if not 1 <= count <= x.ndim:
        refuse(name, f"x {x.shape} has not the {count} axes that are to be normalized")
    laid = tuple(x.shape[x.ndim - count :])
    if 0 in laid:
        refuse(name, f"x {x.shape} has no entries to normalize along its last axes")
    weight, bias = _expected(name, "weight", weight, laid, x), _expected(name, "bias", bias, laid, x)
    last = tuple(range(-count, 0))
    moments = _statistics(x, x.shape, last, centered)
    return _NORMS[name](x, moments, weight, bias, view=x.shape, axes=last, laid=laid, channels=last, epsilon=epsilon)


def _over_groups(name: str, x: Any, groups: Any, weight: Any, bias: Any, epsilon: float) -> Any:
    x = _channels_behind_batch(name, x)
    channels, sizes = x.shape[1], x.shape[2:]
    groups = channels if groups is None else groups
    if not isinstance(groups, (int, np.integer)) or groups < 1 or channels % groups:
        refuse(name, f"groups must divide the {channels} channels of x {x.shape}, got {groups!r}")
    if 0 in x.shape[1:]:
        refuse(name, f"x {x.shape} has no entries to normalize")
    weight, bias = (
        _expected(name, what, given, (channels,), x) for what, given in (("weight", weight), ("bias", bias))
    )
    view = (x.shape[0], int(groups), channels // int(groups), *sizes)
    axes, laid = tuple(range(2 - len(view), 0)), (*view[1:3], *(1,) * len(sizes))
    moments = _statistics(x, view, axes)
    return _NORMS[name](
        x, moments, weight, bias, view=view, axes=axes, laid=laid, channels=(1 - x.ndim,), epsilon=epsilon
    )


def _channels_behind_batch(name: str, x: Any) -> Any:
    x = as_array(x)
    if x.ndim < 2:
        refuse(name, f"expected an array (batch, channels, ...); got the shape {x.shape}")
    return x


def _expected(name: str, what: str, given: Any, shape: Shape, x: Any) -> Any:
    """An optional operand of this very shape."""
    if given is None:
        return None
    given = as_array(given)
    if given.shape != shape:
        refuse(name, f"expected {what} of the shape {shape} for x {x.shape}, got {given.shape}")
    return given
