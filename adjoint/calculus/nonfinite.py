"""Saying where NaN or infinity entered a derivative."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, with_guards
from adjoint.blocks.kernels import all_finite
from adjoint.errors import NonFiniteDerivativeWarning
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows
from adjoint.tracing import user_depth


def warn_if_not_finite(system: ConstraintSystem, rows: Rows, found: Sequence[Any], *, forward: bool = False) -> None:
    """Warn if a result is not finite, naming the node, the operation and the line where that began."""
    with np.errstate(over="ignore", invalid="ignore"):
        if all(all_finite(x) for x in found if isinstance(x, (np.ndarray, np.generic))):
            return
        message = diagnosis(system, rows, forward=forward)
    warnings.warn(message, NonFiniteDerivativeWarning, stacklevel=user_depth(sys._getframe(0)) + 1)


def diagnosis(system: ConstraintSystem, rows: Rows, *, forward: bool = False) -> str:
    """The first constraint, in the order of the sweep, that makes a finite multiplier or tangent infinite or NaN."""
    factor = BackSubstitution().analyze(system).factorize(system)
    found = (factor.solve_tangent if forward else factor.solve)(rows)
    nodes = range(len(system)) if forward else range(len(system) - 1, -1, -1)
    with np.errstate(all="ignore"):
        for k in nodes:
            for parent, block in system.blocks_of(k):
                before = found[parent] if forward else found[k]
                if before is None or not all_finite(before):
                    continue
                after = with_guards(block).apply(before) if forward else with_guards(block).apply_adjoint(before)
                if not all_finite(after):
                    return _explain(system, k, parent, block, after, forward)
    return "a derivative is not finite: the seed itself is not, or finite contributions overflow when they add up"


def _explain(system: ConstraintSystem, k: int, parent: int, block: Block, after: Array, forward: bool) -> str:
    name = system.primitives[k].name
    x, y = system.values[parent], system.values[k]
    where = ""
    place = np.asarray(after).reshape((-1, *(block.out_shape if forward else block.in_shape)))
    bad = ~np.isfinite(place).all(axis=0)
    if isinstance(x, (np.ndarray, np.generic)) and bad.shape == x.shape and bad.any():
        where = f" = {np.asarray(x)[bad].flat[0]:.6g}"
    known = isinstance(y, (np.ndarray, np.generic))
    state = "its value is not finite either" if known and not all_finite(y) else "its partial is not finite"
    return (
        f"a derivative is not finite: that began at z_{k + 1} = {name}(…), whose partial with respect to "
        f"z_{parent + 1}{where} is not finite or overflows ({state}), at {system.trace.site(k)}"
    )
