"""Convergence: the values, the marks of what no axis can show, and the names at the ends."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.histories import POINTS, convergence, thinned
from adjoint.plot.labelling import spread

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)


def lines(ax, label):
    return [
        (np.asarray(each.get_xdata(), dtype=float), np.asarray(each.get_ydata(), dtype=float))
        for each in ax.lines
        if each.get_label() == label
    ]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_one_sequence():
    ax = convergence([1.0, 0.1, 0.001])
    ((x, y),) = lines(ax, "_history")
    assert (x.tolist(), y.tolist()) == ([1, 2, 3], [1, 0.1, 0.001])
    assert ax.get_yscale() == "log"
    assert not ax.texts


def test_several_by_name_with_a_tolerance():
    ax = convergence({"slow": [1.0, 0.5, 0.4], "fast": [1.0, 1e-9]}, tolerance=1e-6)
    assert set(texts(ax)) == {"slow", "fast", "tolerance"}
    ((_, y),) = lines(ax, "_tolerance")
    assert y.tolist() == [1e-6, 1e-6]
    ends = {each.get_xdata()[0]: each for each in ax.lines if each.get_label() == "_end"}
    assert ends[3].get_markerfacecolor() != ends[3].get_color()  # hollow: did not get there
    assert ends[2].get_markerfacecolor() == ends[2].get_color()


def test_negative_losses_take_a_linear_axis():
    assert convergence([3000.0, 1.0, -500.0]).get_yscale() == "linear"
    assert convergence([3.0, 2.0, 1.5]).get_yscale() == "linear"  # nothing to gain from a logarithm
    assert convergence([0.0, 0.0]).get_yscale() == "linear"


def test_zeros_and_non_finite_values_are_marks():
    ax = convergence([1.0, 1e-3, 0.0, np.inf, np.nan, 1e-5])
    ((x, y),) = lines(ax, "_zero")
    assert (x.tolist(), y.tolist()) == ([3], [0.025])
    ((x, _),) = lines(ax, "_not finite")
    assert x.tolist() == [4, 5]
    ((_, y),) = lines(ax, "_history")
    assert np.isnan(y).tolist() == [False, False, True, True, True, False]
    ((x, _),) = lines(ax, "_end")
    assert x.tolist() == [6]
    ax = convergence([np.nan, np.nan])
    ((x, _),) = lines(ax, "_not finite")
    assert x.tolist() == [1, 2]


def test_columns_of_an_array_are_lines():
    ax = convergence(np.array([[1.0, 2.0], [0.01, 0.2]]))
    assert set(texts(ax)) == {"1", "2"}
    ((_, y),) = lines(ax, "2")
    assert y.tolist() == [2.0, 0.2]


def loop(x):
    state = x
    for _ in range(3):
        state = 0.5 * state + x
    return state


def test_multipliers_show_their_neumann_series():
    system = adjoint.trace(loop, 1.0).compile()
    multipliers = system.solve()
    ax = convergence(multipliers)
    ((x, y),) = lines(ax, "_history")
    np.testing.assert_allclose(y, system.factorize("neumann").term_norms(multipliers.rows))
    assert x.tolist() == list(range(len(y)))
    assert ax.get_xlabel() == "blocks of a path"
    ((_, y),) = lines(convergence(system.solve_tangent(1.0)), "_history")
    np.testing.assert_allclose(y, system.factorize("neumann").term_norms([(0, np.float64(1))], tangent=True))
    ax = convergence(system.solve(np.array([1.0, 2.0])))
    assert texts(ax) == ["right-hand side 1", "right-hand side 2"]
    with pytest.raises(PlotError, match=r"convergence\(multipliers\)"):
        convergence(system.factorize("neumann"))


def test_krylov_reports():
    def program(b):
        return np.sum(np.linalg.solve(np.diag(np.arange(1.0, 9.0)) + 0.1, b))

    system = adjoint.trace(program, np.ones(8)).compile()
    factor = system.factorize("krylov")
    with pytest.raises(PlotError, match="no report: solve with it first"):
        convergence(factor)
    system.solve(solver="krylov")
    (report,) = factor.reports
    for history in (factor, factor.reports, report):
        ax = convergence(history)
        ((x, y),) = lines(ax, "z_2 linalg.solve")
        assert (x.tolist(), y.tolist()) == ([0, report.iterations], [1, report.residual])
        assert texts(ax) == ["z_2 linalg.solve"]


def test_names_do_not_overlap():
    ax = convergence({f"run {k}": 0.9 ** np.arange(20) * (1 + 1e-3 * k) for k in range(12)})
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 12
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_a_line_that_ends_early_is_named_there_if_there_is_room():
    ax = convergence({"long": np.linspace(1, 0.99, 100), "short": [1.0, 0.5, 0.2]})
    where = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert where["short"] < 20
    ax = convergence({"long": np.linspace(1, 0.99, 100), "short": [0.5, 0.7, 0.995]})
    where = {text.get_text(): text.get_position()[0] for text in ax.texts}
    assert where["short"] > 100  # beside its end stands the other line


def test_thinning_keeps_extremes_ends_and_gaps():
    values = np.random.default_rng(0).normal(size=50_000)
    values[777], values[40_001], values[31_000] = 99, -99, np.nan
    steps, kept = thinned(np.arange(50_000.0), values)
    assert len(kept) <= 1.6 * POINTS
    assert {0.0 + 777, 40_001, 31_000, 49_999} <= set(steps)
    np.testing.assert_array_equal(kept, values[steps.astype(int)])


def test_spread_moves_as_little_as_may_be():
    np.testing.assert_allclose(spread([0.5, 0.5, 0.9], 0.1, 0, 1), [0.45, 0.55, 0.9])
    np.testing.assert_allclose(spread([0.2, 0.1], 0.05, 0, 1), [0.2, 0.1])
    np.testing.assert_allclose(spread([0.99, 0.98], 0.1, 0, 1), [1.0, 0.9])
    assert np.diff(np.sort(spread(np.full(11, 0.5), 0.3, 0, 1))).min() == pytest.approx(0.1)


@pytest.mark.parametrize(
    "history, message",
    [
        (3.0, "draws a sequence of real numbers"),
        ("abc", "draws a sequence of real numbers.* it got str"),
        ({"a": {"b": [1]}}, "'a' is dict"),
        ({1.0, 2.0}, "it got set"),
        ([1j, 2.0], "complex128"),
        ({"a": [[[1.0]]]}, r"'a' is float64 of shape \(1, 1, 1\)"),
        ([[1.0], [1.0, 2.0]], "draws a sequence"),
        ({}, "the mapping is empty"),
        ([], "the history is empty"),
        ({"a": []}, "the history 'a' is empty"),
        (np.ones((3, 30)), "tells 24 lines apart, not 30"),
    ],
    ids=[
        "number",
        "text",
        "mapping",
        "set",
        "complex",
        "three axes",
        "ragged",
        "no names",
        "empty",
        "empty by name",
        "too many",
    ],
)
def test_wrong_histories_are_refused(history, message):
    with pytest.raises(PlotError, match=message):
        convergence(history)


@pytest.mark.parametrize("tolerance", [0, -1.0, np.inf, "small"])
def test_wrong_tolerances_are_refused(tolerance):
    with pytest.raises(PlotError, match="tolerance has to be a positive number"):
        convergence([1.0], tolerance=tolerance)


def test_terms_of_a_long_series_are_cut_and_said_to_be(monkeypatch):
    def loop(x):
        for _ in range(30):
            x = np.sin(x) + x
        return x

    solution = adjoint.trace(loop, 0.3).compile().solve()
    whole = convergence(solution)
    assert "first" not in whole.get_xlabel()
    monkeypatch.setattr("adjoint.plot.histories.PRODUCTS", 900)
    part = convergence(solution)
    assert "the first 10 of 61" in part.get_xlabel()
    lines = [max((line.get_ydata() for line in ax.lines), key=len) for ax in (whole, part)]
    np.testing.assert_allclose(lines[1], lines[0][:10])


@pytest.mark.parametrize(
    "values",
    [
        [1e300, 1e-300],
        [1.7e308, 5e-324],
        [1.7e308, 1.7e308],
        [1.7e308, 1e308],
        [5e-324, 5e-324],
        [0, 1e308, 1],
        [1e-320],
    ],
)
def test_the_ends_of_double_precision(values):
    ax = convergence(values)
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    assert 0 <= low < min(v for v in values if v) or low == 5e-324
    assert max(values) < high < np.inf
    assert any(label.get_text() for label in ax.get_yticklabels())


def test_negative_values_of_that_size_are_refused():
    with pytest.raises(PlotError, match="up to 1e\\+300, not 1e\\+308"):
        convergence([1e308, -1e308])


def test_a_short_logarithmic_axis_has_plain_numbers():
    ax = convergence([40.0, 1.0])
    ax.figure.canvas.draw()
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert {"1", "2", "5", "10", "20"} <= set(shown)
    assert not any(label.get_text() for label in ax.get_yticklabels(minor=True))


def test_names_that_matplotlib_cannot_draw():
    ax = convergence({"$\\frac$": [1, 2], "重": [2, 3], "a\ud800\x07": [3, 4]})
    ax.legend()
    ax.figure.canvas.draw()
    assert {text.get_text() for text in ax.texts} == {r"\$\frac\$", "□", "a□□"}
