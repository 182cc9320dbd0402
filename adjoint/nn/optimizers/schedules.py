"""Learning rates that change with the step: functions ``step → rate``, steps counted from 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from adjoint.errors import ArgumentError

Schedule = Callable[[int], float]


@dataclass(frozen=True, slots=True)
class Constant:
    """The same rate at every step."""

    rate: float

    def __call__(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True, slots=True)
class ExponentialDecay:
    """``rate · decay^(step / every)``; in steps of ``every`` if ``staircase``."""

    rate: float
    decay: float
    every: int = 1
    staircase: bool = False

    def __post_init__(self) -> None:
        _positive("ExponentialDecay", "every", self.every)

    def __call__(self, step: int) -> float:
        power = step // self.every if self.staircase else step / self.every
        return float(self.rate * self.decay**power)


@dataclass(frozen=True, slots=True)
class CosineDecay:
    """From ``rate`` to ``final`` along half a cosine in ``steps`` steps, and ``final`` from there on.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation 5.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _positive("CosineDecay", "steps", self.steps)

    def __call__(self, step: int) -> float:
        part = min(1.0, step / self.steps)
        return self.final + (self.rate - self.final) * 0.5 * (1 + math.cos(math.pi * part))


@dataclass(frozen=True, slots=True)
class Piecewise:
    """``rates[k]`` from step ``boundaries[k - 1]`` on, before ``boundaries[k]``."""

    boundaries: Sequence[int]
    rates: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.rates) != len(self.boundaries) + 1:
            raise ArgumentError(
                f"{len(self.boundaries)} boundaries separate {len(self.boundaries) + 1} rates, "
                f"not the {len(self.rates)} that were given"
            )

    def __call__(self, step: int) -> float:
        return self.rates[sum(step >= boundary for boundary in self.boundaries)]


@dataclass(frozen=True, slots=True)
class Warmup:
    """Linearly from 0 to the rate of another schedule in ``steps`` steps; then that schedule from its beginning."""

    steps: int
    then: float | Schedule

    def __post_init__(self) -> None:
        _positive("Warmup", "steps", self.steps)
        as_schedule(self.then)

    def __call__(self, step: int) -> float:
        then = as_schedule(self.then)
        if step < self.steps:
            return then(0) * (step + 1) / self.steps
        return then(step - self.steps)


def as_schedule(rate: float | Schedule) -> Schedule:
    """A number as a schedule; schedules as they are.

    Raises
    ------
    ArgumentError
        For a negative rate, or what is neither a number nor callable.
    """
    if callable(rate):
        return rate
    try:
        good = 0 <= rate < math.inf
    except TypeError:
        good = False
    if not good:
        raise ArgumentError(f"a learning rate is a number from 0 up, or a function step → rate, not {rate!r}")
    return Constant(float(rate))


def _positive(kind: str, name: str, count: int) -> None:
    if not count > 0:
        raise ArgumentError(f"{kind}: {name} must be a positive number, not {count!r}")
