"""Derivatives that are NaN or infinite: a warning that says where, or in :func:`debug_nans` an error that says all."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block
from adjoint.blocks.kernels import all_finite
from adjoint.calculus.provenance import Scene, attributed, raise_if_bad
from adjoint.errors import NonFiniteDerivativeWarning
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import ConstraintSystem, solving
from adjoint.system.solving import Rows, Solution
from adjoint.tracing import user_depth


@dataclass(frozen=True, slots=True)
class Mode:
    """What :func:`debug_nans` was asked for."""

    infinities: bool
    strict: bool


_mode: ContextVar[Mode | None] = ContextVar("adjoint.debug_nans", default=None)


def debugging() -> bool:
    """Whether :func:`debug_nans` is on, in this thread and context."""
    return _mode.get() is not None


@contextmanager
def debug_nans(*, infinities: bool = True, strict: bool = False) -> Iterator[None]:
    """While it is on, a derivative that is NaN or infinite is an error that says where that began.

    Parameters
    ----------
    infinities : bool, default True
        Whether infinity is as bad as NaN.
    strict : bool, default False
        Whether every value and every multiplier or tangent counts, and not only the results.

    Raises
    ------
    adjoint.errors.NonFiniteError
        From ``grad``, ``value_and_grad``, ``vjp``, ``jvp``, ``linearize``, ``jacobian``, ``hessian`` and ``hvp``: with
        the node and the operation, your file and line, whether the value, the partial, a product with it or a sum was
        the first to be bad, at which entry, and the path from there to the output.

    Notes
    -----
    Results decide: if the output and the derivative are finite, nothing is raised. So the branch that ``np.where``
    does not select may be anything, unless ``strict`` says otherwise. Every derivative is judged by its own
    results, also one inside of a function that is differentiated again.

    What was recorded before (by ``vjp`` or ``linearize``) and is evaluated in the mode raises if a derivative is bad;
    values of large arrays are gone by then, so the report may say less.

    It is a context manager and, called, a decorator. It holds for the thread and context that enter it, and the
    innermost one decides. Outside of it nothing is slower; inside, all values are kept and looked at.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> def f(x):
    ...     return np.sum(np.sqrt(x))
    >>> with adjoint.debug_nans():
    ...     adjoint.grad(f)(np.array([4.0, 0.0]))
    Traceback (most recent call last):
    ...
    adjoint.errors.NonFiniteError: the derivative with respect to x is inf at entry (1,).
    It began at z_2 = sqrt(z_1), whose partial is not finite:
        ∂sqrt(z_1)/∂z_1 = inf at entry (1,), where z_1 = 0.
    ...
    """
    token = _mode.set(Mode(infinities, strict))
    try:
        yield
    finally:
        _mode.reset(token)


def solve(
    system: ConstraintSystem, rows: Rows, nodes: Collection[int], solver: Any = None, *, forward: bool = False
) -> Solution:
    """Multipliers (or tangents) of some nodes, 0-based. If they are not finite: a warning, or in the mode an error."""
    keep = frozenset(nodes)
    mode = None if system.trace.lean else _mode.get()  # a lean trace was recorded outside of the mode
    if mode is not None and isinstance(solving.get(solver), BackSubstitution):
        with attributed(system) as watched:
            solution = _swept(watched, rows, keep, solver, forward)
    else:
        solution = _swept(system, rows, keep, solver, forward)
    good = _all_finite(solution, keep)
    if not good and mode is None:
        mode = _mode.get()
    if mode is not None:
        raise_if_bad(system, rows, solution, keep, forward=forward, infinities=mode.infinities, strict=mode.strict)
    if not good:
        message = diagnosis(system, rows, forward=forward)
        warnings.warn(
            f"{message}\nadjoint.debug_nans() makes this an error that tells the path to the output: "
            "with adjoint.debug_nans(): ...",
            NonFiniteDerivativeWarning,
            stacklevel=user_depth(sys._getframe(0)) + 1,
        )
    return solution


def _swept(system: ConstraintSystem, rows: Rows, keep: frozenset[int], solver: Any, forward: bool) -> Solution:
    if not rows:  # the output does not depend on the arguments
        return [None] * len(system)
    factor = system.factorize(solver)
    return factor.solve_tangent(rows, keep=keep) if forward else factor.solve(rows, keep=keep)


def _all_finite(solution: Solution, keep: frozenset[int]) -> bool:
    """Whether the results are finite, as far as they are plain numbers: an outer derivative judges traced ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return all(all_finite(x) for x in (solution[k] for k in keep) if isinstance(x, (np.ndarray, np.generic)))


def diagnosis(system: ConstraintSystem, rows: Rows, *, forward: bool = False) -> str:
    """The first constraint, in the order of the sweep, that makes a finite multiplier or tangent infinite or NaN."""
    with np.errstate(all="ignore"):
        scene = Scene(system, rows, forward=forward, infinities=True)
        found = scene.solution
        for k in range(len(system)) if forward else range(len(system) - 1, -1, -1):
            if not forward and found[k] is None:
                continue  # the sweep has not asked for its blocks: perhaps there are none to be had
            for parent, block in scene.blocks_of(k):
                before = found[parent] if forward else found[k]
                if not all_finite(before):
                    continue
                after = scene.product(block, before)
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


def _judge(system: ConstraintSystem, rows: Rows, solution: Solution, forward: bool) -> None:
    """A solve that was asked for explicitly, with ``system.solve`` or ``system.solve_tangent``."""
    mode = _mode.get()
    if mode is not None:
        outputs = [out for out in system.trace.outputs if isinstance(out, int)]
        nodes = frozenset(outputs if forward else system.trace.inputs)
        raise_if_bad(system, rows, solution, nodes, forward=forward, infinities=mode.infinities, strict=mode.strict)


solving.JUDGES.append(_judge)
