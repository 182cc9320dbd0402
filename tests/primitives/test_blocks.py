"""Laws 5 and 6: the blocks of every operation keep their contract, and all solvers agree on them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.testing import check_block, check_solver
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, leaves

SAMPLE = [c for k, c in enumerate(CASES) if k % 5 == 0 or c.subject is np.linalg.solve]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)


@every_case
def test_every_node_has_good_blocks(case: Case) -> None:
    f, x = case.point()
    system = adjoint.trace(f, *x).compile()
    for k in range(len(system)):
        for parent, block in system.blocks_of(k):
            assert parent < k
            assert block.in_shape == system.values[parent].shape
            assert block.out_shape == system.values[k].shape
            check_block(block)
        diagonal = system.diagonal_of(k)
        if diagonal is not None:
            check_block(diagonal)
            check_inverse(diagonal)


def check_inverse(block: Any) -> None:
    """``solve`` and ``solve_adjoint`` undo ``apply`` and ``apply_adjoint``, for one right-hand side and for several."""
    rng = np.random.default_rng(0)
    for batch in ((), (3,), (2, 1)):
        v = rng.standard_normal(batch + block.in_shape)
        np.testing.assert_allclose(block.solve(block.apply(v)), v, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(block.solve_adjoint(block.apply_adjoint(v)), v, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("case", SAMPLE, ids=lambda c: c.id)
def test_solvers_agree_on_the_gradient(case: Case) -> None:
    f, x = case.point()
    weights = directions([np.asarray(y) for y in leaves(f(*x))], 11)

    def scalar(*arguments: Any) -> Any:
        return sum(np.sum(w * y) for w, y in zip(weights, leaves(f(*arguments)), strict=True))

    system = adjoint.trace(scalar, *x).compile()
    expected = adjoint.grad(scalar, range(len(x)), solver="back_substitution")(*x)
    for solver in ("dense", "sparse_triangular"):
        if not accepts(solver, system):
            with pytest.raises(NotAcceptedError):
                adjoint.grad(scalar, range(len(x)), solver=solver)(*x)
            continue
        found = adjoint.grad(scalar, range(len(x)), solver=solver)(*x)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10, err_msg=solver)
        check_solver(solver, system, batch=(2,))


def accepts(solver: str, system: adjoint.ConstraintSystem) -> bool:
    """Assembled solvers take no map that is real-linear only, triangular ones no full diagonal block."""
    diagonal = [system.diagonal_of(k) for k in range(len(system))]
    if solver == "sparse_triangular" and any(d is not None and d.triangular is None for d in diagonal):
        return False
    for k in range(len(system)):
        for parent, block in system.blocks_of(k):
            if system.values[parent].dtype.kind == "c" and system.values[k].dtype.kind == "f":
                return False
            try:
                block.to_sparse()
            except NotAcceptedError:
                return False
    return True
