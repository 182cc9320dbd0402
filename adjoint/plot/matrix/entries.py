"""The entry view: every scalar nonzero of ``A`` in its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.plot.canvas import matplotlib
from adjoint.plot.matrix.blocks import PIXELS, pixels_of, shaded, show
from adjoint.plot.matrix.frame import LINES, Frame
from adjoint.plot.matrix.kinds import rows_of_nodes
from adjoint.plot.matrix.legend import Item
from adjoint.plot.matrix.pixels import LIGHTEST, Grid
from adjoint.plot.picture import Picture
from adjoint.plot.raster.counting import rasterize


def entries(frame: Frame, detail: Picture, nodes: Any, order: np.ndarray | None, values: bool) -> list[Item]:
    """Draw the entries of a picture.

    Parameters
    ----------
    frame : Frame
    detail : Picture
        The picture without folding.
    nodes : (first, last), range or None
    order : int array or None
        Numbers from 1.
    values : bool
        Color by magnitude.
    """
    seen, size = pixels_of(frame), detail.shape[0]
    seen = size if size <= min(1.6 * seen, PIXELS) else seen
    raster = rasterize(detail.system, nodes=nodes, pixels=(seen, seen), magnitudes=values, order=order)
    counts, magnitudes = raster.counts, raster.magnitudes
    items: list[Item] = []
    if magnitudes is not None:
        found = np.where(raster.non_finite, np.inf, np.where(counts > 0, magnitudes, np.nan))
        items = shaded(frame, found, "|entry|", 0, "entries")
    else:
        kinds = _hues(detail, len(counts))
        show(frame, _tones(frame, detail, counts, kinds), "entries", 2)
    _boundaries(frame)
    return items


def _tones(frame: Frame, detail: Picture, counts: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Kinds as hues, the quiet tone of the diagonal where there is none; strength by the number of entries."""
    to_rgb, theme = matplotlib().colors.to_rgb, frame.theme
    palette = np.array([to_rgb(theme.color(kind)) for kind in (*detail.kind_names, "solve")] + [to_rgb(frame.quiet)])
    filled = counts > 0
    pixels = np.zeros((*counts.shape, 4))
    pixels[filled, :3] = palette[kinds[filled]]
    # from one entry in a pixel to as many as there can be, so a line looks even where a pixel has one or two of it
    full = np.ceil(detail.shape[0] / len(counts)) ** 2
    strength = np.log2(counts[filled]) / np.log2(full) if full > 1 else np.ones(np.count_nonzero(filled))
    pixels[filled, 3] = np.where(kinds[filled] == -1, 1, LIGHTEST + (1 - LIGHTEST) * strength)
    return pixels


def _hues(detail: Picture, side: int) -> np.ndarray:
    """The kind with the most nonzeros in each pixel; after the last kind D; -1 where there is only -I."""
    grid = Grid.over(detail.edges.astype(float), side)
    heights, widths = (grid.ends - grid.begins)[detail.rows], (grid.ends - grid.begins)[detail.columns]
    weights = detail.nonzeros / (heights * widths)
    kinds, _ = grid.dominant(detail.rows, detail.columns, detail.kinds, weights, len(detail.kind_names))
    row_of = rows_of_nodes(detail)
    for row in row_of[list(detail.system.structure.implicit)].tolist():
        if row >= 0:  # D fills the diagonal block
            square = kinds[grid.begins[row] : grid.ends[row], grid.begins[row] : grid.ends[row]]
            square[square < 0] = len(detail.kind_names)
    if side == detail.shape[0]:
        return kinds  # a pixel for each scalar: exact
    # a row thinner than a pixel was put in one of the two that it may touch: the other one takes its hue
    empty = kinds < 0
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        kinds = np.where(kinds < 0, np.roll(kinds, shift, axis), kinds)
    kinds[np.eye(side, dtype=bool) & empty] = -1
    return kinds


def _boundaries(frame: Frame) -> None:
    """Thin lines between blocks, where they would not be closer than a few points."""
    if len(frame.picture) > LINES:
        return
    total = frame.total
    edges = frame.edges[1:-1]
    least = 3 * total / (frame.side * 72)
    kept: list[float] = []
    for edge in edges.tolist():
        if edge - (kept[-1] if kept else 0.0) >= least:
            kept.append(edge)
    triangular = bool((frame.picture.columns > frame.picture.rows).all())
    segments = []
    for edge in kept:
        segments.append([(edge if triangular else 0, edge), (total, edge)])
        segments.append([(edge, 0), (edge, edge if triangular else total)])
    lines = matplotlib().collections.LineCollection(segments, colors=frame.theme.faint, linewidths=0.5, zorder=3)
    lines.set_gid("boundaries")
    frame.ax.add_collection(lines, autolim=False)
