"""Cases of ``reduce``, ``accumulate``, ``reduceat`` and ``outer``, of every binary ufunc of NumPy that has floats."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, any_real, case, distinct, integers, others, positive, uniform

SMOOTH: dict[np.ufunc, Any] = {
    np.add: any_real,
    np.subtract: any_real,
    np.multiply: any_real,
    np.true_divide: positive,
    np.power: positive,
    np.float_power: positive,
    np.hypot: any_real,
    np.arctan2: positive,
    np.logaddexp: any_real,
    np.logaddexp2: any_real,
    np.copysign: distinct,
    np.nextafter: distinct,
    np.maximum: distinct,
    np.minimum: distinct,
    np.fmax: distinct,
    np.fmin: distinct,
    np.heaviside: uniform(0.6, 0.9),
}
REMAINDERS = (np.remainder, np.fmod, np.floor_divide)
SEVERAL_AXES = (np.add, np.multiply, np.hypot, np.logaddexp, np.logaddexp2, np.maximum, np.minimum, np.fmax, np.fmin)
OTHER_ORDER = (np.power, np.arctan2)
"""Some builds of NumPy reduce these along contiguous axes in another order than documented; not along others."""
MASK = np.array([[True, False, True], [True, True, False]])


def _methods(ufunc: np.ufunc, draw: Any) -> list[Case]:
    x = draw(2, 3)
    quick = ufunc not in OTHER_ORDER
    result = [
        case(ufunc, "reduce_axis0", draw(3, 2), call=lambda f, a: f.reduce(a)),
        case(ufunc, "reduce_one_entry", draw(2, 1), call=lambda f, a: f.reduce(a, 1)),
        case(ufunc, "accumulate_axis0", draw(3, 2), call=lambda f, a: f.accumulate(a)),
        case(ufunc, "accumulate_last", draw(2, 5), call=lambda f, a: f.accumulate(a, axis=-1)),
        case(ufunc, "accumulate_one_entry", draw(1), call=lambda f, a: f.accumulate(a)),
        case(ufunc, "outer_arrays", draw(2), draw(3, 1), call=lambda f, a, b: f.outer(a, 0.3 + b)),
        case(ufunc, "outer_list", draw(2), call=lambda f, a: f.outer([1.3, 1.4], a)),
        case(ufunc, "outer_scalar", draw(2), call=lambda f, a: f.outer(a, 1.35)),
    ]
    if quick:
        result += [
            case(ufunc, "reduce_keepdims", draw(2, 4), call=lambda f, a: f.reduce(a, axis=-1, keepdims=True)),
            case(ufunc, "reduce_initial", x, call=lambda f, a: f.reduce(a, axis=1, initial=0.7)),
            case(ufunc, "reduce_where", x, call=lambda f, a: f.reduce(a, axis=1, initial=0.7, where=MASK)),
            case(ufunc, "reduceat_axis0", draw(5, 2), call=lambda f, a: f.reduceat(a, indices=[0, 3, 1])),
            case(ufunc, "reduceat_axis", draw(2, 5), call=lambda f, a: f.reduceat(a, [0, 1, 4, 2], axis=1)),
            case(ufunc, "reduce_dtype", x, call=lambda f, a: f.reduce(a, axis=1, dtype=np.float64)),
        ]
    if ufunc in SEVERAL_AXES:
        result += [
            case(ufunc, "reduce_whole", x, call=lambda f, a: f.reduce(a, axis=None)),
            case(ufunc, "reduce_axes", draw(2, 2, 2), call=lambda f, a: f.reduce(a, axis=(2, 0), keepdims=True)),
        ]
    return result


def _remainders() -> list[Case]:
    result = []
    for ufunc in REMAINDERS:
        x = uniform(7.2, 7.3)(2, 1), uniform(1.54, 1.56)(2, 1)
        result += [
            case(ufunc, "reduce", *x, call=lambda f, a, b: f.reduce(np.concatenate([a, b], 1), 1)),
            case(ufunc, "accumulate", *x, call=lambda f, a, b: f.accumulate(np.hstack([a, b, 0.4 * b]), axis=1)),
            case(ufunc, "reduceat", *x, call=lambda f, a, b: f.reduceat(np.concatenate([a, b]), [0, 2])),
            case(ufunc, "outer_columns", *x, call=lambda f, a, b: f.outer(a, b)),
        ]
    return result


def _discrete() -> list[Case]:
    x = distinct(2, 3)
    result = []
    for ufunc in (np.logical_and, np.logical_or, np.logical_xor, np.bitwise_and, np.bitwise_xor, np.equal):
        result += [
            case(ufunc, "reduce_masks", x, call=lambda f, a: a[0] * f.reduce(a > 0)),
            case(ufunc, "accumulate_masks", x, call=lambda f, a: a * f.accumulate(a > 0, axis=1)),
            case(ufunc, "outer_masks", x, call=lambda f, a: a * f.outer(a[:, 0] > 0, a[0] > 0.5)),
        ]
    return [
        *result,
        case(np.logical_or, "reduce_where", x, call=lambda f, a: a[0] * f.reduce(a > 0, where=MASK)),
        case(np.logical_and, "reduceat_masks", x, call=lambda f, a: a[:, :2] * f.reduceat(a > 0, [0, 2], axis=1)),
        case(np.less, "outer_values", x, others(2), call=lambda f, a, b: a[0, 0] * f.outer(a, b)),
        case(np.add, "reduce_masks", x, call=lambda f, a: a[0] * f.reduce(a > 0)),
    ]


def _traced_options() -> list[Case]:
    x = any_real(2, 3)
    result = []
    for ufunc in (np.subtract, np.multiply, np.logaddexp, np.hypot, np.fmax):
        result += [
            case(ufunc, "reduce_initial_traced", x, uniform(2.1, 2.4)(), call=lambda f, a, b: f.reduce(a, initial=b)),
            case(ufunc, "reduce_where_traced", x, call=lambda f, a: f.reduce(a, where=a > 0, initial=0.5)),
        ]
    return [
        *result,
        case(np.ldexp, "outer", any_real(2), integers(-1, 3)(3), call=lambda f, a, n: f.outer(a, n)),
    ]


CASES: list[Case] = [
    *(one for ufunc, draw in SMOOTH.items() for one in _methods(ufunc, draw)),
    *_remainders(),
    *_discrete(),
    *_traced_options(),
]
