"""``log Σ exp(x)`` and its gradient: a handful of passes over one long vector."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Contest, Size, Table, compare, validate_contests


def logsumexp(xp: Any, x: Any) -> Any:
    """As everybody writes it."""
    largest = xp.amax(x)
    return xp.log(xp.sum(xp.exp(x - largest))) + largest


def by_hand(x: np.ndarray) -> tuple[Any, list[np.ndarray]]:
    """The gradient is the softmax; the exponentials are reused in place."""
    largest = x.max()
    e = x - largest
    np.exp(e, out=e)
    total = e.sum()
    e /= total
    return np.log(total) + largest, [e]


def contests(size: Size) -> Iterator[Contest]:
    """Cache-sized, larger, and beyond the caches."""
    lengths = {"tiny": (20,), "quick": (20_000, 160_000), "full": (20_000, 160_000, 1_280_000)}[size]
    for length in lengths:
        x = np.random.default_rng(length).standard_normal(length)
        yield Contest(f"{length:,} doubles", logsumexp, (x,), peers=("autograd", "torch", "jax"), by_hand=by_hand)


def validate(size: Size) -> int:
    """Check every answer."""
    return validate_contests(contests(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    for contest in contests(size):
        yield compare(contest, size)[0]
