"""Where NaN or infinity began: the cause, the node, the user's line and the path, told apart in every mode."""

from __future__ import annotations

import inspect
import math
import pickle
import threading
import warnings

import numpy as np
import pytest

import adjoint
from adjoint import debug_nans, grad, hessian, hvp, jacobian, jvp, linearize, value_and_grad, vjp
from adjoint.blocks import Diagonal, DiagonalBlock, Identity
from adjoint.errors import AdjointError, NonFiniteDerivativeWarning, NonFiniteError
from adjoint.tracing import Primitive, bind

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")

SOLVERS = adjoint.solvers.available()


def caught(call, **options):
    """The error that a call raises in the mode."""
    with pytest.raises(NonFiniteError) as info, debug_nans(**options), np.errstate(all="ignore"):
        call()
    return info.value


def line_of(f, text):
    """The number of the one line of ``f`` that holds ``text``."""
    lines, first = inspect.getsourcelines(f)
    (found,) = [first + k for k, line in enumerate(lines) if text in line]
    return found


# --- programs, one way to fail each ---------------------------------------------------------------------------


def root(x):
    doubled = 2 * x
    roots = np.sqrt(doubled)
    return np.sum(roots)


def zero_over_zero(x):
    centered = x - x[0]
    spread = centered @ centered
    return np.sum(centered / spread)


def overflow(x):
    h = np.exp(x)
    return np.sum(h / (1 + h))


def difference_of_infinities(x):
    big = np.sum(x) * 1e300
    a = big * 1e10
    b = big * 1e20
    return a - b


def angle(x):
    return np.sum(np.arccos(x))


def underflow(x):
    tiny = x * x
    return np.sum(1 / tiny)


def missing(x):
    data = np.array([1.0, np.nan, 3.0])
    scaled = x * data
    return np.sum(scaled**2)


def square(x):
    return np.sum(x**2)


def beyond_floats(x):
    small = 1e-200 * x
    large = np.sum(small * 1e200)
    return large * 1e200


def two_ways(x):
    y = np.sin(x)
    return y * 1e308 + y * 1e308


@adjoint.custom_rule(lambda y, x: np.full(x.shape, np.nan))
def nan_partial(x):
    return np.sin(x)


@adjoint.custom_rule(lambda y, x: (None, lambda w: np.nan * w))
def nan_pull_back(x):
    return np.sin(x)


def uses_nan_partial(x):
    return np.sum(nan_partial(x) * 3)


def uses_nan_pull_back(x):
    return np.sum(nan_pull_back(x) * 3)


def in_place(x):
    y = np.zeros_like(x)
    y[:2] = np.sqrt(x[:2])
    y[2] += x[2]
    return np.sum(y)


def through_a_discrete_node(x):
    logarithm = np.log(x)
    return np.sum(x * adjoint.stop_gradient(logarithm))


def quotients(x):
    return np.sum(x[:, None] / x[None, :])


def number_in_a_product(x):
    return np.sum(x * math.nan)


def constant_in_a_product(x):
    w = np.diag([1.0, np.inf, 1.0])
    return np.sum(np.exp(-(w @ x)))


