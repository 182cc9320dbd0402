"""The blocks of ``y[index] = v``: what stays of ``y``, and where ``v`` goes."""

from __future__ import annotations

import numpy as np

from adjoint.blocks import Inside, InsideEntries, Outside, OutsideEntries
from tests.blocks.entry import Entry, Shape

INDICES: list[tuple[Shape, tuple[object, ...]]] = [
    ((4,), (2,)),
    ((4,), (-1,)),
    ((4,), (slice(1, 3),)),
    ((4,), (slice(None, None, -2),)),
    ((4,), (slice(2, 2),)),
    ((4,), ()),
    ((), ()),
    ((0,), (slice(None),)),
    ((2, 3), (1,)),
    ((2, 3), (1, 2)),
    ((2, 3), (slice(None), -1)),
    ((2, 3), (slice(None), slice(0, 2))),
    ((2, 3), (Ellipsis, 0)),
    ((2, 3), (Ellipsis,)),
    ((2, 3), (None, 1)),
    ((2, 3), (1, 2, Ellipsis)),
    ((2, 0), (1,)),
    ((2, 3, 2), (slice(None), 1)),
    ((2, 3, 2), (0, slice(None, None, -1), slice(1, None))),
]


ENTRIES: list[tuple[Shape, list[int]]] = [((4,), [2, 0]), ((2, 3), [1, 1, 5]), ((2, 3), []), ((2, 2, 2), [7, 0, 3])]


def values_of(region: Shape) -> list[Shape]:
    """Shapes of values that fit into a region: its own, with unit axes, without leading axes, with more of them."""
    if not region:
        return [()]  # a number takes no array
    shapes: list[Shape] = [region, (), (1, *region)]
    shapes += [region[k:] for k in range(1, len(region))]
    shapes += [(*region[:k], 1, *region[k + 1 :]) for k in range(len(region))]
    return list(dict.fromkeys(shapes))


def assignments() -> list[Entry]:
    entries = []
    for shape, index in INDICES:

        def outside(v: np.ndarray, index: tuple[object, ...] = index) -> np.ndarray:
            result = v.copy()
            result[index] = 0
            return result

        block = Outside(index, shape)
        entries += [Entry(f"outside {index} of {shape}", block, outside)]
        entries += [Entry(f"adjoint outside {index} of {shape}", block.adjoint, outside)]
        for small in values_of(np.zeros(shape)[index].shape):

            def inside(v: np.ndarray, index: tuple[object, ...] = index, shape: Shape = shape) -> np.ndarray:
                result = np.zeros(shape, v.dtype)
                result[index] = v
                return result

            entries.append(Entry(f"inside {index} of {shape} from {small}", Inside(index, small, shape), inside))
    for shape, flat in ENTRIES:

        def left_out(v: np.ndarray, flat: list[int] = flat) -> np.ndarray:
            result = v.copy()
            result.reshape(-1)[flat] = 0
            return result

        where = np.array(flat, dtype=int)
        stays = np.array([p not in flat[k + 1 :] for k, p in enumerate(flat)], dtype=bool)
        for small in values_of(where.shape):

            def placed(v: np.ndarray, flat: list[int] = flat, shape: Shape = shape) -> np.ndarray:
                result = np.zeros(shape, v.dtype)
                result.reshape(-1)[flat] = v
                return result

            chosen = None if stays.all() else stays
            name = f"inside the entries {flat} of {shape} from {small}"
            entries.append(Entry(name, InsideEntries(where, chosen, small, shape), placed))

        block = OutsideEntries(np.array(flat, dtype=int), shape)
        entries += [Entry(f"outside the entries {flat} of {shape}", block, left_out)]
        entries += [Entry(f"adjoint outside the entries {flat} of {shape}", block.adjoint, left_out)]
    return entries
