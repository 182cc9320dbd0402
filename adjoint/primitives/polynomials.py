"""NumPy's functions of polynomial coefficients, the highest power first."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from adjoint.blocks import Array, Block, Dense, Diagonal, Reshape
from adjoint.errors import UnsupportedArgumentError
from adjoint.tracing import bind, guard, handles, here, is_traced, stacked, structured


def _array(x: Any) -> Any:
    x = stacked(x)
    return x if hasattr(x, "ndim") else np.asarray(x)


def _seen(x: Any, inspect: Callable[[Any], Any]) -> Any:
    """What ``inspect`` finds in a value; every trace that has recorded it remembers the answer."""

    def look(value: Any) -> Any:
        return guard(value, look) if is_traced(value) else inspect(np.asarray(value))

    return look(x)


def _coefficients(name: str, *polynomials: Any) -> list[Any]:
    """Arrays of one axis at least. NumPy answers a ``poly1d`` with another, which cannot hold traced coefficients."""
    if any(isinstance(p, np.poly1d) for p in polynomials):
        raise UnsupportedArgumentError(
            f"{name} of a poly1d and a traced value would give a poly1d of traced coefficients: {here()}\n"
            "Pass the array of its coefficients, p.coeffs."
        )
    return [p if p.ndim else np.reshape(p, (1,)) for p in map(_array, polynomials)]


# --- powers and values -------------------------------------------------------------------------------


def _powers(y: Array, x: Array, N: int | None = None, increasing: bool = False) -> Block:
    """``∂(xᵏ) = k xᵏ⁻¹``: the same matrix with a column less, weighted."""
    n, count = y.shape
    if count < 2:
        return Diagonal(np.zeros((n, 1), y.dtype), (n, 1), y.shape) @ Reshape(x.shape, (n, 1))
    exponents = np.arange(1, count, dtype=y.dtype)
    parts = [np.zeros((n, 1), y.dtype), np.vander(x, count - 1, increasing=True) * exponents]
    slopes = np.concatenate(parts, axis=1)
    return Diagonal(slopes if increasing else slopes[:, ::-1], (n, 1), y.shape) @ Reshape(x.shape, (n, 1))


vander = structured(np.vander, _powers, reads=(frozenset({0}),))


@handles(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    return bind(vander, (_array(x),), {"N": N, "increasing": increasing})


@handles(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    if isinstance(x, np.poly1d):
        raise UnsupportedArgumentError(f"polyval of traced coefficients at a poly1d: {here()}")
    p, x = _array(p), _array(x)
    y: Any = np.zeros_like(x)
    for k in range(p.shape[0]):
        y = y * x + p[k]
    return y


# --- sums, products, derivatives ---------------------------------------------------------------------


@handles(np.polyadd)
def _polyadd(a1: Any, a2: Any) -> Any:
    a, b = _coefficients("polyadd", a1, a2)
    missing = len(b) - len(a)
    if missing > 0:
        a = np.concatenate([np.zeros(missing, a.dtype), a])
    elif missing < 0:
        b = np.concatenate([np.zeros(-missing, b.dtype), b])
    return a + b


@handles(np.polysub)
def _polysub(a1: Any, a2: Any) -> Any:
    a, b = _coefficients("polysub", a1, a2)
    return _polyadd(a, -b)


def _trimmed(p: Any) -> Any:
    """Without leading zeros, as poly1d keeps coefficients; where they are is looked at."""

    def leading(value: Any) -> int:
        nonzero = np.flatnonzero(value)
        return int(nonzero[0]) if nonzero.size else len(value) - 1

    return p[_seen(p, leading) :]


@handles(np.polymul)
def _polymul(a1: Any, a2: Any) -> Any:
    a, b = _coefficients("polymul", a1, a2)
    return np.convolve(_trimmed(a), _trimmed(b))


@handles(np.polyder)
def _polyder(p: Any, m: int = 1) -> Any:
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    (p,) = _coefficients("polyder", p)
    for _ in range(m):
        p = p[:-1] * np.arange(len(p) - 1, 0, -1)
    return p


@handles(np.polyint)
def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    (p,) = _coefficients("polyint", p)
    constants = np.zeros(m) if k is None else _array(k)
    constants = constants if constants.ndim else np.reshape(constants, (1,))
    if len(constants) == 1 and m > 1:
        constants = constants[0] * np.ones(m)
    if len(constants) < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    for j in range(m):
        p = np.concatenate([p / np.arange(len(p), 0, -1), constants[j : j + 1]])
    return p


@handles(np.polydiv)
def _polydiv(u: Any, v: Any) -> tuple[Any, Any]:
    u, v = (p + 0.0 for p in _coefficients("polydiv", u, v))
    dtype = np.result_type(u.dtype, v.dtype)
    n = len(v) - 1
    scale = 1.0 / v[0]
    quotient, rest = [], u.astype(dtype)
    for k in range(len(u) - n):
        factor = scale * rest[k]
        quotient.append(factor)
        rest = np.concatenate([rest[:k], rest[k : k + n + 1] - factor * v, rest[k + n + 1 :]])
    # the leading entries that have cancelled, as NumPy finds them, are dropped
    return (np.stack(quotient) if quotient else np.zeros(1, dtype)), rest[_seen(rest, _cancelled) :]


def _cancelled(rest: Any) -> int:
    small = np.isclose(rest, 0, rtol=1e-14)
    kept = np.flatnonzero(~small)
    return int(kept[0]) if kept.size else len(small) - 1


# --- roots -------------------------------------------------------------------------------------------


@handles(np.poly)
def _poly(seq_of_zeros: Any) -> Any:
    zeros = _array(seq_of_zeros)
    zeros = zeros if zeros.ndim else np.reshape(zeros, (1,))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.size:
        zeros = np.linalg.eigvals(zeros)
    elif zeros.ndim != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not zeros.size:
        return 1.0
    p = np.ones(1, zeros.dtype)
    for k in range(zeros.size):  # times (x - zero)
        none = np.zeros(1, zeros.dtype)
        p = np.concatenate([p, none]) - zeros[k] * np.concatenate([none, p])
    if zeros.dtype.kind == "c" and _seen(zeros, _in_conjugate_pairs):
        p = np.real(p)
    return p


def _in_conjugate_pairs(zeros: Any) -> bool:
    return bool(np.all(np.sort(zeros) == np.sort(zeros.conjugate())))


def _roots(y: Array, p: Array) -> Block:
    """``p(y) = 0`` differentiated: ``∂y/∂p_k = -yⁿ⁻ᵏ / p'(y)``, for simple roots."""
    slopes = np.polyval(np.polyder(p), y)
    return Dense(-np.vander(y, p.shape[0]) / slopes[:, None], p.shape, y.shape)


