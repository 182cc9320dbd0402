"""Derivatives by a solve with many right-hand sides: ``jacobian``, ``hessian``, and ``hvp``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.calculus.common import Argnums, argument_numbers, chosen_arguments, inexact, linearized
from adjoint.calculus.forward import jvp
from adjoint.calculus.nonfinite import solve
from adjoint.calculus.reverse import grad
from adjoint.calculus.sparse import SparsePlan
from adjoint.errors import ArgumentError, AssemblyTooLargeError
from adjoint.system import ConstraintSystem
from adjoint.system.assembly import format_bytes, memory_limit
from adjoint.tracing import concrete

SWEEP_BYTES = 1 << 28
"""Right-hand sides go through one sweep together while the largest node takes at most this."""


def jacobian(
    f: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    mode: str = "auto",
    sparse: bool = False,
    has_aux: bool = False,
    solver: Any = None,
) -> Callable[..., Any]:
    """A function that evaluates the Jacobian of ``f``.

    Parameters
    ----------
    f : callable
        NumPy code; its output may be a pytree.
    argnums : int or sequence of int, default 0
    mode : {"auto", "forward", "reverse"}
        One right-hand side per input (``Aᵀ ż = −ẋ``) or per output (``A λ = −s``); ``"auto"`` takes the fewer.
        With ``sparse``, the order of elimination.
    sparse : bool, default False
        Eliminate with sparse blocks, and return ``scipy.sparse.csr_array`` of shape ``(output.size, argument.size)``
        with the exact structure. For more than one point :func:`adjoint.jacobian_plan` does the symbolic work once.
    has_aux, solver
        As in :func:`adjoint.value_and_grad`.

    Returns
    -------
    callable
        It returns, for every leaf of the output, the structure of the argument with arrays of shape
        ``output.shape + argument.shape`` (and a tuple of them for a sequence ``argnums``).

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> adjoint.jacobian(lambda x: x[1:] * x[:-1])(np.array([1.0, 2.0, 3.0]))
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f'mode must be "auto", "forward" or "reverse", not {mode!r}')
    if _is_sparse(sparse, solver):
        return _at_one_point(f, argnums, order=mode, has_aux=has_aux, what="jacobian")

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        numbers = argument_numbers(argnums, len(args))
        system, aux = linearized(f, args, kwargs, numbers, has_aux, "jacobian")
        trace = system.trace
        outputs = [_output_value(system, out) for out in trace.outputs]
        inputs = [system.values[k] for k in trace.inputs]
        n, m = sum(x.size for x in inputs), sum(y.size for y in outputs)
        try:
            _refuse_too_large(m, n)
            _refuse_not_holomorphic(system, inputs, solver)
            if mode == "forward" or (mode == "auto" and n <= m):
                blocks = _by_columns(system, inputs, outputs, solver)
            else:
                blocks = _by_rows(system, inputs, outputs, solver)
        finally:
            trace.release()
        rows = [chosen_arguments(trace, row, argnums) for row in blocks]
        result = trace.output_spec.unflatten(rows)
        return (result, aux) if has_aux else result

    return run


def _is_sparse(sparse: bool, solver: Any) -> bool:
    if not isinstance(sparse, (bool, np.bool_)):
        raise ValueError(
            f"sparse must be True or False, not {sparse!r}; the result is in CSR format, and .tocsc() converts it"
        )
    if sparse and solver is not None:
        raise ArgumentError(
            f"sparse=True eliminates with sparse blocks and takes no other solver, but solver={solver!r} was given"
        )
    return bool(sparse)


def _refuse_too_large(rows: int, columns: int) -> None:
    """Raise before a dense result takes all memory."""
    if 8 * rows * columns > memory_limit():
        raise AssemblyTooLargeError(
            f"a dense Jacobian of {rows:,} × {columns:,} entries takes {format_bytes(8 * rows * columns)}, more than "
            f"the {format_bytes(memory_limit())} allowed. Ask for sparse=True, or for products: adjoint.jvp, "
            "adjoint.vjp, adjoint.hvp."
        )


