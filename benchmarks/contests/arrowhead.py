"""Hessian of an arrowhead function: one variable meets all others, which do not meet each other.

f(x) = Σ_i sin x_i + ½ Σ_{i>0} x_0² x_i²

∂²f/∂x_0² = −sin x_0 + Σ_{i>0} x_i²,    ∂²f/∂x_0∂x_i = 2 x_0 x_i,    ∂²f/∂x_i² = −sin x_i + x_0²
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks.contests import sparse
from benchmarks.contests.contestants import CASADI_BUFFERED, JAX, PLAN, SparseContest
from benchmarks.contests.matches import best, goal_against
from benchmarks.harness import Size, Table

LENGTHS: dict[Size, int] = {"tiny": 7, "quick": 5_000, "full": 5_000}


def arrowhead(xp: Any, x: Any) -> Any:
    """The function."""
    shaft = x[0] * x[1:]
    return xp.sum(xp.sin(x)) + 0.5 * xp.sum(shaft * shaft)


def filling(n: int) -> tuple[scipy.sparse.csr_array, Callable[[np.ndarray], np.ndarray]]:
    """The pattern, row 0 full and two entries in every other row; and the function that fills its data."""
    indices = np.concatenate([np.arange(n), np.stack([np.zeros(n - 1, int), np.arange(1, n)], axis=1).ravel()])
    pointers = np.concatenate([[0], n + 2 * np.arange(n)])
    pattern = scipy.sparse.csr_array((np.ones(3 * n - 2, bool), indices, pointers), (n, n))

    def fill(x: np.ndarray) -> np.ndarray:
        result = np.empty(3 * n - 2)
        head, rest = x[0], x[1:]
        sines = np.sin(x)
        result[0] = np.vdot(rest, rest) - sines[0]
        np.multiply(rest, 2 * head, out=result[1:n])
        result[n::2] = result[1:n]
        np.subtract(head * head, sines[1:], out=result[n + 1 :: 2])
        return result

    return pattern, fill


def contest(size: Size) -> SparseContest:
    """One length."""
    n = LENGTHS[size]
    pattern, fill = filling(n)
    rng = np.random.default_rng(0)
    x0, x1 = rng.standard_normal((2, n))
    return SparseContest(f"arrowhead: Hessian, n = {n:,}", "hessian", arrowhead, x0, x1, pattern, fill)


def validate(size: Size) -> int:
    """Check every answer."""
    return sparse.validate(contest(size))


def measure(size: Size) -> Iterator[Table]:
    """The table."""
    table, timings, found = sparse.compare(contest(size), size)
    ours = best(timings, PLAN)
    casadi = best(timings, CASADI_BUFFERED)
    goal_against(table, "adjoint plan / CasADi, buffered", ours, casadi, 1.0)
    seconds = [found[name].seconds if name in found else None for name in (PLAN, JAX)]
    goal_against(table, "planning / jax's compile time", *seconds, 1.0)
    yield table
