"""Multiplications of elimination orders on the functions of the literature, beside the literature's figures.

    python benchmarks/elimination_orders.py

Nothing is timed. Each function's Jacobian is first computed by elimination in every order and compared with central
differences.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # also as `python benchmarks/elimination_orders.py`

import adjoint
from adjoint.solvers.vertex.graph import Graph, unit_edges
from adjoint.solvers.vertex.heuristics import lowest_cost, markowitz
from adjoint.solvers.vertex.orders import Elimination, forward, reverse
from adjoint.solvers.vertex.scalars import ScalarPlan
from adjoint.solvers.vertex.search import best
from benchmarks.harness import WrongAnswerError
from benchmarks.literature import EXAMPLES, Example

ORDERS: dict[str, Callable[[Graph], Elimination | None]] = {
    "forward": forward,
    "reverse": reverse,
    "Markowitz": markowitz,
    "lowest cost": lowest_cost,
    "local search": best,
}


def system_of(example: Example) -> adjoint.ConstraintSystem:
    """The function, traced on Python numbers: one vertex for each scalar operation."""
    return adjoint.trace(example.function, *example.point).compile()


def ends_of(system: adjoint.ConstraintSystem) -> tuple[list[int], list[int]]:
    """The nodes of the inputs and of the outputs."""
    return list(system.trace.inputs), [k for k in system.trace.outputs if isinstance(k, int)]


def graph_of(system: adjoint.ConstraintSystem) -> Graph:
    """The graph in which just the Jacobian is left: an output that is read again gets a copy, as in the source."""
    inputs, outputs = ends_of(system)
    return Graph.of(system.structure, {*inputs, *outputs}, unit_edges(system)).with_copies(outputs)


def jacobian_by(system: adjoint.ConstraintSystem, order: Sequence[int]) -> np.ndarray:
    """The Jacobian by elimination in an order, as the solver computes it."""
    inputs, outputs = ends_of(system)
    keep = {*inputs, *outputs}
    factor = ScalarPlan(system.structure, keep, [j for j in order if j not in keep]).factorize(system)
    eye = np.eye(len(outputs))
    found = factor.solve([(k, eye[:, row].copy()) for row, k in enumerate(outputs)], keep=frozenset(inputs))
    return np.stack([np.zeros(len(outputs)) if found[i] is None else found[i] for i in inputs], axis=1)


def differences(example: Example, h: float = 1e-3) -> np.ndarray:
    """Sixth-order central differences."""
    x = np.array(example.point)
    f = lambda shift: np.array([float(y) for y in example.function(*(x + shift))])
    columns = []
    for direction in np.eye(x.size) * h:
        near, middle, far = (f(m * direction) - f(-m * direction) for m in (1, 2, 3))
        columns.append((45 * near - 9 * middle + far) / (60 * h))
    return np.stack(columns, axis=1)


def counted(example: Example) -> tuple[Graph, dict[str, Elimination]]:
    """The cost of every order, each of them validated.

    Raises
    ------
    WrongAnswerError
        If the Jacobian by elimination in one of them is not that of central differences.
    """
    system = system_of(example)
    graph = graph_of(system)
    expected = differences(example)
    found: dict[str, Elimination] = {}
    for name, order in ORDERS.items():
        each = order(graph)
        if each is None:
            continue
        error = np.max(np.abs(jacobian_by(system, each.order) - expected)) / np.max(np.abs(expected))
        if not error < 1e-8:
            raise WrongAnswerError(f"{example.name}, {name} order: the Jacobian is off by {error:.1e}")
        found[name] = each
    return graph, found


def lines(examples: Sequence[Example] = EXAMPLES) -> Iterator[str]:
    """The tables, line by line."""
    for example in examples:
        graph, found = counted(example)
        yield f"{example.name}: {np.count_nonzero(graph.sizes)} vertices, {len(graph.children)} edges"
        headings = ["", *found, "best learned"]
        widths = [0, *(max(7, len(heading)) for heading in headings[1:])]
        published = example.published
        theirs = [published.forward, published.reverse, published.markowitz, "", "", published.learned]
        rows: list[list[object]] = [
            headings,
            ["all products", *(each.multiplications for each in found.values()), ""],
            ["products with ±1 free", *(each.nontrivial for each in found.values()), ""],
            ["fill-in", *(each.fill_in for each in found.values()), ""],
            ["literature", *theirs],
        ]
        widths[0] = max(len(str(row[0])) for row in rows)
        for row in rows:
            first = str(row[0]).ljust(widths[0])
            rest = "  ".join(str(cell).rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            yield f"  {first}  {rest}".rstrip()
        yield ""


def main() -> None:
    """Print the tables."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for line in lines():
        print(line)


if __name__ == "__main__":
    main()
