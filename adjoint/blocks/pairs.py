"""Index maps of sparse blocks: pairs of positions, interned, and the joins that multiply them.

Patterns are concrete. Two blocks are multiplied by joining their pairs on the inner positions, which is done once; then
the data need only be gathered and multiplied (see :mod:`adjoint.blocks.monomials`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from adjoint.blocks.kernels import unique_slots
from adjoint.errors import AssemblyTooLargeError


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
