"""Rules of the noncentral distributions: their densities, and the derivatives by the noncentrality, in closed form.

The mixtures are those of DLMF and of Johnson, Kotz & Balakrishnan, *Continuous Univariate Distributions* 2, ch. 29–31.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import SHAPE, like
from adjoint.primitives.special_densities import LOG_2PI, f_density, gamma_density
from adjoint.tracing import elementwise

# --- chi-square ------------------------------------------------------------------------------------


def _chi2(y: Any, x: Any, n: Any, c: Any) -> Any:
    """The density: that of no noncentrality, times ``e^(-c/2) 0F1(n/2; c x / 4)``, or by Bessel's ``I`` where large."""
    n, c = like(y, n), like(y, c)
    large = c * x > 1
    x_large, c_large = np.where(large, x, 1.0), np.where(large, c, 1.0)
    exponent = -0.5 * (np.sqrt(x_large) - np.sqrt(c_large)) ** 2 + (0.25 * n - 0.5) * np.log(x_large / c_large)
    by_bessel = 0.5 * np.exp(exponent) * special.ive(0.5 * n - 1, np.sqrt(x_large * c_large))
    factor = np.exp(-0.5 * c) * special.hyp0f1(0.5 * n, np.where(large, 0.0, 0.25 * c * x))
    return np.where(large, by_bessel, 0.5 * gamma_density(y, 0.5 * n, 0.5 * x) * factor)


def _chi2_by_noncentrality(y: Any, x: Any, n: Any, c: Any) -> Any:
    return -_chi2(y, x, like(y, n) + 2, c)


elementwise(special.chndtr, lambda y, x, n, c: _chi2(y, x, n, c), SHAPE, _chi2_by_noncentrality)
elementwise(
    special.chndtrix,
    lambda y, p, n, c: 1 / _chi2(y, y, n, c),
    SHAPE,
    lambda y, p, n, c: -_chi2_by_noncentrality(y, y, n, c) / _chi2(y, y, n, c),
)
elementwise(
    special.chndtrinc,
    lambda y, x, n, p: -_chi2(y, x, n, y) / _chi2_by_noncentrality(y, x, n, y),
    SHAPE,
    lambda y, x, n, p: 1 / _chi2_by_noncentrality(y, x, n, y),
)

# --- F: Poisson mixtures of beta distributions in w = n x / (n x + m) ------------------------------


def _f(y: Any, n: Any, m: Any, c: Any, x: Any) -> Any:
    n, m = like(y, n), like(y, m)
    w = n * x / (n * x + m)
    mixture = np.exp(-0.5 * c * (1 - w)) * special.hyp1f1(-0.5 * m, 0.5 * n, -0.5 * c * w)
    return f_density(y, n, m, x) * mixture


def _f_by_noncentrality(y: Any, n: Any, m: Any, c: Any, x: Any) -> Any:
    n, m = like(y, n), like(y, m)
    w, v = n * x / (n * x + m), m / (n * x + m)
    exponent = special.xlogy(0.5 * n, w) + special.xlogy(0.5 * m, v) - special.betaln(0.5 * n, 0.5 * m)
    mixture = np.exp(exponent - 0.5 * c * v) * special.hyp1f1(1 - 0.5 * m, 0.5 * n + 1, -0.5 * c * w)
    return -mixture / n


elementwise(special.ncfdtr, SHAPE, SHAPE, _f_by_noncentrality, lambda y, n, m, c, x: _f(y, n, m, c, x))
elementwise(
    special.ncfdtri,
    SHAPE,
    SHAPE,
    lambda y, n, m, c, p: -_f_by_noncentrality(y, n, m, c, y) / _f(y, n, m, c, y),
    lambda y, n, m, c, p: 1 / _f(y, n, m, c, y),
)
elementwise(
    special.ncfdtrinc,
    SHAPE,
    SHAPE,
    lambda y, n, m, p, x: 1 / _f_by_noncentrality(y, n, m, y, x),
    lambda y, n, m, p, x: -_f(y, n, m, y, x) / _f_by_noncentrality(y, n, m, y, x),
)

# --- Student's t: E φ(t s - c) over s = √(χ²_n / n), an integral of a parabolic cylinder function --


def _t_integral(y: Any, order: Any, n: Any, c: Any, t: Any) -> Any:
    """``E s^(order - n) φ(t s - c)``, but for a factor ``n^((order - n) / 2)``."""
    z = -t * c / np.sqrt(n + t * t)
    exponent = (1 - 0.5 * n) * math.log(2) + special.gammaln(order) - special.gammaln(0.5 * n) - 0.5 * LOG_2PI
    exponent = exponent - 0.5 * order * np.log1p(t * t / n) - 0.5 * c * c + 0.25 * z * z
    return np.exp(exponent) * special.pbdv(-order, z)[0]


def _t(y: Any, n: Any, c: Any, t: Any) -> Any:
    n, c, t = like(y, n), like(y, c), like(y, t)
    return _t_integral(y, n + 1, n, c, t) / np.sqrt(n)


def _t_by_noncentrality(y: Any, n: Any, c: Any, t: Any) -> Any:
    n, c, t = like(y, n), like(y, c), like(y, t)
    return -_t_integral(y, n, n, c, t)


elementwise(special.nctdtr, SHAPE, _t_by_noncentrality, lambda y, n, c, t: _t(y, n, c, t))
elementwise(
    special.nctdtrit,
    SHAPE,
    lambda y, n, c, p: -_t_by_noncentrality(y, n, c, y) / _t(y, n, c, y),
    lambda y, n, c, p: 1 / _t(y, n, c, y),
)
elementwise(
    special.nctdtrinc,
    SHAPE,
    lambda y, n, p, t: 1 / _t_by_noncentrality(y, n, y, t),
    lambda y, n, p, t: -_t(y, n, y, t) / _t_by_noncentrality(y, n, y, t),
)
