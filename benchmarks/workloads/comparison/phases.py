"""One strategy on one problem: accepted or not, right or wrong, and the seconds of each phase."""

from __future__ import annotations

import gc
import math
import re
import signal
import threading
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from adjoint import solvers
from adjoint.errors import AssemblyTooLargeError, MissingExtraError, NotAcceptedError, SolverError
from adjoint.system import Multipliers
from benchmarks.harness import Size, WrongAnswerError, timed
from benchmarks.workloads.comparison.checking import Setting
from benchmarks.workloads.workload import Problem

BASE = "back_substitution"
DENSE_LIMIT = 4_000  # unknowns up to which 'dense' takes part
MAX_BYTES = 2 << 30  # that an assembly may take
SLOW = 0.5  # seconds of a run: beyond, a strategy is timed by a few runs of its own
STOPPED = 3  # times the limit: a first run that takes longer is stopped
HOPELESS = (
    50  # times the limit: a strategy that predicts more is not run; its prediction may be a bound that is far off
)
CERTIFIED = 300_000  # multipliers up to which the backward error is computed
CERTIFIED_FLOPS = 10_000_000  # and multiplications: they are done in extended precision


@dataclass(slots=True, eq=False)
class Row:
    """What is known of a strategy on a problem. Seconds, bytes; ``None`` where it was not measured.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"not accepted"``, ``"not installed"``, ``"gave up"``, ``"stopped"``, ``"wrong"`` or ``"error"``.
    remark : str
        Why it is not ok, or how it was timed.
    analyze, factorize, solve, again : float
        Best seconds: the plan from the structure; a factor at a new point with that plan; its first and second solve.
    total : float
        Best seconds of factorize and solve together.
    first : float
        Seconds of the very first analyze, factorize and solve.
    predicted : float
        What ``predict`` says of factorize and solve.
    ratio : float
        ``total`` over that of back substitution.
    """

    solver: str
    status: str = "ok"
    remark: str = ""
    chosen: str | None = None
    analyze: float | None = None
    factorize: float | None = None
    solve: float | None = None
    again: float | None = None
    total: float | None = None
    first: float | None = None
    predicted: float | None = None
    peak: int | None = None
    fill_in: int | None = None
    error: float | None = None
    ratio: float | None = None

    @property
    def failed(self) -> bool:
        """Whether the exit status has to tell."""
        return self.status in ("wrong", "error")

    @property
    def name(self) -> str:
        """With the strategy that ``auto`` chose."""
        return self.solver if self.chosen is None else f"{self.solver} → {self.chosen}"


class StoppedError(Exception):
    """A run took longer than it may."""


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise :class:`StoppedError` in the body after so long; without effect off the main thread and on Windows."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise StoppedError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def strategy(name: str) -> Any:
    """The solver by name, with its memory limited if it has an option for that."""
    solver = solvers.get(name)
    if is_dataclass(solver) and any(field.name == "max_bytes" for field in fields(solver)):
        return replace(solver, max_bytes=MAX_BYTES)  # type: ignore[type-var]
    return solver


def first_clause(error: BaseException) -> str:
    """A reason up to its first comma, colon or full stop."""
    return re.split(r"[,;:.](?:\s|$)|\n", str(error), maxsplit=1)[0]


