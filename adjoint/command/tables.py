"""Tables about a system: its nodes, its kinds of blocks, its gradient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from adjoint.command.terminal import Terminal
from adjoint.plot.lettering import cells
from adjoint.system import ConstraintSystem, Multipliers
from adjoint.tracing.display import expression

ROWS = 60
"""Nodes that a table shows unless more are asked for."""

BOUNDED = {"nested", "function", "product", "sum", "adjoint"}
"""Kinds that know from shapes only how many nonzeros they have at most."""

SOURCE = 24
"""Columns that have to be left over for the source of each line to be shown too."""


def node_table(
    terminal: Terminal,
    system: ConstraintSystem,
    multipliers: Multipliers,
    nodes: tuple[int, int] | None = None,
    most: int | None = ROWS,
) -> None:
    """Each node with its constraint, shape, value, multiplier and line; the middle is left out beyond ``most``."""
    trace = system.trace
    first, last = nodes or (1, len(system))
    shown = list(range(first - 1, min(last, len(system))))
    left_out = 0
    if most is not None and len(shown) > most:
        left_out = len(shown) - most
        shown = [*shown[: most - most // 2], *shown[len(shown) - most // 2 :]]
    labels = trace.labels()
    rows: list[list[str]] = []
    sources: dict[int, str] = {}
    for place, k in enumerate(shown):
        if left_out and place and k != shown[place - 1] + 1:
            rows.append(["⋮", f"{left_out:,} more", "", "", "", ""])
        site = trace.site(k)
        where = f"{PurePath(site.file).name}:{site.line}" if site else ""
        if site:
            sources[len(rows)] = site.source
        lam = number(multipliers.full(k), "λ") if system.is_active(k) else "none"
        value = trace.values[k]
        rows.append([f"z_{k + 1}", expression(trace, k, labels), shape(value), number(value, "z"), lam, where])
    columns = ("node", "constraint", "shape", "value", "multiplier", "line")
    taken = sum(max(map(cells, column)) + 2 for column in zip(columns, *rows, strict=True))
    if terminal.width - taken >= SOURCE:
        longest = max(len(row[-1]) for row in rows)
        for place, source in sources.items():
            rows[place][-1] = f"{rows[place][-1]:<{longest}}  {_shortened(source, terminal.width - taken)}"
    terminal.table(columns, rows, fold=1)


def kind_table(terminal: Terminal, system: ConstraintSystem) -> None:
    """The kinds of blocks, the one with most nonzeros first."""
    structure = system.structure
    count = len(structure.kind_names)
    blocks = np.bincount(structure.kinds, minlength=count)
    nonzeros = np.zeros(count, dtype=np.int64)
    np.add.at(nonzeros, structure.kinds, structure.nonzeros)
    whole = structure.matrix_nonzeros
    entries = [(structure.kind_names[j], int(blocks[j]), int(nonzeros[j])) for j in range(count)]
    entries.sort(key=lambda entry: -entry[2])
    rows = [
        (terminal.kind(name), f"{many:,}", f"{'≤ ' * (name in BOUNDED)}{filled:,}", f"{filled / max(1, whole):.1%}")
        for name, many, filled in entries
    ]
    implicit = f", {len(structure.implicit):,} of them implicit" if structure.implicit else ""
    diagonal = (f"{structure.nodes:,}", f"{structure.unknowns:,}", f"{structure.unknowns / max(1, whole):.1%}")
    rows.append((f"  on the diagonal{implicit}", *diagonal))
    terminal.table(("kind of block", "blocks", "nonzeros", "share"), rows, right=(1, 2, 3), fold=0)


def gradient_table(terminal: Terminal, multipliers: Multipliers) -> None:
    """The multipliers of the arguments: their norms, and how many entries are zero."""
    system = multipliers.system
    labels = system.trace.labels()
    rows = []
    for k in system.trace.inputs:
        name, value = labels.get(k, "input"), np.asarray(system.value(k))
        if not system.is_active(k):
            rows.append((f"z_{k + 1}", name, shape(value), f"none: {value.dtype}", "", ""))
            continue
        lam = np.asarray(multipliers.full(k))
        largest = np.max(np.abs(lam), initial=0.0)
        norm = np.linalg.norm(lam.ravel())
        rows.append(
            (f"z_{k + 1}", name, shape(value), f"{largest:.4g}", f"{norm:.4g}", f"{np.count_nonzero(lam == 0):,}")
        )
    columns = ("node", "argument", "shape", "max |λ|", "‖λ‖", "zeros")
    terminal.table(columns, rows, right=(3, 4, 5), fold=1)


def influence_table(terminal: Terminal, ranking: Sequence[Any]) -> None:
    """The nodes whose relative changes move the objective most."""
    rows = []
    for one in ranking:
        where = f"{PurePath(one.site.file).name}:{one.site.line}" if one.site else "argument"
        name = f"{one.operation} ({one.name})" if one.name and one.site else one.name or one.operation
        rows.append((f"z_{one.node}", name, f"{one.total:.3g}", f"{one.scaling:.3g}", where))
    terminal.table(("node", "operation", "Σ|λ∘z|", "λ·z", "line"), rows, right=(2, 3), fold=1)


def shape(value: Any) -> str:
    """``(3, 5)``, with the dtype where it is not the usual one; empty for a float64 scalar."""
    array = np.asarray(value)
    dtype = "" if array.dtype == np.float64 else f"{array.dtype} "
    return f"{dtype}{array.shape if array.ndim else ''}".strip()


def number(value: Any, symbol: str) -> str:
    """A scalar, or a bound of an array's entries."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array[()]:.4g}" if array.dtype.kind in "fciu" else str(array[()])
    if array.size == 0 or array.dtype.kind not in "fciu":
        return "…" if array.size else "empty"
    with np.errstate(all="ignore"):
        return f"|{symbol}| ≤ {np.max(np.abs(array)):.3g}"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
