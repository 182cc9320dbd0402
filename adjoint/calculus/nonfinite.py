"""Saying where NaN or infinity entered a derivative."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import NonFiniteDerivativeWarning
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows


def warn_if_not_finite(system: ConstraintSystem, rows: Rows, found: Sequence[Any]) -> None:
    """Warn if a multiplier of an argument is not finite, naming the node, the operation and the line."""
    for x in found:
        if x is None or (type(x) is np.ndarray and np.isfinite(x).all()):
            continue
        if type(x) is np.ndarray or (isinstance(x, np.generic) and not np.isfinite(x)):
            warnings.warn(diagnosis(system, rows), NonFiniteDerivativeWarning, stacklevel=4)
            return


def diagnosis(system: ConstraintSystem, rows: Rows) -> str:
    """The last constraint whose multiplier is finite and whose block makes a multiplier that is not."""
    multipliers = BackSubstitution().analyze(system).factorize(system).solve(rows)
    with np.errstate(all="ignore"):
        for k in range(len(system) - 1, -1, -1):
            lam = multipliers[k]
            if lam is None or not _finite(lam):
                continue
            for parent, block in system.blocks_of(k):
                if not _finite(block.apply_adjoint(lam)):
                    return _explain(system, k, parent, lam)
    return "a derivative is not finite: the seed itself is not"


def _explain(system: ConstraintSystem, k: int, parent: int, lam: Array) -> str:
    name = system.primitives[k].name
    x, y = system.values[parent], system.values[k]
    worst = np.asarray(x).ravel()[np.argmin(np.isfinite(_flat_bad(system, k, parent, lam)))]
    state = "the value itself is not finite" if not _finite(y) else "its value is finite, its partial is not"
    return (
        f"a derivative is not finite: it began at z_{k + 1} = {name}(…), with respect to z_{parent + 1} where that "
        f"is {worst:.6g} ({state}), at {system.trace.site(k)}"
    )


def _flat_bad(system: ConstraintSystem, k: int, parent: int, lam: Array) -> np.ndarray:
    for p, block in system.blocks_of(k):
        if p == parent and not _finite(part := block.apply_adjoint(lam)):
            first: np.ndarray = np.asarray(part).reshape(-1, max(1, np.asarray(system.values[parent]).size))[0]
            return first
    return np.zeros(1)


def _finite(x: Array) -> bool:
    return bool(np.isfinite(x).all())
