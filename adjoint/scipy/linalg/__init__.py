"""scipy.linalg: SciPy's functions, recorded on traced values.

``from adjoint.scipy.linalg import expm`` in place of ``from scipy.linalg import expm``: on plain arrays it is SciPy's
own function, and so is every name that is not listed here. Arguments named ``overwrite_…`` have no effect on traced
values. A matrix that is declared symmetric or triangular has no derivative with respect to the entries that are not
read.
"""

from __future__ import annotations

from typing import Any

from scipy import linalg

from adjoint.scipy.linalg.decompositions import eigh, eigvalsh, lu_factor, lu_solve, norm, qr, svd, svdvals
from adjoint.scipy.linalg.functions import (
    block_diag,
    expm,
    logm,
    solve_continuous_lyapunov,
    solve_sylvester,
    sqrtm,
    toeplitz,
)
from adjoint.scipy.linalg.systems import cho_factor, cho_solve, cholesky, det, inv, solve, solve_triangular

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "det",
    "eigh",
    "eigvalsh",
    "expm",
    "inv",
    "logm",
    "lu_factor",
    "lu_solve",
    "norm",
    "qr",
    "solve",
    "solve_continuous_lyapunov",
    "solve_sylvester",
    "solve_triangular",
    "sqrtm",
    "svd",
    "svdvals",
    "toeplitz",
]


def __getattr__(name: str) -> Any:
    return getattr(linalg, name)
