"""The computational graph in Graphviz' language."""

from __future__ import annotations

from typing import Any

from adjoint.errors import PlotError
from adjoint.plot.colors import LIGHT, Theme, theme_named
from adjoint.plot.graphs import tones
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.layout import DIRECTIONS
from adjoint.plot.graphs.model import NOTHING, Arrow, Box, Options


def to_dot(
    trace: Any,
    *,
    multipliers: Any = None,
    partials: bool | None = None,
    values: bool | None = None,
    shapes: bool | None = None,
    fold: bool | int = True,
    direction: str = "right",
    theme: str | None = None,
    seed: Any = None,
) -> str:
    """Write the computational graph as Graphviz text, for ``dot -Tsvg``.

    Parameters
    ----------
    trace : Trace or ConstraintSystem
    multipliers, partials, values, shapes, fold, direction, seed
        As in :func:`graph`.
    theme : {"light", "dark"}, optional

    Returns
    -------
    str
        A ``digraph`` with one node for each box, ``n1`` for ``z_1`` or a run that begins with it.

    Raises
    ------
    PlotError
        For what is no trace and no system, and if there is no node at all.

    Examples
    --------
    >>> import adjoint
    >>> from adjoint.plot.graphs import to_dot
    >>> text = to_dot(adjoint.trace(lambda x: x**2, 3.0))
    >>> print(text.splitlines()[-2].split(",")[0])
      n1 -> n2 [label="6"
    """
    if direction not in DIRECTIONS:
        raise PlotError(f"direction must be 'right' or 'down', not {direction!r}")
    look = LIGHT if theme is None else theme_named(theme)
    options = Options(multipliers, partials, values, shapes, fold, seed)
    drawn = diagram(trace, options, "to_dot")
    font = 'fontname="DejaVu Sans"'
    lines = [
        "digraph adjoint {",
        f'  graph [rankdir={"LR" if direction == "right" else "TB"}, bgcolor="{look.ground}", {font}, '
        f'fontcolor="{look.ink}", fontsize=9, labelloc=b, tooltip={quoted(drawn.caption)}, '
        f"label={quoted('. '.join(drawn.notes))}];",
        f'  node [shape=box, style="rounded,filled", {font}, fontsize=10, fontcolor="{look.ink}", margin="0.08,0.04"];',
        f"  edge [{font}, fontsize=8, arrowsize=0.6];",
    ]
    lines += [_node(box, look, drawn.detailed) for box in drawn.boxes]
    lines += [_edge(arrow, drawn.boxes, look) for arrow in drawn.arrows]
    return "\n".join([*lines, "}\n"])


def quoted(text: str) -> str:
    """A string of Graphviz' language that reads as this text: its escapes and its entities mean themselves."""
    for plain, written in (("\\", "\\\\"), ('"', '\\"'), ("&", "&amp;"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return f'"{text}"'


def _node(box: Box, look: Theme, detailed: bool) -> str:
    told = quoted(box.tooltip)
    if not detailed:
        tone = tones.color(tones.of_dot(box), look)
        point = f'shape=point, width=0.08, label="", color="{tone}", fillcolor="{tone}"'
        return f"  n{box.start + 1} [{point}, tooltip={told}];"
    texts = [text for _, text in box.lines]
    if box.value:
        texts.append(f"value {box.value}")
    if box.multiplier:
        texts.append(box.multiplier if box.has_norm else f"λ {box.multiplier}")
    fill, border, line = tones.of_box(box)
    style = "rounded,filled" + (",dashed" if box.discrete else "")
    return (
        f'  n{box.start + 1} [label={quoted(chr(10).join(texts))}, fillcolor="{tones.color(fill, look)}", '
        f'color="{tones.color(border, look)}", penwidth={line:g}, style="{style}", '
        f"peripheries={2 if box.role == 'fold' else 1}, tooltip={told}];"
    )


def _edge(arrow: Arrow, boxes: list[Box], look: Theme) -> str:
    tone = tones.color(tones.of_arrow(arrow), look)
    style = ", style=dotted" if arrow.kind == NOTHING else ""
    return (
        f"  n{boxes[arrow.tail].start + 1} -> n{boxes[arrow.head].start + 1} [label={quoted(arrow.text)}, "
        f'color="{tone}", fontcolor="{tone}"{style}, tooltip={quoted(arrow.tooltip)}];'
    )
