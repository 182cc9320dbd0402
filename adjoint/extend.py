"""All that an extender needs: a rule, a block, a solver.

``elementwise`` and ``structured`` register rules for NumPy-style functions, ``handles`` replaces a function by
code in terms of traced operations, ``custom_rule`` declares the rule of a function of your own. ``Block`` is the
contract of a structured linear operator, and the ready-made kinds stand beside it. ``register`` makes a solver
known by name.
"""

from adjoint import blocks
from adjoint.blocks import (
    Block,
    Contraction,
    Dense,
    Diagonal,
    DiagonalBlock,
    Function,
    Identity,
    Product,
    Scale,
    Slice,
    Sparse,
    Sum,
    Zero,
    with_guards,
)
from adjoint.calculus import constraint, custom_rule
from adjoint.system import Factor, Plan, Solver, assemble, register
from adjoint.tracing import ZERO, NoRule, NotDifferentiable, Primitive, bind, elementwise, handles, structured

__all__ = [
    "ZERO",
    "Block",
    "Contraction",
    "Dense",
    "Diagonal",
    "DiagonalBlock",
    "Factor",
    "Function",
    "Identity",
    "NoRule",
    "NotDifferentiable",
    "Plan",
    "Primitive",
    "Product",
    "Scale",
    "Slice",
    "Solver",
    "Sparse",
    "Sum",
    "Zero",
    "assemble",
    "bind",
    "blocks",
    "constraint",
    "custom_rule",
    "elementwise",
    "handles",
    "register",
    "structured",
    "with_guards",
]
