"""Every gradient is one sparse triangular solve.

Write ordinary NumPy. ``adjoint`` records it as a trace ``z_i = f_i(z_a(i))``, compiles the trace into the sparse block
upper-triangular system of Lagrange multipliers ``A λ = −s``, and gets every derivative by a linear solve with a
solver of your choice.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from adjoint import errors, extend, primitives, solvers, testing
from adjoint.blocks import Block
from adjoint.calculus import (
    SparsePlan,
    constraint,
    custom_rule,
    debug_nans,
    grad,
    hessian,
    hessian_plan,
    hvp,
    jacobian,
    jacobian_plan,
    jvp,
    linearize,
    sparsity,
    stop_gradient,
    trace,
    value_and_grad,
    vjp,
)
from adjoint.errors import AdjointError, NonFiniteDerivativeWarning
from adjoint.system import ConstraintSystem, Multipliers
from adjoint.tracing import Trace, name

if TYPE_CHECKING:
    from adjoint import gallery, nn, plot

__version__ = "0.1.0"

_WHEN_ASKED_FOR = ("gallery", "nn", "plot")
"""Modules that a gradient does not need: an import that counts milliseconds leaves them out."""

__all__ = [
    "AdjointError",
    "Block",
    "ConstraintSystem",
    "Multipliers",
    "NonFiniteDerivativeWarning",
    "SparsePlan",
    "Trace",
    "constraint",
    "custom_rule",
    "debug_nans",
    "errors",
    "extend",
    "gallery",
    "grad",
    "hessian",
    "hessian_plan",
    "hvp",
    "jacobian",
    "jacobian_plan",
    "jvp",
    "linearize",
    "name",
    "nn",
    "plot",
    "primitives",
    "solvers",
    "sparsity",
    "stop_gradient",
    "testing",
    "trace",
    "value_and_grad",
    "vjp",
]


def __getattr__(name: str) -> ModuleType:
    if name in _WHEN_ASKED_FOR:
        return importlib.import_module(f"adjoint.{name}")
    raise AttributeError(f"module 'adjoint' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHEN_ASKED_FOR})
