"""Traces of mostly scalars: evaluated and assembled many operations at a time, with the results of one at a time."""

import gc
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import TraceMismatchError
from tests.systems_catalogue import BY_NAME, dense_matrix, random_program, system_of


def everything(x, k, w, stop=adjoint.stop_gradient):
    """Entries and slices of arrays, stacks, constants of several kinds, integers, and what is no batch."""
    a, b, c = x[0], x[-1], w[1, 0]
    values = [a * 2, 3 - b, a**2, b**2.0, a**3, 2.0**c, a * b, b * b, a / 3, 1 / (2 + c * c), -a, +b]
    values += [np.sin(a), np.exp(b), np.log1p(c * c), np.maximum(a, b), np.minimum(a, 0.1), np.hypot(a, c)]
    values += [np.float32(0.5) * a, np.float64(1.5) - b, a * True, np.abs(b), np.arctan2(a, 2.0), a * 0.0, a * -0.0]
    values += [np.where(a > b, a * b, c), np.clip(a, -0.5, 0.5), stop(a) * b, x[k[1]] * a]
    pair = np.stack([values[3], values[7], a])
    values += [np.sum(pair), pair[1] * c, np.sum(x[1:3]), np.sum(w[:, 0] * 2.0), np.max(np.array([a, b, c]))]
    total = values[0]
    for value in values[1:]:
        total = total + np.tanh(value)
    return total, pair * a


POINT = (np.array([0.3, -0.8, 1.2]), np.array([2, 0]), np.array([[0.4, 1.0], [-0.7, 0.2]]))
MOVED = (np.array([-0.6, 0.9, 0.7]), np.array([1, 2]), np.array([[1.4, 0.3], [0.6, -0.2]]))


def test_it_is_a_program_of_scalars():
    system = adjoint.trace(everything, *POINT).compile()
    assert system.scalars is not None
    assert 0 < len(system.scalars.singles) < len(system) / 2


@pytest.mark.parametrize("function, point, moved", [
    (everything, POINT, MOVED),
    (random_program(3, 300), tuple(np.linspace(-1, 1, 6)), tuple(np.linspace(0.5, -0.5, 6))),
    (BY_NAME["chain of 2000"].function, (0.3, 0.01), (0.5, 0.02)),
])  # fmt: skip
def test_every_value_is_that_of_a_new_recording(function, point, moved):
    system = adjoint.trace(function, *point).compile().relinearize(*moved)
    expected = adjoint.trace(function, *moved).values
    assert system.point is not None
    assert len(system.values) == len(expected)
    for k, (found, value) in enumerate(zip(system.values, expected, strict=True)):
        assert type(found) is type(value)
        assert found.dtype == value.dtype
        assert_allclose(found, value, rtol=1e-14)
        assert_array_equal(system.value(k), found)
    for mine, recorded in zip(system.records, adjoint.trace(function, *moved).records, strict=True):
        for x, y in zip(mine[0], recorded[0], strict=True):
            if isinstance(x, (np.ndarray, np.generic)):
                assert_allclose(x, y, rtol=1e-14)


def test_the_matrix_is_that_of_the_blocks_one_by_one():
    """``sparse_triangular`` assembles by batches; the dense matrix of the tests asks each block what it does."""
    system = adjoint.trace(everything, *POINT).compile()
    for at in (system, system.relinearize(*MOVED)):
        matrix = dense_matrix(at)
        node = system.trace.outputs[0]
        seed = np.zeros(matrix.shape[0])
        seed[at.offsets[node]] = 1.0
        flat = np.linalg.solve(matrix, -seed)
        for solver in ("sparse_triangular", "level_scheduled", "superlu"):
            found = at.factorize(solver).solve([(node, np.float64(1.0))])
            for k in range(len(at)):
                rows = slice(at.offsets[k], at.offsets[k + 1])
                if at.is_active(k):
                    assert_allclose(np.ravel(found[k]), flat[rows], rtol=1e-12, atol=1e-14)
                else:
                    assert found[k] is None or not np.any(found[k])


