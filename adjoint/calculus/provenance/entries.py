"""Single entries of a block: the one that is bad, or those that a product overflows with."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.blocks import Block, with_guards
from adjoint.calculus.provenance.scene import Finding, Scene, attempt, first_index, index_of
from adjoint.tracing import concrete

COORDINATES = 1 << 20
"""Blocks with up to so many entries are written out to look for a bad one; larger ones are asked for one row of it."""


def bad_entry(scene: Scene, found: Finding) -> tuple[tuple[int, ...], tuple[int, ...], Any] | None:
    """``(row, column, value)`` of an entry of the block that spoils the marked product; ``None`` if all are good."""
    entries = block_entries(scene, found)
    if entries is None:  # a function of the user's own, which made something bad of something good
        return (), (), None
    rows, columns, data = entries
    places = np.flatnonzero(scene.bad(data))
    if not places.size:
        return None
    return rows[places[0]], columns[places[0]], data[places[0]]


def largest_term(scene: Scene, found: Finding) -> tuple[tuple[int, ...], tuple[int, ...], Any, Any, int] | None:
    """``(row, column, entry, factor, count)`` of the product that overflows, or of the largest of those that are added.

    ``None`` where the entries are not known.
    """
    entries = block_entries(scene, found)
    if entries is None or found.parent == found.node:
        return None
    rows, columns, data = entries
    owner, places = (found.parent, columns) if scene.forward else (found.node, rows)
    v = np.asarray(scene.solution[owner])
    batch = first_index(found.mask)[: v.ndim - scene.system.values[owner].ndim]
    factors = np.array([v[(*batch, *place)] for place in places])
    worst = int(np.argmax(np.abs(factors * data)))  # NaN counts as the largest
    return rows[worst], columns[worst], data[worst], factors[worst], len(rows)


def block_entries(scene: Scene, found: Finding) -> tuple[list[Any], list[Any], np.ndarray] | None:
    """Indices and values of the entries of a block that meet in the first marked entry of the product."""
    block: Block = found.block  # type: ignore[assignment]  # the callers have looked
    ours = block.out_shape if scene.forward else block.in_shape
    place = first_index(found.mask)[found.mask.ndim - len(ours) :]

    def written_out() -> tuple[Any, Any, Any]:
        sparse = block.to_sparse()
        if found.parent == found.node:  # the inverse of a diagonal block mixes all entries
            return sparse.rows, sparse.columns, concrete(sparse.data)
        mine = (sparse.rows if scene.forward else sparse.columns) == np.ravel_multi_index(place, ours)
        return sparse.rows[mine], sparse.columns[mine], concrete(sparse.data)[mine]

    def probed() -> tuple[Any, Any, Any]:
        unit = np.zeros(ours)
        unit[place] = 1
        guarded = with_guards(block)
        line = np.conj(guarded.apply_adjoint(unit)) if scene.forward else guarded.apply(unit)
        others = np.arange(line.size)
        here = np.full(line.size, np.ravel_multi_index(place, ours))
        return (here, others, np.ravel(line)) if scene.forward else (others, here, np.ravel(line))

    entries = attempt(written_out if block.nnz <= COORDINATES else probed)
    if entries is None:
        return None
    rows, columns, data = entries
    return (
        [index_of(k, block.out_shape) for k in rows],
        [index_of(k, block.in_shape) for k in columns],
        np.asarray(data),
    )
