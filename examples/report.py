"""Any constraint system as text: the picture of its matrix, the table of its blocks, the solvers side by side.

The mathematics in words. A trace z_i = f_i(earlier z's) gives the linear system A λ = −s for its multipliers
λ_i = ∂result/∂z_i. Row i and column k of A hold the block (∂f_k/∂z_i)ᵀ, and −I where i = k. These functions show it
for any trace, and compare the strategies that solve it. softmax_network.py uses them; run alone, this file shows them
on a small function. Put in one of your own.

Run: python examples/report.py
"""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np

import adjoint
from adjoint import ConstraintSystem, Trace

SYMBOLS = {"identity": "I", "contraction": "cont", "diagonal": "diag", "nested": "nest", "gather": "gath"}
EXPLANATIONS = {
    "identity": "1 from each entry to the same entry",
    "contraction": "a matrix product: kept as its other factor, never written out",
    "diagonal": "an elementwise function: one number per entry",
    "reduce": "a sum over axes",
    "nested": "a function of yours, which is a constraint system itself",
}
ROUNDING = 1e-12
"""Relative difference below which two solutions count as equal to rounding."""


def label(trace: Trace, number: int) -> str:
    """What a node is: the argument's or given name, or the operation."""
    node = trace.node(number)
    return node.name or node.operation


def symbol(kind: str) -> str:
    """A block's kind in four letters or less."""
    return SYMBOLS.get(kind, kind[:4])


def picture(system: ConstraintSystem) -> str:
    """The block matrix ``A`` as text: rows and columns are the nodes, entries the kinds of the blocks."""
    n, blocks = len(system), system.blocks()
    names = [f"z_{i} {label(system.trace, i)}" for i in range(1, n + 1)]
    width = max(map(len, names))
    lines = [" " * (2 + width) + "".join(f"z_{k}".rjust(7) for k in range(1, n + 1))]
    for i in range(1, n + 1):
        cells = ["" if k < i else "·" for k in range(1, n + 1)]
        for k in range(i, n + 1):
            if (i, k) in blocks:
                cells[k - 1] = ("−" if i == k else "") + symbol(blocks[i, k].kind)
        lines.append(f"  {names[i - 1]:<{width}}" + "".join(cell.rjust(7) for cell in cells))
    return "\n".join(lines)


def legend(system: ConstraintSystem) -> str:
    """What the entries of the picture mean."""
    lines = ["    −I    on the diagonal: each constraint says −z_i + f_i(…) = 0"]
    kinds = dict.fromkeys(block.kind for (i, k), block in sorted(system.blocks().items()) if i != k)
    lines += [f"    {symbol(kind):<6}{kind}: {EXPLANATIONS.get(kind, '')}".rstrip(" :") for kind in kinds]
    lines.append("    ·     zero: step k does not read z_i")
    return "\n".join(lines)


class BlockRow(NamedTuple):
    """One block above the diagonal: ``A[row, column]``, with the entries that it has when written out."""

    row: int
    column: int
    kind: str
    shape: tuple[int, int]
    nonzeros: int


def block_rows(system: ConstraintSystem) -> list[BlockRow]:
    """All blocks above the diagonal, row by row."""
    blocks = sorted(system.blocks().items())
    return [BlockRow(i, k, b.kind, b.shape[::-1], b.to_sparse().nnz) for (i, k), b in blocks if i != k]


def block_table(system: ConstraintSystem) -> str:
    """The blocks above the diagonal with kind, shape and nonzeros, and the whole matrix in the last line."""
    lines = [f"  {'block':<10}{'from → to':<21}{'kind':<13}{'shape':>15}{'nonzeros':>11}{'filled':>9}"]
    total, n = system.matrix("coo").nnz, system.shape[0]
    rows = [
        (f"A[{i}, {k}]", f"{label(system.trace, i)} → {label(system.trace, k)}", kind, shape, nonzeros)
        for i, k, kind, shape, nonzeros in block_rows(system)
    ]
    for name, route, kind, shape, nonzeros in [*rows, ("A", "all, with −I", "triangular", (n, n), total)]:
        size = f"{shape[0]:,} × {shape[1]:,}"
        lines.append(
            f"  {name:<10}{route:<21}{kind:<13}{size:>15}{nonzeros:>11,}{nonzeros / max(1, shape[0] * shape[1]):>9.1%}"
        )
    return "\n".join(lines)


