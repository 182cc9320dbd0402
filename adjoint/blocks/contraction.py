"""Contractions: any two-operand einsum with the other operand constant, run through BLAS.

A compiled contraction turns labels into transposes, reshapes and one ``matmul``: labels fall into
*batch* (both operands and the result), *contracted* (both operands only) and *free* (one operand and the
result). Labels of one operand alone are summed first; labels of the result alone are broadcast last.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse

Labels = tuple[Hashable, ...]


class Contraction(Block):
    """``J v = einsum(v, other)`` summed over the labels that are not in the result.

    Parameters
    ----------
    labels, other_labels, out_labels : tuples of hashables
        One label per axis of the block's argument, of ``other`` and of the result. No label stands twice
        in one operand.
    other : array
        The constant operand: may be traced.
    in_shape, out_shape : tuple of int
    """

    __slots__ = ("labels", "other", "other_labels", "out_labels")
    kind = "contraction"
    fresh = True

    def __init__(
        self,
        labels: Labels,
        other_labels: Labels,
        out_labels: Labels,
        other: Array,
        in_shape: Shape,
        out_shape: Shape,
    ) -> None:
        self.labels = labels
        self.other_labels = other_labels
        self.out_labels = out_labels
        self.other = other
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        batch = v.shape[: v.ndim - len(self.in_shape)]
        extra = _BATCH[: len(batch)]
        run = compile_contraction(extra + self.labels, self.other_labels, extra + self.out_labels)
        return run(v, self.other, batch + self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        batch = w.shape[: w.ndim - len(self.out_shape)]
        extra = _BATCH[: len(batch)]
        run = compile_contraction(extra + self.out_labels, self.other_labels, extra + self.labels)
        return run(w, conjugate(self.other), batch + self.in_shape)

    def to_sparse(self) -> Sparse:
        sizes = self._sizes()
        used = [label for label in sizes if label in self.labels or label in self.out_labels]
        other, other_labels = self._without_alone()
        grid = tuple(sizes[label] for label in used)

        def positions(labels: Labels) -> np.ndarray:
            flat = np.zeros(grid, dtype=np.intp)
            stride = 1
            for label in reversed(labels):
                axis = used.index(label)
                shape = [1] * len(grid)
                shape[axis] = grid[axis]
                flat = flat + stride * np.arange(grid[axis]).reshape(shape)
                stride *= grid[axis]
            return flat.ravel()

        data = other.reshape(-1)[positions(other_labels)]
        return Sparse(positions(self.out_labels), positions(self.labels), data, self.in_shape, self.out_shape)

    def _sizes(self) -> dict[Hashable, int]:
        sizes = dict(zip(self.out_labels, self.out_shape, strict=True))
        sizes.update(zip(self.labels, self.in_shape, strict=True))
        sizes.update(zip(self.other_labels, self.other.shape, strict=True))
        return sizes

    def absolute(self) -> Block:
        other, labels = self._without_alone()
        return Contraction(self.labels, labels, self.out_labels, np.abs(other), self.in_shape, self.out_shape)

    def _without_alone(self) -> tuple[Array, Labels]:
        """``other`` summed over the labels that it alone has."""
        used = {*self.labels, *self.out_labels}
        alone = tuple(k for k, label in enumerate(self.other_labels) if label not in used)
        if not alone:
            return self.other, self.other_labels
        return self.other.sum(alone), tuple(label for label in self.other_labels if label in used)

    @property
    def degrees(self) -> tuple[int, int]:
        sizes = self._sizes()
        used = {*self.labels, *self.out_labels}
        row = math.prod(n for label, n in sizes.items() if label in used and label not in self.out_labels)
        return row, math.prod(n for label, n in sizes.items() if label in used and label not in self.labels)

    @property
    def nnz(self) -> int:
        used = {*self.labels, *self.out_labels}
        return math.prod(n for label, n in self._sizes().items() if label in used)

    @property
    def flops(self) -> int:
        return math.prod(self._sizes().values())


_BATCH: Labels = tuple(f"rhs{k}" for k in range(32))
"""Labels of the leading axes that are several right-hand sides."""


@simplifies_adjoint(Contraction)
def _adjoint(block: Contraction) -> Block:
    return Contraction(
        block.out_labels,
        block.other_labels,
        block.labels,
        conjugate(block.other),
        block.out_shape,
        block.in_shape,
    )


Step = Callable[[Array, Array], Array]


@lru_cache(maxsize=4096)
def compile_contraction(
    a_labels: Labels, b_labels: Labels, out_labels: Labels
) -> Callable[[Array, Array, Shape], Array]:
    """The function ``(a, b, out_shape) → einsum(a, b)`` for these labels, as one ``matmul``."""
    a_set, b_set, out_set = set(a_labels), set(b_labels), set(out_labels)
    if len(a_set) < len(a_labels) or len(b_set) < len(b_labels) or len(out_set) < len(out_labels):
        raise ValueError("a label stands twice in one operand of a contraction")
    a_alone = tuple(k for k, label in enumerate(a_labels) if label not in b_set | out_set)
    b_alone = tuple(k for k, label in enumerate(b_labels) if label not in a_set | out_set)
    a_labels = tuple(label for label in a_labels if label in b_set | out_set)
    b_labels = tuple(label for label in b_labels if label in a_set | out_set)
    batch = tuple(label for label in out_labels if label in a_set and label in b_set)
    contracted = tuple(label for label in a_labels if label in b_set and label not in out_set)
    a_free = tuple(label for label in out_labels if label in a_set and label not in b_set)
    b_free = tuple(label for label in out_labels if label in b_set and label not in a_set)
    made = tuple(label for label in out_labels if label in a_set or label in b_set)

    # The operand whose free label comes first in the result goes left, so that the result needs no transpose
    swap = bool(a_free and b_free) and made.index(b_free[0]) < made.index(a_free[0])
    swap = swap or (not a_free and bool(b_free) and not contracted)
    core = (_multiply_broadcast if not contracted else _multiply_matrices)(
        (b_labels, a_labels) if swap else (a_labels, b_labels), batch, contracted, made
    )
    expand = made != out_labels

    def run(a: Array, b: Array, out_shape: Shape) -> Array:
        if a_alone:
            a = a.sum(a_alone)
        if b_alone:
            b = b.sum(b_alone)
        y = core(b, a) if swap else core(a, b)
        if expand:
            kept = [n if label in made else 1 for label, n in zip(out_labels, out_shape, strict=True)]
            y = np.broadcast_to(y.reshape(kept), out_shape)
        return y

    return run


def _aligned(labels: Labels, target: Labels) -> Callable[[Array], Array]:
    """Transpose axes ``labels`` into the order of ``target``."""
    axes = tuple(labels.index(label) for label in target)
    if axes == tuple(range(len(axes))):
        return lambda x: x
    return lambda x: x.transpose(axes)


def _multiply_broadcast(operands: tuple[Labels, Labels], batch: Labels, contracted: Labels, made: Labels) -> Step:
    """No contracted label: a broadcasting product."""

    def prepare(labels: Labels) -> Callable[[Array], Array]:
        align = _aligned(labels, tuple(label for label in made if label in labels))
        first = next((k for k, label in enumerate(made) if label in labels), len(made))
        index: tuple[Any, ...] = tuple(slice(None) if label in labels else None for label in made[first:])
        if None not in index:
            return align
        return lambda x: align(x)[index]

    left, right = prepare(operands[0]), prepare(operands[1])
    return lambda a, b: left(a) * right(b)


def _multiply_matrices(operands: tuple[Labels, Labels], batch: Labels, contracted: Labels, made: Labels) -> Step:
    """Transposes and reshapes around one ``matmul``; vectors stay vectors, so BLAS sees a ``gemv``."""
    l_labels, r_labels = operands
    contracted = tuple(label for label in l_labels if label in contracted)
    l_free = tuple(label for label in made if label in l_labels and label not in batch)
    r_free = tuple(label for label in made if label in r_labels and label not in batch)
    left = _aligned(l_labels, batch + l_free + contracted)
    right = _aligned(r_labels, batch + contracted + r_free)
    finish = _aligned(batch + l_free + r_free, made)
    nb, nl, nr, nc = len(batch), len(l_free), len(r_free), len(contracted)
    l_vector, r_vector = not l_free, not r_free
    if nb and (l_vector or r_vector):
        l_vector = r_vector = False  # stacked vectors need explicit unit axes

    l_plain = nc == 1 and (nl == 1 or l_vector)
    r_plain = nc == 1 and (nr == 1 or r_vector)
    y_plain = (nl == 1 or l_vector) and (nr == 1 or r_vector) and nb <= 1

    def run(a: Array, b: Array) -> Array:
        a, b = left(a), right(b)
        a_shape, b_shape = a.shape, b.shape
        stack = a_shape[:nb]
        inner = math.prod(a_shape[nb + nl :])
        if not l_plain:
            rows = () if l_vector else (math.prod(a_shape[nb : nb + nl]),)
            a = a.reshape((*stack, *rows, inner))
        if not r_plain:
            columns = () if r_vector else (math.prod(b_shape[nb + nc :]),)
            b = b.reshape((*stack, inner, *columns))
        y = a @ b
        if not y_plain:
            y = y.reshape((*stack, *a_shape[nb : nb + nl], *b_shape[nb + nc :]))
        return finish(y)

    return run
