"""What every layer of the catalogue does: shapes, derivatives, names, purity, errors."""

from __future__ import annotations

import copy
import inspect
import re
from typing import Any

import numpy as np
import optree
import pytest

import adjoint
from adjoint import nn
from adjoint.errors import ArgumentError
from adjoint.nn import layers
from adjoint.testing import check_gradient
from tests.nn.layers.catalogue import CATALOGUE, Entry, smooth

over_all = pytest.mark.parametrize("entry", CATALOGUE, ids=lambda e: e.name)
in_both_modes = pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])


def applied(entry: Entry, parameters: Any, x: Any, state: Any, training: bool) -> tuple[Any, Any]:
    """With the same draws at every call."""
    return entry.layer.apply(parameters, x, state=state, training=training, rng=np.random.default_rng(3))


def leaves(tree: Any) -> list[tuple[tuple[Any, ...], np.ndarray]]:
    paths, values, _ = optree.tree_flatten_with_path(tree)
    return list(zip(paths, values, strict=True))


def label(path: tuple[Any, ...]) -> str:
    return "parameters" + "".join(f"[{key!r}]" for key in path)


def moved(parameters: Any) -> Any:
    """Parameters away from the zeros and ones that biases and scales begin with."""
    rng = np.random.default_rng(4)
    return optree.tree_map(lambda w: w + 0.1 * rng.standard_normal(w.shape), parameters)


@over_all
@in_both_modes
def test_output_has_the_announced_shape(entry: Entry, training: bool) -> None:
    parameters, state, shape = entry.initial()
    assert shape == entry.output_shape
    for batch in (2, 3):
        y, _ = applied(entry, parameters, entry.input(batch=batch), state, training)
        assert y.shape == (batch, *entry.output_shape)


@over_all
@in_both_modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_everything_keeps_the_dtype(entry: Entry, training: bool, dtype: Any) -> None:
    parameters, state, _ = entry.initial(dtype)
    x = entry.input(dtype)
    assert {w.dtype for _, w in leaves((parameters, state))} <= {np.dtype(dtype)}
    y, after = applied(entry, parameters, x, state, training)
    assert y.dtype == dtype
    assert {w.dtype for _, w in leaves(after)} <= {np.dtype(dtype)}

    def objective(parameters: Any, x: Any) -> Any:
        return (applied(entry, parameters, x, state, training)[0] ** 2).sum()

    arguments = (0,) if entry.tokens else (0, 1)
    gradient = adjoint.grad(objective, arguments)(parameters, x)
    assert {w.dtype for _, w in leaves(gradient)} <= {np.dtype(dtype)}


@over_all
@in_both_modes
def test_gradient_is_that_of_differences(entry: Entry, training: bool) -> None:
    parameters, state, shape = entry.initial()
    parameters, x = moved(parameters), entry.input()
    weights = np.random.default_rng(5).standard_normal((len(x), *shape))

    def objective(parameters: Any, x: Any) -> Any:
        y, _ = applied(entry, parameters, x, state, training)
        return (np.sin(y) * weights).sum()

    if entry.tokens:
        check_gradient(lambda parameters: objective(parameters, x), parameters, first=1e-3)
    else:
        check_gradient(objective, parameters, x, first=1e-3)


@over_all
@in_both_modes
def test_nothing_that_is_given_changes(entry: Entry, training: bool) -> None:
    parameters, state, _ = entry.initial()
    x = entry.input()
    before = copy.deepcopy((parameters, state, x))

    def objective(parameters: Any) -> Any:
        return applied(entry, parameters, x, state, training)[0].sum()

    applied(entry, parameters, x, state, training)
    adjoint.trace(objective, parameters).compile().solve()
    after = (parameters, state, x)
    assert [path for path, _ in leaves(before)] == [path for path, _ in leaves(after)]
    for (path, old), (_, new) in zip(leaves(before), leaves(after), strict=True):
        np.testing.assert_array_equal(new, old, err_msg=str(path))


@over_all
def test_seeds_decide(entry: Entry) -> None:
    same, again, other = entry.initial(seed=1), entry.initial(seed=1), entry.initial(seed=2)
    for (_, a), (_, b) in zip(leaves(same[0]), leaves(again[0]), strict=True):
        np.testing.assert_array_equal(a, b)
    for (path, a), (_, b) in zip(leaves(same[0]), leaves(other[0]), strict=True):
        constant = "bias" in path[-1] or np.ptp(a) == 0
        assert (a == b).all() == constant, path


