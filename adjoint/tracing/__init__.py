"""Floor 2: recording NumPy code as a trace, and the table of rules."""

from adjoint.tracing.methods import Tracer
from adjoint.tracing.primitive import INPUT, ZERO, NoRule, NotDifferentiable, Primitive
from adjoint.tracing.pytrees import flatten
from adjoint.tracing.record import is_traced, name, output_node, record, set_outputs
from adjoint.tracing.rules import elementwise, handles, structured, zero
from adjoint.tracing.sites import here, user_depth
from adjoint.tracing.table import FUNCTIONS, LIKE, METHODS, NO_RULE_YET, NOT_DIFFERENTIABLE, UFUNC_METHODS, UFUNCS
from adjoint.tracing.trace import COMPILER, Node, Trace, current_operands
from adjoint.tracing.tracer import append, bind, concrete, decided, guard, refuse_options, snapshot, stacked

__all__ = [
    "COMPILER",
    "FUNCTIONS",
    "INPUT",
    "LIKE",
    "METHODS",
    "NOT_DIFFERENTIABLE",
    "NO_RULE_YET",
    "UFUNCS",
    "UFUNC_METHODS",
    "ZERO",
    "NoRule",
    "Node",
    "NotDifferentiable",
    "Primitive",
    "Trace",
    "Tracer",
    "append",
    "bind",
    "concrete",
    "current_operands",
    "decided",
    "elementwise",
    "flatten",
    "guard",
    "handles",
    "here",
    "is_traced",
    "name",
    "output_node",
    "record",
    "refuse_options",
    "set_outputs",
    "snapshot",
    "stacked",
    "structured",
    "user_depth",
    "zero",
]
