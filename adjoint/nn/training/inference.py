"""A trained model at work: its answers to many examples, and how good they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.trees import leaves_of, map_leaves
from adjoint.nn.training.batches import Batches, batches_of
from adjoint.nn.training.metrics import Metric, metrics_of
from adjoint.nn.training.programs import Program, program_of

Tree = Any


def evaluate(
    model: Any,
    parameters: Tree,
    data: Any,
    objective: Any = None,
    metrics: Any = None,
    *,
    batch_size: int | None = 256,
    state: Tree = None,
) -> dict[str, float]:
    """Objective and metrics on data, without training: nothing is drawn, and no state changes.

    Parameters
    ----------
    model, objective, metrics, data
        As in :func:`fit`; without an objective there is no ``"loss"`` in the answer.
    parameters : pytree
    batch_size : int or None
        Examples at a time; ``None`` takes all at once.
    state : pytree, optional
        Of models that have one: :attr:`Fit.state`.

    Returns
    -------
    dict
        ``"loss"`` and each metric: the mean over batches, weighted with their examples.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> data = np.eye(3), np.array([0, 1, 1])
    >>> nn.evaluate(lambda p, x: x @ p, np.eye(3), data, metrics="accuracy", batch_size=2)
    {'accuracy': 0.6666666666666666}
    """
    program = program_of(model, _nothing if objective is None and model is not None else objective)
    batches = batches_of(data, batch_size, dtype=dtype_of(parameters), clip=True)
    found = averages(program, metrics_of(metrics), batches, parameters, {} if state is None else state)
    if program.objective is _nothing:
        del found["loss"]
    return found


def predict(model: Any, parameters: Tree, x: Any, *, batch_size: int | None = 256, state: Tree = None) -> Any:
    """The model's answers to all examples, batch by batch.

    Parameters
    ----------
    model : Layer or callable
    parameters : pytree
    x : array (examples, …)
    batch_size : int or None
    state : pytree, optional

    Returns
    -------
    array (examples, …), or a pytree of such as the model returns it

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.predict(lambda p, x: x * p["scale"], {"scale": 2.0}, np.arange(3.0), batch_size=2)
    array([0., 2., 4.])
    """
    program = program_of(model, _nothing)
    before = {} if state is None else state
    parts = [
        program.predict(parameters, batch[0], before, False, None)[0]
        for batch in batches_of((x,), batch_size, dtype=dtype_of(parameters), clip=True, what="x").of_epoch(0)
    ]
    return map_leaves(lambda *each: np.concatenate(each), parts[0], *parts[1:])


def averages(
    program: Program, metrics: Mapping[str, Metric], batches: Batches, parameters: Tree, state: Tree
) -> dict[str, float]:
    """Loss and metrics, each the mean over batches weighted with their examples."""
    totals = dict.fromkeys(("loss", *metrics), 0.0)
    examples = 0
    for batch in batches.of_epoch(0):
        loss, prediction, _ = program(parameters, batch, state, False, None)
        size = len(batch[0])
        examples += size
        totals["loss"] += size * float(loss)
        for name, metric in metrics.items():
            totals[name] += size * program.measure(metric, parameters, prediction, batch)
    if not examples:
        raise ArgumentError(
            "the data to evaluate on have no examples; a factory is called for each evaluation, and has to give new "
            "batches each time"
        )
    return {name: total / examples for name, total in totals.items()}


def dtype_of(parameters: Tree) -> Any:
    """The dtype in which a model with these parameters computes; ``None`` if it has no real ones."""
    kinds = {np.asarray(x).dtype for x in leaves_of(parameters)}
    real = [kind for kind in kinds if kind.kind == "f"]
    return np.result_type(*real) if real else None


def _nothing(*args: Any) -> float:
    return 0.0
