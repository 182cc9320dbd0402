"""Traces inside traces: no perturbation is confused, to any order, in any mode, in several threads."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import adjoint
from adjoint import grad, hessian, jacobian, jvp, value_and_grad, vjp
from adjoint.errors import EscapedTracerError
from tests.tracing.programs import smooth_program


def forward(f):
    """The derivative of a scalar function by forward mode, as a function."""
    return lambda x: jvp(f, (x,), (1.0,))[1]


def backward(f):
    return grad(f)


MODES = {"forward": forward, "reverse": backward, "jacobian": lambda f: jacobian(f)}


@pytest.fixture(params=MODES)
def outer(request):
    return MODES[request.param]


@pytest.fixture(params=MODES)
def inner(request):
    return MODES[request.param]


# --- perturbation confusion: the classics -----------------------------------------------------------


def test_siskind_pearlmutter(outer, inner):
    """d/dx (x · d/dy (x + y) at y = 1) = 1; a confused implementation says 2."""
    assert outer(lambda x: x * inner(lambda y: x + y)(1.0))(1.0) == 1.0


def test_inner_derivative_of_a_product(outer, inner):
    """d/dx (x · d/dy (x y)) = d/dx x² = 2x."""
    assert outer(lambda x: x * inner(lambda y: x * y)(2.0))(3.0) == 6.0


def test_inner_point_depends_on_the_outer_variable(outer, inner):
    """d/dx [d/dy (x y²) at y = x] = d/dx 2x² = 4x."""
    assert outer(lambda x: inner(lambda y: x * y * y)(x))(3.0) == 12.0


def test_the_outer_variable_is_a_constant_inside(outer, inner):
    assert outer(lambda x: inner(lambda y: x * x * x)(1.0))(2.0) == 0.0


def test_a_derivative_handed_out_as_a_closure():
    """Manzyuk et al.'s amazing bug: the derivative of a function that returns a function."""

    def shifted(u):
        return lambda f: lambda x: f(x + u)

    u = 0.3

    def through(du):
        f = shifted(du)
        return f(f(np.sin))(u)  # sin(u + 2 du)

    assert grad(through)(0.0) == pytest.approx(2 * math.cos(u), rel=1e-15)


def test_three_levels_of_closures(outer, inner):
    """∂³/∂x∂y∂z of sin(x y z) with every variable closed over."""
    x, y, z = 0.7, 1.1, 0.4
    found = outer(lambda a: inner(lambda b: grad(lambda c: np.sin(a * b * c))(z))(y))(x)
    t = x * y * z
    assert found == pytest.approx((1 - t * t) * math.cos(t) - 3 * t * math.sin(t), rel=1e-13)


def test_inner_gradients_inside_a_loop(outer, inner):
    """Newton's iteration for √a, unrolled through its own derivatives: d√a/da = 1/(2√a)."""

    def root(a):
        x = a
        for _ in range(8):
            x = x - (x * x - a) / inner(lambda y: y * y - a)(x)
        return x

    assert outer(root)(3.0) == pytest.approx(0.5 / math.sqrt(3.0), rel=1e-12)


def test_gradient_descent_inside_a_function():
    """After one step from 0 with rate r on (x − a)²: x = 2 r a, so d/da = 2r and d/dr = 2a."""

    def step(a, rate):
        return 0.0 - rate * grad(lambda x: (x - a) ** 2)(0.0)

    assert grad(step, (0, 1))(3.0, 0.25) == (0.5, 6.0)


def test_values_of_both_levels_in_one_operation():
    """One operation, operands from two traces: the outer one is a constant of the inner."""

    def f(x):
        return grad(lambda y: np.concatenate([x * y, y**2]) @ np.stack([x[0], 2.0, y[0], x[1]]))(x).sum()

    def closed_form(x):  # g(y) = x0·x0·y0 + 2·x1·y1 + y0·y0² + x1·y1²
        return x[0] ** 2 + 3 * x[0] ** 2 + 2 * x[1] + 2 * x[1] ** 2

    x = np.array([1.5, -0.5])
    assert f(x) == pytest.approx(closed_form(x), rel=1e-15)
    np.testing.assert_allclose(grad(f)(x), [8 * x[0], 2 + 4 * x[1]], rtol=1e-14)


@pytest.mark.parametrize("n", [300, 3_000])
def test_inner_multipliers_that_the_outer_trace_has_kept(n, outer):
    """The inner solve works in place where it can; what the outer trace recorded, and may have locked, it must not."""
    c, x0 = np.random.default_rng(0).standard_normal((2, n))

    def f(t):
        def inner(x):
            u = np.sin(x)
            z = u * (u * t)
            return np.sum(c * z) + np.sum(u * u)

        return np.sum(grad(inner)(x0) ** 2)

    # d/dx of t c sin² x + sin² x is (t c + 1) sin 2x
    expected = np.sum(2 * (0.7 * c + 1) * c * np.sin(2 * x0) ** 2)
    assert outer(f)(0.7) == pytest.approx(expected, rel=1e-12)


