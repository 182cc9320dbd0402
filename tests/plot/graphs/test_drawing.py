"""The graph on matplotlib's axes: texts and patches, themes, and every odd trace."""

from __future__ import annotations

import pickle

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

import adjoint
from adjoint.errors import MissingExtraError, PlotError
from adjoint.plot.colors import DARK, LIGHT
from adjoint.plot.graphs import drawing as module
from adjoint.plot.graphs import graph
from tests.plot.graphs import programs


def textbook_trace():
    return adjoint.trace(programs.textbook().product_of_sum, -2.0, 5.0, -4.0)


def texts(ax) -> list[str]:
    return [text.get_text() for text in ax.texts]


def gids(ax) -> list[str]:
    return [patch.get_gid() for patch in ax.patches if patch.get_gid()]


def test_everything_of_the_textbook_picture_is_on_the_axes():
    ax = graph(textbook_trace())
    found = texts(ax)
    for name in ("x", "y", "z", "+", "×", "z_1", "z_5"):
        assert found.count(name) == 1
    numbers = [text for text in found if text.lstrip("−").isdigit()]
    assert sorted(numbers) == sorted(["−2", "5", "−4", "3", "−12", "−4", "−4", "3", "−4", "1", "1", "1", "3", "−4"])
    assert [gid for gid in gids(ax) if gid.startswith("box")] == [f"box-{k}" for k in range(1, 6)]
    assert [gid for gid in gids(ax) if gid.startswith("arrow")] == ["arrow-1-4", "arrow-2-4", "arrow-3-5", "arrow-4-5"]


@pytest.mark.parametrize("name", programs.TRACES)
def test_all_odd_traces_are_drawn(name):
    ax = graph(programs.TRACES[name]())
    ax.figure.canvas.draw()
    assert any((gid or "").startswith("box-") for gid in gids(ax))


def test_given_axes_are_used_and_left_alone_otherwise():
    figure, (left, right) = plt.subplots(1, 2)
    assert graph(textbook_trace(), ax=left) is left
    assert not right.texts
    assert left.yaxis_inverted()
    figure.canvas.draw()
    sizes = {text.get_fontsize() for text in left.texts if text.get_text() in ("x", "z_1")}
    assert max(sizes) < 10.5, "letters shrink with the boxes"


def test_letters_stay_in_their_boxes_at_any_zoom():
    ax = graph(textbook_trace())
    ax.figure.canvas.draw()
    (plus,) = [text for text in ax.texts if text.get_text() == "+"]
    before = plus.get_fontsize()
    ax.set_xlim(0, 100)
    ax.set_ylim(60, 0)
    ax.figure.canvas.draw()
    assert plus.get_fontsize() > 1.5 * before


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_themes(theme):
    look = {"light": LIGHT, "dark": DARK}[theme]
    ax = graph(textbook_trace(), theme=theme)
    colors = {text.get_text(): to_hex(text.get_color()).upper() for text in ax.texts}
    assert colors["−12"] == look.ink.upper(), "a value"
    assert colors["multiplier λ"] == look.accent.upper()
    assert to_hex(ax.figure.get_facecolor()).upper() == look.ground.upper()


def test_dark_axes_are_noticed():
    with plt.style.context("dark_background"):
        ax = graph(textbook_trace())
    assert to_hex(next(t for t in ax.texts if t.get_text() == "+").get_color()).upper() == DARK.ink.upper()


def test_what_is_not_finite_has_its_own_color():
    ax = graph(programs.not_finite())
    colors = {text.get_text(): to_hex(text.get_color()).upper() for text in ax.texts}
    assert colors["−inf"] == colors["inf"] == LIGHT.non_finite.upper()
    edges = {patch.get_gid(): to_hex(patch.get_edgecolor()).upper() for patch in ax.patches if patch.get_gid()}
    assert edges["arrow-1-3"] == LIGHT.non_finite.upper()
    assert edges["arrow-3-4"] != LIGHT.non_finite.upper()


def test_dots_are_two_collections():
    trace = programs.many_operands()
    ax = graph(trace, fold=False)
    assert not ax.texts
    counts = {c.get_gid(): len(c.get_paths()) for c in ax.collections}
    assert counts["arrows"] == 601
    (dots,) = [c for c in ax.collections if c.get_gid() == "boxes"]
    assert len(dots.get_offsets()) == len(trace)
    ax.figure.canvas.draw()


def test_figures_can_be_pickled():
    figure = pickle.loads(pickle.dumps(graph(textbook_trace()).figure))
    assert "−12" in texts(figure.axes[0])
    figure.canvas.draw()


def test_nothing_global_changes():
    before = dict(plt.rcParams)
    graph(textbook_trace(), theme="dark")
    assert dict(plt.rcParams) == before


def test_bad_options_are_refused():
    with pytest.raises(PlotError, match="direction must be"):
        graph(textbook_trace(), direction="left")
    with pytest.raises(PlotError, match="theme must be"):
        graph(textbook_trace(), theme="blue")
    with pytest.raises(PlotError, match="graph draws a trace or a system"):
        graph(3.0)


def test_without_matplotlib_the_message_names_the_command(monkeypatch):
    def missing(*_):
        raise MissingExtraError('pip install "adjoint[plot]"')

    monkeypatch.setattr(module, "drawing", missing)
    with pytest.raises(MissingExtraError, match="adjoint\\[plot\\]"):
        graph(textbook_trace())
