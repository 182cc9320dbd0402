"""The orthogonal cosine and sine transforms of real signals, along one axis."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy

from adjoint.blocks.block import Block
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.kernels import Array, Shape, dispatched
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse

TRANSPOSED = {1: 1, 2: 3, 3: 2, 4: 4}
"""The type of the inverse, which for orthogonal transforms is the transpose."""


@dispatched
def cosine_transform(v: Array, sine: bool, type_: int, axis: int) -> Array:
    """``scipy.fft.dct`` or ``dst`` in the normalization that makes it orthogonal."""
    transform: Callable[..., Array] = scipy.fft.dst if sine else scipy.fft.dct
    return transform(v, type_, axis=axis, norm="ortho", orthogonalize=True) if v.size else v


class Cosine(Block):
    """``J v = dct(v)`` or ``dst(v)``, orthogonal: ``n²`` entries, never stored.

    Parameters
    ----------
    sine : bool
        A sine transform.
    type_ : {1, 2, 3, 4}
    axis : int
        Counted from the end.
    shape : tuple of int
    """

    __slots__ = ("axis", "sine", "type_")
    kind = "cosine"
    fresh = True

    def __init__(self, sine: bool, type_: int, axis: int, shape: Shape) -> None:
        self.sine = sine
        self.type_ = type_
        self.axis = axis
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return cosine_transform(v, self.sine, self.type_, self.axis)

    def apply_adjoint(self, w: Array) -> Array:
        return cosine_transform(w, self.sine, TRANSPOSED[self.type_], self.axis)

    def _along_axis(self, matrix: Array) -> Block:
        labels = tuple(range(len(self.in_shape)))
        out_labels = list(labels)
        out_labels[self.axis] = -1
        return Contraction(labels, (-1, labels[self.axis]), tuple(out_labels), matrix, self.in_shape, self.out_shape)

    def _matrix(self) -> Array:
        return cosine_transform(np.eye(self.in_shape[self.axis]), self.sine, self.type_, 0)

    def to_sparse(self) -> Sparse:
        return self._along_axis(self._matrix()).to_sparse()

    def absolute(self) -> Block:
        return self._along_axis(np.abs(self._matrix()))

    @property
    def degrees(self) -> tuple[int, int]:
        return self.in_shape[self.axis], self.in_shape[self.axis]

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape) * self.in_shape[self.axis]

    @property
    def flops(self) -> int:
        """As of a Fourier transform of real numbers."""
        return math.prod(self.in_shape) * max(1, self.in_shape[self.axis]).bit_length()


@simplifies_adjoint(Cosine)
def _adjoint(block: Cosine) -> Cosine:
    return Cosine(block.sine, TRANSPOSED[block.type_], block.axis, block.in_shape)
