"""scipy.special: SciPy's functions, recorded on traced values.

The ufuncs of ``scipy.special`` dispatch by themselves and are handed on as they are, so
``from adjoint.scipy.special import erf, logsumexp`` works for all names. The functions here are those that are
written in Python; on plain arrays they are SciPy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy import special

from adjoint.blocks import Array, Block, Diagonal, Identity, Reduce, Scale
from adjoint.blocks.kernels import as_axes
from adjoint.errors import MissingRuleError, UnsupportedArgumentError
from adjoint.tracing import Primitive, Tracer, bind, concrete, here, stacked
from adjoint.tracing.primitive import RESULT, Blocks, Static

__all__ = [
    "comb",
    "factorial",
    "log_softmax",
    "logsumexp",
    "multigammaln",
    "perm",
    "polygamma",
    "softmax",
    "spherical_in",
    "spherical_jn",
    "spherical_kn",
    "spherical_yn",
    "zeta",
]


def _arrays(*xs: Any) -> list[Any] | None:
    """The arguments as arrays if one of them is traced, else ``None``."""
    found = [x if x is None else stacked(x) for x in xs]
    if not any(type(x) is Tracer for x in found):
        return None
    return [x if x is None or hasattr(x, "ndim") else np.asarray(x) for x in found]


def _kept(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(1 if k in axes else n for k, n in enumerate(shape))


# --- sums of exponentials ----------------------------------------------------------------------------


def _logsumexp_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    """``y = log|s|`` with ``s = Σ b exp(a)``: an entry's share is ``exp(a) / s``, after a shift that cancels."""
    a, b = operands if len(operands) == 2 else (operands[0], None)
    shape = a.shape if b is None else np.broadcast_shapes(a.shape, b.shape)
    axes = as_axes(static["axis"], len(shape))
    kept = _kept(shape, axes)
    y_kept = y.reshape(kept)
    finite = np.isfinite(y_kept)
    size = np.real(concrete(a))
    size = np.broadcast_to(size if b is None else np.where(concrete(b) == 0, -np.inf, size), shape)
    top = np.max(size, axis=axes, keepdims=True, initial=-np.inf)
    powers = np.exp(a - np.where(np.isfinite(top), top, 0).astype(top.dtype))
    if b is not None:
        powers = np.where(b == 0, 0, powers)  # a weight of zero hides even infinity
    total = (powers if b is None else b * powers).sum(axes, keepdims=True)
    # a sum that is zero or infinite: the entries that make it so share equally, as ties of max do
    hit = np.broadcast_to((a == y_kept) & ~finite, shape)
    count = np.maximum(hit.sum(axes, keepdims=True), 1).astype(top.dtype)
    share = np.where(finite, powers / np.where(finite, total, 1), hit / count)
    sum_of = Reduce(1, axes, shape, y.shape)
    result: Blocks = []
    if parents[0] >= 0:
        result.append((parents[0], sum_of @ Diagonal(share if b is None else b * share, a.shape, shape)))
    if b is not None and parents[1] >= 0:
        result.append((parents[1], sum_of @ Diagonal(share, b.shape, shape)))
    return result


def _logsumexp(a: Any, b: Any = None, *, axis: Any, keepdims: bool, return_sign: bool) -> Any:
    if type(a) is Tracer or type(b) is Tracer:  # of an outer trace
        static = {"axis": axis, "keepdims": keepdims, "return_sign": return_sign}
        return bind(_log_sum, (a,) if b is None else (a, b), static)
    found = special.logsumexp(a, axis, b, keepdims, return_sign)
    return found[0] if return_sign else found


