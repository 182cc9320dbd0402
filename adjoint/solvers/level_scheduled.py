"""Substitution with the assembled matrix, one vectorized step per level."""

from __future__ import annotations

from dataclasses import dataclass

from adjoint.solvers.assembly.cost import prediction, refuse, sparse_bytes
from adjoint.solvers.assembly.factors import CoordinatePlan, UnitPlan, implicit_constraints, is_traced, refuse_blocks
from adjoint.solvers.assembly.levels import level_coordinates, level_sweeps
from adjoint.system import ConstraintSystem, options
from adjoint.system.solving import Prediction
from adjoint.system.structure import Structure

PER_LEVEL = 5e-6  # four calls of NumPy
PER_ENTRY = 7e-9  # gather, multiply and add, for one right-hand side


@dataclass(frozen=True, slots=True)
class LevelScheduled:
    """Assemble ``A`` and substitute level by level: all unknowns of a level in one step.

    Accepts systems whose diagonal blocks are triangular; those of explicit constraints are (``D = I``). Wins on wide,
    shallow traces, with one or many right-hand sides; a level costs a few calls of NumPy however narrow it is.

    Parameters
    ----------
    max_bytes : int, optional
        Refuse an assembly that would take more; half of the free memory by default.
    """

    max_bytes: int | None = None

    def __post_init__(self) -> None:
        options.count("LevelScheduled", "max_bytes", self.max_bytes, least=0, or_none=True)

    def analyze(self, system: ConstraintSystem) -> UnitPlan | CoordinatePlan:
        """Find the pattern of ``A`` and the schedule of its levels."""
        implicit = implicit_constraints(system)
        refuse_blocks("level_scheduled", system, implicit)
        general = CoordinatePlan(level_coordinates, True, self.max_bytes)
        return general if implicit or is_traced(system) else UnitPlan(system, level_sweeps, general)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """So much per level, and so much per entry and right-hand side."""
        refuse("level_scheduled", structure, sparse_bytes(structure), self.max_bytes, implicit=True)
        entries = structure.matrix_nonzeros - structure.unknowns
        seconds = structure.depth * PER_LEVEL + entries * right_hand_sides * PER_ENTRY
        return prediction(structure, right_hand_sides, seconds_per_solve=seconds, depth=structure.depth)
