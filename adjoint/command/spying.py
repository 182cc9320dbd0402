"""``adjoint spy``: the matrix, in the terminal or in files."""

from __future__ import annotations

from argparse import Namespace

from adjoint.command import files, pictures, program, tables
from adjoint.command.failures import UsageError
from adjoint.command.terminal import Terminal


def run(options: Namespace) -> int:
    """Print the picture and the kinds of blocks, or write the files."""
    terminal = Terminal(options)
    outputs = files.outputs(options.out, pictures.MATRICES)
    for path in options.html or ():
        files.writable(path)
        outputs.append(files.Output(path, "html"))
    _refuse_idle(options, {output.kind for output in outputs} or {"terminal"})
    target = program.load(options)
    system = target.system
    for output in outputs:
        pictures.spy(system, output, options, target.title)
        what = "the interactive page" if output.kind == "html" else "the matrix"
        terminal.wrote(output.path, f"{what} of {target.title}")
    if outputs:
        return 0
    terminal.text(target.heading, "bold")
    terminal.gap()
    pictures.in_terminal(terminal, system, options.nodes)
    terminal.gap()
    tables.kind_table(terminal, system)
    return 0


def _refuse_idle(options: Namespace, kinds: set[str]) -> None:
    """An option that none of the outputs would follow is a mistake, not a wish."""
    if kinds & set(pictures.FIGURES):
        return
    names = ["view", "area", "values", "fold", "no_fold", "order", "fill_in"]
    names += ["nodes"] if kinds == {"html"} else []
    names += [] if "html" in kinds else ["theme"]
    idle = [name for name in names if getattr(options, name)]
    if idle:
        words = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
        raise UsageError(f"{words}: only figures follow this; add --out FILE.png, .svg or .pdf")
