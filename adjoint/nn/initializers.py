"""How parameters begin: random draws whose spread fits the number of inputs and outputs of a layer.

An initializer is a function ``(rng, shape, fan_in, fan_out) → array`` in float64; the layer converts it. Draws come
from a ``numpy.random.Generator``, so a seed gives the same parameters again.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable

import numpy as np

from adjoint.errors import ArgumentError

Shape = tuple[int, ...]
Initializer = Callable[[np.random.Generator, Shape, int, int], np.ndarray]


def zeros(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """All 0."""
    return np.zeros(shape)


def ones(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """All 1."""
    return np.ones(shape)


def he_normal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance ``2 / fan_in``: keeps the size of values through rectifiers.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.
    """
    return rng.standard_normal(shape) * math.sqrt(2 / max(1, fan_in))


def he_uniform(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance ``2 / fan_in``."""
    bound = math.sqrt(6 / max(1, fan_in))
    return rng.uniform(-bound, bound, shape)


def glorot_normal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance ``2 / (fan_in + fan_out)``: a compromise between values and multipliers.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010,
    equation 12.
    """
    return rng.standard_normal(shape) * math.sqrt(2 / max(1, fan_in + fan_out))


def glorot_uniform(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance ``2 / (fan_in + fan_out)``; Glorot and Bengio's equation 16."""
    bound = math.sqrt(6 / max(1, fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


def lecun_normal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with variance ``1 / fan_in``.

    References
    ----------
    Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, equation 16.
    """
    return rng.standard_normal(shape) / math.sqrt(max(1, fan_in))


def lecun_uniform(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform with variance ``1 / fan_in``."""
    bound = math.sqrt(3 / max(1, fan_in))
    return rng.uniform(-bound, bound, shape)


def fan_in_uniform(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform in ``±1/√fan_in``: how PyTorch begins linear, convolutional and recurrent layers."""
    bound = 1 / math.sqrt(max(1, fan_in))
    return rng.uniform(-bound, bound, shape)


def orthogonal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """A random matrix with orthonormal rows or columns, uniformly distributed; all axes but the last are one.

    References
    ----------
    A. Saxe, J. McClelland and S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", ICLR 2014. F. Mezzadri, Notices of the AMS 54 (2007), for the signs.
    """
    if len(shape) < 2:
        raise ArgumentError(f"an orthogonal matrix has two axes or more, not the shape {shape}")
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
    return (q if rows >= columns else q.T).reshape(shape)


def normal(spread: float = 0.01) -> Initializer:
    """Normal with the standard deviation ``spread``, whatever the layer's size."""
    return lambda rng, shape, fan_in, fan_out: rng.standard_normal(shape) * spread


def small_normal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> np.ndarray:
    """Normal with the standard deviation 0.02: how transformers begin their tables of positions."""
    return rng.standard_normal(shape) * 0.02


INITIALIZERS: dict[str, Initializer] = {
    "fan_in_uniform": fan_in_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "ones": ones,
    "orthogonal": orthogonal,
    "small_normal": small_normal,
    "zeros": zeros,
}


def get(initializer: str | Initializer) -> Initializer:
    """An initializer by its name; a function as it is.

    Raises
    ------
    ArgumentError
        For an unknown name; the message lists the known ones.
    """
    if callable(initializer):
        return initializer
    if initializer not in INITIALIZERS:
        close = difflib.get_close_matches(str(initializer), INITIALIZERS, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ArgumentError(f"no initializer is named {initializer!r}{hint}; there are: {', '.join(INITIALIZERS)}")
    return INITIALIZERS[initializer]
