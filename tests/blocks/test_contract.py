"""The contract of every block in the catalogue: its laws, and agreement with an independent dense matrix."""

from __future__ import annotations

from inspect import isabstract

import numpy as np
import pytest

import adjoint.blocks
from adjoint.blocks import Array, Block, Function, Product, Sum
from adjoint.errors import BlockError
from adjoint.testing import check_block
from tests.blocks.catalogue import CATALOGUE
from tests.blocks.entry import Entry, matrix_of
from tests.blocks.real_linear import REAL_LINEAR

every_block = pytest.mark.parametrize("entry", CATALOGUE, ids=str)

BATCHES = [(), (1,), (3,), (2, 3), (2, 1, 2), (0,), (2, 0)]


def vectors(*shape: int, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))


def through(matrix: np.ndarray, v: np.ndarray, in_shape: tuple[int, ...], out_shape: tuple[int, ...]) -> np.ndarray:
    """``matrix`` applied to the last axes of ``v``, for any leading axes."""
    batch = v.shape[: v.ndim - len(in_shape)]
    return (v.reshape((*batch, matrix.shape[1])) @ matrix.T).reshape(batch + out_shape)


def same(found: Array, expected: np.ndarray) -> None:
    assert np.shape(found) == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_every_kind_is_in_the_catalogue() -> None:
    there = {type(entry.block) for entry in [*CATALOGUE, *REAL_LINEAR]}
    public = {getattr(adjoint.blocks, name) for name in adjoint.blocks.__all__}
    kinds = {x for x in public if isinstance(x, type) and issubclass(x, Block) and not isabstract(x)}
    assert len(kinds) > 15
    assert kinds <= there, f"not in the catalogue: {kinds - there}"


@every_block
@pytest.mark.parametrize("complex", [False, True], ids=["real", "complex"])
def test_laws(entry: Entry, complex: bool) -> None:
    check_block(entry.block, complex=complex)


@every_block
def test_agrees_with_an_independent_dense_matrix(entry: Entry) -> None:
    block, matrix = entry.block, entry.matrix
    assert block.shape == matrix.shape
    same(block.to_dense(), matrix)
    for batch in BATCHES:
        v, w = vectors(*batch, *block.in_shape), vectors(*batch, *block.out_shape)
        same(block.apply(v), through(matrix, v, block.in_shape, block.out_shape))
        back = through(matrix.conj().T, w, block.out_shape, block.in_shape)
        same(block.apply_adjoint(w), back)
        same(block.adjoint.apply(w), back)
        same(block.adjoint.apply_adjoint(v), through(matrix, v, block.in_shape, block.out_shape))
    same(block.adjoint.to_dense(), matrix.conj().T)


@every_block
def test_counts_and_magnitudes(entry: Entry) -> None:
    block, matrix = entry.block, entry.matrix
    assert np.count_nonzero(matrix) <= block.nnz <= max(matrix.size, block.to_sparse().nnz)
    assert block.flops >= 0
    row, column = block.degrees
    nonzero = matrix != 0
    assert row >= nonzero.sum(1).max(initial=0)
    assert column >= nonzero.sum(0).max(initial=0)
    if block.kind not in LOOSE:  # exact: the most coordinates in one row, in one column
        sparse = block.to_sparse()
        if sparse.nnz:
            assert (row, column) == (np.bincount(sparse.rows).max(), np.bincount(sparse.columns).max())
    magnitude = block.absolute()
    if isinstance(block, Function) or block.kind == "function":
        assert magnitude is None
    elif magnitude is not None:
        assert (magnitude.in_shape, magnitude.out_shape) == (block.in_shape, block.out_shape)
        assert (magnitude.to_dense() >= np.abs(matrix) - 1e-12).all()
        if not contains_sum(block):  # |J| itself: |A B| and |A + B| are only bounded by the parts'
            same(magnitude.to_dense(), np.abs(matrix))


LOOSE = {"product", "sum", "adjoint", "function", "zero"}
"""Kinds that know bounds only."""


def contains_sum(block: Block) -> bool:
    """Whether entries of the block may come from several that partly cancel."""
    if isinstance(block, Product | Sum):
        return True
    if block.kind == "adjoint":
        return contains_sum(block.block)
    sparse = block.to_sparse()
    pairs = np.stack([sparse.rows, sparse.columns])
    return np.unique(pairs, axis=1).shape != pairs.shape


@every_block
def test_sparse_pattern_is_concrete_and_flat(entry: Entry) -> None:
    block = entry.block
    sparse = block.to_sparse()
    assert (sparse.in_shape, sparse.out_shape) == (block.in_shape, block.out_shape)
    m, n = block.shape
    for positions, stop in ((sparse.rows, m), (sparse.columns, n)):
        assert type(positions) is np.ndarray
        assert positions.dtype.kind == "i"
        assert positions.shape == sparse.data.shape == (sparse.nnz,)
        assert ((positions >= 0) & (positions < stop)).all()


