"""Linear systems with one matrix: general, symmetric, triangular, or factorized before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks.solve import Triangle
from adjoint.primitives.linalg import solve_with
from adjoint.primitives.matrices import filled
from adjoint.scipy.linalg.calls import finite, recorded

_READ: dict[str | None, Callable[[Any, bool], Any]] = {
    **dict.fromkeys((None, "general", "gen", "banded"), lambda a, lower: a),
    "diagonal": lambda a, lower: np.triu(np.tril(a)),
    "tridiagonal": lambda a, lower: np.triu(np.tril(a, 1), -1),
    "upper triangular": lambda a, lower: np.triu(a),
    "lower triangular": lambda a, lower: np.tril(a),
    **dict.fromkeys(("symmetric", "sym"), lambda a, lower: filled(a, lower=lower, conjugates=False)),
    **dict.fromkeys(("hermitian", "her"), lambda a, lower: filled(a, lower=lower)),
    **dict.fromkeys(("positive definite", "pos"), lambda a, lower: filled(a, lower=lower)),
}
"""What ``assume_a`` says of a matrix: the matrix that is read."""


def read(name: str, a: Any, assume_a: str | None, lower: bool) -> Any:
    if assume_a not in _READ:
        raise ValueError(f"{assume_a} is not a recognized matrix structure")
    return _READ[assume_a](a, lower)


@recorded
def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Any:
    a, b = finite(check_finite, a, b)
    a = read("solve", a, assume_a, lower)
    if transposed and a.dtype.kind == "c":
        raise NotImplementedError("scipy.linalg.solve can currently not solve a^T x = b or a^H x = b for complex a")
    return np.linalg.solve(a.mT if transposed else a, b)


@recorded
def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    a, b = finite(check_finite, a, b)
    if unit_diagonal:
        a = (np.tril(a, -1) if lower else np.triu(a, 1)) + np.eye(a.shape[-1], dtype=a.dtype)
    return triangular(a, b, lower, {"N": 0, "T": 1, "C": 2}.get(trans, trans))


def triangular(a: Any, b: Any, lower: bool, trans: int) -> Any:
    """``A⁻¹ b``, ``A⁻ᵀ b`` or ``A⁻ᴴ b`` with one triangle of ``A``."""
    a = np.tril(a) if lower else np.triu(a)
    kind = Triangle(lower=bool(lower))
    if trans == 1 and a.dtype.kind == "c":
        return np.conjugate(solve_with(a, np.conjugate(b), kind, True))
    return solve_with(a, b, kind, trans != 0)


@recorded
def cholesky(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = finite(check_finite, a)
    return np.linalg.cholesky(a, upper=not lower)


@recorded
def cho_factor(a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """The other triangle, in which SciPy leaves something, is 0 here."""
    return cholesky(a, lower, check_finite=check_finite), lower


@recorded
def cho_solve(c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True) -> Any:
    c, lower = c_and_lower
    c, b = finite(check_finite, c, b)
    first, second = (0, 2) if lower else (2, 0)
    return triangular(c, triangular(c, b, lower, first), lower, second)


@recorded
def inv(
    a: Any, overwrite_a: bool = False, check_finite: bool = True, *, assume_a: str | None = None, lower: bool = False
) -> Any:
    (a,) = finite(check_finite, a)
    return np.linalg.inv(read("inv", a, assume_a, lower))


@recorded
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    (a,) = finite(check_finite, a)
    return np.linalg.det(a.astype(np.result_type(a.dtype, np.float64)))  # as SciPy does it
