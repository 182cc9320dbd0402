"""Whole programs that nobody wrote, with views and writes: what shares memory in NumPy shares it when traced.

A program keeps a pool of arrays. A step adds an array (computed, or a view or copy of one that is there) or writes
into one; at the end the whole pool is looked at. Plain NumPy decides which arrays share memory and what a write does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import adjoint
from adjoint.testing import check_solver
from tests.primitives import references
from tests.primitives.references import directions
from tests.primitives.test_random_programs import BINARY, UNARY, WHOLE, close, point


def _apart(x: Any) -> Any:
    """An array of its own."""
    return np.atleast_1d(x) + 0.0


TAKEN: tuple[Callable[[Any], Any], ...] = (
    lambda a: a,
    lambda a: a[...],
    lambda a: a.T,
    lambda a: a[..., ::-1],
    lambda a: a[::-1],
    lambda a: a[:1],
    lambda a: a[..., :2],
    lambda a: a[..., -2:],
    lambda a: a[..., None],
    lambda a: a.reshape(-1),
    lambda a: a.reshape(-1, 1),
    lambda a: np.reshape(a, -1, order="F"),
    lambda a: a.ravel(),
    lambda a: a.ravel(order="K"),
    lambda a: a.flatten(),
    lambda a: a.copy(),
    lambda a: np.expand_dims(a, 0)[0],
    lambda a: np.atleast_2d(a)[:, :3],
    lambda a: np.swapaxes(a, 0, -1),
    lambda a: np.moveaxis(a, -1, 0),
    lambda a: np.atleast_1d(np.squeeze(a)),
    lambda a: np.split(a, [1])[0],
    lambda a: np.array_split(a, 2, axis=-1)[0],
    lambda a: next(iter(a[None])),
    lambda a: np.zeros_like(a),
    lambda a: a[[0, -1]],
)


def _fitted(b: Any, shape: tuple[int, ...]) -> Any:
    """Something made of ``b`` that can be written into that shape."""
    return b if b.shape == shape else np.tanh(b.mean())


def _halve_where(a: Any, b: Any) -> None:
    np.multiply(a, 0.5, out=a, where=np.arange(a.size).reshape(a.shape) % 2 == 0)


def _augment(a: Any, b: Any) -> None:
    a += 0.3 * _fitted(b, a.shape)


def _scale(a: Any, b: Any) -> None:
    a *= np.cos(_fitted(b, a.shape))


def _shift(a: Any, b: Any) -> None:
    a -= 0.4 * a[..., ::-1]


def _exchange(a: Any, b: Any) -> None:
    a[0], a[-1] = a[-1] * 1, a[0] * 1


def _rows(a: Any, b: Any) -> None:
    for k, row in enumerate(a):
        row *= 0.8  # a number is no view
        a[k] += 0.1 * b.mean()


def _set(index: Any) -> Callable[[Any, Any], None]:
    def write(a: Any, b: Any) -> None:
        a[index] = np.sin(_fitted(b, a[index].shape))

    return write


WRITES: tuple[Callable[[Any, Any], Any], ...] = (
    *(_augment, _scale, _shift, _exchange, _rows, _halve_where),
    *(_set(index) for index in (0, -1, slice(1), slice(None, None, -1), (Ellipsis, 0), (Ellipsis, slice(1, None)))),
    *(_set(index) for index in ([0, -1, 0], (Ellipsis, [0, -1]), Ellipsis)),
    lambda a, b: a.__setitem__((Ellipsis, slice(1, None)), a[..., :-1]),
    lambda a, b: a.__setitem__(slice(None), np.flip(a)),
    lambda a, b: a.reshape(-1).__setitem__(0, b.mean()),
    lambda a, b: a.ravel(order="K").__imul__(0.7),
    lambda a, b: a.T.__setitem__(0, b.mean()),
    lambda a, b: np.sin(a, out=a),
    lambda a, b: np.tanh(a + _fitted(b, a.shape), out=a),
    lambda a, b: np.add(a[..., :-1], a[..., 1:], out=a[..., 1:]),
    lambda a, b: np.cumsum(a / 3, axis=-1, out=a),
    lambda a, b: np.copyto(a, np.cos(_fitted(b, a.shape))),
    lambda a, b: np.add.at(a, [0, -1, 0], 0.2 * np.tanh(b.mean())),
    lambda a, b: np.put(a, [0, -1], np.tanh(b).ravel()),
    lambda a, b: np.putmask(a, np.arange(a.size).reshape(a.shape) % 3 == 0, np.sin(b)),
    lambda a, b: a.fill(np.tanh(b.mean())),
)

Step = tuple[int, int, int]
OPERATIONS = len(TAKEN) + len(WRITES) + len(UNARY) + len(BINARY)
steps = st.one_of(
    st.tuples(st.integers(0, len(TAKEN) + len(WRITES) - 1), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.integers(0, OPERATIONS - 1), st.integers(0, 5), st.integers(0, 5)),
)
programs = st.integers(5, 60).flatmap(lambda n: st.lists(steps, min_size=n, max_size=n))
quick = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def program(code: Sequence[Step], pool_only: bool = False) -> Callable[..., Any]:
    """The function that a list of steps describes: all arrays of the pool, or a scalar made of them."""

    def run(x: Any, y: Any, z: Any) -> Any:
        pool = [_apart(x), _apart(y), _apart(z)]
        for operation, first, second in code:
            a, b = pool[-1 - first % len(pool)], pool[-1 - second % len(pool)]
            if operation < len(TAKEN):
                pool.append(TAKEN[operation](a))
                continue
            operation -= len(TAKEN)
            if operation < len(WRITES):
                WRITES[operation](a, b)
                continue
            operation -= len(WRITES)
            a, b = _broadcast(a), _broadcast(b)
            made = UNARY[operation](a) if operation < len(UNARY) else BINARY[operation - len(UNARY)](a, b)
            pool.append(_apart(made))
        if pool_only:
            return pool
        return sum(np.sum(np.sin(v)) / (k + 1) for k, v in enumerate(reversed(pool)))

    return run


def _broadcast(a: Any) -> Any:
    """``a`` if an operation on WHOLE takes it, else a row made of it."""
    try:
        fits = np.broadcast_shapes(a.shape, WHOLE) == WHOLE
    except ValueError:
        fits = False
    return a if fits else np.resize(a, 3)


@settings(quick, max_examples=150)
@given(programs, st.integers(0, 99))
def test_values_of_all_arrays(code: list[Step], seed: int) -> None:
    f, x = program(code, pool_only=True), point(seed)
    expected = f(*(a.copy() for a in x))
    whole, lean = adjoint.trace(f, *x).compile().output, adjoint.vjp(f, *x)[0]
    for found in (whole, lean):
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@quick
@given(programs, st.integers(0, 99))
def test_first_derivatives(code: list[Step], seed: int) -> None:
    f, x = program(code), point(seed)
    v = directions(x, seed)
    gradient = references.flat(adjoint.grad(f, (0, 1, 2))(*x))
    close(gradient @ references.flat(v), references.slope(f, x, v)[0], 1e-6)
    close(adjoint.jvp(f, x, v)[1], gradient @ references.flat(v), 1e-10)


@settings(quick, max_examples=30)
@given(programs, st.integers(0, 99))
def test_second_derivatives(code: list[Step], seed: int) -> None:
    f, x = program(code), point(seed)
    v = directions(x, seed)
    expected = references.slope(adjoint.grad(f, (0, 1, 2)), x, v)
    found = references.flat(adjoint.hvp(f, x, v))
    close(found, expected, 1e-5)
    over_forward = adjoint.grad(lambda *a: adjoint.jvp(f, a, v)[1], (0, 1, 2))(*x)
    close(references.flat(over_forward), found, 1e-9)


@settings(quick, max_examples=30)
@given(programs, st.integers(0, 99))
def test_solvers_and_replay(code: list[Step], seed: int) -> None:
    f, x, fresh = program(code), point(seed), point(seed + 1)
    trace = adjoint.trace(f, *x)
    system = trace.compile()
    multipliers = system.solve()
    for solver in ("sparse_triangular", "dense"):
        for found, expected in zip(system.solve(solver=solver).arguments, multipliers.arguments, strict=True):
            close(found, expected, 1e-10)
    check_solver("back_substitution", system, batch=(2,), seed=seed)
    close(trace(*fresh), f(*fresh), 1e-11)
    again = system.relinearize(*fresh).solve()
    for found, expected in zip(again.arguments, adjoint.grad(f, (0, 1, 2))(*fresh), strict=True):
        close(found, expected, 1e-10)
