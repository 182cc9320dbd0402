"""The blocks that are linear over the real numbers only, each beside an independent definition of the same map.

They have no matrix of complex numbers; the tests see them as matrices between the real and imaginary parts.
"""

from __future__ import annotations

import numpy as np

from adjoint.blocks import Adjoint, Conjugate, Diagonal, Product, RealPart, Reduce, Stacked, Sum, Transpose
from tests.blocks.entry import Entry, Shape, random

SHAPES: tuple[Shape, ...] = ((), (1,), (3,), (2, 3), (0,), (2, 0))


def conjugations() -> list[Entry]:
    return [Entry(f"conjugate {s}", Conjugate(s), lambda v: v.real - 1j * v.imag) for s in SHAPES]


def real_parts() -> list[Entry]:
    entries = []
    for s in SHAPES:
        entries.append(Entry(f"real part {s}", RealPart(1, s), lambda v: v.real))
        entries.append(Entry(f"imaginary part {s}", RealPart(1j, s), lambda v: v.imag))
        a, b = random(*s), random(*s, 2)[..., 0]
        entries.append(Entry(f"weighted {s}", RealPart(a + 1j * b, s), lambda v, a=a, b=b: a * v.real + b * v.imag))
        entries.append(Entry(f"weighted by reals {s}", RealPart(a, s), lambda v, a=a: a * v.real))
    return entries


def composites() -> list[Entry]:
    """Products that begin, end and have their middle in a real-linear block; sums; stacks; and adjoints of all."""
    shape = (2, 3)
    d, e = random(2, 3, complex=True), random(3, 2, complex=True).T
    diagonal, weighted, turn = Diagonal(d, shape, shape), RealPart(e, shape), Transpose((1, 0), shape)
    total = Reduce(1, (0,), shape, (3,))
    re = lambda v: e.real * v.real + e.imag * v.imag
    maps = {
        "diagonal @ real part": (Product(diagonal, weighted), lambda v: d * re(v)),
        "real part @ diagonal": (Product(weighted, diagonal), lambda v: re(d * v)),
        "diagonal @ real part @ diagonal": (Product(diagonal, weighted, diagonal), lambda v: d * re(d * v)),
        "conjugate @ diagonal": (Product(Conjugate(shape), diagonal), lambda v: (d * v).conj()),
        "transpose @ conjugate": (Product(turn, Conjugate(shape)), lambda v: v.conj().T),
        "simplified transpose @ conjugate": (turn @ Conjugate(shape), lambda v: v.conj().T),
        "reduce @ real part": (Product(total, weighted), lambda v: re(v).sum(0)),
        "conjugate twice": (Conjugate(shape) @ Conjugate(shape), lambda v: v),
        "diagonal + conjugate": (Sum(diagonal, Conjugate(shape)), lambda v: d * v + v.conj()),
        "diagonal + diagonal @ real part": (
            diagonal + Product(diagonal, weighted),
            lambda v: d * v + d * re(v),
        ),
        "stacked": (
            Stacked(diagonal, Product(total, weighted), Conjugate(shape)),
            lambda v: np.concatenate([(d * v).ravel(), re(v).sum(0), v.conj().ravel()]),
        ),
    }
    return [Entry(name, block, map_) for name, (block, map_) in maps.items()]


def adjoints(entries: list[Entry]) -> list[Entry]:
    result = []
    for entry in entries:
        matrix, shape = real_matrix(entry), entry.block.in_shape

        def transposed(w: np.ndarray, matrix: np.ndarray = matrix, shape: Shape = shape) -> np.ndarray:
            return from_parts(matrix.T @ to_parts(w), shape)

        result.append(Entry(f"Adjoint ({entry.name})", Adjoint(entry.block), transposed))
        result.append(Entry(f"simplified adjoint ({entry.name})", entry.block.adjoint, transposed))
    return result


def to_parts(v: np.ndarray) -> np.ndarray:
    """Real parts, then imaginary parts."""
    flat = np.ravel(v)
    return np.concatenate([flat.real, flat.imag])


def from_parts(parts: np.ndarray, shape: Shape) -> np.ndarray:
    real, imaginary = np.split(parts, 2)
    return np.asarray(real + 1j * imaginary).reshape(shape)


def real_matrix(entry: Entry) -> np.ndarray:
    """The matrix between real and imaginary parts, column by column from the definition."""
    n = 2 * entry.block.shape[1]
    columns = [to_parts(np.asarray(entry.map(from_parts(unit, entry.block.in_shape)))) for unit in np.eye(n)]
    return np.array(columns).reshape(n, 2 * entry.block.shape[0]).T


_plain = [*conjugations(), *real_parts(), *composites()]
REAL_LINEAR: list[Entry] = [*_plain, *adjoints(_plain)]