ZEROS = np.array([1.0, 0.0, 2.0])
CASES = [
    # f, x, cause, operation, text of the line, entry, path
    (root, ZEROS, "partial", "sqrt", "np.sqrt(doubled)", (1,), (3, 4)),
    (zero_over_zero, np.full(3, 2.0), "value", "divide", "centered / spread", (0,), (5, 6)),
    (overflow, np.array([1.0, 1000.0]), "value", "exp", "np.exp(x)", (1,), (2, 4, 5)),
    (difference_of_infinities, np.ones(2), "value", "multiply", "a = big * 1e10", (), (4, 6)),
    (angle, np.array([0.5, 1.0]), "partial", "arccos", "np.arccos(x)", (1,), (2, 3)),
    (underflow, np.array([1.0, 1e-200]), "value", "divide", "1 / tiny", (1,), (3, 4)),
    (missing, np.ones(3), "constant", "multiply", "x * data", (1,), (2, 3, 4)),
    (square, np.array([1.0, np.nan]), "argument", "input", None, (1,), (1, 2, 3)),
    (two_ways, 0.0, "sum", "sin", "np.sin(x)", (), (2, 3, 5)),
    (uses_nan_partial, np.ones(2), "partial", "nan_partial", "nan_partial(x) * 3", None, (2, 3, 4)),
    (uses_nan_pull_back, np.ones(2), "partial", "nan_pull_back", "nan_pull_back(x) * 3", None, (2, 3, 4)),
    (in_place, ZEROS, "partial", "sqrt", "np.sqrt(x[:2])", (1,), None),
    (through_a_discrete_node, ZEROS, "value", "log", "np.log(x)", (1,), (2, 3, 4, 5)),
    (quotients, ZEROS, "value", "divide", "x[:, None]", (0, 1), (4, 5)),
    (number_in_a_product, np.ones(2), "constant", "multiply", "x * math.nan", (), (2, 3)),
    (constant_in_a_product, np.ones(3), "constant", "matmul", "w @ x", (1, 1), (2, 3, 4, 5)),
]


@pytest.mark.parametrize("f, x, cause, operation, text, entry, path", CASES, ids=lambda v: getattr(v, "__name__", None))
def test_the_origin(f, x, cause, operation, text, entry, path):
    error = caught(lambda: grad(f)(x))
    assert isinstance(error, AdjointError)
    assert isinstance(error, FloatingPointError)
    assert (error.cause, error.operation) == (cause, operation)
    if text is None:
        assert error.site is None
    else:
        assert (error.site.file, error.site.line) == (__file__, line_of(f, text))
        assert f"{__file__}:{error.site.line}, in {f.__name__}: " in str(error)
    if entry:
        assert f"at entry {entry}" in str(error)
    assert error.path[0] == error.node
    if path is not None:
        assert error.path == path
    lines = [row.strip() for row in str(error).splitlines() if row.startswith("    ") and " = " in row[:12]]
    assert [int(row.split(" = ")[0].removeprefix("z_")) for row in lines][-len(error.path) :] == list(error.path)


EVERY_WAY = {
    "grad": lambda x: grad(root)(x),
    "value_and_grad": lambda x: value_and_grad(root)(x),
    "vjp": lambda x: vjp(root, x)[1](1.0),
    "jvp": lambda x: jvp(root, (x,), (np.ones(3),)),
    "linearize": lambda x: linearize(root, x)[1](np.eye(3)),
    "jacobian": lambda x: jacobian(root, mode="reverse")(x),
    "forward": lambda x: jacobian(root, mode="forward")(x),
    "hessian": lambda x: hessian(root)(x),
    "hvp": lambda x: hvp(root, (x,), (np.ones(3),)),
}


@pytest.mark.parametrize("call", EVERY_WAY)
def test_every_derivative_function(call):
    error = caught(lambda: EVERY_WAY[call](ZEROS))
    assert (error.cause, error.node, error.path) == ("partial", 3, (3, 4))
    assert "∂sqrt(z_2)/∂z_2 = inf at entry (1,), where z_2 = 0." in str(error)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("f, x", [(root, ZEROS), (overflow, np.array([1.0, 1000.0])), (two_ways, 0.0)])
def test_every_solver(f, x, solver):
    plain, other = caught(lambda: grad(f)(x)), caught(lambda: grad(f, solver=solver)(x))
    assert str(other) == str(plain)


def test_a_product_that_overflows_in_both_modes():
    forward = caught(lambda: jvp(beyond_floats, (np.ones(2),), (np.array([1.0, 1e300]),)))
    reverse = caught(lambda: vjp(beyond_floats, np.ones(2))[1](1e200))
    assert (forward.cause, forward.node) == ("product", 5)
    assert "∂multiply(z_4, 1e+200)/∂z_4 = 1e+200 times ż_4 = 1e+300 is inf." in str(forward)
    assert (reverse.cause, reverse.node) == ("product", 5)
    assert "= 1e+200 times λ_5 = 1e+200 is inf." in str(reverse)


