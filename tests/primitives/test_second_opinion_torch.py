"""A second opinion: PyTorch's derivatives of what HIPS autograd lacks, and of much that it has.

The tables give PyTorch's name, the function of NumPy or SciPy, and where both are evaluated.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special

import adjoint
from tests.primitives import torch_peer
from tests.primitives.references import leaves
from tests.primitives.test_complex import directions
from tests.primitives.torch_pairs import ALONG_AXES, ENTRYWISE
from tests.primitives.torch_pairs_arrays import MOVING, WRITTEN
from tests.primitives.torch_pairs_linalg import COMPLEX, FOURIER, LINALG
from tests.primitives.torch_peer import Pair, flat

PAIRS: list[Pair] = [*ENTRYWISE, *ALONG_AXES, *MOVING, *WRITTEN, *LINALG, *FOURIER, *COMPLEX]

COARSE = {"special.digamma-plain": 1e-8, "special.polygamma-0": 1e-8, "special.polygamma-1": 1e-8}
"""What PyTorch's trigamma function is good for: see the test of it."""

ONCE = {"cdist-plain"}
"""Pairs that PyTorch differentiates once only, and raises."""


def close(found: np.ndarray, expected: np.ndarray, tolerance: float, name: str) -> None:
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def test_the_table() -> None:
    assert len({one.id for one in PAIRS}) == len(PAIRS)
    assert len({one.name for one in PAIRS}) > 200


@pytest.mark.parametrize("one", PAIRS, ids=lambda one: one.id)
def test_derivatives(one: Pair) -> None:
    x = one.point()
    y = flat(leaves(one.ours(*x)))
    close(y, flat(leaves(one.theirs(*torch_peer.tensors(x)))), COARSE.get(one.id, 1e-12), "value")
    seeds = torch_peer.seeds_of(y)
    expected = torch_peer.pulled_by_torch(one, x, seeds)
    close(torch_peer.pulled_by_adjoint(one, x, seeds), expected, COARSE.get(one.id, 1e-10), "first")
    if one.id not in ONCE:
        seed, v = directions([y], 5)[0], directions(x, 6)
        expected = torch_peer.second_by_torch(one, x, seed, v)
        close(torch_peer.second_by_adjoint(one, x, seed, v), expected, COARSE.get(one.id, 1e-9), "second")


def test_the_trigamma_function_of_torch_is_coarse() -> None:
    """At 3/2 it is π²/2 − 4."""
    exact = np.pi**2 / 2 - 4
    assert adjoint.grad(scipy.special.psi)(1.5) == pytest.approx(exact, rel=1e-14)
    value = float(torch_peer.torch.special.polygamma(1, torch_peer.torch.tensor(1.5, dtype=torch_peer.torch.float64)))
    assert 1e-10 < abs(value / exact - 1) < 1e-8
