"""The tables of simplifications: what two blocks of given kinds become when multiplied or added.

Each kind of block enters its own rules from its own file; :func:`~adjoint.blocks.block.compose` and
:func:`~adjoint.blocks.block.add` look them up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from adjoint.blocks.block import Block

F = TypeVar("F", bound=Callable[..., Any])
Simplifier = Callable[..., "Block | None"]
PRODUCTS: dict[tuple[type[Block], type[Block]], Simplifier] = {}
SUMS: dict[tuple[type[Block], type[Block]], Simplifier] = {}
ADJOINTS: dict[type[Block], Callable[..., Block]] = {}


def _entered(table: dict[Any, Any], key: Any) -> Callable[[F], F]:
    def enter(rule: F) -> F:
        table[key] = rule
        return rule

    return enter


def simplifies_product(left: type[Block], right: type[Block]) -> Callable[[F], F]:
    """Register what ``left @ right`` becomes; the function may return None: no simplification."""
    return _entered(PRODUCTS, (left, right))


def simplifies_sum(left: type[Block], right: type[Block]) -> Callable[[F], F]:
    """Register what ``left + right`` becomes; the function may return None: no simplification."""
    return _entered(SUMS, (left, right))


def simplifies_adjoint(block: type[Block]) -> Callable[[F], F]:
    """Register the adjoint of a kind of block, for the kinds that are closed under it."""
    return _entered(ADJOINTS, block)
