"""The pattern of a block as a join, where that has a closed form.

A *join* gives each row and each column of ``J`` a key: there is an entry where the keys are equal. Dense matrices (one
key), contractions (the labels that both sides have), transforms along an axis and sums that are spread again are joins;
counting one takes the time of its sides, not of its entries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import (
    Adjoint,
    Array,
    Block,
    Conjugate,
    Contraction,
    Cosine,
    Dense,
    Diagonal,
    Fourier,
    Function,
    Gather,
    Identity,
    Mask,
    MatrixOnLeft,
    Product,
    RealPart,
    Reduce,
    Reshape,
    Roll,
    Scale,
    Stacked,
    Sum,
    Transpose,
    Zero,
)
from adjoint.blocks.kernels import flat_index
from adjoint.calculus.constraint import Nested

ELEMENTWISE = (Identity, Scale, Diagonal, Mask)
TABLED = 2048
"""Length up to which the entries of a Fourier transform are told with their phase; beyond it their magnitude."""


@dataclass(frozen=True, slots=True, eq=False)
class Join:
    """A pattern: ``J[r, c]`` is an entry where ``row_keys[r] == column_keys[c]``.

    Attributes
    ----------
    row_keys, column_keys : int arrays (m,) and (n,)
        From 0 to ``keys - 1``.
    keys : int
    """

    row_keys: np.ndarray
    column_keys: np.ndarray
    keys: int


# --- blocks that stand for others --------------------------------------------------------------------


def plain(block: Block) -> Block:
    """The block without what has no matrix over the complex numbers: real parts and conjugates entry by entry.

    Their magnitudes are those of the factor: ``|Re(conj(d) v)| ≤ |d| |v|``, which is attained.
    """
    if isinstance(block, Conjugate):
        return Identity(block.in_shape)
    if isinstance(block, RealPart):
        d = block.data
        return Identity(block.in_shape) if type(d) is int else Diagonal(np.abs(d), block.in_shape, block.out_shape)
    if isinstance(block, Product):
        return Product(*(plain(factor) for factor in block.factors))
    if isinstance(block, Sum):
        return Sum(*(plain(term) for term in block.terms))
    if isinstance(block, Stacked):
        return Stacked(*(plain(part) for part in block.blocks))
    if isinstance(block, Adjoint):
        return Adjoint(plain(block.block))
    return block


def contraction_of(block: Block) -> Contraction | None:
    """The contraction that a block is, if it is one."""
    if isinstance(block, Contraction):
        return block
    if isinstance(block, Fourier):
        n = block.in_shape[block.axis]
        if n <= TABLED:
            return along_axis(block, Fourier(0, block.inverse, block.norm, (n, n)).apply(np.eye(n)))
        return along_axis(block, np.broadcast_to(np.float64(fourier_size(block)), (n, n)))
    if isinstance(block, MatrixOnLeft):
        vectors = len(block.in_shape) == len(block.matrix.shape) - 1
        stack = block.in_shape[:-1] if vectors else block.in_shape[:-2]
        n = block.matrix.shape[-1]
        matrix: Array = np.float64(1)  # of a traced one only the pattern is asked for
        if isinstance(block.matrix, np.ndarray):
            matrix = np.conjugate(block.matrix).mT if block.hermitian_transpose else block.matrix
        matrix = np.broadcast_to(matrix, (*stack, n, n))
        s, j = tuple(range(len(stack))), () if vectors else ("j",)
        labels = ((*s, "k", *j), (*s, "i", "k"), (*s, "i", *j))
        return Contraction(*labels, matrix, block.in_shape, block.out_shape)
    return None


def fourier_size(block: Fourier) -> float:
    """``|entry|``, the same for all."""
    n = block.in_shape[block.axis]
    scaled = block.norm == ("backward" if block.inverse else "forward")
    return 1 / math.sqrt(n) if block.norm == "ortho" else 1 / n if scaled else 1.0


def along_axis(block: Any, matrix: Array) -> Contraction:
    labels = list(range(len(block.in_shape)))
    out_labels = labels.copy()
    out_labels[block.axis] = -1
    axes = (tuple(labels), (-1, labels[block.axis]), tuple(out_labels))
    return Contraction(*axes, matrix, block.in_shape, block.out_shape)


def unfolded(block: Nested) -> Block | None:
    """A nested system as the product and sum of the blocks inside; ``None`` if a constraint in it is implicit."""
    system, node = block.subsystem.system, block.subsystem.node
    if any(primitive.diagonal is not None for primitive in system.primitives):
        return None
    maps: dict[int, Block] = {node: Identity(block.out_shape)}
    for k in range(node, -1, -1):
        found = system.blocks_of(k) if k in maps else []
        if not found:
            continue
        reached = maps.pop(k)
        for parent, inner in found:
            part = reached @ inner
            maps[parent] = maps[parent] + part if parent in maps else part
    return maps.get(system.trace.inputs[block.position], Zero(block.in_shape, block.out_shape))


# --- joins -----------------------------------------------------------------------------------------


def join(block: Block) -> Join | None:
    """The pattern as a join, where it is known to be one."""
    m, n = block.shape
    if isinstance(block, (Dense, Function)):
        return Join(np.zeros(m, np.intp), np.zeros(n, np.intp), 1)
    contraction = None if isinstance(block, Fourier) else contraction_of(block)
    if isinstance(block, (Cosine, Fourier)):
        contraction = along_axis(block, np.broadcast_to(1.0, (block.in_shape[block.axis],) * 2))
    if contraction is not None:
        return _join_of_contraction(contraction)
    if isinstance(block, Nested):
        inner = unfolded(block)
        if inner is None:
            return Join(np.zeros(m, np.intp), np.zeros(n, np.intp), 1)
        return join(plain(inner))
    if isinstance(block, Adjoint):
        found = join(block.block)
        return found and Join(found.column_keys, found.row_keys, found.keys)
    if isinstance(block, Product):
        return _join_of_product(block)
    return None


def _join_of_contraction(block: Contraction) -> Join:
    shared = [label for label in block.labels if label in block.out_labels]
    sizes = dict(zip(block.labels, block.in_shape, strict=True))
    strides = {}
    keys = 1
    for label in reversed(shared):
        strides[label] = keys
        keys *= sizes[label]
    rows = _positions(block.out_labels, block.out_shape, strides)
    return Join(rows, _positions(block.labels, block.in_shape, strides), keys)


def _positions(labels: Any, shape: Any, strides: dict[Any, int]) -> np.ndarray:
    """For each entry of an array its position in the grid of ``strides``."""
    flat = np.zeros(shape, dtype=np.intp)
    for axis, label in enumerate(labels):
        if label in strides:
            along = np.arange(shape[axis]) * strides[label]
            flat += along.reshape((-1, *(1,) * (len(shape) - axis - 1)))
    return flat.ravel()


def _join_of_product(block: Product) -> Join | None:
    """Entries that are spread after they were summed: one key for each value between."""
    left, middle, right = ends(block)
    if len(middle) > 1:
        return None
    if not middle:
        if right is None:  # one entry in each row: it is listed as quickly
            return None
        rows = np.arange(block.shape[0]) if left is None else left
        return Join(rows, right, int(max(rows.max(initial=-1), right.max(initial=-1))) + 1)
    inner = join(middle[0])
    if inner is None:
        return None
    rows = inner.row_keys if left is None else inner.row_keys[left]
    return Join(rows, inner.column_keys if right is None else inner.column_keys[right], inner.keys)


def ends(block: Product) -> tuple[np.ndarray | None, list[Block], np.ndarray | None]:
    """Where rows come from, what is between, and where columns go to."""
    factors = list(block.factors)
    left: np.ndarray | None = None
    while factors:
        found = row_map(factors[0])
        if found is None:
            break
        left = found if left is None else found[left]
        factors.pop(0)
    right: np.ndarray | None = None
    while factors:
        found = column_map(factors[-1])
        if found is None:
            break
        right = found if right is None else found[right]
        factors.pop()
    return left, factors, right


def row_map(block: Block) -> np.ndarray | None:
    """For each row the column of its only entry, for kinds that have one in every row."""
    if isinstance(block, ELEMENTWISE):
        return spread_index(block.in_shape, block.out_shape, 0, block.shape[0])
    if isinstance(block, Gather):
        return block.positions().ravel()
    return None


def column_map(block: Block) -> np.ndarray | None:
    """For each column the row of its only entry, for kinds that have one in every column."""
    if isinstance(block, Reduce):
        return reduced_index(block, 0, block.shape[1])
    if isinstance(block, (*ELEMENTWISE, Reshape)) and block.shape[0] == block.shape[1]:
        return np.arange(block.shape[1])
    if isinstance(block, (Transpose, Roll)):
        rows = np.empty(block.shape[1], np.intp)
        rows[block.positions().ravel()] = np.arange(block.shape[1])
        return rows
    if isinstance(block, Adjoint):
        return row_map(block.block)
    return None


def spread_index(in_shape: Any, out_shape: Any, start: int, stop: int) -> np.ndarray:
    """Of the flat entries ``start … stop - 1`` of ``out_shape`` those of ``in_shape`` that were broadcast to them."""
    if math.prod(in_shape) == math.prod(out_shape):
        return np.arange(start, stop)
    return np.broadcast_to(flat_index(in_shape), out_shape).flat[start:stop]


def reduced_index(block: Reduce, start: int, stop: int) -> np.ndarray:
    kept = list(block.in_shape)
    for axis in block.axes:
        kept[axis] = 1
    return np.broadcast_to(flat_index(block.out_shape).reshape(kept), block.in_shape).flat[start:stop]
