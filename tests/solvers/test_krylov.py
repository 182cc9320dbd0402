"""``krylov``: iterations in place of ``D.solve``; against LAPACK, SuperLU and central differences."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
import adjoint.scipy.sparse
import adjoint.scipy.sparse.linalg
from adjoint.errors import NotConvergedError
from adjoint.extend import Dense, Diagonal, DiagonalBlock, Identity, Primitive, Sparse, bind
from adjoint.solvers.iterative.methods import PRODUCTS
from adjoint.solvers.krylov import Krylov
from tests.systems_catalogue import BY_NAME, flat_rows, flat_solution, masked_matrix, random_rows, system_of

METHODS = sorted(PRODUCTS)
GENERAL = [method for method in METHODS if method != "cg"]


class OnlyProducts(DiagonalBlock):
    """``D v = M v + C conj(v)``, which cannot be solved with and has no entries."""

    __slots__ = ("conjugated", "matrix")
    kind = "products only"

    def __init__(self, matrix: Any, conjugated: Any = None) -> None:
        self.matrix = matrix
        self.conjugated = conjugated
        self.in_shape = self.out_shape = matrix.shape[:1]

    def apply(self, v):
        image = v @ self.matrix.T
        return image if self.conjugated is None else image + np.conj(v) @ self.conjugated.T

    def apply_adjoint(self, w):
        image = w @ np.conj(self.matrix)
        return image if self.conjugated is None else image + np.conj(w) @ self.conjugated

    def solve(self, r):
        raise RuntimeError("solved directly")

    solve_adjoint = solve

    def to_sparse(self) -> Sparse:
        raise RuntimeError("asked for entries")

    def absolute(self):
        return None

    @property
    def nnz(self):
        return self.matrix.size


def implicit(block_of, value):
    """An operation ``z = value(a)`` with the diagonal block ``block_of(z, a)`` and ``−∂c/∂a = I``."""
    primitive = Primitive(
        "implicit",
        value,
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: block_of(y, *operands),
    )
    return lambda a: bind(primitive, (a,))


def system_with(matrix, a, conjugated=None):
    """One implicit constraint with the diagonal block ``matrix``, whatever its value."""
    return adjoint.trace(implicit(lambda y, a: OnlyProducts(matrix, conjugated), np.copy), a).compile()


def well_conditioned(n, dtype=float, seed=0):
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(-1, 1, (n, n)) + (1j * rng.uniform(-1, 1, (n, n)) if np.dtype(dtype).kind == "c" else 0)
    return (matrix + n * np.eye(n)).astype(dtype)


def differences(f, x, h=1e-5):
    return np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(x.size)], axis=-1)


# --- the solution ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", GENERAL)
@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
@pytest.mark.parametrize("name", ["linear solves", "matrix solve", "nested linear solve"])
def test_every_method_solves_what_lapack_solves(name, phase, method):
    system, matrix = system_of(name), masked_matrix(name)
    nodes = system.trace.outputs if phase == "solve" else system.trace.inputs
    rows = random_rows(system, nodes, (2,), seed=3)
    expected = np.linalg.solve(matrix if phase == "solve" else matrix.T, -flat_rows(system, rows, (2,)))
    found = flat_solution(system, getattr(system.factorize(Krylov(method)), phase)(rows), (2,))
    assert_allclose(found, expected, rtol=0, atol=1e-11 * np.max(np.abs(expected)))


def test_conjugate_gradients_on_a_definite_block():
    matrix = well_conditioned(8)
    matrix = matrix @ matrix.T
    system = system_with(matrix, np.ones(8))
    seed = np.cos(np.arange(8.0))
    assert_allclose(system.solve(seed, solver=Krylov("cg"))["a"], np.linalg.solve(matrix, seed), rtol=1e-11)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_the_block_is_only_multiplied_with(dtype):
    """Its ``solve`` and ``to_sparse`` raise; in both directions and for several right-hand sides."""
    matrix = well_conditioned(7, dtype)
    system = system_with(matrix, np.ones(7, dtype))
    seed = well_conditioned(7, dtype, seed=1)[:3]
    expected = np.linalg.solve(matrix.conj().T, seed.T).T
    assert_allclose(system.solve(seed, solver="krylov")["a"], expected, rtol=1e-11)
    expected = np.linalg.solve(matrix, seed.T).T
    assert_allclose(system.solve_tangent(seed, solver="krylov").output, expected, rtol=1e-11)


def test_explicit_constraints_are_back_substitution():
    system = BY_NAME["network"].compile()
    rows = random_rows(system, system.trace.outputs)
    found, expected = (system.factorize(name).solve(rows) for name in ("krylov", "back_substitution"))
    assert_array_equal(flat_solution(system, found), flat_solution(system, expected))
    assert system.factorize("krylov").reports == ()


class Laplacian(DiagonalBlock):
    """The five-point stencil ``4 u − (its four neighbors) + c u`` on a grid, by slices."""

    __slots__ = ("c",)
    kind = "stencil"

    def __init__(self, c):
        self.c = c
        self.in_shape = self.out_shape = c.shape

    def apply(self, v):
        total = (4 + self.c) * v
        for axis in (-2, -1):
            edge = np.zeros_like(v[..., :1, :] if axis == -2 else v[..., :1])
            inner = (v[..., 1:, :], v[..., :-1, :]) if axis == -2 else (v[..., 1:], v[..., :-1])
            total = total - np.concatenate([inner[0], edge], axis) - np.concatenate([edge, inner[1]], axis)
        return total

    apply_adjoint = apply

    def solve(self, r):
        raise RuntimeError("solved directly")

    solve_adjoint = solve

    def to_sparse(self):
        raise RuntimeError("asked for entries")

    def absolute(self):
        return None

    @property
    def nnz(self):
        return 5 * self.c.size


def laplacian_matrix(c):
    """The same as a sparse matrix, by Kronecker products."""
    eye, line = (
        scipy.sparse.eye_array,
        lambda n: scipy.sparse.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n)),
    )
    n, m = c.shape
    grid = scipy.sparse.kron(line(n), eye(m)) + scipy.sparse.kron(eye(n), line(m))
    return (grid + scipy.sparse.diags_array(c.ravel())).tocsc()


def poisson(c, f):
    if adjoint.tracing.is_traced(c) or adjoint.tracing.is_traced(f):
        return bind(POISSON, (c, f))
    return scipy.sparse.linalg.spsolve(laplacian_matrix(c), f.ravel()).reshape(c.shape)


POISSON = Primitive(
    "poisson",
    lambda c, f: poisson(c, f),
    lambda u, operands, static, parents: [
        (parent, block)
        for parent, block in zip(parents, (Diagonal(-u, u.shape, u.shape), Identity(u.shape)), strict=True)
        if parent >= 0
    ],
    diagonal=lambda u, operands, static: Laplacian(operands[0]),
)


@pytest.mark.parametrize("method", ["cg", "bicgstab", "gmres"])
def test_poisson_of_ten_thousand_unknowns(method):
    """``−Δu + c u = f``, a misfit of ``u``: gradients for the coefficient and the source, from products alone."""
    n = 100
    rng = np.random.default_rng(0)
    c, f = 0.01 * rng.uniform(0, 1, (n, n)), rng.standard_normal((n, n))
    target = np.sin(np.arange(n) / 10)[:, None] * np.ones(n)
    misfit = lambda c, f: 0.5 * np.sum((poisson(c, f) - target) ** 2)
    gradient = adjoint.grad(misfit, (0, 1), solver=Krylov(method))
    c_bar, f_bar = gradient(c, f)
    direct = scipy.sparse.linalg.splu(laplacian_matrix(c))
    u = direct.solve(f.ravel())
    expected = direct.solve(u - target.ravel())
    assert_allclose(f_bar.ravel(), expected, rtol=0, atol=1e-11 * np.max(np.abs(expected)))
    assert_allclose(c_bar.ravel(), -u * expected, rtol=0, atol=1e-11 * np.max(np.abs(u * expected)))


# --- precision ------------------------------------------------------------------------------------


def test_single_precision_stays_single():
    matrix = well_conditioned(9, np.float32)
    system = system_with(matrix, np.ones(9, np.float32))
    seed = np.cos(np.arange(9)).astype(np.float32)
    found = system.solve(seed, solver="krylov")["a"]
    assert found.dtype == np.float32
    assert_allclose(found, np.linalg.solve(matrix.T.astype(float), seed), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.longdouble, np.clongdouble])
def test_extended_precision_is_refined(dtype):
    """SciPy iterates in double precision; what comes out satisfies the equation better than a double can."""
    matrix = well_conditioned(6, dtype) + np.eye(6, dtype=dtype) / 3
    system = system_with(matrix, np.ones(6, dtype))
    seed = np.cos(np.arange(6)).astype(dtype) / 3
    found = system.solve(seed, solver="krylov")["a"]
    assert found.dtype == dtype
    assert np.max(np.abs(matrix.conj().T @ found - seed)) < 1e-15
    assert np.max(np.abs(matrix @ system.solve_tangent(seed, solver="krylov").output - seed)) < 1e-15
    if np.finfo(dtype).eps < np.finfo(float).eps:
        fine = system.solve(seed, solver=Krylov(tolerance=1e-18))["a"]
        assert np.max(np.abs(matrix.conj().T @ fine - seed)) < 1e-18


def test_real_linear_blocks():
    """``D v = M v + C conj(v)`` has no complex matrix: real and imaginary parts are iterated together."""
    rng = np.random.default_rng(0)
    matrix = well_conditioned(5, complex)
    conjugated = 9 * (rng.uniform(-1, 1, (5, 5)) + 1j * rng.uniform(-1, 1, (5, 5)))
    a = rng.standard_normal(5) + 1j * rng.standard_normal(5)
    system = system_with(matrix, a, conjugated)
    M, C = np.block([[matrix.real, -matrix.imag], [matrix.imag, matrix.real]]), conjugated
    real = M + np.block([[C.real, C.imag], [C.imag, -C.real]])
    parts = lambda z: np.concatenate([z.real, z.imag])
    assert_allclose(parts(system.solve(a, solver="krylov")["a"]), np.linalg.solve(real.T, parts(a)), rtol=1e-11)
    found = system.solve_tangent(a, solver="krylov").output
    assert_allclose(parts(found), np.linalg.solve(real, parts(a)), rtol=1e-11)


@pytest.mark.parametrize("scale", [1e-280, 1e-30, 1e30, 1e280])
def test_right_hand_sides_of_any_size(scale):
    matrix = well_conditioned(6)
    seed = np.cos(np.arange(6.0))
    found = system_with(matrix, np.ones(6)).solve(scale * seed, solver="krylov")["a"]
    assert_allclose(found / scale, np.linalg.solve(matrix.T, seed), rtol=1e-11)


@pytest.mark.parametrize("digits", [4, 6, 8])
def test_where_rounding_forbids_the_tolerance_the_best_will_do(digits):
    """Condition ``10**digits``: a relative residual of 3e-13 is out of reach, for LAPACK too."""
    rng = np.random.default_rng(0)
    u, v = (np.linalg.qr(rng.standard_normal((12, 12)))[0] for _ in range(2))
    matrix = u @ np.diag(np.logspace(0, -digits, 12)) @ v
    seed = rng.standard_normal(12)
    found = system_with(matrix, np.ones(12)).solve(seed, solver="krylov")["a"]
    expected = np.linalg.solve(matrix.T, seed)
    assert np.max(np.abs(found - expected)) < 1e-14 * 10**digits * np.max(np.abs(expected))


# --- several right-hand sides, what is not finite ----------------------------------------------------


def test_each_right_hand_side_is_an_iteration_and_zeros_are_none():
    matrix = well_conditioned(6)
    system = system_with(matrix, np.ones(6))
    one = np.cos(np.arange(6.0))
    system.solve(one, solver="krylov")
    (single,) = system.factorize("krylov").reports
    system.solve(np.stack([one, 0 * one, -2 * one]), solver="krylov")
    (several,) = system.factorize("krylov").reports
    assert (single.right_hand_sides, several.right_hand_sides) == (1, 3)
    assert several.iterations == 2 * single.iterations > 0


def test_infinite_right_hand_sides_do_not_touch_the_others():
    matrix = well_conditioned(4)
    seeds = np.array([[1.0, 2.0, 3.0, 4.0], [np.inf, 0, 0, 0], [0, np.nan, 0, 0]])
    system = system_with(matrix, np.ones(4))
    found = system.solve(seeds, solver="krylov")["a"]
    assert_allclose(found[0], np.linalg.solve(matrix.T, seeds[0]), rtol=1e-11)
    assert np.isnan(found[1:]).all()
    (report,) = system.factorize("krylov").reports
    assert not report.converged
    assert np.isnan(report.residual)


def test_a_block_that_is_not_finite_gives_nan_at_once():
    matrix = well_conditioned(4)
    matrix[2, 1] = np.nan
    system = system_with(matrix, np.ones(4))
    assert np.isnan(system.solve(np.ones(4), solver="krylov")["a"]).all()
    assert system.factorize("krylov").reports[0].iterations <= 2


# --- failures -------------------------------------------------------------------------------------


def square_root():
    """The root of ``z² − a = 0``, with ``D = 2 z``: singular at 0."""
    return implicit(lambda y, a: Dense(np.diag(2 * y), y.shape, y.shape), np.sqrt)


@pytest.mark.parametrize("method", METHODS)
def test_a_singular_block_does_not_converge(method):
    system = adjoint.trace(square_root(), np.array([4.0, 1.0, 0.0, 2.0])).compile()
    message = (
        rf"'krylov' did not solve with the diagonal block of z_2 = implicit\(…\), of 4 unknowns: {method} .*singular"
    )
    with pytest.raises(NotConvergedError, match=message) as caught:
        system.solve(np.ones(4), solver=Krylov(method))
    error = caught.value
    assert error.node == 2
    assert error.iterations > 0
    assert error.residual >= 0.5 - 1e-12, "no x comes closer to a right-hand side with a fourth of it out of range"
    for remedy in ("max_iterations=", "method=", "'back_substitution'", "raise_on_failure=False"):
        assert remedy in str(error)


def test_a_right_hand_side_in_the_range_of_a_singular_block_is_solved():
    system = adjoint.trace(square_root(), np.array([4.0, 1.0, 0.0, 2.0])).compile()
    found = system.solve(np.array([1.0, 1.0, 0.0, 1.0]), solver="krylov")["a"]
    assert_allclose(found, [0.25, 0.5, 0.0, 0.125**0.5], rtol=1e-11)


def test_too_few_iterations():
    matrix = well_conditioned(30) - 25 * np.eye(30)
    system = system_with(matrix, np.ones(30))
    solver = Krylov(max_iterations=4, restart=4)
    with pytest.raises(NotConvergedError, match=r"in \d products with it, and 3e-13 was asked for") as caught:
        system.solve(np.ones(30), solver=solver)
    assert 4 <= caught.value.iterations <= 8, "a restarted method may finish its cycle"
    loose = Krylov(max_iterations=4, restart=4, tolerance=0.999)
    system.solve(np.ones(30), solver=loose)
    assert system.factorize(loose).reports[0].converged


def test_the_best_iterate_with_a_flag():
    matrix = well_conditioned(30) - 20 * np.eye(30)
    system = system_with(matrix, np.ones(30))
    solver = Krylov(max_iterations=5, restart=5, raise_on_failure=False)
    found = system.solve(np.ones(30), solver=solver)["a"]
    (report,) = system.factorize(solver).reports
    residual = np.linalg.norm(np.ones(30) - matrix.T @ found) / np.linalg.norm(np.ones(30))
    assert (report.node, report.operation, report.right_hand_sides, report.converged) == (2, "implicit", 1, False)
    assert 1e-3 < residual < 1
    assert_allclose(report.residual, residual, rtol=1e-10)
    with pytest.raises(FrozenInstanceError):
        report.converged = True


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "jacobi"}, r"method must be one of 'gmres', .*'cg'.*, not 'jacobi'"),
        ({"tolerance": 0.0}, "between 0 and 1, not 0.0"),
        ({"tolerance": 2}, "between 0 and 1, not 2"),
        ({"max_iterations": 0}, "max_iterations must be at least 1, not 0"),
        ({"restart": -1}, "restart must be at least 1, not -1"),
    ],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        Krylov(**options)


# --- preconditioning ------------------------------------------------------------------------------


def scaled(n=40):
    """A matrix whose rows are of very different sizes: dividing by its diagonal is most of the solution."""
    return (well_conditioned(n) / n + np.eye(n)) * np.logspace(0, 5, n)[:, None]


def divide_by_the_diagonal(block):
    return Diagonal(1 / np.diag(block.matrix), block.in_shape, block.out_shape)


@pytest.mark.parametrize("method", ["gmres", "bicgstab"])
def test_a_preconditioner_changes_the_way_and_not_the_solution(method):
    matrix, seed = scaled(), np.cos(np.arange(40.0))
    system = system_with(matrix, np.ones(40))
    counts = []
    for preconditioner in (lambda block: None, divide_by_the_diagonal):
        solver = Krylov(method, preconditioner=preconditioner, max_iterations=5000)
        assert_allclose(system.solve(seed, solver=solver)["a"], np.linalg.solve(matrix.T, seed), rtol=1e-9)
        assert_allclose(system.solve_tangent(seed, solver=solver).output, np.linalg.solve(matrix, seed), rtol=1e-9)
        counts.append(system.factorize(solver).reports[0].iterations)
    assert counts[1] < counts[0] / 1.5


def test_the_inverse_itself_needs_no_iteration_in_any_direction():
    """Neither matrix nor inverse is symmetric: an adjoint in the wrong place would take many products."""
    b = np.cos(np.arange(9.0))
    matrix = well_conditioned(9) - 8 * np.eye(9)
    inverse = lambda block: Dense(np.linalg.inv(block.matrix), block.in_shape, block.out_shape)
    solver = Krylov(preconditioner=inverse, max_iterations=5, restart=2)
    system = system_with(matrix, np.ones(9))
    assert_allclose(system.solve(b, solver=solver)["a"], np.linalg.solve(matrix.T, b), rtol=1e-10)
    assert_allclose(system.solve_tangent(b, solver=solver).output, np.linalg.solve(matrix, b), rtol=1e-10)
    objective = lambda v: np.sum(np.linalg.solve(matrix + np.diag(v), b) ** 3)
    for mode in ("forward", "reverse"):
        found = adjoint.jacobian(adjoint.grad(objective, solver=solver), mode=mode, solver=solver)(0.1 * b)
        expected = differences(adjoint.grad(objective), 0.1 * b)
        assert_allclose(found, expected, rtol=0, atol=1e-6 * np.max(np.abs(expected)))


def test_derivatives_of_the_solve_are_preconditioned_too():
    asked = []

    def preconditioner(block):
        asked.append(block.kind)
        return Diagonal(1 / np.diag(block.matrix), block.in_shape, block.out_shape)

    b = np.cos(np.arange(6.0))
    matrix = well_conditioned(6)
    objective = lambda v: np.sum(np.linalg.solve(matrix + np.diag(v), b) ** 3)
    found = adjoint.hessian(objective, solver=Krylov(preconditioner=preconditioner))(b)
    assert_allclose(found, differences(adjoint.grad(objective), b), rtol=1e-5, atol=1e-9)
    assert set(asked) == {"solve"}
    assert len(asked) > 1


# --- derivatives of the solve ---------------------------------------------------------------------

N = 5
PATTERN = scipy.sparse.coo_array(scipy.sparse.random_array((N, N), density=0.4, rng=np.random.default_rng(1)))
PATTERN = scipy.sparse.coo_array(PATTERN + 3 * scipy.sparse.eye_array(N))
WEIGHTS = 20 * np.cos(np.arange(N))


def dense_objective(v):
    return np.sum(WEIGHTS * np.linalg.solve(v[: N * N].reshape(N, N), v[N * N :]) ** 3)


def sparse_objective(v):
    matrix = adjoint.scipy.sparse.coo_array((v[: PATTERN.nnz], PATTERN.coords), shape=(N, N))
    return np.sum(WEIGHTS * adjoint.scipy.sparse.linalg.spsolve(matrix, v[PATTERN.nnz :]) ** 3)


def complex_objective(v):
    matrix = well_conditioned(N, complex) / 3 + 1j * np.outer(v, v)
    return np.sum(WEIGHTS * np.abs(np.linalg.solve(matrix, v * (1 - 2j))) ** 2)


OBJECTIVES = {
    "dense": (dense_objective, np.concatenate([well_conditioned(N).ravel() / 3, np.sin(np.arange(N))])),
    "sparse": (sparse_objective, np.concatenate([PATTERN.data / 2, np.sin(np.arange(N))])),
    "complex": (complex_objective, np.sin(np.arange(N))),
}


@pytest.mark.parametrize("outer", ["krylov", "back_substitution", "neumann", "dense"])
@pytest.mark.parametrize("inner", ["krylov", "back_substitution"])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_hessian(name, mode, inner, outer):
    objective, v = OBJECTIVES[name]
    if name == "complex" and outer == "dense":
        return  # it takes no real-linear blocks
    found = adjoint.jacobian(adjoint.grad(objective, solver=inner), mode=mode, solver=outer)(v)
    expected = differences(adjoint.grad(objective), v)
    scale = np.max(np.abs(expected))
    assert scale > 0.1
    assert_allclose(found, expected, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_third_derivatives_by_krylov_over_krylov_over_krylov(name):
    objective, v = OBJECTIVES[name]
    w = np.cos(1.0 + np.arange(v.size))

    def curvature(v, solver):
        return adjoint.grad(lambda v: np.sum(adjoint.grad(objective, solver=solver)(v) * w), solver=solver)(v)

    found = adjoint.grad(lambda v: np.sum(curvature(v, "krylov") * w), solver="krylov")(v)
    h = 1e-4
    gradient = adjoint.grad(objective)
    expected = (gradient(v + h * w) - 2 * gradient(v) + gradient(v - h * w)) / h**2
    assert_allclose(found, expected, rtol=0, atol=1e-5 * np.max(np.abs(expected)))


def test_derivatives_of_a_block_that_is_only_multiplied_with():
    """``−Δu + exp(c) u = f``: the stencil's data is traced, its ``solve`` raises."""
    f = np.cos(np.arange(12.0)).reshape(3, 4)
    c = 0.3 * np.sin(np.arange(12.0))

    objective = lambda c: np.sum(poisson(np.exp(c).reshape(3, 4), f) ** 3)
    gradient = adjoint.grad(objective, solver=Krylov("gmres"))
    expected = differences(objective, c)
    assert_allclose(gradient(c), expected, atol=1e-9)
    assert_allclose(adjoint.hessian(objective, solver="krylov")(c), differences(gradient, c), atol=1e-9)


