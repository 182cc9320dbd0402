"""Rules of the gamma and beta functions, the exponential integrals and their relatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.errors import MissingRuleError
from adjoint.primitives.special_common import INTEGER, SHAPE, like, outputs, question
from adjoint.primitives.special_densities import beta_density, gamma_density
from adjoint.primitives.ufuncs import DEGREE
from adjoint.tracing import NoRule, Primitive, Tracer, bind, elementwise, zero
from adjoint.tracing.primitive import elementwise_rule

# --- gamma -----------------------------------------------------------------------------------------


def _zeta(s: int, x: Any) -> Any:
    return hurwitz(s, x) if type(x) is Tracer else special.zeta(s, x)  # one of an outer trace is recorded there


_hurwitz = Primitive(
    "zeta",
    _zeta,
    elementwise_rule("zeta", (NoRule("unused"), lambda y, s, x: -s * hurwitz(s + 1, x))),
    elementwise=True,
)


def hurwitz(s: int, x: Any) -> Any:
    """``Σ (x + k)^-s``."""
    return bind(_hurwitz, (s, x))


def _trigamma(x: Any) -> Any:
    if x.dtype.kind == "c":
        raise MissingRuleError("SciPy has no trigamma function of complex values, so psi of them has no derivative")
    return hurwitz(2, x)


def _rgamma(y: Any, x: Any) -> Any:
    """``1/Γ(x)`` is smooth, but ``psi`` has poles: to the left the reflection ``sin(πx) Γ(1 - x) / π`` is taken."""
    left = np.where(x < 0.5, x, 0.0)  # keeps gamma(1 - x) finite
    sine, cosine = _half_turns(left)
    return np.where(
        x < 0.5,
        special.gamma(1 - left) * (cosine - sine * special.psi(1 - left) / math.pi),
        -y * special.psi(np.where(x < 0.5, 1.0, x)),
    )


def _half_turns(x: Any) -> tuple[Any, Any]:
    """Sine and cosine of ``πx``, for real ``x`` exact at integers."""
    if x.dtype.kind == "c":
        return np.sin(math.pi * x), np.cos(math.pi * x)
    return special.sindg(x * (math.pi / DEGREE)), special.cosdg(x * (math.pi / DEGREE))


elementwise(special.gamma, lambda y, x: y * special.psi(x))
elementwise(special.gammaln, lambda y, x: special.psi(x))
elementwise(special.loggamma, lambda y, x: special.psi(x))
elementwise(special.rgamma, _rgamma)
elementwise(special.psi, lambda y, x: _trigamma(x))
zero(special.gammasgn)

# --- Γ(z + m) / Γ(z) and what is made of it --------------------------------------------------------

_is_pole = question(lambda x: (x <= 0) & (x == np.floor(x)))
_is_integer = question(lambda x: x == np.floor(x))


def _rising(y: Any, z: Any, m: Any, scale: Any) -> Any:
    """The derivative of ``y = scale Γ(z + m) / Γ(z)`` by ``z``, by continuation where ``psi`` has poles."""
    reflect = (z < 0.5) & (z + m < 0.5) & _is_integer(m)
    vanish = _is_pole(z) & ~_is_pole(z + m)
    first, last = np.where(reflect, 1 - z, z + m), np.where(reflect, 1 - z - m, z)
    inside, outside = np.where(vanish, z, 0.0), np.where(vanish, z + m, 1.0)
    product = special.rgamma(inside) * special.psi(outside) + _rgamma(special.rgamma(inside), inside)
    logarithmic = special.psi(np.where(vanish, 1.0, np.where(reflect, last, first)))
    logarithmic = logarithmic - special.psi(np.where(vanish, 1.0, np.where(reflect, first, last)))
    return np.where(vanish, scale * special.gamma(outside) * product, y * logarithmic)


elementwise(
    special.poch,
    lambda y, z, m: _rising(y, z, m, 1.0),
    lambda y, z, m: y * special.psi(z + m),
)
elementwise(
    special.binom,
    lambda y, n, k: _rising(y, n - k + 1, k, special.rgamma(like(y, k) + 1)),
    lambda y, n, k: y * (special.psi(n - k + 1) - special.psi(k + 1)),
)
elementwise(
    special.beta,
    lambda y, a, b: y * (special.psi(a) - special.psi(a + b)),
    lambda y, a, b: y * (special.psi(b) - special.psi(a + b)),
)
elementwise(
    special.betaln,
    lambda y, a, b: special.psi(a) - special.psi(a + b),
    lambda y, a, b: special.psi(b) - special.psi(a + b),
)

# --- incomplete integrals and their inverses -------------------------------------------------------

elementwise(special.gammainc, SHAPE, lambda y, a, x: gamma_density(y, a, x))
elementwise(special.gammaincc, SHAPE, lambda y, a, x: -gamma_density(y, a, x))
elementwise(special.gammaincinv, SHAPE, lambda y, a, p: 1 / gamma_density(y, a, y))
elementwise(special.gammainccinv, SHAPE, lambda y, a, p: -1 / gamma_density(y, a, y))
elementwise(special.betainc, SHAPE, SHAPE, lambda y, a, b, x: beta_density(y, a, b, x))
elementwise(special.betaincc, SHAPE, SHAPE, lambda y, a, b, x: -beta_density(y, a, b, x))
elementwise(special.betaincinv, SHAPE, SHAPE, lambda y, a, b, p: 1 / beta_density(y, a, b, y))
elementwise(special.betainccinv, SHAPE, SHAPE, lambda y, a, b, p: -1 / beta_density(y, a, b, y))

# --- exponential, logarithmic and trigonometric integrals ------------------------------------------

_is_small = question(lambda x, bound: np.abs(x) < bound)


def _expn(y: Any, n: Any, x: Any) -> Any:
    lower = special.expn(np.maximum(n, 1) - 1, x).astype(y.dtype)
    return np.where(n == 0, -y * (1 + 1 / x), -lower)


def _over(numerator: Any, x: Any, series: Any) -> Any:
    """``numerator / x``, near 0 by a hypergeometric function that is smooth there."""
    small = _is_small(x, 0.1)
    return np.where(small, series(np.where(small, x, 0.0)), numerator / np.where(small, 1.0, x))


def _sine_over(x: Any) -> Any:
    return _over(np.sin(x), x, lambda x: special.hyp0f1(1.5, -0.25 * x * x))


def _sinh_over(x: Any) -> Any:
    return _over(np.sinh(x), x, lambda x: special.hyp0f1(1.5, 0.25 * x * x))


elementwise(special.exp1, lambda y, x: -np.exp(-x) / x)
elementwise(special.expi, lambda y, x: np.exp(x) / x)
elementwise(special.expn, INTEGER, _expn)
elementwise(special.spence, lambda y, x: -_over(np.log(x), x - 1, lambda x: special.hyp2f1(1.0, 1.0, 2.0, -x)))
outputs(special.sici, lambda ys, x: (_sine_over(x), np.cos(x) / x))
outputs(special.shichi, lambda ys, x: (_sinh_over(x), np.cosh(x) / x))
