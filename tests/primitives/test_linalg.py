"""What the generated suite cannot say of linear algebra: shared factorizations, singular matrices, phases, errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import adjoint
from adjoint.errors import (
    NonFiniteDerivativeWarning,
    NotDifferentiableError,
    SingularBlockError,
    TraceMismatchError,
    UnsupportedArgumentError,
)
from tests.primitives.test_conventions import both_modes

linalg = np.linalg


def slope(f: Callable[[Any], Any], x: np.ndarray, v: np.ndarray, h: float = 1e-5) -> Any:
    """By central differences."""
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


def matrix(n: int, seed: int = 0) -> np.ndarray:
    return np.eye(n) * 2 + np.random.default_rng(seed).uniform(-0.5, 0.5, (n, n)) / np.sqrt(n)


# --- one factorization ----------------------------------------------------------------------------


@pytest.fixture
def factorizations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """LAPACK's factorizations, as they are asked for."""
    asked: list[str] = []
    original = scipy.linalg.get_lapack_funcs

    def counting(names: Any, *args: Any, **kwargs: Any) -> Any:
        asked.extend(name for name in names if name == "getrf")
        return original(names, *args, **kwargs)

    monkeypatch.setattr(scipy.linalg, "get_lapack_funcs", counting)
    return asked


def energy(a: Any, b: Any) -> Any:
    return np.sum(np.linalg.solve(a, b) ** 3)


def test_value_and_sweeps_share_a_factorization(factorizations: list[str]) -> None:
    a, b = matrix(60), np.linspace(-1, 1, 60)  # large enough to be locked and not copied
    adjoint.grad(energy, (0, 1))(a, b)
    assert len(factorizations) == 1
    adjoint.jvp(energy, (a, b), (a, b))
    assert len(factorizations) == 2
    adjoint.grad(energy, 1)(a, b)  # the matrix is a constant
    assert len(factorizations) == 3
    adjoint.jacobian(np.linalg.solve, (0, 1), mode="forward")(a[:5, :5].copy(), b[:5])
    assert len(factorizations) == 4


def test_second_derivatives_share_it_too(factorizations: list[str]) -> None:
    a, b = matrix(60), np.linspace(-1, 1, 60)
    gradient = adjoint.grad(energy, (0, 1))
    nestings: list[Callable[[], Any]] = [
        lambda: adjoint.hvp(energy, (a, b), (a, b)),
        lambda: adjoint.grad(lambda a, b: np.sum(gradient(a, b)[0] ** 2), (0, 1))(a, b),
        lambda: adjoint.grad(lambda a, b: adjoint.jvp(energy, (a, b), (a, b))[1], (0, 1))(a, b),
        lambda: adjoint.grad(lambda a, b: np.sum(adjoint.hvp(energy, (a, b), (a, b))[0] ** 2), (0, 1))(a, b),
    ]
    for count, run in enumerate(nestings, 1):
        run()
        assert len(factorizations) == count


def test_a_kept_factorization_belongs_to_its_matrix() -> None:
    a, b = matrix(4), np.linspace(-1, 1, 4)
    system = adjoint.trace(energy, a, b).compile()
    other = system.relinearize(matrix(4, 1), b)
    for _ in range(2):  # the two take turns
        for one, at in ((system, a), (other, matrix(4, 1))):
            expected = adjoint.grad(energy, (0, 1))(at, b)
            found = one.solve()
            np.testing.assert_allclose(found["a"], expected[0], rtol=1e-12)
            np.testing.assert_allclose(found["b"], expected[1], rtol=1e-12)


def test_threads_may_share_a_system_at_several_points() -> None:
    b = np.linspace(-1, 1, 30)
    system = adjoint.trace(energy, matrix(30), b).compile()
    systems = [system.relinearize(matrix(30, seed), b) for seed in range(4)]
    expected = [adjoint.grad(energy)(matrix(30, seed), b) for seed in range(4)]
    failures: list[int] = []

    def work(k: int) -> None:
        for _ in range(20):
            if not np.allclose(systems[k].solve()["a"], expected[k], rtol=1e-10):
                failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_editing_a_constant_matrix_afterwards_changes_nothing() -> None:
    a, b = matrix(4), np.ones(4)
    expected = adjoint.grad(lambda b: energy(a, b))(b)
    _, pull_back = adjoint.vjp(lambda b: energy(a, b), b)
    a[:] = 7.0
    np.testing.assert_allclose(pull_back(1.0)[0], expected, rtol=1e-12)


