"""NumPy's elementwise functions: one line each, a partial ``(y, *xs)`` per argument.

Where a function has a kink, the conventions are these: ties of ``maximum`` and ``minimum`` share the
derivative equally, ``abs'(0) = 0`` (``hypot`` at the origin alike), and piecewise constant functions have derivative
zero everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import Conjugate, Diagonal, RealPart, Zero
from adjoint.tracing import (
    UFUNC_METHODS,
    ZERO,
    NotDifferentiable,
    Tracer,
    bind,
    concrete,
    elementwise,
    guard,
    handles,
    refuse_options,
    zero,
)
from adjoint.tracing.primitive import RESULT

LOG2, LOG10, DEGREE = math.log(2), math.log(10), math.pi / 180


def in_precision(y: Any, x: Any) -> Any:
    """An operand in the precision of the result: ``1/x`` of a float32 would be too coarse for a double."""
    if not hasattr(x, "dtype") or x.dtype is y.dtype:
        return x
    dtype = y.dtype if x.dtype.kind == "c" or y.dtype.kind == "f" else np.finfo(y.dtype).dtype
    return x if x.dtype == dtype else x.astype(dtype)


def _reciprocal(y: Any, b: Any) -> Any:
    """``1/b`` as NumPy has it: a Python number would raise at zero."""
    if isinstance(b, (int, float, complex)):
        return np.true_divide(1.0, b) if b == 0 else 1 / b
    return 1 / in_precision(y, b)


def _power_base(y: Any, a: Any, b: Any) -> Any:
    if isinstance(b, (int, float, complex)):  # the everyday case: x ** 2
        return 0 if b == 0 else 2 * a if b == 2 else b * a ** (b - 1)
    return np.where(b == 0, 0.0, b * a ** np.where(b == 0, 1.0, b - 1))


def _power_exponent(y: Any, a: Any, b: Any) -> Any:
    # at a = 0 the exponent does not matter (0 ** b is 0 around any b > 0)
    a = y.dtype.type(a) if isinstance(a, (int, float, complex)) else in_precision(y, a)  # a Python number is weak
    base = np.where(a == 0, 1.0, a)
    return y * np.log(base + 0j if y.dtype.kind == "c" else base)  # (-2) ** b of a complex b has a logarithm


def _share(y: Any, a: Any, b: Any) -> Any:
    """1 where ``a`` wins over ``b`` by being larger, one half at a tie."""
    return np.where(a == b, y.dtype.type(0.5), a > b)


def _absolute(y: Any, x: Any) -> Any:
    return RealPart(np.sign(x), x.shape) if x.dtype.kind == "c" else np.sign(x)


def _sign(y: Any, x: Any) -> Any:
    """Of a complex ``x`` the part of ``v`` across ``x``: ``(v - y Re(conj(y) v)) / |x|``."""
    if x.dtype.kind != "c":
        return Zero(x.shape, y.shape)
    scale = 1 / _nonzero(np.abs(x))
    return Diagonal(scale, x.shape, y.shape) + Diagonal(-y * scale, x.shape, y.shape) @ RealPart(y, x.shape)


def _softmax(y: Any, a: Any, b: Any, exp: Any) -> Any:
    """``exp(a) / (exp(a) + exp(b))``, where ``y`` is the logarithm of the denominator."""
    return np.where(np.isinf(y), _share(y, a, b), exp(a - y))


def _nonzero(norm: Any) -> Any:
    """A divisor for what is zero where the norm is: the quotient is 0 there, and so is its derivative."""
    return np.where(norm == 0, math.inf, norm)


def _over_square(a: Any, b: Any) -> Any:
    """``a / (a² + b²)`` without squares, which would overflow (integers even in their own dtype) or vanish."""
    norm = np.hypot(a, b)
    return a / norm / norm


# arithmetic
elementwise(np.add, lambda y, a, b: 1, lambda y, a, b: 1)
elementwise(np.subtract, lambda y, a, b: 1, lambda y, a, b: -1)
elementwise(np.multiply, lambda y, a, b: b, lambda y, a, b: a)
elementwise(
    np.true_divide,
    lambda y, a, b: _reciprocal(y, b),
    lambda y, a, b: -y / b,
    reads=(frozenset({1}), frozenset({RESULT, 1})),  # of y the first one reads the dtype only
)
elementwise(np.negative, lambda y, x: -1)
elementwise(np.positive, lambda y, x: 1)
elementwise(np.power, _power_base, _power_exponent)
elementwise(np.float_power, _power_base, _power_exponent)
elementwise(np.square, lambda y, x: 2 * x)
elementwise(np.reciprocal, lambda y, x: -y * y)
elementwise(np.remainder, lambda y, a, b: 1, lambda y, a, b: -np.floor_divide(a, b))
elementwise(np.fmod, lambda y, a, b: 1, lambda y, a, b: -np.rint((a - y) / b))
elementwise(np.sqrt, lambda y, x: 0.5 / y)
elementwise(np.cbrt, lambda y, x: 1 / (3 * y * y))
elementwise(np.hypot, lambda y, a, b: a / _nonzero(y), lambda y, a, b: b / _nonzero(y))

# exponentials and logarithms
elementwise(np.exp, lambda y, x: y)
elementwise(np.exp2, lambda y, x: y * LOG2)
elementwise(np.expm1, lambda y, x: y + 1)
elementwise(np.log, lambda y, x: 1 / x)
elementwise(np.log2, lambda y, x: 1 / (x * LOG2))
elementwise(np.log10, lambda y, x: 1 / (x * LOG10))
elementwise(np.log1p, lambda y, x: 1 / (1 + x))
elementwise(np.logaddexp, lambda y, a, b: _softmax(y, a, b, np.exp), lambda y, a, b: _softmax(y, b, a, np.exp))
elementwise(np.logaddexp2, lambda y, a, b: _softmax(y, a, b, np.exp2), lambda y, a, b: _softmax(y, b, a, np.exp2))

# trigonometric and hyperbolic functions
elementwise(np.sin, lambda y, x: np.cos(x))
elementwise(np.cos, lambda y, x: -np.sin(x))
elementwise(np.tan, lambda y, x: 1 + y * y)
elementwise(np.arcsin, lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)))
elementwise(np.arccos, lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)))
elementwise(np.arctan, lambda y, x: 1 / (1 + x * x))
elementwise(np.arctan2, lambda y, a, b: _over_square(b, a), lambda y, a, b: -_over_square(a, b))
elementwise(np.sinh, lambda y, x: np.cosh(x))
elementwise(np.cosh, lambda y, x: np.sinh(x))
elementwise(np.tanh, lambda y, x: 1 - y * y)
elementwise(np.arcsinh, lambda y, x: 1 / np.sqrt(x * x + 1))
elementwise(np.arccosh, lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)))
elementwise(np.arctanh, lambda y, x: 1 / ((1 - x) * (1 + x)))
elementwise(np.deg2rad, lambda y, x: DEGREE)
elementwise(np.radians, lambda y, x: DEGREE)
elementwise(np.rad2deg, lambda y, x: 1 / DEGREE)
elementwise(np.degrees, lambda y, x: 1 / DEGREE)

# kinks
elementwise(np.absolute, _absolute)
elementwise(np.fabs, lambda y, x: np.sign(x))
elementwise(np.maximum, lambda y, a, b: _share(y, a, b), lambda y, a, b: _share(y, b, a))
elementwise(np.minimum, lambda y, a, b: _share(y, b, a), lambda y, a, b: _share(y, a, b))
elementwise(  # fmax and fmin prefer numbers over NaN
    np.fmax,
    lambda y, a, b: np.where(np.isnan(b), 1.0, _share(y, a, b)),
    lambda y, a, b: np.where(np.isnan(a), 1.0, _share(y, b, a)),
)
elementwise(
    np.fmin,
    lambda y, a, b: np.where(np.isnan(b), 1.0, _share(y, b, a)),
    lambda y, a, b: np.where(np.isnan(a), 1.0, _share(y, a, b)),
)
elementwise(np.copysign, lambda y, a, b: np.sign(a) * np.copysign(y.dtype.type(1), b), ZERO)
elementwise(np.heaviside, ZERO, lambda y, a, b: a == 0)
elementwise(np.ldexp, lambda y, a, n: np.ldexp(y.dtype.type(1), n), NotDifferentiable("the exponent is an integer"))
elementwise(np.nextafter, lambda y, a, b: 1, ZERO)


# complex numbers
elementwise(np.conjugate, lambda y, x: Conjugate(x.shape) if x.dtype.kind == "c" else 1)
elementwise(np.sign, _sign)


@handles(np.angle)
def _angle(z: Any, deg: bool = False) -> Any:
    radians = np.arctan2(np.imag(z), np.real(z))
    return radians / DEGREE if deg else radians


@handles(np.real_if_close)
def _real_if_close(a: Any, tol: float = 100) -> Any:
    if a.dtype.kind != "c":
        return a
    return np.real(a) if guard(a, lambda value: np.isrealobj(np.real_if_close(concrete(value), tol))) else a


_function: Any

# piecewise constant: floating-point results
for _function in (np.floor, np.ceil, np.trunc, np.rint, np.spacing):
    zero(_function)
zero(np.floor_divide, operands=2)

# integer-like results
for _function in (np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not, np.invert, np.bitwise_count):
    zero(_function, discrete=True)
for _function in (
    *(np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal),
    *(np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor),
    *(np.left_shift, np.right_shift, np.gcd, np.lcm),
):
    zero(_function, discrete=True, operands=2)


def _two_results(ufunc: np.ufunc, function: Any) -> None:
    """A ufunc with two results, as two recorded operations."""

    def handler(ufunc: np.ufunc, *inputs: Any, **options: Any) -> Any:
        refuse_options(ufunc.__name__, options)
        return function(*inputs)

    UFUNC_METHODS[ufunc, "__call__"] = handler


def _fraction(x: Any) -> Any:
    return np.modf(x)[0]


def _whole(x: Any) -> Any:
    return np.modf(x)[1]


def _mantissa_exponent(x: Tracer) -> Any:
    exponent = guard(x, lambda value: np.frexp(value)[1])
    return np.ldexp(x, -exponent), exponent


_two_results(np.divmod, lambda a, b: (np.floor_divide(a, b), np.remainder(a, b)))
_modf = elementwise(_fraction, lambda y, x: 1, name="modf"), elementwise(_whole, ZERO, name="modf")
_two_results(np.modf, lambda x: tuple(bind(part, (x,)) for part in _modf))
_two_results(np.frexp, _mantissa_exponent)
