"""Long chains of small states: the transitions of all steps at once, combined by an associative scan.

An unrolled loop makes ``A`` block bidiagonal in the states between its steps. ``λ_j = T_jᴴ λ_{j+1} + s_j`` needs one
step after the other, as back substitution takes them; but the ``T_j`` can be built all at once, by stacked NumPy calls
over the steps that do the same, and combined in pairs in ``log2`` of their number of calls.

The package :mod:`adjoint.solvers.chain` has the parts: where to cut (``search``), which segments are alike
(``segments``), linearizing them (``stacking``), cyclic reduction (``reduction``), solving with all that (``sweeps``).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Adjoint, Block, Conjugate, Product, RealPart, Sum
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError
from adjoint.solvers.chain.layout import Layout, Part
from adjoint.solvers.chain.linearization import Linearization
from adjoint.solvers.chain.search import CALL, NODE, Graph, find_chains, step_cost
from adjoint.solvers.chain.segments import group_segments
from adjoint.solvers.chain.stacking import Point
from adjoint.solvers.chain.sweeps import Backward, Forward
from adjoint.system import ConstraintSystem, options
from adjoint.system.assembly import format_bytes, memory_limit
from adjoint.system.solving import Prediction, Rows
from adjoint.tracing import INPUT, ZERO

if TYPE_CHECKING:
    from adjoint.system.structure import Structure


@dataclass(frozen=True, slots=True)
class ParallelScan:
    """Cut the trace where few values are alive, and solve for all states by a scan of the segments' transitions.

    Accepts traces in which an operation recurs over a small state (unrolled loops, with anything before and after
    them), and short traces.

    Parameters
    ----------
    max_state : int, default 64
        The most entries that may be alive between two segments.
    max_bytes : int, optional
        Refuse transitions that would take more; half of the free memory by default.
    """

    max_state: int = 64
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        options.count("ParallelScan", "max_state", self.max_state)
        options.count("ParallelScan", "max_bytes", self.max_bytes, least=0, or_none=True)

    def analyze(self, system: ConstraintSystem) -> ScanPlan:
        """Find the chains, and sort their segments into groups of equal operations.

        Raises
        ------
        NotAcceptedError
            If a long trace is no chain, or a chain is not linear over the complex numbers.
        AssemblyTooLargeError
            If the transitions would not fit in memory.
        """
        graph = Graph.of(np.diff(system.offsets), _edges(system), [primitive.name for primitive in system.primitives])
        parts = []
        for interval in find_chains(graph, self.max_state):
            start, stop = int(interval.bounds[0]), int(interval.bounds[-1])
            if not interval.is_chain:
                parts.append(Part(start, stop, [], 0, 0))
                continue
            self._refuse_too_large(len(interval.bounds) - 1, interval.state)
            groups, state = group_segments(system, interval.bounds)
            parts.append(Part(start, stop, groups, len(interval.bounds) - 1, max(state, 1)))
            if any(value.dtype.kind == "c" for value in system.values[start:stop]):
                _refuse_real_linear(system, parts[-1])
        return ScanPlan(Layout.of(system, parts))

    def _refuse_too_large(self, count: int, state: int) -> None:
        needed = 4 * 8 * count * state**2  # the matrices, their products, and as much while they are made
        limit = memory_limit() if self.max_bytes is None else self.max_bytes
        if needed > limit:
            raise AssemblyTooLargeError(
                f"'parallel_scan' would make {count:,} transitions of {state} × {state}, which needs about "
                f"{format_bytes(needed)}, more than the {format_bytes(limit)} allowed; 'back_substitution' needs no "
                "matrix, a smaller max_state may find another chain"
            )

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """What the scan would cost; nodes outside of chains are swept one by one.

        Raises
        ------
        NotAcceptedError
            As :meth:`analyze` does.
        """
        graph = Graph.of(structure.sizes, (structure.children, structure.parents), structure.names)
        inner = graph.sizes > 0
        factor = solve = memory = depth = fill = 0
        seconds = 0.0
        itemsize = 8
        for interval in find_chains(graph, self.max_state):
            start, stop = int(interval.bounds[0]), int(interval.bounds[-1])
            nodes = int(np.count_nonzero(inner[start:stop]))
            edges = slice(*np.searchsorted(structure.children, [start, stop]))
            flops = int(structure.flops[edges].sum())
            memory += itemsize * right_hand_sides * int(graph.sizes[start:stop].sum())
            solve += flops * right_hand_sides
            if not interval.is_chain:
                seconds += nodes * NODE + flops * right_hand_sides * ENTRY
                depth += nodes
                continue
            count, n = len(interval.bounds) - 1, max(interval.state, 1)
            longest = int(np.diff(np.cumsum(np.concatenate([[0], inner]))[interval.bounds]).max())
            factor += flops * n + count * n**3
            solve += 2 * count * n**2 * right_hand_sides
            memory += itemsize * (2 * count * n**2 + int(structure.nonzeros[edges].sum()))
            fill += max(2 * count * n**2 - int(structure.nonzeros[edges].sum()), 0)
            depth += 2 * longest + 2 * math.ceil(math.log2(count + 1))
            seconds += 3 * CALL * (2 * longest + math.log2(count + 1)) + count * step_cost(n, right_hand_sides)
            seconds += nodes * STACK + flops * (n + 2 * right_hand_sides) * ENTRY
        return Prediction(factor, solve, memory, depth, fill, seconds)


ENTRY = 0.2e-9
"""Seconds per multiplication of a stacked local Jacobian, measured like the constants of ``chains``."""
STACK = 0.3e-6
"""Seconds to stack the operands of one node."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanPlan:
    """Chains and groups of a structure; serves every linearization point."""

    layout: Layout

    def factorize(self, system: ConstraintSystem) -> ChainFactor:
        """Linearize all segments and multiply their transitions, level by level."""
        at = Linearization(self.layout, Point(system.primitives, system.records, system.values))
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for number, part in enumerate(self.layout.parts):
                if part.groups:
                    at.tree(number, False)
        return ChainFactor(at)


