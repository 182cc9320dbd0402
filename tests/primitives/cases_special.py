"""Cases of SciPy's special functions of one argument, or with elementary rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

import adjoint.primitives.special  # noqa: F401  # rules load once they are in use; here all of them are
from tests.primitives.case import Case, Draw, Fixed, any_real, apart, case, distinct, positive, uniform

Shaped = Callable[..., Draw | Fixed]

UNARY: dict[Any, Any] = {
    # elementary
    **dict.fromkeys((special.exp2, special.exp10, special.expm1, special.cosm1), any_real),
    **dict.fromkeys((special.expit, special.log_expit, special.exprel), any_real),
    special.cbrt: positive,
    special.log1p: uniform(-0.5, 1.0),
    special.logit: uniform(0.1, 0.9),
    special.entr: positive,
    **dict.fromkeys((special.sindg, special.cosdg), uniform(-200.0, 200.0)),
    **dict.fromkeys((special.tandg, special.cotdg), uniform(10.0, 80.0)),
    **dict.fromkeys((special.round, special.gammasgn), apart(0.25)),
    # error functions and the normal distribution
    **dict.fromkeys((special.erf, special.erfc, special.erfcx, special.erfi, special.dawsn), any_real),
    **dict.fromkeys((special.ndtr, special.log_ndtr), any_real),
    special.erfinv: uniform(-0.8, 0.8),
    special.erfcinv: uniform(0.2, 1.8),
    special.ndtri: uniform(0.1, 0.9),
    special.ndtri_exp: uniform(-3.0, -0.2),
    # gamma functions and integrals
    **dict.fromkeys((special.gamma, special.gammaln, special.loggamma, special.rgamma, special.psi), uniform(0.6, 4.0)),
    **dict.fromkeys((special.exp1, special.expi), positive),
    special.spence: uniform(0.3, 3.0),
    # Bessel functions and relatives
    **dict.fromkeys((special.j0, special.j1, special.i0, special.i1), uniform(-4.0, 4.0)),
    **dict.fromkeys((special.i0e, special.i1e), uniform(0.3, 4.0)),
    **dict.fromkeys((special.y0, special.y1), uniform(0.6, 4.0)),
    **dict.fromkeys((special.k0, special.k1, special.k0e, special.k1e), uniform(0.6, 4.0)),
    **dict.fromkeys((special.ber, special.bei, special.berp, special.beip), uniform(-3.0, 3.0)),
    **dict.fromkeys((special.ker, special.kei, special.kerp, special.keip), uniform(0.6, 4.0)),
    **dict.fromkeys((special.itstruve0, special.itmodstruve0, special.it2struve0), uniform(0.3, 4.0)),
    # elliptic integrals and others
    **dict.fromkeys((special.ellipk, special.ellipe), uniform(-2.0, 0.8)),
    special.ellipkm1: uniform(0.2, 2.0),
    special.kolmogorov: uniform(0.5, 1.5),
    special.kolmogi: uniform(0.1, 0.9),
    special.wrightomega: uniform(-2.0, 4.0),
}
"""Draws from the domain of each function, away from its poles."""

MORE: dict[tuple[Any, str], Any] = {
    (special.cbrt, "negative"): uniform(-2.0, -0.5),
    (special.gamma, "negative"): uniform(-1.8, -1.2),
    (special.gammaln, "negative"): uniform(-1.8, -1.2),
    (special.rgamma, "negative"): uniform(-2.2, 0.4),
    (special.psi, "negative"): uniform(-1.8, -1.2),
    (special.exprel, "near_zero"): uniform(-0.01, 0.01),
    (special.erfcx, "tail"): uniform(31.0, 40.0),
    (special.dawsn, "tail"): uniform(-40.0, -31.0),
    (special.log_ndtr, "lower_tail"): uniform(-50.0, -20.0),
    (special.expi, "negative"): uniform(-2.0, -0.5),
    (special.spence, "near_one"): uniform(0.98, 1.02),
    (special.i0e, "negative"): uniform(-4.0, -0.3),
    (special.i1e, "negative"): uniform(-4.0, -0.3),
    (special.it2struve0, "negative"): uniform(-4.0, -0.3),
    (special.ellipk, "near_zero"): uniform(-0.01, 0.01),
    (special.kolmogorov, "below_support"): uniform(-1.0, -0.1),
}
"""More domain, where a rule has another branch."""

OUTPUTS: dict[Any, Any] = {
    special.airy: uniform(-3.0, 2.0),
    special.airye: uniform(0.3, 3.0),
    special.itairy: uniform(9.5, 11.0),  # SciPy's value has six digits left of 9.25: see test_special.py
    special.fresnel: any_real,
    special.sici: uniform(0.3, 4.0),
    special.shichi: uniform(0.3, 3.0),
    **dict.fromkeys((special.itj0y0, special.it2j0y0, special.iti0k0, special.it2i0k0), uniform(0.4, 3.0)),
}
"""Functions with several outputs."""

COMPLEX: dict[Any, Any] = {
    **dict.fromkeys((special.modfresnelp, special.modfresnelm), uniform(0.2, 2.0)),
    special.kelvin: uniform(0.6, 3.0),
}
"""Functions with several complex outputs of real arguments."""

BINARY: dict[Any, tuple[Any, Any]] = {
    **dict.fromkeys((special.xlogy, special.rel_entr, special.kl_div), (positive, positive)),
    special.xlog1py: (any_real, uniform(-0.5, 1.0)),
    special.huber: (uniform(0.9, 1.1), distinct),
    special.pseudo_huber: (positive, any_real),
    special.powm1: (positive, any_real),
    **dict.fromkeys((special.boxcox, special.boxcox1p), (positive, any_real)),
    **dict.fromkeys((special.inv_boxcox, special.inv_boxcox1p), (uniform(0.1, 0.5), any_real)),
    special.tklmbda: (uniform(-0.4, 0.4), any_real),
    special.agm: (positive, positive),
    special.owens_t: (any_real, any_real),
    **dict.fromkeys((special.beta, special.betaln), (positive, positive)),
    special.poch: (positive, any_real),
    special.binom: (uniform(2.2, 4.0), uniform(0.2, 1.8)),
    special.ellipkinc: (uniform(-1.4, 1.4), uniform(-1.0, 0.7)),
    special.ellipeinc: (uniform(-1.4, 1.4), uniform(-1.0, 0.7)),
    special.elliprc: (positive, uniform(0.3, 3.0)),
}


def realified(f: Any, *xs: Any) -> list[Any]:
    """Real and imaginary parts of the outputs."""
    outputs = f(*xs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return [part for y in outputs for part in (np.real(y), np.imag(y))]


def binary(ufunc: Any, a: Any, b: Any) -> list[Case]:
    left, right = (float(draw()(np.random.default_rng(0))) for draw in (a, b))
    return [
        case(ufunc, "broadcast", a(2, 1), b(3)),
        case(ufunc, "python_left", b(3), call=lambda f, y: f(left, y)),
        case(ufunc, "python_right", a(3), call=lambda f, x: f(x, right)),
    ]


def _elementary() -> list[Case]:
    return [
        case(special.radian, "arrays", any_real(2, 1), any_real(3), any_real()),
        case(special.huber, "inside", uniform(3.0, 4.0)(3), any_real(3)),
        case(special.boxcox, "near_zero", positive(3), uniform(-0.01, 0.01)(3)),
        case(special.inv_boxcox, "near_zero", any_real(3), uniform(-0.01, 0.01)(3)),
        case(special.powm1, "negative_base", uniform(-2.0, -0.5)(3), call=lambda f, x: f(x, 3)),
        case(special.tklmbda, "outside", uniform(2.0, 3.0)(3), uniform(0.9, 1.1)(3)),
        case(special.tklmbda, "near_zero", uniform(-2.0, 2.0)(3), uniform(0.005, 0.01)(3)),
        case(special.binom, "integer_lower", uniform(-3.5, -2.5)(3), call=lambda f, n: f(n, 3)),
        case(special.binom, "large_lower", uniform(2.2, 2.8)(3), call=lambda f, n: f(n, 5)),
        case(special.poch, "negative", uniform(-4.8, -4.2)(3), call=lambda f, z: f(z, 2)),
        case(special.ellipkinc, "periods", uniform(4.0, 8.0)(2, 1), uniform(-1.0, 0.7)(3)),
        case(special.ellipeinc, "periods", uniform(-8.0, -4.0)(2, 1), uniform(-1.0, 0.7)(3)),
        case(special.elliprc, "principal_value", positive(2, 1), uniform(-3.0, -0.5)(3)),
        case(special.agm, "close", uniform(1.0, 1.02)(2, 1), uniform(1.0, 1.02)(3)),
        case(special.voigt_profile, "arrays", any_real(2, 1), positive(3), positive(2, 1)),
        case(special.voigt_profile, "narrow", any_real(3), uniform(0.05, 0.06)(3), uniform(2.0, 3.0)(3)),
        case(special.sici, "near_zero", uniform(-0.09, -0.02)(3), call=lambda f, x: f(x)[0]),
        case(special.shichi, "negative", uniform(-3.0, -0.3)(3), call=lambda f, x: f(x)[0]),
        case(special.airy, "one_output", any_real(3), call=lambda f, x: f(x)[2]),
        case(special.wofz, "real_axis", any_real(3), call=lambda f, x: realified(f, x + 0.5j)),
        case(special.wofz, "plane", any_real(3), any_real(3), call=lambda f, x, y: realified(f, x + 1j * y)),
        case(special.wofz, "tail", uniform(31.0, 40.0)(3), positive(3), call=lambda f, x, y: realified(f, x + 1j * y)),
    ]


CASES: list[Case] = [
    *(case(ufunc, "matrix", draw(2, 3)) for ufunc, draw in UNARY.items()),
    *(case(ufunc, name, draw(3)) for (ufunc, name), draw in MORE.items()),
    *(case(ufunc, "matrix", draw(2, 2)) for ufunc, draw in OUTPUTS.items()),
    *(case(ufunc, "scalar", draw()) for ufunc, draw in OUTPUTS.items()),
    *(case(ufunc, "matrix", draw(2, 2), call=realified) for ufunc, draw in COMPLEX.items()),
    *(c for ufunc, draws in BINARY.items() for c in binary(ufunc, *draws)),
    *_elementary(),
]
