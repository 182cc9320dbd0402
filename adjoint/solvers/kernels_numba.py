"""Substitution with ``I − U`` in compiled loops: the extra ``fast`` (numba).

numba is imported when the first kernel is compiled. Kernels are compiled once per process, in about a second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from adjoint.errors import MissingExtraError
from adjoint.system.assembled_solve import Prepared
from adjoint.system.compiled import numba_found
from adjoint.system.unit_matrix import UnitMatrix, UnitPattern

LARGE = 20_000
"""Unknowns from which compiled loops are chosen: there a solve costs a millisecond, and compiling about a second."""


def chosen(compiled: bool | None, size: int) -> bool:
    """Whether a strategy runs compiled: as it was told, or where numba is installed and the system large.

    Raises
    ------
    MissingExtraError
        If it was told to, and numba is not installed.
    """
    if compiled and not numba_found():
        raise MissingExtraError("compiled=True needs numba, which is not installed: pip install 'adjoint[fast]'")
    return numba_found() and size >= LARGE if compiled is None else compiled


@cache
def substitutions() -> tuple[Callable[..., None], Callable[..., None], Callable[..., None], Callable[..., None]]:
    """``backward`` and ``forward`` in place, for one right-hand side ``(size,)`` and for several ``(size, m)``."""
    import numba  # an optional package

    signature = "void(i4[::1], i4[::1], f8[::1], f8[{}])"
    compile_one, compile_many = (numba.njit(signature.format(shape), nogil=True) for shape in ("::1", ":,::1"))
    return (
        compile_one(_backward),
        compile_one(_forward),
        compile_many(_backward_many),
        compile_many(_forward_many),
    )


def _backward(indptr: Any, rows: Any, data: Any, x: Any) -> None:
    """From the last unknown to the first: once all above have been paid into it, it pays into those below."""
    stop = indptr[x.size]
    for k in range(x.size - 1, -1, -1):
        multiplier = x[k]
        start = indptr[k]
        for e in range(start, stop):
            x[rows[e]] += data[e] * multiplier
        stop = start


def _forward(indptr: Any, rows: Any, data: Any, x: Any) -> None:
    for k in range(x.size):
        total = x[k]
        for e in range(indptr[k], indptr[k + 1]):
            total += data[e] * x[rows[e]]
        x[k] = total


def _backward_many(indptr: Any, rows: Any, data: Any, x: Any) -> None:
    for k in range(x.shape[0] - 1, -1, -1):
        for e in range(indptr[k], indptr[k + 1]):
            row, partial = rows[e], data[e]
            for j in range(x.shape[1]):
                x[row, j] += partial * x[k, j]


def _forward_many(indptr: Any, rows: Any, data: Any, x: Any) -> None:
    for k in range(x.shape[0]):
        for e in range(indptr[k], indptr[k + 1]):
            row, partial = rows[e], data[e]
            for j in range(x.shape[1]):
                x[k, j] += partial * x[row, j]


def compiled_sweeps(
    pattern: UnitPattern, otherwise: Callable[[UnitMatrix], Prepared]
) -> Callable[[UnitMatrix], Prepared]:
    """Column sweeps over the matrix as it is stored; other dtypes than float64 are left to ``otherwise``."""
    # 32 bits: half of the traffic, which is most of the cost
    indptr, rows = pattern.indptr.astype(np.int32), pattern.rows.astype(np.int32)
    backward, forward, backward_many, forward_many = substitutions()

    def prepare(matrix: UnitMatrix) -> Prepared:
        if matrix.data.dtype != np.float64 or len(rows) >= 1 << 31:
            return otherwise(matrix)
        data = np.ascontiguousarray(matrix.data)

        def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
            if b.dtype.kind == "c":
                return solve(b.real, transposed) + 1j * solve(b.imag, transposed)
            x = np.ascontiguousarray(b, dtype=np.float64)
            if x.shape[1] == 1:
                (forward if transposed else backward)(indptr, rows, data, x.reshape(-1))
            else:
                (forward_many if transposed else backward_many)(indptr, rows, data, x)
            return x

        return solve

    return prepare
