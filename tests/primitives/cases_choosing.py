"""Cases of choosing between values: where, clip, triangles, rounding; and of questions about values."""

from __future__ import annotations

from typing import Any

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
        case(np.where, "integer_condition", constant([0, 2, -1]), any_real(3), any_real(3)),
        case(np.where, "python_condition", any_real(3), any_real(3), call=lambda f, a, b: f(1, a, b)),
        case(np.where, "lists", any_real(3), call=lambda f, a: f([True, False, True], a, [1.0, 2.0, 3.0])),
        case(np.where, "list_of_traced", any_real(2), call=lambda f, a: f([True, False], [a[0] ** 2, a[1]], a)),
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
        case(np.clip, "lower_keyword", x, min=0.0),
        case(np.clip, "upper_keyword", x, max=0.0),
        case(np.clip, "none_keywords", x, min=None, max=0.5),
        case(np.clip, "dtype", x, a_min=-1.0, a_max=1.0, dtype=np.float64),
        case(np.clip, "lists", x, call=lambda f, a: f(a, [-1.0, -0.5, 0.0], [1.0, 1.0, 0.6])),
        case(np.clip, "traced_keywords", x, low(), high(), call=lambda f, a, b, c: f(a, min=b, max=c)),
        case(np.clip, "one_traced_limit", x, high(3), call=lambda f, a, b: f(a, None, b)),
        case(np.clip, "number_between", low(3), high(3), call=lambda f, a, b: f(0.3, a, b)),
        case(np.clip, "order", x, call=lambda f, a: f(np.argsort(a, axis=None), 1, 4) * a[0, 0]),
        case(np.clip, "traced_limits", x, low(3), high(2, 1)),
        case(np.clip, "scalar_limits", x, low(), high()),
        case(np.clip, "constant_limits", x, Fixed(low(3)), Fixed(high(3))),
        case(np.clip, "constant_array", Fixed(x), low(3), high(3)),
        case(np.clip, "crossed_limits", x, a_min=1.0, a_max=-1.0),
        case(np.clip, "crossed_traced_limits", x, high(3), low(3)),
        case(np.clip, "scalar", distinct(), a_min=-1.0, a_max=1.0),
    ]


HOLES = np.array([[False, True, True], [True, False, False]])
ROW = np.array([1.0, 2.0, 3.0])
BAD = np.array([[0.0, np.nan, np.inf], [-np.inf, 0.0, 0.0]])


def _replaced_by_traced(f: Any, x: Any, v: Any) -> Any:
    return f(np.where(HOLES, BAD, x), nan=v[0], posinf=v[1] * v[0], neginf=v[2])


