"""What a model consists of, and what its matrix costs: one row for each layer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adjoint.calculus import trace as record
from adjoint.nn.layers.layer import Layer, Shape, Tree, at_least_one
from adjoint.nn.layers.places import Visit, Visits, with_visits
from adjoint.system import ConstraintSystem
from adjoint.tracing import flatten


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer of a model.

    Attributes
    ----------
    path : str
        Its name after the names of all that it is in, with ``/`` between; empty for a model that is one layer.
    layer : Layer
    output_shape : tuple of int
        Of one example.
    parameters : int
        How many numbers it trains, its parts left out.
    constraints : int
        Nodes that it records, its parts left out.
    blocks : dict of int
        How many blocks of each kind stand in its columns of the matrix.
    nonzeros, flops : int
        Of these blocks: structural nonzeros, and multiplications of one product with all of them.
    activation_bytes : int
        Of the values of its nodes.
    """

    path: str
    layer: Layer
    output_shape: Shape
    parameters: int
    constraints: int
    blocks: dict[str, int]
    nonzeros: int
    flops: int
    activation_bytes: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A table of the layers of a model; print it.

    Attributes
    ----------
    rows : tuple of LayerRow
        In the order in which the layers end: a model after its parts.
    batch : int
        Examples in the forward pass that was looked at; nonzeros, flops and bytes grow with it.
    input_shape, output_shape : tuple of int
        Of one example.
    parameter_bytes : int
    unknowns : int
        ``N``: the matrix of the forward pass is ``N × N``.
    """

    rows: tuple[LayerRow, ...]
    batch: int
    input_shape: Shape
    output_shape: Shape
    parameter_bytes: int
    unknowns: int

    @property
    def parameters(self) -> int:
        """Trained numbers of the model."""
        return sum(row.parameters for row in self.rows)

    @property
    def constraints(self) -> int:
        """Nodes of the forward pass, the arguments left out."""
        return sum(row.constraints for row in self.rows)

    @property
    def nonzeros(self) -> int:
        """Of all blocks above the diagonal."""
        return sum(row.nonzeros for row in self.rows)

    @property
    def flops(self) -> int:
        """Multiplications of one sweep through all blocks."""
        return sum(row.flops for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Of the values of all nodes, the arguments left out."""
        return sum(row.activation_bytes for row in self.rows)

    def __str__(self) -> str:
        shown = [row for row in self.rows if row.constraints or row.parameters]
        table = [
            (
                row.path or type(row.layer).__name__,
                _shape(row.output_shape),
                f"{row.parameters:,}",
                _blocks(row.blocks),
                f"{row.nonzeros:,}",
                f"{row.flops:,}",
                _bytes(row.activation_bytes),
            )
            for row in shown
        ]
        head = ("layer", "output", "parameters", "blocks", "nonzeros", "flops", "values")
        kinds: Counter[str] = Counter()
        for row in self.rows:
            kinds.update(row.blocks)
        total = (
            "total",
            _shape(self.output_shape),
            f"{self.parameters:,}",
            str(sum(kinds.values())),
            f"{self.nonzeros:,}",
            f"{self.flops:,}",
            _bytes(self.activation_bytes),
        )
        lines = _aligned([head, *table, total], left=(0, 1, 3))
        rule = "─" * max(map(len, lines))
        foot = (
            f"batch {self.batch}, examples {_shape(self.input_shape)}; parameters take {_bytes(self.parameter_bytes)}; "
            f"A is {self.unknowns:,} × {self.unknowns:,}"
        )
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], foot])

    __repr__ = __str__


