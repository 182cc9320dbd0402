"""``import adjoint`` against ``import numpy, scipy.sparse``, each in a fresh interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Size, Table, WrongAnswerError

GOAL = 1.3
STATEMENTS = {"import numpy, scipy.sparse": "numpy, scipy.sparse", "import adjoint": "adjoint"}
EXTRAS = ("matplotlib", "networkx", "numba", "rich", "sklearn", "tqdm")


def seconds(modules: str) -> float:
    """How long the statement takes in a fresh interpreter, without the interpreter's own start."""
    code = f"import time; t = time.perf_counter(); import {modules}; print(time.perf_counter() - t)"
    return float(_python(code))


def validate(size: Size) -> int:
    """Importing adjoint must import none of the extras."""
    loaded = _python(f"import sys, adjoint; print([name for name in {EXTRAS!r} if name in sys.modules])")
    if loaded != "[]":
        raise WrongAnswerError(f"import adjoint also imports {loaded}")
    return 1


def measure(size: Size) -> Iterator[Table]:
    """Medians over interleaved runs; the first run of each only fills the caches of the file system."""
    validate(size)
    runs = {"tiny": 1, "quick": 7, "full": 21}[size]
    samples: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(runs + 1):
        for name, modules in STATEMENTS.items():
            took = seconds(modules)
            if number:
                samples[name].append(took)
    table = Table(f"{runs} interleaved runs", ("", "median ms", "best ms", "ratio of medians"))
    medians = {name: statistics.median(found) for name, found in samples.items()}
    base = medians["import numpy, scipy.sparse"]
    for name, found in samples.items():
        table.rows.append((name, 1e3 * medians[name], 1e3 * min(found), medians[name] / base))
    table.goal("import adjoint / import numpy, scipy.sparse", medians["import adjoint"] / base, GOAL)
    yield table


def _python(code: str) -> str:
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()