# --- singular matrices ----------------------------------------------------------------------------


def test_singular_matrices_raise_as_in_numpy() -> None:
    a = np.ones((2, 2))
    for call in (linalg.inv, lambda a: linalg.solve(a, a), lambda a: linalg.solve(np.stack([a, a]), np.ones(2))):
        with pytest.raises(linalg.LinAlgError, match="Singular matrix"):
            adjoint.trace(call, a)
    with pytest.raises(linalg.LinAlgError, match="not positive definite"):
        adjoint.trace(linalg.cholesky, -np.eye(2))
    block = adjoint.blocks.MatrixOnLeft(a, (2,))
    with pytest.raises(SingularBlockError, match="singular"):
        block.solve(np.ones(2))


def test_the_determinant_of_singular_matrices_in_higher_orders() -> None:
    """A polynomial in three rows: its third derivative is the same everywhere, ±1 where rows and columns differ."""
    third = adjoint.jacobian(adjoint.hessian(linalg.det))
    expected = third(matrix(3)).reshape(9, 9, 9)
    assert sorted(set(expected.round(8).ravel())) == [-1, 0, 1]
    assert np.count_nonzero(expected.round(8)) == 36
    rng = np.random.default_rng(0)
    u, _, v = linalg.svd(rng.standard_normal((3, 3)))
    rank_two = (u * [2.0, 1.0, 0.0]) @ v
    np.testing.assert_allclose(third(rank_two).reshape(9, 9, 9), expected, atol=1e-9)


def test_the_logarithm_of_a_zero_determinant_has_no_derivative() -> None:
    a = np.stack([np.ones((2, 2)), matrix(2)])
    f = lambda a: np.sum(np.linalg.slogdet(a).logabsdet[1:])
    gradient = adjoint.grad(f)(a)
    np.testing.assert_allclose(gradient[1], linalg.inv(a[1]).T)
    with pytest.warns(NonFiniteDerivativeWarning):
        assert not np.isfinite(adjoint.grad(lambda a: np.linalg.slogdet(a).logabsdet)(a[0])).any()


def test_matrices_without_full_rank_have_no_qr_derivative() -> None:
    a = np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    with pytest.raises(NotDifferentiableError, match="without full rank"):
        adjoint.grad(lambda a: np.sum(linalg.qr(a).R))(a)
    with pytest.raises(NotDifferentiableError, match="triangular already"):
        adjoint.trace(lambda a: linalg.qr(a, "complete"), np.eye(3, 2))
    with pytest.raises(NotDifferentiableError, match="without a basis of eigenvectors"):
        adjoint.grad(lambda a: np.sum(linalg.eigvals(a)))(np.array([[2.0, 1.0], [0.0, 2.0]]))


# --- equal values ---------------------------------------------------------------------------------


def test_equal_eigenvalues_have_finite_derivatives() -> None:
    a = np.diag([2.0, 2.0, 5.0])
    np.testing.assert_allclose(both_modes(lambda a: np.sum(linalg.eigvalsh(a)), a), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both_modes(lambda a: np.sum(linalg.eigh(a)[0]), a), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both_modes(lambda a: np.sum(linalg.svdvals(a)), a), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both_modes(lambda a: np.sum(linalg.svd(a)[1]), a), np.eye(3), atol=1e-12)
    np.testing.assert_allclose(both_modes(lambda a: linalg.norm(a, "nuc"), np.eye(3)), np.eye(3), atol=1e-12)
    assert np.isfinite(both_modes(lambda a: linalg.norm(a, 2), np.eye(3))).all()
    assert np.isfinite(both_modes(linalg.cond, np.eye(3))).all()


def test_vectors_of_equal_eigenvalues_have_none() -> None:
    weights = np.arange(9.0).reshape(3, 3)
    for f in (lambda a: np.sum(weights * linalg.eigh(a)[1]), lambda a: np.sum(weights * linalg.svd(a)[0])):
        with pytest.warns(NonFiniteDerivativeWarning):
            assert not np.isfinite(adjoint.grad(f)(np.diag([2.0, 2.0, 5.0]))).all()


