"""The determinant by expansion into minors: scalars only, and the same sum over subsets as short vectors.

The recursion over scalars is the algorithm of GradBench's ``det``: 8 × 8 entries make more than 10⁵ operations, one
recorded node each. By levels, the minors of the last ``r`` rows are one vector, indexed by subsets of ``r`` columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.harness import Contest, Size, Table
from benchmarks.workloads.scalars import minors

RECURSIVE: dict[Size, tuple[int, ...]] = {"tiny": (3,), "quick": (5,), "full": (5, 8)}
LEVELS: dict[Size, tuple[int, ...]] = {"tiny": (4,), "quick": (8,), "full": (8, 12)}
UNROLLED = 5  # largest matrix whose recursion JAX compiles in seconds


def operations(n: int) -> int:
    """Of the recursion: ``n`` products and ``n − 1`` sums on top of ``n`` minors."""
    return 0 if n == 1 else n * operations(n - 1) + 2 * n - 1


def by_levels(xp: Any, A: Any, n: int, *tables: Any) -> Any:
    """All minors of the last ``r`` rows from those of the last ``r − 1``."""
    found = A[n - 1]
    for r in range(2, n + 1):
        columns, smaller, signs = tables[3 * r - 6 : 3 * r - 3]
        found = xp.sum(A[n - r][columns] * found[smaller] * signs, axis=1)
    return found[0]


def subsets(n: int) -> list[np.ndarray]:
    """For ``r = 2 … n``: the columns of every subset, which subset stays without each of them, and the signs."""
    result: list[np.ndarray] = []
    before = {(j,): j for j in range(n)}
    for r in range(2, n + 1):
        chosen = list(combinations(range(n), r))
        result.append(np.array(chosen))
        result.append(np.array([[before[s[:k] + s[k + 1 :]] for k in range(r)] for s in chosen]))
        result.append((-1.0) ** np.arange(r))
        before = {s: number for number, s in enumerate(chosen)}
    return result


def entries(size: Size) -> Iterator[Match]:
    """Recursions, then levels."""
    for n in RECURSIVE[size]:
        A = np.random.default_rng(n).standard_normal((n, n))
        compiled = n <= UNROLLED
        peers = PEERS if compiled else tuple(name for name in PEERS if name != "jax")
        reason = f"XLA would compile the unrolled trace of {operations(n):,} operations for hours"
        yield Match(
            Contest(
                f"determinant by minors, recursion over scalars: {n} × {n}, {operations(n):,} operations",
                minors,
                (A,),
                peers=(*peers, "CasADi SX"),
            ),
            reasons={} if compiled else {"jax": reason},
        )
    for n in LEVELS[size]:
        A = np.random.default_rng(n).standard_normal((n, n))
        yield Match(
            Contest(
                f"determinant by minors, one vector per level: {n} × {n}",
                by_levels,
                (A,),
                (n, *subsets(n)),
                peers=(*PEERS, "CasADi SX"),
            )
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
