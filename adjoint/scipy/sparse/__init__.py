"""scipy.sparse with traced entries: ``csr_array((data, indices, indptr), shape)`` where ``data`` may be traced.

Constant sparse matrices need no wrapper: ``S @ x`` and ``x @ S`` of a traced ``x`` are recorded. Where the entries
themselves are traced, the functions here give a :class:`SparseArray`, and SciPy's own arrays otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from adjoint.primitives.sparse_products import SparseArray
from adjoint.scipy.sparse import linalg
from adjoint.tracing import Tracer, stacked

__all__ = ["SparseArray", "coo_array", "csc_array", "csr_array", "diags_array", "linalg"]

Coordinates = Callable[[Any, tuple[int, int] | None], tuple[np.ndarray, np.ndarray, tuple[int, int]]]


def _traced(data: Any) -> Any:
    """The data as one array if some of it is traced, else ``None``."""
    data = stacked(data)
    return data if type(data) is Tracer else None


def _compressed(indices: Any, indptr: Any) -> tuple[np.ndarray, np.ndarray]:
    """Which of the compressed vectors each entry is in, and its place there."""
    counts = np.diff(np.asarray(indptr))
    return np.repeat(np.arange(counts.size), counts), np.asarray(indices)


def _shape(rows: np.ndarray, columns: np.ndarray, least: tuple[int, int], shape: Any) -> tuple[int, int]:
    found = (
        max(least[0], int(rows.max(initial=-1)) + 1),
        max(least[1], int(columns.max(initial=-1)) + 1),
    )
    if shape is None:
        return found
    m, n = (int(k) for k in shape)
    if found[0] > m or found[1] > n:
        raise ValueError(f"entries of a sparse array lie outside of its shape {(m, n)}")
    return m, n


def _sized(data: Any, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> SparseArray:
    if data.shape != rows.shape or rows.shape != columns.shape:
        raise ValueError(f"data {data.shape}, rows {rows.shape} and columns {columns.shape} differ in length")
    return SparseArray(data, rows, columns, shape)


def csr_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> Any:
    """As :class:`scipy.sparse.csr_array`, of ``(data, indices, indptr)`` or ``(data, (row, col))`` with traced data."""
    return _made(scipy.sparse.csr_array, arg1, shape, dtype, copy, options)


def csc_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> Any:
    """As :class:`scipy.sparse.csc_array`, of ``(data, indices, indptr)`` or ``(data, (row, col))`` with traced data."""
    return _made(scipy.sparse.csc_array, arg1, shape, dtype, copy, options)


def coo_array(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False, **options: Any) -> Any:
    """As :class:`scipy.sparse.coo_array`, of ``(data, (row, col))`` with traced data."""
    return _made(scipy.sparse.coo_array, arg1, shape, dtype, copy, options)


def _made(kind: Any, arg1: Any, shape: Any, dtype: Any, copy: bool, options: dict[str, Any]) -> Any:
    data = _traced(arg1[0]) if isinstance(arg1, tuple) and len(arg1) in (2, 3) else None
    if isinstance(arg1, SparseArray):
        return arg1
    if data is None:
        return kind(arg1, shape=shape, dtype=dtype, copy=copy, **options)
    data = data if dtype is None else data.astype(dtype)
    if len(arg1) == 2:
        rows, columns = (np.asarray(index) for index in arg1[1])
        least = (0, 0)
    else:
        vectors, places = _compressed(arg1[1], arg1[2])
        by_rows = kind is scipy.sparse.csr_array
        rows, columns = (vectors, places) if by_rows else (places, vectors)
        count = len(arg1[2]) - 1
        least = (count, 0) if by_rows else (0, count)
    return _sized(data, rows, columns, _shape(rows, columns, least, shape))


def diags_array(diagonals: Any, /, *, offsets: Any = 0, shape: Any = None, **options: Any) -> Any:
    """As :func:`scipy.sparse.diags_array`, of traced diagonals."""
    single = np.ndim(offsets) == 0
    lines = [diagonals] if single and _rank(diagonals) == 1 else list(diagonals)
    starts = [int(k) for k in np.atleast_1d(offsets)]
    parts = [stacked(line) for line in lines]
    if not any(type(part) is Tracer for part in parts):
        return scipy.sparse.diags_array(diagonals, offsets=offsets, shape=shape, **options)
    if len(parts) != len(starts):
        raise ValueError("Different number of diagonals and offsets.")
    if shape is None:
        size = len(parts[0]) + abs(starts[0])
        shape = (size, size)
    m, n = shape
    found = []
    for part, k in zip(parts, starts, strict=True):
        length = max(0, min(m + min(k, 0), n - max(k, 0)))
        if part.shape not in ((length,), (1,), ()):
            raise ValueError(
                f"Diagonal length (at offset {k}: {part.shape}) does not agree with array size ({m}, {n})."
            )
        line = np.arange(length)
        found.append((np.broadcast_to(part, (length,)), line + max(-k, 0), line + max(k, 0)))
    data, rows, columns = (np.concatenate(pieces) for pieces in zip(*found, strict=True))
    return SparseArray(data, rows, columns, (m, n))


def _rank(diagonals: Any) -> int:
    if hasattr(diagonals, "ndim"):
        return int(diagonals.ndim)
    return 1 if all(np.ndim(x) == 0 for x in diagonals) else 2


def __getattr__(name: str) -> Any:
    return getattr(scipy.sparse, name)
