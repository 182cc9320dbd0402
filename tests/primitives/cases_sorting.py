"""Cases of sorting, searching, sets and histograms."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, others, positive, uniform


def weigh(result: Any, a: Any) -> Any:
    """An integer-like answer in use: as an index where that is possible, as a number always."""
    return np.ravel(a)[result] * (1.0 + result)


def _rearranging() -> list[Case]:
    x = distinct(3, 4)
    result = []
    for name, options in {
        "last": {},
        "axis0": {"axis": 0},
        "axis_negative": {"axis": -2},
        "flat": {"axis": None},
    }.items():
        result.append(case(np.sort, name, x, **options))
        result.append(case(np.argsort, f"{name}_as_index", x, call=lambda f, a, o=options: weigh(f(a, **o), a)))
        result.append(case(np.partition, name, x, kth=1, **options))
        result.append(case(np.argpartition, f"{name}_as_index", x, call=lambda f, a, o=options: f(a, 0, **o) * a[0, 0]))
    return [
        *result,
        case(np.sort, "vector", distinct(5)),
        case(np.sort, "one_entry", distinct(1)),
        case(np.sort, "empty", distinct(0)),
        case(np.sort, "empty_rows", distinct(0, 3), axis=0),
        case(np.sort, "kind", distinct(4), kind="heapsort"),
        case(np.sort, "stable", distinct(4), stable=True),
        case(np.sort, "of_transposed", x, call=lambda f, a: f(a.T, axis=0)),
        case(np.argsort, "stable", distinct(4), call=lambda f, a: weigh(f(a, stable=True), a)),
        case(np.argsort, "kind", distinct(4), call=lambda f, a: weigh(f(a, -1, "mergesort"), a)),
        case(np.partition, "several", distinct(7), kth=[1, -2]),
        case(np.partition, "kind", distinct(7), kth=3, kind="introselect"),
        case(np.argpartition, "several", distinct(7), call=lambda f, a: f(a, [1, 3])[[1, 3]] * a[:2]),
        case(np.lexsort, "keys", distinct(4), others(4), call=lambda f, a, b: weigh(f((a, b)), a)),
        case(np.lexsort, "axis", distinct(3, 2), call=lambda f, a: weigh(f((a, a > 0), axis=0), a)),
        case(np.lexsort, "matrix", distinct(2, 3), call=lambda f, a: f(a) * a[0]),
        case(np.sort_complex, "real_part", distinct(4), call=lambda f, a: np.real(f(a))),
        case(np.sort_complex, "squares", distinct(2, 3), call=lambda f, a: np.abs(f(a * (1 + 0.5j)) + 10)),
    ]


def _searching() -> list[Case]:
    x, edges = distinct(2, 3), constant([-2.5, 0.0, 1.0, 2.5])
    result = []
    for function in (np.argmax, np.argmin, np.nanargmax, np.nanargmin):
        result += [
            case(function, "keepdims", x, call=lambda f, a: a * f(a, axis=1, keepdims=True)),
            case(function, "flat", x, call=lambda f, a: weigh(f(a), a)),
            case(function, "axis_list", x, call=lambda f, a: weigh(f(a, 0), a)),
        ]
    return [
        *result,
        case(np.searchsorted, "right", x, edges, call=lambda f, a, e: a * f(e, a, side="right")),
        case(np.searchsorted, "traced_edges", distinct(4), call=lambda f, a: a[0] * f(np.sort(a), [0.1, 1.2])),
        case(np.searchsorted, "sorter", distinct(4), call=lambda f, a: a * f(a, [0.1, 1, 2, 3], sorter=np.argsort(a))),
        case(np.digitize, "values", x, edges, call=lambda f, a, e: a * f(a, e)),
        case(np.digitize, "right", x, edges, call=lambda f, a, e: a * f(a, e[::-1], right=True)),
        case(np.digitize, "traced_bins", distinct(3), call=lambda f, a: a * f([0.1, 1.0, -1.2], np.sort(a))),
        case(np.isin, "elements", x, call=lambda f, a: a * f(a, [0.1, 1.0])),
        case(np.isin, "invert", distinct(3), distinct(3), call=lambda f, a, b: a * f(a, b[:2], invert=True)),
    ]


def _sets() -> list[Case]:
    """Equal entries are copies of one traced entry: moving it moves them all."""
    x = distinct(3)
    repeated = [0, 2, 1, 2, 0]
    pairs = np.array([[0, 1], [2, 1], [0, 1]])

    def doubled(f: Any, a: Any, **options: Any) -> Any:
        return f(a[repeated], **options)

    flags = {"return_index": True, "return_inverse": True, "return_counts": True}
    result = [
        case(np.unique, "values", x, call=doubled, branches=True),
        case(np.unique, "of_matrix", distinct(2, 3), branches=True),
        case(np.unique, "all", x, call=lambda f, a: doubled(f, a, **flags)[0] * a[0], branches=True),
        case(np.unique, "counts", x, call=lambda f, a: np.multiply(*doubled(f, a, return_counts=True)), branches=True),
        case(np.unique, "inverse", x, call=lambda f, a: a[0] * f(a, return_inverse=True)[1], branches=True),
        case(np.unique, "axis0", x, call=lambda f, a: f(a[pairs], axis=0), branches=True),
        case(np.unique, "axis1", x, call=lambda f, a: f(a[pairs], axis=1, return_index=True)[0], branches=True),
        case(np.unique, "equal_nan", x, call=lambda f, a: doubled(f, a, equal_nan=False), branches=True),
        case(np.unique, "empty", distinct(0), branches=True),
        case(np.unique_all, "values", x, call=lambda f, a: doubled(f, a).values, branches=True),
        case(np.unique_counts, "both", x, call=lambda f, a: np.multiply(*doubled(f, a)), branches=True),
        case(np.unique_inverse, "values", x, call=lambda f, a: doubled(f, a).values, branches=True),
        case(np.unique_values, "sorted", x, call=lambda f, a: np.sort(doubled(f, a)), branches=True),
    ]
    for function in (np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d):
        both = {"call": lambda f, a, b: f(a[[0, 1, 1, 2]], np.concatenate([b, a[:2]])), "branches": True}
        result += [
            case(function, "both", x, others(2), **both),
            case(function, "constant_right", x, constant([7.0, 8.0]), branches=True),
            case(function, "constant_left", constant([7.0, 8.0]), x, branches=True),
        ]
    for function in (np.intersect1d, np.setdiff1d, np.setxor1d):
        result.append(
            case(function, "assume_unique", x, call=lambda f, a: f(a, a[1:], assume_unique=True), branches=True)
        )
    result.append(
        case(
            np.intersect1d,
            "indices",
            x,
            call=lambda f, a: (lambda values, i, j: values * (1 + i + 10 * j))(*f(a, a[1:], return_indices=True)),
            branches=True,
        )
    )
    return result


def _histograms() -> list[Case]:
    x, y, inside = distinct(6), others(6), uniform(0.1, 0.9)(6)
    w, heavy, borders = any_real(6), positive(6), [-2.0, -0.5, 0.5, 2.0]
    data, more = Fixed(distinct(6)), Fixed(others(6))
    bins = Fixed(lambda rng: rng.integers(0, 5, 6))

    def edges(f: Any, *arguments: Any, **options: Any) -> Any:
        return f(*arguments, **options)[1]

    def counts(f: Any, *arguments: Any, **options: Any) -> Any:
        return f(*arguments, **options)[0]

    return [
        case(np.bincount, "weights", bins, w, call=lambda f, k, w: f(k, w)),
        case(np.bincount, "minlength", bins, w, call=lambda f, k, w: f(k, weights=w, minlength=9)),
        case(np.bincount, "counts", x, call=lambda f, a: a[0] * f(np.where(a > 0, 1, 0), minlength=3)),
        case(np.bincount, "traced_bins", x, w, call=lambda f, a, w: f(np.argsort(a), w)),
        case(np.histogram_bin_edges, "number", x, bins=4),
        case(np.histogram_bin_edges, "auto", x, bins="sturges", branches=True),
        case(np.histogram_bin_edges, "range", x, call=lambda f, a: f(a, 3, range=(np.min(a) - 1, 7.0))),
        case(np.histogram, "edges", x, call=edges),
        case(np.histogram, "counts", x, call=lambda f, a: a[:3] * f(a, bins=3, range=(-5, 5))[0]),
        case(np.histogram, "weights", data, w, call=lambda f, a, w: counts(f, a, bins=borders, weights=w)),
        case(np.histogram, "weights_uniform", data, w, call=lambda f, a, w: counts(f, a, bins=4, weights=w)),
        case(np.histogram, "weights_traced", x, w, call=lambda f, a, w: counts(f, a, borders, None, False, w)),
        case(np.histogram, "density", inside, call=lambda f, a: counts(f, 10 * np.round(a) + a, 2, density=True)),
        case(np.histogram, "density_weights", x, heavy, call=lambda f, a, w: counts(f, a, borders, None, True, w)),
        case(
            np.histogram,
            "bins_traced",
            data,
            uniform(-0.4, 0.4)(1),
            call=lambda f, a, b: counts(f, a, np.concatenate([[-9.0], b, [9.0]]), density=True),
        ),
        case(np.histogram2d, "edges", x, y, call=lambda f, a, b: f(a, b, bins=(2, 3))[2]),
        case(np.histogram2d, "weights", data, more, w, call=lambda f, a, b, w: counts(f, a, b, borders, weights=w)),
        case(np.histogramdd, "weights", data, w, call=lambda f, a, w: counts(f, [a, a], bins=2, weights=w)),
        case(
            np.histogramdd,
            "density",
            data,
            positive(6),
            call=lambda f, a, w: counts(f, (a,), 3, density=True, weights=w),
        ),
        case(np.histogramdd, "sample", distinct(4, 2), call=lambda f, a: f(a, bins=2)[1][0]),
    ]


CASES: list[Case] = [*_rearranging(), *_searching(), *_sets(), *_histograms()]