@dataclass(frozen=True, slots=True, eq=False)
class ChainFactor:
    """The linearized groups and their trees of transitions; serves ``A`` and ``Aᵀ``."""

    at: Linearization

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._run(rows, keep, Backward)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``."""
        return self._run(rows, keep, Forward)

    def _run(
        self, rows: Rows, keep: Collection[int] | None, direction: type[Backward] | type[Forward]
    ) -> Sequence[Any]:
        """As blocks are; once more with guarded blocks if what was asked for is not finite (``0 * inf`` may be why)."""
        values = self.at.point.values
        if not rows:
            return [None] * len(values)
        first, s = rows[0]
        batch = s.shape[: s.ndim - len(values[first].shape)]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = direction(self.at, batch, keep, False).run(rows)
            return found if found.is_finite(keep) else direction(self.at, batch, keep, True).run(rows)


def _edges(system: ConstraintSystem) -> tuple[np.ndarray, np.ndarray]:
    """Children and parents, without partials that are zero by their rule."""
    children, parents = [], []
    for k, (primitive, record) in enumerate(zip(system.primitives, system.records, strict=True)):
        if primitive is INPUT or primitive.discrete:
            continue
        partials = primitive.partials
        for position, p in enumerate(record[1]):
            if p >= 0 and not (position < len(partials) and partials[position] is ZERO):
                children.append(k)
                parents.append(p)
    return np.array(children, dtype=np.int64), np.array(parents, dtype=np.int64)


def _refuse_real_linear(system: ConstraintSystem, part: Part) -> None:
    """A transition is a matrix of complex numbers, so its blocks must be linear over them."""
    for group in part.groups:
        for step in group.steps:
            with np.errstate(all="ignore"):
                blocks = system.blocks_of(step.nodes[0])
            for _, block in blocks:
                if _is_real_linear(block):
                    k = step.nodes[0]
                    raise NotAcceptedError(
                        f"'parallel_scan' multiplies matrices of complex numbers, but z_{k + 1} = "
                        f"{step.primitive.name}(…) is linear over the real numbers only. 'back_substitution' takes it, "
                        "or split real and imaginary parts."
                    )


def _is_real_linear(block: Block) -> bool:
    if isinstance(block, (Product, Sum)):
        parts: Collection[Any] = block.factors if isinstance(block, Product) else block.terms
        return any(_is_real_linear(part) for part in parts)
    if isinstance(block, Adjoint):
        return _is_real_linear(block.block)
    return isinstance(block, (Conjugate, RealPart))
