"""A diagram with coordinates: how large the boxes are, where they stand, and where each text goes.

Lengths are in points (1/72 inch) of a picture in its natural size; ``y`` grows downward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adjoint.plot.graphs.layers import layers
from adjoint.plot.graphs.layout import Layout, layout
from adjoint.plot.graphs.model import Box, Diagram
from adjoint.plot.graphs.words import width

SIZES = {
    "name": 10.5,
    "operation": 10.5,
    "small": 7.5,
    "value": 9.0,
    "multiplier": 9.0,
    "norm": 7.5,
    "partial": 8.0,
    "key": 8.0,
    "lambda": 8.0,
}
"""Of the letters of each style."""

LINE = 1.25
PAD = (9.0, 5.0)
MARGIN = 10.0
ARROW = 14.0
"""The stub of an output."""

SMALL = 14
"""Boxes up to which all arguments stand in the first layer, as textbooks draw them."""

TRIES = (0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72, 0.2)
"""Where on its edge a label may stand, the best place first; on a bent one rather beyond where others may cross it."""

CROWD = 120
"""Labels in one gap at most."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text.

    Attributes
    ----------
    x, y : float
        The middle of the line; ``x`` is its left end, middle or right end as ``anchor`` says.
    text : str
    style : str
        A key of :data:`SIZES`.
    anchor : {"start", "middle", "end"}
    kind : str
        The kind of block whose color it has, if any.
    bad : bool
        Not finite.
    halo : bool
        Lines may run below it.
    """

    x: float
    y: float
    text: str
    style: str
    anchor: str = "middle"
    kind: str = ""
    bad: bool = False
    halo: bool = False
    faint: bool = False

    @property
    def width(self) -> float:
        """Of the line."""
        return width(self.text, SIZES[self.style], self.style == "name")

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        wide, high = self.width, SIZES[self.style]
        left = self.x - {"start": 0.0, "middle": wide / 2, "end": wide}[self.anchor]
        return left, self.y - high / 2, left + wide, self.y + high / 2


@dataclass(frozen=True, slots=True)
class Shape:
    """A box: its rectangle, the radius of its corners, its texts, and the wire that leaves it.

    Attributes
    ----------
    wire : (x, y, x, y) or None
        From the box to where its edges begin.
    """

    box: Box
    left: float
    top: float
    width: float
    height: float
    radius: float
    texts: tuple[Text, ...]
    wire: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Everything that a picture of a graph consists of.

    Attributes
    ----------
    shapes : list of Shape
        One for each box.
    curves : list of float array (points, 2)
        Of each arrow: where it starts, then two control points and an end for each cubic Bézier curve.
    labels : list of Text or None
        Of each arrow.
    key : list of Text
        What the colors and places of the texts mean.
    left_out : int
        Labels for which there was no room.
    """

    diagram: Diagram
    layout: Layout
    direction: str
    shapes: list[Shape]
    curves: list[np.ndarray]
    labels: list[Text | None]
    key: list[Text]
    width: float
    height: float
    left_out: int


def place(diagram: Diagram, direction: str) -> Placed:
    """Sizes, layout, texts."""
    down = direction == "down"
    boxes = diagram.boxes
    parents = diagram.parents
    compact = len(boxes) > SMALL or any(box.role == "fold" for box in boxes)
    frames = [_frame(box) for box in boxes]
    wires = _level_wires([_wire(box, down) for box in boxes], layers(parents, compact))
    sizes = np.array(
        [
            (max(w, 2 * s), h + a) if down else (w + a, max(h, 2 * s))
            for (w, h), (a, s) in zip(frames, wires, strict=True)
        ]
    )
    rooms: list[list[float]] | None = None
    if diagram.detailed:
        rooms = [[] for _ in boxes]
        for arrow in diagram.arrows:
            long = width(arrow.text, SIZES["partial"]) if arrow.text else 0.0
            rooms[arrow.head].append((SIZES["partial"] * 2 if down else long + 16) if long else 0.0)
    placed = layout(
        parents,
        sizes=sizes,
        faces=[w if down else h for w, h in frames],
        rooms=rooms,
        gap=(34.0 if down else 26.0) if diagram.detailed else 12.0,
        spacing=(20.0 if down else 13.0) if diagram.detailed else 6.0,
        direction=direction,
        compact=compact,
    )
    shift = np.array([MARGIN, MARGIN])
    shapes = [
        _shape(box, frame, wire, x + MARGIN, y + MARGIN, size, down)
        for box, frame, wire, x, y, size in zip(
            boxes, frames, wires, placed.x.tolist(), placed.y.tolist(), sizes.tolist(), strict=True
        )
    ]
    position = {(tail, head): e for e, (tail, head) in enumerate(placed.edges.tolist())}
    routes = placed.routes
    order = [position[arrow.tail, arrow.head] for arrow in diagram.arrows]
    paths = [routes[e] + shift for e in order]
    curves = [_curve(path, down) for path in paths]
    labels, left_out = _labels(diagram, placed, paths, down)
    long, high = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN
    key: list[Text] = []
    if diagram.detailed:
        key, long, high = _key(diagram, long, high, left_out)
    return Placed(diagram, placed, direction, shapes, curves, labels, key, long, high, left_out)


