"""Protection of arrays that a trace has saved: small ones are copied, large ones write-locked.

A constant that the user edits after it was recorded (``buffer[:] = …`` in a loop) would silently change
the derivative. A lock makes NumPy refuse the edit (``assignment destination is read-only``) until the trace
is released. Views made before the lock keep their own flag: that gap is documented.
"""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

COPY_LIMIT = 16_384
"""Bytes up to which a constant is copied instead of locked."""

_mutex = threading.Lock()
_held: dict[int, tuple[np.ndarray, int]] = {}  # id → (array, how many traces hold it)
_waiting: deque[list[np.ndarray]] = deque()  # to be released by whoever has the mutex


def acquire(array: np.ndarray) -> list[np.ndarray]:
    """Lock ``array`` and the arrays it is a view of; returns what must be released."""
    taken = []
    current: object = array
    with _mutex:
        while isinstance(current, np.ndarray):
            held = _held.get(id(current))
            if held is not None:
                _held[id(current)] = (current, held[1] + 1)
                taken.append(current)
            elif current.flags.writeable:
                _held[id(current)] = (current, 1)  # before the flag: another thread looks at both
                current.flags.writeable = False
                taken.append(current)
            current = current.base
    _release_waiting()
    return taken


def release(arrays: list[np.ndarray]) -> None:
    """Undo one :func:`acquire`; the last holder makes the array writable again.

    May run inside the garbage collector, at any point of any thread, so it never waits for the mutex: whoever
    has it finishes the work.
    """
    if arrays:
        _waiting.append(arrays)
    _release_waiting()


def _release_waiting() -> None:
    while _waiting and _mutex.acquire(blocking=False):
        try:
            arrays = _waiting.popleft() if _waiting else []
            for array in reversed(arrays):  # a view can become writable only after its base
                _, count = _held[id(array)]
                if count > 1:
                    _held[id(array)] = (array, count - 1)
                else:
                    del _held[id(array)]
                    array.flags.writeable = True
        finally:
            _mutex.release()


def is_held(array: np.ndarray) -> bool:
    """Whether some trace has locked this very array."""
    return id(array) in _held
