"""Random numbers of a training: one seed, and streams that do not depend on what was drawn before."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import ArgumentError

INITIAL, ORDER, DRAWS = range(3)
"""What a stream is for: initial parameters, the order of the examples, and what the model draws (dropout)."""


def stream(seed: int, purpose: int, epoch: int = 0) -> np.random.Generator:
    """The generator of one purpose in one epoch: the same after a resume as without."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(purpose, epoch))))


def checked_seed(seed: Any) -> int:
    """A seed as a whole number from 0 up."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ArgumentError(f"seed is a whole number from 0 up, not {seed!r:.60}")
    return int(seed)
