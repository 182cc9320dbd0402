"""What one solve has found, and what waits for nodes that it has not reached."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.blocks import Array, put_flat, scatter_sum
from adjoint.solvers.chain.layout import ChainSolution, Layout, Part
from adjoint.solvers.chain.linearization import Linearization
from adjoint.solvers.chain.segments import Group
from adjoint.solvers.chain.stacking import Point
from adjoint.system.solving import Rows

Place = tuple[int, int]
"""A group of a part, and a step of the group."""


@dataclass(slots=True, eq=False)
class Sweep:
    """What one solve has found so far.

    ``single`` holds arrays ``(m, *shape)`` by node, ``stacks`` arrays ``(m, G, *shape)`` by place; ``pending`` what
    has been given or contributed to nodes that have not been reached, ``bulk`` the same for many nodes at once;
    ``kept_groups`` are the groups (of a part) with a node that was asked for.
    """

    at: Linearization
    batch: tuple[int, ...]
    keep: Collection[int] | None
    guarded: bool
    single: dict[int, Array] = field(default_factory=dict)
    stacks: dict[tuple[int, int, int], Array] = field(default_factory=dict)
    pending: dict[int, Array] = field(default_factory=dict)
    owned: set[int] = field(default_factory=set)
    gathers: dict[int, list[tuple[Any, Array]]] = field(default_factory=dict)
    bulk: list[tuple[np.ndarray, Array]] = field(default_factory=list)
    kept_groups: set[tuple[int, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.kept_groups |= {(int(self.layout.part[k]), int(self.layout.group[k])) for k in self.keep or ()}

    @property
    def count(self) -> int:
        return math.prod(self.batch)

    @property
    def layout(self) -> Layout:
        return self.at.layout

    @property
    def point(self) -> Point:
        return self.at.point

    def begin(self, rows: Rows) -> None:
        values = self.point.values
        for k, s in rows:
            self.add(k, s.reshape((self.count, *values[k].shape)))

    def add(self, k: int, part: Array) -> None:
        """Add to what waits for a node; an array that is the sweep's own is added to in place."""
        known = self.pending.get(k)
        if known is None:
            self.pending[k] = part
        elif k in self.owned and type(part) is np.ndarray and part.dtype == known.dtype:
            np.add(known, part, out=known)
        else:
            self.pending[k] = total = known + part
            if type(total) is np.ndarray:
                self.owned.add(k)

    def take(self, k: int) -> Array | None:
        """All that waits for a node."""
        total = self.pending.pop(k, None)
        parts = self.gathers.pop(k, None)
        if parts is not None:
            scattered = scatter_sum(tuple(block for block, _ in parts), *(lam for _, lam in parts))
            total = scattered if total is None else total + scattered
        return total

    def bulk_of(self, number: int) -> list[tuple[np.ndarray, Array]]:
        """What waits in bulk for nodes of a part (−1: arguments); it waits no more."""
        found: list[tuple[np.ndarray, Array]] = []
        left: list[tuple[np.ndarray, Array]] = []
        for nodes, part in self.bulk:
            mine = self.layout.part[nodes] == number
            if mine.all():
                found.append((nodes, part))
                continue
            for chosen, into in ((np.flatnonzero(mine), found), (np.flatnonzero(~mine), left)):
                if chosen.size:
                    into.append((nodes[chosen], np.take(part, chosen, axis=1)))
        self.bulk = left
        return found

    def settle(self, number: int) -> None:
        """Give what waits in bulk for nodes of a part to each of them."""
        for nodes, part in self.bulk_of(number):
            for i, k in enumerate(nodes.tolist()):
                self.add(k, part[:, i])

    def seeds_of(self, number: int) -> dict[Place, list[tuple[np.ndarray, Array]]]:
        """What waits for the nodes of a chain: by place, ``(indices of segments, (m, K, *shape))``."""
        layout = self.layout
        waiting = [k for k in {*self.pending, *self.gathers} if layout.part[k] == number]
        columns: dict[Place, list[tuple[int, Array]]] = {}
        for k in sorted(waiting):
            columns.setdefault((int(layout.group[k]), int(layout.step[k])), []).append(
                (int(layout.index[k]), self.take(k))
            )
        seeds: dict[Place, list[tuple[np.ndarray, Array]]] = {}
        for place, column in columns.items():
            index = np.array([i for i, _ in column])
            parts = [part for _, part in column]
            seeds[place] = [(index, parts[0][:, None] if len(parts) == 1 else np.stack(parts, axis=1))]
        for nodes, part in self.bulk_of(number):
            keys = np.stack([layout.group[nodes], layout.step[nodes]])
            for g, q in np.unique(keys, axis=1).T.tolist():
                chosen = np.flatnonzero((keys[0] == g) & (keys[1] == q))
                piece = part if len(chosen) == len(nodes) else np.take(part, chosen, axis=1)
                seeds.setdefault((g, q), []).append((layout.index[nodes[chosen]], piece))
        return seeds

    def place(self, seeds: list[tuple[np.ndarray, Array]], group: Group) -> Array:
        """Seeds of some segments as ``(m, G, *shape)``; seeds of one segment add up."""
        total = None
        for index, part in seeds:
            if len(index) == group.count and (index == np.arange(group.count)).all():
                spread = part
            else:
                last = part.transpose((0, *range(2, part.ndim), 1))
                put = put_flat(last, index, (group.count,))
                spread = put.transpose((0, part.ndim - 1, *range(1, part.ndim - 1)))
            total = spread if total is None else total + spread
        return total

    def states(self, part: Part, pieces: list[tuple[np.ndarray, int, Array]], dtype: Any) -> Array:
        """Sum of pieces ``(states, offset, (m, K, size))`` as ``(count − 1, m, n)``: the states between segments."""
        m, n = self.count, part.state
        shape = (part.count - 1, m, n)
        if not pieces:
            return np.zeros(shape, dtype)
        positions, data = [], []
        for rows, offset, piece in pieces:
            size = piece.shape[-1]
            flat = (rows[None, :, None] - 1) * (m * n) + np.arange(m)[:, None, None] * n + offset + np.arange(size)
            positions.append(flat.ravel())
            data.append(piece.reshape(flat.size))
        dtype = np.result_type(dtype, *{piece.dtype for piece in data})
        joined = data[0] if len(data) == 1 else np.concatenate(data)
        joined = joined if joined.dtype == dtype else joined.astype(dtype)
        where = positions[0] if len(positions) == 1 else np.concatenate(positions)
        return put_flat(joined, where, (math.prod(shape),)).reshape(shape)

    def finish(self) -> ChainSolution:
        return ChainSolution(self.layout, self.point.values, self.batch, self.single, self.stacks)
