"""What an optimizer is: an immutable value that maps gradients, state and parameters to new parameters and state.

All of them share one loop over the leaves. A method is what it keeps for a leaf, and what it does with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.optimizers.schedules import Schedule, as_schedule
from adjoint.nn.optimizers.trees import Tree, leaves_of, map_leaves
from adjoint.tracing import flatten

State = dict[str, Any]
"""``{"step": number of updates so far, name: pytree like the parameters, …}``: plain data, for checkpoints."""


class Optimizer(ABC):
    """The interface: :meth:`initialize` once, :meth:`update` at every step.

    Attributes
    ----------
    learning_rate : float or callable
        A number, or a schedule ``step → rate`` with steps counted from 0.
    """

    __slots__ = ()
    keeps: ClassVar[Sequence[str]] = ()
    """Names of what is kept for every leaf, in arrays like it that begin as zeros."""
    learning_rate: float | Schedule

    def initialize(self, parameters: Tree) -> State:
        """The state before the first step."""
        for x in leaves_of(parameters):
            if np.asarray(x).dtype.kind != "f":
                raise ArgumentError(f"an optimizer moves arrays of real numbers, not of {np.asarray(x).dtype}")
        return {"step": 0, **{name: map_leaves(np.zeros_like, parameters) for name in self.keeps}}

    def update(self, gradients: Tree, state: State, parameters: Tree) -> tuple[Tree, State]:
        """One step.

        Parameters
        ----------
        gradients, parameters : pytrees of one structure
        state : dict
            As :meth:`initialize` or the previous step returned it.

        Returns
        -------
        parameters, state
            New ones; those that were given are left as they are.

        Raises
        ------
        ArgumentError
            If structure or shapes differ.
        """
        leaves, spec = flatten(parameters)
        slopes, given = flatten(gradients)
        leaves, slopes = [np.asarray(x) for x in leaves], [np.asarray(x) for x in slopes]
        if spec != given:
            raise ArgumentError(f"the gradients have the structure {given}, and the parameters {spec}")
        kept = [leaves_of(state[name]) for name in self.keeps]
        step = state["step"]
        rate = as_schedule(self.learning_rate)(step)
        moved, fresh = [], []
        for x, slope, *memory in zip(leaves, slopes, *kept, strict=True):
            if np.shape(slope) != np.shape(x):
                raise ArgumentError(f"a gradient of shape {np.shape(slope)} for a parameter of shape {np.shape(x)}")
            change, memory = self._change(slope, memory, x, rate, step)
            moved.append((x + change).astype(x.dtype, copy=False))
            fresh.append(memory)
        columns = zip(*fresh, strict=True) if fresh else ([] for _ in self.keeps)
        memories = {name: spec.unflatten(list(column)) for name, column in zip(self.keeps, columns, strict=True)}
        return spec.unflatten(moved), {"step": step + 1, **memories}

    @abstractmethod
    def _change(
        self, slope: np.ndarray, memory: Sequence[np.ndarray], x: np.ndarray, rate: float, step: int
    ) -> tuple[np.ndarray, Sequence[np.ndarray]]:
        """What is added to one leaf, and what is kept for it."""
