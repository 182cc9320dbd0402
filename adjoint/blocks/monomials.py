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
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import scipy  # its subpackages load when they are first used

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate, put_flat, safe_multiply, take_flat, unique_slots
from adjoint.blocks.sparse import Sparse
from adjoint.errors import AssemblyTooLargeError

Terms: TypeAlias = "dict[Pairs, Array]"
"""A sum of monomials: data by pairs; of one shape ``(out_size, in_size)``."""


class Pairs:
    """Positions ``(rows[e], columns[e])`` of the entries of a monomial.

    Attributes
    ----------
    rows, columns : int arrays (count,), or None
        ``None`` stands for ``0, 1, 2, …``: one entry in every row (or column), in order.
    shape : tuple of int
        ``(out_size, in_size)``.
    count : int
    """

    __slots__ = ("_by_row", "_distinct", "columns", "count", "rows", "shape")

    def __init__(self, rows: np.ndarray | None, columns: np.ndarray | None, shape: tuple[int, int]) -> None:
        self.rows = rows
        self.columns = columns
        self.shape = shape
        self.count = shape[0] if rows is None else len(rows)
        self._distinct: list[bool | None] = [None, None]
        self._by_row: tuple[np.ndarray | None, np.ndarray] | None = None

    @property
    def all_rows(self) -> np.ndarray:
        """``rows``, written out."""
        return np.arange(self.count) if self.rows is None else self.rows

    @property
    def all_columns(self) -> np.ndarray:
        """``columns``, written out."""
        return np.arange(self.count) if self.columns is None else self.columns

    @property
    def by_row(self) -> tuple[np.ndarray | None, np.ndarray]:
        """The entries in order of their rows (None: they are), and where each row starts."""
        if self._by_row is None:
            rows = self.all_rows
            order = None
            if (rows[1:] < rows[:-1]).any():
                order = np.argsort(rows, kind="stable")
                rows = rows[order]
            self._by_row = order, np.searchsorted(rows, np.arange(self.shape[0] + 1))
        return self._by_row

    def has_distinct(self, axis: int) -> bool:
        """Whether no row (axis 0) or no column (axis 1) holds two entries."""
        known = self._distinct[axis]
        if known is None:
            index = self.columns if axis else self.rows
            known = index is None or bool(np.bincount(index, minlength=1).max(initial=0) <= 1)
            self._distinct[axis] = known
        return known

    def __repr__(self) -> str:
        return f"<pairs: {self.count} entries of {self.shape}>"


Positions: TypeAlias = "np.ndarray | slice | None"
"""Which entries are taken: by number, in even steps, or all as they are."""


@dataclass(frozen=True, slots=True)
class Join:
    """How the data of a product comes from the data of its factors.

    ``data = sum over equal slots of left[take_left] * right[take_right]``.
    """

    pairs: Pairs
    take_left: Positions
    take_right: Positions
    slots: np.ndarray | None
    products: int


MOST_JOINS = 20_000
"""Joins that a table keeps for the next elimination."""


