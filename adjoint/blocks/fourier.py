"""The discrete Fourier transform along one axis, forward or inverse, in NumPy's three normalizations."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.contraction import Contraction
from adjoint.blocks.kernels import Array, Shape
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse

REVERSED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""The normalization in which the transform back is the conjugate transpose, not the inverse."""


class Fourier(Block):
    """``J v = fft(v)`` along ``axis`` (counted from the end), or ``ifft(v)``: ``n²`` entries, never stored.

    The conjugate transpose of one is the other, scaled: ``Fᴴ = n F⁻¹``.
    """

    __slots__ = ("axis", "inverse", "norm")
    kind = "fourier"
    fresh = True

    def __init__(self, axis: int, inverse: bool, norm: str, shape: Shape) -> None:
        self.axis = axis if axis < 0 else axis - len(shape)
        self.inverse = inverse
        self.norm = norm
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        if not v.size:  # NumPy transforms no empty axes
            return v * 1j
        transform: Callable[..., Array] = np.fft.ifft if self.inverse else np.fft.fft
        return transform(v, axis=self.axis, norm=self.norm)

    def apply_adjoint(self, w: Array) -> Array:
        return _adjoint(self).apply(w)

    def _along_axis(self, matrix: Array) -> Block:
        labels = list(range(len(self.in_shape)))
        out_labels = labels.copy()
        out_labels[self.axis] = -1
        return Contraction(
            tuple(labels), (-1, labels[self.axis]), tuple(out_labels), matrix, self.in_shape, self.out_shape
        )

    def to_sparse(self) -> Sparse:
        n = self.in_shape[self.axis]
        return self._along_axis(Fourier(0, self.inverse, self.norm, (n, n)).apply(np.eye(n))).to_sparse()

    def absolute(self) -> Block:
        n = self.in_shape[self.axis]
        scaled = self.norm == ("backward" if self.inverse else "forward")
        size = 1 / math.sqrt(n) if self.norm == "ortho" else 1 / n if scaled else 1.0
        return self._along_axis(np.full((n, n), size))

    @property
    def degrees(self) -> tuple[int, int]:
        return self.in_shape[self.axis], self.in_shape[self.axis]

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape) * self.in_shape[self.axis]

    @property
    def flops(self) -> int:
        """Four real multiplications a butterfly, of which a row of ``n`` has ``n/2 · log₂ n``."""
        return 2 * math.prod(self.in_shape) * max(1, self.in_shape[self.axis]).bit_length()


@simplifies_adjoint(Fourier)
def _adjoint(block: Fourier) -> Fourier:
    return Fourier(block.axis, not block.inverse, REVERSED[block.norm], block.in_shape)
