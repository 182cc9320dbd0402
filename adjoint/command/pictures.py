"""The one place where commands meet :mod:`adjoint.plot`: each picture as an option's words ask for it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from adjoint.command.files import Output
from adjoint.command.measuring import Comparison
from adjoint.command.terminal import Terminal
from adjoint.plot import comparison as plot_comparison
from adjoint.plot import graphs, matrix, page, texts
from adjoint.plot.canvas import matplotlib
from adjoint.system import ConstraintSystem

FIGURES = ("png", "svg", "pdf")
MATRICES = (*FIGURES, "html", "txt")
GRAPHS = ("svg", "dot", "png", "pdf")
DPI = 200
USUAL = 64
"""Columns of a picture where the terminal has more: what one looks at, not what there is room for."""
MARGIN = 4
"""Columns of the frame around it."""


def spy(system: ConstraintSystem, output: Output, options: Namespace, title: str) -> None:
    """The matrix in a file."""
    if output.kind == "html":
        page.to_html(system, output.path, title=title, theme=options.theme or "auto")
    elif output.kind == "txt":
        output.path.write_text(text(system, options.nodes, options.width or USUAL) + "\n", encoding="utf-8")
    else:
        headless()
        choices: dict[str, Any] = {
            name: getattr(options, name) for name in ("nodes", "values", "order", "fill_in", "area")
        }
        choices["fold"] = _fold(options)
        ax = matrix.spy(system, view=options.view or "blocks", theme=options.theme or "light", **choices)
        _save(ax, output.path)


def text(system: ConstraintSystem, nodes: tuple[int, int] | None, width: int, style: str = "braille") -> str:
    """The matrix as characters, no wider than it may be."""
    return texts.text(system, width=max(8, width - MARGIN), style=style, nodes=nodes)


def graph(system: ConstraintSystem, output: Output, options: Namespace) -> None:
    """The graph in a file."""
    choices: dict[str, Any] = {"fold": _fold(options), "direction": options.direction}
    if output.kind == "svg":
        output.path.write_text(graphs.to_svg(system, theme=options.theme or "auto", **choices) + "\n", encoding="utf-8")
    elif output.kind == "dot":
        output.path.write_text(graphs.to_dot(system, theme=options.theme, **choices), encoding="utf-8")
    else:
        headless()
        _save(graphs.graph(system, theme=options.theme or "light", **choices), output.path)


def strategies(comparison: Comparison, path: Path, theme: str | None) -> None:
    """The ratios of a comparison as a figure."""
    headless()
    _save(plot_comparison.strategies(comparison.as_dict(), theme=theme or "light"), path)


def _fold(options: Namespace) -> bool | int:
    """``fold`` of a drawing function."""
    fold: int | None = options.fold
    return not options.no_fold if fold is None else fold


def headless() -> None:
    """No window opens, whatever matplotlib's settings say."""
    matplotlib().use("Agg")


def _save(ax: Any, path: Path) -> None:
    figure = ax.figure
    figure.savefig(path, dpi=DPI)
    matplotlib().pyplot.close(figure)


def in_terminal(terminal: Terminal, system: ConstraintSystem, nodes: tuple[int, int] | None = None) -> None:
    """The matrix as characters, in the width of the terminal or the usual one if that is less."""
    width = terminal.width if terminal.given else min(terminal.width, USUAL)
    terminal.text(text(system, nodes, width, "ascii" if terminal.plain else "braille"))
