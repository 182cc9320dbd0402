"""The arrows of a graph: kinds of blocks, and the local partials."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import AdjointError
from adjoint.plot.colors import symbol
from adjoint.plot.graphs import words
from adjoint.plot.graphs.model import NOTHING, Arrow, Scene
from adjoint.plot.lettering import clean
from adjoint.tracing import concrete


def arrows_between(scene: Scene, pairs: np.ndarray) -> list[Arrow]:
    """The edges between boxes, sorted by head."""
    system = scene.system
    size = len(scene.runs)
    tails, heads = scene.box_of[pairs[:, 0]], scene.box_of[pairs[:, 1]]
    between = tails != heads
    keys = np.unique(heads[between] * size + tails[between])
    kinds: dict[int, str] = {}
    blocks, nonzeros = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64)
    try:
        structure = system.structure
    except AdjointError:  # a rule is missing: the graph is there all the same
        structure = None
    if structure is not None:
        tails, heads = scene.box_of[structure.parents], scene.box_of[structure.children]
        between = tails != heads
        places = np.searchsorted(keys, heads[between] * size + tails[between])
        np.add.at(blocks, places, 1)
        np.add.at(nonzeros, places, structure.nonzeros[between])
        for place, kind in np.unique(np.stack([places, structure.kinds[between]], axis=1), axis=0).tolist():
            name = structure.kind_names[kind]
            kinds[place] = name if place not in kinds else "mixed"
    partials = _partials(scene) if scene.partials else {}
    arrows = []
    for place, key in enumerate(keys.tolist()):
        head, tail = divmod(key, size)
        kind = kinds.get(place, NOTHING if structure is not None else "")
        count, entries = int(blocks[place]), int(nonzeros[place])
        text, bad, told = partials.get((tail, head), ("", False, ""))
        ends = f"{_end(scene, tail)} → {_end(scene, head)}"
        if kind == NOTHING:
            told = "no derivative"
        elif kind and not told:
            told = f"{count:,} blocks, {kind}" if count > 1 else f"{kind} block"
        told = f"{ends}\n{told}" + (f"\n{entries:,} nonzeros" if entries > 1 else "")
        arrows.append(Arrow(tail, head, kind, text, bad, count, entries, told))
    return arrows


def _end(scene: Scene, position: int) -> str:
    run = scene.runs[position]
    return f"z_{run.start + 1}" if len(run) == 1 else clean(run.label) or f"z_{run.start + 1} … z_{run.stop}"


def _partials(scene: Scene) -> dict[tuple[int, int], tuple[str, bool, str]]:
    """``{(tail, head): (text, not finite, tooltip)}`` between boxes that are one node each."""
    system = scene.system
    found: dict[tuple[int, int], tuple[str, bool, str]] = {}
    for position, run in enumerate(scene.runs):
        k = run.start
        if len(run) > 1 or not system.is_active(k):
            continue
        mine: dict[int, list[Any]] = {}
        try:
            with np.errstate(all="ignore"):
                for parent, block in system.blocks_of(k):
                    mine.setdefault(parent, []).append(block)
        except AdjointError as error:
            told = clean(str(error).splitlines()[0])
            for parent in {p for p in system.trace.records[k][1] if p >= 0}:
                found[int(scene.box_of[parent]), position] = ("?", False, told)
            continue
        implicit = system.diagonal_of(k) is not None
        for parent, blocks in mine.items():
            tail = int(scene.box_of[parent])
            if len(scene.runs[tail]) > 1:
                continue
            name = f"∂c_{k + 1}/∂z_{parent + 1}" if implicit else f"∂z_{k + 1}/∂z_{parent + 1}"
            found[tail, position] = _partial(name, blocks, -1 if implicit else 1, scene.sizes)
    return found


def _partial(name: str, blocks: list[Any], sign: int, sizes: bool) -> tuple[str, bool, str]:
    """The sum of the blocks of one edge: operands that are the same node add up."""
    with np.errstate(all="ignore"):
        entries = numbers_of(blocks, sign)
        if entries is not None:
            total = sum(entries)
            told = f"{name} = {words.number(total, 6)}"
            if len(entries) > 1:
                told += " = " + " + ".join(map(words.number, entries))
            return words.number(total), not words.is_finite(total), told
        joined = blocks[0]
        for block in blocks[1:]:
            joined = joined + block
    rows, columns = joined.shape
    size = f"{rows}×{columns}"
    text = f"{symbol(joined.kind)} {size}" if sizes else symbol(joined.kind)
    return text, False, f"{name}: {joined.kind} block, {size}"


def numbers_of(blocks: list[Any], sign: int = 1) -> list[Any] | None:
    """The entries of one-by-one blocks; ``None`` for others, and for those that are linear over the real numbers."""
    if any(block.shape != (1, 1) for block in blocks):
        return None
    entries = [_number(block) for block in blocks]
    return None if None in entries else [sign * entry for entry in entries]


def _number(block: Any) -> Any:
    """The entry of a one-by-one block; ``None`` if it is linear over the real numbers only."""
    one = np.ones(block.in_shape)
    try:
        entry, turned = (np.asarray(concrete(block.apply(v))).ravel()[0] for v in (one, one * 1j))
    except AdjointError:
        return None
    twisted = abs(turned - 1j * entry) > 1e-6 * abs(entry)  # never of what is not finite
    return None if twisted and np.isfinite(entry) else entry
