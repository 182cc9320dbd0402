"""What strategies on the assembled scalar matrix share: flat right-hand sides, and reading the solution back."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import conjugate
from adjoint.system import Assembled, ConstraintSystem
from adjoint.system.assembled_solve import Kernel, Pattern, solve_assembled
from adjoint.system.solving import Rows
from adjoint.tracing import concrete


class AssembledFactor:
    """``A`` as coordinates, with the kernel that solves with it; serves ``A`` and ``Aᵀ``."""

    __slots__ = ("_data", "_pattern", "_system")

    def __init__(self, system: ConstraintSystem, assembled: Assembled, kernel: Kernel) -> None:
        self._system = system
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
        return SplitSolution(self._system, x, batch)

    def _right_hand_side(self, rows: Rows) -> tuple[tuple[int, ...], Array]:
        system = self._system
        if not rows:
            return (), np.zeros((self._pattern.size, 1))
        first, value = rows[0]
        batch = value.shape[: value.ndim - len(system.values[first].shape)]
        m = math.prod(batch)
        columns: dict[int, Array] = {}
        for k, s in rows:
            flat = s.reshape(m, -1).T
            columns[k] = columns[k] + flat if k in columns else flat
        dtype = np.result_type(*{s.dtype for _, s in rows}, self._data.dtype)
        parts, done = [], 0
        for k in sorted(columns):
            start, stop = int(system.offsets[k]), int(system.offsets[k + 1])
            parts += [np.zeros((start - done, m), dtype), columns[k]]
            done = stop
        parts.append(np.zeros((self._pattern.size - done, m), dtype))
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

    def __init__(self, system: ConstraintSystem, x: Array, batch: tuple[int, ...]) -> None:
        self._system = system
        self._x = x
        self._batch = batch

    def __len__(self) -> int:
        return len(self._system)

    def __getitem__(self, k: Any) -> Any:
        start, stop = int(self._system.offsets[k]), int(self._system.offsets[k + 1])
        if not self._system.is_active(k):
            return None
        value = self._system.values[k]
        part = self._x[start:stop].T.reshape(self._batch + value.shape)
        if part.dtype != value.dtype:
            part = (part.real if value.dtype.kind != "c" else part).astype(value.dtype)
        return part[()] if type(part) is np.ndarray else part

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))
