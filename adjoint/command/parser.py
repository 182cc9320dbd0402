"""The words of the command line: subcommands, options, and their help."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from textwrap import dedent, fill, indent
from typing import Any

from adjoint.command.failures import listed, suggestion
from adjoint.solvers.vertex.choice import ORDERS

__all__ = ["COMMANDS", "Namespace", "parse"]

COMMANDS = {
    "spy": "spying",
    "graph": "graphing",
    "report": "reporting",
    "compare": "comparing",
    "explain": "explaining",
    "examples": "listing",
}
"""Each command and the module whose ``run`` does it; it is imported when it is asked for."""

TARGET = """\
TARGET is a built-in example (adjoint examples lists them), file.py:function
or module:function. A function of yours is traced as it runs, at arguments from
the first of these that there is:
  --arg VALUE    a Python literal, in which a list is an array, or a file of
                 arrays (.npy, .npz); once for each argument
  --inputs NAME  a function that returns the tuple of arguments: NAME in the
                 same module, module:NAME or file.py:NAME
  FUNCTION_inputs(), example_inputs() or inputs() beside the function
"""

EPILOG = """\
examples:
  adjoint examples                                list the built-in examples
  adjoint spy densenet                            the matrix in the terminal
  adjoint spy densenet --html out.html            the interactive page
  adjoint graph softmax --out graph.svg           the computational graph
  adjoint report model.py:loss --inputs batch     everything about a function of yours
  adjoint compare heat --right-hand-sides 20      all solvers, validated and timed

adjoint COMMAND --help says more, with examples.

