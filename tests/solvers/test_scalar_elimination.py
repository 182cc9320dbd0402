"""Elimination of systems of scalars, the numbers: against LAPACK on the dense matrix, in any order, by every loop."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.blocks import Dense
from adjoint.errors import AdjointError, MissingExtraError, NotAcceptedError, SingularBlockError
from adjoint.extend import Identity, Primitive, bind
from adjoint.solvers.vertex import program as elimination_program
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.program import EliminationProgram, Kernels, _by_numbers, _by_waves
from adjoint.solvers.vertex.scalars import EliminatedFactor, ScalarPlan
from tests.systems_catalogue import (
    BY_NAME,
    dense_matrix,
    flat_rows,
    flat_solution,
    random_program,
    random_rows,
    system_of,
)

SCALARS = [
    "product",
    "composition",
    "quotient",
    "operators",
    "identity",
    "chain of 2000",
    "random program",
    "wide random program",
]
NUMBA = importlib.util.find_spec("numba") is not None
COMPILED = [False, pytest.param(True, marks=pytest.mark.skipif(not NUMBA, reason="numba is not installed"))]
ORDERS = {
    "forward": lambda graph: graph.intermediates,
    "reverse": lambda graph: graph.intermediates[::-1],
    "random": lambda graph: np.random.default_rng(0).permutation(graph.intermediates).tolist(),
    "some stay": lambda graph: graph.intermediates[::2],
    "none": lambda graph: [],
}


def ends_of(system):
    return {*system.trace.inputs, *(k for k in system.trace.outputs if isinstance(k, int))}


def factor_of(system, order=None, compiled=False):
    return ScalarPlan(system.structure, ends_of(system), order, compiled=compiled).factorize(system)


def assert_solves(system, factor, nodes, batch, inverse=None):
    """Both phases, with right-hand sides at some nodes."""
    inverse = np.linalg.inv(dense_matrix(system)) if inverse is None else inverse
    rows = random_rows(system, nodes, batch)
    for phase, dense in (("solve", inverse), ("solve_tangent", inverse.T)):
        expected = dense @ -flat_rows(system, rows, batch)
        found = flat_solution(system, getattr(factor, phase)(rows), batch)
        assert_allclose(found, expected, rtol=0, atol=1e-11 * max(1.0, np.max(np.abs(expected), initial=0.0)))


# --- solutions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("name", SCALARS)
def test_solutions_are_lapacks(name, compiled):
    system = system_of(name)
    inverse = np.linalg.inv(dense_matrix(system))
    factor = factor_of(system, compiled=compiled)
    assert isinstance(factor, EliminatedFactor)
    everywhere = [k for k in range(len(system)) if system.is_active(k)]
    for batch in [(), (3,), (2, 2), (0,)]:
        for nodes in (system.trace.outputs, system.trace.inputs, everywhere, everywhere[1::2]):
            assert_solves(system, factor, nodes, batch, inverse)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["operators", "random program"])
def test_any_order_will_do(name, order):
    system = system_of(name)
    graph = Graph.of(system.structure, ends_of(system))
    factor = factor_of(system, ORDERS[order](graph))
    everywhere = [k for k in range(len(system)) if system.is_active(k)]
    for nodes in (system.trace.outputs, everywhere):
        assert_solves(system, factor, nodes, (2,))


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
def test_what_is_kept_is_all_that_is_computed(phase, compiled):
    system = system_of("random program")
    factor = factor_of(system, compiled=compiled)
    inputs, outputs = list(system.trace.inputs), list(system.trace.outputs)
    given, wanted = (outputs, inputs) if phase == "solve" else (inputs, outputs)
    rows = random_rows(system, given, (3,))
    whole = getattr(factor, phase)(rows)
    few = getattr(factor, phase)(rows, keep=frozenset(wanted))
    for k in wanted:
        assert_allclose(few[k], whole[k], rtol=1e-13, atol=1e-15)
    assert [k for k in range(len(system)) if few[k] is not None] == sorted({*inputs, *outputs})
    inner = next(k for k in range(len(system)) if system.is_active(k) and k not in {*inputs, *outputs})
    more = getattr(factor, phase)(rows, keep={inner})
    assert_allclose(more[inner], whole[inner], rtol=1e-13, atol=1e-15)


def test_an_output_that_is_read_again():
    """What is left has a path of two edges: it is swept, not multiplied."""
    f = lambda x, y: (np.sin(x * y), np.sin(x * y) * x, np.exp(np.sin(x * y) * x))
    inner = lambda x, y: (lambda s: (s, s * x, np.exp(s * x) * s))(np.sin(x * y))
    for program in (f, inner):
        system = adjoint.trace(program, 0.7, -1.2).compile()
        assert_solves(system, factor_of(system), system.trace.outputs, (4,))
    plan = ScalarPlan(system.structure, ends_of(system))
    assert not plan.program.rest_is_flat


def test_a_plan_serves_two_points():
    system = BY_NAME["random program"].compile()
    plan = ScalarPlan(system.structure, ends_of(system))
    moved = system.relinearize(*(x + 0.1 for x in BY_NAME["random program"].arguments))
    first, second = plan.factorize(system), plan.factorize(moved)
    for at, factor in ((moved, second), (system, first)):
        assert_solves(at, factor, at.trace.outputs, ())
    assert not np.allclose(dense_matrix(system), dense_matrix(moved))


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble, np.complex128, np.clongdouble])
@pytest.mark.parametrize("compiled", COMPILED)
def test_dtypes(dtype, compiled):
    """The slope of a composition by hand, in the node's own precision."""
    z, w = np.array([0.3, -0.7], dtype) * dtype(1 if np.dtype(dtype).kind == "f" else 1 + 0.5j)
    system = adjoint.trace(lambda z, w: np.exp(z * w) * w + np.sin(z), z, w).compile()
    factor = factor_of(system, compiled=compiled)
    slopes = np.array([w * w * np.exp(z * w) + np.cos(z), np.exp(z * w) * (1 + z * w)])
    (out,) = system.trace.outputs
    seed = np.array([1.0, -2.0], dtype)
    found = factor.solve([(out, seed)])
    tolerance = 50 * np.finfo(dtype).eps
    for k, slope in zip(system.trace.inputs, slopes, strict=True):
        assert found[k].dtype == dtype
        assert_allclose(found[k], seed * np.conj(slope), rtol=tolerance)
    tangent = factor.solve_tangent([(system.trace.inputs[0], seed)], keep={out})[out]
    assert tangent.dtype == dtype
    assert_allclose(tangent, seed * slopes[0], rtol=tolerance)


