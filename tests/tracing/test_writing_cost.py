"""What writing costs, counted in bytes, records and copied entries rather than in seconds: loops stay linear."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest

import adjoint


def fill_entries(x):
    y = np.zeros_like(x)
    y[0] = x[0]
    for i in range(1, x.shape[0]):
        y[i] = 0.9 * y[i - 1] + np.sin(x[i])
    return np.sum(y)


def fill_backwards(x):
    n = x.shape[0]
    y = np.zeros_like(x)
    y[n - 1] = x[n - 1]
    for i in reversed(range(n - 1)):
        y[i] = x[i] - 0.3 * y[i + 1]
    return y @ y


def augment_entries(x):
    y = x * 1
    for i in range(1, x.shape[0]):
        y[i] += 0.5 * y[i - 1]
    return np.sum(y)


def fill_a_table(x):
    y = np.zeros((x.shape[0] // 4, 4), like=x)
    for i in range(x.shape[0] // 4):
        for j in range(4):
            y[i, j] = x[4 * i + j] + (0.5 * y[i - 1, j] if i else 0) + (0.2 * y[i, j - 1] if j else 0)
    return np.sum(y)


def fill_rows(x):
    y = np.zeros((x.shape[0], 4), like=x)
    y[0] = x[0]
    for i in range(1, x.shape[0]):
        y[i] = 0.9 * y[i - 1] + np.sin(x[i])
    return np.sum(y)


def augment_rows(x):
    y = x[:, None] * np.ones(4)
    for i in range(1, x.shape[0]):
        y[i] += 0.9 * y[i - 1]
    return np.sum(y)


def iterate_over_rows(x):
    y = x[:, None] * np.ones(4)
    for row in y:
        row *= 2
    return np.sum(y)


def read_windows(x):
    y = np.zeros_like(x)
    for i in range(x.shape[0]):
        y[i] = x[i] - 0.1 * np.sum(y[max(0, i - 2) : i])
    return np.sum(y)


def write_windows(x):
    y = x * 1
    for i in range(1, x.shape[0]):
        y[i : i + 1] += 0.5 * y[i - 1 : i]
    return np.sum(y)


def element(k, E):
    """Nodes and stiffness of a bar in a chain."""
    return np.arange(k, k + 2), E * np.array([[1.0, -1.0], [-1.0, 1.0]])


def assemble_by_grid(x):
    K = np.zeros((40, 40), like=x)
    for k in range(x.shape[0]):
        d, ke = element(k % 39, x[k])
        K[np.ix_(d, d)] += ke
    return np.sum(K * K)


def assemble_by_slices(x):
    K = np.zeros((40, 40), like=x)
    for k in range(x.shape[0]):
        e = k % 39
        K[e : e + 2, e : e + 2] += element(e, x[k])[1]
    return np.sum(K * K)


def assemble_by_adding_at(x):
    K = np.zeros((40, 40), like=x)
    for k in range(x.shape[0]):
        d, ke = element(k % 39, x[k])
        np.add.at(K, np.ix_(d, d), ke)
    return np.sum(K * K)


def fill_by_positions(x):
    K = np.zeros((40, 40), like=x)
    for k in range(x.shape[0]):
        d = np.arange(k % 39, k % 39 + 2)
        K[d, d] = x[k] * K[d, d] + 1
    return np.sum(K * K)


LOOPS = [
    *(assemble_by_grid, assemble_by_slices, assemble_by_adding_at, fill_by_positions),
    *(fill_entries, fill_backwards, augment_entries, fill_a_table),
    *(fill_rows, augment_rows, iterate_over_rows, read_windows, write_windows),
]


def peak(f, n):
    """Bytes allocated at once while the gradient is computed, per step."""
    x = np.linspace(0.1, 1.0, n)
    gc.collect()
    tracemalloc.start()
    try:
        adjoint.grad(f)(x)
        return tracemalloc.get_traced_memory()[1] / n
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_memory_per_step_is_constant(f):
    """An array kept for each step would make it grow several times."""
    peak(f, 100)
    assert peak(f, 1_600) < 1.3 * peak(f, 200) + 200


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_records_per_step_are_constant(f):
    counts = [len(adjoint.trace(f, np.linspace(0.1, 1.0, n))) for n in (40, 80, 160)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_copied_entries_per_step_are_constant(f, monkeypatch):
    """The arrays that the loop copies to write into them: one, not one a step."""
    copied = []
    array = np.array

    def counted(x, *args, **kwargs):
        made = array(x, *args, **kwargs)
        copied.append(made.size)
        return made

    n = 800
    x = np.linspace(0.1, 1.0, n)
    monkeypatch.setattr(np, "array", counted)
    adjoint.grad(f)(x)
    monkeypatch.undo()
    assert sum(copied) < 400 * n  # one copy a step would be 800 entries or more


def heat(steps):
    def f(u):
        u = u * 1
        for _ in range(steps):
            u[1:-1] += 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])
        return np.sum(u * u)

    return f


def test_memory_of_a_heat_loop_is_proportional_to_steps_and_size():
    """A linear program needs none of its values: far less than one array a step."""
    peak(heat(10), 100)
    n, steps = 4_000, 200
    assert peak(heat(steps), n) < 8 * steps


def test_second_derivatives_of_a_loop_are_linear_too():
    def work(n):
        x = np.linspace(0.1, 1.0, n)
        trace = adjoint.trace(adjoint.grad(fill_entries), x)
        return len(trace)

    assert work(160) - work(80) == 2 * (work(80) - work(40))


@pytest.mark.parametrize("f", LOOPS, ids=lambda f: f.__name__)
def test_gradients_of_long_loops(f):
    """The road that copies nothing gives what the other one gives."""
    x = np.linspace(0.1, 1.0, 300)
    whole = adjoint.trace(f, x).compile().solve()["x"]
    np.testing.assert_allclose(adjoint.grad(f)(x), whole, rtol=1e-12)
    v = np.cos(np.arange(300.0))
    np.testing.assert_allclose(adjoint.jvp(f, (x,), (v,))[1], whole @ v, rtol=1e-12)
