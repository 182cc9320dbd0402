"""Judging one derivative: is something bad that counts, where did it begin, and how did it get to the output."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from adjoint.calculus.provenance.paths import path_lines, path_to
from adjoint.calculus.provenance.report import REMEDIES, details, place, shown
from adjoint.calculus.provenance.scene import Finding, Marks, Scene, first_index
from adjoint.calculus.provenance.sweep import derivative_origin
from adjoint.calculus.provenance.values import value_origin
from adjoint.errors import NonFiniteError
from adjoint.system import ConstraintSystem
from adjoint.system.solving import Rows, Solution
from adjoint.tracing import concrete


def raise_if_bad(
    system: ConstraintSystem,
    rows: Rows,
    solution: Solution,
    nodes: Collection[int],
    *,
    forward: bool = False,
    infinities: bool = True,
    strict: bool = False,
) -> None:
    """Raise ``NonFiniteError`` if the output is bad, or the solution at one of the nodes (0-based).

    With ``strict`` any value of the trace counts, and any multiplier or tangent.
    """
    with np.errstate(all="ignore"):
        scene = Scene(system, rows, forward=forward, infinities=infinities)
        values, outputs = scene.system.values, system.trace.outputs
        ends = [out for out in outputs if isinstance(out, int)]
        for out in outputs:
            if isinstance(out, tuple) and scene.bad(out[0]).any():
                raise _constant_output(scene, out[0])
        if marks := _marks(scene, {k: values[k] for k in ends}):
            raise _error(scene, value_origin(scene, marks), _headline(scene, "output", values, marks), marks)
        if marks := _marks(scene, {k: solution[k] for k in nodes}):
            seeded = [k for k, s in rows if np.any(concrete(s))]
            headline = _headline(scene, "derivative", solution, marks)
            raise _error(scene, derivative_origin(scene, marks), headline, marks if forward else seeded)
        if not strict:
            return
        suffix = f", though every result is {scene.good} (strict)"
        if marks := _marks(scene, dict(enumerate(values))):
            headline = _headline(scene, "value", values, marks) + suffix
            raise _error(scene, value_origin(scene, marks), headline, ends)
        if marks := _marks(scene, dict(enumerate(scene.solution))):
            headline = _headline(scene, "derivative", scene.solution, marks) + suffix
            raise _error(scene, derivative_origin(scene, marks), headline, ends)


def _marks(scene: Scene, values: dict[int, Any]) -> Marks:
    """The bad entries, of those that have any."""
    found = {k: scene.bad(x) for k, x in values.items() if x is not None}
    return {k: mask for k, mask in found.items() if mask.any()}


def _headline(scene: Scene, what: str, values: Any, marks: Marks) -> str:
    """Which result is bad, and how."""
    node = min(marks)
    index = first_index(marks[node])
    number = shown(np.asarray(concrete(values[node]))[index])
    batch = index[: len(index) - scene.system.values[node].ndim]
    trace = scene.system.trace
    name = trace.labels().get(node, f"z_{node + 1}")
    if node in trace.outputs and (scene.forward or what == "output"):
        count = len(trace.outputs)
        name = "the output" if count == 1 else f"output {trace.outputs.index(node) + 1} of {count}"
    if what == "derivative":
        name = f"the tangent of {name}" if scene.forward else f"the derivative with respect to {name}"
    which = f" (right-hand side {', '.join(map(str, batch))})" if batch else ""
    inner = "inside another derivative, " if scene.nested else ""
    return f"{inner}{name}{which} is {number}{place(index[len(batch) :])}"


def _error(scene: Scene, found: Finding, headline: str, targets: Collection[int]) -> NonFiniteError:
    trace = scene.system.trace
    site = trace.site(found.node)
    path = path_to(scene, found, targets)
    lines = [f"{headline}.", *details(scene, found)]
    lines += [f"    {site}"] if site else []
    reaches = path[-1] in targets or path[-1] in trace.outputs
    if reaches:
        lines += ["From there to the output:", *path_lines(trace, path)]
    else:
        lines.append(f"It does not reach the output: z_{found.node + 1} ends in no result.")
    lines.append(REMEDIES[found.cause])
    return NonFiniteError(
        "\n".join(lines),
        node=found.node + 1,
        operation=scene.system.primitives[found.node].name,
        site=site,
        cause=found.cause,
        path=tuple(k + 1 for k in path),
    )


def _constant_output(scene: Scene, value: Any) -> NonFiniteError:
    index = first_index(scene.bad(value))
    lines = [
        f"the output is {shown(np.asarray(value)[index])}{place(index)}.",
        "It began outside of the trace: this output is a constant, it does not depend on the arguments.",
    ]
    return NonFiniteError("\n".join(lines), cause="constant")