# --- implicit constraints -------------------------------------------------------------------------

ROOT = Primitive(
    "root",
    np.sqrt,
    lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
    diagonal=lambda y, operands, static: Dense(np.atleast_2d(2 * y), y.shape, y.shape),
)


def with_root(a, b):
    """``z² = a b`` in the middle."""
    z = bind(ROOT, (np.exp(a) * b,))
    return np.sin(z) * a + z


def test_implicit_scalars():
    system = adjoint.trace(with_root, 0.4, 1.7).compile()
    assert system.structure.implicit
    factor = factor_of(system)
    everywhere = list(range(len(system)))
    for nodes in (system.trace.outputs, system.trace.inputs, everywhere):
        assert_solves(system, factor, nodes, (3,))
    plain = lambda a, b: np.sin(np.sqrt(np.exp(a) * b)) * a + np.sqrt(np.exp(a) * b)
    h = 1e-6
    found = factor.solve([(system.trace.outputs[0], np.float64(1.0))], keep=frozenset(system.trace.inputs))
    assert_allclose(found[0], (plain(0.4 + h, 1.7) - plain(0.4 - h, 1.7)) / (2 * h), rtol=1e-8)
    assert_allclose(found[1], (plain(0.4, 1.7 + h) - plain(0.4, 1.7 - h)) / (2 * h), rtol=1e-8)


def test_a_kept_implicit_scalar():
    """It is an output: its own right-hand side is divided too."""
    system = adjoint.trace(lambda a: (bind(ROOT, (a * a,)), a * 3.0), 1.3).compile()
    assert_solves(system, factor_of(system), system.trace.outputs, (2,))


def test_a_singular_constraint_is_named():
    system = adjoint.trace(with_root, 0.4, 1.7).compile()
    plan = ScalarPlan(system.structure, ends_of(system))
    with pytest.raises(SingularBlockError, match=r"diagonal block of size 1 is singular: in z_5 = root\(…\)"):
        plan.factorize(system.relinearize(0.4, 0.0))


