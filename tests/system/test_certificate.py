"""The certificate: tiny for right multipliers, whoever solved; large for wrong ones; blind to scaling."""

from __future__ import annotations

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.system import Multipliers
from tests.systems_catalogue import BY_NAME, NAMES, dense_matrix, flat_rows, flat_solution, random_rows, system_of

SOLVERS = adjoint.solvers.available()
FINITE = [name for name in NAMES if not BY_NAME[name].masked]


def solved(system, rows, batch=(), solver=None, found=None):
    found = system.factorize(solver).solve(rows) if found is None else found
    return Multipliers(system, list(found), rows, batch)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", NAMES)
def test_tiny_for_right_multipliers(name, solver):
    """A few units of rounding: rows have up to a hundred terms, and implicit ones a factorization."""
    family, system = BY_NAME[name], system_of(name)
    for batch in [(), (3,), (2, 2), (0,)]:
        rows = random_rows(system, system.trace.outputs, batch)
        try:
            certificate = solved(system, rows, batch, solver).certificate()
        except NotAcceptedError:
            return
        assert isinstance(certificate, float)
        assert 0 <= certificate <= 20 * family.eps


@pytest.mark.parametrize("name", [name for name in FINITE if not name.startswith("float32")])
def test_large_when_one_entry_is_off_by_a_millionth(name):
    """Whichever entry it is, of whichever node."""
    system = system_of(name)
    rows = random_rows(system, system.trace.outputs)
    found = list(system.factorize("back_substitution").solve(rows))
    rng = np.random.default_rng(1)
    # A multiplier that is zero but for rounding (of the shift inside a softmax) has no entry to be wrong.
    nodes = [
        k for k, lam in enumerate(found) if system.is_active(k) and lam is not None and np.any(np.abs(lam) > 1e-12)
    ]
    for k in nodes if len(nodes) < 40 else rng.choice(nodes, 20, replace=False):
        lam = np.array(found[k])
        entry = np.unravel_index(np.argmax(np.abs(lam)), lam.shape)
        lam[entry] *= 1 + 1e-6
        perturbed = [*found[:k], lam, *found[k + 1 :]]
        assert 1e-8 <= solved(system, rows, found=perturbed).certificate() <= 1e-6


@pytest.mark.parametrize("name", ["operators", "network", "stencil", "linear solves", "broadcasting"])
def test_is_the_componentwise_backward_error(name):
    """Against the definition on the dense matrix: ``max |A λ + s| / (|A| |λ| + |s|)``."""
    system, matrix = system_of(name), dense_matrix(system_of(name))
    rows = random_rows(system, system.trace.outputs)
    rng = np.random.default_rng(2)
    found = [
        None if lam is None else lam * (1 + 1e-3 * rng.uniform(-1, 1, np.shape(lam)))
        for lam in system.factorize("back_substitution").solve(rows)
    ]
    x, s = flat_solution(system, found), flat_rows(system, rows)
    scale = np.abs(matrix) @ np.abs(x) + np.abs(s)
    ratio = np.abs(matrix @ x + s)[scale > 0] / scale[scale > 0]
    assert solved(system, rows, found=found).certificate() == pytest.approx(ratio.max(), rel=1e-9)


def test_a_lost_contribution_is_seen():
    """``x² + x`` with the derivative of ``x`` alone forgotten: the classical bug of hand-written gradients."""
    system = adjoint.trace(lambda x: np.sum(x * x + x), np.array([1.0, 2.0])).compile()
    lam = system.solve()
    forgotten = [np.array([2.0, 4.0]), *(lam.at(k) for k in range(1, len(system)))]
    assert lam.certificate() < 1e-15
    assert Multipliers(system, forgotten, lam.rows, ()).certificate() == pytest.approx(1 / 5)  # 1 / (2 + 1 + 2)


