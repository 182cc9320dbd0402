"""Which arguments no derivative reaches, and why; which nodes lead nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adjoint.tracing import INPUT
from adjoint.tracing.graph import dataflow_parents
from adjoint.tracing.sites import Site

if TYPE_CHECKING:
    from adjoint.system.diagnosis.scan import Scan
    from adjoint.system.system import ConstraintSystem


@dataclass(frozen=True, slots=True)
class Unreached:
    """An argument whose gradient is structurally zero.

    Attributes
    ----------
    name : str
    node : int
        Its number, from 1.
    reason : str
    blocked_by : int or None
        The first node (from 1) that reads it, or what was made of it, and has no derivative there.
    site : Site or None
        The user's line of that node.
    """

    name: str
    node: int
    reason: str
    blocked_by: int | None
    site: Site | None

    def __str__(self) -> str:
        return f"the gradient with respect to `{self.name}` is structurally zero because {self.reason}"


def find_unreached(system: ConstraintSystem, scan: Scan) -> tuple[tuple[Unreached, ...], tuple[int, ...]]:
    """The arguments without a path to the output, with reasons; and the numbers of the other nodes without one.

    Two passes over the edges, and one walk from each such argument.
    """
    n = len(system)
    outputs = {out for out in system.trace.outputs if isinstance(out, int)}
    flow = [dataflow_parents(record[1]) for record in system.records]
    leads = [k in outputs for k in range(n)]  # with a derivative
    influences = list(leads)  # in any way
    for k in range(n - 1, -1, -1):
        if leads[k]:
            for i in scan.operands[k]:
                leads[i] = True
        if influences[k]:
            for i in flow[k]:
                influences[i] = True
    lost = [k for k in system.trace.inputs if not (leads[k] and system.is_active(k))]
    dead = tuple(k + 1 for k in range(n) if not leads[k] and system.is_active(k) and system.primitives[k] is not INPUT)
    if not lost:
        return (), dead
    readers: list[list[int]] = [[] for _ in range(n)]
    for k in range(n):
        for i in set(flow[k]):
            readers[i].append(k)
    labels = system.trace.labels()
    found = []
    for a in lost:
        reason, culprit = _reason(system, scan, a, readers, influences)
        site = None if culprit is None else system.trace.site(culprit)
        found.append(
            Unreached(labels.get(a, f"z_{a + 1}"), a + 1, reason, None if culprit is None else culprit + 1, site)
        )
    return tuple(found), dead


def _reason(
    system: ConstraintSystem, scan: Scan, a: int, readers: list[list[int]], influences: list[bool]
) -> tuple[str, int | None]:
    dtype = system.values[a].dtype
    if dtype.kind not in "fc":
        return f"its values are of dtype {dtype}, which has no derivatives", None
    if all(isinstance(out, tuple) for out in system.trace.outputs):
        return "the output is a constant", None
    if not readers[a]:
        if any(node == a for node, _, _ in system.trace.guards):
            return "it only decides which branch the program takes", None
        return "no operation reads it", None
    seen = {a}
    waiting = [a]
    stops: list[int] = []
    while waiting:
        i = waiting.pop()
        for k in readers[i]:
            if i not in scan.operands[k]:
                stops.append(k)
            elif k not in seen:
                seen.add(k)
                waiting.append(k)
    through = [k for k in stops if influences[k]]
    if through:
        k = min(through)
        what = (
            "only pass through"
            if len(set(through)) == 1
            else "only pass through operations without a derivative, first"
        )
        return f"its values {what} {_named(system, k)}, {_why_zero(system, k)}", k
    guarding = _first_guard(system, a, readers)
    if guarding is not None:
        where = _named(system, guarding)
        return f"it only decides which branch the program takes, by {where}", guarding
    k = min(readers[a])
    return f"the nodes that read it do not lead to the output; the first is {_named(system, k)}", k


def _first_guard(system: ConstraintSystem, a: int, readers: list[list[int]]) -> int | None:
    """The first node on which ``a`` has any influence and that the program looked at."""
    guards = {node for node, _, _ in system.trace.guards}
    seen, waiting = {a}, [a]
    while waiting:
        for k in readers[waiting.pop()]:
            if k not in seen:
                seen.add(k)
                waiting.append(k)
    return min((k for k in seen & guards if k != a), default=None)


def _named(system: ConstraintSystem, k: int) -> str:
    site = system.trace.site(k)
    where = f" at {site.file}:{site.line}" if site else ""
    return f"z_{k + 1} = {system.primitives[k].name}(…){where}"


def _why_zero(system: ConstraintSystem, k: int) -> str:
    primitive = system.primitives[k]
    if primitive.name == "stop_gradient":
        return "which stops derivatives"
    if primitive.discrete or system.values[k].dtype.kind not in "fc":
        return "whose values are discrete and have no derivative"
    if primitive.elementwise:
        return "which is piecewise constant"
    return "which has no derivative with respect to them"
