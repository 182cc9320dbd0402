"""``fit``: that it finds what is to be found, the same every time, and says what is wrong with what it was given."""

from __future__ import annotations

import numpy as np
import optree
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.training.trainable import paths_of
from tests.nn.training.programs import bits, examples, line, line_data, line_start, network, squared, start, state


def trained(**options):
    settings = {"parameters": start(), "state": state(), "epochs": 3, "batch_size": 8, "metrics": "accuracy"}
    return nn.fit(network, "cross_entropy", examples(), **{**settings, **options})


# --- what it finds ----------------------------------------------------------------------------------------


def test_a_network_learns_the_digits():
    pytest.importorskip("sklearn", reason="the extra `demo` is not installed", exc_type=ImportError)
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x, order = x / 16, np.random.default_rng(0).permutation(len(x))
    train, test = order[:1400], order[1400:]
    model = nn.Sequential(nn.Linear(32), "relu", ("logits", nn.Linear(10)))
    found = nn.fit(
        model,
        "cross_entropy",
        (x[train], y[train]),
        validation=(x[test], y[test]),
        metrics="accuracy",
        optimizer=nn.Adam(0.01),
        epochs=6,
    )
    assert found.stopped == "epochs"
    assert found.parameters["logits"]["weight"].dtype == np.float32
    row = found.history.rows()[-1]
    assert row["validation_accuracy"] > 0.95
    again = nn.evaluate(model, found.parameters, (x[test], y[test]), "cross_entropy", "accuracy", batch_size=32)
    assert again == {"loss": row["validation_loss"], "accuracy": row["validation_accuracy"]}
    assert np.mean(nn.predict(model, found.parameters, x[test]).argmax(1) == y[test]) == pytest.approx(
        again["accuracy"]
    )


def test_steps_are_those_of_gradient_descent():
    x, y = line_data(8)
    found = nn.fit(line, squared, (x, y), parameters=line_start(), optimizer=nn.SGD(0.1), epochs=3, batch_size=None)
    w, b = 0.0, 0.0
    for _ in range(3):
        r = w * x + b - y
        w, b = w - 0.1 * np.mean(2 * r * x), b - 0.1 * np.mean(2 * r)
    np.testing.assert_allclose([found.parameters["weight"][0, 0], found.parameters["bias"][0]], [w, b], rtol=1e-12)
    assert found.history.losses == pytest.approx(found.history["loss"])


def test_an_epoch_visits_every_example_once_in_a_new_order():
    seen = []

    def objective(parameters, x):
        seen.append(x)
        return np.sum(parameters * 0.0)

    nn.fit(None, objective, (np.arange(10),), parameters=np.zeros(1), epochs=2, batch_size=4)
    assert [len(x) for x in seen] == [4, 4, 2] * 2
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert not np.array_equal(first, second)
    seen.clear()
    nn.fit(
        None, objective, (np.arange(10),), parameters=np.zeros(1), epochs=1, batch_size=4, shuffle=False, drop_last=True
    )
    assert np.array_equal(np.concatenate(seen), np.arange(8))


def test_the_loss_of_an_epoch_is_the_mean_over_its_examples():
    weight = np.arange(10.0)
    found = nn.fit(
        None,
        lambda p, x: np.mean(x) + np.sum(p * 0),
        (weight,),
        parameters=np.zeros(1),
        epochs=1,
        batch_size=4,
        metrics={"mean": lambda p, x: np.mean(x)},
    )
    assert found.history["loss"] == pytest.approx([4.5])
    assert found.history["mean"] == pytest.approx([4.5])


