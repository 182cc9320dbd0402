"""Cutting traces into chains, and the scan of their transitions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.solvers.chain.reduction import Tree
from adjoint.solvers.chain.search import Graph, find_chains
from adjoint.solvers.chain.segments import group_segments


def graph_of(nodes):
    """From ``(name, size, parents)``; names of arguments are "input"."""
    edges = [(k, p) for k, (_, _, parents) in enumerate(nodes) for p in parents]
    children, parents = np.array(edges, dtype=int).reshape(-1, 2).T
    return Graph.of(np.array([size for _, size, _ in nodes]), (children, parents), [name for name, _, _ in nodes])


def loop(body, steps, size=2):
    """An argument and a loop whose operations read the one before."""
    nodes = [("input", size, [])]
    for _ in range(steps):
        for name in body:
            nodes.append((name, size, [len(nodes) - 1]))
    return nodes


def test_a_frontier_counts_what_is_still_read():
    graph = graph_of([("input", 5, []), ("a", 2, [0]), ("b", 3, [1]), ("c", 4, [1, 0]), ("d", 1, [2, 3])])
    assert graph.frontier(0, 5).tolist() == [0, 2, 5, 7, 0]
    assert graph.frontier(0, 4).tolist() == [0, 2, 2, 0], "what stands behind reads nothing"


def test_a_loop_is_cut_once_for_each_step():
    head, chain, tail = find_chains(graph_of(loop(["matmul", "add", "tanh"], 50)), 64)
    assert not head.is_chain
    assert not tail.is_chain
    assert tail.bounds[-1] == 151
    assert chain.state == 2
    assert set(np.diff(chain.bounds)[1:].tolist()) == {3}


def test_nodes_before_and_behind_the_loop_count_nowhere():
    nodes = loop(["matmul", "tanh"], 30)
    tail = [k for k, (name, _, _) in enumerate(nodes) if name == "tanh"]
    nodes.append(("stack", 60, tail))  # all states are read once more at the end
    chain = next(one for one in find_chains(graph_of(nodes), 64) if one.is_chain)
    assert chain.state == 2
    assert len(chain.bounds) >= 30


def test_the_smallest_state_is_looked_for():
    """In each step four large values are alive, but one small one between the steps."""
    nodes = [("input", 1, [])]
    for _ in range(20):
        start = len(nodes) - 1
        nodes += [("spread", 30, [start]), ("square", 30, [start + 1]), ("times", 30, [start + 1, start + 2])]
        nodes += [("sum", 1, [start + 3])]
    chain = next(one for one in find_chains(graph_of(nodes), 64) if one.is_chain)
    assert chain.state == 1
    assert set(np.diff(chain.bounds)[1:].tolist()) == {4}


def test_short_traces_without_a_loop_are_cut_where_they_can_be():
    nodes = [("input", 2, []), ("a", 2, [0]), ("b", 100, [1]), ("c", 2, [2]), ("d", 1, [3])]
    (chain,) = find_chains(graph_of(nodes), 64)
    assert chain.bounds.tolist() == [0, 2, 4, 5]
    assert chain.state == 2


def test_large_traces_without_a_small_state_are_refused():
    nodes = [("input", 2, []), *(("layer", 60_000, [k]) for k in range(3))]
    with pytest.raises(NotAcceptedError, match=r"'parallel_scan'.*z_3 = layer\(…\).*60,000 entries.*'back_sub"):
        find_chains(graph_of(nodes), 64)


def test_equal_segments_form_one_group():
    weights = np.random.default_rng(0).uniform(size=(20, 2))

    def f(x):
        for k in range(20):
            x = np.sin(x) * weights[k] + 1.0
        return x

    system = adjoint.trace(f, np.ones(2)).compile()
    bounds = np.arange(1, 62, 3)
    groups, state = group_segments(system, bounds)
    assert state == 2
    assert sorted(group.count for group in groups) == [
        1,
        1,
        18,
    ]  # the first reads the argument, the last leaves no state
    (large,) = (group for group in groups if group.count == 18)
    assert [step.primitive.name for step in large.steps] == ["sin", "multiply", "add"]
    assert large.steps[1].nodes == list(range(5, 57, 3))


# --- cyclic reduction -----------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, 7, 8, 33])
@pytest.mark.parametrize("guarded", [False, True])
def test_the_scan_is_the_recurrence(length, guarded):
    rng = np.random.default_rng(length)
    transitions = rng.standard_normal((length, 3, 3)) + 1j * rng.standard_normal((length, 3, 3))
    right = rng.standard_normal((length + 1, 4, 3)) + 0j
    tree = Tree.of(transitions, guarded)
    x, lam = right.copy(), right.copy()
    for j in range(length):
        x[j + 1] += x[j] @ transitions[j].T
    for j in range(length - 1, -1, -1):
        lam[j] += lam[j + 1] @ transitions[j].conj()
    assert_allclose(tree.forward(right), x, rtol=1e-9, atol=1e-9 * np.abs(x).max())
    assert_allclose(tree.backward(right), lam, rtol=1e-9, atol=1e-9 * np.abs(lam).max())


def test_guarded_products_keep_zeros():
    transitions = np.array([[[1.0, 0.0], [0.0, np.inf]], [[2.0, 0.0], [np.nan, 0.0]], [[3.0, 0.0], [0.0, 1.0]]])
    transitions[1, 1, 0] = 0.0
    right = np.zeros((4, 1, 2))
    right[0, 0, 0] = 1.0
    with np.errstate(invalid="ignore"):
        assert np.isnan(Tree.of(transitions, False).forward(right)).any()
        assert Tree.of(transitions, True).forward(right)[-1, 0].tolist() == [6.0, 0.0]
