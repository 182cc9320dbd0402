"""Multipliers along the depth of a program: where gradients vanish, and where they explode."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.canvas import drawing, matplotlib
from adjoint.plot.colors import Theme
from adjoint.plot.flows.depth import Depth, depth_of
from adjoint.plot.flows.entries import Columns, Entries, columns_of, density, entries_of
from adjoint.plot.flows.shapes import Trend, edges_of, stepped, trend_of
from adjoint.plot.labelling import (
    RANGE,
    counted,
    drawable,
    font_size,
    frame,
    legend,
    log_ticks,
    pace,
    power_of_ten,
    series_color,
    short,
    size_in_inches,
    whole_numbers,
)
from adjoint.system import Multipliers, Tangents

COLUMNS = 500
"""Columns at most; more nodes than that share them."""

DENSE = 50
"""Entries per column, on average, from which their density is drawn."""

BINS = 72
LABELS = 48
"""Labels along the depth at most."""

LONG = 24
"""Letters of a name."""

WIDE = 4.5
"""Inches from which legends and titles are told in full."""

MARKED = 120
"""Columns up to which each one gets a point."""

WHISKERS = 40
"""Arguments up to which each one gets a whisker: more of them would be a hatching."""


def flow(multipliers: Multipliers | Tangents, *, ax: Any = None, by: str = "node", theme: str | None = None) -> Any:
    """Draw the size of every multiplier along the depth: vanishing and exploding gradients at a glance.

    The line is the root mean square of the entries of ``λ_i``, on a logarithmic axis. The band behind it reaches from
    the 5 % to the 95 % quantile of the magnitudes, and a lighter one from the smallest to the largest; where nodes have
    many entries, their density is drawn instead of the darker band. Arguments (weights, inputs) are marks of their own.

    Parameters
    ----------
    multipliers : Multipliers or Tangents
        What ``system.solve(seed)`` or ``system.solve_tangent(…)`` returned. Several right-hand sides are more entries.
    ax : matplotlib Axes, optional
    by : {"node", "level", "name", "step"}
        What stands along the depth, from input to output: nodes in the order of the program; levels; only arguments and
        nodes with names (:func:`adjoint.name`), one per layer, say; or the steps of the program's loops (time steps).
    theme : {"light", "dark"}, optional

    Returns
    -------
    Axes

    Raises
    ------
    PlotError
        If there is nothing to draw, or not in this way.
    MissingExtraError
        Without matplotlib.

    Notes
    -----
    An argument stands where it is read first. Zeros and non-finite values have no place on a logarithmic axis: the
    bars at the lower edge are the shares of zeros (a triangle: a node of nothing else), crosses at the upper edge are
    columns with NaN or infinity. The root mean square is that of all finite entries, zeros included; quantiles and
    densities are those of the finite entries that are not zero. The axis reaches down to the smallest 5 % quantile.

    A dotted line at the largest magnitude times the unit of rounding: contributions below it are lost when they are
    added to the largest ones. A dashed line is the trend ``log|λ| = a + b x`` by least squares, drawn where it explains
    80 % of the variance and at least a factor of ten; its factor is told in the direction of the solve.

    More than 500 nodes share 500 columns. Takes about a second for 10⁶ nodes.

    Examples
    --------
    >>> import adjoint, adjoint.plot, numpy as np
    >>> def net(weights, x):
    ...     for w in weights:
    ...         x = adjoint.name(np.tanh(x @ w), "hidden")
    ...     return np.sum(x**2)
    >>> weights = [0.5 * np.eye(8)] * 20
    >>> system = adjoint.trace(net, weights, np.ones((4, 8))).compile()
    >>> ax = adjoint.plot.flow(system.solve(), by="name")  # doctest: +SKIP
    """
    if not isinstance(multipliers, (Multipliers, Tangents)):
        raise PlotError(
            f"flow draws multipliers or tangents, not {type(multipliers).__name__}: system.solve(seed) returns them"
        )
    entries = entries_of(multipliers)
    if not len(entries.nodes):
        raise PlotError("flow has nothing to draw: no node of the system has a multiplier")
    if not entries.counts.any():
        raise PlotError(f"flow has nothing to draw: there are no right-hand sides (batch {multipliers.batch})")
    depth = depth_of(multipliers.system, entries.nodes, by).binned(COLUMNS)
    with drawing(ax, (8.0, 4.2), theme) as (ax, colors):
        _Drawing(ax, colors, entries, depth, forward=isinstance(multipliers, Tangents)).draw()
    return ax


class _Drawing:
    """One call of :func:`flow`."""

    def __init__(self, ax: Any, theme: Theme, entries: Entries, depth: Depth, *, forward: bool) -> None:
        self.ax = ax
        self.theme = theme
        self.entries = entries
        self.depth = depth
        self.forward = forward
        self.symbol = "ż" if forward else "λ"
        self.inner = np.where(depth.parameters, -1, depth.places)
        self.hidden = columns_of(entries, self.inner, depth.x)
        self.arguments = self._argument_columns()
        self.handles: list[Any] = []
        self.there = self.hidden.counts > 0  # columns with hidden values: bands and densities are drawn across these

    def draw(self) -> None:
        ax, theme, depth = self.ax, self.theme, self.depth
        ax.set_yscale("log")
        ax.set_ylim(1, 10)  # no margins beyond the range of numbers while lines are added; the limits come later
        frame(ax, theme)
        ax.grid(visible=False, axis="x")
        low, high = self._range()
        edges = edges_of(depth.x)
        ax.set_xlim(min(edges[0], depth.x[0] - 0.6), max(edges[-1], depth.x[-1] + 0.6))
        self._bands(low, high)
        self._lines()
        trend = trend_of(self.hidden.x, self.hidden.rms)
        if trend is not None:
            self._trend(trend)
        has_zeros, has_others = self._special()
        strip = 0.05 if has_others else 0.0
        top = strip + legend(ax, theme, self.handles, top=strip) + 0.02
        bottom = 0.09 if has_zeros else 0.03
        decades = (high - low) / (1 - top - bottom)
        ends = np.clip([low - bottom * decades, high + top * decades], *RANGE)
        ax.set_ylim(*power_of_ten(ends))
        log_ticks(ax.yaxis, *ends.tolist())
        self._floor(low)
        self._labels()
        which = "" if self.hidden.counts.any() and self.arguments.counts.any() else " of the arguments"
        which = which if self.arguments.counts.any() else ""
        ax.set_ylabel(f"|{self.symbol}|{which}", color=theme.ink)

    def _argument_columns(self) -> Columns:
        """Each argument by itself, where they are not too many."""
        depth = self.depth
        shown = depth.parameters & (depth.places >= 0)
        if np.count_nonzero(shown) > COLUMNS:
            return columns_of(self.entries, np.where(shown, depth.places, -1), depth.x)
        return columns_of(self.entries, np.where(shown, np.cumsum(shown) - 1, -1), depth.x[depth.places[shown]])

    def _range(self) -> tuple[float, float]:
        """Decades from the smallest quantile to the largest entry."""
        both = (self.hidden, self.arguments)
        tops = np.concatenate([each.largest for each in both])
        # no further down than rounding leaves anything of it beside the others of its column
        lows = np.concatenate([np.fmin(np.maximum(each.low, self.entries.eps * each.rms), each.rms) for each in both])
        tops, lows = tops[tops > 0], lows[lows > 0]
        if not len(tops):
            return -1.0, 1.0
        high, low = float(np.log10(tops.max())), float(np.log10(lows.min()))
        room = max(0.0, 1.0 - (high - low)) / 2  # one decade at least
        return low - room, high + room

    def _bands(self, low: float, high: float) -> None:
        ax, theme, columns = self.ax, self.theme, self.hidden
        blue = series_color(theme, 0)
        filled = np.count_nonzero(columns.low > 0)
        if not filled or columns.counts.max() <= 1:
            return
        is_dense = np.count_nonzero(self.inner[self.entries.owners] >= 0) >= DENSE * filled
        self._band(columns.smallest, columns.largest, 0.12, "min–max")
        if not is_dense:
            self._band(columns.low, columns.high, 0.28, "5–95 %")
            return
        bins = min(BINS, max(24, int(6 * (high - low))))
        share = density(self.entries, self.inner, len(columns.x), low, high, bins)
        colormap = matplotlib().colors.LinearSegmentedColormap.from_list("density", [theme.ground, blue])
        # square roots: tails are seen too
        ax.pcolormesh(
            edges_of(columns.x[self.there]),
            power_of_ten(np.linspace(low, high, bins + 1)),
            np.ma.masked_equal(np.sqrt(share[:, self.there]), 0),
            cmap=colormap,
            vmin=0,
            vmax=1.25 * float(np.sqrt(np.quantile(share.max(axis=0), 0.9))),
            rasterized=True,
            zorder=1.5,
            label="density",
        )
        patch = matplotlib().patches.Patch
        self.handles.append(patch(facecolor=blue, alpha=0.55, linewidth=0, label="density of entries"))

    def _band(self, low: np.ndarray, high: np.ndarray, alpha: float, label: str) -> None:
        x, low, high = stepped(self.depth.x[self.there], low[self.there], high[self.there])
        color = series_color(self.theme, 0)
        self.ax.fill_between(x, low, high, color=color, alpha=alpha, linewidth=0, label=label, zorder=1.2)
        patch = matplotlib().patches.Patch
        self.handles.append(patch(facecolor=color, alpha=min(1, 2 * alpha), linewidth=0, label=label))

    def _lines(self) -> None:
        ax, theme = self.ax, self.theme
        hidden, arguments = self.hidden, self.arguments
        both = arguments.counts.any()
        if hidden.counts.any():
            there = self.there
            y = np.where(hidden.rms > 0, hidden.rms, np.nan)[there]  # zeros interrupt the line, absent columns do not
            single = hidden.counts[there].max() == 1
            label = ("hidden values" if both else "values") + ("" if single else ", rms")
            few = np.count_nonzero(there) <= MARKED
            style = {"marker": "o", "markersize": 3.2, "markeredgewidth": 0} if few else {}
            (line,) = ax.plot(hidden.x[there], y, color=theme.ink, linewidth=1.4, label=label, zorder=3, **style)
            self.handles.insert(0, line)
        if both:
            seen = arguments.rms > 0
            few = np.count_nonzero(seen) <= WHISKERS
            ink = series_color(theme, 1)
            if few and arguments.counts.max() > 1:
                whiskers = ax.vlines(
                    arguments.x[seen], arguments.low[seen], arguments.high[seen], color=ink, linewidth=0.9, zorder=3.2
                )
                whiskers.set_label("_arguments, 5–95 %")
            (points,) = ax.plot(
                arguments.x[seen],
                arguments.rms[seen],
                linestyle="none",
                marker="D",
                markersize=4 if few else 2.5,
                color=ink,
                markeredgecolor=theme.ground,
                markeredgewidth=0.5,
                label="arguments, rms" if arguments.counts.max() > 1 else "arguments",
                zorder=3.4,
            )
            self.handles.insert(1 if hidden.counts.any() else 0, points)

    def _trend(self, trend: Trend) -> None:
        x = self.hidden.x[self.hidden.rms > 0]
        ends = np.array([x.min(), x.max()])
        exponent = trend.b * self.depth.per_unit * (1 if self.forward else -1)
        arrow = "→" if self.forward else "←"
        (line,) = self.ax.plot(
            ends,
            power_of_ten(trend.a + trend.b * ends),
            color=self.theme.accent,
            linewidth=1.3,
            linestyle=(0, (5, 3)),
            label=f"{arrow} {pace(exponent, drawable(short(self.depth.unit, LONG)))}",
            zorder=2.8,
        )
        self.handles.append(line)

    def _special(self) -> tuple[bool, bool]:
        """Zeros along the lower edge, non-finite values along the upper one; whether there are any."""
        ax, theme, entries, depth = self.ax, self.theme, self.entries, self.depth
        blend = ax.get_xaxis_transform()
        shown = depth.places >= 0
        counts, zeros, wrong = (
            np.bincount(depth.places[shown], weights=each[shown], minlength=len(depth.x))
            for each in (entries.counts, entries.zeros, entries.non_finite)
        )
        total, bad = int(zeros.sum()), int(wrong.sum())
        is_wide = size_in_inches(ax)[0] > WIDE
        if total:
            share = zeros / np.maximum(counts, 1)
            x, low, high = stepped(depth.x, np.zeros(len(share)), 0.05 * share)
            gray = theme.color("identity")
            ax.fill_between(x, low, high, color=gray, alpha=0.55, linewidth=0, transform=blend, label="_zeros")
            wholly = shown & (entries.zeros == entries.counts)
            columns = np.unique(depth.places[wholly])
            text = f"zero: {counted(total, 'entry')}"
            if len(columns) and is_wide:
                text += f", {counted(int(np.count_nonzero(wholly)), 'node')} wholly"
            (marks,) = ax.plot(
                depth.x[columns],
                np.full(len(columns), 0.02),
                linestyle="none",
                marker="v",
                markersize=4.5 if len(columns) <= MARKED else 2.5,
                color=gray,
                markeredgecolor=theme.ink,
                markeredgewidth=0.4,
                transform=blend,
                label=text,
                zorder=4,
            )
            if not len(columns):
                marks = matplotlib().patches.Patch(facecolor=gray, alpha=0.55, linewidth=0, label=text)
            self.handles.append(marks)
        if bad:
            columns = np.flatnonzero(wrong)
            nodes = int(np.count_nonzero(shown & (entries.non_finite > 0)))
            (marks,) = ax.plot(
                depth.x[columns],
                np.full(len(columns), 0.985),
                linestyle="none",
                marker="X",
                markersize=6 if len(columns) <= MARKED else 3.5,
                color=theme.non_finite,
                markeredgecolor=theme.ground,
                markeredgewidth=0.4,
                transform=blend,
                label=f"NaN or ∞: {counted(bad, 'entry')}" + (f", {counted(nodes, 'node')}" if is_wide else ""),
                zorder=5,
                clip_on=False,
            )
            self.handles.append(marks)
        return bool(total), bool(bad)

    def _floor(self, low: float) -> None:
        """Below the largest entry times eps, contributions are lost."""
        largest = float(self.entries.largest.max())
        floor = largest * self.entries.eps
        if floor <= 0 or np.log10(floor) < low:
            return
        self.ax.axhline(floor, color=self.theme.ink, linewidth=0.9, linestyle=":", zorder=2.5, label="_rounding")
        # at the end where the line is farther away
        seen = self.hidden if self.hidden.counts.any() else self.arguments
        rms = seen.rms[seen.rms > 0]
        third = max(1, len(rms) // 3)
        left, right = (
            np.min(np.abs(np.log10(part) - np.log10(floor)), initial=np.inf) for part in (rms[:third], rms[-third:])
        )
        at, side = (0.01, "left") if left > right else (0.99, "right")
        self.ax.text(
            at,
            floor,
            "ε × largest",
            transform=self.ax.get_yaxis_transform(),
            fontsize=font_size(self.ax) - 0.5,
            color=self.theme.ink,
            ha=side,
            va="bottom",
            zorder=4,
        )

    def _labels(self) -> None:
        ax, theme, depth = self.ax, self.theme, self.depth
        title = depth.title
        if depth.note and self.arguments.counts.any() and size_in_inches(ax)[0] > WIDE:
            title = f"{title} ({depth.note})"
        ax.set_xlabel(title, color=theme.ink)
        for x, text in depth.marks:
            ax.axvline(x, color=theme.faint, linewidth=0.8, zorder=1)
            ax.text(
                x,
                0.01,
                f" {drawable(text)}",
                transform=ax.get_xaxis_transform(),
                fontsize=font_size(ax) - 0.5,
                color=theme.ink,
                rotation=90,
                ha="left",
                va="bottom",
            )
        if not depth.labels:
            whole_numbers(ax, depth.x[0], depth.x[-1])
            return
        size = font_size(ax) - 0.5
        room = int(min(LABELS, max(2, 72 * size_in_inches(ax)[0] / (1.3 * size))))
        shown = np.arange(len(depth.x))
        if len(shown) > room and self.there.any():
            shown = np.flatnonzero(self.there)  # then those of the arguments are left out
        shown = shown[:: -(-len(shown) // room)]
        texts = [drawable(short(depth.labels[k], LONG)) for k in shown.tolist()]
        rotation = 90 if sum(map(len, texts)) * 0.6 * size > 72 * size_in_inches(ax)[0] else 0
        ax.set_xticks(depth.x[shown], texts, rotation=rotation, fontsize=size)
