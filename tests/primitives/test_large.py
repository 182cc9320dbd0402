"""Large arrays: values that no block reads are let go, constants are locked. No derivative may notice.

A derivative that solves once keeps an array above ``LEAN_BYTES`` only if a rule says that it reads it; others leave a
``Hollow`` behind, of the same shape and dtype. With the limits set to nothing, the small cases of the catalogue take
the same road.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import NotAcceptedError
from adjoint.tracing import FUNCTIONS, UFUNCS, locks, operators, record, tracer
from adjoint.tracing.primitive import Hollow, Primitive, reads_of
from tests.primitives import references
from tests.primitives.case import Case
from tests.primitives.catalogue import CASES
from tests.primitives.references import directions, leaves
from tests.tracing.programs import choosing_program, smooth_program

every_case = pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)


@contextmanager
def everything_is_large() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (tracer, operators):
            patch.setattr(module, "LEAN_BYTES", -1)
        patch.setattr(locks, "COPY_LIMIT", -1)
        yield


def weighted(case: Case) -> tuple[Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...], Any]:
    """The case, a random weighting of its output entries as a scalar, the point, and the weights as a seed."""
    f, x = case.point()
    y = f(*x)
    weights = directions([np.asarray(part) for part in leaves(y)], 15)

    def scalar(*arguments: Any) -> Any:
        return sum(np.sum(w * part) for w, part in zip(weights, leaves(f(*arguments)), strict=True))

    return f, scalar, x, type(y)(weights) if isinstance(y, (list, tuple)) else weights[0]


def dot(a: Any, b: Any) -> Any:
    return sum(np.sum(p * q) for p, q in zip(a, b, strict=True))


def hollows(trace: adjoint.Trace) -> int:
    operands = [x for record in trace.records for x in record[0]]
    return sum(type(x) is Hollow for x in (*trace.values, *operands))


def assert_same(found: Any, expected: Any, what: str, tolerance: float = 1e-12) -> None:
    found, expected = references.flat(found), references.flat(expected)
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * scale, err_msg=what)


@every_case
def test_derivatives_do_not_depend_on_the_size(case: Case) -> None:
    f, scalar, x, seed = weighted(case)
    numbers = range(len(x))
    v = directions(x, 16)
    gradient = adjoint.grad(scalar, numbers)
    multipliers = adjoint.trace(scalar, *x).compile().solve().arguments  # an explicit trace keeps everything
    curvature = references.flat(adjoint.hvp(scalar, x, v))  # of arrays that are small: everything is kept
    assert_same(curvature, references.slope(gradient, x, v), "differences of the gradient", 1e-6)
    with everything_is_large():
        value, found = adjoint.value_and_grad(scalar, numbers)(*x)
        y, pull_back = adjoint.vjp(f, *x)
        pulled = [pull_back(seed), pull_back(seed)]
        z, z_dot = adjoint.jvp(f, x, v)
        forward_over_reverse = adjoint.hvp(scalar, x, v)
        reverse_over_reverse = adjoint.grad(lambda *a: dot(gradient(*a), v), numbers)(*x)
    assert_same(value, scalar(*x), "value")
    assert_same(y, f(*x), "value of vjp")
    assert_same(z, f(*x), "value of jvp")
    assert_same(found, multipliers, "gradient")
    for one in pulled:
        assert_same(one, multipliers, "vjp")
    assert_same(z_dot, references.slope(f, x, v), "jvp against differences", 1e-7)
    assert_same(
        dot(leaves(seed if isinstance(seed, (list, tuple)) else [seed]), leaves(z_dot)), dot(found, v), "duality"
    )
    assert_same(forward_over_reverse, curvature, "hvp", 1e-10)
    assert_same(reverse_over_reverse, curvature, "gradient of a gradient", 1e-10)
    assert all(a.flags.writeable for a in x)


def test_the_road_of_large_arrays_is_really_taken() -> None:
    """By most cases when all arrays count as large, and never in an explicit trace."""
    taken = 0
    for case in CASES:
        _, scalar, x, _ = weighted(case)
        with everything_is_large():
            taken += hollows(record(scalar, x, lean=True)[0]) > 0
            assert hollows(adjoint.trace(scalar, *x)) == 0, case.id
    assert taken > 0.7 * len(CASES)


@pytest.mark.parametrize("program", [smooth_program, choosing_program])
@pytest.mark.parametrize("seed", range(8))
def test_second_derivatives_of_random_programs(program: Any, seed: int) -> None:
    """A sweep under an outer trace shares its arrays with it: nothing of them may be overwritten."""
    f = program(seed)
    x, v, w = np.random.default_rng(seed).uniform(0.3, 1.5, (3, 4))
    gradient = adjoint.grad(f)
    expected = references.slope(gradient, (x,), (v,))
    scale = max(1.0, float(np.max(np.abs(expected))))
    with everything_is_large():
        found = {
            "hessian": adjoint.hessian(f)(x) @ v,
            "forward over reverse": adjoint.hvp(f, (x,), (v,))[0],
            "reverse over reverse": adjoint.grad(lambda x: gradient(x) @ v)(x),
            "jacobian of a gradient": adjoint.jacobian(gradient, mode="reverse")(x) @ v,
            "reverse over forward": adjoint.grad(lambda x: adjoint.jvp(f, (x,), (v,))[1])(x),
        }
        third = adjoint.grad(lambda x: w @ adjoint.hvp(f, (x,), (v,))[0])(x)
    for nesting, one in found.items():
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-7 * scale, err_msg=nesting)
    change = references.slope(lambda x: w @ adjoint.hvp(f, (x,), (v,))[0], (x,), (w,))
    np.testing.assert_allclose(third @ w, change[0], rtol=1e-6, atol=1e-7 * max(1.0, abs(change[0])))


# --- what rules say that they read -------------------------------------------------------------------


def hollow(x: Any) -> Any:
    return Hollow(x.shape, x.dtype) if isinstance(x, (np.ndarray, np.generic)) else x


def activities(parents: Any) -> Iterator[list[int]]:
    """Who may be differentiated: all parents as recorded, or each operand alone."""
    yield list(parents)
    for k, parent in enumerate(parents):
        if parent >= 0:
            yield [parent if j == k else -1 for j in range(len(parents))]


@every_case
def test_blocks_read_no_more_than_they_say(case: Case) -> None:
    """In the function itself, and in the kernels that its derivatives in both modes are made of."""
    _, scalar, x, _ = weighted(case)
    v = directions(x, 17)
    programs = [scalar, lambda *a: adjoint.grad(scalar, range(len(x)))(*a), lambda *a: adjoint.jvp(scalar, a, v)[1]]
    for program in programs:
        trace = adjoint.trace(program, *x)
        for k, primitive in enumerate(trace.primitives):
            operands, parents, static, _, _ = trace.records[k]
            if primitive.reads is None:
                continue
            for chosen in activities(parents):
                needed, reads_result = primitive.needs(chosen)
                y = trace.values[k] if reads_result else hollow(trace.values[k])
                left = [a if j in needed else hollow(a) for j, a in enumerate(operands)]
                with np.errstate(all="ignore"):
                    expected = primitive.blocks(trace.values[k], operands, static or {}, chosen)
                    found = primitive.blocks(y, left, static or {}, chosen)
                assert [parent for parent, _ in found] == [parent for parent, _ in expected]
                for (_, a), (_, b) in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(seen(a), seen(b), err_msg=primitive.name)


def seen(block: Any) -> np.ndarray:
    """A block's matrix; what it does to random vectors, if it is linear over the real numbers only."""
    try:
        matrix: np.ndarray = block.to_dense()
        return matrix
    except NotAcceptedError:
        rng = np.random.default_rng(0)
        v, w = (rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in (block.in_shape, block.out_shape))
        return np.concatenate([np.ravel(block.apply(v)), np.ravel(block.apply_adjoint(w))])


