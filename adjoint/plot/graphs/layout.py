"""Coordinates for a graph in layers: where the boxes stand, and where the edges run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.graphs.alignment import across
from adjoint.plot.graphs.layers import Layered, layered, layers

DIRECTIONS = ("right", "down")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A graph with coordinates; ``y`` grows downward, and everything lies in ``[0, width] × [0, height]``.

    Attributes
    ----------
    x, y : float arrays (n,)
        Centers of the boxes.
    layers : int array (n,)
    edges : int array (m, 2)
        ``(parent, child)``, each pair once, sorted by child.
    points : float array (p, 2)
        Of all edges, one after the other: from the border of the parent's box through its bends to the border of the
        child's. Smooth curves leave and arrive along the direction of the layers.
    offsets : int array (m + 1,)
        Edge ``e`` has the points ``offsets[e]:offsets[e + 1]``.
    extents : float array (layers, 2)
        Where each layer begins and ends along the direction; between two of them are edges only.
    width, height : float
    """

    x: np.ndarray
    y: np.ndarray
    layers: np.ndarray
    edges: np.ndarray
    points: np.ndarray
    offsets: np.ndarray
    extents: np.ndarray
    width: float
    height: float

    def __len__(self) -> int:
        return len(self.x)

    @property
    def routes(self) -> list[np.ndarray]:
        """The points of each edge, an array ``(points, 2)`` for each row of ``edges``."""
        return np.split(self.points, self.offsets[1:-1]) if len(self.edges) else []


def layout(
    parents: Sequence[Sequence[int]],
    *,
    sizes: Any = None,
    faces: Any = None,
    rooms: Sequence[Sequence[float]] | None = None,
    gap: float = 1.0,
    spacing: float = 0.5,
    direction: str = "right",
    compact: bool = True,
) -> Layout:
    """Place a graph in layers, each node after all that it reads.

    Parameters
    ----------
    parents : sequence of sequences of int
        For each node (from 0) the earlier nodes that it reads; one that is read twice counts once.
    sizes : array (n, 2), optional
        Width and height of the boxes; 1 by 1 by default.
    faces : array (n,), optional
        How much of the box edges may arrive at, across the direction; all of it by default.
    rooms : like parents, optional
        The length along the direction that the label of each edge takes; it is kept free before the child.
    gap, spacing : float
        Between two layers, and between two boxes of a layer, at least.
    direction : {"right", "down"}
    compact : bool
        Arguments stand right before what reads them first; else all of them in the first layer.

    Returns
    -------
    Layout

    Raises
    ------
    PlotError
        If a node reads one that is not before it, or for an unknown direction.

    Notes
    -----
    Layers by longest paths, crossings reduced by sweeps (Sugiyama, Tagawa and Toda 1981), coordinates that keep chains
    straight (Brandes and Köpf 2001). Deterministic; linear in nodes, edges and bends, but for sorts.

    Examples
    --------
    >>> from adjoint.plot.graphs.layout import layout
    >>> placed = layout([[], [], [0, 1], [2]])
    >>> placed.layers.tolist(), placed.x.tolist()
    ([0, 0, 1, 2], [0.5, 0.5, 2.5, 4.5])
    """
    if direction not in DIRECTIONS:
        raise PlotError(f"direction must be 'right' or 'down', not {direction!r}")
    count = len(parents)
    for k, own in enumerate(parents):
        if len(own) and (min(own) < 0 or max(own) >= k):
            raise PlotError(f"node {k} reads {list(own)!r:.80}: parents must be earlier nodes, counted from 0")
    shape = np.ones((count, 2)) if sizes is None else np.asarray(sizes, dtype=float).reshape(count, 2)
    along, thick = (shape[:, 0], shape[:, 1]) if direction == "right" else (shape[:, 1], shape[:, 0])
    graph = layered(parents, compact)
    heights = thick.tolist() + [0.0] * (len(graph.layer) - count)
    v = across(graph, heights, spacing)
    u, extents = _along(graph, parents, along, v, rooms, gap)
    sides = thick if faces is None else np.asarray(faces, dtype=float)
    edges, points, offsets = _routes(graph, parents, along, sides, u, v, extents)
    length = float(extents[-1, 1]) if count else 0.0
    breadth = float(np.max(v + np.array(heights) / 2)) if count else 0.0
    if len(points):
        breadth = max(breadth, float(points[:, 1].max()))
    if direction == "down":
        u, v, points, length, breadth = v, u, points[:, ::-1], breadth, length
    layers = np.array(graph.layer[:count], dtype=np.int64)
    return Layout(u[:count], v[:count], layers, edges, np.ascontiguousarray(points), offsets, extents, length, breadth)


