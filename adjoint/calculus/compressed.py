"""From monomials to ``scipy.sparse``: a pattern made once, and the filling in of its data."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from adjoint.blocks import Array
from adjoint.blocks.kernels import unique_slots
from adjoint.blocks.pairs import Pairs, Positions, evenly


@dataclass(frozen=True, slots=True)
class Piece:
    """One data vector that changes from point to point.

    Attributes
    ----------
    source : int
        Which one it is, among the results of the program.
    slots : int array or slice
        Where its entries go.
    chosen : int array, slice or None
        Which of its entries go there; None for all.
    mirror : int array, slice or None
        Where they go once more: the other half of a symmetric matrix.
    adds : bool
        Other entries go to the same places.
    """

    source: int
    slots: Positions
    chosen: Positions
    mirror: Positions
    adds: bool

    def fill(self, out: np.ndarray, data: Array) -> None:
        """Put the entries into ``out``."""
        if self.chosen is not None and np.ndim(data):
            data = data[self.chosen]
        for slots in (self.slots, self.mirror):
            if slots is None:
                continue
            if not self.adds:
                out[slots] = data
            elif isinstance(slots, slice):  # each place once
                out[slots] += data
            else:
                np.add.at(out, slots, data)


@dataclass(frozen=True, slots=True)
class Compressed:
    """The CSR pattern of one matrix, its constant entries, and where the other ones go."""

    shape: tuple[int, int]
    template: Any
    constants: np.ndarray
    pieces: tuple[Piece, ...]

    @classmethod
    def of(
        cls,
        terms: Sequence[tuple[Pairs, Array | None, int]],
        shape: tuple[int, int],
        dtype: Any,
        *,
        symmetric: bool = False,
    ) -> Compressed:
        """The pattern of a sum of monomials, given as ``(pairs, constant data or None, number of the result)``.

        With ``symmetric`` the upper triangle is read, and mirrored.
        """
        listed = []
        for pairs, data, source in terms:
            rows, columns, chosen = pairs.all_rows, pairs.all_columns, None
            if symmetric:
                upper = rows <= columns
                if not upper.all():
                    chosen = np.flatnonzero(upper)
                    rows, columns = rows[chosen], columns[chosen]
            if rows.size:
                listed.append((rows, columns, chosen, data, source, pairs.count))
        width = max(1, shape[1])
        keys = [rows * width + columns for rows, columns, *_ in listed]
        mirrored = [columns * width + rows for rows, columns, *_ in listed] if symmetric else []
        unique, inverse = unique_slots(np.concatenate([*keys, *mirrored, np.zeros(0, int)]))
        places = np.split(inverse, np.cumsum([key.size for key in [*keys, *mirrored]]))[:-1]
        # a mirrored entry on the diagonal is the entry itself
        hits = np.bincount(np.concatenate([*places[: len(keys)], np.zeros(0, int)]), minlength=unique.size)
        constants = np.zeros(unique.size, dtype)
        pieces = []
        for number, (rows, columns, chosen, data, source, count) in enumerate(listed):
            slots, mirror = places[number], None
            if symmetric:
                off = np.flatnonzero(rows < columns)
                if off.size == rows.size:
                    mirror = places[len(keys) + number]
            crowded = bool((hits[slots] > 1).any())
            if data is not None:
                full = np.broadcast_to(data, (count,))
                full = full if chosen is None else full[chosen]
                np.add.at(constants, slots, full)
                if symmetric:
                    np.add.at(constants, places[len(keys) + number][off], full[off])
            elif symmetric and mirror is None and off.size:  # part of it stands on the diagonal
                positions = np.arange(rows.size) if chosen is None else chosen
                on = np.flatnonzero(rows == columns)
                if on.size:
                    pieces.append(Piece(source, evenly(slots[on]), evenly(positions[on]), None, crowded))
                there = places[len(keys) + number][off]
                pieces.append(Piece(source, evenly(slots[off]), evenly(positions[off]), evenly(there), crowded))
            else:
                pieces.append(Piece(source, evenly(slots), evenly(chosen), evenly(mirror), crowded))
        pointers = np.searchsorted(unique, np.arange(shape[0] + 1) * width)
        kind = np.int32 if max(unique.size, *shape) < 2**31 else np.int64
        indices, pointers = (unique % width).astype(kind), pointers.astype(kind)
        for array in (indices, pointers, constants):
            array.flags.writeable = False  # all matrices of a plan share the pattern
        template = scipy.sparse.csr_array((constants, indices, pointers), shape=shape)
        template.has_canonical_format = True  # sorted, and no entry twice: SciPy need not look
        return cls(shape, template, constants, tuple(pieces))

    def matrix(self, results: Sequence[Array]) -> Any:
        """The matrix for these results of the program."""
        data = self.constants.copy()
        for piece in self.pieces:
            piece.fill(data, results[piece.source])
        return self.with_data(data)

    def with_data(self, data: np.ndarray) -> Any:
        """A matrix with this data, in the order of the pattern."""
        found = copy.copy(self.template)  # shares the pattern, and skips SciPy's checks of it
        found.data = data.astype(self.constants.dtype, copy=False) if data.dtype != bool else data
        return found

    def like(self, matrix: Any) -> Any:
        """The same matrix in this pattern, if its entries have a place there."""
        width = max(1, self.shape[1])
        mine, other = (_keys(one, width) for one in (self.template, matrix))
        places = np.searchsorted(mine, other)
        if other.size and (not mine.size or (mine[np.minimum(places, mine.size - 1)] != other).any()):
            return matrix
        data = np.zeros(mine.size, matrix.dtype)
        data[places] = matrix.data
        return self.with_data(data)

    @property
    def nnz(self) -> int:
        """Structural nonzeros."""
        return len(self.constants)


def _keys(matrix: Any, width: int) -> np.ndarray:
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    keys: np.ndarray = rows * width + matrix.indices
    return keys
