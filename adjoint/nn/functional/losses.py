"""Losses that compare two arrays of one shape, entry by entry or row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.nn.functional._losses import pair, pairwise
from adjoint.nn.functional._operations import refuse
from adjoint.nn.functional.activations import sigmoid

_BOTH = (frozenset({0, 1}),)


def _logits_value(x: Any, t: Any) -> Any:
    return np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


def _probability_value(p: Any, t: Any) -> Any:
    """``−t log p − (1 − t) log(1 − p)``, where 0 · log 0 is 0."""
    return -(t * _log_or_zero(p, t) + (1 - t) * _log_or_zero(1 - p, 1 - t))


def _log_or_zero(p: Any, weight: Any) -> Any:
    return np.log(np.where(weight == 0, p.dtype.type(1), p))


def _probability_slope(p: Any, t: Any) -> Any:
    one = p.dtype.type(1)
    return (1 - t) / np.where(t == 1, one, 1 - p) - t / np.where(t == 0, one, p)


def _divergence_value(q: Any, p: Any) -> Any:
    return (p * (_log_or_zero(p, p) - q)).sum(-1)


_squared = pairwise(
    "mean_squared_error",
    lambda a, b: np.square(a - b),
    lambda a, b: 2 * (a - b),
    lambda a, b: 2 * (b - a),
    _BOTH,
)
_absolute = pairwise(
    "mean_absolute_error",
    lambda a, b: np.abs(a - b),
    lambda a, b: np.sign(a - b),
    lambda a, b: np.sign(b - a),
    _BOTH,
)


def _huber_value(a: Any, b: Any, delta: float) -> Any:
    r = np.abs(a - b)
    inner = np.minimum(r, delta)
    return inner * (r - 0.5 * inner)


_huber = pairwise(
    "huber",
    _huber_value,
    lambda a, b, delta: np.clip(a - b, -delta, delta),
    lambda a, b, delta: np.clip(b - a, -delta, delta),
    _BOTH,
)
_binary = pairwise(
    "binary_cross_entropy",
    _probability_value,
    _probability_slope,
    lambda p, t: np.log1p(-p) - np.log(p),
    (frozenset({0, 1}), frozenset({0})),
)
_binary_with_logits = pairwise(
    "binary_cross_entropy_with_logits",
    _logits_value,
    lambda x, t: sigmoid(x) - t,
    lambda x, t: -x,
    (frozenset({0, 1}), frozenset({0})),
)
_divergence = pairwise(
    "kl_divergence",
    _divergence_value,
    lambda q, p: -p,
    lambda q, p: _log_or_zero(p, p) + 1 - q,
    (frozenset({1}), frozenset({0, 1})),
    over_last_axis=True,
)

# --- what users call ----------------------------------------------------------------------------------


def mean_squared_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """``(prediction − target)²``.

    Parameters
    ----------
    prediction, target : arrays of one shape
        Either may be traced. Nothing is broadcast: ``(n,)`` and ``(n, 1)`` are refused.
    reduction : "mean", "sum" or "none"
        The mean goes over all entries, those of one example too.

    Returns
    -------
    scalar; with ``reduction="none"`` an array of the shape of ``prediction``

    Notes
    -----
    One constraint; its block is a contraction with ``2 (prediction − target) / entries``: one nonzero for each entry.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.mean_squared_error(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
    2.5
    """
    a, b = pair("mean_squared_error", ("prediction", "target"), prediction, target, reduction)
    return _squared(a, b, reduction=reduction)


def mean_absolute_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    """``|prediction − target|``; its slope is 0 where they are equal.

    Parameters
    ----------
    prediction, target, reduction
        As of :func:`mean_squared_error`.

    Returns
    -------
    scalar; with ``reduction="none"`` an array of the shape of ``prediction``

    Notes
    -----
    One constraint; its block is a contraction with ``sign(prediction − target) / entries``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.mean_absolute_error(np.array([1.0, 2.0]), np.array([0.0, 4.0])))
    1.5
    """
    a, b = pair("mean_absolute_error", ("prediction", "target"), prediction, target, reduction)
    return _absolute(a, b, reduction=reduction)


def huber(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    """``r² / 2`` where ``r = |prediction − target|`` is at most ``delta``, else ``delta (r − delta / 2)``.

    Parameters
    ----------
    prediction, target, reduction
        As of :func:`mean_squared_error`.
    delta : float
        Positive.

    Returns
    -------
    scalar; with ``reduction="none"`` an array of the shape of ``prediction``

    Notes
    -----
    One constraint; its block is a contraction with ``prediction − target``, clipped to ``±delta``, over the entries.

    References
    ----------
    P. J. Huber, *Robust estimation of a location parameter*, Annals of Mathematical Statistics 35 (1964), 73–101.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.huber(np.array([1.0, 2.0]), np.array([0.5, 5.0]), reduction="none"))
    [0.125 2.5  ]
    """
    a, b = pair("huber", ("prediction", "target"), prediction, target, reduction)
    if not delta > 0:
        refuse("huber", f"delta must be positive, got {delta!r}")
    return _huber(a, b, reduction=reduction, delta=float(delta))


def binary_cross_entropy(probabilities: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """``−t log p − (1 − t) log(1 − p)`` for labels ``t`` and probabilities ``p``.

    Parameters
    ----------
    probabilities : array
        Between 0 and 1. Where a label has the probability 0 the loss is infinite;
        :func:`binary_cross_entropy_with_logits` has no such place.
    labels : array of the same shape
        0, 1 or anything between; may be traced.
    reduction : "mean", "sum" or "none"
        The mean goes over all entries.

    Returns
    -------
    scalar; with ``reduction="none"`` an array of the shape of ``probabilities``

    Notes
    -----
    One constraint; its block is a contraction with ``((1 − t) / (1 − p) − t / p) / entries``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.binary_cross_entropy(np.array([0.5, 0.0]), np.array([1, 0])).round(6))
    0.346574
    """
    p, t = pair("binary_cross_entropy", ("probabilities", "labels"), probabilities, labels, reduction)
    return _binary(p, t, reduction=reduction)


def binary_cross_entropy_with_logits(logits: Any, labels: Any, *, reduction: str = "mean") -> Any:
    """``log(1 + exp(x)) − t x``: :func:`binary_cross_entropy` of ``sigmoid(x)``, without a logarithm of 0.

    Parameters
    ----------
    logits : array
    labels : array of the same shape
        0, 1 or anything between; may be traced.
    reduction : "mean", "sum" or "none"
        The mean goes over all entries.

    Returns
    -------
    scalar; with ``reduction="none"`` an array of the shape of ``logits``

    Notes
    -----
    One constraint; its block is a contraction with ``(σ(x) − t) / entries``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.binary_cross_entropy_with_logits(np.array([0.0, -1e4]), np.array([1, 1])).round(4))
    5000.3466
    """
    x, t = pair("binary_cross_entropy_with_logits", ("logits", "labels"), logits, labels, reduction)
    return _binary_with_logits(x, t, reduction=reduction)


def kl_divergence(log_q: Any, p: Any, *, reduction: str = "mean") -> Any:
    """Kullback–Leibler divergence ``Σ p (log p − log q)`` of each row.

    Parameters
    ----------
    log_q : array (..., classes)
        Logarithms of the approximating probabilities, as :func:`log_softmax` gives them.
    p : array (..., classes)
        Probabilities, may be traced; 0 · log 0 is 0.
    reduction : "mean", "sum" or "none"
        Classes are summed; the mean goes over all other axes (``reduction="batchmean"`` of other libraries).

    Returns
    -------
    scalar; with ``reduction="none"`` an array (...)

    Notes
    -----
    One constraint; its block to ``log_q`` is a contraction with ``−p / rows``, that to ``p`` with
    ``(log p + 1 − log q) / rows``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> p = np.array([[0.25, 0.75], [0.0, 1.0]])
    >>> print(functional.kl_divergence(np.log([[0.25, 0.75], [0.5, 0.5]]), p, reduction="none").round(6))
    [0.       0.693147]
    """
    log_q, p = pair("kl_divergence", ("log_q", "p"), log_q, p, reduction, lost=1)
    return _divergence(log_q, p, reduction=reduction)
