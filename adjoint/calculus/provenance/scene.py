"""A solve as it happened, looked at again because something in it is NaN or infinite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Block, with_guards
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows, Solution
from adjoint.tracing import Tracer, concrete
from adjoint.tracing.trace import EMPTY, Record

Marks = dict[int, np.ndarray]
"""Entries that matter, by node (0-based): masks of a value's shape, or of a multiplier's."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Where it began.

    Attributes
    ----------
    cause : str
        As of :class:`adjoint.errors.NonFiniteError`; ``"block"`` before it is known whether the block's own entry is
        bad or a product with it.
    node : int
        The node (0-based) that made it.
    mask : array of bool
        The bad entries: of the value, the constant, the contribution or the sum.
    operand : int
        Position of the constant among the operands.
    parent : int
        With ``block``: it is ``J[node, parent]``; the node itself for a diagonal block.
    block : Block, optional
    chain : frozenset of int
        The nodes through which it spread.
    reader : int, optional
        The node whose partial read a bad value, where a value spoiled the solve.
    """

    cause: str
    node: int
    mask: np.ndarray
    operand: int = -1
    parent: int = -1
    block: Block | None = None
    chain: frozenset[int] = frozenset()
    reader: int | None = None


class Scene:
    """A solve as it happened, every traced value in it made concrete, and what counts as bad."""

    __slots__ = ("_readers", "_recent", "_solution", "forward", "infinities", "nested", "rows", "system")

    def __init__(self, system: ConstraintSystem, rows: Rows, *, forward: bool, infinities: bool) -> None:
        records: list[Record] = [(tuple(map(concrete, record[0])), *record[1:]) for record in system.records]
        self.system = ConstraintSystem(system.trace, records, [concrete(y) for y in system.values])
        self.rows = [(k, concrete(s)) for k, s in rows]
        self.forward = forward
        self.nested = Tracer in set(map(type, system.values))
        self.infinities = infinities
        self._solution: Solution | None = None
        self._readers: list[list[int]] | None = None
        self._recent: tuple[int, list[tuple[int, Block]]] = (-1, [])

    def bad(self, x: Any) -> np.ndarray:
        """Which entries are bad; none of what has no floating-point entries (or has been let go of)."""
        x = concrete(x)
        if isinstance(x, (float, complex)):
            x = np.asarray(x)
        if not isinstance(x, (np.ndarray, np.generic)) or x.dtype.kind not in "fc":
            return np.zeros(getattr(x, "shape", ()), bool)
        return np.asarray(~np.isfinite(x) if self.infinities else np.isnan(x))

    def healed(self, x: Any, substitute: float) -> Any:
        """``x`` with a harmless number in place of its bad entries."""
        bad = self.bad(x)
        return np.where(bad, np.asarray(x).dtype.type(substitute), x)[()] if bad.any() else x

    @property
    def good(self) -> str:
        """What an entry is that is not bad, in words."""
        return "finite" if self.infinities else "not NaN"

    @property
    def wrong(self) -> str:
        """What a bad entry is, in words."""
        return "not finite" if self.infinities else "NaN"

    @property
    def solution(self) -> Solution:
        """The multipliers or tangents of all nodes, by a sweep in which a structural zero stays zero."""
        if self._solution is None:
            factor = BackSubstitution().analyze(self.system).factorize(self.system)
            self._solution = (factor.solve_tangent if self.forward else factor.solve)(self.rows)
        return self._solution

    @property
    def readers(self) -> list[list[int]]:
        """For every node the nodes (0-based) that read it."""
        if self._readers is None:
            self._readers = [[] for _ in self.system.records]
            for k, record in enumerate(self.system.records):
                for p in {p if p >= 0 else -2 - p for p in record[1] if p != -1}:
                    self._readers[p].append(k)
        return self._readers

    def blocks_of(self, k: int) -> list[tuple[int, Block]]:
        """The blocks of a node's row that the sweep built. A walk asks for the same ones several times in a row."""
        if self._recent[0] != k:
            operands, parents, static, _, _ = self.system.records[k]
            primitive, y = self.system.primitives[k], self.system.values[k]
            if self.forward:  # a tangent may be zero where there is no derivative
                parents = [p if p >= 0 and self.solution[p] is not None else -1 for p in parents]
            self._recent = k, primitive.blocks(y, operands, static or EMPTY, parents)
        return self._recent[1]

    def seed_of(self, k: int) -> Any:
        """What the right-hand side has at a node; ``None`` for nothing."""
        given = [s for node, s in self.rows if node == k]
        return sum(given[1:], given[0]) if given else None

    def edges(self, node: int) -> Iterator[tuple[int, int, int, Block]]:
        """``(from, row, column, block)`` for every block that the sweep multiplied into this node."""
        for k in [node] if self.forward else [k for k in self.readers[node] if self.solution[k] is not None]:
            for parent, block in self.blocks_of(k):
                if self.forward:
                    yield parent, k, parent, block
                elif parent == node:
                    yield k, k, parent, block

    def product(self, block: Block, v: Any) -> Any:
        """What ``v`` contributes through ``block``."""
        guarded = with_guards(block)
        return concrete(guarded.apply(v) if self.forward else guarded.apply_adjoint(v))


def attempt(compute: Callable[[], Any]) -> Any:
    """The result; ``None`` where it raises: an operation or a rule of the user's own may not bear a trial."""
    try:
        return concrete(compute())
    except Exception:
        return None


def merge(marks: Marks, node: int, mask: np.ndarray) -> None:
    marks[node] = mask | marks[node] if node in marks else mask


def first_index(mask: np.ndarray) -> tuple[int, ...]:
    """The index of the first marked entry."""
    return index_of(int(np.argmax(mask)), mask.shape)


def index_of(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A position in C order as an index."""
    return tuple(int(k) for k in np.unravel_index(flat, shape))
