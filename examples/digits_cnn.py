"""A convolutional network that reads handwritten digits, and the blocks that its layers are.

The mathematics in words. An image of 8 × 8 pixels goes through three convolutions: each output pixel is a weighted sum
of a 3 × 3 window, with the same weights at every place. Between them negative values become zero (relu) and each square
of four pixels becomes its largest (max pooling); a product with a matrix makes ten scores, one per digit. The loss is
the mean of −log(softmax of the scores at the true digit). Each of these is one constraint z_k = f_k(…), so the network
is a matrix with some twenty rows of blocks: a convolution with respect to its image and with respect to its weights,
a diagonal of zeros and ones for relu, a gather for the pool, a contraction for the last product. Its multipliers in the
rows of the weights are the gradient, and Adam moves the weights against it.

To see more digits than there are, each training image is moved by up to one pixel in each direction, at random, every
time that it is used. The test images are left alone; nothing is chosen by them. In the end each of them is changed a
little along the sign of λ_x, the multiplier of the image, which shows how far the accuracy can be trusted.

Measured, with the seeds as they stand here: after 40 epochs 99.17% of the 360 test images are read
correctly (all but 3). Training takes 26 s of processor time on one core.

Run: python examples/digits_cnn.py, or with --size full for the accuracy above
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from real_data import load_digits

import adjoint
from adjoint import nn

EPOCHS = {"small": 3, "full": 40}
BATCH = 32
RATE = 2e-3
SEED = 0

MODEL = nn.Sequential(
    ("conv1", nn.Conv2d(16, 3, padding="same")),
    ("relu1", "relu"),
    ("conv2", nn.Conv2d(32, 3, padding="same")),
    ("relu2", "relu"),
    ("pool2", nn.MaxPool2d(2)),
    ("conv3", nn.Conv2d(64, 3, padding="same")),
    ("relu3", "relu"),
    ("pool3", nn.MaxPool2d(2)),
    ("flat", nn.Flatten()),
    ("dropout", nn.Dropout(0.3)),
    ("scores", nn.Linear(10)),
)

Images = tuple[np.ndarray, np.ndarray]
"""Images ``(n, 1, 8, 8)`` and labels ``(n,)``."""


def images() -> tuple[Images, Images]:
    """For training and for the test."""
    data = load_digits()
    return tuple(
        (x.reshape(-1, 1, 8, 8).astype(np.float32), labels.argmax(axis=1))
        for x, labels in ((data.x, data.labels), (data.x_test, data.labels_test))
    )


def moved(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by −1, 0 or 1 pixels in each direction; what comes in is black."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    down, right = rng.integers(0, 3, (2, len(x)))
    rows, columns = down[:, None] + np.arange(8), right[:, None] + np.arange(8)
    return padded[np.arange(len(x))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def batches(x: np.ndarray, labels: np.ndarray) -> Callable[[int], Iterator[Images]]:
    """``epoch → its batches``: all images in a new order, each moved."""

    def of_epoch(epoch: int) -> Iterator[Images]:
        rng = np.random.default_rng((SEED, epoch))
        order = rng.permutation(len(x))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            yield moved(x[chosen], rng), labels[chosen]

    return of_epoch


def train(data: Images, epochs: int, callbacks=()) -> nn.Fit:
    """Adam, with a rate that falls along half a cosine."""
    steps = epochs * -(-len(data[0]) // BATCH)
    return nn.fit(
        MODEL,
        "cross_entropy",
        batches(*data),
        optimizer=nn.Adam(nn.optimizers.CosineDecay(RATE, steps)),
        epochs=epochs,
        seed=SEED,
        callbacks=callbacks,
        progress=False,
    )


def loss(parameters, x, labels):
    return nn.functional.cross_entropy(MODEL(parameters, x), labels)


def confusions(parameters, x: np.ndarray, labels: np.ndarray) -> list[str]:
    """The misread images as ``"8 read as 1"``."""
    read = nn.predict(MODEL, parameters, x).argmax(axis=1)
    return [f"{true} read as {found}" for true, found in zip(labels, read, strict=True) if true != found]


def attacked(parameters, x: np.ndarray, labels: np.ndarray, step: float) -> np.ndarray:
    """Images moved along the sign of ``λ_x = ∂loss/∂x``, and kept within black and white."""
    x_bar = adjoint.grad(loss, argnums=1)(parameters, x, labels)
    return np.clip(x + np.float32(step) * np.sign(x_bar), 0, 1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=EPOCHS, default="small", help="of the training")
    epochs = EPOCHS[parser.parse_args(arguments).size]

    training, test = images()
    print(f"{len(training[0])} images for training, {len(test[0])} for the test\n")
    print(nn.summary(MODEL, (1, 8, 8)), end="\n\n")

    start = time.process_time()
    print(f"  {'epoch':>5}{'training loss':>16}{'|gradient|':>14}")

    def show(moment: nn.Moment) -> None:
        if moment.epoch in (1, 2, 3, 5) or moment.epoch % 10 == 0:
            print(f"  {moment.epoch:>5}{moment.row['loss']:>16.4f}{moment.row['gradient_norm']:>14.4f}")

    found = train(training, epochs, show)
    seconds = time.process_time() - start
    score = nn.evaluate(MODEL, found.parameters, test, metrics="accuracy")["accuracy"]
    wrong = confusions(found.parameters, *test)
    print(f"\n  Test accuracy {score:.2%}, {len(wrong)} of {len(test[0])} images are misread.", end=" ")
    print(f"Training took {seconds:.0f} s of processor time.")
    if len(wrong) < 12:
        print(f"  {', '.join(wrong)}")

    print("\n  Accuracy when every pixel moves by so much (of 1, from black to white) to where the loss rises:")
    for step in (0.05, 0.1, 0.2):
        share = nn.accuracy(MODEL(found.parameters, attacked(found.parameters, *test, step)), test[1])
        print(f"    {step:<6}{share:.1%}")

    print("\nThe matrix of the loss of one image: rows are z_i, columns the constraints that read it\n")
    system = adjoint.trace(loss, found.parameters, training[0][:1], training[1][:1]).compile()
    print(adjoint.plot.text(system, width=44), adjoint.plot.kind_table(system), sep="\n\n")


if __name__ == "__main__":
    main()
