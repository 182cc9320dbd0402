"""The scalar entries of blocks, as far as a page has room for them: all numbers of small blocks, the smallest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Block
from adjoint.errors import AdjointError
from adjoint.plot.picture import Picture
from adjoint.plot.raster.magnitudes import largest as largest_entry
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
    rows, blocks = len(picture), len(picture.rows)
    row_of = np.full(len(system), -1, dtype=np.int64)
    row_of[picture.starts] = np.arange(rows)
    implicit = row_of[np.array(system.structure.implicit, dtype=np.int64)]
    implicit = implicit[implicit >= 0]
    heights = picture.sizes[np.concatenate([picture.rows, implicit])]
    widths = picture.sizes[np.concatenate([picture.columns, implicit])]
    keys = picture.rows * rows + picture.columns
    largest = np.full(blocks + len(implicit), np.nan)
    single_entry = heights * widths == 1
    largest[:blocks][single_entry[:blocks]] = 0.0
    groups, single = grouped_nodes(system)
    with np.errstate(all="ignore"):
        for nodes in groups.values():
            try:
                found = stacked_partials(system, nodes)
            except AdjointError:  # linear over the real numbers only: it has no complex entries
                single += nodes
                continue
            for parents, children, data in found:
                np.add.at(largest, np.searchsorted(keys, row_of[parents] * rows + row_of[children]), _real(data))
        listed = _collected(picture, keys, row_of, single, implicit, budget, largest)
        return _ruled(*listed, implicit=implicit, largest=largest, heights=heights, widths=widths)


def _collected(
    picture: Picture,
    keys: np.ndarray,
    row_of: np.ndarray,
    single: list[int],
    implicit: np.ndarray,
    budget: int,
    largest: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Blocks, rows, columns and numbers of all entries for which there is room.

    Of the other blocks the largest magnitude is filled in.
    """
    system = picture.system
    rows, blocks = len(picture), len(keys)
    sizes = picture.nonzeros
    order = np.argsort(sizes, kind="stable")
    order = order[np.cumsum(sizes[order]) <= budget + np.count_nonzero(sizes <= 1)]
    chosen = np.zeros(blocks, dtype=bool)
    chosen[order] = True
    left = budget - int(sizes[order].sum())
    work = LOOKED_AT
    numbers = dict(zip(keys.tolist(), range(blocks), strict=True)) if single else {}
    row_list, chosen_list, parts_list = row_of.tolist(), chosen.tolist(), picture.blocks.tolist()
    found: list[tuple[int, Any]] = []
    bad: set[int] = set()  # blocks with an operand that has no entries
    for k in single:
        column = row_list[k]
        for parent, block in system.blocks_of(k):
            number = numbers.get(row_list[parent] * rows + column)
            if number is None:
                continue  # a structural zero
            if chosen_list[number]:
                entries = _coordinates(block)
                if entries is None:
                    bad.add(number)
                else:
                    found.append((number, entries))
            elif parts_list[number] == 1 and (block.kind not in COMPOSITE or block.nnz <= work):
                work -= block.nnz if block.kind in COMPOSITE else 0
                largest[number] = largest_entry(block)
    for number, row in enumerate(implicit.tolist()):
        diagonal = system.diagonal_of(int(picture.starts[row]))
        if diagonal is not None and diagonal.nnz <= left:
            left -= diagonal.nnz
            entries = _coordinates(diagonal)
            if entries is not None:
                found.append((blocks + number, (entries[0], entries[1], -entries[2])))
    found = [(number, entries) for number, entries in found if number not in bad]
    largest[list(bad)] = np.nan
    counts = [len(entries[2]) for _, entries in found]
    owners = np.repeat(np.array([number for number, _ in found], dtype=np.int64), counts)
    joined = [_joined([entries[part] for _, entries in found]) for part in range(3)]
    return owners, joined[0].astype(np.int64), joined[1].astype(np.int64), joined[2]


def _coordinates(block: Block) -> tuple[Any, Any, np.ndarray] | None:
    """Of the transposed block; ``None`` where it has no matrix over the complex numbers."""
    try:
        sparse = block.to_sparse()
    except AdjointError:
        return None
    return sparse.columns, sparse.rows, _real(sparse.data)


def _ruled(
    owners: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    values: np.ndarray,
    *,
    implicit: np.ndarray,
    largest: np.ndarray,
    heights: np.ndarray,
    widths: np.ndarray,
) -> BlockEntries:
    """The shortest way to list the entries of each block; coordinates that repeat add up."""
    order = np.lexsort((columns, rows, owners))
    owners, rows, columns, values = owners[order], rows[order], columns[order], values[order]
    fresh = _changes(owners, rows, columns)
    values = np.add.reduceat(values, fresh) if fresh.size else values
    owners, rows, columns = owners[fresh], rows[fresh], columns[fresh]
    starts = _changes(owners)
    listed = owners[starts]
    if not listed.size:
        none = np.zeros(0, dtype=np.int64)
        return BlockEntries(implicit, largest, none, none, none, values, none, none)
    counts = np.diff(np.append(starts, len(owners)))
    height, width = heights[listed], widths[listed]
    magnitudes = np.where(np.isfinite(values), np.abs(values), 0.0)
    largest[listed] = np.maximum.reduceat(magnitudes, starts)
    alone = height * width == 1
    largest[listed[alone]] = values[starts[alone]]
    diagonal = (counts == height) & (height == width) & np.logical_and.reduceat(rows == columns, starts)
    equal = np.minimum.reduceat(values, starts) == np.maximum.reduceat(values, starts)
    rules = np.where(diagonal, np.where(equal, CONSTANT, DIAGONAL), COORDINATES)
    rules = np.where(counts == height * width, DENSE, rules)
    kept = np.repeat(~alone & (rules != CONSTANT), counts)
    kept[starts[~alone]] = True
    placed = np.repeat(~alone & (rules == COORDINATES), counts)
    counts = np.where(rules == CONSTANT, 1, counts)
    return BlockEntries(
        implicit, largest, listed[~alone], counts[~alone], rules[~alone], values[kept], rows[placed], columns[placed]
    )


def _changes(*columns: np.ndarray) -> np.ndarray:
    """Where a new combination begins in sorted columns."""
    size = len(columns[0])
    new = np.ones(size, dtype=bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.flatnonzero(new)


def _real(numbers: Any) -> np.ndarray:
    array = np.asarray(numbers)
    return (np.abs(array) if array.dtype.kind == "c" else array).astype(np.float64)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.zeros(0)
