"""Floor 6: derivatives as users ask for them; each is a solve with the constraint system."""

from adjoint.calculus.constraint import constraint
from adjoint.calculus.explicit import trace
from adjoint.calculus.forward import jvp, linearize
from adjoint.calculus.jacobians import hessian, hvp, jacobian
from adjoint.calculus.nonfinite import debug_nans
from adjoint.calculus.plans import hessian_plan, jacobian_plan, sparsity
from adjoint.calculus.reverse import grad, value_and_grad, vjp
from adjoint.calculus.rules import custom_rule, stop_gradient
from adjoint.calculus.sparse import SparsePlan

__all__ = [
    "SparsePlan",
    "constraint",
    "custom_rule",
    "debug_nans",
    "grad",
    "hessian",
    "hessian_plan",
    "hvp",
    "jacobian",
    "jacobian_plan",
    "jvp",
    "linearize",
    "sparsity",
    "stop_gradient",
    "trace",
    "value_and_grad",
    "vjp",
]
