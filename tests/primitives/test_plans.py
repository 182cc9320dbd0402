"""Plans of sparse Jacobians over the catalogue: made at one point, used at another.

At the other point the matrix is that of the dense Jacobian, which is checked against differences in ``test_first.py``,
or the plan says that it does not hold there. A pattern that was read off values and kept would show as a wrong number.
"""

from __future__ import annotations

import numpy as np
import optree
import pytest

import adjoint
from adjoint.errors import NotAcceptedError, TraceMismatchError
from tests.primitives.catalogue import CASES

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::adjoint.NonFiniteDerivativeWarning"),
]
STRATEGIES = ["elimination", pytest.param("coloring", marks=pytest.mark.slow)]


def leaves_of(tree):
    return optree.tree_leaves(tree, namespace="adjoint")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_plan_holds_elsewhere_or_says_so(case, strategy):
    function, here = case.point(0)
    _, there = case.point(1)
    numbers = [k for k, x in enumerate(here) if np.asarray(x).dtype.kind in "fc"]
    same = all(np.shape(x) == np.shape(y) for x, y in zip(here, there, strict=True))
    if not numbers or len(numbers) < len(here) or not same:
        return  # nothing to plan for, or data of other shapes
    with np.errstate(all="ignore"):
        expected = leaves_of(adjoint.jacobian(function, tuple(numbers))(*there))
        try:
            plan = adjoint.jacobian_plan(function, *here, argnums=tuple(numbers), strategy=strategy)
            found = leaves_of(plan(*there))
        except (TraceMismatchError, NotAcceptedError):
            return
    for matrix, block in zip(found, expected, strict=True):
        dense = matrix.toarray()
        np.testing.assert_allclose(dense, np.reshape(block, dense.shape), rtol=1e-7, atol=1e-9)
