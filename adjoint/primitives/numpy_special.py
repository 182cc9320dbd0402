"""NumPy's own special functions: ``sinc`` with all of its derivatives, and ``i0``."""

from __future__ import annotations

import math

import numpy as np
import scipy

from adjoint.blocks import Array, Diagonal
from adjoint.blocks.kernels import dispatched
from adjoint.tracing import structured

TERMS = 18
"""Of the power series; for ``|x| ≤ 1`` the next term is below 1e-20 times the largest."""


@dispatched
def sinc_derivative(x: Array, order: int) -> Array:
    """The derivative of ``sin(π x)/(π x)`` of the given order.

    Away from zero by Leibniz' rule for ``π x · sinc(x) = sin(π x)``: ``x s⁽ᵏ⁾ + k s⁽ᵏ⁻¹⁾ = πᵏ⁻¹ sin(π x + k π/2)``.
    Near zero that cancels, and the power series ``Σ (-1)ᵐ (π x)²ᵐ / (2m+1)!`` is differentiated term by term.
    """
    near = np.abs(x) < 1
    far = np.where(near, 1, x)
    value = np.sinc(far)
    for k in range(1, order + 1):
        wave = (np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t))[k % 4](math.pi * far)
        value = (math.pi ** (k - 1) * wave - k * value) / far
    x = np.where(near, x, 0)
    series = 0 * x
    for m in reversed(range((order + 1) // 2, (order + 1) // 2 + TERMS)):
        power = 2 * m - order
        weight = (-1) ** m * math.pi ** (2 * m) / ((2 * m + 1) * math.factorial(power))
        series = series + weight * x**power
    return np.where(near, series, value)


structured(np.sinc, lambda y, x: Diagonal(sinc_derivative(x, 1), x.shape, y.shape), reads=(frozenset({0}),))
structured(
    sinc_derivative,
    lambda y, x, order: Diagonal(sinc_derivative(x, order + 1), x.shape, y.shape),
    reads=(frozenset({0}),),
)
structured(np.i0, lambda y, x: Diagonal(scipy.special.i1(x), x.shape, y.shape), reads=(frozenset({0}),))
