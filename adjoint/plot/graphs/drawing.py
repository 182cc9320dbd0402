"""The computational graph on matplotlib's axes."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from adjoint.plot.canvas import drawing, matplotlib
from adjoint.plot.colors import Theme
from adjoint.plot.graphs import tones
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.model import NOTHING, Options
from adjoint.plot.graphs.placing import SIZES, Placed, Shape, Text, arrowhead, place
from adjoint.plot.labelling import lettered

FONT = "DejaVu Sans"
"""Comes with matplotlib, and the boxes are made for its widths."""

LARGEST = (40.0, 40.0)
"""Inches of a figure that is made for a graph."""


def graph(
    trace: Any,
    *,
    ax: Any = None,
    multipliers: Any = None,
    partials: bool | None = None,
    values: bool | None = None,
    shapes: bool | None = None,
    fold: bool | int = True,
    direction: str = "right",
    theme: str | None = None,
    seed: Any = None,
) -> Any:
    """Draw the computational graph in layers: each step with its value, multiplier and local derivatives.

    Parameters
    ----------
    trace : Trace or ConstraintSystem
        A re-linearized system shows the values of its own point.
    ax : Axes, optional
        New ones, of a size that fits, if not given.
    multipliers : Multipliers or bool, optional
        What ``system.solve`` returned; ``True`` solves, ``False`` leaves them out. By default they are solved for
        where that is cheap: one scalar output (or a seed), and a graph of not too many nodes.
    partials, values, shapes : bool, optional
        Whether edges carry the local partials, and boxes their values and shapes. By default where it fits: numbers
        for scalars, kind and shape of the block for arrays, nothing in pictures of more than 60 boxes.
    fold : bool or int
        Loops and layers become single boxes where there are more than 60 nodes (or the number given). ``False``
        draws all nodes; beyond 250 as dots without text.
    direction : {"right", "down"}
    theme : {"light", "dark"}, optional
        By default that of the axes.
    seed : pytree like the output, optional
        Right-hand side of the solve.

    Returns
    -------
    Axes

    Raises
    ------
    PlotError
        For what is no trace and no system, and if there is no node at all.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Above the wire that leaves a box stands its value, below it its multiplier ``λ_i = ∂output/∂z_i``. The partial
    ``∂z_k/∂z_i`` stands on the edge; an operand that is read twice has one edge with the sum. For an implicit
    constraint ``c_k = 0`` it is ``∂c_k/∂z_i``. Edges without a derivative (integers, masks) are dotted.

    Examples
    --------
    >>> import adjoint
    >>> from adjoint.plot.graphs import graph
    >>> trace = adjoint.trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0)
    >>> ax = graph(trace)  # doctest: +SKIP
    """
    options = Options(multipliers, partials, values, shapes, fold, seed)
    placed = place(diagram(trace, options, "graph"), direction)
    size = (
        min(LARGEST[0], max(2.0, placed.width / 72)),
        min(LARGEST[1], max(1.0, placed.height / 72)),
    )
    with drawing(ax, size, theme) as (ax, look):
        _draw_on(ax, placed, look)
    return ax


def _draw_on(ax: Any, placed: Placed, look: Theme) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_xlim(0.0, placed.width)
    ax.set_ylim(placed.height, 0.0)
    ax.set_aspect("equal")
    if placed.diagram.detailed:
        _draw(ax, placed, look)
    else:
        _draw_dots(ax, placed, look)


def _draw(ax: Any, placed: Placed, look: Theme) -> None:
    arrows = placed.diagram.arrows
    for arrow, curve in zip(arrows, placed.curves, strict=True):
        color = tones.color(tones.of_arrow(arrow), look)
        _line(ax, curve, color, dotted=arrow.kind == NOTHING, gid=f"arrow-{arrow.tail + 1}-{arrow.head + 1}")
    for position, shape in enumerate(placed.shapes):
        _box(ax, shape, look, f"box-{position + 1}")
        for text in shape.texts:
            _write(ax, text, look)
    for label in (*placed.labels, *placed.key):
        if label is not None:
            _write(ax, label, look)


def _line(ax: Any, curve: np.ndarray, color: str, *, dotted: bool, gid: str, arrow: bool = True) -> None:
    path = matplotlib().path.Path
    patches = matplotlib().patches
    codes = [path.MOVETO] + [path.CURVE4] * (len(curve) - 1)
    style = (0, (1.5, 2.0)) if dotted else "-"
    ax.add_patch(
        patches.PathPatch(
            path(curve, codes), fill=False, edgecolor=color, linewidth=1.2, linestyle=style, gid=gid, zorder=2
        )
    )
    if arrow:
        ax.add_patch(patches.Polygon(arrowhead(curve), closed=True, facecolor=color, edgecolor="none", zorder=2.1))


def _box(ax: Any, shape: Shape, look: Theme, gid: str) -> None:
    patches = matplotlib().patches
    fill, border, line = tones.of_box(shape.box)
    offsets = (5.0, 2.5, 0.0) if shape.box.role == "fold" else (0.0,)
    for offset in offsets:  # a folded run looks like a pile
        ax.add_patch(
            patches.FancyBboxPatch(
                (shape.left + offset, shape.top - offset),
                shape.width,
                shape.height,
                boxstyle=f"round,pad=0,rounding_size={shape.radius}",
                facecolor=tones.color(fill, look),
                edgecolor=tones.color(border, look),
                linewidth=line,
                linestyle="--" if shape.box.discrete else "-",
                zorder=3,
                gid=gid if not offset else None,
            )
        )
    if shape.wire is not None:
        x0, y0, x1, y1 = shape.wire
        ends = np.array([(x0, y0), (x0, y0), (x0, y0), (x1, y1)])
        out = shape.box.output
        color = tones.color(tones.of_wire(shape.box), look)
        _line(ax, ends, color, dotted=shape.box.discrete and not out, gid=f"wire-{gid}", arrow=out)


def _write(ax: Any, text: Text, look: Theme) -> None:
    effects = import_module("matplotlib.patheffects")
    artist = _scaled_text()(
        text.x,
        text.y,
        lettered(text.text, (FONT,)),
        points=SIZES[text.style],
        color=tones.color(tones.of_text(text), look),
        ha={"start": "left", "middle": "center", "end": "right"}[text.anchor],
        va="center_baseline",
        family=FONT,
        weight="bold" if text.style == "name" else "normal",
        parse_math=False,
        zorder=5,
    )
    if text.halo:
        artist.set_path_effects([effects.withStroke(linewidth=2.0, foreground=look.ground)])
        left, top, right, bottom = text.bounds
        ax.add_patch(
            matplotlib().patches.Rectangle(
                (left - 1, top), right - left + 2, bottom - top, facecolor=look.ground, edgecolor="none", zorder=2.5
            )
        )
    artist.set_clip_on(True)
    artist.set_in_layout(False)
    ax.add_artist(artist)


@cache
def _scaled_text() -> Any:
    """Text whose size is a length in the axes, so that it stays in its box at any zoom."""

    class ScaledText(matplotlib().text.Text):  # type: ignore[misc]  # the base is Any
        def __init__(self, *args: Any, points: float, **options: Any) -> None:
            super().__init__(*args, fontsize=points, **options)
            self.points = points

        def draw(self, renderer: Any) -> None:
            figure = self.get_figure(root=True)
            if self.axes is not None and figure is not None:
                self.set_fontsize(max(0.1, self.points * abs(self.axes.transData.get_matrix()[0, 0]) * 72 / figure.dpi))
            super().draw(renderer)

    ScaledText.__qualname__ = "ScaledText"  # where pickle looks for it: see __getattr__
    return ScaledText


def __getattr__(name: str) -> Any:
    """The class that can only be made once matplotlib is there; figures with it can be pickled."""
    if name == "ScaledText":
        return _scaled_text()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _draw_dots(ax: Any, placed: Placed, look: Theme) -> None:
    """Many nodes: one collection of curves, one of dots."""
    path = matplotlib().path.Path
    collections = matplotlib().collections
    arrows = placed.diagram.arrows
    if arrows:
        paths = [path(curve, [path.MOVETO] + [path.CURVE4] * (len(curve) - 1)) for curve in placed.curves]
        colors = [tones.color(tones.of_arrow(arrow), look) for arrow in arrows]
        ax.add_collection(
            collections.PathCollection(
                paths, facecolors="none", edgecolors=colors, linewidths=0.5, alpha=0.6, zorder=2, gid="arrows"
            ),
            autolim=False,
        )
    centers = np.array([(shape.left + shape.width / 2, shape.top + shape.height / 2) for shape in placed.shapes])
    colors = [tones.color(tones.of_dot(shape.box), look) for shape in placed.shapes]
    ax.add_collection(
        collections.EllipseCollection(
            [shape.width for shape in placed.shapes],
            [shape.height for shape in placed.shapes],
            np.zeros(len(centers)),
            units="xy",
            offsets=centers,
            transOffset=ax.transData,
            facecolors=colors,
            edgecolors="none",
            zorder=3,
            gid="boxes",
        ),
        autolim=False,
    )
