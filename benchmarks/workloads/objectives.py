"""Objectives of statistics and optimization: few nodes, each of them large; and a Hessian with an arrow's pattern."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

import adjoint
from benchmarks import gaussian_mixture, logsumexp
from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem, Workload


def arrowhead(xp: Any, x: Any) -> Any:
    """``f(x) = Σ_k sin(x_0 x_k) + x_k⁴ / 4``: its Hessian has the first row, the first column and the diagonal."""
    rest = x[1:]
    return xp.sum(xp.sin(x[0] * rest)) + xp.sum(rest**4) / 4


def arrowhead_gradient(xp: Any, x: Any) -> Any:
    """``∇f`` on paper: what the recorded gradient has to agree with."""
    first, rest = x[0], x[1:]
    slope = xp.cos(first * rest)
    return xp.concatenate((xp.sum(rest * slope)[None], first * slope + rest**3))


def arrowheads(size: Size) -> Iterator[Problem]:
    """Products with the Hessian: the gradient is recorded, so a solve was part of what is differentiated."""
    n, m = {"tiny": (6, 2), "quick": (500, 10), "full": (5_000, 10)}[size]
    x = np.random.default_rng(0).standard_normal(n)
    recorded = adjoint.grad(lambda x: arrowhead(np, x))
    yield Problem(f"Hessian, n = {n:,}", arrowhead_gradient, (x,), right_hand_sides=m, recorded=recorded)


def mixtures(size: Size) -> Iterator[Problem]:
    """The parameters of ``benchmarks/gaussian_mixture.py``."""
    n, d, k = {"tiny": (3, 2, 2), "quick": (50, 4, 5), "full": (1_000, 64, 25)}[size]
    rng = np.random.default_rng(0)
    icf = rng.standard_normal((k, d * (d + 1) // 2)) / math.sqrt(d)
    arguments = rng.standard_normal(k), rng.uniform(size=(k, d)), icf
    constants = rng.standard_normal((n, d)), *gaussian_mixture.below_diagonal(d), np.eye(d)
    yield Problem(f"{n:,} points, d = {d}, k = {k}", gaussian_mixture.log_posterior, arguments, constants)


def logsumexps(size: Size) -> Iterator[Problem]:
    """One long vector."""
    length = {"tiny": 20, "quick": 20_000, "full": 160_000}[size]
    x = np.random.default_rng(length).standard_normal(length)
    yield Problem(f"{length:,} doubles", logsumexp.logsumexp, (x,))


def polynomial(xp: Any, c: Any, x: Any, y: Any) -> Any:
    """``Σ_i (p(x_i) − y_i)² / n`` with ``p`` by Horner's rule."""
    p = c[0]
    for k in range(1, c.shape[0]):
        p = p * x + c[k]
    return xp.mean((p - y) ** 2)


def polynomials(size: Size) -> Iterator[Problem]:
    """Few coefficients, many points."""
    degree, n = {"tiny": (3, 5), "quick": (10, 1_000), "full": (20, 20_000)}[size]
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, n)
    yield Problem(f"degree {degree}, {n:,} points", polynomial, (rng.standard_normal(degree + 1),), (x, np.sin(3 * x)))


def kmeans(xp: Any, centers: Any, points: Any) -> Any:
    """``Σ_i min_k ‖x_i − c_k‖²``, the square multiplied out."""
    squares = xp.sum(points * points, axis=1)[:, None] + xp.sum(centers * centers, axis=1)
    return xp.sum(xp.amin(squares - 2 * (points @ centers.T), axis=1))


def kmeanses(size: Size) -> Iterator[Problem]:
    """Clusters that stand apart: the cost has a kink where a point changes sides."""
    n, k, d = {"tiny": (6, 2, 2), "quick": (500, 8, 4), "full": (10_000, 100, 16)}[size]
    rng = np.random.default_rng(0)
    true = 10 * rng.standard_normal((k, d))
    points = true[rng.integers(0, k, n)] + 0.3 * rng.standard_normal((n, d))
    centers = true + 0.1 * rng.standard_normal((k, d))
    yield Problem(f"{n:,} points, {k} centers, d = {d}", kmeans, (centers,), (points,))


WORKLOADS = (
    Workload("arrowhead", "a Hessian whose nonzeros form an arrow", arrowheads),
    Workload("gaussian_mixture", "log posterior of a Gaussian mixture", mixtures),
    Workload("logsumexp", "log Σ exp(x) of one long vector", logsumexps),
    Workload("polynomial", "least squares for the coefficients of a polynomial", polynomials),
    Workload("kmeans", "cost of a clustering, by its centers", kmeanses),
)
