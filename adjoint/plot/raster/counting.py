"""Every scalar nonzero of ``A``, counted into the pixels of a picture: as correct for 10⁶ rows as for ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Block
from adjoint.errors import PlotError
from adjoint.plot.picture import node_range, rows_in_order, system_of
from adjoint.plot.raster.blocks import portions
from adjoint.plot.raster.canvas import WAITING, Canvas
from adjoint.plot.raster.entries import blocks_in, looks_finite, refuse_traced, scalar_entries
from adjoint.plot.raster.joins import join
from adjoint.plot.raster.magnitudes import block_magnitudes
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import grouped_nodes
from adjoint.tracing import Trace

__all__ = ["Raster", "block_magnitudes", "rasterize"]

MOST_ENTRIES = 4_000_000_000
"""Entries that are listed one by one at most; that takes minutes. Most blocks are counted without it."""
LOOKED_AT = 50_000
"""Scalar nodes whose values are looked at without being asked for magnitudes: for NaN and infinity."""
SMALL = 4096
"""Entries up to which a block is listed, whatever it is: quicker than to think about it."""


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """The entries of ``A``, counted into pixels.

    Attributes
    ----------
    counts : int array (height, width)
        Structural nonzeros in each pixel, those of the diagonal included; entries that meet in one place are one.
    magnitudes : float array (height, width) or None
        The largest finite ``|entry|``; 0 where there is none.
    non_finite : bool array (height, width)
        Where an entry is NaN or infinite. Without ``magnitudes`` the entries of user-defined functions, of nested
        systems, of traced arrays, and of more than 50,000 scalar nodes are not looked at.
    size : int
        Scalar rows (and columns) in the picture. The scalar ``k`` is in the pixel ``floor(k * height / size)``.
    nodes : int array (rows,)
        The nodes in the picture, counted from 0, in the order of the rows; those without unknowns are left out.
    edges : int array (rows + 1,)
        Where their rows begin and end, in scalars.
    """

    counts: np.ndarray
    magnitudes: np.ndarray | None
    non_finite: np.ndarray
    size: int
    nodes: np.ndarray
    edges: np.ndarray

    @property
    def nonzeros(self) -> int:
        """Entries in the picture."""
        return int(self.counts.sum())

    @property
    def row_edges(self) -> np.ndarray:
        """``(height + 1,)``: where the pixels begin and end, in scalars."""
        return np.linspace(0, self.size, self.counts.shape[0] + 1)

    @property
    def column_edges(self) -> np.ndarray:
        """``(width + 1,)``: as ``row_edges``."""
        return np.linspace(0, self.size, self.counts.shape[1] + 1)


def rasterize(
    system: ConstraintSystem | Trace,
    *,
    nodes: Any = None,
    pixels: tuple[int, int] = (600, 600),
    magnitudes: bool = False,
    order: Sequence[int] | np.ndarray | None = None,
    most_entries: int = MOST_ENTRIES,
) -> Raster:
    """Count every scalar nonzero of ``A`` into pixels.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    nodes : (first, last) or range, optional
        Numbers from 1, both ends of a pair included: only these rows and columns.
    pixels : (height, width)
        At most so many; a picture of fewer scalars has a pixel for each of them.
    magnitudes : bool
        Find the largest ``|entry|`` in each pixel too. All entries are listed for it, in portions.
    order : sequence of int, optional
        Node numbers from 1 in the order of the rows; those that are missing follow in the order of the program.
    most_entries : int
        Refuse to list more entries than that.

    Returns
    -------
    Raster

    Raises
    ------
    PlotError
        If there is nothing to draw, if magnitudes are asked for of traced values, or if too many entries would have
        to be listed.

    Notes
    -----
    Dense blocks, contractions and transforms are counted from their sides; all other blocks are listed in portions of
    about a million entries. Scalar nodes of one operation are linearized together. So memory is a small multiple of
    the largest array in the trace, and time is in proportion to nodes, blocks and listed entries.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint
    >>> from adjoint.plot.raster.counting import rasterize
    >>> system = adjoint.trace(lambda w, x: np.sum(np.tanh(w @ x)), np.ones((2, 3)), np.ones(3)).compile()
    >>> raster = rasterize(system, pixels=(4, 4))
    >>> raster.counts
    array([[4, 0, 4, 0],
           [0, 3, 4, 0],
           [0, 0, 8, 2],
           [0, 0, 0, 5]])
    >>> raster.nonzeros == system.matrix("csr").nnz
    True
    """
    system = system_of(system, "rasterize")
    height, width = _checked(pixels)
    starts, shown = _places(system, nodes, order)
    sizes = np.diff(system.offsets)[shown]
    edges = np.concatenate([[0], np.cumsum(sizes)])
    size = int(edges[-1])
    if not size:
        raise PlotError("none of these nodes has a multiplier: there is no row to draw")
    canvas = Canvas(size, min(height, size), min(width, size), magnitudes)
    explicit = np.ones(len(system), dtype=bool)
    for k, primitive in enumerate(system.primitives):
        if primitive.diagonal is not None:
            explicit[k] = False
    _minus_ones(canvas, starts[shown][explicit[shown]], sizes[explicit[shown]], magnitudes)
    with np.errstate(all="ignore"):
        if magnitudes or system.structure.scalar_nodes <= LOOKED_AT:
            single = _count_scalars(canvas, system, starts, magnitudes)
        else:
            single = _count_scalar_edges(canvas, system, starts)
        budget = most_entries
        for k, parent, block in blocks_in(system, single, starts):
            budget = _add(canvas, block, int(starts[parent]), int(starts[k]), magnitudes, budget, most_entries)
    canvas.flush()
    found = None if canvas.magnitudes is None else canvas.picture(canvas.magnitudes)
    return Raster(canvas.picture(canvas.counts), found, canvas.picture(canvas.non_finite), size, shown, edges)


def _checked(pixels: Any) -> tuple[int, int]:
    try:
        height, width = (int(count) for count in pixels)
    except (TypeError, ValueError):
        raise PlotError(f"pixels must be (height, width), not {pixels!r}") from None
    if height < 1 or width < 1:
        raise PlotError(f"pixels must be at least (1, 1), not {pixels!r}")
    return height, width


def _places(system: ConstraintSystem, nodes: Any, order: Any) -> tuple[np.ndarray, np.ndarray]:
    """The first row of each node in the picture, or -1; and the nodes in the picture, in order."""
    first, last = node_range(nodes, len(system))
    sizes = np.diff(system.offsets)
    shown = np.flatnonzero(sizes[first - 1 : last] > 0) + first - 1
    if order is not None:
        shown = rows_in_order(shown, order, len(system))
    starts = np.full(len(system), -1, dtype=np.intp)
    starts[shown] = np.cumsum(sizes[shown]) - sizes[shown]
    return starts, shown


def _minus_ones(canvas: Canvas, starts: np.ndarray, sizes: np.ndarray, magnitudes: bool) -> None:
    """The diagonal of explicit constraints, about a million entries at a time."""
    data = 1.0 if magnitudes else None
    ends = np.cumsum(sizes)
    done = 0
    while done < len(starts):
        stop = max(done + 1, int(np.searchsorted(ends, (ends[done - 1] if done else 0) + (WAITING), "right")))
        here = sizes[done:stop]
        total = int(here.sum())
        for begin in range(0, total, WAITING):  # more than one turn for a node that is very large
            if stop == done + 1:
                index = starts[done] + np.arange(begin, min(total, begin + (WAITING)))
                canvas.add(index, index, data)
                continue
            index = np.arange(total) + np.repeat(starts[done:stop] - (np.cumsum(here) - here), here)
            canvas.add(index, index, data)
            break
        done = stop


def _count_scalars(canvas: Canvas, system: ConstraintSystem, starts: np.ndarray, magnitudes: bool) -> list[int]:
    """Linearize the scalar nodes, those of one operation together; the nodes that are left."""
    groups, single = grouped_nodes(system)
    everything = bool((starts >= 0).all())
    for group in groups.values():
        visible = group if everything else [k for k in group if starts[k] >= 0]
        for rows, columns, data in scalar_entries(system, visible) if visible else ():
            here = starts[rows] >= 0
            if not here.all():
                rows, columns, data = rows[here], columns[here], data[here]
            needed = magnitudes or not np.isfinite(data).all()
            for start in range(0, rows.size, WAITING):
                part = slice(start, start + WAITING)
                canvas.add(starts[rows[part]], starts[columns[part]], data[part] if needed else None)
    return single


def _count_scalar_edges(canvas: Canvas, system: ConstraintSystem, starts: np.ndarray) -> list[int]:
    """Count the blocks of 1 × 1 from the structure, which knows them all; the nodes that are left."""
    structure = system.structure
    children, parents = structure.children, structure.parents
    unit = structure.elementwise & (structure.sizes[children] == 1) & (structure.sizes[parents] == 1)
    left = np.zeros(len(system), dtype=bool)
    left[children[~unit]] = True
    left[list(structure.implicit)] = True
    unit &= ~left[children] & (starts[children] >= 0) & (starts[parents] >= 0)
    children, parents = children[unit], parents[unit]
    keys = np.sort(children * len(system) + parents)  # sorted by child already: this is quick
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if keys.size else keys
    for start in range(0, keys.size, WAITING):
        part = keys[start : start + WAITING]
        canvas.add(starts[part % len(system)], starts[part // len(system)])
    return np.flatnonzero(left).tolist()


def _add(canvas: Canvas, block: Block, row: int, column: int, magnitudes: bool, budget: int, most_entries: int) -> int:
    """Count the entries of one block, whose adjoint stands at ``(row, column)``; what is left of the budget."""
    looked_at = magnitudes or not looks_finite(block)
    if magnitudes:
        refuse_traced(block)
    if not looked_at and block.nnz > SMALL:
        found = join(block)
        if found is not None:
            canvas.add_join(found, row, column)
            return budget
    if block.nnz > budget:
        raise PlotError(
            f"{most_entries:,} entries were to be listed at most, and a {block.kind} block {block.in_shape} → "
            f"{block.out_shape} may have {block.nnz:,} more (about {block.nnz / 2e7:,.0f} s): "
            f'{"leave out magnitudes, or draw" if magnitudes else "draw"} it with view="blocks"'
        )
    for portion in portions(block):
        data = portion.data if looked_at else None
        canvas.add(portion.columns + row, portion.rows + column, data)
    return budget - block.nnz
