"""Folding a long trace for the eye: loops and layers as runs that repeat, argument trees by their keys.

Nothing here knows what a layer is. What repeats is found by :mod:`adjoint.plot.repeats`, and a picture says how many
rows it has room for: the trace is then unfolded from the outside in, the longest run first, as far as there is room.
Equal steps unfold together, or stay folded together.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from adjoint.plot.repeats import Repeat, Repeats, repeats
from adjoint.tracing import Trace

HEAD, TAIL = 2, 1
"""Steps of a loop that are shown at both ends, where there is no room for all of them."""

_KEY = re.compile(r"\[(?:'[^']*'|\"[^\"]*\"|[^\]]*)\]|[^\[.]+")


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive nodes that a picture may draw as one.

    Attributes
    ----------
    start, stop : int
        Nodes ``start … stop - 1``, counted from 0.
    label : str
        Empty for one node: it has a name of its own.
    """

    start: int
    stop: int
    label: str = ""

    def __len__(self) -> int:
        return self.stop - self.start


def fold(trace: Trace, most: int, start: int = 0, stop: int | None = None) -> list[Run]:
    """The trace as at most ``most`` runs, of which those with the most nodes were unfolded first.

    Parameters
    ----------
    trace : Trace
    most : int
        At least 4.
    start, stop : int, optional
        Only the nodes ``start … stop - 1``, counted from 0.

    Returns
    -------
    list of Run
        In order, covering these nodes. A loop that is too long to be shown whole has its first steps, its last one, and
        the others as one run between them.

    Notes
    -----
    Finding what repeats takes a sort of the nodes for each loop; unfolding takes time in proportion to ``most``.
    """
    stop = len(trace) if stop is None else stop
    if stop - start <= most:
        return [Run(k, k + 1) for k in range(start, stop)]
    tree = _Tree(trace, most, start, stop)
    roots = tree.roots()
    shown = len(roots)
    done: list[Run] = []
    families = [(-len(item.run), item.run.start, [item]) for item in roots]  # the one with the most nodes first
    heapq.heapify(families)
    while families:
        _, _, family = heapq.heappop(families)
        parts = tree.unfolded(family, most - shown)
        if parts is None:
            done += [item.run for item in family]
            continue
        shown += sum(map(len, parts)) - len(family)
        for relatives in parts:
            nodes = sum(len(item.run) for item in relatives)
            heapq.heappush(families, (-nodes, relatives[0].run.start, relatives))
    return sorted(done, key=lambda run: run.start)


@dataclass(frozen=True, slots=True)
class _Item:
    """A run, and what it is: a repeat, one step of it, the leaves of an argument with their keys, or a plain piece."""

    run: Run
    repeat: Repeat | None = None
    step: int = -1
    keys: tuple[tuple[str, ...], ...] = ()


