"""A graph in layers: which layer each node is in, what long edges pass through, and the order with few crossings.

References
----------
K. Sugiyama, S. Tagawa and M. Toda, Methods for visual understanding of hierarchical system structures, IEEE Trans.
Systems, Man and Cybernetics 11 (1981) 109-125: the phases, and the barycenter heuristic.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 24
"""Sweeps over all layers at most; fewer where there are many vertices."""

SWAPPED = 1500
"""Vertices up to which neighbors are swapped one by one too."""

BENDS = (600, 3)
"""Bends that long edges may have in all: so many, and so many more for each node."""

PASSES = (50_000, 20)
"""Layers that all edges may pass in all, as the bends are counted: one that is shared counts for each of its edges."""


@dataclass(slots=True, eq=False)
class Layered:
    """Vertices are the nodes ``0 … nodes - 1``, and after them the bends of long edges.

    All edges of one node that pass a layer share a bend in it: they run together until one of them branches off.

    Attributes
    ----------
    nodes : int
    layer : list of int
        Of every vertex.
    before, after : list of list of int
        Neighbors in the previous and in the next layer.
    order : list of list of int
        The vertices of each layer, from the top.
    bends : dict
        ``{(node, layer): vertex}``.
    reach : int
        Layers that an edge with bends spans at most; longer ones have none.
    """

    nodes: int
    layer: list[int]
    before: list[list[int]]
    after: list[list[int]]
    order: list[list[int]]
    bends: dict[tuple[int, int], int]
    reach: int = 1

    def positions(self) -> list[int]:
        """Of every vertex in its layer."""
        found = [0] * len(self.layer)
        for layer in self.order:
            for position, vertex in enumerate(layer):
                found[vertex] = position
        return found


def layers(parents: Sequence[Sequence[int]], compact: bool = True) -> list[int]:
    """The layer of each node: the longest path to it, but for what is better placed right before its reader.

    Parameters
    ----------
    parents : for each node the earlier nodes that it reads
    compact : bool
        Arguments, and what leads from them or from a value with many readers to a single reader, stand right before
        that reader.
    """
    count = len(parents)
    found = [0] * count
    readers: list[list[int]] = [[] for _ in range(count)]
    for k, own in enumerate(parents):
        for p in set(own):
            found[k] = max(found[k], found[p] + 1)
            readers[p].append(k)
    if not compact:
        return found
    alone = [False] * count
    for k, own in enumerate(parents):
        one = len(set(own)) == 1
        alone[k] = len(readers[k]) == 1 and all(
            alone[p] or not parents[p] or (one and len(readers[p]) > 1) for p in own
        )
    for k in range(count - 1, -1, -1):
        if readers[k] and (alone[k] or not parents[k]):
            found[k] = min(found[r] for r in readers[k]) - 1
    first = min(found, default=0)
    return [layer - first for layer in found]


def layered(parents: Sequence[Sequence[int]], compact: bool = True) -> Layered:
    """Layers, bends, and an order of each layer with few crossings.

    Notes
    -----
    Deterministic. Time is linear in nodes, edges and bends, times the logarithm of a layer's size; there are at most
    so many bends as :data:`BENDS` says: the longest edges go without, where there would be more.
    """
    count = len(parents)
    layer = layers(parents, compact)
    graph = Layered(count, layer, [[] for _ in layer], [[] for _ in layer], [], {})
    depth = max(layer, default=-1) + 1
    reach = graph.reach = _longest(parents, layer, depth)
    for k, own in enumerate(parents):
        for p in dict.fromkeys(own):
            if layer[k] - layer[p] <= reach:
                _link(graph, p, k)
    graph.order = [[] for _ in range(depth)]
    owner = list(range(count)) + [node for node, _ in graph.bends]
    for vertex in sorted(range(len(layer)), key=lambda vertex: (owner[vertex], vertex)):
        graph.order[layer[vertex]].append(vertex)
    _uncross(graph)
    return graph


def _longest(parents: Sequence[Sequence[int]], layer: list[int], depth: int) -> int:
    """The length up to which edges get bends, so that there are not too many."""
    count = len(layer)
    nodes, edges = [0] * (depth + 1), [0] * (depth + 1)  # how many have this length
    furthest = [0] * count
    for k, own in enumerate(parents):
        for p in set(own):
            edges[layer[k] - layer[p]] += 1
            furthest[p] = max(furthest[p], layer[k] - layer[p])
    for length in furthest:
        nodes[length] += 1
    longer = sum(nodes[2:])  # nodes with an edge over `reach` layers or more
    bends = passes = 0
    for reach in range(2, depth + 1):
        bends += longer
        passes += reach * edges[reach]
        if bends > BENDS[0] + BENDS[1] * count or passes > PASSES[0] + PASSES[1] * count:
            return reach - 1
        longer -= nodes[reach]
    return depth


def _link(graph: Layered, tail: int, head: int) -> None:
    """An edge, by way of the tail's bends."""
    layer = graph.layer
    vertex = tail
    for between in range(layer[tail] + 1, layer[head]):
        bend = graph.bends.get((tail, between))
        if bend is None:
            bend = graph.bends[tail, between] = len(layer)
            layer.append(between)
            graph.before.append([vertex])
            graph.after.append([])
            graph.after[vertex].append(bend)
        vertex = bend
    graph.after[vertex].append(head)
    graph.before[head].append(vertex)


