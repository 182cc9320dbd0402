"""AlexNet at its published shape: one forward pass, one backward pass, and the matrix with 63 million rows.

The mathematics in words. Five convolutions and three products with matrices stand one behind the other, with relu after
each. After the first two, every value is divided by a power of the sum of squares of its five neighbors among the
channels (local response normalization): b = a / (2 + 10⁻⁴ Σ a²)^¾. Three times the largest of each 3 × 3 window is
kept. Three of the convolutions are in two groups, since the network was trained on two devices. Each of these is one
constraint, and the 60,965,224 weights are rows of A like all else. No entry of A is ever written out: the first product
alone has a block of 38 million nonzeros, which is kept as its other factor.

The weights are random here (normal, with standard deviation 0.01, as published): this is the cost of a step of its
training, not a trained network. The image is a handwritten digit of 8 × 8 pixels, enlarged.

Measured with one thread on a core of a shared machine, one image, float32: forward 66 ms, forward and backward 571 ms
of processor time. Besides the weights (244 MB) a step holds 265 MB at most: their gradient (244 MB), and what is
computed.

(Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012.)

Run: python examples/alexnet.py for an eighth of the channels; with --size full for all; --picture FILE draws the matrix
"""

from __future__ import annotations

import argparse
import time
import tracemalloc

import numpy as np
from real_data import load_digits

import adjoint
from adjoint import nn

SHARES = {"small": 8, "full": 1}
"""The channels are divided by this."""
CLASSES = 1000
SIDE = 227
"""Pixels. The paper says 224, of which its own arithmetic needs 227."""


@adjoint.constraint
def local_response(a):
    """``a / (2 + 10⁻⁴ Σ a²)^¾`` with the sum over five neighboring channels: one constraint, a system itself."""
    n = a.shape[1]
    squares = np.pad(a * a, ((0, 0), (2, 2), (0, 0), (0, 0)))
    total = squares[:, :n] + squares[:, 1 : n + 1] + squares[:, 2 : n + 2] + squares[:, 3 : n + 3] + squares[:, 4:]
    return a / (2 + 1e-4 * total) ** 0.75


def alexnet(share: int = 1) -> nn.Sequential:
    """The network of the paper, or one with fewer channels and units."""
    normal = nn.initializers.normal(0.01)

    def convolution(channels: int, kernel: int, **options) -> nn.Conv2d:
        return nn.Conv2d(channels // share, kernel, initializer=normal, **options)

    def linear(features: int) -> nn.Linear:
        return nn.Linear(features, initializer=normal)

    return nn.Sequential(
        ("conv1", convolution(96, 11, stride=4)),
        ("relu1", "relu"),
        ("norm1", local_response),
        ("pool1", nn.MaxPool2d(3, stride=2)),
        ("conv2", convolution(256, 5, padding=2, groups=2)),
        ("relu2", "relu"),
        ("norm2", local_response),
        ("pool2", nn.MaxPool2d(3, stride=2)),
        ("conv3", convolution(384, 3, padding=1)),
        ("relu3", "relu"),
        ("conv4", convolution(384, 3, padding=1, groups=2)),
        ("relu4", "relu"),
        ("conv5", convolution(256, 3, padding=1, groups=2)),
        ("relu5", "relu"),
        ("pool5", nn.MaxPool2d(3, stride=2)),
        ("flat", nn.Flatten()),
        ("dropout6", nn.Dropout(0.5)),
        ("linear6", linear(4096 // share)),
        ("relu6", "relu"),
        ("dropout7", nn.Dropout(0.5)),
        ("linear7", linear(4096 // share)),
        ("relu7", "relu"),
        ("linear8", linear(CLASSES)),
    )


def image() -> tuple[np.ndarray, np.ndarray]:
    """A digit, each pixel of which is a square of 28 × 28, ``(1, 3, 227, 227)``; and its label."""
    data = load_digits()
    large = np.pad(np.kron(data.x[0].reshape(8, 8), np.ones((28, 28))), ((1, 2), (1, 2)))
    x = np.broadcast_to(large, (1, 3, SIDE, SIDE)).astype(np.float32)
    return x - x.mean(), data.labels[:1].argmax(axis=1)


def loss(model: nn.Sequential):
    """The function of parameters, image and label whose gradient a step of training needs, dropout and all."""

    def f(parameters, x, label):
        logits, _ = model.apply(parameters, x, state={}, training=True, rng=np.random.default_rng(0))
        return nn.functional.cross_entropy(logits, label)

    return f


def size_of(tree) -> int:
    """Bytes of all arrays in a dict of dicts."""
    return sum(size_of(each) if isinstance(each, dict) else each.nbytes for each in tree.values())


def peak(function, *args) -> int:
    """The most bytes that a call held at once, over what was there before."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SHARES, default="small", help="of the layers")
    parser.add_argument("--picture", metavar="FILE", help="draw the matrix")
    options = parser.parse_args(arguments)
    model = alexnet(SHARES[options.size])
    print(nn.summary(model, (3, SIDE, SIDE)), end="\n\n")

    parameters = model.initialize(np.random.default_rng(0), (3, SIDE, SIDE)).parameters
    x, label = image()
    f = loss(model)
    step = adjoint.value_and_grad(f)
    value, _ = step(parameters, x, label)
    print(f"  loss {value:.4f}; that of equal probabilities is log {CLASSES} = {np.log(CLASSES):.4f}")
    for name, function in (("forward", f), ("forward and backward", step)):
        start = time.process_time()
        for _ in range(3):
            function(parameters, x, label)
        print(f"  {name:<24}{1e3 * (time.process_time() - start) / 3:>8.0f} ms of processor time")

    system = adjoint.trace(f, parameters, x, label).compile()
    steps = [node for node in system.trace.nodes() if node.operation != "input"]
    activations = sum(node.value.nbytes for node in steps)
    held, weights = peak(step, parameters, x, label), size_of(parameters)
    print(f"\n  {'memory':<24}{'MB':>8}")
    for name, count in (
        ("weights", weights),
        ("their gradient", weights),
        ("values of all steps", activations),
        ("peak, besides weights", held),
    ):
        print(f"  {name:<24}{count / 1e6:>8.1f}")

    print("\nThe matrix of the loss, without the rows of the weights\n")
    print(adjoint.plot.text(system, nodes=(steps[0].number, len(system)), width=50), end="\n\n")
    print(adjoint.plot.kind_table(system))
    if options.picture:
        adjoint.plot.spy(system).figure.savefig(options.picture)
        print(f"\nIts blocks: {options.picture}")


if __name__ == "__main__":
    main()
