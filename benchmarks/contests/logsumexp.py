"""Log-sum-exp of one vector, 10³ to 10⁶ doubles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.harness import Contest, Size, Table
from benchmarks.logsumexp import by_hand, logsumexp

LENGTHS: dict[Size, tuple[int, ...]] = {
    "tiny": (20,),
    "quick": (1_000, 100_000),
    "full": (1_000, 20_000, 100_000, 1_000_000),
}
SYMBOLS = 1_000  # entries that SX unrolls


def entries(size: Size) -> Iterator[Match]:
    """One match per length."""
    for n in LENGTHS[size]:
        scalars = n <= SYMBOLS
        yield Match(
            Contest(
                f"log-sum-exp: {n:,} doubles",
                logsumexp,
                (np.random.default_rng(n).standard_normal(n),),
                peers=(*PEERS, *(["CasADi SX"] if scalars else []), "CasADi MX"),
                by_hand=by_hand,
            ),
            reasons={} if scalars else {"CasADi SX": f"one symbol per entry, {n:,} of them; MX stands in"},
            ahead_of_jax=n >= 100_000,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
