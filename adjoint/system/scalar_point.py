"""The values of a trace at one point in one flat array, and how to compute them batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Array
from adjoint.system.compiled import compiled_values
from adjoint.system.scalar_program import Batch, ScalarProgram
from adjoint.tracing import Trace
from adjoint.tracing.trace import EMPTY

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem

MOST_ENTRIES = 4
"""Entries that a node may have, on average, where entries by themselves are the better vertices of a graph."""

FEW = 4
"""Batches of fewer nodes are computed node by node: gathers would cost more."""

WIDE = 512
"""Nodes of a batch from which NumPy's vector instructions pay for the calls, beside compiled loops."""

_IN_VECTORS = frozenset(
    {np.exp, np.exp2, np.expm1, np.log, np.log2, np.log10, np.log1p, np.tanh, np.sinh, np.cosh, np.tan, np.arctan}
    | {np.arcsin, np.arccos, np.arcsinh, np.arccosh, np.arctanh, np.cbrt, np.power, np.arctan2}
)

_FEW, _UNARY, _BINARY, _COPY, _SINGLE, _RUN = range(6)

Action = tuple[int, Any, Any, Any, int, int]
"""``(kind, what, first, second, start, stop)``: one step, ready to run."""

CompiledRun = Callable[[np.ndarray, int, int], None]
"""``run(z, g, h)`` computes the batches ``g … h - 1``."""


class Point:
    """Values of all nodes: ``z`` for those with slots, a dict for the others.

    Parameters
    ----------
    program : ScalarProgram
    trace : Trace
        For shapes.
    z : float array (size + constants,)
    outside : dict
        Values without slots by node.
    """

    __slots__ = ("_rest", "_shapes", "outside", "program", "z")

    def __init__(self, program: ScalarProgram, trace: Trace, z: np.ndarray, outside: dict[int, Any]) -> None:
        self.program = program
        self.z = z
        self.outside = outside
        self._shapes = trace.values
        self._rest: Callable[[Point], None] | None = None

    def postpone(self, rest: Callable[[Point], None]) -> None:
        """Nodes that no output needs are computed when somebody asks for one of them."""
        self._rest = rest

    def complete(self) -> None:
        """Compute what was postponed."""
        if self._rest is not None:
            rest, self._rest = self._rest, None
            rest(self)

    def __getitem__(self, k: int) -> Array:
        """The value of node ``k`` (0-based)."""
        if self._rest is not None and not self.program.live[k]:
            self.complete()
        if k in self.outside:
            return self.outside[k]
        start, form = self.program.starts[k], self._shapes[k]
        if type(form) is np.ndarray:
            return self.z[start : self.program.stops[k]].reshape(form.shape)
        return self.z[start]

    def operands(self, recorded: Sequence[Array], parents: Sequence[int]) -> list[Array]:
        """The operands of a record at this point."""
        return [x if p == -1 else self[p if p >= 0 else -2 - p] for x, p in zip(recorded, parents, strict=True)]

    def values(self) -> list[Array]:
        """The values of all nodes as a system keeps them; one object each."""
        self.complete()
        starts = self.program.starts.tolist()
        numbers = list(self.z)
        return [
            self[k] if type(y) is np.ndarray or k in self.outside else numbers[start]
            for k, (y, start) in enumerate(zip(self._shapes, starts, strict=True))
        ]


def point_of(program: ScalarProgram, trace: Trace, values: Sequence[Array]) -> Point:
    """Values that are known already, in one array."""
    z = np.empty(program.size + program.constants.size)
    z[program.size :] = program.constants
    lengths = program.stops - program.starts
    scalars = np.array([not y.shape for y in values]) & (lengths == 1)
    nodes = np.flatnonzero(scalars)
    z[program.starts[nodes]] = np.fromiter(map(values.__getitem__, nodes.tolist()), float, nodes.size)
    for k in np.flatnonzero(~scalars & (lengths > 0)).tolist():
        z[program.starts[k] : program.stops[k]] = values[k].reshape(-1)
    outside = {k: values[k] for k in np.flatnonzero(lengths == 0).tolist()}
    return Point(program, trace, z, outside)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """How the values of a trace are computed at new inputs."""

    program: ScalarProgram
    trace: Trace
    actions: list[Action]
    rest: list[Action]
    run: CompiledRun | None = None

    def __call__(self, leaves: Sequence[Array]) -> Point | None:
        """The point at new inputs; ``None`` where only :meth:`Trace.evaluate` can tell.

        That is: an input or a result with another shape or dtype, another answer where the program inspected a value, a
        function that raises, and floating-point errors that the caller wants to hear about.
        """
        trace, program = self.trace, self.program
        z = np.empty(program.size + program.constants.size)
        z[program.size :] = program.constants
        point = Point(program, trace, z, {})
        for node, x in zip(trace.inputs, leaves, strict=True):
            if not _alike(x, trace.values[node]):
                return None
            _store(point, node, x)
        heard: list[str] = []
        loud: Any = {name: "call" for name, mode in np.geterr().items() if mode != "ignore"}
        try:
            with np.errstate(**loud, call=lambda kind, flag: heard.append(kind)):
                fits = self._run(point, self.actions)
        except Exception:  # whatever it is, node by node it is raised where it belongs
            return None
        if not fits or heard or (self.run is not None and loud and not self._finite(z)):
            return None  # compiled code raises no flags, but its results tell
        if self.rest:
            point.postpone(self._complete)
        return point if all(np.array_equal(look(point[k]), told) for k, look, told in trace.guards) else None

    def _finite(self, z: np.ndarray) -> bool:
        finite = np.isfinite(z[: self.program.size])
        return bool(finite.all()) or bool(finite[self.program.live_slots].all())

    def _complete(self, point: Point) -> None:
        """The nodes that no output needs."""
        try:
            fits = self._run(point, self.rest)
        except Exception:  # node by node it is raised where it belongs
            fits = False
        if not fits:
            values = self.trace.evaluate([point[k] for k in self.trace.inputs])
            for k in np.flatnonzero(~self.program.live).tolist():
                _store(point, k, values[k])

    def _run(self, point: Point, actions: list[Action]) -> bool:
        z, trace = point.z, self.trace
        for kind, what, first, second, start, stop in actions:
            if kind == _BINARY:
                what(z.take(first), z.take(second), z[start:stop])
            elif kind == _UNARY:
                what(z.take(first), z[start:stop])
            elif kind == _FEW:
                for function, k, a, b in what:
                    z[k] = function(z[a], z[b]) if b >= 0 else function(z[a])
            elif kind == _COPY:
                z[start:stop] = z.take(first)
            elif kind == _RUN:
                self.run(z, start, stop)  # type: ignore[misc]  # there is one where there are such actions
            else:
                operands, parents, static, _, _ = trace.records[what]
                y = trace.primitives[what].function(*point.operands(operands, parents), **(static or EMPTY))
                if not _alike(y, trace.values[what]):
                    return False
                _store(point, what, y)
        return True


