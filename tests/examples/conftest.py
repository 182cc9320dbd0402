"""Loading the examples: scripts in a folder, not a package, that import each other by name."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def load(monkeypatch):
    """``load("textbook")`` imports ``examples/textbook.py``, as the examples import each other."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    return importlib.import_module


@pytest.fixture(scope="session")
def run():
    """Run Python in the checkout, with warnings as errors; returns the completed process."""

    def run_python(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-X", "utf8", "-W", "error", *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=300, check=False)

    return run_python
