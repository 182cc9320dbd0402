"""Whose derivative an operation computes, when a solve is itself recorded by an outer trace.

What an inner solve records has no line of the user's but the one that called ``grad``. In the mode it is given the
line of the constraint whose block it computes or multiplies with, so a second derivative is blamed on the line of the
program, not on the call.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from adjoint.system import ConstraintSystem
from adjoint.tracing import INPUT, Primitive, Trace, Tracer

_derived: WeakKeyDictionary[Trace, dict[int, str]] = WeakKeyDictionary()
"""For nodes (0-based) that an inner solve recorded: the operation whose derivative they belong to."""


def derived_from(trace: Trace, k: int) -> str:
    """A remark for the path: ``"  (in the derivative of sqrt)"``, or nothing."""
    name = _derived.get(trace, {}).get(k)
    return f"  (in the derivative of {name})" if name else ""


@contextmanager
def attributed(system: ConstraintSystem) -> Iterator[ConstraintSystem]:
    """The same system for one sweep: what that records in outer traces belongs to the constraint it is at.

    A sweep asks a constraint for its blocks and then multiplies with them, so all that is recorded until it asks the
    next one is this constraint's.
    """
    outer = _outer_traces(system)
    if not outer:
        yield system
        return
    current = -1
    starts: list[int] = []

    def move_to(k: int) -> None:
        nonlocal current, starts
        if current >= 0:
            for trace, start in zip(outer, starts, strict=True):
                _credit(trace, start, system, current)
        current, starts = k, [len(trace) for trace in outer]

    watched = ConstraintSystem(system.trace, system.records, system.values)
    watched.primitives = [_announcing(primitive, k, move_to) for k, primitive in enumerate(system.primitives)]
    yield watched
    move_to(-1)


def _outer_traces(system: ConstraintSystem) -> list[Trace]:
    found: dict[int, Trace] = {}
    for value in system.values:
        while type(value) is Tracer:
            found[value._trace.serial] = value._trace
            value = value._value
    return list(found.values())


def _announcing(primitive: Primitive, k: int, move_to: Callable[[int], None]) -> Primitive:
    """The same primitive; it says so when it is asked for its blocks."""
    if primitive is INPUT:
        return primitive

    def blocks(*args: Any) -> Any:
        move_to(k)
        return primitive.blocks(*args)

    announcing = copy.copy(primitive)
    announcing.blocks = blocks
    return announcing


def _credit(trace: Trace, start: int, system: ConstraintSystem, k: int) -> None:
    """Give the records from ``start`` on the line of constraint ``k`` of the inner system."""
    code, offset = system.records[k][3:]
    inner = _derived.get(system.trace, {}).get(k)
    name = system.primitives[k].name if inner is None else inner
    for node in range(start, len(trace)):
        trace.records[node] = (*trace.records[node][:3], code, offset)
        _derived.setdefault(trace, {})[node] = name
