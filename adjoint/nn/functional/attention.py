"""Scaled dot-product attention."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Scale, Softmax
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.primitives.linear import contraction_block
from adjoint.tracing import Tracer, stacked
from adjoint.tracing.primitive import RESULT, Blocks, Static

# --- scores: queries times keys -----------------------------------------------------------------------


def _scores(query: Any, key: Any, scale: float) -> Any:
    return np.matmul(query * scale, key.swapaxes(-1, -2))


def _scores_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    query, key = operands
    stack = _STACK[: y.ndim - 2][::-1]
    labels = [(*stack[len(stack) + 2 - x.ndim :], step, "f") for x, step in ((query, "q"), (key, "k"))]
    out = (*stack, "q", "k")
    scale, found = static["scale"], []
    if parents[1] >= 0:
        found.append((parents[1], contraction_block(y, key, query * scale, (labels[1], labels[0], out))))
    if parents[0] >= 0:
        found.append((parents[0], contraction_block(y, query, key * scale, (labels[0], labels[1], out))))
    return found


_STACK = tuple(f"s{k}" for k in range(30))
_attention_scores = operation("attention_scores", _scores, _scores_blocks, (frozenset({1}), frozenset({0})))

# --- weights: softmax of what the mask leaves ---------------------------------------------------------


def _weights(scores: Any, mask: Any, causal: bool) -> Any:
    if mask is None and not causal:
        y = scores - scores.max(-1, keepdims=True)
    else:
        y = np.where(mask, scores, -np.inf) if mask is not None and mask.dtype.kind == "b" else scores
        y = y + mask if mask is not None and mask.dtype.kind != "b" else y
        if causal:
            below = np.tri(*scores.shape[-2:], dtype=np.bool_)
            y = np.where(below, y, y.dtype.type(-np.inf))
        top = y.max(-1, keepdims=True)
        y -= np.where(top == -np.inf, top.dtype.type(0), top)
    np.exp(y, out=y)
    total = y.sum(-1, keepdims=True)
    if mask is not None:
        total[total == 0] = 1  # nothing is left of the row
    y /= total
    return y


def _weights_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    softmax = Softmax(y, -1, y.shape)
    found: Blocks = []
    if parents[1] >= 0:
        mask = operands[1].shape
        found.append((parents[1], softmax if mask == y.shape else softmax @ Scale(1.0, mask, y.shape)))
    if parents[0] >= 0:
        found.append((parents[0], softmax))
    return found


_attention_weights = operation("attention_weights", _weights, _weights_blocks, (frozenset({RESULT}),))


def scaled_dot_product_attention(
    query: Any, key: Any, value: Any, mask: Any = None, *, causal: bool = False, scale: float | None = None
) -> Any:
    """``softmax(query keyᵀ · scale + mask) value``.

    Parameters
    ----------
    query : array (..., queries, features)
    key : array (..., keys, features)
    value : array (..., keys, outputs)
        Leading axes (batch, heads) are broadcast against each other.
    mask : array that broadcasts to (..., queries, keys), optional
        Booleans: True where a query may look. Floats: added to the scores; may be traced (a learned bias by distance).
    causal : bool
        Query ``i`` may look at keys ``0 … i`` only; also with a mask.
    scale : float, optional
        ``1 / √features`` by default.

    Returns
    -------
    array (..., queries, outputs)
        Zeros for a query that may look nowhere.

    Raises
    ------
    ArgumentError
        Where shapes do not fit, naming them.

    Notes
    -----
    Three constraints:

    - scores, with contraction blocks to query and key;
    - weights, with a softmax block ``diag(w) − w wᵀ`` for each query: masked entries are zeros of ``w``;
    - a product of matrices, with contraction blocks to weights and value.

    Held are query, key, value and the weights.

    References
    ----------
    A. Vaswani et al., *Attention is all you need*, NeurIPS 2017, equation (1).

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x = np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    >>> print(functional.scaled_dot_product_attention(x, x, x, causal=True).round(3))
    [[1.    0.   ]
     [0.056 1.888]
     [0.599 1.203]]
    >>> system = adjoint.trace(functional.scaled_dot_product_attention, x, x, x).compile()
    >>> print(system.block(4, 1), system.block(5, 4), system.block(6, 5), sep="\\n")
    <contraction block (3, 2) → (3, 3), 18 nonzeros>
    <softmax block (3, 3) → (3, 3), 27 nonzeros>
    <contraction block (3, 3) → (3, 2), 18 nonzeros>
    """
    name = "scaled_dot_product_attention"
    query, key, value = as_array(query), as_array(key), as_array(value)
    given = f"query {query.shape}, key {key.shape}, value {value.shape}"
    if min(query.ndim, key.ndim, value.ndim) < 2:
        refuse(name, f"expected arrays (..., steps, features), got {given}")
    if query.shape[-1] != key.shape[-1]:
        refuse(name, f"query and key must have the same number of features, got {given}")
    if key.shape[-2] != value.shape[-2]:
        refuse(name, f"key and value must have the same number of steps, got {given}")
    if not key.shape[-2]:
        refuse(name, f"there is no key to look at, got {given}")
    try:
        stack = np.broadcast_shapes(query.shape[:-2], key.shape[:-2])
        np.broadcast_shapes(stack, value.shape[:-2])
    except ValueError:
        refuse(name, f"the leading axes do not broadcast, got {given}")
    if mask is not None:
        mask = mask if type(mask) is Tracer else np.asarray(stacked(mask))
        if mask.dtype.kind in "iu":
            refuse(name, f"a mask is boolean, or floats that are added to the scores; got {mask.dtype} {mask.shape}")
        mask = mask if mask.dtype.kind == "b" else as_array(mask)
        shape = (*stack, query.shape[-2], key.shape[-2])
        try:
            fits = np.broadcast_shapes(mask.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            refuse(name, f"mask {mask.shape} does not broadcast to the scores {shape} of {given}")
    scale = 1 / math.sqrt(max(1, query.shape[-1])) if scale is None else float(scale)
    scores = _attention_scores(query, key, scale=scale)
    return np.matmul(_attention_weights(scores, mask, causal=bool(causal)), value)
