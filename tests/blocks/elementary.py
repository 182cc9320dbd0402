"""The catalogue's blocks of ones, copies and single factors: everything but general matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import (
    CumulativeSum,
    Diagonal,
    Identity,
    Mask,
    Reduce,
    Reshape,
    Roll,
    Scale,
    Slice,
    Take,
    Transpose,
    Zero,
)
from adjoint.blocks.cumulative import Recurrence
from tests.blocks.entry import Entry, Shape, random

# in_shape → out_shape for everything that broadcasts: unit axes, missing axes, both, and empty ones
BROADCASTS: list[tuple[Shape, Shape]] = [
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (2, 3)),
    ((0,), (0,)),
    ((2, 0), (2, 0)),
    ((), (4,)),
    ((), (2, 3)),
    ((1,), (1,)),
    ((1,), (4,)),
    ((3,), (2, 3)),
    ((1,), (2, 3)),
    ((2, 1), (2, 3)),
    ((1, 3), (2, 3)),
    ((1, 1), (2, 3)),
    ((1, 3), (1, 3)),
    ((3, 1), (2, 3, 4)),
    ((1,), (0,)),
    ((3,), (0, 3)),
    ((), (0,)),
    ((1, 0), (2, 0)),
]


def identities() -> list[Entry]:
    shapes: list[Shape] = [(), (1,), (3,), (2, 3), (1, 1, 2), (0,), (2, 0)]
    return [Entry(f"identity {s}", Identity(s), lambda v: v) for s in shapes]


def zeros() -> list[Entry]:
    pairs: list[tuple[Shape, Shape]] = [
        ((), ()),
        ((3,), (2, 3)),
        ((2, 3), (2, 3)),
        ((2, 3), ()),
        ((0,), (2,)),
        ((2,), (0,)),
    ]
    return [Entry(f"zero {a} -> {b}", Zero(a, b), lambda v, b=b: np.zeros(b)) for a, b in pairs]


def scales() -> list[Entry]:
    entries = []
    for a, b in BROADCASTS:
        for c in (1, -2.5, 1.5 - 2j):
            name = f"scale {c} {a} -> {b}"
            entries.append(Entry(name, Scale(c, a, b), lambda v, b=b, c=c: np.broadcast_to(c * v, b)))
    return entries


def diagonals() -> list[Entry]:
    entries = []
    for a, b in BROADCASTS:
        tail = b[-1:]
        data = {"full": random(*b), "tail": random(*tail), "scalar": random(), "complex": random(*b, complex=True)}
        if len(b) == 2:
            data["column"] = random(b[0], 1)
        for which, d in data.items():
            d = np.asarray(d)
            for guarded in (False, True):
                name = f"diagonal {which}{' guarded' * guarded} {a} -> {b}"
                block = Diagonal(d, a, b, guarded)
                entries.append(Entry(name, block, lambda v, b=b, d=d: np.broadcast_to(v * d, b)))
    return entries


def masks() -> list[Entry]:
    entries = []
    for a, b in BROADCASTS:
        for which, shape in (("full", b), ("tail", b[-1:]), ("scalar", ())):
            mask = np.asarray(random(*shape) > 0)
            name = f"mask {which} {a} -> {b}"
            entries.append(Entry(name, Mask(mask, a, b), lambda v, b=b, m=mask: np.broadcast_to(v, b) * m))
    return entries


def reductions() -> list[Entry]:
    cases: list[tuple[Shape, tuple[int, ...]]] = [
        ((), ()),
        ((3,), (0,)),
        ((3,), (-1,)),
        ((2, 3), ()),
        ((2, 3), (0,)),
        ((2, 3), (1,)),
        ((2, 3), (0, 1)),
        ((2, 3), (-1, 0)),
        ((2, 1, 3), (1,)),
        ((2, 3, 2), (0, 2)),
        ((1, 1), (0,)),
        ((0,), (0,)),
        ((2, 0), (1,)),
        ((2, 0), (0,)),
    ]
    entries = []
    for shape, axes in cases:
        for keep in (False, True):
            out = np.zeros(shape).sum(axes, keepdims=keep).shape
            for c in (1, 0.5, 2 - 1j):
                name = f"reduce {c} {shape} over {axes}{' keepdims' * keep}"
                entries.append(
                    Entry(
                        name,
                        Reduce(c, axes, shape, out),
                        lambda v, c=c, axes=axes, keep=keep: c * np.sum(v, axes, keepdims=keep),
                    )
                )
    return entries


def gathers() -> list[Entry]:
    entries = []
    reshapes: list[tuple[Shape, Shape]] = [
        ((), (1,)),
        ((1, 1), ()),
        ((6,), (2, 3)),
        ((2, 3), (3, 2)),
        ((2, 3), (2, 3)),
        ((2, 3), (1, 6, 1)),
        ((0,), (2, 0)),
        ((0, 3), (0,)),
    ]
    for a, b in reshapes:
        entries.append(Entry(f"reshape {a} -> {b}", Reshape(a, b), lambda v, b=b: np.reshape(v, b)))

    transposes: list[tuple[Shape, tuple[int, ...]]] = [
        ((), ()),
        ((3,), (0,)),
        ((2, 3), (1, 0)),
        ((3, 2), (1, 0)),
        ((2, 3), (0, 1)),
        ((2, 3, 4), (2, 0, 1)),
        ((2, 1, 3), (1, 2, 0)),
        ((0, 3), (1, 0)),
    ]
    for shape, axes in transposes:
        entries.append(
            Entry(f"transpose {shape} {axes}", Transpose(axes, shape), lambda v, axes=axes: np.transpose(v, axes))
        )

    slices: list[tuple[Shape, Any]] = [
        ((), ()),
        ((), (None,)),
        ((), (...,)),
        ((4,), (2,)),
        ((4,), (-1,)),
        ((4,), (slice(1, 3),)),
        ((4,), (slice(None, None, -1),)),
        ((4,), (slice(3, 3),)),
        ((4,), (None, slice(None, None, 2), None)),
        ((2, 3), (1,)),
        ((2, 3), (slice(None), 1)),
        ((2, 3), (..., -1)),
        ((2, 3), (..., None, 0)),
        ((2, 3), (1, 2)),
        ((2, 3), (slice(None), slice(None, None, -1))),
        ((2, 3), (slice(None, None, -1), slice(None))),
        ((3, 2, 4), (slice(0, 2), ..., slice(1, None, 2))),
        ((0, 3), (slice(None), 1)),
        ((1, 3), (0,)),
    ]
    for shape, index in slices:
        out = np.zeros(shape)[index].shape
        entries.append(Entry(f"slice {shape}[{index}]", Slice(index, shape, out), lambda v, index=index: v[index]))

    takes: list[tuple[Shape, Any]] = [
        ((), 0),
        ((), [0, 0]),
        ((4,), 2),
        ((4,), [3, 1, 2, 0]),
        ((4,), [2, 2, 2]),
        ((4,), [[0, 3], [3, 2], [0, 0]]),
        ((2, 3), [5, 0, 5]),
        ((2, 3), [[5, 4, 3], [2, 1, 0]]),
        ((2, 3), [[0, 0, 0], [0, 0, 1]]),
        ((3,), [[0, 1, 2], [2, 2, 2]]),
        ((2, 3), [0, 2, 4]),
        ((2, 3), 4),
        ((4,), []),
        ((2, 3), [[], []]),
        ((0,), []),
        ((0, 2), [[]]),
    ]
    for shape, flat in takes:
        flat = np.array(flat, dtype=np.intp)
        name = f"take {flat.tolist()} of {shape}"
        entries.append(Entry(name, Take(flat, shape), lambda v, flat=flat: np.ravel(v)[flat]))

    rolls: list[tuple[Shape, tuple[int, ...], tuple[int, ...]]] = [
        ((3,), (1,), (-1,)),
        ((2, 3), (2,), (-1,)),
        ((2, 3), (1,), (-2,)),
        ((2, 3), (1, -1), (-2, -1)),
        ((2, 3), (2, 2), (-1, -1)),
        ((1, 3), (5,), (-2,)),
        ((0,), (1,), (-1,)),
        ((2, 0), (1,), (-2,)),
        ((2, 3), (), ()),
    ]
    for shape, shifts, axes in rolls:
        entries.append(
            Entry(
                f"roll {shape} by {shifts} along {axes}",
                Roll(shifts, axes, shape),
                lambda v, shifts=shifts, axes=axes: np.roll(v, shifts, axes),
            )
        )
    return entries


def cumulatives() -> list[Entry]:
    cases: list[tuple[Shape, int]] = [
        ((3,), 0),
        ((1,), -1),
        ((2, 3), 0),
        ((2, 3), -1),
        ((2, 3, 2), 1),
        ((0,), 0),
        ((0, 3), 1),
        ((2, 0), 1),
    ]
    return [
        Entry(
            f"cumulative sum {shape} axis {axis}", CumulativeSum(axis, shape), lambda v, axis=axis: np.cumsum(v, axis)
        )
        for shape, axis in cases
    ]


def recurrences() -> list[Entry]:
    def steps(c: np.ndarray, axis: int, v: np.ndarray) -> np.ndarray:
        """``x_i = c_i x_{i-1} + v_i``, one after the other."""
        c, v = np.moveaxis(c, axis, 0), np.moveaxis(v, axis, 0)
        x = np.zeros(v.shape, np.result_type(c, v))
        for i in range(len(v)):
            x[i] = v[i] + (c[i] * x[i - 1] if i else 0)
        return np.moveaxis(x, 0, axis)

    entries = []
    cases: list[tuple[Shape, int]] = [((1,), 0), ((4,), 0), ((7,), -1), ((2, 3), 0), ((2, 5, 2), 1)]
    cases += [((0,), 0), ((0, 3), 1), ((2, 0), 1)]
    for shape, axis in cases:
        for name, c in {
            "real": random(*shape),
            "with zeros": random(*shape) * (np.arange(np.prod(shape)).reshape(shape) % 3 > 0),
            "complex": random(*shape, complex=True),
        }.items():
            map_ = lambda v, c=c, axis=axis: steps(c, axis, v)
            entries.append(Entry(f"recurrence {name} {shape} axis {axis}", Recurrence(c, axis, shape), map_))
    return entries
