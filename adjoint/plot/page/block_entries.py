"""The scalar entries of blocks, as far as a page has room for them: all numbers of small blocks, the smallest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Block, Zero
from adjoint.errors import AdjointError
from adjoint.plot.picture import Picture
from adjoint.plot.raster_magnitudes import largest as largest_entry
from adjoint.system.assembly import grouped_nodes, stacked_partials

COMPOSITE = frozenset({"adjoint", "function", "nested", "product", "sum"})
"""Kinds that do not hold their entries: the largest is found by computing all of them."""

LOOKED_AT = 2_000_000
"""Entries of such blocks that are computed for that, of all blocks together."""

COORDINATES, DIAGONAL, DENSE, CONSTANT = range(4)
"""How a block's entries are listed: with coordinates; along the diagonal; row by row; one number for the diagonal."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockEntries:
    """Of the blocks of a picture, and after them of the diagonal blocks of ``implicit`` rows.

    Entries are those of ``A``: the block ``J[child, parent]`` transposed, complex numbers by their magnitudes.

    Attributes
    ----------
    implicit : int array
        Rows of implicit constraints.
    largest : float array (blocks,)
        The largest magnitude; of a block with one entry that entry; ``nan`` where it is not known.
    listed : int array
        Blocks whose entries follow, ascending; those with one entry are not among them.
    counts, rules : int arrays (listed,)
        How many numbers there are, and how they are to be placed.
    values : float array
    rows, columns : int arrays
        Of the blocks that are listed with coordinates, in their order.
    """

    implicit: np.ndarray
    largest: np.ndarray
    listed: np.ndarray
    counts: np.ndarray
    rules: np.ndarray
    values: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def block_entries(picture: Picture, budget: int) -> BlockEntries:
    """Collect entries of the smallest blocks, up to ``budget`` numbers in all.

    Notes
    -----
    Scalar blocks take one NumPy call for all nodes of an operation; other blocks a few calls each.
    """
    system = picture.system
    blocks = len(picture)
    row_of = np.full(len(system), -1, dtype=np.int64)
    row_of[picture.starts] = np.arange(blocks)
    keys = picture.rows * blocks + picture.columns
    implicit = row_of[np.array(system.structure.implicit, dtype=np.int64)]
    implicit = implicit[implicit >= 0]
    shapes = picture.sizes[picture.rows] * picture.sizes[picture.columns]
    largest = np.full(len(keys) + len(implicit), np.nan)
    largest[: len(keys)][shapes == 1] = 0.0

    def place(parents: Any, children: Any) -> Any:
        return np.searchsorted(keys, row_of[parents] * blocks + row_of[children])

    groups, single = grouped_nodes(system)
    with np.errstate(all="ignore"):
        for nodes in groups.values():
            try:
                found = stacked_partials(system, nodes)
            except AdjointError:  # linear over the real numbers only: it has no complex entries
                single += nodes
                continue
            for parents, children, data in found:
                np.add.at(largest, place(parents, children), _real(data))
        collected = _collected(picture, place, single, implicit, shapes, budget, largest)
    listed, counts, rules = [], [], []
    values, rows_of, columns_of = [], [], []
    for block in sorted(collected):
        row, column, data = collected[block]
        if data is None:
            largest[block] = np.nan
            continue
        if block >= len(keys):
            height = width = int(picture.sizes[implicit[block - len(keys)]])
        else:
            height, width = int(picture.sizes[picture.rows[block]]), int(picture.sizes[picture.columns[block]])
        if height * width == 1:
            largest[block] = data.sum()
            continue
        largest[block] = np.max(np.abs(data), where=np.isfinite(data), initial=0.0)
        rule, row, column, data = _ruled(row, column, data, height, width)
        listed.append(block)
        counts.append(len(data))
        rules.append(rule)
        values.append(data)
        rows_of.append(row)
        columns_of.append(column)
    return BlockEntries(
        implicit=implicit,
        largest=largest,
        listed=np.array(listed, dtype=np.int64),
        counts=np.array(counts, dtype=np.int64),
        rules=np.array(rules, dtype=np.int64),
        values=_joined(values, np.float64),
        rows=_joined(rows_of, np.int64),
        columns=_joined(columns_of, np.int64),
    )


def _collected(
    picture: Picture,
    place: Any,
    single: list[int],
    implicit: np.ndarray,
    shapes: np.ndarray,
    budget: int,
    largest: np.ndarray,
) -> dict[int, Any]:
    """Coordinates and numbers by block, of those for which there is room; without numbers where there are none.

    Of the other blocks the largest magnitude is filled in.
    """
    system = picture.system
    order = np.argsort(picture.nonzeros, kind="stable")
    order = order[np.cumsum(np.where(shapes == 1, 0, picture.nonzeros)[order]) <= budget]
    chosen = np.zeros(len(picture.rows), dtype=bool)
    chosen[order] = True
    left = budget - int(np.where(shapes == 1, 0, picture.nonzeros)[order].sum())
    work = LOOKED_AT
    collected: dict[int, Any] = {}
    for k in single:
        pairs = [(parent, block) for parent, block in system.blocks_of(k) if not isinstance(block, Zero)]
        places = place(np.array([parent for parent, _ in pairs], dtype=np.int64), k).tolist()
        for at, (_, block) in zip(places, pairs, strict=True):
            if chosen[at]:
                collected[at] = _added(collected.get(at), _coordinates(block))
            elif picture.blocks[at] == 1 and (block.kind not in COMPOSITE or block.nnz <= work):
                work -= block.nnz if block.kind in COMPOSITE else 0
                largest[at] = largest_entry(block)
    for number, row in enumerate(implicit.tolist()):
        diagonal = system.diagonal_of(int(picture.starts[row]))
        if diagonal is not None and diagonal.nnz <= left:
            left -= diagonal.nnz
            row_index, column_index, data = _coordinates(diagonal)
            collected[len(picture.rows) + number] = (row_index, column_index, None if data is None else -data)
    return collected


def _coordinates(block: Block) -> tuple[Any, Any, Any]:
    """Of the transposed block; no numbers where it has no matrix over the complex numbers."""
    try:
        sparse = block.to_sparse()
    except AdjointError:
        return None, None, None
    return sparse.columns, sparse.rows, _real(sparse.data)


def _added(before: Any, now: Any) -> Any:
    """Two operands that are one node: their blocks add up."""
    if before is None or now[2] is None:
        return now
    if before[2] is None:
        return before
    return tuple(np.concatenate(pair) for pair in zip(before, now, strict=True))


def _ruled(row: Any, column: Any, data: Any, height: int, width: int) -> tuple[int, Any, Any, Any]:
    """The shortest way to list entries; coordinates that repeat add up."""
    keys = row * width + column
    unique, inverse = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(unique))
    np.add.at(sums, inverse, data)
    none = np.zeros(0, dtype=np.int64)
    if len(unique) == height * width:
        return DENSE, none, none, sums
    row, column = unique // width, unique % width
    if len(unique) == height == width and np.array_equal(row, column):
        if (sums == sums[0]).all():
            return CONSTANT, none, none, sums[:1]
        return DIAGONAL, none, none, sums
    return COORDINATES, row, column, sums


def _real(numbers: Any) -> np.ndarray:
    array = np.asarray(numbers)
    return (np.abs(array) if array.dtype.kind == "c" else array).astype(np.float64)


def _joined(parts: list[np.ndarray], dtype: Any) -> np.ndarray:
    return np.concatenate(parts).astype(dtype) if parts else np.zeros(0, dtype=dtype)
