"""Windows that move over an axis: which entries each of them sees.

Convolutions and pools are windows over one or more axes. Along one axis, the window at position ``i`` has the taps
``t``, and tap ``t`` sees the entry ``starts[i] + t · dilation``, or padding where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeAlias

import numpy as np

Move: TypeAlias = tuple[slice, slice]


@dataclass(frozen=True)
class Windows:
    """The windows of one axis.

    Attributes
    ----------
    size : int
        How many entries the axis has.
    starts : tuple of int
        What the first tap of each window sees; negative, or ``size`` and more: padding.
    taps : int
        How many taps a window has; of the longest one, if they differ.
    dilation : int
    lengths : tuple of int or None
        How many taps each window has, where they differ.
    """

    size: int
    starts: tuple[int, ...]
    taps: int
    dilation: int = 1
    lengths: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """How many windows there are."""
        return len(self.starts)

    @cached_property
    def stride(self) -> int:
        """From one window to the next one, where all are equal."""
        return self.starts[1] - self.starts[0] if self.count > 1 else 1

    @cached_property
    def whole(self) -> bool:
        """One window that sees the axis as it is."""
        return self.starts == (0,) and self.taps == self.size and self.dilation == 1

    @cached_property
    def padding(self) -> tuple[int, int]:
        """How many entries before the first and behind the last one the windows look at."""
        last = max(self.starts, default=0) + (self.taps - 1) * self.dilation
        return max(0, -min(self.starts, default=0)), max(0, last + 1 - self.size)

    @cached_property
    def entries(self) -> np.ndarray:
        """``(count, taps)``: the entry that each tap sees; -1 for padding."""
        seen = np.asarray(self.starts, np.intp)[:, None] + self.dilation * np.arange(self.taps)
        kept = (seen >= 0) & (seen < self.size)
        if self.lengths is not None:
            kept &= np.arange(self.taps) < np.asarray(self.lengths)[:, None]
        return np.where(kept, seen, -1)

    @cached_property
    def triples(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All that the windows see: position, tap, entry."""
        positions, taps = np.nonzero(self.entries >= 0)
        return positions, taps, self.entries[positions, taps]

    @cached_property
    def most(self) -> tuple[int, int, int]:
        """The most triples at one position, at one tap and at one entry."""
        found = [int(np.bincount(index).max()) if index.size else 0 for index in self.triples]
        return found[0], found[1], found[2]

    @cached_property
    def moves(self) -> tuple[Move, ...]:
        """Equal windows, tap by tap: the positions whose window sees an entry there, and these entries."""
        found = []
        for tap in range(self.taps):
            column = self.entries[:, tap]
            positions = np.flatnonzero(column >= 0)
            if not positions.size:
                found.append((slice(0, 0), slice(0, 0)))
                continue
            first, last = int(positions[0]), int(positions[-1])
            inside = slice(int(column[first]), int(column[last]) + 1, self.stride)
            found.append((slice(first, last + 1), inside))
        return tuple(found)

    @cached_property
    def spans(self) -> tuple[Move, ...]:
        """Window by window: its position, and the entries that it sees."""
        found = []
        for position, row in enumerate(self.entries):
            seen = row[row >= 0]
            inside = slice(int(seen[0]), int(seen[-1]) + 1, self.dilation) if seen.size else slice(0, 0)
            found.append((slice(position, position + 1), inside))
        return tuple(found)

    @property
    def by_taps(self) -> bool:
        """Whether it takes fewer steps to go through the taps than through the windows."""
        return self.lengths is None and self.taps <= self.count


@lru_cache(maxsize=1024)
def equal_windows(size: int, taps: int, stride: int = 1, before: int = 0, after: int = 0, dilation: int = 1) -> Windows:
    """All windows that fit into an axis with ``before`` and ``after`` entries of padding."""
    count = (size + before + after - dilation * (taps - 1) - 1) // stride + 1
    return Windows(size, tuple(i * stride - before for i in range(count)), taps, dilation)


@lru_cache(maxsize=1024)
def adaptive_windows(size: int, count: int) -> Windows:
    """``count`` windows that cover an axis evenly: ``⌊i n / m⌋ … ⌈(i + 1) n / m⌉``."""
    if size % count == 0:
        return equal_windows(size, size // count, size // count)
    starts = tuple(i * size // count for i in range(count))
    stops = tuple(-(-(i + 1) * size // count) for i in range(count))
    lengths = tuple(stop - start for start, stop in zip(starts, stops, strict=True))
    return Windows(size, starts, max(lengths), 1, lengths)