# --- fewer crossings ------------------------------------------------------------------------------------


def crossings(graph: Layered) -> int:
    """Pairs of edges between neighboring layers that cross."""
    position = graph.positions()
    total = 0
    for layer in graph.order:
        if len(layer) < 2:
            continue
        seen: list[int] = []
        for vertex in layer:
            ends = [position[other] for other in graph.after[vertex]]
            if seen:
                for end in ends:
                    total += len(seen) - bisect_right(seen, end)
            for end in ends:
                insort(seen, end)
    return total


def _uncross(graph: Layered) -> None:
    """Sweep forward and back; the best order is kept, and the first one among equals."""
    best, fewest = [list(layer) for layer in graph.order], crossings(graph)
    size = len(graph.layer)
    sweeps = max(4, min(SWEEPS, 200_000 // max(1, size)))
    stale = 0
    position = graph.positions()
    for sweep in range(sweeps):
        if fewest == 0 or stale == 6:
            break
        _sweep(graph, position, forward=sweep % 2 == 0, median=sweep % 4 >= 2)
        if size <= SWAPPED:
            _swap(graph, position)
        found = crossings(graph)
        stale += 1
        if found < fewest:
            best, fewest, stale = [list(layer) for layer in graph.order], found, 0
    graph.order = best


def _sweep(graph: Layered, position: list[int], *, forward: bool, median: bool) -> None:
    """Order each layer by the places of the neighbors in the layer before it (or after it)."""
    depth = len(graph.order)
    neighbors = graph.before if forward else graph.after
    for k in range(1, depth) if forward else range(depth - 2, -1, -1):
        layer = graph.order[k]
        if len(layer) < 2:
            continue
        keys = {}
        for vertex in layer:
            places = [position[other] for other in neighbors[vertex]]
            if places:
                if median:
                    places.sort()
                    keys[vertex] = (places[(len(places) - 1) // 2] + places[len(places) // 2]) / 2
                else:
                    keys[vertex] = sum(places) / len(places)
        # who has no neighbor there keeps its place
        moving = iter(sorted(keys, key=lambda vertex: (keys[vertex], position[vertex])))
        layer[:] = [next(moving) if vertex in keys else vertex for vertex in layer]
        for place, vertex in enumerate(layer):
            position[vertex] = place


def _swap(graph: Layered, position: list[int]) -> None:
    """Exchange neighbors in a layer as long as that removes crossings; a few rounds."""
    for _ in range(4):
        improved = False
        for layer in graph.order:
            for place in range(len(layer) - 1):
                upper, lower = layer[place], layer[place + 1]
                now = after = 0
                for neighbors in (graph.before, graph.after):
                    ours = [position[other] for other in neighbors[upper]]
                    theirs = [position[other] for other in neighbors[lower]]
                    if len(ours) * len(theirs) > 400:
                        break
                    now += sum(a > b for a in ours for b in theirs)
                    after += sum(b > a for a in ours for b in theirs)
                else:
                    if after < now:
                        layer[place], layer[place + 1] = lower, upper
                        position[lower], position[upper] = place, place + 1
                        improved = True
        if not improved:
            return
