"""Block elimination on materialized blocks: the rules are asked once, and every solve is a sweep over what is left.

Factorizing builds all blocks of ``A``, adds those that stand in the same place, factorizes diagonal blocks, and
eliminates the nodes for which that is free (see :mod:`adjoint.solvers.materialized.plan`). With the eliminated nodes in
the order of elimination, ``A = L S U`` with a unit block triangular ``L`` and ``U`` whose blocks are those that the
nodes had when they were eliminated, and a smaller block triangular ``S``. A solve applies ``L⁻¹`` (only if the
right-hand side reaches an eliminated node), sweeps over ``S``, and applies ``U⁻¹`` to the nodes that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from adjoint.blocks import Contraction, Diagonal
from adjoint.solvers.materialized.factor import BlockFactor, eliminate_node, materialized
from adjoint.solvers.materialized.plan import Sketch, Step, plan_elimination, sketch_of, sum_of
from adjoint.system import ConstraintSystem, Prediction, Structure, options

# Seconds on one core of a shared 2 GHz server, BLAS on one thread: the best of eight runs of factorize and solve,
# divided by edges or multiplications, on six programs: scalars, small arrays, a robot arm, chains of 50 and of 100,000
# entries, a network with layers of 256.
_PER_RULE = 6e-6  # to ask for one block and to store it
_PER_PLAN = 6e-6  # to decide about it, and to multiply it with its neighbors
_PER_STEP = 2e-6  # to apply one stored block
_PER_ENTRY = 1.2e-9  # of elementwise products, at the speed of memory
_PER_FLOP = 0.2e-9  # of matrix products, at the speed of BLAS

_PREDICTED = 20_000
"""Edges up to which a prediction goes through the elimination; beyond, it expects none."""


@dataclass(frozen=True, slots=True)
class BlockSparse:
    """Materialize every block once, eliminate nodes where that is free, and keep the rest for all solves.

    Accepts every system. Wins where one linearization is solved with often: the rules of NumPy's operations are not
    asked again, and short nodes melt into their neighbors. Needs memory for all partials at once.

    Parameters
    ----------
    eliminate : bool
        Whether to eliminate nodes at all; without, a factor is the list of merged blocks.
    """

    eliminate: bool = True

    def __post_init__(self) -> None:
        options.flag("BlockSparse", "eliminate", self.eliminate)

    def analyze(self, system: ConstraintSystem) -> BlockPlan:
        """A plan that decides when it sees the first blocks, so that they need not be built twice."""
        return BlockPlan(self.eliminate)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """With the elimination gone through on what shapes tell: blocks of as many entries as rows and columns melt.

        Multipliers of eliminated nodes are not counted: they are computed only if they are asked for.
        """
        edges = structure.children.size
        if self.eliminate and edges <= _PREDICTED:
            sketches = _sketches(structure)
            fixed = {*structure.implicit, *(k for k, name in enumerate(structure.names) if name == "input")}
            left = plan_elimination(sketches, lambda j, neighbors: j not in fixed)[1]
            entries = sum(min(one.flops, max(one.rows, one.columns)) for one in sketches.values())
            kept, kept_flops = len(left), sum(one.flops for one in left)
            kept_entries = sum(min(one.flops, max(one.rows, one.columns)) for one in left)
        else:
            largest = np.maximum(structure.sizes[structure.children], structure.sizes[structure.parents])
            entries = kept_entries = int(np.minimum(structure.flops, largest).sum())
            kept, kept_flops = edges, int(structure.flops.sum())
        m = right_hand_sides
        seconds = edges * (_PER_RULE + _PER_PLAN * self.eliminate) + 2 * entries * _PER_ENTRY + kept * _PER_STEP
        seconds += m * (kept_entries * _PER_ENTRY + (kept_flops - kept_entries) * _PER_FLOP)
        return Prediction(
            factor_multiplications=entries if self.eliminate else 0,
            solve_multiplications=kept_flops * m,
            memory=8 * (entries + kept_entries + structure.unknowns * m) + 400 * edges,
            depth=structure.depth,
            fill_in=0,
            seconds=seconds,
        )


def _sketches(structure: Structure) -> dict[tuple[int, int], Sketch]:
    sizes, columns = structure.sizes.tolist(), (structure.children, structure.parents, structure.flops)
    found: dict[tuple[int, int], Sketch] = {}
    for k, i, flops in zip(*(column.tolist() for column in columns), strict=True):
        kind = Diagonal if flops == sizes[k] and sizes[i] in (1, flops) else Contraction
        sketch = Sketch(kind, sizes[k], sizes[i], flops)
        found[k, i] = sum_of(found[k, i], sketch, False) if (k, i) in found else sketch
    return found


class BlockPlan:
    """The order of elimination, decided at the first linearization from kinds and shapes; serves all others."""

    __slots__ = ("_steps",)

    def __init__(self, eliminate: bool) -> None:
        self._steps: list[Step] | None = None if eliminate else []

    @property
    def eliminated(self) -> list[int]:
        """The eliminated nodes (0-based) in order; empty before the first linearization."""
        return [step.node for step in self._steps or ()]

    def factorize(self, system: ConstraintSystem) -> BlockFactor:
        """Build the blocks of one linearization, and eliminate."""
        with np.errstate(all="ignore"):
            edges, diagonals, refused = materialized(system)
            if self._steps is None:
                dtypes = [y.dtype for y in system.values]
                inputs = set(system.trace.inputs)

                def eliminable(j: int, neighbors: Iterable[int]) -> bool:
                    # a multiplier is cast to its node's dtype: a real node takes the real part, which no product does
                    same = all(dtypes[k] == dtypes[j] for k in neighbors)
                    return same and j not in inputs and j not in diagonals and j not in refused

                self._steps, _ = plan_elimination({key: sketch_of(block) for key, block in edges.items()}, eliminable)
            eliminated = [eliminate_node(step, edges, system.values) for step in self._steps]
        return BlockFactor(system, edges, diagonals, refused, eliminated)
