"""The graph for networkx."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import adjoint
from adjoint.errors import MissingExtraError, PlotError
from adjoint.plot.graphs import networks, to_networkx, to_svg
from tests.plot.graphs import programs

networkx = pytest.importorskip("networkx")


@pytest.mark.parametrize("name", programs.TRACES)
def test_nodes_and_edges_are_those_of_the_trace(name):
    trace = programs.TRACES[name]()
    network = to_networkx(trace)
    plain = trace.to_networkx()
    assert sorted(network.nodes) == sorted(plain.nodes)
    assert sorted(network.edges) == sorted(plain.edges)
    assert networkx.is_directed_acyclic_graph(network)
    structure = trace.compile().structure
    for tail, head, facts in network.edges(data=True):
        mine = (structure.parents == tail - 1) & (structure.children == head - 1)
        assert facts["nonzeros"] == structure.nonzeros[mine].sum()
        assert (facts["kind"] == "none") == (not mine.any())
    places = networkx.get_node_attributes(network, "pos")
    assert len(set(places.values())) == len(trace)
    assert all(places[tail][0] < places[head][0] for tail, head in network.edges)


def test_the_textbook():
    network = to_networkx(adjoint.trace(programs.textbook().shared_input, 2.0, 1.0))
    facts = network.nodes
    assert [facts[k]["name"] for k in facts] == ["a", "b", "c", "d", "e"]
    assert [facts[k]["value"] for k in facts] == [2.0, 1.0, 3.0, 2.0, 6.0]
    assert [facts[k]["multiplier"] for k in facts] == [2.0, 5.0, 2.0, 3.0, 1.0]
    assert [facts[k]["level"] for k in facts] == [0, 0, 1, 1, 2]
    assert facts[3]["operation"] == "add"
    assert facts[3]["dtype"] == "float64"
    assert network.edges[3, 5] == {"kind": "diagonal", "nonzeros": 1, "partial": 2.0}


def test_the_sum_over_paths_is_the_multiplier():
    trace = adjoint.trace(programs.textbook().log_of_polynomial, 2.0, 3.0)
    network = to_networkx(trace)
    for start in (1, 2):
        paths = networkx.all_simple_edge_paths(network, start, 8)
        total = sum(np.prod([network.edges[edge]["partial"] for edge in path]) for path in paths)
        assert total == pytest.approx(network.nodes[start]["multiplier"])


def test_arrays_have_norms_and_no_partials():
    trace = programs.recurrent(3)
    network = to_networkx(trace)
    lam = trace.compile().solve()
    assert network.nodes[2]["multiplier"] == pytest.approx(np.linalg.norm(lam["w"]))
    assert network.nodes[2]["shape"] == (4, 4)
    assert "value" not in network.nodes[2]
    assert all("partial" not in facts for _, _, facts in network.edges(data=True))
    assert all("multiplier" not in facts for _, facts in to_networkx(trace, multipliers=False).nodes(data=True))


def test_a_linearization_at_another_point():
    system = adjoint.trace(lambda x: x * x, 3.0).compile().relinearize(5.0)
    network = to_networkx(system)
    assert network.nodes[1]["value"] == 5.0
    assert network.edges[1, 2]["partial"] == 10.0
    assert network.nodes[1]["multiplier"] == 10.0


def test_bad_input():
    with pytest.raises(PlotError, match="to_networkx draws a trace or a system"):
        to_networkx(3)


def test_without_networkx_the_message_names_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "networkx", None)
    with pytest.raises(MissingExtraError, match=r'pip install "adjoint\[plot\]"'):
        to_networkx(adjoint.trace(lambda x: x * 2, 1.0))


def test_multipliers_of_several_outputs_need_a_seed_of_this_function():
    trace = adjoint.trace(lambda x: x * 2, np.ones(3))
    with pytest.raises(PlotError, match=r"to_networkx needs seed= .* of an output of shape \(3,\)"):
        to_networkx(trace, multipliers=True)
    with pytest.raises(PlotError, match=r"to_svg needs seed= .* of an output of shape \(3,\)"):
        to_svg(trace, multipliers=True)
    with pytest.raises(PlotError, match="of 2 outputs"):
        to_networkx(adjoint.trace(lambda x: (x * 2, x), np.ones(3)), multipliers=True)
    assert to_networkx(trace, multipliers=True, seed=np.ones(3)).nodes[1]["multiplier"] == pytest.approx(2 * 3**0.5)


def test_a_huge_graph_has_places_in_layers_without_a_search_for_few_crossings(monkeypatch):
    monkeypatch.setattr(networks, "UNCROSSED", 10)
    monkeypatch.setattr(networks, "layout", None)  # would be called
    trace = programs.recurrent(5)
    network = to_networkx(trace)
    places = networkx.get_node_attributes(network, "pos")
    assert len(set(places.values())) == len(trace)
    assert all(places[tail][0] < places[head][0] for tail, head in network.edges)
    columns = {}
    for x, y in places.values():
        columns.setdefault(x, []).append(y)
    assert all(np.diff(sorted(ys)).min(initial=9) >= 1.5 for ys in columns.values())
