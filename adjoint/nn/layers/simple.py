"""Layers without parameters: activations, shapes, dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn import functional
from adjoint.nn.layers.layer import Initial, Layer, Shape, Tree, output_shape


@dataclass(frozen=True, slots=True, repr=False)
class Activation(Layer):
    """A function of each entry, by its name or as a callable: ``y = f(x)``.

    Any function of one array will do, softmax too; it has the batch as its first axis.

    Parameters
    ----------
    function : str or callable
        A name that :func:`adjoint.nn.functional.activation` knows, or a function.

    Notes
    -----
    No parameters. For a named activation one constraint, with a diagonal block in the column of ``x``::

        A[x, y] = diag(f'(x))        x ╲
                                       ╲

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> print(nn.Activation("relu")({}, np.array([[-1.0, 2.0]])))
    [[0. 2.]]
    """

    function: str | Callable[[Any], Any]

    def __post_init__(self) -> None:
        functional.activation(self.function)  # an unknown name is refused here, where it was written

    @property
    def name(self) -> str:
        """Of the function."""
        if isinstance(self.function, str):
            return self.function
        name = getattr(self.function, "__name__", "")
        return name if name.isidentifier() else "function"

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        if isinstance(self.function, str):
            return Initial({}, {}, tuple(input_shape))
        # a user's function may not like an empty batch
        return Initial({}, {}, output_shape(self.function, (1, *input_shape)))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return functional.activation(self.function)(x), {}


@dataclass(frozen=True, slots=True, repr=False)
class Flatten(Layer):
    """All axes of an example in one: ``(batch, …) → (batch, n)``.

    Notes
    -----
    No parameters. One constraint with a gather block that moves nothing::

        A[x, y] = I

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.Flatten()({}, np.zeros((5, 3, 2, 2))).shape
    (5, 12)
    """

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return Initial({}, {}, (math.prod(input_shape),))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return x.reshape((x.shape[0], math.prod(x.shape[1:]))), {}


@dataclass(frozen=True, slots=True, repr=False, init=False)
class Reshape(Layer):
    """Other axes for the same entries: ``(batch, …) → (batch, *shape)``.

    Parameters
    ----------
    *sizes : int, or one tuple of them
        Of one example; one of them may be −1.

    Notes
    -----
    No parameters. One constraint with a gather block that moves nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> nn.Reshape(3, -1)({}, np.zeros((5, 12))).shape
    (5, 3, 4)
    """

    shape: Shape

    def __init__(self, *sizes: Any) -> None:
        shape = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
        object.__setattr__(self, "shape", shape)
        if sum(n == -1 for n in shape) > 1 or not all(
            isinstance(n, (int, np.integer)) and (n > 0 or n == -1) for n in shape
        ):
            raise ArgumentError(f"Reshape takes sizes of at least 1, and −1 at most once; not {shape}")

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        size, known = math.prod(input_shape), math.prod(n for n in self.shape if n != -1)
        if size % known or (size != known and -1 not in self.shape):
            raise ArgumentError(f"{self} takes examples with a number of entries that fits, not {tuple(input_shape)}")
        return Initial({}, {}, tuple(size // known if n == -1 else n for n in self.shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        size, known = math.prod(x.shape[1:]), math.prod(n for n in self.shape if n != -1)
        if size % known or (size != known and -1 not in self.shape):
            raise ArgumentError(f"{self} takes examples with a number of entries that fits, not {tuple(x.shape[1:])}")
        return x.reshape((x.shape[0], *(size // known if n == -1 else n for n in self.shape))), {}


@dataclass(frozen=True, slots=True, repr=False)
class Dropout(Layer):
    """Zeros in random places while training, the other entries times ``1 / (1 − rate)``; else ``x`` as it is.

    Parameters
    ----------
    rate : float
        The probability of a zero, ``0 ≤ rate < 1``.

    Notes
    -----
    No parameters. Training records one constraint with a diagonal block, the mask, which is a constant; otherwise
    nothing is recorded, and the layer has no row::

        A[x, y] = diag(mask) / (1 − rate)      x ╲
                                                   ·
                                                     ╲

    References
    ----------
    N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint import nn
    >>> layer, x = nn.Dropout(0.75), np.ones((100, 10))
    >>> y, _ = layer.apply({}, x, state={}, training=True, rng=np.random.default_rng(0))
    >>> print(np.unique(y), np.unique(layer({}, x)))
    [0. 4.] [1.]
    """

    rate: float

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ArgumentError(f"Dropout: the rate must be at least 0 and less than 1, not {self.rate!r}")

    def initialize(self, rng: np.random.Generator, input_shape: Shape, dtype: Any = np.float32) -> Initial:
        return Initial({}, {}, tuple(input_shape))

    def apply(
        self, parameters: Tree, x: Any, *, state: Tree, training: bool, rng: np.random.Generator | None
    ) -> tuple[Any, Tree]:
        return functional.dropout(x, self.rate, rng, training=training), {}


def as_layer(part: Any) -> Layer:
    """A layer as it is; the name of an activation, or a function of one array, as an :class:`Activation`.

    Raises
    ------
    ArgumentError
        For an unknown name, which lists the known ones, or for anything else.
    """
    if isinstance(part, Layer):
        return part
    if isinstance(part, type) and issubclass(part, Layer):
        raise ArgumentError(f"a layer is needed, not its class: write {part.__name__}(…)")
    if isinstance(part, str) or callable(part):
        return Activation(part)
    raise ArgumentError(f"a layer, a function or the name of an activation is needed, not {part!r}")