def _at_one_point(f: Callable[..., Any], argnums: Argnums, *, has_aux: bool, **options: Any) -> Callable[..., Any]:
    """A plan that is made and used at each call."""

    @wraps(f)
    def run(*args: Any, **kwargs: Any) -> Any:
        plan = SparsePlan(f, args, argnums, kwargs, has_aux=has_aux, **options)
        return (plan(*args), plan.aux) if has_aux else plan(*args)

    return run


def _output_value(system: ConstraintSystem, out: Any) -> Array:
    value = out[0] if isinstance(out, tuple) else system.values[out]
    return value if hasattr(value, "shape") else np.asarray(value)


def _refuse_not_holomorphic(system: ConstraintSystem, inputs: list[Array], solver: Any) -> None:
    """Raise for complex arguments if the derivative is no complex matrix: ``J (i v) = i J v`` has to hold."""
    if all(x.dtype.kind != "c" for x in inputs):
        return
    trace = system.trace
    rng = np.random.default_rng(0)
    rows = []
    for k, x in zip(trace.inputs, inputs, strict=True):
        v = rng.standard_normal((1, *x.shape)) + 1j * rng.standard_normal((1, *x.shape))
        rows.append((k, np.concatenate([v, 1j * v]) if x.dtype.kind == "c" else np.zeros((2, *x.shape))))
    keep = frozenset(k for k in trace.outputs if isinstance(k, int))
    solution = system.factorize(solver).solve_tangent(rows, keep=keep)
    for k in keep:
        found = concrete(solution[k])
        if found is None:
            continue
        tolerance = 1e-3 * max(1.0, float(np.max(np.abs(found), initial=0.0)))
        if np.abs(1j * found[0] - found[1]).max(initial=0.0) > tolerance:
            raise ArgumentError(
                "this function of complex arguments is not holomorphic, so its Jacobian is no complex matrix. Use "
                "adjoint.jvp, adjoint.vjp and adjoint.hvp for products with it, adjoint.grad for a real scalar "
                "(∂/∂Re + i ∂/∂Im), or a function of the real and imaginary parts as separate real arguments."
            )


def _by_columns(system: ConstraintSystem, inputs: list[Array], outputs: list[Array], solver: Any) -> list[list[Array]]:
    """Forward mode: one tangent per entry of the arguments."""
    trace = system.trace
    nodes = [out if isinstance(out, int) else None for out in trace.outputs]
    keep = [k for k in nodes if k is not None]
    columns: list[list[Array]] = [[] for _ in outputs]
    for batch, tangents in _unit_vectors(system, inputs):
        rows = list(zip(trace.inputs, tangents, strict=True))
        solution = solve(system, rows, keep, solver, forward=True)
        for j, (k, y) in enumerate(zip(nodes, outputs, strict=True)):
            columns[j].append(_or_zeros(None if k is None else solution[k], (batch, *y.shape), y))
    result = []
    for parts, y in zip(columns, outputs, strict=True):
        whole = _joined(parts, (0, *y.shape), y)  # (inputs, *output shape)
        turned = whole.transpose((*range(1, whole.ndim), 0))
        result.append(_split(turned, [y.shape + x.shape for x in inputs], [x.size for x in inputs]))
    return result


def _by_rows(system: ConstraintSystem, inputs: list[Array], outputs: list[Array], solver: Any) -> list[list[Array]]:
    """Reverse mode: one seed per entry of the outputs."""
    trace = system.trace
    parts: list[list[Array]] = [[] for _ in inputs]
    mixed = any(x.dtype.kind != "c" for x in inputs)
    for batch, seeds in _unit_vectors(system, outputs):
        rows = [(k, s) for k, s in zip(trace.outputs, seeds, strict=True) if isinstance(k, int)]
        rows = [(k, s) for k, s in rows if system.is_active(k)]
        solution = solve(system, rows, trace.inputs, solver)
        # a real argument sees the real part of Jᴴ s only: the seed i s shows it the imaginary part of J
        turned = [(k, 1j * s) for k, s in rows if s.dtype.kind == "c"]
        imaginary = solve(system, turned if mixed else [], trace.inputs, solver)
        for j, (k, x) in enumerate(zip(trace.inputs, inputs, strict=True)):
            found = _or_zeros(solution[k], (batch, *x.shape), x)
            if x.dtype.kind == "c":
                found = np.conjugate(found)
            elif imaginary[k] is not None:
                found = found + 1j * imaginary[k]
            parts[j].append(found)
    wholes = [_joined(found, (0, *x.shape), x) for found, x in zip(parts, inputs, strict=True)]
    result: list[list[Array]] = []
    start = 0
    for y in outputs:
        row = [w[start : start + y.size].reshape(y.shape + w.shape[1:]) for w in wholes]
        result.append([w.copy()[()] if type(w) is np.ndarray else w for w in row])
        start += y.size
    return result


