"""Functions that only copy entries: NumPy itself tells where each entry comes from.

``np.repeat``, ``np.pad``, ``np.insert`` and dozens more move entries of their arguments to places that depend on
shapes and constants alone. Called on arrays that hold the *positions* of entries in place of the entries, such a
function returns the map by which it copies; the blocks are gathers by that map. So no such function needs a
formula, and all of its arguments are covered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Mask, Take
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, guard
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

NOWHERE = 0
"""The position of an entry that is no copy: a zero that the function fills in. Positions start at 1."""


class Call:
    """A call whose sources are left open: nested lists of arrays are rebuilt around their leaves."""

    def __init__(self, function: Callable[..., Any], arguments: dict[str, Any], sources: Sequence[str]) -> None:
        self.function = function
        self.arguments = arguments
        self.sources = sources
        self._map: np.ndarray | None = None

    def __str__(self) -> str:
        shown = {name: x for name, x in self.arguments.items() if name not in self.sources and x is not None}
        return ", ".join(f"{name}={x}" for name, x in shown.items() if x is not np._NoValue) or "all"

    def leaves(self) -> list[Any]:
        """The source arrays, in order."""
        found: list[Any] = []
        for name in self.sources:
            _collect(self.arguments[name], found)
        return found

    def run(self, leaves: Sequence[Any]) -> Any:
        """The function on other source arrays in the places of its own."""
        pending = iter(leaves)
        filled = {name: _rebuilt(self.arguments[name], pending) for name in self.sources}
        return self.function(**{**self.arguments, **filled})

    def positions(self, shapes: Sequence[tuple[int, ...]]) -> np.ndarray:
        """For each entry of the result, which entry of the leaves (flat, one after the other, from 1) it copies."""
        if self._map is None:
            start, maps = NOWHERE + 1, []
            for shape in shapes:
                size = int(np.prod(shape))
                maps.append(np.arange(start, start + size).reshape(shape))
                start += size
            self._map = np.asarray(self.run(maps))
        return self._map


def _collect(tree: Any, found: list[Any]) -> None:
    if isinstance(tree, (list, tuple)):
        for item in tree:
            _collect(item, found)
    else:
        found.append(tree if hasattr(tree, "shape") else np.asarray(tree))


def _rebuilt(tree: Any, leaves: Any) -> Any:
    if isinstance(tree, (list, tuple)):
        return type(tree)([_rebuilt(item, leaves) for item in tree])
    return next(leaves)


def _blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    shapes = [x.shape for x in operands]
    positions = static["call"].positions(shapes)
    result: Blocks = []
    start = NOWHERE + 1
    for shape, parent in zip(shapes, parents, strict=True):
        stop = start + int(np.prod(shape))
        if parent >= 0:
            block = _gather(positions, start, stop, shape)
            if block is not None:
                result.append((parent, block))
        start = stop
    return result


def _gather(positions: np.ndarray, start: int, stop: int, shape: tuple[int, ...]) -> Block | None:
    """The entries copied from one leaf; ``None`` if there are none."""
    hit = (positions >= start) & (positions < stop)
    if not hit.any():
        return None
    if hit.all():
        return Take(positions - start, shape)
    return Mask(hit, positions.shape, positions.shape) @ Take(np.where(hit, positions - start, 0), shape)


def copying(function: Callable[..., Any], *sources: str, name: str | None = None) -> Callable[..., Any]:
    """A handler for a function whose result holds copies of entries of ``sources`` (and zeros), and nothing else.

    Parameters
    ----------
    function : callable
        With a signature. All other arguments are constants; a traced one is looked at, and guarded.
    *sources : str
        Parameters that are arrays, or nested lists of arrays.
    """
    signature = inspect.signature(function)

    def evaluate(*leaves: Any, call: Call) -> Any:
        if any(type(x) is Tracer for x in leaves):  # of an outer trace
            return bind(primitive, leaves, {"call": call})
        return call.run(leaves)

    primitive = Primitive(name or function.__name__, evaluate, _blocks, reads=SHAPES_ONLY)

    def handler(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = {key: x if key in sources else _constant(x) for key, x in bound.arguments.items()}
        extra = arguments.pop("kwargs", {})  # of functions such as np.pad
        call = Call(function, {**arguments, **extra}, [key for key in sources if key in {**arguments, **extra}])
        return bind(primitive, call.leaves(), {"call": call})

    handler.__name__ = primitive.name
    handler.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    return handler


def _constant(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(_constant(item) for item in x)
    return guard(x, np.asarray) if type(x) is Tracer else x


def copies(function: Callable[..., Any], *sources: str) -> None:
    """Register a NumPy function that only copies entries of ``sources``."""
    FUNCTIONS[function] = copying(function, *sources)


copies(np.repeat, "a")
copies(np.tile, "A")
copies(np.block, "arrays")
copies(np.select, "choicelist", "default")
copies(np.insert, "arr", "values")
copies(np.delete, "arr")
