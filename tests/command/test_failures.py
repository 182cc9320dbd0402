"""Exit statuses, and one message for each failure; the whole traceback only where it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import adjoint
from adjoint.command import main, parser

ROOT = Path(adjoint.__file__).parents[1]


# --- the traced function ------------------------------------------------------------------------------------


def test_a_function_that_raises_is_told_with_its_lines(command, folder):
    done = command("report", "model.py:broken", "--arg", 2.0)
    assert done.status == 1
    assert done.err.startswith("adjoint report: model.py:broken raised while it was traced:\n  model.py:")
    assert "in broken\n    return deeper(y)\n" in done.err
    assert "in deeper\n    return y.nothing_like_this\n" in done.err
    assert done.err.rstrip().endswith("AttributeError: a traced array has no attribute 'nothing_like_this'")
    assert "adjoint/tracing" not in done.err


def test_the_traceback_is_shown_when_asked_for(command, folder):
    done = command("report", "model.py:broken", "--arg", 2.0, "--traceback")
    assert done.status == 1
    assert "Traceback (most recent call last)" in done.err
    assert "adjoint/command/program.py" in done.err


def test_an_error_of_the_library_is_its_message(command, folder):
    done = command("spy", "model.py:lost", "--arg", 2.0)
    assert done.status == 1
    assert "float() of a traced value would lose its derivative" in done.err
    assert "return float(x) * 2" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words, says",
    [
        (["model.py:words", "--arg", "2.0"], "str"),
        (["model.py:leaves", "--arg", "2.0"], "SystemExit: 7"),
        (["model.py:square", "--arg", "2.0", "--arg", "3.0"], "square() takes 1 positional argument"),
    ],
)
def test_other_failures_of_the_function(command, folder, words, says):
    done = command("graph", *words)
    assert done.status == 1
    assert says in done.err
    assert "Traceback" not in done.err


def test_a_long_way_to_the_error_is_cut(command, folder):
    (folder / "deep.py").write_text("def f(x, k=40):\n    return f(x, k - 1) if k else x.nothing\n")
    done = command("graph", "deep.py:f", "--arg", 1.0)
    assert "  … 36 more calls" in done.err
    assert done.err.count("deep.py:2") == 5


@pytest.mark.parametrize("name", ["spy", "graph", "report", "compare", "explain"])
def test_a_constant_result(command, folder, name):
    done = command(name, "model.py:constant", "--arg", 2.0)
    assert done.status == 0, done.err
    assert done.out


@pytest.mark.parametrize("name", ["spy", "graph", "report", "compare", "explain"])
def test_nothing_to_differentiate(command, folder, name):
    done = command(name, "model.py:square", "--arg", "[1, 2]")
    assert done.status == 1
    assert "model.py:square has nothing to differentiate" in done.err
    assert "(int64)" in done.err
    assert not done.out


def test_integers_among_the_arguments_are_no_matter(command, folder):
    (folder / "powers.py").write_text("import numpy as np\n\ndef f(k, x):\n    return np.sum(x[k] ** 2)\n")
    for name in ("spy", "graph", "report", "compare", "explain"):
        done = command(name, "powers.py:f", "--arg", "[1, 0]", "--arg", "[1.0, 2.0]")
        assert done.status == 0, done.err + done.out


def test_values_that_are_not_finite(command, folder):
    (folder / "infinite.py").write_text("import numpy as np\n\ndef f(x):\n    return np.sqrt(x) * np.log(x)\n")
    for name in ("graph", "report", "compare"):
        with np.errstate(all="ignore"):
            done = command(name, "infinite.py:f", "--arg", 0.0)
        assert done.status in (0, 1)
        assert "Traceback" not in done.err
        assert "nan" in done.out or "inf" in done.out


@pytest.mark.parametrize("name", ["spy", "graph", "report"])
def test_names_that_no_encoding_takes(folder, name):
    program = 'import numpy as np, adjoint\n\ndef f(x):\n    return np.exp(adjoint.name(x * 2, "a\\ud800\\x1bb"))\n'
    (folder / "odd.py").write_text(program)
    words = [sys.executable, "-m", "adjoint", name, "odd.py:f", "--arg", "2.0"]
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "\x1b" not in done.stdout.decode()
    assert "a□□b" in done.stdout.decode()


# --- exit statuses ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words, says",
    [
        ([], "which command?"),
        (["spi", "heat"], "invalid choice: 'spi'"),
        (["spy"], "the following arguments are required: TARGET"),
        (["spy", "heat", "--nodes", "3:1"], "'3:1' is no range of nodes"),
        (["spy", "heat", "--nodes", "a"], "'a' is no range of nodes"),
        (["spy", "heat", "--width", "5"], "5 is less than 20"),
        (["spy", "heat", "--fold", "few"], "'few' is no whole number"),
        (["spy", "heat", "--fold", "2", "--out", "x.png"], "2 is less than 4"),
        (["spy", "heat", "--order", "mark", "--out", "x.png"], "no order is named 'mark'; did you mean 'markowitz'?"),
        (["spy", "heat", "--fill-in", "levels", "--out", "x.png"], "no order is named 'levels'"),
        (["examples", "hat"], "did you mean 'heat'?"),
        (["spy", "heat", "--fold", "9", "--no-fold"], "not allowed with argument"),
        (["spy", "heat", "--theme", "blue"], "invalid choice: 'blue'"),
        (["spy", "heat", "--out", "x.gif"], "the ending is one of .png, .svg, .pdf, .html, .txt, not .gif"),
        (["spy", "heat", "--out", "x"], "and this name has no ending"),
        (["graph", "heat", "--out", "x.html"], "the ending is one of .svg, .dot, .png, .pdf, not .html"),
        (["spy", "heat", "--order", "markowitz"], "--order: only figures follow this"),
        (["compare", "heat", "--solvers", "superl"], "did you mean 'superlu'?"),
        (["compare", "heat", "--limit", "0"], "not more than none"),
        (["compare", "heat", "--limit", "soon"], "no number of seconds"),
        (["compare", "heat", "--right-hand-sides", "0"], "0 is less than 1"),
        (["report", "heat", "--seed", "two"], "--seed is ones, random, entry:K or a .npy file"),
        (["report", "heat", "--seed", "entry:x"], "K is the number of an output entry"),
        (["report", "heat", "--seed", "entry:99"], "the output has the entries 0 to 0"),
        (["report", "heat", "--seed", "none.npy"], "cannot be read"),
        (["spy", "heat", "--unknown"], "unrecognized arguments: --unknown"),
        (["spy", "heat", "--wid", "90"], "unrecognized arguments: --wid"),
    ],
)
def test_usage_errors(command, folder, words, says):
    done = command(*words)
    assert done.status == 2
    assert says in done.err
    assert "Traceback" not in done.err


def test_unwritable_paths_are_told_before_anything_runs(command, folder):
    (folder / "taken.png").mkdir()
    for path, says in (("taken.png", "is a folder"), ("nowhere/x.png", "there is no folder nowhere")):
        done = command("spy", "model.py:leaves", "--arg", 1.0, "--out", path)  # this function would end the process
        assert done.status == 1
        assert says in done.err
    assert "there is no folder" in command("compare", "heat", "--json", "nowhere/x.json").err
    assert "is a folder" in command("spy", "heat", "--html", "taken.png").err


def test_a_full_disk_is_told_in_a_line(command, folder, monkeypatch):
    def full(self, *args, **keywords):
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    done = command("compare", "shared_input", "--solvers", "dense", "--repeat", 1, "--json", "x.json")
    assert done.status == 1
    assert done.err == "adjoint compare: x.json: No space left on device\n"


def test_interrupted(command, folder):
    done = command("graph", "model.py:stopped", "--arg", 1.0)
    assert done.status == 130
    assert done.err == "adjoint graph: interrupted\n"


def test_out_of_memory(command, folder):
    (folder / "greedy.py").write_text("def f(x):\n    raise MemoryError\n")
    done = command("graph", "greedy.py:f", "--arg", 1.0)
    assert done.status == 1
    assert "MemoryError" in done.err


def test_a_reader_who_leaves_is_no_failure_to_shout_about(folder):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "adjoint", "graph", "rnn", "--no-fold", "--size", "full"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        running.stdout.readline()
        running.stdout.close()
        said = running.stderr.read()
        assert running.wait(60) == 141
    assert said == b""


# --- without the extras ----------------------------------------------------------------------------------------


def test_without_rich(command, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    done = command("spy", "heat")
    assert done.status == 1
    assert 'pip install "adjoint[cli]"' in done.err
    for words in (["--version"], ["--help"], ["spy", "--help"]):
        assert command(*words).status == 0


def test_without_matplotlib(command, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for words in (["spy", "heat", "--out", "x.png"], ["compare", "heat", "--out", "x.png"]):
        done = command(*words)
        assert done.status == 1
        assert 'pip install "adjoint[plot]"' in done.err
    assert command("spy", "shared_input").status == 0


def test_help_loads_no_extra():
    code = "import sys; from adjoint.command import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stderr.split())
    assert "adjoint.command.parser" in loaded
    assert not loaded & {"rich", "matplotlib", "networkx", "adjoint.gallery", "adjoint.plot", "scipy.sparse"}


# --- help ---------------------------------------------------------------------------------------------------------


def test_version(command):
    assert command("--version").out == f"adjoint {adjoint.__version__}\n"


@pytest.mark.parametrize("name", parser.COMMANDS)
def test_help_has_examples_that_parse(command, name):
    done = command(name, "--help")
    assert done.status == 0
    prose = [line for line in done.out.splitlines() if not line.startswith("  adjoint ")]
    assert max(map(len, prose)) <= 80
    epilog = done.out.partition("examples:\n")[2].strip().splitlines()
    lines = [
        line.split("#")[0].split(" && ")[0].split()
        for line in epilog
        if line.startswith("  adjoint") or "adjoint " in line
    ]
    assert len(lines) >= 2
    for line in lines:
        assert line[:2] == ["adjoint", name]
        assert parser.parse(line[1:]).command == name


def test_help_begins_in_lower_case_and_ends_without_a_full_stop():
    actions = [action for sub in subparsers().values() for action in sub._actions if action.help]
    assert len(actions) > 40
    for action in actions:
        assert action.help[0].islower() or action.help.startswith("TARGET"), action.help
        assert not action.help.endswith("."), action.help


def subparsers():
    (choices,) = (action.choices for action in parser._parser()._actions if isinstance(action.choices, dict))
    assert list(choices) == list(parser.COMMANDS)
    return choices


def test_main_takes_the_words_of_the_process(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["adjoint", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("adjoint ")
