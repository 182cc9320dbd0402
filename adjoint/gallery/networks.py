"""Networks of matrix products: the two-layer softmax network, a DenseNet block, a transformer block."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus import constraint
from adjoint.gallery.example import Example
from adjoint.tracing import name


def softmax(x: Any, labels: Any, w1: Any, w2: Any) -> Any:
    """Two layers; the mean of ``−log softmax(scores)`` at the labels."""
    hidden = name(1 / (1 + np.exp(-(x @ w1))), "hidden")
    scores = name(hidden @ w2, "scores")
    shifted = scores - np.max(scores, axis=1, keepdims=True)
    log_total = np.log(np.sum(np.exp(shifted), axis=1))
    chosen = shifted[np.arange(len(labels)), labels]
    return name(np.mean(log_total - chosen), "loss")


def _softmax_inputs(size: str) -> tuple[Any, ...]:
    batch, pixels, hidden, digits = {"small": (3, 6, 5, 4), "full": (32, 64, 88, 10)}[size]
    rng = np.random.default_rng(0)
    return (
        rng.uniform(size=(batch, pixels)),
        rng.integers(0, digits, batch),
        _weight(rng, pixels, hidden),
        _weight(rng, hidden, digits),
    )


@constraint
def dense_layer(w: Any, *earlier: Any) -> Any:
    """``tanh`` of a product with all earlier layers side by side."""
    return np.tanh(np.concatenate(earlier, axis=1) @ w)


def densenet(x: Any, weights: Any) -> Any:
    """Each layer reads the input and all layers before it; half the squared norm of the last."""
    layers = [x]
    for number, w in enumerate(weights, start=1):
        layers.append(name(dense_layer(w, *layers), f"layer {number}"))
    return name(np.sum(layers[-1] ** 2) / 2, "loss")


def _densenet_inputs(size: str) -> tuple[Any, ...]:
    batch, growth, depth = {"small": (2, 2, 12), "full": (8, 32, 24)}[size]
    rng = np.random.default_rng(0)
    weights = [_weight(rng, growth * layer, growth) for layer in range(1, depth + 1)]
    return rng.standard_normal((batch, growth)), weights


@constraint
def normalize(x: Any, gain: Any, shift: Any) -> Any:
    """To mean 0 and variance 1 along the last axis, then scaled."""
    centered = x - np.mean(x, axis=-1, keepdims=True)
    return gain * centered / np.sqrt(np.mean(centered**2, axis=-1, keepdims=True) + 1e-5) + shift


@constraint
def attention_weights(scores: Any) -> Any:
    """Softmax along the last axis, with no weight on what comes later."""
    allowed = np.tri(scores.shape[-1], dtype=bool)
    raised = np.exp(np.where(allowed, scores - np.max(scores, axis=-1, keepdims=True), -np.inf))
    return raised / np.sum(raised, axis=-1, keepdims=True)


@constraint
def gelu(x: Any) -> Any:
    """``x Φ(x)``, by the approximation with ``tanh``."""
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def transformer(x: Any, p: dict[str, Any]) -> Any:
    """One block: normalize, attend, add; normalize, two layers, add. ``x`` is ``(tokens, channels)``."""
    normed = name(normalize(x, p["gain1"], p["shift1"]), "normed 1")
    queries, keys, values = (name(np.einsum("tc,chd->htd", normed, p[key]), key) for key in ("query", "key", "value"))
    scores = name(np.einsum("htd,hsd->hts", queries, keys) / np.sqrt(keys.shape[-1]), "scores")
    weights = name(attention_weights(scores), "attention")
    heads = name(np.einsum("hts,hsd->htd", weights, values), "heads")
    attended = name(np.einsum("htd,hdc->tc", heads, p["out"]), "attended")
    stream = name(x + attended, "stream 1")
    normed = name(normalize(stream, p["gain2"], p["shift2"]), "normed 2")
    hidden = name(gelu(normed @ p["up"]), "hidden")
    stream = name(stream + hidden @ p["down"], "stream 2")
    return name(np.mean(stream**2), "loss")


def _transformer_inputs(size: str) -> tuple[Any, ...]:
    tokens, channels, heads = {"small": (5, 6, 2), "full": (256, 768, 12)}[size]
    rng = np.random.default_rng(0)
    split = (channels, heads, channels // heads)
    weights = {
        "query": _weight(rng, channels, channels).reshape(split),
        "key": _weight(rng, channels, channels).reshape(split),
        "value": _weight(rng, channels, channels).reshape(split),
        "out": _weight(rng, channels, channels).reshape(heads, channels // heads, channels),
        "up": _weight(rng, channels, 4 * channels),
        "down": _weight(rng, 4 * channels, channels),
        **{f"gain{k}": np.ones(channels) for k in (1, 2)},
        **{f"shift{k}": np.zeros(channels) for k in (1, 2)},
    }
    return rng.standard_normal((tokens, channels)), weights


def _weight(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    weight = rng.standard_normal((fan_in, fan_out))
    weight /= np.sqrt(fan_in)
    return weight


EXAMPLES = (
    Example(
        "softmax",
        "Softmax network",
        "networks",
        softmax,
        _softmax_inputs,
        "A layer is a pair of products, in the rows of what it reads and of its weights, and then a chain of "
        "elementwise blocks. Only two rows of values are read twice, the scores and the shifted scores: that is the "
        "softmax, which subtracts the largest score and divides by the sum.",
    ),
    Example(
        "densenet",
        "DenseNet block",
        "networks",
        densenet,
        _densenet_inputs,
        "Between the input and the layers the upper triangle is full: every layer reads all that came before it. Each "
        "weight has a single block, in the column of its own layer.",
        source="G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, Densely Connected Convolutional Networks, 2017",
    ),
    Example(
        "transformer",
        "Transformer block",
        "networks",
        transformer,
        _transformer_inputs,
        "The residual stream is the row of x, with two blocks: one enters the attention, and one skips it with an "
        "identity. The columns of query, key and value all read the first normed value; query and key meet in the "
        "scores, and value joins them in the heads.",
        source="A. Vaswani et al., Attention Is All You Need, 2017",
    ),
)
