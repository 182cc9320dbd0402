"""The planner: ask every strategy what it would cost, take the cheapest, and say why."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from typing import Any

from adjoint.errors import AssemblyTooLargeError, MissingExtraError, NotAcceptedError, SolverError
from adjoint.system import ConstraintSystem, Factor, Plan, Prediction, Structure, available, get, options
from adjoint.system.assembly import format_bytes
from adjoint.system.solving import DEFAULT

WIDTH = 120
"""Columns of a printed explanation; longer refusals are cut at a word."""

HEAD_START = 0.9
"""A strategy has to be expected at this fraction of the default's time, or less, to be preferred to it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one strategy said: a prediction, or why it does not take the system (without its name in front)."""

    name: str
    prediction: Prediction | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The choice of ``auto`` for one structure; it prints as a table with the reason below.

    Attributes
    ----------
    chosen : str
        The name of the strategy.
    candidates : tuple of Candidate
        In the order of their expected times; those that refuse come last.
    right_hand_sides : int
    """

    chosen: str
    candidates: tuple[Candidate, ...]
    right_hand_sides: int
    summary: str = field(repr=False)

    @property
    def reason(self) -> str:
        """Why this one, in a sentence."""
        accepted = [one for one in self.candidates if one.prediction is not None]
        by_name = {one.name: one.prediction for one in accepted}
        best = by_name[self.chosen]
        if best is None or len(accepted) == 1:
            return f"'{self.chosen}' is the only strategy that takes this system."
        rest = [one for one in accepted if one.name != self.chosen]
        if self.chosen == DEFAULT:
            fastest = min(rest, key=_seconds)
            return (
                f"'{DEFAULT}' needs no matrix and no factor, and no other strategy is expected to be clearly faster: "
                f"the next is '{fastest.name}' at {_ratio(fastest.prediction, best)} its time."
            )
        default = by_name.get(DEFAULT)
        against = f"{_ratio(best, default)} the time of '{DEFAULT}'" if default else f"'{DEFAULT}' does not take it"
        return f"'{self.chosen}' is expected to take the least time, {against}, with {_why(best, default)}."

    def __str__(self) -> str:
        heading = ["strategy", "expected", "multiplications", "memory", "steps", "fill-in"]
        rows = [heading]
        for one in self.candidates:
            p = one.prediction
            mark = "→ " if one.name == self.chosen else "  "
            if p is None:
                rows.append([mark + one.name, one.refusal])
                continue
            work = p.factor_multiplications + p.solve_multiplications
            numbers = [_time(p.seconds), f"{work:,}", format_bytes(p.memory), f"{p.depth:,}", f"{p.fill_in:,}"]
            rows.append([mark + one.name, *numbers])
        widths = [max(len(row[j]) for row in rows if len(row) == len(heading)) for j in range(len(heading))]
        widths[0] = max(len(row[0]) for row in rows)
        lines = [self.summary]
        for row in rows:
            if len(row) == 2:
                room = WIDTH - widths[0] - len("  not accepted: ")
                row[1] = "not accepted: " + textwrap.shorten(row[1], room, break_on_hyphens=False, placeholder=" …")
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=False)]
            name = ("  " + row[0] if row is heading else row[0]).ljust(widths[0])
            lines.append("  ".join([name, *(cells if len(row) == len(heading) else row[1:])]).rstrip())
        return "\n".join([*lines, self.reason])


def _seconds(candidate: Candidate) -> float:
    return float("inf") if candidate.prediction is None else candidate.prediction.seconds


def _ratio(one: Prediction | None, other: Prediction | None) -> str:
    if one is None or other is None:
        return "?"
    return f"{one.seconds / max(other.seconds, 1e-12):.2g} ×"


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _why(best: Prediction, default: Prediction | None) -> str:
    if default is None:
        return f"{best.depth:,} steps one after the other"
    work = best.factor_multiplications + best.solve_multiplications
    base = default.factor_multiplications + default.solve_multiplications
    if best.depth < default.depth:
        return f"{best.depth:,} steps one after the other in place of {default.depth:,}"
    if work < base:
        return f"{work:,} multiplications in place of {base:,}"
    return f"{best.memory:,} bytes of factor that are read in long runs"


@dataclass(frozen=True, slots=True)
class Auto:
    """Predict time, multiplications, memory, depth and fill-in of every strategy, and take the cheapest.

    The decision list:

    1. Every registered strategy with a ``predict`` is asked, from the structure alone. Those that do not take the
       system, and those that would not fit in memory, are out.
    2. The least expected time of one factorization and ``right_hand_sides`` solves wins, but ``back_substitution`` is
       kept unless another one is expected to be at least a tenth faster: it needs no matrix and no memory.
    3. If the chosen strategy refuses the system after all (a prediction knows shapes only), that is an error. Nothing
       else is tried behind your back.

    Parameters
    ----------
    right_hand_sides : int, default 1
        How many seeds or tangents one factorization will serve.
    candidates : tuple of str, optional
        The strategies to choose from; all by default.
    """

    right_hand_sides: int = 1
    candidates: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        options.count("Auto", "right_hand_sides", self.right_hand_sides)
        if self.candidates is not None:
            object.__setattr__(self, "candidates", options.names("Auto", "candidates", self.candidates))  # hashable

    def analyze(self, system: ConstraintSystem) -> AutoPlan:
        """Choose, and let the chosen strategy analyze."""
        explanation = self.explain(system.structure)
        return AutoPlan(explanation, get(explanation.chosen).analyze(system))

    def explain(self, structure: Structure) -> Explanation:
        """The choice and its reasons, without solving anything."""
        names = [name for name in available() if name != "auto"] if self.candidates is None else self.candidates
        found = [candidate for candidate in (self._asked(name, structure) for name in names) if candidate is not None]
        accepted = [one for one in found if one.prediction is not None]
        if not accepted:
            reasons = "\n".join(f"  {one.name}: {one.refusal}" for one in found)
            raise NotAcceptedError(f"'auto' found no strategy that takes this system:\n{reasons}")
        best = min(accepted, key=_seconds)
        default = next((one for one in accepted if one.name == DEFAULT), None)
        if default is not None and _seconds(best) > HEAD_START * _seconds(default):
            best = default
        return Explanation(
            best.name, tuple(sorted(found, key=_seconds)), self.right_hand_sides, self._summary(structure)
        )

    def _asked(self, name: str, structure: Structure) -> Candidate | None:
        try:
            solver = get(name)
        except ImportError as error:  # an installed package's entry point that does not import
            return None if self.candidates is None else Candidate(name, None, str(error))
        predict: Any = getattr(solver, "predict", None)
        if predict is None:
            return None
        try:
            return Candidate(name, predict(structure, self.right_hand_sides))
        except (NotAcceptedError, AssemblyTooLargeError, MissingExtraError) as error:
            return Candidate(name, None, _first_sentence(error, name))

    def _summary(self, s: Structure) -> str:
        several = f"{self.right_hand_sides:,} right-hand side{'s' if self.right_hand_sides != 1 else ''}"
        return (
            f"A is {s.unknowns:,} × {s.unknowns:,} with {s.matrix_nonzeros:,} nonzeros: {s.nodes:,} constraints on "
            f"{s.depth:,} levels, {len(s.implicit):,} of them implicit; {several}"
        )


def _first_sentence(error: SolverError | AssemblyTooLargeError, name: str) -> str:
    """Without the strategy's own name in front: it stands before it wherever it is shown."""
    text = " ".join(str(error).split()).split(". ")[0]
    return text.removeprefix(f"'{name}' ").removesuffix(".")


@dataclass(frozen=True, slots=True, eq=False)
class AutoPlan:
    """The plan of the strategy that was chosen.

    Attributes
    ----------
    explanation : Explanation
    plan : Plan
    """

    explanation: Explanation
    plan: Plan

    @property
    def chosen(self) -> str:
        """The name of the strategy."""
        return self.explanation.chosen

    def factorize(self, system: ConstraintSystem) -> Factor:
        """As the chosen strategy does."""
        return self.plan.factorize(system)
