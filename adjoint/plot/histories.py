"""How an iteration, a training or a series went: one line for each history, named where it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.canvas import drawing
from adjoint.plot.colors import Theme
from adjoint.plot.labelling import (
    MARKERS,
    SERIES,
    drawable,
    font_size,
    frame,
    log_ticks,
    power_of_ten,
    series_color,
    short,
    size_in_inches,
    spread,
    whole_numbers,
)
from adjoint.solvers.krylov import KrylovFactor, Report
from adjoint.solvers.neumann import Neumann, NeumannFactor
from adjoint.system import Multipliers, Tangents
from adjoint.tracing import concrete

MOST = 24
"""Lines that a chart can tell apart."""

POINTS = 2_000
"""Points of a line; of more, each stretch shows its smallest and its largest."""

GAP = 7
"""Points between the end of a line and its name."""

PRODUCTS = 300_000
"""Products with a block that the terms of a series may take: some seconds."""

LINEAR = 1e300
"""Magnitudes that a linear axis holds."""

LONG = 32
"""Letters of a name."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One line.

    Attributes
    ----------
    name : str
    values : float array (steps,)
        May hold NaN and infinity.
    steps : int array (steps,)
        Where they stand, counted from ``start``.
    known : str
        ``"all"``, or ``"ends"`` where only the first value and the last are known.
    """

    name: str
    values: np.ndarray
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0))
    known: str = "all"


def histories_of(history: Any) -> tuple[list[History], str, str]:
    """All lines, what stands along the axis, and what upward."""
    if isinstance(history, NeumannFactor):
        raise PlotError(
            "the terms of a Neumann series depend on the right-hand side: convergence(multipliers) with what "
            "system.solve(seed) returned, or convergence(factor.term_norms(rows))"
        )
    if isinstance(history, (Multipliers, Tangents)):
        return _terms(history)
    if isinstance(history, KrylovFactor):
        history = history.reports
        if not history:
            raise PlotError(
                "the Krylov factor has no report: solve with it first, on a system that has an implicit constraint"
            )
    if isinstance(history, Report):
        history = (history,)
    if isinstance(history, (tuple, list)) and history and all(isinstance(each, Report) for each in history):
        lines = [_reported(report) for report in history]
        return lines, "products with the block", "relative residual"
    if isinstance(history, Mapping):
        lines = [line for name, each in history.items() for line in _lines(str(name), each)]
    else:
        lines = _lines("", history)
    if not lines:
        raise PlotError("convergence has nothing to draw: the mapping is empty")
    return lines, "step", ""


def _terms(solution: Multipliers | Tangents) -> tuple[list[History], str, str]:
    structure = solution.system.structure
    most = max(1, PRODUCTS // max(1, len(structure.children)))
    factor = solution.system.factorize(Neumann(terms=min(most, structure.depth + 1)))
    norms = factor.term_norms(solution.rows, tangent=isinstance(solution, Tangents))  # type: ignore[attr-defined]  # a NeumannFactor
    if not len(norms):
        raise PlotError("convergence has nothing to draw: the right-hand side is empty, and so is the Neumann series")
    columns = norms.reshape(len(norms), -1).T
    names = [""] if len(columns) == 1 else [f"right-hand side {k + 1}" for k in range(len(columns))]
    lines = [_line(name, column, 0) for name, column in zip(names, columns, strict=True)]
    part = f", the first {most:,} of {structure.depth:,}" if most < structure.depth else ""
    return lines, f"blocks of a path{part}", "norm of the term"


def _reported(report: Report) -> History:
    """A report knows where the iterations began (zero: the residual is the right-hand side) and ended."""
    name = f"z_{report.node} {report.operation}" + ("" if report.converged else ", not converged")
    return History(name, np.array([1.0, report.residual]), np.array([0.0, report.iterations]), "ends")


def _lines(name: str, values: Any) -> list[History]:
    """One line, or one for each column of an array of two axes (steps, lines)."""
    if isinstance(values, (str, bytes, Mapping, Set)):  # iterable, but no sequence of numbers
        raise PlotError(_unknown(name, values))
    try:
        array = np.asarray(values if isinstance(values, np.ndarray) else [concrete(x) for x in values])
    except (TypeError, ValueError) as error:
        raise PlotError(_unknown(name, values)) from error
    if array.dtype.kind not in "biuf" or array.ndim not in (1, 2):
        raise PlotError(_unknown(name, values, array))
    if not array.size:
        raise PlotError(f"convergence has nothing to draw: the history{f' {name!r}' if name else ''} is empty")
    if array.ndim == 1:
        return [_line(name, array, 1)]
    return [_line(f"{name} {k + 1}".strip(), array[:, k], 1) for k in range(array.shape[1])]


def _line(name: str, values: Any, start: int) -> History:
    return History(name, np.asarray(values, dtype=float), np.arange(start, start + len(values), dtype=float))


def _unknown(name: str, values: Any, array: np.ndarray | None = None) -> str:
    came = type(values).__name__ if array is None else f"{array.dtype} of shape {array.shape}"
    return (
        f"convergence draws a sequence of real numbers, a mapping of such by name, multipliers, or Krylov reports; "
        f"{f'{name!r} is' if name else 'it got'} {came}"
    )


def convergence(history: Any, *, ax: Any = None, tolerance: float | None = None, theme: str | None = None) -> Any:
    """Draw residuals, losses or terms of a series by steps.

    Parameters
    ----------
    history : sequence, mapping, Multipliers, Tangents, KrylovFactor, or Report
        Numbers in order; or several such sequences by name, which may differ in length; an array ``(steps, lines)``.
        Of multipliers or tangents the norms of the terms of their Neumann series: what paths of each length
        contribute. Of a factor of ``"krylov"`` (or its ``reports``) where its iterations began and ended.
    ax : matplotlib Axes, optional
    tolerance : float, optional
        A dashed line: what was asked for.
    theme : {"light", "dark"}, optional

    Returns
    -------
    Axes

    Raises
    ------
    PlotError
        If it is not understood, or empty.
    MissingExtraError
        Without matplotlib.

    Notes
    -----
    The axis is logarithmic if no value is negative, one is positive, and the largest is more than 20 times the smallest
    positive one; zeros then stand at the lower edge as triangles. Otherwise it is linear. NaN and infinity are crosses
    at the upper edge. A line ends with its name and a mark: hollow where a ``tolerance`` is given that its last value
    does not reach. Of more than 2,000 steps the smallest and the largest value of each stretch are drawn.

    Examples
    --------
    >>> import adjoint, adjoint.plot, numpy as np
    >>> residuals = {"Jacobi": 0.8 ** np.arange(60), "Newton": [1.0, 0.2, 1e-2, 3e-5, 2e-10]}
    >>> ax = adjoint.plot.convergence(residuals, tolerance=1e-8)  # doctest: +SKIP
    """
    lines, along, upward = histories_of(history)
    if len(lines) > MOST:
        raise PlotError(f"convergence tells {MOST} lines apart, not {len(lines)}: draw some of them, or means")
    number: Any = tolerance
    if number is not None and not (isinstance(number, (int, float)) and 0 < number < np.inf):
        raise PlotError(f"tolerance has to be a positive number, not {number!r:.40}")
    with drawing(ax, (6.5, 3.8), theme) as (ax, colors):
        _Drawing(ax, colors, lines, tolerance).draw(along, upward)
    return ax


def _is_wide(positive: np.ndarray) -> bool:
    """Whether numbers need a logarithmic axis: by their ratio, or because a linear one would overflow or underflow."""
    logs = np.log10(positive)
    return bool(np.ptp(logs) > np.log10(20) or logs.max() > np.log10(LINEAR) or logs.max() < -np.log10(LINEAR))


class _Drawing:
    """One call of :func:`convergence`."""

    def __init__(self, ax: Any, theme: Theme, lines: list[History], tolerance: float | None) -> None:
        self.ax = ax
        self.theme = theme
        self.lines = lines
        self.tolerance = tolerance
        everything = np.concatenate([line.values for line in lines])
        finite = everything[np.isfinite(everything)]
        positive = finite[finite > 0]
        if tolerance is not None:
            positive = np.append(positive, tolerance)
        self.is_log = bool(len(positive) and not (finite < 0).any() and _is_wide(positive))
        self.shown = positive if self.is_log else (finite if tolerance is None else np.append(finite, tolerance))
        self.has_zeros = self.is_log and bool((finite == 0).any())
        self.has_others = bool(len(finite) < len(everything))
        if not self.is_log and len(self.shown) and np.abs(self.shown).max() > LINEAR:
            raise PlotError(
                f"negative values need a linear axis, which holds magnitudes up to {LINEAR:g}, not "
                f"{np.abs(self.shown).max():g}: draw them divided by a constant"
            )
        self.last = max(float(line.steps[-1]) for line in lines)
        self.first = min(float(line.steps[0]) for line in lines)

    def draw(self, along: str, upward: str) -> None:
        ax, theme = self.ax, self.theme
        frame(ax, theme)
        if self.is_log:
            ax.set_yscale("log")
        low, high = self._limits()
        ax.set_ylim(low, high)
        if self.is_log:
            log_ticks(ax.yaxis, float(np.log10(low)), float(np.log10(high)))
        for number, line in enumerate(self.lines):
            self._line(number, line)
        span = max(self.last - self.first, 1.0)
        names = [drawable(short(line.name, LONG)) for line in self.lines]
        size, width = font_size(ax), size_in_inches(ax)[0]
        widest = max(len(name) for name in [*names, "tolerance" if self.tolerance is not None else ""])
        share = min(0.5, ((0.58 * widest + 0.3) * size + GAP) / (72 * width)) if widest else 0.03
        whole = span / (1 - share - 0.02)
        ax.set_xlim(self.first - 0.02 * whole, self.last + share * whole)
        if self.tolerance is not None:
            ends = [self.first, self.first + span]
            ax.plot(
                ends,
                [self.tolerance] * 2,
                color=theme.ink,
                linewidth=1,
                linestyle=(0, (4, 3)),
                zorder=2,
                label="_tolerance",
            )
        self._names(names, size)
        whole_numbers(ax, self.first, self.last, share)  # none under the names
        ax.set_xlabel(along, color=theme.ink)
        ax.set_ylabel(upward, color=theme.ink)

    def _limits(self) -> tuple[float, float]:
        """Room for the marks at both edges."""
        bottom, top = (0.1 if self.has_zeros else 0.04), (0.1 if self.has_others else 0.04)
        if not len(self.shown):
            return 0.0, 1.0
        low, high = float(self.shown.min()), float(self.shown.max())
        if self.is_log:
            first, last = np.log10(low), np.log10(high)
            room = max(0.0, 1.0 - (last - first)) / 2  # one decade at least
            whole = (last - first + 2 * room) / (1 - bottom - top)
            ends = power_of_ten([first - room - bottom * whole, last + room + top * whole])
            return float(ends[0]), float(ends[1])
        span = (high - low) or abs(high) or 1.0
        whole = span / (1 - bottom - top)
        return low - bottom * whole, high + top * whole

    def _line(self, number: int, line: History) -> None:
        ax, theme = self.ax, self.theme
        color = series_color(theme, number)
        visible = np.isfinite(line.values) & ((line.values > 0) | (not self.is_log))
        y = np.where(visible, line.values, np.nan)
        steps, y = thinned(line.steps, y)
        # the second round of colors is dashed
        style: Any = ":" if line.known == "ends" else "-" if number < len(SERIES) else (0, (6, 1.5))
        few = len(y) <= 30
        ax.plot(
            steps,
            y,
            color=color,
            linewidth=1.5,
            linestyle=style,
            marker=MARKERS[number % len(MARKERS)] if few else None,
            markersize=3.5,
            markeredgewidth=0,
            label=drawable(line.name) or "_history",
            zorder=3,
        )
        ends = np.flatnonzero(visible)
        if len(ends):
            last = ends[-1]
            missed = self.tolerance is not None and not line.values[-1] <= self.tolerance
            ax.plot(
                line.steps[last],
                line.values[last],
                marker=MARKERS[number % len(MARKERS)],
                markersize=5.5,
                color=color,
                markerfacecolor=theme.ground if missed else color,
                markeredgewidth=1.2,
                label="_end",
                zorder=4,
            )
        self._marks(line, ~np.isfinite(line.values), 0.975, "X", theme.non_finite, "_not finite")
        if self.is_log:
            self._marks(line, line.values == 0, 0.025, "v", color, "_zero")

    def _marks(self, line: History, which: np.ndarray, height: float, marker: str, color: str, label: str) -> None:
        if which.any():
            self.ax.plot(
                line.steps[which],
                np.full(int(which.sum()), height),
                linestyle="none",
                marker=marker,
                markersize=5.5,
                color=color,
                markeredgecolor=self.theme.ground,
                markeredgewidth=0.4,
                transform=self.ax.get_xaxis_transform(),
                label=label,
                zorder=5,
            )

    def _names(self, names: list[str], size: float) -> None:
        """At the ends of the lines, moved apart where these end close together."""
        ax = self.ax
        to_share = self._share_of_height()
        wanted: list[float] = []
        texts: list[tuple[str, str, float]] = []
        for number, (line, name) in enumerate(zip(self.lines, names, strict=True)):
            if not name:
                continue
            last = line.values[-1]
            at = 0.975 if not np.isfinite(last) else 0.025 if self.is_log and last <= 0 else to_share(last)
            wanted.append(at)
            texts.append((name, series_color(self.theme, number), float(line.steps[-1])))
        if self.tolerance is not None:
            wanted.append(to_share(self.tolerance))
            texts.append(("tolerance", self.theme.ink, self.last))
        width, height = size_in_inches(ax)
        left, right = ax.get_xlim()
        point = (right - left) / (72 * width)
        line_height = 1.25 * size / (72 * height)
        blend = ax.get_xaxis_transform()
        style: Any = {"fontsize": size, "ha": "left", "va": "center", "transform": blend, "zorder": 6}
        column = []  # those that have no room beside the end of their line, or end where all do
        taken: list[tuple[float, float, float]] = []
        for k, ((text, color, end), own) in enumerate(zip(texts, wanted, strict=True)):
            box = (end + GAP * point, end + (GAP + 0.6 * size * len(text)) * point, own)
            if end == self.last or box[1] > self.last or self._is_crossed(box, line_height, to_share, taken):
                column.append(k)
                continue
            taken.append(box)
            ax.text(box[0], own, text, color=color, **style)
        placed = spread([wanted[k] for k in column], line_height, 0.02, 0.98)
        for k, share in zip(column, placed.tolist(), strict=True):
            text, color, end = texts[k]
            x = self.last + (GAP - 1) * point
            if text != "tolerance" and (end < self.last or abs(wanted[k] - share) > 0.3 * line_height):
                ends = [end, x], [wanted[k], share]
                ax.plot(*ends, color=color, linewidth=0.6, alpha=0.6, transform=blend, label="_lead")
            ax.text(x + point, share, text, color=color, **style)

    def _is_crossed(
        self,
        box: tuple[float, float, float],
        line_height: float,
        to_share: Callable[[float], float],
        taken: list[tuple[float, float, float]],
    ) -> bool:
        """Whether a name would stand on a line, on the tolerance, or on another name."""
        left, right, middle = box
        near = 0.6 * line_height
        if self.tolerance is not None and abs(to_share(self.tolerance) - middle) < near:
            return True
        if any(a < right and left < b and abs(c - middle) < 2 * near for a, b, c in taken):
            return True
        at = np.linspace(left, right, 24)
        for line in self.lines:
            shown = np.isfinite(line.values) & ((line.values > 0) | (not self.is_log))
            if not shown.any():
                continue
            heights = np.array([to_share(y) for y in line.values[shown][:: -(-int(shown.sum()) // 500)]])
            steps = line.steps[shown][:: -(-int(shown.sum()) // 500)]
            inside = at[(at >= steps[0]) & (at <= steps[-1])]
            if len(inside) and (np.abs(np.interp(inside, steps, heights) - middle) < near).any():
                return True
        return False

    def _share_of_height(self) -> Callable[[float], float]:
        low, high = self.ax.get_ylim()
        if self.is_log:
            return lambda y: float((np.log(y) - np.log(low)) / (np.log(high) - np.log(low)))
        return lambda y: (y - low) / (high - low)


def thinned(steps: np.ndarray, values: np.ndarray, most: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """The smallest and the largest value of each stretch, in order: peaks stay, NaN stays a gap."""
    if len(values) <= most:
        return steps, values
    width = -(-len(values) // (most // 2))
    padded = np.full(-(-len(values) // width) * width, np.nan)
    padded[: len(values)] = values
    table = padded.reshape(-1, width)
    low = np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    high = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    gaps = np.isnan(table).argmax(axis=1)  # the first NaN, or the first value
    rows = np.arange(len(table))[:, None] * width
    picks = np.unique(np.concatenate([(rows + np.stack([low, high, gaps], axis=1)).reshape(-1), [len(values) - 1]]))
    picks = picks[picks < len(values)]
    return steps[picks], values[picks]
