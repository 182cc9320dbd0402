"""What reductions, quantiles, sets and folds do in special places: zeros, ties, NaN, nothing at all, bad arguments."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives.test_conventions import both_modes

NAN, INF = math.nan, math.inf
MATRIX = np.arange(6.0).reshape(2, 3)

# --- running products -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "x", [[1.5, -2.0, 0.5, 3.0, 1.2], [1.5, 0.0, 0.5, 3.0, 1.2], [0.0, 2.0, 0.0, 3.0, 1.2], [0.0] * 5, [2.0]]
)
def test_running_products_with_zeros(x: list[float]) -> None:
    n = len(x)

    def product_without(stop: int, *left_out: int) -> float:
        return math.prod(x[k] for k in range(stop) if k not in left_out) if max(left_out) < stop else 0.0

    expected = [[product_without(i + 1, j) for j in range(n)] for i in range(n)]
    second = np.zeros((n, n, n))
    for i, j, k in itertools.product(range(n), repeat=3):
        second[i, j, k] = 0 if j == k else product_without(i + 1, j, k)
    for mode in ("forward", "reverse"):
        jacobian = adjoint.jacobian(np.cumprod, mode=mode)
        np.testing.assert_allclose(jacobian(np.array(x)), expected, rtol=1e-14)
        for outer in ("forward", "reverse"):
            np.testing.assert_allclose(adjoint.jacobian(jacobian, mode=outer)(np.array(x)), second, rtol=1e-14)


@pytest.mark.parametrize("function", [np.cumprod, np.subtract.accumulate, np.hypot.accumulate, np.subtract.reduce])
def test_long_folds_take_linear_memory(function: Callable[..., Any]) -> None:
    """Their Jacobians would have 10¹⁰ entries."""
    n = 100_000
    x = 1 + np.sin(np.arange(float(n))) / n
    v = np.cos(np.arange(float(n)))
    gradient = adjoint.grad(lambda x: np.sum(np.cos(function(x))))(x)
    slope = adjoint.jvp(lambda x: np.sum(np.cos(function(x))), (x,), (v,))[1]
    np.testing.assert_allclose(gradient @ v, slope, rtol=1e-9)


# --- ties -------------------------------------------------------------------------------------------


def test_initial_ties_like_an_entry() -> None:
    x = np.array([1.0, 3.0, 3.0])
    da, db = both_modes(lambda a, b: np.max(a, initial=b), x, 3.0)
    np.testing.assert_allclose(da, [0, 1 / 3, 1 / 3])
    assert db == pytest.approx(1 / 3)
    np.testing.assert_allclose(both_modes(lambda a: np.max(a, initial=7.0), x), [0, 0, 0])
    mask = np.array([True, True, False])
    np.testing.assert_allclose(both_modes(lambda a: np.max(a, initial=-1.0, where=mask), x), [0, 1, 0])


def test_equal_entries_are_sorted_by_position() -> None:
    x = np.array([2.0, 1.0, 2.0, 1.0])
    w = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(w * np.sort(x)), x), [100, 1, 1000, 10])
    np.testing.assert_array_equal(both_modes(np.median, np.array([1.0, 2.0, 2.0, 5.0])), [0, 0.5, 0.5, 0])
    np.testing.assert_array_equal(both_modes(np.median, np.array([2.0, 2.0, 2.0])), [0, 1, 0])
    np.testing.assert_array_equal(both_modes(lambda x: np.sum(np.unique(x) * w[:2]), x), [10, 1, 0, 0])


def test_a_partition_is_followed_wherever_it_goes() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, 200).astype(float)
    w = rng.random(200)
    plain = np.partition(x, [20, 100])
    gradient = both_modes(lambda x: np.sum(w * np.partition(x, [20, 100])), x)
    for value in np.unique(x):  # equal entries share the weights of their places
        assert np.sum(gradient[x == value]) == pytest.approx(np.sum(w[plain == value]))
    assert sorted(gradient) == sorted(w)


# --- NaN and infinity -------------------------------------------------------------------------------

SKIPPING = (np.nansum, np.nanprod, np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian, np.nancumprod)


@pytest.mark.parametrize("function", SKIPPING)
def test_nan_is_skipped_by_the_derivative_too(function: Callable[..., Any]) -> None:
    x = np.array([0.5, NAN, 2.0, NAN, -1.5])
    there = np.isfinite(x)

    def f(x: Any) -> Any:
        return np.sum(function(x) ** 2)

    def without(x: Any) -> Any:
        y = function(x)
        if function is np.nancumprod:  # a NaN repeats the entry before it
            y = y[[0, 0, 1, 1, 2]]
        return np.sum(y**2)

    expected, curvature = np.zeros(5), np.zeros((5, 5))
    expected[there] = adjoint.grad(without)(x[there])
    curvature[np.ix_(there, there)] = adjoint.hessian(without)(x[there])
    np.testing.assert_allclose(both_modes(f, x), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(adjoint.hessian(f)(x), curvature, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", [np.nanmean, np.nanvar, np.nanstd, np.nanmax, np.nanmin, np.nanmedian])
def test_nothing_but_nan_has_derivative_zero(function: Callable[..., Any]) -> None:
    x = np.array([[NAN, NAN], [1.0, 3.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        y, pull_back = adjoint.vjp(lambda x: function(x, axis=1), x)
        np.testing.assert_array_equal(y, function(x, axis=1))
    np.testing.assert_array_equal(pull_back(np.ones(2))[0][0], [0, 0])
    assert np.isfinite(pull_back(np.ones(2))[0]).all()


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.nansum, np.nanvar])
def test_masked_entries_get_exactly_zero(function: Callable[..., Any]) -> None:
    x, mask = np.array([INF, 2.0, NAN, 3.5]), np.array([False, True, False, True])
    options = {"initial": -1.0} if function is np.max else {}
    gradient = both_modes(lambda x: function(x, where=mask, **options), x)
    np.testing.assert_array_equal(gradient[~mask], [0, 0])
    plain = both_modes(lambda x: function(x, **options), x[mask])
    np.testing.assert_allclose(gradient[mask], plain, rtol=1e-14)
    hessian = adjoint.hessian(lambda x: function(x, where=mask, **options))(x)
    assert np.isfinite(hessian).all()


def test_an_extremum_that_is_nan_depends_on_the_nan() -> None:
    np.testing.assert_array_equal(both_modes(np.max, np.array([1.0, NAN, 3.0])), [0, 1, 0])
    np.testing.assert_array_equal(both_modes(np.fmax.reduce, np.array([1.0, NAN, 3.0])), [0, 0, 1])


def test_log_sums_of_nothing_but_infinity() -> None:
    np.testing.assert_array_equal(both_modes(np.logaddexp.reduce, np.array([-INF, -INF])), [0.5, 0.5])
    np.testing.assert_array_equal(both_modes(np.logaddexp.reduce, np.array([1.0, INF, -INF])), [0, 1, 0])
    np.testing.assert_allclose(both_modes(np.logaddexp.reduce, np.array([-INF, 800.0])), [0, 1])
    np.testing.assert_array_equal(both_modes(np.hypot.reduce, np.zeros(3)), np.zeros(3))


# --- folds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ufunc", [np.power, np.arctan2, np.true_divide, np.subtract, np.float_power, np.copysign])
def test_a_reduction_folds_from_left_to_right(ufunc: np.ufunc) -> None:
    """Of a list of numbers Python's own fold tells what is right; NumPy's vectorized loops may take another order."""
    x = np.random.default_rng(1).uniform(0.8, 1.6, (3, 20))

    def fold(x: Any) -> Any:
        return reduce(ufunc, [x[:, k] for k in range(x.shape[1])])

    trace = adjoint.trace(lambda x: ufunc.reduce(x, axis=1), x)
    np.testing.assert_allclose(trace.compile().output, fold(x), rtol=1e-12)
    gradient = both_modes(lambda x: np.sum(ufunc.reduce(x, axis=1) ** 2), x)
    np.testing.assert_allclose(gradient, both_modes(lambda x: np.sum(fold(x) ** 2), x), rtol=1e-10, atol=1e-14)


def test_a_segment_of_one_entry_is_the_entry() -> None:
    """A reduction would begin with the identity: ``hypot(0, -3) = 3``."""
    x = np.array([-3.0, 1.0, 2.0])
    np.testing.assert_array_equal(np.hypot.reduceat(x, [0, 1])[0], -3.0)
    np.testing.assert_allclose(both_modes(lambda x: np.hypot.reduceat(x, [0, 1])[0], x), [1, 0, 0])
    np.testing.assert_allclose(both_modes(lambda x: np.hypot.reduce(x[:1]), x), [-1, 0, 0])


# --- sets -------------------------------------------------------------------------------------------


def test_set_functions_give_numpys_named_tuples() -> None:
    x = np.array([3.0, 1.0, 3.0])

    def f(x: Any) -> Any:
        found = np.unique_all(x)
        assert type(found).__name__ == "UniqueAllResult"
        np.testing.assert_array_equal(found.inverse_indices, [1, 0, 1])
        return found.values @ found.counts

    np.testing.assert_array_equal(both_modes(f, x), [2, 1, 0])


def test_nan_in_sets() -> None:
    x = np.array([2.0, NAN, 1.0, NAN])
    w = np.array([1.0, 10.0, 0.0, 0.0])
    for options, n in (({}, 3), ({"equal_nan": False}, 4)):
        kept = adjoint.trace(lambda x, o=options: np.unique(x, **o), x).compile().output
        np.testing.assert_array_equal(kept, np.unique(x, **options))
        jacobian = adjoint.jacobian(lambda x, o=options: np.unique(x, **o))(x)
        np.testing.assert_array_equal(w[:n] @ jacobian, [10, 0, 1, 0])
        np.testing.assert_array_equal(jacobian.sum(axis=0), [1, 1, 1, n - 3])  # each NaN is itself, or stands for all


def test_a_trace_does_not_outlive_another_order() -> None:
    trace = adjoint.trace(lambda x: np.unique(x) ** 2, np.array([3.0, 1.0, 2.0]))
    np.testing.assert_array_equal(trace(np.array([9.0, 5.0, 7.0])), [25, 49, 81])
    with pytest.raises(adjoint.errors.TraceMismatchError):
        trace(np.array([1.0, 2.0, 3.0]))


# --- what NumPy refuses -----------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "empty extremum": (np.max, np.zeros(0)),
    "empty extremum along an axis": (lambda a: np.min(a, axis=0), np.zeros((0, 3))),
    "extremum of a selection": (lambda a: np.max(a, where=a > 1), MATRIX),
    "peak to peak of nothing": (np.ptp, np.zeros(0)),
    "axis": (lambda a: np.sum(a, axis=5), MATRIX),
    "repeated axis": (lambda a: np.sum(a, axis=(0, 0)), MATRIX),
    "mask shape": (lambda a: np.sum(a, where=np.ones((3, 2, 3), bool)), MATRIX),
    "vector of initials": (lambda a: np.sum(a, initial=np.ones(2)), MATRIX),
    "no initial": (lambda a: np.sum(a, initial=None), np.zeros(0)),
    "ddof and correction": (lambda a: np.var(a, ddof=1, correction=1), MATRIX),
    "unknown argument": (lambda a: np.max(a, dtype=float), MATRIX),
    "weights": (lambda a: np.average(a, weights=[1, 2]), MATRIX),
    "weights along an axis": (lambda a: np.average(a, axis=0, weights=[1, 2, 3]), MATRIX),
    "weights without weight": (lambda a: np.average(a, weights=0 * MATRIX), MATRIX),
    "quantile of nothing": (lambda a: np.quantile(a, 0.5), np.zeros(0)),
    "quantile out of range": (lambda a: np.quantile(a, 1.5), MATRIX),
    "percentile out of range": (lambda a: np.percentile(a, 150), MATRIX),
    "quantile method": (lambda a: np.quantile(a, 0.5, method="best"), MATRIX),
    "quantile weights": (lambda a: np.quantile(a, 0.5, weights=MATRIX), MATRIX),
    "complex quantile": (lambda a: np.quantile(a * 1j, 0.5), MATRIX),
    "nanargmax": (np.nanargmax, np.full(3, NAN)),
    "sort a number": (np.sort, np.array(1.0)),
    "partition": (lambda a: np.partition(a, 9), MATRIX),
    "running sum of a matrix": (
        getattr(np, "cumulative_sum", np.sort),
        MATRIX if hasattr(np, "cumulative_sum") else 0.0,
    ),
    "running axis": (lambda a: np.cumprod(a, axis=-3), MATRIX),
    "covariance of a cube": (np.cov, np.zeros((2, 2, 2))),
    "covariance ddof": (lambda a: np.cov(a, ddof=0.5), MATRIX),
    "counts": (lambda a: np.cov(a, fweights=[1, 2]), MATRIX),
    "negative counts": (lambda a: np.cov(a, fweights=[1, -2, 1]), MATRIX),
    "fractional counts": (lambda a: np.cov(a, fweights=[1, 0.5, 1]), MATRIX),
    "no bins": (lambda a: np.histogram(a, 0), MATRIX),
    "fractional bins": (lambda a: np.histogram(a, 2.5), MATRIX),
    "falling edges": (lambda a: np.histogram(a, [3, 2, 1]), MATRIX),
    "matrix of edges": (lambda a: np.histogram(a, [[1, 2], [3, 4]]), MATRIX),
    "bins by name": (lambda a: np.histogram(a, "nice"), MATRIX),
    "histogram of nan": (np.histogram, np.array([1.0, NAN])),
    "histogram range": (lambda a: np.histogram(a, range=(2, 1)), MATRIX),
    "histogram weights": (lambda a: np.histogram(a, weights=[1.0]), MATRIX),
    "histogram dimensions": (lambda a: np.histogramdd(a, [2, 3]), np.zeros((4, 3))),
    "histogram lengths": (lambda a: np.histogram2d(a, a[:2]), np.zeros(4)),
    "negative bins": (lambda a: np.bincount([-1, 2], a), np.zeros(2)),
    "bincount lengths": (lambda a: np.bincount([1, 2], a), np.zeros(3)),
    "not reorderable": (lambda a: np.subtract.reduce(a, axis=(0, 1)), MATRIX),
    "nothing to fold": (np.subtract.reduce, np.zeros(0)),
    "fold of a selection": (lambda a: np.subtract.reduce(a, where=MATRIX > 1), MATRIX),
    "accumulation of a number": (np.subtract.accumulate, np.array(1.0)),
    "segment": (lambda a: np.add.reduceat(a, [0, 7]), MATRIX),
    "segment of a fold": (lambda a: np.subtract.reduceat(a, [-1]), MATRIX),
    "matrix of segments": (lambda a: np.multiply.reduceat(a, [[0, 1]]), MATRIX),
}

if hasattr(np, "cumulative_sum"):  # since NumPy 2.1
    REFUSED["running sum of a matrix"] = (np.cumulative_sum, MATRIX)


@pytest.mark.parametrize("name", REFUSED)
def test_bad_arguments_raise_as_numpy_does(name: str) -> None:
    function, x = REFUSED[name]
    with pytest.raises(Exception) as plain:  # noqa: PT011  # NumPy says which
        function(x)
    with pytest.raises(plain.type):
        adjoint.trace(function, x)


def test_an_integer_variance_is_refused_by_name() -> None:
    with pytest.raises(adjoint.errors.UnsupportedArgumentError, match="dtype="):
        adjoint.grad(lambda x: np.var(x, dtype=int))(MATRIX)


# --- numbers, and nothing at all --------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.nanmin, np.ptp, np.cumprod, np.logaddexp.reduce])
def test_numbers_have_an_axis_of_their_own(function: Callable[..., Any]) -> None:
    y, pull_back = adjoint.vjp(lambda x: function(x, axis=0), 2.0)
    np.testing.assert_array_equal(y, function(np.float64(2.0), axis=0))
    assert pull_back(np.ones(np.shape(y)))[0] == (0.0 if function is np.ptp else 1.0)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", [np.mean, np.var, np.std, np.median, np.nanmean, np.nanvar, np.nanmedian])
def test_nothing_has_numpys_value_and_no_derivative(function: Callable[..., Any]) -> None:
    for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 1)):
        y, pull_back = adjoint.vjp(lambda x, axis=axis: function(x, axis=axis), np.ones(shape))
        np.testing.assert_array_equal(y, function(np.ones(shape), axis=axis))
        assert pull_back(np.ones(np.shape(y)))[0].shape == shape


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_no_degrees_of_freedom_are_numpys() -> None:
    for function in (np.var, np.nanvar):
        for options in ({"ddof": 3}, {"correction": 4}, {"ddof": 3, "where": True}):
            found = (
                adjoint.trace(lambda x, o=options, f=function: f(x, **o), np.array([1.0, 2.0, 4.0])).compile().output
            )
            np.testing.assert_array_equal(found, function(np.array([1.0, 2.0, 4.0]), **options))


def test_integers_are_data() -> None:
    def f(x: Any) -> Any:
        order = np.argsort(x)
        assert np.sum(order) == 3
        assert np.prod(order + 1, dtype=float) == 6.0
        assert np.median(order) == 1
        assert np.cumsum(x > 0)[-1] == 2
        np.testing.assert_array_equal(np.unique(np.sign(x).astype(int)), [-1, 1])
        return np.mean(order) * x[np.max(order)] + np.bitwise_or.reduce(order) * x[0]

    np.testing.assert_array_equal(both_modes(f, np.array([0.5, -1.0, 2.0])), [3, 0, 1])
