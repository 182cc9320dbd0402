"""How well multipliers satisfy ``A λ = −s``: the residual and the componentwise backward error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Array, Block, with_guards

if TYPE_CHECKING:
    from adjoint.system.solving import Rows
    from adjoint.system.system import ConstraintSystem

EXTENDED_FLOPS = 2_000_000
"""A float64 block of more multiplications is checked in float64: extended precision has no BLAS."""


def residual(system: ConstraintSystem, found: Sequence[Any], rows: Rows, batch: tuple[int, ...]) -> float:
    """``max |A λ + s|``."""
    residuals = residual_rows(system, found, rows, batch)
    return max((float(np.max(np.abs(r), initial=0.0)) for _, r, _ in residuals), default=0.0)


def backward_error(system: ConstraintSystem, found: Sequence[Any], rows: Rows, batch: tuple[int, ...]) -> float:
    """``max_i |A λ + s|_i / (|A| |λ| + |s|)_i``, with 0/0 = 0; infinite where a residual is not finite."""
    return worst_ratio(residual_rows(system, found, rows, batch))


def worst_ratio(residuals: Iterable[tuple[int, np.ndarray, np.ndarray]]) -> float:
    """The largest entry of ``|r| / scale`` over ``(node, r, scale)``, with 0/0 = 0 and infinity for NaN."""
    worst = 0.0
    for _, r, scale in residuals:
        with np.errstate(all="ignore"):
            ratio = np.where(r == 0, 0.0, np.abs(r) / scale)
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        worst = max(worst, float(np.max(ratio, initial=0.0)))
    return worst


def residual_rows(
    system: ConstraintSystem, found: Sequence[Any], rows: Rows, batch: tuple[int, ...]
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """For each active block row its node (0-based), the residual ``A λ + s`` and the scale ``|A| |λ| + |s|``.

    Products and sums are formed in a higher precision than the solve used, wherever that is affordable, so that
    the residual shows the solve's rounding and not its own. Where a block
    does not know its entries (a user's function), ``|J λ|`` stands for ``|J| |λ|``: the scale is then too
    small, and the certificate errs on the side of caution.
    """
    n = len(system)
    sums: list[Any] = [None] * n
    scales: list[Any] = [None] * n

    def accumulate(k: int, value: Array, scale: Array) -> None:
        if sums[k] is None:
            sums[k], scales[k] = value, scale
        else:
            sums[k], scales[k] = sums[k] + value, scales[k] + scale

    for k, s in rows:
        accumulate(k, s, np.abs(s))
    with np.errstate(all="ignore"):
        for k in range(n):
            lam = found[k]
            if lam is None or not system.is_active(k):
                continue
            lam = np.asarray(lam)
            diagonal = system.diagonal_of(k)
            if diagonal is None:
                accumulate(k, -_finer(None, lam), np.abs(lam))
            else:
                accumulate(k, -diagonal.apply_adjoint(_finer(diagonal, lam)), _scale(diagonal, lam))
            for parent, bare in system.blocks_of(k):
                block = with_guards(bare)
                accumulate(parent, block.apply_adjoint(_finer(block, lam)), _scale(block, lam))
    return (
        (k, r.real if r.dtype.kind == "c" and y.dtype.kind != "c" else r, scale)  # a real node takes the real part
        for k, (r, scale, y) in enumerate(zip(sums, scales, system.values, strict=True))
        if r is not None
    )


def _finer(block: Block | None, lam: np.ndarray) -> np.ndarray:
    """``λ`` in a precision above its own where that is affordable: float32 always, float64 for small blocks.

    A user's function is not asked to work in a precision that it may not know.
    """
    if block is not None and block.absolute() is None:
        return lam
    if lam.dtype.itemsize <= (8 if lam.dtype.kind == "c" else 4):
        return lam.astype(np.result_type(lam.dtype, np.float64))
    if block is None or block.flops <= EXTENDED_FLOPS:
        return lam.astype(np.result_type(lam.dtype, np.longdouble))
    return lam


def _scale(block: Block, lam: np.ndarray) -> np.ndarray:
    entries = block.absolute()
    return np.asarray(
        np.abs(block.apply_adjoint(lam)) if entries is None else with_guards(entries).apply_adjoint(np.abs(lam))
    )
