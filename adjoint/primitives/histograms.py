"""Histograms: counts are integers, sums of weights are linear in the weights, and edges follow the data's range."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Take
from adjoint.primitives.reductions import cast
from adjoint.primitives.sets import look
from adjoint.tracing import Primitive, bind, concrete, decided, handles, stacked
from adjoint.tracing.primitive import Blocks, Static, no_blocks


def _array(x: Any) -> Any:
    """An argument as an array, traced if something in it is."""
    if hasattr(x, "dtype"):
        return x
    return stacked(x) if isinstance(x, (list, tuple)) else np.asarray(x)


# --- which bin each entry falls into ----------------------------------------------------------------


def _sum_into(bins: np.ndarray, counted: np.ndarray, y: Array, weights: Array) -> Block:
    """Each counted weight is added to its bin, a flat position of ``y``."""
    return Take(bins[counted], y.shape).adjoint @ Take(np.flatnonzero(counted), weights.shape)


def _bins(columns: Sequence[Any], edges: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The flat bin of each sample, and which samples are inside; the last edge of all belongs to the last bin."""
    flat, counted = np.zeros(columns[0].size, int), np.ones(columns[0].size, bool)
    for column, edge in zip(columns, edges, strict=True):
        n = np.size(concrete(edge)) - 1
        k = _bins_of(column, edge)
        counted &= (k >= 0) & (k < n)
        flat = flat * n + k
    return flat, counted


def _bins_of(column: Any, edge: Any) -> np.ndarray:
    def found(x: np.ndarray, borders: np.ndarray) -> np.ndarray:
        k = np.searchsorted(borders, x, side="right") - 1
        k[x == borders[-1]] = borders.size - 2
        return k

    bins: np.ndarray = decided(column, lambda x: decided(edge, lambda borders: found(x.ravel(), borders)))
    return bins


def _weighted_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """Piecewise constant in the samples and the edges."""
    dimensions, weights = static["dimensions"], operands[-1]
    if parents[-1] < 0:
        return []
    bins, counted = _bins(operands[:dimensions], operands[dimensions:-1])
    return [(parents[-1], _sum_into(bins, counted, y, weights))]


def _evaluate(*operands: Any, dimensions: int, vector: bool) -> Any:
    samples, edges, weights = operands[:dimensions], operands[dimensions : 2 * dimensions], operands[2 * dimensions :]
    if vector:
        return np.histogram(samples[0], edges[0], weights=weights[0] if weights else None)[0]
    return np.histogramdd(list(samples), list(edges), weights=weights[0] if weights else None)[0]


_counts = Primitive("histogram", _evaluate, no_blocks, discrete=True)
_sums = Primitive("histogram", _evaluate, _weighted_blocks)


def _histogram(columns: Sequence[Any], edges: Sequence[Any], weights: Any, density: Any, vector: bool) -> Any:
    operands = [*columns, *edges] if weights is None else [*columns, *edges, weights]
    result = bind(_counts if weights is None else _sums, operands, {"dimensions": len(columns), "vector": vector})
    if not density:
        return result
    total = np.sum(result)
    for k, edge in enumerate(edges):
        widths = np.reshape(edge[1:] - edge[:-1], [-1 if j == k else 1 for j in range(len(edges))])
        result = result / widths.astype(float)
    return result / total


# --- edges ------------------------------------------------------------------------------------------


def _uniform(x: Array, n: int, limits: Any) -> Array:
    """``n`` equal bins between the limits, by default the least and the largest entry; computed as NumPy does."""
    if limits is not None:
        first, last = limits
        if concrete(first) > concrete(last):
            raise ValueError("max must be larger than min in range parameter.")
    elif x.size:
        first, last = np.min(x), np.max(x)
    else:
        first, last = 0, 1
    if not np.isfinite([concrete(first), concrete(last)]).all():
        kind = "supplied" if limits is not None else "autodetected"
        raise ValueError(f"{kind} range of [{first}, {last}] is not finite")
    if first == last:
        first, last = first - 0.5, last + 0.5
    dtype = np.result_type(first, last, x.dtype)
    dtype = np.result_type(dtype, float) if dtype.kind in "biu" else dtype
    step = (last - first) / n
    inner = np.arange(n, dtype=np.result_type(first, last, 1.0)) * step + first
    edges = np.concatenate([inner, np.reshape(last, (1,))]).astype(dtype)
    if (concrete(edges)[:-1] >= concrete(edges)[1:]).any():
        raise ValueError(f"Too many bins for data range. Cannot create {n} finite-sized bins.")
    return edges


