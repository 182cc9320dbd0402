"""What shapes alone tell about a system: sizes, edges, levels, and the cost of every block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Diagonal, Identity, Mask, Scale, Zero, kind_of
from adjoint.errors import NotAcceptedError
from adjoint.system.assembly import grouped_nodes
from adjoint.tracing import ZERO
from adjoint.tracing.trace import EMPTY

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem

_ELEMENTWISE = (Diagonal, Identity, Mask, Scale)


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The block pattern of ``A`` with the size of everything in it; nodes are counted from 0.

    Attributes
    ----------
    sizes : int array (n,)
        Scalar unknowns of each node; 0 where it has no multiplier.
    children, parents : int arrays (edges,)
        One edge per block ``J[child, parent]``, sorted by child; two operands that are one node are two edges.
    nonzeros, flops : int arrays (edges,)
        Of each block: structural nonzeros, and multiplications of one product with it.
    elementwise : bool array (edges,)
        The block acts entry by entry: it takes one NumPy call, others take several.
    implicit : tuple of int
        Nodes whose diagonal block is not the identity.
    implicit_nonzeros : tuple of int
        Of each of these blocks.
    levels : int array (n,)
        The longest path of blocks to each node; nodes of a level do not depend on each other.
    names : list of str
        The operation of each node.
    scalar_nodes : int
        Nodes that are scalars made by elementwise operations: they are linearized many at a time.
    real_linear : tuple of int
        Nodes with a block that has no matrix over the complex numbers, or perhaps none.
    kinds : int array (edges,)
        The kind of each block, as a position in ``kind_names``.
    kind_names : tuple of str
        ``"diagonal"``, ``"contraction"``, … as the blocks call themselves.
    """

    sizes: np.ndarray
    children: np.ndarray
    parents: np.ndarray
    nonzeros: np.ndarray
    flops: np.ndarray
    elementwise: np.ndarray
    implicit: tuple[int, ...]
    levels: np.ndarray
    names: list[str]
    scalar_nodes: int
    real_linear: tuple[int, ...] = ()
    implicit_nonzeros: tuple[int, ...] = ()
    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    kind_names: tuple[str, ...] = ()

    @classmethod
    def of(cls, system: ConstraintSystem) -> Structure:
        """Read a system; blocks are built, asked for their shapes, and dropped."""
        groups, single = grouped_nodes(system)
        sizes = _sizes(system, groups, single)
        edges: list[np.ndarray] = []  # tables of (child, parent, nonzeros, flops, elementwise, kind)
        kinds: dict[str, int] = {}
        for nodes in groups.values():
            if any(np.iscomplexobj(x) for x in system.records[nodes[0]][0]):
                single += nodes  # they may be linear over the real numbers only
                continue
            edges += _scalar_edges(system, nodes, kinds)
        real_linear: dict[int, None] = {}
        rows: list[tuple[int, int, int, int, bool, int]] = []
        with np.errstate(all="ignore"):
            for k in single:
                for parent, block in system.blocks_of(k):
                    if isinstance(block, Zero):
                        continue
                    kind = kinds.setdefault(kind_of(block), len(kinds))
                    rows.append((k, parent, block.nnz, block.flops, isinstance(block, _ELEMENTWISE), kind))
                    if system.value(parent).dtype.kind == "c" and (
                        system.value(k).dtype.kind != "c" or block.absolute() is None
                    ):
                        real_linear[k] = None
            solved = [k for k, primitive in enumerate(system.primitives) if primitive.diagonal is not None]
            diagonals = {k: diagonal.nnz for k in solved if (diagonal := system.diagonal_of(k)) is not None}
        edges.append(np.array(rows, dtype=np.int64).reshape(-1, 6))
        table = np.concatenate(edges)
        table = table[np.argsort(table[:, 0], kind="stable")]
        children, parents, nonzeros, flops, elementwise, codes = np.ascontiguousarray(table.T)
        levels = [0] * len(system)
        for k, parent in zip(children.tolist(), parents.tolist(), strict=True):
            if levels[parent] >= levels[k]:
                levels[k] = levels[parent] + 1
        return cls(
            sizes=sizes,
            children=children,
            parents=parents,
            nonzeros=nonzeros,
            flops=flops,
            elementwise=elementwise.astype(bool),
            implicit=tuple(diagonals),
            implicit_nonzeros=tuple(diagonals.values()),
            levels=np.array(levels, dtype=np.int64),
            names=[primitive.name for primitive in system.primitives],
            scalar_nodes=sum(len(nodes) for nodes in groups.values()),
            real_linear=tuple(real_linear),
            kinds=codes,
            kind_names=tuple(kinds),
        )

    def refuse_real_linear(self, solver: str) -> None:
        """Raise for a strategy that needs the scalar matrix, where there may be none over the complex numbers."""
        for k in self.real_linear:
            raise NotAcceptedError(
                f"'{solver}' needs a matrix of complex numbers, but z_{k + 1} = {self.names[k]}(…) is linear over the "
                "real numbers only. 'back_substitution' takes it; or split real and imaginary parts."
            )

    @property
    def unknowns(self) -> int:
        """``N``: ``A`` is ``N × N``."""
        return int(self.sizes.sum())

    @property
    def nodes(self) -> int:
        """Nodes with a multiplier."""
        return int(np.count_nonzero(self.sizes))

    @property
    def matrix_nonzeros(self) -> int:
        """Structural nonzeros of ``A``, its diagonal included."""
        explicit = self.unknowns - int(self.sizes[list(self.implicit)].sum())
        return explicit + sum(self.implicit_nonzeros) + int(self.nonzeros.sum())

    @property
    def depth(self) -> int:
        """Number of levels."""
        active = self.levels[self.sizes > 0]
        return int(active.max()) + 1 if active.size else 0

    @property
    def widths(self) -> np.ndarray:
        """Nodes in each level."""
        return np.bincount(self.levels[self.sizes > 0], minlength=self.depth)


