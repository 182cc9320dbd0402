"""Sparse Jacobian of the right-hand side of the two-dimensional Brusselator, periodic, 128 × 128 × 2 unknowns.

    u' = b + u² v − (a + 1) u + d ∇²u        v' = a u − u² v + d ∇²v

Row ``(s, i, j)`` of the Jacobian has six nonzeros: ``d`` for the four neighbors in the same field, ``−4 d`` plus the
reaction on the diagonal, and the reaction in the other field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse

from benchmarks.contests import sparse
from benchmarks.contests.contestants import JAX, PLAN, SparseContest
from benchmarks.contests.matches import best, goal_against
from benchmarks.harness import Size, Table
from benchmarks.workloads.grids import brusselator

A, B = 3.4, 1.0
SIDES: dict[Size, int] = {"tiny": 5, "quick": 64, "full": 128}
GOAL, PLANNING_GOAL = 0.7, 0.5  # of JAX's compressed products alone; of JAX's compile time


def coordinates(n: int) -> tuple[np.ndarray, np.ndarray]:
    """``(8, 2 n²)`` rows and columns: diagonal, other field, four neighbors."""
    own = np.arange(2 * n * n).reshape(2, n, n)
    around = [np.roll(own, shift, axis) for axis in (1, 2) for shift in (1, -1)]
    columns = np.stack([own, own[::-1], *around]).reshape(6, -1)
    return np.broadcast_to(own.reshape(1, -1), columns.shape), columns


def filling(n: int, diffusion: float) -> tuple[scipy.sparse.csr_array, Callable[[np.ndarray], np.ndarray]]:
    """The pattern, and the function that fills its data: constants once, two entries of a row each time."""
    rows, columns = coordinates(n)
    size = 2 * n * n
    order = np.lexsort((columns.ravel(), rows.ravel()))
    indices = columns.ravel()[order]
    pattern = scipy.sparse.csr_array(
        (np.ones(len(order), bool), indices, np.arange(0, len(order) + 1, 6)), (size, size)
    )
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    place = place.reshape(6, -1)
    data = np.empty(len(order))
    data[place[2:]] = diffusion
    half = size // 2
    slots = place[0, :half], place[1, :half], place[1, half:], place[0, half:]

    def fill(x: np.ndarray) -> np.ndarray:
        u, v = x[:half], x[half:]
        result = data.copy()
        product, square = 2 * u * v, u * u
        result[slots[0]] = product - (A + 1 + 4 * diffusion)
        result[slots[1]] = square
        result[slots[2]] = A - product
        square += 4 * diffusion
        result[slots[3]] = np.negative(square, out=square)
        return result

    return pattern, fill


def in_casadi(casadi: Any, x: Any, n: int, diffusion: float) -> Any:
    """The same with CasADi's matrices of symbols."""
    u, v = casadi.reshape(x[: n * n], n, n), casadi.reshape(x[n * n :], n, n)
    before, after = [(k - 1) % n for k in range(n)], [(k + 1) % n for k in range(n)]
    spread = lambda w: diffusion * (w[before, :] + w[after, :] + w[:, before] + w[:, after] - 4 * w)
    reaction = u * u * v
    parts = B + reaction - (A + 1) * u + spread(u), A * u - reaction + spread(v)
    return casadi.vertcat(*(casadi.vec(part) for part in parts))


def contest(size: Size) -> SparseContest:
    """One grid."""
    n = SIDES[size]
    diffusion = 0.1 * (n - 1) ** 2 / 100
    pattern, fill = filling(n, diffusion)
    rng = np.random.default_rng(0)
    return SparseContest(
        f"Brusselator {n} × {n}, periodic: Jacobian of {2 * n * n:,} unknowns",
        "jacobian",
        lambda xp, x: brusselator(xp, x.reshape((2, n, n)), A, B, diffusion).reshape(-1),
        rng.uniform(0.5, 3, 2 * n * n),
        rng.uniform(0.5, 3, 2 * n * n),
        pattern,
        fill,
        in_casadi=lambda casadi, x: in_casadi(casadi, x, n, diffusion),
    )


def validate(size: Size) -> int:
    """Check every answer."""
    return sparse.validate(contest(size))


def measure(size: Size) -> Iterator[Table]:
    """The table."""
    table, timings, found = sparse.compare(contest(size), size)
    ours, theirs = (best(timings, name) for name in (PLAN, JAX))
    goal_against(table, "adjoint plan / jax's compressed products alone", ours, theirs, GOAL)
    seconds = [found[name].seconds if name in found else None for name in (PLAN, JAX)]
    goal_against(table, "planning / jax's compile time", *seconds, PLANNING_GOAL)
    yield table
