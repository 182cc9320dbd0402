"""The pages of the gallery as Markdown, and the pictures in them, from the examples in :mod:`adjoint.gallery`."""

from __future__ import annotations

import inspect
import re
import tempfile
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

from matplotlib import pyplot
from pictures import svg

from adjoint import gallery
from adjoint.plot.graphs import to_svg
from adjoint.plot.matrix import spy
from adjoint.plot.page.writing import to_html

THEMES = ("light", "dark")
IMPORTS = {
    "combinations": "from itertools import combinations\n",
    "np": "import numpy as np\n",
}
OURS = ("constraint", "grad", "name")
"""What the programs use of others, and of the library."""

_ANNOTATION = re.compile(r": [\w\[\], .]*?\bAny\b\]*(?=[,)]| =)| -> Any\b")

COLUMN = 800
"""Pixels that a wider graph is not shrunk to."""

HEADINGS = {
    "textbook": "From textbooks",
    "networks": "Layers of networks",
    "sequences": "Steps in time",
    "simulations": "Simulations",
    "statistics": "Statistics and optimization",
}


@dataclass(frozen=True, slots=True)
class Drawn:
    """One example, finished: its page, and files by their address under the gallery."""

    page: str
    files: dict[str, bytes]


def grouped() -> Iterator[tuple[str, list[gallery.Example]]]:
    """The examples by their group."""
    for group in gallery.GROUPS:
        yield group, [example for example in gallery.examples() if example.group == group]


def thumbnails() -> str:
    """A card for each example."""
    parts = []
    for group, members in grouped():
        parts.append(f'## {HEADINGS[group]}\n\n<div class="grid cards" markdown>\n')
        for example in members:
            image = both(f"pictures/{example.name}-matrix", f"The matrix of {example.title}", link=f"{example.name}.md")
            parts.append(f"-   **[{example.title}]({example.name}.md)**\n\n{textwrap.indent(image, '    ')}\n")
        parts.append("</div>\n")
    return "\n".join(parts)


@cache
def draw(name: str) -> Drawn:
    """Everything about one example.

    Raises
    ------
    RuntimeError
        Naming the example, if any part of it cannot be drawn.
    """
    example = gallery.get(name)
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # a glyph that is missing, a layout that does not fit
            drawn = _drawn(example)
    except Exception as error:
        raise RuntimeError(f"gallery: the example {name!r} cannot be drawn: {type(error).__name__}: {error}") from error
    finally:
        pyplot.close("all")
    print(f"gallery: {name} in {time.perf_counter() - start:.1f} s")
    return drawn


def _drawn(example: gallery.Example) -> Drawn:
    system = example.system()
    stem = f"pictures/{example.name}"
    files: dict[str, bytes] = {}
    for theme in THEMES:
        files[f"{stem}-matrix-{theme}.svg"] = svg(lambda t=theme: spy(system, view=example.view, theme=t))
        files[f"{stem}-graph-{theme}.svg"] = to_svg(system, theme=theme).encode()
        if example.view == "entries":
            files[f"{stem}-blocks-{theme}.svg"] = svg(lambda t=theme: spy(system, theme=t))
    with tempfile.TemporaryDirectory() as folder:
        path = to_html(system, Path(folder) / "page.html", title=example.title)
        files[f"pages/{example.name}.html"] = path.read_bytes()
    return Drawn(page(example, system, files), files)


