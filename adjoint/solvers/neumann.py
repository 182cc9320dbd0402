"""The Neumann series: a multiplier as the sum over all paths, by their length.

With ``D`` the diagonal blocks of all constraints, ``A = Jᴴ − Dᴴ`` and ``A λ = −s`` give

    λ = (I − D⁻ᴴ Jᴴ)⁻¹ D⁻ᴴ s = Σ_k (D⁻ᴴ Jᴴ)^k D⁻ᴴ s.

``J`` couples each constraint to earlier ones only, so ``D⁻¹ J`` is nilpotent and the series ends: its term ``k``
collects all paths of ``k`` blocks, and no path is longer than the trace is deep. This is the chain rule written out;
back substitution computes the same sum with every block used once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Slice, Take, scatter_sum, with_guards
from adjoint.blocks.kernels import all_finite
from adjoint.errors import AdjointError, NotConvergedError
from adjoint.solvers.back_substitution import BackSubstitution, cast, solve_directly
from adjoint.system import ConstraintSystem, options
from adjoint.system.solving import Prediction, Rows, note_where
from adjoint.system.structure import Structure
from adjoint.tracing import INPUT, Primitive, Tracer, bind, concrete
from adjoint.tracing.primitive import no_blocks
from adjoint.tracing.trace import EMPTY, Record

Term = dict[int, Array]
"""One term of the series: node (0-based) → array (*batch, *shape); other nodes are structural zeros."""

Kept = dict[int, list[tuple[int, Block]]]
"""Blocks of the nodes that a series has met: they take part in many of its terms."""


@dataclass(frozen=True, slots=True)
class Neumann:
    """``λ = Σ_k (D⁻ᴴ Jᴴ)^k D⁻ᴴ s``, term by term; exact, since the series ends with the longest path.

    Accepts every system, and needs no matrix. A block takes part in as many terms as paths of different lengths
    lead to it, so the worst case is depth × nonzeros; back substitution uses each block once.

    Parameters
    ----------
    terms : int, optional
        Sum the first ``terms`` terms only: paths of fewer than ``terms`` blocks. With ``tolerance=None`` the rest is
        left out on purpose, and the result is an approximation (truncated backpropagation).
    tolerance : float, optional
        Stop after a term whose norm is at most ``tolerance`` times the norm of the sum, for each right-hand side:
        for contractions, in which long paths count for little. Where ``terms`` do not get there,
        :class:`adjoint.errors.NotConvergedError` is raised.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.solvers.neumann import Neumann
    >>> def loop(x):
    ...     state = x
    ...     for _ in range(3):
    ...         state = 0.5 * state + x
    ...     return state
    >>> system = adjoint.trace(loop, 1.0).compile()
    >>> float(system.solve(solver=Neumann())["x"])
    1.875
    >>> float(system.solve(solver=Neumann(terms=4))["x"])  # paths of at most 3 blocks
    1.5
    """

    terms: int | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        options.count("Neumann", "terms", self.terms, or_none=True)
        options.number(
            "Neumann", "tolerance", self.tolerance, above=0, below=1, meaning="a relative norm", or_none=True
        )

    def analyze(self, system: ConstraintSystem) -> Neumann:
        """Nothing to prepare: the terms follow the trace."""
        return self

    def factorize(self, system: ConstraintSystem) -> NeumannFactor:
        """Nothing to compute: blocks are applied as the terms meet them."""
        return NeumannFactor(self, system.primitives, system.records, system.values)

    def predict(self, structure: Structure, right_hand_sides: int = 1) -> Prediction:
        """Every block once for each length that a path to it from the last nodes can have; an upper bound for these."""
        m = right_hand_sides
        sweep = BackSubstitution().predict(structure, m)
        lengths = _path_lengths(structure)
        depth = structure.depth
        if self.terms is not None:
            lengths, depth = np.minimum(lengths, self.terms), min(depth, self.terms)
        uses = lengths[structure.children]
        # D is taken to be dense: its shape says no more
        solves = sum(int(lengths[k]) * int(structure.sizes[k]) ** 2 for k in structure.implicit)
        work = int((uses * structure.flops).sum()) + solves
        return Prediction(
            factor_multiplications=0,
            solve_multiplications=m * work,
            memory=8 * (3 * m * structure.unknowns + int(structure.nonzeros.sum())),  # sum, two terms, kept blocks
            depth=depth,
            fill_in=0,
            seconds=OVER_SWEEP * sweep.seconds
            + USE_SECONDS * int((uses - 1).sum())
            + m * MULTIPLICATION_SECONDS * work,
        )


# Measured with one core on the workloads of benchmarks/compare_solvers.py: to make all blocks, keep them and use them
# once, in sweeps of back substitution; to use one once more; and a multiplication.
OVER_SWEEP = 3.0
USE_SECONDS = 1e-6
MULTIPLICATION_SECONDS = 1.2e-10


def _path_lengths(structure: Structure) -> np.ndarray:
    """How many lengths the paths from the last nodes to each node may have: from the shortest to the longest."""
    n = len(structure.sizes)
    longest, shortest = [0] * n, [n] * n
    for k, parent in zip(structure.children[::-1].tolist(), structure.parents[::-1].tolist(), strict=True):
        near = 0 if shortest[k] == n else shortest[k]  # nothing reads a last node
        longest[parent] = max(longest[parent], longest[k] + 1)
        shortest[parent] = min(shortest[parent], near + 1)
    return np.maximum(np.array(longest, dtype=np.int64) - np.array(shortest, dtype=np.int64), 0) + 1


@dataclass(frozen=True, slots=True, eq=False)
class NeumannFactor:
    """One linearized system; it holds the system's lists and not the system."""

    _options: Neumann
    _primitives: list[Primitive]
    _records: list[Record]
    _values: list[Array]

    def solve(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``A λ = −s``: all paths from the right-hand side back."""
        return self._solve(rows, keep, adjoint=True)

    def solve_tangent(self, rows: Rows, keep: Collection[int] | None = None) -> Sequence[Any]:
        """``Aᵀ ż = −ẋ``: all paths from the right-hand side on."""
        return self._solve(rows, keep, adjoint=False)

    def term_norms(self, rows: Rows, *, tangent: bool = False) -> Array:
        """The 2-norm of every term over all nodes: what the paths of each length contribute.

        Parameters
        ----------
        rows : right-hand side
            As for :meth:`solve`, or for :meth:`solve_tangent` with ``tangent=True``.

        Returns
        -------
        array (terms, *batch)
            Entry ``k`` is that of the paths of ``k`` blocks. All terms there are, whatever the tolerance; no more than
            ``terms=``.
        """
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            norms = [self._norm(term) for term in self._series(rows, adjoint=not tangent, guarded=True)]
        return np.stack(norms) if norms else np.zeros(0)

    def _solve(self, rows: Rows, keep: Collection[int] | None, *, adjoint: bool) -> list[Any]:
        """Terms take blocks as they are; only if the sum is not finite, once more with guarded ones."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = self._sum(self._series(rows, adjoint=adjoint, guarded=False), keep)
            if all(x is None or all_finite(concrete(x)) for x in found):
                return found
            return self._sum(self._series(rows, adjoint=adjoint, guarded=True), keep)

    def _sum(self, series: Iterator[Term], keep: Collection[int] | None) -> list[Any]:
        terms, tolerance = self._options.terms, self._options.tolerance
        total: Term = {}
        count, ratio, largest = 0, 0.0, 0.0
        for term in series:
            count += 1  # noqa: SIM113 (it is read after the loop, which may be empty)
            largest = max(largest, _magnitude(term))
            for k, part in term.items():
                total[k] = total[k] + part if k in total else part
            if tolerance is not None:
                size, whole = self._norm(term), self._norm(total)
                if np.all(size <= tolerance * whole):  # of traced values, an answer that a new evaluation must confirm
                    break
                ratio = _largest_ratio(concrete(size), concrete(whole))
        else:
            if tolerance is not None and count == terms:
                raise _not_converged(count, ratio, tolerance)
        _refuse_cancellation(largest, total)
        return [total.get(k) if keep is None or k in keep else None for k in range(len(self._records))]

    def _series(self, rows: Rows, *, adjoint: bool, guarded: bool) -> Iterator[Term]:
        """``D⁻ᴴ s``, ``(D⁻ᴴ Jᴴ) D⁻ᴴ s``, …; or the same with ``D⁻¹ J``."""
        children = {} if adjoint else _children(self._records)
        kept: Kept = {}
        missing: dict[int, set[int]] = {}
        term: Term = {}
        for k, s in rows:
            term[k] = term[k] + s if k in term else s
        for left in range(self._options.terms or len(self._records), 0, -1):  # no path is longer than the trace
            term = self._divided(term, adjoint)
            if not term:
                return
            yield term
            if left > 1:
                if adjoint:
                    term = self._pulled(term, kept, guarded)
                else:
                    term = self._pushed(term, kept, missing, children, guarded)

    def _pulled(self, term: Term, kept: Kept, guarded: bool) -> Term:
        """``Jᴴ`` times a term."""
        result: Term = {}
        gathers: dict[int, list[tuple[Any, Array]]] = {}  # contributions through slices, scattered at once
        for k in sorted(term, reverse=True):
            lam = term[k]
            pairs = kept.get(k)
            if pairs is None:
                pairs = kept[k] = self._blocks(k, self._records[k][1], guarded)
            for parent, block in pairs:
                if type(block) is Slice or type(block) is Take:
                    gathers.setdefault(parent, []).append((block, lam))
                    continue
                part = block.apply_adjoint(lam)
                result[parent] = result[parent] + part if parent in result else part
        for parent, parts in gathers.items():
            part = scatter_sum(tuple(block for block, _ in parts), *(lam for _, lam in parts))
            result[parent] = result[parent] + part if parent in result else part
        return result

    def _pushed(
        self, term: Term, kept: Kept, missing: dict[int, set[int]], children: dict[int, list[int]], guarded: bool
    ) -> Term:
        """``J`` times a term; blocks of parents without a tangent are not asked for, since there may be none."""
        result: Term = {}
        for k in sorted({child for parent in term for child in children.get(parent, ())}):
            pairs = kept.setdefault(k, [])
            if k not in missing:
                missing[k] = {p for p in self._records[k][1] if p >= 0}
            if missing[k] and not missing[k].isdisjoint(term):
                live = [p if p in term and p in missing[k] else -1 for p in self._records[k][1]]
                pairs += self._blocks(k, live, guarded)
                missing[k].difference_update(live)
            for parent, block in pairs:
                if parent in term:
                    part = block.apply(term[parent])
                    result[k] = result[k] + part if k in result else part
        return result

    def _blocks(self, k: int, parents: Sequence[int], guarded: bool) -> list[tuple[int, Block]]:
        primitive = self._primitives[k]
        operands, _, static, _, _ = self._records[k]
        if primitive is INPUT:
            return []
        try:
            blocks = primitive.blocks(self._values[k], operands, static or EMPTY, parents)
        except AdjointError as error:
            note_where(error, self._primitives, self._records, k)
            raise
        # some rules give all their blocks, whoever is asked for
        return [(parent, with_guards(block) if guarded else block) for parent, block in blocks if parent >= 0]

    def _divided(self, term: Term, adjoint: bool) -> Term:
        """``D⁻ᴴ`` or ``D⁻¹`` times a term, in the dtypes of the nodes."""
        result: Term = {}
        for k, part in term.items():
            primitive, y = self._primitives[k], self._values[k]
            if part.dtype != y.dtype:
                part = cast(part, y.dtype)
            if primitive.diagonal is not None:
                operands, _, static, _, _ = self._records[k]
                part = solve_directly(k, primitive, (y, *operands), static or EMPTY, part, adjoint)
                part = part if part.dtype == y.dtype else cast(part, y.dtype)
            result[k] = part
        return result

    def _norm(self, term: Term) -> Array:
        """Over all nodes, for each right-hand side; in double precision at least."""
        total: Any = 0.0
        for k, part in term.items():
            magnitude = np.abs(_constant(part))
            magnitude = magnitude.astype(np.result_type(magnitude.dtype, np.float64))
            axes = tuple(range(part.ndim - len(self._values[k].shape), part.ndim))
            total = total + np.sum(magnitude * magnitude, axis=axes)
        return np.sqrt(total)


def _constant(x: Array) -> Array:
    """A value that is looked at only: whether to stop has no derivative, and sweeps need not pass through it."""
    return bind(_constant_primitive, (x,)) if type(x) is Tracer else x


_constant_primitive = Primitive("constant", _constant, no_blocks, discrete=True)


def _children(records: list[Record]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for k, record in enumerate(records):
        for parent in set(record[1]):
            if parent >= 0:
                children.setdefault(parent, []).append(k)
    return children


def _magnitude(term: Term) -> float:
    """The largest entry of a term; 0 where it is not finite, which is told otherwise."""
    found = max((float(np.max(np.abs(concrete(part)), initial=0.0)) for part in term.values()), default=0.0)
    return found if np.isfinite(found) else 0.0


def _refuse_cancellation(largest: float, total: Term) -> None:
    """Raise if terms were so much larger than their sum that half of the digits are gone."""
    whole = _magnitude(total)
    eps = max((float(np.finfo(part.dtype).eps) for part in total.values()), default=0.0)
    if whole and largest * eps > np.sqrt(eps) * whole:
        raise NotConvergedError(
            f"the terms of 'neumann' grow to {largest:.2g} and cancel down to {whole:.2g}, so rounding has taken at "
            "least half of the digits: paths of different lengths have opposite signs. 'back_substitution' adds them "
            "up in an order that does not cancel.",
            residual=largest * eps / whole,
        )


def _largest_ratio(size: np.ndarray, whole: np.ndarray) -> float:
    """Of the norm of a term to that of the sum; nothing of nothing is nothing."""
    return float(np.max(np.divide(size, whole, out=np.zeros(np.shape(size)), where=np.asarray(size) != 0), initial=0.0))


def _not_converged(count: int, ratio: float, tolerance: float) -> NotConvergedError:
    return NotConvergedError(
        f"'neumann' summed {count} terms, the paths of up to {count - 1} blocks, and the last of them has {ratio:.2g} "
        f"times the norm of the sum; {tolerance:.2g} was asked for. Give more terms= (without it the series is summed "
        "to its end), a larger tolerance=, or tolerance=None to cut it off on purpose. 'back_substitution' takes any "
        "depth.",
        iterations=count,
        residual=ratio,
    )
