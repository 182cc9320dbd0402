"""scipy.fft: Fourier, cosine and sine transforms, recorded on traced values; on plain arrays SciPy's own.

The Fourier transforms are those of :mod:`numpy.fft`, with SciPy's arguments. ``overwrite_x``, ``workers`` and ``plan``
do not change a result and are not looked at.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from scipy import fft as theirs

from adjoint.blocks import Array, Block, Cosine, Diagonal, cosine_transform
from adjoint.blocks.cosine import TRANSPOSED
from adjoint.primitives.fft import resized
from adjoint.tracing import Primitive, Tracer, bind, stacked, structured
from adjoint.tracing.primitive import SHAPES_ONLY, Blocks, Static

Transform = Callable[..., Any]


def _traced(x: Any) -> Any:
    """``x`` as one array if it is traced, else ``None``."""
    x = stacked(x)
    return x if type(x) is Tracer else None


# --- Fourier transforms ------------------------------------------------------------------------------


def _one_axis(name: str) -> Transform:
    plain, recorded = getattr(theirs, name), getattr(np.fft, name)

    def transform(x: Any, n: Any = None, axis: int = -1, norm: Any = None, *options: Any, **more: Any) -> Any:
        a = _traced(x)
        return plain(x, n, axis, norm, *options, **more) if a is None else recorded(a, n, axis, norm)

    return _named(transform, name)


def _several_axes(name: str, default: Any) -> Transform:
    plain, recorded = getattr(theirs, name), getattr(np.fft, name)

    def transform(x: Any, s: Any = None, axes: Any = default, norm: Any = None, *options: Any, **more: Any) -> Any:
        a = _traced(x)
        if a is None:
            return plain(x, s, axes, norm, *options, **more)
        s = (s,) if isinstance(s, (int, np.integer)) else s
        axes = (axes,) if isinstance(axes, (int, np.integer)) else axes
        return recorded(a, s, range(-len(s), 0) if axes is None and s is not None else axes, norm)

    return _named(transform, name)


def _named(function: Transform, name: str) -> Transform:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"See :func:`scipy.fft.{name}`."
    return function


fft, ifft, rfft, irfft, hfft, ihfft = map(_one_axis, ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"))
fft2, ifft2, rfft2, irfft2 = (_several_axes(name, (-2, -1)) for name in ("fft2", "ifft2", "rfft2", "irfft2"))
fftn, ifftn, rfftn, irfftn = (_several_axes(name, None) for name in ("fftn", "ifftn", "rfftn", "irfftn"))

# --- cosine and sine transforms ----------------------------------------------------------------------

_ENDS = {
    (False, 1): ((0, -1), (0, -1)),
    (False, 2): ((), (0,)),
    (False, 3): ((0,), ()),
    (True, 2): ((), (-1,)),
    (True, 3): ((-1,), ()),
}
"""(sine, type) → the entries of the argument, and of the result, by which the plain sums are not orthogonal: √2 off."""


def _weights(n: int, ends: Sequence[int], factor: float, scale: float, dtype: Any) -> np.ndarray:
    weights = np.full(n, scale, dtype)
    for k in ends:
        weights[k] *= factor
    return weights


def _block(y: Array, x: Array, sine: bool, type_: int, axis: int, norm: str, orthogonalize: bool) -> Block:
    """A transform of any normalization: scales around the orthogonal one, of an argument cropped or padded."""
    n = y.shape[axis]
    period = 2 * n if type_ != 1 else 2 * (n + 1) if sine else 2 * (n - 1)
    scale = {"backward": 1.0, "ortho": 1 / math.sqrt(period), "forward": 1 / period}[norm] * math.sqrt(period)
    before, after = _ENDS.get((sine, type_), ((), ())) if not orthogonalize else ((), ())
    column = (-1,) + (1,) * (y.ndim - axis - 1)
    dtype = np.empty(0, y.dtype).real.dtype  # of y itself, only shape and dtype may be left
    of = Diagonal(_weights(n, before, math.sqrt(0.5), scale, dtype).reshape(column), y.shape, y.shape)
    to = Diagonal(_weights(n, after, math.sqrt(2), 1.0, dtype).reshape(column), y.shape, y.shape)
    return to @ Cosine(sine, type_, axis - y.ndim, y.shape) @ of @ resized(x.shape, axis, n)


def _cosine(name: str) -> Transform:
    plain = getattr(theirs, name)
    sine, inverse = "dst" in name, name.startswith("i")

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        (x,) = operands
        type_, norm = static["type"], static["norm"] or "backward"
        if inverse:
            type_, norm = TRANSPOSED[type_], {"backward": "forward", "forward": "backward"}.get(norm, norm)
        orthogonalize = static["norm"] == "ortho" if static["orthogonalize"] is None else static["orthogonalize"]
        axis = normalize_axis_index(static["axis"], x.ndim)
        return [(p, _block(y, x, sine, type_, axis, norm, orthogonalize)) for p in parents if p >= 0]

    def evaluate(x: Any, type: int, n: Any, axis: int, norm: Any, orthogonalize: bool | None) -> Any:
        return transform(x, type, n, axis, norm, orthogonalize=orthogonalize)

    primitive = Primitive(name, evaluate, blocks, reads=SHAPES_ONLY)

    def transform(
        x: Any,
        type: int = 2,
        n: Any = None,
        axis: int = -1,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        orthogonalize: bool | None = None,
    ) -> Any:
        a = _traced(x)
        if a is None:
            return plain(x, type, n, axis, norm, overwrite_x, workers, orthogonalize)
        static = {"type": type, "n": n, "axis": axis, "norm": norm, "orthogonalize": orthogonalize}
        return bind(primitive, (a,), static)

    return _named(transform, name)


def _cosine_of_several_axes(name: str, along: Transform) -> Transform:
    plain = getattr(theirs, name)

    def transform(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: Any = None,
        overwrite_x: bool = False,
        workers: Any = None,
        *,
        orthogonalize: bool | None = None,
    ) -> Any:
        a = _traced(x)
        if a is None:
            return plain(x, type, s, axes, norm, overwrite_x, workers, orthogonalize=orthogonalize)
        lengths = None if s is None else [s] if isinstance(s, (int, np.integer)) else list(s)
        if axes is None:
            axes = range(-(a.ndim if lengths is None else len(lengths)), 0)
        axes = [axes] if isinstance(axes, (int, np.integer)) else [operator.index(k) for k in axes]
        lengths = [None] * len(axes) if lengths is None else lengths
        if len(lengths) != len(axes):
            raise ValueError("when given, axes and shape arguments have to be of the same length")
        for n, k in zip(lengths, axes, strict=True):
            a = along(a, type, None if n == -1 else n, k, norm, orthogonalize=orthogonalize)
        return a

    return _named(transform, name)


dct, idct, dst, idst = map(_cosine, ("dct", "idct", "dst", "idst"))
dctn, idctn = _cosine_of_several_axes("dctn", dct), _cosine_of_several_axes("idctn", idct)
dstn, idstn = _cosine_of_several_axes("dstn", dst), _cosine_of_several_axes("idstn", idst)

structured(
    cosine_transform,
    lambda y, v, sine, type_, axis: Cosine(sine, type_, axis, v.shape),
    signature="v, sine, type_, axis",
    reads=SHAPES_ONLY,
)


def __getattr__(name: str) -> Any:
    return getattr(theirs, name)
