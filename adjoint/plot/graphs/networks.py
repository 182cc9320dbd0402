"""The computational graph for networkx, with everything that the pictures know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.errors import AdjointError, MissingExtraError
from adjoint.plot.graphs import words
from adjoint.plot.graphs.arrows import numbers_of
from adjoint.plot.graphs.labels import solved, system_for
from adjoint.plot.graphs.layout import layout, rough
from adjoint.plot.graphs.model import NOTHING
from adjoint.system import ConstraintSystem
from adjoint.tracing import concrete

if TYPE_CHECKING:
    import networkx

UNCROSSED = 4_000
"""Nodes up to which layers are ordered to have few crossings."""


def to_networkx(trace: Any, *, multipliers: Any = None, seed: Any = None) -> networkx.DiGraph[int]:
    """The computational graph as a directed graph of networkx, with places to draw it at.

    Parameters
    ----------
    trace : Trace or ConstraintSystem
    multipliers : Multipliers or bool, optional
        As in :func:`graph`.
    seed : pytree like the output, optional

    Returns
    -------
    networkx.DiGraph
        Over the node numbers ``1 … n``. Nodes have ``operation``, ``name``, ``shape``, ``dtype``, ``level``, ``pos``;
        scalars ``value``; with multipliers their norm as ``multiplier``, and of a scalar its number (with several
        right-hand sides the norm over all of them). Edges have ``kind`` (``"none"`` without a derivative),
        ``nonzeros``, and between scalars ``partial``: ``∂z_k/∂z_i``, or of an implicit constraint ``∂c_k/∂z_i``.

    Raises
    ------
    PlotError
        For what is no trace and no system, and if there is no node at all.
    MissingExtraError
        If networkx is not installed.

    Notes
    -----
    Graphs of more than 4,000 nodes have layers in the order of the program: few crossings would take half of the time.

    Examples
    --------
    >>> import adjoint
    >>> from adjoint.plot.graphs import to_networkx
    >>> network = to_networkx(adjoint.trace(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0))
    >>> network.nodes[5]["value"], network.edges[4, 5]["partial"], network.nodes[3]["multiplier"]
    (-12.0, -4.0, 3.0)

    ``networkx.draw(network, networkx.get_node_attributes(network, "pos"))`` draws it in layers.
    """
    system = system_for(trace, "to_networkx", multipliers)
    recorded = system.trace
    try:
        network = recorded.to_networkx()
    except ImportError as error:
        raise MissingExtraError('to_networkx needs networkx: pip install "adjoint[plot]"') from error
    lam = solved(system, multipliers, seed, "to_networkx")
    labels, levels = recorded.labels(), recorded.levels()
    parents = [[p - 1 for p in recorded.predecessors(k + 1)] for k in range(len(system))]
    x, y = _places(parents)
    for k in range(len(system)):
        facts = network.nodes[k + 1]
        value = concrete(system.value(k))
        facts.update(name=labels.get(k), dtype=str(value.dtype), level=levels[k])
        facts["pos"] = (float(x[k]), -float(y[k]))  # networkx draws upward
        if value.size == 1:
            facts["value"] = np.asarray(value).reshape(())[()].item()
        if lam is not None and system.is_active(k):
            facts["multiplier"] = _size(np.asarray(concrete(lam.full(k))))
    for tail, head in network.edges:
        network.edges[tail, head].update(kind=NOTHING, nonzeros=0)
    _add_blocks(network, system)
    return network


def _places(parents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Centers of all nodes; nobody follows single edges among thousands."""
    if len(parents) > UNCROSSED:
        return rough(parents)
    placed = layout(parents)
    return placed.x, placed.y


def _size(multiplier: np.ndarray) -> Any:
    """The norm; of a scalar the number itself."""
    return multiplier.reshape(())[()].item() if multiplier.size == 1 else words.norm(multiplier)


def _add_blocks(network: networkx.DiGraph[int], system: ConstraintSystem) -> None:
    """Kinds, nonzeros and partials of the edges over which a derivative flows."""
    try:
        structure = system.structure
    except AdjointError:  # a rule is missing: the graph is there all the same
        return
    for child, parent, nonzeros, kind in zip(
        structure.children.tolist(),
        structure.parents.tolist(),
        structure.nonzeros.tolist(),
        structure.kinds.tolist(),
        strict=True,
    ):
        facts = network.edges[parent + 1, child + 1]
        name = structure.kind_names[kind]
        facts["kind"] = name if facts["kind"] in (NOTHING, name) else "mixed"
        facts["nonzeros"] += nonzeros
    for k, size in enumerate(structure.sizes.tolist()):
        if size != 1:
            continue
        found: dict[int, list[Any]] = {}
        with np.errstate(all="ignore"):
            for parent, block in system.blocks_of(k):
                found.setdefault(parent, []).append(block)
            sign = 1 if system.diagonal_of(k) is None else -1
            for parent, blocks in found.items():
                numbers = numbers_of(blocks, sign)
                if numbers is not None:
                    network.edges[parent + 1, k + 1]["partial"] = np.asarray(sum(numbers)).item()
