"""The diagonal block of ``A X + X B = Q``."""

from __future__ import annotations

import math

import numpy as np
import scipy  # its subpackages load when they are first used

from adjoint.blocks.block import Block, DiagonalBlock
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.kernels import Array, Shape, conjugate, dispatched
from adjoint.blocks.sparse import Sparse
from adjoint.errors import SingularBlockError


@dispatched
def sylvester(a: Array, b: Array, q: Array) -> Array:
    """``X`` of ``A X + X B = Q`` by Bartels and Stewart: (…, m, m), (…, n, n), (…, m, n) → (…, m, n).

    The matrices are brought to Schur form once, however many right-hand sides there are.
    """
    depth = max(a.ndim, b.ndim) - 2
    stack = q.shape[q.ndim - 2 - depth : -2]
    x = np.empty(q.shape, np.result_type(a.dtype, b.dtype, q.dtype, np.float32))
    a, b = np.broadcast_to(a, (*stack, *a.shape[-2:])), np.broadcast_to(b, (*stack, *b.shape[-2:]))
    kind = "complex" if x.dtype.kind == "c" else "real"
    for place in np.ndindex(stack):
        here = (..., *place, slice(None), slice(None))
        r, u = scipy.linalg.schur(a[place].astype(x.dtype), output=kind)
        s, v = scipy.linalg.schur(conjugate(b[place]).T.astype(x.dtype), output=kind)
        turned = conjugate(u).T @ q[here] @ v
        (trsyl,) = scipy.linalg.get_lapack_funcs(("trsyl",), (r, s, turned))
        for one in np.ndindex(turned.shape[:-2]):
            y, scale, info = trsyl(r, s, turned[one], tranb="C")
            if info:
                raise np.linalg.LinAlgError("A and -B have an eigenvalue in common")
            turned[one] = y * scale
        x[here] = u @ turned @ conjugate(v).T
    return x


class Sylvester(DiagonalBlock):
    """``V ↦ A V + V B``, for stacks of matrices too."""

    __slots__ = ("a", "b")
    kind = "sylvester"

    def __init__(self, a: Array, b: Array, shape: Shape) -> None:
        self.a = a
        self.b = b
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return self.a @ v + v @ self.b

    def apply_adjoint(self, w: Array) -> Array:
        return conjugate(self.a).mT @ w + w @ conjugate(self.b).mT

    def solve(self, r: Array) -> Array:
        """``X`` of ``A X + X B = r``."""
        return _solve_or_explain(self.a, self.b, r)

    def solve_adjoint(self, r: Array) -> Array:
        """``X`` of ``Aᴴ X + X Bᴴ = r``."""
        return _solve_or_explain(conjugate(self.a).mT, conjugate(self.b).mT, r)

    def to_sparse(self) -> Sparse:
        shape = self.in_shape
        stack, m, n = shape[:-2], *shape[-2:]
        s = tuple(range(len(stack)))
        a, b = np.broadcast_to(self.a, (*stack, m, m)), np.broadcast_to(self.b, (*stack, n, n))
        left = Contraction((*s, "k", "j"), (*s, "i", "k"), (*s, "i", "j"), a, shape, shape)
        right = Contraction((*s, "i", "k"), (*s, "k", "j"), (*s, "i", "j"), b, shape, shape)
        return (left + right).to_sparse()

    def absolute(self) -> Block:
        return Sylvester(np.abs(self.a), np.abs(self.b), self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        m, n = self.in_shape[-2:]
        return m + n, m + n

    @property
    def nnz(self) -> int:
        m, n = self.in_shape[-2:]
        return (m + n) * math.prod(self.in_shape)


def _solve_or_explain(a: Array, b: Array, r: Array) -> Array:
    try:
        return sylvester(a, b, r)
    except np.linalg.LinAlgError as error:
        raise SingularBlockError(f"the diagonal block of a Sylvester equation is singular: {error}") from error