def rough(parents: Sequence[Sequence[int]], gap: float = 1.0, spacing: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Centers of boxes of 1 by 1: layers in the order of the program, each around the same line. For huge graphs."""
    layer = np.array(layers(parents), dtype=np.int64)
    by_layer = np.argsort(layer, kind="stable")
    counts = np.bincount(layer)
    rank = np.empty(len(layer), dtype=np.int64)
    rank[by_layer] = np.arange(len(layer)) - np.repeat(np.cumsum(counts) - counts, counts)
    return 0.5 + layer * (1 + gap), 0.5 + (rank + (counts.max(initial=1) - counts[layer]) / 2) * (1 + spacing)


def _along(
    graph: Layered, parents: Sequence[Sequence[int]], along: np.ndarray, v: np.ndarray, rooms: Any, gap: float
) -> tuple[np.ndarray, np.ndarray]:
    """The coordinate of every vertex along the direction; and where each layer begins and ends."""
    layer = np.array(graph.layer, dtype=np.int64)
    depth = len(graph.order)
    widths = np.zeros(depth)
    np.maximum.at(widths, layer[: graph.nodes], along)
    gaps = np.full(depth, gap)
    if rooms is not None:
        for k, own in enumerate(rooms):
            gaps[layer[k]] = max(gaps[layer[k]], gap * 0.6 + max(own, default=0.0))
    tails = np.array([u for u, after in enumerate(graph.after) for _ in after], dtype=np.int64)
    heads = np.array([w for after in graph.after for w in after], dtype=np.int64)
    steep = np.zeros(depth)
    np.maximum.at(steep, layer[heads], np.abs(v[tails] - v[heads]))
    gaps = np.maximum(gaps, np.minimum(0.3 * steep, 4 * gap))  # steep edges need room to turn
    gaps[:1] = 0.0
    begins = np.cumsum(gaps) + np.concatenate([[0.0], np.cumsum(widths)[:-1]])[:depth]
    extents = np.stack([begins, begins + widths], axis=1)
    centers = extents.mean(axis=1)
    return centers[layer] if len(layer) else np.zeros(0), extents


def _routes(
    graph: Layered,
    parents: Sequence[Sequence[int]],
    along: np.ndarray,
    sides: np.ndarray,
    u: np.ndarray,
    v: np.ndarray,
    extents: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges, their points, and where each one's begin."""
    edges: list[tuple[int, int]] = []
    points: list[tuple[float, float]] = []
    offsets = [0]
    places, starts, layer, bends = v.tolist(), (u[: graph.nodes] - along / 2).tolist(), graph.layer, graph.bends
    ends = (u[: graph.nodes] + along / 2).tolist()
    spans, halves = extents.tolist(), (0.36 * sides).tolist()
    for k, own in enumerate(parents):
        mine = list(dict.fromkeys(own))
        if not mine:
            continue
        last = [bends.get((p, layer[k] - 1), p) if layer[k] - layer[p] <= graph.reach else p for p in mine]
        ports = _ports([places[vertex] - places[k] for vertex in last], halves[k])
        for p, port in zip(mine, ports, strict=True):
            edges.append((p, k))
            points.append((ends[p], places[p]))
            if ends[p] < spans[layer[p]][1]:  # pass the wider boxes of the layer before turning
                points.append((spans[layer[p]][1], places[p]))
            for between in range(layer[p] + 1, layer[k] if layer[k] - layer[p] <= graph.reach else 0):
                bend = bends[p, between]
                points += [(spans[between][0], places[bend]), (spans[between][1], places[bend])]
            if starts[k] > spans[layer[k]][0]:
                points.append((spans[layer[k]][0], places[k] + port))
            points.append((starts[k], places[k] + port))
            offsets.append(len(points))
    return (
        np.array(edges, dtype=np.int64).reshape(-1, 2),
        np.array(points, dtype=float).reshape(-1, 2),
        np.array(offsets, dtype=np.int64),
    )


def _ports(wanted: list[float], half: float) -> list[float]:
    """Where edges arrive at a box, from its middle: in the order of where they come from, a straight one straight."""
    count = len(wanted)
    if count == 1:
        return [max(-half, min(half, wanted[0]))] if abs(wanted[0]) < 1e-9 else [0.0]
    order = sorted(range(count), key=wanted.__getitem__)
    least = 2 * half / (count - 1)
    found = [0.0] * count
    straight = next((place for place, j in enumerate(order) if abs(wanted[j]) < 1e-9), None)
    if straight is None:
        for place, j in enumerate(order):
            found[j] = -half + place * least
        return found
    for place, j in enumerate(order):
        above, below = straight, count - 1 - straight
        side = above if place < straight else below
        found[j] = 0.0 if place == straight else half * (place - straight) / side
    return found
