"""Sums of monomials: every block of the catalogue expands to its own matrix, and so do products, sums and adjoints."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from adjoint.blocks import Diagonal, Identity, Mask, Reduce, Roll, Scale, Sparse, Take
from adjoint.blocks.expansion import expanded
from adjoint.blocks.monomials import MOST_TERMS, Monomials, add, collapsed, multiply, transposed
from adjoint.blocks.pairs import PairTable
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError
from adjoint.testing import check_block
from tests.blocks.catalogue import CATALOGUE

ENTRIES = {entry.name: entry for entry in CATALOGUE}


def dense(terms, shape):
    """The matrix of a sum of monomials, by a loop over entries."""
    matrix = np.zeros(shape, complex)
    for pairs, data in terms.items():
        assert pairs.shape == shape
        for r, c, d in zip(pairs.all_rows, pairs.all_columns, np.broadcast_to(data, (pairs.count,)), strict=True):
            matrix[r, c] += d
    return matrix


@pytest.mark.parametrize("name", list(ENTRIES))
def test_a_block_expands_to_its_matrix(name):
    entry = ENTRIES[name]
    try:
        terms = expanded(PairTable(), entry.block)
    except NotAcceptedError:  # real-linear: there is no matrix over the complex numbers
        with pytest.raises(NotAcceptedError):
            entry.block.to_sparse()
        return
    with np.errstate(all="ignore"):
        assert_allclose(dense(terms, entry.block.shape), entry.matrix, atol=1e-12)


def test_products_and_sums_of_neighbors():
    """Up to 40 neighbors on the right of each block, all of one table, so that patterns are shared."""
    table = PairTable()
    rng = np.random.default_rng(0)
    pool: dict = {}
    for entry in ENTRIES.values():
        try:
            pool[entry.name] = expanded(table, entry.block), dense(expanded(table, entry.block), entry.block.shape)
        except NotAcceptedError:
            continue
    checked = 0
    for name, (left, matrix) in pool.items():
        if not np.isfinite(matrix).all():
            continue
        partners = [n for n in pool if ENTRIES[n].block.shape[0] == matrix.shape[1] and np.isfinite(pool[n][1]).all()]
        for partner in rng.permutation(partners)[:40]:
            right, other = pool[partner]
            product = dense(multiply(table, left, right), (matrix.shape[0], other.shape[1]))
            assert_allclose(product, matrix @ other, atol=1e-10, err_msg=f"({name}) @ ({partner})")
            checked += 1
            if matrix.shape == other.shape:
                assert_allclose(dense(add(table, left, right), matrix.shape), matrix + other, atol=1e-12)
        assert_allclose(dense(transposed(table, left), matrix.shape[::-1]), matrix.conj().T, atol=0)
        assert_allclose(dense(collapsed(table, left), matrix.shape), matrix, atol=1e-12)
    assert checked > 1000


@pytest.mark.parametrize("complex", [False, True])
def test_the_block_keeps_the_contract(complex):
    table, n = PairTable(), 6
    rng = np.random.default_rng(1)
    d = rng.standard_normal((2, n)) + (1j * rng.standard_normal((2, n)) if complex else 0)
    left = expanded(table, Sparse(rng.integers(0, 5, 14), rng.integers(0, n, 14), rng.standard_normal(14), (n,), (5,)))
    right = add(table, expanded(table, Diagonal(d[0], (n,), (n,))), expanded(table, Roll((1,), (-1,), (n,))))
    check_block(Monomials(multiply(table, left, right), (n,), (5,)), complex=complex)
    check_block(Monomials({}, (n,), (5,)))


def test_equal_patterns_merge():
    """A periodic stencil applied twice: ``(r + l - 2)²`` has five diagonals, and numbers stay numbers."""
    table, n = PairTable(), 50
    step = expanded(table, Scale(-2.0, (n,), (n,)))
    for shift in (1, -1):
        step = add(table, step, expanded(table, Roll((shift,), (-1,), (n,))))
    twice = multiply(table, step, step)
    assert len(step) == 3
    assert len(twice) == 5
    assert sorted(float(d) for d in twice.values()) == [-4.0, -4.0, 1.0, 1.0, 6.0]
    assert not any(np.ndim(d) for d in twice.values())


def test_joins_are_made_once():
    table, n = PairTable(), 30
    left, right = expanded(table, Roll((1,), (-1,), (n,))), expanded(table, Take(np.arange(n) // 2, (n,)))
    (a,), (b,) = left, right
    assert table.join(a, b) is table.join(a, b)
    assert next(iter(multiply(table, left, right))) is next(iter(multiply(table, left, right)))


def test_a_sum_of_many_terms_is_melted():
    table, n = PairTable(), 64
    total, matrix = {}, np.zeros((n, n))
    for shift in range(MOST_TERMS + 5):
        d = np.cos(shift + np.arange(n))
        term = multiply(table, expanded(table, Diagonal(d, (n,), (n,))), expanded(table, Roll((shift,), (-1,), (n,))))
        total = add(table, total, term)
        matrix += d[:, None] * np.roll(np.eye(n), shift, 0)
    assert len(total) < MOST_TERMS
    assert_allclose(dense(total, (n, n)), matrix, atol=1e-14)


def test_zeros_stay_zeros_against_infinity_under_guards():
    table = PairTable()
    infinite = expanded(table, Diagonal(np.array([np.inf, 2.0, np.nan]), (3,), (3,)))
    zeros = expanded(table, Diagonal(np.array([0.0, 3.0, 0.0]), (3,), (3,)))
    block = Monomials(infinite, (3,), (3,))
    with np.errstate(invalid="ignore"):
        (data,) = multiply(table, zeros, infinite, guarded=True).values()
        assert_array_equal(data, [0.0, 6.0, 0.0])
        (data,) = multiply(table, zeros, infinite).values()
        assert np.isnan(data).any()
        assert_array_equal(block.with_guards().apply(np.array([0.0, 1.0, 0.0])), [0.0, 2.0, 0.0])


def test_constant_masks_are_structure_where_they_are_known_to_be():
    mask = Mask(np.array([True, False, True]), (3,), (3,))
    assert sum(pairs.count for pairs in expanded(PairTable(), mask)) == 3
    assert sum(pairs.count for pairs in expanded(PairTable(masks_are_constant=True), mask)) == 2


def test_float32_stays():
    table = PairTable()
    d = expanded(table, Diagonal(np.ones(3, "f4"), (3,), (3,)))
    for other in (Identity((3,)), Scale(2.0, (3,), (3,)), Diagonal(np.ones(3, "f4"), (3,), (3,))):
        (data,) = multiply(table, d, expanded(table, other)).values()
        assert data.dtype == np.float32


def test_a_product_that_is_too_large_is_refused_with_its_size():
    """A column times a row."""
    n = 60
    table = PairTable(max_entries=2000)
    column = expanded(table, Sparse(np.arange(n), np.zeros(n, int), np.ones(n), (n,), (n,)))
    row = expanded(table, Sparse(np.zeros(n, int), np.arange(n), np.ones(n), (n,), (n,)))
    with pytest.raises(AssemblyTooLargeError, match=r"60 and 60 nonzeros takes 3,600 entries, more than the 2,000"):
        multiply(table, column, row)


def test_crowded_products_are_dense_and_keep_their_pattern():
    """Two blocks of 60 × 60 in the corners: what no path connects stays out."""
    table, n = PairTable(), 120
    rng = np.random.default_rng(0)
    half = np.arange(n // 2)
    rows, columns = np.repeat(half, n // 2), np.tile(half, n // 2)
    corners = [Sparse(rows + k, columns + k, rng.standard_normal(rows.size), (n,), (n,)) for k in (0, n // 2)]
    left = right = collapsed(table, add(table, expanded(table, corners[0]), expanded(table, corners[1])))
    product = multiply(table, left, right)
    matrix = dense(left, (n, n))
    (pairs,) = product
    assert pairs.count == 2 * (n // 2) ** 2
    assert_allclose(dense(product, (n, n)), matrix @ matrix, atol=1e-12)
    assert not table._joins, "no join was made"


def test_entries_that_fall_together_are_summed_at_once():
    """A sum of a broadcast number is one entry, not one for each that was added up."""
    table, n = PairTable(), 10
    total = expanded(table, Reduce(1, (0,), (n,), ()))
    d = np.linspace(1, 2, n)
    (pairs,) = product = multiply(table, total, expanded(table, Diagonal(d, (), (n,))))
    assert pairs.count == 1
    assert_allclose(np.sum(product[pairs]), d.sum())
