"""Each command on built-in examples and on a user's function: what it prints, and what it writes."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import adjoint
from adjoint import gallery, solvers
from adjoint.command import measuring
from adjoint.plot import matrix
from adjoint.system import solving
from tests.docs.snippets import isolated

ROOT = Path(adjoint.__file__).parents[1]
SPY = inspect.signature(matrix.spy)
BRAILLE = range(0x2800, 0x2900)


def widest(text):
    return max(map(len, text.splitlines()))


# --- spy ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", gallery.names())
def test_every_example_is_drawn_in_the_terminal(command, name):
    done = command("spy", name)
    assert done.status == 0, done.err
    assert done.out.startswith(f"{name}: {gallery.get(name).title}")
    assert sum(ord(letter) in BRAILLE or letter == "╲" for letter in done.out) > 3
    assert widest(done.out) <= 80
    structure = gallery.get(name).system().structure
    for kind in structure.kind_names:
        assert f"■ {kind} " in done.out
    assert f"{structure.unknowns:,}" in done.out


def test_the_kinds_are_counted(command):
    out = command("spy", "shared_input").out  # (a + b)(b + 1)
    rows = {line.split()[1]: line.split()[-3:] for line in out.splitlines() if line.startswith("■")}
    assert rows["identity"] == ["3", "3", "30.0%"]
    assert rows["diagonal"] == ["2", "2", "20.0%"]
    assert "on the diagonal       5         5  50.0%" in out
    softmax = [line.split() for line in command("spy", "softmax").out.splitlines() if line.startswith("■")]
    assert [int(row[-2]) for row in softmax] == sorted((int(row[-2]) for row in softmax), reverse=True)
    assert softmax[0][1] == "contraction"


@pytest.mark.parametrize("width", [48, 120])
def test_the_width_is_kept(command, width):
    done = command("spy", "heat", "--width", width)
    assert done.status == 0
    assert widest(done.out) <= width


def test_matrices_in_files(command, folder):
    names = ["a.png", "a.svg", "a.pdf", "a.html", "a.txt"]
    done = command("spy", "shared_input", *(word for name in names for word in ("--out", name)), "--html", "page")
    assert done.status == 0, done.err
    starts = {
        "a.png": b"\x89PNG",
        "a.svg": b"<?xml",
        "a.pdf": b"%PDF",
        "a.html": b"<!doctype html>",
        "page": b"<!doctype html>",
    }
    for name, start in starts.items():
        assert (folder / name).read_bytes().startswith(start)
        assert f"wrote {name}: " in done.out
    assert "■" in (folder / "a.txt").read_text("utf-8")
    assert len(done.out.splitlines()) == 6


class Saved:
    """In the place of axes: their figure saves nothing much."""

    def __init__(self):
        self.figure = self

    def savefig(self, path, **options):
        path.write_bytes(b"saved")


@pytest.mark.parametrize(
    "words, asked",
    [
        ("", {"view": "blocks", "theme": "light", "fold": True, "nodes": None, "values": False, "order": None}),
        ("--view entries --area", {"view": "entries", "area": True}),
        ("--values --theme dark", {"values": True, "theme": "dark"}),
        ("--nodes 2:12", {"nodes": (2, 12)}),
        ("--nodes z_3", {"nodes": (3, 3)}),
        ("--fold 8", {"fold": 8}),
        ("--no-fold", {"fold": False}),
        ("--order markowitz --fill-in reverse", {"order": "markowitz", "fill_in": "reverse"}),
    ],
)
def test_options_of_figures_arrive(command, folder, monkeypatch, words, asked):
    called = {}

    def spy(system, **options):
        called.update(options)
        return Saved()

    monkeypatch.setattr("adjoint.plot.matrix.spy", spy)
    monkeypatch.setattr("matplotlib.pyplot.close", lambda figure: None)
    done = command("spy", "rnn", "--out", "x.png", *words.split())
    assert done.status == 0, done.err
    assert {name: called[name] for name in asked} == asked
    assert (folder / "x.png").read_bytes() == b"saved"
    assert set(called) <= set(SPY.parameters)


def test_options_of_a_figure_change_it(command, folder):
    assert command("spy", "speelpenning", "--out", "plain.svg").status == 0
    for words in (["--values", "--view", "entries"], ["--order", "markowitz", "--fill-in", "markowitz"]):
        assert command("spy", "speelpenning", "--out", "other.svg", *words).status == 0
        assert (folder / "plain.svg").stat().st_size > 1000
        assert (folder / "plain.svg").stat().st_size != (folder / "other.svg").stat().st_size


def test_what_a_figure_cannot_show_is_told(command, folder):
    done = command("spy", "shared_input", "--out", "x.png", "--nodes", "90:99")
    assert done.status == 1
    assert done.err.startswith("adjoint spy: ")
    assert "90" in done.err
    done = command("spy", "shared_input", "--out", "x.png", "--order", "alphabetic")
    assert done.status == 2
    assert "alphabetic" in done.err


# --- graph --------------------------------------------------------------------------------------------------


def test_the_listing_has_values_multipliers_and_lines(command):
    rows = {line.split()[0]: line for line in command("graph", "shared_input").out.splitlines() if line[:2] == "z_"}
    trace = gallery.get("shared_input").trace()
    multipliers = trace.compile().solve()
    assert len(rows) == len(trace)
    for k in range(1, len(trace) + 1):
        assert f"  {trace.node(k).value:.4g} " in rows[f"z_{k}"]
        assert f"  {multipliers[k]:.4g}" in rows[f"z_{k}"]
    assert "textbook.py:" in rows[f"z_{len(trace)}"]


def test_long_listings_leave_out_the_middle(command):
    cut = command("graph", "rnn", "--fold", 10).out
    assert f"{len(gallery.get('rnn').trace()) - 10} more" in cut
    whole = command("graph", "rnn", "--no-fold").out
    assert "more" not in whole
    assert sum(line.startswith("z_") for line in whole.splitlines()) == len(gallery.get("rnn").trace())
    some = command("graph", "rnn", "--nodes", "5:8").out
    assert [line.split()[0] for line in some.splitlines() if line.startswith("z_")] == ["z_5", "z_6", "z_7", "z_8"]


def test_the_source_is_shown_where_there_is_room(command):
    assert "hidden = name(" not in command("graph", "softmax").out
    wide = command("graph", "softmax", "--width", 170).out
    assert 'hidden = name(1 / (1 + np.exp(-(x @ w1))), "hidden")' in wide
    assert widest(wide) <= 170


def test_graphs_in_files(command, folder):
    names = ["a.svg", "a.dot", "a.png", "a.pdf"]
    done = command("graph", "softmax", *(word for name in names for word in ("-o", name)))
    assert done.status == 0, done.err
    assert (folder / "a.svg").read_text("utf-8").lstrip().startswith(("<svg", "<?xml"))
    assert "digraph" in (folder / "a.dot").read_text("utf-8")
    assert (folder / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "a.pdf").read_bytes().startswith(b"%PDF")
    assert "right" in command("graph", "softmax", "-o", "b.svg", "--direction", "left").err
    assert command("graph", "softmax", "-o", "a.svg", "--nodes", "1:2").status == 2


# --- report -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "heat", "implicit_heat", "shared_input"])
def test_reports(command, name):
    done = command("report", name)
    assert done.status == 0, done.err
    for heading in ("Matrix", "Blocks", "Nodes", "Diagnosis", "Most influential nodes", "Gradient"):
        assert f"\n{heading}\n" in done.out
    assert "certificate: " in done.out
    assert widest(done.out) <= 80
    assert all(line == line.rstrip() for line in done.out.splitlines())


def test_the_gradient_is_the_gradient(command, folder):
    out = command("report", "model.py:square", "--inputs", "one_array").out
    assert "4" in out.partition("\nGradient\n")[2]  # ∂(x₁² + x₂²)/∂x = (2, 4) at (1, 2)
    (row,) = (line.split() for line in out.partition("\nGradient\n")[2].splitlines() if line.startswith("z_1 "))
    assert row == ["z_1", "x", "(2,)", "4", "4.472", "0"]


def test_seeds(command, folder):
    def gradient(*seed):
        done = command("report", "model.py:predict", "--inputs", "two_matrices", *seed)
        assert done.status == 0, done.err
        return done.out.partition("\nGradient\n")[2]

    np.save("eight.npy", np.ones((4, 2)))
    np.save("three.npy", np.ones(3))
    assert gradient() == gradient("--seed", "ones") == gradient("--seed", "eight.npy")
    assert len({gradient(), gradient("--seed", "random"), gradient("--seed", "entry:3")}) == 3
    done = command("report", "model.py:predict", "--inputs", "two_matrices", "--seed", "three.npy")
    assert done.status == 2
    assert "has shape (3,), and the output (4, 2)" in done.err


def test_one_entry_of_the_output(command, folder):
    (folder / "scaled.py").write_text("import numpy as np\n\ndef f(x):\n    return x * np.array([2.0, 3.0, 5.0])\n")
    for entry, partial in enumerate("235"):
        done = command("report", "scaled.py:f", "--arg", "[1.0, 1.0, 1.0]", "--seed", f"entry:{entry}")
        (row,) = (line.split() for line in done.out.partition("\nGradient\n")[2].splitlines() if line[:4] == "z_1 ")
        assert row[-3:] == [partial, partial, "2"]


def test_the_most_influential_come_first(command):
    table = command("report", "softmax").out.partition("\nMost influential nodes\n")[2].partition("\nGradient\n")[0]
    rows = [line.split() for line in table.splitlines() if line.startswith("z_")]
    ranking = gallery.get("softmax").system().influence()
    assert [row[0] for row in rows] == [f"z_{one.node}" for one in ranking[:10]]


def test_names_too_long_for_a_row_of_characters(command, folder):
    names = ", ".join(f"an_argument_with_a_long_name_{k}" for k in range(24))
    (folder / "long.py").write_text(
        f"def f({names}):\n    return {names.replace(', ', ' * ')}\n\ndef inputs():\n    return (1.0,) * 24\n"
    )
    assert widest(command("spy", "long.py:f", "--nodes", "1:24", "--width", 64).out) <= 64


def test_findings_are_listed(command, folder):
    (folder / "unused.py").write_text("def f(x, y):\n    return x * x\n")
    done = command("report", "unused.py:f", "--arg", 1.0, "--arg", 2.0)
    assert done.status == 0
    assert "- " in done.out.partition("\nDiagnosis\n")[2].partition("\nMost")[0]


# --- explain ------------------------------------------------------------------------------------------------


def test_explain_lists_every_strategy(command):
    done = command("explain", "heat", "--right-hand-sides", 7)
    assert done.status == 0
    assert all(name in done.out for name in solvers.available() if name != "auto")
    assert "7 right-hand sides" in done.out
    chosen = gallery.get("heat").system().explain(right_hand_sides=7).chosen
    assert f"→ {chosen} " in done.out
    assert widest(done.out) <= 80


def test_explain_says_who_does_not_take_it(command, folder):
    (folder / "complex.py").write_text("import numpy as np\n\ndef f(x):\n    return np.sum(np.abs(x) ** 2)\n")
    done = command("explain", "complex.py:f", "--arg", "[1+2j, 3j]")
    assert done.status == 0
    assert "not accepted" in done.out
    assert "linear over the" in done.out


# --- compare ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["softmax", "implicit_heat", "shared_input"])
def test_compare_times_every_strategy(command, folder, name):
    done = command("compare", name, "--repeat", 1, "--json", "all.json")
    assert done.status == 0, done.err
    (found,) = json.loads((folder / "all.json").read_text("utf-8"))["comparisons"]
    rows = {row["solver"]: row for row in found["rows"]}
    assert set(rows) == set(solvers.available())
    assert found["unknowns"] == gallery.get(name).system().shape[0]
    for row in rows.values():
        assert row["solver"] in done.out
        assert row["status"] in ("ok", "not accepted", "gave up"), row
        if row["status"] == "ok":
            assert row["total"] > 0
            assert row["error"] < 1e-9
        else:
            assert row["remark"]
    base = rows["back_substitution"]["total"]
    assert all(row["ratio"] == row["total"] / base for row in rows.values() if row["status"] == "ok")
    assert rows["auto"]["chosen"]
    assert widest(done.out) <= 80


def test_compare_a_function_of_yours_with_several_right_hand_sides(command, folder):
    done = command("compare", "model.py:predict", "--inputs", "two_matrices", "--right-hand-sides", 3, "--repeat", 1)
    assert done.status == 0, done.err
    assert "3 right-hand sides" in done.out


def test_only_some_strategies(command, folder):
    done = command("compare", "shared_input", "--solvers", "dense", "superlu", "--repeat", 1, "--out", "ratios.png")
    assert done.status == 0, done.err
    assert "neumann" not in done.out
    assert (folder / "ratios.png").read_bytes().startswith(b"\x89PNG")


class Wrong:
    """A strategy that is off by a factor."""

    factor = 1.001

    def analyze(self, system):
        return self

    def factorize(self, system):
        self.inner = system.factorize("back_substitution")
        return self

    def solve(self, rows, keep=None):
        return [None if one is None else self.factor * one for one in self.inner.solve(rows)]


class Broken(Wrong):
    def solve(self, rows, keep=None):
        raise ZeroDivisionError("what a pity")


class Slow(Wrong):
    factor = 1.0

    def solve(self, rows, keep=None):
        end = time.monotonic() + 5
        while time.monotonic() < end:
            pass
        return super().solve(rows, keep)


class Hopeless(Wrong):
    def predict(self, structure, right_hand_sides=1):
        return solving.Prediction(1, 1, 1, 1, 1, 1e6)


@pytest.mark.parametrize(
    "strategy, status, exit_status, says",
    [
        (Wrong, "WRONG ANSWER", 1, "differs from that of back_substitution by 1.0e-03"),
        (Broken, "error", 1, "ZeroDivisionError: what a pity"),
        (Slow, "stopped", 0, "no answer after 0.2 s"),
        (Hopeless, "stopped", 0, "not run: it expects 1,000,000 s"),
    ],
)
def test_strategies_that_fail(command, strategy, status, exit_status, says):
    with isolated():
        solving.register("strange", strategy)
        done = command("compare", "softmax", "--solvers", "strange", "--repeat", 1, "--limit", 0.2)
    assert done.status == exit_status
    assert status in done.out
    assert says in " ".join(done.out.split())


def test_an_answer_that_is_off_only_by_rounding_is_right():
    class Rounded(Wrong):
        factor = 1 + 1e-12

    with isolated():
        solving.register("rounded", Rounded)
        found = measuring.compare("", gallery.get("softmax").system(), ["rounded"], repeat=1)
    assert [row.status for row in found.rows] == ["ok", "ok"]
    assert found.rows[1].error > found.rows[0].error


# --- examples -----------------------------------------------------------------------------------------------


def test_examples_are_listed(command):
    done = command("examples")
    assert done.status == 0
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == list(gallery.names())
    some = command("examples", "densenet", "rnn").out
    assert "densenet: DenseNet block" in some
    assert "rnn: Recurrent network" in some
    assert " ".join(gallery.get("rnn").says.split()) in " ".join(some.split())
    wrong = command("examples", "densnet")
    assert wrong.status == 2
    assert "did you mean 'densenet'?" in wrong.err
    assert not wrong.out


# --- as a process -------------------------------------------------------------------------------------------


def test_piped_output_has_no_color_codes_and_ascii_is_survived():
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "adjoint", "report", "shared_input"], capture_output=True, env=environment, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    assert done.stdout.decode("ascii").count("z_1") > 1


def test_a_terminal_has_color_unless_it_is_forbidden(command, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in command("spy", "shared_input").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[38" not in command("spy", "shared_input").out
