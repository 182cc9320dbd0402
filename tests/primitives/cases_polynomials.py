"""Cases of NumPy's polynomial functions: values, algebra, roots, least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, distinct, positive


def _values() -> list[Case]:
    return [
        case(np.vander, "square", any_real(3)),
        case(np.vander, "columns", any_real(3), N=5),
        case(np.vander, "increasing", any_real(3), increasing=True),
        case(np.vander, "two_columns", any_real(2), N=2),
        case(np.vander, "one_column", any_real(2), N=1),
        case(np.vander, "no_columns", any_real(2), N=0),
        case(np.vander, "at_zero", constant([0.0, 1.0]), any_real(2), call=lambda f, c, x: f(c * x, 4)),
        case(np.polyval, "scalar", any_real(4), any_real()),
        case(np.polyval, "vector", any_real(4), any_real(3)),
        case(np.polyval, "matrix", any_real(3), any_real(2, 2)),
        case(np.polyval, "constant_polynomial", Fixed(any_real(4)), any_real(3)),
        case(np.polyval, "constant_points", any_real(4), Fixed(any_real(3))),
        case(np.polyval, "lists", any_real(2), call=lambda f, x: f([1.0, -2.0, 0.5], x)),
        case(np.polyval, "list_of_points", any_real(3), call=lambda f, p: f(p, [1.0, 2.0])),
        case(np.polyval, "empty", any_real(0), any_real(2)),
        case(np.polyval, "poly1d", any_real(2), call=lambda f, x: f(np.poly1d([1.0, 2.0, 3.0]), x)),
        case(np.polyval, "call_of_poly1d", any_real(2), call=lambda f, x: np.poly1d([1.0, 2.0, 3.0])(x)),
    ]


def _algebra() -> list[Case]:
    cases = []
    for f in (np.polyadd, np.polysub, np.polymul):
        cases += [
            case(f, "equal", any_real(3), any_real(3)),
            case(f, "longer_left", any_real(4), any_real(2)),
            case(f, "longer_right", any_real(2), any_real(4)),
            case(f, "scalar", any_real(3), any_real()),
            case(f, "list_on_the_left", any_real(3), call=lambda f, p: f([1.0, 2.0], p)),
            case(f, "list_on_the_right", any_real(3), call=lambda f, p: f(p, [1.0, 2.0])),
            case(f, "with_itself", any_real(3), call=lambda f, p: f(p, p)),
        ]
    divide = np.polydiv

    def end(f: Any, u: Any, v: Any) -> Any:
        """How many entries of the rest have cancelled depends on the precision; those that are left never do."""
        quotient, rest = f(u, v)
        return quotient, rest[1 - len(v) :]

    return [
        *cases,
        case(
            np.polymul,
            "leading_zeros",
            any_real(3),
            branches=True,
            call=lambda f, p: f(np.append(0.0, p), [0.0, 2.0, 1.0]),
        ),
        case(np.polyder, "first", any_real(4)),
        case(np.polyder, "second", any_real(4), m=2),
        case(np.polyder, "zeroth", any_real(4), m=0),
        case(np.polyder, "all_gone", any_real(2), m=3),
        case(np.polyint, "first", any_real(3)),
        case(np.polyint, "second", any_real(3), m=2),
        case(np.polyint, "zeroth", any_real(3), m=0),
        case(np.polyint, "constant", any_real(3), any_real(), call=lambda f, p, k: f(p, k=k)),
        case(np.polyint, "one_constant_for_all", any_real(2), any_real(), call=lambda f, p, k: f(p, 2, k)),
        case(np.polyint, "constants", any_real(2), any_real(2), call=lambda f, p, k: f(p, 2, k)),
        case(divide, "longer", any_real(5), positive(3), call=end),
        case(divide, "equal", any_real(3), positive(3), call=end),
        case(divide, "shorter", any_real(2), positive(3)),
        case(divide, "by_number", any_real(3), positive(1)),
        case(divide, "constant_divisor", any_real(4), call=lambda f, u: end(f, u, [2.0, 1.0])),
        case(divide, "constant_dividend", positive(2), call=lambda f, v: end(f, [1.0, 3.0, 2.0], v)),
    ]


def _roots() -> list[Case]:
    roots = np.roots
    of_zeros = lambda f, z: f(np.poly(z))
    pairs = lambda f, p: [part for y in [f(np.append(1.0, p**2))] for part in (np.real(y), np.imag(y))]
    return [
        case(np.poly, "zeros", any_real(3)),
        case(np.poly, "one_zero", any_real(1)),
        case(np.poly, "list_of_traced", any_real(2), call=lambda f, z: f([z[0], z[1] * z[0]])),
        case(
            np.poly, "conjugate_pairs", any_real(2), call=lambda f, z: f(np.stack([z[0] + 1j * z[1], z[0] - 1j * z[1]]))
        ),
        case(roots, "real", distinct(3), call=of_zeros),
        case(roots, "conjugate_pairs", positive(2), call=pairs),
        case(roots, "linear", positive(2)),
        case(roots, "leading_coefficient", positive(), call=lambda f, a: f([a, 3.0, 1.0])),
        case(roots, "zero_ends", positive(2), branches=True, call=lambda f, a: f([0.0, a[0], 4.0, a[1], 0.0])),
        case(roots, "no_roots", positive(1)),
    ]


def _fits() -> list[Case]:
    f, x, y = np.polyfit, distinct(6), any_real(6)
    grid = Fixed(lambda rng: np.linspace(-1.0, 1.0, 6))
    return [
        case(f, "line", x, y, deg=1),
        case(f, "parabola", x, y, deg=2),
        case(f, "constant", x, y, deg=0),
        case(f, "constant_points", grid, y, deg=2),
        case(f, "constant_values", x, Fixed(y), deg=2),
        case(f, "several", x, any_real(6, 2), deg=2),
        case(f, "weights", x, y, positive(6), call=lambda f, x, y, w: f(x, y, 2, w=w)),
        case(f, "weights_of_several", x, any_real(6, 2), positive(6), call=lambda f, x, y, w: f(x, y, 1, w=w)),
        case(f, "only_weights", grid, Fixed(y), positive(6), call=lambda f, x, y, w: f(x, y, 2, w=w)),
        case(f, "full", x, y, call=lambda f, x, y: list(f(x, y, 1, full=True)[:2])),
        case(f, "covariance", x, y, call=lambda f, x, y: list(f(x, y, 1, cov=True))),
        case(f, "unscaled_covariance", x, y, call=lambda f, x, y: list(f(x, y, 1, cov="unscaled"))),
        case(f, "covariance_of_several", x, any_real(6, 2), call=lambda f, x, y: list(f(x, y, 1, cov=True))),
        case(f, "rcond", x, y, call=lambda f, x, y: f(x, y, 1, 1e-10)),
    ]


CASES: list[Case] = [*_values(), *_algebra(), *_roots(), *_fits()]
