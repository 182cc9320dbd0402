"""The matrix by blocks as a small SVG: rows as high as is legible, colors by variables of the style sheet."""

from __future__ import annotations

from html import escape

import numpy as np

from adjoint.plot.notebook.style import variable
from adjoint.plot.picture import Picture
from adjoint.plot.texts.tables import one_line

SIDE = 420
"""Pixels that the matrix takes at most, and the least that a row takes where it has a label."""
LEAST, MOST = 9, 26
LABELLED = 40
"""Rows up to which each has a label."""
NAME = 22


def svg(picture: Picture) -> str:
    """One square per block in the color of its kind, by rows of equal height; what it is as its title."""
    rows = len(picture)
    side = max(LEAST if rows <= LABELLED else 2.0, min(MOST, SIDE / rows))
    labels = [one_line(label, NAME) for label in picture.labels()]
    labelled = rows <= LABELLED
    font = min(12.0, side * 0.78)
    left = 8 + (max(map(len, labels)) * font * 0.62 if labelled else 0)
    size = rows * side
    width, height = left + size + 26, size + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{rows} × {rows} blocks of the matrix A">',
        f'<g transform="translate({left:.1f},6)">',
        f'<rect width="{size:.1f}" height="{size:.1f}" fill="var(--adjoint-ground)" stroke="var(--adjoint-faint)"/>',
    ]
    parts += _bands(picture, side, size)
    inset = min(1.0, side * 0.06)
    cell = f'width="{side - 2 * inset:.2f}" height="{side - 2 * inset:.2f}"'
    for row in range(rows):
        kind = picture.diagonal_kind(row)
        place = f'x="{row * side + inset:.2f}" y="{row * side + inset:.2f}"'
        extra = f", {picture.inner[row]:,} blocks inside" if picture.is_folded(row) else ""
        title = f"{labels[row]}: {picture.sizes[row]:,} × {picture.sizes[row]:,} on the diagonal, {kind}{extra}"
        parts.append(_cell(place, cell, kind, title, opacity=0.45 if kind == "identity" else 1.0))
    order = zip(
        picture.rows.tolist(), picture.columns.tolist(), picture.kinds.tolist(), picture.nonzeros.tolist(), strict=True
    )
    for row, column, code, nonzeros in order:
        kind = picture.kind_names[code]
        place = f'x="{column * side + inset:.2f}" y="{row * side + inset:.2f}"'
        title = (
            f"{labels[row]} → {labels[column]}: {kind} {picture.sizes[row]:,} × {picture.sizes[column]:,}, "
            f"{nonzeros:,} nonzeros"
        )
        parts.append(_cell(place, cell, kind, title))
    for row in picture.seeds.tolist():
        x, y = size + 6, row * side + side / 2
        radius = min(5.0, side * 0.3)
        parts.append(
            f'<circle cx="{x + radius:.2f}" cy="{y:.2f}" r="{radius:.2f}" fill="var(--adjoint-accent)">'
            f"<title>{escape(labels[row])}: an output, where the seed is</title></circle>"
        )
    parts.append("</g>")
    if labelled:
        for row, label in enumerate(labels):
            y = 6 + row * side + side / 2 + font * 0.35
            parts.append(
                f'<text x="{left - 5:.1f}" y="{y:.1f}" text-anchor="end" font-size="{font:.1f}" '
                f'font-family="ui-monospace,monospace" fill="var(--adjoint-ink)">{escape(label)}</text>'
            )
    return "".join(parts) + "</svg>"


def _cell(place: str, cell: str, kind: str, title: str, opacity: float = 1.0) -> str:
    faint = "" if opacity == 1.0 else f' fill-opacity="{opacity}"'
    return f'<rect {place} {cell} fill="var({variable(kind)})"{faint}><title>{escape(title)}</title></rect>'


def _bands(picture: Picture, side: float, size: float) -> list[str]:
    """Every other run of rows of one level."""
    levels = picture.levels
    edges = np.flatnonzero(np.append(True, levels[1:] != levels[:-1]))
    bounds = np.append(edges, len(levels))
    return [
        f'<rect y="{start * side:.2f}" width="{size:.1f}" height="{(stop - start) * side:.2f}" '
        'fill="var(--adjoint-band)"/>'
        for start, stop in zip(bounds[1:-1:2].tolist(), bounds[2::2].tolist(), strict=True)
    ]
