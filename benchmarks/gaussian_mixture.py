"""Log posterior of a Gaussian mixture with a Wishart prior: the first problem of ADBench and GradBench.

Parameters of ``k`` Gaussians in ``d`` dimensions: ``alphas (k,)``, logarithms of the weights before normalization;
``means (k, d)``; ``icf (k, d (d + 1) / 2)``, the lower triangular factor ``Q`` of the inverse covariance ``QᵀQ``:
first the logarithms of its diagonal, then what is below it, column by column.

    L = −(n d / 2) log 2π + Σ_i log Σ_k exp(α_k + log det Q_k − ½ ‖Q_k (x_i − μ_k)‖²) − n log Σ_k exp α_k + prior
    prior = Σ_k (½ γ² ‖Q_k‖² − m log det Q_k) − k c,    c from Wishart(γ, m)

References: F. Srajer, Z. Kukelova, A. Fitzgibbon, "A benchmark of selected algorithmic differentiation tools on
some problems in computer vision and machine learning", 2018, section 3.1; the sign of the prior is ADBench's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.harness import Contest, Size, Table, compare, validate_contests

GOAL = 2.0  # times NumPy by hand
GAMMA, M = 1.0, 0


def logsumexp(xp: Any, x: Any, axis: int) -> Any:
    """Without overflow."""
    largest = xp.amax(x, axis=axis, keepdims=True)
    return xp.squeeze(largest, axis) + xp.log(xp.sum(xp.exp(x - largest), axis=axis))


def wishart_constant(d: int) -> float:
    """``c``, which no gradient sees."""
    degrees = d + M + 1
    log_gamma = d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma(degrees / 2 - j / 2) for j in range(d))
    return degrees * d * (math.log(GAMMA) - 0.5 * math.log(2)) - log_gamma


def below_diagonal(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the ``(d, d)`` entries stand in ``icf``, and which of them are below the diagonal."""
    columns, rows = np.triu_indices(d, 1)  # the upper triangle by rows is the lower one by columns
    position = np.zeros((d, d), int)
    position[rows, columns] = d + np.arange(rows.size)
    return position, np.tri(d, k=-1, dtype=bool)


def log_posterior(xp: Any, alphas: Any, means: Any, icf: Any, x: Any, position: Any, below: Any, eye: Any) -> Any:
    """Plain NumPy, all points and Gaussians at once."""
    (n, d), k = x.shape, len(alphas)
    log_diagonal = icf[:, :d]
    lower = xp.where(below, icf[:, position], 0.0)
    factor = lower + xp.exp(log_diagonal)[:, None, :] * eye
    centered = x[None, :, :] - means[:, None, :]
    y = xp.matmul(centered, xp.swapaxes(factor, 1, 2))
    log_determinant = xp.sum(log_diagonal, axis=1)
    inner = (alphas + log_determinant)[:, None] - 0.5 * xp.sum(y * y, axis=2)
    likelihood = xp.sum(logsumexp(xp, inner, 0)) - n * logsumexp(xp, alphas, 0)
    prior = 0.5 * GAMMA**2 * xp.sum(factor * factor) - M * xp.sum(log_determinant)
    return likelihood + prior - k * wishart_constant(d) - 0.5 * n * d * math.log(2 * math.pi)


def by_hand(
    alphas: np.ndarray,
    means: np.ndarray,
    icf: np.ndarray,
    x: np.ndarray,
    position: np.ndarray,
    below: np.ndarray,
    eye: np.ndarray,
) -> tuple[Any, list[np.ndarray]]:
    """The derivation on paper.

    With the responsibilities ``w_ki = softmax_k(inner_ki)`` and ``y_ki = Q_k (x_i − μ_k)``:

        ∂L/∂α_k = Σ_i w_ki − n softmax(α)_k        ∂L/∂μ_k = Q_kᵀ Σ_i w_ki y_ki
        ∂L/∂Q_k = −Σ_i w_ki y_ki (x_i − μ_k)ᵀ + γ² Q_k,    ∂L/∂log det Q_k = Σ_i w_ki − m

    Nothing of size ``k n d`` is formed beyond ``y`` itself: ``μ`` is taken out of both products.
    """
    (n, d), k = x.shape, len(alphas)
    log_diagonal = icf[:, :d]
    diagonal = np.exp(log_diagonal)
    factor = np.zeros((k, d, d))
    rows, columns = np.nonzero(below)
    packed = position[rows, columns]
    factor[:, rows, columns] = icf[:, packed]
    factor[:, np.arange(d), np.arange(d)] = diagonal
    y = np.matmul(x, factor.transpose(0, 2, 1))
    y -= np.matmul(factor, means[:, :, None]).transpose(0, 2, 1)
    log_determinant = log_diagonal.sum(1)
    inner = np.einsum("kni,kni->kn", y, y)
    inner *= -0.5
    inner += (alphas + log_determinant)[:, None]
    largest = inner.max(0)
    inner -= largest
    w = np.exp(inner, out=inner)
    total = w.sum(0)
    w /= total
    top = alphas.max()
    e = np.exp(alphas - top)
    likelihood = (largest + np.log(total)).sum() - n * (top + np.log(e.sum()))
    prior = 0.5 * GAMMA**2 * np.vdot(factor, factor) - M * log_determinant.sum()
    value = likelihood + prior - k * wishart_constant(d) - 0.5 * n * d * math.log(2 * math.pi)

    y *= w[:, :, None]
    moment = y.sum(1)
    by_factor = np.matmul(y.transpose(0, 2, 1), x)
    by_factor -= moment[:, :, None] * means[:, None, :]
    np.negative(by_factor, out=by_factor)
    by_factor += GAMMA**2 * factor
    mass = w.sum(1)
    by_icf = np.empty_like(icf)
    by_icf[:, packed] = by_factor[:, rows, columns]
    by_icf[:, :d] = diagonal * by_factor[:, np.arange(d), np.arange(d)] + (mass - M)[:, None]
    by_means = np.matmul(moment[:, None, :], factor)[:, 0, :]
    return value, [mass - n * e / e.sum(), by_means, by_icf]


def contests(size: Size) -> Iterator[Contest]:
    """1,000 points."""
    n, d, k = (7, 3, 2) if size == "tiny" else (1000, 64, 25)
    rng = np.random.default_rng(0)
    alphas, means = rng.standard_normal(k), rng.uniform(size=(k, d))
    icf = rng.standard_normal((k, d * (d + 1) // 2)) / math.sqrt(d)
    x = rng.standard_normal((n, d))
    yield Contest(
        f"{n:,} points, d = {d}, k = {k}, float64: {alphas.size + means.size + icf.size:,} parameters",
        log_posterior,
        (alphas, means, icf),
        (x, *below_diagonal(d), np.eye(d)),
        peers=("autograd", "torch", "jax"),
        by_hand=by_hand,
    )


def validate(size: Size) -> int:
    """Check every answer."""
    return validate_contests(contests(size))


def measure(size: Size) -> Iterator[Table]:
    """The table."""
    for contest in contests(size):
        table, timings = compare(contest, size)
        table.goal("adjoint / NumPy by hand", timings["adjoint"].best / timings["NumPy by hand"].best, GOAL)
        yield table
