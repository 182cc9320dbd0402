"""A function as one constraint, whose block is the compiled system of its own trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Function, Identity, Scale
from adjoint.calculus.calls import as_one_array, given, protected, traced_call
from adjoint.errors import TraceMismatchError
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem
from adjoint.tracing import (
    Primitive,
    bind,
    concrete,
    flatten,
    output_node,
    record,
)
from adjoint.tracing.primitive import Blocks, Static


def constraint(function: Callable[..., Any]) -> Callable[..., Any]:
    """Record each call of ``function`` as one constraint, instead of one per NumPy operation.

    Its blocks come from the function's own trace, compiled and solved inside the block: structure by
    structure where that folds to one elementary block, else as a nested constraint system.

    Parameters
    ----------
    function : callable
        NumPy code on positional array arguments, with one array as its result. Keyword arguments are options.

    Notes
    -----
    Only the arguments and the result are saved; the inside is recorded again when it is linearized. That is
    one more evaluation of this function, and no memory for its intermediate values (checkpointing). So everything
    that varies between calls has to be an argument; a function that gives another value the second time is refused.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> @adjoint.constraint
    ... def sigmoid(x):
    ...     return 1 / (1 + np.exp(-x))
    >>> trace = adjoint.trace(lambda x: sigmoid(x).sum(), np.zeros(3))
    >>> [node.operation for node in trace.nodes()]
    ['input', 'sigmoid', 'sum']
    >>> trace.compile().block(2, 1)
    <diagonal block (3,) → (3,), 3 nonzeros>
    """

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        numbers = [k for k, parent in enumerate(parents) if parent >= 0]
        inner, output = record(function, given(operands), static, numbers, lean=True)
        inner.release()
        leaves, _ = flatten(output)
        node = output_node(inner, leaves[0])
        _refuse_another_value(function, y, node[0] if isinstance(node, tuple) else inner.values[node])
        if isinstance(node, tuple):
            return []
        subsystem = Subsystem(ConstraintSystem(inner), node)
        result: Blocks = []
        for position, k in enumerate(numbers):
            block = subsystem.folded(position) or Nested(subsystem, position, operands[k].shape, y.shape)
            result.append((parents[k], block))
        return result

    @wraps(function)
    def call(*operands: Any, **options: Any) -> Any:
        prepared = traced_call(function, function.__name__, operands, options)
        if prepared is not None:
            return bind(primitive, *prepared)
        return as_one_array(function(*given(operands), **options), f"the constraint {function.__name__}")

    primitive = Primitive(function.__name__, lambda *xs, **options: call(*protected(xs), **options), blocks, pure=False)
    return call


def _refuse_another_value(function: Callable[..., Any], before: Array, now: Any) -> None:
    """Raise if the inside of a constraint, run once more, has not given the same value (up to rounding)."""
    before, now = np.asarray(concrete(before)), np.asarray(concrete(now))
    tolerance = float(np.sqrt(np.finfo(before.dtype).eps)) if before.dtype.kind in "fc" else 0.0
    with np.errstate(all="ignore"):
        same = before.shape == now.shape and np.allclose(before, now, rtol=tolerance, atol=tolerance, equal_nan=True)
    if not same:
        raise TraceMismatchError(
            f"the constraint {function.__name__} gave another value when it was linearized than when it ran: it "
            "reads something that has changed since (a loop variable, a counter, a random generator). Pass that as an "
            "argument."
        )


class Subsystem:
    """The system of a constraint's inside, shared by the blocks of its arguments.

    One sweep gives the adjoints of all arguments, so the last one is remembered.
    """

    def __init__(self, system: ConstraintSystem, node: int) -> None:
        self.system = system
        self.node = node
        self._factor = BackSubstitution().analyze(system).factorize(system)
        self._last: tuple[Any, Any] = (None, None)

    def reverse(self, w: Array) -> Any:
        """The multipliers of the arguments for the seed ``w``."""
        if self._last[0] is not w:
            rows = [(self.node, w)]
            self._last = w, self._factor.solve(rows, keep=frozenset(self.system.trace.inputs))
        return self._last[1]

    def forward(self, position: int, v: Array) -> Array | None:
        """The tangent of the result for the tangent ``v`` of one argument."""
        found = self._factor.solve_tangent([(self.system.trace.inputs[position], v)])
        return found[self.node]

    def folded(self, position: int) -> Block | None:
        """The whole map from one argument as a single elementwise block, if it is one."""
        system = self.system
        maps: dict[int, Block] = {self.node: Identity(system.values[self.node].shape)}
        with np.errstate(all="ignore"):
            for k in range(self.node, -1, -1):
                if k not in maps:
                    continue
                if system.diagonal_of(k) is not None:
                    return None
                for parent, block in system.blocks_of(k):
                    through = maps[k] @ block
                    through = maps[parent] + through if parent in maps else through
                    if type(through) not in (Identity, Scale, Diagonal):
                        return None
                    maps[parent] = through
        return maps.get(system.trace.inputs[position])


class Nested(Block):
    """A block that is itself a constraint system: applied by solving with it."""

    __slots__ = ("position", "subsystem")
    kind = "nested"

    def __init__(self, subsystem: Subsystem, position: int, in_shape: Any, out_shape: Any) -> None:
        self.subsystem = subsystem
        self.position = position
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        found = self.subsystem.forward(self.position, v)
        return np.zeros(v.shape[: v.ndim - len(self.in_shape)] + self.out_shape, v.dtype) if found is None else found

    def apply_adjoint(self, w: Array) -> Array:
        system = self.subsystem.system
        found = self.subsystem.reverse(w)[system.trace.inputs[self.position]]
        return np.zeros(w.shape[: w.ndim - len(self.out_shape)] + self.in_shape, w.dtype) if found is None else found

    def to_sparse(self) -> Any:
        """The structural product of the inner blocks: inner nodes are eliminated one by one."""
        system, node = self.subsystem.system, self.subsystem.node
        if any(primitive.diagonal is not None for primitive in system.primitives):
            return Function(self.in_shape, self.out_shape, self.apply, None, batched=True).to_sparse()
        maps: dict[int, Any] = {node: Identity(self.out_shape).to_sparse()}
        for k in range(node, -1, -1):
            if k not in maps or not system.blocks_of(k):
                continue
            reached = maps.pop(k)
            for parent, block in system.blocks_of(k):
                part = reached.times(block.to_sparse())
                maps[parent] = maps[parent].plus(part) if parent in maps else part
        found = maps.get(system.trace.inputs[self.position])
        identity = Identity(self.in_shape).to_sparse()  # merges repeated coordinates
        return Scale(0, self.in_shape, self.out_shape).to_sparse() if found is None else found.times(identity)

    def absolute(self) -> None:
        return None

    @property
    def degrees(self) -> tuple[int, int]:
        """Added up over the paths from the argument to the result, multiplied along each."""
        system, node = self.subsystem.system, self.subsystem.node
        m, n = self.shape
        reached = {node: (1, 1)}
        for k in range(node, -1, -1):
            if k not in reached:
                continue
            if system.diagonal_of(k) is not None:
                return n, m
            for parent, block in system.blocks_of(k):
                row, column = block.degrees
                before = reached.get(parent, (0, 0))
                reached[parent] = before[0] + reached[k][0] * row, before[1] + reached[k][1] * column
        row, column = reached.get(system.trace.inputs[self.position], (0, 0))
        return min(n, row), min(m, column)

    @property
    def nnz(self) -> int:
        m, n = self.shape
        row, column = self.degrees
        return min(m * row, n * column)
