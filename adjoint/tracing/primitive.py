"""A primitive: an operation that a trace records, together with the blocks of its local Jacobian."""

from __future__ import annotations

import dis
import math
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, DiagonalBlock, elementwise_block
from adjoint.errors import BlockError, MissingRuleError, NotDifferentiableError, RuleError

Static = dict[str, Any]
Blocks = list[tuple[int, Block]]
"""``(parent, J[k, parent])`` for each parent on which the constraint depends differentiably."""

RESULT = -1
Reads = tuple[frozenset[int], ...]
SHAPES_ONLY: Reads = (frozenset(),)
"""The blocks of any operand depend on shapes alone. (The last set of ``reads`` serves all further operands.)"""

BlockRule = Callable[[Array, Sequence[Array], Static, Sequence[int]], Blocks]
DiagonalRule = Callable[[Array, Sequence[Array], Static], DiagonalBlock]


class Primitive:
    """One operation ``z_k = f(z_a(k))`` or one implicit constraint ``c(z_k, z_a(k)) = 0``.

    Attributes
    ----------
    name : str
        What a printed trace shows.
    function : callable
        ``function(*operands, **static)`` computes the value.
    blocks : callable
        ``blocks(y, operands, static, parents)`` gives ``(parent, block)`` for every parent ≥ 0: the blocks
        ``∂f/∂z_parent`` of an explicit, ``-∂c/∂z_parent`` of an implicit constraint.
    diagonal : callable or None
        ``diagonal(y, operands, static)`` gives ``∂c/∂z_k``; ``None`` for explicit constraints.
    discrete : bool
        The value has no derivative at all (comparisons, ``argmax``, ``stop_gradient``): no multiplier either.
    partials : tuple
        The declared partials, for reports; empty where ``blocks`` was written by hand.
    elementwise : bool
        The partials act entry by entry, so nodes of scalars can be linearized many at a time.
    reads : tuple of sets of int, or None
        For each operand, whose entries its block reads: positions of operands, and ``RESULT`` for ``y``. Of the
        others it looks at shapes and dtypes only. ``None``: it may read everything.
    pure : bool
        Two calls on equal operands give one and the same value, so a program may make one of them. Not known of
        users' functions.
    """

    __slots__ = (
        "_needs",
        "_pairs",
        "blocks",
        "diagonal",
        "discrete",
        "elementwise",
        "function",
        "name",
        "partials",
        "pure",
        "reads",
    )

    def __init__(
        self,
        name: str,
        function: Callable[..., Array],
        blocks: BlockRule,
        *,
        diagonal: DiagonalRule | None = None,
        discrete: bool = False,
        partials: tuple[Any, ...] = (),
        elementwise: bool = False,
        reads: Reads | None = None,
        pure: bool = True,
    ) -> None:
        self.name = name
        self.function = function
        self.blocks = blocks
        self.diagonal = diagonal
        self.discrete = discrete
        self.partials = partials
        self.elementwise = elementwise
        self.reads = reads
        self.pure = pure
        self._needs: dict[tuple[bool, ...], tuple[frozenset[int], bool]] = {}
        self._pairs: list[tuple[frozenset[int], bool] | None] = [None] * 4  # the same for two operands, quicker

    def needs(self, parents: Sequence[int]) -> tuple[frozenset[int], bool]:
        """Positions of the operands whose entries a solve will read, and whether it reads the result's."""
        reads = self.reads
        if reads is None:
            return frozenset(range(len(parents))), True
        if len(reads) == 1:
            return reads[0], RESULT in reads[0]
        if len(parents) == 2:
            known = self._pairs[(parents[0] >= 0) + 2 * (parents[1] >= 0)]
            if known is not None:
                return known
        active = tuple([parent >= 0 for parent in parents])
        known = self._needs.get(active)
        if known is None:
            needed = frozenset(k for j, one in enumerate(active) if one for k in reads[min(j, len(reads) - 1)])
            known = self._needs[active] = needed, RESULT in needed
        if len(parents) == 2:
            self._pairs[active[0] + 2 * active[1]] = known
        return known

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


