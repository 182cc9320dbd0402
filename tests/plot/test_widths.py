"""Widths of levels, the critical path, and what is written above them."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.widths import BARS, STEPS, _columns, levels, widths_of

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)


def diamond():
    def program(x, w):
        a, b = np.sin(x), x @ w
        return np.sum(a * x) + np.sum(np.tanh(b))

    return adjoint.trace(program, np.ones(3), np.ones((3, 5))).compile()


def chain(steps):
    def program(x):
        for _ in range(steps):
            x = np.sin(x) + x
        return x

    return adjoint.trace(program, 0.3).compile()


@pytest.mark.parametrize("weigh", ["nodes", "unknowns", "flops", "nonzeros"])
def test_work_by_level_and_critical_path(weigh):
    system = diamond()
    structure = system.structure
    own = {
        "nodes": np.ones(len(system)),
        "unknowns": structure.sizes,
        "flops": np.bincount(structure.children, structure.flops, len(system)),
        "nonzeros": np.bincount(structure.children, structure.nonzeros, len(system)),
    }[weigh]
    found = widths_of(system, weigh)
    assert found.work.tolist() == [sum(own[k - 1] for k in level) for level in system.levels]
    graph = networkx.DiGraph()
    for child, parent in zip(structure.children, structure.parents, strict=True):
        graph.add_edge(parent, child, weight=own[child])
    for k in range(len(system)):  # an edge from nowhere carries the work of the first node
        if not graph.in_degree(k):
            graph.add_edge("start", k, weight=own[k])
    assert found.critical.sum() == networkx.dag_longest_path_length(graph)
    assert found.parallelism == pytest.approx(own.sum() / found.critical.sum())
    assert (found.critical <= found.work).all()


def test_bars_and_annotation():
    system = diamond()
    ax = levels(system)
    bars = [bar.get_height() for bar in ax.patches if hasattr(bar, "get_width")]
    assert bars[: len(system.levels)] == [len(level) for level in system.levels]
    text = ax.texts[0].get_text().replace("\n", " · ")
    assert text == "5 levels · widest: level 1 with 2 nodes · average parallelism 1.8"
    assert ax.get_ylabel() == "nodes"


def test_nodes_without_multipliers_do_not_count():
    system = adjoint.trace(lambda x: np.sum(np.where(x > 0, x, 0.0)), np.ones(3)).compile()
    assert widths_of(system, "nodes").work.sum() == system.structure.nodes < len(system)


def test_many_levels_are_steps_and_very_many_share_columns():
    from matplotlib.patches import StepPatch

    few, many = chain(BARS * 3 // 4), chain(STEPS)
    (work,) = [each for each in levels(few).patches if isinstance(each, StepPatch) and each.get_label() == "work"]
    assert work.get_data().values.tolist() == [0] + [1] * (few.structure.depth - 1)  # the arguments have a bar
    system, total = many, many.structure.nodes - 1
    patches = {each.get_label(): each.get_data() for each in levels(system).patches if isinstance(each, StepPatch)}
    assert len(patches["work"].values) < STEPS
    assert np.diff(patches["work"].edges) @ patches["work"].values == pytest.approx(total)
    assert patches["widest"].values.max() == system.structure.widths.max()
    assert np.diff(patches["critical path"].edges) @ patches["critical path"].values == pytest.approx(
        system.structure.depth
    )


@pytest.mark.parametrize("steps", [BARS * 3 // 4, STEPS])
def test_the_arguments_of_a_deep_program_are_seen_in_the_color_of_the_legend(steps):
    ax = levels(chain(steps))
    (bars,) = [each for each in ax.containers if each.get_label() == "arguments"]
    (bar,) = bars
    left, right = ax.get_xlim()
    assert bar.get_width() / (right - left) > 0.009
    assert left < bar.get_x()
    assert bar.get_x() + bar.get_width() == 1.5
    shown = next(each for each in ax.get_legend().get_patches() if each.get_label() == "arguments")
    assert bar.get_facecolor() == shown.get_facecolor()
    for each in ax.patches:  # nothing blue over or behind it
        if each.get_label() in ("work", "widest"):
            assert each.get_data().values[0] <= 1


def test_columns_are_as_wide_as_evens_out_a_loop():
    work = np.tile([1, 1, 7], 700)
    starts = _columns(work)
    assert np.unique(np.diff(starts)).tolist() == [12]
    assert len(np.unique(np.add.reduceat(work, starts))) == 1


def test_uneven_levels_take_a_logarithmic_axis():
    def program(xs):
        total = xs[0]
        for x in xs[1:]:
            total = total + x
        return total

    ax = levels(adjoint.trace(program, [np.float64(k) for k in range(100)]).compile())
    assert ax.get_yscale() == "log"
    assert ax.patches[0].get_height() + ax.patches[0].get_y() == 100


def test_a_trace_will_do_and_wrong_inputs_are_refused():
    trace = adjoint.trace(np.sin, 1.0)
    assert levels(trace).get_xlabel() == "level"
    with pytest.raises(PlotError, match="weigh must be one of 'nodes', 'unknowns', 'flops', 'nonzeros', not 'time'"):
        levels(trace, weigh="time")
    with pytest.raises(PlotError, match="levels draws a system or a trace, not int"):
        levels(3)
    with pytest.raises(PlotError, match="nothing to draw"):
        levels(adjoint.trace(lambda x: x, np.zeros(0)))
    with pytest.raises(PlotError, match="nothing to draw by 'flops'"):
        levels(adjoint.trace(lambda x: x, 1.0), weigh="flops")


def test_themes():
    ax = levels(diamond(), theme="dark")
    assert ax.figure.get_facecolor()[:3] == ax.get_facecolor()[:3] != (1, 1, 1)
