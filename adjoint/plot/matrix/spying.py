"""``spy``: the matrix ``A`` on paper, by blocks or by entries; ``orders``: before and after a reordering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.canvas import checked, closed_on_error, drawing, matplotlib
from adjoint.plot.choices import is_one_of
from adjoint.plot.colors import Theme, theme_named
from adjoint.plot.matrix import blocks
from adjoint.plot.matrix.entries import entries
from adjoint.plot.matrix.fill_in import FillIn, created, elimination_order
from adjoint.plot.matrix.frame import (
    SQUARES,
    Frame,
    edges_of,
    figure_size,
    outline,
    readout,
    rows_with_room,
    side_of,
    title,
)
from adjoint.plot.matrix.kinds import Parts
from adjoint.plot.matrix.legend import diagonal_items, kind_items, legend, summary
from adjoint.plot.picture import ROWS, Picture, node_range, picture, system_of
from adjoint.plot.raster.counting import block_magnitudes
from adjoint.solvers.vertex.choice import ORDERS
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace

VIEWS = ("blocks", "entries")

FEW = 6
"""Labels of folded rows beside entries: fewer of them say less than numbers of nodes."""


def spy(
    system: ConstraintSystem | Trace,
    *,
    ax: Any = None,
    view: str = "blocks",
    area: bool = False,
    nodes: tuple[int, int] | range | None = None,
    fold: bool | int = True,
    values: bool = False,
    order: str | Sequence[int] | None = None,
    fill_in: str | Sequence[int] | bool | None = None,
    levels: bool = True,
    labels: bool = True,
    seed: bool = True,
    theme: str | None = None,
) -> Any:
    """Draw the matrix ``A`` of the system ``A λ = −s``.

    Rows and columns are constraints. The block ``A[i, k] = J[k, i]ᵀ`` stands in the row of the parent ``i`` and the
    column of the child ``k``; the diagonal has ``−I`` in a quiet tone, or ``−D`` of an implicit constraint.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.
    view : {"blocks", "entries"}
        One square for each block, colored by its kind; or every scalar nonzero in its place.
    area : bool
        For blocks: sides in proportion to the scalars of a node, not equal. No side is shorter than a third of the mean
        side, so a scalar next to an array of 100,000 is still seen.
    nodes : (first, last) or range, optional
        Numbers of nodes from 1, both ends of a pair included: only these rows and columns.
    fold : bool or int
        Draw the steps of loops, and the arrays of an argument, as one row, if there are more rows than 64 (or the
        number that is given). Off where an order is asked for.
    values : bool
        Color by the largest magnitude of an entry, on a logarithmic scale. NaN and infinity have a color of their own,
        and so have entries that are zero at this point.
    order : str or sequence of int, optional
        The order of rows and columns: ``"program"``; ``"levels"``; an elimination order (``"forward"``, ``"reverse"``,
        ``"markowitz"``, ``"lowest_cost"``, ``"local_search"``, ``"auto"``): first the intermediates as they are
        eliminated, then the arguments and the outputs; or node numbers from 1, those left out last.
    fill_in : str or sequence of int or bool, optional
        Show the blocks that vertex elimination in this order creates; ``True``: in the order of the rows.
    levels : bool
        Bands behind the rows: neighbors of one level, which do not depend on each other, have one tone.
    labels : bool
        Names of rows and columns, or numbers of nodes where there are too many.
    seed : bool
        The right-hand side ``−s`` as a column beside the matrix, with the rows of the outputs filled.
    theme : {"light", "dark"}, optional
        By default what fits the background of the axes.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    PlotError
        If there is nothing to draw, or an option is not one of those above.
    MissingExtraError
        If matplotlib is not installed.

    Notes
    -----
    Up to 150 rows there is a square for each block. More are drawn as an image: the hue of a pixel is the kind of most
    of its blocks, and its strength tells how many there are, so a single block among a million is still seen. The
    entry view is an image at any size, exact for each pixel. Time and memory are linear in the blocks.

    Where rows are folded, a square has a stripe for each kind of the blocks in it, and says how many there are; those
    between the nodes of a folded row are bands above the diagonal of its square.

    The legend counts blocks and nonzeros of each kind, and of the diagonal. Names that were too long are complete in
    the ``gid`` of the labels (and so in an SVG file).

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> system = adjoint.trace(lambda x, y: np.log(x * y + y), 2.0, 3.0).compile()
    >>> ax = adjoint.plot.spy(system, view="blocks", fill_in="reverse")  # doctest: +SKIP
    >>> ax.figure.savefig("matrix.svg")  # doctest: +SKIP
    """
    system = system_of(system, "spy")
    if not is_one_of(view, VIEWS):
        raise PlotError(f"view must be 'blocks' or 'entries', not {view!r}")
    if area and view == "entries":
        raise PlotError("area=True is for view='blocks': entries have the same size each")
    if theme is not None:
        theme_named(theme)
    rows = _row_order(system, order)
    detail, shown = _pictures(system, nodes, rows, _most(fold, rows is not None), view)
    found, name = _fill_in(system, fill_in, order)
    magnitudes = block_magnitudes(shown) if values and view == "blocks" else None

    first, last = node_range(nodes, len(system))
    made = ax is None
    with drawing(ax, figure_size(len(shown)), theme) as (ax, colors):
        sides = "scalars" if view == "entries" else ("area" if area else "equal")
        frame = _frame(ax, colors, shown, sides, labels, made)
        if view == "entries" and shown is not detail and len(rows_with_room(frame)[0]) < FEW:
            frame = _frame(ax, colors, detail, sides, labels, made)
        outline(frame, levels=levels, labels=labels, seed=seed)
        counted: Picture | Parts = detail
        if view == "entries":
            special = entries(frame, detail, nodes, rows, values)
        elif frame.labelled:
            counted = Parts.of(shown)
            special = blocks.squares(frame, magnitudes, counted)
        else:
            special = blocks.image(frame, magnitudes)
        if found is not None:
            special += blocks.fill_in(frame, found, name)
        kinds = [] if values else kind_items(detail, colors, counted)
        diagonal = [] if values and view == "entries" else diagonal_items(frame)
        legend(frame, [*kinds, *diagonal, *special], "blocks / nonzeros" if kinds or diagonal else "")
        title(frame, summary(frame.picture, first, last))
        ax.format_coord = readout(frame)
    return ax


def _frame(ax: Any, theme: Theme, shown: Picture, sides: str, labels: bool, made: bool) -> Frame:
    """Where the rows of a picture are on the axes."""
    labelled = len(shown) <= SQUARES
    return Frame(ax, theme, shown, edges_of(shown, sides), side_of(ax, labels and labelled, made), labelled)


def orders(
    system: ConstraintSystem | Trace,
    orders: Sequence[str | Sequence[int]] = ("program", "levels"),
    *,
    axes: Any = None,
    theme: str | None = None,
    **options: Any,
) -> np.ndarray:
    """Draw the matrix before and after a reordering, side by side.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    orders : sequence
        Each an ``order`` of :func:`spy`.
    axes : sequence of Axes, optional
        One for each order; a new figure by default.
    theme : {"light", "dark"}, optional
    **options
        As of :func:`spy`; nothing is folded. ``fill_in=True`` shows in each picture what its own order creates.

    Returns
    -------
    ndarray of Axes

    Raises
    ------
    PlotError
        As :func:`spy`; and if there is no order, or the axes are not as many as the orders.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> system = adjoint.trace(lambda x, y: np.log(x * y + y), 2.0, 3.0).compile()
    >>> left, right = adjoint.plot.orders(system, ("reverse", "markowitz"), fill_in=True)  # doctest: +SKIP
    """
    system = system_of(system, "orders")
    given: Any = orders
    if isinstance(given, str) or not isinstance(given, Sequence | np.ndarray) or not len(given):
        raise PlotError(f"orders must be a sequence of orders, as ('program', 'levels'), not {orders!r}")
    for name in ("ax", "order"):
        if name in options:
            raise PlotError(f"orders() takes no {name!r}: it draws one picture for each order, on axes=")
    options.setdefault("fold", False)
    for order in orders:
        _row_order(system, order)  # before there is a figure
    figure = None
    if axes is None:
        figure, axes = _side_by_side(system, len(orders), theme)
    with closed_on_error(figure):
        drawn = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
        if len(drawn) != len(orders):
            raise PlotError(f"{len(orders)} orders need as many axes, not {len(drawn)}")
        for ax in drawn:
            checked(ax, "each of axes")
        for ax, order in zip(drawn, orders, strict=True):
            spy(system, ax=ax, order=order, theme=theme, **options)
            name = order if isinstance(order, str) else "given"
            words = f"order: {name}\n{ax.get_title()}"
            ax.set_title(words, fontsize=ax.title.get_fontsize(), color=ax.title.get_color())
    return drawn


def _side_by_side(system: ConstraintSystem, count: int, theme: str | None) -> tuple[Any, Any]:
    """A figure with axes for so many pictures."""
    ground = None if theme is None else theme_named(theme).ground
    width, height = figure_size(system.structure.nodes)
    width, height = min(width, 7.0), min(height, 6.4)
    size = (width * count, height)
    figure, axes = matplotlib().pyplot.subplots(1, count, figsize=size, layout="compressed")
    if ground is not None:
        figure.set_facecolor(ground)
    return figure, axes


def _row_order(system: ConstraintSystem, order: Any) -> np.ndarray | None:
    """Numbers of nodes from 1 in the order of the rows; ``None`` for the program's."""
    if order is None or (isinstance(order, str) and order == "program"):
        return None
    if isinstance(order, str):
        if order == "levels":
            return np.argsort(system.structure.levels, kind="stable") + 1
        if order not in ORDERS:
            names = ", ".join(map(repr, ("program", "levels", *ORDERS)))
            raise PlotError(f"order must be one of {names}, or a sequence of node numbers; not {order!r}")
        return np.array(elimination_order(system, order), dtype=np.int64) + 1
    try:
        numbers = np.asarray(list(order))
    except (TypeError, ValueError):
        raise PlotError(f"order must be a name or a sequence of node numbers (from 1), not {order!r}") from None
    return numbers if numbers.size else np.zeros(0, dtype=np.int64)


def _most(fold: Any, ordered: bool) -> int | None:
    """How many rows to fold to."""
    if isinstance(fold, bool | np.bool_):
        return ROWS if fold and not ordered else None
    if not isinstance(fold, int | np.integer) or fold < 4:
        raise PlotError(f"fold must be True, False, or a number of rows of at least 4, not {fold!r}")
    return int(fold)


def _pictures(
    system: ConstraintSystem, nodes: Any, order: np.ndarray | None, most: int | None, view: str
) -> tuple[Picture, Picture]:
    """The picture of all nodes, and the one that is shown, with folded rows."""
    folded = picture(system, nodes=nodes, fold_to=most, order=order)
    if folded.names and view == "entries":
        return picture(system, nodes=nodes, order=order), folded
    return folded, folded


def _fill_in(system: ConstraintSystem, fill_in: Any, order: Any) -> tuple[FillIn | None, str]:
    if fill_in is None or fill_in is False:
        return None, ""
    if fill_in is True:
        if order is None or (isinstance(order, str) and order not in ORDERS):
            raise PlotError("fill_in=True is that of the order of the rows, which has to be an elimination order")
        fill_in = order
    return created(system, fill_in), fill_in if isinstance(fill_in, str) else "given order"
