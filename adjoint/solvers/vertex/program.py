"""Vertex elimination as a list of products of scalars, and the loops that run it.

Every edge that is there at first or comes to be has a slot; eliminating in an order is the list of its products
``data[target] += data[left] * data[right]``. Products are independent of each other where no operand of one is a target
of the other: they are sorted into waves.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import scipy

from adjoint.errors import AdjointError, MissingExtraError
from adjoint.solvers.vertex.graph import Graph

REPAID = 50_000
"""Products from which on loading numba (about a second, or a tenth from its cache) is worth it unasked."""

WIDE = 24
"""Products in a wave, on average, from which on NumPy is faster than a plain loop over Python numbers."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A pattern by rows, with the slot of every entry."""

    shape: tuple[int, int]
    indptr: np.ndarray
    indices: np.ndarray
    slots: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, columns: np.ndarray, slots: np.ndarray, shape: tuple[int, int]) -> Stored:
        """From coordinates in any order."""
        order = np.lexsort((columns, rows))
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))]).astype(np.int32)
        return cls(shape, indptr, columns[order].astype(np.int32), slots[order])

    def matrix(self, data: np.ndarray) -> Any:
        """The numbers, by rows."""
        return scipy.sparse.csr_array((data[self.slots], self.indices, self.indptr), shape=self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class EliminationProgram:
    """The products of an elimination, and where its results stand in the factors.

    Unknowns are numbered anew: eliminated vertices in their order, then the kept ones in the order of the program.

    Attributes
    ----------
    order : tuple of int
        The eliminated vertices.
    children, parents : int arrays (slots,)
        The edge of each slot; the first ``originals`` are those of the graph.
    originals : int
    targets, lefts, rights : int arrays (products,)
        Sorted by waves, and by target in each.
    waves : int array (waves + 1,)
        Where each wave begins.
    nodes : int array (size,)
        The vertex of each unknown.
    starts, stops : int arrays (vertices,)
        The unknown of each vertex; equal for a vertex without one.
    backward, forward : tuple of Stored
        ``L_ee, L_ke, R, U_ek, U_ee`` of :mod:`adjoint.solvers.vertex.scalars`, and the same for tangents.
    rest_is_flat : bool
        No kept vertex is read by a kept vertex that is read itself: ``(I − R)⁻¹ = I + R``.
    """

    order: tuple[int, ...]
    children: np.ndarray
    parents: np.ndarray
    originals: int
    targets: np.ndarray
    lefts: np.ndarray
    rights: np.ndarray
    waves: np.ndarray
    nodes: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    backward: tuple[Stored, ...]
    forward: tuple[Stored, ...]
    rest_is_flat: bool

    @classmethod
    def of(cls, graph: Graph, order: Sequence[int]) -> EliminationProgram:
        """Eliminate on paper, and write down what is done. One Python step for each product."""
        order = tuple(order)
        if len(set(order)) != len(order) or not graph.eliminable[list(order)].all():
            raise ValueError("an elimination order names intermediates of the graph, each at most once")
        slots, targets, lefts, rights, levels = _products(graph, order)
        children, parents = np.array(slots[0], np.int64), np.array(slots[1], np.int64)
        arranged = np.lexsort((targets, levels))
        waves = np.searchsorted(levels[arranged], np.arange(1, int(levels.max(initial=0)) + 2))

        live = graph.sizes > 0
        live[list(order)] = False
        nodes = np.concatenate([np.array(order, np.int64), np.flatnonzero(live)])
        starts, stops = np.zeros(len(graph), np.int64), np.zeros(len(graph), np.int64)
        starts[nodes] = np.arange(len(nodes))
        stops[nodes] = np.arange(len(nodes)) + 1
        gone, size = len(order), len(nodes)
        backward, forward, flat = _factors(starts[children], starts[parents], gone, size)
        return cls(
            order,
            children,
            parents,
            len(graph.children),
            targets[arranged],
            lefts[arranged],
            rights[arranged],
            waves,
            nodes,
            starts,
            stops,
            backward,
            forward,
            flat,
        )

    @property
    def size(self) -> int:
        """Unknowns."""
        return len(self.nodes)

    def slots(self, children: np.ndarray, parents: np.ndarray) -> np.ndarray:
        """The slots of original edges.

        Raises
        ------
        AdjointError
            If there is no such edge: the plan was made for another structure.
        """
        n = len(self.starts)
        known = self.children[: self.originals] * n + self.parents[: self.originals]  # sorted, as the graph's edges are
        wanted = children * n + parents
        found: np.ndarray = np.searchsorted(known, wanted)
        if wanted.size and (not known.size or (known[np.minimum(found, known.size - 1)] != wanted).any()):
            raise AdjointError("the system has blocks that the elimination was not planned for: analyze it anew")
        return found


def _products(
    graph: Graph, order: tuple[int, ...]
) -> tuple[tuple[list[int], list[int]], np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The edge of each slot, and the products with their waves, counted from 1."""
    children, parents = graph.children.tolist(), graph.parents.tolist()
    into: list[dict[int, int]] = [{} for _ in range(len(graph))]
    out: list[dict[int, int]] = [{} for _ in range(len(graph))]
    for slot, (k, i) in enumerate(zip(children, parents, strict=True)):
        into[k][i] = out[i][k] = slot
    ready = [0] * len(children)  # the last wave that adds to a slot
    targets: list[int] = []
    lefts: list[int] = []
    rights: list[int] = []
    levels: list[int] = []
    for j in order:
        before, after = list(into[j].items()), list(out[j].items())
        for i, _ in before:
            del out[i][j]
        for k, left in after:
            row = into[k]
            del row[j]
            for i, right in before:
                target = row.get(i)
                if target is None:
                    target = row[i] = out[i][k] = len(children)
                    children.append(k)
                    parents.append(i)
                    ready.append(0)
                level = 1 + (ready[left] if ready[left] > ready[right] else ready[right])
                if level > ready[target]:
                    ready[target] = level
                targets.append(target)
                lefts.append(left)
                rights.append(right)
                levels.append(level)
        into[j], out[j] = {}, {}
    return (children, parents), *(np.array(column, np.int64) for column in (targets, lefts, rights, levels))  # type: ignore[return-value]  # four columns


def _factors(
    child: np.ndarray, parent: np.ndarray, gone: int, size: int
) -> tuple[tuple[Stored, ...], tuple[Stored, ...], bool]:
    """The five matrices of a reverse solve and of a tangent solve, from the edges by unknowns.

    An edge belongs to the end that is eliminated first: an edge to a predecessor of a child, or to a successor of a
    parent.
    """
    slot = np.arange(len(child))
    kept = size - gone
    to_child = (child < parent) & (child < gone)
    to_parent = (parent < child) & (parent < gone)
    groups = []  # (rows, columns, slots, shape) of L_ee, L_ke, R, U_ek, U_ee: rows are parents, columns are children
    here = to_child & (parent < gone)
    groups.append((parent[here], child[here], slot[here], (gone, gone)))
    here = to_child & (parent >= gone)
    groups.append((parent[here] - gone, child[here], slot[here], (kept, gone)))
    here = ~(to_child | to_parent)
    rest = (parent[here] - gone, child[here] - gone, slot[here], (kept, kept))
    groups.append(rest)
    here = to_parent & (child >= gone)
    groups.append((parent[here], child[here] - gone, slot[here], (gone, kept)))
    here = to_parent & (child < gone)
    groups.append((parent[here], child[here], slot[here], (gone, gone)))
    backward = tuple(Stored.of(*group) for group in groups)
    forward = tuple(Stored.of(columns, rows, slots, shape[::-1]) for rows, columns, slots, shape in reversed(groups))
    flat = not np.intersect1d(rest[0], rest[1]).size
    return backward, forward, flat


def multiply(matrix: Any, x: np.ndarray) -> np.ndarray:
    """``matrix @ x``, in precisions that SciPy has no kernels for too."""
    product: np.ndarray
    if matrix.dtype.char in "fdFD" and x.dtype.char in "fdFD":
        product = matrix @ x
        return product
    product = np.zeros((matrix.shape[0], x.shape[1]), np.result_type(matrix.dtype, x))
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    np.add.at(product, rows, matrix.data[:, None] * x[matrix.indices])
    return product


# --- loops -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kernels:
    """The two loops: compiled where there are compiled ones, for the dtypes that those know."""

    compiled: tuple[Callable[..., None], Callable[..., None]] | None

    def eliminate(self, program: EliminationProgram, data: np.ndarray) -> np.ndarray:
        """Run the products on the data of the original edges; the fill-in begins with zeros."""
        if self.compiled is not None and data.dtype.char in "fdFD":
            self.compiled[0](data, program.targets, program.lefts, program.rights)
            return data
        if len(program.targets) < WIDE * (len(program.waves) - 1):
            return _by_numbers(program, data)
        return _by_waves(program, data)

    def triangular(self, matrix: Any, b: np.ndarray, *, lower: bool) -> np.ndarray:
        """Solve ``(I − M) x = b`` for a strictly triangular matrix by rows; ``b`` has shape ``(size, m)``."""
        if not matrix.nnz:
            return b
        dtype = np.result_type(matrix.dtype, b)
        if self.compiled is not None and dtype.char in "fdFD":
            x = b.astype(dtype, order="C")
            self.compiled[1](matrix.indptr, matrix.indices, matrix.data.astype(dtype, copy=False), x, lower)
            return x
        if dtype.char in "fdFD":
            whole = scipy.sparse.eye_array(matrix.shape[0], dtype=np.result_type(dtype, np.float64), format="csr")
            solved = scipy.sparse.linalg.spsolve_triangular(
                (whole - matrix).tocsr(), b.astype(whole.dtype), lower=lower, unit_diagonal=True
            )
            return np.asarray(solved).reshape(b.shape).astype(dtype, copy=False)
        x = b.astype(dtype)
        indptr, indices = matrix.indptr.tolist(), matrix.indices
        for r in range(matrix.shape[0]) if lower else range(matrix.shape[0] - 1, -1, -1):
            here = slice(indptr[r], indptr[r + 1])
            x[r] += matrix.data[here] @ x[indices[here]]
        return x


def _by_numbers(program: EliminationProgram, data: np.ndarray) -> np.ndarray:
    """Narrow waves: a loop over Python numbers is faster than NumPy on a few at a time."""
    numbers = data.tolist() if data.dtype.char in "fdFD" else list(data)
    products = zip(program.targets.tolist(), program.lefts.tolist(), program.rights.tolist(), strict=True)
    for target, left, right in products:
        numbers[target] += numbers[left] * numbers[right]
    return np.array(numbers, data.dtype)


def _by_waves(program: EliminationProgram, data: np.ndarray) -> np.ndarray:
    waves = program.waves.tolist()
    for first, last in pairwise(waves):
        targets = program.targets[first:last]
        products = data[program.lefts[first:last]] * data[program.rights[first:last]]
        new = np.flatnonzero(np.diff(targets, prepend=-1))  # they are sorted
        data[targets[new]] += products if new.size == targets.size else np.add.reduceat(products, new)
    return data


def kernels_for(compiled: bool | None, program: EliminationProgram) -> Kernels:
    """Compiled loops where they are asked for, or where they repay unasked.

    Raises
    ------
    MissingExtraError
        If they are asked for and numba is not installed.
    """
    here = importlib.util.find_spec("numba") is not None
    if compiled and not here:
        raise MissingExtraError(
            "compiled elimination needs numba, which is not installed: pip install 'adjoint[fast]', or compiled=None "
            "to run without it"
        )
    wanted = len(program.targets) + len(program.children) >= REPAID if compiled is None else compiled
    return Kernels(_compiled() if wanted and here else None)


@cache
def _compiled() -> tuple[Callable[..., None], Callable[..., None]]:
    import numba

    compiled: Any = numba.njit(cache=True)
    return compiled(_eliminate), compiled(_triangular)


def _eliminate(data: np.ndarray, targets: np.ndarray, lefts: np.ndarray, rights: np.ndarray) -> None:
    for p in range(targets.size):
        data[targets[p]] += data[lefts[p]] * data[rights[p]]


def _triangular(indptr: np.ndarray, indices: np.ndarray, data: np.ndarray, x: np.ndarray, lower: bool) -> None:
    n, m = x.shape
    for step in range(n):
        r = step if lower else n - 1 - step
        for e in range(indptr[r], indptr[r + 1]):
            c, value = indices[e], data[e]
            for column in range(m):
                x[r, column] += value * x[c, column]
