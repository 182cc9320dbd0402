"""Rules of Mathieu's and the spheroidal wave functions, and of Legendre's, by the position: from their equations.

Each of these ufuncs gives a solution and its derivative, so the differential equation tells both partials.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import INTEGER, PARAMETER, like, outputs
from adjoint.primitives.ufuncs import DEGREE
from adjoint.tracing import NoRule, elementwise

GIVEN = NoRule("it must be the characteristic value that belongs to the other arguments")

# --- Mathieu's: the angular ones take degrees, but their second output is by radians ---------------


def _angular(characteristic_value: np.ufunc) -> Any:
    def partial(ys: Any, m: Any, q: Any, x: Any) -> Any:
        m, q = like(x, m), like(x, q)
        slope = (2 * q * np.cos(2 * DEGREE * x) - characteristic_value(m, q)) * ys[0]
        return DEGREE * ys[1], DEGREE * slope

    return partial


def _radial(characteristic_value: np.ufunc) -> Any:
    def partial(ys: Any, m: Any, q: Any, x: Any) -> Any:
        m, q = like(x, m), like(x, q)
        return ys[1], (characteristic_value(m, q) - 2 * q * np.cosh(2 * x)) * ys[0]

    return partial


outputs(special.mathieu_cem, INTEGER, PARAMETER, _angular(special.mathieu_a))
outputs(special.mathieu_sem, INTEGER, PARAMETER, _angular(special.mathieu_b))
outputs(special.mathieu_modcem1, INTEGER, PARAMETER, _radial(special.mathieu_a))
outputs(special.mathieu_modcem2, INTEGER, PARAMETER, _radial(special.mathieu_a))
outputs(special.mathieu_modsem1, INTEGER, PARAMETER, _radial(special.mathieu_b))
outputs(special.mathieu_modsem2, INTEGER, PARAMETER, _radial(special.mathieu_b))

# --- spheroidal: ((1 - x²) w')' + (λ ∓ c²x² - m²/(1 - x²)) w = 0, on both sides of x = 1 -----------


def _prolate(ys: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    room = 1 - x * x
    return ys[1], (2 * x * ys[1] - (cv - c * c * x * x - m * m / room) * ys[0]) / room


def _oblate_angular(ys: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    room = 1 - x * x
    return ys[1], (2 * x * ys[1] - (cv + c * c * x * x - m * m / room) * ys[0]) / room


def _oblate_radial(ys: Any, m: Any, n: Any, c: Any, cv: Any, x: Any) -> Any:
    room = 1 + x * x
    return ys[1], ((cv - c * c * x * x - m * m / room) * ys[0] - 2 * x * ys[1]) / room


def _computed(equation: Any, characteristic_value: np.ufunc) -> Any:
    """The partial of a function that finds its characteristic value itself."""

    def partial(ys: Any, m: Any, n: Any, c: Any, x: Any) -> Any:
        cv = characteristic_value(*[like(x, parameter) for parameter in (m, n, c)])
        return equation(ys, m, n, c, cv, x)

    return partial


for _given, _found, _equation, _value in (
    (special.pro_ang1_cv, special.pro_ang1, _prolate, special.pro_cv),
    (special.pro_rad1_cv, special.pro_rad1, _prolate, special.pro_cv),
    (special.pro_rad2_cv, special.pro_rad2, _prolate, special.pro_cv),
    (special.obl_ang1_cv, special.obl_ang1, _oblate_angular, special.obl_cv),
    (special.obl_rad1_cv, special.obl_rad1, _oblate_radial, special.obl_cv),
    (special.obl_rad2_cv, special.obl_rad2, _oblate_radial, special.obl_cv),
):
    outputs(_given, INTEGER, INTEGER, PARAMETER, GIVEN, _equation)
    outputs(_found, INTEGER, INTEGER, PARAMETER, _computed(_equation, _value))

# --- Legendre's associated functions ---------------------------------------------------------------

elementwise(
    special.lpmv,
    INTEGER,
    NoRule("SciPy has no function for the derivative by the degree"),
    lambda y, m, v, x: (v * x * y - (v + m) * special.lpmv(m, v - 1, x)) / (x * x - 1),
)
