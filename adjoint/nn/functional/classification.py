"""Losses of classes: cross entropy, negative log likelihood, hinge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Reduce, Scale, Take
from adjoint.calculus import stop_gradient
from adjoint.nn.functional._losses import (
    as_labels,
    expect_labels,
    expect_reduction,
    pairwise,
    partials_block,
    reduced,
    rows_of,
    scale_of,
)
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.nn.functional.softmaxes import axis_from_end, log_softmax
from adjoint.tracing import Primitive, Tracer, bind
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static, no_blocks

# --- cross entropy: the softmax is a node of its own that holds discrete data -------------------------
# It has no multiplier and no row of the matrix. The block of the loss is the derivative through it, too; in an
# outer trace it is made of ordinary operations, so that the block's own derivatives are right.


def _normalized(x: Any) -> Any:
    """``(..., classes + 1)``: the softmax of each row, and ``log Σ exp(x)`` behind it."""
    if type(x) is Tracer:
        top = stop_gradient(np.max(x, axis=-1, keepdims=True))
        e = np.exp(x - top)
        total = np.sum(e, axis=-1, keepdims=True)
        return np.concatenate([e / total, np.log(total) + top], axis=-1)
    classes = x.shape[-1]
    data = np.empty((*x.shape[:-1], classes + 1), x.dtype)
    p, normalizer = data[..., :classes], data[..., classes:]
    top = x.max(-1, keepdims=True)
    np.subtract(x, top, out=p)
    np.exp(p, out=p)
    total = p.sum(-1, keepdims=True)
    p /= total
    np.log(total, out=normalizer)
    normalizer += top
    return data


_NORMALIZED = Primitive("softmax", _normalized, no_blocks, discrete=True, reads=SHAPES_ONLY)


def _cross_entropy(x: Any, data: Any, labels: Any, reduction: str, smoothing: float) -> Any:
    classes = x.shape[-1]
    losses, x = data[..., classes].reshape(-1), x.reshape((-1, classes))
    if labels.dtype.kind in "iu":
        chosen = x[rows_of(labels)]
        losses = losses - (chosen if not smoothing else (1 - smoothing) * chosen + smoothing * x.mean(1))
    else:
        t = labels.reshape((-1, classes))
        with np.errstate(invalid="ignore"):
            product = np.einsum("ij,ij->i", t, x)
        if not np.isfinite(product).all():  # a class that is excluded by −∞ and has no part in the label
            product = np.einsum("ij,ij->i", t, np.where(t == 0, t.dtype.type(0), x))
        losses = losses * t.sum(1) - product
    if reduction == "none":
        return losses.reshape(data.shape[:-1])[()]
    return reduced(losses, reduction)


def _residual(p: Any, labels: Any, factor: float, smoothing: float) -> Any:
    """``(p − target) · factor``."""
    if labels.dtype.kind not in "iu":
        return (p * labels.sum(-1, keepdims=True) - labels) * factor
    classes = p.shape[-1]
    r = p * factor
    if type(r) is np.ndarray:
        if smoothing:
            r -= smoothing * factor / classes
        r.reshape((-1, classes))[rows_of(labels)] -= (1 - smoothing) * factor
        return r
    target = np.full((labels.size, classes), smoothing * factor / classes, p.dtype)
    target[rows_of(np.asarray(labels))] += (1 - smoothing) * factor
    return r - target.reshape(p.shape)


def _cross_entropy_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, data, labels = operands
    factor, kept = scale_of(static["reduction"], math.prod(x.shape[:-1])), x.ndim - 1
    found: Blocks = []
    if parents[2] >= 0:
        found.append((parents[2], partials_block(log_softmax(x) * -factor, y, kept)))
    if parents[0] >= 0:
        found.append(
            (
                parents[0],
                partials_block(_residual(data[..., : x.shape[-1]], labels, factor, static["smoothing"]), y, kept),
            )
        )
    return found


_cross_entropy_of = operation(
    "cross_entropy", _cross_entropy, _cross_entropy_blocks, (frozenset({1, 2}), frozenset[int](), frozenset({0, 1}))
)


def cross_entropy(
    logits: Any, labels: Any, *, axis: int = -1, reduction: str = "mean", label_smoothing: float = 0.0
) -> Any:
    """Cross entropy of labels and the softmax of logits: ``log Σ exp(x) − x[label]`` for each example.

    Parameters
    ----------
    logits : array (..., classes)
    labels : array (...) of int, or array (..., classes)
        One class for each example, or the probabilities of all classes (which may be traced).
    axis : int
        The axis of the classes.
    reduction : "mean", "sum" or "none"
        The mean goes over the examples, which are all entries of the leading axes: steps of sequences count as such.
    label_smoothing : float
        So much of each label is spread equally over all classes.

    Returns
    -------
    scalar; with ``reduction="none"`` an array (...)

    Raises
    ------
    ArgumentError
        Where shapes do not fit, where labels are not integers, or not in ``0 … classes − 1``.

    Notes
    -----
    One constraint; its block to the logits is dense in each row, a contraction with ``(softmax − target) / examples``.
    The softmax is computed once: a node without a multiplier holds it. The block to probabilities is a contraction with
    ``−log softmax / examples``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> logits = np.array([[0.0, 0.0, 1e4], [0.0, 0.0, 0.0]])
    >>> value, gradient = adjoint.value_and_grad(functional.cross_entropy)(logits, np.array([2, 0]))
    >>> print(value.round(4), gradient.round(4).tolist())
    0.5493 [[0.0, 0.0, 0.0], [-0.3333, 0.1667, 0.1667]]
    >>> system = adjoint.trace(lambda x: functional.cross_entropy(x, np.array([2, 0])), logits).compile()
    >>> print(system.block(3, 1))
    <contraction block (2, 3) → (), 6 nonzeros>
    """
    x, labels = as_array(logits), as_labels(labels)
    axis = axis_from_end("cross_entropy", x, axis)
    if not 0 <= label_smoothing <= 1:
        refuse("cross_entropy", f"label_smoothing must be between 0 and 1, got {label_smoothing!r}")
    probable = labels.shape == x.shape
    if axis != -1:
        x = np.moveaxis(x, axis, -1)
        labels = np.moveaxis(labels, axis, -1) if probable else labels
    if probable:
        labels = as_array(labels)
        if label_smoothing:
            labels = labels * (1 - label_smoothing) + label_smoothing / x.shape[-1]
    else:
        expect_labels("cross_entropy", labels, "logits", x)
    expect_reduction("cross_entropy", reduction, math.prod(x.shape[:-1]))
    data = bind(_NORMALIZED, (x,)) if type(x) is Tracer else _normalized(x)
    return _cross_entropy_of(x, data, labels, reduction=reduction, smoothing=float(label_smoothing))


# --- negative log likelihood --------------------------------------------------------------------------


def _likelihood(x: Any, labels: Any, reduction: str) -> Any:
    chosen = x.reshape((-1, x.shape[-1]))[rows_of(labels)].reshape(labels.shape)
    return reduced(-chosen, reduction)


def _likelihood_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, labels = operands
    rows, flat = rows_of(np.asarray(labels))
    take = Take((rows * x.shape[-1] + flat).reshape(labels.shape), x.shape)
    if static["reduction"] == "none":
        return [(parents[0], Scale(-1.0, y.shape, y.shape) @ take)]
    factor = -scale_of(static["reduction"], labels.size)
    return [(parents[0], Reduce(factor, tuple(range(labels.ndim)), labels.shape, y.shape) @ take)]


_likelihood_of = operation("negative_log_likelihood", _likelihood, _likelihood_blocks, (frozenset({1}),))


def negative_log_likelihood(log_probabilities: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """``−log_probabilities[label]`` of each example.

    Parameters
    ----------
    log_probabilities : array (..., classes)
    labels : array (...) of int
    reduction : "mean", "sum" or "none"
        The mean goes over the examples.

    Returns
    -------
    scalar; with ``reduction="none"`` an array (...)

    Notes
    -----
    One constraint; its block is a gather of one entry for each example and a sum: one nonzero for each example.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> logits, labels = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([0, 0])
    >>> print(functional.negative_log_likelihood(functional.log_softmax(logits), labels).round(6))
    0.720095
    >>> print(functional.cross_entropy(logits, labels).round(6))
    0.720095
    """
    x, labels = as_array(log_probabilities), as_labels(labels)
    if not x.ndim:
        refuse("negative_log_likelihood", "expected log_probabilities (..., classes), got a number")
    expect_labels("negative_log_likelihood", labels, "log_probabilities", x)
    expect_reduction("negative_log_likelihood", reduction, labels.size)
    return _likelihood_of(x, labels, reduction=reduction)


# --- hinge --------------------------------------------------------------------------------------------


def _excess(x: Any, labels: Any, margin: float) -> tuple[Any, Any]:
    """``margin − x[label] + x`` as a matrix with zeros at the labels, and the index of these."""
    rows = x.reshape((-1, x.shape[-1]))
    own = rows_of(labels)
    excess = rows + (margin - rows[own])[:, None]
    excess[own] = 0
    return excess, own


def _multiclass(x: Any, labels: Any, reduction: str, margin: float) -> Any:
    excess, _ = _excess(x, labels, margin)
    return reduced(np.maximum(excess, 0, out=excess).sum(1).reshape(labels.shape), reduction)


def _multiclass_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, violations, labels = operands
    d = violations * x.dtype.type(scale_of(static["reduction"], labels.size))
    return [(parents[0], partials_block(d, y, x.ndim - 1))]


def _violations(x: Any, labels: Any, margin: float) -> Any:
    """1 where another class comes too near, and at the label minus their number."""
    excess, own = _excess(x, labels, margin)
    d = (excess > 0).astype(x.dtype)
    d[own] = -d.sum(1)
    return d.reshape(x.shape)


_VIOLATIONS = Primitive("violations", _violations, no_blocks, discrete=True, reads=SHAPES_ONLY)
_binary_hinge = pairwise(
    "hinge",
    lambda a, b, margin: np.maximum(margin - a * b, 0),
    lambda a, b, margin: -b * (margin - a * b > 0),
    lambda a, b, margin: -a * (margin - a * b > 0),
    (frozenset({0, 1}),),
)
_multiclass_hinge = operation(
    "hinge",
    lambda x, violations, labels, reduction, margin: _multiclass(x, labels, reduction, margin),
    _multiclass_blocks,
    (frozenset({1}),),
)


def hinge(scores: Any, labels: Any, *, margin: float = 1.0, reduction: str = "mean") -> Any:
    """Hinge loss of a support vector machine, for two classes or more.

    Parameters
    ----------
    scores : array (...) for two classes, (..., classes) for more
    labels : array (...) of −1 and 1, or array (...) of int
        Of the shape of the scores: signs, and the loss is ``max(0, margin − label · score)``. With one axis fewer:
        classes, and the loss of an example is ``Σ max(0, margin − scores[label] + scores[j])`` over all ``j ≠ label``.
    margin : float
    reduction : "mean", "sum" or "none"
        The mean goes over the examples; the terms of one example are summed.

    Returns
    -------
    scalar; with ``reduction="none"`` an array (...)

    Notes
    -----
    One constraint; its block is a contraction with the partials, which are ``−label``, or 1 for each class that comes
    too near and minus their number at the label; 0 where the margin is just reached.

    References
    ----------
    J. Weston and C. Watkins, *Support vector machines for multi-class pattern recognition*, ESANN 1999.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.hinge(np.array([0.5, -2.0]), np.array([1, -1])))
    0.25
    >>> print(functional.hinge(np.array([[3.2, 5.1, -1.7]]), np.array([0])).round(6))
    2.9
    """
    x, labels = as_array(scores), as_labels(labels)
    if labels.shape == x.shape:
        labels = as_array(labels)
        if type(labels) is not Tracer and not (np.abs(labels) == 1).all():
            found = labels[np.abs(labels) != 1].ravel()[0]
            refuse("hinge", f"labels of the shape of the scores {x.shape} must be −1 or 1, but {found:g} is among them")
        expect_reduction("hinge", reduction, x.size)
        return _binary_hinge(x, labels, reduction=reduction, margin=margin)
    if not x.ndim:
        refuse("hinge", f"expected labels of the shape of scores (), got {labels.shape}")
    expect_labels("hinge", labels, "scores", x)
    expect_reduction("hinge", reduction, labels.size)
    static = {"margin": margin}
    near = bind(_VIOLATIONS, (x, labels), static) if type(x) is Tracer else None
    return _multiclass_hinge(x, near, labels, reduction=reduction, margin=margin)
