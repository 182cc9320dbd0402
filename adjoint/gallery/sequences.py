"""Loops over time: recurrent networks and a Kalman filter, unrolled."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus import constraint
from adjoint.gallery.example import Example
from adjoint.tracing import name


def rnn(xs: Any, wx: Any, wh: Any, b: Any) -> Any:
    """``h_t = tanh(x_t wx + h_{t−1} wh + b)``; half the squared norm of the last state."""
    h = np.zeros(len(b))
    for t in range(len(xs)):
        h = name(np.tanh(xs[t] @ wx + h @ wh + b), f"h{t + 1}")
    return name(h @ h / 2, "loss")


def _rnn_inputs(size: str) -> tuple[Any, ...]:
    steps, inputs, hidden = {"small": (8, 2, 4), "full": (100, 16, 64)}[size]
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((steps, inputs)),
        rng.standard_normal((inputs, hidden)) / np.sqrt(inputs),
        rng.standard_normal((hidden, hidden)) / np.sqrt(hidden),
        np.zeros(hidden),
    )


@constraint
def sigmoid(x: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-x))


def lstm(xs: Any, wx: Any, wh: Any, b: Any) -> Any:
    """Four gates in one product; the cell ``c`` is added to, the state ``h`` is read from it."""
    width = len(b) // 4
    h = c = np.zeros(width)
    for t in range(len(xs)):
        gates = name(xs[t] @ wx + h @ wh + b, f"gates {t + 1}")
        forget = name(sigmoid(gates[:width]), f"forget {t + 1}")
        enter = name(sigmoid(gates[width : 2 * width]), f"enter {t + 1}")
        leave = name(sigmoid(gates[2 * width : 3 * width]), f"leave {t + 1}")
        c = name(forget * c + enter * np.tanh(gates[3 * width :]), f"c{t + 1}")
        h = name(leave * np.tanh(c), f"h{t + 1}")
    return name(h @ h / 2, "loss")


def _lstm_inputs(size: str) -> tuple[Any, ...]:
    steps, inputs, hidden = {"small": (3, 2, 3), "full": (100, 16, 64)}[size]
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((steps, inputs)),
        rng.standard_normal((inputs, 4 * hidden)) / np.sqrt(inputs),
        rng.standard_normal((hidden, 4 * hidden)) / np.sqrt(hidden),
        np.concatenate((np.ones(hidden), np.zeros(3 * hidden))),
    )


@constraint
def surprise(error: Any, S: Any) -> Any:
    """``−log`` of a normal density with covariance ``S``, without its constant."""
    return (error @ np.linalg.solve(S, error) + np.linalg.slogdet(S)[1]) / 2


def kalman(ys: Any, transition: Any, observe: Any, noise: Any, measurement_noise: Any) -> Any:
    """Negative log-likelihood of measurements ``ys`` of a linear system with noise."""
    x, P = np.zeros(len(transition)), np.eye(len(transition))
    total = 0.0
    for t in range(len(ys)):
        x = transition @ x
        P = name(transition @ P @ transition.T + noise, f"P{t + 1}")
        S = name(observe @ P @ observe.T + measurement_noise, f"S{t + 1}")
        error = name(ys[t] - observe @ x, f"error {t + 1}")
        gain = name(np.linalg.solve(S, observe @ P).T, f"gain {t + 1}")
        x = name(x + gain @ error, f"x{t + 1}")
        P = P - gain @ observe @ P
        total = total + surprise(error, S)
    return name(total, "loss")


def _kalman_inputs(size: str) -> tuple[Any, ...]:
    steps, axes = {"small": (2, 2), "full": (100, 3)}[size]
    rng = np.random.default_rng(0)
    eye = np.eye(axes)
    position_and_speed = np.block([[eye, 0.1 * eye], [0 * eye, eye]])
    return (
        np.cumsum(rng.standard_normal((steps, axes)), axis=0),
        position_and_speed,
        np.hstack((eye, 0 * eye)),
        0.01 * np.eye(2 * axes),
        0.5 * eye,
    )


EXAMPLES = (
    Example(
        "rnn",
        "Recurrent network",
        "sequences",
        rnn,
        _rnn_inputs,
        "The same few blocks repeat along the diagonal, once per time step, and steps touch only where one state "
        "enters the next. The rows of the weights run through all steps: their gradients are sums over time.",
    ),
    Example(
        "lstm",
        "LSTM",
        "sequences",
        lstm,
        _lstm_inputs,
        "Two rows of each step reach into the next one: h through a product, and c through a diagonal block. Along c "
        "there is no product between the steps, only a multiplication by the forget gate.",
        source="S. Hochreiter, J. Schmidhuber, Long Short-Term Memory, 1997",
    ),
    Example(
        "kalman",
        "Kalman filter",
        "sequences",
        kalman,
        _kalman_inputs,
        "No path leads from the measurements to a covariance P or S: what the filter knows about its errors does not "
        "depend on what it measured. On the diagonal of each gain stands S instead of −1, for a linear solve is an "
        "implicit constraint.",
        source="R. E. Kalman, A New Approach to Linear Filtering and Prediction Problems, 1960",
    ),
)
