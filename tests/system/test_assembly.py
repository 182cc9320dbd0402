"""The scalar matrix ``A``: every format against a loop over blocks; vectorized; refused before it exhausts memory."""

from __future__ import annotations

import sys
import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

import adjoint
from adjoint.errors import AssemblyTooLargeError
from tests.systems_catalogue import BY_NAME, NAMES, dense_block, dense_matrix, system_of

FORMATS = ["csr", "csc", "coo", "dense"]


def tolerance(name):
    return {"rtol": BY_NAME[name].rtol, "atol": BY_NAME[name].rtol}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_matrix_is_the_sum_of_its_blocks(name, format):
    system = system_of(name)
    matrix = system.matrix(format)
    if format == "dense":
        assert type(matrix) is np.ndarray
    else:
        assert isinstance(matrix, scipy.sparse.sparray)
        assert matrix.format == format
    dense = matrix if format == "dense" else matrix.toarray()
    expected = dense_matrix(system)
    assert dense.shape == expected.shape == system.shape
    if BY_NAME[name].masked:  # a unit vector meets the NaN beside it in dense_matrix, which has no patterns
        finite = np.isfinite(expected)
        assert not np.isfinite(dense).all()
        dense, expected = np.where(finite, dense, 0.0), np.where(finite, expected, 0.0)
    assert_allclose(dense, expected, **tolerance(name))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_stand_at_their_offsets(name):
    system = system_of(name)
    blocks = system.matrix("blocks")
    assert blocks.keys() == system.blocks().keys()
    dense = np.zeros(system.shape)
    offsets = system.offsets
    with np.errstate(all="ignore"):
        for (i, k), block in blocks.items():
            assert block.in_shape == np.shape(system.values[i - 1])
            assert block.out_shape == np.shape(system.values[k - 1])
            rows, columns = slice(*offsets[i - 1 : i + 1]), slice(*offsets[k - 1 : k + 1])
            dense[rows, columns] = (-1 if i == k else 1) * dense_block(block).T
    dense, expected = (np.where(np.isfinite(a), a, 0.0) for a in (dense, dense_matrix(system)))
    assert_allclose(dense, expected, **tolerance(name))


@pytest.mark.parametrize("name", NAMES)
def test_upper_triangular_with_minus_one_on_the_diagonal(name):
    """Block upper triangular where a constraint is implicit: nothing stands left of a diagonal block."""
    system = system_of(name)
    matrix = system.matrix("dense")
    offsets = system.offsets
    for k in range(len(system)):
        rows = slice(offsets[k], offsets[k + 1])
        assert not matrix[rows, : offsets[k]].any()
        if not BY_NAME[name].implicit:
            assert_array_equal(matrix[rows, rows], -np.eye(offsets[k + 1] - offsets[k]))


def test_implicit_constraint_puts_its_matrix_on_the_diagonal():
    """``M x = b``: ``D = M``, ``−∂c/∂b = I`` and ``−∂c/∂M = −(·) x``, as the mathematics has it."""
    m = np.array([[2.0, 1.0], [0.0, 4.0]])
    b = np.array([4.0, 8.0])  # x = (1, 2)
    matrix = adjoint.trace(np.linalg.solve, m, b).compile().matrix("dense")
    assert_array_equal(matrix[6:, 6:], -m.T)
    assert_array_equal(matrix[4:6, 6:], np.eye(2))
    assert_array_equal(matrix[:4, 6:], [[-1, 0], [-2, 0], [0, -1], [0, -2]])
    assert_array_equal(matrix[:6, :6], -np.eye(6))


@pytest.mark.parametrize("name", NAMES)
def test_coordinates_agree_with_what_blocks_do(name):
    """``to_sparse`` of every block, nested systems and functions too, against its action on unit vectors."""
    system = system_of(name)
    if BY_NAME[name].masked:
        return  # unit vectors are no test beside NaN; see test_matrix_is_the_sum_of_its_blocks
    for k in range(min(len(system), 300)):
        for _, block in system.blocks_of(k):
            assert_allclose(block.to_dense(), dense_block(block), **tolerance(name))


def test_stored_entries_are_the_structural_nonzeros():
    """``x * y`` at ``y = 0`` keeps the entry: a pattern does not depend on values."""
    system = adjoint.trace(lambda x, y: x * y, 3.0, 0.0).compile()
    assert system.matrix("csr").nnz == 5
    assert system.matrix("csr").nnz == system.relinearize(3.0, 1.0).matrix("csr").nnz


@pytest.mark.parametrize("format", ["CSR", "lil", "", None])
def test_unknown_format(format):
    with pytest.raises(ValueError, match=r"format must be 'csr', 'csc', 'coo', 'dense' or 'blocks', not"):
        system_of("product").matrix(format)


