"""The convolution of neural networks: three arrays that meet in windows, and the maps between any two of them.

For an image ``(batch, channels, *sizes)``, weights ``(out_channels, channels // groups, *taps)`` and an output
``(batch, out_channels, *counts)`` the trilinear form

    T = Σ output[b, o, i] weight[o, c, t] image[b, c, start(i) + t · dilation]

has three derivatives: the convolution (with respect to the output), the transposed convolution (to the image) and the
sum of products of windows (to the weights). Each is bilinear, so its blocks are the two maps that the form makes with
one array held. Blocks of all orders stay in this family.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from adjoint.blocks.block import Block
from adjoint.blocks.kernels import Array, Shape, conjugate
from adjoint.blocks.simplify import simplifies_adjoint
from adjoint.blocks.sparse import Sparse
from adjoint.blocks.windowed_products import Geometry, correlated, correlated_back, correlated_weights

Slot = Literal["image", "weight", "output"]

_GROUPED = {"image": ("batch", "group", "in"), "weight": ("group", "out", "in"), "output": ("batch", "group", "out")}


class Correlation(Block):
    """The map from one slot of the trilinear form to another, with the array in the third slot held.

    Parameters
    ----------
    source, target : {"image", "weight", "output"}
    other : array
        In the third slot; may be traced.
    geometry : Geometry
    in_shape, out_shape : tuple of int

    Notes
    -----
    Each triple of a tap, a position and an entry that the tap sees there is one nonzero, for each image and each pair
    of channels in one group, whatever the slots; so ``nnz`` is exact.
    """

    __slots__ = ("geometry", "other", "source", "target")
    kind = "convolution"
    fresh = True

    def __init__(
        self, source: Slot, target: Slot, other: Array, geometry: Geometry, in_shape: Shape, out_shape: Shape
    ) -> None:
        self.source = source
        self.target = target
        self.other = other
        self.geometry = geometry
        self.in_shape = in_shape
        self.out_shape = out_shape

    def apply(self, v: Array) -> Array:
        return self._mapped(v, self.other, self.source, self.target, self.in_shape, self.out_shape)

    def apply_adjoint(self, w: Array) -> Array:
        return self._mapped(w, conjugate(self.other), self.target, self.source, self.out_shape, self.in_shape)

    def _mapped(self, v: Array, other: Array, source: Slot, target: Slot, in_shape: Shape, out_shape: Shape) -> Array:
        batch = v.shape[: v.ndim - len(in_shape)]
        if batch:
            v = self._merged(v, source, target, in_shape)
        y = _product_of({source: v, self.third: other}, target, self.geometry)
        return self._split(y, batch, source, target, out_shape) if batch else y

    @property
    def third(self) -> Slot:
        """The slot of ``other``."""
        slot: Slot
        for slot in ("image", "weight", "output"):
            if slot not in (self.source, self.target):
                return slot
        raise AssertionError

    def _merged(self, v: Array, slot: Slot, other: Slot, shape: Shape) -> Array:
        """Several right-hand sides as more images or more channels: what the slots of both sides have."""
        place = _shared(slot, other)
        grouped = _grouped(shape, slot, self.geometry.groups)
        rhs = math.prod(v.shape[: v.ndim - len(shape)])
        v = v.reshape((rhs, *grouped))
        if place:
            v = v.transpose((*range(1, place + 1), 0, *range(place + 1, v.ndim)))
        merged = (*grouped[:place], rhs * grouped[place], *grouped[place + 1 :])
        return v.reshape(_ungrouped(merged, slot))

    def _split(self, y: Array, batch: Shape, other: Slot, slot: Slot, shape: Shape) -> Array:
        """The right-hand sides of a result of merged ones."""
        place = _shared(slot, other)
        grouped = _grouped(shape, slot, self.geometry.groups)
        y = y.reshape((*grouped[:place], math.prod(batch), *grouped[place:]))
        if place:
            y = y.transpose((place, *range(place), *range(place + 1, y.ndim)))
        return y.reshape((*batch, *shape))

    def to_sparse(self) -> Sparse:
        sizes = self._channels()
        grid = (sizes["batch"], sizes["group"], sizes["out"], sizes["in"])
        batch, group, out, channel = (index.ravel() for index in np.indices(grid))
        image, weight, output = (
            batch * sizes["group"] * sizes["in"] + group * sizes["in"] + channel,
            (group * sizes["out"] + out) * sizes["in"] + channel,
            (batch * sizes["group"] + group) * sizes["out"] + out,
        )
        for axis in self.geometry.axes:
            position, tap, entry = axis.triples
            image = (image[:, None] * axis.size + entry).ravel()
            weight = (weight[:, None] * axis.taps + tap).ravel()
            output = (output[:, None] * axis.count + position).ravel()
        index = {"image": image, "weight": weight, "output": output}
        data = self.other.reshape(-1)[index[self.third]]
        return Sparse(index[self.target], index[self.source], data, self.in_shape, self.out_shape)

    def _channels(self) -> dict[str, int]:
        """Images, groups, and channels of a group on both sides."""
        sizes: dict[str, int] = {}
        for slot, shape in ((self.source, self.in_shape), (self.target, self.out_shape)):
            sizes |= dict(zip(_GROUPED[slot], _grouped(shape, slot, self.geometry.groups), strict=False))
        sizes |= dict(
            zip(_GROUPED[self.third], _grouped(self.other.shape, self.third, self.geometry.groups), strict=False)
        )
        return sizes

    def absolute(self) -> Block:
        return Correlation(self.source, self.target, np.abs(self.other), self.geometry, self.in_shape, self.out_shape)

    @property
    def degrees(self) -> tuple[int, int]:
        sizes = self._channels()
        each = {
            "output": sizes["in"] * math.prod(axis.most[0] for axis in self.geometry.axes),
            "weight": sizes["batch"] * math.prod(axis.most[1] for axis in self.geometry.axes),
            "image": sizes["out"] * math.prod(axis.most[2] for axis in self.geometry.axes),
        }
        return each[self.target], each[self.source]

    @property
    def nnz(self) -> int:
        return math.prod(self._channels().values()) * self.geometry.triples


def _product_of(arrays: dict[Slot, Array], target: Slot, geometry: Geometry) -> Array:
    if target == "output":
        return correlated(arrays["image"], arrays["weight"], geometry)
    if target == "image":
        return correlated_back(arrays["output"], arrays["weight"], geometry)
    return correlated_weights(arrays["image"], arrays["output"], geometry)


def _shared(slot: Slot, other: Slot) -> int:
    """Which axis of a grouped slot both have (besides the groups)."""
    names = _GROUPED[slot]
    return next(k for k, name in enumerate(names) if name in _GROUPED[other] and name != "group")


def _grouped(shape: Shape, slot: Slot, groups: int) -> Shape:
    """The shape with an axis of the groups: first in the weights, second in images and outputs."""
    if slot == "weight":
        return (groups, shape[0] // groups, *shape[1:])
    return (shape[0], groups, shape[1] // groups, *shape[2:])


def _ungrouped(shape: Shape, slot: Slot) -> Shape:
    if slot == "weight":
        return (shape[0] * shape[1], *shape[2:])
    return (shape[0], shape[1] * shape[2], *shape[3:])


@simplifies_adjoint(Correlation)
def _adjoint(block: Correlation) -> Block:
    other = conjugate(block.other)
    return Correlation(block.target, block.source, other, block.geometry, block.out_shape, block.in_shape)
