"""A variational autoencoder: handwritten digits from random numbers.

The mathematics in words. A digit x is thought to come from a few hidden numbers z, drawn from the normal distribution:
a network, the decoder, turns z into the probability of ink for each of 64 pixels. Which z may have made a given x is
answered by a second network, the encoder: a mean μ(x) and a deviation σ(x) for each hidden number. Both are trained at
once, to raise a lower bound of log p(x), the evidence lower bound:

    ELBO = E log p(x | z) − KL(N(μ, σ²) ‖ N(0, 1)),      KL = ½ Σ (μ² + σ² − log σ² − 1)

The mean over z is estimated with one draw. So that it has a derivative, z is not drawn itself: ε is, from N(0, 1), and
z = μ + σ ε (the reparameterization). ε comes from an explicit generator and is a constant of the trace: in the matrix A
the row of μ has an identity block in the column of z, and the row of σ the diagonal block ε.

The gray of a pixel is taken as its probability of ink, as is usual, so the bound is one for such pixels.

Measured on the 360 test images, with the seeds as they stand here: an ELBO of −24.2 nats per image after 200 epochs,
which take 33 s of processor time. One probability for each pixel, the same for all images, gives −27.0; and no decoder
can give more than −13.7, as grays are not certain.

(Kingma and Welling, Auto-encoding variational Bayes, 2014; Rezende, Mohamed and Wierstra, 2014.)

Run: python examples/variational_autoencoder.py, or with --size full for the figures above
"""

from __future__ import annotations

import argparse
import time
from typing import NamedTuple

import numpy as np
from real_data import digit_art, load_digits

import adjoint
from adjoint import nn

SEED = 0
BATCH = 32
RATE = 2e-3


class Size(NamedTuple):
    """Hidden numbers, units of the layers, and epochs."""

    numbers: int
    hidden: int
    epochs: int


SIZES = {"small": Size(numbers=6, hidden=64, epochs=15), "full": Size(numbers=8, hidden=256, epochs=200)}


class Autoencoder(NamedTuple):
    """Images ``(n, 64)`` → ``μ`` and ``log σ²`` side by side; ``z`` ``(n, numbers)`` → logits of ink ``(n, 64)``."""

    encoder: nn.Sequential
    decoder: nn.Sequential
    numbers: int


def autoencoder(size: Size) -> Autoencoder:
    encoder = nn.Sequential(
        ("hidden", nn.Linear(size.hidden)),
        ("silu", "silu"),
        ("code", nn.Linear(2 * size.numbers, initializer="small_normal")),
    )
    decoder = nn.Sequential(("hidden", nn.Linear(size.hidden)), ("silu", "silu"), ("ink", nn.Linear(64)))
    return Autoencoder(encoder, decoder, size.numbers)


def initial(model: Autoencoder) -> dict:
    """Random weights of both networks."""
    rng = np.random.default_rng(SEED)
    return {
        "encoder": model.encoder.initialize(rng, (64,)).parameters,
        "decoder": model.decoder.initialize(rng, (model.numbers,)).parameters,
    }


def negative_elbo(model: Autoencoder):
    """The objective: minus the bound, the mean over the images."""

    def objective(parameters, x, *, rng):
        code = model.encoder(parameters["encoder"], x)
        mean = adjoint.name(code[:, : model.numbers], "mean")
        log_variance = adjoint.name(code[:, model.numbers :], "log_variance")
        epsilon = rng.standard_normal(mean.shape, np.float32)
        z = adjoint.name(mean + np.exp(log_variance / 2) * epsilon, "z")
        ink = model.decoder(parameters["decoder"], z)
        surprise = nn.functional.binary_cross_entropy_with_logits(ink, x, reduction="sum")
        divergence = np.sum(mean**2 + np.exp(log_variance) - log_variance - 1) / 2
        return (adjoint.name(surprise, "surprise") + adjoint.name(divergence, "divergence")) / len(x)

    return objective


