"""The factor of ``block_sparse``: the blocks that are left after elimination, and those of the eliminated nodes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from adjoint.blocks import (
    Array,
    Block,
    Dense,
    DiagonalBlock,
    MatrixOnLeft,
    Slice,
    Take,
    Zero,
    scatter_sum,
)
from adjoint.blocks.kernels import all_finite, conjugate
from adjoint.blocks.solve import Factorization
from adjoint.errors import AdjointError
from adjoint.solvers.back_substitution import Sweep
from adjoint.solvers.materialized.plan import Step, has_matrix
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows, note_where
from adjoint.tracing import INPUT, concrete


@dataclass(frozen=True, slots=True)
class Eliminated:
    """A node with the blocks that it had when it was eliminated."""

    node: int
    operands: tuple[tuple[int, Block], ...]
    readers: tuple[tuple[int, Block], ...]


Edges = dict[tuple[int, int], Block]


def materialized(system: ConstraintSystem) -> tuple[Edges, dict[int, DiagonalBlock], dict[int, AdjointError]]:
    """All blocks, parallel ones merged; diagonal blocks with their factors; and nodes whose rule refuses.

    A refusal is an error only if a multiplier or tangent meets that node.
    """
    edges: Edges = {}
    diagonals: dict[int, DiagonalBlock] = {}
    refused: dict[int, AdjointError] = {}
    for k, primitive in enumerate(system.primitives):
        if primitive is INPUT or not system.is_active(k):
            continue
        if primitive.diagonal is not None:
            diagonals[k] = _factorized(system.diagonal_of(k))
        try:
            blocks = system.blocks_of(k)
        except AdjointError as error:
            refused[k] = error
            continue
        for i, block in blocks:
            if i < 0 or isinstance(block, Zero):
                continue
            there = edges.get((k, i))
            edges[k, i] = block if there is None else there + block
    return edges, diagonals, refused


def _factorized(diagonal: Any) -> DiagonalBlock:
    """A dense diagonal block of plain data keeps its LU factors; the others know how to keep theirs."""
    if type(diagonal) is Dense and type(diagonal.matrix) is np.ndarray and diagonal.matrix.size:
        return _Factorized(diagonal)
    found: DiagonalBlock = diagonal
    return found


class _Factorized(DiagonalBlock):
    """A dense diagonal block, factorized once."""

    __slots__ = ("block", "columns")
    kind = "dense"

    def __init__(self, block: Dense) -> None:
        self.block = block
        self.columns = MatrixOnLeft(block.matrix, (block.matrix.shape[0],), Factorization())
        self.in_shape, self.out_shape = block.in_shape, block.out_shape

    def _flat(self, r: Array, solve: Callable[[Array], Array]) -> Array:
        batch = r.shape[: r.ndim - len(self.in_shape)]
        return solve(r.reshape((*batch, *self.columns.in_shape))).reshape(r.shape)

    def solve(self, r: Array) -> Array:
        return self._flat(r, self.columns.solve)

    def solve_adjoint(self, r: Array) -> Array:
        return self._flat(r, self.columns.solve_adjoint)

    def apply(self, v: Array) -> Array:
        return self.block.apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.block.apply_adjoint(w)

    def to_sparse(self) -> Any:
        return self.block.to_sparse()

    def absolute(self) -> Block:
        return self.block.absolute()

    @property
    def nnz(self) -> int:
        return self.block.nnz


def eliminate_node(step: Step, edges: Edges, values: Sequence[Array]) -> Eliminated:
    """Take one step: the node's blocks leave ``edges``, their products come in."""
    j, dtype = step.node, values[step.node].dtype
    operands = tuple((i, edges.pop((j, i))) for i in step.operands)
    readers = tuple((k, edges.pop((k, j))) for k in step.readers)
    how = iter(step.multiplied_out)
    for k, left in readers:
        for i, right in operands:
            multiplied_out = next(how)
            block = _dense_product((left, right), dtype) if multiplied_out else left @ right
            there = edges.get((k, i))
            if there is not None and multiplied_out and has_matrix(there) and not isinstance(there, Dense):
                there = _dense_product((there,), dtype)
            edges[k, i] = block if there is None else there + block
    return Eliminated(j, operands, readers)


