"""``residual``: the largest entry of ``|A λ + s|``, against the dense matrix."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.system import Multipliers
from tests.systems_catalogue import BY_NAME, NAMES, dense_matrix, flat_rows, flat_solution, random_rows, system_of

SOLVERS = adjoint.solvers.available()


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", NAMES)
def test_rounding_for_right_multipliers(name, solver):
    family, system = BY_NAME[name], system_of(name)
    rows = random_rows(system, system.trace.outputs, (2,))
    try:
        found = system.factorize(solver).solve(rows)
    except NotAcceptedError:
        return
    largest = max((float(np.max(np.abs(x), initial=0)) for x in found if x is not None), default=0.0)
    residual = Multipliers(system, found, rows, (2,)).residual()
    assert isinstance(residual, float)
    assert 0 <= residual <= 50 * family.eps * max(1.0, largest)


@pytest.mark.parametrize("batch", [(), (3,)])
@pytest.mark.parametrize("name", ["operators", "network", "stencil", "linear solves", "custom rules", "nested systems"])
def test_is_the_largest_violation(name, batch):
    """For multipliers that solve nothing."""
    system, matrix = system_of(name), dense_matrix(system_of(name))
    rows = random_rows(system, system.trace.outputs, batch)
    rng = np.random.default_rng(3)
    found = [
        np.asarray(rng.standard_normal((*batch, *np.shape(y)))) if system.is_active(k) else None
        for k, y in enumerate(system.values)
    ]
    violation = matrix @ flat_solution(system, found, batch) + flat_rows(system, rows, batch)
    multipliers = Multipliers(system, found, rows, batch)
    assert multipliers.residual() == pytest.approx(np.abs(violation).max(), rel=1e-12)
    assert system.residual(multipliers) == multipliers.residual()


def test_by_hand():
    """``(x + y) z`` with every multiplier set to 1: row ``z`` reads ``3·1 − 1``, row ``x + y`` reads ``−4·1 − 1``."""
    system = adjoint.trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0).compile()
    lam = Multipliers(system, [np.float64(1.0)] * 5, [(4, np.float64(1.0))], ())
    assert lam.residual() == 5.0


def test_nan_is_not_zero():
    system = adjoint.trace(lambda x: x * 2, np.ones(2)).compile()
    lam = system.solve(np.array([1.0, np.nan]))
    assert np.isnan(lam.residual())


def test_nothing_to_solve():
    assert adjoint.trace(lambda n: n + 1, 3).compile().solve().residual() == 0.0
    assert adjoint.trace(lambda x: x * 2, np.zeros(0)).compile().solve(np.zeros(0)).residual() == 0.0
