"""``np.einsum``: diagonals and sums of single operands, and contractions of two at a time."""

from __future__ import annotations

import operator
import string
from typing import Any

import numpy as np

from adjoint.blocks.contraction import Labels, compile_contraction
from adjoint.errors import UnsupportedArgumentError
from adjoint.primitives.linear import Pair, contraction
from adjoint.primitives.matrices import as_array
from adjoint.tracing import bind, concrete, handles, here

SYMBOLS = string.ascii_uppercase + string.ascii_lowercase
"""What the integers of NumPy's other notation stand for."""

Term = tuple[Any, Labels]
"""An operand and its labels."""

# --- the notation ---------------------------------------------------------------------------------


def _from_sublists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as subscripts and operands."""
    count = len(arguments) // 2 * 2
    terms = ",".join(_letters(term) for term in arguments[1:count:2])
    result = f"->{_letters(arguments[-1])}" if len(arguments) > count else ""
    return terms + result, arguments[:count:2]


def _letters(sublist: Any) -> str:
    return "".join("..." if x is Ellipsis else SYMBOLS[operator.index(x)] for x in sublist)


def _expand(term: str, ndim: int) -> Labels:
    """Labels of one operand; an ellipsis stands for as many labels as are left, counted from the end."""
    if "..." not in term:
        return tuple(term)
    front, back = term.split("...")
    rest = ndim - len(front) - len(back)
    return (*front, *(f"...{k}" for k in reversed(range(rest))), *back)


def _result(labels: list[Labels], given: str | None) -> Labels:
    count = max((sum(str(x).startswith("...") for x in term) for term in labels), default=0)
    dots = tuple(f"...{k}" for k in reversed(range(count)))
    if given is not None:
        front, ellipsis, back = given.partition("...")
        return (*front, *(dots if ellipsis else ()), *back)
    letters = [x for term in labels for x in term if x not in dots]
    return (*dots, *sorted({str(x) for x in letters if letters.count(x) == 1}))


def _parse(subscripts: str, ndims: list[int]) -> tuple[list[Labels], Labels]:
    terms, arrow, out = subscripts.replace(" ", "").partition("->")
    labels = [_expand(term, ndim) for term, ndim in zip(terms.split(","), ndims, strict=True)]
    return labels, _result(labels, out if arrow else None)


# --- two operands ---------------------------------------------------------------------------------


def _contract(a: Any, b: Any, labels: Pair) -> Any:
    """The value, through BLAS. An axis of size 1 meets any other."""
    la, lb, ly = labels
    sizes = dict(zip((*la, *lb), (*a.shape, *b.shape), strict=True))
    for x, lx in ((a, la), (b, lb)):
        for label, n in zip(lx, x.shape, strict=True):
            sizes[label] = max(sizes[label], n) if n and sizes[label] else 0
            if n not in (1, sizes[label]):
                raise ValueError(f"einsum: label {label!r} has the sizes {n} and {sizes[label]}")
    (a, la), (b, lb) = (_squeezed(x, lx, sizes) for x, lx in ((a, la), (b, lb)))
    return compile_contraction(la, lb, ly)(a, b, tuple(sizes[label] for label in ly))


def _squeezed(x: Any, labels: Labels, sizes: dict[Any, int]) -> Term:
    thin = [k for k, label in enumerate(labels) if x.shape[k] == 1 and sizes[label] != 1]
    if not thin:
        return x, labels
    kept = [k for k in range(len(labels)) if k not in thin]
    return x.reshape(tuple(x.shape[k] for k in kept)), tuple(labels[k] for k in kept)


einsum2 = contraction(_contract, lambda n, m, labels: labels, "a, b, labels")
einsum2.name = "einsum"

# --- one operand ----------------------------------------------------------------------------------


def _diagonals(a: Any, labels: Labels) -> Term:
    """Take diagonals until every label stands once."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            i = labels.index(label)
            j = labels.index(label, i + 1)
            if a.shape[i] != a.shape[j]:
                raise ValueError(f"einsum: label {label!r} has the sizes {a.shape[i]} and {a.shape[j]}")
            a = _diagonal(a, i, j)
            labels = (*(x for k, x in enumerate(labels) if k not in (i, j)), label)
    return a, labels


def _diagonal(a: Any, i: int, j: int) -> Any:
    """A view that may be written to, as NumPy's, where slices can give one; that of ``np.diagonal`` may not."""
    if j != a.ndim - 1 or i != j - 1 or not np.asarray(concrete(a)).flags.c_contiguous:
        return np.diagonal(a, 0, i, j)
    n = a.shape[-1]
    return a.reshape((*a.shape[:-2], n * n))[..., :: n + 1]


def _single(a: Any, labels: Labels, out: Labels) -> Any:
    a, labels = _diagonals(a, labels)
    alone = tuple(k for k, label in enumerate(labels) if label not in out)
    if alone:
        a = np.sum(a, axis=alone)
        labels = tuple(label for label in labels if label in out)
    return np.transpose(a, tuple(labels.index(label) for label in out))


# --- any number of operands -----------------------------------------------------------------------


@handles(np.einsum)
def _einsum(*operands: Any, out: None = None, optimize: Any = False, **options: Any) -> Any:
    refused = {key: x for key, x in options.items() if {"order": "K", "casting": "safe", "dtype": None}.get(key) != x}
    if refused:
        given = ", ".join(f"{key}=" for key in refused)
        raise UnsupportedArgumentError(f"einsum of traced values does not take {given} {here()}\nUse astype.")
    subscripts, operands = (operands[0], operands[1:]) if isinstance(operands[0], str) else _from_sublists(operands)
    arrays = [as_array(x) for x in operands]
    np.einsum(subscripts, *(np.ones((1,) * x.ndim) for x in arrays), optimize=optimize)  # NumPy complains
    labels, result = _parse(subscripts, [x.ndim for x in arrays])
    if len(arrays) == 1:
        return _single(arrays[0], labels[0], result)
    pending = [_diagonals(x, term) for x, term in zip(arrays, labels, strict=True)]
    for step in _path(pending, result, optimize):
        chosen = [pending.pop(k) for k in sorted(step, reverse=True)][::-1]
        a, la = chosen[0]
        for k, (b, lb) in enumerate(chosen[1:], 2):
            needed = {x for _, term in (*pending, *chosen[k:]) for x in term} | set(result)
            last = not pending and k == len(chosen)
            made = result if last else tuple(x for x in dict.fromkeys(la + lb) if x in needed)
            a, la = bind(einsum2, (a, b), {"labels": (la, lb, made)}), made
        pending.append((a, la))
    return pending[0][0]


def _path(pending: list[Term], result: Labels, optimize: Any) -> list[tuple[int, ...]]:
    """Which operands are contracted next, as NumPy finds it; greedily if it was not asked to."""
    if len(pending) == 2:
        return [(0, 1)]
    names = dict(zip(dict.fromkeys(x for _, term in pending for x in term), SYMBOLS, strict=False))
    terms = ",".join("".join(names[x] for x in term) for _, term in pending)
    shapes = [np.broadcast_to(np.float64(0), x.shape) for x, _ in pending]
    method = "greedy" if optimize in (False, True, None) else optimize
    path: list[Any] = np.einsum_path(f"{terms}->{''.join(names[x] for x in result)}", *shapes, optimize=method)[0]
    return path[1:]
