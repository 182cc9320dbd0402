"""Floor 4: from a trace to the constraint system ``A λ = −s``, its multipliers, and the solver interface."""

from adjoint.system.assembly import Assembled, assemble
from adjoint.system.multipliers import Multipliers, Tangents
from adjoint.system.solving import Factor, Plan, Prediction, Solver, available, get, register
from adjoint.system.structure import Structure
from adjoint.system.system import ConstraintSystem

__all__ = [
    "Assembled",
    "ConstraintSystem",
    "Factor",
    "Multipliers",
    "Plan",
    "Prediction",
    "Solver",
    "Structure",
    "Tangents",
    "assemble",
    "available",
    "get",
    "register",
]
