"""Sparse blocks as sums of monomials: one index map and one data vector each.

A monomial is the map ``(J v)[rows[e]] += data[e] · v[columns[e]]``. Its pattern, the *pairs* of positions, is concrete;
its data may be traced. A product of two monomials is a monomial again: the pairs are joined once, and all that is left
to do with the data is to gather and to multiply. Equal pairs are one object (they are interned in a
:class:`PairTable`), so terms with equal patterns merge, and no join is done twice. A data of no axes stands for all
entries of a monomial: the coefficients of a stencil stay numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import scipy  # its subpackages load when they are first used

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate, put_flat, safe_multiply, take_flat, unique_slots
from adjoint.blocks.pairs import Join, Pairs, PairTable, Positions
from adjoint.blocks.sparse import Sparse

Terms: TypeAlias = "dict[Pairs, Array]"
"""A sum of monomials: data by pairs; of one shape ``(out_size, in_size)``."""


# --- the algebra of the data -----------------------------------------------------------------------------


def multiply(table: PairTable, left: Terms, right: Terms, guarded: bool = False) -> Terms:
    """``left @ right``, merged. With guards a zero of either factor stays zero against infinity and NaN."""
    result: Terms = {}
    if guarded:  # what cancels has to cancel before it meets infinity
        left, right = collapsed(table, left), collapsed(table, right)
    for l_pairs, l_data in left.items():
        for r_pairs, r_data in right.items():
            if not guarded and _is_crowded(l_pairs, r_pairs):
                _accumulate(result, *_dense_product(table, l_pairs, l_data, r_pairs, r_data))
                continue
            join = table.join(l_pairs, r_pairs)
            if not join.pairs.count:
                continue
            data = _product(join, l_data, r_data, guarded)
            _accumulate(result, join.pairs, data)
    return tidied(table, result)


def add(table: PairTable, left: Terms, right: Terms) -> Terms:
    """``left + right``, merged."""
    result = dict(left)
    for pairs, data in right.items():
        _accumulate(result, pairs, data)
    return tidied(table, result)


MOST_TERMS = 32
"""More terms are melted into one: their joins would cost more than they save."""

MOST_PARTS = 4
"""The same for terms that leave rows out and overlap: shifts of a grid with borders are cut to ever new ranges."""


def tidied(table: PairTable, terms: Terms) -> Terms:
    """The same sum, in few enough terms."""
    if len(terms) > MOST_TERMS:
        return collapsed(table, terms)
    if len(terms) > MOST_PARTS:
        parts = {pairs: data for pairs, data in terms.items() if pairs.rows is not None}
        if len(parts) > MOST_PARTS and _overlap(parts):
            whole = {pairs: data for pairs, data in terms.items() if pairs.rows is None}
            for pairs, data in collapsed(table, parts).items():
                _accumulate(whole, pairs, data)
            return whole
    return terms


def _overlap(terms: Terms) -> bool:
    """Whether melting saves entries."""
    keys = [pairs.all_rows * pairs.shape[1] + pairs.all_columns for pairs in terms]
    distinct, slots = unique_slots(np.concatenate(keys))
    return distinct.size < slots.size


def _accumulate(terms: Terms, pairs: Pairs, data: Array) -> None:
    terms[pairs] = terms[pairs] + data if pairs in terms else data


def _product(join: Join, left: Array, right: Array, guarded: bool) -> Array:
    a, b = _taken(left, join.take_left), _taken(right, join.take_right)
    if _is_one(a):
        data = b
    elif _is_one(b):
        data = a
    else:
        data = _guarded_product(a, b) if guarded else a * b
    if join.slots is None:
        return data
    if not np.ndim(data):
        return np.bincount(join.slots, minlength=join.pairs.count) * data
    return summed(data, join.slots, join.pairs.count)


DENSE = 16
"""Products for each entry of the result from which on a matrix product through BLAS is quicker than a join."""


def _is_crowded(left: Pairs, right: Pairs) -> bool:
    """Whether so many entries meet that dense matrices are the better way."""
    m, n, inner = left.shape[0], right.shape[1], left.shape[1]
    if left.rows is None or right.columns is None or left.count * right.count < DENSE * m * n * max(1, inner):
        return False  # at most as many products as rows on the left or columns on the right allow
    met = np.bincount(left.all_columns, minlength=inner) @ np.bincount(right.all_rows, minlength=inner)
    return bool(met > DENSE * m * n)


def _dense_product(table: PairTable, left: Pairs, a: Array, right: Pairs, b: Array) -> tuple[Pairs, Array]:
    shape = left.shape[0], right.shape[1]
    if max(math.prod(shape), math.prod(left.shape), math.prod(right.shape)) > table.max_entries:
        table.refuse(math.prod(shape), f"a product of blocks with {left.count:,} and {right.count:,} nonzeros")
    pattern = _pattern(left) @ _pattern(right)
    pattern.sort_indices()
    rows, columns = np.repeat(np.arange(shape[0]), np.diff(pattern.indptr)), pattern.indices.astype(np.intp)
    product = _dense(left, a) @ _dense(right, b)
    data = product.reshape(-1)
    if rows.size < math.prod(shape):
        data = take_flat(data, rows * shape[1] + columns, 1)
    return table.pairs(rows, columns, shape), data


def _pattern(pairs: Pairs) -> Any:
    ones = np.ones(pairs.count, np.int32)
    return scipy.sparse.csr_array((ones, (pairs.all_rows, pairs.all_columns)), shape=pairs.shape)


def _dense(pairs: Pairs, data: Array) -> Array:
    full = np.broadcast_to(data, (pairs.count,))
    return put_flat(full, pairs.all_rows * pairs.shape[1] + pairs.all_columns, pairs.shape)


def _guarded_product(a: Array, b: Array) -> Array:
    if isinstance(a, (int, float, complex)) and isinstance(b, (int, float, complex)):
        return a * b if a and b else 0.0
    return safe_multiply(a, b)


def _is_one(data: Array) -> bool:
    return type(data) is float and data == 1.0


def _taken(data: Array, take: Positions) -> Array:
    if take is None or not np.ndim(data):
        return data
    return data[take] if isinstance(take, slice) else take_flat(data, take, 1)


def summed(data: Array, slots: np.ndarray, count: int) -> Array:
    """Entries of equal slot added up; by one reshaped sum where the slots are that regular."""
    if count == 1:
        return data.sum()
    if len(slots) % count == 0:
        length = len(slots) // count
        if (slots.reshape(count, length) == np.arange(count)[:, None]).all():
            return data.reshape(count, length).sum(1)
        if (slots.reshape(length, count) == np.arange(count)).all():
            return data.reshape(length, count).sum(0)
    return put_flat(data, slots, (count,))


def collapsed(table: PairTable, terms: Terms) -> Terms:
    """The same sum as one monomial: numbers and constants first, and once."""
    if len(terms) <= 1:
        return terms
    shape = next(iter(terms)).shape
    keys = [pairs.all_rows * shape[1] + pairs.all_columns for pairs in terms]
    unique, slots = unique_slots(np.concatenate(keys))
    parts = np.split(slots, np.cumsum([len(key) for key in keys])[:-1])
    fixed, moving = None, []
    for (pairs, data), where in zip(terms.items(), parts, strict=True):
        if isinstance(data, (int, float, complex, np.ndarray, np.generic)):
            full = np.broadcast_to(data, (pairs.count,))
            spread = put_flat(np.ascontiguousarray(full), where, (unique.size,))
            fixed = spread if fixed is None else fixed + spread
        else:
            moving.append((np.broadcast_to(data, (pairs.count,)), where))
    total = fixed
    if moving:
        data = moving[0][0] if len(moving) == 1 else np.concatenate([part for part, _ in moving])
        variable = put_flat(data, np.concatenate([where for _, where in moving]), (unique.size,))
        total = variable if fixed is None else fixed + variable
    return {table.pairs(unique // shape[1], unique % shape[1], shape): total}


def transposed(table: PairTable, terms: Terms) -> Terms:
    """``Jᴴ``."""
    return {table.transposed(pairs): conjugated(data) for pairs, data in terms.items()}


def conjugated(data: Array) -> Array:
    """The conjugate of a number or an array."""
    return data.conjugate() if isinstance(data, (int, float, complex)) else conjugate(data)


# --- the block ---------------------------------------------------------------------------------------------


class Monomials(Block):
    """``J = Σ`` of monomials, as a block."""

    __slots__ = ("guarded", "terms")
    kind = "monomials"
    fresh = True

    def __init__(self, terms: Terms, in_shape: Shape, out_shape: Shape, guarded: bool = False) -> None:
        self.terms = terms
        self.in_shape = in_shape
        self.out_shape = out_shape
        self.guarded = guarded

    def apply(self, v: Array) -> Array:
        return self._multiply(v, False, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        return self._multiply(w, True, self.out_shape, self.in_shape)

    def _multiply(self, v: Array, adjoint: bool, from_shape: Shape, to_shape: Shape) -> Array:
        batch = v.shape[: v.ndim - len(from_shape)]
        size = math.prod(to_shape)
        flat = v.reshape((*batch, math.prod(from_shape)))
        total = None
        for pairs, entries in self.terms.items():
            data = conjugated(entries) if adjoint else entries
            source, target = (pairs.rows, pairs.columns) if adjoint else (pairs.columns, pairs.rows)
            part = flat if source is None else take_flat(flat, source, 1)
            if not _is_one(data):
                part = safe_multiply(part, data) if self.guarded else part * data
            part = part if target is None else put_flat(part, target, (size,))
            total = part if total is None else total + part
        if total is None:
            return np.zeros((*batch, *to_shape), v.dtype)
        return total.reshape((*batch, *to_shape))

    def with_guards(self) -> Block:
        return Monomials(self.terms, self.in_shape, self.out_shape, guarded=True)

    def to_sparse(self) -> Sparse:
        if not self.terms:
            return Sparse(np.zeros(0, int), np.zeros(0, int), np.zeros(0), self.in_shape, self.out_shape)
        rows, columns = coordinates(self.terms)
        data = [_inexact(np.broadcast_to(data, (pairs.count,))) for pairs, data in self.terms.items()]
        return Sparse(rows, columns, np.concatenate(data), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        """The sum of the terms' magnitudes: no less than the magnitude of the sum."""
        terms = {pairs: np.abs(data) for pairs, data in self.terms.items()}
        return Monomials(terms, self.in_shape, self.out_shape, self.guarded)

    @property
    def degrees(self) -> tuple[int, int]:
        if not self.terms:
            return 0, 0
        rows, columns = coordinates(self.terms)
        return int(np.bincount(rows).max(initial=0)), int(np.bincount(columns).max(initial=0))

    @property
    def nnz(self) -> int:
        return sum(pairs.count for pairs in self.terms)


def _inexact(data: Array) -> Array:
    return data if data.dtype.kind in "fc" else data.astype(float)


def coordinates(terms: Iterable[Pairs]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all entries of all terms, in order."""
    listed = list(terms)
    rows = np.concatenate([pairs.all_rows for pairs in listed])
    return rows, np.concatenate([pairs.all_columns for pairs in listed])
