"""SciPy's special functions beyond the generated suite: special points, complex values, and what has no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import special

import adjoint
from adjoint.errors import MissingRuleError, NotDifferentiableError, UnsupportedArgumentError
from adjoint.primitives.special import NO_RULE_YET
from adjoint.tracing import UFUNC_METHODS, UFUNCS

ALL = {u for u in vars(special).values() if isinstance(u, np.ufunc)}
SEVERAL = {u for u, method in UFUNC_METHODS if method == "__call__"}


def slope(f: Any, *x: Any, wrt: int = 0) -> float:
    return float(adjoint.grad(f, wrt)(*[np.float64(a) for a in x]))


def curvature(f: Any, *x: Any, wrt: int = 0) -> float:
    return float(adjoint.hessian(f, wrt)(*[np.float64(a) for a in x]))


# --- which ufuncs have a rule -------------------------------------------------------------------------


def test_every_ufunc_has_a_rule_or_a_reason() -> None:
    assert len(ALL) > 220, "the functions were not found"
    ruled, several, without = ALL & set(UFUNCS), ALL & SEVERAL, ALL & set(NO_RULE_YET)
    assert {u.__name__ for u in ALL - ruled - several - without} == set()
    assert ruled & several == ruled & without == several & without == set()
    assert {u.nout for u in ruled} == {1}
    assert min(u.nout for u in several) == 2


@pytest.mark.parametrize("ufunc", NO_RULE_YET, ids=lambda u: u.__name__)
def test_a_function_without_a_rule_says_so(ufunc: Any) -> None:
    with pytest.raises(MissingRuleError, match=f"no rule for scipy.special.{ufunc.__name__}"):
        adjoint.grad(lambda x: ufunc(*[0.5] * (ufunc.nin - 1), x))(0.5)


# --- arguments without a derivative -------------------------------------------------------------------

UNKNOWN = [
    (special.jv, (1.5, 2.0), 0, "derivative by the order"),
    (special.gammainc, (1.5, 2.0), 0, "shape parameter"),
    (special.betainc, (1.5, 2.0, 0.3), 1, "shape parameter"),
    (special.hyp2f1, (0.5, 1.5, 2.5, 0.3), 2, "parameter of this function"),
    (special.eval_legendre, (1.5, 0.3), 0, "by the degree"),
    (special.stdtr, (3.0, 0.3), 0, "degrees of freedom"),
    (special.pbdv, (1.5, 0.3), 0, "derivative by the order"),
    (special.mathieu_cem, (2.0, 1.5, 30.0), 1, "parameter of this function"),
    (special.pro_ang1_cv, (1.0, 2.0, 1.5, special.pro_cv(1, 2, 1.5), 0.3), 3, "must be the characteristic value"),
]
INTEGERS = [
    (special.mathieu_cem, (2.0, 1.5, 30.0), 0),
    (special.pro_ang1, (1.0, 2.0, 1.5, 0.3), 1),
    (special.lpmv, (1.0, 2.5, 0.3), 0),
]


def total(y: Any) -> Any:
    return sum(y) if isinstance(y, tuple) else y


@pytest.mark.parametrize("ufunc, x, position, reason", UNKNOWN)
def test_an_unknown_partial_is_refused_when_asked_for(ufunc: Any, x: Any, position: int, reason: str) -> None:
    with pytest.raises(MissingRuleError, match=f"{ufunc.__name__} with respect to its argument {position}: .*{reason}"):
        adjoint.grad(lambda *a: total(ufunc(*a)), position)(*x)
    assert np.isfinite(slope(lambda *a: total(ufunc(*a)), *x, wrt=len(x) - 1))


@pytest.mark.parametrize("ufunc, x, position", INTEGERS)
def test_an_integer_is_refused_when_asked_for(ufunc: Any, x: Any, position: int) -> None:
    match = f"{ufunc.__name__} is not differentiable with respect to its argument {position}: it is an integer"
    with pytest.raises(NotDifferentiableError, match=match):
        adjoint.grad(lambda *a: total(ufunc(*a)), position)(*x)
    assert np.isfinite(slope(lambda *a: total(ufunc(*a)), *x, wrt=len(x) - 1))


def test_a_rounded_count_has_derivative_zero() -> None:
    assert slope(special.pdtr, 2.5, 3.0) == 0.0
    assert slope(lambda k: special.bdtr(k, 7, 0.3), 2.5) == 0.0


# --- removable singularities and ends of domains: limits worked out by hand -----------------------------

POINTS: list[tuple[Any, tuple[float, ...], int, float]] = [
    (special.exprel, (0.0,), 0, 1 / 2),
    (special.boxcox, (2.0, 0.0), 1, np.log(2.0) ** 2 / 2),
    (special.boxcox, (2.0, 0.0), 0, 1 / 2),
    (special.boxcox, (0.0, 2.0), 1, 1 / 4),
    (special.boxcox1p, (1.0, 0.0), 1, np.log(2.0) ** 2 / 2),
    (special.inv_boxcox, (2.0, 0.0), 1, -2 * np.exp(2.0)),
    (special.inv_boxcox1p, (2.0, 0.0), 1, -2 * np.exp(2.0)),
    (special.powm1, (2.0, 0.0), 1, np.log(2.0)),
    (special.powm1, (2.0, 0.0), 0, 0.0),
    (special.powm1, (0.0, 1.0), 0, 1.0),
    (special.powm1, (0.0, 2.0), 1, 0.0),
    (special.xlogy, (0.0, 2.0), 0, np.log(2.0)),
    (special.xlogy, (0.0, 0.0), 1, 0.0),
    (special.xlog1py, (0.0, -1.0), 1, 0.0),
    (special.rel_entr, (0.0, 0.0), 1, 0.0),
    (special.kl_div, (0.0, 0.0), 1, 1.0),
    (special.kl_div, (0.0, 2.0), 1, 1.0),
    (special.huber, (1.0, 3.0), 0, 2.0),
    (special.pseudo_huber, (0.0, 3.0), 0, 3.0),
    (special.expit, (800.0,), 0, 0.0),
    (special.tklmbda, (0.3, 0.0), 0, special.expit(0.3) * special.expit(-0.3)),
    (special.rgamma, (0.0,), 0, 1.0),
    (special.rgamma, (-3.0,), 0, -6.0),
    (special.binom, (3.0, 5.0), 0, 6 * -1 / 120),  # n (n - 1) (n - 2) (n - 3) (n - 4) / 5!
    (special.poch, (0.0, 3.0), 0, 2.0),  # z (z + 1) (z + 2)
    (special.poch, (-4.0, 2.0), 0, -7.0),
    (special.spence, (1.0,), 0, -1.0),
    (lambda x: special.sici(x)[0], (0.0,), 0, 1.0),
    (lambda x: special.shichi(x)[0], (0.0,), 0, 1.0),
    (lambda x: special.it2j0y0(x)[0], (0.0,), 0, 0.0),
    (special.it2struve0, (0.0,), 0, -2 / np.pi),
    (special.j1, (0.0,), 0, 1 / 2),
    (special.i1, (0.0,), 0, 1 / 2),
    (special.beip, (0.0,), 0, 1 / 2),
    (special.berp, (0.0,), 0, 0.0),
    (special.ellipk, (0.0,), 0, np.pi / 8),
    (special.ellipe, (0.0,), 0, -np.pi / 8),
    (special.ellipkinc, (0.5, 1.0), 0, 1 / np.cos(0.5)),
    (special.ellipeinc, (0.5, 1.0), 0, np.cos(0.5)),
    (special.ellipeinc, (0.5, 1.0), 1, (np.sin(0.5) - np.arctanh(np.sin(0.5))) / 2),  # (E - F) / 2m
    (special.agm, (2.0, 2.0), 0, 1 / 2),
    (special.elliprd, (1.0, 1.0, 1.0), 0, -3 / 10),
    (special.elliprj, (1.0, 1.0, 1.0, 1.0), 3, -3 / 5),
    (special.elliprg, (0.0, 1.0, 1.0), 1, np.pi / 16),
    (lambda x: special.eval_legendre(3, x), (1.0,), 0, 6.0),  # n (n + 1) / 2
    (lambda x: special.eval_chebyt(3, x), (-1.0,), 0, 9.0),
    (lambda x: special.eval_hermite(0, x), (0.3,), 0, 0.0),
    (special.kolmogorov, (0.0,), 0, 0.0),
    (lambda x: special.gammainc(1.0, x), (0.0,), 0, 1.0),
    (lambda x: special.chndtr(x, 3.0, 0.0), (2.0,), 0, np.exp(-1) / np.sqrt(np.pi)),
    (lambda x: special.nctdtr(1.0, 0.0, x), (0.0,), 0, 1 / np.pi),
]


@pytest.mark.parametrize("ufunc, x, wrt, expected", POINTS)
def test_limits(ufunc: Any, x: tuple[float, ...], wrt: int, expected: float) -> None:
    np.testing.assert_allclose(slope(ufunc, *x, wrt=wrt), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    "ufunc, x, expected",
    [
        (special.entr, (0.0,), np.inf),
        (special.xlogy, (0.0, 0.0), -np.inf),
        (special.rel_entr, (0.0, 1.0), -np.inf),
    ],
)
def test_infinite_slopes(ufunc: Any, x: tuple[float, ...], expected: float) -> None:
    with pytest.warns(adjoint.errors.NonFiniteDerivativeWarning, match=f"began at z_. = {ufunc.__name__}"):
        assert slope(ufunc, *x) == expected


@pytest.mark.parametrize(
    "ufunc, x, wrt, expected",
    [
        (special.exprel, (0.0,), 0, 1 / 3),
        (special.boxcox, (2.0, 0.0), 1, np.log(2.0) ** 3 / 3),
        (special.rgamma, (0.0,), 0, 2 * np.euler_gamma),
        (special.binom, (3.0, 4.0), 0, 11 / 12),  # of n (n - 1) (n - 2) (n - 3) / 4!
        (special.spence, (1.0,), 0, 1 / 2),
        (special.ellipk, (0.0,), 0, 9 * np.pi / 64),
        (special.agm, (2.0, 2.0), 0, -1 / 16),
        (special.elliprf, (1.0, 1.0, 1.0), 0, 3 / 20),
        (lambda x: special.it2j0y0(x)[0], (0.0,), 0, 1 / 4),
    ],
)
def test_second_derivatives_at_removable_singularities(ufunc: Any, x: Any, wrt: int, expected: float) -> None:
    np.testing.assert_allclose(curvature(ufunc, *x, wrt=wrt), expected, rtol=1e-9)


# --- against SciPy's own derivatives, and numbers of more digits than differences give -------------------


@pytest.mark.parametrize(
    "ufunc, derivative",
    [
        (special.jv, special.jvp),
        (special.yv, special.yvp),
        (special.iv, special.ivp),
        (special.kv, special.kvp),
    ],
)
def test_bessel_functions_have_scipys_derivatives(ufunc: Any, derivative: Any) -> None:
    for order in (0.0, 0.7, 3.0):
        assert slope(ufunc, order, 1.3, wrt=1) == pytest.approx(derivative(order, 1.3), rel=1e-13)
        assert curvature(ufunc, order, 1.3, wrt=1) == pytest.approx(derivative(order, 1.3, 2), rel=1e-13)


def test_gamma_functions_have_scipys_derivatives() -> None:
    for x in (0.3, 4.0, -1.7):
        assert slope(special.psi, x) == pytest.approx(special.polygamma(1, x), rel=1e-13)
        assert curvature(special.psi, x) == pytest.approx(special.polygamma(2, x), rel=1e-13)


@pytest.mark.parametrize(
    "ufunc, x, expected",  # mpmath, 30 digits
    [
        (special.erfcx, 1e3, -5.6418873726549667e-07),
        (special.dawsn, 1e3, -5.0000075000187501e-07),
        (special.log_ndtr, -1e4, 10000.000099999998),
        (special.expit, 40.0, 4.248354255291589e-18),
        (special.kolmogorov, 1.0, -1.0719485583569418),
    ],
)
def test_tails_keep_their_digits(ufunc: Any, x: float, expected: float) -> None:
    np.testing.assert_allclose(slope(ufunc, x), expected, rtol=1e-13)


def difference(f: Any, x: float, step: float) -> float:
    return float((f(x + step) - f(x - step)) / (2 * step))


def test_functions_whose_values_are_rough() -> None:
    """SciPy computes these to five or six digits, too few for the generated suite."""
    for k in range(4):
        integral = lambda x, k=k: special.itairy(x)[k]
        assert slope(integral, 1.3) == pytest.approx(difference(integral, 1.3, 1e-3), rel=1e-5)
    for k, step in ((2, 0.02), (3, 0.2)):
        x = [2.0, 3.0, 0.15, 1.5]
        along = lambda t, k=k, x=x: special.ncfdtrinc(*x[:k], t, *x[k + 1 :])
        assert slope(along, x[k]) == pytest.approx(difference(along, x[k], step), rel=3e-2)


# --- complex values ----------------------------------------------------------------------------------

HOLOMORPHIC: list[Any] = [
    *(special.erf, special.erfc, special.erfcx, special.erfi, special.dawsn, special.wofz, special.ndtr),
    *(special.log_ndtr, special.expm1, special.log1p, special.exp1, special.expi, special.spence),
    *(special.gamma, special.loggamma, special.rgamma, special.wrightomega),
    lambda z: special.xlogy(z, z + 1),
    lambda z: special.xlog1py(z, z),
    lambda z: special.jv(0.7, z),
    lambda z: special.yv(0.7, z),
    lambda z: special.iv(0.7, z),
    lambda z: special.kv(0.7, z),
    lambda z: special.kve(0.7, z),
    lambda z: special.hankel1(0.7, z),
    lambda z: special.hankel2e(0.7, z),
    lambda z: special.hyp0f1(0.7, z),
    lambda z: special.hyp1f1(0.7, 1.2, z),
    lambda z: special.hyp2f1(0.7, 1.2, 2.1, 0.3 * z),
    lambda z: special.eval_legendre(3, z),
    lambda z: special.eval_jacobi(2.5, 0.3, 0.4, z),
    lambda z: special.elliprf(z, 2.0, 3.0),
    lambda z: special.elliprd(1.0, 2.0, z),
    lambda z: special.elliprj(1.0, z, 3.0, 2.0),
    lambda z: special.elliprg(z, 2.0, 3.0),
    lambda z: special.elliprc(z, 2.0),
    lambda z: special.airy(z)[3],
    lambda z: special.sici(z)[0],
    lambda z: special.shichi(z)[1],
    lambda z: special.fresnel(z)[0],
]


@pytest.mark.parametrize("f", HOLOMORPHIC)
def test_complex_derivatives(f: Any) -> None:
    for z in (0.7 + 0.4j, 1.2 - 0.6j):
        step = 1e-3
        expected = (8 * (f(z + step) - f(z - step)) - (f(z + 2 * step) - f(z - 2 * step))) / (12 * step)
        for v in (1.0, 1j):
            found = adjoint.jvp(f, (np.complex128(z),), (np.complex128(v),))[1]
            np.testing.assert_allclose(found, v * expected, rtol=1e-9)


def test_scaled_functions_that_are_not_holomorphic_are_refused() -> None:
    for f in (special.jve, special.yve, special.ive):
        with pytest.raises(UnsupportedArgumentError, match=f"{f.__name__} of complex values is not holomorphic"):
            adjoint.jvp(lambda z, f=f: f(0.5, z), (np.complex128(1 + 1j),), (np.complex128(1),))
    with pytest.raises(MissingRuleError, match="no trigamma function of complex values"):
        adjoint.jvp(special.psi, (np.complex128(1 + 1j),), (np.complex128(1),))


# --- operations with several outputs --------------------------------------------------------------------


def test_an_unused_output_that_is_nan_does_no_harm() -> None:
    assert slope(lambda x: special.it2j0y0(x)[0], -1.0) == pytest.approx(special.j0(1.0) - 1)
    assert slope(lambda x: special.airye(x)[2], -1.0) == pytest.approx(special.airy(-1.0)[3])


def test_several_outputs_are_one_operation() -> None:
    names = [p.name for p in adjoint.trace(lambda x: special.airy(x)[0] + special.airy(x)[1], 0.3).primitives]
    assert names.count("airy") == 2


def test_several_outputs_into_arrays_are_refused() -> None:
    with pytest.raises(adjoint.errors.LostDerivativeError, match="sici would write a traced value"):
        adjoint.grad(lambda x: special.sici(x, out=(np.zeros(()), np.zeros(())))[0])(0.3)


def test_smirnov_of_many_sizes_at_once() -> None:
    n, d = np.array([1, 2, 5, 40]), 0.23
    expected = [slope(lambda d, k=k: special.smirnov(k, d), d) for k in (1, 2, 5, 40)]
    found = adjoint.jvp(lambda d: special.smirnov(n, d), (np.float64(d),), (np.float64(1),))[1]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == pytest.approx(-1.0)