_log_sum = Primitive("logsumexp", _logsumexp, _logsumexp_blocks)
_signs = Primitive(
    "logsumexp_sign",
    lambda a, b=None, *, axis, keepdims: special.logsumexp(
        np.asarray(concrete(a)), axis, b if b is None else np.asarray(concrete(b)), keepdims, True
    )[1],
    lambda y, operands, static, parents: [],
    discrete=True,
)


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """See :func:`scipy.special.logsumexp`. One constraint; the block is the softmax."""
    arrays = _arrays(a, b)
    if arrays is None:
        return special.logsumexp(a, axis, b, keepdims, return_sign)
    a, b = (x if x is None or x.ndim else np.reshape(x, (1,)) for x in arrays)
    if return_sign and "c" in (a.dtype.kind, b is not None and b.dtype.kind):
        raise UnsupportedArgumentError(f"logsumexp with return_sign of complex traced values: {here()}")
    axis = tuple(axis) if isinstance(axis, list) else axis
    operands = (a,) if b is None else (a, b)
    y = bind(_log_sum, operands, {"axis": axis, "keepdims": keepdims, "return_sign": return_sign})
    return (y, bind(_signs, operands, {"axis": axis, "keepdims": keepdims})) if return_sign else y


def _mean_removed(weights: Array, axis: Any) -> Block:
    """``I - 1 wᵀ`` along the axes."""
    shape = weights.shape
    axes = as_axes(axis, len(shape))
    kept = _kept(shape, axes)
    total = Reduce(1, axes, shape, kept) @ Diagonal(weights, shape, shape)
    return Identity(shape) + Scale(-1.0, kept, shape) @ total


def _along_axes(function: Callable[..., Any], block: Callable[[Array, Any], Block]) -> Primitive:
    """A function of ``x`` along axes whose block is known from its result."""

    def evaluate(x: Any, axis: Any) -> Any:
        return bind(primitive, (x,), {"axis": axis}) if type(x) is Tracer else function(x, axis)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        return [(parent, block(y, static["axis"])) for parent in parents if parent >= 0]

    primitive = Primitive(function.__name__, evaluate, blocks, reads=(frozenset({RESULT}),))
    return primitive


_softmax = _along_axes(special.softmax, lambda y, axis: Diagonal(y, y.shape, y.shape) @ _mean_removed(y, axis))
_log_softmax = _along_axes(special.log_softmax, lambda y, axis: _mean_removed(np.exp(y), axis))


def softmax(x: Any, axis: Any = None) -> Any:
    """See :func:`scipy.special.softmax`. One constraint with the block ``diag(y) (I - 1 yᵀ)``."""
    arrays = _arrays(x)
    return special.softmax(x, axis) if arrays is None else bind(_softmax, arrays, {"axis": axis})


def log_softmax(x: Any, axis: Any = None) -> Any:
    """See :func:`scipy.special.log_softmax`. One constraint with the block ``I - 1 exp(y)ᵀ``."""
    arrays = _arrays(x)
    return special.log_softmax(x, axis) if arrays is None else bind(_log_softmax, arrays, {"axis": axis})


# --- factorials --------------------------------------------------------------------------------------


def _polygamma_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x = operands[0]
    return [(parent, Diagonal(polygamma(static["n"] + 1, x), x.shape, y.shape)) for parent in parents if parent >= 0]


_polygamma = Primitive("polygamma", lambda x, n: polygamma(n, x), _polygamma_blocks, reads=(frozenset({0}),))


def polygamma(n: Any, x: Any) -> Any:
    """See :func:`scipy.special.polygamma`; the order ``n`` is constant."""
    arrays = _arrays(x)
    return special.polygamma(n, x) if arrays is None else bind(_polygamma, arrays, {"n": np.asarray(n)})


def _zeta_blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
    x, q = static["x"], operands[0]
    return [(parent, Diagonal(-x * zeta(x + 1, q), q.shape, y.shape)) for parent in parents if parent >= 0]


_zeta = Primitive("zeta", lambda q, x: zeta(x, q), _zeta_blocks, reads=(frozenset({0}),))


def zeta(x: Any, q: Any = None, out: None = None) -> Any:
    """See :func:`scipy.special.zeta`; the exponent ``x`` is constant."""
    if _arrays(x) is not None:
        raise MissingRuleError(f"SciPy has no function for the derivative of zeta by its exponent: {here()}")
    arrays = _arrays(q)
    return special.zeta(x, q, out) if arrays is None else bind(_zeta, arrays, {"x": stacked(x)})


