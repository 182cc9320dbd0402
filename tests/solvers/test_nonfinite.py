"""Partials that are not finite: zeros stay structural zeros, and what is truly infinite is so with every solver."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adjoint

SOLVERS = adjoint.solvers.available()

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")


def multipliers(f, *args, solver, seed=None):
    return adjoint.trace(f, *args).compile().solve(seed, solver=solver).arguments


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.where(x > 0, np.log(x), 0.0),
        lambda x: np.where(x > 0, np.sqrt(x), 0.0),
        lambda x: np.where(x > 0, 1 / x, 0.0),
        lambda x: np.where(x > 0, x**0.5, 0.0),
        lambda x: np.where(x > 0, np.sqrt(np.sqrt(x)), 0.0),
        lambda x: np.where(x > 0, x * np.log(x) / x, 0.0),
        lambda x: np.where(x > 0, np.arctan2(x, x), 0.0),
        lambda x: np.sqrt(x) * 0.0,
    ],
)
def test_what_is_not_selected_never_poisons(f, solver):
    (slope,) = multipliers(f, 0.0, solver=solver)
    assert slope == 0.0
    assert adjoint.grad(f, solver=solver)(0.0) == 0.0


@pytest.mark.parametrize("solver", SOLVERS)
def test_missing_data_times_an_argument(solver):
    data = np.array([1.0, np.nan, np.inf, -3.0])
    f = lambda x: np.sum(np.where(np.isfinite(data), x * data, 0.0))
    assert_array_equal(adjoint.grad(f, solver=solver)(np.ones(4)), [1.0, 0.0, 0.0, -3.0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_right_hand_sides_do_not_infect_each_other(solver):
    """Only the first seed meets the infinite partial of ``sqrt`` at 0."""
    (found,) = multipliers(np.sqrt, np.array([0.0, 4.0]), solver=solver, seed=np.eye(2))
    assert_array_equal(found, [[np.inf, 0.0], [0.0, 0.25]])
    with pytest.warns(adjoint.NonFiniteDerivativeWarning, match=r"sqrt\(…\)"):
        jacobian = adjoint.jacobian(np.sqrt, solver=solver)(np.array([0.0, 4.0]))
    assert_array_equal(jacobian, [[np.inf, 0.0], [0.0, 0.25]])


@pytest.mark.parametrize("solver", SOLVERS)
def test_infinite_partials_in_a_row_stay_infinite(solver):
    (found,) = multipliers(lambda x: np.sqrt(np.sqrt(x)), 0.0, solver=solver)
    assert found == np.inf


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_infinite_multiplier_does_not_touch_unrelated_ones(solver):
    """Before and after it in the order of the constraints."""
    slopes = multipliers(lambda a, x, b: a + np.sqrt(x) + b, 1.0, 0.0, 2.0, solver=solver)
    assert_array_equal(slopes, (1.0, np.inf, 1.0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_tangents_of_masked_infinities(solver):
    """``log'(0)`` is infinite and really met by the tangent; the mask then leaves it out."""
    f = lambda x, y: np.where(x > 0, np.log(x), y)
    system = adjoint.trace(f, np.array([0.0, 2.0]), 3.0).compile()
    tangents = system.solve_tangent(np.array([1.0, 1.0]), 5.0, solver=solver)
    assert_array_equal(tangents.output, [5.0, 0.5])


@pytest.mark.parametrize("solver", SOLVERS)
def test_nan_seed_gives_nan_and_no_certificate(solver):
    system = adjoint.trace(lambda x: np.sin(x) * 2, 1.0).compile()
    multipliers = system.solve(np.nan, solver=solver)
    assert np.isnan(multipliers["x"])
    assert multipliers.certificate() == np.inf


@pytest.mark.parametrize("solver", SOLVERS)
def test_second_derivative_through_a_mask(solver):
    """``x² log x`` extended by 0: the second derivative at 2 is 2 log 2 + 3, and 0 where it is masked."""
    f = lambda x: np.sum(np.where(x > 0, x * x * np.log(x), 0.0))
    found = adjoint.hessian(f, solver=solver)(np.array([2.0, 0.0]))
    np.testing.assert_allclose(found, [[2 * np.log(2) + 3, 0.0], [0.0, 0.0]], atol=1e-14)
