"""The algebra of blocks: ``a @ b``, ``a + b`` and ``.adjoint`` against dense matrices, and what must simplify."""

from __future__ import annotations

import sys
from functools import reduce
from operator import add, matmul

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adjoint.blocks import (
    Adjoint,
    Block,
    CumulativeSum,
    Dense,
    Diagonal,
    Function,
    Gather,
    Identity,
    Mask,
    Product,
    Reshape,
    Roll,
    Scale,
    Slice,
    Sparse,
    Sum,
    Take,
    Transpose,
    Zero,
)
from adjoint.errors import BlockError
from tests.blocks.catalogue import CATALOGUE
from tests.blocks.entry import Entry, Shape, random

FAMILY: set[Shape] = {(2, 3), (3,), (3, 2), (), (0,), (4,)}
ALIKE = ("guarded", "diagonal tail", "mask tail", "scale 1 ", "reduce 1 ")  # behave as others that stay in the family
ENTRIES = [
    entry
    for entry in CATALOGUE
    if {entry.block.in_shape, entry.block.out_shape} <= FAMILY and not any(part in entry.name for part in ALIKE)
]
MATRICES = {entry.name: entry.matrix for entry in ENTRIES}


def agrees(block: Block, matrix: np.ndarray) -> None:
    """``to_sparse``, both sweeps over a batch of two, and ``nnz`` against a dense matrix."""
    rng = np.random.default_rng(0)
    v, w = rng.standard_normal((2, matrix.shape[1])), rng.standard_normal((2, matrix.shape[0]))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-11, err_msg=repr(block))
    close(block.to_dense(), matrix)
    image = block.apply(v.reshape(2, *block.in_shape))
    assert image.shape == (2, *block.out_shape)
    close(image.reshape(v.shape[0], matrix.shape[0]), v @ matrix.T)
    back = block.apply_adjoint(w.reshape(2, *block.out_shape))
    assert back.shape == (2, *block.in_shape)
    close(back.reshape(w.shape[0], matrix.shape[1]), w @ matrix.conj())
    count = np.count_nonzero(np.abs(matrix) > 1e-11)
    assert block.nnz >= count, repr(block)


@pytest.mark.parametrize("left", ENTRIES, ids=str)
def test_products_of_all_pairs(left: Entry) -> None:
    fitting = [right for right in ENTRIES if left.block.in_shape == right.block.out_shape]
    assert fitting
    for right in fitting:
        product = left.block @ right.block
        assert (product.in_shape, product.out_shape) == (right.block.in_shape, left.block.out_shape)
        agrees(product, MATRICES[left.name] @ MATRICES[right.name])


@pytest.mark.parametrize("left", ENTRIES, ids=str)
def test_sums_of_all_pairs(left: Entry) -> None:
    shapes = left.block.in_shape, left.block.out_shape
    for right in ENTRIES:
        if (right.block.in_shape, right.block.out_shape) == shapes:
            total = left.block + right.block
            assert (total.in_shape, total.out_shape) == shapes
            agrees(total, MATRICES[left.name] + MATRICES[right.name])


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_adjoints_of_products_and_sums(entry: Entry) -> None:
    block, matrix = entry.block, MATRICES[entry.name]
    agrees(block.adjoint.adjoint, matrix)
    agrees(block @ block.adjoint, matrix @ matrix.conj().T)
    agrees((block @ block.adjoint).adjoint, matrix @ matrix.conj().T)
    agrees((block + block).adjoint, 2 * matrix.conj().T)


# --- random expressions ---------------------------------------------------------------------------------

SQUARE = [e for e in ENTRIES if e.block.in_shape == e.block.out_shape == (2, 3)]
Pair = tuple[Block, np.ndarray]


