"""The blocks that vertex elimination creates, step by step; and elimination orders by name, within limits of work.

Counting is what :mod:`adjoint.solvers.vertex` does: here it is written down too where each new block appears.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import PlotError
from adjoint.solvers.vertex.choice import ORDERS, find_order
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.heuristics import MARKOWITZ, greedy, lowest_cost
from adjoint.solvers.vertex.orders import PartlyEliminated
from adjoint.system import ConstraintSystem

WORK = 2_000_000
"""Products of blocks up to which an elimination is followed: a few seconds."""

BLOCKS = 2_000_000
"""Blocks of the system up to which it is taken apart into neighborhoods."""


@dataclass(frozen=True, slots=True, eq=False)
class FillIn:
    """What an elimination creates; nodes are counted from 0.

    Attributes
    ----------
    order : tuple of int
        The nodes in the order in which they are eliminated.
    steps : int array (created,)
        Ascending: the block appears when ``order[step]`` is eliminated.
    parents, children : int arrays (created,)
        The block appears in the row of the parent and the column of the child. Each pair once.
    multiplications : int
        Of the whole elimination.
    nonzeros : int
        Of all created blocks, when they come to be: an upper bound for arrays, exact for scalars.
    totals : int array (len(order),)
        Multiplications up to and with each step.
    """

    order: tuple[int, ...]
    steps: np.ndarray
    parents: np.ndarray
    children: np.ndarray
    multiplications: int
    nonzeros: int
    totals: np.ndarray

    def __len__(self) -> int:
        return len(self.steps)


def created(system: ConstraintSystem, order: str | Sequence[int], *, work: int = WORK) -> FillIn:
    """Eliminate the intermediates on paper, and note which blocks appear.

    Parameters
    ----------
    system : ConstraintSystem
    order : str or sequence of int
        ``"forward"``, ``"reverse"``, ``"markowitz"``, ``"lowest_cost"``, ``"local_search"``, ``"auto"``; or numbers of
        nodes from 1: intermediates, each at most once, those left out stay.
    work : int, optional
        Products of blocks beyond which to refuse.

    Returns
    -------
    FillIn

    Raises
    ------
    PlotError
        For an unknown name, for a sequence that is no elimination order, and for too much work.

    Notes
    -----
    Arguments and outputs stay. An output that is read by other nodes stays too, as in the elimination solver. Takes
    time in proportion to the products of blocks that the elimination would take.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> system = adjoint.trace(lambda x, y: np.sin(x * y) * x, 1.0, 2.0).compile()
    >>> found = created(system, "reverse")
    >>> [k + 1 for k in found.order], list(zip(found.parents + 1, found.children + 1))[:1]
    ([4, 3], [(np.int64(3), np.int64(5))])
    """
    graph = _graph(system)
    chosen = _order(graph, order, work)
    state = PartlyEliminated(graph)
    steps: list[int] = []
    parents: list[int] = []
    children: list[int] = []
    totals: list[int] = []
    for step, j in enumerate(chosen):
        before, after = state.predecessors[j], state.successors[j]
        if state.products + len(before) * len(after) > work:
            raise _too_much(order, work)
        for i in before:
            out = state.successors[i]
            new = [k for k in after if k not in out]
            parents += [i] * len(new)
            children += new
        steps += [step] * (len(children) - len(steps))
        state.eliminate(j)
        totals.append(state.multiplications)
    return FillIn(
        order=chosen,
        steps=np.array(steps, dtype=np.int64),
        parents=np.array(parents, dtype=np.int64),
        children=np.array(children, dtype=np.int64),
        multiplications=state.multiplications,
        nonzeros=state.fill_in,
        totals=np.array(totals, dtype=np.int64),
    )


def elimination_order(system: ConstraintSystem, order: str, *, work: int = WORK) -> tuple[int, ...]:
    """An elimination order by name, without following it where that is not needed; nodes from 0."""
    if order in ("forward", "reverse"):
        middle = np.flatnonzero(_eliminable(system))
        return tuple((middle if order == "forward" else middle[::-1]).tolist())
    return _order(_graph(system), order, work)


def _kept(system: ConstraintSystem) -> set[int]:
    """Arguments and outputs."""
    trace = system.trace
    return {*trace.inputs, *(out for out in trace.outputs if isinstance(out, int))}


def _eliminable(system: ConstraintSystem) -> np.ndarray:
    found: np.ndarray = system.structure.sizes > 0
    found[list(_kept(system))] = False
    return found


def _graph(system: ConstraintSystem) -> Graph:
    blocks = len(system.structure.children)
    if blocks > BLOCKS:
        raise PlotError(
            f"an elimination is followed for systems of at most {BLOCKS:,} blocks, and this one has {blocks:,}: "
            "record a smaller instance of the same program"
        )
    return Graph.of(system.structure, _kept(system))


def _order(graph: Graph, order: Any, work: int) -> tuple[int, ...]:
    if not isinstance(order, str):
        return _given(graph, order)
    if order not in ORDERS:
        names = ", ".join(map(repr, ORDERS))
        raise PlotError(f"an elimination order is one of {names}, or a sequence of node numbers; not {order!r}")
    middle = graph.intermediates
    if order in ("forward", "reverse"):
        return tuple(middle if order == "forward" else middle[::-1])
    if order == "lowest_cost":
        found = lowest_cost(graph, None, work)
    else:
        found = greedy(graph, MARKOWITZ, None, work)
        if (
            found is not None and order != "markowitz"
        ):  # these search on from the Markowitz order, so it has to be known
            found = find_order(graph, order)
    if found is None:
        raise _too_much(order, work)
    return found.order


def _given(graph: Graph, order: Iterable[Any]) -> tuple[int, ...]:
    """Node numbers from 1, checked."""
    try:
        numbers = np.asarray(list(order))
    except TypeError:
        raise PlotError(f"an elimination order is a name or a sequence of node numbers, not {order!r}") from None
    if numbers.size and (numbers.ndim != 1 or numbers.dtype.kind not in "iu"):
        raise PlotError(f"an elimination order is a sequence of node numbers (from 1), not {order!r}")
    chosen: list[int] = (numbers.astype(np.int64) - 1).tolist()
    if len(set(chosen)) != len(chosen):
        raise PlotError("an elimination order names no node twice")
    for j in chosen:
        if not 0 <= j < len(graph) or not graph.eliminable[j]:
            raise PlotError(
                f"z_{j + 1} cannot be eliminated: only nodes between the arguments and the outputs can, and those with "
                "discrete values have no row"
            )
    return tuple(chosen)


def _too_much(order: Any, work: int) -> PlotError:
    name = f"order {order!r}" if isinstance(order, str) else "this order"
    return PlotError(
        f"following the elimination in {name} takes more than {work:,} products of blocks; take another order, or a "
        "smaller instance of the same program"
    )
