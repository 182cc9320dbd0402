"""Recurrent networks that write: a plain one and an LSTM learn Python's language reference, character by character.

The mathematics in words. A network reads a text, one character x_t after the other, and keeps a state h_t of what it
has read. After each character it gives every character of the alphabet a probability of being the next. The plain
network has h_t = tanh(x_t W + h_{t−1} U + b). The LSTM has a second state c_t, to which it adds what an input gate lets
in and from which it loses what a forget gate does not hold, and shows h_t = σ(o) tanh(c_t). The loss is the mean of
−log₂(probability of the true next character): how many bits a character takes.

The weights are the same at every step, and so each of them is one row of the matrix A, with a block in the column of
every step: unrolled over 64 steps, the row of U has 64 blocks. Its multiplier λ_U = ∂loss/∂U is the sum of 64 products.
From step to step the multiplier of the state is multiplied by Uᵀ and by slopes of tanh, which makes it vanish (or
explode); in the LSTM it also goes from c_t to c_{t−1} by a diagonal block, the forget gate, and no weight.

The text is the help on the language in Python's pydoc_data.topics; a tenth of its paragraphs is put aside for the test.
Measured there after ten epochs, in bits per character, with the seeds as they stand here and the text of Python 3.11:
2.20 by the plain network (48 s of processor time) and 1.94 by the LSTM (136 s). Counting single characters gives 4.73,
pairs 3.57, triples 2.62. Over 32 steps the multiplier of the state shrinks to 6e-4 in the first, to 2e-2 in the second.

Run: python examples/character_lstm.py, or with --size full for the figures above; --picture FILE draws the matrix
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from real_data import Text, load_text, windows

import adjoint
from adjoint import nn

SEED = 0


class Size(NamedTuple):
    """Of the network and its training; ``characters`` of the text are used."""

    features: int
    hidden: int
    steps: int
    batch: int
    epochs: int
    characters: int
    rate: float


SIZES = {
    "small": Size(features=16, hidden=32, steps=32, batch=32, epochs=2, characters=60_000, rate=1e-2),
    "full": Size(features=32, hidden=128, steps=64, batch=32, epochs=10, characters=10**9, rate=4e-3),
}


# --- what to beat: counting ---------------------------------------------------------------------------


def counted_bits(text: Text, context: int) -> float:
    """Bits per character of the test text, from how often each character followed the ``context`` before it.

    To every count a constant is added, the one of several that suits the test text best.
    """
    size = len(text.alphabet)

    def places(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        before = np.zeros(len(tokens) - context, np.int64)
        for k in range(context):
            before = before * size + tokens[k : k + len(before)]
        return before, tokens[context:]

    counts = np.zeros((size**context, size))
    np.add.at(counts, places(text.training), 1)
    before, after = places(text.test)
    chosen, total = counts[before, after], counts.sum(axis=1)[before]
    return min(float(-np.mean(np.log2((chosen + a) / (total + a * size)))) for a in (1, 0.3, 0.1, 0.03, 0.01))


# --- the networks -------------------------------------------------------------------------------------


def model_of(kind: str, text: Text, size: Size) -> nn.Sequential:
    """``"rnn"`` or ``"lstm"``: characters ``(n, steps)`` → logits of the next ones ``(n, steps, alphabet)``."""
    recurrent = {"rnn": nn.RNN, "lstm": nn.LSTM}[kind](size.hidden, return_sequences=True)
    return nn.Sequential(
        ("embedding", nn.Embedding(len(text.alphabet), size.features)),
        (kind, recurrent),
        ("logits", nn.Linear(len(text.alphabet))),
    )


def batches(tokens: np.ndarray, size: Size) -> Callable[[int], Iterator[tuple[np.ndarray, np.ndarray]]]:
    """``epoch → its batches``: the text cut into pieces at other places in each epoch, in a new order."""

    def of_epoch(epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rng = np.random.default_rng((SEED, epoch))
        x, y = windows(tokens, size.steps, start=int(rng.integers(size.steps)))
        order = rng.permutation(len(x))
        for first in range(0, len(order) - size.batch + 1, size.batch):
            chosen = order[first : first + size.batch]
            yield x[chosen], y[chosen]

    return of_epoch


def train(model: nn.Sequential, text: Text, size: Size, callbacks=()) -> nn.Fit:
    """Adam with gradients clipped to norm 1, and a rate that falls along half a cosine; gates bear twice as much."""
    tokens = text.training[: size.characters]
    steps = size.epochs * (len(tokens) // (size.steps * size.batch))
    x, _ = windows(tokens, size.steps)
    initial = model.initialize(np.random.default_rng(SEED), x.shape[1:])
    rate = 2 * size.rate if "lstm" in model.names else size.rate
    return nn.fit(
        model,
        "cross_entropy",
        batches(tokens, size),
        parameters=initial.parameters,
        optimizer=nn.Adam(nn.optimizers.CosineDecay(rate, steps)),
        epochs=size.epochs,
        clip_norm=1.0,
        callbacks=callbacks,
        progress=False,
    )


def bits(model: nn.Layer, parameters, tokens: np.ndarray, steps: int) -> float:
    """Bits per character, read in pieces of ``steps``; at the beginning of each the network knows nothing."""
    return nn.evaluate(model, parameters, windows(tokens, steps), "cross_entropy", batch_size=64)["loss"] / np.log(2)


def draw(logits: np.ndarray, rng: np.random.Generator, temperature: float) -> int:
    """A character by its probability; a low temperature prefers the probable ones."""
    z = np.asarray(logits, float) / temperature
    p = np.exp(z - z.max())
    return int(rng.choice(len(p), p=p / p.sum()))


def sample(model: nn.Sequential, parameters, text: Text, beginning: str, length: int, temperature=0.6) -> str:
    """What the network writes after ``beginning``: each character is drawn, and read as the next input."""
    rng = np.random.default_rng(SEED)
    (embedding, _), (recurrent, layer), (_, linear) = zip(model.names, model.parts, strict=True)
    tokens, carry = [text.alphabet.index(c) for c in beginning], None
    for place in range(len(tokens) + length - 1):
        x = parameters[embedding]["weight"][tokens[place : place + 1]]
        h, carry = layer.step(parameters[recurrent], x, carry)
        if place == len(tokens) - 1:
            tokens.append(draw(linear(parameters["logits"], h)[0], rng, temperature))
    return text.written(np.array(tokens))


# --- the matrix ---------------------------------------------------------------------------------------


def unrolled(model: nn.Sequential, parameters, x: np.ndarray, y: np.ndarray) -> adjoint.ConstraintSystem:
    """The system of the loss of the last step of pieces ``x`` ``(n, steps)``."""

    def loss(parameters):
        return nn.functional.cross_entropy(model(parameters, x)[:, -1], y[:, -1])

    return adjoint.trace(loss, parameters).compile()


def blocks_of(system: adjoint.ConstraintSystem, label: str) -> int:
    """How many blocks the row of a weight has, right of the diagonal."""
    row = next(number for number, name in system.trace.labels().items() if name == label) + 1
    return sum(i == row != k for i, k in system.blocks())


def reach(system: adjoint.ConstraintSystem) -> np.ndarray:
    """``|∂(loss of the last step)/∂(state after step t)|`` for each ``t``: of ``h_t``, and of ``c_t`` in an LSTM."""
    multipliers = system.solve()
    states = [node.number for node in system.trace.nodes() if node.operation in ("tanh", "lstm_cell")]
    return np.array([np.linalg.norm(multipliers[number]) for number in states])


def show_matrix(kind: str, text: Text, picture: str | None) -> None:
    """Of a network small enough to see its entries."""
    size = Size(features=4, hidden=4, steps=8, batch=1, epochs=0, characters=0, rate=0.0)
    model = model_of(kind, text, size)
    x, y = windows(text.test, size.steps)
    parameters = model.initialize(np.random.default_rng(SEED), (size.steps,)).parameters
    system = unrolled(model, parameters, x[:1], y[:1])
    numbers = {n.operation: n.number for n in reversed(list(system.trace.nodes()))}
    count = blocks_of(system, f"parameters['{kind}']['hidden_weight']")
    print(f"\nThe matrix of an {kind.upper()} with 4 hidden units, unrolled over 8 steps: the rows of its steps.")
    print(f"The weight from state to state has one row, with {count} blocks.\n")
    print(adjoint.plot.text(system, nodes=(numbers["recurrence"], numbers["stack"] - 1), width=50))
    print(adjoint.plot.kind_table(system))
    if picture:
        adjoint.plot.spy(system, fold=20).figure.savefig(picture)
        print(f"\nFolded, step by step: {picture}")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small", help="of networks and training")
    parser.add_argument("--picture", metavar="FILE", help="draw the folded matrix of the LSTM")
    options = parser.parse_args(arguments)
    size, text = SIZES[options.size], load_text()
    used = min(size.characters, len(text.training))
    print(f"{used:,} characters for training, {len(text.test):,} for the test, {len(text.alphabet)} different ones\n")
    print("  bits per character of the test text, by counting")
    for context, name in enumerate(("single characters", "pairs", "triples")):
        print(f"    {name:<24}{counted_bits(text, context):.3f}")

    distances = [d for d in (1, 2, 4, 8, 16, 32) if d < size.steps]
    x, y = windows(text.test, size.steps)
    reached = {}
    for kind in ("rnn", "lstm"):
        model, start = model_of(kind, text, size), time.process_time()
        print(f"\n  {kind.upper()} with {size.hidden} hidden units: bits per character")
        print(f"    {'epoch':>5}{'training':>12}")
        found = train(model, text, size, lambda m: print(f"    {m.epoch:>5}{m.row['loss'] / np.log(2):>12.3f}"))
        seconds = time.process_time() - start
        score = bits(model, found.parameters, text.test, size.steps)
        print(f"    test {score:>12.3f}, after {seconds:.0f} s of processor time. It writes:\n")
        for line in sample(model, found.parameters, text, "The ", 300).splitlines():
            print(f"      | {line[:90]}".rstrip())
        lengths = reach(unrolled(model, found.parameters, x[:64], y[:64]))
        reached[kind] = [lengths[-1 - d] / lengths[-1] for d in distances]

    print("\n  How far back the loss of a step reaches: |λ| of the state so many steps before, over the last")
    print(f"    {'steps before':<14}" + "".join(f"{d:>10}" for d in distances))
    for kind, values in reached.items():
        print(f"    {kind.upper():<14}" + "".join(f"{value:>10.1e}" for value in values))
    show_matrix("lstm", text, options.picture)


if __name__ == "__main__":
    main()
