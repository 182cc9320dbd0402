"""Tangents ``Aᵀ ż = −ẋ``: dual to the multipliers, and equal to differences of values at every node."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import BlockError, NotAcceptedError
from adjoint.extend import Function, custom_rule
from tests.systems_catalogue import BY_NAME, NAMES, random_rows, system_of

SOLVERS = adjoint.solvers.available()


def inner(rows, found):
    """``⟨a, b⟩`` over the nodes of ``rows``, one number per right-hand side."""
    total = 0.0
    for k, s in rows:
        if found[k] is not None:
            total += np.sum(np.asarray(s, float) * found[k])
    return total


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", NAMES)
def test_duality(name, solver):
    """``⟨λ, ẋ⟩ = ⟨s, ẏ⟩``, also between two solvers."""
    family, system = BY_NAME[name], system_of(name)
    try:
        factor = system.factorize(solver)
    except NotAcceptedError:
        assert family.implicit
        return
    for batch in [(), (3,)]:
        seeds = random_rows(system, system.trace.outputs, batch, seed=1)
        dots = random_rows(system, system.trace.inputs, batch, seed=2)
        multipliers = factor.solve(seeds)
        for other in {solver, "back_substitution"}:
            tangents = system.factorize(other).solve_tangent(dots)
            reverse, forward = inner(dots, multipliers), inner(seeds, tangents)
            assert np.isfinite(forward)
            assert reverse == pytest.approx(forward, rel=family.rtol, abs=10 * family.rtol)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("float32")])
def test_every_tangent_is_a_difference_of_values(name):
    """Run the program at ``x ± h ẋ``: every node moves by ``h ż``."""
    system = system_of(name)
    dots = dict(random_rows(system, system.trace.inputs, seed=2))
    h = 1e-6
    ends = []
    for sign in (1, -1):
        leaves = [system.values[k] + sign * h * dots[k] if k in dots else system.values[k] for k in system.trace.inputs]
        with np.errstate(all="ignore"):
            ends.append(system.trace.evaluate(leaves))
    tangents = system.factorize("back_substitution").solve_tangent(list(dots.items()))
    for k, (above, below) in enumerate(zip(*ends, strict=True)):
        if not system.is_active(k) or not np.isfinite([above, below]).all():
            continue  # a masked infinity does not move
        found = np.zeros(np.shape(above)) if tangents[k] is None else tangents[k]
        expected = (above - below) / (2 * h)
        assert_allclose(
            found, expected, rtol=1e-6, atol=2e-8, err_msg=f"z_{k + 1} = {system.trace.node(k + 1).operation}"
        )


def several(x, y):
    return {"product": x * y, "fixed": 3.0, "same": x}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("batch", [(), (2,), (0,), (2, 2)])
def test_output_has_the_structure_of_the_output(solver, batch):
    x, y = np.array([1.0, 2.0]), 3.0
    system = adjoint.trace(several, x, y).compile()
    rng = np.random.default_rng(0)
    x_dot, y_dot = rng.standard_normal((*batch, 2)), rng.standard_normal(batch)
    tangents = system.solve_tangent(x_dot, y_dot, solver=solver)
    assert tangents.batch == batch
    assert set(tangents.output) == {"product", "fixed", "same"}
    assert_allclose(tangents.output["product"], x_dot * y + x * y_dot[..., None])
    assert_array_equal(tangents.output["same"], x_dot)
    assert_array_equal(tangents.output["fixed"], np.zeros(batch))


def test_by_name_and_number():
    f = lambda p, x: adjoint.name(np.tanh(p["w"] * x), "hidden") * 2
    tangents = adjoint.trace(f, {"w": 0.5}, 0.7).compile().solve_tangent({"w": 1.0}, 0.0)
    slope = 0.7 * (1 - np.tanh(0.35) ** 2)
    assert tangents["hidden"] == pytest.approx(slope, rel=1e-15)
    assert tangents[len(tangents)] == tangents.output == 2 * tangents["hidden"]
    assert tangents["p['w']"] == 1.0
    assert tangents["x"] == 0.0
    assert repr(tangents).startswith("ż_1 (p['w']) = 1.")
    with pytest.raises(KeyError, match="no node is named 'w'"):
        tangents["w"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_does_not_move_is_zero(solver):
    system = adjoint.trace(lambda x, y: (np.sin(x), y * 2, x > 0), np.ones(2), np.ones(3)).compile()
    tangents = system.solve_tangent(np.zeros(2), np.ones(3), solver=solver)
    assert_array_equal(tangents.output[0], np.zeros(2))
    assert_array_equal(tangents.output[1], np.full(3, 2.0))
    assert_array_equal(tangents.output[2], np.zeros(2))


@pytest.mark.parametrize("solver", SOLVERS)
def test_integer_tangents(solver):
    tangents = (
        adjoint.trace(lambda x: np.sin(x) * 0.5, np.ones(2)).compile().solve_tangent(np.array([1, 2]), solver=solver)
    )
    assert_allclose(tangents.output, 0.5 * np.cos(1.0) * np.array([1.0, 2.0]), rtol=1e-15)


def reverse_only(y, x):
    return Function(x.shape, y.shape, None, lambda w: 2 * x * w, name="square")


def forward_only(y, x):
    return Function(x.shape, y.shape, lambda v: 2 * x * v, None, name="square")


@pytest.mark.parametrize("partial, missing", [(reverse_only, "jvp"), (forward_only, "vjp")])
def test_a_function_with_one_direction(partial, missing):
    """The sweep that needs the other is refused; an assembled solver can transpose what it has."""
    square = custom_rule(partial, name="square")(lambda x: x * x)
    x, v = np.array([1.0, 3.0]), np.array([1.0, -1.0])
    system = adjoint.trace(square, x).compile()

    def reverse(solver):
        return system.solve(v, solver=solver).arguments[0]

    def forward(solver):
        return system.solve_tangent(v, solver=solver).output

    for solver in ("dense", "sparse_triangular"):
        assert_allclose(reverse(solver), 2 * x * v)
        assert_allclose(forward(solver), 2 * x * v)
    works, refused = (reverse, forward) if missing == "jvp" else (forward, reverse)
    assert_allclose(works("back_substitution"), 2 * x * v)
    with pytest.raises(BlockError, match=f"square has no {missing}, which this sweep needs"):
        refused("back_substitution")
