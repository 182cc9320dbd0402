"""A trace of mostly scalars as a schedule over one flat array: evaluated many operations at a time.

Every float64 value of the trace has its place (*slots*) in one array ``z``. Slots are handed out level by level, and
within a level operation by operation, so that the values of one operation and level lie side by side: a *batch* is
two gathers and one call of a ufunc, however many nodes it has. The same order serves ``A``: parents have smaller
slots than their children, so ``A`` is upper triangular in it.

Reading entries of an array (``x[k]``) and stacking scalars are batches too, of copies. Everything else is evaluated
node by node in between.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.primitives.indexing import slice_
from adjoint.primitives.joining import stack
from adjoint.tracing import INPUT, UFUNCS, Primitive, Trace

SMALLEST = 16
"""Nodes of a trace below which the ordinary road is as good."""

_FLOAT = np.dtype(np.float64)
_OUTSIDE, _SCALAR, _ARRAY = 0, 1, 2  # forms of a node: no slots, one slot, several
_ARGUMENT, _ALONE = -1, 1 << 40  # kinds of nodes that are in no batch
_NUMBERS = frozenset({int, float, bool, np.float64})
_SQUARE = UFUNCS[np.square]
_POWER = UFUNCS[np.power]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Nodes of one operation and level.

    Attributes
    ----------
    primitive : Primitive or None
        ``None``: the slots are copies of those in ``first``.
    mask : int
        Bit ``j`` is set if a derivative goes through operand ``j``.
    start, live, stop : int
        Their slots; those that no output needs are ``live:stop``.
    """

    primitive: Primitive | None
    mask: int
    start: int
    live: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class ScalarProgram:
    """The schedule of a trace.

    Attributes
    ----------
    size : int
        Slots of nodes; constants of the program stand behind them.
    starts, stops : int arrays (n,)
        The slots of each node; none for integers and masks.
    first, second : int arrays (size,)
        The slots that a slot of a batch is computed from.
    constants : float array
    steps : list of Batch or int
        In the order of evaluation, which is also the order of slots; a number is a node that goes by itself.
    levels : int array
        First slot of each level, and ``size``.
    active : bool array (size,)
        Slots with a multiplier.
    live : bool array (n,)
        Nodes that an output, or an answer that the program looked for, depends on; and all arguments.
    live_slots : bool array (size,)
        Their slots.
    """

    size: int
    starts: np.ndarray
    stops: np.ndarray
    first: np.ndarray
    second: np.ndarray
    constants: np.ndarray
    steps: list[Batch | int]
    levels: np.ndarray
    active: np.ndarray
    live: np.ndarray
    live_slots: np.ndarray

    @property
    def singles(self) -> list[int]:
        """Nodes that are evaluated and linearized one by one."""
        return [step for step in self.steps if isinstance(step, int)]

    @property
    def all_live(self) -> bool:
        """Whether no node is computed in vain."""
        return bool(self.live.all())


@dataclass(slots=True)
class _Sorted:
    """What one pass over a trace finds out about its nodes; constant ``c`` is the source ``-1 - c``."""

    forms: bytearray
    levels: list[int]
    kinds: list[int] = field(default_factory=list)  # of each node: a number of ``numbers``, or one of the two below
    numbers: dict[tuple[Primitive | None, int], int] = field(default_factory=dict)
    singles: int = 0
    first: dict[int, int] = field(default_factory=dict)
    second: dict[int, int] = field(default_factory=dict)
    reads: dict[int, tuple[int, Any]] = field(default_factory=dict)  # node → parent and positions in it
    stacks: dict[int, list[int]] = field(default_factory=dict)
    constants: dict[tuple[float, float], int] = field(default_factory=dict)


def compile_scalars(trace: Trace) -> ScalarProgram | None:
    """The schedule of a trace; ``None`` where less than half of its nodes would be in batches.

    That is the answer also for other dtypes than float64, values of an outer trace, and implicit constraints.
    """
    if len(trace) < SMALLEST:
        return None
    found = _sort(trace)
    if found is None or 2 * found.singles > len(trace) - len(trace.inputs):
        return None
    return _number(trace, found)


