"""Assembling the scalar matrix ``A`` of a system: coordinates of all blocks, in one concatenation.

Nodes whose values are scalars are the many-node case (10⁵–10⁷ of them): nodes of one elementwise primitive
are stacked and their partials evaluated in one NumPy call. All other blocks give their own coordinates.
No Python loop runs over nonzeros.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from adjoint.blocks import Array, Block, Zero
from adjoint.blocks.conjugation import refuse_matrix
from adjoint.blocks.kernels import conjugate
from adjoint.errors import AdjointError, AssemblyTooLargeError
from adjoint.system.solving import note_where
from adjoint.tracing import INPUT, Tracer

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem

BYTES_PER_NONZERO = 56
"""Coordinates, their concatenation and the compressed result, at the peak."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """``A`` as coordinates over the flattened multipliers; repeated coordinates add up.

    Attributes
    ----------
    rows, columns : int arrays (nnz,)
    data : array (nnz,)
        May be traced; then only the pattern is concrete.
    size : int
        ``A`` has shape ``(size, size)``.
    """

    rows: np.ndarray
    columns: np.ndarray
    data: Array
    size: int

    def to_scipy(self, format: str = "csr") -> Any:
        """As a SciPy sparse array."""
        coordinates = (self.data, (self.rows, self.columns))
        return scipy.sparse.coo_array(coordinates, shape=(self.size, self.size)).asformat(format)


def memory_limit() -> int:
    """Bytes that an assembly may take: half of what the machine has free."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):  # not every platform tells
        return 4 << 30


def format_bytes(count: float) -> str:
    """``1.5 GiB`` and the like."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.4g} {unit}"
        count /= 1024
    return f"{count:,.1f} TiB"


def assemble(system: ConstraintSystem, max_bytes: int | None = None) -> Assembled:
    """``A = Jᴴ − Dᴴ`` as coordinates.

    Raises
    ------
    AssemblyTooLargeError
        Before anything large is allocated.
    """
    offsets = system.offsets
    groups, single = grouped_nodes(system)
    blocks: list[tuple[int, int, Block]] = []  # (node, parent, J[node, parent]), the diagonal as parent = node
    for k in single:
        blocks += [(k, parent, block) for parent, block in system.blocks_of(k)]
        diagonal = system.diagonal_of(k)
        if diagonal is not None:
            blocks.append((k, k, diagonal))
    size = int(offsets[-1])
    grouped = sum(len(nodes) * len(system.records[nodes[0]][1]) for nodes in groups.values())  # at most
    nonzeros = size + grouped + sum(block.nnz for _, _, block in blocks)
    refuse_too_large(nonzeros, blocks, memory_limit() if max_bytes is None else max_bytes)

    explicit = np.ones(size, dtype=bool)
    rows, columns, data = [], [], []
    for k, parent, block in blocks:
        try:
            if system.values[parent].dtype.kind == "c" and system.values[k].dtype.kind != "c":
                refuse_matrix(block)
            sparse = block.to_sparse()
        except AdjointError as error:
            note_where(error, system.primitives, system.records, k)
            raise
        rows.append(sparse.columns + offsets[parent])
        columns.append(sparse.rows + offsets[k])
        data.append(conjugate(sparse.data) if parent != k else -conjugate(sparse.data))
        if parent == k:
            explicit[offsets[k] : offsets[k + 1]] = False
    for nodes in groups.values():
        for parents, children, d in stacked_partials(system, nodes):
            rows.append(offsets[parents])
            columns.append(offsets[children])
            data.append(d)
    minus_ones = np.flatnonzero(explicit)
    dtype = np.result_type(*{d.dtype for d in data}) if data else np.dtype(float)
    rows.append(minus_ones)
    columns.append(minus_ones)
    data.append(np.full(minus_ones.size, -1.0, dtype=dtype))
    return Assembled(np.concatenate(rows), np.concatenate(columns), np.concatenate(data), size)


def grouped_nodes(system: ConstraintSystem) -> tuple[dict[Any, list[int]], list[int]]:
    """Scalar nodes of elementwise primitives by primitive and dtype; and all other nodes."""
    groups: dict[Any, list[int]] = {}
    single: list[int] = []
    scalars: dict[Any, list[int] | None] = {}  # where scalars of a primitive and type go; None: on their own
    for k, (record, primitive, value) in enumerate(zip(system.records, system.primitives, system.values, strict=True)):
        if primitive is INPUT or primitive.discrete:
            continue
        operands, parents, static, _, _ = record
        if max(parents, default=-1) < 0:
            continue
        key = (primitive, type(value))
        if key not in scalars:
            stacked = isinstance(value, np.generic) and primitive.elementwise
            scalars[key] = groups.setdefault((primitive, value.dtype), []) if stacked else None
        group = scalars[key]
        if group is None or static is not None:
            single.append(k)
            continue
        # a NumPy scalar has scalar operands; a traced one (of an outer trace) is left to its own blocks
        for x in operands:
            if type(x) is Tracer:
                single.append(k)
                break
        else:
            group.append(k)
    return {key: nodes for key, nodes in groups.items() if nodes}, single


def stacked_partials(system: ConstraintSystem, nodes: list[int]) -> list[tuple[np.ndarray, np.ndarray, Array]]:
    """One group of :func:`grouped_nodes`: for each operand ``(parents, children, entries of A)``."""
    primitive = system.primitives[nodes[0]]
    records, values = system.records, system.values
    y = np.array([values[k] for k in nodes])
    index = np.array(nodes)
    # columns one by one: a zip over all records would hold one tracked iterator per node
    arity = range(len(records[nodes[0]][0]))
    xs = [np.array([records[k][0][j] for k in nodes]) for j in arity]
    parents = [np.array([records[k][1][j] for k in nodes]) for j in arity]
    # ask for the partials by position instead of by parent
    asked = [position if (column >= 0).any() else -1 for position, column in enumerate(parents)]
    found = dict(primitive.blocks(y, xs, {}, asked))
    parts = []
    for position, block in found.items():
        if isinstance(block, Zero):
            continue
        active = parents[position] >= 0
        d = np.broadcast_to(block.to_sparse().data, y.shape)[active]
        parts.append((parents[position][active], index[active], conjugate(d)))
    return parts


def refuse_too_large(nonzeros: int, blocks: list[tuple[int, int, Block]], max_bytes: int) -> None:
    """Raise before memory is exhausted, naming the largest block."""
    needed = nonzeros * BYTES_PER_NONZERO
    if needed <= max_bytes:
        return
    largest = max(blocks, key=lambda item: item[2].nnz, default=None)
    which = f", the largest of them from z_{largest[1] + 1} to z_{largest[0] + 1}: {largest[2]!r}" if largest else ""
    raise AssemblyTooLargeError(
        f"the scalar matrix A would have {nonzeros:,} nonzeros and need about {format_bytes(needed)}, more than "
        f"the {format_bytes(max_bytes)} allowed{which}. Use a matrix-free solver such as 'back_substitution', "
        "or raise max_bytes."
    )
