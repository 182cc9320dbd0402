"""What a page says about the numbers of a node: one number of a scalar; least, mean and largest of an array."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BATCH = 1 << 20
"""Numbers that are summarized in one call."""

HEAD = 6
"""First entries of an array that are kept."""


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """Of one array per row; complex numbers by their magnitudes.

    Attributes
    ----------
    means, lows, highs : float arrays (rows,)
        Of the finite entries, ``nan`` where there are none; of a scalar the number itself, whatever it is.
    largest : float array (rows,)
        The largest finite magnitude.
    bad : int array (rows,)
        Entries that are NaN or infinite.
    head_counts : int array (rows,)
    heads : float array
        The first entries of the arrays, one row after another; none of scalars.
    """

    means: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    largest: np.ndarray
    bad: np.ndarray
    head_counts: np.ndarray
    heads: np.ndarray


def summarize(arrays: Sequence[Any], sizes: np.ndarray, heads: int) -> Summary:
    """Summarize arrays of the given sizes; ``None`` stands for zeros.

    Parameters
    ----------
    arrays : sequence of arrays or None
    sizes : int array (rows,)
        At least 1.
    heads : int
        First entries to keep of all arrays together, at most; the first arrays have them.
    """
    rows = len(sizes)
    means, lows, highs, largest = found = [np.zeros(rows) for _ in range(4)]
    bad = np.zeros(rows, dtype=np.int64)
    given = np.array([x is not None for x in arrays], dtype=bool)
    scalars = np.flatnonzero(given & (sizes == 1))
    numbers = _real(np.array([_item(arrays[k]) for k in scalars.tolist()]))
    finite = np.isfinite(numbers)
    for array in found[:3]:
        array[scalars] = numbers
    found[3][scalars] = np.where(finite, np.abs(numbers), 0.0)
    bad[scalars] = ~finite
    batch: list[int] = []
    waiting = 0
    with np.errstate(all="ignore"):
        for k in np.flatnonzero(given & (sizes > 1)).tolist():
            if sizes[k] > BATCH:
                _one(arrays[k], k, found, bad)
                continue
            batch.append(k)
            waiting += int(sizes[k])
            if waiting > BATCH:
                _several(arrays, batch, sizes, found, bad)
                batch, waiting = [], 0
        if batch:
            _several(arrays, batch, sizes, found, bad)
    counts = np.where(sizes > 1, np.minimum(sizes, HEAD), 0)
    counts[np.cumsum(counts) > heads] = 0
    kept = [_head(arrays[k], count) for k, count in enumerate(counts.tolist()) if count]
    return Summary(means, lows, highs, largest, bad, counts, np.concatenate(kept) if kept else np.zeros(0))


def _item(x: Any) -> Any:
    """The number in an array of one."""
    return x.item() if type(x) is np.ndarray else x


def _real(numbers: np.ndarray) -> np.ndarray:
    """Doubles; magnitudes of complex numbers."""
    return (np.abs(numbers) if numbers.dtype.kind == "c" else numbers).astype(np.float64)


def _head(x: Any, count: int) -> np.ndarray:
    """The first entries in C order, without copying the others."""
    return np.zeros(count) if x is None else _real(x.flat[:count])


def _several(arrays: Sequence[Any], batch: list[int], sizes: np.ndarray, found: list[np.ndarray], bad: Any) -> None:
    """Small arrays, joined: one call for all of them."""
    numbers = np.concatenate([_real(arrays[k].reshape(-1)) for k in batch])
    starts = np.concatenate([[0], np.cumsum(sizes[batch])[:-1]])
    finite = np.isfinite(numbers)
    counts = np.add.reduceat(finite, starts, dtype=np.int64)
    none = counts == 0
    means, lows, highs, largest = found
    means[batch] = np.where(none, np.nan, np.add.reduceat(np.where(finite, numbers, 0.0), starts) / counts)
    low = np.minimum.reduceat(np.where(finite, numbers, np.inf), starts)
    high = np.maximum.reduceat(np.where(finite, numbers, -np.inf), starts)
    lows[batch], highs[batch] = np.where(none, np.nan, low), np.where(none, np.nan, high)
    largest[batch] = np.where(none, 0.0, np.maximum(np.abs(low), np.abs(high)))
    bad[batch] = sizes[batch] - counts


def _one(x: Any, k: int, found: list[np.ndarray], bad: Any) -> None:
    """A large array, piece by piece."""
    flat = x.reshape(-1)
    total, count, low, high = 0.0, 0, np.inf, -np.inf
    for start in range(0, flat.size, BATCH):
        piece = _real(flat[start : start + BATCH])
        piece = piece[np.isfinite(piece)]
        if piece.size:
            total += float(piece.sum())
            count += piece.size
            low, high = min(low, float(piece.min())), max(high, float(piece.max()))
    means, lows, highs, largest = found
    bad[k] = flat.size - count
    means[k], lows[k], highs[k] = (total / count, low, high) if count else (np.nan, np.nan, np.nan)
    largest[k] = max(abs(low), abs(high)) if count else 0.0