@every_block
def test_takes_views_and_leaves_its_arguments_alone(entry: Entry) -> None:
    block = entry.block
    for apply, shape in ((block.apply, block.in_shape), (block.apply_adjoint, block.out_shape)):
        for batch in ((), (2,)):
            v = vectors(*batch, *shape)
            expected = np.array(apply(v))
            fortran, strided = v.copy(order="F"), np.repeat(v[..., None], 2, axis=-1)[..., 0]
            for other in (fortran, strided):
                other.flags.writeable = False  # a block that writes into its argument raises
                same(apply(other), expected)
            constant = np.broadcast_to(np.array(1.5 - 1j), v.shape)  # every stride is zero
            same(apply(constant), np.array(apply(constant.copy())))
            if not v.ndim:
                same(apply(v[()]), expected)  # a NumPy scalar


WEAK = {"identity", "zero", "scalar", "mask", "gather", "reduce", "cumulative"}
"""Kinds without data of their own, which would decide the dtype."""


@pytest.mark.parametrize(
    "entry",
    [
        entry
        for entry in CATALOGUE
        if entry.block.kind in WEAK and not isinstance(getattr(entry.block, "factor", 1), complex)
    ],
    ids=str,
)
def test_float32_stays_float32(entry: Entry) -> None:
    block = entry.block
    for batch in ((), (2,)):
        v = np.ones(batch + block.in_shape, np.float32)
        w = np.ones(batch + block.out_shape, np.float32)
        assert block.apply(v).dtype == np.float32
        assert block.apply_adjoint(w).dtype == np.float32


def test_repr_names_kind_shapes_and_nonzeros() -> None:
    assert repr(adjoint.blocks.Scale(2.0, (3,), (2, 3))) == "<scalar block (3,) → (2, 3), 6 nonzeros>"


# --- a function with one sweep only -------------------------------------------------------------------

TENSOR = np.arange(1.0, 13.0).reshape(2, 2, 3) + 1j * np.cos(np.arange(12.0)).reshape(2, 2, 3)


def forward_only() -> Function:
    return Function((3,), (2, 2), lambda v: np.tensordot(TENSOR, v, 1), None, name="forward_only")


def reverse_only() -> Function:
    return Function((3,), (2, 2), None, lambda w: np.tensordot(w, TENSOR.conj(), 2), name="reverse_only")


def test_a_function_with_one_sweep_still_has_its_matrix() -> None:
    matrix = matrix_of(lambda v: np.tensordot(TENSOR, v, 1), (3,), (2, 2))
    same(forward_only().to_dense(), matrix)
    same(reverse_only().to_dense(), matrix)
    v, w = vectors(4, 3), vectors(4, 2, 2)
    same(forward_only().apply(v), through(matrix, v, (3,), (2, 2)))
    same(reverse_only().apply_adjoint(w), through(matrix.conj().T, w, (2, 2), (3,)))
    same(reverse_only().adjoint.apply(w), through(matrix.conj().T, w, (2, 2), (3,)))


def test_a_missing_sweep_is_refused() -> None:
    with pytest.raises(BlockError, match=r"forward_only has no vjp, which this sweep needs; .* a vjp= too"):
        forward_only().apply_adjoint(np.zeros((2, 2)))
    with pytest.raises(BlockError, match=r"reverse_only has no jvp, which this sweep needs; .* a jvp= too"):
        reverse_only().apply(np.zeros(3))
    with pytest.raises(BlockError, match="has no vjp"):
        forward_only().adjoint.apply(np.zeros((2, 2)))


def test_a_function_sees_one_right_hand_side_at_a_time_unless_batched() -> None:
    seen: list[tuple[int, ...]] = []

    def jvp(v: np.ndarray) -> np.ndarray:
        seen.append(v.shape)
        return 2 * v

    Function((3,), (3,), jvp, None).apply(np.zeros((2, 2, 3)))
    assert seen == [(3,)] * 4
    seen.clear()
    Function((3,), (3,), jvp, None, batched=True).apply(np.zeros((2, 2, 3)))
    assert seen == [(2, 2, 3)]


def test_a_function_of_the_wrong_shape_is_named() -> None:
    wrong = Function((3,), (2, 2), lambda v: v, lambda w: w, name="mine")
    with pytest.raises(BlockError, match=r"the jvp of mine gave shape \(3,\), not \(2, 2\)"):
        wrong.apply(np.zeros(3))
    with pytest.raises(BlockError, match=r"the vjp of mine gave shape \(2, 2\), not \(3,\)"):
        wrong.apply_adjoint(np.zeros((2, 2)))
