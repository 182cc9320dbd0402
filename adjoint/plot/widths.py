"""The width of every level along the depth: how parallel a solve is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.canvas import drawing, matplotlib
from adjoint.plot.choices import is_one_of
from adjoint.plot.colors import Theme
from adjoint.plot.labelling import counted, font_size, frame, series_color, significant, size_in_inches, whole_numbers
from adjoint.plot.picture import system_of
from adjoint.system import ConstraintSystem, Structure
from adjoint.tracing import INPUT, Trace

BARS = 200
"""Levels up to which each one gets a bar."""

STEPS = 400
"""Levels up to which each one gets a step; more share columns, since neither paper nor screen shows them apart."""

COLUMNS = 200
"""Such columns at most."""

UNEVEN = 40
"""How many times the median the widest level may be on a linear axis."""

WEIGHTS = {
    "nodes": ("node", "nodes"),
    "unknowns": ("unknown", "unknowns"),
    "flops": ("multiplication", "multiplications of the blocks"),
    "nonzeros": ("nonzero", "nonzeros of the blocks"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Widths:
    """How much there is to do on every level.

    Attributes
    ----------
    work : int array (depth,)
        Of all nodes of a level.
    critical : int array (depth,)
        Of the node of the critical path on it: of all paths that follow blocks the one with the most work. Zero where
        the path has no node.
    arguments : int
        The part of the first level's work that is arguments'.
    """

    work: np.ndarray
    critical: np.ndarray
    arguments: int

    @property
    def parallelism(self) -> float:
        """All work over that of the critical path: how many workers could be busy on average."""
        return float(self.work.sum()) / max(1.0, float(self.critical.sum()))


def widths_of(system: ConstraintSystem, weigh: str) -> Widths:
    """Work by levels, and the critical path.

    Notes
    -----
    The work of a node is 1, its unknowns, or what the products with its blocks ``J[node, ·]`` cost. One cheap step of
    Python for each block.
    """
    structure = system.structure
    active = structure.sizes > 0
    weights = _weights(structure, weigh)
    weights[~active] = 0
    work = np.bincount(structure.levels[active], weights=weights[active], minlength=structure.depth).astype(np.int64)
    critical = np.zeros(structure.depth, dtype=np.int64)
    for node in _critical_path(structure, weights):
        critical[structure.levels[node]] = weights[node]
    inputs = np.array([k for k in system.trace.inputs if system.trace.primitives[k] is INPUT], dtype=np.int64)
    return Widths(work, critical, int(weights[inputs].sum()))


def _weights(structure: Structure, weigh: str) -> np.ndarray:
    count = len(structure.sizes)
    if weigh == "nodes":
        return np.ones(count, dtype=np.int64)
    if weigh == "unknowns":
        return structure.sizes.astype(np.int64)
    of_edges = structure.flops if weigh == "flops" else structure.nonzeros
    return np.bincount(structure.children, weights=of_edges, minlength=count).astype(np.int64)


def _critical_path(structure: Structure, weights: np.ndarray) -> list[int]:
    """The path of blocks with the most work, from its last node to its first; none if there is no work."""
    own: list[int] = weights.tolist()
    best = [0] * len(own)  # of the paths that end before a node
    before = [-1] * len(own)
    for k, parent in zip(structure.children.tolist(), structure.parents.tolist(), strict=True):
        reached = best[parent] + own[parent]
        if reached > best[k] or before[k] < 0:
            best[k], before[k] = reached, parent
    totals = np.array(best, dtype=np.int64) + weights
    node = int(totals.argmax())
    path = []
    while node >= 0:
        path.append(node)
        node = before[node]
    return path


def levels(system: ConstraintSystem | Trace, *, ax: Any = None, weigh: str = "nodes", theme: str | None = None) -> Any:
    """Draw how wide each level is: constraints of one level do not depend on each other.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    ax : matplotlib Axes, optional
    weigh : {"nodes", "unknowns", "flops", "nonzeros"}
        What is counted: nodes, their scalar unknowns, or multiplications or nonzeros of the blocks that a level's nodes
        have with their parents.
    theme : {"light", "dark"}, optional

    Returns
    -------
    Axes

    Raises
    ------
    PlotError
        If there is nothing to draw, or ``weigh`` is none of these.
    MissingExtraError
        Without matplotlib.

    Notes
    -----
    Levels count from 1, which has the arguments, drawn in gray. The dark line is the critical path: of all paths
    the one with the most work; a level that it passes over counts nothing. The average parallelism is all work
    over that of the critical path: no schedule, however many workers it has, is faster by more than this factor.

    A logarithmic axis is taken where the widest level is 40 times as wide as the median. More than 400 levels share
    columns of equally many: the mean of a column's levels, and behind it its widest one.

    Examples
    --------
    >>> import adjoint, adjoint.plot, numpy as np
    >>> system = adjoint.trace(lambda x: np.sum(np.sin(x) * np.cos(x)), np.ones(3)).compile()
    >>> [len(level) for level in system.levels]
    [1, 2, 1, 1]
    >>> ax = adjoint.plot.levels(system)  # doctest: +SKIP
    """
    if not is_one_of(weigh, WEIGHTS):
        raise PlotError(f"weigh must be one of {', '.join(map(repr, WEIGHTS))}, not {weigh!r}")
    system = system_of(system, "levels")
    widths = widths_of(system, weigh)
    if not widths.work.any():
        raise PlotError(f"levels has nothing to draw by {weigh!r}: no block has any; try weigh='nodes'")
    with drawing(ax, (7.5, 3.4), theme) as (ax, colors):
        _draw(ax, colors, widths, weigh)
    return ax


def _draw(ax: Any, theme: Theme, widths: Widths, weigh: str) -> None:
    work, critical = widths.work, widths.critical
    depth = len(work)
    blue = series_color(theme, 0)
    frame(ax, theme)
    ax.grid(visible=False, axis="x")
    filled = work[work > 0]
    is_log = bool(work.max() > UNEVEN * np.median(filled))
    floor = 10 ** np.floor(np.log10(filled.min()) - 0.2) if is_log else 0.0
    if is_log:
        ax.set_yscale("log")
        floor = max(floor, 0.5) if filled.min() >= 1 else floor
    edges, shown = np.arange(depth + 1) + 0.5, critical.astype(float)
    if widths.arguments and depth > BARS:
        # as wide as it takes to be seen, to the left, where there is nothing
        width, gray = depth / 100, theme.color("identity")
        ax.bar([1.5 - width], [work[0] - floor], bottom=floor, width=width, align="edge", color=gray, label="arguments")
        work = np.append(0, work[1:])
    if depth <= BARS:
        colors = [blue] * depth
        if widths.arguments:
            colors[0] = theme.color("identity")
        place = np.arange(1, depth + 1)
        ax.bar(place, work - floor, bottom=floor, width=0.86 if depth < 60 else 1.0, color=colors, label="work")
    elif depth <= STEPS:
        ax.stairs(work, edges, baseline=floor, fill=True, color=blue, label="work")
    else:
        starts = _columns(work)
        counts = np.diff(np.append(starts, depth))
        edges = np.append(starts, depth) + 0.5
        inner = edges.copy()
        inner[0] += 1 if widths.arguments else 0  # that level has its own bar
        widest, mean = np.maximum.reduceat(work, starts), np.add.reduceat(work, starts) / np.diff(inner)
        ax.stairs(widest, inner, baseline=floor, fill=True, color=blue, alpha=0.35, label="widest")
        ax.stairs(mean, inner, baseline=floor, fill=True, color=blue, label="work")
        shown = np.add.reduceat(critical, starts) / counts
    ax.stairs(shown, edges, baseline=None, color=theme.ink, linewidth=1.2, label="critical path", zorder=3)
    ax.set_xlim(0.5 - 0.012 * depth, depth + 0.5 + 0.01 * depth)
    ax.set_xlabel("level", color=theme.ink)
    ax.set_ylabel(WEIGHTS[weigh][1], color=theme.ink)
    whole_numbers(ax, 1, depth)
    if not is_log:
        ax.yaxis.set_major_locator(matplotlib().ticker.MaxNLocator(integer=True, min_n_ticks=1, nbins="auto"))
        ax.yaxis.set_major_formatter(lambda y, _: f"{y:,.0f}")
    _annotate(ax, theme, widths, weigh, floor)


def _columns(work: np.ndarray) -> np.ndarray:
    """Where columns of equally many levels start: so many that the pattern of a loop evens out."""
    depth = len(work)
    least = -(-depth // COLUMNS)
    sums = np.concatenate([[0], np.cumsum(work)])

    def roughness(width: int) -> float:
        means = np.diff(sums[::width]) / width
        return float(np.abs(np.diff(means)).mean()) if len(means) > 1 else np.inf

    width = min(range(least, least + 24), key=lambda width: (round(roughness(width), 9), width))
    return np.arange(0, depth, min(width, depth))


def _annotate(ax: Any, theme: Theme, widths: Widths, weigh: str, floor: float) -> None:
    """What the picture comes to, in words above it, and which line is what."""
    size = font_size(ax)
    width, height = size_in_inches(ax)
    noun = WEIGHTS[weigh][0]
    widest = int(widths.work.argmax())
    facts = [
        f"{counted(len(widths.work), 'level')}",
        f"widest: level {widest + 1:,} with {counted(int(widths.work[widest]), noun)}",
        f"average parallelism {significant(widths.parallelism, 3)}",
    ]
    lines = [""]
    for fact in facts:
        joined = f"{lines[-1]} · {fact}" if lines[-1] else fact
        if len(joined) * 0.52 * size < 72 * width:
            lines[-1] = joined
        else:
            lines.append(fact)
    patch, line = matplotlib().patches.Patch, matplotlib().lines.Line2D
    handles = [line([], [], color=theme.ink, linewidth=1.2, label="critical path")]
    if widths.arguments:
        handles.append(patch(facecolor=theme.color("identity"), linewidth=0, label="arguments"))
    if len(widths.work) > STEPS:
        handles.append(patch(facecolor=series_color(theme, 0), alpha=0.35, linewidth=0, label="widest of a column"))
    made = ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 1 - len(lines) * 1.3 * size / (72 * height)),
        ncols=len(handles),
        fontsize=size,
        frameon=False,
        labelcolor=theme.ink,
        borderaxespad=0.0,
        borderpad=0.25,
        handlelength=1.4,
        columnspacing=1.2,
    )
    made.set_in_layout(False)
    ax.text(
        0.006,
        0.995,
        "\n".join(lines),
        transform=ax.transAxes,
        fontsize=size,
        color=theme.ink,
        va="top",
        ha="left",
        linespacing=1.25,
        in_layout=False,
    )
    share = min(0.5, (1.3 * len(lines) + 1.9) * size / (72 * height))
    top = float(widths.work.max())
    if ax.get_yscale() == "log":
        ax.set_ylim(floor, top * (top / floor) ** (share / (1 - share)))
    else:
        ax.set_ylim(0, top / (1 - share))
