"""Rules of Bessel's functions and their relatives: Hankel, Airy, Kelvin, Struve, and integrals of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import INTEGER, ORDER, PARAMETER, SQRT_PI, outputs, question, refuse_complex
from adjoint.tracing import elementwise


def _neighbors(ufunc: np.ufunc, sign: int) -> Callable[..., Any]:
    """Half of ``f_(v-1) ± f_(v+1)``: the derivative, regular at 0 where the function is."""
    return lambda v, x: 0.5 * (ufunc(v - 1, x) + sign * ufunc(v + 1, x))


_jv, _yv, _iv, _kv = (
    _neighbors(f, s) for f, s in ((special.jv, -1), (special.yv, -1), (special.iv, 1), (special.kv, 1))
)
_jve, _yve, _ive = _neighbors(special.jve, -1), _neighbors(special.yve, -1), _neighbors(special.ive, 1)
_kve, _hankel1, _hankel2 = (
    _neighbors(f, s) for f, s in ((special.kve, 1), (special.hankel1, -1), (special.hankel2, -1))
)
_hankel1e, _hankel2e = _neighbors(special.hankel1e, -1), _neighbors(special.hankel2e, -1)


def _real(partial: Callable[..., Any], name: str) -> Callable[..., Any]:
    """A partial for real arguments only: the scaling by the absolute value is not holomorphic."""

    def checked(y: Any, v: Any, x: Any) -> Any:
        refuse_complex(x, name)
        return partial(y, v, x)

    return checked


elementwise(special.jv, ORDER, lambda y, v, x: _jv(v, x))
elementwise(special.yv, ORDER, lambda y, v, x: _yv(v, x))
elementwise(special.iv, ORDER, lambda y, v, x: _iv(v, x))
elementwise(special.kv, ORDER, lambda y, v, x: -_kv(v, x))
elementwise(special.yn, INTEGER, lambda y, n, x: 0.5 * (special.yn(n - 1, x) - special.yn(n + 1, x)))
elementwise(special.kn, INTEGER, lambda y, n, x: -0.5 * (special.kn(n - 1, x) + special.kn(n + 1, x)))
elementwise(special.hankel1, ORDER, lambda y, v, x: _hankel1(v, x))
elementwise(special.hankel2, ORDER, lambda y, v, x: _hankel2(v, x))
elementwise(special.j0, lambda y, x: -special.j1(x))
elementwise(special.j1, lambda y, x: 0.5 * (special.j0(x) - special.jv(2.0, x)))
elementwise(special.y0, lambda y, x: -special.y1(x))
elementwise(special.y1, lambda y, x: special.y0(x) - y / x)
elementwise(special.i0, lambda y, x: special.i1(x))
elementwise(special.i1, lambda y, x: 0.5 * (special.i0(x) + special.iv(2.0, x)))
elementwise(special.k0, lambda y, x: -special.k1(x))
elementwise(special.k1, lambda y, x: -special.k0(x) - y / x)

# exponentially scaled
elementwise(special.jve, ORDER, _real(lambda y, v, x: _jve(v, x), "jve"))
elementwise(special.yve, ORDER, _real(lambda y, v, x: _yve(v, x), "yve"))
elementwise(special.ive, ORDER, _real(lambda y, v, x: _ive(v, x) - np.sign(x) * y, "ive"))
elementwise(special.kve, ORDER, lambda y, v, x: y - _kve(v, x))
elementwise(special.hankel1e, ORDER, lambda y, v, x: _hankel1e(v, x) - 1j * y)
elementwise(special.hankel2e, ORDER, lambda y, v, x: _hankel2e(v, x) + 1j * y)
elementwise(special.i0e, lambda y, x: special.i1e(x) - np.sign(x) * y)
elementwise(special.i1e, lambda y, x: 0.5 * (special.i0e(x) + special.ive(2.0, x)) - np.sign(x) * y)
elementwise(special.k0e, lambda y, x: y - special.k1e(x))
elementwise(special.k1e, lambda y, x: y * (1 - 1 / x) - special.k0e(x))

elementwise(
    special.besselpoly,
    lambda y, a, p, v: special.besselpoly(a, p + 1, v - 1) - special.besselpoly(a, p + 1, v + 1),
    PARAMETER,
    ORDER,
)

# --- Airy's functions and their derivatives: w'' = x w ---------------------------------------------


def _airye(ys: Any, x: Any) -> Any:
    """Scaled by ``e^±(2/3) x^(3/2)``; left of 0, ``Bi`` is not, and ``Ai`` is NaN."""
    refuse_complex(x, "airye")
    root = np.sqrt(np.where(x > 0, x, 0.0))
    ai, ai_slope, bi, bi_slope = ys
    return ai_slope + root * ai, x * ai + root * ai_slope, bi_slope - root * bi, x * bi - root * bi_slope


outputs(special.airy, lambda ys, x: (ys[1], x * ys[0], ys[3], x * ys[2]))
outputs(special.airye, _airye)


def _itairy(ys: Any, x: Any) -> Any:
    right, left = special.airy(x), special.airy(-x)
    return right[0], right[2], left[0], left[2]


outputs(special.itairy, _itairy)

# --- Kelvin's functions and their derivatives: w'' = i w - w' / x ----------------------------------


def _over(y: Any, x: Any, limit: float | complex) -> Any:
    """``y / x``, with the limit at 0."""
    return np.where(x == 0, limit, y / np.where(x == 0, 1.0, x))


elementwise(special.ber, lambda y, x: special.berp(x))
elementwise(special.bei, lambda y, x: special.beip(x))
elementwise(special.ker, lambda y, x: special.kerp(x))
elementwise(special.kei, lambda y, x: special.keip(x))
elementwise(special.berp, lambda y, x: -special.bei(x) - _over(y, x, 0.0))
elementwise(special.beip, lambda y, x: special.ber(x) - _over(y, x, 0.5))
elementwise(special.kerp, lambda y, x: -special.kei(x) - y / x)
elementwise(special.keip, lambda y, x: special.ker(x) - y / x)
outputs(
    special.kelvin,
    lambda ys, x: (ys[2], ys[3], 1j * ys[0] - _over(ys[2], x, 0.5j), 1j * ys[1] - ys[3] / x),
)

# --- Struve's functions ----------------------------------------------------------------------------


def _struve(y: Any, v: Any, x: Any) -> Any:
    return 0.5 * (special.struve(v - 1, x) - special.struve(v + 1, x) + _struve_power(y, v, x))


def _modstruve(y: Any, v: Any, x: Any) -> Any:
    return 0.5 * (special.modstruve(v - 1, x) + special.modstruve(v + 1, x) + _struve_power(y, v, x))


def _struve_power(y: Any, v: Any, x: Any) -> Any:
    return (0.5 * x) ** v * (special.rgamma(v + 1.5) / SQRT_PI).astype(y.dtype)


elementwise(special.struve, ORDER, _struve)
elementwise(special.modstruve, ORDER, _modstruve)
elementwise(special.itstruve0, lambda y, x: special.struve(0.0, x))
elementwise(special.itmodstruve0, lambda y, x: special.modstruve(0.0, x))
elementwise(special.it2struve0, lambda y, x: -_over(special.struve(0.0, x), x, 2 / math.pi))

# --- integrals of Bessel's functions ---------------------------------------------------------------

_is_small = question(lambda x: np.abs(x) < 1)


def _less_one(value: Any, x: Any, sign: int) -> Any:
    """``±(value - 1) / x`` of ``J0`` (minus) or ``I0`` (plus), near 0 by the power series."""
    small = _is_small(x)
    near = np.where(small, x, 0.0)
    term = series = 0.25 * near
    for k in range(2, 10):
        term = term * (0.25 * sign) * near * near / (k * k)
        series = series + term
    return np.where(small, series, sign * (value - 1) / np.where(small, 1.0, x))


outputs(special.itj0y0, lambda ys, x: (special.j0(x), special.y0(x)))
outputs(special.iti0k0, lambda ys, x: (special.i0(x), special.k0(x)))
outputs(special.it2j0y0, lambda ys, x: (_less_one(special.j0(x), x, -1), -special.y0(x) / x))
outputs(special.it2i0k0, lambda ys, x: (_less_one(special.i0(x), x, 1), -special.k0(x) / x))
