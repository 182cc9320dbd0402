"""docs/coverage.md is the rule table, the table has an answer for every function, and the answers are true."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import scipy.special

import adjoint
from adjoint.errors import MissingRuleError, NotDifferentiableError
from adjoint.tracing import FUNCTIONS, NO_RULE_YET, NOT_DIFFERENTIABLE, UFUNCS, Tracer
from adjoint.tracing.methods import Flat
from tests.docs import coverage_page, vocabulary
from tests.docs.vocabulary import NAMESPACES, Answer, answer, public
from tests.primitives.case import Attribute, Case, any_real, case
from tests.primitives.cases_complex import COMPLEX_CASES, ComplexCase
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions

WRITE = "write it anew: python -m tests.docs.coverage_page"


@pytest.mark.parametrize("name", NAMESPACES)
def test_every_public_function_has_an_answer(name: str) -> None:
    without = [entry.name for entry in vocabulary.entries(NAMESPACES[name]) if entry.answer is None]
    assert without == [], f"write a rule, or say why there is none in adjoint/primitives/undifferentiable.py: {without}"


def test_every_method_of_an_array_has_an_answer() -> None:
    assert [entry.name for entry in coverage_page.attributes() if entry.answer is None] == []


def test_a_new_function_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "__all__", [*np.__all__, "brandnew"])
    monkeypatch.setattr(np, "brandnew", lambda a: a, raising=False)
    with pytest.raises(AssertionError, match="brandnew"):
        test_every_public_function_has_an_answer("numpy")


def test_no_function_has_two_answers() -> None:
    tables: list[set[Any]] = [set(NOT_DIFFERENTIABLE), set(NO_RULE_YET), {*FUNCTIONS, *UFUNCS}]
    for first, second in combinations(tables, 2):
        assert first & second == set()


def test_few_functions_wait_for_a_rule() -> None:
    for name, answers in coverage_page.answers_of(coverage_page.PAGE.read_text(encoding="utf-8")).items():
        assert list(answers.values()).count(Answer.NO_RULE) <= (20 if name == "scipy.special" else 0)
    assert all(NO_RULE_YET.values())


def test_the_page_is_the_rule_table() -> None:
    """To the letter for the versions that it was written with; for others, the functions that both have."""
    page, text = coverage_page.PAGE.read_text(encoding="utf-8"), coverage_page.text()
    if coverage_page.installed() in page:
        assert page == text, WRITE
    written, found = coverage_page.answers_of(page), coverage_page.answers_of(text)
    assert sum(map(len, found.values())) > 700, "the tables were not found"
    for section, answers in found.items():
        assert {name: kind for name, kind in written[section].items() if answers.get(name, kind) != kind} == {}, WRITE


def test_views_are_numpys() -> None:
    deprecated = {"broadcast_arrays"}  # NumPy warns, and will give a view that is read-only
    assert coverage_page.views(traced=False) - coverage_page.views() <= deprecated


# --- the answers are true ---------------------------------------------------------------------------


class Watched:
    """The subject of a case, whose traced results are kept; also those of a function that it makes."""

    def __init__(self, subject: Any, results: list[Any] | None = None) -> None:
        self.subject = subject
        self.results: list[Any] = [] if results is None else results

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        y = self.subject(*args, **kwargs)
        if isinstance(y, np.ufunc):
            return Watched(y, self.results)
        parts = args[0] if y is None else y  # None: it was written in place
        parts = parts if isinstance(parts, (list, tuple, Flat)) else [parts]
        self.results += [part.copy() for part in parts if type(part) is Tracer]
        return y

    def __getattr__(self, name: str) -> Any:
        return getattr(self.subject, name)


def moves(one: Case | ComplexCase) -> bool:
    """Whether anything that the subject of a case gives has a derivative."""
    plain = one if isinstance(one, Case) else one.case
    watched = Watched(plain.subject)
    plain = replace(plain, subject=watched)
    f, x = plain.point() if isinstance(one, Case) else replace(one, case=plain).point()

    def program(*operands: Any) -> list[Any]:
        watched.results.clear()
        f(*operands)
        return list(watched.results)

    return any(np.any(tangent) for tangent in adjoint.jvp(program, x, directions(x, 5))[1])


def answers() -> dict[Any, Answer]:
    """The answer for each function, and for each attribute of arrays."""
    found: dict[Any, Any] = {f: answer(f)[0] for space in NAMESPACES.values() for _, f in public(space)}
    return found | {Attribute(entry.name): entry.answer for entry in coverage_page.attributes()}


def test_what_is_zero_has_no_derivative_in_any_case() -> None:
    expected = answers()
    cases = [one for one in CASES if expected.get(one.subject) is Answer.ZERO]
    assert len({one.subject for one in cases}) > 60
    assert " ".join(one.id for one in cases if moves(one)) == ""


MORE = [
    case(Attribute("imag"), "of_complex", any_real(3), call=lambda f, x: f(1j * x)),
    case(np.heaviside, "at_zero", any_real(3), call=lambda f, x: f(0.0, x)),
    case(np.ix_, "traced", any_real(3), call=lambda f, x: f(x, [1])[0]),
    case(scipy.special.ncfdtrinc, "by_value", any_real(), call=lambda f, x: f(2.0, 3.0, 0.15, 1.5 + 0.1 * x)),
]
"""Points that are special, or that are no use to compare with differences."""


def test_what_is_differentiated_has_a_derivative_in_some_case() -> None:
    waiting = {subject for subject, kind in answers().items() if kind is Answer.DIFFERENTIATED}
    assert len(waiting) > 400
    for one in [*CASES, *COMPLEX_CASES, *MORE]:
        subject = one.subject if isinstance(one, Case) else one.case.subject
        if subject in waiting and moves(one):
            waiting.remove(subject)
    assert " ".join(sorted(str(getattr(subject, "__name__", subject)) for subject in waiting)) == ""


def test_what_is_not_differentiable_raises_with_the_reason() -> None:
    with pytest.raises(NotDifferentiableError, match="dates and times"):
        adjoint.grad(np.isnat)(1.0)
    with pytest.raises(NotDifferentiableError, match="writes a file"):
        adjoint.grad(lambda x: np.save("nowhere", x))(1.0)
    file = io.BytesIO()
    adjoint.grad(lambda x: np.save(file, np.asarray(adjoint.stop_gradient(x))) or x)(1.0)
    assert file.tell()
    function, reason = next((f, why) for f, why in NO_RULE_YET.items() if isinstance(f, np.ufunc))
    with pytest.raises(MissingRuleError, match=re.escape(reason)):
        adjoint.grad(lambda x: function(*[x] * function.nin))(1.0)


def test_a_wrong_answer_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vocabulary._DECLARED, np.sinc, (Answer.ZERO, ""))
    monkeypatch.setitem(vocabulary._DECLARED, np.shape, (Answer.DIFFERENTIATED, ""))
    with pytest.raises(AssertionError, match="sinc"):
        test_what_is_zero_has_no_derivative_in_any_case()
    with pytest.raises(AssertionError, match="shape"):
        test_what_is_differentiated_has_a_derivative_in_some_case()
