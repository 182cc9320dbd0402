"""SciPy's sparse triangular solve on the assembled scalar matrix; a compiled loop where numba is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.solvers.assembly.compressed import Compressed
from adjoint.solvers.assembly.cost import prediction, refuse, sparse_bytes
from adjoint.solvers.assembly.factors import CoordinatePlan, UnitPlan, implicit_constraints, is_traced, refuse_blocks
from adjoint.solvers.assembly.kernels import chosen, compiled_sweeps
from adjoint.solvers.assembly.levels import level_coordinates, level_sweeps, refuse_zeros
from adjoint.system import ConstraintSystem, options
from adjoint.system.assembled_solve import Pattern, Prepared
from adjoint.system.solving import Prediction
from adjoint.system.structure import Structure
from adjoint.system.unit_matrix import UnitMatrix, UnitPattern

PER_CALL = 2e-4  # checks and copies of spsolve_triangular
PER_ENTRY = 4e-9  # of A: 13 ns in the first solve of the scalar program, for three parts
PER_ENTRY_COMPILED = 0.8e-9


@dataclass(frozen=True, slots=True)
class SparseTriangular:
    """Assemble ``A`` and solve by :func:`scipy.sparse.linalg.spsolve_triangular`.

    Accepts systems whose diagonal blocks are triangular; those of explicit constraints are (``D = I``). Wins on large
    irregular traces of scalars; refuses matrices that would not fit in memory.

    Parameters
    ----------
    max_bytes : int, optional
        Refuse an assembly that would take more; half of the free memory by default.
    compiled : bool, optional
        Whether to evaluate, linearize and solve in loops compiled by numba (the extra ``fast``). By default where that
        is installed and the system has 50,000 unknowns or more.
    """

    max_bytes: int | None = None
    compiled: bool | None = None

    def __post_init__(self) -> None:
        options.count("SparseTriangular", "max_bytes", self.max_bytes, least=0, or_none=True)
        options.flag("SparseTriangular", "compiled", self.compiled, or_none=True)

    def analyze(self, system: ConstraintSystem) -> UnitPlan | CoordinatePlan:
        """Find the pattern of ``A``, and the order of its entries by rows."""
        implicit = implicit_constraints(system)
        refuse_blocks("sparse_triangular", system, implicit)
        general = CoordinatePlan(triangular_coordinates, True, self.max_bytes)
        compiled = chosen(self.compiled, system.shape[0])
        if implicit or is_traced(system):
            return general
        if not compiled:
            return UnitPlan(system, by_rows, general)
        return UnitPlan(system, compiled_rows, general, self.compiled)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """SciPy's kernel prepares its matrix at each call, which costs as much as two right-hand sides."""
        refuse("sparse_triangular", structure, sparse_bytes(structure), self.max_bytes, implicit=True)
        if chosen(self.compiled, structure.unknowns):
            seconds = structure.matrix_nonzeros * PER_ENTRY_COMPILED * (right_hand_sides + 1)
        else:
            seconds = PER_CALL + structure.matrix_nonzeros * PER_ENTRY * (right_hand_sides + 2)
        return prediction(structure, right_hand_sides, seconds_per_solve=seconds, depth=structure.unknowns)


def by_rows(pattern: UnitPattern) -> Callable[[UnitMatrix], Prepared]:
    """``I − U`` by rows, its unit diagonal among the entries: the form of which SciPy copies least."""
    compressed = Compressed.of(pattern, by_rows=True)

    def prepare(matrix: UnitMatrix) -> Prepared:
        dtype = np.result_type(matrix.data, np.float64)  # SciPy's kernel works in double precision
        if dtype not in (np.float64, np.complex128):
            return level_sweeps(matrix.pattern)(matrix)
        entries = compressed.entries(matrix.data, dtype)
        return _solver(compressed.csr(entries), compressed.csc(entries))

    return prepare


def compiled_rows(pattern: UnitPattern) -> Callable[[UnitMatrix], Prepared]:
    """Compiled sweeps where they know the dtype."""
    return compiled_sweeps(pattern, lambda matrix: by_rows(matrix.pattern)(matrix))


def _solver(upper: scipy.sparse.csr_array, lower: scipy.sparse.csc_array) -> Prepared:
    """Both are one matrix, and its transpose, over the same arrays."""

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        if not upper.shape[0]:
            return b
        matrix = lower if transposed else upper
        x: np.ndarray = scipy.sparse.linalg.spsolve_triangular(
            matrix,
            b[:, 0] if b.shape[1] == 1 else b,
            lower=transposed,
            unit_diagonal=True,
            overwrite_A=True,  # nothing is overwritten but the diagonal, by the ones that stand there
            overwrite_b=True,
        )
        return x.reshape(b.shape)

    return solve


def triangular_coordinates(data: np.ndarray, pattern: Pattern) -> Prepared:
    """The same for coordinates with any diagonal."""
    dtype = np.result_type(data, np.float64)
    if dtype not in (np.float64, np.complex128):
        return level_coordinates(data, pattern)
    shape = (pattern.size, pattern.size)
    matrix = scipy.sparse.csr_array((data.astype(dtype), (pattern.rows, pattern.columns)), shape=shape)
    refuse_zeros(matrix.diagonal())
    lower = pattern.triangular == "lower"

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        x = scipy.sparse.linalg.spsolve_triangular(
            matrix.T if transposed else matrix, b.astype(np.result_type(b, dtype)), lower=lower != transposed
        )
        return np.asarray(x)

    return solve
