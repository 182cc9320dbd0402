"""Products of arrays: every one is a contraction, and its blocks are contractions with the other operand."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from adjoint.blocks import Array, Block, Contraction, Reshape
from adjoint.blocks.contraction import Labels, compile_contraction
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import Primitive, bind, handles, here, refuse_options, structured

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
    function: Any, labels: Callable[..., Pair], signature: str, evaluate: Callable[..., Any] | None = None
) -> Primitive:
    """Register a two-operand contraction by its labels ``(a_ndim, b_ndim, **static) → Pair``."""

    def left(y: Array, a: Array, b: Any, **static: Any) -> Block:
        b = b if hasattr(b, "shape") else np.asarray(b)
        la, lb, ly = labels(a.ndim, b.ndim, **static)
        return contraction_block(y, a, b, (la, lb, ly))

    def right(y: Array, a: Any, b: Array, **static: Any) -> Block:
        a = a if hasattr(a, "shape") else np.asarray(a)
        la, lb, ly = labels(a.ndim, b.ndim, **static)
        return contraction_block(y, b, a, (lb, la, ly))

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


@handles(np.outer)
def _outer(a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        refuse_options("outer", {"out": out})
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


@handles(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    a, b = (x if hasattr(x, "ndim") else np.asarray(x) for x in (a, b))
    return np.dot(np.conjugate(a).ravel(), b.ravel())


# --- einsum -----------------------------------------------------------------------------------------


def _expand(term: str, ndim: int) -> Labels:
    """Labels of one operand; an ellipsis stands for as many leading labels as are left, counted from the end."""
    if "..." not in term:
        return tuple(term)
    front, back = term.split("...")
    rest = ndim - len(front) - len(back)
    return (*front, *(f"...{k}" for k in reversed(range(rest))), *back)


def _result(labels: list[Labels], given: str | None) -> Labels:
    dots = sorted({str(x) for term in labels for x in term if str(x).startswith("...")}, reverse=True)
    if given is not None:
        return tuple(y for part in _pieces(given) for y in (dots if part == "..." else (part,)))
    letters = [x for term in labels for x in term if x not in dots]
    return (*dots, *sorted({str(x) for x in letters if letters.count(x) == 1}))


def _pieces(term: str) -> list[str]:
    front, dots, back = term.partition("...")
    return [*front, *([dots] if dots else []), *back]


def _parse(subscripts: str, ndims: list[int]) -> tuple[list[Labels], Labels]:
    terms, arrow, out = subscripts.replace(" ", "").partition("->")
    labels = [_expand(term, ndim) for term, ndim in zip(terms.split(","), ndims, strict=True)]
    return labels, _result(labels, out if arrow else None)


def _einsum_pair(n: int, m: int, *, subscripts: str) -> Pair:
    (a, b), out = _parse(subscripts, [n, m])
    return a, b, out


for _name, _subscripts in {
    "vecdot": "...k,...k->...",
    "matvec": "...ik,...k->...i",
    "vecmat": "...k,...kj->...j",
}.items():
    if hasattr(np, _name):  # NumPy 2.2 has all of them
        contraction(getattr(np, _name), partial(_einsum_pair, subscripts=_subscripts), "a, b")


def _contract(a: Any, b: Any, labels: Pair) -> Any:
    """The value of a two-operand einsum, through BLAS."""
    la, lb, ly = labels
    if any(len(set(x)) < len(x) for x in labels):
        raise ValueError(f"repeated label in {labels}")
    sizes = dict(zip((*la, *lb), (*a.shape, *b.shape), strict=True))
    for x, lx in ((a, la), (b, lb)):
        for label, n in zip(lx, x.shape, strict=True):
            sizes[label] = max(sizes[label], n)
            if n not in (1, sizes[label]):
                raise ValueError(f"einsum: label {label!r} has the sizes {n} and {sizes[label]}")
    (a, la), (b, lb) = (_squeezed(x, lx, sizes) for x, lx in ((a, la), (b, lb)))
    return compile_contraction(la, lb, ly)(a, b, tuple(sizes[label] for label in ly))


def _squeezed(x: Any, labels: Labels, sizes: dict[Any, int]) -> tuple[Any, Labels]:
    thin = [k for k, label in enumerate(labels) if x.shape[k] == 1 and sizes[label] != 1]
    if not thin:
        return x, labels
    kept = [k for k in range(len(labels)) if k not in thin]
    return x.reshape(tuple(x.shape[k] for k in kept)), tuple(labels[k] for k in kept)


einsum2 = contraction(_contract, lambda n, m, labels: labels, "a, b, labels")
einsum2.name = "einsum"


def _diagonals(a: Any, labels: Labels) -> tuple[Any, Labels]:
    """Take diagonals until every label stands once."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            a = np.diagonal(a, 0, i, j)
            labels = (*(x for k, x in enumerate(labels) if k not in (i, j)), label)
    return a, labels


def _single(a: Any, labels: Labels, out: Labels) -> Any:
    a, labels = _diagonals(a, labels)
    alone = tuple(k for k, label in enumerate(labels) if label not in out)
    if alone:
        a = np.sum(a, axis=alone)
        labels = tuple(label for label in labels if label in out)
    return np.transpose(a, tuple(labels.index(label) for label in out))


@handles(np.einsum)
def _einsum(subscripts: Any, *operands: Any, out: Any = None, optimize: Any = True, **options: Any) -> Any:
    if not isinstance(subscripts, str):
        raise UnsupportedArgumentError(f"einsum of traced values takes subscripts as a string: {here()}")
    if out is not None or options:
        given = ", ".join([*options, *(["out"] if out is not None else [])])
        raise UnsupportedArgumentError(f"einsum of traced values does not take {given}: {here()}")
    arrays = [x if hasattr(x, "ndim") else np.asarray(x) for x in operands]
    labels, result = _parse(subscripts, [x.ndim for x in arrays])
    if len(arrays) == 1:
        return _single(arrays[0], labels[0], result)
    pending = [_diagonals(x, term) for x, term in zip(arrays, labels, strict=True)]
    for pair in _pairs(pending, result):
        (b, lb), (a, la) = pending.pop(max(pair)), pending.pop(min(pair))
        needed = {x for _, term in pending for x in term} | set(result)
        made = result if not pending else tuple(x for x in dict.fromkeys(la + lb) if x in needed)
        static = {"labels": (la, lb, made)}
        pending.append((bind(einsum2, (a, b), static), made))
    return pending[0][0]


def _pairs(pending: list[tuple[Any, Labels]], result: Labels) -> list[tuple[int, ...]]:
    """The order of pairwise contractions, as NumPy's greedy path finds it."""
    if len(pending) == 2:
        return [(0, 1)]
    names = {x: chr(ord("a") + k) for k, x in enumerate(dict.fromkeys(x for _, t in pending for x in t))}
    terms = ",".join("".join(names[x] for x in term) for _, term in pending)
    shapes = [np.broadcast_to(np.float64(0), x.shape) for x, _ in pending]
    path = np.einsum_path(f"{terms}->{''.join(names[x] for x in result)}", *shapes, optimize="greedy")[0][1:]
    steps: list[tuple[int, ...]] = []
    count = len(pending)
    for step in path:
        for _ in range(len(step) - 1):  # a step of several operands, pairwise
            last = (count - 2, count - 1) if len(step) > 2 else tuple(step)
            steps.append(last)
            count -= 1
    return steps
