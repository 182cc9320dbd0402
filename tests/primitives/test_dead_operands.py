"""An operand that does not depend on the arguments has no tangent and no multiplier: zeros, not a failure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, leaves


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_zero_tangents_stay_structural(case: Case) -> None:
    f, x = case.point()

    def dead(*arguments: Any) -> Any:
        return f(*(np.zeros_like(a) + b for a, b in zip(arguments, x, strict=True)))

    y, y_dot = adjoint.jvp(dead, x, directions(x, 1))
    for value, tangent in zip(leaves(y), leaves(y_dot), strict=True):
        assert np.shape(value) == np.shape(tangent)
        assert not np.any(tangent)


@pytest.mark.parametrize("case", [c for c in CASES if len(c.point()[1]) > 1], ids=lambda c: c.id)
def test_each_operand_alone(case: Case) -> None:
    """The tangents along one operand at a time add up to the tangent along all of them."""
    f, x = case.point()
    v = directions(x, 2)
    total = leaves(adjoint.jvp(f, x, v)[1])
    parts = []
    for k in range(len(x)):

        def one(a: Any, k: int = k) -> Any:
            others = [np.zeros((), like=a) + b for b in x]
            others[k] = a
            return f(*others)

        parts.append(leaves(adjoint.jvp(one, (x[k],), (v[k],))[1]))
    for expected, *found in zip(total, *parts, strict=True):
        scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
        np.testing.assert_allclose(sum(found), expected, rtol=1e-10, atol=1e-11 * scale)
