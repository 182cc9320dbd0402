"""Layers that normalize: over features, over the batch, over groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn import functional
from adjoint.nn.layers.layer import (
    Initial,
    Layer,
    Shape,
    Tree,
    at_least_one,
    missing,
    parameter,
    refuse_shape,
)
from adjoint.tracing import concrete


@dataclass(frozen=True, slots=True, repr=False)
class LayerNorm(Layer):
    """Each example minus its mean over its standard deviation, over its last axes; then times a weight plus a bias.

    Parameters
    ----------
    axes : int
        How many of the last axes go together.
    epsilon : float
        Added to the variance.
    affine : bool
        Whether there are a weight and a bias.

    Notes
    -----
    Parameters: ``weight``, which begins with 1, and ``bias``, with 0, of the shape of the last axes. One constraint
    ``y = x̂ · weight + bias`` with the blocks, for groups of ``m`` entries::

        A[x, y]      = diag(weight) / σ · (I − (1 1ᵀ + x̂ x̂ᵀ) / m)     normalization    m² nonzeros a group
        A[weight, y] = x̂                                              diagonal
        A[bias, y]   = 1 … 1                                           diagonal

        x      ▦           a square for each group, a diagonal plus rank two
                 ▦
        weight ╲ ╲
        bias   ╲ ╲

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.LayerNorm()
    >>> parameters, state, shape = layer.initialize(np.random.default_rng(0), (5, 3))
    >>> parameters["weight"].shape, shape
    ((3,), (5, 3))
    """

    axes: int = 1
    epsilon: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        at_least_one(self, axes=self.axes)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if len(input_shape) < self.axes or 0 in input_shape:
            raise refuse_shape(self, f"with {self.axes} axes at least", input_shape)
        shape = tuple(input_shape[len(input_shape) - self.axes :])
        return Initial(_weight_and_bias(shape, dtype) if self.affine else {}, {}, tuple(input_shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        axes = tuple(range(-self.axes, 0))
        weight, bias = _affine(self, parameters)
        return functional.layer_norm(x, weight, bias, axes=axes, epsilon=self.epsilon), {}


@dataclass(frozen=True, slots=True, repr=False)
class RMSNorm(Layer):
    """Each example over the root of its mean square along the last axis, times a weight.

    Parameters
    ----------
    epsilon : float
        Added to the mean square.

    Notes
    -----
    Parameters: ``weight`` (features,), which begins with 1. One constraint with the blocks of :class:`LayerNorm`, rank
    one less.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> print(nn.RMSNorm()({"weight": np.ones(2)}, np.array([[3.0, 4.0]])).round(3))
    [[0.849 1.131]]
    """

    epsilon: float = 1e-5

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if not input_shape or 0 in input_shape:
            raise refuse_shape(self, "(…, features)", input_shape)
        return Initial({"weight": np.ones(input_shape[-1], dtype)}, {}, tuple(input_shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return functional.rms_norm(x, parameter(self, parameters, "weight"), epsilon=self.epsilon), {}


@dataclass(frozen=True, slots=True, repr=False)
class BatchNorm(Layer):
    """Each channel minus its mean over its standard deviation, over the batch and all positions.

    Training takes the statistics of the batch, and returns new running ones as the state; otherwise the running ones
    are used. The state is plain arrays: no derivative goes through it, and none of its arrays is changed in place.

    Parameters
    ----------
    momentum : float
        New running statistics are ``(1 − momentum) · running + momentum · batch``.
    epsilon : float
        Added to the variance.
    affine : bool
        Whether there are a weight and a bias.

    Notes
    -----
    Parameters: ``weight``, which begins with 1, and ``bias``, with 0, (channels,). State: ``mean`` and ``variance``
    (channels,), which begin with 0 and 1. One constraint; with the ``m`` entries of a channel as a group, it has the
    blocks of :class:`LayerNorm` while training. Afterwards that of ``x`` is diagonal::

        training   A[x, y]   ▦            else   A[x, y]   ╲
                               ▦                             ╲

    References
    ----------
    S. Ioffe and C. Szegedy, *Batch normalization*, ICML 2015, algorithms 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.BatchNorm()
    >>> parameters, state, _ = layer.initialize(np.random.default_rng(0), (2,), dtype=float)
    >>> x = np.array([[1.0, 0.0], [3.0, 4.0]])
    >>> y, state = layer.apply(parameters, x, state=state, training=True, rng=None)
    >>> print(y.round(2), state["mean"], state["variance"])
    [[-1. -1.]
     [ 1.  1.]] [0.2 0.2] [1.1 1.7]
    """

    momentum: float = 0.1
    epsilon: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.momentum <= 1:
            raise ArgumentError(f"BatchNorm: momentum must be in [0, 1], not {self.momentum!r}")

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if not input_shape or 0 in input_shape:
            raise refuse_shape(self, "(channels, …)", input_shape)
        shape = (input_shape[0],)
        state = {"mean": np.zeros(shape, dtype), "variance": np.ones(shape, dtype)}
        return Initial(_weight_and_bias(shape, dtype) if self.affine else {}, state, tuple(input_shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        mean, variance = _running(self, state, "mean"), _running(self, state, "variance")
        weight, bias = _affine(self, parameters)
        if not training:
            return functional.batch_norm(x, weight, bias, mean, variance, epsilon=self.epsilon)[0], dict(state)
        y, *batch = functional.batch_norm(x, weight, bias, training=True, epsilon=self.epsilon)
        keep = 1 - self.momentum
        # plain arrays: the trace need not know how the running statistics go on
        new = [
            (keep * concrete(old) + self.momentum * concrete(now)).astype(concrete(old).dtype, copy=False)
            for old, now in zip((mean, variance), batch, strict=True)
        ]
        return y, {"mean": new[0], "variance": new[1]}


@dataclass(frozen=True, slots=True, repr=False)
class GroupNorm(Layer):
    """Groups of channels of each example minus their mean over their standard deviation.

    Parameters
    ----------
    groups : int
        Into which the channels are split. With one for each channel this is instance normalization.
    epsilon : float
        Added to the variance.
    affine : bool
        Whether there are a weight and a bias.

    Notes
    -----
    Parameters: ``weight``, which begins with 1, and ``bias``, with 0, (channels,). One constraint with the blocks of
    :class:`LayerNorm`; the ``m`` entries of a group are ``channels / groups`` channels at all positions.

    References
    ----------
    Y. Wu and K. He, *Group normalization*, ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.GroupNorm(2).initialize(np.random.default_rng(0), (6, 4, 4)).parameters["weight"].shape
    (6,)
    """

    groups: int
    epsilon: float = 1e-5
    affine: bool = True

    def __post_init__(self) -> None:
        at_least_one(self, groups=self.groups)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if not input_shape or input_shape[0] % self.groups or 0 in input_shape:
            raise refuse_shape(self, f"(channels in {self.groups} groups, …)", input_shape)
        shape = (input_shape[0],)
        return Initial(_weight_and_bias(shape, dtype) if self.affine else {}, {}, tuple(input_shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        weight, bias = _affine(self, parameters)
        return functional.group_norm(x, self.groups, weight, bias, epsilon=self.epsilon), {}


def _weight_and_bias(shape: Shape, dtype: Any) -> Tree:
    return {"weight": np.ones(shape, dtype), "bias": np.zeros(shape, dtype)}


def _affine(layer: Any, parameters: Tree) -> tuple[Any, Any]:
    return (
        (parameter(layer, parameters, "weight"), parameter(layer, parameters, "bias")) if layer.affine else (None,) * 2
    )


def _running(layer: Layer, state: Tree, key: str) -> Any:
    if type(state) is not dict or key not in state:
        raise missing(layer, "state", state, key)
    return state[key]
