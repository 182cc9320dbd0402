"""Axes that pictures are drawn on: what is refused, and what happens to a figure when drawing fails."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.canvas import axes, drawing
from adjoint.plot.comparison import strategies
from adjoint.plot.flows import flow
from adjoint.plot.graphs import graph
from adjoint.plot.histories import convergence
from adjoint.plot.matrix import orders, spy
from adjoint.plot.matrix import spying as matrix_spying
from adjoint.plot.widths import levels

WRONG = {
    "array of axes": (lambda: plt.subplots(2, 2)[1], r"numpy.ndarray of shape \(2, 2\): take one of them"),
    "list": (lambda: [1], "not builtins.list"),
    "figure": (plt.figure, r"not matplotlib.Figure: figure, ax = matplotlib.pyplot.subplots\(\)"),
    "three dimensions": (lambda: plt.subplot(projection="3d"), "not of projection '3d'"),
    "polar": (lambda: plt.subplot(projection="polar"), "not of projection 'polar'"),
}


def system():
    return adjoint.trace(lambda x: np.sum(np.sin(x)), np.ones(3)).compile()


PICTURES = {
    "spy": lambda **o: spy(system(), **o),
    "flow": lambda **o: flow(system().solve(), **o),
    "graph": lambda **o: graph(system(), **o),
    "levels": lambda **o: levels(system(), **o),
    "convergence": lambda **o: convergence([1, 2], **o),
    "strategies": lambda **o: strategies([{"workload": "a", "strategy": "b", "ratio": 1.0}], **o),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_are_no_axes_in_the_plane(case):
    make, message = WRONG[case]
    with pytest.raises(PlotError, match=message):
        axes(make(), (4, 3), None)


@pytest.mark.parametrize("name", PICTURES)
def test_every_picture_looks_at_its_axes_and_theme(name):
    with pytest.raises(PlotError, match="ax must be one matplotlib Axes"):
        PICTURES[name](ax=plt.figure())
    plt.close("all")
    for theme in ("blue", ["dark"]):
        with pytest.raises(PlotError, match="theme must be 'light' or 'dark'"):
            PICTURES[name](theme=theme)
    assert not plt.get_fignums()


def test_orders_look_at_all_of_their_axes():
    with pytest.raises(PlotError, match="each of axes must be one matplotlib Axes, not builtins"):
        orders(system(), axes=[plt.figure().add_subplot(), 3])


def test_a_figure_is_closed_if_drawing_fails_and_those_of_the_user_stay():
    with pytest.raises(KeyboardInterrupt), drawing(None, (4, 3), None):
        raise KeyboardInterrupt
    assert not plt.get_fignums()
    with pytest.raises(KeyboardInterrupt), drawing(plt.figure().add_subplot(), (4, 3), None):
        raise KeyboardInterrupt
    assert len(plt.get_fignums()) == 1


def test_no_figure_stays_where_a_picture_fails(monkeypatch):
    with pytest.raises(PlotError, match="linear axis"):
        convergence([1e308, -1e308])
    with pytest.raises(PlotError, match="fold must be"):
        orders(system(), fold=2)
    with pytest.raises(PlotError, match="theme"):
        orders(system(), theme="blue")

    def broken(*_):
        raise PlotError("too many entries")

    monkeypatch.setattr(matrix_spying, "entries", broken)
    with pytest.raises(PlotError, match="too many entries"):
        spy(system(), view="entries")
    assert not plt.get_fignums()


@pytest.mark.parametrize("weigh", [["nodes"], "time", None])
def test_levels_are_weighed_by_names(weigh):
    with pytest.raises(PlotError, match="weigh must be one of"):
        levels(system(), weigh=weigh)
