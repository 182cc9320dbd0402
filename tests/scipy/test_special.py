"""The functions of scipy.special that are written in Python: values are SciPy's, derivatives those of differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint
from adjoint.errors import MissingRuleError, UnsupportedArgumentError
from adjoint.scipy import special
from tests.primitives.case import Case, Fixed, any_real, case, positive, uniform
from tests.scipy.laws import laws_of


def weighted(f: Any, a: Any, b: Any) -> Any:
    return f(a, axis=-1, b=b)


def _sums() -> list[Case]:
    f, x = special.logsumexp, any_real(2, 3)
    signed = Fixed(lambda rng: np.array([[1.0, -2.0, 0.5], [-3.0, 0.3, 1.0]]))
    cases = [
        case(f, "all", x),
        case(f, "axis", x, axis=0),
        case(f, "negative_axis", x, axis=-1, keepdims=True),
        case(f, "two_axes", any_real(2, 2, 2), axis=(0, -1)),
        case(f, "scalar", any_real()),
        case(f, "large", uniform(-1e4, 1e4)(3)),
        case(f, "weights", x, positive(3), call=weighted),
        case(f, "broadcast", any_real(3), positive(2, 1), call=lambda f, a, b: f(a, 1, b)),
        case(f, "only_weights", Fixed(x), positive(2, 3), call=weighted),
        case(f, "zero_weights", x, call=lambda f, a: f(a, 1, [1.0, 0.0, 2.0])),
        case(f, "sign", x, signed, call=lambda f, a, b: f(a, 1, b, False, True)[0]),
        case(f, "sign_of_traced_weights", x, any_real(2, 3), call=lambda f, a, b: f(a, b=b, return_sign=True)[0]),
        case(f, "sign_itself", x, signed, call=lambda f, a, b: a[:, :1] * f(a, 1, b, True, True)[1]),
        case(f, "list", any_real(2), call=lambda f, a: f([a[0], 2 * a[1], 0.5])),
    ]
    for f in (special.softmax, special.log_softmax):
        cases += [
            case(f, "all", x),
            case(f, "axis", x, axis=0),
            case(f, "negative_axis", x, axis=-1),
            case(f, "two_axes", any_real(2, 2, 2), axis=(0, 2)),
            case(f, "scalar", any_real()),
            case(f, "large", uniform(-1e4, 1e4)(3)),
            case(f, "list", any_real(2), call=lambda f, a: f([a[0], 2 * a[1], 0.5])),
        ]
    return cases


def _gammas() -> list[Case]:
    polygamma, spherical = special.polygamma, special.spherical_jn
    cases = [
        *(case(polygamma, f"order_{n}", positive(3), call=lambda f, x, n=n: f(n, x)) for n in range(4)),
        case(polygamma, "orders", positive(3), call=lambda f, x: f([0, 1, 2], x)),
        case(special.zeta, "of_second", positive(3), call=lambda f, q: f(2.5, q)),
        case(special.zeta, "exponents", positive(3), call=lambda f, q: f(np.array([[2.5], [4.0]]), q)),
        case(special.multigammaln, "three", uniform(2.0, 4.0)(2), call=lambda f, a: f(a, 3)),
        case(special.multigammaln, "one", uniform(2.0, 4.0)(), call=lambda f, a: f(a, 1)),
        case(special.comb, "both", uniform(3.0, 5.0)(3), uniform(1.0, 2.0)(3)),
        case(special.comb, "constant_total", uniform(1.0, 2.0)(3), call=lambda f, k: f(5, k)),
        case(special.comb, "beyond", uniform(6.0, 7.0)(2), call=lambda f, k: f(5, k)),
        case(special.comb, "repetition", uniform(3.0, 5.0)(3), uniform(1.0, 2.0)(3), repetition=True),
        case(special.perm, "both", uniform(3.0, 5.0)(3), uniform(1.0, 2.0)(3)),
        case(special.factorial, "positive", positive(3)),
        case(special.factorial, "negative", uniform(-3.0, -1.2)(2)),
        case(spherical, "at_zero", any_real(2), call=lambda f, z: f(1, z * np.array([0.0, 1.0]))),
    ]
    for f in (special.spherical_jn, special.spherical_yn, special.spherical_in, special.spherical_kn):
        cases += [
            *(case(f, f"order_{n}", positive(3), call=lambda f, z, n=n: f(n, z)) for n in range(3)),
            case(f, "orders", positive(3), call=lambda f, z: f(np.array([[0], [2]]), z)),
            case(f, "derivative", positive(3), call=lambda f, z: f(1, z, True)),
        ]
    return cases


CASES = [*_sums(), *_gammas()]


@laws_of(CASES)
def test_laws(one: Case, law: Any) -> None:
    law(one)


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax", "polygamma", "multigammaln", "comb", "perm"])
def test_plain_arrays_get_scipys_answer(name: str) -> None:
    x = np.array([2.5, 3.5])
    arguments = {"polygamma": (2, x), "multigammaln": (x, 2), "comb": (x, 2), "perm": (x, 2)}.get(name, (x,))
    np.testing.assert_array_equal(getattr(special, name)(*arguments), getattr(scipy.special, name)(*arguments))


def test_ufuncs_are_handed_on() -> None:
    from adjoint.scipy.special import erf

    assert erf is scipy.special.erf
    with pytest.raises(AttributeError, match="no_such_function"):
        special.no_such_function


# --- extremes: derivatives as mathematics has them -----------------------------------------------------


def test_log_sum_of_extreme_values() -> None:
    x = np.array([1e4, 1e4, -1e4, -np.inf])
    value, slope = adjoint.value_and_grad(special.logsumexp)(x)
    assert value == pytest.approx(1e4 + np.log(2))
    np.testing.assert_array_equal(slope, [0.5, 0.5, 0.0, 0.0])
    np.testing.assert_allclose(adjoint.hessian(special.logsumexp)(x)[:2, :2], [[0.25, -0.25], [-0.25, 0.25]])


def test_log_sum_of_infinities() -> None:
    slope = adjoint.grad(special.logsumexp)
    np.testing.assert_array_equal(slope(np.array([-np.inf, -np.inf])), [0.5, 0.5])
    np.testing.assert_array_equal(slope(np.array([np.inf, 1.0])), [1.0, 0.0])
    np.testing.assert_array_equal(slope(np.array([-np.inf])), [1.0])
    by_row = adjoint.grad(lambda x: np.sum(special.logsumexp(x, axis=1)))
    np.testing.assert_array_equal(by_row(np.array([[-np.inf, 0.0], [-np.inf, -np.inf]])), [[0.0, 1.0], [0.5, 0.5]])


def test_a_weight_of_zero_hides_an_infinity() -> None:
    slope = adjoint.grad(lambda a: special.logsumexp(a, b=np.array([0.0, 1.0, 3.0])))
    np.testing.assert_allclose(slope(np.array([np.inf, 0.0, 0.0])), [0.0, 0.25, 0.75])
    np.testing.assert_allclose(slope(np.array([np.inf, 1e4, 1e4])), [0.0, 0.25, 0.75])


def test_softmax_of_extreme_values() -> None:
    x = np.array([1e4, 1e4, -np.inf])
    np.testing.assert_array_equal(adjoint.jacobian(special.softmax)(x), [[0.25, -0.25, 0], [-0.25, 0.25, 0], [0, 0, 0]])
    expected = [[0.5, -0.5, 0], [-0.5, 0.5, 0], [-0.5, -0.5, 1]]
    np.testing.assert_array_equal(adjoint.jacobian(special.log_softmax)(x), expected)


def test_each_is_one_constraint() -> None:
    for f in (special.softmax, special.log_softmax, special.logsumexp):
        trace = adjoint.trace(lambda x, f=f: f(x, axis=1), np.ones((2, 3)))
        assert [node.operation for node in trace.nodes()] == ["input", f.__name__]


# --- complex values ----------------------------------------------------------------------------------


def test_complex_log_sum_is_holomorphic() -> None:
    z = np.array([0.3 + 0.5j, -0.2 - 1.1j, 0.1j])
    slope = adjoint.grad(lambda z: np.real(special.logsumexp(z)))(z)
    np.testing.assert_allclose(slope, np.conj(np.exp(z) / np.exp(z).sum()))


def test_what_is_refused() -> None:
    z = np.array([0.3 + 0.5j, 1.0])
    with pytest.raises(UnsupportedArgumentError, match="return_sign of complex"):
        adjoint.grad(lambda z: special.logsumexp(z, return_sign=True)[0])(z)
    for f in (special.comb, special.perm):
        with pytest.raises(UnsupportedArgumentError, match=f"{f.__name__} of a traced value does not take exact=True"):
            adjoint.grad(lambda n, f=f: f(n, 2, exact=True))(4.0)
    with pytest.raises(MissingRuleError, match="zeta by its exponent"):
        adjoint.grad(lambda s: special.zeta(s, 1.5))(4.0)
    with pytest.raises(UnsupportedArgumentError, match="factorial of a traced value does not take extend="):
        adjoint.grad(lambda n: special.factorial(n, extend="complex"))(4.0)
