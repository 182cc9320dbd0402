"""What a page can play: multipliers for a seed, tangents, and eliminations in several orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import AdjointError, PlotError
from adjoint.plot.matrix.fill_in import FillIn, created
from adjoint.plot.picture import Picture
from adjoint.solvers.vertex.choice import ORDERS
from adjoint.system import ConstraintSystem

WORK = 400_000
"""Products of blocks up to which an elimination is followed: about a second."""

MOST_ROWS = 100_000
"""Rows up to which eliminations are followed."""

MOST_FILL_IN = 400_000
"""Created blocks that a page can hold, in one order."""


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """One side of the system solved: arrays by row, or ``None`` with the reason.

    Attributes
    ----------
    found : list of arrays or None, or None
        A row without an entry is zero by the structure.
    says : str
        For which right-hand side; or why there is nothing.
    seeds : float array, optional
        The right-hand side in the rows of ``picture.seeds``: where it is one number, else ``nan``.
    """

    found: list[Any] | None
    says: str
    seeds: np.ndarray | None = None


def multipliers(picture: Picture, seed: Any) -> Solved:
    """The multipliers for a seed: by default 1 for every entry of the output.

    Raises
    ------
    SeedError, PlotError
        If a seed is given that does not fit the output, or that is several right-hand sides.
    """
    system = picture.system
    if seed is not None:
        _, batch = system.seed_rows(seed)
        if batch:
            raise PlotError(
                f"a page shows one right-hand side, and the seed has leading axes {batch}: give one of them"
            )
        says = "the seed that was given"
    else:
        seed, says = _ones(system)
    try:
        with np.errstate(all="ignore"):
            found = system.solve(seed)
    except AdjointError as error:
        return Solved(None, f"No multipliers: {_first_line(error)}")
    given = dict.fromkeys(picture.starts[picture.seeds].tolist(), 0.0)
    for node, value in found.rows:
        number = np.asarray(value)
        if node in given:  # an empty array has no row
            given[node] += (
                (abs(number.item()) if number.dtype.kind == "c" else number.item()) if number.size == 1 else np.nan
            )
    return Solved([found.at(k) for k in picture.starts.tolist()], f"s is {says}", np.array(list(given.values())))


def tangents(picture: Picture) -> Solved:
    """The tangents of all nodes when every entry of every argument moves by 1."""
    system = picture.system
    trace = system.trace
    spec, _ = trace.argument_spec
    try:
        leaves = [np.ones(system.value(k).shape, system.value(k).dtype)[()] for k in trace.inputs]
        with np.errstate(all="ignore"):
            found = system.solve_tangent(*spec.unflatten(leaves))
    except AdjointError as error:
        return Solved(None, f"No tangents: {_first_line(error)}")
    return Solved([found.at(k) for k in picture.starts.tolist()], "ẋ is 1 for every entry of every argument")


def eliminations(picture: Picture, orders: Sequence[str]) -> tuple[dict[str, FillIn], list[str]]:
    """What each elimination order creates; and why some are left out."""
    found: dict[str, FillIn] = {}
    refused: list[str] = []
    if len(picture) > MOST_ROWS and len(orders):
        return found, [f"Eliminations are shown for up to {MOST_ROWS:,} rows."]
    for order in orders:
        try:
            fill_in = created(picture.system, order, work=WORK)
        except PlotError as error:
            if order not in ORDERS:
                raise
            refused.append(f"Elimination in {order} order is not shown: {_first_line(error)}")
            continue
        if len(fill_in) > MOST_FILL_IN:
            refused.append(f"Elimination in {order} order is not shown: it creates {len(fill_in):,} blocks.")
            continue
        found[order] = fill_in
    return found, refused


def _ones(system: ConstraintSystem) -> tuple[Any, str]:
    """1 for every entry of the output."""
    trace = system.trace
    leaves = []
    for out in trace.outputs:
        value = out[0] if isinstance(out, tuple) else system.value(out)
        leaves.append(np.ones(np.shape(value), getattr(value, "dtype", float))[()])
    sizes = [np.size(leaf) for leaf in leaves]
    says = "1: the output is one number" if sizes == [1] else "1 for every entry of the output"
    return trace.output_spec.unflatten(leaves), says


def _first_line(error: Exception) -> str:
    """Of a message."""
    return str(error).partition("\n")[0]
