"""SciPy's sparse triangular solve on the assembled scalar matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.errors import NotAcceptedError
from adjoint.solvers.assembled import AssembledFactor
from adjoint.system import ConstraintSystem, assemble
from adjoint.system.assembled_solve import Pattern


@dataclass(frozen=True, slots=True)
class SparseTriangular:
    """Assemble ``A`` and solve by :func:`scipy.sparse.linalg.spsolve_triangular`.

    Accepts systems of explicit constraints (``D = I``), whose scalar matrix is triangular. Wins on large
    irregular traces of scalars; refuses matrices that would not fit in memory.

    Parameters
    ----------
    max_bytes : int, optional
        Refuse an assembly that would take more; half of the free memory by default.
    """

    max_bytes: int | None = None

    def analyze(self, system: ConstraintSystem) -> SparseTriangular:
        """Check that every diagonal block is the identity."""
        for k, primitive in enumerate(system.primitives):
            if primitive.diagonal is not None:
                raise NotAcceptedError(
                    f"'sparse_triangular' takes explicit constraints only, but z_{k + 1} = {primitive.name}(…) is "
                    "implicit: its diagonal block makes A block triangular, not triangular. "
                    "'back_substitution' and 'dense' take it."
                )
        return self

    def factorize(self, system: ConstraintSystem) -> AssembledFactor:
        """Assemble the coordinates of ``A``; a triangular matrix needs no factorization."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return AssembledFactor(system, assemble(system, self.max_bytes), _kernel)


def _kernel(data: np.ndarray, b: np.ndarray, pattern: Pattern) -> np.ndarray:
    shape = (pattern.size, pattern.size)
    matrix = scipy.sparse.csr_array((data, (pattern.rows, pattern.columns)), shape=shape)
    dtype = np.result_type(data, b, np.float64)  # SciPy's kernel works in double precision
    x = scipy.sparse.linalg.spsolve_triangular(matrix.astype(dtype), b.astype(dtype), lower=pattern.lower)
    return np.asarray(x)
