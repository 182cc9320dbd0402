"""A second opinion: PyTorch's values and first and second derivatives of the same operations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adjoint.nn import functional
from tests.primitives.case import any_real, distinct, others, uniform
from tests.primitives.test_second_opinion_torch import test_derivatives as check
from tests.primitives.torch_peer import Pair, torch

F: Any = torch.nn.functional
LABELS = np.array([2, 0, 1, 2])
SIGNS = np.array([1.0, -1.0, 1.0, 1.0])
CLASS_BEFORE_STEPS = np.array([[2, 0], [1, 1]])
MASK = np.tri(3, 4, dtype=bool)
tensor = torch.tensor
probability = uniform(0.1, 0.9)


def pair(ours: Any, theirs: Any, *operands: Any, variation: str = "plain") -> Pair:
    return Pair(ours.__name__, variation, ours, theirs, operands)


def with_options(f: Any, variation: str, theirs: Any, *operands: Any, **options: Any) -> Pair:
    return Pair(f.__name__, variation, lambda *xs: f(*xs, **options), theirs, operands)


ACTIVATIONS = [
    pair(functional.relu, F.relu, distinct(2, 3)),
    pair(functional.leaky_relu, F.leaky_relu, distinct(2, 3)),
    with_options(functional.leaky_relu, "slope", lambda x: F.leaky_relu(x, 0.3), distinct(4), slope=0.3),
    pair(functional.leaky_relu, F.prelu, distinct(2, 3), any_real(1), variation="traced_slope"),
    pair(functional.elu, F.elu, distinct(2, 3)),
    with_options(functional.elu, "alpha", lambda x: F.elu(x, 0.7), distinct(4), alpha=0.7),
    pair(functional.gelu, F.gelu, distinct(2, 3)),
    with_options(
        functional.gelu, "approximate", lambda x: F.gelu(x, approximate="tanh"), distinct(2, 3), approximate=True
    ),
    pair(functional.silu, F.silu, distinct(2, 3)),
    pair(functional.sigmoid, torch.sigmoid, distinct(2, 3)),
    pair(functional.tanh, torch.tanh, distinct(2, 3)),
    pair(functional.softplus, F.softplus, distinct(2, 3)),
    with_options(functional.softmax, "last", lambda x: F.softmax(x, -1), any_real(2, 3)),
    with_options(functional.softmax, "first", lambda x: F.softmax(x, 0), any_real(2, 3), axis=0),
    with_options(functional.log_softmax, "middle", lambda x: F.log_softmax(x, 1), any_real(2, 3, 2), axis=1),
]


def _torch_hinge(x: Any) -> Any:
    """``multi_margin_loss`` averages over the classes and has no second derivative."""
    own = x[torch.arange(4), tensor(LABELS)][:, None]
    value = (torch.clamp(0.6 - own + x, min=0).sum(1) - 0.6).mean()
    assert torch.isclose(value, 3 * F.multi_margin_loss(x, tensor(LABELS), margin=0.6))
    return value


LOSSES = [
    pair(functional.mean_squared_error, F.mse_loss, any_real(2, 3), any_real(2, 3)),
    pair(functional.mean_absolute_error, F.l1_loss, distinct(2, 3), others(2, 3)),
    with_options(
        functional.huber, "delta", lambda a, b: F.huber_loss(a, b, delta=0.7), distinct(5), others(5), delta=0.7
    ),
    pair(functional.binary_cross_entropy, F.binary_cross_entropy, probability(4), probability(4)),
    pair(
        functional.binary_cross_entropy_with_logits,
        F.binary_cross_entropy_with_logits,
        distinct(4),
        probability(4),
    ),
    Pair(
        "cross_entropy",
        "labels",
        lambda x: functional.cross_entropy(x, LABELS),
        lambda x: F.cross_entropy(x, tensor(LABELS)),
        (any_real(4, 3),),
    ),
    Pair(
        "cross_entropy",
        "smoothed",
        lambda x: functional.cross_entropy(x, LABELS, label_smoothing=0.1, reduction="none"),
        lambda x: F.cross_entropy(x, tensor(LABELS), label_smoothing=0.1, reduction="none"),
        (any_real(4, 3),),
    ),
    Pair(
        "cross_entropy",
        "probabilities",
        lambda x, t: functional.cross_entropy(x, t, reduction="sum"),
        lambda x, t: F.cross_entropy(x, t, reduction="sum"),
        (any_real(4, 3), probability(4, 3)),
    ),
    Pair(
        "cross_entropy",
        "axis",
        lambda x: functional.cross_entropy(x, CLASS_BEFORE_STEPS, axis=1),
        lambda x: F.cross_entropy(x, tensor(CLASS_BEFORE_STEPS)),
        (any_real(2, 3, 2),),
    ),
    Pair(
        "nll_loss",
        "mean",
        lambda x: functional.negative_log_likelihood(x, LABELS),
        lambda x: F.nll_loss(x, tensor(LABELS)),
        (any_real(4, 3),),
    ),
    Pair(
        "hinge",
        "classes",
        lambda x: functional.hinge(x, LABELS, margin=0.6),
        _torch_hinge,
        (distinct(4, 3),),
    ),
    Pair(
        "hinge",
        "signs",
        lambda x: functional.hinge(x, SIGNS),
        lambda x: torch.clamp(1 - x * tensor(SIGNS), min=0).mean(),
        (uniform(-0.9, 0.9)(4),),
    ),
    Pair(
        "kl_div",
        "mean",
        functional.kl_divergence,
        lambda q, p: F.kl_div(q, p, reduction="batchmean"),
        (any_real(2, 3), probability(2, 3)),
    ),
]


def _attention(**options: Any) -> tuple[Any, Any]:
    ours = dict(options)
    theirs = {"is_causal": options["causal"]} if "causal" in options else {}
    if "mask" in options:
        theirs["attn_mask"] = tensor(options["mask"])
    return (
        lambda q, k, v: functional.scaled_dot_product_attention(q, k, v, **ours),
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **theirs),
    )


def _by_cell(kind: str, biases: int) -> Any:
    """A cell of PyTorch with weights ``(gates, features)`` and two biases, called as ours is."""

    def call(x: Any, h: Any, *rest: Any) -> Any:
        state = (h, rest[0]) if kind == "lstm" else h
        w_input, w_hidden, *bias = rest[1:] if kind == "lstm" else rest
        if biases == 1:
            bias = [bias[0], torch.zeros_like(bias[0])]
        cell = {"lstm": torch.lstm_cell, "gru": torch.gru_cell, "rnn": torch.rnn_tanh_cell}[kind]
        return cell(x, state, w_input.T, w_hidden.T, *bias)

    return call


def _by_sequence(kind: str, biases: int) -> Any:
    """All steps of it, with the states stacked."""

    def call(x: Any, h: Any, *rest: Any) -> Any:
        cell, states = _by_cell(kind, biases), []
        for step in range(x.shape[1]):
            found = cell(x[:, step], h, *rest)
            h, rest = (found[0], (found[1], *rest[1:])) if kind == "lstm" else (found, rest)
            states.append(h)
        outputs = torch.stack(states, 1)
        return (outputs, h, rest[0]) if kind == "lstm" else (outputs, h)

    return call


def _lstm_sequence(x: Any, h: Any, c: Any, *weights: Any) -> Any:
    outputs, state = functional.lstm(x, (h, c), *weights)
    return outputs, *state


H = any_real(2, 3)
SEQUENCES = [
    Pair("attention", "plain", *_attention(), (any_real(2, 3, 2), any_real(2, 4, 2), any_real(2, 4, 2))),
    Pair("attention", "causal", *_attention(causal=True), (any_real(1, 3, 2), any_real(1, 4, 2), any_real(1, 4, 2))),
    Pair("attention", "mask", *_attention(mask=MASK), (any_real(1, 3, 2), any_real(1, 4, 2), any_real(1, 4, 2))),
    Pair(
        "embedding",
        "plain",
        lambda w: functional.embedding(LABELS, w),
        lambda w: F.embedding(tensor(LABELS), w),
        (any_real(3, 2),),
    ),
    Pair(
        "rnn_cell",
        "plain",
        functional.rnn_cell,
        _by_cell("rnn", 1),
        (H, H, any_real(3, 3), any_real(3, 3), any_real(3)),
    ),
    Pair(
        "lstm_cell",
        "plain",
        lambda x, h, c, *weights: functional.lstm_cell(x, (h, c), *weights),
        _by_cell("lstm", 1),
        (H, H, H, any_real(3, 12), any_real(3, 12), any_real(12)),
    ),
    Pair(
        "gru_cell",
        "plain",
        functional.gru_cell,
        _by_cell("gru", 2),
        (H, H, any_real(3, 9), any_real(3, 9), any_real(9), any_real(9)),
    ),
    Pair(
        "rnn",
        "plain",
        functional.rnn,
        _by_sequence("rnn", 1),
        (any_real(2, 3, 2), H, any_real(2, 3), any_real(3, 3), any_real(3)),
    ),
    Pair(
        "lstm",
        "plain",
        _lstm_sequence,
        _by_sequence("lstm", 1),
        (any_real(2, 3, 2), H, H, any_real(2, 12), any_real(3, 12), any_real(12)),
    ),
    Pair(
        "gru",
        "plain",
        functional.gru,
        _by_sequence("gru", 2),
        (any_real(2, 3, 2), H, any_real(2, 9), any_real(3, 9), any_real(9), any_real(9)),
    ),
    Pair(
        "linear",
        "steps",
        functional.linear,
        lambda x, w, b: F.linear(x, w.T, b),
        (any_real(2, 2, 3), any_real(3, 2), any_real(2)),
    ),
]


@pytest.mark.parametrize("one", [*ACTIVATIONS, *LOSSES, *SEQUENCES], ids=lambda one: one.id)
def test_derivatives(one: Pair) -> None:
    check(one)
