"""TARGET: examples, modules and files; and what is said where there is none."""

from __future__ import annotations

import sys

import pytest

from adjoint import gallery


def test_a_built_in_example(command):
    done = command("graph", "log_of_polynomial")
    assert done.status == 0
    assert done.out.startswith("log_of_polynomial: log(3x² + 5xy)")
    assert "multiply(3, z_3)" in done.out
    assert "1.231" in done.out  # ∂f/∂x = 2/x · …: (6x + 5y) / (3x² + 5xy) = 16 / 13 at (1, 2)
    assert not done.err


def test_sizes_of_an_example(command):
    small, full = (command("explain", "heat", "--size", size).out for size in ("small", "full"))
    assert "A is 156 × 156" in small
    assert "A is 102,500 × 102,500" in full
    assert command("explain", "heat").out == small


@pytest.mark.parametrize("place", ["model.py", "model", "./model.py"])
def test_a_file_and_a_module(command, folder, place):
    done = command("graph", f"{place}:loss")
    assert done.status == 0
    assert "sum(z_6)" in done.out
    assert "helping_sibling.py" in done.out


def test_a_file_in_another_folder_finds_its_siblings(command, folder, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    path = list(sys.path)
    done = command("graph", f"{folder / 'model.py'}:loss")
    assert done.status == 0, done.err
    assert sys.path == path


def test_a_file_in_a_package_may_import_relatively(command, folder):
    package = folder / "some_package" / "inner"
    package.mkdir(parents=True)
    for place in (package.parent, package):
        (place / "__init__.py").write_text("")
    (package.parent / "base.py").write_text("def cube(x):\n    return x**3\n")
    (package / "net.py").write_text("from ..base import cube\n\ndef f(x):\n    return cube(x)\n")
    for target in ("some_package/inner/net.py:f", "some_package.inner.net:f"):
        done = command("graph", target, "--arg", 2.0)
        assert done.status == 0, done.err
        assert "power(z_1, 3)" in done.out


def test_a_file_with_the_name_of_another_module_takes_nothing_from_it(command, folder):
    (folder / "json.py").write_text("def f(x):\n    return x * x\n")
    assert command("graph", "json.py:f", "--arg", 2.0).status == 0
    assert hasattr(sys.modules["json"], "loads")


def test_a_method_and_an_attribute(command, folder):
    done = command("graph", "model.py:net.energy", "--arg", "[1.0, 2.0]")
    assert done.status == 0
    assert "multiply(3, z_3)" in done.out


@pytest.mark.parametrize(
    "target, says",
    [
        ("densnet", "there is no built-in example 'densnet'; did you mean 'densenet'?"),
        ("densnet", "softmax, densenet"),
        ("model.py", "model.py is a file; add the function: model.py:FUNCTION"),
        ("modl.py:loss", "the file modl.py does not exist; did you mean 'model.py'?"),
        (".:loss", "there is no module '.'"),
        ("./:loss", "is a folder"),
        ("no_such_module:loss", "there is no module 'no_such_module' in"),
        ("model.py:losss", "model.py has no 'losss'; did you mean 'loss'?"),
        ("model.py:losss", "The functions that it defines: loss, loss_inputs, predict,"),
        ("model.py:", "which function? model.py defines: loss"),
        ("model.py:NUMBER", "model.py:NUMBER is no function but int"),
        ("model.py:net.speed", "model.py has no 'net.speed'"),
        ("model.py:predict", "with which arguments?"),
        ("model.py:predict", "--arg 2.5 --arg '[1.0, 2.0]' --arg data.npy"),
        ("model.py:predict", "define predict_inputs(), example_inputs() or inputs() beside it"),
    ],
)
def test_what_is_not_there(command, folder, target, says):
    done = command("graph", target)
    assert done.status == 2
    assert says in done.err
    assert done.err.startswith("adjoint graph: ")
    assert "Traceback" not in done.err
    assert not done.out


@pytest.mark.parametrize(
    "source, says",
    [
        ("def f(:\n", "SyntaxError"),
        ("import not_installed_x\n", "No module named"),
        ("1 / 0\n", "broken_file.py:1"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_file_that_cannot_be_imported(command, folder, source, says):
    (folder / "broken_file.py").write_text(source)
    for target in ("broken_file.py:f", "broken_file:f"):
        done = command("graph", target, "--arg", 1.0)
        assert done.status == 1
        assert "cannot be imported" in done.err
        assert says in done.err
        assert "importlib" not in done.err
    assert "broken_file" not in sys.modules


def test_options_of_the_other_kind_of_target_are_refused(command, folder):
    assert "--size is of the built-in examples" in command("graph", "model.py:loss", "--size", "full").err
    assert "arguments of its own" in command("graph", "heat", "--arg", 1.0).err
    assert "arguments of its own" in command("graph", "heat", "--inputs", "x").err


def test_every_example_has_a_name_that_is_no_file(command):
    assert all(":" not in name and "." not in name for name in gallery.names())
