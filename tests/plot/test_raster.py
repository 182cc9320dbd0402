"""Rasters against the assembled matrix, binned by hand; portions and joins of every kind of block in the catalogue."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.blocks import (
    Contraction,
    Convolution,
    Dense,
    Diagonal,
    Fourier,
    Function,
    Product,
    RealPart,
    Reduce,
    Reshape,
    Roll,
    Scale,
    Sum,
    Transpose,
)
from adjoint.errors import PlotError
from adjoint.plot.picture import picture
from adjoint.plot.raster import block_magnitudes, rasterize
from adjoint.plot.raster import blocks as raster_blocks
from adjoint.plot.raster import counting as raster
from adjoint.plot.raster import magnitudes as raster_magnitudes
from adjoint.plot.raster.blocks import portions
from adjoint.plot.raster.canvas import Canvas
from adjoint.plot.raster.joins import join, plain
from tests.blocks.catalogue import CATALOGUE
from tests.systems_catalogue import BY_NAME, NAMES, random_program, system_of

DRAWN = [name for name in NAMES if system_of(name).shape[0]]


def binned(matrix, height, width):
    """Counts, largest finite magnitudes, and non-finite pixels of a matrix, entry by entry."""
    entries = matrix.tocoo()
    size = matrix.shape[0]
    counts, largest = np.zeros((height, width), int), np.zeros((height, width))
    wrong = np.zeros((height, width), bool)
    for i, j, x in zip(entries.row.tolist(), entries.col.tolist(), np.abs(entries.data).tolist(), strict=True):
        place = i * height // size, j * width // size
        counts[place] += 1
        if np.isfinite(x):
            largest[place] = max(largest[place], x)
        else:
            wrong[place] = True
    return counts, largest, wrong


def check(found, matrix, pixels, rtol=1e-12):
    size = matrix.shape[0]
    height, width = min(pixels[0], size), min(pixels[1], size)
    counts, largest, wrong = binned(matrix, height, width)
    assert found.counts.shape == (height, width)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_array_equal(found.non_finite, wrong)
    if found.magnitudes is not None:
        np.testing.assert_allclose(found.magnitudes, largest, rtol=rtol)


# --- systems ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", [(7, 5), (64, 64), (600, 601), (1, 1)], ids=str)
@pytest.mark.parametrize("name", DRAWN)
def test_against_the_matrix(name, pixels):
    system = system_of(name)
    matrix = system.matrix("csr")
    for magnitudes in (False, True):
        check(rasterize(system, pixels=pixels, magnitudes=magnitudes), matrix, pixels, BY_NAME[name].rtol)


@pytest.mark.parametrize("name", ["network", "random program", "stencil", "linear solves", "nested systems"])
def test_a_range_of_nodes_is_a_corner_cut_out(name):
    system = system_of(name)
    n, offsets = len(system), system.offsets
    first, last = n // 3, n - n // 4
    matrix = system.matrix("csr")[offsets[first - 1] : offsets[last], offsets[first - 1] : offsets[last]]
    found = rasterize(system, nodes=(first, last), pixels=(9, 11), magnitudes=True)
    check(found, matrix, (9, 11))
    sizes = np.diff(offsets)[found.nodes]
    np.testing.assert_array_equal(np.diff(found.edges), sizes)
    assert found.size == matrix.shape[0]
    assert found.nodes.min() >= first - 1
    assert found.nodes.max() <= last - 1


@pytest.mark.parametrize("name", ["network", "random program", "discrete nodes", "linear solves"])
def test_an_order_permutes_rows_and_columns(name):
    system = system_of(name)
    order = np.random.default_rng(0).permutation(len(system)) + 1
    offsets = system.offsets
    scalars = np.concatenate([np.arange(offsets[k - 1], offsets[k]) for k in order.tolist()])
    matrix = system.matrix("csr")[scalars][:, scalars]
    check(rasterize(system, order=order.tolist(), pixels=(16, 16), magnitudes=True), matrix, (16, 16))


def test_many_scalars_are_counted_from_the_structure(monkeypatch):
    system = adjoint.trace(random_program(3, 300), *np.linspace(0.1, 0.9, 6)).compile()
    monkeypatch.setattr(raster, "LOOKED_AT", 10)
    monkeypatch.setattr(raster, "WAITING", 50)
    monkeypatch.setattr(raster, "grouped_nodes", None)  # the values are not looked at
    check(rasterize(system, pixels=(50, 40)), system.matrix("csr"), (50, 40))
    part = system.matrix("csr")[100:, 100:]
    check(rasterize(system, nodes=(101, len(system)), pixels=(50, 40)), part, (50, 40))


def test_in_small_portions(monkeypatch):
    """Every loop over portions takes more than one turn."""
    for module, name in ((raster, "WAITING"), (raster_blocks, "PORTION")):
        monkeypatch.setattr(module, name, 5)
    monkeypatch.setattr("adjoint.plot.raster.canvas.WAITING", 3)
    monkeypatch.setattr("adjoint.plot.raster.canvas.TABLED", 0)
    monkeypatch.setattr("adjoint.plot.raster.canvas.CELLS", 0)
    monkeypatch.setattr(raster, "SMALL", 0)
    for name in ("network", "stencil", "linear solves", "nested systems", "broadcasting"):
        system = system_of(name)
        for magnitudes in (False, True):
            check(rasterize(system, pixels=(10, 12), magnitudes=magnitudes), system.matrix("csr"), (10, 12))


def test_operands_that_are_one_node_are_one_entry():
    system = adjoint.trace(lambda x, y: (x * x, y @ y.T, (y + y) * y), 3.0, np.ones((2, 2)) * 2).compile()
    found = rasterize(system, magnitudes=True)
    check(found, system.matrix("csr"), (600, 600))
    assert found.magnitudes[0, 5] == 6  # 2x


def test_large_counts_are_exact():
    """25 million entries, of which none is listed."""

    def layer(w, x):
        return np.sum(np.tanh(x @ w))

    system = adjoint.trace(layer, np.ones((784, 64)), np.ones((256, 784))).compile()
    found = rasterize(system, pixels=(100, 100))
    assert found.nonzeros == system.structure.matrix_nonzeros > 25_000_000
    # the column of an entry of the product holds 784 weights, 784 inputs and the diagonal, and one entry below it
    made = system.offsets[2:4] * 100 / found.size
    inside = slice(int(np.ceil(made[0])), int(made[1]))
    widths = np.diff(np.ceil(np.arange(inside.start, inside.stop + 1) * found.size / 100).astype(int))
    np.testing.assert_array_equal(found.counts[:, inside].sum(0), widths * (2 * 784 + 1))


def test_a_trace_will_do_and_fewer_scalars_than_pixels():
    trace = adjoint.trace(lambda x: x * 2, np.ones(3))
    found = rasterize(trace, pixels=(4, 100))
    np.testing.assert_array_equal(found.counts.sum(1), [4, 2, 2, 1])
    assert found.counts.shape == (4, 6)
    assert found.nonzeros == 9
    np.testing.assert_allclose(found.row_edges, [0, 1.5, 3, 4.5, 6])
    np.testing.assert_allclose(found.column_edges, np.arange(7))


# --- what is not finite, not real, or not known -----------------------------------------------------------


def test_non_finite_entries_keep_their_place():
    with np.errstate(all="ignore"):
        system = adjoint.trace(lambda x: np.sqrt(x) * np.array([1, np.nan, 2]), np.array([0.0, 1, 4])).compile()
    for magnitudes in (False, True):
        found = rasterize(system, magnitudes=magnitudes)
        assert np.argwhere(found.non_finite).tolist() == [[0, 3], [4, 7]]
    assert found.magnitudes[1, 4] == 0.5
    assert found.counts[0, 3] == 1


def test_real_parts_and_conjugates_are_drawn_though_they_are_no_matrices():
    z = np.array([3 + 4j, 1j])
    system = adjoint.trace(lambda z: (np.abs(z), np.conj(z) * z, z.imag), z).compile()
    with pytest.raises(adjoint.AdjointError):
        system.matrix()
    found = rasterize(system, magnitudes=True)
    assert found.nonzeros == system.structure.matrix_nonzeros
    np.testing.assert_allclose(found.magnitudes[[0, 1], [2, 3]], 1)  # z/|z|


def test_a_function_without_entries_is_full_and_is_asked_for_magnitudes_only():
    calls = []

    def jvp(v):
        calls.append(v)
        return np.roll(v, 1) * 3

    @adjoint.custom_rule(lambda y, x: Function(x.shape, y.shape, jvp, None, name="rolled"))
    def rolled(x):
        return np.roll(x, 1) * 3

    system = adjoint.trace(rolled, np.arange(70.0)).compile()
    found = rasterize(system)
    assert found.counts[:70, 70:].sum() == 4900
    assert not calls
    found = rasterize(system, magnitudes=True)
    assert found.magnitudes[69, 70] == 3
    assert found.magnitudes[:70, 70:].sum() == 210


def test_values_traced_by_an_outer_derivative_are_looked_at_as_plain_numbers():
    seen = []

    def outer(x):
        system = adjoint.trace(lambda y: np.tanh(y) * 2 @ np.ones(3), x).compile()
        before = len(x._trace)
        seen.append(rasterize(system, magnitudes=True))
        assert len(x._trace) == before
        with pytest.raises(PlotError, match="traced by an outer derivative"):
            block_magnitudes(picture(system))
        return np.sum(x)

    adjoint.grad(outer)(np.ones(3))
    plain_one = adjoint.trace(lambda y: np.tanh(y) * 2 @ np.ones(3), np.ones(3)).compile()
    np.testing.assert_array_equal(seen[0].counts, rasterize(plain_one).counts)
    np.testing.assert_array_equal(seen[0].magnitudes, rasterize(plain_one, magnitudes=True).magnitudes)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"pixels": (0, 3)}, r"at least \(1, 1\)"),
        ({"pixels": 3}, r"pixels must be \(height, width\), not 3"),
        ({"pixels": "ab"}, "pixels must be"),
        ({"nodes": (0, 3)}, "no range of z_1"),
        ({"nodes": (3, 3)}, "none of these nodes has a multiplier"),
        ({"order": [1, 1]}, "at most once"),
        ({"magnitudes": True, "most_entries": 3}, r'leave out magnitudes, or draw it with view="blocks"'),
    ],
)
def test_refused(options, message):
    system = system_of("discrete nodes")
    if options.get("nodes") == (3, 3):
        options = {"nodes": (2, 2)}  # x > 0: a mask
        assert not system.is_active(1)
    with pytest.raises(PlotError, match=message):
        rasterize(system, **options)


def test_nothing_to_draw():
    for system in (system_of("only empty arrays"), adjoint.trace(lambda k: k + 1, np.arange(3)).compile()):
        with pytest.raises(PlotError, match="nothing to draw"):
            rasterize(system)
    with pytest.raises(PlotError, match="not int"):
        rasterize(3)


# --- blocks -----------------------------------------------------------------------------------------------


KINDS = sorted({type(entry.block).__name__ for entry in CATALOGUE})


@pytest.mark.parametrize("kind", KINDS)
def test_portions_joins_and_the_largest_entry(kind):
    """Portions are all entries, each once; a join is where they are; both against the block's own coordinates."""
    for entry in CATALOGUE:
        if type(entry.block).__name__ != kind:
            continue
        block = plain(entry.block)
        dense, sparse = np.asarray(block.to_dense()), block.to_sparse()
        listed = np.zeros(block.shape, bool)
        listed[sparse.rows, sparse.columns] = True
        for most in (1, 7, 1 << 20):
            seen, total = np.zeros(block.shape, int), np.zeros(block.shape, np.result_type(dense, float))
            for portion in portions(block, most):
                np.add.at(seen, (portion.rows, portion.columns), 1)
                np.add.at(total, (portion.rows, portion.columns), portion.data)
            np.testing.assert_array_equal(seen, listed, err_msg=entry.name)
            np.testing.assert_allclose(total, dense, rtol=1e-6, atol=1e-6, err_msg=entry.name)
        found = join(block)
        if found is not None:
            pattern = found.row_keys[:, None] == found.column_keys
            np.testing.assert_array_equal(pattern, listed, err_msg=entry.name)
            assert max(found.row_keys.max(initial=0), found.column_keys.max(initial=0)) < max(1, found.keys)
        with np.errstate(all="ignore"):
            expected = np.max(np.abs(dense), initial=0)
        np.testing.assert_allclose(raster_magnitudes.largest(block), expected, rtol=1e-6, err_msg=entry.name)


