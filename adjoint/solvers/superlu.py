"""SciPy's sparse LU (SuperLU) on the assembled scalar matrix: for implicit constraints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.errors import NonFinitePartialError, SingularBlockError
from adjoint.solvers.assembly.compressed import Compressed
from adjoint.solvers.assembly.cost import fill_of_blocks, prediction, refuse, sparse_bytes
from adjoint.solvers.assembly.factors import CoordinatePlan, UnitPlan, implicit_constraints, is_traced, triangular_order
from adjoint.solvers.assembly.levels import level_coordinates, level_sweeps
from adjoint.system import ConstraintSystem, options
from adjoint.system.assembled_solve import Pattern, Prepared
from adjoint.system.solving import Prediction
from adjoint.system.structure import Structure
from adjoint.system.unit_matrix import UnitMatrix, UnitPattern

PER_FACTOR_ENTRY = 1e-7  # the symbolic and numeric phases of SuperLU
PER_ENTRY = 6e-9
COLUMN_ORDERS = ("NATURAL", "COLAMD", "MMD_AT_PLUS_A", "MMD_ATA")
_DOUBLES = (np.float64, np.complex128)


@dataclass(frozen=True, slots=True)
class SuperLU:
    """Assemble ``A`` and factorize it by :func:`scipy.sparse.linalg.splu`.

    Accepts every system, implicit constraints among them. Columns are taken in the order of the trace: a triangular
    ``A`` is then its own factor, without fill-in, and of a block triangular one only diagonal blocks fill in.

    Parameters
    ----------
    permc_spec : {"NATURAL", "COLAMD", "MMD_AT_PLUS_A", "MMD_ATA"}
        Order of the columns.
    diag_pivot_thresh : float, optional
        A diagonal entry is the pivot if it is at least this fraction of the largest candidate. By default 0 (no
        pivoting) where all constraints are explicit, and 1 (partial pivoting) where some are implicit: in natural
        order all candidates stand in the diagonal block.
    relax, panel_size : int
        As SuperLU has them, whose own defaults are for matrices with dense parts.
    max_bytes : int, optional
        Refuse an assembly that would take more; half of the free memory by default.
    """

    permc_spec: str = "NATURAL"
    diag_pivot_thresh: float | None = None
    relax: int = 1
    panel_size: int = 1
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        options.one_of("SuperLU", "permc_spec", self.permc_spec, COLUMN_ORDERS)
        options.number(
            "SuperLU", "diag_pivot_thresh", self.diag_pivot_thresh, above=0, below=1, inclusive=True, or_none=True
        )
        for name in ("relax", "panel_size"):
            options.count("SuperLU", name, getattr(self, name))
        options.count("SuperLU", "max_bytes", self.max_bytes, least=0, or_none=True)

    def analyze(self, system: ConstraintSystem) -> UnitPlan | CoordinatePlan:
        """Find the pattern of ``A`` by columns."""
        general = CoordinatePlan(self._coordinates, triangular_order(system) is not None, self.max_bytes)
        if implicit_constraints(system) or is_traced(system):
            return general
        return UnitPlan(system, self._by_columns, general)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """Natural order: diagonal blocks of implicit constraints are taken to be dense."""
        refuse("superlu", structure, sparse_bytes(structure), self.max_bytes)
        fill_in = fill_of_blocks(structure)
        stored = structure.matrix_nonzeros + fill_in
        multiplications = int(sum(int(structure.sizes[k]) ** 3 for k in structure.implicit)) // 3
        return prediction(
            structure,
            right_hand_sides,
            seconds_per_solve=stored * right_hand_sides * PER_ENTRY,
            depth=structure.unknowns,
            factor_seconds=stored * PER_FACTOR_ENTRY + multiplications * 1e-9,
            factor_multiplications=multiplications,
            fill_in=fill_in,
        )

    def _factorize(self, matrix: scipy.sparse.csc_array, pivoting: float) -> scipy.sparse.linalg.SuperLU:
        threshold = pivoting if self.diag_pivot_thresh is None else self.diag_pivot_thresh
        try:
            return scipy.sparse.linalg.splu(
                matrix, self.permc_spec, threshold, self.relax, self.panel_size, options={"Equil": pivoting > 0}
            )
        except RuntimeError as error:
            if "singular" not in str(error):
                raise
            raise SingularBlockError(f"the sparse matrix A of size {matrix.shape[0]} is singular: {error}") from error

    def _by_columns(self, pattern: UnitPattern) -> Callable[[UnitMatrix], Prepared]:
        compressed = Compressed.of(pattern, by_rows=False)

        def prepare(matrix: UnitMatrix) -> Prepared:
            dtype = np.result_type(matrix.data, np.float64)
            if dtype not in _DOUBLES:  # SuperLU has no longer doubles; a triangular matrix does not need it
                return level_sweeps(matrix.pattern)(matrix)
            if not pattern.size:
                return _nothing
            entries = compressed.csc(compressed.entries(matrix.data, dtype))
            return LU(entries, self._factorize(entries, 0.0))

        return prepare

    def _coordinates(self, data: np.ndarray, pattern: Pattern) -> Prepared:
        dtype = np.result_type(data, np.float64)
        if dtype not in _DOUBLES and pattern.triangular is not None:
            return level_coordinates(data, pattern)
        if not np.isfinite(data).all():
            raise NonFinitePartialError(
                "'superlu' cannot keep zeros structural against NaN or infinity in a matrix that is not triangular; "
                "'back_substitution' does"
            )
        if not pattern.size:
            return _nothing
        shape = (pattern.size, pattern.size)
        matrix = scipy.sparse.csc_array((data.astype(dtype), (pattern.rows, pattern.columns)), shape=shape)
        double = matrix.astype(np.complex128 if dtype.kind == "c" else np.float64)
        lu = LU(double, self._factorize(double, 0.0 if pattern.triangular else 1.0))
        return lu if dtype in _DOUBLES else _refined(matrix, lu)


class LU:
    """The factors ``L U`` of a matrix, both of its solves, and what they cost.

    Attributes
    ----------
    nonzeros : int
        Of ``L`` and ``U`` together; the unit diagonal of ``L`` is not counted.
    fill_in : int
        Of these, how many are none of the matrix's own.
    """

    __slots__ = ("_complex", "_lu", "fill_in", "nonzeros")

    def __init__(self, matrix: scipy.sparse.csc_array, lu: scipy.sparse.linalg.SuperLU) -> None:
        self._lu = lu
        self._complex = matrix.dtype.kind == "c"
        self.nonzeros = int(lu.nnz) - matrix.shape[0]
        self.fill_in = self.nonzeros - int(matrix.nnz)

    def __call__(self, b: np.ndarray, transposed: bool) -> np.ndarray:
        """Solve for plain ``b`` of shape ``(size, m)``."""
        way = "T" if transposed else "N"
        x: np.ndarray
        if b.dtype.kind == "c" and not self._complex:
            x = self._lu.solve(b.real.copy(), way) + 1j * self._lu.solve(b.imag.copy(), way)
        else:
            x = self._lu.solve(np.asfortranarray(b), way)
        return x


def _nothing(b: np.ndarray, transposed: bool) -> np.ndarray:
    """The solution of a system without unknowns."""
    return b


def _refined(matrix: scipy.sparse.csc_array, lu: LU) -> Prepared:
    """Two steps of iterative refinement give the digits that doubles have not."""

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        full = matrix.T if transposed else matrix
        double = np.complex128 if b.dtype.kind == "c" else np.float64
        x = lu(b.astype(double), transposed).astype(b.dtype)
        for _ in range(2):
            x = x + lu((b - full @ x).astype(double), transposed)
        return x

    return solve
