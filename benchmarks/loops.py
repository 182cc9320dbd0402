"""Loops that read ``X[t]`` and that stack their results: O(T) in all, no reference cycles, memory falls back."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adjoint
from benchmarks.harness import Contest, Size, Table, WrongAnswerError, check, stopwatch, validate_contests

WIDTH = 4  # columns of X
PEERS = ("autograd", "torch")
PEER_LIMIT: dict[Size, int] = {"tiny": 40, "quick": 1_000, "full": 10_000}  # rows; O(T²) would take minutes
GOAL = 2.0  # largest cost per row over the smallest


def read(xp: Any, X: Any, rows: int) -> Any:
    """A recurrence that reads one row a turn."""
    state = X[0]
    for t in range(1, rows):
        state = 0.5 * state + xp.sin(X[t])
    return xp.sum(state * state)


def stack(xp: Any, X: Any, rows: int) -> Any:
    """Results of a loop, stacked at the end."""
    state = X[0]
    states = []
    for _ in range(rows):
        state = xp.sin(state) + 0.1
        states.append(state)
    return xp.sum(xp.stack(states) ** 2) / rows


LOOPS: dict[str, Callable[..., Any]] = {"read X[t]": read, "stack results": stack}


def contest(loop: str, rows: int, size: Size) -> Contest:
    """One loop over ``rows`` rows."""
    X = np.random.default_rng(rows).standard_normal((rows, WIDTH))
    peers = PEERS if rows <= PEER_LIMIT[size] else ()
    return Contest(f"{loop}, T = {rows:,}", LOOPS[loop], (X,), (rows,), peers=peers, tolerance=1e-8)


def lengths(size: Size) -> tuple[int, ...]:
    """Numbers of rows."""
    return {"tiny": (20, 40), "quick": (1_000, 10_000), "full": (1_000, 10_000, 100_000)}[size]


def validate(size: Size) -> int:
    """Check every answer, and that a trace has no reference cycles."""
    for loop in LOOPS:
        found = garbage(contest(loop, lengths(size)[0], size))
        if found:
            raise WrongAnswerError(f"{loop}: the collector found {found} objects in reference cycles")
    return validate_contests((contest(loop, rows, size) for loop in LOOPS for rows in lengths(size)), directions=1)


def measure(size: Size) -> Iterator[Table]:
    """Time per row, by phase and beside the peers, then what is left behind."""
    for loop in LOOPS:
        table = Table(
            f"{loop}: µs per row of {WIDTH}",
            ("T", "adjoint record", "adjoint solve", "value_and_grad", *PEERS),
        )
        absent: list[str] = []
        for rows in lengths(size):
            one = contest(loop, rows, size)
            calls = check(one, directions=1)
            rounds = 1 if size == "tiny" else max(4, min(30, 200_000 // rows))
            cells: list[float | None] = [*_phases(one, rounds), stopwatch(calls["adjoint"], rounds)]
            cells += [stopwatch(calls[name], 1) if name in calls else None for name in PEERS]
            table.rows.append((rows, *(None if x is None else 1e6 * x / rows for x in cells)))
            absent += one.absent()
        table.notes += dict.fromkeys(absent)
        if lengths(size)[-1] > PEER_LIMIT[size]:
            table.notes.append(f"peers are not run beyond T = {PEER_LIMIT[size]:,}")
        column = [row[3] for row in table.rows]
        table.goal("value_and_grad per row, at the largest T / the least", column[-1] / min(column), GOAL)
        yield table
    yield leftovers(size)


def _phases(one: Contest, rounds: int) -> tuple[float, float]:
    f = lambda *xs: one.program(np, *xs, *one.constants)
    record = stopwatch(lambda: adjoint.trace(f, *one.arguments), rounds)
    trace = adjoint.trace(f, *one.arguments)
    return record, stopwatch(lambda: trace.compile().solve(), rounds)


def garbage(one: Contest) -> int:
    """How many unreachable objects one value and gradient leaves to the collector of reference cycles."""
    f = lambda *xs: one.program(np, *xs, *one.constants)
    differentiate = adjoint.value_and_grad(f)
    differentiate(*one.arguments)
    gc.collect()
    gc.disable()
    try:
        differentiate(*one.arguments)
        trace = adjoint.trace(f, *one.arguments)
        trace.compile().solve()
        del trace
        return gc.collect()
    finally:
        gc.enable()


def leftovers(size: Size) -> Table:
    """Cycles, and memory before, during and after, with the collector switched off."""
    table = Table("what a trace leaves behind", ("loop", "T", "cyclic objects", "MiB while it lives", "MiB after"))
    for loop in LOOPS:
        one = contest(loop, lengths(size)[-1], size)
        f = lambda *xs, one=one: one.program(np, *xs, *one.constants)
        found = garbage(one)
        gc.disable()
        tracemalloc.start()
        try:
            start = tracemalloc.get_traced_memory()[0]
            trace = adjoint.trace(f, *one.arguments)
            multipliers = trace.compile().solve()
            alive = tracemalloc.get_traced_memory()[0] - start
            del trace, multipliers
            after = tracemalloc.get_traced_memory()[0] - start
        finally:
            tracemalloc.stop()
            gc.enable()
        table.rows.append((loop, lengths(size)[-1], found, alive / 2**20, after / 2**20))
    table.goal("cyclic objects", max(row[2] for row in table.rows), 0)
    table.goal("memory left (Python's free lists, the same at every T)", max(row[4] for row in table.rows), 0.5, " MiB")
    return table
