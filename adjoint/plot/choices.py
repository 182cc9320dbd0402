"""Options that are one of a few names."""

from __future__ import annotations

from collections.abc import Container
from typing import Any


def is_one_of(value: Any, known: Container[str]) -> bool:
    """Whether it is one of these names; what is no string is none, and needs no hash."""
    return isinstance(value, str) and value in known
