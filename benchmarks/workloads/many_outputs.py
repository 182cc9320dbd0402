"""A Jacobian with many outputs: the same sweep for every one of them, or one sweep for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.harness import Size
from benchmarks.workloads.workload import Problem


def outputs(xp: Any, x: Any, *weights: Any) -> Any:
    """Layers ``tanh(w h)`` of small vectors."""
    for w in weights:
        x = xp.tanh(w @ x)
    return x


def problem(size: Size, m: int) -> Problem:
    """``m`` outputs of a few inputs, with as many right-hand sides."""
    width, depth = {"tiny": (3, 3), "quick": (16, 20), "full": (16, 20)}[size]
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(depth)]
    weights.append(rng.standard_normal((m, width)) / np.sqrt(width))
    title = f"{m} outputs of {depth} layers of {width}"
    return Problem(title, outputs, (rng.standard_normal(width),), tuple(weights), right_hand_sides=m)


def counts(size: Size) -> Sequence[int]:
    """Numbers of right-hand sides."""
    return (3,) if size == "tiny" else (50, 100, 200)