# --- modes inside modes, to higher orders ---------------------------------------------------------------


def test_jvp_inside_grad_inside_jvp():
    """Three orders through three modes: sin''' = −cos."""
    third = forward(grad(forward(np.sin)))
    assert third(0.4) == pytest.approx(-math.cos(0.4), rel=1e-14)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_orders_of_elementary_functions(order, outer):
    sine, power, tanh = np.sin, lambda x: x**7, lambda x: np.exp(2 * x)
    for _ in range(order):
        sine, power, tanh = outer(sine), outer(power), outer(tanh)
    x = 0.6
    assert sine(x) == pytest.approx(math.sin(x + order * math.pi / 2), rel=1e-12)
    assert power(x) == pytest.approx(math.perm(7, order) * x ** (7 - order), rel=1e-12)
    assert tanh(x) == pytest.approx(2**order * math.exp(2 * x), rel=1e-12)


def test_mixed_modes_of_orders_three_and_four(outer, inner):
    f = lambda x: np.exp(x) * np.sin(x)  # its derivatives: √2ⁿ eˣ sin(x + nπ/4)
    x = 0.3
    third, fourth = outer(inner(outer(f)))(x), inner(outer(inner(outer(f))))(x)
    assert third == pytest.approx(2**1.5 * math.exp(x) * math.sin(x + 3 * math.pi / 4), rel=1e-13)
    assert fourth == pytest.approx(4 * math.exp(x) * math.sin(x + math.pi), rel=1e-13)


def test_jacobian_of_jacobian():
    """y_i = x_i² x_{i+1}: all 27 second derivatives."""

    def f(x):
        return x**2 * np.roll(x, -1)

    x = np.array([1.0, 2.0, 3.0])
    expected = np.zeros((3, 3, 3))
    for i in range(3):
        j = (i + 1) % 3
        expected[i, i, i] = 2 * x[j]
        expected[i, i, j] = expected[i, j, i] = 2 * x[i]
    for first in ("forward", "reverse"):
        for second in ("forward", "reverse"):
            found = jacobian(jacobian(f, mode=first), mode=second)(x)
            np.testing.assert_allclose(found, expected, atol=1e-14)


def test_jacobian_of_hessian_of_a_cubic():
    x = np.array([0.5, -1.0])
    third = jacobian(hessian(lambda x: x[0] ** 3 + x[0] * x[1] ** 2))(x)
    np.testing.assert_allclose(third, [[[6.0, 0.0], [0.0, 2.0]], [[0.0, 2.0], [2.0, 0.0]]], atol=1e-14)


def test_vjp_inside_vjp():
    def f(x):
        y, pull_back = vjp(lambda u: u**3 * x, x)
        return (y * pull_back(np.ones(2))[0]).sum()  # x⁴ · 3x³ (x outside is a constant inside)

    x = np.array([1.2, 0.7])
    _, pull_back = vjp(f, x)
    np.testing.assert_allclose(pull_back(1.0)[0], 21 * x**6, rtol=1e-14)


def test_pull_back_of_an_outer_function_used_inside_an_inner_one():
    """The outer pull-back is linear: its derivative with respect to the cotangent is the Jacobian."""
    x = np.array([0.2, 0.9])
    _, pull_back = vjp(lambda u: np.sin(u) * u[::-1], x)
    found = jacobian(lambda w: pull_back(w)[0])(np.ones(2))
    np.testing.assert_allclose(found.T, jacobian(lambda u: np.sin(u) * u[::-1])(x), rtol=1e-15)


def test_a_linear_map_inside_grad():
    def f(x):
        y, push_forward = adjoint.linearize(lambda u: u**3, x)
        return y + push_forward(x)  # x³ + 3x³

    assert grad(f)(2.0) == 48.0


@pytest.mark.parametrize("seed", range(6))
def test_second_derivatives_of_random_programs(seed):
    f = smooth_program(seed)
    x = np.random.default_rng(seed).standard_normal(4)
    h, first = 1e-5, grad(f)
    central = np.stack([(first(x + h * e) - first(x - h * e)) / (2 * h) for e in np.eye(4)])
    for found in (
        hessian(f)(x),
        jacobian(grad(f), mode="reverse")(x),
        np.stack([grad(lambda x, e=e: grad(f)(x) @ e)(x) for e in np.eye(4)]),
        np.stack([grad(lambda x, e=e: jvp(f, (x,), (e,))[1])(x) for e in np.eye(4)]),
    ):
        np.testing.assert_allclose(found, central, rtol=1e-5, atol=1e-6)


