"""What is written on boxes and edges: formulas, numbers and shapes as short text, and how much room they take."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

import numpy as np

from adjoint.plot.lettering import clean
from adjoint.tracing import Trace

BLANK = "□"
"""Stands for an operand that comes in over an edge."""

LONGEST = 24
"""Characters of a name or a formula on a box; the tooltip has all of them."""

_BETWEEN = {
    "add": "+",
    "subtract": "−",
    "multiply": "×",
    "divide": "÷",
    "true_divide": "÷",
    "matmul": "@",
    "power": "^",
    "floor_divide": "//",
    "remainder": "%",
    "greater": ">",
    "greater_equal": "≥",
    "less": "<",
    "less_equal": "≤",
    "equal": "=",
    "not_equal": "≠",
}
_SHORT = {"maximum": "max", "minimum": "min", "absolute": "abs", "transpose": "ᵀ"}
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# Advance widths of DejaVu Sans, the widest of the usual fonts, in hundredths of the size; from " " to "~".
_WIDTHS = """
32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100 68 69 70 77 63 58
77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61 63 55 63 62 35 63 63 28 28 58 28 97 63
61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84
"""
_ADVANCE = {chr(32 + k): int(width) / 100 for k, width in enumerate(_WIDTHS.split())}
_ADVANCE |= {"·": 0.32, "²": 0.4, "³": 0.4, "×": 0.84, "−": 0.84, "÷": 0.84, "λ": 0.59, "∂": 0.52, "‖": 0.5}


def width(text: str, size: float, bold: bool = False) -> float:
    """The length of a line of text, in the unit of ``size``."""
    total = 0.0
    for character in text:
        advance = _ADVANCE.get(character)
        if advance is None:
            if unicodedata.combining(character):
                continue
            advance = 1.1 if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF else 0.75
            _ADVANCE[character] = advance
        total += advance
    return total * size * (1.12 if bold else 1.0)


def cut(text: str, most: int = LONGEST) -> str:
    """Text of at most so many characters, its middle left out: ends of names tell them apart."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def number(x: Any, digits: int = 4) -> str:
    """A scalar in few characters, with a true minus."""
    x = np.asarray(x).item()
    if isinstance(x, bool):
        return "true" if x else "false"
    if isinstance(x, int):
        text = str(x) if abs(x) < 10**7 else f"{float(x):.{digits}g}"
    elif isinstance(x, complex):
        text = f"{x:.{digits}g}"
    else:
        text = f"{x + 0.0:.{digits}g}"  # + 0.0: no minus before a zero
    return text.replace("e+0", "e").replace("e-0", "e-").replace("e+", "e").replace("-", "−")


def numbers(x: np.ndarray, most: int = 3) -> str:
    """An array in few characters: all entries of a small one, else the range."""
    if x.size == 1:
        return number(x.reshape(())[()])
    if x.size == 0:
        return "empty"
    if x.size <= most:
        return f"[{'  '.join(number(entry, 3) for entry in x.ravel())}]"
    if x.dtype.kind == "c":
        return f"|z| {number(np.abs(x).min(), 3)} … {number(np.abs(x).max(), 3)}"
    if x.dtype.kind not in "fiub":
        return ""
    return f"{number(x.min(), 3)} … {number(x.max(), 3)}"


def shape(value: Any) -> str:
    """``16×10``; nothing for a scalar."""
    return "×".join(map(str, value.shape))


def formula(trace: Trace, k: int, names: dict[int, str] | None = None) -> str:
    """The right-hand side of a node (from 0): ``3·□``, ``tanh``, ``a + b``.

    Parameters
    ----------
    trace : Trace
    k : int
    names : dict, optional
        What to write for operands. Without it they are left out where only operands are left.
    """
    operation = trace.primitives[k].name
    operands, parents, static, _, _ = trace.records[k]
    constant = [p == -1 for p in parents]
    if len(operands) > 3 or (names is None and not any(constant) and len(operands) != 1):
        return cut(clean(_BETWEEN.get(operation, operation))) if len(operands) <= 3 else cut(clean(operation))
    words = []
    for x, p in zip(operands, parents, strict=True):
        words.append(_constant(x) if p == -1 else (names or {}).get(p if p >= 0 else -2 - p, BLANK))
    return cut(clean(_written(operation, words, constant, names is not None, static)))


