"""What the benchmarks share: validation before timing, best-of-k timing, aligned tables."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from benchmarks.peers import backend, missing

Size = Literal["tiny", "quick", "full"]  # "tiny" is for the tests: it validates and times nothing long
Answer = tuple[Any, Sequence[Any]]  # a value and one gradient per argument


class WrongAnswerError(Exception):
    """An answer did not pass validation, so timing it would mean nothing."""


# --- timing --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds per call."""

    best: float
    median: float


def timed(
    calls: Mapping[str, Callable[[], Any]], *, rounds: int = 40, sample: float = 0.01, budget: float = 12.0
) -> dict[str, Timing]:
    """Time several calls in interleaved rounds, so that a slow moment of the machine hits all of them.

    Parameters
    ----------
    calls : mapping
        Name to function without arguments.
    rounds : int
        Samples per call. The best one is what the machine can do; the median tells the noise.
    sample : float
        Seconds that one sample lasts about; quick calls are repeated within it. Short samples have a chance to
        pass without an interruption on a busy machine.
    budget : float
        Seconds after which no further round begins, once there have been five.

    Notes
    -----
    Garbage is collected before every round, young garbage before every sample, and the collector stays on
    during it, as in a user's program: a library that makes many objects or reference cycles pays for them.
    """
    repeats = {}
    for name, call in calls.items():
        call()  # caches, lazy imports, first page faults
        start = time.perf_counter()
        call()
        repeats[name] = max(1, int(sample / max(time.perf_counter() - start, 1e-9)))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + budget
    for number in range(rounds):
        if number >= 5 and time.perf_counter() > end:
            break
        gc.collect()
        for name, call in calls.items():
            gc.collect(1)
            count = repeats[name]
            if count > 1:
                call()  # the others and the collector have had the processor's caches
            start = time.perf_counter()
            for _ in range(count):
                call()
            samples[name].append((time.perf_counter() - start) / count)
    return {name: Timing(min(seconds), statistics.median(seconds)) for name, seconds in samples.items()}


