"""How rules get into the table: the vocabulary in which operations are defined.

An elementwise operation is one line; so is a structured one that names its block::

    elementwise(np.tanh, lambda y, x: 1 - y * y)
    structured(np.transpose, lambda y, a, axes=None: Transpose(…))
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing.primitive import (
    ZERO,
    Partial,
    Primitive,
    Reads,
    elementwise_rule,
    no_blocks,
    reads_of,
    structured_rule,
)
from adjoint.tracing.sites import here
from adjoint.tracing.table import FUNCTIONS, UFUNCS
from adjoint.tracing.tracer import bind, refuse_options


def elementwise(
    function: Any,
    *partials: Partial,
    discrete: bool = False,
    name: str | None = None,
    reads: Reads | None = None,
) -> Primitive:
    """Register an elementwise function: one partial ``(y, *xs) → array`` per argument.

    Parameters
    ----------
    function : ufunc, or callable that broadcasts as one
    *partials : callable or ZERO or NotDifferentiable
        ``∂y/∂x_k`` at each entry, as an array that broadcasts to ``y`` or a Python number.
    discrete : bool
        The result is integer-like and has no derivative at all.
    name : str, optional
        What a printed trace shows; the function's own name by default.
    reads : optional
        Whose entries the partials read, where that is less than their code mentions; see
        :class:`adjoint.extend.Primitive`.

    Returns
    -------
    Primitive

    Examples
    --------
    >>> import numpy as np, adjoint, scipy.special
    >>> rule = adjoint.extend.elementwise(scipy.special.exprel, lambda y, x: (np.exp(x) - y) / x)
    >>> print(adjoint.grad(scipy.special.exprel)(2.0).round(6))
    2.097264
    """
    name = name or function.__name__
    if isinstance(function, np.ufunc) and function.nin != len(partials):
        raise TypeError(
            f"{name} has {function.nin} arguments, but {len(partials)} partials were given; ZERO stands for none"
        )
    rule = no_blocks if discrete else elementwise_rule(name, partials)
    reads = reads_of(partials) if reads is None else reads
    primitive = Primitive(name, function, rule, discrete=discrete, partials=partials, elementwise=True, reads=reads)
    _register(function, primitive, [f"x{k}" for k in range(len(partials))], len(partials))
    return primitive


def structured(
    function: Any,
    *partials: Partial,
    name: str | None = None,
    evaluate: Callable[..., Any] | None = None,
    discrete: bool = False,
    signature: str | None = None,
    reads: Reads | None = None,
) -> Primitive:
    """Register a function whose local Jacobians are structured blocks.

    Parameters
    ----------
    function : callable
        A NumPy function (reached through ``__array_function__`` or ``__array_ufunc__``).
    *partials : callable or ZERO or NotDifferentiable
        ``(y, *operands, **static) → Block``, one per array operand. The first one's signature, without
        ``y``, is the signature under which the function may be called on traced values: as many operands
        as there are partials, then the other arguments.
    name, evaluate : optional
        As printed; and what computes the value, where it is not ``function`` itself.
    discrete : bool
        The result is integer-like and has no derivative at all.
    signature : str, optional
        ``"a, axis, keepdims"``: the parameters, where they are not those of the first partial.
    reads : optional
        Whose entries the blocks read, see :class:`adjoint.extend.Primitive`; ``SHAPES_ONLY`` where they depend on
        shapes alone. Saves memory; by default everything is kept.

    Returns
    -------
    Primitive
    """
    name = name or function.__name__
    rule = no_blocks if discrete else structured_rule(name, partials)
    primitive = Primitive(name, evaluate or function, rule, discrete=discrete, partials=partials, reads=reads)
    if signature is not None:
        parameters = signature.split(", ")
    else:
        first = next(p for p in partials if callable(p))
        parameters = list(inspect.signature(first).parameters)[1:]
    _register(function, primitive, parameters, len(partials))
    return primitive


def handles(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a handler: code in terms of other traced operations, with the function's own signature."""

    def register(handler: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = handler
        return handler

    return register


def _register(function: Any, primitive: Primitive, parameters: list[str] | None = None, operands: int = 0) -> None:
    if isinstance(function, np.ufunc):
        UFUNCS[function] = primitive
    else:
        FUNCTIONS[function] = _handler(primitive, parameters or [], operands)


def _handler(primitive: Primitive, parameters: list[str], operands: int) -> Callable[..., Any]:
    """Sort a call's arguments into operands and static ones, by the rule's own signature."""

    def handler(*args: Any, **kwargs: Any) -> Any:
        if len(args) > len(parameters):
            raise UnsupportedArgumentError(
                f"{primitive.name} on a traced value takes ({', '.join(parameters)}), "
                f"but {len(args)} positional arguments were given: {here()}"
            )
        if not kwargs and len(args) == operands:
            return bind(primitive, args)
        given = dict(zip(parameters, args, strict=False))
        for key, value in kwargs.items():
            if key not in parameters:
                if _is_default(key, value):
                    continue
                raise UnsupportedArgumentError(
                    f"{primitive.name} on a traced value does not take {key}= yet; its rule covers "
                    f"({', '.join(parameters)}): {here()}"
                )
            given[key] = value
        if given.get("out") is not None:
            refuse_options(primitive.name, {"out": given["out"]})
        names = parameters[:operands]
        missing = [key for key in names if key not in given]
        if missing:
            raise TypeError(f"{primitive.name}() is missing its argument {missing[0]!r}")
        xs = [given.pop(key) for key in names]
        static = {key: value for key, value in given.items() if value is not np._NoValue}
        return bind(primitive, xs, static or None)

    handler.__name__ = primitive.name
    handler.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    return handler


_DEFAULTS = {"where": True, "order": "C", "subok": False, "keepdims": False, "casting": "same_kind"}


def _is_default(key: str, value: Any) -> bool:
    """Whether an argument that a rule does not know says what NumPy does anyway."""
    if value is None or value is np._NoValue:
        return True
    return isinstance(value, (bool, str)) and _DEFAULTS.get(key) == value


def zero(function: Any, *, discrete: bool = False, operands: int = 1) -> Primitive:
    """Register a ufunc that is piecewise constant: its derivative is zero wherever it exists."""
    return elementwise(function, *[ZERO] * operands, discrete=discrete)
