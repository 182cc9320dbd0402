"""Time the core of adjoint, beside hand-written NumPy and the peers that are installed.

    python benchmarks/core.py                        everything, a few minutes
    python benchmarks/core.py --quick                smaller sizes, about a minute
    python benchmarks/core.py --only overhead mlp    some of them
    python benchmarks/core.py --list                 their names

Every answer is validated before it is timed; a wrong one ends the run with status 1.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

BENCHMARKS = (
    "overhead",
    "scaling",
    "loops",
    "gaussian_mixture",
    "runge_kutta",
    "logsumexp",
    "mlp",
    "import_time",
)


def pin_one_thread() -> None:
    """One thread for every library; has to happen before NumPy is imported, since BLAS reads it once."""
    for name in ("OPENBLAS", "OMP", "MKL", "VECLIB_MAXIMUM", "NUMEXPR"):
        os.environ[f"{name}_NUM_THREADS"] = "1"
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")


def load(name: str) -> ModuleType:
    """One benchmark: a module with ``validate(size)`` and ``measure(size)``."""
    root = str(Path(__file__).resolve().parents[1])
    if root not in sys.path:
        sys.path.insert(0, root)
    return importlib.import_module(f"benchmarks.{name}")


def summary(module: ModuleType) -> str:
    """The first line of a benchmark's docstring."""
    return (module.__doc__ or "").strip().splitlines()[0]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/core.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the names of the benchmarks and stop")
    parser.add_argument(
        "--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, metavar="NAME", help="run only these"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes and fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the tables as JSON")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the chosen benchmarks and print their tables."""
    options = parse(arguments)
    if options.list:
        for name in BENCHMARKS:
            print(f"{name:<18}{summary(load(name))}")
        return 0
    harness = load("harness")
    peers = load("peers")
    print(f"{peers.versions()}; one thread\n")
    size = "quick" if options.quick else "full"
    report: dict[str, Any] = {"versions": peers.versions(), "size": size, "benchmarks": {}}
    failed = []
    for name in dict.fromkeys(options.only):
        module = load(name)
        print(f"=== {name}: {summary(module)}\n", flush=True)
        tables = report["benchmarks"][name] = []
        try:
            for table in module.measure(size):
                print(f"{table}\n", flush=True)
                tables.append(table.as_dict())
        except harness.WrongAnswerError as error:
            failed.append(name)
            print(f"WRONG ANSWER, not timed: {error}\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    if failed:
        print(f"validation failed in: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    pin_one_thread()
    sys.exit(main())
