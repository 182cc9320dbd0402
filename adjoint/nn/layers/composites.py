"""Blocks of well-known models: an inception module and a transformer block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.layers.attention import MultiHeadAttention
from adjoint.nn.layers.convolution import Conv2d
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree, at_least_one, expect_axes, refuse_shape
from adjoint.nn.layers.linear import Linear
from adjoint.nn.layers.models import Parallel, Residual, Sequential
from adjoint.nn.layers.normalization import LayerNorm
from adjoint.nn.layers.pooling import MaxPool2d
from adjoint.nn.layers.simple import Dropout, as_layer


@dataclass(frozen=True, slots=True, repr=False)
class Inception(Layer):
    """Four branches side by side: windows of one, three and five pixels, and a pool; their channels concatenated.

    Parameters
    ----------
    one : int
        Channels of the 1 × 1 convolution.
    three : pair of int
        Channels of a 1 × 1 convolution, and of the 3 × 3 convolution after it.
    five : pair of int
        The same with 5 × 5.
    pooled : int
        Channels of the 1 × 1 convolution after a 3 × 3 maximum.
    activation : str or callable
        After each convolution.

    Notes
    -----
    Parameters: dicts ``one``, ``three``, ``five`` and ``pooled``, each with those of its convolutions. The blocks are
    those of :class:`Parallel`: the branches have no block in each other's rows.

    References
    ----------
    C. Szegedy et al., *Going deeper with convolutions*, CVPR 2015, figure 2 (b).

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.Inception(64, (96, 128), (16, 32), 32)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (192, 28, 28))
    >>> sorted(parameters["three"]), shape
    (['expand', 'reduce'], (256, 28, 28))
    """

    one: int
    three: tuple[int, int]
    five: tuple[int, int]
    pooled: int
    activation: str | Callable[[Any], Any] = "relu"

    def __post_init__(self) -> None:
        at_least_one(self, one=self.one, pooled=self.pooled)
        for what in ("three", "five"):
            pair = getattr(self, what)
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise ArgumentError(f"Inception: {what} must be the channels of two convolutions, not {pair!r}")
            object.__setattr__(self, what, tuple(pair))
        as_layer(self.activation)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _inception(self).initialize(rng, expect_axes(self, "(channels, height, width)", input_shape), dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return _inception(self).apply(parameters, x, state=state, training=training, rng=rng)


@lru_cache(maxsize=256)
def _inception(layer: Inception) -> Parallel:
    def convolved(name: str, channels: int, kernel: int) -> list[Any]:
        return [(name, Conv2d(channels, kernel, padding="same")), (f"{name}_activation", layer.activation)]

    return Parallel(
        ("one", Sequential(*convolved("expand", layer.one, 1))),
        ("three", Sequential(*convolved("reduce", layer.three[0], 1), *convolved("expand", layer.three[1], 3))),
        ("five", Sequential(*convolved("reduce", layer.five[0], 1), *convolved("expand", layer.five[1], 5))),
        ("pooled", Sequential(("pool", MaxPool2d(3, 1, 1)), *convolved("expand", layer.pooled, 1))),
    )


@dataclass(frozen=True, slots=True, repr=False)
class TransformerBlock(Layer):
    """Attention and a network of two linear layers, each normalized before and with a way around it.

    ``h = x + attention(norm(x))`` and ``y = h + W₂ f(W₁ norm(h))``, the order known as pre-norm.

    Parameters
    ----------
    heads : int
        Must divide the features of the input.
    hidden : int, optional
        Features between the two linear layers; four times those of the input by default.
    causal : bool
        Whether a step sees only itself and those before.
    activation : str or callable
    dropout : float
        Rate, before each of the two sums.

    Notes
    -----
    Parameters: ``["attention"]["body"]`` has ``norm`` and ``attention``, ``["network"]["body"]`` has ``norm``,
    ``expand`` and ``contract``; see :class:`LayerNorm`, :class:`MultiHeadAttention` and :class:`Linear`. The blocks are
    theirs and those of two :class:`Residual`: identities that lead every multiplier past both::

        x            ╲ ▦ ·  I
        attention      ╲ ·  I
        h                   ╲ ▦ · I
        network               ╲ · I

    References
    ----------
    R. Xiong et al., *On layer normalization in the transformer architecture*, ICML 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> block = nn.TransformerBlock(2, causal=True)
    >>> parameters, _, shape = block.initialize(np.random.default_rng(0), (5, 8))
    >>> parameters["network"]["body"]["expand"]["weight"].shape, shape
    ((8, 32), (5, 8))
    """

    heads: int
    hidden: int | None = None
    causal: bool = False
    activation: str | Callable[[Any], Any] = "gelu"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        at_least_one(self, heads=self.heads)
        if self.hidden is not None:
            at_least_one(self, hidden=self.hidden)
        as_layer(self.activation)
        Dropout(self.dropout)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        expect_axes(self, "(steps, features)", input_shape)
        return _transformer(self, input_shape[1]).initialize(rng, input_shape, dtype)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        if x.ndim != 3:
            raise refuse_shape(self, "(steps, features)", x.shape[1:])
        return _transformer(self, x.shape[2]).apply(parameters, x, state=state, training=training, rng=rng)


@lru_cache(maxsize=256)
def _transformer(layer: TransformerBlock, features: int) -> Sequential:
    dropout = [("dropout", Dropout(layer.dropout))] if layer.dropout else []
    attention = Sequential(
        ("norm", LayerNorm()), ("attention", MultiHeadAttention(layer.heads, causal=layer.causal)), *dropout
    )
    network = Sequential(
        ("norm", LayerNorm()),
        ("expand", Linear(layer.hidden or 4 * features)),
        ("activation", layer.activation),
        ("contract", Linear(features, initializer="glorot_uniform")),
        *dropout,
    )
    return Sequential(("attention", Residual(attention)), ("network", Residual(network)))
