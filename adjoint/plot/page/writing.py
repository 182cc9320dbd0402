"""A system as one HTML file that needs nothing else: no network, no other file."""

from __future__ import annotations

import html
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from adjoint.errors import PlotError
from adjoint.plot.colors import FAMILIES, OTHER, THEMES
from adjoint.plot.page.payload import payload
from adjoint.plot.picture import picture, system_of
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace, Tracer
from adjoint.tracing.display import function_name

MOST_ROWS = 1_000_000
"""Rows beyond which a browser would not keep up."""

MOST_BLOCKS = 4_000_000

ORDERS = ("forward", "reverse", "markowitz")

ENTRIES = 200_000

SCRIPTS = (
    "data",
    "numbers",
    "words",
    "view",
    "gestures",
    "colors",
    "pixels",
    "squares",
    "gutters",
    "minimap",
    "matrix",
    "orders",
    "play",
    "equation",
    "transport",
    "graph",
    "card",
    "details",
    "search",
    "keys",
    "main",
)


def to_html(
    system: ConstraintSystem | Trace,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    seed: Any = None,
    orders: Sequence[str] = ORDERS,
    entries: int = ENTRIES,
    theme: str = "auto",
) -> Path:
    """Write a page for the browser, in which the matrix, the graph and the solve can be explored.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    path : str or path
        The file to write. A file that is there is replaced once the new one is complete.
    title : str, optional
        By default the name of the function that was traced.
    seed : pytree like the output, optional
        The right-hand side of the multipliers: by default 1 for every entry of the output.
    orders : sequence of str
        Eliminations that can be played: ``"forward"``, ``"reverse"``, ``"markowitz"``, ``"lowest_cost"``,
        ``"local_search"``, ``"auto"``. One that would take too much work is left out, and the page says so.
    entries : int
        Scalar entries that the file may hold. The smallest blocks come first; of those that do not fit the page
        tells how many entries they have.
    theme : {"auto", "light", "dark"}
        ``"auto"``: what the reader's system prefers. The page has a switch.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    PlotError
        If there is nothing to show, if the system is too large for a browser, or if the file cannot be written.
    SeedError
        If a seed is given that does not fit the output.

    Notes
    -----
    Linear in nodes and blocks, but for the elimination orders. A system of 50,000 scalar nodes takes about 4 s, most of
    it for the eliminations, and less than 1 MB. Where the default seed cannot be solved for, the page is made without
    multipliers, and says why.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np, adjoint
    >>> trace = adjoint.trace(lambda x, y: (np.sin(x) * y).sum(), np.ones(3), 2.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = to_html(trace, pathlib.Path(folder) / "page.html")
    ...     path.read_text(encoding="utf-8").startswith("<!doctype html>")
    True
    """
    system = system_of(system, "to_html")
    if theme not in ("auto", *THEMES):
        raise PlotError(f"theme must be 'auto', 'light' or 'dark', not {theme!r}")
    if isinstance(entries, bool) or not hasattr(entries, "__index__") or entries < 0:
        raise PlotError(f"entries is how many scalar entries the file may hold: a whole number from 0, not {entries!r}")
    if isinstance(orders, str):
        raise PlotError(f"orders is a sequence of names: orders=({orders!r},)")
    if any(type(value) is Tracer for value in system.values):
        raise PlotError(
            "to_html writes numbers, and these values are being traced by an outer derivative: write outside of it"
        )
    target = _target(path)
    drawn = picture(system)
    if len(drawn) > MOST_ROWS or len(drawn.rows) > MOST_BLOCKS:
        raise PlotError(
            f"a page can show {MOST_ROWS:,} rows and {MOST_BLOCKS:,} blocks, and this system has {len(drawn):,} and "
            f"{len(drawn.rows):,}: adjoint.plot.spy draws it as an image, or record a smaller instance of the program"
        )
    name = str(title) if title is not None else function_name(system.trace.function)
    data, _ = payload(drawn, name, seed, orders, entries, theme)
    _write(target, page(name, data, theme))
    return target


def page(title: str, data: str, theme: str) -> str:
    """The document: the assets, with the data between them."""
    parts = {
        "title": html.escape(title),
        "theme": "" if theme == "auto" else f' data-theme="{theme}"',
        "style": _variables() + _asset("page.css"),
        "script": _script(),
        "data": data,
    }
    text = _asset("page.html")
    for name, part in parts.items():
        before, mark, after = text.rpartition(f"<!--{name}-->")
        text = before + part + after if mark else text
    return text


@cache
def _variables() -> str:
    """The colors of both themes, for the style sheet."""
    looks = {}
    for name, look in THEMES.items():
        parts = {"ground": look.ground, "ink": look.ink, "faint": look.faint, "band": look.band, "accent": look.accent}
        parts |= {"fill-in": look.fill_in, "non-finite": look.non_finite}
        parts |= {f"family-{family.name}": getattr(family, name) for family in (*FAMILIES, OTHER)}
        looks[name] = "".join(f"--{part}: {color}; " for part, color in parts.items()) + f"color-scheme: {name};"
    return (
        f":root {{ {looks['light']} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {looks['dark']} }} }}\n"
        f":root[data-theme=light] {{ {looks['light']} }}\n:root[data-theme=dark] {{ {looks['dark']} }}\n"
    )


@cache
def _script() -> str:
    """All scripts as one, with one scope."""
    body = "\n".join(_asset(f"{name}.js") for name in SCRIPTS)
    return f'(() => {{\n"use strict";\n{body}\n}})();'


@cache
def _asset(name: str) -> str:
    return (resources.files("adjoint.plot.page") / "assets" / name).read_text(encoding="utf-8")


def _target(path: Any) -> Path:
    """The file to write, if there is hope that it can be."""
    try:
        target = Path(path)
    except TypeError:
        raise PlotError(f"path is the file to write, like 'page.html', not {path!r}") from None
    if os.path.isdir(target):  # false, and no error, for what cannot be a path
        raise PlotError(f"{str(target)!r} is a folder: name a file in it, like {str(target / 'page.html')!r}")
    if not os.path.isdir(target.parent):
        raise PlotError(f"there is no folder {str(target.parent)!r} to write {target.name!r} into: make it first")
    return target


def _write(target: Path, text: str) -> None:
    """All of the file or nothing: a temporary file beside it, which then takes its place."""
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(4)}.part")
    try:
        with open(temporary, "x", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.replace(temporary, target)
    except (OSError, ValueError) as error:
        with suppress(OSError, ValueError):
            temporary.unlink()
        why = getattr(error, "strerror", None) or error
        raise PlotError(
            f"cannot write {str(target)!r}: {why}. Name a file in a folder that you may write to."
        ) from error
