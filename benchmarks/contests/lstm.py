"""Training step of a network with long short-term memory, hidden 64, 100 steps, batch 16, float32.

The class of a sequence from the last state, as for images that are read row by row. PyTorch runs
``torch.nn.LSTMCell`` in a Python loop, JAX ``lax.scan``; the fused ``torch.nn.LSTM`` stands beside them.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from adjoint.nn import functional
from benchmarks.contests import matches
from benchmarks.contests.matches import Match
from benchmarks.harness import Answer, Contest, Size, Table

SHAPES: dict[Size, tuple[int, int, int, int]] = {  # batch, steps, features, hidden
    "tiny": (2, 3, 4, 5),
    "quick": (16, 100, 28, 64),
    "full": (16, 100, 28, 64),
}


def loss(xp: Any, w: Any, u: Any, b: Any, w_out: Any, b_out: Any, x: Any, labels: Any) -> Any:
    """By ``adjoint.nn.functional.lstm``: four constraints for each step."""
    _, (h, _) = functional.lstm(x, None, w, u, b)
    return functional.cross_entropy(functional.linear(h, w_out, b_out), labels)


def by_cells(xp: Any, w: Any, u: Any, b: Any, w_out: Any, b_out: Any, x: Any, labels: Any) -> Any:
    """By ``adjoint.nn.functional.lstm_cell`` in a Python loop."""
    h = c = np.zeros((x.shape[0], u.shape[0]), x.dtype)
    for step in range(x.shape[1]):
        h, c = functional.lstm_cell(x[:, step], (h, c), w, u, b)
    return functional.cross_entropy(functional.linear(h, w_out, b_out), labels)


def in_torch(torch: Any, w: Any, u: Any, b: Any, w_out: Any, b_out: Any, x: Any, labels: Any) -> Any:
    """``torch.nn.LSTMCell`` with these weights, in a Python loop; its second bias is zero and not differentiated."""
    cell = torch.nn.LSTMCell(w.shape[0], u.shape[0], device="meta")  # nothing is drawn for weights that are replaced
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        delattr(cell, name)
    cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh = w.t(), u.t(), b, torch.zeros_like(b)
    h = c = torch.zeros(x.shape[0], u.shape[0])
    for step in range(x.shape[1]):
        h, c = cell(x[:, step], (h, c))
    return torch.nn.functional.cross_entropy(torch.addmm(b_out, h, w_out), labels)


def in_torch_fused(torch: Any, w: Any, u: Any, b: Any, w_out: Any, b_out: Any, x: Any, labels: Any) -> Any:
    """What ``torch.nn.LSTM`` calls: all steps in one operation."""
    start = torch.zeros(1, x.shape[0], u.shape[0])
    weights = [w.t().contiguous(), u.t().contiguous(), b, torch.zeros_like(b)]
    _, h, _ = torch.lstm(x, (start, start), weights, True, 1, 0.0, True, False, True)
    return torch.nn.functional.cross_entropy(torch.addmm(b_out, h[0], w_out), labels)


def in_jax(xp: Any, w: Any, u: Any, b: Any, w_out: Any, b_out: Any, x: Any, labels: Any) -> Any:
    """By ``lax.scan``, inputs multiplied for all steps at once."""
    jax = importlib.import_module("jax")

    def step(state: Any, inputs: Any) -> Any:
        h, c = state
        i, f, g, o = xp.split(inputs + h @ u, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * xp.tanh(g)
        return (jax.nn.sigmoid(o) * xp.tanh(c), c), None

    start = xp.zeros((x.shape[0], u.shape[0]), x.dtype)
    (h, _), _ = jax.lax.scan(step, (start, start), xp.swapaxes(x, 0, 1) @ w + b)
    scores = jax.nn.log_softmax(h @ w_out + b_out)
    return -xp.mean(scores[xp.arange(len(labels)), labels])


def by_hand(
    w: np.ndarray,
    u: np.ndarray,
    b: np.ndarray,
    w_out: np.ndarray,
    b_out: np.ndarray,
    x: np.ndarray,
    labels: np.ndarray,
) -> Answer:
    """Backpropagation through time on paper; products with weights once for all steps, where that is possible."""
    batch, steps, features = x.shape
    hidden = len(u)
    x = x.swapaxes(0, 1).reshape(steps * batch, features)
    gates = (x @ w + b).reshape(steps, batch, 4 * hidden)
    scale = np.repeat(np.array([0.5, 0.5, 1, 0.5], x.dtype), hidden)  # σ(z) = (1 + tanh(z / 2)) / 2
    offset = 1 - scale
    offset[2 * hidden : 3 * hidden] = 0
    states, cells = np.zeros((2, steps + 1, batch, hidden), x.dtype)
    curved = np.empty((steps, batch, hidden), x.dtype)
    i, f, g, o = (gates[..., k * hidden : (k + 1) * hidden] for k in range(4))
    for t in range(steps):
        z = gates[t]
        z += states[t] @ u
        z *= scale
        np.tanh(z, out=z)
        z *= scale
        z += offset
        np.multiply(f[t], cells[t], out=cells[t + 1])
        cells[t + 1] += i[t] * g[t]
        np.tanh(cells[t + 1], out=curved[t])
        np.multiply(o[t], curved[t], out=states[t + 1])
    e = states[-1] @ w_out + b_out
    rows = np.arange(batch)
    e -= e.max(1, keepdims=True)
    chosen = e[rows, labels]
    np.exp(e, out=e)
    total = e.sum(1, keepdims=True)
    value = (np.log(total[:, 0]) - chosen).mean()
    e /= total
    e[rows, labels] -= 1
    e /= batch

    slopes = np.where(np.arange(4 * hidden) // hidden == 2, 1 - gates**2, gates * (1 - gates)).astype(x.dtype)
    to_cell = o * (1 - curved**2)
    dh, dc = e @ w_out.T, np.zeros((batch, hidden), x.dtype)
    transposed = np.ascontiguousarray(u.T)
    for t in reversed(range(steps)):
        d = slopes[t]
        dc += dh * to_cell[t]
        pieces = d.reshape(batch, 4, hidden)
        pieces[:, 0] *= dc * g[t]
        pieces[:, 1] *= dc * cells[t]
        pieces[:, 2] *= dc * i[t]
        pieces[:, 3] *= dh * curved[t]
        dc *= f[t]
        dh = d @ transposed
    d = slopes.reshape(steps * batch, 4 * hidden)
    du = states[:-1].reshape(steps * batch, hidden).T @ d
    return value, [x.T @ d, du, d.sum(0), states[-1].T @ e, e.sum(0)]


def entries(size: Size) -> Iterator[Match]:
    """One match."""
    batch, steps, features, hidden = SHAPES[size]
    rng = np.random.default_rng(hidden)
    shapes = ((features, 4 * hidden), (hidden, 4 * hidden), (4 * hidden,), (hidden, 10), (10,))
    weights = tuple((rng.standard_normal(s) / math.sqrt(hidden)).astype(np.float32) for s in shapes)
    x = rng.standard_normal((batch, steps, features)).astype(np.float32)
    yield Match(
        Contest(
            f"LSTM: hidden {hidden}, {features} features, {steps} steps, batch {batch}, float32",
            loss,
            weights,
            (x, rng.integers(0, 10, batch)),
            peers=("torch", "jax"),
            by_hand=by_hand,
            tolerance=3e-5,
        ),
        variants={"torch": in_torch, "jax": in_jax},
        others={
            "adjoint, lstm_cell in a loop": ("adjoint", by_cells),
            "torch, nn.LSTM": ("torch", in_torch_fused),
        },
        limits={("torch",): 1.0},
    )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
