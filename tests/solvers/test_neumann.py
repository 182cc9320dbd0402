"""``neumann``: the series term by term, against powers of the dense matrix and against paths counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import NotConvergedError, NotDifferentiableError
from adjoint.solvers.neumann import Neumann
from tests.systems_catalogue import BY_NAME, FAMILIES, flat_rows, flat_solution, masked_matrix, random_rows, system_of


def series(name, phase, batch=(), seed=0):
    """A right-hand side as rows, and the terms ``(D⁻ᴴ Jᴴ)^k D⁻ᴴ s`` by dense matrices, ``(terms, N, count)``."""
    system, matrix = system_of(name), masked_matrix(name)
    nodes = system.trace.outputs if phase == "solve" else system.trace.inputs
    rows = random_rows(system, nodes, batch, seed)
    D = np.zeros_like(matrix)
    for k in range(len(system)):
        here = slice(*system.offsets[k : k + 2])
        D[here, here] = -matrix[here, here]
    J = matrix + D
    D, J = (D, J) if phase == "solve" else (D.T, J.T)
    terms = [np.linalg.solve(D, flat_rows(system, rows, batch))]
    for _ in range(len(system)):
        terms.append(np.linalg.solve(D, J @ terms[-1]))
    return rows, np.stack(terms)


SMALL = [family.name for family in FAMILIES if family.small and not family.masked and "float32" not in family.name]


@pytest.mark.parametrize("phase", ["solve", "solve_tangent"])
@pytest.mark.parametrize("name", SMALL)
def test_every_partial_sum(name, phase):
    """``terms=m`` sums the first ``m``, and they are what powers of the matrix say."""
    system = system_of(name)
    rows, terms = series(name, phase, (2,))
    for m in (1, 2, 3, 5, len(system)):
        found = flat_solution(system, getattr(system.factorize(Neumann(terms=m)), phase)(rows), (2,))
        expected = terms[:m].sum(axis=0)
        assert_allclose(found, expected, rtol=0, atol=1e-11 * max(1.0, np.max(np.abs(expected), initial=0.0)))


@pytest.mark.parametrize("name", ["network", "stencil", "linear solves", "fan-out", "several outputs"])
@pytest.mark.parametrize("tangent", [False, True])
def test_term_norms(name, tangent):
    system = system_of(name)
    rows, terms = series(name, "solve_tangent" if tangent else "solve", (3,))
    norms = system.factorize("neumann").term_norms(rows, tangent=tangent)
    expected = np.sqrt(np.sum(terms**2, axis=1))
    assert norms.shape[1:] == (3,)
    assert norms.shape[0] <= system.structure.depth
    assert_allclose(norms, expected[: len(norms)], rtol=1e-11, atol=1e-13)
    assert_allclose(expected[len(norms) :], 0, atol=1e-13)


def test_no_right_hand_side_has_no_terms():
    assert system_of("network").factorize("neumann").term_norms([]).shape == (0,)


def diamonds(count):
    """Each step has two ways of one block and one of two blocks."""

    def program(x):
        for _ in range(count):
            x = x + np.negative(x) * -1.0  # x → x: one block, and negative, multiply, add: three
        return x

    return program


def test_terms_count_paths_by_their_length():
    """All partials are ±1 and the signs cancel: term ``k`` at the argument is the number of paths of ``k`` blocks."""
    system = adjoint.trace(diamonds(4), 1.0).compile()
    counts = []
    before = 0.0
    for m in range(1, 14):
        total = float(system.solve(solver=Neumann(terms=m))["x"])
        counts.append(total - before)
        before = total
    # (t + t³)⁴: choose 1 or 3 blocks in each of the four steps
    expected = np.zeros(13)
    expected[[4, 6, 8, 10, 12]] = [1, 4, 6, 4, 1]
    assert_array_equal(counts, expected)
    assert float(system.solve(solver="neumann")["x"]) == 2.0**4


def test_truncated_backpropagation():
    """A recurrence ``h ← a h + x_t``: paths of ``m`` blocks reach the last inputs only, and these exactly."""
    a = 0.9

    def last_state(x):
        h = 0.0
        for t in range(x.shape[0]):
            h = a * h + x[t]
        return h

    x = np.ones(20)
    system = adjoint.trace(last_state, x).compile()
    exact = a ** np.arange(19, -1, -1.0)
    assert_allclose(system.solve(solver="neumann")["x"], exact, rtol=1e-12)
    for steps in (1, 5, 12):
        # one step back is two blocks (add, multiply), and the way out of the recurrence two more (add, getitem)
        found = system.solve(solver=Neumann(terms=2 * steps + 1))["x"]
        assert_allclose(found[-steps:], exact[-steps:], rtol=1e-12)
        assert not found[:-steps].any()


# --- stopping early -------------------------------------------------------------------------------


def contraction(x, steps=150):
    y = x
    for _ in range(steps):
        y = 0.5 * np.sin(y) + x
    return y


def test_a_tolerance_stops_early_and_the_rest_is_small():
    x = np.array([0.3, -0.8])
    system = adjoint.trace(contraction, x).compile()
    exact = system.solve(np.ones(2))["x"]
    loose = system.solve(np.ones(2), solver=Neumann(tolerance=1e-8))["x"]
    error = np.max(np.abs(loose - exact))
    assert 0 < error < 1e-6
    (node,) = (out for out in system.trace.outputs)
    norms = system.factorize("neumann").term_norms([(node, np.ones(2))])
    needed = int(np.argmax(norms < 1e-8 * norms.max())) + 5
    system.solve(np.ones(2), solver=Neumann(terms=needed, tolerance=1e-8))  # does not raise
    assert needed < 100 < len(norms)


def test_terms_that_do_not_reach_the_tolerance():
    system = adjoint.trace(contraction, np.array([0.3, -0.8])).compile()
    message = r"'neumann' summed 10 terms, the paths of up to 9 blocks, .*1e-08 was asked for.*more terms="
    with pytest.raises(NotConvergedError, match=message) as caught:
        system.solve(np.ones(2), solver=Neumann(terms=10, tolerance=1e-8))
    assert caught.value.iterations == 10
    assert 1e-3 < caught.value.residual < 1
    assert caught.value.node is None
    with pytest.raises(NotConvergedError):
        system.solve_tangent(np.ones(2), solver=Neumann(terms=10, tolerance=1e-8))


def test_the_tolerance_holds_for_each_right_hand_side():
    """A tiny right-hand side beside a large one is summed as carefully."""
    system = adjoint.trace(contraction, np.array([0.3, -0.8])).compile()
    seeds = np.array([[1.0, 1.0], [1e-9, -1e-9]])
    exact, found = (system.solve(seeds, solver=s)["x"] for s in (None, Neumann(tolerance=1e-6)))
    assert_allclose(found, exact, rtol=1e-4)


def test_a_series_at_its_end_has_converged():
    """All terms there are: exact, whatever the tolerance says of the last of them."""
    system = adjoint.trace(lambda x: 3.0 * (2.0 * x), 1.0).compile()
    assert float(system.solve(solver=Neumann(tolerance=1e-3))["x"]) == 6.0


def test_keep_does_not_change_when_it_stops():
    system = adjoint.trace(lambda x: contraction(1e-6 * x), np.array([0.3, -0.8])).compile()
    solver = Neumann(tolerance=1e-4)
    rows = [(system.trace.outputs[0], np.ones(2))]
    (x,) = system.trace.inputs
    factor = system.factorize(solver)
    assert_array_equal(factor.solve(rows, keep=frozenset([x]))[x], factor.solve(rows)[x])


# --- the rest -------------------------------------------------------------------------------------


def test_second_derivatives_of_a_series_that_stops_early():
    """The partial sum is what is differentiated; where the series is short enough, that is the Hessian."""
    x = np.array([0.3, -0.8])
    objective = lambda x: np.sum(contraction(x, 12) ** 2)
    found = adjoint.hessian(objective, solver=Neumann(tolerance=1e-12))(x)
    assert_allclose(found, adjoint.hessian(objective)(x), rtol=1e-8)


def test_tangents_ask_for_no_partial_that_they_do_not_need():
    """The second argument has no derivative: a tangent of the first does not care."""

    def refuse(y, x, n):
        raise NotDifferentiableError("n counts")

    @adjoint.custom_rule(lambda y, x, n: n * x ** (n - 1), refuse)
    def power(x, n):
        return x**n

    system = adjoint.trace(lambda x, n: power(np.sin(x), n), 0.5, 3.0).compile()
    x_dot = [(system.trace.inputs[0], np.float64(2.0))]
    found = system.factorize("neumann").solve_tangent(x_dot)[system.trace.outputs[0]]
    assert_allclose(found, 2 * 3 * np.sin(0.5) ** 2 * np.cos(0.5), rtol=1e-14)
    with pytest.raises(NotDifferentiableError, match="n counts") as caught:
        system.solve(solver="neumann")
    assert "z_4 = power(…)" in caught.value.__notes__[0]


def test_rows_of_an_array_in_a_loop_are_scattered_at_once():
    """Slices at equal distance share one scatter: values by hand."""
    X = np.arange(12.0).reshape(4, 3)
    found = adjoint.grad(lambda X: sum(np.sum(X[t] * (t + 1.0)) for t in range(4)), solver="neumann")(X)
    assert_array_equal(found, np.repeat([[1.0], [2.0], [3.0], [4.0]], 3, axis=1))


@pytest.mark.parametrize(
    "options, message",
    [({"terms": 0}, "terms must be at least 1, not 0"), ({"tolerance": 1.5}, "between 0 and 1, not 1.5")],
)
def test_options_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        Neumann(**options)


def uses_of_blocks(system):
    """How often a reverse series from the outputs takes each block: path lengths that lead to a node, counted."""
    lengths = {out: {0} for out in system.trace.outputs if isinstance(out, int)}
    total = 0
    for k in range(len(system) - 1, -1, -1):
        for parent, _ in system.blocks_of(k):
            total += len(lengths.get(k, ()))
            lengths.setdefault(parent, set()).update(length + 1 for length in lengths.get(k, ()))
    return total


@pytest.mark.parametrize("name", ["network", "fan-out", "random program", "wide random program", "nested systems"])
def test_prediction_bounds_what_the_series_takes(name):
    """Never less than what the series does with the blocks, never more than depth × nonzeros."""
    system = BY_NAME[name].compile()
    flops = int(system.structure.flops.sum())
    prediction = Neumann().predict(system.structure)
    assert prediction.depth == system.structure.depth
    assert uses_of_blocks(system) <= prediction.solve_multiplications <= prediction.depth * flops
    assert Neumann(terms=2).predict(system.structure).solve_multiplications <= 2 * flops
    assert Neumann(terms=2).predict(system.structure).depth == 2
    assert Neumann().predict(system.structure, 5).solve_multiplications == 5 * prediction.solve_multiplications
    assert prediction.seconds > 0


def test_prediction_of_a_chain_takes_each_block_once():
    """All paths to a node are of one length: no more work than in back substitution."""

    def layers(x, w):
        for _ in range(30):
            x = np.tanh(x @ w)
        return x

    system = adjoint.trace(layers, np.ones(3), np.eye(3)).compile()
    assert Neumann().predict(system.structure).solve_multiplications == system.structure.flops.sum()


def test_prediction_grows_with_implicit_blocks():
    structure = system_of("linear solves").structure
    edges = structure.depth * int(structure.flops.sum())
    assert Neumann().predict(structure).solve_multiplications >= 2 * 3**2
    assert Neumann().predict(structure).solve_multiplications <= edges + structure.depth * 2 * 3**2


def test_terms_that_cancel_are_an_error_and_no_wrong_number():
    """Each step subtracts what it adds: paths of different lengths have opposite signs, and grow as 1.8 ** steps."""

    def heat(t, steps):
        for _ in range(steps):
            flow = 0.2 * (t[1:] - t[:-1])
            t = t + np.concatenate((flow[:1], flow[1:] - flow[:-1], -flow[-1:]))
        return np.sum(t**2)

    t = np.linspace(0.0, 1.0, 10)
    expected = adjoint.grad(heat)(t, 20)
    np.testing.assert_allclose(adjoint.grad(heat, solver="neumann")(t, 20), expected, rtol=1e-6)
    with pytest.raises(NotConvergedError, match=r"cancel down to .* half of the digits.*'back_substitution'"):
        adjoint.grad(heat, solver="neumann")(t, 120)
