"""The boxes of a graph: what is written in them, beside them, and in their tooltips."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np

from adjoint.plot.folding import Run
from adjoint.plot.graphs import words
from adjoint.plot.graphs.model import Box, Scene
from adjoint.plot.lettering import clean
from adjoint.tracing import INPUT, concrete
from adjoint.tracing.display import expression


def box_of_run(scene: Scene, run: Run, detailed: bool, kind: str) -> Box:
    """A node, or a folded run; ``kind`` is that of its first block."""
    if len(run) > 1:
        return _folded(scene, run, kind)
    k = run.start
    system, trace = scene.system, scene.system.trace
    primitive = trace.primitives[k]
    entry = primitive is INPUT
    facts: dict[str, Any] = {
        "start": k,
        "stop": k + 1,
        "role": "input" if entry else "operation",
        "output": k in scene.outputs,
        "dead": not scene.alive[k],
        "implicit": primitive.diagonal is not None,
        "discrete": not system.is_active(k),
        "kind": kind,
    }
    if not detailed:
        return Box(lines=(), tooltip=_first_line(scene, k), **facts)
    value, bad_value, told_value = _value(scene, k)
    multiplier, bad_multiplier, told_multiplier = _multiplier(scene, k)
    data = system.value(k)
    where = trace.site(k)
    told = [_first_line(scene, k)]
    if where:
        told.append(f"{PurePath(where.file).name}:{where.line}  {clean(where.source)}".rstrip())
    told.append(" ".join(filter(None, (str(data.dtype), words.shape(data) or "scalar"))))
    told += filter(None, (told_value, told_multiplier))
    if facts["implicit"]:
        told.append("an implicit constraint: its diagonal block is not the identity")
    if facts["discrete"]:
        told.append("no derivative: no multiplier")
    elif facts["dead"]:
        told.append("nothing that leads to an output")
    if facts["output"]:
        told.append("an output")
    return Box(
        lines=tuple(_lines(scene, k)),
        value=value,
        multiplier=multiplier,
        bad_value=bad_value,
        bad_multiplier=bad_multiplier,
        tooltip="\n".join(told),
        **facts,
    )


def _first_line(scene: Scene, k: int) -> str:
    trace = scene.system.trace
    return clean(f"z_{k + 1} = {expression(trace, k, scene.labels)}")


def _lines(scene: Scene, k: int) -> list[tuple[str, str]]:
    """What is written in the box of a node."""
    trace = scene.system.trace
    name = scene.labels.get(k)
    shape = words.shape(scene.system.value(k)) if scene.shapes else ""
    small = " · ".join(filter(None, (f"z_{k + 1}", shape)))
    if trace.primitives[k] is INPUT:
        return [("name", words.cut(name or "input")), ("small", small)]
    static = trace.records[k][2]
    if name is None:
        lines = [("operation", words.formula(trace, k))]
        extra = words.options(static)
        return [*lines, *([("small", extra)] if extra else []), ("small", small)]
    reads = [p if p >= 0 else -2 - p for p in trace.records[k][1] if p != -1]
    names = {p: scene.labels[p] for p in reads if p in scene.labels and len(scene.labels[p]) <= 8}
    if len(names) == len(set(reads)):
        line = f"{name} = {words.formula(trace, k, names)}"
        if len(line) <= words.LONGEST:
            return [("name", line), ("small", small)]
    return [("name", words.cut(name)), ("operation", words.formula(trace, k)), ("small", small)]


def _value(scene: Scene, k: int) -> tuple[str, bool, str]:
    """On the wire, whether it is finite, and for the tooltip."""
    x = concrete(scene.system.value(k))
    if not isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        return "", False, ""
    x = np.asarray(x)
    if x.dtype.kind not in "fciub":
        return "", False, ""
    bad = not words.is_finite(x)
    told = words.count_of(x) if bad and x.size > 1 else words.numbers(x)
    most = scene.entries
    shown = x.size <= most or bad or most > 3
    text = (words.count_of(x) if bad and x.size > most else words.numbers(x, most)) if scene.values and shown else ""
    return text, bad, f"value {told}"


def _multiplier(scene: Scene, k: int) -> tuple[str, bool, str]:
    lam = scene.multipliers
    if lam is None or not scene.system.is_active(k):
        return "", False, ""
    found = np.asarray(concrete(lam.full(k)))
    if found.size == 0:
        return "", False, ""
    bad = not words.is_finite(found)
    text = words.number(found.reshape(())[()]) if found.size == 1 else f"‖λ‖ {words.number(words.norm(found), 2)}"
    told = f"λ_{k + 1} = {words.numbers(found)}" + (f", norm {words.number(words.norm(found))}" * (found.size > 1))
    return text, bad, told


def _folded(scene: Scene, run: Run, kind: str) -> Box:
    """Of several nodes: what they are, how many, and the range of their multipliers."""
    trace = scene.system.trace
    inside = range(run.start, run.stop)
    entries = all(trace.primitives[k] is INPUT for k in inside)
    title = clean(run.label) or f"z_{run.start + 1} … z_{run.stop}"
    span = f"z_{run.start + 1} … z_{run.stop}"
    lines = [("operation", words.cut(title)), ("small", f"{len(run):,} nodes")]
    operations: dict[str, int] = {}
    for k in inside:
        operations[trace.primitives[k].name] = operations.get(trace.primitives[k].name, 0) + 1
    common = sorted(operations.items(), key=lambda item: (-item[1], item[0]))
    told = [
        f"{span}: {title}, {len(run):,} nodes",
        clean(", ".join(f"{name} ×{count:,}" for name, count in common[:8])) + (" …" if len(common) > 8 else ""),
    ]
    multiplier, bad = "", False
    lam = scene.multipliers
    if lam is not None:
        norms = [words.norm(np.asarray(concrete(lam.full(k)))) for k in inside if scene.system.is_active(k)]
        if norms:
            bad = not np.isfinite(norms).all()
            low, high = (words.number(x, 2) for x in (min(norms), max(norms)))
            multiplier = f"‖λ‖ {low}" if low == high else f"‖λ‖ {low} … {high}"
            told.append(f"norms of the multipliers: {multiplier[4:]}")
    return Box(
        start=run.start,
        stop=run.stop,
        role="fold",
        lines=tuple(lines),
        multiplier=multiplier,
        bad_multiplier=bad,
        output=any(k in scene.outputs for k in inside) and not entries,
        dead=not scene.alive[run.start : run.stop].any(),
        implicit=False,
        discrete=False,
        kind=kind,
        tooltip="\n".join(told),
    )
