"""Loops and layers fold; equal things are shown alike; nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.plot.folding import fold
from adjoint.plot.repeats import repeats


def layers(depth: int):
    def net(params, x):
        for w, b in params:
            x = adjoint.name(np.tanh(x @ w + b), "hidden")
        return np.sum(x**2)

    params = [(np.eye(3) * 0.5, np.zeros(3)) for _ in range(depth)]
    return adjoint.trace(net, params, np.ones((2, 3)))


def nested(x):
    total = 0.0
    for i in range(12):
        for j in range(i + 1):
            total = total + x[i] * x[j]
        total = np.sin(total)
    return total


def straight(x):
    for operation in np.random.default_rng(0).choice([np.sin, np.cos, np.tanh], 200):
        x = operation(x)
    return x


TRACES = {
    "layers": lambda: layers(100),
    "nested": lambda: adjoint.trace(nested, np.ones(12)),
    "straight": lambda: adjoint.trace(straight, 0.1),
    "one node": lambda: adjoint.trace(lambda x: x, 1.0),
    "arguments only": lambda: adjoint.trace(lambda x: x[0], [np.float64(k) for k in range(300)]),
}


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("most", [4, 9, 20, 64, 10_000])
def test_runs_cover_the_trace_in_order(name, most):
    trace = TRACES[name]()
    runs = fold(trace, most)
    assert [run.start for run in runs] == [0, *(run.stop for run in runs[:-1])]
    assert runs[-1].stop == len(trace)
    assert len(runs) <= most
    assert all(bool(run.label) == (len(run) > 1) for run in runs)


def test_layers_show_the_first_ones_and_the_last():
    trace = layers(100)
    shown = [run.label or trace.primitives[run.start].name for run in fold(trace, 64)]
    body = ["matmul", "add", "tanh"]
    assert shown[-12:] == [*body, *body, "⋮ 97 more", *body, "power", "sum"]


def test_arguments_fold_by_their_keys():
    trace = layers(100)
    assert [run.label for run in fold(trace, 8) if run.stop <= 200] == ["params (200 arrays)"]
    assert [run.label for run in fold(trace, 13) if run.stop <= 200] == [
        "params[0] (2 arrays)",
        "params[1] (2 arrays)",
        "⋮ 97 more",
        "params[99] (2 arrays)",
    ]


def test_steps_are_named_by_what_was_named_in_them():
    trace = layers(6)
    assert [run.label for run in fold(trace, 15) if run.start >= 13] == ["hidden"] * 6 + ["", ""]


def test_equal_steps_unfold_together():
    def rnn(w, xs):
        h = np.zeros(3)
        for x in xs:
            h = np.tanh(w @ h + x)
        return h @ h

    trace = adjoint.trace(rnn, np.eye(3), np.ones((10, 3)))  # 43 nodes, ten steps of four
    for most in range(8, 43):
        runs = fold(trace, most)
        steps = [run for run in runs if run.label.startswith("step")]
        assert len(steps) in (0, 3, 10), "some of the steps, and others node by node"


def test_nested_loops_of_changing_length():
    found = repeats(adjoint.trace(nested, np.ones(12)))
    outer = max(found.inner.values(), key=lambda repeat: repeat.starts[-1] - repeat.starts[0])
    assert (outer.period, outer.steps) == (2, 10)  # the first two rounds have too short an inner loop
    inner = [found.inner[tuple(outer.bounds(step)[:2])] for step in range(outer.steps)]
    assert [repeat.steps for repeat in inner] == list(range(3, 13))


def test_a_line_that_is_run_again_elsewhere_is_another_token():
    def twice(x):
        for _ in range(5):
            x = np.sin(x)
        for _ in range(7):
            x = np.sin(x)
        return x

    trace = adjoint.trace(twice, 0.3)
    assert [run.label for run in fold(trace, 4)] == ["", "sin ×5", "sin ×7"]


def test_a_long_loop_is_found_in_pieces_of_time_that_grow_with_its_length():
    def loop(x):
        a, b = x[0], x[1]
        for _ in range(5000):
            c = a * b
            a, b = np.sin(c) + b, c - a
        return a

    trace = adjoint.trace(loop, np.array([0.5, 0.7]))
    found = repeats(trace)
    assert max(repeat.steps for repeat in found.inner.values()) == 5000
    assert len(fold(trace, 64)) < 24


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("most", [4, 9, 64])
def test_a_range_is_folded_by_itself(name, most):
    trace = TRACES[name]()
    start, stop = len(trace) // 3, max(len(trace) // 3 + 1, 2 * len(trace) // 3)
    runs = fold(trace, most, start, stop)
    assert [run.start for run in runs] == [start, *(run.stop for run in runs[:-1])]
    assert runs[-1].stop == stop
    assert len(runs) <= most


def test_a_zoom_into_a_loop_shows_its_steps():
    def loop(x):
        for _ in range(300):
            x = np.sin(x) * 1.1
        return x

    runs = fold(adjoint.trace(loop, 0.5), 64, 150, 250)
    assert [run.label for run in runs[:3]] == ["step 1", "step 2", "step 3"]
    assert len(runs) >= 50
