"""Krylov iterations on flat vectors: SciPy's methods, with true residuals, refinement and an honest end.

A method of SciPy is run on the residual, scaled to norm 1, and the residual is then computed anew from the
solution. So an iteration whose own estimate has drifted is continued, precisions that SciPy does not know are
refined in their own arithmetic, and what is called converged has converged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its subpackages load when they are first used

Product = Callable[[np.ndarray], np.ndarray]
"""``D v`` or ``Dᴴ v`` on flat vectors."""

RESTARTED = {"gmres": "restart", "lgmres": "inner_m", "gcrotmk": "m"}
"""Methods that keep several vectors, and what SciPy calls their number."""
PRODUCTS = {"gmres": 1, "lgmres": 1, "gcrotmk": 1, "cg": 1, "bicgstab": 2, "cgs": 2, "tfqmr": 1}
"""Every method, and its products with ``D`` in one of SciPy's iterations."""

WORK = {"e": "f", "g": "d", "G": "D"}
"""The precision that SciPy works in where it does not know that of the vectors."""

HUGE = 1e100
"""Of a vector: a product with it that is not finite is no sign of a matrix that is not finite."""


@dataclass(frozen=True, slots=True)
class Iteration:
    """How to iterate; see :class:`adjoint.solvers.krylov.Krylov` for the options."""

    method: str
    tolerance: float | None
    max_iterations: int | None
    restart: int

    def tolerance_for(self, dtype: np.dtype[Any]) -> float:
        """The relative residual that is asked for in this precision."""
        return float(np.finfo(dtype).eps) ** 0.8 if self.tolerance is None else self.tolerance

    def limit(self, size: int) -> int:
        """How many products one right-hand side may take."""
        return max(100, min(10 * size, 10_000)) if self.max_iterations is None else self.max_iterations


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an iteration came to: ``x``, its products with ``D``, its true relative residual."""

    x: np.ndarray
    iterations: int
    residual: float
    converged: bool


class _NotFiniteError(Exception):
    """A product was not finite; tells whether the vector can be blamed."""

    def __init__(self, diverged: bool) -> None:
        super().__init__()
        self.diverged = diverged


class _Counted:
    """A product that counts how often it is taken, and keeps a lower bound of ``‖D‖``."""

    __slots__ = ("count", "norm", "product")

    def __init__(self, product: Product) -> None:
        self.product = product
        self.count = 0
        self.norm = 0.0

    def __call__(self, v: np.ndarray) -> np.ndarray:
        self.count += 1
        image = self.product(v)
        length, size = _norm(image), _norm(v)
        if not math.isfinite(length):
            raise _NotFiniteError(diverged=not size < HUGE)
        if size:
            self.norm = max(self.norm, length / size)
        return image


def iterate(product: Product, b: np.ndarray, how: Iteration, inverse: Product | None = None) -> Outcome:
    """``x`` of ``D x = b`` for one flat right-hand side; ``inverse`` is a product with an approximate inverse of ``D``.

    It has converged when ``‖b − D x‖ ≤ tolerance · ‖b‖``, or when rounding lets the residual fall no further:
    ``‖b − D x‖`` is a few roundings of ``‖D‖ ‖x‖``, and yet small beside ``‖b‖``.

    A right-hand side or a matrix that is not finite gives NaN, as a direct solve would.
    """
    size = _norm(b)
    if not size:
        return Outcome(np.zeros_like(b), 0, 0.0, True)
    if not math.isfinite(size):
        return _not_a_number(b, 0)
    counted = _Counted(product)
    eps = float(np.finfo(b.dtype).eps)

    def rounds(x: np.ndarray) -> float:
        return 16 * eps * counted.norm * _norm(x)

    target = how.tolerance_for(b.dtype) * size
    limit = how.limit(b.size)
    x, residual, norm = np.zeros_like(b), b, size
    try:
        while norm > target and counted.count < limit:
            step = _run(counted, residual / norm, target / norm, limit - counted.count, how, inverse)
            candidate = x + (norm * step).astype(b.dtype, copy=False)
            rest = b - counted(candidate)
            left = _norm(rest)
            # a huge null vector, which a breakdown leaves behind, may hide in its own rounding: it is no better
            if not left < norm or eps**0.25 * size < left <= rounds(candidate):
                break
            stalled = left > norm / 2
            x, residual, norm = candidate, rest, left
            if stalled:
                break
    except _NotFiniteError as error:
        if not error.diverged:
            return _not_a_number(b, counted.count)
    rounded = norm <= math.sqrt(eps) * size and norm <= rounds(x)
    return Outcome(x, counted.count, norm / size, norm <= target or rounded)


def _run(
    product: _Counted, b: np.ndarray, goal: float, left: int, how: Iteration, inverse: Product | None
) -> np.ndarray:
    """One run of SciPy's method on ``b`` of norm 1, to the relative residual ``goal`` or as far as it goes."""
    n = b.size
    work = np.dtype(WORK.get(b.dtype.char, b.dtype.char))

    def operator(map_: Product) -> Any:
        def matvec(v: np.ndarray) -> np.ndarray:
            image: np.ndarray = map_(v.reshape(n).astype(b.dtype, copy=False)).astype(work, copy=False)
            return image

        return scipy.sparse.linalg.LinearOperator((n, n), matvec=matvec, dtype=work)

    # below this the method's own residual says nothing; what is missing is left to the next run
    floor = 8 * float(np.finfo(work).eps)
    options: dict[str, Any] = {"rtol": max(goal / 2, floor), "atol": 0.0}
    if how.method in RESTARTED:
        width = min(how.restart, n)
        options[RESTARTED[how.method]] = width
        options["maxiter"] = max(1, math.ceil(left / width))
    else:
        options["maxiter"] = max(1, left // PRODUCTS[how.method])
    if inverse is not None:
        options["M"] = operator(inverse)
    try:
        with np.errstate(all="ignore"):
            x, _ = getattr(scipy.sparse.linalg, how.method)(operator(product), b.astype(work), **options)
    except np.linalg.LinAlgError:  # a breakdown
        return np.zeros_like(b)
    return np.asarray(x)


def _not_a_number(b: np.ndarray, iterations: int) -> Outcome:
    return Outcome(np.full_like(b, np.nan), iterations, math.nan, False)


def _norm(v: np.ndarray) -> float:
    """The 2-norm, without overflow of its squares."""
    largest = float(np.max(np.abs(v), initial=0.0))
    if not largest or not math.isfinite(largest):
        return largest
    if 1e-100 < largest < HUGE:
        return math.sqrt(float(np.vdot(v, v).real)) if v.dtype.char in "dD" else float(np.linalg.norm(v))
    return largest * float(np.linalg.norm(v / largest))
