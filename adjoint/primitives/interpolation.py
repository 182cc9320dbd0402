"""np.interp: piecewise linear interpolation, differentiable in the points, the nodes and the values at the nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Diagonal, Sparse
from adjoint.tracing import bind, decided, handles, stacked, structured


def _array(x: Any) -> Any:
    x = stacked(x)
    return x if hasattr(x, "ndim") else np.asarray(x)


def _interval(x: Array, xp: Array) -> tuple[np.ndarray, np.ndarray]:
    """For each point the node on its left, and whether there is one on either side: concrete."""

    def found(points: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        left = np.clip(np.searchsorted(nodes, points, side="right") - 1, 0, nodes.size - 2)
        return np.stack([left, (points >= nodes[0]) & (points <= nodes[-1])])

    left, inside = decided(x, lambda points: decided(xp, lambda nodes: found(points, nodes)))
    return left, inside.astype(bool)


def _slopes(x: Array, xp: Array, fp: Array) -> tuple[np.ndarray, Array, Array]:
    """The node on the left, the fraction of the interval that lies left of ``x``, and the slope there."""
    left, inside = _interval(x, xp)
    width = xp[left + 1] - xp[left]
    fraction = np.where(inside, (x - xp[left]) / width, x > xp[-1])
    return left, fraction, np.where(inside, (fp[left + 1] - fp[left]) / width, 0.0)


def _by_point(y: Array, x: Array, xp: Array, fp: Array) -> Block:
    if xp.size == 1:
        return Diagonal(np.zeros(x.shape), x.shape, y.shape)
    return Diagonal(_slopes(x, xp, fp)[2], x.shape, y.shape)


def _by_nodes(y: Array, x: Array, xp: Array, fp: Array, *, values: bool) -> Block:
    """Two entries a point. A node that moves carries its value along: ``∂y/∂xp = -slope ∂y/∂fp``."""
    rows = np.arange(x.size)
    if xp.size == 1:
        return Sparse(rows, 0 * rows, np.full(x.size, float(values)), xp.shape, y.shape)
    left, fraction, slope = (np.reshape(part, (-1,)) for part in _slopes(x, xp, fp))
    weights = np.concatenate([1 - fraction, fraction])
    if not values:
        weights = -weights * np.concatenate([slope, slope])
    return Sparse(np.concatenate([rows, rows]), np.concatenate([left, left + 1]), weights, xp.shape, y.shape)


interpolate = structured(
    np.interp,
    _by_point,
    lambda y, x, xp, fp: _by_nodes(y, x, xp, fp, values=False),
    lambda y, x, xp, fp: _by_nodes(y, x, xp, fp, values=True),
)


@handles(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    x, xp, fp = _array(x), _array(xp), _array(fp)
    if xp.ndim != 1 or fp.ndim != 1:
        raise ValueError("Data points must be 1-D sequences")
    if xp.shape != fp.shape:
        raise ValueError("fp and xp are not of the same length.")
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
        return bind(interpolate, (x, xp, fp))
    y = bind(interpolate, (x, xp, fp))
    if left is not None:
        y = np.where(x < xp[0], left, y)
    return y if right is None else np.where(x > xp[-1], right, y)
