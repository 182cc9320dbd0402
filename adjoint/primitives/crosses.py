"""Products of vectors and matrices that are no contraction: cross and Kronecker products."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.tracing import handles, stacked


def _array(x: Any) -> Any:
    x = stacked(x)
    return x if hasattr(x, "ndim") else np.asarray(x)


@handles(np.cross)
def _cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _array(a), _array(b)
    if not a.ndim or not b.ndim:
        raise ValueError("At least one array has zero dimension")
    a = np.moveaxis(a, normalize_axis_index(axisa, a.ndim, "axisa"), -1)
    b = np.moveaxis(b, normalize_axis_index(axisb, b.ndim, "axisb"), -1)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ValueError("incompatible dimensions for cross product\n(dimension must be 2 or 3)")
    if a.shape[-1] == 2 or b.shape[-1] == 2:
        warnings.warn(
            "Arrays of 2-dimensional vectors are deprecated. Use arrays of 3-dimensional vectors instead. "
            "(deprecated in NumPy 2.0)",
            DeprecationWarning,
            stacklevel=4,
        )
    third = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    if a.shape[-1] == b.shape[-1] == 2:
        return third
    # the third component of a vector in the plane is zero
    first = (a[..., 1] * b[..., 2] if b.shape[-1] == 3 else 0) - (a[..., 2] * b[..., 1] if a.shape[-1] == 3 else 0)
    second = (a[..., 2] * b[..., 0] if a.shape[-1] == 3 else 0) - (a[..., 0] * b[..., 2] if b.shape[-1] == 3 else 0)
    return np.stack([first, second, third], axis=normalize_axis_index(axisc, third.ndim + 1, "axisc"))


@handles(np.kron)
def _kron(a: Any, b: Any) -> Any:
    """Entry ``(i, k)`` of the result's axis, of sizes ``n · m``, is the product of the entries ``i`` and ``k``."""
    a, b = _array(a), _array(b)
    ndim = max(a.ndim, b.ndim)
    rows, columns = ((1,) * (ndim - x.ndim) + x.shape for x in (a, b))
    products = np.reshape(a, [n for row in rows for n in (row, 1)]) * np.reshape(
        b, [n for column in columns for n in (1, column)]
    )
    return products.reshape(tuple(n * m for n, m in zip(rows, columns, strict=True)))