exit status: 0 done, 1 refused or a wrong answer, 2 usage, 130 interrupted
"""


def parse(words: Sequence[str]) -> Namespace:
    """The options of a command line; exits as argparse does where they are wrong or only help is asked for."""
    parser = _parser()
    if not words:
        parser.error("which command? (adjoint --help lists them)")
    return parser.parse_args(_attached(words))


def _attached(words: Sequence[str]) -> list[str]:
    """``--arg -1e-3`` as ``--arg=-1e-3``: argparse would take the number for an option."""
    attached: list[str] = []
    for word in words:
        if attached and attached[-1] == "--arg" and re.match(r"-([\d.\[(]|inf$)", word):
            attached[-1] = f"--arg={word}"
        else:
            attached.append(word)
    return attached


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="adjoint",
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        description="Look at the constraint system of a NumPy function, and solve it by every strategy.",
        epilog=EPILOG,
    )
    version = f"adjoint {import_module('adjoint').__version__}"
    parser.add_argument("--version", action="version", version=version, help="print it, and stop")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for add in (_spy, _graph, _report, _compare, _explain):
        _common(add(commands))
    _examples(commands)
    return parser


def _spy(commands: Any) -> ArgumentParser:
    parser = _command(
        commands,
        "spy",
        "draw the matrix",
        "Draw the matrix A of the constraint system: in the terminal, or into files.",
        """
        adjoint spy softmax
        adjoint spy densenet --html out.html
        adjoint spy heat --size full --view entries --out heat.png --out heat.pdf
        adjoint spy model.py:loss --arg weights.npy --arg 0.1 --nodes 10:40
        adjoint spy arrowhead --order markowitz --fill-in markowitz --out fill_in.svg
        """,
    )
    group = parser.add_argument_group("picture")
    _outputs(group, "png, svg, pdf: a figure; html: the interactive page; txt: the terminal's picture")
    group.add_argument(
        "--html", action="append", type=Path, metavar="FILE", help="the interactive page: as --out FILE.html"
    )
    group.add_argument(
        "--view", choices=("blocks", "entries"), help="one square for each block (default), or every nonzero"
    )
    group.add_argument("--area", action="store_true", help="sides of squares in proportion to the scalars of a node")
    group.add_argument("--values", action="store_true", help="color by the logarithm of magnitudes, not by kind")
    _rows(group)
    group.add_argument(
        "--order",
        type=_named("program", "levels", *ORDERS),
        metavar="ORDER",
        help="rows in an elimination order: forward, reverse, markowitz, …",
    )
    group.add_argument(
        "--fill-in",
        type=_named(*ORDERS),
        metavar="ORDER",
        help="mark the blocks that eliminating in this order creates",
    )
    _theme(group)
    return parser


def _graph(commands: Any) -> ArgumentParser:
    parser = _command(
        commands,
        "graph",
        "draw the computational graph, or list it",
        "List the nodes of the computational graph with their multipliers; or draw it into files.",
        """
        adjoint graph log_of_polynomial
        adjoint graph softmax --out graph.svg
        adjoint graph model.py:loss --out graph.pdf --theme dark
        adjoint graph rnn --out graph.dot && dot -Tpng graph.dot > graph.png
        """,
    )
    group = parser.add_argument_group("picture")
    _outputs(group, "svg: drawn without matplotlib; dot: for Graphviz; png, pdf: a figure")
    group.add_argument("--direction", choices=("right", "down"), default="right", help="of the graph (default: right)")
    _rows(group)
    _theme(group)
    return parser


def _report(commands: Any) -> ArgumentParser:
    parser = _command(
        commands,
        "report",
        "say everything about a function",
        "The matrix, its blocks, what is remarkable about it, the nodes that matter most, and the gradient.",
        """
        adjoint report softmax
        adjoint report model.py:loss --inputs batch
        adjoint report model.py:predict --seed entry:0
        """,
    )
    parser.add_argument(
        "--seed",
        default="ones",
        metavar="SEED",
        help="weight of each output entry in the objective: ones (default), random, entry:K (the K-th alone, from 0), "
        "or a .npy file",
    )
    return parser


def _compare(commands: Any) -> ArgumentParser:
    parser = _command(
        commands,
        "compare",
        "solve by every strategy, validate and time",
        "Solve A λ = −s by every strategy. Each answer is validated against back substitution, then timed.",
        """
        adjoint compare heat
        adjoint compare rnn --right-hand-sides 50 --out strategies.png
        adjoint compare model.py:loss --solvers auto superlu dense --limit 2 --json times.json
        """,
    )
    group = parser.add_argument_group("measurement")
    _right_hand_sides(group)
    group.add_argument("--solvers", nargs="+", metavar="NAME", help="beside back_substitution (default: all)")
    group.add_argument("--repeat", type=_count(1), default=10, metavar="N", help="runs of each, at most (default: 10)")
    group.add_argument(
        "--limit", type=_seconds, default=10.0, metavar="S", help="seconds after which a run is stopped (default: 10)"
    )
    group.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    _outputs(group, "png, svg, pdf: a figure of the ratios")
    _theme(group)
    return parser


def _explain(commands: Any) -> ArgumentParser:
    parser = _command(
        commands,
        "explain",
        "say what each strategy is expected to cost",
        "What every strategy is expected to cost from shapes alone, and which one solver='auto' takes. Solves nothing.",
        """
        adjoint explain heat
        adjoint explain densenet --size full --right-hand-sides 100
        """,
    )
    _right_hand_sides(parser.add_argument_group("question"))
    return parser


def _examples(commands: Any) -> None:
    parser = _command(
        commands,
        "examples",
        "list the built-in examples",
        "The built-in examples: each name is a TARGET for the other commands.",
        """
        adjoint examples
        adjoint examples densenet heat
        """,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="say what this one shows")
    _terminal(parser)


def _command(commands: Any, name: str, summary: str, about: str, examples: str) -> ArgumentParser:
    """A subcommand whose help ends in examples."""
    parser: ArgumentParser = commands.add_parser(
        name,
        help=summary,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
        description=fill(about, 79) + ("" if name == "examples" else f"\n\n{TARGET}"),
        epilog=f"examples:\n{indent(dedent(examples).strip(), '  ')}",
    )
    return parser


def _outputs(group: Any, kinds: str) -> None:
    group.add_argument(
        "-o", "--out", action="append", type=Path, metavar="FILE", help=f"write a file; repeat it for several. {kinds}"
    )


def _rows(group: Any) -> None:
    """Which rows a picture shows."""
    group.add_argument("--nodes", type=nodes, metavar="A:B", help="only z_A to z_B (from 1, both included)")
    fold = group.add_mutually_exclusive_group()
    fold.add_argument("--fold", type=_count(4), metavar="N", help="fold loops and layers to about N rows")
    fold.add_argument("--no-fold", action="store_true", help="one row for each node")


def _theme(group: Any) -> None:
    group.add_argument(
        "--theme", choices=("light", "dark"), help="of what is drawn (default: light; of the page: the browser's)"
    )


def _right_hand_sides(group: Any) -> None:
    group.add_argument(
        "--right-hand-sides", type=_count(1), default=1, metavar="M", help="how many one factor serves (default: 1)"
    )


def _common(parser: ArgumentParser) -> None:
    """What every command about a target takes."""
    parser.add_argument("target", metavar="TARGET", help="a built-in example, file.py:function or module:function")
    group = parser.add_argument_group("target")
    source = group.add_mutually_exclusive_group()
    source.add_argument("--inputs", metavar="NAME", help="the function that returns the arguments")
    source.add_argument("--arg", action="append", metavar="VALUE", help="one argument; repeat it for further ones")
    group.add_argument("--size", choices=("small", "full"), help="of a built-in example (default: small)")
    _terminal(parser)


def _terminal(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("terminal")
    group.add_argument("--width", type=_count(20), metavar="N", help="columns to print in (default: the terminal's)")
    group.add_argument("--traceback", action="store_true", help="show Python's traceback with an error")


def _count(least: int) -> Any:
    """A whole number of at least so much."""

    def count(text: str) -> int:
        try:
            number = int(text.replace("_", ""))
        except ValueError:
            raise ArgumentTypeError(f"{text!r} is no whole number") from None
        if number < least:
            raise ArgumentTypeError(f"{number} is less than {least}")
        return number

    return count


def _named(*known: str) -> Any:
    """One of these names."""

    def named(text: str) -> str:
        if text not in known:
            raise ArgumentTypeError(f"no order is named {text!r}{suggestion(text, known)}; there are: {listed(known)}")
        return text

    return named


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not number > 0:
        raise ArgumentTypeError(f"{text} seconds are not more than none")
    return number


def nodes(text: str) -> tuple[int, int]:
    """``A:B``: the nodes from ``z_A`` to ``z_B``, both included."""
    match = re.fullmatch(r"(?:z_)?(\d+)(?:[:-](?:z_)?(\d+))?", text)
    if not match:
        raise ArgumentTypeError(f"{text!r} is no range of nodes: A:B, numbers from 1, both ends included")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last:
        raise ArgumentTypeError(f"{text!r} is no range of nodes: A:B with 1 ≤ A ≤ B")
    return first, last
