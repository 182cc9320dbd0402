"""Options of solvers, of `explain` and of `solve`: a wrong one is refused where it is given, and named."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import BlockError, NotAcceptedError
from adjoint.extend import Diagonal
from adjoint.solvers.auto import Auto
from adjoint.solvers.block_sparse import BlockSparse
from adjoint.solvers.dense import DenseSolver
from adjoint.solvers.elimination import VertexElimination
from adjoint.solvers.krylov import Krylov
from adjoint.solvers.level_scheduled import LevelScheduled
from adjoint.solvers.neumann import Neumann
from adjoint.solvers.parallel_scan import ParallelScan
from adjoint.solvers.sparse_triangular import SparseTriangular
from adjoint.solvers.superlu import SuperLU
from adjoint.system import options

FLAGS = [(BlockSparse, "eliminate", False), (Krylov, "raise_on_failure", False)]
FLAGS += [(SparseTriangular, "compiled", True), (VertexElimination, "compiled", True)]

SIZED = [DenseSolver, LevelScheduled, ParallelScan, SparseTriangular, SuperLU, VertexElimination]
COUNTS = [(solver, "max_bytes", 0, True) for solver in SIZED]
COUNTS += [(SuperLU, name, 1, False) for name in ("relax", "panel_size")]
COUNTS += [(ParallelScan, "max_state", 1, False), (Neumann, "terms", 1, True), (Auto, "right_hand_sides", 1, False)]
COUNTS += [(Krylov, "max_iterations", 1, True), (Krylov, "restart", 1, False)]

NUMBERS = [
    (Krylov, "tolerance", "a relative residual between 0 and 1", (0, 1, -0.5, 2)),
    (Neumann, "tolerance", "a relative norm between 0 and 1", (0, 1, -0.5, 2)),
    (SuperLU, "diag_pivot_thresh", r"a number between 0 and 1 \(its limits count\)", (-0.1, 1.5)),
]

GOOD = [
    BlockSparse(False),
    DenseSolver(10),
    LevelScheduled(np.int64(10)),
    VertexElimination((3, 2), 10, False),
    VertexElimination("reverse"),
    SparseTriangular(10, False),
    SuperLU("COLAMD", 0, 4, 2, 10),
    SuperLU(diag_pivot_thresh=1.0),
    ParallelScan(4, 10),
    Krylov("cg", 1e-3, 4, 5, False, lambda block: None),
    Krylov(tolerance=np.float32(0.5)),
    Neumann(4, 0.5),
    Auto(3, ("dense",)),
]


@pytest.mark.parametrize("solver", GOOD, ids=lambda solver: type(solver).__name__)
def test_good_options_are_taken_and_kept(solver):
    assert hash(solver) == hash(replace(solver))
    assert solver == replace(solver)
    for field in fields(solver):
        with pytest.raises(FrozenInstanceError):
            setattr(solver, field.name, None)


@pytest.mark.parametrize("value", ["no", 1, 0, None, [], 2.0])
@pytest.mark.parametrize("solver, option, or_none", FLAGS)
def test_flags(solver, option, or_none, value):
    if or_none and value is None:
        assert getattr(solver(**{option: value}), option) is None
        return
    allowed = "True, False or None" if or_none else "True or False"
    message = f"{solver.__name__} takes {option}={allowed}, not {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        solver(**{option: value})


@pytest.mark.parametrize("value", ["50", 2.0, 1e9, True, None, (1,), np.array(3)])
@pytest.mark.parametrize("solver, option, least, or_none", COUNTS)
def test_counts_are_integers(solver, option, least, or_none, value):
    if or_none and value is None:
        assert getattr(solver(**{option: value}), option) is None
        return
    came = "an array of shape ()" if isinstance(value, np.ndarray) else repr(value)
    message = f"{solver.__name__}: {option} must be an integer{' or None' * or_none}, not {came}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        solver(**{option: value})


@pytest.mark.parametrize("solver, option, least, or_none", COUNTS)
def test_counts_have_a_least(solver, option, least, or_none):
    assert getattr(solver(**{option: least}), option) == least
    for value in (least - 1, -7):
        with pytest.raises(ValueError, match=f"^{solver.__name__}: {option} must be at least {least}, not {value}$"):
            solver(**{option: value})


@pytest.mark.parametrize("solver, option, expected, outside", NUMBERS)
def test_real_numbers(solver, option, expected, outside):
    for value in (*outside, "0.1", True, 1j, float("nan"), (0.1,)):
        message = f"^{solver.__name__}: {option} must be {expected}, not {re.escape(repr(value))}$"
        with pytest.raises(ValueError, match=message):
            solver(**{option: value})
    assert getattr(solver(**{option: None}), option) is None


@pytest.mark.parametrize("value", ["natural", "", None, 3, ["NATURAL"], ("NATURAL",)])
def test_the_order_of_columns(value):
    expected = "SuperLU: permc_spec must be one of 'NATURAL', 'COLAMD', 'MMD_AT_PLUS_A', 'MMD_ATA', not "
    with pytest.raises(ValueError, match=f"^{re.escape(expected + repr(value))}$"):
        SuperLU(value)


@pytest.mark.parametrize("value", ["GMRES", None, 3, ["gmres"]])
def test_the_method(value):
    with pytest.raises(
        ValueError, match=rf"Krylov: method must be one of 'gmres', .*'cg'.*, not {re.escape(repr(value))}$"
    ):
        Krylov(value)


@pytest.mark.parametrize("value", ["sideways", None, 3, {1, 2}])
def test_an_order_of_elimination_is_a_name_or_a_sequence(value):
    message = (
        rf"VertexElimination: order must be one of 'auto', .* or a sequence of nodes, not {re.escape(repr(value))}$"
    )
    with pytest.raises(ValueError, match=message):
        VertexElimination(value)


@pytest.mark.parametrize("value", [(0, 1), (1.5,), ("z_3",), (True,), (-1,), [[1, 2]], np.array([1.0])])
def test_an_order_of_elimination_lists_nodes(value):
    with pytest.raises(ValueError, match="VertexElimination: order must list nodes, counted from 1, not "):
        VertexElimination(value)


@pytest.mark.parametrize("order", [[3, 2], np.array([3, 2]), range(3, 1, -1)])
def test_an_order_of_elimination_is_kept_as_a_tuple(order):
    assert VertexElimination(order) == VertexElimination((3, 2))
    assert hash(VertexElimination(order)) == hash(VertexElimination((3, 2)))


@pytest.mark.parametrize(
    "value, message",
    [
        ("dense", r"must be a sequence of names, such as \('dense',\), not 'dense'$"),
        ((), r"must hold at least one name, not \(\)$"),
        ([], r"must hold at least one name, not \[\]$"),
        (3, "must be a sequence of names, not 3$"),
        (("dense", DenseSolver()), "must be a sequence of names, not "),
        ({"dense"}, r"must be a sequence of names, not \{'dense'\}$"),
    ],
)
def test_candidates(value, message):
    with pytest.raises(ValueError, match=f"^Auto: candidates {message}"):
        Auto(candidates=value)
    assert hash(Auto(candidates=["dense"])) == hash(Auto(candidates=("dense",)))


@pytest.mark.parametrize(
    "value, came", [(0, "at least 1, not 0"), ("3", "an integer, not '3'"), (1.5, "an integer, not 1.5")]
)
def test_explain(value, came):
    with pytest.raises(ValueError, match=rf"^explain\(\): right_hand_sides must be {came}$"):
        adjoint.trace(np.sin, 1.0).compile().explain(right_hand_sides=value)


@pytest.mark.parametrize(
    "value, came", [(-1, "at least 0, not -1"), ("2", "an integer, not '2'"), (True, "an integer, not True")]
)
def test_refine(value, came):
    system = adjoint.trace(np.sin, 1.0).compile()
    with pytest.raises(ValueError, match=rf"^solve\(\): refine must be {came}$"):
        system.solve(refine=value)
    assert system.solve(refine=0).arguments[0] == system.solve(refine=np.int64(2)).arguments[0]


def test_a_long_value_is_named_by_its_type():
    with pytest.raises(ValueError, match=r"True or False, not a value of type list$"):
        options.flag("solver", "option", list(range(1000)))
    with pytest.raises(ValueError, match=r"True or False, not an array of shape \(3, 3\)$"):
        options.flag("solver", "option", np.eye(3))


# --- the preconditioner of krylov ---------------------------------------------------------------------

MATRIX = np.array([[4.0, 1.0], [1.0, 3.0]])


@pytest.fixture
def system():
    return adjoint.trace(lambda b: np.linalg.solve(MATRIX, b), np.ones(2)).compile()


@pytest.mark.parametrize("value", [3, "jacobi", MATRIX, Diagonal(np.ones(2), (2,), (2,))])
def test_a_preconditioner_is_a_function(value):
    with pytest.raises(ValueError, match=r"^Krylov: preconditioner must be a function or None, not "):
        Krylov(preconditioner=value)


@pytest.mark.parametrize(
    "close, came",
    [
        (3.0, "3.0"),
        (np.linalg.inv(MATRIX), r"an array of shape \(2, 2\)"),
        (Diagonal, ".*Diagonal.*"),
        (len, ".*len.*"),
    ],
)
def test_a_preconditioner_gives_a_block(system, close, came):
    message = rf"the preconditioner for z_2 = linalg\.solve\(…\) gave {came}, which is no block: .* or None"
    with pytest.raises(BlockError, match=message):
        system.solve(np.ones(2), solver=Krylov(preconditioner=lambda block: close))


def test_a_preconditioner_gives_a_block_of_the_shape(system):
    close = Diagonal(np.ones(3), (3,), (3,))
    with pytest.raises(BlockError, match=r"gave a block from \(3,\) to \(3,\); D⁻¹ goes from \(2,\) to \(2,\)"):
        system.solve(np.ones(2), solver=Krylov(preconditioner=lambda block: close))


def test_anything_that_multiplies_preconditions(system):
    class Half:
        apply = apply_adjoint = staticmethod(lambda v: v / 2)

    found = system.solve(np.ones(2), solver=Krylov(preconditioner=lambda block: Half()))["b"]
    assert_allclose(found, np.linalg.solve(MATRIX.T, np.ones(2)), rtol=1e-10)


def test_a_matrix_that_may_have_no_bytes_is_refused_by_the_solver_and_not_as_an_option():
    with pytest.raises((NotAcceptedError, MemoryError), match="0 B"):
        adjoint.grad(np.sin, solver=DenseSolver(0))(1.0)
