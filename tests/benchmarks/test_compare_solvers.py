"""The comparison of strategies: every workload validates, a wrong or broken one is caught, outputs are written."""

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError, NotConvergedError
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import solving
from benchmarks import compare_solvers
from benchmarks.harness import WrongAnswerError
from benchmarks.workloads import WORKLOADS, Problem
from benchmarks.workloads.comparison import checking, figure, phases, tables

STRATEGIES = adjoint.solvers.available()


@dataclass(frozen=True)
class Spoiled:
    """Back substitution, with something done to its answers or instead of them."""

    spoil: Any

    def analyze(self, system):
        return self

    def factorize(self, system):
        return SpoiledFactor(self.spoil, BackSubstitution().factorize(system))


class SpoiledFactor:
    def __init__(self, spoil, factor):
        self.spoil, self.factor, self.solves = spoil, factor, 0

    def solve(self, rows, keep=None):
        self.solves += 1
        return self.spoil(self, self.factor.solve(rows, keep))


@pytest.fixture
def spoiled(monkeypatch):
    """Register a strategy named "spoiled" for one test."""

    def register(spoil):
        monkeypatch.setitem(solving._registry, "spoiled", lambda: Spoiled(spoil))

    return register


def scaled(found, factor):
    return [None if x is None else x * factor for x in found]


def run(*arguments):
    return compare_solvers.main(["--sizes", "tiny", "--no-progress", "--right-hand-sides", "2", *arguments])


def compare(name, *solvers, limit=20.0, **changes):
    problem = replace(next(WORKLOADS[name].problems("tiny")), **changes)
    return tables.compare(name, problem, ["back_substitution", *solvers], "tiny", limit)


# --- the workloads --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_workload_with_every_strategy(name):
    for problem in WORKLOADS[name].problems("tiny"):
        comparison = tables.compare(name, problem, STRATEGIES, "tiny", 20.0)
        assert not comparison.failed, str(comparison.table())
        base = comparison.row("back_substitution")
        assert base.ratio == 1
        assert base.error < 1e-12


def test_sizes_grow():
    for name in ("rnn", "brusselator", "minors"):
        tiny, quick = (next(WORKLOADS[name].problems(size)) for size in ("tiny", "quick"))
        assert sum(x.size for x in tiny.arguments) < sum(x.size for x in quick.arguments)


def test_the_triangle_between_the_layers_of_a_dense_block_is_full():
    problem = next(WORKLOADS["dense_block"].problems("tiny"))
    system = adjoint.trace(problem.traced, *problem.arguments).compile()
    layers = [k + 1 for k, primitive in enumerate(system.primitives) if primitive.name == "_one_constraint"]
    assert len(layers) == len(problem.arguments)
    blocks = system.blocks()
    assert all((i, k) in blocks for i in layers for k in layers if i < k)


def test_minors_are_the_determinant():
    (X,) = next(WORKLOADS["minors"].problems("tiny")).arguments
    assert np.isclose(next(WORKLOADS["minors"].problems("tiny")).plain(X), np.linalg.det(X))


def test_arrowhead_is_the_gradient_of_its_function():
    problem = next(WORKLOADS["arrowhead"].problems("tiny"))
    (x,) = problem.arguments
    np.testing.assert_allclose(problem.traced(x), problem.plain(x), rtol=1e-12)
    H = adjoint.jacobian(problem.plain)(x)
    arrow = np.eye(len(x), dtype=bool)
    arrow[0] = arrow[:, 0] = True
    np.testing.assert_array_equal(H != 0, arrow)


# --- validation -----------------------------------------------------------------------------------


def test_a_wrong_strategy_is_caught_printed_and_not_timed(spoiled, capsys):
    spoiled(lambda factor, found: scaled(found, 1.01))
    assert run("--only", "rnn", "--solvers", "spoiled") == 1
    out = capsys.readouterr().out
    line = next(line for line in out.splitlines() if line.lstrip().startswith("spoiled"))
    assert "WRONG ANSWER, not timed: its slope along a random direction is" in line
    assert line.split()[1:3] == ["-", "-"]
    assert "wrong answers or errors in 2 of the tables above" in out


def test_an_answer_that_only_a_reference_can_refuse(spoiled):
    """A hundred-millionth is below the noise of finite differences."""
    spoiled(lambda factor, found: scaled(found, 1 + 1e-8))
    (base, row) = compare("heat", "spoiled").rows
    assert base.status == "ok"
    assert (row.status, row.remark) == ("wrong", "argument 1 differs from the answer of back_substitution")
    assert compare("heat", "dense", "spoiled").rows[2].remark == "argument 1 differs from the answer of dense"


