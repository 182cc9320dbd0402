"""One vectorized step per level."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import NotAcceptedError, SingularBlockError
from adjoint.solvers.assembly.levels import level_coordinates, schedule
from adjoint.system.assembled_solve import Pattern
from tests.systems_catalogue import BY_NAME, dense_matrix, flat_rows, random_rows, system_of


def python_calls(run) -> int:
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "c_call"

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def wide(width):
    def f(x):
        first = [np.sin(x[k]) * x[k - 1] for k in range(width)]
        return np.sum(np.stack([np.exp(first[k]) + first[k - 2] for k in range(width)]))

    return adjoint.trace(f, np.linspace(-1, 1, width)).compile()


def test_the_calls_count_levels_and_not_nodes():
    counts = []
    for width in (20, 200):
        system = wide(width)
        factor = system.factorize("level_scheduled")
        rows = random_rows(system, system.trace.outputs)
        factor.solve(rows)
        counts.append(python_calls(lambda factor=factor, rows=rows: factor.solve(rows)))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("batch", [(), (1,), (40,), (2, 3)])
@pytest.mark.parametrize("name", ["wide random program", "network", "overlapping gathers", "chain of 2000"])
def test_many_right_hand_sides_both_ways(name, batch):
    system = system_of(name)
    rows = random_rows(system, range(len(system)), batch)
    factor = system.factorize("level_scheduled")
    matrix = dense_matrix(system)
    b = flat_rows(system, rows, batch)
    for found, expected in (
        (factor.solve(rows), np.linalg.solve(matrix, -b)),
        (factor.solve_tangent(rows), np.linalg.solve(matrix.T, -b)),
    ):
        for k in range(len(system)):
            if system.is_active(k):
                mine = np.reshape(found[k], (int(np.prod(batch)), -1)).T
                right = expected[system.offsets[k] : system.offsets[k + 1]]
                assert_allclose(mine, right, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


def test_unknowns_of_one_entry_need_no_sums():
    steps = schedule(np.array([0, 2, 4]), np.array([0, 0, 0, 1, 2]), np.array([0, 1]))
    assert len(steps) == 1
    assert steps[0].starts is None
    assert steps[0].unknowns == slice(2, 4)


@pytest.mark.parametrize("triangular", ["upper", "lower"])
@pytest.mark.parametrize("transposed", [False, True])
def test_coordinates_of_any_triangular_matrix(triangular, transposed):
    rng = np.random.default_rng(3)
    full = rng.uniform(0.5, 2.0, (9, 9)) * (rng.random((9, 9)) < 0.4) + np.diag(rng.uniform(1, 2, 9))
    matrix = np.triu(full) if triangular == "upper" else np.tril(full)
    rows, columns = np.nonzero(matrix)
    data = matrix[rows, columns]
    rows, columns, data = (np.concatenate([a, a]) for a in (rows, columns, data / 2))  # repeated coordinates add up
    solve = level_coordinates(data, Pattern(rows, columns, 9, level_coordinates, triangular))
    b = rng.standard_normal((9, 3))
    assert_allclose(solve(b, transposed), np.linalg.solve(matrix.T if transposed else matrix, b), rtol=1e-11)


def test_a_zero_on_the_diagonal_is_singular():
    index = np.array([0, 1])
    pattern = Pattern(index, index, 2, level_coordinates, "upper")
    with pytest.raises(SingularBlockError, match=r"of size 2 is singular: 1 of its diagonal entries are zero.*row 1"):
        level_coordinates(np.array([1.0, 0.0]), pattern)


def test_what_it_does_not_take():
    with pytest.raises(NotAcceptedError, match=r"'level_scheduled' .*z_\d+ = linalg.solve.*'superlu'"):
        BY_NAME["linear solves"].compile().solve(np.ones(3), solver="level_scheduled")


def test_the_right_hand_side_is_left_alone():
    system = system_of("network")
    rows = random_rows(system, system.trace.outputs, (2,))
    before = [s.copy() for _, s in rows]
    for name in ("level_scheduled", "sparse_triangular", "superlu", "dense"):
        factor = system.factorize(name)
        factor.solve(rows)
        for (_, s), old in zip(rows, before, strict=True):
            assert_array_equal(s, old)
