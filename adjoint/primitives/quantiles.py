"""Medians, percentiles and quantiles: linear in the sorted entries.

NumPy itself tells which entries: the quantile of ``0, 1, …, n-1`` is the rank of the quantile among ``n`` sorted
entries, for every method. Its integer part names two neighbors, its fraction is their weight. Where some entries do
not count (NaN), ``n`` differs from slice to slice.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Mask, Reshape, Take
from adjoint.blocks.kernels import flat_index, take_flat
from adjoint.primitives.reductions import axes_of
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, concrete, decided, handles, stacked
from adjoint.tracing.primitive import Blocks, Static

_SLOPES = {
    "linear": -1.0,
    "interpolated_inverted_cdf": 0.0,
    "hazen": 0.0,
    "weibull": 1.0,
    "median_unbiased": 1 / 3,
    "normal_unbiased": 1 / 4,
}
"""The position moves by ``n + slope`` per unit of ``q``; by steps in all other methods."""


class _Slices:
    """The entries of an array that go into each result, as flat positions in sorted order: (results, n)."""

    def __init__(self, a: Array, axis: Any, skip_nan: bool) -> None:
        axes = axes_of(axis, a)
        front = tuple(k for k in range(a.ndim) if k not in axes)
        n = math.prod(a.shape[k] for k in axes)
        results = math.prod(a.shape[k] for k in front)

        def rows(x: np.ndarray) -> np.ndarray:
            return x.transpose(front + axes).reshape(results, n)

        order = decided(a, lambda values: np.argsort(rows(values), axis=-1, kind="stable"))
        self.positions = np.take_along_axis(rows(flat_index(a.shape)), order, -1)
        self.counts = np.full(results, n)
        if skip_nan:
            self.counts = n - decided(a, lambda values: np.count_nonzero(rows(np.isnan(values)), axis=-1))

    def at(self, rank: np.ndarray) -> np.ndarray:
        """The flat position of the entry of rank (*q, results)."""
        if not self.positions.size:
            return np.zeros(rank.shape, int)
        rank = np.clip(rank, 0, self.positions.shape[1] - 1)
        found: np.ndarray = self.positions[np.arange(len(self.counts)), rank]
        return found

    def by_count(self, f: Callable[[int], Any], q_shape: tuple[int, ...]) -> Array:
        """``f(n)`` of shape ``q_shape`` for the number ``n`` of entries in each slice: (*q, results)."""
        total: Any = np.zeros((*q_shape, len(self.counts)))
        for n in np.unique(self.counts[self.counts > 0]):
            total = np.where(self.counts == n, np.reshape(f(int(n)), (*q_shape, 1)), total)
        return total


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    a, q = operands[:2]
    slices = _Slices(a, static["axis"], static["skip_nan"])
    if len(operands) == 3:  # with weights, a quantile is one of the entries
        return [(parents[0], Take(_equal_entries(y, a, slices, q.shape), a.shape))] if parents[0] >= 0 else []
    rank = slices.by_count(lambda n: np.quantile(np.arange(n), q, method=static["method"]), q.shape)
    result: Blocks = []
    if parents[0] >= 0:
        result.append((parents[0], _by_entries(y, a, slices, rank)))
    if parents[1] >= 0:
        result.append((parents[1], _by_rank(y, a, q, slices, rank, static["method"])))
    return result


def _by_entries(y: Array, a: Array, slices: _Slices, rank: Array) -> Block:
    """Two gathers, weighted by the position between the two neighbors."""
    lower, upper = (decided(rank, rounding).astype(int) for rounding in (np.floor, np.ceil))
    shape = rank.shape
    block: Block = Take(slices.at(lower), a.shape)
    if (lower != upper).any():
        share = (rank - lower).astype(y.dtype)
        block = Diagonal(1 - share, shape, shape) @ block + Diagonal(share, shape, shape) @ Take(
            slices.at(upper), a.shape
        )
    if not slices.counts.all():  # nothing but NaN
        block = Mask(slices.counts > 0, shape, shape) @ block
    return Reshape(shape, y.shape) @ block


def _by_rank(y: Array, a: Array, q: Array, slices: _Slices, rank: Array, method: str) -> Block:
    """The gap between the neighbors, times the pace at which ``q`` moves between them."""
    n = slices.counts
    inside = decided(rank, lambda rank: (rank > 0) & (rank < n - 1))
    if method == "linear":
        inside = np.broadcast_to(n > 1, rank.shape)  # up to the ends
    lower = np.minimum(decided(rank, np.floor).astype(int), np.maximum(n - 2, 0))
    gap = take_flat(a, slices.at(lower + 1), a.ndim) - take_flat(a, slices.at(lower), a.ndim)
    pace = (n + _SLOPES[method] if method in _SLOPES else 0 * n).astype(y.dtype)
    slope = np.where(inside, gap, gap.dtype.type(0)) * pace
    each = (*q.shape, 1)
    return Reshape(rank.shape, y.shape) @ Diagonal(slope, each, rank.shape) @ Reshape(q.shape, each)


def _equal_entries(y: Array, a: Array, slices: _Slices, q_shape: tuple[int, ...]) -> np.ndarray:
    """Which entry of its slice each result equals: the first one in sorted order."""
    entries = decided(a, lambda x: x).ravel()[slices.positions]  # the very numbers: they are compared with the result
    values = decided(y, lambda x: x).reshape((*q_shape, len(slices.counts)))
    rank = (entries == values[..., None]).argmax(axis=-1)
    return slices.at(rank).reshape(y.shape)


def _array(x: Any) -> Any:
    """An argument as an array, traced if something in it is."""
    if hasattr(x, "dtype"):
        return x
    return stacked(x) if isinstance(x, (list, tuple)) else np.asarray(x)


def _quantile(function: Any, *, skip_nan: bool = False) -> None:
    """Register a median, whose ``q`` is one half, or a quantile."""
    signature = inspect.signature(function)
    median = "q" not in signature.parameters

    def evaluate(a: Any, q: Any, *weights: Any, **static: Any) -> Any:
        if any(type(x) is Tracer for x in (a, q, *weights)):  # of an outer trace
            return bind(primitive, (a, q, *weights), static)
        options = {"axis": static["axis"], "keepdims": static["keepdims"]}
        if median:
            return function(a, **options)
        return function(a, q, method=static["method"], weights=weights[0] if weights else None, **options)

    primitive = Primitive(function.__name__, evaluate, _blocks)

    def handler(*args: Any, **kwargs: Any) -> Any:
        """``overwrite_input`` leaves the contents of ``a`` undefined: here they stay as they are."""
        arguments = {"method": "linear", "axis": None, "q": 0.5, **signature.bind(*args, **kwargs).arguments}
        a, q = _array(arguments["a"]), arguments["q"]
        q = np.asarray(q, a.dtype if a.dtype.kind == "f" else None) if isinstance(q, (int, float)) else _array(q)
        weights = [_array(arguments["weights"])] if arguments.get("weights") is not None else []
        static = {"axis": arguments["axis"], "method": arguments["method"], "skip_nan": skip_nan}
        static["keepdims"] = arguments.get("keepdims", False) is True
        return bind(primitive, (a, q, *weights), static)

    handler.__name__ = function.__name__
    handler.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    FUNCTIONS[function] = handler


def _percentile(function: Any, quantile: Any) -> None:
    """A hundredth of ``q``, as NumPy divides it."""
    signature = inspect.signature(function)

    @handles(function)
    def handler(*args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(*args, **kwargs).arguments
        a, q = _array(arguments.pop("a")), arguments.pop("q")
        q = np.true_divide(
            q if isinstance(q, (int, float)) else _array(q), a.dtype.type(100) if a.dtype.kind == "f" else 100
        )
        if not ((concrete(q) >= 0) & (concrete(q) <= 1)).all():
            raise ValueError("Percentiles must be in the range [0, 100]")
        return FUNCTIONS[quantile](a, q, **arguments)


_quantile(np.median)
_quantile(np.quantile)
_quantile(np.nanmedian, skip_nan=True)
_quantile(np.nanquantile, skip_nan=True)
_percentile(np.percentile, np.quantile)
_percentile(np.nanpercentile, np.nanquantile)
