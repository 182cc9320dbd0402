"""What is said about an origin: numbers, indices and formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.calculus.provenance.entries import bad_entry, largest_term
from adjoint.calculus.provenance.scene import Finding, Scene, first_index
from adjoint.tracing import INPUT
from adjoint.tracing.display import expression
from adjoint.tracing.primitive import Hollow

_LEAVE_OUT = "np.where(mask, y, 0) leaves entries out; what it does not select may be anything."
_SCALE = "Scale the problem, or use a wider dtype or logarithms."
REMEDIES = {
    "argument": "The function was given this value.",
    "constant": _LEAVE_OUT,
    "value": f"Rewrite the operation for such operands. {_LEAVE_OUT}",
    "partial": f"There is no finite derivative at this point. {_LEAVE_OUT}",
    "product": _SCALE,
    "sum": _SCALE,
    "seed": "The derivative function was given this value.",
    "solver": 'Use the default solver, "back_substitution".',
}
MAX_TERMS = 6


def shown(x: Any) -> str:
    """A number, short."""
    return f"{np.asarray(x)[()]:.6g}"


def place(index: tuple[int, ...]) -> str:
    """``" at entry (1, 2)"``; nothing for a scalar."""
    return f" at entry {index}" if index else ""


def entry_of(symbol: str, index: tuple[int, ...]) -> str:
    """``z_3[1, 2]``; ``z_3`` for a scalar."""
    return f"{symbol}[{', '.join(map(str, index))}]" if index else symbol


def details(scene: Scene, found: Finding) -> list[str]:
    """How it began, in one line or two."""
    index = first_index(found.mask)
    lines = _DETAILS[found.cause](scene, found, _formula(scene, found.node), index)
    if found.reader is not None:
        lines.append(f"The output is {scene.good}, but the partial of {_formula(scene, found.reader)} reads it.")
    return lines


def _formula(scene: Scene, k: int) -> str:
    """``z_3 = sqrt(z_2)``, with an argument's name, but without one given to a result."""
    labels = scene.system.trace.labels() if scene.system.primitives[k] is INPUT else {}
    return f"z_{k + 1} = {expression(scene.system.trace, k, labels)}"


