"""What strategies on the assembled scalar matrix share: flat right-hand sides, and reading the solution back."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import conjugate
from adjoint.system import Assembled, ConstraintSystem
from adjoint.system.assembled_solve import Kernel, Pattern, solve_assembled
from adjoint.system.solving import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each multiplier stands in the flat vector; holds the system's lists and not the system."""

    offsets: np.ndarray
    values: list[Array]

    def rows(self, k: int) -> slice:
        """The rows of node ``k`` (0-based)."""
        return slice(int(self.offsets[k]), int(self.offsets[k + 1]))


class AssembledFactor:
    """``A`` as coordinates, with the kernel that solves with it; serves ``A`` and ``Aᵀ``."""

    __slots__ = ("_data", "_layout", "_order", "_pattern")

    def __init__(
        self,
        system: ConstraintSystem,
        assembled: Assembled,
        kernel: Kernel,
        *,
        triangular: str | None = "upper",
        order: np.ndarray | None = None,
    ) -> None:
        rows, columns = assembled.rows, assembled.columns
        if order is not None:
            rows, columns = order[rows], order[columns]
        self._layout = Layout(system.offsets, system.values)
        self._order = order
        self._pattern = Pattern(rows, columns, assembled.size, kernel, triangular)
        self._data = assembled.data

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._solve(self._data, self._pattern, rows)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``: the coordinates hold ``Jᴴ``, so the transpose takes their conjugate."""
        return self._solve(conjugate(self._data), self._pattern.transposed, rows)

    def _solve(self, data: Array, pattern: Pattern, rows: Rows) -> Sequence[Any]:
        if not rows:  # nothing is asked, so nothing depends on it
            return [None] * len(self._layout.values)
        batch, b = self._right_hand_side(rows)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self._order is None:
                x = solve_assembled(data, -b, pattern)
            else:  # the reordering is its own inverse: it turns some nodes around
                x = solve_assembled(data, -b[self._order], pattern)[self._order]
        return SplitSolution(self._layout, x, batch)

    def _right_hand_side(self, rows: Rows) -> tuple[tuple[int, ...], Array]:
        size = self._pattern.size
        first, value = rows[0]
        batch = value.shape[: value.ndim - len(self._layout.values[first].shape)]
        m = math.prod(batch)
        columns: dict[int, Array] = {}
        for k, s in rows:
            flat = s.reshape((m, math.prod(s.shape[len(batch) :]))).T
            columns[k] = columns[k] + flat if k in columns else flat
        dtype = np.result_type(*{s.dtype for _, s in rows}, self._data.dtype)
        parts, done = [], 0
        for k in sorted(columns):
            where = self._layout.rows(k)
            parts += [np.zeros((where.start - done, m), dtype), columns[k]]
            done = where.stop
        parts.append(np.zeros((size - done, m), dtype))
        return batch, np.concatenate(parts)


def implicit_constraints(system: ConstraintSystem) -> list[int]:
    """The nodes (0-based) with a diagonal block other than the identity."""
    return [k for k, primitive in enumerate(system.primitives) if primitive.diagonal is not None]


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
        return len(self._layout.values)

    def __getitem__(self, k: Any) -> Any:
        rows = self._layout.rows(k)
        value = self._layout.values[k]
        if rows.start == rows.stop and value.size:
            return None
        part = self._x[rows].T.reshape(self._batch + value.shape)
        if part.dtype != value.dtype:
            part = (part.real if value.dtype.kind != "c" else part).astype(value.dtype)
        return part[()] if type(part) is np.ndarray else part

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))
