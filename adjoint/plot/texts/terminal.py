"""Pictures and tables in a terminal: the sparsity of ``A`` in characters, nodes and block kinds in columns."""

from __future__ import annotations

import operator
import shutil
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.choices import is_one_of
from adjoint.plot.lettering import cells, padded
from adjoint.plot.picture import system_of
from adjoint.plot.raster.counting import rasterize
from adjoint.plot.texts.dots import STYLES, draw, framed
from adjoint.plot.texts.edges import rectangles
from adjoint.plot.texts.tables import kind_line, kind_table, node_table, one_line
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace, Tracer
from adjoint.tracing.primitive import Hollow

__all__ = ["kind_table", "node_table", "summary", "text"]

WIDEST = 60
"""Columns of a picture where the terminal has more: what one looks at, not what there is room for."""
GRID = 40
"""Scalars up to which each entry can have a character of its own, with the nodes written beside the rows."""
GRID_WIDTH, SMALL = 70, 32
"""Characters in a row of a ``repr``: with an entry each, and of the picture of a larger matrix."""
MANY, ARRAYS, UNKNOWNS = 20_000, 800, 500_000
"""Nodes, those of them that are arrays, and scalars, from which on a ``repr`` builds no blocks: it takes 50 ms."""
LISTED = 20_000_000
"""Entries that are listed for a picture in text at most: about a second."""
NAME = 24
"""Characters of a label beside a row."""


def text(
    system: ConstraintSystem | Trace,
    *,
    width: int | None = None,
    height: int | None = None,
    style: str = "braille",
    nodes: Any = None,
) -> str:
    """The sparsity of ``A`` as text, for a matrix of any size.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    width, height : int, optional
        Characters in a row, and rows, at most, without the frame. By default the width of the terminal, but not more
        than 60, and the height that makes a dot as wide as high.
    style : {"braille", "blocks", "ascii"}
        Eight dots per character; half blocks, two per character; or plain characters, denser where more is filled.
    nodes : (first, last) or range, optional
        Numbers from 1, both ends of a pair included: only these rows and columns.

    Returns
    -------
    str
        A dot is set where there is an entry. Small matrices have a character for each entry: ``\\`` on the diagonal,
        ``■`` above it, ``·`` for zero. Where exact entries would take too long, blocks are drawn as rectangles, and
        the last line says so.

    Raises
    ------
    PlotError
        If there is nothing to draw, or a size or style that does not exist.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint
    >>> from adjoint.plot.texts.terminal import text
    >>> trace = adjoint.trace(lambda w, x: np.log(1 + np.exp(w @ x)), np.ones(2), np.ones(2))
    >>> print(text(trace))
        z_1 w      ╲ · · · ■ · · ·
                   · ╲ · · ■ · · ·
        z_2 x      · · ╲ · ■ · · ·
                   · · · ╲ ■ · · ·
        z_3 matmul · · · · ╲ ■ · ·
        z_4 exp    · · · · · ╲ ■ ·
        z_5 add    · · · · · · ╲ ■
        z_6 log    · · · · · · · ╲
    8 × 8, 15 nonzeros
    """
    system = system_of(system, "text")
    if not is_one_of(style, STYLES):
        raise PlotError(f"style must be one of {', '.join(map(repr, STYLES))}, not {style!r}")
    width, height = _characters("width", width), _characters("height", height)
    return picture_in_text(system, width, height, style, nodes, exact=len(system) <= 10 * MANY)


def _characters(name: str, count: Any) -> int | None:
    """A width or a height as a whole number."""
    try:
        number = None if count is None or isinstance(count, str) else operator.index(count)
    except TypeError:
        number = 0
    if isinstance(count, bool | str) or (number is not None and number < 1):
        raise PlotError(f"{name} must be a positive number of whole characters, not {count!r}")
    return number


def picture_in_text(
    system: ConstraintSystem, width: int | None, height: int | None, style: str, nodes: Any, exact: bool
) -> str:
    """As :func:`text`, of what has been checked; ``exact``: build blocks and count their entries."""
    terminal = shutil.get_terminal_size().columns
    columns = max(8, min(WIDEST, terminal - 4)) if width is None else width
    across, down = STYLES[style]
    lines = max(1, -(-columns * across // down)) if height is None else height
    if exact:
        try:
            raster = rasterize(system, nodes=nodes, pixels=(lines * down, columns * across), most_entries=LISTED)
        except PlotError as error:
            if "listed" not in str(error) and "one by one" not in str(error):
                raise
            exact = False
    if not exact:
        marks, size = rectangles(system, nodes, lines * down, columns * across)
        note = f"{size:,} × {size:,}, every block drawn as a full rectangle"
        return "\n".join([*framed(draw(marks.astype(np.int64), style, None)), note])
    size, counts = raster.size, raster.counts
    note = f"{size:,} × {size:,}, {raster.nonzeros:,} nonzeros"
    if size <= GRID and counts.shape == (size, size) and (height is None or size <= height):
        grid = _grid(system, counts, raster.nodes, raster.edges, style)
        if max(map(cells, grid)) <= (terminal if width is None else width):
            return "\n".join([*grid, note])
    per = size / counts.shape[0]
    if per > 1:
        mark = "dot" if style == "braille" else "mark"
        note += f", a {mark} for {per:,.0f} rows" if per >= 100 else f", a {mark} for {per:.3g} rows"
    full = (size / counts.shape[0]) * (size / counts.shape[1])
    return "\n".join([*framed(draw(counts, style, full)), note])


def _grid(system: ConstraintSystem, counts: np.ndarray, nodes: np.ndarray, edges: np.ndarray, style: str) -> list[str]:
    """A character for each entry, nodes beside the rows."""
    known = system.trace.labels()
    empty, entry, diagonal = (".", "*", "\\") if style == "ascii" else ("·", "■", "╲")
    labels = [""] * len(counts)
    for node, start in zip(nodes.tolist(), edges[:-1].tolist(), strict=True):
        labels[start] = f"z_{node + 1} {one_line(known.get(node) or system.primitives[node].name, NAME)}"
    room = max(map(cells, labels))
    lines = []
    for row, label in enumerate(labels):
        marks = [(diagonal if row == k else entry) if counts[row, k] else empty for k in range(len(counts))]
        lines.append(f"    {padded(label, room)} {' '.join(marks)}")
    return lines


def is_traced(system: ConstraintSystem) -> bool:
    """Whether its values belong to an outer trace: looking at blocks would record them there."""
    return bool({Tracer, Hollow} & set(map(type, system.values)))


def summary(system: ConstraintSystem) -> str:
    """What ``repr`` shows: the headline, a small picture, and the kinds of blocks."""
    headline = str(system)
    if not system.shape[0] or is_traced(system):
        return headline
    few = system.shape[0] < UNKNOWNS and len(system) < MANY
    few = few and sum(isinstance(value, np.ndarray) for value in system.trace.values) < ARRAYS
    if system.shape[0] <= 16:
        shown = picture_in_text(system, GRID_WIDTH, None, "braille", None, exact=few)
    else:
        shown = picture_in_text(system, SMALL, SMALL // 2, "braille", None, exact=few)
    lines = [headline, *shown.splitlines()]
    return "\n".join([*lines, kind_line(system)] if few else lines)
