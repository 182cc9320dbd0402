"""Cases of quantiles, of covariances, and of the functions that skip NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, positive, uniform

METHODS = (
    *("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull"),
    *("linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest"),
)
HOLES = np.array([[False, True, False, False], [True, False, True, False], [False, False, False, False]])
MASK = np.array([[True, True, False, True], [False, True, True, True], [True, True, True, False]])


def with_holes(a: Any) -> Any:
    """Some entries replaced by NaN."""
    return np.where(HOLES, np.nan, a)


def _quantiles() -> list[Case]:
    x, several = distinct(3, 4), [0.13, 0.5, 0.88]
    result = []
    for method in METHODS:
        result += [
            case(np.quantile, f"{method}", distinct(7), q=0.31, method=method),
            case(np.quantile, f"{method}_axis", x, q=[0.12, 0.58], axis=1, method=method),
            case(
                np.quantile,
                f"{method}_traced_q",
                distinct(7),
                uniform(0.38, 0.39)(2),
                call=lambda f, a, q, m=method: f(a, q, method=m),
            ),
        ]
    result += [
        case(np.quantile, "flat", x, q=0.3),
        case(np.quantile, "q_matrix", x, call=lambda f, a: f(a, [[0.1, 0.9], [0.4, 0.2]], 0)),
        case(np.quantile, "keepdims", x, q=several, axis=-1, keepdims=True),
        case(np.quantile, "axis_tuple", distinct(2, 3, 2), q=several, axis=(2, 0)),
        case(np.quantile, "keepdims_tuple", distinct(2, 3, 2), q=0.7, axis=(0, -1), keepdims=True),
        case(np.quantile, "overwrite_input", x, call=lambda f, a: f(1 * a, 0.4, 0, overwrite_input=True)),
        case(np.quantile, "ends", x, q=[0.0, 1.0], axis=1),
        case(np.quantile, "one_entry", distinct(1), q=several),
        case(np.quantile, "constant_values", Fixed(x), uniform(0.4, 0.6)(2, 2), call=lambda f, a, q: f(a, q, axis=1)),
        case(np.quantile, "scalar_q", distinct(4), uniform(0.4, 0.6)(), call=lambda f, a, q: f(a, q)),
        case(np.quantile, "list_of_values", uniform(0.4, 0.6)(), call=lambda f, q: f([1.0, 5.0, 2.0], q)),
        case(
            np.quantile,
            "weights",
            distinct(5),
            positive(5),
            call=lambda f, a, w: f(a, [0.2, 0.7], weights=w, method="inverted_cdf"),
        ),
        case(
            np.quantile,
            "weights_axis",
            x,
            Fixed(positive(4)),
            call=lambda f, a, w: f(a, 0.4, axis=1, weights=w, method="inverted_cdf", keepdims=True),
        ),
        case(np.percentile, "one", x, q=37),
        case(np.percentile, "several", x, q=[13, 88.0], axis=1, keepdims=True),
        case(np.percentile, "method", x, q=[31.0, 57.0], axis=0, method="hazen"),
        case(np.percentile, "traced_q", distinct(5), uniform(30, 40)(2), call=lambda f, a, q: f(a, q)),
    ]
    for function in (np.median, np.nanmedian):
        result += [
            case(function, "odd", distinct(5)),
            case(function, "even", distinct(2, 2)),
            case(function, "axis", x, axis=1),
            case(function, "axis_tuple", distinct(2, 3, 2), axis=(0, -1), keepdims=True),
            case(function, "overwrite_input", distinct(4), call=lambda f, a: f(1 * a, overwrite_input=True)),
            case(function, "one_entry", distinct(1)),
        ]
    return [
        *result,
        case(np.nanmedian, "holes", x, call=lambda f, a: f(with_holes(a), axis=1)),
        case(np.nanmedian, "holes_flat", x, call=lambda f, a: f(with_holes(a))),
        case(np.nanquantile, "holes", x, call=lambda f, a: f(with_holes(a), several, axis=0, keepdims=True)),
        case(
            np.nanquantile,
            "holes_traced_q",
            x,
            uniform(0.42, 0.45)(2),
            call=lambda f, a, q: f(with_holes(a), q, axis=1, method="weibull"),
        ),
        case(
            np.nanquantile,
            "holes_weights",
            x,
            Fixed(positive(3, 4)),
            call=lambda f, a, w: f(with_holes(a), 0.4, axis=1, weights=w, method="inverted_cdf"),
        ),
        case(np.nanpercentile, "holes", x, call=lambda f, a: f(with_holes(a), [20, 70], axis=1)),
        case(np.nanpercentile, "method", x, q=[20, 72.0], method="lower"),
    ]


def _skipping_nan() -> list[Case]:
    x = uniform(0.5, 1.5)(3, 4)
    result = []
    for function in (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin):
        result += [
            case(function, "holes", x, call=lambda f, a: f(with_holes(a))),
            case(function, "holes_axis", x, call=lambda f, a: f(with_holes(a), axis=1)),
            case(function, "holes_keepdims", x, call=lambda f, a: f(with_holes(a), axis=(0, -1), keepdims=True)),
            case(function, "no_holes", x, axis=0),
        ]
        options = {"initial": 0.9} if function in (np.nanmax, np.nanmin) else {}
        result.append(
            case(function, "holes_where", x, call=lambda f, a, o=options: f(with_holes(a), axis=1, where=MASK, **o))
        )
    for function in (np.nanvar, np.nanstd):
        result += [
            case(function, "ddof", x, call=lambda f, a: f(with_holes(a), axis=1, ddof=1)),
            case(function, "correction", x, call=lambda f, a: f(with_holes(a), correction=0.5)),
            case(function, "mean", x, any_real(3, 1), call=lambda f, a, m: f(with_holes(a), axis=1, mean=m)),
        ]
    for function in (np.nancumsum, np.nancumprod):
        result += [
            case(function, "holes", x, call=lambda f, a: f(with_holes(a))),
            case(function, "holes_axis", x, call=lambda f, a: f(with_holes(a), axis=1)),
        ]
    return [
        *result,
        case(np.nansum, "initial", x, call=lambda f, a: f(with_holes(a), axis=0, initial=2.0)),
        case(np.nansum, "dtype", x, call=lambda f, a: f(with_holes(a), dtype=np.float64)),
        case(np.nanargmax, "holes", x, call=lambda f, a: a[0] * f(with_holes(a), axis=0)),
        case(np.nanargmin, "holes", x, call=lambda f, a: a[0] * f(with_holes(a), axis=0)),
    ]


def _covariances() -> list[Case]:
    x, y = any_real(2, 5), any_real(2, 5)
    counts, weights = constant([1, 3, 0, 2, 1]), positive(5)
    return [
        case(np.cov, "rows", x),
        case(np.cov, "vector", any_real(5)),
        case(np.cov, "two", x, y, call=lambda f, a, b: f(a, b)),
        case(np.cov, "two_vectors", any_real(4), any_real(4), call=lambda f, a, b: f(a, b, bias=True)),
        case(np.cov, "constant_first", Fixed(any_real(4)), any_real(4), call=lambda f, a, b: f(a, b)),
        case(np.cov, "columns", any_real(5, 2), any_real(5, 1), call=lambda f, a, b: f(a, b, rowvar=False)),
        case(np.cov, "bias", x, bias=True),
        case(np.cov, "ddof", x, ddof=0),
        case(np.cov, "dtype", x, dtype=np.float64),
        case(np.cov, "fweights", x, counts, call=lambda f, a, n: f(a, fweights=n)),
        case(np.cov, "aweights", x, weights, call=lambda f, a, w: f(a, aweights=w)),
        case(np.cov, "both_weights", x, counts, weights, call=lambda f, a, n, w: f(a, fweights=n, aweights=w)),
        case(np.cov, "aweights_ddof0", x, weights, call=lambda f, a, w: f(a, ddof=0, aweights=w)),
        case(np.corrcoef, "rows", any_real(3, 5)),
        case(np.corrcoef, "two", any_real(5), any_real(5), call=lambda f, a, b: f(a, b)),
        case(np.corrcoef, "columns", any_real(5, 2), rowvar=False),
        case(np.corrcoef, "vector", any_real(5)),
    ]


CASES: list[Case] = [*_quantiles(), *_skipping_nan(), *_covariances()]
