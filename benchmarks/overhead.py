"""Record + solve per operation, on vectors of 8, where the dispatch is nearly all of the cost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import adjoint
from benchmarks.harness import Contest, Size, Table, WrongAnswerError, compare, validate_contests

GOAL = 4.0  # µs per operation


def multiply_add(xp: Any, x: Any, y: Any, count: int) -> Any:
    """Two operations a turn: the operators."""
    z = x
    for _ in range(count // 2):
        z = z * x + y
    return xp.sum(z)


def unary(xp: Any, x: Any, y: Any, count: int) -> Any:
    """Two operations a turn: NumPy's functions of one array."""
    z = x + y
    for _ in range(count // 2):
        z = xp.tanh(xp.sin(z))
    return xp.sum(z)


def mixed(xp: Any, x: Any, y: Any, count: int) -> Any:
    """Five operations a turn: a function, arrays with each other and with Python numbers."""
    z = x
    for _ in range(count // 5):
        z = xp.sin(z * x + y) - 0.5 * z
    return xp.sum(z)


PROGRAMS = {"multiply and add": multiply_add, "sin and tanh": unary, "mixed": mixed}


def contests(size: Size) -> Iterator[Contest]:
    """One contest per program."""
    count = 50 if size == "tiny" else 1000
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.3, 0.9, (2, 8))
    for name, program in PROGRAMS.items():
        yield Contest(
            f"{name}: {count:,} operations on vectors of 8, float64",
            program,
            (x, y),
            (count,),
            peers=("torch", "autograd"),
            operations=count,
        )


def validate(size: Size) -> int:
    """Check the answers, and that as many operations are recorded as the table divides by."""
    for contest in contests(size):
        trace = adjoint.trace(lambda *xs, c=contest: c.program(np, *xs, *c.constants), *contest.arguments)
        beside = len(trace) - contest.operations  # arguments, the final sum
        if not 0 <= beside <= 4:
            raise WrongAnswerError(f"{contest.title}: {len(trace)} nodes were recorded")
    return validate_contests(contests(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    validate(size)
    for contest in contests(size):
        table, timings = compare(contest, size)
        table.goal("adjoint per operation", 1e6 * timings["adjoint"].best / contest.operations, GOAL, " µs")
        yield table
