"""``spy`` and ``orders``: what is drawn where, in which color, with which words."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb, to_rgba

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.colors import DARK, LIGHT
from adjoint.plot.matrix import orders, spy
from adjoint.plot.matrix.fill_in import created
from adjoint.plot.matrix.legend import summary
from adjoint.plot.picture import picture
from adjoint.system import ConstraintSystem


def system_of(function: Any, *args: Any) -> ConstraintSystem:
    system: ConstraintSystem = adjoint.trace(function, *args).compile()
    return system


def textbook() -> ConstraintSystem:
    """``(a + b)(b + 1)``: z_1 a, z_2 b, z_3 a + b, z_4 b + 1, z_5 their product."""
    return system_of(lambda a, b: (a + b) * (b + 1), 2.0, 3.0)


def network() -> ConstraintSystem:
    def loss(w, x):
        hidden = np.tanh(x @ w)
        return np.log(np.sum(np.exp(hidden @ w.T)))

    rng = np.random.default_rng(0)
    return system_of(loss, rng.standard_normal((4, 3)), rng.standard_normal((2, 4)))


def loop(steps: int) -> ConstraintSystem:
    def run(x):
        for _ in range(steps):
            x = np.sin(x) * 1.5
        return x

    return system_of(run, 0.3)


def implicit() -> ConstraintSystem:
    A = np.array([[4.0, 1.0], [0.5, 3.0]])
    return system_of(lambda A, b: np.sum(np.linalg.solve(A, b)), A, np.array([1.0, 2.0]))


def artist(ax: Any, gid: str) -> Any:
    found = [item for item in (*ax.collections, *ax.images, *ax.texts) if item.get_gid() == gid]
    assert len(found) <= 1, gid
    return found[0] if found else None


def places(collection: Any) -> set[tuple[int, int]]:
    """(row, column) from 1 of unit squares."""
    centers = [path.vertices[:4].mean(axis=0) for path in collection.get_paths()]
    return {(int(y) + 1, int(x) + 1) for x, y in centers}


def legend(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def labels(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.get_ticklabels()]


def rendered(ax: Any) -> tuple[np.ndarray, Any]:
    """The picture as RGB, and ``at(x, y)``: the color at a place in the units of the axes."""
    ax.figure.canvas.draw()
    pixels = np.asarray(ax.figure.canvas.buffer_rgba())[..., :3] / 255

    def at(x: float, y: float) -> np.ndarray:
        column, row = ax.transData.transform((x, y))
        return pixels[len(pixels) - 1 - int(row), int(column)]

    return pixels, at


# --- blocks ------------------------------------------------------------------------------------------


def test_a_block_stands_in_the_row_of_the_parent_and_the_column_of_the_child():
    ax = spy(textbook())
    assert places(artist(ax, "blocks")) == {(1, 3), (2, 3), (2, 4), (3, 5), (4, 5)}
    assert places(artist(ax, "diagonal")) == {(k, k) for k in range(1, 6)}
    assert places(artist(ax, "seed")) == {(5, 6)}
    assert ax.yaxis_inverted()
    assert not ax.xaxis_inverted()


def test_blocks_are_colored_by_kind_and_say_so():
    ax = spy(textbook())
    blocks = artist(ax, "blocks")
    by_place = {
        (int(y) + 1, int(x) + 1): to_hex(color).upper()
        for (x, y), color in zip(
            [path.vertices[:4].mean(axis=0) for path in blocks.get_paths()], blocks.get_facecolor(), strict=True
        )
    }
    assert by_place[1, 3] == LIGHT.color("identity").upper()
    assert by_place[3, 5] == LIGHT.color("diagonal").upper()
    words = {(text.get_position(), text.get_text()) for text in ax.texts if text.get_gid() == "kind"}
    assert ((4.5, 2.5), "diag") in words
    assert ((2.5, 0.5), "I") in words


def test_ink_in_a_square_is_told_from_its_color():
    ax = spy(network())
    for text in ax.texts:
        if text.get_gid() == "kind":
            x, y = text.get_position()
            entry = [k for k, path in enumerate(artist(ax, "blocks").get_paths()) if path.contains_point((x, y))]
            ground = artist(ax, "blocks").get_facecolor()[entry[0]]
            assert abs(np.dot(to_rgb(text.get_color()), (0.2, 0.7, 0.1)) - np.dot(ground[:3], (0.2, 0.7, 0.1))) > 0.3


def test_the_legend_counts_blocks_and_nonzeros():
    ax = spy(textbook())
    assert legend(ax) == ["identity (I): 3 / 3", "diagonal: 2 / 2", "−I: 5 / 5"]
    assert ax.get_legend().get_title().get_text() == "blocks / nonzeros"


def test_the_title_agrees_with_the_matrix():
    system = network()
    title = spy(system).get_title().replace("\n", " ")
    n = system.shape[0]
    assert f"{n} × {n}" in title
    assert f"{system.matrix('coo').nnz} nonzeros" in title


def test_labels_are_names_and_numbers_and_long_ones_stay_complete_in_the_gid():
    name = "a_name_that_is_much_longer_than_any_label_can_be"
    ax = spy(system_of(lambda d: np.sin(d[name]), {name: 1.0}))
    first = ax.yaxis.get_ticklabels()[0]
    assert first.get_text().endswith("…")
    assert name in first.get_gid()
    assert labels(ax.yaxis)[1] == "z_2 sin"
    assert {text.get_rotation() for text in ax.xaxis.get_ticklabels()} == {90.0}


def test_names_that_matplotlib_cannot_draw_are_drawn_without_a_warning():
    ax = spy(system_of(lambda d: np.sin(d["重み"]) * d["$\\broken$"], {"重み": 1.0, "$\\broken$": 2.0}))
    ax.figure.canvas.draw()
    assert any("□□" in text for text in labels(ax.yaxis))


def test_an_implicit_constraint_has_a_diagonal_of_its_own():
    system = implicit()
    ax = spy(system)
    colors = [to_hex(color).upper() for color in artist(ax, "diagonal").get_facecolor()]
    assert colors[2] == LIGHT.color("solve").upper()
    assert colors.count(LIGHT.color("solve").upper()) == 1
    assert "−D, solve: 1 / 4" in legend(ax)
    assert f"{system.matrix('coo').nnz} nonzeros" in ax.get_title().replace("\n", " ")


def test_levels_are_bands_and_labels_levels_and_seed_can_be_left_out():
    system = textbook()
    bands = artist(spy(system), "levels")
    assert [tuple(path.vertices[[0, 2], 1]) for path in bands.get_paths()] == [(2.0, 4.0)]  # z_3 and z_4
    bare = spy(system, levels=False, labels=False, seed=False)
    assert artist(bare, "levels") is None
    assert artist(bare, "seed") is None
    assert not len(bare.get_xticks())


def test_area_makes_sides_in_proportion_but_none_too_short():
    ax = spy(system_of(lambda x, a: np.sum(x) * a, np.ones(100_000), 2.0), area=True)
    sides = [np.ptp(path.vertices[:, 0]) for path in artist(ax, "diagonal").get_paths()]
    assert sides[0] > 9 * sides[1]
    assert sides[1] == sides[3] > 0.05 * sum(sides) / len(sides)


def test_a_range_of_nodes():
    ax = spy(textbook(), nodes=(3, 5))
    assert labels(ax.yaxis) == ["z_3 add", "z_4 add", "z_5 multiply"]
    assert places(artist(ax, "blocks")) == {(1, 3), (2, 3)}
    assert ax.get_title().startswith("A, z_3 … z_5: 3 constraints")
    assert "5 nonzeros" in ax.get_title()
    assert artist(spy(textbook(), nodes=(1, 4)), "seed") is None


def test_nodes_without_a_multiplier_have_no_row():
    ax = spy(system_of(lambda x: np.where(x > 0, x, -x), np.array([1.0, -2.0])))
    assert all("greater" not in label for label in labels(ax.yaxis))


# --- folding -----------------------------------------------------------------------------------------


def test_a_loop_is_folded_and_every_block_is_counted():
    system = loop(200)
    ax = spy(system)
    assert "folded to" in ax.get_title()
    assert len(labels(ax.yaxis)) <= 64
    assert legend(ax) == ["diagonal: 200 / 200", "scalar (cI): 200 / 200", "−I: 401 / 401"]
    folded = [text for text in ax.yaxis.get_ticklabels() if text.get_fontstyle() == "italic"]
    assert folded
    hues = {to_hex(color).upper() for color in artist(ax, "folded").get_facecolor()}
    assert hues == {LIGHT.color("diagonal").upper(), LIGHT.color("scalar").upper()}


def test_fold_takes_a_number_of_rows_and_false():
    system = loop(40)
    assert "folded" in spy(system, fold=20).get_title()
    assert "folded" not in spy(system, fold=False).get_title()
    assert len(labels(spy(system, fold=False).yaxis)) > 20


def test_blocks_of_several_kinds_share_a_square():
    system = system_of(lambda x: np.stack([x, x * 1.0]).sum() + x[0] * 0, np.array([1.0, 2.0]))
    two = system_of(lambda x, y: np.where(np.array([True, False]), x, np.broadcast_to(x.sum(), (2,))), np.ones(2), 1.0)
    for each in (system, two):
        ax = spy(each, fold=4)
        area = sum(np.ptp(p.vertices[:, 0]) * np.ptp(p.vertices[:, 1]) for p in artist(ax, "blocks").get_paths())
        squares = len(
            {(round(p.vertices[0, 1]), int(p.vertices[:4, 0].mean())) for p in artist(ax, "blocks").get_paths()}
        )
        assert area == pytest.approx(squares * 0.9**2)


# --- many rows ---------------------------------------------------------------------------------------


def many(count: int) -> ConstraintSystem:
    """One argument that ``count`` nodes read."""
    return system_of(lambda x: np.sum(np.array([np.sin(x[0]) for _ in range(count)])), np.array([0.5, 0.2]))


def test_thousands_of_blocks_in_one_row_are_an_image_and_are_seen():
    system = many(2000)
    ax = spy(system, fold=False)
    assert not [text for text in ax.texts if text.get_gid() == "kind"]
    image = artist(ax, "blocks").get_array()
    assert len(ax.collections) < 10
    assert (image[0, : int(0.6 * len(image)), 3] > 0.5).all()
    assert np.allclose(image[0, 10, :3], to_rgb(LIGHT.color("gather")), atol=0.01)
    assert not image[np.tril_indices(len(image), -1)].any()


def test_every_block_of_an_image_is_in_its_pixel():
    system = loop(120)  # 241 rows: a pixel for each
    image = artist(spy(system, fold=False), "blocks").get_array()
    structure = system.structure
    expected = np.zeros((len(system), len(system)), dtype=bool)
    expected[structure.parents, structure.children] = True
    assert np.array_equal(image[..., 3] > 0, expected)


def test_numbers_of_nodes_stand_where_names_have_no_room():
    ax = spy(many(300), fold=False)
    ax.figure.canvas.draw()
    assert "z_1" in labels(ax.yaxis)
    assert all(label == "" or label.startswith("z_") for label in labels(ax.yaxis))


def test_area_of_many_rows():
    ax = spy(many(300), fold=False, area=True)
    assert artist(ax, "blocks").get_array().any()


# --- entries -----------------------------------------------------------------------------------------


def test_entries_are_the_pattern_of_the_matrix():
    for system in (network(), implicit()):
        ax = spy(system, view="entries")
        image = artist(ax, "entries").get_array()
        pattern = np.zeros(system.shape, dtype=bool)
        matrix = system.matrix("coo")
        pattern[matrix.row, matrix.col] = True
        assert np.array_equal(image[..., 3] > 0, pattern)


def test_entries_have_the_color_of_their_block():
    ax = spy(implicit(), view="entries", theme="dark")
    image = artist(ax, "entries").get_array()
    assert np.allclose(image[6, 7, :3], to_rgb(DARK.color("solve")))  # the block of D
    assert np.allclose(image[7, 6, :3], to_rgb(DARK.color("solve")))
    assert np.allclose(image[4, 6, :3], to_rgb(DARK.color("identity")))
    assert np.allclose(image[6, 8, :3], to_rgb(DARK.color("reduce")))


def test_entries_in_another_order_are_permuted():
    system = network()
    order = np.argsort(system.structure.levels, kind="stable")
    image = artist(spy(system, view="entries", order="levels"), "entries").get_array()
    rows = np.concatenate([np.arange(system.offsets[k], system.offsets[k + 1]) for k in order])
    assert np.array_equal(image[..., 3] > 0, (system.matrix("dense") != 0)[np.ix_(rows, rows)])


def test_boundaries_between_blocks_where_they_are_not_too_dense():
    assert artist(spy(network(), view="entries"), "boundaries") is not None
    assert artist(spy(loop(100), view="entries", fold=False), "boundaries") is None


# --- values ------------------------------------------------------------------------------------------


def test_values_are_logarithmic_with_a_bar():
    ax = spy(system_of(lambda x: 1000.0 * (0.01 * np.sin(x)), 0.0), values=True)
    blocks = artist(ax, "blocks")
    assert sorted(blocks.get_array()) == pytest.approx([0.01, 1, 1000])
    assert (blocks.norm.vmin, blocks.norm.vmax) == pytest.approx((0.01, 1000))
    assert "entry" in ax.figure.axes[1].get_ylabel()


def infinite() -> ConstraintSystem:
    with np.errstate(all="ignore"):
        return system_of(lambda x: np.sum(np.sqrt(x) * np.array([0.0, 0.0, 0.0])), np.array([1.0, 0.0, 4.0]))


def test_nan_infinity_and_zero_are_told_apart():
    ax = spy(infinite(), values=True)
    assert places(artist(ax, "non-finite")) == {(1, 2)}
    assert np.allclose(artist(ax, "non-finite").get_facecolor()[0], to_rgba(LIGHT.non_finite))
    assert places(artist(ax, "zeros")) == {(2, 3)}
    assert places(artist(ax, "blocks")) == {(3, 4)}
    assert {"NaN or infinity: 1", "0 at this point: 1"} <= set(legend(ax))


def test_entries_by_value():
    ax = spy(infinite(), values=True, view="entries")
    image = artist(ax, "entries").get_array()
    assert np.allclose(image[1, 4, :3], to_rgb(LIGHT.non_finite))
    assert np.allclose(image[3, 6, :3], to_rgb(LIGHT.faint))
    assert not np.allclose(image[0, 3, :3], to_rgb(LIGHT.faint))


def test_values_of_many_blocks_are_an_image():
    ax = spy(loop(120), fold=False, values=True)
    image = artist(ax, "blocks").get_array()
    assert (image[..., 3] > 0).sum() == 240


# --- orders and fill-in ------------------------------------------------------------------------------


def test_rows_are_permuted():
    assert labels(spy(textbook(), order=[5, 3]).yaxis) == ["z_5 multiply", "z_3 add", "z_1 a", "z_2 b", "z_4 add"]
    assert labels(spy(textbook(), order="reverse").yaxis)[:2] == ["z_4 add", "z_3 add"]
    assert labels(spy(textbook(), order="program").yaxis)[0] == "z_1 a"


def test_levels_put_what_is_independent_together():
    system = system_of(lambda a, b: np.sin(np.exp(a)) * np.exp(b), 1.0, 2.0)
    shown = [int(label.split()[0][2:]) for label in labels(spy(system, order="levels").yaxis)]
    level = system.structure.levels
    assert shown != sorted(shown)
    assert all(level[a - 1] <= level[b - 1] for a, b in pairwise(shown))


@pytest.mark.parametrize("name", ["forward", "reverse", "markowitz", "lowest_cost"])
def test_fill_in_is_what_elimination_creates(name):
    system = network()
    found = created(system, name)
    ax = spy(system, fill_in=name)
    assert places(artist(ax, "fill-in")) == set(zip(found.parents + 1, found.children + 1, strict=True))
    assert f"fill-in, {name}: {len(found)} blocks" in legend(ax)
    assert not places(artist(ax, "fill-in")) & places(artist(ax, "blocks"))


def test_fill_in_of_many_rows_is_an_image():
    system = loop(120)
    ax = spy(system, fold=False, fill_in="reverse")
    found = created(system, "reverse")
    image = artist(ax, "fill-in").get_array()
    assert (image[..., 3] > 0).sum() == len(found) == 239


def test_orders_side_by_side():
    system = network()
    drawn = orders(system, ("reverse", "markowitz"), fill_in=True)
    assert isinstance(drawn, np.ndarray)
    assert [ax.get_title().split("\n")[0] for ax in drawn] == ["order: reverse", "order: markowitz"]
    assert "fill-in, markowitz" in legend(drawn[1])[-1]
    given = plt.subplots(1, 2)[1]
    assert list(orders(system, axes=given, theme="dark")) == list(given)


# --- the axes and the page ---------------------------------------------------------------------------


def test_it_draws_on_axes_that_are_given_and_changes_no_settings():
    before = dict(plt.rcParams)
    figure, grid = plt.subplots(2, 2)
    assert spy(network(), ax=grid[0, 1]) is grid[0, 1]
    assert spy(loop(200), ax=grid[1, 0], view="entries") is grid[1, 0]
    figure.canvas.draw()
    assert dict(plt.rcParams) == before
    assert plt.get_fignums() == [figure.number]


def test_a_trace_will_do():
    assert spy(adjoint.trace(lambda x: np.sin(x), 1.0)).get_title().startswith("A: 2 constraints")


def test_what_is_under_the_mouse_is_told():
    ax = spy(textbook())
    assert ax.format_coord(2.5, 0.5) == "row z_1 a, column z_3 add: identity, 1 nonzeros"
    assert ax.format_coord(0.5, 0.5).endswith("diagonal, identity")
    assert ax.format_coord(-3, 0.5) == ""


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_lower_triangle_is_empty_and_squares_are_filled(theme):
    ax = spy(textbook(), theme=theme.name, levels=False)
    ax.get_legend().remove()
    _, at = rendered(ax)
    assert np.allclose(at(0.5, 3.5), to_rgb(theme.ground), atol=0.01)
    assert np.allclose(at(2.2, 4.2), to_rgb(theme.ground), atol=0.01)
    assert np.allclose(at(2.2, 0.2), to_rgb(theme.color("identity")), atol=0.02)
    assert np.allclose(at(4.2, 2.2), to_rgb(theme.color("diagonal")), atol=0.02)
    assert np.allclose(at(5.0 + 0.27, 4.5), to_rgb(theme.accent), atol=0.02)


def test_the_legend_covers_no_block():
    for system in (network(), textbook(), loop(200)):
        ax = spy(system)
        ax.figure.canvas.draw()
        box = ax.get_legend().get_window_extent()
        assert box.y0 > ax.transData.transform((0, ax.get_ylim()[0]))[1] - 1  # in the lower triangle
        for path in artist(ax, "blocks").get_paths():
            corner = ax.transData.transform(path.vertices[3])  # the lower left one
            assert not (corner[0] < box.x1 and corner[1] < box.y1), path


def test_the_legend_is_below_where_the_lower_triangle_is_not_empty():
    ax = spy(network(), order="reverse")
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().y1 < ax.transData.transform((0, ax.get_ylim()[0]))[1]


# --- settings, extremes, small and large -------------------------------------------------------------


@pytest.mark.parametrize("options", [{"view": "entries"}, {"values": True}, {"view": "entries", "values": True}, {}])
@pytest.mark.parametrize("make", [network, lambda: many(300)], ids=["few", "many"])
def test_settings_of_the_user_do_not_turn_or_cover_it(make, options):
    plain = rendered(spy(make(), fold=False, **options))[0]
    with plt.rc_context({"image.origin": "lower", "axes.grid": True, "axes.grid.which": "both"}):
        ax = spy(make(), fold=False, **options)
        assert (rendered(ax)[0] == plain).all()
    for each in ax.figure.axes:
        assert not any(line.get_visible() for line in (*each.get_xgridlines(), *each.get_ygridlines()))


@pytest.mark.parametrize("view", ["blocks", "entries"])
@pytest.mark.parametrize("factor", [1e308, 1.7e308, 1e-308, 5e-324])
def test_values_at_the_ends_of_double_precision(view, factor):
    system = system_of(lambda x: np.sum(np.sin(x)) * factor, np.linspace(0.01, 0.1, 5))
    ax = spy(system, view=view, values=True)
    rendered(ax)
    assert any(label.get_text() for label in ax.figure.axes[1].get_yticklabels())


def test_values_over_hundreds_of_decades():
    def run(x):
        for k in range(12):
            x = x * (1e50 if k < 6 else 1e-100)
        return np.sum(x) * 1e300

    rendered(spy(system_of(run, np.ones(3)), values=True, fold=False))


@pytest.mark.parametrize("rows, inside", [(1, False), (2, True), (3, True)])
def test_the_legend_of_a_few_rows_covers_no_square(rows, inside):
    functions = [lambda x: x, np.sum, lambda x: np.exp(np.sum(x))]
    ax = spy(system_of(functions[rows - 1], np.ones(3)))
    rendered(ax)
    box = ax.get_legend().get_window_extent().transformed(ax.transData.inverted())
    left, right, top = min(box.x0, box.x1), max(box.x0, box.x1), min(box.y0, box.y1)
    for corners in artist(ax, "diagonal").get_paths():
        square = corners.get_extents()
        assert right <= square.x0 or left >= square.x1 or top >= square.y1
    assert (top < rows) == inside


def test_a_single_pixel_of_fill_in_has_the_color_of_the_legend():
    for theme in (LIGHT, DARK):
        ax = spy(scattered(), fold=False, order="markowitz", fill_in=True, theme=theme.name)
        image = artist(ax, "fill-in").get_array()
        filled = image[image[..., 3] > 0]
        assert filled[:, 3].min() >= 0.85
        assert to_hex(filled[0, :3]) == to_hex(theme.accent)
        patch = next(p for p in ax.get_legend().get_patches() if p.get_label().startswith("fill-in"))
        assert to_hex(patch.get_facecolor()) == to_hex(theme.accent)


def scattered() -> ConstraintSystem:
    rng = np.random.default_rng(0)

    def run(xs):
        xs = list(xs)
        for _ in range(200):
            i, j = rng.integers(0, len(xs), 2)
            xs.append(np.sin(xs[i]) * xs[j])
        return xs[-1] * xs[-2]

    return system_of(run, list(rng.normal(size=5)))


def test_entries_of_a_long_loop_have_numbers_of_nodes_at_ticks():
    ax = spy(loop(200), view="entries")
    rendered(ax)
    shown = [text for text in labels(ax.yaxis) if text]
    assert len(shown) >= 4
    assert all(text.startswith("z_") and " " not in text for text in shown)
    assert "folded" not in ax.get_title()


def test_one_row_is_counted_as_one():
    folded = picture(loop(50), fold_to=8)
    one = replace(folded, starts=folded.starts[:1], stops=folded.stops[-1:], sizes=folded.sizes[:1], names={0: "all"})
    assert summary(folded, 1, 101).endswith(f"; folded to {len(folded)} rows")
    assert summary(one, 1, 101).endswith("; folded to 1 row")


def test_names_in_ids_can_be_written(tmp_path):
    system = system_of(lambda x: np.exp(adjoint.name(x * 2, "a\ud800\x07b")), np.ones(2))
    ax = spy(system)
    ax.figure.savefig(tmp_path / "a.svg")
    assert "row z_2 a□□b" in (tmp_path / "a.svg").read_text("utf-8")


# --- refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, message",
    [
        ({"view": "tiles"}, "view must be 'blocks' or 'entries'"),
        ({"view": ["blocks"]}, "view must be 'blocks' or 'entries'"),
        ({"view": "entries", "area": True}, "area=True is for view='blocks'"),
        ({"theme": "pink"}, "theme must be"),
        ({"fold": 2}, "fold must be True, False, or a number of rows"),
        ({"fold": "much"}, "fold must be"),
        ({"fold": 8, "order": "levels"}, "exclude each other"),
        ({"nodes": (0, 2)}, "no range of z_1"),
        ({"order": "best"}, "order must be one of 'program', 'levels', 'auto'"),
        ({"order": 3}, "order must be a name or a sequence"),
        ({"order": [1, 1]}, "at most once"),
        ({"order": [9]}, "must name nodes"),
        ({"fill_in": "best"}, "an elimination order is one of"),
        ({"fill_in": True}, "has to be an elimination order"),
        ({"fill_in": [1]}, "z_1 cannot be eliminated"),
    ],
)
def test_bad_options_are_refused_before_there_is_a_figure(options, message):
    with pytest.raises(PlotError, match=message):
        spy(textbook(), **options)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: spy("A"), "spy draws a system or a trace, not str"),
        (lambda: spy(adjoint.trace(lambda x: x * 2, np.zeros(0))), "nothing to draw"),
        (lambda: orders(textbook(), "program"), "must be a sequence of orders"),
        (lambda: orders(textbook(), ()), "must be a sequence of orders"),
        (lambda: orders(textbook(), None), "must be a sequence of orders, .* not None"),
        (lambda: orders(textbook(), order="levels"), "takes no 'order'"),
        (lambda: orders(textbook(), axes=[plt.figure().add_subplot()]), "need as many axes"),
    ],
    ids=["no system", "empty", "one name", "no order", "None", "order given", "axes"],
)
def test_refusals(call, message):
    with pytest.raises(PlotError, match=message):
        call()
