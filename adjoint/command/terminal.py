"""What is printed: text, headings and tables through rich, which is imported when something is to be printed."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from adjoint.command.failures import display_path
from adjoint.errors import MissingExtraError
from adjoint.plot.colors import DARK, family_of
from adjoint.plot.lettering import clean

NARROW = 60
"""Columns below which those of a table move together."""


class Terminal:
    """Standard output; with colors if it is a terminal, and ``NO_COLOR`` does not forbid them.

    Parameters
    ----------
    options : Namespace
        ``width``: columns; ``None``: those of the terminal, and 80 where there is none.

    Raises
    ------
    MissingExtraError
        If rich is not installed; the message names the command that installs it.
    """

    def __init__(self, options: Namespace) -> None:
        try:
            import rich.console
            import rich.progress
            import rich.table
            import rich.text
        except ImportError as error:
            raise MissingExtraError(
                'the command line prints with rich, which is not installed: pip install "adjoint[cli]"\n'
                "Without it there are --help, --version, and all of adjoint from Python."
            ) from error
        self._rich: Any = rich
        stream = sys.stdout
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # letters outside the encoding; lone surrogates in names and paths
        self.console = self._new_console(file=stream, width=options.width, highlight=False, emoji=False)
        self.console.on_broken_pipe = _broken_pipe
        self.width: int = self.console.width
        self.given = options.width is not None

    def _new_console(self, **options: Any) -> Any:
        return self._rich.console.Console(**options)

    @property
    def plain(self) -> bool:
        """Whether the output shows ASCII only."""
        return not _shows(getattr(sys.stdout, "encoding", None) or "utf-8", "λ⣿─≤")

    def text(self, text: str, style: str = "") -> None:
        """Lines as they are: neither wrapped nor cut."""
        self.console.print(self._rich.text.Text(text, style=style), soft_wrap=True)

    def paragraph(self, text: str, style: str = "") -> None:
        """Prose, wrapped to the width."""
        prose = self._rich.text.Text(text, style=style)
        self.text("\n".join(line.plain.rstrip() for line in prose.wrap(self.console, self.width)), style)

    def heading(self, text: str) -> None:
        """A line in bold after an empty one."""
        self.console.print()
        self.console.print(self._rich.text.Text(text, style="bold"), soft_wrap=True)

    def gap(self) -> None:
        """An empty line."""
        self.console.print()

    def wrote(self, path: Any, what: str) -> None:
        """That a file is there now."""
        self.text(f"wrote {display_path(path)}: {what}")

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[int] = (), fold: int = -1
    ) -> None:
        """Rows under headings; columns in ``right`` hold numbers, and where all is too wide ``fold`` is folded."""
        text = self._rich.text.Text
        table = self._rich.table.Table(
            box=None,
            show_edge=False,
            pad_edge=False,
            padding=(0, 2 if self.width >= NARROW else 1, 0, 0),
            header_style="bold",
        )
        for position, column in enumerate(columns):
            folded = position == fold % len(columns) and position not in right
            justify = "right" if position in right else "left"
            table.add_column(column, justify=justify, no_wrap=not folded, overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, text) else text(clean(str(cell))) for cell in row))
        self._print(table)

    def bullets(self, items: Iterable[str]) -> None:
        """Sentences with a dash before each, wrapped beside it."""
        grid = self._rich.table.Table.grid(padding=(0, 1, 0, 0))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        for item in items:
            grid.add_row("-", self._rich.text.Text(item))
        self._print(grid)

    def _print(self, table: Any) -> None:
        """Without the blanks that rich fills lines with, where the output is read by something else."""
        if self.console.is_terminal:
            self.console.print(table)
            return
        with self.console.capture() as captured:
            self.console.print(table)
        lines = (line.rstrip() for line in captured.get().splitlines())
        self.text("\n".join(lines))

    def kind(self, name: str) -> Any:
        """A block kind with a swatch of its color in all pictures."""
        family = family_of(name)
        style = "" if family.name == "dense" else DARK.color(name)  # dense is drawn in the color of text
        return self._rich.text.Text.assemble(("■ ", style), name)

    def styled(self, text: str, style: str) -> Any:
        """A cell in color."""
        return self._rich.text.Text(text, style=style)

    @contextmanager
    def progress(self, total: int) -> Iterator[Any]:
        """A bar on stderr while something runs, if that is a terminal; called with what runs now."""
        progress = self._rich.progress
        console = self._new_console(stderr=True)
        columns = (
            progress.TextColumn("{task.description:<18}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
        )
        with progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=total)
            count = iter(range(total + 1))
            yield lambda name: bar.update(task, description=name, completed=next(count, total))


def _broken_pipe() -> None:
    """Called by rich where the reader has left, in place of ending the process."""
    raise BrokenPipeError


def _shows(encoding: str | None, characters: str) -> bool:
    try:
        characters.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def seconds(value: float | None) -> str:
    """A time in three digits and a unit."""
    if value is None:
        return ""
    if value >= 999.5:
        return f"{value:,.0f} s"
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if value * scale >= 0.9995:  # three digits of less are at most 999 of the next unit
            return f"{value * scale:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def plural(count: int, word: str) -> str:
    """``1 node``, ``2 nodes``."""
    return f"{count:,} {word}" + ("" if count == 1 else "s")
