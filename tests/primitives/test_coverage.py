"""Every operation of the rule table is in the catalogue: one that is added without a case makes this red."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from adjoint.tracing import FUNCTIONS, UFUNC_METHODS, UFUNCS, Tracer
from tests.primitives.case import Attribute
from tests.primitives.cases_complex import COMPLEX_CASES
from tests.primitives.catalogue import CASES

EVERY = [*CASES, *(one.case for one in COMPLEX_CASES)]
SUBJECTS = Counter(c.subject for c in EVERY if not isinstance(c.subject, Attribute))
ATTRIBUTES = {c.subject.name for c in CASES if isinstance(c.subject, Attribute)}


def is_public_numpy(function: object) -> bool:
    """Functions that a user can call; the kernels of blocks are tested with the blocks and by second derivatives."""
    return (getattr(function, "__module__", None) or "numpy").split(".")[0] == "numpy"


def test_every_registered_ufunc_has_a_case() -> None:
    assert [u.__name__ for u in UFUNCS if u not in SUBJECTS] == []


def test_every_registered_ufunc_method_has_a_case() -> None:
    wanted = {(u.__name__, method) for u, method in UFUNC_METHODS if u is not None and method != "__call__"}
    present = {(getattr(c.subject, "__name__", ""), c.variation.split("_")[0]) for c in CASES}
    assert wanted - present == set()
    assert [u.__name__ for u, method in UFUNC_METHODS if method == "__call__" and u not in SUBJECTS] == []


def test_every_registered_numpy_function_has_a_case() -> None:
    wanted = [f for f, handler in FUNCTIONS.items() if is_public_numpy(f) and not hasattr(handler, "refuses")]
    assert len(wanted) > 60, "the table was not found"
    assert [f.__name__ for f in wanted if f not in SUBJECTS] == []


def test_every_method_of_a_traced_array_has_a_case() -> None:
    wanted = {name for name in dir(Tracer) if not name.startswith("_") and hasattr(np.ndarray, name)}
    assert wanted - ATTRIBUTES == set()


def test_case_names_are_unique() -> None:
    repeated = [name for name, count in Counter(c.id for c in CASES).items() if count > 1]
    assert repeated == []


@pytest.mark.parametrize("name", sorted(ATTRIBUTES))
def test_methods_exist_in_numpy(name: str) -> None:
    assert hasattr(np.ndarray, name)
