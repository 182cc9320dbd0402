"""The recurrent networks and the transformer that write, on little text."""

import sys

import numpy as np
import pytest

import adjoint
from adjoint import nn


@pytest.fixture
def data(load):
    return load("real_data")


@pytest.fixture
def lstm(load):
    return load("character_lstm")


@pytest.fixture
def transformer(load):
    return load("character_transformer")


@pytest.fixture
def text(data):
    return data.load_text()


# --- the text -----------------------------------------------------------------------------------------


def test_text_is_split_by_paragraphs(data, text):
    again = data.load_text()
    np.testing.assert_array_equal(text.test, again.test)
    training, test = text.written(text.training), text.written(text.test)
    assert len(training) > 7 * len(test) > 7 * 15_000
    assert set(training) | set(test) <= set(text.alphabet)
    assert not set(training.split("\n\n")) & {part for part in test.split("\n\n") if "¤" not in part}
    assert "statement" in test
    assert np.mean(text.training == 0) < 0.01  # characters that are too rare


def test_python_without_the_text_is_told(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(SystemExit, match=r"pydoc_data\.topics, which is missing"):
        data.load_text()


def test_windows_are_followed_by_the_next_character(data):
    x, y = data.windows(np.arange(20), 4, start=3)
    assert x.tolist() == [[3, 4, 5, 6], [7, 8, 9, 10], [11, 12, 13, 14], [15, 16, 17, 18]]
    np.testing.assert_array_equal(y, x + 1)


def test_bits_by_counting(lstm, data):
    text = data.Text(np.array([0, 1] * 500), np.array([0, 1] * 100), "ab")
    assert lstm.counted_bits(text, 0) == pytest.approx(1, abs=1e-6)
    assert lstm.counted_bits(text, 1) < 1e-3  # what follows is certain
    one_sided = data.Text(np.array([0, 0, 0, 1] * 100), np.array([0, 1]), "ab")
    by_hand = min(
        -np.mean(np.log2([(300 + a) / (400 + 2 * a), (100 + a) / (400 + 2 * a)])) for a in (1, 0.3, 0.1, 0.03, 0.01)
    )
    assert lstm.counted_bits(one_sided, 0) == pytest.approx(by_hand, rel=1e-12)


# --- character_lstm -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_recurrent_network_learns(kind, lstm, text):
    size = lstm.SIZES["small"]._replace(characters=16_000, epochs=3)
    model = lstm.model_of(kind, text, size)
    found = lstm.train(model, text, size)
    losses = found.history["loss"]
    assert losses[-1] < losses[1] < losses[0]
    few = text.test[:4000]
    after = lstm.bits(model, found.parameters, few, size.steps)
    before = lstm.bits(model, model.initialize(np.random.default_rng(0), (size.steps,)).parameters, few, size.steps)
    assert after < before - 1
    written = lstm.sample(model, found.parameters, text, "The ", 30)
    assert written.startswith("The ")
    assert len(written) == 34
    assert written == lstm.sample(model, found.parameters, text, "The ", 30)


def test_sampling_step_by_step_is_the_network(lstm, text):
    size = lstm.SIZES["small"]
    model = lstm.model_of("lstm", text, size)
    parameters = model.initialize(np.random.default_rng(0), (size.steps,)).parameters
    tokens = text.test[:6]
    carry, layer = None, model.parts[1]
    for token in tokens:
        h, carry = layer.step(parameters["lstm"], parameters["embedding"]["weight"][[token]], carry)
    logits = model.parts[2](parameters["logits"], h)
    np.testing.assert_allclose(logits, model(parameters, tokens[None])[:, -1], rtol=1e-5, atol=1e-6)

    beginning = text.written(tokens)
    for _ in range(12):  # at no temperature the most probable character is drawn
        tokens = np.append(tokens, model(parameters, tokens[None])[0, -1].argmax())
    assert lstm.sample(model, parameters, text, beginning, 12, temperature=1e-9) == text.written(tokens)


def test_shared_weight_has_a_block_for_each_step_and_their_sum_as_multiplier(lstm, text):
    size = lstm.Size(features=4, hidden=5, steps=7, batch=1, epochs=0, characters=0, rate=0.0)
    model = lstm.model_of("lstm", text, size)
    x, y = lstm.windows(text.test, 7)
    parameters = model.initialize(np.random.default_rng(0), (7,)).parameters
    system = lstm.unrolled(model, parameters, x[:1], y[:1])
    label = "parameters['lstm']['hidden_weight']"
    assert lstm.blocks_of(system, label) == 7
    multipliers = system.solve()
    nodes = list(system.trace.nodes())
    h = [np.zeros((1, 5), np.float32), *(n.value for n in nodes if n.operation == "lstm_state")]
    steps = [multipliers[n.number] for n in nodes if n.operation == "recurrence"]
    expected = sum(before.T @ step for before, step in zip(h[:-1], steps, strict=True))
    gradient = multipliers.arguments[0]["lstm"]["hidden_weight"]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)
    assert lstm.reach(system).shape == (7,)
    assert lstm.reach(system)[0] < lstm.reach(system)[-1]


# --- character_transformer ----------------------------------------------------------------------------


def test_transformer_learns(transformer, text):
    size = transformer.SIZES["small"]._replace(characters=16_000, epochs=3)
    model = transformer.model_of(text, size)
    found = transformer.train(model, text, size)
    losses = found.history["loss"]
    assert losses[-1] < losses[1] < losses[0]
    few = text.test[:4000]
    assert transformer.bits(model, found.parameters, few, size.steps) < np.log2(len(text.alphabet)) - 1.5
    assert len(transformer.sample(model, found.parameters, text, size.steps, "The ", 40)) == 44


def test_block_of_attention_is_triangular(transformer, text):
    size = transformer.SIZES["small"]
    model = transformer.model_of(text, size)
    parameters = model.initialize(np.random.default_rng(0), (size.steps,)).parameters
    x, y = transformer.windows(text.test, 9)
    system = transformer.system_of(model, parameters, x[:1], y[:1])
    weights = transformer.softmax_of_one_head(system)
    assert weights.shape == (9, 9)
    assert np.all(weights[np.tri(9, k=-1, dtype=bool)] == 0)
    assert np.all(weights[~np.tri(9, k=-1, dtype=bool)] > 0)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-6)
    node = next(n for n in system.trace.nodes() if n.operation == "attention_weights")
    np.testing.assert_allclose(weights, node.value[0, 0].T, rtol=1e-6)
    lines = transformer.table(weights, text.written(x[0]))
    assert [line.count("·") for line in lines[1:]] == list(range(9))


def test_no_character_sees_a_later_one(transformer, text):
    size = transformer.SIZES["small"]
    model = transformer.model_of(text, size)
    parameters = model.initialize(np.random.default_rng(0), (size.steps,)).parameters
    x = text.test[None, :10].copy()
    before = model(parameters, x)
    x[0, 6] = (x[0, 6] + 1) % len(text.alphabet)
    after = model(parameters, x)
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert np.all(np.abs(before[:, 6:] - after[:, 6:]).max(axis=-1) > 0)

    def last(parameters):
        return nn.functional.cross_entropy(model(parameters, x)[:, 3], x[:, 4])

    lam = adjoint.trace(last, parameters).compile().solve()["place"]
    assert np.all(np.abs(lam[0, :4]).max(axis=-1) > 0)
    assert np.all(lam[0, 4:] == 0)
