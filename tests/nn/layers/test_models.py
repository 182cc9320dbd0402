"""Layers made of layers: names, paths, order, errors."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn.layers.simple import as_layer


def ready(model: nn.Layer, shape: tuple[int, ...], dtype: type = np.float64) -> tuple[dict, dict]:
    parameters, state, _ = model.initialize(np.random.default_rng(0), shape, dtype)
    return parameters, state


def test_sequential_is_composition() -> None:
    model = nn.Sequential(nn.Linear(5), np.tanh, ("last", nn.Linear(2)))
    parameters, _ = ready(model, (3,))
    x = np.random.default_rng(1).standard_normal((4, 3))
    first, last = parameters["linear1"], parameters["last"]
    first["bias"][:], last["bias"][:] = 0.3, -0.2
    expected = np.tanh(x @ first["weight"] + 0.3) @ last["weight"] - 0.2
    np.testing.assert_allclose(model(parameters, x), expected, rtol=1e-14)


def test_residual_dense_and_parallel_are_what_they_say() -> None:
    x = np.random.default_rng(1).standard_normal((4, 3))
    double, square = (lambda x: 2 * x), (lambda x: x**2)
    np.testing.assert_array_equal(nn.Residual(square)({}, x), x**2 + x)
    np.testing.assert_array_equal(nn.Residual(square, double)({}, x), x**2 + 2 * x)
    dense = nn.DenseBlock(double, square)
    np.testing.assert_array_equal(dense({}, x), np.concatenate([x, 2 * x, x**2, 4 * x**2], axis=1))
    parallel = nn.Parallel(double, square, axis=-1)
    np.testing.assert_array_equal(parallel({}, x), np.concatenate([2 * x, x**2], axis=1))


def test_names_are_kinds_with_numbers() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3), "relu", nn.Conv2d(2, 3), "relu", ("it", "tanh"), nn.LayerNorm(), lambda x: x)
    assert model.names == ("conv2d1", "relu1", "conv2d2", "relu2", "it", "layer_norm1", "function1")


def test_paths_are_names_of_nodes() -> None:
    block = nn.Residual(nn.Sequential(nn.Linear(4), "tanh"))
    model = nn.Sequential(("first", block), ("second", block), ("head", nn.Linear(2)))
    parameters, _ = ready(model, (4,))
    x = np.ones((3, 4))
    trace = adjoint.trace(lambda parameters, x: model(parameters, x).sum(), parameters, x)
    inner = [name for name in trace.labels().values() if not name.startswith("parameters") and name != "x"]
    assert inner == [
        *("first/body/linear1", "first/body/tanh1", "first"),
        *("second/body/linear1", "second/body/tanh1", "second"),
        "head",
    ]
    rows = [name for name in trace.labels().values() if name.startswith("parameters")]
    assert "parameters['first']['body']['linear1']['weight']" in rows
    multipliers = trace.compile().solve()
    head = parameters["head"]["weight"]
    np.testing.assert_allclose(multipliers["second"], np.ones((3, 2)) @ head.T)
    # a shortcut hands the multiplier on: first gets that of second and what comes through its body
    assert multipliers["first"].shape == (3, 4)


def test_a_node_keeps_the_name_of_the_layer_that_made_it() -> None:
    model = nn.Sequential(("in", nn.Sequential(("deep", nn.Linear(2)))), ("idle", "identity"))
    parameters, _ = ready(model, (3,))
    x = np.ones((1, 3))
    labels = adjoint.trace(lambda x: model(parameters, x), x).labels()
    assert list(labels.values()) == ["x", "in/deep"]


def test_an_input_is_not_renamed() -> None:
    labels = adjoint.trace(lambda x: nn.Sequential("identity")({}, x) * 2, np.ones((1, 3))).labels()
    assert list(labels.values()) == ["x"]


def test_names_are_there_at_every_level_of_nesting() -> None:
    model = nn.Sequential(("hidden", nn.Linear(2)), "tanh")
    parameters, _ = ready(model, (3,))

    def gradient(x):
        return adjoint.grad(lambda x: model(parameters, x).sum())(x)

    assert "hidden" in adjoint.trace(gradient, np.ones((1, 3))).labels().values()


def test_paths_belong_to_a_thread() -> None:
    model = nn.Sequential(("outer", nn.Sequential(("inner", np.tanh))))
    meet, found = threading.Barrier(2), []

    def slow(x):
        meet.wait(5)
        return np.tanh(x)

    def work() -> None:
        waiting = nn.Sequential(("waiting", nn.Sequential(("slow", slow), ("then", model))))
        found.append(set(adjoint.trace(lambda x: waiting({}, x), np.ones((1, 2))).labels().values()))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"x", "waiting/slow", "waiting/then/outer/inner"}] * 2


def test_the_path_is_left_after_an_error() -> None:
    def broken(x):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        nn.Sequential(("a", nn.Sequential(("b", broken))))({}, np.ones((1, 2)))
    assert caught.value.__notes__ == ["layer 'a/b': Activation"]
    trace = adjoint.trace(lambda x: nn.Sequential(("c", np.tanh))({}, x), np.ones((1, 2)))
    assert "c" in trace.labels().values()


def test_shape_errors_say_where_what_and_what_came() -> None:
    model = nn.Sequential(("conv1", nn.Conv2d(4, 3)), ("block", nn.Sequential(("conv2", nn.Conv2d(8, 5)))))
    with pytest.raises(ArgumentError) as caught:
        model.initialize(np.random.default_rng(0), (1, 6, 6))
    message = str(caught.value)
    assert message.startswith("layer 'block/conv2' (Conv2d(8, 5)): conv2d: windows of (5, 5) do not fit")
    assert "(4, 4)" in message
    parameters, _ = ready(model, (1, 8, 8))
    with pytest.raises(
        ArgumentError, match=r"^layer 'conv1' \(Conv2d\(4, 3\)\): conv2d: x \(2, 3, 8, 8\) has 3 channels"
    ) as c:
        model(parameters, np.ones((2, 3, 8, 8)))
    assert __file__ in str(c.value), "and the line of the user"


@pytest.mark.parametrize(
    "parameters, message",
    [
        ([1, 2], r"dict of parameters by the names of its layers, not a list"),
        ({"linear1": {}, "linear2": {}}, r"no layer for the parameters 'linear2'; its layers are linear1"),
        ({}, r"layer 'linear1' \(Linear\(2\)\): Linear\(2\) needs the parameter 'weight'|'bias', which is missing"),
        ({"linear1": 3}, r"needs a dict of its parameters by name"),
    ],
    ids=["list", "unknown_layer", "missing_layer", "no_dict"],
)
def test_parameters_of_the_wrong_structure(parameters, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        nn.Sequential(nn.Linear(2))(parameters, np.ones((1, 3)))


def test_all_of_an_initial_is_not_its_parameters() -> None:
    model = nn.Sequential(nn.Linear(2))
    initial = model.initialize(np.random.default_rng(0), (3,))
    with pytest.raises(ArgumentError, match=r"not a Initial; pass its \.parameters"):
        model(initial, np.ones((1, 3)))


def test_state_that_is_missing() -> None:
    model = nn.Sequential(("norm", nn.BatchNorm()))
    parameters, _ = ready(model, (3,))
    with pytest.raises(ArgumentError, match=r"layer 'norm' .* needs the state 'mean', which is missing"):
        model(parameters, np.ones((2, 3)))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: nn.Sequential("rulu"), r"there is none named 'rulu'; did you mean 'relu'\?"),
        (lambda: nn.Sequential(3), r"a layer, a function or the name of an activation is needed, not 3"),
        (lambda: nn.Sequential(nn.Linear), r"not its class: write Linear\(…\)"),
        (lambda: nn.Sequential(("a", "relu"), ("a", "relu")), r"two layers are named 'a'"),
        (lambda: nn.Sequential(("a/b", "relu")), r"without '/', not 'a/b'"),
        (lambda: nn.Linear(0), r"Linear: features must be an integer of at least 1, not 0"),
        (lambda: nn.Conv2d(2, (3, 3, 3)), r"kernel must be an integer"),
        (lambda: nn.Conv2d(2, 0), r"kernel must be an integer of at least 1, not 0"),
        (lambda: nn.Reshape(-1, -1), r"−1 at most once; not \(-1, -1\)"),
        (lambda: nn.Parallel(), r"one branch at least"),
        (lambda: nn.BatchNorm(momentum=2), r"momentum must be in \[0, 1\], not 2"),
        (lambda: nn.Embedding(2.5, 3), r"vocabulary must be an integer of at least 1, not 2\.5"),
    ],
)
def test_layers_that_make_no_sense(make, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_shapes_that_do_not_meet() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match=r"body gives \(3,\) and its input \(it has no shortcut\) \(4,\)"):
        nn.Residual(nn.Linear(3)).initialize(rng, (4,))
    with pytest.raises(ArgumentError, match=r"body gives \(3,\) and its shortcut \(2,\)"):
        nn.Residual(nn.Linear(3), nn.Linear(2)).initialize(rng, (4,))
    with pytest.raises(ArgumentError, match=r"not \(1, 3\) and \(1, 1\)"):
        nn.Residual(lambda x: np.zeros((1, 3)), lambda x: np.zeros((1, 1)))({}, np.ones((1, 3)))
    with pytest.raises(ArgumentError, match=r"concatenates along axis 1 .* \(4, 6, 6\), \(4, 4, 4\)"):
        nn.Parallel(nn.Conv2d(4, 1), nn.Conv2d(4, 3)).initialize(rng, (2, 6, 6))
    with pytest.raises(ArgumentError, match=r"concatenates along axis 0"):
        nn.DenseBlock(nn.Linear(3), axis=0).initialize(rng, (4,))


def test_as_layer() -> None:
    layer = nn.Linear(3)
    assert as_layer(layer) is layer
    assert as_layer("relu") == nn.Activation("relu")
    assert as_layer(np.tanh).name == "tanh"


def test_values_are_equal_when_their_parts_are() -> None:
    assert nn.Sequential(nn.Linear(3), "relu") == nn.Sequential(nn.Linear(3), "relu")
    assert nn.Sequential(nn.Linear(3), "relu") != nn.Sequential(nn.Linear(4), "relu")


def test_batch_norm_in_inference_uses_what_training_has_seen() -> None:
    model = nn.Sequential(("norm", nn.BatchNorm(momentum=1.0)))
    parameters, state = ready(model, (2,))
    x = np.random.default_rng(1).standard_normal((500, 2)) * 3 + 1
    _, state = model.apply(parameters, x, state=state, training=True, rng=None)
    np.testing.assert_allclose(state["norm"]["mean"], x.mean(axis=0))
    np.testing.assert_allclose(state["norm"]["variance"], x.var(axis=0, ddof=1))
    y = model(parameters, x, state)
    np.testing.assert_allclose(y, (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0, ddof=1) + 1e-5))


@pytest.mark.parametrize("kind, axes", [("MaxPool", 1), ("MaxPool", 2), ("AveragePool", 1), ("AveragePool", 2)])
def test_pools_hand_on_every_option(kind: str, axes: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 3, *(9, 8)[:axes])) + 5
    pool = getattr(nn, f"{kind}{axes}d")
    function = getattr(nn.functional, f"{'max' if kind == 'MaxPool' else 'average'}_pool{axes}d")
    last = {"dilation": 2} if kind == "MaxPool" else {"count_include_pad": False}
    for options in ({}, {"stride": 1}, {"padding": 1}, last, {"stride": 1, "padding": 1, **last}):
        np.testing.assert_array_equal(pool(3, **options)({}, x), function(x, 3, **options))
