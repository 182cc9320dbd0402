"""The rules of the activations: values that are stable far from zero, and slopes.

Partials read the result where that is enough, so that the argument of the activation need not be kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy

from adjoint.nn.functional._operations import as_array, refuse
from adjoint.tracing import Primitive, Tracer, bind
from adjoint.tracing.primitive import Partial, elementwise_rule, reads_of

Function = Callable[..., Any]

# --- how an activation is recorded --------------------------------------------------------------------


def _entrywise(name: str, function: Function, *partials: Partial) -> Function:
    """One elementwise constraint from a function of plain arrays and its partials ``(y, *xs)``."""

    def call(*operands: Any) -> Any:
        for x in operands:
            if type(x) is Tracer:
                return bind(primitive, operands)
        return function(*operands)

    primitive = Primitive(
        name, call, elementwise_rule(name, partials), partials=partials, elementwise=True, reads=reads_of(partials)
    )
    call.primitive = primitive  # type: ignore[attr-defined]  # as the handlers of the rule table have it
    return call


def real(name: str, x: Any) -> Any:
    x = as_array(x)
    if x.dtype.kind == "c":
        refuse(name, f"x must be real, got {x.dtype}")
    return x


def _is_positive(y: Any) -> Any:
    """1 where ``y > 0`` else 0, in the dtype of ``y``: a product with it takes no conversion."""
    return (y > 0).astype(y.dtype)


def _where_positive(y: Any, below: Any) -> Any:
    """1 where ``y > 0``, else ``below``."""
    return np.where(y > 0, y.dtype.type(1), below)


def _where_negative(x: Any, below: Any) -> Any:
    """0 where ``x > 0``, else ``below``."""
    return np.where(x > 0, x.dtype.type(0), below)


# --- values and slopes ----------------------------------------------------------------------------------


def _leaky(x: Any, slope: Any) -> Any:
    return np.where(x > 0, x, x * slope)


def _elu_value(x: Any, alpha: Any) -> Any:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _sigmoid_value(x: Any) -> Any:
    """``1 / (1 + exp(−x))`` without overflow: where that bound matters, the result is below ``1e-37`` anyway."""
    y = np.negative(x)
    y = np.minimum(y, _largest_exponent(y.dtype), out=y if y.ndim else None)
    if not y.ndim:
        return 1 / (1 + np.exp(y))
    np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


_exponents: dict[Any, float] = {}


def _largest_exponent(dtype: Any) -> float:
    """The largest integer for which ``exp`` does not overflow, nor one over it underflow."""
    found = _exponents.get(dtype)
    if found is None:
        found = _exponents[dtype] = math.floor(math.log(float(np.finfo(dtype).max))) - 1.0
    return found


def _softplus_value(x: Any) -> Any:
    y = np.log1p(np.exp(-np.abs(x)))
    y += np.maximum(x, 0)
    return y


def _silu_slope(y: Any, x: Any) -> Any:
    s = sigmoid(x)
    return s + x * s * (1 - s)


def _normal_distribution(x: Any) -> Any:
    return 0.5 * scipy.special.erfc(x * -math.sqrt(0.5))


def _gelu_value(x: Any) -> Any:
    return x * _normal_distribution(x)


def _gelu_slope(y: Any, x: Any) -> Any:
    return _normal_distribution(x) + x * (np.exp(-0.5 * x * x) * (1 / math.sqrt(2 * math.pi)))


CUBIC, WIDTH = 0.044715, math.sqrt(2 / math.pi)


def _gelu_by_tanh_value(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(WIDTH * x * (1 + CUBIC * x * x)))


def _gelu_by_tanh_slope(y: Any, x: Any) -> Any:
    square = x * x
    t = np.tanh(WIDTH * x * (1 + CUBIC * square))
    return 0.5 * (1 + t) + (0.5 * WIDTH) * x * ((1 - t * t) * (1 + 3 * CUBIC * square))


relu = _entrywise("relu", lambda x: np.maximum(x, 0), lambda y, x: _is_positive(y))
leaky_by_result = _entrywise(
    "leaky_relu", _leaky, lambda y, x, slope: _where_positive(y, slope), lambda y, x, slope: _where_negative(x, x)
)
leaky_by_argument = _entrywise(
    "leaky_relu", _leaky, lambda y, x, slope: _where_positive(x, slope), lambda y, x, slope: _where_negative(x, x)
)
elu_by_result = _entrywise(
    "elu",
    _elu_value,
    lambda y, x, alpha: _where_positive(y, y + alpha),
    lambda y, x, alpha: np.expm1(np.minimum(x, 0)),
)
elu_by_argument = _entrywise(
    "elu",
    _elu_value,
    lambda y, x, alpha: _where_positive(x, y + alpha),
    lambda y, x, alpha: np.expm1(np.minimum(x, 0)),
)
gelu = _entrywise("gelu", _gelu_value, _gelu_slope)
gelu_by_tanh = _entrywise("gelu", _gelu_by_tanh_value, _gelu_by_tanh_slope)
silu = _entrywise("silu", lambda x: x * _sigmoid_value(x), _silu_slope)
sigmoid = _entrywise("sigmoid", _sigmoid_value, lambda y, x: y * (1 - y))
softplus = _entrywise("softplus", _softplus_value, lambda y, x: -np.expm1(-y))
