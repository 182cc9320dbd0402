"""A trace as a graph, against networkx on random traces, and on one that is 50,000 nodes deep."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import adjoint
from tests.tracing.programs import along, random_edges

INPUTS = 3


@pytest.fixture(params=range(12))
def case(request):
    """A random trace, and the same graph as this test built it."""
    rng = np.random.default_rng(request.param)
    edges = random_edges(rng, INPUTS, 40)
    trace = adjoint.trace(along(edges), *rng.standard_normal(INPUTS))
    forward, backward = nx.DiGraph(), nx.DiGraph()
    for graph in (forward, backward):
        graph.add_nodes_from(range(1, len(edges) + INPUTS + 1))
    for node, parents in enumerate(edges, start=INPUTS + 1):
        for parent in parents:
            forward.add_edge(parent, node)
            backward.add_edge(node, parent)
    return trace, forward, backward


def test_predecessors_and_successors(case):
    trace, forward, backward = case
    assert len(trace) == len(forward)
    for node in forward:
        assert trace.predecessors(node) == list(backward[node])
        assert trace.successors(node) == list(forward[node])
        assert trace.node(node).parents == tuple(backward[node])


def test_topological_order(case):
    trace, forward, _ = case
    order = trace.topological_order()
    place = {node: k for k, node in enumerate(order)}
    assert sorted(order) == sorted(forward)
    assert all(place[a] < place[b] for a, b in forward.edges)


def test_levels_are_topological_generations(case):
    trace, forward, _ = case
    generations = {node: k for k, level in enumerate(nx.topological_generations(forward)) for node in level}
    assert dict(enumerate(trace.levels(), start=1)) == generations
    by_level = trace.compile().levels
    assert [set(level) for level in by_level] == [set(level) for level in nx.topological_generations(forward)]


def test_ancestors_and_descendants(case):
    trace, forward, _ = case
    for node in forward:
        assert trace.ancestors(node) == sorted(nx.ancestors(forward, node))
        assert trace.descendants(node) == sorted(nx.descendants(forward, node))


def test_breadth_first(case):
    trace, forward, backward = case
    for start in (1, 2, 10):
        assert list(trace.breadth_first(start)) == [start, *(b for _, b in nx.bfs_edges(forward, start))]
        found = list(trace.breadth_first(start + 20, backward=True))
        assert found == [start + 20, *(b for _, b in nx.bfs_edges(backward, start + 20))]


def test_depth_first(case):
    trace, forward, backward = case
    for start in (1, 2, 10):
        assert list(trace.depth_first(start)) == list(nx.dfs_preorder_nodes(forward, start))
        found = list(trace.depth_first(start + 20, backward=True))
        assert found == list(nx.dfs_preorder_nodes(backward, start + 20))


def test_walks_start_at_the_arguments_or_backward_at_the_last_node(case):
    trace, forward, _ = case
    last = len(trace)
    reachable = set(range(1, INPUTS + 1)).union(*(nx.descendants(forward, k) for k in range(1, INPUTS + 1)))
    for walk in (trace.breadth_first, trace.depth_first):
        nodes = list(walk())
        assert len(nodes) == len(set(nodes))
        assert set(nodes) == reachable
        assert set(walk(backward=True)) == {last, *nx.ancestors(forward, last)}


def test_between_is_the_subtrace_on_paths(case):
    trace, forward, _ = case
    for sources, targets in [([1], [len(trace)]), ([1, 2], [20, 30]), ([15], [4]), ([7], [7])]:
        below = set(sources).union(*(nx.descendants(forward, k) for k in sources))
        above = set(targets).union(*(nx.ancestors(forward, k) for k in targets))
        assert trace.between(sources, targets) == sorted(below & above)


def test_to_networkx(case):
    trace, forward, _ = case
    graph = trace.to_networkx()
    assert isinstance(graph, nx.DiGraph)
    assert set(graph.nodes) == set(forward.nodes)
    assert set(graph.edges) == set(forward.edges)
    assert nx.is_directed_acyclic_graph(graph)
    operations = nx.get_node_attributes(graph, "operation")
    assert all(operations[node] == trace.node(node).operation for node in graph)


def test_to_networkx_tells_shapes_and_names():
    def f(x):
        return adjoint.name(np.outer(x, x), "products").sum()

    graph = adjoint.trace(f, np.ones(3)).to_networkx()
    named = [node for node, data in graph.nodes(data=True) if data["name"] == "products"]
    assert [graph.nodes[node]["shape"] for node in named] == [(3, 3)]


def test_a_node_read_twice_is_one_edge():
    trace = adjoint.trace(lambda x: x * x, 3.0)
    assert trace.predecessors(2) == [1]
    assert trace.successors(1) == [2]


def test_discrete_nodes_are_part_of_the_graph():
    def f(x):
        return np.where(x > 0, x, -x).sum()

    trace = adjoint.trace(f, np.array([1.0, -1.0]))
    operations = {node.operation: node.number for node in trace.nodes()}
    assert trace.predecessors(operations["greater"]) == [1]
    assert operations["greater"] in trace.predecessors(operations["where"])


def test_nodes_out_of_range():
    trace = adjoint.trace(lambda x: x * x, 3.0)
    for number in (0, 3, -1):
        with pytest.raises(IndexError, match=rf"nodes z_1 … z_2, not z_{number}"):
            trace.node(number)


def test_fifty_thousand_nodes_in_a_chain():
    """Graph depth is never Python depth: recording, every walk, printing, replay, compiling and both solves."""
    n = 50_000

    def f(x):
        for _ in range(n - 1):
            x = x * 1.00001
        return x

    trace = adjoint.trace(f, 1.0)
    everything = list(range(1, n + 1))
    assert len(trace) == n
    assert trace.levels() == list(range(n))
    assert trace.ancestors(n) == everything[:-1]
    assert trace.descendants(1) == everything[1:]
    assert list(trace.breadth_first()) == list(trace.depth_first()) == everything
    assert list(trace.breadth_first(backward=True)) == list(trace.depth_first(backward=True)) == everything[::-1]
    assert trace.between([1], [n]) == everything
    assert nx.dag_longest_path_length(trace.to_networkx()) == n - 1
    slope = 1.00001 ** (n - 1)
    assert trace(2.0) == pytest.approx(2 * slope, rel=1e-10)
    assert len(str(trace)) < 10_000
    system = trace.compile()
    assert system.solve()["x"] == pytest.approx(slope, rel=1e-10)
    assert system.solve_tangent(1.0).output == pytest.approx(slope, rel=1e-10)


def test_a_deep_chain_differentiated_twice():
    def f(x):
        y = x
        for _ in range(3_000):
            y = y + 1e-4 * y * y
        return y

    first = adjoint.grad(f)
    h = 1e-4
    central = (first(0.5 + h) - first(0.5 - h)) / (2 * h)
    assert adjoint.grad(first)(0.5) == pytest.approx(central, rel=1e-6)