@st.composite
def expressions(draw: st.DrawFn) -> Pair:
    """A few square blocks joined by ``@``, ``+`` and ``.adjoint`` in random order and nesting."""
    leaves = draw(st.lists(st.sampled_from(SQUARE), min_size=3, max_size=6))
    stack: list[Pair] = [(entry.block, MATRICES[entry.name]) for entry in leaves]
    while len(stack) > 1:
        k = draw(st.integers(0, len(stack) - 2))
        (a, A), (b, B) = stack[k : k + 2]
        match draw(st.sampled_from(["product", "sum", "adjoint of product"])):
            case "product":
                stack[k : k + 2] = [(a @ b, A @ B)]
            case "sum":
                stack[k : k + 2] = [(a + b, A + B)]
            case _:
                stack[k : k + 2] = [((a @ b).adjoint, (A @ B).conj().T)]
    return stack[0]


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_random_expressions(expression: Pair) -> None:
    block, matrix = expression
    v = random(2, 3)
    np.testing.assert_allclose(block.apply(v).ravel(), matrix @ v.ravel(), rtol=1e-9, atol=1e-9)
    back = block.apply_adjoint(v)
    np.testing.assert_allclose(back.ravel(), matrix.conj().T @ v.ravel(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(block.to_dense(), matrix, rtol=1e-9, atol=1e-9)


# --- what must simplify ---------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_identity_and_zero_vanish(entry: Entry) -> None:
    block = entry.block
    none = Zero(block.in_shape, block.out_shape)
    for same in (block @ Identity(block.in_shape), Identity(block.out_shape) @ block, block + none, none + block):
        assert same is block or type(same) is type(block) in (Identity, Zero)
        assert (same.in_shape, same.out_shape) == (block.in_shape, block.out_shape)
    before, after = block @ Zero((2,), block.in_shape), Zero(block.out_shape, (2,)) @ block
    assert type(before) is type(after) is Zero
    assert (before.in_shape, before.out_shape) == ((2,), block.out_shape)
    assert (after.in_shape, after.out_shape) == (block.in_shape, (2,))


D = Diagonal(random(2, 3), (2, 3), (2, 3))
WIDEN = Diagonal(random(2, 3), (3,), (2, 3))
NARROW = Diagonal(random(3), (3,), (3,))
TABLE = {
    "diagonal ∘ diagonal": (D @ D, Diagonal),
    "diagonal ∘ broadcasting diagonal": (D @ WIDEN, Diagonal),
    "broadcasting diagonal ∘ diagonal": (WIDEN @ NARROW, Diagonal),
    "scalar ∘ scalar": (Scale(2, (3,), (3,)) @ Scale(3.5, (3,), (3,)), Scale),
    "scalar ∘ broadcasting scalar": (Scale(2, (2, 3), (2, 3)) @ Scale(3.5, (3,), (2, 3)), Scale),
    "scalar ∘ diagonal": (Scale(2, (2, 3), (2, 3)) @ D, Diagonal),
    "broadcasting scalar ∘ diagonal": (Scale(2, (3,), (2, 3)) @ NARROW, Diagonal),
    "diagonal ∘ scalar": (D @ Scale(2, (2, 3), (2, 3)), Diagonal),
    "diagonal ∘ broadcasting scalar": (D @ Scale(2, (), (2, 3)), Diagonal),
    "reshape ∘ reshape": (Reshape((6,), (3, 2)) @ Reshape((2, 3), (6,)), Reshape),
    "transpose ∘ transpose": (Transpose((1, 0), (3, 2)) @ Transpose((1, 0), (2, 3)), Transpose),
    "take ∘ take": (Take(np.array([1, 0]), (3,)) @ Take(np.array([4, 2, 2]), (2, 3)), Take),
    "take ∘ slice": (Take(np.array([1, 0]), (3,)) @ Slice((1,), (2, 3), (3,)), Gather),
    "slice ∘ take": (Slice((1,), (2, 3), (3,)) @ Take(np.array([[4, 2, 2], [0, 1, 5]]), (2, 3)), Gather),
    "take ∘ transpose": (Take(np.array([1, 0]), (3, 2)) @ Transpose((1, 0), (2, 3)), Gather),
    "reshape ∘ take": (Reshape((2, 3), (6,)) @ Take(np.array([[4, 2, 2], [0, 1, 5]]), (2, 3)), Gather),
    "sparse ∘ sparse": (D.to_sparse() @ WIDEN.to_sparse(), Sparse),
    "dense ∘ dense": (Dense(random(2, 3), (3,), (2,)) @ Dense(random(3, 4), (4,), (3,)), Dense),
    "identity + identity": (Identity((2, 3)) + Identity((2, 3)), Scale),
    "identity + scalar": (Identity((3,)) + Scale(2, (3,), (3,)), Scale),
    "scalar + identity": (Scale(2, (3,), (3,)) + Identity((3,)), Scale),
    "identity + diagonal": (Identity((2, 3)) + D, Diagonal),
    "diagonal + identity": (D + Identity((2, 3)), Diagonal),
    "scalar + scalar": (Scale(2, (), (2, 3)) + Scale(3, (), (2, 3)), Scale),
    "scalar + diagonal": (Scale(2, (3,), (2, 3)) + WIDEN, Diagonal),
    "diagonal + scalar": (WIDEN + Scale(2, (3,), (2, 3)), Diagonal),
    "diagonal + diagonal": (WIDEN + WIDEN, Diagonal),
    "sparse + sparse": (D.to_sparse() + D.to_sparse(), Sparse),
    "dense + dense": (Dense(random(2, 3), (3,), (2,)) + Dense(random(2, 3), (3,), (2,)), Dense),
    "adjoint of identity": (Identity((3,)).adjoint, Identity),
    "adjoint of zero": (Zero((3,), (2, 3)).adjoint, Zero),
    "adjoint of scalar": (Scale(2j, (3,), (3,)).adjoint, Scale),
    "adjoint of diagonal": (D.adjoint, Diagonal),
    "adjoint of reshape": (Reshape((6,), (3, 2)).adjoint, Reshape),
    "adjoint of transpose": (Transpose((1, 0), (3, 2)).adjoint, Transpose),
    "adjoint of roll": (Roll((1,), (-1,), (3,)).adjoint, Roll),
    "adjoint of sparse": (WIDEN.to_sparse().adjoint, Sparse),
    "adjoint of dense": (Dense(random(2, 3), (3,), (2,)).adjoint, Dense),
    "adjoint of adjoint": (CumulativeSum(0, (3,)).adjoint.adjoint, CumulativeSum),
}


@pytest.mark.parametrize("name", TABLE)
def test_simplifications(name: str) -> None:
    found, kind = TABLE[name]
    assert isinstance(found, kind), f"{name} is {found!r}"


@pytest.mark.parametrize("wrong", [(CumulativeSum(0, (3,)), Mask(np.ones(3, bool), (3,), (3,)))])
def test_what_has_no_rule_is_composed_as_it_is(wrong: tuple[Block, Block]) -> None:
    left, right = wrong
    assert type(left @ right) is Product
    assert type(left + right) is Sum
    assert type(left.adjoint) is Adjoint


def parts(block: Block) -> int:
    """How many elementary blocks a composite holds; that it is flat is checked on the way."""
    if isinstance(block, Product | Sum):
        inner = block.factors if isinstance(block, Product) else block.terms
        assert not any(type(part) is type(block) for part in inner)
        return sum(parts(part) for part in inner)
    return parts(block.block) if isinstance(block, Adjoint) else 1


OTHER = CumulativeSum(-1, (2, 3))  # melts with nothing
CHAINS: dict[str, list[Block]] = {
    "diagonals": [D] * 50,
    "scalars and diagonals": [D, Scale(0.5, (2, 3), (2, 3))] * 25,
    "identities": [Identity((2, 3))] * 50,
    "takes": [Take(np.array([[1, 0, 2], [3, 3, 5]]), (2, 3))] * 50,
    "transposes": [Transpose((1, 0), (3, 2)), Transpose((1, 0), (2, 3))] * 25,
    "reshapes": [Reshape((6,), (2, 3)), Reshape((2, 3), (6,))] * 25,
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("around", ["alone", "before", "after"])
@pytest.mark.parametrize("direction", ["from the left", "from the right"])
def test_chains_do_not_nest(name: str, around: str, direction: str) -> None:
    chain = list(CHAINS[name])
    if around == "before":
        chain.insert(0, OTHER)
    if around == "after":
        chain.append(OTHER)
    if direction == "from the left":
        product = reduce(matmul, chain)
    else:
        product = reduce(lambda right, left: left @ right, reversed(chain))
    assert parts(product) <= (1 if around == "alone" else 2)
    assert product.flops <= 30
    v = random(2, 3)
    expected = reduce(lambda x, block: block.apply(x), reversed(chain), v)
    np.testing.assert_allclose(product.apply(v), expected, rtol=1e-10)


def test_sums_and_adjoints_do_not_nest() -> None:
    assert parts(reduce(add, [D, Identity((2, 3)), Scale(2.0, (2, 3), (2, 3))] * 20)) == 1
    assert parts(reduce(add, [OTHER, *[D] * 20])) == 2
    assert parts(reduce(lambda total, block: block + total, [OTHER, *[D] * 20])) == 2
    block: Block = OTHER
    for _ in range(21):
        block = block.adjoint
    assert type(block) is Adjoint
    assert block.block is OTHER


def test_composites_are_flat() -> None:
    masks = [Mask(np.ones(3, bool), (3,), (3,)) for _ in range(4)]
    a, b, c, d = masks
    assert ((a @ b) @ (c @ d)).factors == tuple(masks)
    assert Product(Product(a, b), Product(c, d)).factors == tuple(masks)
    assert ((a + b) + (c + d)).terms == tuple(masks)
    assert Sum(Sum(a, b), Sum(c, d)).terms == tuple(masks)


def test_long_composites_need_no_recursion() -> None:
    """Graph depth is never Python depth: more factors and terms than Python allows nested calls."""
    count = sys.getrecursionlimit() + 100
    mask = Mask(np.array([True, False, True]), (3,), (3,))
    for combine, expected in ((matmul, [1, 0, 3]), (add, [count, 0, 3 * count])):
        block = reduce(combine, [mask] * count)
        assert parts(block) == count
        for long in (block, block.adjoint):
            np.testing.assert_array_equal(long.apply(np.array([1, 2, 3])), expected)
            np.testing.assert_array_equal(long.apply_adjoint(np.array([1, 2, 3])), expected)
            np.testing.assert_array_equal(long.to_dense() @ [1, 2, 3], expected)
            assert long.nnz >= 2
            assert long.absolute() is not None


def test_simplified_values() -> None:
    assert (Scale(2, (3,), (3,)) @ Scale(3.5, (), (3,))).factor == 7
    assert (Identity((3,)) + Identity((3,))).factor == 2
    assert Scale(2j, (3,), (3,)).adjoint.factor == -2j
    np.testing.assert_array_equal((Take(np.array([1, 0]), (3,)) @ Take(np.array([4, 2, 2]), (2, 3))).flat, [2, 4])
    np.testing.assert_array_equal((D @ D).data, np.square(D.data))


# --- shapes that do not fit -----------------------------------------------------------------------------


def test_a_product_of_shapes_that_do_not_fit_names_both_blocks() -> None:
    message = r"cannot compose <diagonal block .*> with <gather block \(3, 2\) → \(6,\), .*>: \(6,\) is not \(2, 3\)"
    with pytest.raises(BlockError, match=message):
        D @ Reshape((3, 2), (6,))
    with pytest.raises(BlockError, match=r"cannot compose <identity .*: \(2, 3\) is not \(3, 2\)"):
        Identity((3, 2)) @ D
    with pytest.raises(BlockError, match=r"cannot compose <zero .*: \(2, 3\) is not \(3,\)"):
        Zero((3,), ()) @ D


def test_a_sum_of_shapes_that_do_not_fit_names_both_blocks() -> None:
    with pytest.raises(
        BlockError, match=r"cannot add <diagonal block .*> and <diagonal block .*>: their shapes differ"
    ):
        D + WIDEN
    with pytest.raises(BlockError, match=r"cannot add <zero block .*> and <diagonal block .*>: their shapes differ"):
        Zero((2, 3), (3,)) + D


def test_a_dense_block_checks_its_matrix() -> None:
    with pytest.raises(BlockError, match=r"a dense block \(2, 3\) → \(4,\) needs \(4, 6\), got \(6, 4\)"):
        Dense(random(6, 4), (2, 3), (4,))


def test_function_adjoint_keeps_the_name_in_errors() -> None:
    block = Function((3,), (3,), None, None, name="nothing")
    with pytest.raises(BlockError, match="nothing has no vjp"):
        (Identity((3,)) @ block).adjoint.apply(random(3))
