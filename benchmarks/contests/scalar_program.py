"""Gradient of an irregular program of 10⁵ scalar operations: linearize again and solve, against CasADi.

The trace is recorded once. What is timed for adjoint is ``system.relinearize(x)`` and ``.solve(solver=…)``; for CasADi
the function that gives value and gradient, built once; recording and building stand apart.
"""

from __future__ import annotations

import gc
import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adjoint
from benchmarks import harness
from benchmarks.contests.matches import behind, best, goal_against, warm_up
from benchmarks.harness import Size, Table, WrongAnswerError
from benchmarks.peers import backend, missing
from benchmarks.workloads.scalars import INPUTS, scalar_program

LEVELS: dict[Size, tuple[int, int]] = {"tiny": (4, 20), "quick": (20, 1_000), "full": (40, 2_500)}  # count, width
OURS = "adjoint, sparse_triangular"
SCIPY = f"{OURS}, SciPy alone"
RECORDED = "adjoint.value_and_grad, with recording"
CASADI, BUFFERED = "CasADi SX", "CasADi SX, buffered"
GOAL_SCIPY, GOAL_COMPILED = 4.0, 1.0  # times CasADi's evaluation

Call = Callable[[], tuple[Any, Any]]  # value and gradient


def program(size: Size) -> tuple[tuple[Any, Any, Any], np.ndarray, np.ndarray]:
    """The operations, and two points."""
    levels, width = LEVELS[size]
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 7, (levels, width)).tolist()
    below = [INPUTS, *[width] * (levels - 1)]
    left, right = ([rng.integers(0, n, width).tolist() for n in below] for _ in range(2))
    x0, x1 = rng.uniform(-1, 1, (2, INPUTS))
    return (kinds, left, right), x0, x1


def contestants(size: Size) -> tuple[dict[str, Call], dict[str, float], list[str], int]:
    """Calls that give value and gradient at the second point; seconds of the first call; notes; recorded nodes."""
    operations, x0, x1 = program(size)
    f = lambda x: scalar_program(np, x, *operations)
    calls: dict[str, Call] = {}
    first: dict[str, float] = {}
    gc.collect()
    start = time.perf_counter()
    trace = adjoint.trace(f, x0)
    system = trace.compile()
    calls[OURS] = _relinearized(system, "sparse_triangular", x1)
    calls[OURS]()
    first[OURS] = time.perf_counter() - start
    alone = scipy_alone()
    notes = []
    if alone is None:
        notes.append(f"{SCIPY}: skipped, {OURS!r} has no compiled kernel in this environment: it is SciPy already")
    else:
        calls[SCIPY] = _relinearized(system, alone, x1)
    recorded = adjoint.value_and_grad(f)
    calls[RECORDED] = lambda: recorded(x1)
    peer = backend("CasADi SX")
    if peer is None:
        notes.append(f"{CASADI}: skipped, {missing('CasADi SX')}")
    else:
        warm_up(["CasADi SX"])
        start = time.perf_counter()
        cs = peer.casadi
        column = cs.SX.sym("x", INPUTS)
        value = scalar_program(peer.vectors, column, *operations)
        function = cs.Function("f", [column], [value, cs.densify(cs.gradient(value, column))])
        plain = lambda: [np.asarray(found)[:, 0] for found in function(x1)]
        calls[CASADI] = lambda: (lambda v, g: (v[0], g))(*plain())
        calls[CASADI]()
        first[CASADI] = time.perf_counter() - start
        buffered = peer.prepare(scalar_program, (x1,), operations)
        calls[BUFFERED] = lambda: (lambda v, g: (v[0], g[0]))(*buffered())
    notes.append("torch, jax, autograd: skipped, one kernel call or one compiled instruction sequence per scalar")
    return calls, first, notes, len(trace)


def _relinearized(system: Any, solver: Any, x: np.ndarray) -> Call:
    def call() -> tuple[Any, Any]:
        moved = system.relinearize(x)
        return moved.output, moved.solve(solver=solver).arguments[0]

    return call


def scipy_alone() -> Any:
    """``sparse_triangular`` without a compiled kernel, if it has one; else ``None``: it is SciPy alone already."""
    if importlib.util.find_spec("numba") is None:
        return None
    kind = type(adjoint.solvers.get("sparse_triangular"))
    return kind(compiled=False) if "compiled" in kind.__dataclass_fields__ else None


def check(calls: dict[str, Call], size: Size) -> None:
    """The gradient by the complex step, which knows nothing of traces; all entries."""
    operations, _, x1 = program(size)
    h = 1e-100
    derivative = lambda k: scalar_program(np, (x1 + 1j * h * np.eye(INPUTS)[k]).tolist(), *operations)
    found = [derivative(k) for k in range(INPUTS)]
    value, expected = found[0].real, np.array([y.imag for y in found]) / h
    for name, call in calls.items():
        claimed, gradient = call()
        if not np.isclose(float(claimed), value, rtol=1e-10, atol=1e-10):
            raise WrongAnswerError(f"scalar program: {name}: value {claimed} instead of {value}")
        if not np.linalg.norm(gradient - expected) <= 1e-9 * np.linalg.norm(expected):
            raise WrongAnswerError(f"scalar program: {name}: the gradient differs from the complex step")


def validate(size: Size) -> int:
    """Check every answer."""
    calls, *_ = contestants(size)
    check(calls, size)
    return len(calls)


def measure(size: Size) -> Iterator[Table]:
    """The table."""
    calls, first, notes, nodes = contestants(size)
    check(calls, size)
    budget = {"tiny": 0.0, "quick": 4.0, "full": 15.0}[size]
    slow = {RECORDED: calls.pop(RECORDED)}  # a hundred times the others: it would leave them few rounds
    timings = harness.timed(calls, rounds=1 if size == "tiny" else 100, budget=budget)
    timings |= harness.timed(slow, rounds=1 if size == "tiny" else 5, budget=0.0)
    levels, width = LEVELS[size]
    base = timings[OURS].best
    table = Table(
        f"scalar program: {levels} levels of {width:,} operations, {nodes:,} nodes",
        ("", "best ms", "median ms", f"time / {OURS}", "first call s"),
    )
    for name, t in timings.items():
        table.rows.append((name, 1e3 * t.best, 1e3 * t.median, t.best / base, first.get(name)))
    table.notes += [*behind(timings, OURS), *notes]
    casadi = best(timings, BUFFERED)
    name = SCIPY if SCIPY in timings else OURS
    goal_against(table, f"{name} / CasADi, buffered", best(timings, name), casadi, GOAL_SCIPY)
    quick = base if SCIPY in timings else None
    name = "a compiled kernel of sparse_triangular"
    goal_against(table, f"{OURS} with numba / CasADi, buffered", quick, casadi, GOAL_COMPILED, name)
    yield table
