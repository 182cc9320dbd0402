"""Back substitution: one sweep over the block rows, from the last constraint to the first.

This is backpropagation. Row ``i`` of ``A λ = −s`` reads ``D_iᴴ λ_i = s_i + Σ_k J[k, i]ᴴ λ_k``; once all ``k > i``
are known, ``λ_i`` is. The forward sweep with ``Aᵀ`` is forward mode. Blocks are built, applied and dropped,
never stored.

A sweep takes blocks as they are. If what it was asked for is not finite, it runs once more with guarded
blocks, in which a zero multiplier stays zero against an infinite or NaN partial: regular sweeps pay nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import (
    Array,
    Block,
    Slice,
    Take,
    scatter_sum,
    with_guards,
)
from adjoint.blocks.kernels import all_finite
from adjoint.errors import AdjointError
from adjoint.system import ConstraintSystem, Prediction, Structure
from adjoint.system.solving import Rows, note_where
from adjoint.tracing import INPUT, Primitive, Tracer, concrete
from adjoint.tracing.primitive import Static
from adjoint.tracing.trace import EMPTY, Record


@dataclass(frozen=True, slots=True)
class BackSubstitution:
    """Matrix-free block back substitution (reverse) and forward substitution (tangents).

    Accepts every system. One sweep costs the flops of its blocks; several right-hand sides go through one
    sweep together. Memory: the multipliers that are kept.
    """

    def analyze(self, system: ConstraintSystem) -> BackSubstitution:
        """Nothing to prepare: the trace is recorded in elimination order."""
        return self

    def factorize(self, system: ConstraintSystem) -> Sweep:
        """Nothing to compute: the blocks are applied as the sweep meets them."""
        return Sweep(system.primitives, system.records, system.values)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """One sweep: the partials once, and every block times all right-hand sides."""
        largest = np.maximum(structure.sizes[structure.children], structure.sizes[structure.parents])
        entries = int(np.minimum(structure.flops, largest).sum())  # of elementwise blocks; the rest goes through BLAS
        flops = int(structure.flops.sum())
        solves = sum(int(structure.sizes[k]) ** 2 for k in structure.implicit)
        m = right_hand_sides
        return Prediction(
            factor_multiplications=0,
            solve_multiplications=m * (flops + solves),
            memory=8 * m * int(structure.sizes.max(initial=0)),
            depth=structure.nodes,
            fill_in=0,
            seconds=PER_SWEEP
            + PER_BLOCK * structure.children.size
            + PER_CALLS * int(np.count_nonzero(~structure.elementwise))
            + PER_PARTIAL * entries
            + m * (PER_ENTRY * entries + PER_FLOP * (flops - entries + solves)),
        )


# Seconds on one core of a shared server, BLAS on one thread, fitted by eye to the best sweeps over the workloads of
# benchmarks/compare_solvers.py; the last two to chains of long vectors and networks with layers of 16 to 512.
PER_SWEEP = 15e-6  # to begin and to end
PER_BLOCK = 1.7e-6  # to ask a rule for a block, and to apply it
PER_CALLS = 8e-6  # the same, beyond that, for a block that is not elementwise
PER_PARTIAL = 1.5e-9  # to evaluate one entry of a partial
PER_ENTRY = 1e-9  # of elementwise products, at the speed of memory
PER_FLOP = 0.12e-9  # of matrix products


DiagonalSolve = Callable[[int, Primitive, tuple[Array, ...], Static, Array, bool], Array]
"""``(k, primitive, (y, *operands), static, r, adjoint)``: ``D_k⁻¹ r`` or ``D_k⁻ᴴ r`` for node ``k`` (0-based)."""


def solve_directly(
    k: int, primitive: Primitive, data: tuple[Array, ...], static: Static, r: Array, adjoint: bool
) -> Array:
    """Solve with the diagonal block as it solves itself."""
    block = primitive.diagonal(data[0], data[1:], static)  # type: ignore[misc]  # implicit: it has one
    return block.solve_adjoint(r) if adjoint else block.solve(r)


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    """The factor: a triangular system is its own factorization.

    It holds the system's lists and not the system, which keeps its factors: no cycle. How it solves with diagonal
    blocks may be given.
    """

    _primitives: list[Primitive]
    _records: list[Record]
    _values: list[Array]
    _solve_diagonal: DiagonalSolve = solve_directly

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``A λ = −s``: from the last constraint to the first."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self._backward(rows, keep, _as_it_is)
            return found if _finite(found, keep) else self._backward(rows, keep, with_guards)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> list[Any]:
        """``Aᵀ ż = −ẋ``: from the first constraint to the last."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self._forward(rows, keep, _as_it_is)
            return found if _finite(found, keep) else self._forward(rows, keep, with_guards)

    def _backward(self, rows: Rows, keep: Collection[int] | None, mode: Mode) -> list[Any]:
        primitives, records, values = self._primitives, self._records, self._values
        found: list[Any] = [None] * len(records)
        owned = bytearray(len(records))  # whether found[i] is the sweep's own array: it may be overwritten
        gathers: dict[int, list[tuple[Any, Array]]] = {}  # contributions through slices, scattered at once
        last = -1
        for k, s in rows:
            found[k] = s if found[k] is None else found[k] + s
            last = max(last, k)
        plain = mode is _as_it_is
        ndarray = np.ndarray
        # Under an outer trace nothing is overwritten: that trace may have kept any array that it has seen.
        concrete_sweep = Tracer not in set(map(type, values))
        for k in range(last, -1, -1):
            lam = found[k]
            mine = owned[k]  # nobody else holds this array
            if gathers and k in gathers:
                lam = _scatter(gathers.pop(k), lam, mine)
                mine = concrete_sweep
            elif lam is None:
                continue
            y = values[k]
            if lam.dtype is not y.dtype and lam.dtype != y.dtype:
                lam = cast(lam, y.dtype)
            primitive = primitives[k]
            if primitive is INPUT:
                found[k] = lam
                continue
            operands, parents, static, _, _ = records[k]
            if primitive.diagonal is not None:
                lam = self._solve_diagonal(k, primitive, (y, *operands), static or EMPTY, lam, True)
            if keep is None or k in keep:
                found[k] = lam
                mine = 0
            else:
                found[k] = None
            try:
                blocks = primitive.blocks(y, operands, static or EMPTY, parents)
            except AdjointError as error:
                note_where(error, primitives, records, k)
                raise
            left = len(blocks)
            for parent, block in blocks:
                left -= 1
                kind = type(block)
                if kind is Slice or kind is Take:
                    gathers.setdefault(parent, []).append((block, lam))
                    mine = 0
                    continue
                if not plain:
                    part = mode(block).apply_adjoint(lam)
                elif left or not mine or not kind.in_place or type(lam) is not ndarray:
                    part = block.apply_adjoint(lam)
                else:
                    part = block.overwrite_adjoint(lam)
                before = found[parent]
                if before is None:
                    found[parent] = part
                    if part is lam:
                        owned[parent] = mine and not left
                        mine = 0  # a parent holds λ itself
                    elif type(part) is ndarray and part.base is None and kind.fresh:
                        owned[parent] = concrete_sweep
                    elif type(part) is ndarray or type(part) is Tracer:
                        mine = 0  # a parent may hold a view of λ
                elif owned[parent] and type(part) is ndarray and part.dtype is before.dtype:
                    np.add(before, part, out=before)
                else:
                    found[parent] = total = before + part
                    owned[parent] = concrete_sweep and type(total) is ndarray
        return found

    def _forward(self, rows: Rows, keep: Collection[int] | None, mode: Mode) -> list[Any]:
        primitives, records, values = self._primitives, self._records, self._values
        found: list[Any] = [None] * len(records)
        last = {} if keep is None else last_readers(records, keep)
        for k, x_dot in rows:
            found[k] = x_dot if found[k] is None else found[k] + x_dot
        for k, (operands, parents, static, _, _) in enumerate(records):
            primitive = primitives[k]
            total = found[k]
            if primitive is not INPUT:
                live = [p if p >= 0 and found[p] is not None else -1 for p in parents]
                try:
                    blocks = primitive.blocks(values[k], operands, static or EMPTY, live)
                except AdjointError as error:
                    note_where(error, primitives, records, k)
                    raise
                for parent, block in blocks:
                    if parent < 0:  # of a rule that gives all its blocks, whoever is asked for
                        continue
                    part = mode(block).apply(found[parent])
                    total = part if total is None else total + part
                if total is not None and primitive.diagonal is not None:
                    data = (values[k], *operands)
                    total = self._solve_diagonal(k, primitive, data, static or EMPTY, total, False)
            if total is not None:
                dtype = values[k].dtype
                found[k] = total if total.dtype == dtype else cast(total, dtype)
            if k in last:
                for p in last[k]:
                    found[p] = None
        return found


