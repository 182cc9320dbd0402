"""Layers made of layers: one after the other, side by side, around, and each with all before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree
from adjoint.nn.layers.places import expect_parts, initialized, run
from adjoint.nn.layers.simple import Activation, as_layer

Part = Layer | Callable[..., Any] | str | tuple[str, Any]
"""A layer; a function of one array; the name of an activation; or a pair of a name and one of these."""


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Sequential(Layer):
    """Layers one after the other: ``y = f_n(… f_2(f_1(x)))``.

    Parameters
    ----------
    *parts : Layer, callable, str, or (name, part)
        A name is where the parameters are found, and the label of the row in the matrix. Layers without one are
        called by their kind and number: ``"linear1"``, ``"conv2d2"``.

    Notes
    -----
    Parameters and state: dicts by the name of the layer; those without any have no entry. The blocks of each layer
    stand in the columns right of the one before, and nothing skips a layer::

        x    ╲             A[x, y₁] = ∂f₁/∂x
        y₁     ╲           A[y₁, y₂] = ∂f₂/∂y₁
        y₂       ╲

    The output of each layer is named by its path, ``"block1/conv2"`` for the layer ``conv2`` of a model ``block1`` in
    this one, and so are the rows of the matrix, ``multipliers["block1/conv2"]`` and errors.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint import nn
    >>> model = nn.Sequential(nn.Linear(8), "tanh", ("logits", nn.Linear(3)))
    >>> parameters, state, shape = model.initialize(np.random.default_rng(0), (4,))
    >>> {name: sorted(each) for name, each in parameters.items()}
    {'linear1': ['bias', 'weight'], 'logits': ['bias', 'weight']}
    >>> model(parameters, np.ones((5, 4), np.float32)).shape
    (5, 3)
    >>> trace = adjoint.trace(lambda parameters: model(parameters, np.ones((5, 4), np.float32)), parameters)
    >>> list(trace.labels().values())[2:]
    ["parameters['logits']['bias']", "parameters['logits']['weight']", 'linear1', 'tanh1', 'logits']
    """

    names: tuple[str, ...]
    parts: tuple[Layer, ...]

    def __init__(self, *parts: Part) -> None:
        _set_parts(self, *named(parts))

    @property
    def takes_integers(self) -> bool:
        return bool(self.parts) and self.parts[0].takes_integers

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        parameters: Tree = {}
        state: Tree = {}
        shape = tuple(input_shape)
        for name, part in zip(self.names, self.parts, strict=True):
            shape = add(parameters, state, name, initialized(name, part, rng, shape, dtype))
        return Initial(parameters, state, shape)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        expect_parts(self, self.names, parameters)
        after: Tree = {}
        for name, part in zip(self.names, self.parts, strict=True):
            x, new = run(name, part, parameters, x, state=state, training=training, rng=rng)
            if new:
                after[name] = new
        return x, after


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Residual(Layer):
    """A layer and a way around it: ``y = body(x) + shortcut(x)``.

    Parameters
    ----------
    layer : Layer, callable or str
    shortcut : Layer, callable or str, optional
        By default ``x`` itself.

    Notes
    -----
    Parameters and state: dicts with the entries ``"body"`` and ``"shortcut"``, where they have any. A sum with an
    identity block for each term, so the multiplier of the output reaches ``x`` unchanged, beside what comes through the
    body::

        x      ╲ · I        A[x, y] = I
        …        ╲ ·
        body       I        A[body, y] = I

    References
    ----------
    K. He, X. Zhang, S. Ren and J. Sun, *Deep residual learning for image recognition*, CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> block = nn.Residual(nn.Sequential(nn.Conv2d(4, 3, padding="same"), "relu"), nn.Conv2d(4, 1))
    >>> parameters, _, shape = block.initialize(np.random.default_rng(0), (3, 8, 8))
    >>> sorted(parameters), shape
    (['body', 'shortcut'], (4, 8, 8))
    """

    names: tuple[str, ...]
    parts: tuple[Layer, ...]

    def __init__(self, layer: Part, shortcut: Part | None = None) -> None:
        parts = [("body", layer)] if shortcut is None else [("body", layer), ("shortcut", shortcut)]
        _set_parts(self, *named(parts))

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        parameters: Tree = {}
        state: Tree = {}
        shapes = [
            add(parameters, state, name, initialized(name, part, rng, tuple(input_shape), dtype))
            for name, part in zip(self.names, self.parts, strict=True)
        ]
        around = shapes[1] if len(shapes) > 1 else tuple(input_shape)
        if shapes[0] != around:
            what = "its shortcut" if len(shapes) > 1 else "its input (it has no shortcut)"
            raise ArgumentError(f"Residual adds what has one shape, but its body gives {shapes[0]} and {what} {around}")
        return Initial(parameters, state, around)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        expect_parts(self, self.names, parameters)
        after: Tree = {}
        terms = []
        for name, part in zip(self.names, self.parts, strict=True):
            y, new = run(name, part, parameters, x, state=state, training=training, rng=rng)
            terms.append(y)
            if new:
                after[name] = new
        around = terms[1] if len(terms) > 1 else x
        if terms[0].shape != around.shape:
            raise ArgumentError(f"Residual adds what has one shape, not {terms[0].shape} and {around.shape}")
        return terms[0] + around, after


@dataclass(frozen=True, slots=True, repr=False, init=False)
class DenseBlock(Layer):
    """Each layer gets the input and the outputs of all before it, concatenated: ``x_k = f_k([x_0, …, x_{k−1}])``.

    Parameters
    ----------
    *parts : Layer, callable, str, or (name, part)
        As of :class:`Sequential`.
    axis : int
        Of arrays with the batch: 1 for the channels of images, −1 for features.

    Returns of :meth:`apply` are the concatenation of everything, the input too.

    Notes
    -----
    Parameters and state: dicts by the name of the layer. Each concatenation is one constraint with a block of ones and
    zeros for each of its parts, so the rows of ``x`` and of every layer reach into the columns of all that come after::

        x₀   ╲ ╲ ╲ ╲
        x₁     ╲ ╲ ╲
        x₂       ╲ ╲

    References
    ----------
    G. Huang, Z. Liu, L. van der Maaten and K. Weinberger, *Densely connected convolutional networks*, CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> block = nn.DenseBlock(nn.Conv2d(4, 3, padding="same"), nn.Conv2d(4, 3, padding="same"))
    >>> parameters, _, shape = block.initialize(np.random.default_rng(0), (3, 8, 8))
    >>> [parameters[name]["weight"].shape[1] for name in block.names], shape
    ([3, 7], (11, 8, 8))
    """

    names: tuple[str, ...]
    parts: tuple[Layer, ...]
    axis: int = 1

    def __init__(self, *parts: Part, axis: int = 1) -> None:
        _set_parts(self, *named(parts), axis)

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        parameters: Tree = {}
        state: Tree = {}
        shape = tuple(input_shape)
        for name, part in zip(self.names, self.parts, strict=True):
            after = add(parameters, state, name, initialized(name, part, rng, shape, dtype))
            shape = joined(self, [shape, after])
        return Initial(parameters, state, shape)

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        expect_parts(self, self.names, parameters)
        after: Tree = {}
        features = [x]
        for name, part in zip(self.names, self.parts, strict=True):
            y, new = run(name, part, parameters, x, state=state, training=training, rng=rng)
            features.append(y)
            x = np.concatenate(features, axis=self.axis)  # of all at once: each has a block in every later column
            if new:
                after[name] = new
        return x, after


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Parallel(Layer):
    """Layers side by side on the same input, their outputs concatenated: ``y = [f_1(x), …, f_n(x)]``.

    Parameters
    ----------
    *parts : Layer, callable, str, or (name, part)
        As of :class:`Sequential`.
    axis : int
        Of arrays with the batch: 1 for the channels of images, −1 for features.

    Notes
    -----
    Parameters and state: dicts by the name of the branch. The branches do not see each other: their columns have no
    blocks in each other's rows, until the concatenation, which has a block of ones and zeros for each::

        x    ╲ ╲ ╲
        y₁         ╲
        y₂          ╲
        y₃           ╲

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer = nn.Parallel(nn.Conv2d(4, 1), nn.Conv2d(2, 3, padding=1), nn.MaxPool2d(3, stride=1, padding=1))
    >>> layer.initialize(np.random.default_rng(0), (3, 8, 8)).output_shape
    (9, 8, 8)
    """

    names: tuple[str, ...]
    parts: tuple[Layer, ...]
    axis: int = 1

    def __init__(self, *parts: Part, axis: int = 1) -> None:
        _set_parts(self, *named(parts), axis)
        if not parts:
            raise ArgumentError("Parallel needs one branch at least")

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        parameters: Tree = {}
        state: Tree = {}
        shapes = [
            add(parameters, state, name, initialized(name, part, rng, tuple(input_shape), dtype))
            for name, part in zip(self.names, self.parts, strict=True)
        ]
        return Initial(parameters, state, joined(self, shapes))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        expect_parts(self, self.names, parameters)
        after: Tree = {}
        outputs = []
        for name, part in zip(self.names, self.parts, strict=True):
            y, new = run(name, part, parameters, x, state=state, training=training, rng=rng)
            outputs.append(y)
            if new:
                after[name] = new
        return np.concatenate(outputs, axis=self.axis), after


# --- what they share ----------------------------------------------------------------------------------


def _set_parts(layer: Any, names: tuple[str, ...], parts: tuple[Layer, ...], axis: int | None = None) -> None:
    object.__setattr__(layer, "names", names)
    object.__setattr__(layer, "parts", parts)
    if axis is not None:
        object.__setattr__(layer, "axis", axis)


def named(parts: Iterable[Part]) -> tuple[tuple[str, ...], tuple[Layer, ...]]:
    """Every part as a layer, with a name of its own."""
    names: list[str] = []
    layers: list[Layer] = []
    counts: dict[str, int] = {}
    for part in parts:
        name, given = part if isinstance(part, tuple) and len(part) == 2 else (None, part)
        layer = as_layer(given)
        if name is None:
            kind = kind_of(layer)
            counts[kind] = counts.get(kind, 0) + 1
            name = f"{kind}{counts[kind]}"
        if not name or "/" in str(name):
            raise ArgumentError(f"the name of a layer is a word without '/', not {name!r}")
        if name in names:
            raise ArgumentError(f"two layers are named {name!r}")
        names.append(name)
        layers.append(layer)
    return tuple(names), tuple(layers)


def kind_of(layer: Layer) -> str:
    """What layers without a name are called, with a number: ``"conv2d"``, ``"layer_norm"``, ``"relu"``."""
    if isinstance(layer, Activation):
        return layer.name
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(layer).__name__).lower()


def add(parameters: Tree, state: Tree, name: str, initial: Initial) -> Shape:
    """Enter what a layer begins with, if it has any; returns the shape of its output."""
    if initial.parameters:
        parameters[name] = initial.parameters
    if initial.state:
        state[name] = initial.state
    return initial.output_shape


def joined(layer: DenseBlock | Parallel, shapes: list[Shape]) -> Shape:
    """The shape of one example of a concatenation."""
    axes = {len(shape) for shape in shapes}
    axis = layer.axis - 1 if layer.axis > 0 else layer.axis
    if len(axes) == 1 and layer.axis and -len(shapes[0]) <= axis < len(shapes[0]):
        axis %= len(shapes[0])
        rests = {(shape[:axis], shape[axis + 1 :]) for shape in shapes}
        if len(rests) == 1:
            return (*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])
    given = ", ".join(map(str, shapes))
    raise ArgumentError(
        f"{type(layer).__name__} concatenates along axis {layer.axis} (of the batch), but gets examples of the "
        f"shapes {given}"
    )