def test_iterations_are_not_recorded_and_the_trace_can_be_replayed():
    """However many products it takes, a solve is one node; at other values it is solved anew."""
    rng = np.random.default_rng(2)
    objective = lambda matrix, b: np.sum(np.linalg.solve(matrix, b) ** 3)
    gradient = adjoint.grad(objective, solver="krylov")
    matrix, b = well_conditioned(6), rng.standard_normal(6)
    trace = adjoint.trace(gradient, matrix, b)
    operations = [node.operation for node in trace.nodes()]
    assert operations.count("iterative_solve") == 1
    assert len(operations) < 15
    moved = matrix + rng.uniform(-0.5, 0.5, (6, 6))
    x = np.linalg.solve(moved, -b)
    expected = -np.outer(np.linalg.solve(moved.T, 3 * x**2), x)
    assert_allclose(trace(moved, -b), expected, rtol=1e-10, atol=1e-14)
    again = trace.compile().relinearize(moved, -b).solve(matrix, solver="krylov")
    fresh = adjoint.trace(adjoint.grad(objective), moved, -b).compile().solve(matrix)
    assert_allclose(again["matrix"], fresh["matrix"], rtol=1e-9, atol=1e-13)


def test_a_traced_solve_that_fails_says_so():
    root = square_root()
    system = lambda a: adjoint.grad(lambda a: np.sum(root(a)), solver="krylov")(a)
    with pytest.raises(NotConvergedError, match="z_2 = implicit"):
        adjoint.jacobian(system)(np.array([4.0, 0.0]))


# --- what it would cost ---------------------------------------------------------------------------


def test_prediction_counts_blocks_and_products():
    structure = BY_NAME["network"].compile().structure
    explicit = Krylov().predict(structure)
    assert explicit.solve_multiplications == structure.flops.sum()
    assert explicit.fill_in == explicit.factor_multiplications == 0
    small, large = (system_with(well_conditioned(n), np.ones(n)).structure for n in (20, 200))
    few, many = Krylov().predict(small), Krylov().predict(large)
    assert few.solve_multiplications >= 20 * 20**2
    assert many.solve_multiplications >= 50 * 200**2
    assert many.seconds > few.seconds > 0
    assert Krylov(restart=10).predict(large).solve_multiplications < many.solve_multiplications
    assert Krylov().predict(large, 7).solve_multiplications == 7 * many.solve_multiplications