# --- threads and exceptions -------------------------------------------------------------------------------


def test_many_threads_trace_at_once():
    """The same function, closed-over large constant included, in eight threads with their own arguments."""
    table = np.linspace(0.0, 1.0, 4_000)
    f = smooth_program(3)
    points = np.random.default_rng(0).standard_normal((8, 4))
    objective = lambda x: f(x) + (table * x[0]).sum()
    expected = [(value_and_grad(objective)(x), hessian(objective)(x)) for x in points]
    failures: list[object] = []
    barrier = threading.Barrier(8)

    def work(k):
        try:
            barrier.wait()
            for _ in range(15):
                value, slope = value_and_grad(objective)(points[k])
                np.testing.assert_array_equal(slope, expected[k][0][1])
                assert value == expected[k][0][0]
            np.testing.assert_array_equal(hessian(objective)(points[k]), expected[k][1])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert table.flags.writeable


def test_two_traces_interleaved_in_two_threads():
    """Each thread is stopped in the middle of its trace while the other one records."""
    first, second = threading.Event(), threading.Event()
    found = {}

    def one(x):
        y = x * x
        first.set()
        assert second.wait(10)
        return y * x

    def two(x):
        assert first.wait(10)
        y = np.sin(x)
        second.set()
        return y * 2

    def work(name, f, x):
        found[name] = grad(f)(x)

    threads = [
        threading.Thread(target=work, args=("one", one, 2.0)),
        threading.Thread(target=work, args=("two", two, 0.5)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"one": 12.0, "two": pytest.approx(2 * math.cos(0.5))}


def test_a_thread_pool_inside_the_traced_function():
    """Two threads would mix their records up: refused, by the operators as by NumPy's functions."""

    def pooled(work):
        def f(x):
            with ThreadPoolExecutor(2) as pool:
                return sum(pool.map(lambda k: work(x, k), range(4)))

        return f

    for work in (lambda x, k: x * k, lambda x, k: np.sin(x), lambda x, k: x[0], lambda x, k: -x):
        f = pooled(work)
        f(np.ones(2))  # plain NumPy may
        for run in (jacobian(f), grad(lambda x, f=f: np.sum(f(x))), lambda x, f=f: adjoint.trace(f, x)):
            with pytest.raises(
                EscapedTracerError, match="used in another thread than the one that records it"
            ) as caught:
                run(np.ones(2))
            caught.match("call grad inside the threads")


def test_gradients_inside_the_threads_of_a_pool():
    f = lambda x: np.sum(np.sin(x) ** 2)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(grad(f), [np.full(3, float(k)) for k in range(20)]))
    for k, one in enumerate(found):
        np.testing.assert_allclose(one, np.full(3, math.sin(2.0 * k)), rtol=1e-12, atol=1e-14)


class StopError(Exception):
    pass


def test_an_exception_leaves_nothing_behind():
    large = np.ones(10_000)

    def fails(x):
        y = large * x
        if y[0] > 2:
            raise StopError("in the middle")
        return y.sum()

    for wrapped in (grad(fails), jacobian(fails), hessian(fails), lambda x: adjoint.trace(fails, x)):
        with pytest.raises(StopError, match="in the middle"):
            wrapped(3.0)
        assert large.flags.writeable
        large[0] = 1.0  # and it can really be written
    for wrapped in (grad(fails), forward(fails)):
        assert wrapped(1.0) == 10_000.0
    assert large.flags.writeable


def test_an_exception_in_an_inner_trace_does_not_hurt_the_outer_one():
    large = np.ones(10_000)

    def inner(y):
        _ = (large * y).sum()
        raise StopError("inside")

    def f(x):
        with pytest.raises(StopError, match="inside"):
            grad(inner)(x)
        return x * x

    assert grad(f)(3.0) == 6.0
    assert large.flags.writeable
    assert grad(grad(f))(3.0) == 2.0
    assert large.flags.writeable


def test_an_exception_inside_a_rule_leaves_nothing_behind():
    large = np.ones(10_000)

    def fails(y, x):
        raise StopError("in the rule")

    @adjoint.custom_rule(fails)
    def identity(x):
        return x * 1.0

    with pytest.raises(StopError, match="in the rule"):
        grad(lambda x: (identity(x) * large).sum())(1.0)
    assert large.flags.writeable
    assert grad(lambda x: (x * large).sum())(1.0) == 10_000.0


def test_a_generator_that_stays_suspended_does_not_disturb_others():
    """A function may keep a generator alive with half of its operations recorded."""

    def terms(x):
        for k in range(1, 4):
            yield x**k

    def f(x):
        return sum(next(t) for t in [terms(x)]) + sum(terms(x))

    assert grad(f)(2.0) == 1.0 + 1.0 + 4.0 + 12.0
