"""``adjoint graph``: the computational graph, as a list in the terminal or drawn into files."""

from __future__ import annotations

from argparse import Namespace

from adjoint.command import files, pictures, program, tables
from adjoint.command.failures import UsageError
from adjoint.command.seeds import seed
from adjoint.command.terminal import Terminal, plural
from adjoint.system import ConstraintSystem


def run(options: Namespace) -> int:
    """Print the nodes, or write the files."""
    terminal = Terminal(options)
    outputs = files.outputs(options.out, pictures.GRAPHS)
    if outputs and options.nodes:
        raise UsageError("--nodes is of the list in the terminal; a graph in a file has all nodes, folded by --fold N")
    target = program.load(options)
    for output in outputs:
        pictures.graph(target.system, output, options)
        terminal.wrote(output.path, f"the graph of {target.title}, {plural(len(target.trace), 'node')}")
    if outputs:
        return 0
    system = target.system
    terminal.text(target.heading, "bold")
    terminal.gap()
    most = None if options.no_fold else options.fold or tables.ROWS
    tables.node_table(terminal, system, system.solve(seed(system, "ones")), options.nodes, most)
    terminal.gap()
    terminal.paragraph(_meaning(system))
    return 0


def _meaning(system: ConstraintSystem) -> str:
    """What the column of multipliers is."""
    outputs = [out for out in system.trace.outputs if isinstance(out, int) and system.is_active(out)]
    if not outputs:
        return "The output does not depend on the arguments: all multipliers are zero."
    names = [f"z_{out + 1}" for out in outputs]
    if len(names) == 1 and system.value(outputs[0]).ndim == 0:
        return f"multiplier: λ_i = ∂{names[0]}/∂z_i"
    shown = ", ".join(names[:6]) + (f", … {len(names) - 6} more" if len(names) > 6 else "")
    return f"multiplier: λ_i = ∂s/∂z_i of s, the sum of all entries of {shown}"
