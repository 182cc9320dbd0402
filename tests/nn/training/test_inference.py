"""``evaluate``, ``predict`` and the metrics, against what they are by hand."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from tests.nn.training.programs import examples, line, line_data, network, start, state


def test_batches_change_nothing():
    x, y = examples(50)
    whole = nn.predict(network, start(), x, batch_size=None, state=state())
    np.testing.assert_allclose(nn.predict(network, start(), x, batch_size=7, state=state()), whole, rtol=1e-5)
    assert whole.dtype == np.float32
    loss = nn.functional.cross_entropy(whole, y)
    found = nn.evaluate(network, start(), (x, y), "cross_entropy", "accuracy", batch_size=7, state=state())
    assert found["loss"] == pytest.approx(float(loss), rel=1e-6)
    assert found["accuracy"] == pytest.approx(np.mean(whole.argmax(1) == y))


def test_nothing_is_drawn_and_no_state_changes():
    x, _ = examples(8)
    before = state()
    first = nn.predict(network, start(), x, state=before)
    assert np.array_equal(first, nn.predict(network, start(), x, state=before))
    assert before["count"] == 0


def test_predictions_may_be_trees():
    found = nn.predict(
        lambda p, x: {"twice": 2 * x, "rows": (x[:, 0],)}, np.ones(1), np.arange(6.0).reshape(3, 2), batch_size=2
    )
    assert found["twice"].shape == (3, 2)
    assert np.array_equal(found["rows"][0], [0, 2, 4])


def test_an_objective_of_parameters_and_batch_is_evaluated_too():
    found = nn.evaluate(None, np.array(2.0), (np.arange(4.0),), lambda p, x: np.mean(p * x), batch_size=3)
    assert found == {"loss": 3.0}


def test_a_layer_that_needs_its_state():
    model = nn.Sequential(nn.Linear(3), nn.BatchNorm())
    made = model.initialize(np.random.default_rng(0), (5,))
    x, _ = examples(6)
    np.testing.assert_allclose(
        nn.predict(model, made.parameters, x, state=made.state), model(made.parameters, x, made.state), rtol=1e-6
    )


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.predict(line, {}, np.ones((0, 2))), r"x is empty"),
        (lambda: nn.evaluate(line, {}, ()), r"data is an empty tuple"),
        (lambda: nn.evaluate(line, {}, line_data(), "mse"), r"no objective is named 'mse'; there are: binary_cross"),
        (
            lambda: nn.evaluate(line, {}, line_data(), metrics="top_1"),
            r"no metric is named 'top_1' \(did you mean 'top_",
        ),
        (lambda: nn.evaluate(None, {}, line_data()), r"no objective is named None"),
    ],
)
def test_bad_input_says_what_is_wrong(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()


# --- metrics --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prediction, target, expected",
    [
        ([[1, 2, 0], [5, 1, 1], [0, 0, 3.0]], [1, 0, 1], 2 / 3),
        ([[[1.0, 2], [2, 1]], [[0, 1], [0, 1]]], [[1, 1], [1, 1]], 3 / 4),
        ([[1.0, 2], [2, 1]], [[0.1, 0.9], [0.2, 0.8]], 1 / 2),
        ([-2.0, 3.0, 0.5], [0, 1, 0], 2 / 3),
        ([[-2.0], [3.0]], [[0], [1]], 1),
    ],
)
def test_accuracy(prediction, target, expected):
    assert nn.accuracy(np.array(prediction), np.array(target)) == pytest.approx(expected)


def test_accuracy_refuses_shapes_that_do_not_fit():
    with pytest.raises(ArgumentError, match=r"logits \(…, classes\) and labels \(…\), not \(2, 3\), \(3, 2\)"):
        nn.accuracy(np.ones((2, 3)), np.ones((3, 2)))


def test_top_k_against_a_sort():
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((200, 7)), rng.integers(0, 7, 200)
    order = np.argsort(-logits, axis=1)
    for k in (1, 3, 7):
        assert nn.top_k(k)(logits, labels) == pytest.approx(
            np.mean([y in row[:k] for row, y in zip(order, labels, strict=True)])
        )
    assert nn.top_k(1)(logits, labels) == nn.accuracy(logits, labels)
    with pytest.raises(ArgumentError, match=r"top_8 takes logits \(…, 8 classes or more\)"):
        nn.top_k(8)(logits, labels)


def test_metrics_may_be_given_in_several_ways():
    x, y = line_data(8)
    parameters = {"weight": np.ones((1, 1)), "bias": np.zeros(1)}

    def size(prediction, target):
        return np.mean(np.abs(prediction))

    for metrics in ("mean_absolute_error", ["mean_absolute_error"], {"mean_absolute_error": "mean_absolute_error"}):
        assert list(nn.evaluate(line, parameters, (x, y), metrics=metrics)) == ["mean_absolute_error"]
    found = nn.evaluate(line, parameters, (x, y), metrics=["mean_absolute_error", size])
    assert found["size"] == pytest.approx(np.mean(np.abs(x)))
    assert found["mean_absolute_error"] == pytest.approx(np.mean(np.abs(x - y)))
