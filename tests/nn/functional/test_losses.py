"""Losses: exact at the ends of their range, one constraint each, and clear about arguments that do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import functional

LOGITS = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
LABELS = np.array([2, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_large_logits(dtype: Any) -> None:
    x = np.array([[1e4, 0.0, -1e4], [-1e4, 1e4, 0.0]], dtype)
    value, gradient = adjoint.value_and_grad(lambda x: functional.cross_entropy(x, np.array([1, 1])))(x)
    assert value == 5000
    np.testing.assert_allclose(gradient, [[0.5, -0.5, 0], [0, 0, 0]])
    assert value.dtype == gradient.dtype == dtype
    assert functional.cross_entropy(x[:1], np.array([0])) == 0


def test_cross_entropy_with_an_excluded_class() -> None:
    x = np.array([[0.0, -np.inf, 0.0]])
    target = np.array([[0.5, 0.0, 0.5]])
    for labels, rest in [(np.array([0]), [-0.5, 0, 0.5]), (target, [0, 0, 0])]:
        value, gradient = adjoint.value_and_grad(lambda x, labels=labels: functional.cross_entropy(x, labels))(x)
        assert value == pytest.approx(np.log(2))
        np.testing.assert_allclose(gradient, [rest], atol=1e-15)


def test_cross_entropy_is_one_row_of_the_matrix() -> None:
    system = adjoint.trace(lambda x: functional.cross_entropy(x, LABELS), LOGITS).compile()
    assert [p.name for p in system.primitives] == ["input", "softmax", "cross_entropy"]
    assert system.block(3, 1).kind == "contraction"
    np.testing.assert_allclose(system.block(3, 1).to_dense().reshape(2, 3).sum(1), 0, atol=1e-15)


def test_integer_labels_of_any_kind_and_one_hot_rows_agree() -> None:
    expected = functional.cross_entropy(LOGITS, LABELS)
    for labels in (LABELS.tolist(), LABELS.astype(np.uint8), LABELS.astype(np.int32), np.eye(3)[LABELS]):
        assert functional.cross_entropy(LOGITS, labels) == pytest.approx(expected, rel=1e-14)
    assert functional.cross_entropy(LOGITS, np.eye(3, dtype=int)[LABELS]) == pytest.approx(expected, rel=1e-14)


def test_the_mean_goes_over_all_steps_of_all_examples() -> None:
    x, labels = np.stack([LOGITS, 2 * LOGITS]), np.array([[0, 1], [2, 2]])
    rows = [functional.cross_entropy(x[i, j], labels[i, j]) for i in range(2) for j in range(2)]
    assert functional.cross_entropy(x, labels) == pytest.approx(np.mean(rows))
    assert functional.cross_entropy(x, labels, reduction="sum") == pytest.approx(np.sum(rows))
    np.testing.assert_allclose(functional.cross_entropy(x, labels, reduction="none").ravel(), rows)


def test_penalties_of_many_arrays() -> None:
    tree = {"a": [np.array([1.0, -2.0]), np.array(3.0)], "b": None}
    assert functional.l1_penalty(tree, 0.5) == 3
    assert functional.l2_penalty(tree, 0.5) == 7
    trace = adjoint.trace(lambda t: functional.l2_penalty(t, 0.5), tree)
    assert [p.name for p in trace.primitives] == ["input", "input", "l2_penalty"]
    x = np.array([0.0, 2.0], np.float32)
    gradient = adjoint.grad(lambda x: functional.l1_penalty([x], 0.5))(x)
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient, [0, 0.5])
    with pytest.raises(ArgumentError, match="l1_penalty: there are no parameters"):
        functional.l1_penalty({})


def test_binary_losses_at_their_ends() -> None:
    f = functional.binary_cross_entropy
    assert f(np.array([0.0, 1.0]), np.array([0, 1])) == 0
    gradient = adjoint.grad(lambda p: f(p, np.array([0, 1]), reduction="sum"))(np.array([0.0, 1.0]))
    np.testing.assert_array_equal(gradient, [1, -1])
    x = np.array([1e4, -1e4], np.float32)
    logits = functional.binary_cross_entropy_with_logits
    value, gradient = adjoint.value_and_grad(lambda x: logits(x, np.array([0, 1], np.float32)))(x)
    assert value == 1e4
    np.testing.assert_allclose(gradient, [0.5, -0.5])
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert f(np.array([0.0]), np.array([1])) == np.inf


def test_labels_that_do_not_fit() -> None:
    f = functional.cross_entropy
    with pytest.raises(
        ArgumentError, match=r"label 3 at \[1\] is not one of the classes 0 … 2 of logits \(2, 3\): .*py"
    ):
        f(LOGITS, np.array([0, 3]))
    with pytest.raises(ArgumentError, match=r"the label -1 at \[0\] is not one of the classes"):
        f(LOGITS, np.array([-1, 3]))
    with pytest.raises(ArgumentError, match=r"the label 7 at \[0, 1\] is not one of the classes 0 … 2"):
        f(LOGITS[None], np.array([[0, 7]], np.uint8))
    with pytest.raises(ArgumentError, match=r"labels must be integers for logits \(2, 3\).*got float64 \(2,\)"):
        f(LOGITS, np.array([0.0, 1.0]))
    with pytest.raises(ArgumentError, match=r"expected labels of the shape \(2,\) for logits \(2, 3\), got \(3,\)"):
        f(LOGITS, np.array([0, 1, 1]))
    with pytest.raises(ArgumentError, match="label_smoothing must be between 0 and 1"):
        f(LOGITS, LABELS, label_smoothing=1.5)
    with pytest.raises(ArgumentError, match='reduction must be "mean", "sum" or "none", got \'average\''):
        f(LOGITS, LABELS, reduction="average")
    with pytest.raises(ArgumentError, match="the batch is empty"):
        f(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ArgumentError, match=r"cross_entropy: x \(\) has no axis -1"):
        f(1.0, 0)
    with pytest.raises(ArgumentError, match="negative_log_likelihood: the label 5"):
        functional.negative_log_likelihood(LOGITS, np.array([0, 5]))
    with pytest.raises(ArgumentError, match="hinge: the label 5"):
        functional.hinge(LOGITS, np.array([0, 5]))
    with pytest.raises(ArgumentError, match="must be −1 or 1, but 0 is among them"):
        functional.hinge(np.ones(2), np.array([0, 1]))


def test_pairs_that_do_not_fit() -> None:
    a, b = np.ones((3, 1)), np.ones(3)
    with pytest.raises(ArgumentError, match=r"expected target of the shape of prediction \(3, 1\), got \(3,\)"):
        functional.mean_squared_error(a, b)
    with pytest.raises(ArgumentError, match="delta must be positive, got 0"):
        functional.huber(b, b, delta=0)
    with pytest.raises(ArgumentError, match="the batch is empty"):
        functional.mean_absolute_error(np.zeros(0), np.zeros(0))
    with pytest.raises(ArgumentError, match=r"kl_divergence: expected log_q \(..., classes\), got a number"):
        functional.kl_divergence(0.0, 1.0)


def test_a_trace_takes_new_logits() -> None:
    trace = adjoint.trace(lambda x: functional.cross_entropy(x, LABELS), LOGITS)
    fresh = LOGITS[::-1] * 2.0
    assert trace(fresh) == pytest.approx(functional.cross_entropy(fresh, LABELS), rel=1e-15)
    found = trace.compile().relinearize(fresh).solve()[1]
    np.testing.assert_allclose(found, adjoint.grad(lambda x: functional.cross_entropy(x, LABELS))(fresh))


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_the_gradient_in_an_outer_trace_is_the_gradient(smoothing: float) -> None:
    """Also its value, which second derivatives do not show; and no logit is too large for that."""
    v = np.array([[1.0, -2.0, 0.5], [0.3, 0.0, 1.0]])
    gradient = adjoint.grad(lambda x: functional.cross_entropy(x, LABELS, label_smoothing=smoothing))
    for x in (LOGITS, LOGITS + 1e4, LOGITS * [[1.0], [5e3]]):
        value, second = adjoint.value_and_grad(lambda x: np.sum(v * gradient(x)))(x)
        assert value == pytest.approx(np.sum(v * gradient(x)), rel=1e-12)
        assert np.isfinite(second).all()
