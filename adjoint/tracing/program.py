"""A trace as straight-line code: only what its results need, nothing twice, every value dropped after its last use.

A recorded derivative is a trace like any other. Replaying it costs one call per operation: no rule is looked up, no
block is made, no pattern is searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import TraceMismatchError
from adjoint.tracing.graph import dataflow_parents
from adjoint.tracing.primitive import INPUT, Primitive
from adjoint.tracing.trace import EMPTY, Trace


@dataclass(frozen=True, slots=True)
class Line:
    """``node = function(*operands, **static)`` with operands that are nodes (``sources``) or constants."""

    node: int
    function: Any
    operands: tuple[Any, ...]
    sources: tuple[tuple[int, int], ...]
    static: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A line with what happens to memory around it.

    Attributes
    ----------
    line : Line or None
        None for an input, which is only inspected.
    last : tuple of int
        Nodes that nobody reads after this step.
    overwrites : int or None
        A node that nobody reads after this step and whose memory a ufunc may write its result to.
    checks : tuple
        What the program found when it inspected this value.
    """

    node: int
    line: Line | None
    last: tuple[int, ...]
    overwrites: int | None
    checks: tuple[Any, ...]


class Program:
    """Some values of a trace as a function of its inputs.

    Parameters
    ----------
    trace : Trace
        Not lean: it has kept all constants.
    results : sequence of int
        Nodes (0-based) whose values are wanted.

    Notes
    -----
    What the program inspected (``if``, ``int``, a mask) is inspected again: another answer is an error, as in
    :meth:`Trace.evaluate`.
    """

    __slots__ = ("_inputs", "_names", "_results", "_size", "_steps")

    def __init__(self, trace: Trace, results: Sequence[int]) -> None:
        checks: dict[int, list[tuple[Any, Any]]] = {}
        for node, inspect, expected in trace.guards:
            checks.setdefault(node, []).append((inspect, expected))
        lines, place = _simplified(trace, _needed(trace, [*results, *checks]))
        self._inputs = tuple(trace.inputs)
        self._results = tuple(place[k] for k in results)
        self._size = len(trace)
        inspected: dict[int, list[tuple[Any, Any]]] = {}
        for node, found in checks.items():
            inspected.setdefault(place[node], []).extend(found)
        labels = trace.labels() if inspected else {}
        self._names = {}
        for k in inspected:
            site = trace.site(k)
            is_input = trace.primitives[k] is INPUT
            self._names[k] = f"the argument {labels[k]}" if is_input else f"{trace.primitives[k].name}(…) at {site}"
        self._steps = _scheduled(trace, lines, self._results, inspected)

    def __len__(self) -> int:
        return sum(step.line is not None for step in self._steps)

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """The results at new inputs; one of them may be a view of an input."""
        values: list[Any] = [None] * self._size
        for node, x in zip(self._inputs, inputs, strict=True):
            values[node] = x
        for step in self._steps:
            line = step.line
            if line is not None:
                operands: Any = line.operands
                if line.sources:
                    operands = list(operands)
                    for j, p in line.sources:
                        operands[j] = values[p]
                if step.overwrites is None:
                    values[line.node] = line.function(*operands, **line.static)
                else:
                    values[line.node] = line.function(*operands, out=values[step.overwrites])
            for inspect, expected in step.checks:
                self._check(step.node, inspect(values[step.node]), expected)
            for p in step.last:
                values[p] = None
        return [values[k] for k in self._results]

    def _check(self, node: int, found: Any, expected: Any) -> None:
        if not np.array_equal(found, expected):
            raise TraceMismatchError(
                f"the program took another branch than recorded: it inspected {self._names[node]}, found "
                f"{_shown(expected)} then and {_shown(found)} now; make a new plan at this point"
            )


def _shown(x: Any) -> str:
    return " ".join(str(x).split())[:60]


def _needed(trace: Trace, results: Sequence[int]) -> list[int]:
    """All that the results depend on, in order."""
    marked = bytearray(len(trace))
    stack = list(results)
    while stack:
        k = stack.pop()
        if not marked[k]:
            marked[k] = 1
            stack.extend(dataflow_parents(trace.records[k][1]))
    return [k for k in range(len(trace)) if marked[k]]


# --- nothing twice -----------------------------------------------------------------------------------------

KEEPS_ENTRIES: set[Primitive] = set()
"""Operations that give their argument back where its shape is the result's; filled by the floor above."""


