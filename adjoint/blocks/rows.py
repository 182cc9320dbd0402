"""Gathers of whole rows: an index for each row, not for each entry."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy

from adjoint.blocks.gather import Gather
from adjoint.blocks.kernels import Array, Shape, dispatched, flat_index

FEW_ENTRIES = 4096
"""Up to here entries are added one by one; beyond, rows that belong together are added by a product."""


class Rows(Gather):
    """``J v = v.take(indices, axis)`` for an array of integers: rows of a table, each as often as it is asked for.

    Parameters
    ----------
    indices : array of int
        ``0 … n − 1``; any shape.
    in_shape : tuple of int
        The result has the shape of the indices in the place of ``n = in_shape[axis]``.
    axis : int

    Notes
    -----
    The adjoint adds rows back to where they came from: one pass over the rows, and one array of the size of the table.
    """

    __slots__ = ("axis", "indices")
    fresh = True

    def __init__(self, indices: np.ndarray, in_shape: Shape, axis: int = 0) -> None:
        self.indices = indices
        self.in_shape = in_shape
        self.axis = axis
        self.out_shape = (*in_shape[:axis], *indices.shape, *in_shape[axis + 1 :])

    def apply(self, v: Array) -> Array:
        return take_rows(v, self.indices, len(self.in_shape) - self.axis)

    def apply_adjoint(self, w: Array) -> Array:
        return put_rows(w, self.indices, self.in_shape[self.axis :])

    def add_adjoint_to(self, out: np.ndarray, w: Array) -> None:
        """``out += Jᴴ w`` in place, touching only rows that were asked for."""
        add_rows(out, self.indices, w, len(self.in_shape) - self.axis)

    @property
    def degrees(self) -> tuple[int, int]:
        return (1, int(np.bincount(self.indices.ravel()).max())) if self.nnz else (0, 0)

    def positions(self) -> np.ndarray:
        return np.take(flat_index(self.in_shape), self.indices, self.axis)


@dispatched
def take_rows(x: Array, indices: np.ndarray, in_ndim: int) -> Array:
    """``x[indices]`` for the last ``in_ndim`` axes of ``x``."""
    return np.take(x, indices, axis=x.ndim - in_ndim)


@dispatched
def put_rows(w: Array, indices: np.ndarray, in_shape: Shape) -> Array:
    """The adjoint of :func:`take_rows`: rows of ``w`` added into zeros of ``in_shape``."""
    batch = w.shape[: w.ndim - indices.ndim - len(in_shape) + 1]
    out = np.zeros((*batch, *in_shape), w.dtype)
    add_rows(out, indices, w, len(in_shape))
    return out


def add_rows(out: np.ndarray, indices: np.ndarray, w: np.ndarray, in_ndim: int) -> None:
    """``out[..., indices, …] += w``, with repeated indices adding up."""
    batch = out.shape[: out.ndim - in_ndim]
    m, n = indices.size, out.shape[len(batch)]
    rows = indices.reshape(m)
    if w.size <= FEW_ENTRIES or w.dtype.kind not in "fc" or w.dtype.itemsize < 4:
        index: Any = (*(slice(None),) * len(batch), rows)
        np.add.at(out, index, w.reshape((*batch, m, *out.shape[len(batch) + 1 :])))
        return
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    ends = np.append(starts, m)
    summing = scipy.sparse.csr_array((np.ones(m, w.dtype), order, ends), shape=(starts.size, m))
    lanes = math.prod(batch)
    flat = w.reshape((lanes, m, w.size // (lanes * m)))
    each = flat.shape[2]
    sums = summing @ flat.transpose(1, 0, 2).reshape((m, lanes * each))
    out.reshape((lanes, n, each))[:, ordered[starts]] += sums.reshape((starts.size, lanes, each)).transpose(1, 0, 2)
