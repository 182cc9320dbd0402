"""The same structure at another point, against a trace recorded there."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import ArgumentError, TraceMismatchError
from tests.systems_catalogue import BY_NAME, NAMES, random_rows

SOLVERS = adjoint.solvers.available()


def moved(tree):
    """Other arguments of the same structure, shapes, dtypes and branches."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(moved(x) for x in tree)
    x = np.asarray(tree)
    return tree if x.dtype.kind != "f" else (x * x.dtype.type(1.05))[()]


@pytest.mark.parametrize("name", NAMES)
def test_equals_a_fresh_trace(name):
    family = BY_NAME[name]
    point = moved(family.arguments)
    system = family.compile()
    with np.errstate(all="ignore"):  # the functions' own errstate is not part of a trace
        there, fresh = system.relinearize(*point), adjoint.trace(family.function, *point).compile()
    for a, b in zip(there.values, fresh.values, strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        assert_allclose(a, b, rtol=1e-13, atol=1e-14)  # NumPy sums in another order where memory is aligned otherwise
    assert_array_equal(there.offsets, fresh.offsets)
    assert there.shape == system.shape
    rows = random_rows(fresh, fresh.trace.outputs)
    for x, y in zip(
        there.factorize("back_substitution").solve(rows), fresh.factorize("back_substitution").solve(rows), strict=True
    ):
        assert (x is None) == (y is None)
        if x is not None:
            assert_allclose(x, y, rtol=1e-13, atol=1e-14)
    assert_allclose(there.matrix("dense"), fresh.matrix("dense"), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["network", "operators", "several outputs", "linear solves"])
def test_the_old_system_stays_where_it_was(name):
    family = BY_NAME[name]
    system, untouched = family.compile(), family.compile()
    rows = random_rows(system, system.trace.outputs)
    system.factorize("back_substitution")
    system.relinearize(*moved(family.arguments)).factorize("back_substitution")
    for a, b in zip(system.values, untouched.values, strict=True):
        assert_allclose(a, b, rtol=1e-13, atol=1e-14)  # NumPy sums in another order where memory is aligned otherwise
    found, expected = (s.factorize("back_substitution").solve(rows) for s in (system, untouched))
    for a, b in zip(found, expected, strict=True):
        if a is not None:
            assert_allclose(a, b, rtol=1e-13, atol=1e-14)


def test_output_and_back_again():
    family = BY_NAME["several outputs"]
    system = family.compile()
    point = moved(family.arguments)
    there = system.relinearize(*point)
    expected = family.function(*point)
    assert_array_equal(there.output["sum"], expected["sum"])
    assert_array_equal(there.output["parts"][1], expected["parts"][1])
    assert_array_equal(there.relinearize(*family.arguments).output["sum"], system.output["sum"])


@pytest.mark.parametrize("solver", SOLVERS)
def test_newton_steps_on_one_trace(solver):
    """``f = Σ (eˣ − x·c)`` has its minimum at ``log c``: the gradients along the way are those of a formula."""
    c = np.array([1.5, 3.0])
    system = adjoint.trace(lambda x: np.sum(np.exp(x) - x * c), np.zeros(2)).compile()
    x = np.zeros(2)
    for _ in range(8):
        (gradient,) = system.relinearize(x).solve(solver=solver).arguments
        assert_allclose(gradient, np.exp(x) - c, rtol=1e-12, atol=1e-12)
        x = x - gradient / np.exp(x)
    assert_allclose(x, np.log(c), rtol=1e-12)


def test_discrete_values_follow():
    """Masks, ``argmax`` and integer arguments are evaluated again."""
    f = lambda x, k: np.sum(np.where(x > 0, x * x, -x)) * x[np.argmax(np.abs(x))] + x[k]
    system = adjoint.trace(f, np.array([1.0, -2.0]), np.array(0)).compile()
    for x, k in [(np.array([-3.0, 0.5]), np.array(1)), (np.array([0.1, 0.2]), np.array(0))]:
        lam = system.relinearize(x, k).solve()
        assert_allclose(lam["x"], adjoint.grad(f)(x, k), rtol=1e-14)


def test_another_branch_is_refused():
    def f(x):
        return x * x if x > 0 else -x

    system = adjoint.trace(f, 1.0).compile()
    assert system.relinearize(3.0).solve()["x"] == 6.0
    with pytest.raises(TraceMismatchError, match=r"took another branch.*greater.*found True then and\s+False now"):
        system.relinearize(-1.0)


def test_other_shapes_and_structures_are_refused():
    system = adjoint.trace(lambda p: np.sum(p["x"] * p["y"]), {"x": np.ones(3), "y": 2.0}).compile()
    with pytest.raises(TraceMismatchError, match=r"z_1 was recorded with shape \(3,\).*shape \(4,\)"):
        system.relinearize({"x": np.ones(4), "y": 2.0})
    with pytest.raises(ArgumentError, match=r"recorded with arguments.*is now given"):
        system.relinearize({"x": np.ones(3)})
    with pytest.raises(ArgumentError, match=r"recorded with arguments.*is now given"):
        system.relinearize({"x": np.ones(3), "y": 2.0}, 1.0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_python_integers_where_floats_were(solver):
    """``relinearize(4, 5)`` is the everyday way to say 4.0 and 5.0."""
    system = adjoint.trace(lambda x, y: np.sin(x) * y, 2.0, 3.0).compile()
    lam = system.relinearize(4, 5).solve(solver=solver)
    assert_allclose(lam["x"], 5 * np.cos(4.0), rtol=1e-15)
    assert_allclose(lam["y"], np.sin(4.0), rtol=1e-15)
    assert lam.certificate() < 1e-15


def test_arguments_may_be_edited_afterwards():
    """Blocks are built when they are needed: by then the caller may have reused the array."""
    system = adjoint.trace(lambda x: np.sum(x * x), np.ones(2)).compile()
    x = np.array([1.0, 2.0])
    there = system.relinearize(x)
    x[:] = 100.0
    assert_array_equal(there.solve()["x"], [2.0, 4.0])
    assert_array_equal(there.values[0], [1.0, 2.0])


def test_recorded_arguments_may_be_edited_afterwards():
    x = np.array([1.0, 2.0])
    system = adjoint.trace(lambda x: np.sum(x * x), x).compile()
    x[:] = 100.0
    assert_array_equal(system.solve()["x"], [2.0, 4.0])
