"""Holomorphic programs on complex data: ``A`` holds ``Jᴴ``, so reverse solves give conjugates, forward ones do not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint

SOLVERS = adjoint.solvers.available()
Z = np.array([0.3 + 0.8j, -1.1 + 0.2j, 0.5 - 0.4j])
W = np.array([[1.0 + 1j, 0.5, -2j], [0.2, 3.0 - 1j, 1.0], [1j, 0.0, 0.7]])


def program(z, w):
    y = np.exp(z) * z + w @ np.sin(z)
    return y[1:] / y[0]


def jacobian(f, z, h=1e-6):
    """Central differences along the real axis: for a holomorphic function they are its complex derivative."""
    return np.stack([(f(z + h * e) - f(z - h * e)) / (2 * h) for e in np.eye(z.size)], axis=-1)


@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("solver", SOLVERS)
def test_both_directions(solver, batch):
    system = adjoint.trace(program, Z, W).compile()
    J = jacobian(lambda z: program(z, W), Z)
    K = jacobian(lambda w: program(Z, w.reshape(3, 3)), W.ravel())
    rng = np.random.default_rng(0)
    seed, z_dot = (rng.standard_normal((*batch, n)) + 1j * rng.standard_normal((*batch, n)) for n in (2, 3))
    lam = system.solve(seed, solver=solver)
    assert lam["z"].dtype == lam["w"].dtype == np.complex128
    assert_allclose(lam["z"], seed @ J.conj(), rtol=1e-8)
    assert_allclose(lam["w"], (seed @ K.conj()).reshape(*batch, 3, 3), rtol=1e-8)
    assert lam.certificate() < 1e-14
    tangents = system.solve_tangent(z_dot, np.zeros((*batch, 3, 3)), solver=solver)
    assert_allclose(tangents.output, z_dot @ J.T, rtol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_number(solver):
    """``f = z eᶻ``: ``λ = conj(eᶻ (1 + z))``."""
    z = 1 + 2j
    system = adjoint.trace(lambda z: z * np.exp(z), z).compile()
    slope = np.exp(z) * (1 + z)
    assert_allclose(system.solve(solver=solver)["z"], np.conj(slope), rtol=1e-14)
    assert_allclose(system.solve_tangent(1.0, solver=solver).output, slope, rtol=1e-14)


@pytest.mark.parametrize("solver", ["back_substitution", "dense"])
def test_complex_linear_solve(solver):
    b = np.array([1.0, 2j, -1.0 + 1j])
    system = adjoint.trace(lambda b: np.linalg.solve(W, b), b).compile()
    seed = np.array([1j, 2.0, -0.5])
    assert_allclose(system.solve(seed, solver=solver)["b"], np.linalg.solve(W.conj().T, seed), rtol=1e-12)
    assert_allclose(system.solve_tangent(seed, solver=solver).output, np.linalg.solve(W, seed), rtol=1e-12)


def test_the_matrix_holds_conjugates():
    system = adjoint.trace(lambda z: z * z, 1 + 2j).compile()
    assert_allclose(system.matrix("dense"), [[-1, 2 - 4j], [0, -1]])
