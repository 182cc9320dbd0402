"""``adjoint examples``: the built-in programs, group by group."""

from __future__ import annotations

from argparse import Namespace

from adjoint import gallery
from adjoint.command.failures import UsageError, listed, suggestion
from adjoint.command.terminal import Terminal


def run(options: Namespace) -> int:
    """Print names and titles, or all about those that are named."""
    terminal = Terminal(options)
    known = gallery.names()
    for name in options.names:
        if name not in known:
            raise UsageError(f"no example is named {name!r}{suggestion(name, known)}\nThe examples: {listed(known)}")
    if options.names:
        for position, example in enumerate([gallery.get(name) for name in options.names]):
            if position:
                terminal.gap()
            terminal.text(f"{example.name}: {example.title}", "bold")
            terminal.paragraph(example.says)
            if example.source:
                terminal.paragraph(f"Source: {example.source}")
        return 0
    rows = [(example.name, example.group, example.title) for example in gallery.examples()]
    terminal.table(("name", "group", "title"), rows)
    return 0
