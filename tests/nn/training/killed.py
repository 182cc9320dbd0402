"""Trainings that are killed, in a process of its own: ``python killed.py folder kills``.

It imports once, and forks a child for each training. The parent kills the child with SIGKILL a random moment after it
has written something, again and again, and then lets one go on to the end. What is printed: how many were killed while
they ran, in how many different places, the digest of what came out, and the digest of one that was left alone.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from adjoint import nn
from tests.nn.training.programs import bits, examples, network, start, state


def train(folder):
    return nn.fit(
        network,
        "cross_entropy",
        examples(),
        validation=examples(20, seed=2),
        parameters=start(),
        state=state(),
        epochs=6,
        batch_size=8,
        metrics="accuracy",
        optimizer=nn.Adam(0.01),
        early_stopping=nn.EarlyStopping(patience=100, restore_best=False),
        checkpoint=None if folder is None else nn.Checkpoints(folder, batches=1),
    )


def digest(found):
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in found.history.rows()]
    everything = [bits(found.parameters), bits(found.state), found.best._replace(parameters=0, state=0), rows]
    everything += [bits(found.best.parameters), found.history.losses]
    return hashlib.sha256(repr(everything).encode()).hexdigest()


def newest(folder):
    return max((each.name for each in folder.glob("*.npz")), default="")


def kill_one(folder, wait):
    """The newest checkpoint when a child was killed; ``None`` if it came to its end before."""
    before = newest(folder)
    child = os.fork()
    if not child:
        status = 1
        try:
            train(folder)
            status = 0
        finally:
            os._exit(status)
    until = time.monotonic() + 30
    ended = 0
    while newest(folder) == before and not ended and time.monotonic() < until:
        time.sleep(0.0005)
        ended, _ = os.waitpid(child, os.WNOHANG)
    if not ended:
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return newest(folder)
    return None


def main(folder, kills):
    draw = random.Random(0)
    folder.mkdir()
    places = [kill_one(folder, draw.uniform(0, 0.02)) for _ in range(kills)]
    places = [place for place in places if place]
    print(len(places), len(set(places)))
    print(digest(train(folder)))
    print(digest(train(None)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
