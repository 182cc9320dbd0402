"""Where recording would lose a derivative it raises, and says where and what to do instead."""

from __future__ import annotations

import copy
import math
import pickle
import re

import numpy as np
import pytest
import scipy.special

import adjoint
from adjoint.errors import (
    AdjointError,
    ArgumentError,
    BlockError,
    EscapedTracerError,
    LostDerivativeError,
    MissingRuleError,
    NotDifferentiableError,
    UnsupportedArgumentError,
)
from tests.tracing.programs import at_line

X = np.array([1.0, 2.0, 3.0])


def gradient(f, x=X):
    return adjoint.grad(f)(x)


# --- a number or a plain array in place of a traced value ------------------------------------------------


def takes_float(x):
    return float(x[0]) * 2


def takes_item(x):
    return x[0].item() * 2


def takes_tolist(x):
    return sum(x.tolist())


def takes_complex(x):
    return complex(x[0]).real


def takes_math_sin(x):
    return math.sin(x[0]) * 2


def fills_scalar_list(x):
    return np.fromiter((v for v in x), dtype=float).sum()


@pytest.mark.parametrize(
    "f, text, what",
    [
        (takes_float, "float(x[0]) * 2", r"float\(\)"),
        (takes_item, "x[0].item()", r"item\(\)"),
        (takes_tolist, "x.tolist()", r"tolist\(\)"),
        (takes_complex, "complex(x[0])", r"complex\(\)"),
        (takes_math_sin, "math.sin(x[0])", r"float\(\)"),
    ],
)
def test_conversion_to_a_number(f, text, what):
    with pytest.raises(LostDerivativeError, match=rf"{what} of a traced value would lose") as caught:
        gradient(f)
    caught.match(at_line(f, text))
    caught.match(r"use np\.sin for math\.sin")
    caught.match(r"np\.stack")
    caught.match(r"adjoint\.stop_gradient")
    assert isinstance(caught.value, TypeError)


def test_a_loop_of_floats_inside_numpy():
    with pytest.raises((LostDerivativeError, ValueError)) as caught:
        gradient(fills_scalar_list)
    error = caught.value if isinstance(caught.value, AdjointError) else caught.value.__cause__
    assert isinstance(error, LostDerivativeError)


@pytest.mark.parametrize("convert", [np.asarray, np.array, np.asanyarray, np.ascontiguousarray, np.float64])
def test_conversion_to_a_plain_array(convert):
    def f(x):
        return convert(x).sum()

    with pytest.raises((LostDerivativeError, MissingRuleError), match=at_line(f, "convert(x).sum()")) as caught:
        gradient(f)
    if isinstance(caught.value, LostDerivativeError):
        caught.match(r"traced array of shape \(3,\) would become a plain NumPy array")
        caught.match(r"Drop np\.asarray.*np\.stack or np\.concatenate.*in a list")


def assigns_an_array(x):
    plain = np.zeros(3)
    plain[:] = x
    return plain.sum()


def assigns_a_scalar(x):
    plain = np.zeros(3)
    plain[0] = x[0]
    return plain.sum()


def assigns_into_float_list(x):
    return np.array([x[0], x[1]], dtype=float).sum()


def test_assignment_of_an_array_into_a_plain_array():
    with pytest.raises(LostDerivativeError, match=at_line(assigns_an_array, "plain[:] = x")) as caught:
        gradient(assigns_an_array)
    caught.match(
        r"collect traced values in a list, or write them into np\.zeros_like\(x\) or np\.zeros\(shape, like=x\)"
    )


def test_assignment_of_a_scalar_into_a_plain_array():
    """NumPy wraps the error of a 0-d value in a ValueError of its own, which says nothing: ours comes out."""
    with pytest.raises(LostDerivativeError, match=at_line(assigns_a_scalar, "plain[0] = x[0]")) as caught:
        gradient(assigns_a_scalar)
    caught.match(
        r"An array that is to receive traced values is made by np\.zeros_like\(x\), or np\.zeros\(shape, like=x\)"
    )
    assert isinstance(caught.value, TypeError)


def test_that_error_can_be_caught_inside():
    def f(x):
        plain = np.zeros(3)
        with pytest.raises(ValueError, match="setting an array element with a sequence") as caught:
            plain[0] = x[0]
        assert isinstance(caught.value.__cause__, LostDerivativeError)
        return x[0] + plain[0]

    np.testing.assert_array_equal(gradient(f), [1.0, 0.0, 0.0])


