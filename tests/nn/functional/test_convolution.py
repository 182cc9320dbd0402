"""Convolutions: values against loops and PyTorch, structure of the node, memory, bad input."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import adjoint
from adjoint.blocks import windowed_products
from adjoint.errors import ArgumentError
from adjoint.nn import functional

Options = dict[str, Any]


def loops(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int, dilation: int, groups: int
) -> np.ndarray:
    """One window at a time, of the image with its padding."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows, columns = (
        (n - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(padded.shape[2:], weight.shape[2:], strict=True)
    )
    y = np.zeros((x.shape[0], weight.shape[0], rows, columns))
    each_in, each_out = x.shape[1] // groups, weight.shape[0] // groups
    for o, i, j in np.ndindex(weight.shape[0], rows, columns):
        first = o // each_out * each_in
        window = padded[
            :,
            first : first + each_in,
            i * stride : i * stride + dilation * (weight.shape[2] - 1) + 1 : dilation,
            j * stride : j * stride + dilation * (weight.shape[3] - 1) + 1 : dilation,
        ]
        y[:, o, i, j] = np.sum(window * weight[o], axis=(1, 2, 3)) + bias[o]
    return y


OPTIONS: list[Options] = [
    {"stride": s, "padding": p, "dilation": d, "groups": g}
    for s, p, d, g in itertools.product((1, 2, 3), (0, 1), (1, 2), (1, 2, 4))
]


