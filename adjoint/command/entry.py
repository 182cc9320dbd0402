"""``main``: the command line from its words to an exit status."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from adjoint.command import parser
from adjoint.command.failures import CommandError, message
from adjoint.errors import AdjointError

SUCCESS, FAILURE, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141
"""Exit statuses; the last two are 128 and the number of the signal, as a shell reports them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        The words after ``adjoint``; those of the process by default.

    Returns
    -------
    int
        0: done. 1: the library or the traced function refused, or an answer was wrong. 2: the command line asks for
        something that is not there. 130: interrupted. 141: the reader of the output went away.

    Examples
    --------
    >>> from adjoint.command import main
    >>> main(["--version"]) == 0
    adjoint ...
    True
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    path = list(sys.path)
    try:
        try:
            options = parser.parse(words)
        except SystemExit as stop:  # argparse has printed what there is to say
            return stop.code if isinstance(stop.code, int) else USAGE
        return _run(options.command, options)
    finally:
        sys.path[:] = path  # a target's folder is on it only while its code may import


def _run(command: str, options: parser.Namespace) -> int:
    label = f"adjoint {command}"
    try:
        module = importlib.import_module(f"adjoint.command.{parser.COMMANDS[command]}")
        status: int = module.run(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        _complain(f"{label}: interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except AdjointError as error:
        _tell(error, label, options.traceback)
        return error.status if isinstance(error, CommandError) else FAILURE
    except MemoryError as error:
        _tell(error, f"{label}: out of memory", options.traceback)
        return FAILURE
    except OSError as error:
        if error.filename is None:
            raise  # none of ours: a path that cannot be read or written is named
        if options.traceback:
            traceback.print_exception(error)
        _complain(f"{label}: {error.filename}: {error.strerror}")
        return FAILURE


def _tell(error: BaseException, label: str, whole: bool) -> None:
    if whole:
        traceback.print_exception(error)
    _complain(f"{label}: {message(error)}")


def _complain(text: str) -> None:
    """A message on stderr, in characters that it can show."""
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    sys.stderr.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stderr.flush()


def _forget_output() -> None:
    """Nobody reads stdout any more: what Python would still flush into it at its end goes nowhere."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # no file, as in a test
        return
