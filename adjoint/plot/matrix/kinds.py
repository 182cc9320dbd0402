"""Which kinds of blocks meet in a square of a picture: several where loops and layers are folded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adjoint.plot.picture import Picture

LEAST = 0.12
"""The least share of a square that a kind gets: a single block among hundreds is seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Blocks by row, column and kind, sorted by row and column; those inside a folded row are on its diagonal.

    Attributes
    ----------
    rows, columns, kinds : int arrays (parts,)
        ``kinds`` are positions in the picture's ``kind_names``.
    blocks, nonzeros : int arrays (parts,)
    """

    rows: np.ndarray
    columns: np.ndarray
    kinds: np.ndarray
    blocks: np.ndarray
    nonzeros: np.ndarray

    @classmethod
    def of(cls, picture: Picture) -> Parts:
        """From the blocks themselves; for pictures of few rows."""
        structure = picture.system.structure
        row_of = rows_of_nodes(picture)
        rows, columns = row_of[structure.parents], row_of[structure.children]
        visible = (rows >= 0) & (columns >= 0)
        size, count = len(picture), len(picture.kind_names)
        keys = (rows[visible] * size + columns[visible]) * count + structure.kinds[visible]
        blocks = np.bincount(keys, minlength=1)
        nonzeros = np.bincount(keys, structure.nonzeros[visible], minlength=1)
        found = np.flatnonzero(blocks)
        places, kinds = np.divmod(found, count)
        return cls(places // size, places % size, kinds, blocks[found], nonzeros[found].astype(np.int64))

    @property
    def inside(self) -> np.ndarray:
        """Which parts are inside a folded row."""
        return np.asarray(self.rows == self.columns)

    def shares(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Where each part begins and ends in its square, from 0 to 1; by the number of blocks."""
        if not len(self.rows):
            return np.zeros(0), np.zeros(0)
        _, first, which = np.unique(self.rows * size + self.columns, return_index=True, return_inverse=True)
        totals = np.add.reduceat(self.blocks, first)[which]
        weights = np.maximum(self.blocks, LEAST * totals)
        weights = weights / np.add.reduceat(weights, first)[which]
        ends = np.cumsum(weights)
        ends -= (ends - weights)[first][which]
        return np.clip(ends - weights, 0, 1), np.clip(ends, 0, 1)


def rows_of_nodes(picture: Picture) -> np.ndarray:
    """For each node (from 0) its row, -1 where it is not shown."""
    sizes = picture.system.structure.sizes
    row_of = np.full(len(picture.system), -1, dtype=np.int64)
    row_of[picture.starts] = np.arange(len(picture))
    for row in picture.names:
        row_of[picture.starts[row] : picture.stops[row]] = row
    row_of[sizes == 0] = -1
    return row_of