roots = structured(np.roots, _roots)


@handles(np.roots)
def _roots_of(p: Any) -> Any:
    (p,) = _coefficients("roots", p)
    _seen(p, lambda value: np.roots(value).shape)  # leading zeros lower the degree
    return bind(roots, (p,))


# --- least squares -----------------------------------------------------------------------------------


@handles(np.polyfit)
def _polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: bool | str = False
) -> Any:
    order = operator.index(deg) + 1
    x, y = _array(x) + 0.0, _array(y) + 0.0
    if order < 1:
        raise ValueError("expected deg >= 0")
    if x.ndim != 1:
        raise TypeError("expected 1D vector for x")
    if not x.size:
        raise TypeError("expected non-empty vector for x")
    if y.ndim not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if x.shape[0] != y.shape[0]:
        raise TypeError("expected x and y to have same length")
    rcond = len(x) * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    left, right = np.vander(x, order), y
    if w is not None:
        w = _array(w) + 0.0
        if w.ndim != 1:
            raise TypeError("expected a 1-d array for weights")
        if w.shape[0] != y.shape[0]:
            raise TypeError("expected w and y to have the same length")
        left, right = left * w[:, None], right * (w[:, None] if y.ndim == 2 else w)
    scale = np.sqrt((left * left).sum(axis=0))
    left = left / scale
    solution, residuals, rank, singular_values = np.linalg.lstsq(left, right, rcond)
    c = (solution.T / scale).T
    if rank != order and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=4)
    if full:
        return c, residuals, rank, singular_values, rcond
    if not cov:
        return c
    base = np.linalg.inv(left.T @ left) / np.outer(scale, scale)
    if isinstance(cov, str) and cov == "unscaled":
        factor: Any = 1
    elif len(x) <= order:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    else:
        factor = residuals / (len(x) - order)
    return c, base * factor if y.ndim == 1 else base[:, :, None] * factor
