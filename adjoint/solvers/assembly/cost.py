"""What strategies on the assembled matrix expect to cost, from shapes alone.

The constants were measured on one core (2.6 GHz, NumPy 2.4, SciPy 1.17) with the plan at hand: the scalar program of
``benchmarks/compare_solvers.py --only scalar_program`` for what scalars cost, the network and the Brusselator for
blocks.
"""

from __future__ import annotations

import math

import numpy as np

from adjoint.errors import AssemblyTooLargeError, NotAcceptedError
from adjoint.system.assembly import BYTES_PER_NONZERO, format_bytes, memory_limit
from adjoint.system.solving import Prediction
from adjoint.system.structure import Structure

PER_SCALAR_ENTRY = 6e-9  # partials of scalars, evaluated many at a time
PER_BLOCK = 25e-6  # building a block and its coordinates in Python
PER_BLOCK_ENTRY = 2e-8  # its coordinates: indices, concatenation, comparison with the known pattern
BYTES_PER_ENTRY = 20  # a double, an index, and half of a temporary


def refuse(solver: str, structure: Structure, needed: int, max_bytes: int | None, *, implicit: bool = False) -> None:
    """Raise where coordinates do not exist or would not fit, and at implicit constraints of which no more is known."""
    limit = memory_limit() if max_bytes is None else max_bytes
    if needed > limit:
        raise AssemblyTooLargeError(
            f"'{solver}' would need about {format_bytes(needed)} for its matrix, more than the {format_bytes(limit)} "
            "allowed. 'back_substitution' needs no matrix."
        )
    structure.refuse_real_linear(solver)
    if implicit and structure.implicit:
        k = structure.implicit[0]
        raise NotAcceptedError(
            f"'{solver}' needs triangular diagonal blocks, and that of the implicit constraint z_{k + 1} = "
            f"{structure.names[k]}(…) may not be. 'back_substitution', 'superlu' and 'dense' take it."
        )


def sparse_bytes(structure: Structure) -> int:
    """What an assembly needs at its peak."""
    return structure.matrix_nonzeros * BYTES_PER_NONZERO


def assembly_seconds(structure: Structure) -> float:
    """Computing all numbers of ``A`` at one point, its pattern being known."""
    scalars = structure.sizes[structure.children] == 1
    scalars &= structure.nonzeros == 1
    blocks = structure.children.size - min(int(np.count_nonzero(scalars)), 2 * structure.scalar_nodes)
    entries = int(structure.nonzeros.sum())
    scalar_entries = structure.children.size - blocks
    return scalar_entries * PER_SCALAR_ENTRY + blocks * PER_BLOCK + (entries - scalar_entries) * PER_BLOCK_ENTRY


def prediction(
    structure: Structure,
    right_hand_sides: int,
    *,
    seconds_per_solve: float,
    depth: int,
    factor_seconds: float = 0.0,
    factor_multiplications: int = 0,
    fill_in: int = 0,
    dense: bool = False,
) -> Prediction:
    """A prediction for a matrix that is assembled, and then solved with once for all right-hand sides."""
    n = structure.unknowns
    stored = n * n if dense else structure.matrix_nonzeros + fill_in
    products = n * n // 2 if dense else stored - n
    return Prediction(
        factor_multiplications=factor_multiplications,
        solve_multiplications=products * right_hand_sides,
        memory=(8 if dense else BYTES_PER_ENTRY) * stored + 8 * n * right_hand_sides,
        depth=depth,
        fill_in=fill_in,
        seconds=assembly_seconds(structure) + factor_seconds + seconds_per_solve,
    )


def fill_of_blocks(structure: Structure) -> int:
    """Fill-in inside the diagonal blocks of implicit constraints, if all of them are dense."""
    return int(sum(math.prod((int(structure.sizes[k]),) * 2) for k in structure.implicit))
