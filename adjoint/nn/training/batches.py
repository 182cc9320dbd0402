"""Mini-batches: from arrays in an order that seed and epoch decide, or from a factory of iterators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from adjoint.errors import ArgumentError
from adjoint.nn.training.seeds import ORDER, stream

Batch = tuple[Any, ...]
Factory = Callable[[int], Iterable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """What an epoch goes through.

    Attributes
    ----------
    arrays : tuple of array, or None
        With one first axis: the examples.
    factory : callable or None
        ``epoch → iterable of batches``, epochs counted from 0.
    size : int
        Examples of a batch.
    shuffle, drop_last : bool
    seed : int
    dtype : dtype or None
        What floating-point arrays are converted to, batch by batch.
    """

    arrays: tuple[np.ndarray, ...] | None
    factory: Factory | None
    size: int
    shuffle: bool
    drop_last: bool
    seed: int
    dtype: Any

    @property
    def examples(self) -> int | None:
        """How many there are; ``None`` for a factory, which need not know."""
        return None if self.arrays is None else len(self.arrays[0])

    @property
    def count(self) -> int | None:
        """Batches of an epoch, if known."""
        if self.arrays is None:
            return None
        n = len(self.arrays[0])
        return n // self.size if self.drop_last else -(-n // self.size)

    def of_epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number ``start`` on."""
        if self.arrays is None:
            found: Iterable[Any] = self.factory(epoch)  # type: ignore[misc]  # one of the two is always there
            for batch in islice(iter(found), start, None):
                yield self._converted(_from_factory(batch))
            return
        n, size = len(self.arrays[0]), self.size
        order = stream(self.seed, ORDER, epoch).permutation(n) if self.shuffle else None
        for begin in range(start * size, (n // size) * size if self.drop_last else n, size):
            part: Any = slice(begin, begin + size) if order is None else order[begin : begin + size]
            yield self._converted(tuple(array[part] for array in self.arrays))

    def first(self) -> Batch:
        """The first batch of the first epoch: for its shapes."""
        for batch in self.of_epoch(0):
            return batch
        raise ArgumentError("the data have no batches: the factory's first epoch is empty")

    def _converted(self, batch: Batch) -> Batch:
        if self.dtype is None:
            return batch
        return tuple(x.astype(self.dtype, copy=False) if x.dtype.kind == "f" else x for x in batch)


def batches_of(
    data: Any,
    size: Any,
    *,
    shuffle: bool = False,
    drop_last: bool = False,
    seed: int = 0,
    dtype: Any = None,
    clip: bool = False,
    what: str = "data",
) -> Batches:
    """Data as the user gave them, checked. ``clip``: a batch size beyond the data means all of them."""
    if size is not None and (isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 1):
        raise ArgumentError(f"batch_size is a whole number from 1 up, or None for all examples at once, not {size!r}")
    if callable(data):
        return Batches(None, data, 0, False, False, seed, dtype)
    arrays = _arrays(data, what)
    n = len(arrays[0])
    if size is not None and size > n and not clip:
        raise ArgumentError(
            f"batch_size={size} is larger than the {n} example{'s' * (n != 1)} of {what}; "
            "batch_size=None takes all of them at once"
        )
    whole = size is None or size >= n
    return Batches(
        arrays, None, n if size is None else min(int(size), n), shuffle and not whole, drop_last, seed, dtype
    )


def _arrays(data: Any, what: str) -> tuple[np.ndarray, ...]:
    if not isinstance(data, (tuple, list)):
        if isinstance(data, np.ndarray):
            data = (data,)
        else:
            raise ArgumentError(
                f"{what} is a tuple of arrays with one first axis, (x, y), or a function epoch → batches, "
                f"not {type(data).__name__}"
            )
    if not data:
        raise ArgumentError(f"{what} is an empty tuple: it takes the arrays (x, y), or (x,)")
    arrays = tuple(np.asarray(each) for each in data)
    for k, array in enumerate(arrays):
        if array.dtype.kind == "O":
            raise ArgumentError(f"{what}[{k}] is an array of objects; its rows may differ in length")
        if not array.ndim:
            raise ArgumentError(f"{what}[{k}] is a number, and has no first axis of examples")
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) > 1:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ArgumentError(f"the arrays of {what} differ in their number of examples: the shapes are {shapes}")
    if not lengths[0]:
        raise ArgumentError(f"{what} is empty: its arrays have the shapes {', '.join(str(x.shape) for x in arrays)}")
    return arrays


def _from_factory(batch: Any) -> Batch:
    batch = batch if isinstance(batch, (tuple, list)) else (batch,)
    arrays = tuple(np.asarray(each) for each in batch)
    if not arrays or not arrays[0].ndim or not len(arrays[0]):
        raise ArgumentError(f"the factory gave a batch without examples, {batch!r:.80}")
    return arrays
