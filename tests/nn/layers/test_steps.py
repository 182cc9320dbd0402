"""Layers with steps and draws: recurrent ones share their weights, masks hide steps, dropout needs a generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError

RECURRENT = [nn.RNN(4, activation="relu"), nn.LSTM(4), nn.GRU(4)]
over_recurrent = pytest.mark.parametrize("layer", RECURRENT, ids=lambda layer: type(layer).__name__)


def away_from_zero(layer: nn.Layer, shape: tuple[int, ...]) -> Any:
    """Parameters whose biases are drawn too."""
    rng = np.random.default_rng(0)
    parameters = layer.initialize(rng, shape, np.float64).parameters
    return {name: w + 0.3 * rng.standard_normal(w.shape) for name, w in parameters.items()}


@over_recurrent
def test_shared_weights_have_one_row_with_a_block_for_every_step(layer: nn.Layer) -> None:
    steps = 6
    model = nn.Sequential(("read", layer), ("head", nn.Linear(2)))
    parameters, _, _ = model.initialize(np.random.default_rng(0), (steps, 3), np.float64)
    x = np.random.default_rng(1).standard_normal((2, steps, 3))
    system = adjoint.trace(lambda parameters: model(parameters, x).sum(), parameters).compile()
    labels = list(system.trace.labels().values())
    assert labels.count("parameters['read']['hidden_weight']") == 1
    row = system.trace.find("parameters['read']['hidden_weight']")
    assert len([k for i, k in system.blocks() if i == row and k != row]) == steps
    assert system.solve()["parameters['read']['hidden_weight']"].shape == parameters["read"]["hidden_weight"].shape


@over_recurrent
def test_steps_one_by_one_are_the_sequence(layer: Any) -> None:
    parameters = away_from_zero(layer, (5, 3))
    x = np.random.default_rng(1).standard_normal((2, 5, 3))
    carry, outputs = None, []
    for t in range(5):
        y, carry = layer.step(parameters, x[:, t], carry)
        outputs.append(y)
    all_of_them = type(layer)(4, return_sequences=True, **({"activation": "relu"} if isinstance(layer, nn.RNN) else {}))
    np.testing.assert_allclose(all_of_them(parameters, x), np.stack(outputs, axis=1), rtol=1e-14)
    np.testing.assert_allclose(layer(parameters, x), outputs[-1], rtol=1e-14)


@over_recurrent
def test_recurrent_weights_begin_orthogonal(layer: nn.Layer) -> None:
    weight = layer.initialize(np.random.default_rng(0), (5, 3), np.float64).parameters["hidden_weight"]
    for gate in np.split(weight, weight.shape[1] // 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(4), atol=1e-12)


def test_only_the_forget_gate_begins_open() -> None:
    bias = nn.LSTM(3, forget_bias=2.0).initialize(np.random.default_rng(0), (5, 2)).parameters["bias"]
    np.testing.assert_array_equal(bias, [0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0, 0])


def test_both_directions_see_what_they_should() -> None:
    layer = nn.Bidirectional(nn.LSTM(3, return_sequences=True))
    parameters, _, _ = layer.initialize(np.random.default_rng(0), (5, 2), np.float64)
    x = np.random.default_rng(1).standard_normal((1, 5, 2))
    moved = x.copy()
    moved[0, 2] += 1
    same = np.isclose(layer(parameters, x), layer(parameters, moved), rtol=1e-14, atol=0).all(axis=0)
    np.testing.assert_array_equal(same[:, :3].all(axis=1), [True, True, False, False, False])
    np.testing.assert_array_equal(same[:, 3:].all(axis=1), [False, False, False, True, True])
    with pytest.raises(ArgumentError, match="takes a recurrent layer, not Linear"):
        nn.Bidirectional(nn.Linear(3))  # type: ignore[arg-type]


def test_causal_attention_does_not_look_ahead() -> None:
    x = np.random.default_rng(1).standard_normal((1, 5, 4))
    moved = x.copy()
    moved[0, 2, 0] += 1  # not all features: the norm would take that away
    for causal, expected in ((True, [True, True, False, False, False]), (False, [False] * 5)):
        block = nn.TransformerBlock(2, causal=causal)
        parameters, _, _ = block.initialize(np.random.default_rng(0), (5, 4), np.float64)
        same = np.isclose(block(parameters, x), block(parameters, moved), rtol=1e-13, atol=0).all(axis=(0, 2))
        np.testing.assert_array_equal(same, expected)


def test_attention_to_another_sequence() -> None:
    layer = nn.MultiHeadAttention(2, 6)
    rng = np.random.default_rng(0)
    parameters, _, shape = layer.initialize(rng, (5, 4), np.float64, context_features=3)
    assert parameters["key"]["weight"].shape == (3, 6)
    x, context = rng.standard_normal((2, 5, 4)), rng.standard_normal((2, 7, 3))
    y, _ = layer.apply(parameters, x, state={}, training=False, rng=None, context=context)
    assert y.shape == (2, *shape)
    order = rng.permutation(7)
    again, _ = layer.apply(parameters, x, state={}, training=False, rng=None, context=context[:, order])
    np.testing.assert_allclose(y, again, rtol=1e-12)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.MultiHeadAttention(4, 6), "6 features do not make 4 heads"),
        (lambda: nn.Inception(1, 2, (3, 4), 5), "three must be the channels of two convolutions, not 2"),
        (lambda: nn.Dropout(1.0), r"at least 0 and less than 1, not 1\.0"),
        (lambda: nn.TransformerBlock(2, dropout=-0.1), "at least 0 and less than 1"),
        (lambda: nn.TransformerBlock(2, activation="gelo"), r"did you mean 'gelu'\?"),
        (lambda: nn.LSTM(0), "hidden must be an integer of at least 1, not 0"),
    ],
)
def test_layers_that_make_no_sense(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_dropout_draws_from_the_generator() -> None:
    model = nn.Sequential(("drop", nn.Dropout(0.5)))
    x = np.ones((50, 20))
    same, again, other = (
        model.apply({}, x, state={}, training=True, rng=np.random.default_rng(k))[0] for k in (1, 1, 2)
    )
    np.testing.assert_array_equal(same, again)
    assert (same != other).any()
    assert abs(same.mean() - 1) < 5 / np.sqrt(x.size)
    assert model({}, x) is x
    with pytest.raises(
        ArgumentError, match=r"^layer 'drop' \(Dropout\(0\.5\)\): .*generator, rng=numpy.random.default_rng"
    ):
        model.apply({}, x, state={}, training=True, rng=None)
