"""Which nodes ``block_sparse`` eliminates, and in which order: decided from kinds and shapes of blocks alone.

Eliminating node ``j`` replaces its blocks by products: ``J[k, i] += J[k, j] J[j, i]`` for every reader ``k`` and every
operand ``i``. That is free where each product melts into one block that costs no more than its two factors did.
Then the sweep of every later solve has fewer steps. Only nodes with one reader or one operand come into question: the
others multiply the number of blocks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from adjoint.blocks import (
    Adjoint,
    Block,
    Contraction,
    CumulativeSum,
    Dense,
    Diagonal,
    Identity,
    Mask,
    Product,
    Reduce,
    Reshape,
    Roll,
    Scale,
    Slice,
    Sparse,
    SparseMatrix,
    Stacked,
    Sum,
    Take,
    Transpose,
)

CALL = 256
"""Multiplications that take about as long as calling one more small block: what a saved step is worth."""

STEP = 128
"""The same for one more node, and for one more block at a node: a loop, an addition."""

LARGEST = 1 << 14
"""Entries of the largest dense product that is formed."""

_VIEWS = frozenset({Reshape, Transpose, Roll})
_GATHERS = frozenset({Reshape, Transpose, Slice, Take, Roll})
_SCALINGS = frozenset({Identity, Scale, Diagonal})
_ENTRYWISE = _SCALINGS | _GATHERS
_SIMPLE = _SCALINGS | _GATHERS | {Contraction, CumulativeSum, Dense, Mask, Reduce, Sparse, SparseMatrix}


class Sketch(NamedTuple):
    """A block by its kind and its cost, without its data.

    Attributes
    ----------
    kind : type
    rows, columns : int
        Of the flattened matrix.
    flops : int
        Multiplications of one product with a vector.
    calls : int
        Steps that such a product takes.
    matrix : bool
        The map is known to be a matrix, which may be multiplied out.
    """

    kind: type[Block]
    rows: int
    columns: int
    flops: int
    calls: int = 1
    matrix: bool = True

    @property
    def cost(self) -> int:
        """In multiplications, the calls among them."""
        return self.flops + CALL * self.calls + STEP


@dataclass(frozen=True, slots=True)
class Step:
    """Eliminate one node.

    Attributes
    ----------
    node : int
    operands, readers : tuple of int
        Its neighbors at that time.
    multiplied_out : tuple of bool
        For each reader and each operand (operands run faster): whether the product is formed as a dense matrix.
    """

    node: int
    operands: tuple[int, ...]
    readers: tuple[int, ...]
    multiplied_out: tuple[bool, ...]


def sketch_of(block: Block) -> Sketch:
    """Of a block as a rule gives it."""
    kind = type(block)
    if kind in _ENTRYWISE:
        size = math.prod(block.out_shape)
        return Sketch(kind, size, math.prod(block.in_shape), size, kind is not Identity)
    return Sketch(kind, *block.shape, block.flops, _calls(block), has_matrix(block))


def has_matrix(block: Block) -> bool:
    """Whether a block is linear over its field, by its kind: not a user's function, not a conjugation."""
    if type(block) in _SIMPLE:
        return True
    waiting = [block]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Product):
            waiting += one.factors
        elif isinstance(one, Sum):
            waiting += one.terms
        elif isinstance(one, Stacked):
            waiting += one.blocks
        elif isinstance(one, Adjoint):
            waiting.append(one.block)
        elif type(one) not in _SIMPLE:
            return False
    return True


def _calls(block: Block) -> int:
    if isinstance(block, Product):
        return sum(_calls(factor) for factor in block.factors)
    if isinstance(block, Sum):
        return sum(_calls(term) for term in block.terms)
    return 0 if isinstance(block, Identity) else 1


