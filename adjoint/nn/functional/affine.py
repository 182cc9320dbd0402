"""The linear layer: one product of matrices and a bias."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Contraction, Scale
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing.primitive import Blocks, Static


def _product(x: Any, weight: Any, bias: Any) -> Any:
    """All leading axes of ``x`` as the rows of one matrix, and the bias added in place."""
    inputs, outputs = weight.shape
    rows = x if x.ndim <= 2 else x.reshape((math.prod(x.shape[:-1]), inputs))
    y = rows @ weight
    if bias is not None:
        y = np.add(y, bias, out=y if y.ndim and np.result_type(y, bias) == y.dtype else None)
    return y if x.ndim <= 2 else y.reshape((*x.shape[:-1], outputs))


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, weight, bias = operands
    found: Blocks = []
    if parents[2] >= 0:
        found.append((parents[2], Scale(1.0, bias.shape, y.shape)))
    leading = _LEADING[: x.ndim - 1]
    if parents[1] >= 0:
        found.append((parents[1], Contraction(_WEIGHT, (*leading, "i"), (*leading, "o"), x, weight.shape, y.shape)))
    if parents[0] >= 0:
        found.append((parents[0], Contraction((*leading, "i"), _WEIGHT, (*leading, "o"), weight, x.shape, y.shape)))
    return found


_WEIGHT = ("i", "o")
_LEADING = tuple(f"b{k}" for k in range(32))
_linear = operation("linear", _product, _blocks, (frozenset({1}), frozenset({0}), frozenset[int]()))


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """``x @ weight + bias``.

    Parameters
    ----------
    x : array (..., inputs)
    weight : array (inputs, outputs)
    bias : array (outputs,), optional

    Returns
    -------
    array (..., outputs)

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    One constraint with the blocks

    - to ``x``: a contraction with the weight, ``I ⊗ weightᵀ``: ``outputs`` nonzeros for each entry of ``x``;
    - to ``weight``: a contraction with ``x``: ``outputs`` nonzeros for each entry of ``x``;
    - to ``bias``: a one for each output.

    The value and the adjoints of the first two are one product of matrices each, whatever the leading axes are.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x, weight = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 2.0]])
    >>> print(functional.linear(x, weight, np.array([0.0, 0.5, 0.0])))
    [[1.  2.5 6. ]]
    >>> system = adjoint.trace(functional.linear, x, weight, np.zeros(3)).compile()
    >>> for argument in (1, 2, 3):
    ...     print(system.block(4, argument))
    <contraction block (1, 2) → (1, 3), 6 nonzeros>
    <contraction block (2, 3) → (1, 3), 6 nonzeros>
    <scalar block (3,) → (1, 3), 3 nonzeros>
    """
    x, weight = as_array(x), as_array(weight)
    shape = weight.shape
    if len(shape) != 2:
        refuse("linear", f"expected a weight (inputs, outputs), got the shape {shape}")
    if not x.ndim or x.shape[-1] != shape[0]:
        refuse("linear", f"x {x.shape} should have {shape[0]} entries along its last axis for the weight {shape}")
    if bias is not None:
        bias = as_array(bias)
        if bias.shape != shape[1:]:
            refuse("linear", f"expected a bias {shape[1:]} for the weight {shape}, got the shape {bias.shape}")
    return _linear(x, weight, bias)