def _sort(trace: Trace) -> _Sorted | None:
    found = _Sorted(bytearray(len(trace)), [])
    forms, levels = found.forms, found.levels
    batchable: dict[Primitive, bool] = {}
    for k, (primitive, record, y) in enumerate(zip(trace.primitives, trace.records, trace.values, strict=True)):
        operands, parents, static, _, _ = record
        if type(y) is np.float64:
            forms[k] = _SCALAR
        elif type(y) is np.ndarray and y.dtype == _FLOAT:
            forms[k] = _ARRAY if y.ndim else _SCALAR
        elif not isinstance(y, (np.ndarray, np.generic)) or y.dtype.kind in "fc":
            return None  # another dtype; hollow; of an outer trace
        level = 0
        for p in parents:
            if p != -1:
                below = levels[p if p >= 0 else -2 - p]
                if below >= level:
                    level = below + 1
        levels.append(level)
        if primitive is INPUT:
            found.kinds.append(_ARGUMENT)
            continue
        if primitive.diagonal is not None:
            return None
        if forms[k] == _SCALAR and primitive.elementwise and not static:
            if primitive not in batchable:
                batchable[primitive] = _is_batchable(primitive)
            if batchable[primitive] and _add_scalar(found, k, primitive, operands, parents):
                continue
        elif forms[k] and _add_copies(found, k, primitive, operands, parents):
            continue
        if not forms[k] and not primitive.discrete and max(parents, default=-1) >= 0:
            return None  # integers with a multiplier
        found.kinds.append(_ALONE)
        found.singles += 1
    return found


def _is_batchable(primitive: Primitive) -> bool:
    """Whether it is a ufunc of one or two doubles that gives a double."""
    function = primitive.function
    if not isinstance(function, np.ufunc) or function.nout != 1 or function.nin > 2:
        return False
    return "d" * function.nin + "->d" in function.types


def _add_scalar(found: _Sorted, k: int, primitive: Primitive, operands: Sequence[Any], parents: Sequence[int]) -> bool:
    """Put a node into the batch of its operation, if all that it reads are scalars."""
    if primitive is _POWER and parents[1] == -1 and type(operands[1]) in _NUMBERS and operands[1] == 2:
        primitive, operands, parents = _SQUARE, operands[:1], parents[:1]
    mask = 0
    sources = []
    for position, p in enumerate(parents):
        if p == -1:
            source = _constant(found, operands[position])
            if source is None:
                return False
            sources.append(source)
            continue
        q = p if p >= 0 else -2 - p
        if found.forms[q] != _SCALAR:
            return False
        sources.append(q)
        if p >= 0:
            mask |= 1 << position
    found.first[k] = sources[0]
    if len(sources) == 2:
        found.second[k] = sources[1]
    _add_to_batch(found, k, primitive, 0 if primitive.discrete else mask)
    return True


def _constant(found: _Sorted, x: Any) -> int | None:
    if type(x) not in _NUMBERS and not (isinstance(x, np.generic) and x.dtype.kind in "biuf"):
        return None
    try:
        number = float(x)
    except OverflowError:  # a Python integer beyond the doubles
        return None
    constants = found.constants
    return -1 - constants.setdefault((number, math.copysign(1.0, number)), len(constants))


def _add_copies(found: _Sorted, k: int, primitive: Primitive, operands: Sequence[Any], parents: Sequence[int]) -> bool:
    """Put a node that reads entries of an array, or stacks scalars, into the batch of copies."""
    if primitive is slice_ and parents[0] != -1 and parents[1] == -1:
        q = parents[0] if parents[0] >= 0 else -2 - parents[0]
        if found.forms[q] != _ARRAY:
            return False
        found.reads[k] = q, _positions(operands[0].shape, operands[1])
        _add_to_batch(found, k, None, int(parents[0] >= 0))
        return True
    if primitive is stack and min(parents) >= 0 and all(found.forms[p] == _SCALAR for p in parents):
        found.stacks[k] = list(parents)
        _add_to_batch(found, k, None, 1)
        return True
    return False


def _positions(shape: tuple[int, ...], index: tuple[Any, ...]) -> Any:
    """Flat positions of the entries that a basic index reads; a number for a single one."""
    if len(index) == len(shape) and all(type(part) is int for part in index):
        position = 0
        for part, n in zip(index, shape, strict=True):
            position = position * n + (part if part >= 0 else part + n)
        return position
    return _all_positions(shape)[index].ravel()