def test_products_that_are_finite_one_by_one():
    error = caught(lambda: vjp(lambda x: np.ones((2, 1)) @ x, np.ones(1))[1](np.full(2, 1e308)))
    assert (error.cause, error.node) == ("product", 2)
    assert "2 products have no sum; the largest is ∂z_2[0]/∂z_1[0] = 1 times λ_2[0] = 1e+308." in str(error)


def test_a_seed_and_a_tangent():
    error = caught(lambda: vjp(root, ZEROS + 1)[1](np.nan))
    assert (error.cause, error.node, error.path) == ("seed", 4, (4,))
    error = caught(lambda: jvp(root, (ZEROS + 1,), (np.array([1.0, 1.0, np.inf]),)))
    assert (error.cause, error.node, error.path) == ("seed", 1, (1, 2, 3, 4))
    assert "tangent that was given for z_1 = x: it is inf at entry (2,)" in str(error)


def test_which_right_hand_side():
    error = caught(lambda: vjp(np.sqrt, ZEROS)[1](np.eye(3)))
    assert str(error).startswith("the derivative with respect to x (right-hand side 1) is inf at entry (1,).")
    error = caught(lambda: linearize(np.sqrt, ZEROS)[1](np.eye(3)))
    assert str(error).startswith("the tangent of the output (right-hand side 1) is inf at entry (1,).")


def test_which_output_and_which_argument():
    f = lambda x, p: (p["a"] * 2, {"deep": np.log(x)})
    error = caught(lambda: vjp(f, ZEROS, {"a": 1.0})[1]((1.0, {"deep": np.ones(3)})))
    assert str(error).startswith("output 2 of 2 is -inf at entry (1,).")
    error = caught(lambda: grad(lambda p: np.sqrt(p["a"]) + p["b"])({"a": 0.0, "b": 1.0}))
    assert str(error).startswith("the derivative with respect to p['a'] is inf.")


def test_an_output_that_is_a_constant():
    for call in (lambda: grad(lambda x: np.log(-1.0))(1.0), lambda: jacobian(lambda x: np.log(-1.0))(1.0)):
        error = caught(call)
        assert (error.cause, error.node, error.site, error.path) == ("constant", None, None, ())
        assert "it does not depend on the arguments" in str(error)


def test_a_diagonal_block():
    """The solve with it overflows; then a product with ``∂c/∂a``; then its own entry is bad, that of √z = x at 0."""
    error = caught(lambda: vjp(lambda b: np.linalg.solve(np.eye(2) * 1e-300, b), np.zeros(2))[1](np.full(2, 1e100)))
    assert (error.cause, error.operation) == ("product", "linalg.solve")
    assert "the solve with the block of z_2 gives a number that is not finite." in str(error)
    error = caught(lambda: grad(lambda a: np.sum(np.linalg.solve(a * np.eye(2), np.ones(2))))(1e-200))
    assert (error.cause, error.operation) == ("product", "linalg.solve")
    assert "∂z_3[0]/∂z_2[0, 0] = -1e+200 times λ_3[0] = 1e+200 is -inf." in str(error)
    square = Primitive(
        "implicit square",
        lambda x: x**2,
        lambda y, operands, static, parents: [(parents[0], Identity(y.shape))],
        diagonal=lambda y, operands, static: NanDiagonal(y),
    )
    error = caught(lambda: grad(lambda x: np.sum(bind(square, (x,))))(ZEROS))
    assert (error.cause, error.operation, error.path) == ("partial", "implicit square", (2, 3))
    assert str(error).startswith("the derivative with respect to x is nan at entry (0,).")
    assert "the diagonal block's entry ∂c_2[1]/∂z_2[1] = nan." in str(error)


