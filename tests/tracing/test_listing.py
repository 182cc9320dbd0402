"""A trace prints itself as a numbered list ``z_i = f_i(…)`` that a person can read."""

from __future__ import annotations

import re

import numpy as np
import pytest

import adjoint
from tests.tracing.programs import at_line


def model(x, w):
    hidden = adjoint.name(np.tanh(w @ x), "hidden")
    scaled = 2.5 * hidden
    return scaled.sum()


@pytest.fixture
def trace():
    return adjoint.trace(model, np.ones(3), np.ones((2, 3)))


def test_one_line_per_constraint(trace):
    lines = str(trace).splitlines()
    assert len(lines) == len(trace) == 6
    assert [line.split()[0] for line in lines] == [f"z_{k}" for k in range(1, 7)]
    expected = [
        r"z_1 = x +float64\[3\]$",
        r"z_2 = w +float64\[2, 3\]$",
        r"z_3 = matmul\(z_2, z_1\) +float64\[2\] ",
        r"z_4 = tanh\(z_3\)  \[hidden\] +float64\[2\] ",
        r"z_5 = multiply\(2\.5, z_4\) +float64\[2\] ",
        r"z_6 = sum\(z_5\) +float64 ",
    ]
    for line, pattern in zip(lines, expected, strict=True):
        assert re.match(pattern, line), line


def test_each_line_ends_with_the_users_source(trace):
    lines = str(trace).splitlines()
    assert lines[2].endswith('hidden = adjoint.name(np.tanh(w @ x), "hidden")')
    assert lines[4].endswith("scaled = 2.5 * hidden")
    assert lines[5].endswith("return scaled.sum()")
    assert "test_listing.py:" in lines[5]


def test_columns_line_up(trace):
    lines = str(trace).splitlines()
    assert len({line.index("float64") for line in lines}) == 1
    assert len({line.index("test_listing.py") for line in lines[2:]}) == 1


def test_nodes_know_their_site(trace):
    assert trace.node(1).site is None
    site = trace.node(6).site
    assert re.match(at_line(model, "return scaled.sum()"), str(site))
    assert site.function == "model"
    assert [node.name for node in trace.nodes()] == ["x", "w", None, "hidden", None, None]


def test_repr_names_the_function_and_counts_nodes(trace):
    assert repr(trace).startswith("<trace of model: 6 nodes>\nz_1 = x")


def test_pytree_arguments_are_named_by_path():
    trace = adjoint.trace(lambda params, data: params["w"] * data[1] + params["b"], {"w": 2.0, "b": 1.0}, [3.0, 4.0])
    assert [node.name for node in trace.nodes()][:4] == ["params['b']", "params['w']", "data[0]", "data[1]"]
    assert "= params['w'] " in str(trace)


def test_constants_and_indices_are_shown():
    def f(x):
        y = x[1:3, 0]
        z = y * np.ones(2)
        return np.sum(z, axis=0, keepdims=True)

    text = str(adjoint.trace(f, np.ones((4, 2))))
    assert re.search(r"getitem\(z_1, (index=)?\(1:3, 0\)\)", text)
    assert "multiply(z_2, array(2))" in text
    assert "sum(z_3, axis=0, keepdims=True)" in text


def test_many_operands_are_abbreviated():
    text = str(adjoint.trace(lambda x: np.stack([x[k] for k in range(20)]), np.ones(20)))
    assert "… 14 more" in text


def test_long_constants_are_abbreviated():
    def f(x):
        return x[list(range(100))] + x[np.arange(100)]

    longest = max(len(line.partition("test_listing")[0]) for line in str(adjoint.trace(f, np.ones(200))).splitlines())
    assert longest < 120


def test_long_traces_are_abbreviated():
    def f(x):
        for _ in range(1_000):
            x = np.sin(x)
        return x

    lines = str(adjoint.trace(f, 1.0)).splitlines()
    assert len(lines) < 70
    middle = [k for k, line in enumerate(lines) if "more …" in line]
    assert len(middle) == 1
    left_out = int(re.search(r"… (\d+) more …", lines[middle[0]])[1])
    assert left_out + len(lines) - 1 == 1_001
    assert lines[0].split()[0] == "z_1"
    assert lines[-1].split()[0] == "z_1001"


def test_a_statement_over_several_lines_points_to_the_call():
    def f(x):
        return (
            np.sin(x)
            + np.cos(x)
        )  # fmt: skip

    trace = adjoint.trace(f, 1.0)
    sources = {node.operation: node.site.source for node in trace.nodes() if node.site}
    assert sources["sin"] == "np.sin(x)"
    assert sources["cos"] == "+ np.cos(x)"


def test_lines_of_helpers_called_from_elsewhere():
    trace = adjoint.trace(lambda x: square(x) + 1.0, 3.0)
    assert trace.node(2).site.function == "square"
    assert trace.node(3).site.function.endswith("<lambda>")


def square(x):
    return x**2