def test_joins_are_found():
    """The kinds of layers are counted without listing."""
    joined = {type(entry.block).__name__ for entry in CATALOGUE if join(plain(entry.block)) is not None}
    assert joined >= {"Contraction", "Cosine", "Dense", "Fourier", "Function", "MatrixOnLeft"}


@pytest.mark.parametrize(
    "block",
    [
        Product(Scale(2.0, (5, 1), (5, 6)), Reduce(1, (1,), (5, 6), (5, 1))),
        Product(
            Diagonal(np.linspace(1, 2, 30).reshape(5, 6), (5, 6), (5, 6)),
            Scale(2.0, (5, 1), (5, 6)),
            Reduce(0.5, (1,), (5, 6), (5, 1)),
            Diagonal(np.linspace(3, 4, 30).reshape(5, 6), (5, 6), (5, 6)),
        ),
        Product(Transpose((1, 0), (5, 6)), Dense(np.arange(1.0, 121).reshape(30, 4), (4,), (5, 6))),
        Product(
            Diagonal(np.linspace(1, 2, 30).reshape(6, 5), (6, 5), (6, 5)),
            Transpose((1, 0), (5, 6)),
            Diagonal(np.linspace(5, 6, 30).reshape(5, 6), (5, 6), (5, 6)),
            Roll((1,), (-1,), (5, 6)),
            Reshape((5, 3, 2), (5, 6)),
            Contraction("aib", "ij", "ajb", np.linspace(1, 3, 12).reshape(4, 3), (5, 4, 2), (5, 3, 2)),
            Roll((2,), (-2,), (5, 4, 2)),
            Diagonal(np.linspace(7, 8, 40).reshape(5, 4, 2), (5, 4, 2), (5, 4, 2)),
            Transpose((1, 2, 0), (2, 5, 4)),
            Diagonal(np.linspace(2, 3, 40).reshape(2, 5, 4), (2, 5, 4), (2, 5, 4)),
        ),
        Sum(
            Contraction("ik", "kj", "ij", np.ones((4, 5)), (3, 4), (3, 5)),
            Contraction("ik", "jk", "ij", np.full((5, 4), 2.0), (3, 4), (3, 5)),
        ),
    ],
    ids=["spread sum", "scaled spread sum", "moved", "moved and scaled on both sides", "sum of contractions"],
)
def test_large_composites_are_listed_in_portions(block, monkeypatch):
    """As if they were too large to be listed at once."""
    dense = block.to_dense()
    monkeypatch.setattr(raster_blocks, "LISTED", 20 if not isinstance(block, Sum) else 100)
    total = np.zeros(block.shape)
    count = 0
    for portion in portions(block, 16):
        np.add.at(total, (portion.rows, portion.columns), portion.data)
        count += portion.rows.size
    np.testing.assert_allclose(total, dense, rtol=1e-12)
    assert count == np.count_nonzero(dense)
    found = join(block)
    assert (found is None) == isinstance(block, Sum)
    if found is not None:
        np.testing.assert_array_equal(found.row_keys[:, None] == found.column_keys, dense != 0)


