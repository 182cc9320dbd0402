"""Solving with a trace that is cut into chains: parts one after the other, in each chain all segments at once.

A part that is no chain is swept node by node, as back substitution does. In a chain the seeds of all segments are
gathered at the states (``s_j``), the scan gives the multipliers of all states, and one stacked sweep per group gives
those of the nodes inside and the contributions to what the segments read from outside.
"""

from __future__ import annotations

import numpy as np

from adjoint.blocks import Array, Slice, Take
from adjoint.errors import AdjointError
from adjoint.solvers.chain.group_sweeps import as_kind, backward_sweep, forward_sweep, linear_alone
from adjoint.solvers.chain.layout import ChainSolution, Part
from adjoint.solvers.chain.segments import SIDE, Group
from adjoint.solvers.chain.stacking import guarded_block
from adjoint.solvers.chain.waiting import Sweep
from adjoint.system.solving import Rows, note_where
from adjoint.tracing.trace import EMPTY


class Backward(Sweep):
    """``A λ = −s``: parts from the last to the first."""

    def run(self, rows: Rows) -> ChainSolution:
        self.begin(rows)
        lowest = 0 if self.keep is None else min(self.keep, default=len(self.point.values))
        for number in range(len(self.layout.parts) - 1, -1, -1):
            part = self.layout.parts[number]
            if part.stop <= lowest:
                break
            if part.groups:
                self._chain(number, part)
            else:
                self.settle(number)
                self._nodes(part, lowest)
        self.settle(-1)
        values = self.point.values
        for k in {*self.pending, *self.gathers}:
            if self.layout.part[k] < 0 and self._needs(k):
                lam = self.take(k)
                if lam is not None:
                    self.single[k] = as_kind(lam, values[k].dtype)
        return self.finish()

    def _needs(self, k: int) -> bool:
        """Whether a multiplier must be known; those of inner nodes serve what comes before them."""
        return self.keep is None or k in self.keep or self.layout.part[k] >= 0

    def _nodes(self, part: Part, lowest: int) -> None:
        point = self.point
        for k in range(part.stop - 1, max(part.start, lowest) - 1, -1):
            if self.layout.part[k] < 0:
                continue
            lam = self.take(k)
            if lam is None:
                continue
            y = point.values[k]
            primitive = point.primitives[k]
            operands, parents, static, _, _ = point.records[k]
            lam = as_kind(lam, y.dtype)
            if primitive.diagonal is not None:
                lam = primitive.diagonal(y, operands, static or EMPTY).solve_adjoint(lam)
            self.single[k] = lam
            asked = [p if p >= 0 and self._needs(p) else -1 for p in parents]
            try:
                blocks = primitive.blocks(y, operands, static or EMPTY, asked)
            except AdjointError as error:
                note_where(error, point.primitives, point.records, k)
                raise
            for parent, block in blocks:
                if parent < 0:
                    continue
                if type(block) is Slice or type(block) is Take:
                    self.gathers.setdefault(parent, []).append((block, lam))
                else:
                    block = guarded_block(block) if self.guarded else block
                    self.add(parent, block.apply_adjoint(lam))

    def _chain(self, number: int, part: Part) -> None:
        seeds = self.seeds_of(number)
        if not seeds:
            return
        m, values = self.count, self.point.values
        pieces: list[tuple[np.ndarray, int, Array]] = []
        inside: dict[int, dict[int, Array]] = {}
        some: dict[int, set[int]] = {}
        for (g, q), found in seeds.items():
            group, step = part.groups[g], part.groups[g].steps[q]
            if step.offset >= 0:
                pieces += [(group.segments[i] + 1, step.offset, p.reshape((m, len(i), step.size))) for i, p in found]
            else:
                inside.setdefault(g, {})[q] = self.place(found, group)
                some.setdefault(g, set()).update(*(i.tolist() for i, _ in found))
        for g, local in inside.items():
            pieces += self._to_states(number, part, g, local, np.array(sorted(some[g])))
        states = None
        if part.count > 1:
            dtype = np.result_type(*{p.dtype for _, _, p in pieces}) if pieces else np.dtype(float)
            tree = self.at.tree(number, self.guarded)
            states = tree.backward(self.states(part, pieces, dtype))
        for g, group in enumerate(part.groups):
            if not self._wanted(number, g, group):
                continue
            leaving = group.segments < part.count - 1
            after = None
            if states is not None and leaving.all():
                after = np.take(states, group.segments, axis=0).swapaxes(0, 1)
            dtypes = [values[step.nodes[0]].dtype for step in group.steps]
            linear = self.at.linear(number, g, self.guarded)
            lams, _ = backward_sweep(group, linear, dtypes, after, inside.get(g, {}), m, False)
            for q, lam in enumerate(lams):
                if lam is not None:
                    self.stacks[number, g, q] = lam
                    self._to_sides(number, g, q, lam)

    def _to_states(
        self, number: int, part: Part, g: int, local: dict[int, Array], some: np.ndarray
    ) -> list[tuple[np.ndarray, int, Array]]:
        """What seeds inside of segments contribute to the states before them."""
        group, m = part.groups[g], self.count
        linear = self.at.linear(number, g, self.guarded)
        if 2 * len(some) < group.count:
            group = group.only(some)
            local = {q: np.take(lam, some, axis=1) for q, lam in local.items()}
            linear = linear_alone(self.point, group, self.guarded)
        dtypes = [self.point.values[step.nodes[0]].dtype for step in group.steps]
        _, before = backward_sweep(group, linear, dtypes, None, local, m, True)
        return [(group.segments, offset, piece) for offset, piece in before]

    def _wanted(self, number: int, g: int, group: Group) -> bool:
        """Whether the sweep through a group serves anything that was asked for."""
        if self.keep is None:
            return True
        if any(o.kind == SIDE and self._needs_any(o.nodes) for step in group.steps for o in step.operands):
            return True
        return (number, g) in self.kept_groups

    def _needs_any(self, nodes: np.ndarray) -> bool:
        return any(self._needs(int(k)) for k in (nodes[:1] if (nodes == nodes[0]).all() else nodes))

    def _to_sides(self, number: int, g: int, q: int, lam: Array) -> None:
        operands = self.layout.parts[number].groups[g].steps[q].operands
        if not any(o.kind == SIDE and self._needs_any(o.nodes) for o in operands):
            return
        for operand, one in self.at.maps(number, g, q, True, self.guarded):
            if not self._needs_any(operand.nodes):
                continue
            part = one.backward(lam)
            if operand.shared:
                self.add(int(operand.nodes[0]), part)
            else:
                self.bulk.append((operand.nodes, part))