def multigammaln(a: Any, d: Any) -> Any:
    """See :func:`scipy.special.multigammaln`."""
    arrays = _arrays(a)
    if arrays is None:
        return special.multigammaln(a, d)
    a = arrays[0]
    d = np.asarray(d)
    if d.ndim or np.floor(d) != d:
        raise ValueError("d should be a positive integer (dimension)")
    d = int(d)
    if np.any(a <= 0.5 * (d - 1)):
        raise ValueError(f"condition a ({a}) > 0.5 * (d-1) ({0.5 * (d - 1)}) not met")
    constant = np.float64(d * (d - 1) * 0.25 * math.log(math.pi))  # a double, as it is in SciPy
    return constant + sum(special.gammaln(a - (j - 1.0) / 2) for j in range(1, d + 1))


def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:
    """See :func:`scipy.special.comb`; of real ``N`` and ``k`` by the gamma function."""
    arrays = _arrays(N, k)
    if arrays is None:
        return special.comb(N, k, exact=exact, repetition=repetition)
    _refuse_exact("comb", exact)
    N, k = arrays
    if repetition:
        return np.where((k == 0) & (N >= 0), 1.0, special.binom(N + k - 1, k))
    return np.where((k <= N) & (N >= 0) & (k >= 0), special.binom(N, k), 0.0)


def perm(N: Any, k: Any, exact: bool = False) -> Any:
    """See :func:`scipy.special.perm`; of real ``N`` and ``k`` by the gamma function."""
    arrays = _arrays(N, k)
    if arrays is None:
        return special.perm(N, k, exact)
    _refuse_exact("perm", exact)
    N, k = arrays
    return np.where((k <= N) & (N >= 0) & (k >= 0), special.poch(N - k + 1, k), 0.0)


def factorial(n: Any, exact: bool = False, **options: Any) -> Any:
    """See :func:`scipy.special.factorial`; of real ``n`` by the gamma function, and 0 where ``n`` is negative."""
    arrays = _arrays(n)
    if arrays is None:
        return special.factorial(n, exact, **options)
    _refuse_exact("factorial", exact)
    if options.get("extend", "zero") != "zero":
        raise UnsupportedArgumentError(f"factorial of a traced value does not take extend=: {here()}")
    n = arrays[0].astype(float)
    return np.where(n < 0, 0.0, special.gamma(np.where(n < 0, 0.0, n) + 1))


def _refuse_exact(name: str, exact: bool) -> None:
    if exact:
        raise UnsupportedArgumentError(
            f"{name} of a traced value does not take exact=True, which is for ints: {here()}"
        )


# --- spherical Bessel functions ----------------------------------------------------------------------


def _spherical(function: Callable[..., Any], first: int, second: int) -> Callable[..., Any]:
    """``(2n + 1) f'ₙ = ± n fₙ₋₁ ± (n + 1) fₙ₊₁``, which has no division by ``z``."""

    def slope(n: np.ndarray, z: Any) -> Any:
        weights = first * n / (2 * n + 1), second * (n + 1) / (2 * n + 1)
        below, above = (np.asarray(w, z.dtype) for w in weights)
        return below * call(np.maximum(n - 1, 0), z) + above * call(n + 1, z)

    def blocks(y: Array, operands: Sequence[Array], static: Static, parents: Sequence[int]) -> Blocks:
        z = operands[0]
        return [(parent, Diagonal(slope(static["n"], z), z.shape, y.shape)) for parent in parents if parent >= 0]

    primitive = Primitive(function.__name__, lambda z, n: call(n, z), blocks, reads=(frozenset({0}),))

    def call(n: Any, z: Any, derivative: bool = False) -> Any:
        arrays = _arrays(z)
        if arrays is None:
            return function(n, z, derivative)
        n = np.asarray(n)
        return slope(n, arrays[0]) if derivative else bind(primitive, arrays, {"n": n})

    call.__name__ = call.__qualname__ = function.__name__
    call.__doc__ = f"See :func:`scipy.special.{function.__name__}`; the order ``n`` is constant."
    return call


spherical_jn = _spherical(special.spherical_jn, 1, -1)
spherical_yn = _spherical(special.spherical_yn, 1, -1)
spherical_in = _spherical(special.spherical_in, 1, 1)
spherical_kn = _spherical(special.spherical_kn, -1, -1)


def __getattr__(name: str) -> Any:
    return getattr(special, name)
