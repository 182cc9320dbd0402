"""Cases of sums, means, products, extrema, variances and running sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, distinct, positive

AXES: dict[str, Any] = {
    "whole": {},
    "axis_none": {"axis": None},
    "axis0": {"axis": 0},
    "axis_last": {"axis": -1},
    "axis_tuple": {"axis": (0, 2)},
    "axis_negative_tuple": {"axis": (-1, -2)},
    "axis_unsorted_tuple": {"axis": (2, 0)},
    "axis_no_axes": {"axis": ()},
    "axis_all": {"axis": (0, 1, 2)},
    "keepdims": {"axis": 1, "keepdims": True},
    "keepdims_tuple": {"axis": (0, -1), "keepdims": True},
    "keepdims_whole": {"keepdims": True},
}
REDUCTIONS: dict[Any, Any] = {
    np.sum: any_real,
    np.mean: any_real,
    np.prod: any_real,
    np.max: distinct,
    np.min: distinct,
    np.var: any_real,
    np.std: any_real,
}


def reduction(function: Any, draw: Any) -> list[Case]:
    """A reduction over every kind of axis argument."""
    deviation = function in (np.std,)
    result = [
        case(function, name, draw(2, 3, 2), **options)
        for name, options in AXES.items()
        if not (deviation and options.get("axis") == ())  # the deviation of one number has no derivative
    ]
    result.append(case(function, "axis_positional", draw(2, 3), call=lambda f, a: f(a, 1)))
    if not deviation:
        result += [
            case(function, "unit_axis", draw(3, 1), axis=1),
            case(function, "one_entry", draw(1)),
            case(function, "scalar", draw()),
        ]
    if function in (np.sum, np.prod):
        result += [
            case(function, "empty", draw(0)),
            case(function, "empty_axis", draw(0, 3), axis=0),
            case(function, "dtype", draw(3), dtype=np.float64),
        ]
    result.append(case(function, "empty_result", draw(0, 3), axis=1))
    result.append(case(function, "of_transposed", draw(2, 3), call=lambda f, a: f(a.T, axis=0)))
    return result


def _spread() -> list[Case]:
    result = []
    for function in (np.var, np.std):
        result += [
            case(function, "ddof1", any_real(4), ddof=1),
            case(function, "ddof_axis", any_real(3, 2), axis=0, ddof=1, keepdims=True),
            case(function, "ddof_fraction", any_real(4), ddof=0.5),
        ]
    return result


def _average() -> list[Case]:
    return [
        case(np.average, "plain", any_real(2, 3)),
        case(np.average, "axis", any_real(2, 3), axis=1),
        case(np.average, "weights", any_real(3), positive(3), call=lambda f, a, w: f(a, weights=w)),
        case(np.average, "weights_axis", any_real(2, 3), positive(3), call=lambda f, a, w: f(a, axis=1, weights=w)),
        case(
            np.average,
            "weights_full",
            any_real(2, 3),
            positive(2, 3),
            call=lambda f, a, w: f(a, axis=0, weights=w),
        ),
        case(np.average, "constant_weights", any_real(3), Fixed(positive(3)), call=lambda f, a, w: f(a, weights=w)),
        case(np.average, "constant_values", Fixed(any_real(3)), positive(3), call=lambda f, a, w: f(a, weights=w)),
    ]


def _running() -> list[Case]:
    return [
        case(np.cumsum, "flat", any_real(2, 3)),
        case(np.cumsum, "vector", any_real(4)),
        case(np.cumsum, "axis0", any_real(3, 2), axis=0),
        case(np.cumsum, "axis_last", any_real(2, 3), axis=-1),
        case(np.cumsum, "axis_middle", any_real(2, 3, 2), axis=1),
        case(np.cumsum, "unit_axis", any_real(2, 1), axis=1),
        case(np.cumsum, "scalar", any_real()),
        case(np.cumsum, "empty", any_real(0)),
    ]


def _aliases() -> list[Case]:
    return [
        case(np.amax, "axis", distinct(2, 3), axis=1, keepdims=True),
        case(np.amin, "axis", distinct(2, 3), axis=(0, 1)),
    ]


CASES: list[Case] = [
    *_aliases(),
    *(c for function, draw in REDUCTIONS.items() for c in reduction(function, draw)),
    *_spread(),
    *_average(),
    *_running(),
]
