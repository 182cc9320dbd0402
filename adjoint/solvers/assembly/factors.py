"""What strategies on the assembled scalar matrix share: flat right-hand sides, factors, and reading the solution back.

There are two kinds of matrices. Systems of explicit constraints have ``A = U − I`` (:mod:`adjoint.system.unit_matrix`):
unknowns stand in the order of levels, the diagonal is not stored. With implicit constraints, and under an outer
trace, ``A`` is a list of coordinates, and a solve is one recorded operation (:mod:`adjoint.system.assembled_solve`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite, conjugate
from adjoint.errors import NotAcceptedError, SingularBlockError
from adjoint.system import Assembled, ConstraintSystem, assemble
from adjoint.system.assembled_solve import Pattern, Prepare, Prepared, solve_assembled, solve_prepared, sweep
from adjoint.system.layout import Layout
from adjoint.system.scalar_assembly import ScalarSource, compile_source, scalar_source
from adjoint.system.solving import Rows
from adjoint.system.unit_matrix import Coordinates, Source, UnitMatrix, UnitPattern
from adjoint.tracing import Tracer

LARGEST_LOOKED_AT = 1000
"""Unknowns of a diagonal block that is searched for where ``A`` is singular."""


def layout_of(system: ConstraintSystem) -> Layout:
    """The unknowns in the order of the trace."""
    return Layout(system.offsets[:-1], system.offsets[1:], system.trace.values)


def source_of(system: ConstraintSystem, max_bytes: int | None, *, whole: bool = True) -> Source:
    """Where the numbers of an explicit system come from, at all of its linearization points.

    Nodes that no output needs may be left out where that is known (``whole=False``).
    """
    if system.point is not None:
        return scalar_source(system, system.point.program, max_bytes, whole=whole)
    return Coordinates.of(system, max_bytes)


def is_traced(system: ConstraintSystem) -> bool:
    """Whether the values at this point belong to an outer trace."""
    return system.point is None and Tracer in set(map(type, system.values))


class UnitFactor:
    """A factor of ``A = U − I`` with plain data.

    Parameters
    ----------
    matrix : UnitMatrix
    prepare : callable
        Called with the matrix when it is first solved with: ``prepare(matrix)(b, transposed)`` gives the solution of
        ``(I − U) x = b`` for plain ``b`` of shape ``(size, m)``, which it may overwrite.
    fallback : Prepare
        The same for coordinates, where the right-hand side is traced.
    whole : callable, optional
        Gives the factor with all nodes, where the matrix has only those that outputs need.
    """

    __slots__ = ("_fallback", "_finite", "_matrix", "_prepare", "_prepared", "_whole")

    def __init__(
        self,
        matrix: UnitMatrix,
        prepare: Callable[[UnitMatrix], Prepared],
        fallback: Prepare,
        whole: Callable[[], UnitFactor] | None = None,
    ) -> None:
        self._matrix = matrix
        self._prepare = prepare
        self._prepared: Prepared | None = None
        self._fallback = fallback
        self._whole: Any = whole  # a factor, once it was needed
        with np.errstate(over="ignore", invalid="ignore"):
            self._finite = all_finite(matrix.data)

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._solve(rows, False)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``."""
        return self._solve(rows, True)

    def _solve(self, rows: Rows, transposed: bool) -> Sequence[Any]:
        pattern = self._matrix.pattern
        if not rows:  # nothing is asked, so nothing depends on it
            return [None] * len(pattern.layout.shapes)
        if self._whole is not None and (transposed or self._is_left_out(rows)):
            if not isinstance(self._whole, UnitFactor):
                self._whole = self._whole()
            return self._whole._solve(rows, transposed)
        b, batch = right_hand_side(pattern.layout, pattern.size, rows, self._matrix.data.dtype)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if type(b) is np.ndarray and self._finite:
                if self._prepared is None:
                    self._prepared = self._prepare(self._matrix)
                x = _either_way(self._prepared, b, transposed)
                if all_finite(x):
                    return SplitSolution(pattern.layout, x, batch)
                b, _ = right_hand_side(pattern.layout, pattern.size, rows, self._matrix.data.dtype)  # x is in its place
            assembled = self._matrix.coordinates()
            coordinates = Pattern(assembled.rows, assembled.columns, assembled.size, self._fallback, "upper")
            data = assembled.data
            if transposed:
                data, coordinates = conjugate(data), coordinates.transposed
            x = sweep(data, -b, coordinates) if type(b) is np.ndarray else solve_assembled(data, -b, coordinates)
        return SplitSolution(pattern.layout, x, batch)

    def _is_left_out(self, rows: Rows) -> bool:
        layout = self._matrix.pattern.layout
        return any(layout.starts[k] == layout.stops[k] and s.size for k, s in rows)


