"""Penalties on the size of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.nn.functional._losses import partials_block
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing import flatten
from adjoint.tracing.primitive import Blocks, Static


def _sum_of_sizes(*xs: Any, weight: float) -> Any:
    return sum(np.abs(x).sum() for x in xs) * weight


def _sum_of_squares(*xs: Any, weight: float) -> Any:
    return sum(np.vdot(x, x) for x in xs) * weight


def _sizes_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    weight = static["weight"]
    return [(p, partials_block(np.sign(x) * weight, y, 0)) for p, x in zip(parents, operands, strict=True) if p >= 0]


def _squares_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    weight = 2 * static["weight"]
    return [(p, partials_block(x * weight, y, 0)) for p, x in zip(parents, operands, strict=True) if p >= 0]


_l1 = operation("l1_penalty", _sum_of_sizes, _sizes_blocks, None)
_l2 = operation("l2_penalty", _sum_of_squares, _squares_blocks, None)


def l1_penalty(parameters: Any, weight: float = 1.0) -> Any:
    """``weight · Σ |w|`` over all entries of all parameters.

    Parameters
    ----------
    parameters : pytree of arrays
        Leave out of it what is not to be penalized, as biases usually are.
    weight : float

    Returns
    -------
    scalar

    Notes
    -----
    One constraint, whose block to each array is a contraction with ``weight · sign(w)``; its slope is 0 at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.l1_penalty({"a": np.array([1.0, -2.0]), "b": np.array([3.0])}, 0.1).round(6))
    0.6
    """
    return _penalty("l1_penalty", _l1, parameters, weight)


def l2_penalty(parameters: Any, weight: float = 1.0) -> Any:
    """``weight · Σ w²`` over all entries of all parameters; no half in it, so its gradient is ``2 weight · w``.

    Parameters
    ----------
    parameters : pytree of arrays
        Leave out of it what is not to be penalized, as biases usually are.
    weight : float

    Returns
    -------
    scalar

    Notes
    -----
    One constraint, whose block to each array is a contraction with ``2 weight · w``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> parameters = {"a": np.array([1.0, -2.0]), "b": np.array([3.0])}
    >>> value, gradient = adjoint.value_and_grad(functional.l2_penalty)(parameters, 0.5)
    >>> print(value, gradient["a"], gradient["b"])
    7.0 [ 1. -2.] [3.]
    """
    return _penalty("l2_penalty", _l2, parameters, weight)


def _penalty(name: str, function: Any, parameters: Any, weight: float) -> Any:
    leaves = [as_array(x) for x in flatten(parameters)[0]]
    if not leaves:
        refuse(name, "there are no parameters in the tree")
    for x in leaves:
        if x.dtype.kind == "c":
            refuse(name, f"parameters must be real, got {x.dtype} {x.shape}")
    return function(*leaves, weight=float(weight))  # a NumPy scalar would make float32 a double
