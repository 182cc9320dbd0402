"""In-place code inside and around derivatives: nothing that a derivative has saved changes with a later write."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from tests.tracing.agreement import X, agree, collect, square

# --- derivatives of functions that write, inside of functions that write ------------------------------------------


def inner_functions_fill_their_own_arrays(x):
    def inner(z):
        y = np.zeros_like(z)
        y[0] = z[1] * x[0]
        y[1:] += z[1:] ** 2
        tail = y[2:]
        tail *= x[:2]
        return np.sum(y**2)

    return adjoint.grad(inner)(x)


def inner_functions_edit_their_argument(x):
    y = x * 1

    def inner(z):
        z *= 2
        z[0] = z[1]
        return np.sum(z**3)

    gradient = adjoint.grad(inner)(y)
    return gradient, y


def outer_arrays_are_edited_by_outer_values(x):
    y = x * 1

    def inner(z):
        first = np.sum(y * z * z)
        y[0] = x[1] ** 2  # what the first sum has read must not change
        y[1:] *= 2
        return first * np.sum(y * z)

    return adjoint.grad(inner)(x), y


def outer_views_are_edited_by_outer_values(x):
    y = x * 1
    v = y[1:]

    def inner(z):
        first = np.sum(v * z[1:] ** 2)
        y[1] = 5 * x[1]
        return first * np.sum(v * z[1:])

    return adjoint.grad(inner)(x), v


def edited_after_it_was_differentiated_at(x):
    y = x * 1
    z, pull_back = adjoint.vjp(lambda a: a**3, y)
    kept = z * 1
    y[:] = 0.0
    z[:] = 100.0
    (first,) = pull_back(np.ones(4))
    (second,) = pull_back(kept)
    first *= 2
    return kept, y, z, first, second


def edited_while_closed_over(x):
    y = x * 1
    z, push_forward = adjoint.linearize(lambda a: a**3 * y, y)
    y *= 3
    z += 1
    tangent = push_forward(y)
    tangent[0] = 1.0
    return z, tangent


def seeds_are_edited_after_use(x):
    _, pull_back = adjoint.vjp(lambda a: a * a, x)
    seed = x * 1
    (first,) = pull_back(seed)
    seed[:] = 2.0
    (second,) = pull_back(seed)
    return first, second, seed


def auxiliary_outputs_are_edited(x):
    y = x * 1

    def inner(z):
        w = z * y
        w[0] = 1.0
        return np.sum(w), w

    gradient, w = adjoint.grad(inner, has_aux=True)(x)
    w += gradient
    y[0] = 7.0
    return gradient, w


def derivatives_are_edited(x):
    gradient = adjoint.grad(lambda z: np.sum(z * z * x))(x)
    gradient[0] = x[1]
    gradient += x
    rows = adjoint.jacobian(lambda z: np.cumsum(z) * z)(x)
    rows[0] = 1.0
    rows[1:] *= x
    value, tangent = adjoint.jvp(lambda z: z, (x,), (x,))
    tangent *= value
    value += 1
    return gradient, rows, value, tangent


def systems_are_solved_after_edits(x):
    y = x * 1
    system = adjoint.trace(lambda z: np.exp(z) * y, y).compile()
    y[:] = 0.0
    gradient = system.solve(np.ones(4))["z"]
    gradient[0] = 5.0
    return gradient, system.solve(np.ones(4))["z"], system.relinearize(x * x).solve(x)["z"]


def exceptions_between_writes(x):
    y = x * 1
    for k in range(3):
        try:
            y[k] *= 2
            y[k + 1 : k + 3] = x[: 3 - k]  # fits at k = 1 only
            y[0] += 1
        except ValueError:
            y[k] += x[3]
    return y


PROGRAMS = collect(globals())


@pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)
def test_first_derivatives_of_derivatives(f):
    agree(f, second=f is not derivatives_are_edited)


# --- own constraints and rules ---------------------------------------------------------------------------------------


@adjoint.constraint
def layer(a):
    y = np.zeros_like(a)
    y[0] = a[1] * a[2]
    y[1:] += a[:-1] ** 2
    view = y[1:]
    view *= 2
    return y


@adjoint.custom_rule(lambda y, a: _filled_partial(a))
def squares(a):
    b = a * 1
    b **= 2
    return b


def _filled_partial(a):
    d = np.zeros_like(a)
    d[:] = a
    d += a
    return d


def test_a_constraint_may_write_into_its_own_arrays():
    agree(lambda x: layer(2 * x) * x)


def test_a_rule_may_write_into_its_own_arrays():
    agree(lambda x: squares(2 * x) * x)


@pytest.mark.parametrize("size", [4, 5000])
@pytest.mark.parametrize("make", [adjoint.constraint, adjoint.custom_rule(lambda y, a: 2.0)])
def test_own_functions_do_not_edit_what_the_trace_has_saved(make, size):
    """An edit of the argument is refused or not seen; it never changes another derivative, nor the caller's array."""

    @make
    def doubled(a):
        a *= 2
        return a

    x = np.linspace(0.1, 1.0, size)
    before = x.copy()

    def f(x):
        y = x * 1
        return np.sum(x * x) + np.sum(y * y) + np.sum(doubled(x)) + np.sum(doubled(y))

    try:
        found = adjoint.grad(f)(x)
    except ValueError as error:
        assert "read-only" in str(error)  # noqa: PT017  # refusing is right
    else:
        np.testing.assert_allclose(found, 4 * before + 4)
    np.testing.assert_array_equal(x, before)


