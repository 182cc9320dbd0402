"""Saved primals are protected from later in-place edits: small ones copied, large ones write-locked for a while."""

from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest

import adjoint
from adjoint.tracing.locks import COPY_LIMIT

SMALL, LARGE = 100, 10_000
READ_ONLY = "read-only"


def test_the_two_sizes_are_on_both_sides_of_the_limit():
    assert SMALL * 8 <= COPY_LIMIT < LARGE * 8


# --- constants ---------------------------------------------------------------------------------------


def test_small_constants_are_copied():
    """The everyday buffer: written again in each round of a loop."""
    buffer = np.zeros(SMALL)

    def f(x):
        total = 0.0
        for k in range(1, 4):
            buffer[:] = k
            total = total + (buffer * x).sum()
        return total

    assert adjoint.grad(f)(1.0) == SMALL * (1 + 2 + 3)
    assert buffer.flags.writeable


def test_large_constants_are_locked_while_the_trace_lives():
    buffer = np.zeros(LARGE)

    def f(x):
        y = (buffer * x).sum()
        buffer[:] = 1.0
        return y

    with pytest.raises(ValueError, match=READ_ONLY):
        adjoint.grad(f)(1.0)
    buffer[:] = 2.0  # writable again after the failure
    assert adjoint.grad(lambda x: (buffer * x).sum())(1.0) == 2.0 * LARGE
    buffer[:] = 3.0  # and after a gradient


@pytest.mark.parametrize("transform", [adjoint.grad, adjoint.value_and_grad, adjoint.jacobian, adjoint.hessian])
def test_large_constants_are_writable_after_each_derivative(transform):
    table = np.ones(LARGE)
    transform(lambda x: (table * x * x).sum())(1.0)
    assert table.flags.writeable
    adjoint.jvp(lambda x: (table * x).sum(), (1.0,), (1.0,))
    assert table.flags.writeable


@pytest.mark.parametrize("operation", ["operator", "function", "matmul", "where", "index", "concatenate"])
def test_every_road_into_a_trace_protects(operation):
    table = np.arange(float(LARGE))
    index = np.arange(LARGE)[::-1].copy()
    roads = {
        "operator": lambda x: (x[0] * table).sum(),
        "function": lambda x: np.multiply(table, x[0]).sum(),
        "matmul": lambda x: table @ x,
        "where": lambda x: np.where(table > 5, table, x).sum(),
        "index": lambda x: (x[index] * x).sum(),
        "concatenate": lambda x: np.concatenate([table, x]).sum(),
    }
    x = np.linspace(0.0, 1.0, LARGE)
    watched = index if operation == "index" else table
    trace = adjoint.trace(roads[operation], x)
    with pytest.raises(ValueError, match=READ_ONLY):
        watched[0] = 7
    del trace
    watched[0] = 7


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_index_array_edited_after_use(size):
    index = np.arange(size)[::-1].copy()
    weights = np.arange(float(size))
    trace = adjoint.trace(lambda x: x[index] @ weights, np.zeros(size))
    if size == SMALL:
        index[:] = 0
    np.testing.assert_array_equal(trace.compile().solve()["x"], weights[::-1])


def test_a_lock_covers_views_and_their_base():
    base = np.zeros((2, LARGE))
    view = base[0]
    trace = adjoint.trace(lambda x: (view * x).sum(), 1.0)
    for array in (view, base):
        with pytest.raises(ValueError, match=READ_ONLY):
            array[0] = 1.0
    del trace
    view[0] = base[1, 0] = 1.0


def test_two_traces_may_hold_one_array():
    table = np.ones(LARGE)
    f = lambda x: (table * x).sum()
    first, second = adjoint.trace(f, 1.0), adjoint.trace(f, 2.0)
    assert adjoint.grad(f)(1.0) == LARGE
    del first
    with pytest.raises(ValueError, match=READ_ONLY):
        table[0] = 5.0
    del second
    table[0] = 5.0


def test_an_array_that_was_read_only_stays_so():
    table = np.ones(LARGE)
    table.flags.writeable = False
    adjoint.grad(lambda x: (table * x).sum())(1.0)
    assert not table.flags.writeable


def test_a_read_only_view_of_a_writable_array():
    """The view cannot be written, but its base can: the derivative must not see that."""
    base = np.ones(LARGE)
    view = base[:]
    view.flags.writeable = False
    trace = adjoint.trace(lambda x: (view * x).sum(), 1.0)
    try:
        base[:] = 5.0
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017  # either answer is right: refused, or not seen
    assert trace.compile().solve()["x"] == LARGE
    del trace
    assert base.flags.writeable
    assert not view.flags.writeable


def test_a_small_read_only_view_of_a_writable_array():
    base = np.ones(SMALL)
    view = np.broadcast_to(base, (3, SMALL))
    trace = adjoint.trace(lambda x: (view * x).sum(), 1.0)
    try:
        base[:] = 5.0
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017
    assert trace.compile().solve()["x"] == 3 * SMALL


