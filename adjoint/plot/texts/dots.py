"""Marks as characters: braille patterns, half blocks, ASCII; and a frame around them."""

from __future__ import annotations

import numpy as np

STYLES = {"braille": (2, 4), "blocks": (1, 2), "ascii": (1, 2)}
"""Marks in a character, across and down. An ASCII character is one mark, but as high as two are wide."""

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bits of a braille pattern (Unicode 2800 to 28FF) by row and column."""

_HALVES = " ▀▄█"
_SHADES = " .:*#"


def draw(counts: np.ndarray, style: str, full: float | None) -> list[str]:
    """Lines of characters; ``counts`` is (rows, columns) of marks, ``full`` how many entries a mark has room for."""
    across, down = STYLES[style]
    rows, columns = counts.shape
    padded = np.zeros((-(-rows // down) * down, -(-columns // across) * across), dtype=counts.dtype)
    padded[:rows, :columns] = counts
    cells = padded.reshape(padded.shape[0] // down, down, padded.shape[1] // across, across).swapaxes(1, 2)
    if style == "braille":
        codes = 0x2800 + ((cells > 0) * _DOTS).sum((2, 3))
        return ["".join(map(chr, line)) for line in codes.tolist()]
    if style == "blocks":
        halves = (cells[..., 0, 0] > 0) + 2 * (cells[..., 1, 0] > 0)
        return ["".join(_HALVES[code] for code in line) for line in halves.tolist()]
    share = cells.sum((2, 3)) / (2 * (full or 1.0))
    shades = np.where(share > 0, 1 + (share > 0.01).astype(int) + (share > 0.1) + (share > 0.5), 0)
    return ["".join(_SHADES[shade] for shade in line) for line in shades.tolist()]


def framed(lines: list[str]) -> list[str]:
    """The lines in a frame."""
    width = max(map(len, lines), default=0)
    plain = all(line.isascii() for line in lines)
    corners = "++++-|" if plain else "┌┐└┘─│"
    top = corners[0] + corners[4] * width + corners[1]
    bottom = corners[2] + corners[4] * width + corners[3]
    return [top, *(f"{corners[5]}{line.ljust(width)}{corners[5]}" for line in lines), bottom]
