"""Substitution with ``I − U`` in compiled loops: the extra ``fast`` (numba).

numba is imported when the first kernel is compiled. Each is compiled once per process, in some tenths of a second.
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

LARGE = 50_000
"""Unknowns from which compiled loops are chosen: SciPy's solve takes 2 ms there, compiling half a second."""


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
def substitution(transposed: bool, several: bool) -> Callable[..., None]:
    """``sweep(indptr, rows, data, x)`` in place, for one right-hand side ``(size,)`` or several ``(size, m)``."""
    import numba  # an optional package

    sweeps = {(False, False): _backward, (True, False): _forward, (False, True): _backward_many}
    sweep = sweeps.get((transposed, several), _forward_many)
    signature = f"void(i4[::1], i4[::1], f8[::1], f8[{':,::1' if several else '::1'}])"
    compiled: Callable[..., None] = numba.njit(signature, nogil=True)(sweep)
    return compiled


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

    def prepare(matrix: UnitMatrix) -> Prepared:
        if matrix.data.dtype != np.float64 or len(rows) >= 1 << 31:
            return otherwise(matrix)
        data = np.ascontiguousarray(matrix.data)

        def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
            if b.dtype.kind == "c":
                return solve(b.real, transposed) + 1j * solve(b.imag, transposed)
            x = np.ascontiguousarray(b, dtype=np.float64)
            several = x.shape[1] != 1
            substitution(transposed, several)(indptr, rows, data, x if several else x.reshape(-1))
            return x

        return solve

    return prepare
