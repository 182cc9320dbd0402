"""Partials are as precise as the result: a low-precision operand beside a double does not spoil the derivative."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint

X = np.array([1.3, 2.2, 0.7])
FUNCTIONS: dict[str, Any] = {
    **{name: getattr(np, name) for name in ("divide", "power", "arctan2", "hypot", "logaddexp", "multiply", "fmod")},
    **{name: getattr(scipy.special, name) for name in ("xlogy", "xlog1py", "rel_entr", "kl_div", "pseudo_huber")},
    "divided": lambda a, b: b / a,
    "base": lambda a, b: b**a,
    "outer quotient": np.divide.outer,
    "logspace": lambda a, b: np.logspace(a, 2.0, 4, base=b),
}


def other(dtype: Any) -> np.ndarray:
    return np.array([2, 3, 5]).astype(dtype)


def comparable(*dtypes: Any) -> list[Any]:
    """Those where NumPy computes the value itself in double precision."""
    return [
        pytest.param(f, dtype, id=f"{name}-{np.dtype(dtype)}")
        for name, f in FUNCTIONS.items()
        for dtype in dtypes
        if np.allclose(f(X, other(dtype)), f(X, other(dtype).astype(float)), rtol=1e-12, atol=0)
    ]


def test_most_functions_are_comparable() -> None:
    assert len(comparable(np.float16, np.float32)) > len(FUNCTIONS)


@pytest.mark.parametrize("f, dtype", comparable(np.float16, np.float32, np.int8, np.int64))
def test_the_other_operand_may_be_coarse(f: Any, dtype: Any) -> None:
    b = other(dtype)
    coarse = adjoint.jacobian(lambda x: f(x, b))(X)
    fine = adjoint.jacobian(lambda x: f(x, b.astype(float)))(X)
    np.testing.assert_allclose(coarse, fine, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("f, dtype", comparable(np.float16, np.float32))
def test_both_operands_traced(f: Any, dtype: Any) -> None:
    b = other(dtype)
    coarse, _ = adjoint.jacobian(f, (0, 1))(X, b)
    fine, _ = adjoint.jacobian(f, (0, 1))(X, b.astype(float))
    np.testing.assert_allclose(coarse, fine, rtol=1e-13, atol=1e-15)
