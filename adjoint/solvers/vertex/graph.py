"""The graph that vertex elimination works on: the blocks ``J[k, i]`` as edges from parent ``i`` to child ``k``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adjoint.blocks import Block, Identity, Scale, Zero
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import grouped_nodes
from adjoint.tracing.trace import EMPTY

if TYPE_CHECKING:
    from adjoint.system import Structure


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """The blocks below the diagonal as a graph. Vertices ``0 … n-1`` are in topological order.

    Attributes
    ----------
    sizes : int array (n,)
        Scalar unknowns of each vertex; 0 for one that takes no part.
    children, parents : int arrays (edges,)
        Edges ``J[child, parent]``, each pair once, sorted by child and then by parent.
    nonzeros : int array (edges,)
        Of each block; never more than the product of the two sizes.
    units : bool array (edges,)
        The block is ``±I`` by its structure: a product with it needs no multiplication.
    eliminable : bool array (n,)
        The intermediates: neither inputs nor outputs.
    """

    sizes: np.ndarray
    children: np.ndarray
    parents: np.ndarray
    nonzeros: np.ndarray
    units: np.ndarray
    eliminable: np.ndarray

    @classmethod
    def of(cls, structure: Structure, keep: Collection[int], units: Collection[tuple[int, int]] = frozenset()) -> Graph:
        """The graph of a structure.

        Parameters
        ----------
        structure : Structure
        keep : collection of int
            Nodes that stay: the inputs and the outputs, as a rule.
        units : collection of (child, parent), optional
            Edges that are ``±1`` by structure, see :func:`unit_edges`.

        Notes
        -----
        Two operands that are one node are one edge here: their blocks add up, and so do their nonzeros.
        """
        return cls.from_edges(
            structure.sizes, structure.children, structure.parents, structure.nonzeros, keep=keep, units=units
        )

    @classmethod
    def from_edges(
        cls,
        sizes: Sequence[int] | np.ndarray,
        children: Sequence[int] | np.ndarray,
        parents: Sequence[int] | np.ndarray,
        nonzeros: Sequence[int] | np.ndarray | None = None,
        *,
        keep: Collection[int],
        units: Collection[tuple[int, int]] = frozenset(),
    ) -> Graph:
        """A graph from lists of edges, in any order, repetitions added up; scalars unless ``nonzeros`` are given."""
        sizes = np.asarray(sizes, dtype=np.int64)
        children, parents = np.asarray(children, dtype=np.int64), np.asarray(parents, dtype=np.int64)
        counts = np.ones(len(children), np.int64) if nonzeros is None else np.asarray(nonzeros, dtype=np.int64)
        n = len(sizes)
        if len(children) and not (parents < children).all():
            raise ValueError("the vertices of a graph are in topological order: every parent comes before its child")
        live = (sizes[children] > 0) & (sizes[parents] > 0)
        keys, where = np.unique(children[live] * n + parents[live], return_inverse=True)
        merged = np.zeros(len(keys), np.int64)
        np.add.at(merged, where, counts[live])
        child, parent = keys // max(n, 1), keys % max(n, 1)
        eliminable = sizes > 0
        eliminable[list(keep)] = False
        unit = np.isin(keys, np.array([k * n + i for k, i in units], dtype=np.int64))
        return cls(sizes, child, parent, np.minimum(merged, sizes[child] * sizes[parent]), unit, eliminable)

    def __len__(self) -> int:
        return len(self.sizes)

    @property
    def edges(self) -> dict[tuple[int, int], int]:
        """``{(child, parent): nonzeros}``."""
        pairs = zip(self.children.tolist(), self.parents.tolist(), strict=True)
        return dict(zip(pairs, self.nonzeros.tolist(), strict=True))

    @property
    def intermediates(self) -> list[int]:
        """The vertices that may be eliminated, in topological order."""
        found: list[int] = np.flatnonzero(self.eliminable).tolist()
        return found

    @property
    def scalar(self) -> bool:
        """Every vertex has one unknown: a product of edges is one multiplication."""
        return bool((self.sizes <= 1).all())

    def with_copies(self, outputs: Iterable[int]) -> Graph:
        """A graph in which no output is read: those that are get a copy as the output, and become intermediates.

        What is left after eliminating all intermediates is then the Jacobian, edge by entry. A solver does not need it.
        """
        read = set(self.parents.tolist())
        copied = [k for k in dict.fromkeys(outputs) if k in read and self.sizes[k] > 0]
        n = len(self)
        new = np.arange(n, n + len(copied))
        eliminable = np.concatenate([self.eliminable, np.zeros(len(copied), bool)])
        eliminable[copied] = True
        return Graph(
            np.concatenate([self.sizes, self.sizes[copied]]),
            np.concatenate([self.children, new]),
            np.concatenate([self.parents, np.array(copied, np.int64)]),
            np.concatenate([self.nonzeros, self.sizes[copied]]),
            np.concatenate([self.units, np.ones(len(copied), bool)]),
            eliminable,
        )


def unit_edges(system: ConstraintSystem) -> frozenset[tuple[int, int]]:
    """The blocks that are ``±I`` by structure, as ``(child, parent)`` counted from 0.

    Additions, subtractions, negations, copies and reshapes by the identity have them. A node that reads another one
    twice (``x + x``) has not: its blocks add up.
    """
    often: Counter[tuple[int, int]] = Counter()
    units: set[tuple[int, int]] = set()
    groups, single = grouped_nodes(system)
    with np.errstate(all="ignore"):
        for nodes in groups.values():
            k = nodes[0]  # the nodes of a group share a rule, and a rule names its constants
            operands = [np.asarray(x) for x in system.records[k][0]]
            columns = list(zip(*(system.records[k][1] for k in nodes), strict=True))
            asked = [position if max(column) >= 0 else -1 for position, column in enumerate(columns)]
            blocks = dict(system.primitives[k].blocks(system.values[k], operands, EMPTY, asked))
            for position, block in blocks.items():
                pairs = [(k, parent) for k, parent in zip(nodes, columns[position], strict=True) if parent >= 0]
                if not isinstance(block, Zero):
                    often.update(pairs)
                if _is_unit(block):
                    units.update(pairs)
        for k in single:
            for parent, block in system.blocks_of(k):
                if not isinstance(block, Zero):
                    often[k, parent] += 1
                if _is_unit(block):
                    units.add((k, parent))
    return frozenset(pair for pair in units if often[pair] == 1)


def _is_unit(block: Block) -> bool:
    if isinstance(block, Scale):
        return block.in_shape == block.out_shape and block.factor in (1, -1)
    return isinstance(block, Identity)
