"""Right-hand sides: structures, batch axes, dtypes, and what does not fit."""

from __future__ import annotations

import numpy as np
import pytest
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


def test_leaves_share_their_leading_axes(system):
    seed = {"product": np.ones((2, 3)), "total": np.ones(4), "fixed": np.ones((2, 2))}
    with pytest.raises(SeedError, match=r"must share their leading axes: \(2,\), \(4,\)"):
        system.solve(seed)


@pytest.mark.parametrize(
    "tangents, message",
    [
        ((X,), "have not the structure of the arguments"),
        ((X, Y, X), "have not the structure of the arguments"),
        (({"x": X}, Y), "have not the structure of the arguments"),
        ((X, np.ones(2)), r"tangent of z_2 has shape \(2,\); expected \(3,\)"),
        ((X, 1.0), r"tangent of z_2 has shape \(\); expected \(3,\)"),
        ((np.ones((2, 3)), Y), r"must share their leading axes"),
    ],
)
def test_tangents_that_do_not_fit(system, tangents, message):
    with pytest.raises(SeedError, match=message):
        system.solve_tangent(*tangents)
