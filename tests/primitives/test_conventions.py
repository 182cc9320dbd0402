"""What a derivative is where mathematics leaves it open, and where careless code gives NaN."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.tracing import UFUNC_METHODS, UFUNCS
from tests.primitives import cases_elementwise, references
from tests.primitives.case import Case

SOLVERS = ("back_substitution", "sparse_triangular", "dense")


def both_modes(f: Callable[..., Any], *x: Any) -> Any:
    """The gradient of a scalar function, after a check that forward mode gives the same."""
    reverse = adjoint.grad(f, range(len(x)))(*x)
    forward = adjoint.jacobian(f, range(len(x)), mode="forward")(*x)
    for a, b in zip(reverse, forward, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    return reverse if len(x) > 1 else reverse[0]


# --- ties -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ufunc", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_tie_of_two_is_shared(ufunc: np.ufunc) -> None:
    x, y = np.array([1.0, 2.0, -3.0]), np.array([1.0, 0.5, -3.0])
    dx, dy = both_modes(lambda x, y: np.sum(ufunc(x, y)), x, y)
    larger = 1.0 if ufunc in (np.maximum, np.fmax) else 0.0
    np.testing.assert_array_equal(dx, [0.5, larger, 0.5])
    np.testing.assert_array_equal(dy, [0.5, 1 - larger, 0.5])
    assert both_modes(lambda x: ufunc(x, 0.0), 0.0) == 0.5
    assert adjoint.hessian(lambda x: ufunc(x, 0.0))(0.0) == 0.0


@pytest.mark.parametrize("function, best", [(np.max, 5.0), (np.min, -5.0)])
def test_ties_of_an_extremum_are_shared_equally(function: Any, best: float) -> None:
    three = np.array([best, 0.0, best, best])
    np.testing.assert_allclose(both_modes(function, three), np.array([1, 0, 1, 1]) / 3, rtol=1e-15)
    matrix = np.array([[best, best, 0.0], [0.0, best, 1.0]])
    rows = both_modes(lambda x: np.sum(function(x, axis=1)), matrix)
    np.testing.assert_array_equal(rows, [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    columns = both_modes(lambda x: np.sum(function(x, axis=(0,), keepdims=True)), matrix)
    sign = 1.0 if best > 0 else -1.0
    first, third = ([1.0, 0.0], [0.0, 1.0]) if sign > 0 else ([1.0, 0.0], [1.0, 0.0])
    np.testing.assert_array_equal(columns, np.array([first, [0.5, 0.5], third]).T)
    np.testing.assert_array_equal(adjoint.hessian(function)(three), np.zeros((4, 4)))


@pytest.mark.parametrize("number_first", [True, False])
def test_fmax_and_fmin_give_the_derivative_to_the_number(number_first: bool) -> None:
    x, y = (1.0, math.nan) if number_first else (math.nan, 1.0)
    for ufunc in (np.fmax, np.fmin):
        dx, dy = adjoint.grad(ufunc, (0, 1))(x, y)
        assert (dx, dy) == ((1.0, 0.0) if number_first else (0.0, 1.0))


# --- kinks and steps --------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [abs, np.abs, np.fabs])
def test_the_absolute_value_is_flat_at_zero(function: Any) -> None:
    for zero in (0.0, -0.0):
        assert both_modes(function, zero) == 0.0
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(function(x)), np.array([-2.0, 0.0, 3.0])), [-1, 0, 1])
    assert adjoint.grad(adjoint.grad(function))(0.0) == 0.0


@pytest.mark.parametrize(
    "function",
    [np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, math.floor, math.ceil, math.trunc, np.spacing],
)
def test_steps_have_no_slope_even_where_they_step(function: Any) -> None:
    for x in (0.0, 1.0, -1.0, 0.5, 2.3):
        assert both_modes(lambda x: 1.0 * function(x), x) == 0.0
        assert adjoint.hessian(lambda x: 1.0 * function(x))(x) == 0.0
        assert both_modes(lambda x: x * function(x), x) == float(function(np.float64(x)))


def test_floor_division_steps_and_the_remainder_follows() -> None:
    assert both_modes(lambda a, b: a // b, 7.5, 2.0) == (0.0, 0.0)
    assert both_modes(lambda a, b: a % b, 7.5, 2.0) == (1.0, -3.0)
    assert both_modes(lambda a, b: a % b, -7.5, 2.0) == (1.0, 4.0)  # floored
    assert both_modes(np.fmod, -7.5, 2.0) == (1.0, 3.0)  # truncated


def test_heaviside_depends_on_its_value_at_zero_only_there() -> None:
    assert both_modes(np.heaviside, 0.0, 0.3) == (0.0, 1.0)
    assert both_modes(np.heaviside, 1.0, 0.3) == (0.0, 0.0)


def test_clip_at_its_limits_gives_the_derivative_to_the_array() -> None:
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.clip(x, -1, 1)), x), [0, 1, 1, 1, 0])
    _, low, high = both_modes(lambda x, low, high: np.sum(np.clip(x, low, high)), x, -1.0, 1.0)
    assert (low, high) == (1.0, 1.0)
    np.testing.assert_array_equal(
        adjoint.hessian(lambda x: np.sum(np.clip(x, -1, 1) ** 2))(x), np.diag([0, 2, 2, 2, 0])
    )


# --- products with zeros ----------------------------------------------------------------------------

ZEROS = {
    "none": [1.5, -2.0, 0.5, 3.0, 1.2],
    "one": [1.5, 0.0, 0.5, 3.0, 1.2],
    "two": [1.5, 0.0, 0.5, 0.0, 1.2],
    "three": [0.0, 0.0, 0.5, 0.0, 1.2],
    "all": [0.0, 0.0, 0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("name", ZEROS)
def test_prod_with_zeros(name: str) -> None:
    x = np.array(ZEROS[name])
    n = len(x)

    def product_without(*left_out: int) -> float:
        return math.prod(x[k] for k in range(n) if k not in left_out)

    gradient = [product_without(k) for k in range(n)]
    np.testing.assert_allclose(both_modes(np.prod, x), gradient, rtol=1e-14)
    hessian = np.zeros((n, n))
    third = np.zeros((n, n, n))
    for i, j in itertools.permutations(range(n), 2):
        hessian[i, j] = product_without(i, j)
    for i, j, k in itertools.permutations(range(n), 3):
        third[i, j, k] = product_without(i, j, k)
    np.testing.assert_allclose(adjoint.hessian(np.prod)(x), hessian, rtol=1e-14)
    np.testing.assert_allclose(adjoint.jacobian(adjoint.hessian(np.prod))(x), third, rtol=1e-14)
    reverse_twice = adjoint.jacobian(adjoint.grad(np.prod), mode="reverse")(x)
    np.testing.assert_allclose(reverse_twice, hessian, rtol=1e-14)


def test_prod_with_zeros_along_an_axis() -> None:
    x = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, 3.0]])
    gradient = both_modes(lambda x: np.sum(np.prod(x, axis=1)), x)
    np.testing.assert_array_equal(gradient, [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]])
    gradient = both_modes(lambda x: np.sum(np.prod(x, axis=0)), x)
    np.testing.assert_array_equal(gradient, [[0.0, 0.0, 3.0], [1.0, 0.0, 2.0]])


# --- powers at zero ---------------------------------------------------------------------------------


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 4, 0.0, 1.0, 2.0, 3.0])
def test_integer_powers_of_zero(exponent: float) -> None:
    slope, curvature = {0: (0.0, 0.0), 1: (1.0, 0.0), 2: (0.0, 2.0)}.get(int(exponent), (0.0, 0.0))
    spellings: list[Callable[[Any], Any]] = [
        lambda x: x**exponent,
        lambda x: np.power(x, exponent),
        lambda x: np.sum(x ** np.array([exponent])),
        lambda x: np.float_power(x, exponent),
    ]
    for f in spellings:
        assert both_modes(f, 0.0) == slope
        assert adjoint.hessian(f)(0.0) == curvature
        assert adjoint.grad(adjoint.grad(f))(0.0) == curvature


def test_powers_of_zero_do_not_depend_on_the_exponent() -> None:
    dx, db = both_modes(lambda x, b: x**b, 0.0, 2.0)
    assert (dx, db) == (0.0, 0.0)
    assert both_modes(lambda b: 0.0**b, 1.5) == 0.0
    np.testing.assert_array_equal(both_modes(lambda b: np.sum(np.zeros(2) ** b), np.array([1.0, 2.5])), [0.0, 0.0])


def test_negative_base_with_an_integer_exponent() -> None:
    np.testing.assert_allclose(both_modes(lambda x: x**3, -2.0), 12.0)
    np.testing.assert_allclose(
        both_modes(lambda x: np.sum(x ** np.array([2, -1])), np.array([-2.0, -2.0])), [-4, -0.25]
    )


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.0, 1.0, 2.0, 2 + 0j])
def test_integer_powers_of_complex_zero(exponent: complex) -> None:
    slope = 1.0 if exponent == 1 else 0.0
    for f in (lambda z: z**exponent, lambda z: np.power(z, np.array(exponent))):
        y, y_dot = adjoint.jvp(f, (0j,), (1 + 2j,))
        assert (y, y_dot) == (0j**exponent, slope * (1 + 2j))


def test_a_constant_exponent_is_not_differentiated() -> None:
    """The partial of the exponent has the logarithm of a negative base: only those who ask for it see NaN."""
    assert both_modes(lambda x: x**3.0, -2.0) == pytest.approx(12.0)
    with pytest.warns(adjoint.errors.NonFiniteDerivativeWarning, match="power"):
        dx, db = adjoint.grad(lambda x, b: x**b, (0, 1))(-2.0, 3.0)
    assert dx == pytest.approx(12.0)
    assert math.isnan(db)


def test_a_power_with_a_complex_exponent_takes_a_negative_base() -> None:
    """``d/db (-2)^b = (-2)^b log(-2)`` with ``log(-2) = log 2 + iπ``."""
    y, y_dot = adjoint.jvp(lambda b: np.power(-2.0, b), (1 + 1j,), (1j,))
    np.testing.assert_allclose(y_dot, 1j * y * (math.log(2) + 1j * math.pi), rtol=1e-14)


# --- other special points ---------------------------------------------------------------------------


def test_a_norm_is_flat_at_the_origin() -> None:
    """As the absolute value, which it is along each axis."""
    assert both_modes(np.hypot, 0.0, 0.0) == (0.0, 0.0)
    assert adjoint.hessian(lambda x: np.hypot(x, 0.0))(0.0) == 0.0
    x = np.array([0.0, 3.0])
    np.testing.assert_allclose(both_modes(lambda x: np.sum(np.hypot(x, [0.0, 4.0])), x), [0.0, 0.6])
    assert adjoint.grad(np.abs)(0j) == 0
    assert adjoint.jvp(np.sign, (0j,), (1 + 1j,)) == (0, 0)


def test_an_angle_has_no_derivative_at_the_origin() -> None:
    with pytest.warns(adjoint.errors.NonFiniteDerivativeWarning, match="arctan2"):
        assert all(np.isnan(adjoint.grad(np.arctan2, (0, 1))(0.0, 0.0)))


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_an_angle_of_extreme_sides(size: float) -> None:
    """Their squares vanish or overflow."""
    found = both_modes(np.arctan2, 3 * size, 4 * size)
    np.testing.assert_allclose(found, np.array([0.16, -0.12]) / size, rtol=1e-14)
    np.testing.assert_allclose(both_modes(np.hypot, 3 * size, 4 * size), [0.6, 0.8], rtol=1e-14)


def test_remainders_follow_the_quotient_that_was_taken() -> None:
    """``1 / 0.1`` rounds to 10, but 0.1 is a little more than a tenth: it goes 9 times into 1."""
    assert math.fmod(1.0, 0.1) > 0.09
    for f in (np.fmod, np.remainder):
        assert both_modes(f, 1.0, 0.1) == (1.0, -9.0)
        assert both_modes(f, 5.0, math.inf) == (1.0, 0.0)


@pytest.mark.parametrize("function", [np.logaddexp, np.logaddexp2])
def test_log_sums_of_infinities(function: np.ufunc) -> None:
    inf = math.inf
    with np.errstate(all="ignore"):
        assert adjoint.grad(function, (0, 1))(-inf, -inf) == (0.5, 0.5)
        assert adjoint.grad(function, (0, 1))(inf, inf) == (0.5, 0.5)
        assert adjoint.grad(function, (0, 1))(inf, 1.0) == (1.0, 0.0)
        assert adjoint.grad(function, (0, 1))(1.0, inf) == (0.0, 1.0)
        assert adjoint.grad(function, (0, 1))(-inf, 1.0) == (0.0, 1.0)


def test_slopes_close_to_a_singularity_are_accurate() -> None:
    """``1 - x²`` and ``x² - 1`` would cancel; ``d (2 - d)`` and ``d (2 + d)`` with ``x = 1 ∓ d`` do not."""
    d = 2.0**-45
    steep = 1 / math.sqrt(d * (2 - d))
    np.testing.assert_allclose(both_modes(np.arcsin, 1 - d), steep, rtol=1e-15)
    np.testing.assert_allclose(both_modes(np.arccos, d - 1), -steep, rtol=1e-15)
    np.testing.assert_allclose(both_modes(np.arctanh, 1 - d), 1 / (d * (2 - d)), rtol=1e-15)
    np.testing.assert_allclose(both_modes(np.arccosh, 1 + d), 1 / math.sqrt(d * (2 + d)), rtol=1e-15)


def test_parts_of_special_numbers_are_numpys() -> None:
    x = np.array([-0.0, 0.0, 1.5, -2.5, 3.0, math.inf, -math.inf])
    for function in (np.modf, np.frexp):
        for k in range(2):
            found = adjoint.trace(lambda x, k=k, f=function: 1.0 * f(x)[k], x).compile().output
            expected = 1.0 * function(x)[k]
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))
    finite = x[:5]
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.modf(x)[0] + 0 * np.modf(x)[1]), finite), np.ones(5))
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.frexp(x)[0]), finite), [1, 1, 0.5, 0.25, 0.25])
    a, b = np.array([7.5, -7.5]), np.array([2.0, 2.0])
    da, db = both_modes(lambda a, b: np.sum(np.divmod(a, b)[1] + 5 * np.divmod(a, b)[0]), a, b)
    np.testing.assert_array_equal([da, db], [[1, 1], [-3, 4]])
    assert both_modes(lambda b: np.divmod(7, b)[1], 2.0) == -3.0
    assert both_modes(lambda a: divmod(a, 2)[1], 7.5) == 1.0


def test_integers_beside_a_traced_float() -> None:
    """Constants of integer dtype are not squared in it, and give floats their own derivative."""
    big, x = np.array([3_000_000_000, -4]), np.array([4e9, 3.0])
    np.testing.assert_allclose(both_modes(lambda x: np.sum(np.arctan2(big, x)), x), -big / (1.0 * big * big + x * x))
    np.testing.assert_allclose(both_modes(lambda x: np.sum(np.hypot(x, big)), x), x / np.hypot(x, big))
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.maximum(x, np.array([5, 3]))), x), [1.0, 0.5])
    np.testing.assert_allclose(both_modes(lambda x: np.sum(np.array([2, 3]) ** x), np.zeros(2)), np.log([2, 3]))
    np.testing.assert_allclose(both_modes(lambda x: np.sum(x ** np.array([2, -1])), np.ones(2)), [2, -1])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.heaviside([0, 2], x)), np.ones(2)), [1, 0])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.copysign(x, np.array([-1, 1]))), x), [-1, 1])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.ldexp(x, [1, -1])), x), [2, 0.5])
    np.testing.assert_allclose(both_modes(lambda x: np.sum(np.logaddexp(0, x)), np.zeros(2)), [0.5, 0.5])
    np.testing.assert_allclose(both_modes(lambda x: np.sum(7 % x), np.array([2.0, 3.0])), [-3, -2])


@pytest.mark.parametrize("function", [np.positive, np.negative])
def test_booleans_have_no_sign(function: np.ufunc) -> None:
    with pytest.raises(TypeError, match=r"did not contain a loop|boolean negative"):
        adjoint.grad(lambda x: np.sum(x * function(x > 0)))(np.ones(2))


def test_every_ufunc_of_numpy_is_known() -> None:
    """Those of dates apart: no number of theirs is a float."""
    known = {*UFUNCS, *(ufunc for ufunc, method in UFUNC_METHODS if method == "__call__")}
    ufuncs = {x for x in vars(np).values() if isinstance(x, np.ufunc)}
    assert {u.__name__ for u in ufuncs - known} == {"isnat"}


@pytest.mark.parametrize(
    "case", [c for c in cases_elementwise.CASES if isinstance(c.subject, np.ufunc)], ids=lambda c: c.id
)
def test_partials_of_single_precision_are_single(case: Case) -> None:
    """The sweep would hide a double partial by its cast, and pay for it."""
    f, x = case.point(dtype=np.float32)
    system = adjoint.trace(f, *x).compile()
    for k in range(len(system)):
        if system.values[k].dtype == np.float32:
            for _, block in system.blocks_of(k):
                data = getattr(block, "data", np.float32(0))
                assert data.dtype != np.float64


# --- a zero multiplier is a structural zero ---------------------------------------------------------


def guarded(f: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy warns of the value of the branch that is not taken; that is the user's own business."""

    def run(x: Any) -> Any:
        with np.errstate(all="ignore"):
            return f(x)

    return run