def _edges(x: Array, bins: Any, limits: Any, weights: Any = None) -> Array:
    """The edges of the bins along one dimension."""
    if isinstance(bins, str):
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        plain = limits and tuple(float(concrete(end)) for end in limits)
        bins = look(x, lambda value: np.histogram_bin_edges(value, bins, plain).size - 1)
    bins = _array(bins) if isinstance(bins, (list, tuple)) else bins
    if np.ndim(bins) > 1:
        raise ValueError("`bins` must be 1d, when an array")
    if np.ndim(bins):
        if (concrete(bins)[:-1] > concrete(bins)[1:]).any():
            raise ValueError("`bins` must increase monotonically, when an array")
        return _array(bins)
    try:
        number = operator.index(bins)
    except TypeError as error:
        raise TypeError("`bins` must be an integer, a string, or an array") from error
    if number < 1:
        raise ValueError("`bins` must be positive, when an integer")
    return _uniform(x, number, limits)


# --- NumPy's functions ------------------------------------------------------------------------------


def _flat(a: Any, weights: Any) -> tuple[Array, Array | None]:
    a = _array(a)
    if weights is None:
        return np.ravel(a), None
    weights = _array(weights)
    if weights.shape != a.shape:
        raise ValueError("weights should have the same shape as a.")
    return np.ravel(a), np.ravel(weights)


@handles(np.histogram_bin_edges)
def _histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Any:
    a, weights = _flat(a, weights)
    return _edges(a, bins, range, weights)


@handles(np.histogram)
def _histogram1(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    a, weights = _flat(a, weights)
    edges = _edges(a, bins, range, weights)
    return _histogram([a], [edges], weights, density, vector=True), edges


@handles(np.histogramdd)
def _histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if not hasattr(sample, "dtype"):
        columns = [_array(x) for x in sample]
        dtype = np.result_type(*(x.dtype for x in columns))
        columns = [cast(x, dtype) for x in columns]
    elif sample.ndim == 2:
        columns = [sample[:, k] for k in np.arange(sample.shape[1])]
    else:
        columns = list(np.atleast_2d(sample))
    dimensions = len(columns)
    if not isinstance(bins, (list, tuple)) and np.ndim(bins) == 0:
        bins = [bins] * dimensions
    if len(bins) != dimensions:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    if range is None:
        range = [None] * dimensions
    elif len(range) != dimensions:
        raise ValueError("range argument must have one entry per dimension")
    edges = [_edges(x, n, limits) for x, n, limits in zip(columns, bins, range, strict=True)]
    weights = None if weights is None else _array(weights)
    return _histogram(columns, edges, weights, density, vector=False), tuple(edges)


@handles(np.histogram2d)
def _histogram2d(x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    if len(x) != len(y):
        raise ValueError("x and y must have the same length.")
    if hasattr(bins, "__len__") and len(bins) not in (1, 2):
        bins = [_array(bins)] * 2
    result, edges = _histogramdd([x, y], bins, range, density, weights)
    return result, *edges


# --- bincount ---------------------------------------------------------------------------------------


def _bincount_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, weights = decided(operands[0], lambda x: x), operands[1]
    return [(parents[1], _sum_into(x, np.ones(x.shape, bool), y, weights))] if parents[1] >= 0 else []


_occurrences = Primitive("bincount", np.bincount, no_blocks, discrete=True)
_bin_sums = Primitive("bincount", np.bincount, _bincount_blocks)


@handles(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    if weights is None:
        return bind(_occurrences, (_array(x),), {"minlength": minlength})
    return bind(_bin_sums, (_array(x), _array(weights)), {"minlength": minlength})
