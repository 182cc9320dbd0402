"""The computational graph as a self-contained SVG, written without matplotlib."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from adjoint.plot.colors import DARK, LIGHT, Theme, theme_named
from adjoint.plot.graphs import tones
from adjoint.plot.graphs.labels import diagram
from adjoint.plot.graphs.model import NOTHING, Arrow, Options
from adjoint.plot.graphs.placing import SIZES, Placed, Shape, Text, arrowhead, place

ROOT = "adjoint-graph"
"""The class of the root: the style sheet touches nothing outside of it."""

PIXELS = 4 / 3
"""Of a style sheet, for each point."""

_FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', system-ui, sans-serif"


def to_svg(
    trace: Any,
    *,
    multipliers: Any = None,
    partials: bool | None = None,
    values: bool | None = None,
    shapes: bool | None = None,
    fold: bool | int = True,
    direction: str = "right",
    theme: str | None = "auto",
    seed: Any = None,
) -> str:
    """Write the computational graph as SVG: the same picture as :func:`graph`, without matplotlib.

    Parameters
    ----------
    trace : Trace or ConstraintSystem
    multipliers, partials, values, shapes, fold, direction, seed
        As in :func:`graph`.
    theme : {"auto", "light", "dark"}
        ``"auto"`` follows the reader's setting (``prefers-color-scheme``).

    Returns
    -------
    str
        One ``<svg>`` element, with a tooltip (operation, the user's line, shape, value, multiplier) on each box and
        each edge.

    Raises
    ------
    PlotError
        For what is no trace and no system, and if there is no node at all.

    Examples
    --------
    >>> import adjoint
    >>> from adjoint.plot.graphs import to_svg
    >>> text = to_svg(adjoint.trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0))
    >>> text.startswith("<svg"), text.count("<title>")
    (True, 9)
    """
    chosen: Theme | None = None if theme in ("auto", None) else theme_named(str(theme))
    options = Options(multipliers, partials, values, shapes, fold, seed)
    placed = place(diagram(trace, options, "to_svg"), direction)
    used: set[str] = {"ground"}
    arrows = [
        _arrow(arrow, curve, label, used, placed.diagram.detailed)
        for arrow, curve, label in zip(placed.diagram.arrows, placed.curves, placed.labels, strict=True)
    ]
    if placed.diagram.detailed:
        boxes = [_box(position, shape, used) for position, shape in enumerate(placed.shapes)]
    else:
        boxes = [_dot(shape, used) for shape in placed.shapes]
    key = [_text(text, used) for text in placed.key]
    wide, high = f"{placed.width:.1f}", f"{placed.height:.1f}"
    pixels = f'width="{placed.width * PIXELS:.0f}" height="{placed.height * PIXELS:.0f}"'
    name = chosen.name if chosen else "auto"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="{ROOT} {name}" {pixels} '
            f'viewBox="0 0 {wide} {high}" role="img" aria-label={quoteattr(_sentence(placed))}>',
            f"<style>\n{_style(used, chosen)}\n</style>",
            f'<rect class="f-ground" width="{wide}" height="{high}"/>',
            '<g class="arrows">',
            *arrows,
            '</g>\n<g class="boxes">',
            *boxes,
            '</g>\n<g class="key">',
            *key,
            "</g>\n</svg>\n",
        ]
    )


def _sentence(placed: Placed) -> str:
    return ". ".join([placed.diagram.caption, *placed.diagram.notes])


def _style(used: set[str], chosen: Theme | None) -> str:
    """Variables for one theme or for both, and the classes that are used."""
    names = sorted(used)

    def variables(theme: Theme) -> str:
        return " ".join(f"--{name}: {tones.color(name, theme)};" for name in names)

    own = f".{ROOT}.{chosen.name if chosen else 'auto'}"  # pictures of other themes may stand on the same page
    lines = [
        f".{ROOT} {{ max-width: 100%; height: auto; font-family: {_FONTS}; }}",
        f"{own} {{ {variables(chosen or LIGHT)} }}",
    ]
    if chosen is None:
        lines.append(f"@media (prefers-color-scheme: dark) {{ {own} {{ {variables(DARK)} }} }}")
    for name in names:
        lines.append(f".{ROOT} .f-{name} {{ fill: var(--{name}); }} .{ROOT} .s-{name} {{ stroke: var(--{name}); }}")
    lines += [f".{ROOT} .t-{style} {{ font-size: {size:g}px; }}" for style, size in SIZES.items()]
    lines += [
        f".{ROOT} .t-name {{ font-weight: bold; }}",
        f".{ROOT} .line {{ fill: none; stroke-width: 1.2; }}",
        f".{ROOT} .thin {{ stroke-width: 0.5; opacity: 0.6; }}",
        f".{ROOT} .dotted {{ stroke-dasharray: 1.5 2; }}",
        f".{ROOT} .dashed {{ stroke-dasharray: 4 2; }}",
        f".{ROOT} .arrow:hover .line {{ stroke-width: 2.6; }}",
        f".{ROOT} .box:hover rect {{ stroke-width: 2.6; }}",
    ]
    return "\n".join(lines)


def _arrow(arrow: Arrow, curve: np.ndarray, label: Text | None, used: set[str], detailed: bool) -> str:
    tone = tones.of_arrow(arrow)
    used.add(tone)
    dotted = " dotted" if arrow.kind == NOTHING else ""
    if not detailed:
        return f'<path class="line thin s-{tone}{dotted}" d="{_curve(curve)}"/>'
    parts = [
        f'<g class="arrow {_class(arrow.kind or "unknown")}"><title>{escape(arrow.tooltip)}</title>',
        f'<path class="line s-{tone}{dotted}" d="{_curve(curve)}"/>',
        f'<path class="f-{tone}" d="{_polygon(arrowhead(curve))}"/>',
    ]
    if label is not None:
        left, top, right, bottom = label.bounds
        parts.append(
            f'<rect class="f-ground" x="{left - 1:.1f}" y="{top:.1f}" width="{right - left + 2:.1f}" '
            f'height="{bottom - top:.1f}"/>'
        )
        parts.append(_text(label, used))
    return "".join([*parts, "</g>"])


def _box(position: int, shape: Shape, used: set[str]) -> str:
    box = shape.box
    fill, border, line = tones.of_box(box)
    wire = tones.of_wire(box)
    used |= {fill, border, wire}
    states = [state for state in ("output", "dead", "implicit", "discrete") if getattr(box, state)]
    parts = [
        f'<g class="{" ".join(["box", box.role, *states])}" data-nodes="{box.start + 1}-{box.stop}">'
        f"<title>{escape(box.tooltip)}</title>"
    ]
    for offset in (5.0, 2.5, 0.0) if box.role == "fold" else (0.0,):
        parts.append(
            f'<rect class="f-{fill} s-{border}{" dashed" if box.discrete else ""}" stroke-width="{line:g}" '
            f'x="{shape.left + offset:.1f}" y="{shape.top - offset:.1f}" width="{shape.width:.1f}" '
            f'height="{shape.height:.1f}" rx="{shape.radius:.1f}"/>'
        )
    if shape.wire is not None:
        x0, y0, x1, y1 = shape.wire
        dotted = " dotted" if box.discrete and not box.output else ""
        parts.append(f'<path class="line s-{wire}{dotted}" d="M{x0:.1f} {y0:.1f}L{x1:.1f} {y1:.1f}"/>')
        if box.output:
            head = arrowhead(np.array([(x0, y0), (x1, y1)]))
            parts.append(f'<path class="f-{wire}" d="{_polygon(head)}"/>')
    parts += [_text(text, used) for text in shape.texts]
    return "".join([*parts, "</g>"])


def _dot(shape: Shape, used: set[str]) -> str:
    tone = tones.of_dot(shape.box)
    used.add(tone)
    radius = shape.width / 2
    return (
        f'<circle class="box {shape.box.role} f-{tone}" cx="{shape.left + radius:.1f}" cy="{shape.top + radius:.1f}" '
        f'r="{radius:.1f}"><title>{escape(shape.box.tooltip)}</title></circle>'
    )


def _text(text: Text, used: set[str]) -> str:
    tone = tones.of_text(text)
    used.add(tone)
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    base = text.y + 0.36 * SIZES[text.style]  # from the middle of the letters to the line that they stand on
    return f'<text class="t-{text.style} f-{tone}" x="{text.x:.1f}" y="{base:.1f}"{anchor}>{escape(text.text)}</text>'


def _curve(curve: np.ndarray) -> str:
    points = [f"{x:.1f} {y:.1f}" for x, y in curve.tolist()]
    pieces = [f"C{' '.join(points[k : k + 3])}" for k in range(1, len(points), 3)]
    return f"M{points[0]}{''.join(pieces)}"


def _polygon(points: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points.tolist()) + "Z"


def _class(kind: str) -> str:
    return "kind-" + "".join(c if c.isalnum() else "-" for c in kind)
