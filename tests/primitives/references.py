"""Independent references: differences of function values, of the fourth order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

STEP = 1e-3
"""Truncation h⁴ f⁽⁵⁾/30 and rounding ε/h are both about 1e-12 here."""


def leaves(y: Any) -> list[Any]:
    """The arrays of an output: itself, or those of a list or tuple."""
    return list(y) if isinstance(y, (list, tuple)) else [y]


def flat(y: Any) -> np.ndarray:
    """All entries of an output as one vector of floats."""
    parts = [np.ravel(np.asarray(part)).astype(float) for part in leaves(y)]
    return np.concatenate([np.zeros(0), *parts])


def slope(f: Callable[..., Any], x: Sequence[np.ndarray], v: Sequence[np.ndarray]) -> np.ndarray:
    """The directional derivative of ``f`` at ``x`` along ``v``, by central differences over four points."""

    def at(t: float) -> np.ndarray:
        return flat(f(*(a + t * b for a, b in zip(x, v, strict=True))))

    return (8 * (at(STEP) - at(-STEP)) - (at(2 * STEP) - at(-2 * STEP))) / (12 * STEP)


def jacobian(f: Callable[..., Any], x: Sequence[np.ndarray]) -> np.ndarray:
    """``(outputs, inputs)``, all leaves side by side, column by column."""
    columns = []
    for k, a in enumerate(x):
        for entry in range(a.size):
            v = [np.zeros(b.shape) for b in x]
            v[k].reshape(-1)[entry] = 1.0
            columns.append(slope(f, x, v))
    return np.stack(columns, axis=1) if columns else np.zeros((flat(f(*x)).size, 0))


def directions(x: Sequence[np.ndarray], seed: int, batch: tuple[int, ...] = ()) -> tuple[np.ndarray, ...]:
    """Random directions with entries of magnitude 0.5 to 1: none that could hide an error."""
    rng = np.random.default_rng(seed)
    return tuple(
        np.asarray(rng.uniform(0.5, 1.0, batch + a.shape) * rng.choice([-1.0, 1.0], batch + a.shape)) for a in x
    )
