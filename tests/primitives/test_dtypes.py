"""Law 4: float32 stays float32, in values as NumPy promotes them and in derivatives as the arguments have it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, flat, leaves
from tests.primitives.test_values import assert_same_output

every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)


@every_case
def test_float32_values_and_tangents_are_as_numpys(case: Case) -> None:
    f, x = case.point(dtype=np.float32)
    v = tuple(np.asarray(d, np.float32) for d in directions(x, 10))
    y, y_dot = adjoint.jvp(f, x, v)
    assert_same_output(y, f(*x), tolerance=2e-6)
    for value, tangent in zip(leaves(y), leaves(y_dot), strict=True):
        if value.dtype.kind == "f":
            assert tangent.dtype == value.dtype


@every_case
def test_float32_gradient_and_curvature(case: Case) -> None:
    f, x = case.point(dtype=np.float32)
    weights = directions([np.asarray(y) for y in leaves(f(*x))], 9)

    def scalar(*arguments: Any) -> Any:
        outputs = leaves(f(*arguments))
        return sum(np.sum(w.astype(np.float32) * y) for w, y in zip(weights, outputs, strict=True))

    gradient = adjoint.grad(scalar, range(len(x)))(*x)
    assert [np.asarray(g).dtype for g in gradient] == [np.float32] * len(x)
    double = adjoint.grad(scalar, range(len(x)))(*(np.asarray(a, np.float64) for a in x))
    scale = max(1.0, float(np.max(np.abs(flat(double)), initial=0.0)))
    np.testing.assert_allclose(flat(gradient), flat(double), rtol=1e-4, atol=1e-5 * scale)
    v = tuple(np.asarray(d, np.float32) for d in directions(x, 10))
    assert [np.asarray(h).dtype for h in adjoint.hvp(scalar, x, v)] == [np.float32] * len(x)


def test_a_double_constant_promotes_the_value_but_not_the_gradient() -> None:
    x = np.array([1.0, 2.0], np.float32)
    weights = np.array([0.5, -1.5])
    value, gradient = adjoint.value_and_grad(lambda x: np.sum(weights * np.sin(x)))(x)
    assert value.dtype == np.float64
    assert gradient.dtype == np.float32
    np.testing.assert_allclose(gradient, weights * np.cos(x), rtol=1e-6)


def test_arguments_of_two_precisions_keep_their_own() -> None:
    x, y = np.array([1.0, 2.0], np.float32), np.array([3.0, 4.0])
    first, second = adjoint.grad(lambda x, y: np.sum(x * x * y), (0, 1))(x, y)
    assert (first.dtype, second.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(first, [6.0, 16.0])
    np.testing.assert_allclose(second, [1.0, 4.0])


def test_python_numbers_are_weak() -> None:
    x = np.array([1.0, 2.0], np.float32)
    value, gradient = adjoint.value_and_grad(lambda x: np.sum(2 * x**3 + 0.5 / x - 1.0) * 2)(x)
    assert value.dtype == np.float32
    assert gradient.dtype == np.float32
