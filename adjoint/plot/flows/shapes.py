"""The trend of a chart, and columns as shapes with a width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Trend:
    """``log10 rms = a + b x``, where that is clear."""

    a: float
    b: float


def trend_of(x: np.ndarray, rms: np.ndarray) -> Trend | None:
    """By least squares; ``None`` if it explains less than 80 % of the variance, or less than a factor of ten."""
    seen = rms > 0
    if np.count_nonzero(seen) < 5:
        return None
    x, y = x[seen], np.log10(rms[seen])
    b, a = np.polyfit(x - x.mean(), y, 1)
    left = y - a - b * (x - x.mean())
    variance = float(np.sum((y - y.mean()) ** 2))
    if abs(b) * float(np.ptp(x)) < 1 or float(np.sum(left**2)) > 0.2 * variance:
        return None
    return Trend(float(a - b * x.mean()), float(b))


def edges_of(x: np.ndarray) -> np.ndarray:
    """Between columns, and half a column beyond the outer ones."""
    if len(x) == 1:
        return np.array([x[0] - 0.5, x[0] + 0.5])
    middle = (x[1:] + x[:-1]) / 2
    edges: np.ndarray = np.concatenate([[1.5 * x[0] - 0.5 * x[1]], middle, [1.5 * x[-1] - 0.5 * x[-2]]])
    return edges


def stepped(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Left and right end of every column: a column is as wide as it is, however few there are."""
    edges = edges_of(x)
    return np.stack([edges[:-1], edges[1:]], axis=1).reshape(-1), np.repeat(low, 2), np.repeat(high, 2)
