"""Differentiate the same functions with adjoint, PyTorch, JAX, HIPS autograd and CasADi, and time everybody.

    python benchmarks/compare_peers.py                          everything, about a quarter of an hour
    python benchmarks/compare_peers.py --quick                  smaller sizes, a few minutes
    python benchmarks/compare_peers.py --only kmeans heat       some of them
    python benchmarks/compare_peers.py --list                   their names
    python benchmarks/compare_peers.py --json peers.json        the tables as JSON, too

Every answer is validated before it is timed; a wrong one ends the run with status 1. One thread for everybody. Ratios
are of interleaved rounds in one process. Peers that are not installed are named with the reason: see the extra
``bench``. Tables go to stdout, progress to stderr. A missed goal is printed as such and is no failure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

if __name__ == "__main__":  # the folder of a script is on the path, its parent is not
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.core import pin_one_thread, summary

if __name__ == "__main__":
    pin_one_thread()  # before NumPy is imported, since BLAS reads it once

from benchmarks.contests import ARRAYS, NETWORKS, SPARSE

WORKLOADS = (*ARRAYS, *NETWORKS, *SPARSE)


def load(name: str) -> ModuleType:
    """One workload: a module with ``validate(size)`` and ``measure(size)``."""
    return importlib.import_module(f"benchmarks.contests.{name}")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/compare_peers.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the names of the workloads and stop")
    parser.add_argument(
        "--only", nargs="+", choices=WORKLOADS, default=WORKLOADS, metavar="NAME", help="run only these"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tables as JSON")
    return parser.parse_args(arguments)


def progress(text: str) -> None:
    """On stderr, so that stdout holds the tables alone."""
    print(text, file=sys.stderr, flush=True)


def goals(tables: Sequence[Any]) -> tuple[int, int, int]:
    """How many goals are met, missed and not measured."""
    notes = [note for table in tables for note in table.notes if note.startswith("goal: ")]
    met, missed = sum(n.endswith(", met") for n in notes), sum(n.endswith(", MISSED") for n in notes)
    return met, missed, len(notes) - met - missed


def main(arguments: Sequence[str] | None = None, *, tiny: bool = False) -> int:
    """Run the chosen workloads and print their tables; ``tiny`` is for the tests."""
    options = parse(arguments)
    if options.list:
        for name in WORKLOADS:
            print(f"{name:<18}{summary(load(name))}")
        return 0
    from benchmarks import harness, peers

    size = "tiny" if tiny else "quick" if options.quick else "full"
    versions = {"environment": peers.versions(), **peers.peer_versions()}
    print(", ".join(f"{name} {found or 'not installed'}" for name, found in versions.items() if name != "environment"))
    print(f"{versions['environment']}; one thread\n")
    report: dict[str, Any] = {
        "versions": versions,
        "machine": {"platform": platform.platform(), "processor": processor()},
        "threads": 1,
        "size": size,
        "workloads": {},
        "failed": [],
    }
    everything = []
    chosen = list(dict.fromkeys(options.only))
    for number, name in enumerate(chosen, 1):
        progress(f"[{number}/{len(chosen)}] {name} …")
        start = time.perf_counter()
        module = load(name)
        print(f"=== {name}: {summary(module)}\n", flush=True)
        tables: list[dict[str, Any]] = []
        try:
            for table in module.measure(size):
                print(f"{table}\n", flush=True)
                progress(f"[{number}/{len(chosen)}] {name}: {table.title} ({time.perf_counter() - start:.0f} s)")
                tables.append(table.as_dict())
                everything.append(table)
        except harness.WrongAnswerError as error:
            report["failed"].append(name)
            print(f"WRONG ANSWER, not timed: {error}\n", flush=True)
        report["workloads"][name] = {"tables": tables, "seconds": time.perf_counter() - start}
    met, missed, unmeasured = goals(everything)
    report["goals"] = {"met": met, "missed": missed, "not measured": unmeasured}
    print(f"goals: {met} met, {missed} MISSED, {unmeasured} not measured")
    for table in everything:
        for note in table.notes:
            if note.endswith(", MISSED"):
                print(f"  MISSED in {table.title}: {note.removeprefix('goal: ').removesuffix(', MISSED')}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False, default=float) + "\n")
    if report["failed"]:
        print(f"validation failed in: {', '.join(report['failed'])}")
    return 1 if report["failed"] else 0


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main())
