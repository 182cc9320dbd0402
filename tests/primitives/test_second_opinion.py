"""A second opinion: the derivatives that HIPS autograd finds for the catalogue, wherever it can take a case.

The references of the other tests are differences of function values, good to eight digits. Another package that
differentiates by rules is good to all of them, and its rules were written by other people.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from tests.primitives import autograd_peer, references, test_complex
from tests.primitives.autograd_peer import TAKEN, TAKEN_COMPLEX, flat, in_autograd
from tests.primitives.case import Case
from tests.primitives.cases_complex import ComplexCase
from tests.primitives.references import directions, leaves
from tests.primitives.test_first import found_jacobian
from tests.primitives.test_second import scalar_of

KNOWN_ERRORS: dict[str, str] = {
    **dict.fromkeys(
        [f"{f}-{where}" for f in ("sum", "prod", "mean", "var", "std") for where in ("where", "where_axis")]
        + [f"{f}-where_broadcast" for f in ("sum", "prod", "mean", "var", "std")]
        + ["sum-initial_where", "prod-initial_where", "var-where_ddof", "std-where_ddof"]
        + ["max-where", "min-where", "min-where_of_itself"],
        "where= is passed to the value and ignored by the derivative",
    ),
    **dict.fromkeys(
        ("var-correction", "std-correction", "var-mean_constant", "std-mean_constant"),
        "the arguments that NumPy 2 added are ignored by the derivative",
    ),
    **dict.fromkeys(
        ("cholesky-matrix", "cholesky-stack"),
        "NumPy reads the lower triangle only; the derivative is spread over both",
    ),
    "solve-stack_constant_right_side": "a stack of matrices with one vector: the derivatives of the stack are mixed up",
    "norm-vector_order_inf": "the infinity norm is differentiated as a power: inf / inf",
    **dict.fromkeys(
        ("reshape-order_a_of_transposed", "ravel-order_a"),
        "order='A' is taken of the seed, whose layout is not that of the argument",
    ),
    **dict.fromkeys(("astype-to_integers", "ndarray.astype-integer"), "a conversion to integers passes the seed on"),
    **dict.fromkeys(
        ("full_like-traced_value", "full_like-traced_options"),
        "a traced value to fill with is treated as constant",
    ),
    **dict.fromkeys(("repeat-negative_axis", "tile-fewer_axes"), "axes are counted from the wrong side"),
    "cross-planes": "vectors with two entries, whose product is a number",
    **dict.fromkeys(("sinc-at_zero", "sinc-near_zero"), "0 / 0"),
    **dict.fromkeys(
        [f"irfft-{real}{norm}" for real in ("", "real_") for norm in ("forward", "backward")]
        + [f"{f}-{real}negative_axes" for f in ("irfft2", "irfftn") for real in ("", "real_")],
        "of the norms only 'ortho' is known: 'forward' and 'backward' get the default's factor",
    ),
}
"""Cases in which autograd is wrong, and how. Differences say so: see the test of these."""

KNOWN_ERRORS_COMPLEX: dict[str, str] = {
    "slogdet-sign-c": "the sign of the determinant is treated as constant: it turns in the plane",
    "cholesky-symmetric_argument-c": "written with transposes where the conjugate transpose is meant",
    **dict.fromkeys(("pinv-tall-c", "pinv-wide-c", "pinv-stack-c"), "transposes instead of conjugate transposes"),
    **dict.fromkeys(("eig-matrix-c", "eig-stack-c"), "LAPACK keeps the largest entry of an eigenvector real"),
    "arccosh-below_one-c": "1 / sqrt(z² − 1) is on the other branch left of the imaginary axis",
    "power-negative_base-rc": "the logarithm of a negative base is taken as a real number",
}
"""The same for complex numbers, beyond those that are wrong for real ones."""

KNOWN_ERRORS_SECOND: dict[str, str] = dict.fromkeys(
    ("det-rank_one_less", "det-stack_with_singular"),
    "the derivative of the determinant is written with the inverse, which a singular matrix has not",
)
"""The same for second derivatives."""

NO_SECOND = {"norm-axes_order_nuc"}
"""Cases that autograd differentiates once only, and raises."""


def close(found: Any, expected: Any, tolerance: float) -> None:
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale)


def agree(found: np.ndarray, expected: np.ndarray) -> bool:
    """To the precision of differences."""
    return np.allclose(found, expected, rtol=1e-6, atol=1e-6)


def known(case: ComplexCase) -> bool:
    return case.id in KNOWN_ERRORS_COMPLEX or case.case.id in KNOWN_ERRORS


def weights_of(case: Case) -> np.ndarray:
    """The weights of ``scalar_of``."""
    f, x = case.point()
    return references.flat(directions([np.asarray(y) for y in leaves(f(*x))], 5))


def both_products(case: ComplexCase) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A seed, and what it is when pulled back by the library and by autograd."""
    f, x = case.point()
    y, pull_back = adjoint.vjp(f, *x)
    seed = test_complex.seed_like(y, 2)
    expected = autograd_peer.product(*in_autograd(case))[1](flat(seed))
    return flat(seed), flat(list(pull_back(seed))), flat(expected)


