"""Sparse matrices: constant ones times traced arrays, traced entries, solves as implicit constraints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as ss

import adjoint
from adjoint.errors import SingularBlockError, UnsupportedArgumentError
from adjoint.scipy import sparse
from adjoint.scipy.sparse import linalg
from tests.primitives.case import Case, Fixed, any_real, case
from tests.primitives.references import jacobian
from tests.scipy.laws import laws_of

DENSE = np.array([[0.0, 1.5, 0.0], [2.0, 0.0, -1.0], [0.0, 0.0, 0.0], [0.5, 3.0, 0.0]])
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
SQUARE = ss.csr_array(
    np.array([[3.0, 1.0, 0.0, 0.0], [0.0, 2.5, 0.0, -1.0], [0.5, 0.0, 2.0, 0.0], [0.0, 0.7, 0.0, 4.0]])
)
ROWS, COLUMNS = SQUARE.tocoo().coords
entries = lambda rng: SQUARE.data + rng.uniform(-0.3, 0.3, SQUARE.nnz)


def make(data: Any) -> Any:
    return sparse.csr_array((data, SQUARE.indices, SQUARE.indptr), shape=SQUARE.shape)


def _products() -> list[Case]:
    tall, square = ss.csr_array(DENSE), Fixed(any_real(2, 4))
    return [
        case(make, "times_vector", entries, any_real(4), call=lambda f, d, x: f(d) @ x),
        case(make, "times_matrix", entries, any_real(4, 2), call=lambda f, d, x: f(d) @ x),
        case(make, "vector_times", entries, any_real(4), call=lambda f, d, x: x @ f(d)),
        case(make, "matrix_times", entries, any_real(2, 4), call=lambda f, d, x: x @ f(d)),
        case(make, "constant_times", entries, square, call=lambda f, d, x: x @ f(d)),
        case(make, "dot", entries, any_real(4), call=lambda f, d, x: f(d).dot(x)),
        case(make, "transposed", entries, any_real(4), call=lambda f, d, x: f(d).T @ x),
        case(make, "scaled", entries, any_real(), call=lambda f, d, c: (c * f(d) / 2 - f(d) * c**2).toarray()),
        case(make, "entrywise", entries, any_real(4), call=lambda f, d, x: f(d).multiply(x).toarray()),
        case(make, "plus_constant", entries, call=lambda f, d: (f(d) + SQUARE - f(d).T).toarray()),
        case(make, "constant_minus", entries, call=lambda f, d: (SQUARE - -f(d)).toarray()),
        case(make, "sums", entries, call=lambda f, d: [f(d).sum(), f(d).sum(axis=0), f(d).sum(axis=1), f(d).sum(-1)]),
        case(make, "diagonal", entries, call=lambda f, d: f(d).diagonal()),
        case(tall.multiply, "by_number", any_real(), call=lambda f, c: tall * c @ np.array([1.0, 2.0, 3.0])),
        case(tall.multiply, "by_row", any_real(3), call=lambda f, x: (tall * x) @ x),
        case(tall.multiply, "by_column", any_real(4, 1), call=lambda f, x: (x * tall).sum(axis=0)),
    ]


def _solves() -> list[Case]:
    f = linalg.spsolve
    return [
        case(f, "vector", any_real(4), call=lambda f, b: f(SQUARE, b)),
        case(f, "matrix", any_real(4, 2), call=lambda f, b: f(SQUARE, b)),
        case(f, "column", any_real(4, 1), call=lambda f, b: f(SQUARE, b)),
        case(f, "entries", entries, any_real(4), call=lambda f, d, b: f(make(d), b)),
        case(f, "entries_and_matrix", entries, any_real(4, 2), call=lambda f, d, b: f(make(d), b)),
        case(f, "only_entries", entries, call=lambda f, d: f(make(d), [1.0, 2.0, 0.5, -1.0])),
        case(f, "transposed", entries, any_real(4), call=lambda f, d, b: f(make(d).T, b)),
        case(linalg.factorized, "twice", any_real(4), call=_twice),
        case(linalg.factorized, "entries", entries, any_real(4), call=lambda f, d, b: f(make(d))(b)),
    ]


def _twice(factorized: Any, b: Any) -> Any:
    solve = factorized(SQUARE.tocsc())
    return solve(np.sin(solve(b)))


def _constructors() -> list[Case]:
    offsets = [-1, 0, 2]
    parts = lambda a: [a[:3], a[3:7], a[7:9]]
    return [
        case(
            sparse.coo_array,
            "repeated",
            any_real(5),
            call=lambda f, d: f((d, ([0, 1, 0, 2, 0], [1, 0, 1, 2, 0]))).toarray(),
        ),
        case(
            sparse.csr_array,
            "coordinates",
            any_real(2),
            call=lambda f, d: f((d, ([0, 1], [1, 0])), shape=(2, 3)).toarray(),
        ),
        case(sparse.csc_array, "by_columns", any_real(3), call=lambda f, d: f((d, [0, 2, 1], [0, 2, 3])).toarray()),
        case(
            sparse.csr_array,
            "list",
            any_real(2),
            call=lambda f, d: f(([d[0], d[1] * d[0]], ([0, 1], [1, 0]))).toarray(),
        ),
        case(sparse.diags_array, "several", any_real(9), call=lambda f, a: f(parts(a), offsets=offsets).toarray()),
        case(sparse.diags_array, "one", any_real(3), call=lambda f, a: f(a, offsets=1).toarray()),
        case(
            sparse.diags_array,
            "broadcast",
            any_real(1),
            call=lambda f, a: f([a, [2.0]], offsets=[0, 1], shape=(3, 4)).toarray(),
        ),
    ]


@laws_of([*_products(), *_solves(), *_constructors()])
def test_laws(one: Case, law: Any) -> None:
    law(one)


# --- constant matrices of every format ---------------------------------------------------------------


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", [ss.csr_array, ss.csr_matrix])
def test_products_with_constant_matrices(format: str, kind: Any) -> None:
    matrix = kind(DENSE).asformat(format)
    rng = np.random.default_rng(0)
    calls = {
        "S @ vector": (lambda x: matrix @ x, (3,)),
        "S @ matrix": (lambda x: matrix @ x, (3, 2)),
        "vector @ S": (lambda x: x @ matrix, (4,)),
        "matrix @ S": (lambda x: x @ matrix, (2, 4)),
        "S.T @ vector": (lambda x: matrix.T @ x, (4,)),
    }
    if kind is ss.csr_matrix:  # of these * is the matrix product
        calls |= {"S * vector": (lambda x: matrix * x, (3,)), "matrix * S": (lambda x: x * matrix, (2, 4))}
    if format != "coo":  # whose own method takes nothing but arrays
        calls |= {"S.dot(vector)": (lambda x: matrix.dot(x), (3,))}
    for name, (f, shape) in calls.items():
        x = rng.standard_normal(shape)
        value = f(x)
        np.testing.assert_allclose(adjoint.trace(f, x).compile().output, value, err_msg=name)
        expected = jacobian(f, [x]).reshape(value.shape + x.shape)
        for mode in ("forward", "reverse"):
            np.testing.assert_allclose(adjoint.jacobian(f, mode=mode)(x), expected, atol=1e-9, err_msg=name)
        curvature = adjoint.hessian(lambda x, f=f: np.sum(f(x) ** 2))(x)
        matrix_form = expected.reshape(value.size, x.size)
        np.testing.assert_allclose(curvature.reshape(x.size, x.size), 2 * matrix_form.T @ matrix_form, atol=1e-8)


def test_a_sparse_product_is_one_sparse_block() -> None:
    system = adjoint.trace(lambda x: ss.csr_array(DENSE) @ x, np.ones((3, 2))).compile()
    assert repr(system.block(2, 1)) == "<sparse matrix block (3, 2) → (4, 2), 10 nonzeros>"
    np.testing.assert_array_equal(system.block(2, 1).to_dense(), np.kron(DENSE, np.eye(2)))


def test_a_later_change_of_the_matrix_does_no_harm() -> None:
    matrix = ss.csr_array(DENSE)
    system = adjoint.trace(lambda x: np.sum(matrix @ x), np.ones(3)).compile()
    matrix.data[:] = np.nan
    np.testing.assert_array_equal(system.solve()["x"], DENSE.sum(0))


def test_complex_and_single_precision() -> None:
    z = np.array([1.0 + 2j, -1j, 0.5])
    turned = ss.csr_array(DENSE * (1 - 1j))
    gradient = adjoint.grad(lambda z: np.sum(np.abs(turned @ z) ** 2))(z)
    np.testing.assert_allclose(gradient, 2 * turned.conj().T @ (turned @ z))
    x = np.ones(3, np.float32)
    value, slope = adjoint.value_and_grad(lambda x: np.sum(ss.csr_array(DENSE.astype(np.float32)) @ x))(x)
    assert (value.dtype, slope.dtype) == (np.float32, np.float32)


def test_complex_solves() -> None:
    b = np.array([1.0 + 2j, -1j, 0.5, 2.0])
    weights = np.array([1.0, 2j, -1.0, 0.5 - 1j])

    def f(d: Any, b: Any) -> Any:
        return np.real(np.sum(weights * linalg.spsolve(make(d), b)))

    for data in (SQUARE.data, SQUARE.data * (1 - 0.3j)):
        matrix = make(data).toarray()
        by_entries, by_b = adjoint.grad(f, (0, 1))(data, b)
        x, multiplier = np.linalg.solve(matrix, b), np.linalg.solve(matrix.conj().T, weights.conj())
        np.testing.assert_allclose(by_b, multiplier)
        full = -np.outer(multiplier, x.conj())[ROWS, COLUMNS]
        np.testing.assert_allclose(by_entries, full if data.dtype.kind == "c" else full.real)
        turn = 1 - 0.5j if data.dtype.kind == "c" else 1.0
        h = adjoint.hvp(f, (data, b), (np.full_like(data, turn), 0 * b))
        step = lambda t, data=data, turn=turn: adjoint.grad(f, 0)(data + t * turn, b)
        np.testing.assert_allclose(h[0], (step(1e-6) - step(-1e-6)) / 2e-6, rtol=1e-6, atol=1e-8)


def test_one_factorization_serves_value_and_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    count = []
    splu = ss.linalg.splu
    monkeypatch.setattr(ss.linalg, "splu", lambda *args: count.append(1) or splu(*args))
    b = np.arange(4.0)
    adjoint.hessian(lambda b: np.sum(linalg.spsolve(SQUARE, b) ** 3))(b)
    assert len(count) == 1
    solve = linalg.factorized(SQUARE)
    adjoint.grad(lambda b: np.sum(solve(np.sin(solve(b)))))(b)
    assert len(count) == 2


def test_a_solve_is_an_implicit_constraint() -> None:
    system = adjoint.trace(lambda b: linalg.spsolve(SQUARE, b), np.ones(4)).compile()
    assert system.diagonal_of(1).kind == "sparse solve"
    np.testing.assert_array_equal(system.diagonal_of(1).to_dense(), SQUARE.toarray())


def test_plain_arguments_get_scipys_answer() -> None:
    assert sparse.eye_array is ss.eye_array
    assert linalg.splu is ss.linalg.splu
    assert type(make(SQUARE.data)) is ss.csr_array
    assert type(sparse.diags_array([[1.0, 2.0]], offsets=[0])) is type(ss.diags_array([[1.0, 2.0]], offsets=[0]))
    np.testing.assert_array_equal(
        linalg.spsolve(SQUARE.tocsc(), np.ones(4)), ss.linalg.spsolve(SQUARE.tocsc(), np.ones(4))
    )


def test_what_is_refused() -> None:
    x = np.ones(4)
    grad = lambda f, x: adjoint.grad(lambda x: np.sum(f(x)))(x)
    with pytest.raises(ValueError, match=r"dimension mismatch of a sparse product of shapes \(4, 3\) and \(4,\)"):
        grad(lambda x: ss.csr_array(DENSE) @ x, x)
    with pytest.raises(ValueError, match="a sparse matrix times an array of 3 axes"):
        grad(lambda x: ss.csr_array(DENSE) @ x, np.ones((2, 3, 2)))
    with pytest.raises(UnsupportedArgumentError, match="a product of two sparse matrices"):
        grad(lambda d: (make(d) @ SQUARE).sum(), SQUARE.data)
    with pytest.raises(UnsupportedArgumentError, match="the sum of a sparse matrix and a dense one"):
        grad(lambda d: (make(d) + x).sum(), SQUARE.data)
    with pytest.raises(SingularBlockError, match="a sparse matrix of size 4 is singular"):
        grad(lambda d: linalg.spsolve(make(0 * d), x), SQUARE.data)
    with pytest.raises(ValueError, match=r"matrix must be square, but has the shape \(4, 3\)"):
        grad(lambda x: linalg.spsolve(ss.csc_array(DENSE), x), x)
    with pytest.raises(ValueError, match="entries of a sparse array lie outside of its shape"):
        grad(lambda d: sparse.coo_array((d, ([0, 5], [0, 0])), shape=(2, 2)).sum(), np.ones(2))
    with pytest.raises(UnsupportedArgumentError, match="takes a dense right-hand side"):
        grad(lambda d: linalg.spsolve(make(d), SQUARE), SQUARE.data)
