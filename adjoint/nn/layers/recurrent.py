"""Recurrent layers: the same weights at every step of a sequence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
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
from adjoint.nn.layers.places import expect_parts, initialized, run
from adjoint.nn.layers.simple import as_layer

SEQUENCE = "(steps, features)"


@dataclass(frozen=True, slots=True, repr=False)
class RNN(Layer):
    """A plain recurrent network, :func:`adjoint.nn.functional.rnn`: ``h_t = f(x_t W + h_{t−1} U + b)``.

    Parameters
    ----------
    hidden : int
        Features of the state.
    return_sequences : bool
        Whether the output is the state after each step, (batch, steps, hidden), or after the last, (batch, hidden).
    activation : str or callable
    initializer, hidden_initializer : str or callable
        Of the two weights; the bias begins with 0.

    Notes
    -----
    Parameters: ``input_weight`` (features, hidden), ``hidden_weight`` (hidden, hidden) and ``bias`` (hidden,). All
    steps share them: each has one row in the matrix, and that row has a block in the column of every step::

        hidden_weight   ▤   ▤   ▤        A[U, h_t]       = h_{t−1}ᵀ ⊗ I
        h_1             ╲   ▦
        h_2                 ╲   ▦        A[h_{t−1}, h_t] = I ⊗ U
        h_3                     ╲

    Its multiplier is a sum over all steps, and the chain of the ``▦`` is what vanishes or explodes with their number.

    References
    ----------
    J. L. Elman, *Finding structure in time*, Cognitive Science 14 (1990).

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.RNN(4, return_sequences=True)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (7, 3))
    >>> {name: each.shape for name, each in parameters.items()}, shape
    ({'input_weight': (3, 4), 'hidden_weight': (4, 4), 'bias': (4,)}, (7, 4))
    """

    hidden: int
    return_sequences: bool = False
    activation: str | Callable[[Any], Any] = "tanh"
    initializer: str | Initializer = "glorot_uniform"
    hidden_initializer: str | Initializer = "orthogonal"

    def __post_init__(self) -> None:
        at_least_one(self, hidden=self.hidden)
        as_layer(self.activation)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return _initial(self, rng, input_shape, dtype, 1)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        outputs, h = functional.rnn(x, None, *_weights(self, parameters), activation=self.activation)
        return (outputs if self.return_sequences else h), {}

    def step(self, parameters: Tree, x: Any, carry: Any = None) -> tuple[Any, Any]:
        """One step, to go on with a sequence as it comes: ``x`` (batch, features) → output and what to carry on."""
        weights = _weights(self, parameters)
        carry = np.zeros((x.shape[0], self.hidden), x.dtype) if carry is None else carry
        h = functional.rnn_cell(x, carry, *weights, activation=self.activation)
        return h, h


@dataclass(frozen=True, slots=True, repr=False)
class LSTM(Layer):
    """A network with long short-term memory, :func:`adjoint.nn.functional.lstm`.

    ``c_t = σ(f) c_{t−1} + σ(i) tanh(g)`` and ``h_t = σ(o) tanh(c_t)``, with ``[i, f, g, o] = x_t W + h_{t−1} U + b``.

    Parameters
    ----------
    hidden : int
        Features of the state.
    return_sequences : bool
        Whether the output is ``h`` after each step, (batch, steps, hidden), or that after the last, (batch, hidden).
    forget_bias : float
        What the bias of the forget gate begins with; the others begin with 0.
    initializer, hidden_initializer : str or callable
        Of each gate's part of the two weights.

    Notes
    -----
    Parameters: ``input_weight`` (features, 4 hidden), ``hidden_weight`` (hidden, 4 hidden) and ``bias`` (4 hidden,),
    with the gates ``i, f, g, o`` side by side. PyTorch's ``nn.LSTM`` has them in this order too: its
    ``weight_ih_l0.T``, ``weight_hh_l0.T``, and ``bias_ih_l0 + bias_hh_l0``.

    Four constraints for each step. All steps share the weights: each has one row, with a block in the column of every
    step. From cell to cell there is a diagonal block, the forget gate, and no weight::

        hidden_weight   ▤       ▤       ▤
        h_1                     ▦                 A[h_{t−1}, gates_t] = I ⊗ U
        c_1                       ╲               A[c_{t−1}, c_t]     = diag(σ(f_t))

    References
    ----------
    S. Hochreiter and J. Schmidhuber, *Long short-term memory*, Neural Computation 9 (1997). R. Jozefowicz, W. Zaremba
    and I. Sutskever, ICML 2015, for the bias of the forget gate.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.LSTM(4)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (7, 3))
    >>> {name: each.shape for name, each in parameters.items()}, shape
    ({'input_weight': (3, 16), 'hidden_weight': (4, 16), 'bias': (16,)}, (4,))
    """

    hidden: int
    return_sequences: bool = False
    forget_bias: float = 1.0
    initializer: str | Initializer = "glorot_uniform"
    hidden_initializer: str | Initializer = "orthogonal"

    def __post_init__(self) -> None:
        at_least_one(self, hidden=self.hidden)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        initial = _initial(self, rng, input_shape, dtype, 4)
        initial.parameters["bias"][self.hidden : 2 * self.hidden] = self.forget_bias
        return initial

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        outputs, (h, _) = functional.lstm(x, None, *_weights(self, parameters))
        return (outputs if self.return_sequences else h), {}

    def step(self, parameters: Tree, x: Any, carry: Any = None) -> tuple[Any, Any]:
        """One step, to go on with a sequence as it comes: ``x`` (batch, features) → output and what to carry on."""
        weights = _weights(self, parameters)
        if carry is None:
            carry = (np.zeros((x.shape[0], self.hidden), x.dtype),) * 2
        h, c = functional.lstm_cell(x, carry, *weights)
        return h, (h, c)


@dataclass(frozen=True, slots=True, repr=False)
class GRU(Layer):
    """A network with gated recurrent units, :func:`adjoint.nn.functional.gru`.

    ``h_t = (1 − z) n + z h_{t−1}`` with the gates ``r, z = σ(…)`` and ``n = tanh(x_n + r h_n)``.

    Parameters
    ----------
    hidden : int
        Features of the state.
    return_sequences : bool
        Whether the output is the state after each step, (batch, steps, hidden), or after the last, (batch, hidden).
    initializer, hidden_initializer : str or callable
        Of each gate's part of the two weights; biases begin with 0.

    Notes
    -----
    Parameters: ``input_weight`` (features, 3 hidden), ``hidden_weight`` (hidden, 3 hidden), ``bias`` and
    ``hidden_bias`` (3 hidden,), with ``r, z, n`` side by side; as PyTorch's ``nn.GRU`` has them, the weights
    transposed. All steps share them: each has one row, with a block in the column of every step. A state reaches the
    next one past all weights, by a diagonal block::

        hidden_weight   ▤       ▤       ▤
        h_1                     ▦  ╲              A[h_{t−1}, h_t] = diag(z_t), and I ⊗ U to its gates

    References
    ----------
    K. Cho et al., *Learning phrase representations using RNN encoder–decoder for statistical machine translation*,
    EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.GRU(4)
    >>> parameters, _, shape = layer.initialize(np.random.default_rng(0), (7, 3))
    >>> sorted(parameters), shape
    (['bias', 'hidden_bias', 'hidden_weight', 'input_weight'], (4,))
    """

    hidden: int
    return_sequences: bool = False
    initializer: str | Initializer = "glorot_uniform"
    hidden_initializer: str | Initializer = "orthogonal"

    def __post_init__(self) -> None:
        at_least_one(self, hidden=self.hidden)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        initial = _initial(self, rng, input_shape, dtype, 3)
        initial.parameters["hidden_bias"] = np.zeros(3 * self.hidden, dtype)
        return initial

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        hidden_bias = parameter(self, parameters, "hidden_bias")
        outputs, h = functional.gru(x, None, *_weights(self, parameters), hidden_bias)
        return (outputs if self.return_sequences else h), {}

    def step(self, parameters: Tree, x: Any, carry: Any = None) -> tuple[Any, Any]:
        """One step, to go on with a sequence as it comes: ``x`` (batch, features) → output and what to carry on."""
        hidden_bias = parameter(self, parameters, "hidden_bias")
        carry = np.zeros((x.shape[0], self.hidden), x.dtype) if carry is None else carry
        h = functional.gru_cell(x, carry, *_weights(self, parameters), hidden_bias)
        return h, h


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Bidirectional(Layer):
    """A recurrent layer that reads sequences in both directions, with weights for each; the outputs are concatenated.

    Parameters
    ----------
    layer : RNN, LSTM or GRU

    Notes
    -----
    Parameters: dicts ``forward`` and ``backward``, each with those of the layer. The two directions have no block in
    each other's rows, until the concatenation, which has a block of ones and zeros for each.

    References
    ----------
    M. Schuster and K. Paliwal, *Bidirectional recurrent neural networks*, IEEE Trans. Signal Processing 45 (1997).

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.Bidirectional(nn.GRU(4, return_sequences=True))
    >>> layer.initialize(np.random.default_rng(0), (7, 3)).output_shape
    (7, 8)
    """

    names: tuple[str, ...]
    parts: tuple[Layer, ...]

    def __init__(self, layer: RNN | LSTM | GRU) -> None:
        if not isinstance(layer, (RNN, LSTM, GRU)):
            raise ArgumentError(f"Bidirectional takes a recurrent layer, not {layer!r}")
        object.__setattr__(self, "names", ("forward", "backward"))
        object.__setattr__(self, "parts", (layer, layer))

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        initials = {name: initialized(name, self.parts[0], rng, input_shape, dtype) for name in self.names}
        shape = initials["forward"].output_shape
        return Initial({name: each.parameters for name, each in initials.items()}, {}, (*shape[:-1], 2 * shape[-1]))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        expect_parts(self, self.names, parameters)
        if x.ndim != 3:
            raise refuse_shape(self, SEQUENCE, x.shape[1:])
        options: dict[str, Any] = {"state": state, "training": training, "rng": rng}
        forward, _ = run("forward", self.parts[0], parameters, x, **options)
        backward, _ = run("backward", self.parts[1], parameters, x[:, ::-1], **options)
        if backward.ndim == 3:
            backward = backward[:, ::-1]
        return np.concatenate([forward, backward], axis=-1), {}


# --- what they share ----------------------------------------------------------------------------------


def _initial(layer: Any, rng: np.random.Generator, input_shape: Shape, dtype: Any, gates: int) -> Initial:
    steps, features = expect_axes(layer, SEQUENCE, input_shape)
    if not steps or not features:
        raise refuse_shape(layer, SEQUENCE, input_shape)
    hidden = layer.hidden

    def side_by_side(initializer: Any, rows: int) -> np.ndarray:
        return np.concatenate(
            [drawn(initializer, rng, (rows, hidden), rows, hidden, dtype) for _ in range(gates)], axis=1
        )

    parameters = {
        "input_weight": side_by_side(layer.initializer, features),
        "hidden_weight": side_by_side(layer.hidden_initializer, hidden),
        "bias": np.zeros(gates * hidden, dtype),
    }
    return Initial(parameters, {}, (steps, hidden) if layer.return_sequences else (hidden,))


def _weights(layer: Layer, parameters: Tree) -> tuple[Any, Any, Any]:
    return (
        parameter(layer, parameters, "input_weight"),
        parameter(layer, parameters, "hidden_weight"),
        parameter(layer, parameters, "bias"),
    )
