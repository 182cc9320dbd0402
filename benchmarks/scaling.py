"""Cost per node from 10³ to 10⁶ nodes of a scalar program, which has to be flat; memory per node."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import adjoint
from benchmarks.harness import Size, Table, WrongAnswerError, stopwatch

PER_TURN = 5  # recorded operations
SOLVERS = ("back_substitution", "sparse_triangular")
MEMORY_LIMIT = 100_000  # operations; watching every allocation is slow
GOAL = 2.0  # largest cost per node over the smallest, in one column


def pendulum(q: Any, p: Any, turns: int) -> Any:
    """A pendulum by the symplectic Euler method: scalars, one long dependency."""
    for _ in range(turns):
        p = p - 0.01 * np.sin(q)
        q = q + 0.01 * p
    return q * p


def lengths(size: Size) -> tuple[int, ...]:
    """Numbers of recorded operations."""
    return {
        "tiny": (100, 500),
        "quick": (1_000, 10_000, 100_000),
        "full": (1_000, 10_000, 100_000, 1_000_000),
    }[size]


def program(count: int) -> Callable[..., Any]:
    """The pendulum with ``count`` operations."""
    return lambda q, p: pendulum(q, p, count // PER_TURN)


def complex_step(f: Callable[..., Any], q: float, p: float) -> np.ndarray:
    """``∂f`` as ``Im f(x + i h) / h``: exact to rounding, and it knows nothing of traces."""
    h = 1e-100
    return np.array([f(q + 1j * h, p + 0j).imag / h, f(q + 0j, p + 1j * h).imag / h])


def validate(size: Size) -> int:
    """Check the gradient by both solvers, and the assembled matrix, against the complex step."""
    checked = 0
    for count in lengths(size):
        expected = complex_step(program(count), 1.0, 0.3)
        system = adjoint.trace(program(count), 1.0, 0.3).compile()
        for solver in SOLVERS:
            found = np.array(system.solve(solver=solver).arguments)
            if not np.allclose(found, expected, rtol=1e-9, atol=0):
                raise WrongAnswerError(f"{count:,} nodes, {solver}: {found} instead of {expected}")
            checked += 1
        right = system.matrix() @ _all_multipliers(system)
        if not np.allclose(right[:-1], 0, atol=1e-9) or not np.isclose(right[-1], -1):
            raise WrongAnswerError(f"{count:,} nodes: the assembled A does not give A λ = −s")
    return checked


def _all_multipliers(system: Any) -> np.ndarray:
    multipliers = system.solve()
    return np.array([multipliers[k + 1] for k in range(len(system))], float)


def measure(size: Size) -> Iterator[Table]:
    """Time and memory per node; a fresh system for every sample, so nothing is found in a cache."""
    validate(size)
    phases: dict[str, Callable[[Any], Any]] = {
        "back_substitution": lambda trace: trace.compile().solve(),
        "assembly": lambda trace: trace.compile().matrix(),
        "sparse_triangular": lambda trace: trace.compile().solve(solver="sparse_triangular"),
    }
    table = Table("µs per node of a scalar program", ("nodes", "record", *phases))
    memory = Table(
        "bytes per node (what Python and NumPy allocate)",
        ("nodes", "trace", *(f"peak of {name}" for name in phases), "KiB left in all"),
    )
    for count in lengths(size):
        f = program(count)
        rounds = 1 if size == "tiny" else 2 if count >= 1_000_000 else max(3, min(30, 100_000 // count))
        cells = [stopwatch(lambda f=f: adjoint.trace(f, 1.0, 0.3), rounds)]
        trace = adjoint.trace(f, 1.0, 0.3)
        cells += [stopwatch(lambda phase=phase, trace=trace: phase(trace), rounds) for phase in phases.values()]
        nodes = len(trace)
        del trace
        table.rows.append((nodes, *(1e6 * seconds / nodes for seconds in cells)))
        if count <= MEMORY_LIMIT:
            memory.rows.append((nodes, *_memory(f, phases)))
    for k, name in enumerate(table.headings[1:], 1):
        column = [row[k] for row in table.rows]
        table.goal(f"{name}: cost per node at {table.rows[-1][0]:,} / the least", column[-1] / min(column), GOAL)
    memory.notes.append("what is left are Python's free lists: the same at every size")
    yield table
    yield memory


def _memory(f: Callable[..., Any], phases: dict[str, Callable[[Any], Any]]) -> list[float]:
    """Bytes per node held by a trace and at the peak of each phase on top; KiB left when all is dropped."""
    trace = adjoint.trace(f, 1.0, 0.3)
    for phase in phases.values():  # fills what is imported or cached once
        phase(trace)
    del trace
    gc.collect()
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        trace = adjoint.trace(f, 1.0, 0.3)
        held = tracemalloc.get_traced_memory()[0]
        peaks = []
        for phase in phases.values():
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            phase(trace)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        nodes = len(trace)
        gc.disable()  # dropping alone has to free it
        del trace
        left = tracemalloc.get_traced_memory()[0] - start
    finally:
        gc.enable()
        tracemalloc.stop()
    return [*(x / nodes for x in (held - start, *peaks)), left / 1024]
