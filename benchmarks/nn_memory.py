"""The most memory that a gradient of a network holds at one time, beside what any backpropagation has to keep.

    python benchmarks/nn_memory.py

``tracemalloc`` counts what NumPy and Python allocate, exactly and without noise, from before the parameters are made
until the gradient is there; the data are made before. To keep: the parameters, their gradients, and the activations
that the backward pass reads, one array for each layer: the result of each activation, pool and softmax. What comes
before an activation, copies of windows, the choices of pools and multipliers count as waste.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # the folder of a script is on the path, its parent is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.core import pin_one_thread

if __name__ == "__main__":
    pin_one_thread()

import numpy as np

import adjoint
from benchmarks.contests import lenet, lstm, mlp
from benchmarks.harness import Size, Table, WrongAnswerError

LIMIT = 1.3


def networks(size: Size) -> Iterator[tuple[str, Any, int]]:
    """The contest, and how many numbers its activations have."""
    inputs, batch, width = mlp.SHAPES[size][-1]
    (*_, match) = mlp.entries(size)
    yield f"{inputs}-{width}-{width}-10, batch {batch}", match.contest, batch * (2 * width + 10)
    batch = lenet.BATCHES[size]
    numbers = 6 * 24 * 24 + 6 * 12 * 12 + 16 * 8 * 8 + 16 * 4 * 4 + 120 + 84 + 10
    for match, kind in zip(lenet.entries(size), ("ReLU, largest", "tanh, means"), strict=True):
        yield f"LeNet, {kind}, batch {batch}", match.contest, batch * numbers
    batch, steps, _, hidden = lstm.SHAPES[size]
    (match,) = lstm.entries(size)
    yield f"LSTM, hidden {hidden}, {steps} steps, batch {batch}", match.contest, batch * (steps * 6 * hidden + 10)


def peak(call: Callable[[], Any]) -> tuple[int, Any]:
    """Most bytes held at one time during a call, and its result."""
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def rows(size: Size) -> Iterator[tuple[str, int, int]]:
    """Name, bytes to keep, peak."""
    for name, contest, activations in networks(size):
        differentiate = adjoint.value_and_grad(
            lambda *xs, contest=contest: contest.program(np, *xs, *contest.constants), range(len(contest.arguments))
        )
        differentiate(*contest.arguments)  # what is cached for the next time is no memory of this gradient

        def step(differentiate: Any = differentiate, contest: Any = contest) -> Any:
            return differentiate(*[x.copy() for x in contest.arguments])

        found, (value, gradients) = peak(step)
        expected, by_hand = contest.by_hand(*contest.arguments, *contest.constants)
        pairs = zip((value, *gradients), (expected, *by_hand), strict=True)
        if not all(np.linalg.norm(g - h) <= contest.tolerance * np.linalg.norm(h) for g, h in pairs):
            raise WrongAnswerError(f"{name}: the gradient differs from the one by hand")
        sizes = sum(x.nbytes for x in contest.arguments)
        yield name, 2 * sizes + 4 * activations, found


def validate(size: Size) -> int:
    """Check every answer."""
    return len(list(rows(size)))


def measure(size: Size) -> Iterator[Table]:
    """One table."""
    table = Table("peak of a gradient, float32", ("", "to keep MB", "peak MB", "peak / to keep"))
    for name, kept, found in rows(size):
        table.rows.append((name, kept / 1e6, found / 1e6, found / kept))
        table.goal(f"{name}: peak / to keep", found / kept, LIMIT)
    yield table


def main() -> int:
    """Print the table."""
    for table in measure("full"):
        print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
