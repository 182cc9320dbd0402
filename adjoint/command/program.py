"""TARGET: the function that a command is about, recorded at its arguments."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from adjoint import gallery
from adjoint.calculus import trace
from adjoint.command import arguments, modules
from adjoint.command.failures import CommandError, UsageError, display_path, listed, raised, suggestion
from adjoint.errors import AdjointError
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace


@dataclass(frozen=True)
class Program:
    """A function that was traced.

    Attributes
    ----------
    name : str
        As it was written on the command line.
    title : str
        For headings.
    trace : Trace
    says : str
        What a built-in example shows; empty for the user's own function.
    """

    name: str
    title: str
    trace: Trace
    says: str = ""

    @property
    def heading(self) -> str:
        """The title, with the name of a built-in example before it."""
        return self.title if ":" in self.name else f"{self.name}: {self.title}"

    @cached_property
    def system(self) -> ConstraintSystem:
        """``A λ = −s`` at the arguments.

        Raises
        ------
        CommandError
            If no node has a multiplier.
        """
        system: ConstraintSystem = self.trace.compile()
        if system.shape[0] == 0:
            given = sorted({str(self.trace.values[k].dtype) for k in self.trace.inputs})
            raise CommandError(
                f"{self.title} has nothing to differentiate: its arguments hold no floating-point number "
                f"({listed(given)})\nIntegers have no derivatives: write --arg 2.0 and not --arg 2"
            )
        return system


def load(options: Namespace) -> Program:
    """Find the target, its arguments, and record it.

    Raises
    ------
    UsageError
        If there is no such example, module, file, function, or no arguments for it.
    CommandError
        If the user's code raises.
    """
    target = options.target
    halves = modules.split(target)
    if halves is None:
        return _built_in(target, options)
    if options.size is not None:
        raise UsageError(f"--size is of the built-in examples; {target} has the size of its arguments")
    place, name = halves
    module = modules.load(place)
    shown = display_path(place)
    function = modules.attribute(module, name, shown)
    if not callable(function):
        raise UsageError(
            f"{shown}:{name} is no function but {type(function).__name__}\n"
            f"The functions that it defines: {listed(modules.functions_of(module))}"
        )
    if options.arg:
        values = arguments.given(options.arg)
    elif options.inputs is not None:
        values = arguments.of_function(options.inputs, module, shown)
    else:
        values = arguments.found(module, name, shown)
    title = f"{shown}:{name}"
    return Program(target, title, recorded(function, values, title))


def recorded(function: Callable[..., Any], values: tuple[Any, ...], title: str) -> Trace:
    """The trace of a function; an exception of its own is told with the lines that led to it."""
    try:
        return trace(function, *values)
    except AdjointError:
        raise
    except (Exception, SystemExit) as error:
        raise raised(f"{title} raised while it was traced:", error) from error


def _built_in(name: str, options: Namespace) -> Program:
    if name not in gallery.names():
        raise UsageError(_unknown(name))
    if options.arg or options.inputs is not None:
        raise UsageError(f"{name} is a built-in example with arguments of its own; choose them by --size small or full")
    example = gallery.get(name)
    try:
        return Program(name, example.title, example.trace(options.size or "small"), example.says)
    except AdjointError:
        raise
    except Exception as error:
        raise raised(f"the example {name} raised:", error) from error


def _unknown(name: str) -> str:
    """Why a target without a colon is no example, and what was probably meant."""
    known = gallery.names()
    if Path(name).is_file():
        try:
            functions = modules.functions_of(modules.load(name))
        except CommandError:
            functions = []
        return (
            f"{name} is a file; add the function: {name}:FUNCTION\nThe functions that it defines: {listed(functions)}"
        )
    return (
        f"there is no built-in example {name!r}{suggestion(name, known)}\n"
        f"The examples: {listed(known)}\n"
        "A function of yours is given as module:function or file.py:function"
    )
