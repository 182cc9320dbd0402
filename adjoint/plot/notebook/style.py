"""Colors and rules of what a notebook shows: light, dark, and what the notebook itself says it is."""

from __future__ import annotations

from adjoint.plot.colors import DARK, FAMILIES, LIGHT, OTHER, Theme, family_of

_RULES = """
.adjoint{color:var(--adjoint-ink);font-size:13px;max-width:100%}
.adjoint p{margin:.4em 0}
.adjoint .pair{display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start}
.adjoint .pair>div{max-width:100%}
.adjoint .wide{overflow-x:auto;max-width:100%}
.adjoint svg{max-width:100%;height:auto}
.adjoint .wide svg{max-width:none}
.adjoint table{color:var(--adjoint-ink);border-collapse:collapse;margin:.4em 0;font-variant-numeric:tabular-nums}
.adjoint table th,.adjoint table td{text-align:left;padding:.15em .7em;border:0;white-space:nowrap;background:none;
color:inherit}
.adjoint table th{border-bottom:1px solid var(--adjoint-faint);font-weight:600}
.adjoint table td.right,.adjoint table th.right{text-align:right}
.adjoint .swatch{display:inline-block;width:.8em;height:.8em;margin-right:.5em;border-radius:.15em;
vertical-align:-.05em}
.adjoint small{display:block;margin-top:.3em;opacity:.75}
.adjoint code{background:none;color:inherit;font-size:12px;white-space:pre}
"""


def variable(kind: str) -> str:
    """The CSS variable that has the color of a block kind."""
    return f"--adjoint-{family_of(kind).name}"


def _variables(theme: Theme) -> str:
    colors = {family.name: family.light if theme is LIGHT else family.dark for family in (*FAMILIES, OTHER)}
    colors |= {"ink": theme.ink, "faint": theme.faint, "ground": theme.ground, "band": theme.band}
    colors["accent"] = theme.accent
    return "".join(f"--adjoint-{name}:{color};" for name, color in colors.items())


def style() -> str:
    """The style sheet; everything in it is about ``.adjoint``.

    The reader's system decides between light and dark, and over it the attribute by which JupyterLab, Sphinx themes and
    VS Code say what they are.
    """
    dark = _variables(DARK)
    says = (
        '[data-jp-theme-light="false"] .adjoint',
        '[data-theme="dark"] .adjoint',
        "body.vscode-dark .adjoint",
    )
    light = ('[data-jp-theme-light="true"] .adjoint', '[data-theme="light"] .adjoint', "body.vscode-light .adjoint")
    return (
        f"<style>.adjoint{{{_variables(LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{.adjoint{{{dark}}}}}"
        f"{','.join(light)}{{{_variables(LIGHT)}}}{','.join(says)}{{{dark}}}{_RULES}</style>"
    )
