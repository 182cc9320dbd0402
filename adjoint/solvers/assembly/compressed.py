"""``I − U`` in SciPy's compressed formats: the order is found once, and the numbers are gathered at each point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from adjoint.system.unit_matrix import UnitPattern


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """The pattern of ``I − U`` by rows or by columns, entries sorted, none repeated.

    Attributes
    ----------
    indices, indptr : int32 arrays
        As SciPy has them; all of SuperLU counts with 32 bits.
    order : int array
        Where each entry is read from the data of the matrix; behind them stands the diagonal.
    repeated, places : int arrays
        Further data of ``x * x`` and the like, and the entries that they are added to.
    """

    size: int
    indices: np.ndarray
    indptr: np.ndarray
    order: np.ndarray
    repeated: np.ndarray
    places: np.ndarray

    @classmethod
    def of(cls, pattern: UnitPattern, *, by_rows: bool) -> Compressed:
        """Sort the entries."""
        size = pattern.size
        diagonal = np.arange(size)
        major = np.concatenate([pattern.rows, diagonal])
        minor = np.concatenate([pattern.columns, diagonal])
        if not by_rows:
            major, minor = minor, major
        order = np.lexsort((minor, major))
        major, minor = major[order], minor[order]
        order = np.minimum(order, len(pattern.rows))  # all diagonal entries are read from one place behind the data
        new = np.ones(order.size, dtype=bool)
        new[1:] = (major[1:] != major[:-1]) | (minor[1:] != minor[:-1])
        places = (np.cumsum(new) - 1)[~new]
        indptr = np.searchsorted(major[new], np.arange(size + 1))
        return cls(size, minor[new].astype(np.int32), indptr.astype(np.int32), order[new], order[~new], places)

    def entries(self, data: np.ndarray, dtype: Any) -> np.ndarray:
        """The numbers of ``I − U`` from those of ``U``."""
        entries: np.ndarray = np.concatenate([data, [-1.0]], dtype=dtype).take(self.order)
        if self.repeated.size:
            np.add.at(entries, self.places, data.take(self.repeated))
        np.negative(entries, out=entries)
        return entries

    def csr(self, entries: np.ndarray) -> scipy.sparse.csr_array:
        """The entries by rows."""
        return scipy.sparse.csr_array((entries, self.indices, self.indptr), shape=(self.size, self.size))

    def csc(self, entries: np.ndarray) -> scipy.sparse.csc_array:
        """The entries by columns: of the transpose, if they were sorted by rows."""
        return scipy.sparse.csc_array((entries, self.indices, self.indptr), shape=(self.size, self.size))
