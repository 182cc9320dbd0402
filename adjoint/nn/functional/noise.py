"""Dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Diagonal
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing.primitive import Blocks, Static


def _masked(x: Any, kept: Any, scale: float) -> Any:
    return x * _factors(kept, scale, x.dtype)


def _factors(kept: np.ndarray, scale: float, dtype: Any) -> np.ndarray:
    """One byte an entry is held; the factors are made when they are needed."""
    factors = kept.astype(dtype)
    factors *= factors.dtype.type(scale)
    return factors


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, kept = operands
    return [(parents[0], Diagonal(_factors(np.asarray(kept), static["scale"], x.dtype), x.shape, y.shape))]


_dropout = operation("dropout", _masked, _blocks, (frozenset({1}),))


def dropout(x: Any, rate: float, rng: np.random.Generator | None = None, training: bool = True) -> Any:
    """Zeros in random places, and the other entries times ``1 / (1 − rate)``.

    Parameters
    ----------
    x : array
    rate : float
        The probability of a zero, ``0 ≤ rate < 1``.
    rng : numpy.random.Generator
        Draws the mask; not needed where nothing is drawn.
    training : bool
        Otherwise ``x`` comes back as it is.

    Returns
    -------
    array of the shape of ``x``

    Raises
    ------
    ArgumentError
        If the rate is no probability, or there is no generator.

    Notes
    -----
    One constraint with a diagonal block, which is a constant: the mask is drawn when the function runs, and held as one
    byte for each entry. A trace that is evaluated at new points keeps its mask, so that it stays one function.

    References
    ----------
    N. Srivastava et al., *Dropout: a simple way to prevent neural networks from overfitting*, JMLR 15 (2014).

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.dropout(np.ones(6), 0.5, np.random.default_rng(0)))
    [2. 2. 2. 0. 0. 0.]
    >>> print(functional.dropout(np.ones(6), 0.5, training=False))
    [1. 1. 1. 1. 1. 1.]
    """
    x = as_array(x)
    if not 0 <= rate < 1:
        refuse("dropout", f"the rate must be at least 0 and less than 1, got {rate!r}")
    if not training or not rate:
        return x
    if not isinstance(rng, np.random.Generator):
        given = type(rng).__name__
        refuse("dropout", f"training needs a generator, rng=numpy.random.default_rng(seed); got {given}")
    kept = rng.random(x.shape, dtype=np.float32) >= rate
    return _dropout(x, np.asarray(kept), scale=1 / (1 - rate))
