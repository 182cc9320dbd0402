"""Recurrent cells, and whole sequences of them: all steps share the weights, and each step is a few constraints.

Products with the inputs do not depend on the state, so they are made for all steps at once. A step adds its row of
them to the product of the state and the hidden weights: the constraint ``recurrence``, whose multiplier is what the
gradients of all weights are made of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.nn.functional._operations import as_array, refuse
from adjoint.nn.functional._recurrent import gru_step, lstm_step, recurrence
from adjoint.nn.functional.activations import activation as activation_of
from adjoint.nn.functional.affine import linear

Activation = str | Callable[[Any], Any]


def rnn_cell(x: Any, h: Any, w_input: Any, w_hidden: Any, bias: Any = None, activation: Activation = "tanh") -> Any:
    """One step of a plain recurrent network: ``activation(x @ w_input + h @ w_hidden + bias)``.

    Parameters
    ----------
    x : array (batch, features)
    h : array (batch, hidden)
    w_input : array (features, hidden)
    w_hidden : array (hidden, hidden)
    bias : array (hidden,), optional
    activation : str or callable
        See :func:`activation`.

    Returns
    -------
    array (batch, hidden)
        The next state.

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    Three constraints: ``linear``, with contraction blocks; ``recurrence``, which adds ``h @ w_hidden``, with an
    identity block and two contraction blocks; and the activation, with a diagonal block.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> one = np.ones((1, 1))
    >>> print(functional.rnn_cell(0.2 * one, 0.3 * one, one, one).round(4))
    [[0.4621]]
    """
    x, (h,), weights = _checked("rnn_cell", x, (h,), w_input, w_hidden, (bias,), 1, "(batch, features)")
    return activation_of(activation)(recurrence(linear(x, weights[0], weights[2]), h, weights[1], step=None))


def lstm_cell(x: Any, state: tuple[Any, Any], w_input: Any, w_hidden: Any, bias: Any = None) -> tuple[Any, Any]:
    """One step of a network with long short-term memory.

    Parameters
    ----------
    x : array (batch, features)
    state : pair of arrays (batch, hidden)
        ``h`` and ``c``.
    w_input : array (features, 4 hidden)
        The gates ``i, f, g, o`` side by side, in this order.
    w_hidden : array (hidden, 4 hidden)
    bias : array (4 hidden,), optional

    Returns
    -------
    h, c : arrays (batch, hidden)
        The next state.

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    Constraints, after ``linear`` for the inputs:

    - ``recurrence``, ``z = x @ w_input + bias + h @ w_hidden``: an identity block and two contraction blocks;
    - ``gates``, ``σ`` of the pieces ``i, f, o`` and ``tanh`` of ``g``: a diagonal block;
    - ``lstm_cell``, ``c = f c + i g``: a diagonal block to ``c``, and three diagonals side by side to the gates;
    - ``lstm_state``, ``h = o tanh(c)``: a diagonal block to ``c``, and one to the gates.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, *Long short-term memory*, Neural Computation 9 (1997), 1735–1780; with the forget
    gate of F. A. Gers, J. Schmidhuber and F. Cummins (2000).

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x, h, w = np.ones((1, 2)), np.zeros((1, 3)), np.ones((5, 12))
    >>> h, c = functional.lstm_cell(x, (h, h), w[:2], w[2:])
    >>> print(h.round(4), c.round(4))
    [[0.6083 0.6083 0.6083]] [[0.8491 0.8491 0.8491]]
    >>> cell = lambda x, h, c, w, u: functional.lstm_cell(x, (h, c), w, u)
    >>> system = adjoint.trace(cell, x, h, c, w[:2], w[2:]).compile()
    >>> print(system.block(9, 8), system.block(9, 3), system.block(10, 8), sep="\\n")
    <diagonal block (1, 12) → (1, 3), 9 nonzeros>
    <diagonal block (1, 3) → (1, 3), 3 nonzeros>
    <diagonal block (1, 12) → (1, 3), 3 nonzeros>
    """
    x, (h, c), weights = _checked("lstm_cell", x, _pair("lstm_cell", state), w_input, w_hidden, (bias,), 4, CELL)
    return lstm_step(linear(x, weights[0], weights[2]), h, c, weights[1], None)


def gru_cell(x: Any, h: Any, w_input: Any, w_hidden: Any, bias: Any = None, hidden_bias: Any = None) -> Any:
    """One step of a network with gated recurrent units.

    Parameters
    ----------
    x : array (batch, features)
    h : array (batch, hidden)
    w_input : array (features, 3 hidden)
        The gates ``r, z`` and the candidate ``n`` side by side, in this order.
    w_hidden : array (hidden, 3 hidden)
    bias, hidden_bias : array (3 hidden,), optional
        Of the inputs and of the state; for ``n`` they differ, as ``r`` multiplies the second one.

    Returns
    -------
    array (batch, hidden)
        The next state ``(1 − z) n + z h`` with ``n = tanh(x_n + r h_n)``.

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    Constraints: ``linear`` for the inputs and for the state, with contraction blocks; ``gates``, ``gru_candidate`` and
    ``gru_state``, whose blocks are diagonals, side by side where they go to several pieces of one array.

    References
    ----------
    K. Cho et al., *Learning phrase representations using RNN encoder–decoder for statistical machine translation*,
    EMNLP 2014; with ``r`` after the product, as in cuDNN and PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x, h, w = np.ones((1, 2)), np.zeros((1, 3)), np.ones((5, 9))
    >>> print(functional.gru_cell(x, h, w[:2], w[2:]).round(4))
    [[0.1149 0.1149 0.1149]]
    """
    x, (h,), weights = _checked("gru_cell", x, (h,), w_input, w_hidden, (bias, hidden_bias), 3, CELL)
    return gru_step(linear(x, weights[0], weights[2]), h, weights[1], weights[3])


def rnn(
    x: Any, h: Any, w_input: Any, w_hidden: Any, bias: Any = None, activation: Activation = "tanh"
) -> tuple[Any, Any]:
    """A plain recurrent network over sequences: :func:`rnn_cell` at every step.

    Parameters
    ----------
    x : array (batch, steps, features)
    h : array (batch, hidden) or None
        The state before the first step; zeros if None.
    w_input, w_hidden, bias, activation
        As of :func:`rnn_cell`; all steps share them.

    Returns
    -------
    outputs : array (batch, steps, hidden)
        The states after each step.
    h : array (batch, hidden)
        The last of them.

    Notes
    -----
    The inputs are multiplied for all steps at once, in one ``linear`` constraint; ``recurrence`` has a slice block to
    that. Two constraints for each step, and one ``stack``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> outputs, h = functional.rnn(np.ones((1, 3, 1)), None, np.ones((1, 1)), np.ones((1, 1)), activation="relu")
    >>> print(outputs[0, :, 0], h)
    [1. 2. 3.] [[3.]]
    """
    x, (h,), weights = _checked("rnn", x, (h,), w_input, w_hidden, (bias,), 1, SEQUENCES)
    inputs, function = linear(x, weights[0], weights[2]), activation_of(activation)
    outputs = []
    for step in range(x.shape[1]):
        h = function(recurrence(inputs, h, weights[1], step=step))
        outputs.append(h)
    return np.stack(outputs, axis=1), h


def lstm(
    x: Any, state: tuple[Any, Any] | None, w_input: Any, w_hidden: Any, bias: Any = None
) -> tuple[Any, tuple[Any, Any]]:
    """A network with long short-term memory over sequences: :func:`lstm_cell` at every step.

    Parameters
    ----------
    x : array (batch, steps, features)
    state : pair of arrays (batch, hidden) or None
        ``h`` and ``c`` before the first step; zeros if None.
    w_input, w_hidden, bias
        As of :func:`lstm_cell`; all steps share them.

    Returns
    -------
    outputs : array (batch, steps, hidden)
        ``h`` after each step.
    h, c : pair of arrays (batch, hidden)
        The last state.

    Notes
    -----
    The inputs are multiplied for all steps at once, in one ``linear`` constraint; ``recurrence`` has a slice block to
    that. Four constraints for each step, and one ``stack``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> outputs, (h, c) = functional.lstm(np.ones((1, 3, 1)), None, np.ones((1, 4)), np.ones((1, 4)))
    >>> print(outputs[0, :, 0].round(4), c.round(4))
    [0.3696 0.6505 0.7888] [[1.7395]]
    """
    pair = (None, None) if state is None else _pair("lstm", state)
    x, (h, c), weights = _checked("lstm", x, pair, w_input, w_hidden, (bias,), 4, SEQUENCES)
    inputs = linear(x, weights[0], weights[2])
    outputs = []
    for step in range(x.shape[1]):
        h, c = lstm_step(inputs, h, c, weights[1], step)
        outputs.append(h)
    return np.stack(outputs, axis=1), (h, c)


def gru(x: Any, h: Any, w_input: Any, w_hidden: Any, bias: Any = None, hidden_bias: Any = None) -> tuple[Any, Any]:
    """A network with gated recurrent units over sequences: :func:`gru_cell` at every step.

    Parameters
    ----------
    x : array (batch, steps, features)
    h : array (batch, hidden) or None
        The state before the first step; zeros if None.
    w_input, w_hidden, bias, hidden_bias
        As of :func:`gru_cell`; all steps share them.

    Returns
    -------
    outputs : array (batch, steps, hidden)
        The states after each step.
    h : array (batch, hidden)
        The last of them.

    Notes
    -----
    The inputs are multiplied for all steps at once, in one ``linear`` constraint. Five constraints for each step, the
    slice of the inputs among them, and one ``stack``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> outputs, h = functional.gru(np.ones((1, 3, 1)), None, np.ones((1, 3)), np.ones((1, 3)))
    >>> print(outputs[0, :, 0].round(4))
    [0.2048 0.3468 0.4517]
    """
    x, (h,), weights = _checked("gru", x, (h,), w_input, w_hidden, (bias, hidden_bias), 3, SEQUENCES)
    inputs = linear(x, weights[0], weights[2])
    outputs = []
    for step in range(x.shape[1]):
        h = gru_step(inputs[:, step], h, weights[1], weights[3])
        outputs.append(h)
    return np.stack(outputs, axis=1), h


# --- what they share ----------------------------------------------------------------------------------

CELL, SEQUENCES = "(batch, features)", "(batch, steps, features)"


def _pair(name: str, state: Any) -> tuple[Any, Any]:
    if not isinstance(state, (tuple, list)) or len(state) != 2:
        refuse(name, f"expected the state as a pair (h, c), got {type(state).__name__}")
    return state[0], state[1]


def _checked(
    name: str, x: Any, state: tuple[Any, ...], w_input: Any, w_hidden: Any, biases: Any, gates: int, axes: str
) -> tuple[Any, tuple[Any, ...], list[Any]]:
    """Everything as arrays of shapes that fit; zeros for a state of None."""
    x, w_input, w_hidden = as_array(x), as_array(w_input), as_array(w_hidden)
    if x.ndim != axes.count(",") + 1:
        refuse(name, f"expected x {axes}, got the shape {x.shape}")
    if axes == SEQUENCES and not x.shape[1]:
        refuse(name, f"x {x.shape} has no steps")
    hidden = w_hidden.shape[0] if w_hidden.ndim == 2 else -1
    count = f"{gates} · hidden" if gates > 1 else "hidden"
    if w_hidden.ndim != 2 or w_hidden.shape[1] != gates * hidden:
        refuse(name, f"expected w_hidden (hidden, {count}), got the shape {w_hidden.shape}")
    if w_input.shape != (x.shape[-1], gates * hidden):
        wanted = (x.shape[-1], gates * hidden)
        refuse(name, f"expected w_input {wanted} for x {x.shape} and w_hidden {w_hidden.shape}, got {w_input.shape}")
    weights = [w_input, w_hidden]
    for what, bias in zip(("bias", "hidden_bias"), biases, strict=False):
        bias = None if bias is None else as_array(bias)
        if bias is not None and bias.shape != (gates * hidden,):
            refuse(name, f"expected {what} ({gates * hidden},) for w_hidden {w_hidden.shape}, got {bias.shape}")
        weights.append(bias)
    wanted = (x.shape[0], hidden)
    states = []
    for what, h in zip(("h", "c"), state, strict=False):
        h = np.zeros(wanted, x.dtype) if h is None else as_array(h)
        if h.shape != wanted:
            refuse(name, f"expected {what} {wanted} for x {x.shape} and w_hidden {w_hidden.shape}, got {h.shape}")
        states.append(h)
    return x, tuple(states), weights