class SolverRow(NamedTuple):
    """How one strategy did; ``difference`` is relative to back substitution, the worst over all multipliers."""

    name: str
    seconds: float
    residual: float
    certificate: float
    difference: float


def compare_solvers(trace: Trace, repeats: int = 3) -> tuple[list[SolverRow], list[str]]:
    """Solve ``A λ = −s`` by every registered strategy; also the names of those that do not take this system."""
    reference = trace.compile().solve(solver="back_substitution")
    scales = [float(np.max(np.abs(reference[i]), initial=0.0)) or 1.0 for i in range(1, len(trace) + 1)]
    rows, refusals = [], []
    for name in adjoint.solvers.available():
        times = []
        try:
            for _ in range(repeats):
                system = trace.compile()  # afresh: a system keeps its factors
                start = time.perf_counter()
                found = system.solve(solver=name)
                times.append(time.perf_counter() - start)
        except adjoint.errors.NotAcceptedError:
            refusals.append(name)
            continue
        differences = [
            float(np.max(np.abs(found[i] - reference[i]), initial=0.0)) / scale for i, scale in enumerate(scales, 1)
        ]
        rows.append(SolverRow(name, min(times), found.residual(), found.certificate(), max(differences)))
    return rows, refusals


def solver_table(rows: list[SolverRow], refusals: list[str]) -> str:
    """Time, residual, certificate and difference of each strategy, and what the columns mean."""
    lines = [f"  {'solver':<20}{'time':>11}{'residual':>13}{'certificate':>15}{'difference':>14}"]
    for name, seconds, residual, certificate, difference in rows:
        lines.append(f"  {name:<20}{1e3 * seconds:>8.2f} ms{residual:>13.1e}{certificate:>15.1e}{difference:>14.1e}")
    lines += [f"  {name:<20}does not take this system" for name in refusals]
    lines += [
        "",
        "    residual     max |A λ + s|: by how much any of the equations is violated",
        "    certificate  relative change in the entries of A and s that would make λ exact",
        "    difference   to back substitution, relative; the worst over all multipliers",
    ]
    return "\n".join(lines)


def multiplier_table(trace: Trace) -> str:
    """Name, shape and largest entry of every multiplier."""
    multipliers = trace.compile().solve()
    lines = [f"  {'':<7}{'= ∂result / ∂ …':<18}{'shape':<12}{'largest entry':>13}"]
    for i in range(1, len(trace) + 1):
        value = np.asarray(multipliers[i])
        shape = " × ".join(map(str, value.shape)) or "a number"
        largest = np.max(np.abs(value), initial=0.0)
        lines.append(f"  {f'λ_{i}':<7}{label(trace, i):<18}{shape:<12}{largest:>13.4f}")
    return "\n".join(lines)


def taylor_table(h: np.ndarray, remainders: np.ndarray) -> str:
    """The remainders of a Taylor test, and by how much each is smaller than the one before."""
    lines = [f"  {'h':>10}   {'|f(z + h v) − f(z) − h ∇f·v|':>32}   {'divided by':>12}"]
    for k in range(len(h)):
        ratio = f"{remainders[k - 1] / remainders[k]:12.2f}" if k else ""
        lines.append(f"  {h[k]:>10.6f}   {remainders[k]:>32.3e}   {ratio}".rstrip())
    return "\n".join(lines)


def main() -> None:
    """All tables for a small function: replace it by your own."""

    def f(x, scale):
        return np.sum(np.sin(scale * x) ** 2)

    x, scale = np.linspace(0.1, 1.0, 5), 2.0
    trace = adjoint.trace(f, x, scale)
    system = trace.compile()
    for part in (trace, picture(system), legend(system), block_table(system), solver_table(*compare_solvers(trace))):
        print(part, end="\n\n")
    print(multiplier_table(trace), end="\n\n")
    print(taylor_table(*adjoint.testing.taylor_remainders(f, x, scale)))


if __name__ == "__main__":
    main()
