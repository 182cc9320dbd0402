"""The entries of a system for rasters: scalar nodes by operation, all other nodes block by block, and their values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from adjoint.blocks import (
    Adjoint,
    Block,
    Contraction,
    Convolution,
    Dense,
    Diagonal,
    Gather,
    Identity,
    Mask,
    MatrixOnLeft,
    Product,
    Recursion,
    Reduce,
    Scale,
    Sparse,
    SparseMatrix,
    Stacked,
    Sum,
    Zero,
)
from adjoint.errors import PlotError
from adjoint.plot.raster.joins import plain
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import stacked_partials
from adjoint.tracing import Tracer


def scalar_entries(system: ConstraintSystem, nodes: list[int]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """``(parents, children, entries)`` of a group of scalar nodes; operands that are one node are one entry."""
    parts = stacked_partials(system, nodes)
    kept: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for parents, children, data in parts:
        for known_parents, known_children, known in kept:
            place = np.minimum(np.searchsorted(known_children, children), max(0, known_children.size - 1))
            if not known_children.size or not children.size:
                continue
            same = (known_children[place] == children) & (known_parents[place] == parents)
            if same.any():
                known[place[same]] += data[same]  # `known` is a copy
                parents, children, data = parents[~same], children[~same], data[~same]
        kept.append((parents, children, np.array(data)))
    yield from kept


def blocks_in(system: ConstraintSystem, single: list[int], starts: np.ndarray) -> Iterator[tuple[int, int, Block]]:
    """``(k, parent, J[k, parent])`` of the nodes in the picture, with ``(k, k, D_k)`` of implicit ones."""
    for k in single:
        if starts[k] < 0:
            continue
        found: dict[int, Block] = {}
        for parent, block in system.blocks_of(k):
            if starts[parent] >= 0 and not isinstance(block, Zero):
                block = plain(block)
                found[parent] = found[parent] + block if parent in found else block
        for parent, block in found.items():
            yield k, parent, block
        diagonal = system.diagonal_of(k)
        if diagonal is not None:
            yield k, k, diagonal


# --- what is known of the values --------------------------------------------------------------------

_DATA = {
    Diagonal: "data",
    Dense: "matrix",
    MatrixOnLeft: "matrix",
    Contraction: "other",
    Convolution: "other",
    Sparse: "data",
    Recursion: "tail",
    Scale: "factor",
    Reduce: "factor",
}


def data_of(block: Block) -> Iterator[Any]:
    """The arrays that the entries are made of, for kinds that show them."""
    name = _DATA.get(type(block))
    if name is not None:
        yield getattr(block, name)
    elif isinstance(block, SparseMatrix):
        yield block.matrix.data
    elif isinstance(block, (Product, Sum, Stacked)):
        parts = block.factors if isinstance(block, Product) else block.terms if isinstance(block, Sum) else block.blocks
        for part in parts:
            yield from data_of(part)
    elif isinstance(block, Adjoint):
        yield from data_of(block.block)


def looks_finite(block: Block) -> bool:
    """Whether no array that the entries are made of holds NaN or infinity."""
    if isinstance(block, (Identity, Mask, Gather)):
        return True
    return all(type(data) is Tracer or bool(np.isfinite(data).all()) for data in data_of(block))


def is_traced(block: Block) -> bool:
    """Whether the entries are traced."""
    return any(type(data) is Tracer for data in data_of(block))


def refuse_traced(block: Block) -> None:
    """Raise where magnitudes are asked for and there are none."""
    if is_traced(block):
        raise PlotError(
            "magnitudes are known for plain numbers only, and these values are traced by an outer derivative: take the "
            "picture outside, or leave out magnitudes"
        )
