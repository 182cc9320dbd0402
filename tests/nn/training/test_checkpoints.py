"""Checkpoints: whatever ends a training, and whatever happens to a file, what goes on is what would have gone on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.training import loop
from tests.nn.training import killed
from tests.nn.training.programs import bits, examples, line, line_data, line_start, network, start, state

SETTINGS = {"epochs": 3, "batch_size": 20, "metrics": "accuracy", "optimizer": "adam"}


def trained(folder=None, **options):
    """Five batches an epoch."""
    settings = {**SETTINGS, "parameters": start(), "state": state(), "checkpoint": folder}
    return nn.fit(network, "cross_entropy", examples(), **{**settings, **options})


def ends(found):
    """All that has to be the same after a resume."""
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in found.history.rows()]
    return bits(found.parameters), bits(found.state), bits(found.best.parameters), found.history.losses, rows


class BrokenError(Exception):
    """What a test ends a training with."""


class Break:
    """Ends a training after a number of batches."""

    def __init__(self, step, error=BrokenError):
        self.step = step
        self.error = error

    def on_batch_end(self, moment):
        if moment.step == self.step:
            raise self.error


def names(folder):
    return sorted(each.name for each in folder.iterdir())


# --- going on -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 4, 5, 7, 14])
@pytest.mark.parametrize("batches", [1, 3, None])
def test_a_broken_training_goes_on_bit_by_bit(step, batches, tmp_path):
    with pytest.raises(BrokenError):
        trained(nn.Checkpoints(tmp_path, batches=batches), callbacks=Break(step))
    assert ends(trained(tmp_path)) == ends(trained())


def test_it_goes_on_from_where_it_was(tmp_path):
    with pytest.raises(BrokenError):
        trained(nn.Checkpoints(tmp_path, batches=1), callbacks=Break(7))
    steps = []

    class Watch:
        def on_batch_end(self, moment):
            steps.append((moment.epoch, moment.batch, moment.step))

    trained(tmp_path, callbacks=Watch())
    assert steps == [(2, 3, 8), (2, 4, 9), (2, 5, 10), *((3, k, 10 + k) for k in range(1, 6))]


def test_more_epochs_go_on_where_all_were_done(tmp_path):
    trained(tmp_path, epochs=2)
    assert ends(trained(tmp_path, epochs=3)) == ends(trained(epochs=3))
    again = trained(tmp_path, epochs=3)
    assert ends(again) == ends(trained(epochs=3))
    assert again.stopped == "epochs"


def test_early_stopping_goes_on_waiting(tmp_path):
    settings = {"epochs": 9, "metrics": {"quality": lambda prediction, target: 0.0}}
    settings["early_stopping"] = nn.EarlyStopping(patience=4, monitor="quality")
    whole = trained(**settings)
    with pytest.raises(BrokenError):
        trained(tmp_path, callbacks=Break(17), **settings)
    found = trained(tmp_path, **settings)
    assert ends(found) == ends(whole)
    assert found.stopped == whole.stopped == "early"
    assert len(found.history) == 5


def test_resume_false_begins_anew(tmp_path):
    first = trained(tmp_path)
    second = trained(tmp_path, seed=5, resume=False)
    assert ends(second) == ends(trained(seed=5))
    assert ends(second) != ends(first)
    assert ends(trained(tmp_path, seed=5)) == ends(second)  # the newest is the second's


def test_layers_with_dropout_and_batch_norm_go_on(tmp_path):
    model = nn.Sequential(nn.Linear(6), nn.BatchNorm(), "relu", nn.Dropout(0.3), nn.Linear(3))
    settings = {"epochs": 3, "batch_size": 20}
    checkpoint = nn.Checkpoints(tmp_path, batches=2)
    with pytest.raises(BrokenError):
        nn.fit(model, "cross_entropy", examples(), checkpoint=checkpoint, callbacks=Break(7), **settings)
    found = nn.fit(model, "cross_entropy", examples(), checkpoint=tmp_path, **settings)
    assert ends(found) == ends(nn.fit(model, "cross_entropy", examples(), **settings))


def test_trees_with_none_in_them_go_on(tmp_path):
    """Of frozen parameters the optimizer keeps nothing."""
    with pytest.raises(BrokenError):
        trained(nn.Checkpoints(tmp_path, batches=2), callbacks=Break(7), trainable="first")
    assert ends(trained(tmp_path, trainable="first")) == ends(trained(trainable="first"))


def test_parameters_of_a_transposed_order_go_on(tmp_path):
    def begin():
        parameters = start()
        return {**parameters, "second": np.asfortranarray(parameters["second"])}

    with pytest.raises(BrokenError):
        trained(nn.Checkpoints(tmp_path, batches=1), callbacks=Break(7), parameters=begin())
    assert ends(trained(tmp_path, parameters=begin())) == ends(trained(parameters=begin()))


def test_batches_of_a_factory_go_on(tmp_path):
    x, y = examples(40)

    def factory(epoch):
        order = np.random.default_rng(epoch).permutation(40)
        return ((x[order[k : k + 8]], y[order[k : k + 8]]) for k in range(0, 40, 8))

    settings = {"parameters": start(), "state": state(), "epochs": 3}
    checkpoint = nn.Checkpoints(tmp_path, batches=1)
    with pytest.raises(BrokenError):
        nn.fit(network, "cross_entropy", factory, checkpoint=checkpoint, callbacks=Break(8), **settings)
    found = nn.fit(network, "cross_entropy", factory, checkpoint=tmp_path, **settings)
    assert ends(found) == ends(nn.fit(network, "cross_entropy", factory, **settings))


# --- killed ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
def test_kill_9_at_any_moment(tmp_path):
    """Processes killed at random moments, each going on from the one before, end where one that was left alone ends."""
    command = [sys.executable, str(Path(killed.__file__)), str(tmp_path / "checkpoints"), "6"]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr
    assert not done.stderr  # no checkpoint was found damaged
    kills, places, found, alone = done.stdout.split()
    assert int(kills) >= int(places) >= 3
    assert found == alone


def test_an_interrupt_keeps_what_was_done(tmp_path):
    found = trained(nn.Checkpoints(tmp_path, epochs=None), callbacks=Break(7, KeyboardInterrupt))
    assert found.stopped == "interrupted"
    assert len(found.history.losses) == 7
    assert len(found.history) == 1
    assert found.best.epoch == 1
    whole = trained(epochs=2, callbacks=Break(7, nn.StopTraining))
    assert whole.stopped == "callback"
    assert bits(found.parameters) == bits(whole.parameters)
    assert ends(trained(tmp_path)) == ends(trained())


def test_an_interrupt_within_a_step_leaves_the_step_before(tmp_path):
    calls = []

    def metric(prediction, target):
        calls.append(1)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return 0.0

    found = trained(tmp_path, metrics={"watch": metric})
    assert len(found.history.losses) == 7
    assert bits(found.parameters) == bits(trained(callbacks=Break(7, nn.StopTraining)).parameters)
    calls.extend([1] * 100)
    quiet = {"metrics": {"watch": lambda prediction, target: 0.0}}
    assert ends(trained(tmp_path, **quiet)) == ends(trained(**quiet))


@pytest.mark.parametrize("call", [3, 6])
def test_an_interrupt_between_two_lines_leaves_nothing_half_done(call, monkeypatch):
    """The third time a step is complete, and the sixth an epoch, but for the one assignment."""
    calls, replaced = [], loop.Point._replace

    def interrupted(point, **changes):
        calls.append(1)
        if len(calls) == call:
            raise KeyboardInterrupt
        return replaced(point, **changes)

    monkeypatch.setattr(loop.Point, "_replace", interrupted)
    found = trained()
    assert found.stopped == "interrupted"
    assert len(found.history.losses) == call - 1
    assert len(found.history) == 0


def test_an_interrupt_before_the_first_epoch_ends_keeps_the_steps():
    found = trained(callbacks=Break(2, KeyboardInterrupt))
    assert found.best is None
    assert len(found.history.losses) == 2
    assert "no epoch complete" in repr(found)


# --- files ----------------------------------------------------------------------------------------------


def test_the_newest_few_are_kept(tmp_path):
    trained(nn.Checkpoints(tmp_path, keep=2), epochs=5)
    assert names(tmp_path) == ["checkpoint-000004.npz", "checkpoint-000005.npz"]
    trained(nn.Checkpoints(tmp_path, keep=2, epochs=2), epochs=8)
    assert names(tmp_path) == ["checkpoint-000006.npz", "checkpoint-000007.npz"]
    assert nn.load(tmp_path / "checkpoint-000007.npz")["position"]["epoch"] == 8


def test_seconds_and_batches_say_when(tmp_path):
    trained(nn.Checkpoints(tmp_path / "a", keep=99, epochs=None, batches=2), epochs=1)
    assert len(names(tmp_path / "a")) == 3  # after 2, 4, and at the end
    trained(nn.Checkpoints(tmp_path / "b", keep=99, epochs=None, seconds=0), epochs=1)
    assert len(names(tmp_path / "b")) >= 5
    trained(nn.Checkpoints(tmp_path / "c", keep=99, epochs=None, seconds=1e6), epochs=2)
    assert len(names(tmp_path / "c")) == 1


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_checkpoint_is_passed_over(damage, tmp_path):
    trained(tmp_path)
    newest = tmp_path / "checkpoint-000003.npz"
    content = bytearray(newest.read_bytes())
    if damage == "flip":  # one bit of a weight
        content[content.index(nn.load(newest)["parameters"]["second"].tobytes()) + 3] ^= 1
    newest.write_bytes({"cut": content[:-9], "flip": content, "empty": b"", "other": b"a text"}[damage])
    before = newest.read_bytes()
    with pytest.warns(
        RuntimeWarning, match=r"checkpoint-000003\.npz is damaged.*goes on from the checkpoint before: .*02"
    ):
        found = trained(tmp_path)
    assert ends(found) == ends(trained())
    assert newest.read_bytes() == before  # nothing is deleted because it failed


def test_a_parameter_file_is_no_checkpoint(tmp_path):
    trained(tmp_path)
    nn.save(tmp_path / "checkpoint-000009.npz", start())
    with pytest.warns(RuntimeWarning, match=r"checkpoint-000009\.npz is not a checkpoint of a training"):
        trained(tmp_path)


def test_if_all_are_damaged_nothing_is_begun_over_them(tmp_path):
    trained(tmp_path)
    for each in tmp_path.iterdir():
        each.write_bytes(b"?")
    with pytest.raises(ArgumentError, match=r"none of the checkpoints in .* can be read: .*resume=False begins anew"):
        trained(tmp_path)
    assert len(names(tmp_path)) == 3
    trained(tmp_path, resume=False, epochs=1)
    assert len(names(tmp_path)) == 3


def wider():
    parameters = start()
    return {"first": parameters["first"], "second": np.zeros((8, 4), np.float32)}


MISMATCHES = {
    "seed": ({"seed": 3}, r"its seed: 0, now: 3"),
    "batch size": ({"batch_size": 10}, r"its batch size: 20, now: 10"),
    "optimizer": ({"optimizer": "sgd"}, r"its optimizer: Adam\(learning_rate=0.001, .*now: SGD\("),
    "options": (
        {"optimizer": nn.Adam(0.1)},
        r"its optimizer: Adam\(learning_rate=0.001, .*now: Adam\(learning_rate=0.1,",
    ),
    "clipping": ({"clip_norm": 1.0}, r"its clip norm: None, now: 1.0"),
    "metrics": ({"metrics": None}, r"its metrics: accuracy, now: none of them"),
    "frozen": ({"trainable": "first"}, r"its frozen parameters: none of them, now: second"),
    "shape": ({"parameters": wider()}, r"its parameters: second float32\[8, 3\], now: second float32\[8, 4\]"),
    "dtype": ({"dtype": np.float64}, r"its parameters: first/bias float32\[8\], .*now: first/bias float64\[8\]"),
    "structure": (
        {"parameters": {**start(), "third": np.ones(1)}},
        r"its parameters: none of them, now: third float64\[1\]",
    ),
}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_checkpoint_of_another_training_is_refused(name, tmp_path):
    trained(tmp_path, epochs=1)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    changes, message = MISMATCHES[name]
    with pytest.raises(ArgumentError, match=rf"checkpoint-000001\.npz belongs to another training: {message}"):
        trained(tmp_path, **changes)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_a_checkpoint_of_other_data_or_another_model_is_refused(tmp_path):
    trained(tmp_path, epochs=1)
    settings = {**SETTINGS, "parameters": start(), "state": state(), "checkpoint": tmp_path}
    with pytest.raises(ArgumentError, match=r"its data: array 0: float32\[90, 5\], .*now: array 0: float32\[80, 5\]"):
        nn.fit(network, "cross_entropy", examples(80), **settings)
    with pytest.raises(ArgumentError, match=r"its model: network, now: "):
        nn.fit(lambda p, x, *, rng, state, training: (0, 0), "cross_entropy", examples(), **settings)
    first, second = nn.Sequential(nn.Linear(4), "tanh"), nn.Sequential(nn.Linear(4), "relu")
    data = np.ones((6, 2)), np.zeros((6, 4))
    nn.fit(first, "mean_squared_error", data, batch_size=3, epochs=1, checkpoint=tmp_path / "layers")
    with pytest.raises(ArgumentError, match=r"its model: Sequential.*now: Sequential"):
        nn.fit(second, "mean_squared_error", data, batch_size=3, epochs=1, checkpoint=tmp_path / "layers")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "file").write_text("no folder")
    ran = []
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ArgumentError, match=r"checkpoints cannot be written to .*file"):
            nn.fit(lambda p, x: ran.append(1), "hinge", line_data(), parameters=line_start(), checkpoint=folder)
    assert not ran


def test_what_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    ran = []

    def model(parameters, x, *, state):
        ran.append(1)
        return x, state

    settings = {"parameters": line_start(), "state": {"seen": set()}, "checkpoint": tmp_path}
    with pytest.raises(ArgumentError, match=r"not builtins.set \(at 'state/seen'\)"):
        nn.fit(model, "mean_squared_error", line_data(), **settings)
    assert not ran


def test_a_full_disk_leaves_the_checkpoints_before(tmp_path, monkeypatch):
    replace, count = os.replace, []

    def full(source, target):
        if "checkpoint" in str(target):
            count.append(1)
            if len(count) == 3:
                raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        trained(tmp_path)
    monkeypatch.undo()
    assert names(tmp_path) == ["checkpoint-000001.npz", "checkpoint-000002.npz"]
    assert ends(trained(tmp_path)) == ends(trained())


def test_a_checkpoint_is_a_tree_to_load(tmp_path):
    found = trained(tmp_path)
    content = nn.load(tmp_path / "checkpoint-000003.npz")
    assert bits(content["parameters"]) == bits(found.parameters)
    assert content["optimizer_state"]["step"] == 15
    shutil.copytree(tmp_path, tmp_path / "copy")
    assert ends(trained(tmp_path / "copy")) == ends(found)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"keep": 0}, "keep is a whole number from 1 up, not 0"),
        ({"epochs": 0}, "epochs is a whole number from 1 up, not 0"),
        ({"batches": 1.5}, "batches is a whole number from 1 up, not 1.5"),
        ({"seconds": -1}, "seconds is a number from 0 up, not -1"),
    ],
)
def test_options_are_checked(options, message, tmp_path):
    with pytest.raises(ArgumentError, match=message):
        nn.Checkpoints(tmp_path, **options)
    with pytest.raises(ArgumentError, match=r"checkpoint is a folder or a Checkpoints value, not 3"):
        nn.fit(line, "mean_squared_error", line_data(), parameters=line_start(), checkpoint=3)
