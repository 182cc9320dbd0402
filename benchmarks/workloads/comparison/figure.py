"""The ratios as a figure: one line per workload, one mark per strategy."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adjoint.errors import MissingExtraError
from benchmarks.workloads.comparison.phases import BASE, Row
from benchmarks.workloads.comparison.tables import Comparison

# M. Okabe and K. Ito's colors, which are told apart with any color vision; the shape says it a second time.
MARKS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#000000", "x"),
    ("#0072B2", "<"),
    ("#D55E00", ">"),
    ("#009E73", "p"),
    ("#CC79A7", "h"),
    ("#E69F00", "d"),
)
AUTO = {"marker": "o", "s": 150, "facecolors": "none", "edgecolors": "#000000", "linewidths": 1.2}


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


def draw(comparisons: Sequence[Comparison], names: Sequence[str], path: Path) -> None:
    """Write the figure; the format is the suffix of the file."""
    plt = matplotlib_pyplot()
    timed = [each for each in comparisons if any(row.ratio is not None for row in each.rows)]
    strategies = [name for name in names if name not in (BASE, "auto")]
    height = max(0.38, 0.075 * len(strategies))  # of one workload, in inches
    figure, ax = plt.subplots(figsize=(9.5, 1.5 + height * max(1, len(timed))), layout="constrained")
    for position in range(1, len(timed), 2):
        ax.axhspan(position - 0.5, position + 0.5, color="#F3F3F3", zorder=0)
    ax.axvline(1, color="#000000", linewidth=1.2, zorder=2, label=BASE)
    # each strategy has a line of its own in the band of a workload: equal times do not hide each other
    offsets = {name: 0.72 * ((k + 0.5) / len(strategies) - 0.5) for k, name in enumerate(strategies)}
    for number, name in enumerate(strategies):
        color, marker = MARKS[number % len(MARKS)]
        points = [(row.ratio, k + offsets[name]) for k, row in _rows(timed, name)]
        if points:
            edge = {"linewidths": 1.6} if marker == "x" else {"edgecolors": "white", "linewidths": 0.5}
            ax.scatter(*zip(*points, strict=True), s=40, color=color, marker=marker, label=name, zorder=3, **edge)
    points = [(row.ratio, k + offsets.get(row.chosen or "", 0)) for k, row in _rows(timed, "auto")]
    if points:
        ax.scatter(*zip(*points, strict=True), label="auto", zorder=4, **AUTO)
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.5), max(high, 2))
    ax.set_yticks(range(len(timed)), [f"{each.workload}\n{each.problem.title}" for each in timed], fontsize=8)
    ax.set_ylim(len(timed) - 0.5, -0.5)
    ax.xaxis.set_major_formatter(lambda x, _: f"{x:g}×")
    ax.set_xlabel("time of factorize + solve, as a multiple of back substitution's (left of the line: faster)")
    ax.grid(axis="x", color="#D5D5D5", linewidth=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        ax.spines[side].set_visible(False)
    handles, labels = ax.get_legend_handles_labels()
    columns = min(6, len(labels))
    figure.legend(
        _by_lines(handles, columns),
        _by_lines(labels, columns),
        loc="outside upper center",
        ncols=columns,
        frameon=False,
        columnspacing=1.2,
        handletextpad=0.3,
    )
    figure.savefig(path, dpi=160)
    plt.close(figure)


def _rows(comparisons: Sequence[Comparison], name: str) -> list[tuple[int, Row]]:
    """Those of one strategy that have a ratio, with the position of their workload."""
    found = ((k, each.row(name)) for k, each in enumerate(comparisons))
    return [(k, row) for k, row in found if row is not None and row.ratio is not None]


def _by_lines(entries: Sequence[Any], columns: int) -> list[Any]:
    """A legend fills its columns first: reordered, so that it is read line by line."""
    return [entry for column in range(columns) for entry in entries[column::columns]]
