"""Finding the chain in a trace: where to cut it so that little is alive across each cut.

At a position of the topological order the *frontier* is the set of values made before it, inside of the chain, that
something after it, inside of the chain, still reads. Cut at two positions, the nodes between them are a segment: a map
from one frontier to the next. What stands before the chain (arguments, preparations) and after it (a loss) is no part
of any frontier, whoever reads it: so a weight that all steps read does not count, nor does a final stack of all states.

An unrolled loop shows by operations that recur. Candidates for the cuts are the positions after one and the same
operation in the same surroundings (the operations before it); the cheapest candidate by a small model is taken, if it
is cheaper than a sweep, and the rest of the trace is searched again. Where that finds no chain, or only in a small part
of a long trace, the trace is cut wherever little is alive; if that leaves long stretches without a cut, it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adjoint.errors import NotAcceptedError

FEWEST_STEPS = 8
"""A recurring operation must recur that often to make a chain."""
MOST_SEGMENTS, SMALL_STATE = 16, 4
"""Into how many segments a trace without recurring operations is cut, and where: its transitions gain nothing."""
LONGEST_STRETCH, LARGEST_STRETCH = 2_000, 100_000
"""The most nodes and entries between two cuts of such a trace: more than that is no chain."""

# Seconds, measured on one core with `benchmarks/compare_solvers.py --only chain_2x2 chain_20x20` and rounded:
NODE = 8e-6  # one block of an ordinary sweep, built and applied
CALL = 10e-6  # one node position of a group: a few NumPy calls on stacks
SEGMENT = 0.8e-6  # per segment, whatever its size: reading records, one small product
FLOP = 0.1e-9  # of stacked small matrix products
MOVE = 4e-9  # per entry of a transition: stacked, accumulated, copied, multiplied into fresh memory


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """What is needed to find chains.

    Attributes
    ----------
    sizes : int array (n,)
        Entries of each inner node; 0 for arguments and for nodes without a multiplier.
    children, parents : int arrays (edges,)
        Inner nodes that read inner nodes.
    keys : int array (n,)
        Equal for nodes of the same operation and size.
    names : list of str
    """

    sizes: np.ndarray
    children: np.ndarray
    parents: np.ndarray
    keys: np.ndarray
    names: Sequence[str]

    @classmethod
    def of(cls, sizes: np.ndarray, edges: tuple[np.ndarray, np.ndarray], names: Sequence[str]) -> Graph:
        """From the sizes of all nodes, arguments among them, and all edges ``(children, parents)``."""
        inner = np.array([name != "input" for name in names], dtype=bool)
        sizes = np.where(inner, sizes, 0)
        children, parents = edges
        kept = (sizes[parents] > 0) & (sizes[children] > 0)
        numbers: dict[tuple[str, int], int] = {}
        keys = [numbers.setdefault(pair, len(numbers)) for pair in zip(names, sizes.tolist(), strict=True)]
        return cls(sizes, children[kept], parents[kept], np.array(keys, dtype=np.int64), names)

    def frontier(self, start: int, stop: int) -> np.ndarray:
        """For each node of ``[start, stop)`` the entries that are alive just after it, counting readers in there."""
        inside = (self.parents >= start) & (self.children < stop)
        last = np.arange(start, stop)
        np.maximum.at(last, self.parents[inside] - start, self.children[inside])
        change = np.zeros(stop - start + 1, dtype=np.int64)
        np.add.at(change, np.arange(stop - start), self.sizes[start:stop])
        np.add.at(change, last - start, -self.sizes[start:stop])
        return np.cumsum(change)[:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Nodes ``[bounds[0], bounds[-1])``; with more than two bounds a chain of segments between them."""

    bounds: np.ndarray
    state: int

    @property
    def is_chain(self) -> bool:
        """Whether it is cut; otherwise it is swept node by node."""
        return self.state >= 0


def find_chains(graph: Graph, max_state: int) -> list[Interval]:
    """The trace as intervals in order, chains and what stands between them.

    Raises
    ------
    NotAcceptedError
        If no operation recurs over a small state, and the trace is too long to be taken as a few segments.
    """
    n = len(graph.sizes)
    found: list[Interval] = []
    left = [(0, n)]
    while left:
        start, stop = left.pop()
        chain = _recurring(graph, start, stop, max_state)
        if chain is None:
            found.append(Interval(np.array([start, stop]), -1))
            continue
        found.append(chain)
        first, last = int(chain.bounds[0]), int(chain.bounds[-1])
        left += [(a, b) for a, b in ((start, first), (last, stop)) if a < b]
    swept = sum(np.count_nonzero(graph.sizes[slice(*one.bounds)]) for one in found if not one.is_chain)
    alone = not any(one.is_chain for one in found)
    if n and (alone or (swept > LONGEST_STRETCH and 2 * swept > np.count_nonzero(graph.sizes))):
        return [_short(graph, max_state)]
    return sorted(found, key=lambda interval: int(interval.bounds[0]))


