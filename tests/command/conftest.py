"""A folder with a user's code in it, as the current one; and the command line run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from adjoint.command import main

MODEL = '''
"""A user's file."""

import numpy as np

from helping_sibling import double

np_float = np.float64


def loss(w, x):
    return np.sum(np.tanh(double(x) @ w) ** 2)


def loss_inputs():
    return 0.1 * np.ones((3, 2)), np.eye(4, 3)


def predict(w, x):
    return np.tanh(x @ w)


def two_matrices():
    return np.ones((3, 2)), np.ones((4, 3))


def square(x):
    return np.sum(x**2)


def one_array():
    return np.array([1.0, 2.0])


def broken(x):
    y = x * 2
    return deeper(y)


def deeper(y):
    return y.nothing_like_this


def lost(x):
    return float(x) * 2


def constant(x):
    return 3.0


def words(x):
    return "no number"


def leaves(x):
    raise SystemExit(7)


def stopped(x):
    raise KeyboardInterrupt


def bad_inputs():
    raise RuntimeError("no data today")


def wanting(size):
    return np.ones(size)


def nothing():
    return ()


class Net:
    def __init__(self, scale):
        self.scale = scale

    def energy(self, x):
        return self.scale * np.sum(x**2)


net = Net(3.0)
NUMBER = 4

if __name__ == "__main__":
    raise RuntimeError("ran as a script")
'''

SIBLING = """
def double(x):
    return 2 * x
"""


class Result(NamedTuple):
    status: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Current folder; what is imported from it is forgotten."""
    (tmp_path / "model.py").write_text(MODEL, "utf-8")
    (tmp_path / "helping_sibling.py").write_text(SIBLING, "utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command line; the width is fixed, whatever the terminal of the tests is."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: object) -> Result:
        status = main([str(word) for word in words])
        return Result(status, *capsys.readouterr())

    return run


@pytest.fixture
def saved(folder: Path) -> Path:
    """Files of arrays."""
    np.save("data.npy", np.array([1.0, 2.0]))
    np.savez("many.npz", w=np.array([3.0]), x=np.array([4.0, 5.0]))
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    Path("no.npy").write_bytes(b"no array at all")
    return folder