def _dense_product(factors: tuple[Block, ...], dtype: Any) -> Dense:
    """``factors[0] @ …`` multiplied out, by applying it to unit vectors or to the rows of a dense factor."""
    left, right = factors[0], factors[-1]
    m, n = left.shape[0], right.shape[1]
    if isinstance(right, Dense) and len(factors) > 1:
        columns = left.apply(right.matrix.T.reshape((n, *left.in_shape)))
        matrix = columns.reshape((n, m)).T
    elif (isinstance(left, Dense) and len(factors) > 1) or m < n:
        start = conjugate(left.matrix) if isinstance(left, Dense) else np.eye(m, dtype=dtype)
        rest = factors[1:] if isinstance(left, Dense) else factors
        rows = start.reshape((m, *rest[0].out_shape))
        for factor in rest:
            rows = factor.apply_adjoint(rows)
        matrix = conjugate(rows.reshape((m, n)))
    else:
        columns = np.eye(n, dtype=dtype).reshape((n, *right.in_shape))
        for factor in reversed(factors):
            columns = factor.apply(columns)
        matrix = columns.reshape((n, m)).T
    return Dense(matrix, right.in_shape, left.out_shape)


class Row(NamedTuple):
    """One row of a sweep: the products to add up, and the diagonal block to solve with."""

    node: int
    solve: Callable[[Array], Array] | None
    gathers: tuple[tuple[int, Any], ...]
    """``(node, block)``: these add into the entries that they touch, see ``scatter_sum``."""
    others: tuple[tuple[int, Callable[[Array], Array]], ...]
    """``(node, product with the block between)``."""

    @classmethod
    def backward(cls, i: int, diagonal: DiagonalBlock | None, readers: Iterable[tuple[int, Block]]) -> Row:
        """``D_iᴴ λ_i = s_i + Σ_k J[k, i]ᴴ λ_k``."""
        gathers = tuple((k, block) for k, block in readers if type(block) is Slice or type(block) is Take)
        others = tuple((k, block.apply_adjoint) for k, block in readers if type(block) not in (Slice, Take))
        return cls(i, None if diagonal is None else diagonal.solve_adjoint, gathers, others)

    @classmethod
    def forward(cls, k: int, diagonal: DiagonalBlock | None, operands: Iterable[tuple[int, Block]]) -> Row:
        """``D_k ż_k = ẋ_k + Σ_i J[k, i] ż_i``."""
        others = tuple((i, block.apply) for i, block in operands)
        return cls(k, None if diagonal is None else diagonal.solve, (), others)


