"""Dropout, embedding, attention and recurrent networks: what holds beside their derivatives."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import functional

# --- dropout ------------------------------------------------------------------------------------------


def test_dropout_keeps_the_mean_and_draws_anew() -> None:
    x, rng = np.ones(100_000, np.float32), np.random.default_rng(0)
    first, second = functional.dropout(x, 0.25, rng), functional.dropout(x, 0.25, rng)
    assert first.dtype == np.float32
    np.testing.assert_allclose(np.unique(first), [0, np.float32(1 / 0.75)])
    assert first.mean() == pytest.approx(1, abs=0.01)
    assert np.mean(first == second) == pytest.approx(0.75**2 + 0.25**2, abs=0.01)
    assert functional.dropout(x, 0.0) is x
    assert functional.dropout(x, 0.5, training=False) is x


def test_a_trace_keeps_its_mask() -> None:
    rng = np.random.default_rng(3)
    x = np.ones(50)
    trace = adjoint.trace(lambda x: functional.dropout(x, 0.5, rng), x)
    np.testing.assert_array_equal(trace(2 * x), 2 * trace(x))
    assert trace.compile().block(2, 1).kind == "diagonal"
    np.testing.assert_array_equal(trace.compile().solve(np.ones(50))[1], trace(x))


def test_dropout_refuses() -> None:
    x = np.ones(3)
    for rate in (-0.1, 1.0, 2):
        with pytest.raises(ArgumentError, match=f"dropout: the rate must be at least 0 and less than 1, got {rate}"):
            functional.dropout(x, rate, np.random.default_rng(0))
    with pytest.raises(ArgumentError, match=r"training needs a generator, .* got NoneType"):
        functional.dropout(x, 0.5)
    with pytest.raises(ArgumentError, match="got RandomState"):
        functional.dropout(x, 0.5, np.random.RandomState(0))  # type: ignore[arg-type]  # on purpose


# --- embedding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (300, 40)], ids=["few", "many"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_that_are_looked_up_often_add_up(shape: tuple[int, ...], dtype: Any) -> None:
    rng = np.random.default_rng(0)
    table, indices = rng.standard_normal((20, 3)).astype(dtype), rng.integers(0, 12, shape)
    weights = rng.standard_normal((*shape, 3)).astype(dtype)
    gradient = adjoint.grad(lambda t: np.sum(weights * functional.embedding(indices, t)))(table)
    expected = np.zeros((20, 3))
    np.add.at(expected, indices, weights)
    assert gradient.dtype == dtype
    np.testing.assert_allclose(gradient, expected, rtol=1e-3 if dtype == np.float32 else 1e-12, atol=1e-4)


def test_an_embedding_holds_an_index_for_each_row_only() -> None:
    table, indices = np.zeros((1000, 256), np.float32), np.arange(4000) % 1000
    rows = 4000 * 256 * 4

    def f(t: Any) -> Any:
        return np.sum(functional.embedding(indices, t))

    adjoint.grad(f)(table)
    tracemalloc.start()
    adjoint.grad(f)(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.5 * rows  # result, multiplier, rows in order; eight-byte positions would be two more


def test_embedding_refuses() -> None:
    table = np.ones((3, 2))
    with pytest.raises(ArgumentError, match=r"the index 3 at \[1\] is not one of the rows 0 … 2 of the table \(3, 2\)"):
        functional.embedding([0, 3], table)
    with pytest.raises(ArgumentError, match=r"the index -1 at \[0, 1\] is not one"):
        functional.embedding([[0, -1]], table)
    with pytest.raises(ArgumentError, match=r"indices must be integers, got float64 \(2,\)"):
        functional.embedding([0.0, 1.0], table)
    with pytest.raises(ArgumentError, match="got a number"):
        functional.embedding([0], 1.0)


# --- attention ----------------------------------------------------------------------------------------


def by_loops(query: np.ndarray, key: np.ndarray, value: np.ndarray, may: np.ndarray) -> np.ndarray:
    out = np.zeros((len(query), value.shape[1]))
    for i, q in enumerate(query):
        allowed = [j for j in range(len(key)) if may[i, j]]
        powers = [np.exp(q @ key[j] / np.sqrt(len(q))) for j in allowed]
        for j, power in zip(allowed, powers, strict=True):
            out[i] += power / sum(powers) * value[j]
    return out


def test_attention_is_the_definition() -> None:
    rng = np.random.default_rng(0)
    query, key, value = (rng.standard_normal(shape) for shape in [(4, 3), (5, 3), (5, 2)])
    mask = rng.random((4, 5)) < 0.5
    mask[1] = False
    f = functional.scaled_dot_product_attention
    np.testing.assert_allclose(f(query, key, value), by_loops(query, key, value, np.ones((4, 5), bool)), rtol=1e-13)
    causal = np.array([[j <= i for j in range(5)] for i in range(4)])
    np.testing.assert_allclose(f(query, key, value, causal=True), by_loops(query, key, value, causal), rtol=1e-13)
    masked = f(query, key, value, mask)
    np.testing.assert_allclose(masked, by_loops(query, key, value, mask), rtol=1e-13)
    np.testing.assert_array_equal(masked[1], 0)
    both = f(query, key, value, mask, causal=True)
    np.testing.assert_allclose(both, by_loops(query, key, value, mask & causal), rtol=1e-13)
    added = f(query, key, value, np.where(mask, 0.0, -np.inf))
    np.testing.assert_allclose(added, masked, rtol=1e-13)


def test_a_query_that_may_look_nowhere_has_no_gradient() -> None:
    rng = np.random.default_rng(1)
    query, key, value = (rng.standard_normal(shape).astype(np.float32) for shape in [(2, 3), (4, 3), (4, 2)])
    mask = np.array([[True] * 4, [False] * 4])
    for given in (mask, np.where(mask, np.float32(0), np.float32(-np.inf))):
        f = lambda q, k, v, given=given: np.sum(functional.scaled_dot_product_attention(q, k, v, given) ** 2)
        gradients = adjoint.grad(f, (0, 1, 2))(query, key, value)
        assert all(np.isfinite(g).all() and g.dtype == np.float32 for g in gradients)
        np.testing.assert_array_equal(gradients[0][1], 0)


def test_attention_holds_one_array_of_scores() -> None:
    n, features = 512, 16
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, features)).astype(np.float32)

    def f(x: Any) -> Any:
        return np.sum(functional.scaled_dot_product_attention(x, x, x, causal=True))

    adjoint.grad(f)(x)
    tracemalloc.start()
    adjoint.grad(f)(x)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.4 * n * n * 4


def test_attention_refuses() -> None:
    f, a = functional.scaled_dot_product_attention, np.ones((2, 4, 3))
    with pytest.raises(ArgumentError, match=r"same number of features, got query \(2, 4, 3\), key \(2, 4, 2\)"):
        f(a, a[..., :2], a)
    with pytest.raises(ArgumentError, match="same number of steps"):
        f(a, a, a[:, :2])
    with pytest.raises(ArgumentError, match="the leading axes do not broadcast"):
        f(a, np.ones((3, 4, 3)), a)
    with pytest.raises(ArgumentError, match=r"mask \(4, 5\) does not broadcast to the scores \(2, 4, 4\)"):
        f(a, a, a, np.ones((4, 5), bool))
    with pytest.raises(ArgumentError, match=r"mask \(3, 2, 4, 4\) does not broadcast"):
        f(a, a, a, np.ones((3, 2, 4, 4), bool))
    with pytest.raises(ArgumentError, match=r"expected arrays \(..., steps, features\)"):
        f(np.ones(3), a, a)
    with pytest.raises(ArgumentError, match="there is no key"):
        f(a, a[:, :0], a[:, :0])


# --- recurrent networks -------------------------------------------------------------------------------


def weights(gates: int, features: int = 2, hidden: int = 3) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(gates)
    shapes = [(features, gates * hidden), (hidden, gates * hidden), (gates * hidden,)]
    return tuple(rng.standard_normal(shape) for shape in shapes)


def test_sequences_are_their_cells_step_by_step() -> None:
    x = np.random.default_rng(0).standard_normal((4, 5, 2))
    zeros = np.zeros((4, 3))
    h = zeros
    for step in range(5):
        h = functional.rnn_cell(x[:, step], h, *weights(1), activation="relu")
    outputs, last = functional.rnn(x, None, *weights(1), activation="relu")
    np.testing.assert_allclose(last, h, rtol=1e-12)
    np.testing.assert_array_equal(outputs[:, -1], last)
    h, c = zeros, zeros
    for step in range(5):
        h, c = functional.lstm_cell(x[:, step], (h, c), *weights(4))
    outputs, (last, memory) = functional.lstm(x, None, *weights(4))
    np.testing.assert_allclose(last, h, rtol=1e-12)
    np.testing.assert_allclose(memory, c, rtol=1e-12)
    np.testing.assert_array_equal(outputs[:, -1], last)
    h = zeros
    for step in range(5):
        h = functional.gru_cell(x[:, step], h, *weights(3), weights(3)[2])
    outputs, last = functional.gru(x, None, *weights(3), weights(3)[2])
    np.testing.assert_allclose(last, h, rtol=1e-12)
    np.testing.assert_array_equal(outputs[:, -1], last)


@pytest.mark.parametrize("f, gates, each", [("rnn", 1, 2), ("lstm", 4, 4), ("gru", 3, 5)])
def test_each_step_is_a_few_constraints(f: str, gates: int, each: int) -> None:
    def count(steps: int) -> int:
        x = np.zeros((1, steps, 2))
        return len(adjoint.trace(lambda *w: getattr(functional, f)(x, None, *w)[0], *weights(gates)))

    assert count(7) - count(6) == each


def test_float32_stays_float32() -> None:
    x = np.ones((2, 3, 2), np.float32)
    for f, gates in ((functional.rnn, 1), (functional.lstm, 4), (functional.gru, 3)):
        w = [a.astype(np.float32) for a in weights(gates)]
        value, gradient = adjoint.value_and_grad(lambda w, f=f: np.sum(f(x, None, *w)[0]))(w)
        assert value.dtype == np.float32
        assert all(g.dtype == np.float32 for g in gradient)


def test_gates_saturate_without_warning() -> None:
    x = np.full((1, 4, 2), 1e4, np.float32)
    for f, gates in ((functional.lstm, 4), (functional.gru, 3)):
        w = [100 * a.astype(np.float32) for a in weights(gates)]
        value, gradient = adjoint.value_and_grad(lambda w, f=f: np.sum(f(x, None, *w)[0]))(w)
        assert np.isfinite(value)
        assert all(np.isfinite(g).all() for g in gradient)


def test_recurrent_networks_refuse() -> None:
    x, (w, u, b) = np.ones((4, 5, 2)), weights(4)
    with pytest.raises(ArgumentError, match=r"expected w_input \(3, 12\) for x \(4, 5, 3\) and w_hidden \(3, 12\)"):
        functional.lstm(np.ones((4, 5, 3)), None, w, u)
    with pytest.raises(ArgumentError, match=r"lstm: expected x \(batch, steps, features\), got the shape \(4, 2\)"):
        functional.lstm(x[:, 0], None, w, u)
    with pytest.raises(ArgumentError, match=r"gru: expected w_hidden \(hidden, 3 · hidden\), got the shape \(3, 12\)"):
        functional.gru(x, None, w, u)
    with pytest.raises(ArgumentError, match=r"expected bias \(12,\) for w_hidden \(3, 12\), got \(4,\)"):
        functional.lstm(x, None, w, u, b[:4])
    with pytest.raises(ArgumentError, match=r"lstm: expected c \(4, 3\) for x \(4, 5, 2\) .* got \(3,\)"):
        functional.lstm(x, (np.zeros((4, 3)), np.zeros(3)), w, u)
    with pytest.raises(ArgumentError, match=r"expected the state as a pair \(h, c\), got ndarray"):
        functional.lstm_cell(x[:, 0], np.zeros((4, 3)), w, u)  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ArgumentError, match=r"x \(4, 0, 2\) has no steps"):
        functional.lstm(x[:, :0], None, w, u)
    with pytest.raises(ArgumentError, match="none named 'tahn'; did you mean 'tanh'"):
        functional.rnn(x, None, *weights(1), activation="tahn")
