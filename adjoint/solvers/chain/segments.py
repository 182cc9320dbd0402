"""Segments of a chain, sorted into groups: those that do the same operations on the same shapes in the same order.

A group is linearized by a few NumPy calls per operation, however many segments are in it (see
:mod:`adjoint.solvers.chain.stacking`). What a segment reads is told relative to it: a node of its own (by position),
entries of the state that it starts from (by offset), or a node outside of the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks.kernels import Shape, flat_index
from adjoint.primitives.indexing import slice_
from adjoint.tracing import INPUT, Primitive
from adjoint.tracing.primitive import Static

if TYPE_CHECKING:
    from adjoint.system import ConstraintSystem

LOCAL, STATE, SIDE = "local", "state", "side"


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """What one operand of an operation is, in every segment of a group.

    Attributes
    ----------
    position : int
        Among the operation's operands.
    kind : {"local", "state", "side"}
    index : int
        The position in the segment, or the offset in the state.
    shape : tuple of int
    nodes : int array (G,)
        The node of each segment, for operands outside of the chain.
    shared : bool
        They are one node.
    rows : int array (G, *shape of the result) or None
        Where each segment slices one and the same node, if at different places: the flat positions.
    """

    position: int
    kind: str
    index: int
    shape: Shape
    nodes: np.ndarray
    shared: bool
    rows: np.ndarray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One operation of all segments of a group.

    Attributes
    ----------
    nodes : list of int
        The node of each segment.
    operands : tuple of Operand
        Those with a derivative.
    same : frozenset of int
        Positions of operands that are one object, or one number, in all segments.
    offset : int
        Where its result stands in the state that the segment leaves, or −1.
    """

    primitive: Primitive
    nodes: list[int]
    operands: tuple[Operand, ...]
    same: frozenset[int]
    offset: int
    shape: Shape
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Segments with equal operations.

    Attributes
    ----------
    segments : int array (G,)
    steps : list of Step
    passed : list of (int, int, int)
        Entries that only pass: offset in the state before, offset in the state after, how many.
    """

    segments: np.ndarray
    steps: list[Step]
    passed: list[tuple[int, int, int]]

    @property
    def count(self) -> int:
        """``G``, the number of segments."""
        return len(self.segments)

    def only(self, which: np.ndarray) -> Group:
        """The same for some of the segments."""
        steps = []
        for step in self.steps:
            operands = [
                replace(o, nodes=o.nodes[which], rows=None if o.rows is None else o.rows[which]) for o in step.operands
            ]
            nodes = [step.nodes[i] for i in which.tolist()]
            steps.append(replace(step, nodes=nodes, operands=tuple(operands)))
        return Group(self.segments[which], steps, self.passed)


def static_key(static: Static | None) -> Any:
    """Equal for equal options; options that cannot be compared are equal to themselves only."""
    if not static:
        return None
    key = tuple((name, type(value), value) for name, value in sorted(static.items()))
    try:
        hash(key)
    except TypeError:
        return id(static)
    return key


def constant_key(x: Any) -> Any:
    """What must agree between constants at the same place: shape and dtype, or the value of what is no array."""
    if type(x) in (float, int, complex):
        return type(x)
    return (x.shape, x.dtype.char) if hasattr(x, "dtype") else repr(x)


def group_segments(system: ConstraintSystem, bounds: np.ndarray) -> tuple[list[Group], int]:
    """The segments between ``bounds`` in groups, and the size of the largest state."""
    primitives, records, values = system.primitives, system.records, system.values
    start, stop = int(bounds[0]), int(bounds[-1])
    last: dict[int, int] = {}  # the last reader of each node inside
    inner = []
    for k in range(start, stop):
        primitive = primitives[k]
        if primitive is INPUT or primitive.discrete or max(records[k][1], default=-1) < 0:
            continue
        inner.append(k)
        for p in records[k][1]:
            if p >= start:
                last[p] = k
    members: dict[Any, list[tuple[int, list[int], list[int]]]] = {}
    state: dict[int, int] = {}  # the frontier: offset of each node
    largest, position = 0, 0
    for j in range(len(bounds) - 1):
        nodes = []
        while position < len(inner) and inner[position] < bounds[j + 1]:
            nodes.append(inner[position])
            position += 1
        local = {k: q for q, k in enumerate(nodes)}
        after: dict[int, int] = {}
        offset = 0
        for k in (*state, *nodes):
            if last.get(k, -1) >= bounds[j + 1]:
                after[k] = offset
                offset += int(values[k].size)
        largest = max(largest, offset)
        signature: list[Any] = [tuple((state[k], after[k], values[k].size) for k in state if k in after)]
        sides: list[int] = []
        for k in nodes:
            operands, parents, static, _, _ = records[k]
            primitive = primitives[k]
            read: list[Any] = []
            for x, p in zip(operands, parents, strict=True):
                if p in local:
                    read.append(local[p])
                elif p in state:
                    read.append((STATE, state[p]))
                elif p >= 0:
                    read.append((SIDE, values[p].shape, values[p].dtype.char))
                    sides.append(p)
                elif primitive is slice_ and parents[0] >= 0 and parents[0] not in local and parents[0] not in state:
                    read.append(None)  # rows of an outside array: each segment has its own
                else:
                    read.append(constant_key(x))
            options = None if primitive.diagonal is not None else static_key(static)
            y = values[k]
            signature.append((primitive, options, y.shape, y.dtype.char, after.get(k, -1), *read))
        members.setdefault(tuple(signature), []).append((j, nodes, sides))
        state = after
    return [_group(system, key, found) for key, found in members.items()], largest


def _group(system: ConstraintSystem, signature: Any, members: list[tuple[int, list[int], list[int]]]) -> Group:
    count = len(members)
    columns = np.array([nodes for _, nodes, _ in members], dtype=np.int64).reshape(count, -1)
    sides = np.array([side for _, _, side in members], dtype=np.int64).reshape(count, -1)
    nothing = np.full(count, -1)
    steps, side = [], 0
    for q, (primitive, _, shape, _, offset, *read) in enumerate(signature[1:]):
        column = columns[:, q].tolist()
        operands, same = [], set()
        for position, what in enumerate(read):
            if type(what) is int:
                operands.append(Operand(position, LOCAL, what, _shape(system, column, position), nothing, False))
            elif type(what) is tuple and what[0] == STATE:
                operands.append(Operand(position, STATE, what[1], _shape(system, column, position), nothing, False))
            elif type(what) is tuple and what[0] == SIDE:
                nodes = sides[:, side]
                side += 1
                shared = bool((nodes == nodes[0]).all())
                if shared:
                    same.add(position)
                rows = _rows(system, column) if shared and primitive is slice_ else None
                operands.append(Operand(position, SIDE, -1, what[1], nodes, shared, rows))
            elif _is_one(system, column, position):
                same.add(position)
        size = int(np.prod(shape, dtype=np.int64))
        steps.append(Step(primitive, column, tuple(operands), frozenset(same), offset, shape, size))
    return Group(np.array([j for j, _, _ in members]), steps, list(signature[0]))


def _shape(system: ConstraintSystem, column: list[int], position: int) -> Shape:
    shape: Shape = system.values[system.records[column[0]][1][position]].shape
    return shape


def _is_one(system: ConstraintSystem, column: list[int], position: int) -> bool:
    """Whether a constant is one object, or one value that is no array."""
    records = system.records
    if any(records[k][1][position] != -1 for k in column):  # discrete nodes change with the point
        return False
    one = records[column[0]][0][position]
    if hasattr(one, "dtype"):
        return all(records[k][0][position] is one for k in column)
    return all(records[k][0][position] == one for k in column)


def _rows(system: ConstraintSystem, column: list[int]) -> np.ndarray | None:
    """The flat positions of slices of one array; ``None`` where all segments have the same slice."""
    index = [system.records[k][0][1] for k in column]
    if all(i == index[0] for i in index):
        return None
    base = flat_index(system.values[system.records[column[0]][1][0]].shape)
    if all(len(i) == 1 and isinstance(i[0], int) for i in index):
        return np.asarray(base[[i[0] for i in index]])
    return np.stack([base[i] for i in index])
