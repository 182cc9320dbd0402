"""Training step of a convolutional network of the size of LeNet-5 on 28 × 28 images, float32.

Convolutions 1 → 6 and 6 → 16 with 5 × 5 taps, a pool of 2 × 2 behind each, and layers 256-120-84-10. Once with ReLU and
largest entries, as it is written today, and once with tanh and means, about as in 1998.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, *Gradient-based learning applied to document recognition*, Proceedings of
the IEEE 86 (1998), 2278–2324.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from adjoint.nn import functional
from benchmarks.contests import matches
from benchmarks.contests.matches import Match
from benchmarks.harness import Answer, Contest, Size, Table

Kind = Literal["relu, largest", "tanh, means"]
BATCHES: dict[Size, int] = {"tiny": 2, "quick": 64, "full": 64}
SHAPES = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (256, 120), (120,), (120, 84), (84,), (84, 10), (10,))
LIMIT = 2.0  # of PyTorch's time

Layers = tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any], Callable[..., Any]]


def network(
    layers: Layers, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, w4: Any, b4: Any, w5: Any, b5: Any, x: Any
) -> Any:
    """The logits, by somebody's convolution, activation, pool and linear layer."""
    convolution, activation, pool, linear = layers
    x = pool(activation(convolution(x, w1, b1)))
    x = pool(activation(convolution(x, w2, b2)))
    x = activation(linear(x.reshape((x.shape[0], -1)), w3, b3))
    return linear(activation(linear(x, w4, b4)), w5, b5)


def loss(kind: Kind, xp: Any, *arguments: Any) -> Any:
    """By ``adjoint.nn.functional``: thirteen constraints."""
    *weights, x, labels = arguments
    today = kind == "relu, largest"
    pool = functional.max_pool2d if today else functional.average_pool2d
    activation = functional.relu if today else functional.tanh
    layers = functional.conv2d, activation, lambda x: pool(x, 2), functional.linear
    return functional.cross_entropy(network(layers, *weights, x), labels)


def in_torch(kind: Kind, torch: Any, *arguments: Any) -> Any:
    """By PyTorch's layers."""
    *weights, x, labels = arguments
    own = torch.nn.functional
    today = kind == "relu, largest"
    pool, activation = (own.max_pool2d, torch.relu) if today else (own.avg_pool2d, torch.tanh)
    layers = own.conv2d, activation, lambda x: pool(x, 2), lambda x, w, b: torch.addmm(b, x, w)
    return own.cross_entropy(network(layers, *weights, x), labels)


def in_jax(kind: Kind, xp: Any, *arguments: Any) -> Any:
    """By the operations of XLA."""
    *weights, x, labels = arguments
    jax = importlib.import_module("jax")
    tiles = {"window_dimensions": (1, 1, 2, 2), "window_strides": (1, 1, 2, 2), "padding": "VALID"}
    today = kind == "relu, largest"
    if today:
        pool = lambda x: jax.lax.reduce_window(x, -np.float32(np.inf), jax.lax.max, **tiles)
    else:
        pool = lambda x: jax.lax.reduce_window(x, np.float32(0), jax.lax.add, **tiles) / 4
    layers = (
        lambda x, w, b: jax.lax.conv(x, w, (1, 1), "VALID") + b[:, None, None],
        jax.nn.relu if today else xp.tanh,
        pool,
        lambda x, w, b: x @ w + b,
    )
    scores = jax.nn.log_softmax(network(layers, *weights, x))
    return -xp.mean(scores[xp.arange(len(labels)), labels])


# --- NumPy by hand -------------------------------------------------------------------------------------


def unfolded(x: np.ndarray) -> np.ndarray:
    """``(batch, channels · 25, positions)``: a copy of all windows."""
    windows = sliding_window_view(x, (5, 5), axis=(2, 3)).transpose(0, 1, 4, 5, 2, 3)
    return windows.reshape(len(x), x.shape[1] * 25, -1)


