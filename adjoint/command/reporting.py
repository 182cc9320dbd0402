"""``adjoint report``: everything about a function, from the matrix to the certificate of its gradient."""

from __future__ import annotations

from argparse import Namespace

from adjoint.command import pictures, program, tables
from adjoint.command.seeds import seed
from adjoint.command.terminal import Terminal, plural
from adjoint.system import ConstraintSystem

INFLUENTIAL = 10


def run(options: Namespace) -> int:
    """Print the sections."""
    terminal = Terminal(options)
    target = program.load(options)
    system = target.system
    weights = seed(system, options.seed)
    terminal.text(target.heading, "bold")
    if target.says:
        terminal.paragraph(target.says)
    terminal.gap()
    terminal.paragraph(summary(system))
    multipliers = system.solve(weights)
    terminal.heading("Matrix")
    pictures.in_terminal(terminal, system)
    terminal.heading("Blocks")
    tables.kind_table(terminal, system)
    terminal.heading("Nodes")
    tables.node_table(terminal, system, multipliers, most=24)
    terminal.heading("Diagnosis")
    _diagnosis(terminal, system, weights)
    terminal.heading("Most influential nodes")
    tables.influence_table(terminal, system.influence(weights)[:INFLUENTIAL])
    terminal.paragraph(
        "Σ|λ∘z| · ε bounds the change of the result if every entry of z changes by the fraction ε at most."
    )
    terminal.heading("Gradient")
    tables.gradient_table(terminal, multipliers)
    terminal.paragraph(
        f"certificate: {multipliers.certificate():.1e}, the relative change in the entries of A and s that would make "
        "these multipliers exact"
    )
    return 0


def summary(system: ConstraintSystem) -> str:
    """The matrix in a sentence."""
    s = system.structure
    filled = 100 * s.matrix_nonzeros / max(1, s.unknowns) ** 2
    implicit = f", {len(s.implicit):,} of them implicit" if s.implicit else ""
    return (
        f"A is {s.unknowns:,} × {s.unknowns:,} with {plural(s.matrix_nonzeros, 'nonzero')} "
        f"({filled:.2g} % of all entries): {plural(s.nodes, 'constraint')}{implicit}, "
        f"on {plural(s.depth, 'level')}"
    )


def _diagnosis(terminal: Terminal, system: ConstraintSystem, weights: object) -> None:
    diagnosis = system.diagnose(weights)
    for line in str(diagnosis).splitlines()[1:]:
        if line in ("findings", "nothing conspicuous"):
            break
        terminal.paragraph(line)
    findings = diagnosis.findings
    if not findings:
        terminal.paragraph("nothing conspicuous")
        return
    terminal.gap()
    terminal.bullets(findings[:20])
    if len(findings) > 20:
        terminal.paragraph(f"… {len(findings) - 20} more findings")
