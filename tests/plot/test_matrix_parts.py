"""What ``spy`` is made of: created blocks, pixels, words."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import PlotError
from adjoint.plot.labelling import drawable
from adjoint.plot.matrix.fill_in import created, elimination_order
from adjoint.plot.matrix.kinds import Parts
from adjoint.plot.matrix.labels import compact, fitting, shortened
from adjoint.plot.matrix.pixels import Grid, tinted
from adjoint.plot.picture import picture
from adjoint.solvers.vertex.choice import ORDERS, find_order
from adjoint.solvers.vertex.graph import Graph


def system_of(seed: int = 0, nodes: int = 30):
    """A random program of scalars with two arguments and two outputs."""
    rng = np.random.default_rng(seed)

    def run(a, b):
        known = [a, b]
        for _ in range(nodes):
            i, k = rng.integers(max(0, len(known) - 6), len(known), 2)
            known.append(known[i] * np.sin(known[k]) if rng.random() < 0.5 else known[i] + known[k])
        return known[-1], known[-2]

    return adjoint.trace(run, 0.4, 0.7).compile()


def kept(system):
    return {*system.trace.inputs, *(out for out in system.trace.outputs if isinstance(out, int))}


# --- created blocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORDERS)
def test_created_blocks_are_counted_as_the_solvers_count_them(name):
    system = system_of(nodes=15)
    graph = Graph.of(system.structure, kept(system))
    expected = find_order(graph, name)
    found = created(system, name)
    assert found.order == expected.order
    assert found.multiplications == expected.multiplications
    assert found.nonzeros == len(found) == expected.fill_in  # scalars: a block is a nonzero
    assert elimination_order(system, name) == expected.order


def test_created_blocks_against_sets():
    system = system_of(3)
    found = created(system, "markowitz")
    structure = system.structure
    pattern = set(zip(structure.parents.tolist(), structure.children.tolist(), strict=True))
    alive = set(range(len(system)))
    expected = []
    for step, j in enumerate(found.order):
        alive.discard(j)
        new = {(i, k) for i, a in pattern if a == j for b, k in pattern if b == j} - pattern
        new = {(i, k) for i, k in new if i in alive and k in alive}
        expected += [(step, i, k) for i, k in new]
        pattern = {(i, k) for i, k in pattern | new if i in alive and k in alive}
    assert sorted(expected) == sorted(zip(found.steps, found.parents, found.children, strict=True))
    assert (np.diff(found.steps) >= 0).all()


def test_an_order_may_be_given_by_numbers_and_leave_nodes_out():
    system = adjoint.trace(lambda x: np.exp(np.sin(np.cos(x))), 1.0).compile()
    found = created(system, [3])
    assert found.order == (2,)
    assert (found.parents.tolist(), found.children.tolist(), found.steps.tolist()) == ([1], [3], [0])
    assert len(created(system, [])) == 0


def test_nothing_to_eliminate():
    found = created(adjoint.trace(lambda x: np.sin(x), 1.0).compile(), "markowitz")
    assert found.order == ()
    assert found.multiplications == 0


@pytest.mark.parametrize("order, message", [([2, 2], "no node twice"), ([1.5], "node numbers"), (7, "a name or")])
def test_bad_orders(order, message):
    with pytest.raises(PlotError, match=message):
        created(system_of(), order)


@pytest.mark.parametrize("name", ORDERS)
def test_too_much_work_is_refused(name):
    with pytest.raises(PlotError, match="more than 10 products"):
        created(system_of(), name, work=10)


# --- pixels ------------------------------------------------------------------------------------------


def painted(edges, side, rows, columns, codes):
    """By rectangles, slowly: the same rule for rows that are at least one pixel."""
    image = np.full((side, side), -1)
    scale = side / edges[-1]
    for row, column, code in zip(rows, columns, codes, strict=True):
        top, bottom = round(edges[row] * scale), round(edges[row + 1] * scale)
        left, right = round(edges[column] * scale), round(edges[column + 1] * scale)
        image[top:bottom, left:right] = code
    return image


def test_large_rows_fill_their_pixels():
    edges = np.array([0.0, 3, 4, 9, 10])
    rows, columns, codes = np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3]), np.array([0, 1, 1, 0])
    for side in (10, 20, 37):
        kinds, weights = Grid.over(edges, side).dominant(rows, columns, codes, np.ones(4), 2)
        assert np.array_equal(kinds, painted(edges, side, rows, columns, codes))
        assert np.array_equal(weights > 0, kinds >= 0)


def test_small_rows_are_counted_in_the_pixel_of_their_middle():
    rng = np.random.default_rng(1)
    rows, columns = rng.integers(0, 1000, (2, 5000))
    codes = rng.integers(0, 3, 5000)
    kinds, weights = Grid.over(np.arange(1001.0), 50).dominant(rows, columns, codes, np.ones(5000), 3)
    counts = np.zeros((3, 50, 50))
    np.add.at(counts, (codes, rows // 20, columns // 20), 1)
    assert np.array_equal(weights, counts.sum(axis=0))
    assert np.array_equal(np.take_along_axis(counts, kinds[None].clip(0), 0)[0], counts.max(axis=0))
    assert ((kinds < 0) == (weights == 0)).all()


@pytest.mark.parametrize(
    "edges", [np.arange(101.0), np.cumsum(np.r_[0, np.tile([1.0, 30.0], 50)])], ids=["equal", "unequal"]
)
def test_the_largest_value_of_a_pixel(edges):
    rng = np.random.default_rng(2)
    rows, columns = rng.integers(0, 100, (2, 900))
    values = rng.uniform(size=900)
    values[5] = np.inf
    grid = Grid.over(edges, 30)
    expected = np.full((30, 30), np.nan)
    for row, column, value in zip(rows, columns, values, strict=True):
        place = slice(grid.begins[row], grid.ends[row]), slice(grid.begins[column], grid.ends[column])
        expected[place] = np.fmax(expected[place], value)
    assert np.array_equal(grid.largest(rows, columns, values), expected, equal_nan=True)


def test_a_single_block_among_many_is_seen():
    image = tinted(np.array([[0, 0], [-1, 1]]), np.array([[1e6, 1], [0, 1]]), np.eye(2, 3))
    assert image[0, 0, 3] == 1
    assert image[0, 1, 3] > 0.4
    assert image[1, 0, 3] == 0
    assert not tinted(np.full((2, 2), -1), np.zeros((2, 2)), np.eye(1, 3)).any()


# --- kinds in a square ---------------------------------------------------------------------------------


def test_shares_of_a_square_follow_the_number_of_blocks_but_every_kind_is_seen():
    rows = np.array([0, 0, 1])
    parts = Parts(rows, np.array([2, 2, 2]), np.array([0, 1, 1]), np.array([75, 25, 4]), np.ones(3, int))
    begins, ends = parts.shares(3)
    assert np.allclose(begins, [0, 0.75, 0])
    assert np.allclose(ends, [0.75, 1, 1])
    rare = Parts(rows[:2], rows[:2] + 1, np.array([0, 1]), np.array([10_000, 1]), np.ones(2, int))
    assert rare.shares(3)[0][1] == pytest.approx(1 / 1.12, abs=0.001)


def test_parts_count_every_block():
    system = system_of()
    whole = picture(system, fold_to=6)
    parts = Parts.of(whole)
    assert parts.blocks.sum() == len(system.structure.children)
    assert parts.nonzeros.sum() == system.structure.nonzeros.sum()
    assert parts.inside.any() == bool(whole.inner.any())


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number, text",
    [(0, "0"), (950, "950"), (1000, "1k"), (12_840, "12.8k"), (99_960, "100k"), (999_600, "1M"), (12_800_000, "12.8M")],
)
def test_compact_numbers(number, text):
    assert compact(number) == text


def test_labels():
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abc def", 5) == "abc…"
    assert drawable("a\nb  λ") == "a b λ"
    assert drawable("$x$") == r"\$x\$"
    assert drawable("x\U0001f9ea重") == "x□□"
    assert fitting("diag", 30, 30, 9) == 9
    assert fitting("diag", 5, 30, 9) == 0
