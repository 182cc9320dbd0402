"""One factor, many answers: gradients of every output, and selected columns of ``−A⁻¹``, in one batched solve each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.errors import SeedError
from adjoint.system.multipliers import Multipliers

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


def gradients(system: ConstraintSystem, solver: Any = None) -> Any:
    """The multipliers of each leaf of the output, in a pytree like the output; see ``ConstraintSystem.gradients``."""
    nodes = [out if isinstance(out, int) else None for out in system.trace.outputs]
    shapes = [np.shape(out[0] if isinstance(out, tuple) else system.values[out]) for out in system.trace.outputs]
    return system.trace.output_spec.unflatten(_unit_solves(system, nodes, shapes, solver))


def inverse_columns(system: ConstraintSystem, nodes: Any, solver: Any = None) -> Any:
    """``∂z_k/∂z_i`` for the nodes ``k`` asked for and all ``i``; see ``ConstraintSystem.inverse_columns``."""
    single = isinstance(nodes, (int, np.integer, str))
    asked: list[Any] = [nodes] if single else list(nodes)
    places = [node_index(system, one) for one in asked]
    for k in places:
        if not system.is_active(k):
            raise SeedError(
                f"z_{k + 1} = {system.primitives[k].name}(…) has no multiplier: no derivative reaches its value, so "
                "A has no column for it"
            )
    found = _unit_solves(system, places, [system.values[k].shape for k in places], solver)
    return found[0] if single else dict(zip(asked, found, strict=True))


def node_index(system: ConstraintSystem, key: int | str) -> int:
    """A node (0-based) by its number from 1, or by name."""
    number = system.trace.find(key) if isinstance(key, str) else int(key)
    if not 1 <= number <= len(system):
        raise IndexError(f"the system has the nodes z_1 … z_{len(system)}, not z_{number}")
    return number - 1


def _unit_solves(
    system: ConstraintSystem, nodes: Sequence[int | None], shapes: Sequence[tuple[int, ...]], solver: Any
) -> list[Multipliers]:
    """For each node the multipliers with every unit vector as seed; all unit vectors go through one solve."""
    live = [k if k is not None and system.is_active(k) else None for k in nodes]
    sizes = [0 if k is None else math.prod(shape) for k, shape in zip(live, shapes, strict=True)]
    ends = np.cumsum(sizes, dtype=int)
    total = sum(sizes)
    seeds: dict[int, np.ndarray] = {}
    for k, end, size in zip(live, ends, sizes, strict=True):
        if k is not None:
            flat = seeds.setdefault(k, np.zeros((total, size), system.values[k].dtype))
            flat[end - size : end] = np.eye(size, dtype=flat.dtype)
    rows = [(k, flat.reshape((total, *system.values[k].shape))) for k, flat in seeds.items()]
    found = system.factorize(solver).solve(rows)
    answers = []
    for k, end, size, shape in zip(live, ends, sizes, shapes, strict=True):
        if k is None:  # a constant, or discrete values: nothing moves it
            answers.append(Multipliers(system, [None] * len(system), [], shape))
            continue
        part = slice(int(end) - size, int(end))
        split = [None if x is None else x[part].reshape(shape + system.values[i].shape) for i, x in enumerate(found)]
        unit = np.eye(size, dtype=system.values[k].dtype).reshape(shape + shape)
        answers.append(Multipliers(system, split, [(k, unit)], shape))
    return answers
