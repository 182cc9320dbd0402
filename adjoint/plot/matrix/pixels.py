"""A block pattern as an image: for more blocks than there are squares to draw, of a million as of a hundred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

LIGHTEST = 0.55
"""How much color a pixel with a single block has among others that have many: it is still seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Pixels over a square picture whose rows end at ``edges``.

    Attributes
    ----------
    begins, ends : int arrays (rows,)
        Pixels of each row: those that it fills, and for a row thinner than a pixel the one of its middle.
    side : int
        The image has ``side × side`` pixels.
    """

    begins: np.ndarray
    ends: np.ndarray
    side: int

    @classmethod
    def over(cls, edges: np.ndarray, side: int) -> Grid:
        """Rows that lie between ``edges``, on so many pixels."""
        places = edges * (side / edges[-1])
        sizes = np.diff(places)
        thin = sizes < 1
        begins = np.where(thin, (places[:-1] + places[1:]) / 2, np.rint(places[:-1] + 1e-9)).astype(np.int64)
        begins = np.clip(begins, 0, side - 1)
        ends = np.where(thin, begins + 1, np.rint(places[1:] + 1e-9).astype(np.int64))
        return cls(begins, np.clip(np.maximum(ends, begins + 1), 1, side), side)

    def spread(
        self, rows: np.ndarray, columns: np.ndarray, codes: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Entries as ``(pixel, code, weight)`` of every pixel that they cover; equal rectangles become one.

        The sum of weights is kept where an entry fits in a pixel; a larger one has its weight in each pixel.
        """
        tops, lefts = self.begins[rows], self.begins[columns]
        pixels = tops * self.side + lefts
        heights, widths = self.ends[rows] - tops, self.ends[columns] - lefts
        if not len(pixels) or (heights.max() == 1 and widths.max() == 1):
            return pixels, codes, weights
        keys = self._rectangles(rows, columns) * (codes.max() + 1) + codes
        _, first, which = np.unique(keys, return_index=True, return_inverse=True)
        totals = np.bincount(which, weights, minlength=len(first))
        pixels, heights, widths, codes = pixels[first], heights[first], widths[first], codes[first]
        counts = heights * widths
        entry = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(entry)) - np.repeat(np.cumsum(counts) - counts, counts)
        down, across = np.divmod(within, widths[entry])
        return pixels[entry] + down * self.side + across, codes[entry], totals[entry]

    def dominant(
        self, rows: np.ndarray, columns: np.ndarray, codes: np.ndarray, weights: np.ndarray, count: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """For each pixel the code with the most weight, and the weight of all; ``-1`` where there is none."""
        pixels, found, heavy = self.spread(rows, columns, codes, weights)
        size = self.side * self.side
        best = np.full(size, -1, dtype=np.int64)
        most, total = np.zeros(size), np.zeros(size)
        for code in range(count):
            here = found == code
            if not here.any():
                continue
            one = np.bincount(pixels[here], heavy[here], minlength=size)
            better = one > most
            best[better] = code
            np.maximum(most, one, out=most)
            total += one
        shape = (self.side, self.side)
        return best.reshape(shape), total.reshape(shape)

    def largest(self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray) -> np.ndarray:
        """For each pixel the largest value of the entries that cover it; NaN where there is none."""
        order = np.argsort(values, kind="stable")
        values, rows, columns = values[order], rows[order], columns[order]
        ranks = np.arange(len(values))
        if (self.ends - self.begins).max(initial=1) > 1:
            # entries with one rectangle get the rank of the largest: they become one, and few are left to spread
            _, which = np.unique(self._rectangles(rows, columns), return_inverse=True)
            best = np.zeros(len(ranks), dtype=np.int64)
            best[which] = ranks  # ascending, so the last one stays
            ranks = best[which]
        pixels, ranks, _ = self.spread(rows, columns, ranks, np.ones(len(ranks)))
        by_rank = np.argsort(ranks, kind="stable")
        image = np.full(self.side * self.side, np.nan)
        image[pixels[by_rank]] = values[ranks[by_rank]]
        return image.reshape(self.side, self.side)

    def _rectangles(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """One number per rectangle of pixels."""
        keys: np.ndarray = self.begins[rows]
        for part in (
            self.begins[columns],
            self.ends[rows] - self.begins[rows],
            self.ends[columns] - self.begins[columns],
        ):
            keys = keys * (self.side + 1) + part
        return keys


def tinted(codes: np.ndarray, weights: np.ndarray, colors: Any) -> np.ndarray:
    """An RGBA image: the hue by code, the strength by weight, on a logarithmic scale; transparent where there is none.

    Parameters
    ----------
    codes : int array (side, side)
        ``-1`` for nothing.
    weights : array (side, side)
    colors : array (codes, 3)
    """
    image = np.zeros((*codes.shape, 4))
    filled = codes >= 0
    if not filled.any():
        return image
    image[filled, :3] = np.asarray(colors)[codes[filled]]
    logs = np.log1p(weights[filled])
    lowest, highest = np.log1p(min(1.0, weights[filled].min())), logs.max()
    scale = (logs - lowest) / (highest - lowest) if highest > lowest else np.ones(len(logs))
    image[filled, 3] = LIGHTEST + (1 - LIGHTEST) * np.clip(scale, 0, 1)
    return image
