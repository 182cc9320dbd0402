"""Blocks in diagonal position: ``D_i`` of an implicit constraint, which is solved with; and ``elementwise_block``."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint.blocks import Dense, Diagonal, DiagonalBlock, Identity, Scale, elementwise_block
from adjoint.errors import SingularBlockError
from tests.blocks.entry import random


@pytest.mark.parametrize("complex", [False, True])
@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
def test_a_dense_block_solves(complex: bool, batch: tuple[int, ...]) -> None:
    matrix = random(6, 6, complex=complex) + 4 * np.eye(6)
    block = Dense(matrix, (2, 3), (6,))
    assert isinstance(block, DiagonalBlock)
    x, y = random(*batch, 2, 3, complex=complex), random(*batch, 6, complex=complex)
    # built from the matrix, not from the block's own sweeps
    r = (x.reshape(*batch, 6) @ matrix.T).reshape(*batch, 6)
    s = (y @ matrix.conj()).reshape(*batch, 2, 3)
    np.testing.assert_allclose(block.solve(r), x, rtol=1e-10, atol=1e-12, strict=True)
    np.testing.assert_allclose(block.solve_adjoint(s), y, rtol=1e-10, atol=1e-12, strict=True)


def test_a_dense_scalar_block_solves() -> None:
    block = Dense(np.array([[4.0]]), (), ())
    assert block.solve(np.float64(8.0)) == 2
    assert block.solve_adjoint(np.float64(8.0)) == 2
    np.testing.assert_array_equal(block.solve(np.array([8.0, 4.0])), [2, 1])


def test_a_singular_dense_block_says_so() -> None:
    block = Dense(np.ones((2, 2)), (2,), (2,))
    with pytest.raises(SingularBlockError, match="a dense diagonal block of size 2 is singular"):
        block.solve(np.ones(2))
    with pytest.raises(SingularBlockError, match="a dense diagonal block of size 2 is singular"):
        block.solve_adjoint(np.ones(2))


@pytest.mark.parametrize(
    "d, in_shape, out_shape, kind",
    [
        (1, (3,), (3,), Identity),
        (1.0, (), (), Identity),
        (1, (3,), (2, 3), Scale),
        (2.5, (3,), (3,), Scale),
        (-1, (), (2, 3), Scale),
        (1j, (3,), (3,), Scale),
        (np.float64(1.0), (3,), (3,), Diagonal),  # an array's value decides no structure
        (np.ones(3), (3,), (3,), Diagonal),
        (np.zeros(3), (3,), (2, 3), Diagonal),
    ],
)
def test_the_structure_of_an_elementwise_partial(d, in_shape, out_shape, kind) -> None:
    block = elementwise_block(d, in_shape, out_shape)
    assert type(block) is kind
    assert (block.in_shape, block.out_shape) == (in_shape, out_shape)
    v = random(*in_shape)
    np.testing.assert_array_equal(block.apply(np.asarray(v)), np.broadcast_to(v * d, out_shape))
