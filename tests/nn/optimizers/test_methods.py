"""Optimizers against PyTorch's, and against their papers' formulas written for one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import SGD, Adagrad, Adam, AdamW, RMSProp, clip_by_norm, clip_by_value, optimizers


def quadratic(p):
    return np.sum((p["a"] - 3) ** 2) + np.sum((2 * p["b"] + 1) ** 4)


def start(dtype=np.float64):
    return {"a": np.array([0.0, 1.0], dtype), "b": np.array([[0.5], [-1.0]], dtype)}


def run(optimizer, steps=7, dtype=np.float64):
    parameters = start(dtype)
    state = optimizer.initialize(parameters)
    for _ in range(steps):
        parameters, state = optimizer.update(adjoint.grad(quadratic)(parameters), state, parameters)
    return parameters, state


# --- the formulas, one number at a time -----------------------------------------------------------------


def by_hand(step_of, steps=7):
    """``step_of(x, g, memory, t) → (x, memory)`` on every entry by itself, with the slopes written out."""
    slopes = {"a": lambda x: 2 * (x - 3), "b": lambda x: 8 * (2 * x + 1) ** 3}
    found = {}
    for name, x in start().items():
        ends = []
        for entry in x.ravel().tolist():
            memory = [0.0, 0.0]
            for t in range(1, steps + 1):
                entry, memory = step_of(entry, slopes[name](entry), memory, t)
            ends.append(entry)
        found[name] = np.reshape(ends, x.shape)
    return found


def adam(x, g, memory, t, decay=0.0):
    m, s = 0.8 * memory[0] + 0.2 * g, 0.9 * memory[1] + 0.1 * g * g
    m_hat, s_hat = m / (1 - 0.8**t), s / (1 - 0.9**t)
    return x - 0.1 * m_hat / (math.sqrt(s_hat) + 1e-3) - 0.1 * decay * x, [m, s]


def sgd(x, g, memory, t):
    v = 0.9 * memory[0] + g
    return x - 0.01 * v, [v, 0.0]


def nesterov(x, g, memory, t):
    v = 0.9 * memory[0] + g
    return x - 0.01 * (g + 0.9 * v), [v, 0.0]


def adagrad(x, g, memory, t):
    s = memory[0] + g * g
    return x - 0.1 * g / (math.sqrt(s) + 1e-10), [s, 0.0]


def rmsprop(x, g, memory, t):
    s = 0.7 * memory[0] + 0.3 * g * g
    return x - 0.1 * g / (math.sqrt(s) + 1e-8), [s, 0.0]


FORMULAS = {
    "sgd": (SGD(0.01), lambda x, g, memory, t: (x - 0.01 * g, memory)),
    "momentum": (SGD(0.01, momentum=0.9), sgd),
    "nesterov": (SGD(0.01, momentum=0.9, nesterov=True), nesterov),
    "weight decay": (SGD(0.01, weight_decay=0.5), lambda x, g, memory, t: (x - 0.01 * (g + 0.5 * x), memory)),
    "adagrad": (Adagrad(0.1), adagrad),
    "rmsprop": (RMSProp(0.1, decay=0.7), rmsprop),
    "adam": (Adam(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3), adam),
    "adamw": (
        AdamW(0.1, beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.3),
        lambda x, g, memory, t: adam(x, g, memory, t, 0.3),
    ),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas(name):
    optimizer, step_of = FORMULAS[name]
    parameters, state = run(optimizer)
    expected = by_hand(step_of)
    for key in expected:
        np.testing.assert_allclose(parameters[key], expected[key], rtol=1e-12)
    assert state["step"] == 7


@pytest.mark.parametrize("name", FORMULAS)
def test_single_precision_stays(name):
    parameters, state = run(FORMULAS[name][0], dtype=np.float32)
    leaves = [*parameters.values(), *(x for key, tree in state.items() if key != "step" for x in tree.values())]
    assert {x.dtype for x in leaves} == {np.dtype(np.float32)}


def test_what_was_given_is_left_alone():
    parameters = start()
    optimizer = Adam(0.1)
    state = optimizer.initialize(parameters)
    optimizer.update(adjoint.grad(quadratic)(parameters), state, parameters)
    assert state["step"] == 0
    assert all((parameters[key] == start()[key]).all() for key in parameters)
    assert not any(x.any() for x in state["mean"].values())


def test_torch_agrees():
    torch = pytest.importorskip("torch", reason="PyTorch's optimizers as a second opinion: pip install torch")
    pairs = [
        (SGD(0.01, momentum=0.9, weight_decay=0.1), torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
        (SGD(0.01, momentum=0.9, nesterov=True), torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        (Adagrad(0.01), torch.optim.Adagrad, {}),
        (RMSProp(0.01, decay=0.9), torch.optim.RMSprop, {"alpha": 0.9}),
        (Adam(0.01), torch.optim.Adam, {}),
        (AdamW(0.01, weight_decay=0.1), torch.optim.AdamW, {"weight_decay": 0.1}),
    ]
    for optimizer, peer, options in pairs:
        tensors = {key: torch.tensor(x, requires_grad=True) for key, x in start().items()}
        theirs = peer(list(tensors.values()), lr=0.01, **options)
        for _ in range(7):
            theirs.zero_grad()
            (((tensors["a"] - 3) ** 2).sum() + ((2 * tensors["b"] + 1) ** 4).sum()).backward()
            theirs.step()
        ours, _ = run(optimizer)
        for key in ours:
            np.testing.assert_allclose(ours[key], tensors[key].detach().numpy(), rtol=1e-9, err_msg=repr(optimizer))


# --- schedules and clipping ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schedule, rates",
    [
        (optimizers.Constant(0.5), {0: 0.5, 100: 0.5}),
        (optimizers.ExponentialDecay(1.0, 0.5, every=10), {0: 1.0, 5: 0.5**0.5, 20: 0.25}),
        (optimizers.ExponentialDecay(1.0, 0.5, every=10, staircase=True), {9: 1.0, 10: 0.5, 19: 0.5}),
        (optimizers.CosineDecay(1.0, 100, final=0.2), {0: 1.0, 50: 0.6, 100: 0.2, 1000: 0.2}),
        (optimizers.Piecewise([10, 20], [1.0, 0.1, 0.01]), {9: 1.0, 10: 0.1, 19: 0.1, 20: 0.01}),
        (optimizers.Warmup(4, optimizers.Constant(1.0)), {0: 0.25, 3: 1.0, 4: 1.0}),
        (optimizers.Warmup(4, optimizers.CosineDecay(1.0, 10)), {4: 1.0, 9: 0.5, 14: 0.0}),
    ],
)
def test_schedules(schedule, rates):
    for step, rate in rates.items():
        assert schedule(step) == pytest.approx(rate, abs=1e-15)


def test_a_schedule_is_asked_for_every_step():
    asked = []
    optimizer = SGD(lambda step: asked.append(step) or 0.1)
    run(optimizer, steps=3)
    assert asked[-3:] == [0, 1, 2]


def test_clipping():
    gradients = {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]], np.float32)}
    clipped = clip_by_norm(gradients, 1.0)
    np.testing.assert_allclose(clipped["a"], [0.6, 0.0])
    np.testing.assert_allclose(clipped["b"], [[0.8]], rtol=1e-6)
    assert clipped["b"].dtype == np.float32
    assert clip_by_norm(gradients, 6.0) is gradients
    assert clip_by_value(gradients, 2.0)["b"].item() == 2.0
    assert np.isnan(clip_by_norm({"a": np.array([np.nan])}, 1.0)["a"]).all()


# --- bad input ------------------------------------------------------------------------------------------------


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"adagrad, adam, adamw, rmsprop, sgd"):
        optimizers.get("lion")
    with pytest.raises(ArgumentError, match="did you mean 'adam'"):
        optimizers.get("adma")
    assert optimizers.get("Adam", learning_rate=0.5) == Adam(0.5)
    for make in (lambda: SGD(-1.0), lambda: SGD(math.nan), lambda: Adam(math.inf)):
        with pytest.raises(ArgumentError, match="learning rate"):
            make()
    with pytest.raises(ArgumentError, match="beta1 must be in"):
        Adam(beta1=1.0)
    with pytest.raises(ArgumentError, match="needs a momentum"):
        SGD(nesterov=True)
    with pytest.raises(ArgumentError, match="separate 3 rates"):
        optimizers.Piecewise([1, 2], [0.1])
    with pytest.raises(ArgumentError, match="positive"):
        clip_by_norm({}, 0.0)
    with pytest.raises(ArgumentError, match="real numbers, not of int64"):
        SGD().initialize({"n": np.array([1, 2])})
    parameters = start()
    state = SGD().initialize(parameters)
    with pytest.raises(ArgumentError, match="structure"):
        SGD().update({"a": parameters["a"]}, state, parameters)
    with pytest.raises(ArgumentError, match=r"shape \(3,\)"):
        SGD().update({"a": np.zeros(3), "b": parameters["b"]}, state, parameters)
