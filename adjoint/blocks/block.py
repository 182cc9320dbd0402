"""The block contract and its algebra: products, sums and adjoints, with simplification.

A block is the linear map ``J`` from arrays of ``in_shape`` to arrays of ``out_shape``. Leading batch
axes are several right-hand sides. Every concrete block is a final class; composites are built by
:func:`compose` and :func:`add`, which look up a simplification in a table before they nest.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from adjoint.blocks.kernels import Array, Shape
from adjoint.errors import BlockError

if TYPE_CHECKING:
    from adjoint.blocks.sparse import Sparse


class Block(ABC):
    """A structured linear operator: one local Jacobian ``J[k, i]``.

    Attributes
    ----------
    in_shape, out_shape : tuple of int
        Shapes of ``v`` and of ``J v``.
    kind : str
        The structure, for pictures and reports: ``"identity"``, ``"diagonal"``, ``"gather"``, …
    """

    __slots__ = ("in_shape", "out_shape")
    kind: ClassVar[str] = "block"
    in_shape: Shape
    out_shape: Shape

    @abstractmethod
    def apply(self, v: Array) -> Array:
        """``J v``: (*batch, *in_shape) → (*batch, *out_shape)."""

    @abstractmethod
    def apply_adjoint(self, w: Array) -> Array:
        """``Jᴴ w``: (*batch, *out_shape) → (*batch, *in_shape)."""

    @abstractmethod
    def to_sparse(self) -> Sparse:
        """The same map as coordinates: concrete pattern, data that may be traced."""

    @abstractmethod
    def absolute(self) -> Block | None:
        """``|J|`` entrywise (for the certificate); ``None`` where entries are not known."""

    @property
    @abstractmethod
    def nnz(self) -> int:
        """Structural nonzeros, from shapes alone (an upper bound for composites)."""

    @property
    def flops(self) -> int:
        """Multiplications of one ``apply``, from shapes alone."""
        return self.nnz

    @property
    def shape(self) -> tuple[int, int]:
        """The shape of the flattened matrix, ``(out_size, in_size)``."""
        return math.prod(self.out_shape), math.prod(self.in_shape)

    @property
    def adjoint(self) -> Block:
        """The block ``Jᴴ``."""
        return adjoint_of(self)

    def to_dense(self) -> Array:
        """The flattened matrix, ``(out_size, in_size)``, built from the coordinates."""
        sparse = self.to_sparse()
        dense = np.zeros(self.shape, sparse.data.dtype)
        np.add.at(dense, (sparse.rows, sparse.columns), sparse.data)
        return dense

    def __matmul__(self, other: Block) -> Block:
        return compose(self, other)

    def __add__(self, other: Block) -> Block:
        return add(self, other)

    def __repr__(self) -> str:
        return f"<{self.kind} block {self.in_shape} → {self.out_shape}, {self.nnz} nonzeros>"


F = TypeVar("F", bound=Callable[..., Any])
Simplifier = Callable[..., Block | None]
_COMPOSE: dict[tuple[type[Block], type[Block]], Simplifier] = {}
_ADD: dict[tuple[type[Block], type[Block]], Simplifier] = {}
_ADJOINT: dict[type[Block], Callable[..., Block]] = {}


def _entered(table: dict[Any, Any], key: Any) -> Callable[[F], F]:
    def enter(rule: F) -> F:
        table[key] = rule
        return rule

    return enter


def simplifies_product(left: type[Block], right: type[Block]) -> Callable[[F], F]:
    """Register what ``left @ right`` becomes; the function may return None: no simplification."""
    return _entered(_COMPOSE, (left, right))


def simplifies_sum(left: type[Block], right: type[Block]) -> Callable[[F], F]:
    """Register what ``left + right`` becomes; the function may return None: no simplification."""
    return _entered(_ADD, (left, right))


def simplifies_adjoint(block: type[Block]) -> Callable[[F], F]:
    """Register the adjoint of a kind of block, for the kinds that are closed under it."""
    return _entered(_ADJOINT, block)


def compose(left: Block, right: Block) -> Block:
    """``left @ right``, simplified where the table knows how."""
    if left.in_shape != right.out_shape:
        raise BlockError(f"cannot compose {left} with {right}: {right.out_shape} is not {left.in_shape}")
    if isinstance(right, Identity) or (isinstance(left, Zero) and isinstance(right, Zero)):
        return left if left.in_shape == right.in_shape else Zero(right.in_shape, left.out_shape)
    if isinstance(left, Identity):
        return right
    if isinstance(left, Zero) or isinstance(right, Zero):
        return Zero(right.in_shape, left.out_shape)
    if isinstance(right, Product):  # try to melt `left` into the neighbor that it meets
        rule = _COMPOSE.get((type(left), type(right.left)))
        melted = rule(left, right.left) if rule else None
        if melted is not None:
            return compose(melted, right.right)
    rule = _COMPOSE.get((type(left), type(right)))
    return (rule(left, right) if rule else None) or Product(left, right)


def add(left: Block, right: Block) -> Block:
    """``left + right``, simplified where the table knows how."""
    if (left.in_shape, left.out_shape) != (right.in_shape, right.out_shape):
        raise BlockError(f"cannot add {left} and {right}: their shapes differ")
    if isinstance(left, Zero):
        return right
    if isinstance(right, Zero):
        return left
    rule = _ADD.get((type(left), type(right)))
    return (rule(left, right) if rule else None) or Sum(left, right)


def adjoint_of(block: Block) -> Block:
    """``Jᴴ`` as a block: of the same kind where the kind is closed under it."""
    rule = _ADJOINT.get(type(block))
    return rule(block) if rule else Adjoint(block)


class Zero(Block):
    """The zero map: an argument on which the constraint does not depend."""

    __slots__ = ()
    kind = "zero"

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        return np.zeros((*batch, *self.out_shape), v.dtype)

    def apply_adjoint(self, w: Array) -> Array:
        return Zero(self.out_shape, self.in_shape).apply(w)

    def to_sparse(self) -> Sparse:
        return _sparse(np.zeros(0, int), np.zeros(0, int), np.zeros(0), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def nnz(self) -> int:
        return 0


class Identity(Block):
    """``J = I``."""

    __slots__ = ()
    kind = "identity"

    def __init__(self, shape: Shape) -> None:
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return v

    def apply_adjoint(self, w: Array) -> Array:
        return w

    def to_sparse(self) -> Sparse:
        n = math.prod(self.in_shape)
        return _sparse(np.arange(n), np.arange(n), np.ones(n), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape)


class Adjoint(Block):
    """``Jᴴ`` of a block that has no closer form for it."""

    __slots__ = ("block",)
    kind = "adjoint"

    def __init__(self, block: Block) -> None:
        self.block = block
        self.in_shape = block.out_shape
        self.out_shape = block.in_shape

    def apply(self, v: Array) -> Array:
        return self.block.apply_adjoint(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.block.apply(w)

    def to_sparse(self) -> Sparse:
        return self.block.to_sparse().transposed()

    def absolute(self) -> Block | None:
        block = self.block.absolute()
        return block and adjoint_of(block)

    @property
    def nnz(self) -> int:
        return self.block.nnz


class Product(Block):
    """``left @ right``."""

    __slots__ = ("left", "right")
    kind = "product"

    def __init__(self, left: Block, right: Block) -> None:
        self.left = left
        self.right = right
        self.in_shape = right.in_shape
        self.out_shape = left.out_shape

    def apply(self, v: Array) -> Array:
        return self.left.apply(self.right.apply(v))

    def apply_adjoint(self, w: Array) -> Array:
        return self.right.apply_adjoint(self.left.apply_adjoint(w))

    def to_sparse(self) -> Sparse:
        return self.left.to_sparse().times(self.right.to_sparse())

    def absolute(self) -> Block | None:
        left, right = self.left.absolute(), self.right.absolute()
        return compose(left, right) if left is not None and right is not None else None

    @property
    def nnz(self) -> int:
        # every entry of the product passes through one entry of each factor
        m, n = self.shape
        inner = max(1, math.prod(self.left.in_shape))
        return min(m * n, -(-self.left.nnz * self.right.nnz // inner))

    @property
    def flops(self) -> int:
        return self.left.flops + self.right.flops


class Sum(Block):
    """``left + right``."""

    __slots__ = ("left", "right")
    kind = "sum"

    def __init__(self, left: Block, right: Block) -> None:
        self.left = left
        self.right = right
        self.in_shape = left.in_shape
        self.out_shape = left.out_shape

    def apply(self, v: Array) -> Array:
        return self.left.apply(v) + self.right.apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.left.apply_adjoint(w) + self.right.apply_adjoint(w)

    def to_sparse(self) -> Sparse:
        return self.left.to_sparse().plus(self.right.to_sparse())

    def absolute(self) -> Block | None:
        left, right = self.left.absolute(), self.right.absolute()
        return add(left, right) if left is not None and right is not None else None

    @property
    def nnz(self) -> int:
        m, n = self.shape
        return min(m * n, self.left.nnz + self.right.nnz)

    @property
    def flops(self) -> int:
        return self.left.flops + self.right.flops


@simplifies_adjoint(Adjoint)
def _adjoint_of_adjoint(block: Adjoint) -> Block:
    return block.block


@simplifies_adjoint(Zero)
def _adjoint_of_zero(block: Zero) -> Block:
    return Zero(block.out_shape, block.in_shape)


@simplifies_adjoint(Identity)
def _adjoint_of_identity(block: Identity) -> Block:
    return block


@simplifies_adjoint(Product)
def _adjoint_of_product(block: Product) -> Block:
    return compose(adjoint_of(block.right), adjoint_of(block.left))


@simplifies_adjoint(Sum)
def _adjoint_of_sum(block: Sum) -> Block:
    return add(adjoint_of(block.left), adjoint_of(block.right))


def _sparse(rows: Array, columns: Array, data: Array, in_shape: Shape, out_shape: Shape) -> Sparse:
    return _SPARSE[0](rows, columns, data, in_shape, out_shape)


_SPARSE: list[type[Sparse]] = []  # filled by sparse.py, which stands on this file