def test_an_objective_of_parameters_and_batch_may_draw():
    """A variational autoencoder in small: the objective draws, and nothing else is a model."""

    def bound(parameters, x, *, rng, training):
        mean = x * parameters["encode"]
        z = mean + np.exp(parameters["spread"]) * (rng.standard_normal(x.shape) if training else 0)
        divergence = 0.5 * np.mean(mean**2 + np.exp(2 * parameters["spread"]) - 1) - np.mean(parameters["spread"])
        return 10 * np.mean((z * parameters["decode"] - x) ** 2) + divergence

    x = np.random.default_rng(0).standard_normal((64, 2))
    begin = {"encode": np.array(0.1), "decode": np.array(0.1), "spread": np.array(0.0)}
    found = nn.fit(None, bound, (x,), validation=(x,), parameters=begin, optimizer=nn.Adam(0.05), epochs=30)
    assert found.history["validation_loss"][-1] < 0.3 * found.history["validation_loss"][0]
    again = nn.fit(None, bound, (x,), validation=(x,), parameters=begin, optimizer=nn.Adam(0.05), epochs=30)
    assert bits(again.parameters) == bits(found.parameters)


def test_the_objective_of_inputs_alone_gets_the_prediction():
    found = nn.fit(
        line,
        lambda y: np.mean((y - 2) ** 2),
        line_data()[:1],
        parameters=line_start(),
        epochs=40,
        optimizer=nn.SGD(0.2),
    )
    assert found.parameters["bias"] == pytest.approx(2, abs=1e-3)


def test_batches_may_come_from_a_factory():
    x, y = examples(24)
    asked = []

    def factory(epoch):
        asked.append(epoch)
        return ((x[k : k + 8], y[k : k + 8]) for k in range(0, 24, 8))

    options = {"parameters": start(), "state": state(), "epochs": 2}
    found = nn.fit(network, "cross_entropy", factory, **options)
    assert asked == [0, 1]
    same = nn.fit(network, "cross_entropy", (x, y), batch_size=8, shuffle=False, **options)
    assert bits(found.parameters) == bits(same.parameters)


# --- the same every time ----------------------------------------------------------------------------------


def test_a_seed_decides_everything():
    first, again, other = trained(), trained(), trained(seed=1)
    assert bits(first.parameters) == bits(again.parameters)
    assert first.history.losses == again.history.losses
    assert bits(first.parameters) != bits(other.parameters)
    assert bits(first.state) == bits(again.state)
    assert first.state["count"] == len(first.history.losses)


def test_a_seed_decides_the_initial_parameters_of_a_layer():
    def initial(seed):
        return nn.fit(
            nn.Linear(2), "mean_squared_error", (np.ones((4, 3)), np.ones((4, 2))), epochs=0, batch_size=2, seed=seed
        )

    assert bits(initial(3).parameters) == bits(initial(3).parameters) != bits(initial(4).parameters)


def test_what_was_given_is_left_as_it_is():
    begin, data = start(), examples()
    before = bits(begin), bits(data)
    nn.fit(network, "cross_entropy", data, parameters=begin, state=state(), epochs=1)
    assert (bits(begin), bits(data)) == before


def flat(tree):
    return zip(paths_of(tree), optree.tree_leaves(tree), strict=True)


def test_batch_norm_carries_its_state():
    model = nn.Sequential(nn.Linear(4), nn.BatchNorm(), "tanh", nn.Linear(3))
    found = nn.fit(model, "cross_entropy", examples(), epochs=2, metrics="accuracy")
    initial = model.initialize(np.random.default_rng(0), (5,)).state
    assert bits(found.state) != bits(initial)
    assert {name: np.shape(each) for name, each in flat(found.state)} == {n: np.shape(x) for n, x in flat(initial)}
    assert not any(adjoint.tracing.is_traced(each) for _, each in flat(found.state))
    assert nn.evaluate(model, found.parameters, examples(), metrics="accuracy", state=found.state)["accuracy"] > 0.3


# --- options ----------------------------------------------------------------------------------------------


def test_only_chosen_parameters_move():
    for chosen in ("second", ["second"], lambda path: path == "second"):
        found = trained(trainable=chosen, epochs=1)
        assert bits(found.parameters["first"]) == bits(start()["first"])
        assert bits(found.parameters["second"]) != bits(start()["second"])
    with pytest.raises(ArgumentError, match=r"no parameter is at 'frist' \(did you mean 'first'\?\); there are"):
        trained(trainable="frist")
    with pytest.raises(ArgumentError, match=r"no parameters to train: none was chosen"):
        trained(trainable=lambda path: False)


