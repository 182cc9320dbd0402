"""The functions that skip NaN: those entries are masked out, so their derivative is zero and poisons nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.primitives.reductions import given, selection
from adjoint.primitives.statistics import spread
from adjoint.tracing import FUNCTIONS, concrete, handles, stacked


def _numbers(a: Any, where: Any = np._NoValue) -> tuple[Array, Array]:
    """An array, and which of its entries count."""
    a = stacked(a)
    mask = ~np.isnan(a)
    if where is np._NoValue or where is None or where is True:
        return a, mask
    return a, mask & selection(where, a)


def _filled(a: Any, identity: int) -> Array:
    a, mask = _numbers(a)
    return np.where(mask, a, a.dtype.type(identity))


def _skipping(function: Any, plain: Any, identity: int) -> None:
    """A function for which a NaN is an entry that changes nothing."""

    @handles(function)
    def handler(a: Any, *args: Any, **options: Any) -> Any:
        return FUNCTIONS[plain](_filled(a, identity), *args, **options)


_skipping(np.nansum, np.sum, 0)
_skipping(np.nanprod, np.prod, 1)
_skipping(np.nancumsum, np.cumsum, 0)
_skipping(np.nancumprod, np.cumprod, 1)


@handles(np.nanmean)
def _nanmean(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = np._NoValue,
    *,
    where: Any = np._NoValue,
) -> Any:
    a, mask = _numbers(a, where)
    return np.mean(a, axis=axis, where=mask, **given(dtype=dtype, keepdims=keepdims))


def _spread(function: Any, plain: Any) -> None:
    @handles(function)
    def handler(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        ddof: float = 0,
        keepdims: Any = np._NoValue,
        *,
        where: Any = np._NoValue,
        mean: Any = np._NoValue,
        correction: Any = np._NoValue,
    ) -> Any:
        a, mask = _numbers(a, where)
        mean, correction = (None if x is np._NoValue else x for x in (mean, correction))
        keepdims = keepdims is True
        result = spread(plain, a, ddof, mean, correction, axis=axis, dtype=dtype, keepdims=keepdims, where=mask)
        freedom = np.sum(mask, axis=axis, keepdims=keepdims) - (ddof if correction is None else correction)
        if (concrete(freedom) <= 0).any():
            result = np.where(freedom > 0, result, result.dtype.type(np.nan))
        return result


_spread(np.nanvar, np.var)
_spread(np.nanstd, np.std)
