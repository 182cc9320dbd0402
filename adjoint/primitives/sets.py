"""Arrays as sets: the result holds entries of the arguments, so its derivative is a gather.

Which entries is looked at once, and guarded: an evaluation at new inputs must find the same. Where equal entries could
each be meant, it is the first one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks import Array
from adjoint.primitives.reductions import cast
from adjoint.tracing import Tracer, concrete, guard, handles, stacked


def look(x: Any, inspect: Callable[[np.ndarray], Any]) -> Any:
    """What ``inspect`` says about the plain array behind ``x``, guarded in every trace that it belongs to."""
    return guard(x, lambda value: look(value, inspect)) if type(x) is Tracer else inspect(np.asarray(x))


def _places(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each of ``values`` is found first in a vector; several NaN are found one after the other."""
    order = np.argsort(x, kind="stable")
    found = order[np.minimum(np.searchsorted(x, values, sorter=order), max(x.size - 1, 0))]
    missing = np.isnan(values)
    found[missing] = np.flatnonzero(np.isnan(x))[: np.count_nonzero(missing)]
    return found


@handles(np.unique)
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    ar = stacked(ar)
    options: dict[str, Any] = {"axis": axis, "equal_nan": equal_nan}
    if not sorted:  # since NumPy 2.3
        options["sorted"] = False
    if axis is None and not (return_index or return_inverse or return_counts):
        flat = np.ravel(ar)
        return flat[look(flat, lambda x: _places(x, np.unique(x, **options)))]
    index = look(ar, lambda x: np.unique(x, return_index=True, **options)[1])
    result = [np.ravel(ar)[index] if axis is None else np.take(ar, index, axis)]
    if return_index:
        result.append(index)
    if return_inverse:
        result.append(look(ar, lambda x: np.unique(x, return_inverse=True, **options)[1]))
    if return_counts:
        result.append(look(ar, lambda x: np.unique(x, return_counts=True, **options)[1]))
    return tuple(result) if len(result) > 1 else result[0]


def _unique_with(function: Any) -> None:
    """The array API's functions, which answer with named tuples that begin with the values."""

    @handles(function)
    def handler(x: Any, /) -> Any:
        x = stacked(x)
        flat = np.ravel(x)
        values = flat[look(flat, lambda v: _places(v, function(v).values))]
        found = function(np.asarray(concrete(x)))
        # mypy cannot type a lambda with a default
        others = {name: look(x, lambda v, name=name: getattr(function(v), name)) for name in found._fields[1:]}  # type: ignore[misc]
        return found._replace(values=values, **others)


for _function in (np.unique_all, np.unique_counts, np.unique_inverse):
    _unique_with(_function)


@handles(np.unique_values)
def _unique_values(x: Any, /) -> Any:
    flat = np.ravel(stacked(x))
    return flat[look(flat, lambda v: _places(v, np.unique_values(v)))]


# --- two sets ---------------------------------------------------------------------------------------


def _joined(ar1: Any, ar2: Any) -> tuple[Array, int]:
    first, second = (np.ravel(stacked(x)) for x in (ar1, ar2))
    return np.concatenate([first, second]), first.size


@handles(np.union1d)
def _union(ar1: Any, ar2: Any) -> Any:
    return np.unique(_joined(ar1, ar2)[0])


@handles(np.intersect1d)
def _intersection(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    both, n = _joined(ar1, ar2)
    _, index1, index2 = look(both, lambda x: np.intersect1d(x[:n], x[n:], assume_unique, return_indices=True))
    return (both[index1], index1, index2) if return_indices else both[index1]


@handles(np.setdiff1d)
def _difference(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    both, n = _joined(ar1, ar2)
    if assume_unique:
        left = look(both, lambda x: np.flatnonzero(np.isin(x[:n], x[n:], assume_unique=True, invert=True)))
    else:
        left = look(both, lambda x: _places(x[:n], np.setdiff1d(x[:n], x[n:])))
    found, dtype = both[left], stacked(ar1).dtype
    return cast(np.real(found) if found.dtype.kind == "c" and dtype.kind != "c" else found, dtype)


@handles(np.setxor1d)
def _symmetric_difference(ar1: Any, ar2: Any, assume_unique: bool = False) -> Any:
    both, n = _joined(ar1, ar2)
    return both[look(both, lambda x: _places(x, np.setxor1d(x[:n], x[n:], assume_unique)))]
