"""Real-linear blocks: maps of complex values that commute with real factors only.

The inner product of such maps is ``Re⟨v, w⟩``, and ``Jᴴ`` is the adjoint in it. Any real-linear map is a sum of
a linear block and a linear block after :class:`Conjugate`. As a matrix over the complex numbers none exists,
so :meth:`to_sparse` refuses; matrix-free sweeps take them like any other block.
"""

from __future__ import annotations

import math
from typing import NoReturn

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.errors import NotAcceptedError


def refuse_matrix(block: Block) -> NoReturn:
    """Raise for a map that has no matrix over the complex numbers."""
    raise NotAcceptedError(
        f"a {block.kind} block is linear over the real numbers only, and no matrix of complex numbers. Use the solver "
        "'back_substitution', or split real and imaginary parts."
    )


class Conjugate(Block):
    """``J v = conj(v)``; its own adjoint."""

    __slots__ = ()
    kind = "conjugate"

    def __init__(self, shape: Shape) -> None:
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return conjugate(v)

    def apply_adjoint(self, w: Array) -> Array:
        return conjugate(w)

    def to_sparse(self) -> NoReturn:
        refuse_matrix(self)

    def absolute(self) -> None:
        return None

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape)


class RealPart(Block):
    """``J v = Re(conj(d) v)`` of complex ``v``, real; the adjoint is ``w ↦ d w``.

    With ``d = 1`` the real part, ``d = i`` the imaginary part, ``d = z/|z|`` the derivative of ``|z|``.
    """

    __slots__ = ("data",)
    kind = "real part"

    def __init__(self, data: Array | complex, shape: Shape) -> None:
        self.data = data
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        d = self.data
        if type(d) is int:  # it is 1
            return np.real(v)
        return np.real(v * (d.conjugate() if type(d) is complex else conjugate(d)))  # a Python number stays weak

    def apply_adjoint(self, w: Array) -> Array:
        w = np.real(w) if w.dtype.kind == "c" else w  # in a product, what stands before may be complex
        return w * self.data

    def to_sparse(self) -> NoReturn:
        refuse_matrix(self)

    def absolute(self) -> None:
        return None

    @property
    def degrees(self) -> tuple[int, int]:
        return 1, 1

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape)


@simplifies_adjoint(Conjugate)
def _adjoint_of_conjugate(block: Conjugate) -> Block:
    return block
