"""An inverse problem: where was the heat? The gradient of a simulation, by the same triangular solve.

The mathematics in words. A rod of length 1, its ends kept at temperature 0, cools by the heat equation
∂u/∂t = κ ∂²u/∂x². On a grid with spacing h a time step is u ← u + (κ Δt / h²) (left neighbor − 2 u + right neighbor).
We measure the temperature at the end only, with noise, and look for the initial temperature that explains it: minimize

    |u(T) − measurement|² / (2 n) + (strength / 2) |differences of u(0)|² / h

over u(0) by L-BFGS. Heat flow forgets details, so the second term asks for a smooth answer. The gradient is the
multiplier of u(0). Its system has one block row per time step, and solving it from the last row to the first runs the
heat equation backward through the sensitivities: the adjoint method of optimal control, written by nobody.

Run: python examples/inverse_problem.py
"""

from __future__ import annotations

import numpy as np
import scipy.optimize

import adjoint

POINTS = 59  # inside the rod, without its two ends
STEPS = 30
FINAL_TIME = 0.003
CONDUCTIVITY = 1.0
SPACING = 1 / (POINTS + 1)
GRID = SPACING * np.arange(1, POINTS + 1)


def simulate(u, steps: int = STEPS):
    """The temperature ``(POINTS,)`` at the final time; new arrays instead of writing into ``u``."""
    courant = CONDUCTIVITY * FINAL_TIME / STEPS / SPACING**2
    for _ in range(steps):
        padded = np.concatenate([np.zeros(1), u, np.zeros(1)])
        u = u + courant * (padded[:-2] - 2 * u + padded[2:])
    return u


def objective(u_start, measurement, strength: float = 1e-7):
    """Misfit at the final time plus a penalty on rough initial temperatures."""
    misfit = simulate(u_start) - measurement
    padded = np.concatenate([np.zeros(1), u_start, np.zeros(1)])
    differences = padded[1:] - padded[:-1]
    return misfit @ misfit / (2 * POINTS) + strength / 2 * (differences @ differences) / SPACING


def true_start() -> np.ndarray:
    """Two warm spots: what the inversion is to find."""
    return np.exp(-(((GRID - 0.3) / 0.06) ** 2)) + 0.6 * np.exp(-(((GRID - 0.7) / 0.08) ** 2))


def measure(noise: float = 1e-3, seed: int = 0) -> np.ndarray:
    """The final temperature with measurement noise."""
    return simulate(true_start()) + noise * np.random.default_rng(seed).standard_normal(POINTS)


def recover(measurement: np.ndarray) -> scipy.optimize.OptimizeResult:
    """The initial temperature that minimizes the objective."""
    return scipy.optimize.minimize(
        adjoint.value_and_grad(objective),
        np.zeros(POINTS),
        args=(measurement,),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10},
    )


def relative_distance(u: np.ndarray, v: np.ndarray) -> float:
    """``|u − v| / |v|``."""
    return float(np.linalg.norm(u - v) / np.linalg.norm(v))


def chart(curves: dict[str, np.ndarray], height: int = 14) -> str:
    """Curves as text: the key of each is its character; later ones lie on top."""
    canvas = [[" "] * POINTS for _ in range(height + 1)]
    top = max(float(np.max(u)) for u in curves.values())
    for symbol, u in curves.items():
        for column, row in enumerate(np.clip(np.rint(height * u / top), 0, height).astype(int)):
            canvas[height - row][column] = symbol
    return "\n".join("    │" + "".join(row).rstrip() for row in canvas) + "\n    └" + "─" * POINTS


def main() -> None:
    measurement, truth = measure(), true_start()
    trace = adjoint.trace(objective, np.zeros(POINTS), measurement)
    system = trace.compile()
    print(f"{STEPS} time steps on {POINTS} points: {system}")
    print(f"Certificate of its solution (relative backward error): {system.solve().certificate():.1e}\n")

    result = recover(measurement)
    print(f"L-BFGS: {result.nit} iterations, {result.nfev} gradients; objective {result.fun:.3e}\n")
    print(chart({"·": measurement, "o": truth, "*": result.x}))
    print("    · measured at the end   o true start   * recovered start\n\n  Distance to the true start, relative:")
    for what, u in (("of what was measured", measurement), ("of what was recovered", result.x)):
        print(f"    {what:<24}{relative_distance(u, truth):>6.1%}")


if __name__ == "__main__":
    main()
