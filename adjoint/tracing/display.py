"""A trace as text: one numbered line ``z_i = f_i(…)`` per constraint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.tracing.primitive import INPUT

if TYPE_CHECKING:
    from adjoint.tracing.trace import Trace

MAX_LINES = 60
MAX_SOURCE = 80


def function_name(function: Callable[..., Any] | None) -> str:
    """A function's name for messages."""
    return getattr(function, "__qualname__", None) or repr(function)


def printable(label: str) -> str:
    """A label in which nothing steers a terminal: control characters and halves of surrogate pairs are replaced."""
    return label if label.isprintable() else "".join(letter if letter.isprintable() else "\ufffd" for letter in label)


def listing(trace: Trace, max_lines: int = MAX_LINES) -> str:
    """The numbered list, its middle left out beyond ``max_lines``."""
    n = len(trace)
    shown = list(range(n))
    if n > max_lines:
        shown = [*range(max_lines // 2), *range(n - max_lines // 2, n)]
    labels = {k: printable(label) for k, label in trace.labels().items()}
    rows = []
    for k in shown:
        site = trace.site(k)
        source = site.source if site else ""
        source = source if len(source) <= MAX_SOURCE else source[: MAX_SOURCE - 1] + "…"
        where = f"{PurePath(site.file).name}:{site.line}  {source}" if site else ""
        rows.append((f"z_{k + 1}", expression(trace, k, labels), _shape(trace.values[k]), where))
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    widths[1] = min(widths[1], 60)
    lines = []
    for position, row in enumerate(rows):
        if position and shown[position] != shown[position - 1] + 1:
            lines.append(f"  … {shown[position] - shown[position - 1] - 1} more …")
        cells = (row[0].rjust(widths[0]), "=", row[1].ljust(widths[1]), row[2].ljust(widths[2]), row[3])
        lines.append("  ".join((" ".join(cells[:3]), *cells[3:])).rstrip())
    return "\n".join(lines)


def expression(trace: Trace, k: int, labels: dict[int, str]) -> str:
    """The right-hand side of constraint ``k`` (0-based)."""
    primitive = trace.primitives[k]
    operands, parents, static, _, _ = trace.records[k]
    if primitive is INPUT:
        return labels.get(k, "input")
    shown = []
    for x, p in zip(operands[:6], parents[:6], strict=True):
        shown.append(_constant(x) if p == -1 else f"z_{(p if p >= 0 else -2 - p) + 1}")
    if len(operands) > 6:
        shown.append(f"… {len(operands) - 6} more")
    for key, value in (static or {}).items():
        shown.append(_constant(value) if key == "call" else f"{key}={_constant(value)}")
    label = f"  [{labels[k]}]" if k in labels else ""
    return f"{primitive.name}({', '.join(shown)}){label}"


def _constant(x: Any) -> str:
    if isinstance(x, np.ndarray) and x.ndim:
        return f"array{x.shape}".replace(",)", ")")
    if isinstance(x, slice):
        parts = (x.start, x.stop) if x.step is None else (x.start, x.stop, x.step)
        return ":".join("" if part is None else str(part) for part in parts)
    if isinstance(x, tuple):
        inner = ", ".join(_constant(item) for item in x[:6])
        return f"({inner})"
    if x is Ellipsis:
        return "..."
    text = f"{x:.6g}" if isinstance(x, (float, np.floating)) else str(x)
    return text if len(text) <= 24 else text[:23] + "…"


def _shape(value: Any) -> str:
    return f"{value.dtype}{list(value.shape) if value.ndim else ''}"
