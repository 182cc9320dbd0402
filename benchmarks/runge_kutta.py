"""100 classical Runge–Kutta steps on 10⁴ states of a nonlinear equation: a long trace of middle-sized arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Contest, Size, Table, compare, validate_contests

GOAL = 1 / 3  # of HIPS autograd's time


def growth(xp: Any, rate: Any, y: Any) -> Any:
    """Logistic growth, each state on its own: ``y' = r y (1 − y)``."""
    return rate * y * (1 - y)


def chain(xp: Any, rate: Any, y: Any) -> Any:
    """Each state is fed by its neighbor and saturates: ``y_i' = r_i y_{i−1} − y_i²``, ``y_0' = r_0 − y_0²``.

    The slices and the concatenation are those of GradBench's ``ode``, whose solution underflows at this length.
    """
    return xp.concatenate((rate[:1], rate[1:] * y[:-1])) - y * y


def solve(xp: Any, rate: Any, start: Any, slope: Any, steps: int) -> Any:
    """Half the squared norm of the state at time 1."""
    h = 1 / steps
    y = start
    for _ in range(steps):
        k1 = slope(xp, rate, y)
        k2 = slope(xp, rate, y + h / 2 * k1)
        k3 = slope(xp, rate, y + h / 2 * k2)
        k4 = slope(xp, rate, y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return xp.sum(y * y) / 2


def contests(size: Size) -> Iterator[Contest]:
    """One contest per equation, on the same grid of rates and starts."""
    states, steps = (10, 3) if size == "tiny" else (10_000, 100)
    rng = np.random.default_rng(0)
    rate, start = rng.uniform(0.5, 2, states), rng.uniform(0.1, 0.9, states)
    for slope in (growth, chain):
        title = f"{slope.__name__}: {steps} steps, {states:,} states, float64, nothing compiled"
        yield Contest(title, solve, (rate, start), (slope, steps), peers=("autograd", "torch"), tolerance=1e-8)


def validate(size: Size) -> int:
    """Check every answer."""
    return validate_contests(contests(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    for contest in contests(size):
        table, timings = compare(contest, size)
        if "autograd" in timings:
            ratio = timings["adjoint"].best / timings["autograd"].best
            table.goal("adjoint / HIPS autograd", ratio, GOAL)
        yield table
