"""A contest with everybody in it: who takes part and how, the first call apart, and the goals against each."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.harness import Answer, Contest, Size, Table, Timing
from benchmarks.peers import backend, missing

EAGER = ("torch", "autograd")
PEERS = ("torch", "jax", "autograd")
SLOW = 5.0
"""Seconds: a longer call is timed once, since rounds of it would take minutes."""


@dataclass(frozen=True, slots=True)
class Match:
    """A :class:`~benchmarks.harness.Contest`, and what differs from peer to peer.

    Parameters
    ----------
    contest : Contest
        Its ``peers`` take part.
    variants : mapping of str to callable
        The program in a peer's own words, where the common one is not what its users would write.
    reasons : mapping of str to str
        Why a peer does not take part.
    others : mapping of str to (str, callable)
        More contestants: a peer and a program in its words, by the name of the row.
    ahead_of_jax : bool
        Whether the project means to be ahead of JAX here (``d ≥ 32`` or ``n ≥ 10⁵``).
    limits : mapping of tuple of str to float, optional
        The goals, where they are others than to be ahead of the eager peers: adjoint's time, over that of the fastest
        of some peers.
    """

    contest: Contest
    variants: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, tuple[str, Callable[..., Any]]] = field(default_factory=dict)
    ahead_of_jax: bool = False
    limits: Mapping[tuple[str, ...], float] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Recorded and compiled once; stands in for its contest in :func:`benchmarks.harness.check`."""

    title: str
    program: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]
    constants: tuple[Any, ...]
    tolerance: float
    step: float
    calls: Mapping[str, tuple[Callable[[], Any], Callable[[Any], Answer]]]
    first: Mapping[str, float]

    def contestants(self) -> Mapping[str, tuple[Callable[[], Any], Callable[[Any], Answer]]]:
        """As :meth:`benchmarks.harness.Contest.contestants`."""
        return self.calls


def warm_up(names: Iterable[str]) -> None:
    """Imports and start-up of the libraries are not part of anybody's first call."""
    for name in names:
        found = backend(name)
        if found is not None:
            found.prepare(lambda xp, x: xp.sum(x * x), (np.ones(2),), ())()


def prepare(match: Match) -> Prepared:
    """Let everybody make the first call, with the clock running: recording, compiling, one evaluation."""
    contest = match.contest
    names = ("adjoint", *contest.peers)
    warm_up(names)
    calls: dict[str, Any] = {}
    first: dict[str, float] = {}
    if contest.by_hand is not None:
        calls.update(replace(contest, peers=()).contestants())
        del calls["adjoint"]
    programs = {name: (name, match.variants.get(name, contest.program)) for name in names}
    for name, (library, program) in (programs | dict(match.others)).items():
        peer = backend(library)
        if peer is None:
            continue
        gc.collect()
        start = time.perf_counter()
        call = peer.prepare(program, contest.arguments, contest.constants)
        call()
        first[name] = time.perf_counter() - start
        calls[name] = call, peer.to_numpy
    return Prepared(
        contest.title,
        contest.program,
        contest.arguments,
        contest.constants,
        contest.tolerance,
        contest.step,
        calls,
        first,
    )


def absences(match: Match) -> list[str]:
    """A note for everybody who does not take part."""
    gone = [f"{name}: skipped, {missing(name)}" for name in match.contest.peers if backend(name) is None]
    return gone + [f"{name}: skipped, {reason}" for name, reason in match.reasons.items()]


def behind(timings: Mapping[str, Timing], ours: str) -> list[str]:
    """A note that names every peer who is ahead of ``ours``, whether that is a goal or not."""
    limit = timings[ours].best
    own = ("adjoint", "NumPy by hand")  # how the rows of this project begin
    ahead = {name: limit / t.best for name, t in timings.items() if t.best < limit and not name.startswith(own)}
    return [f"behind: {', '.join(f'{name} {ratio:.3g} ×' for name, ratio in ahead.items())}"] if ahead else []


def compare(match: Match, size: Size) -> Table:
    """Validate, time in interleaved rounds, and say which goals are met."""
    ready = prepare(match)
    calls = harness.check(ready)
    alone = {name: harness.stopwatch(call, 1) for name, call in calls.items()}
    budget = {"tiny": 0.0, "quick": 3.0, "full": 12.0}[size]
    quick = {name: call for name, call in calls.items() if alone[name] < SLOW}
    timings = harness.timed(quick, rounds=1 if size == "tiny" else 40, budget=budget)
    timings |= {name: Timing(seconds, seconds) for name, seconds in alone.items() if name not in quick}
    table = Table(ready.title, ("", "best ms", "median ms", "time / adjoint's", "first call ms"))
    ours = timings["adjoint"].best
    for name, timing in timings.items():
        first = 1e3 * ready.first[name] if name in ready.first else None
        table.rows.append((name, 1e3 * timing.best, 1e3 * timing.median, timing.best / ours, first))
    table.notes += [f"{name}: called once, outside the rounds" for name in calls if name not in quick]
    table.notes += [*behind(timings, "adjoint"), *absences(match)]
    limits = match.limits
    if limits is None:
        goals = [name for name in match.contest.peers if name in EAGER or (name == "jax" and match.ahead_of_jax)]
        limits = {(name,): 1.0 for name in goals}
    goals_of(table, limits, timings)
    if "jax" in match.contest.peers:
        goal_against(table, "first call, adjoint / jax", ready.first["adjoint"], ready.first.get("jax"), 1.0)
    return table


def best(timings: Mapping[str, Timing], name: str) -> float | None:
    """The best time of a contestant, if it took part."""
    return timings[name].best if name in timings else None


def goals_of(table: Table, limits: Mapping[tuple[str, ...], float], timings: Mapping[str, Timing]) -> None:
    """The goals of a match, each against the fastest of some peers."""
    for names, limit in limits.items():
        theirs = [timings[name].best for name in names if name in timings]
        goal_against(
            table, f"adjoint / {' or '.join(names)}", timings["adjoint"].best, min(theirs, default=None), limit
        )


def goal_against(
    table: Table, text: str, ours: float | None, theirs: float | None, limit: float, absent: str = "adjoint plan"
) -> None:
    """A goal on a ratio, or a note that it could not be measured."""
    if ours is None or theirs is None:
        table.notes.append(f"goal: {text} ≤ {limit:g}: not measured, {absent if ours is None else 'a peer'} is absent")
    else:
        table.goal(text, ours / theirs, limit)


def measure(matches: Iterable[Match], size: Size) -> Iterator[Table]:
    """One table per match."""
    for match in matches:
        yield compare(match, size)


def validate(matches: Iterable[Match], directions: int = 3) -> int:
    """Check all answers; how many there were."""
    return sum(len(harness.check(prepare(match), directions)) for match in matches)
