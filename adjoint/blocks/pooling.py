"""Pools: windows over the last axes, of which the mean or one chosen entry stays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, dispatched
from adjoint.blocks.normalization import sums
from adjoint.blocks.sparse import Sparse
from adjoint.blocks.windows import Windows

FEW_TAPS = 32
"""Up to here it is quicker to compare tap by tap than to copy all windows and search them."""

# --- sums over windows ----------------------------------------------------------------------------------


@dispatched
def window_sums(x: Array, axes: Any) -> Array:
    """The sum over each window along the last axes, one axis after the other."""
    if all(axis.whole for axis in axes):
        return sums(x, tuple(range(-len(axes), 0)))
    for k, axis in enumerate(axes):
        behind = len(axes) - k - 1
        shape = (*x.shape[: x.ndim - behind - 1], axis.count, *x.shape[x.ndim - behind :])
        if axis.whole:
            x = x.sum(-1 - behind, keepdims=True)
            continue
        y = np.zeros(shape, x.dtype)
        for position, entries in axis.moves if axis.by_taps else axis.spans:
            seen = x[_at(entries, behind)]
            y[_at(position, behind)] += seen if axis.by_taps else seen.sum(-1 - behind, keepdims=True)
        x = y
    return x


@dispatched
def window_spread(w: Array, axes: Any) -> Array:
    """The adjoint of :func:`window_sums`: each entry becomes the sum over the windows that see it."""
    for k in reversed(range(len(axes))):
        axis, behind = axes[k], len(axes) - k - 1
        shape = (*w.shape[: w.ndim - behind - 1], axis.size, *w.shape[w.ndim - behind :])
        if axis.whole:
            w = np.broadcast_to(w, shape)
            continue
        x = np.zeros(shape, w.dtype)
        for position, entries in axis.moves if axis.by_taps else axis.spans:
            x[_at(entries, behind)] += w[_at(position, behind)]
        w = x
    return w


def _at(part: slice, behind: int) -> tuple[Any, ...]:
    return (..., part, *(slice(None),) * behind)


class WindowMean(Block):
    """``J v = scale · window_sums(v)`` along the last axes.

    Parameters
    ----------
    scale : float or array
        A number, or one of the counts' shape for each window; never traced.
    axes : tuple of Windows
    in_shape : tuple of int
    """

    __slots__ = ("axes", "scale")
    kind = "reduce"

    def __init__(self, scale: Any, axes: tuple[Windows, ...], in_shape: Shape) -> None:
        self.scale = scale
        self.axes = axes
        self.in_shape = in_shape
        self.out_shape = (*in_shape[: len(in_shape) - len(axes)], *(axis.count for axis in axes))

    def apply(self, v: Array) -> Array:
        y = window_sums(v, self.axes)
        return y if type(self.scale) is float and self.scale == 1 else y * self._scale_for(v)

    def apply_adjoint(self, w: Array) -> Array:
        if type(self.scale) is not float or self.scale != 1:
            w = w * self._scale_for(w)
        return window_spread(w, self.axes)

    def _scale_for(self, v: Array) -> Any:
        """In the precision of ``v``: the scale is a constant, and does not decide it."""
        if type(self.scale) is float:
            return self.scale
        return self.scale.astype(v.dtype if v.dtype.kind == "f" else np.float64, copy=False)

    def to_sparse(self) -> Sparse:
        leading = len(self.in_shape) - len(self.axes)
        rows = columns = np.arange(math.prod(self.in_shape[:leading]))
        windows: np.ndarray = np.zeros(1, np.intp)
        for axis in self.axes:
            position, _, entry = axis.triples
            rows = (rows[:, None] * axis.count + position).ravel()
            columns = (columns[:, None] * axis.size + entry).ravel()
            windows = (windows[:, None] * axis.count + position).ravel()
        line = np.broadcast_to(np.asarray(self.scale), [axis.count for axis in self.axes]).reshape(-1)[windows]
        return Sparse(rows, columns, np.resize(line, rows.size), self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        scale = abs(self.scale) if type(self.scale) is float else np.abs(self.scale)
        return WindowMean(scale, self.axes, self.in_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        return math.prod(axis.most[0] for axis in self.axes), math.prod(axis.most[2] for axis in self.axes)

    @property
    def nnz(self) -> int:
        leading = math.prod(self.in_shape[: len(self.in_shape) - len(self.axes)])
        return leading * math.prod(axis.triples[0].size for axis in self.axes)


# --- one entry of each window ---------------------------------------------------------------------------


def window_maxima(x: Array, axes: Sequence[Windows]) -> Array:
    """The largest entry of each window along the last axes; NaN where there is one."""
    if all(axis.whole for axis in axes):
        leading = x.shape[: x.ndim - len(axes)]
        rows = x.reshape((*leading, math.prod(x.shape[len(leading) :])))
        return rows.max(-1).reshape((*leading, *(1,) * len(axes)))
    for k, axis in enumerate(axes):
        behind = len(axes) - k - 1
        if axis.whole:
            x = x.max(-1 - behind, keepdims=True)
            continue
        first, *others = axis.moves if axis.by_taps else axis.spans
        if axis.by_taps and first[0] == slice(0, axis.count):
            y = x[_at(first[1], behind)].copy()
        else:
            shape = (*x.shape[: x.ndim - behind - 1], axis.count, *x.shape[x.ndim - behind :])
            y = np.full(shape, -np.inf, x.dtype)
            others.insert(0, first)
        for position, entries in others:
            part, seen = y[_at(position, behind)], x[_at(entries, behind)]
            np.maximum(part, seen if axis.by_taps else seen.max(-1 - behind, keepdims=True), out=part)
        x = y
    return x


@dispatched
def window_choices(x: Array, y: Array, axes: Any) -> Array:
    """Which tap of each window holds its maximum ``y``: the first one in C order, where several do."""
    many = math.prod(axis.taps for axis in axes)
    if many > FEW_TAPS or any(axis.lengths is not None for axis in axes):
        return np.argmax(_seen(x, axes), axis=-1)
    no_numbers = bool(np.isnan(y).any())
    choices = np.zeros(y.shape, np.uint8)  # how many taps there are before it
    missing: Array = np.ones(y.shape, bool)
    for taps in list(np.ndindex(*(axis.taps for axis in axes)))[:-1]:
        positions, entries = _moves(axes, taps)
        seen = x[..., *entries]
        missing[..., *positions] &= seen != y[..., *positions]
        if no_numbers:
            missing[..., *positions] &= ~np.isnan(seen)
        choices += missing.view(np.uint8)
    return choices


@dispatched
def window_picks(v: Array, choices: Array, axes: Any) -> Array:
    """The entry of each window that ``choices`` names; ``v`` may have more leading axes."""
    batch = v.shape[: v.ndim - choices.ndim]
    flat = v.reshape((*batch, math.prod(v.shape[len(batch) :])))
    return np.take(flat, chosen_entries(choices, axes), axis=-1)


@dispatched
def window_puts(w: Array, choices: Array, axes: Any) -> Array:
    """The adjoint of :func:`window_picks`: each entry is added to where it was picked."""
    batch = w.shape[: w.ndim - choices.ndim]
    shape = (*choices.shape[: choices.ndim - len(axes)], *(axis.size for axis in axes))
    entries = chosen_entries(choices, axes).ravel()
    v = np.zeros((*batch, *shape), w.dtype)  # no view of another array: the sweep may overwrite it
    lines = v.reshape((math.prod(batch), math.prod(shape)))
    apart = all(axis.most[2] <= 1 for axis in axes)  # no entry is seen twice
    for line, one in zip(lines, w.reshape((math.prod(batch), entries.size)), strict=True):
        if apart:
            line[entries] = one
        else:
            np.add.at(line, entries, one)
    return v


def chosen_entries(choices: np.ndarray, axes: Sequence[Windows]) -> np.ndarray:
    """The flat entry (of all leading axes and those of the windows) that each window's choice names."""
    table, _ = _table(tuple(axes))
    rows = table.shape[-1] * np.arange(table.size // table.shape[-1]).reshape(table.shape[:-1])
    leading = choices.shape[: choices.ndim - len(axes)]
    planes = np.arange(math.prod(leading)) * math.prod(axis.size for axis in axes)
    entries: np.ndarray = table.take(rows + choices)
    entries += planes.reshape((*leading, *(1,) * len(axes)))
    return entries


def _moves(axes: Sequence[Windows], taps: Sequence[int]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The positions whose windows see an entry at these taps, and these entries."""
    moves = [axis.moves[tap] for axis, tap in zip(axes, taps, strict=True)]
    return tuple(move[0] for move in moves), tuple(move[1] for move in moves)


def _seen(x: np.ndarray, axes: Sequence[Windows]) -> np.ndarray:
    """``(*leading, *counts, taps)``: what each window sees, −∞ for padding."""
    leading = x.shape[: x.ndim - len(axes)]
    counts, taps = [axis.count for axis in axes], math.prod(axis.taps for axis in axes)
    if all(axis.whole for axis in axes):
        return x.reshape((*leading, *counts, taps))
    flat, missing = _table(tuple(axes))
    seen = np.take(x.reshape((*leading, math.prod(x.shape[len(leading) :]))), flat, axis=-1)
    if missing.any():
        seen[..., missing] = -np.inf
    return seen.reshape((*leading, *counts, taps))


@lru_cache(maxsize=256)
def _table(axes: tuple[Windows, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``(*counts, taps)``: the flat entry that each tap sees, and whether it is padding."""
    flat, missing = np.zeros((), np.intp), np.zeros((), bool)
    for k, axis in enumerate(axes):
        shape = [1] * (2 * len(axes))
        shape[k], shape[len(axes) + k] = axis.entries.shape
        entries = axis.entries.reshape(shape)
        flat, missing = flat * axis.size + np.maximum(entries, 0), missing | (entries < 0)
    counts = flat.shape[: len(axes)]
    return flat.reshape((*counts, -1)), missing.reshape((*counts, -1))


class WindowPick(Block):
    """``J v = window_picks(v, choices)``: one chosen entry of each window along the last axes.

    Parameters
    ----------
    choices : int array of ``out_shape``
        The chosen tap of each window. In an outer trace it may be traced, as discrete data; then the coordinates hold a
        zero for each entry that was not chosen.
    axes : tuple of Windows
    in_shape : tuple of int
    """

    __slots__ = ("axes", "choices")
    kind = "gather"
    fresh = True

    def __init__(self, choices: Array, axes: tuple[Windows, ...], in_shape: Shape) -> None:
        self.choices = choices
        self.axes = axes
        self.in_shape = in_shape
        self.out_shape = tuple(choices.shape)

    def apply(self, v: Array) -> Array:
        return window_picks(v, self.choices, self.axes)

    def apply_adjoint(self, w: Array) -> Array:
        return window_puts(w, self.choices, self.axes)

    @property
    def _known(self) -> bool:
        return isinstance(self.choices, np.ndarray)

    def to_sparse(self) -> Sparse:
        if self._known:
            columns = chosen_entries(self.choices, self.axes).ravel()
            rows = np.arange(columns.size)
            return Sparse(rows, columns, np.ones(columns.size), self.in_shape, self.out_shape)
        leading = self.in_shape[: len(self.in_shape) - len(self.axes)]
        sizes = self.in_shape[len(leading) :]
        planes = math.prod(sizes) * np.arange(math.prod(leading)).reshape((*leading, *(1,) * len(sizes)))
        flat, missing = _table(self.axes)
        every = np.arange(math.prod(self.out_shape)).reshape((*self.out_shape, 1))
        shape = (*self.out_shape, flat.shape[-1])
        kept = np.broadcast_to(~missing, shape)
        rows, columns = np.broadcast_to(every, shape)[kept], (flat + planes[..., None])[kept]
        taps = np.broadcast_to(np.arange(flat.shape[-1]), shape)[kept]
        data = (self.choices.reshape(-1)[rows] == taps).astype(float)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> Block:
        return self

    @property
    def degrees(self) -> tuple[int, int]:
        if self._known:
            columns = self.to_sparse().columns
            return min(1, columns.size), int(np.bincount(columns).max(initial=0))
        return math.prod(axis.most[0] for axis in self.axes), math.prod(axis.most[2] for axis in self.axes)

    @property
    def nnz(self) -> int:
        if self._known:
            return math.prod(self.out_shape)
        leading = math.prod(self.in_shape[: len(self.in_shape) - len(self.axes)])
        return leading * math.prod(axis.triples[0].size for axis in self.axes)
