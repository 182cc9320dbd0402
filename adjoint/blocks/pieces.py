"""Entries that depend on several pieces of one array: gates that are stored side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate, flat_index
from adjoint.blocks.sparse import Sparse


class Pieces(Block):
    """``J v = Σ_k parts[k] · v[..., k h : (k + 1) h]``: the last axis of ``v`` is cut into equal pieces.

    Parameters
    ----------
    parts : sequence of array or None
        The factors, each of ``out_shape``; may be traced. ``None``: the piece has no part in it.
    out_shape : tuple of int
        ``(…, h)``; ``in_shape`` is ``(…, len(parts) · h)``.
    """

    __slots__ = ("parts",)
    kind = "diagonal"
    fresh = True

    def __init__(self, parts: Sequence[Array | None], out_shape: Shape) -> None:
        self.parts = tuple(parts)
        self.in_shape = (*out_shape[:-1], len(self.parts) * out_shape[-1])
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        h = self.out_shape[-1]
        terms = [v[..., k * h : (k + 1) * h] * d for k, d in enumerate(self.parts) if d is not None]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def apply_adjoint(self, w: Array) -> Array:
        plain = type(w) is np.ndarray
        if plain and all(d is None or (type(d) is np.ndarray and d.dtype is w.dtype) for d in self.parts):
            h = self.out_shape[-1]
            out = np.empty((*w.shape[:-1], self.in_shape[-1]), w.dtype)
            for k, d in enumerate(self.parts):
                piece = out[..., k * h : (k + 1) * h]
                if d is None:
                    piece[...] = 0
                else:
                    np.multiply(w, conjugate(d), out=piece)
            return out
        zero = np.zeros(w.shape, w.dtype)
        return np.concatenate([zero if d is None else w * conjugate(d) for d in self.parts], axis=-1)

    def to_sparse(self) -> Sparse:
        h, n = self.out_shape[-1], math.prod(self.out_shape)
        flat = flat_index(self.in_shape)
        used = [(k, d) for k, d in enumerate(self.parts) if d is not None]
        columns = np.concatenate([flat[..., k * h : (k + 1) * h].ravel() for k, _ in used])
        data = np.concatenate([d.reshape(-1) for _, d in used])
        return Sparse(np.tile(np.arange(n), len(used)), columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Pieces([None if d is None else np.abs(d) for d in self.parts], self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return sum(d is not None for d in self.parts), 1

    @property
    def nnz(self) -> int:
        return sum(d is not None for d in self.parts) * math.prod(self.out_shape)