def _argument(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    return [f"It began in the argument: {formula} is {_number_at(scene, found.node, index)}{place(index)}."]


def _constant(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    value = np.asarray(scene.system.records[found.node][0][found.operand])[index]
    return [f"It began in a constant: operand {found.operand + 1} of {formula} is {shown(value)}{place(index)}."]


def _value(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    read = _operands_at(scene, found.node, index)
    where = f", where {read}" if read else ""
    return [
        f"It began at {formula}, whose value is {_number_at(scene, found.node, index)}{place(index)}{where}.",
        "What it reads was let go of: record the function in the mode, too, to see the whole way."
        if any(type(x) is Hollow for x in scene.system.records[found.node][0])
        else f"What it reads is {scene.good}: the operation itself gives this value.",
    ]


def _number_at(scene: Scene, k: int, index: tuple[int, ...]) -> str:
    """An entry of a value, if it has not been let go of."""
    x = scene.system.values[k]
    return scene.wrong if type(x) is Hollow else shown(np.asarray(x)[index])


def _operands_at(scene: Scene, k: int, index: tuple[int, ...]) -> str:
    """``z_1 = 0 and z_2 = 3``: the operands that go into one entry of an elementwise operation."""
    operands, parents, *_ = scene.system.records[k]
    said: dict[str, str] = {}
    for position, (x, p) in enumerate(zip(operands, parents, strict=True)):
        if not isinstance(x, (np.ndarray, np.generic)) or (p == -1 and not np.ndim(x)):
            continue  # a number stands in the formula
        if x.ndim and not scene.system.primitives[k].elementwise:
            continue
        own = index[len(index) - x.ndim :] if scene.system.primitives[k].elementwise else ()
        own = tuple(i if n > 1 else 0 for i, n in zip(own, x.shape, strict=True))
        said[f"operand {position + 1}" if p == -1 else f"z_{(p if p >= 0 else -2 - p) + 1}"] = shown(np.asarray(x)[own])
    return " and ".join(f"{name} = {value}" for name, value in said.items())


def _partial(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    entry = bad_entry(scene, found)
    begin = f"It began at {formula}, whose partial is {scene.wrong}:"
    if entry is None or entry[2] is None:
        met = "tangent" if scene.forward else "multiplier"
        return [begin, f"    its rule gives {scene.wrong} numbers for a {met} that is {scene.good}."]
    row, column, value = entry
    return [begin, f"    {_quotient(scene, found, row, column)} = {_shown_entry(scene, found, row, column, value)}."]


def _quotient(scene: Scene, found: Finding, row: tuple[int, ...], column: tuple[int, ...]) -> str:
    k, i = found.node + 1, found.parent + 1
    if found.parent == found.node:
        return f"the diagonal block's entry ∂{entry_of(f'c_{k}', row)}/∂{entry_of(f'z_{k}', column)}"
    if scene.system.primitives[found.node].elementwise:
        return f"∂{expression(scene.system.trace, found.node, {})}/∂z_{i}"
    return f"∂{entry_of(f'z_{k}', row)}/∂{entry_of(f'z_{i}', column)}"


def _shown_entry(scene: Scene, found: Finding, row: tuple[int, ...], column: tuple[int, ...], value: Any) -> str:
    """The value of an entry, and at which point that is."""
    if scene.system.primitives[found.node].elementwise:
        read = _operands_at(scene, found.node, row)
        return f"{shown(value)}{place(row)}" + (f", where {read}" if read else "")
    if found.parent == found.node or type(scene.system.values[found.parent]) is Hollow:
        return shown(value)
    at = entry_of(f"z_{found.parent + 1}", column)
    return f"{shown(value)}, where {at} = {_number_at(scene, found.parent, column)}"


def _product(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    symbol, owner, met = ("ż", found.parent, "tangent") if scene.forward else ("λ", found.node, "multiplier")
    begin = f"It began at {formula}: its partial is {scene.good}, and so is the {met}, but their product is not:"
    term = largest_term(scene, found)
    if term is None:
        return [begin, f"    the solve with the block of z_{found.node + 1} gives a number that is {scene.wrong}."]
    row, column, entry, factor, count = term
    multiplied = entry_of(f"{symbol}_{owner + 1}", column if scene.forward else row)
    text = f"{_quotient(scene, found, row, column)} = {shown(entry)} times {multiplied} = {shown(factor)}"
    if scene.bad(entry * factor).any():
        return [begin, f"    {text} is {shown(entry * factor)}."]
    return [begin, f"    {count} products have no sum; the largest is {text}."]


def _sum(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    k = found.node
    symbol = "ż" if scene.forward else "λ"
    dtype = scene.system.values[k].dtype
    name = f"{symbol}_{k + 1}"
    lines = [f"It began at {formula}, whose {name} is a sum of {scene.good} terms that is {scene.wrong} in {dtype}:"]
    seed = scene.seed_of(k)
    terms = [] if seed is None else [("the seed", np.asarray(seed)[index])]
    for source, _, _, block in scene.edges(k):
        if scene.solution[source] is not None:
            part = np.asarray(scene.product(block, scene.solution[source]))
            terms.append((f"z_{source + 1}", part[index]))
    terms.sort(key=lambda term: -abs(term[1]))
    lines += [f"    {shown(value)} from {name}{place(index)}" for name, value in terms[:MAX_TERMS]]
    if len(terms) > MAX_TERMS:
        lines.append(f"    and {len(terms) - MAX_TERMS} smaller ones")
    return lines


def _seed(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    value = np.asarray(scene.seed_of(found.node))[index]
    what = "tangent" if scene.forward else "seed"
    return [f"It began in the {what} that was given for {formula}: it is {shown(value)}{place(index)}."]


def _solver(scene: Scene, found: Finding, formula: str, index: tuple[int, ...]) -> list[str]:
    return [f"It began in the solver: the partials are {scene.good}, and back substitution finds numbers that are too."]


_DETAILS = {
    "argument": _argument,
    "constant": _constant,
    "value": _value,
    "partial": _partial,
    "product": _product,
    "sum": _sum,
    "seed": _seed,
    "solver": _solver,
}
