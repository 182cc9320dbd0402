"""What stands around the matrix: its edges, levels as bands, labels, the seed beside it, the title."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.plot.canvas import matplotlib
from adjoint.plot.colors import Theme
from adjoint.plot.labelling import drawable
from adjoint.plot.lettering import clean
from adjoint.plot.matrix.labels import SMALLEST, shortened
from adjoint.plot.picture import Picture

SQUARES = 150
"""Rows up to which every block is a square with a label; more rows are drawn as an image."""

LINES = 60
"""Rows up to which boundaries between blocks are drawn over entries."""

LEAST_SIDE = 1 / 3
"""The shortest side of a row, where sides are in proportion to scalars: this part of the mean side."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The axes, and where the rows are on it.

    Attributes
    ----------
    ax : Axes
    theme : Theme
    picture : Picture
    edges : array (rows + 1,)
        Where rows (and columns) begin and end, in the units of the axes.
    side : float
        Inches that the matrix is wide, about.
    labelled : bool
        Rows are told apart by squares and labels.
    """

    ax: Any
    theme: Theme
    picture: Picture
    edges: np.ndarray
    side: float
    labelled: bool

    @property
    def total(self) -> float:
        """The side of the matrix in the units of the axes."""
        return float(self.edges[-1])

    @property
    def centers(self) -> np.ndarray:
        """Of all rows."""
        middle: np.ndarray = (self.edges[:-1] + self.edges[1:]) / 2
        return middle

    @property
    def points(self) -> np.ndarray:
        """Sides of all rows, in points."""
        points: np.ndarray = np.diff(self.edges) / self.total * self.side * 72
        return points

    @property
    def letters(self) -> float:
        """The font size of words beside the picture."""
        return float(np.clip(3.2 + 1.3 * self.side, 5, 9))

    @property
    def quiet(self) -> str:
        """The tone of the diagonal: seen as a line of one pixel too, and no kind's color."""
        faint, ink = (np.array(matplotlib().colors.to_rgb(color)) for color in (self.theme.faint, self.theme.ink))
        tone: str = matplotlib().colors.to_hex(0.82 * faint + 0.18 * ink)
        return tone

    def squares(self, rows: np.ndarray, columns: np.ndarray, inset: float = 0.0) -> np.ndarray:
        """Corners ``(n, 4, 2)`` of the entries; ``inset`` in parts of the shortest side."""
        top, bottom, left, right = self.edges[rows], self.edges[rows + 1], self.edges[columns], self.edges[columns + 1]
        gap = inset * np.diff(self.edges).min()
        top, bottom, left, right = top + gap, bottom - gap, left + gap, right - gap
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        return np.array(corners).transpose(2, 0, 1)

    def polygons(self, corners: np.ndarray, gid: str, **style: Any) -> Any:
        """Add one collection."""
        collection = matplotlib().collections.PolyCollection(corners, **{"linewidths": 0, **style})
        collection.set_gid(gid)
        self.ax.add_collection(collection, autolim=False)
        return collection


def edges_of(picture: Picture, sides: str) -> np.ndarray:
    """Where rows end: ``"equal"`` sides, ``"scalars"``, or ``"area"``: scalars, but no side too short to be seen."""
    if sides == "equal":
        return np.arange(len(picture) + 1, dtype=float)
    sizes = picture.sizes.astype(float)
    if sides == "area":
        sizes = np.maximum(sizes, LEAST_SIDE * sizes.mean())
    return np.concatenate([[0.0], np.cumsum(sizes)])


def figure_size(rows: int) -> tuple[float, float]:
    """Inches for a new figure: room for labels of so many rows."""
    side = float(np.clip(2.6 + 0.16 * rows, 5.2, 11)) if rows <= SQUARES else 6.4
    return side + 0.6, side


