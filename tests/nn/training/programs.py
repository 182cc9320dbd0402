"""A small network written in NumPy, with what a resume could get wrong: dropout, and a running mean."""

from __future__ import annotations

import numpy as np

from adjoint.nn import functional

CLASSES, FEATURES, HIDDEN = 3, 5, 8


def network(parameters, x, *, rng=None, training=False, state=None):
    h = np.tanh(x @ parameters["first"]["weight"] + parameters["first"]["bias"])
    seen = {"mean": 0.9 * state["mean"] + 0.1 * np.mean(h, axis=0), "count": state["count"] + 1} if training else state
    h = h - state["mean"]
    if training:
        h = h * ((rng.random(h.shape) < 0.8) / np.float32(0.8)).astype(np.float32)
    return h @ parameters["second"], seen


def start(seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    first = {"weight": rng.standard_normal((FEATURES, HIDDEN)).astype(dtype), "bias": np.zeros(HIDDEN, dtype)}
    return {"first": first, "second": rng.standard_normal((HIDDEN, CLASSES)).astype(dtype)}


def state():
    return {"mean": np.zeros(HIDDEN, np.float32), "count": 0}


def examples(n=90, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, FEATURES)).astype(np.float32)
    return x, np.argmax(x[:, :CLASSES] + 0.1 * rng.standard_normal((n, CLASSES)), axis=1)


def squared(prediction, target):
    return functional.mean_squared_error(prediction, target)


def line(parameters, x):
    return x @ parameters["weight"] + parameters["bias"]


def line_start(dtype=np.float64):
    return {"weight": np.zeros((1, 1), dtype), "bias": np.zeros(1, dtype)}


def line_data(n=64, dtype=np.float64):
    x = np.linspace(-1, 1, n, dtype=dtype)[:, None]
    return x, 3 * x - 1


def bits(tree):
    """Every leaf as bytes: equal only if bit by bit."""
    if isinstance(tree, dict):
        return {name: bits(each) for name, each in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [bits(each) for each in tree]
    array = np.asarray(tree)
    return array.dtype.str, array.shape, array.tobytes()
