"""Activations and softmax far from zero, in float32, and by name; the linear layer's shapes."""

from __future__ import annotations

import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import functional

FAR = np.array([-1e4, -200.0, -90.0, 90.0, 200.0, 1e4])
BELOW, ABOVE = FAR < 0, FAR > 0

TAILS: dict[Callable[[Any], Any], tuple[np.ndarray, np.ndarray]] = {
    functional.relu: (np.where(ABOVE, FAR, 0), ABOVE * 1.0),
    functional.leaky_relu: (np.where(ABOVE, FAR, 0.01 * FAR), np.where(ABOVE, 1, 0.01)),
    functional.elu: (np.where(ABOVE, FAR, -1), ABOVE * 1.0),
    functional.gelu: (np.where(ABOVE, FAR, 0), ABOVE * 1.0),
    functional.silu: (np.where(ABOVE, FAR, 0), ABOVE * 1.0),
    functional.sigmoid: (ABOVE * 1.0, np.zeros(6)),
    functional.tanh: (np.sign(FAR), np.zeros(6)),
    functional.softplus: (np.where(ABOVE, FAR, 0), ABOVE * 1.0),
}
every_activation = pytest.mark.parametrize("f", TAILS, ids=lambda f: f.__name__)


@every_activation
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_from_zero(f: Callable[[Any], Any], dtype: Any) -> None:
    """No warning, no NaN: values, slopes and curvatures are those of the asymptotes."""
    x = FAR.astype(dtype)
    value, slope = TAILS[f]
    assert f(x).dtype == dtype
    np.testing.assert_allclose(f(x), value, rtol=1e-6, atol=1e-30)
    found = adjoint.grad(lambda x: np.sum(f(x)))(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-30)
    (curvature,) = adjoint.hvp(lambda x: np.sum(f(x)), (x,), (np.ones_like(x),))
    np.testing.assert_allclose(curvature, 0, atol=1e-30)


@pytest.mark.parametrize("x", [-600.0, -40.0, -1.0, 0.0, 3.0, 35.0])
def test_small_values_are_relatively_exact(x: float) -> None:
    with decimal.localcontext() as context:
        context.prec = 400
        power = decimal.Decimal(x).exp()
        sigmoid, softplus = power / (1 + power), (1 + power).ln()
    assert functional.sigmoid(x) == pytest.approx(float(sigmoid), rel=1e-14)
    assert functional.softplus(x) == pytest.approx(float(softplus), rel=1e-14)
    assert adjoint.grad(functional.softplus)(x) == pytest.approx(float(sigmoid), rel=1e-14)


def test_gelu_keeps_its_tail() -> None:
    x = np.array([-30.0, -10.0, -3.0])
    np.testing.assert_allclose(functional.gelu(x), x * np.exp(scipy.special.log_ndtr(x)), rtol=1e-12)


@every_activation
def test_an_activation_is_one_elementwise_constraint(f: Callable[[Any], Any]) -> None:
    trace = adjoint.trace(f, np.array([[0.5, -0.5]]))
    assert len(trace) == 2
    assert trace.primitives[1].elementwise
    assert trace.compile().block(2, 1).kind == "diagonal"


def test_kinks_have_the_slope_of_the_left() -> None:
    zero = np.zeros(1)
    for f, slope in [(functional.relu, 0.0), (functional.leaky_relu, 0.01), (functional.elu, 1.0)]:
        assert adjoint.grad(lambda x, f=f: np.sum(f(x)))(zero)[0] == slope


def test_by_name() -> None:
    assert functional.activation(np.sin) is np.sin
    assert functional.activation("identity")(3) == 3
    with pytest.raises(ArgumentError, match=r"none named 'rleu'; did you mean 'relu'\? The known ones are elu, gelu"):
        functional.activation("rleu")
    with pytest.raises(ArgumentError, match=r"none named 'zzz'; The known ones"):
        functional.activation("zzz")
    with pytest.raises(ArgumentError, match="none named 3"):
        functional.activation(3)  # type: ignore[arg-type]  # on purpose


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="relu: x must be real, got complex128"):
        functional.relu(np.ones(2) * 1j)
    with pytest.raises(ArgumentError, match=r"leaky_relu: slope \(3,\) does not broadcast to x \(2,\)"):
        functional.leaky_relu(np.ones(2), np.ones(3))
    with pytest.raises(ArgumentError, match=r"elu: alpha \(3, 2\) does not broadcast to x \(2,\)"):
        functional.elu(np.ones(2), np.ones((3, 2)))
    with pytest.raises(ArgumentError, match=r"softmax: x \(2, 3\) has no axis 2"):
        functional.softmax(np.ones((2, 3)), 2)
    with pytest.raises(ArgumentError, match=r"log_softmax: x \(2, 0\) has no entries along its axis -1"):
        functional.log_softmax(np.ones((2, 0)))
    with pytest.raises(ArgumentError, match="softmax: x must be real"):
        functional.softmax(np.ones(2) * 1j)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_large_and_excluded_entries(dtype: Any) -> None:
    x = np.array([[1e4, 1e4 + 1, -np.inf], [-1e4, -1e4, -1e4]], dtype)
    e = 1 / (1 + np.e)
    np.testing.assert_allclose(functional.softmax(x), [[e, 1 - e, 0], [1 / 3] * 3], rtol=1e-3)
    np.testing.assert_allclose(functional.log_softmax(x)[0], [np.log(e), np.log(1 - e), -np.inf], rtol=1e-3)
    weights = np.array([1.0, 2.0, 3.0], dtype)
    for f in (functional.softmax, lambda x: np.where(np.isinf(x), 0, functional.log_softmax(x))):
        gradient = adjoint.grad(lambda x, f=f: np.sum(weights * f(x)))(x)
        assert gradient.dtype == dtype
        assert np.isfinite(gradient).all()
        assert gradient[0, 2] == 0


def test_linear_is_one_constraint() -> None:
    x, weight, bias = np.ones((2, 4, 3)), np.ones((3, 5)), np.ones(5)
    system = adjoint.trace(functional.linear, x, weight, bias).compile()
    assert len(system) == 4
    assert [system.block(4, k).nnz for k in (1, 2, 3)] == [120, 120, 40]


def test_linear_refuses_shapes_that_do_not_fit() -> None:
    x, weight = np.ones((2, 3)), np.ones((4, 5))
    with pytest.raises(ArgumentError, match=r"linear: x \(2, 3\) should have 4 entries .* \(4, 5\): .*test_act"):
        functional.linear(x, weight)
    with pytest.raises(ArgumentError, match=r"expected a weight \(inputs, outputs\), got the shape \(4,\)"):
        functional.linear(x, np.ones(4))
    with pytest.raises(ArgumentError, match=r"expected a bias \(5,\) for the weight \(4, 5\), got the shape \(4,\)"):
        functional.linear(np.ones(4), weight, np.ones(4))
    with pytest.raises(ArgumentError, match=r"linear: x \(\) should have 4 entries"):
        functional.linear(1.0, weight)
