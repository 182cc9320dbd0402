"""Systems with real and complex nodes: sweeps take them, but they have no matrix of complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.testing import check_gradient, check_solver
from tests.primitives import references

X = np.array([0.4, -1.2, 0.7])
COUPLING = np.array([[1.0, 0.5j, -0.3], [0.2 - 1j, 0.4, 1j]])
TARGET = np.array([0.3 + 0.1j, -0.5j])


def power(x: Any) -> Any:
    """Complex amplitudes of real phases, and their real powers."""
    amplitude = COUPLING @ np.exp(1j * x)
    return (amplitude * np.conj(amplitude)).real


def turned(x: Any) -> Any:
    """Complex, real and complex again on the way."""
    z = np.sqrt(x + 2j)
    distance = np.abs(COUPLING @ z - TARGET)
    return np.imag(np.exp(1j * distance) * np.conj(z[:2])) + np.angle(z[1:])


def damped(x: Any) -> Any:
    """A real scalar by way of a complex linear solve."""
    matrix = np.eye(3) + 1j * np.outer(x, x)
    return np.sum(np.abs(np.linalg.solve(matrix, x - 1j)) ** 2) * np.sum(x)


PROGRAMS = [power, turned, damped]
every_program = pytest.mark.parametrize("f", PROGRAMS, ids=lambda f: f.__name__)


@every_program
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_real_functions_by_way_of_complex_numbers(f: Callable[[Any], Any], mode: str) -> None:
    found = adjoint.jacobian(f, mode=mode)(X)
    assert found.dtype == np.float64
    assert_allclose(np.atleast_2d(found), references.jacobian(f, [X]), rtol=1e-9, atol=1e-9)


@every_program
def test_their_second_derivatives(f: Callable[[Any], Any]) -> None:
    scalar = lambda x: np.sum(np.tanh(f(x)))
    gradient = adjoint.grad(scalar)
    expected = references.jacobian(gradient, [X])
    assert_allclose(adjoint.hessian(scalar)(X), expected, rtol=1e-7, atol=1e-8)
    assert_allclose(adjoint.jacobian(gradient, mode="reverse")(X), expected, rtol=1e-7, atol=1e-8)
    (product,) = adjoint.hvp(scalar, (X,), (X,))
    assert product.dtype == np.float64
    assert_allclose(product, expected @ X, rtol=1e-7, atol=1e-8)


@every_program
def test_multipliers_have_the_kind_of_their_node(f: Callable[[Any], Any]) -> None:
    system = adjoint.trace(f, X).compile()
    seed = np.ones(np.shape(f(X)))
    multipliers, tangents = system.solve(seed), system.solve_tangent(X)
    kinds = {value.dtype.kind for value in system.values}
    assert kinds >= {"f", "c"}
    for k, value in enumerate(system.values, start=1):
        if system.is_active(k - 1):
            assert multipliers[k].dtype == tangents[k].dtype == value.dtype


LINE = power.__code__.co_firstlineno + 3


@pytest.mark.parametrize("solver", ["dense", "sparse_triangular"])
def test_a_refusal_names_the_node_the_line_and_the_remedy(solver: str) -> None:
    message = r"linear over the real numbers only.*'back_substitution', or split real and imaginary parts"
    system = adjoint.trace(power, X).compile()
    calls: list[Callable[[], Any]] = [
        lambda: adjoint.jacobian(power, mode="forward", solver=solver)(X),
        lambda: adjoint.jacobian(power, mode="reverse", solver=solver)(X),
        lambda: adjoint.grad(lambda x: np.sum(power(x)), solver=solver)(X),
        lambda: system.solve(np.ones(2), solver=solver),
        lambda: system.solve_tangent(X, solver=solver),
        lambda: system.matrix(),
    ]
    for call in calls:
        with pytest.raises(NotAcceptedError, match=message) as caught:
            call()
        (note,) = caught.value.__notes__
        assert "conjugate(…)" in note
        assert f"test_real_linear.py:{LINE}" in note


def spectrum(x: Any, w: Any) -> Any:
    """Real arguments and a complex one; complex-linear all the way."""
    return np.exp(1j * x) * (w @ np.sin(x)) + w[:, 0] ** 2


@pytest.mark.parametrize("solver", ["dense", "sparse_triangular"])
def test_complex_linear_systems_with_real_arguments_are_accepted(solver: str) -> None:
    w = np.array([[1.0, 2j, 0.5], [0.1, 1 - 1j, 0.0], [1j, 1.0, 3.0]])
    rng = np.random.default_rng(0)
    seed = rng.standard_normal(3) + 1j * rng.standard_normal(3)
    x_dot, w_dot = rng.standard_normal(3), rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    x_bar, w_bar = adjoint.vjp(spectrum, X, w, solver=solver)[1](seed)
    y_dot = adjoint.jvp(spectrum, (X, w), (x_dot, w_dot), solver=solver)[1]
    assert (x_bar.dtype, w_bar.dtype) == (np.float64, np.complex128)
    h = 1e-6
    moved = [spectrum(X + t * x_dot, w + t * w_dot) for t in (h, -h)]
    assert_allclose(y_dot, (moved[0] - moved[1]) / (2 * h), rtol=1e-8)
    duality = np.sum(x_bar * x_dot) + np.vdot(w_bar, w_dot).real
    assert_allclose(np.vdot(seed, y_dot).real, duality, rtol=1e-13)
    second = adjoint.jvp(lambda x: adjoint.jvp(spectrum, (x, w), (x_dot, w_dot), solver=solver)[1], (X,), (x_dot,))[1]
    assert_allclose(second, adjoint.jvp(lambda x: adjoint.jvp(spectrum, (x, w), (x_dot, w_dot))[1], (X,), (x_dot,))[1])


def test_the_public_checks_go_in_complex_directions() -> None:
    z = X + 0.5j * X[::-1]
    energy = lambda z: np.sum(np.abs(z) ** 3 * z.real)
    assert check_gradient(energy, z) == pytest.approx(2, abs=0.1)
    along_reals = adjoint.custom_rule(lambda y, z: (lambda v: z.real * v.real, lambda w: z.real * w + 0j))
    blind = along_reals(lambda z: (z.real**2 + z.imag**2) / 2)  # right along the real axis only
    with pytest.raises(AssertionError, match="order"):
        check_gradient(lambda z: np.sum(blind(z)), z)
    system = adjoint.trace(lambda z: np.sin(COUPLING @ z) / z[0], z).compile()
    for solver in adjoint.solvers.available():
        assert check_solver(solver, system, batch=(2,)) < 1e-13
