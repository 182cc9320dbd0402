"""SciPy's sparse triangular solve on the assembled scalar matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from adjoint.errors import NotAcceptedError
from adjoint.solvers.assembled import AssembledFactor, implicit_constraints, triangular_order
from adjoint.system import ConstraintSystem, assemble
from adjoint.system.assembled_solve import Pattern, sweep


@dataclass(frozen=True, slots=True)
class SparseTriangular:
    """Assemble ``A`` and solve by :func:`scipy.sparse.linalg.spsolve_triangular`.

    Accepts systems whose diagonal blocks are triangular; those of explicit constraints are (``D = I``). Wins on large
    irregular traces of scalars; refuses matrices that would not fit in memory.

    Parameters
    ----------
    max_bytes : int, optional
        Refuse an assembly that would take more; half of the free memory by default.
    """

    max_bytes: int | None = None

    def analyze(self, system: ConstraintSystem) -> SparseTriangular:
        """Check that every diagonal block is triangular."""
        for k in implicit_constraints(system):
            if system.diagonal_of(k).triangular is None:  # type: ignore[union-attr]  # implicit: it has one
                raise NotAcceptedError(
                    f"'sparse_triangular' needs triangular diagonal blocks, but that of the implicit constraint "
                    f"z_{k + 1} = {system.primitives[k].name}(…) is not: it makes A block triangular only. "
                    "'back_substitution' and 'dense' take it."
                )
        return self

    def factorize(self, system: ConstraintSystem) -> AssembledFactor:
        """Assemble the coordinates of ``A``; a triangular matrix needs no factorization."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            assembled = assemble(system, self.max_bytes)
        return AssembledFactor(system, assembled, _kernel, order=triangular_order(system))


def _kernel(data: np.ndarray, b: np.ndarray, pattern: Pattern) -> np.ndarray:
    shape = (pattern.size, pattern.size)
    matrix = scipy.sparse.csr_array((data, (pattern.rows, pattern.columns)), shape=shape)
    dtype = np.result_type(data, b, np.float64)  # SciPy's kernel works in double precision
    if dtype not in (np.float64, np.complex128):
        return sweep(data, b, pattern)
    x = scipy.sparse.linalg.spsolve_triangular(
        matrix.astype(dtype), b.astype(dtype), lower=pattern.triangular == "lower"
    )
    return np.asarray(x)