def test_np_array_with_a_float_dtype():
    with pytest.raises((LostDerivativeError, ValueError)) as caught:
        gradient(assigns_into_float_list)
    error = caught.value if isinstance(caught.value, LostDerivativeError) else caught.value.__cause__
    with pytest.raises(LostDerivativeError, match=at_line(assigns_into_float_list, "dtype=float")):
        raise error


def test_an_object_array_cast_to_float():
    def f(x):
        return np.array([x[0], x[1]]).astype(float).sum()

    with pytest.raises((LostDerivativeError, ValueError)) as caught:
        gradient(f)
    assert isinstance(caught.value, LostDerivativeError) or isinstance(caught.value.__cause__, LostDerivativeError)


def test_pickling():
    with pytest.raises(LostDerivativeError, match="cannot be pickled or sent to another process"):
        gradient(lambda x: pickle.dumps(x))


# --- in place ----------------------------------------------------------------------------------------------


def adds_into_plain(x):
    total = np.zeros(3)
    total += x
    return total.sum()


def adds_with_out(x):
    total = np.zeros(3)
    np.add(total, x, out=total)
    return total.sum()


@pytest.mark.parametrize(
    "f, text",
    [
        (adds_into_plain, "total += x"),
        (adds_with_out, "out=total"),
    ],
)
def test_in_place_operations_on_plain_arrays(f, text):
    """Line and remedy; what may be written in place is the subject of test_writing.py."""
    with pytest.raises(LostDerivativeError, match=at_line(f, text)) as caught:
        gradient(f)
    caught.match(r"add would write a traced value into a plain array of dtype float64")
    caught.match(r"Make that array by np\.zeros_like\(x\) or np\.zeros\(shape, like=x\) with a traced x")
    caught.match(r"y = y .* in place of y")


def test_in_place_on_a_scalar_rebinds_the_name():
    def f(x):
        y = x[0]
        z = y
        y += x[1]
        y *= 3
        return y * z

    np.testing.assert_array_equal(gradient(f), [3 * (1.0 + 2.0) + 3 * 1.0, 3.0, 0.0])


# --- functions without a rule ------------------------------------------------------------------------------


def uses_zeta(x):
    return scipy.special.zeta(x, 2.0).sum()


@pytest.mark.parametrize(
    "f, text, name",
    [
        (uses_zeta, "scipy.special.zeta", r"_?zeta"),
    ],
)
def test_a_function_without_a_rule(f, text, name):
    with pytest.raises(MissingRuleError, match=rf"no rule for \S*{name}, called on a traced value") as caught:
        gradient(f)
    caught.match(at_line(f, text))
    caught.match(r"adjoint\.extend\.elementwise")
    caught.match(r"adjoint\.extend\.structured")
    caught.match(r"adjoint\.custom_rule")
    assert isinstance(caught.value, NotImplementedError)


def test_scipy_functions_are_not_called_numpys():
    with pytest.raises(MissingRuleError) as caught:
        gradient(uses_zeta)
    assert "numpy._zeta" not in str(caught.value)


def test_an_attribute_without_a_rule():
    def f(x):
        return x.tobytes()

    with pytest.raises(AttributeError, match=r"ndarray\.tobytes is not supported on a traced array") as caught:
        gradient(f)
    caught.match(at_line(f, "x.tobytes()"))


def test_an_attribute_that_arrays_do_not_have():
    with pytest.raises(AttributeError, match="no attribute 'softmax'"):
        gradient(lambda x: x.softmax())
    assert gradient(lambda x: x.sum() if not hasattr(x, "to_numpy") else x[0]).tolist() == [1.0, 1.0, 1.0]


def test_an_option_that_the_rule_does_not_cover():
    def f(x):
        return np.sin(x, signature="d->d").sum()

    with pytest.raises(UnsupportedArgumentError, match=r"sin on a traced value does not take signature=") as caught:
        gradient(f)
    caught.match(at_line(f, "np.sin(x, signature="))


def test_entries_that_nothing_defines():
    """``where=`` leaves out entries: without ``out=`` they are what happened to stand in memory."""

    def f(x):
        return np.sin(x, where=np.array([True, False, True])).sum()

    with pytest.raises(
        UnsupportedArgumentError, match=r"sin\(where=\.\.\.\) without out= leaves entries undefined"
    ) as caught:
        gradient(f)
    caught.match(at_line(f, "np.sin(x, where="))
    caught.match(r"Use np\.where, or give out=")


