"""Words around a picture of the matrix: short names, short numbers, sizes that fit."""

from __future__ import annotations

SMALLEST = 4.5
"""Points below which text is left out rather than drawn."""

WIDTH = 0.66
"""About how wide a letter is, in units of the font size."""


def compact(number: float) -> str:
    """``950``, ``12.8k``, ``3.4M``, ``1.2G``: three digits."""
    if number < 1000:
        return f"{number:.0f}"
    for unit in "kMGTP":
        number /= 1000
        if number < 999.5:
            digits = 0 if number >= 99.95 else 1
            text = f"{number:.{digits}f}"
            return f"{text.removesuffix('.0')}{unit}"
    return f"{number:.3g}E"


def shortened(text: str, most: int) -> str:
    """At most so many letters, the last one ``…`` where some are missing."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def fitting(text: str, width: float, height: float, largest: float) -> float:
    """Font size in points with which a text fits in a box of so many points; 0 where it would be illegible."""
    longest = max(map(len, text.split("\n")), default=1)
    lines = text.count("\n") + 1
    size = min(largest, width / (WIDTH * max(longest, 1)), height / (1.2 * lines))
    return size if size >= SMALLEST else 0.0
