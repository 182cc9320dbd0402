"""Cases of sums, means, products, extrema, variances, and running sums and products."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, distinct, others, positive

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
    np.nanmax: distinct,
    np.nanmin: distinct,
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


MASK = np.array([[True, False, True], [True, True, False]])


def _options() -> list[Case]:
    """``where=``, ``initial=`` and ``dtype=``, as constants and as traced values."""
    result = []
    for function in (np.sum, np.prod, np.mean, np.var, np.std):
        x = any_real(2, 3)
        result += [
            case(function, "where", x, where=MASK),
            case(function, "where_axis", x, axis=1, where=MASK, keepdims=True),
            case(function, "where_broadcast", x, axis=1, where=np.array([True, False, True])),
            case(function, "where_of_itself", distinct(2, 3), call=lambda f, a: f(a, where=a > -10)),
            case(function, "dtype_double", x, axis=1, dtype=np.float64),
        ]
    for function in (np.sum, np.prod):
        x = any_real(2, 3)
        result += [
            case(function, "initial", x, axis=1, initial=1.5),
            case(function, "initial_traced", x, any_real(), call=lambda f, a, b: f(a, axis=0, initial=b)),
            case(function, "initial_where", x, axis=0, initial=-0.5, where=MASK),
            case(function, "initial_empty", any_real(0), initial=2.0),
            case(function, "dtype_integer", distinct(3), dtype=int),
        ]
    for function in (np.max, np.min, np.nanmax, np.nanmin):
        x = distinct(2, 3)
        result += [
            case(function, "initial", x, axis=1, initial=0.1),
            case(function, "initial_traced", x, others(), call=lambda f, a, b: f(a, axis=(0, 1), initial=b)),
            case(function, "where", x, axis=0, keepdims=True, initial=0.1, where=MASK),
            case(function, "where_of_itself", x, call=lambda f, a: f(a, where=a > 0, initial=0.1)),
            case(function, "initial_empty", distinct(0), initial=2.0),
        ]
    for function in (np.var, np.std):
        x = any_real(2, 3)
        result += [
            case(function, "where_ddof", x, ddof=1, where=MASK),
            case(function, "correction", x, axis=1, correction=1),
            case(function, "mean", x, any_real(2, 1), call=lambda f, a, m: f(a, axis=1, mean=m)),
            case(
                function,
                "mean_of_itself",
                x,
                call=lambda f, a: f(a, axis=0, keepdims=True, mean=np.mean(a, axis=0, keepdims=True), correction=1),
            ),
            case(function, "mean_constant", x, mean=0.25, where=MASK),
        ]
    return result


def _peak_to_peak() -> list[Case]:
    x = distinct(2, 3)
    return [
        case(np.ptp, "whole", x),
        case(np.ptp, "axis", x, axis=-1),
        case(np.ptp, "keepdims", x, axis=(0, 1), keepdims=True),
    ]


def _truth() -> list[Case]:
    x = distinct(2, 3)
    return [
        case(f, name, x, call=lambda f, a, options=options: a * f(a > 0, **options))
        for f in (np.all, np.any)
        for name, options in {"option_axis": {"axis": 0}, "option_where": {"where": MASK}}.items()
    ]


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
        case(np.average, "returned", any_real(2, 3), axis=1, returned=True),
        case(
            np.average,
            "weights_returned",
            any_real(2, 3),
            positive(3),
            call=lambda f, a, w: f(a, axis=-1, weights=w, returned=True, keepdims=True),
        ),
        case(
            np.average,
            "weights_axes",
            any_real(2, 3, 2),
            positive(2, 2),
            call=lambda f, a, w: f(a, axis=(2, 0), weights=w, keepdims=True),
        ),
        case(np.average, "keepdims", any_real(2, 3), axis=(0, 1), keepdims=True),
        case(np.average, "weights_list", any_real(3), call=lambda f, a: f(a, weights=[1, 2, 0.5])),
        case(np.average, "list_of_values", positive(3), call=lambda f, w: f([1, 2, 4], weights=w)),
        case(np.average, "constant_weights", any_real(3), Fixed(positive(3)), call=lambda f, a, w: f(a, weights=w)),
        case(np.average, "constant_values", Fixed(any_real(3)), positive(3), call=lambda f, a, w: f(a, weights=w)),
    ]


def _running() -> list[Case]:
    result = []
    for function in (np.cumsum, np.cumprod):
        result += [
            case(function, "flat", any_real(2, 3)),
            case(function, "vector", any_real(4)),
            case(function, "axis0", any_real(3, 2), axis=0),
            case(function, "axis_last", any_real(2, 3), axis=-1),
            case(function, "axis_middle", any_real(2, 5, 2), axis=1),
            case(function, "axis_positional", any_real(2, 3), call=lambda f, a: f(a, 1)),
            case(function, "unit_axis", any_real(2, 1), axis=1),
            case(function, "one_entry", any_real(1)),
            case(function, "scalar", any_real()),
            case(function, "scalar_axis", any_real(), axis=0),
            case(function, "empty", any_real(0)),
            case(function, "empty_result", any_real(0, 3), axis=1),
            case(function, "dtype", any_real(2, 3), axis=1, dtype=np.float64),
            case(function, "dtype_integer", distinct(3), dtype=int),
        ]
    for name in ("cumulative_sum", "cumulative_prod"):
        function = getattr(np, name, None)  # since NumPy 2.1
        if function is not None:
            result += [
                case(function, "vector", any_real(3)),
                case(function, "axis", any_real(2, 3), axis=-1),
                case(function, "include_initial", any_real(2, 3), axis=0, include_initial=True),
                case(function, "dtype", any_real(3), dtype=np.float64, include_initial=True),
            ]
    return result


def _aliases() -> list[Case]:
    return [
        case(np.amax, "axis", distinct(2, 3), axis=1, keepdims=True),
        case(np.amin, "axis", distinct(2, 3), axis=(0, 1)),
    ]


CASES: list[Case] = [
    *_options(),
    *_peak_to_peak(),
    *_truth(),
    *_aliases(),
    *(c for function, draw in REDUCTIONS.items() for c in reduction(function, draw)),
    *_spread(),
    *_average(),
    *_running(),
]
