"""The legend of a picture of the matrix: kinds with their blocks and nonzeros; and the title's numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.plot.canvas import matplotlib
from adjoint.plot.colors import Theme, symbol
from adjoint.plot.labelling import counted, drawable
from adjoint.plot.matrix.frame import Frame
from adjoint.plot.matrix.kinds import Parts
from adjoint.plot.matrix.labels import SMALLEST, compact
from adjoint.plot.picture import Picture

MOST = 9
"""Kinds that a legend lists; the others are counted together."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the legend: a patch and words."""

    words: str
    face: str
    edge: str = "none"
    hatch: str | None = None


def kind_items(picture: Picture, theme: Theme, parts: Picture | Parts) -> list[Item]:
    """Kinds of blocks above the diagonal, the most nonzeros first."""
    count = len(picture.kind_names)
    blocks = np.bincount(parts.kinds, parts.blocks, minlength=count)
    nonzeros = np.bincount(parts.kinds, parts.nonzeros, minlength=count)
    present = np.flatnonzero(blocks)
    present = present[np.argsort(-nonzeros[present], kind="stable")].tolist()
    items = []
    for kind in present[:MOST]:
        name = picture.kind_names[kind]
        sign = symbol(name)
        words = name if name.startswith(sign) else f"{name} ({sign})"
        numbers = f"{compact(blocks[kind])} / {compact(nonzeros[kind])}"
        items.append(Item(f"{drawable(words)}: {numbers}", theme.color(name)))
    if len(present) > MOST:
        rest = present[MOST:]
        numbers = f"{compact(blocks[rest].sum())} / {compact(nonzeros[rest].sum())}"
        items.append(Item(f"{len(rest)} more kinds: {numbers}", "none", theme.ink))
    return items


def diagonal_items(frame: Frame) -> list[Item]:
    """The diagonal: explicit constraints, and what implicit ones have there."""
    picture, theme = frame.picture, frame.theme
    rows, size = shown_nodes(picture)
    implicit = implicit_nodes(picture)
    inside = int(picture.system.structure.sizes[implicit].sum())
    items = []
    if rows > len(implicit):
        items.append(Item(f"−I: {compact(rows - len(implicit))} / {compact(size - inside)}", frame.quiet))
    by_kind: dict[str, list[int]] = {}
    for node in implicit:
        block = picture.system.diagonal_of(node)
        if block is not None:
            by_kind.setdefault(block.kind, []).append(block.nnz)
    for kind, found in by_kind.items():
        numbers = f"{compact(len(found))} / {compact(sum(found))}"
        items.append(Item(f"−D, {drawable(kind)}: {numbers}", theme.color("solve")))
    return items


def implicit_nodes(picture: Picture) -> list[int]:
    """Nodes (from 0) of the picture with a diagonal block of their own."""
    sizes = picture.system.structure.sizes
    low, high = picture.starts.min(), picture.stops.max()
    return [k for k in picture.system.structure.implicit if low <= k < high and sizes[k]]


def shown_nodes(picture: Picture) -> tuple[int, int]:
    """Constraints and scalars in the picture."""
    low, high = picture.starts.min(), picture.stops.max()
    return int(np.count_nonzero(picture.system.structure.sizes[low:high])), picture.shape[0]


def summary(picture: Picture, first: int, last: int) -> str:
    """``A: 31 constraints, 12,345 × 12,345, 67,890 nonzeros``."""
    structure = picture.system.structure
    rows, size = shown_nodes(picture)
    nonzeros = size
    if (first, last) == (1, len(picture.system)):
        nonzeros += int(structure.nonzeros.sum())
    else:
        inside = (structure.parents >= first - 1) & (structure.children < last)
        nonzeros += int(structure.nonzeros[inside].sum())
    for node in implicit_nodes(picture):
        block = picture.system.diagonal_of(node)
        nonzeros += 0 if block is None else block.nnz - int(structure.sizes[node])
    name = "A" if (first, last) == (1, len(picture.system)) else f"A, z_{first:,} … z_{last:,}"
    constraints = f"{rows:,} constraint{'s' if rows != 1 else ''}"
    folded = f"; folded to {counted(len(picture), 'row')}" if picture.names else ""
    return f"{name}: {constraints}, {size:,} × {size:,}, {nonzeros:,} nonzero{'s' if nonzeros != 1 else ''}{folded}"


def _is_free(frame: Frame, width: float, height: float) -> bool:
    """Whether so many inches at the lower left corner are below all squares of the diagonal.

    Both are estimates on the safe side: the staircase of few large squares is kept free, and one of many is a line.
    """
    if width + height >= 1.15 * frame.side:
        return False
    unit = frame.total / frame.side
    edges = frame.edges
    left, bottom = 0.87 * width * unit, frame.total - 0.87 * height * unit
    return not bool(((edges[:-1] < left) & (edges[1:] > bottom)).any())


def legend(frame: Frame, items: list[Item], heading: str) -> None:
    """In the lower triangle, which is empty; below the picture where it is not."""
    if not items:
        return
    picture, theme = frame.picture, frame.theme
    patches = matplotlib().patches
    handles = [
        patches.Patch(facecolor=item.face, edgecolor=item.edge, hatch=item.hatch, label=item.words, linewidth=0.8)
        for item in items
    ]
    triangular = bool((picture.columns > picture.rows).all())
    longest = max(len(heading), *(len(item.words) for item in items)) * 0.55 + 3  # in font sizes
    lines = (len(items) + 1.2) * 1.45
    size = frame.letters if triangular else 0.9 * frame.letters
    if triangular:
        size = max(SMALLEST, min(size, 0.98 * frame.side * 72 / (longest + lines)))
    inside = triangular and _is_free(frame, longest * size / 72, lines * size / 72)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 0.0)}
    if not inside:
        across = max(1, int(1.25 * frame.side * 72 / (longest * size)))
        place = {"loc": "upper left", "bbox_to_anchor": (0.0, 0.0), "ncols": min(across, len(items))}
    drawn = frame.ax.legend(
        handles=handles,
        title=heading,
        fontsize=size,
        title_fontsize=size,
        frameon=False,
        labelcolor=theme.ink,
        handlelength=1.0,
        handleheight=1.0,
        borderaxespad=0.3,
        labelspacing=0.25,
        columnspacing=1.2,
        alignment="left",
        **place,
    )
    drawn.get_title().set_color(theme.ink)
    drawn.set_zorder(5)
