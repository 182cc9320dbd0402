"""Following a bad value back through the operations to where it began.

The search starts at what is bad in the end and marks the *entries* that matter, so a bad value in a branch that
``np.where`` does not select leads nowhere. A node hands the blame on to those operands whose bad entries alone make
such entries bad; for those that are bad without them it is an origin itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adjoint.calculus.provenance.scene import Finding, Marks, Scene, attempt, merge
from adjoint.tracing import INPUT, concrete
from adjoint.tracing.primitive import Hollow
from adjoint.tracing.trace import EMPTY


def value_origin(scene: Scene, starts: Marks) -> Finding:
    """The first node, in the order of recording, that made one of the marked bad values out of good operands."""
    marks = dict(starts)
    origins = []
    for k in range(max(marks), -1, -1):
        if k not in marks:
            continue
        if scene.system.primitives[k] is INPUT:
            origins.append(Finding("argument", k, marks[k]))
            continue
        own, blamed = _blame(scene, k, marks[k])
        if own.any():
            origins.append(Finding("value", k, own))
        for position, mask in blamed:
            entries = _entries_read(scene, k, position, mask)
            p = scene.system.records[k][1][position]
            if p == -1:
                origins.append(Finding("constant", k, entries, operand=position))
            else:
                merge(marks, p if p >= 0 else -2 - p, entries)
    return replace(min(origins, key=lambda found: found.node), chain=frozenset(marks))


HARMLESS = (0.5, 2.0)
"""What bad entries are replaced with for a trial: most functions are finite at one of them."""


def _blame(scene: Scene, k: int, mask: np.ndarray) -> tuple[np.ndarray, list[tuple[int, np.ndarray]]]:
    """The marked entries that the operation itself made bad, and by position the operands that made others bad."""
    operands, _, static, _, _ = scene.system.records[k]
    suspects = [position for position, x in enumerate(operands) if scene.bad(x).any()]
    if not suspects:
        return mask, []
    if any(type(x) is Hollow for x in operands):
        return np.zeros_like(mask), [(position, mask) for position in suspects]

    def spoiled(suspect: int, harmless: float) -> np.ndarray:
        """The marked entries that are bad if this operand (-1: none) is the only one that keeps its bad entries."""
        trial = [x if position == suspect else scene.healed(x, harmless) for position, x in enumerate(operands)]
        y = attempt(lambda: scene.system.primitives[k].function(*trial, **(static or EMPTY)))
        return mask if y is None else scene.bad(y) & mask

    own = spoiled(-1, HARMLESS[0]) & spoiled(-1, HARMLESS[1])
    blamed = [(position, spoiled(position, HARMLESS[0]) & ~own) for position in suspects]
    blamed = [(position, entries) for position, entries in blamed if entries.any()]
    if own.any() or blamed:
        return own, blamed
    return own, [(position, mask) for position in suspects]  # np.fmax(nan, nan) takes both


def _entries_read(scene: Scene, k: int, position: int, mask: np.ndarray) -> np.ndarray:
    """Of the bad entries of an operand those that the marked entries of the result depend on."""
    operands, parents, static, _, _ = scene.system.records[k]
    y = scene.system.values[k]
    bad = scene.bad(operands[position])
    alone = [0 if other == position else -1 for other in range(len(parents))]

    def reached() -> Any:
        blocks = scene.system.primitives[k].blocks(y, operands, static or EMPTY, alone)
        return sum(np.abs(concrete(block.apply_adjoint(mask.astype(y.dtype)))) for _, block in blocks)

    found = attempt(reached)
    narrowed = bad if found is None else bad & (np.asarray(found) != 0)
    return narrowed if narrowed.any() else bad
