"""One program, run on plain arrays and on traced ones: same values, and the derivatives that differences show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import adjoint
from tests.primitives import references
from tests.primitives.references import leaves

X = np.array([0.7, -0.4, 1.3, 0.9])
"""Where programs are run unless they say otherwise; no two entries are near to each other, 0 or an integer."""

Program = Callable[[Any], Any]


def square(x: Any) -> Any:
    """A matrix of the program's own: fresh memory in C order."""
    return np.outer(x, x) + np.arange(x.size)


def agree(f: Program, x: np.ndarray = X, *, second: bool = True, real: bool = True) -> None:
    """Values of ``f`` in both kinds of traces and when replayed, and its first and second derivatives.

    ``real=False`` leaves out the solvers that take no complex matrix.
    """
    same_values(f, x)
    first_derivatives(f, x)
    scalar = weighted(f, x)
    solvers_agree(scalar, x, ("back_substitution", "sparse_triangular", "dense") if real else ("back_substitution",))
    replays(f, scalar, x)
    if second:
        second_derivatives(scalar, x)


def same_values(f: Program, x: np.ndarray) -> None:
    """Entry by entry, with shapes and dtypes; and ``x`` is left alone, whatever the program does to its argument."""
    before = x.copy()
    expected = leaves(f(x.copy()))
    whole = leaves(adjoint.trace(f, x).compile().output)
    lean = leaves(adjoint.vjp(f, x)[0])
    for found in (whole, lean):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert np.shape(a) == np.shape(b)
            assert np.asarray(a).dtype == np.asarray(b).dtype
            np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(x, before)
    assert x.flags.writeable


def parts(y: Any) -> list[Any]:
    """The real and imaginary parts of all outputs."""
    return [part for leaf in leaves(y) for part in ((leaf.real, leaf.imag) if leaf.dtype.kind == "c" else (leaf,))]


def first_derivatives(f: Program, x: np.ndarray) -> None:
    split = lambda x: parts(f(x))
    expected = references.jacobian(split, (x,))
    scale = max(1.0, float(np.max(np.abs(expected), initial=0.0)))
    for mode in ("forward", "reverse"):
        rows = adjoint.jacobian(split, mode=mode)(x)
        found = np.concatenate([np.reshape(row, (-1, x.size)) for row in rows])
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * scale, err_msg=mode)


def weighted(f: Program, x: np.ndarray) -> Program:
    """A scalar with curvature in every output."""
    sizes = [np.size(part) for part in parts(f(x.copy()))]
    weights = np.split(np.cos(1.0 + np.arange(sum(sizes))), np.cumsum(sizes)[:-1])

    def scalar(x: Any) -> Any:
        return sum(np.sum(w * np.sin(np.ravel(y))) for w, y in zip(weights, parts(f(x)), strict=True))

    return scalar


def solvers_agree(scalar: Program, x: np.ndarray, names: tuple[str, ...]) -> None:
    gradient = adjoint.grad(scalar)(x)
    system = adjoint.trace(scalar, x).compile()
    for name in names:
        multipliers = system.solve(solver=name)
        np.testing.assert_allclose(multipliers["x"], gradient, rtol=1e-11, atol=1e-11, err_msg=name)
    assert system.solve().certificate() < 1e-12


def replays(f: Program, scalar: Program, x: np.ndarray) -> None:
    """At a point near enough for the same masks and branches."""
    moved = x + 1e-3 * np.cos(np.arange(x.size)).reshape(x.shape)
    found = adjoint.trace(f, x)(moved.copy())
    np.testing.assert_allclose(references.flat(parts(found)), references.flat(parts(f(moved.copy()))), rtol=1e-12)
    again = adjoint.trace(scalar, x).compile().relinearize(moved).solve()["x"]
    np.testing.assert_allclose(again, adjoint.grad(scalar)(moved), rtol=1e-11, atol=1e-11)


def second_derivatives(scalar: Program, x: np.ndarray) -> None:
    v = references.directions((x,), 1)[0]
    gradient = adjoint.grad(scalar)
    expected = references.slope(gradient, (x,), (v,)).reshape(x.shape)
    scale = max(1.0, float(np.max(np.abs(expected))))
    nestings = {
        "hvp": adjoint.hvp(scalar, (x,), (v,))[0],
        "forward over reverse": adjoint.jvp(gradient, (x,), (v,))[1],
        "reverse over reverse": adjoint.grad(lambda x: np.sum(gradient(x) * v))(x),
        "reverse over forward": adjoint.grad(lambda x: adjoint.jvp(scalar, (x,), (v,))[1])(x),
    }
    for nesting, found in nestings.items():
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * scale, err_msg=nesting)
    forward = adjoint.jvp(lambda x: adjoint.jvp(scalar, (x,), (v,))[1], (x,), (v,))[1]
    np.testing.assert_allclose(forward, np.sum(expected * v), rtol=1e-6, atol=1e-7 * scale)


def collect(namespace: dict[str, Any]) -> list[Program]:
    """The functions of a test module that are programs: of one argument ``x``, and no tests."""
    found = [f for f in namespace.values() if getattr(f, "__module__", None) == namespace["__name__"]]
    return [f for f in found if callable(f) and f.__code__.co_varnames[:1] == ("x",) and f.__code__.co_argcount == 1]
