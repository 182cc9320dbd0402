"""Every registered solver × every family of systems × numbers of right-hand sides, with ``A`` and with ``Aᵀ``.

The reference is a dense matrix assembled here by a loop, and LAPACK's general solve.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import NotAcceptedError
from tests.systems_catalogue import (
    BY_NAME,
    FAMILIES,
    NAMES,
    flat_rows,
    flat_solution,
    masked_matrix,
    random_rows,
    system_of,
)

SOLVERS = adjoint.solvers.available()
BATCHES = [(), (3,), (2, 2), (0,)]
ACCEPTS = {  # what the three that came first promise
    "back_substitution": {family.name for family in FAMILIES},
    "dense": {family.name for family in FAMILIES},
    "sparse_triangular": {family.name for family in FAMILIES if not family.implicit},
}


@cache
def reference(name: str, phase: str, batch: tuple[int, ...]):
    """The right-hand side as rows, and the flat solution."""
    system, matrix = system_of(name), masked_matrix(name)
    reverse = phase == "solve"
    rows = random_rows(system, system.trace.outputs if reverse else system.trace.inputs, batch, seed=reverse)
    expected = np.linalg.solve(matrix if reverse else matrix.T, -flat_rows(system, rows, batch))
    return rows, expected


def factor_of(solver: str, name: str):
    """The factor, or ``None`` where the solver rightly does not accept the family."""
    try:
        return system_of(name).factorize(solver)
    except NotAcceptedError as error:
        assert name not in ACCEPTS.get(solver, ()), f"{solver} accepted {name} once"
        message = str(error)
        assert f"'{solver}'" in message
        assert "z_" in message  # which constraint it does not take
        others = [other for other in SOLVERS if f"'{other}'" in message and other != solver]
        assert others, f"the message names no solver that takes the system: {message}"
        for other in others:
            system_of(name).factorize(other)
        return None


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
@pytest.mark.parametrize("name", NAMES)
def test_solution_is_lapacks(solver, phase, name):
    factor = factor_of(solver, name)
    if factor is None:
        return
    system, rtol = system_of(name), BY_NAME[name].rtol
    for batch in BATCHES:
        rows, expected = reference(name, phase, batch)
        found = flat_solution(system, getattr(factor, phase)(rows), batch)
        if BY_NAME[name].masked and phase == "solve_tangent":  # what is masked later is really infinite until then
            shown = output_rows(system)
            found, expected = found[shown], expected[shown]
        scale = max(1.0, np.max(np.abs(expected), initial=0.0))
        assert_allclose(found, expected, rtol=0, atol=rtol * scale, err_msg=f"right-hand sides {batch}")


def output_rows(system):
    """The scalar rows of the outputs' nodes."""
    nodes = [k for k in system.trace.outputs if isinstance(k, int)]
    return np.concatenate([np.arange(*system.offsets[k : k + 2]) for k in nodes])


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_accepts_something(solver):
    accepted = {name for name in NAMES if factor_of(solver, name) is not None}
    assert accepted >= ACCEPTS.get(solver, {"product"})


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", NAMES)
def test_public_solve_agrees_with_the_factor(solver, name):
    """The seed as a pytree like the output, several at once: the way in that users take."""
    system = system_of(name)
    if factor_of(solver, name) is None:
        return
    rng = np.random.default_rng(5)
    outputs = [out for out in system.trace.outputs if isinstance(out, int)]
    seeds = [rng.uniform(-1, 1, (2, *np.shape(leaf))) for leaf in leaves_of(system.output)]
    multipliers = system.solve(system.trace.output_spec.unflatten(seeds), solver=solver)
    total = np.zeros((system.shape[0], 2))
    for out, seed in zip(system.trace.outputs, seeds, strict=True):
        if out in outputs and system.is_active(out):
            total += flat_rows(system, [(out, seed)], (2,))
    expected = np.linalg.solve(masked_matrix(name), -total)
    found = flat_solution(system, [multipliers.at(k) for k in range(len(system))], (2,))
    assert_allclose(found, expected, atol=BY_NAME[name].rtol * max(1.0, np.max(np.abs(expected), initial=0.0)))
    arguments = leaves_of(multipliers.arguments)
    assert [x.shape for x in arguments] == [(2, *np.shape(x)) for x in leaves_of(BY_NAME[name].arguments)]


