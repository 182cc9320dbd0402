"""Magnitudes of all multipliers, summed up for each node and then for each column of a chart.

Sums, extremes and counts are exact. Quantiles and densities are of all entries, or of an evenly spaced sample of those
of large arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np

from adjoint.system import Multipliers, Tangents
from adjoint.tracing import Tracer, concrete

BUDGET = 4_000_000
"""Entries that are sorted for quantiles, about."""

FEWEST = 256
"""Entries that are taken of every node, if it has as many."""


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """What each node's multiplier comes to; arrays with one number per node that has a multiplier.

    Attributes
    ----------
    nodes : int array
        Their numbers, from 0.
    counts, zeros, non_finite : int arrays
        Entries, over all right-hand sides.
    largest, smallest : float arrays
        Of the finite ones, and of the finite ones that are not zero (infinity where there is none).
    squares : float array
        The sum of the squares of ``|entry| / largest``: squares by themselves underflow.
    values, owners : arrays (sampled,)
        Finite magnitudes that are not zero, and the positions in ``nodes`` of the nodes that they are from.
    weights : float array (sampled,)
        Entries that each of them stands for.
    eps : float
        The unit of rounding in the coarsest type among the multipliers.
    """

    nodes: np.ndarray
    counts: np.ndarray
    zeros: np.ndarray
    non_finite: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray
    squares: np.ndarray
    values: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    eps: float


def entries_of(solution: Multipliers | Tangents, most: int = BUDGET) -> Entries:
    """Read a solution; structural zeros are as many zeros.

    Notes
    -----
    Two cheap steps of Python for each node; the rest is NumPy's, but for one round over arrays that are sampled.
    """
    sizes = np.diff(solution.system.offsets)
    nodes = np.flatnonzero(sizes)
    found: list[Any] = [solution.at(k) for k in nodes.tolist()]
    types = list(map(type, found))
    if Tracer in types:
        found = [concrete(x) for x in found]
        types = list(map(type, found))
    counts = sizes[nodes] * int(np.prod(solution.batch, dtype=np.int64))
    there = np.array([kind is not NoneType for kind in types], dtype=bool)
    is_array = np.array([kind is np.ndarray for kind in types], dtype=bool)
    limit = max(FEWEST, most // max(1, len(nodes)))
    strides = np.where(there, np.maximum(1, -(-counts // limit)), 1)
    kept = np.where(there, -(-counts // strides), 0)
    starts = np.concatenate([[0], np.cumsum(kept)])
    flat = np.empty(int(starts[-1]))
    scalars, arrays = np.flatnonzero(there & ~is_array), np.flatnonzero(is_array)
    flat[starts[scalars]] = _magnitudes(np.array([found[k] for k in scalars.tolist()]))
    if len(arrays):
        parts = [found[k].reshape(-1)[::stride] for k, stride in zip(arrays.tolist(), strides[arrays], strict=True)]
        flat[np.repeat(is_array, kept)] = _magnitudes(np.concatenate(parts))
    largest, smallest = np.zeros(len(nodes)), np.full(len(nodes), np.inf)
    squares, zeros, non_finite = np.zeros(len(nodes)), np.where(there, 0, counts), np.zeros(len(nodes), np.int64)
    filled = np.flatnonzero(kept)
    _sum_up(flat, starts[filled], kept[filled], filled, largest, smallest, squares, zeros, non_finite)
    for k in np.flatnonzero(strides > 1).tolist():  # exactly, though only a sample is kept
        whole = _magnitudes(found[k].reshape(-1))
        one = np.array([0]), np.array([whole.size]), np.array([k])
        _sum_up(whole, *one, largest, smallest, squares, zeros, non_finite)
    owners = np.repeat(np.arange(len(nodes)), kept)
    shown = np.isfinite(flat) & (flat > 0)
    positive = counts - zeros - non_finite
    sampled = np.bincount(owners[shown], minlength=len(nodes))
    weights = (positive / np.maximum(sampled, 1))[owners[shown]]
    kinds = {found[k].dtype for k in arrays.tolist()}
    kinds |= {np.dtype(kind) for kind in set(types) - {np.ndarray, NoneType}}
    eps = max((float(np.finfo(kind).eps) for kind in kinds), default=float(np.finfo(float).eps))
    return Entries(
        nodes, counts, zeros, non_finite, largest, smallest, squares, flat[shown], owners[shown], weights, eps
    )


def _magnitudes(x: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        found: np.ndarray = np.abs(x).astype(float)
    return found


def _sum_up(
    flat: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    where: np.ndarray,
    largest: np.ndarray,
    smallest: np.ndarray,
    squares: np.ndarray,
    zeros: np.ndarray,
    non_finite: np.ndarray,
) -> None:
    """The statistics of consecutive stretches, written into the arrays of all nodes."""
    if not len(starts):
        return
    finite = np.isfinite(flat)
    values = np.where(finite, flat, 0.0)
    peaks = np.maximum.reduceat(values, starts)
    largest[where] = peaks
    smallest[where] = np.minimum.reduceat(np.where(values > 0, values, np.inf), starts)
    scale = np.repeat(np.where(peaks > 0, peaks, 1.0), lengths)
    with np.errstate(under="ignore"):
        squares[where] = np.add.reduceat((values / scale) ** 2, starts)
    zeros[where] = np.add.reduceat(flat == 0, starts, dtype=np.int64)
    non_finite[where] = np.add.reduceat(~finite, starts, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What the nodes of each column come to; arrays with one number per column.

    Attributes
    ----------
    x : float array
    counts, zeros, non_finite : int arrays
    largest, smallest, rms : float arrays
        Over the finite entries; NaN in a column without one. ``smallest`` leaves zeros out.
    low, high : float arrays
        The quantiles at 5 and 95 % of the finite entries that are not zero; NaN where there is none.
    """

    x: np.ndarray
    counts: np.ndarray
    zeros: np.ndarray
    non_finite: np.ndarray
    largest: np.ndarray
    smallest: np.ndarray
    rms: np.ndarray
    low: np.ndarray
    high: np.ndarray


