"""Linearizing all segments of a group at once: local Jacobians on stacked operands.

A map of a group takes values ``(right-hand sides, G, *in_shape)`` to ``(right-hand sides, G, *out_shape)``; of an
operand that all segments share, ``(right-hand sides, *in_shape)`` to ``(right-hand sides, G, *out_shape)``. The
stacked axis is part of the shape, so the maps are ordinary blocks:

- elementwise partials are evaluated once, on stacked operands;
- a contraction's constant operand is stacked, unless it is the same in all segments;
- slices of one array become one gather;
- what holds no data of a segment is one block, for which the stack is one more batch axis;
- any other operation keeps one block for each segment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import (
    Array,
    Block,
    Contraction,
    Dense,
    Diagonal,
    DiagonalBlock,
    Identity,
    Mask,
    Reshape,
    Scale,
    Sparse,
    Take,
    Zero,
    put_flat,
    safe_multiply,
)
from adjoint.blocks.kernels import conjugate
from adjoint.errors import AdjointError
from adjoint.solvers.chain.segments import SIDE, Group, Operand, Step
from adjoint.system.solving import note_where
from adjoint.tracing import Primitive, Tracer
from adjoint.tracing.primitive import RESULT, Hollow
from adjoint.tracing.trace import EMPTY, Record

_NUMBERS = frozenset({float, int, complex})
STACKED = "segment"
"""The label of the stacked axis in contractions."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """The lists of a system at its point of linearization."""

    primitives: list[Primitive]
    records: list[Record]
    values: list[Array]


@dataclass(frozen=True, slots=True, eq=False)
class Batched:
    """One block for all segments."""

    block: Block
    shared: bool

    def forward(self, v: Array, count: int) -> Array:
        y = self.block.apply(v)
        if not self.shared:
            return y
        return np.broadcast_to(y[:, None], (y.shape[0], count, *self.block.out_shape))

    def backward(self, w: Array) -> Array:
        return self.block.apply_adjoint(w.sum(1) if self.shared else w)


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """One block on the stacked shapes."""

    block: Block

    def forward(self, v: Array, count: int) -> Array:
        return self.block.apply(v)

    def backward(self, w: Array) -> Array:
        if len(w) == 1:  # gathers add up faster without a batch axis
            return self.block.apply_adjoint(w[0])[None]
        return self.block.apply_adjoint(w)


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """One block for each segment."""

    blocks: list[Block]
    shared: bool

    def forward(self, v: Array, count: int) -> Array:
        return np.stack([block.apply(v if self.shared else v[:, i]) for i, block in enumerate(self.blocks)], axis=1)

    def backward(self, w: Array) -> Array:
        parts = [block.apply_adjoint(w[:, i]) for i, block in enumerate(self.blocks)]
        return sum(parts[1:], parts[0]) if self.shared else np.stack(parts, axis=1)


Map = Batched | Whole | Each


@dataclass(frozen=True, slots=True, eq=False)
class Diagonals:
    """``D`` of an implicit constraint in each segment."""

    blocks: list[DiagonalBlock]

    def solve(self, r: Array) -> Array:
        return np.stack([block.solve(r[:, i]) for i, block in enumerate(self.blocks)], axis=1)

    def solve_adjoint(self, r: Array) -> Array:
        return np.stack([block.solve_adjoint(r[:, i]) for i, block in enumerate(self.blocks)], axis=1)


class Guarded(Block):
    """A block by its coordinates, in which zeros of the vector and of the data are structural."""

    __slots__ = ("sparse",)
    kind = "guarded"

    def __init__(self, sparse: Sparse) -> None:
        self.sparse = sparse
        self.in_shape, self.out_shape = sparse.in_shape, sparse.out_shape

    def apply(self, v: Array) -> Array:
        sparse = self.sparse
        return _gathered(sparse.data, sparse.columns, sparse.rows, v, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        sparse = self.sparse
        return _gathered(conjugate(sparse.data), sparse.rows, sparse.columns, w, self.out_shape, self.in_shape)

    def to_sparse(self) -> Sparse:
        return self.sparse

    def absolute(self) -> Block:
        return self.sparse.absolute()

    @property
    def nnz(self) -> int:
        return self.sparse.nnz


def _gathered(data: Array, taken: np.ndarray, put: np.ndarray, v: Array, from_shape: Any, to_shape: Any) -> Array:
    batch = v.shape[: v.ndim - len(from_shape)]
    flat = v.reshape((*batch, math.prod(from_shape)))
    return put_flat(safe_multiply(flat[..., taken], data), put, (math.prod(to_shape),)).reshape((*batch, *to_shape))


def guarded_block(block: Block) -> Block:
    """The same map in which zeros are structural, contractions and matrices among them."""
    return Guarded(block.to_sparse()) if isinstance(block, (Contraction, Dense, Sparse)) else block.with_guards()


def guarded_map(found: Map) -> Map:
    """The same for a map of a group."""
    if isinstance(found, Batched):
        return Batched(guarded_block(found.block), found.shared)
    if isinstance(found, Whole):
        return Whole(guarded_block(found.block))
    return Each([guarded_block(block) for block in found.blocks], found.shared)


def diagonals(point: Point, step: Step) -> Diagonals | None:
    """The diagonal blocks of an implicit constraint; ``None`` for an explicit one."""
    rule = step.primitive.diagonal
    if rule is None:
        return None
    records, values = point.records, point.values
    return Diagonals([rule(values[k], records[k][0], records[k][2] or EMPTY) for k in step.nodes])


def maps(point: Point, group: Group, step: Step, *, sides: bool) -> list[tuple[Operand, Map]]:
    """The local Jacobians of one step: those with respect to nodes outside of the chain, or all others."""
    asked = [operand for operand in step.operands if (operand.kind == SIDE) == sides]
    if not asked:
        return []
    if group.count == 1:
        return [(o, Batched(block, o.shared)) for o, block in _blocks(point, step, 0, asked)]
    if step.primitive.elementwise and point.records[step.nodes[0]][2] is None:
        found = _elementwise(point, step, asked)
        if found is not None:
            return found
    result: list[tuple[Operand, Map]] = []
    for operand in asked:
        found_map = _structured(point, step, operand)
        if found_map is None:
            alone = [[block for _, block in _blocks(point, step, i, [operand])] for i in range(group.count)]
            if not all(alone):
                continue
            found_map = Each([block if not more else _total(block, more) for block, *more in alone], operand.shared)
        result.append((operand, found_map))
    return result


def _total(block: Block, more: Sequence[Block]) -> Block:
    for other in more:
        block = block + other
    return block


def _blocks(point: Point, step: Step, i: int, asked: Sequence[Operand]) -> list[tuple[Operand, Block]]:
    """The blocks of segment ``i``, asked for by position instead of by parent."""
    k = step.nodes[i]
    operands, parents, static, _, _ = point.records[k]
    wanted = {operand.position: operand for operand in asked}
    positions = [position if position in wanted else -1 for position in range(len(parents))]
    try:
        found = step.primitive.blocks(point.values[k], operands, static or EMPTY, positions)
    except AdjointError as error:
        note_where(error, point.primitives, point.records, k)
        raise
    return [(wanted[position], block) for position, block in found if position >= 0 and not isinstance(block, Zero)]


# --- elementwise operations -----------------------------------------------------------------------


def _elementwise(point: Point, step: Step, asked: Sequence[Operand]) -> list[tuple[Operand, Map]] | None:
    """All partials at once; ``None`` if one of them is no plain partial."""
    records, values, count, ndim = point.records, point.values, len(step.nodes), len(step.shape)
    arity = len(records[step.nodes[0]][0])
    wanted = {operand.position: operand for operand in asked}
    reads = step.primitive.reads
    read = None if reads is None else {r for k in wanted for r in reads[min(k, len(reads) - 1)]}
    stacked = []
    for position in range(arity):
        one = records[step.nodes[0]][0][position]
        if position in step.same:
            stacked.append(one)
        elif type(one) in _NUMBERS:  # they are weak: they take the precision of the result
            dtype = values[step.nodes[0]].dtype
            column = np.array([records[k][0][position] for k in step.nodes], dtype if dtype.kind in "fc" else None)
            stacked.append(stack(column, ndim))
        elif read is not None and position not in read:
            stacked.append(_hollow(one, count, ndim))
        else:
            stacked.append(stack([records[k][0][position] for k in step.nodes], ndim))
    y = values[step.nodes[0]]
    y = stack([values[k] for k in step.nodes], ndim) if read is None or RESULT in read else _hollow(y, count, ndim)
    asked_positions = [position if position in wanted else -1 for position in range(arity)]
    try:
        found = step.primitive.blocks(y, stacked, EMPTY, asked_positions)
    except AdjointError as error:
        note_where(error, point.primitives, point.records, step.nodes[0])
        raise
    result: list[tuple[Operand, Map]] = []
    out_shape = (count, *step.shape)
    for position, block in found:
        if position < 0 or isinstance(block, Zero):
            continue
        operand = wanted[position]
        in_shape = operand.shape
        aligned = in_shape
        if not operand.shared:
            aligned = (count, *(1,) * (len(step.shape) - len(in_shape)), *in_shape)
            in_shape = (count, *in_shape)
        kind = type(block)
        moved: Block
        if kind is Identity:
            moved = Identity(out_shape) if aligned == out_shape else Scale(1, aligned, out_shape)
        elif kind is Scale:
            moved = Scale(block.factor, aligned, out_shape)  # type: ignore[attr-defined]  # of this kind
        elif kind is Diagonal:
            moved = Diagonal(block.data, aligned, out_shape)  # type: ignore[attr-defined]  # of this kind
        elif kind is Mask:
            moved = Mask(block.mask, aligned, out_shape)  # type: ignore[attr-defined]  # of this kind
        else:
            return None
        result.append((operand, Whole(moved if aligned == in_shape else moved @ Reshape(in_shape, aligned))))
    return result


def _hollow(one: Array, count: int, ndim: int) -> Hollow:
    """Shape and dtype of a stack of which no entry is read."""
    return Hollow((count, *(1,) * (ndim - len(one.shape)), *one.shape), one.dtype)


def stack(column: Sequence[Any] | np.ndarray, ndim: int | None = None) -> Any:
    """Arrays of one shape along a new first axis; with ``ndim``, unit axes behind it align them with more axes."""
    kinds = set(map(type, column))
    shape = np.shape(column[0]) if type(column[0]) is not Hollow else column[0].shape
    target = (len(column), *(1,) * ((len(shape) if ndim is None else ndim) - len(shape)), *shape)
    if Hollow in kinds:
        return Hollow(target, column[0].dtype)
    if Tracer in kinds:
        return np.stack(list(column)).reshape(target)
    if not shape:
        return np.array(column).reshape(target)
    return np.concatenate(column).reshape(target)


# --- everything else ------------------------------------------------------------------------------


def _structured(point: Point, step: Step, operand: Operand) -> Map | None:
    """A stacked map, where the block's data is known to stack; ``None`` where it is not."""
    primitive = step.primitive
    if primitive.diagonal is not None or primitive.reads is None:
        return None
    first = _blocks(point, step, 0, [operand])
    if len(first) != 1:
        return None
    block = first[0][1]
    reads = primitive.reads[min(operand.position, len(primitive.reads) - 1)]
    if operand.rows is not None:
        return Whole(Take(operand.rows, operand.shape))
    arity = len(point.records[step.nodes[0]][0])
    if RESULT not in reads and {k for k in reads if k < arity} <= step.same:
        return Batched(block, operand.shared)
    if type(block) is Contraction:
        return _contraction(point, step, operand, block)
    return None


def _contraction(point: Point, step: Step, operand: Operand, block: Contraction) -> Map | None:
    operands = point.records[step.nodes[0]][0]
    position = next((p for p, x in enumerate(operands) if x is block.other), None)
    if position is None:
        return None
    other = stack([point.records[k][0][position] for k in step.nodes])
    count = len(step.nodes)
    labels, in_shape = block.labels, block.in_shape
    if not operand.shared:
        labels, in_shape = (STACKED, *labels), (count, *in_shape)
    out_labels, out_shape = (STACKED, *block.out_labels), (count, *block.out_shape)
    return Whole(Contraction(labels, (STACKED, *block.other_labels), out_labels, other, in_shape, out_shape))
