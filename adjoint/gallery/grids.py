"""Differential equations on grids: two ways to step the heat equation, and the Brusselator."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus import constraint
from adjoint.gallery.example import Example
from adjoint.tracing import name


@constraint
def explicit_step(temperature: Any, conductivity: Any) -> Any:
    """One step of ``T_t = (κ T_x)_x`` with insulated ends: what flows in minus what flows out."""
    flow = conductivity * np.diff(temperature)
    return temperature + np.diff(flow, prepend=0.0, append=0.0)


def heat(start: Any, conductivity: Any, observed: Any, steps: int) -> Any:
    """Explicit steps; the misfit to what was observed at the end."""
    temperature = start
    for step in range(1, steps + 1):
        temperature = name(explicit_step(temperature, conductivity), f"T{step}")
    return name(np.mean((temperature - observed) ** 2), "misfit")


@constraint
def heat_matrix(conductivity: Any) -> Any:
    """``I + K``, tridiagonal."""
    difference = np.diff(np.eye(len(conductivity) + 1), axis=0)
    return np.eye(len(conductivity) + 1) + difference.T @ (conductivity[:, None] * difference)


def implicit_heat(start: Any, conductivity: Any, observed: Any, steps: int) -> Any:
    """Steps of any length, each a linear system ``(I + K) T_{k+1} = T_k``."""
    matrix = name(heat_matrix(conductivity), "I + K")
    temperature = start
    for step in range(1, steps + 1):
        temperature = name(np.linalg.solve(matrix, temperature), f"T{step}")
    return name(np.mean((temperature - observed) ** 2), "misfit")


def _heat_inputs(size: str) -> tuple[Any, ...]:
    cells, steps = {"small": (12, 8), "full": (500, 200)}[size]
    rng = np.random.default_rng(0)
    return rng.uniform(size=cells), rng.uniform(0.1, 0.3, cells - 1), rng.uniform(size=cells), steps


def _implicit_heat_inputs(size: str) -> tuple[Any, ...]:
    cells, steps = {"small": (6, 6), "full": (300, 20)}[size]
    rng = np.random.default_rng(0)
    return rng.uniform(size=cells), rng.uniform(1.0, 3.0, cells - 1), rng.uniform(size=cells), steps


def brusselator(z: Any, a: Any, b: Any, diffusion: Any) -> Any:
    """The right-hand side of the two-dimensional Brusselator, periodic; ``z (2, n, n)`` holds ``u`` and ``v``."""
    u, v = name(z[0], "u"), name(z[1], "v")
    reaction = name(u * u * v, "u² v")
    source = np.stack((b + reaction - (a + 1) * u, a * u - reaction))
    neighbors = np.roll(z, 1, 1) + np.roll(z, -1, 1) + np.roll(z, 1, 2) + np.roll(z, -1, 2)
    spread = name(diffusion * (neighbors - 4 * z), "spread")
    return name(source + spread, "rate")


def _brusselator_inputs(size: str) -> tuple[Any, ...]:
    n = {"small": 4, "full": 128}[size]
    z = np.random.default_rng(0).uniform(0.5, 3, (2, n, n))
    return z, 3.4, 1.0, 0.1 * (n - 1) ** 2 / 100


EXAMPLES = (
    Example(
        "heat",
        "Heat equation, explicit steps",
        "simulations",
        heat,
        _heat_inputs,
        "Next to the diagonal stands one tridiagonal block per time step: in one step, heat reaches the neighboring "
        "cells only. The rows of the conductivity have a band in the column of every step, so its gradient is a sum "
        "over time.",
        view="entries",
    ),
    Example(
        "implicit_heat",
        "Heat equation, implicit steps",
        "simulations",
        implicit_heat,
        _implicit_heat_inputs,
        "On the diagonal of each time step stands the matrix I + K instead of the −1 of an explicit step: the step is "
        "known only by the equation that it satisfies. Beside it is an identity, and the row of I + K reaches "
        "every step.",
        view="entries",
    ),
    Example(
        "brusselator",
        "Brusselator",
        "simulations",
        brusselator,
        _brusselator_inputs,
        "The four shifts of the grid are permutations, and all arithmetic is entry by entry: no row of the matrix "
        "depends on how large the grid is. The two species meet in one product only, u² v.",
        view="entries",
        source="E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section IV.10",
    ),
)