def last_readers(records: Sequence[Record], keep: Collection[int]) -> dict[int, list[int]]:
    """For each node the parents whose tangents nobody needs after it."""
    reader: dict[int, int] = {}
    for k, record in enumerate(records):
        for p in record[1]:
            if p >= 0:
                reader[p] = k
    last: dict[int, list[int]] = {}
    for p, k in reader.items():
        if p not in keep:
            last.setdefault(k, []).append(p)
    return last


Mode = Callable[[Block], Block]


def _as_it_is(block: Block) -> Block:
    return block


def _finite(found: list[Any], keep: Collection[int] | None) -> bool:
    """Whether what was asked for is finite. If not, ``0 * inf`` may be to blame: the guarded sweep tells."""
    wanted = found if keep is None else [found[k] for k in keep]
    return all(x is None or all_finite(concrete(x)) for x in wanted)


def _scatter(parts: list[tuple[Any, Array]], rest: Array | None, mine: int) -> Array:
    """The contributions through slices and takes, added to those that came otherwise."""
    if type(rest) is np.ndarray and all(lam.dtype is rest.dtype and type(lam) is not Tracer for _, lam in parts):
        out = rest if mine and rest.flags.c_contiguous else rest.copy()  # a flat view of it is written to
        for block, lam in parts:
            block.add_adjoint_to(out, lam)
        return out
    scattered = scatter_sum(tuple(block for block, _ in parts), *(lam for _, lam in parts))
    return scattered if rest is None else scattered + rest


def cast(lam: Array, dtype: Any) -> Array:
    """A multiplier has its node's dtype; the multiplier of a real node is real."""
    if lam.dtype.kind == "c" and dtype.kind != "c":
        lam = lam.real
    return lam.astype(dtype)
