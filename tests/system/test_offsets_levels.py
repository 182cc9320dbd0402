"""Which rows a constraint takes, which constraints are independent, and the block of any pair."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import adjoint
from tests.systems_catalogue import NAMES, dense_matrix, system_of


@pytest.mark.parametrize("name", NAMES)
def test_offsets_add_up_the_sizes_of_floating_point_nodes(name):
    system = system_of(name)
    assert system.offsets.shape == (len(system) + 1,)
    assert system.offsets.dtype.kind == "i"
    assert system.offsets[0] == 0
    for k, size in enumerate(np.diff(system.offsets)):
        value = np.asarray(system.values[k])
        assert size == (value.size if value.dtype.kind == "f" else 0)
    assert system.shape == (system.offsets[-1], system.offsets[-1])


def test_discrete_nodes_take_no_rows():
    system = adjoint.trace(lambda x: np.where(x > 0, x, 2 * x) * x[np.argmax(x)], np.ones(3)).compile()
    operations = [node.operation for node in system.trace.nodes()]
    discrete = [operations.index(name) for name in ("greater", "argmax")]
    sizes = np.diff(system.offsets)
    assert [sizes[k] for k in discrete] == [0, 0]
    assert not any(system.is_active(k) for k in discrete)
    assert all(sizes[k] for k in range(len(system)) if k not in discrete)


def test_stopped_values_take_no_rows():
    """What no derivative can reach has no multiplier."""
    system = adjoint.trace(lambda x: x * (adjoint.stop_gradient(x) * 2.0), np.ones(3)).compile()
    reached = {int(k) for k in np.flatnonzero(np.diff(system.offsets)) + 1}
    assert {1, len(system)} <= reached
    assert np.count_nonzero(dense_matrix(system)[:3, -3:]) == 3


def test_system_without_floating_point():
    system = adjoint.trace(lambda n: n + 1, 3).compile()
    assert system.shape == (0, 0)
    assert_array_equal(system.offsets, [0, 0, 0])
    assert system.matrix("csr").shape == (0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_levels_are_longest_paths(name):
    system = system_of(name)
    trace = system.trace
    parents = {k + 1: trace.predecessors(k + 1) for k in range(len(trace))}
    level: dict[int, int] = {}
    for node in sorted(parents):
        level[node] = max((level[p] + 1 for p in parents[node]), default=0)
    assert sorted(node for group in system.levels for node in group) == sorted(parents)
    for depth, group in enumerate(system.levels):
        assert group, "no level is empty"
        assert group == sorted(group)
        assert [level[node] for node in group] == [depth] * len(group)


@pytest.mark.parametrize("name", ["operators", "network", "rows in a loop", "several outputs", "stencil"])
def test_constraints_of_one_level_are_independent(name):
    """The diagonal blocks of ``A`` by levels are diagonal: that is what one vectorized step may rely on."""
    system = system_of(name)
    matrix = system.matrix("dense")
    for group in system.levels:
        rows = np.concatenate([np.arange(*system.offsets[node - 1 : node + 1]) for node in group])
        within = matrix[np.ix_(rows, rows)]
        assert_array_equal(within, -np.eye(rows.size))


def test_levels_by_hand():
    system = adjoint.trace(lambda a, b: (a + b) * (b + 1), 2.0, 1.0).compile()
    assert system.levels == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("name", NAMES)
def test_block_is_the_entry_of_blocks(name):
    system = system_of(name)
    blocks = system.blocks()
    n = min(len(system), 25)
    for k in range(1, n + 1):
        for i in range(1, k):
            block = system.block(k, i)
            if (i, k) not in blocks:
                assert block is None or not system.is_active(k - 1)
                continue
            assert block.shape == (np.size(system.values[k - 1]), np.size(system.values[i - 1]))
            with np.errstate(all="ignore"):
                assert_array_equal(block.to_dense(), blocks[i, k].to_dense())
    for i, k in blocks:
        assert i <= k
        assert system.is_active(i - 1)
        assert system.is_active(k - 1)
    assert {k + 1 for k in range(len(system)) if system.is_active(k)} == {k for i, k in blocks if i == k}


def test_an_argument_read_twice_is_one_block():
    """``x·x`` has two partials with respect to ``x``; the block is their sum ``2 x``."""
    system = adjoint.trace(lambda x: x * x, np.array([1.0, 3.0])).compile()
    assert_array_equal(system.block(2, 1).to_dense(), np.diag([2.0, 6.0]))
    assert system.block(1, 2) is None


@pytest.mark.parametrize(
    "f, kind",
    [
        (lambda x: x + np.ones(3), "identity"),
        (lambda x: -x, "scalar"),
        (np.tanh, "diagonal"),
        (lambda x: x[::-1], "gather"),
        (np.sum, "reduce"),
        (lambda x: np.ones((2, 3)) @ x, "contraction"),
    ],
)
def test_blocks_keep_their_structure(f, kind):
    system = adjoint.trace(f, np.ones(3)).compile()
    assert system.blocks()[1, 2].kind == kind


def test_str_counts():
    text = str(adjoint.trace(lambda x: np.sum(x * x), np.ones(3)).compile())
    assert text == "<constraint system: 3 constraints, A is 7 × 7, 3 levels>"


@pytest.mark.parametrize("name", NAMES)
def test_the_structure_knows_the_sizes_that_offsets_ask_every_node_for(name):
    asked, counted = system_of(name).trace.compile(), system_of(name).trace.compile()
    assert counted.structure.sizes.tolist() == np.diff(asked.offsets).tolist()
    assert counted.offsets.tolist() == asked.offsets.tolist()
