"""Families of constraint systems, for the tests of floors 4 and 5: a new family or a new solver joins by itself.

What a test needs beside them is here too, written without `adjoint`'s own assembly: the dense matrix of a system by
a loop over its blocks, and the program run again with one node moved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import adjoint
from adjoint.extend import Function


@dataclass(frozen=True, eq=False)
class Family:
    """One kind of system.

    Attributes
    ----------
    function, arguments
        What is traced.
    implicit : bool
        It holds an implicit constraint (``D ≠ I``), which not every solver takes.
    masked : bool
        Some partials are not finite, but meet structural zeros only.
    small : bool
        Few enough unknowns for a dense Hessian of its traced solve.
    """

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    implicit: bool = False
    masked: bool = False
    small: bool = True

    def trace(self) -> adjoint.Trace:
        return adjoint.trace(self.function, *self.arguments)

    def compile(self) -> adjoint.ConstraintSystem:
        return self.trace().compile()

    @property
    def rtol(self) -> float:
        """Of its working precision, with room for the condition of the system."""
        return 1e-5 if self.name.startswith("float32") else 1e-11

    @property
    def eps(self) -> float:
        return float(np.finfo(np.float32 if self.name.startswith("float32") else np.float64).eps)


def _random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).uniform(-1.0, 1.0, shape)


# --- scalars --------------------------------------------------------------------------------------


def _every_scalar_operator(x, y):
    powers = x**2 + x**3 + 2.0**y + x**y + x**0.5
    quotients = 1 / x - y / 3 + x / y
    return powers * quotients - (-x) * np.exp(-y) + np.log1p(x * x) * 3


def _chain(x, c):
    for _ in range(999):
        x = x * 0.998 + c
    return np.sin(x)


def random_program(seed: int, operations: int, inputs: int = 6) -> Callable[..., Any]:
    """A wide, irregular scalar program, the same at every run: some values are never read, some often."""

    def program(*arguments):
        rng = np.random.default_rng(seed)
        values = list(arguments)
        for _ in range(operations):
            a, b = (values[k] for k in rng.integers(0, len(values), 2))
            kind = rng.integers(0, 8)
            values.append(
                (
                    lambda a, b: a + b,
                    lambda a, b: a * np.cos(b),
                    lambda a, b: a - 0.5 * b,
                    lambda a, b: np.sin(a),
                    lambda a, b: np.tanh(a) / (2 + np.tanh(b)),
                    lambda a, b: a * a,
                    lambda a, b: np.exp(-a * a),
                    lambda a, b: 1.0 - b,
                )[kind](a, b)
                * 0.5
            )
        return values[-1] + values[-2] * values[-3] + values[len(values) // 2]

    return program


# --- arrays ---------------------------------------------------------------------------------------


def _broadcasting(column, row, scalar):
    table = np.tanh(column * row + scalar)
    table = table / (1.5 + np.cos(column)) - row * row
    return np.exp(0.1 * table) * scalar


def _network(parameters, x):
    hidden = x
    for w, b in parameters[:-1]:
        hidden = np.tanh(hidden @ w + b)
    w, b = parameters[-1]
    scores = hidden @ w + b
    scores = scores - np.max(scores, axis=1, keepdims=True)
    logp = scores - np.log(np.sum(np.exp(scores), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(4), [0, 2, 1, 1]])


_PARAMETERS = [(_random(3, 5), _random(5)), (_random(5, 4), _random(4)), (_random(4, 3), _random(3))]


def _fan_out(x, w):
    branches = [np.sin((k + 1.0) * x) * w[k] for k in range(6)]
    total = branches[0]
    for branch in branches[1:]:
        total = total + branch * x
    return total * total + x * x


def _products(a, b, v):
    return a @ b @ v, np.einsum("ij,jk->ki", a, b)


def _several_outputs(x, y):
    product = x * y
    return {"sum": np.sum(product), "parts": [product, np.sin(x)], "again": product}


def _discrete(x):
    positive = x > 0
    best = np.argmax(x)
    return np.where(positive, x * x, np.exp(x)) * x[best], positive


def _rows_in_a_loop(X, state):
    total = np.sum(state)
    for t in range(X.shape[0]):
        state = np.tanh(X[t] + 0.5 * state)
        total = total + state[0] * X[t, 1]
    return total, state


def _stencil(u):
    for _ in range(3):
        laplacian = u[2:] - 2 * u[1:-1] + u[:-2]
        u = np.concatenate([u[:1], u[1:-1] + 0.2 * laplacian + 0.1 * u[1:-1] ** 2, u[-1:]])
    return u


def _overlapping_gathers(x):
    picked = x[[0, 0, 2, 3, 2]] * x[[4, 1, 1, 0, 0]]
    return np.sum(picked) * x[::-1], np.cumsum(x[1:]), np.roll(x, 2)[::2]


def _empty(x, nothing):
    return np.concatenate([nothing * 2.0, x * x]), np.sum(nothing) + np.sum(x)


def _mixed_precision(x, y):
    return np.sum(x * y) + np.sum(np.exp(x)), x + 1


# --- implicit constraints, functions without entries, nested systems ---------------------------------


def _solves(matrix, b):
    x = np.linalg.solve(matrix + 3 * np.eye(3), b)
    return np.linalg.solve(matrix @ matrix.T + 2 * np.eye(3), x * x) + x


def _matrix_solve(matrix, b):
    return np.linalg.solve(matrix + 2 * np.eye(2), b) * b


def _shifted(y, x, w, shift):
    return Function(x.shape, y.shape, lambda v: np.roll(v, shift) * w, lambda v: np.roll(v * w, -shift), name="shifted")


def _shifted_by_weight(y, x, w, shift):
    return Function(w.shape, y.shape, lambda v: np.roll(x, shift) * v, lambda v: np.roll(x, shift) * v, name="shifted")


@adjoint.custom_rule(_shifted, _shifted_by_weight)
def shifted_product(x, w, shift=1):
    """``y_k = x_{k - shift} w_k``, its partials given as pairs of functions."""
    return np.roll(x, shift) * w


@adjoint.custom_rule(lambda y, x: 1 / (1 + np.exp(-x)))
def softplus(x):
    """Its partial is an array."""
    return np.log1p(np.exp(x))


@adjoint.constraint
def _layer(x, w, b):
    return np.tanh(x @ w + b)


@adjoint.constraint
def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


@adjoint.constraint
def _solve_and_keep(matrix, b):
    return np.linalg.solve(matrix + 3 * np.eye(2), b) + b


def _nested(x, w, b):
    hidden = _sigmoid(_layer(x, w, b))
    return np.sum(_layer(hidden, w.T, x) * hidden[:3])


def _masked_logarithm(x):
    with np.errstate(all="ignore"):  # log(0) is computed, and left out
        return np.where(x > 0.1, np.log(x), 0.0) * x + np.where(x > 0.1, np.sqrt(np.sqrt(x)), x)


def _missing_data(x):
    data = np.array([1.0, np.nan, -2.0, np.inf])
    return np.where(np.isfinite(data), x * data, 0.0) * x


FAMILIES = [
    # scalars
    Family("product", lambda x, y, z: (x + y) * z, (-2.0, 5.0, -4.0)),
    Family("composition", lambda x: np.exp(np.sin(x**2)), (1.2,)),
    Family("quotient", lambda x, y: np.log(3 * x**2 + 5 * x * y) / (x + y), (2.0, 3.0)),
    Family("operators", _every_scalar_operator, (0.7, 1.9)),
    Family("identity", lambda x: x, (1.5,)),
    Family("chain of 2000", _chain, (0.3, 0.01), small=False),
    Family("random program", random_program(1, 40), tuple(_random(6))),
    Family("wide random program", random_program(2, 250), tuple(_random(6)), small=False),
    # arrays
    Family("broadcasting", _broadcasting, (_random(3, 1), _random(4), 0.5)),
    Family("network", _network, (_PARAMETERS, _random(4, 3))),
    Family("fan-out", _fan_out, (_random(3), _random(6))),
    Family("shared argument", lambda x: x * x - x / (x * x + 2) + x, (_random(3),)),
    Family("reductions", lambda x: np.sum(x, 0) * np.prod(x + 2) - np.max(x, axis=1, keepdims=True), (_random(3, 3),)),
    Family("products", _products, (_random(2, 3), _random(3, 2), _random(2))),
    Family("several outputs", _several_outputs, (_random(2, 2), _random(2))),
    Family("argument as output", lambda x, y: (x, x * y, y), (_random(3), 2.0)),
    Family("constant outputs", lambda x: (x * 2.0, 3.0, np.ones(2), np.sum(x)), (_random(3),)),
    Family("output without arguments", lambda x, y: x * x, (_random(2), _random(3))),
    Family("discrete nodes", _discrete, (np.array([0.5, -0.3, 1.4, -1.2]),)),
    Family("integer argument", lambda x, k: x[k] * k, (_random(3), np.array([0, 2, 2, 1]))),
    Family("rows in a loop", _rows_in_a_loop, (_random(5, 3), _random(3))),
    Family("stencil", _stencil, (_random(7),)),
    Family("overlapping gathers", _overlapping_gathers, (_random(5),)),
    Family("empty arrays", _empty, (_random(3), np.zeros(0))),
    Family("only empty arrays", lambda x: x * x, (np.zeros((0, 2)),)),
    Family("size one", lambda x, y: (x * y) @ x.T + np.reshape(y, ()), (_random(1, 1), _random(1))),
    Family("float32", lambda x, w: np.tanh(x @ w) * x[0], (_random(3).astype("f4"), _random(3, 3).astype("f4"))),
    Family("float32 with float64", _mixed_precision, (_random(3).astype("f4"), _random(3))),
    # beyond NumPy's vocabulary
    Family("linear solves", _solves, (_random(3, 3), _random(3)), implicit=True),
    Family("matrix solve", _matrix_solve, (_random(2, 2), _random(2, 3)), implicit=True),
    Family("custom rules", lambda x, w: softplus(shifted_product(x, w, shift=2)) * w, (_random(5), _random(5, seed=1))),
    Family("nested systems", _nested, (_random(3), _random(3, 3), _random(3, seed=1))),
    Family("nested linear solve", lambda a, b: _solve_and_keep(a, b * b), (_random(2, 2), _random(2))),
    Family("masked logarithm", _masked_logarithm, (np.array([0.5, 0.0, 2.0, -1.0]),), masked=True),
    Family("missing data", _missing_data, (_random(4),), masked=True),
]  # fmt: skip
BY_NAME = {family.name: family for family in FAMILIES}
NAMES = list(BY_NAME)
EXPLICIT = [family.name for family in FAMILIES if not family.implicit]


@cache
def system_of(name: str) -> adjoint.ConstraintSystem:
    """One system per family, shared by tests that only read it."""
    return BY_NAME[name].compile()


def dense_block(block) -> np.ndarray:
    """``J`` by what it does to each unit vector; its own coordinates are not asked."""
    m, n = block.shape
    columns = [np.reshape(block.apply(np.eye(n)[j].reshape(block.in_shape)), m) for j in range(n)]
    return np.stack(columns, axis=1) if columns else np.zeros((m, 0))


def dense_matrix(system: adjoint.ConstraintSystem) -> np.ndarray:
    """``A = Jᵀ − D`` by the definition: a loop over nodes and their blocks, each as a dense matrix."""
    sizes = [np.size(y) if system.is_active(k) else 0 for k, y in enumerate(system.values)]
    ends = np.cumsum(sizes, dtype=int)
    where = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    matrix = np.zeros((sum(sizes), sum(sizes)))
    with np.errstate(all="ignore"):
        for k in range(len(sizes)):
            if not sizes[k]:
                continue
            diagonal = system.diagonal_of(k)
            matrix[where[k], where[k]] -= np.eye(sizes[k]) if diagonal is None else dense_block(diagonal).T
            for parent, block in system.blocks_of(k):
                matrix[where[parent], where[k]] += dense_block(block).T
    return matrix


def masked_matrix(name: str) -> np.ndarray:
    """``A`` of a family; entries that only ever meet structural zeros count as zeros."""
    matrix = dense_matrix(system_of(name))
    return np.where(np.isfinite(matrix), matrix, 0.0) if BY_NAME[name].masked else matrix


def random_rows(system, nodes, batch=(), seed=0):
    """A right-hand side ``(node, value)`` for the nodes that have a multiplier."""
    rng = np.random.default_rng([seed, *batch])
    rows = [(k, rng.uniform(-1, 1, (*batch, *np.shape(system.values[k])))) for k in nodes if isinstance(k, int)]
    return [(k, np.asarray(s, system.values[k].dtype)) for k, s in rows if system.is_active(k)]


def flat_rows(system, rows, batch=()):
    """The dense right-hand side, ``(N, number of right-hand sides)``."""
    count = int(np.prod(batch))
    dense = np.zeros((count, system.shape[0]))
    for k, s in rows:
        size = system.values[k].size
        dense[:, system.offsets[k] : system.offsets[k] + size] += np.reshape(s, (count, size))
    return dense.T


def flat_solution(system, found, batch=()):
    """A solution node by node as ``(N, number of right-hand sides)``; checks every shape on the way."""
    count = int(np.prod(batch))
    columns = [np.zeros((count, 0))]
    for k, value in enumerate(system.values):
        if not system.is_active(k):
            continue
        x = np.zeros((*batch, *value.shape)) if found[k] is None else np.asarray(found[k])
        assert x.shape == (*batch, *value.shape), f"z_{k + 1}: {x.shape}, not {(*batch, *value.shape)}"
        columns.append(x.reshape(count, value.size))
    return np.concatenate(columns, axis=1).T


def replayed(trace, moved, amount):
    """All values with ``z_moved`` (0-based) shifted by ``amount``: the program runs on from there, plainly."""
    values = list(trace.values)
    values[moved] = values[moved] + amount
    with np.errstate(all="ignore"):
        for k in range(moved + 1, len(values)):
            operands, parents, static = trace.records[k][:3]
            if trace.node(k + 1).operation == "input":
                continue
            now = [x if p == -1 else values[p if p >= 0 else -2 - p] for x, p in zip(operands, parents, strict=True)]
            values[k] = trace.primitives[k].function(*now, **(static or {}))
    return values