class NanDiagonal(DiagonalBlock):
    """``∂c/∂z = 1 / (2 √z)`` with ``0 / 0`` in place of infinity."""

    __slots__ = ("data",)

    def __init__(self, y):
        self.in_shape = self.out_shape = y.shape
        self.data = Diagonal(np.sqrt(y) / (2 * y), y.shape, y.shape)

    apply = apply_adjoint = None
    nnz = 3
    absolute = None

    def to_sparse(self):
        return self.data.to_sparse()

    def solve(self, r):
        return np.full(r.shape, np.sum(r / self.data.data))

    solve_adjoint = solve


def test_a_long_path_is_cut_in_the_middle():
    def chain(x):
        y = np.sqrt(x)
        for _ in range(30):
            y = np.sin(y)
        return y

    error = caught(lambda: grad(chain)(0.0))
    assert error.path == tuple(range(2, 33))
    rows = str(error).split("From there to the output:\n")[1].splitlines()[:-1]
    assert len(rows) == 13
    assert rows[6].split() == ["…", "19", "more"]
    assert rows[5].lstrip().startswith("z_7 = ")
    assert rows[7].lstrip().startswith("z_27 = ")


# --- what counts ------------------------------------------------------------------------------------------------


def masked(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


def masked_below(x):
    safe = np.where(x > 0, x, 0.0)
    return np.sum(np.sqrt(safe))


@pytest.mark.parametrize("f", [masked, masked_below, lambda x: np.sum(np.sqrt(x)[::2]), np.sum])
def test_nothing_is_raised_while_results_are_finite(f):
    with np.errstate(all="ignore"), debug_nans():
        inside = grad(f)(ZEROS), jacobian(f, mode="forward")(ZEROS), hessian(f)(ZEROS)
    for found, expected in zip(inside, (grad(f)(ZEROS), jacobian(f)(ZEROS), hessian(f)(ZEROS)), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("f, expected", [(masked, ("value", "log")), (masked_below, ("partial", "sqrt"))])
def test_strict_counts_everything(f, expected):
    error = caught(lambda: grad(f)(ZEROS), strict=True)
    assert (error.cause, error.operation) == expected
    assert "though every result is finite (strict)" in str(error)


def test_strict_and_what_reaches_no_output():
    def unused(x):
        np.log(x)
        return np.sum(x)

    error = caught(lambda: grad(unused)(ZEROS), strict=True)
    assert (error.path, error.operation) == ((2,), "log")
    assert "It does not reach the output" in str(error)


def branches(x):
    return np.sum(np.where(x > 0.5, np.log(x), np.sqrt(-1 - x)))


def entries(x):  # at 0 the root is not selected, and there it is not the first to be bad
    start = np.log(x)
    return np.sum(np.where(x > 0.5, np.sqrt(start - 1), 0.0))


def masked_slope(x):
    return np.sum(np.sqrt(x)) + np.sum(np.where(x > 0, np.log(x), 0.0))


def dropped_slopes(x):  # the infinite slope of arccos is met by entry 0 only, which the mask drops
    first = np.array([1.0, 0.0, 0.0])
    kept = 2 * np.where(first > 0, 0.0, x)
    return np.sum(np.sqrt(kept + first)) + np.sum(np.arccos(kept + first))


def dropped_entry(x):  # all three slopes are infinite
    kept = np.where(np.array([True, False, False]), 0.0, x)
    return np.sum(np.sqrt(kept))


def infinite_elsewhere(x):
    return np.sum(np.where(x < 9, np.sqrt(x), 0.0))


@pytest.mark.parametrize(
    "f, x, cause, operation, entry",
    [
        (branches, ZEROS, "value", "sqrt", 1),
        (entries, ZEROS, "value", "sqrt", 0),
        (masked_slope, ZEROS, "partial", "sqrt", 1),
        (dropped_slopes, np.array([5.0, 0.0, 0.25]), "partial", "sqrt", 1),
        (dropped_entry, np.zeros(3), "partial", "sqrt", 1),
        (infinite_elsewhere, np.array([np.inf, 0.0]), "partial", "sqrt", 1),
    ],
    ids=lambda v: getattr(v, "__name__", None),
)
def test_bad_entries_that_do_not_matter_are_not_to_blame(f, x, cause, operation, entry):
    error = caught(lambda: grad(f)(x))
    assert (error.cause, error.operation) == (cause, operation)
    assert f"at entry ({entry},), where" in str(error)


def test_the_first_of_two_in_the_order_of_the_sweep():
    f = lambda x: np.sum(np.sqrt(x)) + np.sum(np.arccos(x + 1))
    assert caught(lambda: grad(f)(np.zeros(2))).operation == "arccos"
    assert caught(lambda: jvp(f, (np.zeros(2),), (np.ones(2),))).operation == "sqrt"


def test_operands_are_shown_at_the_bad_entry():
    error = caught(lambda: grad(lambda x: np.sum(x / np.array([1.0, 2.0, 0.0])))(ZEROS))
    assert "at entry (2,), where z_1 = 2 and operand 2 = 0." in str(error)
    error = caught(lambda: grad(quotients)(ZEROS))
    assert "at entry (0, 1), where z_2 = 1 and z_3 = 0." in str(error)


def test_a_partial_that_reads_a_bad_value():
    """``arctan2(x, ∞) = 0``, and its partial ``∞ / (x² + ∞²)`` is NaN."""

    def by_constant(x):
        return np.sum(np.arctan2(x, np.array([1.0, np.inf])))

    error = caught(lambda: grad(by_constant)(np.ones(2)))
    assert (error.cause, error.operation, error.path) == ("constant", "arctan2", (2, 3))
    assert "operand 2 of z_2 = arctan2(z_1, array(2)) is inf at entry (1,)." in str(error)

    def by_value(x):
        far = np.exp(1000 * x)
        farther = far * 2
        return np.arctan2(x, farther) * 2

    error = caught(lambda: grad(by_value)(1.0))
    assert (error.cause, error.operation, error.path) == ("value", "exp", (3, 4, 5, 6))
    assert "The output is finite, but the partial of z_5 = arctan2(z_1, z_4) reads it." in str(error)

    def by_result(a):
        far = np.linalg.solve(a * np.eye(1), np.full(1, 1e200))
        return np.exp(-np.sum(far))

    error = caught(lambda: grad(by_result)(1e-200))
    assert (error.cause, error.operation) == ("value", "linalg.solve")
    assert "The output is finite, but" in str(error)
    assert error.path[0] == error.node
    assert len(set(error.path)) == len(error.path)


def test_the_path_is_the_one_that_spreads_it():
    def f(x):
        z = np.log(x)
        return np.where(x > 0, z, 0.0) + z * 2 * 3

    assert caught(lambda: grad(f)(0.0)).path == (2, 5, 6, 7)
    roots = lambda x: (np.sqrt(x), np.sqrt(x) * 2)
    assert caught(lambda: vjp(roots, 0.0)[1]((0.0, 1.0))).path == (3, 4)
    one_root = lambda x: (lambda r: (r, r * 2))(np.sqrt(x))
    assert caught(lambda: vjp(one_root, 0.0)[1]((0.0, 1.0))).path == (2, 3)


@pytest.mark.parametrize("limit", [0, 1 << 20])
def test_large_blocks_are_not_written_out(limit, monkeypatch):
    monkeypatch.setattr("adjoint.calculus.provenance.entries.COORDINATES", limit)
    for call in (lambda: grad(root)(ZEROS), lambda: jvp(root, (ZEROS,), (np.ones(3),))):
        assert "∂sqrt(z_2)/∂z_2 = inf at entry (1,), where z_2 = 0." in str(caught(call))


def test_a_bad_operand_where_most_values_would_be_bad_too():
    """``arccosh`` is NaN below 1, so not every harmless number is harmless to it."""
    error = caught(lambda: grad(lambda x: np.arccosh(np.exp(x)))(1000.0))
    assert (error.cause, error.operation) == ("value", "exp")


def test_operands_that_are_bad_only_together():
    error = caught(lambda: grad(lambda x: np.fmax(np.log(x), np.sqrt(x)))(-1.0))
    assert (error.cause, error.operation) == ("value", "log")


def test_only_nan():
    with debug_nans(infinities=False), pytest.warns(NonFiniteDerivativeWarning, match="sqrt"):
        assert grad(np.sqrt)(0.0) == np.inf
    error = caught(lambda: grad(lambda x: np.sqrt(x) - np.sqrt(x))(0.0), infinities=False)
    assert (error.cause, error.node) == ("sum", 1)
    assert "inf from z_2\n    -inf from z_3\n" in str(error)
    assert "finite" not in str(error)


# --- derivatives of derivatives ---------------------------------------------------------------------------------


def steep(x):
    halves = x**1.5
    return np.sum(halves)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: hessian(steep)(x),
        lambda x: grad(lambda x: np.sum(grad(steep)(x)))(x),
        lambda x: hvp(steep, (x,), (np.ones(3),)),
        lambda x: jvp(lambda x: jvp(steep, (x,), (np.ones(3),))[1], (x,), (np.ones(3),)),
    ],
)
def test_a_second_derivative_is_blamed_on_the_line_of_the_program(call):
    """``x**1.5`` has slope 0 at 0, and an infinite second derivative."""
    error = caught(lambda: call(ZEROS))
    assert (error.cause, error.operation) == ("partial", "power")
    assert (error.site.file, error.site.line) == (__file__, line_of(steep, "x**1.5"))
    assert "(in the derivative of power)" in str(error)
    assert "∂power(z_1, 0.5)/∂z_1 = inf at entry (1,), where z_1 = 0." in str(error)


