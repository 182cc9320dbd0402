"""What cannot be in the catalogue of these functions: errors and warnings as NumPy's, and special points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import UnsupportedArgumentError

X, SQUARE = np.array([1.0, 3.0, 2.0, 5.0]), np.arange(4.0).reshape(2, 2)
REFUSED: dict[str, Callable[[Any], Any]] = {
    "diff of negative order": lambda x: np.diff(x, -1),
    "diff along a missing axis": lambda x: np.diff(x, axis=1),
    "diff of a scalar": lambda x: np.diff(x[0]),
    "ediff1d with complex ends": lambda x: np.ediff1d(x, to_end=1j),
    "gradient with too many spacings": lambda x: np.gradient(x, 1.0, 2.0),
    "gradient of third order": lambda x: np.gradient(x, edge_order=3),
    "gradient of too little": lambda x: np.gradient(x[:2], edge_order=2),
    "gradient at a matrix of coordinates": lambda x: np.gradient(x, np.ones((2, 2))),
    "gradient at too few coordinates": lambda x: np.gradient(x, np.arange(3.0)),
    "cross of four": lambda x: np.cross(x, x),
    "cross of scalars": lambda x: np.cross(x[0], x[1]),
    "interp between unequal": lambda x: np.interp(x, np.arange(3.0), np.arange(2.0)),
    "interp in a matrix": lambda x: np.interp(x, SQUARE, SQUARE),
    "interp of period zero": lambda x: np.interp(x, np.arange(3.0), np.arange(3.0), period=0),
    "convolve matrices": lambda x: np.convolve(x.reshape(2, 2), SQUARE),
    "convolve nothing": lambda x: np.convolve(x, np.zeros(0)),
    "convolve in a mode of its own": lambda x: np.convolve(x, x, "most"),
    "correlate with a scalar": lambda x: np.correlate(x, 2.0),
    "vander of a matrix": lambda x: np.vander(x.reshape(2, 2)),
    "poly of a rectangle": lambda x: np.poly(x.reshape(1, 4)),
    "roots of a matrix": lambda x: np.roots(x.reshape(2, 2)),
    "polyder of negative order": lambda x: np.polyder(x, -1),
    "polyint of negative order": lambda x: np.polyint(x, -1),
    "polyint with too few constants": lambda x: np.polyint(x, 3, [1.0, 2.0]),
    "polyfit of negative degree": lambda x: np.polyfit(x, x, -1),
    "polyfit of unequal lengths": lambda x: np.polyfit(x, x[:3], 1),
    "polyfit with a matrix of weights": lambda x: np.polyfit(x, x, 1, w=SQUARE),
    "polyfit with too little for a covariance": lambda x: np.polyfit(x[:2], x[:2], 1, cov=True)[1],
}


def error_of(f: Callable[[], Any]) -> type[BaseException] | None:
    try:
        f()
    except Exception as error:
        return type(error)
    return None


@pytest.mark.parametrize("name", REFUSED)
def test_bad_input_is_refused_as_numpy_refuses_it(name: str) -> None:
    expected = error_of(lambda: REFUSED[name](X))
    assert expected is not None
    found = error_of(lambda: adjoint.trace(REFUSED[name], X))
    assert found is not None
    assert issubclass(found, expected)


def test_a_poly1d_with_traced_coefficients_does_not_exist() -> None:
    for f in (np.polyadd, np.polysub, np.polymul):
        with pytest.raises(UnsupportedArgumentError, match="poly1d of traced coefficients"):
            adjoint.trace(lambda p, f=f: f(p, np.poly1d([1.0, 2.0])), X)
    with pytest.raises(UnsupportedArgumentError, match="polyval of traced coefficients at a poly1d"):
        adjoint.trace(lambda p: np.polyval(p, np.poly1d([1.0, 2.0])), X)


def test_vectors_in_the_plane_warn_as_in_numpy() -> None:
    with pytest.warns(DeprecationWarning, match="Arrays of 2-dimensional vectors are deprecated"):
        adjoint.trace(np.cross, X[:2], X[2:])


def test_a_poor_fit_warns_as_in_numpy() -> None:
    with pytest.warns(np.exceptions.RankWarning, match="poorly conditioned"):
        adjoint.trace(lambda y: np.polyfit(np.ones(4), y, 1), X)


def test_sinc_at_zero_has_all_derivatives() -> None:
    """``sinc(x) = 1 - (π x)²/6 + (π x)⁴/120 - …``."""
    derivatives: list[Callable[[Any], Any]] = [np.sinc]
    for _ in range(4):
        derivatives.append(adjoint.grad(derivatives[-1]))
    values = [float(f(0.0)) for f in derivatives]
    np.testing.assert_allclose(values, [1, 0, -(np.pi**2) / 3, 0, np.pi**4 / 5], atol=1e-14)
    assert adjoint.grad(np.sinc)(1e-9) == pytest.approx(-(np.pi**2) / 3 * 1e-9, rel=1e-12)


def test_interpolation_at_a_node_takes_the_slope_on_its_right() -> None:
    slope = adjoint.grad(lambda x: np.interp(x, [0.0, 1.0, 2.0], [0.0, 1.0, 5.0]))
    assert [slope(x) for x in (-1.0, 0.0, 1.0, 2.0, 3.0)] == [0.0, 1.0, 4.0, 4.0, 0.0]


def test_double_roots_have_no_derivative() -> None:
    """Of ``(x - 1)²``: the slope is a division by zero, which is said."""
    with pytest.warns(adjoint.errors.NonFiniteDerivativeWarning):
        jacobian = adjoint.jacobian(np.roots)(np.array([1.0, -2.0, 1.0]))
    assert not np.isfinite(jacobian).all()


def test_roots_are_followed_through_a_double_root_only_from_outside() -> None:
    """``x² - s`` has the roots ``±√s``; their squares are ``s``."""
    squares = lambda s: np.sum(np.roots(np.stack([1.0, 0.0, -s])) ** 2).real
    for s in (2.0, -3.0):
        assert adjoint.grad(squares)(s) == pytest.approx(2.0)
        assert adjoint.grad(adjoint.grad(squares))(s) == pytest.approx(0.0, abs=1e-12)


def test_polynomials_of_numpy_polynomial_take_traced_points() -> None:
    """They are plain Python on NumPy's operators."""
    c = np.array([1.0, -0.5, 0.25, 2.0])
    x = np.array([0.3, -0.7])
    for module in ("chebyshev.chebval", "legendre.legval", "hermite.hermval", "laguerre.lagval", "polynomial.polyval"):
        family, name = module.split(".")
        f = getattr(getattr(np.polynomial, family), name)
        expected = (f(x + 1e-6, c) - f(x - 1e-6, c)) / 2e-6
        np.testing.assert_allclose(adjoint.grad(lambda x, f=f: np.sum(f(x, c)))(x), expected, rtol=1e-8)
