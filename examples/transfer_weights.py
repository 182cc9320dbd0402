"""A network carried over from PyTorch, weights and all: the same logits and the same gradients.

The mathematics in words. A network with two hidden layers is x → relu(relu(x W₁ + b₁) W₂ + b₂) W₃ + b₃. Its weights are
plain arrays, so a network from elsewhere needs no converter: PyTorch holds the transposes W_kᵀ, and that is all that
differs. The multipliers λ_W = ∂loss/∂W of the constraint system are then the transposes of what PyTorch writes to
.grad, to the rounding of float32.

Where PyTorch is not installed, weights are taken from an .npz file in the same layout, which this script writes with
random numbers first; what is compared with are then the formulas of textbooks, written out in NumPy.

Run: python examples/transfer_weights.py
"""

from __future__ import annotations

import importlib.util
import itertools
import tempfile
from pathlib import Path

import numpy as np
from real_data import load_digits

import adjoint
from adjoint import nn

WIDTHS = (64, 48, 32, 10)
MODEL = nn.Sequential(
    ("hidden1", nn.Linear(WIDTHS[1])),
    ("relu1", "relu"),
    ("hidden2", nn.Linear(WIDTHS[2])),
    ("relu2", "relu"),
    ("logits", nn.Linear(WIDTHS[3])),
)
PLACES = {"hidden1": "0", "hidden2": "2", "logits": "4"}
"""The layers by the names that they have in ``torch.nn.Sequential(Linear, ReLU, Linear, ReLU, Linear)``."""

Arrays = dict[str, np.ndarray]


def from_torch(x: np.ndarray, labels: np.ndarray) -> tuple[Arrays, np.ndarray, Arrays]:
    """Weights as PyTorch initializes them, its logits, and its gradients."""
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(WIDTHS)]
    model = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    logits = model(torch.from_numpy(x))
    torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)).backward()
    weights = {name: each.detach().numpy() for name, each in model.named_parameters()}
    return weights, logits.detach().numpy(), {name: each.grad.numpy() for name, each in model.named_parameters()}


def write_random(path: Path) -> None:
    """Weights in PyTorch's layout: ``"0.weight"`` is (outputs, inputs)."""
    rng = np.random.default_rng(0)
    arrays = {}
    for place, inputs, outputs in zip(PLACES.values(), WIDTHS[:-1], WIDTHS[1:], strict=True):
        arrays[f"{place}.weight"] = rng.uniform(-1, 1, (outputs, inputs)).astype(np.float32) / np.sqrt(inputs)
        arrays[f"{place}.bias"] = (rng.uniform(-1, 1, outputs) / np.sqrt(inputs)).astype(np.float32)
    np.savez(path, **arrays)


def from_file(path: Path, x: np.ndarray, labels: np.ndarray) -> tuple[Arrays, np.ndarray, Arrays]:
    """Weights of an .npz file, and logits and gradients by the formulas of textbooks, in float64."""
    with np.load(path, allow_pickle=False) as file:
        weights = {name: file[name] for name in file.files}
    ws = [weights[f"{place}.weight"].astype(float) for place in PLACES.values()]
    bs = [weights[f"{place}.bias"].astype(float) for place in PLACES.values()]
    inputs = [x.astype(float)]
    for w, b in zip(ws[:-1], bs[:-1], strict=True):
        inputs.append(np.maximum(inputs[-1] @ w.T + b, 0))
    logits = inputs[-1] @ ws[-1].T + bs[-1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = (p / p.sum(axis=1, keepdims=True) - np.eye(WIDTHS[-1])[labels]) / len(x)
    gradients = {}
    for k in (2, 1, 0):
        place = list(PLACES.values())[k]
        gradients[f"{place}.weight"], gradients[f"{place}.bias"] = delta.T @ inputs[k], delta.sum(axis=0)
        delta = delta @ ws[k] * (inputs[k] > 0)
    return weights, logits, gradients


def parameters_of(weights: Arrays) -> dict:
    """For ``MODEL``: each matrix transposed."""
    return {
        name: {"weight": np.ascontiguousarray(weights[f"{place}.weight"].T), "bias": weights[f"{place}.bias"]}
        for name, place in PLACES.items()
    }


def loss(parameters, x, labels):
    return nn.functional.cross_entropy(MODEL(parameters, x), labels)


def compared(weights: Arrays, logits: np.ndarray, gradients: Arrays, x: np.ndarray, labels: np.ndarray):
    """For the logits and each gradient: name, shape here, and largest difference relative to the largest entry."""
    parameters = parameters_of(weights)
    found = adjoint.grad(loss)(parameters, x, labels)
    pairs = [("logits", MODEL(parameters, x), logits)]
    for name, place in PLACES.items():
        pairs.append((f"{name} weight", found[name]["weight"], gradients[f"{place}.weight"].T))
        pairs.append((f"{name} bias", found[name]["bias"], gradients[f"{place}.bias"]))
    return [(name, a.shape, float(np.max(np.abs(a - b)) / np.max(np.abs(b)))) for name, a, b in pairs]


def main() -> int:
    data = load_digits()
    x, labels = data.x[:32].astype(np.float32), data.labels[:32].argmax(axis=1)
    if importlib.util.find_spec("torch"):
        print("Weights as PyTorch initialized them; its logits and gradients\n")
        weights, logits, gradients = from_torch(x, labels)
    else:
        print("PyTorch is not installed: random weights by way of a file, and the formulas of textbooks\n")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.npz"
            write_random(path)
            weights, logits, gradients = from_file(path, x, labels)
    rows = compared(weights, logits, gradients, x, labels)
    print(f"  {'':<18}{'shape here':>12}{'difference':>14}")
    for name, shape, difference in rows:
        print(f"  {name:<18}{' × '.join(map(str, shape)):>12}{difference:>14.1e}")
    agree = max(difference for *_, difference in rows) < 1e-5
    print(f"\n  The same to the rounding of float32, which is 6e-8 for each operation: {'yes' if agree else 'NO'}.")

    print("\nThe matrix that gave the gradients, for one image\n")
    system = adjoint.trace(loss, parameters_of(weights), x[:1], labels[:1]).compile()
    print(adjoint.plot.text(system, width=44), adjoint.plot.kind_table(system), sep="\n\n")
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
