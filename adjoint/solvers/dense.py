"""LAPACK on the dense scalar matrix: for tiny systems, and the reference in the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.errors import AssemblyTooLargeError, SingularBlockError
from adjoint.solvers.assembly.cost import prediction, refuse
from adjoint.solvers.assembly.factors import AssembledFactor, CoordinatePlan, triangular_order
from adjoint.system import ConstraintSystem, options
from adjoint.system.assembled_solve import Pattern, Prepared, sweep
from adjoint.system.assembly import format_bytes, memory_limit
from adjoint.system.solving import Prediction
from adjoint.system.structure import Structure

PER_CALL = 1e-4
PER_SQUARE_ENTRY = 2e-9  # of the N × N array: zeros, and its first use
PER_MULTIPLICATION = 4e-10


@dataclass(frozen=True, slots=True)
class DenseSolver:
    """Assemble ``A`` as a dense array; triangular solve, or LU where a diagonal block is not triangular.

    Accepts every system whose ``N × N`` matrix fits in memory.

    Parameters
    ----------
    max_bytes : int, optional
        Refuse a matrix that would take more; half of the free memory by default.
    """

    max_bytes: int | None = None

    def __post_init__(self) -> None:
        options.count("DenseSolver", "max_bytes", self.max_bytes, least=0, or_none=True)

    def analyze(self, system: ConstraintSystem) -> DenseSolver:
        """Check the size of the dense matrix."""
        n = system.shape[0]
        limit = memory_limit() if self.max_bytes is None else self.max_bytes
        if 16 * n * n > limit:
            raise AssemblyTooLargeError(
                f"a dense A of {n:,} × {n:,} needs about {format_bytes(16 * n * n)}, more than the "
                f"{format_bytes(limit)} allowed; 'back_substitution' needs no matrix, "
                "'sparse_triangular' a sparse one"
            )
        return self

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """The whole square is filled, and solved with."""
        n = structure.unknowns
        refuse("dense", structure, 16 * n * n, self.max_bytes)
        multiplications = n**3 // 3 if structure.implicit else 0
        return prediction(
            structure,
            right_hand_sides,
            seconds_per_solve=PER_CALL + n * n * right_hand_sides * PER_MULTIPLICATION,
            depth=n,
            factor_seconds=n * n * PER_SQUARE_ENTRY + multiplications * PER_MULTIPLICATION / 4,
            factor_multiplications=multiplications,
            fill_in=n * n - structure.matrix_nonzeros,
            dense=True,
        )

    def factorize(self, system: ConstraintSystem) -> AssembledFactor:
        """Assemble the coordinates of ``A``."""
        triangular = triangular_order(system) is not None
        return CoordinatePlan(_triangular if triangular else _general, triangular, self.max_bytes).factorize(system)


def _matrix(data: np.ndarray, pattern: Pattern) -> np.ndarray:
    shape = (pattern.size, pattern.size)
    dense: np.ndarray = scipy.sparse.coo_array((data, (pattern.rows, pattern.columns)), shape=shape).toarray()
    return dense


def _triangular(data: np.ndarray, pattern: Pattern) -> Prepared:
    if data.dtype.char in "gG":  # LAPACK has no longer doubles
        return lambda b, transposed: sweep(data, b, pattern.transposed if transposed else pattern)
    matrix = _matrix(data, pattern)
    lower = pattern.triangular == "lower"

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        if not matrix.size:
            return b
        x: np.ndarray = scipy.linalg.solve_triangular(matrix, b, lower=lower, trans=int(transposed), check_finite=False)
        return x

    return solve


def _general(data: np.ndarray, pattern: Pattern) -> Prepared:
    matrix = _matrix(data, pattern)
    if not matrix.size:
        return lambda b, transposed: b
    double = {"g": np.dtype(float), "G": np.dtype(complex)}.get(matrix.dtype.char, matrix.dtype)
    (getrf,) = scipy.linalg.get_lapack_funcs(("getrf",), (matrix.astype(double),))
    lu, pivots, info = getrf(matrix.astype(double))
    if info > 0:
        raise SingularBlockError(f"the dense matrix A of size {pattern.size} is singular: pivot {info} is zero")

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        x: np.ndarray = scipy.linalg.lu_solve((lu, pivots), b, trans=int(transposed), check_finite=False)
        if double == matrix.dtype:
            return x
        for _ in range(2):  # two steps of refinement give the digits that LAPACK has not
            r = b - (matrix.T if transposed else matrix) @ x
            x = x + scipy.linalg.lu_solve((lu, pivots), r.astype(double), trans=int(transposed), check_finite=False)
        return x

    return solve
