"""Sparse Jacobians and Hessians by elimination and by coloring, against central differences and dense derivatives."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.calculus.coloring import color_columns
from adjoint.errors import (
    ArgumentError,
    AssemblyTooLargeError,
    NonFiniteError,
    NotAcceptedError,
    TraceMismatchError,
)
from tests.solvers.test_second_derivatives import differences, objective_of
from tests.systems_catalogue import FAMILIES

PLAIN = [family for family in FAMILIES if family.small and family.name not in ("integer argument", "discrete nodes")]
BY_NAME = {family.name: family for family in PLAIN}
ORDERS = ["auto", "forward", "reverse", "markowitz", "lowest_cost", "local_search"]


def leaves_of(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in leaves_of(tree[key])]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves_of(part)]
    return [tree]


def moved(tree):
    if isinstance(tree, (list, tuple)):
        return type(tree)(moved(x) for x in tree)
    return (tree + 0.1 * np.cos(np.arange(np.size(tree))).reshape(np.shape(tree))).astype(np.asarray(tree).dtype)[()]


def dense_leaves(function, arguments):
    """The dense Jacobian as 2-D arrays, output leaf by output leaf."""
    numbers = range(len(arguments))
    found = leaves_of(adjoint.jacobian(function, numbers)(*arguments))
    sizes = [np.size(y) for y in leaves_of(function(*arguments))]
    inputs = [np.size(x) for x in leaves_of(arguments)]
    shapes = [(m, n) for m in sizes for n in inputs]
    return [np.reshape(block, shape) for block, shape in zip(found, shapes, strict=True)]


@pytest.mark.parametrize("strategy", ["elimination", "coloring"])
@pytest.mark.parametrize("name", list(BY_NAME))
@pytest.mark.filterwarnings("ignore::adjoint.NonFiniteDerivativeWarning")
def test_every_family_here_and_elsewhere(name, strategy):
    """The dense Jacobian of every family is checked against differences in tests of its own."""
    family = BY_NAME[name]
    with np.errstate(all="ignore"):
        plan = adjoint.jacobian_plan(
            family.function, *family.arguments, argnums=range(len(family.arguments)), strategy=strategy
        )
        points = [family.arguments] if family.masked else [family.arguments, moved(family.arguments)]
        for arguments in points:
            found = leaves_of(plan(*arguments))
            expected = dense_leaves(family.function, arguments)
            for matrix, block in zip(found, expected, strict=True):
                assert matrix.shape == block.shape
                assert matrix.dtype in (np.float32, np.float64)
                assert_allclose(matrix.toarray(), block, rtol=1e-4 if "float32" in name else 1e-10, atol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["random program", "network", "rows in a loop", "overlapping gathers", "stencil"])
def test_every_order(name, order):
    family = BY_NAME[name]
    numbers = range(len(family.arguments))
    plan = adjoint.jacobian_plan(family.function, *family.arguments, argnums=numbers, order=order)
    arguments = moved(family.arguments)
    for matrix, block in zip(leaves_of(plan(*arguments)), dense_leaves(family.function, arguments), strict=True):
        assert_allclose(matrix.toarray(), block, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", [name for name in BY_NAME if "float32" not in name and not BY_NAME[name].masked])
def test_hessians_are_right_and_symmetric_to_the_last_bit(name):
    objective, x = objective_of(BY_NAME[name])
    expected = differences(adjoint.grad(objective), x)
    plan = adjoint.hessian_plan(objective, x)
    here = plan(x)
    assert_allclose(here.toarray(), expected, rtol=1e-5, atol=1e-6 * max(1.0, np.abs(expected).max(initial=0.0)))
    assert_array_equal(here.toarray(), here.toarray().T)
    there = moved(x)
    assert_allclose(plan(there).toarray(), differences(adjoint.grad(objective), there), rtol=1e-5, atol=1e-5)
    assert_allclose(adjoint.hessian(objective, sparse=True)(x).toarray(), here.toarray())


def brusselator(w, alpha=10.0):
    u, v = w
    laplacian = lambda a: np.roll(a, 1, 0) + np.roll(a, -1, 0) + np.roll(a, 1, 1) + np.roll(a, -1, 1) - 4 * a
    return np.stack([1 + u**2 * v - 4.4 * u + alpha * laplacian(u), 3.4 * u - u**2 * v + alpha * laplacian(v)])


def test_the_brusselator_has_its_exact_structure():
    """Six entries in each row: five of the stencil, one of the reaction. Filled in by hand."""
    n, alpha = 12, 10.0
    w = np.random.default_rng(0).uniform(0.5, 1.5, (2, n, n))
    plan = adjoint.jacobian_plan(brusselator, w)
    assert plan.nnz == 6 * 2 * n * n
    there = w + 0.3
    u, v = there.reshape(2, -1)
    index = np.arange(n * n).reshape(n, n)
    ring = sum(
        scipy.sparse.csr_array((np.ones(n * n), (index.ravel(), np.roll(index, s, a).ravel())), shape=(n * n, n * n))
        for s in (1, -1)
        for a in (0, 1)
    )
    laplacian = alpha * (ring - 4 * scipy.sparse.eye_array(n * n))
    diagonal = scipy.sparse.diags_array
    by_hand = scipy.sparse.block_array(
        [
            [laplacian + diagonal(2 * u * v - 4.4), diagonal(u * u)],
            [diagonal(3.4 - 2 * u * v), laplacian - diagonal(u * u)],
        ],
        format="csr",
    )
    found = plan(there)
    assert_allclose(found.toarray(), by_hand.toarray(), atol=1e-12)
    assert (plan.sparsity != (by_hand != 0)).nnz == 0
    assert found.has_sorted_indices
    assert found.has_canonical_format


def test_no_symbolic_work_at_a_new_point(monkeypatch):
    """Neither the function nor any rule runs again: the plan replays NumPy calls."""
    calls = []

    def f(x):
        calls.append(1)
        return brusselator(x)

    w = np.random.default_rng(0).uniform(0.5, 1.5, (2, 6, 6))
    plan = adjoint.jacobian_plan(f, w)
    assert len(calls) == 2
    import adjoint.blocks.monomials as monomials

    monkeypatch.setattr(monomials.PairTable, "join", None)
    plan(w + 1)
    assert len(calls) == 2
    assert plan.operations < 25


def test_constants_are_filled_in_once():
    """The heat equation is linear: nothing is left to compute."""

    def heat(u):
        return u[1:-1] + 0.1 * (u[2:] - 2 * u[1:-1] + u[:-2])

    plan = adjoint.jacobian_plan(heat, np.zeros(8))
    assert plan.operations == 0
    expected = 0.8 * np.eye(6, 8, 1) + 0.1 * np.eye(6, 8) + 0.1 * np.eye(6, 8, 2)
    assert_allclose(plan(np.ones(8)).toarray(), expected)


def test_structure_of_arguments_and_outputs():
    def f(parameters, x):
        return {"y": parameters["a"] * x, "z": [np.sum(x), 3.0]}

    parameters, x = {"a": np.array([2.0, 3.0]), "unused": np.ones(3)}, np.array([5.0, 7.0])
    found = adjoint.jacobian(f, (0, 1), sparse=True)(parameters, x)
    by_parameters, by_x = found["y"]
    assert_allclose(by_parameters["a"].toarray(), np.diag(x))
    assert by_parameters["unused"].shape == (2, 3)
    assert by_parameters["unused"].nnz == 0
    assert_allclose(by_x.toarray(), np.diag([2.0, 3.0]))
    assert_allclose(found["z"][0][1].toarray(), [[1.0, 1.0]])
    assert found["z"][1][1].shape == (1, 2)
    assert adjoint.sparsity(f, 1)(parameters, x)["y"].dtype == bool
    hessian = adjoint.hessian(lambda p, x: np.sum(p["a"] ** 2 * x) + x[0] ** 3, (0, 1), sparse=True)(parameters, x)
    assert_allclose(hessian[0]["a"][0]["a"].toarray(), 2 * np.diag(x))
    assert_allclose(hessian[0]["a"][1].toarray(), 2 * np.diag([2.0, 3.0]))
    assert_allclose(hessian[1][0]["a"].toarray(), 2 * np.diag([2.0, 3.0]))
    assert_allclose(hessian[1][1].toarray(), [[30.0, 0.0], [0.0, 0.0]])


def test_aux_keywords_and_argnums():
    f = lambda x, y, scale: (scale * x * y, {"mean": np.mean(y)})
    matrix, aux = adjoint.jacobian(f, 1, sparse=True, has_aux=True)(np.ones(2), np.array([3.0, 5.0]), scale=2.0)
    assert_allclose(matrix.toarray(), 2 * np.eye(2))
    assert type(aux["mean"]) is np.float64
    assert aux["mean"] == 4.0
    plan = adjoint.jacobian_plan(lambda x, y, scale: scale * x * y, np.ones(2), np.ones(2), argnums=1, scale=2.0)
    assert_allclose(plan(np.ones(2), np.ones(2)).toarray(), 2 * np.eye(2))


def test_what_is_not_differentiated_is_as_it_was_planned():
    c = np.array([3.0, np.nan])
    plan = adjoint.jacobian_plan(lambda x, c: c[0] * x, np.ones(2), c)
    c[0] = 100.0
    assert_allclose(plan(np.ones(2)).toarray(), 3 * np.eye(2))
    assert_allclose(plan(np.ones(2), np.array([3.0, np.nan])).toarray(), 3 * np.eye(2))
    with pytest.raises(ArgumentError, match=r"does not differentiate argument 1.*make a new plan"):
        plan(np.ones(2), c)


def test_results_do_not_share_what_can_be_written():
    plan = adjoint.jacobian_plan(lambda x: x * x, np.ones(3))
    first, second = plan(np.ones(3)), plan(np.ones(3))
    first.data[:] = 100.0
    assert_allclose(second.toarray(), 2 * np.eye(3))
    with pytest.raises(ValueError, match="read-only"):
        first.indices[0] = 1
    identity = adjoint.jacobian_plan(lambda x: x.reshape(3, 1) * 1.0, np.ones(3))
    identity(np.ones(3)).data[:] = 7.0
    assert_allclose(identity(np.ones(3)).toarray(), np.eye(3))


def test_complex_arguments_give_the_complex_jacobian():
    z = np.array([1 + 2j, 0.5 - 1j])
    f = lambda z: z[::-1] * np.exp(z)
    found = adjoint.jacobian(f, sparse=True)(z).toarray()
    assert_allclose(found, np.diag(z[::-1] * np.exp(z)) + np.diag(np.exp(z))[:, ::-1])
    with pytest.raises(NotAcceptedError, match="back_substitution"):
        adjoint.jacobian(lambda z: np.abs(z), sparse=True)(z)


def test_masks_of_values_stay_in_the_pattern():
    """Where ``x > 0`` may turn at another point, both branches count; a constant mask is structure."""
    f = lambda x: np.where(x > 0, x * x, x[::-1])
    x = np.array([1.0, -2.0, 3.0])
    plan = adjoint.jacobian_plan(f, x)
    for at in (x, -x):
        assert_allclose(plan(at).toarray(), np.reshape(adjoint.jacobian(f)(at), (3, 3)))
    mask = np.array([True, False, True])
    assert adjoint.sparsity(lambda x: np.where(mask, x, 0.0))(x).nnz == 2


def test_zeros_are_structural_against_infinite_partials():
    f = lambda x: np.where(x > 0, np.sqrt(x), 0.0) * x
    plan = adjoint.jacobian_plan(f, np.array([1.0, 2.0]))
    with np.errstate(all="ignore"):
        found = plan(np.array([4.0, 0.0]))
    assert_array_equal(found.toarray(), [[3.0, 0.0], [0.0, 0.0]])


ORDERED = [
    lambda x: np.sort(x) ** 2,
    lambda x: np.median(x) ** 2 + x,
    lambda x: np.partition(x, 1) * x,
    lambda x: np.percentile(x, [10, 60]) * x[0],
    lambda x: np.interp(x, np.arange(5.0), np.arange(5.0) ** 2),
    lambda x: np.histogram(x, bins=3, range=(0, 4), weights=x)[0],
    lambda x: x[np.argsort(x)] * x,
]


@pytest.mark.parametrize("f", ORDERED)
@pytest.mark.parametrize("strategy", ["elimination", "coloring"])
def test_another_order_is_an_error_and_no_wrong_matrix(f, strategy):
    """What is sorted, or looked up, is a pattern: at a point of the same order the plan holds, elsewhere it says so."""
    plan = adjoint.jacobian_plan(f, np.array([1.0, 2.0, 3.0]), strategy=strategy)
    near = np.array([1.1, 2.1, 3.1])
    assert_allclose(plan(near).toarray(), adjoint.jacobian(f)(near), atol=1e-12)
    with pytest.raises(TraceMismatchError, match=r"inspected .*make a new plan"):
        plan(np.array([3.0, 1.0, 2.0]))
    hessian = adjoint.hessian_plan(lambda x: np.sum(f(x) ** 2), np.array([1.0, 2.0, 3.0]), strategy=strategy)
    assert_allclose(hessian(near).toarray(), adjoint.hessian(lambda x: np.sum(f(x) ** 2))(near), atol=1e-10)
    with pytest.raises(TraceMismatchError):
        hessian(np.array([3.0, 1.0, 2.0]))


@pytest.mark.parametrize("strategy", ["elimination", "coloring"])
def test_results_that_are_not_finite_are_told(strategy):
    plan = adjoint.jacobian_plan(np.sqrt, np.ones(3), strategy=strategy)
    with np.errstate(all="ignore"):
        with pytest.warns(adjoint.NonFiniteDerivativeWarning, match=r"inf at entry \(1, 1\) of a 3 × 3 matrix"):
            plan(np.array([1.0, 0.0, 4.0]))
        with adjoint.debug_nans(), pytest.raises(NonFiniteError, match=r"inf at entry \(1, 1\)"):
            plan(np.array([1.0, 0.0, 4.0]))


def test_dense_chains_are_multiplied_as_matrices():
    """Implicit steps fill their blocks: products through BLAS, not entry by entry."""
    n = 60
    matrix = 2 * np.eye(n) - 0.5 * np.eye(n, k=1) - 0.5 * np.eye(n, k=-1)

    def steps(u):
        for _ in range(3):
            u = np.linalg.solve(matrix, u + 0.1 * u * u)
        return u

    u = np.linspace(0.0, 1.0, n)
    plan = adjoint.jacobian_plan(steps, u)
    assert_allclose(plan(u + 0.2).toarray(), adjoint.jacobian(steps)(u + 0.2), atol=1e-12)


def test_dense_results_beyond_memory_are_refused_before_they_are_made():
    with pytest.raises(AssemblyTooLargeError, match=r"1,000,000 × 1,000,000 entries takes .*sparse=True"):
        adjoint.jacobian(lambda x: x**2)(np.ones(1_000_000))
    with pytest.raises(AssemblyTooLargeError, match="entries, more than the"):
        adjoint.sparsity(lambda x: np.cumsum(x))(np.ones(1_000_000))


@pytest.mark.parametrize("strategy", ["elimination", "coloring"])
def test_another_branch_is_an_error(strategy):
    def f(x):
        return x * x if x[0] > 0 else x

    plan = adjoint.jacobian_plan(f, np.array([1.0, 2.0]), strategy=strategy)
    assert_allclose(plan(np.array([3.0, 2.0])).toarray(), np.diag([6.0, 4.0]))
    with pytest.raises(TraceMismatchError, match=r"another branch than recorded.*test_sparse.*make a new plan"):
        plan(np.array([-1.0, 2.0]))


def test_shapes_and_dtypes_are_those_of_the_plan():
    plan = adjoint.jacobian_plan(lambda x: x * x, np.ones(3))
    with pytest.raises(TraceMismatchError, match=r"recorded with shape \(3,\).*\(4,\)"):
        plan(np.ones(4))
    assert plan(np.ones(3, dtype=int)).dtype == float
    with pytest.raises(ArgumentError, match="made for 1 arguments, not 0"):
        plan()
    single = adjoint.jacobian_plan(lambda x: x * x, np.ones(3, "f4"))
    assert single(np.ones(3, "f4")).dtype == np.float32
    mixed = adjoint.jacobian(lambda x: x * np.ones(3), sparse=True)(np.ones(3, "f4"))
    assert mixed.dtype == np.float64, "the output's"


def test_bad_requests():
    x = np.ones(2)
    with pytest.raises(ValueError, match="'elimination' or 'coloring'"):
        adjoint.jacobian_plan(lambda x: x, x, strategy="magic")
    with pytest.raises(ValueError, match="'auto', 'forward'"):
        adjoint.jacobian_plan(lambda x: x * x * x, x, order="magic")
    with pytest.raises(ValueError, match="sparse must be True or False, not 'csc'"):
        adjoint.jacobian(lambda x: x, sparse="csc")
    with pytest.raises(ArgumentError, match="takes a function and then its arguments"):
        adjoint.jacobian_plan(x, x)
    with pytest.raises(ArgumentError, match="returned none"):
        adjoint.jacobian_plan(lambda x: None, x)
    with pytest.raises(ArgumentError, match="takes no other solver"):
        adjoint.jacobian(lambda x: x, sparse=True, solver="dense")
    with pytest.raises(ArgumentError, match="floating-point"):
        adjoint.jacobian(lambda x: x, sparse=True)(np.array([1, 2]))
    with pytest.raises(ArgumentError, match="traced by an outer derivative"):
        adjoint.grad(lambda x: adjoint.jacobian(lambda y: y * y, sparse=True)(x).sum())(x)


def test_too_large_is_refused(monkeypatch):
    monkeypatch.setattr("adjoint.calculus.elimination_by_blocks.memory_limit", lambda: 1 << 16)
    with pytest.raises(AssemblyTooLargeError, match=r"entries, more than the [0-9,]+ that memory allows"):
        adjoint.jacobian(lambda a, b: a @ b @ b, sparse=True)(np.ones((12, 12)), np.ones((12, 12)))


def test_arrowhead_hessian():
    n = 30
    f = lambda x: np.sum(np.cos(x[0] * x[1:])) + np.sum(x**4)
    x = np.linspace(-1, 2, n)
    found = adjoint.hessian(f, sparse=True)(x)
    assert found.nnz == n + 2 * (n - 1)
    assert_allclose(found.toarray(), adjoint.hessian(f)(x), atol=1e-12)


def test_hessian_of_a_linear_function_is_empty():
    found = adjoint.hessian(lambda x: np.sum(3 * x), sparse=True)(np.ones(4))
    assert found.shape == (4, 4)
    assert found.nnz == 0


def test_colors_of_a_tridiagonal_matrix():
    """Three, as every banded matrix needs as many as its band is wide; and no row sees a color twice."""
    pattern = scipy.sparse.diags_array([np.ones(9), np.ones(10), np.ones(9)], offsets=[-1, 0, 1])
    colors = color_columns(pattern.tocsr())
    assert colors.max() == 2
    for row in pattern.toarray():
        here = colors[row != 0]
        assert len(set(here)) == len(here)


def test_coloring_takes_the_fewer():
    tall = adjoint.jacobian_plan(lambda x: x[0] * x[1:], np.ones(9), strategy="coloring")
    assert (tall.mode, tall.colors) == ("forward", 2)
    flat = adjoint.jacobian_plan(lambda x: np.stack([np.sum(x * x), x[0]]), np.ones(9), strategy="coloring")
    assert (flat.mode, flat.colors) == ("reverse", 2)
    assert adjoint.jacobian_plan(lambda x: x * x, np.ones(9), strategy="coloring", order="reverse").mode == "reverse"


def test_threads_may_share_a_plan():
    w = np.random.default_rng(0).uniform(0.5, 1.5, (2, 16, 16))
    plan = adjoint.jacobian_plan(brusselator, w)
    points = [w + 0.1 * k for k in range(8)]
    expected = [plan(point).data for point in points]
    found = [None] * 8

    def work(k):
        for _ in range(20):
            found[k] = plan(points[k]).data

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(found, expected, strict=True):
        assert_array_equal(a, b)


# --- programs of mostly scalars ------------------------------------------------------------------------------


def rosenbrock_residuals(x):
    out = []
    for i in range(len(x) - 1):
        out.append(10.0 * (x[i + 1] - x[i] ** 2))
        out.append(1.0 - x[i])
    return np.stack(out)


@pytest.mark.parametrize("order", ORDERS)
def test_a_loop_over_scalars(order):
    x = np.linspace(-1.0, 1.5, 30)
    plan = adjoint.jacobian_plan(rosenbrock_residuals, x, order=order)
    assert plan.nnz == 3 * 29
    for at in (x, x + 0.3):
        expected = np.zeros((58, 30))
        for i in range(29):
            expected[2 * i, i], expected[2 * i, i + 1], expected[2 * i + 1, i] = -20 * at[i], 10.0, -1.0
        assert_allclose(plan(at).toarray(), expected, atol=1e-13)


def test_a_loop_over_scalars_takes_no_numpy_call_per_product(monkeypatch):
    from adjoint.calculus.elimination_by_scalars import ScalarElimination

    made = []
    original = ScalarElimination.__init__
    monkeypatch.setattr(ScalarElimination, "__init__", lambda self, *a: made.append(1) or original(self, *a))
    adjoint.jacobian_plan(rosenbrock_residuals, np.linspace(-1.0, 1.5, 30))
    assert made


def test_hessian_of_a_loop_over_scalars():
    def f(x):
        total = 0.0
        for i in range(len(x) - 1):
            total = total + 100.0 * (x[i + 1] - x[i] ** 2) ** 2 + (1.0 - x[i]) ** 2
        return total

    x = np.linspace(-1.0, 1.5, 20)
    plan = adjoint.hessian_plan(f, x)
    assert plan.nnz == 20 + 2 * 19
    for at in (x, x[::-1].copy()):
        assert_allclose(plan(at).toarray(), scipy.optimize.rosen_hess(at), atol=1e-10)
        assert_array_equal(plan(at).toarray(), plan(at).toarray().T)


def test_scalars_as_arguments_outputs_that_are_read_and_arguments_returned():
    def f(a, b, c):
        u = np.sin(a) * b
        v = u * c + np.exp(b)
        w = v * u - a / c + np.tanh(u * v) * b
        q = w * w + u
        return a, u, v, w, 3.0, q * 0.5 + np.cos(w) - b * a

    arguments = (0.3, 1.2, -0.7)
    plan = adjoint.jacobian_plan(f, *arguments, argnums=(0, 1, 2))
    for at in (arguments, (0.5, -0.2, 2.0)):
        found = leaves_of(plan(*at))
        for matrix, block in zip(found, dense_leaves(f, at), strict=True):
            assert_allclose(matrix.toarray(), block, atol=1e-12)


def test_zeros_of_scalars_are_structural_against_infinite_partials():
    def f(x):
        out = []
        for i in range(len(x)):
            r = np.sqrt(x[i]) * 0.0 + x[i] * 2.0
            out.append(r + np.sqrt(x[i] * x[0]) * 0.0)
        return np.stack(out)

    plan = adjoint.jacobian_plan(f, np.full(8, 2.0))
    with np.errstate(all="ignore"):
        found = plan(np.array([1.0, 0.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])).toarray()
    assert_array_equal(found, 2 * np.eye(8))


def test_scalars_take_another_branch():
    def f(x):
        return np.stack([x[i] * x[i] if x[i] > 0 else -x[i] for i in range(10)])

    plan = adjoint.jacobian_plan(f, np.ones(10))
    with pytest.raises(TraceMismatchError, match="another branch"):
        plan(-np.ones(10))
