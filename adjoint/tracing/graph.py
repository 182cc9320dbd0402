"""A trace as a directed graph: an edge from each node to the nodes that read it. Numbers are 1-based.

Every traversal is a loop over flat lists, linear in the nodes and edges that it visits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

    from adjoint.tracing.trace import Trace


def dataflow_parents(parents: Sequence[int]) -> list[int]:
    """The nodes (0-based) that a record reads, differentiably or not; see ``trace.Record``."""
    return [p if p >= 0 else -2 - p for p in parents if p != -1]


def predecessors(trace: Trace, node: int) -> list[int]:
    """The nodes that constraint ``node`` reads, in the order of its operands, each once."""
    return list(dict.fromkeys(p + 1 for p in dataflow_parents(trace.records[node - 1][1])))


def successor_lists(trace: Trace) -> list[list[int]]:
    """For every node (0-based list), the numbers of the nodes that read it."""
    readers: list[list[int]] = [[] for _ in trace.records]
    for k, record in enumerate(trace.records):
        for p in set(dataflow_parents(record[1])):
            readers[p].append(k + 1)
    return readers


def successors(trace: Trace, node: int) -> list[int]:
    """The nodes that read ``node``."""
    return [
        k + 1 for k, record in enumerate(trace.records[node:], start=node) if node - 1 in dataflow_parents(record[1])
    ]


def levels(trace: Trace) -> list[int]:
    """For every node the length of the longest path that leads to it; equal levels are independent."""
    result: list[int] = []
    for record in trace.records:
        result.append(1 + max((result[p] for p in dataflow_parents(record[1])), default=-1))
    return result


def _reach(start: Iterable[int], neighbors: list[list[int]]) -> list[int]:
    seen = set()
    stack = list(start)
    while stack:
        node = stack.pop()
        for other in neighbors[node - 1]:
            if other not in seen:
                seen.add(other)
                stack.append(other)
    return sorted(seen)


def ancestors(trace: Trace, node: int) -> list[int]:
    """All nodes on which ``node`` depends, in topological order."""
    return _reach([node], _predecessor_lists(trace, node))


def descendants(trace: Trace, node: int) -> list[int]:
    """All nodes that depend on ``node``, in topological order."""
    return _reach([node], successor_lists(trace))


def _predecessor_lists(trace: Trace, upto: int | None = None) -> list[list[int]]:
    return [predecessors(trace, k + 1) for k in range(len(trace.records) if upto is None else upto)]


def breadth_first(trace: Trace, start: int | None = None, *, backward: bool = False) -> Iterator[int]:
    """Walk from ``start`` (an argument or, backward, the last node, if not given) in order of distance."""
    neighbors = _predecessor_lists(trace) if backward else successor_lists(trace)
    queue = deque(_starts(trace, start, backward))
    seen = set(queue)
    while queue:
        node = queue.popleft()
        yield node
        for other in neighbors[node - 1]:
            if other not in seen:
                seen.add(other)
                queue.append(other)


def depth_first(trace: Trace, start: int | None = None, *, backward: bool = False) -> Iterator[int]:
    """Walk from ``start``, following each path to its end before the next."""
    neighbors = _predecessor_lists(trace) if backward else successor_lists(trace)
    stack = _starts(trace, start, backward)[::-1]
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        yield node
        stack.extend(other for other in reversed(neighbors[node - 1]) if other not in seen)


def _starts(trace: Trace, start: int | None, backward: bool) -> list[int]:
    if start is not None:
        return [start]
    return [len(trace.records)] if backward else [k + 1 for k in trace.inputs]


def between(trace: Trace, sources: Iterable[int], targets: Iterable[int]) -> list[int]:
    """The sub-trace: nodes on some path from a source to a target, both included, in topological order."""
    sources, targets = list(sources), list(targets)
    forward = {*_reach(sources, successor_lists(trace)), *sources}
    backward = {*_reach(targets, _predecessor_lists(trace)), *targets}
    return sorted(forward & backward)


def to_networkx(trace: Trace) -> networkx.DiGraph[int]:
    """The trace as a :class:`networkx.DiGraph` over node numbers, with ``operation`` and ``shape`` attributes.

    Raises
    ------
    ImportError
        If networkx is not installed; the message names the command that installs it.
    """
    try:
        import networkx
    except ImportError as error:
        raise ImportError('to_networkx needs networkx: pip install "adjoint[plot]"') from error
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    for k, (record, value) in enumerate(zip(trace.records, trace.values, strict=True)):
        graph.add_node(k + 1, operation=trace.primitives[k].name, shape=value.shape, name=trace.names.get(k))
        graph.add_edges_from((p + 1, k + 1) for p in dataflow_parents(record[1]))
    return graph
