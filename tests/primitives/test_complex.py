"""The laws of this folder over the complex numbers, in the inner product ``Re⟨v, w⟩``.

A tangent is a direction in the plane, a multiplier is ``∂/∂Re + i ∂/∂Im``, and the references are differences along
the real and along the imaginary axis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError, RuleError
from adjoint.testing import check_block
from tests.primitives import references
from tests.primitives.cases_complex import COMPLEX_CASES, REFUSED, REFUSED_TWICE, TWICE, ComplexCase
from tests.primitives.references import leaves
from tests.primitives.test_values import assert_same_output


def in_parts(cases: Sequence[ComplexCase]) -> list[Any]:
    """The first cases of every operation, and some of the others; the rest is left to ``make test-slow``."""
    met: Counter[str] = Counter()
    chosen = []
    for case in cases:
        k = met[case.name]
        met[case.name] += 1
        chosen.append(case if k < 3 or k % 5 == 0 else pytest.param(case, marks=pytest.mark.slow))
    return chosen


every_case = pytest.mark.parametrize("case", in_parts(COMPLEX_CASES), ids=lambda c: c.id)


def flat(y: Any) -> np.ndarray:
    """All entries of an output as one complex vector."""
    return np.concatenate([np.zeros(0, complex), *(np.ravel(np.asarray(part)) for part in leaves(y))])


def dot(a: Any, b: Any) -> Any:
    """``Re⟨a, b⟩``, traceable."""
    return sum(np.sum(np.real(np.conj(p) * q)) for p, q in zip(leaves(a), leaves(b), strict=True))


def slope(f: Callable[..., Any], x: Sequence[np.ndarray], v: Sequence[np.ndarray]) -> np.ndarray:
    """The derivative of ``f`` along ``v`` by differences, as a complex vector."""

    def parts(*arguments: Any) -> list[np.ndarray]:
        y = flat(f(*arguments))
        return [y.real, y.imag]

    real, imaginary = np.split(references.slope(parts, x, v), 2)
    return np.asarray(real + 1j * imaginary)


def directions(x: Sequence[Any], seed: int, axis: complex | None = None) -> tuple[np.ndarray, ...]:
    """Random directions: along one axis of the plane, or anywhere in it. A real operand has real ones."""
    x = [np.asarray(a) for a in x]
    real, imaginary = references.directions(x, seed), references.directions(x, seed + 100)
    moves = [a * axis if axis else a + 1j * b for a, b in zip(real, imaginary, strict=True)]
    return tuple(
        np.asarray(v, np.result_type(a.dtype, np.complex64)) if a.dtype.kind == "c" else v.real
        for v, a in zip(moves, x, strict=True)
    )


def seed_like(y: Any, number: int) -> Any:
    parts = directions(leaves(y), number)
    return type(y)(parts) if isinstance(y, (list, tuple)) else parts[0]


def close(found: Any, expected: Any, tolerance: float, name: str = "") -> None:
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=name)


def energy_of(case: ComplexCase, dtype: Any = np.complex128) -> tuple[Callable[..., Any], tuple[np.ndarray, ...]]:
    """A real functional of the case's output ``y``: a quadratic one, which is not holomorphic in it."""
    f, x = case.point(dtype=dtype)
    weights = [np.asarray(w, np.asarray(y).dtype) for w, y in _weighted(f(*x))]

    def energy(*arguments: Any) -> Any:
        total = 0.0
        for w, y in zip(weights, leaves(f(*arguments)), strict=True):
            total = total + np.sum(np.real(np.conj(w) * y)) + np.sum(w.real * (np.real(y) ** 2 + np.imag(y) ** 2)) / 2
        return total

    return energy, x


def _weighted(y: Any) -> list[tuple[np.ndarray, Any]]:
    return list(zip(directions(leaves(y), 5), leaves(y), strict=True))


@every_case
def test_values_are_numpys(case: ComplexCase) -> None:
    for dtype, tolerance in ((np.complex128, 1e-13), (np.complex64, 1e-5)):
        f, x = case.point(dtype=dtype)
        before = [a.copy() for a in x]
        assert_same_output(adjoint.trace(f, *x).compile().output, f(*x), tolerance)
        for a, b in zip(x, before, strict=True):
            np.testing.assert_array_equal(a, b)