@lru_cache(maxsize=16)
def _all_positions(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(math.prod(shape)).reshape(shape)


def _add_to_batch(found: _Sorted, k: int, primitive: Primitive | None, mask: int) -> None:
    numbers = found.numbers
    found.kinds.append(numbers.setdefault((primitive, mask), len(numbers)))


def _number(trace: Trace, found: _Sorted) -> ScalarProgram:
    """Hand out slots, and resolve what every batch reads."""
    n = len(trace)
    live = np.frombuffer(_live_nodes(trace), np.uint8).astype(bool)
    kinds, node_levels = np.array(found.kinds), np.array(found.levels)
    rest = np.flatnonzero(kinds != _ARGUMENT)
    # level by level, in a level batch by batch, then what goes by itself; in a batch what is needed stands first
    rest = rest[np.lexsort((~live[rest], kinds[rest], node_levels[rest]))]
    order = np.concatenate([np.array(trace.inputs, dtype=np.intp), rest])
    lengths = np.array([y.size for y in trace.values], dtype=np.intp)
    lengths[np.frombuffer(found.forms, np.uint8) == _OUTSIDE] = 0
    ends = np.cumsum(lengths[order])
    stops = np.empty(n, dtype=np.intp)
    stops[order] = ends
    starts = stops - lengths
    size = int(ends[-1])

    first, second = (_resolved(sources, starts, size) for sources in (found.first, found.second))
    for k, (parent, positions) in found.reads.items():
        first[starts[k] : stops[k]] = starts[parent] + positions
    for k, parents in found.stacks.items():
        first[starts[k] : stops[k]] = starts[parents]
    inputs = len(trace.inputs)
    begins = np.flatnonzero(np.diff(node_levels[rest], prepend=0))  # arguments are the level 0
    return ScalarProgram(
        size=size,
        starts=starts,
        stops=stops,
        first=first,
        second=second,
        constants=np.array([number for number, _ in found.constants], dtype=float),
        steps=_steps(list(found.numbers), rest, kinds[rest], node_levels[rest], starts, stops, live),
        levels=np.concatenate([[0], starts[rest[begins]], [size]]) if inputs else np.array([0, size]),
        active=_active_slots(trace, order, lengths),
        live=live,
        live_slots=np.repeat(live[order], lengths[order]),
    )


def _steps(
    numbered: list[tuple[Primitive | None, int]],
    nodes: np.ndarray,
    kinds: np.ndarray,
    levels: np.ndarray,
    starts: np.ndarray,
    stops: np.ndarray,
    live: np.ndarray,
) -> list[Batch | int]:
    """The nodes in their order, cut where the level or the operation changes."""
    if not nodes.size:
        return []
    new = (kinds == _ALONE) | (np.diff(kinds, prepend=-1) != 0) | (np.diff(levels, prepend=-1) != 0)
    heads = np.flatnonzero(new)
    lasts = np.append(heads[1:], nodes.size) - 1
    needed = np.add.reduceat(np.where(live[nodes], stops[nodes] - starts[nodes], 0), heads)
    begins = starts[nodes[heads]]
    columns = (nodes[heads], kinds[heads], begins, begins + needed, stops[nodes[lasts]])
    return [
        k if kind == _ALONE else Batch(numbered[kind][0], numbered[kind][1], start, middle, stop)
        for k, kind, start, middle, stop in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _live_nodes(trace: Trace) -> bytearray:
    """Ancestors of the outputs and of what was inspected."""
    live = bytearray(len(trace))
    for k in (*trace.inputs, *(out for out in trace.outputs if isinstance(out, int)), *(k for k, _, _ in trace.guards)):
        live[k] = 1
    records = trace.records
    for k in range(len(trace) - 1, -1, -1):
        if live[k]:
            for p in records[k][1]:
                if p != -1:
                    live[p if p >= 0 else -2 - p] = 1
    return live


def _resolved(sources: dict[int, int], starts: np.ndarray, size: int) -> np.ndarray:
    """For every slot the slot of its operand; constants stand behind all nodes."""
    result = np.zeros(size, dtype=np.intp)
    if sources:
        nodes = np.fromiter(sources.keys(), np.intp, len(sources))
        operands = np.fromiter(sources.values(), np.intp, len(sources))
        result[starts[nodes]] = np.where(operands >= 0, starts[operands], size - 1 - operands)
    return result


def _active_slots(trace: Trace, order: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    primitives = trace.primitives
    active = [
        primitive is INPUT or (not primitive.discrete and max(record[1], default=-1) >= 0)
        for primitive, record in zip(primitives, trace.records, strict=True)
    ]
    return np.repeat(np.array(active)[order], lengths[order])