def _inside(box: Box) -> list[tuple[str, str]]:
    """The lines in a box, as ``(style, text)``."""
    return [*box.lines, *([("norm", box.multiplier)] if box.lines and box.has_norm else [])]


def _frame(box: Box) -> tuple[float, float]:
    """Width and height of a box."""
    lines = _inside(box)
    if not lines:
        return 6.0, 6.0
    wide = max(width(text, SIZES[style], style == "name") for style, text in lines)
    high = sum(SIZES[style] * LINE for style, _ in lines)
    high += 2 * PAD[1]
    return max(wide + 2 * PAD[0], high), high


def _wire(box: Box, down: bool) -> tuple[float, float]:
    """How far the wire of a box reaches, and how much room its texts take on each side of it."""
    texts = [
        width(text, SIZES[style])
        for text, style in ((box.value, "value"), (box.multiplier, "multiplier"))
        if text and box.lines and not text.startswith("‖")
    ]
    if not texts:
        return (ARROW if box.output and box.lines else 0.0), 0.0
    arrow = 6.0 if box.output else 0.0
    if down:
        return SIZES["value"] * 1.5 + 4.0 + arrow, max(texts) + 8.0
    return max(texts) + 10.0 + arrow, SIZES["value"] * LINE + 2.0


def _level_wires(wires: list[tuple[float, float]], layer: list[int]) -> list[tuple[float, float]]:
    """Wires of one layer that are equally long, so that its boxes stand in a line."""
    longest: dict[int, float] = {}
    for (reach, _), own in zip(wires, layer, strict=True):
        longest[own] = max(longest.get(own, 0.0), reach)
    return [(longest[own], side) for (_, side), own in zip(wires, layer, strict=True)]


def _shape(
    box: Box,
    frame: tuple[float, float],
    wire: tuple[float, float],
    x: float,
    y: float,
    size: list[float],
    down: bool,
) -> Shape:
    wide, high = frame
    reach, _ = wire
    left = x - wide / 2 if down else x - size[0] / 2
    top = y - size[1] / 2 if down else y - high / 2
    radius = high / 2 if box.role == "input" or not box.lines else 5.0
    texts = []
    line = top + PAD[1]
    for style, text in _inside(box):
        line += SIZES[style] * LINE
        middle = line - SIZES[style] * LINE / 2
        bad = style == "norm" and box.bad_multiplier
        texts.append(Text(left + wide / 2, middle, text, style, bad=bad, faint=box.dead))
    line_ends = None
    if reach and down:
        line_ends = (left + wide / 2, top + high, left + wide / 2, top + high + reach)
        middle = top + high + 2.0 + SIZES["value"] * 0.7
        spots = ((line_ends[0] - 4, middle, "end"), (line_ends[0] + 4, middle, "start"))
    elif reach:
        line_ends = (left + wide, top + high / 2, left + wide + reach, top + high / 2)
        begin, middle = line_ends[0] + 4.0, line_ends[1]
        away = SIZES["value"] * 0.5 + 3.0
        spots = ((begin, middle - away, "start"), (begin, middle + away, "start"))
    if line_ends is not None:
        if box.value:
            texts.append(Text(spots[0][0], spots[0][1], box.value, "value", spots[0][2], bad=box.bad_value))
        if box.multiplier and not box.has_norm:
            bad = box.bad_multiplier
            texts.append(Text(spots[1][0], spots[1][1], box.multiplier, "multiplier", spots[1][2], bad=bad))
    return Shape(box, left, top, wide, high, radius, tuple(texts), line_ends)


