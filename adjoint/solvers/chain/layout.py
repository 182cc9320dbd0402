"""Where each node of a trace stands once chains are cut out of it, and the solution that is read from there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.blocks.kernels import all_finite
from adjoint.solvers.chain.segments import Group
from adjoint.system import ConstraintSystem
from adjoint.tracing import INPUT, concrete


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Nodes ``[start, stop)``: a chain of ``count`` segments, or (without groups) nodes to sweep one by one."""

    start: int
    stop: int
    groups: list[Group]
    count: int
    state: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each node stands.

    Attributes
    ----------
    parts : list of Part
    part, group, step, index : int arrays (n,)
        Of each inner node; −1 where it has none. ``index`` counts the segments of the group.
    exported : set of (part, group, step)
        Places that another part reads.
    """

    parts: list[Part]
    part: np.ndarray
    group: np.ndarray
    step: np.ndarray
    index: np.ndarray
    exported: set[tuple[int, int, int]]

    @classmethod
    def of(cls, system: ConstraintSystem, parts: list[Part]) -> Layout:
        """Number the nodes of all parts."""
        n = len(system)
        part, group, step, index = (np.full(n, -1) for _ in range(4))
        for number, one in enumerate(parts):
            for k in range(one.start, one.stop):
                if system.primitives[k] is not INPUT and system.is_active(k):
                    part[k] = number
            for g, members in enumerate(one.groups):
                for q, steps in enumerate(members.steps):
                    group[steps.nodes], step[steps.nodes], index[steps.nodes] = g, q, np.arange(members.count)
        exported = set()
        for k, record in enumerate(system.records):
            for p in record[1]:
                if p >= 0 and group[p] >= 0 and part[p] != part[k]:
                    exported.add((int(part[p]), int(group[p]), int(step[p])))
        return cls(parts, part, group, step, index, exported)


class ChainSolution(Sequence[Any]):
    """The solution, read node by node: from arrays of one node, or out of the stacks."""

    def __init__(
        self,
        layout: Layout,
        values: list[Array],
        batch: tuple[int, ...],
        single: dict[int, Array],
        stacks: dict[tuple[int, int, int], Array],
    ) -> None:
        self._layout = layout
        self._values = values
        self._batch = batch
        self._single = single
        self._stacks = stacks

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, k: Any) -> Any:
        layout = self._layout
        x = self._single.get(k)
        if x is None:
            stack = self._stacks.get((int(layout.part[k]), int(layout.group[k]), int(layout.step[k])))
            if stack is None:
                return None
            x = stack[:, int(layout.index[k])]
        x = x.reshape((*self._batch, *self._values[k].shape))
        return x[()] if type(x) is np.ndarray else x

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def is_finite(self, keep: Collection[int] | None) -> bool:
        """Whether what was asked for is finite."""
        if keep is not None:
            return all(x is None or all_finite(concrete(x)) for x in (self[k] for k in keep))
        return all(all_finite(concrete(x)) for x in (*self._single.values(), *self._stacks.values()))
