"""The list of covered NumPy functions in docs/use.md, read from the rule table.

``python -m tests.docs.vocabulary`` (from the repository's root) writes it anew; a test says when that is due.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

import adjoint  # noqa: F401  # fills the table
from adjoint.tracing import table
from adjoint.tracing.tracer import Tracer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "use.md"
BEGIN, END = "<!-- covered: begin (written by tests/docs/vocabulary.py) -->", "<!-- covered: end -->"

REFUSED = {"item", "tolist"}
"""Methods that exist to raise: they would lose the derivative of a floating-point value."""


def _name(function: Any) -> str | None:
    """``np.linalg.solve`` for a function that users call; ``None`` for adjoint's own kernels."""
    module = getattr(function, "__module__", None) or "numpy"
    if isinstance(function, np.ufunc):
        module = "numpy" if getattr(np, function.__name__, None) is function else "scipy.special"
    if module.split(".")[0] not in ("numpy", "scipy"):
        return None
    return f"{module}.{function.__name__}".replace("numpy.", "np.", 1)


def covered() -> dict[str, list[str]]:
    """Names of all functions with a rule: ufuncs, other functions, methods and attributes of arrays."""
    called = [ufunc for ufunc, method in table.UFUNC_METHODS if ufunc is not None and method == "__call__"]
    ufuncs = {_name(f) for f in [*table.UFUNCS, *called]}
    functions = {_name(f) for f, handler in table.FUNCTIONS.items() if not hasattr(handler, "refuses")}
    methods = {name for name in dir(Tracer) if hasattr(np.ndarray, name) and not name.startswith("_")} - REFUSED
    groups = {"Ufuncs": ufuncs, "Functions": functions - ufuncs, "Methods and attributes of an array": methods}
    return {group: sorted(name for name in names if name) for group, names in groups.items()}


def listing() -> str:
    """The list as Markdown."""
    paragraphs = []
    for group, names in covered().items():
        text = f"**{group}** ({len(names)}): " + ", ".join(f"`{name}`" for name in names) + "."
        paragraphs.append(textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False))
    return "\n\n".join(paragraphs)


def written(page: str) -> str:
    """What stands between the two marks of the page."""
    found = re.search(f"{re.escape(BEGIN)}\n\n(.*?)\n\n{re.escape(END)}", page, re.DOTALL)
    return found[1] if found else ""


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    start, stop = text.index(BEGIN) + len(BEGIN), text.index(END)
    PAGE.write_text(f"{text[:start]}\n\n{listing()}\n\n{text[stop:]}", encoding="utf-8")