class PairTable:
    """Where pairs are interned and joins are kept: a workspace for one plan.

    Parameters
    ----------
    max_entries : int
        The largest pattern that may be made; above it :class:`~adjoint.errors.AssemblyTooLargeError`.
    masks_are_constant : bool
        A mask that is a plain array will be the same at every point, since whatever depends on the point is traced.
    """

    def __init__(self, max_entries: int = 1 << 30, *, masks_are_constant: bool = False) -> None:
        self.max_entries = max_entries
        self.masks_are_constant = masks_are_constant
        self._known: dict[Any, Pairs] = {}
        self._joins: dict[tuple[Pairs, Pairs], Join] = {}
        self._transposed: dict[Pairs, Pairs] = {}

    def pairs(self, rows: np.ndarray | None, columns: np.ndarray | None, shape: tuple[int, int]) -> Pairs:
        """The one object for these positions."""
        rows = None if rows is None or _counts_up(rows, shape[0]) else rows
        columns = None if columns is None or _counts_up(columns, shape[1]) else columns
        digest = tuple(None if index is None else (len(index), hash(index.tobytes())) for index in (rows, columns))
        key = (*shape, *digest)
        while key in self._known:
            found = self._known[key]
            if _same(found.rows, rows) and _same(found.columns, columns):
                return found
            key = (*key, 0)  # another pattern with the same hash
        self._known[key] = made = Pairs(rows, columns, shape)
        return made

    def trim(self) -> None:
        """Forget all, if it has become much: patterns that move with the values are new ones every time."""
        if len(self._joins) > MOST_JOINS:
            self._joins.clear()
            self._known.clear()
            self._transposed.clear()

    def refuse(self, entries: int, what: str) -> None:
        """Raise for a pattern that would be too large."""
        raise AssemblyTooLargeError(
            f"{what} takes {entries:,} entries, more than the {self.max_entries:,} that memory allows. Derivatives by "
            "'back_substitution' (grad, jvp, vjp, hvp, or jacobian without sparse=True) form no products of blocks."
        )

    def transposed(self, pairs: Pairs) -> Pairs:
        """The pattern of the transpose."""
        found = self._transposed.get(pairs)
        if found is None:
            found = self._transposed[pairs] = self.pairs(pairs.columns, pairs.rows, pairs.shape[::-1])
        return found

    def join(self, left: Pairs, right: Pairs) -> Join:
        """The pattern of ``left @ right``, and where its data comes from."""
        found = self._joins.get((left, right))
        if found is None:
            found = self._joins[left, right] = self._join(left, right)
        return found

    def _join(self, left: Pairs, right: Pairs) -> Join:
        take_left: np.ndarray | None
        take_right: np.ndarray | None
        if right.rows is None:  # each inner position is one entry on the right
            take_left, take_right = None, left.columns
        elif left.columns is None:  # or on the left
            take_left, take_right = right.rows, None
        else:
            take_left, take_right = self._meet(left, right)
        rows = _at(left.rows, take_left)
        columns = _at(right.columns, take_right)
        count = next((len(take) for take in (take_left, take_right) if take is not None), left.count)
        shape = left.shape[0], right.shape[1]
        slots = None
        if not (left.has_distinct(0) or right.has_distinct(1)):
            keys = (np.arange(count) if rows is None else rows) * shape[1]
            keys = keys + (np.arange(count) if columns is None else columns)
            unique, inverse = unique_slots(keys)
            if unique.size < keys.size:
                slots, rows, columns = inverse, unique // max(1, shape[1]), unique % max(1, shape[1])
        return Join(self.pairs(rows, columns, shape), evenly(take_left), evenly(take_right), slots, count)

    def _meet(self, left: Pairs, right: Pairs) -> tuple[np.ndarray, np.ndarray]:
        """All pairs of entries that meet at an inner position."""
        by_row, starts = right.by_row
        counts = (starts[1:] - starts[:-1])[left.all_columns]
        total = int(counts.sum())
        if total > self.max_entries:
            self.refuse(total, f"a product of blocks with {left.count:,} and {right.count:,} nonzeros")
        chosen = np.repeat(np.arange(left.count), counts)
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        entries = starts[left.all_columns[chosen]] + within
        return chosen, entries if by_row is None else by_row[entries]


def _counts_up(index: np.ndarray, size: int) -> bool:
    return len(index) == size and bool((index == np.arange(size)).all())


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return b is a if a is None or b is None else np.array_equal(a, b)


def evenly(positions: np.ndarray | None) -> Positions:
    """Positions in even steps as a slice, which is read and written without looking up each of them."""
    if positions is None or positions.size < 2:
        return positions
    first, step = int(positions[0]), int(positions[1] - positions[0])
    if step < 1 or int(positions[-1]) != first + step * (positions.size - 1) or (np.diff(positions) != step).any():
        return positions
    return slice(first, int(positions[-1]) + 1, step)


def _at(index: np.ndarray | None, take: np.ndarray | None) -> np.ndarray | None:
    """``index[take]``, where None counts up."""
    if index is None or take is None:
        return take if index is None else index
    found: np.ndarray = index[take]
    return found


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
