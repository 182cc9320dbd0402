"""Text and colors of charts with lines: what goes where, so that nothing covers anything else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.plot.canvas import matplotlib
from adjoint.plot.colors import Theme
from adjoint.plot.lettering import MISSING, clean

SERIES = ("diagonal", "contraction", "reduce", "sparse", "gather", "solve", "nested")
"""Block kinds whose colors lines take, in this order: told apart by any eye."""

RANGE = (-323.3, 308.25)
"""Decades that there are in double precision."""

FIXED = 300.0
"""The decade from which matplotlib's own ticks overflow; it looks for some beyond the axis too."""

SLOW = 0.002
"""Decades per unit below which a trend is told by the units that a factor of ten takes."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def drawable(text: str) -> str:
    """A label as matplotlib is given it: no formulas, no line breaks, no letters that its font does not have."""
    return lettered(" ".join(text.split()), tuple(matplotlib().rcParams["font.family"])).replace("$", r"\$")


def lettered(text: str, families: tuple[str, ...]) -> str:
    """A text with what the fonts of these families lack replaced: matplotlib would warn at each drawing."""
    text = clean(text)
    if text.isascii():
        return text
    known = _letters(families)
    return "".join(letter if letter.isascii() or ord(letter) in known else MISSING for letter in text)


@lru_cache(maxsize=4)
def _letters(families: tuple[str, ...]) -> frozenset[int]:
    """Code points of the fonts that are in use."""
    manager = matplotlib().font_manager
    fonts = {manager.findfont(manager.FontProperties(family=[name])) for name in families}
    return frozenset(code for path in fonts for code in manager.get_font(path).get_charmap())


def series_color(theme: Theme, number: int) -> str:
    """The color of the line ``number`` (from 0); after the last one the first again, with another marker."""
    return theme.color(SERIES[number % len(SERIES)])


def size_in_inches(ax: Any) -> tuple[float, float]:
    """Width and height of axes, before the figure is laid out: about right."""
    box = ax.get_position()
    width, height = ax.figure.get_size_inches()
    return float(box.width * width), float(box.height * height)


def font_size(ax: Any) -> float:
    """Of legends and notes, in points: less in small axes."""
    width, _ = size_in_inches(ax)
    return 8.5 if width > 4.5 else 7.5 if width > 3 else 6.5


def counted(number: int, noun: str) -> str:
    """``1 node``, ``1,200 nodes``, ``1 entry``, ``2 entries``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if noun.endswith("y") else f"{number:,} {noun}s"


def short(text: str, most: int) -> str:
    """A name in so many characters at most, its middle left out."""
    return text if len(text) <= most else f"{text[: most // 2 - 1]}…{text[len(text) - (most + 1) // 2 :]}"


def significant(number: float, digits: int = 2) -> str:
    """A number in words that fit on a chart: ``0.62``, ``31``, ``1,203``, ``1.3e-12``."""
    if number != number or number in (np.inf, -np.inf):
        return str(number)
    if number == 0 or 1e-3 <= abs(number) < 10**digits:
        return f"{number:.{digits}g}"
    return f"{number:,.0f}" if 1 <= abs(number) < 1e6 else f"{number:.{digits}g}"


def pace(exponent: float, unit: str) -> str:
    """A trend of so many decades per unit: ``× 0.62 per step``, ``× 1.02 per step``, ``× 10 per 340 nodes``."""
    if abs(exponent) >= 300:
        return f"× 1e{exponent:+.0f} per {unit}"
    if abs(exponent) < SLOW:
        many = round(1 / abs(exponent)) if exponent else 0
        return f"× {10 if exponent > 0 else 0.1} per {counted(int(float(f'{many:.2g}')), unit)}"
    factor = float(10**exponent)
    digits = next(digits for digits in range(2, 9) if float(f"{factor:.{digits}g}") != 1)
    return f"× {significant(factor, digits)} per {unit}"


