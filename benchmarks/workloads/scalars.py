"""Programs of scalars: every value is one number, and every block is one partial."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem, Workload

INPUTS = 64


def scalar_program(xp: Any, x: Any, kinds: Any, left: Any, right: Any) -> Any:
    """Levels of mixed operations; each reads two random values of the level below. The last level is added up.

    ``kinds``, ``left`` and ``right`` are lists of lists: one entry per level and value.
    """
    operations = (
        lambda a, b: a * b,
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: xp.sin(a),
        lambda a, b: xp.tanh(a),
        lambda a, b: xp.cos(a),
        lambda a, b: xp.arctan(a),
    )
    values = [x[k] for k in range(INPUTS)]
    for kind, first, second in zip(kinds, left, right, strict=True):
        values = [operations[k](values[i], values[j]) for k, i, j in zip(kind, first, second, strict=True)]
    return tree_sum(values)


def tree_sum(values: Sequence[Any]) -> Any:
    """Neighbors are added until one number is left: as many levels as the logarithm."""
    while len(values) > 1:
        odd = [values[-1]] if len(values) % 2 else []
        values = [a + b for a, b in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def scalar_programs(size: Size) -> Iterator[Problem]:
    """10⁴, 10⁵ and 10⁶ operations."""
    for levels, width in {"tiny": ((3, 20),), "quick": ((20, 1_000),), "full": ((40, 2_500), (40, 25_000))}[size]:
        rng = np.random.default_rng(0)
        kinds = rng.integers(0, 7, (levels, width)).tolist()
        below = [INPUTS, *[width] * (levels - 1)]
        left, right = ([rng.integers(0, n, width).tolist() for n in below] for _ in range(2))
        title = f"{levels} levels of {width:,} operations"
        yield Problem(title, scalar_program, (rng.uniform(-1, 1, INPUTS),), (kinds, left, right))


def minors(xp: Any, X: Any) -> Any:
    """The determinant by Laplace expansion along the first row, entry by entry; nothing is shared."""
    n = len(X)
    return expand([[X[i, j] for j in range(n)] for i in range(n)], 0, list(range(n)))


def expand(entries: Any, row: int, columns: list[int]) -> Any:
    """The minor of the rows from ``row`` on and the given columns."""
    if len(columns) == 1:
        return entries[row][columns[0]]
    total = None
    for position, column in enumerate(columns):
        rest = columns[:position] + columns[position + 1 :]
        term = entries[row][column] * expand(entries, row + 1, rest)
        total = term if total is None else total - term if position % 2 else total + term
    return total


def determinants(size: Size) -> Iterator[Problem]:
    """``n!`` products."""
    n = {"tiny": 4, "quick": 6, "full": 8}[size]
    yield Problem(f"{n} × {n}", minors, (np.random.default_rng(n).standard_normal((n, n)),))


WORKLOADS = (
    Workload("scalar_program", "a wide, irregular program of scalars", scalar_programs),
    Workload("minors", "a determinant by recursive Laplace expansion, entry by entry", determinants),
)
