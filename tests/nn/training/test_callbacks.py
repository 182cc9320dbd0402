"""Callbacks and early stopping: who is called when, and who may stop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.training.callbacks import Monitor
from tests.nn.training.programs import bits, line, line_data, line_start, squared


def trained(**options):
    """Four batches an epoch."""
    settings = {"parameters": line_start(), "epochs": 3, "batch_size": 16, "optimizer": nn.SGD(0.1)}
    return nn.fit(line, squared, line_data(), **{**settings, **options})


class Watch:
    def __init__(self):
        self.calls = []

    def on_epoch_begin(self, moment):
        self.calls.append(("begin", moment.epoch, moment.batch, moment.step))
        assert math.isnan(moment.loss)

    def on_batch_end(self, moment):
        self.calls.append(("batch", moment.epoch, moment.batch, moment.step))
        assert moment.loss == moment.history.losses[-1]

    def on_epoch_end(self, moment):
        self.calls.append(("end", moment.epoch, moment.batch, moment.step))
        assert moment.row == moment.history.rows()[-1]


def test_callbacks_are_called_in_order():
    watch, rows = Watch(), []
    found = trained(callbacks=[watch, lambda moment: rows.append(moment.row)], epochs=2)
    expected = []
    for epoch in (1, 2):
        before = 4 * (epoch - 1)
        expected += [("begin", epoch, 0, before)]
        expected += [("batch", epoch, k, before + k) for k in range(1, 5)]
        expected += [("end", epoch, 0, before + 4)]
    assert watch.calls == expected
    assert rows == found.history.rows()


@pytest.mark.parametrize("hook, steps", [("on_epoch_begin", 4), ("on_batch_end", 6), ("on_epoch_end", 8)])
@pytest.mark.parametrize("way", ["true", "raise", "numpy"])
def test_any_of_them_may_stop(hook, steps, way):
    class Stop:
        pass

    def ask(self, moment):
        if moment.epoch == 2 and (hook != "on_batch_end" or moment.batch == 2):
            if way == "raise":
                raise nn.StopTraining
            return True if way == "true" else np.True_
        return None

    setattr(Stop, hook, ask)
    found = trained(callbacks=Stop())
    assert found.stopped == "callback"
    assert len(found.history.losses) == steps


def test_what_a_callback_returns_beside_true_means_nothing():
    assert trained(callbacks=lambda moment: 17).stopped == "epochs"


def test_early_stopping_returns_the_best():
    """The metric says when it was best: in epoch 2."""
    values = {1: 0.5, 2: 0.9, 3: 0.7, 4: 0.9, 5: 0.8, 6: 1.0}
    epochs, kept = [], {}

    def metric(prediction, target):
        return values[len(epochs) + 1]

    def count(moment):
        epochs.append(moment.epoch)
        kept[moment.epoch] = bits(moment.parameters)

    stopping = nn.EarlyStopping(patience=3, monitor="quality")
    found = trained(epochs=6, metrics={"quality": metric}, callbacks=count, early_stopping=stopping)
    assert found.stopped == "early"
    assert epochs == [1, 2, 3, 4, 5]
    assert found.best[:3] == (2, pytest.approx(0.9), "quality")
    assert bits(found.parameters) == bits(found.best.parameters) == kept[2]
    epochs.clear()
    last = trained(
        epochs=6,
        metrics={"quality": metric},
        callbacks=count,
        early_stopping=nn.EarlyStopping(patience=3, monitor="quality", restore_best=False),
    )
    assert bits(last.parameters) == kept[5] != kept[2]


def test_small_improvements_do_not_count_and_are_best_all_the_same():
    losses = iter([1.0, 0.95, 0.91, 0.87, 0.5])
    found = nn.fit(
        None,
        lambda p, x: next(losses) + 0 * np.sum(p),
        (np.ones(2),),
        parameters=np.zeros(1),
        batch_size=2,
        epochs=5,
        early_stopping=nn.EarlyStopping(patience=2, min_delta=0.2),
    )
    assert found.stopped == "early"
    assert found.history["loss"] == pytest.approx([1.0, 0.95, 0.91])
    assert found.best.epoch == 3


def test_the_best_is_found_without_early_stopping_and_nothing_is_restored():
    x, _ = line_data()
    found = trained(validation=(x, x - 0.5), optimizer=nn.SGD(0.02), epochs=12)
    best = int(np.argmin(found.history["validation_loss"]))
    assert 0 < best < 11
    assert found.best.epoch == best + 1
    assert found.best.monitor == "validation_loss"
    assert bits(found.parameters) != bits(found.best.parameters)


def test_a_number_is_a_patience():
    found = trained(epochs=9, optimizer=nn.SGD(0.0), early_stopping=2)
    assert (found.stopped, len(found.history)) == ("early", 3)


def test_which_way_is_better():
    columns = ["loss", "accuracy", "validation_loss", "mean_absolute_error"]
    assert Monitor.of(None, columns) == Monitor("validation_loss", 1.0)
    assert Monitor.of(None, ["loss"]) == Monitor("loss", 1.0)
    assert Monitor.of(nn.EarlyStopping(monitor="accuracy"), columns).sign == -1
    assert Monitor.of(nn.EarlyStopping(monitor="mean_absolute_error"), columns).sign == 1
    assert Monitor.of(nn.EarlyStopping(monitor="accuracy", mode="min"), columns).sign == 1
    assert Monitor("accuracy", -1.0).key(math.nan) == math.inf


@pytest.mark.parametrize(
    "options, message",
    [
        ({"patience": 0}, "patience is a number of epochs from 1 up, not 0"),
        ({"min_delta": -1.0}, "min_delta is a number from 0 up"),
        ({"mode": "less"}, "mode is 'min' or 'max', not 'less'"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ArgumentError, match=message):
        nn.EarlyStopping(**options)


def test_an_error_of_a_callback_comes_out():
    with pytest.raises(ZeroDivisionError):
        trained(callbacks=lambda moment: 1 / 0)
