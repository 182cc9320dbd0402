"""The protocol analyze → factorize → solve, solvers as values, and the registry."""

from __future__ import annotations

import subprocess
import sys
import types
from dataclasses import FrozenInstanceError, dataclass, fields

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint import solvers
from adjoint.blocks import Dense
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError, SingularBlockError, UnknownSolverError
from adjoint.extend import Identity, Primitive, bind
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.solvers.dense import DenseSolver
from adjoint.solvers.sparse_triangular import SparseTriangular
from adjoint.system import solving
from tests.systems_catalogue import BY_NAME, flat_rows, flat_solution, masked_matrix, random_rows, system_of

SOLVERS = solvers.available()


@pytest.fixture
def registry(monkeypatch):
    """A registry that forgets, after the test, what was added to it."""
    monkeypatch.setattr(solving, "_registry", dict(solving._registry))


# --- solvers are values ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOLVERS)
def test_a_solver_is_an_immutable_value(name):
    one, other = solvers.get(name), solvers.get(name)
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        one.anything = 1
    for field in fields(one):
        with pytest.raises(FrozenInstanceError):
            setattr(one, field.name, 1)


def test_solvers_differ_by_kind_and_options():
    values = [BackSubstitution(), DenseSolver(), DenseSolver(max_bytes=10), SparseTriangular(), SparseTriangular(10)]
    assert len(set(values)) == len(values)
    assert DenseSolver(max_bytes=10) == DenseSolver(10)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_value_does_what_its_name_does(name):
    system = BY_NAME["network"].compile()
    by_name, by_value = system.solve(solver=name), system.solve(solver=solvers.get(name))
    for k in range(len(system)):
        assert np.array_equal(by_name.full(k), by_value.full(k))
    assert system.factorize(name) is system.factorize(solvers.get(name)), "one factor per solver value is kept"


def test_the_default_is_back_substitution():
    assert solvers.get() == solvers.get(None) == BackSubstitution()


# --- the phases -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["operators", "network", "random program", "stencil", "custom rules"])
def test_a_plan_serves_two_linearization_points(solver, name):
    family, system = BY_NAME[name], BY_NAME[name].compile()
    moved = system.relinearize(*_moved(family.arguments))
    plan = solvers.get(solver).analyze(system)
    factors = [plan.factorize(system), plan.factorize(moved)]
    for at, factor in zip((system, moved), factors, strict=True):
        again = adjoint.trace(family.function, *(_moved(family.arguments) if at is moved else family.arguments))
        fresh = again.compile()
        rows = random_rows(fresh, fresh.trace.outputs)
        expected = solvers.get(solver).analyze(fresh).factorize(fresh).solve(rows)
        found = factor.solve(rows)
        assert_allclose(flat_solution(at, found), flat_solution(fresh, expected), rtol=1e-12, atol=1e-13)
    rows = random_rows(system, system.trace.outputs)
    assert not np.allclose(
        flat_solution(system, factors[0].solve(rows)), flat_solution(moved, factors[1].solve(rows))
    ), "the two points would not tell the factors apart"


def _moved(tree):
    if isinstance(tree, (list, tuple)):
        return type(tree)(_moved(x) for x in tree)
    return tree + 0.1 * np.cos(np.arange(np.size(tree))).reshape(np.shape(tree))


