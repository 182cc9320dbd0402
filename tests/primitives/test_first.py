"""Law 2: first derivatives are those of the function, in both modes, for one right-hand side and for several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives import references
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, leaves

every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)


def found_jacobian(f: Any, x: Any, **options: Any) -> np.ndarray:
    """The library's Jacobian as one matrix, after a check of the shapes of its parts."""
    output = leaves(f(*x))
    rows = adjoint.jacobian(f, range(len(x)), **options)(*x)
    rows = rows if isinstance(rows, list) or isinstance(rows[0], tuple) else [rows]
    assert len(rows) == len(output)
    for row, y in zip(rows, output, strict=True):
        for part, a in zip(row, x, strict=True):
            assert np.shape(part) == np.shape(y) + a.shape
    matrices = [
        np.concatenate([np.reshape(part, (np.size(y), a.size)) for part, a in zip(row, x, strict=True)], axis=1)
        for row, y in zip(rows, output, strict=True)
    ]
    return np.concatenate(matrices)


def random_seed(y: Any, seed: int, batch: tuple[int, ...] = ()) -> Any:
    """A seed in the structure of the output."""
    parts = directions([np.asarray(part) for part in leaves(y)], seed, batch)
    return type(y)(parts) if isinstance(y, (list, tuple)) else parts[0]


@every_case
def test_jacobian_is_that_of_differences(case: Case) -> None:
    f, x = case.point()
    before = [a.copy() for a in x]
    expected = references.jacobian(f, x)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    for mode in ("forward", "reverse"):
        found = found_jacobian(f, x, mode=mode)
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * scale, err_msg=mode)
    for a, b in zip(x, before, strict=True):  # the arguments are left as they were
        np.testing.assert_array_equal(a, b)
        assert a.flags.writeable


@every_case
def test_both_modes_are_transposes(case: Case) -> None:
    f, x = case.point()
    y, push_forward = adjoint.linearize(f, *x)
    z, pull_back = adjoint.vjp(f, *x)
    np.testing.assert_array_equal(references.flat(y), references.flat(z))
    v, w = directions(x, 1), random_seed(y, 2)
    forward = float(references.flat(w) @ references.flat(push_forward(*v)))
    reverse = float(references.flat(v) @ references.flat(pull_back(w)))
    assert forward == pytest.approx(reverse, rel=1e-11, abs=1e-11)


@every_case
def test_several_right_hand_sides_are_each_alone(case: Case) -> None:
    f, x = case.point()
    y, push_forward = adjoint.linearize(f, *x)
    _, pull_back = adjoint.vjp(f, *x)
    for batch in ((3,), (2, 1)):
        v, w = directions(x, 3, batch), random_seed(y, 4, batch)
        pushed, pulled = push_forward(*v), pull_back(w)
        for entry in np.ndindex(batch):
            one = push_forward(*(part[entry] for part in v))
            assert_entry(leaves(pushed), leaves(one), batch, entry)
            seed = [part[entry] for part in leaves(w)]
            one = pull_back(type(w)(seed) if isinstance(w, (list, tuple)) else seed[0])
            assert_entry(pulled, one, batch, entry)


def assert_entry(many: Any, one: Any, batch: tuple[int, ...], entry: tuple[int, ...]) -> None:
    for several, single in zip(many, one, strict=True):
        assert np.shape(several) == batch + np.shape(single)
        np.testing.assert_allclose(several[entry], single, rtol=1e-12, atol=1e-12)
