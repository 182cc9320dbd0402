"""Neural networks: layers of large blocks, chained, dense among each other, in parallel branches, and recurrent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

import adjoint
from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem, Workload


def cross_entropy(xp: Any, logits: Any, labels: Any) -> Any:
    """Mean of ``−log softmax(logits)`` at the labels, which are one-hot."""
    shifted = logits - xp.amax(logits, axis=1, keepdims=True)
    return xp.mean(xp.log(xp.sum(xp.exp(shifted), axis=1)) - xp.sum(labels * shifted, axis=1))


def one_hot(rng: np.random.Generator, batch: int, classes: int = 10) -> np.ndarray:
    """Random labels."""
    return np.eye(classes)[rng.integers(0, classes, batch)]


def weight(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Random, of a size that keeps the values of order one."""
    return rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)


# --- the softmax network -----------------------------------------------------------------------------


def softmax_network(xp: Any, w1: Any, w2: Any, x: Any, labels: Any) -> Any:
    """The network of ``examples/softmax_network.py``: one layer of the logistic function, one of softmax."""
    hidden = 1 / (1 + xp.exp(-(x @ w1)))
    return cross_entropy(xp, hidden @ w2, labels)


def softmax_networks(size: Size) -> Iterator[Problem]:
    """64 pixels, 10 digits."""
    batch, pixels, hidden = {"tiny": (2, 5, 3), "quick": (8, 64, 32), "full": (32, 64, 88)}[size]
    rng = np.random.default_rng(0)
    x, labels = rng.uniform(size=(batch, pixels)), one_hot(rng, batch)
    weights = weight(rng, pixels, hidden), weight(rng, hidden, 10)
    yield Problem(f"{pixels}-{hidden}-10, batch {batch}", softmax_network, weights, (x, labels))


# --- deep and narrow ---------------------------------------------------------------------------------


def deep_mlp(xp: Any, *args: Any) -> Any:
    """Layers ``tanh(h w + b)``; the arguments are ``w, b, …`` of every layer, then the inputs and the labels."""
    *parameters, x, labels = args
    hidden = x
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2], strict=True):
        hidden = xp.tanh(hidden @ w + b)
    return cross_entropy(xp, hidden @ parameters[-2] + parameters[-1], labels)


def deep_mlps(size: Size) -> Iterator[Problem]:
    """Many layers of few neurons."""
    batch, width, depth = {"tiny": (2, 3, 4), "quick": (2, 8, 50), "full": (8, 16, 200)}[size]
    rng = np.random.default_rng(0)
    parameters: list[np.ndarray] = []
    for fan_in, fan_out in pairwise((*[width] * (depth + 1), 10)):
        parameters += [1.2 * weight(rng, fan_in, fan_out), 0.1 * rng.standard_normal(fan_out)]
    data = rng.standard_normal((batch, width)), one_hot(rng, batch)
    yield Problem(f"{depth} layers of {width}, batch {batch}", deep_mlp, tuple(parameters), data)


# --- a DenseNet block --------------------------------------------------------------------------------


def dense_layer(xp: Any, w: Any, *earlier: Any) -> Any:
    """``tanh`` of a product with all earlier layers side by side."""
    return xp.tanh(xp.concatenate(earlier, axis=1) @ w)


@adjoint.constraint
def _one_constraint(w: Any, *earlier: Any) -> Any:
    """A layer as one node: its block row reads every earlier layer, so the triangle between layers is full."""
    return dense_layer(np, w, *earlier)


def dense_block(xp: Any, *args: Any, layer: Any = None) -> Any:
    """The arguments are the weights of every layer, then the inputs; half the squared norm of the last layer."""
    *weights, x = args
    layers = [x]
    for w in weights:
        layers.append(dense_layer(xp, w, *layers) if layer is None else layer(w, *layers))
    return xp.sum(layers[-1] ** 2) / 2


def dense_blocks(size: Size) -> Iterator[Problem]:
    """Growth: the neurons that each layer adds."""
    batch, growth, depth = {"tiny": (2, 2, 3), "quick": (4, 4, 12), "full": (8, 8, 24)}[size]
    rng = np.random.default_rng(0)
    weights = tuple(weight(rng, growth * (k + 1), growth) for k in range(depth))
    yield Problem(
        f"{depth} layers of {growth}, batch {batch}",
        dense_block,
        weights,
        (rng.standard_normal((batch, growth)),),
        recorded=lambda *args: dense_block(np, *args, layer=_one_constraint),
    )