@pytest.mark.parametrize("solver", SOLVERS)
def test_factors_of_two_points_live_side_by_side(solver):
    system = adjoint.trace(lambda x: np.sin(x) * x, 1.0).compile()
    moved = system.relinearize(2.0)
    first, second = system.factorize(solver), moved.factorize(solver)
    slope = lambda x: np.cos(x) * x + np.sin(x)
    node = system.trace.outputs[0]
    for x, factor in ((2.0, second), (1.0, first)):
        assert_allclose(factor.solve([(node, np.float64(1.0))])[0], slope(x), rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_check_solver_accepts_the_solver(solver):
    assert adjoint.testing.check_solver(solver, system_of("network"), batch=(2,)) < 1e-12


def test_check_solver_refuses_a_wrong_one():
    @dataclass(frozen=True)
    class Careless:
        """Back substitution that doubles the first multiplier."""

        def analyze(self, system):
            return self

        def factorize(self, system):
            inner = BackSubstitution().analyze(system).factorize(system)

            def solve(rows, keep=None):
                found = list(inner.solve(rows))
                found[0] = 2 * found[0]
                return found

            return types.SimpleNamespace(solve=solve, solve_tangent=inner.solve_tangent)

    with pytest.raises(AssertionError, match=r"solve differs from the dense solve by"):
        adjoint.testing.check_solver(Careless(), BY_NAME["product"].compile())


# --- what is refused ------------------------------------------------------------------------------


def test_sparse_triangular_says_which_constraint_it_does_not_take():
    with pytest.raises(NotAcceptedError, match=r"z_\d+ = linalg.solve") as caught:
        BY_NAME["linear solves"].compile().solve(np.ones(3), solver="sparse_triangular")
    assert isinstance(caught.value, ValueError)
    for name in ("'sparse_triangular'", "'back_substitution'", "'dense'"):
        assert name in str(caught.value)


@pytest.mark.parametrize("solver", [DenseSolver(max_bytes=1000), SparseTriangular(max_bytes=1000)])
@pytest.mark.parametrize("name", ["network", "chain of 2000"])
def test_a_matrix_that_would_not_fit_is_refused_with_figures(solver, name):
    with pytest.raises(
        AssemblyTooLargeError, match=r"needs? about [\d.]+ [KMG]iB, more than the 1000 B allowed.*'back_substitution'"
    ):
        BY_NAME[name].compile().solve(solver=solver)


@pytest.mark.parametrize("solver", ["back_substitution", "dense"])
def test_a_singular_constraint_is_said_to_be_singular(solver):
    """The root of ``z² − a = 0`` at 0, where ``D = 2 z`` is singular."""
    root = Primitive(
        "root",
        np.sqrt,
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Dense(np.diag(2 * y), y.shape, y.shape),
    )
    system = adjoint.trace(lambda a: bind(root, (a,)), np.array([4.0, 1.0])).compile()
    assert_allclose(system.solve(np.ones(2), solver=solver)["a"], [0.25, 0.5])
    with pytest.raises(SingularBlockError, match=r"(matrix A|diagonal block) of size \d is singular") as caught:
        system.relinearize(np.array([0.0, 1.0])).solve(np.ones(2), solver=solver)
    assert isinstance(caught.value, ArithmeticError)


# --- the registry ---------------------------------------------------------------------------------


def test_available_lists_the_names_in_order():
    assert {"back_substitution", "dense", "sparse_triangular"} <= set(SOLVERS)
    assert sorted(SOLVERS) == SOLVERS


@pytest.mark.parametrize("solver", ["superspeed", "Dense", ""])
def test_unknown_names_list_the_known_ones(solver):
    with pytest.raises(UnknownSolverError, match=r"back_substitution, .*dense.*sparse_triangular") as caught:
        solvers.get(solver)
    assert isinstance(caught.value, ValueError)
    assert repr(solver) in str(caught.value)
    with pytest.raises(UnknownSolverError, match="the known ones are"):
        adjoint.grad(np.sin, solver=solver)(1.0)


@pytest.mark.parametrize("solver", [3, object(), np.linalg.solve])
def test_what_is_no_solver_is_refused(solver):
    with pytest.raises(UnknownSolverError, match=r"a solver is a name \(.*\) or a value with analyze"):
        adjoint.grad(np.sin, solver=solver)(1.0)


@pytest.mark.parametrize("solver", [DenseSolver, SparseTriangular, BackSubstitution])
def test_a_class_in_place_of_a_value_is_refused_with_the_remedy(solver):
    with pytest.raises(UnknownSolverError, match=rf"{solver.__name__} is a class.*pass a value: {solver.__name__}\(\)"):
        adjoint.grad(np.sin, solver=solver)(1.0)


@dataclass(frozen=True)
class Counting:
    """A third party's solver: back substitution that counts its factorizations."""

    label: str = "default"

    def analyze(self, system):
        calls.append(("analyze", self.label))
        return self

    def factorize(self, system):
        calls.append(("factorize", self.label))
        return BackSubstitution().analyze(system).factorize(system)


calls: list[tuple[str, str]] = []


def test_register_a_factory(registry):
    calls.clear()
    solvers.register("counting", Counting)
    solvers.register("counting twice", lambda: Counting("twice"))
    assert {"counting", "counting twice"} <= set(solvers.available())
    assert solvers.get("counting twice") == Counting("twice")
    assert adjoint.grad(lambda x: x**3, solver="counting")(2.0) == 12.0
    assert calls == [("analyze", "default"), ("factorize", "default")]


def test_register_a_string_is_imported_when_first_used(registry, monkeypatch):
    module = types.ModuleType("third_party_solvers")
    module.Counting = Counting
    solvers.register("lazy", "third_party_solvers:Counting")
    assert "lazy" in solvers.available()
    with pytest.raises(ModuleNotFoundError, match="third_party_solvers"):
        solvers.get("lazy")
    monkeypatch.setitem(sys.modules, "third_party_solvers", module)
    assert solvers.get("lazy") == Counting()
    assert adjoint.grad(lambda x: x**3, solver="lazy")(2.0) == 12.0


def test_registering_again_replaces(registry):
    solvers.register("mine", lambda: Counting("old"))
    solvers.register("mine", lambda: Counting("new"))
    assert solvers.get("mine") == Counting("new")
    assert solvers.available().count("mine") == 1


def test_a_third_party_value_needs_no_registration():
    calls.clear()
    system = BY_NAME["network"].compile()
    for _ in range(3):
        system.solve(solver=Counting("direct"))
    assert calls == [("analyze", "direct"), ("factorize", "direct")], "the factor is made once and kept"
    rows = random_rows(system, system.trace.outputs)
    expected = np.linalg.solve(masked_matrix("network"), -flat_rows(system, rows))
    assert_allclose(flat_solution(system, system.factorize(Counting("direct")).solve(rows)), expected, atol=1e-12)


def test_strategies_are_imported_when_first_used():
    program = (
        "import sys, adjoint\n"
        "late = ['adjoint.solvers.dense', 'adjoint.solvers.sparse_triangular', 'scipy.sparse.linalg', 'scipy.linalg']\n"
        "print([name for name in late if name in sys.modules])\n"
        "adjoint.grad(lambda x: x * x)(1.0)\n"
        "print([name for name in late if name in sys.modules])\n"
        "adjoint.grad(lambda x: x * x, solver='dense')(1.0)\n"
        "print('adjoint.solvers.dense' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.split("\n")[:3] == ["[]", "[]", "True"]


def test_an_installed_package_makes_its_solver_known_by_an_entry_point(tmp_path, monkeypatch):
    (tmp_path / "third_party.py").write_text(
        "from adjoint.solvers.back_substitution import BackSubstitution\n\n\nclass Mine(BackSubstitution):\n    pass\n"
    )
    info = tmp_path / "third_party-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[adjoint.solvers]\nfrom_a_package = third_party:Mine\n")
    monkeypatch.syspath_prepend(tmp_path)
    solving._installed.cache_clear()
    try:
        assert "from_a_package" in solvers.available()
        assert "third_party" not in sys.modules, "it is imported when first used"
        assert type(solvers.get("from_a_package")).__name__ == "Mine"
        assert adjoint.grad(lambda x: x**3, solver="from_a_package")(2.0) == 12.0
    finally:
        solving._installed.cache_clear()
        sys.modules.pop("third_party", None)