def summary(
    model: Layer,
    input_shape: Sequence[int],
    batch: int = 1,
    dtype: Any = np.float32,
    *,
    training: bool = False,
    seed: int = 0,
) -> Summary:
    """Shapes, parameters, and blocks of every layer of a model, from one forward pass.

    The pass is recorded with zeros as input and compiled; blocks are asked for their sizes, one after the other, and no
    matrix is assembled.

    Parameters
    ----------
    model : Layer
    input_shape : sequence of int
        Of one example.
    batch : int
    dtype : dtype
        Of parameters and input; the input of a model that begins with an embedding is integers.
    training : bool
        Whether batch norm and dropout do as in training.
    seed : int
        Of the parameters, and of dropout.

    Returns
    -------
    Summary

    Raises
    ------
    ArgumentError
        If the model does not take inputs of this shape; the message names the layer.

    Notes
    -----
    ``flops`` are the multiplications of one product with every block in the columns of a layer: the cost of the
    backward pass (or of one tangent) through the layer. The forward pass of a linear layer or a convolution takes about
    half of it.

    Examples
    --------
    >>> from adjoint import nn
    >>> model = nn.Sequential(nn.Conv2d(4, 3), "relu", nn.MaxPool2d(2), nn.Flatten(), ("logits", nn.Linear(10)))
    >>> print(nn.summary(model, (1, 8, 8)))
    layer        output     parameters  blocks                   nonzeros  flops   values
    ─────────────────────────────────────────────────────────────────────────────────────
    conv2d1      4 × 6 × 6          40  2 convolution, diagonal     2,736  2,736    576 B
    relu1        4 × 6 × 6           0  diagonal                      144    144    576 B
    max_pool2d1  4 × 3 × 3           0  gather                         36     36    144 B
    flatten1     36                  0  gather                         36     36    144 B
    logits       10                370  2 contraction, scalar         730    730     40 B
    ─────────────────────────────────────────────────────────────────────────────────────
    total        10                410  9                           3,682  3,682  1.4 KiB
    batch 1, examples 1 × 8 × 8; parameters take 1.6 KiB; A is 844 × 844
    """
    shape = tuple(int(n) for n in input_shape)
    at_least_one(model, batch=batch)
    rng = np.random.default_rng(seed)
    parameters, state, output_shape = model.initialize(rng, shape, dtype)
    x = np.zeros((batch, *shape), np.int64 if model.takes_integers else dtype)
    leaves, _ = flatten((parameters, x))
    for leaf in leaves:
        leaf.flags.writeable = False  # nobody else has them, and so the trace need not copy them
    calls: list[Visit] = []

    def forward(parameters: Tree, x: Any) -> Any:
        visits = Visits(x._trace, calls)
        y, _ = with_visits(model, visits, parameters, x, state=state, training=training, rng=rng)
        calls.append(Visit("", model, 0, len(visits.trace), tuple(y.shape[1:])))
        return y

    trace = record(forward, parameters, x)
    system: ConstraintSystem = trace.compile()
    rows = _rows(system, parameters, calls)
    return Summary(rows, int(batch), shape, output_shape, sum(leaf.nbytes for leaf in leaves[:-1]), system.shape[0])


def _rows(system: ConstraintSystem, parameters: Tree, calls: Sequence[Visit]) -> tuple[LayerRow, ...]:
    """A row for each layer; every node belongs to the innermost call during which it was recorded."""
    structure, n = system.structure, len(system)
    owner = np.full(n, -1)
    for number, call in enumerate(calls):  # parts end before what they are in: the first claim is the innermost
        claimed = owner[call.first : call.last]
        claimed[claimed < 0] = number
    arguments = np.zeros(n, bool)
    arguments[system.trace.inputs] = True
    owner[arguments] = -1
    rows: dict[str, LayerRow] = {}
    for number, call in enumerate(calls):
        mine = np.flatnonzero(owner == number)
        edges = np.isin(structure.children, mine)
        names = Counter(structure.kind_names[k] for k in structure.kinds[edges].tolist())
        row = LayerRow(
            call.path,
            call.layer,
            call.output_shape,
            _own_parameters(parameters, call.path, calls),
            len(mine),
            dict(names),
            int(structure.nonzeros[edges].sum()),
            int(structure.flops[edges].sum()),
            sum(int(system.value(k).nbytes) for k in mine.tolist()),
        )
        rows[call.path] = _together(rows[call.path], row) if call.path in rows else row
    return tuple(rows.values())


def _own_parameters(parameters: Tree, path: str, calls: Sequence[Visit]) -> int:
    """The numbers in the parameters of a layer that belong to none of its parts."""
    prefix = f"{path}/" if path else ""
    parts = {call.path for call in calls if call.path.startswith(prefix) and call.path not in (path, "")}
    direct = [part for part in parts if "/" not in part[len(prefix) :]]
    return _size(_below(parameters, path)) - sum(_size(_below(parameters, part)) for part in direct)


def _size(tree: Tree) -> int:
    return sum(math.prod(np.shape(leaf)) for leaf in flatten(tree)[0])


def _below(parameters: Tree, path: str) -> Tree:
    for name in path.split("/") if path else ():
        parameters = parameters.get(name, {})
    return parameters


def _together(first: LayerRow, again: LayerRow) -> LayerRow:
    """One row for a layer that was called twice."""
    return LayerRow(
        first.path,
        first.layer,
        again.output_shape,
        first.parameters,
        first.constraints + again.constraints,
        dict(Counter(first.blocks) + Counter(again.blocks)),
        first.nonzeros + again.nonzeros,
        first.flops + again.flops,
        first.activation_bytes + again.activation_bytes,
    )


# --- text ---------------------------------------------------------------------------------------------


def _shape(shape: Shape) -> str:
    return " × ".join(map(str, shape)) or "scalar"


def _blocks(blocks: dict[str, int]) -> str:
    kinds = sorted(blocks.items(), key=lambda item: (-item[1], item[0]))
    shown = [name if count == 1 else f"{count} {name}" for name, count in kinds[:4]]
    return ", ".join(shown) + (", …" if len(kinds) > 4 else "")


def _bytes(count: float) -> str:
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB"):
        count /= 1024
        if count < 1024:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} GiB"


def _aligned(table: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if k in left else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
