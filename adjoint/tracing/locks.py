"""Protection of arrays that a trace has saved: small ones are copied, large ones write-locked.

A constant that the user edits after it was recorded (``buffer[:] = …`` in a loop) would silently change
the derivative. A lock makes NumPy refuse the edit (``assignment destination is read-only``) until the trace
is released. Views made before the lock keep their own flag: that gap is documented.
"""

from __future__ import annotations

import threading
from collections import deque
from mmap import mmap

import numpy as np

COPY_LIMIT = 16_384
"""Bytes up to which a constant is copied instead of locked."""

_mutex = threading.Lock()
_held: dict[int, tuple[np.ndarray, int]] = {}  # id → (array, how many traces hold it)
_waiting: deque[list[np.ndarray]] = deque()  # to be released by whoever has the mutex


def owners(array: np.ndarray) -> tuple[list[np.ndarray], object]:
    """The arrays through which the memory of ``array`` can be reached upwards, and what owns it if no array does."""
    chain = []
    current: object = array
    while current is not None:
        if isinstance(current, np.ndarray):
            chain.append(current)
        elif not hasattr(current, "base"):  # NumPy's stride tricks put a helper object between two arrays
            return chain, current
        current = getattr(current, "base", None)
    return chain, None


def must_copy(array: np.ndarray) -> bool:
    """Whether a lock would not protect: the memory is small, or belongs to no array."""
    if array.nbytes <= COPY_LIMIT:
        return True
    chain, owner = owners(array)
    if owner is None or isinstance(owner, bytes):
        return False
    return any(one.flags.writeable for one in chain) or not isinstance(owner, mmap)


def acquire(array: np.ndarray) -> list[np.ndarray]:
    """Lock ``array`` and the arrays it is a view of; returns what must be released."""
    taken = []
    chain, _ = owners(array)
    with _mutex:
        for one in chain:
            held = _held.get(id(one))
            if held is not None:
                _held[id(one)] = (one, held[1] + 1)
                taken.append(one)
            elif one.flags.writeable:
                _held[id(one)] = (one, 1)  # before the flag: another thread looks at both
                one.flags.writeable = False
                taken.append(one)
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
