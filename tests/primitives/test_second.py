"""Law 3: second derivatives through every operation, by every nesting of the two modes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives import references
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, leaves


def scalar_of(case: Case) -> tuple[Callable[..., Any], tuple[np.ndarray, ...]]:
    """A random weighting of the case's output entries: its Hessian sees the curvature of them all."""
    f, x = case.point()
    weights = directions([np.asarray(y) for y in leaves(f(*x))], 5)

    def scalar(*arguments: Any) -> Any:
        return sum(np.sum(w * y) for w, y in zip(weights, leaves(f(*arguments)), strict=True))

    return scalar, x


def dot(a: Any, b: Any) -> Any:
    return sum(np.sum(p * q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_every_nesting_is_that_of_differences(case: Case) -> None:
    f, x = scalar_of(case)
    v, u = directions(x, 6), directions(x, 7)
    gradient = adjoint.grad(f, range(len(x)))
    expected = references.slope(gradient, x, v)  # of the first derivative, which test_first.py checks
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))

    def check(found: Any, reference: Any, nesting: str) -> None:
        np.testing.assert_allclose(found, reference, rtol=1e-6, atol=1e-7 * scale, err_msg=nesting)

    check(references.flat(adjoint.jvp(gradient, x, v)[1]), expected, "forward over reverse")
    over_reverse = adjoint.grad(lambda *a: dot(gradient(*a), v), range(len(x)))
    check(references.flat(over_reverse(*x)), expected, "reverse over reverse")
    over_forward = adjoint.grad(lambda *a: adjoint.jvp(f, a, v)[1], range(len(x)))
    check(references.flat(over_forward(*x)), expected, "reverse over forward")
    twice_forward = adjoint.jvp(lambda *a: adjoint.jvp(f, a, v)[1], x, u)[1]
    check(twice_forward, references.flat(u) @ expected, "forward over forward")


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_a_jacobian_can_itself_be_differentiated(case: Case) -> None:
    """Its solve has many right-hand sides, and is recorded with them."""
    f, x = case.point()
    v, u = directions(x, 12), directions(x, 13)
    size = max(1, sum(a.size for a in x) * references.flat(f(*x)).size)
    weights = np.random.default_rng(14).uniform(0.5, 1.0, size)

    def weighted(mode: str) -> Callable[..., Any]:
        def scalar(*arguments: Any) -> Any:
            nested = adjoint.jacobian(f, range(len(x)), mode=mode)(*arguments)
            rows = nested if isinstance(nested, list) or isinstance(nested[0], tuple) else [nested]
            parts = [part for row in rows for part in row]
            chosen = [np.resize(weights, np.shape(part)) for part in parts]
            return dot(chosen, parts)

        return scalar

    expected = references.slope(weighted("reverse"), x, v)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    for mode in ("forward", "reverse"):
        found = references.flat(adjoint.grad(weighted(mode), range(len(x)))(*x)) @ references.flat(v)
        np.testing.assert_allclose(found, expected[0], rtol=1e-6, atol=1e-7 * scale, err_msg=f"reverse over {mode}")
        bundle = tuple(np.stack([a, b]) for a, b in zip(v, u, strict=True))
        several = adjoint.linearize(weighted(mode), *x)[1](*bundle)
        np.testing.assert_allclose(
            several[0], expected[0], rtol=1e-6, atol=1e-7 * scale, err_msg=f"forward over {mode}"
        )


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_hessian_is_symmetric_and_agrees_with_hvp(case: Case) -> None:
    f, x = scalar_of(case)
    nested = adjoint.hessian(f, range(len(x)))(*x)
    for row, a in zip(nested, x, strict=True):
        for part, b in zip(row, x, strict=True):
            assert np.shape(part) == a.shape + b.shape
    matrix = np.concatenate(
        [
            np.concatenate([np.reshape(p, (a.size, b.size)) for p, b in zip(row, x, strict=True)], axis=1)
            for row, a in zip(nested, x, strict=True)
        ]
    )
    scale = max(1.0, float(np.max(np.abs(matrix), initial=0.0)))
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-11, atol=1e-11 * scale)
    v = directions(x, 8)
    found = references.flat(adjoint.hvp(f, x, v))
    np.testing.assert_allclose(found, matrix @ references.flat(v), rtol=1e-10, atol=1e-10 * scale)
