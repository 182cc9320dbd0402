"""Rules of the orthogonal polynomials: the derivative of one is another of one degree less.

Degrees may be real numbers, where the functions are hypergeometric; the derivative by the degree is not in SciPy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import INTEGER, PARAMETER, like
from adjoint.tracing import NoRule, NotDifferentiable, elementwise

DEGREE = NoRule("SciPy has no function for the derivative by the degree")


def _polynomial(ufunc: np.ufunc, partial: Callable[..., Any], degree: NoRule | NotDifferentiable = DEGREE) -> None:
    """Register a family by its derivative ``partial(n, *parameters, x)``: zero at degree 0, where ``n - 1`` is none."""

    def by_argument(y: Any, n: Any, *xs: Any) -> Any:
        return np.where(n == 0, 0.0, partial(n, *[like(y, x) for x in xs]))

    elementwise(ufunc, degree, *[PARAMETER] * (ufunc.nin - 2), by_argument)


# Chebyshev's, of both kinds
_polynomial(special.eval_chebyt, lambda n, x: n * special.eval_chebyu(n - 1, x))
_polynomial(special.eval_chebyc, lambda n, x: n * special.eval_chebys(n - 1, x))
_polynomial(special.eval_sh_chebyt, lambda n, x: 2 * n * special.eval_sh_chebyu(n - 1, x))
_polynomial(special.eval_chebyu, lambda n, x: 2 * special.eval_gegenbauer(n - 1, 2.0, x))
_polynomial(special.eval_chebys, lambda n, x: special.eval_gegenbauer(n - 1, 2.0, 0.5 * x))
_polynomial(special.eval_sh_chebyu, lambda n, x: 4 * special.eval_gegenbauer(n - 1, 2.0, 2 * x - 1))

# Legendre's, Gegenbauer's, Jacobi's
_polynomial(special.eval_legendre, lambda n, x: special.eval_gegenbauer(n - 1, 1.5, x))
_polynomial(special.eval_sh_legendre, lambda n, x: 2 * special.eval_gegenbauer(n - 1, 1.5, 2 * x - 1))
_polynomial(special.eval_gegenbauer, lambda n, a, x: 2 * a * special.eval_gegenbauer(n - 1, a + 1, x))
_polynomial(special.eval_jacobi, lambda n, a, b, x: 0.5 * (n + a + b + 1) * special.eval_jacobi(n - 1, a + 1, b + 1, x))
_polynomial(special.eval_sh_jacobi, lambda n, p, q, x: n * special.eval_sh_jacobi(n - 1, p + 2, q + 1, x))

# Laguerre's, Hermite's
_polynomial(special.eval_laguerre, lambda n, x: -special.eval_genlaguerre(n - 1, 1.0, x))
_polynomial(special.eval_genlaguerre, lambda n, a, x: -special.eval_genlaguerre(n - 1, a + 1, x))
_polynomial(special.eval_hermite, lambda n, x: 2 * n * special.eval_hermite(n - 1, x), INTEGER)
_polynomial(special.eval_hermitenorm, lambda n, x: n * special.eval_hermitenorm(n - 1, x), INTEGER)
