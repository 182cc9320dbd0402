"""Cases of arrays that are made: of numbers at equal distances or ratios, of one number, of a list."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.primitives.case import Case, Fixed, any_real, case, constant, positive, uniform


def _between(f: Any, draw: Any) -> list[Case]:
    """What the three functions have in common."""
    return [
        case(f, "scalars", draw(), draw()),
        case(f, "from_traced", draw(), Fixed(draw()), num=4),
        case(f, "to_traced", Fixed(draw()), draw(), num=4),
        case(f, "no_endpoint", draw(), draw(), num=5, endpoint=False),
        case(f, "one", draw(), draw(), num=1),
        case(f, "one_without_endpoint", draw(), draw(), num=1, endpoint=False),
        case(f, "none", draw(), draw(), num=0),
        case(f, "two", draw(), draw(), num=2),
        case(f, "vectors", draw(2), draw(2), num=3),
        case(f, "broadcast", draw(3), draw(2, 1), num=4),
        case(f, "vector_to_scalar", draw(3), draw(), num=4),
        case(f, "axis_last", draw(3), draw(2, 1), num=4, axis=-1),
        case(f, "axis_1", draw(2, 2), draw(2, 2), num=3, axis=1),
        case(f, "list", draw(2), call=lambda f, x: f([0.5, 1.5], x, 3)),
        case(f, "list_of_traced", draw(2), draw(), call=lambda f, x, y: f([x[0], x[1]], y, 3)),
        case(f, "python_numbers", draw(), call=lambda f, x: f(1, x, 3) * f(x, 2.0, 3)),
        case(f, "same", draw(), call=lambda f, x: f(x, x, 3)),
        case(f, "positions", draw(), draw(), call=lambda f, x, y: f(x, y, 3, False)),
        case(f, "dtype", draw(), draw(), num=3, dtype=np.float64),
    ]


def _deprecated(name: str, call: Any) -> list[Case]:
    """A function of older versions of NumPy, which calls another one."""

    def quietly(f: Any, *xs: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return call(f, *xs)

    return [case(getattr(np, name), "vectors", any_real(3), any_real(3), call=quietly)] if hasattr(np, name) else []


CASES: list[Case] = [
    *_between(np.linspace, any_real),
    case(np.linspace, "integers", uniform(1.2, 1.3)(), uniform(6.7, 6.8)(), num=4, dtype=int),  # of 1.25, 3.08, …
    case(np.linspace, "step", any_real(), any_real(), num=4, retstep=True),
    case(np.linspace, "step_of_vectors", any_real(2), any_real(), num=4, endpoint=False, retstep=True),
    case(np.linspace, "large", any_real(), any_real(), num=2000),
    *_between(np.logspace, uniform(-0.5, 0.5)),
    case(np.logspace, "integers", uniform(0.1, 0.2)(), uniform(0.4, 0.44)(), num=2, dtype=int),  # of 1.4, 2.6
    case(np.logspace, "base", any_real(), any_real(), num=3, base=2),
    case(np.logspace, "traced_base", any_real(), any_real(), positive(), call=lambda f, x, y, b: f(x, y, 3, base=b)),
    case(np.logspace, "bases", any_real(), any_real(), positive(2), call=lambda f, x, y, b: f(x, y, 3, base=b)),
    case(np.logspace, "bases_axis", any_real(), positive(2), call=lambda f, x, b: f(x, 1.0, 3, base=b, axis=-1)),
    case(np.logspace, "list_of_bases", any_real(3, 1), constant(0.3), num=4, base=[2.0, 3.0]),
    *_between(np.geomspace, positive),
    case(np.geomspace, "integers", uniform(1.2, 1.3)(), uniform(6.7, 6.8)(), num=2, dtype=int),
    case(np.geomspace, "negative", uniform(-2.0, -1.0)(), uniform(-9.0, -5.0)(), num=4),
    case(np.geomspace, "large", positive(), positive(), num=2000),
    *(
        case(f, "like", any_real(2), call=lambda f, x: f([[x[0], 2.0], [x[1] ** 2, 1.0]], like=x))
        for f in (np.array, np.asarray, np.asanyarray, np.ascontiguousarray)
    ),
    case(np.full, "like", any_real(2), call=lambda f, x: f((2, 2), x[0] * x[1], like=x)),
    case(np.full, "like_row", any_real(3), call=lambda f, x: f((2, 3), x, like=x)),
    # functions that NumPy does not dispatch, and that work by what they call
    case(np.fromfunction, "closure", any_real(2), call=lambda f, x: f(lambda i, j: x[0] * i + x[1] * j, (2, 3))),
    case(
        np.frompyfunc,
        "scalars",
        any_real(3),
        any_real(),
        call=lambda f, x, y: f(lambda a, b: a * b, 2, 1)(x, y).astype(x.dtype),
    ),
    case(np.kaiser, "beta", positive(), call=lambda f, x: f(4, x).astype(x.dtype)),
    case(np.fft.fftfreq, "spacing", positive(), call=lambda f, d: f(4, d)),
    case(np.fft.rfftfreq, "spacing", positive(), call=lambda f, d: f(4, d)),
    *_deprecated("row_stack", lambda f, x, y: f((x, y))),
    *_deprecated("trapz", lambda f, x, y: f(x, y)),
]
