"""Everyday Python and NumPy idioms inside a differentiated function."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import adjoint

X = np.array([1.5, -0.5, 2.0])


def unpacking(x):
    a, b, *rest = x
    return a * b + rest[0] ** 2


def while_loop(x):
    y = x[0]
    while y < 100:
        y = y * x[2]
    return y


def branches(x):
    if x[0] > x[1] and not x[2] < 0:
        return x[0] * x[2]
    return x[1]


def accumulate_in_a_list(x):
    terms = []
    for k, value in enumerate(x):
        terms.append(value**k)
    return np.array(terms).sum()


def accumulate_in_a_dict(x):
    terms = {f"term{k}": value * k for k, value in enumerate(x)}
    return sum(terms.values())


def augmented_scalars(x):
    total = 0.0
    for value in x:
        total += value
        total *= 2
        total -= 0.5
        total /= 1.5
        total **= 2
    return total


def nested_object_array(x):
    rotation = np.array([[np.cos(x[0]), -np.sin(x[0])], [np.sin(x[0]), np.cos(x[0])]])
    return (rotation @ x[1:]).sum()


def object_array_with_constants(x):
    return (np.array([[x[0], 1.0], [0.0, x[1]]]) @ np.array([2.0, 3.0])).sum()


def object_array_into_ufuncs(x):
    return (
        np.sin(np.array([x[0] ** 2, x[1]])).sum() + np.exp([x[0], x[2]]).sum() + np.sqrt(np.array([x[0], x[2]])).sum()
    )


def object_array_arithmetic(x):
    pair = np.array([x[0] ** 2, x[1]])
    return ((2 * pair + np.ones(2)) * x[1:] - pair / 3).sum()


def object_array_norm(x):
    return np.linalg.norm(np.array([x[0], x[1]])) + np.sum([x[0], x[2]]) + np.dot(np.array([x[0], x[1]]), X[:2])


def filled_object_array(x):
    rows = np.empty(3, dtype=object)
    for k in range(3):
        rows[k] = x[k] ** 2
    return rows.sum() + np.max(np.stack(list(rows)))


def methods(x):
    m = np.outer(x, x) + 1
    return (
        m.T.sum() * x.mean()
        + x.dot(x)
        + m.reshape(9).max()
        + m.ravel()[2]
        + m.flatten().min()
        + x.var()
        + x.std()
        + x.prod()
        + m.trace()
        + m.diagonal().sum()
        + x.cumsum()[1]
        + m.swapaxes(0, 1)[0, 2]
        + x.clip(-0.1, 1.6).sum()
        + x.copy().sum()
        + m.squeeze().sum()
        + x.take([0, 2]).sum()
        + m.transpose(1, 0)[2, 1]
        + x.astype(np.float64).sum()
        + x.real.sum()
        + m.mT[0, 1]
    )


def numpy_scalars_and_arrays_on_the_left(x):
    return (np.float64(2) * x + np.ones(3) * x + np.array(3.0) * x + 1 / (2 + x) + 2**x + np.arange(3) @ x).sum()


def conditional_expressions(x):
    return sum(value if value > 0 else -2 * value for value in x)


def comparisons_chained(x):
    return x[0] ** 2 if 1 < x[0] < 2 else x[0]


def boolean_masks(x):
    y = x * np.array([1.0, 2.0, 3.0])
    return y[y > 0].sum() + np.where((x > 0) & ~(x > 1.8), x, 0 * x).sum() + ((x > 0) * x).sum()


def integer_casts_as_indices(x):
    table = np.array([1.0, 10.0, 100.0, 1000.0])
    return (table[np.floor(0.9 * np.abs(x)).astype(int)] * x).sum() + x[int(abs(x[1]) * 5)]


def fancy_slices(x):
    return x[::-1][0] * x[-1] + x[..., None].sum() + x[[0, 0, 2]].sum() + x[np.newaxis, 1:].mean()


def comprehension_matrix(x):
    return np.stack([np.stack([a * b for b in x]) for a in x]).sum()


def zeros_like_as_accumulator(x):
    total = np.zeros_like(x)
    for k in range(3):
        total = total + k * x
    return total.sum()


def arrays_filled_in_a_loop(x):
    y = np.zeros_like(x)
    for k in range(3):
        y[k] = x[k] ** 2 + y[k - 1]
    return y.sum() * y[1]


def augmented_arrays(x):
    total = np.zeros_like(x)
    for k in range(1, 4):
        total += k * x
        total *= total
    return total.sum()


def buffers(x):
    buffer = np.empty((2, 3), like=x)
    total = 0.0
    for k in range(3):
        buffer[0] = x * k
        np.sin(buffer[0], out=buffer[1])
        total += (buffer[0] * buffer[1]).sum()
    return total


def rows_that_are_edited(x):
    m = np.outer(x, x)
    for k, row in enumerate(m):
        row[k] += 1
        row /= 2 + row[k]
    return (m * m.T).sum()


def exchanges(x):
    y = x * [1.0, 2.0, 3.0]
    y[0], y[1] = y[1], y[0]
    y[[1, 2]] = y[[2, 1]]
    return y[0] * y[1] ** 2 + y[2]


def histogram(x):
    counts = np.zeros(4, like=x)
    np.add.at(counts, np.floor(0.9 * x).astype(int), x**2)
    return (counts * [1.0, 2.0, 3.0, 4.0]).sum()


def generator_with_zip(x):
    return sum(a * b for a, b in zip(x, reversed(list(x)), strict=True))


def builtin_functions(x):
    return abs(x[1]) + min(x) * max(x) + pow(x[0], 3) + math.prod(x) + sorted(x)[1] + divmod(x[2], 1.5)[1]


def all_and_any(x):
    return x.sum() * 2 if (x > -1).all() and any(x < 0) else x[0]


def in_operator(x):
    return x.sum() ** 2 if -1.0 in np.sign(x) and 7.0 not in x else x[0]


def class_with_state(x):
    class Particle:
        def __init__(self, position):
            self.position = position

        def moved(self, by):
            return Particle(self.position + by * self.position**2)

    particle = Particle(x)
    for _ in range(3):
        particle = particle.moved(0.1)
    return particle.position.sum()


def copies(x):
    return (copy.copy(x) * copy.deepcopy(x) * x.copy() * np.copy(x)).sum() + copy.deepcopy({"a": [x]})["a"][0][0]


IDIOMS = [f for f in list(globals().values()) if callable(f) and getattr(f, "__module__", "") == __name__]


@pytest.mark.parametrize("f", IDIOMS, ids=lambda f: f.__name__)
def test_gradient_against_central_differences(f):
    h = 1e-6
    value, gradient = adjoint.value_and_grad(f)(X)
    assert value == pytest.approx(float(f(X)), rel=1e-14)
    slopes = [(float(f(X + h * e)) - float(f(X - h * e))) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("f", IDIOMS, ids=lambda f: f.__name__)
def test_second_derivatives_against_differences_of_gradients(f):
    h = 1e-5
    first = adjoint.grad(f)
    central = np.stack([(first(X + h * e) - first(X - h * e)) / (2 * h) for e in np.eye(3)])
    np.testing.assert_allclose(adjoint.hessian(f)(X), central, rtol=1e-5, atol=1e-5)


def test_arrays_of_traced_scalars_as_outputs():
    """``np.array`` of traced scalars is an object array in NumPy, and is stacked when it is returned."""
    for f in (
        lambda x: np.array([x[0] ** 2, x[1]]),
        lambda x: np.asarray([x[0] ** 2, x[1]]),
        lambda x: np.stack([x[0] ** 2, x[1]]),
        lambda x: np.hstack([x[0] ** 2, x[1]]),
        lambda x: np.array([x[0] ** 2, x[1]]) + 0.0,
    ):
        np.testing.assert_array_equal(adjoint.jacobian(f)(X), [[3.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        y, y_dot = adjoint.jvp(f, (X,), (np.ones(3),))
        assert (y.dtype, y_dot.dtype) == (float, float)
        np.testing.assert_array_equal(y, [2.25, -0.5])
        np.testing.assert_array_equal(y_dot, [3.0, 1.0])


def test_an_object_array_with_two_axes_as_output():
    found = adjoint.jacobian(lambda x: np.array([[x[0], 1.0], [x[1] * x[2], x[2]]]))(X)
    assert found.shape == (2, 2, 3)
    np.testing.assert_array_equal(found[1, 0], [0.0, 2.0, -0.5])
    np.testing.assert_array_equal(found[0, 1], np.zeros(3))


def test_text():
    seen = []

    def f(x):
        seen.append((f"{x[0]:.2f}", f"{x[0]:>6.1f}|", str(x), f"{x.sum()}", "%s" % x[1], repr(x)))  # noqa: UP031
        return x.sum()

    adjoint.grad(f)(X)
    assert seen == [("1.50", "   1.5|", str(X), "3.0", "-0.5", "Tracer(z_1 = array([ 1.5, -0.5,  2. ]))")]


def test_attributes_of_an_array():
    def f(x):
        m = np.outer(x, x)
        assert m.shape == (3, 3)
        assert (m.ndim, m.size, len(m), m.dtype, m.itemsize, m.nbytes) == (2, 9, 3, np.float64, 8, 72)
        assert np.shape(m) == (3, 3)
        assert np.ndim(m[0]) == 1
        assert np.size(m) == 9
        assert [row.shape for row in m] == [(3,)] * 3
        assert x.T is x or (x == x.T).all()
        return m.sum()

    np.testing.assert_array_equal(adjoint.grad(f)(X), np.full(3, 2 * X.sum()))


def test_unsized_values_behave_as_numpy_scalars():
    def f(x):
        with pytest.raises(TypeError, match=r"len\(\) of unsized object"):
            len(x[0])
        with pytest.raises(TypeError, match="iteration over a 0-d array"):
            list(x[0])
        with pytest.raises(TypeError, match="unhashable"):
            {x[0]: 1}
        return x[0]

    adjoint.grad(f)(X)


def test_truth_of_several_values_is_ambiguous():
    with pytest.raises(ValueError, match="truth value of an array with more than one element is ambiguous"):
        adjoint.grad(lambda x: x[0] if x > 0 else x[1])(X)


def test_index_errors_are_numpys():
    with pytest.raises(IndexError, match="index 3 is out of bounds"):
        adjoint.grad(lambda x: x[3])(X)
    with pytest.raises(IndexError, match="too many indices"):
        adjoint.grad(lambda x: x[0, 0])(X)


def test_shape_errors_are_numpys():
    with pytest.raises(ValueError, match="could not be broadcast together"):
        adjoint.grad(lambda x: (x + np.ones(4)).sum())(X)
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        adjoint.grad(lambda x: (x @ np.ones(4)).sum())(X)


def test_pytrees_of_scalars_and_arrays():
    def f(state):
        (position, velocity), options = state["particle"], state["options"]
        return (position * velocity).sum() * options["mass"]

    state = {"particle": (np.array([1.0, 2.0]), np.array([3.0, 4.0])), "options": {"mass": 0.5}}
    found = adjoint.grad(f)(state)
    np.testing.assert_array_equal(found["particle"][0], [1.5, 2.0])
    np.testing.assert_array_equal(found["particle"][1], [0.5, 1.0])
    assert found["options"] == {"mass": 11.0}


def test_a_linear_solve_is_an_implicit_constraint():
    """x = A(t)⁻¹ b(t): the derivative against the closed form of a 2 × 2 system, and against differences."""

    def f(t):
        A = np.array([[2.0 + t[0], t[1]], [t[1] ** 2, 3.0]])
        return np.linalg.solve(A, np.stack([t[0], 1.0]))

    t, h = np.array([0.7, 0.4]), 1e-6
    slopes = np.stack([(f(t + h * e) - f(t - h * e)) / (2 * h) for e in np.eye(2)], axis=1)
    np.testing.assert_allclose(adjoint.jacobian(f, mode="forward")(t), slopes, rtol=1e-8)
    np.testing.assert_allclose(adjoint.jacobian(f, mode="reverse")(t), slopes, rtol=1e-8)
    system = adjoint.trace(f, t).compile()
    assert any(system.diagonal_of(k) is not None for k in range(len(system)))
    weights = np.array([1.0, -2.0])
    for solver in ("back_substitution", "dense"):
        lam = system.solve(weights, solver=solver)
        np.testing.assert_allclose(lam["t"], weights @ slopes, rtol=1e-8)
        assert lam.certificate() < 1e-14


def test_second_derivatives_through_a_linear_solve():
    f = lambda t: np.linalg.solve(np.stack([2.0, t, t, 3.0]).reshape(2, 2), np.array([1.0, 2.0]))[
        0
    ]  # (3 − 2t)/(6 − t²)
    t = 0.3
    u, v = 3 - 2 * t, 6 - t * t
    first = (-2 * v + 2 * t * u) / v**2
    second = (2 * u * v + 4 * t * (-2 * v + 2 * t * u)) / v**3  # (N/v²)' = (N' v − 2 N v')/v³, N' = 2u, v' = −2t
    assert adjoint.grad(f)(t) == pytest.approx(first, rel=1e-13)
    assert adjoint.grad(adjoint.grad(f))(t) == pytest.approx(second, rel=1e-12)
