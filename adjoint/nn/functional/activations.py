"""Activations: functions of one entry, each stable for large arguments of either sign."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.nn.functional import _activations as rules
from adjoint.nn.functional._operations import as_array, refuse


def relu(x: Any) -> Any:
    """``max(x, 0)``.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: 1 where ``y > 0``, else 0, so ``relu'(0) = 0``.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> from adjoint.nn import functional
    >>> x = np.array([-1.0, 0.0, 2.0])
    >>> print(functional.relu(x), adjoint.grad(lambda x: functional.relu(x).sum())(x))
    [0. 0. 2.] [0. 0. 1.]
    """
    return rules.relu(rules.real("relu", x))


def leaky_relu(x: Any, slope: Any = 0.01) -> Any:
    """``x`` where it is positive, else ``slope · x``.

    Parameters
    ----------
    x : array
    slope : float, or array that broadcasts to ``x``
        May be traced: then this is the activation that learns its slope.

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: 1 where ``x > 0``, else ``slope``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.leaky_relu(np.array([-1.0, 2.0]), 0.1))
    [-0.1  2. ]
    """
    x, slope, number = _with_parameter("leaky_relu", x, "slope", slope)
    return (rules.leaky_by_result if number and slope >= 0 else rules.leaky_by_argument)(x, slope)


def elu(x: Any, alpha: Any = 1.0) -> Any:
    """``x`` where it is positive, else ``alpha (exp(x) − 1)``.

    Parameters
    ----------
    x : array
    alpha : float, or array that broadcasts to ``x``
        May be traced.

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: 1 where ``x > 0``, else ``y + alpha``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.elu(np.array([-1e4, 2.0])))
    [-1.  2.]
    """
    x, alpha, number = _with_parameter("elu", x, "alpha", alpha)
    return (rules.elu_by_result if number and alpha >= 0 else rules.elu_by_argument)(x, alpha)


def gelu(x: Any, approximate: bool = False) -> Any:
    """``x Φ(x)``, where ``Φ`` is the normal distribution function.

    Parameters
    ----------
    x : array
    approximate : bool
        With the approximation ``Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2``.

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: ``Φ(x) + x φ(x)``, or the slope of the approximation.

    References
    ----------
    D. Hendrycks and K. Gimpel, *Gaussian error linear units (GELUs)*, arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> x = np.array([-1.0, 1.0])
    >>> print(functional.gelu(x).round(4), functional.gelu(x, approximate=True).round(4))
    [-0.1587  0.8413] [-0.1588  0.8412]
    """
    return (rules.gelu_by_tanh if approximate else rules.gelu)(rules.real("gelu", x))


def silu(x: Any) -> Any:
    """``x / (1 + exp(−x))``, also known as swish.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: ``σ(x) + x σ(x) (1 − σ(x))``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.silu(np.array([-2.0, 0.0, 1e4])).round(4))
    [-2.384e-01  0.000e+00  1.000e+04]
    """
    return rules.silu(rules.real("silu", x))


def sigmoid(x: Any) -> Any:
    """``σ(x) = 1 / (1 + exp(−x))``.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: ``y (1 − y)``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.sigmoid(np.array([-1e4, 0.0, 1e4])).round(300))
    [0.  0.5 1. ]
    """
    return rules.sigmoid(rules.real("sigmoid", x))


def tanh(x: Any) -> Any:
    """The hyperbolic tangent: :data:`numpy.tanh`, with a diagonal block ``1 − y²``.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of ``x``

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.tanh(np.array([-1e4, 0.0, 1e4])))
    [-1.  0.  1.]
    """
    return np.tanh(as_array(x))


def softplus(x: Any) -> Any:
    """``log(1 + exp(x))``.

    Parameters
    ----------
    x : array

    Returns
    -------
    array of the shape of ``x``

    Notes
    -----
    One constraint with a diagonal block: ``σ(x) = 1 − exp(−y)``.

    Examples
    --------
    >>> import numpy as np
    >>> from adjoint.nn import functional
    >>> print(functional.softplus(np.array([-1e4, 0.0, 1e4])).round(4))
    [0.000e+00 6.931e-01 1.000e+04]
    """
    return rules.softplus(rules.real("softplus", x))


def _with_parameter(name: str, x: Any, what: str, parameter: Any) -> tuple[Any, Any, bool]:
    """The operands of an activation with a parameter, and whether that is a Python number."""
    x = rules.real(name, x)
    if type(parameter) in (int, float):
        return x, parameter, True
    parameter = as_array(parameter)
    try:
        fits = np.broadcast_shapes(parameter.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        refuse(name, f"{what} {parameter.shape} does not broadcast to x {x.shape}")
    return x, parameter, False


# --- by name --------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "elu": elu,
    "gelu": gelu,
    "identity": lambda x: x,
    "leaky_relu": leaky_relu,
    "relu": relu,
    "sigmoid": sigmoid,
    "silu": silu,
    "softplus": softplus,
    "tanh": tanh,
}


def activation(name: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An activation by its name; a callable is given back as it is.

    Parameters
    ----------
    name : str or callable
        ``"elu"``, ``"gelu"``, ``"identity"``, ``"leaky_relu"``, ``"relu"``, ``"sigmoid"``, ``"silu"``, ``"softplus"``
        or ``"tanh"``.

    Returns
    -------
    callable

    Raises
    ------
    ArgumentError
        If there is none of this name; the message lists the known ones.

    Examples
    --------
    >>> from adjoint.nn import functional
    >>> functional.activation("relu") is functional.relu
    True
    """
    if callable(name):
        return name
    found = ACTIVATIONS.get(name)
    if found is None:
        close = difflib.get_close_matches(str(name), ACTIVATIONS, 1)
        meant = f"; did you mean {close[0]!r}?" if close else ";"
        refuse("activation", f"there is none named {name!r}{meant} The known ones are {', '.join(sorted(ACTIVATIONS))}")
    return found
