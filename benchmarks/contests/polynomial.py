"""Least squares of a polynomial by Horner's rule: as many passes over one vector as the degree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.harness import Contest, Size, Table

SHAPES: dict[Size, tuple[tuple[int, int], ...]] = {  # degree, points
    "tiny": ((3, 11),),
    "quick": ((8, 1_000), (16, 10_000)),
    "full": ((8, 1_000), (16, 10_000), (32, 1_000), (32, 100_000)),
}
SYMBOLS = 40_000  # operations that SX unrolls


def half_squares(xp: Any, c: Any, t: Any, y: Any, degree: int) -> Any:
    """``½ Σ_i (Σ_j c_j t_i^j − y_i)²``."""
    found = c[degree] * t + c[degree - 1]
    for j in range(degree - 2, -1, -1):
        found = found * t + c[j]
    residual = found - y
    return 0.5 * xp.sum(residual * residual)


def by_hand(c: np.ndarray, t: np.ndarray, y: np.ndarray, degree: int) -> tuple[Any, list[np.ndarray]]:
    """``∂/∂c_j = Σ_i r_i t_i^j``, by running powers, in place."""
    r = c[degree] * t
    for j in range(degree - 1, 0, -1):
        r += c[j]
        r *= t
    r += c[0]
    r -= y
    value = 0.5 * np.vdot(r, r)
    gradient = np.empty_like(c)
    gradient[0] = r.sum()
    for j in range(1, degree + 1):
        r *= t
        gradient[j] = r.sum()
    return value, [gradient]


def entries(size: Size) -> Iterator[Match]:
    """One match per degree and length."""
    for degree, n in SHAPES[size]:
        rng = np.random.default_rng(degree)
        t = rng.uniform(-1, 1, n)
        scalars = 2 * degree * n <= SYMBOLS
        yield Match(
            Contest(
                f"polynomial least squares: degree {degree}, {n:,} points",
                half_squares,
                (rng.standard_normal(degree + 1),),
                (t, np.sin(3 * t), degree),
                peers=(*PEERS, *(["CasADi SX"] if scalars else []), "CasADi MX"),
                by_hand=by_hand,
            ),
            reasons={} if scalars else {"CasADi SX": f"{2 * degree * n:,} operations of scalars; MX stands in"},
            ahead_of_jax=n >= 100_000,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
