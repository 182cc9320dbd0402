"""Optimizers by name, for configuration files and command lines."""

from __future__ import annotations

import difflib
from typing import Any

from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.methods import SGD, Adagrad, Adam, AdamW, RMSProp
from adjoint.nn.optimizers.optimizer import Optimizer

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSProp,
    "sgd": SGD,
}


def get(optimizer: str | Optimizer, **options: Any) -> Optimizer:
    """An optimizer by its name, with options; a value as it is.

    Raises
    ------
    ArgumentError
        For an unknown name; the message lists the known ones.
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    name = str(optimizer).lower()
    if name not in OPTIMIZERS:
        close = difflib.get_close_matches(name, OPTIMIZERS, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ArgumentError(f"no optimizer is named {optimizer!r}{hint}; there are: {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name](**options)
