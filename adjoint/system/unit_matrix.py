"""``A = U − I`` of explicit constraints by columns, and where its numbers come from at every linearization point.

The order of the unknowns is one in which levels follow each other, so that parents come before children and each level
is one slice. Column ``k`` holds the partials of unknown ``k`` with respect to what it was computed from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from adjoint.system.assembly import Assembled, assemble
from adjoint.system.layout import Layout

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


@dataclass(frozen=True, slots=True, eq=False)
class UnitPattern:
    """The pattern of ``U``, strictly upper triangular. Repeated coordinates add up.

    Attributes
    ----------
    size : int
    indptr, rows : int arrays (size + 1,), (nnz,)
        Column ``k`` has its entries in the rows ``rows[indptr[k]:indptr[k + 1]]``.
    levels : int array
        Unknowns ``levels[l]:levels[l + 1]`` do not depend on each other.
    layout : Layout
        Where each node stands among the unknowns.
    """

    size: int
    indptr: np.ndarray
    rows: np.ndarray
    levels: np.ndarray
    layout: Layout

    @property
    def columns(self) -> np.ndarray:
        """The column of every entry."""
        return np.repeat(np.arange(self.size), np.diff(self.indptr))


@dataclass(frozen=True, slots=True, eq=False)
class UnitMatrix:
    """One linearization: ``data`` runs along ``pattern.rows``, and may be traced."""

    pattern: UnitPattern
    data: Any

    def coordinates(self) -> Assembled:
        """``A`` with its diagonal."""
        size = self.pattern.size
        diagonal = np.arange(size)
        data = np.concatenate([self.data, np.full(size, -1.0, self.data.dtype)])
        rows = np.concatenate([self.pattern.rows, diagonal])
        return Assembled(rows, np.concatenate([self.pattern.columns, diagonal]), data, size)


class Source(Protocol):
    """What is known of ``A`` from the structure alone."""

    @property
    def pattern(self) -> UnitPattern:
        """The pattern."""
        ...

    def at(self, system: ConstraintSystem) -> UnitMatrix:
        """The matrix at one linearization; its pattern is another object only where the program's pattern moved."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """A source of any explicit system: its blocks are asked for coordinates at each point.

    Patterns seldom move (sorting moves them); where they have not, the order of the entries is known already.
    """

    pattern: UnitPattern
    rows: np.ndarray
    columns: np.ndarray
    order: np.ndarray
    max_bytes: int | None

    @classmethod
    def of(cls, system: ConstraintSystem, max_bytes: int | None = None, known: Assembled | None = None) -> Coordinates:
        """Blocks are built at the point of the system, but only their patterns are kept."""
        assembled = assemble(system, max_bytes) if known is None else known
        layout, renumbered, levels = _by_level(system)
        rows, columns = renumbered[assembled.rows], renumbered[assembled.columns]
        off = np.flatnonzero(rows != columns)
        order = off[np.argsort(columns[off], kind="stable")]
        counts = np.bincount(columns[order], minlength=assembled.size)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        pattern = UnitPattern(assembled.size, indptr, rows[order], levels, layout)
        return cls(pattern, assembled.rows, assembled.columns, order, max_bytes)

    def at(self, system: ConstraintSystem) -> UnitMatrix:
        """The data at this point, by the known pattern if that has not moved."""
        assembled = assemble(system, self.max_bytes)
        same = np.array_equal(self.rows, assembled.rows) and np.array_equal(self.columns, assembled.columns)
        here = self if same else Coordinates.of(system, self.max_bytes, assembled)
        return UnitMatrix(here.pattern, assembled.data[here.order])


def _by_level(system: ConstraintSystem) -> tuple[Layout, np.ndarray, np.ndarray]:
    """The layout by levels, the new number of each unknown, and the levels' boundaries."""
    node_levels = np.array(system.trace.levels(), dtype=np.intp)
    lengths = np.diff(system.offsets)
    nodes = np.argsort(node_levels, kind="stable")
    stops = np.empty(len(nodes), dtype=np.intp)
    stops[nodes] = np.cumsum(lengths[nodes])
    starts = stops - lengths
    size = int(lengths.sum())
    renumbered = np.arange(size) + np.repeat(starts - system.offsets[:-1], lengths)
    per_level = np.bincount(node_levels, weights=lengths).astype(np.intp) if len(nodes) else np.zeros(0, np.intp)
    levels = np.concatenate([[0], np.cumsum(per_level)])
    return Layout(starts, stops, system.trace.values), renumbered, levels
