"""A catalogue of blocks, each beside an independent definition of the same map.

The definition is a function of one unbatched vector, written with NumPy's own functions (or a loop), never with the
block's. Applied to unit vectors it gives the dense matrix that the contract suite compares with. A new kind
of block joins by adding its entries here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import (
    Adjoint,
    Block,
    Contraction,
    CumulativeSum,
    Dense,
    Diagonal,
    Function,
    Identity,
    Mask,
    Product,
    Reduce,
    Reshape,
    Roll,
    Scale,
    Slice,
    Sparse,
    Sum,
    Take,
    Transpose,
    Zero,
)

Shape = tuple[int, ...]
Map = Callable[[np.ndarray], Any]


@dataclass(frozen=True)
class Entry:
    """A block, and the map that it must be."""

    name: str
    block: Block
    map: Map

    @property
    def matrix(self) -> np.ndarray:
        """The dense matrix of ``map``: its values at the unit vectors."""
        return matrix_of(self.map, self.block.in_shape, self.block.out_shape)

    def __str__(self) -> str:
        return self.name


def matrix_of(map_: Map, in_shape: Shape, out_shape: Shape) -> np.ndarray:
    """The matrix of a linear map, column by column."""
    n, m = math.prod(in_shape), math.prod(out_shape)
    columns = [np.asarray(map_(unit.reshape(in_shape))) for unit in np.eye(n)]
    for image in columns:
        assert image.shape == out_shape, f"the definition gives {image.shape}, the block promises {out_shape}"
    return np.array(columns).reshape(n, m).T


def random(*shape: int, complex: bool = False) -> np.ndarray:
    """Random data that depend on the shape alone, so that a failing entry fails again by itself."""
    rng = np.random.default_rng([len(shape), *shape])
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if complex else x


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


def contraction(subscripts: str, *, complex: bool = False, empty: str = "", one: str = "") -> Entry:
    """``J v = einsum(subscripts, v, other)``; labels of the result alone are broadcast, as einsum cannot."""
    sizes = {label: 2 + k % 3 for k, label in enumerate("abcdefgh")} | dict.fromkeys(empty, 0) | dict.fromkeys(one, 1)
    operands, out_labels = subscripts.split("->")
    labels, other_labels = operands.split(",")
    shape, other_shape, out_shape = (
        tuple(sizes[label] for label in some) for some in (labels, other_labels, out_labels)
    )
    other = random(*other_shape, complex=complex)
    known = "".join(label for label in out_labels if label in labels + other_labels)
    unit = tuple(sizes[label] if label in known else 1 for label in out_labels)

    def map_(v: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.einsum(f"{operands}->{known}", v, other).reshape(unit), out_shape)

    block = Contraction(tuple(labels), tuple(other_labels), tuple(out_labels), np.asarray(other), shape, out_shape)
    extra = "complex " * complex + f"{empty}=0 " * bool(empty) + f"{one}=1 " * bool(one)
    return Entry(f"contraction {extra}{subscripts}", block, map_)


def contractions() -> list[Entry]:
    specs = [
        ",->",  # all scalars
        "a,a->",  # dot
        "a,->a",
        ",a->a",
        "a,a->a",  # elementwise
        "a,b->ab",  # outer, in both orders
        "a,b->ba",
        "ab,b->a",  # matrix times vector, on every side
        "ab,a->b",
        "b,ab->a",
        "ab,bc->ac",
        "bc,ab->ac",
        "ab,be->ae",
        "ab,bc->ca",
        "ba,cb->ac",
        "ab,cb->ac",
        "abc,acd->abd",  # batch labels
        "acb,dca->bda",
        "abc,ac->ab",
        "ac,abc->ab",
        "ac,ac->a",
        "abc,bcd->ad",  # two contracted labels
        "abc,cbd->da",
        "abcd,cdef->abef",
        "ab,cd->acbd",  # free labels only, interleaved
        "ab,->",  # v summed alone
        "abc,c->a",
        "a,bc->ab",  # the other operand summed alone
        "ab,ac->ac",
        "a,b->",
        "a,->ab",  # labels of the result alone: broadcast
        ",->ab",
        "ab,bc->dac",
        "ab,a->eab",
        "ab,ab->ba",
        "abc,cab->bca",
    ]
    entries = [contraction(spec) for spec in specs]
    entries += [
        contraction(spec, complex=True) for spec in ("a,a->", "ab,bc->ac", "bc,ab->ca", "abc,acd->abd", "a,b->ab")
    ]
    entries += [contraction(spec, empty="b") for spec in ("ab,bc->ac", "ab,b->a", "abc,acd->abd", "b,b->", "a,ab->b")]
    entries += [contraction(spec, empty="a") for spec in ("ab,bc->ac", "abc,acd->abd", "a,->ab", "ab,b->a")]
    entries += [contraction(spec, one="b") for spec in ("ab,bc->ac", "abc,acd->abd", "ab,b->a", "a,b->ab", "a,->ab")]
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


def sparse(in_shape: Shape, out_shape: Shape, count: int, *, complex: bool = False, repeated: bool = False) -> Entry:
    """Random coordinates; ``repeated`` lists each of them twice (and with other values)."""
    m, n = math.prod(out_shape), math.prod(in_shape)
    rng = np.random.default_rng([m, n, count])
    cells = rng.permutation(m * n)[:count]
    cells = np.concatenate([cells, cells]) if repeated else cells
    data = random(cells.size, complex=complex)
    rows, columns = (cells // n, cells % n) if cells.size else (cells, cells)

    def map_(v: np.ndarray) -> np.ndarray:
        out = np.zeros(m, np.result_type(data, v))
        for r, c, d in zip(rows, columns, data, strict=True):
            out[r] += d * v.flat[c]
        return out.reshape(out_shape)

    name = f"sparse {'complex ' * complex}{'repeated ' * repeated}{count} of {in_shape} -> {out_shape}"
    return Entry(name, Sparse(rows, columns, data, in_shape, out_shape), map_)


def sparses() -> list[Entry]:
    return [
        sparse((), (), 1),
        sparse((3,), (4,), 5),
        sparse((2, 3), (2, 3), 9),
        sparse((2, 3), (2, 3), 9, repeated=True),
        sparse((2, 3), (2, 3), 9, complex=True),
        sparse((2, 3), (2, 3), 5, complex=True, repeated=True),
        sparse((3,), (2, 3), 7, repeated=True),
        sparse((2, 3), (), 2),
        sparse((), (2, 3), 3),
        sparse((3,), (2,), 0),
        sparse((0,), (3,), 0),
        sparse((3,), (0, 2), 0),
        sparse((1, 1), (1,), 1, repeated=True),
    ]


def dense(in_shape: Shape, out_shape: Shape, *, complex: bool = False) -> Entry:
    m, n = math.prod(out_shape), math.prod(in_shape)
    matrix = random(m, n, complex=complex)
    # NumPy's own contraction of an unflattened array: independent of how the block flattens
    tensor = matrix.reshape(out_shape + in_shape)
    return Entry(
        f"dense {'complex ' * complex}{in_shape} -> {out_shape}",
        Dense(matrix, in_shape, out_shape),
        lambda v: np.tensordot(tensor, v, len(in_shape)),
    )


def denses() -> list[Entry]:
    return [
        dense((), ()),
        dense((3,), (2,)),
        dense((2, 3), (2, 3)),
        dense((2, 3), (2, 3), complex=True),
        dense((2, 3), ()),
        dense((), (2, 3)),
        dense((3,), (2, 3)),
        dense((1,), (1, 1)),
        dense((0,), (2,)),
        dense((2,), (0, 3)),
    ]


def function(in_shape: Shape, out_shape: Shape, *, batched: bool = False, complex: bool = False) -> Entry:
    """A pair of functions: ``v ↦ a · (b · v)`` of rank one."""
    a, b = random(*out_shape, complex=complex), random(*in_shape, complex=complex)
    into, out_of = len(in_shape), len(out_shape)

    def jvp(v: np.ndarray) -> np.ndarray:
        dots = (v * b).sum(tuple(range(-into, 0)))
        return np.reshape(dots, (*np.shape(dots), *(1,) * out_of)) * a

    def vjp(w: np.ndarray) -> np.ndarray:
        dots = (w * np.conj(a)).sum(tuple(range(-out_of, 0)))
        return np.reshape(dots, (*np.shape(dots), *(1,) * into)) * np.conj(b)

    name = f"function {'batched ' * batched}{'complex ' * complex}{in_shape} -> {out_shape}"
    return Entry(
        name,
        Function(in_shape, out_shape, jvp, vjp, batched=batched),
        lambda v: np.tensordot(np.multiply.outer(a, b), v, into),
    )


def functions() -> list[Entry]:
    return [
        function((3,), (2,)),
        function((2, 3), (2, 3)),
        function((2, 3), (2, 3), batched=True),
        function((2, 3), (2, 3), complex=True),
        function((2, 3), (3,), batched=True),
        function((2, 3), ()),
        function((), (2, 3)),
        function((), ()),
        function((0,), (2,)),
        function((2,), (0,)),
    ]


def composites() -> list[Entry]:
    """Composites as the classes make them (nothing simplified) and as ``@``, ``+``, ``.adjoint`` do."""
    by_name = {entry.name: entry for make in (diagonals, masks, reductions, gathers, cumulatives) for entry in make()}
    square = by_name["diagonal full (2, 3) -> (2, 3)"]
    complex_square = by_name["diagonal complex (2, 3) -> (2, 3)"]
    widen = by_name["diagonal full (3,) -> (2, 3)"]
    turn = by_name["transpose (2, 3) (1, 0)"]
    turn_back = by_name["transpose (3, 2) (1, 0)"]
    flip = by_name["slice (2, 3)[(slice(None, None, None), slice(None, None, -1))]"]
    row = by_name["slice (2, 3)[(1,)]"]
    same = by_name["take [2, 2, 2] of (4,)"]
    pick = by_name["slice (4,)[(2,)]"]
    total = by_name["reduce 0.5 (2, 3) over (0, 1)"]
    running = by_name["cumulative sum (2, 3) axis -1"]
    half = by_name["mask tail (2, 3) -> (2, 3)"]
    many, more = sparse((2, 3), (2, 3), 9, repeated=True), sparse((2, 3), (2, 3), 5, complex=True)
    matrix, tall, matmul = dense((2, 3), (2, 3)), dense((3,), (2, 3)), contraction("ab,be->ae")

    def product(left: Entry, right: Entry) -> list[Entry]:
        map_ = lambda v: left.map(np.asarray(right.map(v)))
        name = f"({left.name}) @ ({right.name})"
        return [
            Entry(f"Product {name}", Product(left.block, right.block), map_),
            Entry(f"simplified {name}", left.block @ right.block, map_),
        ]

    def total_of(left: Entry, right: Entry) -> list[Entry]:
        map_ = lambda v: np.add(left.map(v), right.map(v))
        name = f"({left.name}) + ({right.name})"
        return [
            Entry(f"Sum {name}", Sum(left.block, right.block), map_),
            Entry(f"simplified {name}", left.block + right.block, map_),
        ]

    def adjoint(entry: Entry) -> list[Entry]:
        tensor = entry.matrix.conj().T
        block = entry.block
        map_ = lambda w: np.reshape(tensor @ np.ravel(w), block.in_shape)
        return [
            Entry(f"Adjoint ({entry.name})", Adjoint(block), map_),
            Entry(f"simplified adjoint ({entry.name})", block.adjoint, map_),
        ]

    entries = []
    pairs = [
        (square, widen),
        (square, matrix),
        (complex_square, many),
        (turn, flip),
        (turn_back, turn),
        (row, running),
        (total, square),
        (many, more),
        (matrix, tall),
        (half, square),
        (widen, row),
        (same, adjoint(pick)[0]),  # all entries of one column meet all entries of one row
        (running, half),
        (running, matmul),
        (square, matmul),
    ]
    for left, right in pairs:
        entries += product(left, right)
    for left, right in [(square, square), (square, complex_square), (many, more), (matrix, square), (flip, running)]:
        entries += total_of(left, right)
    for entry in (widen, complex_square, flip, row, same, total, running, half, many, more, matrix, tall):
        entries += adjoint(entry)
    deep = product(square, total_of(flip, product(running, half)[0])[0])[0]
    entries += [deep, *adjoint(deep)]
    return entries


def catalogue() -> list[Entry]:
    """Every kind of block in many shapes; names are unique."""
    families = (
        identities,
        zeros,
        scales,
        diagonals,
        masks,
        reductions,
        gathers,
        contractions,
        cumulatives,
        sparses,
        denses,
        functions,
        composites,
    )
    entries = {entry.name: entry for family in families for entry in family()}
    return list(entries.values())


CATALOGUE = catalogue()
