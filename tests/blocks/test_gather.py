"""Gathers: views where NumPy gives views, and adjoints that accumulate in place."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from adjoint.blocks import Block, Gather, Reshape, Roll, Slice, Take, Transpose, put_flat, scatter_sum, take_flat
from tests.blocks.elementary import gathers
from tests.blocks.entry import random

GATHERS = [entry for entry in gathers() if isinstance(entry.block, Gather)]


@pytest.mark.parametrize(
    "block",
    [
        Reshape((2, 3), (6,)),
        Reshape((2, 3), (1, 3, 2)),
        Transpose((1, 0), (2, 3)),
        Slice((1,), (2, 3), (3,)),
        Slice((slice(None), slice(None, None, -2)), (2, 3), (2, 2)),
        Slice((None, ..., 0), (2, 3), (1, 2)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("batch", [(), (4,), (2, 2)])
def test_views(block: Gather, batch: tuple[int, ...]) -> None:
    v = random(*batch, *block.in_shape)
    assert np.shares_memory(block.apply(v), v)
    if not isinstance(block, Slice):
        w = random(*batch, *block.out_shape)
        assert np.shares_memory(block.apply_adjoint(w), w)
        assert np.shares_memory(block.adjoint.apply(w), w)


def test_the_adjoint_of_a_slice_is_new_memory() -> None:
    block, w = Slice((slice(None),), (3,), (3,)), random(3)
    assert not np.shares_memory(block.apply_adjoint(w), w)


@pytest.mark.parametrize("entry", GATHERS, ids=str)
def test_positions_say_which_entry_is_copied(entry) -> None:
    block = entry.block
    positions = block.positions()
    assert type(positions) is np.ndarray
    assert positions.dtype.kind == "i"
    assert positions.size == np.prod(block.out_shape, dtype=int)  # as many as entries, not a matrix
    v = random(*block.in_shape)
    np.testing.assert_array_equal(np.ravel(v)[positions.ravel()], np.ravel(block.apply(v)))


SCATTERS: list[Callable[..., np.ndarray]] = [
    lambda block, w: block.apply_adjoint(w),
    lambda block, w: block.adjoint.apply(w),
    lambda block, w: scatter_sum((block,), w),
]


@pytest.mark.parametrize("scatter", SCATTERS, ids=["apply_adjoint", "adjoint", "scatter_sum"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_repeated_positions_add_up(scatter: Callable[..., np.ndarray], dtype: type) -> None:
    block = Take(np.array([[3, 3], [0, 3]]), (4,))
    w = np.array([[1, 2], [4, 8]], dtype)
    found = scatter(block, w)
    np.testing.assert_array_equal(found, np.array([4, 0, 0, 11], dtype))
    assert found.dtype == dtype
    batch = np.stack([w, 10 * w, 100 * w])
    np.testing.assert_array_equal(scatter(block, batch), np.outer([1, 10, 100], [4, 0, 0, 11]).astype(dtype))


def test_few_positions_of_a_large_array_add_up() -> None:
    """The sparse road of the scatter, which does not go through a histogram."""
    block = Take(np.array([7, 7, 90]), (10, 10))
    expected = np.zeros((10, 10))
    expected[0, 7], expected[9, 0] = 3, 4
    np.testing.assert_array_equal(block.apply_adjoint(np.array([1.0, 2.0, 4.0])), expected)


def test_scatter_sum_adds_several_gathers() -> None:
    shape = (3, 4)
    blocks = (
        Slice((1,), shape, (4,)),
        Slice((slice(None), 2), shape, (3,)),
        Take(np.array([0, 0, 11]), shape),
        Slice((1, 2), shape, ()),
    )
    for batch in ((), (2,), (2, 1)):
        ws = [random(*batch, *block.out_shape) for block in blocks]
        ws = [np.asarray(w) for w in ws]
        expected = np.zeros(batch + shape)
        expected[..., 1, :] += ws[0]
        expected[..., :, 2] += ws[1]
        expected[..., 0, 0] += ws[2][..., 0] + ws[2][..., 1]
        expected[..., 2, 3] += ws[2][..., 2]
        expected[..., 1, 2] += ws[3]
        np.testing.assert_allclose(scatter_sum(blocks, *ws), expected, rtol=1e-14)


def test_scatter_sum_takes_the_wider_dtype() -> None:
    blocks = (Slice((0,), (2, 3), (3,)), Slice((1,), (2, 3), (3,)))
    assert scatter_sum(blocks, np.ones(3, np.float32), np.ones(3, np.float32)).dtype == np.float32
    assert scatter_sum(blocks, np.ones(3, np.float32), np.ones(3)).dtype == np.float64
    assert scatter_sum(blocks, np.ones(3), np.ones(3, complex)).dtype == np.complex128


@pytest.mark.parametrize(
    "block, index",
    [
        (Slice((slice(1, 3),), (5,), (2,)), slice(1, 3)),
        (Slice((slice(None, None, -2),), (5,), (3,)), slice(None, None, -2)),
        (Take(np.array([4, 0]), (5,)), [4, 0]),
    ],
)
def test_adding_in_place(block, index) -> None:
    for batch in ((), (3,)):
        out = random(*batch, 5)
        expected = out.copy()
        w = random(*batch, *block.out_shape)
        expected[..., index] += w
        address = out.ctypes.data
        assert block.add_adjoint_to(out, w) is None
        assert out.ctypes.data == address
        np.testing.assert_allclose(out, expected, rtol=1e-15)


def test_rows_of_a_large_array_cost_one_array() -> None:
    """A loop over ``X[t]``: the sum of all adjoints allocates one array, not one for each row."""
    rows, width = 400, 1000
    blocks = tuple(Slice((t,), (rows, width), (width,)) for t in range(rows))
    ws = [np.ones(width)] * rows
    tracemalloc.start()
    try:
        total = scatter_sum(blocks, *ws)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(total, np.ones((rows, width)))
    assert peak < 1.2 * total.nbytes


def test_take_and_put_are_adjoint_for_every_batch() -> None:
    positions = np.array([[5, 1, 1], [0, 5, 2]])
    for batch in ((), (2,), (2, 3), (0,)):
        x, w = random(*batch, 2, 3), random(*batch, 2, 3)
        taken, put = take_flat(x, positions, 2), put_flat(w, positions, (2, 3))
        assert taken.shape == put.shape == (*batch, 2, 3)
        np.testing.assert_array_equal(taken, x.reshape(*batch, 6)[..., positions])
        assert np.isclose(np.sum(taken * w), np.sum(x * put))


def test_permutations_have_their_inverse_as_adjoint() -> None:
    blocks: list[Block] = [
        Reshape((2, 3), (3, 2)),
        Transpose((2, 0, 1), (2, 3, 4)),
        Roll((1, 2), (-2, -1), (2, 3)),
        Slice((slice(None, None, -1),), (4,), (4,)),
        Take(np.array([2, 0, 1]), (3,)),
    ]
    for block in blocks:
        v = random(*block.in_shape)
        np.testing.assert_array_equal(block.apply_adjoint(block.apply(v)), v)
        np.testing.assert_array_equal((block.adjoint @ block).apply(v), v)
