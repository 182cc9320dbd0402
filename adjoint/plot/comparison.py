"""Strategies on workloads: who is faster than back substitution, and by how much."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.canvas import drawing, matplotlib
from adjoint.plot.colors import Theme, luminance
from adjoint.plot.labelling import drawable, short, significant, size_in_inches

BASE = "back_substitution"
SATURATED = 100.0
"""Ratios beyond it, and below its inverse, all have the same color."""

TIE = 1.05
"""Times that are so close to the fastest are fastest too: timing them again may turn them round."""

_SHORT = {"not accepted": "–", "not tried": "–", "not installed": "absent", "gave up": "gave up", "stopped": "slow"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One strategy on one workload.

    Attributes
    ----------
    workload : str
        With its size, if there are several: what tells it from the others.
    strategy : str
    seconds : float or None
        Of factorize and solve; ``None`` if they were not measured.
    ratio : float or None
        Seconds over those of back substitution.
    status : str
        ``"ok"``, or why there is no time: ``"not accepted"``, ``"not tried"``, ``"not installed"``, ``"gave up"``,
        ``"stopped"``, ``"wrong"``, ``"error"``.
    chosen : str or None
        What the strategy ``auto`` took.
    """

    workload: str
    strategy: str
    seconds: float | None = None
    ratio: float | None = None
    status: str = "ok"
    chosen: str | None = None


def measured(results: Any) -> list[Measured]:
    """Rows from all that :func:`strategies` takes.

    Raises
    ------
    PlotError
        If there are none, or they are not understood.
    """
    if isinstance(results, (str, PathLike)):
        results = _read(Path(results))
    if isinstance(results, Mapping):
        if not isinstance(results.get("comparisons"), Sequence):
            raise PlotError(
                "strategies draws what benchmarks/compare_solvers.py writes with --json: a mapping with 'comparisons', "
                f"not one with {', '.join(map(repr, list(results)[:6])) or 'nothing'}"
            )
        results = [row for each in results["comparisons"] for row in _compared(each)]
    if not isinstance(results, Sequence) or not all(isinstance(row, (Measured, Mapping)) for row in results):
        raise PlotError(
            "strategies draws a path, the loaded JSON, or a list of mappings like "
            f"{{'workload': 'rnn', 'strategy': 'dense', 'seconds': 0.1}}, not {_came(results)}"
        )
    rows = [row if isinstance(row, Measured) else _row(row) for row in results]
    bases = {row.workload: row.seconds for row in rows if row.strategy == BASE and row.seconds}
    rows = [_with_ratio(row, bases.get(row.workload)) for row in rows]
    if not any(row.ratio is not None for row in rows):
        raise PlotError(
            f"strategies has no ratio to draw: give 'ratio', or 'seconds' for '{BASE}' and others on the same workload"
        )
    return rows


def _came(results: Any) -> str:
    """What was given: its type, and of a list that of the first thing in it that is no result."""
    name = type(results).__name__
    if not isinstance(results, Sequence) or isinstance(results, (str, bytes)):
        return name
    wrong = next((row for row in results if not isinstance(row, (Measured, Mapping))), None)
    return f"a {name} with {type(wrong).__name__} {wrong!r:.40}"


def _compared(each: Any) -> list[dict[str, Any]]:
    """The rows of one of the ``"comparisons"``."""
    named = isinstance(each, Mapping) and isinstance(each.get("workload"), str)
    rows = each.get("rows") if named else None
    if not isinstance(rows, Sequence) or not all(isinstance(row, Mapping) for row in rows):
        raise PlotError(
            "each of 'comparisons' has to be a mapping with 'workload' (a name) and 'rows' (a list of mappings), not "
            f"{each!r:.60}"
        )
    return [{**row, "workload": f"{each['workload']}\n{each.get('size', '')}".strip()} for row in rows]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlotError(f"strategies cannot read {str(path)!r}: {error.strerror or error}") from error
    except ValueError as error:
        raise PlotError(f"{str(path)!r} is not JSON, which compare_solvers.py --json writes: {error}") from error


def _row(row: Mapping[str, Any]) -> Measured:
    strategy, workload = row.get("strategy", row.get("solver")), row.get("workload")
    if not isinstance(strategy, str) or not isinstance(workload, str):
        raise PlotError(f"a result needs 'workload' and 'strategy' (names), not {dict(row)!r:.120}")
    seconds, ratio = row.get("seconds", row.get("total")), row.get("ratio")
    for name, number in (("seconds", seconds), ("ratio", ratio)):
        if number is not None and not (isinstance(number, (int, float)) and number > 0 and math.isfinite(number)):
            raise PlotError(
                f"{name!r} of {strategy} on {workload!r:.60} has to be a positive number, not {number!r:.40}"
            )
    chosen = row.get("chosen")
    return Measured(
        workload, strategy, seconds, ratio, str(row.get("status", "ok")), chosen if isinstance(chosen, str) else None
    )


def _with_ratio(row: Measured, base: float | None) -> Measured:
    if row.ratio is not None or row.seconds is None or base is None:
        return row
    return Measured(row.workload, row.strategy, row.seconds, row.seconds / base, row.status, row.chosen)


def size_of(rows: Sequence[Measured]) -> tuple[float, float]:
    """The figure, in inches, on which every cell has room for its number."""
    strategies_, workloads = _names(rows)
    return 2.6 + 0.82 * len(strategies_), 1.35 + 0.36 * len(workloads)


