"""Normalization: values against definitions and PyTorch, tiny variances, running statistics, structure, bad input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.blocks import Normalization, normalization
from adjoint.errors import ArgumentError
from adjoint.nn import functional

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.standard_normal((3, 4, 5, 2)), RNG.standard_normal(4), RNG.standard_normal(4)
LAST_WEIGHT, LAST_BIAS = RNG.standard_normal((5, 2)), RNG.standard_normal((5, 2))


def by_definition(x: np.ndarray, axes: tuple[int, ...], epsilon: float = 1e-5) -> np.ndarray:
    return np.asarray((x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon))


def test_values_are_those_of_the_definitions() -> None:
    per_channel = WEIGHT[:, None, None], BIAS[:, None, None]
    found = functional.layer_norm(X, LAST_WEIGHT, LAST_BIAS, epsilon=0.1)
    np.testing.assert_allclose(found, by_definition(X, (2, 3), 0.1) * LAST_WEIGHT + LAST_BIAS, atol=1e-12)
    np.testing.assert_allclose(functional.layer_norm(X), by_definition(X, (3,)), atol=1e-12)
    np.testing.assert_allclose(functional.layer_norm(X, axes=(1, -2, 3)), by_definition(X, (1, 2, 3)), atol=1e-12)
    found = functional.batch_norm(X, WEIGHT, BIAS, training=True)[0]
    np.testing.assert_allclose(found, by_definition(X, (0, 2, 3)) * per_channel[0] + per_channel[1], atol=1e-12)
    grouped = by_definition(X.reshape(3, 2, 2, 5, 2), (2, 3, 4)).reshape(X.shape)
    found = functional.group_norm(X, 2, WEIGHT, BIAS)
    np.testing.assert_allclose(found, grouped * per_channel[0] + per_channel[1], atol=1e-12)
    np.testing.assert_allclose(functional.instance_norm(X), by_definition(X, (2, 3)), atol=1e-12)
    root = np.sqrt(np.mean(X**2, (2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(functional.rms_norm(X, LAST_WEIGHT), X / root * LAST_WEIGHT, atol=1e-12)


def test_running_statistics_are_returned_and_used() -> None:
    mean, variance = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.5, 1.0, 1.5, 2.0])
    before = mean.copy(), variance.copy()
    _, new_mean, new_variance = functional.batch_norm(X, None, None, mean, variance, training=True, momentum=0.25)
    np.testing.assert_array_equal(mean, before[0])  # nothing in place
    np.testing.assert_array_equal(variance, before[1])
    np.testing.assert_allclose(new_mean, 0.75 * mean + 0.25 * X.mean((0, 2, 3)))
    np.testing.assert_allclose(new_variance, 0.75 * variance + 0.25 * X.var((0, 2, 3), ddof=1))
    y, same_mean, same_variance = functional.batch_norm(X, WEIGHT, BIAS, mean, variance)
    expected = (X - mean[:, None, None]) / np.sqrt(variance + 1e-5)[:, None, None]
    np.testing.assert_allclose(y, expected * WEIGHT[:, None, None] + BIAS[:, None, None], atol=1e-12)
    assert same_mean is mean
    assert same_variance is variance
    first = functional.batch_norm(X, training=True)
    np.testing.assert_allclose(first[1], X.mean((0, 2, 3)))
    np.testing.assert_allclose(first[2], X.var((0, 2, 3), ddof=1))


def test_running_statistics_carry_no_derivative() -> None:
    def program(x: Any) -> tuple[Any, Any]:
        y, mean, variance = functional.batch_norm(x, None, None, np.zeros(4), np.ones(4), training=True)
        return np.sum(y**3), (mean, variance)

    (_, state), gradient = adjoint.value_and_grad(program, has_aux=True)(X)
    expected = functional.batch_norm(X, None, None, np.zeros(4), np.ones(4), training=True)[1:]
    for found, wanted in zip(state, expected, strict=True):
        assert type(found) is np.ndarray
        np.testing.assert_allclose(found, wanted)
    np.testing.assert_allclose(gradient, adjoint.grad(lambda x: program(x)[0])(X))
    moved = adjoint.grad(lambda x: np.sum(functional.batch_norm(x, training=True)[1]))(X)
    assert not np.any(moved)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiny_variances(dtype: Any) -> None:
    """The mean goes first, so a variance that is tiny beside the mean's square keeps its digits."""
    rng = np.random.default_rng(1)
    x = (100 + 1e-3 * rng.standard_normal((4, 64))).astype(dtype)
    exact = x.astype(np.longdouble)
    found = functional.layer_norm(x, epsilon=0.0)
    assert found.dtype == dtype
    assert np.max(np.abs(found - by_definition(exact, (1,), 0.0))) < (0.02 if dtype == np.float32 else 1e-9)
    constant = adjoint.vjp(functional.layer_norm, np.full((2, 3), 7.0, dtype))
    np.testing.assert_array_equal(constant[0], np.zeros((2, 3)))
    assert np.isfinite(constant[1](np.ones((2, 3), dtype))[0]).all()