def _simplified(trace: Trace, needed: Sequence[int]) -> tuple[list[Line], dict[int, int]]:
    """The lines that remain, and for each needed node the one that holds its value.

    Equal operations on equal operands are one line; what changes nothing is none: a reshape to the same shape, a
    product with ones.
    """
    place: dict[int, int] = {}
    seen: dict[Any, int] = {}
    lines = []
    for k in needed:
        primitive = trace.primitives[k]
        if primitive is INPUT:
            place[k] = k
            continue
        operands, parents, static, _, _ = trace.records[k]
        sources = tuple((j, place[p if p >= 0 else -2 - p]) for j, p in enumerate(parents) if p != -1)
        traced = {j for j, _ in sources}
        constants = [None if j in traced else x for j, x in enumerate(operands)]
        y = trace.values[k]
        if len(sources) == 1 and _alike(trace.values[sources[0][1]], y):
            if primitive in KEEPS_ENTRIES:
                place[k] = sources[0][1]
                continue
            if primitive.function in (np.multiply, np.add) and not static:
                j = 1 - sources[0][0]
                constants[j] = _as_number(constants[j], y)
                if primitive.function is np.multiply and _is_one(constants[j]):
                    place[k] = sources[0][1]
                    continue
        key = (primitive, sources, tuple(map(_frozen, constants)), _frozen(static or EMPTY))
        if primitive.pure and key in seen:
            place[k] = seen[key]
            continue
        place[k] = seen[key] = k
        owned = {name: _own(x) for name, x in (static or EMPTY).items()}
        lines.append(Line(k, primitive.function, tuple(map(_own, constants)), sources, owned))
    return lines, place


def _own(x: Any) -> Any:
    """A constant that nobody else can edit."""
    if isinstance(x, (tuple, list)):
        return type(x)(map(_own, x)) if type(x) in (tuple, list) else x
    if type(x) is np.ndarray and (x.flags.writeable or x.base is not None):
        return x.copy(order="K")
    return x


def _is_one(x: Any) -> bool:
    return not np.ndim(x) and bool(x == 1)


def _alike(x: Array, y: Array) -> bool:
    return bool(x.shape == y.shape and x.dtype == y.dtype)


def _as_number(constant: Array, y: Array) -> Array:
    """A constant array whose entries are one number, as that number, where broadcasting makes no difference."""
    if type(constant) is np.ndarray and constant.size and constant.dtype == y.dtype:
        first = constant.reshape(-1)[0]
        same = (constant == first).all()
        if same and constant.dtype.kind == "f" and (np.signbit(constant) == np.signbit(first)).all():
            return first
    return constant


def _frozen(x: Any) -> Any:
    """A hashable stand-in: equal ones mean the same, different ones may."""
    if isinstance(x, slice):
        return ("slice", _frozen(x.start), _frozen(x.stop), _frozen(x.step))
    if isinstance(x, (tuple, list)):
        return (type(x), *map(_frozen, x))
    if isinstance(x, dict):
        return tuple((key, _frozen(value)) for key, value in x.items())
    if isinstance(x, (int, float, complex, str, type(None), np.generic)):
        return (type(x), repr(x))  # 0.0 and -0.0 are equal, but not the same
    return id(x)


# --- memory --------------------------------------------------------------------------------------------------


def _scheduled(
    trace: Trace, lines: Sequence[Line], results: Sequence[int], checks: dict[int, list[tuple[Any, Any]]]
) -> list[Step]:
    """The lines with the last uses of all values, and with buffers that may be written over."""
    reader = {p: line.node for line in lines for _, p in line.sources}  # the last one stays
    dying: dict[int, list[int]] = {}
    for p, k in reader.items():
        if p not in results:
            dying.setdefault(k, []).append(p)
    # Results of ufuncs that only ufuncs read: nothing can be a view of them.
    owned = {line.node for line in lines if _is_plain_ufunc(line) and type(trace.values[line.node]) is np.ndarray}
    for line in lines:
        if not _is_plain_ufunc(line):
            owned.difference_update(p for _, p in line.sources)
    steps = [Step(k, None, (), None, tuple(checks[k])) for k in checks if trace.primitives[k] is INPUT]
    for line in lines:
        last = tuple(dying.get(line.node, ()))
        overwrites = None
        if _is_plain_ufunc(line):
            y = trace.values[line.node]
            fitting = (p for p in last if p in owned and type(y) is np.ndarray and _alike(trace.values[p], y))
            overwrites = next(fitting, None)
        steps.append(Step(line.node, line, last, overwrites, tuple(checks.get(line.node, ()))))
    return steps


def _is_plain_ufunc(line: Line) -> bool:
    function = line.function
    return isinstance(function, np.ufunc) and function.nout == 1 and function.signature is None and not line.static
