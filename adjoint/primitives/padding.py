"""np.pad: the modes that copy entries tell their own gather; the others compute what they add, axis by axis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.copies import copying
from adjoint.tracing import Primitive, bind, handles, here, stacked
from adjoint.tracing.primitive import no_blocks

_copied = copying(np.pad, "array", "constant_values")
_of_integers = Primitive("pad", lambda array, **options: np.pad(array, **options), no_blocks, discrete=True)
_STATISTICS: dict[str, Callable[..., Any]] = {
    "maximum": np.max,
    "minimum": np.min,
    "mean": np.mean,
    "median": np.median,
}


@handles(np.pad)
def _pad(array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Any:
    if callable(mode):
        return _by_function(array, pad_width, mode, options)
    if mode == "empty":
        raise UnsupportedArgumentError(
            f"pad(mode='empty') leaves the new entries undefined, and so their derivatives: {here()}\n"
            "Use mode='constant'."
        )
    odd = mode in ("reflect", "symmetric") and options.get("reflect_type") == "odd"
    if not (odd or mode == "linear_ramp" or mode in _STATISTICS):
        return _copied(array, pad_width, mode, **options)
    if array.dtype.kind not in "fc":
        return bind(_of_integers, (array,), {"pad_width": pad_width, "mode": mode, **options})
    np.pad(np.zeros(0), 0, mode, **dict.fromkeys(options))  # NumPy's own complaint about an option of another mode
    widths = _widths(pad_width, array.shape)
    if odd:
        return _reflected(array, widths, 1 if mode == "reflect" else 0)
    if mode == "linear_ramp":
        return _ramps(array, widths, options.get("end_values", 0))
    return _statistics(array, widths, options.get("stat_length"), _STATISTICS[mode])


def _widths(pad_width: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """``(before, after)`` for each axis, checked as NumPy does."""
    if isinstance(pad_width, dict):
        by_axis = np.zeros((len(shape), 2), dtype=int)
        for axis, width in pad_width.items():
            by_axis[axis] = width
        pad_width = by_axis
    given = np.asarray(pad_width)
    if given.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    if np.min(given) < 0:
        raise ValueError("index can't contain negative values")
    widths = [(int(before), int(after)) for before, after in np.broadcast_to(given, (len(shape), 2))]
    for axis, (n, pair) in enumerate(zip(shape, widths, strict=True)):
        if n == 0 and any(pair):
            raise ValueError(f"can't extend empty axis {axis} using modes other than 'constant' or 'empty'")
    return widths


def _cut(a: Any, axis: int, start: int, stop: int) -> Any:
    return a[(slice(None),) * axis + (slice(start, stop),)]


def _along(values: Any, axis: int, ndim: int) -> np.ndarray:
    """A vector of constants as an array that broadcasts along one axis."""
    return np.reshape(np.asarray(values), (-1, *(1,) * (ndim - axis - 1)))


def _surrounded(a: Any, axis: int, before: Any, after: Any) -> Any:
    return np.concatenate([part for part in (before, a, after) if part is not None], axis)


# --- odd reflections ------------------------------------------------------------------------------


def _reflected(a: Any, widths: list[tuple[int, int]], shared: int) -> Any:
    """Point reflections about the edges; ``shared`` is 1 if an edge and its image are one entry, else 0.

    With the period ``p = n - shared``, the extension ``f`` of ``x[0] … x[n-1]`` has ``f(i + 2p) = f(i) + 2 (x[n-1] -
    x[0])``, and in between it is ``2 x[n-1] - x`` backwards.
    """
    for axis, (before, after) in enumerate(widths):
        n = a.shape[axis]
        first, last = _cut(a, axis, 0, 1), _cut(a, axis, n - 1, n)
        if not before + after:
            continue
        if n == 1:  # NumPy repeats a single entry
            a = np.repeat(a, 1 + before + after, axis)
            continue
        turn, step = np.divmod(np.arange(-before, n + after), n - shared)
        odd = turn % 2
        source = np.where(odd, n - 1 - step, step)
        sign, at_first, at_last = (
            _along(c.astype(a.real.dtype), axis, a.ndim) for c in (1 - 2 * odd, odd - turn, odd + turn)
        )
        a = sign * np.take(a, source, axis) + at_first * first + at_last * last
    return a


# --- ramps and statistics -------------------------------------------------------------------------


def _ramps(a: Any, widths: list[tuple[int, int]], end_values: Any) -> Any:
    """From the edges to ``end_values``, in equal steps."""
    ends = np.broadcast_to(stacked(end_values), (a.ndim, 2))
    dtype = a.dtype

    def ramp(edge: Any, end: Any, fractions: np.ndarray, axis: int) -> Any:
        return (end + (edge - end) * _along(fractions, axis, a.ndim)).astype(dtype) if fractions.size else None

    for axis, (before, after) in enumerate(widths):
        n = a.shape[axis]
        left = ramp(_cut(a, axis, 0, 1), ends[axis, 0], np.arange(before) / max(before, 1), axis)
        right = ramp(_cut(a, axis, n - 1, n), ends[axis, 1], np.arange(after)[::-1] / max(after, 1), axis)
        a = _surrounded(a, axis, left, right)
    return a


def _statistics(a: Any, widths: list[tuple[int, int]], stat_length: Any, statistic: Callable[..., Any]) -> Any:
    """A statistic of the entries next to each edge, repeated."""
    lengths = np.broadcast_to(np.asarray(stat_length), (a.ndim, 2)).tolist()
    for axis, ((before, after), given) in enumerate(zip(widths, lengths, strict=True)):
        n = a.shape[axis]
        left, right = (n if length is None else min(round(length), n) for length in given)
        if left < 0 or right < 0:
            raise ValueError("index can't contain negative values")
        if 0 in (left, right) and statistic in (np.max, np.min):
            raise ValueError("stat_length of 0 yields no value for padding")
        if not before + after:
            continue
        first = statistic(_cut(a, axis, 0, left), axis=axis, keepdims=True)
        last = first
        if not left == right == n:
            last = statistic(_cut(a, axis, n - right, n), axis=axis, keepdims=True)
        a = _surrounded(a, axis, *(np.repeat(x, m, axis) if m else None for x, m in ((first, before), (last, after))))
    return a


# --- the user's own mode --------------------------------------------------------------------------


def _by_function(a: Any, pad_width: Any, function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """``function(line, widths, axis, options)`` writes the padding into each line; axis by axis, as NumPy goes."""
    widths = _widths_of_any(pad_width, a)
    a = _copied(a, pad_width)
    for axis, pair in enumerate(widths):
        moved = np.moveaxis(a, axis, -1)
        lines = []
        for index in np.ndindex(moved.shape[:-1]):
            line = np.copy(moved[index])
            function(line, pair, axis, options)
            lines.append(line)
        if lines:
            a = np.moveaxis(np.reshape(np.stack(lines), moved.shape), -1, axis)
    return a


def _widths_of_any(pad_width: Any, a: Any) -> list[tuple[int, int]]:
    return _widths(pad_width, (1,) * a.ndim)  # here an empty axis can be extended