def test_other_vectors_beside_equal_eigenvalues_are_right() -> None:
    a = np.diag([2.0, 2.0, 5.0])
    a[2, 0] = 0.3
    f = lambda a: np.sum(np.abs(linalg.eigh(a)[1][:, 2]) * [1.0, 2.0, 3.0])
    gradient = adjoint.grad(f)(a)
    v = np.tril(np.random.default_rng(0).standard_normal((3, 3)))
    v[1, :2] = 0  # keep away from what moves the second axis: |·| has a kink there
    v[2, 1] = 0
    assert np.sum(gradient * v) == pytest.approx(slope(f, a, v), rel=1e-7)


# --- norms at zero --------------------------------------------------------------------------------

NORMS: dict[str, Callable[[Any], Any]] = {
    **{f"vector {p}": lambda x, p=p: linalg.norm(x.ravel(), p) for p in (None, 1, 2, 3, 1.5, 0.5, np.inf, -np.inf, -1)},
    **{f"matrix {p}": lambda x, p=p: linalg.norm(x, p) for p in (None, "fro", "nuc", 1, 2, -2, np.inf)},
    "axis": lambda x: np.sum(linalg.norm(x, axis=0)),
    "complex": lambda x: linalg.norm(x + 0j),
}


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_zero_are_flat(name: str) -> None:
    x = np.zeros((2, 3))
    with np.errstate(divide="ignore"):  # NumPy warns of negative orders
        np.testing.assert_array_equal(both_modes(NORMS[name], x), x)
        if name not in ("matrix 2", "matrix -2", "matrix nuc"):  # singular vectors have no derivative there
            np.testing.assert_array_equal(adjoint.hessian(NORMS[name])(x), np.zeros((2, 3, 2, 3)))


def test_a_zero_row_does_not_disturb_the_others() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0]])
    gradient = both_modes(lambda x: np.sum(linalg.norm(x, axis=1)), x)
    np.testing.assert_allclose(gradient, [[0, 0], [0.6, 0.8]], rtol=1e-15)
    hessian = adjoint.hessian(lambda x: np.sum(linalg.norm(x, axis=1)))(x)
    np.testing.assert_allclose(hessian[1, :, 1], (np.eye(2) - np.outer([0.6, 0.8], [0.6, 0.8])) / 5, atol=1e-15)


# --- which derivative it is -----------------------------------------------------------------------


def test_the_triangle_that_is_not_read_has_no_derivative() -> None:
    a = np.array([[2.0, 9.0], [0.5, 3.0]])  # only one triangle counts: it need not be symmetric
    for f in (linalg.eigvalsh, linalg.cholesky):
        gradient = adjoint.grad(lambda a, f=f: np.sum(f(a) ** 3))(a)
        assert gradient[0, 1] == 0
        assert gradient[1, 0] == pytest.approx(slope(lambda a, f=f: np.sum(f(a) ** 3), a, np.eye(2)[[1, 0]] * [1, 0]))
    z = np.array([[2.0 + 5j, 0], [0.5 + 0.4j, 3.0 - 1j]])  # nor need the diagonal be real
    gradient = adjoint.grad(lambda z: np.sum(linalg.eigvalsh(z) ** 3))(z)
    assert (np.diag(gradient).imag == 0).all()
    assert (np.diag(gradient).real > 1).all()


def hermitian(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    z, v = (rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n)) for _ in range(2))
    return z + z.conj().T, v + v.conj().T


