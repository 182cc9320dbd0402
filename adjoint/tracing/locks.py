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
_unlocked: dict[int, np.ndarray] = {}  # held no longer, to be made writable as soon as the base is
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
            elif one.flags.writeable or _unlocked.pop(id(one), None) is not None:
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
            for array in _waiting.popleft() if _waiting else []:
                _, count = _held[id(array)]
                if count > 1:
                    _held[id(array)] = (array, count - 1)
                else:
                    del _held[id(array)]
                    _unlocked[id(array)] = array
            _make_writable()
        finally:
            _mutex.release()


def _make_writable() -> None:
    """Give back what nobody holds; a view can become writable only after its base, so it may have to wait."""
    progress = True
    while progress:
        progress = False
        for key, array in list(_unlocked.items()):
            try:
                array.flags.writeable = True
            except ValueError:  # its base is still held: it comes with the base
                continue
            del _unlocked[key]
            progress = True


def is_held(array: np.ndarray) -> bool:
    """Whether some trace has locked this very array."""
    return id(array) in _held
