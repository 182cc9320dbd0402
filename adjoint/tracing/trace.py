"""A trace: the numbered list of constraints ``z_i = f_i(z_a(i))`` that a function ran through.

The trace is the one object that mutates, and only while it records. Nodes are rows of three flat lists
(primitives, records and values); there are no node objects, no references from nodes to nodes, hence no cycles and
nothing for the garbage collector to search.

Node numbers are 0-based in this floor's lists and 1-based (``z_1 … z_n``) in everything a user sees.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from threading import get_ident
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from adjoint.blocks import Array
from adjoint.errors import ArgumentError, EscapedTracerError, TraceMismatchError
from adjoint.tracing import display, graph, locks
from adjoint.tracing.primitive import INPUT, Primitive, Static
from adjoint.tracing.pytrees import argument_names, flatten
from adjoint.tracing.sites import Site, here, resolve

if TYPE_CHECKING:
    import networkx

Record = tuple[Sequence[Array], Sequence[int], Static | None, CodeType | None, int]
"""``(operands, parents, static, code, offset)``; the primitives stand in a list of their own.

A record holds nothing that Python's cyclic garbage collector must follow, so it soon stops tracking it.

``parents`` runs along ``operands``. An entry ``p ≥ 0`` is a node that the constraint depends on; ``-1`` a
constant; ``p ≤ -2`` the node ``-2 - p`` that only carries discrete data (integers, masks): it is evaluated
again when the trace is, and has no derivative.
"""

_serials = count()
EMPTY: Static = {}


@dataclass(frozen=True, slots=True)
class Node:
    """One constraint ``z_i = f_i(z_a(i))``, for reading.

    Attributes
    ----------
    number : int
        ``i``, counted from 1.
    operation : str
    parents : tuple of int
        Numbers of the nodes that it reads.
    value : array
        ``z_i``.
    name : str or None
        The argument's name, or the one given with :func:`adjoint.name`.
    site : Site or None
        The user's line; ``None`` for arguments.
    """

    number: int
    operation: str
    parents: tuple[int, ...]
    value: Array
    name: str | None
    site: Site | None


class Trace:
    """What happened when a function ran: constraints in topological order, and their values.

    Parameters are set by the recorder; a trace is obtained from :func:`adjoint.trace`.

    Attributes
    ----------
    primitives : list of Primitive
    records : list of Record
    values : list of array
        ``z_1 … z_n`` at the point of recording.
    inputs : list of int
        Nodes (0-based) of the differentiable arguments' leaves, in order.
    outputs : list
        For each leaf of the output: its node (0-based), or a constant wrapped in a 1-tuple.
    """

    __slots__ = (
        "__weakref__",
        "_locked",
        "argument_spec",
        "closed",
        "function",
        "guards",
        "inputs",
        "lean",
        "names",
        "output_spec",
        "outputs",
        "primitives",
        "records",
        "serial",
        "thread",
        "values",
        "writes",
    )

    def __init__(self, function: Callable[..., Any] | None = None, *, lean: bool = False) -> None:
        self.serial = next(_serials)  # a trace that begins later is nested deeper
        self.function = function
        self.lean = lean  # keeps only what one solve reads; such a trace cannot be evaluated again
        self.primitives: list[Primitive] = []
        self.records: list[Record] = []
        self.values: list[Array] = []
        self.inputs: list[int] = []
        self.outputs: list[Any] = []
        self.names: dict[int, str] = {}
        self.guards: list[tuple[int, Callable[[Any], Any], Any]] = []
        self.argument_spec: Any = None
        self.output_spec: Any = None
        self.thread = get_ident()
        self.closed = False
        self.writes = 0  # how often a traced array has been written to
        self._locked: list[np.ndarray] = []

    def add_input(self, value: Array) -> int:
        """Append an argument; returns its node."""
        self.primitives.append(INPUT)
        self.records.append(((), (), None, None, 0))
        self.values.append(value)
        self.inputs.append(len(self.values) - 1)
        return len(self.values) - 1

    def keep(self, array: np.ndarray) -> np.ndarray:
        """A constant as the trace may keep it: safe from edits that the user makes later."""
        if array.flags.writeable or array.base is not None:
            if locks.must_copy(array):
                return array.copy(order="K")
            self._locked += locks.acquire(array)
        elif locks.is_held(array):
            self._locked += locks.acquire(array)
        return array

    @property
    def holds_locks(self) -> bool:
        """Whether some constant is write-locked."""
        return bool(self._locked)

    def release(self) -> None:
        """Give locked constants back to the user."""
        locked, self._locked = self._locked, []
        locks.release(locked)

    def keep_inputs_only(self) -> None:
        """Let go of all that was recorded; what is known of the arguments stays, to check others by."""
        kept = {k: self.values[k] for k in self.inputs}
        self.values[:] = [kept.get(k) for k in range(max(self.inputs, default=-1) + 1)]
        del self.records[:], self.primitives[:], self.guards[:]

    def __del__(self) -> None:
        if getattr(self, "_locked", None):
            self.release()

    def __len__(self) -> int:
        return len(self.records)

    def refuse_if_closed(self) -> None:
        """Raise if a traced value is used after its trace has ended, or in a thread that is not recording it."""
        if self.thread != get_ident():
            raise EscapedTracerError(
                f"a traced value was used in another thread than the one that records it: {here()}\n"
                "Threads may each record a trace of their own, but not share one: call grad inside the threads, or "
                "run this part of the function without them."
            )
        if self.closed:
            raise EscapedTracerError(
                f"a traced value was used after the trace it belongs to had ended: {here()}\nIt was probably stored in "
                "a global, an attribute or a container inside the traced function; return it from the function "
                "instead (with has_aux=True if it is not to be differentiated)."
            )

    def site(self, node: int) -> Site | None:
        """The user's line that made this node (0-based); ``None`` for arguments."""
        code, offset = self.records[node][3:]
        return None if code is None else resolve(code, offset)

    def evaluate(self, inputs: Sequence[Array]) -> list[Array]:
        """The values of all nodes at new inputs (one per leaf, in order), without recording them here.

        Raises
        ------
        TraceMismatchError
            Where the program inspected a traced value (``if``, ``int``, a mask) and would now find another answer:
            there the trace is not what the function would do.
        """
        fresh = dict(zip(self.inputs, inputs, strict=True))
        guards: dict[int, list[tuple[Callable[[Any], Any], Any]]] = {}
        for node, inspect, expected in self.guards:
            guards.setdefault(node, []).append((inspect, expected))
        values: list[Array] = []
        for node, (operands, parents, static, _, _) in enumerate(self.records):
            primitive = self.primitives[node]
            if primitive is INPUT:
                value = fresh[node]
            else:
                now = current_operands(operands, parents, values)
                value = primitive.function(*now, **(static or EMPTY))
            for inspect, expected in guards.get(node, ()):
                if not np.array_equal(inspect(value), expected):
                    raise TraceMismatchError(
                        f"the program took another branch than recorded: it inspected z_{node + 1} = "
                        f"{primitive.name}(…) at {self.site(node)}, found {expected!s:.60} then and "
                        f"{inspect(value)!s:.60} now; record a new trace"
                    )
            values.append(value)
        return values

    def __call__(self, *args: Any) -> Any:
        """Evaluate the same constraints at new arguments, with the structure and shapes of the old ones.

        Returns
        -------
        pytree
            What the function would return; see :meth:`evaluate` for what is checked.
        """
        return self.output_of(self.evaluate(self.leaves_of(args)))

    def leaves_of(self, args: Sequence[Any]) -> list[Array]:
        """The leaves of new arguments, checked against the recorded structure."""
        spec, _ = self.argument_spec
        leaves, given = flatten(tuple(args))
        if given != spec:
            raise ArgumentError(f"the trace was recorded with arguments {spec}, and is now given {given}")
        return [self._like_recorded(node, x) for node, x in zip(self.inputs, leaves, strict=True)]

    def _like_recorded(self, node: int, x: Any) -> Array:
        """A new value of an input, in the recorded dtype; its shape has to be the recorded one."""
        x = x if hasattr(x, "dtype") else np.asarray(x)[()]
        dtype, shape = self.values[node].dtype, self.values[node].shape
        if x.shape != shape:
            raise TraceMismatchError(
                f"argument z_{node + 1} was recorded with shape {shape}, and is now given with shape {x.shape}; record "
                "a new trace"
            )
        if x.dtype == dtype:
            return x
        if not np.can_cast(x.dtype, dtype, "same_kind"):
            raise TraceMismatchError(
                f"argument z_{node + 1} was recorded as {dtype} and is now given as {x.dtype}; record a new trace"
            )
        return x.astype(dtype)

    def output_of(self, values: Sequence[Array]) -> Any:
        """The output, in the function's own structure, from the values of all nodes."""
        leaves = [out[0] if isinstance(out, tuple) else values[out] for out in self.outputs]
        return self.output_spec.unflatten(leaves)

    def compile(self) -> Any:
        """The constraint system ``A λ = −s`` of this trace: a :class:`adjoint.ConstraintSystem`."""
        return COMPILER[0](self)

    # --- reading: node numbers are 1-based ---------------------------------------------------------

    def node(self, number: int) -> Node:
        """Constraint ``z_number``."""
        if not 1 <= number <= len(self):
            raise IndexError(f"the trace has nodes z_1 … z_{len(self)}, not z_{number}")
        k = number - 1
        labels = self.labels()
        parents = tuple(graph.predecessors(self, number))
        return Node(number, self.primitives[k].name, parents, self.values[k], labels.get(k), self.site(k))

    def nodes(self) -> Iterator[Node]:
        """All constraints in topological order."""
        return (self.node(k + 1) for k in range(len(self)))

    def labels(self) -> dict[int, str]:
        """Names of nodes (0-based): the arguments' own, and over them those given with :func:`adjoint.name`."""
        return {**self._argument_labels(), **self.names}

    def _argument_labels(self) -> dict[int, str]:
        spec, chosen = self.argument_spec
        return dict(zip(self.inputs, argument_names(self.function, spec, chosen), strict=True))

    def find(self, label: str) -> int:
        """The number of the node that is the argument ``label``, or was given that name.

        Raises
        ------
        KeyError
            If there is none or more than one; the message lists the names or the nodes.
        """
        known = [*self._argument_labels().items(), *self.names.items()]
        hits = sorted({k + 1 for k, name in known if name == label})
        if len(hits) == 1:
            return hits[0]
        if hits:
            raise KeyError(f"{label!r} names several nodes ({', '.join(f'z_{k}' for k in hits)}): ask by number")
        names = ", ".join(dict.fromkeys(name for _, name in known))
        raise KeyError(f"no node is named {label!r}; the names are: {names or 'none'}")

    def predecessors(self, node: int) -> list[int]:
        """The nodes that constraint ``node`` reads."""
        return graph.predecessors(self, node)

    def successors(self, node: int) -> list[int]:
        """The nodes that read ``node``."""
        return graph.successors(self, node)

    def topological_order(self) -> list[int]:
        """``1 … n``: a trace is recorded in topological order."""
        return list(range(1, len(self) + 1))

    def levels(self) -> list[int]:
        """For each node the length of the longest path to it; nodes of one level are independent."""
        return graph.levels(self)

    def ancestors(self, node: int) -> list[int]:
        """All nodes on which ``node`` depends."""
        return graph.ancestors(self, node)

    def descendants(self, node: int) -> list[int]:
        """All nodes that depend on ``node``."""
        return graph.descendants(self, node)

    def breadth_first(self, start: int | None = None, *, backward: bool = False) -> Iterator[int]:
        """Nodes in order of their distance from ``start`` (by default the arguments, or the last node)."""
        return graph.breadth_first(self, start, backward=backward)

    def depth_first(self, start: int | None = None, *, backward: bool = False) -> Iterator[int]:
        """Nodes along each path to its end, from ``start`` (by default the arguments, or the last node)."""
        return graph.depth_first(self, start, backward=backward)

    def between(self, sources: Iterable[int], targets: Iterable[int]) -> list[int]:
        """The sub-trace on paths from ``sources`` to ``targets``, ends included."""
        return graph.between(self, sources, targets)

    def to_networkx(self) -> networkx.DiGraph[int]:
        """The trace as a :class:`networkx.DiGraph`; needs the extra ``plot``."""
        return graph.to_networkx(self)

    def __str__(self) -> str:
        return display.listing(self)

    def __repr__(self) -> str:
        return f"<trace of {display.function_name(self.function)}: {len(self)} nodes>\n{self}"

    def _repr_html_(self) -> str | None:
        # by name: pictures stand on a floor above, and are loaded when one is wanted
        try:
            html: str | None = importlib.import_module("adjoint.plot.notebook").trace_html(self)
        except Exception:  # a notebook falls back to the repr
            return None
        return html


COMPILER: list[Callable[[Trace], Any]] = []
"""Set by the floor above: what :meth:`Trace.compile` builds."""


def current_operands(operands: Sequence[Array], parents: Sequence[int], values: Sequence[Array]) -> list[Array]:
    """Operands of one record with the traced ones taken from ``values``."""
    return [x if p == -1 else values[p if p >= 0 else -2 - p] for x, p in zip(operands, parents, strict=True)]
