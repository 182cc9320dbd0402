"""One factor, many answers: gradients of all outputs, columns of the inverse, influence, condition, refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import ConstraintSystemError, SeedError
from adjoint.system import Multipliers
from adjoint.system.conditioning import one_norm
from adjoint.system.influence import Ranking
from tests.systems_catalogue import BY_NAME, NAMES, dense_matrix, flat_rows, random_rows, replayed, system_of

SOLVERS = ["back_substitution", "block_sparse", "dense"]
FINITE = [name for name in NAMES if not BY_NAME[name].masked]
DOUBLE = [name for name in FINITE if not name.startswith("float32")]


def columns_of(system, multipliers, k):
    """Multipliers with the axes of ``z_k`` leading, as the columns of a matrix."""
    size = system.values[k].size
    parts = [
        np.reshape(multipliers[i + 1], (size, system.values[i].size)).T
        for i in range(len(system))
        if system.is_active(i)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, size))


# --- gradients of every output --------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_gradients_have_the_structure_of_the_output(solver):
    system = system_of("several outputs")
    found = system.gradients(solver=solver)
    assert isinstance(found["sum"], Multipliers)
    x, y = BY_NAME["several outputs"].arguments
    assert_allclose(found["sum"]["x"], np.broadcast_to(y, (2, 2)))
    assert_allclose(found["parts"][1]["x"], np.einsum("ij,ik,jl->ijkl", np.cos(x), np.eye(2), np.eye(2)))
    assert_allclose(found["parts"][0]["y"], np.einsum("ij,jk->ijk", x, np.eye(2)))
    assert_allclose(found["again"]["y"], found["parts"][0]["y"])
    assert found["parts"][0].certificate() < 1e-15


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", FINITE)
def test_gradients_are_columns_of_the_inverse(solver, name):
    system = system_of(name)
    inverse = -np.linalg.inv(dense_matrix(system)) if system.shape[0] else np.zeros((0, 0))
    leaves = leaves_of(system.gradients(solver=solver))
    assert len(leaves) == len(system.trace.outputs)
    for out, leaf in zip(system.trace.outputs, leaves, strict=True):
        if isinstance(out, int) and system.is_active(out):
            expected = inverse[:, system.offsets[out] : system.offsets[out + 1]]
            tolerance = BY_NAME[name].rtol * max(1.0, np.max(np.abs(expected), initial=0.0))
            assert_allclose(columns_of(system, leaf, out), expected, atol=tolerance)
        else:
            assert all(not np.any(leaf[i + 1]) for i in range(len(system)))


def leaves_of(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves_of(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves_of(part)]
    return [tree]


# --- columns of the inverse -----------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", FINITE)
def test_columns_are_those_of_the_dense_inverse(solver, name):
    system = system_of(name)
    inverse = -np.linalg.inv(dense_matrix(system)) if system.shape[0] else np.zeros((0, 0))
    active = [k for k in range(len(system)) if system.is_active(k)]
    some = sorted({active[0], active[len(active) // 2], active[-1]})
    found = system.inverse_columns([k + 1 for k in some], solver=solver)
    assert list(found) == [k + 1 for k in some]
    for k in some:
        expected = inverse[:, system.offsets[k] : system.offsets[k + 1]]
        tolerance = BY_NAME[name].rtol * max(1.0, np.max(np.abs(expected), initial=0.0))
        assert_allclose(columns_of(system, found[k + 1], k), expected, atol=tolerance)


@pytest.mark.parametrize("name", ["operators", "broadcasting", "stencil"])
def test_a_column_is_how_one_value_moves_with_the_others(name):
    """Central differences: the program run on from a node that was moved."""
    family = BY_NAME[name]
    trace = family.trace()
    system = trace.compile()
    k = len(system) - 1
    multipliers = system.inverse_columns(k + 1)
    h = 1e-6
    for i in range(0, k, 3):
        if not system.is_active(i):
            continue
        direction = np.random.default_rng(i).uniform(-1, 1, system.values[i].shape)
        up, down = (replayed(trace, i, sign * h * direction)[k] for sign in (1, -1))
        found = np.tensordot(multipliers[i + 1], direction, np.ndim(direction))
        assert_allclose(found, (up - down) / (2 * h), rtol=1e-6, atol=1e-7)


def test_columns_by_name():
    def f(x):
        hidden = adjoint.name(np.tanh(x), "hidden")
        return np.sum(hidden * x)

    x = np.array([0.3, -0.8])
    system = adjoint.trace(f, x).compile()
    assert_allclose(system.inverse_columns("hidden")["x"], np.diag(1 - np.tanh(x) ** 2))
    assert list(system.inverse_columns(["x", "hidden"])) == ["x", "hidden"]
    with pytest.raises(KeyError, match="no node is named 'other'"):
        system.inverse_columns("other")
    with pytest.raises(IndexError, match="not z_9"):
        system.inverse_columns([1, 9])


def test_a_node_without_multiplier_has_no_column():
    system = system_of("discrete nodes")
    with pytest.raises(SeedError, match=r"z_2 = greater\(…\) has no multiplier"):
        system.inverse_columns(2)


# --- influence ----------------------------------------------------------------------------------------


def test_influence_is_the_change_per_relative_change():
    def f(x, y):
        z = adjoint.name(x * y, "z")
        return np.sum(z * z) + 0.001 * np.sum(y)

    x, y = np.array([1.0, -2.0, 0.5]), np.array([3.0, 0.2, 1.0])
    trace = adjoint.trace(f, x, y)
    ranking = trace.compile().influence()
    assert isinstance(ranking, Ranking)
    by_node = {one.node: one for one in ranking}
    assert by_node[3].name == "z"
    assert by_node[3].site.line == f.__code__.co_firstlineno + 1
    h = 1e-6
    for i, one in by_node.items():
        value = trace.values[i - 1]
        up, down = (replayed(trace, i - 1, sign * h * value)[-1] for sign in (1, -1))
        assert_allclose(one.scaling, (up - down) / (2 * h), rtol=1e-6)
        entries = []
        for index in np.ndindex(np.shape(value)):
            step = np.zeros(np.shape(value))
            step[index] = h * np.asarray(value)[index]
            entries.append(abs(replayed(trace, i - 1, step)[-1] - replayed(trace, i - 1, -step)[-1]) / (2 * h))
        assert_allclose(one.total, sum(entries), rtol=1e-6)
        assert_allclose(one.largest, max(entries), rtol=1e-6)


def test_the_ranking_is_sorted_and_prints_lines():
    system = adjoint.trace(lambda a, b, c: 100.0 * a + b + 0.0 * c, 1.0, 1.0, 1.0).compile()
    ranking = system.influence()
    totals = [one.total for one in ranking]
    assert totals == sorted(totals, reverse=True)
    names = [one.name for one in ranking if one.name]
    assert names == ["a", "b", "c"]
    assert str(ranking).splitlines()[0].split() == ["node", "Σ|λ∘z|", "λ·z", "operation"]
    assert "(a)" in str(ranking)
    assert f"{__file__}:" in repr(ranking)
    assert ranking[0].node == ranking[:1][0].node
    with pytest.raises(SeedError, match="ranks for one objective"):
        system.influence(np.ones(3))


def test_influence_of_an_implicit_constraint_is_that_of_its_value():
    """``∂f/∂x`` of ``f = Σ x²`` at the solution ``x`` is ``2 x``, whatever matrix it was solved with."""
    system = adjoint.trace(
        lambda b: np.sum(np.linalg.solve(np.array([[2.0, 1.0], [0.0, 4.0]]), b) ** 2), np.ones(2)
    ).compile()
    (solve,) = [one for one in system.influence() if "solve" in one.operation]
    x = np.linalg.solve([[2.0, 1.0], [0.0, 4.0]], np.ones(2))
    assert_allclose(solve.total, np.sum(np.abs(2 * x * x)))


def test_a_zero_against_infinity_has_no_influence():
    found = {
        one.name: one for one in adjoint.trace(lambda x: np.sum(np.sqrt(x)), np.array([0.0, 4.0])).compile().influence()
    }
    assert found["x"].total == 1.0


# --- condition ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["back_substitution", "block_sparse"])
@pytest.mark.parametrize("name", DOUBLE)
def test_the_condition_is_a_lower_bound_and_close(solver, name):
    system, matrix = system_of(name), dense_matrix(system_of(name))
    found = system.condition(solver=solver)
    if not matrix.size:
        assert found.inverse_norm == 0
        return
    exact = np.linalg.norm(matrix, 1)
    assert exact * (1 - 1e-12) <= found.norm <= 2 * exact  # entries of one block may cancel
    inverse = np.linalg.norm(np.linalg.inv(matrix), 1)
    assert inverse / 3 <= found.inverse_norm <= inverse * (1 + 1e-10)
    assert found.value == found.norm * found.inverse_norm
    assert f"κ₁(A) ≈ {found.value:.3g}" in str(found)


@pytest.mark.parametrize("name", DOUBLE)
def test_skeels_condition(name):
    system, matrix = system_of(name), dense_matrix(system_of(name))
    if not matrix.size or system.condition().skeel is None:
        return
    rows = random_rows(system, system.trace.outputs)
    s = flat_rows(system, rows)[:, 0]
    lam = np.linalg.solve(matrix, -s)
    exact = np.max(np.abs(np.linalg.inv(matrix)) @ (np.abs(matrix) @ np.abs(lam))) / np.max(np.abs(lam))
    seed = rows[0][1]
    found = system.condition(seed).skeel
    assert exact / 3 <= found <= exact * (1 + 1e-10)
    assert "Skeel" in str(system.condition(seed))


def test_skeels_condition_does_not_see_scaling():
    """Values measured in other units: κ₁ explodes, Skeel's condition stays."""
    f = lambda x: np.sum(np.tanh(x * 1e8) * 1e-8)
    found = adjoint.trace(f, np.array([0.3e-8, 1e-8])).compile().condition()
    assert found.value > 1e14
    assert found.skeel < 20