def test_an_inner_derivative_is_judged_by_its_own_results():
    error = caught(lambda: hessian(root)(ZEROS))
    assert str(error).startswith("inside another derivative, the derivative with respect to x is inf at entry (1,).")
    assert error.site.line == line_of(root, "np.sqrt(doubled)")


def test_a_third_derivative_names_the_operation_of_the_program():
    spring = adjoint.custom_rule(lambda y, x: 2.5 * x**1.5, name="spring")(lambda x: x**2.5)
    error = caught(lambda: grad(grad(grad(lambda x: spring(x))))(0.0))
    assert (error.cause, error.operation) == ("partial", "power")
    assert str(error).count("(in the derivative of spring)") == len(error.path)


@pytest.mark.parametrize("solver", SOLVERS)
def test_solvers_that_write_out_blocks_claim_no_line(solver):
    error = caught(lambda: hessian(steep, solver=solver)(ZEROS))
    assert (error.cause, error.operation) == ("partial", "power")
    assert ("(in the derivative of" in str(error)) == (solver == "back_substitution")


@adjoint.custom_rule()
def without_a_rule(x):
    return np.sin(x)


def test_what_the_solve_did_not_ask_is_not_asked_afterwards():
    def f(x):
        y = np.sqrt(x)
        without_a_rule(x)
        return y

    assert caught(lambda: grad(f)(0.0)).operation == "sqrt"
    with pytest.warns(NonFiniteDerivativeWarning, match="sqrt"):
        grad(f)(0.0)

    g = lambda x: without_a_rule(np.floor(x)) + np.sqrt(x)
    assert caught(lambda: jvp(g, (0.0,), (1.0,))).operation == "sqrt"
    with pytest.warns(NonFiniteDerivativeWarning, match="sqrt"):
        jvp(g, (0.0,), (1.0,))


