"""scipy.linalg: values are SciPy's, derivatives those of differences, over the real and the complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import adjoint
from adjoint.blocks.sylvester import Sylvester
from adjoint.errors import (
    LostDerivativeError,
    NotAcceptedError,
    NotDifferentiableError,
    SingularBlockError,
    TraceMismatchError,
    UnsupportedArgumentError,
)
from adjoint.scipy import linalg
from tests.primitives import test_complex
from tests.primitives.case import Case, Fixed, any_real, case
from tests.primitives.cases_complex import ComplexCase, in_complex
from tests.primitives.cases_linalg import as_list, regular, spread, steady
from tests.scipy.laws import laws_of


def _systems() -> list[Case]:
    solve, triangular = linalg.solve, linalg.solve_triangular
    structures = ["gen", "sym", "her", "pos", "diagonal", "tridiagonal", "banded", "upper triangular"]
    structures += ["lower triangular", "positive definite", "symmetric", "hermitian", "general"]
    tagged = lambda name: name.replace(" ", "_")

    def factorized(f: Any, a: Any, b: Any, **options: Any) -> Any:
        return f(linalg.cho_factor(a, **options), b)

    def factorized_below(f: Any, a: Any, b: Any) -> Any:
        return factorized(f, a, b, lower=True)

    def by_lu(f: Any, a: Any, b: Any, trans: int = 0) -> Any:
        return f(linalg.lu_factor(a), b, trans)

    return [
        case(solve, "vector", regular(3, 3), any_real(3)),
        case(solve, "matrix", regular(3, 3), any_real(3, 2), check_finite=False),
        case(solve, "transposed", regular(3, 3), any_real(3), transposed=True),
        case(solve, "constant_matrix", Fixed(regular(3, 3)), any_real(3)),
        case(solve, "constant_right_side", regular(3, 3), Fixed(any_real(3))),
        case(solve, "stack", regular(2, 2, 2), any_real(2, 2, 1)),
        *(case(solve, tagged(name), regular(3, 3), any_real(3), assume_a=name) for name in structures),
        *(
            case(solve, f"{name}_lower", regular(2, 2), any_real(2), assume_a=name, lower=True)
            for name in ("sym", "pos")
        ),
        *(
            case(triangular, f"{name}_{trans}", regular(3, 3), any_real(3), lower=name == "lower", trans=trans)
            for name in ("upper", "lower")
            for trans in (0, 1, 2, "N", "T", "C")
        ),
        case(triangular, "matrix", regular(3, 3), any_real(3, 2), lower=True),
        case(triangular, "unit_diagonal", regular(3, 3), any_real(3), unit_diagonal=True),
        case(triangular, "unit_diagonal_lower", regular(3, 3), any_real(3), unit_diagonal=True, lower=True),
        case(triangular, "constant_matrix", Fixed(regular(3, 3)), any_real(3)),
        case(triangular, "constant_right_side", regular(3, 3), Fixed(any_real(3))),
        case(linalg.cho_solve, "upper", regular(3, 3), any_real(3), call=factorized),
        case(
            linalg.cho_solve,
            "lower",
            regular(3, 3),
            any_real(3, 2),
            call=lambda f, a, b: factorized(f, a, b, lower=True),
        ),
        case(linalg.cho_solve, "constant_matrix", Fixed(regular(3, 3)), any_real(3), call=factorized),
        *(
            case(linalg.lu_solve, f"trans_{t}", spread(3, 3), any_real(3), call=lambda f, a, b, t=t: by_lu(f, a, b, t))
            for t in (0, 1, 2)
        ),
        case(linalg.lu_solve, "exchanged", spread(3, 3), any_real(3, 2), call=lambda f, a, b: by_lu(f, a[::-1], b)),
        case(linalg.lu_factor, "exchanged", spread(3, 3), call=lambda f, a: f(a[::-1])[0]),
        case(linalg.inv, "matrix", regular(3, 3)),
        case(linalg.inv, "symmetric", regular(3, 3), assume_a="sym"),
        case(linalg.det, "matrix", regular(3, 3)),
        case(linalg.det, "stack", regular(2, 2, 2)),
    ]


def _decompositions() -> list[Case]:
    eigh, svd, qr = linalg.eigh, linalg.svd, linalg.qr

    def both(f: Any, *matrices: Any, **options: Any) -> Any:
        w, v = f(*matrices, **options)
        return [w, steady(v)]

    def invariant(f: Any, a: Any, **options: Any) -> Any:
        u, s, vh = f(a, **options)
        k = s.shape[-1]
        return [s, (u[..., :k] * s**2) @ vh[..., :k, :], np.abs(u[..., :k]) ** 2]

    return [
        case(linalg.cholesky, "upper", regular(3, 3)),
        case(linalg.cholesky, "lower", regular(3, 3), lower=True),
        case(eigh, "matrix", spread(3, 3), call=both),
        case(eigh, "upper", spread(3, 3), call=lambda f, a: both(f, a, lower=False)),
        case(eigh, "driver", spread(3, 3), call=lambda f, a: both(f, a, driver="ev")),
        case(eigh, "values", spread(3, 3), eigvals_only=True),
        case(eigh, "subset", spread(4, 4), call=lambda f, a: both(f, a, subset_by_index=[1, 2])),
        case(eigh, "generalized", spread(3, 3), regular(3, 3), call=both),
        case(eigh, "generalized_upper", spread(3, 3), regular(3, 3), call=lambda f, a, b: both(f, a, b, lower=False)),
        case(eigh, "generalized_values", spread(3, 3), regular(3, 3), eigvals_only=True),
        case(eigh, "generalized_constant", spread(3, 3), Fixed(regular(3, 3)), call=both),
        case(linalg.eigvalsh, "matrix", spread(3, 3)),
        case(linalg.eigvalsh, "upper", spread(3, 3), lower=False),
        case(svd, "full", spread(3, 2), call=invariant),
        case(svd, "thin", spread(2, 3), call=lambda f, a: invariant(f, a, full_matrices=False)),
        case(svd, "values", spread(3, 2), compute_uv=False),
        case(linalg.svdvals, "matrix", spread(3, 3)),
        case(qr, "full", spread(3, 2), call=as_list),
        case(qr, "economic", spread(3, 2), call=lambda f, a: list(f(a, mode="economic"))),
        case(qr, "wide", spread(2, 3), call=as_list),
        case(qr, "r", spread(3, 2), call=lambda f, a: list(f(a, mode="r"))),
        case(linalg.norm, "vector", any_real(3)),
        case(linalg.norm, "matrix", spread(2, 3), ord=2),
    ]


def _functions() -> list[Case]:
    expm, logm, sqrtm = linalg.expm, linalg.logm, linalg.sqrtm
    sylvester, lyapunov = linalg.solve_sylvester, linalg.solve_continuous_lyapunov
    toeplitz, diagonal = linalg.toeplitz, linalg.block_diag
    return [
        case(expm, "matrix", any_real(3, 3)),
        case(expm, "large", lambda rng: rng.uniform(-1, 1, (2, 2)) + np.diag([6.0, -3.0])),
        case(expm, "stack", any_real(2, 2, 2)),
        case(expm, "zero", lambda rng: np.zeros((2, 2))),
        case(logm, "matrix", regular(3, 3), call=lambda f, a: f(np.eye(3) @ a)),  # double: SciPy warns of single
        case(sqrtm, "matrix", regular(3, 3)),
        case(sqrtm, "squared", regular(2, 2), call=lambda f, a: f(a @ a)),
        case(sylvester, "square", regular(2, 2), regular(2, 2), any_real(2, 2)),
        case(sylvester, "wide", regular(2, 2), regular(3, 3), any_real(2, 3)),
        case(sylvester, "constant_matrices", Fixed(regular(2, 2)), Fixed(regular(2, 2)), any_real(2, 2)),
        case(sylvester, "constant_right_side", regular(2, 2), regular(3, 3), Fixed(any_real(2, 3))),
        case(lyapunov, "matrix", regular(3, 3), any_real(3, 3)),
        case(toeplitz, "symmetric", any_real(3)),
        case(toeplitz, "row", any_real(3), any_real(2)),
        case(toeplitz, "constant_row", any_real(2), Fixed(any_real(3))),
        case(diagonal, "matrices", any_real(2, 2), any_real(1, 3)),
        case(diagonal, "vector_and_number", any_real(2), Fixed(any_real())),
    ]


CASES = [*_systems(), *_decompositions(), *_functions()]


@laws_of(CASES)
def test_laws(one: Case, law: Callable[[Case], None]) -> None:
    law(one)


def _right_in_scipy(one: ComplexCase) -> bool:
    """SciPy (1.17) solves Sylvester equations wrongly where some of the matrices are real."""
    mixed = "r" in one.fields or one.case.variation.startswith("constant")
    return not (mixed and one.case.subject in (linalg.solve_sylvester, linalg.solve_continuous_lyapunov))


COMPLEX_CASES = [one for one in in_complex(c for c in CASES if c.variation != "transposed") if _right_in_scipy(one)]
_COMPLEX_LAWS = [
    test_complex.test_both_modes,
    test_complex.test_the_gradient_of_a_real_functional,
    test_complex.test_second_derivatives,
    test_complex.test_single_precision_stays_single,
    test_complex.test_blocks_keep_their_contract,
]


@pytest.mark.parametrize("law", _COMPLEX_LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
@pytest.mark.parametrize("one", COMPLEX_CASES, ids=lambda one: one.id)
def test_complex_laws(one: ComplexCase, law: Callable[[ComplexCase], None]) -> None:
    law(one)


def test_every_name_has_a_case() -> None:
    covered = {one.subject for one in CASES} | {linalg.cho_factor}  # through cho_solve
    assert [name for name in linalg.__all__ if getattr(linalg, name) not in covered] == []


@pytest.mark.parametrize("name", linalg.__all__)
def test_plain_arrays_get_scipys_own_answer(name: str) -> None:
    a, b = np.array([[3.0, 0.5], [0.5, 2.0]]), np.array([[1.0, 2.0], [0.5, -1.0]])
    arguments: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(("solve", "solve_triangular", "solve_continuous_lyapunov", "block_diag"), (a, b)),
        "cho_solve": (scipy.linalg.cho_factor(a), b),
        "lu_solve": (scipy.linalg.lu_factor(a), b),
        "solve_sylvester": (a, a, b),
        "toeplitz": (a[0], b[0]),
    }
    given = arguments.get(name, (a,))
    found, expected = getattr(linalg, name)(*given), getattr(scipy.linalg, name)(*given)
    assert type(found) is type(expected)
    for x, y in zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]:
        np.testing.assert_array_equal(x, y)


def test_other_names_are_scipys() -> None:
    assert linalg.hadamard is scipy.linalg.hadamard
    with pytest.raises(AttributeError, match="no_such_function"):
        linalg.no_such_function


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "driver": (lambda a: linalg.svd(a, lapack_driver="gesvd"), "lapack_driver='gesvd'"),
    "pivoting": (lambda a: linalg.qr(a, pivoting=True), "pivoting=True"),
    "raw": (lambda a: linalg.qr(a, mode="raw"), "mode='raw'"),
    "type": (lambda a: linalg.eigh(a, a, type=2), "type=2"),
    "values": (lambda a: linalg.eigh(a, subset_by_value=[0, 1]), "subset_by_value"),
    "estimate": (lambda a: linalg.logm(a, disp=False), "disp=False"),
    "rectangular": (lambda a: linalg.lu_factor(a[:1]), "one square matrix"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_arguments_without_a_rule_are_named(name: str) -> None:
    call, message = REFUSED[name]
    with pytest.raises(UnsupportedArgumentError, match=message):
        adjoint.trace(call, np.array([[2.0, 0.5], [0.5, 3.0]]))


def test_bad_input_is_refused_as_by_scipy() -> None:
    a = np.array([[2.0, np.nan], [0.5, 3.0]])
    for call in (linalg.inv, linalg.det, linalg.cholesky, linalg.norm, lambda a: linalg.solve(a, np.ones(2))):
        with pytest.raises(ValueError, match="infs or NaNs"):
            adjoint.trace(call, a)
    with pytest.raises(ValueError, match="not a recognized matrix structure"):
        adjoint.trace(lambda a: linalg.solve(a, a, assume_a="square"), np.eye(2))
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        adjoint.trace(lambda a: linalg.solve_triangular(a, np.ones(2)), np.array([[1.0, 2.0], [0.0, 0.0]]))


def test_a_triangular_matrix_has_a_derivative_in_its_triangle_only() -> None:
    a, b = np.array([[2.0, 7.0], [0.5, 3.0]]), np.ones(2)
    gradient = adjoint.grad(lambda a: np.sum(linalg.solve_triangular(a, b, lower=True)))(a)
    assert gradient[0, 1] == 0.0
    assert (gradient[np.tril_indices(2)] != 0).all()


def test_an_lu_factorization_holds_for_its_exchanges_of_rows() -> None:
    trace = adjoint.trace(lambda a: linalg.lu_factor(a)[0], np.array([[1.0, 2.0], [3.0, 1.0]]))
    with pytest.raises(TraceMismatchError, match="another branch"):
        trace(np.array([[3.0, 1.0], [1.0, 2.0]]))


def test_a_real_matrix_with_a_complex_root() -> None:
    a = np.array([[1.0, 2.0], [0.3, -2.0]])  # one eigenvalue is negative
    f = lambda a: np.sum(np.abs(linalg.sqrtm(a)) ** 2)
    gradient = adjoint.grad(f)(a)
    assert gradient.dtype == np.float64
    for entry in np.ndindex(2, 2):
        v = np.zeros((2, 2))
        v[entry] = 1e-5
        assert gradient[entry] == pytest.approx((f(a + v) - f(a - v)) / 2e-5, rel=1e-7, abs=1e-8)
    with pytest.raises(TraceMismatchError, match="another branch"):
        adjoint.trace(linalg.sqrtm, a)(np.eye(2) + 0.1 * a**2)
    with pytest.raises(NotDifferentiableError, match="cut of the logarithm"):
        adjoint.grad(lambda a: np.sum(np.abs(linalg.logm(a))))(a)


def test_the_exponential_against_scipys_frechet_derivative() -> None:
    rng = np.random.default_rng(0)
    a, v = rng.standard_normal((2, 4, 4))
    for scale in (1e-150, 1.0, 1e150):
        _, expected = scipy.linalg.expm_frechet(a, v)
        found = adjoint.jvp(linalg.expm, (a,), (v * scale,))[1]
        np.testing.assert_allclose(found / scale, expected, rtol=1e-12, atol=1e-12)


def test_equations_with_a_common_eigenvalue_are_singular() -> None:
    a = np.diag([1.0, 2.0])
    with pytest.raises(np.linalg.LinAlgError, match="in common"):
        adjoint.trace(lambda q: linalg.solve_sylvester(a, -a, q), np.ones((2, 2)))
    block = Sylvester(a, -a, (2, 2))
    for solve in (block.solve, block.solve_adjoint):
        with pytest.raises(SingularBlockError, match="Sylvester"):
            solve(np.ones((2, 2)))


@pytest.mark.parametrize("fields", ["rrc", "rcr", "crr", "ccr", "rcc", "crc"])
def test_sylvester_equations_of_real_and_complex_matrices(fields: str) -> None:
    rng = np.random.default_rng(2)
    (a, b, q), v = rng.standard_normal((3, 3, 3)), rng.standard_normal((3, 3, 3))
    a, b, q = (x + 1j * x[::-1] if field == "c" else x for x, field in zip((a, b, q), fields, strict=True))
    x, x_dot = adjoint.jvp(linalg.solve_sylvester, (a, b, q), tuple(v))
    np.testing.assert_allclose(a @ x + x @ b, q, atol=1e-13)
    np.testing.assert_allclose(a @ x_dot + x_dot @ b + v[0] @ x + x @ v[1], v[2], atol=1e-12)
    w = rng.standard_normal((3, 3)) + 1j * rng.standard_normal((3, 3))
    pulled = adjoint.vjp(linalg.solve_sylvester, a, b, q)[1](w)
    assert np.vdot(w, x_dot).real == pytest.approx(sum(np.vdot(p, d).real for p, d in zip(pulled, v, strict=True)))


@pytest.mark.parametrize("solver", ["back_substitution", "dense"])
def test_implicit_constraints_of_matrix_equations(solver: str) -> None:
    rng = np.random.default_rng(1)
    a, q = np.eye(3) + 0.2 * rng.standard_normal((3, 3)), rng.standard_normal((3, 3))
    f = lambda a, q: np.sum(linalg.solve_continuous_lyapunov(a, q) ** 2) + np.sum(linalg.sqrtm(a) ** 3)
    expected = adjoint.grad(f, (0, 1))(a, q)
    for x, y in zip(adjoint.grad(f, (0, 1), solver=solver)(a, q), expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-11)
    with pytest.raises(NotAcceptedError, match="implicit"):
        adjoint.grad(f, solver="sparse_triangular")(a, q)


def test_names_without_a_rule_say_so() -> None:
    with pytest.raises(LostDerivativeError, match="would become a plain NumPy array"):
        adjoint.trace(linalg.signm, np.eye(2))