def test_complex_eigenvectors_do_not_turn_their_phases() -> None:
    a, da = hermitian(4)
    (w, v), (w_dot, v_dot) = adjoint.jvp(lambda a: tuple(linalg.eigh(a)), (a,), (da,))
    np.testing.assert_allclose(np.diag(v.conj().T @ v_dot), 0, atol=1e-14)
    np.testing.assert_allclose(da @ v + a @ v_dot, v_dot * w + v * w_dot, atol=1e-12)
    np.testing.assert_allclose(v.conj().T @ v_dot + v_dot.conj().T @ v, 0, atol=1e-14)


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4)])
@pytest.mark.parametrize("full", [True, False])
def test_complex_singular_vectors_solve_their_equations(shape: tuple[int, int], full: bool) -> None:
    rng = np.random.default_rng(0)
    a, da = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape) for _ in range(2))
    (u, s, vh), (du, ds, dvh) = adjoint.jvp(lambda a: tuple(linalg.svd(a, full)), (a,), (da,))
    k = len(s)
    assert ds.dtype == np.float64
    first = (du[:, :k] * s) @ vh[:k] + (u[:, :k] * ds) @ vh[:k] + (u[:, :k] * s) @ dvh[:k]
    np.testing.assert_allclose(first, da, atol=1e-12)
    for q, dq in ((u, du), (vh.conj().T, dvh.conj().T)):
        turn = q.conj().T @ dq
        np.testing.assert_allclose(turn + turn.conj().T, 0, atol=1e-12)  # they stay orthonormal
        np.testing.assert_allclose(turn[k:, k:], 0, atol=1e-12)  # the rest moves orthogonally to itself


def test_a_real_matrix_with_complex_eigenvalues() -> None:
    a = np.array([[1.0, 2.0, 0.3], [-1.5, 0.5, 0.2], [0.4, -0.1, 3.0]])
    v = np.random.default_rng(0).standard_normal((3, 3))
    w, vectors = adjoint.jvp(lambda a: tuple(linalg.eig(a)), (a,), (v,))[1]
    np.testing.assert_allclose(w, slope(lambda a: linalg.eig(a)[0], a, v), atol=1e-9)
    np.testing.assert_allclose(vectors, slope(lambda a: linalg.eig(a)[1], a, v), atol=1e-9)
    f = lambda a: np.sum(np.imag(linalg.eigvals(a)) ** 2) + np.sum(np.abs(linalg.eig(a)[1][0]) ** 3)
    gradient = adjoint.grad(f)(a)
    assert gradient.dtype == np.float64
    assert np.sum(gradient * v) == pytest.approx(slope(f, a, v), rel=1e-8)
    (second,) = adjoint.hvp(f, (a,), (v,))
    np.testing.assert_allclose(second, slope(adjoint.grad(f), a, v), atol=1e-6)


def test_a_replay_does_not_go_from_real_to_complex_eigenvalues() -> None:
    trace = adjoint.trace(linalg.eigvals, np.diag([1.0, 2.0]))
    with pytest.raises(TraceMismatchError, match="another branch"):
        trace(np.array([[1.0, 2.0], [-2.0, 1.0]]))


# --- results and arguments ------------------------------------------------------------------------


def test_results_are_numpys_named_tuples() -> None:
    seen: dict[str, type] = {}

    def f(a: Any) -> Any:
        for name in ("eigh", "eig", "svd", "qr", "slogdet"):
            seen[name] = type(getattr(linalg, name)(a))
        return a

    a = matrix(2)
    adjoint.trace(f, a)
    assert seen == {name: type(getattr(linalg, name)(a)) for name in seen}


def test_the_parts_of_a_least_squares_solution() -> None:
    ranks: list[Any] = []

    def f(a: Any) -> Any:
        x, residuals, rank, _ = linalg.lstsq(a, np.ones(3), 1e-8)
        ranks.append((rank, residuals.shape))
        return np.sum(x) + np.sum(residuals)

    full, thin = np.array([[1.0, 2], [3, 4], [5, 7]]), np.outer([1.0, 2.0, 3.0], [1.0, 1.0])
    trace = adjoint.trace(f, full)
    adjoint.trace(f, thin)
    assert ranks == [(2, (1,)), (1, (0,))]
    with pytest.raises(TraceMismatchError, match="another branch"):
        trace(thin)


