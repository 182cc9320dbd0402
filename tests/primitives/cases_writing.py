"""Cases of writing: operations that write into an array made inside of the case's call."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.primitives.case import Attribute, Case, any_real, case, constant, distinct, integers, others, positive

MASK = constant(np.array([True, False, True]))
EVERY_OTHER = constant(np.array([[True, False, True], [False, True, False]]))


def into(change: Callable[..., Any]) -> Callable[..., Any]:
    """``change(f, y, *values)`` edits a copy ``y`` of the first operand, which is the result."""

    def call(f: Any, a: Any, *values: Any) -> Any:
        y = a.copy()
        change(f, y, *values)
        return y

    return call


def filled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function(f, y, a)`` with ``out=y``, an array of the result's shape that holds something else before."""

    def call(f: Any, *operands: Any) -> Any:
        y = 0 * f(*operands) + 7
        z = function(f, y, *operands)
        return z + 2 * y

    return call


def _items() -> list[Case]:
    put, get = operator.setitem, operator.getitem
    return [
        case(put, "entry", any_real(3), any_real(), call=into(lambda f, y, v: f(y, 1, v))),
        case(put, "entry_of_a_matrix", any_real(2, 3), any_real(), call=into(lambda f, y, v: f(y, (1, -1), v))),
        case(put, "slice", any_real(5), any_real(2), call=into(lambda f, y, v: f(y, slice(1, 4, 2), v))),
        case(put, "backwards", any_real(4), any_real(2), call=into(lambda f, y, v: f(y, slice(None, None, -2), v))),
        case(put, "row", any_real(2, 3), any_real(3), call=into(lambda f, y, v: f(y, 1, v))),
        case(put, "column", any_real(2, 3), any_real(2), call=into(lambda f, y, v: f(y, (slice(None), 2), v))),
        case(put, "broadcast", any_real(2, 3), any_real(2, 1), call=into(lambda f, y, v: f(y, (Ellipsis,), v))),
        case(put, "number_everywhere", any_real(2, 3), any_real(), call=into(lambda f, y, v: f(y, slice(None), v))),
        case(put, "leading_unit_axes", any_real(4), any_real(1, 2), call=into(lambda f, y, v: f(y, slice(2), v))),
        case(put, "new_axis", any_real(2, 3), any_real(1, 3), call=into(lambda f, y, v: f(y, (None, 0), v))),
        case(put, "empty", any_real(3), any_real(0), call=into(lambda f, y, v: f(y, slice(2, 2), v))),
        case(put, "constant_value", any_real(3), call=into(lambda f, y: f(y, slice(2), [5.0, 6.0]))),
        case(put, "constant_array", any_real(2), call=lambda f, v: _into_constant(f, v)),
        case(put, "integers", any_real(5), any_real(3), call=into(lambda f, y, v: f(y, [3, 0, 4], v))),
        case(put, "integers_repeated", any_real(4), any_real(3), call=into(lambda f, y, v: f(y, [1, 2, 1], v))),
        case(put, "integers_broadcast", any_real(4), any_real(), call=into(lambda f, y, v: f(y, [[1], [2]], v))),
        case(put, "mixed", any_real(2, 3), any_real(2, 2), call=into(lambda f, y, v: f(y, (slice(None), [2, 0]), v))),
        case(put, "mask", any_real(3), MASK, any_real(2), call=into(lambda f, y, m, v: f(y, m, v))),
        case(
            put, "mask_of_a_matrix", any_real(2, 3), EVERY_OTHER, any_real(), call=into(lambda f, y, m, v: f(y, m, v))
        ),
        case(put, "traced_mask", distinct(4), any_real(), call=into(lambda f, y, v: f(y, y > 0, v)), branches=True),
        case(put, "through_a_view", any_real(2, 3), any_real(2), call=into(lambda f, y, v: f(y.T[1:], 0, v))),
        case(put, "itself", any_real(4), call=into(lambda f, y: f(y, slice(1, None), y[:-1]))),
        case(get, "of_a_written_array", any_real(4), any_real(), call=lambda f, a, v: _read_and_write(f, a, v)),
    ]


def _into_constant(f: Any, v: Any) -> Any:
    y = np.arange(4.0) + 0 * v[0]
    f(y, slice(1, 3), v)
    return y


def _read_and_write(f: Any, a: Any, v: Any) -> Any:
    y = a.copy()
    early, part = f(y, 0) * f(y, 1), f(y, slice(0, 2))
    y[0] = v
    return early * part + f(y, slice(2, None))


def _operators() -> list[Case]:
    result = []
    for f in (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow):
        b = any_real if f is not operator.itruediv else positive
        result += [
            case(f, "array", positive(3), b(3), call=into(lambda f, y, v: f(y, v))),
            case(f, "number", positive(3), b(), call=into(lambda f, y, v: f(y, v))),
            case(f, "row", positive(2, 3), b(1, 3), call=into(lambda f, y, v: f(y, v))),
            case(f, "same_twice", positive(3), call=into(lambda f, y: f(y, y))),
            case(f, "part", positive(4), b(3), call=into(lambda f, y, v: f(y[1:], v))),
        ]
    result += [
        case(operator.ifloordiv, "arrays", distinct(3), call=into(lambda f, y: f(y, 3.3))),
        case(operator.imod, "arrays", distinct(3), call=into(lambda f, y: f(y, 3.3))),
        case(operator.imatmul, "matrices", any_real(3, 3), any_real(3, 3), call=into(lambda f, y, v: f(y, v))),
    ]
    return result


