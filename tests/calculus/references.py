"""Independent references: differences of values, and smooth test functions with closed-form derivatives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

SOLVERS = ("back_substitution", "sparse_triangular", "dense")


def central(f: Callable[..., Any], x: Any, h: float = 1e-6) -> np.ndarray:
    """The Jacobian of ``f`` at ``x`` by central differences, of shape ``f(x).shape + x.shape``."""
    x = np.asarray(x, dtype=float)
    columns = []
    for k in range(x.size):
        step = np.zeros(x.size)
        step[k] = h
        step = step.reshape(x.shape)
        columns.append((np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * h))
    stacked = np.stack(columns, axis=-1)
    return stacked.reshape(stacked.shape[:-1] + x.shape)


def complex_step(f: Callable[..., Any], x: Any, h: float = 1e-30) -> np.ndarray:
    """The gradient of an analytic scalar ``f`` without any cancellation: ``Im f(x + i h e_k) / h``."""
    x = np.asarray(x, dtype=complex)
    slopes = []
    for k in range(x.size):
        step = np.zeros(x.size, dtype=complex)
        step[k] = 1j * h
        slopes.append(np.imag(f(x + step.reshape(x.shape))) / h)
    return np.array(slopes).reshape(x.shape)


def rosenbrock(x: Any) -> Any:
    """Analytic, coupled along a chain."""
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_gradient(x: np.ndarray) -> np.ndarray:
    g = np.zeros_like(x)
    g[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def rosenbrock_hessian(x: np.ndarray) -> np.ndarray:
    n = x.size
    H = np.zeros((n, n))
    for k in range(n - 1):
        H[k, k] += 1200 * x[k] ** 2 - 400 * x[k + 1] + 2
        H[k + 1, k + 1] += 200
        H[k, k + 1] -= 400 * x[k]
        H[k + 1, k] -= 400 * x[k]
    return H


def mapping(x: Any) -> Any:
    """From R³ to R² × R², analytic."""
    return np.stack([np.sin(x[:2] * x[1:]), np.exp(x[:2]) + x[2] ** 3])


def mapping_jacobian(x: np.ndarray) -> np.ndarray:
    J = np.zeros((2, 2, 3))
    for k in range(2):
        c = np.cos(x[k] * x[k + 1])
        J[0, k, k] += c * x[k + 1]
        J[0, k, k + 1] += c * x[k]
        J[1, k, k] += np.exp(x[k])
        J[1, k, 2] += 3 * x[2] ** 2
    return J