def drawn(options: Options) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(3)
    weight = rng.standard_normal((4, 4 // options["groups"], 3, 2))
    return rng.standard_normal((3, 4, 7, 8)), weight, rng.standard_normal(4)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_value_is_that_of_loops(options: Options) -> None:
    x, weight, bias = drawn(options)
    np.testing.assert_allclose(
        functional.conv2d(x, weight, bias, **options), loops(x, weight, bias, **options), atol=1e-12
    )


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_transposed_convolution_is_the_adjoint(options: Options) -> None:
    x, weight, _ = drawn(options)
    y = functional.conv2d(x, weight, **options)
    w = np.random.default_rng(4).standard_normal(y.shape)
    reach = [options["dilation"] * (k - 1) + 1 - 2 * options["padding"] for k in weight.shape[2:]]
    left = [n - (m - 1) * options["stride"] - r for n, m, r in zip(x.shape[2:], y.shape[2:], reach, strict=True)]
    back = (
        functional.conv_transpose2d(w, weight, output_padding=left, **options)
        if max(left) < max(options["stride"], options["dilation"])
        else adjoint.vjp(lambda x: functional.conv2d(x, weight, **options), x)[1](w)[0]
    )
    assert back.shape == x.shape
    assert np.vdot(w, y) == pytest.approx(np.vdot(back, x), rel=1e-11)


@pytest.mark.parametrize("few", [False, True], ids=["at_once", "one_by_one"])
def test_images_may_be_taken_in_any_number_at_a_time(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"stride": 1, "padding": 1, "dilation": 1, "groups": 2}
    x, weight, bias = drawn(options)
    seed = np.random.default_rng(5).standard_normal(functional.conv2d(x, weight, bias, **options).shape)
    program = lambda *a: np.sum(seed * functional.conv2d(*a, **options))
    expected = adjoint.grad(program, (0, 1, 2))(x, weight, bias)
    bytes_of_two = 2 * 4 * 3 * 2 * seed[0, 0].size * 8  # of three images: two, then the last one
    monkeypatch.setattr(windowed_products, "CHUNK_BYTES", 1 if few else bytes_of_two)
    for found, wanted in zip(adjoint.grad(program, (0, 1, 2))(x, weight, bias), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-12)
    np.testing.assert_allclose(
        functional.conv2d(x, weight, bias, **options), loops(x, weight, bias, **options), atol=1e-12
    )


def test_same_keeps_the_size_and_pads_the_end_more() -> None:
    x, weight = np.arange(1.0, 5.0).reshape(1, 1, 4), np.array([[[1.0, 10.0, 100.0, 1000.0]]])
    found = functional.conv1d(x, weight, padding="same")
    padded = np.concatenate([[0.0], x.ravel(), [0.0, 0.0]])
    np.testing.assert_array_equal(found.ravel(), [padded[k : k + 4] @ weight.ravel() for k in range(4)])
    np.testing.assert_array_equal(functional.conv1d(x, weight, padding="valid"), [[[4321.0]]])


def test_one_node_whose_blocks_count_their_nonzeros() -> None:
    x, weight, bias = np.ones((2, 2, 4, 4)), np.ones((3, 2, 3, 3)), np.zeros(3)
    system = adjoint.trace(lambda *a: functional.conv2d(*a, padding=1), x, weight, bias).compile()
    assert len(system) == 4
    seen = 10 * 10  # along an axis of 4 with padding 1: windows of 2, 3, 3 and 2 entries
    for argument, kind in ((1, "convolution"), (2, "convolution"), (3, "diagonal")):
        block = system.block(4, argument)
        assert block.kind == kind
        if kind == "convolution":
            assert block.nnz == block.flops == 2 * 3 * 2 * seen
        assert np.count_nonzero(block.to_dense()) == block.nnz


def test_integers_are_taken_as_floats() -> None:
    y = functional.conv1d(np.arange(6).reshape(1, 1, 6), [[[1, 1]]])
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, [[[1, 3, 5, 7, 9]]])


def test_an_empty_batch_has_an_empty_result() -> None:
    y, back = adjoint.vjp(functional.conv2d, np.zeros((0, 1, 3, 3)), np.ones((2, 1, 2, 2)))
    assert y.shape == (0, 2, 2, 2)
    assert not back(y)[1].any()


# --- PyTorch ----------------------------------------------------------------------------------------------


@pytest.fixture
def peer() -> SimpleNamespace:
    torch = pytest.importorskip("torch", reason="the second opinion needs torch: pip install -e '.[bench]'")
    return SimpleNamespace(torch=torch, functional=torch.nn.functional)


def check_against_peer(peer: SimpleNamespace, name: str, operands: tuple[np.ndarray, ...], **options: Any) -> None:
    mine = getattr(functional, name)
    tensors = [peer.torch.tensor(a, requires_grad=True) for a in operands]
    theirs = getattr(peer.functional, name)(*tensors, **options)
    y = mine(*operands, **options)
    np.testing.assert_allclose(y, theirs.numpy(force=True), atol=1e-12)
    seed = np.random.default_rng(6).standard_normal(y.shape)
    expected = peer.torch.autograd.grad(theirs, tensors, peer.torch.tensor(seed))
    found = adjoint.vjp(lambda *a: mine(*a, **options), *operands)[1](seed)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b.numpy(), atol=1e-11)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_convolution_agrees_with_pytorch(peer: SimpleNamespace, options: Options) -> None:
    check_against_peer(peer, "conv2d", drawn(options), **options)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_transposed_convolution_agrees_with_pytorch(peer: SimpleNamespace, options: Options) -> None:
    x, _, bias = drawn(options)
    weight = np.random.default_rng(7).standard_normal((4, 4 // options["groups"], 3, 2))
    largest = max(options["stride"], options["dilation"]) - 1
    check_against_peer(peer, "conv_transpose2d", (x, weight, bias), output_padding=largest, **options)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_named_padding_agrees_with_pytorch(peer: SimpleNamespace, padding: str) -> None:
    rng = np.random.default_rng(8)
    x, weight = rng.standard_normal((2, 2, 5)), rng.standard_normal((3, 2, 3))
    check_against_peer(peer, "conv1d", (x, weight), padding=padding, dilation=2)


# --- bad input --------------------------------------------------------------------------------------------

X, W = np.zeros((2, 4, 5, 6)), np.zeros((6, 4, 3, 3))
BAD: dict[str, tuple[Any, str]] = {
    "axes": (
        lambda: functional.conv2d(X[0], W),
        r"conv2d: expected an array \(batch, channels, height, width\).*\(4, 5, 6\)",
    ),
    "weight_axes": (lambda: functional.conv2d(X, W[0]), r"asks for a weight with 4 axes, got \(4, 3, 3\)"),
    "channels": (
        lambda: functional.conv2d(X[:, :3], W),
        r"conv2d: x \(2, 3, 5, 6\) has 3 channels, but the weight .* is for 4",
    ),
    "group_channels": (
        lambda: functional.conv2d(X, W, groups=2),
        r"has 4 channels, but the weight .* is for 8 in 2 groups",
    ),
    "groups": (lambda: functional.conv2d(X, W, groups=3), r"groups must divide the 4 channels of x .*, got 3"),
    "bias": (lambda: functional.conv2d(X, W, np.zeros(4)), r"expected a bias of the shape \(6,\) .*, got \(4,\)"),
    "large_kernel": (
        lambda: functional.conv2d(X, np.zeros((6, 4, 7, 3))),
        r"windows of \(7, 3\) do not fit into the image \(5, 6\), which is \(5, 6\) with its padding",
    ),
    "large_reach": (
        lambda: functional.conv2d(X, W, dilation=3),
        r"windows of \(3, 3\), which reach over \(7, 7\), do not fit",
    ),
    "stride": (lambda: functional.conv2d(X, W, stride=0), r"stride must be an integer or 2 of them, at least 1; got 0"),
    "stride_count": (lambda: functional.conv2d(X, W, stride=(1, 1, 1)), r"got \(1, 1, 1\)"),
    "padding": (lambda: functional.conv2d(X, W, padding=-1), r"padding must be .* at least 0; got -1"),
    "padding_name": (lambda: functional.conv2d(X, W, padding="full"), r"\"same\" or \"valid\"; got 'full'"),
    "same_strided": (
        lambda: functional.conv2d(X, W, padding="same", stride=2),
        r"asks for a stride of 1, got \(2, 2\)",
    ),
    "no_taps": (lambda: functional.conv2d(X, W[:, :, :0]), r"the weight \(6, 4, 0, 3\) has no entries"),
    "transposed_channels": (
        lambda: functional.conv_transpose2d(X, W),
        r"conv_transpose2d: x .* has 4 channels.* is for 6",
    ),
    "transposed_output_padding": (
        lambda: functional.conv_transpose2d(X, W[:4], output_padding=1),
        r"output_padding 1 must be smaller than the stride 1 or the dilation 1",
    ),
    "transposed_padding": (
        lambda: functional.conv_transpose2d(X, W[:4], padding=4),
        r"padding 4 cuts off all of the output",
    ),
    "sequence": (
        lambda: functional.conv1d(X, W),
        r"conv1d: expected an array \(batch, channels, length\), with 3 axes",
    ),
}


@pytest.mark.parametrize("call, message", BAD.values(), ids=BAD)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()


def test_the_users_line_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"test_convolution\.py:\d+, in .*conv1d"):
        adjoint.grad(lambda x: np.sum(functional.conv1d(x, np.ones((1, 2, 1)))))(np.ones((1, 1, 3)))
