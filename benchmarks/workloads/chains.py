"""Long chains: states of a few numbers through thousands of matrices, and Runge–Kutta steps of many states."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks import runge_kutta
from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem, Workload


def chain(xp: Any, x: Any, A: Any) -> Any:
    """``x ← A_k x`` for every matrix in turn; half the squared norm at the end."""
    for k in range(len(A)):
        x = A[k] @ x
    return xp.sum(x * x) / 2


def chains(size: Size, states: int) -> Iterator[Problem]:
    """Random matrices that turn and shrink a little, so that nothing overflows."""
    for steps in {"tiny": (12,), "quick": (1_000,), "full": (1_000, 10_000)}[size]:
        rng = np.random.default_rng(states)
        A = np.linalg.qr(rng.standard_normal((steps, states, states)))[0] * 0.9999
        yield Problem(f"{steps:,} steps of {states} × {states}", chain, (rng.standard_normal(states),), (A,))


def runge_kuttas(size: Size) -> Iterator[Problem]:
    """Logistic growth, each state on its own."""
    states, steps = {"tiny": (4, 2), "quick": (200, 20), "full": (1_000, 100)}[size]
    rng = np.random.default_rng(0)
    arguments = rng.uniform(0.5, 2, states), rng.uniform(0.1, 0.9, states)
    title = f"{steps} steps, {states:,} states"
    yield Problem(title, runge_kutta.solve, arguments, (runge_kutta.growth, steps))


WORKLOADS = (
    Workload("chain_2x2", "x = A[k] @ x, thousands of times, two states", partial(chains, states=2)),
    Workload("chain_20x20", "x = A[k] @ x, thousands of times, twenty states", partial(chains, states=20)),
    Workload("runge_kutta", "an ordinary differential equation by the classical method", runge_kuttas),
)