class Contestant:
    """A strategy on a problem, from its first run to its timings."""

    def __init__(self, name: str, setting: Setting, limit: float) -> None:
        self.row = Row(name)
        self.setting = setting
        self.limit = limit
        self.samples: list[tuple[float, float, float]] = []
        self.relinearize = math.inf  # seconds, the same for all strategies
        self.plan: Any = None
        self.solver: Any = None

    def run(self, reference: Sequence[np.ndarray] | None, whose: str) -> list[np.ndarray] | None:
        """Solve once and check the answer; returns it if it is right. The row tells what happened."""
        row, n = self.row, self.setting.system.shape[0]
        if row.solver == "dense" and n > DENSE_LIMIT:
            row.status, row.remark = "not tried", f"{n:,} unknowns, 'dense' is tried up to {DENSE_LIMIT:,}"
            return None
        answer = None
        try:
            self.solver = strategy(row.solver)
            self._predict()
            if row.predicted is not None and row.predicted > HOPELESS * self.limit:
                row.status, row.remark = "stopped", f"not run: predicts {row.predicted:,.0f} s"
                return None
            with stopped_after(STOPPED * self.limit):
                answer = self._first_run()
            self.setting.check(answer[0], reference, whose)
            self.setting.check(answer[1], answer[0], "the first solve with the same factor")
            return answer[0]
        except StoppedError:
            row.status, row.remark = "stopped", f"no answer after {STOPPED * self.limit:g} s"
        except WrongAnswerError as error:
            row.status, row.remark = "wrong", str(error)
        except MissingExtraError as error:
            row.status, row.remark = "not installed", first_clause(error)
        except (NotAcceptedError, AssemblyTooLargeError) as error:
            row.status, row.remark = "not accepted", first_clause(error)
        except SolverError as error:
            row.status, row.remark = "gave up", f"{type(error).__name__}: {first_clause(error)}"
        except Exception as error:  # of a strategy that is broken: told, and the others go on
            row.status, row.remark = "error", f"{type(error).__name__}: {first_clause(error)}"
        return None

    def _predict(self) -> None:
        predict = getattr(self.solver, "predict", None)
        if predict is not None:
            system, problem = self.setting.system, self.setting.problem
            prediction = predict(system.structure, max(1, problem.right_hand_sides))
            self.row.predicted, self.row.fill_in = float(prediction.seconds), int(prediction.fill_in)

    def _first_run(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        row, setting, clock = self.row, self.setting, time.perf_counter
        fresh = setting.trace.compile()
        start = clock()
        self.plan = self.solver.analyze(fresh)
        planned = clock()
        factor = self.plan.factorize(setting.system)
        made = clock()
        found = setting.answer(factor.solve(setting.rows, setting.keep))
        solved = clock()
        second = setting.answer(factor.solve(setting.rows, setting.keep))
        self.samples.append((made - planned, solved - made, clock() - solved))
        row.analyze, row.first = planned - start, solved - start
        chosen = getattr(self.plan, "chosen", None)
        row.chosen = chosen if chosen is None or isinstance(chosen, str) else str(chosen)
        for holder in (factor, self.plan):
            told = getattr(holder, "fill_in", None)
            if isinstance(told, (int, np.integer)):
                row.fill_in = int(told)
                break
        return found, second

    # --- measuring -------------------------------------------------------------------------------

    @property
    def slow(self) -> bool:
        """Too long for rounds with the others; judged without what only a first run does (imports, compilation)."""
        return sum(self.samples[-1]) > SLOW

    @property
    def slowest(self) -> bool:
        """Too long to be run again; what was seen counts, not what was predicted."""
        return (self.row.first or 0.0) > self.limit

    def cycle(self) -> None:
        """A factor at a point just moved to, a solve, a second solve; their seconds are noted."""
        setting, clock = self.setting, time.perf_counter
        with _told(self.row):
            begin = clock()
            moved = setting.moved_again()  # what a system makes once for all strategies, each of them pays for
            start = clock()
            factor = self.plan.factorize(moved)
            made = clock()
            _read(factor.solve(setting.rows, setting.keep), setting.keep)
            solved = clock()
            _read(factor.solve(setting.rows, setting.keep), setting.keep)
            self.samples.append((made - start, solved - made, clock() - solved))
            self.relinearize = min(self.relinearize, start - begin)

    def analyze_again(self, times: int) -> None:
        """The best of some analyses, each of a system compiled anew."""
        for _ in range(times):
            fresh = self.setting.trace.compile()
            start = time.perf_counter()
            self.solver.analyze(fresh)
            self.row.analyze = min(self.row.analyze or np.inf, time.perf_counter() - start)

    def settle(self) -> None:
        """The best of the samples."""
        row = self.row
        row.factorize, row.solve, row.again = (min(column) for column in zip(*self.samples, strict=True))
        row.total = min(factorize + solve for factorize, solve, _ in self.samples)

    def measure_memory(self) -> None:
        """The peak of factorize and solve, by a run that is not timed: watching every allocation is slow."""
        setting = self.setting
        tracemalloc.start()
        try:
            factor = self.plan.factorize(setting.system)
            factor.solve(setting.rows, setting.keep)
            self.row.peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def measure_error(self) -> None:
        """The componentwise backward error of all multipliers; skipped for systems that are large."""
        setting = self.setting
        m = max(1, setting.problem.right_hand_sides)
        structure = setting.system.structure
        if m * structure.unknowns <= CERTIFIED and m * int(structure.flops.sum()) <= CERTIFIED_FLOPS:
            found = self.plan.factorize(setting.system).solve(setting.rows)
            self.row.error = Multipliers(setting.system, found, setting.rows, setting.batch).certificate()


def warm_up(names: Sequence[str], problems: Sequence[Problem], limit: float) -> None:
    """Import and compile what the strategies need, and take it from the garbage collector.

    A full collection scans all that was ever imported: without this, everybody would pay for everybody's imports.
    """
    for problem in problems:
        setting = Setting.of(problem)
        for name in names:
            Contestant(name, setting, limit).run(None, "")
    gc.collect()
    gc.freeze()


def measure(contestants: Sequence[Contestant], size: Size) -> None:
    """Time those whose answers are right, in rounds; the slow ones by themselves, the slowest only once."""
    for each in _unbroken(contestants):
        if not each.slowest:
            each.cycle()
    fast = [each for each in _unbroken(contestants) if not each.slow]
    slow = [each for each in _unbroken(contestants) if each.slow]
    for each in slow:
        if not each.slowest:
            each.cycle()
        if each.row.status == "ok":
            each.row.remark = "1 run" if each.slowest else f"{len(each.samples)} runs"
    if size != "tiny" and fast:
        for each in fast:
            each.samples.clear()
            each.analyze_again(3)
        timed({each.row.solver: each.cycle for each in fast}, budget=3.0 if size == "quick" else 8.0)
    for each in _unbroken(contestants):
        each.settle()
        if each.row.total is not None and each.row.total <= each.limit / 4:
            with _told(each.row):
                each.measure_memory()
                each.measure_error()


def _unbroken(contestants: Sequence[Contestant]) -> list[Contestant]:
    return [each for each in contestants if each.row.status == "ok"]


def _read(found: Any, keep: Sequence[int]) -> None:
    """Some solutions are split into arrays when they are read."""
    for k in keep:
        found[k]


@contextmanager
def _told(row: Row) -> Iterator[None]:
    """What breaks only now is told in the row."""
    try:
        yield
    except Exception as error:
        row.status, row.remark = "error", f"{type(error).__name__}: {first_clause(error)}"
