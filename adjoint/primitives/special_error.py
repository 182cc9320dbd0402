"""Rules of the error functions, the normal distribution and the Fresnel integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import SQRT_2PI, SQRT_PI, outputs, question
from adjoint.tracing import elementwise

SQRT_2 = math.sqrt(2)

# --- far from zero, w' = 2i/√π - 2 z w and the like cancel; an asymptotic series takes over --------
# e^(x²) erfc(x) ~ (1/(x√π)) Σ (1/2)_s (-u)^s with u = 1/x² (DLMF 7.12.1), differentiated term by term

FAR = 30.0


def _series(u: Any) -> Any:
    """``Σ (3/2)_s u^s``, to rounding for ``|u| < 1/FAR²``."""
    return 1 + 1.5 * u * (1 + 2.5 * u * (1 + 3.5 * u * (1 + 4.5 * u * (1 + 5.5 * u))))


def _split(far: Any, z: Any, near: Any, tail: Any) -> Any:
    u = 1 / np.where(far, z, 1.0) ** 2
    return np.where(far, tail(u), near)


_is_far_above = question(lambda z: (np.abs(z) > FAR) & (np.imag(z) >= 0))


def _erfcx(y: Any, x: Any) -> Any:
    return _split(x > FAR, x, 2 * x * y - 2 / SQRT_PI, lambda u: -u * _series(-u) / SQRT_PI)


def _dawsn(y: Any, x: Any) -> Any:
    if x.dtype.kind == "c":
        return 1 - 2 * x * y
    return _split(np.abs(x) > FAR, x, 1 - 2 * x * y, lambda u: -0.5 * u * _series(u))


def _wofz(w: Any, z: Any) -> Any:
    return _split(_is_far_above(z), z, 2j / SQRT_PI - 2 * z * w, lambda u: -1j / SQRT_PI * u * _series(u))


elementwise(special.erf, lambda y, x: (2 / SQRT_PI) * np.exp(-x * x))
elementwise(special.erfc, lambda y, x: (-2 / SQRT_PI) * np.exp(-x * x))
elementwise(special.erfi, lambda y, x: (2 / SQRT_PI) * np.exp(x * x))
elementwise(special.erfcx, _erfcx)
elementwise(special.dawsn, _dawsn)
elementwise(special.wofz, _wofz)
elementwise(special.erfinv, lambda y, x: (SQRT_PI / 2) * np.exp(y * y))
elementwise(special.erfcinv, lambda y, x: (-SQRT_PI / 2) * np.exp(y * y))

# --- the normal distribution -----------------------------------------------------------------------


def _normal(x: Any) -> Any:
    return np.exp(-0.5 * x * x) / SQRT_2PI


def _mills(x: Any) -> Any:
    """``Φ(x) / φ(x)``, without underflow for negative ``x``."""
    return math.sqrt(math.pi / 2) * special.erfcx(-x / SQRT_2)


elementwise(special.ndtr, lambda y, x: _normal(x))
elementwise(special.log_ndtr, lambda y, x: 1 / _mills(x))
elementwise(special.ndtri, lambda y, p: 1 / _normal(y))
elementwise(special.ndtri_exp, lambda y, x: _mills(y))
elementwise(
    special.nrdtrimn,  # mean = x - std ndtri(p)
    lambda y, p, std, x: -std / _normal((x - y) / std),
    lambda y, p, std, x: (y - x) / std,
    lambda y, p, std, x: 1,
)
elementwise(
    special.nrdtrisd,  # std = (x - mean) / ndtri(p)
    lambda y, mean, p, x: -1 / special.ndtri(p),
    lambda y, mean, p, x: -y / (special.ndtri(p) * _normal(special.ndtri(p))),
    lambda y, mean, p, x: 1 / special.ndtri(p),
)
elementwise(
    special.owens_t,
    lambda y, h, a: special.erf(a * h / SQRT_2) * np.exp(-0.5 * h * h) / (-2 * SQRT_2PI),
    lambda y, h, a: np.exp(-0.5 * h * h * (1 + a * a)) / (2 * math.pi * (1 + a * a)),
)

# --- Voigt's profile: Re w(z) / (σ√(2π)) with z = (x + iγ) / (σ√2) ---------------------------------


def _voigt_slope(x: Any, sigma: Any, gamma: Any) -> tuple[Any, Any]:
    z = (x + 1j * gamma) / (sigma * SQRT_2)
    return z, _wofz(special.wofz(z), z)


def _voigt_x(y: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    return np.real(_voigt_slope(x, sigma, gamma)[1]) / (2 * SQRT_PI * sigma * sigma)


def _voigt_sigma(y: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    z, slope = _voigt_slope(x, sigma, gamma)
    return -(y + np.real(z * slope) / (SQRT_2PI * sigma)) / sigma


def _voigt_gamma(y: Any, x: Any, sigma: Any, gamma: Any) -> Any:
    return -np.imag(_voigt_slope(x, sigma, gamma)[1]) / (2 * SQRT_PI * sigma * sigma)


elementwise(special.voigt_profile, _voigt_x, _voigt_sigma, _voigt_gamma)

# --- Fresnel integrals -----------------------------------------------------------------------------

_EIGHTH_TURN = (1 - 1j) / SQRT_2  # e^(-iπ/4)


outputs(special.fresnel, lambda ys, x: (np.sin(0.5 * math.pi * x * x), np.cos(0.5 * math.pi * x * x)))
outputs(
    special.modfresnelp,
    lambda ys, x: (-np.exp(1j * x * x), -_EIGHTH_TURN / SQRT_PI - 2j * x * ys[1]),
)
outputs(
    special.modfresnelm,
    lambda ys, x: (-np.exp(-1j * x * x), -_EIGHTH_TURN.conjugate() / SQRT_PI + 2j * x * ys[1]),
)