def side_of(ax: Any, labelled: bool, made: bool) -> float:
    """Inches that the matrix will be wide, before anything is laid out; ``made``: the figure has these axes only."""
    box = ax.figure.bbox if made else ax.get_window_extent()
    room = 0.82 if labelled else 0.92
    return float(max(0.3, min(box.width, box.height) / ax.figure.dpi * room))


def outline(frame: Frame, *, levels: bool, labels: bool, seed: bool) -> None:
    """Bands, frame, labels, seed; and the limits of the axes."""
    ax, theme, total = frame.ax, frame.theme, frame.total
    if levels:
        _bands(frame)
    corners = np.array([[[0, 0], [total, 0], [total, total], [0, total]]], dtype=float)
    frame.polygons(corners, "frame", facecolors="none", edgecolors=theme.faint, linewidths=0.8, zorder=1.5)
    right = _seed(frame) if seed and frame.picture.seeds.size else total
    margin = 0.006 * total
    ax.set_xlim(-margin, right + margin)
    ax.set_ylim(total + margin, -margin)
    ax.set_aspect("equal")
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.grid(visible=False)  # whatever rcParams say
    ax.xaxis.tick_top()
    ax.tick_params(length=0, pad=2, colors=theme.ink)
    if not labels:
        ax.set_xticks([])
        ax.set_yticks([])
    elif frame.labelled:
        _names(frame)
    else:
        _numbers(frame)
    if labels and right > total:
        _seed_label(frame, right - (right - total) / 2.8)


def _bands(frame: Frame) -> None:
    """Rows of one level have one tone, and the next level has another."""
    levels = frame.picture.levels
    starts = np.flatnonzero(np.concatenate([[True], levels[1:] != levels[:-1]]))
    stops = np.append(starts[1:], len(levels))
    top, bottom = frame.edges[starts[1::2]], frame.edges[stops[1::2]]
    if len(top) > 12 * frame.side:
        return  # stripes of less than three points would be a gray
    left, right = np.zeros(len(top)), np.full(len(top), frame.total)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]]).transpose(2, 0, 1)
    frame.polygons(corners, "levels", facecolors=frame.theme.band, zorder=0.5)


def _seed(frame: Frame) -> float:
    """The column ``−s`` with the rows of the outputs filled; where it ends."""
    theme, total, seeds = frame.theme, frame.total, frame.picture.seeds
    width = total * float(np.clip(1 / len(frame.picture), 0.02, 0.06))
    left = total + 0.4 * width
    right = left + width
    frame.polygons(
        np.array([[[left, 0], [right, 0], [right, total], [left, total]]]),
        "seed column",
        facecolors="none",
        edgecolors=theme.faint,
        linewidths=0.8,
        zorder=1.5,
    )
    top, bottom = frame.edges[seeds], frame.edges[seeds + 1]
    short = np.maximum(0.004 * total - (bottom - top), 0) / 2  # a row thinner than a pixel is seen too
    top, bottom = np.clip(top - short, 0, None), np.clip(bottom + short, None, total)
    if len(seeds) > 2 * SQUARES:  # rows that touch are one rectangle
        apart = np.flatnonzero(top[1:] > bottom[:-1])
        top, bottom = top[np.append(0, apart + 1)], bottom[np.append(apart, len(bottom) - 1)]
    lefts, rights = np.full(len(top), left), np.full(len(top), right)
    corners = np.array([[lefts, top], [rights, top], [rights, bottom], [lefts, bottom]]).transpose(2, 0, 1)
    frame.polygons(corners, "seed", facecolors=theme.accent, zorder=3)
    return right


