"""Sparse LU: no fill-in where A is triangular, pivoting inside the diagonal blocks of implicit constraints."""

import numpy as np
import pytest
import scipy.sparse.linalg
from numpy.testing import assert_allclose

import adjoint
from adjoint.blocks import Dense, Identity
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError, SingularBlockError
from adjoint.solvers.superlu import SuperLU
from adjoint.tracing import Primitive, bind
from tests.systems_catalogue import BY_NAME, FAMILIES, dense_matrix, random_rows, system_of

EXPLICIT = [family.name for family in FAMILIES if not family.implicit and not family.masked]


def factors_of(monkeypatch, solver, system):
    """Solve twice; the matrices that were factorized, and the factors."""
    seen = []
    real = scipy.sparse.linalg.splu

    def splu(matrix, *args, **kwargs):
        seen.append((matrix, real(matrix, *args, **kwargs)))
        return seen[-1][1]

    monkeypatch.setattr(scipy.sparse.linalg, "splu", splu)
    factor = solver.analyze(system).factorize(system)
    rows = random_rows(system, system.trace.outputs)
    first, again = factor.solve(rows), factor.solve(rows)
    factor.solve_tangent(random_rows(system, system.trace.inputs, (3,)))
    for x, y in zip(first, again, strict=True):
        assert (x is None) == (y is None)
        assert x is None or np.array_equal(x, y)
    return seen


@pytest.mark.parametrize("name", EXPLICIT)
def test_a_triangular_matrix_is_its_own_factor(monkeypatch, name):
    """One factorization for all solves, and not one entry more than the matrix has."""
    seen = factors_of(monkeypatch, SuperLU(), system_of(name))
    for matrix, lu in seen:
        n = matrix.shape[0]
        assert lu.nnz - n == matrix.nnz  # the unit diagonal of L is counted
        assert np.array_equal(lu.perm_r, np.arange(n))
        assert np.array_equal(lu.perm_c, np.arange(n))
    # what no output needs is left out of the first one
    everything = system_of(name).scalars is None or system_of(name).scalars.all_live
    assert len(seen) == (0 if not system_of(name).shape[0] else 1 if everything else 2)


def test_fill_in_is_reported_and_stays_in_the_blocks():
    rng = np.random.default_rng(0)
    n = 12
    matrix = np.eye(n) * 0.01 + np.diag(rng.uniform(1, 2, n - 1), 1) + np.diag(rng.uniform(1, 2, n - 1), -1)
    system = adjoint.trace(lambda b: np.sin(np.linalg.solve(matrix, np.exp(b))), rng.standard_normal(n)).compile()
    factor = system.factorize(SuperLU())
    found = system.solve(np.ones(n), solver=SuperLU()).arguments[0]
    assert_allclose(found, system.solve(np.ones(n), solver="dense").arguments[0], rtol=1e-10)
    lu = factor._prepared
    assert lu.fill_in == lu.nonzeros - np.count_nonzero(dense_matrix(system)) or lu.fill_in >= 0
    assert 0 <= lu.fill_in <= n * n


def test_pivoting_keeps_small_pivots_harmless():
    """A diagonal of 1e-14 beside ones: without pivoting nothing would be left of the answer."""
    matrix = np.array([[1e-14, 1.0, 0.0], [1.0, 1.0, 2.0], [0.0, 2.0, 1e-14]])
    b = np.array([0.3, -0.7, 0.5])
    system = adjoint.trace(lambda b: np.linalg.solve(matrix, b * b), b).compile()
    expected = 2 * b * np.linalg.solve(matrix.T, np.ones(3))
    assert_allclose(system.solve(np.ones(3), solver="superlu").arguments[0], expected, rtol=1e-12)
    without = system.solve(np.ones(3), solver=SuperLU(diag_pivot_thresh=0.0)).arguments[0]
    assert np.abs(without - expected).max() > 1e-5


@pytest.mark.parametrize("order", ["NATURAL", "COLAMD", "MMD_AT_PLUS_A", "MMD_ATA"])
@pytest.mark.parametrize("name", ["linear solves", "random program", "network"])
def test_every_order_gives_the_same(order, name):
    system = system_of(name)
    rows = random_rows(system, system.trace.outputs, (2,))
    expected = system.factorize("dense").solve(rows)
    for found, right in zip(system.factorize(SuperLU(permc_spec=order)).solve(rows), expected, strict=True):
        if right is not None:
            found = np.zeros(np.shape(right)) if found is None else found  # a structural zero
            assert_allclose(found, right, rtol=1e-10, atol=1e-12)


def test_the_singular_constraint_is_named():
    root = Primitive(
        "root",
        np.sqrt,
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Dense(np.diag(2 * y), y.shape, y.shape),
    )
    system = adjoint.trace(lambda a: np.sin(bind(root, (a * a,))), np.array([4.0, 1.0])).compile()
    for solver in ("superlu", "dense"):
        with pytest.raises(SingularBlockError, match=r"matrix A of size 8 is singular") as caught:
            system.relinearize(np.array([0.0, 1.0])).solve(np.ones(2), solver=solver)
        assert "The diagonal block of z_3 = root(…) is singular." in caught.value.__notes__


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="longdouble is a double here")
@pytest.mark.parametrize("solver", ["superlu", "dense", "sparse_triangular", "level_scheduled"])
def test_long_doubles_keep_their_digits(solver):
    x = np.linspace(0.2, 0.9, 5).astype(np.longdouble)
    system = adjoint.trace(lambda x: np.sum(np.sin(x) * x), x).compile()
    found = system.solve(solver=solver).arguments[0]
    assert found.dtype == np.longdouble
    assert_allclose(found, np.cos(x) * x + np.sin(x), rtol=1e-18)


def test_predictions():
    explicit, implicit = (BY_NAME[name].compile().structure for name in ("network", "linear solves"))
    assert SuperLU().predict(explicit).fill_in == 0
    assert SuperLU().predict(implicit).fill_in > 0
    for name in ("superlu", "sparse_triangular", "level_scheduled", "dense"):
        one, ten = (adjoint.solvers.get(name).predict(explicit, m) for m in (1, 10))
        assert 0 < one.seconds < ten.seconds
        assert ten.solve_multiplications == 10 * one.solve_multiplications
        with pytest.raises(AssemblyTooLargeError, match=f"'{name}' would need about"):
            type(adjoint.solvers.get(name))(max_bytes=100).predict(explicit)
    for name in ("sparse_triangular", "level_scheduled"):
        with pytest.raises(NotAcceptedError, match=rf"'{name}' needs triangular .* z_\d+ = linalg.solve.*'superlu'"):
            adjoint.solvers.get(name).predict(implicit)
