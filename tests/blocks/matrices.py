"""The catalogue's blocks with a matrix behind them: contraction, sparse, dense, function."""

from __future__ import annotations

import math

import numpy as np

from adjoint.blocks import Contraction, Dense, Function, MatrixOnLeft, Sparse
from adjoint.blocks.solve import Factorization
from adjoint.blocks.sylvester import Sylvester
from tests.blocks.entry import Entry, Shape, random


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


def matrix_on_left(matrices: Shape, shape: Shape, *, complex: bool = False, transposed: bool = False) -> Entry:
    """``A v`` or ``Aᴴ v`` for the columns of ``v``."""
    matrix = random(*matrices, complex=complex)
    used = np.conj(np.swapaxes(matrix, -2, -1)) if transposed else matrix
    vectors = len(shape) < len(matrices)
    return Entry(
        f"matrix {'transposed ' * transposed}{matrices} on the left of {shape}",
        MatrixOnLeft(matrix, shape, Factorization(), transposed),
        lambda v: np.einsum("...ij,...j->...i" if vectors else "...ij,...jk->...ik", used, v),
    )


def matrices_on_left() -> list[Entry]:
    return [
        matrix_on_left((3, 3), (3,)),
        matrix_on_left((3, 3), (3, 2), complex=True),
        matrix_on_left((3, 3), (3, 2), complex=True, transposed=True),
        matrix_on_left((3, 3), (2, 3, 2)),
        matrix_on_left((2, 3, 3), (2, 3, 2), complex=True),
        matrix_on_left((2, 3, 3), (2, 3), complex=True, transposed=True),
        matrix_on_left((2, 1, 3, 3), (2, 2, 3, 1)),
        matrix_on_left((0, 0), (0,)),
        matrix_on_left((0, 2, 2), (0, 2, 3)),
    ]


def sylvester(m: int, n: int, shape: Shape, *, complex: bool = False) -> Entry:
    """``A v + v B``."""
    a, b = random(*shape[1:-2], m, m, complex=complex), random(*shape[:-2], n, n)
    map_ = lambda v: np.einsum("...ij,...jk->...ik", a, v) + np.einsum("...ij,...jk->...ik", v, b)
    return Entry(f"sylvester {'complex ' * complex}{shape}", Sylvester(a, b, shape), map_)


def sylvesters() -> list[Entry]:
    return [sylvester(2, 3, (2, 3)), sylvester(2, 3, (2, 3), complex=True), sylvester(2, 1, (3, 2, 1))]


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
