"""``A`` of a mostly scalar trace: one evaluation of partials per operation, written to where the entries stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Block, Diagonal, Identity, Scale, Zero
from adjoint.errors import AdjointError
from adjoint.system.assembly import memory_limit, refuse_too_large
from adjoint.system.compiled import compiled_partials
from adjoint.system.layout import Layout
from adjoint.system.scalar_program import Batch, ScalarProgram
from adjoint.system.solving import note_where
from adjoint.system.unit_matrix import UnitMatrix, UnitPattern
from adjoint.tracing import Primitive

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """All nodes of one operation, whatever their level, whose partials are not constant.

    Attributes
    ----------
    primitive : Primitive
    asked : tuple of int
        Positions of the operands with a derivative, -1 for the others, as a rule takes parents.
    mask : int
        The same as bits.
    result, operands : int arrays (nodes,)
        Slots to gather; ``None`` where the partials do not read the entries.
    places : tuple of (position, int array (nodes,))
        Where the partials go in the data.
    """

    primitive: Primitive
    asked: tuple[int, ...]
    mask: int
    result: np.ndarray | None
    operands: tuple[np.ndarray | None, ...]
    places: tuple[tuple[int, np.ndarray], ...]

    def write(self, z: np.ndarray, data: np.ndarray) -> None:
        """Evaluate the partials at ``z``."""
        nodes = self.places[0][1].size
        y = _gathered(z, self.result, nodes)
        xs = [_gathered(z, index, nodes) for index in self.operands]
        found = dict(self.primitive.blocks(y, xs, {}, self.asked))
        for position, place in self.places:
            data[place] = _entries(found.get(position))


def _gathered(z: np.ndarray, index: np.ndarray | None, nodes: int) -> np.ndarray:
    """Values at slots; where they are not read an array of the shape and dtype only."""
    return np.broadcast_to(z[:1], (nodes,)) if index is None else z.take(index)


def _entries(block: Block | None) -> Any:
    """The diagonal of a block of stacked scalars."""
    if block is None or isinstance(block, Zero):
        return 0.0
    if isinstance(block, Identity):
        return 1.0
    if isinstance(block, Scale):
        return block.factor
    return block.data if isinstance(block, Diagonal) else block.to_sparse().data


@dataclass(frozen=True, slots=True, eq=False)
class Singles:
    """The entries of nodes that are linearized one by one: coordinates as their blocks give them, and their places."""

    nodes: list[int]
    rows: np.ndarray
    columns: np.ndarray
    places: np.ndarray


Compiled = Callable[[np.ndarray, np.ndarray], None]
"""``write(z, data)``: the partials of compiled batches."""


@dataclass(frozen=True, slots=True, eq=False)
class ScalarSource:
    """Where the numbers of ``A`` come from; serves every linearization point.

    Attributes
    ----------
    pattern : UnitPattern
        Columns in the order of slots.
    template : float array (nnz,)
        The partials that are constants (of sums, copies and the like).
    groups : list of Group
        What NumPy evaluates: all that ``compiled`` leaves.
    singles : Singles
    places : dict
        For each operation which of its ``width`` entries per column vary: ``((position, number), …), width``.
    bases : int array (slots + 1,)
        Where the entries of each slot begin.
    whole : bool
        Nodes that no output needs are among the unknowns.
    """

    program: ScalarProgram
    pattern: UnitPattern
    template: np.ndarray
    groups: list[Group]
    singles: Singles
    places: dict[tuple[Primitive, int], tuple[tuple[tuple[int, int], ...], int]]
    bases: np.ndarray
    whole: bool
    compiled: Compiled | None = None

    def at(self, system: ConstraintSystem) -> UnitMatrix:
        """The matrix at one linearization with plain values."""
        data = self.template.copy()
        point: Any = system.point  # the caller has asked whether there is one
        if self.whole:
            point.complete()
        z = point.z
        if self.compiled is not None:
            self.compiled(z, data)
        for group in self.groups:
            group.write(z, data)
        if self.singles.nodes:
            nodes = self.singles.nodes
            rows, columns, found = _coordinates(system, self.program, blocks_of(system, nodes))
            if not (np.array_equal(rows, self.singles.rows) and np.array_equal(columns, self.singles.columns)):
                return scalar_source(system, self.program, whole=self.whole).at(system)  # the pattern has moved
            data[self.singles.places] = found
        return UnitMatrix(self.pattern, data)


Found = list[tuple[int, int, Block]]


def blocks_of(system: ConstraintSystem, nodes: list[int]) -> Found:
    """``(node, parent, block)`` of nodes that are linearized one by one."""
    return [(k, parent, block) for k in nodes for parent, block in system.blocks_of(k)]


def _coordinates(
    system: ConstraintSystem, program: ScalarProgram, blocks: Found
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, columns, data = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)], [np.zeros(0)]
    for k, parent, block in blocks:
        if isinstance(block, Zero):
            continue
        try:
            sparse = block.to_sparse()
        except AdjointError as error:
            note_where(error, system.primitives, system.trace.records, k)
            raise
        rows.append(sparse.columns + program.starts[parent])
        columns.append(sparse.rows + program.starts[k])
        data.append(sparse.data)
    return np.concatenate(rows), np.concatenate(columns), np.concatenate(data)


def scalar_source(
    system: ConstraintSystem, program: ScalarProgram, max_bytes: int | None = None, *, whole: bool = True
) -> ScalarSource:
    """Find the pattern at the point of a system, which decides nothing but which partials are constants.

    Unless it is to be the ``whole`` one, nodes that no output needs are left out: their multipliers are zero.

    Raises
    ------
    AssemblyTooLargeError
        Before anything large is allocated.
    """
    singles = [k for k in program.singles if whole or program.live[k]]
    blocks = blocks_of(system, singles)
    slots_of = _slots_by_kind(program, whole)
    constants = {kind: _constant_partials(*kind) for kind in slots_of}
    grouped = sum(slots.size * len(constants[kind]) for kind, slots in slots_of.items())
    nonzeros = program.size + grouped + sum(block.nnz for _, _, block in blocks)
    refuse_too_large(nonzeros, blocks, memory_limit() if max_bytes is None else max_bytes)

    rows, columns, _ = _coordinates(system, program, blocks)
    counts = np.bincount(columns, minlength=program.size)
    for kind, slots in slots_of.items():
        counts[slots] = len(constants[kind])
    indptr = np.concatenate([[0], np.cumsum(counts)])
    order = np.argsort(columns, kind="stable")
    within = np.arange(order.size) - np.searchsorted(columns[order], columns[order])
    places = np.empty(order.size, dtype=np.intp)
    places[order] = indptr[columns[order]] + within

    parents = np.empty(indptr[-1], dtype=np.intp)
    parents[places] = rows
    template = np.zeros(indptr[-1])
    sources = (program.first, program.second)
    groups = []
    for (primitive, mask), slots in slots_of.items():
        varying = []
        for number, (position, value) in enumerate(constants[primitive, mask].items()):
            place = indptr[slots] + number
            parents[place] = sources[position][slots]
            if value is None:
                varying.append((position, place))
            else:
                template[place] = value
        if varying:
            groups.append(_group(primitive, mask, slots, sources, varying))
    single = Singles(singles, rows, columns, places)
    pattern = _pattern(program, system, indptr, parents, np.ones(program.size, bool) if whole else program.live_slots)
    return ScalarSource(
        program, pattern, template, groups, single, _varying_places(constants), indptr, whole or program.all_live
    )


def _slots_by_kind(program: ScalarProgram, whole: bool) -> dict[tuple[Primitive | None, int], np.ndarray]:
    """All slots of each operation through which a derivative goes."""
    found: dict[tuple[Primitive | None, int], tuple[list[int], list[int]]] = {}
    for step in program.steps:
        if isinstance(step, Batch) and step.mask:
            starts, stops = found.setdefault((step.primitive, step.mask), ([], []))
            starts.append(step.start)
            stops.append(step.stop if whole else step.live)
    return {kind: _in_ranges(np.array(starts), np.array(stops)) for kind, (starts, stops) in found.items()}


def _in_ranges(starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """The numbers of all ranges ``starts[i]:stops[i]``, one after the other."""
    lengths = stops - starts
    before = np.cumsum(lengths) - lengths
    result: np.ndarray = np.arange(int(lengths.sum())) + np.repeat(starts - before, lengths)
    return result


def _pattern(
    program: ScalarProgram, system: ConstraintSystem, indptr: np.ndarray, parents: np.ndarray, kept: np.ndarray
) -> UnitPattern:
    """Unknowns are the slots that are kept; parents of a kept slot are kept too."""
    numbers = np.concatenate([[0], np.cumsum(kept)])
    ends = np.concatenate([indptr[:-1][kept], indptr[-1:]])
    # inactive nodes have slots, and no multiplier
    dead = np.concatenate([~(program.active & kept), [False]])[program.starts]
    starts = numbers[program.starts]
    layout = Layout(starts, np.where(dead, starts, numbers[program.stops]), system.trace.values)
    return UnitPattern(int(numbers[-1]), ends, numbers[parents], numbers[program.levels], layout)


def _varying_places(constants: dict[Any, dict[int, float | None]]) -> dict[Any, Any]:
    result = {}
    for kind, found in constants.items():
        varying = tuple((j, number) for number, (j, value) in enumerate(found.items()) if value is None)
        if varying:
            result[kind] = varying, len(found)
    return result


def compile_source(source: ScalarSource) -> ScalarSource:
    """The same with partials in compiled loops, wherever numba compiles them; takes a second or more."""
    done, write = compiled_partials(source.program, source.bases, source.places)
    left = [group for group in source.groups if (group.primitive, group.mask) not in done]
    return replace(source, groups=left, compiled=write if done else None)


def _constant_partials(primitive: Primitive | None, mask: int) -> dict[int, float | None]:
    """For each operand with a derivative its partial, if that is one number; zero ones are left out."""
    if primitive is None:
        return {0: 1.0}
    sample = np.full(1, 0.5)
    asked = [j if mask >> j & 1 else -1 for j in range(len(primitive.partials))]
    with np.errstate(all="ignore"):
        found = dict(primitive.blocks(sample, [sample] * len(asked), {}, asked))
    result: dict[int, float | None] = {}
    for position, block in found.items():
        if not isinstance(block, Zero):
            constant = isinstance(block, (Identity, Scale))
            result[position] = float(_entries(block)) if constant else None
    return result


def _group(primitive: Any, mask: int, slots: np.ndarray, sources: tuple[np.ndarray, ...], varying: list[Any]) -> Group:
    asked = tuple(j if mask >> j & 1 else -1 for j in range(len(primitive.partials)))
    needed, reads_result = primitive.needs(asked)
    operands = tuple(sources[j][slots] if j in needed else None for j in range(len(asked)))
    return Group(primitive, asked, mask, slots if reads_result else None, operands, tuple(varying))