def test_what_is_written_around_a_constraint():
    def f(x):
        y = x * 1
        z = layer(y)
        y[0] = 9.0
        z[1:] += y[:-1]
        z *= layer(z / 10)
        return y, z

    agree(f)


# --- after the derivative ---------------------------------------------------------------------------------


def test_the_callers_arrays_are_left_alone():
    def f(x, table):
        x[0] = table[0] * x[1]
        x *= table
        return np.sum(x)

    for size in (4, 5000):
        x, table = np.linspace(1.0, 2.0, size), np.linspace(0.0, 1.0, size)
        before = x.copy()
        for use in (
            lambda x=x, table=table: adjoint.grad(f)(x, table),
            lambda x=x, table=table: adjoint.jvp(f, (x, table), (x, table)),
            lambda x=x, table=table: adjoint.hvp(f, (x, table), (x, table)),
            lambda x=x, table=table: adjoint.trace(f, x, table)(x, table),
        ):
            use()
            np.testing.assert_array_equal(x, before)
            assert x.flags.writeable


def filled(x):
    y = np.zeros_like(x)
    for k in range(4):
        y[k] = x[k] * (y[k - 1] + 1)
    return y


@pytest.mark.parametrize("make", [adjoint.vjp, adjoint.linearize])
def test_editing_a_filled_output_does_not_reach_the_linear_map(make):
    y, linear = make(lambda x: np.exp(filled(x)), X)
    expected = linear(np.ones(4))
    y[:] = 0.0
    np.testing.assert_array_equal(linear(np.ones(4)), expected)


def test_editing_the_output_of_a_system_does_not_reach_its_solves():
    system = adjoint.trace(lambda x: np.exp(filled(x)), X).compile()
    expected = system.solve(np.ones(4))["x"].copy()
    output = system.output
    try:
        output[:] = 0.0
    except ValueError as error:
        assert "read-only" in str(error)  # noqa: PT017  # refusing is right
    np.testing.assert_array_equal(system.solve(np.ones(4))["x"], expected)


def test_a_constant_may_be_edited_after_it_was_written():
    """A buffer that is filled anew in each round."""

    def f(x):
        y = np.zeros_like(x)
        buffer = np.zeros(2)
        for k in range(2):
            buffer[:] = k + 1
            y[2 * k : 2 * k + 2] = buffer
            y[2 * k] *= x[0]
        return y * x

    agree(f)


@pytest.mark.parametrize("size", [4, 5000])
def test_large_values_written_from_a_constant(size):
    table = np.linspace(0.0, 1.0, size)

    def f(x):
        y = np.zeros_like(x)
        y[0] = x[1]
        y[1:] = table[1:]
        y *= x
        return y.sum()

    x = np.linspace(1.0, 2.0, size)
    expected = np.concatenate([[x[1]], table[1:]])
    expected[1] += x[0]
    np.testing.assert_allclose(adjoint.grad(f)(x), expected)
    table[:] = 2.0  # and it is writable again


def test_an_exception_leaves_nothing_behind():
    def f(x):
        y = filled(x)
        y[0] = 1 // 0
        return y.sum()

    with pytest.raises(ZeroDivisionError):
        adjoint.grad(f)(X)
    agree(filled)


def test_names_stay_with_the_value_that_they_were_given_to():
    def f(x):
        y = adjoint.name(filled(x), "early")
        y[0] = x[1]
        adjoint.name(y, "late")
        return np.sum(y * np.arange(4.0))

    multipliers = adjoint.trace(f, X).compile().solve()
    np.testing.assert_array_equal(multipliers["late"], [0.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(multipliers["early"], [0.0, 1.0, 2.0, 3.0])


def test_a_branch_on_a_written_value_is_guarded():
    def f(x):
        y = x * 1
        y[0] = x[1] + x[2]
        if y[0] > 0.5:
            y[1:] *= 2
        y[y > 2] = x[0]
        return y

    agree(f)
    trace = adjoint.trace(f, X)
    with pytest.raises(adjoint.errors.TraceMismatchError, match="another branch than recorded"):
        trace(np.array([0.7, -1.4, 1.3, 0.9]))
    with pytest.raises(adjoint.errors.TraceMismatchError, match="another branch than recorded"):
        trace(np.array([0.7, -0.4, 1.3, 1.9]))


def test_a_written_value_in_an_outer_matrix_of_solves():
    """The Jacobian's many right-hand sides go through one sweep, and every write through all of them."""

    def f(x):
        m = square(x)
        for k in range(1, 4):
            m[k] += m[k - 1] * x
            m[:, k] *= 0.5
        return m

    for solver in ("back_substitution", "sparse_triangular", "dense"):
        agree_with = adjoint.jacobian(f, mode="forward", solver=solver)(X)
        np.testing.assert_allclose(adjoint.jacobian(f, mode="reverse", solver=solver)(X), agree_with, rtol=1e-12)