def _replaced_in_place(f: Any, x: Any) -> Any:
    y = np.where(HOLES, BAD, x)
    z = f(y, copy=False, nan=0.5, posinf=1.0, neginf=2.0)
    return y * z


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
        case(np.tril, "far_offset", any_real(3, 3), k=-2),
        case(np.triu, "vector", any_real(3), k=1),
        case(np.nan_to_num, "finite", x),
        case(np.nan_to_num, "replaced", x, call=lambda f, a: np.tanh(f(np.where(HOLES, BAD, a)))),
        case(np.nan_to_num, "numbers", x, call=lambda f, a: f(np.where(HOLES, BAD, a), True, 1.5, 2.5, -3)),
        case(np.nan_to_num, "traced_numbers", x, any_real(3), call=_replaced_by_traced),
        case(np.nan_to_num, "array", x, call=lambda f, a: f(np.where(HOLES, BAD, a), True, ROW, ROW + 1, -ROW)),
        case(np.nan_to_num, "in_place", x, call=_replaced_in_place),
        case(np.nan_to_num, "scalar", any_real()),
        case(np.real_if_close, "real", x),
        case(np.fix, "matrix", distinct(2, 3)),
        case(np.round, "negative_decimals", x, decimals=-1),
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
        case(np.ones_like, "positional", x, call=lambda f, a: f(a, None, "F", False) * a),
        case(np.zeros_like, "shape", x, call=lambda f, a: f(a, shape=(2, 1)) + a),
        case(np.empty_like, "options", x, call=lambda f, a: f(a, float, "C", shape=3) * 0 + a),
        case(np.full_like, "options", x, call=lambda f, a: f(a, 2, dtype=float, shape=(3,)) * a),
        case(np.full_like, "row", x, call=lambda f, a: f(a, [1.0, 2.0, 3.0]) * a),
        case(np.full_like, "traced_row", x, any_real(3)),
        case(np.full_like, "traced_list", x, any_real(), call=lambda f, a, b: f(a, [b, 1.0, b * b])),
        case(
            np.full_like, "traced_options", x, any_real(), call=lambda f, a, b: f(a, b, np.float64, shape=(3, 1)) * a[0]
        ),
        case(np.full_like, "keyword", x, any_real(), call=lambda f, a, b: f(a, fill_value=b)),
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
        case(np.isclose, "tolerances", x, call=lambda f, a: f(a, a + 0.1, 0.01, atol=np.array([0.0, 1.0, 0.05]))),
        case(np.isclose, "keywords", x, call=lambda f, a: f(b=a, a=a * 1.01, rtol=0.1, equal_nan=True) * a),
        case(np.count_nonzero, "keepdims", x, call=lambda f, a: f(a > 0, axis=(0, 1), keepdims=True) * a),
        *(case(f, "number", x) for f in (np.isreal, np.iscomplex, np.isposinf, np.isneginf)),
        case(np.isposinf, "infinite", x, call=lambda f, a: f(np.where(HOLES, BAD, a)) * a),
        case(np.isneginf, "infinite", x, call=lambda f, a: f(np.where(HOLES, BAD, a)) * a),
        case(np.isreal, "of_complex", x, call=lambda f, a: f(a * np.array([1, 1j, 1 + 0j])) * a),
        case(np.iscomplex, "of_complex", x, call=lambda f, a: f(a * np.array([1, 1j, 1 + 0j])) * a),
        case(np.packbits, "mask", x, call=lambda f, a: f(a > 0, axis=1) * a[:, :1]),
        case(np.unpackbits, "mask", x, call=lambda f, a: f(np.packbits(a > 0), count=3) * a),
        case(np.nonzero, "as_index", distinct(4), call=lambda f, a: a[f(a > 0)], branches=True),
        case(np.flatnonzero, "as_index", x, call=lambda f, a: np.ravel(a)[f(a > 0)], branches=True),
        case(np.argwhere, "as_index", x, call=lambda f, a: a[tuple(f(a > 0).T)], branches=True),
        case(np.shape, "as_number", x, call=lambda f, a: a.reshape(f(a)[::-1]) * f(a)[0]),
        case(np.ndim, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.size, "as_number", x, call=lambda f, a: a / f(a)),
        case(np.size, "of_axis", x, call=lambda f, a: a / f(a, 1)),
        case(np.size, "of_axes", x, call=lambda f, a: a / f(a, (0, 1))),
        case(np.iscomplexobj, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.isrealobj, "as_number", x, call=lambda f, a: a * f(a)),
        case(np.result_type, "as_dtype", x, call=lambda f, a: a * np.ones(3, f(a, np.float32))),
        case(np.can_cast, "as_number", x, call=lambda f, a: a * f(a, np.float64)),
        case(np.allclose, "as_branch", x, call=lambda f, a: a if f(a, a) else -a),
        case(np.can_cast, "options", x, call=lambda f, a: a * f(a.dtype, np.float32, casting="same_kind")),
        case(np.common_type, "as_dtype", x, call=lambda f, a: a * np.ones(3, f(a, np.ones(2, np.float32)))),
        case(np.min_scalar_type, "array", x, call=lambda f, a: a * np.ones(3, f(a))),
        case(np.min_scalar_type, "scalar", x, call=lambda f, a: a * f(np.argmax(a)).itemsize, branches=True),
        case(np.array_equal, "equal_nan", x, call=lambda f, a: a if f(a, a, equal_nan=True) else -a),
        case(np.array_equal, "unequal_nan", x, call=lambda f, a: a if f(a, a + HOLES, equal_nan=True) else -a),
        case(np.array_equal, "other_shape", x, call=lambda f, a: a if f(a, a[0]) else -a),
        case(
            np.array_equal,
            "nan",
            x,
            call=lambda f, a: a if f(np.where(HOLES, BAD, a), np.where(HOLES, BAD, a), True) else -a,
        ),
        case(np.array_equiv, "broadcast", x, call=lambda f, a: a if f(a[:1], np.stack([a[0], a[0]])) else -a),
        case(np.array_equiv, "list", x, call=lambda f, a: a if f([1.0, 2.0, 3.0], a) else -a),
        case(np.array_equiv, "other_shape", x, call=lambda f, a: a if f(a, np.ones(4)) else -a),
        case(np.allclose, "tolerances", x, call=lambda f, a: a if f(a, a + 0.1, rtol=0, atol=0.2) else -a),
        case(np.array_repr, "as_number", x, call=lambda f, a: a * len(f(a > 0, 40, precision=3))),
        case(np.array_str, "as_number", x, call=lambda f, a: a * len(f(a > 0, max_line_width=40))),
        case(np.array2string, "as_number", x, call=lambda f, a: a * len(f(a > 99, separator=", "))),
        case(np.einsum_path, "as_number", x, call=lambda f, a: a * len(f("ij,kj->ik", a, a)[0])),
        case(np.shares_memory, "as_number", x, call=lambda f, a: a * f(a, a[0]) + f(a, a + 1)),
        case(np.may_share_memory, "as_number", x, call=lambda f, a: a * f(a, a[0], max_work=1)),
        case(np.array_equal, "as_branch", x, call=lambda f, a: -a if f(a, a + 1) else a),
    ]


CASES: list[Case] = [*_where(), *_clip(), *_parts(), *_like(), *_questions()]