def test_too_large_to_list(monkeypatch):
    monkeypatch.setattr(raster_blocks, "LISTED", 10)
    middle = Product(
        Dense(np.ones((4, 5)), (5,), (4,)), Diagonal(np.ones(5), (5,), (5,)), Dense(np.ones((5, 6)), (6,), (5,))
    )
    with pytest.raises(PlotError, match='view="blocks"'):
        list(portions(middle))


@pytest.mark.parametrize("cells", [0, 1 << 23])
def test_joins_are_counted_like_points(cells, monkeypatch):
    monkeypatch.setattr("adjoint.plot.raster.canvas.CELLS", cells)
    block = Contraction("bki", "kj", "bij", np.ones((7, 3)), (4, 7, 2), (4, 2, 3))
    found, listed = Canvas(100, 9, 13, False), Canvas(100, 9, 13, False)
    found.add_join(join(block), 20, 76)
    sparse = block.to_sparse()
    listed.add(sparse.columns + 20, sparse.rows + 76)
    listed.flush()
    np.testing.assert_array_equal(found.counts, listed.counts)
    assert found.counts.sum() == block.nnz


# --- magnitudes of blocks --------------------------------------------------------------------------------


@pytest.mark.parametrize("fold_to", [None, 8])
@pytest.mark.parametrize("name", DRAWN)
def test_block_magnitudes_against_the_matrix(name, fold_to):
    system = system_of(name)
    drawn = picture(system, fold_to=fold_to)
    dense, offsets = np.abs(system.matrix("dense")), system.offsets
    expected = []
    with np.errstate(all="ignore"):
        for row, column in zip(drawn.rows, drawn.columns, strict=True):
            rows = slice(offsets[drawn.starts[row]], offsets[drawn.stops[row]])
            columns = slice(offsets[drawn.starts[column]], offsets[drawn.stops[column]])
            expected.append(dense[rows, columns].max(initial=0))
    np.testing.assert_allclose(block_magnitudes(drawn), expected, rtol=BY_NAME[name].rtol)


