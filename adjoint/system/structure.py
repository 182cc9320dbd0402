"""What shapes alone tell about a system: sizes, edges, levels, and the cost of every block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from adjoint.blocks import Diagonal, Identity, Mask, Scale, Zero
from adjoint.errors import NotAcceptedError
from adjoint.system.assembly import grouped_nodes
from adjoint.tracing import ZERO

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
    levels : int array (n,)
        The longest path of blocks to each node; nodes of a level do not depend on each other.
    names : list of str
        The operation of each node.
    scalar_nodes : int
        Nodes that are scalars made by elementwise operations: they are linearized many at a time.
    real_linear : tuple of int
        Nodes with a block that has no matrix over the complex numbers, or perhaps none.
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

    @classmethod
    def of(cls, system: ConstraintSystem) -> Structure:
        """Read a system; blocks are built, asked for their shapes, and dropped."""
        groups, single = grouped_nodes(system)
        edges: list[tuple[int, int, int, int, bool]] = []
        for nodes in groups.values():
            if any(np.iscomplexobj(x) for x in system.records[nodes[0]][0]):
                single += nodes  # they may be linear over the real numbers only
                continue
            partials = system.primitives[nodes[0]].partials
            for k in nodes:
                for position, parent in enumerate(system.records[k][1]):
                    if parent >= 0 and partials[position] is not ZERO:
                        edges.append((k, parent, 1, 1, True))
        real_linear: dict[int, None] = {}
        with np.errstate(all="ignore"):
            for k in single:
                for parent, block in system.blocks_of(k):
                    if isinstance(block, Zero):
                        continue
                    edges.append((k, parent, block.nnz, block.flops, isinstance(block, _ELEMENTWISE)))
                    if system.value(parent).dtype.kind == "c" and (
                        system.value(k).dtype.kind != "c" or block.absolute() is None
                    ):
                        real_linear[k] = None
        table = np.array(edges, dtype=np.int64).reshape(-1, 5)
        table = table[np.argsort(table[:, 0], kind="stable")]
        children, parents, nonzeros, flops, elementwise = np.ascontiguousarray(table.T)
        levels = [0] * len(system)
        for k, parent in zip(children.tolist(), parents.tolist(), strict=True):
            if levels[parent] >= levels[k]:
                levels[k] = levels[parent] + 1
        return cls(
            sizes=np.diff(system.offsets),
            children=children,
            parents=parents,
            nonzeros=nonzeros,
            flops=flops,
            elementwise=elementwise.astype(bool),
            implicit=tuple(k for k, primitive in enumerate(system.primitives) if primitive.diagonal is not None),
            levels=np.array(levels, dtype=np.int64),
            names=[primitive.name for primitive in system.primitives],
            scalar_nodes=sum(len(nodes) for nodes in groups.values()),
            real_linear=tuple(real_linear),
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
        return self.unknowns + int(self.nonzeros.sum())

    @property
    def depth(self) -> int:
        """Number of levels."""
        active = self.levels[self.sizes > 0]
        return int(active.max()) + 1 if active.size else 0

    @property
    def widths(self) -> np.ndarray:
        """Nodes in each level."""
        return np.bincount(self.levels[self.sizes > 0], minlength=self.depth)
