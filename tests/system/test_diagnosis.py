"""`system.diagnose()`: what it finds, that it names the user's line, and that it is quiet about healthy systems."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint.blocks import Block, Dense
from adjoint.errors import NotDifferentiableError, SeedError
from adjoint.extend import Identity, Primitive, bind
from adjoint.system.diagnosis import Diagnosis
from tests.systems_catalogue import BY_NAME, NAMES, dense_matrix, system_of


def diagnose(f, *args, **options) -> Diagnosis:
    return adjoint.trace(f, *args).compile().diagnose(**options)


def reasons(diagnosis):
    return {one.name: str(one) for one in diagnosis.unreached}


# --- the whole catalogue -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_numbers_of_every_system(name):
    system = system_of(name)
    found = system.diagnose()
    assert found.unknowns == system.shape[0]
    assert (
        found.nodes
        == sum(found.widths)
        == sum(system.is_active(k) for k in range(len(system)) if system.values[k].size)
    )
    assert found.components == sum(system.is_active(k) for k in range(len(system)))
    assert found.cycles == ()
    assert found.structural_rank == system.shape[0]  # −1 or an implicit block on the whole diagonal
    assert found.conditions.keys() == {k + 1 for k, p in enumerate(system.primitives) if p.diagonal is not None}
    assert bool(found.bad_partials) == BY_NAME[name].masked
    assert str(found).startswith(f"A is {system.shape[0]:,} × {system.shape[0]:,}")
    assert found.depth == len(found.widths) == system.structure.depth or not system.shape[0]


def test_a_healthy_system_has_nothing_conspicuous():
    found = system_of("network").diagnose()
    assert found.findings == []
    assert str(found).endswith("nothing conspicuous")
    assert repr(found) == str(found)


def test_is_immutable():
    with pytest.raises(FrozenInstanceError):
        system_of("product").diagnose().nodes = 3


# --- arguments that no derivative reaches -------------------------------------------------------------


def test_piecewise_constant_operations_are_named_with_the_line():
    def f(x, w):
        scaled = 2.0 * w
        return np.sum(x * np.sign(scaled))

    found = diagnose(f, np.ones(3), np.ones(3))
    (one,) = found.unreached
    assert one.name == "w"
    assert one.node == 2
    assert one.blocked_by == 4
    assert one.site.line == f.__code__.co_firstlineno + 2
    assert str(one) == (
        "the gradient with respect to `w` is structurally zero because its values only pass through z_4 = sign(…) at "
        f"{__file__}:{one.site.line}, which is piecewise constant"
    )
    assert str(one) in str(found)
    assert found.dead == (3,)  # 2 w leads nowhere


def test_each_reason():
    def f(unread, index, threshold, stopped, aside, compared, used):
        aside * 2.0
        if threshold > 0.5:
            used = used * 2.0
        used = used + adjoint.stop_gradient(stopped * 3.0) + np.where(compared > 0.0, 1.0, 2.0)
        return used * index

    found = reasons(diagnose(f, 1.0, 3, 0.7, 1.0, 1.0, 1.0, 1.0))
    assert found.keys() == {"unread", "index", "threshold", "stopped", "aside", "compared"}
    assert found["unread"].endswith("because no operation reads it")
    assert "of dtype int64, which has no derivatives" in found["index"]
    assert "it only decides which branch the program takes, by z_9 = greater(…)" in found["threshold"]
    assert "stop_gradient(…)" in found["stopped"]
    assert found["stopped"].endswith("which stops derivatives")
    assert "the nodes that read it do not lead to the output; the first is z_8 = multiply(…)" in found["aside"]
    assert "greater(…)" in found["compared"]
    assert found["compared"].endswith("whose values are discrete and have no derivative")


def test_several_stops_are_told_apart_from_one():
    found = reasons(diagnose(lambda x: np.floor(x) + np.sign(x), 1.5))
    assert "only pass through operations without a derivative, first z_2 = floor(…)" in found["x"]


def test_a_constant_output():
    assert reasons(diagnose(lambda x: 3.0, 1.5))["x"].endswith("because the output is a constant")


def test_a_structurally_zero_gradient_is_zero():
    """And the arguments that are not named have some gradient that is not."""
    f = lambda a, b, c: np.sum(a * np.sign(b)) + np.sum(np.ceil(c) * a)
    args = (np.array([1.0, 2.0]), np.array([0.5, -2.0]), np.array([0.3, 0.4]))
    named = reasons(diagnose(f, *args)).keys()
    assert named == {"b", "c"}
    for name, slope in zip("abc", adjoint.grad(f, argnums=(0, 1, 2))(*args), strict=True):
        assert np.any(slope) == (name not in named)


# --- singular blocks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("gap, word", [(1e-10, "nearly singular"), (1e-16, "singular to working precision")])
def test_diagonal_blocks_near_singularity(gap, word):
    matrix = np.array([[1.0, 2.0], [2.0, 4.0 + gap]])
    D = matrix.copy()
    solve = Primitive(
        "solve",
        lambda b: np.ones(2),
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Dense(D, y.shape, y.shape),
    )
    found = diagnose(lambda b: np.sum(bind(solve, (b,))), np.ones(2))
    (one,) = found.singular
    assert one.node == 2
    assert one.operation == "solve"
    assert one.site.file == __file__
    assert f"the diagonal block of z_2 = solve(…) is {word}" in str(one)
    assert one.singular == (word != "nearly singular")
    if gap == 1e-10:
        assert_allclose(found.conditions[2], np.linalg.cond(D, 1), rtol=1e-3)
    else:  # exactly singular once it is rounded
        assert found.conditions[2] == np.inf
        assert "could not be solved" in found.norms_skipped


def test_well_conditioned_blocks_are_only_counted():
    found = system_of("linear solves").diagnose()
    assert found.singular == ()
    system = system_of("linear solves")
    for i, condition in found.conditions.items():
        rows = slice(*system.offsets[i - 1 : i + 1])
        D = -dense_matrix(system)[rows, rows].T
        assert_allclose(condition, np.linalg.cond(D, 1), rtol=1e-10)


def test_a_structurally_singular_diagonal_block():
    D = adjoint.extend.Sparse(np.array([0, 1]), np.array([0, 0]), np.ones(2), (2,), (2,))

    class Empty(Dense):
        """Its pattern has an empty column."""

        __slots__ = ()

        def to_sparse(self):
            return D

    singular = Primitive(
        "singular",
        lambda b: np.ones(2),
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: Empty(np.array([[1.0, 0.0], [1.0, 0.0]]), y.shape, y.shape),
    )
    found = diagnose(lambda b: np.sum(bind(singular, (b,))), np.ones(2))
    assert found.structural_rank == 4
    assert found.unknowns == 5
    assert any("structurally singular: its pattern has rank 4 of 5" in one for one in found.findings)


# --- partials -----------------------------------------------------------------------------------------


def test_partials_that_are_not_finite_are_located():
    def f(x):
        shifted = x - 1.0
        return np.sum(np.sqrt(shifted))

    found = diagnose(f, np.array([[2.0, 3.0], [1.0, 5.0]]))
    (one,) = found.bad_partials
    assert (one.node, one.parent, one.operation) == (3, 2, "sqrt")
    assert one.entry == ((1, 0), (1, 0))
    assert one.value == np.inf
    assert one.site.line == f.__code__.co_firstlineno + 2
    assert "z_3 = sqrt(…) with respect to z_2: ∂z_3[1, 0]/∂z_2[1, 0] = inf at" in str(one)
    assert found.norms.not_finite_at == 1


def test_not_finite_constants_in_a_product():
    W = np.array([[1.0, np.nan], [2.0, 3.0]])
    (one,) = diagnose(lambda x: np.where([True, False], x @ W, 0.0)[0], np.ones(2)).bad_partials
    assert one.entry == ((1,), (0,))
    assert np.isnan(one.value)


def test_rules_that_refuse_are_findings():
    def refuse(y, x):
        raise NotDifferentiableError("not here")

    @adjoint.custom_rule(refuse)
    def rough(x):
        return np.abs(x)

    found = diagnose(lambda x: rough(x) + x, 1.0)
    (one,) = found.refused
    assert one.node == 2
    assert one.message == "not here"
    assert "the system could not be solved" in found.norms_skipped
    assert "A has no matrix" in found.structural_rank_skipped
    assert "z_2" in str(found)


def test_real_linear_systems_have_no_rank_but_the_rest():
    found = diagnose(lambda z: np.sum(np.abs(z) ** 2), np.array([1 + 1j, 2.0]))
    assert found.structural_rank is None
    assert "A has no matrix" in found.structural_rank_skipped
    assert "not computed" in str(found)
    assert found.norms is not None


# --- cycles, depth, norms -----------------------------------------------------------------------------


def test_strong_components_of_a_cyclic_pattern():
    """No trace is cyclic today: the pattern is closed by hand."""
    from adjoint.system.diagnosis.report import _strong_components

    system = adjoint.trace(lambda x: np.sin(np.cos(x)) + np.exp(x), 1.0).compile()
    assert [sorted(r[1]) for r in system.records] == [[], [0], [1], [0], [2, 3]]
    components, cycles = _strong_components([(), (0, 2), (1,), (0,), (2, 3)], system)
    assert components == 4
    assert cycles == ((2, 3),)


@pytest.mark.parametrize("factor, word, at", [(0.1, "vanish", 91), (10.0, "explode", 91), (0.95, "", None)])
def test_norms_along_a_chain(factor, word, at):
    """``λ`` at level ``100 - t`` is ``factor ** t``: it crosses 1e∓8 first at ``t = 9``."""

    def chain(x):
        for _ in range(100):
            x = x * factor
        return x

    found = diagnose(chain, 1.0 if factor > 1 else 1e30)
    assert_allclose(found.norms.rate, factor, rtol=1e-6)
    assert_allclose(found.norms.by_level[1:], factor ** np.arange(99.0, -1.0, -1.0))
    assert (found.norms.vanished_at, found.norms.exploded_at) == {
        "vanish": (at, None),
        "explode": (None, at),
        "": (None, None),
    }[word]
    assert found.norms.largest[50] == 51
    told = [one for one in found.findings if "multipliers" in one]
    assert len(told) == bool(word)
    if word:
        assert f"multipliers {word}" in told[0]
        assert f"at level {at} (z_{at + 1})" in told[0]
    assert found.depth == 101
    assert found.widths == (1,) * 101


def test_multipliers_that_pass_beside_a_level_do_not_vanish():
    """The shift of a softmax has a multiplier that is zero but for rounding, alone in its level."""
    norms = system_of("network").diagnose().norms
    assert min(norms.by_level[1:]) < 1e-15
    assert norms.vanished_at is None
    assert norms.rate > 0.5


@pytest.mark.parametrize(
    "seed, message",
    [
        (np.ones(3), r"seed of z_2 has shape \(3,\); expected \(2,\)"),
        ([1.0, 1.0], "expected one array, got a list of 2"),
        ("ones", "must be a number or a dense array of numbers, not 'ones'"),
    ],
)
def test_a_given_seed_has_to_fit(seed, message):
    system = adjoint.trace(np.sin, np.ones(2)).compile()
    with pytest.raises(SeedError, match=message):
        system.diagnose(seed)
    assert isinstance(system.diagnose().norms.rate, float)  # without one, every entry counts


def test_a_given_seed_is_followed():
    f = lambda x: (x * 2.0, x * 1e-9 * 3.0)
    system = adjoint.trace(f, 1.0).compile()
    one, other = system.diagnose((1.0, 0.0)), system.diagnose((0.0, 1.0))
    assert one.norms.by_level != other.norms.by_level


def test_large_traces_take_seconds_and_the_rank_has_a_limit(monkeypatch):
    from adjoint.system.diagnosis import report

    monkeypatch.setattr(report, "RANK_NONZEROS", 100)
    found = system_of("chain of 2000").diagnose()
    assert found.structural_rank is None
    assert "more than 100" in found.structural_rank_skipped
    assert issubclass(Dense, Block)
