"""Where each node stands in a flat vector of unknowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Node ``k`` (0-based) has the unknowns ``starts[k]:stops[k]``; none without a multiplier.

    Attributes
    ----------
    starts, stops : int arrays (n,)
    shapes : sequence of arrays
        Arrays with the shape and dtype of each node; their entries are not read.
    """

    starts: np.ndarray
    stops: np.ndarray
    shapes: Sequence[Any]

    def rows(self, k: int) -> slice:
        """The unknowns of node ``k``."""
        return slice(int(self.starts[k]), int(self.stops[k]))
