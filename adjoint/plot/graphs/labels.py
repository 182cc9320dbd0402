"""A computational graph as boxes and arrows with their texts, made once: axes, SVG and DOT all read it."""

from __future__ import annotations

from typing import Any

import numpy as np

from adjoint.errors import AdjointError, PlotError
from adjoint.plot.folding import Run, fold
from adjoint.plot.graphs import words
from adjoint.plot.graphs.arrows import arrows_between
from adjoint.plot.graphs.boxes import box_of_run
from adjoint.plot.graphs.model import NOTHING, Diagram, Options, Scene
from adjoint.plot.lettering import clean
from adjoint.plot.picture import at_plain_numbers
from adjoint.system import ConstraintSystem, Multipliers
from adjoint.tracing import Trace
from adjoint.tracing.display import function_name

ROOM = 60
"""Boxes that a picture with text has room for: what ``fold=True`` folds to."""

TIGHTER = (28, 20, 14)
"""What it folds to instead, as long as the picture is deeper than :data:`DEEP`."""

DEEP = 20
"""Layers that still fit on a page."""

SHALLOW = 8
"""Layers up to which edges tell the size of their blocks too."""

FEW = 12
"""Boxes up to which the entries of small arrays are written."""

HUGE = 200_000
"""Nodes beyond which one folding is enough."""

LEGIBLE = 250
"""Boxes beyond which ``fold=False`` draws dots."""

CHEAP = 20_000
"""Nodes up to which multipliers are solved for unasked."""


def system_for(subject: Any, caller: str, multipliers: Any = None) -> ConstraintSystem:
    """The system to draw: integers alone have a graph too.

    Raises
    ------
    PlotError
        For anything but a trace or a system, and if there is no node at all.
    """
    if isinstance(subject, Trace):
        system = multipliers.system if isinstance(multipliers, Multipliers) else None
        if system is None or system.trace is not subject:
            system = subject.compile()
    elif isinstance(subject, ConstraintSystem):
        system = subject
    else:
        raise PlotError(
            f"{caller} draws a trace or a system, not {type(subject).__name__}: "
            "adjoint.trace(function, *arguments) makes one"
        )
    if not len(system):
        raise PlotError(f"{caller} has nothing to draw: the trace has no nodes (the function had no array arguments)")
    return at_plain_numbers(system)


def diagram(subject: Any, options: Options, caller: str) -> Diagram:
    """Boxes and arrows of a trace or a system, with their texts."""
    system = system_for(subject, caller, options.multipliers)
    trace = system.trace
    pairs = _pairs(trace)
    runs = _runs(trace, options.fold, pairs)
    detailed = len(runs) <= LEGIBLE
    roomy = len(runs) <= ROOM
    multipliers = solved(system, options.multipliers, options.seed, caller) if detailed else None
    scene = Scene(
        system=system,
        runs=runs,
        box_of=_box_of(runs),
        labels={k: clean(name) for k, name in trace.labels().items()},
        alive=_alive(trace),
        outputs={out for out in trace.outputs if isinstance(out, int)},
        multipliers=multipliers,
        values=roomy if options.values is None else options.values,
        entries=6 if options.values else 3 if len(runs) <= FEW else 1,
        shapes=roomy if options.shapes is None else options.shapes,
        partials=(detailed and options.partials is True) or (roomy and options.partials is None),
        sizes=bool(options.partials) or _depth(pairs, _box_of(runs)) <= SHALLOW,
    )
    arrows = arrows_between(scene, pairs)
    first: dict[int, str] = {}
    for arrow in arrows:
        if arrow.kind != NOTHING:
            first.setdefault(arrow.head, arrow.kind)
    boxes = [box_of_run(scene, run, detailed, first.get(position, NOTHING)) for position, run in enumerate(runs)]
    legend = []
    if any(box.value for box in boxes):
        legend.append("value")
    if any(box.multiplier for box in boxes):
        legend.append("norm" if any(box.has_norm for box in boxes) else "multiplier")
    if any(arrow.text for arrow in arrows):
        legend.append("partial")
    scalar = all(value.size <= 1 for value in trace.values) if len(trace) <= LEGIBLE else False
    kinds = () if scalar else tuple(dict.fromkeys(a.kind for a in arrows if a.kind not in (NOTHING, "")))
    count = f"{len(trace):,} node{'s' * (len(trace) != 1)}"
    shown = count if len(runs) == len(trace) else f"{count} in {len(runs)} boxes"
    caption = f"computational graph of {clean(function_name(trace.function))}: {shown}, {len(arrows):,} edges"
    notes = tuple(
        f"output {place + 1 if len(trace.outputs) > 1 else ''}".rstrip() + f" is the constant {_constant_of(out[0])}"
        for place, out in enumerate(trace.outputs)
        if isinstance(out, tuple)
    )
    return Diagram(system, boxes, arrows, caption, notes, detailed, tuple(legend), kinds)