def page(example: gallery.Example, system: Any, drawn: dict[str, bytes]) -> str:
    """The Markdown of one example."""
    stem = f"pictures/{example.name}"
    option = " --view entries" if example.view == "entries" else ""
    parts = [
        f"# {example.title}\n\n{example.says}\n",
        f"## Matrix\n\n{both(f'{stem}-matrix', f'The matrix of {example.title}')}\n",
        f"```bash\nadjoint spy {example.name}{option} --out {example.name}.svg\n```\n",
        f"[Open the interactive page](pages/{example.name}.html){{ .md-button }}\n",
    ]
    if example.view == "entries":
        parts.append(f"One square for each block:\n\n{both(f'{stem}-blocks', f'The blocks of {example.title}')}\n")
    parts += [
        f"## Graph\n\n{wide(stem, example.title, drawn)}\n",
        f"```bash\nadjoint graph {example.name} --out {example.name}-graph.svg\n```\n",
        f"## Numbers\n\n{numbers(example, system)}\n",
        f"## Program\n\n```python {{ .no-run }}\n{program(example.function)}```\n",
    ]
    if example.source:
        parts.append(f"Source: {example.source}.\n")
    return "\n".join(parts)


def numbers(example: gallery.Example, system: Any) -> str:
    """A table: what is drawn, and what the full size would be."""
    columns = [("drawn here", system)]
    full = example.system("full")
    if full.shape != system.shape:
        columns.append(("full size", full))
    rows: list[tuple[str, Callable[[Any], int]]] = [
        ("constraints with a multiplier", lambda s: s.structure.nodes),
        ("blocks off the diagonal", lambda s: len(s.structure.children)),
        ("unknowns: A is N × N, N =", lambda s: s.shape[0]),
        ("structural nonzeros of A", lambda s: s.structure.matrix_nonzeros),
        ("levels", lambda s: s.structure.depth),
    ]
    head = "| | " + " | ".join(title for title, _ in columns) + " |"
    rule = "|---|" + "---:|" * len(columns)
    body = [f"| {title} | " + " | ".join(f"{read(s):,}" for _, s in columns) + " |" for title, read in rows]
    return "\n".join([head, rule, *body])


def program(function: Callable[..., Any]) -> str:
    """The source of a function with all that it needs: imports, and the functions of its module that it calls."""
    found: dict[str, str] = {}
    imported: set[str] = set()

    def visit(current: Any) -> None:
        inner = inspect.unwrap(current)
        source = inspect.getsource(inner)
        imported.update(name for name in (*IMPORTS, *OURS) if re.search(rf"\b{name}\b[.(\n]", source))
        for name in _names(inner.__code__):
            called = inner.__globals__.get(name)
            is_own = isinstance(called, FunctionType) and called.__module__ == inner.__module__
            if is_own and name not in found:
                visit(called)
        found[inner.__name__] = source  # after what it calls

    visit(function)
    lines = [line for name, line in IMPORTS.items() if name in imported]
    ours = [name for name in OURS if name in imported]
    if ours:
        lines.append(f"from adjoint import {', '.join(ours)}\n")
    unannotated = (_ANNOTATION.sub("", source).replace("``", "`") for source in found.values())
    return "\n\n".join(["\n".join(lines), *unannotated])


def _names(code: Any) -> Iterator[str]:
    """The global names of a function, those of functions inside it included."""
    yield from code.co_names
    for constant in code.co_consts:
        if hasattr(constant, "co_names"):
            yield from _names(constant)


def wide(stem: str, title: str, drawn: dict[str, bytes]) -> str:
    """The graph at its own size, in a box that scrolls; a click opens it alone, where each part says what it is."""
    width = re.search(rb'width="(\d+)"', drawn[f"{stem}-graph-light.svg"])
    style = '{ style="max-width: none" }' if width and int(width[1]) > COLUMN else ""
    images = (
        f"[![The graph of {title}]({stem}-graph-{theme}.svg#only-{theme}){style}]({stem}-graph-{theme}.svg)"
        for theme in THEMES
    )
    return '<div style="overflow-x: auto" markdown>\n' + "\n".join(images) + "\n</div>"


def both(stem: str, alternative: str, link: str = "") -> str:
    """A picture that follows the scheme of the site."""
    images = [f"![{alternative}]({stem}-{theme}.svg#only-{theme})" for theme in THEMES]
    return "\n".join(f"[{image}]({link})" if link else image for image in images)
