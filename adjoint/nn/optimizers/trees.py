"""Parameters as pytrees of arrays: mapped leaf by leaf, and laid end to end as one vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optree

from adjoint.errors import ArgumentError
from adjoint.tracing import flatten
from adjoint.tracing.pytrees import NAMESPACE

Tree = Any
"""Nested dicts, lists and tuples of arrays."""


def leaves_of(tree: Tree) -> list[np.ndarray]:
    """The arrays of a pytree, in order."""
    return flatten(tree)[0]


def map_leaves(function: Callable[..., Any], tree: Tree, *others: Tree) -> Tree:
    """A tree of ``function(leaf, …)`` over trees of one structure.

    Raises
    ------
    ArgumentError
        If the structures differ.
    """
    try:
        return optree.tree_map(function, tree, *others, namespace=NAMESPACE)
    except ValueError as error:
        raise ArgumentError(f"parameters and gradients must have one structure: {error}") from None


def zeros_like(tree: Tree) -> Tree:
    """Zeros for every leaf."""
    return map_leaves(np.zeros_like, tree)


def norm(tree: Tree) -> float:
    """The Euclidean norm of all entries of all leaves; not finite only if an entry is not."""
    leaves = [np.asarray(x) for x in leaves_of(tree)]
    total = sum(float(np.vdot(x, x)) for x in leaves)
    if math.isfinite(total) and (total > 1e-30 or not total):
        return math.sqrt(total)
    # squares of float32 may have overflowed or vanished
    scale = max(float(np.max(np.abs(x), initial=0)) for x in leaves)
    if not scale or not math.isfinite(scale):
        return scale
    return scale * math.sqrt(sum(float(np.sum(np.square(np.asarray(x, float) / scale))) for x in leaves))


class Vector:
    """All leaves of a pytree end to end in one float64 vector, and back."""

    __slots__ = ("_bounds", "_leaves", "_spec", "size")

    def __init__(self, tree: Tree) -> None:
        leaves, self._spec = flatten(tree)
        self._leaves = [np.asarray(x) for x in leaves]
        for x in self._leaves:
            if x.dtype.kind != "f":
                raise ArgumentError(f"parameters must be arrays of real numbers, not of {x.dtype}")
        self._bounds = np.cumsum([0, *(x.size for x in self._leaves)])
        self.size = int(self._bounds[-1])

    def flat(self, tree: Tree) -> np.ndarray:
        """``(size,)`` float64."""
        leaves, spec = flatten(tree)
        if spec != self._spec:
            raise ArgumentError(f"parameters must keep their structure {self._spec}, not become {spec}")
        return np.concatenate([np.zeros(0), *(np.asarray(x, dtype=np.float64).ravel() for x in leaves)])

    def tree(self, vector: np.ndarray) -> Tree:
        """Leaves in their own shapes and dtypes."""
        parts = [
            vector[start:stop].reshape(x.shape).astype(x.dtype)
            for start, stop, x in zip(self._bounds, self._bounds[1:], self._leaves, strict=False)
        ]
        return self._spec.unflatten(parts)
