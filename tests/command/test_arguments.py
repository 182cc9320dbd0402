"""The arguments of a user's function: from a function of theirs, literals, files of arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest

from adjoint.command.arguments import written
from adjoint.command.failures import UsageError


def test_the_function_beside_the_target(command, folder):
    assert "(3, 2)" in command("graph", "model.py:loss").out


@pytest.mark.parametrize("name", ["two_matrices", "model:two_matrices", "model.py:two_matrices"])
def test_a_function_that_is_named(command, folder, name):
    done = command("graph", "model.py:predict", "--inputs", name)
    assert done.status == 0, done.err
    assert "(4, 3)" in done.out


def test_one_argument_needs_no_tuple(command, folder):
    done = command("graph", "model.py:square", "--inputs", "one_array")
    assert done.status == 0
    assert "(2,)" in done.out


@pytest.mark.parametrize("name", ["example_inputs", "inputs"])
def test_usual_names(command, folder, name):
    (folder / "other.py").write_text(f"def f(x):\n    return x * x\n\ndef {name}():\n    return (3.0,)\n")
    assert " 9 " in command("graph", "other.py:f").out


def test_literals_and_files(command, saved):
    done = command("graph", "model.py:predict", "--arg", "[[1.0], [2.0]]", "--arg", "data.npy")
    assert done.status == 0
    assert "(2, 1)" in done.out
    negative = command("graph", "model.py:square", "--arg", "-1e-3")
    assert negative.status == 0
    assert "-0.001" in negative.out
    assert " -inf " in command("graph", "model.py:square", "--arg", "-inf").out


def test_what_is_written(saved):
    assert written("2.5") == 2.5
    assert type(written("3")) is int
    assert written("-inf") == -np.inf
    assert np.isnan(written("nan"))
    assert written("1 + 2j") == 1 + 2j
    assert np.array_equal(written("[1, 2]"), np.array([1, 2]))
    parts = written("([1.0], {'w': [2.0], 'b': 3.0})")
    assert isinstance(parts, tuple)
    assert np.array_equal(parts[1]["w"], np.array([2.0]))
    assert np.array_equal(written("data.npy"), np.array([1.0, 2.0]))
    assert list(written("many.npz")) == ["w", "x"]
    assert np.array_equal(written("many.npz:x"), np.array([4.0, 5.0]))


@pytest.mark.parametrize(
    "text, says",
    [
        ("np.ones(3)", "Expressions are not evaluated"),
        ("__import__('os').getcwd()", "neither a Python literal"),
        ("[[1.0], [2.0, 3.0]]", "rows differ in length"),
        ("['a']", "no array of numbers"),
        ("'mean'", "but str"),
        ("None", "but NoneType"),
        ("missing.npy", "there is no such file"),
        ("objects.npy", "cannot be read"),
        ("no.npy", "cannot be read"),
        ("many.npz:y", "no array 'y'"),
        ("(" * 500, "neither a Python literal"),
    ],
)
def test_what_is_no_argument(command, saved, text, says):
    with pytest.raises(UsageError, match=re.escape(says)):
        written(text)
    done = command("graph", "model.py:square", f"--arg={text}")
    assert done.status == 2
    assert says in done.err


@pytest.mark.parametrize(
    "name, status, says",
    [
        ("two_matrixes", 2, "did you mean 'two_matrices'?"),
        ("other.py", 2, "add the function: --inputs other.py:NAME"),
        ("other.py:f", 2, "the file other.py does not exist"),
        ("wanting", 2, "model.py:wanting cannot be called without arguments"),
        ("bad_inputs", 1, "RuntimeError: no data today"),
        ("bad_inputs", 1, "model.py:"),
        ("nothing", 1, "gives no arguments"),
    ],
)
def test_what_gives_no_arguments(command, folder, name, status, says):
    done = command("graph", "model.py:square", "--inputs", name)
    assert done.status == status
    assert says in done.err


def test_both_ways_exclude_each_other(command, folder):
    done = command("graph", "model.py:square", "--inputs", "one_array", "--arg", "1.0")
    assert done.status == 2
    assert "not allowed with argument" in done.err