class BlockFactor:
    """What is left of ``A`` after elimination, by node, and the eliminated nodes in order."""

    __slots__ = (
        "_backward_sweep",
        "_dtypes",
        "_eliminated",
        "_forward_sweep",
        "_lists",
        "_position",
        "_read_by_row",
        "_refused",
    )

    def __init__(
        self,
        system: ConstraintSystem,
        edges: Edges,
        diagonals: dict[int, DiagonalBlock],
        refused: dict[int, AdjointError],
        eliminated: list[Eliminated],
    ) -> None:
        self._lists = system.primitives, system.records, system.values
        self._dtypes = [y.dtype for y in system.values]
        self._eliminated = eliminated
        self._position = {one.node: place for place, one in enumerate(eliminated)}
        self._refused = refused
        readers: dict[int, list[tuple[int, Block]]] = {}
        operands: dict[int, list[tuple[int, Block]]] = {}
        for (k, i), block in edges.items():
            readers.setdefault(i, []).append((k, block))
            operands.setdefault(k, []).append((i, block))
        self._backward_sweep = [
            Row.backward(i, diagonals.get(i), readers.get(i, ()))
            for i in sorted(readers.keys() | diagonals.keys(), reverse=True)
        ]
        self._forward_sweep = [
            Row.forward(k, diagonals.get(k), operands.get(k, ())) for k in sorted(operands.keys() | diagonals.keys())
        ]
        # after row i of a sweep, nobody reads these any more
        self._read_by_row: tuple[dict[int, list[int]], ...] = ({i: [] for i in readers}, {k: [] for k in operands})
        for k, some in operands.items():
            self._read_by_row[0][min(i for i, _ in some)].append(k)
        for i, some in readers.items():
            self._read_by_row[1][max(k for k, _ in some)].append(i)

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``A λ = −s``."""
        return self._solve(rows, keep, self._backward, "solve")

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``Aᵀ ż = −ẋ``."""
        return self._solve(rows, keep, self._forward, "solve_tangent")

    def _solve(
        self, rows: Rows, keep: Collection[int] | None, sweep: Callable[..., list[Any]], phase: str
    ) -> list[Any]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = sweep(rows, keep)
            wanted = found if keep is None else [found[k] for k in keep]
            if all(x is None or all_finite(concrete(x)) for x in wanted):
                return found
        # In a product of partials, zeros are no longer structural: the guarded sweep takes the rules' own blocks.
        guarded: list[Any] = getattr(Sweep(*self._lists), phase)(rows, keep)
        return guarded

    def _start(self, rows: Rows) -> list[Any]:
        found: list[Any] = [None] * len(self._dtypes)
        for k, s in rows:
            found[k] = s if found[k] is None else found[k] + s
        for k, _ in rows:
            found[k] = self._cast(k, found[k])
        return found

    def _cast(self, k: int, x: Array) -> Array:
        """A multiplier has its node's dtype; that of a real node is real."""
        dtype = self._dtypes[k]
        if x.dtype == dtype:
            return x
        return (x.real if x.dtype.kind == "c" and dtype.kind != "c" else x).astype(dtype)

    def _backward(self, rows: Rows, keep: Collection[int] | None) -> list[Any]:
        found = self._start(rows)
        if any(k in self._position for k, _ in rows):
            for one in self._eliminated:
                if found[one.node] is not None:
                    for i, block in one.operands:
                        part = block.apply_adjoint(found[one.node])
                        found[i] = part if found[i] is None else found[i] + part
        self._sweep(found, keep, adjoint=True)
        self._recover(found, keep, adjoint=True)
        for k, error in self._refused.items():
            if found[k] is not None:
                raise error
        return found

    def _forward(self, rows: Rows, keep: Collection[int] | None) -> list[Any]:
        found = self._start(rows)
        if any(k in self._position for k, _ in rows):
            for one in self._eliminated:
                if found[one.node] is not None:
                    for k, block in one.readers:
                        part = block.apply(found[one.node])
                        found[k] = part if found[k] is None else found[k] + part
        self._sweep(found, None if self._refused else keep, adjoint=False)
        self._recover(found, None if self._refused else keep, adjoint=False)
        for k, error in self._refused.items():
            if any(p >= 0 and found[p] is not None for p in self._lists[1][k][1]):
                raise error
        return found

    def _sweep(self, found: list[Any], keep: Collection[int] | None, *, adjoint: bool) -> None:
        """The kept nodes, one after the other; what nobody needs any more is let go."""
        dtypes = self._dtypes
        read_by_row = self._read_by_row[0 if adjoint else 1]
        letting_go = keep is not None and not self._refused and not self._needed(keep, adjoint=adjoint)
        for i, solve, gathers, others in self._backward_sweep if adjoint else self._forward_sweep:
            total, mine = found[i], False
            for k, product in others:
                if found[k] is None:
                    continue
                part = product(found[k])
                if total is None:
                    total = part
                elif mine and type(part) is np.ndarray and part.dtype == total.dtype:
                    np.add(total, part, out=total)
                else:
                    total = total + part
                    mine = type(total) is np.ndarray
            if gathers:
                live = [(block, found[k]) for k, block in gathers if found[k] is not None]
                if live:
                    part = scatter_sum(tuple(block for block, _ in live), *(lam for _, lam in live))
                    total = part if total is None else total + part
            if total is not None:
                if total.dtype != dtypes[i]:
                    total = self._cast(i, total)
                found[i] = total if solve is None else self._diagonal_solve(i, solve, total)
            if letting_go:
                for k in read_by_row.get(i, ()):
                    if k not in keep:  # type: ignore[operator]  # letting go means that it is given
                        found[k] = None

    def _diagonal_solve(self, k: int, solve: Callable[[Array], Array], total: Array) -> Array:
        try:
            return solve(total)
        except AdjointError as error:
            note_where(error, self._lists[0], self._lists[1], k)
            raise

    def _recover(self, found: list[Any], keep: Collection[int] | None, *, adjoint: bool) -> None:
        """Multipliers (or tangents) of eliminated nodes, the last eliminated first; of all, or of those in ``keep``."""
        wanted = self._needed(keep, adjoint=adjoint)
        for place in wanted:
            one = self._eliminated[place]
            total = found[one.node]
            for k, block in one.readers if adjoint else one.operands:
                if found[k] is None:
                    continue
                part = block.apply_adjoint(found[k]) if adjoint else block.apply(found[k])
                total = part if total is None else total + part
            found[one.node] = total if total is None else self._cast(one.node, total)

    def _needed(self, keep: Collection[int] | None, *, adjoint: bool) -> Iterable[int]:
        """Places of the eliminated nodes to recover, the last first: those asked for, and what they lead through."""
        if keep is None:
            return range(len(self._eliminated) - 1, -1, -1)
        needed = {self._position[k] for k in keep if k in self._position}
        waiting = list(needed)
        while waiting:
            one = self._eliminated[waiting.pop()]
            for k, _ in one.readers if adjoint else one.operands:
                place = self._position.get(k)
                if place is not None and place not in needed:
                    needed.add(place)
                    waiting.append(place)
        return sorted(needed, reverse=True)