def plan_elimination(
    sketches: dict[tuple[int, int], Sketch], eliminable: Callable[[int, Iterable[int]], bool]
) -> tuple[list[Step], list[Sketch]]:
    """The steps that pay, in an order in which they can be taken; and the blocks that are left.

    Parameters
    ----------
    sketches : dict
        ``{(k, i): J[k, i]}``, nodes counted from 0.
    eliminable : callable
        ``eliminable(j, neighbors)``: whether ``j`` may be eliminated at all.

    Notes
    -----
    Cost: linear in the number of edges, for a bounded number of readers of each eliminated node.
    """
    operands: dict[int, dict[int, Sketch]] = {}
    readers: dict[int, dict[int, Sketch]] = {}
    for (k, i), sketch in sketches.items():
        operands.setdefault(k, {})[i] = sketch
        readers.setdefault(i, {})[k] = sketch
    steps: list[Step] = []
    waiting = deque(sorted(operands.keys() & readers.keys(), reverse=True))
    queued = set(waiting)
    while waiting:
        j = waiting.popleft()
        queued.discard(j)
        below, above = operands.get(j), readers.get(j)
        if not below or not above or min(len(below), len(above)) > 1 or not eliminable(j, (*below, *above)):
            continue
        found = _eliminated(below, above, operands)
        if found is None:
            continue
        steps.append(Step(j, tuple(below), tuple(above), tuple(out for _, _, _, out in found)))
        for k in above:
            del operands[k][j]
        for i in below:
            del readers[i][j]
        del operands[j], readers[j]
        for k, i, sketch, _ in found:
            merged = i in operands[k]
            operands[k][i] = readers[i][k] = sketch
            if merged:  # these lost a neighbor, and may have become free
                for node in (k, i):
                    if node not in queued:
                        waiting.append(node)
                        queued.add(node)
    return steps, [sketch for some in operands.values() for sketch in some.values()]


def _eliminated(
    below: dict[int, Sketch], above: dict[int, Sketch], operands: dict[int, dict[int, Sketch]]
) -> list[tuple[int, int, Sketch, bool]] | None:
    """``(reader, operand, block, multiplied out)`` in place of a node; ``None`` where that costs more than the node."""
    before = STEP + sum(sketch.cost for sketch in (*below.values(), *above.values()))
    after = 0
    found = []
    for k, left in above.items():
        for i, right in below.items():
            melted = _product(left, right)
            if melted is None:
                return None
            sketch, multiplied_out = melted
            there = operands[k].get(i)
            if there is not None:
                before += there.cost
                sketch = sum_of(there, sketch, multiplied_out)
            after += sketch.cost
            if after > before:
                return None
            found.append((k, i, sketch, multiplied_out))
    return found


def _product(left: Sketch, right: Sketch) -> tuple[Sketch, bool] | None:
    """The block that two neighbors melt into, and whether it is multiplied out; ``None`` if they stay two."""
    one: Any = left.kind
    other: Any = right.kind
    if one is Identity:
        return right, False
    if other is Identity:
        return left, False
    shape = left.rows, right.columns
    if one in _SCALINGS and other in _SCALINGS:
        kind = Scale if one is other is Scale else Diagonal
        return Sketch(kind, *shape, left.rows), False
    if one is other and one in _VIEWS:
        return Sketch(one, *shape, left.rows), False
    if one in _GATHERS and other in _GATHERS and Take in (one, other):
        return Sketch(Take, *shape, left.rows), False
    entries = left.rows * right.columns
    if left.matrix and right.matrix and entries <= LARGEST and entries + CALL + STEP <= left.cost + right.cost:
        return Sketch(Dense, *shape, entries), True
    return None


def sum_of(there: Sketch, new: Sketch, multiplied_out: bool) -> Sketch:
    """A block beside one that is there already."""
    entries = there.rows * there.columns
    if there.kind in _SCALINGS and new.kind in _SCALINGS:
        return Sketch(Diagonal, there.rows, there.columns, there.rows)
    if multiplied_out and there.matrix and entries + CALL + STEP <= there.cost + new.cost:
        return Sketch(Dense, there.rows, there.columns, entries)
    return Sketch(
        Sum,
        there.rows,
        there.columns,
        there.flops + new.flops,
        there.calls + new.calls,
        there.matrix and new.matrix,
    )
