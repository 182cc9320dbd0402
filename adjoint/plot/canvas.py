"""Matplotlib, imported when a picture is asked for and not before; and the axes that a picture is drawn on."""

from __future__ import annotations

from typing import Any

from adjoint.errors import MissingExtraError
from adjoint.plot.colors import DARK, LIGHT, Theme, luminance, theme_named


def matplotlib() -> Any:
    """The package.

    Raises
    ------
    MissingExtraError
        If it is not installed; the message names the command that installs it.
    """
    try:
        import matplotlib
        import matplotlib.pyplot  # makes matplotlib.pyplot an attribute
    except ImportError as error:
        raise MissingExtraError(
            'this picture is drawn by matplotlib, which is not installed: pip install "adjoint[plot]"\n'
            "Without it there are adjoint.plot.text, adjoint.plot.to_svg, adjoint.plot.to_dot and system.to_html."
        ) from error
    return matplotlib


def axes(ax: Any, size: tuple[float, float], theme: str | None) -> tuple[Any, Theme]:
    """The axes to draw on, and the theme.

    Parameters
    ----------
    ax : Axes or None
        New axes on a figure of ``size`` inches if ``None``.
    size : (width, height)
    theme : {"light", "dark"} or None
        ``None``: dark where the axes' own background is dark (``plt.style.use("dark_background")``).
    """
    pyplot = matplotlib().pyplot
    chosen = None if theme is None else theme_named(theme)
    made = ax is None
    if made:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    if chosen is None:
        ground = matplotlib().colors.to_rgb(ax.get_facecolor()[:3])
        chosen = DARK if luminance(ground) < 0.5 else LIGHT
    else:
        ax.set_facecolor(chosen.ground)
        if made:
            ax.figure.set_facecolor(chosen.ground)
    ax.tick_params(colors=chosen.ink)
    for item in (ax.title, ax.xaxis.label, ax.yaxis.label):
        item.set_color(chosen.ink)
    for spine in ax.spines.values():
        spine.set_color(chosen.faint)
    return ax, chosen
