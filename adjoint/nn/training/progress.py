"""How far a training is: a bar where there is a terminal to draw it in, else one line for each epoch, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any

from adjoint.errors import ArgumentError

EVERY = 0.1
"""Seconds between two looks of the bar."""

HIDDEN = ("epoch", "seconds", "learning_rate", "gradient_norm")


class Silence:
    """No progress."""

    __slots__ = ()

    def batch(self, epoch: int, loss: float) -> None:
        """After a batch."""

    def epoch(self, row: dict[str, Any]) -> None:
        """After an epoch."""

    def close(self) -> None:
        """At the end, whatever ended it."""


class Lines(Silence):
    """One line for each epoch: what it found, and the time that the others will take."""

    __slots__ = ("epochs", "stream")

    def __init__(self, stream: Any, epochs: int) -> None:
        self.stream = stream
        self.epochs = epochs

    def epoch(self, row: dict[str, Any]) -> None:
        left = (self.epochs - row["epoch"]) * row["seconds"]
        words = [f"epoch {row['epoch']}/{self.epochs}", shown(row), f"{row['seconds']:.2g} s"]
        if left:
            words.append(f"about {left:.2g} s left")
        self.stream.write("  ".join(words) + "\n")
        self.stream.flush()


class Bar(Silence):
    """tqdm's bar over the batches of all epochs."""

    __slots__ = ("bar", "epochs", "last", "pending", "seen")

    def __init__(self, tqdm: Any, epochs: int, batches: int | None, done: int) -> None:
        total = None if batches is None else batches * epochs
        self.bar = tqdm(total=total, initial=done, unit="batch", dynamic_ncols=True, mininterval=0, file=sys.stderr)
        self.epochs = epochs
        self.last = 0.0
        self.pending = 0
        self.seen = ""

    def batch(self, epoch: int, loss: float) -> None:
        self.pending += 1
        now = time.monotonic()
        if now - self.last < EVERY:
            return
        self.last = now
        self.bar.set_description_str(f"epoch {epoch}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(f"batch loss {loss:.4g}{self.seen}", refresh=False)
        self._advance()

    def epoch(self, row: dict[str, Any]) -> None:
        self.seen = f", epoch {row['epoch']}: {shown(row)}"
        self.bar.set_description_str(f"epoch {row['epoch']}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(shown(row), refresh=False)
        self._advance()

    def close(self) -> None:
        self._advance()
        self.bar.close()

    def _advance(self) -> None:
        self.bar.update(self.pending)
        self.pending = 0


def shown(row: dict[str, Any]) -> str:
    """What a training is watched for, in short."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.items() if name not in HIDDEN)


def progress_of(given: Any, epochs: int, batches: int | None, done: int) -> Silence:
    """As the user asked: None is a bar or lines in a terminal, True lines everywhere else too, a stream lines there."""
    if given is False:
        return Silence()
    if given is not None and given is not True:
        if not hasattr(given, "write"):
            raise ArgumentError(f"progress is True, False, None or a text stream, not {given!r:.60}")
        return Lines(given, epochs)
    terminal = sys.stderr is not None and sys.stderr.isatty()
    if terminal:
        try:
            from tqdm import tqdm  # optional
        except ImportError:
            return Lines(sys.stderr, epochs)
        return Bar(tqdm, epochs, batches, done)
    return Lines(sys.stderr, epochs) if given else Silence()
