"""The remedy that fits the user's line stands first; errors of other libraries get a note that names the reason."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
import scipy.sparse
import scipy.special

import adjoint
from adjoint.errors import ArgumentError, LostDerivativeError, NotDifferentiableError

X = np.array([1.0, 2.0, 3.0])


def refused(f, error=LostDerivativeError):
    with pytest.raises(error) as caught:
        adjoint.grad(f)(X)
    return caught.value


def dot_of_a_plain_array(x):
    return np.eye(3).dot(x).sum()


def array_of_rows(x):
    return np.array([x, x]).sum()


def array_of_complex_scalars(x):
    return np.array([1j * x[0], x[1]]).sum()


def random_numbers(x):
    rng = np.random.default_rng(0)
    return rng.normal(x).sum()


def numpys_assertion(x):
    np.testing.assert_allclose(x, X)
    return x.sum()


def scipys_function(x):
    return scipy.special.logsumexp(x)


def percent_format(x):
    return len("%.3f" % x[0]) * x[1]  # noqa: UP031  # what is tested


def into_an_entry(x):
    y = np.zeros(3)
    y[0] = x[0]
    return y.sum()


@pytest.mark.parametrize(
    "f, remedy",
    [
        (dot_of_a_plain_array, "A @ x, or np.dot(A, x)"),
        (array_of_rows, "np.array(…, like=x)"),
        (array_of_complex_scalars, "np.array(…, like=x)"),
        (random_numbers, "rng.normal(size=…)"),
        (numpys_assertion, "np.allclose"),
        (scipys_function, "Use adjoint.scipy.special.logsumexp"),
        (percent_format, 'f"{x:.3f}"'),
        (into_an_entry, "by np.zeros_like(x)."),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_fits_the_line_comes_first(f, remedy):
    lines = str(refused(f)).split("\n")
    assert f.__name__ in lines[0]
    assert remedy in lines[1]


@functools.cache
def remembered(x):
    return x


@pytest.mark.parametrize(
    "f, note",
    [
        (lambda x: np.exp(np.array([x[0], 1.0])).sum(), "np.stack(list)"),
        (lambda x: x[0] * np.isfinite(np.array([x[0], x[1]])).all(), "np.stack(list)"),
        (lambda x: np.linalg.solve(np.array([[x[0], 1.0], [0.0, x[1]]]), X[:2]).sum(), "like=x"),
        (lambda x: scipy.sparse.csr_array((x, ([0, 1, 2], [0, 1, 2]))).sum(), "adjoint.scipy.sparse"),
        (lambda x: remembered(x[0]), "float(adjoint.stop_gradient(x))"),
    ],
)
def test_errors_of_libraries_get_a_note(f, note):
    error = refused(f, (TypeError, ValueError))
    assert note in "\n".join(error.__notes__)


def test_remedies_work():
    phases = adjoint.grad(lambda x: np.abs(np.array([[1j * x[0], x[1]], [0, x[2]]], like=x)).sum())
    np.testing.assert_allclose(phases(X), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(adjoint.jacobian(lambda x: np.full((2,), x[1], like=x))(X), [[0, 1, 0], [0, 1, 0]])


def test_an_array_of_objects_takes_results():
    def f(x):
        v = np.array([x[0], x[1], x[2]])
        v /= np.sqrt(v @ v)
        v[0] += v[1] * x[2]
        return v[0]

    expected = [(f(X + 1e-6 * e) - f(X - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(adjoint.grad(f)(X), expected, rtol=1e-7)


def test_an_array_of_objects_that_holds_numbers_by_now():
    gradient = adjoint.grad(lambda x: np.sum(np.sign(np.array([x[0], -x[1]])) * x[2]) + np.sum(np.sign(x) * x))
    np.testing.assert_array_equal(gradient(X), [1.0, 1.0, 1.0])


def test_custom_rule_without_its_second_call():
    with pytest.raises(ArgumentError, match=r"gives a decorator.*ndarray.*custom_rule\(partial\)\(function\)"):
        adjoint.custom_rule(lambda y, x: 2 * x)(X)


def test_functions_without_a_rule_take_discrete_values():
    """There is nothing to lose: integers, masks, and what stop_gradient marks."""

    def saved(x, y):
        np.save(io.BytesIO(), y)
        return x.sum()

    for discrete in (adjoint.stop_gradient, np.argsort, lambda x: x > 1):
        np.testing.assert_array_equal(adjoint.grad(lambda x, g=discrete: saved(x, g(x)))(X), np.ones(3))
    with pytest.raises(NotDifferentiableError, match="it writes a file"):
        adjoint.grad(lambda x: saved(x, x))(X)