def train(model: Autoencoder, x: np.ndarray, epochs: int, callbacks=()) -> nn.Fit:
    """Adam, with a rate that falls along half a cosine."""
    steps = epochs * -(-len(x) // BATCH)
    return nn.fit(
        None,
        negative_elbo(model),
        (x,),
        parameters=initial(model),
        optimizer=nn.Adam(nn.optimizers.CosineDecay(RATE, steps)),
        epochs=epochs,
        batch_size=BATCH,
        seed=SEED,
        callbacks=callbacks,
        progress=False,
    )


def elbo(model: Autoencoder, parameters, x: np.ndarray, draws: int = 20) -> float:
    """The bound, with the mean over several draws of ε."""
    rng, objective = np.random.default_rng(SEED), negative_elbo(model)
    return -float(np.mean([objective(parameters, x, rng=rng) for _ in range(draws)]))


def decoded(model: Autoencoder, parameters, z: np.ndarray) -> np.ndarray:
    """The probability of ink for each pixel, ``(n, 64)``."""
    return nn.functional.sigmoid(model.decoder(parameters["decoder"], z.astype(np.float32)))


def best_constant(x: np.ndarray, x_test: np.ndarray) -> float:
    """What to beat: ``log p`` of the test images if each pixel has one probability, its mean in the training images."""
    return log_likelihood(x.mean(axis=0), x_test)


def log_likelihood(p: np.ndarray, x: np.ndarray) -> float:
    """The mean over the images of ``Σ x log p + (1 − x) log(1 − p)``."""
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return float(np.mean(np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)))


def gallery(images: np.ndarray) -> str:
    """Images side by side, in rows of five."""
    rows = []
    for start in range(0, len(images), 5):
        rows += [
            "  " + "  ".join(lines).rstrip() for lines in zip(*map(digit_art, images[start : start + 5]), strict=True)
        ]
        rows.append("")
    return "\n".join(rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small", help="of networks and training")
    size = SIZES[parser.parse_args(arguments).size]
    data, model = load_digits(), autoencoder(size)
    x, x_test = data.x.astype(np.float32), data.x_test.astype(np.float32)
    print(f"  one probability for each pixel: {best_constant(x, x_test):.2f} nats per test image;")
    print(f"  each pixel's own gray, which no z can beat: {log_likelihood(x_test, x_test):.2f}\n")
    print(f"  {'epoch':>5}{'ELBO, training images':>24}")

    def show(moment: nn.Moment) -> None:
        if moment.epoch in (1, 2, 5, 10) or moment.epoch % 20 == 0:
            print(f"  {moment.epoch:>5}{-moment.row['loss']:>24.2f}")

    start = time.process_time()
    found = train(model, x, size.epochs, show)
    seconds = time.process_time() - start
    bound = elbo(model, found.parameters, x_test)
    print(f"  ELBO of the test images: {bound:.2f}. Training took {seconds:.0f} s of processor time.")

    mean = model.encoder(found.parameters["encoder"], x_test[:5])[:, : model.numbers]
    print("\nTest images, and what is left of them after the encoder's mean and the decoder\n")
    print(gallery(np.concatenate([x_test[:5], decoded(model, found.parameters, mean)])))
    z = np.random.default_rng(SEED).standard_normal((10, model.numbers))
    print("Digits that nobody wrote: decoded from normal random numbers\n")
    print(gallery(decoded(model, found.parameters, z)))

    tiny = autoencoder(Size(numbers=3, hidden=8, epochs=0))
    f = lambda parameters, x: negative_elbo(tiny)(parameters, x, rng=np.random.default_rng(SEED))
    system = adjoint.trace(f, initial(tiny), x[:2]).compile()
    first = next(node.number for node in system.trace.nodes() if node.operation != "input")
    print("The matrix of a small one with 3 hidden numbers and two images: the rows of its steps\n")
    print(adjoint.plot.text(system, nodes=(first, len(system)), width=50))
    print(adjoint.plot.kind_table(system))


if __name__ == "__main__":
    main()
