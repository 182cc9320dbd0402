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
from adjoint.tracing import concrete


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

    __slots__ = ("_data", "_layout", "_pattern")

    def __init__(self, system: ConstraintSystem, assembled: Assembled, kernel: Kernel) -> None:
        self._layout = Layout(system.offsets, system.values)
        self._pattern = Pattern(assembled.rows, assembled.columns, assembled.size, kernel)
        self._data = assembled.data

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``."""
        return self._solve(self._data, self._pattern, rows)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``: the coordinates hold ``Jᴴ``, so the transpose takes their conjugate."""
        return self._solve(conjugate(self._data), self._pattern.transposed, rows)

    def _solve(self, data: Array, pattern: Pattern, rows: Rows) -> Sequence[Any]:
        batch, b = self._right_hand_side(rows)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            x = _structural_zeros(data, -b, pattern)
        return SplitSolution(self._layout, x, batch)

    def _right_hand_side(self, rows: Rows) -> tuple[tuple[int, ...], Array]:
        size = self._pattern.size
        if not rows:
            return (), np.zeros((size, 1))
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


def _structural_zeros(data: Array, b: Array, pattern: Pattern) -> Array:
    """Solve so that a zero unknown stays a structural zero against an infinite or NaN entry.

    Entries that are not finite are left out first; only those that meet a nonzero unknown are put back.
    """
    bad = ~np.isfinite(concrete(data))
    if not bad.any():
        return solve_assembled(data, b, pattern)
    x = solve_assembled(np.where(bad, 0.0, data), b, pattern)
    met = bad & (concrete(x)[pattern.columns] != 0).any(axis=1)
    return solve_assembled(np.where(bad & ~met, 0.0, data), b, pattern) if met.any() else x


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
