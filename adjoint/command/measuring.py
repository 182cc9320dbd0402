"""Every strategy on one system: does it take it, is its answer right, and the seconds of each phase."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from adjoint.errors import AdjointError, AssemblyTooLargeError, MissingExtraError, NotAcceptedError, SolverError
from adjoint.system import ConstraintSystem, Multipliers, get

BASE = "back_substitution"
HOPELESS = 20
"""A strategy that predicts more than so many times the limit is not run: a prediction may be off, but not that far."""
CERTIFIED = 20_000_000
"""Multiplications up to which an answer gets its certificate: they are done in extended precision."""


class StoppedError(Exception):
    """A run took longer than it may."""


@dataclass(slots=True, eq=False)
class Row:
    """What is known of one strategy; seconds, and ``None`` where nothing was measured.

    Attributes
    ----------
    status : str
        ``"ok"``, ``"not accepted"``, ``"not installed"``, ``"gave up"``, ``"stopped"``, ``"wrong"`` or ``"error"``.
    remark : str
        Why it is not ok.
    chosen : str or None
        What ``auto`` took.
    analyze, factorize, solve : float
        Best of all runs: the plan from the structure, a factor of the linearized system, a solve with it.
    total : float
        Best of factorize and solve together.
    predicted : float
        What the strategy expected for that.
    ratio : float
        ``total`` over that of back substitution.
    error : float
        The certificate: the componentwise backward error of all multipliers.
    runs : int
    """

    solver: str
    status: str = "ok"
    remark: str = ""
    chosen: str | None = None
    analyze: float | None = None
    factorize: float | None = None
    solve: float | None = None
    total: float | None = None
    predicted: float | None = None
    ratio: float | None = None
    error: float | None = None
    runs: int = 0

    @property
    def failed(self) -> bool:
        """Whether the exit status has to tell."""
        return self.status in ("wrong", "error")


@dataclass(slots=True, eq=False)
class Comparison:
    """All strategies on one program.

    Attributes
    ----------
    title : str
    right_hand_sides : int
    facts : dict
        ``nodes``, ``unknowns``, ``nonzeros`` and ``levels`` of the system.
    rows : list of Row
    """

    title: str
    right_hand_sides: int
    facts: dict[str, int]
    rows: list[Row]

    @property
    def failed(self) -> bool:
        """Whether an answer was wrong, or a strategy broke."""
        return any(row.failed for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON, in the form that ``adjoint.plot.strategies`` reads; infinity and NaN, which JSON lacks, as text."""
        rows = [{key: _json_number(value) for key, value in asdict(row).items()} for row in self.rows]
        facts = {"right_hand_sides": self.right_hand_sides, **self.facts}
        return {"comparisons": [{"workload": self.title, **facts, "rows": rows}]}


def _json_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def seeds(system: ConstraintSystem, count: int) -> Any:
    """Right-hand sides like the output: random ones, the same at every call; for one the sum of all entries."""
    rng = np.random.default_rng(0)
    leaves = []
    for out in system.trace.outputs:
        value = np.asarray(out[0] if isinstance(out, tuple) else system.value(out))
        if value.dtype.kind not in "fc":
            value = value.astype(float)
        drawn = np.ones(value.shape) if count == 1 else rng.standard_normal((count, *value.shape))
        leaves.append(drawn.astype(value.dtype))
    return system.trace.output_spec.unflatten(leaves)


def compare(
    title: str,
    system: ConstraintSystem,
    names: Sequence[str],
    *,
    right_hand_sides: int = 1,
    repeat: int = 5,
    limit: float = 10.0,
    began: Callable[[str], None] = lambda name: None,
) -> Comparison:
    """Validate every strategy against back substitution, and time those that are right.

    Parameters
    ----------
    title : str
    system : ConstraintSystem
    names : sequence of str
        Strategies beside back substitution, which comes first.
    right_hand_sides, repeat : int
    limit : float
        Seconds: a strategy whose first run takes longer is stopped, and none is repeated for longer.
    began : callable
        Told the name of each strategy before its turn.
    """
    rows, batch = system.seed_rows(seeds(system, right_hand_sides))
    contest = _Contest(system, rows, batch, right_hand_sides, limit)
    structure = system.structure
    facts = {
        "nodes": structure.nodes,
        "unknowns": structure.unknowns,
        "nonzeros": structure.matrix_nonzeros,
        "levels": structure.depth,
    }
    strategies = [_Strategy(name, contest) for name in dict.fromkeys((BASE, *names))]
    for each in strategies:
        began(each.row.solver)
        each.validate()
    for _ in range(repeat - 1):  # in rounds: what else the machine does hits all alike
        for each in strategies:
            each.run_again()
    found = [each.row for each in strategies]
    base = found[0].total
    for row in found:
        if base and row.total is not None:
            row.ratio = row.total / base
    return Comparison(title, right_hand_sides, facts, found)


