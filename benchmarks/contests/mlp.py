"""Training step of a 784-H-H-10 network in float32: value and gradient of the cross entropy."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from adjoint.nn import functional
from benchmarks import mlp
from benchmarks.contests import matches
from benchmarks.contests.matches import Match
from benchmarks.harness import Answer, Contest, Size, Table

SHAPES: dict[Size, tuple[tuple[int, int, int], ...]] = {  # inputs, batch, width
    "tiny": ((6, 3, 4),),
    "quick": ((784, 32, 128), (784, 128, 512)),
    "full": ((784, 8, 32), (784, 32, 128), (784, 128, 512)),
}
AHEAD = 128  # from this width on, the project means to be ahead of PyTorch and JAX


def loss(xp: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any) -> Any:
    """Two layers of tanh and one of softmax, by ``adjoint.nn.functional``: six constraints."""
    hidden = functional.tanh(functional.linear(x, w1, b1))
    hidden = functional.tanh(functional.linear(hidden, w2, b2))
    return functional.cross_entropy(functional.linear(hidden, w3, b3), labels)


def in_torch(torch: Any, w1: Any, b1: Any, w2: Any, b2: Any, w3: Any, b3: Any, x: Any, labels: Any) -> Any:
    """By PyTorch's own operations for layers."""
    hidden = torch.tanh(torch.addmm(b1, x, w1))
    hidden = torch.tanh(torch.addmm(b2, hidden, w2))
    return torch.nn.functional.cross_entropy(torch.addmm(b3, hidden, w3), labels)


def in_arrays(xp: Any, *arguments: Any) -> Any:
    """By operations on arrays alone, as in ``benchmarks/mlp.py``."""
    *weights, x, labels = arguments
    return mlp.loss(xp, *weights, x, xp.arange(len(labels)), labels)


def by_hand(*arguments: np.ndarray) -> Answer:
    """Backpropagation on paper."""
    *weights, x, labels = arguments
    return mlp.by_hand(*weights, x, np.arange(len(labels)), labels)


def parameters(inputs: int, width: int) -> tuple[np.ndarray, ...]:
    """Weights and biases of the three layers."""
    rng = np.random.default_rng(width)
    result: list[np.ndarray] = []
    for fan_in, fan_out in pairwise((inputs, width, width, 10)):
        result.append((rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)).astype(np.float32))
        result.append(0.1 * rng.standard_normal(fan_out).astype(np.float32))
    return tuple(result)


def entries(size: Size) -> Iterator[Match]:
    """One match per size."""
    for inputs, batch, width in SHAPES[size]:
        rng = np.random.default_rng(batch)
        x = rng.standard_normal((batch, inputs)).astype(np.float32)
        yield Match(
            Contest(
                f"network {inputs}-{width}-{width}-10: batch {batch}, float32",
                loss,
                parameters(inputs, width),
                (x, rng.integers(0, 10, batch)),
                peers=("torch", "jax"),
                by_hand=by_hand,
                tolerance=3e-5,
            ),
            variants={"torch": in_torch, "jax": in_arrays},
            others={"adjoint, arrays alone": ("adjoint", in_arrays)},
            limits={("torch", "jax"): 1.0} if width >= AHEAD else {},
        )


def validate(size: Size) -> int:
    """Check every answer."""
    return matches.validate(entries(size))


def measure(size: Size) -> Iterator[Table]:
    """The tables."""
    return matches.measure(entries(size), size)
