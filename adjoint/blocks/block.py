"""The block contract and its algebra: products, sums and adjoints, with simplification.

A block is the linear map ``J`` from arrays of ``in_shape`` to arrays of ``out_shape``. Leading batch
axes are several right-hand sides. Every concrete block is a final class; composites are built by
:func:`compose` and :func:`add`, which look up a simplification in a table before they nest.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from adjoint.blocks.kernels import Array, Shape
from adjoint.blocks.simplify import ADJOINTS, PRODUCTS, SUMS, simplifies_adjoint
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
    fresh: ClassVar[bool] = False
    """``apply_adjoint`` gives a new array, its argument, or a view of that: nothing that anybody else holds."""
    in_place: ClassVar[bool] = False
    """``overwrite_adjoint`` can save memory."""
    in_shape: Shape
    out_shape: Shape

    @abstractmethod
    def apply(self, v: Array) -> Array:
        """``J v``: (*batch, *in_shape) → (*batch, *out_shape)."""

    @abstractmethod
    def apply_adjoint(self, w: Array) -> Array:
        """``Jᴴ w``: (*batch, *out_shape) → (*batch, *in_shape)."""

    def overwrite_adjoint(self, w: np.ndarray) -> Array:
        """``Jᴴ w``, where possible in the memory of ``w``, which nobody needs any more. Asked of ``in_place`` kinds."""
        return self.apply_adjoint(w)

    def with_guards(self) -> Block:
        """The same map in which a zero of the vector stays zero against an infinite or NaN entry."""
        return self

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
    def degrees(self) -> tuple[int, int]:
        """The most structural nonzeros in a row and in a column, or upper bounds of them."""
        m, n = self.shape
        return min(n, self.nnz), min(m, self.nnz)

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


class DiagonalBlock(Block):
    """Interface of blocks that can stand in diagonal position: ``D_i = ∂c_i/∂z_i`` of an implicit constraint."""

    __slots__ = ()

    @property
    def triangular(self) -> str | None:
        """``"upper"`` or ``"lower"`` where the flattened matrix is triangular by its structure."""
        return None

    @abstractmethod
    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``: (*batch, *out_shape) → (*batch, *in_shape)."""

    @abstractmethod
    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``: (*batch, *in_shape) → (*batch, *out_shape)."""


def compose(left: Block, right: Block) -> Block:
    """``left @ right``, simplified where the table knows how two neighbors melt into one."""
    if left.in_shape != right.out_shape:
        raise BlockError(f"cannot compose {left} with {right}: {right.out_shape} is not {left.in_shape}")
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    if isinstance(left, Zero) or isinstance(right, Zero):
        return Zero(right.in_shape, left.out_shape)
    factors = list(_factors(left))
    seam = True  # only neighbors that meet anew can melt
    for factor in _factors(right):
        while factors and seam:
            rule = PRODUCTS.get((type(factors[-1]), type(factor)))
            melted = rule(factors[-1], factor) if rule else None
            if melted is None:
                seam = False
                break
            factors.pop()
            factor = melted
        factors.append(factor)
    return factors[0] if len(factors) == 1 else Product(*factors)


def kind_of(block: Block) -> str:
    """The kind as pictures show it: an adjoint has the pattern of its block, mirrored."""
    while isinstance(block, Adjoint):
        block = block.block
    return block.kind


def _factors(block: Block) -> tuple[Block, ...]:
    return block.factors if isinstance(block, Product) else (block,)


def _terms(block: Block) -> tuple[Block, ...]:
    return block.terms if isinstance(block, Sum) else (block,)


def add(left: Block, right: Block) -> Block:
    """``left + right``, simplified where the table knows how neighboring terms melt into one."""
    if (left.in_shape, left.out_shape) != (right.in_shape, right.out_shape):
        raise BlockError(f"cannot add {left} and {right}: their shapes differ")
    if isinstance(left, Zero):
        return right
    if isinstance(right, Zero):
        return left
    first, second = _terms(left), _terms(right)
    rule = SUMS.get((type(first[-1]), type(second[0])))
    melted = rule(first[-1], second[0]) if rule else None
    terms = (*first, *second) if melted is None else (*first[:-1], melted, *second[1:])
    return terms[0] if len(terms) == 1 else Sum(*terms)


def adjoint_of(block: Block) -> Block:
    """``Jᴴ`` as a block: of the same kind where the kind is closed under it."""
    rule = ADJOINTS.get(type(block))
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
    def degrees(self) -> tuple[int, int]:
        return 0, 0

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
    def degrees(self) -> tuple[int, int]:
        return 1, 1

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

    def with_guards(self) -> Block:
        return Adjoint(self.block.with_guards())

    def to_sparse(self) -> Sparse:
        return self.block.to_sparse().transposed()

    def absolute(self) -> Block | None:
        block = self.block.absolute()
        return block and adjoint_of(block)

    @property
    def degrees(self) -> tuple[int, int]:
        return self.block.degrees[::-1]

    @property
    def nnz(self) -> int:
        return self.block.nnz


class Product(Block):
    """``factors[0] @ factors[1] @ …``, flat."""

    __slots__ = ("factors",)
    kind = "product"

    def __init__(self, *factors: Block) -> None:
        self.factors = tuple(f for factor in factors for f in _factors(factor))
        self.in_shape = self.factors[-1].in_shape
        self.out_shape = self.factors[0].out_shape

    def apply(self, v: Array) -> Array:
        for factor in reversed(self.factors):
            v = factor.apply(v)
        return v

    def apply_adjoint(self, w: Array) -> Array:
        for factor in self.factors:
            w = factor.apply_adjoint(w)
        return w

    def with_guards(self) -> Block:
        return Product(*(factor.with_guards() for factor in self.factors))

    def to_sparse(self) -> Sparse:
        sparse = self.factors[-1].to_sparse()
        for factor in self.factors[-2::-1]:
            sparse = factor.to_sparse().times(sparse)
        return sparse

    def absolute(self) -> Block | None:
        """The product of the factors' magnitudes: no less than the magnitude of the product."""
        found = [factor.absolute() for factor in self.factors]
        known = [factor for factor in found if factor is not None]
        return Product(*known) if len(known) == len(found) else None

    @property
    def degrees(self) -> tuple[int, int]:
        m, n = self.shape
        rows, columns = zip(*(factor.degrees for factor in self.factors), strict=True)
        return min(n, math.prod(rows)), min(m, math.prod(columns))

    @property
    def nnz(self) -> int:
        m, n = self.shape
        row, column = self.degrees
        return min(m * row, n * column)

    @property
    def flops(self) -> int:
        return sum(factor.flops for factor in self.factors)


