"""Every block as a sum of monomials: one rule per kind that has a finer form than its coordinates."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks.block import Adjoint, Block, Identity, Product, Sum, Zero
from adjoint.blocks.elementwise import Diagonal, Mask, Reduce, Scale
from adjoint.blocks.gather import Reshape, Roll, Slice, Take, Transpose
from adjoint.blocks.kernels import Array, Shape, broadcast_axes, flat_index
from adjoint.blocks.monomials import Monomials, Terms, add, multiply, transposed
from adjoint.blocks.pairs import Pairs, PairTable

_NUMBERS = (int, float, complex)


def expanded(table: PairTable, block: Block, guarded: bool = False) -> Terms:
    """The monomials of a block.

    Patterns come from shapes and index arrays; values are data. So a mask keeps all of its entries, unless the
    table knows it for a constant: then only those that it selects.
    """
    if isinstance(block, Product):
        terms = expanded(table, block.factors[-1], guarded)
        for factor in block.factors[-2::-1]:
            terms = multiply(table, expanded(table, factor, guarded), terms, guarded)
        return terms
    if isinstance(block, Sum):
        terms = {}
        for term in block.terms:
            terms = add(table, terms, expanded(table, term, guarded))
        return terms
    if isinstance(block, Adjoint):
        return transposed(table, expanded(table, block.block, guarded))
    rule = _RULES.get(type(block))
    if rule is not None:
        return rule(table, block)
    if block.nnz > table.max_entries:
        table.refuse(block.nnz, f"a {block.kind} block {block.in_shape} → {block.out_shape}")
    sparse = block.to_sparse()
    if not sparse.nnz:
        return {}
    return {table.pairs(sparse.rows, sparse.columns, block.shape): sparse.data}


def _spread(table: PairTable, in_shape: Shape, out_shape: Shape) -> Pairs:
    """The pairs of broadcasting."""
    shape = math.prod(out_shape), math.prod(in_shape)
    columns = None
    if broadcast_axes(in_shape, out_shape):
        columns = np.broadcast_to(flat_index(in_shape), out_shape).ravel()
    return table.pairs(None, columns, shape)


def _vector(data: Array, shape: Shape) -> Array:
    """Data over all entries of a shape, flat; a number stays one."""
    if isinstance(data, _NUMBERS):
        return data
    if data.dtype.kind in "biu":
        data = data.astype(float)
    return np.broadcast_to(data, shape).reshape(-1) if data.ndim else data


def _identity(table: PairTable, block: Identity) -> Terms:
    size = math.prod(block.in_shape)
    return {table.pairs(None, None, (size, size)): 1.0} if size else {}


def _scale(table: PairTable, block: Scale) -> Terms:
    return {_spread(table, block.in_shape, block.out_shape): block.factor}


def _diagonal(table: PairTable, block: Diagonal) -> Terms:
    return {_spread(table, block.in_shape, block.out_shape): _vector(block.data, block.out_shape)}


def _mask(table: PairTable, block: Mask) -> Terms:
    pairs = _spread(table, block.in_shape, block.out_shape)
    mask = _vector(block.mask, block.out_shape)
    if not (table.masks_are_constant and isinstance(mask, (np.ndarray, np.generic))):
        return {pairs: mask}
    rows = np.flatnonzero(np.broadcast_to(mask, (pairs.count,)))
    return {table.pairs(rows, pairs.all_columns[rows], pairs.shape): 1.0} if rows.size else {}


def _reduce(table: PairTable, block: Reduce) -> Terms:
    rows = Reduce(1, block.axes, block.in_shape, block.out_shape).apply_adjoint(flat_index(block.out_shape)).ravel()
    return {table.pairs(rows, None, block.shape): block.factor}


def _gather(table: PairTable, block: Any) -> Terms:
    return {table.pairs(None, block.positions().ravel(), block.shape): 1.0}


_RULES: dict[type[Block], Callable[[PairTable, Any], Terms]] = {
    Diagonal: _diagonal,
    Identity: _identity,
    Mask: _mask,
    Monomials: lambda table, block: dict(block.terms),
    Reduce: _reduce,
    Scale: _scale,
    Zero: lambda table, block: {},
    **dict.fromkeys((Reshape, Roll, Slice, Take, Transpose), _gather),
}