def test_blocks_are_structured_and_statistics_have_no_row() -> None:
    x = X[:, :, :, 0]
    system = adjoint.trace(lambda x, w, b: functional.batch_norm(x, w, b, training=True)[0], x, WEIGHT, BIAS).compile()
    assert system.matrix("csr").shape == (x.size + 4 + 4 + x.size,) * 2
    node = next(k + 1 for k in range(len(system)) if system.trace.primitives[k].name == "batch_norm")
    block = system.block(node, 1)
    assert (block.kind, block.nnz, block.degrees) == ("normalization", 4 * 15**2, (15, 15))
    assert np.count_nonzero(np.abs(block.to_dense()) > 1e-14) == block.nnz
    assert [system.block(node, argument).kind for argument in (2, 3)] == ["diagonal", "diagonal"]


def test_a_large_block_bounds_its_magnitude_without_its_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(2).standard_normal((3, 6))
    block = Normalization(x, np.full((3, 1), 2.0), np.linspace(-1, 1, 6), (-1,), (3, 6))
    exact = block.absolute()
    monkeypatch.setattr(normalization, "FEW_ENTRIES", 0)
    bound = block.absolute()
    assert isinstance(bound, Normalization)
    assert exact is not None
    np.testing.assert_allclose(exact.to_dense(), np.abs(block.to_dense()))
    assert (bound.to_dense() >= exact.to_dense() - 1e-12).all()


def test_dtypes_of_operands_are_promoted() -> None:
    x = X.astype(np.float32)
    for weight, bias in ((WEIGHT, None), (None, BIAS), (WEIGHT.astype(np.float32), BIAS)):
        y = functional.group_norm(x, 2, weight, bias)
        assert y.dtype == np.float64
        expected = functional.group_norm(x.astype(float), 2, weight, bias)
        np.testing.assert_allclose(y, expected, atol=1e-5)


# --- PyTorch ----------------------------------------------------------------------------------------------

Program = Callable[..., Any]
PAIRS: dict[str, tuple[Program, Callable[[Any], Program], tuple[np.ndarray, ...]]] = {
    "layer_norm": (
        functional.layer_norm,
        lambda torch: lambda x, w, b: torch.nn.functional.layer_norm(x, (5, 2), w, b),
        (X, LAST_WEIGHT, LAST_BIAS),
    ),
    "rms_norm": (
        functional.rms_norm,
        lambda torch: lambda x, w: torch.nn.functional.rms_norm(x, (5, 2), w, 1e-5),
        (X, LAST_WEIGHT),
    ),
    "batch_norm": (
        lambda *a: functional.batch_norm(*a, training=True)[0],
        lambda torch: lambda x, w, b: torch.nn.functional.batch_norm(x, None, None, w, b, training=True),
        (X, WEIGHT, BIAS),
    ),
    "group_norm": (
        lambda x, *others: functional.group_norm(x, 2, *others),
        lambda torch: lambda x, w, b: torch.nn.functional.group_norm(x, 2, w, b),
        (X, WEIGHT, BIAS),
    ),
    "instance_norm": (
        functional.instance_norm,
        lambda torch: lambda x, w, b: torch.nn.functional.instance_norm(x, None, None, w, b),
        (X, WEIGHT, BIAS),
    ),
}


@pytest.mark.parametrize("mine, theirs_of, operands", PAIRS.values(), ids=PAIRS)
def test_agrees_with_pytorch(mine: Program, theirs_of: Callable[[Any], Program], operands: Any) -> None:
    torch = pytest.importorskip("torch", reason="the second opinion needs torch: pip install -e '.[bench]'")
    tensors = [torch.tensor(a, requires_grad=True) for a in operands]
    theirs = theirs_of(torch)(*tensors)
    y, back = adjoint.vjp(mine, *operands)
    np.testing.assert_allclose(y, theirs.numpy(force=True), atol=1e-12)
    seed = np.random.default_rng(3).standard_normal(y.shape)
    for found, wanted in zip(back(seed), torch.autograd.grad(theirs, tensors, torch.tensor(seed)), strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-11)


# --- bad input --------------------------------------------------------------------------------------------

BAD: dict[str, tuple[Any, str]] = {
    "weight": (
        lambda: functional.layer_norm(X, np.ones(3)),
        r"layer_norm: expected weight of the shape \(2,\) for x .*\(3,\)",
    ),
    "bias": (lambda: functional.layer_norm(X, np.ones(2), np.ones(3)), r"expected bias of the shape \(2,\)"),
    "axes": (lambda: functional.layer_norm(X, axes=1), r"axes must be the last ones of x \(3, 4, 5, 2\), got 1"),
    "many_axes": (lambda: functional.layer_norm(X[0, 0, 0], np.ones((2, 2))), r"x \(2,\) has not the 2 axes"),
    "empty": (lambda: functional.layer_norm(X[..., :0]), r"\(3, 4, 5, 0\) has no entries to normalize"),
    "groups": (lambda: functional.group_norm(X, 3), r"group_norm: groups must divide the 4 channels of x .*, got 3"),
    "group_weight": (
        lambda: functional.group_norm(X, 2, np.ones(2)),
        r"expected weight of the shape \(4,\).* got \(2,\)",
    ),
    "channels": (lambda: functional.batch_norm(np.ones(3)), r"batch_norm: expected an array \(batch, channels, ...\)"),
    "running": (lambda: functional.batch_norm(X), r"without training=True it needs running_mean and running_variance"),
    "running_shape": (
        lambda: functional.batch_norm(X, running_mean=np.ones(3), running_variance=np.ones(4)),
        r"expected running_mean of the shape \(4,\)",
    ),
    "single": (
        lambda: functional.batch_norm(np.ones((1, 3)), training=True),
        r"each channel of x \(1, 3\) needs more than 1 entries",
    ),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
