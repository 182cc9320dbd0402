"""What a workload is: a NumPy program, its arguments, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.harness import Size


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One program at one size.

    Attributes
    ----------
    title : str
        The size in words.
    program : callable
        ``program(xp, *arguments, *constants)``; ``xp`` is the array module to write it with.
    arguments : tuple of arrays
        Differentiated.
    constants : tuple
        Not differentiated.
    right_hand_sides : int
        0 asks for the gradient of a scalar output, ``m > 0`` for ``m`` products with the transposed Jacobian of an
        array output, their seeds random.
    recorded : callable, optional
        ``recorded(*arguments, *constants)``: recorded in place of the program, and has to compute the same.
    tolerance : float
        Largest relative difference, by the norm, of one strategy's answer to another one's.
    """

    title: str
    program: Callable[..., Any]
    arguments: tuple[np.ndarray, ...]
    constants: tuple[Any, ...] = ()
    right_hand_sides: int = 0
    recorded: Callable[..., Any] | None = None
    tolerance: float = 1e-9

    def plain(self, *arguments: Any) -> Any:
        """The program on NumPy arrays."""
        return self.program(np, *arguments, *self.constants)

    def traced(self, *arguments: Any) -> Any:
        """What adjoint records."""
        return self.plain(*arguments) if self.recorded is None else self.recorded(*arguments, *self.constants)

    @property
    def asked(self) -> str:
        """What is asked, in words."""
        m = self.right_hand_sides
        return f"{m} right-hand side{'s' if m > 1 else ''}" if m else "gradient of a scalar"


@dataclass(frozen=True, slots=True)
class Workload:
    """A named program with its sizes.

    Attributes
    ----------
    name : str
    summary : str
        One line.
    problems : callable
        ``problems(size)`` yields one problem or several.
    """

    name: str
    summary: str
    problems: Callable[[Size], Iterator[Problem]]