def test_condition_of_diagonal_blocks():
    matrix = np.array([[1.0, 0.99], [0.99, 0.9802]])
    system = adjoint.trace(lambda b: np.sum(np.linalg.solve(matrix, b)), np.ones(2)).compile()
    found = system.condition()
    (condition,) = found.blocks.values()
    assert_allclose(condition, np.linalg.cond(matrix, 1), rtol=1e-10)
    assert f"κ₁(D_2) ≈ {condition:.3g}" in str(found)


def test_complex_systems_and_what_is_not_linear_over_them():
    W = np.array([[1.0 + 1j, 0.5], [0.2, 3.0 - 1j]])
    system = adjoint.trace(lambda z: W @ (z * z), np.array([1.0 + 2j, -1j])).compile()
    J1, J2 = np.diag(2 * np.array([1.0 + 2j, -1j])), W
    A = -np.eye(6, dtype=complex)
    A[:2, 2:4], A[2:4, 4:] = J1.conj().T, J2.conj().T
    found = system.condition()
    assert_allclose(found.norm, np.linalg.norm(A, 1))
    assert_allclose(found.inverse_norm, np.linalg.norm(np.linalg.inv(A), 1))
    with pytest.raises(ConstraintSystemError, match="all real or all complex"):
        adjoint.trace(lambda z: np.abs(z), 1 + 1j).compile().condition()


