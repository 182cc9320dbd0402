"""The comparison with the peers: tiny sizes validate everybody who is installed, and nobody is left out silently."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

import adjoint
from benchmarks import compare_peers, harness, peers
from benchmarks.contests import (
    ARRAYS,
    NETWORKS,
    arrowhead,
    brusselator,
    coloring,
    contestants,
    heat,
    kmeans,
    lenet,
    lstm,
    matches,
    minors,
    sparse,
)
from benchmarks.contests import mlp as network
from benchmarks.contests import polynomial as polynomials
from benchmarks.contests import scalar_program as scalars
from benchmarks.harness import WrongAnswerError

DIFFERENTIATED = [brusselator, arrowhead, heat]


def installed(name):
    """A peer, or a visible skip with the reason."""
    found = peers.backend(name)
    if found is None:
        pytest.skip(f"{name}: {peers.missing(name)}")
    return found


@pytest.fixture
def alone(monkeypatch):
    """Peers are compared in one test; elsewhere they would only take time."""
    find = peers.backend
    only = lambda name: find(name) if name == "adjoint" else None
    for module in (harness, matches, contestants, scalars):
        monkeypatch.setattr(module, "backend", only)


# --- everybody -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", compare_peers.WORKLOADS)
@pytest.mark.usefixtures("alone")
def test_answers_are_right_at_a_tiny_size(name):
    assert compare_peers.load(name).validate("tiny") > 0


@pytest.mark.parametrize("peer", ["torch", "autograd", "CasADi SX", "CasADi MX"])
@pytest.mark.parametrize("name", ARRAYS)
def test_the_quick_peers_agree(name, peer):
    installed(peer)
    entered = [match for match in compare_peers.load(name).entries("tiny") if peer in match.contest.peers]
    if not entered:
        pytest.skip(f"{peer} cannot express {name}")
    for match in entered:
        assert peer in harness.check(matches.prepare(replace(match, contest=replace(match.contest, peers=(peer,)))))


@pytest.mark.parametrize("name", NETWORKS)
def test_torch_agrees_on_networks(name):
    installed("torch")
    for match in compare_peers.load(name).entries("tiny"):
        calls = harness.check(matches.prepare(replace(match, contest=replace(match.contest, peers=("torch",)))))
        assert {"NumPy by hand", "adjoint", "torch", *match.others} == set(calls)


# compiling everything would take minutes
@pytest.mark.parametrize("name", ["polynomial", "kmeans", "runge_kutta", "mlp", "lstm"])
def test_jax_agrees(name):
    installed("jax")
    match = next(iter(compare_peers.load(name).entries("tiny")))
    assert "jax" in harness.check(matches.prepare(replace(match, contest=replace(match.contest, peers=("jax",)))))


@pytest.mark.parametrize("module", DIFFERENTIATED)
def test_casadi_agrees_on_sparse_derivatives(module):
    installed("CasADi SX")
    found, _ = contestants.candidates(replace(module.contest("tiny"), reasons={contestants.JAX: "not here"}))
    assert {contestants.CASADI, contestants.CASADI_BUFFERED} < set(found)
    sparse.check(module.contest("tiny"), found)


@pytest.mark.parametrize("module", [arrowhead, heat])
def test_compressed_products_of_jax_agree(module):
    installed("jax")
    found, _ = contestants.candidates(module.contest("tiny"))
    assert {contestants.JAX, contestants.JAX_FULL} < set(found)
    sparse.check(module.contest("tiny"), found)


def test_casadi_agrees_on_the_scalar_program():
    installed("CasADi SX")
    calls, first, _, nodes = scalars.contestants("tiny")
    assert {scalars.CASADI, scalars.BUFFERED} < set(calls)
    assert set(first) == {scalars.OURS, scalars.CASADI}
    assert nodes > 80
    scalars.check(calls, "tiny")


# --- the hand-written sides ----------------------------------------------------------------------------


@pytest.mark.parametrize("module", DIFFERENTIATED)
def test_hand_written_fills_are_the_dense_central_differences(module):
    one = module.contest("tiny")
    x, units = one.point, np.eye(one.point.size)
    f = lambda z: np.asarray(one.function(z))
    if one.kind == "jacobian":
        h = 1e-5
        dense = np.stack([(f(x + h * e) - f(x - h * e)) / (2 * h) for e in units], axis=1)
    else:
        h = 1e-4
        corner = lambda a, b: f(x + h * (a + b)) - f(x + h * (a - b)) - f(x - h * (a - b)) + f(x - h * (a + b))
        dense = np.array([[corner(a, b) / (4 * h * h) for b in units] for a in units])
    matrix = one.filled(one.by_hand(x))
    np.testing.assert_allclose(matrix.toarray(), dense, rtol=1e-5, atol=1e-5)
    assert matrix.has_sorted_indices
    assert matrix.nnz == np.count_nonzero(np.abs(dense) > 1e-6)  # no entry too many


def test_the_plan_of_adjoint_is_a_contestant_or_named_as_absent(monkeypatch):
    one = replace(heat.contest("tiny"), reasons={contestants.JAX: "not here", contestants.CASADI: "not here"})
    found, notes = contestants.candidates(one)
    assert (contestants.PLAN in found) == hasattr(adjoint, "jacobian_plan")
    monkeypatch.delattr(adjoint, "jacobian_plan", raising=False)
    found, notes = contestants.candidates(one)
    assert contestants.PLAN not in found
    assert f"{contestants.PLAN}: skipped, adjoint has no jacobian_plan" in notes
    assert f"{contestants.JAX}: skipped, not here" in notes
    assert any(note.startswith("torch: skipped, it has dense derivatives only") for note in notes)


@pytest.mark.parametrize("module", DIFFERENTIATED)
def test_a_wrong_fill_is_refused(module):
    one = replace(module.contest("tiny"), reasons={contestants.JAX: "not here", contestants.CASADI: "not here"})
    right = one.by_hand

    def wrong(x):
        data = right(x).copy()
        data[len(data) // 2] += 0.01
        return data

    found, _ = contestants.candidates(replace(one, by_hand=wrong))
    with pytest.raises(WrongAnswerError, match=r"NumPy by hand: differs from central differences"):
        sparse.check(one, found)


@pytest.mark.parametrize("module", [kmeans, polynomials])
@pytest.mark.usefixtures("alone")
def test_a_wrong_gradient_is_refused(module):
    match = next(iter(module.entries("tiny")))
    right = match.contest.by_hand

    def wrong(*args):
        value, (gradient,) = right(*args)
        return value, [gradient * 1.001]

    ready = matches.prepare(replace(match, contest=replace(match.contest, by_hand=wrong)))
    with pytest.raises(WrongAnswerError, match=r"NumPy by hand: slope .* by differences"):
        harness.check(ready)


@pytest.mark.parametrize("module", [network, lenet, lstm])
@pytest.mark.usefixtures("alone")
def test_a_wrong_gradient_of_a_network_is_refused(module):
    for match in module.entries("tiny"):
        ready = matches.prepare(match)
        call, to_numpy = ready.calls["adjoint"]

        def wrong(answer, to_numpy=to_numpy):
            value, (first, *others) = to_numpy(answer)
            return value, [first * np.float32(1.001), *others]

        with pytest.raises(WrongAnswerError, match=r": adjoint: slope .* by differences|argument 0: adjoint differs"):
            harness.check(replace(ready, calls=dict(ready.calls) | {"adjoint": (call, wrong)}))


@pytest.mark.usefixtures("alone")
def test_networks_are_float32_and_have_goals_of_their_own():
    for module in (network, lenet, lstm):
        for match in module.entries("tiny"):
            assert {x.dtype for x in match.contest.arguments} == {np.dtype(np.float32)}
    (table, _) = list(lenet.measure("tiny"))
    assert any(note.startswith("goal: adjoint / torch ≤ 2: not measured") for note in table.notes)
    limits = {
        shape[2]: match.limits for shape, match in zip(network.SHAPES["full"], network.entries("full"), strict=True)
    }
    assert limits == {32: {}, 128: {("torch", "jax"): 1.0}, 512: {("torch", "jax"): 1.0}}


def test_minors_by_levels_are_the_determinant():
    A = np.random.default_rng(3).standard_normal((6, 6))
    assert np.isclose(minors.by_levels(np, A, 6, *minors.subsets(6)), np.linalg.det(A))
    assert minors.operations(3) == 3 * (2 * 1 + 1 + 0) + 2 + 3  # three 2 × 2 minors, then products and sums


# --- colorings -----------------------------------------------------------------------------------------


def random_pattern(seed, n=30):
    rng = np.random.default_rng(seed)
    dense = rng.uniform(size=(n, n)) < 0.08
    return scipy.sparse.csr_array(dense | np.eye(n, dtype=bool))


@pytest.mark.parametrize("seed", range(3))
def test_compressed_products_give_back_every_entry(seed):
    pattern = random_pattern(seed)
    matrix = pattern.astype(float)
    matrix.data[:] = np.random.default_rng(seed).standard_normal(matrix.nnz)
    colors = coloring.color_columns(pattern)
    products = coloring.seeds(colors) @ matrix.T.toarray()
    np.testing.assert_array_equal(products[coloring.positions(pattern, colors)], matrix.data)
    assert colors.max() + 1 < 30


def test_a_dense_row_of_a_symmetric_matrix_costs_one_color():
    n = 400
    pattern, fill = arrowhead.filling(n)
    data = fill(np.random.default_rng(0).standard_normal(n))
    colors, dense = coloring.color_symmetric(pattern)
    assert colors.max() + 1 == 2
    assert dense.tolist() == [True] + [False] * (n - 1)
    products = coloring.seeds(colors) @ scipy.sparse.csr_array((data, pattern.indices, pattern.indptr)).toarray().T
    np.testing.assert_array_equal(products[coloring.positions(pattern, colors, dense)], data)


def test_a_band_takes_as_many_colors_as_it_is_wide():
    assert coloring.color_columns(heat.filling(50)[0]).max() + 1 == 3


# --- tables, goals, the command line -------------------------------------------------------------------


def test_misses_are_told():
    table = harness.Table("t", ())
    matches.goal_against(table, "a / b", 2.0, 1.0, 0.7)
    matches.goal_against(table, "a / b", 0.5, 1.0, 0.7)
    matches.goal_against(table, "a / b", None, 1.0, 0.7)
    assert [note.rpartition(", ")[2] for note in table.notes] == ["MISSED", "met", "adjoint plan is absent"]
    assert compare_peers.goals([table]) == (1, 1, 1)
    table = harness.Table("t", ())
    times = {name: harness.Timing(t, t) for name, t in (("torch", 4.0), ("jax", 2.0), ("adjoint", 3.0))}
    matches.goals_of(table, {("torch",): 1.0, ("torch", "jax"): 1.0, ("autograd",): 1.0}, times)
    assert table.notes == [
        "goal: adjoint / torch ≤ 1: 0.75, met",
        "goal: adjoint / torch or jax ≤ 1: 1.5, MISSED",
        "goal: adjoint / autograd ≤ 1: not measured, a peer is absent",
    ]
    times = {"adjoint": harness.Timing(2.0, 2.0), "jax": harness.Timing(1.0, 1.0), "torch": harness.Timing(3.0, 3.0)}
    assert matches.behind(times, "adjoint") == ["behind: jax 2 ×"]


@pytest.mark.usefixtures("alone")
def test_a_missing_peer_is_named_with_its_reason(monkeypatch):
    monkeypatch.setattr(matches, "missing", lambda name: f"No module named {name!r}")
    (table,) = list(kmeans.measure("tiny"))
    assert "torch: skipped, No module named 'torch'" in table.notes
    assert any(note.startswith("CasADi: skipped") for note in table.notes)


@pytest.mark.usefixtures("alone")
def test_the_command_line_writes_json(capsys, tmp_path):
    file = tmp_path / "out.json"
    assert compare_peers.main(["--only", "kmeans", "heat", "--json", str(file)], tiny=True) == 0
    report = json.loads(file.read_text())
    assert set(report) == {"versions", "machine", "threads", "size", "workloads", "failed", "goals"}
    assert set(report["versions"]) == {"environment", "torch", "jax", "autograd", "casadi", "numba"}
    assert list(report["workloads"]) == ["kmeans", "heat"]
    for workload in report["workloads"].values():
        assert workload["seconds"] > 0
        assert set(workload["tables"][0]) == {"title", "headings", "rows", "notes"}
    streams = capsys.readouterr()
    assert "=== kmeans: The cost of k-means" in streams.out
    assert streams.err.startswith("[1/2] kmeans …")


@pytest.mark.usefixtures("alone")
def test_a_wrong_answer_ends_with_status_1(monkeypatch, capsys):
    def refuse(size):
        raise WrongAnswerError("not this")

    monkeypatch.setattr(heat, "measure", refuse)
    assert compare_peers.main(["--only", "heat"], tiny=True) == 1
    assert "WRONG ANSWER, not timed: not this" in capsys.readouterr().out


def test_the_command_line_lists_all(capsys):
    assert compare_peers.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(compare_peers.WORKLOADS)
    assert all(len(line.split()) > 3 for line in lines)


def test_the_command_line_refuses_unknown_names(capsys):
    with pytest.raises(SystemExit):
        compare_peers.main(["--only", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_threads_are_pinned_before_numpy_is_imported():
    """``core`` and ``contests`` themselves, which the script imports first, must not import NumPy."""
    code = "import sys; import benchmarks.core, benchmarks.contests; sys.exit('numpy' in sys.modules)"
    root = Path(compare_peers.__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