# --- zeros and infinities -------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("compiled", COMPILED)
def test_zeros_are_structural(compiled):
    """``√a · 0`` at 0, and two infinite slopes that cancel before they are met."""

    def program(a, b):
        root = np.sqrt(a)
        return root * 0.0 + b * b, 2.0 * root - 2.0 * root + b

    system = adjoint.trace(program, 0.0, 3.0).compile()
    factor = factor_of(system, Graph.of(system.structure, ends_of(system)).intermediates, compiled)
    first, second = system.trace.outputs
    assert factor.solve([(first, np.float64(1.0))])[0] == 0.0
    assert factor.solve([(second, np.float64(1.0))])[0] == 0.0
    both = factor.solve([(first, np.array([1.0, 0.0])), (second, np.array([0.0, 1.0]))])
    assert_array_equal(both[0], [0.0, 0.0])
    assert_array_equal(both[1], [6.0, 1.0])


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_right_hand_sides_do_not_infect_each_other():
    system = adjoint.trace(lambda a, b: (np.sqrt(a) * 2.0, b * 2.0), 0.0, 1.0).compile()
    first, second = system.trace.outputs
    found = factor_of(system).solve([(first, np.array([1.0, 0.0])), (second, np.array([0.0, 1.0]))])
    assert_array_equal(found[0], [np.inf, 0.0])
    assert_array_equal(found[1], [0.0, 2.0])


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_products_that_overflow_on_the_way():
    """Each partial is finite, and so is the slope; the product of the first two is not."""
    program = lambda x: ((x * 1e200) * 1e200) * 1e-150 * 1e-150
    system = adjoint.trace(program, 1e-200).compile()
    order = Graph.of(system.structure, ends_of(system)).intermediates
    (out,) = system.trace.outputs
    (x,) = system.trace.inputs
    assert_allclose(factor_of(system, order).solve([(out, np.float64(1.0))])[x], 1e100, rtol=1e-13)


def test_an_infinite_seed_against_a_zero_partial():
    system = adjoint.trace(lambda a, b: (a * 0.0 + np.sin(b), b * 2.0), 1.0, 2.0).compile()
    first, _ = system.trace.outputs
    found = factor_of(system).solve([(first, np.float64(np.inf))])
    assert found[0] == 0.0
    assert found[1] == -np.inf  # cos 2 < 0


# --- loops ----------------------------------------------------------------------------------------


def _wide_program():
    system = adjoint.trace(random_program(4, 60), *np.linspace(-0.5, 0.5, 6).tolist()).compile()
    graph = Graph.of(system.structure, ends_of(system))
    return EliminationProgram.of(graph, np.random.default_rng(0).permutation(graph.intermediates).tolist())


def test_the_loops_agree():
    program = _wide_program()
    rng = np.random.default_rng(0)
    originals = np.zeros(len(program.children))
    originals[: program.originals] = rng.uniform(-1, 1, program.originals)
    found = [_by_numbers(program, originals.copy()), _by_waves(program, originals.copy())]
    if NUMBA:
        found.append(Kernels(elimination_program._compiled()).eliminate(program, originals.copy()))
    for other in found[1:]:
        assert_allclose(other, found[0], rtol=1e-12)
    assert not np.allclose(found[0], originals)


def test_products_of_a_wave_do_not_wait_for_each_other():
    program = _wide_program()
    assert len(program.waves) > 3
    assert program.waves[-1] == len(program.targets)
    for first, last in zip(program.waves[:-1], program.waves[1:], strict=True):
        assert first < last
        written = set(program.targets[first:].tolist())
        read = {*program.lefts[first:last].tolist(), *program.rights[first:last].tolist()}
        assert not read & written, "an operand is still to be added to"


def test_the_plan_says_what_it_does():
    system = system_of("random program")
    graph = Graph.of(system.structure, ends_of(system))
    plan = ScalarPlan(system.structure, ends_of(system), graph.intermediates)
    from_order = adjoint.solvers.vertex.orders.forward(graph)
    assert plan.multiplications == from_order.multiplications
    assert plan.fill_in == from_order.fill_in


# --- what is refused ------------------------------------------------------------------------------


def test_arrays_are_refused():
    system = system_of("stencil")
    with pytest.raises(NotAcceptedError, match=r"systems of scalars, but z_1 = input\(…\) has 7 entries"):
        ScalarPlan(system.structure, ends_of(system))


def test_an_order_with_strangers_is_refused():
    system = system_of("product")
    for order in ([0], [3, 3]):
        with pytest.raises(ValueError, match="names intermediates of the graph, each at most once"):
            ScalarPlan(system.structure, ends_of(system), order)


def test_another_structure_is_noticed():
    one = adjoint.trace(lambda x, y: np.sin(x * x) + y, 1.0, 2.0).compile()
    other = adjoint.trace(lambda x, y: np.sin(x * y) + y, 1.0, 2.0).compile()
    with pytest.raises(AdjointError, match="analyze it anew"):
        ScalarPlan(one.structure, ends_of(one)).factorize(other)


def test_numba_that_is_missing(monkeypatch):
    monkeypatch.setattr(elimination_program.importlib.util, "find_spec", lambda name: None)
    system = system_of("product")
    with pytest.raises(MissingExtraError, match=r"pip install 'adjoint\[fast\]'"):
        ScalarPlan(system.structure, ends_of(system), compiled=True)
    monkeypatch.setattr(elimination_program, "REPAID", 0)
    assert_solves(system, factor_of(system, compiled=None), system.trace.outputs, ())
