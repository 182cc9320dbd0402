"""How a training went: the loss of every batch, and a row for every epoch."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Sequence
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.nn.training.named import hint


class History:
    """Numbers of a training.

    Attributes
    ----------
    losses : list of float
        One for each batch: the objective with its penalty, before the step.

    Examples
    --------
    >>> from adjoint import nn
    >>> history = nn.History([0.9, 0.7], [{"epoch": 1, "loss": 0.8, "seconds": 0.1}])
    >>> history["loss"]
    [0.8]
    >>> history.columns
    ['epoch', 'loss', 'seconds']
    """

    __slots__ = ("_rows", "losses")

    def __init__(self, losses: Sequence[float] = (), rows: Sequence[dict[str, Any]] = ()) -> None:
        self.losses = list(losses)
        self._rows = [dict(row) for row in rows]

    def rows(self) -> list[dict[str, Any]]:
        """One dict for each epoch: its number, means over batches, those of the validation, rate, seconds."""
        return [dict(row) for row in self._rows]

    def add(self, row: dict[str, Any]) -> None:
        """One more epoch."""
        self._rows.append(row)

    def cut(self, steps: int, epochs: int) -> None:
        """Forget what came after so many batches and epochs."""
        del self.losses[steps:]
        del self._rows[epochs:]

    @property
    def columns(self) -> list[str]:
        """The names in the rows."""
        return list(dict.fromkeys(name for row in self._rows for name in row))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, column: str) -> list[Any]:
        """A column of all epochs; NaN for those that did not have it (validation was added or left out on resuming)."""
        if self._rows and column not in self.columns:
            raise ArgumentError(
                f"the history has no column {column!r}{hint(column, self.columns)}; it has: {', '.join(self.columns)}"
            )
        return [row.get(column, math.nan) for row in self._rows]

    def to_dict(self) -> dict[str, Any]:
        """``{"losses": …, "epochs": rows}``: plain numbers, for JSON."""
        return {"losses": list(self.losses), "epochs": self.rows()}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict())

    def plot(self, *columns: str, ax: Any = None) -> Any:
        """Draw columns by epochs: by default the losses, or those of the batches while no epoch is complete.

        Parameters
        ----------
        *columns : str
            Of :attr:`columns`; ``"losses"`` for the batches.
        ax : matplotlib Axes, optional

        Returns
        -------
        Axes
        """
        # by name: pictures stand on the same floor as networks, and are loaded when one is wanted
        convergence = importlib.import_module("adjoint.plot.histories").convergence
        if not columns:
            columns = tuple(name for name in self.columns if name.endswith("loss")) or ("losses",)
        lines = {name.replace("_", " "): self.losses if name == "losses" else self[name] for name in columns}
        drawn = convergence(lines, ax=ax)
        drawn.set_xlabel("batch" if columns == ("losses",) else "epoch")
        return drawn

    def __repr__(self) -> str:
        if not self._rows:
            return f"<history: {len(self.losses)} batches, no epoch complete>"
        last = ", ".join(f"{name} {_shown(value)}" for name, value in self._rows[-1].items() if name != "epoch")
        return f"<history: {len(self._rows)} epochs, {len(self.losses)} batches; at the end {last}>"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