class Forward(Sweep):
    """``Aᵀ ż = −ẋ``: parts from the first to the last."""

    def run(self, rows: Rows) -> ChainSolution:
        self.begin(rows)
        values = self.point.values
        for k in [k for k in self.pending if self.layout.part[k] < 0]:
            self.single[k] = as_kind(self.pending.pop(k), values[k].dtype)
        for number, part in enumerate(self.layout.parts):
            if part.groups:
                self._chain(number, part)
            else:
                self._nodes(part)
        return self.finish()

    def tangent(self, k: int) -> Array | None:
        """What has been found for a node."""
        if k in self.single:
            return self.single[k]
        layout = self.layout
        stack = self.stacks.get((int(layout.part[k]), int(layout.group[k]), int(layout.step[k])))
        return None if stack is None else stack[:, int(layout.index[k])]

    def tangents(self, nodes: np.ndarray) -> Array | None:
        """The same for several nodes, ``(m, K, *shape)``."""
        layout = self.layout
        places = {
            *zip(layout.part[nodes].tolist(), layout.group[nodes].tolist(), layout.step[nodes].tolist(), strict=True)
        }
        if len(places) == 1:
            stack = self.stacks.get(next(iter(places)))
            if stack is not None:
                return np.take(stack, layout.index[nodes], axis=1)
        found = [self.tangent(k) for k in nodes.tolist()]
        if all(v is None for v in found):
            return None
        value = self.point.values[int(nodes[0])]
        zero = np.zeros((self.count, *value.shape), value.dtype)
        return np.stack([zero if v is None else v for v in found], axis=1)

    def _nodes(self, part: Part) -> None:
        point = self.point
        for k in range(part.start, part.stop):
            if self.layout.part[k] < 0:
                continue
            y, primitive = point.values[k], point.primitives[k]
            operands, parents, static, _, _ = point.records[k]
            total = self.pending.pop(k, None)
            found = {p: self.tangent(p) for p in parents if p >= 0}
            live = [p if p >= 0 and found[p] is not None else -1 for p in parents]
            try:
                blocks = primitive.blocks(y, operands, static or EMPTY, live)
            except AdjointError as error:
                note_where(error, point.primitives, point.records, k)
                raise
            for parent, block in blocks:
                if parent < 0:
                    continue
                block = guarded_block(block) if self.guarded else block
                v = block.apply(found[parent])
                total = v if total is None else total + v
            if total is not None:
                if primitive.diagonal is not None:
                    total = primitive.diagonal(y, operands, static or EMPTY).solve(total)
                self.single[k] = as_kind(total, y.dtype)

    def _chain(self, number: int, part: Part) -> None:
        m, values = self.count, self.point.values
        seeds = self.seeds_of(number)
        inputs: list[tuple[dict[int, Array], dict[int, Array]]] = []
        pieces: list[tuple[np.ndarray, int, Array]] = []
        for g, group in enumerate(part.groups):
            local = {q: self.place(found, group) for (h, q), found in seeds.items() if h == g}
            sides = self._from_sides(number, g, group)
            inputs.append((local, sides))
            if not local and not sides:
                continue
            leaving = np.flatnonzero(group.segments < part.count - 1)
            linear = self.at.linear(number, g, self.guarded)
            found = forward_sweep(group, linear, None, local, sides, m)
            for step, v in zip(group.steps, found, strict=True):
                if v is not None and step.offset >= 0 and leaving.size:
                    flat = v.reshape((m, group.count, step.size))
                    pieces.append((group.segments[leaving] + 1, step.offset, flat))
        if not pieces and not any(local or sides for local, sides in inputs):
            return
        states = None
        if part.count > 1 and pieces:
            dtype = np.result_type(*{p.dtype for _, _, p in pieces})
            states = self.at.tree(number, self.guarded).forward(self.states(part, pieces, dtype))
        for g, group in enumerate(part.groups):
            if not self._wanted(number, g, group):
                continue
            before = None
            if states is not None and group.segments.min() > 0:
                before = np.take(states, group.segments - 1, axis=0).swapaxes(0, 1)
            local, sides = inputs[g]
            linear = self.at.linear(number, g, self.guarded)
            for q, v in enumerate(forward_sweep(group, linear, before, local, sides, m)):
                if v is not None:
                    self.stacks[number, g, q] = as_kind(v, values[group.steps[q].nodes[0]].dtype)

    def _wanted(self, number: int, g: int, group: Group) -> bool:
        if self.keep is None or any((number, g, q) in self.layout.exported for q in range(len(group.steps))):
            return True
        return (number, g) in self.kept_groups

    def _from_sides(self, number: int, g: int, group: Group) -> dict[int, Array]:
        """Contributions of what the segments read from outside, by step."""
        result: dict[int, Array] = {}
        for q, step in enumerate(group.steps):
            given = {}
            for operand in step.operands:
                if operand.kind == SIDE:
                    v = self.tangent(int(operand.nodes[0])) if operand.shared else self.tangents(operand.nodes)
                    if v is not None:
                        given[operand.position] = v
            if not given:
                continue
            for operand, one in self.at.maps(number, g, q, True, self.guarded):
                if operand.position in given:
                    y = one.forward(given[operand.position], group.count)
                    result[q] = result[q] + y if q in result else y
        return result