def folded(windows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The adjoint: windows are added to the image tap by tap."""
    n, channels, height, width = shape
    image = np.zeros(shape, windows.dtype)
    taps = windows.reshape(n, channels, 5, 5, height - 4, width - 4)
    for p in range(5):
        for q in range(5):
            image[:, :, p : p + height - 4, q : q + width - 4] += taps[:, :, p, q]
    return image


def corners(x: np.ndarray) -> list[np.ndarray]:
    """The four entries of each tile, each a strided view."""
    return [x[:, :, p::2, q::2] for p in (0, 1) for q in (0, 1)]


def by_hand(kind: Kind, *arguments: np.ndarray) -> Answer:
    """Backpropagation on paper; the copies of the windows are kept."""
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5, x, labels = arguments
    today = kind == "relu, largest"
    activate = (lambda z: np.maximum(z, 0, out=z)) if today else (lambda z: np.tanh(z, out=z))
    slope = (lambda y: y > 0) if today else (lambda y: 1 - y * y)

    def pool(y: np.ndarray) -> np.ndarray:
        a, b, c, d = corners(y)
        return np.maximum(np.maximum(a, b), np.maximum(c, d)) if today else (a + b + c + d) / 4

    def unpool(g: np.ndarray, y: np.ndarray, pooled: np.ndarray) -> np.ndarray:
        result = np.empty_like(y)
        if not today:
            for part in corners(result):
                np.divide(g, 4, out=part)
            return result
        left = g.copy()  # goes to the first of equal entries, and is zero afterwards
        for part, entries in zip(corners(result), corners(y), strict=True):
            np.multiply(left, entries == pooled, out=part)
            left -= part
        return result

    def convolve(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        windows = unfolded(x)
        y = np.matmul(w.reshape(len(w), -1), windows)
        y += b[:, None]
        side = math.isqrt(windows.shape[2])
        return activate(y).reshape(len(x), len(w), side, side), windows

    def weights_of(g: np.ndarray, windows: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        flat = g.reshape(*g.shape[:2], -1)
        return np.matmul(flat, windows.transpose(0, 2, 1)).sum(0).reshape(w.shape), flat.sum((0, 2)), flat

    y1, windows1 = convolve(x, w1, b1)
    p1 = pool(y1)
    y2, windows2 = convolve(p1, w2, b2)
    p2 = pool(y2)
    flat = p2.reshape(len(x), -1)
    h3 = activate(flat @ w3 + b3)
    h4 = activate(h3 @ w4 + b4)
    e = h4 @ w5 + b5
    rows = np.arange(len(x))
    e -= e.max(1, keepdims=True)
    chosen = e[rows, labels]
    np.exp(e, out=e)
    total = e.sum(1, keepdims=True)
    value = (np.log(total[:, 0]) - chosen).mean()
    e /= total
    e[rows, labels] -= 1
    e /= len(x)
    d4 = (e @ w5.T) * slope(h4)
    d3 = (d4 @ w4.T) * slope(h3)
    g2 = unpool((d3 @ w3.T).reshape(p2.shape), y2, p2) * slope(y2)
    dw2, db2, g2 = weights_of(g2, windows2, w2)
    back = folded(np.matmul(w2.reshape(len(w2), -1).T, g2), p1.shape)
    dw1, db1, _ = weights_of(unpool(back, y1, p1) * slope(y1), windows1, w1)
    linear = [flat.T @ d3, d3.sum(0), h3.T @ d4, d4.sum(0), h4.T @ e, e.sum(0)]
    return value, [dw1, db1, dw2, db2, *linear]


# --- the match -----------------------------------------------------------------------------------------


def parameters() -> tuple[np.ndarray, ...]:
    """Weights of a variance that keeps the signal's size, and small biases."""
    rng = np.random.default_rng(5)
    result = []
    for shape in SHAPES:
        fan_in = math.prod(shape[1:]) if len(shape) == 4 else shape[0]
        scale = 0.1 if len(shape) == 1 else math.sqrt(2 / fan_in)
        result.append((scale * rng.standard_normal(shape)).astype(np.float32))
    return tuple(result)


def entries(size: Size) -> Iterator[Match]:
    """One match for each kind."""
    batch = BATCHES[size]
    rng = np.random.default_rng(batch)
    x = rng.standard_normal((batch, 1, 28, 28)).astype(np.float32)
    labels = rng.integers(0, 10, batch)
    kinds: tuple[Kind, Kind] = ("relu, largest", "tanh, means")
    for kind in kinds:
        yield Match(
            Contest(
                f"LeNet ({kind}): batch {batch}, 28 × 28, float32",
                partial(loss, kind),
                parameters(),
                (x, labels),
                peers=("torch", "jax"),
                by_hand=partial(by_hand, kind),
                tolerance=3e-5,
                step=1e-7,
            ),
            variants={"torch": partial(in_torch, kind), "jax": partial(in_jax, kind)},
            limits={("torch",): LIMIT},
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
