"""Structural zeros: ``0 × inf`` and ``0 × nan`` contribute 0 where a block is guarded, and only there."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.blocks import (
    Adjoint,
    Block,
    Dense,
    Diagonal,
    Identity,
    Mask,
    Product,
    Scale,
    Sum,
    safe_multiply,
    with_guards,
)
from adjoint.blocks.kernels import all_finite

INF, NAN = np.inf, np.nan
SINGULAR = np.array([INF, -INF, NAN, 2.0])


@pytest.fixture(autouse=True)
def as_in_a_sweep():
    """Sweeps silence NumPy's warnings about invalid values once, around all blocks."""
    with np.errstate(invalid="ignore"):
        yield


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_zeros_win_against_infinity_and_nan(dtype: type) -> None:
    block = Diagonal(SINGULAR.astype(dtype), (4,), (4,), guarded=True)
    zero = np.zeros(4, dtype)
    for sweep in (block.apply, block.apply_adjoint):
        np.testing.assert_array_equal(sweep(zero), zero)
        assert sweep(zero).dtype == dtype
        batch = np.zeros((2, 3, 4), dtype)
        batch[0, 1, 3] = 5
        expected = np.zeros((2, 3, 4), dtype)
        expected[0, 1, 3] = 10
        np.testing.assert_array_equal(sweep(batch), expected)


def test_what_is_not_zero_still_meets_the_singularity() -> None:
    block = Diagonal(SINGULAR, (4,), (4,), guarded=True)
    np.testing.assert_array_equal(block.apply(np.array([1.0, 2.0, 3.0, 4.0])), [INF, -INF, NAN, 8.0])
    np.testing.assert_array_equal(block.apply(np.array([1.0, 0.0, 3.0, 0.0])), [INF, 0.0, NAN, 0.0])
    np.testing.assert_array_equal(block.apply_adjoint(np.array([-1.0, 0.0, 0.0, 1.0])), [-INF, 0.0, 0.0, 2.0])


def test_zeros_of_the_data_win_as_well() -> None:
    block = Diagonal(np.array([0.0, 0.0, 1.0, 2.0]), (4,), (4,), guarded=True)
    for sweep in (block.apply, block.apply_adjoint):
        np.testing.assert_array_equal(sweep(np.array([NAN, INF, NAN, INF])), [0.0, 0.0, NAN, INF])


def test_scalars() -> None:
    block = Diagonal(np.float64(INF), (), (), guarded=True)
    assert block.apply(np.float64(0.0)) == 0.0
    assert block.apply_adjoint(np.float64(0.0)) == 0.0
    assert block.apply(np.float64(2.0)) == INF
    np.testing.assert_array_equal(block.apply(np.array([0.0, 1.0])), [0.0, INF])


def test_broadcasting() -> None:
    data = np.array([[INF, 1.0, NAN], [2.0, 3.0, 4.0]])
    block = Diagonal(data, (3,), (2, 3), guarded=True)
    np.testing.assert_array_equal(block.apply(np.array([0.0, 1.0, 0.0])), [[0, 1, 0], [0, 3, 0]])
    w = np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    np.testing.assert_array_equal(block.apply_adjoint(w), [2, 4, 4])
    np.testing.assert_array_equal(block.adjoint.apply(w), [2, 4, 4])
    np.testing.assert_array_equal(block.adjoint.apply_adjoint(np.array([0.0, 1.0, 0.0])), [[0, 1, 0], [0, 3, 0]])


def test_unguarded_diagonals_keep_nan() -> None:
    block = Diagonal(SINGULAR, (4,), (4,))
    zero = Diagonal(np.zeros(4), (4,), (4,))
    for sweep in (block.apply, block.apply_adjoint, block.adjoint.apply):
        np.testing.assert_array_equal(sweep(np.zeros(4)), [NAN, NAN, NAN, 0.0])
    np.testing.assert_array_equal(zero.apply(SINGULAR), [NAN, NAN, NAN, 0.0])


GUARDED = Diagonal(SINGULAR, (4,), (4,), guarded=True)
PLAIN = Diagonal(np.array([2.0, 3.0, 4.0, 5.0]), (4,), (4,))


@pytest.mark.parametrize(
    "block",
    [
        GUARDED @ PLAIN,
        PLAIN @ GUARDED,
        GUARDED @ GUARDED,
        GUARDED + PLAIN,
        PLAIN + GUARDED,
        GUARDED @ Scale(2.0, (4,), (4,)),
        Scale(2.0, (4,), (4,)) @ GUARDED,
        GUARDED + Identity((4,)),
        Identity((4,)) + GUARDED,
        GUARDED + Scale(2.0, (4,), (4,)),
        GUARDED.adjoint,
    ],
    ids=repr,
)
def test_simplified_blocks_stay_guarded(block: Block) -> None:
    assert type(block) is Diagonal
    np.testing.assert_array_equal(block.apply(np.zeros(4)), np.zeros(4))
    np.testing.assert_array_equal(block.apply_adjoint(np.zeros(4)), np.zeros(4))
    at_three = np.array([0.0, 0.0, 0.0, 1.0])
    assert np.isfinite(block.apply(at_three)).all()
    assert not np.isfinite(block.apply(np.ones(4))[:3]).any()


