"""Names as they can be shown anywhere: without characters that no format can hold, and measured in columns."""

from __future__ import annotations

import unicodedata

MISSING = "□"
"""Stands for a character that cannot be shown."""

_UNSHOWABLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Categories of control characters, lone surrogates, and code points that no font has."""


def clean(text: str) -> str:
    """Text in one line: white space as blanks, what is no character to be shown as :data:`MISSING`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if c in "\n\r\t" else MISSING if unicodedata.category(c) in _UNSHOWABLE else c for c in text)


def cells(text: str) -> int:
    """How many columns a terminal takes for it."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def padded(text: str, width: int, right: bool = False) -> str:
    """Blanks up to so many columns, before the text if it stands to the right."""
    space = " " * (width - cells(text))
    return space + text if right else text + space


def shortened(text: str, most: int) -> str:
    """A text in at most so many columns, ``…`` at its end where some are missing."""
    if cells(text) <= most:
        return text
    taken, kept = 1, []
    for letter in text:
        taken += _columns(letter)
        if taken > most:
            break
        kept.append(letter)
    return f"{''.join(kept)}…"
