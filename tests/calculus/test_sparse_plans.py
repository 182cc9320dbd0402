"""What a plan may not take for granted: edited constants, impure functions, moved patterns, infinite partials."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import TraceMismatchError


def loop(a, b):
    t = a
    for _ in range(20):
        t = t * b + np.sin(a) * 0.1
    return t


@pytest.mark.parametrize("argnums", [0, 1, (0, 1), (1, 0)])
def test_scalars_by_any_choice_of_arguments(argnums):
    expected = adjoint.jacobian(loop, argnums)(0.4, 0.8)
    plan = adjoint.jacobian_plan(loop, 0.3, 0.8 if argnums == 0 else 0.9, argnums=argnums)
    there = {0: (0.4, 0.8), 1: (0.3, 0.8)}.get(argnums, (0.4, 0.8))
    expected = adjoint.jacobian(loop, argnums)(*there)
    found = plan(*there)
    for matrix, number in zip(np.atleast_1d(found), np.atleast_1d(expected), strict=True):
        assert_allclose(matrix.toarray(), [[number]], rtol=1e-12)
    one = adjoint.jacobian(loop, argnums, sparse=True)(*there)
    for matrix, number in zip(np.atleast_1d(one), np.atleast_1d(expected), strict=True):
        assert_allclose(matrix.toarray(), [[number]], rtol=1e-12)


@pytest.mark.parametrize("order", [np.sort, lambda x: np.stack([np.median(x), x[0], x[1]])])
def test_scalars_after_a_rearrangement(order):
    def f(x):
        y = order(x)
        t = y[0]
        for k in range(40):
            t = t * 0.5 + np.sin(t) * y[k % 3]
        return t

    plan = adjoint.jacobian_plan(f, np.array([3.0, 1.0, 2.0]))
    near = np.array([3.1, 1.1, 2.1])
    assert_allclose(plan(near).toarray()[0], adjoint.grad(f)(near), rtol=1e-12)
    with pytest.raises(TraceMismatchError, match="make a new plan"):
        plan(np.array([1.0, 2.0, 3.0]))


def test_coloring_of_complex_outputs_of_real_arguments():
    f = lambda x: np.sum(x * x) * (1 + 2j)
    expected = [[2 + 4j] * 3]
    assert_allclose(adjoint.jacobian_plan(f, np.ones(3), strategy="coloring")(np.ones(3)).toarray(), expected)
    with pytest.raises(ValueError, match="take order='forward'"):
        adjoint.jacobian_plan(f, np.ones(3), strategy="coloring", order="reverse")


def test_guards_do_not_depend_on_the_point_of_planning():
    """A recorded gradient takes a guarded sweep where it has to, and then has other terms."""
    w = lambda x: np.where(x > 0, 1 / x, x)

    def h(x):
        v = w(x) + 0 * x
        return np.sum(np.sin(np.prod(np.where(x > 0.2, w(x), np.abs(v))) * v))

    there = np.array([0.32, 0.0, 0.69, 0.0])
    with np.errstate(all="ignore"):
        expected = adjoint.hessian(h)(there)
        found = adjoint.hessian_plan(h, np.array([0.3, 0.4, 0.5, 0.6]))(there).toarray()
    assert_allclose(found, expected, atol=1e-10)


@pytest.mark.parametrize("name", ["ravel", "reshape", "broadcast_to"])
def test_an_operation_of_ones_own_may_have_any_name(name):
    @adjoint.custom_rule(lambda y, x: 2 * x, name=name)
    def square(x):
        return x * x

    at = np.array([0.7, 0.9])
    found = adjoint.jacobian_plan(lambda x: np.sin(square(x)), np.array([0.3, 0.5]))(at)
    assert_allclose(found.toarray(), np.diag(2 * at * np.cos(at**2)))


def test_two_calls_of_a_function_that_is_none_stay_two():
    calls = iter(range(1, 1000))

    @adjoint.custom_rule(lambda y, x: y / x)
    def counting(x):
        return x * next(calls)

    plan = adjoint.jacobian_plan(lambda x: counting(x) - counting(x), np.ones(2))
    assert plan(np.ones(2)).toarray()[0, 0] != 0


@pytest.mark.parametrize("size", [3, 5000])
@pytest.mark.parametrize("strategy", ["elimination", "coloring"])
def test_constants_may_be_edited_afterwards(size, strategy):
    c, d = np.full(size, 2.0), np.full(size, 3.0)
    f = lambda x, scale: scale * c * x * x + x * d[np.arange(size)]
    plan = adjoint.jacobian_plan(f, np.ones(size), argnums=0, scale=d, strategy=strategy)
    c[:] = 100.0
    d[:] = 100.0
    assert_allclose(plan(np.ones(size)).data, 15.0)
    assert c.flags.writeable


def test_orders_are_names():
    with pytest.raises(ValueError, match="order must be a name"):
        adjoint.jacobian_plan(lambda x: np.sin(np.sin(x)), np.ones(3), order=(1,))


def test_signs_of_zeros_are_kept():
    zeros = np.array([0.0, -0.0])
    plan = adjoint.jacobian_plan(lambda x: np.arctan2(x * zeros, -x) * x, np.ones(2))
    assert_allclose(plan(np.ones(2)).diagonal(), [np.pi, -np.pi])


def test_what_cancels_does_so_before_it_meets_infinity():
    """``x_0 - x_0`` has no derivative, and ``log'(0)`` is infinite: ``(1 - 1) · inf``, as in forward mode."""
    f = lambda x: np.log(x - x[0])
    x = np.array([1.0, 2.0, 3.0])
    with np.errstate(all="ignore"):
        plan = adjoint.jacobian_plan(f, np.array([1.0, 2.5, 3.5]), order="forward")
        found = plan(x).toarray()
    assert_array_equal(found, [[0.0, 0.0, 0.0], [-1.0, 1.0, 0.0], [-0.5, 0.0, 0.5]])


def test_auto_knows_scalars_that_are_linear_over_the_real_numbers_only():
    def f(x):
        t = x[0]
        for k in range(1, 4):
            t = t * 0.7 + x[k] * t
        return np.real(t)

    z = np.array([1 + 1j, 2 - 1j, 0.5, 3.0])
    assert_allclose(adjoint.grad(f, solver="auto")(z), adjoint.grad(f)(z))


def test_an_inconsistent_plan_says_which_argument_decides():
    plan = adjoint.jacobian_plan(lambda temperature: np.sort(temperature), np.array([1.0, 2.0]))
    with pytest.raises(TraceMismatchError, match=r"inspected the argument temperature, found \[0 1\] then and \[1 0\]"):
        plan(np.array([2.0, 1.0]))
