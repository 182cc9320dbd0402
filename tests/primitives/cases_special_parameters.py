"""Cases of SciPy's special functions with parameters: orders, degrees, degrees of freedom."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tests.primitives.case import Case, Fixed, any_real, case, integers, positive, uniform
from tests.primitives.cases_special import realified


def parameter(low: float, high: float) -> Any:
    """A constant of the function: a real parameter by which there is no rule."""
    return lambda *shape: Fixed(uniform(low, high)(*shape))


order = parameter(0.2, 3.5)
degree = integers(0, 5)
real_degree = parameter(0.5, 4.0)
shape = parameter(1.3, 4.0)
unit = uniform(0.1, 0.9)
inside = uniform(-0.8, 0.8)
bessel = uniform(0.6, 4.0)

TABLE: dict[Any, tuple[Any, ...]] = {
    # Bessel functions
    **dict.fromkeys((special.jv, special.jve, special.yv, special.yve, special.iv, special.ive), (order, bessel)),
    **dict.fromkeys((special.kv, special.kve, special.struve, special.modstruve), (order, bessel)),
    **dict.fromkeys((special.yn, special.kn), (degree, bessel)),
    special.besselpoly: (positive, parameter(0.5, 2.0), order),
    # orthogonal polynomials
    **dict.fromkeys((special.eval_chebyt, special.eval_chebyu, special.eval_legendre), (degree, inside)),
    **dict.fromkeys((special.eval_chebyc, special.eval_chebys), (degree, uniform(-1.6, 1.6))),
    **dict.fromkeys((special.eval_sh_chebyt, special.eval_sh_chebyu, special.eval_sh_legendre), (degree, unit)),
    **dict.fromkeys((special.eval_hermite, special.eval_hermitenorm, special.eval_laguerre), (degree, any_real)),
    special.eval_gegenbauer: (degree, shape, inside),
    special.eval_genlaguerre: (degree, shape, any_real),
    special.eval_jacobi: (degree, shape, shape, inside),
    special.eval_sh_jacobi: (degree, parameter(3.0, 4.0), parameter(1.0, 2.0), unit),
    special.lpmv: (integers(0, 3), parameter(2.2, 4.0), inside),
    # hypergeometric functions
    special.hyp0f1: (shape, any_real),
    special.hyp1f1: (shape, shape, any_real),
    special.hyp2f1: (shape, shape, shape, uniform(-0.8, 0.6)),
    special.hyperu: (shape, shape, positive),
    special.wright_bessel: (parameter(0.3, 1.0), shape, positive),
    **dict.fromkeys((special.pbdv, special.pbvv), (parameter(-2.5, 2.5), uniform(-2.0, 2.0))),
    special.pbwa: (parameter(-2.5, 2.5), uniform(-2.0, 2.0)),
    # integrals
    **dict.fromkeys((special.gammainc, special.gammaincc), (shape, bessel)),
    **dict.fromkeys((special.gammaincinv, special.gammainccinv), (shape, unit)),
    **dict.fromkeys((special.betainc, special.betaincc), (shape, shape, unit)),
    **dict.fromkeys((special.betaincinv, special.betainccinv), (shape, shape, unit)),
    special.expn: (degree, bessel),
    # elliptic
    special.elliprf: (positive, uniform(2.5, 3.0), uniform(4.0, 5.0)),
    special.elliprg: (positive, uniform(2.5, 3.0), uniform(4.0, 5.0)),
    special.elliprd: (positive, uniform(2.5, 3.0), uniform(4.0, 5.0)),
    special.elliprj: (positive, uniform(2.5, 3.0), uniform(4.0, 5.0), uniform(6.0, 7.0)),
    special.ellipj: (uniform(-2.5, 2.5), uniform(0.1, 0.8)),
    # distributions
    **dict.fromkeys((special.nbdtr, special.nbdtrc, special.nbdtri), (integers(1, 4), integers(2, 6), unit)),
    **dict.fromkeys((special.pdtr, special.pdtrc), (integers(1, 5), bessel)),
    special.pdtri: (integers(1, 5), unit),
    **dict.fromkeys((special.chdtr, special.chdtrc), (shape, bessel)),
    special.chdtri: (shape, unit),
    **dict.fromkeys((special.fdtr, special.fdtrc), (shape, shape, bessel)),
    special.fdtri: (shape, shape, unit),
    special.stdtr: (shape, any_real),
    special.stdtrit: (shape, unit),
    **dict.fromkeys((special.gdtr, special.gdtrc), (positive, shape, bessel)),
    special.gdtria: (unit, shape, positive),
    special.gdtrix: (positive, shape, unit),
    special.nrdtrimn: (unit, positive, any_real),
    special.nrdtrisd: (uniform(0.0, 1.0), uniform(0.6, 0.9), uniform(2.0, 3.0)),
    special.chndtr: (bessel, shape, positive),
    special.chndtrix: (unit, shape, positive),
    special.chndtrinc: (uniform(1.0, 2.0), parameter(2.0, 3.0), uniform(0.1, 0.2)),
    special.ncfdtr: (shape, shape, positive, bessel),
    special.ncfdtri: (shape, shape, positive, unit),
    special.nctdtr: (shape, any_real, any_real),
    special.nctdtrit: (shape, any_real, unit),
    special.nctdtrinc: (shape, uniform(0.4, 0.6), uniform(-0.3, 0.3)),
    special.smirnov: (integers(1, 6), uniform(0.22, 0.24)),
    special.smirnovi: (integers(1, 6), uniform(0.3, 0.6)),
}
"""A draw for each argument: ``Fixed`` where the rule has none."""

if hasattr(special, "log_wright_bessel"):  # since SciPy 1.14
    TABLE[special.log_wright_bessel] = TABLE[special.wright_bessel]

DOUBLE: dict[Any, tuple[Any, ...]] = {
    **dict.fromkeys((special.bdtr, special.bdtrc, special.bdtri), (integers(1, 4), integers(6, 9), unit)),
    **dict.fromkeys((special.mathieu_cem, special.mathieu_sem), (integers(1, 4), positive, uniform(10.0, 80.0))),
    **dict.fromkeys((special.mathieu_modcem1, special.mathieu_modcem2), (integers(1, 4), positive, positive)),
    **dict.fromkeys((special.mathieu_modsem1, special.mathieu_modsem2), (integers(1, 4), positive, positive)),
    **dict.fromkeys((special.pro_ang1, special.obl_ang1), (integers(0, 2), integers(2, 4), positive, inside)),
    **dict.fromkeys(
        (special.pro_rad1, special.pro_rad2), (integers(0, 2), integers(2, 4), positive, uniform(1.3, 2.0))
    ),
    special.obl_rad1: (integers(0, 2), integers(2, 4), positive, uniform(0.3, 2.0)),
    special.obl_rad2: (integers(0, 2), integers(2, 4), positive, uniform(2.1, 3.0)),  # wrong in SciPy at smaller x
}
"""The same, of functions whose loops in single precision are not usable in SciPy: they give NaN, hang or warn."""

CONSTANT = {
    **dict.fromkeys((special.mathieu_cem, special.mathieu_sem, special.mathieu_modcem1, special.mathieu_modcem2), (1,)),
    **dict.fromkeys((special.mathieu_modsem1, special.mathieu_modsem2), (1,)),
    **dict.fromkeys((special.pro_ang1, special.pro_rad1, special.pro_rad2), (2,)),
    **dict.fromkeys((special.obl_ang1, special.obl_rad1, special.obl_rad2), (2,)),
}
"""Positions of drawn arguments that are constants none the less."""


def broadcast(ufunc: Any, draws: tuple[Any, ...]) -> Case:
    """The last argument as a row, the others as columns."""
    operands = [draw(3) if k == len(draws) - 1 else draw(2, 1) for k, draw in enumerate(draws)]
    for k in CONSTANT.get(ufunc, ()):
        operands[k] = Fixed(operands[k])
    return case(ufunc, "broadcast", *operands)


def python_numbers(ufunc: Any, draws: tuple[Any, ...]) -> Case:
    """All but one argument as Python numbers."""
    rng = np.random.default_rng(1)
    drawn = [draw() for draw in draws]
    free = max(k for k, d in enumerate(drawn) if not isinstance(d, Fixed))
    numbers = [(d.draw if isinstance(d, Fixed) else d)(rng).item() for d in drawn]

    def call(f: Any, x: Any) -> Any:
        return f(*numbers[:free], x, *numbers[free + 1 :])

    return case(ufunc, "python_numbers", draws[free](3), call=call)


def _others() -> list[Case]:
    hankel = [special.hankel1, special.hankel2, special.hankel1e, special.hankel2e]
    spheroidal = [
        (special.pro_ang1_cv, special.pro_cv, inside),
        (special.pro_rad1_cv, special.pro_cv, uniform(1.3, 2.0)),
        (special.pro_rad2_cv, special.pro_cv, uniform(1.3, 2.0)),
        (special.obl_ang1_cv, special.obl_cv, inside),
        (special.obl_rad1_cv, special.obl_cv, uniform(0.3, 2.0)),
        (special.obl_rad2_cv, special.obl_cv, uniform(2.1, 3.0)),
    ]
    polynomials = [special.eval_chebyt, special.eval_chebyu, special.eval_legendre]
    return [
        *(case(f, "row", order(2, 1), bessel(3), call=realified) for f in hankel),
        *(
            case(f, "given", x(3), call=lambda f, x, value=value: f(1, 3, 1.5, value(1, 3, 1.5), x))
            for f, value, x in spheroidal
        ),
        *(case(f, "real_degree", real_degree(2, 1), inside(3)) for f in polynomials),
        case(special.jv, "negative_order", parameter(-2.5, -0.2)(3), bessel(3)),
        case(special.jv, "negative_argument", uniform(-4.0, -0.5)(3), call=lambda f, x: f(2, x)),
        case(special.ive, "negative_argument", uniform(-4.0, -0.5)(3), call=lambda f, x: f(2, x)),
        case(special.kn, "order_zero", bessel(3), call=lambda f, x: f(0, x)),
        case(special.expn, "order_zero", bessel(3), call=lambda f, x: f(0, x)),
        case(special.elliprd, "close", positive(3), call=lambda f, x: f(x, x, x)),
        case(special.elliprj, "close", positive(3), call=lambda f, x: f(x, 2.0, 3.0, x)),
        case(
            special.elliprj, "principal_value", positive(3), uniform(-3.0, -2.0)(3), call=lambda f, x, p: f(x, 2, 3, p)
        ),
        case(special.elliprd, "zero", positive(3), uniform(2.5, 3.0)(3), call=lambda f, y, z: f(0.0, y, z)),
        case(special.ellipj, "periods", uniform(6.0, 9.0)(2, 1), uniform(0.1, 0.8)(3)),
        case(special.chndtr, "large", uniform(20.0, 30.0)(3), shape(3), uniform(15.0, 20.0)(3)),
        case(special.pdtr, "real_count", parameter(1.2, 1.8)(3), bessel(3)),
        case(special.pdtr, "by_count", uniform(1.2, 1.8)(3), bessel(3)),
        case(special.bdtr, "by_count", uniform(1.2, 1.8)(3), integers(4, 7)(3), unit(3)),
        # SciPy's value has five digits, too few for differences: test_special.py has the derivatives
        case(special.ncfdtrinc, "constant", any_real(3), call=lambda f, x: x * f(2.0, 3.0, 0.15, 1.5)),
        case(special.smirnov, "many", uniform(0.12, 0.13)(2), call=lambda f, d: f(20, d)),
    ]


CASES: list[Case] = [
    *(make(ufunc, draws) for ufunc, draws in TABLE.items() for make in (broadcast, python_numbers)),
    *(broadcast(ufunc, draws) for ufunc, draws in DOUBLE.items()),
    *_others(),
]