def _recurring(graph: Graph, start: int, stop: int, max_state: int) -> Interval | None:
    """The cheapest chain of segments that end with one operation in equal surroundings."""
    nodes = start + np.flatnonzero(graph.sizes[start:stop])
    best: tuple[float, np.ndarray, int] | None = None
    for context in (1, 2, 6):
        if len(nodes) < context + FEWEST_STEPS:
            break
        for family in _families(_in_context(graph.keys[nodes], context)):
            low, high = min(int(p[0]) for p in family), max(int(p[-1]) for p in family)
            alive = graph.frontier(int(nodes[low]), int(nodes[high]) + 1)
            for places in family:
                cuts = nodes[places]
                state = int(alive[cuts[:-1] - nodes[low]].max())
                if state > max_state:
                    continue
                gap = int(np.diff(places).max())
                cost = NODE * (len(nodes) - (places[-1] - places[0])) + len(cuts) * step_cost(state, 1)
                cost += CALL * 3 * (gap + math.log2(len(cuts)))
                if best is None or cost < best[0]:
                    best = float(cost), cuts, state
    if best is None or best[0] > NODE * len(nodes):
        return None
    _, cuts, _ = best
    bounds = np.concatenate([cuts[:1], cuts + 1])
    state = int(graph.frontier(int(bounds[0]), int(bounds[-1]))[cuts[:-1] - bounds[0]].max())
    return Interval(bounds, state)


def step_cost(state: int, right_hand_sides: int) -> float:
    """Seconds for one segment with a state of so many entries: its transition, its share of the scan and of a solve."""
    return SEGMENT + MOVE * state**2 + FLOP * (3 * state**3 + 4 * right_hand_sides * state**2)


def _in_context(keys: np.ndarray, length: int) -> np.ndarray:
    """A key for each node that tells its operation and the ``length - 1`` before it."""
    mixed = keys.copy()
    for back in range(1, length):
        shifted = np.concatenate([np.full(back, -1), keys[:-back]])
        _, mixed = np.unique(mixed * (int(keys.max()) + 2) + shifted + 1, return_inverse=True)
    return mixed


def _families(keys: np.ndarray) -> list[list[np.ndarray]]:
    """The places of each recurring key, those that recur equally often over the same stretch together."""
    order = np.argsort(keys, kind="stable")
    places = np.split(order, np.flatnonzero(np.diff(keys[order])) + 1)
    often = sorted((p for p in places if len(p) >= FEWEST_STEPS), key=lambda p: (-len(p), int(p[0])))
    families: list[list[np.ndarray]] = []
    for p in often[:200]:
        if families and len(families[-1][0]) == len(p) and p[0] < families[-1][0][1]:
            families[-1].append(p)
        elif len(families) < 12:
            families.append([p])
    return families


def _short(graph: Graph, max_state: int) -> Interval:
    """The whole trace, cut where the state is tiny, or small enough where that leaves too long stretches."""
    alive = graph.frontier(0, len(graph.sizes))
    bounds, blocked = _cuts(graph, alive, min(SMALL_STATE, max_state))
    if blocked is not None:
        bounds, blocked = _cuts(graph, alive, max_state)
    if blocked is not None:
        k, stretch = blocked
        raise NotAcceptedError(
            f"'parallel_scan' needs a chain with a small state, but after z_{k + 1} = {graph.names[k]}(…) the "
            f"values that are still needed have {int(alive[k]):,} entries (max_state={max_state}), and there is no "
            f"place with fewer for {stretch:,} constraints. 'back_substitution' takes it."
        )
    return Interval(np.array(bounds), max((int(alive[b - 1]) for b in bounds[1:-1]), default=0))


def _cuts(graph: Graph, alive: np.ndarray, most: int) -> tuple[list[int], tuple[int, int] | None]:
    """Bounds of segments with states of at most ``most`` entries; or where that fails, and after how many nodes."""
    nodes = np.flatnonzero(graph.sizes)
    apart = -(-len(nodes) // MOST_SEGMENTS)
    bounds, stretch, entries = [0], 0, 0
    for k in nodes[:-1].tolist():
        stretch += 1
        entries += int(graph.sizes[k])
        if stretch >= apart and alive[k] <= most:
            bounds.append(k + 1)
            stretch = entries = 0
        elif stretch >= LONGEST_STRETCH or entries >= LARGEST_STRETCH:
            return bounds, (k, stretch)
    return [*bounds, len(graph.sizes)], None
