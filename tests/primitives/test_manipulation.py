"""What array manipulation refuses, as NumPy does or because a derivative would be lost; printing; large arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import LostDerivativeError, TraceMismatchError, UnsupportedArgumentError

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
CUBE = np.zeros((2, 2, 2))

AS_NUMPY: dict[str, Callable[[Any], Any]] = {
    "pad_mode": lambda x: np.pad(x, 1, "sideways"),
    "pad_option": lambda x: np.pad(x, 1, "mean", end_values=1),
    "pad_constant_option": lambda x: np.pad(x, 1, constant_value=1),
    "pad_float_width": lambda x: np.pad(x, 1.5, "mean"),
    "pad_negative": lambda x: np.pad(x, -1, "mean"),
    "pad_negative_copied": lambda x: np.pad(x, (1, -1)),
    "pad_too_many": lambda x: np.pad(x, ((1, 1), (1, 1), (1, 1)), "reflect", reflect_type="odd"),
    "pad_empty_axis": lambda x: np.pad(x[:0], 1, "linear_ramp"),
    "pad_stat_length": lambda x: np.pad(x, 1, "maximum", stat_length=0),
    "pad_negative_length": lambda x: np.pad(x, 1, "mean", stat_length=-1),
    "choose_beyond": lambda x: np.choose([0, 2, 1], [x[0], x[1]]),
    "choose_mode": lambda x: np.choose([0, 1, 1], [x[0], x[1]], mode="sideways"),
    "select_lengths": lambda x: np.select([x > 0], [x, x]),
    "select_nothing": lambda x: np.select(x[:0], x[:0]),
    "select_numbers": lambda x: np.select([x], [x]),
    "piecewise_lengths": lambda x: np.piecewise(x, [x > 0], [1, 2, 3]),
    "rot90_one_axis": lambda x: np.rot90(x, axes=(0,)),
    "rot90_same_axes": lambda x: np.rot90(x, axes=(0, -2)),
    "trim_zeros_mode": lambda x: np.trim_zeros(x[0], "x"),
    "meshgrid_indexing": lambda x: np.meshgrid(x[0], x[1], indexing="yx"),
    "ix_matrix": lambda x: np.ix_(np.argsort(x)),
    "apply_along_axis_nothing": lambda x: np.apply_along_axis(np.sum, 0, x[:, :0]),
    "apply_over_axes_shape": lambda x: np.apply_over_axes(lambda a, axis: a[0, 0], x, [0]),
    "concatenate_casting": lambda x: np.concatenate([x, x], dtype=int),
    "concatenate_no_casting": lambda x: np.concatenate([x, np.ones((1, 3), np.float32)], casting="no"),
    "concatenate_scalars": lambda x: np.concatenate([x[0, 0], x[0, 1]]),
    "stack_shapes": lambda x: np.stack([x, x[0]]),
    "split_uneven": lambda x: np.split(x, 2, axis=1),
    "split_nothing": lambda x: np.array_split(x, 0),
    "hsplit_scalar": lambda x: np.hsplit(x[0, 0], 1),
    "vsplit_vector": lambda x: np.vsplit(x[0], 1),
    "dsplit_matrix": lambda x: np.dsplit(x, 1),
    "flipud_scalar": lambda x: np.flipud(x[0, 0]),
    "fliplr_vector": lambda x: np.fliplr(x[0]),
    "reshape_order": lambda x: np.reshape(x, 6, order="K"),
    "ravel_order": lambda x: np.ravel(x, order="Q"),
    "reshape_no_copy": lambda x: np.reshape(x, 6, order="F", copy=False),
    "reshape_size": lambda x: np.reshape(x, (4, 2)),
    "expand_dims_twice": lambda x: np.expand_dims(x, (0, 0)),
    "squeeze_long_axis": lambda x: np.squeeze(x, axis=0),
    "moveaxis_lengths": lambda x: np.moveaxis(x, (0, 1), 0),
    "broadcast_to_shape": lambda x: np.broadcast_to(x, (2, 4)),
    "roll_axis": lambda x: np.roll(x, 1, axis=2),
    "repeat_counts": lambda x: np.repeat(x, [1, 2, 3, 4], axis=0),
    "insert_beyond": lambda x: np.insert(x, 9, 1.0),
    "delete_beyond": lambda x: np.delete(x, 9),
    "resize_negative": lambda x: np.resize(x, -1),
    "window_too_large": lambda x: np.lib.stride_tricks.sliding_window_view(x, (3, 3)),
    "take_mode": lambda x: np.take(x, 0, mode="sideways"),
    "take_beyond": lambda x: np.take(x, 6),
    "take_axis": lambda x: np.take(x, 0, axis=2),
    "take_along_axis_dimensions": lambda x: np.take_along_axis(x, np.array([0]), axis=1),
    "take_along_axis_flat": lambda x: np.take_along_axis(x, np.array([[0]]), axis=None),
    "diagonal_vector": lambda x: np.diagonal(x[0]),
    "diagonal_same_axes": lambda x: np.diagonal(x, 0, 1, -1),
    "diag_scalar": lambda x: np.diag(x[0, 0]),
    "diag_cube": lambda x: np.diag(CUBE * x[0, 0]),
    "clip_one_limit": lambda x: np.clip(x, 1.0),
    "clip_both_spellings": lambda x: np.clip(x, 0.0, 1.0, min=0.0),
    "astype_casting": lambda x: np.concatenate([x, x], dtype=np.int32, casting="safe"),
    "isposinf_of_complex": lambda x: np.isposinf(1j * x),
    "unravel_beyond": lambda x: np.unravel_index(np.argmax(x) + 9, (2, 2)),
}
if hasattr(np, "unstack"):  # since NumPy 2.1
    AS_NUMPY["unstack_scalar"] = lambda x: np.unstack(x[0, 0])


@pytest.mark.parametrize("name", AS_NUMPY)
def test_bad_input_raises_as_in_numpy(name: str) -> None:
    f = AS_NUMPY[name]
    with pytest.raises(Exception) as plain:  # noqa: PT011  # which one, NumPy says
        f(X)
    with pytest.raises((plain.type, ValueError) if plain.type is np.exceptions.AxisError else plain.type):
        adjoint.trace(f, X)


def test_undefined_entries_are_refused() -> None:
    with pytest.raises(UnsupportedArgumentError, match=r"pad\(mode='empty'\).*\n.*constant"):
        adjoint.grad(lambda x: np.sum(np.pad(x, 1, "empty")))(X)


def test_unknown_options_of_clip_are_named() -> None:
    with pytest.raises(UnsupportedArgumentError, match="where="):
        adjoint.grad(lambda x: np.sum(np.clip(x, 0, 1, where=X > 0)))(X)


LOSING: dict[str, Callable[[Any], Any]] = {
    "insert_into_integers": lambda x: np.insert(np.arange(3), 1, x[0, 0]),
    "insert_complex": lambda x: np.insert(np.arange(3.0), 1, 1j * x[0, 0]),
    "pad_integers": lambda x: np.pad(np.argsort(x), 1, constant_values=x[0, 0]),
    "piecewise_of_integers": lambda x: np.piecewise(np.arange(3), [x[0] > 0], [x[0, 0], 0]),
    "full_like_integers": lambda x: np.full_like(np.argsort(x), x[0, 0]),
    "as_strided": lambda x: np.lib.stride_tricks.as_strided(x, (2,), (8,)),
    "pad_plain_by_traced": lambda x: np.pad(np.ones(2), 1, constant_values=x[0, 0]),
    "nan_to_num_plain_by_traced": lambda x: np.nan_to_num(np.array([np.nan]), nan=x[0, 0]),
    "full_like_plain": lambda x: np.full_like(np.ones(2), x[0]),
    "ascontiguousarray": np.ascontiguousarray,
}


@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
@pytest.mark.parametrize("name", LOSING)
def test_what_would_lose_a_derivative_raises(name: str) -> None:
    with pytest.raises(LostDerivativeError):
        adjoint.trace(LOSING[name], X)


def test_printing_shows_the_values() -> None:
    def f(x: Any) -> Any:
        assert np.array_repr(x) == np.array_repr(X)
        assert np.array_str(x, precision=2) == np.array_str(X, precision=2)
        assert np.array2string(a=x, separator=";") == np.array2string(X, separator=";")
        return np.sum(x)

    np.testing.assert_array_equal(adjoint.grad(f)(X), np.ones((2, 3)))


def test_answers_that_a_trace_relies_on_are_checked() -> None:
    questions: dict[str, tuple[Callable[[Any], Any], Any]] = {
        "allclose": (lambda x: x if np.allclose(x, X) else -x, X + 1),
        "array_equal": (lambda x: x if np.array_equal(x, X) else -x, X + 1),
        "array_equiv": (lambda x: x if np.array_equiv(x, X) else -x, X + 1),
        "argwhere": (lambda x: x[tuple(np.argwhere(x > 0)[0])], -X),
        "trim_zeros": (lambda x: np.trim_zeros(x[0]), X * [0.0, 1.0, 1.0]),
        "extract": (lambda x: np.extract(x > 0, x), -X),
        "piecewise": (lambda x: np.piecewise(x, [x > 0], [np.sin, np.cos]), -X),
        "real_if_close": (lambda x: np.real_if_close(x + 1j * (x > 9)), 9 * X),
    }
    for name, (f, fresh) in questions.items():
        trace = adjoint.trace(f, X)
        np.testing.assert_array_equal(trace(X), f(X), err_msg=name)
        with pytest.raises(TraceMismatchError):
            trace(fresh)


def test_choices_follow_the_data_when_a_trace_is_evaluated_again() -> None:
    trace = adjoint.trace(lambda x: np.select([x > 2, x < 0], [x**2, -x], np.choose(np.argsort(x) % 2, [x, 3 * x])), X)
    fresh = -X + 0.75
    expected = np.select(
        [fresh > 2, fresh < 0], [fresh**2, -fresh], np.choose(np.argsort(fresh) % 2, [fresh, 3 * fresh])
    )
    np.testing.assert_allclose(trace(fresh), expected, rtol=1e-15)


def test_a_long_odd_reflection_has_the_values_of_numpy() -> None:
    """The closed form of the extension against NumPy's iteration, over many periods."""
    x = np.array([0.5, -1.0, 2.0, 0.25])
    for mode in ("reflect", "symmetric"):
        for width in range(0, 40, 3):

            def f(x: Any, width: int = width, mode: Any = mode) -> Any:
                return np.pad(x, (width, 2 * width), mode, reflect_type="odd")

            np.testing.assert_allclose(adjoint.trace(f, x).compile().output, f(x), rtol=1e-13, atol=1e-13)


def test_constants_are_safe_from_later_edits() -> None:
    counts = np.array([1, 2, 0])
    trace = adjoint.trace(lambda x: np.repeat(x, counts, axis=1), X)
    counts[:] = 0
    np.testing.assert_array_equal(trace(X), np.repeat(X, [1, 2, 0], axis=1))
