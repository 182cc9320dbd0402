"""Programs whose graphs are drawn in these tests."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

import adjoint


@cache
def textbook() -> ModuleType:
    """``examples/textbook.py``, which the documentation draws."""
    path = Path(__file__).parents[3] / "examples" / "textbook.py"
    spec = importlib.util.spec_from_file_location("graphs_textbook", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def recurrent(steps: int) -> adjoint.Trace:
    """A recurrent network: the weights are read in every step."""

    def run(xs, w, u, h):
        for x in xs:
            h = np.tanh(w @ h + u @ x)
        return np.sum(h**2)

    rng = np.random.default_rng(0)
    shapes = [(steps, 3), (4, 4), (4, 3), (4,)]
    return adjoint.trace(run, *(rng.uniform(-1, 1, shape) for shape in shapes))


def implicit() -> adjoint.Trace:
    """A linear system."""
    return adjoint.trace(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2), 3 * np.eye(3), np.ones(3))


def two_outputs() -> adjoint.Trace:
    """One output is a constant."""
    return adjoint.trace(lambda x, y: (x * y, x + y, 3.0), 2.0, 3.0)


def awkward_names() -> adjoint.Trace:
    """Everything that a format may stumble over."""

    def function(x):
        y = adjoint.name(x * 2, 'back\\slash "quote" <tag> & $dollar$\nline\x07')
        z = adjoint.name(np.sin(y), "日本語_" + "lang" * 40)
        return adjoint.name(z * z, "näme\ud800")

    return adjoint.trace(function, 1.0)


def not_finite() -> adjoint.Trace:
    """``log 0``."""
    with np.errstate(all="ignore"):
        return adjoint.trace(lambda x, y: np.log(x) * y, 0.0, 2.0)


def complex_numbers() -> adjoint.Trace:
    """Blocks that are linear over the real numbers only."""
    return adjoint.trace(lambda z: np.abs(z) ** 2 + np.real(np.conj(z) * (1 + 2j)), 1 + 2j)


def dead() -> adjoint.Trace:
    """Half of it leads to no output."""

    def function(x, y):
        np.cos(np.sin(x) * 3)
        return y * 2

    return adjoint.trace(function, 1.0, 2.0)


def many_operands(count: int = 300) -> adjoint.Trace:
    """One node is read often, and one reads many."""
    return adjoint.trace(lambda x: np.sum(np.stack([x * float(k) for k in range(count)])), 1.0)


TRACES = {
    "recurrent": lambda: recurrent(5),
    "folded": lambda: recurrent(100),
    "implicit": implicit,
    "two outputs": two_outputs,
    "awkward names": awkward_names,
    "not finite": not_finite,
    "complex": complex_numbers,
    "dead": dead,
    "many operands": many_operands,
    "integers": lambda: adjoint.trace(lambda a, b: a * b + 1, 3, 4),
    "an input is the output": lambda: adjoint.trace(lambda x: x, 1.0),
    "a constant is the output": lambda: adjoint.trace(lambda x: 3.0, 1.0),
    "an empty array": lambda: adjoint.trace(np.sum, np.ones((0, 3))),
    "a mask": lambda: adjoint.trace(lambda x: np.sum(np.where(x > 0, x, 0)), np.arange(4.0)),
    "float32": lambda: adjoint.trace(lambda x: np.sum(x**2), np.ones(3, np.float32)),
}
