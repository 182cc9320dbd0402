"""A two-layer softmax network on handwritten digits: its gradient is one triangular solve.

The mathematics in words. An image x (64 pixels) is multiplied by a matrix w1, bent by the logistic function σ,
multiplied by a second matrix w2, and turned by softmax into ten probabilities, one per digit. The loss is the mean of
−log(probability of the true digit). Written one step at a time, with z_1 = x, z_2 = labels, z_3 = w1, z_4 = w2:

    z_5 = z_1 z_3      z_6 = σ(z_5)      z_7 = z_6 z_4      z_8 = softmax(z_7)      z_9 = loss(z_8, z_2)

Each step is a constraint z_i = f_i(…). Minimizing z_9 under these constraints gives every constraint a Lagrange
multiplier λ_i, and the conditions for the multipliers are a linear system A λ = −s whose matrix is block upper
triangular: −I on the diagonal, the transposed local Jacobians (∂f_k/∂z_i)ᵀ in row i and column k above it. Its
solution is all derivatives at once: λ_i = ∂z_9/∂z_i. Solving from the last row to the first is backpropagation, but
any solver for such systems will do.

Run it with `make demo`, or with `python examples/softmax_network.py`; --help lists the options.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import report
from real_data import Digits, digit_art, load_digits, require_demo_packages

import adjoint
from adjoint import ConstraintSystem, Trace

WIDTH = 88
TARGET = 0.95
BATCH = 32
RATE = 0.5


# --- the network: plain NumPy ------------------------------------------------------------------------
# @adjoint.constraint makes each call of a function one line of the trace, instead of one per NumPy operation.


@adjoint.constraint
def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@adjoint.constraint
def softmax(z):
    weights = np.exp(z - z.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


@adjoint.constraint
def loss(p, labels):
    return -np.sum(labels * np.log(p)) / len(labels)


def network(x, labels, w1, w2):
    hidden = sigmoid(x @ w1)
    p = softmax(hidden @ w2)
    return loss(p, labels)


def predict(x, w1, w2):
    """The probabilities of the ten digits for each image, ``(n, 10)``."""
    return softmax(sigmoid(x @ w1) @ w2)


def accuracy(x, labels, w1, w2) -> float:
    """The share of images whose most probable digit is the true one."""
    return float(np.mean(predict(x, w1, w2).argmax(axis=1) == labels.argmax(axis=1)))


def initial_weights(hidden: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random weights of a size that keeps the products of order one."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((64, hidden)) / 8, rng.standard_normal((hidden, 10)) / np.sqrt(hidden)


# --- training ----------------------------------------------------------------------------------------


def train(
    data: Digits, w1, w2, *, epochs: int, batch: int = BATCH, rate: float = RATE, seed: int = 0
) -> Iterator[tuple[int, float, Any, Any]]:
    """Plain gradient descent on random minibatches; yields ``(epoch, mean loss, w1, w2)``."""
    loss_and_gradient = adjoint.value_and_grad(network, argnums=(2, 3))
    rng = np.random.default_rng(seed)
    for epoch in range(1, epochs + 1):
        losses = []
        order = rng.permutation(len(data.x))
        for start in range(0, len(order) - batch + 1, batch):
            chosen = order[start : start + batch]
            value, (w1_bar, w2_bar) = loss_and_gradient(data.x[chosen], data.labels[chosen], w1, w2)
            w1, w2 = w1 - rate * w1_bar, w2 - rate * w2_bar
            losses.append(float(value))
        yield epoch, float(np.mean(losses)), w1, w2


# --- the story, section by section -------------------------------------------------------------------


def section(number: int, title: str, text: str) -> None:
    print(f"\n{number}. {title}\n{'─' * WIDTH}\n{text}\n")


def show_data(data: Digits) -> None:
    section(
        1,
        "The data",
        "1797 digits written by hand, 8 × 8 pixels each (UCI repository, scikit-learn's copy).\n"
        f"{len(data.x)} of them are for training, {len(data.x_test)} are put aside for the test. The first four:",
    )
    for lines in zip(*(digit_art(image) for image in data.x[:4]), strict=True):
        print(("    " + "   ".join(lines)).rstrip())
    print(("    " + "   ".join(f"a {row.argmax()}".center(16) for row in data.labels[:4])).rstrip())


def show_trace(trace: Trace) -> None:
    section(
        2,
        "The trace: what happened when the function ran",
        "The network is the function `network` of this file: plain NumPy. adjoint ran it once, on\n"
        "16 images with 16 hidden units, and noted each step as a constraint z_i = f_i(earlier z's).\n"
        "On the left the step and the size of its value, on the right the line that took it:",
    )
    print("\n".join("  " + line for line in str(trace).splitlines()))


def show_matrix(system: ConstraintSystem) -> None:
    section(
        3,
        "The matrix: one row and one column per constraint",
        "How much does the loss z_9 change if some z_i is nudged? Call the answer λ_i. A nudge of\n"
        "z_i matters only through the steps that read z_i, so λ_i is a sum over their λ_k: one\n"
        "linear equation for each i. Together they are A λ = −s, where s is 1 for the loss and 0\n"
        "elsewhere. Row i, column k of A says how step k responds to z_i (the transposed Jacobian).\n"
        "Below the diagonal there is nothing, since no step reads a later one:",
    )
    print(report.picture(system))
    print("\n" + report.legend(system))
    print(
        "\nEach block is again a matrix, with one row per number in z_i and one column per number in\n"
        "z_k; but a structured one, which is applied without writing it out. Written out, it has:\n"
    )
    print(report.block_table(system))


def show_solvers(trace: Trace) -> bool:
    section(
        4,
        "The solve: any solver gives the gradient",
        "A is triangular, so λ_9 = 1 and each λ follows from the later ones: back substitution,\n"
        "which is backpropagation. It goes block by block and never forms A. The other strategies\n"
        "assemble A as an ordinary matrix and hand it to SciPy or LAPACK.",
    )
    rows, refusals = report.compare_solvers(trace)
    print(report.solver_table(rows, refusals))
    agree = max(row.difference for row in rows) < report.ROUNDING
    print(f"\n  All agree to rounding (the rounding unit of float64 is 1.1e-16): {'yes' if agree else 'NO'}.")
    print("\nThere is a multiplier for every step: for the weights, the images and all in between.\n")
    print(report.multiplier_table(trace))
    return agree


def show_taylor_test(*args: np.ndarray) -> bool:
    section(
        5,
        "The Taylor test: is it the right gradient?",
        "Take a step h in a random direction v. The loss f should change by h ∇f·v, up to a\n"
        "remainder that shrinks as h². So halving h must divide the remainder by 4. With a wrong\n"
        "gradient it would divide it only by 2. No formula for a derivative is involved:",
    )
    h, remainders = adjoint.testing.taylor_remainders(network, *args, steps=6)
    print(report.taylor_table(h, remainders))
    passed = bool(np.all(remainders[:-1] > 3.5 * remainders[1:]))
    print(f"\n  The remainder shrinks as h²: {'yes' if passed else 'NO'}.")
    return passed


def show_training(data: Digits, hidden: int, epochs: int) -> bool:
    from tqdm import tqdm

    section(
        6,
        "Training: gradient descent",
        f"{hidden} hidden units, minibatches of {BATCH} images. Each step records a new trace, solves for\n"
        f"λ_3 = ∂loss/∂w1 and λ_4 = ∂loss/∂w2, and moves the weights: w ← w − {RATE} λ.",
    )
    weights = trained = initial_weights(hidden)
    print(f"  {'epoch':>5}{'training loss':>16}{'test accuracy':>16}")
    print(f"  {0:>5}{network(data.x, data.labels, *weights):>16.4f}{accuracy(*data[2:], *weights):>16.1%}")
    start = time.perf_counter()
    # disable=None: a bar on a terminal, none in a file. The lines are printed in both.
    with tqdm(total=epochs, disable=None, leave=False, desc="  training", unit="epoch", ncols=WIDTH) as bar:
        for epoch, mean_loss, *trained in train(data, *weights, epochs=epochs):
            score = accuracy(data.x_test, data.labels_test, *trained)
            bar.set_postfix(loss=f"{mean_loss:.4f}", accuracy=f"{score:.1%}", refresh=False)
            bar.update()
            if epoch in (1, 2, 5) or epoch % 10 == 0 or epoch == epochs:
                bar.write(f"  {epoch:>5}{mean_loss:>16.4f}{score:>16.1%}")
    seconds = time.perf_counter() - start
    reached = accuracy(data.x_test, data.labels_test, *trained)
    wrong = round((1 - reached) * len(data.x_test))
    verdict = f"{'Reached' if reached >= TARGET else 'MISSED'} the {TARGET:.0%} that were asked for"
    print(
        f"\n  {verdict}: {reached:.1%} after {seconds:.1f} s,\n"
        f"  {wrong} of {len(data.x_test)} images that the network had never seen are misread."
    )
    return reached >= TARGET


def show_next_steps() -> None:
    executable = os.path.relpath(sys.executable)
    python = "python" if executable.startswith("..") else executable
    section(7, "What to try next", "From the folder that holds the Makefile:")
    for command, what in (
        (f"{python} examples/textbook.py", "the same on paper-sized functions"),
        (f"{python} examples/adversarial_digit.py", "fool this network: λ_1, the gradient of x"),
        (f"{python} examples/logistic_regression.py", "second derivatives for an optimizer"),
        (f"{python} examples/inverse_problem.py", "differentiate a simulation"),
        (f"{python} examples/report.py", "these tables for a function of yours"),
        ("make test", "check everything on this machine"),
    ):
        print(f"  {command:<50}{what}")
    print("\n  To read on: docs/learn.md, then docs/mathematics.md.")
    print("\n  In Python, on a function of your own:\n")
    print("    import adjoint, numpy as np")
    print("    adjoint.grad(lambda x: np.sum(np.sin(x) ** 2))(np.array([1.0, 2.0]))")
    print("\n  Then open examples/softmax_network.py and change the network: NumPy is all you need.")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=40, help="passes over the training images (40)")
    parser.add_argument("--hidden", type=int, default=64, help="hidden units of the trained network (64)")
    parser.add_argument("--quick", action="store_true", help="15 epochs are enough")
    options = parser.parse_args(arguments)
    require_demo_packages()
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without λ and σ shows ? instead of failing

    title = "adjoint: every gradient is one sparse triangular solve"
    print(f"\n{title}\n{'═' * WIDTH}")
    print(
        "A network learns by asking, for each of its weights, which way to nudge it so that the\n"
        "error falls: the gradient. Here a network with two layers learns to read handwritten\n"
        "digits, and you can watch where its gradient comes from."
    )
    data = load_digits()
    show_data(data)
    small = (data.x[:16], data.labels[:16], *initial_weights(hidden=16))
    trace = adjoint.trace(network, *small)
    show_trace(trace)
    show_matrix(trace.compile())
    agree = show_solvers(trace)
    right = show_taylor_test(*small)
    reached = show_training(data, options.hidden, 15 if options.quick else options.epochs)
    show_next_steps()
    return 0 if agree and right and reached else 1


if __name__ == "__main__":
    sys.exit(main())
