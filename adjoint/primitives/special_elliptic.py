"""Rules of the elliptic integrals and functions, through Carlson's symmetric ones: those have no removable poles.

Derivatives of the symmetric integrals follow from their definition as integrals of ``Π (t + x_j)^(-b_j)`` (DLMF 19.18).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import outputs, question
from adjoint.tracing import elementwise

# --- divided differences ---------------------------------------------------------------------------
# ∂R_D/∂x and ∂R_J/∂x are differences of two integrals by the difference of two arguments. Where these are close, they
# are taken at an equal argument in between, which is right up to the square of their distance.


@question
def _close(x: Any, z: Any) -> Any:
    return np.abs(x - z) < np.cbrt(np.finfo(np.result_type(x, z, np.float16)).eps) * np.abs(z)


def _times(x: Any, d: Callable[[Any], Any]) -> Any:
    """``x * d(x)`` where ``d`` has a weaker pole at ``x = 0``."""
    safe = np.where(x == 0, 1.0, x) if hasattr(x, "dtype") else x or 1.0
    return np.where(x == 0, 0.0, x * d(safe))


def _rd_first(x: Any, y: Any, z: Any) -> Any:
    """``∂R_D(x, y, z)/∂x = (R_D(x, y, z) - R_D(y, z, x)) / (2 (z - x))``; symmetric in ``x`` and ``z``."""
    close = _close(x, z)
    middle = np.where(close, 0.5 * (x + z), 1.0)
    limit = -0.3 * middle**-2.5 * special.hyp2f1(2.5, 0.5, 3.5, np.where(close, 1 - y / middle, 0.0))
    apart = np.where(close, 1.0, z - x)
    return np.where(close, limit, 0.5 * (special.elliprd(x, y, z) - special.elliprd(y, z, x)) / apart)


def _rd_third(x: Any, y: Any, z: Any) -> Any:
    """``∂R_D(x, y, z)/∂z``, by homogeneity."""
    others = _times(x, lambda x: _rd_first(x, y, z)) + _times(y, lambda y: _rd_first(y, x, z))
    return -(1.5 * special.elliprd(x, y, z) + others) / z


def _rj_first(x: Any, y: Any, z: Any, p: Any) -> Any:
    """``∂R_J(x, y, z, p)/∂x = (R_J(x, y, z, p) - R_D(y, z, x)) / (2 (p - x))``."""
    close = _close(x, p)
    middle = np.where(close, 0.6 * x + 0.4 * p, 1.0)
    limit = _rd_third(np.where(close, y, 1.0), np.where(close, z, 2.0), middle) / 3
    apart = np.where(close, 1.0, p - x)
    return np.where(close, limit, 0.5 * (special.elliprj(x, y, z, p) - special.elliprd(y, z, x)) / apart)


def _rj_last(y: Any, x1: Any, x2: Any, x3: Any, p: Any) -> Any:
    """By homogeneity."""
    first, second = _times(x1, lambda x: _rj_first(x, x2, x3, p)), _times(x2, lambda x: _rj_first(x, x1, x3, p))
    return -(1.5 * y + first + second + _times(x3, lambda x: _rj_first(x, x1, x2, p))) / p


# --- Carlson's integrals ---------------------------------------------------------------------------


def _rf(x: Any, y: Any, z: Any) -> Any:
    """``∂R_F/∂x``."""
    return -special.elliprd(y, z, x) / 6


def _rg(x: Any, y: Any, z: Any) -> Any:
    """``∂R_G/∂x``."""
    return 0.25 * special.elliprf(x, y, z) - _times(x, lambda x: special.elliprd(y, z, x)) / 12


_is_principal_value = question(lambda y: np.isrealobj(y) & (y < 0))


def _rc_first(v: Any, x: Any, y: Any) -> Any:
    negative = _is_principal_value(y)
    smooth = np.where(negative, 1.0, y)
    return np.where(negative, (1 / np.sqrt(x) - v) / (2 * (x - y)), -special.elliprd(smooth, smooth, x) / 6)


def _rc_second(v: Any, x: Any, y: Any) -> Any:
    negative = _is_principal_value(y)
    smooth = np.where(negative, 1.0, y)
    by_homogeneity = -(0.5 * v + x * _rc_first(v, x, y)) / y
    return np.where(negative, by_homogeneity, -special.elliprd(x, smooth, smooth) / 3)


elementwise(special.elliprc, _rc_first, _rc_second)
elementwise(
    special.elliprf, lambda v, x, y, z: _rf(x, y, z), lambda v, x, y, z: _rf(y, z, x), lambda v, x, y, z: _rf(z, x, y)
)
elementwise(
    special.elliprg, lambda v, x, y, z: _rg(x, y, z), lambda v, x, y, z: _rg(y, z, x), lambda v, x, y, z: _rg(z, x, y)
)
elementwise(
    special.elliprd,
    lambda v, x, y, z: _rd_first(x, y, z),
    lambda v, x, y, z: _rd_first(y, x, z),
    lambda v, x, y, z: _rd_third(x, y, z),
)
elementwise(
    special.elliprj,
    lambda v, x, y, z, p: _rj_first(x, y, z, p),
    lambda v, x, y, z, p: _rj_first(y, z, x, p),
    lambda v, x, y, z, p: _rj_first(z, x, y, p),
    _rj_last,
)
elementwise(  # π / agm = 2 R_F(0, a², b²)
    special.agm,
    lambda v, a, b: v * v * np.abs(a) * special.elliprd(0.0, b * b, a * a) * (2 / (3 * math.pi)),
    lambda v, a, b: v * v * np.abs(b) * special.elliprd(0.0, a * a, b * b) * (2 / (3 * math.pi)),
)

# --- Legendre's integrals --------------------------------------------------------------------------


def _reduced(phi: Any) -> tuple[Any, Any, Any]:
    """Twice the number of half periods in the amplitude; sine and squared cosine of what is left."""
    periods = np.rint(phi / math.pi)
    rest = phi - periods * math.pi
    return 2 * periods, np.sin(rest), np.cos(rest) ** 2


def _per_period(periods: Any, d: Any) -> Any:
    """``periods * d``, where ``d`` is infinite at ``m = 1``."""
    return np.where(periods == 0, 0.0, periods * d)


def _first_kind(phi: Any, m: Any) -> Any:
    """``∂F(φ, m)/∂m``."""
    periods, s, c2 = _reduced(phi)
    return _per_period(periods, _complete(1 - m)) + s**3 * special.elliprd(c2, 1.0, 1 - m * s * s) / 6


def _second_kind(phi: Any, m: Any) -> Any:
    """``∂E(φ, m)/∂m``."""
    periods, s, c2 = _reduced(phi)
    whole = _per_period(periods, special.elliprd(0.0, 1 - m, 1.0))
    return -(whole + s**3 * special.elliprd(c2, 1 - m * s * s, 1.0)) / 6


def _complete(p: Any) -> Any:
    """``dK/dm`` at ``m = 1 - p``."""
    return special.elliprd(0.0, 1.0, p) / 6


elementwise(special.ellipk, lambda v, m: _complete(1 - m))
elementwise(special.ellipkm1, lambda v, p: -_complete(p))
elementwise(special.ellipe, lambda v, m: -special.elliprd(0.0, 1 - m, 1.0) / 6)
elementwise(
    special.ellipkinc, lambda v, phi, m: 1 / np.sqrt(1 - m * np.sin(phi) ** 2), lambda v, phi, m: _first_kind(phi, m)
)
elementwise(
    special.ellipeinc, lambda v, phi, m: np.sqrt(1 - m * np.sin(phi) ** 2), lambda v, phi, m: _second_kind(phi, m)
)

# --- Jacobi's functions: the amplitude φ solves F(φ, m) = u ----------------------------------------


def _jacobi_argument(ys: Any, u: Any, m: Any) -> Any:
    sn, cn, dn, _ = ys
    return cn * dn, -sn * dn, -m * sn * cn, dn


def _jacobi_parameter(ys: Any, u: Any, m: Any) -> Any:
    sn, cn, dn, phi = ys
    by_m = -dn * _first_kind(phi, m)
    return cn * by_m, -sn * by_m, -(sn * sn + 2 * m * sn * cn * by_m) / (2 * dn), by_m


outputs(special.ellipj, _jacobi_argument, _jacobi_parameter)
