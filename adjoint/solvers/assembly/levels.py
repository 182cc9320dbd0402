"""Substitution with ``I − U`` level by level: one vectorized step for all unknowns that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from adjoint.errors import SingularBlockError
from adjoint.system.assembled_solve import Pattern, Prepared
from adjoint.system.layout import Layout
from adjoint.system.unit_matrix import UnitMatrix, UnitPattern


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One step: ``x[unknowns] += Σ data[entries] * x[sources]``, with sums over segments that begin at ``starts``."""

    unknowns: slice | np.ndarray
    entries: slice
    sources: np.ndarray
    starts: np.ndarray | None


def schedule(levels: np.ndarray, indptr: np.ndarray, sources: np.ndarray) -> list[Level]:
    """The steps over a matrix stored by the unknowns that are computed; levels without entries are left out."""
    return list(_steps(levels.tolist(), indptr, sources))


def _steps(levels: list[int], indptr: np.ndarray, sources: np.ndarray) -> Iterator[Level]:
    for start, stop in pairwise(levels):
        first, last = int(indptr[start]), int(indptr[stop])
        if first == last:
            continue
        begins = indptr[start:stop]
        filled = np.flatnonzero(np.diff(indptr[start : stop + 1]))
        whole = filled.size == stop - start
        unknowns = slice(start, stop) if whole else start + filled
        starts = (begins if whole else begins[filled]) - first
        # where each unknown has one entry there is nothing to add up
        yield Level(unknowns, slice(first, last), sources[first:last], starts if starts.size < last - first else None)


def level_sweeps(pattern: UnitPattern) -> Callable[[UnitMatrix], Prepared]:
    """The schedules of both sweeps; the result takes the numbers of each point."""
    order = np.argsort(pattern.rows, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(pattern.rows, minlength=pattern.size))])
    backward = schedule(pattern.levels, indptr, pattern.columns[order])[::-1]
    forward = schedule(pattern.levels, pattern.indptr, pattern.rows)

    def prepare(matrix: UnitMatrix) -> Prepared:
        by_columns = matrix.data
        by_rows = by_columns[order]

        def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
            return _sweep(forward, by_columns, b) if transposed else _sweep(backward, by_rows, b)

        return solve

    return prepare


def _sweep(steps: list[Level], data: np.ndarray, b: np.ndarray) -> np.ndarray:
    dtype = np.result_type(data, b)
    if b.shape[1] == 1:
        x = b[:, 0].astype(dtype)
    else:
        x, data = b.astype(dtype), data[:, None]
    for step in steps:
        products = data[step.entries] * x.take(step.sources, axis=0)
        sums = products if step.starts is None else np.add.reduceat(products, step.starts, axis=0)
        x[step.unknowns] += sums
    return x.reshape(b.shape)


def level_coordinates(data: np.ndarray, pattern: Pattern) -> Prepared:
    """Level by level with a triangular matrix of any diagonal, given as coordinates.

    ``T = N + D``: with ``U = −N D⁻¹``, ``T x = b`` is ``(I − U) y = b`` and ``x = D⁻¹ y``.
    """
    if pattern.triangular == "lower":  # the same for the transpose, which is upper triangular
        upper = level_coordinates(data, pattern.transposed)
        return lambda b, transposed: upper(b, not transposed)
    rows, columns, size = pattern.rows, pattern.columns, pattern.size
    on = rows == columns
    diagonal = np.zeros(size, data.dtype)
    np.add.at(diagonal, rows[on], data[on])
    refuse_zeros(diagonal)
    order, levels = _scalar_levels(rows[~on], columns[~on], size)
    renumbered = np.empty(size, dtype=np.intp)
    renumbered[order] = np.arange(size)
    off = np.flatnonzero(~on)
    off = off[np.argsort(renumbered[columns[off]], kind="stable")]
    counts = np.bincount(renumbered[columns[off]], minlength=size)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    layout = Layout(renumbered, renumbered, ())
    unit = UnitPattern(size, indptr, renumbered[rows[off]], levels, layout)
    inner = level_sweeps(unit)(UnitMatrix(unit, -data[off] / diagonal[columns[off]]))
    scale = diagonal[:, None]

    def solve(b: np.ndarray, transposed: bool) -> np.ndarray:
        if transposed:
            return inner((b / scale)[order], True)[renumbered]
        return inner(b[order], False)[renumbered] / scale

    return solve


def refuse_zeros(diagonal: np.ndarray) -> None:
    """Raise where a triangular matrix is singular."""
    zeros = np.flatnonzero(diagonal == 0)
    if zeros.size:
        raise SingularBlockError(
            f"the triangular matrix A of size {diagonal.size} is singular: {zeros.size} of its diagonal entries "
            f"are zero, the first one in row {zeros[0]}"
        )


def _scalar_levels(rows: np.ndarray, columns: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The unknowns in the order of their levels, and where each level begins; rows are above the diagonal."""
    level = [0] * size
    order = np.argsort(columns, kind="stable")  # when a column's turn comes, all rows above it have had theirs
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if level[row] >= level[column]:
            level[column] = level[row] + 1
    found = np.array(level, dtype=np.intp)
    return np.argsort(found, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(found))]).astype(np.intp)
