"""How large the entries of each block are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adjoint.blocks import (
    Adjoint,
    Block,
    Contraction,
    Convolution,
    CumulativeSum,
    Dense,
    Diagonal,
    Fourier,
    Function,
    Gather,
    Identity,
    Mask,
    MatrixOnLeft,
    Product,
    Reduce,
    Scale,
    SparseMatrix,
    Stacked,
    Sum,
    Zero,
)
from adjoint.blocks.kernels import conjugate
from adjoint.calculus.constraint import Nested
from adjoint.plot.picture import Picture
from adjoint.plot.raster.blocks import portions
from adjoint.plot.raster.entries import blocks_in, refuse_traced, scalar_entries
from adjoint.plot.raster.joins import fourier_size, plain, unfolded
from adjoint.system.assembly import grouped_nodes

LISTED = 4_000_000
"""Entries of a block whose largest is found by listing them all."""
SAMPLED = 64
"""Columns (or rows) of a larger function of the user that are looked at."""


def block_magnitudes(picture: Picture) -> np.ndarray:
    """The largest ``|entry|`` of each drawn entry of a picture.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    float array (entries,)
        NaN where an entry is NaN, else infinity where one is infinite; 0 for structural zeros.

    Raises
    ------
    PlotError
        If the values are traced by an outer derivative.

    Notes
    -----
    Most kinds hold their largest entry as a number of their data. Products, sums and nested systems of more than 4
    million entries are given an upper bound: the product (or sum) of the largest entries of their parts, times how many
    of them can meet. Of larger functions with no entries known, 64 columns are looked at.
    """
    system = picture.system
    size = len(picture)
    row_of = np.full(len(system), -1, dtype=np.intp)
    lengths = picture.stops - picture.starts
    within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    row_of[np.repeat(picture.starts, lengths) + within] = np.repeat(np.arange(size), lengths)
    result = np.zeros(len(picture.rows))
    known = picture.rows * size + picture.columns  # sorted
    if not known.size:
        return result

    def put(parents: np.ndarray, children: np.ndarray, found: np.ndarray) -> None:
        rows, columns = row_of[parents], row_of[children]
        keys = rows * size + columns
        place = np.minimum(np.searchsorted(known, keys), known.size - 1)
        shown = (rows >= 0) & (columns >= 0) & (known[place] == keys)
        np.maximum.at(result, place[shown], found[shown])

    groups, single = grouped_nodes(system)
    with np.errstate(all="ignore"):
        for group in groups.values():
            for parents, children, data in scalar_entries(system, group):
                put(parents, children, np.abs(data).astype(float))
        found: list[tuple[int, int, float]] = []
        for k, parent, block in blocks_in(system, single, row_of):
            if k != parent and row_of[k] != row_of[parent]:
                refuse_traced(block)
                found.append((parent, k, largest(block)))
        if found:
            places = np.array([(parent, k) for parent, k, _ in found])
            put(places[:, 0], places[:, 1], np.array([value for _, _, value in found]))
    return result


_DATA = {Diagonal: "data", Dense: "matrix", MatrixOnLeft: "matrix", Convolution: "other", Scale: "factor"}


def largest(block: Block) -> float:
    """The largest ``|entry|`` of a block, or a bound of it where there are too many to look at."""
    if not all(block.shape):
        return 0.0
    name = _DATA.get(type(block))
    if name is not None:
        return _largest(getattr(block, name))
    if isinstance(block, Zero):
        return 0.0
    if isinstance(block, (Identity, Gather, CumulativeSum)):
        return 1.0 if block.nnz else 0.0
    if isinstance(block, Reduce):
        return _largest(block.factor)
    if isinstance(block, Mask):
        return float(np.any(block.mask))
    if isinstance(block, SparseMatrix):
        return _largest(block.matrix.data)
    if isinstance(block, Adjoint):
        return largest(block.block)
    if isinstance(block, Stacked):
        return _most(largest(part) for part in block.blocks)
    if isinstance(block, Contraction):
        used = {*block.labels, *block.out_labels}
        alone = tuple(axis for axis, label in enumerate(block.other_labels) if label not in used)
        return _largest(block.other.sum(alone) if alone else block.other)
    if isinstance(block, Fourier):
        return fourier_size(block)
    return _listed(block) if block.nnz <= LISTED else _bound(block)


def _most(values: Any) -> float:
    return float(np.max(np.array([0.0, *values])))  # NaN if one is


def _largest(data: Any) -> float:
    return float(np.max(np.abs(data), initial=0.0))


def _listed(block: Block) -> float:
    return _most(_largest(portion.data) for portion in portions(block) if portion.rows.size)


def _bound(block: Block) -> float:
    """An upper bound from the parts; of what has no parts a sample."""
    if isinstance(block, Sum):
        return math.fsum(largest(term) for term in block.terms)
    if isinstance(block, Product):
        total, left = largest(block.factors[0]), block.factors[0]
        for factor in block.factors[1:]:
            total *= largest(factor) * min(left.degrees[0], factor.degrees[1])
            left = Product(left, factor)
        return total
    if isinstance(block, Nested):
        inner = unfolded(block)
        if inner is not None:
            return largest(plain(inner))
    if isinstance(block, (Function, Nested)):
        return _sampled(block)
    bound = block.absolute()
    if bound is not None and type(bound) is not type(block):
        return largest(bound)
    return _sampled(block)


def _sampled(block: Block) -> float:
    """Of some columns, or of some rows where the function knows no columns."""
    m, n = block.shape
    by_columns = getattr(block, "jvp", True) is not None
    count, shape = (n, block.in_shape) if by_columns else (m, block.out_shape)
    chosen = np.unique(np.linspace(0, count - 1, SAMPLED).astype(np.intp))
    found = []
    for place in chosen:  # one at a time: a column may be large
        unit = np.zeros(count)
        unit[place] = 1
        unit = unit.reshape(shape)
        found.append(_largest(block.apply(unit) if by_columns else conjugate(block.apply_adjoint(unit))))
    return _most(found)
