"""Partial differential equations on grids: stencils as rolls and slices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem, Workload


def brusselator(xp: Any, z: Any, a: float, b: float, diffusion: float) -> Any:
    """Right-hand side of the two-dimensional Brusselator, periodic; ``z`` holds ``u`` and ``v``.

        u' = b + u² v − (a + 1) u + d ∇²u        v' = a u − u² v + d ∇²v

    with the five-point Laplacian. References: E. Hairer and G. Wanner, Solving Ordinary Differential Equations II,
    IV.10.
    """
    neighbors = xp.roll(z, 1, 1) + xp.roll(z, -1, 1) + xp.roll(z, 1, 2) + xp.roll(z, -1, 2)
    spread = diffusion * (neighbors - 4 * z)
    u, v = z[0], z[1]
    reaction = u * u * v
    return xp.stack((b + reaction - (a + 1) * u, a * u - reaction)) + spread


def brusselators(size: Size) -> Iterator[Problem]:
    """Products with the transposed Jacobian, as an implicit integrator's adjoint needs them."""
    n, m = {"tiny": (4, 2), "quick": (32, 10), "full": (128, 10)}[size]
    z = np.random.default_rng(0).uniform(0.5, 3, (2, n, n))
    title = f"2 × {n} × {n}, periodic"
    yield Problem(title, brusselator, (z,), (3.4, 1.0, 0.1 * (n - 1) ** 2 / 100), right_hand_sides=m)


def heat(xp: Any, start: Any, conductivity: Any, observed: Any, steps: int) -> Any:
    """Explicit Euler steps of ``T_t = (κ T_x)_x`` with insulated ends; the misfit to an observed final state."""
    t = start
    for _ in range(steps):
        flow = conductivity * (t[1:] - t[:-1])
        t = t + xp.concatenate((flow[:1], flow[1:] - flow[:-1], -flow[-1:]))
    return xp.sum((t - observed) ** 2)


def heats(size: Size) -> Iterator[Problem]:
    """The gradient by the start and by the conductivity between the cells."""
    cells, steps = {"tiny": (5, 3), "quick": (50, 50), "full": (500, 200)}[size]
    rng = np.random.default_rng(0)
    arguments = rng.uniform(0, 1, cells), rng.uniform(0.1, 0.3, cells - 1)
    yield Problem(f"{cells} cells, {steps} steps", heat, arguments, (rng.uniform(0, 1, cells), steps))


WORKLOADS = (
    Workload("brusselator", "right-hand side of a reaction and diffusion on a periodic grid", brusselators),
    Workload("heat", "time steps of the heat equation, an inverse problem", heats),
)