def _either_way(prepared: Prepared, b: np.ndarray, transposed: bool) -> np.ndarray:
    """Solve with ``M``, or with the conjugate of ``Mᵀ``: the matrix holds ``Jᴴ``."""
    if transposed and b.dtype.kind == "c":
        return np.conjugate(prepared(np.conjugate(b), True))
    return prepared(b, transposed)


class AssembledFactor:
    """``A`` as coordinates, maybe traced, with what solves with it; serves ``A`` and ``Aᵀ``."""

    __slots__ = ("_data", "_layout", "_names", "_order", "_pattern", "_prepared")

    def __init__(
        self,
        system: ConstraintSystem,
        assembled: Assembled,
        prepare: Prepare,
        *,
        triangular: str | None = "upper",
        order: np.ndarray | None = None,
    ) -> None:
        rows, columns = assembled.rows, assembled.columns
        if order is not None:
            rows, columns = order[rows], order[columns]
        self._layout = layout_of(system)
        self._order = order
        self._pattern = Pattern(rows, columns, assembled.size, prepare, triangular)
        self._data = assembled.data
        self._prepared: Prepared | None = None
        self._names = {k: system.primitives[k].name for k in implicit_constraints(system)}

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._solve(rows, False)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``: the coordinates hold ``Jᴴ``, so the transpose takes their conjugate."""
        return self._solve(rows, True)

    def _solve(self, rows: Rows, transposed: bool) -> Sequence[Any]:
        if not rows:  # nothing is asked, so nothing depends on it
            return [None] * len(self._layout.shapes)
        b, batch = right_hand_side(self._layout, self._pattern.size, rows, self._data.dtype)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self._order is None:
                x = self._solve_flat(-b, transposed)
            else:  # the reordering is its own inverse: it turns some nodes around
                x = self._solve_flat(-b[self._order], transposed)[self._order]
        return SplitSolution(self._layout, x, batch)

    def _solve_flat(self, b: Array, transposed: bool) -> Array:
        data, pattern = self._data, self._pattern
        if type(data) is np.ndarray and type(b) is np.ndarray:
            if self._prepared is None:
                try:
                    self._prepared = solve_prepared(data, pattern)
                except SingularBlockError as error:
                    self._locate(error)
                    raise
            return _either_way(self._prepared, b, transposed)
        if transposed:
            data, pattern = conjugate(data), pattern.transposed
        return solve_assembled(data, b, pattern)

    def _locate(self, error: SingularBlockError) -> None:
        """Say which diagonal block is singular, if one is, and small enough to be looked at."""
        names, pattern = self._names, self._pattern
        for k in names:
            where = self._layout.rows(k)
            size = where.stop - where.start
            inside = (pattern.rows >= where.start) & (pattern.rows < where.stop)
            inside &= (pattern.columns >= where.start) & (pattern.columns < where.stop)
            if not 0 < size <= LARGEST_LOOKED_AT:
                continue
            block = np.zeros((size, size), self._data.dtype)
            np.add.at(
                block, (pattern.rows[inside] - where.start, pattern.columns[inside] - where.start), self._data[inside]
            )
            double = block.astype(complex)
            if np.isfinite(double).all() and np.linalg.matrix_rank(double) < size:
                error.add_note(f"The diagonal block of z_{k + 1} = {names[k]}(…) is singular.")
                return


def right_hand_side(layout: Layout, size: int, rows: Rows, dtype: Any) -> tuple[Array, tuple[int, ...]]:
    """``s`` as columns ``(size, m)``, and the batch axes that they were; nodes in the order of the layout."""
    first, value = rows[0]
    batch = value.shape[: value.ndim - len(layout.shapes[first].shape)]
    m = math.prod(batch)
    dtype = np.result_type(*{s.dtype for _, s in rows}, dtype)
    flat = [(layout.rows(k), s.reshape((m, math.prod(s.shape[len(batch) :]))).T) for k, s in rows]
    if all(isinstance(s, np.ndarray) for _, s in flat):
        b = np.zeros((size, m), dtype)
        for where, s in flat:
            b[where] += s
        return b, batch
    columns: dict[tuple[int, int], Array] = {}
    for where, s in flat:
        key = where.start, where.stop
        columns[key] = columns[key] + s if key in columns else s
    parts, done = [], 0
    for start, stop in sorted(columns):
        parts += [np.zeros((start - done, m), dtype), columns[start, stop]]
        done = stop
    parts.append(np.zeros((size - done, m), dtype))
    return np.concatenate(parts), batch


def implicit_constraints(system: ConstraintSystem) -> list[int]:
    """The nodes (0-based) with a diagonal block other than the identity."""
    return [k for k, primitive in enumerate(system.primitives) if primitive.diagonal is not None]


def refuse_blocks(solver: str, system: ConstraintSystem, implicit: list[int]) -> None:
    """Raise for the first diagonal block that is not triangular."""
    for k in implicit:
        if system.diagonal_of(k).triangular is None:  # type: ignore[union-attr]  # implicit: it has one
            raise NotAcceptedError(
                f"'{solver}' needs triangular diagonal blocks, but that of the implicit constraint "
                f"z_{k + 1} = {system.primitives[k].name}(…) is not: it makes A block triangular only. "
                "'back_substitution', 'superlu' and 'dense' take it."
            )


def triangular_order(system: ConstraintSystem) -> np.ndarray | None:
    """The order of rows and columns in which ``A`` is upper triangular; ``None`` if there is no such order.

    ``A`` holds ``−Dᴴ``, so an upper triangular ``D`` stands in it as a lower triangle: the entries of that node are
    numbered backwards. The order is its own inverse.
    """
    order = np.arange(system.shape[0])
    for k in implicit_constraints(system):
        triangular = system.diagonal_of(k).triangular  # type: ignore[union-attr]  # implicit: it has one
        if triangular is None:
            return None
        if triangular == "upper":
            start, stop = system.offsets[k], system.offsets[k + 1]
            order[start:stop] = order[start:stop][::-1].copy()
    return order


class SplitSolution(Sequence[Any]):
    """The flat solution ``(N, m)``, read node by node; nodes without a multiplier are ``None``."""

    def __init__(self, layout: Layout, x: Array, batch: tuple[int, ...]) -> None:
        self._layout = layout
        self._x = x
        self._batch = batch

    def __len__(self) -> int:
        return len(self._layout.shapes)

    def __getitem__(self, k: Any) -> Any:
        rows = self._layout.rows(k)
        value = self._layout.shapes[k]
        if rows.start == rows.stop and value.size:
            return None
        part = self._x[rows].T.reshape(self._batch + value.shape)
        if part.dtype != value.dtype:
            part = (part.real if value.dtype.kind != "c" else part).astype(value.dtype)
        return part[()] if type(part) is np.ndarray else part

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))


@dataclass(frozen=True, slots=True, eq=False)
class CoordinatePlan:
    """The plan where coordinates are assembled at each point: implicit constraints, and values of an outer trace."""

    prepare: Prepare
    triangular: bool
    max_bytes: int | None

    def factorize(self, system: ConstraintSystem) -> AssembledFactor:
        """Assemble the coordinates of ``A``."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            assembled = assemble(system, self.max_bytes)
        if not self.triangular:
            return AssembledFactor(system, assembled, self.prepare, triangular=None)
        return AssembledFactor(system, assembled, self.prepare, order=triangular_order(system))


