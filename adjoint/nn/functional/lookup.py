"""Embeddings: rows of a table, looked up by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Rows
from adjoint.blocks.block import adjoint_of
from adjoint.blocks.rows import put_rows, take_rows
from adjoint.nn.functional._losses import as_labels
from adjoint.nn.functional._operations import as_array, operation, refuse
from adjoint.tracing import ZERO, concrete, structured
from adjoint.tracing.primitive import Blocks, Static


def _rows(y: Array, x: Array, indices: np.ndarray, in_ndim: int) -> Any:
    return Rows(indices, x.shape, x.ndim - in_ndim)


def _put(y: Array, w: Array, indices: np.ndarray, in_shape: tuple[int, ...]) -> Any:
    return adjoint_of(Rows(indices, y.shape, y.ndim - len(in_shape)))


structured(take_rows, _rows, ZERO, reads=(frozenset({1}),))
structured(put_rows, _put, ZERO, reads=(frozenset({1}),))


def _looked_up(table: Any, indices: Any) -> Any:
    return np.take(table, indices, axis=0)


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    table, indices = operands
    return [(parents[0], Rows(np.asarray(concrete(indices)), table.shape))] if parents[0] >= 0 else []


_embedding = operation("embedding", _looked_up, _blocks, (frozenset({1}), frozenset[int]()))


def embedding(indices: Any, table: Any) -> Any:
    """Rows of a table: ``table[indices]``.

    Parameters
    ----------
    indices : array (...) of int
        ``0 … rows − 1``; negative ones are refused.
    table : array (rows, features)

    Returns
    -------
    array (..., features)

    Raises
    ------
    ArgumentError
        Where indices are not integers, or there is no such row.

    Notes
    -----
    One constraint with a gather block to the table: one nonzero for each entry of the result. Its adjoint adds rows
    that were looked up several times, in one pass over the result and one array of the size of the table.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> table = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    >>> print(functional.embedding([2, 0, 2], table))
    [[5. 6.]
     [1. 2.]
     [5. 6.]]
    >>> print(adjoint.grad(lambda t: functional.embedding([2, 0, 2], t).sum())(table))
    [[1. 1.]
     [0. 0.]
     [2. 2.]]
    """
    table, indices = as_array(table), as_labels(indices)
    if not table.ndim:
        refuse("embedding", "expected a table (rows, features), got a number")
    if indices.dtype.kind not in "iu":
        if indices.size:
            refuse("embedding", f"indices must be integers, got {indices.dtype} {indices.shape}")
        indices = indices.astype(np.intp)
    plain, rows = np.asarray(concrete(indices)), table.shape[0]
    if plain.size and plain.view(plain.dtype.str.replace("i", "u")).max() >= rows:  # negative ones are large there
        flat = plain.ravel()
        where = int(np.flatnonzero((flat < 0) | (flat >= rows))[0])
        place = ", ".join(str(k) for k in np.unravel_index(where, plain.shape))
        known = f"the rows 0 … {rows - 1} of the table {table.shape}"
        refuse("embedding", f"the index {flat[where]} at [{place}] is not one of {known}")
    return _embedding(table, indices)
