"""``--seed``: how much each output entry counts in the objective."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from adjoint.command.failures import UsageError
from adjoint.system import ConstraintSystem


def seed(system: ConstraintSystem, text: str) -> Any:
    """A right-hand side like the output.

    Parameters
    ----------
    system : ConstraintSystem
    text : str
        ``"ones"``, ``"random"``, ``"entry:K"`` or a ``.npy`` file.

    Raises
    ------
    UsageError
        If it is none of them, or does not fit the output.
    """
    outputs = [np.asarray(out[0] if isinstance(out, tuple) else system.value(out)) for out in system.trace.outputs]
    dtypes = [value.dtype if value.dtype.kind in "fc" else np.dtype(float) for value in outputs]
    entries = sum(value.size for value in outputs)
    if text == "ones":
        flat = np.ones(entries)
    elif text == "random":
        flat = np.random.default_rng(0).standard_normal(entries)
    elif text.startswith("entry:"):
        flat = np.zeros(entries)
        flat[_place(text, entries)] = 1
    elif Path(text).suffix == ".npy":
        flat = _loaded(text, outputs)
    else:
        raise UsageError(f"--seed is ones, random, entry:K or a .npy file, not {text!r}")
    leaves, begin = [], 0
    for value, dtype in zip(outputs, dtypes, strict=True):
        leaves.append(flat[begin : begin + value.size].reshape(value.shape).astype(dtype))
        begin += value.size
    return system.trace.output_spec.unflatten(leaves)


def _place(text: str, entries: int) -> int:
    try:
        place = int(text.removeprefix("entry:"))
    except ValueError:
        raise UsageError(f"--seed {text}: K is the number of an output entry, from 0") from None
    if not 0 <= place < entries:
        raise UsageError(f"--seed {text}: the output has the entries 0 to {entries - 1}")
    return place


def _loaded(text: str, outputs: list[np.ndarray]) -> np.ndarray:
    try:
        loaded = np.load(text, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UsageError(f"--seed {text} cannot be read: {error}") from error
    if len(outputs) != 1 or loaded.shape != outputs[0].shape:
        shapes = ", ".join(str(value.shape) for value in outputs)
        raise UsageError(f"--seed {text} has shape {loaded.shape}, and the output {shapes}")
    return np.ravel(loaded)
