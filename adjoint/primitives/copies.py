"""Functions that only copy entries: NumPy itself tells where each entry comes from.

``np.repeat``, ``np.pad``, ``np.insert`` and others move entries of their arguments to places that depend on
shapes and constants alone. Called on arrays that hold the *positions* of entries in place of the entries, such a
function returns the map by which it copies; the blocks are gathers by that map. So no such function needs a
formula, and all of its arguments are covered.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Mask, Take
from adjoint.errors import LostDerivativeError
from adjoint.tracing import FUNCTIONS, Primitive, Tracer, bind, guard, here
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

NOWHERE = 0
"""The position of an entry that is no copy: a zero that the function fills in. Positions start at 1."""


class Call:
    """A call whose sources are left open.

    Of the sources it keeps the nesting only: the arrays are the operands of the record.
    """

    def __init__(self, function: Callable[..., Any], constants: dict[str, Any], sources: dict[str, Any]) -> None:
        self.function = function
        self.constants = constants
        self.nesting = {name: _rebuilt(tree, repeat(None)) for name, tree in sources.items()}
        self._map: np.ndarray | None = None

    def __str__(self) -> str:
        shown = [f"{name}={x}" for name, x in self.constants.items() if x is not None and x is not np._NoValue]
        return ", ".join(shown) or "all"

    def run(self, leaves: Sequence[Any]) -> Any:
        """The function on these arrays as its sources."""
        pending = iter(leaves)
        filled = {name: _rebuilt(tree, pending) for name, tree in self.nesting.items()}
        return self.function(**self.constants, **filled)

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
        arguments |= extra
        taken = {key: arguments.pop(key) for key in sources if key in arguments}
        leaves: list[Any] = []
        for tree in taken.values():
            _collect(tree, leaves)
        made = bind(primitive, leaves, {"call": Call(function, arguments, taken)})
        _refuse_narrowing(primitive.name, made, leaves)
        return made

    handler.__name__ = primitive.name
    handler.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    return handler


def _refuse_narrowing(name: str, made: Any, leaves: Sequence[Any]) -> None:
    """Raise where NumPy would cut entries to the dtype of another source: ``np.insert([1, 2], 0, 0.5)``."""
    for x in leaves:
        kinds = made.dtype.kind, x.dtype.kind
        if type(x) is Tracer and x._index >= 0 and kinds[0] != "c" and kinds != ("f", "f"):
            raise LostDerivativeError(
                f"{name} would cut a traced {x.dtype} to {made.dtype} and lose its derivative: {here()}\n"
                "Give the other array a dtype that holds it."
            )


def _constant(x: Any) -> Any:
    """An argument that is no source, safe from edits that the user makes later."""
    if isinstance(x, (list, tuple)):
        return type(x)(_constant(item) for item in x)
    if type(x) is Tracer:
        return guard(x, np.array)
    return x.copy() if type(x) is np.ndarray else x


def copies(function: Callable[..., Any], *sources: str) -> None:
    """Register a NumPy function that only copies entries of ``sources``."""
    FUNCTIONS[function] = copying(function, *sources)


copies(np.repeat, "a")
copies(np.tile, "A")
copies(np.block, "arrays")
copies(np.insert, "arr", "values")
copies(np.delete, "arr")
copies(np.resize, "a")
copies(np.compress, "a")
copies(np.extract, "arr")
copies(np.lib.stride_tricks.sliding_window_view, "x")
