"""A problem ready to be solved at a second linearization point, and the check of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import adjoint
from benchmarks.harness import WrongAnswerError, _central_difference
from benchmarks.workloads.workload import Problem

DIRECTIONS = 2
MOVE = 1e-3  # relative distance of the second point
SLACK = 1e-6  # of finite differences, which are good to about 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """What every strategy gets.

    Attributes
    ----------
    trace : Trace
        Recorded at the problem's arguments; plans are made from a system compiled from it.
    system : ConstraintSystem
        The same structure at arguments nearby: it is factorized with that plan, and its answer is checked and timed.
    rows, batch
        The right-hand sides as a factor takes them, and their leading axes.
    keep : list of int
        The arguments, as for a gradient.
    point : list of array
        The arguments of ``system``.
    directions, slopes : lists
        Random directions in the space of the arguments; the derivative of ``seed · program`` along each, by central
        differences of the plain NumPy program. One number per right-hand side.
    """

    problem: Problem
    trace: Any
    system: Any
    rows: Any
    batch: tuple[int, ...]
    keep: list[int]
    point: list[np.ndarray]
    directions: list[list[np.ndarray]]
    slopes: list[np.ndarray]

    @classmethod
    def of(cls, problem: Problem) -> Setting:
        """Record, move, and difference the program."""
        rng = np.random.default_rng(1)
        trace = adjoint.trace(problem.traced, *problem.arguments)
        point = [x * (1 + MOVE * rng.uniform(-1, 1, x.shape)) for x in problem.arguments]
        system = trace.compile().relinearize(*point)
        value = np.asarray(problem.plain(*point))
        if not np.allclose(value, system.output, rtol=1e-10, atol=0):
            raise WrongAnswerError("the recorded program gives another value than the program in plain NumPy")
        m = problem.right_hand_sides
        seeds = rng.standard_normal((m, *value.shape)) if m else np.ones(())
        rows, batch = system.seed_rows(seeds if m else None)
        directions = [[rng.choice([-1.0, 1.0], x.shape) for x in point] for _ in range(DIRECTIONS)]
        function = lambda *xs: np.asarray(problem.plain(*xs))
        slopes = [np.tensordot(seeds, _central_difference(function, point, v), value.ndim) for v in directions]
        return cls(problem, trace, system, rows, batch, list(trace.inputs), point, directions, slopes)

    def moved_again(self) -> Any:
        """The same point in a system that nobody has factorized yet."""
        return self.system.relinearize(*self.point)

    def answer(self, found: Sequence[Any], batch: tuple[int, ...] | None = None) -> list[np.ndarray]:
        """The multipliers of the arguments; structural zeros as zeros."""
        axes = self.batch if batch is None else batch
        entries = [(found[k], x) for k, x in zip(self.keep, self.point, strict=True)]
        return [np.zeros(axes + x.shape) if entry is None else np.asarray(entry) for entry, x in entries]

    def check(self, answer: Sequence[np.ndarray], reference: Sequence[np.ndarray] | None, whose: str) -> None:
        """Raise unless an answer agrees with finite differences, and entry by entry with a reference."""
        for g, x in zip(answer, self.point, strict=True):
            if g.shape != (*self.batch, *x.shape) or g.dtype != x.dtype:
                raise WrongAnswerError(f"{g.dtype}{g.shape} where {x.dtype}{(*self.batch, *x.shape)} is due")
        flat = [g.reshape(*self.batch, -1) for g in answer]
        norm = np.sqrt(sum(np.sum(g * g, axis=-1) for g in flat))
        for direction, slope in zip(self.directions, self.slopes, strict=True):
            claimed = sum(g @ v.reshape(-1) for g, v in zip(flat, direction, strict=True))
            off = np.abs(claimed - slope) / np.maximum(np.maximum(norm, np.abs(slope)), 1e-300)
            if not np.all(off <= SLACK):
                worst = np.argmax(np.where(np.isnan(off), np.inf, off))
                values = f"{np.ravel(claimed)[worst]:.6g}, by finite differences {np.ravel(slope)[worst]:.6g}"
                raise WrongAnswerError(f"its slope along a random direction is {values}")
        for number, (g, h) in enumerate(zip(answer, reference or (), strict=False)):
            if not np.linalg.norm(g - h) <= self.problem.tolerance * max(1e-300, float(np.linalg.norm(h))):
                raise WrongAnswerError(f"argument {number + 1} differs from the answer of {whose}")