def test_a_partial_that_does_not_exist():
    def rule(x):
        return x

    reached = adjoint.extend.structured(
        rule, adjoint.extend.NotDifferentiable("it is a table"), signature="x", name="lookup"
    )
    with pytest.raises(NotDifferentiableError, match=r"lookup is not differentiable .* argument 0: it is a table"):
        gradient(lambda x: adjoint.extend.bind(reached, (x,)).sum())


# --- shapes inside rules -------------------------------------------------------------------------------------


def test_a_structured_rule_with_a_block_of_the_wrong_shape():
    primitive = adjoint.extend.structured(
        lambda x: x * 2,
        lambda y, x: adjoint.blocks.Identity((7,)),
        signature="x",
        name="doubled",
    )
    with pytest.raises(BlockError, match=r"rule of doubled .* argument 0 .*\(7,\).* expected \(3,\) → \(3,\)"):
        gradient(lambda x: adjoint.extend.bind(primitive, (x,)).sum())


@pytest.mark.parametrize(
    "partial, message",
    [
        (lambda y, x: np.ones(4), r"partial of mine, argument 0 has shape \(4,\), .*result's \(3,\)"),
        (lambda y, x: np.ones((2, 3)), r"partial of mine, argument 0 has shape \(2, 3\)"),
        (lambda y, x: adjoint.blocks.Identity((2,)), r"partial of mine, argument 0 gave .* expected \(3,\) → \(3,\)"),
    ],
)
def test_a_custom_rule_with_the_wrong_shape(partial, message):
    mine = adjoint.custom_rule(partial, name="mine")(lambda x: x * 2)
    with pytest.raises(BlockError, match=message):
        gradient(lambda x: mine(x).sum())


def test_a_custom_rule_with_a_missing_partial():
    product = adjoint.custom_rule(lambda y, a, b: b, name="product")(lambda a, b: a * b)
    with pytest.raises(BlockError, match="product was called with a traced argument 1, but has 1 partials"):
        gradient(lambda x: product(x, x).sum())


@pytest.mark.parametrize("returned", [None, "text", [1.0, 2.0], (1.0, 2.0)])
def test_a_custom_rule_that_returns_no_array(returned):
    mine = adjoint.custom_rule(lambda y, x: 1, name="mine")(lambda x: returned)
    with pytest.raises(ArgumentError, match=f"mine must return one array or number, not a {type(returned).__name__}"):
        gradient(lambda x: mine(x).sum())


# --- arguments, outputs, and values that outlive their trace ----------------------------------------------------


def test_arguments_that_cannot_be_traced():
    with pytest.raises(ArgumentError, match="argument of type str cannot be traced: expected arrays and numbers"):
        adjoint.trace(lambda x: x, "text")
    with pytest.raises(
        ArgumentError,
        match=r"an argument of type MaskedArray and dtype float64 cannot be traced; pass a numeric np\.ndarray",
    ):
        adjoint.trace(lambda x: x.sum(), np.ma.masked_array([1.0, 2.0], [True, False]))
    with pytest.raises(ArgumentError, match=r"object array of shape \(2,\) without traced values.*\n.*numeric dtype"):
        adjoint.trace(lambda x: x.sum(), np.array([1.0, 2.0], dtype=object))


@pytest.mark.parametrize(
    "product", [lambda m, x: m * x, lambda m, x: x * m, np.multiply, lambda m, x: np.multiply(x, m), np.dot]
)
def test_a_masked_constant(product):
    """Its masked entries are left out or it is refused; they never come back."""
    m = np.ma.masked_array([1.0, 2.0, 3.0], [True, False, False])
    try:
        found = gradient(lambda x: np.sum(product(m, x)))
    except AdjointError as error:
        assert re.search("would become a plain NumPy array|[Mm]asked", str(error))  # noqa: PT017  # refusing is right
    else:
        np.testing.assert_array_equal(found, [0.0, 2.0, 3.0])


def returns_text(x):
    return {"loss": x.sum(), "label": "text"}


def test_an_output_that_is_no_array():
    with pytest.raises(ArgumentError, match="returns_text returned a str, which is no array or number") as caught:
        adjoint.trace(returns_text, X)
    caught.match("has_aux=True")


