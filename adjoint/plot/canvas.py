"""Matplotlib, imported when a picture is asked for and not before; and the axes that a picture is drawn on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adjoint.errors import MissingExtraError, PlotError
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


@contextmanager
def drawing(ax: Any, size: tuple[float, float], theme: str | None) -> Iterator[tuple[Any, Theme]]:
    """As :func:`axes`, for the body of a ``with``: a figure that was made for it is closed if the body raises."""
    prepared, chosen = axes(ax, size, theme)
    with closed_on_error(prepared.figure if ax is None else None):
        yield prepared, chosen


@contextmanager
def closed_on_error(figure: Any) -> Iterator[None]:
    """Close a figure of pyplot if the body raises: nobody has seen it yet. ``None`` for a figure of the user's."""
    try:
        yield
    except BaseException:
        if figure is not None:
            matplotlib().pyplot.close(figure)
        raise


def checked(ax: Any, name: str = "ax") -> Any:
    """Axes that a picture can be drawn on.

    Raises
    ------
    PlotError
        For anything else: figures, arrays of axes, axes of three dimensions or with a projection.
    """
    if not isinstance(ax, matplotlib().axes.Axes):
        kind = type(ax)
        came = f"{kind.__module__.partition('.')[0]}.{kind.__qualname__}"
        shape = getattr(ax, "shape", None)
        came += f" of shape {shape}: take one of them, as axes[0]" if shape else ""
        hint = "" if shape else ": figure, ax = matplotlib.pyplot.subplots() makes one"
        raise PlotError(f"{name} must be one matplotlib Axes, not {came}{hint}")
    if ax.name != "rectilinear":
        raise PlotError(
            f"{name} must be Axes of the plane, not of projection {ax.name!r}: "
            "figure, ax = matplotlib.pyplot.subplots() makes one"
        )
    return ax


def axes(ax: Any, size: tuple[float, float], theme: str | None) -> tuple[Any, Theme]:
    """The axes to draw on, and the theme.

    Parameters
    ----------
    ax : Axes or None
        New axes on a figure of ``size`` inches if ``None``.
    size : (width, height)
    theme : {"light", "dark"} or None
        ``None``: dark where the axes' own background is dark (``plt.style.use("dark_background")``).

    Raises
    ------
    PlotError
        For a theme that does not exist, and for what are no axes in the plane.
    """
    pyplot = matplotlib().pyplot
    chosen = None if theme is None else theme_named(theme)
    made = ax is None
    if made:
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    else:
        checked(ax)
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