def _curve(path: np.ndarray, down: bool) -> np.ndarray:
    """Cubic curves through points, which leave and arrive along the direction."""
    along = 1 if down else 0
    starts, ends = path[:-1], path[1:]
    half = (starts[:, along] + ends[:, along]) / 2
    first, second = starts.copy(), ends.copy()
    first[:, along] = half
    second[:, along] = half
    curve: np.ndarray = np.concatenate([path[:1], np.stack([first, second, ends], axis=1).reshape(-1, 2)])
    return curve


def _labels(diagram: Diagram, placed: Layout, paths: list[np.ndarray], down: bool) -> tuple[list[Text | None], int]:
    """The text of each arrow in the gap before its head, where no other text is."""
    labels: list[Text | None] = [None] * len(paths)
    taken: dict[int, list[tuple[float, float, float, float]]] = {}
    left_out = 0
    along = 1 if down else 0
    for e, (arrow, path) in enumerate(zip(diagram.arrows, paths, strict=True)):
        if not arrow.text:
            continue
        layer = int(placed.layers[arrow.head])
        ends = np.flatnonzero(np.abs(path[:, along] - MARGIN - placed.extents[layer, 0]) < 1e-6)
        start, end = path[ends[0] - 1], path[ends[0]]
        others = taken.setdefault(layer, [])
        bent = 0.1 if abs(end[1 - along] - start[1 - along]) > 1.0 else 0.0
        for t in TRIES if len(others) < CROWD else ():
            x, y = (start + (end - start) * np.array(_ease(t + bent, down))).tolist()
            text = Text(x, y, arrow.text, "partial", kind=arrow.kind, bad=arrow.bad, halo=True)
            bounds = text.bounds
            if not any(_meet(bounds, other) for other in others):
                others.append(bounds)
                labels[e] = text
                break
        else:
            left_out += 1
    return labels, left_out


def arrowhead(curve: np.ndarray, length: float = 6.0) -> np.ndarray:
    """A triangle at the end of a curve, ``(3, 2)``."""
    tip = curve[-1]
    toward = tip - curve[-2]
    size = float(np.hypot(*toward))
    toward = toward / size if size else np.array([1.0, 0.0])
    back, side = tip - length * toward, np.array([-toward[1], toward[0]]) * length * 0.42
    return np.array([tip, back + side, back - side])


def _ease(t: float, down: bool) -> tuple[float, float]:
    """The point of the unit curve at parameter ``t``."""
    along = 1.5 * t * (1 - t) ** 2 + 1.5 * t**2 * (1 - t) + t**3
    across = 3 * t**2 * (1 - t) + t**3
    return (across, along) if down else (along, across)


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] + 2 and other[0] < one[2] + 2 and one[1] < other[3] + 0.5 and other[1] < one[3] + 0.5


def _key(diagram: Diagram, long: float, high: float, left_out: int) -> tuple[list[Text], float, float]:
    """What the texts mean, in lines below the picture."""
    says = {
        "value": ("partial", "value z", ""),
        "multiplier": ("lambda", "multiplier λ", ""),
        "norm": ("lambda", "multiplier λ, or its norm", ""),
        "partial": ("partial", "partial on each edge", ""),
    }
    words = [says[item] for item in diagram.legend]
    words += [("partial", "several kinds" if kind == "mixed" else kind, kind) for kind in diagram.kinds]
    words += [("key", note, "") for note in diagram.notes]
    if left_out:
        words.append(("key", f"{left_out} labels without room", ""))
    if not words:
        return [], long, high
    size, blank = SIZES["key"], 14.0
    room = max(long, 240.0)
    key: list[Text] = []
    x, y = MARGIN, high + size * 0.9
    for style, text, kind in words:
        mark = "— " if kind else ""
        item = Text(x, y, mark + text, style, "start", kind=kind)
        if x > MARGIN and item.bounds[2] > room:
            x, y = MARGIN, y + size * 1.6
            item = Text(x, y, mark + text, style, "start", kind=kind)
        key.append(item)
        x = item.bounds[2] + blank
    wide = max(item.bounds[2] for item in key) + MARGIN
    return key, max(long, wide), y + size * 1.2