def stopwatch(call: Callable[[], Any], rounds: int = 3) -> float:
    """Best seconds of a call that is too long to repeat within a sample."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
        del result
    return best


# --- tables --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Table:
    """Rows under headings, with notes below; ``str()`` aligns it."""

    title: str
    headings: Sequence[str]
    rows: list[Sequence[Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def goal(self, text: str, measured: float, limit: float, unit: str = "") -> None:
        """Note whether a goal of the project is met: ``measured`` at most ``limit``."""
        verdict = "met" if measured <= limit else "MISSED"
        self.notes.append(f"goal: {text} ≤ {limit:g}{unit}: {measured:.3g}{unit}, {verdict}")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "title": self.title,
            "headings": list(self.headings),
            "rows": [list(row) for row in self.rows],
            "notes": self.notes,
        }

    def __str__(self) -> str:
        cells = [list(self.headings), *([_text(x) for x in row] for row in self.rows)]
        widths = [max(len(row[k]) for row in cells) for k in range(len(self.headings))]
        lines = [self.title]
        for row in cells:
            rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append("  ".join(["  " + row[0].ljust(widths[0]), *rest]).rstrip())
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


def _text(x: Any) -> str:
    if x is None:
        return "-"
    if isinstance(x, (float, np.floating)):
        return f"{x:.3g}" if abs(x) < 1000 else f"{x:,.0f}"
    return f"{x:,}" if isinstance(x, int) else str(x)


# --- contests ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Contest:
    """One function, differentiated by everybody.

    Parameters
    ----------
    title : str
    program : callable
        ``program(xp, *arguments, *constants)`` returns a scalar; ``xp`` is the array module to write it with,
        plain ``numpy`` for adjoint.
    arguments : tuple of arrays
        Differentiated.
    constants : tuple
        Not differentiated; arrays are converted to the peers' own.
    peers : sequence of str
        Of those in ``benchmarks.peers``.
    by_hand : callable, optional
        ``by_hand(*arguments, *constants)`` gives the value and the gradients from a derivation on paper.
    operations : int, optional
        Recorded operations, for the time per operation.
    tolerance : float
        Largest relative difference, by the norm, of a gradient to another one's.
    step : float
        Of the central differences; a short one where a function has many kinks.
    """

    title: str
    program: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]
    constants: tuple[Any, ...] = ()
    peers: Sequence[str] = ()
    by_hand: Callable[..., Answer] | None = None
    operations: int | None = None
    tolerance: float = 1e-9
    step: float = 1e-4

    def contestants(self) -> dict[str, tuple[Callable[[], Any], Callable[[Any], Answer]]]:
        """For each one: what is timed, and how its result becomes NumPy arrays."""
        result: dict[str, Any] = {}
        if self.by_hand is not None:
            by_hand, everything = self.by_hand, (*self.arguments, *self.constants)
            result["NumPy by hand"] = (lambda: by_hand(*everything), lambda answer: answer)
        for name in ("adjoint", *self.peers):
            peer = backend(name)
            if peer is not None:
                result[name] = (peer.prepare(self.program, self.arguments, self.constants), peer.to_numpy)
        return result

    def absent(self) -> list[str]:
        """A note for each peer that cannot take part."""
        return [f"{name}: skipped, {missing(name)}" for name in self.peers if backend(name) is None]


def check(contest: Contest, directions: int = 3) -> dict[str, Callable[[], Any]]:
    """Validate every contestant; returns the calls to time.

    The reference is independent of all of them: central differences of the program in plain NumPy and double
    precision, along random directions. On top, all gradients must agree entry by entry with the first one's.
    """
    point = [np.asarray(x, float) for x in contest.arguments]
    function = lambda *xs: float(contest.program(np, *xs, *contest.constants))
    value = function(*point)
    rng = np.random.default_rng(1)
    along = [[rng.choice([-1.0, 1.0], x.shape) for x in point] for _ in range(directions)]
    slopes = [_central_difference(function, point, v, contest.step) for v in along]
    slack = max(contest.tolerance, 1e-6)  # differences are good to about 1e-8
    calls, first = {}, None
    for name, (call, to_numpy) in contest.contestants().items():
        found, gradients = to_numpy(call())
        if not abs(float(found) - value) <= contest.tolerance * max(1.0, abs(value)):
            raise WrongAnswerError(f"{contest.title}: {name}: value {found} instead of {value}")
        for gradient, x in zip(gradients, contest.arguments, strict=True):
            if gradient.shape != x.shape or gradient.dtype != x.dtype:
                raise WrongAnswerError(
                    f"{contest.title}: {name}: gradient {gradient.dtype}{gradient.shape} of {x.dtype}{x.shape}"
                )
        norm = float(np.sqrt(sum(np.sum(np.square(g, dtype=float)) for g in gradients)))
        for direction, slope in zip(along, slopes, strict=True):
            claimed = sum(float(np.sum(g * v)) for g, v in zip(gradients, direction, strict=True))
            if not abs(claimed - slope) <= slack * max(norm, abs(slope)):
                raise WrongAnswerError(f"{contest.title}: {name}: slope {claimed}, by differences {slope}")
        first = first or (name, gradients)
        for number, (g, h) in enumerate(zip(gradients, first[1], strict=True)):
            if not np.linalg.norm(g - h) <= contest.tolerance * max(1e-300, float(np.linalg.norm(h))):
                raise WrongAnswerError(f"{contest.title}: argument {number}: {name} differs from {first[0]}")
        calls[name] = call
    return calls


def _central_difference(
    f: Callable[..., float], point: Sequence[np.ndarray], direction: Sequence[np.ndarray], h: float = 1e-4
) -> float:
    """Fourth-order central difference of ``f`` along a direction."""

    def at(t: float) -> float:
        return f(*[x + t * v for x, v in zip(point, direction, strict=True)])

    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)


def validate_contests(contests: Iterable[Contest], directions: int = 3) -> int:
    """Check the contests and time nothing; how many answers were checked."""
    return sum(len(check(contest, directions)) for contest in contests)


def compare(contest: Contest, size: Size) -> tuple[Table, dict[str, Timing]]:
    """Validate the contestants, then time them; the ratios are to adjoint's best time in this run."""
    calls = check(contest)
    timings = timed(calls, budget=3.0 if size == "quick" else 12.0)
    headings = ["", "best ms", "median ms", "time / adjoint's"]
    if contest.operations:
        headings.append("µs per operation")
    table = Table(contest.title, headings)
    base = timings["adjoint"].best
    for name, timing in timings.items():
        row: list[Any] = [name, 1e3 * timing.best, 1e3 * timing.median, timing.best / base]
        if contest.operations:
            row.append(1e6 * timing.best / contest.operations)
        table.rows.append(row)
    table.notes += contest.absent()
    return table, timings
