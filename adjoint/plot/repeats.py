"""Which stretches of a trace repeat: the loops of the program, found after they were unrolled.

A node's token is its operation and the place in the user's code that it came from, so an unrolled loop is a tandem
repeat of tokens. Repeats are folded from the inside out: the shortest period first, and a folded one becomes one token
of the sequence around it, so nested loops fold as they are nested. A loop whose length varies is the same token
whatever its length. Candidates for a period are the distances between successive occurrences of a token: no period is
tried that no token has.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from types import CodeType

import numpy as np

from adjoint.tracing import Trace

LEAST = 3
"""Steps that make a repeat."""

WORK = 60_000_000
"""Tokens that are looked at in all: about a second."""


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    """A stretch of a trace that consists of equal steps.

    Attributes
    ----------
    period : int
        Parts of one step: nodes, or repeats inside.
    starts : int array (steps * period + 1,)
        The first node of each part, and the node after the last one.
    """

    period: int
    starts: np.ndarray

    @property
    def steps(self) -> int:
        """How often it repeats."""
        return (len(self.starts) - 1) // self.period

    def bounds(self, step: int) -> list[int]:
        """Where the parts of one step begin, and where the last one ends."""
        found: list[int] = self.starts[step * self.period : (step + 1) * self.period + 1].tolist()
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Repeats:
    """The outermost sequence of a trace, and all that is inside.

    Attributes
    ----------
    starts : list of int
        The first node of each part of the outermost sequence, and the number of nodes.
    inner : dict
        ``{(start, stop): Repeat}`` of every part that is more than one node.
    """

    starts: list[int]
    inner: dict[tuple[int, int], Repeat]


def repeats(trace: Trace, start: int = 0, stop: int | None = None) -> Repeats:
    """The loops of a trace, or of its nodes ``start … stop - 1``.

    Notes
    -----
    One sort of the sequence for each period that is folded; a folded sequence is shorter.
    """
    tokens, lines = _tokens(trace)
    tokens, lines = tokens[start:stop], lines[start:stop]
    bounds = np.arange(start, start + len(tokens) + 1)
    inner: dict[tuple[int, int], Repeat] = {}
    names: dict[bytes, int] = {}
    work = 0
    next_token = len(trace) + 1
    dead: set[int] = set()  # periods that were tried since the last fold
    while len(tokens) >= LEAST and work < WORK:
        work += len(tokens)
        folded = None
        for period in _candidates(tokens):
            if period in dead:
                continue
            work += len(tokens)
            runs = _runs(tokens, lines, period)
            if runs:
                folded = (period, runs)
                break
            dead.add(period)
            if work >= WORK:
                break
        if folded is None:
            break
        period, runs = folded
        dead.clear()
        keep = np.ones(len(tokens), dtype=bool)
        tokens = tokens.copy()
        for first, steps in runs:
            name = tokens[first : first + period].tobytes()
            if name not in names:
                names[name] = next_token
                next_token += 1
            stop = first + steps * period
            starts = bounds[first : stop + 1]
            inner[int(starts[0]), int(starts[-1])] = Repeat(period, starts.copy())
            keep[first + 1 : stop] = False
            tokens[first] = names[name]
        tokens, lines = tokens[keep], lines[keep]
        bounds = bounds[np.append(keep, True)]
    return Repeats(bounds.tolist(), inner)


def _tokens(trace: Trace) -> tuple[np.ndarray, np.ndarray]:
    """One number per node, equal for the same operation at the same place; and the line of that place.

    Arguments differ from everything.
    """
    known: dict[object, int] = {}
    places: dict[object, int] = {}
    lines: list[int] = []
    tokens: list[int] = []
    for primitive, (_, _, _, code, offset) in zip(trace.primitives, trace.records, strict=True):
        key = (primitive, id(code), offset)  # the hash of a code object reads all of it
        if key in known:
            tokens.append(known[key])
            continue
        # the interpreter specializes an instruction after some rounds, and then stops at another offset of it
        position = _position(code, offset)
        token = known[key] = places.setdefault((primitive, code, position), len(places))
        if token == len(lines):
            lines.append(position[0] or 0)
        tokens.append(token)
    found = np.array(tokens, dtype=np.int64)
    arguments = np.array(trace.inputs, dtype=np.int64)
    of_lines = np.array([*lines, 0])[found]
    found[arguments] = -1 - arguments
    return found, of_lines


def _position(code: CodeType | None, offset: int) -> tuple[int | None, ...]:
    """Lines and columns of an instruction."""
    return (0,) if code is None else next(islice(code.co_positions(), offset // 2, None), (0, offset))


def _candidates(tokens: np.ndarray) -> list[int]:
    """Periods that some token has in succession often enough, the shortest first."""
    order = np.argsort(tokens, kind="stable")
    same = tokens[order[1:]] == tokens[order[:-1]]
    distances = (order[1:] - order[:-1])[same]
    if not distances.size:
        return []
    often = np.bincount(distances)
    found: list[int] = np.flatnonzero(often >= LEAST - 1).tolist()
    return [period for period in found if 0 < period <= len(tokens) // LEAST]


def _runs(tokens: np.ndarray, lines: np.ndarray, period: int) -> list[tuple[int, int]]:
    """``(first, steps)`` of the stretches that have this period, from left to right, without overlap."""
    equal = tokens[period:] == tokens[:-period]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    long = ends - begins >= period * (LEAST - 1)
    runs: list[tuple[int, int]] = []
    free = 0
    for begin, end in zip(begins[long].tolist(), ends[long].tolist(), strict=True):
        begin = max(begin, free)
        steps, spare = divmod(end + period - begin, period)
        if steps < LEAST:
            continue
        if spare:  # a step may begin at several places: take the first line of the loop's body
            begin += int(lines[begin : begin + spare + 1].argmin())
        runs.append((begin, steps))
        free = begin + steps * period
    return runs
