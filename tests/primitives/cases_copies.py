"""Cases of functions that copy entries of their arguments, choose between them, or apply a function along axes."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, others, uniform

MATRIX, VECTOR, SCALAR = any_real(2, 3), any_real(4), any_real()


def _repeating() -> list[Case]:
    return [
        case(np.repeat, "flat", MATRIX, repeats=2),
        case(np.repeat, "axis", MATRIX, repeats=2, axis=1),
        case(np.repeat, "negative_axis", MATRIX, repeats=3, axis=-2),
        case(np.repeat, "counts", MATRIX, call=lambda f, a: f(a, [2, 0, 1], axis=1)),
        case(np.repeat, "counts_flat", VECTOR, repeats=np.array([1, 0, 3, 1])),
        case(np.repeat, "counts_of_data", distinct(3), call=lambda f, a: f(a, 1 + (a > 0)), branches=True),
        case(np.repeat, "scalar", SCALAR, repeats=3),
        case(np.repeat, "nothing", VECTOR, repeats=0),
        case(np.tile, "number", VECTOR, reps=2),
        case(np.tile, "once", MATRIX, reps=1),
        case(np.tile, "more_axes", VECTOR, reps=(2, 1, 2)),
        case(np.tile, "fewer_axes", MATRIX, reps=(2,)),
        case(np.tile, "zero", MATRIX, reps=(0, 2)),
        case(np.tile, "scalar", SCALAR, reps=(2, 2)),
        case(np.resize, "longer", VECTOR, new_shape=(3, 3)),
        case(np.resize, "shorter", MATRIX, new_shape=4),
        case(np.resize, "of_nothing", any_real(0), new_shape=(2, 2)),
        case(np.block, "nested", MATRIX, any_real(2, 1), call=lambda f, a, b: f([[a, b], [b, a]])),
        case(np.block, "row", any_real(2), any_real(3), call=lambda f, a, b: f([a, b])),
        case(np.block, "scalars", SCALAR, any_real(), call=lambda f, a, b: f([[a, 0.0], [b, a]])),
        case(np.block, "constant", MATRIX, Fixed(any_real(1, 3)), call=lambda f, a, b: f([[a], [b]])),
        case(np.block, "alone", MATRIX),
        case(sliding_window_view, "vector", VECTOR, window_shape=3),
        case(sliding_window_view, "matrix", any_real(3, 4), window_shape=(2, 3)),
        case(sliding_window_view, "axis", MATRIX, window_shape=2, axis=-1),
        case(sliding_window_view, "axis_twice", any_real(4, 2), window_shape=(2, 2), axis=(0, 0)),
        case(sliding_window_view, "averaged", any_real(6), call=lambda f, a: f(a, 3).mean(axis=-1)),
    ]


def _inserting() -> list[Case]:
    return [
        case(np.insert, "number", VECTOR, call=lambda f, a: f(a, 1, 5.0)),
        case(np.insert, "traced_number", VECTOR, SCALAR, call=lambda f, a, b: f(a, -1, b)),
        case(np.insert, "flat", MATRIX, SCALAR, call=lambda f, a, b: f(a, [0, 2, 2], b)),
        case(np.insert, "row", MATRIX, any_real(3), call=lambda f, a, b: f(a, 1, b, axis=0)),
        case(np.insert, "columns", MATRIX, any_real(2, 2), call=lambda f, a, b: f(a, [0, 3], b, axis=1)),
        case(np.insert, "one_in_list", MATRIX, any_real(2, 1), call=lambda f, a, b: f(a, [1], b, axis=-1)),
        case(np.insert, "slice", VECTOR, any_real(2), call=lambda f, a, b: f(a, slice(0, 4, 2), b)),
        case(
            np.insert, "mask", VECTOR, any_real(2), call=lambda f, a, b: f(a, np.array([True, False, False, True]), b)
        ),
        case(np.insert, "list_of_values", VECTOR, any_real(2), call=lambda f, a, b: f(a, [1, 2], [b[0] * b[1], 2.0])),
        case(np.insert, "into_constant", Fixed(VECTOR), any_real(2), call=lambda f, a, b: f(a, 2, b)),
        case(np.insert, "place_of_data", distinct(3), call=lambda f, a: f(a, np.argmax(a), a[0]), branches=True),
        case(np.delete, "one", VECTOR, obj=1),
        case(np.delete, "negative", VECTOR, obj=-1),
        case(np.delete, "several", VECTOR, obj=[0, 2, 0]),
        case(np.delete, "slice", any_real(6), obj=slice(1, 5, 2)),
        case(np.delete, "backward_slice", any_real(6), obj=slice(4, 0, -3)),
        case(np.delete, "mask", VECTOR, obj=np.array([True, False, False, True])),
        case(np.delete, "flat", MATRIX, obj=[1, 4]),
        case(np.delete, "axis", MATRIX, obj=0, axis=-1),
        case(np.delete, "nothing", MATRIX, obj=[], axis=1),
        case(np.delete, "place_of_data", distinct(4), call=lambda f, a: f(a, np.argmax(a)), branches=True),
        case(np.compress, "axis", MATRIX, call=lambda f, a: f([True, False, True], a, axis=1)),
        case(np.compress, "short_condition", MATRIX, call=lambda f, a: f([0, 1], a, axis=-1)),
        case(np.compress, "flat", MATRIX, call=lambda f, a: f([1, 0, 0, 1, 1], a)),
        case(np.compress, "of_data", distinct(2, 3), call=lambda f, a: f(a[0] > 0, a, axis=1), branches=True),
        case(np.extract, "mask", MATRIX, call=lambda f, a: f(np.arange(6).reshape(2, 3) % 2, a)),
        case(np.extract, "of_data", distinct(2, 3), call=lambda f, a: f(a > 0, a), branches=True),
    ]


def _trimming() -> list[Case]:
    holes = np.array([0.0, 0.0, 1.0, 0.0, 2.0, 0.0])
    box = np.zeros((4, 5))
    box[1:3, 2:4] = [[1.0, 0.0], [0.0, 2.0]]
    vector, matrix = uniform(0.5, 1.5)(6), uniform(0.5, 1.5)(4, 5)
    return [
        case(np.trim_zeros, "both_ends", vector, call=lambda f, a: f(a * holes), branches=True),
        case(np.trim_zeros, "front", vector, call=lambda f, a: f(a * holes, "f"), branches=True),
        case(np.trim_zeros, "back", vector, call=lambda f, a: f(a * holes, trim="B"), branches=True),
        case(np.trim_zeros, "all_zeros", vector, call=lambda f, a: f(a * 0), branches=True),
        case(np.trim_zeros, "matrix", matrix, call=lambda f, a: f(a * box), branches=True),
        case(np.trim_zeros, "axis", matrix, call=lambda f, a: f(a * box, axis=-1), branches=True),
        case(np.trim_zeros, "list_of_traced", vector, call=lambda f, a: f([0.0, a[0] ** 2, a[2], 0.0]), branches=True),
    ]


def _choosing() -> list[Case]:
    a, b = distinct(4), others(4)
    index = constant([0, 2, 1, 0])

    def below_and_above(f: Any, x: Any, y: Any) -> Any:
        return f([x > 1, x < -1], [x * y, y**2], x - y)

    return [
        case(np.choose, "arrays", index, a, b, call=lambda f, i, x, y: f(i, [x, y, x * y])),
        case(np.choose, "numbers", index, a, call=lambda f, i, x: f(i, (x, 1.5, 2))),
        case(np.choose, "one_array", index, any_real(3, 4)),
        case(
            np.choose, "broadcast", constant([[0], [1]]), any_real(3), any_real(), call=lambda f, i, x, y: f(i, [x, y])
        ),
        case(np.choose, "wrap", constant([-1, 5, 1, 2]), a, b, call=lambda f, i, x, y: f(i, [x, y], mode="wrap")),
        case(np.choose, "clip", constant([-1, 5, 1, 0]), a, b, call=lambda f, i, x, y: f(i, [x, y], mode="clip")),
        case(np.choose, "constant_choice", index, a, Fixed(b), call=lambda f, i, x, y: f(i, [y, x, y])),
        case(np.choose, "by_data", a, b, call=lambda f, x, y: f(np.argsort(x) % 2, [x, y])),
        case(np.choose, "scalar", a, call=lambda f, x: f(1, [x, x**2])),
        case(np.select, "of_data", a, b, call=below_and_above),
        case(np.select, "default", a, call=lambda f, x: f([x > 1], [x**2])),
        case(np.select, "default_number", a, call=lambda f, x: f([x > 1, x > 0], [x**2, 1.0], default=2)),
        case(np.select, "traced_default", a, SCALAR, call=lambda f, x, y: f([np.arange(4) > 1], [x], y)),
        case(np.select, "first_wins", a, b, call=lambda f, x, y: f([x < 2, x < 9], [x, y], 0.0)),
        case(np.select, "broadcast", distinct(2, 1), others(3), call=lambda f, x, y: f([x > 0, y > 0], [y, x], 1.0)),
        case(np.select, "constant_conditions", a, b, call=lambda f, x, y: f([np.eye(4)[0] > 0, True], [x, y])),
    ]


def _pieces() -> list[Case]:
    x, y = distinct(2, 3), SCALAR

    def centered(v: Any, power: Any = 1, *, scale: Any = 1.0) -> Any:
        return scale * (v - np.mean(v)) ** power

    return [
        case(np.piecewise, "functions", x, call=lambda f, a: f(a, [a < 0, a >= 0], [np.cos, np.exp]), branches=True),
        case(np.piecewise, "otherwise", x, call=lambda f, a: f(a, [a < 0], [np.cos, lambda v: v**2]), branches=True),
        case(np.piecewise, "numbers", x, call=lambda f, a: f(a, [a < 0, a > 1], [-1, 2.0, np.sin]), branches=True),
        case(np.piecewise, "traced_scalar", x, y, call=lambda f, a, b: f(a, [a < 0], [b, b**2]), branches=True),
        case(np.piecewise, "uncovered", x, call=lambda f, a: f(a, [a < -1, a > 1], [np.sin, np.cos]), branches=True),
        case(np.piecewise, "last_wins", x, call=lambda f, a: f(a, [a < 2, a < 0], [np.sin, np.cos]), branches=True),
        case(np.piecewise, "not_elementwise", x, call=lambda f, a: f(a, [a < 0], [centered, np.sin]), branches=True),
        case(
            np.piecewise, "arguments", x, y, call=lambda f, a, b: f(a, [a > 0], [centered], 2, scale=b), branches=True
        ),
        case(np.piecewise, "single_condition", distinct(4), call=lambda f, a: f(a, a > 0, [np.sin]), branches=True),
        case(
            np.piecewise, "scalar", distinct(), call=lambda f, a: f(a, [a < 9, a > 9], [np.sin, np.cos]), branches=True
        ),
        case(np.piecewise, "of_constant", constant([0.5, -0.5]), y, call=_of_constant, branches=True),
        case(np.piecewise, "rows", x, call=lambda f, a: f(a, np.eye(2, dtype=bool), [np.sin, np.cos])),
    ]


def _of_constant(f: Any, x: Any, y: Any) -> Any:
    return f(x, [x < y + 9], [lambda v: v * y])


def _turning() -> list[Case]:
    cube = any_real(2, 3, 2)
    result = [case(np.rot90, f"turns_{k}", MATRIX, k=k) for k in (-1, 0, 1, 2, 3, 5)]
    result += [case(np.rot90, f"axes_{a}{b}", cube, k=k, axes=(a, b)) for k, (a, b) in {1: (2, 0), 3: (1, -1)}.items()]
    if hasattr(np, "unstack"):  # since NumPy 2.1
        result += [
            case(np.unstack, "rows", MATRIX),
            case(np.unstack, "axis", cube, axis=-1),
            case(np.unstack, "then_used", MATRIX, call=lambda f, a: np.prod(f(a, axis=1)[1]) * f(a)[0]),
        ]
    return result


def _grids() -> list[Case]:
    u, v, w = any_real(2), any_real(3), any_real()
    result = [
        case(
            np.meshgrid, f"{indexing}_sparse_{sparse}_copy_{copy}", u, v, w, indexing=indexing, sparse=sparse, copy=copy
        )
        for indexing, sparse, copy in product(("xy", "ij"), (True, False), (True, False))
    ]
    return [
        *result,
        case(np.meshgrid, "one", v),
        case(np.meshgrid, "constant", v, call=lambda f, a: f([1.0, 2.0], a)),
        case(np.meshgrid, "two", u, v, call=lambda f, a, b: (lambda p, q: p * np.sin(q))(*f(a, b))),
        case(np.ix_, "of_data", distinct(3, 2), call=lambda f, a: a[f(np.argsort(a[:, 0]), [1, 0])]),
        case(np.ix_, "mask", distinct(3, 2), call=lambda f, a: a[f(a[:, 0] > 0, [1, 0])], branches=True),
    ]


def _along_axes() -> list[Case]:
    cube = any_real(2, 3, 2)

    def with_arguments(line: Any, factor: Any, *, power: int) -> list[Any]:
        return [factor * line[0], line[-1] ** power]

    return [
        case(np.apply_along_axis, "to_scalars", MATRIX, call=lambda f, a: f(lambda v: np.prod(v), 1, a)),
        case(np.apply_along_axis, "to_lines", cube, call=lambda f, a: f(np.cumsum, -2, a**2)),
        case(np.apply_along_axis, "to_matrices", cube, call=lambda f, a: f(lambda v: np.outer(v, v), 1, a)),
        case(np.apply_along_axis, "to_lists", MATRIX, call=lambda f, a: f(with_arguments, 0, a, 3.0, power=2)),
        case(np.apply_along_axis, "vector", VECTOR, call=lambda f, a: f(np.mean, 0, a)),
        case(np.apply_along_axis, "number", MATRIX, call=lambda f, a: f(lambda v: 1, 0, a) * a),
        case(np.apply_along_axis, "with_traced", MATRIX, SCALAR, call=lambda f, a, b: f(lambda v: v.sum() * b, 0, a)),
        case(np.apply_over_axes, "sums", cube, call=lambda f, a: f(np.sum, a**2, [0, -1])),
        case(np.apply_over_axes, "one", MATRIX, call=lambda f, a: f(np.prod, a, 1)),
        case(np.apply_over_axes, "same_shape", MATRIX, call=lambda f, a: f(np.cumsum, a, (0, 1))),
        case(
            np.apply_over_axes,
            "keeping",
            MATRIX,
            call=lambda f, a: f(lambda x, axis: np.mean(x, axis=axis, keepdims=True), a, 0),
        ),
    ]


def _positions() -> list[Case]:
    x = distinct(2, 3)
    return [
        case(np.unravel_index, "of_maximum", x, call=lambda f, a: a[f(np.argmax(a), a.shape)] ** 2),
        case(np.unravel_index, "several", x, call=lambda f, a: a[f(np.argsort(a, axis=None), a.shape)]),
        case(np.unravel_index, "fortran", x, call=lambda f, a: a[f(np.argmin(a), a.shape, order="F")] ** 2),
        case(
            np.ravel_multi_index,
            "of_columns",
            x,
            call=lambda f, a: np.ravel(a)[f((np.argmax(a, axis=0), [0, 1, 2]), a.shape)],
        ),
        case(
            np.ravel_multi_index,
            "options",
            x,
            call=lambda f, a: np.ravel(a)[f((np.argmax(a, axis=0) + 1, [0, 1, 2]), a.shape, mode="wrap", order="F")],
        ),
        case(np.tril_indices_from, "offset", any_real(3, 4), call=lambda f, a: a[f(a, 1)]),
        case(np.triu_indices_from, "offset", any_real(3, 4), call=lambda f, a: a[f(a, k=-1)]),
        case(np.diag_indices_from, "square", any_real(3, 3), call=lambda f, a: a[f(a)]),
    ]


CASES: list[Case] = [
    *_repeating(),
    *_inserting(),
    *_trimming(),
    *_choosing(),
    *_pieces(),
    *_turning(),
    *_grids(),
    *_along_axes(),
    *_positions(),
]
