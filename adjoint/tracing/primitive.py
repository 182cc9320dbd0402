"""A primitive: an operation that a trace records, together with the blocks of its local Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from adjoint.blocks import Array, Block, DiagonalBlock, elementwise_block
from adjoint.errors import BlockError, NotDifferentiableError

Static = dict[str, Any]
Blocks = list[tuple[int, Block]]
"""``(parent, J[k, parent])`` for each parent on which the constraint depends differentiably."""

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
        The value is integer-like (comparisons, ``argmax``): it has no multiplier.
    partials : tuple
        The declared partials, for reports; empty where ``blocks`` was written by hand.
    elementwise : bool
        The partials act entry by entry, so nodes of scalars can be linearized many at a time.
    """

    __slots__ = ("blocks", "diagonal", "discrete", "elementwise", "function", "name", "partials")

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
    ) -> None:
        self.name = name
        self.function = function
        self.blocks = blocks
        self.diagonal = diagonal
        self.discrete = discrete
        self.partials = partials
        self.elementwise = elementwise

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"


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


Partial = Callable[..., Any] | _Zero | NotDifferentiable


def _callable_partials(name: str, partials: tuple[Partial, ...]) -> tuple[Callable[..., Any] | None, ...]:
    """Partials as the rules call them: ``None`` for zero, a function that raises where there is none."""

    def ready(position: int, partial: Partial) -> Callable[..., Any] | None:
        if isinstance(partial, _Zero):
            return None
        if not isinstance(partial, NotDifferentiable):
            return partial
        reason = partial.reason

        def refuse(*args: Any, **static: Any) -> Any:
            raise NotDifferentiableError(
                f"{name} is not differentiable with respect to its argument {position}: {reason}"
            )

        return refuse

    return tuple(ready(position, partial) for position, partial in enumerate(partials))


def elementwise_rule(name: str, partials: tuple[Partial, ...]) -> BlockRule:
    """Blocks of an elementwise function from its partials ``(y, *xs) → array or number``."""
    ready = _callable_partials(name, partials)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        result = []
        shape = y.shape
        for position, parent in enumerate(parents):
            if parent >= 0:
                partial = ready[position]
                if partial is not None:
                    d = partial(y, *operands)
                    result.append((parent, elementwise_block(d, operands[position].shape, shape)))
        return result

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


INPUT = Primitive("input", lambda: None, no_blocks)
"""Marks the nodes that are arguments."""
