"""Keeping the allocator from giving memory back between two traces.

A trace allocates many arrays and drops them all at once. glibc then returns the top of the heap to the system,
and the next trace pays a page fault for every 4 KiB it touches: half of the time of a trace of middle-sized
arrays. glibc raises its own thresholds once a large block has been freed (``M_MMAP_THRESHOLD`` in ``mallopt(3)``:
dynamic adjustment), so one such block is taken and freed, untouched, before the first recording. Elsewhere this
does nothing.
"""

from __future__ import annotations

from functools import cache

import numpy as np

LARGEST_ADJUSTABLE = 32 << 20
"""glibc's ``DEFAULT_MMAP_THRESHOLD_MAX``: a freed block up to this size raises the thresholds."""


@cache
def settle() -> None:
    """Take and free one large block, once in a process; its pages are never touched."""
    np.empty(LARGEST_ADJUSTABLE - (64 << 10), dtype=np.int8)
