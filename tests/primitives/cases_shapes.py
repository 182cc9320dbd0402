"""Cases of reshaping, transposing, broadcasting, joining and splitting."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct


def _reshaping() -> list[Case]:
    x = any_real(2, 3)
    return [
        case(np.reshape, "tuple", x, call=lambda f, a: f(a, (3, 2))),
        case(np.reshape, "inferred", x, call=lambda f, a: f(a, (3, -1))),
        case(np.reshape, "integer", x, call=lambda f, a: f(a, 6)),
        case(np.reshape, "keyword", x, shape=(1, 6)),
        case(np.reshape, "fortran", x, shape=(3, 2), order="F"),
        case(np.reshape, "fortran_inferred", any_real(2, 3, 2), shape=(4, -1), order="F"),
        case(np.reshape, "scalar", any_real(), shape=(1, 1)),
        case(np.reshape, "to_scalar", any_real(1, 1), shape=()),
        case(np.reshape, "empty", any_real(0, 3), shape=(3, 0)),
        case(np.reshape, "of_transposed", x, call=lambda f, a: f(a.T, (6,))),
        case(np.ravel, "matrix", x),
        case(np.reshape, "numpy_shape", x, call=lambda f, a: f(a, np.array([3, 2]))),
        case(np.reshape, "order_a", x, shape=(3, 2), order="A"),
        case(np.reshape, "order_a_of_transposed", x, call=lambda f, a: f(a.T, 6, order="A")),
        case(np.reshape, "copy", x, shape=6, copy=True),
        case(np.ravel, "fortran", x, order="F"),
        case(np.ravel, "order_a", x, call=lambda f, a: f(a.T, "A")),
        case(np.ravel, "order_k", x, order="K"),
        case(np.ravel, "order_k_of_transposed", any_real(2, 3, 2), call=lambda f, a: f(a.transpose(1, 2, 0), "K")),
        case(np.ravel, "order_k_of_reversed", any_real(2, 3, 2), call=lambda f, a: f(a[:, ::2].swapaxes(0, 2), "K")),
        case(np.ravel, "scalar", any_real()),
        case(np.copy, "matrix", x),
        case(np.astype, "same", x, call=lambda f, a: f(a, a.dtype)),
        case(np.copy, "options", x, order="F", subok=True),
        case(np.astype, "to_double", x, call=lambda f, a: f(a, np.float64)),
        case(np.astype, "to_integers", distinct(2, 3), call=lambda f, a: f(a, int) * a),
        case(np.astype, "no_copy", x, call=lambda f, a: f(a, a.dtype, copy=False)),
        case(np.expand_dims, "front", x, axis=0),
        case(np.expand_dims, "negative", x, axis=-1),
        case(np.expand_dims, "tuple", x, axis=(0, 2)),
        case(np.expand_dims, "negative_tuple", x, axis=(-1, 0, -3)),
        case(np.expand_dims, "scalar", any_real(), axis=(0, 1)),
        case(np.squeeze, "all", any_real(1, 3, 1)),
        case(np.squeeze, "axis", any_real(1, 3, 1), axis=0),
        case(np.squeeze, "tuple", any_real(1, 3, 1), axis=(0, -1)),
        case(np.squeeze, "to_scalar", any_real(1, 1)),
        *(
            case(f, name, *operands)
            for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
            for name, operands in {
                "several": (any_real(), any_real(3), any_real(2, 3)),
                "with_constant": (any_real(3), Fixed(any_real(2))),
            }.items()
        ),
        *(
            case(f, f"{len(shape)}d", any_real(*shape))
            for f in (np.atleast_1d, np.atleast_2d, np.atleast_3d)
            for shape in ((), (3,), (2, 3), (1, 2, 3))
        ),
    ]


def _moving() -> list[Case]:
    x, cube = any_real(2, 3), any_real(2, 3, 2)
    return [
        case(np.transpose, "matrix", x),
        case(np.transpose, "reversed", cube),
        case(np.transpose, "axes", cube, axes=(1, 0, 2)),
        case(np.transpose, "cyclic", cube, axes=(1, 2, 0)),
        case(np.transpose, "negative_axes", cube, axes=(-1, 0, 1)),
        case(np.transpose, "positional", cube, call=lambda f, a: f(a, (2, 0, 1))),
        case(np.transpose, "vector", any_real(3)),
        case(np.transpose, "scalar", any_real()),
        case(np.transpose, "empty", any_real(0, 2)),
        *(
            case(np.permute_dims, f"permute_dims_{name}", cube, axes=axes)
            for name, axes in {"axes": (2, 0, 1), "none": None}.items()
        ),
        case(np.swapaxes, "pair", cube, axis1=0, axis2=-1),
        case(np.swapaxes, "same", cube, axis1=1, axis2=1),
        case(np.moveaxis, "one", cube, source=0, destination=-1),
        case(np.moveaxis, "several", cube, source=(0, 1), destination=(-1, 0)),
        case(np.moveaxis, "negative", cube, source=-1, destination=-3),
        case(np.rollaxis, "to_front", cube, axis=2),
        case(np.rollaxis, "negative", cube, axis=-1, start=-1),
        case(np.rollaxis, "stays", cube, axis=1, start=2),
        case(np.rollaxis, "to_start", cube, axis=0, start=2),
        case(np.matrix_transpose, "stack", cube),
        case(np.flip, "all", x),
        case(np.flip, "axis", x, axis=0),
        case(np.flip, "negative_axis", x, axis=-1),
        case(np.flip, "tuple", cube, axis=(0, 2)),
        case(np.flipud, "matrix", x),
        case(np.fliplr, "matrix", x),
        case(np.roll, "flat", x, shift=2),
        case(np.roll, "negative", any_real(4), shift=-1),
        case(np.roll, "beyond", any_real(3), shift=7),
        case(np.roll, "axis", x, shift=1, axis=1),
        case(np.roll, "negative_axis", x, shift=1, axis=-2),
        case(np.roll, "tuples", x, shift=(1, -1), axis=(0, 1)),
        case(np.roll, "shared_shift", x, shift=1, axis=(0, 1)),
        case(np.roll, "axis_twice", x, shift=(1, 1), axis=(1, 1)),
        case(np.roll, "empty", any_real(0), shift=1),
        case(np.roll, "several_shifts_flat", x, shift=(1, 2)),
        case(np.roll, "several_shifts_of_axis", x, shift=(1, 1), axis=1),
        case(np.roll, "lists", x, shift=[1, 2], axis=[0, -1]),
        case(np.roll, "numpy_integers", x, call=lambda f, a: f(a, np.array([1, 1]), np.array([0, 1]))),
        case(np.roll, "scalar", any_real(), shift=1),
        case(np.flip, "empty_tuple", x, axis=()),
        case(np.flip, "scalar", any_real()),
        case(np.flipud, "vector", any_real(3)),
        case(np.fliplr, "cube", cube),
    ]


def _broadcasting() -> list[Case]:
    return [
        case(np.broadcast_to, "row", any_real(3), shape=(2, 3)),
        case(np.broadcast_to, "column", any_real(2, 1), shape=(2, 3)),
        case(np.broadcast_to, "scalar", any_real(), shape=(2, 2)),
        case(np.broadcast_to, "same", any_real(2), shape=(2,)),
        case(np.broadcast_to, "positional", any_real(2), call=lambda f, a: f(a, (3, 2))),
        case(np.broadcast_to, "to_empty", any_real(1, 2), shape=(0, 2)),
        case(np.broadcast_to, "integer", any_real(1), shape=3, subok=True),
        case(np.broadcast_arrays, "three", any_real(2, 1), any_real(), any_real(1, 3)),
        case(np.broadcast_arrays, "subok", any_real(2, 1), any_real(3), subok=True),
        case(np.broadcast_arrays, "one", any_real(2)),
        case(np.broadcast_arrays, "equal_shapes", any_real(2), Fixed(any_real(2))),
        case(np.broadcast_arrays, "two", any_real(2, 1), any_real(3)),
        case(np.broadcast_arrays, "constant", any_real(3), Fixed(any_real(2, 1))),
    ]


def _joining() -> list[Case]:
    a, b, v = any_real(2, 2), any_real(2, 1), any_real(3)

    def joined(**options: Any) -> Any:
        return lambda f, *xs: f(xs, **options)

    def pair_as_list(f: Any, x: Any, y: Any) -> Any:
        return f([x, y])

    def to_integers(f: Any, x: Any) -> Any:
        return f([x, x], dtype=int, casting="unsafe") * x[0]

    return [
        case(np.concatenate, "vectors", v, any_real(2), call=joined()),
        case(np.concatenate, "list", v, any_real(2), call=pair_as_list),
        case(np.concatenate, "axis1", a, b, call=joined(axis=1)),
        case(np.concatenate, "axis_negative", b, a, b, call=joined(axis=-1)),
        case(np.concatenate, "axis_none", a, v, call=joined(axis=None)),
        case(np.concatenate, "constant", v, Fixed(any_real(2)), call=joined()),
        case(np.concatenate, "plain_list", v, call=lambda f, x: f([[1.0, 2.0], x])),
        case(np.concatenate, "integers", v, constant([1, 2]), call=joined()),
        case(np.concatenate, "same_twice", v, call=lambda f, x: f([x, x])),
        case(np.concatenate, "with_empty", v, any_real(0), call=joined()),
        case(np.concatenate, "alone", v, call=joined()),
        case(np.concatenate, "dtype", v, v, call=joined(dtype=np.float64)),
        case(np.concatenate, "casting", v, v, call=joined(dtype=np.float64, casting="same_kind")),
        case(
            np.concatenate, "to_integers", distinct(3), call=lambda f, x: f([x, x], dtype=int, casting="unsafe") * x[0]
        ),
        case(np.concatenate, "of_array", any_real(2, 3)),
        case(np.concatenate, "list_of_traced", v, call=lambda f, x: f([[x[0], 1.0, x[0] * x[1]], x])),
        case(np.concatenate, "safe", v, any_real(2), call=joined(casting="safe")),
        case(np.stack, "of_array", a, call=lambda f, x: f(x, axis=1)),
        case(np.stack, "dtype", v, v, call=joined(axis=1, dtype=np.float64, casting="unsafe")),
        case(np.vstack, "dtype", v, any_real(3), call=joined(dtype=np.float64)),
        case(np.hstack, "dtype", v, any_real(2), call=joined(dtype=np.float64, casting="same_kind")),
        case(np.vstack, "scalars", any_real(), any_real(), call=joined()),
        case(np.vstack, "with_list", v, call=lambda f, x: f(([1.0, 2.0, 3.0], x))),
        case(np.hstack, "with_number", v, call=lambda f, x: f((x, 1.0))),
        case(np.dstack, "scalars", any_real(), any_real(), call=joined()),
        case(np.column_stack, "scalars", any_real(), any_real(), call=joined()),
        case(np.append, "negative_axis", a, any_real(2, 1), axis=-1),
        case(np.append, "to_constant", Fixed(a), v),
        case(np.append, "list_of_traced", v, call=lambda f, x: f(x, [x[0] ** 2, 1.0])),
        case(np.stack, "axis0", v, any_real(3), call=joined()),
        case(np.stack, "axis_last", a, a, call=joined(axis=-1)),
        case(np.stack, "axis1", a, a, call=joined(axis=1)),
        case(np.stack, "scalars", any_real(), any_real(), call=pair_as_list),
        case(np.stack, "mixed_scalars", any_real(), call=lambda f, x: f([1.0, x, 2])),
        case(np.stack, "constant", v, Fixed(any_real(3)), call=joined(axis=1)),
        case(np.stack, "same_twice", v, call=lambda f, x: f([x, x], axis=1)),
        case(np.vstack, "vectors", v, any_real(3), call=joined()),
        case(np.vstack, "matrices", a, any_real(1, 2), call=joined()),
        case(np.hstack, "vectors", v, any_real(2), call=joined()),
        case(np.hstack, "matrices", a, b, call=joined()),
        case(np.hstack, "scalars", any_real(), any_real(), call=joined()),
        case(np.dstack, "vectors", v, any_real(3), call=joined()),
        case(np.dstack, "matrices", a, a, call=joined()),
        case(np.column_stack, "vectors", v, any_real(3), call=joined()),
        case(np.column_stack, "mixed", any_real(2), a, call=joined()),
        case(np.append, "flat", a, v),
        case(np.append, "axis", a, any_real(1, 2), axis=0),
        case(np.append, "number", v, call=lambda f, x: f(x, 2.0)),
    ]


def _splitting() -> list[Case]:
    v, x = any_real(6), any_real(2, 4)
    return [
        case(np.split, "sections", v, indices_or_sections=3),
        case(np.split, "cuts", v, indices_or_sections=[1, 4]),
        case(np.split, "axis", x, indices_or_sections=2, axis=1),
        case(np.split, "overlapping_cuts", v, indices_or_sections=[4, 2]),
        case(np.split, "cuts_beyond", v, indices_or_sections=[2, 9]),
        case(np.split, "negative_cut", v, indices_or_sections=[-2]),
        case(np.split, "numpy_cuts", v, indices_or_sections=np.array([1, 4])),
        case(np.split, "no_cuts", v, indices_or_sections=()),
        case(np.split, "by_data", distinct(4), call=lambda f, a: f(a, [np.argmax(a)]), branches=True),
        case(np.array_split, "numpy_sections", v, indices_or_sections=np.int64(4)),
        case(np.array_split, "uneven", v, indices_or_sections=4),
        case(np.array_split, "more_than_rows", any_real(2), indices_or_sections=3),
        case(np.array_split, "axis", x, indices_or_sections=3, axis=-1),
        case(np.array_split, "cuts", x, indices_or_sections=[1, 1, -1], axis=1),
        case(np.hsplit, "cuts", x, indices_or_sections=[1, 3]),
        case(np.hsplit, "matrix", x, indices_or_sections=2),
        case(np.hsplit, "vector", v, indices_or_sections=2),
        case(np.vsplit, "matrix", x, indices_or_sections=2),
        case(np.dsplit, "cube", any_real(2, 1, 4), indices_or_sections=[1]),
    ]


CASES: list[Case] = [*_reshaping(), *_moving(), *_broadcasting(), *_joining(), *_splitting()]
