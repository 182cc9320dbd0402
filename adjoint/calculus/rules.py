"""Functions with a rule of their own: ``custom_rule`` and ``stop_gradient``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Function, elementwise_block
from adjoint.calculus.calls import as_one_array, given, protected, traced_call
from adjoint.errors import ArgumentError, BlockError
from adjoint.tracing import (
    ZERO,
    Primitive,
    bind,
    flatten,
    is_traced,
    stacked,
)
from adjoint.tracing.primitive import Blocks, Static, no_blocks


def custom_rule(*partials: Any, name: str | None = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare the local Jacobians of a function of your own; a call of it is one constraint.

    Parameters
    ----------
    *partials : callable or None
        One per positional argument, called as ``partial(y, *args, **options)``. It returns what describes
        ``J = ∂y/∂x_k`` best: an array that broadcasts to ``y`` (elementwise), any :class:`adjoint.Block`, or a
        pair ``(jvp, vjp)`` of functions ``v ↦ J v`` and ``w ↦ Jᵀ w`` (either may be ``None``). ``None`` in place of
        the partial: the derivative is zero.
    name : str, optional
        What a printed trace shows.

    Returns
    -------
    callable
        A decorator. Inside the function everything is allowed (SciPy, compiled code, files): it sees plain
        arrays.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> @adjoint.custom_rule(lambda y, x: 1 / (1 + np.exp(-x)))
    ... def softplus(x):
    ...     return np.log1p(np.exp(x))
    >>> print(adjoint.grad(softplus)(0.0))
    0.5
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise ArgumentError(
                f"custom_rule gives a decorator, which was called with a {type(function).__name__}: "
                "custom_rule(partial)(function), and then the function is called with its arguments"
            )
        label = name or function.__name__

        def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
            result: Blocks = []
            for k, parent in enumerate(parents):
                if parent < 0:
                    continue
                if k >= len(partials):
                    raise BlockError(f"{label} was called with a traced argument {k}, but has {len(partials)} partials")
                if partials[k] is None or partials[k] is ZERO:
                    continue
                found = partials[k](y, *given(operands), **static)
                result.append((parent, _as_block(found, operands[k].shape, y.shape, f"{label}, argument {k}")))
            return result

        @wraps(function)
        def call(*operands: Any, **options: Any) -> Any:
            prepared = traced_call(function, label, operands, options)
            if prepared is not None:
                return bind(primitive, *prepared)
            return as_one_array(function(*given(operands), **options), label)

        def evaluate(*operands: Any, **options: Any) -> Any:
            y = call(*protected(operands), **options)
            return y.copy() if type(y) is np.ndarray else y  # the function may use its buffer again

        primitive = Primitive(label, evaluate, blocks, pure=False)
        return call

    return decorate


def _as_block(found: Any, in_shape: Any, out_shape: Any, label: str) -> Block:
    if isinstance(found, Block):
        if (found.in_shape, found.out_shape) != (in_shape, out_shape):
            raise BlockError(f"the partial of {label} gave {found!r}; expected {in_shape} → {out_shape}")
        return found
    if isinstance(found, tuple) and len(found) == 2 and all(x is None or callable(x) for x in found):
        return Function(in_shape, out_shape, *found, name=label)
    shape = np.shape(found)
    try:
        fits = np.broadcast_shapes(shape, in_shape, out_shape) == out_shape
    except ValueError:
        fits = False
    if not fits:
        raise BlockError(
            f"the partial of {label} has shape {shape}, which does not broadcast to the result's {out_shape}. Return "
            "an elementwise derivative, a Block such as adjoint.extend.Dense, or a pair (jvp, vjp)."
        )
    d = found if isinstance(found, (int, float, complex)) or hasattr(found, "dtype") else np.asarray(found)
    return elementwise_block(d, in_shape, out_shape)


_stop = Primitive("stop_gradient", lambda x: stop_gradient(x), no_blocks, discrete=True)


def stop_gradient(x: Any) -> Any:
    """``x`` as a constant: its value goes on, its derivative does not.

    The result has no derivative to lose, so it may become a plain number or array: ``float(stop_gradient(x))``
    and SciPy functions of it work. (A trace that is evaluated again then insists on the same value.)

    Parameters
    ----------
    x : pytree of arrays

    Examples
    --------
    >>> import adjoint
    >>> print(adjoint.grad(lambda x: x * adjoint.stop_gradient(x))(3.0))
    3.0
    """
    leaves, spec = flatten(x)
    return spec.unflatten([bind(_stop, (stacked(leaf),)) if is_traced(leaf) else leaf for leaf in leaves])
