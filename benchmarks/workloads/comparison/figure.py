"""The ratios as a figure: drawn by :func:`adjoint.plot.strategies`, and written to a file here."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adjoint.errors import MissingExtraError
from adjoint.plot.comparison import Measured, strategies
from benchmarks.workloads.comparison.tables import Comparison


def matplotlib_pyplot() -> Any:
    """Without a window.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    """
    try:
        matplotlib = importlib.import_module("matplotlib")
    except ImportError as error:
        raise MissingExtraError("--plot needs matplotlib: pip install 'adjoint[plot]'") from error
    matplotlib.use("Agg")
    return importlib.import_module("matplotlib.pyplot")


def measured(comparisons: Sequence[Comparison]) -> list[Measured]:
    """The rows of all comparisons."""
    return [
        Measured(f"{each.workload}\n{each.problem.title}", row.solver, row.total, row.ratio, row.status, row.chosen)
        for each in comparisons
        for row in each.rows
    ]


def draw(comparisons: Sequence[Comparison], path: Path) -> None:
    """Write the figure; the format is the suffix of the file."""
    plt = matplotlib_pyplot()
    figure = strategies(measured(comparisons)).figure
    figure.savefig(path, dpi=160)
    plt.close(figure)
