"""Histories and progress: the numbers of a training, and what is shown of them."""

from __future__ import annotations

import io
import json
import sys

import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.training import progress
from tests.nn.training.programs import line, line_data, line_start, squared


def trained(**options):
    settings = {"parameters": line_start(), "epochs": 3, "batch_size": 16, "optimizer": nn.SGD(0.1)}
    settings |= {"validation": line_data(10), "metrics": ["mean_absolute_error"]}
    return nn.fit(line, squared, line_data(), **{**settings, **options})


COLUMNS = ["epoch", "loss", "mean_absolute_error", "validation_loss", "validation_mean_absolute_error"]
COLUMNS += ["learning_rate", "gradient_norm", "seconds"]


def test_a_history_has_batches_and_rows_of_plain_numbers():
    history = trained().history
    assert len(history.losses) == 12
    assert len(history) == 3
    assert history.columns == COLUMNS
    assert history["epoch"] == [1, 2, 3]
    assert history["loss"][0] == pytest.approx(sum(history.losses[:4]) / 4)
    assert json.loads(history.to_json()) == history.to_dict() == {"losses": history.losses, "epochs": history.rows()}
    assert all(type(value) in (int, float) for row in history.rows() for value in row.values())
    assert all(seconds > 0 for seconds in history["seconds"])
    with pytest.raises(ArgumentError, match=r"no column 'los' \(did you mean 'loss'\?\); it has: epoch, loss"):
        history["los"]
    assert "3 epochs, 12 batches; at the end loss" in repr(history)


def test_rows_are_copies():
    history = trained().history
    history.rows()[0]["loss"] = 17
    assert history["loss"][0] != 17


def test_a_history_plots():
    matplotlib = pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)
    matplotlib.use("agg")
    from matplotlib.figure import Figure

    history = trained().history
    axes = history.plot(ax=Figure().add_subplot())
    labels = {line.get_label() for line in axes.get_lines()}
    assert {"loss", "validation loss"} <= labels
    assert axes.get_xlabel() == "epoch"
    axes = history.plot("losses", ax=Figure().add_subplot())
    assert [len(line.get_xdata()) for line in axes.get_lines() if line.get_label() == "losses"] == [12]
    assert axes.get_xlabel() == "batch"
    axes = nn.History([1.0, 0.5]).plot(ax=Figure().add_subplot())
    assert axes.get_xlabel() == "batch"
    with pytest.raises(ArgumentError, match="no column"):
        history.plot("speed", ax=Figure().add_subplot())


# --- progress -------------------------------------------------------------------------------------------


def test_lines_say_loss_metrics_and_the_time_left():
    stream = io.StringIO()
    trained(progress=stream)
    first, second, third = stream.getvalue().splitlines()
    assert first.startswith("epoch 1/3  loss ")
    assert "mean absolute error" in first
    assert "validation loss" in first
    assert first.endswith("s left")
    assert second.startswith("epoch 2/3")
    assert "left" not in third


def test_without_a_terminal_there_is_progress_only_on_demand(capsys):
    trained()
    trained(progress=False)
    assert capsys.readouterr().err == ""
    trained(progress=True)
    assert capsys.readouterr().err.count("\n") == 3


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_in_a_terminal_there_is_a_bar(monkeypatch):
    pytest.importorskip("tqdm", reason="the extra `demo` is not installed", exc_type=ImportError)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "EVERY", 0.0)
    trained()
    text = sys.stderr.getvalue()
    assert "12/12" in text
    assert "batch loss" in text
    assert "validation loss" in text
    assert "epoch 3/3" in text


def test_the_bar_goes_on_where_a_resumed_training_is(monkeypatch, tmp_path):
    pytest.importorskip("tqdm", reason="the extra `demo` is not installed", exc_type=ImportError)
    trained(epochs=2, checkpoint=tmp_path)
    monkeypatch.setattr(sys, "stderr", Terminal())
    trained(epochs=3, checkpoint=tmp_path)
    text = sys.stderr.getvalue()
    assert "8/12" in text
    assert "12/12" in text


def test_without_tqdm_a_terminal_gets_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", None)
    trained()
    assert sys.stderr.getvalue().count("\n") == 3
