"""Cases with complex operands: the whole catalogue wherever NumPy takes complex numbers, and what only they have.

Nothing is said here about which operations those are: NumPy is asked, once, when the cases are collected.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.primitives.case import Attribute, Case, Fixed, any_real, case, constant, distinct, positive, uniform
from tests.primitives.catalogue import CASES
from tests.primitives.references import leaves


@dataclass(frozen=True, slots=True)
class ComplexCase:
    """A case some of whose differentiated operands get an imaginary part.

    Attributes
    ----------
    case : Case
    fields : str
        For each differentiated operand ``"c"`` or ``"r"``.
    """

    case: Case
    fields: str

    @property
    def id(self) -> str:
        return f"{self.case.id}-{self.fields}"

    @property
    def name(self) -> str:
        return str(getattr(self.case.subject, "__name__", self.case.subject))

    def point(self, seed: int = 0, dtype: Any = np.complex128) -> tuple[Callable[..., Any], tuple[np.ndarray, ...]]:
        """As :meth:`Case.point`, of the given complex dtype or the real one that belongs to it."""
        function, x = self.case.point(seed, np.empty(0, dtype).real.dtype)
        rng = np.random.default_rng([seed, 1])
        # off the real axis, on which roots and logarithms have their cuts, and off the steps of rounding
        parts = [rng.choice([0.1, 0.2, 0.3, -0.2, -0.3], a.shape) + rng.uniform(0.02, 0.03, a.shape) for a in x]
        z = [
            np.asarray(a + 1j * b, dtype) if field == "c" and a.dtype.kind == "f" else a
            for a, b, field in zip(x, parts, self.fields, strict=True)
        ]
        return function, tuple(z)


def numpy_takes(one: ComplexCase) -> bool:
    """Whether NumPy computes the case, without a warning that it drops something, and to finite numbers."""
    f, z = one.point()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            values = [np.asarray(y) for y in leaves(f(*z))]
    except (TypeError, ValueError, Warning):
        return False
    return all(y.dtype.kind in "biufc" and np.isfinite(y).all() for y in values)


def fields_of(one: Case) -> list[str]:
    """All operands complex; and where there are several, each kind of company."""
    count = sum(not isinstance(operand, Fixed) for operand in one.operands)
    return ["c" * count] if count < 2 else ["c" * count, "c" + "r" * (count - 1), "r" + "c" * (count - 1)]


def in_complex(cases: Iterable[Case]) -> list[ComplexCase]:
    """The cases that NumPy takes; without those in which it would see object arrays, whose parts it mistakes."""
    cases = [one for one in cases if not one.variation.startswith(OBJECT_ARRAYS)]
    candidates = [ComplexCase(one, fields) for one in cases for fields in fields_of(one) if fields]
    return [candidate for candidate in candidates if numpy_takes(candidate)]


OBJECT_ARRAYS = ("list_of_traced", "reduce_initial_traced")

NO_DERIVATIVE = frozenset({"airye", "ive", "jve", "psi", "yve"})
"""Functions of SciPy whose derivative at complex arguments is refused: not holomorphic, or no trigamma function."""

NO_SECOND_DERIVATIVE = frozenset({"gamma", "loggamma", "rgamma"})


def _log_branches(f: Any, x: Any) -> Any:
    """All four quadrants, and both sides of the cut along the negative real axis."""
    return f(x * [1, -1, 1j, -1j])


_turned = 0.6 - 0.8j
_complex_row = np.array([0.5 - 1j, -0.7j, 1.2])

OF_COMPLEX: list[Case] = [
    *(case(f, "scalar", any_real()) for f in (abs, np.angle, np.conj, np.sign, np.real, np.imag)),
    *(case(f, "matrix", any_real(2, 3)) for f in (np.angle, np.real, np.imag, np.conj)),
    *(case(f, "empty", any_real(0, 2)) for f in (np.angle, np.real, np.imag, np.conj, np.sign, np.abs)),
    *(case(Attribute(name), "complex", any_real(2, 3)) for name in ("real", "imag", "conj", "conjugate")),
    case(np.angle, "degrees", any_real(3), call=lambda f, z: f(z, deg=True)),
    case(np.angle, "quadrants", positive(4), call=_log_branches),
    *(case(f, "quadrants", positive(4), call=_log_branches) for f in (np.sqrt, np.log, np.log2, np.log10, np.log1p)),
    case(np.arctanh, "beyond_one", uniform(1.2, 2.0)(3)),
    case(np.arcsin, "beyond_one", uniform(1.2, 2.0)(3)),
    case(np.arccos, "beyond_minus_one", uniform(-2.0, -1.2)(3)),
    case(np.arccosh, "below_one", uniform(-0.5, 0.5)(3)),
    case(np.sqrt, "negative", uniform(-2.0, -0.5)(2, 3)),
    case(np.power, "complex_exponent", positive(3), call=lambda f, z: f(z, 0.5 + 2j)),
    case(np.power, "complex_base", any_real(3), call=lambda f, z: f(1 + 2j, z)),
    case(np.power, "negative_base", uniform(-2.0, -0.5)(3), any_real(3)),
    case(operator.pow, "square_root", any_real(3), call=lambda f, z: f(z, 0.5)),
    case(operator.pow, "inverse_square", positive(3), call=lambda f, z: f(z, -2)),
    case(np.real_if_close, "kept", any_real(3)),
    case(np.real_if_close, "dropped", any_real(3), call=lambda f, z: f(z * np.conj(z)), branches=True),
    case(np.vdot, "matrices", any_real(2, 3), any_real(2, 3)),
    case(np.vdot, "with_itself", any_real(3), call=lambda f, z: f(z, z)),
    case(np.vdot, "constant_left", any_real(3), call=lambda f, z: f(_complex_row, z)),
    case(np.vdot, "constant_right", any_real(3), call=lambda f, z: f(z, _complex_row)),
    case(np.multiply, "with_its_conjugate", any_real(3), call=lambda f, z: f(z, np.conj(z))),
    case(np.add, "with_its_conjugate", any_real(3), call=lambda f, z: f(z, z.conj())),
    case(np.multiply, "complex_constant", any_real(2, 3), constant(_complex_row)),
    case(np.true_divide, "complex_constant", any_real(2, 3), constant(_complex_row)),
    case(operator.mul, "complex_number", any_real(2), call=lambda f, z: f(_turned, z)),
    case(operator.matmul, "complex_constant", any_real(2, 3), constant(_complex_row)),
    case(np.absolute, "square", any_real(3), call=lambda f, z: f(z) ** 2),
    case(np.absolute, "of_sum", any_real(3), any_real(), call=lambda f, z, c: f(z @ z + c)),
    case(np.angle, "of_quotient", positive(3), positive(3), call=lambda f, a, b: f(a / b)),
    case(np.where, "by_the_modulus", distinct(3), call=lambda f, z: f(np.abs(z) > 1, z * z, np.conj(z))),
    case(np.linalg.norm, "of_complex", any_real(3)),
    case(np.exp, "of_conjugate", any_real(3), call=lambda f, z: f(1j * np.conj(z)) * z),
    case(Attribute("astype"), "to_complex", any_real(3), call=lambda f, z: f(z, np.complex128)),
    case(np.sum, "to_complex", any_real(2, 3), call=lambda f, z: f(z, axis=0, dtype=complex)),
]
"""Operations that are about complex numbers; every operand complex, and in company of real ones."""

THROUGH_COMPLEX: list[Case] = [
    case(np.exp, "phase", any_real(3), call=lambda f, x: f(1j * x)),
    case(np.exp, "phase_real_part", any_real(3), call=lambda f, x: f(1j * x).real),
    case(np.exp, "damped", any_real(3), positive(3), call=lambda f, x, y: f(x + 1j * y)),
    case(np.sqrt, "of_complex_sum", any_real(3), call=lambda f, x: f(x + 1j).imag),
    case(np.log, "of_complex_sum", any_real(3), any_real(3), call=lambda f, x, y: f(x + 2j * y)),
    case(np.absolute, "of_two_parts", any_real(3), positive(3), call=lambda f, x, y: f(x + 1j * y)),
    case(np.angle, "of_two_parts", any_real(3), positive(3), call=lambda f, x, y: f(x + 1j * y)),
    case(np.angle, "of_real", distinct(3)),
    case(np.real_if_close, "of_real", any_real(3)),
    case(np.real, "of_product", any_real(3), call=lambda f, x: f(_complex_row * x)),
    case(np.imag, "of_product", any_real(3), call=lambda f, x: f(_complex_row * x * x)),
    case(np.conj, "of_product", any_real(2, 3), call=lambda f, x: f(_complex_row * x)),
    case(Attribute("astype"), "complex_and_back", any_real(3), call=lambda f, x: (f(x, complex) * 1j * x).imag),
    case(np.power, "complex_exponent_of_real", positive(3), call=lambda f, x: f(x, 0.5 + 2j)),
    case(np.power, "real_exponent_of_complex", any_real(3), call=lambda f, x: f(0.4 - 2j, x)),
    case(np.matmul, "complex_matrix", any_real(3), call=lambda f, x: f(np.outer(_complex_row, [1, 2, 1j]), x)),
    case(np.vdot, "real_with_complex", any_real(3), call=lambda f, x: f(x, _complex_row * x)),
    case(np.prod, "of_phases", any_real(3), call=lambda f, x: f(np.exp(1j * x))),
    case(np.where, "real_or_complex", distinct(3), call=lambda f, x: f(x > 0, x, 1j * x)),
    case(np.concatenate, "real_and_complex", any_real(2), call=lambda f, x: f([x, 1j * x])),
]
"""Real arguments that become complex on the way, and sometimes real again."""

_candidates = in_complex(CASES)
COMPLEX_CASES: list[ComplexCase] = [
    *(one for one in _candidates if one.name not in NO_DERIVATIVE),
    *in_complex(OF_COMPLEX),
    *(ComplexCase(one, "r" * len(fields_of(one)[0])) for one in THROUGH_COMPLEX),
]
REFUSED: list[ComplexCase] = [one for one in _candidates if one.name in NO_DERIVATIVE]
TWICE: list[ComplexCase] = [one for one in COMPLEX_CASES if one.name not in NO_SECOND_DERIVATIVE]
REFUSED_TWICE: list[ComplexCase] = [one for one in COMPLEX_CASES if one.name in NO_SECOND_DERIVATIVE]
