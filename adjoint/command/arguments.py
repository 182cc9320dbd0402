"""The arguments at which a user's function is traced: from a function of theirs, or written on the command line."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from numbers import Number
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from adjoint.command import modules
from adjoint.command.failures import CommandError, UsageError, display_path, listed, raised, suggestion

ARRAYS = (".npy", ".npz")


def given(texts: Sequence[str]) -> tuple[Any, ...]:
    """Arguments written as ``--arg``."""
    return tuple(written(text) for text in texts)


def written(text: str) -> Any:
    """One argument: a Python literal, in which a list is an array; or a file of arrays.

    Raises
    ------
    UsageError
        If it is neither.
    """
    path, name = _file_and_name(text)
    if path.suffix in ARRAYS:
        return _loaded(path, name)
    if text.strip().lstrip("+-") in ("inf", "nan"):  # no literals of Python, but numbers
        return float(text)
    try:
        literal = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise UsageError(
            f"--arg {text} is neither a Python literal (2.5, [1.0, 2.0]) nor a file of arrays (.npy, .npz)\n"
            "Expressions are not evaluated: write a function that returns the arguments, and name it with --inputs"
        ) from None
    return _arrays(literal, text)


def of_function(text: str, module: ModuleType, place: str) -> tuple[Any, ...]:
    """Arguments from what ``--inputs`` names: ``name`` in the target's module, ``module:name`` or ``file.py:name``."""
    halves = modules.split(text)
    if halves is None and modules.is_file(text):
        raise UsageError(f"--inputs {text} is a file; add the function: --inputs {text}:NAME")
    if halves is not None:
        place, name = halves
        module = modules.load(place)
    else:
        name = text
    return called(modules.attribute(module, name, place), f"{place}:{name}")


def found(module: ModuleType, function: str, place: str) -> tuple[Any, ...]:
    """Arguments from the first of the usual names that the target's module has.

    Raises
    ------
    UsageError
        Saying the three ways to give them.
    """
    usual = (f"{function.rpartition('.')[2]}_inputs", "example_inputs", "inputs")
    for name in usual:
        source = getattr(module, name, None)
        if callable(source) or isinstance(source, tuple):
            return called(source, f"{place}:{name}")
    raise UsageError(
        f"with which arguments? {place}:{function} is traced as it runs, so it has to be called. One of:\n"
        f"  define {usual[0]}(), {usual[1]}() or {usual[2]}() beside it, returning the tuple of its arguments\n"
        "  name such a function:  --inputs NAME, --inputs module:NAME or --inputs file.py:NAME\n"
        "  write the arguments:   --arg 2.5 --arg '[1.0, 2.0]' --arg data.npy"
    )


def called(source: Callable[[], Any] | Any, where: str) -> tuple[Any, ...]:
    """The positional arguments that a function returns (or a value holds): a tuple, or a single one.

    Raises
    ------
    CommandError
        If the function raises.
    UsageError
        If it wants arguments itself, or gives none.
    """
    if callable(source):
        try:
            source = source()
        except (Exception, SystemExit) as error:
            if isinstance(error, TypeError) and error.__traceback__ and error.__traceback__.tb_next is None:
                raise UsageError(f"{where} cannot be called without arguments: {error}") from error
            raise raised(f"{where}() raised:", error) from error
    arguments = source if type(source) is tuple else (source,)
    if not arguments or arguments[0] is None:
        raise CommandError(f"{where} gives no arguments: it has to return a tuple of them, or a single one")
    return arguments


def _file_and_name(text: str) -> tuple[Path, str | None]:
    """``weights.npz:w1`` as the file and the name of an array in it."""
    place, colon, name = text.rpartition(":")
    if colon and Path(place).suffix == ".npz":
        return Path(place), name
    return Path(text), None


def _loaded(path: Path, name: str | None) -> Any:
    """The array of a ``.npy`` file; of a ``.npz`` file one array, or a dict of all."""
    shown = display_path(path)
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        with content:
            if name is None:
                return {key: content[key] for key in content.files}
            if name not in content.files:
                hint = suggestion(name, content.files)
                raise UsageError(f"{shown} has no array {name!r}{hint}\nIt has: {listed(content.files)}")
            return content[name]
    except FileNotFoundError:
        raise UsageError(f"--arg {shown}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"--arg {shown} cannot be read: {error}") from error


def _arrays(literal: Any, text: str) -> Any:
    """A literal with its lists of numbers as arrays."""
    if isinstance(literal, list):
        try:
            array = np.array(literal)
        except ValueError:
            raise UsageError(f"--arg {text} is no array: its rows differ in length") from None
        if array.dtype.kind not in "biufc":
            raise UsageError(f"--arg {text} is no array of numbers")
        return array
    if isinstance(literal, tuple):
        return tuple(_arrays(item, text) for item in literal)
    if isinstance(literal, dict):
        return {key: _arrays(item, text) for key, item in literal.items()}
    if isinstance(literal, Number):
        return literal
    raise UsageError(f"--arg {text} is no number, array, tuple or dict of them, but {type(literal).__name__}")
