"""The text of a page, each word once: operations, shapes, types, the user's lines, names, expressions."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np

from adjoint.system import ConstraintSystem
from adjoint.tracing.display import expression
from adjoint.tracing.sites import resolve

MOST_LETTERS = 240
"""Of a name or a source line; what is longer is cut."""


class Words:
    """Numbers for things that repeat."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}

    def __call__(self, word: Any) -> int:
        """The number of a word."""
        return self._known.setdefault(word, len(self._known))

    def __len__(self) -> int:
        return len(self._known)

    @property
    def all(self) -> list[Any]:
        """The words, by number."""
        return list(self._known)


def cut(text: str) -> str:
    """A text of bounded length."""
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def described(system: ConstraintSystem, nodes: list[int], expressions: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Words, and the number of each row's word.

    Parameters
    ----------
    system : ConstraintSystem
    nodes : list of int
        Of the rows, counted from 0.
    expressions : bool
        Whether to write down what each node computes.

    Returns
    -------
    header, columns : dict
        Lists of words; arrays (rows,) of numbers. A row without a site has the number of the empty site.
    """
    trace = system.trace
    operations, shapes, dtypes, places = Words(), Words(), Words(), Words()
    sites: list[tuple[Any, int] | None] = []
    table: list[tuple[int, int, int, int]] = []
    for k in nodes:
        value = trace.values[k]  # its shapes and types are those of every point
        code, offset = trace.records[k][3:]
        place = places((id(code), offset))
        if place == len(sites):
            sites.append(None if code is None else (code, offset))
        table.append((operations(system.primitives[k].name), shapes(value.shape), dtypes(value.dtype), place))
    columns = np.array(table, dtype=np.int64).reshape(-1, 4).T
    labels = trace.labels()
    row_of = dict(zip(nodes, range(len(nodes)), strict=True))
    named = [(row_of[k], cut(str(label))) for k, label in sorted(labels.items()) if k in row_of]
    header = {
        "operations": [cut(name) for name in operations.all],
        "shapes": [list(shape) for shape in shapes.all],
        "dtypes": [str(dtype) for dtype in dtypes.all],
        "sites": [_site(site) for site in sites],
        "names": named,
        "expressions": [cut(expression(trace, k, {})) for k in nodes] if expressions else None,
    }
    return header, dict(zip(("operation", "shape", "dtype", "site"), columns, strict=True))


def _site(place: tuple[Any, int] | None) -> list[Any] | None:
    """File (without its folder), line, text and function."""
    if place is None:
        return None
    site = resolve(*place)
    return [PurePath(site.file).name, site.line, cut(site.source), cut(site.function)]
