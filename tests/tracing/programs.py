"""Random programs, and the user's lines in error messages: shared by the tests of tracing and of the calculus."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

UNARY = (np.sin, np.cos, np.tanh, np.arctan, lambda x: -x, lambda x: 1 / (2 + x * x), lambda x: np.exp(-x * x))
BINARY = (
    lambda x, y: x + y,
    lambda x, y: x - y,
    lambda x, y: x * y,
    lambda x, y: x / (1 + y * y),
    np.maximum,
    np.arctan2,
    np.hypot,
)


def random_edges(rng: np.random.Generator, inputs: int, operations: int) -> list[tuple[int, ...]]:
    """For each of ``operations`` new nodes the one or two earlier nodes (from 1) that it reads."""
    edges = []
    for node in range(inputs + 1, inputs + operations + 1):
        count = int(rng.integers(1, 3))
        edges.append(tuple(int(k) for k in rng.integers(max(1, node - 8), node, count)))
    return edges


def along(edges: Sequence[tuple[int, ...]]) -> Callable[..., Any]:
    """A program that records exactly one node per entry of ``edges``, reading exactly those nodes."""

    def program(*xs: Any) -> Any:
        z = list(xs)
        for parents in edges:
            read = [z[p - 1] for p in parents]
            z.append(np.sin(read[0]) if len(read) == 1 else read[0] * read[1])
        return z[-1]

    return program


def smooth_program(seed: int, operations: int = 12) -> Callable[[Any], Any]:
    """A program of vectors without any choice that depends on the data, with a scalar result."""

    def program(x: Any) -> Any:
        rng = np.random.default_rng(seed)
        pool = [x, 0.5 * x + 1]
        for _ in range(operations):
            a, b = (pool[int(k)] for k in rng.integers(0, len(pool), 2))
            kind = rng.integers(0, 4)
            if kind == 0:
                pool.append(UNARY[int(rng.integers(len(UNARY)))](a))
            elif kind == 1:
                pool.append(BINARY[int(rng.integers(len(BINARY)))](a, b))
            elif kind == 2:  # the shape stays, the entries mix
                pool.append(np.cumsum(a)[::-1] / a.shape[0] + b[rng.permutation(a.shape[0])])
            else:
                pool.append(rng.standard_normal((x.shape[0], x.shape[0])) @ a + b.mean())
        return np.tanh(pool[-1]).sum() + (pool[-2] * pool[-1]).mean()

    return program


def choosing_program(seed: int) -> Callable[[Any], Any]:
    """As :func:`smooth_program`, with everything that looks at the data: masks, argmax, where, sorting orders."""
    inner = smooth_program(seed, 6)

    def program(x: Any) -> Any:
        rng = np.random.default_rng(seed + 1000)
        a = np.sin(3 * x) * rng.uniform(0.5, 1.5, x.shape)
        pieces = [
            np.where(a > 0, a * x, np.exp(a)),
            a[np.argsort(x)],
            np.clip(a, -0.5, 0.5) * a[np.argmax(x)],
            x[a.argmin() :].sum() + x[np.argmax(a)] * a,
        ]
        total = inner(pieces[int(rng.integers(len(pieces)))] + pieces[int(rng.integers(len(pieces)))])
        if rng.integers(2):
            total = total + (x[x > 0] ** 2).sum()
        if rng.integers(2) and a[0] > 0:
            total = total * 2
        return total

    return program


def at_line(function: Callable[..., Any], text: str) -> str:
    """A pattern for ``match=``: the file, line number and text of the line of ``function`` that holds ``text``."""
    lines, first = inspect.getsourcelines(function)
    hits = [first + k for k, line in enumerate(lines) if text in line]
    assert len(hits) == 1, f"{text!r} stands on {len(hits)} lines"
    return rf"{re.escape(str(inspect.getsourcefile(function)))}:{hits[0]}, in .*{re.escape(text)}"