def test_every_rule_that_says_what_it_reads_is_in_the_catalogue() -> None:
    seen: set[int] = set()
    for case in CASES:
        f, x = case.point()
        seen.update(map(id, adjoint.trace(f, *x).primitives))
    handlers = {name: getattr(f, "primitive", None) for name, f in FUNCTIONS.items()}
    rules = {**UFUNCS, **handlers}
    public = {f: p for f, p in rules.items() if getattr(np, f.__name__, None) is f}
    declared = [p for p in public.values() if isinstance(p, Primitive) and p.reads is not None]
    assert len(declared) > 60, "the tables were not found"
    assert [p.name for p in declared if id(p) not in seen] == []


class Rules:
    def method(self, y: Any, x: Any) -> Any:
        return y


def in_a_comprehension(y: Any, a: Any, b: Any) -> Any:
    return np.sum([a for _ in range(2)], 0)


def after_an_assignment(y: Any, a: Any, b: Any) -> Any:
    c = a
    a = c * 2
    return a


def in_a_branch(y: Any, a: Any, b: Any) -> Any:
    if a.ndim > 3:
        return y
    return 1.0


def deleted(y: Any, a: Any, b: Any) -> Any:
    c = b + 1
    del b
    return c


@pytest.mark.parametrize(
    "partial, least",
    [
        (in_a_comprehension, {0}),
        (after_an_assignment, {0}),
        (in_a_branch, {-1, 0}),
        (deleted, {1}),
        (lambda y, a, b: (lambda: b)(), {1}),
        (lambda *operands: operands[2], {1}),
        (lambda y, *operands: operands[1], {1}),
        (Rules().method, {-1}),
        (np.multiply, {-1, 0}),
    ],
)
def test_what_a_partial_reads_is_never_missed(partial: Any, least: set[int]) -> None:
    """From its code, which looks different in each version of Python; a partial that is no plain function reads all."""
    reads = reads_of((partial,))
    assert reads is None or least <= reads[0]


