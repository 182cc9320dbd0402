"""Operations with several results: one constraint whose value holds all of them, flattened one after the other.

``w, v = np.linalg.eigh(a)`` is one node; ``w`` and ``v`` are slices of it. So the factorization is made once, the
multipliers of all results meet in one block, and no solver needs to know that there are several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.tracing import Primitive, bind
from adjoint.tracing.primitive import BlockRule, Reads


def several(
    name: str, function: Callable[..., Sequence[Any]], blocks: BlockRule, *, reads: Reads | None = None
) -> Callable[..., list[Any]]:
    """An operation with several results.

    Parameters
    ----------
    name : str
    function : callable
        ``function(*operands, **static)`` gives the results.
    blocks : callable
        As of :class:`adjoint.extend.Primitive`: the value is that of all results, flattened and joined, and a block
        is a :class:`~adjoint.blocks.Stacked` (or a product that begins with one). :func:`parts` takes it apart.

    Returns
    -------
    callable
        ``call(operands, static, shapes, dtypes)`` records the operation and gives its results.
    """

    def evaluate(*operands: Any, **static: Any) -> Any:
        return np.concatenate([np.ravel(part) for part in function(*operands, **static)])

    primitive = Primitive(name, evaluate, blocks, reads=reads)

    def call(
        operands: Sequence[Any], static: dict[str, Any] | None, shapes: Sequence[Any], real: Sequence[bool]
    ) -> Any:
        packed = bind(primitive, operands, static)
        found = parts(packed, shapes)
        return [np.real(part) if is_real else part for part, is_real in zip(found, real, strict=True)]

    call.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    return call


def parts(packed: Array, shapes: Sequence[tuple[int, ...]]) -> list[Any]:
    """The results inside a packed value, which may have leading batch axes."""
    found, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        if shape:
            found.append(packed[..., start:stop].reshape((*packed.shape[:-1], *shape)))
        else:
            found.append(packed[..., start] if packed.ndim > 1 else packed[start])  # a scalar, not a 0-d array
        start = stop
    return found