class _Tree:
    """What the runs of a trace unfold to."""

    def __init__(self, trace: Trace, most: int, start: int, stop: int) -> None:
        self.trace = trace
        self.most = most
        self.start = start
        self.arguments = max(0, min(stop, len(trace.inputs)) - start)  # they come first
        self.found: Repeats = repeats(trace, start, stop)
        self.labels = trace.labels()

    def roots(self) -> list[_Item]:
        """The nodes, as coarsely as they can be told."""
        items = self._arguments(self.start, self.start + self.arguments)
        items += [self._item(start, stop) for start, stop in pairwise(self.found.starts[self.arguments :])]
        return items if len(items) <= self.most else self._pieces(items)

    def unfolded(self, family: list[_Item], room: int) -> list[list[_Item]] | None:
        """What a family unfolds to, as families; ``None`` if it does not, or takes more than ``room`` further rows.

        Steps of one loop unfold together, and so do their parts at each position: a picture shows equal things alike.
        """
        for whole in (True, False):
            if sum(self._count(item, whole) for item in family) - len(family) > room:
                continue
            parts = [self._parts(item, whole) for item in family]
            if not all(parts):
                return None
            if family[0].step >= 0:
                return [list(relatives) for relatives in zip(*parts, strict=True)]
            flat = [part for each in parts for part in each]
            alike = [part for part in flat if part.repeat or part.keys]
            return [*([alike] if alike else []), *([part] for part in flat if not (part.repeat or part.keys))]
        return None

    def _count(self, item: _Item, whole: bool) -> int:
        """How many parts an item unfolds to, without making them where they may be many."""
        if item.repeat is None:
            return len(self._parts(item, whole))
        if item.step >= 0:
            return item.repeat.period
        return item.repeat.steps if whole else min(item.repeat.steps, HEAD + 1 + TAIL)

    def _parts(self, item: _Item, whole: bool) -> list[_Item]:
        """What an item unfolds to (not whole: the first few, the last one, the others as one); or nothing."""
        if item.keys:
            return _elided(self._unfolded_keys(item), whole)
        repeat = item.repeat
        if repeat is None:
            return []
        if item.step >= 0:
            return [self._item(start, stop) for start, stop in pairwise(repeat.bounds(item.step))]
        if whole or repeat.steps <= HEAD + TAIL + 1:
            return [self._step(repeat, step) for step in range(repeat.steps)]
        first, last = repeat.bounds(HEAD)[0], repeat.bounds(repeat.steps - TAIL)[0]
        middle = _Item(Run(first, last, f"⋮ {repeat.steps - HEAD - TAIL} more"))
        head = [self._step(repeat, step) for step in range(HEAD)]
        return [*head, middle, *(self._step(repeat, repeat.steps - TAIL + k) for k in range(TAIL))]

    def _item(self, start: int, stop: int) -> _Item:
        """A part of a sequence: one node, or a repeat."""
        if stop == start + 1:
            return _Item(Run(start, stop))
        repeat = self.found.inner[start, stop]
        if len(repeat.starts) - 1 == stop - start and repeat.period == 1:
            return _Item(Run(start, stop, f"{self.trace.primitives[start].name} ×{repeat.steps}"), repeat)
        site = self.trace.site(start)
        where = f"line {site.line} " if site else ""
        return _Item(Run(start, stop, f"loop {where}×{repeat.steps}"), repeat)

    def _step(self, repeat: Repeat, step: int) -> _Item:
        """One step of a loop, by the last name that was given in it."""
        bounds = repeat.bounds(step)
        start, stop = bounds[0], bounds[-1]
        if len(bounds) == 2:
            return self._item(start, stop)
        named = next((self.trace.names[k] for k in range(stop - 1, start - 1, -1) if k in self.trace.names), None)
        return _Item(Run(start, stop, named or f"step {step + 1}"), repeat, step)

    def _arguments(self, start: int, stop: int) -> list[_Item]:
        """Arguments by their first key: the leaves of one argument are one item."""
        return self._grouped(start, [tuple(_KEY.findall(self.labels.get(k, ""))) for k in range(start, stop)], 1)

    def _unfolded_keys(self, item: _Item) -> list[_Item]:
        """The leaves of an argument by their next key."""
        depth = 1
        while len({keys[: depth + 1] for keys in item.keys}) == 1:
            depth += 1
        return self._grouped(item.run.start, item.keys, depth + 1)

    def _grouped(self, start: int, keys: Sequence[tuple[str, ...]], depth: int) -> list[_Item]:
        """Leaves whose first keys agree as one item."""
        if not keys:
            return []
        items = []
        begin = 0
        for end in range(1, len(keys) + 1):
            if end < len(keys) and keys[end][:depth] == keys[begin][:depth]:
                continue
            count = end - begin
            label = f"{''.join(keys[begin][:depth])} ({count} arrays)" if count > 1 else ""
            apart = count > 1 and len(set(keys[begin:end])) == count  # they have keys that tell them apart
            items.append(_Item(Run(start + begin, start + end, label), keys=tuple(keys[begin:end]) if apart else ()))
            begin = end
        return items

    def _pieces(self, items: list[_Item]) -> list[_Item]:
        """Too many items that do not repeat: cut into stretches of about equal length."""
        size = -(-len(items) // max(2, self.most // 2))
        pieces = []
        for begin in range(0, len(items), size):
            stretch = items[begin : begin + size]
            start, stop = stretch[0].run.start, stretch[-1].run.stop
            pieces.append(_Item(Run(start, stop, f"z_{start + 1} … z_{stop}")) if len(stretch) > 1 else stretch[0])
        return pieces


def _elided(items: list[_Item], whole: bool) -> list[_Item]:
    """The first few items, the last one, and the others as one."""
    if whole or len(items) <= HEAD + TAIL + 1:
        return items
    first, last = items[HEAD].run.start, items[-TAIL].run.start
    middle = _Item(Run(first, last, f"⋮ {len(items) - HEAD - TAIL} more"))
    return [*items[:HEAD], middle, *items[-TAIL:]]
