"""Cases of products of arrays: matmul and its relatives, tensordot, einsum, outer, linear solves."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant

Shape = tuple[int, ...]

PAIRS: dict[Any, dict[str, tuple[Shape, Shape]]] = {
    np.matmul: {
        "matrices": ((2, 3), (3, 2)),
        "matrix_vector": ((2, 3), (3,)),
        "vector_matrix": ((2,), (2, 3)),
        "vectors": ((3,), (3,)),
        "stacks": ((2, 2, 2), (2, 2, 1)),
        "stack_matrix": ((2, 1, 2), (2, 3)),
        "matrix_stack": ((2, 2), (3, 2, 1)),
        "broadcast_stacks": ((2, 1, 1, 2), (3, 2, 1)),
        "stack_vector": ((2, 2, 2), (2,)),
        "vector_stack": ((2,), (3, 2, 1)),
        "unit_contraction": ((2, 1), (1, 3)),
        "empty_contraction": ((2, 0), (0, 3)),
        "empty_result": ((0, 2), (2, 3)),
    },
    np.dot: {
        "matrices": ((2, 3), (3, 2)),
        "matrix_vector": ((2, 3), (3,)),
        "vector_matrix": ((2,), (2, 3)),
        "vectors": ((3,), (3,)),
        "scalars": ((), ()),
        "scalar_left": ((), (3,)),
        "scalar_right": ((2, 2), ()),
        "three_axes": ((2, 1, 2), (2, 2, 1)),
        "three_axes_vector": ((2, 2, 2), (2,)),
        "unit_contraction": ((2, 1), (1, 3)),
        "empty": ((0,), (0,)),
    },
    np.inner: {
        "matrices": ((2, 3), (4, 3)),
        "matrix_vector": ((2, 3), (3,)),
        "vectors": ((3,), (3,)),
        "scalars": ((), ()),
        "scalar_right": ((3,), ()),
        "three_axes": ((2, 1, 2), (2, 2)),
    },
    np.outer: {"vectors": ((2,), (3,)), "matrices": ((2, 1), (1, 2)), "scalar": ((), (3,))},
    np.vdot: {"vectors": ((3,), (3,)), "matrices": ((2, 2), (2, 2)), "scalars": ((), ())},
    np.vecdot: {"vectors": ((3,), (3,)), "stacks": ((2, 1, 2), (3, 2)), "broadcast": ((2, 3), (3,))},
    np.matvec: {"single": ((2, 3), (3,)), "stacks": ((2, 2, 2), (2, 2)), "broadcast": ((2, 2), (3, 2))},
    np.vecmat: {"single": ((2,), (2, 3)), "stacks": ((2, 2), (2, 2, 2)), "broadcast": ((3, 2), (2, 2))},
}

TENSORDOT: dict[str, tuple[Shape, Shape, Any]] = {
    "default": ((2, 2, 3), (2, 3, 1), 2),
    "one_axis": ((2, 3), (3, 2), 1),
    "no_axes": ((2,), (3,), 0),
    "lists": ((2, 3), (2, 2), ([0], [1])),
    "numbers": ((2, 3), (3, 2), (1, 0)),
    "negative": ((2, 3), (2, 3), ([-1, 0], [-1, 0])),
    "crossed": ((2, 3), (3, 2), ([0, 1], [1, 0])),
    "unit_axis": ((2, 1), (1, 3), 1),
}

EINSUM: dict[str, tuple[str, tuple[Shape, ...]]] = {
    "matmul": ("ij,jk->ik", ((2, 3), (3, 2))),
    "implicit": ("ij,jk", ((2, 3), (3, 2))),
    "implicit_sorted": ("ba,ca", ((2, 3), (2, 3))),
    "transposed_result": ("ij,jk->ki", ((2, 3), (3, 2))),
    "spaces": ("i j , j -> i", ((2, 3), (3,))),
    "elementwise": ("ij,ij->ij", ((2, 3), (2, 3))),
    "broadcast_product": ("ij,j->ij", ((2, 3), (3,))),
    "outer": ("i,j->ij", ((2,), (3,))),
    "inner": ("ij,ij->", ((2, 3), (2, 3))),
    "batch": ("bij,bjk->bik", ((2, 2, 1), (2, 1, 2))),
    "bilinear": ("i,ij,j->", ((2,), (2, 3), (3,))),
    "chain": ("ij,jk,kl->il", ((2, 2), (2, 3), (3, 1))),
    "three_elementwise": ("i,i,i->i", ((3,), (3,), (3,))),
    "sum_of_one": ("ij->i", ((2, 3),)),
    "sum_all": ("ij->", ((2, 3),)),
    "transpose": ("ijk->kij", ((2, 3, 2),)),
    "trace": ("ii->", ((3, 3),)),
    "diagonal": ("ii->i", ((3, 3),)),
    "triple_diagonal": ("iii->i", ((2, 2, 2),)),
    "diagonal_of_operand": ("ii,ij->j", ((2, 2), (2, 3))),
    "summed_alone": ("ij,k->k", ((2, 2), (3,))),
    "summed_on_both": ("ij,kl->", ((2, 2), (1, 3))),
    "ellipsis": ("...i,...i->...", ((2, 3), (2, 3))),
    "ellipsis_broadcast": ("...ij,...j->...i", ((3, 2, 2), (2,))),
    "ellipsis_implicit": ("...ij,...jk", ((2, 2, 1), (2, 1, 2))),
    "ellipsis_moved": ("i...->...i", ((2, 3),)),
    "unit_axis": ("ij,jk->ik", ((2, 1), (3, 2))),
    "scalar": (",i->i", ((), (3,))),
    "empty": ("ij,jk->ik", ((2, 0), (0, 2))),
}


def pair(function: Any, name: str, left: Shape, right: Shape) -> list[Case]:
    """Both operands differentiated, and each of them alone."""
    a, b = any_real(*left), any_real(*right)
    result = [case(function, name, a, b)]
    if name in ("matrices", "matrix_vector", "stacks", "vectors", "scalar"):
        result += [
            case(function, f"{name}_constant_left", Fixed(a), b),
            case(function, f"{name}_constant_right", a, Fixed(b)),
        ]
    return result


def _einsum(name: str, subscripts: str, shapes: tuple[Shape, ...]) -> Case:
    return case(np.einsum, name, *(any_real(*shape) for shape in shapes), call=lambda f, *xs: f(subscripts, *xs))


def _more() -> list[Case]:
    square = any_real(2, 2)
    return [
        case(np.matmul, "same_twice", square, call=lambda f, a: f(a, a)),
        case(np.matmul, "with_transpose", any_real(3, 2), call=lambda f, a: f(a.T, a)),
        case(np.matmul, "list", any_real(2), call=lambda f, a: f([[1.0, 2.0], [3.0, 4.0]], a)),
        case(np.matmul, "integer_matrix", constant([[1, 2], [3, 4]]), any_real(2)),
        case(np.dot, "same_twice", any_real(3), call=lambda f, a: f(a, a)),
        case(np.dot, "list", any_real(2), call=lambda f, a: f(a, [1.0, 2.0])),
        case(np.dot, "python_scalar", any_real(2), call=lambda f, a: f(a, 2.0)),
        case(np.inner, "same_twice", any_real(2, 3), call=lambda f, a: f(a, a)),
        case(np.outer, "same_twice", any_real(3), call=lambda f, a: f(a, a)),
        case(np.outer, "list", any_real(3), call=lambda f, a: f([1.0, 2.0], a)),
        case(np.tensordot, "same_twice", square, call=lambda f, a: f(a, a, 2)),
        case(np.tensordot, "constant_left", Fixed(square), square, axes=1),
        case(np.tensordot, "constant_right", square, Fixed(square), axes=1),
        case(np.einsum, "same_twice", square, call=lambda f, a: f("ij,jk->ik", a, a)),
        case(np.einsum, "same_thrice", any_real(2), call=lambda f, a: f("i,i,i->", a, a, a)),
        case(np.einsum, "constant_left", Fixed(square), square, call=lambda f, a, b: f("ij,jk->k", a, b)),
        case(np.einsum, "constant_right", square, Fixed(square), call=lambda f, a, b: f("ij,jk->k", a, b)),
        case(np.einsum, "list", any_real(2), call=lambda f, a: f("i,i->", a, [1.0, 2.0])),
        case(np.einsum, "optimize", any_real(2), call=lambda f, a: f("i,j->ij", a, a, optimize=True)),
    ]


def _solves() -> list[Case]:
    """``solve`` of matrices that are far from singular."""

    def regular(n: int) -> Any:
        return lambda rng: 2 * np.eye(n) + rng.uniform(-0.4, 0.4, (n, n))

    solve = np.linalg.solve
    return [
        case(solve, "vector", regular(3), any_real(3)),
        case(solve, "matrix", regular(2), any_real(2, 3)),
        case(solve, "constant_matrix", Fixed(regular(3)), any_real(3)),
        case(solve, "constant_right_side", regular(3), Fixed(any_real(3))),
        case(solve, "one", regular(1), any_real(1)),
        case(solve, "list_of_rows", any_real(2), call=lambda f, b: f([[2.0, 1.0], [1.0, 3.0]], b)),
        case(solve, "list_on_the_right", regular(2), call=lambda f, a: f(a, [1.0, 2.0])),
        case(solve, "same_twice", regular(2), call=lambda f, a: f(a, a @ a.T)),
    ]


CASES: list[Case] = [
    *(c for f, pairs in PAIRS.items() for name, shapes in pairs.items() for c in pair(f, name, *shapes)),
    *(
        case(np.tensordot, name, any_real(*left), any_real(*right), axes=axes)
        for name, (left, right, axes) in TENSORDOT.items()
    ),
    *(_einsum(name, subscripts, shapes) for name, (subscripts, shapes) in EINSUM.items()),
    *_more(),
    *_solves(),
]
