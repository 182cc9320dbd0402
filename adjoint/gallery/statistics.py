"""Objectives of optimization and statistics: an arrowhead Hessian, and a Gaussian mixture."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus import constraint, grad
from adjoint.gallery.example import Example
from adjoint.tracing import name


def objective(x: Any) -> Any:
    """``Σ_k sin(x_0 x_k) + x_k⁴ / 4``: the first variable meets every other one, and those do not meet."""
    return np.sum(np.sin(x[0] * x[1:])) + np.sum(x[1:] ** 4) / 4


@constraint
def gradient(x: Any) -> Any:
    """Of the objective, as one constraint: its block is the Hessian."""
    return grad(objective)(x)


def arrowhead(x: Any) -> Any:
    """Where the gradient is small: half its squared norm."""
    slope = name(gradient(x), "gradient")
    return name(slope @ slope / 2, "merit")


def _arrowhead_inputs(size: str) -> tuple[Any, ...]:
    return (np.random.default_rng(0).standard_normal({"small": 16, "full": 1000}[size]),)


def mixture(x: Any, logits: Any, means: Any, log_precisions: Any) -> Any:
    """Log-likelihood of points ``x (n, d)`` under ``k`` Gaussians with diagonal covariance."""
    log_weights = name(logits - log_sum_exp(logits, 0), "log weights")
    standard = name((x - means[:, None, :]) * np.exp(log_precisions)[:, None, :], "standard")
    heights = name(log_weights + np.sum(log_precisions, axis=1), "heights")
    densities = name(heights[:, None] - np.sum(standard**2, axis=2) / 2, "log densities")
    return name(np.sum(log_sum_exp(densities, 0)), "log likelihood")


def log_sum_exp(x: Any, axis: int) -> Any:
    """``log Σ exp x`` without overflow."""
    largest = np.max(x, axis=axis, keepdims=True)
    return np.squeeze(largest, axis) + np.log(np.sum(np.exp(x - largest), axis=axis))


def _mixture_inputs(size: str) -> tuple[Any, ...]:
    n, d, k = {"small": (6, 2, 3), "full": (1000, 64, 25)}[size]
    rng = np.random.default_rng(0)
    return (
        rng.standard_normal((n, d)),
        rng.standard_normal(k),
        rng.uniform(-1, 1, (k, d)),
        rng.uniform(-0.2, 0.2, (k, d)),
    )


EXAMPLES = (
    Example(
        "arrowhead",
        "Arrowhead Hessian",
        "statistics",
        arrowhead,
        _arrowhead_inputs,
        "The block in the row of x and the column of the gradient is a Hessian, for the gradient is itself a step of "
        "this program. It has nonzeros in its first row, in its first column and on its diagonal: an arrow.",
        view="entries",
    ),
    Example(
        "mixture",
        "Gaussian mixture",
        "statistics",
        mixture,
        _mixture_inputs,
        "The parameters enter by separate rows and meet in the log densities; from there to the result no parameter is "
        "read again. Each sum of exponentials is a pair of paths, one through the largest term that was taken out and "
        "one through the rest.",
        source="F. Srajer, Z. Kukelova, A. Fitzgibbon, A Benchmark of Selected Algorithmic Differentiation Tools on "
        "Some Problems in Computer Vision and Machine Learning, 2018",
    ),
)
