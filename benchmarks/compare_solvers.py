"""Compare the strategies that solve ``A λ = −s`` on a set of workloads.

    python benchmarks/compare_solvers.py                                quick sizes, a few minutes
    python benchmarks/compare_solvers.py --sizes full --plot out.png    as in the documentation
    python benchmarks/compare_solvers.py --only rnn heat --solvers auto superlu
    python benchmarks/compare_solvers.py --list                         names of workloads and strategies

Every answer is validated before it is timed: against ``dense`` where that fits, else against back substitution, and
against finite differences of the plain NumPy program. A wrong one is printed, not timed, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

SIZES = ("tiny", "quick", "full")
LIMIT = 20.0  # seconds: a strategy whose run takes longer is run once


def load(name: str) -> ModuleType:
    """A module of ``benchmarks``; not before :func:`main` runs, since it imports NumPy."""
    root = str(Path(__file__).resolve().parents[1])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"benchmarks.{name}")


def parse(arguments: list[str] | None, workloads: Sequence[str], solvers: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    title = (__doc__ or "").splitlines()[0]
    parser = argparse.ArgumentParser(prog="benchmarks/compare_solvers.py", description=title)
    parser.add_argument("--list", action="store_true", help="print the names of workloads and strategies, and stop")
    parser.add_argument("--only", nargs="+", choices=workloads, default=workloads, metavar="NAME", help="workloads")
    parser.add_argument("--sizes", choices=SIZES, default="quick", help="default: quick; tiny is for the tests")
    parser.add_argument(
        "--solvers", nargs="+", choices=solvers, default=solvers, metavar="NAME", help="beside back substitution"
    )
    parser.add_argument(
        "--right-hand-sides", nargs="+", type=positive, metavar="M", help="of the second table (default: 50 100 200)"
    )
    parser.add_argument(
        "--limit", type=float, default=LIMIT, metavar="S", help="longer runs are made once (default: 20 s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios (PNG, PDF, SVG); needs matplotlib")
    parser.add_argument("--no-progress", action="store_true", help="no progress bar")
    return parser.parse_args(arguments)


def positive(text: str) -> int:
    """A count on the command line."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


class Progress:
    """A bar by tqdm where it is installed and stderr is a terminal; tables are printed above it."""

    def __init__(self, total: int, wanted: bool) -> None:
        self.bar: Any = None
        if wanted and sys.stderr.isatty():
            try:
                tqdm = importlib.import_module("tqdm")
            except ImportError:
                return
            self.bar = tqdm.tqdm(total=total, leave=False, file=sys.stderr)

    def begin(self, name: str) -> None:
        """Name what runs now."""
        if self.bar is not None:
            self.bar.set_description(name)

    def show(self, text: Any) -> None:
        """Print one result and move on."""
        if self.bar is None:
            print(f"{text}\n", flush=True)
            return
        self.bar.write(f"{text}\n", file=sys.stdout)
        self.bar.update()

    def close(self) -> None:
        """Remove the bar."""
        if self.bar is not None:
            self.bar.close()


@contextmanager
def progress(total: int, wanted: bool) -> Iterator[Progress]:
    """A bar that is removed whatever happens."""
    bar = Progress(total, wanted)
    try:
        yield bar
    finally:
        bar.close()


def machine() -> dict[str, Any]:
    """What ran it."""
    return {"system": platform.platform(), "machine": platform.machine(), "cores": os.cpu_count(), "threads": 1}


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen workloads with the chosen strategies, and print the tables."""
    workloads = load("workloads").WORKLOADS
    phases, tables = load("workloads.comparison.phases"), load("workloads.comparison.tables")
    peers = load("peers")
    known = phases.solvers.available()
    options = parse(arguments, list(workloads), known)
    if options.list:
        for name, workload in workloads.items():
            print(f"{name:<18}{workload.summary}")
        print(f"\nstrategies: {', '.join(known)}")
        return 0
    plot = None
    if options.plot:
        plot = load("workloads.comparison.figure")
        try:
            plot.matplotlib_pyplot()  # before the minutes of measuring
        except phases.MissingExtraError as error:
            print(error, file=sys.stderr)
            return 2
    names = list(dict.fromkeys((phases.BASE, *options.solvers)))
    size, limit = options.sizes, options.limit
    counts = options.right_hand_sides or tables.many_outputs.counts(size)
    problems = [(name, problem) for name in dict.fromkeys(options.only) for problem in workloads[name].problems(size)]
    print(f"{peers.versions()}; one thread; sizes: {size}\n", flush=True)
    if size != "tiny":
        some = [problem for name in ("rnn", "scalar_program") for problem in workloads[name].problems("tiny")]
        phases.warm_up(names, some, limit)
    comparisons, many = [], []
    with progress(len(problems) + len(counts), not options.no_progress) as bar:
        for name, problem in problems:
            bar.begin(name)
            comparisons.append(tables.compare(name, problem, names, size, limit))
            bar.show(comparisons[-1].table())
        for m in counts:
            bar.begin(f"{m} right-hand sides")
            many.append(tables.ManyRightHandSides.of(m, names, size, limit))
            bar.show(many[-1].table)
    summaries = list(tables.summaries(comparisons, names))
    for table in summaries:
        print(f"{table}\n")
    if options.json:
        report = {
            "versions": peers.versions(),
            "machine": machine(),
            "sizes": size,
            "solvers": names,
            "comparisons": [each.as_dict() for each in comparisons],
            "right_hand_sides": [each.table.as_dict() for each in many],
            "summaries": [table.as_dict() for table in summaries],
        }
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if plot is not None:
        plot.draw(comparisons, options.plot)
    failed = [each for each in (*comparisons, *many) if each.failed]
    if failed:
        print(f"wrong answers or errors in {len(failed)} of the tables above")
    return 1 if failed else 0


if __name__ == "__main__":
    load("core").pin_one_thread()  # before NumPy is imported
    sys.exit(main())
