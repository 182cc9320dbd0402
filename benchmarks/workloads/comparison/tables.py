"""The tables: one per problem, and what they say together."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.harness import Size, Table, WrongAnswerError, timed
from benchmarks.workloads import many_outputs
from benchmarks.workloads.comparison.checking import Setting
from benchmarks.workloads.comparison.phases import BASE, SLOW, Contestant, Row, measure
from benchmarks.workloads.workload import Problem

HEADINGS = (
    "ms",
    "analyze",
    "factorize",
    "solve",
    "second",
    "predicted",
    "peak MiB",
    "fill-in",
    "error",
    "ratio",
    "remark",
)


@dataclass(slots=True, eq=False)
class Comparison:
    """All strategies on one problem."""

    workload: str
    problem: Problem
    facts: dict[str, Any]
    rows: list[Row]
    wrong: str = ""  # of the workload itself, before any strategy was asked

    @property
    def title(self) -> str:
        """The size, what is asked, and what ``A`` is."""
        if not self.facts:
            return f"{self.workload}: {self.problem.title}; {self.problem.asked}"
        f = self.facts
        matrix = f"A: {f['nodes']:,} nodes, N = {f['unknowns']:,}, {f['nonzeros']:,} nonzeros, {f['levels']:,} levels"
        again = f"; re-linearized in {1e3 * f['relinearize']:.3g} ms" if f.get("relinearize") else ""
        return f"{self.workload}: {self.problem.title}; {self.problem.asked}\n  {matrix}{again}"

    @property
    def failed(self) -> bool:
        """Whether an answer was wrong, or a strategy broke."""
        return bool(self.wrong) or any(row.failed for row in self.rows)

    def row(self, solver: str) -> Row | None:
        """By name; only of a strategy that was timed."""
        return next((row for row in self.rows if row.solver == solver and row.total is not None), None)

    def auto(self) -> str | None:
        """What ``auto`` chose, beside the best of the others."""
        chosen = self.row("auto")
        others = [row for row in self.rows if row.total is not None and row.solver != "auto"]
        if chosen is None or not others:
            return None
        best = min(others, key=lambda row: row.total or np.inf)
        ratio = (chosen.total or 0.0) / (best.total or np.inf)
        return f"auto chose {chosen.chosen or '?'}: {ratio:.2f} × the best strategy, {best.solver}"

    def table(self) -> Table:
        """For printing."""
        table = Table(self.title, HEADINGS)
        for row in self.rows:
            seconds = (row.analyze, row.factorize, row.solve, row.again, row.predicted)
            known = [None if row.total is None or s is None else 1e3 * s for s in seconds]
            peak = None if row.peak is None else row.peak / 2**20
            fill_in = None if row.total is None else row.fill_in
            table.rows.append((row.name, *known, peak, fill_in, row.error, row.ratio, _remark(row)))
        if self.wrong:
            table.notes.append(f"WRONG ANSWER, not timed: {self.wrong}")
        auto = self.auto()
        if auto:
            table.notes.append(auto)
        return left_aligned(table)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "workload": self.workload,
            "size": self.problem.title,
            "asked": self.problem.asked,
            "right_hand_sides": max(1, self.problem.right_hand_sides),
            "wrong": self.wrong,
            **self.facts,
            "rows": [{**asdict(row), "second_over_first": second_over_first(row)} for row in self.rows],
            "auto": self.auto(),
        }


def left_aligned(table: Table) -> Table:
    """Pad the last column: words stand on the left."""
    cells = [table.headings[-1], *(row[-1] for row in table.rows)]
    width = max(map(len, cells))
    table.headings = (*table.headings[:-1], table.headings[-1].ljust(width))
    table.rows = [(*row[:-1], row[-1].ljust(width)) for row in table.rows]
    return table


def _remark(row: Row) -> str:
    if row.status == "ok":
        return row.remark
    status = "WRONG ANSWER, not timed" if row.status == "wrong" else row.status
    return f"{status}: {row.remark}"


def compare(workload: str, problem: Problem, names: Sequence[str], size: Size, limit: float) -> Comparison:
    """Validate all strategies on a problem, then time those that are right.

    The reference is ``dense`` where it fits, else back substitution; both, and everybody else, have to agree with
    finite differences too.
    """
    try:
        setting = Setting.of(problem)
    except WrongAnswerError as error:
        return Comparison(workload, problem, {}, [], str(error))
    structure = setting.system.structure
    facts: dict[str, Any] = {
        "nodes": structure.nodes,
        "unknowns": structure.unknowns,
        "nonzeros": structure.matrix_nonzeros,
        "levels": structure.depth,
    }
    contestants = {name: Contestant(name, setting, limit) for name in names}
    reference, whose = contestants["dense"].run(None, "") if "dense" in names else None, "dense"
    if BASE in names:
        found = contestants[BASE].run(reference, whose)
        if reference is None:
            reference, whose = found, BASE
    for name, contestant in contestants.items():
        if name not in ("dense", BASE):
            contestant.run(reference, whose)
    measure(list(contestants.values()), size)
    seconds = min(each.relinearize for each in contestants.values())
    facts["relinearize"] = seconds if np.isfinite(seconds) else None
    comparison = Comparison(workload, problem, facts, [each.row for each in contestants.values()])
    base = comparison.row(BASE)
    for row in comparison.rows:
        if base is not None and base.total and row.total is not None:
            row.ratio = row.total / base.total
    return comparison


def second_over_first(row: Row) -> float | None:
    """A solve with a kept factor, over factorize and the first solve."""
    return None if row.total is None or row.again is None else row.again / row.total


def matrix(comparisons: Sequence[Comparison], names: Sequence[str], title: str, value: Any) -> Table:
    """Workloads × strategies: one number of each row."""
    table = Table(title, ("", *names))
    for comparison in comparisons:
        rows = [comparison.row(name) for name in names]
        label = f"{comparison.workload}: {comparison.problem.title}"
        table.rows.append((label, *(None if row is None else value(row) for row in rows)))
    return table


def summaries(comparisons: Sequence[Comparison], names: Sequence[str]) -> Iterator[Table]:
    """The ratios, the second solves, and the choices of ``auto``, over all workloads."""
    yield matrix(comparisons, names, "factorize + solve / back substitution's", lambda row: row.ratio)
    yield matrix(comparisons, names, "second solve with a factor / factorize + first solve", second_over_first)
    autos = [(comparison, comparison.auto()) for comparison in comparisons]
    if any(text for _, text in autos):
        table = Table("auto", ("", ""))
        table.rows += [(f"{each.workload}: {each.problem.title}", text) for each, text in autos if text]
        yield left_aligned(table)


@dataclass(slots=True, eq=False)
class ManyRightHandSides:
    """All right-hand sides in one solve, against one solve for each, with a factor that is already there."""

    table: Table
    failed: bool = False

    @classmethod
    def of(cls, m: int, names: Sequence[str], size: Size, limit: float) -> ManyRightHandSides:
        """Back substitution first: the others are compared with it."""
        setting = Setting.of(many_outputs.problem(size, m))
        headings = ("ms", "factorize", "at once", f"{m} solves", "gain", "gain on back substitution", "remark")
        result = cls(Table(f"many right-hand sides: {setting.problem.title}; the factor is kept", headings))
        seeds = [[(k, s[j]) for k, s in setting.rows] for j in range(m)]
        reference: list[np.ndarray] | None = None
        base: float | None = None
        for name in dict.fromkeys((BASE, *names)):
            contestant = Contestant(name, setting, limit)
            answer = contestant.run(reference, BASE)
            best = None if answer is None else _best_at_once(contestant, seeds, answer, size)
            reference = reference or answer
            if best is None:
                result.failed |= contestant.row.failed
                result.table.rows.append((name, *[None] * 5, _remark(contestant.row)))
                continue
            base = best[2] if name == BASE else base
            gains = best[2] / best[1], None if base is None else base / best[1]
            result.table.rows.append((contestant.row.name, *(1e3 * s for s in best), *gains, _remark(contestant.row)))
        left_aligned(result.table)
        return result


def _best_at_once(
    contestant: Contestant, seeds: list[Any], answer: Sequence[np.ndarray], size: Size
) -> tuple[float, float, float] | None:
    """Best seconds of factorize, of one solve with all seeds, and of all solves with one; ``None`` if they differ."""
    setting, plan, row = contestant.setting, contestant.plan, contestant.row
    factor = plan.factorize(setting.system)
    one_by_one = lambda: [setting.answer(factor.solve(rows, setting.keep), ()) for rows in seeds]
    start = time.perf_counter()
    separately = one_by_one()
    took = time.perf_counter() - start
    try:
        setting.check([np.stack(parts) for parts in zip(*separately, strict=True)], answer, "the common solve")
    except WrongAnswerError as error:
        row.status, row.remark = "wrong", str(error)
        return None
    calls = {
        "factorize": lambda: plan.factorize(setting.system),
        "at once": lambda: setting.answer(factor.solve(setting.rows, setting.keep)),
    }
    if took <= SLOW:
        calls["one by one"] = one_by_one
    else:
        row.remark = "solves one by one: 1 run"
    rounds, sample = {"tiny": (1, 0.0), "quick": (10, 0.01), "full": (40, 0.01)}[size]
    best = {key: timing.best for key, timing in timed(calls, rounds=rounds, sample=sample, budget=2.0).items()}
    return best["factorize"], best["at once"], best.get("one by one", took)
