"""The ```` ```console ```` blocks of docs/command_line.md: each command is run, and its output kept true.

A line ``$ adjoint …`` is a command, and what follows up to the next one is what it prints. What depends on the machine
(seconds, ratios of them, rounding errors, and the order of tables sorted by such numbers) is not compared. The Python
block that begins with ``# model.py`` is the file that the commands use.

After an intended change, ``python -m tests.command.console`` (from the repository's root) writes the new outputs into
the page; look at the difference before you keep it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adjoint.command import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "command_line.md"

_BLOCK = re.compile(r"^```console\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^```python\n(?P<body># model\.py\n.*?)^```$", re.MULTILINE | re.DOTALL)
_VARYING = (
    (re.compile(r"\d+(\.\d+)?(e[+-]?\d+)? (s|ms|µs)(?=\s|,|$)"), "TIME"),
    (re.compile(r"\d[\d.,]* ×(?=\s|$)(?! \d)"), "RATIO"),
    (re.compile(r"\d(\.\d+)?e-1[3-9]"), "ROUNDING"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command in the page, the text that it is said to print, and where that stands."""

    command: str
    expected: str
    span: tuple[int, int]


def commands(page: str) -> Iterator[Shown]:
    """All commands of a page in order."""
    for block in _BLOCK.finditer(page):
        starts = [match.start() for match in re.finditer(r"^\$ ", block["body"], re.MULTILINE)]
        for start, stop in zip(starts, [*starts[1:], len(block["body"])], strict=True):
            line, _, output = block["body"][start:stop].partition("\n")
            first = block.start("body") + start + len(line) + 1
            yield Shown(line.removeprefix("$ "), output, (first, first + len(output)))


def write_model(page: str, folder: Path) -> None:
    """The user's file of the page."""
    match = _FILE.search(page)
    assert match, "the page shows the file model.py"
    (folder / "model.py").write_text(match["body"], encoding="utf-8")


def run(command: str) -> str:
    """What a command prints, on stdout and then on stderr, at 80 columns."""
    program, *words = shlex.split(command)
    assert program == "adjoint", command
    before = {name: os.environ.pop(name, None) for name in ("COLUMNS", "FORCE_COLOR")}
    os.environ["COLUMNS"] = "80"
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(words)
    finally:
        del os.environ["COLUMNS"]
        os.environ.update({name: value for name, value in before.items() if value is not None})
    return out.getvalue() + err.getvalue()


def comparable(text: str) -> list[str]:
    """Lines without what depends on the machine."""
    for pattern, word in _VARYING:
        text = pattern.sub(word, text)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return sorted(lines) if "certificate" in text else lines


def rewrite() -> None:
    """Put what the commands print today into the page, where it no longer agrees."""
    page = PAGE.read_text(encoding="utf-8")
    changes = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_model(page, Path(folder))
        for shown in commands(page):
            printed = run(shown.command)
            if comparable(printed) != comparable(shown.expected):
                changes.append((*shown.span, printed))
    for start, stop, printed in reversed(changes):
        page = page[:start] + printed + page[stop:]
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE.name}: {len(changes)} outputs changed")


if __name__ == "__main__":
    rewrite()
