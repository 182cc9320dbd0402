"""Stacked sweeps through the segments of a group: one step of all of them at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from adjoint.blocks import Array
from adjoint.solvers.chain.segments import LOCAL, STATE, Group, Operand
from adjoint.solvers.chain.stacking import Map, Point, diagonals, guarded_map, maps

Linear = tuple[Callable[[int], list[tuple[Operand, Map]]], Callable[[int], Any]]
"""For each step its maps with respect to the segment and its state; and its diagonal blocks."""


def linear_alone(point: Point, group: Group, guarded: bool) -> Linear:
    """Of a group that is not kept."""

    def inner(q: int) -> list[tuple[Operand, Map]]:
        found = maps(point, group, group.steps[q], sides=False)
        return [(operand, guarded_map(one)) for operand, one in found] if guarded else found

    return inner, lambda q: diagonals(point, group.steps[q])


def forward_sweep(
    group: Group, linear: Linear, state: Array | None, local: dict[int, Array], sides: dict[int, Array], batch: int
) -> list[Any]:
    """Tangents of all steps, ``(batch, G, *shape)``, from the state before, seeds and contributions from outside."""
    inner, diagonal = linear
    found: list[Any] = [None] * len(group.steps)
    for q, step in enumerate(group.steps):
        total = local.get(q)
        if q in sides:
            total = sides[q] if total is None else total + sides[q]
        reads_anything = any(
            (o.kind == LOCAL and found[o.index] is not None) or (o.kind == STATE and state is not None)
            for o in step.operands
        )
        for operand, one in inner(q) if reads_anything else ():
            if operand.kind == LOCAL:
                v = found[operand.index]
            elif state is not None:
                size = math.prod(operand.shape)
                v = state[..., operand.index : operand.index + size].reshape((batch, group.count, *operand.shape))
            else:
                v = None
            if v is not None:
                y = one.forward(v, group.count)
                total = y if total is None else total + y
        if total is not None:
            blocks = diagonal(q)
            found[q] = total if blocks is None else blocks.solve(total)
    return found


def backward_sweep(
    group: Group,
    linear: Linear,
    dtypes: Sequence[Any],
    after: Array | None,
    local: dict[int, Array],
    batch: int,
    to_state: bool,
) -> tuple[list[Any], list[tuple[int, Array]]]:
    """Multipliers of all steps, and contributions ``(offset, (batch, G, size))`` to the state before."""
    inner, diagonal = linear
    found: list[Any] = [local.get(q) for q in range(len(group.steps))]
    before: list[tuple[int, Array]] = []
    if after is not None:
        if to_state:
            before += [(into, after[..., out : out + size]) for into, out, size in group.passed]
        for q, step in enumerate(group.steps):
            if step.offset >= 0:
                lam = after[..., step.offset : step.offset + step.size].reshape((batch, group.count, *step.shape))
                found[q] = lam if found[q] is None else found[q] + lam
    for q in range(len(group.steps) - 1, -1, -1):
        lam = found[q]
        if lam is None:
            continue
        lam = as_kind(lam, dtypes[q])
        blocks = diagonal(q)
        found[q] = lam = lam if blocks is None else blocks.solve_adjoint(lam)
        if not any(o.kind == LOCAL or (to_state and o.kind == STATE) for o in group.steps[q].operands):
            continue
        for operand, one in inner(q):
            if operand.kind == LOCAL:
                part = one.backward(lam)
                known = found[operand.index]
                found[operand.index] = part if known is None else known + part
            elif to_state:
                part = one.backward(lam)
                before.append((operand.index, part.reshape((batch, group.count, math.prod(operand.shape)))))
    return found, before


def as_kind(lam: Array, dtype: Any) -> Array:
    """A multiplier has its node's dtype; the multiplier of a real node is real."""
    if lam.dtype == dtype:
        return lam
    if lam.dtype.kind == "c" and dtype.kind != "c":
        lam = lam.real
    return lam.astype(dtype)
