"""`block_sparse`: rules are asked once, nodes melt where that is free, and eliminated ones come back when asked for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.blocks import Dense
from adjoint.errors import NotDifferentiableError, SingularBlockError
from adjoint.extend import Identity, Primitive, bind
from adjoint.solvers.block_sparse import BlockSparse
from tests.systems_catalogue import BY_NAME, NAMES, dense_matrix, flat_rows, flat_solution, masked_matrix, system_of

RNG = np.random.default_rng(0)


def every_node(system, batch=()):
    """A right-hand side on all nodes with a multiplier."""
    rows = [(k, RNG.uniform(-1, 1, (*batch, *y.shape))) for k, y in enumerate(system.values) if system.is_active(k)]
    return [(k, np.asarray(s, system.values[k].dtype)) for k, s in rows]


def kept_blocks(factor):
    return sum(len(row.gathers) + len(row.others) for row in factor._backward_sweep)


# --- rules are asked once -----------------------------------------------------------------------------


def test_rules_are_not_asked_again():
    asked = []

    @adjoint.custom_rule(lambda y, x: asked.append(1) or np.cos(x))
    def sine(x):
        return np.sin(x)

    system = adjoint.trace(lambda x: sine(sine(x) * x), np.array([0.3, 1.1])).compile()
    factor = system.factorize("block_sparse")
    assert len(asked) == 2
    for _ in range(3):
        factor.solve([(3, np.ones((4, 2)))])
        factor.solve_tangent([(0, np.ones(2))])
    assert len(asked) == 2


def test_one_plan_serves_every_point():
    first = BY_NAME["stencil"].compile()
    first.factorize("block_sparse")
    plan = first.plan("block_sparse")
    eliminated = list(plan.eliminated)
    assert eliminated
    moved = first.relinearize(np.linspace(-1.0, 2.0, 7))
    rows = every_node(moved, (2,))
    found = flat_solution(moved, moved.factorize("block_sparse").solve(rows), (2,))
    assert_allclose(found, np.linalg.solve(dense_matrix(moved), -flat_rows(moved, rows, (2,))), atol=1e-12)
    assert moved.plan("block_sparse") is plan
    assert plan.eliminated == eliminated


# --- elimination -------------------------------------------------------------------------------------


def test_a_chain_of_elementwise_operations_melts_into_one_block():
    def chain(x):
        for _ in range(50):
            x = np.sin(x) * 0.1 + x
        return x

    system = adjoint.trace(chain, np.array([0.2, 0.7])).compile()
    factor = system.factorize("block_sparse")
    assert kept_blocks(factor) == 1
    assert kept_blocks(system.factorize(BlockSparse(eliminate=False))) == 50 * 4
    J = np.diag((chain(np.array([0.2 + 1e-6, 0.7 + 1e-6])) - chain(np.array([0.2 - 1e-6, 0.7 - 1e-6]))) / 2e-6)
    found = factor.solve([(len(system) - 1, np.eye(2))], keep=frozenset([0]))
    assert_allclose(found[0], J, rtol=1e-8)


def test_parallel_blocks_are_one():
    system = adjoint.trace(lambda x: x * x, np.array([1.0, 3.0])).compile()
    factor = system.factorize("block_sparse")
    assert kept_blocks(factor) == 1
    assert_allclose(factor.solve([(1, np.ones(2))])[0], [2.0, 6.0])


def test_small_matrices_are_multiplied_out_and_large_ones_are_not():
    def layers(n):
        W = RNG.normal(size=(3, n, n)) / np.sqrt(n)
        system = adjoint.trace(
            lambda x: np.tanh(W[2] @ np.tanh(W[1] @ np.tanh(W[0] @ x))), RNG.normal(size=n)
        ).compile()
        return system, system.factorize("block_sparse")

    system, factor = layers(6)
    (_, _, gathers, others), *rest = [row for row in factor._backward_sweep if row.gathers or row.others]
    assert not rest
    assert not gathers
    assert isinstance(others[0][1].__self__, Dense)
    rows = every_node(system)
    assert_allclose(
        flat_solution(system, factor.solve(rows)), np.linalg.solve(dense_matrix(system), -flat_rows(system, rows))
    )
    _, factor = layers(1000)
    assert kept_blocks(factor) > 1


def test_a_node_with_many_readers_and_operands_stays():
    """Two operands and two readers: four products in place of four blocks and a node, and more multiplications."""
    system = adjoint.trace(lambda x, y: [np.sin(z := x * y), np.cos(z)], np.ones(3), np.ones(3)).compile()
    system.factorize("block_sparse")
    assert system.plan("block_sparse").eliminated == []


@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
@pytest.mark.parametrize("name", [name for name in NAMES if not BY_NAME[name].masked])
def test_right_hand_sides_on_eliminated_nodes(name, phase):
    system, matrix = system_of(name), masked_matrix(name)
    for batch in [(), (3,)]:
        rows = every_node(system, batch)
        found = flat_solution(system, getattr(system.factorize("block_sparse"), phase)(rows), batch)
        expected = np.linalg.solve(matrix if phase == "solve" else matrix.T, -flat_rows(system, rows, batch))
        scale = max(1.0, np.max(np.abs(expected), initial=0.0))
        assert_allclose(found, expected, rtol=0, atol=BY_NAME[name].rtol * scale)


@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
def test_one_eliminated_node_is_recovered_alone(phase):
    system = system_of("stencil")
    factor = system.factorize("block_sparse")
    eliminated = system.plan("block_sparse").eliminated
    rows = every_node(system)
    matrix = dense_matrix(system)
    expected = np.linalg.solve(matrix if phase == "solve" else matrix.T, -flat_rows(system, rows))[:, 0]
    for k in eliminated:
        found = getattr(factor, phase)(rows, keep=frozenset([k]))
        assert_allclose(np.ravel(found[k]), expected[system.offsets[k] : system.offsets[k + 1]], atol=1e-12)


@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
def test_what_is_not_asked_for_is_let_go(phase):
    """Several readers and operands keep these nodes from being eliminated; only what was asked for is held."""
    program = lambda x, y: np.sum(np.outer(np.sin(x * y), np.cos(x * y)))
    system = adjoint.trace(program, np.ones(30), np.full(30, 0.5)).compile()
    factor = system.factorize("block_sparse")
    reverse = phase == "solve"
    asked = set(system.trace.inputs) if reverse else {len(system) - 1}
    rows = [(len(system) - 1, np.ones(()))] if reverse else [(0, np.ones(30)), (1, np.ones(30))]
    everything = getattr(factor, phase)(rows)
    found = getattr(factor, phase)(rows, keep=frozenset(asked))
    assert sum(x is not None for x in found) <= len(asked) + (not reverse) < sum(x is not None for x in everything)
    for k in asked:
        assert_allclose(found[k], everything[k])


def test_nodes_of_different_dtypes_are_not_melted():
    """The multiplier of a float32 node is rounded to float32, and that of a real node is real."""
    x = np.array([0.5, 2.0], "f4")
    system = adjoint.trace(lambda x: np.sin(np.exp(x) * np.float64(2.0) + np.ones(2)), x).compile()
    system.factorize("block_sparse")
    dtypes = [y.dtype for y in system.values]
    for j in system.plan("block_sparse").eliminated:
        neighbors = [p for p in system.records[j][1] if p >= 0]
        neighbors += [k for k, record in enumerate(system.records) if j in record[1]]
        assert {dtypes[k] for k in neighbors} == {dtypes[j]}


# --- diagonal blocks -----------------------------------------------------------------------------------


def _implicit(matrix):
    """``c(z, b) = matrix z - b = 0`` with a dense diagonal block."""
    return Primitive(
        "implicit",
        lambda b: np.linalg.solve(matrix, b),
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Dense(matrix, y.shape, y.shape),
    )


def test_a_dense_diagonal_block_is_factorized_once(monkeypatch):
    matrix = np.array([[2.0, 1.0], [0.5, 3.0]])
    system = adjoint.trace(lambda b: bind(_implicit(matrix), (b * 2.0,)), np.ones(2)).compile()
    factor = system.factorize("block_sparse")
    first = factor.solve([(2, np.eye(2))])[0]
    assert_allclose(first, 2.0 * np.linalg.inv(matrix), rtol=1e-14)
    monkeypatch.setattr(np.linalg, "solve", None)
    assert_allclose(factor.solve([(2, np.eye(2))])[0], first)
    assert_allclose(factor.solve_tangent([(0, np.eye(2))])[2], first.T)


def test_a_singular_diagonal_block_says_which():
    matrix = np.array([[1.0, 2.0], [2.0, 4.0]])
    singular = Primitive(
        "implicit",
        lambda b: np.zeros(2),
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Dense(matrix, y.shape, y.shape),
    )
    system = adjoint.trace(lambda b: bind(singular, (b * 2.0,)), np.ones(2)).compile()
    with pytest.raises(SingularBlockError, match="singular") as caught:
        system.factorize("block_sparse").solve([(2, np.ones(2))])
    assert "z_3 = implicit(…)" in caught.value.__notes__[0]


# --- what is not finite, and what has no derivative ------------------------------------------------------


def test_a_product_of_partials_that_overflows_does_not_spoil_the_solution():
    system = adjoint.trace(lambda x: ((x * 1e-300) * 1e200) * 1e200, 1.0).compile()
    factor = system.factorize("block_sparse")
    assert_allclose(factor.solve([(3, np.float64(1e-200))])[0], 1e-100)


def _no_derivative(y, x):
    raise NotDifferentiableError("no derivative here")


@adjoint.custom_rule(_no_derivative)
def rough(x):
    return np.abs(x)


def test_a_rule_that_refuses_matters_only_where_it_is_met():
    system = adjoint.trace(lambda x: (rough(x), np.sin(x)), 0.5).compile()
    factor = system.factorize("block_sparse")
    assert_allclose(factor.solve([(2, np.float64(1.0))])[0], np.cos(0.5))
    for phase, node in (("solve", 1), ("solve_tangent", 0)):
        with pytest.raises(NotDifferentiableError, match="no derivative here") as caught:
            getattr(factor, phase)([(node, np.float64(1.0))])
        assert "z_2" in caught.value.__notes__[0]


# --- predictions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_predicts_for_every_system(name):
    structure = system_of(name).structure
    one, many = BlockSparse().predict(structure), BlockSparse().predict(structure, 50)
    assert many.solve_multiplications == 50 * one.solve_multiplications
    assert many.seconds >= one.seconds >= 0
    plain = BlockSparse(eliminate=False).predict(structure)
    assert plain.solve_multiplications <= structure.flops.sum()  # parallel blocks are one
    assert plain.factor_multiplications == 0


def test_the_prediction_knows_that_a_chain_melts():
    def chain(x):
        for _ in range(100):
            x = np.sin(x)
        return x

    structure = adjoint.trace(chain, np.ones(1000)).compile().structure
    assert BlockSparse().predict(structure, 10).solve_multiplications == 10 * 1000
