"""What there is to draw of a system, as arrays: rows, and one entry for each nonzero block above the diagonal.

A row (which is also a column) stands for one node with a multiplier, or for a run of nodes folded into one. Every
picture of the matrix reads this, so they agree; and it is made without a Python loop over entries.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.folding import fold
from adjoint.system import ConstraintSystem
from adjoint.tracing import INPUT, Trace, Tracer, concrete
from adjoint.tracing.trace import Record

ROWS = 64
"""Rows that a picture with labels has room for: what ``fold=True`` folds to."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The block pattern of ``A`` for drawing; rows and entries are counted from 0.

    Attributes
    ----------
    system : ConstraintSystem
    starts, stops : int arrays (rows,)
        The nodes ``starts … stops - 1`` of a row, counted from 0.
    names : dict
        Labels of rows that are folded, by row.
    sizes : int array (rows,)
        Scalar unknowns.
    levels : int array (rows,)
        The level of a node; of a folded row its first.
    rows, columns : int arrays (entries,)
        Where the blocks are: the block ``J[child, parent]`` stands in the parent's row and the child's column. With
        the rows in the order of the program ``columns > rows``.
    nonzeros : int array (entries,)
    blocks : int array (entries,)
        How many blocks an entry stands for: more than one where rows are folded.
    kinds : int array (entries,)
        Positions in ``kind_names``; ``"mixed"`` where blocks of several kinds fell together.
    kind_names : tuple of str
    inner : int array (rows,)
        Blocks above the diagonal inside a folded row.
    seeds : int array
        Rows that hold an output: where the right-hand side is.
    """

    system: ConstraintSystem
    starts: np.ndarray
    stops: np.ndarray
    names: dict[int, str]
    sizes: np.ndarray
    levels: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    nonzeros: np.ndarray
    blocks: np.ndarray
    kinds: np.ndarray
    kind_names: tuple[str, ...]
    inner: np.ndarray
    seeds: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of scalars in the picture."""
        size = int(self.sizes.sum())
        return size, size

    @property
    def edges(self) -> np.ndarray:
        """``(rows + 1,)``: where rows begin and end, in scalars."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def is_folded(self, row: int) -> bool:
        """Whether a row stands for more than one node."""
        return row in self.names

    def diagonal_kind(self, row: int) -> str:
        """The kind of ``D``: ``"identity"`` but for implicit constraints; ``"mixed"`` for folded rows."""
        if self.is_folded(row):
            return "mixed"
        block = self.system.diagonal_of(int(self.starts[row]))
        return "identity" if block is None else block.kind

    def label(self, row: int) -> str:
        """What a row is: ``z_3 hidden``, ``z_4 tanh``, or what was folded."""
        if row in self.names:
            return self.names[row]
        node = int(self.starts[row])
        trace = self.system.trace
        name = trace.names.get(node)
        if name is None and trace.primitives[node] is INPUT:
            name = trace.labels().get(node)
        return f"z_{node + 1} {name or trace.primitives[node].name}"

    def labels(self) -> list[str]:
        """Of all rows."""
        trace = self.system.trace
        names = trace.labels()
        return [
            self.names.get(row) or f"z_{node + 1} {names.get(node) or trace.primitives[node].name}"
            for row, node in enumerate(self.starts.tolist())
        ]

    def row_of(self, node: int) -> int | None:
        """The row that shows a node (counted from 0); ``None`` if there is none."""
        hits = np.flatnonzero((self.starts <= node) & (node < self.stops))
        return int(hits[0]) if hits.size else None


def system_of(system: ConstraintSystem | Trace, caller: str) -> ConstraintSystem:
    """A system, or that of a trace.

    Raises
    ------
    PlotError
        For anything else, and for a system without a multiplier: there is nothing to draw.
    """
    if isinstance(system, Trace):
        system = system.compile()
    if not isinstance(system, ConstraintSystem):
        raise PlotError(
            f"{caller} draws a system or a trace, not {type(system).__name__}: "
            "adjoint.trace(function, *arguments).compile() makes one"
        )
    if not any(system.is_active(k) and system.value(k).size for k in range(len(system))):
        raise PlotError(
            f"{caller} has nothing to draw: the trace has {len(system)} nodes, and none has a multiplier (no "
            "floating-point argument reaches anything, or all arrays are empty)"
        )
    return at_plain_numbers(system)


def at_plain_numbers(system: ConstraintSystem) -> ConstraintSystem:
    """The same system at plain numbers, where an outer derivative traces its values: drawing records nothing there."""
    if Tracer not in set(map(type, system.values)):
        return system
    records: list[Record] = [(tuple(map(concrete, record[0])), *record[1:]) for record in system.records]
    return ConstraintSystem(system.trace, records, [concrete(value) for value in system.values])


def picture(
    system: ConstraintSystem,
    *,
    nodes: Any = None,
    fold_to: int | None = None,
    order: Sequence[int] | np.ndarray | None = None,
) -> Picture:
    """Collect what there is to draw.

    Parameters
    ----------
    system : ConstraintSystem
    nodes : (first, last) or range, optional
        Numbers from 1, both ends of a pair included: only these rows and columns.
    fold_to : int, optional
        Fold loops and layers to about so many rows, if there are more.
    order : sequence of int, optional
        Node numbers from 1 in the order of the rows; those that are missing follow in the order of the program.

    Notes
    -----
    Linear in nodes and blocks, but for one sort.
    """
    structure = system.structure
    count = len(system)
    first, last = node_range(nodes, count)
    shown = np.zeros(count, dtype=bool)
    shown[first - 1 : last] = True
    shown &= structure.sizes > 0
    if not shown.any():
        raise PlotError(f"none of the nodes z_{first} … z_{last} has a multiplier: there is no row to draw")
    names: dict[int, str] = {}
    row_of = np.full(count, -1, dtype=np.int64)
    if fold_to is not None and order is not None:
        raise PlotError("fold and order exclude each other: a folded run is consecutive in the program")
    if fold_to is not None and np.count_nonzero(shown) > fold_to:
        starts, stops, names = _folded(system.trace, shown, fold_to, row_of, first - 1, last)
    else:
        starts = np.flatnonzero(shown)
        if order is not None:
            starts = rows_in_order(starts, order, count)
        stops = starts + 1
        row_of[starts] = np.arange(len(starts))
    sizes = np.zeros(len(starts), dtype=np.int64)
    np.add.at(sizes, row_of[shown], structure.sizes[shown])
    rows, columns = row_of[structure.parents], row_of[structure.children]
    visible = (rows >= 0) & (columns >= 0)
    inside = visible & (rows == columns)
    inner = np.bincount(rows[inside], minlength=len(starts))
    between = visible & ~inside
    rows, columns = rows[between], columns[between]
    kinds, kind_names = structure.kinds[between], structure.kind_names
    merged = _merged(rows, columns, len(starts), structure.nonzeros[between], kinds, len(kind_names))
    outputs = [out for out in system.trace.outputs if isinstance(out, int)]
    seeds = row_of[np.array(outputs, dtype=np.int64)]
    return Picture(
        system=system,
        starts=starts,
        stops=stops,
        names=names,
        sizes=sizes,
        levels=structure.levels[starts],
        rows=merged[0],
        columns=merged[1],
        nonzeros=merged[2],
        blocks=merged[3],
        kinds=merged[4],
        kind_names=(*kind_names, "mixed"),
        inner=inner,
        seeds=np.unique(seeds[seeds >= 0]),
    )


def node_range(nodes: Any, count: int) -> tuple[int, int]:
    """First and last node, from 1, of what a user asked to see."""
    if nodes is None:
        return 1, count
    if isinstance(nodes, range):
        if nodes.step != 1 or not len(nodes):
            raise PlotError(f"nodes must be a range of at least one node with step 1, not {nodes!r}")
        first, last = nodes.start, nodes.stop - 1
    else:
        try:
            first, last = (operator.index(k) for k in nodes)
        except (TypeError, ValueError):
            raise PlotError(f"nodes must be (first, last), whole numbers of nodes from 1, not {nodes!r}") from None
    if not 1 <= first <= last <= count:
        raise PlotError(f"nodes=({first}, {last}) is no range of z_1 … z_{count}")
    return first, last


def _folded(
    trace: Trace, shown: np.ndarray, fold_to: int, row_of: np.ndarray, start: int, stop: int
) -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    """Rows of folded runs, those without a shown node left out."""
    starts: list[int] = []
    stops: list[int] = []
    names: dict[int, str] = {}
    for run in fold(trace, fold_to, start, stop):
        here = np.flatnonzero(shown[run.start : run.stop])
        if not here.size:
            continue
        row_of[run.start + here] = len(starts)
        if here.size > 1:
            names[len(starts)] = run.label or f"z_{run.start + 1} … z_{run.stop}"
            starts.append(run.start)
            stops.append(run.stop)
        else:
            starts.append(run.start + int(here[0]))
            stops.append(run.start + int(here[0]) + 1)
    return np.array(starts), np.array(stops), names


def rows_in_order(starts: np.ndarray, order: Any, count: int) -> np.ndarray:
    """Rows in the given order, the others after them."""
    numbers = np.asarray(order if len(order) else np.zeros(0, np.int64))
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        raise PlotError("order must be a sequence of node numbers, from 1")
    if numbers.size and not (numbers.min() >= 1 and numbers.max() <= count):
        raise PlotError(f"order must name nodes of z_1 … z_{count}, not z_{numbers.min()} … z_{numbers.max()}")
    if numbers.size and np.bincount(numbers).max() > 1:
        raise PlotError("order must name each node at most once")
    rank = np.full(count, count, dtype=np.int64)
    rank[numbers - 1] = np.arange(numbers.size)
    return starts[np.argsort(rank[starts], kind="stable")]


def _merged(
    rows: np.ndarray, columns: np.ndarray, size: int, nonzeros: np.ndarray, kinds: np.ndarray, mixed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Entries that fall on one place become one: rows, columns, nonzeros, how many, and their kind."""
    keys = rows * size + columns
    by_place = np.argsort(keys, kind="stable")
    keys = keys[by_place]
    first = np.flatnonzero(np.concatenate([np.ones(min(1, len(keys)), bool), keys[1:] != keys[:-1]]))
    if not first.size:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty, empty, empty, empty
    totals = np.add.reduceat(nonzeros[by_place], first)
    blocks = np.diff(np.append(first, len(keys)))
    kinds = kinds[by_place]
    lowest, highest = np.minimum.reduceat(kinds, first), np.maximum.reduceat(kinds, first)
    return keys[first] // size, keys[first] % size, totals, blocks, np.where(lowest == highest, lowest, mixed)
