"""Blocks as rectangles of marks, from sizes and parents alone: no block is built."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.picture import node_range
from adjoint.system import ConstraintSystem


def edges(system: ConstraintSystem) -> tuple[np.ndarray, np.ndarray]:
    """``(children, parents)`` of all constraints, blocks that are zero included."""
    parents = [record[1] for record in system.trace.records]
    counts = np.fromiter(map(len, parents), np.int64, len(parents))
    read = np.fromiter(chain.from_iterable(parents), np.int64, int(counts.sum()))
    made = np.repeat(np.arange(len(parents)), counts)
    sizes = np.diff(system.offsets)
    linked = (read >= 0) & (sizes[made] > 0)
    linked[linked] = sizes[read[linked]] > 0
    return made[linked], read[linked]


def rectangles(system: ConstraintSystem, nodes: Any, height: int, width: int) -> tuple[np.ndarray, int]:
    """Marks ``(height, width)`` where a block or the diagonal is, at most one per scalar; and how many scalars."""
    first, last = node_range(nodes, len(system))
    offsets = system.offsets
    begin = int(offsets[first - 1])
    size = int(offsets[last]) - begin
    if not size:
        raise PlotError(f"none of the nodes z_{first} … z_{last} has a multiplier: there is no row to draw")
    height, width = min(height, size), min(width, size)
    children, parents = edges(system)
    seen = (parents >= first - 1) & (children < last)
    children, parents = children[seen], parents[seen]
    rows = _bounds(offsets, parents, begin, height, size)
    columns = _bounds(offsets, children, begin, width, size)
    # a rectangle is four corners of a table that is summed along both axes
    corners = np.zeros((height + 1, width + 1), dtype=np.int64)
    for row, row_sign in zip(rows, (1, -1), strict=True):
        for column, column_sign in zip(columns, (1, -1), strict=True):
            np.add.at(corners, (row, column), row_sign * column_sign)
    marks = corners.cumsum(0).cumsum(1)[:-1, :-1] > 0
    # the diagonal comes to another mark where a row or a column of marks begins
    begins = np.concatenate([-(-np.arange(pixels) * size // pixels) for pixels in (height, width)])
    marks[begins * height // size, begins * width // size] = True
    return marks, size


def _bounds(offsets: np.ndarray, nodes: np.ndarray, begin: int, pixels: int, size: int) -> tuple[np.ndarray, ...]:
    """The first mark of each node, and the one after its last."""
    return (offsets[nodes] - begin) * pixels // size, (offsets[nodes + 1] - 1 - begin) * pixels // size + 1
