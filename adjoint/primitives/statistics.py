"""Means, variances, averages, covariances and correlations."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from adjoint.blocks import Array, Block, RealPart
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.reductions import (
    axes_of,
    cast,
    count,
    given,
    kept,
    reduce_block,
    selection,
    weighted,
    with_options,
)
from adjoint.tracing import FUNCTIONS, concrete, handles, here, stacked, structured
from adjoint.tracing.primitive import SHAPES_ONLY

# --- mean -------------------------------------------------------------------------------------------


def _mean_block(y: Array, a: Array, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Block:
    return reduce_block(y, a, axis, 1 / max(1, count(a, axis)))


structured(np.mean, _mean_block, reads=SHAPES_ONLY)
_plain_mean = FUNCTIONS[np.mean]


def _mean(a: Array, axis: Any = None, dtype: Any = None, keepdims: bool = False, where: Any = None) -> Any:
    if where is None:
        return _plain_mean(cast(a, dtype), axis=axis, keepdims=keepdims, **given(dtype=dtype))
    if dtype is None:
        dtype = np.result_type(a.dtype, np.float64) if a.dtype.kind in "biu" else a.dtype
    mask = selection(where, a)
    number = np.sum(mask, axis=axis, keepdims=keepdims)
    if not concrete(number).all():
        warnings.warn("Mean of empty slice", RuntimeWarning, stacklevel=2)
    total = np.sum(a, axis=axis, dtype=dtype, keepdims=keepdims, where=mask)
    return total / number.astype(total.real.dtype)


with_options(np.mean, _mean)

# --- variance and standard deviation ----------------------------------------------------------------


def squares(centered: Array, a: Array, axis: Any, y: Array, factor: Any) -> Block:
    """``v ↦ Σ Re(conj(centered) v) factor`` along ``axis``; ``factor`` broadcasts to ``a``."""
    if centered.dtype.kind == "c":
        return reduce_block(y, a, axis) @ RealPart(centered * factor, a.shape)
    return weighted(y, a, axis, centered * factor)


def _freedom(a: Array, axis: Any, ddof: float) -> float:
    """The degrees of freedom; NaN where NumPy divides by zero."""
    left = count(a, axis) - ddof
    return left if left > 0 else np.nan


def _variance_block(
    y: Array, a: Array, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False
) -> Block:
    centered = a - np.mean(a, axes_of(axis, a), keepdims=True)
    return squares(centered, a, axis, y, 2 / _freedom(a, axis, ddof))


def _deviation_block(
    y: Array, a: Array, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False
) -> Block:
    centered = a - np.mean(a, axes_of(axis, a), keepdims=True)
    return squares(centered, a, axis, y, 1 / (_freedom(a, axis, ddof) * kept(y, a, axis)))


structured(np.var, _variance_block)
structured(np.std, _deviation_block)


def spread(function: Any, a: Array, ddof: float, mean: Any, correction: Any, **arguments: Any) -> Any:
    """``var`` or ``std`` with any of their arguments: one operation where there is neither a mask nor a mean."""
    if correction is not None:
        if ddof != 0:
            raise ValueError("ddof and correction can't be provided simultaneously.")
        ddof = correction
    dtype = arguments["dtype"]
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        raise UnsupportedArgumentError(f"{function.__name__} of a traced value takes a floating dtype=: {here()}")
    if mean is None and arguments["where"] is None:
        return _PLAIN[function](a, ddof=ddof, **given(**arguments))
    variance = _variance(a, ddof=ddof, mean=mean, **arguments)
    return variance if function is np.var else np.sqrt(variance)


_PLAIN = {np.var: FUNCTIONS[np.var], np.std: FUNCTIONS[np.std]}


def _variance(a: Array, axis: Any, dtype: Any, ddof: float, keepdims: bool, where: Any, mean: Any) -> Any:
    """As NumPy computes it, from traced operations."""
    if a.dtype.kind in "biu":
        dtype = dtype or np.float64
    masked = {} if where is None else {"where": selection(where, a)}
    number = np.sum(masked.get("where", np.ones(a.shape, bool)), axis=axis, keepdims=keepdims)
    if (concrete(number) <= ddof).any():
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=3)
    if mean is None:
        mean = np.mean(a, axis=axis, keepdims=True, **masked, **given(dtype=dtype))
    elif not hasattr(mean, "dtype"):
        mean = stacked(mean) if isinstance(mean, (list, tuple)) else mean
    centered = a - mean
    if masked:
        centered = np.where(masked["where"], centered, centered.dtype.type(0))
    square = centered * centered  # complex where only the mean is: so does NumPy
    if a.dtype.kind == "c":
        square = np.real(centered) ** 2 + np.imag(centered) ** 2
    total = np.sum(square, axis=axis, keepdims=keepdims, **given(dtype=dtype))
    return total / np.maximum(number - ddof, 0).astype(total.real.dtype)


def _with_all_arguments(function: Any) -> None:
    def general(
        a: Array,
        axis: Any = None,
        dtype: Any = None,
        ddof: float = 0,
        keepdims: bool = False,
        where: Any = None,
        mean: Any = None,
        correction: Any = None,
    ) -> Any:
        return spread(function, a, ddof, mean, correction, axis=axis, dtype=dtype, keepdims=keepdims, where=where)

    with_options(function, general)


_with_all_arguments(np.var)
_with_all_arguments(np.std)

# --- weighted averages ------------------------------------------------------------------------------


@handles(np.average)
def _average(
    a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = np._NoValue
) -> Any:
    a = stacked(a) if not hasattr(a, "dtype") else a
    options = given(keepdims=keepdims)
    if axis is not None:
        axis = normalize_axis_tuple(axis, a.ndim, argname="axis")
    if weights is None:
        average = np.mean(a, axis=axis, **options)
        total: Any = average.dtype.type(a.size / average.size)
    else:
        weights = _aligned_weights(weights, a, axis)
        dtype = np.result_type(a.dtype, weights.dtype, *(["f8"] if a.dtype.kind in "biu" else []))
        total = np.sum(weights, axis=axis, dtype=dtype, **options)
        if (concrete(total) == 0).any():
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        average = np.sum(cast(a, dtype) * cast(weights, dtype), axis=axis, **options) / total
    if not returned:
        return average
    return average, total if np.shape(total) == average.shape else np.broadcast_to(total, average.shape)


def _aligned_weights(weights: Any, a: Array, axis: tuple[int, ...] | None) -> Array:
    """Weights in the shape of ``a``, or with unit axes where they do not vary."""
    weights = stacked(weights) if not hasattr(weights, "dtype") else weights
    if weights.shape == a.shape:
        return weights
    if axis is None:
        raise TypeError("Axis must be specified when shapes of a and weights differ.")
    if weights.shape != tuple(a.shape[k] for k in axis):
        raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
    shape = [n if k in axis else 1 for k, n in enumerate(a.shape)]
    return np.reshape(np.transpose(weights, tuple(int(k) for k in np.argsort(axis))), shape)


# --- covariance and correlation ---------------------------------------------------------------------


@handles(np.cov)
def _covariance(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    parts = [stacked(x) if not hasattr(x, "dtype") else x for x in (m, y) if x is not None]
    for name, part in zip("my", parts, strict=False):
        if part.ndim > 2:
            raise ValueError(f"{name} has more than 2 dimensions")
    dtype = np.result_type(*(part.dtype for part in parts), np.float64) if dtype is None else np.dtype(dtype)
    x = _variables(parts[0], dtype, not rowvar and parts[0].ndim != 1)
    if x.shape[0] == 0:
        return np.zeros((0, 0))
    if len(parts) > 1:
        other = _variables(parts[1], dtype, False)
        x = np.concatenate([x, other.T if not rowvar and other.shape[0] != 1 else other], axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = _observation_weights(fweights, aweights, x.shape[1])
    if weights is None:
        average, freedom = np.mean(x, axis=1), x.shape[1] - ddof
    else:
        average, total = np.average(x, axis=1, weights=weights, returned=True)
        freedom = total[0]
        if ddof and aweights is None:
            freedom = freedom - ddof
        elif ddof:
            freedom = freedom - ddof * np.sum(weights * stacked(aweights)) / total[0]
        freedom = np.real(freedom)
    if freedom <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        freedom = 0.0 * freedom
    x = x - average[:, None]
    product = np.dot(x, np.conjugate((x if weights is None else x * weights).T))
    return np.squeeze(product * cast(np.true_divide(1, freedom), product.real.dtype))


def _variables(x: Array, dtype: Any, transpose: bool) -> Array:
    x = np.atleast_2d(cast(x, dtype))
    return x.T if transpose else x


def _observation_weights(fweights: Any, aweights: Any, observations: int) -> Array | None:
    product = None
    for name, weights in (("fweights", fweights), ("aweights", aweights)):
        if weights is None:
            continue
        weights = cast(stacked(weights) if not hasattr(weights, "dtype") else weights, np.dtype(float))
        plain = concrete(weights)
        if name == "fweights" and not (plain == np.around(plain)).all():
            raise TypeError("fweights must be integer")
        if plain.ndim > 1:
            raise RuntimeError(f"cannot handle multidimensional {name}")
        if plain.shape[0] != observations:
            raise RuntimeError(f"incompatible numbers of samples and {name}")
        if (plain < 0).any():
            raise ValueError(f"{name} cannot be negative")
        product = weights if product is None else product * weights
    return product


@handles(np.corrcoef)
def _correlation(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = np.cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = c / deviation[:, None] / deviation[None, :]
    if c.dtype.kind == "c":
        return np.clip(np.real(c), -1, 1) + 1j * np.clip(np.imag(c), -1, 1)
    return np.clip(c, -1, 1)
