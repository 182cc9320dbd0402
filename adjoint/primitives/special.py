"""SciPy's special functions, as NumPy's elementwise functions. Imported once scipy.special is in use.

This file has the elementary ones; importing it registers all. Every ufunc of scipy.special has a rule, or stands in
``NO_RULE_YET``. Arguments that are rounded to integers have derivative zero where SciPy documents the rounding.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives import (
    special_bessel,
    special_elliptic,
    special_error,
    special_gamma,
    special_hypergeometric,
    special_noncentral,
    special_orthogonal,
    special_statistics,
    special_waves,
)
from adjoint.primitives.special_common import like
from adjoint.primitives.ufuncs import DEGREE, LOG2, in_precision
from adjoint.tracing import NO_RULE_YET, elementwise, zero

__all__ = [
    "special_bessel",
    "special_elliptic",
    "special_error",
    "special_gamma",
    "special_hypergeometric",
    "special_noncentral",
    "special_orthogonal",
    "special_statistics",
    "special_waves",
]

LOG10 = math.log(10)

# powers, logarithms, degrees
elementwise(special.cbrt, lambda y, x: 1 / (3 * y * y))
elementwise(special.exp2, lambda y, x: y * LOG2)
elementwise(special.exp10, lambda y, x: y * LOG10)
elementwise(special.expm1, lambda y, x: y + 1)
elementwise(special.log1p, lambda y, x: 1 / (1 + x))
elementwise(special.cosm1, lambda y, x: -np.sin(x))
elementwise(special.sindg, lambda y, x: DEGREE * special.cosdg(x))
elementwise(special.cosdg, lambda y, x: -DEGREE * special.sindg(x))
elementwise(special.tandg, lambda y, x: DEGREE * (1 + y * y))
elementwise(special.cotdg, lambda y, x: -DEGREE * (1 + y * y))
elementwise(special.radian, lambda y, d, m, s: DEGREE, lambda y, d, m, s: DEGREE / 60, lambda y, d, m, s: DEGREE / 3600)
zero(special.round)

# the logistic function: 1 - y would lose small values
elementwise(special.expit, lambda y, x: y * special.expit(-x))
elementwise(special.log_expit, lambda y, x: special.expit(-x))
elementwise(special.logit, lambda y, x: 1 / (x * (1 - x)))

# --- x log x and its relatives: zero at x = 0, whatever the other argument -------------------------


def _ratio(x: Any, y: Any) -> Any:
    return np.where((x == 0) & (y == 0), 0.0, x / y)


elementwise(special.xlogy, lambda y, a, b: np.log(in_precision(y, b)), lambda y, a, b: _ratio(a, b))
elementwise(special.xlog1py, lambda y, a, b: np.log1p(in_precision(y, b)), lambda y, a, b: _ratio(a, 1 + b))
elementwise(special.entr, lambda y, x: -np.log(x) - 1)
elementwise(special.rel_entr, lambda y, a, b: np.log(in_precision(y, a) / b) + 1, lambda y, a, b: -_ratio(a, b))
elementwise(special.kl_div, lambda y, a, b: np.log(in_precision(y, a) / b), lambda y, a, b: 1 - _ratio(a, b))

# --- robust losses ---------------------------------------------------------------------------------


def _pseudo_huber_delta(y: Any, delta: Any, r: Any) -> Any:
    delta, r = in_precision(y, delta), in_precision(y, r)
    h = np.hypot(delta, r)
    return (r / (h + delta)) ** 2 * (r * r / h)


elementwise(
    special.huber,
    lambda y, delta, r: np.where(np.abs(r) <= delta, 0.0, np.abs(r) - delta),
    lambda y, delta, r: np.where(np.abs(r) <= delta, r, delta * np.sign(r)),
)
elementwise(
    special.pseudo_huber,
    _pseudo_huber_delta,
    lambda y, delta, r: delta * (r / np.hypot(in_precision(y, delta), in_precision(y, r))),
)

# --- power transforms ------------------------------------------------------------------------------
# (x^λ - 1)/λ = L exprel(λ L) with L = log x: smooth at λ = 0. exprel is 1F1(1; 2; ·), so exprel' is 1F1(2; 3; ·)/2.


def _by_exponent(log_x: Any, exponent: Any) -> Any:
    """The derivative of ``(x^λ - 1)/λ`` by ``λ``."""
    return 0.5 * log_x * log_x * special.hyp1f1(2.0, 3.0, exponent * log_x)


def _boxcox_exponent(y: Any, x: Any, p: Any) -> Any:
    return np.where(x == 0, y * y, _by_exponent(np.log(like(y, x)), p))


def _powm1_base(y: Any, a: Any, b: Any) -> Any:
    return np.where(b == 0, 0.0, b * a ** (b - 1))


def _powm1_exponent(y: Any, a: Any, b: Any) -> Any:
    # at a = 0 the exponent does not matter
    return (y + 1) * np.log(np.where(a == 0, 1.0, like(y, a)))


elementwise(special.exprel, lambda y, x: 0.5 * special.hyp1f1(2.0, 3.0, x))
elementwise(special.powm1, _powm1_base, _powm1_exponent)
elementwise(special.boxcox, lambda y, x, p: x ** (p - 1), _boxcox_exponent)
elementwise(
    special.boxcox1p,
    lambda y, x, p: np.exp((p - 1) * np.log1p(x)),
    lambda y, x, p: _by_exponent(np.log1p(like(y, x)), p),
)
elementwise(
    special.inv_boxcox,
    lambda y, u, p: y ** (1 - p),
    lambda y, u, p: -_by_exponent(np.log(y), p) * y ** (1 - p),
)
elementwise(
    special.inv_boxcox1p,
    lambda y, u, p: np.exp((1 - p) * np.log1p(y)),
    lambda y, u, p: -_by_exponent(np.log1p(y), p) * np.exp((1 - p) * np.log1p(y)),
)

# --- Tukey's lambda distribution: y solves boxcox(y, λ) - boxcox(1 - y, λ) = x ---------------------


def _tukey(y: Any, x: Any, p: Any, by_lambda: bool) -> Any:
    """Minus the derivative of the quantile function by ``λ``, or 1, by its slope; zero outside of a bounded support."""
    inside = p * np.abs(x) < 1
    lower, upper = np.where(inside, y, 0.5), np.where(inside, special.tklmbda(-x, p), 0.5)
    numerator = _by_exponent(np.log(upper), p) - _by_exponent(np.log(lower), p) if by_lambda else 1.0
    return np.where(inside, numerator / (lower ** (p - 1) + upper ** (p - 1)), 0.0)


elementwise(special.tklmbda, lambda y, x, p: _tukey(y, x, p, False), lambda y, x, p: _tukey(y, x, p, True))

_NO_DEGREES = "all its partials need the derivative of a distribution function by a shape parameter, not in SciPy"
_WITHOUT: dict[np.ufunc, str] = {
    **dict.fromkeys((special.bdtrik, special.bdtrin, special.nbdtrik, special.nbdtrin, special.pdtrik), _NO_DEGREES),
    **dict.fromkeys((special.btdtria, special.btdtrib, special.gdtrib, special.fdtridfd), _NO_DEGREES),
    **dict.fromkeys((special.chdtriv, special.stdtridf, special.chndtridf, special.nctdtridf), _NO_DEGREES),
    **dict.fromkeys((special.ncfdtridfn, special.ncfdtridfd), _NO_DEGREES),
    special.zetac: "SciPy has no function for the derivative of Riemann's zeta function",
    special.mathieu_a: "SciPy has no function for the derivative of a characteristic value",
    special.mathieu_b: "SciPy has no function for the derivative of a characteristic value",
    special.pro_cv: "SciPy has no function for the derivative of a characteristic value",
    special.obl_cv: "SciPy has no function for the derivative of a characteristic value",
}
"""The ufuncs without any rule: why."""
if hasattr(special, "sph_harm"):  # until SciPy 1.16
    _WITHOUT[special.sph_harm] = "SciPy has replaced it by sph_harm_y"

NO_RULE_YET.update(_WITHOUT)
