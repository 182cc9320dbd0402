"""Worked examples from the literature, with the values printed there."""

import math

import numpy as np
import pytest

import adjoint


@pytest.fixture
def textbook(load):
    return load("textbook")


EXPECTED = {  # to the four decimals of the literature
    "product_of_sum": ((-2.0, 5.0, -4.0), -12.0, {"x": -4, "y": -4, "z": 3, "z_4": -4, "z_5": 1}),
    "shared_input": ((2.0, 1.0), 6.0, {"a": 2, "b": 5, "c": 2, "d": 3, "e": 1}),
    "log_of_polynomial": (
        (2.0, 3.0),
        3.7377,
        {"x": 0.6429, "y": 0.2381, "a": 0.0714, "b": 0.0238, "c": 0.1190, "d": 0.0238, "e": 0.0238, "z_8": 1},
    ),
    "loop": ((1.0, 0.5), 2.5, {"x": 1, "c": 3, "z_3": 1, "z_4": 1, "z_5": 1}),
}


@pytest.mark.parametrize("solver", adjoint.solvers.available())
@pytest.mark.parametrize("name", EXPECTED)
def test_value_gradient_and_every_multiplier(name, solver, textbook):
    point, value, multipliers = EXPECTED[name]
    f = getattr(textbook, name)
    assert round(float(f(*point)), 4) == value
    trace = adjoint.trace(f, *point)
    lam = trace.compile().solve(solver=solver)
    found = {node.name or f"z_{node.number}": round(float(lam[node.number]), 4) for node in trace.nodes()}
    assert found == multipliers
    gradient = adjoint.grad(f, argnums=tuple(range(len(point))), solver=solver)(*point)
    assert [round(float(g), 4) for g in gradient] == list(multipliers.values())[: len(point)]


def test_printed_table_is_that_of_the_default_solver(textbook):
    point, _, multipliers = EXPECTED["log_of_polynomial"]
    found = textbook.multipliers_by_label(adjoint.trace(textbook.log_of_polynomial, *point))
    assert {label: round(value, 4) for label, value in found.items()} == multipliers


@pytest.mark.parametrize("x", [-1.3, 0.0, 0.7, 2.1])
def test_nested_functions(x, textbook):
    slope = math.exp(math.sin(x * x)) * math.cos(x * x) * 2 * x
    assert adjoint.grad(textbook.nested_functions)(x) == pytest.approx(slope, rel=1e-14)
    # the multiplier of the inner link x² is the slope without its last factor
    lam = adjoint.trace(textbook.nested_functions, x).compile().solve()
    assert lam[2] == pytest.approx(math.exp(math.sin(x * x)) * math.cos(x * x), rel=1e-14)


def test_derivative_has_a_trace_and_is_differentiated_again(textbook):
    f, x, y = textbook.product_and_exponential, 1.0, 2.0
    first = adjoint.grad(f)
    trace = adjoint.trace(first, x, y)
    assert {"multiply", "exp", "add"} <= {node.operation for node in trace.nodes()}
    assert trace(x, y) == pytest.approx(y + math.e, rel=1e-15)
    assert trace(0.0, 5.0) == 6.0  # the recorded derivative holds at other points
    assert trace.compile().solve().arguments == pytest.approx((math.e, 1.0), rel=1e-15)  # ∂(y + eˣ)/∂(x, y)
    for times in range(1, 4):
        first = adjoint.grad(first)
        assert first(x, y) == pytest.approx(math.e, rel=1e-15), f"derivative of order {times + 1}"


def test_loop_is_unrolled(textbook):
    trace = adjoint.trace(textbook.loop, 1.0, 0.5)
    assert [node.operation for node in trace.nodes()] == ["input", "input", "add", "add", "add"]
    expected = np.array([[-1, 0, 1, 0, 0], [0, -1, 1, 1, 1], [0, 0, -1, 1, 0], [0, 0, 0, -1, 1], [0, 0, 0, 0, -1]])
    np.testing.assert_array_equal(trace.compile().matrix("dense"), expected)
