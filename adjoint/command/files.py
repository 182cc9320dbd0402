"""The files that a command writes: their kinds, and whether they can be written, known before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adjoint.command.failures import CommandError, UsageError, display_path


@dataclass(frozen=True, slots=True)
class Output:
    """A file, and what it is to hold: ``"png"``, ``"svg"``, ``"html"``, …"""

    path: Path
    kind: str


def outputs(paths: Sequence[Path] | None, kinds: Sequence[str]) -> list[Output]:
    """The files named by ``--out``, each of the kind that its ending says.

    Raises
    ------
    UsageError
        If the ending is none of ``kinds``.
    CommandError
        If the file cannot be written.
    """
    found = []
    for path in paths or ():
        kind = path.suffix.lower().removeprefix(".")
        if kind not in kinds:
            endings = ", ".join(f".{each}" for each in kinds)
            came = f"not {path.suffix}" if path.suffix else "and this name has no ending"
            raise UsageError(f"--out {path}: the ending is one of {endings}, {came}")
        writable(path)
        found.append(Output(path, kind))
    return found


def writable(path: Path | None) -> None:
    """Raise if a file cannot be written: better now than after minutes of work."""
    if path is None:
        return
    shown, folder = display_path(path), path.parent
    if path.is_dir():
        raise CommandError(f"{shown} is a folder: it cannot be written as a file")
    if not folder.is_dir():
        raise CommandError(f"{shown} cannot be written: there is no folder {display_path(folder.absolute())}")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise CommandError(f"{shown} cannot be written: permission denied")
