"""The block view: one square for each block, or an image where there are too many."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.plot.canvas import matplotlib
from adjoint.plot.colors import luminance, symbol
from adjoint.plot.labelling import drawable, log_ticks
from adjoint.plot.matrix.fill_in import FillIn
from adjoint.plot.matrix.frame import Frame
from adjoint.plot.matrix.kinds import Parts, rows_of_nodes
from adjoint.plot.matrix.labels import compact, fitting
from adjoint.plot.matrix.legend import Item, implicit_nodes
from adjoint.plot.matrix.pixels import Grid, tinted
from adjoint.plot.picture import Picture

PIXELS = 800
"""The most pixels of an image along a side."""

WORDS = 600
"""Squares up to which kinds are written into them."""

FAINTEST = 0.85
"""How much color a pixel with a single created block has: it has to be found among those that were there."""

INSET = 0.05
"""Space around a square, in parts of its side."""


def squares(frame: Frame, magnitudes: np.ndarray | None, parts: Parts) -> list[Item]:
    """Every block as a square; the diagonal in a tone of its own.

    Where blocks of several kinds meet in one square, each kind has a stripe of it.
    """
    picture, theme = frame.picture, frame.theme
    inset = INSET if len(picture) <= 100 else 0.0
    _diagonal_squares(frame, inset)
    if magnitudes is not None:
        return colored(frame, frame.squares(picture.rows, picture.columns, inset), magnitudes)
    palette = _rgb([theme.color(kind) for kind in picture.kind_names])
    begins, ends = parts.shares(len(picture))
    corners = frame.squares(parts.rows, parts.columns, inset)
    left, width = corners[:, 0, 0].copy(), corners[:, 1, 0] - corners[:, 0, 0]
    corners[:, [0, 3], 0] = (left + begins * width)[:, None]
    corners[:, [1, 2], 0] = (left + ends * width)[:, None]
    inside = parts.inside
    frame.polygons(corners[~inside], "blocks", facecolors=palette[parts.kinds[~inside]], zorder=2)
    if inside.any():
        _folded_triangles(frame, inset, parts, begins, ends, palette)
    _words(frame, palette, parts)
    return []


def _folded_triangles(
    frame: Frame, inset: float, parts: Parts, begins: np.ndarray, ends: np.ndarray, palette: np.ndarray
) -> None:
    """Blocks inside a folded row stand above the diagonal of its square, each kind on a band along it."""
    inside = parts.inside
    square = frame.squares(parts.rows[inside], parts.columns[inside], inset)
    left, top = square[:, 0, 0], square[:, 0, 1]
    side = square[:, 1, 0] - left
    near, far = 1 - np.sqrt(1 - begins[inside]), 1 - np.sqrt(1 - ends[inside])  # bands of equal areas
    zero, one = np.zeros(len(near)), np.ones(len(near))
    across = np.array([near, far, one, one])
    down = np.array([zero, zero, 1 - far, 1 - near])
    corners = np.stack([left + side * across, top + side * down], axis=2).transpose(1, 0, 2)
    frame.polygons(corners, "folded", facecolors=palette[parts.kinds[inside]], zorder=2.1)


def _rgb(colors: list[str]) -> np.ndarray:
    return np.array([matplotlib().colors.to_rgb(color) for color in colors]).reshape(-1, 3)


def _diagonal_squares(frame: Frame, inset: float) -> None:
    picture, theme = frame.picture, frame.theme
    rows = np.arange(len(picture))
    colors = _rgb([frame.quiet] * len(rows))
    own = [row for row in map(picture.row_of, implicit_nodes(picture)) if row is not None]
    own = [row for row in own if not picture.is_folded(row)]
    colors[own] = _rgb([theme.color("solve")])
    frame.polygons(frame.squares(rows, rows, inset), "diagonal", facecolors=colors, zorder=2)
    for row in own:
        side = 0.85 * frame.points[row]
        words = drawable(symbol(picture.diagonal_kind(row)))
        size = fitting(words, side, side, 9)
        if size:
            _write(frame, frame.centers[row], frame.centers[row], words, size, _ink(colors[row]), "diagonal kind")


def _words(frame: Frame, palette: np.ndarray, parts: Parts) -> None:
    """Kinds in the squares that have room; how many blocks, where rows are folded."""
    picture, points, centers = frame.picture, 0.85 * frame.points, frame.centers
    if len(picture.rows) > WORDS:
        return
    mixed = len(picture.kind_names) - 1
    lightness = _lightness(picture, parts, palette)
    heights, widths = points[picture.rows], points[picture.columns]
    for entry in np.flatnonzero(np.minimum(heights, widths) > 6).tolist():
        count, kind = int(picture.blocks[entry]), int(picture.kinds[entry])
        times = f"×{compact(count)}" if count > 1 else ""
        sign = "" if kind == mixed else drawable(symbol(picture.kind_names[kind]))
        for words in (f"{sign}\n{times}".strip(), times):
            size = fitting(words, widths[entry], heights[entry], 9) if words else 0
            if size:
                x, y = centers[picture.columns[entry]], centers[picture.rows[entry]]
                _write(frame, x, y, words, size, "#14171C" if lightness[entry] > 0.42 else "#FFFFFF", "kind")
                break
    sizes = picture.system.structure.sizes
    for row in picture.names:
        words = f"×{compact(int(np.count_nonzero(sizes[picture.starts[row] : picture.stops[row]])))}"
        size = fitting(words, 0.62 * points[row], 0.62 * points[row], 9)  # below the diagonal of the square
        if size:
            side = frame.edges[row + 1] - frame.edges[row]
            x, y = frame.edges[row] + 0.36 * side, frame.edges[row] + 0.72 * side
            _write(frame, x, y, words, size, _ink(_rgb([frame.quiet])[0]), "nodes")


def _lightness(picture: Picture, parts: Parts, palette: np.ndarray) -> np.ndarray:
    """How bright each square is, all its stripes together."""
    outside = ~parts.inside
    keys = parts.rows[outside] * len(picture) + parts.columns[outside]
    entry = np.searchsorted(np.sort(picture.rows * len(picture) + picture.columns), keys)
    order = np.argsort(picture.rows * len(picture) + picture.columns, kind="stable")
    bright = palette[parts.kinds[outside]] @ np.array([0.2126, 0.7152, 0.0722])
    total = np.bincount(order[entry], parts.blocks[outside] * bright, minlength=len(picture.rows))
    found: np.ndarray = total / np.maximum(picture.blocks, 1)
    return found


def _ink(color: np.ndarray) -> str:
    return "#14171C" if luminance(tuple(color)) > 0.42 else "#FFFFFF"


def _write(frame: Frame, x: float, y: float, words: str, size: float, color: str, gid: str) -> None:
    text = frame.ax.text(
        x, y, words, ha="center", va="center", fontsize=size, color=color, zorder=4, linespacing=0.95, clip_on=True
    )
    text.set_gid(gid)


def colored(frame: Frame, corners: np.ndarray, magnitudes: np.ndarray) -> list[Item]:
    """Squares by magnitude: a logarithmic scale with its bar; zeros as outlines; NaN and infinity in their color."""
    theme = frame.theme
    finite = np.isfinite(magnitudes)
    zero = finite & (magnitudes == 0)
    regular = finite & ~zero
    if regular.any():
        norm, colors = scale(frame, magnitudes[regular])
        drawn = frame.polygons(corners[regular], "blocks", array=magnitudes[regular], norm=norm, cmap=colors, zorder=2)
        bar(frame, drawn, "largest |entry| of the block")
    items = []
    if zero.any():
        frame.polygons(
            corners[zero], "zeros", facecolors="none", edgecolors=theme.ink, linewidths=0.5, linestyles=":", zorder=2
        )
        items.append(Item(f"0 at this point: {np.count_nonzero(zero):,}", "none", theme.ink))
    if not finite.all():
        frame.polygons(corners[~finite], "non-finite", facecolors=theme.non_finite, zorder=2.5)
        items.append(Item(f"NaN or infinity: {np.count_nonzero(~finite):,}", theme.non_finite))
    return items


def scale(frame: Frame, magnitudes: np.ndarray) -> tuple[Any, Any]:
    """A logarithmic norm over positive numbers, and colors that are seen on this ground."""
    package = matplotlib()
    low, high = float(magnitudes.min()), float(magnitudes.max())
    least, most = float(np.finfo(float).tiny), float(np.finfo(float).max) / 4  # matplotlib adds neighbors on the scale
    low, high = min(low, most), min(high, most)
    if high / low < 1.01 if low > least else high <= least:
        low, high = low / 2, min(2 * high, most)
    norm = package.colors.LogNorm(max(low, least), max(high, 10 * least))
    ends = (0.0, 0.9) if frame.theme.name == "light" else (0.18, 1.0)
    shades = package.colormaps[frame.theme.colormap](np.linspace(*ends, 256))
    return norm, package.colors.ListedColormap(shades)


def bar(frame: Frame, drawn: Any, words: str) -> None:
    """The scale beside the picture."""
    made = frame.ax.figure.colorbar(drawn, ax=frame.ax, fraction=0.046, pad=0.02, shrink=0.85)
    log_ticks(made.ax.yaxis, np.log10(drawn.norm.vmin), np.log10(drawn.norm.vmax))
    made.set_label(words, color=frame.theme.ink, fontsize=frame.letters)
    made.ax.tick_params(which="both", colors=frame.theme.ink, labelsize=frame.letters)
    made.ax.grid(visible=False)
    made.outline.set_edgecolor(frame.theme.faint)


# --- too many blocks for squares ---------------------------------------------------------------------


def pixels_of(frame: Frame) -> int:
    """Pixels of an image along a side: no more than are seen, so that none is lost."""
    return int(np.clip(0.9 * frame.side * frame.ax.figure.dpi, 60, PIXELS))


def grid_of(frame: Frame) -> Grid:
    """Pixels for an image of the rows: one per row where there are enough, and all are equal."""
    rows, seen = len(frame.picture), pixels_of(frame)
    return Grid.over(frame.edges, rows if frame.total == rows <= seen else seen)


def image(frame: Frame, magnitudes: np.ndarray | None) -> list[Item]:
    """The pattern as one image: the hue of a pixel is the kind of most of its blocks, its strength tells how many."""
    picture, theme = frame.picture, frame.theme
    grid = grid_of(frame)
    diagonal = np.arange(len(picture))
    ones = np.ones(len(diagonal))
    codes = np.zeros(len(diagonal), dtype=np.int64)
    implicit = implicit_nodes(picture)
    if implicit:
        codes[np.isin(picture.starts, implicit)] = 1
    under = tinted(*grid.dominant(diagonal, diagonal, codes, ones, 2), _rgb([frame.quiet, theme.color("solve")]))
    under[..., 3] = np.where(under[..., 3] > 0, 1.0, 0.0)
    show(frame, under, "diagonal", 1.8)
    if magnitudes is not None:
        return _shaded(frame, grid, magnitudes)
    kinds, density = grid.dominant(
        picture.rows, picture.columns, picture.kinds, picture.blocks, len(picture.kind_names)
    )
    show(frame, tinted(kinds, density, _rgb([theme.color(kind) for kind in picture.kind_names])), "blocks", 2)
    return []


def _shaded(frame: Frame, grid: Grid, magnitudes: np.ndarray) -> list[Item]:
    """The largest magnitude in each pixel; NaN and infinity win."""
    picture = frame.picture
    found = grid.largest(picture.rows, picture.columns, np.where(np.isfinite(magnitudes), magnitudes, np.inf))
    return shaded(frame, found, "largest |entry|", int(np.count_nonzero(~np.isfinite(magnitudes))), "blocks")


def shaded(frame: Frame, found: np.ndarray, words: str, broken: int, gid: str) -> list[Item]:
    """An image by magnitude: NaN is empty, infinity is not finite, 0 has a tone of its own."""
    package, theme = matplotlib(), frame.theme
    regular = np.isfinite(found) & (found > 0)
    shown = np.zeros((*found.shape, 4))
    if regular.any():
        norm, colors = scale(frame, found[regular])
        shown[regular] = colors(norm(found[regular]))
        bar(frame, package.cm.ScalarMappable(norm, colors), words)
    items = []
    if (found == 0).any():
        shown[found == 0] = package.colors.to_rgba(theme.faint)
        items.append(Item("0 at this point", theme.faint))
    if np.isinf(found).any():
        shown[np.isinf(found)] = package.colors.to_rgba(theme.non_finite)
        items.append(Item(f"NaN or infinity: {broken:,}" if broken else "NaN or infinity", theme.non_finite))
    show(frame, shown, gid, 2)
    return items


def show(frame: Frame, pixels: np.ndarray, gid: str, order: float) -> None:
    """One image over the matrix."""
    drawn = frame.ax.imshow(
        pixels,
        extent=(0, frame.total, frame.total, 0),
        origin="upper",  # whatever rcParams say
        aspect="equal",
        interpolation="nearest" if len(pixels) <= pixels_of(frame) / 0.9 else "antialiased",
        zorder=order,
    )
    drawn.set_gid(gid)


# --- fill-in -----------------------------------------------------------------------------------------


def fill_in(frame: Frame, found: FillIn, name: str) -> list[Item]:
    """What an elimination creates, over the picture: outlined and hatched, or in its color where squares are images."""
    picture, theme = frame.picture, frame.theme
    row_of = rows_of_nodes(picture)
    rows, columns = row_of[found.parents], row_of[found.children]
    visible = (rows >= 0) & (columns >= 0)
    width = len(picture)
    keys = rows[visible] * width + columns[visible]
    fresh = np.setdiff1d(keys[rows[visible] != columns[visible]], picture.rows * width + picture.columns)
    rows, columns = fresh // width, fresh % width
    if frame.labelled:
        corners = frame.squares(rows, columns, 0.12)
        style = {"facecolors": theme.fill_in, "edgecolors": theme.accent, "linewidths": 0.6}
        frame.polygons(corners, "fill-in", hatch="////" if len(rows) <= WORDS else None, zorder=1.9, **style)
    elif len(rows):
        grid = grid_of(frame)
        codes, density = grid.dominant(rows, columns, np.zeros(len(rows), dtype=np.int64), np.ones(len(rows)), 1)
        shown = tinted(codes, density, _rgb([theme.accent]))
        shown[..., 3] = np.where(shown[..., 3] > 0, np.maximum(shown[..., 3], FAINTEST), 0)
        show(frame, shown, "fill-in", 1.6)
    count = int(np.count_nonzero(visible))
    words = f"fill-in, {name}: {count:,} block{'s' if count != 1 else ''}"
    if not frame.labelled:
        return [Item(words, theme.accent)]
    return [Item(words, theme.fill_in, theme.accent, "////")]