# --- scalars are linearized many at a time -----------------------------------------------------------


def _scalars(x, y, z):
    """The same operations with constants left and right, one operand twice, and three dtypes."""
    values = [x * 2, 2 * x, x * y, x * x, x - y, 1 - x, x / 3.0, 3 / x, x**2, x**3.0, 2.0**x, y**x, x**y]
    values += [np.maximum(x, y), np.maximum(x, 0.1), np.arctan2(y, x), np.arctan2(1.0, x), -x, -y, np.sin(z)]
    values += [z * z, z * x, z * np.float32(2), np.float64(0.5) * y, np.abs(x - y), np.hypot(x, 2.0), x + x]
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


def test_grouped_scalars_are_what_each_is_alone():
    system = adjoint.trace(_scalars, 0.7, 1.3, np.float32(0.4)).compile()
    assert_allclose(system.matrix("dense"), dense_matrix(system), rtol=1e-6, atol=1e-7)
    double = adjoint.trace(_scalars, 0.7, 1.3, 0.4).compile()
    assert_allclose(double.matrix("dense"), dense_matrix(double), rtol=1e-14, atol=1e-15)


def test_grouped_scalars_against_differences():
    """No block is asked at all: the last column of ``A⁻¹`` is the gradient."""
    point = np.array([0.7, 1.3, 0.4])
    system = adjoint.trace(_scalars, *point).compile()
    seed = np.zeros(system.shape[0])
    seed[-1] = 1.0
    slopes = np.linalg.solve(system.matrix("dense"), -seed)[:3]
    h = 1e-6
    expected = [(_scalars(*(point + h * e)) - _scalars(*(point - h * e))) / (2 * h) for e in np.eye(3)]
    assert_allclose(slopes, expected, rtol=1e-8)


def python_calls(run) -> int:
    """How many Python functions ran."""
    count = 0

    def profile(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def test_no_python_loop_over_nonzeros():
    """A thousand times the nonzeros, in exactly as many Python calls."""

    def f(x, w):
        y = np.tanh(x * w) + x[::-1]
        return np.sum(np.cumsum(np.where(y > 0, y, w)[[0, 1, 1]]) @ np.ones((3, 2))) + np.sum(y)

    counts, nonzeros = [], []
    for n in (4, 4000):
        system = adjoint.trace(f, np.linspace(-1, 1, n), np.linspace(0.5, 1, n)).compile()
        system.matrix("csr")  # what is computed once per shape
        counts.append(python_calls(lambda system=system: system.matrix("csr")))
        nonzeros.append(system.matrix("csr").nnz)
    assert nonzeros[1] > 500 * nonzeros[0]
    assert counts[1] == counts[0]


def test_no_block_per_scalar():
    """``to_sparse`` runs once per kind of operation, not once per node."""

    def count(n):
        def f(x):
            for _ in range(n):
                x = np.sin(x) * 1.5 + x
            return x

        system = adjoint.trace(f, 0.3).compile()
        calls = 0

        def profile(frame, event, argument):
            nonlocal calls
            calls += event == "call" and frame.f_code.co_name in ("to_sparse", "blocks", "apply", "apply_adjoint")

        sys.setprofile(profile)
        try:
            system.matrix("csr")
        finally:
            sys.setprofile(None)
        return calls

    assert 0 < count(300) == count(30)


# --- what would not fit ---------------------------------------------------------------------------------


def test_too_large_is_refused_with_figures_before_it_is_built():
    """Three million nonzeros are announced, and a hundredth of their memory is not even touched."""
    w = np.ones((1000, 1000))
    system = adjoint.trace(lambda w, x: np.tanh(w @ x), w, np.ones(1000)).compile()
    tracemalloc.start()
    try:
        with pytest.raises(AssemblyTooLargeError, match=r"3,004,000 nonzeros.*160\.4 MiB.*1 MiB allowed") as caught:
            system.matrix(max_bytes=1 << 20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
    assert isinstance(caught.value, MemoryError)
    message = str(caught.value)
    assert "from z_1 to z_3" in message
    assert "contraction block (1000, 1000) → (1000,), 1000000 nonzeros" in message
    assert "'back_substitution'" in message


@pytest.mark.parametrize("name", ["chain of 2000", "network", "linear solves"])
@pytest.mark.parametrize("format", FORMATS)
def test_the_limit_counts_in_every_format(name, format):
    system = system_of(name)
    with pytest.raises(AssemblyTooLargeError, match=r"would have [\d,]+ nonzeros"):
        system.matrix(format, max_bytes=1000)
    assert system.matrix(format, max_bytes=1 << 30).shape == system.shape


def test_a_limit_that_suffices_changes_nothing():
    system = system_of("broadcasting")
    assert (system.matrix("csr", max_bytes=1 << 24) != system.matrix("csr")).nnz == 0
