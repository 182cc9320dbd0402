"""Block data may be traced: gradients with respect to the data, against central differences.

This is what higher derivatives stand on: a solve is recorded like any other code, so every sweep of every block has to
be differentiable with respect to what the block holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.blocks import Adjoint, Block, Contraction, Dense, Diagonal, Product, Scale, Slice, Sparse, Sum, Take
from tests.blocks.entry import random

ROWS, COLUMNS = np.array([0, 5, 2, 2, 0]), np.array([1, 2, 2, 0, 1])  # the first and the last are one entry
Build = Callable[[Any], Block]
KINDS: dict[str, tuple[tuple[int, ...], Build]] = {
    "diagonal": ((2, 3), lambda d: Diagonal(d, (2, 3), (2, 3))),
    "diagonal of a scalar": ((), lambda d: Diagonal(d, (2, 3), (2, 3))),
    "diagonal that broadcasts its data": ((3,), lambda d: Diagonal(d, (2, 3), (2, 3))),
    "diagonal that broadcasts its argument": ((2, 3), lambda d: Diagonal(d, (3,), (2, 3))),
    "diagonal that broadcasts both": ((2, 1), lambda d: Diagonal(d, (3,), (2, 3))),
    "guarded diagonal": ((2, 3), lambda d: Diagonal(d, (3,), (2, 3), guarded=True)),
    "sparse": ((5,), lambda d: Sparse(ROWS, COLUMNS, d, (3,), (2, 3))),
    "dense": ((6, 3), lambda d: Dense(d, (3,), (2, 3))),
    "contraction matmul": ((3, 4), lambda d: Contraction(tuple("ij"), tuple("jk"), tuple("ik"), d, (2, 3), (2, 4))),
    "contraction outer": ((4,), lambda d: Contraction(tuple("i"), tuple("k"), tuple("ki"), d, (3,), (4, 3))),
    "contraction batched": (
        (2, 4, 3),
        lambda d: Contraction(tuple("bj"), tuple("bkj"), tuple("kb"), d, (2, 3), (4, 2)),
    ),
    "contraction summed and broadcast": (
        (3, 2),
        lambda d: Contraction(tuple("ij"), tuple("jz"), tuple("xi"), d, (2, 3), (4, 2)),
    ),
    "adjoint of a contraction": (
        (3, 4),
        lambda d: Contraction(tuple("ij"), tuple("jk"), tuple("ik"), d, (2, 3), (2, 4)).adjoint,
    ),
    "adjoint of a diagonal": ((2, 3), lambda d: Diagonal(d, (3,), (2, 3)).adjoint),
    "adjoint of a sparse block": ((5,), lambda d: Sparse(ROWS, COLUMNS, d, (3,), (2, 3)).adjoint),
    "adjoint of a dense block": ((6, 3), lambda d: Dense(d, (3,), (2, 3)).adjoint),
    "Adjoint": ((6, 3), lambda d: Adjoint(Dense(d, (3,), (2, 3)))),
    "diagonal @ diagonal": ((2, 3), lambda d: Diagonal(d, (2, 3), (2, 3)) @ Diagonal(2 * d, (2, 3), (2, 3))),
    "guarded diagonal @ diagonal": (
        (2, 3),
        lambda d: Diagonal(d, (2, 3), (2, 3), guarded=True) @ Diagonal(2 * d, (2, 3), (2, 3)),
    ),
    "scalar @ diagonal + scalar": (
        (2, 3),
        lambda d: Scale(2.0, (2, 3), (2, 3)) @ Diagonal(d, (2, 3), (2, 3)) + Scale(3.0, (2, 3), (2, 3)),
    ),
    "sparse @ sparse": (
        (5,),
        lambda d: Sparse(ROWS, COLUMNS, d, (3,), (2, 3)) @ Sparse(ROWS, COLUMNS, d, (3,), (2, 3)).adjoint,
    ),
    "sparse + sparse": (
        (5,),
        lambda d: Sparse(ROWS, COLUMNS, d, (3,), (2, 3)) + Sparse(COLUMNS, ROWS % 3, d * d, (3,), (2, 3)),
    ),
    "dense @ dense": ((3, 3), lambda d: Dense(d, (3,), (3,)) @ Dense(d.T, (3,), (3,))),
    "dense + dense": ((3, 3), lambda d: Dense(d, (3,), (3,)) + Dense(d.T, (3,), (3,))),
    "Product": ((2, 3), lambda d: Product(Diagonal(d, (2, 3), (2, 3)), Diagonal(d * d, (3,), (2, 3)))),
    "Sum": (
        (2, 3),
        lambda d: Sum(
            Diagonal(d, (2, 3), (2, 3)), Contraction(*map(tuple, ("ij", "jk", "ik")), square(d), (2, 3), (2, 3))
        ),
    ),
    "take @ diagonal": ((3,), lambda d: Product(Take(np.array([2, 2, 0]), (3,)), Diagonal(d, (3,), (3,)))),
    "slice @ diagonal": ((3,), lambda d: Product(Slice((slice(1, 3),), (3,), (2,)), Diagonal(d, (3,), (3,)))),
}


def square(d: Any) -> Any:
    return d.T @ d


def central_differences(f: Callable[[np.ndarray], float], x: np.ndarray, h: float = 1e-5) -> np.ndarray:
    """``∂f/∂x`` entry by entry, exact to about ``h²``."""
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        gradient[index] = (float(f(x + step)) - float(f(x - step))) / (2 * h)
    return gradient


def weights(shape: tuple[int, ...]) -> np.ndarray:
    return np.cos(1.0 + np.arange(np.prod(shape, dtype=int))).reshape(shape)


def functional(kind: str, sweep: str, batch: tuple[int, ...] = ()) -> tuple[Callable[[Any], Any], np.ndarray]:
    """A scalar function of the block's data that is not linear in what the sweep gives, and a point."""
    shape, build = KINDS[kind]
    data = np.asarray(random(*shape)) + 0.1

    def f(d: Any) -> Any:
        block = build(d)
        if sweep == "to_sparse":
            y = block.to_sparse().data
        elif sweep == "apply":
            y = block.apply(weights(batch + block.in_shape))
        else:
            y = block.apply_adjoint(weights(batch + block.out_shape))
        return np.sum(weights(y.shape) * np.sin(y))

    return f, data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sweep", ["apply", "apply_adjoint", "to_sparse"])
