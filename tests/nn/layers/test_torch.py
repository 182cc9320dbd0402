"""Networks that PyTorch has made, carried over as plain arrays: the same logits and the same gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint import nn
from adjoint.nn import functional

torch = pytest.importorskip("torch", reason="the second opinion needs torch: pip install -e '.[bench]'")


def linear(layer: Any) -> dict[str, np.ndarray]:
    return {"weight": layer.weight.detach().numpy().T, "bias": layer.bias.detach().numpy()}


def direct(layer: Any) -> dict[str, np.ndarray]:
    """Convolutions and norms hold their weights as we do."""
    return {"weight": layer.weight.detach().numpy(), "bias": layer.bias.detach().numpy()}


def recurrent(layer: Any, suffix: str = "") -> dict[str, np.ndarray]:
    named = {name: w.detach().numpy() for name, w in layer.named_parameters()}
    first, second = named["bias_ih_l0" + suffix], named["bias_hh_l0" + suffix]
    both = isinstance(layer, torch.nn.GRU)
    return {
        "input_weight": named["weight_ih_l0" + suffix].T,
        "hidden_weight": named["weight_hh_l0" + suffix].T,
        **({"bias": first, "hidden_bias": second} if both else {"bias": first + second}),
    }


def attention(layer: Any) -> dict[str, dict[str, np.ndarray]]:
    weights, biases = (np.split(w.detach().numpy(), 3) for w in (layer.in_proj_weight, layer.in_proj_bias))
    names = ("query", "key", "value")
    pieces = {name: {"weight": w.T, "bias": b} for name, w, b in zip(names, weights, biases, strict=True)}
    return {**pieces, "output": linear(layer.out_proj)}


def agree(model: nn.Layer, parameters: Any, theirs: Any, x: np.ndarray, carried: Any, **options: Any) -> None:
    """Logits, loss, and the gradients of parameters and input; ``carried`` reads theirs in our structure."""
    labels = np.arange(len(x)) % 3
    tensor = torch.tensor(x, requires_grad=True)
    logits = theirs(tensor)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels))
    loss.backward()

    def objective(parameters: Any, x: Any) -> Any:
        y, _ = model.apply(parameters, x, training=True, rng=None, state=options.get("state", {}))
        return functional.cross_entropy(y, labels), y

    (value, y), (gradient, x_bar) = adjoint.value_and_grad(objective, (0, 1), has_aux=True)(parameters, x)
    np.testing.assert_allclose(y, logits.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(value, loss.item(), rtol=1e-12)
    np.testing.assert_allclose(x_bar, tensor.grad.numpy(), rtol=1e-9, atol=1e-12)
    expected = carried(lambda w: w.grad)
    leaves = adjoint.tracing.flatten(gradient)[0]
    references = adjoint.tracing.flatten(expected)[0]
    assert len(leaves) == len(references) == len(adjoint.tracing.flatten(parameters)[0])
    for ours, other in zip(leaves, references, strict=True):
        np.testing.assert_allclose(ours, other.numpy(), rtol=1e-9, atol=1e-12)


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def test_an_mlp() -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Linear(5, 7), torch.nn.ReLU(), torch.nn.Linear(7, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3)
    )
    model = nn.Sequential(nn.Linear(7), "relu", nn.Linear(6), "tanh", nn.Linear(3))

    def carried(of: Any) -> Any:
        return {
            f"linear{k + 1}": {"weight": of(theirs[2 * k].weight).T, "bias": of(theirs[2 * k].bias)} for k in range(3)
        }

    parameters = {f"linear{k + 1}": linear(theirs[2 * k]) for k in range(3)}
    agree(model, parameters, theirs, np.random.default_rng(0).standard_normal((8, 5)), carried)


def test_a_convolutional_net() -> None:
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(2, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.GELU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(4, 6, 3, stride=2, groups=2),
        torch.nn.GroupNorm(3, 6),
        torch.nn.SiLU(),
        torch.nn.ConvTranspose2d(6, 5, 2, stride=2),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(5, 3),
    )
    model = nn.Sequential(
        *(nn.Conv2d(4, 3, padding="same"), nn.BatchNorm(), "gelu", nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 3, stride=2, groups=2), nn.GroupNorm(3), "silu", nn.ConvTranspose2d(5, 2, stride=2)),
        *(nn.GlobalAveragePool(), nn.Linear(3)),
    )
    x = np.random.default_rng(0).standard_normal((6, 2, 11, 12))
    _, state, _ = model.initialize(np.random.default_rng(0), x.shape[1:], np.float64)
    places = {"conv2d1": 0, "batch_norm1": 1, "conv2d2": 4, "group_norm1": 5, "conv_transpose2d1": 7}

    def carried(of: Any) -> Any:
        found = {name: {"weight": of(theirs[k].weight), "bias": of(theirs[k].bias)} for name, k in places.items()}
        return {**found, "linear1": {"weight": of(theirs[-1].weight).T, "bias": of(theirs[-1].bias)}}

    parameters = {**{name: direct(theirs[k]) for name, k in places.items()}, "linear1": linear(theirs[-1])}
    agree(model, parameters, theirs, x, carried, state=state)
    y, after = model.apply(parameters, x, state=state, training=True, rng=None)
    np.testing.assert_allclose(after["batch_norm1"]["mean"], theirs[1].running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(after["batch_norm1"]["variance"], theirs[1].running_var.numpy(), rtol=1e-12)
    theirs.eval()
    np.testing.assert_allclose(model(parameters, x, after), theirs(torch.tensor(x)).detach().numpy(), rtol=1e-10)
    assert not np.allclose(model(parameters, x, after), y)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("both_ways", [False, True], ids=["forward", "bidirectional"])
def test_recurrent_nets(kind: str, both_ways: bool) -> None:
    inner = getattr(torch.nn, kind)(4, 5, batch_first=True, bidirectional=both_ways)
    head = torch.nn.Linear(10 if both_ways else 5, 3)

    def theirs(x: Any) -> Any:
        return head(inner(x)[0][:, 2])

    layer = getattr(nn, kind)(5, return_sequences=True)
    model = nn.Sequential(
        ("read", nn.Bidirectional(layer) if both_ways else layer), ("pick", lambda y: y[:, 2]), ("head", nn.Linear(3))
    )

    def weights(of: Any, suffix: str) -> Any:
        named = dict(inner.named_parameters())
        found = {
            "input_weight": of(named["weight_ih_l0" + suffix]).T,
            "hidden_weight": of(named["weight_hh_l0" + suffix]).T,
            "bias": of(named["bias_ih_l0" + suffix]),
        }
        return {**found, "hidden_bias": of(named["bias_hh_l0" + suffix])} if kind == "GRU" else found

    def carried(of: Any) -> Any:
        read = {"forward": weights(of, ""), "backward": weights(of, "_reverse")} if both_ways else weights(of, "")
        return {"read": read, "head": {"weight": of(head.weight).T, "bias": of(head.bias)}}

    read = {"forward": recurrent(inner), "backward": recurrent(inner, "_reverse")} if both_ways else recurrent(inner)
    parameters = {"read": read, "head": linear(head)}
    agree(model, parameters, theirs, np.random.default_rng(0).standard_normal((3, 6, 4)), carried)


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal: bool) -> None:
    inner = torch.nn.MultiheadAttention(6, 2, batch_first=True)
    x, context = (np.random.default_rng(k).standard_normal((2, n, 6)) for k, n in ((0, 4), (1, 4)))
    names = ("query", "key", "value")
    pieces = zip(
        np.split(inner.in_proj_weight.detach().numpy(), 3),
        np.split(inner.in_proj_bias.detach().numpy(), 3),
        strict=True,
    )
    parameters = {name: {"weight": w.T, "bias": b} for name, (w, b) in zip(names, pieces, strict=True)}
    parameters["output"] = linear(inner.out_proj)
    mask = torch.triu(torch.ones(4, 4, dtype=torch.bool), 1) if causal else None
    layer = nn.MultiHeadAttention(2, causal=causal)
    options: Any = {"state": {}, "training": False, "rng": None}
    for other in (x, context):
        expected = inner(*(torch.tensor(a) for a in (x, other, other)), attn_mask=mask)[0].detach().numpy()
        y, _ = layer.apply(parameters, x, context=other, **options)
        np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(layer(parameters, x), layer.apply(parameters, x, context=x, **options)[0])
    allowed = np.random.default_rng(3).random((4, 4)) < 0.5
    allowed[:, 0] = True
    hidden = ~allowed if not causal else ~allowed | mask.numpy()
    expected = inner(*(torch.tensor(x),) * 3, attn_mask=torch.tensor(hidden))[0].detach().numpy()
    np.testing.assert_allclose(layer.apply(parameters, x, mask=allowed, **options)[0], expected, rtol=1e-10, atol=1e-12)


def test_a_transformer_block() -> None:
    theirs = torch.nn.TransformerEncoderLayer(
        6, 2, 10, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    block = nn.TransformerBlock(2, 10)
    parameters = {
        "attention": {"body": {"norm": direct(theirs.norm1), "attention": attention(theirs.self_attn)}},
        "network": {
            "body": {"norm": direct(theirs.norm2), "expand": linear(theirs.linear1), "contract": linear(theirs.linear2)}
        },
    }
    x = np.random.default_rng(0).standard_normal((2, 4, 6))
    expected = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(block(parameters, x), expected, rtol=1e-9, atol=1e-10)
