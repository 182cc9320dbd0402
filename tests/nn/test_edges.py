"""Edges that were wrong once: each of these failed before it was mended."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn import functional

rng = np.random.default_rng(0)
X = rng.standard_normal((40, 3))
Y = (X[:, 0] > 0).astype(int)
MODEL = nn.Linear(2)


def fit(folder, **options):
    options = {"batch_size": 8, "progress": False, "optimizer": nn.SGD(0.05), **options}
    return nn.fit(MODEL, options.pop("objective", "cross_entropy"), (X, Y), checkpoint=folder, **options)


# --- going on from a checkpoint --------------------------------------------------------------------------


def test_another_monitor_begins_anew(tmp_path):
    stopping = nn.EarlyStopping(3, monitor="validation_accuracy")
    fit(tmp_path, metrics="accuracy", validation=(X, Y), early_stopping=stopping, epochs=2)
    found = fit(tmp_path, metrics="accuracy", validation=(X, Y), early_stopping=nn.EarlyStopping(3), epochs=8)
    assert found.stopped == "epochs"
    assert found.best.monitor == "validation_loss"
    assert found.best.value == min(found.history["validation_loss"][2:])


def test_the_same_monitor_is_carried_on(tmp_path):
    first = fit(tmp_path, early_stopping=3, epochs=2)
    assert fit(tmp_path, early_stopping=3, epochs=2).best.epoch == first.best.epoch


@pytest.mark.parametrize("changed", [{"objective": "hinge"}, {"penalty": lambda parameters: 0.0}])
def test_another_objective_is_another_training(tmp_path, changed):
    fit(tmp_path, epochs=1)
    with pytest.raises(ArgumentError, match=r"objective|penalty"):
        fit(tmp_path, epochs=2, **changed)


@pytest.mark.parametrize("first", [True, False])
def test_a_history_whose_rows_differ(tmp_path, first):
    fit(tmp_path, epochs=1, validation=(X, Y) if first else None)
    history = fit(tmp_path, epochs=2, validation=None if first else (X, Y)).history
    assert np.isnan(history["validation_loss"]).tolist() == [not first, first]


def test_drafts_of_a_killed_training_are_removed(tmp_path):
    draft = tmp_path / ".checkpoint-000001.npz.999.tmp"
    draft.write_bytes(b"x")
    fit(tmp_path, epochs=1)
    assert not draft.exists()


def test_a_checkpoint_that_cannot_be_written_loses_nothing(tmp_path):
    folder = tmp_path / "gone"
    with pytest.raises(OSError, match="No such file") as caught:
        fit(folder, epochs=5, callbacks=lambda moment: shutil.rmtree(folder, ignore_errors=True))
    assert caught.value.fit.parameters["weight"].shape == (3, 2)


# --- data -------------------------------------------------------------------------------------------------


def test_validation_without_examples():
    with pytest.raises(ArgumentError, match="no examples"):
        nn.fit(MODEL, "cross_entropy", (X, Y), validation=lambda epoch: [], epochs=1, progress=False)


def test_a_frozen_parameter_may_be_infinite():
    found = nn.fit(
        lambda p, x: x @ p["w"] + p["mask"],
        "cross_entropy",
        (X, Y * 0),
        trainable="w",
        parameters={"w": np.ones((3, 2)), "mask": np.array([0.0, -np.inf])},
        epochs=1,
        progress=False,
    )
    assert found.stopped == "epochs"


@pytest.mark.parametrize("dtype", [int, bool, float])
def test_accuracy_of_one_hot_targets(dtype):
    target = np.array([[1, 0, 0], [0, 1, 0]], dtype)
    assert nn.accuracy([[5.0, 1, 0], [3, 4, 1]], target) == 1.0


@pytest.mark.parametrize("dtype", [">i4", "<i4", ">i2", ">u2", "i8"])
def test_labels_of_any_byte_order(dtype):
    labels = np.array([0, 1, 2], dtype)
    expected = functional.cross_entropy(np.eye(3), np.array([0, 1, 2]))
    assert functional.cross_entropy(np.eye(3), labels) == expected
    np.testing.assert_array_equal(functional.embedding(labels, np.eye(3)), np.eye(3))
    with pytest.raises(ArgumentError, match="the label 3"):
        functional.cross_entropy(np.eye(3), labels + labels.dtype.type(1))


def test_masks_of_integers_are_refused():
    q = np.ones((2, 3))
    with pytest.raises(ArgumentError, match="a mask is boolean"):
        functional.scaled_dot_product_attention(q, q, q, np.ones((2, 2), int))


# --- optimizers ----------------------------------------------------------------------------------------------


def test_large_single_precision_gradients_are_clipped_to_the_norm():
    clipped = nn.clip_by_norm({"a": np.full(2, 1e30, np.float32)}, 1.0)["a"]
    np.testing.assert_allclose(clipped, np.sqrt(0.5), rtol=1e-6)


@pytest.mark.parametrize("name", nn.optimizers.OPTIMIZERS)
def test_parameters_that_are_python_numbers(name):
    step = nn.step_of(lambda p: (p["a"] - 1) ** 2, {"a": 3.0}, optimizer=nn.optimizers.get(name, learning_rate=0.1))
    assert float(step.parameters["a"]) < 3.0


def test_schedules_check_when_they_are_made():
    assert nn.optimizers.Warmup(5, 0.1)(7) == 0.1
    with pytest.raises(ArgumentError, match="learning rate"):
        nn.SGD("0.1")
    with pytest.raises(ArgumentError, match="steps must be"):
        nn.optimizers.CosineDecay(0.1, 0)


def test_penalties_keep_single_precision():
    assert functional.l2_penalty(np.ones(3, np.float32), np.float64(0.1)).dtype == np.float32
