"""Vertex elimination of systems of scalars: the numbers.

Eliminating the intermediates in an order is an LU factorization of ``A`` in that order of pivots. When ``j`` goes, its
edges have their final values: those to its predecessors, ``J[j, i]``, are a row of one factor, those to its successors,
``J[k, j]``, a column of the other. With ``e`` the eliminated vertices and ``k`` the kept ones, a reverse solve is

    w   = s_e + L_ee w             seeds of eliminated vertices are pushed to their predecessors
    λ_k = s_k + L_ke w + R λ_k     what is left of the graph
    λ_e = w + U_ek λ_k + U_ee λ_e  eliminated vertices are recovered, the last one first

where ``L`` holds ``conj(J[j, i])`` and ``U`` holds ``conj(J[k, j])``. Tangents take the adjoint matrices with the roles
of ``L`` and ``U`` exchanged. Seeds at outputs and multipliers of inputs need the middle line only: that is the point.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite, conjugate
from adjoint.errors import NotAcceptedError, SingularBlockError
from adjoint.solvers.assembly.factors import (
    AssembledFactor,
    SplitSolution,
    UnitFactor,
    right_hand_side,
    source_of,
)
from adjoint.solvers.sparse_triangular import by_rows, triangular_coordinates
from adjoint.solvers.vertex.graph import Graph
from adjoint.solvers.vertex.orders import Elimination
from adjoint.solvers.vertex.program import EliminationProgram, Kernels, Stored, kernels_for, multiply
from adjoint.solvers.vertex.search import best
from adjoint.system import Assembled, ConstraintSystem, Factor, Structure, assemble
from adjoint.system.assembled_solve import Prepared
from adjoint.system.layout import Layout
from adjoint.system.solving import Rows
from adjoint.system.unit_matrix import Source, UnitMatrix
from adjoint.tracing import Tracer


class ScalarPlan:
    """Vertex elimination of a system all of whose nodes are scalars, in a given order; serves every linearization.

    Parameters
    ----------
    structure : Structure
    keep : collection of int
        Nodes (from 0) that are not eliminated: the inputs and the outputs, as a rule.
    order : Elimination or sequence of int, optional
        The other nodes, first eliminated first; by default the cheapest order that is known. Nodes that it leaves out
        stay too.
    compiled : bool, optional
        Whether numba runs the loops (extra ``fast``). By default where it is installed, on programs that are
        long enough to repay loading it.

    Raises
    ------
    NotAcceptedError
        If a node is an array.
    MissingExtraError
        If ``compiled`` is asked for and numba is not installed.

    Notes
    -----
    Takes about 1 µs and 24 bytes for each multiplication. The values have to be plain: values of an outer trace
    belong to elimination on blocks.
    """

    __slots__ = ("_edges", "_implicit", "_kernels", "_node_names", "_places", "_source", "program")

    def __init__(
        self,
        structure: Structure,
        keep: Collection[int],
        order: Elimination | Sequence[int] | None = None,
        *,
        compiled: bool | None = None,
    ) -> None:
        graph = Graph.of(structure, keep)
        if not graph.scalar:
            k = int(np.argmax(structure.sizes > 1))
            raise NotAcceptedError(
                f"elimination by scalars takes systems of scalars, but z_{k + 1} = {structure.names[k]}(…) has "
                f"{structure.sizes[k]} entries"
            )
        if order is None:
            order = best(graph)
        self.program = EliminationProgram.of(graph, order.order if isinstance(order, Elimination) else order)
        self._kernels: Kernels = kernels_for(compiled, self.program)
        self._implicit = bool(structure.implicit)
        self._node_names = structure.names
        self._source: Source | None = None  # made at the first point
        self._places: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None  # of the last pattern: seldom another

    @property
    def multiplications(self) -> int:
        """Of one factorization."""
        return len(self.program.targets)

    @property
    def fill_in(self) -> int:
        """Edges that the elimination makes."""
        return len(self.program.children) - self.program.originals

    def factorize(self, system: ConstraintSystem) -> Factor:
        """Compute the partials at one point, and eliminate.

        Raises
        ------
        SingularBlockError
            If the diagonal entry of an implicit constraint is zero.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            fallback: Factor
            if self._implicit:
                assembled = assemble(system)
                data, diagonal = self._from_coordinates(system, assembled)
                fallback = AssembledFactor(system, assembled, triangular_coordinates)
            else:
                if self._source is None:
                    self._source = source_of(system, None)
                matrix = self._source.at(system)
                data, diagonal = self._from_unit_matrix(matrix), None
                fallback = UnitFactor(matrix, _by_rows, triangular_coordinates)
            data = self._kernels.eliminate(self.program, data)
            if not all_finite(data):
                return fallback  # zeros are structural for each right-hand side by itself: they have to be swept
        starts, stops, gone = self.program.starts, self.program.stops, len(self.program.order)
        shapes = system.trace.values
        layouts = Layouts(
            Layout(starts, stops, shapes),
            Layout(np.maximum(starts - gone, 0), np.maximum(stops - gone, 0), shapes),
            np.array(self.program.order, dtype=np.int64),
        )
        return EliminatedFactor(self.program, self._kernels, data, diagonal, layouts, fallback)

    def _from_unit_matrix(self, matrix: UnitMatrix) -> np.ndarray:
        pattern = matrix.pattern
        node_of = np.empty(pattern.size, np.int64)
        live = np.flatnonzero(pattern.layout.stops > pattern.layout.starts)
        node_of[pattern.layout.starts[live]] = live
        return self._edge_data(pattern.rows, pattern.columns, node_of, matrix.data)

    def _from_coordinates(self, system: ConstraintSystem, assembled: Assembled) -> tuple[np.ndarray, np.ndarray]:
        node_of = np.flatnonzero(np.diff(system.offsets))
        on = assembled.rows == assembled.columns
        d = np.ones(len(system), assembled.data.dtype)
        np.subtract.at(d, node_of[assembled.rows[on]], conjugate(assembled.data[on]))
        d[node_of] -= 1  # A holds −Dᴴ, and d began as 1
        singular = node_of[d[node_of] == 0]
        if singular.size:
            k = int(singular[0])
            raise SingularBlockError(
                f"the diagonal block of size 1 is singular: in z_{k + 1} = {self._node_names[k]}(…) its entry is 0"
            )
        data = self._edge_data(assembled.rows[~on], assembled.columns[~on], node_of, assembled.data[~on])
        originals = self.program.originals
        data[:originals] /= d[self.program.children[:originals]]  # D⁻¹ J, by the rows of J
        return data, d

    def _edge_data(self, rows: np.ndarray, columns: np.ndarray, node_of: np.ndarray, entries: np.ndarray) -> np.ndarray:
        """``J[k, i]`` for all edges, the fill-in zero. Coordinates hold the conjugates, and may repeat."""
        known = self._places
        if known is None or not (np.array_equal(known[0], rows) and np.array_equal(known[1], columns)):
            known = rows, columns, self.program.slots(node_of[columns], node_of[rows])
            self._places = known
        data = np.zeros(len(self.program.children), entries.dtype)
        np.add.at(data, known[2], conjugate(entries))
        return data


