"""Iterative refinement: residuals in a higher precision, corrections by the solver that there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.system import certificate

if TYPE_CHECKING:
    from adjoint.system.solving import Factor, Rows
    from adjoint.system.system import ConstraintSystem


def refined(
    system: ConstraintSystem, factor: Factor, found: Sequence[Any], rows: Rows, batch: tuple[int, ...], steps: int
) -> Sequence[Any]:
    """``λ ← λ + d`` with ``A d = −(A λ + s)``, at most ``steps`` times; the best ``λ`` on the way.

    The residual ``r = A λ + s`` is formed as the certificate forms it: in float64 for float32 nodes, in extended
    precision for float64 nodes where that is affordable. A step that does not lower the componentwise backward error is
    undone, and is the last. A solution that is not finite is left as it is.

    Notes
    -----
    One step costs one residual and one solve. The error contracts by about ``ε κ(A)`` for a direct solver whose
    backward error is ``ε``, and by the relative error of a solve for an inexact one.

    References
    ----------
    N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., SIAM 2002, chapter 12.
    """
    residuals = list(certificate.residual_rows(system, found, rows, batch))
    error = certificate.worst_ratio(residuals)
    for _ in range(steps):
        if error == 0 or not np.isfinite(error):
            break
        # a power of two brings residuals near 1: a solver that rounds to a narrow format would lose them otherwise
        scale = 2.0 ** int(np.frexp(max(float(np.max(np.abs(r), initial=0.0)) for _, r, _ in residuals))[1])
        corrections = factor.solve([(k, (r / scale).astype(system.values[k].dtype)) for k, r, _ in residuals])
        moved = [_corrected(x, d, scale) for x, d in zip(found, corrections, strict=True)]
        residuals = list(certificate.residual_rows(system, moved, rows, batch))
        before, error = error, certificate.worst_ratio(residuals)
        if not error < before:
            break
        found = moved
    return found


def _corrected(x: Any, d: Any, scale: float) -> Any:
    if d is None:
        return x
    d = d * d.dtype.type(scale)
    return d if x is None else x + d
