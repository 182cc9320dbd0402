"""``adjoint compare``: every strategy on one system, validated and timed."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence

from adjoint.command import files, pictures, program
from adjoint.command.failures import UsageError, listed, suggestion
from adjoint.command.measuring import BASE, Comparison, Row, compare
from adjoint.command.terminal import Terminal, plural, seconds
from adjoint.system import available


def run(options: Namespace) -> int:
    """Measure, print the table, write what was asked for; 1 if an answer is wrong."""
    terminal = Terminal(options)
    names = _strategies(options.solvers)
    outputs = files.outputs(options.out, pictures.FIGURES)
    files.writable(options.json)
    target = program.load(options)
    system = target.system
    if outputs:
        pictures.headless()  # before the measuring: matplotlib may be missing
    with terminal.progress(len({BASE, *names})) as began:
        comparison = compare(
            target.heading,
            system,
            names,
            right_hand_sides=options.right_hand_sides,
            repeat=options.repeat,
            limit=options.limit,
            began=began,
        )
    _show(terminal, comparison)
    if options.json is not None:
        options.json.write_text(json.dumps(comparison.as_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        terminal.wrote(options.json, "all numbers")
    for output in outputs:
        pictures.strategies(comparison, output.path, options.theme)
        terminal.wrote(output.path, "the strategies as a figure")
    return 1 if comparison.failed else 0


def _strategies(wanted: Sequence[str] | None) -> list[str]:
    """Known strategies; all of them by default."""
    known = available()
    for name in wanted or ():
        if name not in known:
            raise UsageError(f"there is no strategy {name!r}{suggestion(name, known)}\nThere are: {listed(known)}")
    return list(wanted or known)


def _show(terminal: Terminal, comparison: Comparison) -> None:
    facts = comparison.facts
    terminal.text(comparison.title, "bold")
    terminal.paragraph(
        f"A is {facts['unknowns']:,} × {facts['unknowns']:,} with {plural(facts['nonzeros'], 'nonzero')}: "
        f"{plural(facts['nodes'], 'constraint')} on {plural(facts['levels'], 'level')}; "
        f"{plural(comparison.right_hand_sides, 'right-hand side')}"
    )
    terminal.gap()
    timed = sorted((row for row in comparison.rows if row.total is not None), key=lambda row: row.total or 0.0)
    rows = [_timed(terminal, row) for row in timed]
    columns = ("strategy", "analyze", "factorize", "solve", "ratio", "certificate")
    terminal.table(columns, rows, right=range(1, 6))
    others = [row for row in comparison.rows if row.total is None]
    if others:
        terminal.gap()
        terminal.table(("strategy", "not timed", "because"), [_untimed(terminal, row) for row in others])
    terminal.gap()
    terminal.paragraph(
        f"Best of all runs. ratio: factorize and solve together, in multiples of {BASE}. certificate: the backward "
        f"error of A λ = −s. Each answer agreed with that of {BASE} before it was timed."
    )
    if comparison.failed:
        count = sum(row.failed for row in comparison.rows)
        terminal.paragraph(f"{plural(count, 'strategy').replace('strategys', 'strategies')} failed: see above.", "red")


def _timed(terminal: Terminal, row: Row) -> tuple[object, ...]:
    name = f"{row.solver} → {row.chosen}" if row.chosen else row.solver
    faster = row.ratio is not None and row.ratio < 0.95
    ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×" if row.ratio < 100 else f"{row.ratio:,.0f} ×"
    certificate = "" if row.error is None else f"{row.error:.0e}" if row.error else "0"
    times = (seconds(row.analyze), seconds(row.factorize), seconds(row.solve))
    return (name, *times, terminal.styled(ratio, "green" if faster else ""), certificate)


def _untimed(terminal: Terminal, row: Row) -> tuple[object, ...]:
    status = "WRONG ANSWER" if row.status == "wrong" else row.status
    return (row.solver, terminal.styled(status, "bold red" if row.failed else ""), row.remark)
