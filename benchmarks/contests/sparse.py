"""Sparse Jacobians and Hessians by everybody: a plan once, apart; then the values at another point.

Compared are the values of the nonzeros: see :mod:`benchmarks.contests.contestants` for who takes part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse

import adjoint
from benchmarks import harness
from benchmarks.contests.contestants import HAND, JAX, PLAN, Candidate, SparseContest, candidates
from benchmarks.contests.matches import behind
from benchmarks.harness import Size, Table, Timing, WrongAnswerError


def check(contest: SparseContest, found: Mapping[str, Candidate], directions: int = 3) -> dict[str, Any]:
    """Validate every contestant; returns their matrices.

    The reference is central differences of the program in plain NumPy along random directions: of a Jacobian all
    entries of ``J v``, of a Hessian ``vᵀ H v``. On top, everybody agrees with the first one entry by entry.
    """
    rng = np.random.default_rng(2)
    slopes = [(v, _difference(contest, v)) for v in rng.choice([-1.0, 1.0], (directions, contest.point.size))]
    first: tuple[str, Any] | None = None
    matrices = {}
    for name, candidate in found.items():
        matrix = matrices[name] = candidate.to_csr(candidate.call())
        if matrix.shape != contest.pattern.shape:
            raise WrongAnswerError(f"{contest.title}: {name}: shape {matrix.shape} instead of {contest.pattern.shape}")
        for v, (slope, slack) in slopes:
            claimed = matrix @ v if contest.kind == "jacobian" else v @ (matrix @ v)
            if not np.max(np.abs(claimed - slope)) <= slack * np.max(np.abs(matrix) @ np.abs(v)):
                raise WrongAnswerError(f"{contest.title}: {name}: differs from central differences")
        first = first or (name, matrix)
        gap = abs(matrix - first[1])
        if not gap.max() <= contest.tolerance * abs(first[1]).max():
            raise WrongAnswerError(f"{contest.title}: {name} differs from {first[0]} by {gap.max():.2g}")
    return matrices


def _difference(contest: SparseContest, v: np.ndarray) -> tuple[Any, float]:
    """A fourth-order central difference along ``v``, and how far it may be off."""
    at = lambda t: np.asarray(contest.function(contest.point + t * v), float)
    if contest.kind == "jacobian":
        h = 1e-4
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h), 1e-7
    h = 1e-3
    slack = 1e-9 * abs(float(at(0))) + 1e-6  # the function's own rounding, over h²
    return (16 * (at(h) + at(-h)) - (at(2 * h) + at(-2 * h)) - 30 * at(0)) / (12 * h**2), slack


def validate(contest: SparseContest) -> int:
    """Check all answers; how many there were."""
    return len(check(contest, candidates(contest)[0]))


def compare(contest: SparseContest, size: Size) -> tuple[Table, dict[str, Timing], dict[str, Candidate]]:
    """Validate, then time in interleaved rounds; ratios are to the plan, or to NumPy by hand where there is none."""
    found, notes = candidates(contest)
    matrices = check(contest, found)
    budget = {"tiny": 0.0, "quick": 4.0, "full": 12.0}[size]
    calls = {name: candidate.call for name, candidate in found.items()}
    timings = harness.timed(calls, rounds=1 if size == "tiny" else 60, budget=budget)
    base = PLAN if PLAN in timings else HAND
    headings = ("", "best ms", "median ms", f"time / {base}", "plan or compile s", "nonzeros")
    table = Table(contest.title, headings)
    for name, timing in timings.items():
        numbers = 1e3 * timing.best, 1e3 * timing.median, timing.best / timings[base].best
        table.rows.append((name, *numbers, found[name].seconds, matrices[name].nnz))
    table.notes += [f"{name}: {found[name].remark}" for name in (JAX,) if name in found]
    if PLAN in timings:
        table.notes += behind(timings, PLAN)
    table.notes += notes
    table.notes += pattern_notes(contest)
    return table, timings, found


def pattern_notes(contest: SparseContest) -> list[str]:
    """Whether ``adjoint.sparsity`` finds the pattern known by hand."""
    sparsity = getattr(adjoint, "sparsity", None)
    if sparsity is None:
        return ["adjoint has no sparsity: the pattern alone is not compared"]
    if contest.kind != "jacobian":
        return []
    found = scipy.sparse.csr_array(sparsity(contest.function)(contest.planned_at)).astype(bool)
    extra = (found.astype(int) - contest.pattern.astype(int)).tocsr()
    if extra.nnz and extra.min() < 0:
        raise WrongAnswerError(f"{contest.title}: adjoint.sparsity lacks entries of the pattern")
    return [f"adjoint.sparsity: {found.nnz:,} entries, {contest.pattern.nnz:,} by hand"]
