"""``jvp``, ``vjp`` and ``linearize``: they are one linear map and its adjoint, whoever solves."""

from __future__ import annotations

import numpy as np
import pytest

from adjoint import grad, jacobian, jvp, linearize, vjp
from tests.calculus.references import SOLVERS, mapping, mapping_jacobian
from tests.tracing.programs import smooth_program

X = np.array([0.3, -0.7, 1.1])
rng = np.random.default_rng(5)
V = rng.standard_normal(3)
W = rng.standard_normal((2, 2))


@pytest.mark.parametrize("solver", SOLVERS)
def test_closed_form(solver):
    J = mapping_jacobian(X)
    y, y_dot = jvp(mapping, (X,), (V,), solver=solver)
    np.testing.assert_array_equal(y, mapping(X))
    np.testing.assert_allclose(y_dot, J @ V, rtol=1e-13)
    y, pull_back = vjp(mapping, X, solver=solver)
    np.testing.assert_array_equal(y, mapping(X))
    (x_bar,) = pull_back(W)
    np.testing.assert_allclose(x_bar, np.tensordot(W, J, 2), rtol=1e-13)
    y, push_forward = linearize(mapping, X, solver=solver)
    np.testing.assert_array_equal(y, mapping(X))
    np.testing.assert_allclose(push_forward(V), J @ V, rtol=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("seed", range(6))
def test_duality_on_random_programs(seed, solver):
    """⟨w, J v⟩ = ⟨Jᵀ w, v⟩, and both agree with a difference quotient."""
    f = smooth_program(seed)
    g = lambda x: np.stack([f(x), f(x[::-1]), x[0] * f(x + 1)])
    draw = np.random.default_rng(seed)
    x, v, w = draw.standard_normal(4), draw.standard_normal(4), draw.standard_normal(3)
    _, y_dot = jvp(g, (x,), (v,), solver=solver)
    (x_bar,) = vjp(g, x, solver=solver)[1](w)
    assert w @ y_dot == pytest.approx(x_bar @ v, rel=1e-11, abs=1e-11)
    h = 1e-6
    np.testing.assert_allclose(y_dot, (g(x + h * v) - g(x - h * v)) / (2 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_linearity_and_reuse(solver):
    """One linearization serves any number of tangents and cotangents."""
    _, push_forward = linearize(mapping, X, solver=solver)
    _, pull_back = vjp(mapping, X, solver=solver)
    a, b = V, V[::-1].copy()
    np.testing.assert_allclose(push_forward(2 * a - b), 2 * push_forward(a) - push_forward(b), rtol=1e-12)
    (left,), (first,), (second,) = pull_back(3 * W + W.T), pull_back(W), pull_back(W.T.copy())
    np.testing.assert_allclose(left, 3 * first + second, rtol=1e-12)
    np.testing.assert_array_equal(push_forward(np.zeros(3)), np.zeros((2, 2)))


@pytest.mark.parametrize("solver", SOLVERS)
def test_leading_axes_are_several_right_hand_sides(solver):
    J = mapping_jacobian(X)
    _, push_forward = linearize(mapping, X, solver=solver)
    _, pull_back = vjp(mapping, X, solver=solver)
    vs, ws = rng.standard_normal((5, 2, 3)), rng.standard_normal((5, 2, 2, 2))
    np.testing.assert_allclose(push_forward(vs), np.einsum("ijk,abk->abij", J, vs), rtol=1e-12, atol=1e-13)
    (back,) = pull_back(ws)
    np.testing.assert_allclose(back, np.einsum("ijk,abij->abk", J, ws), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(push_forward(np.eye(3)), np.moveaxis(J, -1, 0), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
def test_pytrees_in_and_out(solver):
    def f(tree, y):
        return {"a": tree["x"] * y, "b": (tree["x"].sum(), [y**2])}

    primals = ({"x": X, "z": 7.0}, 2.0)
    tangents = ({"x": V, "z": 1.0}, 0.5)
    y, y_dot = jvp(f, primals, tangents, solver=solver)
    np.testing.assert_array_equal(y["a"], 2 * X)
    np.testing.assert_allclose(y_dot["a"], 2 * V + 0.5 * X)
    assert y_dot["b"][0] == pytest.approx(V.sum())
    assert y_dot["b"][1] == [2.0]
    _, pull_back = vjp(f, *primals, solver=solver)
    cotangents = {"a": W.reshape(4)[:3], "b": (10.0, [100.0])}
    tree_bar, y_bar = pull_back(cotangents)
    np.testing.assert_allclose(tree_bar["x"], 2 * W.reshape(4)[:3] + 10.0)
    assert tree_bar["z"] == 0.0
    assert y_bar == pytest.approx(X @ W.reshape(4)[:3] + 100.0 * 4.0)


def test_pull_back_gives_a_tuple_even_for_one_primal():
    _, pull_back = vjp(np.sin, 0.5)
    found = pull_back(2.0)
    assert isinstance(found, tuple)
    assert found == (2 * np.cos(0.5),)


@pytest.mark.parametrize("solver", SOLVERS)
def test_has_aux(solver):
    f = lambda x: (x**2, {"kept": x[0], "n": 3})
    y, y_dot, aux = jvp(f, (X,), (V,), has_aux=True, solver=solver)
    np.testing.assert_allclose(y_dot, 2 * X * V)
    assert aux == {"kept": X[0], "n": 3}
    y, pull_back, aux = vjp(f, X, has_aux=True, solver=solver)
    np.testing.assert_allclose(pull_back(V)[0], 2 * X * V)
    assert aux == {"kept": X[0], "n": 3}
    y, push_forward, aux = linearize(f, X, has_aux=True, solver=solver)
    np.testing.assert_allclose(push_forward(V), 2 * X * V)
    np.testing.assert_array_equal(y, X**2)
    assert aux == {"kept": X[0], "n": 3}


@pytest.mark.parametrize("n", [3, 5_000])
@pytest.mark.parametrize("make", [vjp, linearize])
def test_editing_the_auxiliary_output_does_not_reach_the_linear_map(make, n):
    """The product reads ``e``, which is handed out as well."""

    def f(x):
        e = np.exp(x)
        return e * x, {"kept": [e]}

    x = np.linspace(0.0, 1.0, n)
    _, linear, aux = make(f, x, has_aux=True)
    aux["kept"][0][:] = 0.0
    found = linear(np.ones(n))
    np.testing.assert_allclose(found[0] if make is vjp else found, np.exp(x) * (1 + x), rtol=1e-14)


@pytest.mark.parametrize("solver", SOLVERS)
def test_outputs_that_do_not_depend_on_the_arguments(solver):
    for f in (lambda x: np.ones(2), lambda x: np.sign(x)[:2], lambda x: np.argsort(x)[:2], lambda x: (x > 0)[:2]):
        y, y_dot = jvp(f, (X,), (V,), solver=solver)
        np.testing.assert_array_equal(y, f(X))
        np.testing.assert_array_equal(y_dot, np.zeros(2))
        (x_bar,) = vjp(f, X, solver=solver)[1](np.ones(2))
        np.testing.assert_array_equal(x_bar, np.zeros(3))
        (x_bar,) = vjp(f, X, solver=solver)[1](np.ones((4, 2)))
        assert not np.any(x_bar)


def test_an_unused_primal():
    y_dot = jvp(lambda x, unused: x * 2, (1.0, X), (1.0, V))[1]
    assert y_dot == 2.0
    x_bar, unused_bar = vjp(lambda x, unused: x * 2, 1.0, X)[1](1.0)
    assert x_bar == 2.0
    np.testing.assert_array_equal(unused_bar, np.zeros(3))


@pytest.mark.parametrize("solver", SOLVERS)
def test_float32(solver):
    x = X.astype(np.float32)
    y, y_dot = jvp(mapping, (x,), (x,), solver=solver)
    assert (y.dtype, y_dot.dtype) == (np.float32, np.float32)
    y, pull_back = vjp(mapping, x, solver=solver)
    assert pull_back(np.ones((2, 2), np.float32))[0].dtype == np.float32


@pytest.mark.parametrize(
    "f", [lambda x: x, lambda x: x + 1, lambda x: x.reshape(3, 1), lambda x: x[::-1], lambda x: (x, x)]
)
def test_results_alias_nothing(f):
    """Neither the primals, nor the seeds, nor each other: users update results in place."""
    x, v = X.copy(), V.copy()
    y, y_dot = jvp(f, (x,), (v,))
    _, pull_back = vjp(f, x)
    seed = tuple(np.ones(3) for _ in range(2)) if isinstance(y, tuple) else np.ones(np.shape(y))
    (x_bar,) = pull_back(seed)
    leaves = [*(y if isinstance(y, tuple) else (y,)), *(y_dot if isinstance(y_dot, tuple) else (y_dot,)), x_bar]
    seeds = list(seed) if isinstance(seed, tuple) else [seed]
    for k, leaf in enumerate(leaves):
        assert leaf.flags.writeable
        assert not any(np.shares_memory(leaf, other) for other in (x, v, *seeds, *leaves[:k]))
        leaf[...] = 99.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(v, V)
    np.testing.assert_array_equal(pull_back(seed)[0], len(seeds) * np.ones(3))


@pytest.mark.parametrize("inner", SOLVERS)
@pytest.mark.parametrize("outer", SOLVERS)
def test_nesting_with_a_solver_per_level(inner, outer):
    """The derivative of a directional derivative, all four pairs of modes: D²f(x)[v, v] of x ↦ Σ x⁴."""
    f = lambda x: (x**4).sum()
    second = 12 * X**2
    through_jvp = lambda x: jvp(f, (x,), (V,), solver=inner)[1]
    through_vjp = lambda x: vjp(f, x, solver=inner)[1](1.0)[0] @ V
    for g in (through_jvp, through_vjp):
        assert jvp(g, (X,), (V,), solver=outer)[1] == pytest.approx(second @ V**2, rel=1e-12)
        np.testing.assert_allclose(vjp(g, X, solver=outer)[1](1.0)[0], second * V, rtol=1e-12)
        np.testing.assert_allclose(grad(g, solver=outer)(X), second * V, rtol=1e-12)
        np.testing.assert_allclose(jacobian(g, solver=outer, mode="forward")(X), second * V, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_derivatives_with_respect_to_the_seed(solver):
    """The pull-back is linear in its seed: its Jacobian there is Jᵀ; that of the push-forward is J."""
    J = mapping_jacobian(X)
    _, pull_back = vjp(mapping, X, solver=solver)
    _, push_forward = linearize(mapping, X, solver=solver)
    by_seed = jacobian(lambda w: pull_back(w)[0])(W)
    np.testing.assert_allclose(by_seed, np.moveaxis(J, -1, 0), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(jacobian(push_forward)(V), J, rtol=1e-13, atol=1e-14)
