"""Jacobian with m outputs: m right-hand sides through one sweep, or m sweeps; adjoint alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import adjoint
from benchmarks import harness
from benchmarks.harness import Size, Table, WrongAnswerError
from benchmarks.workloads.many_outputs import problem

COUNTS: dict[Size, tuple[int, ...]] = {"tiny": (3,), "quick": (50,), "full": (10, 50, 200)}
LEAST, GOAL = 50, 0.2  # from so many outputs on, at most this share of the separate sweeps


def tables(size: Size, timing: bool) -> Iterator[tuple[int, Table | None]]:
    """For each count of outputs: the Jacobian in three ways, checked against central differences."""
    for m in COUNTS[size]:
        one = problem(size, m)
        x = one.arguments[0]
        system = adjoint.trace(one.plain, x).compile()
        units = np.eye(m)
        calls = {
            "one sweep for all": lambda system=system, units=units: system.solve(units).arguments[0],
            "one sweep each": lambda system=system, units=units: np.stack(
                [system.solve(unit).arguments[0] for unit in units]
            ),
            "adjoint.jacobian, with recording": lambda one=one, x=x: adjoint.jacobian(one.plain, mode="reverse")(x),
        }
        h = 1e-5
        expected = np.stack([(one.plain(x + h * e) - one.plain(x - h * e)) / (2 * h) for e in np.eye(x.size)], axis=1)
        for name, call in calls.items():
            if not np.allclose(call(), expected, rtol=1e-6, atol=1e-8):
                raise WrongAnswerError(f"{one.title}: {name}: differs from central differences")
        if not timing:
            yield len(calls), None
            continue
        budget = {"tiny": 0.0, "quick": 3.0, "full": 8.0}[size]
        timings = harness.timed(calls, rounds=1 if size == "tiny" else 40, budget=budget)
        table = Table(one.title, ("", "best ms", "median ms", "time / one sweep for all"))
        together = timings["one sweep for all"].best
        table.rows = [(name, 1e3 * t.best, 1e3 * t.median, t.best / together) for name, t in timings.items()]
        if m >= LEAST:
            table.goal(
                f"{m} outputs: one sweep for all / one sweep each", together / timings["one sweep each"].best, GOAL
            )
        yield len(calls), table


def validate(size: Size) -> int:
    """Check every answer."""
    return sum(count for count, _ in tables(size, timing=False))


def measure(size: Size) -> Iterator[Table]:
    """One table per count of outputs."""
    for _, table in tables(size, timing=True):
        if table is not None:
            yield table
