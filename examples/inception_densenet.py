"""Two ways to join layers, and their matrices side by side: an Inception block and a DenseNet block.

The mathematics in words. An Inception block reads its input four times: through windows of one, three and five pixels,
and through the largest value of each window of three; and puts the channels of the four results side by side. No branch
reads another, so in the matrix A the branches have no blocks in each other's rows: between the row of the input and the
column where all are joined there are four separate stairs, and a solver may go up all four at once.

In a DenseNet block every layer reads the input and the results of all layers before it, side by side: x_k =
f_k([x_0, …, x_{k−1}]), where f_k normalizes over the batch, sets negative values to zero, and convolves. So the row of
each x has a block in the column of every later join, and between the layers the triangle is full. The layers have to be
solved one after the other; but from the result each x is one step away, which is why multipliers do not vanish.

(Szegedy et al., Going deeper with convolutions, 2015; Huang et al., Densely connected convolutional networks, 2017.)

Run: python examples/inception_densenet.py, or with --size full for the first Inception block of GoogLeNet (28 × 28
pixels, 192 channels) and the first DenseNet block of DenseNet-121 without its bottlenecks (56 × 56 pixels, 64 channels,
six layers that add 32 each)
"""

from __future__ import annotations

import argparse
import time
from itertools import zip_longest

import numpy as np

import adjoint
from adjoint import nn

LETTERS = {
    "convolution": ("C", "convolution"),
    "normalization": ("N", "normalization"),
    "diagonal": ("d", "diagonal"),
    "gather": ("g", "gather"),
    "adjoint": ("j", "joined channels"),
    "contraction": ("c", "contraction"),
}


def inception(size: str) -> tuple[nn.Layer, tuple[int, ...]]:
    """The block and the shape of its input."""
    if size == "full":
        return nn.Inception(64, (96, 128), (16, 32), 32), (192, 28, 28)
    return nn.Inception(8, (12, 16), (2, 4), 4), (24, 8, 8)


def densenet(size: str) -> tuple[nn.Layer, tuple[int, ...]]:
    """The same for DenseNet."""
    layers, growth, shape = (6, 32, (64, 56, 56)) if size == "full" else (4, 4, (8, 8, 8))
    each = [
        (
            f"layer{k}",
            nn.Sequential(
                ("norm", nn.BatchNorm()), ("relu", "relu"), ("conv", nn.Conv2d(growth, 3, padding="same", bias=False))
            ),
        )
        for k in range(1, layers + 1)
    ]
    return nn.DenseBlock(*each), shape


def loss_of(model: nn.Layer, state):
    """The mean square of all that the block returns; with the statistics of the batch, as in training."""

    def loss(parameters, x):
        y, _ = model.apply(parameters, x, state=state, training=True, rng=None)
        return nn.functional.mean_squared_error(y, np.zeros(y.shape, np.float32))

    return loss


def system_of(model: nn.Layer, shape: tuple[int, ...], batch: int = 2) -> adjoint.ConstraintSystem:
    """The system of a loss, at random weights and images of random numbers."""
    rng = np.random.default_rng(0)
    parameters, state, _ = model.initialize(rng, shape)
    x = rng.standard_normal((batch, *shape)).astype(np.float32)
    return adjoint.trace(loss_of(model, state), parameters, x).compile()


def steps(system: adjoint.ConstraintSystem) -> list[int]:
    """The nodes without the weights: the image, and what is computed."""
    blocks = system.blocks()
    nodes = [node for node in system.trace.nodes() if (node.number, node.number) in blocks]
    return [node.number for node in nodes if node.operation != "input" or node.name == "x"]


def picture(system: adjoint.ConstraintSystem) -> list[str]:
    """A letter for each block, of all steps; rows are named by what they are."""
    numbers, blocks = steps(system), system.blocks()
    names = []
    for number in numbers:
        node = system.trace.node(number)
        name = (
            (node.name or node.operation).replace("expand_activation", "relu 2").replace("reduce_activation", "relu 1")
        )
        names.append(name.replace("/", " ").replace("mean_squared_error", "loss").replace("concatenate", "join"))
    lines = []
    for row, (i, name) in enumerate(zip(numbers, names, strict=True)):
        cells = "  " * row + "╲ "
        for k in numbers[row + 1 :]:
            cells += (LETTERS.get(blocks[i, k].kind, "?")[0] if (i, k) in blocks else "·") + " "
        lines.append(f"{name:>13} {cells}".rstrip())
    return lines


def beside(left: list[str], right: list[str]) -> str:
    """Two pictures in one."""
    width = max(map(len, left)) + 3
    return "\n".join(f"{a:<{width}}{b}".rstrip() for a, b in zip_longest(left, right, fillvalue=""))


def longest_chain(system: adjoint.ConstraintSystem) -> int:
    """How many steps at most each read the one before, from the image to the loss."""
    numbers, blocks = steps(system), system.blocks()
    length = dict.fromkeys(numbers, 0)
    for k in numbers:
        length[k] = max((length[i] + 1 for i in numbers if i < k and (i, k) in blocks), default=0)
    return length[numbers[-1]]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "full"), default="small", help="of the blocks")
    size = parser.parse_args(arguments).size
    models = {"Inception": inception(size), "DenseNet": densenet(size)}
    systems = {name: system_of(*model) for name, model in models.items()}

    for name, (model, shape) in models.items():
        table = nn.summary(model, shape, batch=2, training=True)
        print(f"  {name:<12}{' × '.join(map(str, shape))} → {' × '.join(map(str, table.output_shape))}", end=", ")
        print(f"{table.parameters:,} weights, {table.nonzeros:,} nonzeros for two images")
    print()
    print("A without the rows of the weights: ╲ is −I, and a letter is the kind of a block\n")
    print(beside(*([name, "", *picture(system)] for name, system in systems.items())))
    print("\n  " + ", ".join(f"{letter} {what}" for letter, what in LETTERS.values()))

    print(f"\n  {'':<12}{'steps':>8}{'in a chain':>12}{'A':>28}{'solve':>12}")
    for name, system in systems.items():
        times = []
        for _ in range(3):
            start = time.process_time()
            system.solve()
            times.append(time.process_time() - start)
        n = f"{system.shape[0]:,}"
        row = f"  {name:<12}{len(steps(system)) - 1:>8}{longest_chain(system):>12}{n + ' × ' + n:>28}"
        print(row + f"{1e3 * min(times):>9.1f} ms")
    print("\n  So many steps, of all, have to be solved one after the other.")


if __name__ == "__main__":
    main()
