"""The benchmarks: all are listed, validate at a tiny size, refuse wrong answers, and print aligned tables."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import adjoint
from benchmarks import core, gaussian_mixture, harness, import_time, logsumexp, loops, mlp, nn_memory, peers, scaling

FOLDER = Path(core.__file__).parent


def test_every_module_is_a_benchmark_or_shared():
    modules = {path.stem for path in FOLDER.glob("*.py")}
    scripts = {"core", "compare_solvers", "compare_peers", "elimination_orders", "nn_memory"}
    assert modules == {*core.BENCHMARKS, *scripts, "harness", "literature", "peers", "__init__"}


@pytest.fixture
def without_peers(monkeypatch):
    """Peers installed by chance would only slow the tests down."""
    find = peers.backend
    monkeypatch.setattr(harness, "backend", lambda name: find(name) if name == "adjoint" else None)


@pytest.mark.usefixtures("without_peers")
@pytest.mark.parametrize("name", core.BENCHMARKS)
def test_answers_are_right_at_a_tiny_size(name):
    assert core.load(name).validate("tiny") > 0


def wrong(answer, *, scale=1.0, shift=0.0):
    """A version of ``answer`` whose last gradient is scaled and whose value is shifted."""

    def by_hand(*args):
        value, gradients = answer(*args)
        return value + shift, [*gradients[:-1], gradients[-1] * scale]

    return by_hand


@pytest.mark.usefixtures("without_peers")
@pytest.mark.parametrize("module", [gaussian_mixture, logsumexp, mlp])
def test_a_wrong_answer_is_refused(module):
    contest = next(iter(module.contests("tiny")))
    with pytest.raises(harness.WrongAnswerError, match=r"NumPy by hand: slope .* by differences"):
        harness.check(replace(contest, by_hand=wrong(contest.by_hand, scale=1.01)))
    with pytest.raises(harness.WrongAnswerError, match="NumPy by hand: value"):
        harness.check(replace(contest, by_hand=wrong(contest.by_hand, shift=0.1)))
    with pytest.raises(harness.WrongAnswerError, match=r"gradient float64\(1,\) of"):
        harness.check(replace(contest, by_hand=lambda *a: (contest.by_hand(*a)[0], [np.ones(1)] * 9)))


def test_a_wrong_answer_of_adjoint_is_refused(monkeypatch):
    contest = next(iter(logsumexp.contests("tiny")))
    right = adjoint.value_and_grad

    def halved(f, argnums):
        return lambda *args: (right(f, argnums)(*args)[0], tuple(g / 2 for g in right(f, argnums)(*args)[1]))

    monkeypatch.setattr(adjoint, "value_and_grad", halved)
    with pytest.raises(harness.WrongAnswerError, match="adjoint: slope"):
        harness.check(replace(contest, peers=(), by_hand=None))


def test_scaling_is_checked_against_the_complex_step(monkeypatch):
    monkeypatch.setattr(scaling, "complex_step", lambda f, q, p: np.array([1.0, 2.0]))
    with pytest.raises(harness.WrongAnswerError, match=r"back_substitution: .* instead of"):
        scaling.validate("tiny")


def test_reference_cycles_are_found(monkeypatch):
    right = adjoint.trace

    def cyclic(*args):
        loop = []
        loop.append(loop)
        return right(*args)

    assert loops.garbage(loops.contest("read X[t]", 10, "tiny")) == 0
    monkeypatch.setattr(adjoint, "trace", cyclic)
    with pytest.raises(harness.WrongAnswerError, match="1 objects in reference cycles"):
        loops.validate("tiny")


def test_the_memory_of_gradients_of_networks():
    (table,) = nn_memory.measure("tiny")
    assert [row[0].partition(",")[0] for row in table.rows] == ["6-4-4-10", "LeNet", "LeNet", "LSTM"]
    assert all(
        peak >= 2e-6 * sum(x.nbytes for x in contest.arguments)
        for (_, _, peak, _), (_, contest, _) in zip(table.rows, nn_memory.networks("tiny"), strict=True)
    )
    assert len(table.notes) == len(table.rows)


def test_bytes_are_counted_at_the_peak():
    found, result = nn_memory.peak(lambda: np.zeros(1 << 20, np.int8).sum())
    assert result == 0
    assert found >> 20 == 1


def test_memory_of_a_wrong_gradient_is_not_told(monkeypatch):
    right = adjoint.value_and_grad
    halved = lambda f, argnums: (
        lambda *args: (right(f, argnums)(*args)[0], [g / 2 for g in right(f, argnums)(*args)[1]])
    )
    monkeypatch.setattr(adjoint, "value_and_grad", halved)
    with pytest.raises(harness.WrongAnswerError, match="the gradient differs from the one by hand"):
        nn_memory.validate("tiny")


@pytest.mark.usefixtures("without_peers")
def test_a_missing_peer_is_named_with_its_reason(monkeypatch):
    contest = next(iter(mlp.contests("tiny")))
    monkeypatch.setattr(harness, "missing", lambda name: f"No module named {name!r}")
    assert contest.absent() == [f"{name}: skipped, No module named {name!r}" for name in contest.peers]


def test_a_peer_that_cannot_be_imported_is_none(monkeypatch):
    def absent():
        raise ImportError("No module named 'nowhere'")

    monkeypatch.setitem(peers._BACKENDS, "nowhere", absent)
    assert peers.backend("nowhere") is None
    assert peers.missing("nowhere") == "No module named 'nowhere'"


@pytest.mark.parametrize("name", ["scaling", "loops", "import_time"])
@pytest.mark.usefixtures("without_peers")
def test_tables_of_the_other_kinds(name):
    for table in core.load(name).measure("tiny"):
        assert table.rows
        assert all(len(row) == len(table.headings) for row in table.rows)


def test_table_is_aligned_and_tells_goals():
    table = harness.Table("sizes", ("", "n", "ms"), [("short", 1_234_567, 0.5), ("much longer", 1, None)])
    table.goal("ratio", 1.5, 2.0)
    table.goal("ratio", 2.5, 2.0, " µs")
    assert str(table).splitlines() == [
        "sizes",
        "                       n   ms",
        "  short        1,234,567  0.5",
        "  much longer          1    -",
        "  goal: ratio ≤ 2: 1.5, met",
        "  goal: ratio ≤ 2 µs: 2.5 µs, MISSED",
    ]


def test_timing_calls_each_in_turn():
    calls = []
    timings = harness.timed({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=3, sample=0)
    assert calls == ["a", "a", "b", "b", *"ababab"]
    assert all(0 < timing.best <= timing.median for timing in timings.values())


def test_command_line_lists_all(capsys):
    assert core.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(core.BENCHMARKS)
    assert all(len(line.split()) > 3 for line in lines)


def test_command_line_refuses_unknown_names(capsys):
    with pytest.raises(SystemExit):
        core.main(["--only", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_command_line_writes_json_and_fails_on_a_wrong_answer(monkeypatch, capsys, tmp_path):
    table = harness.Table("one", ("", "ms"), [("adjoint", np.float64(1.0))])

    def refuse(size):
        raise harness.WrongAnswerError("not this")

    monkeypatch.setattr(logsumexp, "measure", lambda size: iter([table]))
    assert core.main(["--quick", "--only", "logsumexp", "--json", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text())
    assert report["size"] == "quick"
    assert report["benchmarks"]["logsumexp"][0]["rows"] == [["adjoint", 1.0]]
    monkeypatch.setattr(import_time, "measure", refuse)
    assert core.main(["--only", "import_time"]) == 1
    assert "WRONG ANSWER, not timed: not this" in capsys.readouterr().out
