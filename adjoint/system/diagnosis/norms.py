"""How multipliers grow or fade from the output down to the arguments, level by level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.errors import AdjointError
from adjoint.tracing import INPUT

if TYPE_CHECKING:
    from adjoint.system.diagnosis.scan import Scan
    from adjoint.system.system import ConstraintSystem

VANISHED = 1e-8
EXPLODED = 1e8


@dataclass(frozen=True, slots=True)
class Norms:
    """Norms of the multipliers by level; arguments, which all stand at level 0, are left out.

    Attributes
    ----------
    by_level : tuple of float
        ``‖λ‖₂`` of all nodes of level 0, 1, …; 0 where no multiplier is.
    rate : float
        The factor per level on the way from the output back, by a fit of ``log ‖λ‖``: below 1 multipliers fade.
    vanished_at, exploded_at, not_finite_at : int or None
        The first level on that way from which on all norms are below 1e-8 times the output's; the first with a norm
        above 1e8 times it; and the first with NaN or infinity.
    largest : tuple of int
        In each level the node (from 1) with the largest norm; 0 where no multiplier is.
    """

    by_level: tuple[float, ...]
    rate: float
    vanished_at: int | None
    exploded_at: int | None
    not_finite_at: int | None
    largest: tuple[int, ...]


def multiplier_norms(system: ConstraintSystem, scan: Scan, seed: Any, solver: Any) -> Norms | str:
    """Solve once, and follow the norms; a sentence where that cannot be done.

    Raises
    ------
    SeedError
        If a seed is given that does not fit the output: that is the caller's mistake, and no finding.
    """
    rows: Any = None if seed is None else system.seed_rows(seed)[0]
    try:
        if rows is None:
            outputs = {out for out in system.trace.outputs if isinstance(out, int) and system.is_active(out)}
            rows = [(k, np.ones(system.values[k].shape, system.values[k].dtype)[()]) for k in sorted(outputs)]
        if not rows:
            return "no output has a derivative"
        with np.errstate(all="ignore"):
            found = system.factorize(solver).solve(rows)
    except AdjointError as error:
        return f"the system could not be solved: {error}"
    levels: list[list[tuple[float, int]]] = [[] for _ in range(int(scan.levels.max(initial=0)) + 1)]
    for k, level in enumerate(scan.levels.tolist()):
        if found[k] is not None and system.primitives[k] is not INPUT:
            levels[level].append((_norm(np.asarray(found[k])), k + 1))
    largest = [max(some, key=lambda one: (not math.isfinite(one[0]), one[0]), default=(0.0, 0))[1] for some in levels]
    return _followed([math.hypot(*(norm for norm, _ in some)) for some in levels], largest)


def _norm(x: np.ndarray) -> float:
    if x.ndim == 0:
        return float(abs(x))
    largest = float(np.max(np.abs(x), initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm((x / largest).ravel()))


def _followed(norms: list[float], largest: list[int]) -> Norms:
    live = [level for level, norm in enumerate(norms) if norm != 0]
    fitted = [level for level in live if math.isfinite(norms[level]) and not _is_dip(norms, level)]
    rate = 1.0
    if len(fitted) > 1:
        slope = np.polynomial.polynomial.polyfit(fitted, np.log([norms[level] for level in fitted]), 1)[1]
        rate = math.exp(min(-float(slope), 700.0))
    start = norms[live[-1]] if live else 0.0
    down = live[::-1]
    behind = np.maximum.accumulate(norms)  # the largest norm of a level and of all that lie behind it
    return Norms(
        by_level=tuple(norms),
        rate=rate,
        vanished_at=next((level for level in down if behind[level] < VANISHED * start), None),
        exploded_at=next((level for level in down if norms[level] > EXPLODED * start), None),
        not_finite_at=next((level for level in down if not math.isfinite(norms[level])), None),
        largest=tuple(largest),
    )


def _is_dip(norms: list[float], level: int) -> bool:
    """Whether both neighbors dwarf a level: multipliers cancel there (the shift of a softmax), and pass beside it."""
    around = norms[max(level - 1, 0)], norms[min(level + 1, len(norms) - 1)]
    return norms[level] < VANISHED * min(around)
