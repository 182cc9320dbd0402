"""What a notebook shows of a system, a trace and a solution: HTML with an inline picture, made without matplotlib."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from html import escape

import numpy as np

from adjoint.plot.notebook.style import style, variable
from adjoint.plot.notebook.svg import svg
from adjoint.plot.picture import ROWS, picture
from adjoint.plot.texts.tables import kinds_of, node_rows, one_line
from adjoint.plot.texts.terminal import MANY, is_traced
from adjoint.system import ConstraintSystem, Multipliers, Tangents
from adjoint.tracing import Trace

NODES = 60
"""Rows of a table of nodes."""
GRAPH = 40
"""Nodes up to which a trace is drawn as a graph too."""
NAME, SOURCE = 48, 90
"""Characters of a name and of a source line in a cell."""

_CAPTION = (
    "<small>Rows and columns are nodes. Faint squares: −I on the diagonal. Dots: outputs, where the seed is.</small>"
)

__all__ = ["solution_html", "system_html", "trace_html"]


def system_html(system: ConstraintSystem) -> str:
    """The headline, the matrix by blocks (folded where there are many), and the kinds of blocks."""
    head = f"<p><b>{escape(str(system))}</b></p>"
    if not system.shape[0] or is_traced(system) or len(system) >= MANY:
        return _whole(f"{head}<pre>{escape(repr(system))}</pre>")
    drawn = svg(picture(system, fold_to=ROWS))
    rows = []
    for kind, blocks, nonzeros, flops in kinds_of(system.structure):
        swatch = f'<span class="swatch" style="background:var({variable(kind)})"></span>'
        rows.append((swatch + escape(kind), f"{blocks:,}", f"{nonzeros:,}", f"{flops:,}"))
    table = _table(("kind", "blocks", "nonzeros", "flops"), rows, "lrrr")
    return _whole(f'{head}<div class="pair"><div>{drawn}{_CAPTION}</div><div>{table}</div></div>')


def trace_html(trace: Trace) -> str:
    """A table of nodes; of a small trace its graph too."""
    system = trace.compile()
    if is_traced(system) or len(trace) >= MANY:
        return _whole(f"<pre>{escape(repr(trace))}</pre>")
    name = getattr(trace.function, "__qualname__", None) or "a function"
    head = f"<p><b>trace of {escape(one_line(name, NAME))}: {len(trace):,} nodes</b></p>"
    n = len(trace)
    shown = list(range(n)) if n <= NODES else [*range(NODES // 2), *range(n - NODES // 2, n)]
    rows = []
    for row in node_rows(system, shown):
        cells = [escape(cell) for cell in row[:5]]
        rows.append((*cells, f"<code>{escape(one_line(row[5], SOURCE))}</code>" if row[5] else ""))
    if n > NODES:
        rows.insert(NODES // 2, ("⋮", f"{n - NODES:,} more", "", "", "", ""))
    table = _table(("node", "operation", "value", "blocks", "nonzeros", "line"), rows, "rlllrl")
    return _whole(f'{head}<div class="wide">{_graph(trace)}</div><div class="wide">{table}</div>')


def _graph(trace: Trace) -> str:
    """The graph of a small trace; nothing where it cannot be drawn: the table says the same."""
    if len(trace) > GRAPH:
        return ""
    try:
        found: str = importlib.import_module("adjoint.plot.graphs").to_svg(trace)
    except Exception:  # the table is still worth showing
        return ""
    return found


def solution_html(solution: Multipliers | Tangents, symbol: str) -> str:
    """The entries of all nodes: name, shape, norm, values; arguments and named nodes first."""
    system = solution.system
    labels = system.trace.labels()
    active = [k for k in range(len(system)) if system.is_active(k)]
    chosen = sorted(active, key=lambda k: (k not in labels, k))[:NODES]
    rows = []
    for k in chosen:
        value = np.asarray(solution.full(k))
        cells = [f"{symbol}<sub>{k + 1}</sub>", escape(one_line(labels.get(k, ""), NAME))]
        cells.append(escape(system.primitives[k].name))
        cells.append(escape(f"{value.dtype}{list(value.shape) if value.ndim else ''}"))
        if value.dtype.kind in "fc":
            with np.errstate(all="ignore"):
                cells.append(f"{np.linalg.norm(value.ravel()):.4g}")
            few = np.array2string(value.ravel(), precision=4, threshold=6, edgeitems=3, separator=", ")
            cells.append(f"<code>{escape(' '.join(few.split()))}</code>")
        else:
            cells += ["", "traced"]
        rows.append(tuple(cells))
    more = f"<p>… {len(active) - NODES:,} more</p>" if len(active) > NODES else ""
    what = "Lagrange multipliers" if symbol == "λ" else "tangents"
    batch = f", {list(solution.batch)} right-hand sides" if solution.batch else ""
    head = f"<p><b>{what} of {len(active):,} constraints{batch}</b></p>"
    table = _table((symbol, "name", "operation", "shape", "norm", "values"), rows, "llllrl")
    return _whole(f'{head}<div class="wide">{table}</div>{more}')


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], right: str) -> str:
    """Cells are HTML already."""
    classes = [' class="right"' if side == "r" else "" for side in right]
    top = "".join(f"<th{cls}>{escape(name)}</th>" for name, cls in zip(head, classes, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{cls}>{cell}</td>" for cell, cls in zip(row, classes, strict=True)) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _whole(body: str) -> str:
    return f'<div class="adjoint">{style()}{body}</div>'
