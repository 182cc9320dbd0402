"""NaN and infinity end a training with the place where they began, and with the parameters of before."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import NonFiniteError
from tests.nn.training.programs import bits, line, line_data, line_start, squared


def shrinking(parameters, x):
    """The logarithm of something that becomes negative in the third epoch."""
    level = parameters["level"] - 0.0 * np.sum(x)
    return np.log(level)


def descend(**options):
    """Two steps an epoch, each of which takes 0.2 from 0.9."""
    settings = {"parameters": {"level": np.array(0.9)}, "optimizer": nn.SGD(0.2), "batch_size": 2, "epochs": 5}
    objective = lambda logarithm, x: np.exp(logarithm)  # its slope is 1
    return nn.fit(shrinking, objective, (np.ones((4, 1)), np.ones(4)), **{**settings, **options})


@pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning")
def test_nan_says_epoch_batch_node_operation_and_line(tmp_path):
    with pytest.raises(NonFiniteError, match=r"training stopped in epoch 3, batch 2: the loss is nan\.") as caught:
        descend(checkpoint=nn.Checkpoints(tmp_path, epochs=10))
    error = caught.value
    assert error.operation == "log"
    assert error.site.source == "return np.log(level)"
    assert "The parameters at the end of epoch 2 are kept: error.fit.parameters, and in" in str(error)
    assert error.fit.stopped == "not finite"
    assert error.fit.parameters["level"] == pytest.approx(0.1)
    assert len(error.fit.history.losses) == 5
    (path,) = tmp_path.iterdir()
    kept = nn.load(path)
    assert bits(kept["parameters"]) == bits(error.fit.parameters)
    assert kept["position"]["epoch"] == 2
    assert len(kept["history"]["losses"]) == 4


@pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning")
def test_the_best_epoch_is_kept_too():
    with pytest.raises(NonFiniteError, match="training stopped") as caught:
        descend(early_stopping=nn.EarlyStopping(patience=9, mode="max", restore_best=True))
    assert caught.value.fit.best.epoch == 1
    assert caught.value.fit.parameters["level"] == pytest.approx(0.5)


@pytest.mark.filterwarnings("ignore:invalid value encountered in log:RuntimeWarning")
def test_the_provenance_mode_may_be_on_already():
    with adjoint.debug_nans(), pytest.raises(NonFiniteError, match=r"epoch 3, batch 2.*\n*.*log") as caught:
        descend()
    assert caught.value.fit.history.losses


def test_a_gradient_that_is_not_finite_ends_it_without_a_warning():
    def root(parameters, x):
        return np.sqrt(parameters["level"] - 0.0 * np.sum(x))

    with pytest.raises(NonFiniteError, match=r"epoch 1, batch 1: the gradient is not finite\.") as caught:
        nn.fit(root, lambda y: y, (np.ones((2, 1)),), parameters={"level": np.array(0.0)}, batch_size=2)
    assert caught.value.cause == "partial"
    assert caught.value.operation == "sqrt"
    assert caught.value.fit.parameters["level"] == 0.0
    assert "The parameters before the first epoch are kept" in str(caught.value)


def test_what_was_drawn_is_drawn_again_to_explain_it():
    """The loss is NaN for few draws; the provenance mode has to meet the same one."""

    def model(parameters, x, *, rng):
        return parameters["level"] * np.log(np.maximum(rng.random() - 0.05, 0.0) + 0.0 * parameters["level"])

    data = (np.ones((400, 1)),)
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match="training stopped") as caught:
        nn.fit(model, lambda y: np.mean(y), data, parameters={"level": np.array(1.0)}, batch_size=1)
    assert caught.value.operation == "log"
    assert "did not find it again" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
def test_a_step_that_overflows_is_noticed():
    start = {"weight": np.ones((1, 1), np.float32), "bias": np.ones(1, np.float32)}
    with pytest.raises(NonFiniteError, match=r"a step made the parameter 'bias' NaN or infinite.*learning rate"):
        nn.fit(line, squared, line_data(), parameters=start, optimizer=nn.SGD(1e38), batch_size=None, epochs=1)
    message = r"epoch 1, batch 2.*\n(.*\n)*The step before made it so; the learning rate"
    with np.errstate(all="ignore"), pytest.raises(NonFiniteError, match=message):
        nn.fit(line, squared, line_data(), parameters=start, optimizer=nn.SGD(1e38), batch_size=32, epochs=1)


def test_a_large_gradient_of_float32_is_no_infinity():
    """Its square overflows, and it does not."""
    begin = {"weight": np.zeros((1, 1), np.float32), "bias": np.zeros(1, np.float32)}
    found = nn.fit(
        line,
        lambda y, t: np.mean(y) * np.float32(1e30),
        line_data(),
        parameters=begin,
        optimizer=nn.SGD(1e-30),
        batch_size=None,
        epochs=1,
    )
    assert found.history["gradient_norm"][0] == pytest.approx(1e30)
    assert found.parameters["bias"][0] == pytest.approx(-1)


def test_other_errors_stay_what_they_are():
    def model(parameters, x):
        raise FloatingPointError("mine")

    with pytest.raises(FloatingPointError, match="mine"):
        nn.fit(model, squared, line_data(), parameters=line_start())
