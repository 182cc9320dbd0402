"""The cost of k-means, ``Σ_i min_k ‖x_i − μ_k‖²``, as a function of the centers.

Distances go through one matrix product, ``‖x‖² − 2 x·μ + ‖μ‖²``, as everybody who minds the time writes them. The
points lie in well separated clusters, so that no central difference of the validation crosses a tie.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.harness import Contest, Size, Table

SHAPES: dict[Size, tuple[tuple[int, int, int], ...]] = {  # centers, points, dimensions
    "tiny": ((3, 20, 4),),
    "quick": ((25, 2_000, 8),),
    "full": ((25, 2_000, 8), (100, 10_000, 16)),
}


def cost(xp: Any, centers: Any, x: Any) -> Any:
    """All distances at once."""
    squares = xp.sum(x * x, axis=1)[:, None] - 2 * (x @ centers.T) + xp.sum(centers * centers, axis=1)
    return xp.sum(xp.amin(squares, axis=1))


def by_hand(centers: np.ndarray, x: np.ndarray) -> tuple[Any, list[np.ndarray]]:
    """``∂/∂μ_k = 2 (n_k μ_k − Σ_{i in k} x_i)``: only the nearest center of a point moves."""
    squares = x @ centers.T
    squares *= -2
    squares += np.vecdot(centers, centers)
    nearest = squares.argmin(1)
    value = squares[np.arange(len(x)), nearest].sum() + np.vdot(x, x)
    gradient = np.bincount(nearest, minlength=len(centers))[:, None] * centers
    totals = np.stack([np.bincount(nearest, column, len(centers)) for column in x.T], axis=1)
    return value, [2 * (gradient - totals)]


def clusters(k: int, n: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """Centers somewhat off those that the points lie around."""
    rng = np.random.default_rng(k)
    middles = rng.uniform(-10, 10, (k, d))
    x = middles[rng.integers(0, k, n)] + 0.3 * rng.standard_normal((n, d))
    return middles + 0.1 * rng.standard_normal((k, d)), x


def entries(size: Size) -> Iterator[Match]:
    """One match per shape."""
    for k, n, d in SHAPES[size]:
        centers, x = clusters(k, n, d)
        yield Match(
            Contest(
                f"k-means: {k} centers, {n:,} points, d = {d}", cost, (centers,), (x,), peers=PEERS, by_hand=by_hand
            ),
            reasons={"CasADi": f"{2 * k * n * d:,} operations of scalars, and its matrices have no minimum by rows"},
            ahead_of_jax=d >= 32 or n >= 100_000,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
