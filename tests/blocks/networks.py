"""The catalogue's blocks of classes, tables and gates: softmax, rows, pieces side by side."""

from __future__ import annotations

import numpy as np

from adjoint.blocks import LogSoftmax, Pieces, Rows, Softmax
from adjoint.blocks.softmax import SoftmaxMagnitude
from tests.blocks.entry import Entry, Shape, random


def _positive(shape: Shape, axis: int) -> np.ndarray:
    """Probabilities along an axis, by the definition; one of them 0 where there are several."""
    p = np.exp(random(*shape))
    if p.shape[axis] > 2:
        np.moveaxis(p, axis, -1)[..., 1] = 0
    return np.asarray(p / p.sum(axis, keepdims=True))


def softmaxes() -> list[Entry]:
    found = []
    for shape, axis in [((4,), -1), ((2, 3), -1), ((3, 2), -2), ((2, 3, 2), -2), ((2, 1), -1), ((0, 3), -1)]:
        p = _positive(shape, axis)
        lines, size = np.moveaxis(p, axis, -1), shape[axis]
        jacobian = lines[..., :, None] * (np.eye(size) - lines[..., None, :])
        logarithmic = np.eye(size) - np.broadcast_to(lines[..., None, :], jacobian.shape)
        for name, block, matrices in [
            ("softmax", Softmax(p, axis, shape), jacobian),
            ("softmax magnitude", SoftmaxMagnitude(p, axis, shape), np.abs(jacobian)),
            ("log-softmax", LogSoftmax(p, axis, shape), logarithmic),
            ("log-softmax bound", LogSoftmax(p, axis, shape, sign=1), 2 * np.eye(size) - logarithmic),
        ]:

            def map_(v: np.ndarray, matrices: np.ndarray = matrices, axis: int = axis) -> np.ndarray:
                lines = np.moveaxis(v, axis, -1)
                return np.moveaxis(np.einsum("...ij,...j->...i", matrices, lines), -1, axis)

            found.append(Entry(f"{name} {shape} axis {axis}", block, map_))
    return found


def rows() -> list[Entry]:
    many = np.random.default_rng(0).integers(0, 3, (60, 20))
    table: list[tuple[str, list[int] | int | np.ndarray, Shape, int]] = [
        ("plain", [2, 0, 2, 2], (3, 2), 0),
        ("two axes", [[1, 1], [0, 2]], (3, 2), 0),
        ("numbers", [1, 1, 0], (3,), 0),
        ("one", 1, (3, 2), 0),
        ("middle axis", [1, 0, 1], (2, 3, 2), 1),
        ("last axis", [[2, 2]], (2, 3), 1),
        ("nothing", np.zeros(0, int), (3, 2), 0),
        ("many", many, (3, 4), 0),  # beyond the limit up to which entries are added one by one
    ]
    return [
        Entry(
            f"rows {name} of {shape}",
            Rows(np.asarray(indices), shape, axis),
            lambda v, indices=indices, axis=axis: np.take(v, np.asarray(indices), axis),
        )
        for name, indices, shape, axis in table
    ]


def pieces() -> list[Entry]:
    def entry(name: str, shape: Shape, used: str, *, complex: bool = False) -> Entry:
        parts = [random(*shape, k + 1, complex=complex)[..., 0] if mark == "x" else None for k, mark in enumerate(used)]
        size = shape[-1]

        def map_(v: np.ndarray) -> np.ndarray:
            total = np.zeros(shape, np.result_type(v, *[d for d in parts if d is not None]))
            for k, d in enumerate(parts):
                if d is not None:
                    total += v[..., size * k : size * (k + 1)] * d
            return total

        return Entry(f"pieces {name}", Pieces(parts, shape), map_)

    return [
        entry("all", (2, 3), "xxx"),
        entry("some", (2, 3), "-x-x"),
        entry("one", (2,), "x"),
        entry("last", (1, 2), "---x"),
        entry("complex", (2, 2), "x-x", complex=True),
    ]


def networks() -> list[Entry]:
    return [*softmaxes(), *rows(), *pieces()]
