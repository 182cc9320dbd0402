"""Calls that cannot be answered get an error that says what was expected, what came, and what to do."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import adjoint
from adjoint import grad, hessian, hvp, jacobian, jvp, linearize, value_and_grad, vjp
from adjoint.errors import (
    ArgumentError,
    AssemblyTooLargeError,
    NonFiniteDerivativeWarning,
    NotAcceptedError,
    SeedError,
    SolverError,
    UnknownSolverError,
)
from tests.calculus.references import SOLVERS
from tests.tracing.programs import at_line

X = np.array([1.0, 2.0, 3.0])


def total(x):
    return x.sum()


# --- outputs ----------------------------------------------------------------------------------------------


def vector(x):
    return x * 2


@pytest.mark.parametrize("transform", [grad, value_and_grad, hessian])
def test_grad_of_an_array(transform):
    with pytest.raises(ArgumentError, match=r"grad needs a scalar output, but vector returned shape \(3,\)") as caught:
        transform(vector)(X)
    caught.match(r"Reduce it \(np\.sum, np\.mean\), or use adjoint\.jacobian, adjoint\.vjp")
    assert isinstance(caught.value, TypeError)


def test_an_array_of_one_entry_is_not_a_scalar():
    with pytest.raises(ArgumentError, match=r"returned shape \(1,\)"):
        grad(lambda x: x[:1])(X)


@pytest.mark.parametrize("output", [lambda x: (x[0], x[1]), lambda x: {"a": x[0], "b": 1.0}, lambda x: None])
def test_grad_of_several_outputs(output):
    with pytest.raises(ArgumentError, match=r"one scalar output, but .* returned (\d arrays|None)") as caught:
        grad(output)(X)
    caught.match(r"return a scalar, or \(scalar, aux\) with has_aux=True")


@pytest.mark.parametrize(
    "transform",
    [grad, value_and_grad, jacobian, hessian, lambda f: lambda x: vjp(f, x), lambda f: lambda x: linearize(f, x)],
)
def test_outputs_that_are_no_arrays(transform):
    class Result:
        pass

    def f(x):
        return Result()

    with pytest.raises(ArgumentError, match="returned a Result, which is no array or number") as caught:
        transform(f)(X)
    caught.match("has_aux=True")


@pytest.mark.parametrize("returned", [lambda x: x.sum(), lambda x: (x.sum(), 1, 2), lambda x: [x.sum(), 1]])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_has_aux_without_a_pair(transform, returned):
    with pytest.raises(ArgumentError, match=r"has_aux=True expects .* to return \(output, aux\), got"):
        transform(returned, has_aux=True)(X)


def test_has_aux_without_a_pair_does_not_speak_of_tracers():
    with pytest.raises(ArgumentError) as caught:
        grad(total, has_aux=True)(X)
    assert "Tracer" not in str(caught.value)


def test_complex_outputs():
    with pytest.raises(
        ArgumentError, match=r"needs a real output, but .* returned complex128; use adjoint.vjp or adjoint.jacobian"
    ):
        grad(lambda x: (x * 1j).sum())(X)


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [3, np.int32(3), np.array([1, 2]), True, np.array([True, False])])
@pytest.mark.parametrize(
    "transform",
    [
        grad,
        jacobian,
        hessian,
        lambda f: lambda x: vjp(f, x),
        lambda f: lambda x: jvp(f, (x,), (x,)),
        lambda f: lambda x: linearize(f, x),
    ],
)
def test_integer_arguments(transform, bad):
    def f(weights):
        return np.sum(weights * 2.0)

    dtype = np.asarray(bad).dtype
    with pytest.raises(ArgumentError, match=rf"floating-point arguments, but weights has dtype {dtype}") as caught:
        transform(f)(bad)
    caught.match(r"Pass it as a float \(2\.0 instead of 2, x\.astype\(float\)\), or leave it out of argnums")


def test_an_integer_leaf_is_named_by_its_path():
    with pytest.raises(ArgumentError, match=r"but params\['b'\]\[1\] has dtype int64"):
        grad(lambda params: params["a"] * params["b"][0])({"a": 1.0, "b": [2.0, 3]})


def test_integers_that_are_not_differentiated_are_welcome():
    assert grad(lambda x, n: x**n)(2.0, 3) == 12.0
    assert adjoint.trace(lambda x, n: x * n, 2.0, 3).compile().solve()["x"] == 3.0


@pytest.mark.parametrize("bad", ["text", object(), {1.0, 2.0}, np.array(["a"])])
def test_arguments_that_are_no_arrays(bad):
    with pytest.raises(ArgumentError, match=r"cannot be traced|dtype <U1"):
        grad(total)(bad)


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), [5]])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_argnums_out_of_range(transform, argnums):
    with pytest.raises(ArgumentError, match=r"argnums=.* asks for argument -?\d, but 1 positional argument"):
        transform(total, argnums)(X)


def test_argnums_named_twice():
    for argnums in ((0, 0), (0, -2)):
        with pytest.raises(ArgumentError, match="names an argument twice"):
            grad(lambda x, y: x * y, argnums)(1.0, 2.0)


def test_argnums_that_are_no_numbers():
    with pytest.raises((ArgumentError, TypeError)):
        grad(total, "x")(X)
    with pytest.raises((ArgumentError, TypeError)):
        grad(total, 0.5)(X)


def test_a_differentiated_argument_given_by_keyword():
    with pytest.raises(ArgumentError, match="asks for argument 0, but 0 positional arguments were given"):
        grad(total)(x=X)


def test_an_unknown_mode():
    with pytest.raises(ValueError, match='mode must be "auto", "forward" or "reverse", not \'backward\''):
        jacobian(total, mode="backward")


# --- seeds and tangents ---------------------------------------------------------------------------------------


def test_primals_and_tangents_as_tuples():
    with pytest.raises(
        ArgumentError, match=r"jvp takes its primals and tangents as tuples: jvp\(f, \(x,\), \(x_dot,\)\)"
    ):
        jvp(np.sin, X, X)
    with pytest.raises(ArgumentError, match=r"hvp takes its primals and tangents as tuples: hvp\(f, \(x,\), \(v,\)\)"):
        hvp(total, X, X)
    with pytest.raises(ArgumentError, match="jvp got 1 primals and 2 tangents"):
        jvp(np.sin, (X,), (X, X))


@pytest.mark.parametrize("wrong", [np.ones(2), np.ones((3, 1)), 1.0])
def test_tangents_of_the_wrong_shape(wrong):
    pattern = r"tangent of z_1 has shape \(.*\); expected \(3,\), or several of them along leading axes"
    with pytest.raises(SeedError, match=pattern):
        jvp(np.sin, (X,), (wrong,))
    with pytest.raises(SeedError, match=pattern):
        linearize(np.sin, X)[1](wrong)
    with pytest.raises(SeedError, match=pattern):
        hvp(total, (X,), (wrong,))


@pytest.mark.parametrize("wrong", [np.ones(2), np.ones((3, 1)), 1.0])
def test_seeds_of_the_wrong_shape(wrong):
    pattern = r"seed of z_2 has shape \(.*\); expected \(3,\), or several of them along leading axes"
    with pytest.raises(SeedError, match=pattern):
        vjp(np.sin, X)[1](wrong)
    with pytest.raises(SeedError, match=pattern):
        adjoint.trace(np.sin, X).compile().solve(wrong)


def test_leading_axes_must_agree():
    with pytest.raises(SeedError, match=r"share their leading axes: \(2,\), \(4,\)"):
        jvp(lambda x, y: x + y, (X, X), (np.ones((2, 3)), np.ones((4, 3))))
    with pytest.raises(SeedError, match=r"share their leading axes"):
        vjp(lambda x: (x, 2 * x), X)[1]((np.ones((2, 3)), np.ones(3)))


@pytest.mark.parametrize("tangent", [{"a": 1.0}, {"a": 1.0, "c": 1.0}, [1.0, 1.0], (1.0, 1.0), 1.0])
def test_tangents_of_another_structure(tangent):
    """As many leaves do not make the same structure: a list in place of a dict would mix them up."""
    f = lambda d: d["a"] - d["b"]
    primal = {"a": 1.0, "b": 2.0}
    with pytest.raises(SeedError, match=r"the tangents .* have not the structure of the arguments"):
        jvp(f, (primal,), (tangent,))
    with pytest.raises(SeedError, match=r"the tangents .* have not the structure of the arguments"):
        linearize(f, primal)[1](tangent)


@pytest.mark.parametrize("seed", [{"a": X}, {"a": X, "c": X}, [X, X], X])
def test_seeds_of_another_structure(seed):
    f = lambda x: {"a": x, "b": 2 * x}
    with pytest.raises(SeedError, match=r"the seed .* has not the structure of the output"):
        vjp(f, X)[1](seed)


def test_a_missing_seed():
    with pytest.raises(SeedError, match=r"output has the shapes \[\(3,\)\]: give solve\(\) a seed"):
        adjoint.trace(vector, X).compile().solve()


# --- solvers and assembly ------------------------------------------------------------------------------------


CALLS = {
    "grad": lambda s: grad(total, solver=s)(X),
    "value_and_grad": lambda s: value_and_grad(total, solver=s)(X),
    "jacobian": lambda s: jacobian(vector, solver=s)(X),
    "hessian": lambda s: hessian(total, solver=s)(X),
    "hvp": lambda s: hvp(total, (X,), (X,), solver=s),
    "jvp": lambda s: jvp(vector, (X,), (X,), solver=s),
    "vjp": lambda s: vjp(vector, X, solver=s)[1](X),
    "linearize": lambda s: linearize(vector, X, solver=s)[1](X),
    "solve": lambda s: adjoint.trace(total, X).compile().solve(solver=s),
    "solve_tangent": lambda s: adjoint.trace(total, X).compile().solve_tangent(X, solver=s),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_unknown_solver_lists_the_known_ones(call):
    with pytest.raises(UnknownSolverError, match="unknown solver 'nope'; the known ones are: ") as caught:
        CALLS[call]("nope")
    for name in adjoint.solvers.available():
        caught.match(name)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, SolverError)


def test_something_that_is_no_solver():
    with pytest.raises(UnknownSolverError, match=r"a solver is a name .* or a value with analyze\(\), not 5"):
        grad(total, solver=5)(X)


@pytest.mark.parametrize("call", ["grad", "value_and_grad", "jacobian", "hessian"])
def test_a_bad_solver_leaves_constants_unlocked(call):
    table = np.ones(10_000)
    functions = {"grad": grad, "value_and_grad": value_and_grad, "jacobian": jacobian, "hessian": hessian}
    with pytest.raises(UnknownSolverError, match="nope"):
        functions[call](lambda x: (table * x**2).sum(), solver="nope")(1.0)
    assert table.flags.writeable


def test_an_assembly_that_would_not_fit():
    def f(x):
        return np.outer(x, x) @ x

    system = adjoint.trace(f, np.ones(30)).compile()
    with pytest.raises(AssemblyTooLargeError, match=r"A would have [\d,]+ nonzeros and need about") as caught:
        system.matrix(max_bytes=10_000)
    caught.match(r"largest.* from z_\d to z_\d")
    caught.match(r"matrix-free solver such as 'back_substitution', or raise max_bytes")
    assert isinstance(caught.value, MemoryError)
    assert system.matrix(max_bytes=10_000_000).shape == system.shape


@pytest.mark.parametrize("name", ["SparseTriangular", "DenseSolver"])
def test_solvers_refuse_what_would_not_fit(name):
    from adjoint.solvers.dense import DenseSolver
    from adjoint.solvers.sparse_triangular import SparseTriangular

    solver = {"SparseTriangular": SparseTriangular, "DenseSolver": DenseSolver}[name](max_bytes=1_000)
    with pytest.raises(AssemblyTooLargeError, match="back_substitution"):
        grad(lambda x: (np.outer(x, x) ** 2).sum(), solver=solver)(np.ones(30))


def test_an_enormous_assembly_is_refused_before_anything_is_allocated():
    """10⁶ × 10⁶ would be terabytes: the default limit must catch it from shapes alone."""
    system = adjoint.trace(lambda x: np.sum(np.cumsum(x) * x), np.ones(1_000_000)).compile()
    with pytest.raises(AssemblyTooLargeError, match=r"[KMGT]iB allowed"):
        system.matrix()
    with pytest.raises(AssemblyTooLargeError, match=r"[KMGT]iB allowed"):
        system.solve(solver="dense")


def test_a_system_that_a_solver_does_not_take():
    f = lambda x: np.linalg.solve(np.eye(3) * 2 + np.outer(x, x), x).sum()
    with pytest.raises(NotAcceptedError, match=r"'sparse_triangular' .*implicit.* z_\d = \S*solve"):
        grad(f, solver="sparse_triangular")(X)


def test_an_unknown_matrix_format():
    with pytest.raises(ValueError, match="format must be 'csr', 'csc', 'coo', 'dense' or 'blocks', not 'bsr'"):
        adjoint.trace(total, X).compile().matrix("bsr")


def test_an_unknown_name_or_number_of_a_multiplier():
    lam = adjoint.trace(total, X).compile().solve()
    with pytest.raises(KeyError, match="no node is named 'y'; the names are: x"):
        lam["y"]
    with pytest.raises(IndexError, match="nodes z_1 … z_2, not z_3"):
        lam[3]


# --- values that are not finite ------------------------------------------------------------------------------


def root_sum(x):
    scaled = 2 * x
    roots = np.sqrt(scaled)
    return roots.sum()


def log_product(x):
    y = np.log(x)
    return (y * 3).sum()


def quotient(x):
    return (1 / x).sum()


@pytest.mark.parametrize(
    "f, text, operation",
    [
        (root_sum, "np.sqrt(scaled)", r"z_3 = sqrt\("),
        (log_product, "np.log(x)", r"z_2 = log\("),
        (quotient, "1 / x", r"z_2 = (true_)?divide\("),
    ],
)
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_derivative_that_is_not_finite_is_explained(f, text, operation, solver):
    x = np.array([1.0, 0.0, 2.0])
    with np.errstate(all="ignore"), pytest.warns(NonFiniteDerivativeWarning, match=operation) as caught:
        found = grad(f, solver=solver)(x)
    message = str(caught[0].message)
    with pytest.raises(NonFiniteDerivativeWarning, match=at_line(f, text)):
        raise caught[0].message
    assert "a derivative is not finite" in message
    assert re.search(r"with respect to z_\d (=|where that is) 0\b", message)
    assert len(caught) == 1
    assert np.isfinite(found).tolist() == [True, False, True]
    assert issubclass(NonFiniteDerivativeWarning, RuntimeWarning)


CALLS_AT_ZERO = {
    "grad": lambda x: grad(root_sum)(x),
    "value_and_grad": lambda x: value_and_grad(root_sum)(x),
    "jacobian": lambda x: jacobian(root_sum)(x),
    "forward": lambda x: jacobian(root_sum, mode="forward")(x),
    "vjp": lambda x: vjp(root_sum, x)[1](1.0),
    "jvp": lambda x: jvp(root_sum, (x,), (np.ones(3),)),
    "hessian": lambda x: hessian(root_sum)(x),
    "hvp": lambda x: hvp(root_sum, (x,), (np.ones(3),)),
}


@pytest.mark.parametrize("call", CALLS_AT_ZERO)
def test_every_derivative_warns(call):
    with pytest.warns(NonFiniteDerivativeWarning, match=r"sqrt\(") as caught:
        CALLS_AT_ZERO[call](np.array([1.0, 0.0, 2.0]))
    assert any(str(w.message).count("test_bad_input.py") for w in caught)


def test_the_warning_points_at_the_call():
    with pytest.warns(NonFiniteDerivativeWarning, match="not finite") as caught:
        grad(root_sum)(np.zeros(1))
    assert caught[0].filename == __file__


def test_nan_in_the_argument():
    with pytest.warns(NonFiniteDerivativeWarning, match="not finite"):
        found = grad(lambda x: (x**2).sum())(np.array([1.0, np.nan]))
    assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "f, expected",
    [
        (lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0.0).sum(), [1.0, 0.0, 0.5]),
        (lambda x: np.where(x > 0, np.log(x), 0.0).sum(), [1.0, 0.0, 0.5]),
        (lambda x: np.where(x > 0, np.sqrt(x), x).sum(), [0.5, 1.0, 0.5 / 2**0.5]),
        (lambda x: np.where(x > 0, 1 / x, 0.0).sum(), [-1.0, 0.0, -0.25]),
        (lambda x: np.where(x > 0, x / x, 0.0).sum(), [0.0, 0.0, 0.0]),
        (lambda x: np.sqrt(x)[[0, 2]].sum(), [0.5, 0.0, 0.5 / 2**0.5]),
        (lambda x: (np.log(x) * np.array([1.0, 0.0, 1.0]))[[0, 2]].sum(), [1.0, 0.0, 0.5]),
        (lambda x: np.sqrt(x).max(), [0.0, 0.0, 0.5 / 2**0.5]),
    ],
)
def test_structural_zeros_stay_silent(f, expected, solver):
    """0 × inf is 0 where the multiplier is a structural zero; no warning, no NaN."""
    x = np.array([1.0, 0.0, 2.0])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(grad(f, solver=solver)(x), expected, rtol=1e-14, atol=1e-14)
        np.testing.assert_allclose(jacobian(f, mode="forward", solver=solver)(x), expected, rtol=1e-14, atol=1e-14)


def test_structural_zeros_in_second_derivatives():
    f = lambda x: np.where(x > 0, np.log(x), 0.0).sum()
    x = np.array([1.0, 0.0, 2.0])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(hessian(f)(x), np.diag([-1.0, 0.0, -0.25]), atol=1e-15)
        np.testing.assert_allclose(jacobian(grad(f), mode="reverse")(x), np.diag([-1.0, 0.0, -0.25]), atol=1e-15)
