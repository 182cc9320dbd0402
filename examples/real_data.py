"""The real data of the examples: handwritten digits and tumors from scikit-learn, and a text from Python itself.

All are split at random, with a fixed seed, into a part to train on and a part that is put aside for the test.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections import Counter
from typing import NamedTuple

import numpy as np


class Digits(NamedTuple):
    """Images ``(n, 64)`` with pixels in [0, 1], and labels ``(n, 10)`` with a 1 at the true digit."""

    x: np.ndarray
    labels: np.ndarray
    x_test: np.ndarray
    labels_test: np.ndarray


def require_demo_packages() -> None:
    """Leave with the command that helps, if scikit-learn or tqdm is missing."""
    try:
        import sklearn.datasets  # noqa: F401  # whether it is there is all that is asked
        import tqdm  # noqa: F401  # the same
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(str(error.name).split(".")[0], error.name)
        sys.exit(
            f"This example needs {package}, which is not installed for {sys.executable}.\n"
            'Either run `make demo`, which sets up everything in .venv, or install it: pip install "adjoint[demo]"\n'
            "(in a checkout: pip install -e '.[demo]')."
        )


def load_digits(seed: int = 0, test_size: int = 360) -> Digits:
    """The 1797 handwritten digits of the UCI repository, split at random into training and test."""
    require_demo_packages()
    from sklearn.datasets import load_digits as load

    bunch = load()
    x, labels = bunch.data / 16, np.eye(10)[bunch.target]
    order = np.random.default_rng(seed).permutation(len(x))
    test, training = order[:test_size], order[test_size:]
    return Digits(x[training], labels[training], x[test], labels[test])


def digit_art(image: np.ndarray) -> list[str]:
    """An image of 64 pixels as eight lines of text, 16 characters wide."""
    shades = " .:-=+*#%@"
    levels = np.clip(np.rint(image.reshape(8, 8) * (len(shades) - 1)), 0, len(shades) - 1).astype(int)
    return ["".join(2 * shades[level] for level in row) for row in levels]


class Tumors(NamedTuple):
    """Measurements ``(n, 30)`` in units of their standard deviation, and 1 for benign, 0 for malignant."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load_tumors(seed: int = 0, test_size: int = 169) -> Tumors:
    """scikit-learn's breast cancer data, split at random; scaled by what the training part shows."""
    require_demo_packages()
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    order = np.random.default_rng(seed).permutation(len(bunch.data))
    test, training = order[:test_size], order[test_size:]
    mean, deviation = bunch.data[training].mean(axis=0), bunch.data[training].std(axis=0)
    x = (bunch.data - mean) / deviation
    y = bunch.target.astype(float)
    return Tumors(x[training], y[training], x[test], y[test])


class Text(NamedTuple):
    """A text as numbers: ``training`` and ``test`` hold the places of their characters in ``alphabet``."""

    training: np.ndarray
    test: np.ndarray
    alphabet: str

    def written(self, tokens: np.ndarray) -> str:
        """The text of these numbers."""
        return "".join(self.alphabet[token] for token in np.asarray(tokens).ravel())


def load_text(seed: int = 0, test_share: float = 0.1) -> Text:
    """The help texts of Python's language reference, which every installation of CPython has.

    Paragraphs that recur are kept once. A tenth of them, drawn at random, is for the test: sentences that no model has
    read, though paragraphs on similar functions resemble each other. Characters that occur fewer than 20 times are all
    written as ``¤``.
    """
    try:
        topics = importlib.import_module("pydoc_data.topics").topics
    except ImportError:
        sys.exit(
            "This example reads the language reference in Python's own module pydoc_data.topics, which is missing in\n"
            f"{sys.executable}. CPython from python.org, pyenv, conda or Debian has it."
        )
    whole = "\n\n".join(topics[name] for name in sorted(topics))
    paragraphs = dict.fromkeys(part.strip("\n") for part in re.split(r"\n[ \t]*\n", whole))
    paragraphs = [part for part in paragraphs if part.strip()]
    counts = Counter(character for part in paragraphs for character in part)
    alphabet = "¤\n" + "".join(sorted(c for c, count in counts.items() if count >= 20 and c not in "¤\n"))
    numbers = {character: number for number, character in enumerate(alphabet)}
    order = np.random.default_rng(seed).permutation(len(paragraphs))
    held_out = set(order[: round(test_share * len(order))].tolist())
    parts = ([], [])
    for number, part in enumerate(paragraphs):
        parts[number in held_out].append(part)
    training, test = (np.array([numbers.get(c, 0) for c in "\n\n".join(each)], np.int64) for each in parts)
    return Text(training, test, alphabet)


def windows(tokens: np.ndarray, steps: int, start: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The text in pieces ``(n, steps)``, one behind the other, and in a second array the character after each."""
    count = (len(tokens) - 1 - start) // steps
    stop = start + count * steps
    return tokens[start:stop].reshape(count, steps), tokens[start + 1 : stop + 1].reshape(count, steps)