class Sum(Block):
    """``terms[0] + terms[1] + …``, flat."""

    __slots__ = ("terms",)
    kind = "sum"

    def __init__(self, *terms: Block) -> None:
        self.terms = tuple(t for term in terms for t in _terms(term))
        self.in_shape = self.terms[0].in_shape
        self.out_shape = self.terms[0].out_shape

    def apply(self, v: Array) -> Array:
        total = self.terms[0].apply(v)
        for term in self.terms[1:]:
            total = total + term.apply(v)
        return total

    def apply_adjoint(self, w: Array) -> Array:
        total = self.terms[0].apply_adjoint(w)
        for term in self.terms[1:]:
            total = total + term.apply_adjoint(w)
        return total

    def with_guards(self) -> Block:
        return Sum(*(term.with_guards() for term in self.terms))

    def to_sparse(self) -> Sparse:
        sparse = self.terms[0].to_sparse()
        return sparse.plus(*(term.to_sparse() for term in self.terms[1:]))

    def absolute(self) -> Block | None:
        """The sum of the terms' magnitudes: no less than the magnitude of the sum."""
        found = [term.absolute() for term in self.terms]
        known = [term for term in found if term is not None]
        return Sum(*known) if len(known) == len(found) else None

    @property
    def degrees(self) -> tuple[int, int]:
        m, n = self.shape
        rows, columns = zip(*(term.degrees for term in self.terms), strict=True)
        return min(n, sum(rows)), min(m, sum(columns))

    @property
    def nnz(self) -> int:
        m, n = self.shape
        return min(m * n, sum(term.nnz for term in self.terms))

    @property
    def flops(self) -> int:
        return sum(term.flops for term in self.terms)


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
    return Product(*(adjoint_of(factor) for factor in reversed(block.factors)))


@simplifies_adjoint(Sum)
def _adjoint_of_sum(block: Sum) -> Block:
    return Sum(*(adjoint_of(term) for term in block.terms))


def _sparse(rows: Array, columns: Array, data: Array, in_shape: Shape, out_shape: Shape) -> Sparse:
    return _SPARSE[0](rows, columns, data, in_shape, out_shape)


_SPARSE: list[type[Sparse]] = []  # filled by sparse.py, which stands on this file
