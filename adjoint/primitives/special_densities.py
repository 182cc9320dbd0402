"""The densities of the usual distributions, with which their functions and the inverses of those are differentiated.

Each takes the result ``y`` first, whose type a Python number among the parameters gets.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import like

LOG_2PI = math.log(2 * math.pi)


def gamma_density(y: Any, a: Any, x: Any) -> Any:
    """``x^(a-1) e^-x / Γ(a)``."""
    a = like(y, a)
    return np.exp(special.xlogy(a - 1, x) - x - special.gammaln(a))


def beta_density(y: Any, a: Any, b: Any, x: Any) -> Any:
    """``x^(a-1) (1 - x)^(b-1) / B(a, b)``."""
    a, b = like(y, a), like(y, b)
    return np.exp(special.xlogy(a - 1, x) + special.xlog1py(b - 1, -x) - special.betaln(a, b))


def f_density(y: Any, n: Any, m: Any, x: Any) -> Any:
    """Of the ratio of two chi-squares by their degrees of freedom."""
    n, m = like(y, n), like(y, m)
    total = n * x + m
    exponent = special.xlogy(0.5 * n - 1, n * x / total) + special.xlogy(0.5 * m + 1, m / total)
    return n / m * np.exp(exponent - special.betaln(0.5 * n, 0.5 * m))


def t_density(y: Any, n: Any, t: Any) -> Any:
    """Student's."""
    n = like(y, n)
    return np.exp(-0.5 * (n + 1) * np.log1p(t * t / n) - special.betaln(0.5 * n, y.dtype.type(0.5))) / np.sqrt(n)


def poisson_density(y: Any, k: Any, m: Any) -> Any:
    """``m^k e^-m / k!`` for the integer below ``k``."""
    return gamma_density(y, np.floor(like(y, k)) + 1, m)


def binomial_density(y: Any, k: Any, n: Any, p: Any) -> Any:
    """Minus the derivative of the binomial distribution function by ``p``, for the integer below ``k``."""
    k = np.floor(like(y, k))
    return beta_density(y, k + 1, n - k, p)