class NeverAsked:
    def analyze(self, system):
        raise AssertionError("there is nothing to solve")


def test_a_constant_output_asks_no_solver():
    assert grad(lambda x: 1.0, solver=NeverAsked())(1.0) == 0.0
    assert jacobian(lambda x: np.ones(2), mode="reverse", solver=NeverAsked())(1.0).tolist() == [0.0, 0.0]


# --- the mode ---------------------------------------------------------------------------------------------------


def test_the_mode_ends_and_nests():
    with debug_nans():
        with debug_nans(infinities=False), warnings.catch_warnings():
            warnings.simplefilter("ignore", NonFiniteDerivativeWarning)
            grad(np.sqrt)(0.0)
        with pytest.raises(NonFiniteError, match="sqrt"):
            grad(np.sqrt)(0.0)
    with pytest.warns(NonFiniteDerivativeWarning, match=r"sqrt\(…\)(.|\n)*with adjoint\.debug_nans\(\): \.\.\."):
        grad(np.sqrt)(0.0)


def test_as_a_decorator():
    @debug_nans()
    def slope(x):
        return grad(np.sqrt)(x)

    assert slope(4.0) == 0.25
    for _ in range(2):
        with pytest.raises(NonFiniteError, match="sqrt"):
            slope(0.0)


