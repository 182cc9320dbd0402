"""Rules of the hypergeometric functions and of others with such series: the derivative shifts the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from adjoint.primitives.special_common import ORDER, PARAMETER, outputs
from adjoint.tracing import elementwise

elementwise(special.hyp0f1, PARAMETER, lambda y, b, x: special.hyp0f1(b + 1, x) / b)
elementwise(special.hyp1f1, PARAMETER, PARAMETER, lambda y, a, b, x: a / b * special.hyp1f1(a + 1, b + 1, x))
elementwise(
    special.hyp2f1,
    *[PARAMETER] * 3,
    lambda y, a, b, c, x: a * b / c * special.hyp2f1(a + 1, b + 1, c + 1, x),
)
elementwise(special.hyperu, PARAMETER, PARAMETER, lambda y, a, b, x: -a * special.hyperu(a + 1, b + 1, x))
elementwise(special.wright_bessel, PARAMETER, PARAMETER, lambda y, a, b, x: special.wright_bessel(a, a + b, x))
if hasattr(special, "log_wright_bessel"):  # since SciPy 1.14
    elementwise(
        special.log_wright_bessel,
        PARAMETER,
        PARAMETER,
        lambda y, a, b, x: np.exp(special.log_wright_bessel(a, a + b, x) - y),
    )
elementwise(special.wrightomega, lambda y, x: y / (1 + y))

# --- parabolic cylinder functions and their derivatives, from Weber's equation ---------------------


def _weber(ys: Any, order: Any, x: Any) -> Any:
    return ys[1], (0.25 * x * x - order - 0.5) * ys[0]


outputs(special.pbdv, ORDER, _weber)
outputs(special.pbvv, ORDER, _weber)
outputs(special.pbwa, PARAMETER, lambda ys, a, x: (ys[1], (a - 0.25 * x * x) * ys[0]))
