"""Gradients cut down before a step, against the rare batch that would throw the parameters far away."""

from __future__ import annotations

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.trees import Tree, map_leaves, norm


def clip_by_norm(gradients: Tree, most: float) -> Tree:
    """Gradients scaled down, all by one factor, to a Euclidean norm (over all leaves) of at most ``most``.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    algorithm 1.
    """
    _positive("most", most)
    length = norm(gradients)
    if not length > most:  # NaN stays as it is, to be seen
        return gradients
    factor = most / length
    return map_leaves(lambda slope: slope * np.asarray(slope).dtype.type(factor), gradients)


def clip_by_value(gradients: Tree, most: float) -> Tree:
    """Gradients whose entries are cut to ``[-most, most]``."""
    _positive("most", most)
    return map_leaves(lambda slope: np.clip(slope, -most, most), gradients)


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ArgumentError(f"{name} must be a positive number, not {value!r}")