def test_a_frozen_parameter_is_no_node_of_the_trace(monkeypatch):
    """The same steps as with the gradient of the other parameters alone."""
    x, y = line_data()
    found = nn.fit(line, squared, (x, y), parameters=line_start(), trainable="bias", optimizer=nn.SGD(0.1), epochs=2)
    alone = nn.fit(
        lambda p, x: x @ np.zeros((1, 1)) + p, squared, (x, y), parameters=np.zeros(1), optimizer=nn.SGD(0.1), epochs=2
    )
    assert bits(found.parameters["bias"]) == bits(alone.parameters)


def test_clipping_bounds_the_step_and_not_the_record():
    x, y = line_data()
    free = nn.fit(
        line, squared, (x, 1e3 * y), parameters=line_start(), optimizer=nn.SGD(0.1), epochs=1, batch_size=None
    )
    found = nn.fit(
        line,
        squared,
        (x, 1e3 * y),
        parameters=line_start(),
        optimizer=nn.SGD(0.1),
        epochs=1,
        batch_size=None,
        clip_norm=2.0,
    )
    moved = np.concatenate([x.ravel() for x in found.parameters.values()])
    assert np.linalg.norm(moved) == pytest.approx(0.2)
    assert found.history["gradient_norm"] == free.history["gradient_norm"]
    assert found.history["gradient_norm"][0] > 1e3


def test_a_penalty_is_added_while_training_and_not_in_the_validation():
    data = line_data()
    settings = {"parameters": {"weight": np.full((1, 1), 2.0), "bias": np.zeros(1)}, "epochs": 1, "batch_size": None}
    settings |= {"optimizer": nn.SGD(0.0), "validation": data}
    plain = nn.fit(line, squared, data, **settings)
    found = nn.fit(line, squared, data, penalty=lambda p: nn.functional.l2_penalty(p, 0.5), **settings)
    assert found.history["loss"][0] == pytest.approx(plain.history["loss"][0] + 2.0)
    assert found.history["validation_loss"] == plain.history["validation_loss"]


def test_schedules_count_steps_across_epochs():
    rates = []

    def schedule(step):
        rates.append(step)
        return 0.1 / (1 + step)

    found = nn.fit(
        line, squared, line_data(), parameters=line_start(), optimizer=nn.SGD(schedule), epochs=2, batch_size=16
    )
    assert found.history["learning_rate"] == [0.1 / 4, 0.1 / 8]
    assert sorted(set(rates)) == list(range(8))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_parameters_is_that_of_the_batches(dtype):
    kinds = set()

    def model(parameters, x):
        kinds.add(np.asarray(adjoint.stop_gradient(x)).dtype)
        return line(parameters, x)

    x, y = line_data()
    found = nn.fit(model, squared, (x, y), parameters=line_start(dtype), epochs=1)
    assert kinds == {np.dtype(dtype)}
    assert found.parameters["weight"].dtype == dtype
    wide = nn.fit(model, squared, (x, y), parameters=line_start(np.float32), dtype=dtype, epochs=1)
    assert wide.parameters["weight"].dtype == dtype


def test_another_solver_finds_the_same():
    settings = {"parameters": line_start(), "epochs": 2, "batch_size": 16}
    first = nn.fit(line, squared, line_data(), **settings)
    second = nn.fit(line, squared, line_data(), solver="block_sparse", **settings)
    np.testing.assert_allclose(first.parameters["weight"], second.parameters["weight"], rtol=1e-10)


# --- what is wrong ----------------------------------------------------------------------------------------

