"""Right-hand sides: structures, batch axes, dtypes, and what does not fit."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from fractions import Fraction

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import SeedError

SOLVERS = adjoint.solvers.available()
X, Y = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])


def outputs(x, y):
    return {"product": x * y, "total": np.sum(x), "fixed": np.ones(2)}


@pytest.fixture
def system():
    return adjoint.trace(outputs, X, Y).compile()


def test_scalar_output_needs_no_seed():
    for f in (lambda x: np.sum(x * x), lambda x: np.sum(x * x, keepdims=True)):
        assert_array_equal(adjoint.trace(f, X).compile().solve()["x"], 2 * X)


@pytest.mark.parametrize("solver", SOLVERS)
def test_pytree_seed(system, solver):
    seed = {"product": Y, "total": 10.0, "fixed": np.zeros(2)}
    lam = system.solve(seed, solver=solver)
    assert_allclose(lam["x"], Y * Y + 10.0)
    assert_allclose(lam["y"], Y * X)
    assert lam.batch == ()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("batch", [(1,), (3,), (2, 2), (0,), (2, 0)])
def test_leading_axes_are_several_seeds(system, solver, batch):
    rng = np.random.default_rng(0)
    shapes = {"product": (3,), "total": (), "fixed": (2,)}
    seeds = {key: rng.standard_normal((*batch, *shape)) for key, shape in shapes.items()}
    lam = system.solve(seeds, solver=solver)
    assert lam.batch == batch
    assert lam["x"].shape == lam["y"].shape == (*batch, 3)
    assert_allclose(lam["x"], seeds["product"] * Y + seeds["total"][..., None])
    assert_allclose(lam["y"], seeds["product"] * X)
    for index in np.ndindex(batch):
        alone = system.solve({key: seed[index] for key, seed in seeds.items()}, solver=solver)
        assert_allclose(lam["x"][index], alone["x"], rtol=1e-15)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solving_is_linear_in_the_seed(solver):
    system = adjoint.trace(lambda x: np.sin(x) * np.sum(x), X).compile()
    a, b = np.array([1.0, -2.0, 0.5]), np.array([0.0, 3.0, 1.0])
    whole = system.solve(2 * a - b, solver=solver)["x"]
    parts = 2 * system.solve(a, solver=solver)["x"] - system.solve(b, solver=solver)["x"]
    assert_allclose(whole, parts, rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_node_as_several_outputs_adds_up(solver):
    def f(x):
        y = x * x
        return y, y, x

    lam = adjoint.trace(f, X).compile().solve((np.ones(3), 2 * np.ones(3), 5 * np.ones(3)), solver=solver)
    assert_array_equal(lam["x"], 3 * 2 * X + 5)
    assert_array_equal(lam[2], np.full(3, 3.0))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "seed", [np.array([1, 0, 2]), np.array([1.0, 0.0, 2.0], np.float32), np.array([True, False, True])]
)
def test_seeds_of_other_dtypes(solver, seed):
    lam = adjoint.trace(lambda x: np.sin(x) * 0.5, X).compile().solve(seed, solver=solver)
    assert lam["x"].dtype == np.float64
    assert_allclose(lam["x"], np.cos(X) * 0.5 * np.asarray(seed, float), rtol=1e-15)
    assert lam.certificate() < 1e-15


@pytest.mark.parametrize("solver", SOLVERS)
def test_multipliers_are_of_their_nodes_dtype(solver):
    x = X.astype(np.float32)
    for seed in (np.ones(3), np.ones(3, np.float32), np.ones(3, int)):
        lam = adjoint.trace(lambda x: np.exp(x), x).compile().solve(seed, solver=solver)
        assert lam["x"].dtype == lam[2].dtype == np.float32
    lam = adjoint.trace(lambda x: x.astype(np.float64) * 2, x).compile().solve(np.ones(3), solver=solver)
    assert lam["x"].dtype == np.float32
    assert lam[2].dtype == np.float64


def test_plain_numbers_for_scalars():
    system = adjoint.trace(lambda x: np.sum(x), X).compile()
    for seed in (2, 2.0, np.float32(2), np.array(2)):
        assert_array_equal(system.solve(seed)["x"], np.full(3, 2.0))


@pytest.mark.parametrize("seed", [np.ones(3), np.ones((2, 3))])
def test_the_seed_is_not_changed(seed):
    def f(x):
        return x

    copy = seed.copy()
    lam = adjoint.trace(f, X).compile().solve(seed)
    assert_array_equal(lam["x"], copy)
    system = adjoint.trace(lambda x: (x + 0.0, x), X).compile()
    system.solve((seed, seed))
    assert_array_equal(seed, copy)


# --- what does not fit ---------------------------------------------------------------------------------


def test_missing_seed_tells_the_shapes(system):
    with pytest.raises(SeedError, match=r"shapes.*\(3,\).*give solve\(\) a seed of the same structure") as caught:
        system.solve()
    assert isinstance(caught.value, ValueError)
    with pytest.raises(SeedError, match=r"\(3,\)"):
        adjoint.trace(lambda x: x * 2, X).compile().solve()


@pytest.mark.parametrize("seed", [1.0, (Y, 1.0), {"product": Y, "total": 1.0}, [Y, 1.0, X, X]])
def test_seed_of_another_structure(system, seed):
    with pytest.raises(SeedError, match="has not the structure of the output"):
        system.solve(seed)


@pytest.mark.parametrize(
    "seed",
    [
        {"product": Y, "sum": 1.0, "fixed": np.ones(2)},  # as many leaves under other names
        [np.ones(2), Y, 1.0],
    ],
)
def test_seed_with_as_many_leaves_elsewhere(system, seed):
    with pytest.raises(SeedError, match="has not the structure of the output"):
        system.solve(seed)


@pytest.mark.parametrize("seed", [1.0, np.ones(2), np.ones((3, 1)), np.ones((3, 2))])
def test_seed_of_another_shape(seed):
    """Nothing is broadcast: a forgotten axis would be a wrong number."""
    with pytest.raises(SeedError, match=r"seed of z_2 has shape .*; expected \(3,\), or several of\s+them along"):
        adjoint.trace(lambda x: x * 2, X).compile().solve(seed)


def record(x):
    return {"a": [x, 2 * x], "b": (x, {"c": x})}


Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    "f, seed, message",
    [
        (np.sin, [1.0, 2.0, 3.0], r"expected one array, got a list of 3; np\.array\(…\) makes one array of a list$"),
        (np.sin, (X,), "expected one array, got a tuple of 1; np"),
        (np.sin, {"x": X}, "expected one array, got a dict with the key 'x'$"),
        (np.sin, [[X], X], "expected one array, got a list of 2$"),
        (np.sin, [], "expected one array, got an empty list"),
        (lambda x: (x, x), X, "expected a tuple of 2, got one array$"),
        (lambda x: (x, x), [X, X], "expected a tuple of 2, got a list of 2$"),
        (lambda x: (x, x), Pair(X, X), "expected a tuple of 2, got a Pair of 2$"),
        (lambda x: Pair(x, x), (X, X), "expected a Pair of 2, got a tuple of 2$"),
        (lambda x: (x, x), (X, None), r"at \[1\]: expected one array, got None$"),
        (record, {"a": [X, X]}, "expected a dict with the keys 'a', 'b', got a dict with the key 'a'$"),
        (record, {"a": [X], "b": (X, {"c": X})}, r"at \['a'\]: expected a list of 2, got a list of 1$"),
        (
            record,
            {"a": [X, X], "b": (X, {"c": (X, X)})},
            r"at \['b'\]\[1\]\['c'\]: expected one array, got a tuple of 2",
        ),
        (
            record,
            {"a": [X, X], "b": (X, OrderedDict(c=X))},
            r"at \['b'\]\[1\]: expected a dict with the key 'c', got an OrderedDict with",
        ),
        (lambda x: x, {str(k): X for k in range(9)}, r"expected one array, got a dict with the keys '0', .*'5', …$"),
    ],
)
def test_a_structure_is_told_in_words(f, seed, message):
    with pytest.raises(SeedError, match=f"the seed given has not the structure of the output: {message}") as caught:
        adjoint.trace(f, X).compile().solve(seed)
    assert "PyTreeSpec" not in str(caught.value)


@pytest.mark.parametrize(
    "leaf, came",
    [
        ("one", "'one'"),
        (np.array(["a", "b", "c"]), "an array of dtype <U1"),
        (np.array([1, None, 2]), "an array of dtype object"),
        (object(), r".*object.* \(object\)"),
        (len, r"<built-in function len> \(builtin_function_or_method\)"),
        ({1, 2}, r"\{1, 2\} \(set\)"),
        (scipy.sparse.eye_array(3, format="csr"), r".*csr_array.*"),
        (np.datetime64("2000-01-01"), r".*\(datetime64\)"),
    ],
)
def test_a_leaf_that_is_no_number(leaf, came):
    system = adjoint.trace(np.sin, X).compile()
    expected = rf"must be a number or a dense array of numbers, not {came}"
    with pytest.raises(SeedError, match=f"the seed of z_2 {expected}"):
        system.solve(leaf)
    with pytest.raises(SeedError, match=f"the tangent of z_1 {expected}"):
        system.solve_tangent(leaf)


def test_plain_numbers_of_a_real_value_are_real():
    system = adjoint.trace(np.sin, 1.0).compile()
    assert system.solve(Fraction(1, 2))["x"] == 0.5 * np.cos(1.0)
    assert system.solve(True)["x"] == np.cos(1.0)
    with pytest.raises(SeedError, match=r"the seed of z_2 is complex, but that value is real"):
        system.solve(1j)


def test_leaves_share_their_leading_axes(system):
    seed = {"product": np.ones((2, 3)), "total": np.ones(4), "fixed": np.ones((2, 2))}
    with pytest.raises(SeedError, match=r"must share their leading axes: \(2,\), \(4,\)"):
        system.solve(seed)


@pytest.mark.parametrize(
    "tangents, message",
    [
        ((X,), r"have not the structure of the arguments: expected 2 \(one for each argument\), got 1$"),
        ((X, Y, X), r"have not the structure of the arguments: expected 2 \(one for each argument\), got 3$"),
        (({"x": X}, Y), "the arguments: tangent 1, expected one array, got a dict with the key 'x'$"),
        ((X, [1.0, 2.0, 3.0]), "the arguments: tangent 2, expected one array, got a list of 3; np"),
        ((X, np.ones(2)), r"tangent of z_2 has shape \(2,\); expected \(3,\)"),
        ((X, 1.0), r"tangent of z_2 has shape \(\); expected \(3,\)"),
        ((np.ones((2, 3)), Y), r"must share their leading axes"),
    ],
)
def test_tangents_that_do_not_fit(system, tangents, message):
    with pytest.raises(SeedError, match=message):
        system.solve_tangent(*tangents)