@over_all
@in_both_modes
def test_state_keeps_its_structure_and_is_plain(entry: Entry, training: bool) -> None:
    parameters, state, _ = entry.initial()
    x, seen = entry.input(), []

    def objective(parameters: Any) -> Any:
        y, after = applied(entry, parameters, x, state, training)
        seen.append(after)
        return y.sum()

    adjoint.trace(objective, parameters)
    (after,) = seen
    assert [path for path, _ in leaves(after)] == [path for path, _ in leaves(state)]
    for (_, old), (_, new) in zip(leaves(state), leaves(after), strict=True):
        assert type(new) is np.ndarray
        assert new.shape == old.shape
        assert (old is new) is not training
        assert not np.array_equal(old, new) or not training


@over_all
def test_rows_of_the_matrix_are_named(entry: Entry) -> None:
    model = nn.Sequential(("here", entry.layer), lambda y: y * 1.0)
    parameters, state, _ = model.initialize(np.random.default_rng(0), entry.input_shape, np.float64)
    x = entry.input()
    trace = adjoint.trace(lambda parameters, x: model(parameters, x, state).sum(), parameters, x)
    labels = trace.labels()
    for path, _ in leaves(parameters):
        assert path[0] == "here"
        assert sum(name == label(path) for name in labels.values()) == 1, "each parameter has one row"
    (result,) = trace.predecessors(trace.find("function1"))
    output = labels[result - 1]
    # a model whose last layer is somebody's has that name; what changes nothing has none
    assert output == "x" or output.split("/")[0] == "here"
    assert (output == "x") == (entry.name.startswith(("Dropout", "Sequential-empty")))


@over_all
def test_a_missing_parameter_is_named_with_its_layer(entry: Entry) -> None:
    model = nn.Sequential(("here", entry.layer))
    parameters, state, _ = model.initialize(np.random.default_rng(0), entry.input_shape, np.float64)
    for path, _ in leaves(parameters):
        broken = copy.deepcopy(parameters)
        inner = broken
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        with pytest.raises(ArgumentError, match=rf"^layer 'here.*needs the parameter {path[-1]!r}, which is missing"):
            model(broken, entry.input(), state)


@pytest.mark.parametrize("entry", [e for e in CATALOGUE if e.refused is not None], ids=lambda e: e.name)
def test_errors_name_the_layer_and_the_shapes(entry: Entry) -> None:
    model = nn.Sequential(("here", entry.layer))
    assert entry.refused is not None
    shown = re.escape(str(entry.refused))
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match=rf"^layer 'here.*{shown}"):
        model.initialize(rng, entry.refused, np.float64)
    parameters, state, _ = model.initialize(rng, entry.input_shape, np.float64)
    x = np.zeros((3, *entry.refused), int if entry.tokens else float)
    with pytest.raises(ArgumentError, match=r"^layer 'here"):
        model(parameters, x, state)


@over_all
def test_repr_makes_the_layer_again(entry: Entry) -> None:
    if not hasattr(entry.layer, "names"):
        assert eval(repr(entry.layer), {**vars(nn), "smooth": smooth}) == entry.layer
        assert hash(entry.layer) == hash(eval(repr(entry.layer), {**vars(nn), "smooth": smooth}))
    else:
        assert all(name in repr(entry.layer) for name in entry.layer.names)


@over_all
def test_layers_are_frozen(entry: Entry) -> None:
    with pytest.raises((AttributeError, TypeError)):
        entry.layer.features = 5  # type: ignore[attr-defined]


def test_every_layer_is_in_the_catalogue() -> None:
    known = {type(entry.layer) for entry in CATALOGUE}
    public = [getattr(layers, name) for name in layers.__all__]
    missing = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer)} - known - {nn.Layer}
    assert missing == set()
    assert len({entry.name for entry in CATALOGUE}) == len(CATALOGUE)


def test_every_layer_shows_its_blocks() -> None:
    for name in layers.__all__:
        layer = getattr(layers, name)
        if inspect.isclass(layer) and issubclass(layer, nn.Layer) and layer is not nn.Layer:
            assert "Notes\n" in layer.__doc__, name
            assert "block" in layer.__doc__, name
            assert "arameters" in layer.__doc__, name
            assert getattr(nn, name) is layer
