"""A catalogue of blocks, each beside an independent definition of the same map.

The definition is a function of one unbatched vector, written with NumPy's own functions (or a loop), never with the
block's. Applied to unit vectors it gives the dense matrix that the contract suite compares with. A new kind
of block joins by adding its entries here.
"""

from __future__ import annotations

import numpy as np

from adjoint.blocks import Adjoint, Product, Stacked, Sum
from tests.blocks.assignments import assignments
from tests.blocks.elementary import (
    cumulatives,
    diagonals,
    gathers,
    identities,
    masks,
    recurrences,
    reductions,
    scales,
    zeros,
)
from tests.blocks.entry import Entry, Map
from tests.blocks.matrices import (
    contraction,
    contractions,
    dense,
    denses,
    functions,
    matrices_on_left,
    sparse,
    sparses,
    sylvesters,
)
from tests.blocks.networks import networks
from tests.blocks.transforms import convolutions, cosines, fouriers, recursions, sparse_matrices, sparse_solves
from tests.blocks.windowed import windowed


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


def stacks() -> list[Entry]:
    """Blocks of one argument under each other: one, several, of many shapes, empty ones among them."""
    by_name = {entry.name: entry for make in (identities, diagonals, reductions, gathers) for entry in make()}
    square = by_name["diagonal full (2, 3) -> (2, 3)"]
    complex_square = by_name["diagonal complex (2, 3) -> (2, 3)"]
    flip = by_name["slice (2, 3)[(slice(None, None, None), slice(None, None, -1))]"]
    number = by_name["slice (2, 3)[(1, 2)]"]
    total = by_name["reduce 0.5 (2, 3) over (0, 1)"]
    nothing = by_name["take [[], []] of (2, 3)"]

    def stack(*entries: Entry) -> Entry:
        map_ = lambda v: np.concatenate([np.ravel(entry.map(v)) for entry in entries])
        name = " over ".join(f"({entry.name})" for entry in entries)
        return Entry(f"stacked {name}", Stacked(*(entry.block for entry in entries)), map_)

    pairs = [
        stack(square),
        stack(square, flip),
        stack(total, square, number),
        stack(flip, nothing, complex_square),
        stack(by_name["identity (2, 3)"], sparse((2, 3), (3,), 9, repeated=True), dense((2, 3), (2, 3))),
        stack(by_name["identity (0,)"], by_name["identity (0,)"]),
        stack(by_name["identity ()"], by_name["reshape () -> (1,)"]),
    ]
    return [*pairs, *(Entry(f"adjoint {e.name}", e.block.adjoint, _adjoint_map(e)) for e in pairs)]


def _adjoint_map(entry: Entry) -> Map:
    tensor, shape = entry.matrix.conj().T, entry.block.in_shape
    return lambda w: np.reshape(tensor @ np.ravel(w), shape)


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
        recurrences,
        assignments,
        sparses,
        denses,
        functions,
        matrices_on_left,
        sylvesters,
        fouriers,
        cosines,
        convolutions,
        recursions,
        sparse_matrices,
        sparse_solves,
        windowed,
        composites,
        stacks,
        networks,
    )
    entries = {entry.name: entry for family in families for entry in family()}
    return list(entries.values())


CATALOGUE = catalogue()
