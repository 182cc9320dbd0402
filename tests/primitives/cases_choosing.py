"""Cases of choosing between values: where, clip, triangles, rounding; and of questions about values."""

from __future__ import annotations

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, others, uniform

MASK = constant([True, False, True])


def _where() -> list[Case]:
    x, y = any_real(2, 3), any_real(2, 3)
    return [
        case(np.where, "arrays", MASK, x, y),
        case(np.where, "broadcast_condition", constant([[True], [False]]), any_real(3), y),
        case(np.where, "broadcast_values", MASK, any_real(2, 1), any_real(3)),
        case(np.where, "scalar_values", MASK, any_real(), any_real()),
        case(np.where, "python_left", MASK, any_real(3), call=lambda f, c, a: f(c, 0.5, a)),
        case(np.where, "python_right", MASK, any_real(3), call=lambda f, c, a: f(c, a, 0)),
        case(np.where, "constant_left", MASK, Fixed(any_real(2, 3)), any_real(3)),
        case(np.where, "constant_right", MASK, any_real(3), Fixed(any_real(2, 3))),
        case(np.where, "same_twice", MASK, any_real(3), call=lambda f, c, a: f(c, a, a)),
        case(np.where, "condition_true", any_real(3), any_real(3), call=lambda f, a, b: f(True, a, b)),
        case(np.where, "of_data", distinct(3), others(3), call=lambda f, a, b: f(a > b, a * b, a - b)),
        case(np.where, "float_condition", distinct(3), others(3), call=lambda f, a, b: f(a, a, b)),
        case(np.where, "empty", constant(np.zeros(0, dtype=bool)), any_real(0), any_real(0)),
        case(np.where, "one_argument", distinct(4), call=lambda f, a: a[f(a > 0)], branches=True),
    ]


def _clip() -> list[Case]:
    x = distinct(2, 3)
    low, high = uniform(-1.1, -0.9), uniform(0.9, 1.1)
    return [
        case(np.clip, "numbers", x, a_min=-1.0, a_max=1.0),
        case(np.clip, "positional", x, call=lambda f, a: f(a, -1, 1)),
        case(np.clip, "min_max_keywords", x, min=-1.0, max=1.0),
        case(np.clip, "lower_only", x, a_min=0.0, a_max=None),
        case(np.clip, "upper_only", x, a_min=None, a_max=0.0),
        case(np.clip, "traced_limits", x, low(3), high(2, 1)),
        case(np.clip, "scalar_limits", x, low(), high()),
        case(np.clip, "constant_limits", x, Fixed(low(3)), Fixed(high(3))),
        case(np.clip, "constant_array", Fixed(x), low(3), high(3)),
        case(np.clip, "crossed_limits", x, a_min=1.0, a_max=-1.0),
        case(np.clip, "crossed_traced_limits", x, high(3), low(3)),
        case(np.clip, "scalar", distinct(), a_min=-1.0, a_max=1.0),
    ]


def _parts() -> list[Case]:
    x = any_real(2, 3)
    result = []
    for function in (np.tril, np.triu):
        result += [
            case(function, "wide", x),
            case(function, "offset", any_real(3, 3), k=1),
            case(function, "negative_offset", any_real(3, 3), k=-1),
            case(function, "stack", any_real(2, 2, 2)),
        ]
    return [
        *result,
        case(np.real, "matrix", x),
        case(np.imag, "matrix", x),
        case(np.nan_to_num, "finite", x),
        case(np.round, "integers", distinct(2, 3)),
        case(np.round, "decimals", uniform(0.119, 0.122)(3), decimals=2),
        case(np.around, "decimals", uniform(0.119, 0.122)(3), decimals=2),
    ]


def _like() -> list[Case]:
    x = any_real(2, 3)
    return [
        case(np.zeros_like, "plus", x, call=lambda f, a: f(a) + a),
        case(np.ones_like, "times", x, call=lambda f, a: f(a) * a),
        case(np.empty_like, "shape", x, call=lambda f, a: f(a) * 0 + a),
        case(np.full_like, "number", x, call=lambda f, a: f(a, 2.5) * a),
        case(np.full_like, "traced_value", x, any_real(), call=lambda f, a, b: f(a, b) * a),
        case(np.ones_like, "dtype", x, call=lambda f, a: f(a, dtype=int) * a),
    ]


def _questions() -> list[Case]:
    """Answers without a derivative; where they are used further, the rest has one."""
    x = distinct(2, 3)
    result = []
    for function in (np.argmax, np.argmin, np.argsort):
        result += [
            case(function, "whole", x, axis=None),
            case(function, "axis", x, axis=1),
            case(function, "axis_negative", x, call=lambda f, a: f(a, -2)),
        ]
    for function in (np.all, np.any, np.count_nonzero):
        result += [
            case(function, "whole", x, call=lambda f, a: f(a > 0)),
            case(function, "axis", x, call=lambda f, a: f(a > 0, axis=0)),
            case(function, "then_multiplied", x, call=lambda f, a: f(a > 0, axis=0) * a),
        ]
    return [
        *result,
        case(np.isclose, "arrays", x, others(2, 3)),
        case(np.isclose, "number", x, call=lambda f, a: f(a, 0.0)),
        case(np.searchsorted, "values", Fixed(lambda rng: np.arange(4.0)), uniform(0.1, 2.9)(3)),
        case(np.searchsorted, "as_index", uniform(0.1, 0.9)(2), call=lambda f, a: a * np.arange(3)[f([0.0, 1.0], a)]),
        case(np.nonzero, "as_index", distinct(4), call=lambda f, a: a[f(a > 0)], branches=True),
        case(np.shape, "as_number", x, call=lambda f, a: a.reshape(f(a)[::-1]) * f(a)[0]),
        case(np.ndim, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.size, "as_number", x, call=lambda f, a: a / f(a)),
        case(np.size, "of_axis", x, call=lambda f, a: a / f(a, 1)),
        case(np.iscomplexobj, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.isrealobj, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.result_type, "as_dtype", x, call=lambda f, a: a * np.ones(3, f(a, np.float32))),
        case(np.can_cast, "as_number", x, call=lambda f, a: a * f(a, np.float64)),
        case(np.allclose, "as_branch", x, call=lambda f, a: a if f(a, a) else -a),
        case(np.array_equal, "as_branch", x, call=lambda f, a: -a if f(a, a + 1) else a),
    ]


CASES: list[Case] = [*_where(), *_clip(), *_parts(), *_like(), *_questions()]