def test_back_substitution_itself_is_checked_by_finite_differences(monkeypatch):
    solve = type(BackSubstitution().factorize(adjoint.trace(np.sin, 1.0).compile())).solve
    wrong = lambda self, rows, keep=None: scaled(solve(self, rows, keep), 0.5)
    monkeypatch.setattr("adjoint.solvers.back_substitution.Sweep.solve", wrong)
    comparison = compare("kmeans")
    assert comparison.failed
    assert "by finite differences" in comparison.rows[0].remark


def test_a_second_solve_that_differs_is_caught(spoiled):
    spoiled(lambda factor, found: scaled(found, factor.solves))
    row = compare("rnn", "spoiled").rows[1]
    assert row.status == "wrong"


def test_the_wrong_shape_is_caught(spoiled):
    spoiled(lambda factor, found: [None if x is None else np.stack([x, x]) for x in found])
    row = compare("logsumexp", "spoiled").rows[1]
    assert row.remark == "float64(2, 20) where float64(20,) is due"


def test_solves_one_by_one_are_checked_too(spoiled, monkeypatch):
    spoiled(lambda factor, found: scaled(found, 1 if any(np.ndim(x) > 1 for x in found if x is not None) else 2))
    result = tables.ManyRightHandSides.of(2, ["spoiled"], "tiny", 20.0)
    assert result.failed
    assert result.table.rows[1][-1].strip().startswith("WRONG ANSWER, not timed")


def test_a_recorded_program_that_computes_something_else_is_caught():
    comparison = compare("kmeans", recorded=lambda centers, points: np.sum(centers**2))
    assert comparison.failed
    assert "WRONG ANSWER, not timed: the recorded program gives another value" in str(comparison.table())


def test_finite_differences_see_every_right_hand_side():
    setting = checking.Setting.of(next(WORKLOADS["brusselator"].problems("tiny")))
    answer = setting.answer(setting.system.factorize().solve(setting.rows, setting.keep))
    setting.check(answer, None, "")
    answer[0][1] *= 1.001  # the second of them
    with pytest.raises(WrongAnswerError, match="its slope along a random direction is"):
        setting.check(answer, None, "")


# --- refusals, errors, limits ---------------------------------------------------------------------


def raising(error):
    def spoil(factor, found):
        raise error

    return spoil


@pytest.mark.parametrize(
    "error, status, remark, failed",
    [
        (
            NotAcceptedError("'x' needs chains, and this is none. 'y' takes it."),
            "not accepted",
            "'x' needs chains",
            False,
        ),
        (adjoint.errors.AssemblyTooLargeError("needs 3 GiB, more than"), "not accepted", "needs 3 GiB", False),
        (adjoint.errors.MissingExtraError("numba: pip install 'adjoint[fast]'"), "not installed", "numba", False),
        (NotConvergedError("after 9 turns. Try"), "gave up", "NotConvergedError: after 9 turns", False),
        (ZeroDivisionError("division by zero"), "error", "ZeroDivisionError: division by zero", True),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, Exception) else None,
)
def test_what_a_strategy_raises_is_told(spoiled, error, status, remark, failed):
    spoiled(raising(error))
    comparison = compare("rnn", "spoiled")
    row = comparison.rows[1]
    assert (row.status, row.remark, comparison.failed) == (status, remark, failed)
    assert f"{status}: {remark}" in str(comparison.table())


def test_dense_is_tried_only_where_it_fits(monkeypatch):
    monkeypatch.setattr(phases, "DENSE_LIMIT", 10)
    row = compare("rnn", "dense").rows[1]
    assert row.status == "not tried"
    assert row.remark == "229 unknowns, 'dense' is tried up to 10"


@pytest.mark.skipif(not hasattr(phases.signal, "setitimer"), reason="needs interval timers (not on Windows)")
def test_a_run_that_takes_too_long_is_stopped(spoiled):
    spoiled(lambda factor, found: time.sleep(5))
    row = compare("rnn", "spoiled", limit=0.1).rows[1]
    assert row.status == "stopped"
    assert row.remark.startswith("no answer after 0.3")


def test_a_strategy_that_predicts_hours_is_not_run(spoiled, monkeypatch):
    spoiled(raising(ZeroDivisionError()))
    hours = solving.Prediction(0, 0, 0, 0, 0, seconds=2e4)
    monkeypatch.setattr(Spoiled, "predict", lambda self, structure, right_hand_sides: hours, raising=False)
    row = compare("rnn", "spoiled").rows[1]
    assert (row.status, row.remark) == ("stopped", "not run: predicts 20,000 s")


