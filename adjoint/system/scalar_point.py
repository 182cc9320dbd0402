"""The values of a trace at one point in one flat array, and how to compute them batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.system.compiled import compiled_values
from adjoint.system.scalar_program import Batch, ScalarProgram
from adjoint.tracing import Trace
from adjoint.tracing.trace import EMPTY

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

    __slots__ = ("_shapes", "outside", "program", "z")

    def __init__(self, program: ScalarProgram, trace: Trace, z: np.ndarray, outside: dict[int, Any]) -> None:
        self.program = program
        self.z = z
        self.outside = outside
        self._shapes = trace.values

    def __getitem__(self, k: int) -> Array:
        """The value of node ``k`` (0-based)."""
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
                fits = self._run(point)
        except Exception:  # whatever it is, node by node it is raised where it belongs
            return None
        if not fits or heard or (self.run is not None and loud and not np.isfinite(z).all()):
            return None  # compiled code raises no flags, but its results tell
        return point if all(np.array_equal(look(point[k]), told) for k, look, told in trace.guards) else None

    def _run(self, point: Point) -> bool:
        z, trace = point.z, self.trace
        for kind, what, first, second, start, stop in self.actions:
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
            actions.append((_SINGLE, step, None, None, 0, 0))
        elif step.stop - step.start < FEW and step.primitive is not None:
            add_few(program, actions, step)
        else:
            actions.append(ready(program, step))
    return Evaluator(program, trace, actions)


def ready(program: ScalarProgram, batch: Batch) -> Action:
    """A batch as one call of its function."""
    start, stop = batch.start, batch.stop
    first, second = program.first[start:stop], program.second[start:stop]
    if batch.primitive is None:
        return _COPY, None, first, None, start, stop
    function = batch.primitive.function
    return _UNARY if len(batch.primitive.partials) == 1 else _BINARY, function, first, second, start, stop


def add_few(program: ScalarProgram, actions: list[Action], batch: Batch) -> None:
    """A small batch as single calls, together with those before it."""
    if not actions or actions[-1][0] != _FEW:
        actions.append((_FEW, [], None, None, 0, 0))
    primitive: Any = batch.primitive  # no batch of copies comes here
    where = slice(batch.start, batch.stop)
    seconds = program.second[where].tolist() if len(primitive.partials) == 2 else [-1] * (batch.stop - batch.start)
    for k, a, b in zip(range(batch.start, batch.stop), program.first[where].tolist(), seconds, strict=True):
        actions[-1][1].append((primitive.function, k, a, b))


def in_runs(program: ScalarProgram, trace: Trace) -> Evaluator:
    """The evaluator that runs compiled batches in one go, and leaves to NumPy what numba does not know."""
    compiled, run = compiled_values(program)
    # NumPy has these in vector instructions, several times as fast as one by one
    wide = {
        b: b.stop - b.start >= WIDE and b.primitive is not None and b.primitive.function in _IN_VECTORS
        for b in program.steps
        if isinstance(b, Batch)
    }
    actions: list[Action] = []
    number = -1
    for step in program.steps:
        if not isinstance(step, Batch):
            actions.append((_SINGLE, step, None, None, 0, 0))
            continue
        number += 1
        if not compiled[number] or wide[step]:
            actions.append(ready(program, step))
        elif actions and actions[-1][0] == _RUN and actions[-1][5] == number:
            actions[-1] = (_RUN, None, None, None, actions[-1][4], number + 1)
        else:
            actions.append((_RUN, None, None, None, number, number + 1))
    return Evaluator(program, trace, actions, run)
