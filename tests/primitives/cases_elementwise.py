"""Cases of the ufuncs: every one with every pattern of broadcasting, 0-d, empty, scalar and constant operands."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import (
    Case,
    Draw,
    Fixed,
    any_real,
    apart,
    case,
    constant,
    distinct,
    integers,
    others,
    positive,
    uniform,
)

SHAPES: tuple[tuple[int, ...], ...] = ((2, 3), (), (2, 0))

UNARY: dict[Any, Any] = {
    **dict.fromkeys((np.negative, np.positive, np.square, np.exp, np.exp2, np.expm1, np.sin, np.cos), any_real),
    **dict.fromkeys((np.arctan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.conjugate), any_real),
    **dict.fromkeys((np.deg2rad, np.radians, np.rad2deg, np.degrees), any_real),
    **dict.fromkeys((np.reciprocal, np.sqrt, np.cbrt, np.log, np.log2, np.log10), positive),
    np.tan: uniform(-1.0, 1.0),
    np.log1p: uniform(-0.5, 1.0),
    **dict.fromkeys((np.arcsin, np.arccos, np.arctanh), uniform(-0.7, 0.7)),
    np.arccosh: uniform(1.5, 3.0),
    **dict.fromkeys((np.absolute, np.fabs, np.floor, np.ceil, np.trunc, np.rint, np.sign), distinct),
    np.spacing: uniform(1.1, 1.9),
}
"""Draws from the domain of each function, away from its kinks."""

NEGATIVE: dict[Any, Any] = {
    np.reciprocal: uniform(-2.0, -0.5),
    np.cbrt: uniform(-2.0, -0.5),
}
"""More domain, where a rule could have another branch."""

REMAINDER = uniform(3.6, 3.9), uniform(1.35, 1.5)
BINARY: dict[Any, tuple[Any, Any]] = {
    **dict.fromkeys((np.add, np.subtract, np.multiply), (any_real, any_real)),
    **dict.fromkeys((np.logaddexp, np.logaddexp2), (any_real, any_real)),
    **dict.fromkeys((np.true_divide, np.arctan2), (any_real, positive)),
    **dict.fromkeys((np.power, np.float_power), (positive, any_real)),
    np.hypot: (positive, positive),
    **dict.fromkeys((np.remainder, np.fmod, np.floor_divide), REMAINDER),
    **dict.fromkeys((np.maximum, np.minimum, np.fmax, np.fmin), (distinct, others)),
    **dict.fromkeys((np.copysign, np.heaviside, np.nextafter), (distinct, others)),
}

QUESTIONS = (np.isfinite, np.isinf, np.isnan, np.signbit, np.logical_not)
COMPARISONS = (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal)
LOGICAL = (np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_or, np.bitwise_xor)
INTEGER = (np.left_shift, np.right_shift, np.gcd, np.lcm)


def unary(ufunc: Any, draw: Any, suffix: str = "") -> list[Case]:
    return [case(ufunc, f"{shape}{suffix}".replace(" ", ""), draw(*shape)) for shape in SHAPES]


def binary(ufunc: Any, a: Any, b: Any) -> list[Case]:
    """Every pattern in which two operands can meet."""
    return [
        case(ufunc, "equal_shapes", a(2, 3), b(2, 3)),
        case(ufunc, "row", a(2, 3), b(3)),
        case(ufunc, "column", a(2, 1), b(2, 3)),
        case(ufunc, "both_broadcast", a(2, 1), b(3)),
        case(ufunc, "unit_axes", a(1, 3), b(2, 1, 1)),
        case(ufunc, "scalars", a(), b()),
        case(ufunc, "scalar_left", a(), b(3)),
        case(ufunc, "scalar_right", a(2, 2), b()),
        case(ufunc, "empty", a(0, 3), b(3)),
        case(ufunc, "python_left", b(3), call=lambda f, y: f(3.5, y)),
        case(ufunc, "python_right", a(3), call=lambda f, x: f(x, 1.4)),
        case(ufunc, "constant_left", Fixed(a(2, 3)), b(3)),
        case(ufunc, "constant_right", a(3), Fixed(b(2, 1))),
        case(ufunc, "same_twice", positive(3), call=lambda f, x: f(x, x)),
        case(ufunc, "outer", a(2), b(2, 1), call=lambda f, x, y: f.outer(x, y)),
    ]


def _negated(draw: Any) -> Any:
    return lambda *shape: lambda rng: -draw(*shape)(rng)


def _signs() -> list[Case]:
    """The other signs of functions whose rules depend on them."""
    a, b = REMAINDER
    result = []
    for ufunc in (np.remainder, np.fmod, np.floor_divide):
        result += [
            case(ufunc, "negative_left", _negated(a)(3), b(3)),
            case(ufunc, "negative_right", a(3), _negated(b)(3)),
            case(ufunc, "both_negative", _negated(a)(3), _negated(b)(3)),
        ]
    result += [
        case(np.true_divide, "negative_divisor", any_real(3), _negated(positive)(3)),
        case(np.arctan2, "second_quadrant", positive(3), _negated(positive)(3)),
        case(np.arctan2, "third_quadrant", _negated(positive)(3), _negated(positive)(3)),
        case(np.hypot, "negative", _negated(positive)(3), positive(3)),
        case(np.logaddexp, "far_apart", uniform(700, 800)(3), uniform(-800, -700)(3)),
    ]
    return result


def _powers() -> list[Case]:
    """Exponents and bases that a rule may take for special."""
    result = [
        case(np.power, f"exponent_{name}", uniform(-2.0, -0.5)(3), call=lambda f, x, b=b: f(x, b))
        for name, b in {"0": 0, "1": 1, "2": 2, "3": 3, "2.0": 2.0, "minus1": -1.0, "minus2": -2.0}.items()
    ]
    result += [
        case(np.power, "exponent_half", positive(3), call=lambda f, x: f(x, 0.5)),
        case(np.power, "exponent_integer_array", any_real(3), constant([0, 1, 3])),
        case(np.power, "exponent_float_array", any_real(2, 3), constant([0.0, 1.0, 2.0])),
        case(np.power, "exponent_numpy_scalar", any_real(3), call=lambda f, x: f(x, np.float64(3))),
        case(np.power, "base_int", any_real(3), call=lambda f, x: f(2, x)),
        case(np.power, "base_integer_array", any_real(3), constant([1, 2, 3]), call=lambda f, x, n: f(n, x)),
        case(np.float_power, "exponent_2", any_real(3), call=lambda f, x: f(x, 2)),
    ]
    return result


def _discrete() -> list[Case]:
    """Results without a derivative, and their use as numbers in what follows."""
    result = []
    for ufunc in QUESTIONS:
        result.append(case(ufunc, "matrix", distinct(2, 3)))
        result.append(case(ufunc, "then_multiplied", distinct(3), call=lambda f, x: f(x) * x))
    for ufunc in COMPARISONS:
        result += binary(ufunc, distinct, others)[3:6]
        result.append(case(ufunc, "then_multiplied", distinct(3), others(3), call=lambda f, x, y: f(x, y) * x * y))
    for ufunc in LOGICAL:
        result.append(case(ufunc, "masks", distinct(3), others(3), call=lambda f, x, y: f(x > 0, y < x)))
        result.append(case(ufunc, "constant", distinct(3), call=lambda f, x: f(x > 0, [True, False, True])))
    for ufunc in INTEGER:
        result.append(
            case(ufunc, "of_integers", distinct(3), integers(1, 5)(3), call=lambda f, x, n: f(n, 1 + (x > 0)))
        )
    result += [
        case(np.invert, "mask", distinct(3), call=lambda f, x: f(x > 0)),
        case(np.bitwise_count, "of_integers", distinct(3), call=lambda f, x: f(3 * (x > 0))),
    ]
    return result


def _two_results() -> list[Case]:
    a, b = REMAINDER
    return [
        case(np.divmod, "arrays", a(2, 1), b(3)),
        case(np.divmod, "python_right", a(3), call=lambda f, x: f(x, 1.4)),
        case(np.divmod, "python_left", b(3), call=lambda f, x: f(3.5, x)),
        case(np.modf, "array", distinct(2, 3)),
        case(np.modf, "scalar", distinct()),
        case(np.frexp, "array", apart(0.25)(3), branches=True),
    ]


def _reductions() -> list[Case]:
    """Methods of ufuncs."""
    return [
        case(np.add, "reduce", any_real(2, 3), call=lambda f, x: f.reduce(x)),
        case(np.add, "reduce_axis", any_real(2, 3), call=lambda f, x: f.reduce(x, axis=1, keepdims=True)),
        case(np.add, "reduce_all", any_real(2, 3), call=lambda f, x: f.reduce(x, axis=None)),
        case(np.add, "accumulate", any_real(2, 3), call=lambda f, x: f.accumulate(x)),
        case(np.add, "accumulate_axis", any_real(2, 3), call=lambda f, x: f.accumulate(x, axis=1)),
        case(np.multiply, "reduce", any_real(2, 3), call=lambda f, x: f.reduce(x, axis=-1)),
        case(np.maximum, "reduce", distinct(2, 3), call=lambda f, x: f.reduce(x)),
        case(np.minimum, "reduce", distinct(2, 3), call=lambda f, x: f.reduce(x, axis=(0, 1))),
        case(np.logical_and, "reduce", distinct(2, 3), call=lambda f, x: f.reduce(x > 0)),
        case(np.logical_or, "reduce", distinct(2, 3), call=lambda f, x: f.reduce(x > 0, axis=1)),
    ]


def _ldexp() -> list[Case]:
    return [
        case(np.ldexp, "integers", any_real(2, 3), integers(-2, 3)(3)),
        case(np.ldexp, "integer_column", any_real(3), integers(-2, 3)(2, 1)),
        case(np.ldexp, "python", any_real(), call=lambda f, x: f(x, 3)),
    ]


def _sequences() -> list[Case]:
    """Lists beside traced arrays."""
    plain: list[tuple[Any, Draw]] = [(np.add, any_real(3)), (np.multiply, any_real(3)), (np.maximum, distinct(3))]
    result = [case(f, "list_right", x, call=lambda f, x: f(x, [0.5, -0.4, 1.6])) for f, x in plain]
    result += [case(f, "list_left", x, call=lambda f, x: f([0.5, -0.4, 1.6], x)) for f, x in plain]
    result.append(case(np.exp, "list_of_traced", any_real(3), call=lambda f, x: f([x[0], x[1] * x[2]])))
    return result


CASES: list[Case] = [
    *(c for ufunc, draw in UNARY.items() for c in unary(ufunc, draw)),
    *(c for ufunc, draw in NEGATIVE.items() for c in unary(ufunc, draw, "negative")),
    *(c for ufunc, draws in BINARY.items() for c in binary(ufunc, *draws)),
    *_signs(),
    *_powers(),
    *_discrete(),
    *_two_results(),
    *_reductions(),
    *_ldexp(),
    *_sequences(),
]