X, Y = np.ones((6, 1)), np.ones((6, 1))
WRONG = {
    "no arrays": ({"data": ()}, r"data is an empty tuple"),
    "no examples": ({"data": (X[:0], Y[:0])}, r"data is empty: its arrays have the shapes \(0, 1\), \(0, 1\)"),
    "lengths": ({"data": (X, Y[:5])}, r"differ in their number of examples: the shapes are \(6, 1\), \(5, 1\)"),
    "a number": ({"data": (X, 3)}, r"data\[1\] is a number"),
    "objects": ({"data": (X, np.array([[1], 2, 3, 4, 5, 6], object))}, r"data\[1\] is an array of objects"),
    "a word": ({"data": "digits"}, r"data is a tuple of arrays .* not str"),
    "large batch": ({"batch_size": 7}, r"batch_size=7 is larger than the 6 examples of data"),
    "no batch": ({"batch_size": 0}, r"batch_size is a whole number from 1 up"),
    "objective": (
        {"objective": "mean_square_error"},
        r"no objective is named 'mean_square_error' \(did you mean 'mean_squared",
    ),
    "optimizer": ({"optimizer": "adma"}, r"no optimizer is named 'adma' \(did you mean 'adam'\?\)"),
    "metric": (
        {"metrics": "acuracy"},
        r"no metric is named 'acuracy' \(did you mean 'accuracy'\?\); there are: accuracy",
    ),
    "metric's name": ({"metrics": {"loss": max}}, r"a metric cannot be named 'loss'"),
    "epochs": ({"epochs": 1.5}, r"epochs is a whole number from 0 up, not 1.5"),
    "seed": ({"seed": -1}, r"seed is a whole number from 0 up, not -1"),
    "clip": ({"clip_norm": 0}, r"clip_norm is a positive number, or None, not 0"),
    "model": ({"model": 3}, r"model is a layer, a function .* not int"),
    "no parameters": ({"parameters": None}, r"parameters=… are needed"),
    "nothing to train": ({"parameters": {}}, r"there are no parameters to train: the model has none"),
    "integers": ({"parameters": {"weight": np.ones((1, 1), int), "bias": np.ones(1, int)}}, r"none is real"),
    "chosen integer": (
        {"parameters": {"weight": np.ones((1, 1), int), "bias": np.ones(1)}, "trainable": "weight"},
        r"'weight' is an array of int64: only real numbers are trained",
    ),
    "validation": ({"validation": (X[:0], Y[:0])}, r"validation is empty"),
    "validation's shape": ({"validation": (np.ones((3, 2)), Y[:3])}, r"validation have the shapes \[\(2,\), \(1,\)\]"),
    "monitor": ({"early_stopping": nn.EarlyStopping(monitor="vlidation_loss")}, r"cannot monitor 'vlidation_loss'"),
    "stopping": ({"early_stopping": "soon"}, r"early_stopping is a number of epochs"),
    "callback": ({"callbacks": 3}, r"a callback is a function"),
    "progress": ({"progress": 3}, r"progress is True, False, None or a text stream"),
    "empty factory": ({"data": lambda epoch: []}, r"no batches in epoch 1: the factory gave none"),
    "empty batch": ({"data": lambda epoch: [()]}, r"the factory gave a batch without examples"),
    "dtype": ({"dtype": int}, r"dtype is that of real numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_bad_input_says_what_is_wrong(name):
    changes, message = WRONG[name]
    settings = {
        "model": line,
        "objective": squared,
        "data": (X, Y),
        "parameters": line_start(),
        "epochs": 1,
        "batch_size": 2,
    }
    with pytest.raises(ArgumentError, match=message):
        nn.fit(**{**settings, **changes})


def test_an_objective_that_is_no_number_is_refused():
    with pytest.raises(ArgumentError, match=r"scalar output, but .* returned shape \(2, 1\)") as caught:
        nn.fit(line, lambda y, t: y - t, (X, Y), parameters=line_start(), batch_size=2)
    assert any(
        "epoch 1 of the training, batch 1, with arrays float64[2, 1], float64[2, 1]" in note
        for note in caught.value.__notes__
    )


def test_a_function_with_a_state_has_to_return_it():
    with pytest.raises(ArgumentError, match=r"takes a state, so it has to return \(result, new state\)"):
        nn.fit(lambda p, x, state: x @ p, squared, (X, Y), parameters=np.ones((1, 1)), batch_size=2)
