"""Following a bad multiplier or tangent back through the solve to where it began.

The search starts at the bad results and walks against the sweep, along the blocks whose products made the marked
entries bad. A block is an origin if its product is bad although what it was multiplied with is good.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adjoint.blocks import Block
from adjoint.calculus.provenance.entries import bad_entry
from adjoint.calculus.provenance.scene import Finding, Marks, Scene, attempt, merge
from adjoint.calculus.provenance.values import value_origin


def derivative_origin(scene: Scene, starts: Marks) -> Finding:
    """The first block, in the order of the sweep, that made one of the marked multipliers or tangents bad."""
    solution = scene.solution
    marks: Marks = {k: mask & scene.bad(solution[k]) for k, mask in starts.items() if solution[k] is not None}
    marks = {k: mask for k, mask in marks.items() if mask.any()}
    if not marks:
        node, mask = next(iter(starts.items()))
        return Finding("solver", node, mask)
    origins: list[Finding] = []
    nodes = range(len(scene.system))
    for node in reversed(nodes) if scene.forward else nodes:
        if node in marks:
            origins += _causes(scene, node, marks)
    first = (min if scene.forward else max)(origins, key=lambda found: found.node)
    return _judged(scene, replace(first, chain=frozenset(marks)))


def _causes(scene: Scene, node: int, marks: Marks) -> list[Finding]:
    """The origins at one node; blame that is handed on is added to ``marks``."""
    mask, seed = marks[node], scene.seed_of(node)
    parts = [
        (source, row, column, block, scene.product(block, scene.solution[source]))
        for source, row, column, block in scene.edges(node)
        if scene.solution[source] is not None
    ]
    diagonal = scene.system.diagonal_of(node)
    if diagonal is not None:  # it mixes all entries
        arrived = [x for x in (seed, *(part for *_, part in parts)) if x is not None]
        mask = scene.bad(sum(arrived[1:], arrived[0]))
        if not mask.any():
            return [Finding("block", node, marks[node], parent=node, block=diagonal)]
    origins, explained = [], False
    for source, row, column, block, part in parts:
        hit = scene.bad(part) & mask
        if not hit.any():
            continue
        explained = True
        v = scene.solution[source]
        own = scene.bad(scene.product(block, scene.healed(v, 1.0))) & hit
        if own.any():
            origins.append(Finding("block", row, own, parent=column, block=block))
        if (hit & ~own).any():
            merge(marks, source, _entries_met(scene, block, hit & ~own, scene.bad(v)))
    if seed is not None and (scene.bad(seed) & mask).any():
        origins.append(Finding("seed", node, scene.bad(seed) & mask))
    elif not explained:
        origins.append(Finding("sum", node, mask))
    return origins


def _entries_met(scene: Scene, block: Block, hit: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Of the bad entries that a block was multiplied with those that the marked entries of the product depend on."""
    back = block.apply_adjoint if scene.forward else block.apply
    found = attempt(lambda: back(hit.astype(float)))
    narrowed = bad if found is None else bad & (np.asarray(found) != 0)
    return narrowed if narrowed.any() else bad


def _judged(scene: Scene, found: Finding) -> Finding:
    """Whether a block's own entry is bad, a product with it, or a value that its partial read."""
    if found.block is None:
        return found
    entry = bad_entry(scene, found)
    if entry is None:
        return replace(found, cause="product")
    k, place = found.node, entry[0]
    operands, parents, *_ = scene.system.records[k]
    elementwise = scene.system.primitives[k].elementwise
    y = scene.system.values[k]

    def read(x: Any) -> np.ndarray:
        """The bad entries of a value that the bad entry of the block can come from."""
        bad = scene.bad(x)
        if not elementwise or not bad.any():
            return bad
        marked = np.zeros(y.shape, bool)
        marked[place] = True
        missing = y.ndim - bad.ndim
        axes = tuple(axis for axis in range(y.ndim) if axis < missing or bad.shape[axis - missing] == 1)
        return bad & marked.any(axis=axes, keepdims=True).reshape(bad.shape)

    if read(y).any():
        return replace(value_origin(scene, {k: read(y)}), reader=k)
    for position, x in enumerate(operands):
        if read(x).any():
            p = parents[position]
            if p == -1:
                return Finding("constant", k, read(x), operand=position, reader=k)
            return replace(value_origin(scene, {p if p >= 0 else -2 - p: read(x)}), reader=k)
    return replace(found, cause="partial")