def _seed_label(frame: Frame, middle: float) -> None:
    frame.ax.annotate(
        "−s",
        (middle, 0),
        xytext=(0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=frame.letters,
        color=frame.theme.accent,
    ).set_gid("seed label")


def rows_with_room(frame: Frame) -> tuple[list[int], float]:
    """The rows that can have a label, so that none overlaps the one before; and the size of the letters."""
    size = float(np.clip(0.95 * np.median(frame.points), max(SMALLEST + 0.5, 0.7 * frame.letters), frame.letters))
    shown: list[int] = []
    free = 0.0
    for row, center in enumerate(frame.centers * frame.side * 72 / frame.total):
        if not shown or center >= free:
            shown.append(row)
            free = center + 1.15 * size
    return shown, size


def _names(frame: Frame) -> None:
    """A label on each row and column, or on every second, third, … where they would overlap."""
    picture, ax, centers = frame.picture, frame.ax, frame.centers
    shown, size = rows_with_room(frame)
    names = picture.labels()
    most = int(np.clip(frame.side * 5, 8, 22))
    for axis, kind, letters in (
        (ax.yaxis, "row", most),
        (ax.xaxis, "column", most if frame.side > 2.5 else max(6, most - 4)),
    ):
        texts = [drawable(shortened(" ".join(names[row].split()), letters)) for row in shown]
        axis.set_ticks(centers[shown], texts)
        for row, label in zip(shown, axis.get_ticklabels(), strict=True):
            label.set(fontsize=size, color=frame.theme.ink, gid=clean(f"{kind} {names[row]}"))
            if kind == "column":
                label.set_rotation(90)
            if picture.is_folded(row):
                label.set_fontstyle("italic")


def _numbers(frame: Frame) -> None:
    """Numbers of nodes at a few places, for pictures with too many rows to name them."""
    package, picture = matplotlib(), frame.picture
    edges, starts = frame.edges, picture.starts

    def name(place: float, most: float) -> str:
        row = max(int(np.searchsorted(edges, place)) - 1, 0)  # an edge is named by the row that ends there
        return f"z_{starts[row] + 1:,}" if 0 <= place <= most else ""

    count = max(2, min(6, int(frame.side * 1.6)))
    # over the last columns there is the label of the seed
    for axis, most in ((frame.ax.xaxis, 0.93 * frame.total), (frame.ax.yaxis, frame.total)):
        axis.set_major_locator(package.ticker.MaxNLocator(count))
        axis.set_major_formatter(package.ticker.FuncFormatter(lambda place, _, most=most: name(place, most)))
    frame.ax.tick_params(length=3, color=frame.theme.faint, labelsize=frame.letters, pad=2)


def readout(frame: Frame) -> Any:
    """What stands under the mouse, for windows of matplotlib: the two nodes, and the block where they meet."""
    picture, edges = frame.picture, frame.edges
    width = max(len(picture), 1)
    keys = picture.rows * width + picture.columns
    ascending = bool((keys[1:] > keys[:-1]).all()) if len(keys) > 1 else True

    def describe(x: float, y: float) -> str:
        row, column = (int(np.searchsorted(edges, place, side="right")) - 1 for place in (y, x))
        if not (0 <= row < width and 0 <= column < width):
            return ""
        where = f"row {picture.label(row)}, column {picture.label(column)}"
        if row == column:
            return f"{where}: diagonal, {picture.diagonal_kind(row)}"
        found = int(np.searchsorted(keys, row * width + column)) if ascending else 0
        if not ascending or found == len(keys) or keys[found] != row * width + column:
            return where
        return f"{where}: {picture.kind_names[picture.kinds[found]]}, {picture.nonzeros[found]:,} nonzeros"

    return describe


def title(frame: Frame, text: str) -> None:
    """Over the picture, in two lines where one is too long."""
    size = float(np.clip(3 + 1.6 * frame.side, 6, 11))
    head, _, tail = text.partition(": ")
    parts = tail.split("; ")
    lines = [text]
    if 0.53 * size * len(text) > frame.side * 72 * 1.25:
        first, _, rest = parts[0].partition(", ")
        lines = [f"{head}: {first}", rest, *parts[1:]]
    frame.ax.set_title("\n".join(lines), fontsize=size, color=frame.theme.ink)