def test_gradients_at_a_new_point_against_central_differences():
    objective = lambda x, k, w: everything(x, k, w, stop=lambda value: 0.4)[0]  # differences would not stop
    system = adjoint.trace(objective, *POINT).compile().relinearize(*MOVED)
    x, k, w = MOVED
    h = 1e-6
    for solver in ("sparse_triangular", "level_scheduled", "superlu"):
        slopes = system.solve(solver=solver).arguments
        for j, e in enumerate(np.eye(3)):
            expected = (objective(x + h * e, k, w) - objective(x - h * e, k, w)) / (2 * h)
            assert_allclose(slopes[0][j], expected, rtol=1e-6)
        d = np.array([[0.3, -0.2], [0.5, 0.1]])
        expected = (objective(x, k, w + h * d) - objective(x, k, w - h * d)) / (2 * h)
        assert_allclose(np.sum(slopes[2] * d), expected, rtol=1e-6)


def test_no_list_of_values_is_made_unless_somebody_asks():
    system = system_of("wide random program")
    moved = system.relinearize(*np.linspace(-1, 1, 6))
    moved.solve(solver="sparse_triangular").arguments
    moved.solve_tangent(*np.ones(6), solver="sparse_triangular").output
    assert moved._values is None
    assert moved._records is None
    assert moved.output == moved.values[system.trace.outputs[0]]
    assert moved._values is not None


@pytest.mark.parametrize("name", ["network", "float32", "linear solves", "product", "stencil"])
def test_other_systems_go_the_ordinary_road(name):
    assert system_of(name).scalars is None
    assert system_of(name).point is None


# --- what the program looked at ------------------------------------------------------------------------


def branching(x):
    for _ in range(8):
        x = x * x if x > 0.5 else np.log(x + 2)
    return np.sin(x) * x


def test_another_branch_is_noticed():
    system = adjoint.trace(branching, 0.9).compile()
    assert system.scalars is not None
    assert_allclose(system.relinearize(0.91).output, branching(0.91), rtol=1e-15)
    with pytest.raises(TraceMismatchError, match=r"another branch than recorded: it inspected z_2 = greater"):
        system.relinearize(-5.0)  # where the logarithm of a later node has no value: the branch is the news


def test_floating_point_errors_are_heard_as_in_a_recording():
    def f(x):
        for _ in range(10):
            x = np.log(x) + 3.0
        return x

    system = adjoint.trace(f, 1.0).compile()
    assert system.scalars is not None
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        moved = system.relinearize(-1.0)
    assert np.isnan(moved.output)
    with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="invalid value"):
        system.relinearize(-1.0)
    with np.errstate(all="ignore"):
        assert np.isnan(system.relinearize(-1.0).output)


def test_shapes_are_checked():
    system = adjoint.trace(everything, *POINT).compile()
    with pytest.raises(TraceMismatchError, match=r"recorded with shape \(3,\), and is now given with shape \(4,\)"):
        system.relinearize(np.ones(4), *POINT[1:])


def test_the_users_array_may_change_afterwards():
    system = adjoint.trace(everything, *POINT).compile()
    x = MOVED[0].copy()
    moved = system.relinearize(x, *MOVED[1:])
    before = moved.output[0]
    x[:] = 0
    assert moved.output[0] == before
    assert_array_equal(moved.value(0), MOVED[0])


def test_a_pattern_that_moves_with_the_values():
    """Sorting is a permutation that depends on the point; the plan was made at another one."""

    def f(x):
        parts = [np.sin(x[k]) * (k + 1.0) + x[k] * x[k] for k in range(5)]
        ordered = np.sort(np.stack(parts))
        return ordered[0] * 3.0 - ordered[-1] * ordered[2]

    one, other = np.array([0.1, 0.5, -0.3, 0.9, 0.2]), np.array([0.9, -0.4, 0.8, 0.1, -0.7])
    system = adjoint.trace(f, one).compile()
    assert system.scalars is not None
    for solver in ("sparse_triangular", "level_scheduled", "superlu"):
        system.solve(solver=solver)
        found = system.relinearize(other).solve(solver=solver).arguments[0]
        h = 1e-6
        expected = [(f(other + h * e) - f(other - h * e)) / (2 * h) for e in np.eye(5)]
        assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("solver", ["sparse_triangular", "level_scheduled", "superlu"])
