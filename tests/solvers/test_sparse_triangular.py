"""SciPy's triangular solve: what is prepared once, and what at each point."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose

import adjoint
from adjoint.solvers.assembly import factors
from adjoint.solvers.sparse_triangular import SparseTriangular
from tests.systems_catalogue import random_rows, system_of

SCIPY = SparseTriangular(compiled=False)


def counted(monkeypatch, owner, name):
    calls = []
    real = getattr(owner, name)

    def call(*args, **kwargs):
        calls.append(name)
        return real(*args, **kwargs)

    monkeypatch.setattr(owner, name, call)
    return calls


@pytest.mark.parametrize("name", ["wide random program", "network"])
def test_a_factor_makes_its_matrix_once(monkeypatch, name):
    system = system_of(name)
    factor = SCIPY.analyze(system).factorize(system)
    made = counted(monkeypatch, scipy.sparse, "csr_array")
    rows = random_rows(system, system.trace.outputs)
    first = factor.solve(rows)
    factor.solve(rows)
    assert len(made) == 1
    for _ in range(3):  # tangents of all nodes, also of those that no output needs
        factor.solve_tangent(random_rows(system, system.trace.inputs))
    everything = system.scalars is None or system.scalars.all_live
    assert len(made) == (1 if everything else 2)
    for x, y in zip(first, factor.solve(rows), strict=True):
        assert x is None or np.array_equal(x, y)


@pytest.mark.parametrize("name", ["wide random program", "network"])
def test_a_plan_finds_its_pattern_once(monkeypatch, name):
    family_system = system_of(name)
    system = adjoint.ConstraintSystem(family_system.trace)
    sources = counted(monkeypatch, factors, "source_of")
    for scale in (1.0, 0.9, 0.8):
        arguments = family_system.trace.output_of and [family_system.values[k] for k in family_system.trace.inputs]
        spec, _ = family_system.trace.argument_spec
        moved = system.relinearize(*spec.unflatten([scale * x for x in arguments]))
        found = moved.solve(solver=SCIPY)
        again = moved.solve()
        for k in moved.trace.inputs:
            assert_allclose(found.full(k), again.full(k), rtol=1e-11, atol=1e-13)
    assert len(sources) == 1


def test_one_operand_twice_is_one_entry():
    """``x * x`` and ``x + x``: coordinates that meet are added, wherever they come from."""

    def f(x):
        for _ in range(6):
            x = 0.5 * np.sin(x * x) + x * 0.7
        return (x + x) * x

    system = adjoint.trace(f, 0.3).compile()
    h = 1e-6
    expected = (f(0.3 + h) - f(0.3 - h)) / (2 * h)
    assert_allclose(system.solve(solver=SCIPY).arguments[0], expected, rtol=1e-8)
    assert_allclose(system.solve_tangent(1.0, solver=SCIPY).output, expected, rtol=1e-8)


@pytest.mark.parametrize("solver", ["sparse_triangular", "level_scheduled", "superlu"])
def test_complex_values_both_ways(solver):
    z = np.array([0.3 + 0.4j, -0.2 + 0.1j, 0.5 - 0.6j])
    system = adjoint.trace(lambda z: np.exp(z * z) * z[::-1], z).compile()
    rows, tangents = random_rows(system, system.trace.outputs), random_rows(system, system.trace.inputs)
    rows = [(k, s * (1 + 2j)) for k, s in rows]
    tangents = [(k, s * (2 - 1j)) for k, s in tangents]
    mine, other = system.factorize(solver), system.factorize("back_substitution")
    assert_allclose(mine.solve(rows)[0], other.solve(rows)[0], rtol=1e-13)
    assert_allclose(mine.solve_tangent(tangents)[rows[0][0]], other.solve_tangent(tangents)[rows[0][0]], rtol=1e-13)