def strategies(results: Any, *, ax: Any = None, theme: str | None = None) -> Any:
    """Draw a table of times: workloads by strategies, each as a multiple of back substitution's.

    Parameters
    ----------
    results : path, mapping, or sequence
        What ``benchmarks/compare_solvers.py --json FILE`` writes (the file, or its content), or rows of your own:
        mappings with ``"workload"``, ``"strategy"`` and ``"seconds"`` (or ``"ratio"``), optionally ``"status"`` and
        ``"chosen"``; or :class:`Measured`.
    ax : matplotlib Axes, optional
        By default on a figure that is large enough for all cells.
    theme : {"light", "dark"}, optional

    Returns
    -------
    Axes

    Raises
    ------
    PlotError
        If the results are not understood, or there is no ratio among them.
    MissingExtraError
        Without matplotlib.

    Notes
    -----
    Blue cells are faster than back substitution, orange ones slower; colors are logarithmic, and even out beyond a
    factor of 100. The fastest strategy of a workload is bold, and so are those within 5 % of it; the one that ``auto``
    chose has a frame; the column of back substitution says the time itself. A dash: the strategy does not accept the
    workload, or was not tried; ``slow``: it was stopped.

    Examples
    --------
    >>> import adjoint.plot
    >>> rows = [
    ...     {"workload": "chain", "strategy": "back_substitution", "seconds": 0.10},
    ...     {"workload": "chain", "strategy": "parallel_scan", "seconds": 0.02},
    ... ]
    >>> ax = adjoint.plot.strategies(rows)  # doctest: +SKIP
    """
    rows = measured(results)
    with drawing(ax, size_of(rows), theme) as (ax, colors):
        _draw(ax, colors, rows)
    return ax


def _names(rows: Sequence[Measured]) -> tuple[list[str], list[str]]:
    """Columns and lines: back substitution first and ``auto`` last; workloads without a time are left out."""
    names = list(dict.fromkeys(row.strategy for row in rows))
    names.sort(key=lambda name: (name != BASE, name == "auto"))
    workloads = list(dict.fromkeys(row.workload for row in rows if row.ratio is not None))
    return names, workloads


def _draw(ax: Any, theme: Theme, rows: Sequence[Measured]) -> None:
    names, workloads = _names(rows)
    column, line = {name: k for k, name in enumerate(names)}, {name: k for k, name in enumerate(workloads)}
    ratios = np.full((len(workloads), len(names)), np.nan)
    for row in rows:
        if row.ratio is not None:
            ratios[line[row.workload], column[row.strategy]] = row.ratio
    colormap = matplotlib().colors.LinearSegmentedColormap.from_list(
        "ratio", [theme.color("diagonal"), theme.band, theme.color("gather")]
    )
    ax.grid(visible=False)  # whatever rcParams say
    mesh = ax.pcolormesh(
        np.arange(len(names) + 1) - 0.5,
        np.arange(len(workloads) + 1) - 0.5,
        np.ma.masked_invalid(np.log10(ratios)),
        cmap=colormap,
        vmin=-math.log10(SATURATED),
        vmax=math.log10(SATURATED),
        edgecolors=theme.ground,
        linewidth=1.5,
        label="ratios",
    )
    width, height = size_in_inches(ax)
    size = min(8.5, 72 * width / len(names) / 4.2, 72 * height / len(workloads) / 1.7)
    best = np.nanmin(ratios, axis=1)
    for row in rows:
        if row.workload not in line:
            continue
        x, y = column[row.strategy], line[row.workload]
        if row.ratio is None:
            why = drawable(_why(row))
            ax.text(x, y, why, ha="center", va="center", fontsize=0.85 * size, color=theme.ink, alpha=0.65)
            continue
        text = _time(row.seconds) if row.strategy == BASE and row.seconds is not None else f"{significant(row.ratio)}×"
        is_best = row.ratio <= TIE * best[y]
        ground = matplotlib().colors.to_rgb(mesh.cmap(mesh.norm(math.log10(row.ratio))))
        ink = "#000000" if luminance(ground) > 0.45 else "#FFFFFF"
        ax.text(
            x, y, text, ha="center", va="center", fontsize=size, color=ink, fontweight="bold" if is_best else "normal"
        )
        if row.strategy == "auto" and row.chosen in column:
            frame = matplotlib().patches.Rectangle(
                (column[row.chosen] - 0.46, y - 0.43), 0.92, 0.86, fill=False, edgecolor=theme.ink, linewidth=1.3
            )
            frame.set_label(f"_auto chose {row.chosen}")
            ax.add_patch(frame)
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_ylim(len(workloads) - 0.5, -0.5)
    label = min(8.0, 1.1 * size)
    texts = ["\n".join(map(drawable, name.split("_"))) for name in names]
    longest = max(len(part) for text in texts for part in text.split("\n"))
    if 0.58 * label * longest > 72 * width / len(names):  # side by side they would run into each other
        ax.set_xticks(range(len(names)), list(map(drawable, names)), fontsize=label, color=theme.ink, rotation=90)
    else:
        ax.set_xticks(range(len(names)), texts, fontsize=label, color=theme.ink)
    lines = ["\n".join(drawable(short(part, 46)) for part in name.split("\n")) for name in workloads]
    ax.set_yticks(range(len(workloads)), lines, fontsize=0.85 * label, color=theme.ink)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    told = "time of factorize + solve ÷ back substitution's: blue is faster, orange slower"
    if any(row.strategy == "auto" and row.chosen in column for row in rows):
        told += "\nbold: the fastest · frame: chosen by auto"
    else:
        told += " · bold: the fastest"
    ax.set_xlabel(told, fontsize=0.9 * label, color=theme.ink)


def _why(row: Measured) -> str:
    return "–" if row.status == "ok" else _SHORT.get(row.status, row.status)


def _time(seconds: float) -> str:
    """``9.5 ms`` and the like."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if seconds * factor >= 1:
            return f"{significant(seconds * factor)} {unit}"
    return f"{significant(seconds * 1e9)} ns"
