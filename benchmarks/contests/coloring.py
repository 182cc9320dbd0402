"""Colorings of the columns of a sparse matrix, for peers that compute compressed products with it.

Two columns with a nonzero in a common row get different colors, so that one product with the sum of the columns of a
color shows each of their entries alone. References: A. R. Curtis, M. J. D. Powell, J. K. Reid, "On the estimation
of sparse Jacobian matrices", 1974; A. H. Gebremedhin, F. Manne, A. Pothen, "What color is your Jacobian?", 2005.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse

HEAVY = 10.0
"""A row or column is dense if it has this many times the mean count of nonzeros, and more than the root of the size."""
ROUNDS = 10
"""Orders that are tried."""


def intersection(pattern: Any) -> Any:
    """The graph of columns that have a nonzero in a common row."""
    counts = scipy.sparse.csr_array(pattern, dtype=np.int64)
    return scipy.sparse.csr_array(counts.T @ counts)


def greedy(graph: Any, order: np.ndarray) -> np.ndarray:
    """Distance-1 coloring of a graph, vertex by vertex: the least color that no neighbor has."""
    pointers, neighbors = graph.indptr, graph.indices
    colors = np.full(graph.shape[0], -1)
    for vertex in order:
        near = colors[neighbors[pointers[vertex] : pointers[vertex + 1]]]
        used = np.zeros(len(near) + 2, bool)
        used[near[(near >= 0) & (near < len(used))]] = True
        colors[vertex] = int(used.argmin())
    return colors


def color_columns(pattern: Any) -> np.ndarray:
    """``(n,)`` colors from 0: the fewest of a few orders of the columns.

    The columns as they stand, those with most nonzeros first, then class by class of the best coloring so far with
    the classes in random order, which never takes more colors (J. C. Culberson, 1992: iterated greedy).
    """
    pattern = scipy.sparse.csr_array(pattern)
    n = pattern.shape[1]
    graph = intersection(pattern)
    fewest = int(np.diff(pattern.indptr).max(initial=0))  # the columns of one row all differ
    rng = np.random.default_rng(0)
    degrees = np.bincount(pattern.indices, minlength=n)
    best = greedy(graph, np.arange(n))
    for turn in range(ROUNDS):
        count = int(best.max(initial=-1)) + 1
        if count <= fewest:
            break
        classes = rng.permutation(count)
        order = np.argsort(classes[best] if turn else -degrees, kind="stable")
        found = greedy(graph, order)
        if found.max(initial=-1) < count:
            best = found
    return best


def color_symmetric(pattern: Any) -> tuple[np.ndarray, np.ndarray]:
    """Colors for a symmetric matrix: dense columns have a color each, and stand in for the rows of the same number.

    Returns
    -------
    colors : int array of shape (n,)
    dense : bool array of shape (n,)
        An entry in a dense row is read from the dense column, by symmetry.
    """
    pattern = scipy.sparse.csr_array(pattern)
    counts = np.diff(pattern.indptr)
    dense = (counts > HEAVY * counts.mean()) & (counts > np.sqrt(len(counts)))
    light = scipy.sparse.csr_array(pattern[~dense])
    colors = color_columns(light)
    colors[dense] = -1
    _, packed = np.unique(colors[~dense], return_inverse=True)
    colors[~dense] = packed
    colors[dense] = int(packed.max(initial=-1)) + 1 + np.arange(int(dense.sum()))
    return colors, dense


def seeds(colors: np.ndarray) -> np.ndarray:
    """``(colors, n)``: for each color, the sum of the unit vectors of its columns."""
    result = np.zeros((int(colors.max()) + 1, len(colors)))
    result[colors, np.arange(len(colors))] = 1.0
    return result


def positions(pattern: Any, colors: np.ndarray, dense: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Where each entry of the pattern, in CSR order, stands in the ``(colors, m)`` array of compressed products."""
    coo = scipy.sparse.csr_array(pattern).tocoo()
    rows, columns = coo.coords
    if dense is not None:
        rows, columns = np.where(dense[rows], columns, rows), np.where(dense[rows], rows, columns)
    return colors[columns], rows
