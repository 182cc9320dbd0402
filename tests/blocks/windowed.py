"""The catalogue's blocks of layers: windows over images, normalization, numbers laid along axes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from adjoint.blocks import Along, Correlation, Geometry, Normalization, WindowMean, WindowPick
from adjoint.blocks.windows import Windows, adaptive_windows, equal_windows
from tests.blocks.entry import Entry, Map, Shape, random


def correlated_by_loops(image: Any, weight: Any, output: Any, geometry: Geometry, target: str) -> np.ndarray:
    """The derivative of the trilinear form, one product of three numbers at a time."""
    arrays = {"image": image, "weight": weight, "output": output}
    others = [name for name in arrays if name != target]
    found = np.zeros(arrays[target].shape, np.result_type(*(arrays[name] for name in others)))
    groups = geometry.groups
    for b, o in itertools.product(range(image.shape[0]), range(weight.shape[0])):
        group = o // (weight.shape[0] // groups)
        for c in range(weight.shape[1]):
            channel = group * weight.shape[1] + c
            for position in np.ndindex(*output.shape[2:]):
                for tap in np.ndindex(*weight.shape[2:]):
                    entry = tuple(
                        axis.starts[i] + t * axis.dilation
                        for axis, i, t in zip(geometry.axes, position, tap, strict=True)
                    )
                    if any(not 0 <= e < n for e, n in zip(entry, image.shape[2:], strict=True)):
                        continue
                    places = {"image": (b, channel, *entry), "weight": (o, c, *tap), "output": (b, o, *position)}
                    found[places[target]] += np.prod([arrays[name][places[name]] for name in others])
    return found


def correlation(
    source: Any,
    target: Any,
    image: Shape,
    weight: Shape,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    complex: bool = False,
) -> Entry:
    axes = tuple(
        equal_windows(n, k, stride, padding, padding, dilation) for n, k in zip(image[2:], weight[2:], strict=True)
    )
    geometry = Geometry(axes, groups)
    shapes = {"image": image, "weight": weight, "output": (image[0], weight[0], *geometry.counts)}
    arrays = {name: random(*shape, complex=complex) for name, shape in shapes.items()}
    third = next(name for name in shapes if name not in (source, target))
    block = Correlation(source, target, arrays[third], geometry, shapes[source], shapes[target])

    def map_(v: np.ndarray) -> np.ndarray:
        return correlated_by_loops(**{**arrays, source: v, target: arrays[target]}, geometry=geometry, target=target)

    options = f"stride {stride} padding {padding} dilation {dilation} groups {groups}{' complex' * complex}"
    return Entry(f"correlation {source} to {target} of {image} with {weight}, {options}", block, map_)


def correlations() -> list[Entry]:
    slots = list(itertools.permutations(("image", "weight", "output"), 2))
    return [
        *(correlation(*pair, (2, 2, 3, 4), (2, 2, 2, 3)) for pair in slots),
        *(correlation(*pair, (2, 4, 3), (2, 2, 2), padding=1, groups=2, complex=True) for pair in slots),
        *(correlation(*pair, (1, 1, 5, 4), (1, 1, 2, 2), stride=2, padding=1, dilation=2) for pair in slots),
        *(correlation(*pair, (2, 2, 2, 3), (2, 1, 2, 2), padding=1, groups=2) for pair in slots),
        *(correlation(*pair, (2, 2, 3), (3, 2, 1)) for pair in slots),
        correlation("image", "output", (0, 1, 3), (2, 1, 2)),
        correlation("output", "weight", (0, 1, 3), (2, 1, 2)),
    ]


Axes = tuple[Windows, ...]
PLANES: dict[str, Axes] = {
    "tiles": (equal_windows(4, 2, 2), equal_windows(2, 2, 2)),
    "overlapping": (equal_windows(4, 3, 1, 1, 1), equal_windows(3, 2, 2, 1, 1)),
    "dilated": (equal_windows(5, 2, 1, 0, 0, 2),),
    "few": (equal_windows(6, 5, 1),),
    "adaptive": (adaptive_windows(5, 3), adaptive_windows(3, 2)),
    "whole": (adaptive_windows(3, 1), adaptive_windows(2, 1)),
    "large": (equal_windows(7, 6, 1, 1, 1), equal_windows(6, 6, 1)),
}


def seen(axes: Axes, position: Shape) -> list[tuple[Shape, Shape]]:
    """Taps and entries of one window, by the definition."""
    found = []
    for tap in np.ndindex(*(axis.taps for axis in axes)):
        entry = tuple(axis.starts[i] + t * axis.dilation for axis, i, t in zip(axes, position, tap, strict=True))
        long = all(axis.lengths is None or t < axis.lengths[i] for axis, i, t in zip(axes, position, tap, strict=True))
        if long and all(0 <= e < axis.size for axis, e in zip(axes, entry, strict=True)):
            found.append((tap, entry))
    return found


def window_means() -> list[Entry]:
    entries = []
    for name, axes in PLANES.items():
        counts = tuple(axis.count for axis in axes)
        shape = (2, *(axis.size for axis in axes))
        for scale in (0.5, random(*counts)):

            def map_(v: np.ndarray, axes: Axes = axes, counts: Shape = counts, scale: Any = scale) -> np.ndarray:
                sums = [[sum(plane[e] for _, e in seen(axes, i)) for i in np.ndindex(*counts)] for plane in v]
                return np.reshape(sums, (2, *counts)) * scale

            weights = "number" if isinstance(scale, float) else "weights"
            entries.append(Entry(f"window mean {name} {weights}", WindowMean(scale, axes, shape), map_))
    return entries


def window_picks() -> list[Entry]:
    entries = []
    for name, axes in PLANES.items():
        counts = tuple(axis.count for axis in axes)
        rng = np.random.default_rng(len(name))
        taps = tuple(axis.taps for axis in axes)
        windows = [(k, i) for k in range(2) for i in np.ndindex(*counts)]
        chosen = [seen(axes, i)[rng.integers(len(seen(axes, i)))] for _, i in windows]
        choices = np.array([np.ravel_multi_index(tap, taps) for tap, _ in chosen]).reshape(2, *counts)
        places = [(k, *entry) for (k, _), (_, entry) in zip(windows, chosen, strict=True)]

        def map_(v: np.ndarray, places: Any = places, shape: Shape = choices.shape) -> np.ndarray:
            return np.reshape([v[place] for place in places], shape)

        block = WindowPick(choices, axes, (2, *(axis.size for axis in axes)))
        entries.append(Entry(f"window pick {name}", block, map_))
    return entries


def normalization(
    view: Shape,
    axes: tuple[int, ...],
    weight: Shape | None,
    *,
    centered: bool = True,
    sign: int = -1,
    complex: bool = False,
) -> Entry:
    """Means by NumPy, of the entries as they stand in the view."""
    x = random(*view, complex=complex)
    scale = np.abs(random(*(1 if k - len(view) in axes else n for k, n in enumerate(view)))) + 0.5
    factor = None if weight is None else random(*weight, complex=complex)
    shape = (view[0], int(np.prod(view[1:])))

    def map_(v: np.ndarray) -> np.ndarray:
        v = v.reshape(view)
        y = v + sign * x * np.mean(np.conj(x) * v, axes, keepdims=True)
        if centered:
            y = y + sign * np.mean(v, axes, keepdims=True)
        return np.reshape(y * scale * (1 if factor is None else factor), shape)

    name = f"normalization {view} over {axes} weight {weight}{' centered' * centered} sign {sign}{' complex' * complex}"
    return Entry(name, Normalization(x, scale, factor, axes, shape, centered=centered, sign=sign), map_)


def normalizations() -> list[Entry]:
    return [
        normalization((2, 3), (-1,), (3,)),
        normalization((2, 3), (-1,), None, centered=False),
        normalization((3, 2, 2), (-3, -1), None),
        normalization((2, 2, 2, 2), (-2, -1), (2, 2, 1)),
        normalization((2, 3), (-1,), None, sign=1),
        normalization((2, 3), (-1,), (3,), complex=True),
        normalization((1, 3), (-2, -1), (3,)),
    ]


def laid_along() -> list[Entry]:
    def along(axes: tuple[int, ...], shape: Shape, *, data: bool, complex: bool = False) -> Entry:
        given = tuple(shape[axis] for axis in axes)
        laid = tuple(n if k - len(shape) in axes else 1 for k, n in enumerate(shape))
        factors = random(*shape, complex=complex) if data else None
        map_: Map = lambda v: np.ones(shape) * np.reshape(v, laid) * (1 if factors is None else factors)
        name = f"along {axes} of {shape}{' data' * data}{' complex' * complex}"
        return Entry(name, Along(axes, factors, given, shape), map_)

    return [
        along((-2,), (2, 3, 2), data=False),
        along((-2,), (2, 3, 2), data=True),
        along((-3,), (2, 3, 2, 1), data=True, complex=True),
        along((-2, -1), (3, 2, 2), data=True),
        along((-1,), (3,), data=False),
        along((-1,), (0, 2), data=True),
    ]


def windowed() -> list[Entry]:
    return [*correlations(), *window_means(), *window_picks(), *normalizations(), *laid_along()]
