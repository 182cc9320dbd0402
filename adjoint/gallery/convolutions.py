"""Networks of images ``(height, width, channels)``: an Inception block and AlexNet, one constraint per layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus import constraint
from adjoint.gallery.example import Example
from adjoint.tracing import name


def windows(image: Any, size: int, stride: int, padding: int) -> Any:
    """All squares of ``size``, as ``(height, width, channels, size, size)``."""
    around = ((padding, padding), (padding, padding), (0, 0))
    padded = np.pad(image, around) if padding else image
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))[::stride, ::stride]


@constraint
def convolve(image: Any, kernel: Any, bias: Any, *, stride: int = 1, padding: int = 0) -> Any:
    """A convolution and a rectifier; ``kernel`` is ``(size, size, channels, filters)``."""
    patches = windows(image, kernel.shape[0], stride, padding)
    return np.maximum(np.tensordot(patches, kernel, axes=((3, 4, 2), (0, 1, 2))) + bias, 0)


@constraint
def pool(image: Any, *, size: int = 3, stride: int = 2, padding: int = 0) -> Any:
    """The largest value of each square."""
    return np.max(windows(image, size, stride, padding), axis=(3, 4))


@constraint
def respond(image: Any) -> Any:
    """Each value divided by a power of the squares in its five neighboring channels."""
    channels = image.shape[-1]
    near = (abs(np.subtract.outer(np.arange(channels), np.arange(channels))) <= 2).astype(image.dtype)
    return image / (2 + 1e-4 * (image**2 @ near)) ** 0.75


@constraint
def connect(x: Any, w: Any, bias: Any) -> Any:
    """A fully connected layer and a rectifier."""
    return np.maximum(np.reshape(x, -1) @ w + bias, 0)


@constraint
def cross_entropy(scores: Any, *, label: int) -> Any:
    """``−log softmax(scores)`` at the label."""
    shifted = scores - np.max(scores)
    return np.log(np.sum(np.exp(shifted))) - shifted[label]


def inception(image: Any, kernels: dict[str, Any]) -> Any:
    """Four branches of one image, joined along the channels."""

    def layer(x: Any, key: str, padding: int = 0) -> Any:
        return name(convolve(x, kernels[key], 0.0, padding=padding), key)

    branches = (
        layer(image, "1×1"),
        layer(layer(image, "reduce 3"), "3×3", padding=1),
        layer(layer(image, "reduce 5"), "5×5", padding=2),
        layer(name(pool(image, stride=1, padding=1), "pool"), "project"),
    )
    joined = name(np.concatenate(branches, axis=-1), "joined")
    return name(np.mean(joined**2), "loss")


def _inception_inputs(size: str) -> tuple[Any, ...]:
    # full: the block "3a" of GoogLeNet
    side, channels, widths = {"small": (6, 3, (2, 2, 3, 1, 2, 2)), "full": (28, 192, (64, 96, 128, 16, 32, 32))}[size]
    one, reduce3, three, reduce5, five, project = widths
    rng = np.random.default_rng(0)
    kernels = {
        "1×1": _kernel(rng, 1, channels, one),
        "reduce 3": _kernel(rng, 1, channels, reduce3),
        "3×3": _kernel(rng, 3, reduce3, three),
        "reduce 5": _kernel(rng, 1, channels, reduce5),
        "5×5": _kernel(rng, 5, reduce5, five),
        "project": _kernel(rng, 1, channels, project),
    }
    return rng.random((side, side, channels), np.float32), kernels


def alexnet(image: Any, layers: dict[str, Any]) -> Any:
    """The layers in their order, without the split over two processors and without dropout."""
    x = name(respond(convolve(image, *layers["conv1"], stride=4)), "conv1")
    x = name(pool(x), "pool1")
    x = name(respond(convolve(x, *layers["conv2"], padding=2)), "conv2")
    x = name(pool(x), "pool2")
    x = name(convolve(x, *layers["conv3"], padding=1), "conv3")
    x = name(convolve(x, *layers["conv4"], padding=1), "conv4")
    x = name(convolve(x, *layers["conv5"], padding=1), "conv5")
    x = name(pool(x), "pool5")
    x = name(connect(x, *layers["fc6"]), "fc6")
    x = name(connect(x, *layers["fc7"]), "fc7")
    scores = name(x @ layers["fc8"][0] + layers["fc8"][1], "fc8")
    return name(cross_entropy(scores, label=0), "loss")


def _alexnet_inputs(size: str) -> tuple[Any, ...]:
    side, filters, widths = {
        "small": (67, (3, 4, 5, 5, 4), (8, 8, 5)),
        "full": (227, (96, 256, 384, 384, 256), (4096, 4096, 1000)),
    }[size]
    rng = np.random.default_rng(1)
    image = rng.random((side, side, 3), np.float32)
    layers = {}
    channels = 3
    for number, (kernel, count) in enumerate(zip((11, 5, 3, 3, 3), filters, strict=True), start=1):
        layers[f"conv{number}"] = _kernel(rng, kernel, channels, count), np.full(count, 0.1, np.float32)
        channels = count
    side = (side - 11) // 4 + 1  # after conv1, and then after each of three pools
    for _ in range(3):
        side = (side - 3) // 2 + 1
    width = side * side * channels
    for number, count in enumerate(widths, start=6):
        layers[f"fc{number}"] = _kernel(rng, 1, width, count)[0, 0], np.full(count, 0.1, np.float32)
        width = count
    return image, layers


def _kernel(rng: np.random.Generator, size: int, channels: int, filters: int) -> np.ndarray:
    kernel = rng.standard_normal((size, size, channels, filters), np.float32)
    kernel *= np.float32(np.sqrt(2 / (size * size * channels)))
    return kernel


EXAMPLES = (
    Example(
        "inception",
        "Inception block",
        "networks",
        inception,
        _inception_inputs,
        "The row of the image has four blocks, one per branch, and the column of the join has four, one from the end "
        "of each branch. No block connects two branches: they can be solved at the same time.",
        source="C. Szegedy et al., Going Deeper with Convolutions, 2015",
    ),
    Example(
        "alexnet",
        "AlexNet",
        "networks",
        alexnet,
        _alexnet_inputs,
        "The layers are a staircase next to the diagonal: each one reads the layer before it and nothing else that was "
        "computed. Every weight and every bias has a single block, in the column of its layer.",
        source="A. Krizhevsky, I. Sutskever, G. E. Hinton, ImageNet Classification with Deep Convolutional Neural "
        "Networks, 2012",
    ),
)
