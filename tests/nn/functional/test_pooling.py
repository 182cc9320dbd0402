"""Pools: values against loops and PyTorch, ties, NaN and infinity, structure of the node, bad input."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.errors import ArgumentError
from adjoint.nn import functional

KINDS = [
    {"kernel": k, "stride": s, "padding": p}
    for k, s, p in itertools.product((2, 3, (3, 2), 7), (None, 1, (1, 2)), (0, 1))
]


def image() -> np.ndarray:
    """Rounded, so that many entries tie."""
    return np.round(np.random.default_rng(0).standard_normal((2, 3, 8, 7)))


def by_loops(
    x: np.ndarray, reduce: Callable[[np.ndarray], Any], kernel: Any, stride: Any, padding: int, fill: float
) -> np.ndarray:
    """One window at a time, of the image with its padding."""
    taps = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    steps = taps if stride is None else stride if isinstance(stride, tuple) else (stride, stride)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)), constant_values=fill)
    counts = [(n - k) // s + 1 for n, k, s in zip(padded.shape[2:], taps, steps, strict=True)]
    y = np.zeros((*x.shape[:2], *counts))
    for b, c, i, j in np.ndindex(*y.shape):
        rows, columns = i * steps[0], j * steps[1]
        y[b, c, i, j] = reduce(padded[b, c, rows : rows + taps[0], columns : columns + taps[1]])
    return y


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_values_are_those_of_loops(kind: dict[str, Any]) -> None:
    x = image()
    np.testing.assert_array_equal(functional.max_pool2d(x, **kind), by_loops(x, np.max, **kind, fill=-np.inf))
    found = functional.average_pool2d(x, **kind)
    np.testing.assert_allclose(found, by_loops(x, np.mean, **kind, fill=0.0), atol=1e-12)
    found = functional.average_pool2d(x, **kind, count_include_pad=False)
    np.testing.assert_allclose(found, by_loops(x, np.nanmean, **kind, fill=np.nan), atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_ties_go_to_the_first(kind: dict[str, Any]) -> None:
    """Each window sends its multiplier to the entry that comes first in it."""
    x = image()
    y, back = adjoint.vjp(lambda x: functional.max_pool2d(x, **kind), x)
    first = by_loops(x, lambda window: np.argmax(window), **kind, fill=-np.inf).astype(int)
    seed = np.random.default_rng(1).standard_normal(y.shape)
    taps = kind["kernel"] if isinstance(kind["kernel"], tuple) else (kind["kernel"],) * 2
    steps = taps if kind["stride"] is None else np.broadcast_to(kind["stride"], 2)
    expected = np.zeros_like(x)
    for b, c, i, j in np.ndindex(*y.shape):
        row, column = np.unravel_index(first[b, c, i, j], taps)
        expected[b, c, i * steps[0] + row - kind["padding"], j * steps[1] + column - kind["padding"]] += seed[
            b, c, i, j
        ]
    np.testing.assert_allclose(back(seed)[0], expected, atol=1e-12)


SIZES = [1, 2, 3, (4, 5), (8, 7), (11, 2)]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_adaptive_values_are_those_of_loops(size: Any) -> None:
    x = image()
    rows, columns = size if isinstance(size, tuple) else (size, size)
    for pool, reduce in ((functional.adaptive_max_pool2d, np.max), (functional.adaptive_average_pool2d, np.mean)):
        found = pool(x, size)
        assert found.shape == (2, 3, rows, columns)
        for i, j in np.ndindex(rows, columns):
            window = x[:, :, i * 8 // rows : -(-(i + 1) * 8 // rows), j * 7 // columns : -(-(j + 1) * 7 // columns)]
            np.testing.assert_allclose(found[:, :, i, j], reduce(window, axis=(2, 3)), atol=1e-12)


@pytest.mark.parametrize("kernel", [2, 6])
def test_nan_is_the_largest_and_stays_in_its_windows(kernel: int) -> None:
    x = np.arange(2.0 * 12 * 12).reshape(2, 1, 12, 12)
    x[0, 0, 3, 2] = np.nan
    y, back = adjoint.vjp(lambda x: functional.max_pool2d(x, kernel), x)
    assert np.argwhere(np.isnan(y)).tolist() == [[0, 0, 3 // kernel, 2 // kernel]]
    assert back(np.ones_like(y))[0][0, 0, 3, 2] == 1.0
    mean = functional.average_pool2d(x, kernel)
    assert np.argwhere(np.isnan(mean)).tolist() == [[0, 0, 3 // kernel, 2 // kernel]]


def test_an_infinite_multiplier_stays_in_its_window() -> None:
    seed = np.array([[[[np.inf, 1.0]]]])
    for pool in (functional.max_pool2d, functional.average_pool2d):
        _, back = adjoint.vjp(lambda x, pool=pool: pool(x, 2), np.arange(8.0).reshape(1, 1, 2, 4))
        with pytest.warns(adjoint.NonFiniteDerivativeWarning, match="the seed itself is not"):
            bar = back(seed)[0]
        assert not np.isnan(bar).any()
        assert np.isfinite(bar[..., 2:]).all()


def test_minus_infinity_has_a_maximum() -> None:
    x = np.full((1, 1, 2, 2), -np.inf)
    y, back = adjoint.vjp(lambda x: functional.max_pool2d(x, 2, padding=1), x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(back(np.ones_like(y))[0], np.ones_like(x))


def test_the_trace_follows_the_maximum() -> None:
    """The choice is no guard: an evaluation at another point chooses anew, in second derivatives too."""
    program = lambda x: np.sum(functional.max_pool1d(x, 2) ** 3)
    trace = adjoint.trace(adjoint.grad(program), np.array([[[1.0, 2.0, 3.0, 4.0]]]))
    np.testing.assert_allclose(trace(np.array([[[2.0, 1.0, 5.0, 4.0]]])), [[[12.0, 0.0, 75.0, 0.0]]])


def test_one_node_each_with_its_kind() -> None:
    x = np.arange(32.0).reshape(1, 2, 4, 4)
    for pool, kind, nonzeros in ((functional.max_pool2d, "gather", 8), (functional.average_pool2d, "reduce", 32)):
        system = adjoint.trace(lambda x, pool=pool: pool(x, 2), x).compile()
        assert len(system) == 2
        assert (system.block(2, 1).kind, system.block(2, 1).nnz) == (kind, nonzeros)


# --- PyTorch ----------------------------------------------------------------------------------------------

PAIRS = {
    "max_pool2d": (
        "max_pool2d",
        [{"kernel": 3, "stride": 2, "padding": 1}, {"kernel": 2, "dilation": 2}, {"kernel": 7}],
    ),
    "average_pool2d": (
        "avg_pool2d",
        [{"kernel": 3, "stride": 2, "padding": 1, "count_include_pad": False}, {"kernel": 2}],
    ),
    "adaptive_max_pool2d": ("adaptive_max_pool2d", [{"output_size": 3}, {"output_size": (5, 2)}]),
    "adaptive_average_pool2d": ("adaptive_avg_pool2d", [{"output_size": 3}, {"output_size": (5, 2)}]),
}


@pytest.mark.parametrize("name, options", [(n, o) for n, (_, many) in PAIRS.items() for o in many], ids=str)
def test_agrees_with_pytorch(name: str, options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", reason="the second opinion needs torch: pip install -e '.[bench]'")
    x = image()
    tensor = torch.tensor(x, requires_grad=True)
    renamed = {"kernel_size" if key == "kernel" else key: value for key, value in options.items()}
    theirs = getattr(torch.nn.functional, PAIRS[name][0])(tensor, **renamed)
    y, back = adjoint.vjp(lambda x: getattr(functional, name)(x, **options), x)
    np.testing.assert_allclose(y, theirs.numpy(force=True), atol=1e-12)
    seed = np.random.default_rng(2).standard_normal(y.shape)
    expected = torch.autograd.grad(theirs, tensor, torch.tensor(seed))[0]
    np.testing.assert_allclose(back(seed)[0], expected.numpy(), atol=1e-12)


# --- bad input --------------------------------------------------------------------------------------------

X = np.zeros((2, 3, 4, 5))
BAD: dict[str, tuple[Any, str]] = {
    "axes": (
        lambda: functional.max_pool2d(X[0], 2),
        r"max_pool2d: expected an array .* with 4 axes; got .*\(3, 4, 5\)",
    ),
    "kernel": (lambda: functional.max_pool2d(X, 0), r"kernel must be an integer or 2 of them, at least 1; got 0"),
    "large": (lambda: functional.average_pool2d(X, 5), r"windows of \(5, 5\) do not fit into the image \(4, 5\)"),
    "padding": (lambda: functional.max_pool2d(X, 2, padding=2), r"padding \(2, 2\) must be at most half of the kernel"),
    "unseen": (
        lambda: functional.max_pool1d(X[0, :, :, :1], 2, padding=1, dilation=2),
        r"some window of \(2,\) sees no entry",
    ),
    "size": (lambda: functional.adaptive_max_pool2d(X, (1, 2, 3)), r"output_size must be .*; got \(1, 2, 3\)"),
    "empty": (lambda: functional.adaptive_average_pool2d(X[:, :, :0], 1), r"\(2, 3, 0, 5\) has no entries to pool"),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