# --- constants whose memory belongs to no array, or to one that is hidden ---------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize(
    "window",
    [
        lambda base: np.lib.stride_tricks.sliding_window_view(base, 3),
        lambda base: np.lib.stride_tricks.as_strided(base, (base.size - 2, 3), (8, 8)),
    ],
)
def test_windows_of_an_array(window, size):
    """NumPy hides the base of such a view behind a helper object."""
    base = np.ones(size)
    view = window(base)
    trace = adjoint.trace(lambda x: (view * x).sum(), 1.0)
    try:
        base[:] = 0.0
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017  # either answer is right: refused, or not seen
    assert trace.compile().solve()["x"] == 3 * (size - 2)
    del trace
    base[:] = 1.0


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("writeable", [True, False])
def test_memory_of_a_bytearray(size, writeable):
    """It can be written past any lock of ours, so it is copied whatever its size."""
    memory = bytearray(np.ones(size).tobytes())
    table = np.frombuffer(memory)
    table.flags.writeable = writeable
    trace = adjoint.trace(lambda x: (table * x).sum(), 1.0)
    memory[:8] = np.zeros(1).tobytes()
    assert trace.compile().solve()["x"] == size
    assert adjoint.grad(lambda x: (table * x).sum())(1.0) == size - 1


def test_memory_of_bytes_needs_no_copy():
    table = np.frombuffer(np.ones(LARGE).tobytes())
    trace = adjoint.trace(lambda x: (table * x).sum(), 1.0)
    assert any(operand is table for operand in trace.records[1][0])


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_memory_mapped_constant(size, tmp_path):
    table = np.memmap(tmp_path / "table", dtype=float, mode="w+", shape=size)
    table[:] = 2.0
    trace = adjoint.trace(lambda x: (table * x).sum(), 1.0)
    try:
        table[:] = 5.0
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017
    assert trace.compile().solve()["x"] == 2.0 * size
    del trace
    table[:] = 3.0


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_memory_mapped_argument(size, tmp_path):
    x = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=size)
    x[:] = 2.0
    found = adjoint.grad(lambda x: (x**3).sum())(x)
    assert type(found) is np.ndarray
    np.testing.assert_array_equal(found, np.full(size, 12.0))
    trace = adjoint.trace(lambda x: (x**3).sum(), x)
    x[:] = 0.0
    np.testing.assert_array_equal(trace.compile().solve()["x"], np.full(size, 12.0))