def test_a_false_structural_zero_is_seen():
    """``None`` for a multiplier that is not zero: its row has nothing to cancel the seed."""
    system = adjoint.trace(lambda x: 3.0 * np.sin(x), 0.5).compile()
    lam = system.solve()
    for missing in range(len(system)):
        found = [None if k == missing else lam.at(k) for k in range(len(system))]
        assert Multipliers(system, found, lam.rows, ()).certificate() == 1.0


def test_every_right_hand_side_counts():
    system = system_of("network")
    rows = random_rows(system, system.trace.outputs, (3,))
    found = list(system.factorize("back_substitution").solve(rows))
    found[0] = np.array(found[0])
    found[0][2] *= 1.01
    assert solved(system, rows, (3,), found=found).certificate() > 1e-4


@pytest.mark.parametrize("name", ["operators", "network", "linear solves", "custom rules"])
@pytest.mark.parametrize("power", [-200, 200])
def test_scaling_the_seed_changes_nothing(name, power):
    """By a power of two, not even in the last digit, as nothing is rounded."""
    system = system_of(name)
    rows = random_rows(system, system.trace.outputs)
    found = [
        None if lam is None else lam * (1 + 1e-4 * np.cos(k))
        for k, lam in enumerate(system.factorize("back_substitution").solve(rows))
    ]
    factor = 2.0**power
    scaled = [None if lam is None else lam * factor for lam in found]
    scaled_rows = [(k, s * factor) for k, s in rows]
    expected = solved(system, rows, found=found).certificate()
    assert expected > 1e-7
    assert solved(system, scaled_rows, found=scaled).certificate() == expected


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_scaling_a_variable_changes_nothing(scale):
    """In other units of ``x`` the columns and rows of ``A`` differ by hundreds of decades; the error does not."""
    f = lambda x, y: np.sum(np.sin(x / scale) * y)
    x, y = np.array([0.3, 0.7]), np.array([2.0, -1.0])
    system = adjoint.trace(f, x * scale, y).compile()
    lam = system.solve()
    assert lam.certificate() < 1e-15
    wrong = [lam.at(k) for k in range(len(system))]
    wrong[0] = wrong[0] * (1 + 1e-4)
    assert Multipliers(system, wrong, lam.rows, ()).certificate() == pytest.approx(0.5e-4, rel=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_infinite_for_what_is_not_finite(bad):
    system = system_of("network")
    rows = random_rows(system, system.trace.outputs)
    for k in (0, 7):
        found = list(system.factorize("back_substitution").solve(rows))
        found[k] = np.array(found[k])
        found[k][0] = bad
        assert solved(system, rows, found=found).certificate() == np.inf


def test_function_blocks_do_not_hide_errors():
    """Where entries are not known, ``|Jᵀ λ|`` stands for ``|Jᵀ| |λ|``: never too good a certificate."""
    system = system_of("custom rules")
    assert any(block.kind == "function" for block in system.blocks().values())
    rows = random_rows(system, system.trace.outputs)
    found = list(system.factorize("back_substitution").solve(rows))
    assert solved(system, rows, found=found).certificate() <= 2e-15
    matrix = dense_matrix(system)
    found[0] = found[0] * (1 + 1e-3)
    x, s = flat_solution(system, found), flat_rows(system, rows)
    ratio = np.max(np.abs(matrix @ x + s) / (np.abs(matrix) @ np.abs(x) + np.abs(s)))
    assert solved(system, rows, found=found).certificate() >= ratio * (1 - 1e-9)


def test_zero_multipliers_of_a_zero_seed_are_right():
    system = system_of("network")
    assert system.solve(0.0).certificate() == 0.0


def test_constant_output():
    assert adjoint.trace(lambda x: 3.0, 1.0).compile().solve().certificate() == 0.0


@pytest.mark.parametrize("solver", SOLVERS)
def test_integer_seeds(solver):
    system = adjoint.trace(lambda x: np.sin(x) * x, np.ones(3)).compile()
    assert system.solve(np.array([1, 0, 2]), solver=solver).certificate() < 1e-15


def test_certificate_of_a_long_chain():
    """Errors do not pile up: backward errors are row by row."""
    assert system_of("chain of 2000").solve().certificate() < 1e-15
