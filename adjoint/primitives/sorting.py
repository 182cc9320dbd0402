"""Sorting and searching: rearrangements are gathers, answers about order are integers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Reshape, Take
from adjoint.blocks.kernels import Shape, flat_index
from adjoint.tracing import FUNCTIONS, Primitive, bind, decided, handles, structured
from adjoint.tracing.primitive import no_blocks

# --- rearrangements ---------------------------------------------------------------------------------


def _sorted(y: Array, a: Array, axis: int | None) -> Block:
    """Equal entries keep their order."""
    return _rearranged(a, axis, lambda order, axis: order)


def _partitioned(y: Array, a: Array, axis: int | None) -> Block:
    """Which entry went where, the order of both sides tells: each has the same entries."""

    def places(order: np.ndarray, axis: int) -> np.ndarray:
        moved = np.empty_like(order)
        np.put_along_axis(moved, _stable_order(y, axis), order, axis)
        return moved

    return _rearranged(a, axis, places)


def _rearranged(a: Array, axis: int | None, places: Callable[[np.ndarray, int], np.ndarray]) -> Block:
    shape = a.shape if axis is not None else (a.size,)
    axis = 0 if axis is None else axis
    order = places(_stable_order(a, axis, shape), axis)
    positions = np.take_along_axis(flat_index(shape), order, axis)
    block = Take(positions, shape)
    return block if shape == a.shape else block @ Reshape(a.shape, shape)


def _stable_order(a: Array, axis: int, shape: Shape | None = None) -> np.ndarray:
    """``argsort``, on which a trace that goes on to be evaluated elsewhere depends."""
    order: np.ndarray = decided(
        a, lambda x: np.argsort(x if shape is None else x.reshape(shape), axis=axis, kind="stable")
    )
    return order


structured(np.sort, lambda y, a, axis=-1, kind=None, order=None, stable=None: _sorted(y, a, axis))
structured(
    np.partition,
    lambda y, a, kth, axis=-1, kind="introselect", order=None: _partitioned(y, a, axis),
    signature="a, kth, axis, kind, order",
)


@handles(np.sort_complex)
def _sort_complex(a: Any) -> Any:
    result = np.sort(a)
    if result.dtype.kind == "c":
        return result
    return result.astype({"b": "F", "h": "F", "B": "F", "H": "F", "g": "G"}.get(result.dtype.char, "D"))


# --- integer-like answers ---------------------------------------------------------------------------


def discrete(function: Any, *arrays: str) -> None:
    """A function whose result has no derivative; recorded, so that an evaluation at new inputs computes it anew.

    Parameters
    ----------
    function : callable
        With a signature.
    *arrays : str
        The parameters that may be traced.
    """
    signature = inspect.signature(function)

    def evaluate(*operands: Any, names: tuple[str, ...], **static: Any) -> Any:
        return function(**dict(zip(names, operands, strict=True)), **static)

    primitive = Primitive(function.__name__, evaluate, no_blocks, discrete=True)

    def handler(*args: Any, **kwargs: Any) -> Any:
        arguments = signature.bind(*args, **kwargs).arguments
        arguments = {
            key: x for key, x in arguments.items() if (x is not None and x is not np._NoValue) or key == "axis"
        }
        names = tuple(key for key in arrays if key in arguments)
        operands = [arguments.pop(key) for key in names]
        return bind(primitive, operands, {"names": names, **arguments})

    handler.__name__ = function.__name__
    handler.primitive = primitive  # type: ignore[attr-defined]  # for the coverage report
    FUNCTIONS[function] = handler


_function: Any
for _function in (np.argsort, np.argpartition, np.argmax, np.argmin, np.nanargmax, np.nanargmin):
    discrete(_function, "a")
for _function in (np.all, np.any):
    discrete(_function, "a", "where")
discrete(np.searchsorted, "a", "v", "sorter")
discrete(np.digitize, "x", "bins")
discrete(np.isin, "element", "test_elements")

_lexsort = Primitive("lexsort", lambda *keys, axis: np.lexsort(keys, axis), no_blocks, discrete=True)


@handles(np.lexsort)
def _lexsort_keys(keys: Any, axis: int = -1) -> Any:
    return bind(_lexsort, list(keys), {"axis": axis})
