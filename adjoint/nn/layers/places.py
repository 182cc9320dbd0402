"""Where in a model one is: the path of the layer that runs, for names in the matrix, errors and summaries.

A composite layer hands each of its parts to :func:`run` under a name. The path of a part is its name after the
names of all that it is in: ``"block1/body/conv2"`` has its parameters at ``["block1"]["body"]["conv2"]``.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adjoint.errors import AdjointError, ArgumentError
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree
from adjoint.tracing import Trace, Tracer
from adjoint.tracing import name as name_node


@dataclass(frozen=True, slots=True)
class Visit:
    """One call of a layer while a trace was recorded: its nodes are ``first ≤ k < last``, counted from 0."""

    path: str
    layer: Layer
    first: int
    last: int
    output_shape: Shape


@dataclass(frozen=True, slots=True)
class Visits:
    """Collects the calls of all layers in one trace, in the order in which they end."""

    trace: Trace
    found: list[Visit] = field(default_factory=list)


_place: ContextVar[tuple[str, Visits | None]] = ContextVar("adjoint.nn.place", default=("", None))


def run(
    name: str,
    layer: Layer,
    parameters: Tree,
    x: Any,
    *,
    state: Tree,
    training: bool,
    rng: np.random.Generator | None,
    **options: Any,
) -> tuple[Any, Tree]:
    """Apply a part of a composite layer, and call its output by its path.

    A node keeps the first name that it gets: where a model's output is that of its last layer, it has the name of the
    layer. An error says which layer of the model it comes from.

    Parameters
    ----------
    name : str
        Of the part: its key in the parameters and the state.
    layer : Layer
    parameters, state : dict
        Of the composite layer.
    x, training, rng, **options
        As of :meth:`Layer.apply`.
    """
    above, visits = _place.get()
    path = f"{above}/{name}" if above else name
    first = 0 if visits is None else len(visits.trace)
    token = _place.set((path, visits))
    try:
        y, new = layer.apply(
            parameters.get(name, _EMPTY), x, state=state.get(name, _EMPTY), training=training, rng=rng, **options
        )
    except Exception as error:
        _locate(error, path, layer)
        raise
    finally:
        _place.reset(token)
    if type(y) is Tracer:
        _label(y, x, path)
    if visits is not None:
        visits.found.append(Visit(path, layer, first, len(visits.trace), tuple(y.shape[1:])))
    return y, new


_EMPTY: Tree = {}


def _label(y: Tracer, x: Any, path: str) -> None:
    if type(x) is Tracer and x._index == y._index and x._trace is y._trace:
        return  # dropout at rest and the like: the value is that of another layer
    if (y._index if y._index >= 0 else -2 - y._index) not in y._trace.names:
        name_node(y, path)


def initialized(name: str, layer: Layer, rng: np.random.Generator, shape: Shape, dtype: Any) -> Initial:
    """As a part of a composite layer initializes itself; an error says which layer of the model it is."""
    above, visits = _place.get()
    path = f"{above}/{name}" if above else name
    token = _place.set((path, visits))
    try:
        return layer.initialize(rng, shape, dtype)
    except Exception as error:
        _locate(error, path, layer)
        raise
    finally:
        _place.reset(token)


def _locate(error: Exception, path: str, layer: Layer) -> None:
    """Put the layer before the message of one of our errors, below that of others; once, in the innermost layer."""
    if isinstance(error, AdjointError):
        if error.args and not str(error.args[0]).startswith("layer '"):
            shown = str(layer)
            what = shown if len(shown) < 80 else type(layer).__name__
            error.args = (f"layer '{path}' ({what}): {error.args[0]}",)
    elif not any(note.startswith("layer '") for note in getattr(error, "__notes__", ())):
        error.add_note(f"layer '{path}': {type(layer).__name__}")


def with_visits(layer: Layer, visits: Visits, parameters: Tree, x: Any, **options: Any) -> tuple[Any, Tree]:
    """Apply a model, and collect the calls of its layers."""
    token = _place.set(("", visits))
    try:
        return layer.apply(parameters, x, **options)
    finally:
        _place.reset(token)


def expect_parts(layer: Layer, names: tuple[str, ...], parameters: Any) -> None:
    """Refuse parameters that are not a dict by the names of the parts."""
    if type(parameters) is not dict:
        hint = "; pass its .parameters" if isinstance(parameters, Initial) else ""
        raise ArgumentError(
            f"{type(layer).__name__} needs a dict of parameters by the names of its layers, not a "
            f"{type(parameters).__name__}{hint}"
        )
    if not parameters.keys() <= set(names):
        extra = ", ".join(repr(key) for key in parameters if key not in names)
        raise ArgumentError(
            f"{type(layer).__name__} has no layer for the parameters {extra}; its layers are {', '.join(names)}"
        )
