"""Normalization over groups of entries, and scaling along axes that are not the last ones."""

from __future__ import annotations

import math

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate
from adjoint.blocks.sparse import Sparse

FEW_ENTRIES = 1 << 20
"""Up to here ``absolute`` takes the entries one by one."""


class Normalization(Block):
    """``J v = weight · scale · (v − mean(v) − x̂ · mean(x̂ · v))``: how normalized entries change with the entries.

    Parameters
    ----------
    normalized : array of ``view_shape``
        ``x̂``; may be traced.
    scale : array
        The inverse of the standard deviation, times what else is the same for all entries that share their mean. It
        broadcasts to ``view_shape``, and may be traced.
    weight : array or None
        What differs among them; broadcasts to ``view_shape``, may be traced.
    axes : tuple of int
        Over which the means go: of ``view_shape``, counted from the end.
    shape : tuple of int
        Of the argument and of the result.
    centered : bool
        Without it there is no ``mean(v)``: the root mean square alone is normalized.
    sign : int
        With ``+1`` in the place of the minus signs, a bound of ``|J|``.

    Notes
    -----
    A diagonal plus a matrix of rank two for each group of ``m`` entries that share their mean: ``m²`` nonzeros for each
    group, ``4 m`` multiplications for each product, and ``m`` numbers held.
    """

    __slots__ = ("axes", "centered", "normalized", "scale", "sign", "weight")
    kind = "normalization"
    fresh = True

    def __init__(
        self,
        normalized: Array,
        scale: Array,
        weight: Array | None,
        axes: tuple[int, ...],
        shape: Shape,
        *,
        centered: bool = True,
        sign: int = -1,
    ) -> None:
        self.normalized = normalized
        self.scale = scale
        self.weight = weight
        self.axes = axes
        self.in_shape = self.out_shape = shape
        self.centered = centered
        self.sign = sign

    def apply(self, v: Array) -> Array:
        y = self._centered(self._viewed(v), self.normalized, self.scale, conjugate(self.normalized))
        return (y if self.weight is None else y * self.weight).reshape(v.shape)

    def apply_adjoint(self, w: Array) -> Array:
        u = self._viewed(w)
        if self.weight is not None:
            u = u * conjugate(self.weight)
        x = self.normalized
        return self._centered(u, x, conjugate(self.scale), conjugate(x)).reshape(w.shape)

    def _viewed(self, v: Array) -> Array:
        return v.reshape((*v.shape[: v.ndim - len(self.in_shape)], *self.normalized.shape))

    def _centered(self, v: Array, x: Array, scale: Array, conjugated: Array) -> Array:
        """``scale · (v ∓ mean(v) ∓ x̂ · mean(x̂ · v))``; but for the scale, its own adjoint."""
        factor = self.sign / self._each
        along = product_sums(conjugated, v, self.axes) * factor
        y = x * along
        if not isinstance(y, np.ndarray) or not isinstance(v, np.ndarray) or not isinstance(scale, np.ndarray):
            y = y + v
            return (y + sums(v, self.axes) * factor if self.centered else y) * scale
        y += v
        if self.centered:
            y += sums(v, self.axes) * factor
        return np.multiply(y, scale, out=y if np.result_type(y, scale) == y.dtype else None)

    @property
    def _each(self) -> int:
        return math.prod([int(self.normalized.shape[axis]) for axis in self.axes])

    def to_sparse(self) -> Sparse:
        shape = self.normalized.shape
        axes = tuple(axis + len(shape) for axis in self.axes)
        order = (*(k for k in range(len(shape)) if k not in axes), *axes)
        m = self._each
        flat = np.arange(math.prod(shape)).reshape(shape).transpose(order).reshape((-1, m))
        x = self.normalized.transpose(order).reshape(flat.shape)
        product = x[:, :, None] * conjugate(x)[:, None, :]
        inner = np.eye(m) + (product + 1.0 if self.centered else product) * (self.sign / m)
        scale = self.scale if self.weight is None else self.scale * self.weight
        scale = np.broadcast_to(scale, shape).transpose(order).reshape((*flat.shape, 1))
        rows, columns = np.broadcast_arrays(flat[:, :, None], flat[:, None, :])
        return Sparse(rows.ravel(), columns.ravel(), (scale * inner).reshape(-1), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        """``|J|`` itself while it has few entries, else a bound of it with the same structure."""
        if self.nnz <= FEW_ENTRIES:
            return self.to_sparse().absolute()
        x, scale = np.abs(self.normalized), np.abs(self.scale)
        weight = None if self.weight is None else np.abs(self.weight)
        return Normalization(x, scale, weight, self.axes, self.in_shape, centered=self.centered, sign=1)

    @property
    def degrees(self) -> tuple[int, int]:
        m = self._each if self.nnz else 0
        return m, m

    @property
    def nnz(self) -> int:
        return math.prod(self.in_shape) * self._each

    @property
    def flops(self) -> int:
        return 4 * math.prod(self.in_shape)


LONG_ROW = 1 << 13
"""Above, single precision asks for the pairwise sums of NumPy's."""


def sums(x: Array, axes: tuple[int, ...]) -> Array:
    """``x.sum(axes, keepdims=True)``, the last axes by BLAS; ``axes`` are counted from the end."""
    rows = _rows_of(x, x.ndim, axes)
    if rows is None:
        return x.sum(axes, keepdims=True)
    row, last = rows
    y = x.reshape((*x.shape[: x.ndim - last], row)) @ np.ones(row, x.dtype)
    return _over_the_others(y, axes, last)


def product_sums(a: Array, b: Array, axes: tuple[int, ...]) -> Array:
    """``(a * b).sum(axes, keepdims=True)``, without the product; ``b`` may have leading axes."""
    rows = _rows_of(a, a.ndim, axes) if _rows_of(b, a.ndim, axes) else None
    if rows is None:
        return (a * b).sum(axes, keepdims=True)
    row, last = rows
    y = np.vecdot(a.reshape((*a.shape[: a.ndim - last], row)), b.reshape((*b.shape[: b.ndim - last], row)))
    return _over_the_others(y, axes, last)


def _rows_of(x: Array, ndim: int, axes: tuple[int, ...]) -> tuple[int, int] | None:
    """How long the contiguous rows are that are summed, and over how many of the last axes they go."""
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or not x.flags.c_contiguous or not x.size:
        return None
    last = 0
    while last < ndim and -last - 1 in axes:
        last += 1
    row = math.prod(x.shape[x.ndim - last :])
    return (row, last) if last and row <= LONG_ROW else None


def _over_the_others(y: np.ndarray, axes: tuple[int, ...], last: int) -> np.ndarray:
    others = tuple(axis + last for axis in axes if axis < -last)
    if others:
        y = y.sum(others, keepdims=True)
    return y.reshape((*y.shape, *(1,) * last))


class Along(Block):
    """``J v = data · v`` with ``v`` laid along some axes of ``out_shape``: a number for each channel, say.

    Parameters
    ----------
    axes : tuple of int
        Of ``out_shape``, counted from the end, in order: the ones of ``in_shape``.
    data : array of ``out_shape`` or None
        The factors, may be traced; ``None``: 1.
    in_shape, out_shape : tuple of int
    """

    __slots__ = ("axes", "data")
    kind = "diagonal"
    fresh = True

    def __init__(self, axes: tuple[int, ...], data: Array | None, in_shape: Shape, out_shape: Shape) -> None:
        self.axes = axes
        self.data = data
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        v = v.reshape((*batch, *self._laid))
        if self.data is None:
            return np.broadcast_to(v, (*batch, *self.out_shape))
        return v * self.data

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        if not self._summed:
            return w if self.data is None else w * conjugate(self.data)
        w = sums(w, self._summed) if self.data is None else product_sums(conjugate(self.data), w, self._summed)
        return w.reshape((*batch, *self.in_shape))

    @property
    def _laid(self) -> Shape:
        n = len(self.out_shape)
        return tuple(self.out_shape[k] if k - n in self.axes else 1 for k in range(n))

    @property
    def _summed(self) -> tuple[int, ...]:
        return tuple(k for k in range(-len(self.out_shape), 0) if k not in self.axes)

    def to_sparse(self) -> Sparse:
        rows = np.arange(math.prod(self.out_shape))
        laid = np.arange(math.prod(self.in_shape)).reshape(self._laid)
        columns = np.broadcast_to(laid, self.out_shape).ravel()
        data = np.ones(rows.size) if self.data is None else self.data.reshape(-1)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return Along(self.axes, None if self.data is None else np.abs(self.data), self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return min(1, self.nnz), self.nnz // max(1, math.prod(self.in_shape))

    @property
    def nnz(self) -> int:
        return math.prod(self.out_shape)
