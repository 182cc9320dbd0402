"""Cases of the operators, and of the methods and attributes of ndarray."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tests.primitives.case import (
    Attribute,
    Case,
    Fixed,
    any_real,
    case,
    distinct,
    others,
    positive,
    uniform,
)

LEFT, RIGHT = uniform(3.6, 3.9), uniform(1.35, 1.5)
ARITHMETIC = (operator.add, operator.sub, operator.mul, operator.truediv, operator.pow)
DIVISION = (operator.floordiv, operator.mod, divmod)
COMPARISONS = (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
LOGICAL = (operator.and_, operator.or_, operator.xor)
UNARY = (operator.neg, operator.pos, operator.abs)


def operands(function: Any, a: Any, b: Any) -> list[Case]:
    """An operator between a traced array and everything that can stand beside it."""
    return [
        case(function, "scalars", a(), b()),
        *asymmetric(function, a, b),
        case(function, "array_scalar", a(3), b()),
        case(function, "int_left", b(3), call=lambda f, y: f(4, y)),
        case(function, "int_right", a(3), call=lambda f, x: f(x, 2)),
        case(function, "numpy_scalar_left", b(3), call=lambda f, y: f(np.float64(3.5), y)),
        case(function, "numpy_scalar_right", a(3), call=lambda f, x: f(x, np.float32(1.4))),
        case(function, "list_left", b(2), call=lambda f, y: f([3.6, 3.7], y)),
        case(function, "list_right", a(2), call=lambda f, x: f(x, [1.4, 1.45])),
        case(function, "same_twice", b(3), call=lambda f, x: f(x, x)),
    ]


def asymmetric(function: Any, a: Any, b: Any) -> list[Case]:
    """Both sides traced, then a number and an array on either side."""
    return [
        case(function, "arrays", a(2, 1), b(3)),
        case(function, "float_left", b(3), call=lambda f, y: f(3.5, y)),
        case(function, "float_right", a(3), call=lambda f, x: f(x, 1.4)),
        case(function, "array_left", Fixed(a(2, 1)), b(3)),
        case(function, "array_right", a(3), Fixed(b(2, 1))),
    ]


def _operators() -> list[Case]:
    result = []
    for function in (*ARITHMETIC, *DIVISION):
        result += operands(function, LEFT, RIGHT)
    for function in COMPARISONS:
        result += asymmetric(function, distinct, others)
    for function in UNARY:
        result += [case(function, "array", distinct(3)), case(function, "scalar", distinct())]
    for function in LOGICAL:
        result.append(case(function, "masks", distinct(3), others(3), call=lambda f, x, y: f(x > 0, y < x)))
        result.append(case(function, "constant_left", distinct(3), call=lambda f, x: f(np.array([True] * 3), x > 0)))
    result += [
        case(operator.invert, "mask", distinct(3), call=lambda f, x: f(x > 0) * x),
        case(operator.pow, "square", any_real(3), call=lambda f, x: f(x, 2)),
        case(operator.pow, "zero", any_real(3), call=lambda f, x: f(x, 0)),
        case(operator.pow, "inverse", positive(3), call=lambda f, x: f(x, -1)),
        case(operator.pow, "root", positive(3), call=lambda f, x: f(x, 0.5)),
        case(operator.matmul, "matrices", any_real(2, 3), any_real(3, 2)),
        case(operator.matmul, "constant_left", Fixed(any_real(2, 3)), any_real(3)),
        case(operator.matmul, "constant_right", any_real(3), Fixed(any_real(3, 2))),
        case(operator.matmul, "same_twice", any_real(3), call=lambda f, x: f(x, x)),
        case(operator.matmul, "list_left", any_real(2), call=lambda f, x: f([[1.0, 2.0]], x)),
        case(round, "digits", uniform(0.119, 0.122)(3), call=lambda f, x: f(x[0], 2) * x),
        case(len, "as_number", any_real(3), call=lambda f, x: f(x) * x),
        case(sum, "entries", any_real(3)),
        case(max, "entries", distinct(3), branches=True),
        case(sorted, "entries", distinct(3), branches=True),
    ]
    return result


def _same_as_function() -> list[Case]:
    """Methods that are the NumPy function of their name: it has its cases elsewhere, here are the spellings."""
    x, d = any_real(2, 3), distinct(2, 3)
    result = []
    for name in ("sum", "mean", "prod", "max", "min", "var", "std"):
        result += [
            case(Attribute(name), "whole", d),
            case(Attribute(name), "positional", d, call=lambda f, a: f(a, 0)),
            case(Attribute(name), "keywords", d, axis=(0, 1), keepdims=True),
        ]
    for name in ("argmax", "argmin", "argsort", "all", "any"):
        result.append(case(Attribute(name), "axis", d, axis=1))
        result.append(case(Attribute(name), "positional", d, call=lambda f, a: f(a, 0)))
    return [
        *result,
        case(Attribute("clip"), "numbers", d, call=lambda f, a: f(a, -1.0, 1.0)),
        case(Attribute("clip"), "keywords", d, min=-1.0),
        case(Attribute("cumsum"), "whole", x),
        case(Attribute("cumsum"), "axis", x, axis=0),
        case(Attribute("diagonal"), "offset", x, offset=1),
        case(Attribute("trace"), "offset", x, offset=1),
        case(Attribute("dot"), "matrices", x, any_real(3, 2)),
        case(Attribute("dot"), "constant", x, Fixed(any_real(3))),
        case(Attribute("nonzero"), "as_index", d, call=lambda f, a: a[f(a > 0)], branches=True),
        case(Attribute("ravel"), "plain", x),
        case(Attribute("ravel"), "fortran", x, order="F"),
        case(Attribute("flatten"), "plain", x),
        case(Attribute("flags"), "order", x, call=lambda f, a: a * (2.0 if f(a).c_contiguous else 1.0)),
        case(Attribute("strides"), "order", x, call=lambda f, a: a * (f(a)[-1] / a.itemsize)),
        case(Attribute("searchsorted"), "of_constants", x, call=lambda f, a: a * f(np.sort(a[0]), 0.25)),
        case(Attribute("flatten"), "fortran", x, call=lambda f, a: f(a, "F")),
        case(Attribute("round"), "digits", uniform(0.119, 0.122)(3), call=lambda f, a: f(a, 2)),
        case(Attribute("squeeze"), "all", any_real(1, 3)),
        case(Attribute("squeeze"), "axis", any_real(1, 3, 1), axis=0),
        case(Attribute("swapaxes"), "pair", x, call=lambda f, a: f(a, 0, 1)),
        case(Attribute("take"), "axis", x, indices=[0, 0, 1], axis=0),
        case(Attribute("take"), "flat", x, call=lambda f, a: f(a, [5, 1])),
    ]


def _own_signature() -> list[Case]:
    """Methods and attributes with a signature of their own."""
    x, cube = any_real(2, 3), any_real(2, 3, 2)
    return [
        case(Attribute("reshape"), "integers", x, call=lambda f, a: f(a, 3, 2)),
        case(Attribute("reshape"), "tuple", x, call=lambda f, a: f(a, (3, -1))),
        case(Attribute("reshape"), "one", x, call=lambda f, a: f(a, -1)),
        case(Attribute("reshape"), "fortran", x, call=lambda f, a: f(a, 3, 2, order="F")),
        case(Attribute("transpose"), "plain", cube),
        case(Attribute("transpose"), "integers", cube, call=lambda f, a: f(a, 1, 0, 2)),
        case(Attribute("transpose"), "tuple", cube, call=lambda f, a: f(a, (2, 0, 1))),
        case(Attribute("transpose"), "none", cube, call=lambda f, a: f(a, None)),
        case(Attribute("T"), "cube", cube),
        case(Attribute("T"), "vector", any_real(3)),
        case(Attribute("mT"), "cube", cube),
        case(Attribute("real"), "matrix", x),
        case(Attribute("imag"), "matrix", x),
        case(Attribute("conj"), "matrix", x),
        case(Attribute("conjugate"), "matrix", x),
        case(Attribute("copy"), "matrix", x),
        case(Attribute("astype"), "float", x, call=lambda f, a: f(a, float)),
        case(Attribute("astype"), "integer", distinct(3), call=lambda f, a: f(a, int)),
        case(Attribute("astype"), "mask", distinct(3), call=lambda f, a: f(a > 0, float) * a),
        case(Attribute("flat"), "entries", x, call=lambda f, a: sum(v**2 for v in f(a))),
        case(Attribute("shape"), "as_number", x, call=lambda f, a: a * f(a)[1]),
        case(Attribute("ndim"), "as_number", x, call=lambda f, a: a * f(a)),
        case(Attribute("size"), "as_number", x, call=lambda f, a: a * f(a)),
        case(Attribute("itemsize"), "as_number", x, call=lambda f, a: a * f(a) / a.dtype.itemsize),
        case(Attribute("nbytes"), "as_number", x, call=lambda f, a: a * f(a) / a.dtype.itemsize),
        case(Attribute("dtype"), "as_dtype", x, call=lambda f, a: a * np.ones(3, f(a))),
        case(Attribute("item"), "of_discrete", distinct(3), call=lambda f, a: a * f(np.argmax(a)), branches=True),
        case(Attribute("tolist"), "of_discrete", distinct(3), call=lambda f, a: a[f(np.argsort(a))], branches=True),
    ]


def edited(edit: Any) -> Any:
    """A copy of the array after ``edit(method, copy, original)``."""

    def call(f: Any, a: Any) -> Any:
        b = a.copy()
        edit(f, b, a)
        return b * np.arange(1.0, b.size + 1).reshape(b.shape).astype(b.dtype)

    return call


def _edits_and_choices() -> list[Case]:
    """Methods that change the array, and those that pick entries."""
    x, d = any_real(2, 3), distinct(2, 3)
    return [
        case(Attribute("fill"), "traced", x, call=edited(lambda f, b, a: f(b, a[0, 1] ** 2))),
        case(Attribute("sort"), "last_axis", d, call=edited(lambda f, b, a: f(b))),
        case(Attribute("sort"), "first_axis", d, call=edited(lambda f, b, a: f(b, axis=0))),
        case(Attribute("partition"), "one", d, call=edited(lambda f, b, a: f(b, 1))),
        case(Attribute("put"), "traced", x, call=edited(lambda f, b, a: f(b, [0, 4], a[1, :2] ** 2))),
        case(Attribute("argpartition"), "as_index", distinct(5), call=lambda f, a: a[f(a, 2)[2]], branches=True),
        case(Attribute("choose"), "rows", x, call=lambda f, a: f(np.argmax(a * 0, axis=0), [a[0], a[1]])),
        case(Attribute("compress"), "axis", x, call=lambda f, a: f(a, [True, False, True], axis=1)),
        case(Attribute("cumprod"), "axis", x, axis=0),
        case(Attribute("repeat"), "axis", x, call=lambda f, a: f(a, [1, 2], axis=0)),
        case(Attribute("view"), "same", x, call=lambda f, a: f(a) * 2),
    ]


CASES: list[Case] = [*_operators(), *_same_as_function(), *_own_signature(), *_edits_and_choices()]
