"""What goes wrong on the command line: one message each, and an exit status."""

from __future__ import annotations

import difflib
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np
import optree
import scipy

from adjoint.errors import AdjointError

FRAMES = 5
"""Lines of the user's own code that a message shows."""

_LIBRARIES = (
    *(str(Path(str(package)).resolve().parent) for package in (Path(__file__).parent, np.__file__, scipy.__file__)),
    str(Path(str(optree.__file__)).resolve().parent),
    sysconfig.get_path("stdlib") + "/importlib",
    "<frozen ",
)


class CommandError(AdjointError):
    """The command cannot do what was asked; exit status 1."""

    status = 1


class UsageError(CommandError):
    """The command line names something that is not there; exit status 2."""

    status = 2


def message(error: BaseException) -> str:
    """An exception for a reader who has not asked for the traceback: what it says, its notes, and the user's line."""
    lines = [str(error).rstrip() or type(error).__name__, *getattr(error, "__notes__", ())]
    if not isinstance(error, CommandError):
        known = "\n".join(lines)
        lines += [line for line in own_frames(error.__traceback__)[-1:] if line.split(",")[0].strip() not in known]
    return "\n".join(lines)


def raised(what: str, error: BaseException) -> CommandError:
    """That the user's code raised: the exception as Python would end its traceback, and the lines that led to it."""
    last = "".join(traceback.format_exception_only(error)).rstrip()
    frames = own_frames(error.__traceback__)
    left_out = [f"  … {len(frames) - FRAMES} more calls"] if len(frames) > FRAMES else []
    return CommandError("\n".join([what, *left_out, *frames[-FRAMES:], last]))


def own_frames(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback that are not in a library: file, line, function and source."""
    shown = []
    for frame in traceback.extract_tb(trace):
        if not frame.filename.startswith(_LIBRARIES):
            source = f"\n    {frame.line}" if frame.line else ""
            shown.append(f"  {display_path(frame.filename)}:{frame.lineno}, in {frame.name}{source}")
    return shown


def display_path(path: str | Path) -> str:
    """A path relative to the current folder if it is inside it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def suggestion(name: str, known: Iterable[str], ending: str = "") -> str:
    """``; did you mean 'densenet'?`` where a known name is close."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0] + ending!r}?" if close else ""


def listed(names: Iterable[str], most: int = 24) -> str:
    """Names with commas between, or ``none``."""
    found = list(names)
    more = f", … {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more or "none"
