"""Cases of products of arrays: matmul and its relatives, tensordot, einsum, outer."""

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
}
if hasattr(np, "matvec"):  # since NumPy 2.2
    PAIRS[np.matvec] = {"single": ((2, 3), (3,)), "stacks": ((2, 2, 2), (2, 2)), "broadcast": ((2, 2), (3, 2))}
    PAIRS[np.vecmat] = {"single": ((2,), (2, 3)), "stacks": ((2, 2), (2, 2, 2)), "broadcast": ((3, 2), (2, 2))}

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
    "ellipsis_inside": ("i...j->j...i", ((2, 3, 2),)),
    "ellipsis_summed": ("...i->...", ((2, 3),)),
    "ellipsis_of_nothing": ("i...,i...->...", ((3,), (3,))),
    "ellipsis_of_several_sizes": ("...,i...,ij...->j...", ((), (2, 1), (2, 3, 2))),
    "ellipsis_in_one": ("...ij,jk->ik...", ((2, 2, 2), (2, 1))),
    "ellipsis_out_of_order": ("i...k,...kj->j...i", ((2, 2, 3), (2, 3, 1))),
    "upper_case_first": ("aB,Ba", ((2, 3), (3, 2))),
    "implicit_upper_case": ("bA", ((2, 3),)),
    "two_diagonals": ("iijj->ij", ((2, 2, 3, 3),)),
    "repeated_and_summed": ("iij,jkk->i", ((2, 2, 3), (3, 2, 2))),
    "unit_axes_on_both": ("ij,ij->ij", ((1, 3), (2, 1))),
    "unit_axis_repeated": ("ii,i->i", ((1, 1), (3,))),
    "five": ("a,ab,bc,cd,d->", ((2,), (2, 2), (2, 3), (3, 2), (2,))),
    "chain_of_four": ("ij,jk,kl,lm->im", ((2, 2), (2, 2), (2, 1), (1, 2))),
    "outer_of_three": ("i,j,k->kij", ((2,), (1,), (2,))),
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


_OPTIMIZE = [False, "greedy", "optimal", ("greedy", 100), ["einsum_path", (1, 2), (0, 1)], ["einsum_path", (0, 1, 2)]]


def _chain(optimize: Any) -> Any:
    return lambda f, a: f("ij,jk,kl->il", a, a, [[1.0], [2.0]], optimize=optimize)


def _ellipsis_in_sublists(f: Any, a: Any, b: Any) -> Any:
    return f(a, [0, ...], b, [0], [..., 0])


def _along_axes() -> list[Case]:
    """Products of stacks whose vectors and matrices are not in the last axes."""
    a, b = any_real(2, 3), any_real(2, 3)
    matrices = any_real(2, 3, 2), any_real(3, 2, 2)
    return [
        case(np.vecdot, "axes_axis", a, b, axis=0),
        case(np.vecdot, "axes_keepdims", a, b, axis=0, keepdims=True),
        case(np.vecdot, "axes_last_kept", a, b, keepdims=True),
        case(np.vecdot, "axes_two", a, any_real(3, 2), axes=[0, 1, ()]),
        case(np.matmul, "axes_all", *matrices, axes=[(0, 1), (0, 1), (1, 0)]),
        case(np.matmul, "axes_of_operands", *matrices, axes=[(0, 1), (0, 1), (-2, -1)]),
        case(np.matmul, "axes_turned", any_real(3, 2), any_real(3, 2), axes=[(1, 0), (-2, -1), (-2, -1)]),
        *_axes_of_vectors(),
    ]


def _axes_of_vectors() -> list[Case]:
    if not hasattr(np, "matvec"):  # since NumPy 2.2
        return []
    return [
        case(np.matvec, "axes_all", any_real(3, 2, 2), any_real(2, 2), axes=[(0, 1), 0, 0]),
        case(np.vecmat, "axes_all", any_real(3, 2), any_real(3, 2, 2), axes=[0, (0, 1), 0]),
    ]


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
        *(case(np.einsum, f"optimize_{k}", square, call=_chain(how)) for k, how in enumerate(_OPTIMIZE)),
        case(np.einsum, "default_options", square, call=lambda f, a: f("ii", a, dtype=None, order="K", casting="safe")),
        case(np.einsum, "sublists", square, any_real(2, 3), call=lambda f, a, b: f(a, [0, 1], b, [1, 2], [2, 0])),
        case(np.einsum, "sublists_implicit", square, any_real(2, 3), call=lambda f, a, b: f(a, [3, 1], b, [1, 2])),
        case(np.einsum, "sublists_large", any_real(2, 3), call=lambda f, a: f(a, [30, 2])),
        case(np.einsum, "sublists_diagonal", square, call=lambda f, a: f(a, [0, 0], [0])),
        case(np.einsum, "sublists_ellipsis", any_real(2, 3), any_real(2), call=_ellipsis_in_sublists),
    ]


CASES: list[Case] = [
    *(c for f, pairs in PAIRS.items() for name, shapes in pairs.items() for c in pair(f, name, *shapes)),
    *(
        case(np.tensordot, name, any_real(*left), any_real(*right), axes=axes)
        for name, (left, right, axes) in TENSORDOT.items()
    ),
    *(_einsum(name, subscripts, shapes) for name, (subscripts, shapes) in EINSUM.items()),
    *_more(),
    *_along_axes(),
]