def _written(operation: str, words: list[str], constant: list[bool], named: bool, static: Any) -> str:
    """The formula of an operation, its operands given as words."""
    first = words[0] if words else ""
    if len(words) == 1:
        marked = {
            "negative": f"−{first}",
            "square": f"{first}²",
            "sqrt": f"√{first}",
            "reciprocal": f"1/{first}",
            "absolute": f"|{first}|",
        }
        if operation in marked:
            return marked[operation]
        if operation == "transpose" and not static:
            return f"{first}ᵀ"
        name = _SHORT.get(operation, operation)
        return f"{name}({first})" if named else name
    second = words[1]
    if operation == "getitem" and constant[1]:
        return f"{first}[{second}]"
    if len(words) == 2 and operation in _BETWEEN:
        sign = _BETWEEN[operation]
        if operation == "multiply":
            return f"{first}·{second}" if not second.startswith("−") else f"{first}·({second})"
        if operation == "power" and constant[1]:
            if second.lstrip("−").isdigit() and len(second) < 5:
                return first + second.replace("−", "-").translate(_SUPERSCRIPTS)
            return f"√{first}" if second == "0.5" else f"{first}^{second}"
        if operation in ("divide", "true_divide"):
            sign = "/"
        return f"{first}{sign}{second}" if operation == "power" else f"{first} {sign} {second}"
    return f"{_SHORT.get(operation, operation)}({', '.join(words)})"


def options(static: Any) -> str:
    """The options of an operation, as far as they are short: ``axis=0``."""
    found = []
    for key, value in (static or {}).items():
        if value is None or value is False or key in ("order", "index", "factorization"):
            continue
        if isinstance(value, (int, float, str)) or (
            isinstance(value, tuple) and all(isinstance(item, (int, str)) for item in value)
        ):
            found.append(f"{key}={value}".replace(" ", ""))
    return cut(clean(", ".join(found)), LONGEST)


def _constant(x: Any) -> str:
    if isinstance(x, tuple):
        return ", ".join(_constant(item) for item in x[:4]) + (", …" if len(x) > 4 else "")
    if isinstance(x, slice):
        ends = (x.start, x.stop) if x.step is None else (x.start, x.stop, x.step)
        return ":".join("" if end is None else str(end) for end in ends)
    if x is None or x is Ellipsis:
        return "…" if x is Ellipsis else "None"
    if isinstance(x, (int, float, complex, np.number, np.bool_)) or (isinstance(x, np.ndarray) and x.ndim == 0):
        if np.asarray(x).dtype.kind not in "fciub":
            return "const"
        return f"({number(x)})" if np.iscomplexobj(x) else number(x)
    if isinstance(x, np.ndarray):
        return numbers(x) if x.size <= 2 and x.ndim == 1 and x.dtype.kind in "fiub" else "const"
    return cut(str(x), 10)


def is_finite(x: Any) -> bool:
    """Whether all entries of a value are finite; what is not a number is."""
    x = np.asarray(x)
    return bool(np.isfinite(x).all()) if x.dtype.kind in "fc" else True


def count_of(x: np.ndarray) -> str:
    """``2 nan, 1 inf``: how many entries are not finite."""
    nan = int(np.count_nonzero(np.isnan(x)))
    infinite = int(np.count_nonzero(np.isinf(x)))
    words = [f"{n:,} {word}" for n, word in ((nan, "nan"), (infinite, "inf")) if n]
    return ", ".join(words)


def norm(x: np.ndarray) -> float:
    """Of all entries; no overflow on the way."""
    with np.errstate(all="ignore"):
        largest = float(np.abs(x).max()) if x.size else 0.0
        if largest == 0.0 or not math.isfinite(largest):
            return largest
        return largest * float(np.linalg.norm(np.abs(x.ravel()) / largest))
