"""Multipliers by argument, node and name; and that each is what it claims to be: ``∂(s·z_n)/∂z_i``."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from tests.systems_catalogue import BY_NAME, NAMES, random_rows, replayed, system_of

SOLVERS = adjoint.solvers.available()
H = 1e-6


def objective(rows, values):
    """``s · z_n`` summed over the outputs."""
    return sum(float(np.sum(s * values[k])) for k, s in rows)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("float32")])
def test_every_multiplier_is_the_derivative_of_the_output(name):
    """Move one node in a random direction, run the rest of the program again, and take differences."""
    system = system_of(name)
    trace = system.trace
    rows = random_rows(system, trace.outputs)
    found = system.factorize("back_substitution").solve(rows)
    rng = np.random.default_rng(0)
    nodes = [k for k in range(len(system)) if system.is_active(k) and system.diagonal_of(k) is None]
    for k in nodes if len(nodes) < 60 else rng.choice(nodes, 30, replace=False):
        if BY_NAME[name].masked and not np.isfinite(system.values[k]).all():
            continue  # nothing to move: the value itself is infinite
        direction = rng.uniform(-1, 1, np.shape(system.values[k]))
        change = [objective(rows, replayed(trace, k, sign * H * direction)) for sign in (1, -1)]
        slope = 0.0 if found[k] is None else float(np.sum(found[k] * direction))
        expected = (change[0] - change[1]) / (2 * H)
        assert slope == pytest.approx(expected, rel=1e-6, abs=1e-8), f"z_{k + 1} = {trace.node(k + 1).operation}"


def test_multiplier_of_an_implicit_constraint_is_that_of_its_residual():
    """``λ = D⁻ᵀ s``: what the objective gains where the right-hand side of ``M x = b`` is relaxed."""
    m, b = np.array([[2.0, 1.0], [0.0, 4.0]]), np.array([1.0, 2.0])
    lam = adjoint.trace(np.linalg.solve, m, b).compile().solve(np.array([1.0, 3.0]))
    assert_allclose(lam[3], np.linalg.solve(m.T, [1.0, 3.0]))
    assert_allclose(lam["b"], lam[3])
    assert_allclose(lam["a"], -np.outer(lam[3], np.linalg.solve(m, b)))


# --- ways to ask --------------------------------------------------------------------------------------


def named_program(parameters, x):
    hidden = adjoint.name(np.tanh(parameters["w"] @ x), "hidden")
    return np.sum(adjoint.name(hidden * parameters["b"], "scores") ** 2)


@pytest.fixture
def named():
    parameters = {"w": np.array([[1.0, -0.5], [0.25, 2.0]]), "b": np.array([0.5, -1.0])}
    x = np.array([0.3, 0.7])
    return adjoint.trace(named_program, parameters, x).compile().solve(), parameters, x


def test_by_given_name_by_argument_and_by_number(named):
    lam, parameters, x = named
    hidden = np.tanh(parameters["w"] @ x)
    scores = 2 * hidden * parameters["b"]
    assert_allclose(lam["scores"], scores)
    assert_allclose(lam["hidden"], scores * parameters["b"])
    assert_allclose(lam["parameters['b']"], scores * hidden)
    assert_allclose(lam["x"], parameters["w"].T @ (scores * parameters["b"] * (1 - hidden**2)))
    assert len(lam) == len(lam.system)
    for label, k in [("scores", 6), ("hidden", 5), ("x", 3)]:
        assert_array_equal(lam[label], lam[k])
    assert lam[len(lam)] == 1.0


def test_arguments_have_the_structure_of_the_arguments(named):
    lam, _, _ = named
    found = lam.arguments
    assert isinstance(found, tuple)
    assert set(found[0]) == {"w", "b"}
    assert_array_equal(found[0]["w"], lam["parameters['w']"])
    assert_array_equal(found[1], lam["x"])


def test_nested_arguments():
    f = lambda layers, scale: sum(np.sum(w) * scale[0] for w, _ in layers) + scale[1]
    layers = [(np.ones((2, 3)), None), (np.ones(4), None)]
    lam = adjoint.trace(f, layers, (2.0, 5.0)).compile().solve()
    assert_array_equal(lam.arguments[0][0][0], np.full((2, 3), 2.0))
    assert lam.arguments[0][1][1] is None
    assert lam.arguments[1] == (10.0, 1.0)
    assert_array_equal(lam["layers[1][0]"], np.full(4, 2.0))
    assert lam["scale[0]"] == 10.0


def test_a_named_argument_keeps_its_own_name():
    lam = adjoint.trace(lambda x: adjoint.name(x, "inputs") * 3, 1.0).compile().solve()
    assert lam["inputs"] == lam["x"] == lam[1] == 3.0


def test_a_name_given_twice_asks_for_the_number():
    def f(x):
        for _ in range(3):
            x = adjoint.name(np.sin(x), "state")
        return x

    lam = adjoint.trace(f, 0.3).compile().solve()
    with pytest.raises(KeyError, match=r"'state' names several nodes \(z_2, z_3, z_4\): ask by number"):
        lam["state"]
    assert lam[4] == 1.0


def test_unknown_names_list_the_known(named):
    with pytest.raises(KeyError, match=r"no node is named 'hiden'.*parameters.*w.*x, .*hidden, scores"):
        named[0]["hiden"]


@pytest.mark.parametrize("number", [0, -1, 99])
def test_numbers_out_of_range(number, named):
    with pytest.raises(IndexError, match=rf"nodes z_1 … z_{len(named[0])}, not z_{number}"):
        named[0][number]


# --- whose arrays they are -----------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("n", [3, 300])
def test_editing_the_seed_or_a_multiplier_changes_no_other(solver, n):
    system = adjoint.trace(lambda x, y: x * 2 + np.sum(y), np.ones(n), np.ones(n)).compile()
    seed = np.ones(n)
    lam = system.solve(seed, solver=solver)
    seed[:] = 5.0
    assert lam.residual() < 1e-14
    every = [lam[k] for k in range(1, len(lam) + 1)]
    for one in (x for x in every if x.ndim):
        assert one.flags.writeable
        one[:] = 99.0
    lam.arguments[1][:] = 99.0
    assert lam.residual() < 1e-14
    assert_array_equal(lam["x"], np.full(n, 2.0))
    assert_array_equal(lam["y"], np.full(n, float(n)))
    assert_array_equal(system.solve(np.ones(n), solver=solver)["x"], np.full(n, 2.0))


def test_multipliers_of_large_arrays_are_writable_too():
    lam = adjoint.trace(lambda x: np.sum(x) * 2, np.ones(5_000)).compile().solve()
    lam["x"][0] = 7.0
    assert_array_equal(lam["x"], np.full(5_000, 2.0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_tangents_are_the_users_own(solver):
    system = adjoint.trace(lambda x: (x * 1.0)[::-1], np.ones(3)).compile()
    given = np.array([1.0, 2.0, 3.0])
    tangents = system.solve_tangent(given, solver=solver)
    given[:] = 0.0
    tangents.output[:] = 99.0
    assert_array_equal(tangents.output, [3.0, 2.0, 1.0])
    assert_array_equal(tangents["x"], [1.0, 2.0, 3.0])


# --- zeros and dtypes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_the_output_does_not_read_is_exactly_zero(solver):
    def f(x, unused, w):
        dead = np.exp(w) * x
        assert dead.shape == (3,)
        return np.sum(x * x)

    lam = adjoint.trace(f, np.ones(3), np.ones((2, 2)), np.ones(3, np.float32)).compile().solve(solver=solver)
    assert_array_equal(lam["unused"], np.zeros((2, 2)))
    assert_array_equal(lam["w"], np.zeros(3))
    assert lam["w"].dtype == np.float32
    assert_array_equal(lam["x"], np.full(3, 2.0))
    for k in (4, 5):
        assert_array_equal(lam[k], np.zeros(3))
    assert not np.signbit(lam["unused"]).any(), "a structural zero is not −0"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("batch", [(), (2,), (0,)])
def test_structural_zeros_have_the_batch_axes(solver, batch):
    system = adjoint.trace(lambda x, unused: x * 2, np.ones(3), np.ones(4)).compile()
    lam = system.solve(np.ones((*batch, 3)), solver=solver)
    assert lam.batch == batch
    assert lam["unused"].shape == (*batch, 4)
    assert lam["x"].shape == (*batch, 3)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("batch", [(), (3,)])
def test_discrete_nodes_read_as_zeros(solver, batch):
    system = adjoint.trace(lambda x: (x > 0, np.argmax(x)), np.ones(2)).compile()
    lam = system.solve((np.ones((*batch, 2)), np.ones(batch)), solver=solver)
    assert_array_equal(lam["x"], np.zeros((*batch, 2)))
    assert_array_equal(lam[2], np.zeros((*batch, 2)))
    assert lam.certificate() == 0.0


@pytest.mark.parametrize("solver", SOLVERS)
def test_scalars_are_numpy_scalars(solver):
    """As NumPy's own functions give them, not arrays of no dimension."""
    lam = adjoint.trace(lambda x, y: np.log(x) * y + np.sum(np.ones(3) * x), 2.0, 3.0).compile().solve(solver=solver)
    for k in range(1, len(lam) + 1):
        assert isinstance(lam[k], (np.ndarray, np.float64))
        if lam.system.values[k - 1].ndim == 0:
            assert isinstance(lam[k], np.float64), f"z_{k} is a {type(lam[k]).__name__}"


def test_printing_names_every_multiplier(named):
    lines = repr(named[0]).split("\n")
    assert len(lines) == len(named[0])
    assert lines[0].startswith("λ_1 (parameters['b']) = [")
    assert any(line.startswith("λ_5 (hidden) = [") for line in lines)
    assert lines[-1] == f"λ_{len(named[0])} = 1."
    masked = adjoint.trace(lambda x: np.where(x > 0, x, 0.0), 1.0).compile().solve()
    assert "λ_2 = no multiplier" in repr(masked)


def test_printing_a_long_system_is_short():
    lines = repr(system_of("chain of 2000").solve()).split("\n")
    assert len(lines) < 60
    assert "more" in lines[-1]