def _pairs(trace: Trace) -> np.ndarray:
    """``(parent, node)`` of everything that is read, ``(m, 2)``, sorted by node."""
    reads = [(p if p >= 0 else -2 - p, k) for k, record in enumerate(trace.records) for p in record[1] if p != -1]
    return np.array(reads, dtype=np.int64).reshape(-1, 2)


def _box_of(runs: list[Run]) -> np.ndarray:
    """The position of every node's box."""
    return np.repeat(np.arange(len(runs)), [len(run) for run in runs])


def _depth(pairs: np.ndarray, box_of: np.ndarray) -> int:
    """Layers that a picture has."""
    level = [0] * (int(box_of[-1]) + 1)
    for tail, head in np.unique(box_of[pairs[:, ::-1]], axis=0)[:, ::-1].tolist() if len(pairs) else ():
        if tail != head:
            level[head] = max(level[head], level[tail] + 1)
    return max(level) + 1


def _runs(trace: Trace, wanted: bool | int, pairs: np.ndarray) -> list[Run]:
    """One run for each box; of the foldings that have room the first that is not too deep."""
    if wanted is False or (wanted is True and len(trace) <= ROOM):
        return [Run(k, k + 1) for k in range(len(trace))]
    if wanted is True:
        runs = []
        for most in (ROOM, *TIGHTER) if len(trace) <= HUGE else TIGHTER[:1]:
            runs = fold(trace, most)
            if _depth(pairs, _box_of(runs)) <= DEEP:
                break
        return runs
    try:
        most = int(wanted)
    except (TypeError, ValueError):
        most = 0
    if most < 4:
        raise PlotError(f"fold must be True, False or a number of boxes of at least 4, not {wanted!r}")
    return fold(trace, most)


def solved(system: ConstraintSystem, given: Any, seed: Any, caller: str) -> Multipliers | None:
    """Multipliers that are given, or solved for if that is asked for or cheap."""
    if isinstance(given, Multipliers):
        other = given.system
        if other is not system and (other.trace is not system.trace or other.is_relinearized or system.is_relinearized):
            raise PlotError(
                f"{caller} was given multipliers of another system: solve the system that is drawn, or draw "
                "multipliers.system"
            )
        return given
    if given is False:
        return None
    if given is not None and given is not True:
        raise PlotError(
            f"multipliers must be None, True, False or what system.solve returns, not {type(given).__name__}"
        )
    outputs = system.trace.outputs
    lonely = len(outputs) == 1 and isinstance(outputs[0], int) and system.value(outputs[0]).size == 1
    asked = given is True or seed is not None
    if not asked and (len(system) > CHEAP or system.shape[0] == 0 or not lonely):
        return None
    try:
        with np.errstate(all="ignore"):
            return system.solve(seed)
    except AdjointError as error:
        if not asked:
            return None  # nobody asked for them
        if seed is None and not lonely:
            raise PlotError(
                f"{caller} needs seed= to solve for the multipliers of {_outputs_in_words(system)}: weights like the "
                f"output, as {caller}(…, multipliers=True, seed=numpy.ones(shape))"
            ) from error
        raise


def _outputs_in_words(system: ConstraintSystem) -> str:
    outputs = system.trace.outputs
    if len(outputs) != 1 or not isinstance(outputs[0], int):
        return f"{len(outputs)} outputs"
    return f"an output of shape {system.value(outputs[0]).shape}"


def _alive(trace: Trace) -> np.ndarray:
    """Which nodes lead to an output."""
    alive = np.zeros(len(trace), dtype=bool)
    alive[[out for out in trace.outputs if isinstance(out, int)]] = True
    for k in range(len(trace) - 1, -1, -1):
        if alive[k]:
            for p in trace.records[k][1]:
                if p != -1:
                    alive[p if p >= 0 else -2 - p] = True
    return alive


def _constant_of(x: Any) -> str:
    x = np.asarray(x)
    return words.numbers(x) if x.dtype.kind in "fciub" else words.cut(clean(str(x)))
