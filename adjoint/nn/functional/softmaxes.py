"""Softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, LogSoftmax, Softmax
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing.primitive import RESULT, Blocks, Static


def exponentials(x: np.ndarray, axis: int) -> np.ndarray:
    """``exp(x − max x)`` in a new array; the largest entry of each group gives 1."""
    y = x - x.max(axis, keepdims=True)
    result: np.ndarray = np.exp(y, out=y)
    return result


def _softmax(x: Any, axis: int) -> Any:
    y = exponentials(x, axis)
    y /= y.sum(axis, keepdims=True)
    return y


def _log_softmax(x: Any, axis: int) -> Any:
    y = x - x.max(axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis, keepdims=True))
    return y


def _softmax_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    return [(parents[0], Softmax(y, static["axis"], y.shape))]


def _log_softmax_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    return [(parents[0], LogSoftmax(np.exp(y), static["axis"], y.shape))]


_READS = (frozenset({RESULT}),)
_softmax_of = operation("softmax", _softmax, _softmax_blocks, _READS)
_log_softmax_of = operation("log_softmax", _log_softmax, _log_softmax_blocks, _READS)


def softmax(x: Any, axis: int = -1) -> Any:
    """``exp(x) / Σ exp(x)`` along an axis.

    Parameters
    ----------
    x : array
        Real; entries may be large, or −∞.
    axis : int

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a softmax block ``diag(y) − y yᵀ`` for each group of ``m`` entries: ``m²`` nonzeros, of which
    ``y`` alone is held. ``J v = y · (v − Σ y v)`` takes ``3 m`` multiplications.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> print(functional.softmax(np.array([1e4, 1e4 + np.log(3)])).round(6))
    [0.25 0.75]
    >>> print(adjoint.trace(functional.softmax, np.zeros((2, 3))).compile().block(2, 1))
    <softmax block (2, 3) → (2, 3), 18 nonzeros>
    """
    x = as_array(x)
    return _softmax_of(x, axis=axis_from_end("softmax", x, axis))


def log_softmax(x: Any, axis: int = -1) -> Any:
    """``x − log Σ exp(x)`` along an axis.

    Parameters
    ----------
    x : array
        Real; entries may be large, or −∞.
    axis : int

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a softmax block ``I − 1 pᵀ`` for each group of ``m`` entries, ``p = exp(y)``: ``m²`` nonzeros,
    of which ``y`` alone is held. ``J v = v − Σ p v`` takes ``m`` multiplications.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.log_softmax(np.array([0.0, 1e4])))
    [-10000.      0.]
    """
    x = as_array(x)
    return _log_softmax_of(x, axis=axis_from_end("log_softmax", x, axis))


def axis_from_end(name: str, x: Any, axis: Any) -> int:
    """An axis that ``x`` has and that is not empty, counted from the end."""
    n = x.ndim
    if not isinstance(axis, (int, np.integer)) or not -n <= axis < n:
        refuse(name, f"x {x.shape} has no axis {axis!r}")
    if x.dtype.kind == "c":
        refuse(name, f"x must be real, got {x.dtype}")
    if not x.shape[axis]:
        refuse(name, f"x {x.shape} has no entries along its axis {axis}")
    return int(axis) - n if axis >= 0 else int(axis)
