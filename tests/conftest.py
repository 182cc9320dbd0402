"""What all tests share."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    """A hundred thousand collected tests stay until the end: the garbage collector need not look at them again."""
    gc.collect()
    gc.freeze()