def test_block_magnitudes_of_what_is_not_finite():
    with np.errstate(all="ignore"):
        system = adjoint.trace(lambda x: np.sqrt(x) * np.array([np.nan, 1, 2]), np.array([1.0, 0, 4])).compile()
    found = block_magnitudes(picture(system))
    assert np.isinf(found[0])
    assert np.isnan(found[1])


def test_bounds_are_no_less_than_the_largest(monkeypatch):
    rng = np.random.default_rng(0)
    product = Product(Dense(rng.normal(size=(4, 5)), (5,), (4,)), Dense(rng.normal(size=(5, 6)), (6,), (5,)))
    total = Sum(product, Dense(rng.normal(size=(4, 6)), (6,), (4,)))
    exact = [raster_magnitudes.largest(block) for block in (product, total)]
    monkeypatch.setattr(raster_magnitudes, "LISTED", 0)
    bounds = [raster_magnitudes.largest(block) for block in (product, total)]
    assert all(bound >= value for bound, value in zip(bounds, exact, strict=True))
    assert bounds != exact
    convolved = Convolution(np.array([1.0, -3.0, 2.0]), "full", (9,))
    assert raster_magnitudes.largest(convolved) == 3
    assert raster_magnitudes.largest(Fourier(0, False, "ortho", (16,))) == 0.25
    function = Function((6,), (6,), lambda v: v * 5, None)
    assert raster_magnitudes.largest(function) == 5
    assert raster_magnitudes.largest(plain(RealPart(np.array([3 + 4j]), (1,)))) == 5
