"""The entries of a block in portions of bounded size: one rule per kind.

A block of a layer has more entries than fit in memory, and they follow from a few arrays.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import (
    Adjoint,
    Array,
    Block,
    Contraction,
    Convolution,
    CumulativeSum,
    Dense,
    Diagonal,
    Function,
    Gather,
    Identity,
    Mask,
    Product,
    Reduce,
    Reshape,
    Roll,
    Scale,
    SparseMatrix,
    Stacked,
    Sum,
    Transpose,
    Zero,
)
from adjoint.blocks.kernels import flat_index
from adjoint.calculus.constraint import Nested
from adjoint.errors import PlotError
from adjoint.plot.raster.joins import (
    ELEMENTWISE,
    Join,
    contraction_of,
    ends,
    plain,
    reduced_index,
    row_map,
    spread_index,
    unfolded,
)

PORTION = 1 << 20
"""Entries of one portion: some ten arrays of so many numbers are held at once."""
LISTED = 20_000_000
"""Entries of a block that is listed at once, because its kind has no way to be listed in portions."""


@dataclass(frozen=True, slots=True, eq=False)
class Portion:
    """Some entries of ``J``.

    Attributes
    ----------
    rows, columns : int arrays (entries,)
    data : array (entries,) or number
    """

    rows: np.ndarray
    columns: np.ndarray
    data: Any


# --- listing in portions -----------------------------------------------------------------------------


def portions(block: Block, most: int = PORTION) -> Iterator[Portion]:
    """All entries, each once, in portions of about ``most``; where entries meet they are added.

    Raises
    ------
    PlotError
        If the block has more entries than can be listed, and its kind cannot be listed in portions.
    """
    lister = _LISTERS.get(type(block))
    if lister is not None:
        yield from lister(block, most)
        return
    contraction = contraction_of(block)
    if contraction is not None:
        yield from _of_contraction(contraction, most)
    elif isinstance(block, Gather):
        columns = block.positions().ravel()
        for start in range(0, columns.size, most):
            part = columns[start : start + most]
            yield Portion(np.arange(start, start + part.size), part, 1.0)
    else:
        yield _whole(block)


def _whole(block: Block) -> Portion:
    """Everything at once, repeated coordinates added."""
    if block.nnz > LISTED:
        raise PlotError(
            f"a {block.kind} block {block.in_shape} → {block.out_shape} may have {block.nnz:,} entries, which are too "
            'many to be drawn one by one: view="blocks" draws it as one rectangle'
        )
    sparse = block.to_sparse()
    return summed(sparse.rows, sparse.columns, sparse.data, block.shape[1])


def summed(rows: np.ndarray, columns: np.ndarray, data: Array, width: int) -> Portion:
    """Coordinates with those that repeat added up."""
    keys = rows * width + columns
    unique, slots = np.unique(keys, return_inverse=True)
    if unique.size == keys.size:
        return Portion(rows, columns, data)
    if not isinstance(data, np.ndarray):  # traced: only the pattern is asked for
        return Portion(unique // width, unique % width, 1.0)
    total = np.zeros(unique.size, np.result_type(data.dtype, np.float32))
    np.add.at(total, slots, data)
    return Portion(unique // width, unique % width, total)


def _of_elementwise(block: Any, most: int) -> Iterator[Portion]:
    count = block.shape[0]
    data: Any = 1.0
    if isinstance(block, Scale):
        data = block.factor
    elif not isinstance(block, Identity):
        data = block.mask if isinstance(block, Mask) else block.data
        if not isinstance(data, (np.ndarray, np.generic)):
            data = 1.0  # traced: only the pattern is asked for
        elif data.ndim:
            data = np.broadcast_to(data, block.out_shape)
    for start in range(0, count, most):
        stop = min(count, start + most)
        columns = spread_index(block.in_shape, block.out_shape, start, stop)
        here = data.flat[start:stop] if isinstance(data, np.ndarray) and data.ndim else data
        yield Portion(np.arange(start, stop), columns, here)


def _of_reduce(block: Reduce, most: int) -> Iterator[Portion]:
    count = block.shape[1]
    for start in range(0, count, most):
        stop = min(count, start + most)
        yield Portion(reduced_index(block, start, stop), np.arange(start, stop), block.factor)


def _of_contraction(block: Contraction, most: int, rows: tuple[int, int] | None = None) -> Iterator[Portion]:
    """Ranges of labels, the longest halved until few enough combinations are left; perhaps some rows only."""
    sizes = dict(zip(block.out_labels, block.out_shape, strict=True))
    sizes.update(zip(block.labels, block.in_shape, strict=True))
    used = {*block.labels, *block.out_labels}
    alone = tuple(axis for axis, label in enumerate(block.other_labels) if label not in used)
    concrete = isinstance(block.other, (np.ndarray, np.generic))
    other = block.other.sum(alone) if alone and concrete else block.other
    other_labels = [label for label in block.other_labels if label in used]
    labels = [label for label in sizes if label in used]
    waiting = [{label: (0, sizes[label]) for label in labels}]
    if not math.prod(sizes[label] for label in labels):
        return
    if rows is not None and block.out_labels:
        stride = math.prod(block.out_shape[1:])
        waiting[0][block.out_labels[0]] = rows[0] // stride, -(-rows[1] // stride)
    while waiting:
        ranges = waiting.pop()
        grid = [stop - start for start, stop in ranges.values()]
        if math.prod(grid) > most and max(grid) > 1:
            longest = max(ranges, key=lambda label: ranges[label][1] - ranges[label][0])
            start, stop = ranges[longest]
            middle = (start + stop) // 2
            waiting += [{**ranges, longest: (middle, stop)}, {**ranges, longest: (start, middle)}]
            continue
        data: Any = 1.0
        if concrete:
            part = other[tuple(slice(*ranges[label]) for label in other_labels)]
            present = [label for label in labels if label in other_labels]
            part = part.transpose([other_labels.index(label) for label in present])
            shape = [size if label in other_labels else 1 for label, size in zip(labels, grid, strict=True)]
            data = np.broadcast_to(part.reshape(shape), grid).ravel()
        columns = _grid(labels, ranges, block.labels, block.in_shape)
        yield Portion(_grid(labels, ranges, block.out_labels, block.out_shape), columns, data)


def _grid(labels: list[Any], ranges: dict[Any, tuple[int, int]], axes: Any, shape: Any) -> np.ndarray:
    """Flat positions in an array with the labels ``axes`` for all combinations of labels in ranges."""
    grid = [ranges[label][1] - ranges[label][0] for label in labels]
    flat = np.zeros(grid, dtype=np.intp)
    stride = 1
    for label, size in zip(reversed(axes), reversed(shape), strict=True):
        axis = labels.index(label)
        along = stride * np.arange(*ranges[label])
        flat += along.reshape((-1, *(1,) * (len(grid) - axis - 1)))
        stride *= size
    return flat.ravel()


def _of_dense(block: Dense, most: int) -> Iterator[Portion]:
    m, n = block.shape
    concrete = isinstance(block.matrix, np.ndarray)
    step = max(1, most // max(1, n))
    for start in range(0, m if n else 0, step):
        stop = min(m, start + step)
        rows, columns = np.repeat(np.arange(start, stop), n), np.tile(np.arange(n), stop - start)
        yield Portion(rows, columns, block.matrix[start:stop].ravel() if concrete else 1.0)


def _of_function(block: Function, most: int) -> Iterator[Portion]:
    """What the user's functions make of unit vectors."""
    m, n = block.shape
    by_columns = block.jvp is not None and (block.vjp is None or n <= m)
    count, length = (n, m) if by_columns else (m, n)
    step = max(1, most // max(1, m, n))
    for start in range(0, count if length else 0, step):
        stop = min(count, start + step)
        unit = np.zeros((stop - start, count))
        unit[np.arange(stop - start), np.arange(start, stop)] = 1
        unit = unit.reshape((stop - start, *(block.in_shape if by_columns else block.out_shape)))
        found = block.apply(unit) if by_columns else np.conjugate(block.apply_adjoint(unit))
        lines, along = np.repeat(np.arange(start, stop), length), np.tile(np.arange(length), stop - start)
        data = found.ravel() if isinstance(found, np.ndarray) else 1.0
        yield Portion(along, lines, data) if by_columns else Portion(lines, along, data)


def _of_convolution(block: Convolution, most: int) -> Iterator[Portion]:
    """Pairs along the first axis in portions, with all pairs along the others."""
    pairs = []
    for n, m, count in zip(block.in_shape, block.other.shape, block.out_shape, strict=True):
        pairs.append((n, m, count, 0 if block.mode == "full" else min(n, m) - 1))
    rest: tuple[np.ndarray, ...] = (np.zeros(1, np.intp),) * 3
    for n, m, count, shift in pairs[1:]:
        rest = _paired(rest, _axis_pairs(0, n, n, m, count, shift), n, m, count)
    n, m, count, shift = pairs[0]
    taps = block.other.reshape(-1) if isinstance(block.other, np.ndarray) else None
    widths = [math.prod(shape[1:]) for shape in (block.in_shape, block.other.shape, block.out_shape)]
    step = max(1, most // max(1, m * rest[0].size))
    for start in range(0, n, step):
        row, column, tap = _axis_pairs(start, min(n, start + step), n, m, count, shift)
        rows = (row[:, None] * widths[2] + rest[0]).ravel()
        columns = (column[:, None] * widths[0] + rest[1]).ravel()
        index = (tap[:, None] * widths[1] + rest[2]).ravel()
        yield Portion(rows, columns, 1.0 if taps is None else taps[index])


def _axis_pairs(start: int, stop: int, n: int, m: int, count: int, shift: int) -> tuple[np.ndarray, ...]:
    column, tap = (index.ravel() for index in np.indices((stop - start, m)))
    column = column + start
    row = column + tap - shift
    kept = (row >= 0) & (row < count)
    return row[kept], column[kept], tap[kept]


def _paired(
    first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...], n: int, m: int, count: int
) -> tuple[np.ndarray, ...]:
    sizes = (count, n, m)
    return tuple((a[:, None] * size + b).ravel() for a, b, size in zip(first, second, sizes, strict=True))


def _of_sparse_matrix(block: SparseMatrix, most: int) -> Iterator[Portion]:
    entries = block.matrix.tocoo()
    to = np.moveaxis(flat_index(block.out_shape), block.axis, -1)
    of = np.moveaxis(flat_index(block.in_shape), block.axis, -1)
    lines = math.prod(to.shape[:-1])
    step = max(1, most // max(1, lines))
    for start in range(0, entries.nnz if lines else 0, step):
        part = slice(start, start + step)
        rows = to[..., entries.row[part]]
        data = np.broadcast_to(entries.data[part], rows.shape).ravel()
        yield Portion(rows.ravel(), of[..., entries.col[part]].ravel(), data)


def _of_cumulative(block: CumulativeSum, most: int) -> Iterator[Portion]:
    index = np.moveaxis(flat_index(block.in_shape), block.axis, -1)
    n, lines = index.shape[-1], math.prod(index.shape[:-1])
    start = 0
    while start < n and lines:
        stop = start + 1
        while stop < n and (stop - start + 1) * (stop + 1) * lines <= most:
            stop += 1
        lengths = np.arange(start + 1, stop + 1)
        later = np.repeat(np.arange(start, stop), lengths)
        earlier = np.arange(later.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield Portion(index[..., later].ravel(), index[..., earlier].ravel(), 1.0)
        start = stop


def _of_stacked(block: Stacked, most: int) -> Iterator[Portion]:
    start = 0
    for part in block.blocks:
        for portion in portions(part, most):
            yield Portion(portion.rows + start, portion.columns, portion.data)
        start += math.prod(part.out_shape)


def _of_adjoint(block: Adjoint, most: int) -> Iterator[Portion]:
    for portion in portions(block.block, most):
        yield Portion(portion.columns, portion.rows, np.conjugate(portion.data))


def _of_product(block: Product, most: int) -> Iterator[Portion]:
    """Factors at both ends that move and scale rows or columns one by one are taken off; what is left is listed."""
    factors = list(block.factors)
    moves: list[tuple[Any, np.ndarray | None]] = [(1.0, None), (1.0, None)]
    for side, end in enumerate((0, -1)):
        while len(factors) > 1:
            found = _move(factors[end], by_rows=end == 0)
            if found is None:
                break
            moves[side] = _then(moves[side], found)
            factors.pop(end)
    listing = portions(factors[0], most) if len(factors) == 1 else _of_long_product(Product(*factors), most)
    for portion in listing:
        data, places = portion.data, []
        for (scale, moved), index in zip(moves, (portion.rows, portion.columns), strict=True):
            data = data * (scale[index] if np.ndim(scale) else scale)
            places.append(index if moved is None else moved[index])
        yield Portion(places[0], places[1], data)


def _move(block: Block, by_rows: bool) -> tuple[Any, np.ndarray | None] | None:
    """For each inner index its factor and its place outside, for square blocks with one entry in each row."""
    if block.shape[0] != block.shape[1]:
        return None
    if isinstance(block, (Transpose, Roll)):
        inside_of = block.positions().ravel()
        if not by_rows:
            return 1.0, inside_of
        moved = np.empty(inside_of.size, np.intp)
        moved[inside_of] = np.arange(inside_of.size)
        return 1.0, moved
    if isinstance(block, (Identity, Reshape)):
        return 1.0, None
    if not isinstance(block, (Scale, Diagonal, Mask)):
        return None
    if isinstance(block, Scale):
        return block.factor, None
    data = block.mask if isinstance(block, Mask) else block.data
    if not isinstance(data, (np.ndarray, np.generic)):
        return 1.0, None  # traced: only the pattern is asked for
    return (np.broadcast_to(data, block.out_shape).ravel() if data.ndim else data), None


def _then(outer: tuple[Any, np.ndarray | None], inner: tuple[Any, np.ndarray | None]) -> Any:
    """The moves of two factors, told by the index inside of both."""
    scale, place = outer
    factor, moved = inner
    if moved is not None:
        scale = scale[moved] if np.ndim(scale) else scale
        place = moved if place is None else place[moved]
    return scale * factor, place


def _of_long_product(block: Product, most: int) -> Iterator[Portion]:
    if block.nnz <= LISTED // 4:  # a product is joined on its inner index, which takes several times the memory
        yield _whole(block)
        return
    left, middle, right = ends(block)
    if middle or left is None or right is None:
        raise PlotError(
            f"a product of {len(block.factors)} blocks {block.in_shape} → {block.out_shape} may have "
            f'{block.nnz:,} entries, too many to be drawn one by one: view="blocks" draws it as one rectangle'
        )
    mapped = [row_map(factor) is not None for factor in block.factors]
    count = mapped.index(False) if False in mapped else len(mapped)
    found = Join(left, right, int(max(left.max(initial=-1), right.max(initial=-1))) + 1)
    yield from _of_join(found, _along(block.factors[:count], True), _along(block.factors[count:], False), most)


def _along(factors: Any, of_rows: bool) -> Any:
    """The product of the entries that each row (or column) meets on its way to the key."""
    value: Any = 1.0
    index: np.ndarray | None = None
    for factor in factors if of_rows else reversed(factors):
        (portion,) = portions(factor, max(1, factor.nnz))
        lines, places = (portion.rows, portion.columns) if of_rows else (portion.columns, portion.rows)
        data, reached = np.empty(lines.size, np.result_type(portion.data)), np.empty(lines.size, np.intp)
        data[lines], reached[lines] = portion.data, places
        value = value * (data if index is None else data[index])
        index = reached if index is None else reached[index]
    return value


def _of_join(found: Join, left: Any, right: Any, most: int) -> Iterator[Portion]:
    by_column = np.argsort(found.column_keys, kind="stable")
    starts = np.searchsorted(found.column_keys[by_column], np.arange(found.keys + 1))
    width = int(np.diff(starts).max(initial=1))
    step = max(1, most // max(1, width))
    for start in range(0, found.row_keys.size, step):
        keys = found.row_keys[start : start + step]
        counts = starts[keys + 1] - starts[keys]
        rows = np.repeat(np.arange(start, start + keys.size), counts)
        within = np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        columns = by_column[np.repeat(starts[keys], counts) + within]
        yield Portion(rows, columns, left[rows] * right[columns])


def _of_sum(block: Sum, most: int) -> Iterator[Portion]:
    """Terms meet, so their rows are listed together: all of them, or a range of rows at a time."""
    total = sum(term.nnz for term in block.terms)
    m, n = block.shape
    step = m if total <= LISTED // 4 else max(1, most * m // total)
    again = sum(term.nnz for term in block.terms if contraction_of(term) is None)
    if again * (m // max(1, step)) > 100 * LISTED:
        raise PlotError(
            f"a sum of {len(block.terms)} blocks {block.in_shape} → {block.out_shape} may have {total:,} entries, "
            'too many to be drawn one by one: view="blocks" draws it as one rectangle'
        )
    none = np.zeros(0, np.intp)
    for start in range(0, m, max(1, step)):
        stop = min(m, start + step)
        parts = [part for term in block.terms for part in _range_of(term, start, stop, most)]
        rows = np.concatenate([none, *(part.rows for part in parts)])
        columns = np.concatenate([none, *(part.columns for part in parts)])
        data = [np.broadcast_to(part.data, part.rows.shape) for part in parts]
        yield summed(rows, columns, np.concatenate([np.zeros(0), *data]), n)


def _range_of(block: Block, start: int, stop: int, most: int) -> Iterator[Portion]:
    """The entries of the rows ``start … stop - 1``."""
    contraction = contraction_of(block)
    found = portions(block, most) if contraction is None else _of_contraction(contraction, most, (start, stop))
    for portion in found:
        if start == 0 and stop == block.shape[0]:
            yield portion
            continue
        kept = (portion.rows >= start) & (portion.rows < stop)
        data = np.broadcast_to(portion.data, kept.shape)[kept]
        yield Portion(portion.rows[kept], portion.columns[kept], data)


def _of_nested(block: Nested, most: int) -> Iterator[Portion]:
    inner = unfolded(block)
    if inner is None:  # an implicit constraint: every entry may be there
        yield from _of_function(Function(block.in_shape, block.out_shape, block.apply, None, batched=True), most)
    else:
        yield from portions(plain(inner), most)


def _nothing(block: Zero, most: int) -> Iterator[Portion]:
    return iter(())


_LISTERS: dict[type[Block], Callable[[Any, int], Iterator[Portion]]] = {
    Adjoint: _of_adjoint,
    Contraction: _of_contraction,
    Convolution: _of_convolution,
    CumulativeSum: _of_cumulative,
    Dense: _of_dense,
    Function: _of_function,
    Nested: _of_nested,
    Product: _of_product,
    Reduce: _of_reduce,
    SparseMatrix: _of_sparse_matrix,
    Stacked: _of_stacked,
    Sum: _of_sum,
    Zero: _nothing,
    **dict.fromkeys(ELEMENTWISE, _of_elementwise),
}
