"""Where the vertices of each layer stand across it: straight chains, nothing overlapping.

References
----------
U. Brandes and B. Köpf, Fast and simple horizontal coordinate assignment, Graph Drawing 2001, LNCS 2265, 31-44:
algorithms 1 and 2. The blocks are packed by longest paths in the graph of neighboring blocks instead of algorithm 3,
which needs a correction where components meet (U. Brandes, J. Walter and J. Zink, Erratum, arXiv:2008.01252).
"""

from __future__ import annotations

import numpy as np

from adjoint.plot.graphs.layers import Layered


def across(graph: Layered, heights: list[float], spacing: float) -> np.ndarray:
    """The coordinate of every vertex across the layers.

    Parameters
    ----------
    graph : Layered
    heights : list of float
        Of every vertex.
    spacing : float
        Between two nodes of a layer; half of it beside a bend.
    """
    if not graph.layer:
        return np.zeros(0)
    position = graph.positions()
    for neighbors in (*graph.before, *graph.after):
        neighbors.sort(key=position.__getitem__)
    conflicts = _conflicts(graph, position)
    found = []
    for forward in (True, False):
        favored = _favored(graph, forward)
        for upward in (True, False):
            root = _aligned(graph, position, favored, conflicts, forward, upward)
            found.append(_packed(graph, heights, spacing, root, upward))
    stack = np.array(found)
    spans = stack.max(axis=1) - stack.min(axis=1)
    narrow = stack[int(np.argmin(spans))]
    for row, upward in zip(stack, (True, False, True, False), strict=True):
        row += narrow.min() - row.min() if upward else narrow.max() - row.max()
    stack.sort(axis=0)
    middle: np.ndarray = (stack[1] + stack[2]) / 2
    return middle - np.min(middle - np.array(heights) / 2)


def _conflicts(graph: Layered, position: list[int]) -> set[tuple[int, int]]:
    """Edges that cross a stretch of a long edge between two bends: the stretch stays straight, they bend."""
    nodes = graph.nodes
    found: set[tuple[int, int]] = set()
    for upper, lower in zip(graph.order, graph.order[1:], strict=False):
        first = scanned = 0
        for place, vertex in enumerate(lower):
            inner = next((u for u in graph.before[vertex] if u >= nodes), None) if vertex >= nodes else None
            if inner is None and place < len(lower) - 1:
                continue
            last = len(upper) - 1 if inner is None else position[inner]
            for other in lower[scanned : place + 1]:
                for u in graph.before[other]:
                    if not first <= position[u] <= last and not (u >= nodes and other >= nodes):
                        found.add((u, other))
            scanned = place + 1
            first = last
    return found


def _favored(graph: Layered, forward: bool) -> list[list[int]]:
    """Of the neighbors of each vertex those on the longest paths: the longest path of the graph becomes straight."""
    neighbors = graph.before if forward else graph.after
    length = [0] * len(graph.layer)
    found: list[list[int]] = [[] for _ in graph.layer]
    for layer in graph.order if forward else reversed(graph.order):
        for vertex in layer:
            near = neighbors[vertex]
            if near:
                longest = max([length[other] for other in near])
                length[vertex] = longest
                found[vertex] = [other for other in near if length[other] == longest] if len(near) > 1 else near
            length[vertex] += vertex < graph.nodes
    return found


def _aligned(
    graph: Layered,
    position: list[int],
    neighbors: list[list[int]],
    conflicts: set[tuple[int, int]],
    forward: bool,
    upward: bool,
) -> list[int]:
    """The block of every vertex: it is aligned with a median neighbor where no other alignment is in the way."""
    size = len(graph.layer)
    root = list(range(size))
    taken = [False] * size  # the neighbor has been aligned with
    for layer in graph.order if forward else reversed(graph.order):
        limit = -1 if upward else size
        for vertex in layer if upward else reversed(layer):
            near = neighbors[vertex]
            if not near:
                continue
            low, high = (len(near) - 1) // 2, len(near) // 2
            for middle in (near[low], near[high]) if upward else (near[high], near[low]):
                place = position[middle]
                free = place > limit if upward else place < limit
                edge = (middle, vertex) if forward else (vertex, middle)
                if free and not taken[middle] and edge not in conflicts:
                    taken[middle] = True
                    root[vertex] = root[middle]
                    limit = place
                    break
    return root


def _packed(graph: Layered, heights: list[float], spacing: float, root: list[int], upward: bool) -> np.ndarray:
    """Blocks as close together as they may be, from the top or from the bottom."""
    nodes = graph.nodes
    gaps: dict[int, dict[int, float]] = {}  # block → the next block: the least distance
    waiting = dict.fromkeys(root, 0)
    for layer in graph.order:
        previous = -1
        for vertex in layer if upward else reversed(layer):
            if previous >= 0:
                beside = spacing if vertex < nodes and previous < nodes else spacing / 2
                gap = (heights[previous] + heights[vertex]) / 2 + beside
                ways = gaps.setdefault(root[previous], {})
                if root[vertex] not in ways:
                    waiting[root[vertex]] += 1
                    ways[root[vertex]] = gap
                elif ways[root[vertex]] < gap:
                    ways[root[vertex]] = gap
            previous = vertex
    place = dict.fromkeys(waiting, 0.0)
    ready = [block for block, count in waiting.items() if not count]
    order = []
    while ready:
        block = ready.pop()
        order.append(block)
        for other, gap in gaps.get(block, {}).items():
            place[other] = max(place[other], place[block] + gap)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for block in reversed(order):  # close up: as far down as the next blocks allow
        if block in gaps:
            place[block] = max(place[block], min(place[other] - gap for other, gap in gaps[block].items()))
    found = np.array([place[block] for block in root])
    return found if upward else -found
