"""Law 1: a traced operation computes what NumPy computes, with its shape and dtype; and again at new inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import leaves


def assert_same_output(found: Any, expected: Any, tolerance: float = 1e-13) -> None:
    """Equal up to the rounding of another order of summation; shape and dtype exactly."""
    assert len(leaves(found)) == len(leaves(expected))
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        y = np.asarray(y)
        assert np.shape(x) == y.shape
        assert np.asarray(x).dtype == y.dtype
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_value_is_numpys(case: Case) -> None:
    f, x = case.point()
    assert_same_output(adjoint.trace(f, *x).compile().output, f(*x))


@pytest.mark.parametrize("case", [c for c in CASES if not c.branches], ids=lambda c: c.id)
def test_trace_evaluates_at_new_inputs(case: Case) -> None:
    f, x = case.point(0)
    _, fresh = case.point(1)
    trace = adjoint.trace(f, *x)
    assert_same_output(trace(*fresh), f(*fresh))
    assert_same_output(trace.compile().relinearize(*fresh).output, f(*fresh))
