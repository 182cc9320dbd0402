"""Where along the depth of a chart each node stands: by its number, its level, its name or its step of a loop."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.repeats import Repeat, repeats
from adjoint.system import ConstraintSystem
from adjoint.tracing import INPUT, Trace

WAYS = ("node", "level", "name", "step")
LOOKED_AT = 100_000
"""Nodes up to which loops are looked for to tell a trend per step of a loop instead of per node."""


@dataclass(frozen=True, slots=True, eq=False)
class Depth:
    """Columns of a chart.

    Attributes
    ----------
    places : int array (nodes,)
        The column of each node with a multiplier; negative: not shown.
    parameters : bool array (nodes,)
        Whether it is an argument.
    x : float array (columns,)
    title : str
        Of the axis.
    unit : str
        What a trend is told by, in the singular.
    per_unit : float
        How far apart on the axis two of these are.
    labels : list of str
        Of the columns, if they have any.
    marks : list of (float, str)
        Where a loop begins, and which.
    note : str
        What the title adds where there is room.
    """

    places: np.ndarray
    parameters: np.ndarray
    x: np.ndarray
    title: str
    unit: str
    per_unit: float = 1.0
    labels: list[str] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    note: str = ""

    def binned(self, most: int) -> Depth:
        """The same with at most so many columns, each of as many neighbors."""
        if len(self.x) <= most:
            return self
        bins = np.arange(len(self.x)) * most // len(self.x)
        firsts = np.searchsorted(bins, np.arange(most))
        lasts = np.append(firsts[1:], len(self.x)) - 1
        places = np.where(self.places >= 0, bins[np.maximum(self.places, 0)], -1)
        middle = (self.x[firsts] + self.x[lasts]) / 2
        return Depth(places, self.parameters, middle, self.title, self.unit, self.per_unit, [], self.marks, self.note)


def depth_of(system: ConstraintSystem, nodes: np.ndarray, by: str) -> Depth:
    """The columns for nodes with multipliers, by the given way.

    Notes
    -----
    Arguments come first in a trace, all of them; here each stands where it is read first, so that the weights of a
    layer stand at that layer.
    """
    if by not in WAYS:
        raise PlotError(f"by must be one of {', '.join(map(repr, WAYS))}, not {by!r}")
    trace = system.trace
    parameters = np.zeros(len(system), dtype=bool)
    parameters[[k for k in trace.inputs if trace.primitives[k] is INPUT]] = True
    parameters = parameters[nodes]
    stands = _first_readers(trace, nodes, parameters)
    if by == "node":
        numbers, places = np.unique(stands, return_inverse=True)
        unit, per_unit = _unit(trace, numbers)
        return Depth(places, parameters, numbers + 1.0, "node", unit, per_unit, note="arguments: where first read")
    if by == "level":
        levels, places = np.unique(system.structure.levels[stands], return_inverse=True)
        return Depth(places, parameters, levels + 1.0, "level", "level")
    if by == "name":
        return _by_name(trace, nodes, parameters, stands)
    return _by_step(trace, nodes, parameters, stands)


def _first_readers(trace: Trace, nodes: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """For every node where it stands: itself; for arguments the node that reads them first."""
    stands = nodes.copy()
    missing = dict(zip(nodes[parameters].tolist(), np.flatnonzero(parameters).tolist(), strict=True))
    if len(missing) == len(nodes):
        return stands
    there = set(nodes.tolist())
    for k, record in enumerate(trace.records):
        for parent in record[1]:
            if parent in missing and k in there:
                stands[missing.pop(parent)] = k
        if not missing:
            break
    if missing:  # nobody reads them
        stands[list(missing.values())] = nodes[~parameters][0]
    return stands


def _outer_loops(trace: Trace) -> list[Repeat]:
    """The loops of the program that are worth showing: not inside others, nor far shorter than the longest."""
    found = repeats(trace)
    bounds = zip(found.starts, found.starts[1:], strict=False)
    loops = [found.inner[pair] for pair in bounds if pair in found.inner]
    lengths = [int(loop.starts[-1] - loop.starts[0]) for loop in loops]
    return [loop for loop, length in zip(loops, lengths, strict=True) if 5 * length >= max(lengths)]


def _unit(trace: Trace, numbers: np.ndarray) -> tuple[str, float]:
    """Steps, if nearly all of the program is one loop; nodes otherwise."""
    if len(trace) > LOOKED_AT:
        return "node", 1.0
    loops = _outer_loops(trace)
    if len(loops) == 1:
        length = int(loops[0].starts[-1] - loops[0].starts[0])
        if length >= 0.8 * (numbers[-1] + 1 - numbers[0]) and length > loops[0].steps:
            return "step", length / loops[0].steps
    return "node", 1.0


def _by_name(trace: Trace, nodes: np.ndarray, parameters: np.ndarray, stands: np.ndarray) -> Depth:
    names = trace.labels()
    named = [k for k, node in enumerate(nodes.tolist()) if node in names]
    if not named:
        raise PlotError("no node with a multiplier has a name: give some with adjoint.name(x, 'hidden'), or by='node'")
    named.sort(key=lambda k: (stands[k], nodes[k]))  # an argument before its reader
    places = np.full(len(nodes), -1, dtype=np.int64)
    places[named] = np.arange(len(named))
    labels = _numbered([names[int(nodes[k])] for k in named])
    hidden = [k for k, node in enumerate(named) if not parameters[node]]
    unit = {names[int(nodes[named[k]])] for k in hidden}
    per_unit = (hidden[-1] - hidden[0]) / (len(hidden) - 1) if len(hidden) > 1 else 1.0
    x = np.arange(1.0, len(named) + 1)
    return Depth(places, parameters, x, "", unit.pop() if len(unit) == 1 else "named value", per_unit, labels)


def _numbered(names: list[str]) -> list[str]:
    """Names that occur more than once with a number."""
    often = Counter(names)
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} {seen[name]}" if often[name] > 1 else name)
    return numbered


def _by_step(trace: Trace, nodes: np.ndarray, parameters: np.ndarray, stands: np.ndarray) -> Depth:
    loops = _outer_loops(trace)
    if not loops:
        raise PlotError("by='step' needs a loop of at least 3 equal steps, and there is none: try by='node'")
    places = np.full(len(nodes), -1, dtype=np.int64)
    shown = 0
    marks = []
    for loop in loops:
        starts = loop.starts[:: loop.period]
        step = np.searchsorted(starts, stands, side="right") - 1
        inside = (step >= 0) & (step < loop.steps)
        places[inside] = step[inside] + shown
        site = trace.site(int(starts[0]))
        marks.append((shown + 0.5, f"line {site.line}" if site else "loop"))
        shown += loop.steps
    title = (
        f"step of the loop at {marks[0][1]}" if len(loops) == 1 else f"step of {len(loops)} loops, one after another"
    )
    return Depth(places, parameters, np.arange(1.0, shown + 1), title, "step", marks=marks if len(loops) > 1 else [])