def test_linearizing_at_a_traced_point_differentiates_again(solver):
    """A plan that was made for numbers serves values of an outer trace: the Hessian, column by column."""

    def f(x):
        return random_program(5, 30, 3)(x[0], x[1], x[2]) * x[0]

    x = np.array([0.4, -0.3, 0.8])
    system = adjoint.trace(f, x).compile()
    assert system.scalars is not None
    system.solve(solver=solver)
    gradient = lambda x: system.relinearize(x).solve(solver=solver).arguments[0]
    hessian = adjoint.jacobian(gradient)(x)
    h = 1e-6
    slopes = lambda x: adjoint.grad(f)(x)
    expected = [(slopes(x + h * e) - slopes(x - h * e)) / (2 * h) for e in np.eye(3)]
    assert_allclose(hessian, expected, rtol=1e-6, atol=1e-9)


def test_infinite_partials_meet_structural_zeros():
    """``sqrt`` at 0, not selected: its infinite partial must not meet the zero multiplier."""

    def f(x, y):
        z = y
        for _ in range(12):
            z = z * 0.9 + np.sin(z)
        return np.where(x > 0, np.sqrt(x), 0.0) + z

    system = adjoint.trace(f, 0.0, 0.3).compile()
    assert system.scalars is not None
    for solver in ("sparse_triangular", "level_scheduled", "superlu"):
        slope, other = system.solve(solver=solver).arguments
        assert slope == 0
        assert np.isfinite(other)


# --- what no output needs ------------------------------------------------------------------------------


def with_waste(x, y):
    """Half of the nodes are computed in vain, some of them one by one, some of them discrete."""
    waste = [np.sin(x) * y, np.where(x > y, x, y)]
    for _ in range(10):
        waste.append(np.tanh(waste[-1]) + waste[-2] * x)
        x = np.sin(x) * 0.7 + y
    return x * y


def test_what_no_output_needs_waits_until_it_is_asked_for():
    system = adjoint.trace(with_waste, 0.4, 0.9).compile()
    moved = system.relinearize(0.6, -0.3)
    assert not system.scalars.all_live
    slope = moved.solve(solver="sparse_triangular").arguments
    assert moved.point._rest is not None  # still waiting
    h = 1e-6
    expected = [
        (with_waste(0.6 + h, -0.3) - with_waste(0.6 - h, -0.3)) / (2 * h),
        (with_waste(0.6, -0.3 + h) - with_waste(0.6, -0.3 - h)) / (2 * h),
    ]
    assert_allclose(slope, expected, rtol=1e-7)
    dead = int(np.flatnonzero(~system.scalars.live)[-1])
    values = adjoint.trace(with_waste, 0.6, -0.3).values
    assert_allclose(moved.value(dead), values[dead], rtol=1e-14)
    assert moved.point._rest is None
    for found, value in zip(moved.values, values, strict=True):
        assert_allclose(found, value, rtol=1e-14)


@pytest.mark.parametrize("solver", ["sparse_triangular", "level_scheduled", "superlu"])
def test_tangents_and_seeds_of_what_no_output_needs(solver):
    """First a solve that leaves these nodes out, then questions about them, at the recorded point and another."""
    system = adjoint.trace(with_waste, 0.4, 0.9).compile()
    for at in (system, system.relinearize(0.6, -0.3)):
        dead = np.flatnonzero(~system.scalars.live & [at.is_active(k) for k in range(len(at))]).tolist()
        matrix = dense_matrix(at)
        factor = at.factorize(solver)
        factor.solve([(system.trace.outputs[0], np.float64(1.0))])
        for k in (dead[0], dead[-1]):
            seed = np.zeros(matrix.shape[0])
            seed[at.offsets[k]] = 1.0
            found = factor.solve([(k, np.float64(1.0))])
            assert_allclose([found[0], found[1]], np.linalg.solve(matrix, -seed)[:2], rtol=1e-12)
        seed = np.zeros(matrix.shape[0])
        seed[:2] = 1.0, -2.0
        expected = np.linalg.solve(matrix.T, -seed)
        found = factor.solve_tangent([(0, np.float64(1.0)), (1, np.float64(-2.0))])
        for k in dead:
            assert_allclose(found[k], expected[at.offsets[k]], rtol=1e-12)


def test_a_factor_leaves_no_cycle():
    """Dropping the system frees it at once, also where a factor would have to come back to it."""
    system = adjoint.trace(with_waste, 0.4, 0.9).compile().relinearize(0.6, -0.3)
    system.solve(solver="sparse_triangular")
    system.solve_tangent(1.0, 1.0, solver="sparse_triangular")
    data = weakref.ref(system.factorize("sparse_triangular")._matrix.data)
    gc.disable()
    try:
        del system
        assert data() is None
    finally:
        gc.enable()