class EntryPlan:
    """Vertex elimination of a program of mostly scalars, with every entry of its few arrays a vertex of its own.

    Parameters
    ----------
    system : ConstraintSystem
        Its trace is one of mostly scalars (``system.scalars``).
    keep : collection of int
        Nodes (from 0) that are not eliminated: the inputs and the outputs, as a rule.
    find : callable
        ``find(graph)`` gives the order.
    compiled : bool, optional
        As for :class:`ScalarPlan`.

    Attributes
    ----------
    elimination : Elimination
        The order, of entries, and what it costs.
    program : EliminationProgram
    """

    __slots__ = ("_kernels", "_layouts", "_places", "_source", "elimination", "program")

    def __init__(
        self,
        system: ConstraintSystem,
        keep: Collection[int],
        find: Callable[[Graph], Elimination],
        *,
        compiled: bool | None = None,
    ) -> None:
        self._source = source_of(system, None)
        pattern = self._source.pattern
        layout = pattern.layout
        stay = [slot for k in keep for slot in range(int(layout.starts[k]), int(layout.stops[k]))]
        graph = Graph.from_edges(np.ones(pattern.size, np.int64), pattern.columns, pattern.rows, keep=stay)
        self.elimination = find(graph)
        self.program = program = EliminationProgram.of(graph, self.elimination.order)
        self._kernels: Kernels = kernels_for(compiled, program)
        self._places = program.slots(pattern.columns, pattern.rows)
        kept = program.nodes[len(program.order) :]  # in the order of slots: those of a node lie side by side
        eliminated = np.zeros(pattern.size, bool)
        eliminated[list(program.order)] = True
        starts = np.searchsorted(kept, layout.starts)
        lengths = np.where(_any_of(eliminated, layout), 0, layout.stops - layout.starts)
        gone = np.flatnonzero(_any_of(eliminated, layout))
        self._layouts = Layouts(layout, Layout(starts, starts + lengths, layout.shapes), gone, program.starts)

    def factorize(self, system: ConstraintSystem) -> Factor:
        """Compute the partials at one point, and eliminate."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = self._source.at(system)
            fallback = UnitFactor(matrix, _by_rows, triangular_coordinates)
            if matrix.pattern is not self._source.pattern:  # the values have moved an index: another graph
                return fallback
            data = np.bincount(self._places, weights=matrix.data, minlength=len(self.program.children))
            data = self._kernels.eliminate(self.program, data)
        if not all_finite(data):
            return fallback
        return EliminatedFactor(self.program, self._kernels, data, None, self._layouts, fallback)


def _any_of(marked: np.ndarray, layout: Layout) -> np.ndarray:
    """For each node whether one of its unknowns is marked."""
    sums = np.concatenate([[0], np.cumsum(marked)])
    found: np.ndarray = sums[layout.stops] > sums[layout.starts]
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Layouts:
    """Where the nodes stand among all unknowns, and among those that were not eliminated.

    Attributes
    ----------
    whole, kept : Layout
    eliminated : int array
        The nodes that are not in ``kept``.
    places : int array or None
        The unknown at each position of ``whole``; None where the two are the same.
    """

    whole: Layout
    kept: Layout
    eliminated: np.ndarray
    places: np.ndarray | None = None


def _by_rows(matrix: UnitMatrix) -> Prepared:
    """The triangular solve, prepared only once it is needed."""
    return by_rows(matrix.pattern)(matrix)


class EliminatedFactor:
    """The edges after elimination, finite; serves ``A`` and ``Aᵀ``.

    Parameters
    ----------
    program : EliminationProgram
    kernels : Kernels
    data : array (edges,)
        Of original edges and fill-in.
    diagonal : array (nodes,) or None
        ``d`` of implicit constraints, 1 elsewhere.
    layouts : Layouts
    fallback : Factor
        For traced right-hand sides, and where a result is not finite.
    """

    __slots__ = ("_data", "_diagonal", "_eliminated", "_fallback", "_kernels", "_layouts", "_matrices", "_program")

    def __init__(
        self,
        program: EliminationProgram,
        kernels: Kernels,
        data: np.ndarray,
        diagonal: np.ndarray | None,
        layouts: Layouts,
        fallback: Factor,
    ) -> None:
        self._program = program
        self._kernels = kernels
        self._data = data
        self._diagonal = diagonal
        self._fallback = fallback
        self._matrices: dict[bool, tuple[Any, ...]] = {}
        self._layouts = layouts
        self._eliminated = frozenset(layouts.eliminated.tolist())

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._solve(rows, keep, False)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``."""
        return self._solve(rows, keep, True)

    def _solve(self, rows: Rows, keep: Collection[int] | None, tangent: bool) -> Sequence[Any]:
        if not rows:
            return [None] * len(self._layouts.whole.shapes)
        if any(type(s) is Tracer for _, s in rows):
            return self._by_fallback(rows, keep, tangent)
        gone = len(self._program.order)
        size = self._program.size
        layouts, places = self._layouts, self._layouts.places
        kept_only = self._eliminated.isdisjoint(k for k, _ in rows)
        recover = keep is None or not self._eliminated.isdisjoint(keep)
        layout = layouts.kept if kept_only else layouts.whole
        b, batch = right_hand_side(layout, size - gone if kept_only else size, rows, self._data.dtype)
        if places is not None and not kept_only:
            ordered = np.empty_like(b)
            ordered[places] = b
            b = ordered
        with np.errstate(over="ignore", invalid="ignore"):
            if self._diagonal is not None and tangent:
                b = b / self._of_unknowns(kept_only)
            x = self._swept(b, kept_only, recover, tangent)
            if self._diagonal is not None and not tangent:
                x = x / conjugate(self._of_unknowns(not recover))
            if not all_finite(x):
                return self._by_fallback(rows, keep, tangent)
        if places is not None and recover:
            x = x[places]
        return SplitSolution(layouts.whole if recover else layouts.kept, x, batch)

    def _by_fallback(self, rows: Rows, keep: Collection[int] | None, tangent: bool) -> Sequence[Any]:
        return (self._fallback.solve_tangent if tangent else self._fallback.solve)(rows, keep)

    def _of_unknowns(self, kept_only: bool) -> np.ndarray:
        """The diagonal in the order of the unknowns, as a column."""
        nodes = self._program.nodes[len(self._program.order) if kept_only else 0 :]
        column: np.ndarray = self._diagonal[nodes][:, None]  # type: ignore[index]  # the caller has looked
        return column

    def _swept(self, b: np.ndarray, kept_only: bool, recover: bool, tangent: bool) -> np.ndarray:
        """The three lines of the module's docstring, or their middle one."""
        if not b.shape[1]:
            return np.zeros((self._program.size - (0 if recover else len(self._program.order)), 0), b.dtype)
        push, collect, rest, gather, recovery = self._matrices_of(tangent)
        gone = len(self._program.order)
        w: Array | None = None
        x = b
        if not kept_only:
            w = self._kernels.triangular(push, b[:gone], lower=True)
            x = b[gone:] + multiply(collect, w)
        flat = self._program.rest_is_flat
        x = x + multiply(rest, x) if flat else self._kernels.triangular(rest, x, lower=tangent)
        if not recover:
            return x
        found = multiply(gather, x) if w is None else w + multiply(gather, x)
        return np.concatenate([self._kernels.triangular(recovery, found, lower=False), x])

    def _matrices_of(self, tangent: bool) -> tuple[Any, ...]:
        """``L_ee, L_ke, R, U_ek, U_ee``, or for tangents what stands in their places; made when first used."""
        if tangent not in self._matrices:
            parts: tuple[Stored, ...] = self._program.forward if tangent else self._program.backward
            data = self._data if tangent else conjugate(self._data)
            self._matrices[tangent] = tuple(part.matrix(data) for part in parts)
        return self._matrices[tangent]
