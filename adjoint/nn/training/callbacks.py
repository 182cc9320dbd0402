"""What may look on while a model is trained, and stop it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.training.named import hint

HOOKS = ("on_epoch_begin", "on_batch_end", "on_epoch_end")


class StopTraining(Exception):  # noqa: N818  # a request, as StopIteration is, and no error
    """Raised by a callback (or a metric, or the objective) to end the training; :func:`fit` returns as usual."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a training stands, for callbacks.

    Attributes
    ----------
    epoch : int
        From 1.
    batch : int
        Batches of this epoch that are done.
    step : int
        Of all epochs together.
    loss : float
        Of the last batch; NaN before the first.
    parameters, state : pytrees
        Not to be changed in place.
    row : dict
        In ``on_epoch_end``: the row of this epoch in the history. Empty before.
    history : History
    """

    epoch: int
    batch: int
    step: int
    loss: float
    parameters: Any
    state: Any
    row: dict[str, Any]
    history: Any


class Hooks:
    """All callbacks by what they listen to."""

    __slots__ = ("by_name",)

    def __init__(self, callbacks: Any) -> None:
        several: Iterable[Any] = callbacks if isinstance(callbacks, (list, tuple)) else (callbacks,)
        self.by_name: dict[str, list[Callable[[Moment], Any]]] = {name: [] for name in HOOKS}
        for callback in several:
            found = [name for name in HOOKS if callable(getattr(callback, name, None))]
            if not found and not callable(callback):
                raise ArgumentError(
                    f"a callback is a function of the moment, called after each epoch, or has one of the methods "
                    f"{', '.join(HOOKS)}; {type(callback).__name__} has none"
                )
            for name in found:
                self.by_name[name].append(getattr(callback, name))
            if not found:
                self.by_name["on_epoch_end"].append(callback)

    def __call__(self, name: str, moment: Callable[[], Moment]) -> bool:
        """Whether one of them wants to stop; every one is asked."""
        listeners = self.by_name[name]
        if not listeners:
            return False
        now = moment()
        answers = [listener(now) for listener in listeners]
        return any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers)


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop when a number has not become better for a while.

    Parameters
    ----------
    patience : int
        So many epochs without improvement end the training.
    min_delta : float
        What counts as improvement: more than this.
    monitor : str, optional
        A column of the history: ``"validation_loss"`` if there is a validation, else ``"loss"``.
    mode : {"min", "max"}, optional
        Whether less or more is better; less for losses and errors, norms, rates and seconds, more for the rest.
    restore_best : bool
        Whether the parameters that are returned are those of the best epoch.
    """

    patience: int = 5
    min_delta: float = 0.0
    monitor: str | None = None
    mode: str | None = None
    restore_best: bool = True

    def __post_init__(self) -> None:
        patience: Any = self.patience
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
            raise ArgumentError(f"patience is a number of epochs from 1 up, not {patience!r}")
        if not 0 <= self.min_delta < math.inf:
            raise ArgumentError(f"min_delta is a number from 0 up, not {self.min_delta!r}")
        if self.mode not in (None, "min", "max"):
            raise ArgumentError(f"mode is 'min' or 'max', not {self.mode!r}")


LESS_IS_BETTER = ("loss", "error", "norm", "rate", "seconds")


@dataclass(frozen=True, slots=True)
class Monitor:
    """Which number decides what is best, and which way."""

    column: str
    sign: float

    @classmethod
    def of(cls, stopping: EarlyStopping | None, columns: Sequence[str]) -> Monitor:
        """As early stopping says, or the loss; checked against the columns that the history will have."""
        column = stopping.monitor if stopping is not None else None
        if column is None:
            column = "validation_loss" if "validation_loss" in columns else "loss"
        if column not in columns:
            raise ArgumentError(
                f"early stopping cannot monitor {column!r}{hint(column, columns)}; the history will have: "
                f"{', '.join(columns)}"
            )
        mode = stopping.mode if stopping is not None else None
        if mode is None:
            mode = "min" if any(word in column for word in LESS_IS_BETTER) else "max"
        return cls(column, 1.0 if mode == "min" else -1.0)

    def of_row(self, row: dict[str, Any]) -> float:
        """The number with the sign that makes less better; NaN is the worst."""
        return self.key(float(row[self.column]))

    def key(self, value: float) -> float:
        """The same for the number itself."""
        return math.inf if math.isnan(value) else self.sign * value


def early_stopping_of(given: Any) -> EarlyStopping | None:
    """As the user gave it: a value, a patience, or nothing."""
    if given is None or isinstance(given, EarlyStopping):
        return given
    if isinstance(given, int) and not isinstance(given, bool):
        return EarlyStopping(patience=given)
    raise ArgumentError(f"early_stopping is a number of epochs or an EarlyStopping, not {given!r:.60}")
