"""The solver interface and its registry: analyze → factorize → solve.

A solver is an immutable value with options. ``analyze`` looks at the structure only, and its plan serves every
linearization point; ``factorize`` looks at one point, and its factor serves every right-hand side. The
registry lives here, below the strategies, so that systems can solve by name without knowing any of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Protocol

from adjoint.blocks import Array
from adjoint.errors import AdjointError, UnknownSolverError
from adjoint.tracing import Primitive
from adjoint.tracing.sites import resolve
from adjoint.tracing.trace import Record

if TYPE_CHECKING:
    from adjoint.system.structure import Structure
    from adjoint.system.system import ConstraintSystem

Rows = Sequence[tuple[int, Array]]
"""A right-hand side: ``(node, value)`` pairs, nodes counted from 0."""

Solution = Sequence[Any]
"""One entry per node: an array of shape (*batch, *shape), or ``None`` for a structural zero."""


class Factor(Protocol):
    """One linearized system, ready for any number of right-hand sides."""

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Solution:
        """``A λ = −s`` with ``s`` given by ``(node, value)`` rows; only the nodes in ``keep`` are needed."""
        ...

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Solution:
        """``Aᵀ ż = −ẋ``."""
        ...


class Plan(Protocol):
    """What can be known from the structure alone; serves every linearization point."""

    def factorize(self, system: ConstraintSystem) -> Factor:
        """Prepare one linearized system."""
        ...


class Solver(Protocol):
    """A strategy with its options: immutable, hashable, comparable."""

    def analyze(self, system: ConstraintSystem) -> Plan:
        """Look at the structure of a system; raises ``NotAcceptedError`` where the strategy does not fit."""
        ...


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a strategy expects to do with a structure, before it does it.

    Attributes
    ----------
    factor_multiplications, solve_multiplications : int
        To factorize one linearization, and to solve for all right-hand sides that were named.
    memory : int
        Bytes that the factor and a solution hold.
    depth : int
        Steps that have to wait for each other in one solve.
    fill_in : int
        Nonzeros that the factor holds beyond those of ``A``.
    seconds : float
        Of factorize and solve together on the machine that the constants were measured on (one core): for comparing
        strategies, not for planning an afternoon.
    """

    factor_multiplications: int
    solve_multiplications: int
    memory: int
    depth: int
    fill_in: int
    seconds: float


class Predicts(Protocol):
    """A solver that ``auto`` can choose: it says what it would cost."""

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """From the structure alone; raises ``NotAcceptedError`` exactly where ``analyze`` does."""
        ...


def note_where(error: AdjointError, primitives: Sequence[Primitive], records: Sequence[Record], k: int) -> None:
    """Tell which constraint (0-based) was being linearized when a rule raised."""
    code, offset = records[k][3:]
    where = "" if code is None else f", recorded at {resolve(code, offset)}"
    error.add_note(f"This is about z_{k + 1} = {primitives[k].name}(…){where}")


JUDGES: list[Callable[..., None]] = []
"""Set by a floor above: called with ``(system, rows, solution, forward)`` after each explicit solve."""

DEFAULT = "back_substitution"
ENTRY_POINTS = "adjoint.solvers"
"""The entry-point group by which an installed package makes its solvers known."""

_registry: dict[str, Callable[[], Solver] | str] = {}


def register(name: str, factory: Callable[[], Solver] | str) -> None:
    """Make a solver known by name.

    Parameters
    ----------
    name : str
    factory : callable or "module:Class"
        Called without arguments for the solver with its default options; a string is imported when first used.
    """
    _registry[name] = factory


def available() -> list[str]:
    """The names of all registered solvers, those of installed packages among them."""
    return sorted({**_installed(), **_registry})


@cache
def _installed() -> dict[str, str]:
    """Solvers of other packages, from their entry points ``name = "module:Class"``; none is imported yet."""
    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def get(solver: str | Solver | None = None) -> Solver:
    """A solver by name; a solver value is returned as it is.

    Raises
    ------
    UnknownSolverError
        Listing the known names; or if a class is given in place of a value.
    """
    if solver is None:
        solver = DEFAULT
    if not isinstance(solver, str):
        if isinstance(solver, type) and hasattr(solver, "analyze"):
            name = solver.__name__
            raise UnknownSolverError(f"{name} is a class and no solver yet; pass a value: {name}()")
        if not hasattr(solver, "analyze"):
            raise UnknownSolverError(
                f"a solver is a name ({', '.join(available())}) or a value with analyze(), not {solver!r}"
            )
        return solver
    factory = _registry.get(solver) or _installed().get(solver)
    if factory is None:
        raise UnknownSolverError(f"unknown solver {solver!r}; the known ones are: {', '.join(available())}")
    if isinstance(factory, str):
        module, _, attribute = factory.partition(":")
        factory = getattr(importlib.import_module(module), attribute)
        _registry[solver] = factory
    return factory()
