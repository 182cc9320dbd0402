"""Things asked for by name: found, or refused with the names that there are."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from adjoint.errors import ArgumentError


def lookup(kind: str, name: Any, known: Mapping[str, Any]) -> Any:
    """``known[name]``.

    Raises
    ------
    ArgumentError
        With the closest name and all names.
    """
    if name in known:
        return known[name]
    raise ArgumentError(f"no {kind} is named {name!r}{hint(name, known)}; there are: {', '.join(known)}")


def hint(name: Any, known: Iterable[str]) -> str:
    """``(did you mean …?)``, if a known name is close."""
    close = difflib.get_close_matches(str(name), list(known), 1)
    return f" (did you mean {close[0]!r}?)" if close else ""
