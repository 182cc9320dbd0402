"""The diagnosis as a value: what is wrong or remarkable about a system, in numbers and in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from adjoint.errors import AdjointError
from adjoint.system.conditioning import block_condition
from adjoint.system.diagnosis.norms import EXPLODED, VANISHED, Norms, multiplier_norms
from adjoint.system.diagnosis.reach import Unreached, find_unreached
from adjoint.system.diagnosis.scan import BadPartial, Refusal, Scan, scan
from adjoint.tracing import INPUT
from adjoint.tracing.sites import Site

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem

RANK_NONZEROS = 2_000_000
"""The structural rank is left out beyond so many nonzeros: it needs the assembled pattern."""


@dataclass(frozen=True, slots=True)
class NearlySingular:
    """A diagonal block with a large condition; numbers from 1.

    Attributes
    ----------
    node : int
    operation : str
    site : Site or None
    condition : float
        ``κ₁(D)``, estimated.
    singular : bool
        Singular to working precision: ``n ε κ₁(D) ≥ 1``. Otherwise nearly: ``κ₁(D) ≥ 1/√ε``, half of the digits.
    """

    node: int
    operation: str
    site: Site | None
    condition: float
    singular: bool

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        how = "is singular to working precision" if self.singular else "is nearly singular"
        return f"the diagonal block of z_{self.node} = {self.operation}(…) {how}: κ₁ ≈ {self.condition:.2g}{where}"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong or remarkable about a constraint system. Prints as a report; node numbers count from 1.

    Attributes
    ----------
    nodes, unknowns, nonzeros : int
        Nodes with a multiplier, ``N`` of the ``N × N`` matrix ``A``, and structural nonzeros of it.
    depth : int
        Number of levels: the longest path of blocks has one edge less.
    widths : tuple of int
        Nodes with a multiplier in each level; level 0 holds the arguments.
    cycles : tuple of tuples of int
        Strongly connected components of more than one node. Those of a recorded trace are all single: a constraint
        reads what stands before it.
    components : int
        Strongly connected components in all.
    structural_rank : int or None
        Of the pattern of ``A``; less than ``unknowns`` means: singular whatever the values are.
    structural_rank_skipped : str or None
        Why it is not known.
    unreached : tuple of Unreached
        Arguments with a structurally zero gradient, and why.
    dead : tuple of int
        Other nodes with a multiplier that do not lead to the output.
    singular : tuple of NearlySingular
    conditions : dict
        ``{i: κ₁(D_i)}`` for every implicit constraint.
    bad_partials : tuple of BadPartial
        Blocks with NaN or infinity. Harmless where only structural zeros meet them.
    refused : tuple of Refusal
        Nodes without a derivative that they should have.
    norms : Norms or None
        Of the multipliers along the depth.
    norms_skipped : str or None
        Why they are not known.
    """

    nodes: int
    unknowns: int
    nonzeros: int
    depth: int
    widths: tuple[int, ...]
    cycles: tuple[tuple[int, ...], ...]
    components: int
    structural_rank: int | None
    structural_rank_skipped: str | None
    unreached: tuple[Unreached, ...]
    dead: tuple[int, ...]
    singular: tuple[NearlySingular, ...]
    conditions: dict[int, float]
    bad_partials: tuple[BadPartial, ...]
    refused: tuple[Refusal, ...]
    norms: Norms | None
    norms_skipped: str | None

    @property
    def findings(self) -> list[str]:
        """Everything that deserves attention, one sentence each; empty for a healthy system."""
        found = [f"z_{', z_'.join(map(str, one))} depend on each other in a cycle" for one in self.cycles]
        if self.structural_rank is not None and self.structural_rank < self.unknowns:
            found.append(
                f"A is structurally singular: its pattern has rank {self.structural_rank} of {self.unknowns}, "
                "whatever the values are"
            )
        found += [str(one) for one in (*self.unreached, *self.refused, *self.singular)]
        found += [f"a partial is not finite: {one}" for one in self.bad_partials]
        if self.norms is not None:
            found += _norm_findings(self.norms)
        if self.dead:
            found.append(f"{_plural(len(self.dead), 'node')} without influence on the output: {_numbers(self.dead)}")
        return found

    def __str__(self) -> str:
        narrow, wide = min(self.widths, default=0), max(self.widths, default=0)
        widths = f"{_plural(wide, 'node')} wide" if narrow == wide else f"{narrow:,} to {_plural(wide, 'node')} wide"
        rank = "full" if self.structural_rank == self.unknowns else str(self.structural_rank)
        if self.structural_rank is None:
            rank = f"not computed ({self.structural_rank_skipped})"
        shape = "all single: A is block triangular" if not self.cycles else f"{len(self.cycles)} of them cyclic"
        lines = [
            f"A is {self.unknowns:,} × {self.unknowns:,} with {_plural(self.nonzeros, 'nonzero')}, "
            f"from {_plural(self.nodes, 'node')}",
            f"depth                  {_plural(self.depth, 'level')}, {widths}",
            f"strong components      {self.components:,}, {shape}",
            f"structural rank        {rank}",
        ]
        if self.conditions:
            worst = max(self.conditions, key=lambda i: self.conditions[i])
            lines.append(
                f"diagonal blocks        {len(self.conditions):,} implicit, the worst z_{worst} with "
                f"κ₁ ≈ {self.conditions[worst]:.2g}"
            )
        if self.norms is None:
            lines.append(f"multipliers            not followed: {self.norms_skipped}")
        else:
            lines.append(f"multipliers            × {self.norms.rate:.3g} per level, from the output back")
        findings = self.findings
        lines.append("nothing conspicuous" if not findings else "findings")
        lines += [f"  - {one}" for one in findings[:30]]
        if len(findings) > 30:
            lines.append(f"  … {len(findings) - 30} more")
        return "\n".join(lines)

    __repr__ = __str__


