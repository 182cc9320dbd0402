"""Value and gradient of a 784-H-H-10 network, float32, against NumPy by hand and PyTorch eager."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks.harness import Contest, Size, Table, compare, validate_contests


def loss(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, rows: Any, labels: Any) -> Any:
    """Mean cross entropy of two layers of tanh and one of softmax."""
    hidden = xp.tanh(x @ w1 + b1)
    hidden = xp.tanh(hidden @ w2 + b2)
    logits = hidden @ w3 + b3
    shifted = logits - xp.amax(logits, axis=1, keepdims=True)
    log_normalizer = xp.log(xp.sum(xp.exp(shifted), axis=1))
    return xp.mean(log_normalizer - shifted[rows, labels])


def by_hand(
    w1: np.ndarray,
    b1: np.ndarray,
    w2: np.ndarray,
    b2: np.ndarray,
    w3: np.ndarray,
    b3: np.ndarray,
    x: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
) -> tuple[Any, list[np.ndarray]]:
    """Backpropagation as in a textbook: softmax minus one-hot, times the weights, times ``1 − tanh²``."""
    h1 = np.tanh(x @ w1 + b1)
    h2 = np.tanh(h1 @ w2 + b2)
    shifted = h2 @ w3 + b3
    shifted -= shifted.max(1, keepdims=True)
    chosen = shifted[rows, labels]
    e = np.exp(shifted)
    total = e.sum(1, keepdims=True)
    value = (np.log(total[:, 0]) - chosen).mean()
    e /= total
    e[rows, labels] -= 1
    e /= len(x)
    d2 = (e @ w3.T) * (1 - h2 * h2)
    d1 = (d2 @ w2.T) * (1 - h1 * h1)
    return value, [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ e, e.sum(0)]


def contests(size: Size) -> Iterator[Contest]:
    """Small, medium and large layers."""
    for batch, width in ((3, 4),) if size == "tiny" else ((8, 32), (32, 128), (128, 512)):
        inputs = 6 if size == "tiny" else 784
        rng = np.random.default_rng(width)
        widths = (inputs, width, width, 10)
        weights: list[np.ndarray] = []
        for fan_in, fan_out in pairwise(widths):
            weights.append((rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)).astype(np.float32))
            weights.append(0.1 * rng.standard_normal(fan_out).astype(np.float32))
        x = rng.standard_normal((batch, inputs)).astype(np.float32)
        yield Contest(
            f"{inputs}-{width}-{width}-10, batch {batch}, float32",
            loss,
            tuple(weights),
            (x, np.arange(batch), rng.integers(0, 10, batch)),
            peers=("torch", "autograd", "jax"),
            by_hand=by_hand,
            tolerance=3e-5,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return validate_contests(contests(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    for contest in contests(size):
        yield compare(contest, size)[0]
