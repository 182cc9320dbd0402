"""Numbers at equal distances or ratios between traced endpoints.

The ``k``-th of them is a mean of the endpoints with the weights ``1 - t`` and ``t``, where ``t = k / (num - 1)``, or
``k / num`` without the endpoint: the arithmetic mean in ``linspace``, the geometric one in ``geomspace``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, elementwise_block
from adjoint.tracing import Primitive, bind, handles, stacked
from adjoint.tracing.primitive import RESULT, SHAPES_ONLY, Blocks, Reads, Static


def _spaced(function: Callable[..., Any], slope: Callable[[Any, Any, Any], Any], reads: Reads) -> Primitive:
    """The record of ``function`` along axis 0; ``slope(weight, y, x)`` is the partial by an endpoint ``x``."""

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        num, divisor = y.shape[0], y.shape[0] - static["endpoint"]
        t = np.arange(num) / max(divisor, 1)
        real = np.zeros(0, y.dtype).real.dtype
        result = []
        for weight, x, parent in zip((1 - t, t), operands, parents, strict=True):
            if parent >= 0:
                weight = weight.astype(real).reshape((num,) + (1,) * (y.ndim - 1))
                result.append((parent, elementwise_block(slope(weight, y, x), x.shape, y.shape)))
        return result

    return Primitive(function.__name__, function, blocks, reads=reads)


_equal_distances = _spaced(np.linspace, lambda weight, y, x: weight, SHAPES_ONLY)
_equal_ratios = _spaced(
    np.geomspace, lambda weight, y, x: weight * (y / x), (frozenset({0, RESULT}), frozenset({1, RESULT}))
)


@handles(np.linspace)
def _linspace(
    start: Any,
    stop: Any,
    num: Any = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: None = None,
) -> Any:
    start, stop = stacked(start), stacked(stop)
    static = {"num": num, "endpoint": bool(endpoint)}
    y = np.moveaxis(bind(_equal_distances, (start, stop), static), 0, axis)
    if dtype is not None:
        y = (np.floor(y) if np.issubdtype(dtype, np.integer) else y).astype(dtype)
    if not retstep:
        return y
    divisor = num - bool(endpoint)
    return y, (stop - start) / divisor if divisor > 0 else np.nan


@handles(np.logspace)
def _logspace(
    start: Any, stop: Any, num: Any = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    start, stop, base = stacked(start), stacked(stop), stacked(base) if isinstance(base, (list, tuple)) else base
    if np.ndim(base):  # the axis is one of what all three broadcast to
        ndim = max(np.ndim(x) for x in (start, stop, base))
        start, stop, base = (np.reshape(x, (1,) * (ndim - np.ndim(x)) + np.shape(x)) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    y = base ** np.linspace(start, stop, num, endpoint, axis=axis)
    return y if dtype is None else y.astype(dtype)


@handles(np.geomspace)
def _geomspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    static = {"num": num, "endpoint": bool(endpoint)}
    y = np.moveaxis(bind(_equal_ratios, (stacked(start), stacked(stop)), static), 0, axis)
    return y if dtype is None else y.astype(dtype)