def test_not_finite_is_infinite():
    assert adjoint.trace(np.sqrt, 0.0).compile().condition().value == np.inf


def test_one_norm_is_deterministic_and_leaves_the_generator_alone():
    matrix = np.random.default_rng(1).standard_normal((30, 30))
    state = np.random.get_state()[1].copy()  # noqa: NPY002  the global generator is what is looked at
    first = one_norm(lambda x: matrix @ x, lambda x: matrix.T @ x, 30)
    assert first == one_norm(lambda x: matrix @ x, lambda x: matrix.T @ x, 30)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    assert np.linalg.norm(matrix, 1) / 2 <= first <= np.linalg.norm(matrix, 1) * (1 + 1e-12)


# --- refinement ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sloppy:
    """A solver whose answers are off by a relative error of random sign."""

    error: float

    def analyze(self, system):
        return self

    def factorize(self, system):
        return SloppyFactor(system.factorize("back_substitution"), self.error)


class SloppyFactor:
    def __init__(self, exact, error):
        self.exact, self.error, self.solves = exact, error, 0

    def solve(self, rows, keep=None):
        self.solves += 1
        rng = np.random.default_rng(self.solves)
        found = self.exact.solve(rows)
        signs = [None if x is None else rng.choice([-1.0, 1.0], np.shape(x)) for x in found]
        return [
            None if x is None else x + (x * self.error * e).astype(x.dtype) for x, e in zip(found, signs, strict=True)
        ]


