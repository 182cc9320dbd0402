"""The factor of vertex elimination on blocks: what was eliminated, step by step, and the Jacobian that is left.

Eliminating ``j`` with the edges ``J[j, i]`` and ``J[k, j]`` that it has at that time splits every later solve in three:
right-hand sides of eliminated nodes go to their predecessors (or, in tangents, successors), in the order of
elimination; the rest of the graph is swept; and eliminated nodes are recovered from their neighbors, in the opposite
order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import scipy

from adjoint.blocks import Array, DiagonalBlock
from adjoint.blocks.kernels import all_finite
from adjoint.blocks.monomials import Monomials, Terms
from adjoint.blocks.pairs import PairTable
from adjoint.solvers.vertex.block_graph import BlockGraph
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows
from adjoint.tracing import Tracer, concrete

Edge = tuple[int, "Jacobian"]

MANY = 4
"""Right-hand sides from which on a matrix is worth making."""


class Jacobian:
    """``J[k, i]`` on flat arrays: as monomials, or for many right-hand sides as one SciPy matrix, made when needed.

    Data that are traced, or not finite, stay monomials.
    """

    __slots__ = ("_matrices", "_monomials", "_plain")

    def __init__(self, terms: Terms, *, plain: bool, guarded: bool) -> None:
        m, n = next(iter(terms)).shape
        self._monomials = Monomials(terms, (n,), (m,), guarded)
        self._plain = plain
        self._matrices: tuple[Any, Any] | None = None

    def apply(self, v: Array) -> Array:
        """``J v`` over leading axes."""
        return self._monomials.apply(v) if self._is_few(v) else _times(self._pair()[0], v)

    def apply_adjoint(self, w: Array) -> Array:
        """``Jᴴ w`` over leading axes."""
        return self._monomials.apply_adjoint(w) if self._is_few(w) else _times(self._pair()[1], w)

    def _is_few(self, v: Array) -> bool:
        return not self._plain or type(v) is not np.ndarray or v.size < MANY * v.shape[-1]

    def _pair(self) -> tuple[Any, Any]:
        if self._matrices is None:
            sparse = self._monomials.to_sparse()
            matrix = scipy.sparse.csr_array((sparse.data, (sparse.rows, sparse.columns)), shape=sparse.shape)
            self._matrices = matrix, matrix.conj().T.tocsr()
        return self._matrices


def _times(matrix: Any, v: np.ndarray) -> np.ndarray:
    flat = v.reshape(math.prod(v.shape[:-1]), v.shape[-1])
    product: np.ndarray = (matrix @ flat.T).T.reshape((*v.shape[:-1], matrix.shape[0]))
    return product


class BlockFactor:
    """``A``, eliminated in an order; serves ``A`` and ``Aᵀ``."""

    __slots__ = ("_diagonals", "_rest", "_steps", "_values")

    def __init__(self, system: ConstraintSystem, table: PairTable, order: Sequence[int]) -> None:
        self._values = system.values
        self._diagonals: dict[int, DiagonalBlock] = {}
        nodes = [k for k in range(len(system)) if system.is_active(k)]
        for k in nodes:
            diagonal = system.diagonal_of(k)
            if isinstance(diagonal, DiagonalBlock):
                self._diagonals[k] = diagonal
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = _eliminated(system, table, nodes, order, guarded=False)
            if found is None:  # 0 · inf may be to blame
                found = _eliminated(system, table, nodes, order, guarded=True)
        self._steps, self._rest = found

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``A λ = −s``."""
        found, batch = self._flat(rows)
        eliminated = [j for j, _, _ in self._steps]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for j, before, _ in self._steps:
                if j in found:
                    for i, edge in before:
                        _add(found, i, edge.apply_adjoint(found[j]))
            for k, edges in reversed(self._rest):
                if k in found:
                    for i, edge in edges:
                        _add(found, i, edge.apply_adjoint(found[k]))
            if _wants(keep, eliminated):
                for j, _, after in reversed(self._steps):
                    for k, edge in after:
                        if k in found:
                            _add(found, j, edge.apply_adjoint(found[k]))
            for k, diagonal in self._diagonals.items():
                if k in found:
                    found[k] = self._solved(diagonal.solve_adjoint, found[k], k, batch)
        return self._shaped(found, batch)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``Aᵀ ż = −ẋ``."""
        found, batch = self._flat(rows)
        eliminated = [j for j, _, _ in self._steps]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for k, diagonal in self._diagonals.items():
                if k in found:
                    found[k] = self._solved(diagonal.solve, found[k], k, batch)
            for j, _, after in self._steps:
                if j in found:
                    for k, edge in after:
                        _add(found, k, edge.apply(found[j]))
            for k, edges in self._rest:
                for i, edge in edges:
                    if i in found:
                        _add(found, k, edge.apply(found[i]))
            if _wants(keep, eliminated):
                for j, before, _ in reversed(self._steps):
                    for i, edge in before:
                        if i in found:
                            _add(found, j, edge.apply(found[i]))
        return self._shaped(found, batch)

    def _flat(self, rows: Rows) -> tuple[dict[int, Array], tuple[int, ...]]:
        found: dict[int, Array] = {}
        batch: tuple[int, ...] = ()
        for k, s in rows:
            shape = self._values[k].shape
            batch = s.shape[: s.ndim - len(shape)]
            _add(found, k, s.reshape((*batch, math.prod(shape))))
        return found, batch

    def _solved(self, solve: Callable[[Array], Array], x: Array, k: int, batch: tuple[int, ...]) -> Array:
        shape = self._values[k].shape
        return solve(x.reshape((*batch, *shape))).reshape((*batch, math.prod(shape)))

    def _shaped(self, found: dict[int, Array], batch: tuple[int, ...]) -> list[Any]:
        result: list[Any] = [None] * len(self._values)
        for k, x in found.items():
            y = self._values[k]
            x = x.reshape(batch + y.shape)
            if x.dtype != y.dtype:
                x = (x.real if x.dtype.kind == "c" and y.dtype.kind != "c" else x).astype(y.dtype)
            result[k] = x[()] if type(x) is np.ndarray else x
        return result


def _add(found: dict[int, Array], k: int, part: Array) -> None:
    found[k] = found[k] + part if k in found else part


def _wants(keep: Collection[int] | None, eliminated: Sequence[int]) -> bool:
    """Whether the multiplier of an eliminated node is asked for."""
    return keep is None or not set(keep).isdisjoint(eliminated)


Steps = list[tuple[int, list[Edge], list[Edge]]]


def _eliminated(
    system: ConstraintSystem, table: PairTable, nodes: Sequence[int], order: Sequence[int], *, guarded: bool
) -> Any:
    """The steps and the rest; None if some entry is not finite and no guards were asked for."""
    graph = BlockGraph.of(system, table, nodes, guarded=guarded)
    steps: Steps = []
    finite = True

    def edge(terms: Terms) -> Jacobian:
        nonlocal finite
        finite = finite and all(all_finite(np.asarray(concrete(data))) for data in terms.values())
        plain = not guarded and not any(isinstance(data, Tracer) for data in terms.values())
        return Jacobian(terms, plain=plain, guarded=guarded)

    for j in order:
        before, after = graph.eliminate(j)
        steps.append((j, [(i, edge(t)) for i, t in before.items()], [(k, edge(t)) for k, t in after.items()]))
    gone = set(order)
    rest = [(k, [(i, edge(t)) for i, t in graph.into.get(k, {}).items()]) for k in nodes if k not in gone]
    return (steps, rest) if finite or guarded else None
