"""The laws of ``tests/primitives``, for the functionals: values, derivatives in every nesting, dtypes, blocks, solvers.

References are differences of the function's own values; the values have references in the files of each subject.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from adjoint.nn import functional
from tests.nn.functional.catalogue import CASES
from tests.primitives import test_blocks, test_dead_operands, test_dtypes, test_first, test_second, test_values
from tests.primitives.case import Case

Law = Callable[[Case], None]

LAWS: list[Law] = [
    test_values.test_value_is_numpys,
    test_first.test_jacobian_is_that_of_differences,
    test_first.test_both_modes_are_transposes,
    test_first.test_several_right_hand_sides_are_each_alone,
    test_second.test_every_nesting_is_that_of_differences,
    test_second.test_a_jacobian_can_itself_be_differentiated,
    test_second.test_hessian_is_symmetric_and_agrees_with_hvp,
    test_dtypes.test_float32_values_and_tangents_are_as_numpys,
    test_dtypes.test_float32_gradient_and_curvature,
    test_blocks.test_every_node_has_good_blocks,
    test_blocks.test_solvers_agree_on_the_gradient,
    test_dead_operands.test_zero_tangents_stay_structural,
]
"""Each is a test of one case; there they are run on NumPy's operations, here on the functionals."""


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
def test_law(law: Law, case: Case) -> None:
    law(case)


@pytest.mark.parametrize("case", [c for c in CASES if not c.branches], ids=lambda c: c.id)
def test_trace_evaluates_at_new_inputs(case: Case) -> None:
    test_values.test_trace_evaluates_at_new_inputs(case)


@pytest.mark.parametrize("case", [c for c in CASES if len(c.point()[1]) > 1], ids=lambda c: c.id)
def test_each_operand_alone(case: Case) -> None:
    test_dead_operands.test_each_operand_alone(case)


def test_every_functional_has_a_case() -> None:
    public = [getattr(functional, name) for name in functional.__all__]
    subjects = {case.subject for case in CASES}
    assert [f.__name__ for f in public if callable(f) and f not in subjects] == []


def test_case_names_are_unique() -> None:
    assert [name for name, count in Counter(case.id for case in CASES).items() if count > 1] == []
