"""The linearized groups of all chains and their trees of transitions, made when first needed and kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.solvers.chain.group_sweeps import Linear, forward_sweep
from adjoint.solvers.chain.layout import Layout
from adjoint.solvers.chain.reduction import Tree
from adjoint.solvers.chain.segments import Group, Operand
from adjoint.solvers.chain.stacking import Map, Point, diagonals, guarded_map, maps


class Linearization:
    """Local Jacobians of the groups at one point; it holds the system's lists and not the system."""

    __slots__ = ("_maps", "_trees", "layout", "point")

    def __init__(self, layout: Layout, point: Point) -> None:
        self.layout = layout
        self.point = point
        self._maps: dict[Any, Any] = {}
        self._trees: dict[tuple[int, bool], Tree] = {}

    def maps(self, number: int, g: int, q: int, sides: bool, guarded: bool) -> list[tuple[Operand, Map]]:
        """The maps of one step of a group."""
        key = number, g, q, sides, guarded
        if key not in self._maps:
            if guarded:
                plain = self.maps(number, g, q, sides, False)
                self._maps[key] = [(operand, guarded_map(found)) for operand, found in plain]
            else:
                group = self.layout.parts[number].groups[g]
                self._maps[key] = maps(self.point, group, group.steps[q], sides=sides)
        found: list[tuple[Operand, Map]] = self._maps[key]
        return found

    def diagonals(self, number: int, g: int, q: int) -> Any:
        """The diagonal blocks of one step, ``None`` for an explicit one."""
        key = number, g, q
        if key not in self._maps:
            group = self.layout.parts[number].groups[g]
            self._maps[key] = diagonals(self.point, group.steps[q])
        return self._maps[key]

    def tree(self, number: int, guarded: bool) -> Tree:
        """The transitions of a chain, multiplied level by level."""
        if (number, guarded) not in self._trees:
            self._trees[number, guarded] = Tree.of(self._transitions(number, guarded), guarded)
        return self._trees[number, guarded]

    def _transitions(self, number: int, guarded: bool) -> Array:
        """``T_j`` of the segments between the first and the last, ``(count − 2, n, n)``."""
        part = self.layout.parts[number]
        n, values = part.state, self.point.values
        dtypes = {values[step.nodes[0]].dtype for group in part.groups for step in group.steps if step.offset >= 0} or {
            np.dtype(float)
        }
        eye = np.eye(n, dtype=np.result_type(*dtypes))
        stacks, order = [], []
        for g, group in enumerate(part.groups):
            inside = (group.segments > 0) & (group.segments < part.count - 1)
            if inside.any():
                stacks.append(self._transition(number, g, group, eye, guarded))
                order.append(group.segments)
        if not stacks:
            return np.zeros((0, n, n), eye.dtype)
        segments = np.concatenate(order)
        place = np.empty(part.count, dtype=np.intp)
        place[segments] = np.arange(len(segments))
        wanted = place[1 : part.count - 1]
        every = stacks[0] if len(stacks) == 1 else np.concatenate(stacks)
        if len(wanted) != len(segments) or (wanted != np.arange(len(wanted))).any():
            every = np.take(every, wanted, axis=0)
        return np.ascontiguousarray(every) if type(every) is np.ndarray else every

    def _transition(self, number: int, g: int, group: Group, eye: np.ndarray, guarded: bool) -> Array:
        """Tangents of the state after each segment, for the columns of ``I`` as the state before it."""
        n, count = len(eye), group.count
        state = np.broadcast_to(eye[:, None, :], (n, count, n))
        linear = self.linear(number, g, guarded)
        found = forward_sweep(group, linear, state, {}, {}, n)
        pieces: list[tuple[int, Array]] = [
            (after, state[..., before : before + size]) for before, after, size in group.passed
        ]
        for step, v in zip(group.steps, found, strict=True):
            if step.offset >= 0:
                piece = np.zeros((n, count, step.size), eye.dtype) if v is None else v.reshape((n, count, step.size))
                pieces.append((step.offset, piece))
        pieces.sort(key=lambda pair: pair[0])
        parts = [piece for _, piece in pieces]
        width = sum(piece.shape[-1] for piece in parts)
        if width < n:
            parts.append(np.zeros((n, count, n - width), eye.dtype))
        columns = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
        return columns.transpose((1, 2, 0))

    def linear(self, number: int, g: int, guarded: bool) -> Linear:
        """The maps of a group with respect to its segments and their states, and its diagonal blocks."""
        return lambda q: self.maps(number, g, q, False, guarded), lambda q: self.diagonals(number, g, q)
