"""Functions of matrices, matrix equations and special matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import linalg

from adjoint.blocks.sylvester import sylvester
from adjoint.primitives.copies import copying
from adjoint.primitives.matrices import hermitian_transpose, inexact
from adjoint.primitives.matrix_functions import FUNCTIONS_OF_MATRICES
from adjoint.scipy.linalg.calls import finite, recorded, refuse

# --- functions of matrices, and matrix equations --------------------------------------------------


def _of_matrix(name: str) -> Callable[..., Any]:
    def handler(A: Any, disp: Any = True, blocksize: Any = None) -> Any:
        if disp is not True:
            refuse(name, "disp", disp)
        return FUNCTIONS_OF_MATRICES[name](inexact(A))

    handler.__name__ = handler.__qualname__ = name
    return recorded(handler)


expm, logm, sqrtm = (_of_matrix(name) for name in ("expm", "logm", "sqrtm"))


@recorded
def solve_sylvester(a: Any, b: Any, q: Any) -> Any:
    a, b, q = finite(True, a, b, q)
    return sylvester(a, b, q)


@recorded
def solve_continuous_lyapunov(a: Any, q: Any) -> Any:
    a, q = finite(True, a, q)
    return sylvester(a, hermitian_transpose(a), q)


# --- special matrices -----------------------------------------------------------------------------

_toeplitz = copying(linalg.toeplitz, "c", "r")
_block_diagonal = copying(lambda arrs: linalg.block_diag(*arrs), "arrs", name="block_diag")


@recorded
def toeplitz(c: Any, r: Any = None) -> Any:
    return _toeplitz(c, np.conjugate(c) if r is None else r)


@recorded
def block_diag(*arrs: Any) -> Any:
    return _block_diagonal(list(arrs))
