"""Chains by an associative scan: against back substitution, dense LAPACK and central differences."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError
from adjoint.solvers.parallel_scan import ParallelScan
from tests.systems_catalogue import dense_matrix, flat_rows, flat_solution, random_rows

RNG = np.random.default_rng(7)
W, U, B, X = (RNG.uniform(-0.7, 0.7, shape) for shape in ((2, 2), (2, 3), 2, (40, 3)))
A = np.linalg.qr(RNG.standard_normal((60, 2, 2)))[0]
START = np.array([0.3, -0.8])


def products(x):
    for k in range(60):
        x = A[k] @ x
    return x


def recurrence(x, c):
    for k in range(50):
        x = np.sin(x) * 0.9 + c * x / (k + 1.0)
    return x * c


def network(x, w, u, b, inputs):
    """Weights that all steps share, rows of one argument, a loss at the end."""
    for t in range(len(inputs)):
        x = np.tanh(w @ x + u @ inputs[t] + b)
    return np.sum(x * x)


def running_loss(x, w, b, inputs):
    total = 0.0
    for t in range(len(inputs)):
        x = np.tanh(w @ x + b)
        total = total + np.sum((x - inputs[t, :2]) ** 2)
    return total


def stacked_states(x, w, b):
    states = []
    for _ in range(30):
        x = np.tanh(w @ x + b)
        states.append(x)
    return np.sum(np.cos(np.stack(states)) ** 2)


def pair_of_states(x, v, k):
    for _ in range(40):
        v = v - 0.1 * k * np.sin(x)
        x = x + 0.1 * v
    return x, v


def tail(x, w):
    for _ in range(30):
        x = np.tanh(w @ x)
    y = x[0] * x[1]
    for _ in range(3):
        y = np.exp(-y) + y * x[1]
    return y


def branches(x, w):
    for k in range(40):
        if k % 3 == 1:
            x = w @ x
        elif k % 3 == 2:
            x = np.cos(x) * x
        x = x * 0.95 + 0.1
    return x


def skips(x, w):
    """A state of two values: each step reads the last two."""
    before = x
    for _ in range(40):
        before, x = x, np.tanh(w @ x) + 0.3 * before
    return x


def own_weights(x, ws):
    """Each step reads an argument of its own."""
    for w in ws:
        x = np.tanh(w @ x)
    return x


def prepared(x, w):
    """What all steps read is computed first."""
    m = np.exp(w) @ w
    for _ in range(30):
        x = np.tanh(m @ x) + x * m[0]
    return x


def two_loops(x, w):
    for _ in range(30):
        x = np.tanh(w @ x)
    y = np.concatenate([x, x * x])
    for _ in range(30):
        y = np.sin(y) + 0.1 * y[::-1]
    return y


def implicit_steps(x, m):
    for _ in range(12):
        x = np.linalg.solve(m @ m.T + 2 * np.eye(2), x + np.sin(x))
    return x


def changing_numbers(x):
    for k in range(30):
        x = x * (0.9 + 0.005 * k) + 0.1 * np.sin(x) * np.float64(k) ** 0.5
    return x


CHAINS = {
    "products": (products, (START,)),
    "recurrence": (recurrence, (0.4, 0.7)),
    "network": (network, (START, W, U, B, X)),
    "running loss": (running_loss, (START, W, B, X)),
    "stacked states": (stacked_states, (START, W, B)),
    "pair of states": (pair_of_states, (START, B, 1.3)),
    "tail": (tail, (START, W)),
    "branches": (branches, (START, W)),
    "skips": (skips, (START, W)),
    "own weights": (own_weights, (START, [W + 0.01 * k for k in range(20)])),
    "prepared": (prepared, (START, W)),
    "two loops": (two_loops, (START, W)),
    "implicit steps": (implicit_steps, (START, W)),
    "changing numbers": (changing_numbers, (START,)),
}


def compiled(name):
    f, arguments = CHAINS[name]
    return adjoint.trace(f, *arguments).compile()


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("batch", [(), (3,), (2, 2), (0,)])
def test_all_multipliers_and_tangents_are_lapacks(name, batch):
    system = compiled(name)
    matrix = dense_matrix(system)
    factor = system.factorize("parallel_scan")
    every = range(len(system))  # seeds inside of segments, in front of the chain and behind it
    for nodes in (system.trace.outputs, every, system.trace.inputs, [len(system) // 2]):
        rows = random_rows(system, nodes, batch)
        for found, a in ((factor.solve(rows), matrix), (factor.solve_tangent(rows), matrix.T)):
            expected = np.linalg.solve(a, -flat_rows(system, rows, batch))
            scale = max(1.0, np.max(np.abs(expected), initial=0.0))
            assert_allclose(flat_solution(system, found, batch), expected, rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("name", CHAINS)
def test_keep_gives_the_same_numbers(name):
    system = compiled(name)
    factor, reference = system.factorize("parallel_scan"), system.factorize("back_substitution")
    n = len(system)
    rows = random_rows(system, [*system.trace.outputs, n // 3], (2,))
    for keep in (system.trace.inputs, [n // 2], [n // 2, *system.trace.inputs[:1]], [n - 1], []):
        for phase in ("solve", "solve_tangent"):
            found = getattr(factor, phase)(rows, keep=frozenset(keep))
            expected = getattr(reference, phase)(rows, keep=frozenset(keep))
            for k in keep:
                zero = np.zeros((2, *system.values[k].shape))
                a, b = (zero if x is None else x for x in (found[k], expected[k]))
                assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in CHAINS if name not in ("products", "implicit steps")])
def test_plans_serve_other_points(name):
    arguments = CHAINS[name][1]
    system = compiled(name)
    plan = system.plan("parallel_scan")
    moved = system.relinearize(*(moved_by(x, 0.05) for x in arguments))
    assert moved.plan("parallel_scan") is plan
    rows = random_rows(system, system.trace.outputs)
    found, expected = (moved.factorize(s).solve(rows) for s in ("parallel_scan", "back_substitution"))
    assert_allclose(flat_solution(moved, found), flat_solution(moved, expected), rtol=1e-11, atol=1e-12)
    before = system.factorize("back_substitution").solve(rows)
    assert not np.allclose(flat_solution(moved, found), flat_solution(system, before), rtol=1e-6)


def moved_by(x, amount):
    return [moved_by(one, amount) for one in x] if isinstance(x, list) else x + amount


@pytest.mark.parametrize("name", CHAINS)
def test_long_loops_become_few_groups(name):
    """The work is done by NumPy calls on stacks: a handful of groups, and most nodes in the largest of them."""
    layout = compiled(name).plan("parallel_scan").layout
    groups = [group for part in layout.parts for group in part.groups]
    assert sum(group.count for group in groups) >= 10
    assert len(groups) <= 14
    if name not in ("branches", "two loops", "changing numbers"):
        most = max(group.count * len(group.steps) for group in groups)
        assert most >= 0.5 * np.count_nonzero(layout.part >= 0)


def test_branches_share_their_groups():
    groups = [group for part in compiled("branches").plan("parallel_scan").layout.parts for group in part.groups]
    assert sorted(group.count for group in groups)[-3:] == [13, 13, 13]


@pytest.mark.parametrize("solver", ["parallel_scan", "back_substitution"])
@pytest.mark.parametrize("name", ["network", "running loss", "stacked states"])
def test_second_derivatives(name, solver):
    f, (x, w, *rest) = CHAINS[name]
    gradient = adjoint.grad(lambda v: f(x, v.reshape(2, 2), *rest), solver="parallel_scan")
    v, h = w.ravel(), 1e-5
    columns = [(gradient(v + h * e) - gradient(v - h * e)) / (2 * h) for e in np.eye(4)]
    hessian = adjoint.jacobian(gradient, solver=solver)(v)
    assert_allclose(hessian, np.stack(columns, axis=1), rtol=1e-6, atol=1e-7)
    forward = adjoint.jacobian(gradient, solver=solver, mode="forward")(v)
    assert_allclose(forward, hessian, rtol=1e-10, atol=1e-12)


def test_chain_of_complex_states():
    turn = np.exp(1j * np.linspace(0, 3, 40))

    def f(z, w):
        for k in range(40):
            z = np.sin(w @ z) * turn[k] + 0.1
        return z

    z, w = START + 0.2j, W * (1 - 0.5j)
    system = adjoint.trace(f, z, w).compile()
    seed = np.array([1.0 + 2j, -0.5j])
    found, expected = (system.solve(seed, solver=s) for s in ("parallel_scan", "back_substitution"))
    assert_allclose(found["z"], expected["z"], rtol=1e-12)
    assert_allclose(found["w"], expected["w"], rtol=1e-12)
    dot = 1e-6 * (w + 1j)
    difference = (f(z, w + dot) - f(z, w - dot)) / 2
    tangents = system.solve_tangent(np.zeros(2) + 0j, dot, solver="parallel_scan")
    assert_allclose(tangents.output, difference, rtol=1e-7)


def test_real_arguments_of_a_complex_chain():
    def f(x):
        z = x * 1j
        for _ in range(20):
            z = np.exp(1j * z) * 0.7
        return z

    system = adjoint.trace(f, START).compile()
    found, expected = (system.solve(np.ones(2) + 1j, solver=s)["x"] for s in ("parallel_scan", "back_substitution"))
    assert found.dtype == np.float64
    assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.longdouble])
def test_precision_is_that_of_the_nodes(dtype):
    arguments = [x.astype(dtype) for x in (START, W, U, B, X)]
    system = adjoint.trace(network, *arguments).compile()
    found, expected = (system.solve(solver=s) for s in ("parallel_scan", "back_substitution"))
    for name in ("x", "w", "inputs"):
        assert found[name].dtype == dtype
        assert_allclose(found[name], expected[name], rtol=1e2 * np.finfo(dtype).eps, atol=1e1 * np.finfo(dtype).eps)


def test_zeros_are_structural_inside_of_a_chain():
    """A step with an infinite partial that meets zeros only, and entries of a matrix that are not finite."""

    def f(x):
        for k in range(12):
            x = np.where(x > 0.2, np.sqrt(x - (0.2 if k < 6 else 0.3)), x * 0.5 + 0.1)
        return x

    with np.errstate(all="ignore"):
        system = adjoint.trace(f, np.array([0.2, 0.9])).compile()
        for phase in ("solve", "solve_tangent"):
            rows = random_rows(system, system.trace.outputs if phase == "solve" else system.trace.inputs)
            wanted = system.trace.inputs if phase == "solve" else system.trace.outputs
            found, expected = (
                getattr(system.factorize(s), phase)(rows)[wanted[0]] for s in ("parallel_scan", "back_substitution")
            )
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_an_infinite_entry_stays_in_its_column():
    m = A.copy()
    m[30, 0, 1] = np.inf
    m[:, 1, 0] = 0.0

    def f(x):
        for k in range(60):
            x = m[k] @ x
        return x

    with np.errstate(all="ignore"):
        system = adjoint.trace(f, np.array([1.0, 0.0])).compile()
    found = system.factorize("parallel_scan").solve_tangent([(0, np.array([1.0, 0.0]))])[system.trace.outputs[0]]
    assert_allclose(found, [np.prod(m[:, 0, 0]), 0.0], rtol=1e-12)


def test_the_factor_holds_no_system():
    system = compiled("network")
    plan = ParallelScan().analyze(system)
    factor = plan.factorize(system)
    rows = random_rows(system, system.trace.outputs)
    solution = factor.solve(rows)
    alive = weakref.ref(system.trace)
    gc.disable()
    try:
        del system
        assert alive() is None
    finally:
        gc.enable()
    assert_allclose(solution[0], factor.solve(rows)[0])


def test_memory_of_the_factor():
    """Two matrices for each step, and what their accumulation read."""
    factor = compiled("products").factorize("parallel_scan")
    (tree,) = factor.at._trees.values()
    assert sum(level.nbytes for level in tree.levels) <= 2 * 60 * 2 * 2 * 8
    assert [len(level) for level in tree.levels] == [58, 29, 14, 7, 3, 1]


# --- what is refused ------------------------------------------------------------------------------


def wide(x):
    """Everything is needed until the end: a state of 300 entries."""
    values = [x * (k + 1.0) for k in range(300)]
    for k in range(2500):
        values[(7 * k) % 300] = np.sin(values[(3 * k + 1) % 300]) * values[(11 * k) % 300]
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def test_a_large_state_is_refused_with_its_size():
    system = adjoint.trace(wide, 0.5).compile()
    message = r"'parallel_scan'.*after z_\d+ = \w+\(…\).*have [12]\d\d entries \(max_state=64\).*'back_substitution'"
    for attempt in (
        lambda: system.solve(solver="parallel_scan"),
        lambda: ParallelScan().predict(system.structure),
    ):
        with pytest.raises(NotAcceptedError, match=message):
            attempt()


def test_transitions_that_would_not_fit_are_refused_with_figures():
    system = compiled("network")
    message = r"'parallel_scan' would make \d+ transitions of \d × \d.* [\d.]+ KiB, more than the 1000 B.*'back_subst"
    with pytest.raises(AssemblyTooLargeError, match=message):
        system.solve(solver=ParallelScan(max_bytes=1000))


def test_max_state_counts_entries():
    system = compiled("skips")
    for limit, accepted in ((4, True), (3, False)):
        layout = ParallelScan(max_state=limit).analyze(system).layout
        assert any(part.count > 30 for part in layout.parts) == accepted


def test_real_linear_steps_are_refused():
    def f(z):
        for _ in range(10):
            z = z * np.conj(z) + 0.1j
        return z

    system = adjoint.trace(f, START + 0.1j).compile()
    with pytest.raises(NotAcceptedError, match=r"'parallel_scan'.*z_\d+ = conjugate\(…\).*'back_substitution'"):
        system.factorize("parallel_scan")


def test_real_linear_operations_outside_of_the_chain_are_taken():
    def f(z):
        for _ in range(40):
            z = np.sin(z) * (0.5 + 0.1j)
        return np.abs(z) ** 2

    system = adjoint.trace(f, START + 0.1j).compile()
    found, expected = (system.solve(np.ones(2), solver=s)["z"] for s in ("parallel_scan", "back_substitution"))
    assert_allclose(found, expected, rtol=1e-12)


# --- predictions ----------------------------------------------------------------------------------


def test_predictions_grow_with_the_state_and_the_length():
    def seconds(n, steps, right_hand_sides=1):
        matrices = np.linalg.qr(RNG.standard_normal((steps, n, n)))[0]

        def f(x):
            for k in range(steps):
                x = matrices[k] @ x
            return x

        system = adjoint.trace(f, np.ones(n)).compile()
        return ParallelScan().predict(system.structure, right_hand_sides)

    small, long, large, many = seconds(2, 200), seconds(2, 2000), seconds(20, 200), seconds(2, 200, 50)
    assert small.seconds < long.seconds
    assert small.seconds < large.seconds
    assert small.seconds < many.seconds
    assert large.factor_multiplications >= 198 * 20**3
    assert long.depth < small.depth + 10
    assert long.memory > 5 * small.memory
