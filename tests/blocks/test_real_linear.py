"""The contract of real-linear blocks, in the inner product ``Re⟨v, w⟩``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.blocks import Block, Conjugate, Diagonal, Product, RealPart, with_guards
from adjoint.errors import NotAcceptedError
from adjoint.testing import check_block
from tests.blocks.entry import Entry, random
from tests.blocks.real_linear import REAL_LINEAR, from_parts, real_matrix, to_parts

every_block = pytest.mark.parametrize("entry", REAL_LINEAR, ids=str)


@every_block
def test_laws(entry: Entry) -> None:
    check_block(entry.block, complex=True)


@every_block
def test_agrees_with_an_independent_real_matrix(entry: Entry) -> None:
    block, matrix = entry.block, real_matrix(entry)
    v, w = random(4, *block.in_shape, complex=True), random(4, *block.out_shape, complex=True)
    for map_, x, target, m in (
        (block.apply, v, block.out_shape, matrix),
        (block.apply_adjoint, w, block.in_shape, matrix.T),
        (block.adjoint.apply, w, block.in_shape, matrix.T),
        (block.adjoint.apply_adjoint, v, block.out_shape, matrix),
        (with_guards(block).apply, v, block.out_shape, matrix),
        (with_guards(block).apply_adjoint, w, block.in_shape, matrix.T),
    ):
        expected = np.stack([from_parts(m @ to_parts(one), target) for one in x])
        found = map_(x)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(map_(x[0]), expected[0], rtol=1e-13, atol=1e-13)


@every_block
def test_it_tells_its_size_but_has_no_matrix(entry: Entry) -> None:
    block = entry.block
    assert block.shape == (np.prod(block.out_shape), np.prod(block.in_shape))
    assert block.absolute() is None
    half = real_matrix(entry)
    m, n = block.shape
    nonzero = (half[:m, :n] != 0) | (half[:m, n:] != 0) | (half[m:, :n] != 0) | (half[m:, n:] != 0)
    assert np.count_nonzero(nonzero) <= block.nnz
    row, column = block.degrees
    assert row >= nonzero.sum(1).max(initial=0)
    assert column >= nonzero.sum(0).max(initial=0)
    with pytest.raises(NotAcceptedError, match=r"linear over the real numbers only.*'back_substitution'"):
        block.to_sparse()


@pytest.mark.parametrize("block", [Conjugate((3,)), RealPart(1, (3,)), RealPart(1j, (3,)), RealPart(0.5 - 2j, (3,))])
def test_complex64_stays_complex64(block: Block) -> None:
    single = (np.float32, np.complex64)
    assert block.apply(np.ones((2, 3), np.complex64)).dtype in single
    for dtype in single:
        assert block.apply_adjoint(np.ones(3, dtype)).dtype in single
        assert block.adjoint.apply(np.ones(3, dtype)).dtype in single


@pytest.mark.parametrize("complex", [False, True], ids=["real", "complex"])
def test_the_data_of_a_real_part_may_be_traced(complex: bool) -> None:
    """The derivative of ``Re(conj(d) v)`` and of ``d w`` with respect to ``d``: both are linear in it."""
    d, v, w = random(3, complex=complex), random(3, 2, complex=True)[:, 0], random(3)
    forward = adjoint.grad(lambda d: np.sum(RealPart(d, (3,)).apply(v) * w))(d)
    np.testing.assert_allclose(forward, v * w if complex else (v * w).real, rtol=1e-14)
    reverse = adjoint.grad(lambda d: np.sum(np.real(np.conj(v) * RealPart(d, (3,)).apply_adjoint(w))))(d)
    np.testing.assert_allclose(reverse, v * w if complex else (v * w).real, rtol=1e-14)


class Broken(Block):
    """A conjugate with an error in one place."""

    __slots__ = ("change",)
    kind = "broken"

    def __init__(self, **change: Any) -> None:
        self.in_shape = self.out_shape = (3,)
        self.change = change

    def apply(self, v: Any) -> Any:
        return self.change.get("apply", np.conjugate)(v)

    def apply_adjoint(self, w: Any) -> Any:
        return self.change.get("apply_adjoint", np.conjugate)(w)

    def to_sparse(self) -> Any:
        return Conjugate((3,)).to_sparse()

    def absolute(self) -> None:
        return None

    @property
    def nnz(self) -> int:
        return 3


@pytest.mark.parametrize(
    "change, law",
    [
        ({"apply": lambda v: v}, r"Re⟨w, J v⟩ = Re⟨Jᴴ w, v⟩"),
        ({"apply_adjoint": lambda w: 1j * np.conjugate(w)}, r"Re⟨w, J v⟩ = Re⟨Jᴴ w, v⟩"),
        ({"apply": np.abs, "apply_adjoint": lambda w: w}, "Re⟨w, J v⟩"),
        ({"apply": lambda v: np.conjugate(np.flip(v)) if v.ndim > 1 else np.conjugate(v)}, "apply over the batch"),
        ({"apply_adjoint": lambda w: np.conjugate(w).reshape(-1, 3)[:1]}, "shape"),
    ],
)
def test_check_block_sees_a_broken_one(change: Any, law: str) -> None:
    check_block(Broken(), complex=True)
    with pytest.raises(AssertionError, match=law):
        check_block(Broken(**change), complex=True)


def test_check_block_sees_what_is_not_additive() -> None:
    """The square has the adjoint ``w ↦ conj(v) w`` at the one ``v`` that is tried: only additivity tells."""
    v = check_vectors()
    square = {"apply": lambda x: x * x, "apply_adjoint": lambda w: np.conjugate(v) * w}
    with pytest.raises(AssertionError, match="J is real-linear"):
        check_block(Broken(**square), complex=True)


def check_vectors() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.asarray(rng.standard_normal(3) + 1j * rng.standard_normal(3))


def test_an_adjoint_in_a_product_takes_the_real_part() -> None:
    """``(d Re v)ᴴ w = Re(conj(d) w)``: what comes from the left is complex although the real part's values are real."""
    d, w = random(3, complex=True), random(3, 2, complex=True)[:, 1]
    block = Product(Diagonal(d, (3,), (3,)), RealPart(1, (3,)))
    np.testing.assert_allclose(block.adjoint.apply(w), (d.conj() * w).real, rtol=1e-14)
