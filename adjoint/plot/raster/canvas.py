"""Counting entries into pixels: what is listed by coordinates, what is known as a join, and single scalars."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy

from adjoint.plot.raster.joins import Join

WAITING = 1 << 20
"""Coordinates that are collected before they are counted: small blocks are many."""
TABLED = 1 << 22
"""Unknowns up to which the pixel of each is looked up: that is several times quicker than a division."""
CELLS = 1 << 23
"""Numbers in a temporary array of a join."""


class Canvas:
    """Pixels ``(height, width)`` over ``size × size`` scalars, with what was counted so far."""

    def __init__(self, size: int, height: int, width: int, magnitudes: bool) -> None:
        self.size, self.height, self.width = size, height, width
        self.counts = np.zeros(height * width, dtype=np.int64)
        self.non_finite = np.zeros(height * width, dtype=bool)
        self.magnitudes = np.zeros(height * width) if magnitudes else None
        self._waiting: list[tuple[np.ndarray, Any]] = []
        self._held = 0
        tabled = size <= TABLED
        self._rows = _pixels(np.arange(size), height, size).astype(np.int32) if tabled else None
        self._columns = self._rows if height == width else None
        if tabled and self._columns is None:
            self._columns = _pixels(np.arange(size), width, size).astype(np.int32)

    def row(self, index: np.ndarray) -> np.ndarray:
        """The pixel row of scalar rows."""
        return _pixels(index, self.height, self.size) if self._rows is None else self._rows[index]

    def column(self, index: np.ndarray) -> np.ndarray:
        """The pixel column of scalar columns."""
        return _pixels(index, self.width, self.size) if self._columns is None else self._columns[index]

    def add(self, rows: np.ndarray, columns: np.ndarray, data: Any = None) -> None:
        """Count entries of ``A``; with data, their magnitudes too."""
        if not rows.size:
            return
        keys = self.row(rows).astype(np.intp) * self.width + self.column(columns)
        self._waiting.append((keys, data))
        self._held += keys.size
        if self._held >= WAITING:
            self.flush()

    def flush(self) -> None:
        """Count what waits."""
        waiting, self._waiting, self._held = self._waiting, [], 0
        if not waiting:
            return
        keys = np.concatenate([part for part, _ in waiting])
        if 8 * keys.size < self.counts.size:
            np.add.at(self.counts, keys, 1)
        else:
            self.counts += np.bincount(keys, minlength=self.counts.size)
        known = [(part, data) for part, data in waiting if data is not None]
        if known:
            keys = np.concatenate([part for part, _ in known])
            self._largest(keys, np.concatenate([magnitudes_of(data, part.size) for part, data in known]))

    def _largest(self, keys: np.ndarray, found: np.ndarray) -> None:
        wrong = ~np.isfinite(found)
        if wrong.any():
            self.non_finite[keys[wrong]] = True
            found = np.where(wrong, 0.0, found)
        if self.magnitudes is not None:
            np.maximum.at(self.magnitudes, keys, found)

    def add_join(self, join: Join, first_row: int, first_column: int) -> None:
        """Count the entries ``A[first_row + c, first_column + r]`` of the pattern of ``J``."""
        if not join.row_keys.size or not join.column_keys.size:
            return
        columns = self.column(first_column + np.arange(join.row_keys.size))
        rows = self.row(first_row + np.arange(join.column_keys.size))
        top, left = int(rows[0]), int(columns[0])
        height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
        up = (join.column_keys, rows - top, height)
        across = (join.row_keys, columns - left, width)
        dense = join.keys * (height + width) <= CELLS
        first, second = (_tally(*side, join.keys, dense) for side in (up, across))
        found = first.T @ second
        if not dense:
            found = found.tocoo()
            np.add.at(self.counts, (found.row + top) * self.width + found.col + left, np.rint(found.data).astype(int))
            return
        part = self.counts.reshape(self.height, self.width)[top : top + height, left : left + width]
        part += np.rint(found).astype(np.int64)

    def picture(self, flat: np.ndarray) -> np.ndarray:
        """An array of pixels in its shape."""
        return flat.reshape(self.height, self.width)


def magnitudes_of(data: Any, count: int) -> np.ndarray:
    """``|entry|`` in double precision; a number stands for all of them."""
    return np.broadcast_to(np.abs(np.asarray(data)).astype(np.float64), (count,))


def _pixels(index: np.ndarray, pixels: int, size: int) -> np.ndarray:
    return index * pixels // max(1, size)


def _tally(keys: np.ndarray, pixels: np.ndarray, length: int, count: int, dense: bool) -> Any:
    """``(count, length)``: how often a key meets a pixel; exact in double precision."""
    if dense:
        places = keys * length + pixels
        return np.bincount(places, minlength=count * length).reshape(count, length).astype(float)
    ones = np.ones(keys.size)
    return scipy.sparse.coo_array((ones, (keys, pixels)), shape=(count, length)).tocsr()
