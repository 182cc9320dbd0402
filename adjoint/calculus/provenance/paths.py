"""The way from a node to the output: found, and written as numbered lines."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from pathlib import PurePath

from adjoint.calculus.provenance.attribution import derived_from
from adjoint.calculus.provenance.scene import Finding, Scene
from adjoint.tracing import Trace
from adjoint.tracing.display import MAX_SOURCE, expression

MAX_LINES = 12
MAX_FORMULA = 50


def path_to(scene: Scene, found: Finding, targets: Collection[int]) -> list[int]:
    """The nodes (0-based) of a shortest way to one of the targets: where the bad value spread, if it got that far."""
    if found.reader is not None:
        first = _shortest(scene, found.node, {found.reader}, found.chain | {found.reader})
        return [*first[:-1], *(_shortest(scene, found.reader, targets, None) or [found.reader])]
    return (
        _shortest(scene, found.node, targets, found.chain)
        or _shortest(scene, found.node, targets, None)
        or [found.node]
    )


def _shortest(scene: Scene, start: int, targets: Collection[int], allowed: Collection[int] | None) -> list[int]:
    came_from = {start: start}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        if node in targets:
            path = [node]
            while path[-1] != start:
                path.append(came_from[path[-1]])
            return path[::-1]
        for reader in scene.readers[node]:
            if reader not in came_from and (allowed is None or reader in allowed):
                came_from[reader] = node
                queue.append(reader)
    return []


def path_lines(trace: Trace, path: list[int]) -> list[str]:
    """One line per node, the middle of a long path left out."""
    labels = trace.labels()
    shown = path if len(path) <= MAX_LINES else [*path[: MAX_LINES // 2], *path[-MAX_LINES // 2 :]]
    cells = []
    for k in shown:
        site = trace.site(k)
        source = site.source if site else ""
        place = f"{PurePath(site.file).name}:{site.line}" if site else ""
        formula = _cut(expression(trace, k, labels), MAX_FORMULA)
        cells.append((f"z_{k + 1}", formula, place, _cut(source, MAX_SOURCE) + derived_from(trace, k)))
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = [
        f"    {number.rjust(widths[0])} = {formula.ljust(widths[1])}  {place.ljust(widths[2])}  {source}".rstrip()
        for number, formula, place, source in cells
    ]
    if len(path) > MAX_LINES:
        lines.insert(MAX_LINES // 2, f"    {'…'.rjust(widths[0])}   {len(path) - MAX_LINES} more")
    return lines


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
