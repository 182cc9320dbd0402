"""Attention of sequences to themselves or to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn import functional
from adjoint.nn.initializers import Initializer
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree, at_least_one, expect_axes, refuse_shape
from adjoint.nn.layers.linear import Linear
from adjoint.nn.layers.places import expect_parts, initialized, run


@dataclass(frozen=True, slots=True, repr=False)
class MultiHeadAttention(Layer):
    """Each step a mean of the values of all steps, weighted by how its query meets their keys; in several heads.

    Parameters
    ----------
    heads : int
        Must divide ``features``.
    features : int, optional
        Of the output, of all heads together; by default as many as the input has.
    causal : bool
        Whether a step sees only itself and those before.
    bias : bool
    initializer : str or callable
        Of the weights; biases begin with 0.

    Notes
    -----
    Parameters: dicts ``query``, ``key``, ``value`` and ``output``, each with those of a :class:`Linear` layer:
    ``weight`` (inputs, features) and ``bias`` (features,). Constraints with the blocks of that layer for the four
    projections, gathers that split and join the heads, and the attention ``softmax(q kᵀ / √d) v`` between them. With a
    causal mask no block reaches from a later step to an earlier one: for one head and four steps, by the steps of
    ``value`` (rows) and of the result (columns)::

        A[value, y]   ■ ■ ■ ■
                        ■ ■ ■
                          ■ ■
                            ■

    References
    ----------
    A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.MultiHeadAttention(2, causal=True)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (5, 8))
    >>> sorted(parameters), shape
    (['key', 'output', 'query', 'value'], (5, 8))
    >>> layer(parameters, np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    """

    heads: int
    features: int | None = None
    causal: bool = False
    bias: bool = True
    initializer: str | Initializer = "glorot_uniform"

    def __post_init__(self) -> None:
        at_least_one(self, heads=self.heads)
        if self.features is not None:
            at_least_one(self, features=self.features)
            if self.features % self.heads:
                raise ArgumentError(f"MultiHeadAttention: {self.features} features do not make {self.heads} heads")

    def initialize(
        self,
        rng: np.random.Generator,
        input_shape: Shape,
        dtype: Any = np.float32,
        *,
        context_features: int | None = None,
    ) -> Initial:
        """As :meth:`Layer.initialize`; ``context_features`` are those of another sequence that is attended to."""
        steps, inputs = expect_axes(self, "(steps, features)", input_shape)
        if inputs < 1:
            raise refuse_shape(self, "(steps, features)", input_shape)
        features = inputs if self.features is None else self.features
        if features % self.heads:
            raise refuse_shape(self, f"(steps, features in {self.heads} heads)", input_shape)
        others = inputs if context_features is None else context_features
        linear = Linear(features, self.bias, self.initializer)
        parameters: Tree = {}
        for name, rows in (("query", inputs), ("key", others), ("value", others), ("output", features)):
            parameters[name] = initialized(name, linear, rng, (steps, rows), dtype).parameters
        return Initial(parameters, {}, (steps, features))

    def apply(
        self,
        parameters: Tree,
        x: Any,
        *,
        state: Tree,
        training: bool,
        rng: np.random.Generator | None,
        context: Any = None,
        mask: Any = None,
    ) -> tuple[Any, Tree]:
        """As :meth:`Layer.apply`.

        Parameters
        ----------
        context : array (batch, other steps, other features), optional
            The sequence that gives keys and values; ``x`` itself by default.
        mask : bool array, broadcasts to (batch, heads, steps, other steps), optional
            Where a step may look.
        """
        if x.ndim != 3:
            raise refuse_shape(self, "(steps, features)", x.shape[1:])
        other = x if context is None else context
        expect_parts(self, ("query", "key", "value", "output"), parameters)

        def projected(name: str, x: Any) -> Any:
            return run(name, _PROJECTIONS[self.bias], parameters, x, state={}, training=training, rng=rng)[0]

        query, key = self._split(projected("query", x)), self._split(projected("key", other))
        value = self._split(projected("value", other))
        y = functional.scaled_dot_product_attention(query, key, value, mask=mask, causal=self.causal)
        batch, heads, steps, each = y.shape
        y = np.transpose(y, (0, 2, 1, 3)).reshape((batch, steps, heads * each))
        return projected("output", y), {}

    def _split(self, x: Any) -> Any:
        """``(batch, steps, features) → (batch, heads, steps, features / heads)``."""
        batch, steps, features = x.shape
        return np.transpose(x.reshape((batch, steps, self.heads, features // self.heads)), (0, 2, 1, 3))


_PROJECTIONS = {bias: Linear(None, bias) for bias in (False, True)}
"""To be applied: how many features there are, the weights say."""
