"""Which node matters most: the first-order change of the objective per relative change of each value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from adjoint.errors import SeedError
from adjoint.tracing.sites import Site

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


@dataclass(frozen=True, slots=True)
class Influence:
    """How much one node matters.

    Attributes
    ----------
    node : int
        ``i`` of ``z_i``, counted from 1.
    name : str or None
        The argument's name, or the one given with :func:`adjoint.name`.
    operation : str
    site : Site or None
        The user's line; ``None`` for arguments.
    total : float
        ``Σ |λ_i ∘ z_i|``: if every entry of ``z_i`` changes by at most the fraction ``ε``, each as it likes, the
        objective changes by at most ``ε`` times this, to first order.
    scaling : float
        ``Re λ_iᴴ z_i``: the change per ``ε`` if all of ``z_i`` is multiplied by ``1 + ε``.
    largest : float
        ``max |λ_i ∘ z_i|``: of the most influential entry.
    """

    node: int
    name: str | None
    operation: str
    site: Site | None
    total: float
    scaling: float
    largest: float


class Ranking(Sequence[Influence]):
    """All nodes with a multiplier, the most influential first; prints as a table of the first twenty.

    Its columns: the node ``z_i``, counted from 1; ``Σ|λ∘z|``, which is :attr:`Influence.total`; ``λ·z``, which is
    :attr:`Influence.scaling`; the operation with its name in parentheses, and the user's line.
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Sequence[Influence]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, place: int) -> Influence: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Influence]: ...
    def __getitem__(self, place: int | slice) -> Influence | Sequence[Influence]:
        return self._entries[place]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Influence]:
        return iter(self._entries)

    def __str__(self) -> str:
        lines = [f"{'node':>8}  {'Σ|λ∘z|':>10}  {'λ·z':>10}  operation"]
        for one in self._entries[:20]:
            where = f"  {one.site.file}:{one.site.line}" if one.site else ""
            name = f" ({one.name})" if one.name else ""
            node = f"z_{one.node}"
            lines.append(f"{node:>8}  {one.total:10.3g}  {one.scaling:10.3g}  {one.operation}{name}{where}")
        if len(self) > 20:
            lines.append(f"… {len(self) - 20} more")
        return "\n".join(lines)

    __repr__ = __str__


def influence(system: ConstraintSystem, seed: Any = None, solver: Any = None) -> Ranking:
    """Rank the nodes; see ``ConstraintSystem.influence``."""
    multipliers = system.solve(seed, solver=solver)
    if multipliers.batch:
        raise SeedError(f"influence() ranks for one objective; the seed has the leading axes {multipliers.batch}")
    labels = system.trace.labels()
    found = []
    for k, value in enumerate(system.values):
        lam = multipliers.at(k)
        if not system.is_active(k):
            continue
        if lam is None:
            total = scaling = largest = 0.0
        else:
            diagonal = system.diagonal_of(k)
            bar = lam if diagonal is None else diagonal.apply_adjoint(lam)  # ∂(s·z_n)/∂z_k also if it is implicit
            z = np.asarray(value)
            with np.errstate(all="ignore"):
                product = np.where((z == 0) | (bar == 0), 0, np.conjugate(bar) * z)
            total, scaling = float(np.sum(np.abs(product))), float(np.sum(product).real)
            largest = float(np.max(np.abs(product), initial=0.0))
        site = system.trace.site(k)
        found.append(Influence(k + 1, labels.get(k), system.primitives[k].name, site, total, scaling, largest))
    found.sort(key=lambda one: (-one.total if one.total == one.total else -np.inf, one.node))
    return Ranking(found)
