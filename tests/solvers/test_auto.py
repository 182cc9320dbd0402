"""The planner: it asks, chooses, explains, and never goes on behind the user's back."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

import adjoint
from adjoint import solvers
from adjoint.errors import AssemblyTooLargeError, NotAcceptedError
from adjoint.solvers.auto import Auto
from adjoint.solvers.back_substitution import BackSubstitution
from adjoint.system import Prediction, solving
from tests.systems_catalogue import FAMILIES, NAMES, random_rows, system_of

PREDICTING = [name for name in solvers.available() if hasattr(solvers.get(name), "predict")]


@pytest.fixture
def registry(monkeypatch):
    """A registry that forgets, after the test, what was added to it."""
    monkeypatch.setattr(solving, "_registry", dict(solving._registry))


@dataclass(frozen=True)
class Claims:
    """Back substitution under another name, with a prediction of its own."""

    seconds: float = 1e-9
    refuses: bool = False
    late: bool = False
    why: str = "'claims' takes nothing today. 'dense' does."

    def analyze(self, system):
        if self.late:
            raise NotAcceptedError("'claims' noticed late")
        return BackSubstitution()

    def predict(self, structure, right_hand_sides=1):
        if self.refuses:
            raise NotAcceptedError(self.why)
        return Prediction(1, 2, 3, 4, 5, self.seconds * right_hand_sides)


def test_every_strategy_of_ours_predicts():
    assert {name for name in solvers.available() if name != "auto"} == set(PREDICTING)


@pytest.mark.parametrize("solver", PREDICTING)
@pytest.mark.parametrize("name", NAMES)
def test_a_prediction_refuses_where_the_strategy_does(solver, name):
    """And nowhere else: a refusal that only analysis knows of would make 'auto' fail."""
    system, value = system_of(name), solvers.get(solver)
    try:
        prediction = value.predict(system.structure)
    except (NotAcceptedError, AssemblyTooLargeError):
        with pytest.raises((NotAcceptedError, AssemblyTooLargeError)):
            system.factorize(solver)
        return
    system.factorize(solver)
    assert prediction.seconds >= 0
    for field in ("factor_multiplications", "solve_multiplications", "memory", "depth", "fill_in"):
        value_of = getattr(prediction, field)
        assert isinstance(value_of, int)
        assert value_of >= 0
    many = value.predict(system.structure, 100)
    assert many.seconds >= prediction.seconds
    assert many.solve_multiplications >= prediction.solve_multiplications


@pytest.mark.parametrize("name", NAMES)
def test_the_choice_solves_what_the_default_solves(name):
    system = system_of(name)
    plan = system.plan("auto")
    assert plan.chosen in PREDICTING
    rows = random_rows(system, system.trace.outputs)
    found, expected = plan.factorize(system).solve(rows), system.factorize("back_substitution").solve(rows)
    for k in system.trace.inputs:
        if expected[k] is not None and system.is_active(k):
            assert_allclose(found[k], expected[k], rtol=1e-4 if "float32" in name else 1e-9, atol=1e-9)


def test_the_cheapest_wins(registry):
    solvers.register("claims", Claims)
    explanation = system_of("network").explain()
    assert explanation.chosen == "claims"
    assert explanation.candidates[0].name == "claims"
    times = [one.prediction.seconds for one in explanation.candidates if one.prediction is not None]
    assert times == sorted(times)


def test_the_default_is_kept_unless_another_is_clearly_faster(registry):
    structure = system_of("network").structure
    default = BackSubstitution().predict(structure).seconds
    for factor, expected in ((0.95, "back_substitution"), (0.5, "claims")):
        solvers.register("claims", lambda factor=factor: Claims(factor * default))
        assert Auto(candidates=("back_substitution", "claims")).explain(structure).chosen == expected


def test_right_hand_sides_count(registry):
    structure = system_of("network").structure
    default = BackSubstitution().predict(structure, 50).seconds
    solvers.register("claims", lambda: Claims(default / 40))
    candidates = ("back_substitution", "claims")
    assert Auto(1, candidates).explain(structure).chosen == "claims"
    assert Auto(50, candidates).explain(structure).chosen == "back_substitution"


def test_the_explanation_is_a_table_with_a_reason(registry):
    solvers.register("claims", lambda: Claims(refuses=True))
    text = str(system_of("linear solves").explain(right_hand_sides=7))
    assert re.search(r"A is [\d,]+ × [\d,]+ with [\d,]+ nonzeros: .* 2 of them implicit; 7 right-hand sides", text)
    for name in PREDICTING:
        assert re.search(rf"^(→ |  ){name} ", text, re.MULTILINE), name
    assert re.search(r"claims +not accepted: takes nothing today$", text, re.MULTILINE)
    assert text.count("→ ") == 1
    chosen = re.search(r"→ (\w+)", text)[1]
    assert f"'{chosen}'" in text.splitlines()[-1]


def test_long_refusals_are_cut_at_a_word(registry):
    words = " ".join(f"word{k}" for k in range(60))
    solvers.register("claims", lambda: Claims(refuses=True, why=f"'claims' {words}. 'dense' does."))
    (line,) = [line for line in str(system_of("network").explain()).splitlines() if line.startswith("  claims ")]
    assert 110 < len(line) <= 120
    assert line.endswith(" …")
    assert set(line.split("accepted: ")[1].split()) <= {*words.split(), "…"}
    for line in str(system_of("linear solves").explain()).splitlines():
        if "not accepted" in line:
            assert len(line) <= 120
            assert line.split()[0] not in line.split("not accepted: ")[1]


def test_nothing_falls_back_silently(registry):
    """The choice refuses after all: an error, not another strategy."""
    solvers.register("claims", lambda: Claims(late=True))
    with pytest.raises(NotAcceptedError, match="noticed late"):
        adjoint.grad(np.sin, solver="auto")(1.0)


def test_no_strategy_at_all(registry):
    solvers.register("claims", lambda: Claims(refuses=True))
    with pytest.raises(NotAcceptedError, match=r"'auto' found no strategy.*\n  claims: takes nothing today"):
        Auto(candidates=("claims",)).analyze(system_of("network"))


def test_options_are_values():
    assert Auto() == solvers.get("auto")
    assert replace(Auto(), right_hand_sides=3) == Auto(3)


def test_a_real_linear_program_gets_a_strategy_that_takes_it():
    z = np.array([1 + 2j, 0.5 - 1j])
    assert_allclose(adjoint.grad(lambda z: np.sum(np.abs(z) ** 2), solver="auto")(z), 2 * z)


def test_families_cover_what_predictions_must_know():
    assert any(family.implicit for family in FAMILIES)
