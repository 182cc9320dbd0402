"""Numbers to watch beside the objective: functions ``(prediction, target) → mean over the examples``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.training.named import lookup

Metric = Callable[..., Any]


def accuracy(prediction: Any, target: Any) -> float:
    """How many predictions are right.

    Parameters
    ----------
    prediction : array (..., classes), or of the shape of ``target``
        Logits or probabilities of classes, of which the largest counts; or logits of the one class, which is
        predicted where they are positive.
    target : int array (...), or array like ``prediction``
        Labels, or probabilities of classes (of which the largest counts); 0 and 1 for the logits of one class. Several
        right classes for one example need a metric of your own.

    Examples
    --------
    >>> from adjoint.nn import accuracy
    >>> accuracy([[2.0, 1.0], [0.0, 3.0]], [0, 0])
    0.5
    >>> accuracy([-1.0, 2.0], [0, 1])
    1.0
    """
    prediction, target = np.asarray(prediction), np.asarray(target)
    if prediction.ndim == target.ndim + 1:
        hits = prediction.argmax(-1) == target
    elif prediction.shape != target.shape:
        raise ArgumentError(
            f"accuracy takes logits (…, classes) and labels (…), not {prediction.shape}, {target.shape}"
        )
    elif prediction.ndim > 1 and prediction.shape[-1] > 1:
        hits = prediction.argmax(-1) == target.argmax(-1)
    else:
        hits = (prediction > 0) == (target > 0.5)
    return float(np.mean(hits))


def top_k(k: int) -> Metric:
    """The metric: how often the label is among the ``k`` classes of the largest logits.

    Examples
    --------
    >>> from adjoint.nn import top_k
    >>> top_k(2)([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]], [1, 2])
    0.5
    """

    def top(prediction: Any, target: Any) -> float:
        logits, labels = np.asarray(prediction), np.asarray(target)
        if logits.ndim != labels.ndim + 1 or not 1 <= k <= logits.shape[-1]:
            raise ArgumentError(f"top_{k} takes logits (…, {k} classes or more) and labels (…), not {logits.shape}")
        best = np.argpartition(logits, -k, axis=-1)[..., -k:]
        return float(np.mean((best == labels[..., None]).any(-1)))

    top.__name__ = f"top_{k}"
    return top


def mean_absolute_error(prediction: Any, target: Any) -> float:
    """The mean of ``|prediction − target|``."""
    return float(np.mean(np.abs(np.asarray(prediction) - np.asarray(target))))


METRICS: dict[str, Metric] = {
    "accuracy": accuracy,
    "mean_absolute_error": mean_absolute_error,
    "top_3": top_k(3),
    "top_5": top_k(5),
}


def metrics_of(metrics: Any) -> dict[str, Metric]:
    """Metrics by name, as given: a mapping, names, functions, or one of these."""
    if metrics is None:
        return {}
    if isinstance(metrics, Mapping):
        found = {str(name): _metric(each) for name, each in metrics.items()}
    else:
        several = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        found = {
            each if isinstance(each, str) else getattr(each, "__name__", str(each)): _metric(each) for each in several
        }
    for name in found:
        if name in RESERVED or name.startswith("validation_"):
            raise ArgumentError(f"a metric cannot be named {name!r}: that is a column of the history already")
    return found


RESERVED = ("epoch", "loss", "learning_rate", "gradient_norm", "seconds")


def _metric(metric: Any) -> Metric:
    found: Metric = metric if callable(metric) else lookup("metric", metric, METRICS)
    return found
