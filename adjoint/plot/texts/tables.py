"""Nodes and block kinds in columns of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np

from adjoint.errors import PlotError
from adjoint.plot.lettering import cells, clean, padded, shortened
from adjoint.plot.picture import system_of
from adjoint.system import ConstraintSystem
from adjoint.system.structure import Structure
from adjoint.tracing import Trace

LABEL, SOURCE = 32, 60


def one_line(name: str, most: int) -> str:
    """A name as it may stand in a line: no control characters, not wider than so many columns."""
    return shortened(clean(str(name)), most)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: str) -> str:
    """Columns under their heads; ``right`` has ``"r"`` for each column that is aligned to the right."""
    everything = [head, *rows]
    widths = [max(cells(row[column]) for row in everything) for column in range(len(head))]
    lines = []
    for row in everything:
        shown = [padded(cell, width, side == "r") for cell, width, side in zip(row, widths, right, strict=True)]
        lines.append("  ".join(shown).rstrip())
    return "\n".join([lines[0], "  ".join("─" * width for width in widths), *lines[1:]])


def kinds_of(structure: Structure) -> list[tuple[str, int, int, int]]:
    """``(kind, blocks, nonzeros, flops)`` above the diagonal, the kind with the most nonzeros first."""
    count = len(structure.kind_names)
    blocks = np.bincount(structure.kinds, minlength=count)
    nonzeros, flops = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.add.at(nonzeros, structure.kinds, structure.nonzeros)
    np.add.at(flops, structure.kinds, structure.flops)
    found = [
        (kind, int(blocks[k]), int(nonzeros[k]), int(flops[k]))
        for k, kind in enumerate(structure.kind_names)
        if blocks[k]
    ]
    return sorted(found, key=lambda row: (-row[2], row[0]))


def kind_line(system: ConstraintSystem) -> str:
    """One line of kinds with their blocks and nonzeros."""
    found = kinds_of(system.structure)
    if not found:
        return "no blocks above the diagonal"
    parts = [f"{blocks:,} {kind} ({short(nonzeros)})" for kind, blocks, nonzeros, _ in found[:6]]
    more = f", {len(found) - 6} more kinds" if len(found) > 6 else ""
    return f"blocks (nonzeros): {', '.join(parts)}{more}"


def short(count: int) -> str:
    """A count in at most five characters: ``13.2M``."""
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= 10 * size or (count >= size and unit != "k"):
            return f"{count / size:.3g}{unit}"
    return str(count)


def kind_table(system: ConstraintSystem | Trace) -> str:
    """What kinds of blocks there are, as text: how many, their structural nonzeros, the multiplications of a product.

    Examples
    --------
    >>> import numpy as np
    >>> import adjoint
    >>> from adjoint.plot.texts.terminal import kind_table
    >>> print(kind_table(adjoint.trace(lambda w, x: np.sum(np.tanh(w @ x)), np.ones((2, 3)), np.ones(3))))
    kind         blocks  nonzeros  flops
    ───────────  ──────  ────────  ─────
    contraction       2        12     12
    diagonal          1         2      2
    reduce            1         2      2
    """
    system = system_of(system, "kind_table")
    rows = [(kind, f"{b:,}", f"{n:,}", f"{f:,}") for kind, b, n, f in kinds_of(system.structure)]
    return table(("kind", "blocks", "nonzeros", "flops"), rows, "lrrr")


def node_rows(system: ConstraintSystem, shown: Sequence[int]) -> list[tuple[str, str, str, str, str, str]]:
    """``(number, operation or name, shape, kinds of its blocks, their nonzeros, the user's line)`` of some nodes."""
    structure, trace = system.structure, system.trace
    labels = trace.labels()
    starts = np.searchsorted(structure.children, np.arange(len(system) + 1))
    rows = []
    for k in shown:
        here = slice(starts[k], starts[k + 1])
        kinds = list(dict.fromkeys(structure.kind_names[code] for code in structure.kinds[here].tolist()))
        nonzeros = int(structure.nonzeros[here].sum())
        value, site = trace.values[k], trace.site(k)
        label = structure.names[k] if k not in labels else f"{structure.names[k]} {labels[k]}"
        shape = f"{value.dtype}{list(value.shape) if value.ndim else ''}"
        where = f"{PurePath(site.file).name}:{site.line}  {site.source}" if site else ""
        found = ", ".join(kinds) if structure.sizes[k] else "no multiplier"
        count = f"{nonzeros:,}" if nonzeros else ""
        rows.append((f"z_{k + 1}", one_line(label, LABEL), shape, one_line(found, LABEL), count, where))
    return rows


def node_table(system: ConstraintSystem | Trace, most: int = 40) -> str:
    """The nodes as text: number, operation and name, shape, kinds and nonzeros of its blocks, the user's line.

    Parameters
    ----------
    system : ConstraintSystem or Trace
    most : int
        Rows; beyond it the middle is left out.

    Returns
    -------
    str
    """
    if isinstance(system, Trace):
        system = system.compile()
    if not isinstance(system, ConstraintSystem):
        system = system_of(system, "node_table")
    if most < 2:
        raise PlotError(f"most must be at least 2 rows, not {most}")
    n = len(system)
    shown = range(n) if n <= most else [*range(most - most // 2), *range(n - most // 2, n)]
    rows = [(*row[:5], one_line(row[5], SOURCE)) for row in node_rows(system, list(shown))]
    if n > most:
        rows.insert(most - most // 2, ("⋮", f"{n - most:,} more", "", "", "", ""))
    return table(("node", "operation", "value", "blocks", "nonzeros", "line"), rows, "rlllrl")
