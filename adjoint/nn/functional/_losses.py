"""What the losses share: reductions, rows of partials, and the check of labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Contraction, Diagonal
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing import Tracer, concrete, stacked
from adjoint.tracing.primitive import Blocks, Reads, Static

REDUCTIONS = ("mean", "sum", "none")

# --- reductions -----------------------------------------------------------------------------------------


def expect_reduction(name: str, reduction: str, entries: int) -> None:
    """Refuse an unknown reduction, and the mean of nothing."""
    if reduction not in REDUCTIONS:
        refuse(name, f'reduction must be "mean", "sum" or "none", got {reduction!r}')
    if reduction == "mean" and not entries:
        refuse(name, "the batch is empty, so it has no mean")


def reduced(entries: Any, reduction: str) -> Any:
    """The losses of a batch as one number, or as they are."""
    if reduction == "none":
        return entries
    total = entries.sum()
    return total / entries.size if reduction == "mean" else total


def scale_of(reduction: str, entries: int) -> float:
    """How much of one loss is in the result."""
    return 1.0 / entries if reduction == "mean" else 1.0


def partials_block(d: Array, y: Array, kept: int) -> Block:
    """The block of partials ``d`` of the shape of the operand, whose first ``kept`` axes the result has; or none."""
    if y.ndim == d.ndim:
        return Diagonal(d, d.shape, y.shape)
    labels = _LABELS[: d.ndim]
    return Contraction(labels, labels, labels[:kept] if y.ndim else (), d, d.shape, y.shape)


_LABELS = tuple(range(32))


def scaled(d: Any, factor: float) -> Any:
    """``d * factor``, in the memory of ``d`` where that is a fresh array."""
    if factor == 1.0:
        return d
    if type(d) is np.ndarray and d.base is None and d.dtype.kind == "f":
        d *= factor
        return d
    return d * factor


# --- losses of pairs of entries -----------------------------------------------------------------------

Slope = Callable[..., Any]


def pairwise(
    name: str, value: Callable[..., Any], first: Slope, second: Slope, reads: Reads, *, over_last_axis: bool = False
) -> Callable[..., Any]:
    """A loss ``Σ value(a, b)`` of two arrays of one shape, as one constraint.

    ``first(a, b, **options)`` and ``second`` are the partials, in new arrays. With ``over_last_axis``, ``value`` has
    summed over that already: what is averaged are rows.
    """
    lost = 1 if over_last_axis else 0

    def function(a: Any, b: Any, reduction: str, **options: Any) -> Any:
        return reduced(value(a, b, **options), reduction)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        a, b = operands
        options = {key: x for key, x in static.items() if key != "reduction"}
        factor = scale_of(static["reduction"], math.prod(a.shape[: a.ndim - lost]))
        found: Blocks = []
        for parent, slope in zip(parents, (first, second), strict=True):
            if parent >= 0:
                found.append((parent, partials_block(scaled(slope(a, b, **options), factor), y, a.ndim - lost)))
        return found

    return operation(name, function, blocks, reads)


def pair(name: str, what: tuple[str, str], a: Any, b: Any, reduction: str, lost: int = 0) -> tuple[Any, Any]:
    """Two operands of one shape, checked."""
    a, b = as_array(a), as_array(b)
    if a.shape != b.shape:
        refuse(name, f"expected {what[1]} of the shape of {what[0]} {a.shape}, got {b.shape}")
    if lost and not a.ndim:
        refuse(name, f"expected {what[0]} (..., classes), got a number")
    expect_reduction(name, reduction, math.prod(a.shape[: a.ndim - lost]))
    return a, b


# --- labels -------------------------------------------------------------------------------------------


def as_labels(labels: Any) -> Any:
    """Labels as an array, integers as such."""
    return labels if type(labels) is Tracer else stacked(labels) if type(labels) is list else np.asarray(labels)


def expect_labels(name: str, labels: Any, what: str, x: Any) -> Any:
    """Refuse what is not one integer in ``0 … classes − 1`` for each row of ``x``."""
    shape, classes = x.shape[:-1], x.shape[-1]
    if labels.dtype.kind not in "iu":
        refuse(
            name, f"labels must be integers for {what} {x.shape}, one for each row; got {labels.dtype} {labels.shape}"
        )
    if labels.shape != shape:
        refuse(name, f"expected labels of the shape {shape} for {what} {x.shape}, got {labels.shape}")
    plain = concrete(labels)
    if plain.size and plain.view(plain.dtype.str.replace("i", "u")).max() >= classes:  # negative ones are large there
        flat = np.ravel(plain)
        where = int(np.flatnonzero((flat < 0) | (flat >= classes))[0])
        place = ", ".join(str(k) for k in np.unravel_index(where, plain.shape)) if plain.ndim else ""
        refuse(
            name,
            f"the label {flat[where]} at [{place}] is not one of the classes 0 … {classes - 1} of {what} {x.shape}",
        )
    return labels


def rows_of(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of one entry for each row of a matrix."""
    flat = labels.reshape(-1)
    return np.arange(flat.size), flat
