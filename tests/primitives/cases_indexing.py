"""Cases of indexing of every kind, and of the functions that are indexing."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tests.primitives.case import Case, any_real, case, constant, distinct, integers

VECTOR: dict[str, Any] = {
    "integer": 1,
    "negative": -1,
    "numpy_integer": np.int64(2),
    "zero_d_integer_array": np.array(1),
    "slice": slice(1, 3),
    "slice_step": slice(None, None, 2),
    "slice_backward": slice(None, None, -1),
    "slice_backward_step": slice(3, 0, -2),
    "slice_empty": slice(2, 2),
    "slice_beyond": slice(1, 99),
    "slice_negative": slice(-3, -1),
    "new_axis": None,
    "ellipsis": Ellipsis,
    "new_axes": (None, slice(None), None),
    "list": [0, 2],
    "repeated": [1, 1, 3, 1],
    "negative_array": np.array([-1, 0, -1]),
    "integer_matrix": np.array([[0, 1], [1, 3]]),
    "unsigned": np.array([0, 2], dtype=np.uint8),
    "empty_list": [],
    "empty_integers": np.zeros((0, 2), dtype=int),
    "mask": np.array([True, False, True, True]),
    "mask_list": [True, False, False, True],
    "mask_none": np.zeros(4, dtype=bool),
    "true": True,
    "false": False,
}
"""Indices of an array of shape (4,)."""

CUBE: dict[str, Any] = {
    "row": 1,
    "entry": (1, -1, 0),
    "two_integers": (0, 2),
    "slices": (slice(None), slice(0, 2), slice(1, None)),
    "steps": (slice(None, None, -1), slice(None, None, 2)),
    "ellipsis_last": (Ellipsis, 0),
    "ellipsis_first": (1, Ellipsis),
    "ellipsis_nothing": (0, 1, 1, Ellipsis),
    "ellipsis_middle": (0, Ellipsis, slice(None, 1)),
    "new_axis_middle": (slice(None), None, 1),
    "empty_tuple": (),
    "array_first": [1, 0, 1],
    "array_middle": (slice(None), [0, 2, 0]),
    "array_last": (Ellipsis, [1, 1]),
    "arrays_adjacent": (slice(None), [0, 2], [1, 0]),
    "arrays_apart": ([0, 1], slice(None), [1, 0]),
    "arrays_broadcast": ([[0], [1]], [0, 2]),
    "array_and_integer": (1, slice(None), [0, 0]),
    "integer_between": ([0, 1], 1, [0, 1]),
    "array_and_slice_step": ([0, 1, 1], slice(None, None, -2)),
    "array_and_new_axis": ([1, 0], None, slice(None), 0),
    "array_new_axis_array": ([1, 0], None, [0, 2]),
    "full": ([0, 1, 0], [2, 2, 2], [0, 1, 0]),
    "mask_full": np.arange(12).reshape(2, 3, 2) % 5 < 2,
    "mask_first_axis": np.array([False, True]),
    "mask_two_axes": np.array([[True, False, True], [False, False, True]]),
    "mask_and_slice": (slice(None), np.array([True, False, True]), slice(None, 1)),
    "mask_and_array": (np.array([True, True]), [0, 2]),
    "mask_last": (Ellipsis, np.array([False, True])),
    "tuple_of_ix": np.ix_([1, 0], [0, 2], [1]),
}
"""Indices of an array of shape (2, 3, 2)."""


def getitem(name: str, index: Any, *shape: int) -> Case:
    return case(operator.getitem, name, any_real(*shape), call=lambda f, a: f(a, index))


def _by_data() -> list[Case]:
    """Indices that come out of the traced data themselves."""
    x = distinct(4)

    def twice_over(f: Any, a: Any) -> Any:
        return f(f(a, slice(1, None)), [0, 0]) * f(a, 0)

    return [
        case(operator.getitem, "by_mask", x, call=lambda f, a: f(a, a > 0), branches=True),
        case(operator.getitem, "by_argmax", x, call=lambda f, a: f(a, np.argmax(a))),
        case(operator.getitem, "by_argsort", x, call=lambda f, a: f(a, np.argsort(a))),
        case(operator.getitem, "by_mask_of_rows", distinct(3, 2), call=lambda f, a: f(a, a[:, 0] > 0), branches=True),
        case(operator.getitem, "by_nonzero", x, call=lambda f, a: f(a, np.nonzero(a > 0)), branches=True),
        case(operator.getitem, "chained", x, call=twice_over),
        case(operator.getitem, "unpacked", x, call=lambda f, a: (lambda p, q, r, s: p * q + r * s)(*a)),
        case(operator.getitem, "rows", any_real(3, 2), call=lambda f, a: sum(row[0] * row[1] for row in a)),
        case(operator.getitem, "0d_ellipsis", any_real(), call=lambda f, a: f(a, Ellipsis)),
        case(operator.getitem, "0d_empty_tuple", any_real(), call=lambda f, a: f(a, ())),
        case(operator.getitem, "0d_new_axis", any_real(), call=lambda f, a: f(a, None)),
        case(operator.getitem, "of_transposed", any_real(2, 3), call=lambda f, a: f(a.T, ([0, 0, 2], 1))),
    ]


def _takes() -> list[Case]:
    x = any_real(2, 3)
    return [
        case(np.take, "flat", x, integers(0, 6)(4)),
        case(np.take, "scalar_index", x, indices=2),
        case(np.take, "axis0", x, indices=[1, 1, 0], axis=0),
        case(np.take, "axis_negative", x, indices=[2, 0], axis=-1),
        case(np.take, "index_matrix", x, indices=[[0, 2], [1, 1]], axis=1),
        case(np.take, "one_of_axis", x, indices=1, axis=1),
        case(np.take, "empty", x, indices=[], axis=1),
        case(np.take, "by_data", distinct(4), call=lambda f, a: f(a, np.argsort(a)[:2])),
        case(np.take_along_axis, "constant", distinct(4), call=lambda f, a: f(np.arange(4.0), np.argsort(a), 0) * a),
        case(np.take, "clip_axis", x, indices=[[-1, 1], [7, 0]], axis=1, mode="clip"),
        case(np.take, "wrap_axis", x, indices=[-5, 4], axis=-2, mode="wrap"),
        case(np.take, "wrap_by_data", distinct(4), call=lambda f, a: f(a, np.argsort(a) + 5, mode="wrap")),
        case(np.take, "scalar", any_real(), indices=[0, 0]),
        case(np.take, "clip", any_real(3), indices=[-1, 1, 7], mode="clip"),
        case(np.take, "wrap", any_real(3), indices=[-1, 4, 7], mode="wrap"),
        case(np.take_along_axis, "axis1", x, integers(0, 3)(2, 4), axis=1),
        case(np.take_along_axis, "axis0", x, integers(0, 2)(1, 3), axis=0),
        case(np.take_along_axis, "default", x, integers(0, 3)(2, 1)),
        case(np.take_along_axis, "broadcast_rows", any_real(4, 5), constant([[2, 0]]), axis=1),
        case(np.take_along_axis, "broadcast_columns", any_real(3, 2), constant([[2], [0], [1], [1]]), axis=0),
        case(np.take_along_axis, "broadcast_cube", any_real(2, 3, 2), constant([[[0], [2]]]), axis=1),
        case(np.take_along_axis, "flat", x, integers(0, 6)(4), axis=None),
        case(
            np.take_along_axis,
            "by_argmax",
            distinct(2, 3),
            call=lambda f, a: f(a, np.argmax(a, axis=1, keepdims=True), axis=1),
        ),
        case(
            np.take_along_axis,
            "flat_by_data",
            distinct(2, 3),
            call=lambda f, a: f(a, np.argsort(a, axis=None)[:3], axis=None),
        ),
        case(np.take_along_axis, "sorting", distinct(2, 3), call=lambda f, a: f(a, np.argsort(a, axis=1), axis=1)),
    ]


def _diagonals() -> list[Case]:
    square, wide, cube = any_real(3, 3), any_real(2, 4), any_real(2, 2, 3)
    result = []
    for offset in (0, 1, -1, 2, 9):
        result += [
            case(np.diagonal, f"wide_{offset}", wide, offset=offset),
            case(np.trace, f"wide_{offset}", wide, offset=offset),
            case(np.diag, f"of_matrix_{offset}", wide, k=offset),
        ]
    result += [case(np.diag, f"of_vector_{k}", any_real(3), k=k) for k in (0, 1, -2)]
    return [
        *result,
        case(np.diagonal, "square", square),
        case(np.diagonal, "axes", cube, offset=1, axis1=2, axis2=0),
        case(np.diagonal, "default_axes", cube),
        case(np.trace, "square", square),
        case(np.trace, "axes", cube, axis1=-1, axis2=1),
        case(np.trace, "dtype", square, dtype=np.float64),
        case(np.trace, "options", cube, offset=-1, axis1=0, axis2=2),
        case(np.diagonal, "negative_axes", cube, offset=-1, axis1=-1, axis2=-3),
        case(np.diag, "empty", any_real(0)),
        case(np.diagflat, "negative_offset", any_real(2, 1), k=-2),
        case(np.diagflat, "scalar", any_real()),
        case(np.diagflat, "matrix", any_real(2, 2)),
        case(np.diagflat, "offset", any_real(2), k=1),
    ]


CASES: list[Case] = [
    *(getitem(f"vector_{name}", index, 4) for name, index in VECTOR.items()),
    *(getitem(f"cube_{name}", index, 2, 3, 2) for name, index in CUBE.items()),
    *_by_data(),
    *_takes(),
    *_diagonals(),
]
