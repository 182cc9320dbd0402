"""One entry of the catalogue of blocks: a block beside an independent definition of the same map."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Block

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
