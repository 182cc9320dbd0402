"""Log posterior of a Gaussian mixture, from two dimensions to 64, 1,000 points."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.gaussian_mixture import below_diagonal, by_hand, log_posterior
from benchmarks.harness import Contest, Size, Table

SHAPES: dict[Size, tuple[tuple[int, int, int], ...]] = {  # points, dimensions, Gaussians
    "tiny": ((7, 3, 2),),
    "quick": ((1000, 2, 5), (1000, 32, 15)),
    "full": ((1000, 2, 5), (1000, 10, 10), (1000, 32, 15), (1000, 64, 25)),
}
SYMBOLS = 20_000  # points × Gaussians × dimensions that SX unrolls
REASON = "millions of operations of scalars, and its matrices have no third axis"


def entries(size: Size) -> Iterator[Match]:
    """One match per shape."""
    for n, d, k in SHAPES[size]:
        rng = np.random.default_rng(d)
        alphas, means = rng.standard_normal(k), rng.uniform(size=(k, d))
        icf = rng.standard_normal((k, d * (d + 1) // 2)) / math.sqrt(d)
        x = rng.standard_normal((n, d))
        scalars = n * d * k <= SYMBOLS
        yield Match(
            Contest(
                f"Gaussian mixture: {n:,} points, d = {d}, k = {k}: {alphas.size + means.size + icf.size:,} parameters",
                log_posterior,
                (alphas, means, icf),
                (x, *below_diagonal(d), np.eye(d)),
                peers=(*PEERS, *(["CasADi SX"] if scalars else [])),
                by_hand=by_hand,
            ),
            reasons={} if scalars else {"CasADi": REASON},
            ahead_of_jax=d >= 32,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
