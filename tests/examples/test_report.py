"""The text reports: what they print is what the system holds."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

import adjoint


@pytest.fixture
def report(load):
    return load("report")


def network(x, w, shift):
    return np.sum(np.tanh(x @ w + shift) ** 2)


@pytest.fixture
def trace():
    rng = np.random.default_rng(0)
    shapes = ((4, 3), (3, 5), (5,))
    return adjoint.trace(network, *(rng.standard_normal(shape) for shape in shapes))


def test_picture_has_a_cell_for_every_block_and_a_dot_for_every_zero(report, trace):
    system = trace.compile()
    header, *lines = report.picture(system).splitlines()
    n = len(system)
    assert header.split() == [f"z_{k}" for k in range(1, n + 1)]
    assert len({len(line) for line in (header, *lines)}) == 1  # columns are aligned
    blocks = system.blocks()
    for i, line in enumerate(lines, start=1):
        number, _, *cells = line.split()
        assert number == f"z_{i}"
        assert cells[0] == "−I"
        assert len(cells) == n + 1 - i  # nothing below the diagonal
        for k, cell in enumerate(cells[1:], start=i + 1):
            assert (cell == "·") == ((i, k) not in blocks)


def test_identity_above_the_diagonal_has_no_sign(report):
    system = adjoint.trace(lambda x, c: x + c, 1.0, 2.0).compile()
    rows = [line.split()[2:] for line in report.picture(system).splitlines()[1:]]
    assert rows == [["−I", "·", "I"], ["−I", "I"], ["−I"]]
    assert "identity" in report.legend(system)


def test_block_rows_count_the_nonzeros_of_the_matrix(report, trace):
    system = trace.compile()
    matrix, offsets = system.matrix("dense"), system.offsets
    rows = report.block_rows(system)
    assert Counter((row.row, row.column) for row in rows) == Counter(key for key in system.blocks() if key[0] != key[1])
    for i, k, _, shape, nonzeros in rows:
        part = matrix[offsets[i - 1] : offsets[i], offsets[k - 1] : offsets[k]]
        assert shape == part.shape
        assert nonzeros == np.count_nonzero(part)
    last = report.block_table(system).splitlines()[-1]
    assert f"{len(matrix)} × {len(matrix)}" in last
    assert f" {np.count_nonzero(matrix)} " in last


def test_all_solvers_agree(report, trace):
    rows, refusals = report.compare_solvers(trace)
    assert sorted([row.name for row in rows] + refusals) == adjoint.solvers.available()
    assert {"back_substitution", "dense", "sparse_triangular"} <= {row.name for row in rows}
    for row in rows:
        assert row.difference < report.ROUNDING
        assert row.residual < 1e-13
        assert row.certificate < 1e-14
        assert row.name in report.solver_table(rows, refusals)


@dataclass(frozen=True)
class Off:
    """Back substitution with every multiplier of a hidden node off by ``error``."""

    error: float = 1e-6

    def analyze(self, system):
        return self

    def factorize(self, system):
        exact = adjoint.solvers.get("back_substitution").analyze(system).factorize(system)
        error = self.error

        class Factor:
            def solve(self, rows, keep=None):
                return [None if x is None else x * (1 + error * (k == 4)) for k, x in enumerate(exact.solve(rows))]

        return Factor()


@dataclass(frozen=True)
class Refusing:
    def analyze(self, system):
        raise adjoint.errors.NotAcceptedError("not this one")


def test_wrong_solver_shows_and_refusing_one_is_named(report, trace, monkeypatch):
    monkeypatch.setattr(adjoint.solvers, "available", lambda: ["back_substitution", "off", "refusing"])
    values = {"off": Off(), "refusing": Refusing()}
    solve = adjoint.ConstraintSystem.solve
    monkeypatch.setattr(
        adjoint.ConstraintSystem,
        "solve",
        lambda self, seed=None, *, solver=None: solve(self, seed, solver=values.get(solver, solver)),
    )
    rows, refusals = report.compare_solvers(trace)
    by_name = {row.name: row for row in rows}
    assert by_name["off"].difference == pytest.approx(1e-6, rel=1e-3)
    assert by_name["off"].certificate > 1e-8
    assert by_name["back_substitution"].difference == 0
    assert refusals == ["refusing"]
    assert "refusing            does not take this system" in report.solver_table(rows, refusals)


def test_multiplier_and_taylor_tables(report, trace):
    lam = trace.compile().solve()
    table = report.multiplier_table(trace).splitlines()
    assert len(table) == len(trace) + 1
    assert table[2].split() == ["λ_2", "w", "3", "×", "5", f"{np.max(np.abs(lam['w'])):.4f}"]
    lines = report.taylor_table(np.array([0.1, 0.05]), np.array([4e-4, 1e-4])).splitlines()
    assert lines[1].split() == ["0.100000", "4.000e-04"]
    assert lines[2].split() == ["0.050000", "1.000e-04", "4.00"]
