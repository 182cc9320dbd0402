"""Which color each part of a graph has, by name: a theme, or the variables of a style sheet, say what that looks like.

A tone is a color of the theme (``"ink"``, ``"accent"``, …), or a family of block kinds (``"elementwise"``, …).
"""

from __future__ import annotations

from adjoint.plot.colors import FAMILIES, OTHER, Theme, family_of
from adjoint.plot.graphs.model import NOTHING, Arrow, Box
from adjoint.plot.graphs.placing import Text

GRAY = "identity"
_OF_FAMILY = {family.name: family for family in (*FAMILIES, OTHER)}
OF_THEME = ("ground", "ink", "faint", "band", "accent", "non_finite")


def color(tone: str, theme: Theme) -> str:
    """A tone as ``#rrggbb``."""
    if tone in OF_THEME:
        found: str = getattr(theme, tone)
        return found
    family = _OF_FAMILY[tone]
    return family.light if theme.name == "light" else family.dark


def of_kind(kind: str) -> str:
    """Of an edge, by the kind of its block."""
    return "faint" if kind in (NOTHING, "") else family_of(kind).name


def of_arrow(arrow: Arrow) -> str:
    """Of an edge."""
    return "non_finite" if arrow.bad else of_kind(arrow.kind)


def of_text(text: Text) -> str:
    """Of a text, by what it says."""
    if text.bad:
        return "non_finite"
    if text.style in ("multiplier", "norm", "lambda"):
        return "accent"
    if text.kind not in (NOTHING, ""):
        return family_of(text.kind).name
    return GRAY if text.faint or text.style in ("small", "key") else "ink"


def of_box(box: Box) -> tuple[str, str, float]:
    """Fill, border, and the width of the border."""
    if box.bad_value or box.bad_multiplier:
        return "ground", "non_finite", 1.6
    if box.output:
        return "band", "ink", 1.8
    if box.implicit:
        return "band", "solve", 1.8
    if box.dead:
        return "ground", "faint", 1.0
    return ("ground" if box.role == "input" else "band"), GRAY, 1.0


def of_wire(box: Box) -> str:
    """Of what leaves a box."""
    return "ink" if box.output else "faint" if box.dead else GRAY


def of_dot(box: Box) -> str:
    """Of a node that is drawn as a dot."""
    if box.dead:
        return "faint"
    if box.output:
        return "accent"
    return "ink" if box.role == "input" else of_kind(box.kind)
