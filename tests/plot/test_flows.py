"""What :func:`flow` draws are the norms, counts and quantiles that NumPy finds in the multipliers themselves."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.flows import entries as flows_entries
from adjoint.plot.flows import flow
from adjoint.plot.flows.depth import depth_of
from adjoint.plot.flows.drawing import COLUMNS
from adjoint.plot.flows.entries import columns_of, density, entries_of
from adjoint.plot.flows.shapes import trend_of
from adjoint.plot.labelling import pace

pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)


def layers(depth, scale=0.5, width=8, dtype=float):
    rng = np.random.default_rng(0)

    def net(params, x):
        for w, b in params:
            x = adjoint.name(np.tanh(x @ w + b), "hidden")
        return np.sum(x**2)

    params = [
        (scale * rng.normal(size=(width, width)).astype(dtype) / dtype(np.sqrt(width)), np.zeros(width, dtype))
        for _ in range(depth)
    ]
    return adjoint.trace(net, params, rng.normal(size=(4, width)).astype(dtype)).compile()


def rms(x):
    x = np.abs(np.asarray(x))
    x = x[np.isfinite(x)]
    return np.sqrt(np.mean(x**2)) if x.size else 0.0


def line(ax, label):
    """The data of the one line whose label begins so."""
    (found,) = [each for each in ax.lines if each.get_label().startswith(label)]
    return np.asarray(found.get_xdata(), dtype=float), np.asarray(found.get_ydata(), dtype=float)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# --- the numbers ----------------------------------------------------------------------------------


def test_norms_are_those_of_the_multipliers():
    multipliers = layers(4).solve()
    ax = flow(multipliers)
    x, y = line(ax, "hidden values")
    assert x.tolist() == list(range(10, len(multipliers) + 1))  # nine arguments come first
    np.testing.assert_allclose(y, [rms(multipliers[int(k)]) for k in x], rtol=1e-12)
    x, y = line(ax, "arguments")
    assert x.tolist() == [10, 11, 13, 14, 16, 17, 19, 20, 10]  # where each of them is read first
    np.testing.assert_allclose(y, [rms(multipliers[k]) for k in range(1, 10)], rtol=1e-12)


def test_several_right_hand_sides_are_more_entries():
    system = adjoint.trace(lambda x: np.tanh(x) * x, np.linspace(0.1, 1, 5)).compile()
    seeds = np.random.default_rng(1).normal(size=(3, 5))
    multipliers = system.solve(seeds)
    entries = entries_of(multipliers)
    assert entries.counts.tolist() == [15] * 3
    _, y = line(flow(multipliers), "hidden values")
    np.testing.assert_allclose(y, [rms(multipliers[2]), rms(multipliers[3])])


def test_tangents_are_drawn_too():
    system = adjoint.trace(lambda x: np.sum(np.tanh(x) * x), np.linspace(0.1, 1, 5)).compile()
    tangents = system.solve_tangent(np.arange(5.0))
    ax = flow(tangents)
    _, y = line(ax, "hidden values")
    np.testing.assert_allclose(y, [rms(tangents[k]) for k in range(2, len(tangents) + 1)])
    assert ax.get_ylabel() == "|ż|"


def test_tiny_multipliers_do_not_underflow():
    def chain(x):
        for _ in range(4):
            x = x * 1e-60
        return np.sum(x)

    multipliers = adjoint.trace(chain, np.ones(3)).compile().solve()
    _, y = line(flow(multipliers), "hidden values")
    np.testing.assert_allclose(y, [1e-180, 1e-120, 1e-60, 1, 1])


def test_statistics_of_columns_are_numpys(monkeypatch):
    rng = np.random.default_rng(2)

    def program(x, y):
        return np.sum(np.exp(x) * np.sin(y)) + np.sum(y[:7] ** 3)

    multipliers = adjoint.trace(program, rng.normal(size=40), rng.normal(size=40)).compile().solve()
    entries = entries_of(multipliers)
    place = np.arange(len(entries.nodes)) // 3
    columns = columns_of(entries, place, np.arange(place[-1] + 1.0))
    for k in range(place[-1] + 1):
        every = np.concatenate([np.abs(np.ravel(multipliers[n + 1])) for n in entries.nodes[place == k]])
        positive = every[every > 0]
        assert columns.counts[k] == every.size
        assert columns.zeros[k] == np.count_nonzero(every == 0)
        assert columns.largest[k] == every.max()
        assert columns.smallest[k] == positive.min()
        np.testing.assert_allclose(columns.rms[k], rms(every))
        for share, found in ((0.05, columns.low), (0.95, columns.high)):
            assert found[k] == np.quantile(positive, share, method="inverted_cdf")


def test_large_arrays_are_sampled_for_quantiles_only(monkeypatch):
    monkeypatch.setattr(flows_entries, "FEWEST", 16)
    x = np.random.default_rng(3).normal(size=1000)
    multipliers = adjoint.trace(lambda x: np.sum(x**3), x).compile().solve()
    whole, sampled = entries_of(multipliers), entries_of(multipliers, most=64)
    assert sampled.values.size < 70 < whole.values.size
    for name in ("counts", "zeros", "non_finite", "largest", "smallest"):
        assert getattr(sampled, name).tolist() == getattr(whole, name).tolist(), name
    np.testing.assert_allclose(sampled.squares, whole.squares)
    np.testing.assert_allclose(sampled.weights.sum(), whole.weights.sum())


def test_density_sums_to_one_in_every_column():
    entries = entries_of(layers(3).solve())
    column = np.arange(len(entries.nodes)) % 4
    decades = np.log10(entries.values)
    found = density(entries, column, 4, decades.min() - 1e-9, decades.max() + 1e-9, 30)
    np.testing.assert_allclose(found.sum(axis=0), 1)
    table, _ = np.histogram(decades[column[entries.owners] == 1], 30, (decades.min() - 1e-9, decades.max() + 1e-9))
    np.testing.assert_allclose(found[:, 1], table / table.sum())


# --- zeros, NaN and infinity ----------------------------------------------------------------------


def test_zeros_and_non_finite_values_have_marks_and_are_counted():
    def program(x):
        dead = np.sin(x) * 0.0  # its multiplier is zero
        y = np.sqrt(x - x[0])  # infinite at the first entry
        return np.sum(y) + np.sum(np.maximum(x, 5.0)) + np.sum(dead)

    with np.errstate(all="ignore"):
        multipliers = adjoint.trace(program, np.arange(4.0)).compile().solve()
    entries = entries_of(multipliers)
    every = [np.ravel(multipliers[k + 1]) for k in entries.nodes]
    zeros, bad = sum(np.count_nonzero(x == 0) for x in every), sum(np.count_nonzero(~np.isfinite(x)) for x in every)
    assert zeros > 0
    assert bad > 0
    ax = flow(multipliers)
    x, y = line(ax, "hidden values")
    np.testing.assert_allclose(np.nan_to_num(y), [rms(multipliers[int(k)]) for k in x])  # of the finite entries
    wholly = [k for k, x in zip(entries.nodes, every, strict=True) if not x.any()]
    nodes = sum(not np.isfinite(x).all() for x in every)
    text = f"zero: {zeros} entries" + (f", {len(wholly)} node{'s' * (len(wholly) > 1)} wholly" if wholly else "")
    assert text in legend(ax)
    assert f"NaN or ∞: {bad} entr{'y' if bad == 1 else 'ies'}, {nodes} node{'s' * (nodes > 1)}" in legend(ax)
    x, y = line(ax, "NaN")
    stands = depth_of(multipliers.system, entries.nodes, "node")
    expected = {stands.x[p] for p, each in zip(stands.places, every, strict=True) if not np.isfinite(each).all()}
    assert set(x) == expected
    assert (y > 0.9).all()


def test_wholly_zero_nodes_interrupt_the_line():
    def program(x):
        return np.sum(np.sin(x) * 0.0 + np.cos(x))

    multipliers = adjoint.trace(program, np.ones(3)).compile().solve()
    ax = flow(multipliers)
    x, y = line(ax, "hidden values")
    expected = [rms(multipliers[int(k)]) for k in x]
    np.testing.assert_array_equal(np.isnan(y), np.array(expected) == 0)
    marks, _ = line(ax, "zero")
    assert marks.tolist() == x[np.isnan(y)].tolist()


def test_nothing_but_zeros():
    system = adjoint.trace(lambda x: x * 2.0, np.ones(3)).compile()
    ax = flow(system.solve(np.zeros(3)))
    assert "zero: 6 entries, 2 nodes wholly" in legend(ax)
    assert ax.get_ylim()[0] > 0


# --- reference lines ------------------------------------------------------------------------------


def test_the_trend_is_told_per_layer_in_the_direction_of_the_solve():
    def chain(x):
        for _ in range(30):
            x = x * 0.25
            x = x + 0.0
        return x

    system = adjoint.trace(chain, 1.0).compile()
    assert "← × 0.25 per step" in legend(flow(system.solve()))
    assert "← × 0.5 per level" in legend(flow(system.solve(), by="level"))
    assert "→ × 0.25 per step" in legend(flow(system.solve_tangent(1.0)))


def test_no_trend_where_there_is_none():
    x = np.arange(50.0)
    assert trend_of(x, 10.0 ** np.random.default_rng(0).normal(size=50)) is None
    assert trend_of(x, 0.99**x) is None  # less than a factor of ten
    assert trend_of(x[:4], 0.01 ** x[:4]) is None  # too few
    found = trend_of(x, 3 * 0.5**x)
    np.testing.assert_allclose((10**found.a, 10**found.b), (3, 0.5))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_line_of_rounding_stands_at_eps_times_the_largest(dtype):
    multipliers = layers(60, 0.2, dtype=dtype).solve()
    largest = max(np.abs(multipliers[k]).max() for k in range(1, len(multipliers) + 1))
    _, y = line(flow(multipliers), "_rounding")
    np.testing.assert_allclose(y, np.finfo(dtype).eps * largest)
    assert not [each for each in flow(layers(2).solve()).lines if each.get_label() == "_rounding"]


# --- along the depth ------------------------------------------------------------------------------


def test_by_name_shows_only_what_has_a_name():
    multipliers = layers(3).solve()
    ax = flow(multipliers, by="name")
    texts = [text.get_text() for text in ax.get_xticklabels()]
    assert texts == [
        "params[0][0]",
        "x",
        "params[0][1]",
        "hidden 1",
        "params[1][0]",
        "params[1][1]",
        "hidden 2",
        "params[2][0]",
        "params[2][1]",
        "hidden 3",
    ]
    x, y = line(ax, "hidden values")
    assert x.tolist() == [4, 7, 10]
    named = [k for k, name in multipliers.system.trace.labels().items() if name == "hidden"]
    np.testing.assert_allclose(y, [rms(multipliers[k + 1]) for k in named])


def test_by_level_pools_the_nodes_of_a_level():
    multipliers = layers(2).solve()
    x, y = line(flow(multipliers, by="level"), "hidden values")
    for level, found in zip(x, y, strict=True):
        nodes = [k for k in multipliers.system.levels[int(level) - 1] if k > 5]
        np.testing.assert_allclose(found, rms(np.concatenate([np.ravel(multipliers[k]) for k in nodes])))


def test_by_step_pools_the_nodes_of_a_time_step():
    def rnn(w, xs):
        h = np.zeros(3)
        for x in xs:
            h = np.tanh(w @ h + x)
        return h @ h

    multipliers = adjoint.trace(rnn, 0.5 * np.eye(3), np.ones((10, 3))).compile().solve()
    ax = flow(multipliers, by="step")
    x, y = line(ax, "hidden values")
    assert x.tolist() == list(range(1, 11))
    assert "step of the loop at line" in ax.get_xlabel()
    starts = [k for k, name in enumerate(multipliers.system.structure.names, 1) if name == "getitem"]
    for found, start in zip(y, starts, strict=True):
        step = np.concatenate([np.ravel(multipliers[k]) for k in range(start, start + 4)])
        np.testing.assert_allclose(found, rms(step))


def test_many_nodes_share_columns():
    def chain(x):
        for _ in range(1500):
            x = np.sin(x)
        return x

    multipliers = adjoint.trace(chain, 0.5).compile().solve()
    x, y = line(flow(multipliers), "hidden values")
    assert len(x) == COLUMNS
    first = [np.ravel(multipliers[k]) for k in (2, 3, 4)]
    np.testing.assert_allclose((x[0], y[0]), (3, rms(first)))


# --- what is refused ------------------------------------------------------------------------------


def test_wrong_inputs_are_refused():
    system = layers(1)
    with pytest.raises(PlotError, match=r"not ConstraintSystem: system\.solve\(seed\) returns them"):
        flow(system)
    with pytest.raises(PlotError, match="by must be one of 'node', 'level', 'name', 'step', not 'layer'"):
        flow(system.solve(), by="layer")
    with pytest.raises(PlotError, match="theme"):
        flow(system.solve(), theme="sepia")
    with pytest.raises(PlotError, match="by='step' needs a loop"):
        flow(system.solve(), by="step")


def test_nothing_to_draw_is_refused():
    system = adjoint.trace(lambda x: x * 2.0, np.zeros(0)).compile()
    with pytest.raises(PlotError, match="no node of the system has a multiplier"):
        flow(system.solve(np.zeros(0)))
    system = adjoint.trace(lambda x: x * 2.0, np.ones(3)).compile()
    with pytest.raises(PlotError, match="no right-hand sides"):
        flow(system.solve(np.zeros((0, 3))))


def test_arguments_alone_and_unread_ones():
    ax = flow(adjoint.trace(lambda x, y: x, 1.0, 2.0).compile().solve())
    assert ax.get_ylabel() == "|λ| of the arguments"
    ax = flow(adjoint.trace(lambda x, y: x * 2.0, 1.0, 2.0).compile().solve())
    assert "zero: 1 entry, 1 node wholly" in legend(ax)


def test_complex_and_relinearized_systems():
    trace = adjoint.trace(lambda z: np.sum(np.abs(z * z)), np.array([1 + 2j, 3j])).compile()
    multipliers = trace.relinearize(np.array([2 + 1j, 1j])).solve()
    _, y = line(flow(multipliers), "arguments")
    np.testing.assert_allclose(y, rms(multipliers[1]))


def test_given_axes_and_themes():
    from matplotlib import pyplot

    multipliers = layers(2).solve()
    before = dict(pyplot.rcParams)
    _, axes = pyplot.subplots(2, 2)
    assert flow(multipliers, ax=axes[0, 1], theme="dark") is axes[0, 1]
    assert axes[0, 1].yaxis.label.get_color() == "#E6E9EE"
    assert dict(pyplot.rcParams) == before


def test_names_that_matplotlib_cannot_draw():
    def f(x):
        for _ in range(6):
            x = adjoint.name(np.sin(x) * 0.1, "$\\frac$ 重\ud800")
        return np.sum(x)

    ax = flow(adjoint.trace(f, np.ones(3)).compile().solve(), by="name")
    ax.figure.canvas.draw()
    assert r"\$\frac\$ □□ 1" in [label.get_text() for label in ax.get_xticklabels()]
    assert any(r"per \$\frac\$ □□" in text for text in legend(ax))


@pytest.mark.parametrize("factor", [1e308, 1.7e308, 1e-308])
def test_multipliers_at_the_ends_of_double_precision(factor):
    system = adjoint.trace(lambda x: np.sum(np.sin(x)) * factor, np.linspace(0.01, 0.1, 5)).compile()
    ax = flow(system.solve())
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    assert 0 < low < 0.9 * factor < high < np.inf
    assert any(label.get_text() for label in ax.get_yticklabels())


def test_a_range_of_hundreds_of_decades():
    def f(x):
        for k in range(12):
            x = x * (1e50 if k < 6 else 1e-100)
        return np.sum(x) * 1e300

    ax = flow(adjoint.trace(f, np.ones(3)).compile().solve())
    ax.figure.canvas.draw()


def test_an_axis_of_a_decade_has_plain_numbers():
    ax = flow(adjoint.trace(lambda x: np.sum(np.sin(x) * 3.0), np.ones(3)).compile().solve())
    ax.figure.canvas.draw()
    assert {"1", "2", "5"} <= {label.get_text() for label in ax.get_yticklabels()}


def test_many_arguments_have_points_without_whiskers():
    assert any(each.get_label().startswith("_arguments") for each in flow(layers(15).solve()).collections)
    assert not any(each.get_label().startswith("_arguments") for each in flow(layers(25).solve()).collections)


@pytest.mark.parametrize(
    "exponent, told",
    [
        (np.log10(0.62), "× 0.62 per step"),
        (np.log10(1.02), "× 1.02 per step"),
        (np.log10(0.9951), "× 0.995 per step"),
        (1 / 1203, "× 10 per 1,200 steps"),
        (-1 / 600, "× 0.1 per 600 steps"),
        (3, "× 1,000 per step"),
        (-310, "× 1e-310 per step"),
    ],
)
def test_a_trend_in_words(exponent, told):
    assert pace(exponent, "step") == told
