"""What a layer is: hyperparameters, and pure functions of parameters that stand outside of it.

A layer holds no arrays. :meth:`Layer.initialize` makes its parameters (a dict of arrays), its state (what is not
trained: running statistics; mostly empty) and the shape of what it returns; :meth:`Layer.apply` is the function. A
model is a layer made of layers, its parameters a dict of their dicts, so ``parameters["conv1"]["weight"]`` and the row
``parameters['conv1']['weight']`` of the constraint matrix are the same thing.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn import initializers
from adjoint.nn.initializers import Initializer

Shape = tuple[int, ...]
Tree = dict[str, Any]
"""Parameters or state: arrays by name, or such dicts by the name of the layer."""


class Initial(NamedTuple):
    """What a layer begins with.

    Attributes
    ----------
    parameters, state : dict
    output_shape : tuple of int
        Of one example: without the batch axis.
    """

    parameters: Tree
    state: Tree
    output_shape: Shape


class Layer(ABC):
    """The interface of layers and models: frozen dataclasses of their hyperparameters.

    Shapes are those of one example; every array has the batch as its first axis.
    """

    __slots__ = ()

    @abstractmethod
    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        """Parameters, state, and the shape of one output.

        Parameters
        ----------
        rng : numpy.random.Generator
            Draws the parameters.
        input_shape : tuple of int
            Of one example.
        dtype : dtype
            Of all parameters.

        Raises
        ------
        ArgumentError
            If the layer does not take inputs of this shape.
        """

    @abstractmethod
    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        """``y`` and the new state.

        Parameters
        ----------
        parameters, state : dict
            As :meth:`initialize` made them, or trained since. Neither is changed.
        x : array (batch, *input_shape)
        training : bool
            Whether dropout draws and batch norm takes the statistics of this batch.
        rng : numpy.random.Generator or None
            Where dropout draws from.
        """

    @property
    def takes_integers(self) -> bool:
        """Whether the input is an array of integers: tokens."""
        return False

    def __call__(self, parameters: Tree, x: Any, state: Tree | None = None) -> Any:
        """The layer as a function, for use after training: nothing is drawn, and no state changes.

        Parameters
        ----------
        parameters : dict
        x : array (batch, *input_shape)
        state : dict, optional
            Needed by layers that have one: batch norm.
        """
        return self.apply(parameters, x, state={} if state is None else state, training=False, rng=None)[0]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(_arguments(self))})"


def _arguments(layer: Any) -> list[str]:
    """The arguments that make the layer, those at their defaults left out."""
    shown: list[str] = []
    for field in dataclasses.fields(layer) if dataclasses.is_dataclass(layer) else ():
        value = getattr(layer, field.name)
        if field.name == "parts":
            shown += [f"{name}={part!r}" for name, part in zip(layer.names, value, strict=True)]
        elif field.name == "names":
            continue
        elif field.default is dataclasses.MISSING and field.init:
            shown.append(_word(value))
        elif field.init and value != field.default:
            shown.append(f"{field.name}={_word(value)}")
    return shown


def _word(value: Any) -> str:
    return getattr(value, "__name__", repr(value)) if callable(value) and not isinstance(value, Layer) else repr(value)


# --- for those who write layers -----------------------------------------------------------------------


def refuse_shape(layer: Layer, expected: str, given: Shape) -> ArgumentError:
    """The error for an input of a shape that a layer does not take."""
    return ArgumentError(f"{layer} takes examples of shape {expected}, not {tuple(given)}")


def expect_axes(layer: Layer, axes: str, given: Shape) -> Shape:
    """The shape of an example, checked to have the axes ``"(channels, height, width)"``."""
    if len(given) != axes.strip("()").rstrip(",").count(",") + 1:
        raise refuse_shape(layer, axes, given)
    return tuple(given)


def at_least_one(layer: Layer, **counts: Any) -> None:
    """Refuse sizes that are no integers from 1."""
    for what, count in counts.items():
        if not isinstance(count, (int, np.integer)) or isinstance(count, bool) or count < 1:
            raise ArgumentError(f"{type(layer).__name__}: {what} must be an integer of at least 1, not {count!r}")


def drawn(
    initializer: str | Initializer, rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int, dtype: Any
) -> np.ndarray:
    """A parameter in the dtype of the model, from an initializer or its name."""
    array = np.asarray(initializers.get(initializer)(rng, shape, fan_in, fan_out), dtype)
    if array.shape != shape:
        raise ArgumentError(f"the initializer {_word(initializer)} gave the shape {array.shape} instead of {shape}")
    return array


def output_shape(function: Callable[..., Any], *shapes: Sequence[int]) -> Shape:
    """The shape of one output of a functional: it is asked with an empty batch, and weights that take no memory."""
    arrays = [np.broadcast_to(np.zeros((), np.float32), tuple(shape)) for shape in shapes]
    with np.errstate(all="ignore"):
        return tuple(function(*arrays).shape[1:])


def parameter(layer: Layer, parameters: Tree, key: str) -> Any:
    """One parameter of a layer, which has to be there."""
    try:
        return parameters[key]
    except (KeyError, TypeError, IndexError):
        raise missing(layer, "parameter", parameters, key) from None


def missing(layer: Layer, what: str, given: Any, key: str) -> ArgumentError:
    """The error for a dict of parameters or state without one that the layer needs."""
    if not isinstance(given, dict):
        return ArgumentError(f"{layer} needs a dict of its {what}s by name ({key!r}, …), not a {type(given).__name__}")
    there = ", ".join(map(repr, given)) or "none"
    return ArgumentError(f"{layer} needs the {what} {key!r}, which is missing; given are: {there}")
