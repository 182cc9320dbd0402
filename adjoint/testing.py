"""Checks of derivatives, blocks and solvers that extenders can use on their own.

Each raises ``AssertionError`` with the figures, and returns them otherwise. The references are independent:
differences of function values for gradients, inner products for blocks, LAPACK for solvers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block
from adjoint.calculus import value_and_grad
from adjoint.errors import NotAcceptedError
from adjoint.system import ConstraintSystem
from adjoint.tracing import flatten

__all__ = ["check_block", "check_gradient", "check_solver", "taylor_remainders"]


def taylor_remainders(
    f: Callable[..., Any], *args: Any, steps: int = 5, first: float = 1e-2, seed: int = 0, solver: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """``|f(x + h v) − f(x) − h ∇f·v|`` for halving ``h`` along a random direction ``v``.

    Parameters
    ----------
    f : callable
        Real scalar function of float or complex arrays (or pytrees of them).
    *args
        The point ``x``.
    steps : int
        How many times ``h`` is halved.
    first : float
        The first ``h``, in units of the arguments' entries.
    seed : int
        Of the random direction.

    Returns
    -------
    h, remainders : arrays (steps,)
    """
    value, gradient = value_and_grad(f, range(len(args)), solver=solver)(*args)
    leaves, spec = flatten(args)
    slopes, _ = flatten(gradient)
    rng = np.random.default_rng(seed)
    directions = [_random(rng, np.shape(x), np.iscomplexobj(x)) for x in leaves]
    slope = sum(float(np.sum(np.real(np.conj(g) * v))) for g, v in zip(slopes, directions, strict=True))
    h = first * 0.5 ** np.arange(steps)
    remainders = []
    for size in h:
        moved = spec.unflatten([np.asarray(x + size * v) for x, v in zip(leaves, directions, strict=True)])
        remainders.append(abs(float(f(*moved)) - float(value) - size * slope))
    return h, np.array(remainders)


def _random(rng: np.random.Generator, shape: Sequence[int], complex: bool) -> Array:
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if complex else x


def check_gradient(f: Callable[..., Any], *args: Any, first: float = 1e-2, seed: int = 0, solver: Any = None) -> float:
    """Check ``adjoint.grad(f)`` at ``args`` by the order of its Taylor remainder.

    With the right gradient the remainder shrinks as ``h²``, with a wrong one only as ``h``.

    Returns
    -------
    float
        The observed order (about 2; infinite for a linear function, whose remainder is rounding).

    Raises
    ------
    AssertionError
        If the order is below 1.8 while the remainder is above rounding.
    """
    h, remainders = taylor_remainders(f, *args, first=first, seed=seed, solver=solver)
    if not np.isfinite(remainders).all():
        raise AssertionError(f"the Taylor remainders are not finite: {remainders}")
    scale = max(1.0, abs(float(f(*args))))
    above = remainders > 1e3 * np.finfo(float).eps * scale
    if above.sum() < 2:
        return math.inf
    orders = np.diff(np.log(remainders[above])) / np.diff(np.log(h[above]))
    order = float(np.median(orders))
    if order < 1.8:
        table = "\n".join(f"  h = {a:.3e}   remainder = {b:.3e}" for a, b in zip(h, remainders, strict=True))
        raise AssertionError(f"the Taylor remainder has order {order:.2f}, expected 2:\n{table}")
    return order


def check_block(block: Block, *, seed: int = 0, tolerance: float = 1e-10, complex: bool = False) -> None:
    """Check the contract of a block on random vectors.

    ``⟨J v, w⟩ = ⟨v, Jᴴ w⟩``; ``apply``, ``apply_adjoint`` and ``to_sparse`` are one matrix; leading batch axes are
    several right-hand sides; ``.adjoint`` is the adjoint; ``nnz`` is no less than the nonzeros there are.

    A block whose ``to_sparse`` refuses with ``NotAcceptedError`` is linear over the real numbers only: its inner
    product is ``Re⟨v, w⟩``, and sums and real factors take the place of the matrix.

    Raises
    ------
    AssertionError
        Naming the law that does not hold.
    """
    rng = np.random.default_rng(seed)

    def random(shape: tuple[int, ...]) -> Array:
        return _random(rng, shape, complex)

    def close(a: Array, b: Array, law: str) -> None:
        if np.shape(a) != np.shape(b):
            raise AssertionError(f"{block!r}: {law}: shape {np.shape(a)} instead of {np.shape(b)}")
        if not np.allclose(a, b, rtol=tolerance, atol=tolerance):
            raise AssertionError(f"{block!r}: {law}: off by {np.max(np.abs(a - b)):.3e}")

    v, w = random(block.in_shape), random(block.out_shape)
    image, back = block.apply(v), block.apply_adjoint(w)
    matrix = _matrix(block)
    left, right = np.vdot(w, image), np.vdot(back, v)
    if matrix is not None:
        close(left, right, "⟨w, J v⟩ = ⟨Jᴴ w, v⟩")
        close(image.reshape(-1), matrix @ v.reshape(-1), "to_sparse and apply agree")
        close(back.reshape(-1), matrix.conj().T @ w.reshape(-1), "to_sparse and apply_adjoint agree")
        _check_counts(block, matrix, tolerance)
    else:
        close(left.real, right.real, "Re⟨w, J v⟩ = Re⟨Jᴴ w, v⟩")
        other, another = random(block.in_shape), random(block.out_shape)
        close(block.apply(v - 2.5 * other), image - 2.5 * block.apply(other), "J is real-linear")
        backs = back - 2.5 * block.apply_adjoint(another)
        close(block.apply_adjoint(w - 2.5 * another), backs, "Jᴴ is real-linear")
    for batch in ((3,), (2, 1), (0,)):
        m = math.prod(batch)
        for name, map_, x in (
            ("apply", block.apply, random(batch + block.in_shape)),
            ("apply_adjoint", block.apply_adjoint, random(batch + block.out_shape)),
        ):
            whole = map_(x)
            target = block.out_shape if name == "apply" else block.in_shape
            if whole.shape != batch + target:
                raise AssertionError(f"{block!r}: {name} over the batch {batch} gave shape {whole.shape}")
            each = [map_(one) for one in x.reshape((m, *x.shape[len(batch) :]))]
            if each:
                close(whole.reshape((m, *target)), np.stack(each), f"{name} over the batch {batch}")
    close(block.adjoint.apply(w), back, ".adjoint.apply is apply_adjoint")
    close(block.adjoint.apply_adjoint(v), image, ".adjoint.apply_adjoint is apply")


def _matrix(block: Block) -> np.ndarray | None:
    """The dense matrix; ``None`` for a real-linear block, which has none over the complex numbers."""
    try:
        dense: np.ndarray = block.to_dense()
    except NotAcceptedError:
        return None
    return dense


def _check_counts(block: Block, matrix: np.ndarray, tolerance: float) -> None:
    """``nnz``, ``degrees`` and ``absolute`` bound what is in the matrix."""
    if block.nnz < np.count_nonzero(matrix):
        raise AssertionError(f"{block!r}: nnz is {block.nnz}, but the matrix has {np.count_nonzero(matrix)} nonzeros")
    row, column = block.degrees
    counts = [np.max(np.count_nonzero(matrix, axis=axis), initial=0) for axis in (1, 0)]
    if row < counts[0] or column < counts[1]:
        raise AssertionError(f"{block!r}: degrees is {(row, column)}, but a row and a column have {counts} nonzeros")
    magnitude = block.absolute()
    if magnitude is not None:
        dense = magnitude.to_dense()
        if (dense < np.abs(matrix) - tolerance).any():
            raise AssertionError(f"{block!r}: absolute() is below |J| somewhere")


def check_solver(
    solver: Any,
    system: ConstraintSystem,
    *,
    batch: Sequence[int] = (),
    seed: int = 0,
    tolerance: float = 1e-10,
) -> float:
    """Check a solver on a system against the dense solve, with ``A`` and with ``Aᵀ``.

    Parameters
    ----------
    solver : str or Solver
    system : ConstraintSystem
    batch : sequence of int
        Leading axes: several right-hand sides.

    Returns
    -------
    float
        The largest relative difference to the reference.

    Raises
    ------
    AssertionError
        If it is above ``tolerance``.
    """
    rng = np.random.default_rng(seed)
    trace = system.trace
    outputs = [out for out in trace.outputs if isinstance(out, int)]
    shape = tuple(batch)

    def random(nodes: Iterable[int]) -> list[tuple[int, Array]]:
        values = [(k, system.values[k]) for k in nodes]
        return [(k, np.asarray(_random(rng, shape + y.shape, y.dtype.kind == "c"))) for k, y in values]

    rows, dots = random(outputs), random(trace.inputs)
    worst = 0.0
    for phase, right in (("solve", rows), ("solve_tangent", dots)):
        right = [(k, x) for k, x in right if system.is_active(k)]
        found = getattr(system.factorize(solver), phase)(right)
        reference = getattr(system.factorize("dense"), phase)(right)
        for k in range(len(system)):
            if not system.is_active(k):
                continue
            zeros = np.zeros(shape + system.values[k].shape)
            a, b = (zeros if x is None else np.asarray(x) for x in (found[k], reference[k]))
            if a.shape != b.shape:
                raise AssertionError(f"{solver!r}: {phase} gave z_{k + 1} the shape {a.shape}, expected {b.shape}")
            scale = max(1.0, float(np.max(np.abs(b), initial=0.0)))
            worst = float(np.maximum(worst, np.max(np.abs(a - b), initial=0.0) / scale))  # NaN stays NaN
        if not worst <= tolerance:
            raise AssertionError(f"{solver!r}: {phase} differs from the dense solve by {worst:.3e}")
    return worst
