"""A model and an objective as one function of the parameters: what a step differentiates."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn import functional
from adjoint.nn.layers.layer import Layer
from adjoint.nn.training.batches import Batch
from adjoint.nn.training.metrics import Metric
from adjoint.nn.training.named import lookup
from adjoint.tracing.display import function_name

Tree = Any

OBJECTIVES: dict[str, Callable[..., Any]] = {
    name: getattr(functional, name)
    for name in (
        "binary_cross_entropy",
        "binary_cross_entropy_with_logits",
        "cross_entropy",
        "hinge",
        "huber",
        "kl_divergence",
        "mean_absolute_error",
        "mean_squared_error",
        "negative_log_likelihood",
    )
}
"""Objectives by name: the losses of :mod:`adjoint.nn.functional`."""

KEYWORDS = ("state", "training", "rng")


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """How loss, prediction and new state follow from parameters, state and a batch.

    Attributes
    ----------
    model : Layer, callable or None
    objective : callable
    accepts : tuple of str
        Which of ``state``, ``training`` and ``rng`` the function takes, that of the model or else the objective.
    """

    model: Any
    objective: Callable[..., Any]
    accepts: tuple[str, ...]

    def predict(
        self, parameters: Tree, x: Any, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        """The model's answer and the new state."""
        if isinstance(self.model, Layer):
            return self.model.apply(parameters, x, state=state, training=training, rng=rng)
        return self._call(self.model, (parameters, x), state, training, rng)

    def __call__(
        self, parameters: Tree, batch: Batch, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Any, Tree]:
        """``(loss, prediction, new state)``; without a model there is no prediction."""
        if self.model is None:
            loss, state = self._call(self.objective, (parameters, *batch), state, training, rng)
            return loss, None, state
        prediction, state = self.predict(parameters, batch[0], state, training, rng)
        return self.objective(prediction, *batch[1:]), prediction, state

    def measure(self, metric: Metric, parameters: Tree, prediction: Any, batch: Batch) -> float:
        """One metric: of prediction and targets, or without a model of parameters and batch."""
        return float(metric(parameters, *batch) if self.model is None else metric(prediction, *batch[1:]))

    def _call(
        self, function: Callable[..., Any], args: tuple[Any, ...], state: Tree, training: bool, rng: Any
    ) -> tuple[Any, Tree]:
        if not self.accepts:
            return function(*args), state
        given = {"state": state, "training": training, "rng": rng}
        answer = function(*args, **{name: given[name] for name in self.accepts})
        if "state" not in self.accepts:
            return answer, state
        if not (isinstance(answer, tuple) and len(answer) == 2):
            raise ArgumentError(f"{function_name(function)} takes a state, so it has to return (result, new state)")
        return answer

    def description(self) -> str:
        """The same text for the same program in another process, as far as a text can tell."""
        what = self.objective if self.model is None else self.model
        text = repr(what) if isinstance(what, Layer) else function_name(what)
        return re.sub(r" at 0x[0-9a-fA-F]+", "", text)


def program_of(model: Any, objective: Any) -> Program:
    """Model and objective as the user gave them, checked."""
    if not callable(objective):
        objective = lookup("objective", objective, OBJECTIVES)
    if model is None:
        return Program(None, objective, _accepted(objective))
    if isinstance(model, Layer):
        return Program(model, objective, KEYWORDS)
    if not callable(model):
        raise ArgumentError(
            f"model is a layer, a function of parameters and inputs, or None for an objective of parameters and batch, "
            f"not {type(model).__name__}"
        )
    return Program(model, objective, _accepted(model))


def _accepted(function: Callable[..., Any]) -> tuple[str, ...]:
    """Which keywords a function declares; one with ``**kwargs`` gets none that it does not name."""
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-ins have no signature
        return ()
    by_name = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first = list(parameters)[:1]  # the parameters themselves, whatever they are called
    return tuple(
        name for name in KEYWORDS if name in parameters and name not in first and parameters[name].kind in by_name
    )