def _unit_vectors(system: ConstraintSystem, leaves: Sequence[Array]) -> Iterator[tuple[int, list[Array]]]:
    """The unit vectors of all leaves together, in bundles that keep a sweep's memory bounded."""
    total = sum(x.size for x in leaves)
    largest = max((y.size for y in system.values), default=1)
    bundle = max(1, SWEEP_BYTES // (8 * max(1, largest)))
    for start in range(0, total, bundle):
        stop = min(start + bundle, total)
        vectors, offset = [], 0
        for x in leaves:
            unit = np.zeros((stop - start, x.size), inexact(x.dtype))
            low, high = max(start, offset), min(stop, offset + x.size)
            if low < high:
                unit[np.arange(low - start, high - start), np.arange(low - offset, high - offset)] = 1
            vectors.append(unit.reshape((stop - start, *x.shape)))
            offset += x.size
        yield stop - start, vectors


def _or_zeros(found: Array | None, shape: tuple[int, ...], like: Array) -> Array:
    return np.zeros(shape, inexact(like.dtype)) if found is None else found


def _joined(parts: list[Array], empty: tuple[int, ...], like: Array) -> Array:
    if not parts:
        return np.zeros(empty, inexact(like.dtype))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _split(whole: Array, shapes: list[tuple[int, ...]], sizes: list[int]) -> list[Array]:
    """Cut the last axis into the leaves of the arguments."""
    result, start = [], 0
    for shape, size in zip(shapes, sizes, strict=True):
        part = whole[..., start : start + size].reshape(shape)
        result.append(part.copy()[()] if type(part) is np.ndarray else part)
        start += size
    return result


def hessian(
    f: Callable[..., Any], argnums: Argnums = 0, *, sparse: bool = False, has_aux: bool = False, solver: Any = None
) -> Callable[..., Any]:
    """A function that evaluates the Hessian of a scalar function: the Jacobian of its gradient.

    Parameters
    ----------
    f, argnums, has_aux, solver
        As in :func:`adjoint.value_and_grad`.
    sparse : bool, default False
        Eliminate on the gradient's trace with sparse blocks, and return ``scipy.sparse.csr_array`` of shape
        ``(argument.size, argument.size)``, symmetric to the last bit; see :func:`adjoint.hessian_plan` for many points.

    Returns
    -------
    callable
        It returns arrays of shape ``argument.shape + argument.shape``, nested as :func:`jacobian` of
        :func:`adjoint.grad` nests them.

    Notes
    -----
    Forward over reverse: the reverse solve is itself recorded, and differentiated by forward substitution with
    one right-hand side per entry of the argument.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> adjoint.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    gradient = grad(f, argnums, has_aux=has_aux, solver=solver)
    if _is_sparse(sparse, solver):
        return _at_one_point(gradient, argnums, symmetric=True, has_aux=has_aux, what="hessian")
    return jacobian(gradient, argnums, mode="forward", has_aux=has_aux, solver=solver)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, solver: Any = None) -> Any:
    """The product of the Hessian of a scalar function with a vector, without forming the Hessian.

    Parameters
    ----------
    f : callable
        NumPy code with a real scalar output.
    primals, tangents : tuples of pytrees of float arrays
        One entry per argument, of equal structure; as in :func:`adjoint.jvp`.

    Returns
    -------
    tuple of pytrees
        ``H v``, one entry per argument.

    Notes
    -----
    Costs a small multiple of one gradient.

    Examples
    --------
    >>> import numpy as np, adjoint
    >>> adjoint.hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    (array([6., 0.]),)
    """
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise ArgumentError("hvp takes its primals and tangents as tuples: hvp(f, (x,), (v,))")
    gradient = grad(f, range(len(primals)), solver=solver)
    _, product = jvp(gradient, primals, tangents, solver=solver)
    return product
