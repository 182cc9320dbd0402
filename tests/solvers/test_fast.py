"""Compiled loops behind the same names: the same results with and without numba."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose

import adjoint
from adjoint.errors import MissingExtraError
from adjoint.solvers.assembly import kernels
from adjoint.solvers.sparse_triangular import SparseTriangular
from adjoint.system import compiled
from adjoint.tracing import UFUNCS
from tests.system.test_scalar_program import MOVED, POINT, everything
from tests.systems_catalogue import BY_NAME, random_rows, system_of

needs_numba = pytest.mark.skipif(
    not compiled.numba_found(), reason="numba is not installed: pip install 'adjoint[fast]'"
)
LOOPS, SCIPY = SparseTriangular(compiled=True), SparseTriangular(compiled=False)


@needs_numba
@pytest.mark.parametrize("name", ["wide random program", "operators", "network", "float32", "stencil", "empty arrays"])
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_loops_agree_with_scipy(name, batch):
    system = system_of(name)
    rows = random_rows(system, system.trace.outputs, batch)
    tangents = random_rows(system, system.trace.inputs, batch)
    mine, other = system.factorize(LOOPS), system.factorize(SCIPY)
    for found, expected in (
        (mine.solve(rows), other.solve(rows)),
        (mine.solve_tangent(tangents), other.solve_tangent(tangents)),
    ):
        for x, y in zip(found, expected, strict=True):
            assert (x is None) == (y is None)
            if y is not None:
                assert_allclose(x, y, rtol=BY_NAME[name].rtol, atol=1e-12 if name != "float32" else 1e-5)


@needs_numba
def test_values_and_partials_are_those_of_numpy():
    with_numba = adjoint.trace(everything, *POINT).compile()
    without = adjoint.trace(everything, *POINT).compile()
    with_numba.plan(LOOPS)
    moved, plain = with_numba.relinearize(*MOVED), without.relinearize(*MOVED)
    assert with_numba._evaluator().run is not None
    for found, expected in zip(moved.values, plain.values, strict=True):
        assert_allclose(found, expected, rtol=1e-14)
    found = moved.inverse_columns([len(moved)], solver=LOOPS)[len(moved)].arguments
    expected = plain.inverse_columns([len(plain)], solver=SCIPY)[len(plain)].arguments
    for x, y in zip(found, expected, strict=True):
        assert_allclose(x, y, rtol=1e-13, atol=1e-15)


@needs_numba
def test_what_numba_does_not_know_stays_with_numpy():
    def f(x):
        for _ in range(10):
            x = scipy.special.erf(x) + np.sin(x) * 0.3
        return x * x

    system = adjoint.trace(f, 0.4).compile()
    assert system.scalars is not None
    system.plan(LOOPS)
    h = 1e-6
    slope = system.relinearize(0.7).solve(solver=LOOPS).arguments[0]
    assert_allclose(slope, (f(0.7 + h) - f(0.7 - h)) / (2 * h), rtol=1e-6)


@needs_numba
def test_a_users_rule_is_compiled_and_not_the_librarys():
    """A rule under which ``1/b`` has another slope: the compiled partial is the one that was registered."""
    ufunc = np.true_divide
    known = UFUNCS[ufunc]
    try:
        adjoint.extend.elementwise(ufunc, lambda y, a, b: 7.0 * b, lambda y, a, b: 11.0 * a)

        def f(x):
            for _ in range(20):
                x = x / 2.0
            return x

        system = adjoint.trace(f, 1.0).compile()
        slopes = [system.solve(solver=solver).arguments[0] for solver in (LOOPS, SCIPY, "back_substitution")]
    finally:
        UFUNCS[ufunc] = known
    assert_allclose(slopes, 14.0**20, rtol=1e-13)


@needs_numba
def test_warnings_are_those_of_numpy():
    def f(x):
        for _ in range(10):
            x = np.log(x) + 3.0
        return x

    system = adjoint.trace(f, 1.0).compile()
    system.plan(LOOPS)
    with pytest.warns(RuntimeWarning, match="invalid value encountered in log"):
        assert np.isnan(system.relinearize(-1.0).output)


@needs_numba
def test_large_systems_choose_loops_and_compile_when_they_are_used_again(monkeypatch):
    monkeypatch.setattr(kernels, "LARGE", 100)
    system = BY_NAME["wide random program"].compile()
    system.solve(solver="sparse_triangular")
    assert system._evaluator().run is None  # one point pays for no compilation
    moved = system.relinearize(*np.linspace(-1, 1, 6))
    found = moved.solve(solver="sparse_triangular").arguments
    assert system._evaluator().run is not None
    assert_allclose(found, moved.solve().arguments, rtol=1e-11)


def test_without_numba_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(kernels, "numba_found", lambda: False)
    with pytest.raises(MissingExtraError, match=r"needs numba.*pip install 'adjoint\[fast\]'"):
        BY_NAME["product"].compile().solve(solver=SparseTriangular(compiled=True))
    monkeypatch.setattr(kernels, "LARGE", 10)
    assert BY_NAME["product"].compile().solve(solver="sparse_triangular")["x"] == -4.0


def test_numba_is_not_imported_for_small_systems():
    code = (
        "import sys, numpy as np, adjoint\n"
        "system = adjoint.trace(lambda x: np.sin(x) * x, 1.0).compile()\n"
        "system.relinearize(2.0).solve(solver='sparse_triangular')\n"
        "print('numba' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
