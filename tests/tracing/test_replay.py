"""Evaluating a trace at new inputs: what the function would give, or an error; never another number."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import ArgumentError, TraceMismatchError
from tests.tracing.programs import at_line, choosing_program, smooth_program


@pytest.mark.parametrize("seed", range(15))
def test_smooth_programs(seed):
    f = smooth_program(seed)
    rng = np.random.default_rng(seed)
    trace = adjoint.trace(f, rng.standard_normal(5))
    for _ in range(5):
        x = rng.standard_normal(5)
        np.testing.assert_allclose(trace(x), f(x), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("seed", range(25))
def test_programs_that_look_at_their_data(seed):
    """Everything discrete is found anew; only where Python itself branched may the trace refuse."""
    f = choosing_program(seed)
    rng = np.random.default_rng(seed)
    trace = adjoint.trace(f, rng.standard_normal(6))
    agreed = 0
    for _ in range(40):
        x = rng.standard_normal(6)
        try:
            found = trace(x)
        except TraceMismatchError:
            assert trace.guards
            continue
        np.testing.assert_allclose(found, f(x), rtol=1e-13, atol=1e-13)
        agreed += 1
    assert agreed or trace.guards


def test_argmax_gather_where_and_argsort_are_computed_anew():
    def f(x):
        return x[np.argmax(x)] * 10 + np.where(x > 1, x, -x)[np.argsort(x)] + x[x.argmin()]

    trace = adjoint.trace(f, np.array([3.0, 1.0, 2.0]))
    x = np.array([-1.0, 5.0, 0.5])
    np.testing.assert_array_equal(trace(x), f(x))


def test_masks_of_the_same_pattern_are_replayed_and_others_refused():
    def f(x):
        positive = x[x > 0]
        return positive.sum() * 2

    trace = adjoint.trace(f, np.array([3.0, -1.0, 2.0]))
    assert trace(np.array([1.0, -5.0, 1.0])) == 4.0
    with pytest.raises(TraceMismatchError, match=at_line(f, "positive = x[x > 0]")):
        trace(np.array([1.0, 5.0, 1.0]))


def test_another_branch_names_the_line():
    def f(x):
        if x > 0:
            return np.sin(x)
        return np.cos(x)

    trace = adjoint.trace(f, 1.0)
    assert trace(0.3) == np.sin(0.3)
    with pytest.raises(TraceMismatchError, match=at_line(f, "if x > 0:")) as caught:
        trace(-0.3)
    assert "found True then and False now; record a new trace" in str(caught.value)


def test_another_loop_count():
    def f(x, n):
        y = x
        for _ in range(int(n)):
            y = y * x
        return y

    trace = adjoint.trace(f, 2.0, 3)
    assert trace(3.0, 3) == 81.0
    with pytest.raises(TraceMismatchError, match=r"inspected z_2 = input.*found 3 then and 4 now"):
        trace(3.0, 4)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * int(x[0]),
        lambda x: x[: int(x[0])],
        lambda x: x * round(x[0]),
        lambda x: x * np.floor(x).astype(int)[0].item(),
        lambda x: x if 1.5 in x else -x,
        lambda x: x if x.any() and (x > 1).all() else -x,
        lambda x: x[np.nonzero(x > 1.2)],
        lambda x: x * [2.0, 3.0, 4.0, 5.0, 6.0][np.argmax(x)],
        lambda x: x if max(x) is x[0] else min(x) * x,
        lambda x: x if np.allclose(x, 1.5) else -x,
    ],
)
def test_every_way_of_looking_is_guarded(f):
    """A replay equals the function wherever it does not refuse, at points on both sides of each choice."""
    rng = np.random.default_rng(0)
    trace = adjoint.trace(f, np.array([1.5, 1.25]))
    refused = 0
    for x in [np.array([1.5, 1.25]), np.array([1.5, 1.5]), *np.round(rng.uniform(0.5, 4.5, (40, 2)) * 4) / 4]:
        try:
            found = trace(x)
        except TraceMismatchError:
            refused += 1
        else:
            np.testing.assert_array_equal(found, f(x))
    assert 0 < refused < 42


def test_another_shape_is_refused():
    trace = adjoint.trace(lambda x: x.sum(), np.ones(3))
    with pytest.raises(TraceMismatchError, match=r"z_1 was recorded with shape \(3,\), .* now given with shape \(4,\)"):
        trace(np.ones(4))
    with pytest.raises(TraceMismatchError, match=r"shape \(3,\), .* shape \(\); record a new trace"):
        trace(1.0)


def test_another_structure_is_refused():
    trace = adjoint.trace(lambda d: d["a"] + d["b"], {"a": 1.0, "b": 2.0})
    assert trace({"b": 3.0, "a": 4.0}) == 7.0
    for arguments in [({"a": 1.0},), ({"a": 1.0, "c": 1.0},), ([1.0, 2.0],), ({"a": 1.0, "b": 2.0}, 3.0), ()]:
        with pytest.raises(ArgumentError, match=r"recorded with arguments .* now given"):
            trace(*arguments)


def test_outputs_keep_their_structure():
    def f(x):
        return {"sum": x.sum(), "parts": [x[0], (x[1:], 7.0)]}

    trace = adjoint.trace(f, np.array([1.0, 2.0, 3.0]))
    x = np.array([4.0, 5.0, 6.0])
    found = trace(x)
    assert found["sum"] == 15.0
    assert found["parts"][0] == 4.0
    np.testing.assert_array_equal(found["parts"][1][0], x[1:])
    assert found["parts"][1][1] == 7.0


def test_replay_does_not_record_or_change_the_trace():
    x = np.array([1.0, 2.0])
    trace = adjoint.trace(lambda x: np.sin(x).sum(), x)
    before, text = len(trace), str(trace)
    trace(np.array([5.0, 6.0]))
    assert (len(trace), str(trace)) == (before, text)
    np.testing.assert_array_equal(trace.node(1).value, x)


@pytest.mark.parametrize("seed", range(8))
def test_relinearize_is_the_gradient_at_the_new_point(seed):
    f = smooth_program(seed)
    rng = np.random.default_rng(seed)
    system = adjoint.trace(f, rng.standard_normal(4)).compile()
    x, h = rng.standard_normal(4), 1e-6
    moved = system.relinearize(x)
    slopes = [(f(x + h * e) - f(x - h * e)) / (2 * h) for e in np.eye(4)]
    for solver in ("back_substitution", "sparse_triangular", "dense"):
        np.testing.assert_allclose(moved.solve(solver=solver)["x"], slopes, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(moved.output, f(x), rtol=1e-14)


def test_relinearize_computes_gathers_and_masks_anew():
    def f(x):
        return (np.where(x > 0, x**2, -x)).sum() + 10 * x[np.argmax(x)]

    system = adjoint.trace(f, np.array([1.0, -2.0, 3.0])).compile()
    found = system.relinearize(np.array([4.0, 2.0, -1.0])).solve()["x"]
    np.testing.assert_array_equal(found, [8.0 + 10.0, 4.0, -1.0])
    np.testing.assert_array_equal(system.solve()["x"], [2.0, -1.0, 16.0])


def test_relinearize_refuses_another_branch():
    system = adjoint.trace(lambda x: x if x > 0 else -x, 1.0).compile()
    with pytest.raises(TraceMismatchError, match="another branch than recorded"):
        system.relinearize(-1.0)


def test_replay_under_an_outer_trace():
    """A replay is ordinary NumPy code, so it can be differentiated; guards still hold."""

    def f(x):
        return np.where(x > 0, x**3, -x).sum() + x[np.argmax(x)] ** 2

    trace = adjoint.trace(f, np.array([1.0, -2.0]))
    x = np.array([-0.5, 3.0])
    np.testing.assert_allclose(adjoint.grad(trace)(x), [-1.0, 3 * 9.0 + 6.0])
    np.testing.assert_allclose(adjoint.hessian(trace)(x), [[0.0, 0.0], [0.0, 18.0 + 2.0]])
    branching = adjoint.trace(lambda x: x**2 if x > 0 else x, 1.0)
    assert adjoint.grad(branching)(3.0) == 6.0
    with pytest.raises(TraceMismatchError, match="another branch"):
        adjoint.grad(branching)(-3.0)


def test_solves_with_a_relinearized_system_under_an_outer_trace():
    """The derivative of a gradient at a moved point is the Hessian there."""
    system = adjoint.trace(lambda x: np.sin(x) * x, 0.3).compile()
    second = adjoint.grad(lambda x: system.relinearize(x).solve()["x"])(1.1)
    assert second == pytest.approx(2 * np.cos(1.1) - 1.1 * np.sin(1.1), rel=1e-14)


def test_writes_are_replayed():
    """Positions that were computed are looked up again; where a position decided the record, it is guarded."""

    def f(x):
        y = np.zeros_like(x)
        y[0] = x[1]
        for k in range(1, 4):
            y[k] = np.sin(y[k - 1]) * x[k]
        view = y[::-1]
        view[:2] += x[:2]
        y[np.where(x > -9)] *= 2
        np.add.at(y, [0, 0, 1], x[:3])
        np.copyto(y, -y, where=x > 0)
        return y * view

    rng = np.random.default_rng(0)
    trace = adjoint.trace(f, rng.standard_normal(4))
    for _ in range(5):
        x = rng.standard_normal(4)
        np.testing.assert_allclose(trace(x), f(x), rtol=1e-14)
        moved = trace.compile().relinearize(x)
        np.testing.assert_allclose(moved.solve(np.ones(4))["x"], adjoint.vjp(f, x)[1](np.ones(4))[0], rtol=1e-12)


def test_positions_and_masks_of_writes_are_guarded():
    def f(x):
        y = x * 1
        y[np.argmax(x)] = 0.0
        y[y > 2] = 1.0
        return y

    trace = adjoint.trace(f, np.array([3.0, 1.0, 2.5]))
    for x in ([4.0, 0.5, 2.25], [3.5, -1.0, 3.25]):
        np.testing.assert_array_equal(trace(np.array(x)), f(np.array(x)))
    for x in ([1.0, 3.0, 2.5], [3.0, 1.0, 1.5]):
        with pytest.raises(TraceMismatchError, match="another branch than recorded"):
            trace(np.array(x))


def test_editing_what_a_replay_returned_does_not_reach_the_next_one():
    def f(x):
        y = np.zeros_like(x)
        y[:2] = x[1:]
        return y

    trace = adjoint.trace(f, np.arange(3.0))
    first = trace(np.arange(3.0))
    first[:] = 9.0
    np.testing.assert_array_equal(trace(np.arange(3.0)), [1.0, 2.0, 0.0])
