"""An adversarial digit: a faint change of the image makes the network read another one.

The mathematics in words. The multipliers of a network's system contain one for the *input*: λ_1 = ∂loss/∂x says for
each pixel whether brightening it makes the network more or less sure of the true digit. Move every pixel by the same
small amount ε in the direction that raises the loss, x ← x + ε sign(∂loss/∂x), and keep it within [0, 1]. To first
order, no other change of at most ε per pixel raises the loss as much. Repeat until another digit wins.

(Goodfellow, Shlens and Szegedy, Explaining and harnessing adversarial examples, 2015.)

Run: python examples/adversarial_digit.py
"""

from __future__ import annotations

import sys

import numpy as np
from real_data import Digits, digit_art, load_digits
from softmax_network import accuracy, initial_weights, network, predict, train

import adjoint


def trained_weights(data: Digits, epochs: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """The weights of the network of softmax_network.py."""
    *_, (_, _, w1, w2) = train(data, *initial_weights(hidden=64), epochs=epochs)
    return w1, w2


def pixel_multipliers(image, label, w1, w2) -> np.ndarray:
    """``λ_1 = ∂loss/∂x`` of one image."""
    system = adjoint.trace(network, image[None], label[None], w1, w2).compile()
    return system.solve()["x"][0]


def attack(image, label, w1, w2, *, step: float = 0.01, max_steps: int = 50) -> tuple[np.ndarray, int]:
    """Move along the sign of the gradient until the class flips; the new image and the number of steps."""
    x = image
    for taken in range(max_steps + 1):
        if predict(x[None], w1, w2).argmax() != label.argmax():
            return x, taken
        x = np.clip(x + step * np.sign(pixel_multipliers(x, label, w1, w2)), 0, 1)
    raise RuntimeError(f"the digit was still read as {label.argmax()} after {max_steps} steps of {step}")


def clear_image(data: Digits, w1, w2) -> int:
    """The test image of which the network is as sure as of the median of those that it reads correctly."""
    p = np.sum(predict(data.x_test, w1, w2) * data.labels_test, axis=1)
    order = np.argsort(np.where(p > 0.5, p, np.inf))[: int(np.sum(p > 0.5))]
    return int(order[len(order) // 2])


def probability_bars(before: np.ndarray, after: np.ndarray) -> list[str]:
    """One line per digit, with the probabilities before and after as numbers and bars."""
    lines = [f"  {'digit':>5}   {'before':<28}{'after'}"]
    for digit, pair in enumerate(zip(before, after, strict=True)):
        cells = [f"{p:6.1%} {'█' * round(16 * p)}".ljust(28) for p in pair]
        lines.append(f"  {digit:>5}   {''.join(cells)}".rstrip())
    return lines


def main() -> int:
    data = load_digits()
    w1, w2 = trained_weights(data)
    print(f"The network reads {accuracy(data.x_test, data.labels_test, w1, w2):.1%} of the test images correctly.\n")

    index = clear_image(data, w1, w2)
    image, label = data.x_test[index], data.labels_test[index]
    changed, steps = attack(image, label, w1, w2)
    before, after = predict(np.stack([image, changed]), w1, w2)

    print(f"  {'before: read as ' + str(before.argmax()):<24}{'after: read as ' + str(after.argmax()):<24}change × 5")
    for left, right, delta in zip(*(map(digit_art, (image, changed, 5 * np.abs(changed - image)))), strict=True):
        print(f"  {left:<24}{right:<24}{delta}")
    print("\n" + "\n".join(probability_bars(before, after)))
    print(
        f"\n  No pixel moved by more than {np.max(np.abs(changed - image)):.2f} of the way from white to black, in "
        f"{steps} steps\n  along the sign of λ_1 = ∂loss/∂x."
    )
    return 0 if before.argmax() == label.argmax() != after.argmax() else 1


if __name__ == "__main__":
    sys.exit(main())