def test_a_partial_that_ignores_an_operand_lets_it_go() -> None:
    assert reads_of((lambda y, a, b: b, lambda y, a, b: a * y, 0)) == (frozenset({1}), frozenset({-1, 0}), frozenset())


# --- arrays that are large --------------------------------------------------------------------------

N = 3_000
TABLE = np.linspace(-1.0, 1.0, N)
ORDER = np.random.default_rng(18).permutation(N)
SQUARE = np.random.default_rng(19).uniform(-0.1, 0.1, (60, 50))


def elementwise_chain(x: Any) -> Any:
    y = np.sin(x) * TABLE + x / (2 + TABLE) - TABLE
    return np.sum(np.tanh(y) * y + np.exp(-(y**2)) + np.hypot(x, TABLE + 2) * np.sqrt(1 + y * y))


def gathers(x: Any) -> Any:
    y = x[ORDER] * x + TABLE
    return np.sum(y[::2] * y[1::2]) + np.sum(y[ORDER[:100]] ** 3) + y[7] * y[-1] + np.sum(y[TABLE > 0.5] ** 2)


def products(x: Any) -> Any:
    m = x.reshape(50, 60)
    return np.sum(np.tanh(SQUARE @ m) ** 2) + np.sum((m @ SQUARE) * (m @ SQUARE)) + np.einsum("ij,ji->", m, SQUARE * 2)


def softmax(x: Any) -> Any:
    m = x.reshape(50, 60)
    e = np.exp(m - np.max(m, axis=1, keepdims=True))
    p = e / np.sum(e, axis=1, keepdims=True)
    return np.sum(p * TABLE.reshape(50, 60)) + np.var(m) * np.mean(p**2)


def joins(x: Any) -> Any:
    y = np.concatenate([x, TABLE, x * x])
    z = np.stack([x, np.where(TABLE > 0, x**2, TABLE), np.roll(x, 3)])
    return np.sum(y * y[::-1]) + np.sum(np.cumsum(z, axis=1) * z) / N + np.sum(np.clip(z, -5, TABLE + 5) * z[::-1])


def linear_system(x: Any) -> Any:
    m = x.reshape(60, 50)
    return np.sum(np.linalg.solve(3 * np.eye(60) + m @ SQUARE.T, m) ** 2)


@adjoint.constraint
def layer(w: Any, x: Any) -> Any:
    return np.tanh(w * x + TABLE) * x


def own_rules(x: Any) -> Any:
    square = adjoint.custom_rule(lambda y, x: 2 * x)(lambda x: x * x)
    return np.sum(layer(x, square(x)) * layer(TABLE, x))


@pytest.mark.parametrize(
    "f", [elementwise_chain, gathers, products, softmax, joins, linear_system, own_rules], ids=lambda f: f.__name__
)
def test_programs_on_large_arrays(f: Callable[..., Any]) -> None:
    rng = np.random.default_rng(20)
    x, v = rng.uniform(-1, 1, N), rng.uniform(-1, 1, N)
    gradient = adjoint.grad(f)
    slope = references.slope(f, (x,), (v,))
    np.testing.assert_allclose(gradient(x) @ v, slope[0], rtol=1e-7)
    np.testing.assert_allclose(adjoint.jvp(f, (x,), (v,))[1], slope[0], rtol=1e-7)
    np.testing.assert_allclose(adjoint.vjp(f, x)[1](2.0)[0] @ v, 2 * slope[0], rtol=1e-7)
    explicit = adjoint.trace(f, x).compile().solve()["x"]
    np.testing.assert_allclose(gradient(x), explicit, rtol=1e-12, atol=1e-12)
    curvature = references.slope(gradient, (x,), (v,))
    scale = np.max(np.abs(curvature))
    np.testing.assert_allclose(adjoint.hvp(f, (x,), (v,))[0], curvature, rtol=1e-6, atol=1e-7 * scale)
    twice = adjoint.grad(lambda x: gradient(x) @ v)(x)
    np.testing.assert_allclose(twice, curvature, rtol=1e-6, atol=1e-7 * scale)
    assert TABLE.flags.writeable
    assert SQUARE.flags.writeable