def test_other_threads_are_not_in_the_mode():
    found = []

    def work():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NonFiniteDerivativeWarning)
            found.append(grad(np.sqrt)(0.0))

    with debug_nans():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert found == [np.inf]


def test_recorded_outside_and_evaluated_inside():
    """Large values are gone by then: what is left still names the node."""
    x = np.ones(2000)
    x[7] = 0.0
    _, pull_back = vjp(lambda x: np.sum(np.exp(np.sqrt(x))), x)
    error = caught(lambda: pull_back(1.0))
    assert (error.cause, error.node, error.path) == ("partial", 2, (2, 3, 4))
    x[7] = np.nan
    _, pull_back = vjp(lambda x: np.sum(np.exp(x * 2.0)), x)
    error = caught(lambda: pull_back(1.0))
    assert error.path[-1] == 4
    assert "What it reads was let go of" in str(error)
    _, pull_back = vjp(lambda y: np.sum(y * x), np.ones(2000))
    error = caught(lambda: pull_back(1.0))
    assert (error.cause, error.operation, error.path) == ("value", "sum", (3,))
    assert "What it reads was let go of" in str(error)


def test_the_mode_is_asked_once_for_a_derivative(monkeypatch):
    """Outside of it nothing else is paid; inside all values are kept."""
    asked = []

    class Counting:
        def get(self):
            asked.append(1)

    monkeypatch.setattr("adjoint.calculus.nonfinite._mode", Counting())
    for call in (lambda: grad(root)(np.ones(3)), lambda: jacobian(root)(np.ones(3)), lambda: vjp(root, ZEROS)[0]):
        asked.clear()
        call()
        assert len(asked) == 1


def test_the_error_can_be_pickled():
    error = caught(lambda: grad(root)(ZEROS))
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.node, again.cause, again.site, again.path) == (error.node, error.cause, error.site, error.path)


def test_the_whole_message():
    error = caught(lambda: grad(root)(ZEROS))
    place = f"test_provenance.py:{line_of(root, 'np.sqrt(doubled)')}"
    after = f"test_provenance.py:{line_of(root, 'np.sum(roots)')}"
    assert str(error) == (
        "the derivative with respect to x is inf at entry (1,).\n"
        "It began at z_3 = sqrt(z_2), whose partial is not finite:\n"
        "    ∂sqrt(z_2)/∂z_2 = inf at entry (1,), where z_2 = 0.\n"
        f"    {error.site}\n"
        "From there to the output:\n"
        f"    z_3 = sqrt(z_2)  {place}  roots = np.sqrt(doubled)\n"
        f"    z_4 = sum(z_3)   {after}  return np.sum(roots)\n"
        "There is no finite derivative at this point. np.where(mask, y, 0) leaves entries out; what it does not select "
        "may be anything."
    )


def test_the_explicit_road():
    system = adjoint.trace(lambda x: np.sum(np.sqrt(x)), np.array([1.0, 0.0])).compile()
    error = caught(lambda: system.solve())
    assert (error.cause, error.operation, error.path) == ("partial", "sqrt", (2, 3))
    error = caught(lambda: system.solve_tangent(np.ones(2)))
    assert (error.cause, error.operation) == ("partial", "sqrt")