def test_gradient_with_respect_to_the_data(kind: str, sweep: str) -> None:
    f, data = functional(kind, sweep)
    expected = central_differences(f, data)
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(adjoint.grad(f)(data), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sweep", ["apply", "apply_adjoint"])
@pytest.mark.parametrize("batch", [(3,), (2, 1)])
def test_gradient_over_several_right_hand_sides(kind: str, sweep: str, batch: tuple[int, ...]) -> None:
    f, data = functional(kind, sweep, batch)
    expected = central_differences(f, data)
    np.testing.assert_allclose(adjoint.grad(f)(data), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_second_derivatives_with_respect_to_the_data(kind: str) -> None:
    f, data = functional(kind, "apply_adjoint")
    direction = weights(data.shape)
    slope = lambda d: np.sum(direction * adjoint.grad(f)(d))
    expected = central_differences(slope, data)
    np.testing.assert_allclose(adjoint.grad(slope)(data), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_data_and_vector_traced_together(kind: str) -> None:
    shape, build = KINDS[kind]
    data = np.asarray(random(*shape)) + 0.1
    v = weights(build(data).in_shape)

    def f(d: Any, v: Any) -> Any:
        block = build(d)
        return np.sum(np.sin(block.apply_adjoint(np.tanh(block.apply(v)))))

    by_data, by_vector = adjoint.grad(f, (0, 1))(data, v)
    np.testing.assert_allclose(by_data, central_differences(lambda d: f(d, v), data), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(by_vector, central_differences(lambda x: f(data, x), v), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_forward_mode_agrees_with_central_differences(kind: str) -> None:
    f, data = functional(kind, "apply")
    direction = weights(data.shape)
    _, slope = adjoint.jvp(f, (data,), (direction,))
    h = 1e-5
    expected = (f(data + h * direction) - f(data - h * direction)) / (2 * h)
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("phase", ["solve", "solve_adjoint"])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_solving_with_a_traced_dense_block(phase: str, batch: tuple[int, ...]) -> None:
    matrix, r = random(3, 3) + 4 * np.eye(3), weights((*batch, 3))

    def f(d: Any, r: Any) -> Any:
        return np.sum(np.sin(getattr(Dense(d, (3,), (3,)), phase)(r)))

    by_data, by_vector = adjoint.grad(f, (0, 1))(matrix, r)
    np.testing.assert_allclose(by_data, central_differences(lambda d: f(d, r), matrix), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(by_vector, central_differences(lambda x: f(matrix, x), r), rtol=1e-6, atol=1e-9)


def test_the_pattern_stays_concrete_while_the_data_is_traced() -> None:
    patterns = []

    def f(d: Any) -> Any:
        sparse = (Sparse(ROWS, COLUMNS, d, (3,), (2, 3)) @ Diagonal(d[:3], (3,), (3,)).to_sparse()).to_sparse()
        patterns.append((sparse.rows, sparse.columns))
        return np.sum(sparse.data)

    adjoint.grad(f)(random(5))
    assert all(type(x) is np.ndarray for pattern in patterns for x in pattern)
