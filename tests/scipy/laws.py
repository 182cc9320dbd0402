"""The laws of tests/primitives for functions of SciPy, which are no entries of NumPy's catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.primitives import test_blocks, test_dtypes, test_first, test_second, test_values
from tests.primitives.case import Case

_LAWS = [
    test_values.test_value_is_numpys,
    test_values.test_trace_evaluates_at_new_inputs,
    test_first.test_jacobian_is_that_of_differences,
    test_first.test_both_modes_are_transposes,
    test_first.test_several_right_hand_sides_are_each_alone,
    test_second.test_every_nesting_is_that_of_differences,
    test_second.test_hessian_is_symmetric_and_agrees_with_hvp,
    test_dtypes.test_float32_values_and_tangents_are_as_numpys,
    test_dtypes.test_float32_gradient_and_curvature,
    test_blocks.test_every_node_has_good_blocks,
]


def laws_of(cases: list[Case]) -> Callable[[Callable[..., Any]], Any]:
    """Parametrize ``test(one, law)`` by all cases and laws."""

    def decorate(test: Callable[..., Any]) -> Any:
        by_law = pytest.mark.parametrize("law", _LAWS, ids=lambda law: law.__name__.removeprefix("test_"))
        return by_law(pytest.mark.parametrize("one", cases, ids=lambda one: one.id)(test))

    return decorate