class Hollow:
    """Stands for an array of which only shape and dtype are still needed."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)


def reads_of(partials: tuple[Any, ...]) -> Reads | None:
    """What elementwise partials ``(y, *xs)`` read, from their own code; ``None`` where it does not tell."""
    found = []
    for partial in partials:
        if not callable(partial):
            found.append(frozenset[int]())
            continue
        code = partial.__code__ if type(partial) is FunctionType else None
        if code is None or code.co_cellvars or code.co_flags & 0x0C:  # captured, or *args and **kwargs
            return None
        names = code.co_varnames[: code.co_argcount]
        loaded: set[str] = set()
        for instruction in dis.get_instructions(code):
            if "LOAD_FAST" in instruction.opname:  # also LOAD_FAST_LOAD_FAST, STORE_FAST_LOAD_FAST, …
                argument = instruction.argval
                loaded.update(argument if isinstance(argument, tuple) else (argument,))
        found.append(frozenset(k - 1 for k, name in enumerate(names) if name in loaded))
    return tuple(found)


class _Zero:
    """A partial that is zero: piecewise constant, or an integer-like argument."""

    def __repr__(self) -> str:
        return "ZERO"


ZERO = _Zero()


class NotDifferentiable:
    """A partial that does not exist; asking for it raises, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"NotDifferentiable({self.reason!r})"


class NoRule:
    """A partial that exists but is not known to adjoint; asking for it raises, with the reason."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"NoRule({self.reason!r})"


Partial = Callable[..., Any] | _Zero | NotDifferentiable | NoRule


def _callable_partials(name: str, partials: tuple[Partial, ...]) -> tuple[Callable[..., Any] | None, ...]:
    """Partials as the rules call them: ``None`` for zero, a function that raises where there is none."""

    def ready(position: int, partial: Partial) -> Callable[..., Any] | None:
        if isinstance(partial, _Zero):
            return None
        if not isinstance(partial, (NotDifferentiable, NoRule)):
            return partial
        message = f"{name} is not differentiable with respect to its argument {position}: {partial.reason}"
        error: type[RuleError] = NotDifferentiableError
        if isinstance(partial, NoRule):
            message = f"adjoint knows no derivative of {name} with respect to its argument {position}: {partial.reason}"
            error = MissingRuleError

        def refuse(*args: Any, **static: Any) -> Any:
            raise error(message)

        return refuse

    return tuple(ready(position, partial) for position, partial in enumerate(partials))


def elementwise_rule(name: str, partials: tuple[Partial, ...]) -> BlockRule:
    """Blocks of an elementwise function from its partials ``(y, *xs) → array or number``."""
    ready = _callable_partials(name, partials)

    def general(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        result = []
        for position, parent in enumerate(parents):
            partial = ready[position]
            if parent >= 0 and partial is not None:
                d = partial(y, *operands)
                result.append((parent, elementwise_block(d, operands[position].shape, y.shape)))
        return result

    if len(ready) == 1:
        return _unary_rule(ready[0])
    return _binary_rule(*ready) if len(ready) == 2 else general


ReadyPartial = Callable[..., Any] | None


def _unary_rule(partial: ReadyPartial) -> BlockRule:
    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        parent = parents[0]
        if parent < 0 or partial is None:
            return []
        x = operands[0]
        return [(parent, elementwise_block(partial(y, x), x.shape, y.shape))]

    return blocks


def _binary_rule(first: ReadyPartial, second: ReadyPartial) -> BlockRule:
    """Written out for speed: most operations of most traces come through here."""

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        p, q = parents
        a, b = operands
        if p < 0 or first is None:
            if q < 0 or second is None:
                return []
            return [(q, elementwise_block(second(y, a, b), b.shape, y.shape))]
        d = first(y, a, b)
        if q < 0 or second is None:
            return [(p, elementwise_block(d, a.shape, y.shape))]
        e = second(y, a, b)
        if p == q:  # x * x: one block instead of two
            return [(p, elementwise_block(d + e, a.shape, y.shape))]
        shape = y.shape
        return [(p, elementwise_block(d, a.shape, shape)), (q, elementwise_block(e, b.shape, shape))]

    return blocks


def structured_rule(name: str, partials: tuple[Partial, ...]) -> BlockRule:
    """Blocks from partials ``(y, *operands, **static) → Block``."""
    ready = _callable_partials(name, partials)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        result = []
        for position, parent in enumerate(parents):
            if parent < 0:
                continue
            partial = ready[position]
            if partial is None:
                continue
            block = partial(y, *operands, **static)
            if block.in_shape != operands[position].shape or block.out_shape != y.shape:
                raise BlockError(
                    f"the rule of {name} gave its argument {position} the block {block!r}; expected "
                    f"{operands[position].shape} → {y.shape}"
                )
            result.append((parent, block))
        return result

    return blocks


def no_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """The blocks of a piecewise constant operation: none."""
    return []


INPUT = Primitive("input", lambda: None, no_blocks, reads=SHAPES_ONLY)
"""Marks the nodes that are arguments."""