@every_case
def test_both_modes(case: ComplexCase) -> None:
    f, x = case.point()
    y, push_forward = adjoint.linearize(f, *x)
    _, pull_back = adjoint.vjp(f, *x)
    w = seed_like(y, 2)
    pulled = pull_back(w)
    assert [np.asarray(a).dtype for a in pulled] == [a.dtype for a in x]
    real, imaginary = directions(x, 1, 1.0), directions(x, 3, 1j)
    pushed = []
    for name, v in (("real", real), ("imaginary", imaginary), ("any", directions(x, 4))):
        found = push_forward(*v)
        for part, value in zip(leaves(found), leaves(y), strict=True):
            assert np.asarray(part).dtype == value.dtype or value.dtype.kind not in "fc"
        close(flat(found), slope(f, x, v), 1e-7, name)
        close(dot(w, found), dot(pulled, v), 1e-11, "duality")
        pushed.append(flat(found))
    several = push_forward(*(np.stack([a, b]) for a, b in zip(real, imaginary, strict=True)))
    for k in range(2):
        close(flat([part[k] for part in leaves(several)]), pushed[k], 1e-12, "several right-hand sides")


@every_case
def test_the_gradient_of_a_real_functional(case: ComplexCase) -> None:
    energy, x = energy_of(case)
    gradient = adjoint.grad(energy, range(len(x)))(*x)
    for k, (g, a) in enumerate(zip(gradient, x, strict=True)):
        assert np.asarray(g).dtype == a.dtype
        for entry in np.ndindex(a.shape):
            expected = 0j
            for axis in (1, 1j) if a.dtype.kind == "c" else (1,):
                v = [np.zeros_like(b) for b in x]
                v[k][entry] = axis
                expected += axis * slope(energy, x, v)[0]
            close(g[entry], expected, 1e-7)


@pytest.mark.parametrize("case", in_parts(TWICE), ids=lambda c: c.id)
def test_second_derivatives(case: ComplexCase) -> None:
    energy, x = energy_of(case)
    v, u = directions(x, 6), directions(x, 7)
    gradient = adjoint.grad(energy, range(len(x)))
    expected = slope(gradient, x, v)
    close(flat(adjoint.hvp(energy, x, v)), expected, 1e-6, "forward over reverse")
    over_reverse = adjoint.grad(lambda *a: dot(v, gradient(*a)), range(len(x)))
    close(flat(over_reverse(*x)), expected, 1e-6, "reverse over reverse")
    over_forward = adjoint.grad(lambda *a: adjoint.jvp(energy, a, v)[1], range(len(x)))
    close(flat(over_forward(*x)), expected, 1e-6, "reverse over forward")
    twice_forward = adjoint.jvp(lambda *a: adjoint.jvp(energy, a, v)[1], x, u)[1]
    close(twice_forward, np.vdot(flat(u), expected).real, 1e-6, "forward over forward")


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c.id)
def test_what_is_refused_says_so(case: ComplexCase) -> None:
    energy, x = energy_of(case)
    with pytest.raises(RuleError, match="of complex values"):
        adjoint.grad(energy, range(len(x)))(*x)


@pytest.mark.parametrize("case", REFUSED_TWICE, ids=lambda c: c.id)
def test_what_is_refused_in_second_order_says_so(case: ComplexCase) -> None:
    energy, x = energy_of(case)
    with pytest.raises(RuleError, match="of complex values"):
        adjoint.hvp(energy, x, directions(x, 6))


@every_case
def test_single_precision_stays_single(case: ComplexCase) -> None:
    energy, x = energy_of(case, np.complex64)
    gradient = adjoint.grad(energy, range(len(x)))(*x)
    assert [np.asarray(g).dtype for g in gradient] == [a.dtype for a in x]
    double = [a.astype(np.result_type(a.dtype, np.float64)) for a in x]
    close(flat(gradient), flat(adjoint.grad(energy, range(len(x)))(*double)), 1e-4)
    f, x = case.point(dtype=np.complex64)
    y, y_dot = adjoint.jvp(f, x, tuple(v.astype(a.dtype) for v, a in zip(directions(x, 8), x, strict=True)))
    for value, tangent in zip(leaves(y), leaves(y_dot), strict=True):
        assert np.asarray(tangent).dtype == value.dtype or value.dtype.kind not in "fc"


@every_case
def test_blocks_keep_their_contract(case: ComplexCase) -> None:
    for _, _, block in edges(*case.point()):
        check_block(block, complex=True)


@pytest.mark.parametrize("case", COMPLEX_CASES[::4], ids=lambda c: c.id)
def test_assembled_solvers_agree_or_refuse(case: ComplexCase) -> None:
    """Complex-linear blocks have a matrix over the complex numbers; a system with a real-linear one has none."""
    f, x = case.point()
    y, push_forward = adjoint.linearize(f, *x)
    _, pull_back = adjoint.vjp(f, *x)
    v, w = directions(x, 11), seed_like(y, 12)
    real_linear = any(start == "c" != end or has_no_matrix(block) for start, end, block in edges(f, x))
    system = adjoint.trace(f, *x).compile()
    implicit = any(system.diagonal_of(k) is not None for k in range(len(system)))
    for solver in ("dense",) if implicit else ("dense", "sparse_triangular"):  # the other one refuses a linear solve
        push, pull = adjoint.linearize(f, *x, solver=solver)[1], adjoint.vjp(f, *x, solver=solver)[1]
        if real_linear:
            for call in (lambda push=push: push(*v), lambda pull=pull: pull(w)):
                with pytest.raises(NotAcceptedError, match="'back_substitution'"):
                    call()
        else:
            close(flat(push(*v)), flat(push_forward(*v)), 1e-10, solver)
            close(flat(pull(w)), flat(pull_back(w)), 1e-10, solver)