@pytest.mark.parametrize("case", [c for c in TAKEN if c.id not in KNOWN_ERRORS], ids=lambda c: c.id)
def test_first_derivatives(case: Case) -> None:
    f, x = case.point()
    close(found_jacobian(f, x), autograd_peer.jacobian(*in_autograd(case)), 1e-10)


@pytest.mark.parametrize(
    "case",
    [c for c in TAKEN if c.id not in {*KNOWN_ERRORS, *KNOWN_ERRORS_SECOND, *NO_SECOND}],
    ids=lambda c: c.id,
)
def test_second_derivatives(case: Case) -> None:
    f, x = scalar_of(case)
    v = directions(x, 6)
    expected = autograd_peer.hvp(*in_autograd(case), weights_of(case), v)
    close(references.flat(adjoint.hvp(f, x, v)), expected, 1e-9)


@pytest.mark.parametrize("case", [c for c in TAKEN_COMPLEX if not known(c)], ids=lambda c: c.id)
def test_complex_products(case: ComplexCase) -> None:
    _, found, expected = both_products(case)
    close(found, expected, 1e-10)


# --- where the two disagree, differences of function values decide --------------------------------------


@pytest.mark.parametrize("case", [c for c in TAKEN if c.id in KNOWN_ERRORS], ids=lambda c: c.id)
def test_known_errors(case: Case) -> None:
    f, x = case.point()
    expected = references.jacobian(f, x)
    assert agree(found_jacobian(f, x), expected)
    with np.errstate(all="ignore"):
        assert not agree(autograd_peer.jacobian(*in_autograd(case)), expected), "autograd has learned it"


@pytest.mark.parametrize("case", [c for c in TAKEN if c.id in KNOWN_ERRORS_SECOND], ids=lambda c: c.id)
def test_known_errors_of_second_derivatives(case: Case) -> None:
    f, x = scalar_of(case)
    v = directions(x, 6)
    expected = references.slope(adjoint.grad(f, range(len(x))), x, v)
    assert agree(references.flat(adjoint.hvp(f, x, v)), expected)
    assert not agree(autograd_peer.hvp(*in_autograd(case), weights_of(case), v), expected), "autograd has learned it"


@pytest.mark.parametrize("case", [c for c in TAKEN_COMPLEX if c.id in KNOWN_ERRORS_COMPLEX], ids=lambda c: c.id)
def test_known_errors_of_complex_products(case: ComplexCase) -> None:
    f, x = case.point()
    with np.errstate(all="ignore"):
        seed, found, by_autograd = both_products(case)
    v = test_complex.directions(x, 4)
    expected = np.vdot(seed, test_complex.slope(f, x, v)).real  # ⟨w, J v⟩ = ⟨Jᴴ w, v⟩
    assert agree(np.vdot(found, flat(v)).real, expected)
    assert not agree(np.vdot(by_autograd, flat(v)).real, expected), "autograd has learned it"


def test_a_good_part_of_the_catalogue_is_compared() -> None:
    """Trying leaves out what autograd does not take; were it to leave out all, nothing else here would fail."""
    assert {*KNOWN_ERRORS, *KNOWN_ERRORS_SECOND, *NO_SECOND} <= {case.id for case in TAKEN}
    assert set(KNOWN_ERRORS_COMPLEX) <= {case.id for case in TAKEN_COMPLEX}
    compared = [case for case in TAKEN if case.id not in KNOWN_ERRORS]
    assert len(compared) > 900
    assert len({case.subject for case in compared}) > 180
    assert len([case for case in TAKEN_COMPLEX if not known(case)]) > 1000