def leaves_of(tree):
    """Leaves in order: dicts by sorted key, tuples and lists by position."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves_of(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves_of(part)]
    return [tree]


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_factor_serves_many_right_hand_sides(solver):
    """Solving in between changes nothing: a factor keeps no state of a right-hand side."""
    system = system_of("network")
    factor = system.factorize(solver)
    rows, _ = reference("network", "solve", ())
    first = flat_solution(system, factor.solve(rows))
    for batch in BATCHES[1:]:
        factor.solve(reference("network", "solve", batch)[0], keep=frozenset(system.trace.inputs))
        factor.solve_tangent(reference("network", "solve_tangent", batch)[0])
    doubled = [(k, 2.0 * s) for k, s in rows]
    assert_allclose(flat_solution(system, factor.solve(doubled)), 2 * first, rtol=1e-13)
    assert (flat_solution(system, factor.solve(rows)) == first).all()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["network", "rows in a loop", "several outputs", "overlapping gathers"])
def test_keep_limits_what_is_needed_not_what_it_is(solver, name):
    system = system_of(name)
    rows, expected = reference(name, "solve", (3,))
    inputs = system.trace.inputs
    found = system.factorize(solver).solve(rows, keep=frozenset(inputs))
    for k in inputs:
        start, stop = system.offsets[k : k + 2]
        assert_allclose(np.reshape(found[k], (3, -1)).T, expected[start:stop], atol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_right_hand_sides_are_left_alone(solver):
    system = system_of("several outputs")
    for phase in ("solve", "solve_tangent"):
        rows, _ = reference("several outputs", phase, (3,))
        before = [s.copy() for _, s in rows]
        for _ in range(2):
            getattr(system.factorize(solver), phase)(rows)
        for (_, s), copy in zip(rows, before, strict=True):
            assert (s == copy).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_right_hand_side_gives_zeros(solver):
    system = system_of("network")
    factor = system.factorize(solver)
    for found in (factor.solve([]), factor.solve_tangent([])):
        assert not flat_solution(system, found).any()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", NAMES)
def test_multipliers_have_the_dtype_of_their_nodes(solver, name):
    system = system_of(name)
    factor = factor_of(solver, name)
    if factor is None:
        return
    found = factor.solve(reference(name, "solve", ())[0])
    for k, value in enumerate(system.values):
        if system.is_active(k) and found[k] is not None:
            assert np.asarray(found[k]).dtype == value.dtype, f"z_{k + 1}"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_extended_precision(solver, dtype):
    """Compiled kernels do not know it; the solution has the node's dtype all the same."""
    x = np.array([0.5, -1.0, 2.0], dtype)
    f = lambda x: np.sin(x) * x[::-1] + x[0]
    system = adjoint.trace(f, x).compile()
    rng = np.random.default_rng(0)
    seed, x_dot = rng.standard_normal((2, 2, 3)).astype(dtype)
    lam, tangents = system.solve(seed, solver=solver), system.solve_tangent(x_dot, solver=solver)
    assert lam["x"].dtype == tangents.output.dtype == dtype
    J = np.diag(np.cos(x) * x[::-1]) + np.diag(np.sin(x))[:, ::-1]
    J[:, 0] += 1
    assert_allclose(lam["x"], seed @ J, rtol=1e-14, atol=1e-14)
    assert_allclose(tangents.output, x_dot @ J.T, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("solver", ["dense", "sparse_triangular"])
def test_scalar_steps_without_a_derivative(solver):
    """``np.sign`` of many scalars is linearized at once, and has no entries."""
    gradient = adjoint.grad(lambda x: np.sign(x[0]) * x[1] + np.sign(x[2]) * x[3], solver=solver)
    np.testing.assert_array_equal(gradient(np.array([0.7, -1.2, -0.4, 3.0])), [0.0, 1.0, 0.0, -1.0])