def test_a_value_that_outlived_its_trace():
    stored = []

    def f(x):
        stored.append(x * 2)
        return x.sum()

    gradient(f)

    def later(y):
        return stored[0] + y

    for use in (later, lambda y: np.sin(stored[0]), lambda y: stored[0][0], lambda y: y @ stored[0]):
        for run in (lambda use=use: use(1.0 * X), lambda use=use: gradient(lambda x: use(x).sum())):
            with pytest.raises(EscapedTracerError, match="used after the trace it belongs to had ended") as caught:
                run()
            caught.match("return it from the function instead .*has_aux=True")


def test_an_escaped_value_names_the_line_that_uses_it():
    stored = []
    gradient(lambda x: (stored.append(x), x.sum())[1])

    def later():
        return stored[0] * 3

    with pytest.raises(EscapedTracerError, match=at_line(later, "return stored[0] * 3")):
        later()


def test_looking_at_an_escaped_value_is_harmless():
    stored = []
    gradient(lambda x: (stored.append(x), x.sum())[1])
    assert "1." in repr(stored[0])
    assert stored[0].shape == (3,)


@pytest.mark.parametrize("wrap", [lambda v: v, copy.deepcopy, lambda v: np.array([v, v]), lambda v: [v]])
@pytest.mark.parametrize("keep", [lambda y: y, lambda y: y * y])
def test_an_output_of_an_ended_inner_trace_is_not_a_constant(wrap, keep):
    """It depends on the argument, through a trace that is over: zeros would be a silently wrong gradient."""

    def f(x):
        stored = []

        def inner(y):
            stored.append(keep(y))
            return y * y

        adjoint.grad(inner)(x)
        return wrap(stored[0])

    with pytest.raises(EscapedTracerError, match="had ended"):
        adjoint.jacobian(f)(2.0)
    with pytest.raises(EscapedTracerError, match="had ended"):
        adjoint.vjp(f, 2.0)


def test_an_output_of_an_earlier_call_is_not_a_constant():
    stored = []
    gradient(lambda x: (stored.append(x[0]), x.sum())[1])
    with pytest.raises(EscapedTracerError, match="had ended"):
        gradient(lambda x: stored[0])


def test_an_object_array_without_traced_values_as_output():
    with pytest.raises(ArgumentError, match=r"object array of shape .* without traced values cannot be differentiated"):
        gradient(lambda x: np.array([1.0, None], dtype=object))


@pytest.mark.parametrize(
    "fill",
    [
        lambda x, out: np.concatenate([x, x], out=out),
        lambda x, out: np.stack([x, x], out=out),
        lambda x, out: np.take(x, np.arange(6) % 3, out=out),
        lambda x, out: np.take(x, np.arange(6) % 3, None, out),
        lambda x, out: x.take(np.arange(6) % 3, out=out),
        lambda x, out: np.outer(x, x, out),
        lambda x, out: np.trace(np.outer(x, x), 0, 0, 1, None, out),
        lambda x, out: np.sum(x, out=out),
        lambda x, out: x.mean(out=out),
        lambda x, out: np.einsum("i,j", x, x, out=out),
        lambda x, out: np.clip(x, 0, 1, out=out),
    ],
)
def test_an_array_to_fill_is_refused_not_forgotten(fill):
    """``out=`` that is accepted and left unfilled would be a wrong number."""
    out = np.full(6, 7.0)
    with pytest.raises((LostDerivativeError, UnsupportedArgumentError), match="out"):
        gradient(lambda x: np.sum(fill(x, out)))
    assert (out == 7.0).all()


def test_nan_to_num_in_place_edits_the_traced_array_only():
    x = np.array([1.0, np.nan])

    def f(x):
        y = 2 * x
        z = np.nan_to_num(y, copy=False, nan=3.0)
        z[0] *= 5
        return np.sum(y)

    value, found = adjoint.value_and_grad(f)(x)
    assert value == 13.0
    np.testing.assert_array_equal(found, [10.0, 0.0])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(np.nan_to_num(x, copy=False)))(x), [1.0, 0.0])
    assert np.isnan(x[1])
    np.testing.assert_array_equal(adjoint.grad(lambda x: np.sum(np.nan_to_num(x, nan=3.0)))(x), [1.0, 0.0])
