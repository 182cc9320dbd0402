"""The fully connected layer, and tables of vectors for tokens and positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
    parameter,
    refuse_shape,
)


@dataclass(frozen=True, slots=True, repr=False)
class Linear(Layer):
    """``y = x @ weight + bias`` along the last axis.

    Parameters
    ----------
    features : int or None
        Outputs; ``None`` for as many as inputs.
    bias : bool
    initializer : str or callable
        Of the weight; biases begin with 0.

    Notes
    -----
    Parameters: ``weight`` (inputs, features) and ``bias`` (features,). PyTorch's ``nn.Linear`` holds the transpose:
    ``weight = layer.weight.detach().numpy().T`` carries a network over.

    One constraint with three blocks; for a batch of ``n`` and ``m`` inputs::

        A[x, y]      = I_n ⊗ weight     contraction    n · m · features nonzeros
        A[weight, y] = xᵀ ⊗ I           contraction    n · m · features
        A[bias, y]   = 1 … 1            scalar         n · features

        x      ▦
        weight ▤
        bias   ╲╲╲

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint import nn
    >>> layer = nn.Linear(3)
    >>> parameters, state, shape = layer.initialize(np.random.default_rng(0), (4,))
    >>> {name: each.shape for name, each in parameters.items()}, shape
    ({'weight': (4, 3), 'bias': (3,)}, (3,))
    >>> print(adjoint.trace(lambda parameters: layer(parameters, np.ones((2, 4))).sum(), parameters).labels())
    {0: "parameters['bias']", 1: "parameters['weight']"}
    """

    features: int | None
    bias: bool = True
    initializer: str | Initializer = "he_normal"

    def __post_init__(self) -> None:
        if self.features is not None:
            at_least_one(self, features=self.features)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if not input_shape or input_shape[-1] < 1:
            raise refuse_shape(self, "(…, inputs)", input_shape)
        inputs = input_shape[-1]
        features = inputs if self.features is None else self.features
        parameters = {"weight": drawn(self.initializer, rng, (inputs, features), inputs, features, dtype)}
        if self.bias:
            parameters["bias"] = np.zeros(features, dtype)
        return Initial(parameters, {}, (*input_shape[:-1], features))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        bias = parameter(self, parameters, "bias") if self.bias else None
        return functional.linear(x, parameter(self, parameters, "weight"), bias), {}


@dataclass(frozen=True, slots=True, repr=False)
class Embedding(Layer):
    """A vector for each token: ``y[…, :] = weight[x[…], :]``.

    Parameters
    ----------
    vocabulary : int
        How many tokens there are; the input is an array of integers from 0.
    features : int
    initializer : str or callable
        Its ``fan_in`` is ``features``: every entry of the table has variance ``1 / features`` by default.

    Notes
    -----
    Parameters: ``weight`` (vocabulary, features). One constraint; tokens have no derivative, and the block in the row
    of the weight has a one for each entry of the output::

        A[weight, y]    gather         n · steps · features nonzeros

        weight ·  ·
                ·
               · ·

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.Embedding(10, 4)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (7,))
    >>> shape, layer(parameters, np.array([[1, 2, 9]])).shape
    ((7, 4), (1, 3, 4))
    """

    vocabulary: int
    features: int
    initializer: str | Initializer = "lecun_normal"

    def __post_init__(self) -> None:
        at_least_one(self, vocabulary=self.vocabulary, features=self.features)

    @property
    def takes_integers(self) -> bool:
        return True

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        shape = (self.vocabulary, self.features)
        weight = drawn(self.initializer, rng, shape, self.features, self.features, dtype)
        return Initial({"weight": weight}, {}, (*input_shape, self.features))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return functional.embedding(x, parameter(self, parameters, "weight")), {}


@dataclass(frozen=True, slots=True, repr=False)
class PositionalEmbedding(Layer):
    """A trained vector for each position, added to sequences: ``y[b, t, :] = x[b, t, :] + weight[t, :]``.

    Parameters
    ----------
    length : int, optional
        Of the longest sequence; that of the examples by default. Shorter ones take the first rows.
    initializer : str or callable
        By default normal with the standard deviation 0.02.

    Notes
    -----
    Parameters: ``weight`` (length, features). A sum, with an identity block in the row of ``x``, and a one for each
    entry in the row of the weight (of its first rows, if the sequence is shorter: one more constraint)::

        A[x, y] = I        A[weight, y] = 1 … 1 ⊗ I

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.PositionalEmbedding(16)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (8, 4))
    >>> parameters["weight"].shape, layer(parameters, np.ones((2, 3, 4))).shape
    ((16, 4), (2, 3, 4))
    """

    length: int | None = None
    initializer: str | Initializer = "small_normal"

    def __post_init__(self) -> None:
        if self.length is not None:
            at_least_one(self, length=self.length)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        steps, features = expect_axes(self, "(steps, features)", input_shape)
        length = steps if self.length is None else self.length
        if steps > length:
            raise refuse_shape(self, f"(at most {length} steps, features)", input_shape)
        weight = drawn(self.initializer, rng, (length, features), features, features, dtype)
        return Initial({"weight": weight}, {}, (steps, features))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        weight = parameter(self, parameters, "weight")
        if x.ndim != 3 or x.shape[1] > weight.shape[0] or x.shape[2] != weight.shape[1]:
            raise refuse_shape(self, f"(at most {weight.shape[0]} steps, {weight.shape[1]} features)", x.shape[1:])
        return x + (weight if x.shape[1] == weight.shape[0] else weight[: x.shape[1]]), {}
