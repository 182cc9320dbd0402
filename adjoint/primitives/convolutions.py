"""Convolution and correlation of sequences: bilinear, so the blocks are convolutions with the other one."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Convolution, convolved
from adjoint.tracing import handles, stacked, structured

structured(
    convolved,
    lambda y, a, b, mode: Convolution(b, mode, a.shape),
    lambda y, a, b, mode: Convolution(a, mode, b.shape),
    name="convolve",
    reads=(frozenset({1}), frozenset({0})),
)


def _sequences(a: Any, v: Any, mode: Any) -> tuple[Any, Any]:
    np.convolve([0], [0], mode)  # NumPy's own error for a mode that it does not know
    a, v = (x if hasattr(x, "ndim") else np.asarray(x) for x in (stacked(a), stacked(v)))
    return a, v


def _check(a: Any, v: Any) -> None:
    for name, x in (("a", a), ("v", v)):
        if x.ndim != 1:
            raise ValueError(f"object {'too deep' if x.ndim else 'of too small depth'} for desired array")
        if not x.size:
            raise ValueError(f"{name} cannot be empty")


def _window(a: Any, v: Any, mode: str, start: int) -> Any:
    """The part of a full convolution that is as long as the longer sequence; or the full, or the valid one."""
    _check(a, v)
    if mode == "valid":
        return convolved(a, v, mode) if a.size >= v.size else convolved(v, a, mode)
    whole = convolved(a, v, "full")
    return whole if mode == "full" else whole[start : start + max(a.size, v.size)]


@handles(np.convolve)
def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = (x if x.ndim else np.reshape(x, (1,)) for x in _sequences(a, v, mode))
    return _window(a, v, mode, (min(a.size, v.size) - 1) // 2)


@handles(np.correlate)
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """``c[k] = Σ_i a[i + k] conj(v[i])``. In the mode "same" NumPy takes the middle as seen from the shorter one."""
    a, v = _sequences(a, v, mode)
    turned = np.flip(v if v.dtype.kind != "c" else np.conjugate(v))
    return _window(a, turned, mode, a.size // 2 if v.size > a.size else (v.size - 1) // 2)
