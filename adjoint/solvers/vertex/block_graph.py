"""Vertex elimination on a graph of blocks, each a sum of monomials.

Vertices are nodes, the edge ``i → k`` carries ``J[k, i]``. To eliminate ``j`` is to replace the paths through it by
edges: ``J[k, i] += J[k, j] J[j, i]`` for every predecessor ``i`` and successor ``k``. That is one step of Gaussian
elimination on ``A`` with the pivot ``j``. When only inputs and outputs are left, the edges are the Jacobian.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from adjoint.blocks import Block, DiagonalBlock
from adjoint.blocks.conjugation import refuse_matrix
from adjoint.blocks.expansion import expanded
from adjoint.blocks.monomials import Monomials, Terms, add, multiply
from adjoint.blocks.pairs import PairTable
from adjoint.errors import AdjointError
from adjoint.system import ConstraintSystem
from adjoint.system.solving import note_where

Edges = dict[int, Terms]


class BlockGraph:
    """The blocks of a system as monomials, ready for elimination; it changes as vertices are eliminated.

    Attributes
    ----------
    into : dict
        ``into[k][i]`` are the monomials of ``J[k, i]``.
    readers : dict
        ``readers[i]``: the vertices that have an edge from ``i``, in order (a dict as an ordered set).
    """

    def __init__(self, table: PairTable, *, guarded: bool = False) -> None:
        self.table = table
        self.guarded = guarded
        self.into: dict[int, Edges] = {}
        self.readers: dict[int, dict[int, None]] = {}

    @classmethod
    def of(
        cls, system: ConstraintSystem, table: PairTable, nodes: Iterable[int], *, guarded: bool = False
    ) -> BlockGraph:
        """The blocks of some nodes (0-based), those of implicit constraints solved with their diagonal block."""
        table.trim()
        graph = cls(table, guarded=guarded)
        for k in nodes:
            diagonal = system.diagonal_of(k)
            for parent, block in system.blocks_of(k):
                try:
                    if system.values[parent].dtype.kind == "c" and system.values[k].dtype.kind != "c":
                        refuse_matrix(block)
                    terms = expanded(table, block, guarded)
                except AdjointError as error:
                    note_where(error, system.primitives, system.records, k)
                    raise
                if terms:
                    graph.connect(k, parent, terms if diagonal is None else solved(table, diagonal, block, terms))
        return graph

    def connect(self, k: int, i: int, terms: Terms) -> None:
        """``J[k, i] += terms``."""
        edges = self.into.setdefault(k, {})
        edges[i] = add(self.table, edges[i], terms) if i in edges else terms
        self.readers.setdefault(i, {})[k] = None

    def eliminate(self, j: int) -> tuple[Edges, Edges]:
        """Replace the paths through ``j``; returns the edges it had: from its predecessors, and to its successors."""
        before = self.into.pop(j, {})
        after = {k: self.into[k].pop(j) for k in self.readers.pop(j, {})}
        for i in before:
            del self.readers[i][j]
        for k, outer in after.items():
            for i, inner in before.items():
                product = multiply(self.table, outer, inner, self.guarded)
                if product:
                    self.connect(k, i, product)
        return before, after

    def nonzeros(self) -> int:
        """Entries of all edges."""
        return sum(pairs.count for edges in self.into.values() for terms in edges.values() for pairs in terms)


def between(system: ConstraintSystem, sources: Sequence[int], targets: Sequence[int]) -> list[int]:
    """The nodes (0-based) on paths of blocks from ``sources`` to ``targets``, ends included, in order."""
    records = system.records
    forward = bytearray(len(records))
    for k in sources:
        forward[k] = 1
    for k, record in enumerate(records):
        if not forward[k] and system.is_active(k) and any(p >= 0 and forward[p] for p in record[1]):
            forward[k] = 1
    backward = bytearray(len(records))
    for k in targets:
        backward[k] = 1
    for k in range(len(records) - 1, -1, -1):
        if backward[k]:
            for p in records[k][1]:
                if p >= 0:
                    backward[p] = 1
    return [k for k in range(len(records)) if forward[k] and backward[k]]


def solved(table: PairTable, diagonal: Block, block: Block, terms: Terms) -> Terms:
    """``D⁻¹ J`` for the monomials of ``J``: the columns that hold an entry become full ones."""
    if not isinstance(diagonal, DiagonalBlock):
        raise TypeError(f"the diagonal block {diagonal!r} of an implicit constraint cannot solve")
    m, n = math.prod(block.out_shape), math.prod(block.in_shape)
    columns = np.unique(np.concatenate([pairs.all_columns for pairs in terms]))
    units = np.zeros((columns.size, n))
    units[np.arange(columns.size), columns] = 1
    images = Monomials(terms, (n,), (m,)).apply(units)
    found = diagonal.solve(images.reshape((columns.size, *block.out_shape))).reshape(columns.size, m)
    pairs = table.pairs(np.tile(np.arange(m), columns.size), np.repeat(columns, m), (m, n))
    return {pairs: found.reshape(-1)}
