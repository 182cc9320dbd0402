"""PyTorch's name → NumPy's or SciPy's function, with shapes and domains: entrywise, along axes, moving entries."""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.special as sp

import adjoint.scipy.signal as scipy_signal
import adjoint.scipy.special as scipy_special
from tests.primitives.case import Draw, any_real, distinct, others, positive, uniform
from tests.primitives.torch_peer import Pair, pair, torch

F = torch.nn.functional
above_one, inside, between = uniform(1.2, 3.0), uniform(-0.8, 0.8), uniform(0.1, 0.9)
square, vector, cube = any_real(3, 3), any_real(5), any_real(2, 3, 4)
apart = distinct(2, 3, 5)
tensor = torch.tensor

OF_ONE: list[tuple[Callable[..., Draw], dict[str, Any]]] = [
    (
        any_real,
        {
            **{f: getattr(np, f) for f in ("sin", "cos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "exp", "exp2")},
            **{f: getattr(np, f) for f in ("expm1", "square", "sinc", "deg2rad", "rad2deg", "negative", "positive")},
            **{f: getattr(np, f) for f in ("nan_to_num", "i0")},
            **{f"special.{f}": getattr(sp, f) for f in ("erf", "erfc", "erfcx", "expit", "i0", "i0e", "i1", "i1e")},
            **{f"special.{f}": getattr(sp, f) for f in ("ndtr", "log_ndtr", "exp2", "expm1")},
            "nn.functional.logsigmoid": sp.log_expit,
            "nn.functional.softplus": lambda x: np.logaddexp(0, x),
            "nn.functional.gelu": lambda x: x * sp.ndtr(x),
            "nn.functional.silu": lambda x: x * sp.expit(x),
        },
    ),
    (inside, {"arcsin": np.arcsin, "arccos": np.arccos, "arctanh": np.arctanh, "special.erfinv": sp.erfinv}),
    (between, {"special.logit": sp.logit, "special.ndtri": sp.ndtri, "special.entr": sp.entr, "tan": np.tan}),
    (above_one, {"arccosh": np.arccosh, "special.digamma": sp.psi}),
    (
        positive,
        {
            **{f: getattr(np, f) for f in ("log", "log2", "log10", "log1p", "sqrt", "reciprocal")},
            "rsqrt": lambda x: 1 / np.sqrt(x),
            "special.gammaln": sp.gammaln,
        },
    ),
    (
        distinct,
        {
            **{f: getattr(np, f) for f in ("absolute", "sign", "floor", "ceil", "trunc", "fix", "round")},
            "frac": lambda x: x - np.trunc(x),
            "nn.functional.relu": lambda x: np.maximum(x, 0),
            "nn.functional.leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x),
            "nn.functional.elu": lambda x: np.where(x > 0, x, np.expm1(x)),
            "nn.functional.hardtanh": lambda x: np.clip(x, -1, 1),
        },
    ),
]
"""Functions of one entry, by their domain."""


def reference_entropy(p: Any, q: Any) -> Any:
    return -np.mean(q * np.log(p) + (1 - q) * np.log1p(-p))


def with_first(value: float, f: Any) -> Any:
    """A function of two arguments, the first of them a constant."""
    return lambda x: f(torch.full_like(x, value), x)


OF_SEVERAL: list[Pair] = [
    *(
        pair(f, getattr(np, f), positive(2, 1, 3), positive(4, 1))
        for f in ("add", "subtract", "multiply", "hypot", "logaddexp", "logaddexp2", "arctan2", "float_power")
    ),
    *(
        pair(f, getattr(np, f), distinct(2, 1, 3), others(4, 1))
        for f in ("maximum", "minimum", "fmax", "fmin", "fmod", "remainder", "copysign")
    ),
    pair("true_divide", np.true_divide, any_real(2, 3), positive(3)),
    pair("pow", np.power, positive(2, 3), any_real(3)),
    pair("pow", lambda x: x**3, distinct(2, 3), theirs=lambda x: x**3, variation="number"),
    pair(  # of an integer exponent -2 PyTorch takes the derivative to be the integer 2 ** -2, which is 0
        "ldexp",
        lambda x: np.ldexp(x, [1, -2, 3]),
        any_real(3),
        theirs=lambda x: torch.ldexp(x, tensor([1.0, -2.0, 3.0], dtype=x.dtype)),
    ),
    pair(
        "where",
        lambda x, y: np.where(x > 0, x * y, y),
        distinct(2, 3),
        any_real(3),
        theirs=lambda x, y: torch.where(x > 0, x * y, y),
    ),
    pair("clip", lambda x: np.clip(x, -1.1, 2.1), distinct(2, 4), theirs=lambda x: torch.clip(x, -1.1, 2.1)),
    pair("clip", np.clip, distinct(3), uniform(-2.0, -1.5)(), uniform(0.4, 0.6)(), variation="traced_bounds"),
    pair("lerp", lambda x, y, t: x + t * (y - x), any_real(3), any_real(2, 3), between(3)),
    pair("special.xlogy", sp.xlogy, any_real(2, 3), positive(3)),
    pair("special.xlog1py", sp.xlog1py, any_real(2, 3), positive(3)),
    pair("special.gammainc", partial(sp.gammainc, 1.5), positive(3), theirs=with_first(1.5, torch.special.gammainc)),
    pair("special.gammaincc", partial(sp.gammaincc, 1.5), positive(3), theirs=with_first(1.5, torch.special.gammaincc)),
    pair("special.zeta", partial(scipy_special.zeta, 2.5), positive(3), theirs=with_first(2.5, torch.special.zeta)),
    *(
        pair(
            "special.polygamma",
            partial(scipy_special.polygamma, n),
            positive(3),
            theirs=partial(torch.special.polygamma, n),
            variation=f"{n}",
        )
        for n in (0, 1, 2, 3)
    ),
    pair(
        "special.multigammaln",
        lambda x: scipy_special.multigammaln(x, 3),
        above_one(3),
        theirs=lambda x: torch.special.multigammaln(x, 3),
    ),
    pair(
        "nn.functional.huber_loss",
        lambda r: sp.huber(1.2, r),
        distinct(4),
        theirs=lambda r: F.huber_loss(r, torch.zeros_like(r), reduction="none", delta=1.2),
    ),
    pair("nn.functional.mse_loss", lambda a, b: np.mean((a - b) ** 2), any_real(2, 3), any_real(2, 3)),
    pair(
        "nn.functional.kl_div",
        sp.rel_entr,
        positive(3),
        positive(3),
        theirs=lambda p, q: F.kl_div(torch.log(q), p, reduction="none"),
    ),
    pair("nn.functional.binary_cross_entropy", reference_entropy, between(4), between(4)),
    pair("nn.functional.cosine_similarity", lambda a, b: cosine(a, b), any_real(2, 3), any_real(2, 3)),
    pair("addcdiv", lambda a, b, c: a + b / c, any_real(2, 3), any_real(3), positive(3)),
]


def cosine(a: Any, b: Any) -> Any:
    return np.vecdot(a, b) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def along(name: str, ours: Any, draw: Draw, axis: Any, **options: Any) -> Pair:
    """A function along axes; ``options`` are PyTorch's."""
    found = operator.attrgetter(name)(torch)
    theirs = lambda x: found(x, dim=axis, **options)
    return pair(name, lambda x: ours(x, axis=axis), draw, theirs=theirs, variation=f"axis_{axis}")


LEVELS = (0.1, 0.45, 0.8)


def quantiles(name: str, ours: Any, method: str) -> Pair:
    found = getattr(torch, name)
    return pair(
        name,
        lambda x: ours(x, LEVELS, axis=2, method=method),
        apart,
        theirs=lambda x: found(x, tensor(LEVELS, dtype=x.dtype), dim=2, interpolation=method),
        variation=method,
    )


UNBIASED = {"var": {"correction": 0}, "std": {"correction": 0}}
"""PyTorch divides by n - 1 unless told otherwise."""

ALONG_AXES: list[Pair] = [
    *(pair(f, getattr(np, f), cube) for f in ("sum", "prod", "mean", "nansum", "nanmean", "max", "min")),
    *(
        along(f, getattr(np, f), cube, axis, **UNBIASED.get(f, {}))
        for f in ("sum", "mean", "nansum", "nanmean", "var", "std")
        for axis in (1, (0, 2))
    ),
    *(along(f, getattr(np, g), apart, axis) for f, g in (("amax", "max"), ("amin", "min")) for axis in (-1, (0, 2))),
    *(along(f, getattr(np, f), cube, axis) for f in ("prod", "cumsum", "cumprod") for axis in (0, -1)),
    pair("std", lambda x: np.std(x, ddof=1), cube, theirs=torch.std, variation="ddof"),
    *(along("logsumexp", scipy_special.logsumexp, cube, axis) for axis in (1, (0, 2))),
    *(along(f"special.{f}", getattr(scipy_special, f), cube, 1) for f in ("softmax", "log_softmax")),
    along("logcumsumexp", np.logaddexp.accumulate, cube, 1),
    pair("cummax", lambda x: np.maximum.accumulate(x, axis=2), apart, theirs=lambda x: torch.cummax(x, 2)[0]),
    pair("cummin", lambda x: np.minimum.accumulate(x, axis=0), apart, theirs=lambda x: torch.cummin(x, 0)[0]),
    *(
        pair(f, lambda x, f=f: getattr(np, f)(x, axis=2), apart, theirs=lambda x, f=f: getattr(torch, f)(x, 2)[0])
        for f in ("median", "nanmedian")
    ),
    *(
        quantiles(name, getattr(np, name), method)
        for name in ("quantile", "nanquantile")
        for method in ("linear", "lower", "higher", "midpoint", "nearest")
    ),
    pair("sort", lambda x: np.sort(x, axis=1), apart, theirs=lambda x: torch.sort(x, 1)[0]),
    pair("topk", lambda x: np.sort(x)[..., :-4:-1], apart, theirs=lambda x: torch.topk(x, 3)[0]),
    pair("diff", lambda x: np.diff(x, 2, axis=1), cube, theirs=lambda x: torch.diff(x, 2, dim=1)),
    pair("trapezoid", np.trapezoid, any_real(2, 4), any_real(4), variation="points"),
    pair("cumulative_trapezoid", lambda y: np.cumsum((y[1:] + y[:-1]) / 2), vector),
    pair("gradient", lambda x: np.gradient(x, edge_order=2), square, theirs=lambda x: torch.gradient(x, edge_order=2)),
    pair("cov", np.cov, any_real(3, 5)),
    pair("corrcoef", np.corrcoef, any_real(3, 5)),
    pair("cdist", lambda a, b: np.linalg.norm(a[:, None] - b, axis=-1), any_real(3, 2), any_real(4, 2)),
    pair(
        "nn.functional.conv1d",
        lambda a, b: np.correlate(a, b, mode="valid"),
        any_real(6),
        any_real(3),
        theirs=lambda a, b: F.conv1d(a[None, None], b[None, None])[0, 0],
    ),
    pair(
        "nn.functional.conv1d",
        lambda a, b: np.convolve(a, b),
        any_real(6),
        any_real(3),
        theirs=lambda a, b: F.conv1d(a[None, None], b.flip(0)[None, None], padding=2)[0, 0],
        variation="full",
    ),
    pair(
        "nn.functional.conv2d",
        lambda a, b: scipy_signal.correlate(a, b, mode="valid"),
        any_real(4, 5),
        any_real(2, 3),
        theirs=lambda a, b: F.conv2d(a[None, None], b[None, None])[0, 0],
    ),
    pair(
        "nn.functional.cross_entropy",
        lambda x: -np.mean(scipy_special.log_softmax(x, axis=1)[np.arange(3), [1, 0, 3]]),
        any_real(3, 4),
        theirs=lambda x: F.cross_entropy(x, tensor([1, 0, 3])),
    ),
]

ENTRYWISE: list[Pair] = [
    *(pair(name, f, draw(2, 3)) for draw, table in OF_ONE for name, f in table.items()),
    *OF_SEVERAL,
]