def diagnose(system: ConstraintSystem, seed: Any = None, solver: Any = None) -> Diagnosis:
    """Look at a system; see ``ConstraintSystem.diagnose``.

    Notes
    -----
    Linear in the size of the trace: one pass over all blocks, one solve, the strong components, and the structural
    rank up to ``RANK_NONZEROS`` nonzeros.
    """
    with np.errstate(all="ignore"):
        found = scan(system)
        unreached, dead = find_unreached(system, found)
        conditions, singular = _diagonal_blocks(system)
        norms = multiplier_norms(system, found, seed, solver)
        rank = _structural_rank(system, found)
    components, cycles = _strong_components(found.operands, system)
    active = np.diff(system.offsets) > 0
    widths = np.bincount(found.levels[active])
    return Diagnosis(
        nodes=int(active.sum()),
        unknowns=system.shape[0],
        nonzeros=system.shape[0] + found.nonzeros,
        depth=widths.size,
        widths=tuple(widths.tolist()),
        cycles=cycles,
        components=components,
        structural_rank=rank if isinstance(rank, int) else None,
        structural_rank_skipped=rank if isinstance(rank, str) else None,
        unreached=unreached,
        dead=dead,
        singular=singular,
        conditions=conditions,
        bad_partials=found.bad,
        refused=found.refused,
        norms=None if isinstance(norms, str) else norms,
        norms_skipped=norms if isinstance(norms, str) else None,
    )


def _strong_components(
    operands: Sequence[tuple[int, ...]], system: ConstraintSystem
) -> tuple[int, tuple[tuple[int, ...], ...]]:
    active = [k for k in range(len(system)) if system.is_active(k)]
    rows = np.array([k for k in active for _ in operands[k]], dtype=np.intp)
    columns = np.array([i for k in active for i in operands[k]], dtype=np.intp)
    n = len(system)
    pattern = scipy.sparse.csr_array((np.ones(rows.size, dtype=np.int8), (rows, columns)), shape=(n, n))
    _, label = scipy.sparse.csgraph.connected_components(pattern, connection="strong")
    label = label[active]
    names, counts = np.unique(label, return_counts=True)
    cyclic = [np.array(active)[label == name] + 1 for name in names[counts > 1]]
    return names.size, tuple(tuple(nodes.tolist()) for nodes in cyclic)


def _structural_rank(system: ConstraintSystem, found: Scan) -> int | str:
    nonzeros = system.shape[0] + found.nonzeros
    if nonzeros > RANK_NONZEROS:
        return f"A has {nonzeros:,} nonzeros, more than {RANK_NONZEROS:,}"
    if not system.shape[0]:
        return 0
    try:
        matrix = system.matrix("csr")
    except AdjointError as error:
        return f"A has no matrix: {error}"
    matrix.data = np.ones(matrix.nnz)
    return int(scipy.sparse.csgraph.structural_rank(matrix))


def _diagonal_blocks(system: ConstraintSystem) -> tuple[dict[int, float], tuple[NearlySingular, ...]]:
    conditions: dict[int, float] = {}
    suspicious: list[NearlySingular] = []
    for k, primitive in enumerate(system.primitives):
        if primitive is INPUT or primitive.diagonal is None or not system.is_active(k):
            continue
        block: Any = system.diagonal_of(k)
        estimate = conditions[k + 1] = block_condition(block)
        eps = float(np.finfo(system.values[k].dtype).eps)
        size = block.degrees[0]
        singular = not size * eps * estimate < 1
        if singular or estimate >= eps**-0.5:
            suspicious.append(NearlySingular(k + 1, primitive.name, system.trace.site(k), estimate, singular))
    return conditions, tuple(suspicious)


def _norm_findings(norms: Norms) -> list[str]:
    rate = f"{norms.rate:.3g} per level"
    found = []
    if (at := norms.vanished_at) is not None:
        found.append(
            f"multipliers vanish: from the output back their norm shrinks by the factor {rate}, and falls below "
            f"{VANISHED:g} of the output's at level {at} (z_{norms.largest[at]})"
        )
    if (at := norms.exploded_at) is not None:
        found.append(
            f"multipliers explode: from the output back their norm grows by the factor {rate}, and exceeds "
            f"{EXPLODED:g} times the output's at level {at} (z_{norms.largest[at]})"
        )
    if (at := norms.not_finite_at) is not None:
        found.append(f"multipliers are not finite, from the output back from level {at} on (z_{norms.largest[at]})")
    return found


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def _numbers(nodes: Sequence[int]) -> str:
    shown = ", ".join(f"z_{k}" for k in nodes[:8])
    return shown if len(nodes) <= 8 else f"{shown}, …"