def columns_of(entries: Entries, column: np.ndarray, x: np.ndarray) -> Columns:
    """Sum nodes up by columns.

    Parameters
    ----------
    entries : Entries
    column : int array (nodes,)
        Of each node; negative: left out.
    x : float array (columns,)
    """
    size = len(x)
    used = column >= 0
    place = column[used]

    def total(per_node: np.ndarray) -> np.ndarray:
        sums: np.ndarray = np.bincount(place, weights=per_node[used], minlength=size).astype(np.int64)
        return sums

    counts, zeros, non_finite = total(entries.counts), total(entries.zeros), total(entries.non_finite)
    largest, smallest = np.zeros(size), np.full(size, np.inf)
    np.maximum.at(largest, place, entries.largest[used])
    np.minimum.at(smallest, place, entries.smallest[used])
    scale = np.where(largest > 0, largest, 1.0)
    with np.errstate(under="ignore", invalid="ignore", divide="ignore"):
        squares = entries.squares[used] * (entries.largest[used] / scale[place]) ** 2
        sums = np.bincount(place, weights=squares, minlength=size)
        rms = largest * np.sqrt(sums / (counts - non_finite))
    nothing = counts == non_finite
    rms[nothing] = largest[nothing] = np.nan
    smallest[~np.isfinite(smallest)] = np.nan
    of_entry = column[entries.owners]
    seen = of_entry >= 0
    low, high = _quantiles(entries.values[seen], of_entry[seen], entries.weights[seen], size, (0.05, 0.95))
    return Columns(x, counts, zeros, non_finite, largest, smallest, rms, low, high)


def _quantiles(
    values: np.ndarray, groups: np.ndarray, weights: np.ndarray, size: int, levels: tuple[float, ...]
) -> list[np.ndarray]:
    """Of each group the smallest value below or at which a share of the weight lies."""
    order = np.lexsort((values, groups))
    values, groups = values[order], groups[order]
    ends = np.searchsorted(groups, np.arange(size), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    upto = np.concatenate([[0.0], np.cumsum(weights[order])])
    results = []
    for level in levels:
        wanted = upto[starts] + level * (upto[ends] - upto[starts])
        # a hair less: sums of weights are rounded
        position = np.searchsorted(upto[1:], wanted * (1 - 1e-12), side="left")
        found = np.full(size, np.nan)
        filled = ends > starts
        found[filled] = values[np.clip(position[filled], starts[filled], ends[filled] - 1)]
        results.append(found)
    return results


def density(entries: Entries, column: np.ndarray, size: int, low: float, high: float, bins: int) -> np.ndarray:
    """``(bins, columns)``: shares of a column's finite entries that are not zero, by log10 of the magnitude."""
    of_entry = column[entries.owners]
    level = np.floor((np.log10(entries.values) - low) / (high - low) * bins).astype(np.int64)
    seen = (of_entry >= 0) & (level >= 0) & (level < bins)
    flat = np.bincount(
        level[seen] * size + of_entry[seen], weights=entries.weights[seen], minlength=bins * size
    ).reshape(bins, size)
    whole = np.bincount(of_entry[of_entry >= 0], weights=entries.weights[of_entry >= 0], minlength=size)
    result: np.ndarray = flat / np.maximum(whole, 1)
    return result