def power_of_ten(exponents: Any) -> Any:
    """``10**exponents``, as far as double precision goes: neither infinite nor zero."""
    return 10.0 ** np.clip(exponents, *RANGE)


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Ticks of a logarithmic axis from ``10**low`` to ``10**high``.

    Less than two decades get plain numbers (0.5, 1, 2). At the end of double precision the ticks are fixed: those that
    matplotlib looks for beyond the axis would overflow.
    """
    ticker = matplotlib().ticker
    if high + 0.5 * (high - low) > FIXED:
        step = next(step for step in (1, 2, 5, 10, 20, 50, 100) if step * 7 > high - low)
        places = np.arange(np.floor(high / step) * step, low, -step)
        axis.set_major_locator(ticker.FixedLocator(10.0**places))
        axis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f"$10^{{{np.log10(y):.0f}}}$"))
        axis.set_minor_locator(ticker.NullLocator())
    elif high - low < 2:
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if high - low > 0.8 else range(1, 10)))
        if low > -4 and high < 6:
            axis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f"{y:,.6g}"))
        else:
            axis.set_major_formatter(ticker.LogFormatterSciNotation(minor_thresholds=(np.inf, np.inf)))
        axis.set_minor_formatter(ticker.NullFormatter())


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> np.ndarray:
    """Move positions apart to at least ``gap``, each as little as may be, inside ``low … high`` if there is room.

    Groups that touch are merged and centered on the mean of what they want: the least squares solution.
    """
    wanted = np.asarray(positions, dtype=float)
    order = np.argsort(wanted, kind="stable")
    gap = min(gap, (high - low) / max(1, len(wanted) - 1))
    groups: list[tuple[float, int]] = []  # (mean of what they want, less what stands before them; how many)
    for rank, position in enumerate(wanted[order].tolist()):
        mean, count = position - gap * rank, 1
        while groups and groups[-1][0] >= mean:
            before, members = groups.pop()
            mean, count = (before * members + mean * count) / (members + count), members + count
        groups.append((mean, count))
    placed = np.repeat([mean for mean, _ in groups], [count for _, count in groups])
    placed = np.clip(placed, low, max(low, high - gap * (len(wanted) - 1))) + gap * np.arange(len(wanted))
    result = np.empty(len(wanted))
    result[order] = placed
    return result


def legend(ax: Any, theme: Theme, handles: Sequence[Any], *, top: float = 0.0) -> float:
    """A legend without a frame, ``top`` below the upper edge; returns the share of the height that it takes."""
    if not handles:
        return 0.0
    size = font_size(ax)
    width, height = size_in_inches(ax)
    columns = _columns([len(handle.get_label()) for handle in handles], 72 * width / size)
    rows = -(-len(handles) // columns)
    made = ax.legend(
        handles=by_lines(handles, columns),
        loc="upper left",
        bbox_to_anchor=(0, 1 - top),
        ncols=columns,
        fontsize=size,
        frameon=False,
        labelcolor=theme.ink,
        borderaxespad=0.1,
        borderpad=0.2,
        handlelength=1.5,
        handletextpad=0.5,
        columnspacing=1.2,
        labelspacing=0.25,
    )
    made.set_in_layout(False)  # it stands inside
    return float(min(0.55, (rows * 1.35 * size + 0.7 * size) / (72 * height)))


def _columns(lengths: Sequence[int], room: float) -> int:
    """How many columns of a legend fit into ``room`` ems; texts are about half an em per letter."""
    for columns in range(len(lengths), 1, -1):
        widths = [0.55 * max(lengths[k::columns]) + 3.4 for k in range(columns)]
        if sum(widths) < room and -(-len(lengths) // columns) < -(-len(lengths) // (columns - 1)):
            return columns
    return 1


def by_lines(entries: Sequence[Any], columns: int) -> list[Any]:
    """A legend fills its columns first: reordered, so that it is read line by line."""
    return [entry for column in range(columns) for entry in entries[column::columns]]


def frame(ax: Any, theme: Theme) -> None:
    """Only the axes that carry numbers, and thin grids behind everything."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(theme.faint)
    ax.tick_params(colors=theme.ink, which="both")
    ax.tick_params(which="minor", color=theme.faint)
    ax.grid(visible=True, which="major", color=theme.faint, linewidth=0.5, alpha=0.7)
    ax.set_axisbelow(True)


def whole_numbers(ax: Any, first: float, last: float, share: float = 0.0) -> None:
    """Ticks of the horizontal axis from ``first`` to ``last``, as many as fit; ``share`` of its width is for others."""
    room = 72 * size_in_inches(ax)[0] * (1 - share)
    most = int(np.clip(room / (7 * (len(f"{last:,.0f}") + 1.5)), 1, 9))
    locator = matplotlib().ticker.MaxNLocator(nbins=most, integer=True, min_n_ticks=1)
    ticks = [tick for tick in locator.tick_values(first, last) if first <= tick <= last] or [last]
    ax.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