Build = Callable[[UnitPattern], Callable[[UnitMatrix], Prepared]]
"""What a strategy does with a pattern: its result is called with the numbers of each point."""


class UnitPlan:
    """The plan of an explicit system: its pattern is prepared once, and only numbers are computed at each point.

    Parameters
    ----------
    system : ConstraintSystem
        With plain values.
    build : callable
        Called with the pattern.
    general : CoordinatePlan
        For points whose values belong to an outer trace.
    compiled : bool or None
        Whether numba compiles values and partials of scalars: at once, or (``None``) when the first re-linearized
        point comes, and with it the chance that there will be more.
    """

    __slots__ = ("_build", "_compiled", "_general", "_prepare", "_source", "_whole")

    def __init__(
        self, system: ConstraintSystem, build: Build, general: CoordinatePlan, compiled: bool | None = False
    ) -> None:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            self._source = source_of(system, general.max_bytes, whole=False)
        self._whole: tuple[Source, Callable[[UnitMatrix], Prepared]] | None = None
        self._build = build
        self._prepare = build(self._source.pattern)
        self._general = general
        self._compiled = compiled
        if compiled:
            self._compile(system)

    def factorize(self, system: ConstraintSystem) -> UnitFactor | AssembledFactor:
        """Compute the partials."""
        if is_traced(system):
            return self._general.factorize(system)
        if self._compiled is None and system.is_relinearized:
            self._compile(system)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = self._source.at(system)
        prepare = self._prepare if matrix.pattern is self._source.pattern else self._build(matrix.pattern)
        if not isinstance(self._source, ScalarSource) or self._source.whole:
            return UnitFactor(matrix, prepare, self._general.prepare)
        twin = system.twin()  # the factor must not hold the system that keeps it
        return UnitFactor(matrix, prepare, self._general.prepare, lambda: self._whole_factor(twin))

    def _whole_factor(self, system: ConstraintSystem) -> UnitFactor:
        """With the nodes that no output needs: for tangents, and for seeds of these nodes."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self._whole is None:
                source = source_of(system, self._general.max_bytes)
                self._whole = source, self._build(source.pattern)
            source, prepare = self._whole
            matrix = source.at(system)
        prepare = prepare if matrix.pattern is source.pattern else self._build(matrix.pattern)
        return UnitFactor(matrix, prepare, self._general.prepare)

    def _compile(self, system: ConstraintSystem) -> None:
        self._compiled = True
        if isinstance(self._source, ScalarSource):
            self._source = compile_source(self._source)
            system.compile_evaluator()