@dataclass(slots=True, eq=False)
class _Contest:
    """One system and its right-hand sides: the same for all strategies."""

    system: ConstraintSystem
    rows: Any
    batch: tuple[int, ...]
    count: int
    limit: float
    reference: Sequence[Any] | None = None

    def moved(self) -> ConstraintSystem:
        """The same point in a system that nobody has factorized: each strategy pays for what a system makes once."""
        trace = self.system.trace
        spec, _ = trace.argument_spec
        try:
            return self.system.relinearize(*spec.unflatten([trace.values[k] for k in trace.inputs]))
        except AdjointError:
            return self.system.twin()

    def certificate(self, answer: Sequence[Any]) -> float:
        """The componentwise backward error of all multipliers."""
        return float(Multipliers(self.system, answer, self.rows, self.batch).certificate())

    def difference(self, answer: Sequence[Any]) -> str:
        """How an answer differs from back substitution's beyond rounding; empty if it does not."""
        if self.reference is None:
            self.reference = answer
            return ""
        worst, where = 0.0, 0  # in multiples of the square root of rounding
        for k, (mine, other) in enumerate(zip(answer, self.reference, strict=True)):
            if not self.system.is_active(k):
                continue
            value = self.system.value(k)
            zero = np.zeros((*self.batch, *np.shape(value)))
            x, y = (zero if one is None else np.asarray(one) for one in (mine, other))
            if x.shape != y.shape:
                return f"λ_{k + 1} has shape {x.shape} and not {y.shape}"
            off = _relative(x, y) / _tolerance(value)
            if off > worst:
                worst, where = off, k
        if worst <= 1:
            return ""
        tolerance = _tolerance(self.system.value(where))
        if self.certificate(answer) <= tolerance:
            return ""  # far apart where much cancels, but it solves the system: the question is ill-conditioned
        far = f"{worst * tolerance:.1e}"
        return f"λ_{where + 1} differs from that of {BASE} by {far}, relative to its largest entry"


def _tolerance(value: Any) -> float:
    return math.sqrt(np.finfo(value.dtype).eps)


def _relative(x: np.ndarray, y: np.ndarray) -> float:
    """The largest difference over the largest entry of ``y``; infinite where only one of them is NaN."""
    with np.errstate(all="ignore"):
        off = np.where((x == y) | (np.isnan(x) & np.isnan(y)), 0, np.abs(x - y))
        scale = np.max(np.abs(y), initial=0.0, where=np.isfinite(y))
        relative = float(np.max(off, initial=0.0) / max(scale, np.finfo(y.dtype).tiny))
    return math.inf if math.isnan(relative) else relative


class _Strategy:
    """One strategy, from its first run to its last."""

    def __init__(self, name: str, contest: _Contest) -> None:
        self.row, self.contest = Row(name), contest
        self.solver: Any = None
        self.spent = 0.0

    def validate(self) -> None:
        """The first run, if there is hope that it ends, and the check of its answer."""
        row, contest = self.row, self.contest
        with _told(row, contest.limit):
            self.solver = get(row.solver)
            predict = getattr(self.solver, "predict", None)
            if predict is not None:
                row.predicted = float(predict(contest.system.structure, contest.count).seconds)
                if row.predicted > HOPELESS * contest.limit:
                    row.status, row.remark = "stopped", f"not run: it expects {row.predicted:,.0f} s (--limit)"
                    return
            with stopped_after(contest.limit):
                answer = self._run()
            wrong = contest.difference(answer)
            if wrong:
                row.status, row.remark = "wrong", wrong
            elif contest.count * int(contest.system.structure.flops.sum()) <= CERTIFIED:
                row.error = contest.certificate(answer)
        if row.status != "ok":
            row.analyze = row.factorize = row.solve = row.total = None

    def run_again(self) -> None:
        """Once more, unless the limit is spent."""
        if self.row.status == "ok" and self.spent < self.contest.limit:
            with _told(self.row, self.contest.limit):
                self._run()

    def _run(self) -> Sequence[Any]:
        """Analyze, factorize and solve; the multipliers of all nodes, each read."""
        row, contest, clock = self.row, self.contest, time.perf_counter
        fresh, moved = contest.system.trace.compile(), contest.moved()
        start = clock()
        plan = self.solver.analyze(fresh)
        planned = clock()
        factor = plan.factorize(moved)
        made = clock()
        found = factor.solve(contest.rows)
        answer = [found[k] for k in range(len(moved))]  # some solutions are split into arrays when they are read
        solved = clock()
        row.analyze = min(row.analyze or math.inf, planned - start)
        row.factorize = min(row.factorize or math.inf, made - planned)
        row.solve = min(row.solve or math.inf, solved - made)
        row.total = min(row.total or math.inf, solved - planned)
        row.runs += 1
        self.spent += solved - start
        chosen = getattr(plan, "chosen", None)
        row.chosen = chosen if isinstance(chosen, str) else None
        return answer


@contextmanager
def _told(row: Row, limit: float) -> Iterator[None]:
    """What a strategy raises is told in its row, and the others go on."""
    try:
        yield
    except StoppedError:
        row.status, row.remark = "stopped", f"no answer after {limit:g} s (--limit)"
    except MissingExtraError as error:
        row.status, row.remark = "not installed", _plain(error, row.solver)
    except (NotAcceptedError, AssemblyTooLargeError) as error:
        row.status, row.remark = "not accepted", _plain(error, row.solver)
    except SolverError as error:
        row.status, row.remark = "gave up", _plain(error, row.solver)
    except MemoryError:
        row.status, row.remark = "gave up", "out of memory"
    except Exception as error:  # a strategy that is broken
        row.status, row.remark = "error", f"{type(error).__name__}: {_plain(error, row.solver)}"


def _plain(error: BaseException, name: str) -> str:
    """A message on one line, without the strategy's own name in front: it stands before it in the table."""
    text = " ".join(str(error).split()).split(". ")[0]
    return text.removeprefix(f"'{name}' ").removesuffix(".") or type(error).__name__


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
