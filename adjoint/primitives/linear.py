"""Products of arrays: every one is a contraction, and its blocks are contractions with the other operand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, Conjugate, Contraction, Reshape
from adjoint.blocks.contraction import Labels
from adjoint.blocks.kernels import conjugate
from adjoint.primitives.matrices import as_array
from adjoint.tracing import UFUNC_METHODS, Primitive, handles, structured

Pair = tuple[Labels, Labels, Labels]
"""Labels of the left operand, of the right one and of the result."""


def contraction_block(y: Array, x: Array, other: Array, labels: Pair) -> Block:
    """``∂y/∂x`` of a contraction: axes that were broadcast from size 1 are reshaped away first."""
    x_labels, other_labels, y_labels = labels
    sizes = {label: n for label, n in zip(y_labels, y.shape, strict=True) if n != 1}
    sizes |= {label: n for label, n in zip(x_labels, x.shape, strict=True) if n != 1}
    other_shape = other.shape
    kept = [k for k, label in enumerate(other_labels) if other_shape[k] == 1 and label in sizes]
    if kept:
        other_labels = tuple(label for k, label in enumerate(other_labels) if k not in kept)
        other = other.reshape(tuple(n for k, n in enumerate(other_shape) if k not in kept))
    sizes |= {label: n for label, n in zip(other_labels, other.shape, strict=True) if n != 1}
    thin = [k for k, label in enumerate(x_labels) if x.shape[k] == 1 and label in sizes]
    if not thin:
        return Contraction(x_labels, other_labels, y_labels, other, x.shape, y.shape)
    shape = tuple(n for k, n in enumerate(x.shape) if k not in thin)
    x_labels = tuple(label for k, label in enumerate(x_labels) if k not in thin)
    return Contraction(x_labels, other_labels, y_labels, other, shape, y.shape) @ Reshape(x.shape, shape)


def contraction(
    function: Any,
    labels: Callable[..., Pair],
    signature: str,
    evaluate: Callable[..., Any] | None = None,
    *,
    conjugates: bool = False,
) -> Primitive:
    """Register a two-operand contraction by its labels ``(a_ndim, b_ndim, **static) → Pair``.

    With ``conjugates``, it is the complex conjugate of the first operand that is multiplied.
    """

    def left(y: Array, a: Array, b: Any, **static: Any) -> Block:
        b = b if hasattr(b, "shape") else np.asarray(b)
        la, lb, ly = labels(a.ndim, b.ndim, **static)
        block = contraction_block(y, a, b, (la, lb, ly))
        return block @ Conjugate(a.shape) if conjugates and a.dtype.kind == "c" else block

    def right(y: Array, a: Any, b: Array, **static: Any) -> Block:
        a = a if hasattr(a, "shape") else np.asarray(a)
        la, lb, ly = labels(a.ndim, b.ndim, **static)
        return contraction_block(y, b, conjugate(a) if conjugates else a, (lb, la, ly))

    reads = (frozenset({1}), frozenset({0}))
    return structured(function, left, right, signature=signature, evaluate=evaluate, reads=reads)


def _matmul(n: int, m: int) -> Pair:
    stack = tuple(f"s{k}" for k in range(max(n, m, 2) - 2))[::-1]
    a = (*stack[len(stack) - max(n - 2, 0) :], *(("i",) if n > 1 else ()), "k")
    b = (*stack[len(stack) - max(m - 2, 0) :], "k", *(("j",) if m > 1 else ()))
    return a, b, (*stack, *(("i",) if n > 1 else ()), *(("j",) if m > 1 else ()))


def _dot(n: int, m: int) -> Pair:
    if not n or not m:
        return tuple(range(n)), tuple(range(m)), tuple(range(max(n, m)))
    a = tuple(f"a{k}" for k in range(n - 1))
    b = tuple(f"b{k}" for k in range(m - 1))
    where = max(m - 2, 0)  # the second axis from the end, or the only one
    return (*a, "k"), (*b[:where], "k", *b[where:]), a + b


def _inner(n: int, m: int) -> Pair:
    if not n or not m:
        return _dot(n, m)
    a = tuple(f"a{k}" for k in range(n - 1))
    b = tuple(f"b{k}" for k in range(m - 1))
    return (*a, "k"), (*b, "k"), a + b


def _tensordot(n: int, m: int, axes: Any = 2) -> Pair:
    if isinstance(axes, (int, np.integer)):
        pairs = [(n - int(axes) + k, k) for k in range(int(axes))]
    else:
        left, right = (tuple(x) if isinstance(x, (tuple, list)) else (x,) for x in axes)
        pairs = [(normalize_axis_index(i, n), normalize_axis_index(j, m)) for i, j in zip(left, right, strict=True)]
    shared_a, shared_b = dict(pairs), {j: i for i, j in pairs}
    a = tuple(f"k{k}" if k in shared_a else f"a{k}" for k in range(n))
    b = tuple(f"k{shared_b[k]}" if k in shared_b else f"b{k}" for k in range(m))
    return a, b, tuple(x for x in a if x[0] == "a") + tuple(x for x in b if x[0] == "b")


contraction(np.matmul, _matmul, "a, b")
contraction(np.dot, _dot, "a, b")
contraction(np.inner, _inner, "a, b")
contraction(np.tensordot, _tensordot, "a, b, axes")


# --- products of stacks of vectors and matrices: generalized ufuncs ---------------------------------


def _stacked_pair(n: int, m: int, *, core: tuple[str, str, str]) -> Pair:
    """Labels of a product whose last axes are those of ``core``, and whose first ones are broadcast."""
    a, b = n - len(core[0]), m - len(core[1])
    stack = tuple(range(max(a, b)))
    return (*stack[len(stack) - a :], *core[0]), (*stack[len(stack) - b :], *core[1]), (*stack, *core[2])


CORES: dict[np.ufunc, tuple[str, str, str]] = {np.matmul: ("ik", "kj", "ij")}
for _name, _core in {"vecdot": ("k", "k", ""), "matvec": ("ik", "k", "i"), "vecmat": ("k", "kj", "j")}.items():
    if hasattr(np, _name):  # NumPy 2.2 has all of them
        _ufunc = getattr(np, _name)
        CORES[_ufunc] = _core
        contraction(_ufunc, partial(_stacked_pair, core=_core), "a, b", conjugates=_name != "matvec")


def with_axes(ufunc: Any, a: Any, b: Any, /, *, axes: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """A product of stacks along other axes than the last ones: they are moved there, and back in the result."""
    operands = [as_array(a), as_array(b)]
    counts = [min(len(core), x.ndim) for core, x in zip(CORES[ufunc], operands, strict=False)]
    result = sum(counts) - 2  # axes of the result; one of each operand is summed over
    if axis is not None:
        if axes is not None or ufunc is not getattr(np, "vecdot", None):
            raise TypeError(f"{ufunc.__name__}: axis can only be used with a single shared core dimension")
        axes = [axis, axis, *([axis] if keepdims else [])]
    if axes is None:
        axes = [tuple(range(-count, 0)) for count in counts]
    given = [x if isinstance(x, tuple) else (x,) for x in axes]
    moved = [np.moveaxis(x, g, tuple(range(-len(g), 0))) for x, g in zip(operands, given, strict=False)]
    y = ufunc(*moved)
    if keepdims:  # of vecdot, whose result has no axis of its own
        y, result = y[..., None], 1
    return np.moveaxis(y, tuple(range(-result, 0)), given[2]) if len(given) > 2 and result else y


for _ufunc in CORES:
    UFUNC_METHODS[_ufunc, "axes"] = with_axes


@handles(np.outer)
def _outer(a: Any, b: Any, out: None = None) -> Any:
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@handles(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    a, b = as_array(a), as_array(b)
    return np.dot(np.conjugate(a).ravel(), b.ravel())


# --- the same under the names of numpy.linalg -------------------------------------------------------

handles(np.linalg.matmul)(lambda x1, x2, /: np.matmul(x1, x2))
handles(np.linalg.tensordot)(lambda x1, x2, /, *, axes=2: np.tensordot(x1, x2, axes))
handles(np.linalg.vecdot)(lambda x1, x2, /, *, axis=-1: with_axes(np.vecdot, x1, x2, axis=axis))
handles(np.linalg.matrix_transpose)(lambda x, /: np.matrix_transpose(x))
handles(np.linalg.diagonal)(lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1))


@handles(np.linalg.trace)
def _trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return np.sum(np.diagonal(x, offset, -2, -1), axis=-1, dtype=dtype)


@handles(np.linalg.outer)
def _outer_of_vectors(x1: Any, x2: Any, /) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ValueError(f"Input arrays must be one-dimensional, but they are {x1.ndim=} and {x2.ndim=}.")
    return np.outer(x1, x2)


@handles(np.linalg.cross)
def _cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    x1, x2 = as_array(x1), as_array(x2)
    if x1.shape[axis] != 3 or x2.shape[axis] != 3:
        raise ValueError(
            "Both input arrays must be (arrays of) 3-dimensional vectors, "
            f"but they are {x1.shape[axis]} and {x2.shape[axis]} dimensional instead."
        )
    return np.cross(x1, x2, axis=axis)


@handles(np.linalg.multi_dot)
def _multi_dot(arrays: Sequence[Any], *, out: None = None) -> Any:
    """A product of many matrices, in the order that takes the fewest multiplications."""
    matrices = [as_array(x) for x in arrays]
    if len(matrices) < 2:
        raise ValueError("Expecting at least two arrays.")
    first, last = matrices[0].ndim, matrices[-1].ndim
    matrices[0] = matrices[0][None, :] if first == 1 else matrices[0]
    matrices[-1] = matrices[-1][:, None] if last == 1 else matrices[-1]
    for x in matrices:
        if x.ndim != 2:
            raise np.linalg.LinAlgError(f"{x.ndim}-dimensional array given. Array must be two-dimensional")
    product = _chain(matrices)
    rows, columns = product.shape
    return np.reshape(product, ((rows,) if first > 1 else ()) + ((columns,) if last > 1 else ()))


def _chain(matrices: list[Any]) -> Any:
    """Matrix chain multiplication by dynamic programming over its intervals."""
    n = len(matrices)
    sizes = [matrices[0].shape[0], *(x.shape[1] for x in matrices)]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            costs = [
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            best[i, j] = min(costs)

    def multiply(i: int, j: int) -> Any:
        if i == j:
            return matrices[i]
        k = best[i, j][1]
        return np.dot(multiply(i, k), multiply(k + 1, j))

    return multiply(0, n - 1)