def _sizes(system: ConstraintSystem, groups: dict[Any, list[int]], single: list[int]) -> np.ndarray:
    """Unknowns of each node, as ``system.offsets`` has them, which asks every node."""
    sizes = np.zeros(len(system), dtype=np.int64)
    for nodes in groups.values():
        sizes[nodes] = 1
    for k in single:
        sizes[k] = system.value(k).size
    for k in system.trace.inputs:
        sizes[k] = system.value(k).size if system.is_active(k) else 0
    return sizes


def _scalar_edges(system: ConstraintSystem, nodes: list[int], kinds: dict[str, int]) -> list[np.ndarray]:
    """The edges of scalar nodes of one elementwise primitive, a table for each operand."""
    records = system.records
    primitive, count = system.primitives[nodes[0]], len(records[nodes[0]][0])
    children = np.array(nodes, dtype=np.int64)
    columns = np.array([records[k][1] for k in nodes], dtype=np.int64).T
    tables = []
    for position, parents in enumerate(columns):
        if primitive.partials[position] is ZERO:
            continue
        linked = parents >= 0
        if not linked.any():
            continue
        # the nodes of a group share a rule, and a rule names its blocks whatever the values are
        sample = nodes[int(np.argmax(linked))]
        operands = records[sample][0]
        asked = [0 if j == position else -1 for j in range(count)]
        with np.errstate(all="ignore"):
            found = [block for _, block in primitive.blocks(system.values[sample], operands, EMPTY, asked)]
        if not found or isinstance(found[0], Zero):
            continue
        table = np.ones((int(np.count_nonzero(linked)), 6), dtype=np.int64)
        table[:, 0], table[:, 1] = children[linked], parents[linked]
        table[:, 5] = kinds.setdefault(kind_of(found[0]), len(kinds))
        tables.append(table)
    return tables
