"""What a trace costs to keep and to drop: no reference cycles, linear cost of loops over rows."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

import adjoint
from tests.tracing.programs import choosing_program, smooth_program


@contextmanager
def no_garbage():
    """Fail if what happens in the block leaves anything that only the cyclic collector could free."""
    gc.collect()
    gc.disable()
    flags = gc.get_debug()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = [type(x).__name__ for x in gc.garbage]
    finally:
        gc.set_debug(flags)
        gc.garbage.clear()
        gc.enable()
    assert not found


def test_the_check_itself_sees_a_cycle():
    def make_cycle():
        cycle: list[object] = []
        cycle.append(cycle)

    with pytest.raises(AssertionError, match="list"), no_garbage():
        make_cycle()


def loop(x):
    for k in range(30):
        x = np.sin(x) * x[::-1] + k
    return x.sum()


def writing(x):
    y = np.zeros_like(x)
    view = y[1:]
    for k in range(1, 5):
        y[k] = x[k] * y[k - 1] + 1
        view[::-1] += x[1:]
        np.sin(y, out=y)
    np.add.at(y.reshape(-1), [0, 0], x[:2])
    return (y * view[0]).sum()


@pytest.mark.parametrize("f", [loop, writing, smooth_program(1), choosing_program(2)])
def test_no_reference_cycles(f):
    x = np.linspace(0.1, 1.0, 5)
    uses = (
        lambda: adjoint.trace(f, x),
        lambda: adjoint.trace(f, x).compile().solve(),
        lambda: adjoint.trace(f, x).compile().solve_tangent(x).output,
        lambda: adjoint.trace(f, x).compile().relinearize(x).solve(),
        lambda: str(adjoint.trace(f, x)),
        lambda: adjoint.grad(f)(x),
        lambda: adjoint.vjp(f, x),
        lambda: adjoint.linearize(f, x)[1](x),
        lambda: adjoint.jacobian(f)(x),
        lambda: adjoint.hessian(f)(x),
    )
    for use in uses:
        use()  # caches of the first call are not what is looked for
    with no_garbage():
        for use in uses:
            use()


def test_no_reference_cycles_with_own_rules():
    @adjoint.constraint
    def layer(x):
        return np.tanh(x) * x.sum()

    @adjoint.custom_rule(lambda y, x: (lambda v: 2 * v, lambda w: 2 * w))
    def twice(x):
        return 2 * x

    f = lambda x: layer(twice(x)).sum()
    x = np.ones(3)
    adjoint.hessian(f)(x)
    with no_garbage():
        adjoint.hessian(f)(x)
        adjoint.trace(f, x).compile().solve()


@pytest.mark.parametrize("solver", ["back_substitution", "sparse_triangular", "dense"])
def test_no_reference_cycles_in_solvers(solver):
    x = np.linspace(0.1, 1.0, 5)
    adjoint.grad(loop, solver=solver)(x)
    with no_garbage():
        adjoint.trace(loop, x).compile().solve(solver=solver)


def test_a_dropped_trace_is_gone_at_once():
    gc.disable()  # reference counts alone must do
    try:
        trace = adjoint.trace(loop, np.linspace(0.1, 1.0, 5))
        system = trace.compile()
        lam = system.solve()
        gone = weakref.ref(trace)
        del trace
        assert gone() is not None  # the system still needs it
        del system
        assert gone() is not None  # and so do its multipliers
        del lam
        assert gone() is None
    finally:
        gc.enable()


def test_grad_leaves_no_trace_behind():
    gc.disable()
    try:
        before = sum(type(x) is adjoint.Trace for x in gc.get_objects())
        adjoint.grad(loop)(np.ones(3))
        adjoint.hessian(loop)(np.ones(3))
        with pytest.raises(ZeroDivisionError):
            adjoint.grad(lambda x: x.sum() * (1 // 0))(np.ones(3))
        assert sum(type(x) is adjoint.Trace for x in gc.get_objects()) <= before
    finally:
        gc.enable()


def allocated(function):
    """Bytes that stay allocated while the result is kept, and the peak on the way."""
    gc.collect()
    tracemalloc.start()
    try:
        result = function()
        now, peak = tracemalloc.get_traced_memory()
        del result
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return now, peak, after


def test_memory_falls_back_when_a_trace_is_dropped():
    x = np.ones(1_000)
    f = lambda x: sum(np.sin(x * k) for k in range(100)).sum()
    now, _, after = allocated(lambda: adjoint.trace(f, x))
    assert now > 2 * 100 * x.nbytes  # x·k and its sine
    assert after < 0.02 * now


def test_intermediate_multipliers_are_not_kept_by_grad():
    """A chain of 200 large nodes: the trace keeps its values, the sweep only what it still needs."""
    x = np.ones(10_000)

    def f(x):
        for _ in range(200):
            x = x * 1.01
        return x.sum()

    adjoint.grad(f)(x)
    _, peak, _ = allocated(lambda: adjoint.grad(f)(x))
    assert peak < 1.1 * 200 * x.nbytes


# --- loops over rows: O(T), counted in bytes and calls rather than in seconds ------------------------------


def read_rows(X):
    total = 0.0
    for t in range(X.shape[0]):
        total = total + X[t] @ X[t]
    return total


def stack_rows(X):
    rows = []
    state = X[0]
    for t in range(X.shape[0]):
        state = state * 0.5 + X[t]
        rows.append(state)
    return np.stack(rows).sum()


def write_scalars(x):
    return np.array([x[k] * 2 for k in range(x.shape[0])]).sum()


@pytest.mark.parametrize("f", [read_rows, stack_rows])
def test_the_peak_of_a_loop_over_rows_is_linear(f):
    """A full-size zero array per row would take T² numbers: here 64 times the bound."""

    def peak(rows):
        X = np.ones((rows, 4))
        return allocated(lambda: adjoint.grad(f)(X))[1]

    small, large = peak(250), peak(2_000)
    assert large < 12 * small


@pytest.mark.parametrize("f", [read_rows, stack_rows])
def test_the_work_of_a_loop_over_20000_rows_is_linear(f, monkeypatch):
    """All bytes that the reverse sweep ever allocates, counted where full-size arrays come from."""
    created = []
    zeros, zeros_like, empty = np.zeros, np.zeros_like, np.empty

    def counted(make):
        def run(*args, **kwargs):
            result = make(*args, **kwargs)
            created.append(result.size)
            return result

        return run

    rows = 20_000
    X = np.ones((rows, 2))
    for name, make in {"zeros": zeros, "zeros_like": zeros_like, "empty": empty}.items():
        monkeypatch.setattr(np, name, counted(make))
    gradient = adjoint.grad(f)(X)
    monkeypatch.undo()
    assert sum(created) < 20 * X.size
    if f is read_rows:
        np.testing.assert_array_equal(gradient, 2 * X)
    else:
        tail = np.minimum(np.arange(rows, 0, -1), 60)
        inside = 2.0 * (1 - 0.5**tail)  # 1 + ½ + ¼ + … over the rows that follow
        inside[0] *= 1.5  # X[0] is the initial state, too
        np.testing.assert_allclose(gradient, np.stack([inside, inside], axis=1), rtol=1e-12)


@pytest.mark.parametrize("f", [read_rows, stack_rows])
def test_tangents_of_a_loop_over_rows(f):
    X = np.ones((3_000, 2))
    _, y_dot = adjoint.jvp(f, (X,), (X,))
    assert y_dot == pytest.approx(np.vdot(adjoint.grad(f)(X), X), rel=1e-12)


def test_reading_20000_scalars_and_stacking_them():
    x = np.linspace(0.0, 1.0, 20_000)
    np.testing.assert_array_equal(adjoint.grad(write_scalars)(x), np.full(20_000, 2.0))


def test_number_of_nodes_is_linear():
    counts = [len(adjoint.trace(stack_rows, np.ones((rows, 2)))) for rows in (100, 200, 400)]
    assert counts[1] - counts[0] == (counts[2] - counts[1]) / 2


def test_a_layer_stays_an_operator():
    """The gradient of a layer never makes an array of batch × weights entries, as its written-out Jacobian has."""
    batch, width = 128, 256
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((batch, width)), rng.standard_normal((width, width)) / width
    gradient = adjoint.grad(lambda w: np.sum(np.tanh(np.tanh(x @ w) @ w)))
    gradient(w)
    tracemalloc.start()
    try:
        gradient(w)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    written_out = 8 * batch * w.size
    assert peak < written_out / 10