BRANCHES: dict[str, tuple[Callable[..., Any], np.ndarray, np.ndarray]] = {
    # name: the function, and its first and second derivatives at (0, 2)
    "log": (lambda x: np.where(x > 0, np.log(x), 0.0), np.array([0, 0.5]), np.array([0, -0.25])),
    "sqrt": (lambda x: np.where(x > 0, np.sqrt(x), 0.0), np.array([0, 0.5**1.5]), np.array([0, -(0.5**3.5)])),
    "reciprocal": (lambda x: np.where(x > 0, 1 / x, x), np.array([1, -0.25]), np.array([0, 0.25])),
    "power": (lambda x: np.where(x == 0, 1.0, x**-2.0), np.array([0, -0.25]), np.array([0, 0.375])),
    "chain": (lambda x: np.where(x > 0, np.exp(np.log(x)), 0.0), np.array([0, 1.0]), np.array([0, 0.0])),
    "quotient": (lambda x: np.where(x == 0, 1.0, x / x), np.array([0, 0.0]), np.array([0, 0.0])),
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", BRANCHES)
def test_the_branch_not_taken_is_safe(name: str, solver: str) -> None:
    function, first, _ = BRANCHES[name]
    x = np.array([0.0, 2.0])
    scalar = guarded(lambda x: np.sum(function(x)))
    np.testing.assert_allclose(adjoint.grad(scalar, solver=solver)(x), first, rtol=1e-12, atol=1e-12)
    for mode in ("forward", "reverse"):
        found = adjoint.jacobian(guarded(function), mode=mode, solver=solver)(x)
        np.testing.assert_allclose(found, np.diag(first), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", BRANCHES)
def test_the_branch_not_taken_is_safe_in_second_order(name: str) -> None:
    function, _, second = BRANCHES[name]
    x = np.array([0.0, 2.0])
    scalar = guarded(lambda x: np.sum(function(x)))
    expected = np.diag(second)
    with np.errstate(all="ignore"):
        nestings = {
            "hessian": adjoint.hessian(scalar)(x),
            "reverse over reverse": adjoint.jacobian(adjoint.grad(scalar), mode="reverse")(x),
            "reverse over forward": adjoint.jacobian(
                lambda x: adjoint.jvp(scalar, (x,), (np.ones(2),))[1], mode="reverse"
            )(x),
        }
    np.testing.assert_allclose(nestings["hessian"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(nestings["reverse over reverse"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(nestings["reverse over forward"], second, rtol=1e-12, atol=1e-12)


def test_a_zero_multiplier_against_an_infinite_slope() -> None:
    x = np.array([0.0, 4.0])
    weights = np.array([0.0, 1.0])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(weights * np.sqrt(x)))(x), [0.0, 0.25])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(np.sqrt(x)[1:]))(x), [0.0, 0.25])
    assert adjoint.grad(lambda x: np.sum(np.sqrt(x)[:0]))(x).tolist() == [0.0, 0.0]


def test_a_real_infinite_slope_is_not_hidden() -> None:
    with pytest.warns(adjoint.errors.NonFiniteDerivativeWarning, match="sqrt"), np.errstate(all="ignore"):
        assert adjoint.grad(np.sqrt)(0.0) == math.inf


def test_the_variance_of_equal_values_is_flat() -> None:
    np.testing.assert_array_equal(both_modes(np.var, np.full(3, 1.5)), np.zeros(3))


# --- values decide ----------------------------------------------------------------------------------


def test_branches_follow_the_data() -> None:
    def f(x: Any) -> Any:
        if x > 1:
            return x * x
        return -x if x < 0 and x != -5.0 else 3.0 * x

    assert [adjoint.grad(f)(x) for x in (2.0, -1.0, 0.5, -5.0)] == [4.0, -1.0, 3.0, 3.0]


def test_loops_follow_the_data() -> None:
    def halvings(x: Any) -> Any:
        while np.abs(x) > 1:
            x = x / 2
        return x

    assert adjoint.grad(halvings)(5.0) == 0.125
    assert adjoint.grad(halvings)(0.5) == 1.0


def test_a_newton_iteration_differentiates_through() -> None:
    def root(a: Any) -> Any:
        x = a
        while abs(x * x - a) > 1e-12:
            x = (x + a / x) / 2
        return x

    assert adjoint.grad(root)(2.0) == pytest.approx(0.5 / math.sqrt(2))
    assert adjoint.hessian(root)(2.0) == pytest.approx(-0.25 * 2**-1.5)


def test_discrete_answers_are_ordinary_numbers() -> None:
    x = np.array([0.3, 2.0, -1.0])

    def f(x: Any) -> Any:
        best = np.argmax(x)
        assert int(best) == 1
        assert ["a", "b", "c"][best] == "b"
        assert float(np.argmin(x)) == 2.0
        assert [k for k in np.argsort(x)] == [2, 0, 1]  # noqa: C416  # it is iteration that is tested
        assert bool(np.all(x < 3))
        assert not np.any(x > 3)
        assert (x > 0).sum() == 2
        count = sum(range(int(np.count_nonzero(x > 0)) + 1))
        return x[best] ** 2 * count + x[x < 0][0]

    np.testing.assert_allclose(adjoint.grad(f)(x), [0.0, 12.0, 1.0])


def test_discrete_answers_select_by_index() -> None:
    x = np.array([[3.0, 1.0, 2.0], [1.0, 5.0, 4.0]])
    rows = np.arange(2)

    def runner_up(x: Any) -> Any:
        order = np.argsort(x, axis=1)
        return np.sum(x[rows, order[:, 1]] ** 2)

    np.testing.assert_array_equal(adjoint.grad(runner_up)(x), [[0, 0, 4], [0, 0, 8]])
    np.testing.assert_array_equal(np.diag(adjoint.hessian(runner_up)(x).reshape(6, 6)), [0, 0, 2, 0, 0, 2])


def test_masks_count_as_numbers_without_a_derivative() -> None:
    x = np.array([0.5, -0.5, 2.0])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(x * (x > 0)))(x), [1, 0, 1])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(x) / np.sum(x > 0))(x), [0.5, 0.5, 0.5])