def _out() -> list[Case]:
    return [
        case(np.sin, "out", any_real(3), call=filled(lambda f, y, a: f(a, out=y))),
        case(np.multiply, "out", any_real(2, 1), any_real(3), call=filled(lambda f, y, a, b: f(a, b, out=y))),
        case(np.multiply, "positional_out", any_real(3), any_real(3), call=filled(lambda f, y, a, b: f(a, b, y))),
        case(np.add, "out_is_an_operand", any_real(3), any_real(3), call=into(lambda f, y, b: f(y, b, out=y))),
        case(np.add, "out_overlaps", any_real(4), call=into(lambda f, y: f(y[1:], y[:-1], out=y[1:]))),
        case(np.exp, "where", any_real(3), MASK, call=into(lambda f, y, m: f(2 * y, out=y, where=m))),
        case(np.hypot, "where_traced", distinct(4), others(4), call=into(lambda f, y, b: f(y, b, out=y, where=y > 0))),
        case(np.sum, "out", any_real(2, 3), call=lambda f, a: _totals(f, a)),
        case(np.cumsum, "out", any_real(4), call=into(lambda f, y: f(y, out=y))),
        case(np.dot, "out", any_real(2, 3), any_real(3), call=filled(lambda f, y, a, b: f(a, b, y))),
        case(np.matmul, "out", any_real(2, 3), any_real(3, 2), call=filled(lambda f, y, a, b: f(a, b, out=y))),
        case(np.clip, "out", distinct(4), call=filled(lambda f, y, a: f(a, -1.0, 1.1, y))),
        case(np.concatenate, "out", any_real(2), any_real(3), call=_joined),
        case(np.modf, "out", distinct(3), call=lambda f, a: f(a, out=(a * 0, a * 0))[1]),
    ]


def _totals(f: Any, a: Any) -> Any:
    y = a[0] * 5
    f(a, axis=0, out=y)
    f(a[:, :2], axis=1, out=y[1:])
    return y


def _joined(f: Any, a: Any, b: Any) -> Any:
    y = f([a, b]) * 3
    f([b, a], out=y)
    return y


def _functions() -> list[Case]:
    at = [
        (np.add, any_real(3), any_real(3)),
        (np.subtract, any_real(3), any_real(3)),
        (np.multiply, any_real(3), any_real(3)),
        (np.divide, any_real(3), positive(3)),
        (np.maximum, distinct(3), others(3)),
        (np.power, positive(3), any_real(3)),
    ]
    return [
        *(case(u, "at", a, b, call=into(lambda f, y, v: f.at(y, [0, 2, 0], v))) for u, a, b in at),
        case(np.exp, "at", any_real(3), call=into(lambda f, y: f.at(y, [0, 2, 0]))),
        case(np.add, "at_axes", any_real(2, 3), any_real(2), call=into(lambda f, y, v: f.at(y, ([0, 0], [1, 1]), v))),
        case(np.add, "at_broadcast", any_real(2, 3), any_real(3), call=into(lambda f, y, v: f.at(y, [[1], [1]], v))),
        case(np.add, "at_mask", any_real(3), MASK, any_real(2), call=into(lambda f, y, m, v: f.at(y, m, v))),
        case(np.put, "positions", any_real(2, 3), any_real(2), call=into(lambda f, y, v: f(y, [0, 4, -1], v))),
        case(np.put, "clip", any_real(4), any_real(2), call=into(lambda f, y, v: f(y, [9, 1], v, mode="clip"))),
        case(np.place, "mask", any_real(3), MASK, any_real(3), call=into(lambda f, y, m, v: f(y, m, v))),
        case(np.putmask, "mask", any_real(2, 3), EVERY_OTHER, any_real(4), call=into(lambda f, y, m, v: f(y, m, v))),
        case(
            np.put_along_axis,
            "axis_1",
            any_real(2, 3),
            integers(0, 3)(2, 1),
            any_real(2, 1),
            call=into(lambda f, y, k, v: f(y, k, v, 1)),
        ),
        case(
            np.put_along_axis,
            "flat",
            any_real(2, 2),
            any_real(2),
            call=into(lambda f, y, v: f(y, np.array([1, 3]), v, None)),
        ),
        case(np.fill_diagonal, "number", any_real(3, 3), any_real(), call=into(lambda f, y, v: f(y, v))),
        case(np.fill_diagonal, "values", any_real(3, 4), any_real(3), call=into(lambda f, y, v: f(y, v))),
        case(np.fill_diagonal, "wrap", any_real(5, 2), any_real(2), call=into(lambda f, y, v: f(y, v, wrap=True))),
        case(np.copyto, "array", any_real(2, 3), any_real(3), call=into(lambda f, y, v: f(y, v))),
        case(np.copyto, "where", any_real(3), MASK, any_real(3), call=into(lambda f, y, m, v: f(y, v, where=m))),
        case(Attribute("fill"), "number", any_real(3), any_real(), call=into(lambda f, y, v: f(y[1:], v))),
        case(Attribute("put"), "positions", any_real(4), any_real(2), call=into(lambda f, y, v: f(y, [2, 0], v))),
        case(Attribute("sort"), "last", distinct(2, 3), call=into(lambda f, y: f(y))),
        case(Attribute("sort"), "axis", distinct(3, 2), call=into(lambda f, y: f(y, axis=0))),
    ]


CASES: list[Case] = [*_items(), *_operators(), *_out(), *_functions()]
