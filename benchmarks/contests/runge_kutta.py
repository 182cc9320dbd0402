"""An ordinary differential equation by 100 classical Runge–Kutta steps, 10 to 10⁴ states.

Everybody runs the same Python loop but JAX, whose users write ``lax.scan``: unrolled, XLA's compile time of ``chain``
grows faster than the square of the steps (a minute at 20 steps); a table of its own shows the first calls of that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.contests import matches
from benchmarks.contests.matches import PEERS, Match
from benchmarks.harness import Contest, Size, Table
from benchmarks.peers import backend
from benchmarks.runge_kutta import chain, growth, solve

SIZES: dict[Size, tuple[tuple[Any, int, int], ...]] = {  # slope, states, steps
    "tiny": ((growth, 6, 3), (chain, 6, 3)),
    "quick": ((chain, 10, 100), (growth, 10_000, 100)),
    "full": ((chain, 10, 100), (chain, 1_000, 100), (chain, 10_000, 100), (growth, 10_000, 100)),
}
SYMBOLS = 10  # states that SX unrolls
UNROLLED: dict[Size, tuple[int, ...]] = {"tiny": (1,), "quick": (3, 6), "full": (3, 6, 12)}  # steps


def by_scan(xp: Any, rate: Any, start: Any, slope: Any, steps: int) -> Any:
    """:func:`benchmarks.runge_kutta.solve` with JAX's own loop."""
    from jax import lax

    h = 1 / steps

    def step(y: Any, _: None) -> tuple[Any, None]:
        k1 = slope(xp, rate, y)
        k2 = slope(xp, rate, y + h / 2 * k1)
        k3 = slope(xp, rate, y + h / 2 * k2)
        k4 = slope(xp, rate, y + h * k3)
        return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    y, _ = lax.scan(step, start, None, length=steps)
    return xp.sum(y * y) / 2


def entries(size: Size) -> Iterator[Match]:
    """One match per equation and number of states."""
    for slope, states, steps in SIZES[size]:
        rng = np.random.default_rng(states)
        scalars = states <= SYMBOLS
        yield Match(
            Contest(
                f"Runge–Kutta, {slope.__name__}: {steps} steps, {states:,} states",
                solve,
                (rng.uniform(0.5, 2, states), rng.uniform(0.1, 0.9, states)),
                (slope, steps),
                peers=(*PEERS, *(["CasADi SX"] if scalars else []), "CasADi MX"),
                tolerance=1e-8,
            ),
            variants={"jax": by_scan},
            reasons={} if scalars else {"CasADi SX": f"{19 * steps * states:,} operations of scalars; MX stands in"},
            ahead_of_jax=states >= 100_000,
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables, then the first calls of a loop that is not rewritten for JAX."""
    yield from matches.measure(entries(size), size)
    yield first_calls(size)


def first_calls(size: Size) -> Table:
    """First call of ``chain`` with the Python loop itself, by steps."""
    table = Table("Runge–Kutta, chain, the same Python loop for everybody: first call, s", ("steps", "adjoint", "jax"))
    names = ("adjoint", "jax")
    matches.warm_up(names)
    rng = np.random.default_rng(0)
    arguments = rng.uniform(0.5, 2, 1_000), rng.uniform(0.1, 0.9, 1_000)
    for steps in UNROLLED[size]:
        row: list[float | None] = []
        for name in names:
            peer = backend(name)
            start = time.perf_counter()
            if peer is not None:
                peer.prepare(solve, arguments, (chain, steps))()
            row.append(None if peer is None else time.perf_counter() - start)
        table.rows.append((steps, *row))
        if row[1] is not None:
            table.goal(f"first call at {steps} steps, adjoint / jax", row[0] / row[1], 1.0)
    return table