def dense_error(system, multipliers, rows):
    matrix = dense_matrix(system)
    exact = np.linalg.solve(matrix, -flat_rows(system, rows))[:, 0]
    parts = [np.ravel(multipliers[i + 1]) for i in range(len(system)) if system.is_active(i)]
    return np.max(np.abs(np.concatenate(parts) - exact)) / np.max(np.abs(exact))


@pytest.mark.parametrize("name", ["network", "operators", "rows in a loop", "linear solves"])
def test_refinement_repairs_a_sloppy_solver(name):
    system = BY_NAME[name].compile()
    rows = random_rows(system, system.trace.outputs[:1])
    seed = system.trace.output_spec.unflatten(
        [rows[0][1]] + [np.zeros(system.values[k].shape) for k in system.trace.outputs[1:]]
    )
    certificates, errors = [], []
    for steps in (0, 1, 2, 6):
        multipliers = BY_NAME[name].compile().solve(seed, solver=Sloppy(1e-5), refine=steps)
        certificates.append(multipliers.certificate())
        errors.append(dense_error(system, multipliers, rows))
    assert certificates[0] > 1e-7
    assert errors[1] < 1e-2 * errors[0]
    assert errors[2] < 1e-2 * errors[1]
    assert errors[3] < 1e-14
    assert certificates[3] < 1e-15


def test_refinement_of_float32_uses_float64_residuals():
    rng = np.random.default_rng(3)
    n = 40
    matrix = (rng.standard_normal((n, n)) + 8 * np.eye(n)).astype("f4")
    b = rng.standard_normal(n).astype("f4")
    system = adjoint.trace(lambda b: np.sum(np.linalg.solve(matrix, b)), b).compile()
    plain = adjoint.trace(lambda b: np.sum(np.linalg.solve(matrix, b)), b).compile().solve(solver=Sloppy(1e-3))
    refined = system.solve(solver=Sloppy(1e-3), refine=5)
    exact = np.linalg.solve(matrix.astype(float).T, np.ones(n))
    assert refined["b"].dtype == np.float32
    assert np.max(np.abs(plain["b"] - exact)) > 1e-4 * np.max(np.abs(exact))
    assert_allclose(refined["b"], exact, rtol=0, atol=2e-7 * np.max(np.abs(exact)))


def test_a_step_that_does_not_help_is_undone_and_is_the_last():
    """The second solve is nonsense: the first answer stays, and nothing is tried after it."""

    @dataclass(frozen=True)
    class Tired:
        def analyze(self, system):
            return self

        def factorize(self, system):
            return TiredFactor(system.factorize("back_substitution"), 1e-6)

    class TiredFactor(SloppyFactor):
        def solve(self, rows, keep=None):
            self.error = 1e-6 if self.solves == 0 else 1e9
            return super().solve(rows)

    system = BY_NAME["operators"].compile()
    first = BY_NAME["operators"].compile().solve(solver=Tired())
    refined = system.solve(solver=Tired(), refine=10)
    assert [refined[k + 1] for k in range(len(system))] == [first[k + 1] for k in range(len(system))]
    assert system.factorize(Tired()).solves == 2


def test_refinement_leaves_exact_and_not_finite_solutions():
    system = adjoint.trace(lambda x, y: x * 2.0 + y, 1.0, 2.0).compile()
    factor = system.factorize(Sloppy(0.0))
    assert system.solve(solver=Sloppy(0.0), refine=3)["x"] == 2.0
    assert factor.solves == 1
    with np.errstate(all="ignore"):
        infinite = adjoint.trace(np.sqrt, 0.0).compile().solve(refine=2)
    assert infinite["x"] == np.inf


def test_refinement_of_several_right_hand_sides():
    system = BY_NAME["broadcasting"].compile()
    seed = np.random.default_rng(0).standard_normal((5, 3, 4))
    refined = system.solve(seed, solver=Sloppy(1e-6), refine=4)
    exact = system.solve(seed)
    assert_allclose(refined["row"], exact["row"], rtol=1e-13)
    assert refined.certificate() < 1e-15
