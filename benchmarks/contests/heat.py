"""Sparse Jacobian of one explicit step of the heat equation with a conductivity that depends on temperature.

    y_i = x_i + τ (q_i − q_{i−1}),    q_i = (1 + x̄_i²) (x_{i+1} − x_i),    x̄_i = (x_i + x_{i+1}) / 2

The ends keep their temperature. Three diagonals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks.contests import sparse
from benchmarks.contests.contestants import JAX, PLAN, SparseContest
from benchmarks.contests.matches import goal_against
from benchmarks.harness import Size, Table

TAU = 0.2
LENGTHS: dict[Size, int] = {"tiny": 6, "quick": 10_000, "full": 100_000}


def step(xp: Any, x: Any) -> Any:
    """The step."""
    middle = 0.5 * (x[1:] + x[:-1])
    flow = (1 + middle * middle) * (x[1:] - x[:-1])
    return xp.concatenate((x[:1], x[1:-1] + TAU * (flow[1:] - flow[:-1]), x[-1:]))


def filling(n: int) -> tuple[scipy.sparse.csr_array, Callable[[np.ndarray], np.ndarray]]:
    """The pattern, one entry in the first and the last row, three in all between; and what fills its data.

    With ``p_i = ∂q_i/∂x_i`` and ``r_i = ∂q_i/∂x_{i+1}``, row ``i`` holds ``−τ p_{i−1}``, ``1 + τ (p_i − r_{i−1})``
    and ``τ r_i``.
    """
    inner = np.arange(1, n - 1)[:, None] + np.arange(-1, 2)
    indices = np.concatenate([[0], inner.ravel(), [n - 1]])
    pointers = np.concatenate([[0], 1 + 3 * np.arange(n - 1), [3 * n - 4]])
    pattern = scipy.sparse.csr_array((np.ones(len(indices), bool), indices, pointers), (n, n))

    def fill(x: np.ndarray) -> np.ndarray:
        result = np.empty(3 * n - 4)
        result[0] = result[-1] = 1.0
        middle = 0.5 * (x[1:] + x[:-1])
        bend = middle * (x[1:] - x[:-1])
        conductivity = 1 + middle * middle
        p, r = TAU * (bend - conductivity), TAU * (bend + conductivity)
        rows = result[1:-1].reshape(-1, 3)
        np.negative(p[:-1], out=rows[:, 0])
        np.subtract(p[1:], r[:-1], out=rows[:, 1])
        rows[:, 1] += 1
        rows[:, 2] = r[1:]
        return result

    return pattern, fill


def contest(size: Size) -> SparseContest:
    """One length."""
    n = LENGTHS[size]
    pattern, fill = filling(n)
    rng = np.random.default_rng(0)
    x0, x1 = rng.uniform(0, 1, (2, n))
    return SparseContest(f"heat equation: Jacobian of a step, {n:,} unknowns", "jacobian", step, x0, x1, pattern, fill)


def validate(size: Size) -> int:
    """Check every answer."""
    return sparse.validate(contest(size))


def measure(size: Size) -> Iterator[Table]:
    """The table."""
    table, _, found = sparse.compare(contest(size), size)
    seconds = [found[name].seconds if name in found else None for name in (PLAN, JAX)]
    goal_against(table, "planning / jax's compile time", *seconds, 1.0)
    yield table
