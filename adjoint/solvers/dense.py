"""LAPACK on the dense scalar matrix: for tiny systems, and the reference in the tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.errors import AssemblyTooLargeError, SingularBlockError
from adjoint.solvers.assembled import AssembledFactor, triangular_order
from adjoint.system import ConstraintSystem, assemble
from adjoint.system.assembled_solve import Pattern
from adjoint.system.assembly import format_bytes, memory_limit


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

    def factorize(self, system: ConstraintSystem) -> AssembledFactor:
        """Assemble the coordinates of ``A``."""
        order = triangular_order(system)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            assembled = assemble(system, self.max_bytes)
        if order is None:
            return AssembledFactor(system, assembled, _general, triangular=None)
        return AssembledFactor(system, assembled, _triangular, order=order)


def _matrix(data: np.ndarray, pattern: Pattern) -> np.ndarray:
    shape = (pattern.size, pattern.size)
    dense: np.ndarray = scipy.sparse.coo_array((data, (pattern.rows, pattern.columns)), shape=shape).toarray()
    return dense


def _triangular(data: np.ndarray, b: np.ndarray, pattern: Pattern) -> np.ndarray:
    matrix = _matrix(data, pattern)
    if not matrix.size:
        return b
    x: np.ndarray = scipy.linalg.solve_triangular(matrix, b, lower=pattern.triangular == "lower", check_finite=False)
    return x


def _general(data: np.ndarray, b: np.ndarray, pattern: Pattern) -> np.ndarray:
    try:
        return np.linalg.solve(_matrix(data, pattern), b)
    except np.linalg.LinAlgError as error:
        raise SingularBlockError(f"the dense matrix A of size {pattern.size} is singular: {error}") from error
