"""The solver ``elimination``: orders, block and scalar engines, plans that serve all points, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import AssemblyTooLargeError
from adjoint.solvers.elimination import VertexElimination
from adjoint.solvers.vertex.blocks import BlockFactor
from tests.systems_catalogue import BY_NAME, flat_rows, flat_solution, masked_matrix, random_rows, system_of

ORDERS = ["auto", "forward", "reverse", "markowitz", "lowest_cost", "local_search"]
SYSTEMS = [
    "random program",
    "operators",
    "network",
    "rows in a loop",
    "stencil",
    "overlapping gathers",
    "linear solves",
]


def check(system, matrix, solver, rtol=1e-11):
    factor = system.factorize(solver)
    everywhere = [k for k in range(len(system)) if system.is_active(k)]
    for batch in ((), (3,)):
        rows = random_rows(system, everywhere, batch)  # seeds on eliminated nodes too
        right = -flat_rows(system, rows, batch)
        for found, expected in (
            (factor.solve(rows), np.linalg.solve(matrix, right)),
            (factor.solve_tangent(rows), np.linalg.solve(matrix.T, right)),
        ):
            scale = max(1.0, np.abs(expected).max(initial=0.0))
            assert_allclose(flat_solution(system, found, batch), expected, rtol=0, atol=rtol * scale)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", SYSTEMS)
def test_every_order_solves_with_seeds_on_every_node(name, order):
    check(system_of(name), masked_matrix(name), VertexElimination(order))


@pytest.mark.parametrize("name", ["random program", "network"])
def test_an_order_may_be_given(name):
    system = system_of(name)
    ends = {*system.trace.inputs, *system.trace.outputs}
    middle = [k + 1 for k in range(len(system)) if system.is_active(k) and k not in ends]
    shuffled = tuple(int(k) for k in np.random.default_rng(0).permutation(middle))
    plan = system.plan(VertexElimination(shuffled))
    assert plan.elimination.order == tuple(k - 1 for k in shuffled)
    check(system, masked_matrix(name), VertexElimination(shuffled))
    check(system, masked_matrix(name), VertexElimination(shuffled[:4]))  # the others stay


def test_auto_takes_the_cheapest_that_is_counted():
    system = system_of("random program")
    cost = {order: system.plan(VertexElimination(order)).elimination for order in ORDERS}
    assert cost["auto"].nontrivial <= min(found.nontrivial for order, found in cost.items() if order != "local_search")


def test_systems_of_scalars_and_of_arrays_take_their_own_engines():
    assert not isinstance(system_of("random program").factorize("elimination"), BlockFactor)
    assert isinstance(system_of("network").factorize("elimination"), BlockFactor)


def test_inputs_only_need_no_recovery():
    """What is eliminated is left out where only arguments are asked for."""
    system = system_of("network")
    rows = random_rows(system, system.trace.outputs)
    found = system.factorize("elimination").solve(rows, keep=frozenset(system.trace.inputs))
    inner = [k for k in range(len(system)) if k not in system.trace.inputs and k not in system.trace.outputs]
    assert all(found[k] is None for k in inner)


def test_joins_are_kept_for_the_next_point(monkeypatch):
    family = BY_NAME["stencil"]
    system = family.compile()
    plan = system.plan("elimination")
    plan.factorize(system)
    monkeypatch.setattr(type(plan._table), "_join", None)
    (u,) = family.arguments
    moved = system.relinearize(u + 0.3)
    fresh = adjoint.trace(family.function, u + 0.3).compile()
    rows = random_rows(moved, moved.trace.outputs)
    assert_allclose(
        flat_solution(moved, plan.factorize(moved).solve(rows)),
        flat_solution(fresh, fresh.factorize("back_substitution").solve(rows)),
        atol=1e-12,
    )


def test_a_bottleneck_is_cheap():
    """50 → 1 → 50: from the middle on, 100 products of numbers in place of 2,500 along each step."""
    weights = np.linspace(1, 2, 50)
    f = lambda x: weights * np.sin(np.sum(x * x))
    counts = {}
    for order in ("forward", "reverse", "auto"):
        system = adjoint.trace(f, np.linspace(0, 1, 50)).compile()
        counts[order] = system.plan(VertexElimination(order)).elimination.multiplications
        check(system, np.asarray(system.matrix("dense")), VertexElimination(order))
    assert counts["auto"] <= min(counts["forward"], counts["reverse"])


def test_unknown_orders_are_refused():
    with pytest.raises(ValueError, match=r"'auto', 'forward', .* or a sequence of nodes, not 'sideways'"):
        system_of("product").plan(VertexElimination("sideways"))
    with pytest.raises(ValueError, match="z_1"):
        system_of("product").plan(VertexElimination((1,)))


def test_what_would_not_fit_is_refused_with_figures():
    with pytest.raises(AssemblyTooLargeError, match=r"up to [\d,]+ nonzeros and need about .* more than the 1000 B"):
        system_of("network").plan(VertexElimination(max_bytes=1000))
    weights, x = np.ones((400, 400)), np.ones((300, 400))
    system = adjoint.trace(lambda w: np.tanh(np.tanh(x @ w) @ w), weights).compile()
    with pytest.raises(AssemblyTooLargeError, match="'back_substitution'"):
        system.solve(np.ones((300, 400)), solver=VertexElimination(max_bytes=1 << 30))


def test_every_entry_is_a_vertex_where_most_nodes_are_scalars():
    """A loop over the entries of arrays: the arrays take part as their entries, also those in the middle."""

    def f(x):
        y = np.stack([np.sin(x[k]) * x[k - 1] for k in range(8)])
        z = [y[k] * y[k - 1] + x[k] for k in range(8)]
        return np.stack(z), z[0] * y[1]

    x = np.linspace(0.2, 1.0, 8)
    system = adjoint.trace(f, x).compile()
    assert not isinstance(system.factorize("elimination"), BlockFactor)
    for order in ORDERS:
        check(system, np.asarray(system.matrix("dense")), VertexElimination(order))
        check(system, np.asarray(system.matrix("dense")), VertexElimination(order, compiled=False))
    moved = system.relinearize(x + 0.1)
    check(moved, np.asarray(adjoint.trace(f, x + 0.1).compile().matrix("dense")), VertexElimination())
    slopes = adjoint.hessian(lambda x: np.sum(f(x)[0] ** 2), solver="elimination")(x)
    assert_allclose(slopes, adjoint.hessian(lambda x: np.sum(f(x)[0] ** 2))(x), atol=1e-10)
