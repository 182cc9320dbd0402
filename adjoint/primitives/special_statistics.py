"""Rules of the distribution functions and their inverses: of ``F(y) = p`` follow ``1/f(y)`` and ``-(∂F/∂θ)/f(y)``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import INTEGER, SHAPE, SQRT_2PI, like
from adjoint.primitives.special_densities import (
    beta_density,
    binomial_density,
    f_density,
    gamma_density,
    poisson_density,
    t_density,
)
from adjoint.tracing import ZERO, concrete, elementwise

# discrete: the count k is rounded down
elementwise(special.bdtr, ZERO, INTEGER, lambda y, k, n, p: -binomial_density(y, k, n, p))
elementwise(special.bdtrc, ZERO, INTEGER, lambda y, k, n, p: binomial_density(y, k, n, p))
elementwise(special.bdtri, ZERO, INTEGER, lambda y, k, n, p: -1 / binomial_density(y, k, n, y))
elementwise(special.nbdtr, INTEGER, INTEGER, lambda y, k, n, p: beta_density(y, n, k + 1, p))
elementwise(special.nbdtrc, INTEGER, INTEGER, lambda y, k, n, p: -beta_density(y, n, k + 1, p))
elementwise(special.nbdtri, INTEGER, INTEGER, lambda y, k, n, p: 1 / beta_density(y, n, k + 1, y))
elementwise(special.pdtr, ZERO, lambda y, k, m: -poisson_density(y, k, m))
elementwise(special.pdtrc, ZERO, lambda y, k, m: poisson_density(y, k, m))
elementwise(special.pdtri, INTEGER, lambda y, k, p: -1 / poisson_density(y, k, y))

# chi-square, F, Student
elementwise(special.chdtr, SHAPE, lambda y, n, x: 0.5 * gamma_density(y, 0.5 * n, 0.5 * x))
elementwise(special.chdtrc, SHAPE, lambda y, n, x: -0.5 * gamma_density(y, 0.5 * n, 0.5 * x))
elementwise(special.chdtri, SHAPE, lambda y, n, p: -2 / gamma_density(y, 0.5 * n, 0.5 * y))
elementwise(special.fdtr, SHAPE, SHAPE, lambda y, n, m, x: f_density(y, n, m, x))
elementwise(special.fdtrc, SHAPE, SHAPE, lambda y, n, m, x: -f_density(y, n, m, x))
elementwise(special.fdtri, SHAPE, SHAPE, lambda y, n, m, p: 1 / f_density(y, n, m, y))
elementwise(special.stdtr, SHAPE, lambda y, n, t: t_density(y, n, t))
elementwise(special.stdtrit, SHAPE, lambda y, n, p: 1 / t_density(y, n, y))

# gamma, with the rate a and the shape b
elementwise(
    special.gdtr,
    lambda y, a, b, x: x * gamma_density(y, b, a * x),
    SHAPE,
    lambda y, a, b, x: a * gamma_density(y, b, a * x),
)
elementwise(
    special.gdtrc,
    lambda y, a, b, x: -x * gamma_density(y, b, a * x),
    SHAPE,
    lambda y, a, b, x: -a * gamma_density(y, b, a * x),
)
elementwise(
    special.gdtria,  # y x = gammaincinv(b, p)
    lambda y, p, b, x: 1 / (x * gamma_density(y, b, y * x)),
    SHAPE,
    lambda y, p, b, x: -y / x,
)
elementwise(
    special.gdtrix,  # a y = gammaincinv(b, p)
    lambda y, a, b, p: -y / a,
    SHAPE,
    lambda y, a, b, p: 1 / (a * gamma_density(y, b, a * y)),
)

# --- Kolmogorov's distribution: two theta series, each quick on its side of x = 1 ------------------

_TERMS = range(1, 7)


def _kolmogorov(x: Any) -> Any:
    """The derivative of ``2 Σ (-1)^(k-1) e^(-2k²x²)``, and of the same after Poisson summation."""
    left = np.where((x > 0) & (x < 1), x, 1.0)
    u = (math.pi / left) ** 2 / 8
    below = sum(np.exp(-((2 * k - 1) ** 2) * u) * (1 - 2 * (2 * k - 1) ** 2 * u) for k in _TERMS)
    above = sum((-1) ** k * 8 * k * k * np.exp(-2 * k * k * x * x) for k in _TERMS)
    return np.where(x < 1, np.where(x > 0, SQRT_2PI / (left * left) * below, 0.0), x * above)


elementwise(special.kolmogorov, lambda y, x: _kolmogorov(x))
elementwise(special.kolmogi, lambda y, p: 1 / _kolmogorov(y))

# --- Smirnov's distribution: d Σ C(n, v) (d + v/n)^(v-1) (1 - d - v/n)^(n-v) over v < n (1 - d) ----


def _smirnov(y: Any, n: Any, d: Any) -> Any:
    """The derivative by ``d``, as a sum over one more axis; of the first term ``(1 - d)^n`` written apart."""
    n = np.floor(like(y, n))[..., None]
    v = np.arange(int(np.max(concrete(n), initial=0)) + 1).astype(y.dtype)
    d = (d + 0 * y)[..., None]
    inside, first = d + v / n < 1, v == 0
    rest = np.where(inside, 1 - d - v / n, 1.0)
    d = np.where(first, 1.0, d)
    p, u = np.where(first, 1.0, d + v / n), np.where(inside, n - v, 1.0)
    log_binomial = -special.betaln(u + 1, v + 1) - np.log(n + 1)
    weight = np.exp(log_binomial + (u - 1) * np.log(rest) + (v - 2) * np.log(p))
    return np.sum(np.where(inside, weight * ((p + d * (v - 1)) * rest - d * u * p), 0.0), axis=-1)


elementwise(special.smirnov, INTEGER, _smirnov)
elementwise(special.smirnovi, INTEGER, lambda y, n, p: 1 / _smirnov(y, n, y))
