"""Softmax regression against scikit-learn, and weights from elsewhere."""

import sys

import numpy as np
import pytest

import adjoint


@pytest.fixture
def regression(load):
    return load("softmax_regression")


@pytest.fixture
def transfer(load):
    return load("transfer_weights")


@pytest.mark.parametrize("method", ["lbfgs", "newton_cg"])
def test_minimum_is_that_of_scikit_learn(method, regression):
    data = regression.load_digits()
    x, digits = data.x[:400], data.labels[:400].argmax(axis=1)
    found = regression.fitted(method, x, digits)
    assert regression.distance(found.parameters, regression.peer(x, digits)) < 2e-5
    _, gradient = adjoint.value_and_grad(regression.objective)(found.parameters, x, digits)
    assert max(np.max(np.abs(each)) for each in gradient.values()) < 2e-8


def test_distance_does_not_see_a_common_constant(regression):
    a = regression.start()
    assert regression.distance(a, {**a, "bias": a["bias"] + 3}) < 1e-12
    assert regression.distance(a, {**a, "weight": a["weight"] + 3}) == 3


@pytest.fixture
def batch(transfer):
    data = transfer.load_digits()
    return data.x[:16].astype(np.float32), data.labels[:16].argmax(axis=1)


def test_weights_of_a_file(transfer, batch, tmp_path):
    path = tmp_path / "weights.npz"
    transfer.write_random(path)
    weights, logits, gradients = transfer.from_file(path, *batch)
    rows = transfer.compared(weights, logits, gradients, *batch)
    assert len(rows) == 7
    assert max(difference for *_, difference in rows) < 2e-6
    # it tells the difference
    gradients["2.weight"] = 1.01 * gradients["2.weight"]
    assert {name for name, _, d in transfer.compared(weights, logits, gradients, *batch) if d > 5e-3} == {
        "hidden2 weight"
    }


def test_weights_of_pytorch(transfer, batch):
    pytest.importorskip("torch", reason="PyTorch is a peer, and not installed")
    weights, logits, gradients = transfer.from_torch(*batch)
    assert weights["0.weight"].shape == (48, 64)
    assert max(difference for *_, difference in transfer.compared(weights, logits, gradients, *batch)) < 2e-6


def test_without_pytorch_there_is_a_file(transfer, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert transfer.main() == 0
    text = capsys.readouterr().out
    assert text.startswith("PyTorch is not installed")
    assert "rounding of float32, which is 6e-8 for each operation: yes" in text
