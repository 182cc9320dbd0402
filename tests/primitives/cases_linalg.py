"""Cases of ``numpy.linalg``: solves, inverses, determinants, decompositions, norms, least squares.

Matrices are drawn far from where a derivative ends to exist: regular, of full rank, with eigenvalues and singular
values apart. Vectors are compared after their signs (and phases) have been taken out, so that the complex numbers,
where NumPy's phases are anybody's, can take the same cases.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, distinct

linalg = np.linalg
Draw = Callable[[np.random.Generator], np.ndarray]


# --- matrices -------------------------------------------------------------------------------------


def regular(*shape: int) -> Draw:
    """Far from singular."""
    return lambda rng: 2 * np.eye(shape[-1]) + rng.uniform(-0.4, 0.4, shape)


def spread(*shape: int) -> Draw:
    """With eigenvalues about 1, 2, 3, … and singular values as far apart: square or not."""

    def draw(rng: np.random.Generator) -> np.ndarray:
        m, n = shape[-2:]
        return np.eye(m, n) * np.arange(1.0, n + 1) + rng.uniform(-0.25, 0.25, shape)

    return draw


def singular(n: int, rank: int) -> Draw:
    def draw(rng: np.random.Generator) -> np.ndarray:
        left, _ = np.linalg.qr(rng.standard_normal((n, n)))
        right, _ = np.linalg.qr(rng.standard_normal((n, n)))
        return (left[:, :rank] * np.arange(1.0, rank + 1)) @ right[:rank]

    return draw


def as_list(f: Any, *xs: Any) -> Any:
    """The results of a function that has several."""
    return list(f(*xs))


def phases(v: Any) -> Any:
    """The phases (signs) of the sums of the columns: what cannot be known of eigenvectors."""
    total = np.sum(v, axis=-2, keepdims=True)
    return total / np.abs(total)


def steady(v: Any) -> Any:
    """Columns whose sums are positive."""
    return v * np.conjugate(phases(v))


def projector(v: Any) -> Any:
    """Onto the span of the columns."""
    return v @ np.conjugate(v.mT)


# --- systems, inverses, determinants --------------------------------------------------------------


def _solves() -> list[Case]:
    solve, tensorsolve = linalg.solve, linalg.tensorsolve
    stacks: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "stack_vector": ((2, 2, 2), (2,)),
        "stack_matrix": ((2, 2, 2), (2, 3)),
        "matrix_stack": ((2, 2), (3, 2, 1)),
        "stacks": ((2, 2, 2), (2, 2, 2)),
        "broadcast_stacks": ((2, 1, 2, 2), (3, 2, 1)),
        "unit_stack": ((1, 2, 2), (3, 2, 2)),
        "empty": ((0, 0), (0, 2)),
        "no_columns": ((2, 2), (2, 0)),
    }
    return [
        case(solve, "vector", regular(3, 3), any_real(3)),
        case(solve, "matrix", regular(2, 2), any_real(2, 3)),
        case(solve, "constant_matrix", Fixed(regular(3, 3)), any_real(3)),
        case(solve, "constant_right_side", regular(3, 3), Fixed(any_real(3))),
        case(solve, "one", regular(1, 1), any_real(1)),
        case(solve, "list_of_rows", any_real(2), call=lambda f, b: f([[2.0, 1.0], [1.0, 3.0]], b)),
        case(solve, "list_on_the_right", regular(2, 2), call=lambda f, a: f(a, [1.0, 2.0])),
        case(solve, "integers", any_real(2), call=lambda f, b: f(np.array([[2, 1], [1, 3]]), b)),
        case(solve, "same_twice", regular(2, 2), call=lambda f, a: f(a, a @ a.T)),
        case(solve, "repeated", regular(2, 2), any_real(2), call=lambda f, a, b: f(a, f(a.T, b))),
        case(solve, "stack_constant_matrix", Fixed(regular(2, 2, 2)), any_real(2, 2, 1)),
        case(solve, "stack_constant_right_side", regular(2, 2, 2), Fixed(any_real(2))),
        *(case(solve, name, regular(*a), any_real(*b)) for name, (a, b) in stacks.items()),
        case(tensorsolve, "default", regular(6, 6), any_real(2, 3), call=lambda f, a, b: f(a.reshape(2, 3, 6), b)),
        case(tensorsolve, "axes", regular(4, 4), any_real(2, 2), call=_tensorsolve_with_axes),
        case(linalg.tensorinv, "default", regular(4, 4), call=lambda f, a: f(a.reshape(2, 2, 4))),
        case(linalg.tensorinv, "ind", regular(4, 4), call=lambda f, a: f(a.reshape(4, 2, 2), ind=1)),
    ]


def _tensorsolve_with_axes(f: Any, a: Any, b: Any) -> Any:
    return f(np.transpose(a.reshape(2, 2, 2, 2), (2, 0, 1, 3)), b, axes=(0,))


def _inverses() -> list[Case]:
    inv, det, power = linalg.inv, linalg.det, linalg.matrix_power
    return [
        case(inv, "matrix", regular(3, 3)),
        case(inv, "one", regular(1, 1)),
        case(inv, "stack", regular(2, 2, 2)),
        case(inv, "empty", any_real(0, 0)),
        case(det, "matrix", regular(3, 3)),
        case(det, "one", any_real(1, 1)),
        case(det, "stack", regular(2, 1, 2, 2)),
        case(det, "empty", any_real(0, 0)),
        case(det, "rank_one_less", singular(3, 2)),
        case(det, "rank_two_less", singular(3, 1)),
        case(det, "zero", lambda rng: np.zeros((2, 2))),
        case(det, "zero_number", lambda rng: np.zeros((1, 1))),
        case(det, "stack_with_singular", lambda rng: np.stack([regular(3, 3)(rng), singular(3, 2)(rng)])),
        case(linalg.slogdet, "matrix", regular(3, 3), call=as_list),
        case(linalg.slogdet, "stack", regular(2, 2, 2), call=as_list),
        case(linalg.slogdet, "logarithm", regular(3, 3), call=lambda f, a: f(a).logabsdet),
        case(linalg.slogdet, "sign", regular(2, 2), call=lambda f, a: f(-a[:1, :1])[0] * a),
        *(case(power, f"power_{n}".replace("-", "minus_"), regular(2, 2), n=n) for n in (-2, -1, 0, 1, 2, 3, 5)),
        case(power, "stack", regular(2, 2, 2), n=3),
        case(linalg.multi_dot, "two", any_real(2, 3), any_real(3, 2), call=lambda f, *xs: f(xs)),
        case(linalg.multi_dot, "three", any_real(2, 3), any_real(3, 1), any_real(1, 2), call=lambda f, *xs: f(xs)),
        case(
            linalg.multi_dot,
            "four",
            *(any_real(2, 3), any_real(3, 1), Fixed(any_real(1, 3)), any_real(3, 2)),
            call=lambda f, *xs: f(list(xs)),
        ),
        case(linalg.multi_dot, "vectors", any_real(2), any_real(2, 3), any_real(3), call=lambda f, *xs: f(xs)),
        case(linalg.multi_dot, "last_vector", any_real(2, 2), any_real(2, 3), any_real(3), call=lambda f, *xs: f(xs)),
    ]


# --- decompositions -------------------------------------------------------------------------------


def _factorizations() -> list[Case]:
    cholesky, qr = linalg.cholesky, linalg.qr
    return [
        case(cholesky, "matrix", regular(3, 3)),
        case(cholesky, "upper", regular(3, 3), upper=True),
        case(cholesky, "stack", regular(2, 2, 2)),
        case(cholesky, "stack_upper", regular(2, 2, 2), upper=True),
        case(cholesky, "symmetric_argument", regular(2, 2), call=lambda f, a: f(a @ np.conjugate(a.T))),
        case(qr, "square", spread(3, 3), call=as_list),
        case(qr, "tall", spread(4, 2), call=as_list),
        case(qr, "wide", spread(2, 4), call=as_list),
        case(qr, "stack", spread(2, 3, 2), call=as_list),
        case(qr, "one_column", spread(3, 1), call=as_list),
        case(qr, "r", spread(3, 2), mode="r"),
        case(qr, "complete", spread(4, 2), call=lambda f, a: list(f(a, "complete"))),
        case(qr, "complete_stack", spread(2, 2, 1), call=lambda f, a: list(f(a, "complete"))),
        case(qr, "complete_square", spread(2, 2), call=lambda f, a: list(f(a, "complete"))),
        case(qr, "complete_wide", spread(2, 3), call=lambda f, a: list(f(a, "complete"))),
        case(qr, "only_q", spread(3, 2), call=lambda f, a: f(a)[0]),
    ]


def _eigenvalues() -> list[Case]:
    eigh, eig = linalg.eigh, linalg.eig

    def both(f: Any, a: Any, **options: Any) -> Any:
        w, v = f(a, **options)
        return [w, steady(v)]

    def powers(f: Any, a: Any) -> Any:  # a function of all vectors together, each counted by its value
        w, v = f(a)
        return (v * w[..., None, :] ** 3) @ np.linalg.inv(v)

    return [
        case(eigh, "matrix", spread(3, 3), call=both),
        case(eigh, "upper", spread(3, 3), call=lambda f, a: both(f, a, UPLO="U")),
        case(eigh, "lower_case", spread(2, 2), call=lambda f, a: both(f, a, UPLO="u")),
        case(eigh, "stack", spread(2, 2, 2), call=both),
        case(eigh, "values", spread(3, 3), call=lambda f, a: f(a).eigenvalues),
        case(eigh, "vectors", spread(3, 3), call=lambda f, a: steady(f(a).eigenvectors)),
        case(eigh, "projector", spread(3, 3), call=lambda f, a: projector(f(a)[1][:, 1:])),
        case(eigh, "symmetric_argument", spread(3, 3), call=lambda f, a: both(f, a + np.conjugate(a.T))),
        case(linalg.eigvalsh, "matrix", spread(3, 3)),
        case(linalg.eigvalsh, "upper", spread(3, 3), UPLO="U"),
        case(linalg.eigvalsh, "stack", spread(2, 2, 2)),
        case(eig, "matrix", spread(3, 3), call=as_list),
        case(eig, "stack", spread(2, 2, 2), call=as_list),
        case(eig, "function", spread(3, 3), call=powers),
        case(linalg.eigvals, "matrix", spread(3, 3)),
        case(linalg.eigvals, "stack", spread(2, 2, 2)),
        case(linalg.eigvals, "sum", spread(3, 3), call=lambda f, a: np.sum(f(a) ** 2)),
    ]


def _singular_values() -> list[Case]:
    svd = linalg.svd
    shapes = {"square": (3, 3), "tall": (4, 2), "wide": (2, 4), "stack": (2, 3, 2), "one_row": (1, 3)}

    def thin(f: Any, a: Any, **options: Any) -> Any:
        """Values, and the vectors of both sides after one of them has fixed the signs."""
        u, s, vh = f(a, full_matrices=False, **options)
        turn = phases(u)
        return [u * np.conjugate(turn), s, turn.mT * vh]

    def full(f: Any, a: Any) -> Any:
        u, s, vh = f(a)
        k = s.shape[-1]
        return [
            *thin(lambda a, **options: (u[..., :k], s, vh[..., :k, :]), a),
            projector(u[..., k:]),
            projector(np.conjugate(vh[..., k:, :].mT)),
        ]

    def of_hermitian(f: Any, a: Any) -> Any:
        return thin(f, a, hermitian=True)

    return [
        *(case(svd, f"thin_{name}", spread(*shape), call=thin) for name, shape in shapes.items()),
        *(case(svd, f"full_{name}", spread(*shape), call=full) for name, shape in shapes.items()),
        case(svd, "values", spread(3, 2), compute_uv=False),
        case(svd, "reconstruction", spread(3, 2), call=lambda f, a: (lambda u, s, v: (u * s**2) @ v)(*f(a, False))),
        case(svd, "hermitian", spread(3, 3), call=of_hermitian),
        case(svd, "hermitian_indefinite", spread(3, 3), call=lambda f, a: of_hermitian(f, a - 2.4 * np.eye(3))),
        case(svd, "hermitian_values", spread(3, 3), compute_uv=False, hermitian=True),
        *(case(linalg.svdvals, name, spread(*shape)) for name, shape in shapes.items()),
    ]


# --- norms ----------------------------------------------------------------------------------------

inf = np.inf
VECTOR_ORDERS = [None, inf, -inf, 0, 1, 2, 3, -1, -2, 1.5, 0.5, -0.5]
MATRIX_ORDERS = [None, "fro", "f", "nuc", inf, -inf, 1, -1, 2, -2]


def _named(order: Any) -> str:
    return f"order_{order}".replace("-", "minus_").replace(".", "_")


def _norms() -> list[Case]:
    norm, cond = linalg.norm, linalg.cond
    wide = spread(2, 3)
    return [
        case(norm, "all", distinct(2, 3, 2)),
        case(norm, "all_keepdims", distinct(2, 3), keepdims=True),
        case(norm, "number", distinct()),
        *(case(norm, f"vector_{_named(p)}", distinct(3), ord=p) for p in VECTOR_ORDERS),
        *(case(norm, f"axis_{_named(p)}", distinct(2, 3), ord=p, axis=0, keepdims=True) for p in VECTOR_ORDERS),
        *(case(norm, f"matrix_{_named(p)}", wide, ord=p) for p in MATRIX_ORDERS),
        *(case(norm, f"axes_{_named(p)}", spread(2, 2, 3), ord=p, axis=(-1, 1)) for p in MATRIX_ORDERS),
        case(norm, "axes_swapped", spread(2, 3), ord=1, axis=(1, 0), keepdims=True),
        case(norm, "axes_apart", spread(2, 2, 3), ord=2, axis=(2, 0), keepdims=True),
        case(norm, "negative_axis", distinct(2, 3), axis=-1),
        *(case(linalg.vector_norm, _named(p), distinct(2, 3), ord=p) for p in (2, 1, inf, 3)),
        case(linalg.vector_norm, "axes", distinct(2, 2, 2), axis=(0, -1), keepdims=True),
        case(linalg.vector_norm, "axes_order_3", distinct(2, 2, 2), axis=(2, 0), ord=3),
        *(case(linalg.matrix_norm, _named(p), spread(2, 2, 3), ord=p) for p in ("fro", "nuc", 2, 1)),
        case(linalg.matrix_norm, "keepdims", spread(2, 2, 3), keepdims=True),
        *(case(cond, _named(p), spread(3, 3), p=p) for p in (None, 2, -2, 1, -1, inf, -inf, "fro", "nuc")),
        case(cond, "tall", spread(3, 2)),
        case(cond, "stack", spread(2, 2, 2), p=1),
    ]


# --- least squares --------------------------------------------------------------------------------


def _least_squares() -> list[Case]:
    lstsq, pinv = linalg.lstsq, linalg.pinv

    def parts(f: Any, a: Any, b: Any, **options: Any) -> Any:
        x, residuals, rank, s = f(a, b, **options)
        return [x * rank, residuals, s]

    def low_rank(f: Any, left: Any, right: Any) -> Any:
        return f(left @ right, 1e-8)

    def low_rank_system(f: Any, left: Any, right: Any, b: Any) -> Any:
        return f(left @ right, b, 1e-8)[0]

    return [
        case(lstsq, "tall", spread(4, 2), any_real(4), call=parts),
        case(lstsq, "tall_columns", spread(4, 2), any_real(4, 3), call=parts),
        case(lstsq, "square", spread(2, 2), any_real(2), call=parts),
        case(lstsq, "wide", spread(2, 4), any_real(2, 2), call=parts),
        case(lstsq, "constant_matrix", Fixed(spread(4, 2)), any_real(4), call=parts),
        case(lstsq, "constant_right_side", spread(4, 2), Fixed(any_real(4)), call=parts),
        case(lstsq, "low_rank", spread(4, 2), spread(2, 3), any_real(4), call=low_rank_system),
        case(lstsq, "machine_precision", spread(3, 2), any_real(3), call=lambda f, a, b: parts(f, a, b, rcond=-1)),
        case(pinv, "tall", spread(3, 2)),
        case(pinv, "wide", spread(2, 3)),
        case(pinv, "square", spread(2, 2)),
        case(pinv, "stack", spread(2, 3, 2)),
        case(pinv, "low_rank", spread(4, 2), spread(2, 3), call=low_rank),
        case(pinv, "rtol", spread(3, 2), rtol=1e-10),
        case(pinv, "default_rtol", spread(3, 2), rtol=None),
        case(pinv, "hermitian", spread(3, 3), hermitian=True),
        case(pinv, "hermitian_low_rank", spread(3, 2), call=lambda f, a: f(a @ np.conjugate(a.T), 1e-8, True)),
        case(linalg.matrix_rank, "matrix", spread(3, 2), call=lambda f, a: f(a) * a),
        case(linalg.matrix_rank, "options", spread(3, 3), call=lambda f, a: f(a, tol=2.2, hermitian=True) * a),
        case(linalg.matrix_rank, "rtol", spread(3, 3), call=lambda f, a: f(a, rtol=1e-3) * a),
    ]


# --- the same functions under the names of numpy.linalg -------------------------------------------


def _namespace() -> list[Case]:
    return [
        case(linalg.cross, "linalg_vectors", any_real(3), any_real(3)),
        case(linalg.cross, "linalg_axis", any_real(3, 2), any_real(3, 2), axis=0),
        case(linalg.outer, "linalg_vectors", any_real(2), any_real(3)),
        case(linalg.diagonal, "linalg_stack", any_real(2, 3, 3)),
        case(linalg.diagonal, "linalg_offset", any_real(3, 3), offset=-1),
        case(linalg.trace, "linalg_stack", any_real(2, 3, 3)),
        case(linalg.trace, "linalg_offset", any_real(3, 3), offset=1),
        case(linalg.tensordot, "linalg_default", any_real(2, 2), any_real(2, 2)),
        case(linalg.tensordot, "linalg_axes", any_real(2, 3), any_real(3, 2), axes=1),
        case(linalg.vecdot, "linalg_default", any_real(2, 3), any_real(3)),
        case(linalg.vecdot, "linalg_axis", any_real(2, 3), any_real(2, 3), axis=0),
        case(linalg.matmul, "linalg_matrices", any_real(2, 3), any_real(3, 2)),
        case(linalg.matrix_transpose, "linalg_stack", any_real(2, 2, 3)),
    ]


CASES: list[Case] = [
    *_solves(),
    *_inverses(),
    *_factorizations(),
    *_eigenvalues(),
    *_singular_values(),
    *_norms(),
    *_least_squares(),
    *_namespace(),
]