# --- an Inception block ------------------------------------------------------------------------------


def convolve(xp: Any, image: Any, kernel: Any) -> Any:
    """``image (batch, h, w, channels)``, ``kernel (k, k, channels, filters)``, zeros outside; as shifted products."""
    k = kernel.shape[0]
    h, w = image.shape[1:3]
    padded = xp.pad(image, ((0, 0), (k // 2, k // 2), (k // 2, k // 2), (0, 0)))
    total = 0.0
    for i in range(k):
        for j in range(k):
            total = total + padded[:, i : i + h, j : j + w] @ kernel[i, j]
    return total


def softplus(xp: Any, x: Any) -> Any:
    """A smooth rectifier."""
    return xp.log(1 + xp.exp(x))


def inception(xp: Any, w1: Any, w3a: Any, w3b: Any, w5a: Any, w5b: Any, wp: Any, image: Any) -> Any:
    """Four branches of one image: 1 × 1; 1 × 1 then 3 × 3; 1 × 1 then 5 × 5; a 3 × 3 mean, then 1 × 1."""
    channels = image.shape[3]
    mean = convolve(xp, image, xp.broadcast_to(xp.eye(channels) / 9, (3, 3, channels, channels)))
    branches = (
        softplus(xp, image @ w1),
        softplus(xp, convolve(xp, softplus(xp, image @ w3a), w3b)),
        softplus(xp, convolve(xp, softplus(xp, image @ w5a), w5b)),
        softplus(xp, mean @ wp),
    )
    return xp.mean(xp.concatenate(branches, axis=3) ** 2)


def inceptions(size: Size) -> Iterator[Problem]:
    """The image is an argument too, as it is for a block inside a network."""
    batch, side, channels, filters = {"tiny": (1, 4, 2, 2), "quick": (1, 8, 4, 4), "full": (2, 16, 16, 8)}[size]
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape) / np.sqrt(np.prod(shape[:-1]))
    weights = (
        draw(channels, filters),
        draw(channels, filters),
        draw(3, 3, filters, filters),
        draw(channels, filters),
        draw(5, 5, filters, filters),
        draw(channels, filters),
    )
    image = rng.standard_normal((batch, side, side, channels))
    title = f"{side} × {side} × {channels}, {filters} filters a branch, batch {batch}"
    yield Problem(title, inception, (*weights, image))


# --- an unrolled RNN ---------------------------------------------------------------------------------


def rnn(xp: Any, wx: Any, wh: Any, b: Any, wo: Any, xs: Any, labels: Any) -> Any:
    """``h_t = tanh(x_t wx + h_{t−1} wh + b)``; the last state is classified."""
    h = xp.zeros((xs.shape[1], wh.shape[0]))
    for t in range(xs.shape[0]):
        h = xp.tanh(xs[t] @ wx + h @ wh + b)
    return cross_entropy(xp, h @ wo, labels)


def rnns(size: Size) -> Iterator[Problem]:
    """Unrolled in time."""
    steps, batch, inputs, hidden = {"tiny": (3, 2, 2, 3), "quick": (30, 4, 8, 16), "full": (100, 8, 16, 64)}[size]
    rng = np.random.default_rng(0)
    weights = weight(rng, inputs, hidden), weight(rng, hidden, hidden), np.zeros(hidden), weight(rng, hidden, 10)
    data = rng.standard_normal((steps, batch, inputs)), one_hot(rng, batch)
    yield Problem(f"{steps} steps, {hidden} states, batch {batch}", rnn, weights, data)


WORKLOADS = (
    Workload("softmax_network", "two layers and a softmax, gradient of the loss", softmax_networks),
    Workload("deep_mlp", "many narrow layers of tanh, one after the other", deep_mlps),
    Workload("dense_block", "each layer reads all earlier ones: the block upper triangle is full", dense_blocks),
    Workload("inception", "four parallel branches of convolutions, joined", inceptions),
    Workload("rnn", "a recurrent network unrolled in time, weights shared by all steps", rnns),
)