def test_two_views_of_one_array():
    """They are let go one after the other: a view can be writable again only when their base is."""
    first, second = base = np.ones((2, LARGE))
    assert adjoint.grad(lambda x: (first * x).sum() + (second * x).sum())(1.0) == 2 * LARGE
    assert all(array.flags.writeable for array in (first, second, base))
    x = np.ones((100, LARGE // 100))
    assert adjoint.grad(lambda x: (x[np.nonzero(x > 0)] ** 2).sum())(x).sum() == 2 * LARGE


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_views_of_one_array_in_two_traces(order):
    first, second = base = np.ones((2, LARGE))
    traces = [adjoint.trace(lambda x, view=view: (view * x).sum(), 1.0) for view in (first, second)]
    traces[order[0]] = None
    assert not base.flags.writeable
    traces[order[1]] = None
    assert all(array.flags.writeable for array in (first, second, base))


# --- arguments ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_an_explicit_trace_keeps_its_own_arguments(size):
    x = np.full(size, 3.0)
    trace = adjoint.trace(lambda x: (x**2).sum(), x)
    x[:] = 0.0
    system = trace.compile()
    for solver in adjoint.solvers.available():
        if size == SMALL or solver == "back_substitution":
            np.testing.assert_array_equal(system.solve(solver=solver)["x"], np.full(size, 6.0))
    np.testing.assert_array_equal(trace.node(1).value, np.full(size, 3.0))


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_vjp_and_linearize_keep_their_primals(size):
    x = np.full(size, 3.0)
    _, pull_back = adjoint.vjp(lambda x: x**2, x)
    _, push_forward = adjoint.linearize(lambda x: x**2, x)
    try:
        x[:] = 0.0
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017  # refusing the edit is as good as not seeing it
    np.testing.assert_array_equal(pull_back(np.ones(size))[0], np.full(size, 6.0))
    np.testing.assert_array_equal(push_forward(np.ones(size)), np.full(size, 6.0))
    del pull_back, push_forward
    x[:] = 1.0


@pytest.mark.parametrize("make", [adjoint.vjp, adjoint.linearize])
def test_editing_the_returned_value_does_not_reach_the_linear_map(make):
    x = np.array([0.0, 1.0])
    y, linear = make(np.exp, x)
    y[:] = 0.0
    found = linear(np.ones(2))
    np.testing.assert_allclose(found[0] if make is adjoint.vjp else found, [1.0, np.e])


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_editing_the_argument_inside_the_function(size):
    """The closed-over array is the argument itself: refused or not seen, but never a wrong number."""
    x = np.full(size, 2.0)

    def f(a):
        y = a * a
        x[:] = 0.0
        return y.sum()

    try:
        found = adjoint.grad(f)(x)
    except ValueError as error:
        assert READ_ONLY in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(found, np.full(size, 4.0))
    x[:] = 1.0


def test_editing_what_replay_and_multipliers_return():
    trace = adjoint.trace(lambda x: {"same": x, "double": 2 * x}, np.array([1.0, 2.0]))
    x = np.array([3.0, 4.0])
    trace(x)["double"][:] = 0
    np.testing.assert_array_equal(trace(x)["double"], [6.0, 8.0])
    system = trace.compile()
    seed = {"same": np.ones(2), "double": np.ones(2)}
    system.solve(seed)["x"][:] = 99.0
    np.testing.assert_array_equal(system.solve(seed)["x"], [3.0, 3.0])
    np.testing.assert_array_equal(seed["same"], np.ones(2))


# --- traced arrays that are written to --------------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_a_constant_that_was_written_into_a_traced_array(size):
    """It is a saved value like any other: an edit is refused or not seen."""
    table = np.ones(size)

    def f(x):
        y = x * np.zeros(size)
        y[:] = table
        try:
            table[:] = 5.0
        except ValueError as error:
            assert READ_ONLY in str(error)  # noqa: PT017
        y *= x
        return y.sum()

    assert adjoint.grad(f)(1.0) == size
    table[:] = 2.0


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_writing_into_the_argument_leaves_the_callers_array(size):
    x = np.full(size, 3.0)

    def f(a):
        b = a * a
        a[:] = 1.0
        a[0] += b[1]
        return (a * b).sum()

    expected = np.full(size, 6.0)
    expected[0], expected[1] = (1 + 9.0) * 6.0, 6.0 + 6.0 * 9.0
    np.testing.assert_array_equal(adjoint.grad(f)(x), expected)
    np.testing.assert_array_equal(x, np.full(size, 3.0))
    assert x.flags.writeable


# --- when the trace goes ------------------------------------------------------------------------------


def test_an_explicit_trace_unlocks_when_it_is_dropped():
    table = np.ones(LARGE)
    trace = adjoint.trace(lambda x: (table * x).sum(), 1.0)
    system = trace.compile()
    del trace
    assert not table.flags.writeable  # the system still reads it
    del system
    assert table.flags.writeable


@pytest.mark.parametrize("transform", [adjoint.grad, adjoint.jacobian, lambda f: lambda x: adjoint.trace(f, x)])
def test_a_failed_trace_unlocks_at_once(transform):
    """Even while the exception, and with it the frames that hold the trace, is still being looked at."""
    table = np.ones(LARGE)
    with pytest.raises(ZeroDivisionError) as caught:
        transform(lambda x: (table * x).sum() * (1 // 0))(1.0)
    assert caught.tb is not None
    assert table.flags.writeable


def test_a_bad_output_unlocks():
    table = np.ones(LARGE)
    for f in (lambda x: table * x, lambda x: "text", lambda x: (table * x, None)):
        with pytest.raises(adjoint.errors.ArgumentError, match="returned") as caught:
            adjoint.grad(lambda x, f=f: ((table * x).sum(), f(x))[1])(1.0)
        assert caught.tb is not None
        assert table.flags.writeable


DEADLOCK = """
import gc
import numpy as np, adjoint
from adjoint.tracing import locks

class Collecting(dict):  # the worst moment for a collection: while an array is being locked
    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        gc.collect()

locks._held = Collecting(locks._held)
tables = [np.ones(10_000) for _ in range(3)]
f = lambda x: sum((table * x).sum() for table in tables)
for _ in range(3):
    gc.disable()
    holder = [adjoint.trace(f, 1.0)]
    holder.append(holder)  # a cycle of the user's own: only the collector drops this trace
    del holder
    assert adjoint.grad(f)(1.0) == 30_000
gc.collect()
assert all(table.flags.writeable for table in tables)
assert not locks._held
"""


def test_the_collector_may_drop_a_trace_at_any_moment():
    """A trace in a cycle of the user's own may go while another one is locking: no deadlock, no lost lock."""
    subprocess.run([sys.executable, "-c", DEADLOCK], check=True, timeout=30)


def test_a_trace_dropped_by_the_collector_unlocks():
    table = np.ones(LARGE)
    holder: list[object] = [adjoint.trace(lambda x: (table * x).sum(), 1.0)]
    holder.append(holder)
    del holder
    gc.collect()
    assert table.flags.writeable