def _alike(x: Any, y: Any) -> bool:
    """Whether a new value has the form of the recorded one; one of an outer trace has not."""
    return isinstance(x, (np.ndarray, np.generic)) and x.shape == y.shape and x.dtype == y.dtype


def _store(point: Point, k: int, x: Any) -> None:
    start, stop = point.program.starts[k], point.program.stops[k]
    if start == stop:
        point.outside[k] = x
    else:
        point.z[start:stop] = x.reshape(-1)


def vectorized(program: ScalarProgram, trace: Trace) -> Evaluator:
    """The evaluator that NumPy runs."""
    actions: list[Action] = []
    for step in program.steps:
        if not isinstance(step, Batch):
            if program.live[step]:
                actions.append((_SINGLE, step, None, None, 0, 0))
        else:
            _add(program, actions, step, step.start, step.live)
    return Evaluator(program, trace, actions, _postponed(program))


def _postponed(program: ScalarProgram) -> list[Action]:
    actions: list[Action] = []
    for step in program.steps:
        if isinstance(step, Batch):
            _add(program, actions, step, step.live, step.stop)
        elif not program.live[step]:
            actions.append((_SINGLE, step, None, None, 0, 0))
    return actions


def _add(program: ScalarProgram, actions: list[Action], batch: Batch, start: int, stop: int) -> None:
    """Some slots of a batch as one call of its function; few of them one by one, together with those before them."""
    if start == stop:
        return
    first, second = program.first[start:stop], program.second[start:stop]
    primitive = batch.primitive
    if primitive is None:
        actions.append((_COPY, None, first, None, start, stop))
    elif stop - start >= FEW:
        kind = _UNARY if len(primitive.partials) == 1 else _BINARY
        actions.append((kind, primitive.function, first, second, start, stop))
    else:
        if not actions or actions[-1][0] != _FEW:
            actions.append((_FEW, [], None, None, 0, 0))
        seconds = second.tolist() if len(primitive.partials) == 2 else [-1] * (stop - start)
        for k, a, b in zip(range(start, stop), first.tolist(), seconds, strict=True):
            actions[-1][1].append((primitive.function, k, a, b))


def in_runs(program: ScalarProgram, trace: Trace) -> Evaluator:
    """The evaluator that runs compiled batches in one go, and leaves to NumPy what numba does not know.

    NumPy also gets wide batches of what it computes in vector instructions, several times as fast as one by one.
    """
    compiled, run = compiled_values(program)
    actions: list[Action] = []
    number = -1
    for step in program.steps:
        if not isinstance(step, Batch):
            if program.live[step]:
                actions.append((_SINGLE, step, None, None, 0, 0))
            continue
        number += 1
        wide = step.primitive is not None and step.live - step.start >= WIDE and step.primitive.function in _IN_VECTORS
        if wide or not compiled[number]:
            _add(program, actions, step, step.start, step.live)
        elif actions and actions[-1][0] == _RUN and actions[-1][5] == number:
            actions[-1] = (_RUN, None, None, None, actions[-1][4], number + 1)
        else:
            actions.append((_RUN, None, None, None, number, number + 1))
    return Evaluator(program, trace, actions, _postponed(program), run)


def entries_are_vertices(system: ConstraintSystem) -> bool:
    """Whether a trace is of so many scalars that entries, not nodes, should be eliminated one by one.

    Arguments and outputs may be arrays.
    """
    if system.scalars is None:
        return False
    trace = system.trace
    ends = {*trace.inputs, *(k for k in trace.outputs if isinstance(k, int))}
    inner = int(system.offsets[-1]) - sum(system.value(k).size for k in ends if system.is_active(k))
    return bool(inner <= MOST_ENTRIES * len(trace))