def test_a_zero_factor_stays_a_zero_of_the_product() -> None:
    left = Diagonal(np.array([0.0, INF, 1.0]), (3,), (3,), guarded=True)
    right = Diagonal(np.array([INF, 0.0, 1.0]), (3,), (3,), guarded=True)
    # (1 / 0) · 0: the unselected branch of np.where, met from either side
    np.testing.assert_array_equal((left @ right).apply(np.array([0.0, 1.0, 7.0])), [0.0, 0.0, 7.0])
    np.testing.assert_array_equal((right @ left).apply(np.array([1.0, 0.0, 7.0])), [0.0, 0.0, 7.0])


def test_with_guards_reaches_into_composites() -> None:
    singular = Diagonal(SINGULAR, (4,), (4,))
    other = Dense(np.eye(4), (4,), (4,))
    for block in (
        singular,
        Product(other, singular),
        Product(singular, other),
        Sum(singular, other),
        Adjoint(singular),
        Adjoint(Product(other, Sum(singular, singular))),
    ):
        assert np.isnan(block.apply(np.zeros(4))).any()
        guarded = with_guards(block)
        assert (guarded.in_shape, guarded.out_shape) == (block.in_shape, block.out_shape)
        np.testing.assert_array_equal(guarded.apply(np.zeros(4)), np.zeros(4))
        np.testing.assert_array_equal(guarded.apply_adjoint(np.zeros(4)), np.zeros(4))
        np.testing.assert_array_equal(guarded.to_dense(), block.to_dense())
    assert with_guards(other) is other


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_masks_never_touch_what_is_not_selected(dtype: type) -> None:
    block = Mask(np.array([True, False, False, True]), (4,), (4,))
    vector = np.array([1, INF, NAN, 2]).astype(dtype)
    for sweep in (block.apply, block.apply_adjoint, block.adjoint.apply):
        np.testing.assert_array_equal(sweep(vector), np.array([1, 0, 0, 2]).astype(dtype))
        np.testing.assert_array_equal(sweep(np.stack([vector, -vector]))[1], np.array([-1, 0, 0, -2]).astype(dtype))
    np.testing.assert_array_equal(block.apply(np.array([NAN, 1.0, 1.0, INF])), [NAN, 0.0, 0.0, INF])


def test_masks_that_broadcast_never_touch_what_is_not_selected() -> None:
    block = Mask(np.array([[True, False], [False, False]]), (2,), (2, 2))
    np.testing.assert_array_equal(block.apply(np.array([3.0, NAN])), [[3, 0], [0, 0]])
    np.testing.assert_array_equal(block.apply_adjoint(np.array([[3.0, NAN], [INF, NAN]])), [3, 0])
    column = Mask(np.array([[True], [False]]), (), (2, 2))
    assert column.apply_adjoint(np.array([[3.0, 4.0], [INF, NAN]])) == 7
    np.testing.assert_array_equal(column.apply(np.float64(INF)), [[INF, INF], [0, 0]])


def test_safe_multiply_is_the_product_elsewhere() -> None:
    rng = np.random.default_rng(0)
    w, d = rng.standard_normal((2, 3)), rng.standard_normal(3)
    np.testing.assert_array_equal(safe_multiply(w, d), w * d)
    huge = np.array([1e200, 1.0])  # the sum of squares overflows, the entries do not
    np.testing.assert_array_equal(safe_multiply(huge, np.array([2.0, INF])), [2e200, INF])
    np.testing.assert_array_equal(safe_multiply(np.array([0.0, 1.0]), np.array([INF, 1e200])), [0.0, 1e200])
    np.testing.assert_array_equal(safe_multiply(np.array([INF, NAN]), np.array([0.0, 0.0])), [0.0, 0.0])


@pytest.mark.parametrize(
    "x, expected",
    [
        (np.array([1.0, 2.0]), True),
        (np.array([1e300, -1e300]), True),
        (np.array([1.0, NAN]), False),
        (np.array([INF, -INF]), False),
        (np.array([1j * INF, 1.0]), False),
        (np.zeros((0, 2)), True),
        (np.float64(NAN), False),
        (np.float64(1.0), True),
        (np.complex128(complex(1, INF)), False),
    ],
)
def test_all_finite(x: np.ndarray, expected: bool) -> None:
    with np.errstate(over="ignore"):
        assert all_finite(x) is expected