@pytest.mark.parametrize("power", [1, 2, 3])
def test_extreme_values_of_stable_functions(power: int) -> None:
    assert both_modes(lambda x: np.logaddexp(x, 0.0) ** power, -800.0) == 0.0
    assert both_modes(lambda x: np.logaddexp(0.0, x), 800.0) == 1.0
    assert both_modes(np.tanh, 400.0) == 0.0
    assert both_modes(np.logaddexp, -math.inf, 1.0) == (0.0, 1.0)


def test_references_are_themselves_right() -> None:
    """The reference of this folder against closed forms: an error in it would blind every test."""
    x = np.array([0.7, -0.4])
    found = references.jacobian(lambda x: np.array([np.sin(x[0]) * x[1], np.exp(x[1])]), (x,))
    exact = [[math.cos(0.7) * -0.4, math.sin(0.7)], [0.0, math.exp(-0.4)]]
    np.testing.assert_allclose(found, exact, rtol=1e-11, atol=1e-11)


@pytest.mark.filterwarnings("ignore:Mean of empty slice:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_the_mean_of_nothing_is_numpys() -> None:
    for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 1)):
        y, pull_back = adjoint.vjp(lambda x, axis=axis: np.mean(x, axis=axis), np.ones(shape))
        np.testing.assert_array_equal(y, np.mean(np.ones(shape), axis=axis))
        assert pull_back(np.ones(np.shape(y)))[0].shape == shape
