"""An iterative solve with a diagonal block as one operation, so that it is itself a constraint when traced.

``x = D(data)⁻¹ r`` is the implicit constraint ``c(x, r, data) = D(data) x − r = 0``. ``D`` is made by the rule of an
implicit primitive from that constraint's own value and operands: they are the data. An iteration is never
recorded, since the derivative of its last iterate is not the derivative of the solution; its derivative
is another solve with ``D``, and ``−∂(D(data) x)/∂data`` comes from one recorded product.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Dense, DiagonalBlock, Identity, Sparse
from adjoint.blocks.conjugation import refuse_matrix
from adjoint.blocks.kernels import Shape
from adjoint.errors import BlockError, NotConvergedError
from adjoint.solvers.back_substitution import Sweep
from adjoint.solvers.iterative.methods import Iteration, iterate
from adjoint.system.options import shown
from adjoint.tracing import Primitive, Tracer, bind, output_node, record
from adjoint.tracing.primitive import Blocks, Static


@dataclass(frozen=True, slots=True)
class Report:
    """What the iterations with the block of one constraint came to, over all right-hand sides of a solve.

    Attributes
    ----------
    node : int
        The constraint ``z_node``, counted from 1.
    operation : str
    right_hand_sides : int
    iterations : int
        Products with the block, all right-hand sides together.
    residual : float
        The largest ``‖r − D x‖ / ‖r‖``; NaN where a right-hand side or the block is not finite.
    converged : bool
    """

    node: int
    operation: str
    right_hand_sides: int
    iterations: int
    residual: float
    converged: bool


_PRODUCTS = ("apply", "apply_adjoint")

Preconditioner = Callable[[DiagonalBlock], Block | None]
"""Gives for ``D`` a block close to ``D⁻¹``, or ``None`` where it knows none."""


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """``D`` (or ``Dᴴ``) as a function of the data it is made of, and how to solve with it.

    Attributes
    ----------
    primitive, static
        The implicit constraint: ``primitive.diagonal(y, operands, static)`` is ``D``.
    adjoint : bool
        The map is ``Dᴴ``.
    node : int
        Counted from 1.
    iteration : Iteration
    raise_on_failure : bool
    reports : dict
        Where the report goes, by node.
    preconditioner : callable, optional
        ``D ↦`` a block close to its inverse.
    """

    primitive: Primitive
    static: Static
    adjoint: bool
    node: int
    iteration: Iteration
    raise_on_failure: bool
    reports: dict[int, Report]
    preconditioner: Preconditioner | None = None

    def block(self, data: Sequence[Array]) -> DiagonalBlock:
        """``D`` at ``data = (y, *operands)``."""
        if self.primitive.diagonal is None:
            raise ValueError(f"{self.primitive.name} is no implicit constraint")
        return self.primitive.diagonal(data[0], data[1:], self.static)

    def product(self, data: Sequence[Array]) -> Callable[[Array], Array]:
        """``v ↦ D v``, or ``v ↦ Dᴴ v``."""
        block = self.block(data)
        return block.apply_adjoint if self.adjoint else block.apply

    def inverse(self, block: DiagonalBlock) -> Callable[[Array], Array] | None:
        """A product close to ``D⁻¹ v``, or ``D⁻ᴴ v``."""
        adjoint = self.adjoint
        while isinstance(block, Iterated):  # further axes of right-hand sides
            adjoint = adjoint != block.rule.adjoint
            block = block.block
        close: Any = None if self.preconditioner is None else self.preconditioner(block)
        if close is None:
            return None
        whose = f"the preconditioner for z_{self.node} = {self.primitive.name}(…)"
        if isinstance(close, type) or not all(callable(getattr(close, name, None)) for name in _PRODUCTS):
            raise BlockError(
                f"{whose} gave {shown(close)}, which is no block: give one with apply and apply_adjoint close to "
                "those of D⁻¹, such as adjoint.extend.Diagonal, or None where none is known"
            )
        start = getattr(close, "in_shape", block.out_shape)
        end = getattr(close, "out_shape", block.in_shape)
        if (start, end) != (block.out_shape, block.in_shape):
            raise BlockError(
                f"{whose} gave a block from {start} to {end}; D⁻¹ goes from {block.out_shape} to {block.in_shape}"
            )
        product: Callable[[Array], Array] = close.apply_adjoint if adjoint else close.apply
        return product


def iterative_solve(rule: Rule, r: Array, data: Sequence[Array]) -> Array:
    """``D⁻¹ r`` (or ``D⁻ᴴ r``) for right-hand sides ``(*batch, *shape)``, each an iteration of its own."""
    return bind(_primitive, (r, *data), {"rule": rule})


def _value(r: Array, *data: Array, rule: Rule) -> Array:
    if Tracer in {type(x) for x in (r, *data)}:  # of an outer trace
        return iterative_solve(rule, r, data)
    block = rule.block(data)
    product, inverse, shape = rule.product(data), rule.inverse(block), block.in_shape
    n = math.prod(shape)
    flat = np.reshape(r, (math.prod(r.shape[: r.ndim - len(shape)]), n))
    if not flat.size:
        return r
    by_parts = flat.dtype.kind == "c" and not _complex_linear(product, flat, shape)

    def on_vectors(map_: Callable[[Array], Array]) -> Callable[[np.ndarray], np.ndarray]:
        def on_vector(v: np.ndarray) -> np.ndarray:
            if by_parts:
                v = v[:n] + 1j * v[n:]
            image = np.reshape(map_(v.reshape(shape)[()]), n)
            return np.concatenate([image.real, image.imag]) if by_parts else image

        return on_vector

    forward, back = on_vectors(product), None if inverse is None else on_vectors(inverse)
    found = []
    for b in np.concatenate([flat.real, flat.imag], axis=1) if by_parts else flat:
        found.append(iterate(forward, b, rule.iteration, back))
    report = Report(
        rule.node,
        rule.primitive.name,
        len(found),
        sum(one.iterations for one in found),
        max((one.residual for one in found), key=lambda x: (math.isnan(x), x)),
        all(one.converged for one in found),
    )
    rule.reports[rule.node] = report
    for one in found:
        if rule.raise_on_failure and not one.converged and not math.isnan(one.residual):
            raise _not_converged(rule, one.iterations, one.residual, n * (1 + by_parts), flat.dtype)
    x = np.stack([one.x for one in found])
    if by_parts:
        x = x[:, :n] + 1j * x[:, n:]
    return x.reshape(r.shape)[()]


def _complex_linear(product: Callable[[Array], Array], rows: np.ndarray, shape: Shape) -> bool:
    """Whether the map commutes with ``i``, and not with real factors only."""
    live = np.flatnonzero(np.abs(rows).sum(axis=1))
    if not live.size:
        return True
    v = rows[live[0]].reshape(shape)[()]
    a, b = product(1j * v), 1j * product(v)
    scale = np.max(np.abs(b), initial=0.0)
    return not np.max(np.abs(a - b), initial=0.0) > math.sqrt(np.finfo(rows.dtype).eps) * scale  # NaN: either way


def _not_converged(rule: Rule, iterations: int, residual: float, n: int, dtype: Any) -> NotConvergedError:
    how = rule.iteration
    if how.method == "gmres" and n <= min(how.restart, iterations):
        why = "No more products than unknowns are needed but for rounding: the block may be singular, or close to it"
    else:
        why = "The block may be singular, or too badly conditioned for so few"
    return NotConvergedError(
        f"'krylov' did not solve with the diagonal block of z_{rule.node} = {rule.primitive.name}(…), of {n} unknowns: "
        f"{how.method} came to the relative residual {residual:.2g} in {iterations} products with it, and "
        f"{how.tolerance_for(dtype):.2g} was asked for. {why}. Try a larger max_iterations= or restart=, another "
        "method=, a larger tolerance=, or a solver that factorizes the block, such as 'back_substitution'; "
        "Krylov(raise_on_failure=False) goes on with the best iterate.",
        node=rule.node,
        iterations=iterations,
        residual=residual,
    )


class Iterated(DiagonalBlock):
    """``D`` (or ``Dᴴ``) acting on each of the right-hand sides that one solve took, and solved by iteration."""

    __slots__ = ("block", "data", "rule")
    kind = "solve"

    def __init__(self, rule: Rule, data: Sequence[Array], shape: Shape) -> None:
        self.rule = rule
        self.data = data
        self.block = rule.block(data)
        self.in_shape = self.out_shape = shape

    def apply(self, v: Array) -> Array:
        return self.block.apply_adjoint(v) if self.rule.adjoint else self.block.apply(v)

    def apply_adjoint(self, w: Array) -> Array:
        return self.block.apply(w) if self.rule.adjoint else self.block.apply_adjoint(w)

    def solve(self, r: Array) -> Array:
        """``D⁻¹ r``."""
        return iterative_solve(self.rule, r, self.data)

    def solve_adjoint(self, r: Array) -> Array:
        """``D⁻ᴴ r``."""
        return iterative_solve(replace(self.rule, adjoint=not self.rule.adjoint), r, self.data)

    @property
    def _copies(self) -> int:
        return math.prod(self.in_shape[: len(self.in_shape) - len(self.block.in_shape)])

    def to_sparse(self) -> Sparse:
        one = self.block.to_sparse()
        one = one.transposed() if self.rule.adjoint else one
        shift = np.arange(self._copies)[:, None] * math.prod(self.block.in_shape)
        rows, columns = (np.ravel(index + shift) for index in (one.rows, one.columns))
        data = np.reshape(np.broadcast_to(one.data, (self._copies, one.nnz)), -1)
        return Sparse(rows, columns, data, self.in_shape, self.out_shape)

    def absolute(self) -> None:
        return None

    @property
    def degrees(self) -> tuple[int, int]:
        row, column = self.block.degrees
        return (column, row) if self.rule.adjoint else (row, column)

    @property
    def nnz(self) -> int:
        return self._copies * self.block.nnz

    @property
    def flops(self) -> int:
        return self._copies * self.block.flops


class Residual(Block):
    """``−∂(D(data) x)/∂data`` for one of the data: minus the derivative of a recorded product.

    Parameters
    ----------
    sweep : Sweep
        Of the product's own trace.
    source, target : int
        The nodes (0-based) of the data and of the product in it.
    complex : bool
        The data is complex.
    """

    __slots__ = ("complex", "source", "sweep", "target")
    kind = "nested"

    def __init__(
        self, sweep: Sweep, source: int, target: int, in_shape: Shape, out_shape: Shape, *, complex: bool
    ) -> None:
        self.sweep = sweep
        self.source = source
        self.target = target
        self.complex = complex
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        return -self.sweep.solve_tangent([(self.source, v)], keep=[self.target])[self.target]

    def apply_adjoint(self, w: Array) -> Array:
        return -self.sweep.solve([(self.target, w)], keep=[self.source])[self.source]

    def to_sparse(self) -> Sparse:
        m, n = self.shape
        units = np.eye(n).reshape(n, *self.in_shape)
        columns = self.apply(units)
        if self.complex and not np.allclose(self.apply(1j * units), 1j * columns):
            refuse_matrix(self)  # Dᴴ x in terms of complex data
        return Dense(columns.reshape(n, m).T, self.in_shape, self.out_shape).to_sparse()

    def absolute(self) -> None:
        return None

    @property
    def nnz(self) -> int:
        return math.prod(self.shape)


def _blocks(x: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    rule: Rule = static["rule"]
    _, *data = operands
    result: Blocks = [(parents[0], Identity(x.shape))] if parents[0] >= 0 else []
    active = [k for k, parent in enumerate(parents[1:]) if parent >= 0]
    if not active:
        return result
    trace, output = record(lambda *data: rule.product(data)(x), data, argnums=active, lean=True)
    trace.release()
    target = output_node(trace, output)
    if isinstance(target, tuple):  # D does not depend on them
        return result
    sweep = Sweep(trace.primitives, trace.records, trace.values)
    reached = {target}
    for node in range(target, -1, -1):
        if node in reached:
            reached.update(trace.records[node][1])
    for source, k in zip(trace.inputs, active, strict=True):
        if source in reached:
            kind = data[k].dtype.kind
            block = Residual(sweep, source, target, data[k].shape, x.shape, complex=kind == "c")
            result.append((parents[1 + k], block))
    return result


_primitive = Primitive(
    "iterative_solve",
    _value,
    _blocks,
    diagonal=lambda x, operands, static: Iterated(static["rule"], operands[1:], x.shape),
)
