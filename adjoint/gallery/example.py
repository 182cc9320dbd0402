"""What an example is: a program, its arguments in two sizes, and what its picture shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adjoint.calculus import trace
from adjoint.errors import PlotError
from adjoint.system import ConstraintSystem
from adjoint.tracing import Trace

SIZES = ("small", "full")
"""``"small"``: every row can be read in a picture. ``"full"``: as large as in its publication, or in practice."""

GROUPS = ("textbook", "networks", "sequences", "simulations", "statistics")
"""How the examples are sorted."""


@dataclass(frozen=True, slots=True)
class Example:
    """One program to look at.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    title : str
        A heading.
    group : str
        One of :data:`GROUPS`.
    function : callable
        Plain NumPy code.
    inputs : callable
        ``inputs(size)`` gives the tuple of arguments for a size of :data:`SIZES`; the same ones at every call.
    says : str
        Two sentences: what the structure says, so that it can be checked in the picture.
    view : {"blocks", "entries"}
        Which picture of the matrix shows it: one square per block, or every nonzero.
    source : str
        A reference, where there is one.
    """

    name: str
    title: str
    group: str
    function: Callable[..., Any]
    inputs: Callable[[str], tuple[Any, ...]]
    says: str
    view: str = "blocks"
    source: str = ""

    def arguments(self, size: str = "small") -> tuple[Any, ...]:
        """The arguments of a size.

        Raises
        ------
        PlotError
            If there is no such size.
        """
        if size not in SIZES:
            raise PlotError(f"the size of an example is {' or '.join(map(repr, SIZES))}, not {size!r}")
        return self.inputs(size)

    def trace(self, size: str = "small") -> Trace:
        """The program, recorded.

        Examples
        --------
        >>> from adjoint import gallery
        >>> print(gallery.get("product_of_sum").trace())
        z_1 = x                        float64
        z_2 = y                        float64
        z_3 = z                        float64
        z_4 = add(z_1, z_2)  [q]       float64  textbook.py:16  q = name(x + y, "q")
        z_5 = multiply(z_4, z_3)  [f]  float64  textbook.py:17  return name(q * z, "f")
        """
        return trace(self.function, *self.arguments(size))

    def system(self, size: str = "small") -> ConstraintSystem:
        """The program as a constraint system."""
        system: ConstraintSystem = self.trace(size).compile()
        return system
