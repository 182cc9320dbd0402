"""One pass over all blocks of a system: who reads whom with a derivative, how deep, and where that is not finite."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Block, Diagonal, Zero
from adjoint.errors import AdjointError
from adjoint.tracing import INPUT, concrete
from adjoint.tracing.sites import Site

if TYPE_CHECKING:
    from adjoint.system.system import ConstraintSystem

LOCATED = 20
"""For so many blocks the entry that is not finite is looked up; the others are only named."""

LARGEST = 1_000_000
"""Nonzeros of the largest block whose entries are looked through."""


@dataclass(frozen=True, slots=True)
class BadPartial:
    """A block ``J[node, parent]`` that holds NaN or infinity; numbers from 1.

    Attributes
    ----------
    node, parent : int
    operation : str
    site : Site or None
        The user's line.
    entry : pair of index tuples, or None
        Of the result and of the operand; ``None`` where it was not looked up.
    value : float or complex, or None
        That entry.
    """

    node: int
    parent: int
    operation: str
    site: Site | None
    entry: tuple[tuple[int, ...], tuple[int, ...]] | None
    value: Any

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        which = ""
        if self.entry is not None:
            result, operand = (f"[{', '.join(map(str, index))}]" if index else "" for index in self.entry)
            which = f": ∂z_{self.node}{result}/∂z_{self.parent}{operand} = {self.value}"
        return f"z_{self.node} = {self.operation}(…) with respect to z_{self.parent}{which}{where}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A node whose rule raises: any gradient that leads through it does too."""

    node: int
    operation: str
    site: Site | None
    message: str

    def __str__(self) -> str:
        where = f" at {self.site}" if self.site else ""
        return f"z_{self.node} = {self.operation}(…){where}: {self.message}"


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What the pass found; nodes are counted from 0.

    Attributes
    ----------
    operands : list of tuples of int
        For each node those that it depends on differentiably, each once.
    levels : int array (n,)
        The longest path of blocks to each node.
    nonzeros : int
        Of all blocks together.
    """

    operands: list[tuple[int, ...]]
    levels: np.ndarray
    nonzeros: int
    bad: tuple[BadPartial, ...]
    refused: tuple[Refusal, ...]


def scan(system: ConstraintSystem) -> Scan:
    """Build every block once, look at it, and drop it."""
    operands: list[tuple[int, ...]] = []
    levels = [0] * len(system)
    nonzeros = 0
    bad: list[BadPartial] = []
    refused: list[Refusal] = []
    trace = system.trace
    for k, primitive in enumerate(system.primitives):
        if primitive is INPUT or not system.is_active(k):
            operands.append(())
            continue
        try:
            blocks = system.blocks_of(k)
        except AdjointError as error:
            refused.append(Refusal(k + 1, primitive.name, trace.site(k), str(error)))
            operands.append(tuple(dict.fromkeys(p for p in system.records[k][1] if p >= 0)))
            blocks = []
        else:
            operands.append(tuple(dict.fromkeys(i for i, block in blocks if i >= 0 and not isinstance(block, Zero))))
        for i, block in blocks:
            nonzeros += block.nnz
            if not _finite(block):
                entry, value = _locate(block) if len(bad) < LOCATED else (None, None)
                bad.append(BadPartial(k + 1, i + 1, primitive.name, trace.site(k), entry, value))
        levels[k] = max((levels[i] + 1 for i in operands[k]), default=0)
    return Scan(operands, np.array(levels, dtype=np.int64), nonzeros, tuple(bad), tuple(refused))


def _finite(block: Block) -> bool:
    if type(block) is Diagonal:  # the many-node case: scalars
        return _all_finite(block.data)
    return all(_all_finite(x) for x in _data(block))


def _all_finite(x: Any) -> bool:
    return math.isfinite(x) if type(x) is np.float64 else bool(np.isfinite(concrete(x)).all())


def _data(block: Block) -> Iterator[Any]:
    """The numbers that a block holds, and those of the blocks in it, whatever its kind."""
    waiting: list[Any] = [block]
    while waiting:
        one = waiting.pop()
        for kind in type(one).__mro__:
            for name in getattr(kind, "__slots__", ()):
                x = concrete(getattr(one, name, None))
                if isinstance(x, (np.ndarray, np.generic)):
                    if x.dtype.kind in "fc":
                        yield x
                elif isinstance(x, Block):
                    waiting.append(x)
                elif isinstance(x, tuple):
                    waiting += [part for part in x if isinstance(part, Block)]
                elif isinstance(x, (float, complex)):
                    yield x


def _locate(block: Block) -> tuple[tuple[tuple[int, ...], tuple[int, ...]] | None, Any]:
    """The first entry that is not finite, as an index of the result and one of the operand; and its value."""
    if block.nnz > LARGEST:
        return None, None
    try:
        sparse = block.to_sparse()
    except AdjointError:  # real-linear: there are no entries
        return None, None
    data = np.asarray(concrete(sparse.data))
    wrong = np.flatnonzero(~np.isfinite(data))
    if not wrong.size:  # the block masks it
        return None, None
    first = wrong[0]
    row = np.unravel_index(int(sparse.rows[first]), block.out_shape) if block.out_shape else ()
    column = np.unravel_index(int(sparse.columns[first]), block.in_shape) if block.in_shape else ()
    return (tuple(int(i) for i in row), tuple(int(i) for i in column)), data[first].item()