def edges(f: Callable[..., Any], x: Sequence[np.ndarray]) -> list[tuple[str, str, Any]]:
    """All blocks, and the kinds of numbers between which they map."""
    system = adjoint.trace(f, *x).compile()
    kinds = [value.dtype.kind for value in system.values]
    with np.errstate(all="ignore"):
        return [(kinds[p], kinds[k], block) for k in range(len(system)) for p, block in system.blocks_of(k)]


def has_no_matrix(block: Any) -> bool:
    try:
        block.to_sparse()
    except NotAcceptedError:
        return True
    return False


# --- holomorphic functions: a tangent is a product with the complex derivative ------------------------

HOLOMORPHIC: dict[Any, Sequence[complex]] = {
    **dict.fromkeys((np.exp, np.exp2, np.expm1, np.sin, np.cos, np.sinh, np.cosh), (0.3 + 0.8j, -1.2 - 0.5j, 2j)),
    **dict.fromkeys((np.square, np.negative, np.positive), (0.3 + 0.8j, -1.2 - 0.5j, 0j)),
    **dict.fromkeys((np.tan, np.tanh, np.reciprocal), (0.3 + 0.8j, -0.7 - 0.5j, 1.2 + 0.4j)),
    **dict.fromkeys((np.sqrt, np.log, np.log2, np.log10), (0.3 + 0.8j, -2 + 0.3j, -2 - 0.3j, 1 - 1j)),
    np.log1p: (0.3 + 0.8j, -3 + 0.3j, -3 - 0.3j),
    **dict.fromkeys((np.arcsin, np.arccos, np.arctanh), (0.2 - 0.6j, 2 + 0.4j, 2 - 0.4j, -2 + 0.4j, -2 - 0.4j)),
    **dict.fromkeys((np.arctan, np.arcsinh), (0.6 + 0.2j, 0.4 + 2j, -0.4 + 2j, 0.4 - 2j, -0.4 - 2j)),
    np.arccosh: (2 + 0.4j, -2 + 0.4j, -2 - 0.4j, 0.2 + 0.5j, 0.2 - 0.5j, 0.9j),
}


def cauchy(f: Callable[[Any], Any], z: complex, radius: float = 0.2) -> complex:
    """``f'(z)`` by Cauchy's formula on a circle that meets no cut: exact to rounding, as trapezoids are there."""
    turns = np.exp(2j * np.pi * np.arange(64) / 64)
    return complex(np.mean(f(z + radius * turns) / turns) / radius)


@pytest.mark.parametrize("f", HOLOMORPHIC, ids=lambda f: f.__name__)
def test_the_derivative_of_a_holomorphic_function(f: np.ufunc) -> None:
    for z in HOLOMORPHIC[f]:
        expected = cauchy(f, z)
        for v in (1.0, 1j, 0.6 - 1.7j):
            close(adjoint.jvp(f, (z,), (complex(v),))[1], expected * v, 1e-12, f"at {z} along {v}")
        close(adjoint.vjp(f, z)[1](0.3 - 1j)[0], np.conj(expected) * (0.3 - 1j), 1e-12, f"at {z}")
        slope_of = lambda t, z=z: adjoint.jvp(f, (t,), (1 + 0j,))[1]
        second = np.array([slope_of(z + 0.2 * turn) / turn for turn in np.exp(2j * np.pi * np.arange(64) / 64)])
        close(adjoint.jvp(slope_of, (z,), (1j,))[1], 1j * np.mean(second) / 0.2, 1e-11, f"twice at {z}")


@pytest.mark.parametrize("f", [np.conj, np.real, np.imag, np.abs, np.angle, np.sign], ids=lambda f: f.__name__)
def test_others_have_no_complex_derivative(f: Any) -> None:
    """Along the imaginary axis it is not i times the derivative along the real one."""
    z = 0.6 - 0.8j
    along = [adjoint.jvp(f, (z,), (v,))[1] for v in (1 + 0j, 1j)]
    assert abs(along[1] - 1j * along[0]) > 0.1
    closed = {"conjugate": (1, -1j), "real": (1, 0), "imag": (0, 1), "absolute": (0.6, -0.8), "angle": (0.8, 0.6)}
    closed["sign"] = (0.64 + 0.48j, 0.48 + 0.36j)  # the part of v across z, over |z| = 1
    np.testing.assert_allclose(along, closed[f.__name__], atol=1e-15)
