"""The catalogue's blocks that are transforms: Fourier transforms, convolutions, recurrences, sparse matrices."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from adjoint.blocks import Convolution, Cosine, Fourier, Recursion, SparseMatrix, SparseSolve
from adjoint.blocks.sparse_matrix import Coordinates
from tests.blocks.entry import Entry, Shape, random


def fourier(shape: Shape, axis: int, *, inverse: bool = False, norm: str = "backward") -> Entry:
    """Sums of ``exp(∓2πi jk/n)``, as the definition has it."""
    n = shape[axis]
    turns = np.outer(np.arange(n), np.arange(n)) / n
    scaled = {"backward": inverse, "forward": not inverse}.get(norm)
    scale = 1 / np.sqrt(n) if scaled is None else 1 / n if scaled else 1.0
    matrix = scale * np.exp((2j if inverse else -2j) * np.pi * turns)
    name = f"{'inverse ' * inverse}fourier {norm} axis {axis} of {shape}"
    return Entry(
        name,
        Fourier(axis, inverse, norm, shape),
        lambda v: np.moveaxis(np.tensordot(matrix, v, (1, axis)), 0, axis),
    )


def fouriers() -> list[Entry]:
    entries = [
        fourier((2, 3), axis, inverse=inverse, norm=norm)
        for axis in (0, 1)
        for inverse in (False, True)
        for norm in ("backward", "ortho", "forward")
    ]
    return [*entries, fourier((4,), 0), fourier((1,), 0, inverse=True), fourier((2, 4, 3), -2), fourier((0, 2), 1)]


def cosine(shape: Shape, axis: int, type_: int, *, sine: bool = False) -> Entry:
    """Orthonormal waves, as the definition has them: at integers or between, in time and in frequency."""
    n = shape[axis]
    late, high = type_ in (2, 4), type_ in (3, 4)  # a shift by one half in time, in frequency
    if sine:
        steps = n + 1 if type_ == 1 else n
        time, pitch = np.arange(n) + (0.5 if late else 1), np.arange(n) + (0.5 if high else 1)
        matrix = np.sin(np.pi * np.outer(pitch, time) / steps)
    else:
        steps = n - 1 if type_ == 1 else n
        time, pitch = np.arange(n) + (0.5 if late else 0), np.arange(n) + (0.5 if high else 0)
        matrix = np.cos(np.pi * np.outer(pitch, time) / steps)
    if type_ == 1 and not sine:
        matrix[:, [0, -1]] /= np.sqrt(2)
    if type_ == 3:
        matrix[:, -1 if sine else 0] /= np.sqrt(2)
    matrix = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    name = f"{'sine' if sine else 'cosine'} transform {type_} axis {axis} of {shape}"
    block = Cosine(sine, type_, axis, shape)
    return Entry(name, block, lambda v: np.moveaxis(np.tensordot(matrix, v, (1, axis)), 0, axis))


def cosines() -> list[Entry]:
    kinds = [(type_, sine) for type_ in (1, 2, 3, 4) for sine in (False, True)]
    return [
        *(cosine((4,), -1, type_, sine=sine) for type_, sine in kinds),
        *(cosine((3, 2), -2, type_, sine=sine) for type_, sine in kinds),
        cosine((0, 2), -1, 2),
    ]


def convolution(other_shape: Shape, mode: str, in_shape: Shape, *, complex: bool = False) -> Entry:
    """One product at a time."""
    other = random(*other_shape, complex=complex)
    block = Convolution(other, mode, in_shape)
    first = [0 if mode == "full" else min(n, m) - 1 for n, m in zip(in_shape, other_shape, strict=True)]

    def map_(v: np.ndarray) -> np.ndarray:
        whole = [n + m - 1 for n, m in zip(in_shape, other_shape, strict=True)]
        out = np.zeros(whole, np.result_type(v, other))
        for i in np.ndindex(*in_shape):
            for k in np.ndindex(*other_shape):
                out[tuple(np.add(i, k))] += v[i] * other[k]
        return out[tuple(slice(start, start + n) for start, n in zip(first, block.out_shape, strict=True))]

    return Entry(f"{mode} convolution {'complex ' * complex}of {in_shape} with {other_shape}", block, map_)


def convolutions() -> list[Entry]:
    pairs = [((2,), (3,)), ((4,), (3,)), ((3,), (3,)), ((1,), (3,)), ((3,), (1,)), ((2, 1), (2, 3)), ((2, 3), (1, 2))]
    nested = [((2, 1), (2, 3)), ((2, 3), (1, 2)), ((2, 2, 1), (2, 3, 2))]
    return [
        *(convolution(other, "full", shape) for other, shape in pairs),
        *(convolution(other, "valid", shape) for other, shape in pairs[:5] + nested),
        *(convolution(other, mode, (3,), complex=True) for other in ((2,), (5,)) for mode in ("full", "valid")),
    ]


def recursion(count: int, axis: int, shape: Shape, *, complex: bool = False) -> Entry:
    """``v`` and its delayed copies."""
    tail = random(count, complex=complex)

    def map_(v: np.ndarray) -> np.ndarray:
        moved = np.moveaxis(v, axis, 0)
        out = moved.astype(np.result_type(v, tail))
        for n in range(len(moved)):
            for k in range(min(n, count)):
                out[n] += tail[k] * moved[n - 1 - k]
        return np.moveaxis(out, 0, axis)

    return Entry(f"recursion {'complex ' * complex}{count} axis {axis} of {shape}", Recursion(tail, axis, shape), map_)


def recursions() -> list[Entry]:
    return [
        recursion(2, -1, (4,)),
        recursion(2, -1, (4,), complex=True),
        recursion(3, -1, (2, 3)),
        recursion(1, -2, (3, 2)),
        recursion(4, -1, (2,)),
        recursion(0, -1, (3,)),
        recursion(2, -1, (0,)),
    ]


def _random_sparse(m: int, n: int, *, complex: bool = False) -> np.ndarray:
    dense = random(m, n, complex=complex)
    dense[np.abs(dense) < 0.4] = 0
    return dense


def sparse_matrix(m: int, axis: int, shape: Shape, *, complex: bool = False) -> Entry:
    matrix = _random_sparse(m, shape[axis], complex=complex)
    return Entry(
        f"sparse matrix {'complex ' * complex}({m}, {shape[axis]}) on axis {axis} of {shape}",
        SparseMatrix(scipy.sparse.csr_array(matrix), axis, shape),
        lambda v: np.moveaxis(np.tensordot(matrix, v, (1, axis)), 0, axis),
    )


def sparse_matrices() -> list[Entry]:
    return [
        sparse_matrix(4, -1, (3,)),
        sparse_matrix(4, -1, (3,), complex=True),
        sparse_matrix(2, -2, (4, 3)),
        sparse_matrix(5, -1, (2, 3)),
        sparse_matrix(3, -2, (2, 3, 2), complex=True),
        sparse_matrix(2, -1, (0,)),
    ]


def sparse_solve(n: int, shape: Shape, *, adjoint: bool = False, complex: bool = False) -> Entry:
    """A matrix with a diagonal; the first of its entries is listed in two parts."""
    dense = _random_sparse(n, n, complex=complex) + 4 * np.eye(n)
    rows, columns = np.nonzero(dense)
    data = dense[rows, columns]
    where = Coordinates(np.append(rows, rows[:1]), np.append(columns, columns[:1]), n)
    data = np.append(data, data[:1] / 3)
    data[0] *= 2 / 3
    matrix = dense.conj().T if adjoint else dense
    name = f"sparse solve {'adjoint ' * adjoint}{'complex ' * complex}{n} of {shape}"
    return Entry(name, SparseSolve(data, where, adjoint, shape), lambda v: np.dot(matrix, v))


def sparse_solves() -> list[Entry]:
    return [
        sparse_solve(3, (3,)),
        sparse_solve(4, (4, 2), adjoint=True),
        sparse_solve(4, (4,), complex=True),
        sparse_solve(3, (3, 2), adjoint=True, complex=True),
    ]