BAD: dict[str, Callable[[Any], Any]] = {
    "solve a vector": lambda a: linalg.solve(a[0], a[0]),
    "solve not square": lambda a: linalg.solve(a[:1], a[0]),
    "solve mismatch": lambda a: linalg.solve(a, np.ones(3)),
    "inv of a vector": lambda a: linalg.inv(a[0]),
    "det of a vector": lambda a: linalg.det(a[0]),
    "slogdet of a vector": lambda a: linalg.slogdet(a[0]),
    "eigh of a vector": lambda a: linalg.eigh(a[0]),
    "eigh not square": lambda a: linalg.eigh(a[:1]),
    "eigh triangle": lambda a: linalg.eigh(a, "X"),
    "eig of a vector": lambda a: linalg.eig(a[0]),
    "svd of a vector": lambda a: linalg.svd(a[0]),
    "qr of a vector": lambda a: linalg.qr(a[0]),
    "qr mode": lambda a: linalg.qr(a, "quick"),
    "cholesky not square": lambda a: linalg.cholesky(a[:1]),
    "norm order of a vector": lambda a: linalg.norm(a[0], "fro"),
    "norm order of a matrix": lambda a: linalg.norm(a, 3),
    "norm of three axes": lambda a: linalg.norm(a[None], 2),
    "norm of one axis twice": lambda a: linalg.norm(a, axis=(0, 0)),
    "norm of no axis": lambda a: linalg.norm(a, axis="x"),
    "norm beyond": lambda a: linalg.norm(a, axis=2),
    "cond of nothing": lambda a: linalg.cond(a[:0]),
    "power of a vector": lambda a: linalg.matrix_power(a[0], 2),
    "power of a fraction": lambda a: linalg.matrix_power(a, 0.5),
    "pinv tolerances": lambda a: linalg.pinv(a, 1e-3, rtol=1e-3),
    "lstsq mismatch": lambda a: linalg.lstsq(a, np.ones(3)),
    "lstsq of a stack": lambda a: linalg.lstsq(a[None], np.ones(2)),
    "one matrix": lambda a: linalg.multi_dot([a]),
    "multi_dot of a stack": lambda a: linalg.multi_dot([a, a[None], a]),
    "tensorsolve": lambda a: linalg.tensorsolve(a[:1], np.ones(2)),
    "tensorinv": lambda a: linalg.tensorinv(a, 0),
    "outer of matrices": lambda a: linalg.outer(a, a),
    "cross of pairs": lambda a: linalg.cross(a, a),
    "einsum operands": lambda a: np.einsum("ij,jk->ik", a),
    "einsum unknown result": lambda a: np.einsum("ij->k", a),
    "einsum repeated result": lambda a: np.einsum("ij->ii", a),
    "einsum without ellipsis": lambda a: np.einsum("...i->i", a),
    "einsum dots": lambda a: np.einsum("i..j", a),
    "einsum axes": lambda a: np.einsum("ijk", a),
    "einsum sizes": lambda a: np.einsum("ij,jk", a, np.ones((3, 2))),
    "einsum diagonal": lambda a: np.einsum("ii", a[:1]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_as_by_numpy(name: str) -> None:
    call = BAD[name]
    a = np.array([[2.0, 1.0], [1.0, 3.0]])
    with pytest.raises(Exception) as expected:  # noqa: PT011  # whatever NumPy raises
        call(a)
    with pytest.raises(type(expected.value)):
        adjoint.trace(call, a)


def test_arguments_without_a_rule_are_named() -> None:
    a = matrix(2)
    with pytest.raises(UnsupportedArgumentError, match="mode='raw'"):
        adjoint.trace(lambda a: linalg.qr(a, "raw"), a)
    for option in ("dtype", "casting", "order"):
        value = {"dtype": np.float32, "casting": "unsafe", "order": "F"}[option]
        with pytest.raises(UnsupportedArgumentError, match=f"{option}="):
            adjoint.trace(lambda a, o=option, v=value: np.einsum("ij->j", a, **{o: v}), a)


def test_integers_are_computed_with_as_doubles() -> None:
    a = np.array([[2, 1], [1, 3]])
    for f in (linalg.inv, linalg.det, linalg.eigvalsh, linalg.svdvals, linalg.norm, linalg.pinv):
        np.testing.assert_allclose(adjoint.trace(f, a).compile().output, f(a), rtol=1e-13)
        assert adjoint.trace(f, a).compile().output.dtype == np.float64
    gradient = adjoint.grad(lambda x: np.sum(linalg.solve(a, x)))(np.ones(2))
    np.testing.assert_allclose(gradient, linalg.inv(a).sum(0))