def test_slow_strategies_are_run_a_few_times_and_the_slowest_once(spoiled, monkeypatch):
    def nap(factor, found):
        time.sleep(0.02)
        return found

    spoiled(nap)
    monkeypatch.setattr(phases, "SLOW", 0.03)
    assert compare("rnn", "spoiled").rows[1].remark == "3 runs"
    monkeypatch.setattr(phases, "STOPPED", 1e6)
    assert compare("rnn", "spoiled", limit=0.019).rows[1].remark == "1 run"


def test_auto_is_compared_with_the_best_of_the_others():
    rows = [
        phases.Row("back_substitution", total=2.0, ratio=1.0),
        phases.Row("superlu", total=1.0),
        phases.Row("auto", total=1.5, chosen="back_substitution"),
        phases.Row("krylov", status="not accepted"),
    ]
    comparison = tables.Comparison("rnn", Problem("small", np.sum, ()), {}, rows)
    assert comparison.auto() == "auto chose back_substitution: 1.50 × the best strategy, superlu"
    assert "auto → back_substitution" in str(comparison.table())
    assert [table.title for table in tables.summaries([comparison], ["superlu"])][-1] == "auto"


# --- the command line -----------------------------------------------------------------------------


def test_json_holds_every_number(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert run("--only", "rnn", "chain_2x2", "--json", str(out)) == 0
    report = json.loads(out.read_text(encoding="utf-8"))
    assert set(report) >= {"versions", "machine", "sizes", "solvers", "comparisons", "right_hand_sides", "summaries"}
    assert set(report["solvers"]) == set(adjoint.solvers.available())
    assert [each["workload"] for each in report["comparisons"]] == ["rnn", "chain_2x2"]
    first = report["comparisons"][0]
    assert (first["unknowns"], first["nonzeros"], first["right_hand_sides"]) == (229, 695, 1)
    row = next(row for row in first["rows"] if row["solver"] == "sparse_triangular")
    for key in ("analyze", "factorize", "solve", "again", "total", "first", "peak", "ratio", "second_over_first"):
        assert row[key] > 0, key
    assert 0 <= row["error"] < 1e-12
    assert "many right-hand sides: 2 outputs" in capsys.readouterr().out


def test_list(capsys):
    assert compare_solvers.main(["--list"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[: len(WORKLOADS)]] == list(WORKLOADS)
    assert "back_substitution" in out.splitlines()[-1]


@pytest.mark.parametrize("option", ["--only", "--solvers", "--sizes", "--right-hand-sides"])
def test_unknown_names_are_refused(option, capsys):
    with pytest.raises(SystemExit, match="2"):
        compare_solvers.main([option, "nothing"])
    assert "invalid" in capsys.readouterr().err


def test_the_figure_is_written(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed", exc_type=ImportError)
    path = tmp_path / "ratios.png"
    assert run("--only", "rnn", "--solvers", "dense", "--plot", str(path)) == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named_before_anything_is_measured(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # makes its import fail
    with pytest.raises(adjoint.errors.MissingExtraError, match=r"pip install 'adjoint\[plot\]'"):
        figure.matplotlib_pyplot()
    assert run("--plot", str(tmp_path / "no.png")) == 2
    captured = capsys.readouterr()
    assert captured.err == "--plot needs matplotlib: pip install 'adjoint[plot]'\n"
    assert not captured.out


def test_progress_bar_only_on_a_terminal(monkeypatch, capsys):
    assert compare_solvers.Progress(1, wanted=True).bar is None  # stderr is captured
    pytest.importorskip("tqdm", reason="the extra `demo` is not installed", exc_type=ImportError)
    monkeypatch.setattr(compare_solvers.sys.stderr, "isatty", lambda: True, raising=False)
    assert compare_solvers.Progress(1, wanted=False).bar is None
    with compare_solvers.progress(1, wanted=True) as bar:
        bar.begin("rnn")
        bar.show("a table")
    captured = capsys.readouterr()
    assert "a table\n" in captured.out
    assert "rnn" in captured.err


def test_the_script_runs_as_documented():
    page = (Path(compare_solvers.__file__).parents[1] / "docs" / "compare.md").read_text(encoding="utf-8")
    for option in ("--list", "--only", "--sizes", "--solvers", "--right-hand-sides", "--limit", "--json", "--plot"):
        assert option in page
    for name in WORKLOADS:
        assert f"`{name}`" in page
