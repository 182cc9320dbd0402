"""The Python blocks of the documentation: found, run page by page, and their printed output kept true.

A ```` ```python ```` block is run; a ```` ```text ```` block right after it is what it prints. A block may end in an
exception: the text then ends as a traceback does, with ``SomeError: message``. ``...`` stands for anything.

After an intended change, ``python -m tests.docs.snippets`` (from the repository's root) writes the new outputs
into the pages; look at the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from adjoint.system import solving
from adjoint.tracing import table

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    """One block of code, and where the text that it prints stands in the page (``None``: no text follows)."""

    code: str
    line: int
    expected: str | None
    output_span: tuple[int, int] | None


def snippets(page: str) -> Iterator[Snippet]:
    """The Python blocks of a page in order, each with the ``text`` block right after it, if there is one."""
    blocks = list(_FENCE.finditer(page))
    for block, following in zip_longest(blocks, blocks[1:]):
        if block["language"] != "python":
            continue
        line = page[: block.start()].count("\n") + 2
        adjacent = following is not None and not page[block.end() : following.start()].strip()
        if adjacent and following["language"] == "text":
            yield Snippet(block["body"], line, following["body"], following.span("body"))
        else:
            yield Snippet(block["body"], line, None, None)


def run(code: str, namespace: dict[str, Any], folder: Path, number: int) -> str:
    """Execute one block as the file ``example.py``; returns what it printed, a final exception included."""
    file = folder / str(number) / "example.py"
    file.parent.mkdir()
    file.write_text(code, encoding="utf-8")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.chdir(file.parent):  # files that it writes go there too
        try:
            exec(compile(code, str(file), "exec"), namespace)
        except Exception as error:
            printed.write(f"{type(error).__name__}: {error}\n")
            namespace["__raised__"] = error
        else:
            namespace["__raised__"] = None
    return printed.getvalue()


@contextlib.contextmanager
def isolated() -> Iterator[None]:
    """Rules and solvers that a page registers, and NumPy's print options, are forgotten after it."""
    tables: list[dict[Any, Any]] = [table.UFUNCS, table.UFUNC_METHODS, table.FUNCTIONS, table.METHODS]
    tables.append(solving._registry)
    saved = [dict(each) for each in tables]
    try:
        with np.printoptions():
            yield
    finally:
        for each, before in zip(tables, saved, strict=True):
            each.clear()
            each.update(before)


def matches(expected: str, printed: str) -> bool:
    """Whether the printed text is the expected one, ``...`` standing for anything."""
    return doctest.OutputChecker().check_output(expected, printed, doctest.ELLIPSIS)


def rewrite(path: Path) -> None:
    """Put what the blocks of a page print today into the page, where it no longer agrees."""
    page = path.read_text(encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    changes = []
    with tempfile.TemporaryDirectory() as folder, isolated():
        for number, snippet in enumerate(snippets(page)):
            printed = run(snippet.code, namespace, Path(folder), number)
            error = namespace["__raised__"]
            if error is not None and f"{type(error).__name__}: " not in (snippet.expected or ""):
                raise RuntimeError(f"{path.name}:{snippet.line}: {printed}") from error
            if snippet.output_span is not None and not matches(snippet.expected or "", printed):
                changes.append((*snippet.output_span, printed))
    for start, stop, printed in reversed(changes):
        page = page[:start] + printed + page[stop:]
    path.write_text(page, encoding="utf-8")
    print(f"{path.name}: {len(changes)} outputs changed")


if __name__ == "__main__":
    for each in PAGES:
        rewrite(each)
