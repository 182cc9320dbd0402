"""Elimination orders: their costs against elimination on dense matrices of booleans, and against all permutations."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import adjoint
from adjoint.errors import AssemblyTooLargeError
from adjoint.solvers.vertex import search
from adjoint.solvers.vertex.graph import Graph, unit_edges
from adjoint.solvers.vertex.heuristics import MARKOWITZ, RULES, greedy, lowest_cost, markowitz
from adjoint.solvers.vertex.orders import count, count_within, forward, plain_products, reverse
from adjoint.solvers.vertex.search import best, local_search


def scalar_graph(seed, inputs=3, inner=6, outputs=2, density=0.4):
    """A random graph of scalars; every intermediate reads something and is read."""
    rng = np.random.default_rng([seed, inputs, inner, outputs])
    n = inputs + inner + outputs
    there = np.tril(rng.random((n, n)) < density, -1)
    there[:inputs] = False
    there[:, n - outputs :] = False
    for k in range(inputs, n):
        there[k, rng.integers(0, min(k, n - outputs))] = True
    for i in range(inputs + inner):
        there[rng.integers(max(i + 1, inputs), n), i] = True
    children, parents = np.nonzero(there)
    units = {(k, i) for k, i in zip(children.tolist(), parents.tolist(), strict=True) if rng.random() < 0.4}
    keep = [*range(inputs), *range(n - outputs, n)]
    return Graph.from_edges(np.ones(n), children, parents, keep=keep, units=units)


def dense_cost(graph, order):
    """(All products, those without a factor ±1, fill-in) by a dense matrix whose entries are formal sums of paths."""
    n = len(graph)
    paths = [[None] * n for _ in range(n)]  # None, "unit" or "number"
    for k, i, unit in zip(graph.children, graph.parents, graph.units, strict=True):
        paths[k][i] = "unit" if unit else "number"
    products = nontrivial = fill = 0
    for j in order:
        for k in range(n):
            for i in range(n):
                left, right = paths[k][j], paths[j][i]
                if left is None or right is None:
                    continue
                products += 1
                nontrivial += "unit" not in (left, right)
                fill += paths[k][i] is None
                trivial = left == right == "unit" and paths[k][i] is None
                paths[k][i] = "unit" if trivial else "number"
        for v in range(n):
            paths[v][j] = paths[j][v] = None
    return products, nontrivial, fill


def costs(found):
    return found.multiplications, found.nontrivial, found.fill_in


# --- counting -------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_counts_are_those_of_dense_elimination(seed):
    graph = scalar_graph(seed)
    rng = np.random.default_rng(seed)
    for order in (graph.intermediates, graph.intermediates[::-1], rng.permutation(graph.intermediates).tolist()):
        found = count(graph, order)
        assert costs(found) == dense_cost(graph, order)
        assert found.additions == found.multiplications - found.fill_in
        assert found.order == tuple(order)
    assert costs(forward(graph)) == dense_cost(graph, graph.intermediates)
    assert costs(reverse(graph)) == dense_cost(graph, graph.intermediates[::-1])


def test_a_bottleneck():
    """Ten inputs, one sum, ten outputs: both plain orders meet 10 × 10 once, and copies on the way decide."""
    children = [10] * 10 + [11] + list(range(12, 22))
    parents = [*range(10), 10] + [11] * 10
    graph = Graph.from_edges(np.ones(22), children, parents, keep=[*range(10), *range(12, 22)])
    assert forward(graph).multiplications == reverse(graph).multiplications == 10 + 100
    assert graph.intermediates == [10, 11]


def test_weights_of_arrays():
    """A vector of 3 through a diagonal to a sum, which 4 numbers read: 3 · 4 products of scalars, counted by hand."""
    graph = Graph.from_edges([3, 3, 1, 4], [1, 2, 3], [0, 1, 2], [3, 3, 4], keep=[0, 3])
    assert not graph.scalar
    assert forward(graph).multiplications == 3 + 3 * 4  # the row by the diagonal; then the outer product
    assert reverse(graph).multiplications == 4 * 3 + 12  # the outer product; then 12 entries by the diagonal
    assert forward(graph).fill_in == 3 + 12
    assert markowitz(graph).order == (1, 2)
    assert best(graph).multiplications == 15


def test_blocks_that_are_added_may_fill():
    """Two diagonals of 3 by two ways: their sum counts 6 entries at most, and meets a full 1 × 3 next."""
    children, parents, nonzeros = [1, 2, 3, 3, 4], [0, 0, 1, 2, 3], [3, 3, 3, 3, 3]
    graph = Graph.from_edges([3, 3, 3, 3, 1], children, parents, nonzeros, keep=[0, 4])
    found = forward(graph)
    assert found.multiplications == 3 + 3 + 3 * 6 // 3
    assert found.additions == 3
    dense = Graph.from_edges([3, 3, 3, 3, 1], children, parents, [9, 9, 9, 9, 3], keep=[0, 4])
    assert forward(dense).multiplications == 27 + 27 + 9, "and never more than the 9 there are"


def test_parallel_edges_are_one_edge():
    graph = Graph.from_edges([1, 1, 1], [1, 1, 2], [0, 0, 1], keep=[0, 2], units={(2, 1)})
    assert graph.edges == {(1, 0): 1, (2, 1): 1}
    assert reverse(graph).multiplications == 1
    assert reverse(graph).nontrivial == 0


def test_nodes_without_a_multiplier_take_no_part():
    graph = Graph.from_edges([1, 0, 1, 1], [1, 2, 2, 3], [0, 0, 1, 2], keep=[0, 3])
    assert graph.edges == {(2, 0): 1, (3, 2): 1}
    assert graph.intermediates == [2]


def test_what_is_no_order():
    graph = scalar_graph(0)
    for order, message in (([3, 3], "no vertex twice"), ([0], "vertex 0 cannot be eliminated"), ([-1], "vertex -1")):
        with pytest.raises(ValueError, match=message):
            count(graph, order)
    with pytest.raises(ValueError, match="topological order"):
        Graph.from_edges([1, 1], [0], [1], keep=[])


def test_limits():
    graph = scalar_graph(1)
    cost = reverse(graph).multiplications
    order = graph.intermediates[::-1]
    assert count_within(graph, order, "", cost) is not None
    assert count_within(graph, order, "", cost - 1) is None
    assert count_within(graph, order, "", None, cost - 1) is None
    assert lowest_cost(graph, 0) is None
    with pytest.raises(AssemblyTooLargeError, match=r"more than 3 products.*'back_substitution'"):
        best(graph, work=3)


@pytest.mark.parametrize("seed", range(4))
def test_the_plain_orders_without_eliminating(seed):
    graph = scalar_graph(seed, inputs=4, inner=12, outputs=3)
    assert plain_products(graph) == (forward(graph).multiplications, reverse(graph).multiplications)


def test_kept_vertices_in_the_middle():
    """An output that is read: its copy takes its place, and the edges that are left are the Jacobian alone."""
    graph = Graph.from_edges(np.ones(4), [1, 2, 3], [0, 1, 2], keep=[0, 2, 3])
    assert plain_products(graph) == (1, 1)
    apart = graph.with_copies([2, 3])
    assert apart.intermediates == [1, 2]
    assert costs(reverse(apart)) == dense_cost(apart, [2, 1])
    assert reverse(apart).multiplications == 4
    assert reverse(apart).nontrivial == 3, "one of the products is with the copy"
    assert graph.with_copies([3]).edges == graph.edges


# --- reading a system -----------------------------------------------------------------------------


def test_unit_edges_of_a_system():
    def program(x, y):
        total = x + y  # 2: both
        doubled = total + total  # 3: none, the blocks add up
        turned = -doubled  # 4
        scaled = 2.0 * turned  # 5: the number is no structure
        return np.sin(scaled) - y  # 6 none, 7 both

    system = adjoint.trace(program, 1.0, 2.0).compile()
    assert unit_edges(system) == {(2, 0), (2, 1), (4, 3), (7, 6), (7, 1)}
    graph = Graph.of(system.structure, {0, 1, 7}, unit_edges(system))
    assert graph.intermediates == [2, 3, 4, 5, 6]
    assert graph.edges[3, 2] == 1
    arrays = adjoint.trace(lambda x: np.sum(-x + np.exp(x)), np.ones(3)).compile()
    assert {(k, i) for k, i in unit_edges(arrays)} == {(1, 0), (3, 1), (3, 2)}


def test_discrete_nodes_are_no_vertices():
    system = adjoint.trace(lambda x: np.where(x > 0, x * x, x), 2.0).compile()
    graph = Graph.of(system.structure, {*system.trace.inputs, *system.trace.outputs})
    assert (graph.sizes[graph.intermediates] == 1).all()
    assert reverse(graph).multiplications == 1


# --- greedy orders --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_markowitz_takes_the_smallest_degree_and_the_earliest_vertex(seed):
    graph = scalar_graph(seed, inner=10)
    order = markowitz(graph).order
    assert sorted(order) == graph.intermediates
    there = np.zeros((len(graph), len(graph)), bool)
    there[graph.children, graph.parents] = True
    for step, j in enumerate(order):
        left = sorted(order[step:])
        degrees = [there[v].sum() * there[:, v].sum() for v in left]
        assert j == left[int(np.argmin(degrees))]
        there |= np.outer(there[:, j], there[j])
        there[j] = there[:, j] = False


@pytest.mark.parametrize("rule", [MARKOWITZ, *RULES], ids=lambda rule: rule.name)
@pytest.mark.parametrize("seed", range(3))
def test_every_rule_gives_an_order_and_its_cost(rule, seed):
    graph = scalar_graph(seed, inputs=4, inner=20, outputs=3, density=0.2)
    found = greedy(graph, rule)
    assert sorted(found.order) == graph.intermediates
    assert costs(found) == dense_cost(graph, found.order)
    assert greedy(graph, rule, found.multiplications - 1) is None


def test_lowest_cost_is_the_cheapest_rule():
    graph = scalar_graph(3, inputs=4, inner=20, outputs=3, density=0.2)
    each = {rule.name: greedy(graph, rule).multiplications for rule in RULES}
    assert len(set(each.values())) > 1, "the graph does not tell the rules apart"
    assert lowest_cost(graph).multiplications == min(each.values())


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_search_finds_the_optimum_of_small_graphs(seed):
    graph = scalar_graph(seed, inputs=3, inner=6, outputs=3, density=0.35)
    optimum = min(dense_cost(graph, order)[0] for order in itertools.permutations(graph.intermediates))
    assert best(graph, budget=5_000).multiplications == optimum


@pytest.mark.parametrize("weighted", [False, True])
def test_search_never_makes_an_order_dearer(weighted):
    graph = scalar_graph(5, inputs=4, inner=25, outputs=4, density=0.15)
    if weighted:
        rng = np.random.default_rng(0)
        sizes = rng.integers(1, 5, len(graph))
        dense = sizes[graph.children] * sizes[graph.parents]
        keep = np.flatnonzero(~graph.eliminable).tolist()
        graph = Graph.from_edges(sizes, graph.children, graph.parents, dense, keep=keep)
    start = np.random.default_rng(1).permutation(graph.intermediates).tolist()
    before = count(graph, start).multiplications
    found = local_search(graph, start, budget=20_000)
    assert found.multiplications < before
    assert count(graph, found.order, found.name) == found
    assert local_search(graph, start, budget=20_000) == found, "the same seed, the same order"
    assert local_search(graph, start, budget=0).order == tuple(start)
    assert local_search(graph, found, budget=3_000).multiplications <= found.multiplications


def test_the_searchs_own_costs_are_true(monkeypatch):
    """After any number of moves, what it remembers for each position is what an elimination finds there."""
    graph = scalar_graph(6, inputs=4, inner=15, outputs=3, density=0.25)
    searching = search._ScalarSearch(graph, graph.intermediates, 4_000, seed=3)
    original = searching._place

    def checked(j):
        change = original(j)
        order = [searching.vertices[v] for v in searching.order]
        assert sum(searching.costs) == dense_cost(graph, order)[0]
        return change

    monkeypatch.setattr(searching, "_place", checked)
    searching.run()


def test_best_is_never_dearer_than_the_orders_it_knows():
    for seed in range(4):
        graph = scalar_graph(seed, inputs=2, inner=30, outputs=6, density=0.1)
        known = [forward(graph), reverse(graph), markowitz(graph), lowest_cost(graph)]
        least = min(found.multiplications for found in known)
        assert best(graph, budget=0).multiplications == least
        assert best(graph, budget=4_000).multiplications <= least


def test_graphs_without_intermediates():
    graph = Graph.from_edges([1, 1], [1], [0], keep=[0, 1])
    for found in (forward(graph), reverse(graph), markowitz(graph), best(graph), local_search(graph, [])):
        assert found.order == ()
        assert found.multiplications == 0


def test_a_hundred_thousand_vertices():
    """A long chain with side inputs: no recursion, and nothing quadratic, or this would not end."""
    n = 100_000
    children = np.concatenate([np.arange(2, n), np.arange(2, n)])
    parents = np.concatenate([np.arange(1, n - 1), np.zeros(n - 2, int)])
    graph = Graph.from_edges(np.ones(n), children, parents, keep=[0, 1, n - 1])
    assert reverse(graph).multiplications == 2 * (n - 3)
    assert best(graph).multiplications <= 2 * (n - 3)
