"""``adjoint explain``: what every strategy is expected to cost, and which one ``auto`` takes."""

from __future__ import annotations

from argparse import Namespace

from adjoint.command import program
from adjoint.command.terminal import Terminal, seconds
from adjoint.system.assembly import format_bytes


def run(options: Namespace) -> int:
    """Print the planner's table and its reason; nothing is solved."""
    terminal = Terminal(options)
    target = program.load(options)
    explanation = target.system.explain(right_hand_sides=options.right_hand_sides)
    terminal.text(target.heading, "bold")
    terminal.paragraph(explanation.summary)
    terminal.gap()
    rows, refused = [], []
    for one in explanation.candidates:
        p = one.prediction
        if p is None:
            refused.append((one.name, one.refusal))
            continue
        work = p.factor_multiplications + p.solve_multiplications
        chosen = one.name == explanation.chosen
        name = terminal.styled(("→ " if chosen else "  ") + one.name, "bold" if chosen else "")
        rows.append((name, seconds(p.seconds), f"{work:,}", format_bytes(p.memory), f"{p.depth:,}", f"{p.fill_in:,}"))
    columns = ("  strategy", "expected", "multiplications", "memory", "steps", "fill-in")
    terminal.table(columns, rows, right=range(1, 6))
    if refused:
        terminal.gap()
        terminal.table(("  not accepted", "because"), [(f"  {name}", reason) for name, reason in refused])
    terminal.gap()
    terminal.paragraph(explanation.reason)
    return 0
